"""Records in nbgrader's gradebook, and what is written from it; nbgrader's own tools read it."""

import csv
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import nbformat
import pytest

from tests.grading.records import (
    CELLS,
    DEADLINE,
    EXERCISE,
    NOTEBOOK,
    OPEN,
    TASKS,
    autograded,
    dump,
    enter,
    files,
    opened,
    page,
    record,
    table,
    unreadable,
)
from tlcourse.course import content
from tlcourse.files import CourseError
from tlcourse.grading import gradebook

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

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
    for text in ("82.5 of 90", "Well observed.", "Half of it.", "a person gave these points"):
        assert text in page(marks, "ada")
    assert "Well observed." not in page(marks, "bob")

    again = [record("ada", ["train", "order"], open_answer="Another."), record("bob")]
    for _ in range(2):  # handed in again: a person is asked to look again, until that is done
        assert "ada" in gradebook.store(marks, again)
    with opened(marks) as book:
        grade = book.find_grade("open-question", NOTEBOOK, EXERCISE, "ada")
        assert (grade.manual_score, grade.extra_credit) == (7.5, 1)
        assert grade.needs_manual_grade
        for name in ("open-question", "softmax"):  # as formgrader does when a score is saved
            book.find_grade(name, NOTEBOOK, EXERCISE, "ada").needs_manual_grade = False
        book.db.commit()
    assert "ada" not in gradebook.store(marks, again)
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
        comments = {c.name: c.comment for c in submission.notebooks[0].comments if c.comment}
        assert comments == {"softmax-answer": "Unreadable: it is <b>not</b> a notebook"}
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
    rows = (marks / "all.csv").read_text("utf-8-sig").splitlines()
    assert rows == ['"student","ex01","ex02","total","maximum"', '"ada",0,80,80,180']
    with pytest.raises(ValueError, match="one exercise"):
        gradebook.store(marks, [record("ada"), empty | {"student": "bob"}])


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
            known = gradebook.student_id(name)
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


# --- many, at once, killed ---------------------------------------------------------------------

FORK = get_context("fork")


def class_of(count: int, prefix: str = "s") -> list[dict]:
    rng = random.Random(0)
    return [record(f"{prefix}{i:03}", rng.sample(TASKS, rng.randint(0, 4))) for i in range(count)]


def test_five_hundred_are_stored_in_well_under_a_minute(marks):
    records = class_of(500)
    start = time.process_time()
    gradebook.store(marks, records)
    gradebook.store(marks, records)
    assert time.process_time() - start < 60
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
        patch.setattr(gradebook, "_TIMEOUT", 0.1)
        with pytest.raises(CourseError, match="database is locked"):
            gradebook.store(marks, [record("ada")])
    done = threading.Timer(0.5, base.execute, ["ROLLBACK"])
    done.start()
    gradebook.store(marks, [record("ada")])
    done.join()
    base.close()
    assert list(table(marks)) == ["ada"]


def test_a_damaged_gradebook_is_named_in_one_sentence(marks):
    (marks / "gradebook.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CourseError, match="not a database"):
        gradebook.store(marks, [record("ada")])
    assert (marks / "gradebook.db").read_bytes().startswith(b"no database")


def test_without_nbgrader_one_sentence_says_how_to_get_it(marks, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    with pytest.raises(CourseError, match=r"pip install 'tlcourse\[grading\]'"):
        gradebook.store(marks, [record("ada")])


def test_the_gradebook_spares_the_web_servers_of_nbgrader_which_can_be_had_later():
    code = (
        "import sys\n"
        "from tlcourse.grading import gradebook\n"
        "api = gradebook._nbgrader()\n"
        "assert 'nbgrader.server_extensions' not in sys.modules\n"
        "import nbgrader\n"
        "from nbgrader.api import Gradebook\n"
        "assert Gradebook is api.Gradebook and nbgrader.__version__\n"
        "assert 'nbgrader.server_extensions' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
