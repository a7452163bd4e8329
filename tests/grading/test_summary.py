"""The class for the lecturer: the table of marks, and the summary for a terminal."""

import re
from datetime import timedelta

import pytest

from tests.grading.records import DEADLINE, TASKS, enter, record, table, unreadable
from tlcourse.grading import gradebook, summary

# --- the table ---------------------------------------------------------------------------------


def test_the_table_adds_up(marks):
    records = [record("ada", ["softmax"]), record("bob"), unreadable("cem")]
    gradebook.store(marks, records, deadline=DEADLINE - timedelta(hours=30), penalty=0.2)
    enter(marks, "ada", "softmax", score=3)
    enter(marks, "bob", "open-question", score=9, extra=0.5)
    gradebook.store(marks, records, penalty=0.2)
    rows = table(marks)
    assert list(rows) == ["ada", "bob", "cem"]
    for row in rows.values():
        points = sum(float(row[task]) for task in TASKS) + float(row["manual points"])
        assert float(row["total"]) == pytest.approx(points - float(row["penalty"]))
        assert row["maximum"] == "90"
    assert rows["ada"] | {"manual points": "3", "penalty": "29.2", "total": "43.8"} == rows["ada"]
    assert rows["bob"]["submitted"] == "2026-11-20T09:00:00+00:00"


# --- the summary -------------------------------------------------------------------------------


def test_the_summary_says_what_to_teach_again():
    records = [record("a", ["softmax", "train"]), record("b", ["softmax"]), record("c")]
    records += [unreadable("d"), record("e", submitted="2026-11-20T12:00:01+00:00")]
    records[2]["tasks"]["order"] |= {"status": "not attempted", "points": 0}
    records[0]["tasks"]["train"] |= {"failed": "", "message": "your function raises \x1b[2J"}
    text = summary.text(records, deadline=DEADLINE)
    assert "ex02 · Cross-entropy: 5 handed in, 4 marked, 1 unreadable, 1 late" in text
    assert re.search(r"^ +60  █+ 1$", text, re.MULTILINE)
    assert re.search(r"^ +70  █+ 2$", text, re.MULTILINE)
    assert re.search(r"^ +0   0$", text, re.MULTILINE)
    assert re.search(r"  softmax +50 % +50 % +0 %$", text, re.MULTILINE)
    assert re.search(r"  order +75 % +0 % +25 %$", text, re.MULTILINE)
    again = text.partition("What your class gets wrong\n")[2].splitlines()
    assert again[:2] == [
        "softmax: 2 of 4 made it.",
        "  2 failed at 'rows sum to 1': you normalise over the examples (2 read it)",
    ]
    assert again[2].startswith("  Say: Add 5 to every logit")
    assert "\x1b" not in text
    late = {"e": DEADLINE + timedelta(days=1)}
    assert "0 late" in summary.text(records, deadline=DEADLINE, extensions=late)
    assert "late" not in summary.text(records)


def test_the_summary_of_no_one_and_of_nothing_readable():
    assert summary.text([]) == "Nothing is handed in."
    assert summary.text([unreadable("a")]).endswith("1 handed in, 0 marked, 1 unreadable\n")
