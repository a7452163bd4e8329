"""The engine of the open checks: one definition serves the learner, the marker and nbgrader.

A check is a generator that gets the answer and a random generator and yields properties. `judge`
stops at the first that does not hold. It survives whatever a learner's function does, but for what
ends the whole process (`os._exit`, a crash in compiled code).
"""

import contextlib
import ctypes
import io
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from tlcourse.checks.forbidden import find_forbidden
from tlcourse.checks.properties import Failure, Property, difference, plain, show

POINTS = 10
SECONDS = 10.0  # that one call of an answer may take

Check = Callable[[Callable | object, np.random.Generator], Iterator[Property]]


@dataclass(frozen=True)
class Task:
    """A task of an exercise set; made by `task`."""

    name: str
    title: str
    check: Check = field(repr=False)
    hints: tuple[str, ...]
    kind: str = "function"
    forbids: tuple[str, ...] = ()
    lines: dict[str, str] = field(default_factory=dict, repr=False)
    edition: int = 1
    points: int = POINTS


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes
    ----------
    status : str
        "correct", "not yet" or "not attempted".
    passed : tuple of str
        The names of the properties that hold.
    failed : str
        The name of the one that does not, or "".
    message : str
        One sentence on it, for the learner; "" if correct.
    points : int
    """

    status: str
    passed: tuple[str, ...] = ()
    failed: str = ""
    message: str = ""
    points: int = 0


def task(
    *hints: str,
    kind: str = "function",
    forbids: tuple[str, ...] = (),
    lines: dict[str, str] | None = None,
    edition: int = 1,
) -> Callable[[Check], Task]:
    """Make a task of a check: its name is the function's, its title the docstring's first line.

    Parameters
    ----------
    *hints : str
        Three: a question, a pointer, the missing idea.
    kind : str
        "function" or "value": what the learner hands to the check.
    forbids : tuple of str
        Dotted names of what would be the answer: "scipy.special.softmax".
    lines : dict of str
        Of a Parsons problem: the lines by their labels.
    edition : int
        Of the set, in which this task was last changed so that an earlier answer may fail.
    """
    if len(hints) != 3 or kind not in ("function", "value"):
        raise ValueError("a task has three hints, and its kind is 'function' or 'value'.")

    def make(check: Check) -> Task:
        title = check.__doc__.partition("\n")[0].rstrip(".")
        return Task(check.__name__, title, check, hints, kind, tuple(forbids), lines or {}, edition)

    return make


# --- the verdict -----------------------------------------------------------------------------


class _Open(Exception):
    """The answer is the untouched stub."""


def judge(
    task: Task, answer, rng: np.random.Generator, *, seconds: float | None = SECONDS
) -> Verdict:
    """Check one answer; whatever it does, a verdict comes back.

    Parameters
    ----------
    task : Task
    answer
        A function, or a proxy that is called as one; or the value, if the task asks for one.
    rng : Generator
        The check draws its inputs from it: fresh for a learner, seeded by a marker.
    seconds : float, optional
        That one call may take. With None the call is made in this very thread and never given up:
        for a proxy with a time limit of its own.

    Returns
    -------
    Verdict
    """
    passed: dict[str, int] = {}  # by its name, the line of the check that a property stands in
    calls = properties = None

    def not_yet(why: str, failed: str = "", line: float = np.inf) -> Verdict:
        # What stands behind this line held on smaller inputs only: the check did not come back.
        held = tuple(p for p, at in passed.items() if p != failed and at <= line)
        return Verdict("not yet", held, failed, why)

    try:
        if task.kind == "value":
            asked = _value(answer)
        else:
            if not callable(answer):
                return not_yet(f"hand over the function itself: ex.{task.name}.check({task.name})")
            if used := find_forbidden(answer, task.forbids):
                return not_yet(f"this task is to be solved without {used}")
            asked = calls = _Guarded(task.name, answer, seconds)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            properties = task.check(asked, rng)
            for found in properties:
                line = properties.gi_frame.f_lineno
                if not found.ok:
                    shown = found.why or ("" if calls else "this does not hold")
                    return not_yet(_join(shown, calls.last if calls else ""), found.name, line)
                passed[found.name] = line
    except _Open:
        return Verdict("not attempted", message="not attempted yet")
    except Failure as failure:
        return not_yet(str(failure), line=_line(failure, properties))
    except Exception as error:  # the check stumbled over what it was given
        told = f"the check cannot make sense of this answer ({type(error).__name__}: {error})"
        told = _join(told, calls.last if calls else "")
        return not_yet(told, line=_line(error, properties))
    return Verdict("correct", tuple(passed), points=task.points)


def _line(error: Exception, properties) -> float:
    """The line of the check that an exception went through."""
    trace = error.__traceback__
    while trace and properties is not None:
        if trace.tb_frame.f_code is properties.gi_code:
            return trace.tb_lineno
        trace = trace.tb_next
    return np.inf


def _join(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _value(answer):
    """A value as plain data."""
    if answer is None or answer is Ellipsis:
        raise _Open
    parts = answer.values() if type(answer) is dict else answer if type(answer) is list else [0]
    is_open = [part is None or part is Ellipsis for part in parts]
    if is_open and all(is_open):
        raise _Open
    if any(is_open):
        where = is_open.index(True)
        name = repr(list(answer)[where]) if type(answer) is dict else f"number {where + 1}"
        raise Failure(f"{name} is still open")
    try:
        return plain(answer)
    except Failure as failure:
        raise Failure(str(failure).replace(" is returned", "")) from None


class _Guarded:
    """An answer that can be called without harm; `last` tells the last call and its result."""

    def __init__(self, name: str, function: Callable, seconds: float | None) -> None:
        self.name, self.function, self.seconds, self.count = name, function, seconds, 0
        self.last = ""

    def __call__(self, *arguments):
        self.count += 1
        call = f"{self.name}({', '.join(map(show, arguments))})"
        given = deepcopy(arguments)
        result, error = _run(self.function, given, self.seconds)
        if isinstance(error, NotImplementedError):
            if other := unwritten(self.function, error):
                raise Failure(f"it calls {other}, which is not written yet")
            if self.count == 1:
                raise _Open
        if error is not None:
            raise Failure(_join(explain(error, self.seconds), f"the call was {call}"))
        for i, (old, new) in enumerate(zip(arguments, given, strict=True)):
            if difference(new, old, 0, 0) is not None:
                raise Failure(_join(_changed(self.function, i, old), f"the call was {call}"))
        several = type(result) is tuple
        try:
            result = plain(result)
        except Failure as failure:
            raise Failure(_join(str(failure), f"the call was {call}")) from None
        shown = ", ".join(map(show, result)) if several else show(result)
        self.last = f"{call} returned {shown}"
        return result


def _changed(function: Callable, place: int, argument) -> str:
    """That a function changes an argument, by its name if it has one, and what to write instead."""
    told, cure = "your function changes its argument", "work on a copy"
    code = getattr(function, "__code__", None)
    if code is None or place >= code.co_argcount:
        return f"{told}: {cure}"
    name = code.co_varnames[place]
    if isinstance(argument, np.ndarray):
        cure += f", or write {name} = {name} - … in place of {name} -= …"
    return f"{told} {name}: {cure}"


def unwritten(function: Callable, error: NotImplementedError) -> str:
    """The name of the notebook's other function, not written yet, that `function` has called."""
    trace, codes = error.__traceback__, []
    while trace:
        if trace.tb_frame.f_globals is getattr(function, "__globals__", None):
            codes.append(trace.tb_frame.f_code)
        trace, last = trace.tb_next, trace.tb_frame.f_code
    own = getattr(function, "__code__", None)
    known = len(codes) > 1 and codes[0] is own and codes[-1] is last is not own
    return last.co_name if known else ""


def explain(error: BaseException, seconds: float | None) -> str:
    """A learner's exception in one sentence, with the line that raised it."""
    if isinstance(error, Failure):
        return str(error)
    if isinstance(error, _TooLong):
        return (
            f"no answer within {seconds:g} seconds: a loop that never ends? (If this machine was "
            "busy, run the cell again; if the notebook is slow from now on, the loop could not be "
            "stopped: restart the kernel.)"
        )
    if isinstance(error, RecursionError):
        return "your function calls itself without end (RecursionError)"
    text = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(": ")
    line, trace = None, error.__traceback__
    first = trace.tb_next.tb_frame.f_code.co_filename if trace and trace.tb_next else None
    while trace:
        if trace.tb_frame.f_code.co_filename == first:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"your function raises {text}" + (f" (line {line} of its cell)" if line else "")


# --- one call --------------------------------------------------------------------------------


class _TooLong(BaseException):
    """Raised in the thread of a call that is given up."""


class _Void(io.TextIOBase):
    """Swallows what is printed."""

    def write(self, text: str) -> int:
        return len(text)


def _run(function: Callable, arguments: tuple, seconds: float | None):
    """The result of a call and its exception, one of them None.

    The call runs in a thread of its own, which works on every system and in every front end. If it
    takes too long, an exception is raised in that thread and the thread is left behind: a loop in
    Python ends so, a loop that catches everything or a call into compiled code goes on by itself.
    """
    outcome: list = [None, None]

    def work() -> None:
        try:
            outcome[0] = function(*arguments)
        except BaseException as error:
            outcome[1] = error

    if seconds is None:
        work()
        if isinstance(outcome[1], KeyboardInterrupt):
            raise outcome[1]
        return outcome
    with contextlib.redirect_stdout(_Void()), contextlib.redirect_stderr(_Void()):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        end = time.monotonic() + seconds
        try:
            while thread.is_alive() and time.monotonic() < end:
                thread.join(0.05)  # short waits, so that the kernel can be interrupted everywhere
        finally:  # also when the learner interrupts the kernel
            late = thread.is_alive()
            for _ in range(5):
                if thread.is_alive():
                    ident = ctypes.c_ulong(thread.ident)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_TooLong))
                    thread.join(0.05)
    return [None, _TooLong()] if late else outcome
