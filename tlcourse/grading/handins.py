"""Submissions: what a student has handed in, and its cells.

Every file is hostile: nothing in it is executed or parsed as Python here.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field

from tlcourse.checks import moved
from tlcourse.course.plan import Cell
from tlcourse.grading.entries import Unreadable

MOST_CELLS = 2000


@dataclass(frozen=True)
class Submission:
    """What one student has handed in: the bytes of the notebook, or why there are none.

    Attributes
    ----------
    student : str
        What the marks are kept under.
    file : str
        The name of the notebook, or of what cannot be read.
    data : bytes
    reason : str
        Why it cannot be read.
    submitted : str
        When it was handed in, as ISO 8601; "" if nobody knows.
    version : str
        Which of several versions this is, and why; "" if there is one.
    late : bool
        Whether the learning platform says that it is late.
    name, id : str
        The person's name and number on the learning platform.
    places : tuple of str
        The names at the top of the source under which it was found.
    """

    student: str
    file: str = ""
    data: bytes = field(default=b"", repr=False)
    reason: str = ""
    submitted: str = ""
    version: str = ""
    late: bool = False
    name: str = ""
    id: str = ""
    places: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "student", clean(self.student))
        for name in ("file", "reason", "version"):  # which hold names of the student's choice
            object.__setattr__(self, name, printable(getattr(self, name)))

    @property
    def key(self) -> str:
        """A checksum of what is marked."""
        return hashlib.sha256(self.data + self.reason.encode()).hexdigest()


# --- reading -----------------------------------------------------------------------------------


def read(data: bytes) -> list[Cell]:
    """The cells of a notebook of format 3 or 4; what is odd in it is left out.

    Raises
    ------
    Unreadable
    """
    if not data.strip():
        raise Unreadable("the file is empty")
    try:
        found = json.loads(
            data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        )
    except UnicodeDecodeError:
        raise Unreadable(
            "it is not a notebook, or only a part of one: its bytes are no text"
        ) from None
    except RecursionError:
        raise Unreadable(
            "it is not a notebook: it holds brackets within brackets without end"
        ) from None
    except ValueError as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"it is not a notebook, or only a part of one{where}") from None
    cells = found.get("cells") if isinstance(found, dict) else None
    if cells is None and isinstance(found, dict):  # format 3
        sheets = found.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        cells = [c for s in sheets if isinstance(s, dict) for c in _list(s.get("cells"))] or None
    if not isinstance(cells, list):
        raise Unreadable("it is not a notebook: it has no cells")
    made = [cell for cell in map(_cell, cells[:MOST_CELLS]) if cell is not None]
    if not made:
        raise Unreadable("the notebook has no cells")
    return made


def clean(text: str) -> str:
    """A text that can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def printable(text: str) -> str:
    """A name of someone else's choice, on one line and for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in clean(text)[:300])


def written_for(cells: list[Cell], exercise: str) -> str:
    """The set that a notebook says it is of; if it says nothing, the one that is marked."""
    code = "\n".join(cell.source for cell in cells if cell.kind == "code")
    named = set(re.findall(r"""\bexercise\(\s*["'](ex\d\d)["']""", code))
    return exercise if not named or exercise in named else min(named)


def other_exercise(cells: list[Cell], exercise: str) -> str:
    """The set that a notebook says it is of, if that is another one, else "".

    A notebook of a set that held a task of this one before is taken, if that task is in it.
    """
    named = written_for(cells, exercise)
    before = {
        name for places in moved.came(exercise).values() for at, name in places if at == named
    }
    checks = re.compile(rf"\.\s*({'|'.join(before)})\s*\.\s*check\s*\(")
    if before and any(checks.search(cell.source) for cell in cells if cell.kind == "code"):
        return ""
    return "" if named == exercise else named


def _list(value) -> list:
    return value if isinstance(value, list) else []


def _cell(given) -> Cell | None:
    if not isinstance(given, dict):
        return None
    source = given.get("source", given.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    source = clean(source)
    metadata = given.get("metadata")
    marked = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marked.get("grade_id") if isinstance(marked, dict) else None
    kind = given.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "raw"
    return Cell(kind, source, clean(grade_id[:200]) if isinstance(grade_id, str) else None)
