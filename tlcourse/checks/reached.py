"""What an answer reaches in a notebook, read off the source; nothing of it runs.

`Notebook` is the table of what the cells bind, and `Search` follows an answer through it: to dotted
names of libraries, and to texts that the code is given.
"""

import ast
import builtins
import re
import warnings
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from math import inf
from pathlib import PurePath

LONGEST = 100_000  # characters of a source that are read; its tree takes up to a kilobyte for each
_SHORT = 5_000  # characters of a source whose tree is kept
_DEEP = 60  # steps from a name to what it stands for
_LATE = 10.0**9  # the time of what may happen whenever a function is called
UNKNOWN = "?"  # the path of what only running it would tell

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_PATHS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_ADDS = {"append", "appendleft", "extend", "insert", "add", "update", "setdefault", "push"}
_ADDS |= {"__setitem__", "__setattr__"}
RUNS = ("time", "timeit", "capture", "prun")  # magics that run the Python that follows
_PYLAB = (
    "import numpy as np; import matplotlib.pyplot as plt; from numpy import *; "
    "from numpy.linalg import *"
)


# --- reading cells -----------------------------------------------------------------------------


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a source; None if there is none, or it would take too much to read."""
    if len(source) > LONGEST:
        return None
    return _kept(source) if len(source) <= _SHORT else _parse(source)


@lru_cache(maxsize=128)
def _kept(source: str) -> ast.Module | None:
    return _parse(source)


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def python(source: str, files: dict[str, str]) -> str:
    """What Python runs of a cell; `files` takes the modules that it writes."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if not re.search(r"^\s*(%|!|\?)|= *[%!]|\?\s*$", source, re.MULTILINE):
        return source
    if not source.lstrip().startswith("%") and parsed(source) is not None:
        return source
    first, _, rest = source.lstrip().partition("\n")
    if named := re.match(r"%%(\w+)\s*(.*)", first):
        if named[1] in ("writefile", "file") and named[2].split():
            files[PurePath(named[2].split()[-1].strip("\"'")).stem] = rest
        source = rest if named[1] in RUNS else ""
    return "\n".join(python_of(line, files) for line in source.split("\n"))


def python_of(line: str, files: dict[str, str]) -> str:
    """What Python runs of a line that may be a magic; `files` are modules that cells wrote."""
    text = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    name, _, rest = text.partition(" ")
    if name in [f"%{magic}" for magic in RUNS] and rest.strip():
        words = rest.split(" ")
        while len(words) > 1 and (words[0][:1] in ("", "-") or words[0].isdecimal()):
            del words[0]  # the options of timeit
        return indent + " ".join(words)
    if name == "%pylab":
        return indent + _PYLAB
    if name in ("%run", "%load") and rest.split():
        return files.get(PurePath(rest.split()[-1]).stem, "pass")
    if assigned := re.match(r"([\w.,\s]+= ?)[%!]", text):
        return f"{indent}{assigned[1]}None"
    if text.startswith(("%", "!", "?")) or (text.endswith("?") and not text.startswith("#")):
        return f"{indent}pass"
    return line


class _Thing:
    """What a name is bound to: dotted names of a library, and pieces of source.

    Names in the source mean what they meant at `time`; those in functions, what they mean at the
    end. It stands for its only piece if it is an `alias`.
    """

    __slots__ = ("alias", "nodes", "paths", "scope", "sure", "time")

    def __init__(self, paths=(), nodes=(), scope=None, time=inf, alias=False, sure=True) -> None:
        self.paths, self.nodes, self.scope = tuple(paths), tuple(nodes), scope
        self.time, self.alias, self.sure = time, alias, sure


class _Scope:
    """The names that a function, a class, a comprehension or a module of the notebook binds."""

    def __init__(
        self, parent: "_Scope | None", is_class: bool = False, is_open: bool = False
    ) -> None:
        self.parent, self.is_class = parent, is_class
        self.is_open = is_open or is_class  # its names are attributes of something
        self.names: dict[str, list[_Thing]] = {}
        self.elsewhere: set[str] = set()  # by `global` and `nonlocal`

    def bind(self, name: str, thing: _Thing) -> None:
        self.names.setdefault(name, []).append(thing)

    def function_parent(self) -> "_Scope | None":
        """Where a function that is defined here looks names up: not in a class."""
        scope = self
        while scope is not None and scope.is_class:
            scope = scope.parent
        return scope


class Notebook:
    """What the top level of the cells binds, in order; what a name means depends on the time."""

    def __init__(self, cells: Iterable[str]) -> None:
        self.table: dict[str, list[_Thing]] = {}
        self.added: dict[str, list[_Thing]] = {}  # to lists, objects, and by `global`
        self.patched: dict[str, list[_Thing]] = {}  # attributes of libraries
        self.stars: list[tuple[int, str]] = []
        self.files: dict[str, str] = {}
        self.time = 0
        for cell in cells:
            text = python(cell, self.files)
            self._read(text)

    def _read(self, text: str, depth: int = 0) -> None:
        tree = parsed(text)
        if tree is None or depth > 5:
            return
        for statement in tree.body:
            with suppress(RecursionError):  # nothing that anybody has written
                self._take(statement, True, depth)
        if ":=" in text or "global" in text:
            for node in ast.walk(tree):
                if isinstance(node, ast.NamedExpr):
                    self._bind(node.target.id, [node.value], True, alias=True, extra=True)
                elif isinstance(node, FUNCTIONS[:2]):
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Global):
                            for name in inner.names:
                                self._bind(name, [node], False, extra=True, time=_LATE)
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            self._bind("_", [tree.body[-1].value], True, alias=True)
            self._bind("Out", [tree.body[-1].value], False, extra=True)

    def lookup(self, name: str, time: float) -> list[_Thing]:
        """What a name may mean at a time; empty if nothing binds it."""
        things, found, since, until = self.table.get(name, ()), [], -1, inf
        now = bisect_left(things, time, key=lambda thing: thing.time)
        for place in range(now - 1, -1, -1):
            found.append(things[place])
            if things[place].sure:
                since = things[place].time
                break
        if added := self.added.get(name):
            until = next((thing.time for thing in things[now:] if thing.sure), inf)
            found += [thing for thing in added if since <= thing.time < until]
        stars = [f"{module}.{name}" for when, module in self.stars if since < when < time]
        if stars:
            found.append(_Thing(stars))
        return found

    # --- statements --------------------------------------------------------------------------

    def _bind(self, name, nodes, sure, *, paths=(), alias=False, extra=False, time=None) -> None:
        thing = _Thing(paths, nodes, None, self.time if time is None else time, alias, sure)
        (self.added if extra else self.table).setdefault(name, []).append(thing)

    def _take(self, node: ast.stmt, sure: bool, depth: int) -> None:
        self.time += 1
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._bind(node.name, [node], sure)
            case ast.Import() | ast.ImportFrom():
                for name, path in _imported(node):
                    if name == "*":
                        self.stars.append((self.time, path))
                        if path in self.files:
                            self._read(self.files[path], depth + 1)
                    else:
                        self._bind(name, [], sure, paths=[path])
            case ast.Assign():
                for target in node.targets:
                    self._assign(target, node.value, sure)
            case ast.AnnAssign() if node.value is not None:
                self._assign(node.target, node.value, sure)
            case ast.AugAssign():
                self._assign(node.target, node.value, False)
            case ast.For() | ast.AsyncFor():
                self._loop(node.target, node.iter)
                self._body([*node.body, *node.orelse], False, depth)
            case ast.While():
                self._body([*node.body, *node.orelse], False, depth)
            case ast.If():
                if isinstance(node.test, ast.Constant):
                    self._body(node.body if node.test.value else node.orelse, sure, depth)
                else:
                    self._body([*node.body, *node.orelse], False, depth)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr, sure)
                self._body(node.body, sure, depth)
            case ast.Try() | ast.TryStar():
                handlers = [s for handler in node.handlers for s in handler.body]
                self._body([*node.body, *handlers, *node.orelse], False, depth)
                self._body(node.finalbody, sure, depth)
            case ast.Match():
                for case in node.cases:
                    for part in ast.walk(case.pattern):
                        if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
                            self._bind(part.name, [node.subject], False, alias=True)
                    self._body(case.body, False, depth)
            case ast.Delete():
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._bind(target.id, [], sure)
            case ast.Expr(value=ast.Call()):
                self._call(node.value, depth)

    def _body(self, statements: list[ast.stmt], sure: bool, depth: int) -> None:
        for statement in statements:
            self._take(statement, sure, depth)

    def _loop(self, target: ast.expr, items: ast.expr) -> None:
        for item in _elements(items) or [items]:
            self._assign(target, item, False)

    def _assign(self, target: ast.expr, value: ast.expr, sure: bool) -> None:
        for kind, place, node, alias in _bindings(target, value):
            if kind == "name":
                self._bind(place.id, [node], sure, alias=alias)
                continue
            if kind == "item" and _is_namespace(_path_of_place(place)):
                for text in _texts(place.slice):
                    self._bind(text, [node], sure, alias=alias)
                continue
            self._add(place.value, node, place)

    def _add(self, base: ast.expr, node: ast.AST, place: ast.expr | None = None) -> None:
        """Something is put into what an expression stands for."""
        paths = Search(self).resolve(base, None, self.time + 0.5)
        known = [path for path in paths if UNKNOWN not in path]
        names = (
            [place.attr] if isinstance(place, ast.Attribute)
            else _texts(place.slice) if isinstance(place, ast.Subscript) else []
        )  # fmt: skip
        for path in known:
            for name in names:
                full = name if path == "sys.modules" else f"{opened(path)}.{name}"
                if full.startswith("__main__."):
                    self._bind(name, [node], True, alias=True)
                else:
                    thing = _Thing((), [node], None, self.time, True)
                    self.patched.setdefault(full, []).append(thing)
        while isinstance(base, ast.Attribute | ast.Subscript):
            base = base.value
        if isinstance(base, ast.Name) and not known:
            self._bind(base.id, [node], False, extra=True)

    def _call(self, call: ast.Call, depth: int) -> None:
        """A call that stands alone: it may add to a list, or run a text."""
        function = call.func
        texts = [text for argument in call.args for text in self._texts(argument)]
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if name in ("exec", "eval", "ex", "run_cell", "system_exec"):
            for text in texts[:1]:
                self._read(text, depth + 1)
        elif name in ("run_cell_magic", "run_line_magic") and texts[0:1] and texts[0] in RUNS:
            self._read(texts[-1], depth + 1)
        elif name == "setattr" and len(call.args) == 3:
            for text in self._texts(call.args[1]):
                place = ast.Attribute(call.args[0], text, ast.Store())
                self._add(call.args[0], call.args[2], place)
        elif name in _ADDS and isinstance(function, ast.Attribute):
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            path = _path_of_place(ast.Attribute(function.value, "", ast.Store()))
            if _is_namespace(path) or name == "push":
                for keyword in call.keywords:
                    if keyword.arg:
                        self._bind(keyword.arg, [keyword.value], True, alias=True)
                for given in call.args:
                    for key, value in zip(
                        getattr(given, "keys", ()), getattr(given, "values", ()), strict=False
                    ):
                        for text in self._texts(key) if key else ():
                            self._bind(text, [value], True, alias=True)
            else:
                for value in values:
                    self._add(function.value, value)

    def _texts(self, node: ast.expr) -> list[str]:
        return Search(self).texts(node, None, self.time + 0.5)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The names that an import binds, and what they stand for."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif alias.name == "*":
            yield "*", node.module or ""
        else:
            yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}"


def _elements(node: ast.expr) -> list[ast.expr]:
    """The elements of a list that is written out."""
    return node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else []


def _bindings(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr, ast.expr, bool]]:
    """What an assignment binds: "name", "attribute" or "item", the place, and what it gets.

    With it, whether it gets just that, or something out of it.
    """
    todo = [(target, value, True)]
    while todo:
        place, node, alias = todo.pop()
        if isinstance(place, ast.Starred):
            todo.append((place.value, node, False))
        elif isinstance(place, ast.Tuple | ast.List):
            parts, starred = _elements(node), any(isinstance(p, ast.Starred) for p in place.elts)
            if len(parts) == len(place.elts) and not starred and alias:
                todo += [(p, n, True) for p, n in zip(place.elts, parts, strict=True)]
            else:
                todo += [(p, node, False) for p in place.elts]
        elif isinstance(place, ast.Name):
            yield "name", place, node, alias
        elif isinstance(place, ast.Attribute):
            yield "attribute", place, node, alias
        elif isinstance(place, ast.Subscript):
            yield "item", place, node, alias


def _path_of_place(place: ast.expr) -> str:
    """What an assigned place belongs to, in words: "globals()", "….user_ns"."""
    try:
        return ast.unparse(place.value)
    except (RecursionError, AttributeError):
        return ""


def _is_namespace(text: str) -> bool:
    """Whether this is what holds the notebook's own names."""
    return text in ("globals()", "vars()", "locals()") or text.endswith(("user_ns", "global_ns"))


def _texts(node: ast.expr) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def opened(path: str) -> str:
    return path.removesuffix(".__dict__")


# --- following an answer -----------------------------------------------------------------------


class Search:
    """Everything that an answer reaches in a notebook.

    Attributes
    ----------
    met : dict
        The dotted names that are used, in order; those that begin with "?" belong to something
        that only running it would tell.
    escaped : set of str
        Those that are handed on as values, so that the unknown may be one of them.
    spoken : list of tuple
        Arguments that are texts: the keyword, the text, and the dotted name of what is called.
    words : set of str
        Other texts in the source.
    """

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._seen: set[int] = set()
        self._known: dict[tuple, frozenset[str]] = {}
        self._kept: list = []  # so that no id is given twice
        self.met: dict[str, None] = {}
        self.escaped: set[str] = set()
        self.spoken: list[tuple[str, str, str]] = []
        self.words: set[str] = set()

    # --- what is reached ---------------------------------------------------------------------

    def read(self, node: ast.AST, scope: _Scope | None, time: float) -> None:
        """Read a piece of source, and whatever it reaches."""
        self._todo = [(node, scope, time, False)]
        while self._todo:
            node, scope, time, is_base = self._todo.pop()
            if isinstance(node, _Thing):
                if id(node) not in self._seen:
                    self._seen.add(id(node))
                    self._kept.append(node)
                    self._meet(node.paths, "", False)
                    self._todo += [(n, node.scope, node.time, node.alias) for n in node.nodes]
                continue
            self._visit(node, scope, time, is_base)

    def _push(self, nodes: Iterable, scope, time, is_base=False) -> None:
        self._todo += [(n, scope, time, is_base) for n in nodes if n is not None]

    def _visit(self, node: ast.AST, scope, time, is_base) -> None:
        if isinstance(node, FUNCTIONS):
            self._function(node, scope, time)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope, time)
        elif isinstance(node, _COMPREHENSIONS):
            inner = _Scope(scope)
            for part in node.generators:
                _collect_loop(inner, part.target, part.iter, time)
            self._push(ast.iter_child_nodes(node), inner, time)
        elif isinstance(node, _PATHS):
            self._path(node, scope, time, is_base)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            is_open = scope is not None and scope.is_open
            self._meet([path for name, path in _imported(node) if name != "*"], "", not is_open)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = all(isinstance(target, ast.Name) for target in targets)
            self._push(targets, scope, time)
            is_open = scope is not None and scope.is_open
            self._push([node.value], scope, time, names and not is_open)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                for text in self.texts(key, scope, time) if key else ():
                    self._speak(text, value, "", scope, time)
            self._push([*node.keys, *node.values], scope, time)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            pass  # a docstring
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                self.words.add(node.value)
        else:
            self._push(ast.iter_child_nodes(node), scope, time, isinstance(node, ast.Expr))

    def _function(self, node, scope, time) -> None:
        arguments = node.args
        defaults = [*arguments.defaults, *arguments.kw_defaults]
        self._push([*getattr(node, "decorator_list", ()), *defaults], scope, time)
        parent = scope.function_parent() if scope is not None else None
        inner = _Scope(parent)
        body = node.body if isinstance(node.body, list) else [node.body]
        positional = [*arguments.posonlyargs, *arguments.args]
        given = dict(zip([a.arg for a in positional][::-1], arguments.defaults[::-1], strict=False))
        given |= {
            a.arg: d
            for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if d is not None
        }
        every = [*positional, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for argument in filter(None, every):
            inner.bind(argument.arg, _Thing([UNKNOWN]))
            if argument.arg in given:
                inner.bind(argument.arg, _Thing((), [given[argument.arg]], scope, time, True))
        _collect(inner, body, inf)
        self._push(body, inner, inf)

    def _class(self, node, scope, time) -> None:
        keywords = [keyword.value for keyword in node.keywords]
        self._push([*node.decorator_list, *node.bases, *keywords], scope, time)
        inner = _Scope(scope, is_class=True)
        _collect(inner, node.body, time)
        self._push(node.body, inner, time)

    def _path(self, node, scope, time, is_base) -> None:
        """A name, an attribute, an item or a call."""
        if isinstance(node, ast.Name):
            for thing in self._things(node.id, scope, time):
                if thing.scope is None:
                    self._todo.append((thing, None, 0, False))
            if isinstance(node.ctx, ast.Load):
                self._meet(self.resolve(node, scope, time), "", is_base)
            return
        if isinstance(node, ast.Call):
            self._called(node, scope, time)
        paths = self.resolve(node, scope, time)
        self._meet(paths, "", is_base)
        is_known = any(not path.startswith(UNKNOWN) for path in paths)
        if isinstance(node, ast.Attribute):
            self._push([node.value], scope, time, True)
        elif isinstance(node, ast.Subscript):
            self._push([node.value, node.slice], scope, time, is_known)
        else:
            self._push([node.func], scope, time, True)
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            self._push(values, scope, time, is_known)

    def _called(self, node: ast.Call, scope, time) -> None:
        """The texts that a call is given: code that it runs, or the name of an activation."""
        callees = self.resolve(node.func, scope, time)
        short = {path.rpartition(".")[2] for path in callees}
        if short & {"exec", "eval", "compile", "ex", "ev", "run_cell"} and node.args:
            for text in self.texts(node.args[0], scope, time):
                if tree := parsed(text.strip()):
                    inner = _Scope(scope)
                    _collect(inner, tree.body, time)
                    self._push(tree.body, inner, time)
        given = [("", argument) for argument in node.args]
        given += [(keyword.arg or "", keyword.value) for keyword in node.keywords]
        for callee in callees:
            for keyword, value in given:
                self._speak(keyword, value, callee, scope, time)

    def _speak(self, keyword: str, value: ast.expr, callee: str, scope, time) -> None:
        todo = [value]
        while todo:
            part = todo.pop()
            if isinstance(part, ast.Dict):
                todo += part.values
            todo += _elements(part)
            for text in self.texts(part, scope, time):
                self.spoken.append((keyword, text, callee))

    def _meet(self, paths: Iterable[str], rest: str, is_base: bool) -> None:
        for path in paths:
            path += rest
            if path not in self.met:
                self.met[path] = None
                self._follow(path)
            if not is_base and not path.startswith(UNKNOWN):
                self.escaped.add(path)

    def _follow(self, path: str) -> None:
        """What the notebook itself has put where a dotted name leads."""
        book = self._notebook
        if not (book.patched or book.files):
            return
        parts = path.split(".")
        for n in range(1, len(parts) + 1):
            prefix, rest = ".".join(parts[:n]), ".".join(parts[n:])
            if things := book.patched.get(prefix):
                self._todo += [(thing, None, 0, False) for thing in things]
                for thing in things:
                    found = self.resolve(thing.nodes[0], None, thing.time)
                    self._meet([f"{p}.{rest}" if rest else p for p in found], "", True)
        if (name := parts[0]) in book.files and len(parts) > 1:
            self.met[".".join([UNKNOWN, *parts[1:]])] = None
        if name in book.files and name not in self._seen:
            self._seen.add(name)
            if tree := parsed(book.files[name]):
                inner = _Scope(None, is_open=True)
                _collect(inner, tree.body, inf)
                self._push(tree.body, inner, inf)

    # --- what an expression stands for -------------------------------------------------------

    def _things(self, name: str, scope: _Scope | None, time: float) -> list[_Thing]:
        while scope is not None:
            if name in scope.names and name not in scope.elsewhere:
                found = scope.names[name]
                # what a class body binds is only sometimes what it reads
                return found + (self._things(name, scope.parent, time) if scope.is_class else [])
            scope = scope.parent
        return self._notebook.lookup(name, time)

    def resolve(self, node: ast.expr, scope, time: float, depth: int = 0) -> frozenset[str]:
        """The dotted names that an expression may stand for; "?" is unknown."""
        key = (id(node), id(scope), time)
        if key not in self._known:
            self._known[key] = frozenset()  # for what refers to itself
            self._kept.append((node, scope))
            if depth < _DEEP:
                self._known[key] = frozenset(self._resolved(node, scope, time, depth + 1))
        return self._known[key]

    def _resolved(self, node, scope, time, depth) -> Iterator[str]:
        def each(inner, scope=scope, time=time):
            return self.resolve(inner, scope, time, depth)

        match node:
            case ast.Name(id=name):
                things = self._things(name, scope, time)
                for thing in things:
                    yield from thing.paths
                    if thing.alias:
                        yield from each(thing.nodes[0], thing.scope, thing.time)
                    elif thing.nodes:
                        yield UNKNOWN
                if not things:
                    own = f"builtins.{name}"
                    is_own = hasattr(builtins, name) or own in self._notebook.patched
                    yield own if is_own else name
            case ast.Attribute(value=value, attr=attribute):
                for path in each(value):
                    if len(path) < 500:
                        yield f"{path}.{attribute}"
            case ast.Subscript(value=value, slice=index):
                texts = self.texts(index, scope, time)
                for path in each(value):
                    if path == "sys.modules":
                        yield from texts
                    elif path.endswith(".__dict__"):
                        yield from (f"{opened(path)}.{text}" for text in texts)
                    elif path == UNKNOWN:
                        yield UNKNOWN
                if _elements(value) or isinstance(value, ast.Dict | ast.Call):
                    yield UNKNOWN
            case ast.Call():
                yield from self._result(node, scope, time, each)
            case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                yield from each(value)
            case ast.IfExp(body=one, orelse=other):
                yield from each(one) | each(other)
            case ast.BoolOp(values=values):
                for value in values:
                    yield from each(value)
            case ast.Expr(value=value):
                yield from each(value)
            case _:
                yield UNKNOWN

    def _result(self, call: ast.Call, scope, time, each) -> Iterator[str]:
        """What a call returns, if it is one that finds a name."""
        texts = [text for a in call.args for text in self.texts(a, scope, time)]
        texts += [text for k in call.keywords for text in self.texts(k.value, scope, time)]
        first = call.args[0] if call.args else None
        yield UNKNOWN
        for path in each(call.func):
            name = path.rpartition(".")[2]
            if name == "getattr" and len(call.args) > 1:
                for attribute in self.texts(call.args[1], scope, time):
                    yield from (f"{base}.{attribute}" for base in each(first))
            elif name in ("import_module", "__import__", "locate", "resolve_name"):
                for text in texts:
                    text = text.replace(":", ".")
                    if text.startswith("."):
                        yield from (other + text for other in texts if other != text)
                    yield text
                    if name == "__import__":
                        yield text.partition(".")[0]
            elif path == "builtins.vars" and first is not None:
                yield from (f"{base}.__dict__" for base in each(first))
            elif name in ("__getattribute__", "__getattr__"):
                base = path.rpartition(".")[0]
                yield from (f"{base}.{text}" for text in texts)
            elif path.endswith(".__dict__.get") or path == "sys.modules.get":
                base = path.removesuffix(".get")
                for text in texts:
                    yield text if base == "sys.modules" else f"{opened(base)}.{text}"
            elif name == "eval" or name == "ev":
                for text in texts:
                    tree = parsed(text.strip())
                    if tree and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
                        yield from each(tree.body[0].value)
        if isinstance(call.func, ast.Call) and first is not None:
            inner = call.func
            found = {path.rpartition(".")[2] for path in each(inner.func)}
            if found & {"attrgetter", "methodcaller"} and inner.args:
                for text in self.texts(inner.args[0], scope, time):
                    yield from (f"{base}.{text}" for base in each(first))

    def texts(self, node: ast.expr, scope, time: float, depth: int = 0) -> list[str]:
        """The texts that an expression may stand for, where they are written out."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else []
        if isinstance(node, ast.Name) and depth < 5:
            return [
                text
                for thing in self._things(node.id, scope, time)
                if thing.alias
                for text in self.texts(thing.nodes[0], thing.scope, thing.time, depth + 1)
            ]
        return []


def _collect_loop(scope: _Scope, target: ast.expr, items: ast.expr, time: float) -> None:
    for item in _elements(items) or [items]:
        for kind, place, node, alias in _bindings(target, item):
            if kind == "name":
                alias = alias and bool(_elements(items))
                scope.bind(place.id, _Thing((), [node], scope, time, alias))


def _collect(scope: _Scope, body: list[ast.AST], time: float) -> None:
    """Enter what a function or a class binds, without looking into those within it."""
    todo = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope.bind(node.name, _Thing((), [node], scope, time))
            continue
        match node:
            case ast.Lambda() | ast.Name() | ast.Constant():
                continue
            case ast.Import() | ast.ImportFrom():
                for name, path in _imported(node):
                    scope.bind(name, _Thing([path]))
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    _collect_one(scope, target, value, time)
            case (
                ast.AnnAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ) if value is not None:
                _collect_one(scope, target, value, time)
            case ast.AugAssign(target=target, value=value):
                _collect_one(scope, target, value, time, False)
            case ast.For() | ast.AsyncFor():
                _collect_loop(scope, node.target, node.iter, time)
            case ast.withitem(context_expr=value, optional_vars=target) if target is not None:
                _collect_one(scope, target, value, time)
            case (
                ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name)
            ) if name:
                scope.bind(name, _Thing([UNKNOWN]))
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                scope.elsewhere.update(names)
        todo += ast.iter_child_nodes(node)


def _collect_one(scope, target, value, time, alias=True) -> None:
    for kind, place, node, is_whole in _bindings(target, value):
        if kind == "name":
            scope.bind(place.id, _Thing((), [node], scope, time, alias and is_whole))
