"""Tasks that went to another set: what an older notebook still asks for, and where it counts.

`progress.MOVED` is the one table. A task counts in the set that holds it now, wherever it was
answered.
"""

from collections.abc import Iterator
from dataclasses import replace

from tlcourse import progress
from tlcourse.checks.engine import Task
from tlcourse.checks.learner import tasks


def place(exercise: str, name: str) -> str:
    """Where a task is now, "ex08.softness", of a set that had it once, "ex06", "softness"."""
    full = f"{exercise}.{name}"
    while full in progress.MOVED:
        full = progress.MOVED[full]
    return full


def asked(exercise: str, written_for: str) -> dict[str, Task]:
    """The tasks to ask of a notebook, by the names that they have in it.

    Parameters
    ----------
    exercise : str
        The set that is marked.
    written_for : str
        The set that the notebook is of: the same, or one that held some of its tasks before.

    Returns
    -------
    dict of Task
        Those of the set. To them come those that an older notebook of it holds, which have gone to
        another set; or, if it is of another set, those that have come from there.
    """
    found = tasks(exercise)
    for name, now, new in _moves(written_for):
        if name not in found and exercise in (written_for, now):
            found[name] = replace(tasks(now)[new], name=name)
    return found


def came(exercise: str) -> dict[str, list[tuple[str, str]]]:
    """For each task of a set that was in another one, "ex06", "softness": where it was."""
    found: dict[str, list[tuple[str, str]]] = {}
    for old in progress.MOVED:
        before, name = old.split(".")
        now, new = place(before, name).split(".")
        if now == exercise:
            found.setdefault(new, []).append((before, name))
    return found


def _moves(exercise: str) -> Iterator[tuple[str, str, str]]:
    """The tasks that a set had once: their names there, their sets now, and their names there."""
    for old in progress.MOVED:
        before, name = old.split(".")
        if before == exercise:
            yield name, *place(before, name).split(".")
