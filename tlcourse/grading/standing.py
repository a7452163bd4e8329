"""Where a submission stands in the gradebook: its points, its comments, and how late it is."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tlcourse.files import CourseError

UNREADABLE = "Unreadable: "  # how the comment on such a submission begins
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cost:
    """What being late costs.

    Attributes
    ----------
    penalty : float
        The share of the points that is lost for each day late that has begun.
    max_penalty : float
        The share that is lost at most.
    grace : timedelta
        After the deadline, that does not count.
    """

    penalty: float = 0.0
    max_penalty: float = 1.0
    grace: timedelta = timedelta()

    def share(self, days: int) -> float:
        """The share of the points that so many days cost."""
        return min(self.max_penalty, self.penalty * days)


@dataclass
class Standing:
    """What the gradebook holds on a student's submission; grades and comments by grade_id.

    `late` is what the learning platform says; it counts where nobody knows the time.
    """

    submission: object
    notebook: object
    grades: dict
    comments: dict
    due: datetime | None
    grace: timedelta = timedelta()
    late: bool = False

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
        return days_late(self.submission.timestamp, self.due, self.grace, late=self.late)

    @property
    def is_unreadable(self) -> bool:
        texts = [comment.auto_comment or "" for comment in self.comments.values()]
        return any(text.startswith(UNREADABLE) for text in texts)

    @property
    def waits(self) -> bool:
        """Whether something is to be marked by hand."""
        return any(grade.needs_manual_grade for grade in self.grades.values())


def utc(date: datetime | None) -> datetime | None:
    """A time as nbgrader keeps it: that of UTC, without a zone."""
    if date is None:
        return None
    if date.tzinfo is None:
        raise CourseError(f"{date} has no time zone: add one, as in {date.isoformat()}+01:00.")
    return date.astimezone(UTC).replace(tzinfo=None)


def submitted_at(record: dict) -> datetime | None:
    """When a submission was handed in, as `utc`; None if that is not known."""
    try:
        date = datetime.fromisoformat(record["submitted"])
    except (ValueError, TypeError):
        return None
    return utc(date if date.tzinfo else date.replace(tzinfo=UTC))


def days_late(
    submitted: datetime | None,
    due: datetime | None,
    grace: timedelta = timedelta(),
    *,
    late: bool = False,
) -> int:
    """Days late that have begun; one if nobody knows the time, and the platform says `late`."""
    if due is None:
        return 0
    if submitted is None:
        return int(late)
    if submitted <= due + grace:
        return 0
    return max(0, math.ceil((submitted - due) / _DAY))


def rounded(value: float) -> float | int:
    """Points with two decimals at the most, and as a whole number where they are one."""
    value = round(value, 2)
    return int(value) if value == int(value) else value
