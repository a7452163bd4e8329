"""A task that went to another set counts there, by the better of its answers.

In the move that is made up here, "ex02.rate" has become "ex01.largest_rate".
"""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.checks import answers, notebook
from tests.checks.test_sets import filled
from tests.grading import needs_sandbox
from tests.grading.records import NOTEBOOK, enter, opened, page, record
from tests.grading.test_at_home import Small
from tlcourse import progress
from tlcourse.checks import Task, moved, tasks
from tlcourse.course import content, submit, workspace
from tlcourse.grading import batch, collection, gradebook, handins, listing, marker, records, report
from tlcourse.grading.rules import Rules

HERE = "ex01.largest_rate"
RIGHT = "def rate(H):\n    return 2 / np.linalg.eigvalsh(H).max()"
WRONG = "def rate(H):\n    return 1 / np.linalg.eigvalsh(H).max()"
CORRECT = {"status": "correct", "points": 10, "passed": ["p"], "failed": "", "message": ""}


@pytest.fixture(autouse=True)
def move(monkeypatch):
    monkeypatch.setattr(progress, "MOVED", {"ex02.rate": HERE})


@pytest.fixture
def in_this_process(monkeypatch):
    """Workers that know of the move."""

    @contextmanager
    def threads(*_):
        with ThreadPoolExecutor(1) as pool:
            yield lambda: pool

    monkeypatch.setattr(batch, "_executor", threads)
    monkeypatch.setattr(batch, "_BOXES", {})
    monkeypatch.setattr(batch, "_TIMERS", {})
    yield
    for timer in batch._TIMERS.values():
        timer.cancel()
    for box in batch._BOXES.values():
        box.stop()


def old_ex02(answer: str = RIGHT) -> bytes:
    """A notebook of the edition of ex02 that held the task."""
    book = Small()
    book.last(answer)
    book.last("ex.rate.check(rate)")
    return json.dumps(book.nb).encode()


def new_ex02() -> bytes:
    return json.dumps(Small().nb).encode()


def ex01(answer: str = "") -> bytes:
    """A notebook of ex01 of which one task is answered, or none."""
    found = json.loads(notebook("exercises", "ex01").read_bytes())
    for cell in found["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "largest_rate-answer" and answer:
            cell["source"] = answer.replace("def rate", "def largest_rate")
    return json.dumps(found).encode()


def put(folder, **files: bytes):
    """A class: what each student has handed in."""
    folder.mkdir(exist_ok=True)
    for student, data in files.items():
        (folder / f"{student}.ipynb").write_bytes(data)
    return folder


def graded(source, name, marks, **options) -> dict[str, dict]:
    return {r["student"]: r for r in batch.grade(source, name, marks, **options)}


# --- the tasks that are asked ------------------------------------------------------------------


def test_an_old_notebook_is_asked_for_what_it_held_under_the_name_that_it_had_there():
    assert moved.asked("ex02", "ex02").keys() == tasks("ex02").keys() | {"rate"}
    assert moved.asked("ex02", "ex02")["rate"].check is tasks("ex01")["largest_rate"].check
    assert moved.asked("ex01", "ex02").keys() == tasks("ex01").keys() | {"rate"}
    assert moved.asked("ex01", "ex01") == tasks("ex01")
    assert moved.asked("ex03", "ex02") == tasks("ex03")
    assert moved.came("ex01") == {"largest_rate": [("ex02", "rate")]}


def test_a_task_that_moved_twice_is_where_it_is_now(monkeypatch):
    monkeypatch.setattr(progress, "MOVED", {"ex03.a": "ex02.rate", "ex02.rate": HERE})
    assert moved.place("ex03", "a") == HERE
    assert moved.came("ex01") == {"largest_rate": [("ex03", "a"), ("ex02", "rate")]}
    assert isinstance(moved.asked("ex03", "ex03")["a"], Task)


# --- marking -----------------------------------------------------------------------------------


@needs_sandbox
def test_a_class_of_which_half_handed_in_the_old_set(tmp_path, in_this_process):
    marks, no_points = tmp_path / "marks", {"points": 0}
    source = put(tmp_path / "two", ada=old_ex02(), bob=new_ex02(), cleo=old_ex02(), eve=old_ex02())
    put(source, eve=old_ex02(WRONG))
    found = graded(source, "ex02", marks)
    points = {s: sum(v["points"] for v in r["tasks"].values()) for s, r in found.items()}
    assert points == {"ada": 40, "bob": 40, "cleo": 40, "eve": 40}  # the same for all
    assert {s: {p: v["points"] for p, v in r["moved"].items()} for s, r in found.items()} == {
        "ada": {HERE: 10},
        "bob": {},
        "cleo": {HERE: 10},
        "eve": {HERE: 0},
    }
    source = put(tmp_path / "one", ada=ex01(), bob=ex01(RIGHT), eve=ex01(RIGHT))
    for again in ((), ["ada", "eve"]):
        found = graded(source, "ex01", marks, again=again)
        verdicts = {student: one["tasks"]["largest_rate"] for student, one in found.items()}
        assert {s: v["points"] for s, v in verdicts.items()} == {"ada": 10, "bob": 10, "eve": 10}
        assert {s: v.get("from") for s, v in verdicts.items()} == {
            "ada": "ex02",
            "bob": None,
            "eve": None,
        }
    handed_in = collection.collect(source, "ex01", content.released("ex01").notebook.name)
    said = report.write(marks, list(found.values()), handed_in, Rules())
    (sentence,) = [s for s in said if "was in before" in s]
    assert sentence.startswith("cleo handed in nothing for ex01, but got points for a task")
    text = (marks / "feedback/ada/ex01.html").read_text("utf-8")
    assert "from your hand-in of ex02, where this task was before" in text
    # another file of ada's for ex02, of the new edition, does not take away what she had
    put(tmp_path / "two", ada=new_ex02())
    graded(tmp_path / "two", "ex02", marks)
    assert graded(source, "ex01", marks)["ada"]["tasks"]["largest_rate"].get("from") == "ex02"
    kept = records.read(records.path_of(marks / "records/ex01", "ada"))
    assert kept["tasks"]["largest_rate"] | no_points == kept["tasks"]["largest_rate"]


@needs_sandbox
def test_an_old_notebook_can_be_handed_in_for_the_new_set():
    released = content.released("ex01")
    with marker.sandbox(released, 2**30) as box:
        for data, points in ((old_ex02(), 10), (old_ex02(WRONG), 0)):
            one = handins.Submission("ada", data=data)
            found = marker.mark(one, released, box, secret=b"x" * 16)
            assert (found["status"], found["reason"]) == ("marked", "")
            assert found["tasks"].keys() == tasks("ex01").keys()
            assert found["tasks"]["largest_rate"]["points"] == points
            assert sum(v["points"] for v in found["tasks"].values()) == points
        one = handins.Submission("ada", data=new_ex02())
        found = marker.mark(one, released, box, secret=b"x" * 16)
        assert found["reason"] == "it is a notebook of ex02, not of ex01"


def test_of_both_notebooks_that_of_the_set_itself_is_marked(tmp_path):
    folder = put(tmp_path / "ada")
    put(tmp_path / "bob", mine=ex01())
    (folder / "old.ipynb").write_bytes(old_ex02())
    (folder / "new.ipynb").write_bytes(ex01())
    found = collection.collect(tmp_path, "ex01", "x.ipynb")
    assert [one.file for one in found.submissions] == ["new.ipynb", "mine.ipynb"]
    text = listing.text(found, None)
    assert "it is of ex02, where tasks of ex01 were before" in text
    assert "the only one of ex01" in text


# --- marks that are there already --------------------------------------------------------------


def write(marks, **values) -> dict:
    """A record of ex02 that is older than the move, with a mark for the task."""
    one = record("ada", **values)
    one["tasks"]["rate"] = dict(CORRECT)
    path = records.path_of(marks / "records/ex02", "ada")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(one))
    return one


def test_a_record_from_before_the_move_counts_where_the_task_is_now(tmp_path):
    old = write(tmp_path)
    wrong = CORRECT | {"status": "not yet", "points": 0}
    here = {"exercise": "ex01", "student": "ada", "status": "marked"}
    for own, is_from in ((wrong, "ex02"), (CORRECT, None)):
        found = records.credited(tmp_path, here | {"tasks": {"largest_rate": own}})
        assert found["tasks"]["largest_rate"]["points"] == 10
        assert found["tasks"]["largest_rate"].get("from") == is_from
    assert records.without(tmp_path, "ex01", ["bob"]) == ["ada"]
    assert records.without(tmp_path, "ex01", ["ada"]) == []
    new = records.carried(old, record("ada"))  # she is marked again, by the new edition
    assert new["moved"] == {HERE: CORRECT}
    assert "rate" not in new["tasks"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tasks": []}', '{"tasks": {}, "key": null}'])
def test_a_damaged_record_gives_nothing(tmp_path, text):
    write(tmp_path)
    records.path_of(tmp_path / "records/ex02", "ada").write_text(text)
    here = {"exercise": "ex01", "student": "ada", "status": "marked", "tasks": {}}
    assert records.credited(tmp_path, here)["tasks"] == {}
    assert records.without(tmp_path, "ex01", []) == []


@pytest.mark.parametrize(("given", "own", "total"), [(7, 0, 7), (7, 10, 10), (None, 0, 0)])
def test_what_a_person_entered_in_the_old_set_counts_if_it_is_more(marks, given, own, total):
    pytest.importorskip("nbgrader")
    from nbgrader import api

    gradebook.store(marks, [record("ada")])
    with opened(marks) as book:  # as the gradebook was before the move
        book.add_grade_cell("rate", NOTEBOOK, "ex02", max_score=10, cell_type="code")
        book.add_solution_cell("rate-answer", NOTEBOOK, "ex02")
        part = book.find_submission_notebook(NOTEBOOK, "ex02", "ada")
        cells = (book.find_grade_cell, "rate"), (book.find_solution_cell, "rate-answer")
        grade, answer = (find(name, NOTEBOOK, "ex02") for find, name in cells)
        book.db.add(api.Grade(cell_id=grade.id, notebook_id=part.id, manual_score=given))
        book.db.add(
            api.Comment(cell_id=answer.id, notebook_id=part.id, manual_comment="Nearly there.")
        )
        book.db.commit()
    one = record("ada") | {"exercise": "ex01", "notebook": [], "open_answer": ""}
    blank = {"passed": [], "failed": "", "message": "", "status": "not yet", "points": 0}
    one["tasks"] = {name: dict(blank) for name in tasks("ex01")}
    one["tasks"]["largest_rate"]["points"] = own
    for _ in range(2):  # twice is the same as once
        gradebook.store(marks, [one])
        assert gradebook.marks(marks, "ex01")["ada"].total == total
    is_taken = total == given
    text = (marks / "feedback/ada/ex01.html").read_text("utf-8")
    assert ("Nearly there." in text) == is_taken
    assert page(marks, "ada")  # the old set's page stays
    enter(marks, "ada", "open-question", score=5)
    gradebook.store(marks, [record("ada")])
    assert gradebook.marks(marks, "ex02")["ada"].total == 85  # of which the task is no part


# --- at home -----------------------------------------------------------------------------------


def test_submit_tells_a_learner_with_an_older_notebook_where_its_task_counts(tmp_path):
    workspace.deliver(tmp_path)
    path = tmp_path / "exercises/ex02" / notebook("exercises", "ex02").name
    book = filled("ex02", answers("solutions", "ex02"))
    for source in (RIGHT, "ex.rate.check(rate)"):
        cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
        book.cells.append(type(book.cells[0])(cell | {"execution_count": None, "id": source[:3]}))
    path.write_text(json.dumps(book))
    done = submit.submit(tmp_path, "ex02")
    assert "rate counts in ex01, where it is now: correct." in done.remarks
    assert (done.points, done.total) == (80, 80)


def test_no_set_has_a_task_under_a_name_that_it_gave_away():
    """An older notebook that asks for it would get another task."""
    for old in progress.MOVED:
        before, _, name = old.partition(".")
        assert name not in tasks(before)
