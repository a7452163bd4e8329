"""Records in nbgrader's gradebook, and what is written from it; nbgrader's own tools read it."""

import csv
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from multiprocessing import get_context
from pathlib import Path

import nbformat
import pytest

from tests.checks import ex02
from tlcourse.checks import tasks
from tlcourse.course import content
from tlcourse.files import CourseError
from tlcourse.grading import gradebook, similarity

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import read as read_nbgrader
from nbgrader.utils import compute_checksum, has_failed

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
    told = "you normalise over the examples; softmax([[1]]) returned [[1]]"
    failed = {"failed": "rows sum to 1", "message": told, "passed": ["has the shape of z"]}
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
    }
    return made | values


def unreadable(student: str, reason: str = "the file is empty") -> dict:
    empty = {"tasks": {}, "cells": [], "answers": {}, "open_answer": "", "notebook": []}
    return record(student) | empty | {"status": "unreadable", "reason": reason}


@pytest.fixture(scope="module")
def empty_gradebook(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "gradebook.db"
    with gradebook._open(path):
        return path


@pytest.fixture
def marks(tmp_path, empty_gradebook) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    shutil.copy(empty_gradebook, folder)
    return folder


def opened(marks: Path) -> Gradebook:
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
    with open(marks / f"{EXERCISE}.csv", encoding="utf-8", newline="") as file:
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


# --- the gradebook -----------------------------------------------------------------------------


def test_a_new_gradebook_holds_what_was_marked_also_where_no_environment_is_activated(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", os.defpath)
    marks = tmp_path / "ma%rk?s #1"
    gradebook.store(marks, [record("ada", ["softmax", "train"])])
    assert os.environ["PATH"] == os.defpath
    with Gradebook(gradebook._url(marks / "gradebook.db"), "tlcourse") as book:
        submission = book.find_submission(EXERCISE, "ada")
        assert (submission.score, submission.max_score) == (60, 90)
        assert submission.timestamp == datetime(2026, 11, 20, 9)
        assert submission.assignment.course_id == "tlcourse"
        (notebook,) = submission.notebooks
        assert notebook.max_code_score == 80
        assert notebook.failed_tests
        scores = {
            g.name: (g.auto_score, g.max_score, g.needs_manual_grade) for g in notebook.grades
        }
        assert scores.pop("open-question") == (None, 10, True)
        wrong = ("softmax", "train")
        assert scores == {t: (0 if t in wrong else 10, 10, False) for t in TASKS}
        cells = {comment.name for comment in notebook.comments}
        assert cells == {f"{t}-answer" for t in TASKS} | {"open-question"}


def test_storing_twice_changes_nothing(marks):
    records = [record("ada"), record("bob", ["order"]), unreadable("cem")]
    arguments = {"deadline": DEADLINE - timedelta(days=1), "penalty": 0.1}
    gradebook.store(marks, records, **arguments)
    before, written = dump(marks), files(marks)
    times = {name: (marks / name).stat().st_mtime_ns for name in written}
    gradebook.store(marks, reversed(records), **arguments)
    assert dump(marks) == before
    assert files(marks) == written
    del times[f"{EXERCISE}.csv"]
    assert {name: (marks / name).stat().st_mtime_ns for name in times} == times


def test_two_gradebooks_of_the_same_class_are_equal_row_by_row(tmp_path, empty_gradebook):
    for name, students in (("one", "abc"), ("two", "cxa")):
        (tmp_path / name).mkdir()
        shutil.copy(empty_gradebook, tmp_path / name)
        gradebook.store(tmp_path / name, [record(s, ["order"]) for s in students])
    one, two = set(dump(tmp_path / "one")), set(dump(tmp_path / "two"))
    assert len(one - two) == len(two - one) == 3 + 9 + 9  # the rows of "b", and of "x"


def test_what_a_person_entered_outlives_marking_again(marks):
    gradebook.store(marks, [record("ada", ["softmax"]), record("bob")])
    enter(marks, "ada", "open-question", score=7.5, extra=1)
    enter(marks, "ada", "open-question", comment="Well observed.")
    enter(marks, "ada", "softmax", score=4)
    enter(marks, "ada", "softmax-answer", comment="Half of it.")
    before = dump(marks)
    gradebook.store(marks, [record("ada", ["softmax"]), record("bob")])
    assert dump(marks) == before
    row = table(marks)["ada"]
    assert (row["softmax"], row["manual points"], row["total"]) == ("0", "12.5", "82.5")
    for text in ("82.5 of 90", "Well observed.", "Half of it.", "points given by hand"):
        assert text in page(marks, "ada")
    assert "Well observed." not in page(marks, "bob")

    anew = [record("ada", ["train", "order"], open_answer="Another."), record("bob")]
    for _ in range(2):  # handed in anew: a person is asked to look again, until that is done
        assert "ada" in gradebook.store(marks, anew)
    with opened(marks) as book:
        grade = book.find_grade("open-question", NOTEBOOK, EXERCISE, "ada")
        assert (grade.manual_score, grade.extra_credit) == (7.5, 1)
        assert grade.needs_manual_grade
        for name in ("open-question", "softmax"):  # as formgrader does when a score is saved
            book.find_grade(name, NOTEBOOK, EXERCISE, "ada").needs_manual_grade = False
        book.db.commit()
    assert "ada" not in gradebook.store(marks, anew)
    with opened(marks) as book:
        grade = book.find_grade("softmax", NOTEBOOK, EXERCISE, "ada")
        assert (grade.auto_score, grade.manual_score, grade.score) == (10, 4, 4)
        comment = book.find_comment("softmax-answer", NOTEBOOK, EXERCISE, "ada")
        assert comment.manual_comment == "Half of it."

    gradebook.store(marks, [unreadable("ada"), record("bob")])
    with opened(marks) as book:
        assert book.find_submission(EXERCISE, "ada").score == 12.5


def test_a_person_is_asked_to_read_only_what_is_written(marks):
    stub = content.released(EXERCISE).nbgrader_cells["open-question"]["source"]
    texts = {"ada": OPEN, "bob": "", "cem": f"\n{stub} ", "dan": " \n"}
    gradebook.store(marks, [record(name, open_answer=text) for name, text in texts.items()])
    with opened(marks) as book:
        for name in texts:
            grade = book.find_grade("open-question", NOTEBOOK, EXERCISE, name)
            assert grade.needs_manual_grade == (name == "ada")
            assert grade.auto_score == (None if name == "ada" else 0)
            comment = book.find_comment("open-question", NOTEBOOK, EXERCISE, name)
            assert comment.auto_comment == (None if name == "ada" else "No response.")


def test_what_cannot_be_read_counts_as_handed_in_with_the_reason_as_comment(marks):
    gradebook.store(marks, [unreadable("ada", "it is <b>not</b> a notebook"), record("bob")])
    with opened(marks) as book:
        submission = book.find_submission(EXERCISE, "ada")
        assert (submission.score, submission.max_score) == (0, 90)
        assert not submission.needs_manual_grade
        told = {c.name: c.comment for c in submission.notebooks[0].comments if c.comment}
        assert told == {"softmax-answer": "Unreadable: it is <b>not</b> a notebook"}
    assert table(marks)["ada"]["status"] == "unreadable"
    found = nbformat.read(autograded(marks, "ada"), 4)
    assert found.cells[0].source == "**Unreadable: **it is < b>not< /b> a notebook"
    assert len(found.cells) == len(CELLS) + 1
    assert "it is &lt;b&gt;not&lt;/b&gt; a notebook" in page(marks, "ada")
    assert "The open question" not in page(marks, "ada")
    gradebook.store(marks, [record("ada"), record("bob")])
    with opened(marks) as book:
        assert not any(
            c.comment for c in book.find_submission(EXERCISE, "ada").notebooks[0].comments
        )


@pytest.mark.filterwarnings("ignore:Object of type")  # of nbgrader itself
def test_rows_that_nbgrader_made_are_used(marks):
    with opened(marks) as book:
        book.add_assignment(EXERCISE, course_id="tlcourse")
        book.add_notebook(NOTEBOOK, EXERCISE)
        book.add_grade_cell("softmax", NOTEBOOK, EXERCISE, max_score=3, cell_type="code")
        book.add_student("ada", first_name="Ada", email="ada@example.org")
        book.add_submission(EXERCISE, "ada")
    gradebook.store(marks, [record("ada")])
    with opened(marks) as book:
        assert book.find_student("ada").first_name == "Ada"
        submission = book.find_submission(EXERCISE, "ada")
        assert (submission.score, submission.max_score) == (80, 90)
        assert len(submission.notebooks[0].grades) == 9


def test_two_sets_share_a_gradebook(marks):
    gradebook.store(marks, [record("ada")])
    before = {line for line in dump(marks) if "submitted_" in line}
    empty = unreadable("ada") | {"exercise": "ex01"}
    gradebook.store(marks, [empty])
    assert before <= set(dump(marks))
    with opened(marks) as book:
        assert [a.name for a in book.assignments] == ["ex01", "ex02"]
    with pytest.raises(ValueError, match="one exercise"):
        gradebook.store(marks, [record("ada"), empty | {"student": "bob"}])


# --- lateness ----------------------------------------------------------------------------------


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


# --- nbgrader reads it -------------------------------------------------------------------------


def test_nbgrader_exports_the_marks(marks):
    records = [record("ada", ["order"]), record("bob"), unreadable("cem")]
    gradebook.store(marks, records, deadline=DEADLINE - timedelta(days=1), penalty=0.25)
    script = Path(sys.executable).with_name("nbgrader")
    environment = os.environ | {"HOME": str(marks), "PATH": f"{script.parent}:{os.defpath}"}
    command = [script, "export", "--to", "out.csv"]
    subprocess.run(
        command, cwd=marks, env=environment, check=True, capture_output=True, timeout=300
    )
    rows = {row["student_id"]: row for row in csv.DictReader((marks / "out.csv").open())}
    keys = ("raw_score", "late_submission_penalty", "score", "max_score")
    found = {name: [float(row[key]) for key in keys] for name, row in rows.items()}
    assert found == {"ada": [70, 17.5, 52.5, 90], "bob": [80, 20, 60, 90], "cem": [0, 0, 0, 90]}
    assert rows["ada"]["timestamp"] == "2026-11-20 09:00:00"
    assert {n: float(row["total"]) for n, row in table(marks).items()} == {
        n: f[2] for n, f in found.items()
    }


@pytest.fixture
def formgrader(marks, monkeypatch):
    """The programming interface that formgrader's pages ask."""
    monkeypatch.setenv("HOME", str(marks))

    def make() -> NbGraderAPI:
        return NbGraderAPI(CourseDirectory(root=str(marks), course_id="tlcourse"))

    return make


def test_formgrader_sees_students_assignments_and_submissions(marks, formgrader):
    gradebook.store(marks, [record("ada", ["order"]), record("bob"), unreadable("cem")])
    api = formgrader()
    scores = {
        student["id"]: (student["score"], student["max_score"]) for student in api.get_students()
    }
    assert scores == {"ada": (70, 90), "bob": (80, 90), "cem": (0, 90)}
    (assignment,) = api.get_assignments()
    assert (assignment["name"], assignment["num_submissions"]) == (EXERCISE, 3)
    assert (assignment["max_score"], assignment["average_score"]) == (90, 50)
    assert api.get_autograded_students(EXERCISE) == {"ada", "bob", "cem"}
    submission = api.get_submission(EXERCISE, "ada")
    assert (submission["score"], submission["max_score"]) == (70, 90)
    assert (submission["code_score"], submission["written_score"]) == (70, 0)
    assert submission["autograded"]
    assert submission["needs_manual_grade"]
    assert [s["score"] for s in api.get_submissions(EXERCISE)] == [70, 80, 0]
    shown = api.get_notebook_submissions(EXERCISE, NOTEBOOK)
    assert {one["student"]: one["score"] for one in shown} == {"ada": 70, "bob": 80, "cem": 0}


def test_a_later_submission_is_seen_by_formgrader_too(marks, formgrader):
    gradebook.store(marks, [record("ada", ["order"])])
    gradebook.store(marks, [record("ada", submitted="2026-11-21T10:30:00.25+01:00")])
    submission = formgrader().get_submission(EXERCISE, "ada")
    assert (submission["score"], submission["timestamp"]) == (80, "2026-11-21T09:30:00.250000")


def test_a_timestamp_that_was_there_and_a_source_with_solutions_stay(marks):
    stamp = marks / "submitted" / "ada" / EXERCISE / "timestamp.txt"
    source = marks / "source" / EXERCISE / f"{NOTEBOOK}.ipynb"
    given = {stamp: "2026-11-20 10:00:00 CET", source: "mine", stamp.with_name("a.ipynb"): "{}"}
    for path, text in given.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    gradebook.store(marks, [record("ada")])
    assert {path: path.read_text() for path in given} == given


# --- notebooks for formgrader ------------------------------------------------------------------


def test_the_notebook_is_the_learners_text_with_the_markers_verdicts(marks):
    gradebook.store(marks, [record("ada", ["softmax"], answers={"train": "train = 1  # <b>"})])
    found = read_nbgrader(autograded(marks, "ada"), as_version=4)
    nbformat.validate(found, relax_add_props=False)
    assert [cell.cell_type for cell in found.cells] == [kind for kind, _, _ in CELLS]
    by_id = {c.metadata.nbgrader.grade_id: c for c in found.cells if "nbgrader" in c.metadata}
    assert by_id["train-answer"].source == "train = 1  # <b>"
    assert by_id["softmax"].outputs[0].text == (
        "not yet: 0 of 10 points\n✔ has the shape of z\n✘ rows sum to 1\n"
        "  you normalise over the examples; softmax([[1]]) returned [[1]]\n"
    )
    assert by_id["train"].outputs[0].text == "correct: 10 of 10 points\n✔ is right\n"
    assert not any(has_failed(cell) for cell in found.cells)
    for task in TASKS:
        assert by_id[task].metadata.nbgrader.checksum == compute_checksum(by_id[task])
        assert not by_id[f"{task}-answer"].outputs


def test_cells_that_were_copied_changed_moved_or_deleted_do_no_harm(marks):
    one = record("ada")
    cells = [cell for cell in one["notebook"] if cell[2] not in ("order", "open-question")]
    cells.append(["code", "ex.softmax.check(abs)", "softmax"])  # a second one
    cells.insert(0, ["markdown", "train as text", "train-answer"])
    cells.insert(0, ["code", "x = 1", "nobody-knows-me"])
    cells[[c[2] for c in cells].index("two_logits")][:2] = ["markdown", "all right"]
    gradebook.store(marks, [one | {"notebook": cells}])
    found = read_nbgrader(autograded(marks, "ada"), as_version=4)
    nbformat.validate(found)
    marked = [c for c in found.cells if "nbgrader" in c.metadata]
    ids = [c.metadata.nbgrader.grade_id for c in marked]
    assert len(ids) == len(set(ids))
    assert set(TASKS) | {"open-question"} <= set(ids)
    assert "nobody-knows-me" not in ids
    assert ids[-2:] == ["order", "open-question"]
    by_id = dict(zip(ids, marked, strict=True))
    assert by_id["two_logits"].source == "ex.two_logits.check(two_logits)"
    assert by_id["softmax"].source == "ex.softmax.check(softmax)"
    assert by_id["train-answer"].cell_type == "code"
    assert len(found.cells) == len(cells) + 2


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


def test_formgrader_shows_hostile_text_as_text(marks):
    from nbconvert import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    gradebook.store(marks, [record("bob"), hostile("ada")])
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    exporter = HTMLExporter(config=config)
    pages = {}
    for name in ("ada", "bob"):
        resources = {"base_url": "", "index": 0, "total": 2, "notebook_id": NOTEBOOK}
        resources |= {"student": name, "assignment_id": EXERCISE, "submission_id": "1"}
        resources |= {"last_name": "", "first_name": "", "notebook_path": ""}
        pages[name], _ = exporter.from_filename(str(autograded(marks, name)), resources=resources)
    ada, bob = Page(pages["ada"]), Page(pages["bob"])
    for tag in ("script", "style", "img", "iframe"):
        assert ada.tags.count(tag) == bob.tags.count(tag)
    assert not any("alert" in (value or "") for _, value in ada.attributes)
    assert "\\href" not in re.sub(r"(?s)<pre>.*?</pre>", "", pages["ada"])  # MathJax skips these
    assert len(pages["ada"]) < len(pages["bob"]) + 100_000
    assert ada.tags.count("textarea") == 9
    nbformat.validate(nbformat.read(autograded(marks, "ada"), 4))


# --- feedback ----------------------------------------------------------------------------------


def test_feedback_tells_what_holds_and_what_does_not(marks):
    one = record("ada", ["softmax"], cells=[[7, "NameError: name 'q' is not defined"]])
    one["tasks"]["order"] |= {"status": "not attempted", "points": 0, "passed": []}
    gradebook.store(marks, [one, record("bob_the_other", open_answer="bobs own words")])
    found = Page(page(marks, "ada"))
    text = " ".join(found.text.split())
    for told in (
        "ex02 · Cross-entropy",
        "For ada",
        "60 of 90 points",
        "Cell 7: NameError: name 'q' is not defined",
        "1 · Softmax of each row, whatever the size of the logits 0 of 10 points, not yet",
        "✔holds: has the shape of z",
        "✘does not hold: rows sum to 1",
        "you normalise over the examples; softmax([[1]]) returned [[1]]",
        "0 of 10 points, not attempted",
        "9 · The open question Not read yet",
        OPEN,
    ):
        assert told in text
    assert "bob" not in text


def test_feedback_is_one_light_page_that_asks_for_nothing(marks):
    gradebook.store(marks, [record("ada", ["softmax"]), hostile("eve")])
    for student in ("ada", "eve"):
        source = page(marks, student)
        found = Page(source)
        assert not {"script", "img", "link", "iframe", "form", "base", "object"} & set(found.tags)
        assert not {"src", "href", "onerror", "style"} & {key for key, _ in found.attributes}
        assert found.tags.count("style") == found.tags.count("main") == found.tags.count("h1") == 1
        assert ("lang", "en") in found.attributes
        assert any(
            key == "content" and "width=device-width" in value for key, value in found.attributes
        )
        assert len(source) < 30_000
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", source)
    assert "<script>alert(1)</script>" in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert "(shortened)" in found.text


def test_the_colours_of_the_feedback_can_be_read():
    style = (Path(gradebook.__file__).parent / "feedback.html.j2").read_text("utf-8")

    def luminance(colour: str) -> float:
        colour = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    grounds = [luminance(c) for c in re.findall(r"background: #(\w+)", style)]
    colours = [luminance(c) for c in re.findall(r"[ ;]color: #(\w+)", style)]
    assert len(grounds) == 2
    assert len(colours) == 3
    assert min((g + 0.05) / (c + 0.05) for g in grounds for c in colours) >= 4.5


# --- names -------------------------------------------------------------------------------------

NAMES = (
    "=1+1", "+x", "-x", "@x", "Zoë Müller", "名前", "a'b\"c", "x\ny", "<script>", "*[a-z]?",
    "{student_id}", "%s", " space ", ".hidden", "a,b;c", "\udcff", "back\\slash", "n" * 255,
    "n" * 300, "'; DROP TABLE grade; --", "\u202egpj",
)  # fmt: skip


def test_any_name_of_a_folder_is_a_name(marks):
    gradebook.store(marks, [record(name, ["order"]) for name in NAMES])
    with opened(marks) as book:
        assert len(book.students) == len(NAMES)
        for name in NAMES:
            known = gradebook._student_id(name)
            assert book.find_submission(EXERCISE, known).score == 70
            assert autograded(marks, known).is_file()
            assert page(marks, known)
    assert len(list((marks / "feedback").iterdir())) == len(NAMES)
    rows = table(marks)
    assert len(rows) == len(NAMES)
    assert not any(name.startswith(("=", "+", "-", "@")) for name in rows)
    assert {float(row["total"]) for row in rows.values()} == {70}
    before = dump(marks), files(marks)
    gradebook.store(marks, [record(name, ["order"]) for name in NAMES])
    assert (dump(marks), files(marks)) == before


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "/etc/passwd", "a/", "\0"])
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_written(marks, name):
    before = sorted(marks.parent.rglob("*"))
    with pytest.raises(CourseError, match="cannot be the name of a student"):
        gradebook.store(marks, [record("ada"), record(name)])
    assert sorted(marks.parent.rglob("*")) == before


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


# --- many, at once, killed ---------------------------------------------------------------------

FORK = get_context("fork")


def class_of(count: int, prefix: str = "s") -> list[dict]:
    rng = random.Random(0)
    return [record(f"{prefix}{i:03}", rng.sample(TASKS, rng.randint(0, 4))) for i in range(count)]


def test_five_hundred_are_stored_in_well_under_a_minute(marks):
    records = class_of(500)
    start = time.monotonic()
    gradebook.store(marks, records)
    gradebook.store(marks, records)
    assert time.monotonic() - start < 60
    assert len(table(marks)) == 500


def test_two_runs_at_once_lose_nothing(marks):
    halves = class_of(120, "a"), class_of(120, "b")
    runs = [FORK.Process(target=gradebook.store, args=(marks, half)) for half in halves]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    assert len(table(marks)) == 240
    before = dump(marks)
    gradebook.store(marks, halves[0] + halves[1])
    assert dump(marks) == before


def test_a_run_that_is_killed_leaves_a_sound_gradebook_and_the_next_one_finishes(
    marks, tmp_path, empty_gradebook
):
    records = class_of(150)
    whole = tmp_path / "whole"
    whole.mkdir()
    shutil.copy(empty_gradebook, whole)
    start = time.monotonic()
    gradebook.store(whole, records)
    needed = time.monotonic() - start
    for part in (0.05, 0.2, 0.4, 0.6, 0.8):
        run = FORK.Process(target=gradebook.store, args=(marks, records))
        run.start()
        time.sleep(part * needed)
        os.kill(run.pid, signal.SIGKILL)
        run.join()
        with sqlite3.connect(marks / "gradebook.db") as base:
            assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            counts = base.execute("SELECT count(*) FROM grade GROUP BY notebook_id").fetchall()
        assert set(counts) <= {(9,)}  # a submission is there with all its grades or not at all
        for path in marks.rglob("*.ipynb"):
            json.loads(path.read_bytes())
    gradebook.store(marks, records)
    assert dump(marks) == dump(whole)
    assert files(marks) == files(whole)


def test_a_person_at_work_in_the_gradebook_is_waited_for(marks, monkeypatch):
    base = sqlite3.connect(marks / "gradebook.db", isolation_level=None, check_same_thread=False)
    base.execute("BEGIN IMMEDIATE")
    with monkeypatch.context() as patch:
        patch.setattr(gradebook, "_BUSY", 0.1)
        with pytest.raises(CourseError, match="database is locked"):
            gradebook.store(marks, [record("ada")])
    done = threading.Timer(0.5, base.execute, ["ROLLBACK"])
    done.start()
    gradebook.store(marks, [record("ada")])
    done.join()
    base.close()
    assert list(table(marks)) == ["ada"]


def test_a_damaged_gradebook_is_told_in_one_sentence(marks):
    (marks / "gradebook.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CourseError, match="not a database"):
        gradebook.store(marks, [record("ada")])
    assert (marks / "gradebook.db").read_bytes().startswith(b"no database")


def test_without_nbgrader_it_is_told_how_to_get_it(marks, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    with pytest.raises(CourseError, match=r"pip install 'tlcourse\[grading\]'"):
        gradebook.store(marks, [record("ada")])


# --- the summary -------------------------------------------------------------------------------


def test_the_summary_tells_what_to_teach_again():
    records = [record("a", ["softmax", "train"]), record("b", ["softmax"]), record("c")]
    records += [unreadable("d"), record("e", submitted="2026-11-20T12:00:01+00:00")]
    records[2]["tasks"]["order"] |= {"status": "not attempted", "points": 0}
    records[0]["tasks"]["train"] |= {"failed": "", "message": "your function raises \x1b[2J"}
    told = gradebook.summary(records, deadline=DEADLINE)
    assert "ex02 · Cross-entropy: 5 handed in, 4 marked, 1 unreadable, 1 late" in told
    assert re.search(r"^ +60  █+ 1$", told, re.MULTILINE)
    assert re.search(r"^ +70  █+ 2$", told, re.MULTILINE)
    assert re.search(r"^ +0   0$", told, re.MULTILINE)
    assert re.search(r"  softmax +50 % +50 % +0 %$", told, re.MULTILINE)
    assert re.search(r"  order +75 % +0 % +25 %$", told, re.MULTILINE)
    again = told.partition("What to teach again")[2].splitlines()
    assert again[1:3] == [
        "  50 %  softmax: rows sum to 1",
        "        most often (2): you normalise over the examples",
    ]
    assert "train: it could not be tried to the end" in again[3]
    assert "\x1b" not in told
    late = {"e": DEADLINE + timedelta(days=1)}
    assert "0 late" in gradebook.summary(records, deadline=DEADLINE, extensions=late)
    assert "late" not in gradebook.summary(records)


def test_the_summary_of_no_one_and_of_nothing_readable():
    assert gradebook.summary([]) == "Nothing is handed in."
    assert gradebook.summary([unreadable("a")]).endswith("1 handed in, 0 marked, 1 unreadable\n")


# --- similar submissions -----------------------------------------------------------------------

WORDS = re.findall(
    r"\w+",
    "because labels are softmax twice mean gradient rate learning first second third accuracy "
    "class rare always model network logits falls stays begins near chance weights zero small",
)


def honest(student: str, rng: random.Random) -> dict:
    """Someone's own work: for each task one of the many answers that the checks are tested with."""
    answers = {}
    for task, source in ANSWERS.items():
        _, edit, *_ = rng.choice([("", {}), *ex02.WRONG[task], *ex02.RIGHT[task]])
        if isinstance(edit, str):
            source = edit
        else:
            for old, new in edit.items():
                source = source.replace(old, new)
        answers[task] = source
    words = " ".join(rng.choices(WORDS, k=60))
    return record(student, answers=answers, open_answer=words)


def odd(student: str, rng: random.Random) -> dict:
    """Work in a way that nobody else has."""
    one = honest(student, rng)
    steps = [f"    a{i} = np.{rng.choice(dir(__import__('numpy')))}(z, {i})" for i in range(12)]
    one["answers"]["softmax"] = "\n".join(["def softmax(z):", *steps, "    return a3"])
    return one


def test_a_copy_is_found_also_under_other_names_and_the_others_are_not_listed():
    rng = random.Random(0)
    records = [honest(f"s{i:02}", rng) for i in range(60)]
    one = odd("one", rng)
    answers = {
        task: re.sub(r"\ba(\d+)\b", r"my_value_\1", source).replace("z, ", "z,   ")
        for task, source in one["answers"].items()
    }
    copy = record("two", answers=answers, open_answer=one["open_answer"].upper())
    found = similarity.similar([*records, one, odd("three", rng), copy, unreadable("four")])
    assert [pair[:2] for pair in found] == [("one", "two")]
    assert found[0][2] > 0.9


def test_short_and_forced_answers_are_not_similar():
    same = [record(f"s{i}") for i in range(30)]  # all solved as the lecturer does
    assert similarity.similar(same) == []
    empty = [record(f"s{i}", answers=dict.fromkeys(TASKS, ""), open_answer="") for i in range(2)]
    assert similarity.similar(empty) == []
    assert similarity.similar([]) == similarity.similar([record("ada")]) == []


@pytest.mark.timeout(60)  # comparing each with each, piece by piece, would take far longer
def test_five_hundred_are_compared_also_with_a_monster_among_them():
    rng = random.Random(1)
    records = [odd(f"s{i:03}", rng) for i in range(500)]
    records[7] |= {"answers": records[400]["answers"]}
    records[9]["answers"]["train"] = "((" * 1_000_000 + HOSTILE
    found = similarity.similar(records)
    assert [pair[:2] for pair in found] == [("s007", "s400")]
