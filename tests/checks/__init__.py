"""For each exercise set: wrong answers that people really give, and right ones written otherwise.

A module exNN holds two tables by task, WRONG and RIGHT. A row is a name and what is done to the
solution's cell: a dict of replacements in its text, or a whole cell of its own. A row of WRONG ends
with a piece of the message that is meant for it.
"""

import linecache
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path

import nbformat

from tlcourse.checks import sets, tasks
from tools.exercises import OPEN_QUESTION

ROOT = Path(__file__).resolve().parents[2]


def notebook(folder: str, name: str) -> Path:
    """The one notebook of a set in `solutions` or `exercises`."""
    (path,) = (ROOT / folder / name).glob("*.ipynb")
    return path


@cache
def answers(folder: str, name: str) -> dict[str, str]:
    """The source of each answer cell by task, read from the notebook itself."""
    cells = nbformat.read(notebook(folder, name), 4).cells
    ids = {c.metadata.nbgrader.grade_id: c.source for c in cells if "nbgrader" in c.metadata}
    return {task: ids[f"{task}-answer"] for task in tasks(name)}


@cache
def _namespace(name: str) -> dict:
    """What the solution's code defines, without its checks."""
    scope: dict = {"__name__": "__main__"}
    with redirect_stdout(StringIO()):  # it is run once, in whichever test comes first
        for cell in nbformat.read(notebook("solutions", name), 4).cells:
            is_check = cell.source.startswith("ex.")
            if cell.cell_type == "code" and not is_check:
                exec(compile(cell.source, f"<{name}>", "exec"), scope)
    return scope


@cache
def _imports(name: str) -> list[str]:
    """The lines of the solution that import something."""
    cells = [
        c for c in nbformat.read(notebook("solutions", name), 4).cells if c.cell_type == "code"
    ]
    lines = [line for cell in cells for line in cell.source.splitlines()]
    return [f"{line}\n" for line in lines if line.startswith(("import ", "from "))]


def answer(name: str, task: str, code: str):
    """What the name `task` stands for after `code` ran in place of the solution's cell."""
    scope = dict(_namespace(name))
    exec(compile(code, f"<{name} {task}>", "exec"), scope)
    lines = [*code.splitlines(keepends=True), "\n", *_imports(name)]
    linecache.cache[f"<{name} {task}>"] = (len(code), None, lines, f"<{name} {task}>")
    return scope[task]


def edited(name: str, task: str, edit) -> str:
    """The solution's cell after an edit of the table."""
    code = answers("solutions", name)[task]
    if isinstance(edit, str):
        return edit
    for old, new in edit.items():
        assert old in code, f"{old!r} does not stand in the solution of {name}.{task}"
        code = code.replace(old, new)
    return code


def rows(table: str) -> list[tuple]:
    """All rows of one table: set, task, name, edit, and for WRONG the message."""
    written = [name for name in sets() if (Path(__file__).parent / f"{name}.py").exists()]
    return [
        (name, task, *row)
        for name in written
        for task, of_task in getattr(import_module(f"tests.checks.{name}"), table).items()
        for row in of_task
    ]


__all__ = ["OPEN_QUESTION", "answer", "answers", "edited", "notebook", "rows"]
