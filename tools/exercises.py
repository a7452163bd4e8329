"""Make `exercises/` from `solutions/`, with nbgrader's own converter.

Run by ``make exercises`` (``make exercises NB=ex02`` for one). A solution is written without
nbgrader's metadata: which cell is an answer, which its check and which the open question is read
off its text (`mark`).
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbformat import NotebookNode

from tlcourse.checks import tasks
from tlcourse.checks.engine import POINTS
from tlcourse.checks.learner import find
from tlcourse.files import write
from tools.notebooks import matching

ROOT = Path(__file__).resolve().parents[1]
CHECK = re.compile(r"ex\.(\w+)\.check\((.*)\)")
OPEN_QUESTION = "open-question"


class ExerciseError(Exception):
    """What is wrong with a solution, in one sentence."""


def mark(notebook: NotebookNode, name: str) -> None:
    """Give the cells of the solution `name`, "ex02", nbgrader's metadata.

    A cell ``ex.softmax.check(softmax)`` is the locked test of the task softmax; the code cell with
    a solution before it is the answer; a text with a solution is the open question.

    Raises
    ------
    ExerciseError
        If cells and tasks do not agree.
    """
    checked, answer = [], None
    for cell in notebook.cells:
        has_solution = "BEGIN SOLUTION" in cell.source
        found = CHECK.match(cell.source) if cell.cell_type == "code" else None
        if found:
            if cell.source.strip() != f"ex.{found[1]}.check({found[1]})":
                raise ExerciseError(
                    f"{name}: the check of {found[1]} is to be ex.{found[1]}.check({found[1]}) and "
                    "nothing else, so that a marker finds the answer by the task's name."
                )
            if answer is None:
                raise ExerciseError(f"{name}: no answer stands before the check of {found[1]}.")
            answer.metadata.nbgrader = _cell(f"{found[1]}-answer", solution=True)
            cell.metadata.nbgrader = _cell(found[1], grade=True, points=POINTS)
            checked.append(found[1])
            answer = None
        elif has_solution and cell.cell_type == "code":
            if answer is not None:
                raise ExerciseError(f"{name}: an answer has no check: {answer.source[:60]!r}.")
            answer = cell
        elif has_solution:
            cell.metadata.nbgrader = _cell(OPEN_QUESTION, solution=True, grade=True, points=POINTS)
            checked.append(OPEN_QUESTION)
    expected = [*tasks(name), OPEN_QUESTION]
    if answer is not None or checked != expected:
        raise ExerciseError(
            f"{name} has checks of {', '.join(checked)}, and its tasks are {', '.join(expected)}."
        )


def _cell(grade_id: str, *, grade=False, solution=False, points: int | None = None) -> NotebookNode:
    metadata = NotebookNode(
        schema_version=3,
        grade_id=grade_id,
        grade=grade,
        solution=solution,
        locked=grade and not solution,
        task=False,
    )
    return metadata if points is None else NotebookNode(metadata, points=points)


def set_of(path: Path) -> str | None:
    """The set that a solution belongs to, "ex02" for solutions/ex02/ex02_….ipynb."""
    found = re.fullmatch(r"(ex\d\d)_\w+", path.stem)
    return found[1] if found and path.parent.name == found[1] else None


def edition(name: str) -> int:
    return find(name).EDITION


# --- the converter -----------------------------------------------------------------------------


# What `nbgrader generate_assignment --no-db ex01` runs, for several in one process.
_CONVERTER = """
import sys
from nbgrader.apps import GenerateAssignmentApp
for name in sys.argv[1:]:
    app = GenerateAssignmentApp()
    app.initialize(["--no-db", name])
    app.start()
    GenerateAssignmentApp.clear_instance()
"""


def generate(solutions: list[Path], root: Path = ROOT) -> dict[Path, bytes]:
    """The learner's notebook of each solution, as nbgrader makes it.

    Raises
    ------
    ExerciseError
        If nbgrader refuses one.
    """
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        for solution in solutions:
            (course / "solutions" / solution.parent.name).mkdir(parents=True)
            shutil.copy(solution, course / "solutions" / solution.parent.name)
        shutil.copy(root / "nbgrader_config.py", course)
        done = subprocess.run(
            [sys.executable, "-P", "-c", _CONVERTER, *(s.parent.name for s in solutions)],
            cwd=course,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        made = {s: course / "exercises" / s.parent.name / s.name for s in solutions}
        for solution, path in made.items():
            if not path.exists():
                lines = done.stderr.splitlines()
                reasons = [line for line in lines if "ERROR" in line] or lines[-1:] or ["no reason"]
                raise ExerciseError(f"{solution.name} was refused by nbgrader: {reasons[0]}")
        return {solution: path.read_bytes() for solution, path in made.items()}


def drift(root: Path = ROOT) -> Iterator[str]:
    """What in `exercises/` is not what nbgrader makes of `solutions/`, a sentence each."""
    wanted = _wanted(root)
    made = generate(list(wanted.values()), root)
    for path, solution in wanted.items():
        if not path.exists():
            yield f"{path.name} is missing"
        elif path.read_bytes() != made[solution]:
            yield f"{path.name} is stale, or was changed by hand"
    for path in _strangers(root, wanted):
        yield f"{path.name} has no solution"


def _wanted(root: Path) -> dict[Path, Path]:
    """Each exercise with its solution."""
    solutions = sorted((root / "solutions").glob("ex*/ex*.ipynb"))
    return {root / "exercises" / s.parent.name / s.name: s for s in solutions}


def _strangers(root: Path, wanted: dict[Path, Path]) -> list[Path]:
    """Files that do not belong into `exercises/`."""
    found = (p for p in (root / "exercises").rglob("*") if p.is_file() and p not in wanted)
    return [p for p in found if ".ipynb_checkpoints" not in p.parts]


def main(names: Sequence[str] = (), root: Path = ROOT) -> int:
    """Bring the named exercises up to date, or all, and remove what has no solution."""
    wanted = _wanted(root)
    for path in _strangers(root, wanted):
        path.unlink()
        print(f"{path.name}: removed, it has no solution")
    try:
        meant = matching(names, [path.stem for path in wanted])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    chosen = {path: solution for path, solution in wanted.items() if path.stem in meant}
    try:
        made = generate(list(chosen.values()), root)
    except ExerciseError as error:
        print(f"stopped. {error}", file=sys.stderr)
        return 1
    for path, solution in chosen.items():
        new, old = made[solution], path.read_bytes() if path.exists() else None
        if new != old:
            write(path, new)
        print(f"{path.stem}: {'up to date' if new == old else 'made'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
