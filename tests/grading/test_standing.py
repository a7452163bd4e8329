"""How late a submission is, and what that costs."""

from datetime import datetime, timedelta

import pytest

from tests.grading.records import DEADLINE, EXERCISE, enter, opened, page, record, table
from tlcourse.files import CourseError
from tlcourse.grading import gradebook


def test_lateness_is_shown_and_costs_what_is_asked(marks):
    hours = {"early": -3, "late": 1, "later": 25, "extended": 30, "too_late": 30, "never": 999}
    records = [
        record(name, submitted=(DEADLINE + timedelta(hours=h)).isoformat())
        for name, h in hours.items()
    ]
    allowed = {"extended": DEADLINE + timedelta(days=3), "too_late": DEADLINE + timedelta(days=1)}
    days = {"early": 0, "late": 1, "later": 2, "extended": 0, "too_late": 1, "never": 42}
    gradebook.store(marks, records, deadline=DEADLINE, extensions=allowed)
    rows = table(marks)
    assert {name: int(row["days late"]) for name, row in rows.items()} == days
    assert {row["penalty"] for row in rows.values()} == {"0"}
    assert "It is 2 days late" in page(marks, "later")
    assert "days late" not in page(marks, "early")

    gradebook.store(marks, records, penalty=0.1)  # the deadlines stay
    lost = {name: min(80, 8 * d) for name, d in days.items()}
    rows = table(marks)
    assert {name: float(row["penalty"]) for name, row in rows.items()} == lost
    assert {name: float(row["total"]) for name, row in rows.items()} == {
        n: 80 - p for n, p in lost.items()
    }
    assert "this costs 16 points" in page(marks, "later")
    with opened(marks) as book:
        for name, points in lost.items():
            submission = book.find_submission(EXERCISE, name)
            assert submission.late_submission_penalty == pytest.approx(points)
            assert -(-submission.total_seconds_late // 86400) == days[name]

    enter(marks, "later", "open-question", score=10)
    gradebook.store(marks, records, penalty=0.1, extensions={})
    rows = table(marks)
    assert (rows["later"]["penalty"], rows["later"]["total"]) == ("18", "72")
    assert rows["extended"]["days late"] == "2"


def test_times_without_a_zone_and_extensions_of_nothing_are_refused(marks):
    with pytest.raises(CourseError, match="has no time zone"):
        gradebook.store(marks, [record("ada")], deadline=datetime(2026, 1, 1))
    with pytest.raises(CourseError, match="need a deadline"):
        gradebook.store(marks, [record("ada")], extensions={"ada": DEADLINE})
    gradebook.store(marks, [record("ada", submitted="")], deadline=DEADLINE)
    assert table(marks)["ada"]["days late"] == "0"


def test_grace_a_cap_and_what_the_platform_says(marks):
    hours = {"grace": 0.2, "late": 0.3, "week": 24 * 7}
    records = [
        record(name, submitted=(DEADLINE + timedelta(hours=h)).isoformat())
        for name, h in hours.items()
    ]
    records.append(record("flagged", submitted="", late=True))
    records.append(record("unknown", submitted=""))
    gradebook.store(marks, records, deadline=DEADLINE, penalty=0.1, max_penalty=0.3, grace=15)
    rows = table(marks)
    days = {"grace": 0, "late": 1, "week": 7, "flagged": 1, "unknown": 0}
    assert {name: int(row["days late"]) for name, row in rows.items()} == days
    lost = {"grace": 0, "late": 8, "week": 24, "flagged": 8, "unknown": 0}
    assert {name: float(row["penalty"]) for name, row in rows.items()} == lost
    assert gradebook.marks(marks, EXERCISE)["week"].total == 56
    with pytest.raises(ValueError, match="grace is not negative"):
        gradebook.store(marks, records, grace=-1)
