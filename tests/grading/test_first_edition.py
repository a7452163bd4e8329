"""A folder of marks that edition 0.1.0 made goes on working: `marks-0.1.0.zip` is one, as it was.

Its class came from Moodle, and 0.1.0 took the names of the folders for those of students: somebody
who is solved, with points and a comment by hand, that person's online text as a phantom, one that
cannot be read, and one that is open; with a deadline and a penalty.
"""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.grading.handedin import FILE, NAME, OPEN, SOLVED, put
from tests.grading.records import page, table
from tlcourse.files import CourseError
from tlcourse.grading import batch, collection, records, report, rules

pytest.importorskip("nbgrader")

OLD = "Given Family_101_assignsubmission_file_"


@pytest.fixture
def marks(tmp_path):
    with zipfile.ZipFile(Path(__file__).with_name("marks-0.1.0.zip")) as archive:
        archive.extractall(tmp_path / "marks")
    return tmp_path / "marks"


@pytest.fixture
def found(tmp_path):
    text = "Given Family_101_assignsubmission_onlinetext_/onlinetext.html"
    files = {f"{OLD}/{FILE}": SOLVED, text: b"<p>", f"ada/{FILE}": SOLVED[:3000]}
    return collection.collect(put(tmp_path / "c", files | {f"bob/{FILE}": OPEN}), NAME, FILE)


def test_points_by_hand_the_deadline_and_names_stay_and_the_phantom_goes(marks, found):
    assert [one.student for one in found.submissions] == ["Given Family_101", "ada", "bob"]
    found.submissions = [batch._under_old_name(marks, one) for one in found.submissions]
    assert [one.student for one in found.submissions] == [OLD, "ada", "bob"]
    paths = [records.path_of(marks / "records" / NAME, one.student) for one in found.submissions]
    kept = [json.loads(path.read_text("utf-8")) for path in paths]
    known = rules.changed(rules.remembered(marks, NAME, 0.1), penalty=0.1)
    assert known.deadline == "2026-12-01T09:00:00+00:00"
    report.write(marks, kept, found, known)
    rows = table(marks)
    assert set(rows) == {OLD, "ada", "bob"}
    assert rows[OLD] | {"manual points": "7", "penalty": "8.7", "total": "78.3"} == rows[OLD]
    assert "Well observed." in page(marks, OLD)
    assert "onlinetext" not in (marks / "all.csv").read_text("utf-8")


def test_a_penalty_that_was_not_kept_is_asked_for_and_nothing_is_lost(marks):
    with pytest.raises(CourseError, match="give --penalty once more"):
        rules.remembered(marks, NAME)
    assert rules.remembered(marks, "ex03") == rules.Rules()
    assert rules.remembered(marks, NAME, 0.0).penalty == 0
    (marks / "gradebook.db").write_bytes(b"no database" * 100)
    assert rules.remembered(marks, NAME) == rules.Rules()


def test_students_without_old_marks_get_their_new_names(marks, found):
    shutil.rmtree(marks / "records" / NAME)
    assert batch._under_old_name(marks, found.submissions[0]).student == "Given Family_101"
