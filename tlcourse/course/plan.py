"""What is to run of a learner's notebook, and where in it each answer is asked.

`tlcourse submit` and the marker follow the same plan, so that what passes at home passes there. It
is read off the source of the notebook, by a process in which no code of a learner has run: a
notebook cannot say of itself where it is asked, and nothing of it is executed here.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from tlcourse.checks.reached import LONGEST, RUNS, parsed, python_of
from tlcourse.course.content import Released, grade_id

OPEN_QUESTION = "open-question"
_STUB = "*Your answer here.*"
_MOST = 300_000  # characters of a notebook's code that run; of a cell it is LONGEST
_TOO_LONG = "raise ValueError('this cell is too long to be marked')"
_CHECK = re.compile(r"\.\s*check\s*\(")


class Cell(NamedTuple):
    """A cell of a notebook: "code", "markdown" or "raw"; nbgrader's id, if it has one."""

    kind: str
    source: str
    grade_id: str | None = None


class Step(NamedTuple):
    """Something to run, or, if it has a `task`, an answer to ask for."""

    cell: int  # in the learner's notebook, from 1; 0 for a handed-out cell that is gone
    source: str  # Python and magics; or the expression that is handed to the check
    task: str = ""
    is_first: bool = True  # in its cell, in which what follows an error is not reached


@dataclass(frozen=True)
class Plan:
    """What is to run of a notebook, and what is shown to a person.

    Attributes
    ----------
    steps : tuple of Step
    answers : dict of str
        The cell of each answer, by its task; "" if there is none.
    places : dict of int
        The numbers of these cells.
    open_answer : str
    """

    steps: tuple[Step, ...]
    answers: dict[str, str]
    places: dict[str, int]
    open_answer: str


@cache
def _own_code(released: Released) -> list[tuple[str, ast.Module]]:
    """The handed-out cells that are nobody's answer and no check, with their syntax trees."""
    cells = [c for c in released.cells if c["cell_type"] == "code" and grade_id(c) is None]
    return [(cell["source"], ast.parse(cell["source"])) for cell in cells]


def modules(released: Released) -> list[str]:
    """The modules that a set imports: also `scipy.stats` for `from scipy import stats`."""
    found = ["numpy"]
    for _, tree in _own_code(released):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name != "tlcourse.exercise"]


def _needed(released: Released) -> list[str]:
    """The handed-out cells that define something, which an answer may rely on."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    return [s for s, tree in _own_code(released) if any(isinstance(n, kinds) for n in tree.body)]


def plan_of(mine: list[Cell], released: Released, names: Iterable[str]) -> Plan:
    """The plan for a learner's notebook of a set, in which tasks of these names are asked."""
    given = [Cell(c["cell_type"], c["source"], grade_id(c)) for c in released.cells]
    return plan(mine, given, list(names), _needed(released))


def plan(mine: list[Cell], given: list[Cell], names: list[str], needed: list[str]) -> Plan:
    """Match a learner's cells to the tasks, whatever has happened to them.

    All code cells run, in their order, and each answer is asked where the last call of its check
    stands, `ex.softmax.check(softmax)`: it does not matter whether a cell was moved, copied, or has
    lost its metadata, nor what happens further down. A cell of an answer that has become text runs
    as well. A handed-out cell that is `needed` and gone runs first. A cell of more than 100,000
    characters, or behind 300,000, does not run: nobody could read what is in it.

    Parameters
    ----------
    mine, given : list of Cell
        The learner's notebook, and the one that was handed out.
    names : list of str
        Of the tasks.
    needed : list of str
        Sources of handed-out cells that define something.

    Returns
    -------
    Plan
        A task whose check is nowhere called is not asked in it.
    """
    present = {cell.source.strip() for cell in mine if cell.kind == "code"}
    run = [(0, source) for source in needed if source.strip() not in present]
    answers, places, room = dict.fromkeys(names, ""), {}, _MOST
    defines = {
        task: re.compile(rf"^(def {task}\s*\(|{task}\s*(:[^=\n]*)?=[^=])", re.MULTILINE)
        for task in names
    }
    for number, cell in enumerate(mine, 1):
        own = [t for t in names if cell.grade_id == f"{t}-answer" or defines[t].search(cell.source)]
        if cell.kind != "code" and not own:
            continue
        source = cell.source if cell.kind == "code" else _without_fence(cell.source)
        for task in own:
            answers[task], places[task] = source, number
        if len(source) > min(LONGEST, room):
            run.append((number, _TOO_LONG))
        elif source.strip():
            run.append((number, source))
            room -= len(source)
    return Plan(tuple(_steps(run, names)), answers, places, _open_answer(mine, given))


def _steps(run: list[tuple[int, str]], names: list[str]) -> Iterator[Step]:
    """The cells, divided behind the last check of each task."""
    found = [_checks(source, names) if _CHECK.search(source) else [] for _, source in run]
    last = {check.task: (place, check) for place, some in enumerate(found) for check in some}
    for place, (number, source) in enumerate(run):
        here = [check for at, check in last.values() if at == place]
        yield from _divided(number, source, sorted(here, key=lambda check: check.end))


def _divided(number: int, source: str, checks: list["_Check"]) -> Iterator[Step]:
    """A cell with its checks; what stands before and behind each in a piece of its own."""
    lines, done, is_first = _lines(source), 0, True
    for check in checks:
        upto = check.start - 1 if check.is_alone else check.end
        piece = lines[done:upto]
        if _does_something(piece):
            yield Step(number, "\n".join(["#"] * done + piece), is_first=is_first)
            is_first = False
        yield Step(number, check.argument, check.task, is_first)
        is_first, done = False, max(done, check.end)
    if _does_something(lines[done:]):
        yield Step(number, "\n".join(["#"] * done + lines[done:]) if done else source, "", is_first)


def _does_something(lines: list[str]) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _lines(source: str) -> list[str]:
    return source.replace("\r\n", "\n").replace("\r", "\n").split("\n")


# --- where the checks stand --------------------------------------------------------------------


class _Check(NamedTuple):
    """A call of a check: the lines, from 1, of the statements that it is in, and its argument."""

    task: str
    start: int
    end: int
    argument: str
    is_alone: bool  # the statement is this call and nothing else, so that it need not run


def _checks(source: str, names: Iterable[str]) -> list[_Check]:
    """The last check of each task that a cell calls when it runs.

    Whatever `ex` is called, and also within `with`, `try`, `for` and `if`: the call is recognised
    by `.softmax.check(`. A call in a function is not, for nobody knows when it runs.
    """
    text = "\n".join(_lines(source))
    tree, is_whole = parsed(text), False
    if tree is None:
        text, is_whole = _without_magics(text)
        tree = parsed(text)
    if tree is None:
        return []
    found, length, groups = {}, text.count("\n") + 1, []
    for statement in tree.body:  # those that share a line, with a semicolon between, are one group
        if groups and statement.lineno <= groups[-1][-1].end_lineno:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    for group in groups:
        start, end, alone = group[0].lineno, group[-1].end_lineno, len(group) == 1
        if is_whole:  # its magic takes all of the cell
            start, end, alone = 1, length, False
        for call in [call for statement in group for call in _calls(statement)]:
            if call.func.value.attr in names:
                is_alone = alone and getattr(group[0], "value", None) is call
                is_alone = is_alone and isinstance(group[0], ast.Expr)
                found[call.func.value.attr] = (start, end, call.args[0], is_alone)
    return [
        _Check(task, start, end, ast.get_source_segment(text, argument) or "", is_alone)
        for task, (start, end, argument, is_alone) in found.items()
    ]


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls `….NAME.check(…)` that running a statement makes, in the order of the source."""
    todo: list[ast.AST] = [statement]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    while todo:
        node = todo.pop()
        if isinstance(node, functions):
            continue
        if isinstance(node, ast.If | ast.While) and isinstance(node.test, ast.Constant):
            chosen = node.body if node.test.value else node.orelse
            todo += reversed(chosen)
            continue
        is_check = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "check"
            and isinstance(node.func.value, ast.Attribute)
            and node.args
            and not isinstance(node.args[0], ast.Starred)
        )
        if is_check:
            yield node
        todo += reversed(list(ast.iter_child_nodes(node)))


def _without_magics(source: str) -> tuple[str, bool]:
    """A cell's source without its magics, line by line; whether one takes the whole cell."""
    lines, is_whole = source.split("\n"), False
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if named := re.match(r"\s*%%(\w+)", lines[first]):
        if named[1] not in RUNS:
            return "", True
        lines[first], is_whole = "", True
    for i, line in enumerate(lines):
        lines[i] = python_of(line, {})
    return "\n".join(lines), is_whole


# --- what a person reads -----------------------------------------------------------------------


def _without_fence(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if not line.startswith("```"))


def _open_answer(mine: list[Cell], given: list[Cell]) -> str:
    """The text of the open question; found by what stands before it if its mark is lost."""
    found = [cell for cell in mine if cell.grade_id == OPEN_QUESTION]
    if not found:
        places = [i for i, cell in enumerate(given) if cell.grade_id == OPEN_QUESTION]
        before = {given[i - 1].source.strip() for i in places if i}
        found = [cell for asked, cell in pairwise(mine) if asked.source.strip() in before]
    text = "\n\n".join(cell.source.strip() for cell in found)
    return "" if text == _STUB else text
