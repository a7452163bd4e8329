"""Submissions: where they lie, and what is in them.

Every file is hostile: it is read with a bound on its size, links are not followed, and nothing in
it is executed or parsed as Python here.
"""

import csv
import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from tlcourse.course.plan import Cell
from tlcourse.files import CourseError

MOST_BYTES = 20 * 2**20  # of a notebook
MOST_CELLS = 2000
_MOST_FILES = 20_000  # of a zip
_STAMP = "timestamp.txt"  # where nbgrader keeps when something was handed in


class Unreadable(Exception):
    """Why a submission cannot be marked, in one sentence."""


@dataclass(frozen=True)
class Submission:
    """What one student has handed in: the bytes of the notebook, or why there are none."""

    student: str
    file: str = ""
    data: bytes = field(default=b"", repr=False)
    reason: str = ""
    submitted: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "student", clean(self.student))
        for name in ("file", "reason"):  # which hold names of the student's choice
            text = clean(getattr(self, name))[:300]
            text = "".join(c if c.isprintable() else "?" for c in text)
            object.__setattr__(self, name, text)

    @property
    def key(self) -> str:
        """A checksum of what is marked."""
        return hashlib.sha256(self.data + self.reason.encode()).hexdigest()


# --- finding -----------------------------------------------------------------------------------


def find(source: Path, exercise: str, notebook: str) -> list[Submission]:
    """The submissions of an exercise, one for each student, by name.

    Parameters
    ----------
    source : Path
        A folder with a folder, a zip or a notebook for each student, nbgrader's `submitted/`, or
        a zip of such a folder. A student's folder may hold the notebook, nbgrader's
        `<exercise>/<notebook>`, or the zip that `tlcourse submit` writes.
    exercise : str
        "ex02".
    notebook : str
        The name of the notebook as it was handed out, which wins over others.

    Raises
    ------
    CourseError
        If there is no such folder or zip, or nothing in it.
    """
    if not source.exists():
        raise CourseError(f"{source} does not exist: name the folder or zip of the submissions.")
    if source.is_dir():
        entries = sorted(p for p in source.iterdir() if not p.name.startswith((".", "__")))
        found = [_read_entry(path, exercise, notebook) for path in entries]
    else:
        try:
            found = list(_read_zip(source, exercise, notebook))
        except (zipfile.BadZipFile, OSError, Unreadable) as error:
            raise CourseError(f"{source} is neither a folder nor a sound zip: {error}.") from None
    found = [one for one in found if one is not None]
    if not found:
        raise CourseError(
            f"There is no submission in {source}: a folder for each student is expected, with a "
            f"notebook of {exercise} or the zip of tlcourse submit in it."
        )
    if len(found) == 1 and found[0].reason.startswith("there is no notebook"):
        inner = source / found[0].student
        if inner.is_dir() and any(path.is_dir() for path in inner.iterdir()):
            raise CourseError(
                f"In {source} there is one folder, with folders in it: did you mean {inner}?"
            )
    twice = {one.student for one in found if sum(o.student == one.student for o in found) > 1}
    if twice:
        raise CourseError(f"{min(twice)!r} has handed in twice in {source}: keep one of them.")
    return sorted(found, key=lambda one: one.student)


def _read_entry(path: Path, exercise: str, notebook: str) -> Submission | None:
    """The submission in a student's folder, zip or notebook; None for any other file."""
    student = path.name if path.is_dir() else path.stem
    try:
        if path.is_symlink():
            raise Unreadable(f"{path.name} is a link, which is not followed")
        if path.is_dir():
            return _read_folder(path, exercise, notebook)
        if path.suffix == ".zip":
            return _read_students_zip(student, path.name, read_file(path), _time(path), notebook)
        if path.suffix == ".ipynb":
            return Submission(student, path.name, read_file(path), submitted=_time(path))
        return None
    except (Unreadable, OSError) as error:
        return Submission(student, path.name, reason=str(error), submitted=_time(path))


def _read_folder(folder: Path, exercise: str, notebook: str) -> Submission:
    nested = folder / exercise
    if not nested.is_symlink() and nested.is_dir():
        folder, student = nested, folder.name
    else:
        student = folder.name
    files = {p.name: p for p in folder.iterdir() if p.suffix in (".ipynb", ".zip")}
    path = files[_choose(files, exercise, notebook)]
    submitted = _time(path)
    stamp = folder / _STAMP
    if stamp.is_file() and not stamp.is_symlink():
        with open(stamp, "rb") as file:
            submitted = _parsed_time(file.read(100)) or submitted
    try:
        data = read_file(path)
        if path.suffix == ".zip":
            return _read_students_zip(student, path.name, data, submitted, notebook)
        return Submission(student, path.name, data, submitted=submitted)
    except Unreadable as error:
        return Submission(student, path.name, reason=str(error), submitted=submitted)


def _choose(names, exercise: str, notebook: str) -> str:
    """Of several files, the one that was handed out, else the only one of this exercise."""
    names = sorted(names)
    if notebook in names:
        return notebook
    own = [n for n in names if n.startswith(exercise)] or names
    if not own:
        raise Unreadable(f"there is no notebook of {exercise}")
    if len(own) > 1:
        raise Unreadable(f"there are {len(own)} files, and none is {notebook}: {', '.join(own)}")
    return own[0]


def _read_students_zip(
    student: str, name: str, data: bytes, submitted: str, notebook: str
) -> Submission:
    """The notebook in a zip of one student."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {PurePosixPath(i.filename).name: i for i in _members(archive)}
            files = {n: i for n, i in files.items() if n.endswith(".ipynb")}
            chosen = _choose(files, notebook[:4], notebook)
            return Submission(student, chosen, _unpacked(archive, files[chosen]), "", submitted)
    except Unreadable:
        raise
    except Exception as error:  # a damaged zip raises what it likes
        raise Unreadable(f"{name} is no sound zip ({error})") from None


def _read_zip(source: Path, exercise: str, notebook: str) -> Iterator[Submission]:
    """The submissions in a zip of a folder as in `find`."""
    with zipfile.ZipFile(source) as archive:
        members = list(_members(archive))
        parts = {info: PurePosixPath(info.filename).parts for info in members}
        # The folder itself may be in the zip, around all; a student's must not be taken for it.
        around = len({path[0] for path in parts.values()}) == 1
        around = around and all(len(p) > 2 and p[1] != exercise for p in parts.values())
        students: dict[str, dict[str, zipfile.ZipInfo]] = {}
        for info, path in parts.items():
            rest = path[around:]
            is_stamp = rest[-1] == _STAMP and len(rest) > 1
            if is_stamp or rest[-1].endswith((".ipynb", ".zip")):
                if len(rest) > 2 and exercise in rest[1:-1]:
                    rest = (rest[0], rest[-1])
                if len(rest) <= 2:
                    student = rest[0] if len(rest) == 2 else PurePosixPath(rest[0]).stem
                    students.setdefault(student, {})[rest[-1]] = info
        for student, files in students.items():
            chosen, submitted, stamp = "", "", files.pop(_STAMP, None)
            try:
                chosen = _choose(files, exercise, notebook)
                info = files[chosen]
                submitted = _time_in_zip(info)
                if stamp:
                    submitted = _parsed_time(_unpacked(archive, stamp)[:100]) or submitted
                data = _unpacked(archive, info)
                if chosen.endswith(".zip"):
                    yield _read_students_zip(student, chosen, data, submitted, notebook)
                else:
                    yield Submission(student, chosen, data, submitted=submitted)
            except Unreadable as error:
                yield Submission(student, chosen, reason=str(error), submitted=submitted)


def _members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The files of a zip that stay where they belong."""
    infos = archive.infolist()
    if len(infos) > _MOST_FILES:
        raise Unreadable(f"the zip holds {len(infos):,} files")
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        link = stat.S_ISLNK(info.external_attr >> 16)
        strange = path.is_absolute() or ".." in path.parts or ":" in info.filename
        if not (info.is_dir() or link or strange or "__MACOSX" in path.parts or not path.parts):
            yield info


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MOST_BYTES:
        raise Unreadable(_too_large(info.file_size))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable("it cannot be unpacked (save the zip without bzip2 or LZMA)")
    try:
        with archive.open(info) as file:
            data = file.read(MOST_BYTES + 1)  # the size in the zip may be a lie
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise Unreadable(f"it cannot be unpacked ({error})") from None
    except Exception as error:  # of zlib, lzma and bz2, each its own
        raise Unreadable(f"it cannot be unpacked ({error})") from None
    if len(data) > MOST_BYTES:
        raise Unreadable(_too_large(len(data)))
    return data


def _too_large(size: int) -> str:
    return f"it is larger than {MOST_BYTES // 2**20} MB ({size / 2**20:,.0f} MB)"


def read_file(path: Path) -> bytes:
    """The bytes of a regular file, not of what it may link to.

    Raises
    ------
    Unreadable
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Unreadable(f"{path.name} is not a file")
            if about.st_size > MOST_BYTES:
                raise Unreadable(_too_large(about.st_size))
            return file.read(MOST_BYTES)
    except OSError as error:
        link = path.is_symlink()
        why = "it is a link, which is not followed" if link else error.strerror
        raise Unreadable(f"{path.name} cannot be read: {why}") from None


def _time(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):  # a time before or beyond all calendars
        return ""


def _time_in_zip(info: zipfile.ZipInfo) -> str:
    """A zip tells local times, without saying of which zone: this machine's, as unzip has it."""
    try:
        return datetime(*info.date_time).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def _parsed_time(text: bytes) -> str:
    """nbgrader's timestamp as ISO 8601, or ""."""
    from dateutil import parser

    try:
        when = parser.parse(text.decode("utf-8", "replace").strip())
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return ""


def read_extensions(path: Path) -> dict[str, datetime]:
    """Deadlines of single students, from a CSV with the columns student and deadline.

    Raises
    ------
    CourseError
        If the file or a line of it cannot be read; the message names the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read ({error}): give a CSV by --extensions.") from None
    rows = csv.DictReader(text.splitlines())
    if not {"student", "deadline"} <= set(rows.fieldnames or ()):
        raise CourseError(f"{path}: its first line must name the columns student and deadline.")
    found = {}
    for row in rows:
        try:
            found[row["student"]] = datetime.fromisoformat(row["deadline"]).astimezone()
        except (ValueError, TypeError):
            raise CourseError(
                f"{path}, line {rows.line_num}: {row['deadline']!r} is no time; "
                "write 2026-12-01 18:00."
            ) from None
    return found


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
        raise Unreadable("it is not a notebook: brackets within brackets without end") from None
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


def other_exercise(cells: list[Cell], exercise: str) -> str:
    """The set that a notebook says it is of, if that is another one, else ""."""
    code = "\n".join(cell.source for cell in cells if cell.kind == "code")
    named = set(re.findall(r"""\bexercise\(\s*["'](ex\d\d)["']""", code))
    return "" if not named or exercise in named else min(named)


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
