"""What a learner types: `ex = exercise("ex02")`, `ex.softmax.check(softmax)`, `ex.progress()`.

Where a person runs a check, in JupyterLab, it shows its verdict in calm lines. Where a program runs
it, it raises what is not right, so that nbgrader and tests can tell.
"""

import re
import sys
from html import escape
from importlib import import_module
from pathlib import Path

import numpy as np

from tlcourse import progress
from tlcourse.checks.engine import Task, Verdict, judge
from tlcourse.files import CourseError


class _Plain(Exception):
    """A Jupyter notebook shows its message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class NotYet(_Plain):
    """The answer does not pass its check."""


class NotAttempted(_Plain):
    """There is no answer yet."""


class UnknownExercise(_Plain, CourseError, AttributeError):
    """There is no such set, task or edition; the message says what there is."""


def sets() -> list[str]:
    """The names of the exercise sets, in order."""
    return sorted(path.stem for path in Path(__file__).parent.glob("sets/ex[0-9][0-9].py"))


def find(name: str):
    """The module of a set, "ex02": its title is its docstring's first line, its edition EDITION.

    Raises
    ------
    UnknownExercise
        If there is none.
    """
    if name not in sets():
        raise UnknownExercise(f"There is no exercise {name!r}; there are {', '.join(sets())}.")
    return import_module(f"tlcourse.checks.sets.{name}")


def tasks(name: str) -> dict[str, Task]:
    """The tasks of a set by name, in order."""
    return {t.name: t for t in vars(find(name)).values() if isinstance(t, Task)}


def title(name: str) -> str:
    """The title of a set."""
    return find(name).__doc__.partition("\n")[0].rstrip(".")


def exercise(name: str, edition: int | None = None) -> "Exercise":
    """The exercise set `name`, "ex02", ready to check answers.

    Parameters
    ----------
    name : str
    edition : int, optional
        Of the notebook, which says it by itself.

    Raises
    ------
    UnknownExercise
        If there is no such set, or the notebook is newer than this installation.
    """
    known = find(name).EDITION
    if edition is not None and edition > known:
        raise UnknownExercise(
            f"This notebook is edition {edition} of {name}, and this installation of tlcourse "
            f"knows {name} up to edition {known}: update it."
        )
    return Exercise(name, known if edition is None else edition)


class Exercise:
    """A set; each task is an attribute of it."""

    def __init__(self, name: str, edition: int) -> None:
        self._name = name
        self._tasks = {n: Asked(name, t, edition) for n, t in tasks(name).items()}

    def __getattr__(self, name: str) -> "Asked":
        if name.startswith("_"):
            raise AttributeError(name)
        if moved := progress.MOVED.get(f"{self._name}.{name}"):  # an older notebook asks for it
            return getattr(exercise(moved.partition(".")[0]), moved.partition(".")[2])
        if name not in self._tasks:
            known = ", ".join(self._tasks)
            raise UnknownExercise(f"{self._name} has no task {name!r}; its tasks are {known}.")
        return self._tasks[name]

    def __dir__(self) -> list[str]:
        return ["progress", *self._tasks]

    def __repr__(self) -> str:
        return f"{self._name}: {title(self._name)} ({', '.join(self._tasks)})"

    def progress(self) -> None:
        """Print what is done, what is open, and the points: the last check of each task counts."""
        kept = progress.read()
        done = kept.get(self._name, {})
        every = [asked.task for asked in self._tasks.values()]
        points = sum(t.points for t in every if done.get(t.name) == "correct")
        total = sum(t.points for t in every)
        print(f"{self._name}: {title(self._name)}, {points} of {total} points")
        width = max(len(t.name) for t in every)
        for one in every:
            status = done.get(one.name, "not attempted")
            mark = {"correct": "✔", "not attempted": "·"}.get(status, "✘")
            print(f"  {mark} {one.name:{width}}  {status}")
        print("  The open question is not checked here: your teacher reads it.")
        _print_questions(kept.get("quiz", {}))
        if progress.find_folder() is None:
            print("This is not saved, because the notebook is not in a folder of `tlcourse lab`.")


def _print_questions(answered: dict[str, str]) -> None:
    from tlcourse.quiz import count

    if not answered:
        return
    right = sum(status == "correct" for status in answered.values())
    print(f"  You answered {right} of the {count()} questions at the start of the chapters right.")


def _lines(task: Task, verdict: Verdict) -> list[str]:
    """A verdict in at most three lines: what does not hold, why, and the call that shows it."""
    if verdict.status == "correct":
        return [f"Correct: {verdict.points} points."]
    if verdict.status == "not attempted":
        return [
            f"· {task.name}: {verdict.message}",
            "Write it in the cell above, run that cell, and then this one again.",
        ]
    call = re.search(rf"(?:^|; )((?:the call was )?{task.name}\(.*)", verdict.message, re.DOTALL)
    why = verdict.message[: call.start()] if call else verdict.message
    first = why.split(" ")[0]
    if first.isalpha() and first != task.name and not _is_symbol(first):
        why = why[0].upper() + why[1:]
    parts = [f"✘ {verdict.failed or f'{task.name} is not right yet'}", why, call and call[1]]
    return list(filter(None, parts))


def _is_symbol(word: str) -> bool:
    """Whether a word of a message is a symbol or a name in code: θ is not Θ, and m is not M."""
    is_letter = len(word) == 1 and word != "a"
    return is_letter or not word.isascii() or word in ("ln", "std", "theta", "argmax", "argsort")


def _a_person_asks() -> bool:
    """Whether the cell that runs comes from somebody who could be asked something, in Jupyter."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    if not hasattr(shell, "kernel"):
        return False
    return bool(shell.get_parent().get("content", {}).get("allow_stdin"))


def _show(status: str, passed: list[str], lines: list[str]) -> None:
    """Show a verdict in Jupyter: what is right, wrong or open has its colour beside its words."""
    from IPython.display import display

    from tlcourse.quiz import coloured

    parts = [coloured("right", *map(escape, passed))] if passed and status != "correct" else []
    kind = {"correct": "right", "not yet": "wrong"}.get(status, "open")
    first, *others = map(escape, [*passed, *lines] if status == "correct" else lines)
    parts.append(coloured(kind, first if kind == "right" else f"<b>{first}</b>", *others))
    bundle = {"text/html": "".join(parts), "text/plain": "\n".join([*passed, *lines])}
    display(bundle, raw=True, metadata={"tlcourse": {"status": status}})


class Asked:
    """One task, asked of a learner."""

    def __init__(self, set_name: str, task: Task, edition: int) -> None:
        self.task, self._set, self._edition, self._hints = task, set_name, edition, 0
        self.__doc__ = task.title

    def __repr__(self) -> str:
        return f"{self._set}.{self.task.name}: {self.task.title}"

    def check(self, answer) -> None:
        """Show what holds, and what does not.

        Raises
        ------
        NotYet, NotAttempted
            If not all holds, and no person sits at the notebook.
        """
        status, passed = "not yet", ()
        if self.task.edition > self._edition:
            lines = [
                f"✘ {self.task.name} was changed in edition {self.task.edition}, and this notebook "
                f"is edition {self._edition}.",
                f"Get a new one with `tlcourse reset {self._set}`: it keeps yours beside it.",
            ]
        else:
            verdict = judge(self.task, answer, np.random.default_rng())
            progress.record(self._set, self.task.name, verdict.status)
            status, passed, lines = verdict.status, verdict.passed, _lines(self.task, verdict)
        passed = [f"✔ {name}" for name in passed]
        if _a_person_asks():
            _show(status, passed, lines)
            return
        print(*passed, sep="\n", end="\n" * bool(passed))
        if status == "correct":
            print(*lines)
        else:
            raise (NotYet if status == "not yet" else NotAttempted)("\n".join(lines))

    def hint(self, level: int | None = None) -> None:
        """Print the next hint, or that of a level from 1 to 3."""
        count = len(self.task.hints)
        if level is None:
            level = min(self._hints + 1, count)
        if level not in range(1, count + 1):
            raise UnknownExercise(f"There is no hint {level!r}; there are 1 to {count}.")
        self._hints = level
        print(f"Hint {level} of {count}: {self.task.hints[level - 1]}")

    def show(self) -> None:
        """Show the lines of a Parsons problem, and in Jupyter buttons to order them."""
        from tlcourse.checks.parsons import show

        if not self.task.lines:
            raise UnknownExercise(f"{self.task.name} has no lines to put in order.")
        show(self.task.name, self.task.lines)
