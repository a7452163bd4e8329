"""Records in nbgrader's gradebook, and the files that are written along with it.

`marks/` is a course folder of nbgrader: formgrader, started in it, shows these marks. (`nbgrader
export` works too, but guards nothing: a name may be a formula. The CSV files here are guarded.)
What a person enters in formgrader (scores, extra credit, comments) is never overwritten; to bring
it into the CSV and the feedback, store the records again.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.util import find_spec, module_from_spec
from itertools import islice
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from filelock import FileLock

from tlcourse.checks import moved
from tlcourse.course import content
from tlcourse.course.content import Released, grade_id
from tlcourse.files import CourseError, explain_os_errors, write
from tlcourse.grading import feedback, lecturer, platforms, summary
from tlcourse.grading.standing import UNREADABLE, Cost, Standing, submitted_at, utc

COURSE = "tlcourse"
_CONFIG = f'''"""For nbgrader: formgrader, started in this folder."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "{COURSE}"
'''
_BATCH = 100  # submissions in a transaction
_TIMEOUT = 60  # seconds to wait for a gradebook that someone else writes to


# --- storing -----------------------------------------------------------------------------------


def store(
    marks: Path,
    records: Iterable[dict],
    *,
    deadline: datetime | None = None,
    extensions: dict[str, datetime] | None = None,
    penalty: float = 0.0,
    max_penalty: float = 1.0,
    grace: float = 0.0,
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
    max_penalty : float
        The share that is lost at most.
    grace : float
        Minutes after the deadline that do not count.

    Raises
    ------
    CourseError
        If a name would lead out of the folder, a date has no time zone, or the gradebook cannot be
        used. What a person has entered is unharmed in any case.

    Returns
    -------
    list of str
        The students of whom something waits for a person: an open question that nobody has read,
        or an answer that was handed in again after a person had given points for it.
    """
    own = {student_id(record["student"]): record for record in records}
    exercises = {record["exercise"] for record in own.values()}
    if not own:
        return []
    if len(exercises) > 1 or not (0 <= penalty <= 1 and 0 <= max_penalty <= 1 and grace >= 0):
        raise ValueError(
            "the records are of one exercise, penalty and max_penalty are shares from 0 to 1, and "
            "grace is not negative."
        )
    cost = Cost(penalty, max_penalty, timedelta(minutes=grace))
    if extensions is not None:
        extensions = {student_id(name): utc(date) for name, date in extensions.items()}
    released = content.released(exercises.pop())
    with explain_os_errors(marks, "--out"):
        marks.mkdir(parents=True, exist_ok=True)
        with FileLock(marks / ".gradebook.lock"):
            if not (marks / "nbgrader_config.py").exists():
                write(marks / "nbgrader_config.py", _CONFIG.encode())
            if not (marks / "source" / released.name).exists():  # formgrader lists what lies there
                write(
                    marks / "source" / released.name / f"{released.notebook.stem}.ipynb",
                    released.data,
                )
            comments = lecturer.comments(marks, released.name)
            with _open(marks / "gradebook.db") as book:
                own_book = _Book(book.db, released, utc(deadline), extensions, cost)
                left = iter(own.items())
                while batch := dict(islice(left, _BATCH)):
                    changed = {name: _changed(marks, released, batch[name]) for name in batch}
                    for student, standing in own_book.update(batch, changed).items():
                        _write_files(marks, released, batch[student], standing, comments)
                standings = own_book.standings()
                for student, standing in standings.items():
                    standing.late = bool(own.get(student, {}).get("late"))
                _put(
                    marks / f"{released.name}.csv",
                    summary.table(released, standings.values()).encode(),
                )
                _put(marks / "all.csv", summary.all_sets(_every_set(book, own_book)).encode())
    return [student for student, standing in standings.items() if standing.waits]


@dataclass(frozen=True)
class Mark:
    """What the gradebook holds on one student and set.

    `by_hand` holds what a person has entered, by task: the points, if any, and the comment.
    """

    total: float
    maximum: float
    penalty: float
    days_late: int
    waits: bool
    by_hand: dict[str, tuple[float | None, str]]


def marks(folder: Path, exercise: str) -> dict[str, Mark]:
    """The marks of a set that is stored, by the name of the student as `student_id` has it.

    Raises
    ------
    CourseError
    """
    released = content.released(exercise)
    with _open(folder / "gradebook.db") as book:
        standings = _Book(book.db, released, None, None, Cost()).standings()
        maximum = sum(released.points.values())
        known = lecturer.comments(folder, exercise)
        return {
            student: Mark(
                one.total, maximum, one.penalty, one.days_late, one.waits, _by_hand(one, known)
            )
            for student, one in standings.items()
        }


def _by_hand(standing: Standing, known: dict[str, str]) -> dict[str, tuple[float | None, str]]:
    """What a person has entered, by task; a standard comment is written out."""
    entered = {}
    for name, grade in standing.grades.items():
        comment = standing.comments.get(name) or standing.comments.get(f"{name}-answer")
        text = lecturer.written_out(comment.manual_comment, known) if comment else None
        points = standing.score(name) if feedback.is_by_hand(grade) else None
        if text or points is not None:
            entered[name] = points, text or ""
    return entered


def _every_set(book, own: "_Book") -> dict[str, tuple[float, dict[str, float]]]:
    """For each set in the gradebook its maximum, and the total of each student."""
    found = {}
    known = set(content.exercises())
    for name in sorted(assignment.name for assignment in book.assignments):
        if name in known:
            released = content.released(name)
            same = name == own.released.name
            one = own if same else _Book(book.db, released, None, None, Cost())
            totals = {student: s.total for student, s in one.standings().items()}
            found[name] = sum(released.points.values()), totals
    return found


def student_id(student: str) -> str:
    """The name of a student as the gradebook and the folders have it."""
    name = student.encode("utf-8", "backslashreplace").decode()
    if len(name.encode()) > 255:
        name = f"{name[:60]}-{sha256(name.encode()).hexdigest()[:16]}"
    if name in ("", ".", "..") or "\0" in name or Path(name).name != name:
        raise CourseError(f"{student!r} cannot be the name of a student: rename the folder.")
    return name


# --- the gradebook -----------------------------------------------------------------------------


def _nbgrader():
    """nbgrader's `api`, which knows the newest gradebook without starting a process.

    The package itself would import formgrader, the extensions of JupyterLab and a web server, which
    takes as long again. So `api` is imported into a package that has not run, and whoever imports
    nbgrader later gets the whole one.
    """
    is_first = "nbgrader" not in sys.modules
    try:
        if is_first and (found := find_spec("nbgrader")):
            sys.modules["nbgrader"] = module_from_spec(found)
        import nbgrader.api as api
    except ImportError:
        raise CourseError(
            "The gradebook needs nbgrader, which is not installed: pip install 'tlcourse[grading]'."
        ) from None
    finally:
        if is_first:
            sys.modules.pop("nbgrader", None)
    folder = Path(api.__file__).parent / "alembic"

    def newest() -> str:
        from alembic.script import ScriptDirectory

        return ScriptDirectory(folder).get_current_head()

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

    return URL.create("sqlite", database=str(path.absolute()), query={"timeout": str(_TIMEOUT)})


def _id(*parts: str) -> str:
    """An id that is the same in every run, so that gradebooks can be compared."""
    return uuid5(NAMESPACE_URL, json.dumps([COURSE, *parts])).hex


class _Book:
    """An exercise in the gradebook; rows are read in batches, and written where they change."""

    def __init__(self, db, released: Released, deadline, extensions, cost: Cost) -> None:
        self.api = api = _nbgrader()
        self.db, self.released = db, released
        self.extensions, self.cost = extensions, cost
        self._begin()
        key = {"name": released.name}
        self.assignment = self._ensure(api.Assignment, key, released.name, course_id=COURSE)
        if deadline is not None:
            self.assignment.duedate = deadline
        if extensions and self.assignment.duedate is None:
            raise CourseError("Extensions need a deadline that they extend: give one.")
        key = {"name": released.notebook.stem, "assignment_id": self.assignment.id}
        self.notebook = self._ensure(api.Notebook, key, released.name, released.notebook.stem)
        self.notebook.kernelspec = json.dumps(released.metadata["kernelspec"])
        self.graded, self.written = {}, {}
        for name, cell in released.nbgrader_cells.items():
            key = {"name": name, "notebook_id": self.notebook.id}
            parts = (released.name, released.notebook.stem, name)
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
        own, part = api.SubmittedAssignment, api.SubmittedNotebook
        query = db.query(own, part).join(part, part.assignment_id == own.id)
        query = query.filter(part.notebook_id == self.notebook.id)
        if students is not None:
            query = query.filter(own.student_id.in_(list(students)))
        found, by_notebook = {}, {}
        for submission, notebook in query.order_by(own.student_id):
            due = self.assignment.duedate
            if due is not None and submission.extension is not None:
                due += submission.extension
            standing = Standing(submission, notebook, {}, {}, due, self.cost.grace)
            if not platforms.person(submission.student_id, is_file=False).text:  # of 0.1.0: no one
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

    def update(self, records: dict[str, dict], changed: dict[str, set]) -> dict[str, Standing]:
        """Bring records in, in one transaction; what the gradebook then holds on each.

        `changed` names, for each student, the tasks of which the answer is another one than before.
        """
        self._begin()
        self._add_missing(records)
        standings, entered = self.standings(records), self._entered_before(records)
        for student, record in records.items():
            before = entered.get(student, {})
            self._update(student, record, standings[student], changed[student], before)
        self.db.commit()
        return standings

    def _entered_before(self, students: Iterable[str]) -> dict[str, dict[str, dict]]:
        """What people entered on tasks while these were in another set: "Grade" and "Comment"."""
        api, db, found = self.api, self.db, {}
        own, part = api.SubmittedAssignment, api.SubmittedNotebook
        for name, places in moved.came(self.released.name).items():
            for before, old in places:
                kinds = [(api.Grade, api.GradeCell, old)]
                kinds += [(api.Comment, api.SolutionCell, f"{old}-answer")]
                for model, cell, cell_name in kinds:
                    rows = db.query(own.student_id, model).join(cell, model.cell_id == cell.id)
                    rows = rows.join(part, model.notebook_id == part.id)
                    rows = rows.join(own, part.assignment_id == own.id)
                    rows = rows.join(api.Assignment, own.assignment_id == api.Assignment.id)
                    rows = rows.filter(api.Assignment.name == before, cell.name == cell_name)
                    for student, row in rows.filter(own.student_id.in_(list(students))):
                        found.setdefault(student, {}).setdefault(name, {})[model.__name__] = row
        return found

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
            there, missing = {tuple(row) for row in rows}, []
            for student, submission in submissions.items():
                for name, cell in cells.items():
                    keys = {"notebook_id": notebooks[submission], "cell_id": cell}
                    if tuple(keys.values()) not in there:
                        id_ = _id(exercise, model.__tablename__, name, student)
                        missing.append({"id": id_, **keys})
            db.flush()  # the notebooks that they belong to
            db.bulk_insert_mappings(model, missing)

    def _update(
        self, student: str, record: dict, standing: Standing, changed: set, before: dict
    ) -> None:
        """Set what is the marker's to set, and take over what was entered in another set."""
        released, submission = self.released, standing.submission
        submission.timestamp = submitted_at(record)
        if self.extensions is not None:
            later = self.extensions.get(student)
            submission.extension = later and later - self.assignment.duedate
            standing.due = later or self.assignment.duedate
        for name, grade in standing.grades.items():
            by_hand = name == released.open_question and feedback.is_answered(released, record)
            points = record["tasks"].get(name, {}).get("points", 0)
            grade.auto_score = None if by_hand else float(points)
            if grade.manual_score is None:
                grade.needs_manual_grade = by_hand
            elif name in changed:
                grade.needs_manual_grade = True  # until a person has looked at it again
        for name, entered in before.items():
            _take_over(standing, record, name, entered)
        for name, comment in standing.comments.items():
            comment.auto_comment = _comment(released, record, name)
        standing.late = bool(record.get("late"))
        lost = self.cost.share(standing.days_late) * standing.raw
        standing.notebook.late_submission_penalty = lost or None


def _take_over(standing: Standing, record: dict, name: str, rows: dict) -> None:
    """Let points and a comment that a person gave in another set count, if they are more."""
    grade, comment = standing.grades[name], standing.comments.get(f"{name}-answer")
    given = rows["Grade"].manual_score if "Grade" in rows else None
    is_more = given is not None and given > standing.score(name)
    if is_more and grade.manual_score is None:
        grade.manual_score, grade.needs_manual_grade = given, False
    is_from_there = is_more or "from" in record["tasks"].get(name, {})
    if is_from_there and comment and "Comment" in rows and comment.manual_comment is None:
        comment.manual_comment = rows["Comment"].manual_comment


def _changed(marks: Path, released: Released, record: dict) -> set[str]:
    """The tasks of which the answer is another one than in the notebook that was stored."""
    path = _stored(marks, released, student_id(record["student"]))
    try:
        before = _sources(path.read_bytes())
    except (OSError, ValueError):
        return set()
    now = _sources(feedback.notebook(released, record))
    names = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    return {name.removesuffix("-answer") for name in names}


def _sources(data: bytes) -> dict[str, str]:
    """What stands in the cells that nbgrader knows, by grade_id."""
    cells = json.loads(data)["cells"]
    return {grade_id(cell): cell["source"] for cell in cells if grade_id(cell)}


def _stored(marks: Path, released: Released, student: str) -> Path:
    """A student's notebook, as formgrader opens it."""
    return marks / "autograded" / student / released.name / f"{released.notebook.stem}.ipynb"


def _comment(released: Released, record: dict, name: str) -> str | None:
    """The marker's own comment on an answer."""
    if record["status"] != "marked":
        reason = UNREADABLE + feedback.shortened(record["reason"], feedback.LINE)
        return reason if name == released.answers[0] else None
    if name == released.open_question:
        return None if feedback.is_answered(released, record) else "No response."
    status = record["tasks"].get(name.removesuffix("-answer"), {}).get("status")
    return "No response." if status == "not attempted" else None


# --- files for nbgrader ------------------------------------------------------------------------


def _write_files(
    marks: Path, released: Released, record: dict, standing: Standing, comments: dict[str, str]
) -> None:
    """Write a student's notebook for formgrader and the feedback.

    formgrader counts what is in `submitted/`; the notebook itself is left out there, so that
    nothing can run it outside of the sandbox. Where it lies there all the same, `marks` is a course
    folder that somebody else has filled, and the time that is noted beside it stays.
    """
    student, when = standing.submission.student_id, standing.submission.timestamp
    _put(_stored(marks, released, student), feedback.notebook(released, record))
    stamp = marks / "submitted" / student / released.name / "timestamp.txt"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    ours = not (stamp.exists() and any(stamp.parent.glob("*.ipynb")))
    if ours and when is not None and _read_stamp(stamp) != when:
        write(stamp, f"{when.isoformat(sep=' ')} UTC\n".encode())
    _put(
        marks / "feedback" / student / f"{released.name}.html",
        feedback.page(released, record, standing, comments),
    )


def _put(path: Path, data: bytes) -> None:
    """Write a file if that changes it."""
    if not (path.is_file() and path.read_bytes() == data):
        write(path, data)


def _read_stamp(path: Path) -> datetime | None:
    try:
        return _nbgrader().utils.parse_utc(path.read_text("utf-8").strip())
    except (OSError, ValueError, OverflowError):
        return None
