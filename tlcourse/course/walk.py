"""A walk through a learner's notebook: its cells run, and each answer is asked where it is checked.

The notebook runs in another process, a session: in the marker's sandbox, or a plain one of
`tlcourse submit`. It may end or hang, and what it replies is taken for the value of a call and for
nothing else. Where it ends, a new one takes over: the cells run again up to that place, without
those that end it, and the verdicts that were reached stay.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Protocol

import numpy as np

from tlcourse.checks import Task, Verdict
from tlcourse.checks.asking import printable
from tlcourse.checks.engine import judge_answer
from tlcourse.checks.forbidden import find_forbidden
from tlcourse.checks.properties import Failure
from tlcourse.course.plan import Plan, Step

_SHORT = 0.1  # of its time that a cell gets in a new session, if it was interrupted before


class Ended(Exception):
    """A session has ended, or was ended; the message is for the learner.

    `limit` is the one that it has hit, "time" or "memory", or "".
    """

    def __init__(self, message: str, limit: str = "") -> None:
        super().__init__(message)
        self.limit = limit


class Session(Protocol):
    """A process with a notebook in it; `cpu` and `imported` are seconds of a closed one."""

    cpu: float
    imported: float

    def ask(self, seconds: float, **request) -> dict:
        """What `shell.Notebook.reply` gives; raises Ended.

        A cell that takes too long is interrupted, as a person interrupts a kernel: what it has
        defined stays. Then the reply has a text, "late".
        """

    def seconds_used(self) -> float:
        """Processor seconds so far, without imports."""

    def close(self) -> object:
        """End it."""


class Walk:
    """The cells of a plan in one session after the other, and the verdicts on the answers.

    Parameters
    ----------
    plan : Plan
    start : callable
        Starts a session, in which so many seconds of imports are not counted.
    imports : float
        Those seconds, for all sessions together.
    cell_seconds, seconds : float
        That one request, and all together, may take.
    end : float
        When all must be over, on the clock of `monotonic`.

    Attributes
    ----------
    errors : dict of int to str
        What cells have raised, by their numbers.
    cpu : float
        Processor seconds of all sessions.
    limits : set of str
        Those of "memory" and "time" that were hit.
    """

    def __init__(
        self,
        plan: Plan,
        start: Callable[[float], Session],
        *,
        imports: float,
        cell_seconds: float,
        seconds: float,
        end: float = np.inf,
    ) -> None:
        self._plan, self._start_session, self._imports = plan, start, imports
        self._cell_seconds, self._seconds, self._end = cell_seconds, seconds, end
        self._start, self._counted = monotonic(), 0.0
        self._session: Session | None = None
        self._done: list[Step] = []  # the pieces of cells that have run, in their order
        self._skip: set[int] = set()  # places in it, of pieces that end the process
        self._late: set[int] = set()  # places of pieces that were interrupted
        self._broken: Exception | None = None  # passes through a check, which would swallow it
        self.errors: dict[int, str] = {}
        self.cpu = 0.0
        self.limits: set[str] = set()

    def verdicts(
        self, tasks: dict[str, Task], rng: Callable[[str], np.random.Generator]
    ) -> dict[str, Verdict]:
        """The verdict on each task.

        Each is asked where its check stands. It is asked once more behind the last cell where that
        is not reached, or the answer is not there yet or needs a name that is not there yet: then
        the cells that lacked a name run again before.

        Parameters
        ----------
        tasks : dict of Task
        rng : callable
            A fresh generator for a task, by its name: the same each time, if the marks are to be.
        """
        found: dict[str, Verdict] = {}
        early: set[str] = set()  # tasks that were asked before all was there
        try:
            late = self._run_cells(tasks, rng, found, early)
            waiting = [name for name in tasks if name not in found or name in early]
            if waiting:
                self._run_late(late)
            for name in waiting:
                asked = [s.source for s in self._plan.steps if s.task == name]
                verdict, _ = self._judge(tasks[name], [*asked, name], rng(name))
                before = found.get(name, verdict)
                if verdict.status == "correct" or before.status == "not attempted":
                    found[name] = verdict
                found.setdefault(name, verdict)
        except Failure as failure:  # the time for all is used up
            used_up = Verdict("not yet", message=str(failure))
            found = {name: found.get(name, used_up) for name in tasks}
        finally:
            self.close()
        return {name: found[name] for name in tasks}

    def _run_cells(self, tasks, rng, found, early) -> list[Step]:
        """Run and ask, step by step; the pieces of cells that lacked a name."""
        late, has_raised, lacks_name = [], False, False
        for step in self._plan.steps:
            if step.is_first:
                has_raised = lacks_name = False
            if not step.task:
                if not has_raised:
                    has_raised, lacks_name = self._run(step)
                if lacks_name:
                    late.append(step)
            elif not has_raised and step.task in tasks:
                task = tasks[step.task]
                verdict, is_early = self._judge(task, [step.source], rng(step.task))
                found[step.task] = verdict
                if verdict.status != "correct" and is_early:
                    early.add(step.task)
        return late

    def _run_late(self, late: list[Step]) -> None:
        """Run once more what lacked a name, which may have come in a later cell."""
        failed = None
        for step in late:
            if step.cell == 0 or step.cell != failed:
                self.errors.pop(step.cell, None)
                has_raised, _ = self._run(step)
                failed = step.cell if has_raised else None

    # --- asking ------------------------------------------------------------------------------

    def _judge(self, task: Task, sources: list[str], rng) -> tuple[Verdict, bool]:
        """The verdict on an answer, and whether something was not there that may come later."""
        with suppress(Failure):  # then the check is told so as well
            self._at_hand()
        answer = _RemoteAnswer(task.name, sources, self)
        verdict = judge_answer(task, answer, rng)
        if self._broken is not None:
            raise self._broken
        return verdict, answer.lacks_something or verdict.status == "not attempted"

    def ask(self, **request) -> dict:
        """What the session replies.

        Raises
        ------
        Failure
            If the learner's code ends it, or takes too long.
        """
        try:
            if self._session is None:
                self._left(None)
                raise Failure("the process has ended")
            return self._session.ask(self._left(self._session), **request)
        except Ended as ended:
            self.close()
            self.limits |= {ended.limit} - {""}
            raise Failure(str(ended)) from None
        except Failure:
            self.close()
            raise
        except Exception as error:
            self._broken = error
            raise

    @property
    def sources(self) -> list[str]:
        """What has run so far, in its order."""
        return [step.source for step in self._done]

    def why_missing(self, name: str) -> str:
        """Why an answer is not there: the error of its cell."""
        number = self._plan.places.get(name)
        return f"its cell raises {self.errors[number]}" if number in self.errors else ""

    # --- running -----------------------------------------------------------------------------

    def _run(self, step: Step) -> tuple[bool, bool]:
        """Run a piece of a cell: whether it raises, and whether because it lacks a name."""
        self._at_hand()
        self._done.append(step)
        reply = self._execute(self._session, len(self._done) - 1)
        if reply is None:
            return True, False
        late, error = reply.get("late"), reply.get("error")
        has_error = error is not None and not (isinstance(error, str) and not error)
        if late is not None:
            self.limits.add("time")
            self._late.add(len(self._done) - 1)
            error = late
        elif not has_error:
            return False, False
        self.errors[step.cell] = one_line(error)
        return has_error and reply.get("went_on") is not True, reply.get("again") is True

    def _execute(self, session: Session, place: int) -> dict | None:
        """Run what stands at a place of `_done`; None if that ends the session."""
        step = self._done[place]
        try:
            left = self._left(session)
            if place in self._late:  # it is known to be endless: what it defines comes before
                left *= _SHORT
            return session.ask(left, op="run", source=step.source)
        except Ended as ended:
            self._skip.add(place)
            self.errors[step.cell] = str(ended)
            self.limits |= {ended.limit} - {""}
            self._take(session)
            return None
        except Failure:
            self._take(session)
            raise

    def _at_hand(self) -> None:
        """See that there is a session in which all has run that was run so far."""
        while self._session is None:
            session = self._start_session(self._imports)
            places = [p for p in range(len(self._done)) if p not in self._skip]
            if all(self._execute(session, place) is not None for place in places):
                self._session = session

    def _left(self, session: Session | None) -> float:
        """Processor seconds that the next request may take."""
        left, passed = self._cell_seconds, monotonic() - self._start
        if passed + left > self._seconds:  # else it cannot have used up more
            used = session.seconds_used() if session else 0.0
            left = min(left, self._seconds - self._counted - used)
        if left <= 0 or monotonic() > self._end:
            self.limits.add("time")
            raise Failure(f"the {self._seconds:g} seconds for all of it are used up")
        return left

    def _take(self, session: Session) -> None:
        session.close()
        self.cpu += session.cpu
        self._counted += session.cpu - session.imported
        self._imports -= session.imported
        if session is self._session:
            self._session = None

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._take(self._session)


class _RemoteAnswer:
    """An answer in another process, which may reply whatever it likes."""

    def __init__(self, name: str, sources: list[str], walk: Walk) -> None:
        self._name, self._sources, self._walk = name, sources, walk
        self.lacks_something = False

    def find(self, name: str, kind: str, forbids: Iterable[str]) -> dict:
        reply = self._walk.ask(op="find", name=name, kind=kind, forbids=[], sources=self._sources)
        if "missing" in reply:
            what = "function" if kind == "function" else "name"
            return {"open": self._walk.why_missing(name) or f"the notebook defines no such {what}"}
        if "function" in reply:
            for source in self._sources:
                if used := find_forbidden(self._walk.sources, source, forbids):
                    return {"failure": f"solve this task without {used}"}
        return _sound(reply)

    def call(self, arguments: Iterable) -> dict:
        reply = _sound(self._walk.ask(op="call", arguments=list(arguments)))
        self.lacks_something |= "unwritten" in reply or reply.get("lacks_name") is True
        return reply


_TEXTS = ("open", "failure", "unwritten")


def _sound(reply: dict) -> dict:
    """A reply of the other process, in which what should be a text is one."""
    texts = {name: one_line(reply[name]) for name in _TEXTS if name in reply}
    return reply | texts


def one_line(value) -> str:
    """A text from the other process, on one line and not too long."""
    return printable(" ".join(value.split()) if isinstance(value, str) else "no reason was given")
