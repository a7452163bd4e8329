"""No shortcut passes: answers that are right on simple inputs are refused, whatever is drawn."""

import time
from contextlib import redirect_stdout

import numpy as np
import pytest

from tests.checks import answer, edited
from tests.checks.shortcuts import SHORTCUTS
from tlcourse.checks import judge, sets, tasks

ROWS = [
    (name, task, what, edit)
    for name, of_set in SHORTCUTS.items()
    for task, of_task in of_set.items()
    for what, edit in of_task
]
SEEDS, LEAST = 20, 3  # for which a shortcut is asked, and for which also if it takes long
BUDGET = 0.5  # seconds of processor time for a shortcut


@pytest.mark.parametrize(("name", "task"), [(n, t) for n in sets() for t in tasks(n)])
def test_every_task_was_searched_for_shortcuts(name, task):
    assert len(SHORTCUTS[name][task]) >= 3


@pytest.mark.parametrize(
    ("name", "task", "what", "edit"), ROWS, ids=[" · ".join(row[:3]) for row in ROWS]
)
def test_a_shortcut_is_refused_whatever_is_drawn(name, task, what, edit):
    with redirect_stdout(None):
        given = answer(name, task, edited(name, task, edit))
    begun = time.process_time()
    for seed in range(SEEDS):
        found = judge(tasks(name)[task], given, np.random.default_rng(seed), seconds=60)
        assert found.status == "not yet", f"{what} passes with seed {seed}"
        assert "raises" not in found.message.split(" ")[2:3], found.message  # it runs
        if seed + 1 >= LEAST and time.process_time() > begun + BUDGET:
            break
