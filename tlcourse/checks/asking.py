"""How an answer is asked: found, called, timed and copied, alike for the learner and the marker.

This runs where the learner's code runs: in the kernel of the notebook, and in the marker's sandbox,
where it, `properties` and `forbidden` are all that there is of the checks. So it imports NumPy and
the standard library alone. Its replies are dicts of plain data, which pass a socket; `engine` makes
verdicts of them.
"""

import contextlib
import ctypes
import io
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from tlcourse.checks.forbidden import find_at_home
from tlcourse.checks.properties import PLAIN, Failure, difference, plain

SECONDS = 10.0  # of processor time that one call of an answer may take
BUSY = 6  # times as long by the clock: for a busy machine, and for an answer that only waits
NOT_ATTEMPTED = "you have not attempted it yet"
LONGEST = 1000  # characters of a message


class Answer(Protocol):
    """An answer, wherever it is: in this process (`LocalAnswer`) or in the marker's sandbox."""

    def find(self, name: str, kind: str, forbids: Iterable[str]) -> dict:
        """The reply of `find`."""

    def call(self, arguments: Iterable) -> dict:
        """The reply of `call`; raises Failure if there is none."""


class LocalAnswer:
    """An answer in this process.

    Parameters
    ----------
    value
        What the learner hands over.
    seconds : float
        Of processor time that one call may take.
    """

    def __init__(self, value, seconds: float = SECONDS) -> None:
        self._value, self._seconds = value, seconds

    def find(self, name: str, kind: str, forbids: Iterable[str]) -> dict:
        return find(self._value, name, kind, forbids)

    def call(self, arguments: Iterable) -> dict:
        return call(self._value, arguments, self._seconds)


# --- finding ---------------------------------------------------------------------------------


def find(answer, name: str, kind: str, forbids: Iterable[str]) -> dict:
    """What is handed over as the answer to a task.

    Parameters
    ----------
    answer
    name : str
        Of the task.
    kind : str
        Of the task: "function" or "value".
    forbids : iterable of str
        Dotted names that a function may not use. The marker, which reads the notebook itself, gives
        none.

    Returns
    -------
    dict
        {"function": True}, {"value": a copy in plain data}, or why there is neither:
        {"open": message} for the untouched stub, else {"failure": message}.
    """
    try:
        if kind == "value":
            return _find_value(answer)
        if not callable(answer):
            return {"failure": f"hand over the function itself: ex.{name}.check({name})"}
        if used := find_at_home(answer, name, forbids):
            return {"failure": f"solve this task without {used}"}
        return {"function": True}
    except Exception as error:  # an object that does not let anyone look at it
        return {"failure": explain_confusion(error)}


def _find_value(answer) -> dict:
    kind = type(answer)
    parts = answer.values() if kind is dict else answer if kind is list else [answer]
    is_open = [part is None or part is Ellipsis for part in parts]
    if is_open and all(is_open):
        return {"open": NOT_ATTEMPTED}
    if any(is_open):
        place = is_open.index(True)
        part = repr(list(answer)[place]) if kind is dict else f"number {place + 1}"
        return {"failure": f"{part} is still open"}
    try:
        return {"value": plain(answer)}
    except Failure as failure:
        return {"failure": str(failure).replace("the result", "your answer")}


# --- calling ---------------------------------------------------------------------------------


def call(function: Callable, arguments: Iterable, seconds: float | None = None) -> dict:
    """Call a learner's function with copies of the arguments; whatever it does, a reply comes back.

    Parameters
    ----------
    function : callable
    arguments : iterable
        Arrays, numbers, texts, and lists, tuples and dicts of these.
    seconds : float, optional
        Of processor time that the call may take, or `BUSY` times as long by the clock. With None it
        runs in this very thread and is never given up: for the sandbox, whose marker stops it from
        outside.

    Returns
    -------
    dict
        {"result": plain data}, where several values stay a tuple; or {"failure": message}. If the
        function is not written, there is also "unwritten": the name of the learner's other
        function that it needs, or "" if it is this one; after a NameError, "lacks_name".

    Raises
    ------
    TypeError
        If an argument is something else: a mistake in the check.
    """
    arguments = list(arguments)
    given = [_copy(argument) for argument in arguments]
    result, error = _run(function, given, seconds)
    if error is not None:
        reply = {"failure": explain(error, seconds)}
        if isinstance(error, NotImplementedError):
            reply["unwritten"] = find_unwritten(function, error)
        if isinstance(error, NameError):
            reply["lacks_name"] = True
        return reply
    for place, (old, new) in enumerate(zip(arguments, given, strict=True)):
        if _is_changed(new, old):
            return {"failure": _describe_change(function, place, old, new)}
    try:
        several = type(result) is tuple
        return {"result": tuple(map(plain, result)) if several else plain(result)}
    except Failure as failure:
        return {"failure": str(failure)}


def _copy(value):
    """A copy of an argument, with its rows one after the other, as it comes out of a socket too."""
    kind = type(value)
    if kind is np.ndarray:
        return value.copy()
    if kind in (list, tuple):
        return kind(map(_copy, value))
    if kind is dict:
        return {key: _copy(part) for key, part in value.items()}
    if kind in PLAIN or isinstance(value, np.generic):
        return value
    raise TypeError(f"an answer cannot be called with an object of type {kind.__name__}")


def _is_changed(argument, before) -> bool:
    arrays = type(argument) is type(before) is np.ndarray
    are_alike = arrays and (argument.dtype, argument.shape) == (before.dtype, before.shape)
    if are_alike and not argument.dtype.hasobject and argument.tobytes() == before.tobytes():
        return False  # found in a tenth of the time
    try:
        return difference(argument, before, 0, 0) is not None
    except Exception:  # there is an object of the learner's in it, which may do what it likes
        return True


def _describe_change(function: Callable, place: int, before, argument) -> str:
    """That a function changes an argument, by its name if it has one, and what to write instead."""
    message, advice = "your function changes its argument", "work on a copy"
    code = getattr(function, "__code__", None)
    if code is None or place >= code.co_argcount:
        return f"{message}: {advice}"
    name = code.co_varnames[place]
    if isinstance(before, np.ndarray):
        advice += f", or write {name} = {name} - … in place of {name} -= … (so with += and /=, too)"
    if _holds_the_same(argument, before):
        inner = "dicts" if isinstance(before[0], dict) else "values"
        advice = f"do not write into the {inner} in {name}, which list({name}) does not copy"
    return f"{message} {name}: {advice}"


def _holds_the_same(argument, before) -> bool:
    """Whether a list has kept its length, so that what lies in it was changed, or may have been."""
    is_kept = type(argument) is type(before) is list and 0 < len(before) == len(argument)
    return is_kept and all(isinstance(part, dict | list | np.ndarray) for part in before)


def find_unwritten(function: Callable, error: NotImplementedError) -> str:
    """The name of the notebook's other function, not written yet, that `function` has called."""
    trace, codes = error.__traceback__, []
    while trace:
        if trace.tb_frame.f_globals is getattr(function, "__globals__", None):
            codes.append(trace.tb_frame.f_code)
        trace, last = trace.tb_next, trace.tb_frame.f_code
    own = getattr(function, "__code__", None)
    is_other = len(codes) > 1 and codes[0] is own and codes[-1] is last is not own
    return last.co_name if is_other else ""


# --- messages --------------------------------------------------------------------------------


def explain(error: BaseException, seconds: float | None) -> str:
    """A learner's exception in one sentence, with the line that raised it."""
    if isinstance(error, _TimeUp):
        return (
            f"{time_up(seconds)} (If the notebook is slow from now on, the loop could not be "
            "stopped: restart the kernel.)"
        )
    if isinstance(error, RecursionError):
        return "your function calls itself without end (RecursionError)"
    line, trace = None, error.__traceback__
    first = trace.tb_next.tb_frame.f_code.co_filename if trace and trace.tb_next else None
    while trace:
        if trace.tb_frame.f_code.co_filename == first:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" (line {line} of its cell)" if line else ""
    return f"your function raises {describe(error)}{where}"


def explain_confusion(error: Exception) -> str:
    """That an answer is so odd that the check itself raises an exception."""
    return f"the check cannot make sense of this answer ({describe(error)})"


def time_up(seconds: float) -> str:
    """That a call has taken too long."""
    return f"there was no answer within {seconds:.3g} seconds: is there a loop that never ends?"


def describe(error: BaseException) -> str:
    """The type and the text of an exception on one line, shortened."""
    name = type(error).__name__
    try:
        text = f"{name}: {error}"
    except Exception:  # the text itself is the learner's code
        text = name
    return " ".join(text.split())[:200].rstrip(": ")


def printable(text: str) -> str:
    """A message that can be printed and stored: no control characters, and not too long."""
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return "".join(character if character.isprintable() else "?" for character in text)


# --- one call --------------------------------------------------------------------------------


class _TimeUp(BaseException):
    """Raised in the thread of a call that is given up."""


class _Void(io.TextIOBase):
    """Swallows what is printed."""

    def write(self, text: str) -> int:
        return len(text)


def _run(function: Callable, arguments: list, seconds: float | None) -> tuple:
    """The result of a call and its exception, one of them None.

    The call runs in a thread of its own, which works on every system and in every front end. If it
    takes too long, an exception is raised in that thread and the thread is left behind: a loop in
    Python ends so, a loop that catches everything or a call into compiled code goes on by itself.
    """
    result, error = None, None

    def work() -> None:
        nonlocal result, error
        try:
            with np.errstate(all="ignore"):
                result = function(*arguments)
        except BaseException as raised:
            error = raised

    void = _Void()
    silent = contextlib.redirect_stdout(void), contextlib.redirect_stderr(void)
    with silent[0], silent[1], warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if seconds is None:
            work()
        elif not _finishes(work, seconds):
            return None, _TimeUp()
    return result, error


def _finishes(work: Callable[[], None], seconds: float) -> bool:
    """Whether `work`, in a thread of its own, comes to its end in time.

    Its processor time decides, so that a busy machine costs nobody an answer.
    """
    clocks = []

    def timed() -> None:
        if hasattr(time, "pthread_getcpuclockid"):  # Linux; elsewhere the whole process is timed
            clocks.append(time.pthread_getcpuclockid(threading.get_ident()))
        work()

    def used() -> float:
        if not hasattr(time, "pthread_getcpuclockid"):
            return time.process_time() - begun
        try:
            return time.clock_gettime(clocks[0]) if clocks else 0.0
        except OSError:  # the thread has just ended
            return 0.0

    thread = threading.Thread(target=timed, daemon=True)
    begun, end = time.process_time(), time.monotonic() + BUSY * seconds
    thread.start()
    try:
        while thread.is_alive() and time.monotonic() < end and used() < seconds:
            thread.join(0.05)  # short waits, so that the kernel can be interrupted everywhere
    finally:  # also when the learner interrupts the kernel
        is_late = thread.is_alive()
        for _ in range(5):
            if thread.is_alive():
                ident = ctypes.c_ulong(thread.ident)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_TimeUp))
                thread.join(0.05)
    return not is_late
