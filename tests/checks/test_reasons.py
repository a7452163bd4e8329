"""No reason is false: what no known mistake explains gets no known mistake's message."""

import re

import numpy as np
import pytest

from tests.checks import answer, answers
from tests.checks.test_sets import mapped
from tlcourse.checks import judge, sets, tasks

FUNCTIONS = [
    (name, task) for name in sets() for task, of in tasks(name).items() if of.kind == "function"
]
# Ways to be wrong that nobody has: a message that explains one of them would be a guess.
DISTORTIONS = {
    "other numbers": lambda v: v * 1.2371 + 0.0413,
    "one number": lambda v: v + 0.0837 * (np.arange(v.size).reshape(v.shape) == v.size // 2),
    "a wave": lambda v: v * (1 + 0.31 * np.sin(1 + np.arange(v.size).reshape(v.shape))),
}
# What a message begins with that blames nothing: a call, a place in the result, or this sentence.
BLAMELESS = re.compile(
    r"\w+\(|the call was|value \d+ of|at '|this does not hold|it is not right yet"
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
