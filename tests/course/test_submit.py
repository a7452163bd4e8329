"""Handing in: what a learner is told is what the marker will find."""

import json
import signal
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tests.checks import OPEN_QUESTION, answers
from tests.checks.test_sets import cell_of, filled
from tlcourse.course import rehearsal, submit, workspace
from tlcourse.files import CourseError

NAME, FILE = "ex02", "ex02_cross_entropy.ipynb"
RIGHT = answers("solutions", NAME)
TASKS = list(RIGHT)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "my course"
    workspace.deliver(folder)
    return folder


def solve(folder, edit=lambda nb: None, name=FILE, **answered):
    """Save the set, solved but for what is given."""
    made = filled(NAME, RIGHT | answered, "I would measure.")
    edit(made)
    path = folder / "exercises" / NAME / name
    nbformat.write(made, path)
    return path


def last_checks(folder, **statuses):
    path = folder / ".tlcourse/progress.json"
    path.write_text(json.dumps({NAME: dict.fromkeys(TASKS, "correct") | statuses}))


def stub(task):
    return answers("exercises", NAME)[task]


def new_cells(*sources):
    return lambda nb: nb.cells.extend(nbformat.v4.new_code_cell(source) for source in sources)


def run_command(folder):
    command = [sys.executable, "-m", "tlcourse", "submit", NAME, "--folder", str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def test_the_command_says_what_the_marker_will_see_and_packs_the_notebook_alone(folder):
    def edit(nb):
        cell_of(nb, OPEN_QUESTION).source = cell_of(filled(NAME, {}), OPEN_QUESTION).source
        nb.cells[3:3] = [nbformat.v4.new_code_cell("files = !ls\nassert list(files) == []")]
        new_cells("np = 5; x = 3", "del cross_entropy")(nb)

    path = solve(folder, edit, train=stub("train"), two_logits="def two_logits(z):\n    return z")
    last_checks(folder, chance="not yet")
    (path.parent / "notes.txt").write_text("private")
    process = run_command(folder)
    out, err = process.communicate()
    packed = folder / "ex02-submission.zip"
    assert (process.returncode, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "The checks run once more, as at the marker's. Ctrl-C skips this."
    assert lines[1] == f"The saved {FILE} gets 60 of 80 points."
    assert lines[5].startswith("  ✘ two_logits: not yet: ")
    assert [line for line in lines[2:11] if "✔" not in line] == [
        lines[5],
        "  · train: not attempted",
        "  · 9 · A diagnosis of your own: not attempted",
    ]
    assert lines[11].startswith("two_logits was correct when you last checked it in JupyterLab, ")
    assert lines[12:14] == [
        "train was correct in JupyterLab but is not in the saved file: save, then submit again.",
        "chance failed its last check, and is correct in the saved file.",
    ]
    assert lines[-1] == f"3 tasks are open. You can hand in {packed}."
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [FILE]
        assert archive.read(FILE) == path.read_bytes()


def test_what_only_the_saved_file_tells_is_found_without_outputs_or_at_another_place(folder):
    """All outputs removed, and an answer in a new cell below the stub."""

    def edit(nb):
        place = nb.cells.index(cell_of(nb, "softmax-answer"))
        nb.cells[place + 1 : place + 1] = [nbformat.v4.new_code_cell(RIGHT["softmax"])]
        cell_of(nb, "train").source = "# my check is gone"

    solve(folder, edit, softmax=stub("softmax"))
    done = submit.submit(folder, NAME)
    assert (done.points, done.total, done.open_tasks) == (80, 80, [])
    assert (done.changed, done.remarks) == ((), ())
    assert submit.submit(folder, NAME).remarks == (
        "ex02-submission.zip replaces the one that you made before.",
    )


def test_a_notebook_that_hangs_is_stopped_and_the_rest_is_checked(folder, monkeypatch):
    monkeypatch.setattr(rehearsal, "CELL_SECONDS", 8.0)
    slow = "def softmax(z):\n    while True:\n        pass"
    solve(folder, new_cells("while True:\n    pass"), softmax=slow)
    done = submit.submit(folder, NAME)
    assert done.points == 70
    assert done.tasks["softmax"].startswith("not yet: there was no answer within 8 seconds")
    assert any("Cell 34 of the notebook: there was no answer within 8 s" in r for r in done.remarks)


def test_ctrl_c_skips_the_checks_and_the_file_is_there(folder, interruptible):
    solve(folder, lambda nb: nb.cells.insert(2, nbformat.v4.new_code_cell("while True:\n    pass")))
    last_checks(folder, train="not yet", order="no longer correct")
    process = run_command(folder)
    assert process.stdout.readline().endswith("Ctrl-C skips this.\n")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert "The checks did not run once more (you stopped them)." in out
    assert "  ✘ train: not yet\n" in out
    assert "  ✘ order: no longer correct\n" in out
    assert "gets 60 of 80 points." in out
    assert (folder / "ex02-submission.zip").is_file()


def test_without_running_it_the_outputs_and_the_last_checks_tell(folder, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    def edit(nb):
        for ename, name in (("SyntaxError", "softmax-answer"), ("NotYet", "train")):
            cell_of(nb, name).outputs = [nbformat.v4.new_output("error", ename=ename)]

    monkeypatch.setattr(submit, "rehearse", stopped)
    solve(folder, edit, order=stub("order"))
    (folder / ".tlcourse/progress.json").write_text('{"ex02": {"chance": "correct"}}')
    tasks = submit.submit(folder, NAME).tasks
    assert tasks == dict.fromkeys(TASKS, "not checked") | {
        "softmax": "not run to the end",
        "train": "not yet",
        "chance": "correct",
        "order": "not attempted",
    }


def test_a_renamed_notebook_is_recognised(folder, monkeypatch):
    monkeypatch.setattr(submit, "rehearse", lambda *_: ({}, {}))
    solve(folder, name="my homework.ipynb")
    for copy in ("ex02_cross_entropy_old.ipynb", "ex02_cross_entropy_new_edition_2.ipynb"):
        solve(folder, name=copy)
    (remark,) = submit.submit(folder, NAME).remarks
    assert remark == f"my homework.ipynb is handed in, for {FILE} is as it was handed out."
    path = folder / "exercises" / NAME / FILE
    path.unlink()
    done = submit.submit(folder, NAME)
    assert f"my homework.ipynb is handed in, for {FILE} is not there." in done.remarks
    with zipfile.ZipFile(done.zip) as archive:
        assert archive.namelist() == [FILE]
    solve(folder, name="another.ipynb")
    with pytest.raises(CourseError, match="rename the right one, another.ipynb or my homework"):
        submit.submit(folder, NAME)
    solve(folder, train=stub("train"))
    assert submit.submit(folder, NAME).notebook == path
