"""The move of this edition: a hand-in of the ex06 that had eight tasks is marked in full."""

import json

from tests.checks import answers, notebook
from tests.grading import needs_sandbox
from tlcourse import progress
from tlcourse.checks import tasks
from tlcourse.grading import batch

MOVED = ("optimism", "order")


def old_ex06() -> bytes:
    """The solution of ex06 with the tasks that it had before, under edition 2."""
    book = json.loads(notebook("solutions", "ex06").read_bytes())
    book["metadata"]["tlcourse"]["edition"] = 2
    for cell in book["cells"]:
        text = "".join(cell["source"]).replace("edition=3", "edition=2")
        cell["source"] = text
    for task in MOVED:
        for kind, source in (
            (f"{task}-answer", answers("solutions", "ex08")[task]),
            (task, f"ex.{task}.check({task})"),
        ):
            about = {"grade_id": kind, "grade": kind == task, "locked": kind == task}
            about |= {"solution": kind != task, "schema_version": 3, "task": False}
            about |= {"points": 10} if kind == task else {}
            cell = {"cell_type": "code", "source": source, "outputs": [], "execution_count": None}
            book["cells"].append(cell | {"id": kind[:20], "metadata": {"nbgrader": about}})
    return json.dumps(book).encode()


def test_the_two_tasks_are_in_one_set_only():
    assert progress.MOVED.keys() >= {f"ex06.{task}" for task in MOVED}
    assert not set(MOVED) & tasks("ex06").keys()
    assert set(MOVED) <= tasks("ex08").keys()


@needs_sandbox
def test_an_old_hand_in_has_its_points_in_both_sets(tmp_path):
    for name, data in (("ex06", old_ex06()), ("ex08", notebook("exercises", "ex08").read_bytes())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ada.ipynb").write_bytes(data)
    marks = tmp_path / "marks"
    (found,) = batch.grade(tmp_path / "ex06", "ex06", marks)
    assert {task: v["points"] for task, v in found["tasks"].items()} == dict.fromkeys(
        tasks("ex06"), 10
    )
    assert {p: v["points"] for p, v in found["moved"].items()} == {
        f"ex08.{task}": 10 for task in MOVED
    }
    (found,) = batch.grade(tmp_path / "ex08", "ex08", marks)
    points = {task: v["points"] for task, v in found["tasks"].items()}
    assert points == {task: 10 * (task in MOVED) for task in tasks("ex08")}
    assert {found["tasks"][task]["from"] for task in MOVED} == {"ex06"}
