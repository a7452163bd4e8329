"""The form of an answer: lists, float16, the length of a message, and what can be pasted back."""

import ast
import re

import numpy as np
import pytest

from tests.checks import answer, answers
from tests.checks.test_sets import FUNCTIONS, mapped
from tlcourse.checks import judge, tasks
from tlcourse.checks.engine import LENGTH
from tlcourse.checks.learner import _lines
from tlcourse.checks.properties import HALF


def found(name, task, change):
    right = answer(name, task, answers("solutions", name)[task])
    given = lambda *arguments: change(right(*arguments))  # noqa: E731
    return judge(tasks(name)[task], given, np.random.default_rng(0), seconds=60)


def listed(value):
    """The same numbers in lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [listed(part) for part in value]
    if isinstance(value, dict):
        return {key: listed(part) for key, part in value.items()}
    return value


def halved(value):
    if isinstance(value, float | np.floating):
        return np.float16(value)
    if isinstance(value, list | tuple):
        return type(value)(map(halved, value))
    if isinstance(value, dict):
        return {key: halved(part) for key, part in value.items()}
    return mapped(value, np.float16)


def is_short(verdict, task):
    """Whether a learner reads at most four lines of 100 characters, in three parts."""
    text = f"✘ {verdict.failed}: {verdict.message}"
    return len(text) <= LENGTH and "\n" not in verdict.message and len(_lines(task, verdict)) <= 3


def calls_in(message, task):
    """The calls that a message shows, as syntax; a call that cannot be pasted is an error."""
    start = message.find(f"{task}(")
    if start < 0:
        return []
    text = message[start:].split(" returned ")[0]
    return [ast.parse(text, mode="eval")]


@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_right_numbers_in_a_list_are_taken_or_refused_in_one_clear_sentence(name, task):
    verdict = found(name, task, listed)
    is_clear = re.search(
        r"a list instead of an array of shape .*: use np\.array\(…\)", verdict.message
    )
    assert verdict.status == "correct" or is_clear, verdict.message
    assert is_short(verdict, tasks(name)[task]), verdict.message


@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_float16_is_named_where_it_is_too_coarse(name, task):
    verdict = found(name, task, halved)
    assert verdict.status == "correct" or HALF in verdict.message, verdict.message
    assert is_short(verdict, tasks(name)[task]), verdict.message


@pytest.mark.parametrize(("name", "task"), FUNCTIONS)
def test_a_message_has_at_most_four_lines_and_its_call_can_be_pasted(name, task):
    def off(value):
        value = mapped(value, lambda v: v * 1.37 + 0.11)
        return value * 3 if isinstance(value, float | int) else value

    verdict = found(name, task, off)
    assert is_short(verdict, tasks(name)[task]), verdict.message
    assert "<array" not in verdict.message
    for call in calls_in(verdict.message, task):
        names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
        assert names <= {task, "np"}, verdict.message
        eval(compile(call, "<call>", "eval"), {"np": np, task: lambda *_: None})
