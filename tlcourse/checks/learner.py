"""What a learner types: `ex = exercise("ex02")`, `ex.softmax.check(softmax)`, `ex.progress()`."""

from importlib import import_module
from pathlib import Path

import numpy as np

from tlcourse import progress
from tlcourse.checks.engine import Task, judge
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
        print("  Your teacher reads the open question.")
        _print_questions(kept.get("quiz", {}))
        if progress.find_folder() is None:
            print("Not saved: this notebook lies in no folder of tlcourse lab.")


def _print_questions(answered: dict[str, str]) -> None:
    from tlcourse.quiz import count

    right = sum(status == "correct" for status in answered.values())
    print(f"Questions at the start of the chapters: {right} of {count()} answered right.")


class Asked:
    """One task, asked of a learner."""

    def __init__(self, set_name: str, task: Task, edition: int) -> None:
        self.task, self._set, self._edition, self._hints = task, set_name, edition, 0
        self.__doc__ = task.title

    def __repr__(self) -> str:
        return f"{self._set}.{self.task.name}: {self.task.title}"

    def check(self, answer) -> None:
        """Print what holds; raise NotYet or NotAttempted with the reason if not all does."""
        if self.task.edition > self._edition:
            raise NotYet(
                f"✘ {self.task.name} was changed in edition {self.task.edition} and this notebook "
                f"is edition {self._edition}: get a new one with tlcourse reset {self._set}, which "
                "keeps the old one beside it."
            )
        verdict = judge(self.task, answer, np.random.default_rng())
        for passed in verdict.passed:
            print(f"✔ {passed}")
        progress.record(self._set, self.task.name, verdict.status)
        if verdict.status == "not attempted":
            raise NotAttempted(f"· {self.task.name}: {verdict.message}")
        if verdict.status == "not yet":
            raise NotYet("✘ " + ": ".join(filter(None, [verdict.failed, verdict.message])))
        print(f"Correct: {verdict.points} points.")

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
