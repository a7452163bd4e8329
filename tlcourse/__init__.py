"""A course on transfer learning."""

from importlib import import_module

# Rooms that chapters of edition 0.1.0 import: an edited chapter of a learner still runs.
_MOVED = {"widgets": "tlcourse.plotting", "workspace": "tlcourse.course.content"}


def exercise(name: str, edition: int | None = None):
    """The exercise set `name`, "ex02": `ex.softmax.check(softmax)`, `.hint()`, `ex.progress()`."""
    from tlcourse.checks import exercise

    return exercise(name, edition)


def __getattr__(name: str):
    if name in _MOVED:
        return import_module(_MOVED[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
