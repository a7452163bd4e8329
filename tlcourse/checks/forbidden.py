"""Which library calls a learner's function uses: an aid to honest work, not a lock.

The code of the function is read, and that of the functions it was written with (its inner ones,
its closure, helpers of the notebook). A name that is put together at run time is not seen.
"""

import builtins
import dis
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType


def find_forbidden(function: Callable, names: tuple[str, ...]) -> str:
    """The first of the dotted `names` that a function reaches, or "".

    A proxy without Python code reaches nothing.
    """
    objects = {name: _loaded(name) for name in names}
    for path, value in _reached(function):
        for name in names:
            known = objects[name]
            if path == name or (known is not None and value is known):
                return name
    return ""


def _loaded(name: str):
    """What a dotted name stands for, if its module is imported."""
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None)


def _reached(function: Callable, seen: set | None = None) -> Iterator[tuple[str, object]]:
    """The dotted names and the objects that a function's code loads."""
    seen = set() if seen is None else seen
    function = getattr(function, "func", function)  # functools.partial
    function = getattr(function, "__wrapped__", function)
    yield "", function
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    scope = dict(vars(builtins)) | function.__globals__
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            scope[name] = cell.cell_contents
        except ValueError:  # not yet bound
            continue
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    loads = [("", value) for value in defaults] + list(_loads(function.__code__, scope))
    for path, value in loads:
        yield path, value
        mine = isinstance(value, FunctionType) and value.__globals__ is function.__globals__
        if mine:
            yield from _reached(value, seen)


def _loads(code: CodeType, scope: dict) -> Iterator[tuple[str, object]]:
    """What each chain of names in the code stands for: `np`, `np.linalg`, `np.linalg.lstsq`."""
    found: tuple[str, object] = ("", None)  # what the last step left: its dotted name, and itself
    variables, constant, imported = {}, None, found
    for step in dis.get_instructions(code):
        name = step.argval
        if step.opname == "LOAD_CONST":
            constant = name
            continue
        if step.opname.startswith(("LOAD_FAST", "STORE_FAST")):  # one name, or from 3.13 on two
            first, *_, last = (name, name) if isinstance(name, str) else name
            if step.opname.startswith("STORE"):
                variables[first] = found
            if "LOAD" in step.opname:
                found = variables.get(last, ("", None))
            continue
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"):
            value = scope.get(name)
            found = (value.__name__ if isinstance(value, ModuleType) else "", value)
        elif step.opname == "IMPORT_NAME":
            path = name if constant else name.partition(".")[0]  # "from a.b" or "import a.b"
            found = imported = (path, sys.modules.get(path))
        elif step.opname in ("IMPORT_FROM", "LOAD_ATTR", "LOAD_METHOD"):
            path, owner = imported if step.opname == "IMPORT_FROM" else found
            value = getattr(owner, name, None) if isinstance(owner, ModuleType) else None
            one = (f"{path}.{name}" if path else "", value)
            yield one
            found = one
            continue
        else:
            continue
        yield found
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _loads(constant, scope)
