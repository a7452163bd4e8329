"""Open checks of the exercises: one module for each set, and the small engine below them.

The checks hide nothing and give nothing away: they test properties, and agreement with a reference
on inputs that are drawn afresh. CONTRIBUTING.md tells how to write one.
"""

import tlcourse.checks.sets  # first, so that its name is that of the function below  # noqa: F401
from tlcourse.checks.engine import Task, Verdict, judge, task
from tlcourse.checks.learner import NotAttempted, NotYet, exercise, sets, tasks, title
from tlcourse.checks.parsons import assemble
from tlcourse.checks.properties import Failure, Property, agrees, holds, numbers, shaped, telling

__all__ = [
    "Failure",
    "NotAttempted",
    "NotYet",
    "Property",
    "Task",
    "Verdict",
    "agrees",
    "assemble",
    "exercise",
    "holds",
    "judge",
    "numbers",
    "sets",
    "shaped",
    "task",
    "tasks",
    "telling",
    "title",
]
