"""The engine of the checks: verdicts, what it survives, what a learner sees, and progress."""

import contextlib
import functools
import json
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import IPython
import IPython.display
import numpy as np
import pytest
import scipy.special

from tlcourse import exercise, progress, quiz
from tlcourse.checks import (
    Failure,
    NotAttempted,
    NotYet,
    agrees,
    assemble,
    holds,
    judge,
    learner,
    numbers,
    parsons,
    sets,
    shaped,
    task,
    tasks,
)
from tlcourse.checks.engine import Verdict, judge_answer
from tlcourse.checks.forbidden import find_at_home
from tlcourse.checks.properties import HALF, plain, show_call, show_result
from tlcourse.files import CourseError

HINTS = ("Why?", "Look.", "So.")


@task(*HINTS, forbids=("scipy.special.softmax",))
def double(answer, rng):
    """Twice the argument."""
    for n in (1, 3):
        x = numbers(rng, n) + 0.05
        got = answer(x)
        yield shaped("keeps the shape", got, (n,))
        yield agrees("is twice as large", got, 2 * x, {"you square": x**2, "you halve": x / 2})
        yield holds("is as long", len(got) == n)


@task(*HINTS, kind="value")
def pair(answer, rng):
    """Two numbers."""
    yield agrees("holds two numbers", answer, {"a": 1.0, "b": 2.0})


def ask(answer, task=double, seconds=10.0):
    return judge(task, answer, np.random.default_rng(0), seconds=seconds)


# --- verdicts ----------------------------------------------------------------------------------


def test_a_right_answer_is_correct_and_lists_each_property_once():
    found = ask(lambda x: 2 * x)
    assert found.status == "correct"
    assert found.passed == ("keeps the shape", "is twice as large", "is as long")
    assert (found.points, found.failed, found.message) == (10, "", "")


def test_a_failure_names_the_property_the_smallest_input_and_not_the_expected_value():
    found = ask(lambda x: 3 * x)
    assert (found.status, found.points) == ("not yet", 0)
    assert found.passed == ("keeps the shape",)
    assert found.failed == "is twice as large"
    x = np.round(np.random.default_rng(0).normal(0, 2, 1), 1) + 0.05
    assert found.message == f"double(np.array([{x[0]}])) returned [{3 * x[0]:g}]"
    assert f"{2 * x[0]:g}" not in found.message


def test_a_property_that_held_on_a_small_input_and_fails_on_a_larger_one_did_not_pass():
    found = ask(lambda x: 2 * x if len(x) == 1 else x)
    assert found.failed == "is twice as large"
    assert "is twice as large" not in found.passed


def test_a_known_mistake_gets_the_message_meant_for_it():
    assert ask(lambda x: x**2).message.startswith("you square; double(np.array([")
    assert ask(lambda x: x / 2).message.startswith("you halve; double(np.array([")


@pytest.mark.parametrize("stub", [None, ...])
def test_an_open_value_is_not_attempted(stub):
    assert ask(stub, pair).status == "not attempted"
    assert ask({"a": stub, "b": stub}, pair).status == "not attempted"
    half = ask({"a": 1.0, "b": stub}, pair)
    assert (half.status, half.message) == ("not yet", "'b' is still open")


def test_a_value_is_judged_like_a_result():
    assert ask({"b": np.float32(2), "a": 1}, pair).status == "correct"
    assert ask({"a": 1, "b": 3}, pair).message == "the value of 'b' is not as it should be"
    assert (
        ask({"a": 1}, pair).message
        == "the result is a dict with the keys 'a' instead of a dict with the keys 'a', 'b'"
    )
    assert ask({"a": 1, "b": object()}, pair).message.startswith(
        "your answer is an object of type object, but"
    )


def test_the_stub_of_a_function_is_not_attempted_but_a_forgotten_branch_is_not_yet():
    def stub(x):
        raise NotImplementedError

    def half(x):
        if len(x) > 1:
            raise NotImplementedError
        return 2 * x

    assert ask(stub).status == "not attempted"
    assert ask(half).status == "not yet"


def test_a_property_is_not_ticked_before_the_answer_came_to_it_on_every_input():
    def breaks(x):
        return 2 * x if len(x) == 1 else x[5]

    def grows(x):
        return 2 * x if len(x) == 1 else np.append(2 * x, 0)

    assert ask(breaks).passed == ask(grows).passed == ()


def test_an_unwritten_function_that_is_called_is_named():
    def open_task(x):
        raise NotImplementedError

    def calls(x):
        return 2 * open_task(x)

    found = ask(calls)
    assert found.status == "not yet"
    assert found.message == "it calls open_task, which is not written yet"


def test_a_changed_argument_is_named_with_the_way_out():
    def spoils(theta):
        theta -= 1
        return theta

    assert ask(spoils).message.startswith(
        "your function changes its argument theta: work on a copy, or write theta = theta - … in "
        "place of theta -= … (so with += and /=, too); the call was double(np.array(["
    )


def test_a_change_of_the_dicts_in_a_list_is_told_from_one_of_the_list():
    @task(*HINTS)
    def sizes(answer, rng):
        """Sizes."""
        yield agrees("counts", answer([{"n": 1}, {"n": 2}]), 3)

    def into_dicts(layers):
        layers = list(layers)
        for one in layers:
            one.setdefault("m", 0)
        return sum(one["n"] for one in layers)

    def into_list(layers):
        return sum(layers.pop()["n"] for _ in range(len(layers)))

    assert ask(into_dicts, sizes).message.startswith(
        "your function changes its argument layers: do not write into the dicts in layers, which "
        "list(layers) does not copy"
    )
    assert "argument layers: work on a copy" in ask(into_list, sizes).message


def test_the_rows_of_an_array_stand_for_a_list_of_values_and_a_tuple_is_shown_as_values():
    @task(*HINTS)
    def both(answer, rng):
        """Both."""
        yield agrees("are two", answer(np.ones(2)), [np.ones(2), 2 * np.ones(2)])

    assert ask(lambda x: np.array([x, 2 * x]), both).status == "correct"
    assert ask(lambda x: (x, x), both).message.endswith("returned [1., 1.], [1., 1.]")
    one = ask(lambda x: np.array([x]), both).message
    assert one.startswith("the result is an array of shape (1, 2) instead of 2 values; ")


def test_every_draw_is_another():
    seen = []
    for _ in range(2):
        judge(double, lambda x: seen.append(x.copy()) or 2 * x, np.random.default_rng())
    assert not np.array_equal(seen[1], seen[3])


def test_an_answer_in_another_process_may_end_in_words_of_its_own():
    class Ended:
        def find(self, name, kind, forbids):
            return {"function": True}

        def call(self, arguments):
            raise Failure("the sandbox ran out of memory")

    found = judge_answer(double, Ended(), np.random.default_rng(0))
    assert found.message.startswith("the sandbox ran out of memory; the call was double(np.array([")


def test_a_task_needs_three_hints_and_a_known_kind():
    for wrong in ({"kind": "class"}, {}):
        with pytest.raises(ValueError, match="three hints"):
            task(*HINTS[: 3 if wrong else 2], **wrong)


# --- what it survives --------------------------------------------------------------------------


def loop(x):
    while True:
        pass


def stubborn(x):
    end = time.monotonic() + 4
    while time.monotonic() < end:
        try:
            time.sleep(0.01)
        except BaseException:
            continue


def memory(x):
    return np.ones((10**9, 10**6))


class Matrix(np.ndarray):
    pass


class Always:
    def __eq__(self, other):
        return True

    def __array__(self, *a, **k):
        raise RuntimeError


ODD = [
    (lambda x: None, "nothing (None; is there a return?) instead of an array of shape (1,)"),
    (lambda x: "2", "a text instead of an array of shape (1,)"),
    (lambda x: 2.0, "a number instead of an array of shape (1,)"),
    (lambda x: list(2 * x), "a list instead of an array of shape (1,): use np.array(…)"),
    (lambda x: [list(2 * x)], "1 value (a list or tuple) instead of an array of shape (1,)"),
    (lambda x: np.array(["a"] * len(x)), "of type <U1 instead of numbers"),
    (lambda x: np.array([None] * len(x)), "the result is an array of type object"),
    (lambda x: (2 * x)[:, None], "an array of shape (1, 1) instead of an array of shape (1,)"),
    (lambda x: np.full_like(x, np.nan), "NaN or infinity in the result; double(np.array(["),
    (lambda x: x / 0, "NaN or infinity in the result"),
    (lambda x: (2 * x).view(Matrix), "the result is an object of type Matrix"),
    (lambda x: Always(), "the result is an object of type Always"),
    (lambda x: (2 * v for v in x), "the result is an object of type generator"),
    (lambda x: undefined, "your function raises NameError: name 'undefined' is not defined (line "),  # noqa: F821
    (lambda: 1, "your function raises TypeError"),
    (lambda x: sys.exit("bye"), "your function raises SystemExit: bye"),
    (lambda x: exec("raise KeyboardInterrupt"), "your function raises KeyboardInterrupt"),
    (lambda x: x.sort() or x.fill(3) or 2 * x, "your function changes its argument"),
    (lambda x: 1 / 0, "your function raises ZeroDivisionError: division by zero"),
    (lambda x: exec("raise ValueError('a\\nb' * 500)"), "your function raises ValueError: a b"),
    (memory, "your function raises"),
    (loop, "there was no answer within 0.3 seconds: is there a loop that never ends?"),
    (stubborn, "there was no answer within 0.3 seconds"),
    (lambda x: time.sleep(3600), "there was no answer within 0.3 seconds"),
    (np.zeros(3), "hand over the function itself: ex.double.check(double)"),
    (None, "hand over the function itself"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "message"), ODD, ids=[m[:40] for _, m in ODD])
def test_whatever_comes_back_one_readable_sentence(answer, message):
    found = ask(answer, seconds=0.3 if "no answer" in message else 300)
    assert found.status == "not yet"
    assert message in found.message
    assert "\n" not in found.message
    assert len(found.message) < 400
    assert "the check cannot make sense" not in found.message


def test_a_check_that_stumbles_is_a_verdict_too():
    @task(*HINTS)
    def careless(answer, rng):
        """Careless."""
        yield holds("sums to 1", answer(np.ones(2)).sum() == 1)

    found = ask(lambda x: "text", careless)
    assert found.status == "not yet"
    assert found.message.startswith("the check cannot make sense of this answer (AttributeError")


def test_a_list_and_a_dict_that_are_changed_are_reported():
    @task(*HINTS)
    def lists(answer, rng):
        """Lists."""
        yield agrees("counts", answer(["b", "a"], {"n": np.array([1, 2])}), 2)

    assert ask(lambda names, d: len(names), lists).status == "correct"
    for spoil in (
        lambda names, d: names.sort() or 2,
        lambda names, d: names.append("c") or 2,
        lambda names, d: d["n"].fill(0) or 2,
        lambda names, d: d.clear() or 2,
    ):
        assert "changes its argument" in ask(spoil, lists).message


def test_a_loop_is_stopped_and_a_blocked_call_is_left_behind():
    before = set(threading.enumerate())
    ask(loop, seconds=0.2)
    for thread in set(threading.enumerate()) - before:
        thread.join(100)  # on a busy machine
    assert set(threading.enumerate()) <= before


def test_processor_time_decides_and_waiting_has_a_limit_by_the_clock():
    def waits(x):
        time.sleep(0.6)
        return 2 * x

    assert ask(waits, seconds=0.3).status == "correct"
    assert "within 0.3 seconds" in ask(lambda x: time.sleep(3600), seconds=0.3).message


def test_prints_and_warnings_of_an_answer_are_not_shown(capsys, recwarn):
    def noisy(x):
        print("hello")
        print("oh", file=sys.stderr)
        np.log(-np.ones(1))
        return 2 * x

    assert ask(noisy).status == "correct"
    assert capsys.readouterr() == ("", "")
    assert len(recwarn) == 0


def test_interrupting_the_kernel_ends_the_check(interruptible):
    import _thread

    threading.Timer(0.3, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        ask(loop, seconds=3600)


# --- properties --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("got", "expected", "ok"),
    [
        (1, 1.0, True),
        (np.array(1.0), 1.0, True),
        (True, 1, True),
        (np.array([1, 2]), np.array([1.0, 2.0]), True),
        (np.float32([0.1]), np.array([0.1]), True),
        ([1, [2.0, "a"]], (1, [2, "a"]), True),
        (np.array([np.inf]), np.array([np.inf]), True),
        (np.array([np.nan]), np.array([np.nan]), True),
        (np.array(["a"]), np.array(["a"]), True),
        (np.array(["b"]), np.array(["a"]), False),
        (np.array([1.0]), np.array([np.inf]), False),
        (1.001, 1.0, False),
        ("a", "b", False),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        (None, 1, False),
        ("1", 1, False),
        (1, "1", False),
        (1 + 1j, 1.0, False),
    ],
)
def test_agreement_is_by_kind_shape_and_value(got, expected, ok):
    assert agrees("", got, expected).ok is ok


def test_only_plain_data_comes_through_and_never_the_same_array():
    x = np.ones(2)
    copied = plain((x, [1, np.float64(2)], {"a": None}))
    assert copied == [pytest.approx(x), [1, 2.0], {"a": None}]
    assert type(copied[1][1]) is float
    assert copied[0] is not x
    deep = []
    for _ in range(12):
        deep = [deep]
    arrays = np.ones(1).view(Matrix), np.array([object()])
    for wrong in (object(), ..., {1.5: 1}, deep, {1, 2}, *arrays):
        with pytest.raises(Failure):
            plain(wrong)


ARGUMENTS = [
    np.array([[0.3, -1.25], [1000.0, 1 / 3]]),
    np.array([1, 2]),
    np.array([True, False]),
    np.float32([0.1]),
    np.array([[1, 2]], np.uint8),
    np.array([np.nan, np.inf, -np.inf]),
    np.zeros((2, 0)),
    [1, "a", {"b": np.array([2])}],
    [np.array([1.5]), (1, 2), (3,), []],
    -np.inf,
    np.float64(0.1),
    0.1 + 0.2,
]


@pytest.mark.parametrize("value", ARGUMENTS, ids=str)
def test_a_call_is_shown_so_that_it_can_be_pasted(value):
    text = show_call("f", [value, 3])
    back, three = eval(text, {"f": lambda *given: given, "np": np})
    assert three == 3
    assert type(back) is (float if isinstance(value, float) else type(value))
    if isinstance(value, np.ndarray):
        assert (back.dtype, back.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(back, value)
    else:
        assert agrees("", plain(back), plain(value), rtol=0, atol=0).ok


@pytest.mark.parametrize("value", [np.ones((5, 5)), [0] * 49, [np.ones(25)], {"a": np.ones(25)}])
def test_a_call_that_is_too_long_to_paste_is_not_shown(value):
    assert show_call("f", [value]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([[0.33333, -1.2]]), "[[0.3333, -1.2]]"),
        (np.ones((5, 5)), "an array of shape (5, 5)"),
        (np.float64(0.25), "0.25"),
        ({"a": [1, 0.123456]}, "{'a': [1, 0.1235]}"),
        (["x" * 30] * 30, "30 values (a list or tuple)"),
        ("x" * 1000, "a text"),
    ],
)
def test_a_result_is_shown_rounded_or_named(value, text):
    assert show_result(plain(value)) == text


def several(*sizes, judged=-1, of=lambda result: result, name="is right"):
    """A task that calls the answer on ones of these sizes and judges one of the results."""

    @task(*HINTS)
    def count(answer, rng):
        """Ones."""
        results = [answer(np.ones(n)) for n in sizes]
        yield agrees(name, of(results[judged]), np.inf, {"a reason": of(results[judged])})

    return count


def test_the_call_that_is_shown_is_the_one_that_is_judged():
    def shown(answer, **kind):
        return ask(answer, several(1, 2, 3, **kind)).message

    assert shown(lambda x: x.sum()) == "a reason; count(np.array([1.0, 1.0, 1.0])) returned 3"
    assert "count(np.array([1.0]))" in shown(lambda x: x.sum() + 0.5, judged=0)
    assert "count(np.array([1.0, 1.0]))" in shown(lambda x: [x, 2 * x], judged=1, of=lambda r: r[1])
    assert "count(np.array([1.0, 1.0]))" in shown(
        lambda x: {"a": [1 * x]}, judged=1, of=lambda r: r["a"][0]
    )
    assert "count(np.array([1.0]))" in shown(lambda x: np.eye(3), judged=0, of=lambda r: r[1])
    derived = {"judged": 0, "of": lambda r: r.sum()}
    assert "count(np.array([1.0, 1.0, 1.0]))" in shown(lambda x: 1 * x, **derived)

    @task(*HINTS)
    def count(answer, rng):
        """A property that names its call."""
        first, _ = answer(np.ones(1)), answer(np.ones(2))
        yield holds("is 2", first.sum() == 2, "it is not 2", result=first)

    assert ask(lambda x: 1 * x, count).message == (
        "it is not 2; count(np.array([1.0])) returned [1.]"
    )


def test_a_message_has_at_most_four_lines_and_the_reason_is_whole():
    def message(sizes, why="a reason", **kind):
        found = ask(lambda x: x, several(*sizes, **kind))
        assert len(f"✘ {found.failed}: {found.message}") <= 400
        return found.message

    assert message([24]).endswith(" returned [1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., "
                                  "1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.]")  # fmt: skip
    assert message([24], name="n" * 150) == (
        "a reason; the call was count(np.array([" + ", ".join(["1.0"] * 24) + "]))"
    )
    assert message([24], name="n" * 250) == message([25]) == "a reason"


def test_without_a_reason_and_a_call_that_fits_a_sentence_is_left():
    @task(*HINTS)
    def large(answer, rng):
        """Large."""
        yield agrees("is right", answer(np.ones(100)), np.zeros(100))

    assert ask(lambda x: x, large).message == (
        "this does not hold for arguments that are too large to show here"
    )


def test_a_result_that_is_only_not_precise_enough_is_named():
    half = ask(lambda x: np.float16(2 * x))
    assert half.failed == "is twice as large"
    assert half.message.startswith(HALF)

    @task(*HINTS)
    def total(answer, rng):
        """The sum."""
        yield agrees("is the sum", answer(np.array([2048.5, 0.5])), 2049.0)

    assert ask(lambda x: np.float16(x.sum()), total).message.startswith(HALF)
    assert ask(lambda x: {"a": np.float16(x)}, total).message.startswith(
        "the result is a dict with the keys"
    )
    assert ask(lambda x: np.float32(x.sum()), total).status == "correct"


# --- forbidden calls, outside a notebook ---------------------------------------------------------

softmax = scipy.special.softmax


def helper(x):
    return scipy.special.softmax(x)


def by_import(x):
    from scipy.special import softmax as s

    return s(x)


def by_second_name(x):
    from scipy.special import expit, softmax

    return softmax(expit(x))


def by_module(x):
    import scipy.special as sp

    return sp.softmax(x)


def by_package(x):
    import scipy.special

    function = scipy.special.softmax
    return function(x)


def later(x):
    from a_package.not_here import softmax

    return softmax(x)


USES = [
    lambda x: scipy.special.softmax(x),
    lambda x: softmax(x, axis=1),
    lambda x: helper(x),
    lambda x: [helper(v) for v in x],
    functools.partial(softmax, axis=1),
    functools.lru_cache(helper),
    lambda x, f=softmax: f(x),
    softmax,
    by_import,
    by_second_name,
    by_module,
    by_package,
]


@pytest.mark.parametrize("function", USES)
def test_a_forbidden_call_is_found_however_it_is_reached(function):
    names = ("numpy.exp", "scipy.special.softmax")
    assert find_at_home(function, "f", names) == "scipy.special.softmax"


def test_a_module_that_is_not_loaded_is_found_by_its_name():
    assert find_at_home(later, "f", ("a_package.not_here.softmax",))
    assert not find_at_home(later, "f", ("a_package.other.softmax",))


def recursive(x):
    return recursive(x - 1) if x > 0 else np.exp(x)


@pytest.mark.parametrize(
    "function", [lambda x: np.exp(x), recursive, math.exp, lambda x: x.softmax(), object(), len]
)
def test_what_is_not_forbidden_is_not_found(function):
    assert find_at_home(function, "f", ("scipy.special.softmax",)) == ""


def test_a_forbidden_call_is_not_yet():
    found = ask(lambda x: scipy.special.softmax(x))
    assert found.message == ("solve this task without scipy.special.softmax")


# --- Parsons problems --------------------------------------------------------------------------

LINES = {"A": "def f(x):", "B": "    y = x + 1", "C": "    return y", "D": "    y = x - 1"}


def test_the_lines_are_run_in_the_order_given():
    assert assemble(LINES, ["A", "B", "C"], "f")(1) == 2
    assert assemble(LINES, ["A", "D", "C"], "f")(1) == 0


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("ABC", "write a list of labels"),
        (["A", "E"], "there is no line 'E'; the labels are A, B, C, D"),
        (["A", 3], "there is no line 3"),
        (["A", "B", "B", "C"], "line B is used twice"),
        (["B", "A", "C"], "this order is not valid Python at line B"),
        ([], "the lines define no function f"),
        (["A"], "not valid Python at line A .expected an indented block after .* in line A"),
    ],
)
def test_an_order_that_cannot_be_run_is_explained(order, message):
    with pytest.raises(Failure, match=message):
        assemble(LINES, order, "f")


def test_a_line_that_is_indented_too_early_is_not_blamed_on_the_next_one():
    lines = {"A": "def f(xs):", "B": "        y = 0", "C": "    for x in xs:"}
    message = "at line C, or the lines just before it stand too early .unindent"
    with pytest.raises(Failure, match=message):
        assemble(lines, ["A", "B", "C"], "f")


def test_a_line_that_fails_is_named():
    with pytest.raises(Failure, match="line C fails in this order .UnboundLocalError"):
        assemble(LINES, ["A", "C", "B"], "f")(1)


def test_outside_of_jupyter_the_lines_are_printed(capsys):
    exercise("ex01").order.show()
    assert capsys.readouterr().out.startswith("A              error = x[chosen] @ theta")


def test_in_jupyter_buttons_write_the_list(monkeypatch):
    import IPython.display

    from tlcourse import plotting

    shown, made = [], []
    build = parsons.buttons
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    monkeypatch.setattr(parsons, "buttons", lambda *a: made.append(build(*a)) or made[0])
    exercise("ex01").order.show()
    assert "A              error = x[chosen] @ theta" in shown[0]["text/markdown"]
    assert "text/plain" not in shown[0]
    listed, row, text, program = made[0].children
    assert "range(0, len(y), size):" in listed.value
    *labels, undo = row.children
    for button in (labels[6], labels[4], labels[0]):
        button.click()
    assert text.value == "<code>order = ['G', 'E', 'A']</code>"
    assert "def sgd(" in program.value
    assert labels[6].disabled
    undo.click()
    assert "'A'" not in text.value
    assert not labels[0].disabled


# --- what a learner sees -----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A learner's folder, with the working directory where an exercise lies."""
    (tmp_path / ".tlcourse").mkdir()
    (tmp_path / "exercises/ex01").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "exercises/ex01")
    monkeypatch.setattr(progress, "_memory", {})
    monkeypatch.setattr(progress, "_said", set())
    return tmp_path


def rate(H):
    return 2 / np.linalg.eigvalsh(H).max()


def test_a_check_prints_what_holds_and_raises_what_does_not(folder, capsys):
    ex = exercise("ex01")
    ex.largest_rate.check(rate)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "✔ is right in one dimension"
    assert said[-1] == "Correct: 10 points."
    with pytest.raises(NotYet) as error:
        ex.largest_rate.check(lambda H: 2 / H.max())
    assert capsys.readouterr().out.startswith("✔ is right in one dimension\n✔ is right on three")
    assert str(error.value).startswith(
        "✘ is right in a tilted valley of two directions\nThe largest"
    )
    assert error.value._render_traceback_() == [str(error.value)]
    with pytest.raises(NotAttempted, match="· order: you have not attempted it yet"):
        ex.order.check(...)


@pytest.mark.parametrize(
    ("why", "shown"),
    [
        ("θ goes uphill: subtract α v", "θ goes uphill: subtract α v"),
        ("λθ is counted twice", "λθ is counted twice"),
        ("α is missing in the decay", "α is missing in the decay"),
        ("m and v begin with zeros", "m and v begin with zeros"),
        ("t is 1 in every step", "t is 1 in every step"),
        ("ln K is the loss of a guess", "ln K is the loss of a guess"),
        ("a side is rounded up", "A side is rounded up"),
        ("the factor ½ is missing", "The factor ½ is missing"),
        ("it has one axis", "It has one axis"),
    ],
)
def test_a_sentence_begins_with_a_capital_and_a_symbol_stays_what_it_is(
    folder, capsys, monkeypatch, why, shown
):
    ex = exercise("ex01")
    verdict = Verdict("not yet", (), "follows the formula", why)
    monkeypatch.setattr("tlcourse.checks.learner.judge", lambda *_: verdict)
    with pytest.raises(NotYet) as error:
        ex.largest_rate.check(rate)
    assert str(error.value) == f"✘ follows the formula\n{shown}"


class Shell:
    """IPython, as a cell sees it that a person, or a program, runs in Jupyter."""

    kernel = True

    def __init__(self, person: bool):
        self.person = person

    def get_parent(self):
        return {"content": {"allow_stdin": self.person}}


def test_a_person_sees_calm_lines_with_a_colour_and_no_error(folder, monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell(True))
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda b, **more: shown.append((b, more)))
    ex = exercise("ex01")
    ex.order.check(...)
    ex.largest_rate.check(lambda H: 2 / H.max())
    ex.largest_rate.check(rate)
    statuses = [more["metadata"]["tlcourse"]["status"] for _, more in shown]
    assert statuses == ["not attempted", "not yet", "correct"]
    texts = [bundle["text/plain"].splitlines() for bundle, _ in shown]
    assert texts[0] == [
        "· order: you have not attempted it yet",
        "Write it in the cell above, run that cell, and then this one again.",
    ]
    wrong = [line for line in texts[1] if not line.startswith("✔")]
    assert wrong[0] == "✘ is right in a tilted valley of two directions"
    assert wrong[1].startswith("The largest entry")
    assert wrong[2].startswith("largest_rate(")
    assert len(wrong) == 3
    colours = [bundle["text/html"] for bundle, _ in shown]
    assert "error" not in colours[0]
    assert "success" not in colours[0]
    assert "--jp-error-color1" in colours[1]
    assert "--jp-error-color1" not in colours[2]
    assert texts[2][-1] == "Correct: 10 points."


def test_where_a_program_runs_a_check_it_raises(folder, monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell(False))
    with pytest.raises(NotAttempted):
        exercise("ex01").order.check(...)


def test_what_an_answer_returns_is_shown_and_not_run(folder, monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell(True))
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda b, **more: shown.append(b))
    exercise("ex01").largest_rate.check(lambda H: "<script>alert(1)</script>")
    assert "<script>" not in shown[0]["text/html"]


def test_three_hints_one_after_the_other(capsys):
    ex = exercise("ex01")
    for level in (1, 2, 3, 3):
        ex.gradient.hint()
        said = capsys.readouterr().out
        assert said.startswith(f"Hint {level} of 3: ")
        assert ex.gradient.task.hints[level - 1] in said
    ex.gradient.hint(1)
    assert capsys.readouterr().out.startswith("Hint 1 of 3")
    with pytest.raises(CourseError, match="There is no hint 4; there are 1 to 3"):
        ex.gradient.hint(4)


def test_unknown_names_are_one_sentence_with_what_there_is():
    with pytest.raises(CourseError, match="There is no exercise 'ex9'; there are ex01") as error:
        exercise("ex9")
    assert error.value._render_traceback_() == [str(error.value)]
    ex = exercise("ex01")
    with pytest.raises(CourseError, match="ex01 has no task 'nonsense'; its tasks are gradient, "):
        _ = ex.nonsense
    with pytest.raises(CourseError, match="gradient has no lines to put in order"):
        ex.gradient.show()
    assert not hasattr(ex, "_repr_html_")
    assert set(tasks("ex01")) < set(dir(ex))
    assert "ex01: Gradient descent (gradient, " in repr(ex)
    assert repr(ex.gradient).startswith("ex01.gradient: The gradient of")


def test_a_notebook_of_another_edition_is_refused(monkeypatch, folder):
    with pytest.raises(CourseError, match=r"edition 7 of ex01, and .* up to edition \d: update it"):
        exercise("ex01", edition=7)
    changed = task(*HINTS, edition=2)(double.check)
    monkeypatch.setattr(learner, "tasks", lambda name: {"double": changed})
    monkeypatch.setattr(learner.find("ex01"), "EDITION", 2)
    exercise("ex01", edition=2).double.check(lambda x: 2 * x)
    exercise("ex01").double.check(lambda x: 2 * x)
    with pytest.raises(NotYet, match="(?s)changed in edition 2, and .* edition 1.* reset"):
        exercise("ex01", edition=1).double.check(lambda x: 2 * x)


def test_importing_an_exercise_does_not_import_keras():
    code = (
        "import sys, tlcourse; assert 'numpy' not in sys.modules; tlcourse.exercise('ex01');"
        "assert not {'keras', 'tensorflow', 'matplotlib', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- progress ----------------------------------------------------------------------------------


def kept(folder):
    return json.loads((folder / ".tlcourse/progress.json").read_text())


def test_what_was_done_stays_done_when_a_task_moves_to_another_set(folder, monkeypatch, capsys):
    progress.record("ex06", "largest_rate", "correct")
    monkeypatch.setattr(progress, "_memory", {})  # another day
    monkeypatch.setattr(progress, "MOVED", {"ex06.largest_rate": "ex01.largest_rate"})
    exercise("ex01").progress()
    assert "10 of 80 points" in capsys.readouterr().out
    progress.record("ex01", "order", "not yet")
    assert kept(folder)["ex01"] == {"largest_rate": "correct", "order": "not yet"}
    assert "largest_rate" not in kept(folder)["ex06"]
    assert progress.forget("ex01", folder)
    assert "largest_rate" not in progress.read(folder).get("ex01", {})


def test_a_better_result_is_not_lost_when_its_task_moves(folder, monkeypatch):
    progress.record("ex06", "a", "not yet")
    progress.record("ex01", "b", "correct")
    monkeypatch.setattr(progress, "MOVED", {"ex06.a": "ex01.b"})
    assert progress.read(folder)["ex01"] == {"b": "correct"}


def test_an_older_notebook_still_finds_a_task_that_moved(folder, monkeypatch, capsys):
    monkeypatch.setattr(progress, "MOVED", {"ex02.largest_rate": "ex01.largest_rate"})
    exercise("ex02", edition=1).largest_rate.check(rate)
    assert "Correct" in capsys.readouterr().out
    assert kept(folder)["ex01"] == {"largest_rate": "correct"}


def test_a_task_that_moved_is_there():
    for new in progress.MOVED.values():
        name, _, task_name = new.partition(".")
        assert task_name in tasks(name)


def attempt(ex, answer):
    with contextlib.suppress(NotYet):
        ex.largest_rate.check(answer)


def test_the_last_check_counts_and_what_fell_is_named(folder, capsys):
    ex = exercise("ex01")
    for answer, status in (
        (lambda H: 1, "not yet"),
        (rate, "correct"),
        (lambda H: 1, "no longer correct"),
        (lambda H: 2, "no longer correct"),
    ):
        attempt(ex, answer)
        assert kept(folder) == {"ex01": {"largest_rate": status}}
    capsys.readouterr()
    ex.progress()
    said = capsys.readouterr().out
    assert said.startswith("ex01: Gradient descent, 0 of 80 points\n  · gradient")
    assert "✘ largest_rate         no longer correct" in said
    attempt(ex, rate)
    capsys.readouterr()
    ex.progress()
    said = capsys.readouterr().out
    assert said.startswith("ex01: Gradient descent, 10 of 80 points\n  · gradient")
    assert "✔ largest_rate         correct" in said
    assert "not saved" not in said


def test_two_kernels_see_each_others_last_check(folder):
    ex, code = (
        exercise("ex01"),
        "from tlcourse import progress; progress.record('ex01', {!r}, {!r})",
    )
    attempt(ex, rate)
    there = code.format("largest_rate", "not yet")
    subprocess.run([sys.executable, "-c", there], check=True, cwd=folder)
    assert progress.read()["ex01"] == {"largest_rate": "no longer correct"}


def test_a_section_that_is_forgotten_begins_anew_and_the_others_stay(folder):
    attempt(exercise("ex01"), rate)
    progress.record("quiz", "03.1", "correct")
    assert progress.forget("ex01", folder)
    assert progress.read() == kept(folder) == {"quiz": {"03.1": "correct"}}
    assert not progress.forget("ex01", folder)


def test_progress_survives_a_restart(folder, monkeypatch, capsys):
    attempt(exercise("ex01"), rate)
    monkeypatch.setattr(progress, "_memory", {})
    exercise("ex01").progress()
    assert "10 of 80 points" in capsys.readouterr().out


def test_retrieval_questions_are_left_out_until_one_was_tried(folder, capsys):
    attempt(exercise("ex01"), rate)
    exercise("ex01").progress()
    assert "questions" not in capsys.readouterr().out
    quiz.answer("03", 1, "a")
    exercise("ex01").progress()
    assert "questions at the start of the chapters right" in capsys.readouterr().out


def test_retrieval_questions_count(folder, capsys):
    quiz.answer("03", 1, "a")
    right = [i for i, o in enumerate(quiz.questions("03")[0]["options"]) if o.get("right")]
    quiz.answer("03", 1, "abcde"[right[0]])
    quiz.answer("03", 1, "a")
    assert kept(folder) == {"quiz": {"03.1": "correct"}}
    exercise("ex01").progress()
    total = quiz.count()
    assert f"You answered 1 of the {total} questions at the start of the chapters right." in (
        capsys.readouterr().out
    )


def test_two_notebooks_at_once_lose_nothing(folder):
    code = (
        "import sys; from tlcourse import progress\n"
        "for i in range(25): progress.record('ex01', f'{sys.argv[1]}{i}', 'correct')"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, letter], stdout=subprocess.PIPE)
        for letter in "ab"
    ]
    assert [process.communicate()[0] for process in running] == [b"", b""]
    assert len(kept(folder)["ex01"]) == 50


@pytest.mark.parametrize(
    "text", ["", "{broken", "[]", "null", '{"ex01": 3}', '{"ex01": {"order": "great"}}']
)
def test_a_damaged_file_is_kept_aside_and_named_once(folder, capsys, text):
    path = folder / ".tlcourse/progress.json"
    path.write_text(text)
    ex = exercise("ex01")
    attempt(ex, rate)
    said = capsys.readouterr().out
    assert said.count("begins again; the old file is progress-damaged.json") == 1
    assert (folder / ".tlcourse/progress-damaged.json").read_text() == text
    assert kept(folder) == {"ex01": {"largest_rate": "correct"}}
    path.write_text("again")
    attempt(ex, rate)
    assert (folder / ".tlcourse/progress-damaged-2.json").read_text() == "again"


def test_where_nothing_can_be_written_checks_still_answer(folder, capsys, monkeypatch):
    def refuse(path, data):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(progress, "write", refuse)
    ex = exercise("ex01")
    for _ in range(2):
        ex.largest_rate.check(rate)
    said = capsys.readouterr().out
    assert said.count("Correct: 10 points.") == 2
    assert said.count("cannot be kept in") == 1
    assert "Read-only file system" in said
    ex.progress()
    assert "10 of 80 points" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_in_a_read_only_folder_checks_still_answer(folder, capsys):
    (folder / ".tlcourse").chmod(0o500)
    exercise("ex01").largest_rate.check(rate)
    assert "cannot be kept in" in capsys.readouterr().out


def test_a_lock_that_stays_is_named_and_does_not_stop(folder, capsys, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(progress, "_SECONDS", 0.1)
    with FileLock(folder / ".tlcourse/progress.json.lock"):
        exercise("ex01").largest_rate.check(rate)
    said = capsys.readouterr().out
    assert "is locked by another notebook and was not kept" in said
    assert "Correct: 10 points." in said


def test_outside_of_a_learners_folder_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "_memory", {})
    ex = exercise("ex01")
    attempt(ex, rate)
    ex.progress()
    said = capsys.readouterr().out
    assert "10 of 80 points" in said
    assert "not saved" in said
    assert list(tmp_path.iterdir()) == []


def test_the_sets_are_found():
    assert "ex01" in sets()
    assert Path(learner.__file__).parent == Path(parsons.__file__).parent
