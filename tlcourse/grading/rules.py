"""What a run of `tlcourse grade` is told of a set, and the next one remembers from `marks/`."""

import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tlcourse.files import CourseError, explain_os_errors, write
from tlcourse.grading import times
from tlcourse.grading.roster import PLATFORMS


@dataclass(frozen=True)
class Rules:
    """What decides on lateness, and where the marks go.

    Attributes
    ----------
    deadline : str
        As ISO 8601 with its zone; "" if there is none.
    penalty : float
        The share of the points, from 0 to 1, that each day late costs.
    max_penalty : float
        The share of the points that a penalty takes at most.
    grace : float
        Minutes after the deadline that do not count.
    trust_timestamps : bool
        Whether a `timestamp.txt` in a student's folder tells the time.
    roster : str
        The CSV with the people of the course, "" if there is none.
    platform, column : str
        The platform that the marks are written for, and the name of the assignment there.
    """

    deadline: str = ""
    penalty: float = 0.0
    max_penalty: float = 1.0
    grace: float = 0.0
    trust_timestamps: bool = False
    roster: str = ""
    platform: str = ""
    column: str = ""

    @property
    def due(self) -> datetime | None:
        return datetime.fromisoformat(self.deadline) if self.deadline else None

    @property
    def text(self) -> str:
        """The rules in a sentence, "" if nobody can be late."""
        if not self.deadline:
            return ""
        parts = [f"Due on {self.due:%d %B %Y, %H:%M %Z}".rstrip()]
        if self.grace:
            parts.append(f"with {self.grace:g} minutes of grace")
        if self.penalty:
            parts.append(f"each day late costs {self.penalty:.0%} of the points")
            if self.max_penalty < 1:
                parts.append(f"at most {self.max_penalty:.0%}")
        else:
            parts.append("being late costs nothing")
        return ", ".join(parts) + "."


def _path(marks: Path, exercise: str) -> Path:
    return marks / "records" / f"{exercise}.rules.json"


def current(marks: Path, exercise: str, **given) -> Rules:
    """What holds in this run: what is given, and what an earlier run was told.

    Raises
    ------
    CourseError
        If that does not go together.
    """
    rules = changed(remembered(marks, exercise, given.get("penalty")), **given)
    if rules.roster and given.get("roster") is None and not Path(rules.roster).is_file():
        raise CourseError(
            f"The roster {rules.roster} of an earlier run is gone: give --roster again, or delete "
            f"{_path(marks, exercise)} to forget what earlier runs were told."
        )
    return rules


def remembered(marks: Path, exercise: str, penalty: float | None = None) -> Rules:
    """The rules of the last run; those without a deadline if there was none.

    Parameters
    ----------
    marks : Path
    exercise : str
    penalty : float, optional
        That is given this time; it is asked for where edition 0.1.0 took points and did not keep
        by how much.

    Raises
    ------
    CourseError
        If the file was damaged by hand, or the penalty is asked for.
    """
    path = _path(marks, exercise)
    try:
        return Rules(**json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        deadline, lost = _in_gradebook(marks / "gradebook.db", exercise)
        if lost and penalty is None:
            raise CourseError(
                f"The marks of {exercise} in {marks} lose points for lateness, and tlcourse 0.1.0 "
                "did not keep the share: give --penalty once more (--penalty 0 for none)."
            ) from None
        return Rules(deadline=deadline)
    except (OSError, ValueError, TypeError) as error:
        raise CourseError(
            f"{path} cannot be read ({error}): delete it, and give --deadline and --penalty again."
        ) from None


def _in_gradebook(path: Path, exercise: str) -> tuple[str, bool]:
    """The deadline that a gradebook of edition 0.1.0 holds, and whether anyone has lost points."""
    if not path.is_file():
        return "", False
    due = "SELECT id, duedate FROM assignment WHERE name = ?"
    lost = "SELECT max(late_submission_penalty) FROM submitted_notebook WHERE notebook_id IN "
    lost += "(SELECT id FROM notebook WHERE assignment_id = ?)"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
            row = base.execute(due, [exercise]).fetchone()
            if row is None:
                return "", False
            (most,) = base.execute(lost, [row[0]]).fetchone()
    except sqlite3.Error:  # what is wrong with it is said where it is written
        return "", False
    deadline = datetime.fromisoformat(row[1]).replace(tzinfo=UTC).isoformat() if row[1] else ""
    return deadline, bool(most)


def remember(marks: Path, exercise: str, rules: Rules) -> None:
    """Keep the rules for the next run."""
    with explain_os_errors(marks, "--out"):
        text = json.dumps(asdict(rules), indent=1) + "\n"
        path = _path(marks, exercise)
        if not (path.is_file() and path.read_text("utf-8") == text):
            write(path, text.encode())


def changed(rules: Rules, **given) -> Rules:
    """The rules with those that are given this time; what is None stays as it was.

    Raises
    ------
    CourseError
        If there is a penalty and no deadline, or a platform without a roster.
    """
    rules = replace(rules, **{name: value for name, value in given.items() if value is not None})
    if not rules.deadline and (rules.penalty or rules.grace):
        raise CourseError("--penalty and --grace need a --deadline, once.")
    if rules.platform and rules.platform not in PLATFORMS:
        raise CourseError(f"--for takes {' or '.join(PLATFORMS)}, not {rules.platform!r}.")
    if rules.platform and not rules.roster:
        raise CourseError(
            f"--for {rules.platform} needs --roster, once: the CSV that the platform exports, "
            "whose columns are those of the way back."
        )
    return rules


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
        deadline = row["deadline"] or ""
        try:
            try:
                when = datetime.fromisoformat(deadline).astimezone()
            except ValueError:
                when = times.parse(deadline, default=None)
        except (ValueError, OverflowError):
            raise CourseError(
                f"{path}, line {rows.line_num}: {deadline!r} is no time; write 2026-12-01 18:00."
            ) from None
        found[row["student"]] = when
    return found
