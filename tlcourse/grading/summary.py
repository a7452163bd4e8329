"""What the lecturer reads of a class: the marks as CSV, and the numbers for a terminal."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tlcourse.checks import tasks, title
from tlcourse.course.content import Released
from tlcourse.grading import classroom
from tlcourse.grading.roster import guarded
from tlcourse.grading.standing import Standing, days_late, rounded, submitted_at, utc

# --- the table ---------------------------------------------------------------------------------


def table(released: Released, standings: Iterable[Standing]) -> str:
    """The marks as CSV; in each row the total is the sum of the points, less the penalty."""
    names = [name for name in released.points if name != released.open_question]
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    head = ["student", "status", "submitted", "days late", *names]
    writer.writerow([*head, "manual points", "penalty", "total", "maximum"])
    for one in standings:
        points = [one.auto(name) for name in names]
        status = "unreadable" if one.is_unreadable else "marked"
        when = one.submission.timestamp
        when = when.replace(tzinfo=UTC).isoformat(timespec="seconds") if when else ""
        row = [guarded(one.submission.student_id), status, when, one.days_late]
        numbers = [
            *points,
            one.raw - sum(points),
            one.penalty,
            one.total,
            sum(released.points.values()),
        ]
        writer.writerow(row + [rounded(value) for value in numbers])
    return "\ufeff" + file.getvalue()  # so that spreadsheets take it for UTF-8


def all_sets(found: dict[str, tuple[float, dict[str, float]]]) -> str:
    """The totals of all sets as CSV, a row for each student; empty where nothing was handed in."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(["student", *found, "total", "maximum"])
    maximum = sum(most for most, _ in found.values())
    for student in sorted({name for _, totals in found.values() for name in totals}):
        own = [totals.get(student) for _, totals in found.values()]
        points = ["" if p is None else rounded(p) for p in own]
        total = rounded(sum(p for p in own if p is not None))
        writer.writerow([guarded(student), *points, total, rounded(maximum)])
    return "\ufeff" + file.getvalue()


# --- the terminal ------------------------------------------------------------------------------


def text(
    records: Iterable[dict],
    *,
    deadline: datetime | None = None,
    extensions: dict[str, datetime] | None = None,
    grace: float = 0.0,
) -> str:
    """The class in numbers, for a terminal: how many, their points, and what to teach again.

    Parameters
    ----------
    records : iterable of dict
        All of one exercise.
    deadline, extensions, grace
        As for `gradebook.store`; without a deadline nobody is late.
    """
    records = list(records)
    if not records:
        return "Nothing is handed in."
    name = records[0]["exercise"]
    marked = [record for record in records if record["status"] == "marked"]
    counts = [f"{len(marked)} marked"]
    if len(marked) < len(records):
        counts.append(f"{len(records) - len(marked)} unreadable")
    dues = {student: utc(date) for student, date in (extensions or {}).items()}
    if deadline is not None:
        due = utc(deadline)
        minutes = timedelta(minutes=grace)
        days = [
            days_late(
                submitted_at(r),
                dues.get(r["student"], due),
                minutes,
                late=bool(r.get("late")),
            )
            for r in records
        ]
        counts.append(f"{sum(map(bool, days))} late")
    heading = f"{name} · {title(name)}: {len(records)} handed in, {', '.join(counts)}"
    parts = [[heading]]
    if marked:
        parts += [_histogram(marked), _shares(name, marked), [classroom.text(records)]]
    return "\n\n".join(text for part in parts if (text := "\n".join(part))) + "\n"


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


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.0f} %"
