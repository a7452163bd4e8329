"""No reason is false: what no known mistake explains gets no known mistake's message."""

import re
import time
from itertools import combinations

import numpy as np
import pytest

from tests.checks import answer, answers, edited, rows
from tests.checks.test_sets import mapped
from tlcourse.checks import judge, sets, tasks
from tlcourse.checks.properties import agrees, plain

FUNCTIONS = [
    (name, task) for name in sets() for task, of in tasks(name).items() if of.kind == "function"
]
BUDGET = 1.0  # seconds of processor time for the mistakes of a task
# Ways to be wrong that nobody has: a message that explains one of them would be a guess.
DISTORTIONS = {
    "other numbers": lambda v: v * 1.2371 + 0.0413,
    "one number": lambda v: v + 0.0837 * (np.arange(v.size).reshape(v.shape) == v.size // 2),
    "a wave": lambda v: v * (1 + 0.31 * np.sin(1 + np.arange(v.size).reshape(v.shape))),
}
# What a message begins with that blames nothing: a call, a place in the result, or this sentence.
BLAMELESS = re.compile(
    r"\w+\(|the call was|value \d+ of|at '|"
    r"the value of '\w+'( in value \d+ of \d+)? is not as it should be|"
    r"this does not hold|it is not right yet"
)
# Facts, and no guesses at a cause.
FACTS = (
    "w is to begin at zero",
    "a bound lies outside",
    "with a rate of 0",
    "should be as they were",
    "BatchNormalization trains",
    "these weights do not come from",
    "are not the source's",
    "it changes when the target",
    "is neither alpha nor a tenth of it",
    "is neither `decay` nor 0",
)


def distorted(f, change):
    def changed(*arguments):
        def number(value):
            if isinstance(value, float | np.floating):
                return float(change(np.array([value]))[0])
            if isinstance(value, list | tuple):
                return type(value)(map(number, value))
            if isinstance(value, dict):
                return {key: number(part) for key, part in value.items()}
            return value

        return mapped(number(f(*arguments)), change)

    return changed


@pytest.mark.parametrize("what", DISTORTIONS)
@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_a_result_that_no_mistake_explains_gets_no_reason(name, task, what):
    right = answer(name, task, answers("solutions", name)[task])
    for seed in range(1 if name in ("ex04", "ex05") else 2):  # Keras is slow
        rng = np.random.default_rng(seed)
        found = judge(tasks(name)[task], distorted(right, DISTORTIONS[what]), rng, seconds=60)
        message = found.message
        is_fact = "?" in message or any(fact in message for fact in FACTS)  # a question asks
        assert found.status == "correct" or is_fact or BLAMELESS.match(message), message


# Pieces of messages that name no mistake: a call, a form, or what is said to any answer.
NO_REASON = re.compile(
    r"\w+\($|instead of|raises|NaN|is there a return|solve this task|work on a copy|changes its|"
    r"not as it should|not written yet|keys|an array of shape|did you|some pixels are counted"
)


# --- the other mistakes of a table ---------------------------------------------------------------


def combined(first, second):
    """Both edits in one cell, if the second still has its place after the first."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return None
    return {**first, **second} if first.keys().isdisjoint(second) else None


def named(task, text, of_task):
    """The rows of the table whose message stands in a text, most telling first."""
    rows = [row for row in of_task if row[2] in text and not NO_REASON.search(row[2])]
    return sorted(rows, key=lambda row: -len(row[2]))


@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_a_message_names_only_a_mistake_that_gives_these_numbers(name, task):
    """Each wrong answer, and pairs of them at once: who is named must give the same result."""
    of_task = [row[2:] for row in rows("WRONG") if row[:2] == (name, task)]
    slow = name in ("ex04", "ex05") and task in ("repaired", "trained", "cached", "measured")
    rng = np.random.default_rng(21)
    pairs = [(a, b) for a, b in combinations(of_task, 2) if combined(a[1], b[1])]
    cells = [(row[0], row[1]) for row in of_task[:: 4 if slow else 1]]
    for i in rng.permutation(len(pairs))[: 2 if slow else 12]:
        a, b = pairs[i]
        cells.append((f"{a[0]} and {b[0]}", combined(a[1], b[1])))
    begun = time.process_time()
    for i in rng.permutation(len(cells)):
        what, edit = cells[i]
        calls = []
        try:
            given = answer(name, task, edited(name, task, edit))
        except AssertionError:  # the first edit has taken the place of the second
            continue

        def asked(*arguments, given=given, calls=calls):
            calls.append((arguments, given(*arguments)))
            return calls[-1][1]

        seed = int(rng.integers(3, 1000))
        found = judge(tasks(name)[task], asked, np.random.default_rng(seed), seconds=5)
        text = f"{found.failed}: {found.message}"
        meant = named(task, text, of_task)
        if not meant or "never ends" in text or any(row[0] in what for row in meant) or not calls:
            continue
        others = [answer(name, task, edited(name, task, row[1])) for row in meant]
        assert any(agree(other, calls) for other in others), (what, text)
        if time.process_time() > begun + BUDGET:
            break


def agree(other, calls):
    """Whether another answer gives the same in one of the last calls."""
    for arguments, result in calls[-3:]:
        try:
            if agrees("", plain(other(*arguments)), plain(result), rtol=2e-3, atol=2e-3).ok:
                return True
        except Exception:  # it cannot answer this
            continue
    return False
