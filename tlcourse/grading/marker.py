"""Mark one submission: its code in the sandbox, checks, expected values and verdict here."""

from dataclasses import asdict
from time import monotonic
from zlib import crc32

import numpy as np

from tlcourse.checks import moved, tasks
from tlcourse.checks.asking import describe
from tlcourse.course.content import Released
from tlcourse.course.plan import modules, plan_of
from tlcourse.course.walk import Walk
from tlcourse.files import CourseError
from tlcourse.grading import handins, records
from tlcourse.grading.handins import Submission, Unreadable
from tlcourse.grading.sandbox import IMPORTS, PATIENCE, Sandbox

_SOURCE = 50_000  # characters of a cell that are kept in the record


# --- what a set needs --------------------------------------------------------------------------


def uses_keras(released: Released) -> bool:
    """Whether a set imports Keras."""
    return "keras" in modules(released)


def sandbox(released: Released, memory: int) -> Sandbox:
    """A sandbox for a set, without the functions that its tasks ask for.

    A module that the handed-out notebook imports stays whole: another task is meant to use it.
    """
    imported = modules(released)
    forbidden = {name for task in tasks(released.name).values() for name in task.forbids}
    emptied = [name for name in forbidden if name.rpartition(".")[0] not in imported]
    return Sandbox(imported, sorted(emptied), memory)


# --- marking -----------------------------------------------------------------------------------


def mark(
    submission: Submission,
    released: Released,
    box: Sandbox,
    *,
    secret: bytes,
    cell_seconds: float = 10.0,
    seconds: float = 120.0,
) -> dict:
    """Mark a submission; whatever is in it, a record comes back.

    Parameters
    ----------
    submission : Submission
    released : Released
        The set.
    box : Sandbox
        Of this exercise.
    secret : bytes
        What the numbers that an answer is tried on are drawn from; the same for all submissions.
    cell_seconds : float
        Of processor time that one cell, or one call of a function, may take. Imports of up to a
        minute are not counted, and on the clock everything may take several times as long.
    seconds : float
        That all of it may take together.

    Returns
    -------
    dict
        Plain data for JSON: "student", "status" ("marked" or "unreadable", with a "reason"),
        "tasks" with a verdict each; "moved", the verdicts on tasks of an older notebook that are in
        another set now, "ex08.a"; "cells" with the errors of cells, "answers", "open_answer",
        "notebook", "seconds", "cpu"; "limits", those of "memory" and "time" that it has hit; and
        "alone", whether it had to have a sandbox of its own.

    Raises
    ------
    NoSandbox
    """
    start = monotonic()
    record = {
        "student": submission.student,
        "exercise": released.name,
        "status": "unreadable",
        "reason": submission.reason,
        "file": submission.file,
        "submitted": submission.submitted,
        "tasks": {},
        "moved": {},
        "cells": [],
        "answers": {},
        "open_answer": "",
        "notebook": [],
        "seconds": 0.0,
        "cpu": 0.0,
        "limits": [],
        "alone": False,
    }
    try:
        if submission.reason:
            raise Unreadable(submission.reason)
        cells = handins.read(submission.data)
    except Unreadable as error:
        return record | {"reason": str(error)}
    if wrong := handins.other_exercise(cells, released.name):
        return record | {"reason": f"it is a notebook of {wrong}, not of {released.name}"}
    written_for = handins.written_for(cells, released.name)
    known = moved.asked(released.name, written_for)
    todo = plan_of(cells, released, known)
    walk = Walk(
        todo,
        box.session,
        imports=IMPORTS,
        cell_seconds=cell_seconds,
        seconds=seconds,
        end=start + PATIENCE * seconds,
    )
    own = tasks(released.name)
    places = {
        name: f"{released.name}.{name}" if name in own else moved.place(written_for, name)
        for name in known
    }
    try:
        verdicts = walk.verdicts(known, lambda name: _rng(secret, places[name]))
    except CourseError:
        raise
    except Exception as error:  # of this package; the rest of the class is marked all the same
        why = f"the marker itself failed on it ({describe(error)}): please report this"
        return record | {"reason": why}
    found: dict[str, dict] = {}
    for name, verdict in verdicts.items():
        found[places[name]] = records.better(found.get(places[name]), asdict(verdict))
    ours = {name: found.pop(f"{released.name}.{name}") for name in own}
    return record | {
        "status": "marked",
        "tasks": ours,
        "moved": {place: one for place, one in found.items() if one["status"] != "not attempted"},
        "cells": sorted(walk.errors.items()),
        "answers": {name: todo.answers[name][:_SOURCE] for name in own},
        "open_answer": todo.open_answer[:_SOURCE],
        "notebook": [[cell.kind, cell.source[:_SOURCE], cell.grade_id] for cell in cells],
        "seconds": round(monotonic() - start, 3),
        "cpu": round(walk.cpu, 3),
        "limits": sorted(walk.limits),
        "alone": not box.serves_many,
    }


def _rng(secret: bytes, place: str) -> np.random.Generator:
    return np.random.default_rng([*secret, crc32(place.replace(".", "/").encode())])
