"""What is right and slow comes to its end in half of its time, counted by the processor."""

import time

import numpy as np
import pytest

from tests.checks import answer, edited, rows
from tlcourse.checks import judge, tasks
from tlcourse.checks.asking import SECONDS

# Right answers in the slowest way that anybody would write: plain loops, and one call for a number.
SLOW = [
    ("ex01", "measured_rate", "plain loops", "def measured_rate(H):\n"
     "    n, low, high = len(H), 0, 10\n"
     "    start = np.random.default_rng(0).normal(size=n)\n"
     "    for _ in range(30):\n"
     "        alpha, theta = (low + high) / 2, list(start)\n"
     "        for _ in range(200):\n"
     "            theta = [theta[i] - alpha * sum(H[i, j] * theta[j] for j in range(n))\n"
     "                     for i in range(n)]\n"
     "        grows = not sum(t * t for t in theta) <= sum(start**2)\n"
     "        low, high = (low, alpha) if grows else (alpha, high)\n"
     "    return alpha"),
    ("ex03", "influence", "a row at a time", "def influence(kernels, strides, length, at):\n"
     "    rng, moves = np.random.default_rng(0), []\n"
     "    for pixel in range(length):\n"
     "        moved = False\n"
     "        for _ in range(300):\n"
     "            x = rng.normal(size=length)\n"
     "            y = x.copy()\n"
     "            y[pixel] += 1\n"
     "            one, other = (network(r, kernels, strides)[at] for r in (x, y))\n"
     "            moved = moved or one != other\n"
     "        moves.append(moved)\n"
     "    return np.array(moves)"),
    ("ex08", "optimism", "an image at a time", "def optimism(p, n):\n"
     "    from random import Random\n"
     "    draw, total = Random(0).random, 0.0\n"
     "    for _ in range(20_000):\n"
     "        k = [sum(draw() < one for _ in range(n)) for one in p.tolist()]\n"
     "        total += max(k) / n - p[k.index(max(k))]\n"
     "    return total / 20_000"),
    ("ex05", "repaired", "fit, with its own graph", {
        "        for _ in range(steps):\n            model.train_on_batch(x, labels)":
        "        model.fit(x, labels, epochs=steps, batch_size=len(x), verbose=0)"}),
]  # fmt: skip
LONG = ("loops", "fit", "image by image", "pixel by pixel", "four loops", "whole", "one call")
ROWS = [*SLOW, *(row for row in rows("RIGHT") if row[2] in LONG)]


@pytest.mark.parametrize(
    ("name", "task", "what", "edit"), ROWS, ids=[" · ".join(row[:3]) for row in ROWS]
)
def test_a_slow_right_answer_takes_half_of_its_time_at_most(name, task, what, edit):
    right, used = answer(name, task, edited(name, task, edit)), []

    def timed(*arguments):
        begun = time.process_time()
        try:
            return right(*arguments)
        finally:
            used.append(time.process_time() - begun)

    found = judge(tasks(name)[task], timed, np.random.default_rng(0))
    assert (found.status, found.message) == ("correct", "")
    assert max(used) <= SECONDS / 2
