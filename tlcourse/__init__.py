"""A course on transfer learning."""

from importlib import import_module
from types import SimpleNamespace

# What chapters and JupyterHubs of edition 0.1.0 import, and where its parts are now.
_MOVED = {
    "widgets": ["tlcourse.plotting"],
    "workspace": ["tlcourse.course.content", "tlcourse.course.workspace"],
}


def exercise(name: str, edition: int | None = None):
    """The exercise set `name`, "ex02": `ex.softmax.check(softmax)`, `.hint()`, `ex.progress()`."""
    from tlcourse.checks import exercise

    return exercise(name, edition)


def __getattr__(name: str):
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    parts = SimpleNamespace()
    for module in map(import_module, _MOVED[name]):
        vars(parts).update(vars(module))
    return parts
