"""The engine of the open checks: one definition serves the learner, the marker and nbgrader.

A check is a generator that gets the answer and a random generator and yields properties. `judge`
stops at the first that does not hold. It survives whatever a learner's function does, but for what
ends the whole process (`os._exit`, a crash in compiled code).
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tlcourse.checks.asking import (
    NOT_ATTEMPTED,
    SECONDS,
    Answer,
    LocalAnswer,
    explain_confusion,
    printable,
)
from tlcourse.checks.properties import (
    HALF,
    VALUE_DIFFERS,
    Failure,
    Property,
    holds_half,
    plain,
    show_call,
    show_result,
)

POINTS = 10
LENGTH = 400  # characters of what a learner reads at a failure: four lines

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
    """The answer is the untouched stub; the message says so."""


def judge(task: Task, answer, rng: np.random.Generator, *, seconds: float = SECONDS) -> Verdict:
    """Check one answer; whatever it does, a verdict comes back.

    Parameters
    ----------
    task : Task
    answer
        A function, or the value, if the task asks for one.
    rng : Generator
        The check draws its inputs from it: fresh for a learner, seeded by a marker.
    seconds : float
        That one call may take.

    Returns
    -------
    Verdict
    """
    return judge_answer(task, LocalAnswer(answer, seconds), rng)


def judge_answer(task: Task, answer: Answer, rng: np.random.Generator) -> Verdict:
    """As `judge`, for an answer that may live in another process."""
    passed: dict[str, int] = {}  # by its name, the line of the check that a property stands in
    earlier: list[Property] = []
    calls = properties = None

    def not_yet(why: str, failed: str = "", line: float = np.inf) -> Verdict:
        # What stands behind this line held on smaller inputs only: the check did not come back.
        held = tuple(p for p, at in passed.items() if p != failed and at <= line)
        return Verdict("not yet", held, failed, printable(why))

    def with_call(why: str, found: Property | None = None) -> str:
        """The reason, and the call that it is about where both together are short enough."""
        if calls is None:
            return why or "this does not hold"
        room = LENGTH - len(f"✘ {found.name if found else ''}: ")
        return calls.explain(why, found.result if found else None, room)

    try:
        reply = answer.find(task.name, task.kind, task.forbids)
        if "open" in reply:
            raise _Open(reply["open"])
        if "failure" in reply:
            return not_yet(reply["failure"])
        if task.kind == "value":
            asked = plain(reply.get("value"))
        else:
            asked = calls = _Calls(task.name, answer)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            properties = task.check(asked, rng)
            for found in properties:
                line = properties.gi_frame.f_lineno
                if not found.ok:
                    refuted = {message for one in earlier for message in one.refuted()}
                    return not_yet(with_call(found.reason(refuted), found), found.name, line)
                passed[found.name] = line
                earlier.append(found)
    except _Open as stub:
        return Verdict("not attempted", message=printable(str(stub)))
    except Failure as failure:
        return not_yet(str(failure), line=_line(failure, properties))
    except Exception as error:  # the check stumbled over what it was given
        return not_yet(with_call(explain_confusion(error)), line=_line(error, properties))
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


class _Calls:
    """What a check calls in place of the answer. It keeps the calls, so that one can be shown.

    What the answer's process replies is plain data, but may be any: here it is copied once more.
    """

    def __init__(self, name: str, answer: Answer) -> None:
        self._name, self._answer = name, answer
        self._kept: list[tuple[tuple, object, bool]] = []  # arguments, result, if it was a tuple

    def __call__(self, *arguments):
        is_first = not self._kept
        self._kept.append((arguments, _Nothing, False))
        try:
            reply = self._answer.call(arguments)
        except Failure as failure:
            reply = {"failure": str(failure)}
        if "unwritten" in reply:
            if reply["unwritten"]:
                raise Failure(f"it calls {reply['unwritten']}, which is not written yet")
            if is_first:
                raise _Open(NOT_ATTEMPTED)
        if "failure" in reply:
            raise Failure(self._after(reply["failure"], arguments))
        result = reply.get("result")
        several = type(result) is tuple
        try:
            result = plain(result)
        except Failure as failure:
            raise Failure(self._after(str(failure), arguments)) from None
        self._kept[-1] = (arguments, result, several)
        return result

    def _after(self, why: str, arguments: tuple) -> str:
        """A reason, and the call that it is about if there is room for it."""
        call = show_call(self._name, arguments)
        message = _join(why, f"the call was {call}")
        return message if call and len(message) <= LENGTH - 2 else why

    def explain(self, why: str, judged, room: int) -> str:
        """The reason `why`, and the call that returned `judged`, in `room` characters.

        If no call returned it, that is the last one. A call that is too long is left out, because
        half a call cannot be typed; without a reason, a sentence says that it fails there.
        """
        if not self._kept:
            return why
        kept = [k for k in self._kept if judged is not None and _is_part(judged, k[1])]
        arguments, result, several = (kept or self._kept)[-1]
        call = show_call(self._name, arguments)
        returned = "" if result is _Nothing else show_result(result)
        if several:
            returned = ", ".join(map(show_result, result))
        if (not why or why.endswith(VALUE_DIFFERS)) and holds_half(result):
            why = HALF
        for shown in (f"{call} returned {returned}", call and f"the call was {call}"):
            message = _join(why, shown)
            if call and len(message) <= room:
                return message
        return why or "this does not hold for arguments that are too large to show here"


class _Nothing:
    """Stands for the result of a call that has none."""


def _is_part(judged, result) -> bool:
    """Whether `judged` is the result of a call, or one of the values in it, or rows of it."""
    if judged is result or (isinstance(judged, np.ndarray) and judged.base is result):
        return True
    parts = result.values() if isinstance(result, dict) else result
    return isinstance(result, list | dict) and any(_is_part(judged, part) for part in parts)
