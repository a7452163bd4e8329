"""Change each solution of the exercises in one place, and see whether its check notices.

``python -m tools.mutants`` does so for all sets (``python -m tools.mutants ex02 ex03`` for some)
and prints, as its last line, what became of the mutants of each set. A mutant is a solution in
which one operator, index, axis, constant, comparison, boundary or argument is another, or an order
of lines in which one line lies elsewhere or is replaced by one that is not needed. It is killed
when its check refuses it for each of 20 seeds, or for as many, at least three, as two seconds of
processor time allow. One that is right all the same is listed, with the
reason, in `tests/checks/equivalent.toml`; an entry without a mutant that survives is an error.

What is known of a mutant is kept in the folder for temporary files, until the solution, the check
or the engine changes: an interrupted run goes on where it stopped.
"""

import ast
import contextlib
import hashlib
import json
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.checks import answer, answers
from tlcourse.checks import Task, judge, sets, tasks
from tlcourse.files import write
from tools.notebooks import matching

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = ROOT / "tests" / "checks" / "equivalent.toml"
STORE = Path(tempfile.gettempdir()) / "tlcourse-mutants"  # a file for each set
SEEDS, LEAST = 20, 3  # for which a mutant is asked, and for which also if it takes long
BUDGET = 2.0  # seconds of processor time for a mutant
SECONDS = 2.0  # of processor time that one call of a mutant may take

_OPERATORS = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_NAMES = {
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "sum": "mean",
    "mean": "sum",
    "std": "var",
    "ceil": "floor",
    "maximum": "minimum",
    "zeros": "ones",
    "ones": "zeros",
    "all": "any",
    "any": "all",
    "cdf": "pmf",
    "tile": "repeat",
}


@dataclass(frozen=True)
class Mutant:
    """A changed solution: the set and task, the text that names the change, and the whole cell."""

    name: str
    task: str
    change: str
    code: str


# --- mutants ---------------------------------------------------------------------------------


def of_task(name: str, task: Task) -> Iterator[Mutant]:
    """Every mutant of the solution of a task, once."""
    code = answers("solutions", name)[task.name]
    if task.lines:
        found = of_order(answer(name, task.name, code), task.lines)
        found = ((f"order: {''.join(o)}", f"{task.name} = {o!r}") for o in found)
    else:
        found = of_code(code)
    seen = set()
    for change, changed in found:
        if changed not in seen:
            seen.add(changed)
            yield Mutant(name, task.name, change, changed)


def of_order(order: list[str], lines: dict[str, str]) -> Iterator[list[str]]:
    """The orders in which one line lies elsewhere, is missing, or is replaced by another."""
    for i, label in enumerate(order):
        rest = order[:i] + order[i + 1 :]
        yield rest
        for place in range(len(order)):
            if place != i:
                yield [*rest[:place], label, *rest[place:]]
        for other in sorted(set(lines) - set(order)):
            yield [*order[:i], other, *order[i + 1 :]]


def of_code(code: str) -> Iterator[tuple[str, str]]:
    """The changed statement, and the whole code with it, for each change in a solution.

    Only what stands between the marks of a solution is changed.
    """
    rows = code.splitlines()
    first = next(i for i, row in enumerate(rows, 1) if "BEGIN SOLUTION" in row)
    last = next(i for i, row in enumerate(rows, 1) if "END SOLUTION" in row)
    tree = ast.parse(code)
    nodes = list(ast.walk(tree))  # a copy of the tree has its nodes at the same places
    for place, node in enumerate(nodes):
        at = getattr(node, "lineno", 0)
        for change in _changes(node) if first < at < last else ():
            copy = deepcopy(tree)
            changed = list(ast.walk(copy))[place]
            change(changed)
            ast.fix_missing_locations(copy)
            statement = max(
                (n for n in ast.walk(copy) if isinstance(n, ast.stmt) and n.lineno <= at
                 and n.end_lineno >= node.end_lineno),
                key=lambda n: n.lineno,
            )  # fmt: skip
            yield ast.unparse(statement).splitlines()[0], ast.unparse(copy)


def _changes(node: ast.AST) -> Iterator:
    """What may be done to a node, as functions that change a copy of it."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        for other in _OPERATORS.get(type(node.op), ()):
            yield lambda n, other=other: setattr(n, "op", other())
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            for other in _OPERATORS.get(type(operator), ()):
                yield lambda n, i=i, other=other: n.ops.__setitem__(i, other())
    if isinstance(node, ast.UnaryOp):
        yield lambda n: _become(n, n.operand)
    if isinstance(node, ast.Constant):
        for value in _other_constants(node.value):
            yield lambda n, value=value: setattr(n, "value", value)
    if isinstance(node, ast.Slice):
        for bound in ("lower", "upper", "step"):
            if getattr(node, bound) is not None:
                yield lambda n, bound=bound: setattr(n, bound, None)
    if isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield lambda n: setattr(n, "attr", _NAMES[n.attr])
    if isinstance(node, ast.Name) and node.id in ("max", "min"):
        yield lambda n: setattr(n, "id", _NAMES[n.id])
    if isinstance(node, ast.Call):
        for i in range(len(node.keywords)):
            yield lambda n, i=i: n.keywords.pop(i)
    if isinstance(node, ast.IfExp | ast.If):
        yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        for i in range(len(node.value.elts) - 1):
            yield lambda n, i=i: n.value.elts.insert(i, n.value.elts.pop(i + 1))


def _become(node: ast.AST, other: ast.AST) -> None:
    """Turn a node into another one where it stands."""
    node.__class__ = other.__class__
    node.__dict__ = other.__dict__


def _other_constants(value) -> tuple:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return value + 1, value - 1
    if isinstance(value, float):
        return value * 1.1, value * 0.9
    return (f"not {value}",) if isinstance(value, str) else ()


# --- judging ---------------------------------------------------------------------------------


def survives(mutant: Mutant, seeds: int = SEEDS) -> int | None:
    """The first seed for which the check accepts the mutant; None if it is killed."""
    try:
        with contextlib.redirect_stdout(None):
            given = answer(mutant.name, mutant.task, mutant.code)
    except Exception:  # a variable that cannot be computed
        return None
    begun = time.process_time()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        found = judge(tasks(mutant.name)[mutant.task], given, rng, seconds=SECONDS)
        if found.status == "correct":
            return seed
        if seed + 1 >= LEAST and time.process_time() > begun + BUDGET:
            return None
    return None


def equivalent(path: Path = EQUIVALENT) -> dict[tuple[str, str, str], str]:
    """The reason why a mutant is right, by set, task and change."""
    listed = tomllib.loads(path.read_text("utf-8"))
    return {
        (name, task, change): reason
        for name, of_set in listed.items()
        for task, changes in of_set.items()
        for change, reason in changes.items()
    }


class Store:
    """What is known of mutants, in a file that an interrupted run leaves behind."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.path = path
        try:
            self.known = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            self.known = {}
        if not isinstance(self.known, dict):
            self.known = {}
        self.saved = time.monotonic()

    def survives(self, mutant: Mutant) -> int | None:
        """As the function of this name, asked once."""
        key = self._key(mutant)
        if key not in self.known:
            self.known[key] = survives(mutant)
            if time.monotonic() > self.saved + 5:
                self.save()
        return self.known[key]

    def save(self) -> None:
        write(self.path, json.dumps(self.known).encode())
        self.saved = time.monotonic()

    @staticmethod
    def _key(mutant: Mutant) -> str:
        checks = ROOT / "tlcourse" / "checks"
        files = [*sorted(checks.glob("*.py")), checks / "sets" / f"{mutant.name}.py"]
        parts = [*(path.read_bytes() for path in files), mutant.task.encode(), mutant.code.encode()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


# --- the command -------------------------------------------------------------------------------


def main(names: Sequence[str] = (), store: Path = STORE, listed: Path = EQUIVALENT) -> int:
    """Judge the mutants of the named sets, or of all, and say what became of them."""
    try:
        meant = matching(names, sets())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    known, counts, is_whole = equivalent(listed), {}, True
    for name in sorted(meant):
        every = [mutant for task in tasks(name).values() for mutant in of_task(name, task)]
        alive, kept = [], Store(store / f"{name}.json")
        try:
            for i, mutant in enumerate(every, 1):
                if sys.stderr.isatty():
                    print(f"\r{name}: {i} of {len(every)} ", end="", file=sys.stderr, flush=True)
                if (seed := kept.survives(mutant)) is not None:
                    alive.append(((name, mutant.task, mutant.change), seed))
        finally:
            kept.save()
        if sys.stderr.isatty():
            print(file=sys.stderr)
        right = [key for key, _ in alive if key in known]
        for (_, task, change), seed in alive:
            if (name, task, change) not in known:
                print(f"{name}.{task} accepts (seed {seed}): {change}")
                is_whole = False
        for _, task, change in [key for key in known if key[0] == name and key not in right]:
            print(f"{name}.{task}: {listed.name} lists what does not survive: {change}")
            is_whole = False
        killed = len(every) - len(alive)
        counts[name] = {"mutants": len(every), "killed": killed, "equivalent": len(right)}
    print(json.dumps(counts))
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
