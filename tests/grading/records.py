"""Records as the marker writes them, and what is stored of them, for the tests of it."""

import csv
import sqlite3
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import nbformat

from tlcourse.checks import tasks

ROOT = Path(__file__).parents[2]
EXERCISE, NOTEBOOK = "ex02", "ex02_cross_entropy"
TASKS = list(tasks(EXERCISE))
DEADLINE = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPEN = "The first has a learning rate of zero, so that nothing is ever learned."


def solved() -> list[list]:
    """The cells of the solved notebook."""
    found = nbformat.read(ROOT / "solutions" / EXERCISE / f"{NOTEBOOK}.ipynb", 4)
    return [
        [c.cell_type, c.source, c.metadata.get("nbgrader", {}).get("grade_id")] for c in found.cells
    ]


CELLS = solved()
ANSWERS = {
    name.removesuffix("-answer"): source for _, source, name in CELLS if name and "-answer" in name
}


def record(student: str, wrong=(), *, answers=None, open_answer=OPEN, **values) -> dict:
    """What the marker says of a student: all is right but the tasks named."""
    right = {"status": "correct", "points": 10, "passed": ["is right"], "failed": "", "message": ""}
    message = "you normalise over the examples; softmax([[1]]) returned [[1]]"
    failed = {"failed": "rows sum to 1", "message": message, "passed": ["has the shape of z"]}
    verdicts = {name: dict(right) for name in TASKS}
    verdicts |= {name: {"status": "not yet", "points": 0, **failed} for name in wrong}
    answers = ANSWERS | (answers or {})
    texts = {f"{name}-answer": source for name, source in answers.items()}
    texts["open-question"] = open_answer
    made = {
        "student": student,
        "exercise": EXERCISE,
        "status": "marked",
        "reason": "",
        "file": f"{NOTEBOOK}.ipynb",
        "submitted": "2026-11-20T09:00:00+00:00",
        "key": "",
        "tasks": verdicts,
        "cells": [],
        "answers": answers,
        "open_answer": open_answer,
        "notebook": [[kind, texts.get(name, source), name] for kind, source, name in CELLS],
        "seconds": 0.1,
        "cpu": 0.1,
        "limits": [],
        "alone": False,
    }
    return made | values


def unreadable(student: str, reason: str = "the file is empty") -> dict:
    empty = {"tasks": {}, "cells": [], "answers": {}, "open_answer": "", "notebook": []}
    return record(student) | empty | {"status": "unreadable", "reason": reason}


def opened(marks: Path):
    """nbgrader's own view of the gradebook, which is optional."""
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{marks / 'gradebook.db'}", "tlcourse")


def dump(marks: Path) -> list[str]:
    """The gradebook as SQL; sorted, since the order in which students came does not matter."""
    with sqlite3.connect(marks / "gradebook.db") as base:
        return sorted(base.iterdump())


def files(marks: Path) -> dict[str, bytes]:
    """What is written, but for the gradebook and its lock."""
    return {
        path.relative_to(marks).as_posix(): path.read_bytes()
        for path in sorted(marks.rglob("*"))
        if path.is_file() and not path.name.startswith((".", "gradebook.db"))
    }


def table(marks: Path) -> dict[str, dict]:
    with open(marks / f"{EXERCISE}.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def page(marks: Path, student: str) -> str:
    return (marks / "feedback" / student / f"{EXERCISE}.html").read_text("utf-8")


def autograded(marks: Path, student: str) -> Path:
    return marks / "autograded" / student / EXERCISE / f"{NOTEBOOK}.ipynb"


def enter(marks: Path, student: str, cell: str, **values) -> None:
    """What formgrader does when a person enters a score or a comment."""
    with opened(marks) as book:
        grade = (
            book.find_grade(cell, NOTEBOOK, EXERCISE, student) if "comment" not in values else None
        )
        if grade is None:
            comment = book.find_comment(cell, NOTEBOOK, EXERCISE, student)
            comment.manual_comment = values["comment"]
        else:
            grade.manual_score = values.get("score")
            grade.extra_credit = values.get("extra")
            grade.needs_manual_grade = grade.manual_score is None and grade.auto_score is None
        book.db.commit()


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


HOSTILE = (
    "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>"
    "</p></main><style>*{display:none}</style> $\\href{javascript:alert(1)}{x}$ {{ 7 * 7 }} "
    "[x](javascript:alert(1)) [x][y] ![x](attachment:x.png) \n\n[y]: javascript:alert(1)\n\n"
    "\x00\x1b[31m\x07\u202e\ud800 &lt;b&gt; '\"` --> ]]>"
)


def hostile(student: str) -> dict:
    one = record(student, ["softmax"], answers={"train": HOSTILE}, open_answer=HOSTILE)
    one["tasks"]["softmax"]["message"] = HOSTILE
    one["cells"] = [[7, HOSTILE], [0, "NameError: q"], [9, "x" * 3_000_000]]
    one["notebook"] += [["markdown", HOSTILE, None], ["raw", HOSTILE, None]]
    one["notebook"].append(["code", "y" * 3_000_000, None])
    return one
