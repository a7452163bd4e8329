"""Let nbval compare numbers within a tolerance, and ignore what no two machines share.

Used as ``pytest -p tests.nbval_tolerance --nbval notebooks``. The words of a stored output must
agree exactly with those of the fresh run. The numbers between them must agree

- exactly, if both are whole: counts, shapes, labels;
- else up to ``RTOL`` of the stored number plus ``ATOL``;
- in a cell tagged ``atol-X`` (``atol-0.05``): whole or not, up to X more. X is meant for the
  number as it is printed: a score shown as ``56 %`` that may move by five points is ``atol-5``.

Spaces around a number are free, for columns align by width. Digits within a name (``conv1``,
``2.21.0``) are words. `TLCOURSE_TOLERANCE` multiplies every tolerance: 3 on a GPU, whose matrix
products round to about three decimal digits and sum in another order.
"""

import math
import os
import re
from importlib.metadata import version

import pytest
from nbval.plugin import IPyNbCell

RTOL = 1e-3
ATOL = 1e-6

NUMBER = re.compile(
    r"""
    [ \t]*
    ( (?: (?<![\w.)\]]) [-+−] )?                    # a sign, but not the minus of "3-4"
      (?<![\w.])
      (?: (?: \d{1,3} (?:,\d{3})+ | \d+ )           # 1,797 or 1797
          (?: \.\d+ | \. (?=[ ]*[-\d\],)]) )?       # 0.5, and NumPy's "[1. 2.]"
        | \.\d+ )
      (?: [eE][-+]?\d+ )?
      (?! \d | \.\d )                               # not the start of a version, 2.21.0
    )
    [ \t]*
    """,
    re.VERBOSE,
)

# What differs from machine to machine or from run to run, and what stands for it.
SANITISE = [
    (re.compile(pattern), name)
    for pattern, name in [
        (r"\x1b\[[0-9;]*[A-Za-z]", ""),  # colour
        (r"\b0x[0-9a-fA-F]+", "ADDRESS"),
        (r"(?:/job:\S+)?/device:[A-Z]+:\d+", "DEVICE"),
        (r"(?i)\b(?:cpu|gpu|cuda|mps)(?::\d+)?\b", "DEVICE"),
        (r"(?<![\w.:/<])/(?:[\w.@+~-]+/)+[\w.@+~-]*", "PATH"),
        (r"\b[A-Z]:\\[\w.\\@+~-]+", "PATH"),
        (r"\|?[━╸╺█▉▊▋▌▍▎▏]+\s*\|?", "BAR"),
        (r"\[\d+:\d\d<[^\]]*\]", "TIME"),  # tqdm
        (r"\b\d+:\d\d:\d\d(?:\.\d+)?\b", "TIME"),
        (r"(?<![\w.])\d[\d.,]*\s?[a-z]+/s\b", "RATE"),
        (r"(?<![\w.])\d[\d.,]*\s?(?:ns|µs|μs|us|ms|s)(?:/[a-z]+)?\b", "TIME"),
    ]
]


class Output(str):
    """An output's text, equal to another where the words agree and the numbers nearly do."""

    def __new__(cls, text: str, atol: float = 0.0, factor: float = 1.0):
        for pattern, name in SANITISE:
            text = pattern.sub(name, text)
        self = super().__new__(cls, text)
        self.atol, self.factor = atol, factor
        return self

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.words == other.words and not self.far(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    @property
    def words(self) -> list[str]:
        return NUMBER.split(str(self))[::2]

    @property
    def numbers(self) -> list[str]:
        return NUMBER.split(str(self))[1::2]

    def far(self, other: "Output") -> list[str]:
        """One line for each number of `other` that is too far from the one stored here."""
        lines = []
        for stored, computed in zip(self.numbers, other.numbers, strict=True):
            a, b = _value(stored), _value(computed)
            both_whole = isinstance(a, int) and isinstance(b, int)
            allowed = self.atol if both_whole else self.atol + ATOL + RTOL * abs(a)
            allowed *= self.factor
            # The last bits are forgiven: 0.61 − 0.56 is a little more than 0.05.
            if a != b and not abs(a - b) <= allowed * (1 + 1e-9):
                lines.append(f"stored {stored}, computed {computed}, may differ by {allowed:.3g}")
        return lines


def _value(text: str) -> int | float:
    text = text.replace(",", "").replace("−", "-")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _atol(cell: IPyNbCell) -> float:
    """The X of the cell's tag ``atol-X``; 0 without one."""
    for tag in cell.cell.metadata.get("tags", []):
        if tag.startswith("atol-"):
            try:
                return _positive(tag.removeprefix("atol-"))
            except ValueError:
                cell.raise_cell_error(f"the tag {tag!r} needs a positive number, as in atol-0.05")
    return 0.0


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def pytest_configure(config: pytest.Config) -> None:
    if version("nbval") != "0.11.0":
        raise pytest.UsageError(
            f"tests/nbval_tolerance.py changes nbval 0.11.0, but {version('nbval')} is installed: "
            "run make venv, or check the plugin against the new version."
        )
    text = os.environ.get("TLCOURSE_TOLERANCE", "1")
    try:
        factor = _positive(text)
    except ValueError:
        raise pytest.UsageError(
            f"TLCOURSE_TOLERANCE={text} is not a positive number: give a factor such as 3."
        ) from None

    def sanitize(cell: IPyNbCell, text: object) -> object:
        return Output(text, _atol(cell), factor) if isinstance(text, str) else text

    IPyNbCell.sanitize = sanitize


def pytest_assertrepr_compare(left: object, right: object) -> list[str] | None:
    """Name the numbers that are too far off; where words differ, pytest's own diff is better."""
    if isinstance(left, Output) and isinstance(right, Output) and left.words == right.words:
        return left.far(right)
    return None
