"""Mark one submission: its code in the sandbox, checks, expected values and verdict here."""

import ast
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from time import monotonic
from zlib import crc32

import numpy as np

from tlcourse.checks import Task, Verdict, tasks
from tlcourse.checks.asking import printable
from tlcourse.checks.engine import judge_answer
from tlcourse.checks.forbidden import find_forbidden
from tlcourse.checks.properties import Failure
from tlcourse.course.content import Released, grade_id
from tlcourse.grading import handins
from tlcourse.grading.handins import Cell, Plan, Submission, Unreadable
from tlcourse.grading.sandbox import IMPORTS, PATIENCE, Ended, NoSandbox, Sandbox, Session

_SOURCE = 50_000  # characters of a cell that are kept in the record


# --- what a set needs --------------------------------------------------------------------------


@cache
def _code(released: Released) -> list[tuple[str, ast.Module]]:
    """The handed-out cells that are nobody's answer and no check, with their syntax trees."""
    cells = [c for c in released.cells if c["cell_type"] == "code" and grade_id(c) is None]
    return [(cell["source"], ast.parse(cell["source"])) for cell in cells]


def needed(released: Released) -> list[str]:
    """The handed-out cells that define something, which an answer may rely on."""
    statements = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    return [s for s, tree in _code(released) if any(isinstance(n, statements) for n in tree.body)]


def modules(released: Released) -> list[str]:
    """The modules that a set imports: also `scipy.stats` for `from scipy import stats`."""
    found = ["numpy"]
    for _, tree in _code(released):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name != "tlcourse.exercise"]


def uses_keras(released: Released) -> bool:
    """Whether a set imports Keras."""
    return "keras" in modules(released)


def sandbox(released: Released, memory: int) -> Sandbox:
    """A sandbox for a set, without the functions that its tasks ask for.

    A module that the handed-out notebook imports stays whole: another task is meant to use it.
    """
    imported = modules(released)
    forbidden = {name for task in tasks(released.name).values() for name in task.forbids}
    emptied = [name for name in forbidden if name.rpartition(".")[0] not in imported]
    return Sandbox(imported, sorted(emptied), memory)


# --- marking -----------------------------------------------------------------------------------


def mark(
    submission: Submission,
    released: Released,
    box: Sandbox,
    *,
    secret: bytes,
    cell_seconds: float = 10.0,
    seconds: float = 120.0,
) -> dict:
    """Mark a submission; whatever is in it, a record comes back.

    Parameters
    ----------
    submission : Submission
    released : Released
        The set.
    box : Sandbox
        Of this exercise.
    secret : bytes
        What the numbers that an answer is tried on are drawn from; the same for all submissions.
    cell_seconds : float
        Of processor time that one cell, or one call of a function, may take. Imports of up to a
        minute are not counted, and on the clock everything may take several times as long.
    seconds : float
        That all of it may take together.

    Returns
    -------
    dict
        Plain data for JSON: "student", "status" ("marked" or "unreadable", with a "reason"),
        "tasks" with a verdict each, "cells" with the errors of cells, "answers", "open_answer",
        "notebook", "seconds", "cpu"; "limits", those of "memory" and "time" that it has hit; and
        "alone", whether it had to have a sandbox of its own.

    Raises
    ------
    NoSandbox
    """
    start = monotonic()
    record = {
        "student": submission.student,
        "exercise": released.name,
        "status": "unreadable",
        "reason": submission.reason,
        "file": submission.file,
        "submitted": submission.submitted,
        "tasks": {},
        "cells": [],
        "answers": {},
        "open_answer": "",
        "notebook": [],
        "seconds": 0.0,
        "cpu": 0.0,
        "limits": [],
        "alone": False,
    }
    try:
        if submission.reason:
            raise Unreadable(submission.reason)
        cells = handins.read(submission.data)
    except Unreadable as error:
        return record | {"reason": str(error)}
    if wrong := handins.other_exercise(cells, released.name):
        return record | {"reason": f"it is a notebook of {wrong}, not of {released.name}"}
    known = tasks(released.name)
    given = [Cell(c["cell_type"], c["source"], grade_id(c)) for c in released.cells]
    todo = handins.plan(cells, given, list(known), needed(released))
    run = _Run(todo, box, cell_seconds, start + PATIENCE * seconds, seconds)
    try:
        verdicts = {
            name: _judge(task, run, _rng(secret, released.name, name))
            for name, task in known.items()
        }
    finally:
        run.close()
    return record | {
        "status": "marked",
        "tasks": {name: asdict(verdict) for name, verdict in verdicts.items()},
        "cells": sorted(run.errors.items()),
        "answers": {name: text[:_SOURCE] for name, text in todo.answers.items()},
        "open_answer": todo.open_answer[:_SOURCE],
        "notebook": [[cell.kind, cell.source[:_SOURCE], cell.grade_id] for cell in cells],
        "seconds": round(monotonic() - start, 3),
        "cpu": round(run.cpu, 3),
        "limits": sorted(run.limits),
        "alone": not box.serves_many,
    }


def _rng(secret: bytes, name: str, task: str) -> np.random.Generator:
    return np.random.default_rng([*secret, crc32(f"{name}/{task}".encode())])


def _judge(task: Task, run: "_Run", rng: np.random.Generator) -> Verdict:
    verdict = judge_answer(task, _RemoteAnswer(task.name, run), rng)
    if run.broken is not None:
        raise run.broken
    return verdict


class _RemoteAnswer:
    """An answer in the sandbox, which may reply whatever it likes."""

    def __init__(self, name: str, run: "_Run") -> None:
        self._name, self._run = name, run

    def find(self, name: str, kind: str, forbids: Iterable[str]) -> dict:
        reply = self._run.ask(op="find", name=name, kind=kind, forbids=[])
        if "missing" in reply:
            what = "function" if kind == "function" else "name"
            return {"open": self._run.why_missing(name) or f"the notebook defines no such {what}"}
        if "function" in reply and (used := find_forbidden(self._run.sources, name, forbids)):
            return {"failure": f"this task is to be solved without {used}"}
        return _sound(reply)

    def call(self, arguments: Iterable) -> dict:
        return _sound(self._run.ask(op="call", name=self._name, arguments=list(arguments)))


def _sound(reply: dict) -> dict:
    """A reply of the sandbox, in which what should be a text is one."""
    texts = {name: _one_line(reply[name]) for name in _TEXTS if name in reply}
    return reply | texts


_TEXTS = ("open", "failure", "unwritten")


def _one_line(value) -> str:
    """A text from the sandbox, on one line and not too long."""
    return printable(" ".join(value.split()) if isinstance(value, str) else "no reason was given")


class _Run:
    """A learner's cells, run in a session; again without those that end it, when it has ended."""

    def __init__(
        self, todo: Plan, box: Sandbox, cell_seconds: float, end: float, seconds: float
    ) -> None:
        self._todo, self._box, self._cell_seconds = todo, box, cell_seconds
        self._end, self._seconds, self._start = end, seconds, monotonic()
        self._imports, self._counted = IMPORTS, 0.0
        self._skip: set[int] = set()  # places of cells that end the process
        self._session: Session | None = None
        self.errors: dict[int, str] = {}
        self.cpu = 0.0
        self.limits: set[str] = set()
        self.broken: NoSandbox | None = None  # passes through a check, which would swallow it

    @property
    def sources(self) -> list[str]:
        """The cells in the order in which they run."""
        return [source for _, source in self._todo.cells]

    def ask(self, **request) -> dict:
        """An answer of the sandbox.

        Raises
        ------
        Failure
            If the learner's code ends the process, or takes too long.
        """
        try:
            while self._session is None:
                self._session = self._started()
            return self._session.ask(self._left(self._session), **request)
        except Ended as ended:
            self.close()
            self._note(ended)
            raise Failure(str(ended)) from None
        except NoSandbox as error:
            self.broken = error
            raise

    def _note(self, ended: Ended) -> None:
        self.limits |= {ended.limit} - {""}

    def _left(self, session: Session) -> float:
        """Processor seconds that the next request may take."""
        left, passed = self._cell_seconds, monotonic() - self._start
        if passed + left > self._seconds:  # else it cannot have used up more
            left = min(left, self._seconds - self._counted - session.seconds_used())
        if left <= 0 or monotonic() > self._end:
            self.close()
            self.limits.add("time")
            raise Failure(f"the {self._seconds:g} seconds for all of it are used up")
        return left

    def _started(self) -> Session | None:
        """A session in which the cells have run, or None if one has ended it."""
        session = self._box.session(self._imports)
        again, errors = [], {}

        def run(place: int) -> bool:
            number, source = self._todo.cells[place]
            try:
                left, file = self._left(session), f"cell {number}"
                reply = session.ask(left, op="run", source=source, file=file)
            except Ended as ended:
                self._skip.add(place)
                self.errors[number] = str(ended)
                self._note(ended)
                self._take(session)
                return False
            except Failure:
                self._take(session)
                raise
            errors.pop(number, None)
            if reply.get("error"):
                errors[number] = _one_line(reply["error"])
                if reply.get("again") is True:
                    again.append(place)
            return True

        places = [p for p in range(len(self._todo.cells)) if p not in self._skip]
        if not all(map(run, places)):
            return None
        late, again = again, []
        if not all(map(run, late)):  # what was missing may have come in a later cell
            return None
        self.errors |= errors
        return session

    def _take(self, session: Session) -> None:
        session.close()
        self.cpu += session.cpu
        self._counted += session.cpu - session.imported
        self._imports -= session.imported

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._take(self._session)
            self._session = None

    def why_missing(self, name: str) -> str:
        """Why an answer is not there: the error of its cell."""
        source = self._todo.answers.get(name)
        for number, text in self._todo.cells:
            if source and text == source and number in self.errors:
                return f"its cell raises {self.errors[number]}"
        return ""
