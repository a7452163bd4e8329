"""Two real processes that train together: what they find, and that they end."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest

from tlcourse import parallel
from tlcourse.files import CourseError


def problem(n=60, d=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return np.zeros((d, classes)), rng.normal(0, 1, (n, d)), rng.integers(0, classes, n)


def fails(theta, x, y):
    raise ValueError("this gradient knows no answer")


def dies(theta, x, y):
    os.kill(os.getpid(), signal.SIGKILL)


def sleeps(theta, x, y):
    time.sleep(600)


def test_the_gradient_is_that_of_small_steps():
    theta, x, y = problem(8)
    theta += np.random.default_rng(1).normal(0, 1, theta.shape)

    def loss(theta):
        z = x @ theta
        return np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y])

    g = parallel.softmax_gradient(theta, x, y)
    for place in np.ndindex(theta.shape):
        h = np.zeros_like(theta)
        h[place] = 1e-5
        assert g[place] == pytest.approx((loss(theta + h) - loss(theta - h)) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("batch", [20, 7], ids=["halves", "shares of different size"])
def test_two_processes_find_what_one_finds_with_the_whole_batch(batch):
    given = {"steps": 30, "batch": batch, "rate": 0.5}
    alone, none = parallel.train(parallel.softmax_gradient, *problem(), **given)
    both, seconds = parallel.train_on_two(parallel.softmax_gradient, *problem(), **given)
    assert np.abs(alone).max() > 0.1
    np.testing.assert_allclose(both, alone, atol=1e-5)
    assert none == []
    assert len(seconds) == 30
    assert min(seconds) > 0


def test_a_message_larger_than_the_channel_holds_goes_through():
    theta = np.zeros((400_000, 2))  # 6.4 MB
    x, y = np.zeros((2, 400_000)), np.array([0, 1])
    x[:, 0] = 1, 2
    given = {"steps": 2, "batch": 2, "rate": 0.5}
    both, _ = parallel.train_on_two(parallel.softmax_gradient, theta, x, y, **given)
    np.testing.assert_allclose(both, parallel.train(
        parallel.softmax_gradient, theta, x, y, **given)[0], atol=1e-5)  # fmt: skip


def test_what_a_gradient_raises_is_raised_here_and_both_processes_end():
    with pytest.raises(ValueError, match="knows no answer"):
        parallel.train_on_two(fails, *problem(), steps=2, batch=4, rate=0.1)
    assert not workers()


def test_a_process_that_is_killed_is_a_sentence_and_the_other_one_ends(capfd):
    with pytest.raises(CourseError, match="ended before its work was done"):
        parallel.train_on_two(dies, *problem(), steps=2, batch=4, rate=0.1)
    assert not workers()
    assert "Traceback" not in capfd.readouterr().err


def test_what_cannot_be_shared_or_imported_is_said_in_a_sentence():
    with pytest.raises(ValueError, match="batch of 1 cannot be shared"):
        parallel.train_on_two(parallel.softmax_gradient, *problem(), steps=1, batch=1, rate=1)
    with pytest.raises(ValueError, match="function of a module"):
        parallel.train_on_two(lambda *_: 0, *problem(), steps=1, batch=2, rate=1)


def workers(process=None):
    """The processes that Python started for another one, without those that only count memory."""
    found = []
    for each in (process or psutil.Process()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended, or is a zombie that another test left
            if "spawn_main" in " ".join(each.cmdline()):
                found.append(each)
    return found


@pytest.mark.parametrize("ending", ["SIGINT", "SIGKILL"])
def test_both_processes_end_with_the_one_that_started_them(ending, tmp_path, interruptible):
    script = tmp_path / "start.py"
    script.write_text(
        textwrap.dedent("""
        from tests.test_parallel import parallel, problem, sleeps

        if __name__ == "__main__":
            parallel.train_on_two(sleeps, *problem(), steps=2, batch=4, rate=0.1)
        """)
    )
    began = subprocess.Popen(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        process, found = psutil.Process(began.pid), []
        patience = time.monotonic() + 120
        while len(found) < 2 and time.monotonic() < patience:
            time.sleep(0.1)
            found = workers(process)
        assert len(found) == 2
        left = found
        while left and time.monotonic() < patience:
            if ending == "SIGINT":  # as Ctrl-C in a terminal: all of them
                os.killpg(began.pid, signal.SIGINT)  # lost in the moment in which one begins
            else:
                began.kill()
            _, left = psutil.wait_procs(found, timeout=20)
        assert not left
        _, said = began.communicate(timeout=120)
        assert said.count("Traceback") == (ending == "SIGINT"), said  # its own, of a script
    finally:
        began.kill()
        for each in found:
            with suppress(psutil.NoSuchProcess):
                each.kill()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 2.5}, "steps must be a whole number of at least 0, not 2.5"),
        ({"steps": -1}, "steps .* not -1"),
        ({"batch": "4"}, "batch must be a whole number of at least 1, not '4'"),
        ({"batch": 0}, "batch .* not 0"),
        ({"rate": -0.1}, "rate must be a number of at least 0, not -0.1"),
        ({"rate": float("nan")}, "rate .* not nan"),
        ({"x": np.zeros((0, 6)), "y": np.zeros(0, int)}, r"one or more, not \(0, 6\)"),
        ({"y": np.zeros(7, int)}, r"as many examples, one or more, not \(60, 6\) and \(7,\)"),
    ],
)
@pytest.mark.parametrize("work", [parallel.train, parallel.train_on_two])
def test_numbers_and_examples_that_make_no_sense_are_named_before_anything_starts(
    work, changed, message
):
    theta, x, y = problem()
    given = {"theta": theta, "x": x, "y": y, "steps": 2, "batch": 4, "rate": 0.1} | changed
    with pytest.raises(ValueError, match=message):
        work(parallel.softmax_gradient, **given)


def test_the_gradient_takes_labels_in_any_usual_form_and_refuses_others():
    theta, x, y = problem()
    wanted = parallel.softmax_gradient(theta, x, y)
    for form in (y[:, None], y.tolist(), y.astype(float), np.eye(3)[y]):
        assert np.array_equal(parallel.softmax_gradient(theta, x, form), wanted)
    with pytest.raises(ValueError, match="the 3 classes are 0 to 2"):
        parallel.softmax_gradient(theta, x, y - 1)
    with pytest.raises(ValueError, match=r"theta must have the shape \(d, K\)"):
        parallel.softmax_gradient(theta[:-1], x, y)
