"""Which library calls an answer uses that would be the answer: an aid to honest work, not a lock.

The source is read and nothing runs: the answer's, and that of every name of the notebook that the
answer reaches, as the cells have bound it when the answer is checked. A cell that no answer reaches
may use anything. So the marker reads what the learner's kernel reads, in a process in which no code
of the learner has run. A name that is put together at run time is not found.
"""

import ast
import linecache
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import inf

from tlcourse.checks.reached import FUNCTIONS, UNKNOWN, Notebook, Search, opened, parsed, python

_WRAPPED = 50  # functions around one another


def find_forbidden(cells: Iterable[str], answer: str, forbids: Iterable[str]) -> str:
    """The first of the names in `forbids` that an answer uses, or "".

    Parameters
    ----------
    cells : iterable of str
        The sources of a notebook's code cells in the order in which they run, up to the check.
    answer : str
        What is handed to the check: a name or another expression.
    forbids : iterable of str
        Dotted names: "scipy.special.softmax".
    """
    forbids = tuple(forbids)
    root = parsed(answer.strip()) or parsed(f"({answer}\n)")
    if not forbids or root is None:
        return ""
    search = Search(Notebook(cells))
    search.read(root, None, inf)
    return _first(search, forbids)


def find_at_home(answer, name: str, forbids: Iterable[str]) -> str:
    """As `find_forbidden`, for the object that a learner hands to the check of the task `name`.

    The cells are those that the kernel has run. Outside Jupyter it is the file of the function.
    """
    forbids = tuple(forbids)
    for _ in range(_WRAPPED):
        inner = getattr(answer, "func", None) or getattr(answer, "__wrapped__", None)
        if not callable(inner):
            break
        answer = inner
    for known in forbids:
        if any(_loaded(known) is one for one in (answer, type(answer))):
            return known
    if cells := _kernel_cells():
        given, cells = _asked(cells, name)
        own = getattr(answer, "__name__", "")
        return find_forbidden(cells, given or (own if own.isidentifier() else name), forbids)
    code = getattr(answer, "__code__", None)
    if code is None or not forbids:
        return ""
    source = "".join(linecache.getlines(code.co_filename))
    search = Search(Notebook([source]))
    for node in ast.walk(parsed(source) or ast.Module([], [])):
        is_here = isinstance(node, FUNCTIONS) and _first_line(node) == code.co_firstlineno
        if is_here and getattr(node, "name", "<lambda>") == code.co_name:
            search.read(node, None, inf)
    return _first(search, forbids)


def _loaded(name: str):
    """What a dotted name stands for, if its module is imported."""
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, UNKNOWN)


def _first_line(node: ast.AST) -> int:
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


def _kernel_cells() -> list[str]:
    """The cells that this kernel has run, as they were typed; none outside IPython."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    history = getattr(shell, "history_manager", None)
    return list(history.input_hist_raw) if history is not None else []


def _asked(cells: list[str], task: str) -> tuple[str, list[str]]:
    """What the last check of a task is given, as source, and the cells up to that check."""
    for place in reversed(range(len(cells))):
        if f"{task}" not in cells[place] or "check" not in cells[place]:
            continue
        text = python(cells[place], {})
        tree = parsed(text)
        for statement in reversed(tree.body if tree else []):
            given = [
                call.args[0]
                for call in ast.walk(statement)
                if isinstance(call, ast.Call) and call.args
                and isinstance(call.func, ast.Attribute) and call.func.attr == "check"
                and isinstance(call.func.value, ast.Attribute) and call.func.value.attr == task
            ]  # fmt: skip
            if given:
                before = "\n".join(text.split("\n")[: statement.end_lineno])
                roots = "\n".join(ast.unparse(node) for node in given)
                return roots, [*cells[:place], before]
    return "", cells


def _first(search: Search, forbids: tuple[str, ...]) -> str:
    return _names(forbids).first(search.met, search.spoken, search.escaped, search.words)


# --- comparing names ---------------------------------------------------------------------------

# Packages, by the names that they go by in code and inside one another.
_PACKAGES = ("numpy", "scipy", "sklearn", "keras", "tensorflow", "torch", "jax", "tlcourse")
_TOPS = dict(zip(_PACKAGES, _PACKAGES, strict=True))
_TOPS |= {"np": "numpy", "tf": "tensorflow", "jnp": "numpy", "tf_keras": "keras"}
_DOTTED = re.compile(r"\w+([.:]\w+)+")
_MEANT = {"loss", "metrics", "optimizer"}  # arguments that take the name of a function
_NETWORKS = {"keras", "tensorflow", "torch", "jax", "sklearn"}


def _candidates(path: str) -> Iterator[tuple[str, list[str]]]:
    """A package, and the rest of a path: also `keras` for `tensorflow.keras`."""
    parts = path.split(".")
    yield parts[0], parts[1:]
    for place, part in enumerate(parts[:-1]):
        if part in _TOPS and (place or part != _TOPS[part]):
            yield _TOPS[part], parts[place + 1 :]


def _is_within(wanted: list[str], given: list[str]) -> bool:
    """Whether modules occur in this order: `linalg` in `linalg._linalg`, `nn` in `ops.nn_ops`."""
    rest = iter(given)
    return all(any(part == want or want in part.split("_") for part in rest) for want in wanted)


@lru_cache(maxsize=64)  # the tasks of some sets
def _names(forbids: tuple[str, ...]) -> "_Forbidden":
    return _Forbidden(forbids)


class _Forbidden:
    """The names that a task forbids, and whether a dotted name is one of them.

    It may lead there through other modules: `scipy.special._logsumexp.softmax`.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._by_leaf: dict[tuple[str, str], list[tuple[list[str], str]]] = {}
        self._spoken: dict[str, str] = {}
        for name in names:
            top, *middle, leaf = name.split(".")
            self._by_leaf.setdefault((top, leaf), []).append((middle, name))
            if top == "keras" and middle != ["ops"]:
                self._spoken.setdefault(_squashed(leaf), name)
        self._order = {name: place for place, name in reversed([*enumerate(names)])}
        self._leaves = {leaf for _, leaf in self._by_leaf}
        self._modules = {part for name in names for part in name.split(".")[:-1]} | set(_TOPS)

    def match(self, path: str) -> str:
        """The forbidden name that a dotted one stands for, or ""."""
        if self._leaves.isdisjoint(path.split(".")):
            return ""
        for top, rest in _candidates(path):
            for place, leaf in enumerate(rest):
                for middle, name in self._by_leaf.get((top, leaf), ()):
                    if top == "sklearn" or _is_within(middle, rest[:place]):
                        return name
        return ""

    def first(self, met, spoken, escaped, words) -> str:
        """The first of the names, in their own order, that was met."""
        found = {self.match(path) for path in met}
        found |= {self.match(word.replace(":", ".")) for word in words if _DOTTED.fullmatch(word)}
        for keyword, text, callee in spoken:
            if name := self._spoken.get(_squashed(text)):
                tops = {top for top, _ in _candidates(callee)}
                is_meant = keyword.endswith("activation") or keyword in _MEANT
                if is_meant or (tops & _NETWORKS and keyword != "name"):
                    found.add(name)
        loose = [path[2:].split(".") for path in met if path.startswith("?.")]
        loose += [word.split(".") for word in words]
        loose = [parts for parts in loose if not self._leaves.isdisjoint(parts)]
        modules = {opened(path) for path in escaped} if loose else set()
        for module in modules:
            if self._modules.isdisjoint(module.rpartition(".")[2].split("_")):
                continue
            for parts in loose:
                ends = (".".join([module, *parts[start:]]) for start in range(len(parts)))
                found.update(map(self.match, ends))
        return min(found - {""}, key=self._order.__getitem__, default="")


def _squashed(text: str) -> str:
    return text.lower().replace("_", "")
