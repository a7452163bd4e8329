"""A wrong answer gets the message meant for it, and the call that is shown is one that fails."""

import numpy as np
import pytest

from tests.checks import answer, answers, edited, rows
from tlcourse.checks import tasks
from tlcourse.checks.asking import LocalAnswer
from tlcourse.checks.engine import LENGTH, judge_answer
from tlcourse.checks.properties import agrees, plain, show_call

WRONG = rows("WRONG")
NAMES = [" · ".join(map(str, row[:3])) for row in WRONG]
SEEDS = 3


def _soft(z):
    """What is the same for all right answers of ex02.two_logits."""
    return z[:, 1] - z[:, 0] if isinstance(z, np.ndarray) and z.ndim == 2 else z


def _unshuffled(result):
    """What is the same for all right answers of ex03.repaired."""
    if not isinstance(result, list) or len(result) != 3:
        return result
    pairs = sorted(zip(map(np.ndarray.tolist, result[0]), result[1].tolist(), strict=False))
    return [np.array([x for x, _ in pairs]), [y for _, y in pairs], result[2]]


def _typed(result):
    """What ex11.quantise returned, with the type of its codes."""
    return [result, result["codes"].dtype.name]


# Where several results are right: what they have in common, and how close they lie.
SAME = {
    "two_logits": (_soft, {}),
    "repaired": (_unshuffled, {}),
    "macro": (lambda r: r, {"rtol": 1e-6}),
    "optimism": (lambda r: r, {"rtol": 0, "atol": 0.004}),
    "quantise": (_typed, {}),
    "distil": (lambda r: r, {"rtol": 1e-4, "atol": 1e-16}),  # differences lose small slopes
}
# What no single call shows, because it is about several: pieces of the messages.
SEVERAL = (
    "two calls differ",
    "ten calls differ",
    "are shuffled",
    "any order of the 2N",
    "a seed stands for one order",
    "another seed gives another",
)


def is_right(task, result, expected) -> bool:
    common, close = SAME.get(task, (lambda r: r, {"rtol": 1e-4, "atol": 1e-6}))
    try:
        return agrees("", common(result), common(expected), **close).ok
    except Exception:  # a result of another form
        return False


class Recorded(LocalAnswer):
    """An answer that keeps what it was asked and what it replied, by the call as it is shown."""

    def __init__(self, task, value, seconds):
        super().__init__(value, seconds)
        self.task, self.calls = task, {}

    def call(self, arguments):
        reply = super().call(arguments)
        self.calls[show_call(self.task, arguments)] = (arguments, reply.get("result"))
        return reply


@pytest.mark.parametrize(("name", "task", "what", "edit", "message"), WRONG, ids=NAMES)
def test_a_wrong_answer_gets_the_message_meant_for_it_and_a_call_that_fails(
    name, task, what, edit, message
):
    right = answer(name, task, answers("solutions", name)[task])
    wrong = answer(name, task, edited(name, task, edit))  # last, so that its source is at hand
    seconds = 0.3 if "never ends" in message else 60
    for seed in range(SEEDS):
        asked = Recorded(task, wrong, seconds)
        found = judge_answer(tasks(name)[task], asked, np.random.default_rng(seed))
        text = f"{found.failed}: {found.message}"
        assert (found.status, found.points) == ("not yet", 0), what
        assert message in text
        assert "the check cannot make sense" not in text
        assert len(f"✘ {text}") <= LENGTH, text
        shown = [call for call in asked.calls if call and call in found.message]
        if not shown or any(piece in text for piece in SEVERAL):
            continue
        given, result = asked.calls[max(shown, key=len)]
        assert result is None or not is_right(task, result, plain(right(*given))), found.message
