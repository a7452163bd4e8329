"""Every exercise set: its solution, its stubs, wrong and right answers, and what is handed out."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from importlib import import_module

import nbformat
import numpy as np
import pytest

from tests.checks import OPEN_QUESTION, ROOT, answer, answers, edited, notebook, rows
from tlcourse import cli
from tlcourse.checks import judge, sets, tasks
from tlcourse.course import content, workspace
from tlcourse.course.execute import execute
from tools import exercises, sync

SETS = sets()
TASKS = [(name, task) for name in SETS for task in tasks(name)]
FUNCTIONS = [(n, t) for n, t in TASKS if tasks(n)[t].kind == "function"]
WRONG, RIGHT = rows("WRONG"), rows("RIGHT")


def names(table):
    return [" · ".join(map(str, row[:3])) for row in table]


def verdict(name, task, given, seed=0, seconds=60):
    return judge(tasks(name)[task], given, np.random.default_rng(seed), seconds=seconds)


def solved(name, task):
    return answer(name, task, answers("solutions", name)[task])


# --- right and open answers; wrong ones are in test_calls.py ---------------------------------


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_the_solution_scores_full_marks_whatever_is_drawn(name, task):
    start = time.monotonic()
    for seed in range(30):
        found = verdict(name, task, solved(name, task), seed)
        assert (found.status, found.message, found.points) == ("correct", "", 10), seed
        if seed > 2 and time.monotonic() - start > 3:
            break


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_the_stub_is_not_attempted(name, task):
    found = verdict(name, task, answer(name, task, answers("exercises", name)[task]))
    assert (found.status, found.points, found.passed) == ("not attempted", 0, ())


@pytest.mark.parametrize(("name", "task", "what", "edit"), RIGHT, ids=names(RIGHT))
def test_a_right_answer_written_differently_scores_full_marks(name, task, what, edit):
    given = answer(name, task, edited(name, task, edit))
    for seed in range(3):
        found = verdict(name, task, given, seed)
        assert (found.status, found.message) == ("correct", ""), what


def test_the_tables_are_long_enough_and_name_no_other_task():
    wrong, right = (Counter(row[:2] for row in table) for table in (WRONG, RIGHT))
    assert set(wrong) == set(right) == set(TASKS)
    assert [row for row, n in wrong.items() if n < 4] == []
    assert [row for row, n in right.items() if n < 1] == []
    for name in SETS:
        assert sum(n for row, n in wrong.items() if row[0] == name) >= 20


def mapped(value, change):
    """A plain value with every float array in it changed."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(mapped(v, change) for v in value)
    if isinstance(value, dict):
        return {k: mapped(v, change) for k, v in value.items()}
    return value


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


HARMLESS = {
    "float32": lambda f: lambda *a: mapped(f(*a), np.float32),
    "Fortran order": lambda f: lambda *a: mapped(f(*a), np.asfortranarray),
    "read-only": lambda f: lambda *a: mapped(f(*mapped(a, read_only)), read_only),
    "prints": lambda f: lambda *a: (print("x" * 1000), print("y", file=sys.stderr), f(*a))[-1],
}


@pytest.mark.parametrize("what", HARMLESS)
@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_type_order_and_prints_cost_nothing(name, task, what, capsys):
    found = verdict(name, task, HARMLESS[what](solved(name, task)))
    assert (found.status, found.message) == ("correct", "")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def spoil(f):
    def spoiled(*arguments):
        result = f(*arguments)
        for argument in arguments:
            if isinstance(argument, np.ndarray) and argument.dtype.kind in "fi":
                argument += 1
            elif isinstance(argument, list | dict):
                argument.clear()
        return result

    return spoiled


def fail(*_):
    raise ValueError("no idea")


def again(*arguments):
    return again(*arguments)


HOSTILE = {
    "None": (lambda f: lambda *a: None, "nothing (None"),
    "a text": (lambda f: lambda *a: "eh", "a text instead of"),
    "an exception": (lambda f: fail, "your function raises ValueError: no idea"),
    "an object": (lambda f: lambda *a: object(), "an object of type object"),
    "endless recursion": (lambda f: again, "your function calls itself without end"),
    "exit": (lambda f: lambda *a: sys.exit(0), "your function raises SystemExit"),
    "no function": (lambda f: 3, "hand over the function itself"),
    "other arguments": (lambda f: lambda: f(), "your function raises TypeError"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_whatever_a_function_does_one_sentence_comes_back(name, task, what):
    make, message = HOSTILE[what]
    found = verdict(name, task, make(solved(name, task)))
    assert found.status == "not yet"
    assert message in found.message
    assert "\n" not in found.message


@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_a_changed_argument_and_a_nan_are_named(name, task):
    found = verdict(name, task, spoil(solved(name, task)))
    assert "your function changes its argument" in found.message
    nan = verdict(name, task, lambda *a: mapped(solved(name, task)(*a), lambda v: v * np.nan))
    assert nan.status == "correct" or "NaN" in nan.message  # a task may return no float array


@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_an_endless_loop_is_given_up_and_stopped(name, task):
    def endless(*_):
        while True:
            pass

    before = set(threading.enumerate())
    found = verdict(name, task, endless, seconds=0.2)
    assert "a loop that never ends?" in found.message
    for thread in set(threading.enumerate()) - before:
        thread.join(100)  # on a busy machine
    assert set(threading.enumerate()) <= before


# --- the notebooks -----------------------------------------------------------------------------


def test_the_exercises_are_what_nbgrader_makes_of_the_solutions():
    assert list(exercises.drift()) == [], "run make exercises"
    assert {p.parent.name for p in (ROOT / "exercises").glob("*/*.ipynb")} == set(SETS)


SPOILERS = {
    "is stale, or was changed by hand": lambda path, _: path.write_text(
        path.read_text("utf-8").replace("YOUR CODE HERE", "your code"), "utf-8"
    ),
    "ex01_gradient_descent.ipynb is stale": lambda path, solution: shutil.copy(solution, path),
    "is missing": lambda path, _: path.unlink(),
    "notes.txt has no solution": lambda path, _: (path.parent / "notes.txt").write_text("psst"),
}


@pytest.mark.parametrize("message", SPOILERS)
def test_a_spoiled_exercise_is_caught_and_mended(message, tmp_path, monkeypatch):
    whole = notebook("exercises", "ex01").read_bytes()
    monkeypatch.setattr(exercises, "generate", lambda wanted, _: dict.fromkeys(wanted, whole))
    for folder in ("solutions", "exercises"):
        shutil.copytree(ROOT / folder / "ex01", tmp_path / folder / "ex01")
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    path = notebook("exercises", "ex01")
    copy = tmp_path / path.relative_to(ROOT)
    SPOILERS[message](copy, notebook("solutions", "ex01"))
    (found,) = exercises.drift(tmp_path)
    assert message in found
    assert exercises.main(root=tmp_path) == 0
    assert copy.read_bytes() == path.read_bytes()
    assert [p for p in (tmp_path / "exercises").rglob("*") if p.is_file()] == [copy]


def without(start):
    """Remove the cell that begins so."""

    def spoil(cells):
        cells[:] = [cell for cell in cells if not cell.source.startswith(start)]

    return spoil


def rewrite(old, new):
    """Change the cell that reads so."""

    def spoil(cells):
        (cell,) = (c for c in cells if c.source == old)
        cell.source = new

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without("def gradient"), "no answer stands before the check of gradient"),
        (without("ex.gradient.check"), "an answer has no check"),
        (without("ex.order.check"), "and its tasks are"),
        (rewrite("ex.order.check(order)", "ex.order.check(answer)"), "and nothing else"),
        (rewrite("ex.order.check(order)", "ex.order.check(order); print()"), "and nothing else"),
        (without("<!-- BEGIN SOLUTION"), "and its tasks are gradient, .*, open-question"),
        (lambda cells: cells.reverse(), "no answer stands before the check of order"),
    ],
)
def test_a_solution_that_does_not_fit_its_tasks_is_refused(spoil, message):
    whole = nbformat.read(notebook("solutions", "ex01"), 4)
    exercises.mark(whole, "ex01")
    spoil(whole.cells)
    with pytest.raises(exercises.ExerciseError, match=message):
        exercises.mark(whole, "ex01")


def test_make_exercises_names_what_there_is_and_what_nbgrader_refuses(tmp_path, capsys):
    shutil.copytree(ROOT / "solutions/ex01", tmp_path / "solutions/ex01")
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    assert exercises.main(["ex09"], tmp_path) == 2
    assert (
        capsys.readouterr().err
        == "There is no notebook 'ex09'; there are: ex01_gradient_descent.\n"
    )
    path = tmp_path / "solutions/ex01/ex01_gradient_descent.ipynb"
    path.write_text(path.read_text("utf-8").replace("### END SOLUTION", "### END"), "utf-8")
    assert exercises.main([], tmp_path) == 1
    said = capsys.readouterr().err
    assert said.startswith("stopped. ex01_gradient_descent.ipynb was refused by nbgrader: ")
    assert said.count("\n") == 1


def test_make_notebooks_refuses_it_in_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sync, "execute", lambda notebook, **_: notebook)
    twin = tmp_path / "sources/solutions/ex01/ex01_gradient_descent.py"
    twin.parent.mkdir(parents=True)
    twin.write_text("# %%\nex.gradient.check(gradient)\n")
    assert sync.main([], tmp_path) == 1
    assert capsys.readouterr().err == (
        "stopped. ex01: no answer stands before the check of gradient.\n"
    )
    assert not (tmp_path / "solutions").exists()


@pytest.mark.parametrize("name", SETS)
def test_no_solution_is_in_the_exercise(name):
    cells = nbformat.read(notebook("solutions", name), 4).cells
    shown = "\n".join(c.source for c in cells if "SOLUTION" not in c.source)
    text = "\n".join(c.source for c in nbformat.read(notebook("exercises", name), 4).cells)
    assert "SOLUTION" not in text
    for task, code in answers("solutions", name).items():
        hidden = code.partition("### BEGIN SOLUTION")[2].partition("### END SOLUTION")[0]
        lines = [line.strip() for line in hidden.splitlines() if len(line.strip()) > 25]
        assert [line for line in lines if line in text and line not in shown] == [], task


@pytest.mark.parametrize("name", SETS)
def test_the_exercise_runs_from_top_to_bottom_with_all_open(name, tmp_path):
    ran = execute(nbformat.read(notebook("exercises", name), 4), cwd=tmp_path, cell_timeout=500)
    errors = [o.ename for c in ran.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert errors == ["NotAttempted"] * len(tasks(name))


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_four_to_eight_tasks_and_an_edition(name):
    of_set = tasks(name)
    assert 4 <= len(of_set) <= 8
    for folder in ("solutions", "exercises"):
        kept = nbformat.read(notebook(folder, name), 4).metadata.tlcourse
        assert (kept.exercise, kept.edition) == (name, exercises.edition(name))
        text = notebook(folder, name).read_text("utf-8")
        assert f'exercise(\\"{name}\\", edition={kept.edition})' in text
    for task in of_set.values():
        assert len(set(task.hints)) == 3
        assert task.hints[0].endswith(("?", ".")), task.name


def test_all_sets_but_one_have_a_parsons_problem():
    """That of set 06 went to set 08 with what it is about."""
    without = [name for name in SETS if not any(task.lines for task in tasks(name).values())]
    assert without == ["ex06"]


# --- a learner's copy --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learner") / "my course"
    workspace.deliver(folder)
    return folder


@pytest.fixture
def copy(delivered, tmp_path):
    """A learner's folder, and ex01 in it."""
    folder = tmp_path / "my course"
    for part in (".tlcourse", "exercises"):
        shutil.copytree(delivered / part, folder / part)
    return folder, folder / "exercises/ex01/ex01_gradient_descent.ipynb"


@pytest.fixture
def tlcourse(capsys):
    """Run the command: exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([str(a) for a in arguments])
        return (end.value.code or 0, *capsys.readouterr())

    return call


def test_an_exercise_that_is_run_in_the_folder_shows_three_lines_and_keeps_progress(copy):
    folder, path = copy
    right = answers("solutions", "ex01")
    wrong = {"largest_rate": right["largest_rate"].replace("max", "min")}
    made = filled("ex01", {"gradient": right["gradient"]} | wrong)
    ran = execute(made, cwd=path.parent, cell_timeout=500)
    shown = {c.source.partition("(")[0]: c.outputs for c in ran.cells if c.cell_type == "code"}
    assert shown["ex.gradient.check"][0].text.endswith("Correct: 10 points.\n")
    printed, error = shown["ex.largest_rate.check"]
    assert printed.text == "✔ is right in one dimension\n"
    assert error.ename == "NotYet"
    (lines,) = error.traceback
    assert lines.startswith("✘ is right on three axes\nThis is the limit of the flattest")
    assert "10 of 80 points" in shown["ex.progress"][0].text
    kept = json.loads((folder / ".tlcourse/progress.json").read_text())["ex01"]
    assert kept["gradient"] == "correct"
    assert kept["largest_rate"] == "not yet"
    assert set(kept.values()) == {"correct", "not yet", "not attempted"}


def test_reset_gives_a_fresh_copy_and_keeps_the_old_ones(copy, tlcourse):
    folder, path = copy
    fresh = path.read_bytes()
    for text in ("my work", "more work"):
        path.write_text(text)
        code, out, _ = tlcourse("reset", "ex01", "--folder", folder)
        assert code == 0
        assert path.read_bytes() == fresh
        assert out.splitlines()[0] == "ex01_gradient_descent.ipynb is fresh again."
    assert "Your earlier one is ex01_gradient_descent_old_2.ipynb beside it." in out
    old = [path.with_stem(path.stem + suffix).read_text() for suffix in ("_old", "_old_2")]
    assert old == ["my work", "more work"]
    assert "fresh already" in tlcourse("reset", "1", "--folder", folder)[1]
    path.unlink()
    assert tlcourse("reset", "ex01", "--folder", folder)[1] == (
        "ex01_gradient_descent.ipynb is fresh again.\n"
    )
    assert workspace.deliver(folder) == [f"{p.name} was missing and is back." for p in MISSING]


MISSING = sorted(content.folder().glob("notebooks/*.ipynb"))


def test_inside_the_copy_its_folder_need_not_be_named(copy, tlcourse, monkeypatch):
    folder, path = copy
    monkeypatch.chdir(path.parent)
    code, out, _ = tlcourse("submit", "ex01")
    assert (code, (folder / "ex01-submission.zip").exists()) == (0, True)
    assert "9 tasks are open" in out
    assert "fresh already" in tlcourse("reset", "ex01")[1]
    monkeypatch.chdir(folder.parent)
    assert "tlcourse-work is not a course folder" in tlcourse("reset", "ex01")[2]


def test_reset_clears_the_points_of_the_set_and_says_so(copy, tlcourse):
    folder, path = copy
    kept = folder / ".tlcourse/progress.json"
    kept.write_text('{"ex01": {"order": "correct"}, "ex02": {"order": "correct"}}')
    path.write_text("my work")
    assert "The points of ex01 begin at 0 again" in tlcourse("reset", "ex01", "--folder", folder)[1]
    assert json.loads(kept.read_text()) == {"ex02": {"order": "correct"}}
    assert "points" not in tlcourse("reset", "ex01", "--folder", folder)[1]


def drop(grade_id):
    return lambda nb: nb["cells"].remove(cell_of(nb, grade_id))


def cell_of(nb, grade_id):
    return next(
        c for c in nb["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )


DAMAGE = [
    (drop("gradient"), "the cell 'gradient' is missing: tlcourse reset ex01"),
    (drop("order-answer"), "the cell 'order-answer' is missing"),
    (lambda nb: nb["cells"].append(cell_of(nb, "order")), "the cell 'order' is there 2 times"),
    (
        lambda nb: drop("order")(nb) or nb["metadata"]["tlcourse"].update(edition=0),
        "beside it to copy from (it is edition 0, and the course holds edition 2)",
    ),
    (lambda nb: nb["cells"].clear(), "the cell 'gradient-answer' is missing"),
    (lambda nb: nb.pop("cells"), "is not a notebook that can be read: tlcourse reset ex01"),
    (lambda nb: nb.update(cells=[3]), "is not a notebook that can be read"),
    (lambda nb: cell_of(nb, "order")["metadata"].update(nbgrader=3), "'order' is missing"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_submit_refuses_what_is_not_whole(copy, tlcourse, damage, message):
    folder, path = copy
    notebook = json.loads(path.read_bytes())
    damage(notebook)
    path.write_text(json.dumps(notebook))
    code, out, err = tlcourse("submit", "ex01", "--folder", folder)
    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(folder.glob("*.zip"))


@pytest.mark.parametrize("command", ["submit", "reset"])
def test_wrong_names_and_folders_are_one_sentence(copy, tlcourse, command, tmp_path):
    folder, path = copy
    for arguments, message in [
        (("ex99", "--folder", folder), "There is no exercise 'ex99'; there are ex01"),
        (("one", "--folder", folder), "There is no exercise 'one'"),
        (("ex01", "--folder", tmp_path / "elsewhere"), "is not a course folder"),
        (("ex01", "--folder", path), "is not a course folder"),
    ]:
        code, out, err = tlcourse(command, *arguments)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert message in err
    path.write_bytes(b"\xff{")
    assert "is not a notebook" in tlcourse("submit", "ex01", "--folder", folder)[2]
    path.unlink()
    assert "is missing: tlcourse reset" in tlcourse("submit", "ex01", "--folder", folder)[2]


# --- plain nbgrader ----------------------------------------------------------------------------


def filled(name, codes, question=None):
    """The exercise with these answers written into it."""
    made = nbformat.read(notebook("exercises", name), 4)
    for cell in made.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if grade_id.removesuffix("-answer") in codes and grade_id.endswith("-answer"):
            cell.source = codes[grade_id.removesuffix("-answer")]
        if grade_id == OPEN_QUESTION and question:
            cell.source = question
    return made


# What `nbgrader generate_assignment`, `autograde` and `generate_feedback` run, for every set in one
# process, for it takes seconds to start.
NBGRADER = """
import sys
from nbgrader import apps
for name in sys.argv[1:]:
    for step in (apps.GenerateAssignmentApp, apps.AutogradeApp, apps.GenerateFeedbackApp):
        app = step()
        app.initialize([name])
        app.start()
        step.clear_instance()
"""
STUDENTS = ("ada", "dora")


def mistaken(name):
    """Of a set the first task, what dora answers there, and the message meant for it."""
    first = next(iter(answers("solutions", name)))
    _, edit, message = import_module(f"tests.checks.{name}").WRONG[first][0]
    return first, edited(name, first, edit), message


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course of plain nbgrader: ada has solved all, dora has a mistake and an open task."""
    course = tmp_path_factory.mktemp("nbgrader")
    shutil.copytree(ROOT / "solutions", course / "solutions")
    settings = (ROOT / "nbgrader_config.py").read_text("utf-8")
    # On a busy machine a kernel takes more than a minute to start, and seconds to print.
    settings += "\nc.NotebookClient.startup_timeout = c.NotebookClient.iopub_timeout = 1800\n"
    (course / "nbgrader_config.py").write_text(settings, "utf-8")
    for name in SETS:
        right = answers("solutions", name)
        first, wrong, _ = mistaken(name)
        some = {task: code for task, code in right.items() if task != [*right][-1]}
        handed_in = filled(name, right, "I would repeat it."), filled(name, some | {first: wrong})
        for student, made in zip(STUDENTS, handed_in, strict=True):
            path = course / "submitted" / student / name / notebook("exercises", name).name
            path.parent.mkdir(parents=True)
            nbformat.write(made, path)
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-c", NBGRADER, *SETS],
        cwd=course,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return course


@pytest.mark.timeout(3600)  # for whichever comes first waits until every set is graded
@pytest.mark.parametrize("name", SETS)
def test_plain_nbgrader_gives_the_expected_marks(name, graded):
    from nbgrader.api import Gradebook

    top = 10 * len(answers("solutions", name))
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}") as book:
        ada, dora = (book.find_submission(name, student) for student in STUDENTS)
        assert (ada.score, dora.score) == (top, top - 20)
        assert (ada.needs_manual_grade, dora.needs_manual_grade) == (True, False)
        assert book.find_assignment(name).max_score == top + 10
    page = (graded / "feedback" / "dora" / name / f"{path_stem(name)}.html").read_text("utf-8")
    assert mistaken(name)[2].split(":")[0].lower() in page.lower()
    feedback = {p.parent.parent.name for p in graded.glob(f"feedback/*/{name}/*.html")}
    assert feedback == set(STUDENTS)


def path_stem(name):
    return notebook("exercises", name).stem
