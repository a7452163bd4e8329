"""What a check says about an answer: properties that hold or do not, with the reason.

Nothing in here shows the expected value. What is compared is plain data: arrays, numbers, strings,
and lists and dicts of these. Where an array is wanted, a list of the same numbers is refused, with
a sentence that says how to make an array of it: what an exercise asks for is what the next cell of
a notebook can compute with. Any real type of number passes if it is precise enough; float16, which
is not, is named.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

NUMBER = (bool, int, float, complex, np.bool_, np.number)
PLAIN = (type(None), bool, int, float, complex, str)
_WIDEST = {"f": 8, "c": 16}  # bytes of a number that every machine has
_BITS = 2**13  # of an integer, about 2,500 digits; Python does not write out much longer ones
_SHOWN = 24  # numbers of an array that can be typed off
VALUE_DIFFERS = " is not as it should be"
HALF = "the result is float16, which keeps only three digits: compute in float64"


class Failure(Exception):
    """The answer failed in a way that says all; the message is for the learner."""


@dataclass(frozen=True)
class Property:
    """One thing that an answer should fulfil: its name, whether it does, and if not, why.

    `result` is what the judged call returned: a learner is shown that call. `others` are messages
    that would explain the numbers as well, and at last what differs; `refuted` are those of the
    known mistakes that this call shows not to have been made.
    """

    name: str
    ok: bool
    why: str = ""
    result: object = field(default=None, repr=False, compare=False)
    others: tuple[str, ...] = ()
    refuted: Callable[[], list[str]] = field(default=list, repr=False, compare=False)

    def reason(self, refuted: set[str]) -> str:
        """Why it does not hold: the first message that no earlier call has refuted."""
        return next((m for m in (self.why, *self.others) if m not in refuted), "")


def holds(name: str, ok, why: str = "", *, result=None) -> Property:
    """A property that is true or not.

    Parameters
    ----------
    name : str
        Worded as the fact that holds: "rows sum to 1".
    ok : bool
    why : str
        The message if it does not hold: the misconception, if it is recognised.
    result
        What the learner's function returned in the call that is judged, if it is not the last.
    """
    return Property(name, bool(ok), why, result)


def agrees(
    name: str,
    got,
    expected,
    mistakes: dict | None = None,
    *,
    rtol: float = 1e-4,
    atol=1e-6,
    result=None,
    everywhere: bool = True,
) -> Property:
    """The answer equals a reference, in type, shape and value.

    Parameters
    ----------
    name : str
        Worded as the fact that holds: "follows the formula".
    got
        What the learner's function returned.
    expected
        An array, number or string, or a list or dict of these. It is never shown.
    mistakes : dict
        What well-known wrong ways would have given, by the message meant for each:
        ``{"you took the mean over the classes": z.mean(1)}``. The first that matches counts, unless
        would have given other numbers than those of an earlier property, which held.
    rtol, atol : float
        As in `numpy.allclose`. The defaults let float32 pass.
    result
        As in `holds`, if `got` was computed from it.
    everywhere : bool
        Whether the mistakes are made in every call or in none. If not, their messages tell of this
        call alone, and no earlier one refutes them.
    """
    result = got if result is None else result
    why = difference(got, expected, rtol, atol)
    mistakes = dict(mistakes or {})

    def explaining() -> list[str]:
        return [m for m, wrong in mistakes.items() if difference(got, wrong, rtol, atol) is None]

    def refuted() -> list[str]:
        return sorted(mistakes.keys() - explaining())

    if why is None:
        return Property(name, True, "", result, (), refuted if everywhere else list)
    first, *others = [*explaining(), why]
    return Property(name, False, first, result, tuple(others))


def shaped(name: str, got, shape: tuple) -> Property:
    """The answer is an array of real numbers of this shape, none of them NaN or infinite."""
    why = difference(got, np.zeros(shape), np.inf, np.inf)
    return Property(name, why is None, why or "", got)


def difference(got, expected, rtol: float, atol: float, what: str = "the result") -> str | None:
    """Why `got` is not `expected`; "" if only its value is another, None if it is.

    `what` is its name in a sentence.
    """
    within = "" if what == "the result" else f" in {what}"
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            return f"{what} is {_kind(got)} instead of a dict with the keys {_listed(expected)}"
        pairs = [(f"the value of {key!r}{within}", got[key], expected[key]) for key in expected]
    elif isinstance(expected, list | tuple):
        if isinstance(got, np.ndarray) and got.ndim and len(got) == len(expected):
            shapes = [
                np.shape(v) if isinstance(v, (*NUMBER, np.ndarray)) else None for v in expected
            ]
            got = list(got) if shapes == [row.shape for row in got] else got  # its rows
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            return f"{what} is {_kind(got)} instead of {len(expected)} values"
        names = [f"value {i + 1} of {len(expected)}{within}" for i in range(len(expected))]
        pairs = list(zip(names, got, expected, strict=True))
    elif isinstance(expected, str):
        if not isinstance(got, str):
            return f"{what} is {_kind(got)} instead of a text"
        if got != expected and got.strip().lower() == expected.lower():
            return f"{got!r} is spelled differently: mind capitals and spaces"
        return None if got == expected else ""
    else:
        return _numbers_differ(got, expected, rtol, atol, what)
    for name, got_part, expected_part in pairs:
        if (why := difference(got_part, expected_part, rtol, atol, name)) is not None:
            return why or name + VALUE_DIFFERS
    return None


def _numbers_differ(got, expected, rtol, atol, what) -> str | None:
    """`difference` for arrays and numbers."""
    if np.ndim(expected):
        wanted = f"an array of shape {np.shape(expected)}"
        if isinstance(got, list) and _shape_of(got) == np.shape(expected):
            return f"{what} is a list instead of {wanted}: use np.array(…)"
        if not isinstance(got, np.ndarray):
            return f"{what} is {_kind(got)} instead of {wanted}"
    else:
        wanted = "a number"
        if not isinstance(got, (*NUMBER, np.ndarray)):
            return f"{what} is {_kind(got)} instead of {wanted}"
    if np.shape(got) != np.shape(expected):
        return f"{what} is {_kind(got)} instead of {wanted}"
    if np.asarray(expected).dtype.kind in "SU":
        return None if np.array_equal(got, expected) else ""
    if np.asarray(got).dtype.kind not in "biufc":
        return f"{what} is {_kind(got)} of type {np.asarray(got).dtype} instead of numbers"
    finite = np.isfinite(expected)
    is_finite = finite.all()  # nearly always, and then there is less to compute
    if not np.isfinite(got if is_finite else np.where(finite, got, 0)).all():
        return f"there is NaN or infinity in {what}"
    if np.asarray(got).dtype == np.float16:  # else the reference would be rounded to it, too
        got = np.float64(got)
    with np.errstate(all="ignore"):
        same = np.isinf(rtol) or _is_close(got, expected, rtol, atol, is_finite)
    return None if same else ""


def _is_close(got, expected, rtol, atol, is_finite) -> bool:
    """As `numpy.allclose` with NaN equal to NaN, in a third of its time where all is finite."""
    if not is_finite:
        return np.allclose(got, expected, rtol, atol, equal_nan=True)
    expected = np.asarray(expected, np.result_type(expected, 1.0))
    return bool((abs(got - expected) <= atol + rtol * abs(expected)).all())


def _shape_of(values: list) -> tuple | None:
    """The shape of the array of numbers that a list would make; None if it makes none."""
    try:
        array = np.array(values)
    except ValueError:  # rows of several lengths
        return None
    return array.shape if array.dtype.kind in "biufc" else None


def holds_half(value) -> bool:
    """Whether there is a float16 in a plain value."""
    if isinstance(value, list | dict):
        return any(map(holds_half, value.values() if isinstance(value, dict) else value))
    return isinstance(value, np.ndarray) and value.dtype == np.float16


def _kind(value) -> str:
    """What a value is, in words: "nothing (None)", "an array of shape (2, 3)"."""
    if value is None:
        return "nothing (None; is there a return?)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, NUMBER):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple):
        return f"{len(value)} value{'s' * (len(value) != 1)} (a list or tuple)"
    if isinstance(value, dict):
        return f"a dict with the keys {_listed(value)}"
    return f"an object of type {type(value).__name__}"


def _listed(names) -> str:
    return ", ".join(map(repr, names)) or "(none)"


def plain(value, depth: int = 0):
    """A copy of `value` that holds nothing of the learner's making; tuples become lists.

    Raises
    ------
    Failure
        If there is something in it other than arrays, numbers, strings, None, lists and dicts.
    """
    if depth > 10:
        raise Failure("the result holds lists within lists, more than ten deep")
    kind, name = type(value), ""
    if kind is np.ndarray and value.dtype.kind in "biufcSU":
        widest = _WIDEST.get(value.dtype.kind, np.inf)
        if value.dtype.itemsize <= widest:
            return value.copy()
        with np.errstate(all="ignore"):
            return value.astype(f"{value.dtype.kind}{widest}")
    if kind is np.float16:
        return np.array(value)  # so that it can be named
    if issubclass(kind, np.generic):
        value = np.generic.item(value)
        if isinstance(value, np.inexact):  # a long double stays what it is
            value = complex(value) if isinstance(value, np.complexfloating) else float(value)
    if type(value) in PLAIN:
        if type(value) is not int or value.bit_length() <= _BITS:
            return value
        name = "an integer of more than 2,000 digits"
    if kind in (list, tuple):
        return [plain(v, depth + 1) for v in value]
    if kind is dict and all(type(k) in (str, int) for k in value):
        return {k: plain(v, depth + 1) for k, v in value.items()}
    if kind is np.ndarray:
        name = f"an array of type {value.dtype}"
    elif value is Ellipsis:
        name = "..."
    name = name or f"an object of type {kind.__name__}"
    raise Failure(
        f"the result is {name}, but the check needs NumPy arrays, numbers or a list of them"
    )


def show_call(name: str, arguments: Iterable) -> str:
    """A call as the learner can type it, in full; "" if there is too much in it to type."""
    parts = [_typed(argument) for argument in arguments]
    return "" if None in parts else f"{name}({', '.join(parts)})"


def _typed(value) -> str | None:
    """An argument as Python reads it, with `np` for NumPy; None if it holds too many numbers."""
    if isinstance(value, np.ndarray):
        if value.size > _SHOWN:
            return None
        usual = value.dtype in (bool, int, float) and value.size  # what the numbers alone tell
        return f"np.array({_typed(value.tolist())}{'' if usual else f', {value.dtype.name!r}'})"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"np.{value}".replace("np.-", "-np.")
    if isinstance(value, list | tuple):
        parts = [_typed(part) for part in value[: _SHOWN * 2]]
        if None in parts or len(value) > len(parts):
            return None
        text = ", ".join(parts)
        return f"({text}{',' * (len(parts) == 1)})" if isinstance(value, tuple) else f"[{text}]"
    if isinstance(value, dict):
        parts = {key: _typed(part) for key, part in islice(value.items(), _SHOWN * 2)}
        if None in parts.values() or len(value) > len(parts):
            return None
        return "{" + ", ".join(f"{key!r}: {part}" for key, part in parts.items()) + "}"
    return repr(value)


def show_result(value) -> str:
    """What a call returned, rounded, and if it is large only what it is."""
    if isinstance(value, np.ndarray):
        if value.size > _SHOWN:
            return _kind(value)
        text = np.array2string(value, precision=4, separator=", ", floatmode="maxprec")
        return " ".join(text.split()).replace("[ ", "[").replace(" ]", "]")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        text = "[" + ", ".join(map(show_result, value[:_SHOWN])) + "]"
    elif isinstance(value, dict):
        parts = islice(value.items(), _SHOWN)
        text = "{" + ", ".join(f"{k!r}: {show_result(v)}" for k, v in parts) + "}"
    else:
        text = repr(value)
    return text if len(text) <= 200 else _kind(value)


def numbers(rng: np.random.Generator, *shape: int, scale: float = 2.0) -> np.ndarray:
    """Normal numbers with one decimal, so that a learner can type a failing example off.

    Two of them may be equal, or zero: where that matters, draw otherwise.
    """
    return np.round(rng.normal(0, scale, shape), 1)


def telling(draw: Callable, judged: Callable) -> tuple:
    """Inputs on which the right answer and every known mistake give something else.

    Parameters
    ----------
    draw : function
        ``draw()`` returns inputs.
    judged : function
        ``judged(*inputs)`` returns the right answer, and the mistakes by message.

    Returns
    -------
    tuple
        The inputs, the right answer and the mistakes.
    """
    for _ in range(2000):
        inputs = draw()
        right, wrong = judged(*inputs)
        given = [right, *wrong.values()]
        if not any(
            agrees("", one, other, rtol=5e-4, atol=1e-5).ok
            for i, one in enumerate(given)
            for other in given[:i]
        ):
            break
    return *inputs, right, wrong
