"""What becomes of records: nbgrader's gradebook, notebooks for formgrader, a CSV, feedback, counts.

`marks/` is a course folder of nbgrader: formgrader and `nbgrader export`, started in it, show these
marks. What a person enters in formgrader (scores, extra credit, comments) is never overwritten; to
bring it into the CSV and the feedback, store the records again.
"""

import csv
import io
import json
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import jinja2
from filelock import FileLock

from tlcourse.checks import tasks, title
from tlcourse.course import content
from tlcourse.course.content import Released, grade_id
from tlcourse.files import CourseError, explain_os_errors, write

COURSE = "tlcourse"
UNREADABLE = "Unreadable: "  # how the comment on such a submission begins
_CONFIG = f'''"""For nbgrader: formgrader and `nbgrader export`, started in this folder."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "{COURSE}"
'''
_LUMP = 100  # submissions in a transaction
_BUSY = 60  # seconds to wait for a gradebook that someone else writes to
_CELL, _LINE, _ANSWER = 20_000, 1_000, 5_000  # characters of a learner's text that are kept
_DAY = timedelta(days=1)


def _about(cell: dict) -> dict:
    return cell["metadata"]["nbgrader"]


# --- storing -----------------------------------------------------------------------------------


def store(
    marks: Path,
    records: Iterable[dict],
    *,
    deadline: datetime | None = None,
    extensions: dict[str, datetime] | None = None,
    penalty: float = 0.0,
) -> list[str]:
    """Bring records into the gradebook, and write what follows from it; twice is the same as once.

    A submission that cannot be read counts as handed in, with 0 points for each task; the reason is
    the comment on its first answer, and formgrader shows the empty notebook under it, so that a
    person can give points or ask for another file.

    Parameters
    ----------
    marks : Path
        The folder of the marks.
    records : iterable of dict
        All of one exercise.
    deadline : datetime, optional
        With its time zone. Without one the gradebook keeps the date that it has.
    extensions : dict of datetime, optional
        A later deadline for some students. Without any the gradebook keeps those that it has.
    penalty : float
        The share of the score, from 0 to 1, that is lost for each day late that has begun.

    Raises
    ------
    CourseError
        If a name would lead out of the folder, a date has no time zone, or the gradebook cannot be
        used. What a person has entered is unharmed in any case.

    Returns
    -------
    list of str
        The students of whom something waits for a person: an open question that nobody has read,
        or an answer that was handed in anew after a person had given points for it.
    """
    own = {_student_id(record["student"]): record for record in records}
    exercises = {record["exercise"] for record in own.values()}
    if not own:
        return []
    if len(exercises) > 1 or not 0 <= penalty <= 1:
        raise ValueError("the records are of one exercise, and the penalty is a share from 0 to 1.")
    if extensions is not None:
        extensions = {_student_id(name): _utc(date) for name, date in extensions.items()}
    released = content.released(exercises.pop())
    with explain_os_errors(marks, "--out"):
        marks.mkdir(parents=True, exist_ok=True)
        with FileLock(marks / ".gradebook.lock"):
            if not (marks / "nbgrader_config.py").exists():
                write(marks / "nbgrader_config.py", _CONFIG.encode())
            if not (marks / "source" / released.name).exists():  # formgrader lists what lies there
                write(
                    marks / "source" / released.name / f"{released.path.stem}.ipynb", released.data
                )
            with _open(marks / "gradebook.db") as book:
                own_book = _Book(book.db, released, _utc(deadline), extensions, penalty)
                left = iter(own.items())
                while lump := dict(islice(left, _LUMP)):
                    anew = {student: _changed(marks, released, lump[student]) for student in lump}
                    for student, standing in own_book.update(lump, anew).items():
                        _write_files(marks, released, lump[student], standing)
                standings = own_book.standings()
                _put(marks / f"{released.name}.csv", _table(released, standings.values()).encode())
    return [student for student, standing in standings.items() if standing.waits]


def _student_id(student: str) -> str:
    """The name of a student as the gradebook and the folders have it."""
    name = student.encode("utf-8", "backslashreplace").decode()
    if len(name.encode()) > 255:
        name = f"{name[:60]}-{sha256(name.encode()).hexdigest()[:16]}"
    if name in ("", ".", "..") or "\0" in name or Path(name).name != name:
        raise CourseError(f"{student!r} cannot be the name of a student: rename the folder.")
    return name


def _utc(date: datetime | None) -> datetime | None:
    """A time as nbgrader keeps it: that of UTC, without a zone."""
    if date is None:
        return None
    if date.tzinfo is None:
        raise CourseError(f"{date} has no time zone: add one, as in {date.isoformat()}+01:00.")
    return date.astimezone(UTC).replace(tzinfo=None)


def _submitted(record: dict) -> datetime | None:
    try:
        date = datetime.fromisoformat(record["submitted"])
    except (ValueError, TypeError):
        return None
    return _utc(date if date.tzinfo else date.replace(tzinfo=UTC))


def _days_late(submitted: datetime | None, due: datetime | None) -> int:
    """Days late that have begun."""
    if submitted is None or due is None:
        return 0
    return max(0, math.ceil((submitted - due) / _DAY))


# --- the gradebook -----------------------------------------------------------------------------


def _nbgrader():
    """nbgrader's `api`, without what takes two thirds of the seconds that it needs to start."""
    # jsonschema compiles 38 grammars for international addresses, of which a gradebook has none.
    absent = "rfc3987_syntax" not in sys.modules
    if absent:
        sys.modules["rfc3987_syntax"] = None
    try:
        import nbgrader.api as api
        from nbgrader.dbutil import ALEMBIC_DIR
    except ImportError:
        raise CourseError(
            "The gradebook needs nbgrader, which is not installed: pip install 'tlcourse[grading]'."
        ) from None
    finally:
        if absent:
            del sys.modules["rfc3987_syntax"]

    def newest() -> str:
        from alembic.script import ScriptDirectory

        return ScriptDirectory(ALEMBIC_DIR).get_current_head()

    api.get_alembic_version = newest  # its own starts a process, and nbgrader once more in that
    return api


@contextmanager
def _open(path: Path) -> Iterator:
    """nbgrader's gradebook; a new one appears whole or not at all."""
    api = _nbgrader()
    from sqlalchemy.exc import DatabaseError

    if not path.exists() or not path.stat().st_size:
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        partial.unlink(missing_ok=True)
        try:
            api.Gradebook(_url(partial), COURSE).close()
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    try:
        with api.Gradebook(_url(path), COURSE) as book:
            book.db().expire_on_commit = False
            yield book
    except DatabaseError as error:
        raise CourseError(
            f"{path} cannot be used ({error.orig}): end what else is writing to it, and run the "
            "command again; what was entered by hand is not touched."
        ) from error


def _url(path: Path):
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(path.absolute()), query={"timeout": str(_BUSY)})


def _id(*parts: str) -> str:
    """An id that is the same in every run, so that gradebooks can be compared."""
    return uuid5(NAMESPACE_URL, json.dumps([COURSE, *parts])).hex


@dataclass
class Standing:
    """What the gradebook holds on a student's submission; grades and comments by grade_id."""

    submission: object
    notebook: object
    grades: dict
    comments: dict
    due: datetime | None

    def auto(self, name: str) -> float:
        """Points of a task that the marker gives."""
        grade = self.grades.get(name)
        return grade.auto_score or 0.0 if grade else 0.0

    def score(self, name: str) -> float:
        """Points of a task: those given by hand, else the marker's, and extra credit."""
        grade = self.grades[name]
        given = [grade.manual_score, grade.auto_score]
        points = next((p for p in given if p is not None), None)
        return 0.0 if points is None else points + (grade.extra_credit or 0.0)

    @property
    def raw(self) -> float:
        """Points before a penalty."""
        return sum(map(self.score, self.grades))

    @property
    def penalty(self) -> float:
        return self.notebook.late_submission_penalty or 0.0

    @property
    def total(self) -> float:
        return max(0.0, self.raw - self.penalty)

    @property
    def days_late(self) -> int:
        return _days_late(self.submission.timestamp, self.due)

    @property
    def waits(self) -> bool:
        """Whether something is to be marked by hand."""
        return any(grade.needs_manual_grade for grade in self.grades.values())


class _Book:
    """An exercise in the gradebook; rows are read and written in lumps, and changed if need be."""

    def __init__(self, db, released: Released, deadline, extensions, penalty: float) -> None:
        import nbgrader.api as api

        self.api, self.db, self.released = api, db, released
        self.extensions, self.penalty = extensions, penalty
        self._begin()
        key = {"name": released.name}
        self.assignment = self._ensure(api.Assignment, key, released.name, course_id=COURSE)
        if deadline is not None:
            self.assignment.duedate = deadline
        if extensions and self.assignment.duedate is None:
            raise CourseError("Extensions need a deadline that they extend: give one.")
        key = {"name": released.path.stem, "assignment_id": self.assignment.id}
        self.notebook = self._ensure(api.Notebook, key, released.name, released.path.stem)
        self.notebook.kernelspec = json.dumps(released.metadata["kernelspec"])
        self.graded, self.written = {}, {}
        for name, cell in released.nbgrader_cells.items():
            key = {"name": name, "notebook_id": self.notebook.id}
            parts = (released.name, released.path.stem, name)
            if name in released.points:
                values = {"max_score": released.points[name], "cell_type": cell["cell_type"]}
                found = self._ensure(api.GradeCell, key, *parts, "grade", **values)
                found.max_score = released.points[name]
                self.graded[name] = found.id
            if name in released.answers:
                self.written[name] = self._ensure(api.SolutionCell, key, *parts, "solution").id
        db.commit()

    def _begin(self) -> None:
        """Begin a transaction that nobody else can write beside: what is read stays true."""
        from sqlalchemy import text

        self.db.execute(text("BEGIN IMMEDIATE"))

    def _ensure(self, model, key: dict, *parts: str, **new):
        """The row with this key, made if need be; `new` is what such a row gets."""
        row = self.db.query(model).filter_by(**key).one_or_none()
        if row is None:
            row = model(**key, **new)
            row.id = _id(*parts)
            self.db.add(row)
        return row

    def standings(self, students: Iterable[str] | None = None) -> dict[str, Standing]:
        """What there is of these students, or of all, by name."""
        api, db = self.api, self.db
        own, inside = api.SubmittedAssignment, api.SubmittedNotebook
        query = db.query(own, inside).join(inside, inside.assignment_id == own.id)
        query = query.filter(inside.notebook_id == self.notebook.id)
        if students is not None:
            query = query.filter(own.student_id.in_(list(students)))
        found, by_notebook = {}, {}
        for submission, notebook in query.order_by(own.student_id):
            due = self.assignment.duedate
            if due is not None and submission.extension is not None:
                due += submission.extension
            standing = Standing(submission, notebook, {}, {}, due)
            found[submission.student_id] = by_notebook[notebook.id] = standing
        for model, cells, kind in (
            (api.Grade, self.graded, "grades"),
            (api.Comment, self.written, "comments"),
        ):
            names = {id_: name for name, id_ in cells.items()}
            rows = db.query(model).filter(model.cell_id.in_(list(names)))
            if students is not None:
                rows = rows.filter(model.notebook_id.in_(list(by_notebook)))
            for row in rows:
                if row.notebook_id in by_notebook:
                    getattr(by_notebook[row.notebook_id], kind)[names[row.cell_id]] = row
        return found

    def update(self, records: dict[str, dict], anew: dict[str, set]) -> dict[str, Standing]:
        """Bring records in, in one transaction; what the gradebook then holds on each.

        `anew` names the answers of each student that are others than before.
        """
        self._begin()
        self._add_missing(records)
        standings = self.standings(records)
        for student, record in records.items():
            self._update(student, record, standings[student], anew[student])
        self.db.commit()
        return standings

    def _add_missing(self, students: Iterable[str]) -> None:
        """Add the rows that there should be, without marks."""
        api, db, exercise = self.api, self.db, self.released.name
        known = {id_ for (id_,) in db.query(api.Student.id).filter(api.Student.id.in_(students))}
        db.add_all(api.Student(id=student) for student in students if student not in known)
        own = api.SubmittedAssignment
        rows = db.query(own.student_id, own.id).filter(own.assignment_id == self.assignment.id)
        submissions = dict(rows.filter(own.student_id.in_(students)).all())
        for student in students:
            if student not in submissions:
                submissions[student] = _id(exercise, "submission", student)
                keys = {"assignment_id": self.assignment.id, "student_id": student}
                db.add(own(id=submissions[student], **keys))
        own = api.SubmittedNotebook
        rows = db.query(own.assignment_id, own.id).filter(own.notebook_id == self.notebook.id)
        notebooks = dict(rows.filter(own.assignment_id.in_(submissions.values())).all())
        for student, submission in submissions.items():
            if submission not in notebooks:
                notebooks[submission] = _id(exercise, "notebook", student)
                keys = {"notebook_id": self.notebook.id, "assignment_id": submission}
                db.add(own(id=notebooks[submission], **keys))
        for model, cells in ((api.Grade, self.graded), (api.Comment, self.written)):
            rows = db.query(model.notebook_id, model.cell_id)
            rows = rows.filter(model.notebook_id.in_(notebooks.values()))
            there = {tuple(row) for row in rows}
            for student, submission in submissions.items():
                for name, cell in cells.items():
                    keys = {"notebook_id": notebooks[submission], "cell_id": cell}
                    if tuple(keys.values()) not in there:
                        id_ = _id(exercise, model.__tablename__, name, student)
                        db.add(model(id=id_, **keys))
        db.flush()

    def _update(self, student: str, record: dict, standing: Standing, anew: set) -> None:
        """Set what is the marker's to set."""
        released, submission = self.released, standing.submission
        submission.timestamp = _submitted(record)
        if self.extensions is not None:
            later = self.extensions.get(student)
            submission.extension = later and later - self.assignment.duedate
            standing.due = later or self.assignment.duedate
        for name, grade in standing.grades.items():
            written = name == released.open_question and _is_written(released, record)
            points = record["tasks"].get(name, {}).get("points", 0)
            grade.auto_score = None if written else float(points)
            if grade.manual_score is None:
                grade.needs_manual_grade = written
            elif name in anew:
                grade.needs_manual_grade = True  # until a person has looked at it again
        for name, comment in standing.comments.items():
            comment.auto_comment = _comment(released, record, name)
        lost = min(1.0, self.penalty * standing.days_late) * standing.raw
        standing.notebook.late_submission_penalty = lost or None


def _changed(marks: Path, released: Released, record: dict) -> set[str]:
    """The tasks of which the answer is another one than in the notebook that was stored."""
    path = _stored(marks, released, _student_id(record["student"]))
    try:
        before = _sources(path.read_bytes())
    except (OSError, ValueError):
        return set()
    now = _sources(_notebook(released, record))
    names = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    return {name.removesuffix("-answer") for name in names}


def _sources(data: bytes) -> dict[str, str]:
    """What stands in the cells that nbgrader knows, by grade_id."""
    cells = json.loads(data)["cells"]
    return {grade_id(cell): cell["source"] for cell in cells if grade_id(cell)}


def _stored(marks: Path, released: Released, student: str) -> Path:
    """A student's notebook, as formgrader opens it."""
    return marks / "autograded" / student / released.name / f"{released.path.stem}.ipynb"


def _comment(released: Released, record: dict, name: str) -> str | None:
    """The marker's own comment on an answer."""
    if record["status"] != "marked":
        return UNREADABLE + _clean(record["reason"], _LINE) if name == released.answers[0] else None
    if name == released.open_question:
        return None if _is_written(released, record) else "No response."
    status = record["tasks"].get(name.removesuffix("-answer"), {}).get("status")
    return "No response." if status == "not attempted" else None


def _is_written(released: Released, record: dict) -> bool:
    """Whether something is written for the open question."""
    stub = (
        released.nbgrader_cells[released.open_question]["source"].strip()
        if released.open_question
        else ""
    )
    return record["open_answer"].strip() not in ("", stub)


# --- files for nbgrader ------------------------------------------------------------------------


def _write_files(marks: Path, released: Released, record: dict, standing: Standing) -> None:
    """Write a student's notebook for formgrader and the feedback.

    formgrader counts what is in `submitted/`; the notebook itself is left out there, so that
    nothing can run it outside of the sandbox. Where it lies there all the same, `marks` is a course
    folder that somebody else has filled, and the time that is noted beside it stays.
    """
    student, when = standing.submission.student_id, standing.submission.timestamp
    _put(_stored(marks, released, student), _notebook(released, record))
    stamp = marks / "submitted" / student / released.name / "timestamp.txt"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    ours = not (stamp.exists() and any(stamp.parent.glob("*.ipynb")))
    if ours and when is not None and _read_stamp(stamp) != when:
        write(stamp, f"{when.isoformat(sep=' ')} UTC\n".encode())
    _put(
        marks / "feedback" / student / f"{released.name}.html",
        _feedback(released, record, standing),
    )


def _put(path: Path, data: bytes) -> None:
    """Write a file if that changes it."""
    if not (path.is_file() and path.read_bytes() == data):
        write(path, data)


def _read_stamp(path: Path) -> datetime | None:
    from nbgrader.utils import parse_utc

    try:
        return parse_utc(path.read_text("utf-8").strip())
    except (OSError, ValueError, OverflowError):
        return None


def _notebook(released: Released, record: dict) -> bytes:
    """A learner's notebook as formgrader opens it: the learner's text, the marker's verdicts."""
    given = record["notebook"]
    cells = []
    if record["status"] != "marked":
        given = [(c["cell_type"], c["source"], grade_id(c)) for c in released.cells]
        told = f"**{UNREADABLE}**" + _clean(record["reason"], _LINE)
        cells.append({"cell_type": "markdown", "metadata": {}, "source": _harmless(told)})
    left, handed_out = dict(released.nbgrader_cells), {cell["source"] for cell in released.cells}
    for kind, source, name in given:
        source = _clean(source, _CELL)
        if marked := left.pop(name, None):
            cells.append(_marked_cell(marked, source, record["tasks"].get(name)))
        else:
            if kind != "code" and source not in handed_out:
                source = _harmless(source)
            cells.append({"cell_type": kind, "metadata": {}, "source": source})
    for name, marked in left.items():
        if _about(marked)["grade"]:
            cells.append(_marked_cell(marked, marked["source"], record["tasks"].get(name)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": cell.get("outputs", [])}
    found = {"cells": cells, "metadata": released.metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _marked_cell(given: dict, source: str, verdict: dict | None) -> dict:
    """A cell that nbgrader knows: type, metadata and a check's text are those handed out."""
    about, kind = _about(given), given["cell_type"]
    if about["locked"]:
        source = given["source"]
    elif kind != "code":
        source = _harmless(source)
    metadata = {
        k: given["metadata"][k] for k in ("deletable", "editable") if k in given["metadata"]
    }
    cell = {"cell_type": kind, "metadata": metadata | {"nbgrader": about}, "source": source}
    if verdict and kind == "code":
        told = _told(verdict, about.get("points", 0))
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": told}]
    return cell


def _told(verdict: dict, points: float) -> str:
    """A verdict as text."""
    lines = [f"{verdict['status']}: {verdict['points']:g} of {points:g} points"]
    lines += [f"✔ {name}" for name in verdict["passed"]]
    message = _clean(verdict["message"], _LINE)
    if verdict["failed"]:
        lines.append(f"✘ {verdict['failed']}")
    if message and verdict["status"] == "not yet":
        lines.append(f"  {message}")
    return "\n".join(lines) + "\n"


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _clean(text: str, most: int) -> str:
    """A learner's text without control characters and halves of characters, and shortened."""
    text = text[: most + 1].encode("utf-8", "replace").decode()
    text = _CONTROL.sub("�", text.replace("\r\n", "\n"))
    return text if len(text) <= most else f"{text[:most]} … (shortened)"


def _harmless(text: str) -> str:
    """Markdown in which there are no tags, links or images, which formgrader shows unfiltered."""
    return re.sub(r"<(?=[A-Za-z/!?])|\](?=[(:])|\\(?=href)", r"\g<0> ", text)


# --- files for people --------------------------------------------------------------------------


def _table(released: Released, standings: Iterable[Standing]) -> str:
    """The marks as CSV; in each row the total is the sum of the points, less the penalty."""
    names = [name for name in released.points if name != released.open_question]
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    head = ["student", "status", "submitted", "days late", *names]
    writer.writerow([*head, "manual points", "penalty", "total", "maximum"])
    for one in standings:
        points = [one.auto(name) for name in names]
        told = [comment.auto_comment or "" for comment in one.comments.values()]
        status = "unreadable" if any(t.startswith(UNREADABLE) for t in told) else "marked"
        when = one.submission.timestamp
        when = when.replace(tzinfo=UTC).isoformat(timespec="seconds") if when else ""
        row = [_guarded(one.submission.student_id), status, when, one.days_late]
        numbers = [
            *points,
            one.raw - sum(points),
            one.penalty,
            one.total,
            sum(released.points.values()),
        ]
        writer.writerow(row + [_number(value) for value in numbers])
    return file.getvalue()


def _number(value: float) -> float | int:
    value = round(value, 2)
    return int(value) if value == int(value) else value


def _guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if re.match(r"\s*[=+\-@＝＋－＠]|[\t\r\n]", text) else text


def _feedback(released: Released, record: dict, standing: Standing) -> bytes:
    """A student's page."""
    known, shown = tasks(released.name), []
    for name, most in released.points.items():
        if name == released.open_question:
            continue
        verdict = record["tasks"].get(name, {})
        comment = standing.comments.get(f"{name}-answer")
        shown.append(
            {
                "title": known[name].title if name in known else name,
                "status": verdict.get("status", "not marked"),
                "points": _points(standing.score(name), most),
                "by_hand": _is_by_hand(standing.grades[name]),
                "passed": verdict.get("passed", ()),
                "failed": verdict.get("failed", ""),
                "message": _clean(verdict.get("message", ""), _LINE),
                "comment": comment and comment.manual_comment,
            }
        )
    asked = None
    if released.open_question:
        grade = standing.grades[released.open_question]
        asked = {
            "answer": _clean(record["open_answer"], _ANSWER)
            if _is_written(released, record)
            else "",
            "points": _points(
                standing.score(released.open_question), released.points[released.open_question]
            ),
            "waits": grade.needs_manual_grade,
            "by_hand": _is_by_hand(grade),
            "comment": standing.comments[released.open_question].manual_comment,
        }
    page = _template().render(
        exercise=released.name,
        title=title(released.name),
        student=_clean(record["student"], 200),
        reason=_clean(record["reason"], _LINE) if record["status"] != "marked" else "",
        submitted=_date(standing.submission.timestamp),
        due=_date(standing.due),
        days_late=standing.days_late,
        penalty=_number(standing.penalty),
        total=_points(standing.total, sum(released.points.values())),
        tasks=shown,
        errors=[(number, _clean(error, _LINE)) for number, error in record["cells"][:50]],
        asked=asked,
    )
    return page.encode()


def _is_by_hand(grade) -> bool:
    return grade.manual_score is not None or bool(grade.extra_credit)


def _points(points: float, most: float) -> str:
    return f"{_number(points)} of {_number(most)}"


def _date(date: datetime | None) -> str:
    return f"{date.day} {date:%B %Y, %H:%M} UTC" if date else ""


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    return jinja2.Environment(loader=loader, **options).get_template("feedback.html.j2")


# --- what the lecturer wants to know -----------------------------------------------------------


def summary(
    records: Iterable[dict],
    *,
    deadline: datetime | None = None,
    extensions: dict[str, datetime] | None = None,
) -> str:
    """The class in numbers, for a terminal: how many, their points, and what to teach again.

    Parameters
    ----------
    records : iterable of dict
        All of one exercise.
    deadline, extensions
        As for `store`; without a deadline nobody is late.
    """
    records = list(records)
    if not records:
        return "Nothing is handed in."
    name = records[0]["exercise"]
    marked = [record for record in records if record["status"] == "marked"]
    counts = [f"{len(marked)} marked"]
    if len(marked) < len(records):
        counts.append(f"{len(records) - len(marked)} unreadable")
    dues = {student: _utc(date) for student, date in (extensions or {}).items()}
    if deadline is not None:
        due = _utc(deadline)
        days = [_days_late(_submitted(r), dues.get(r["student"], due)) for r in records]
        counts.append(f"{sum(map(bool, days))} late")
    heading = f"{name} · {title(name)}: {len(records)} handed in, {', '.join(counts)}"
    parts = [[heading]]
    if marked:
        parts += [_histogram(marked), _shares(name, marked), _failures(marked)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _histogram(records: list[dict]) -> list[str]:
    totals = Counter(sum(v["points"] for v in record["tasks"].values()) for record in records)
    every = [task.points for task in tasks(records[0]["exercise"]).values()]
    step = min(every)
    rows = Counter({k * step: 0 for k in range(round(sum(every) / step) + 1)})
    for total, count in totals.items():
        rows[total // step * step] += count
    each = max(1, max(rows.values()) / 40)  # students for a block
    lines = [f"Points of {sum(every)}, without the open question"]
    for total, count in sorted(rows.items()):
        lines.append(f"{total:6g}  {'█' * math.ceil(count / each)} {count}")
    return lines


def _shares(exercise: str, records: list[dict]) -> list[str]:
    states = ("correct", "not yet", "not attempted")
    known = list(tasks(exercise))
    width = max(map(len, known))
    lines = [f"{'Tasks':{width + 2}}" + "".join(f"{state:>15}" for state in states)]
    for name in known:
        found = Counter(record["tasks"].get(name, {}).get("status") for record in records)
        shares = "".join(f"{_percent(found[state], len(records)):>15}" for state in states)
        lines.append(f"  {name:{width}}{shares}")
    return lines


def _failures(records: list[dict]) -> list[str]:
    """The properties that failed, most frequent first, with the reason that is told most often."""
    failed: dict[tuple[str, str], Counter] = {}
    for record in records:
        for name, verdict in record["tasks"].items():
            if verdict["status"] == "not yet":
                reason, _, call = verdict["message"].partition("; ")
                if not call and reason.startswith(f"{name}("):
                    reason = ""  # the call alone
                key = (name, verdict["failed"])
                failed.setdefault(key, Counter())[_clean(reason, 100)] += 1
    lines = ["What to teach again: the share that failed it"] if failed else []
    for (name, which), reasons in sorted(failed.items(), key=lambda f: (-f[1].total(), f[0])):
        share = _percent(reasons.total(), len(records))
        lines.append(f"{share:>6}  {name}: {which or 'it could not be tried to the end'}")
        told, count = max(reasons.items(), key=lambda item: (bool(item[0]), item[1], item[0]))
        if told and count > 1:
            lines.append(f"{'':8}most often ({count}): {' '.join(told.split())}")
    return lines


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.0f} %"
