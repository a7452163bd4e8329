"""The marker and the learner ask in the same way: one verdict and one text for the same answer."""

import json
import linecache
import re
from dataclasses import asdict
from textwrap import indent

import numpy as np
import pytest

from tests.checks import notebook
from tests.grading import needs_sandbox
from tlcourse.checks import agrees, holds, judge, numbers, shaped, task
from tlcourse.course import content
from tlcourse.course.plan import Plan, Step
from tlcourse.course.walk import Walk
from tlcourse.grading import marker
from tlcourse.grading.handins import Submission
from tlcourse.grading.sandbox import Sandbox

HINTS = ("Why?", "Look.", "So.")
SECONDS = 60.0  # for a call that is meant to return, on a busy machine


@task(*HINTS, forbids=("scipy.special.softmax",))
def double(answer, rng):
    """Twice a matrix."""
    for n in (1, 3):
        x = (numbers(rng, n, 2) + 0.05).T  # its columns lie one after the other in memory
        got = answer(x)
        yield shaped("keeps the shape", got, (2, n))
        yield agrees("is twice as large", got, 2 * x, {"you square": x**2})


@task(*HINTS)
def count(answer, rng):
    """How many, asked with a list, a dict, a number and a text."""
    same = np.array([1.0, 2.0])
    got = answer(["b", "a"], {"n": same, "m": same}, np.float32(2), "text")
    yield agrees("counts", got, 2)


@task(*HINTS)
def two(answer, rng):
    """Two arrays."""
    yield agrees("are two", answer(np.ones(2)), [np.ones(2), 2 * np.ones(2)])


@task(*HINTS)
def same(answer, rng):
    """What it gets, of numbers so small that computing with them may underflow."""
    for x in (np.array([5e-324, 1e-310, 1.0]), np.float64(1e-310), [1e-310], {"a": 5e-324}):
        yield agrees("is the same", answer(x), x, rtol=0, atol=0)


@task(*HINTS, kind="value")
def pair(answer, rng):
    """Two numbers."""
    yield agrees("holds two numbers", answer, {"a": 1.0, "b": 2.0})


@task(*HINTS, kind="value")
def order(answer, rng):
    """Two labels."""
    yield holds("begins with A", answer[0] == "A", f"it begins with {answer[0]!r}")


@pytest.fixture(scope="module")
def box():
    if needs_sandbox.args[0]:
        pytest.skip(needs_sandbox.kwargs["reason"])
    with Sandbox(["numpy", "scipy.special"], (), 2**30) as made:
        yield made


def both_verdicts(box, task, source: str, seconds: float = SECONDS) -> list[dict]:
    """What the learner and the marker get for a cell with this source."""
    names = {"__name__": "__main__"}
    with np.errstate():
        linecache.cache["a cell"] = (len(source), None, source.splitlines(True), "a cell")
        exec(compile(source, "a cell", "exec"), names)
        local = judge(task, names[task.name], np.random.default_rng(0), seconds=seconds)
    remote = marked(box, task, source, seconds)
    return [asdict(local), asdict(remote)]


def marked(box, task, source: str, seconds: float = SECONDS):
    """The verdict of the marker on a notebook of one cell."""
    plan = Plan((Step(1, source),), {task.name: source}, {task.name: 1}, "")
    walk = Walk(plan, box.session, imports=60, cell_seconds=seconds, seconds=600)
    return walk.verdicts({task.name: task}, lambda _: np.random.default_rng(0))[task.name]


def written(task, body: str) -> str:
    """A cell that defines the answer: the body of the function, or the whole cell."""
    if re.search(rf"^((def|class) )?{task.name}\b", body, re.MULTILINE) is None:
        arguments = "names, d, k, text" if task is count else "x"
        body = f"\n\ndef {task.name}({arguments}):\n{indent(body, '    ')}"
    return f"import numpy as np\n{body}\n"


RAISES = "np.seterr(all='raise', under='raise')\n"
LONG = "np.longdouble('1e-4000')"
NOT_PLAIN = (
    "but the check needs NumPy arrays, numbers or a list of them; the call was double(np.array([["
)
CHANGED = (
    "work on a copy, or write x = x - … in place of x -= … (so with += and /=, too); the call was "
    "double(np.array([["
)

# A piece of the message, "" for a correct answer, and the body of the function or its whole cell.
FUNCTIONS = [
    (double, "", "return 2 * x"),
    (double, "", "return np.asfortranarray(2 * x)"),
    (double, "", "return (2 * x).astype(np.float32)"),
    (double, "", "return (2 * x).astype('>f8')"),
    (double, "", "return (2 * x).astype(np.longdouble)"),
    (double, "", "y = 2 * x\ny.flags.writeable = False\nreturn y"),
    (double, "", "x.flags.writeable = False\nreturn 2 * x"),
    (double, "", "print('hello', '\\ud800')\nreturn 2 * x"),
    (double, "", "import sys\nsys.stderr.write('oh')\nnp.log(-np.ones(1))\nreturn 2 * x"),
    (double, "", "import warnings\nwarnings.warn('look out')\nreturn 2 * x"),
    (double, "", "np.seterr(all='raise')\ndef double(x):\n    return 2 * x + 0 * np.exp(-1e4)"),
    (double, "", "import functools\ndef times(k, x):\n    return k * x\n"
     "double = functools.partial(times, 2)"),
    (double, "", "class Twice:\n    def __call__(self, x):\n        return 2 * x\n"
     "double = Twice()"),
    (double, "the result is float16", "return (2 * x).astype(np.float16)"),
    (double, "you square; double(np.array([[", "return x**2"),
    (double, "NaN or infinity in the result", "return x / 0"),
    (double, "NaN or infinity in the result", "return np.full(x.shape, 1e4000, np.longdouble)"),
    (double, "nothing (None; is there a return?) instead of", "return None"),
    (double, "nothing (None; is there a return?) instead of", "x = 2 * x"),
    (double, "an array of shape (1, 2) instead of", "return 2 * x.T"),
    (double, "a number instead of an array", "return 2.0"),
    (double, "a number instead of an array", "return np.longdouble(2)"),
    (double, "a number instead of an array", "return np.clongdouble(2)"),
    (double, "a number instead of an array", "return 10**30"),
    (double, "a text instead of an array", "return '2'"),
    (double, "a text instead of an array", "return np.str_('\\ud800\\0')"),
    (double, "a list instead of an array of shape (2, 1): use np.array(…)", "return list(2 * x)"),
    (double, "2 values (a list or tuple) instead of", "return 2 * x, x"),
    (double, "a dict with the keys 'a' instead of", "return {'a': 2 * x}"),
    (double, "of type <U1 instead of numbers", "return np.full(x.shape, 'a')"),
    (double, "of type |S1 instead of numbers", "return np.full(x.shape, b'a')"),
    (double, f"the result is an integer of more than 2,000 digits, {NOT_PLAIN}", "return 10**5000"),
    (double, f"the result is an object of type generator, {NOT_PLAIN}", "return (v for v in x)"),
    (double, f"the result is an object of type bytes, {NOT_PLAIN}", "return b'2'"),
    (double, f"the result is an object of type bytes_, {NOT_PLAIN}", "return np.bytes_(b'2')"),
    (double, f"the result is an object of type datetime64, {NOT_PLAIN}",
     "return np.datetime64('2026-01-01')"),
    (double, f"the result is an array of type object, {NOT_PLAIN}",
     "return np.array([None, 1])"),
    (double, f"the result is an array of type datetime64[D], {NOT_PLAIN}",
     "return np.array(['2026-01-01'], 'M8[D]')"),
    (double, f"the result is an object of type matrix, {NOT_PLAIN}", "return np.asmatrix(2 * x)"),
    (double, f"the result is an object of type dict, {NOT_PLAIN}", "return {1.5: 2 * x}"),
    (double, f"the result is an object of type set, {NOT_PLAIN}", "return {1}"),
    (double, f"the result is ..., {NOT_PLAIN}", "return ..."),
    (double, f"the result is an object of type Odd, {NOT_PLAIN}",
     "class Odd:\n    __class__ = property(lambda self: 1 / 0)\n"
     "    def __eq__(self, other):\n        raise KeyError\n"
     "def double(x):\n    return Odd()"),
    (double, f"the result is an object of type type, {NOT_PLAIN}",
     "def double(x):\n    return type(x)"),
    (double, "the result is an object of type double",
     "class double:\n    def __init__(self, x): 0"),
    (double, "more than ten deep", "for _ in range(12):\n    x = [x]\nreturn x"),
    (double, f"your function changes its argument x: {CHANGED}", "x -= 1\nreturn x"),
    (double, f"your function changes its argument x: {CHANGED}", "x.sort(0)\nx[:] = 3\nreturn x"),
    (double, f"your function changes its argument x: {CHANGED}", "y = x.ravel()\ny -= 1\nreturn x"),
    (double, f"your function changes its argument x: {CHANGED}", "x.shape = (-1,)\nreturn x"),
    (double, "your function changes its argument: work on a copy; the call was double(np.array([[",
     "class Twice:\n    def __call__(self, x):\n        x *= 2\n        return x\n"
     "double = Twice()"),
    (double, "you have not attempted it yet", "raise NotImplementedError"),
    (double, "you have not attempted it yet", "raise NotImplementedError('later')"),
    (double, "you have not attempted it yet", "print('hello')\nraise NotImplementedError"),
    (double, "your function raises NotImplementedError (line 6 of its cell); the call was double(",
     "if x.size > 2:\n    raise NotImplementedError\nreturn 2 * x"),
    (double, "it calls helper, which is not written yet",
     "def helper(x):\n    raise NotImplementedError\ndef double(x):\n    return 2 * helper(x)"),
    (double, "your function raises ZeroDivisionError: division by zero (line 5 of its cell); the",
     "return 1 / 0"),
    (double, "your function raises ValueError (line 5 of its cell); the call", "raise ValueError"),
    (double, "your function raises ValueError: a b? a b? a b?",
     "raise ValueError('a\\nb\\0 ' * 500)"),
    (double, "your function raises Rude (line",
     "class Rude(Exception):\n    def __str__(self):\n        return 1 / 0\n"
     "def double(x):\n    raise Rude"),
    (double, "your function raises NameError: name 'undefined' is not defined (line 5 of",
     "return undefined"),
    (double, "your function raises TypeError: double() takes 0 positional arguments but",
     "def double():\n    return 1"),
    (double, "your function raises SystemExit: bye (line 5", "raise SystemExit('bye')"),
    (double, "your function raises KeyboardInterrupt (line 5", "raise KeyboardInterrupt"),
    (double, "your function raises UserWarning: oh (line",
     "import warnings\ndef double(x):\n    raise UserWarning('oh')"),
    (double,
     "your function calls itself without end (RecursionError); the call was double(np.array([[",
     "return double(x)"),
    (double, "solve this task without scipy.special.softmax",
     "import scipy.special\ndef double(x):\n    return scipy.special.softmax(x)"),
    (double, "hand over the function itself: ex.double.check(double)", "double = 3"),
    (double, "hand over the function itself: ex.double.check(double)", "double = None"),
    (double, "hand over the function itself: ex.double.check(double)", "double = object()"),
    (double, "the check cannot make sense of this answer (ZeroDivisionError: division by zero)",
     "class Shy:\n    def __call__(self, x):\n        return 2 * x\n"
     "    def __getattr__(self, name):\n        return 1 / 0\n"
     "double = Shy()"),
    (count, "", "return len(names)"),
    (count, "", "return np.longdouble(2)"),
    (count, "", "return np.array(2)"),
    (count, "", "assert type(k) is np.float32 and type(names) is list\nreturn k"),
    (count, "", "assert d['n'] is not d['m']\nreturn 2"),
    (count, "count(['b', 'a'], {'n': np.array([1.0, 2.0]), 'm': np.array([1.0, 2.0])}, 2.0, "
     "'text') returned True",
     "return True"),
    (count, "your function changes its argument names: work on a copy; the call was count(['b',",
     "return names.sort() or 2"),
    (count, "your function changes its argument names: work", "names.append(object())\nreturn 2"),
    (count, "your function changes its argument names: work on", "names.append(names)\nreturn 2"),
    (count, "your function changes its argument d: work on a copy", "d['n'].fill(0)\nreturn 2"),
    (count, "your function changes its argument d: work on a copy", "d.clear()\nreturn 2"),
    (count, "your function changes its argument d: work on a copy", "d[1.5] = len\nreturn 2"),
    (same, "", f"{RAISES}def same(x):\n    return x"),
    (same, "", f"{RAISES}def same(x):\n"
     "    return x.astype(np.longdouble) if isinstance(x, np.ndarray) else x"),
    (same, "your function changes its argument x: work on a copy",
     f"{RAISES}def same(x):\n    x[0] = 1e-320\n    return x"),
    (double, "", f"{RAISES}def double(x):\n    y = (2 * x).astype(np.longdouble)\n"
     f"    y[y == 99] = {LONG}\n    return y"),
    (double, "double(np.array([[", f"{RAISES}def double(x):\n    return np.full(x.shape, {LONG})"),
    (double, "NaN or infinity in the result",
     f"{RAISES}def double(x):\n    return np.full(x.shape, 1 / {LONG})"),
    (double, "", "np.seterr(all='call')\nnp.seterrcall(lambda *_: 1 / 0)\n"
     "def double(x):\n    return 2 * x + np.exp(-1e5)"),
    (double, "", "import warnings\nwarnings.simplefilter('error')\n"
     "def double(x):\n    return 2 * x + np.exp(-1e5)"),
    (two, "", "return x, 2 * x"),
    (two, "", "return [x, 2 * x]"),
    (two, "", "return np.array([x, 2 * x])"),
    (two, "not as it should be; two(np.array([1.0, 1.0])) returned [1., 1.], [1., 1.]",
     "return x, x"),
    (two, "not as it should be; two(np.array([1.0, 1.0])) returned [[1., 1.], [1., 1.]]",
     "return [x, x]"),
    (two, "the result is an object of type set", "return x, {1}"),
]  # fmt: skip

VALUES = [
    (pair, "", "{'a': 1, 'b': np.float32(2)}"),
    (pair, "", "{'b': np.longdouble(2), 'a': np.array(1)}"),
    (pair, "the value of 'a' is not as it should be", f"{{'a': {LONG}, 'b': 2}}"),
    (pair, "there is NaN or infinity in the value of 'a'", f"{{'a': 1 / {LONG}, 'b': 2}}"),
    (pair, "you have not attempted it yet", "..."),
    (pair, "you have not attempted it yet", "None"),
    (pair, "you have not attempted it yet", "{'a': ..., 'b': None}"),
    (pair, "'b' is still open", "{'a': 1.0, 'b': ...}"),
    (pair, "a dict with the keys 'a' instead of a dict with the keys 'a', 'b'", "{'a': 1}"),
    (pair, "the value of 'b' is not as it should be", "{'a': 1, 'b': 3}"),
    (pair, "an object of type object, but the check needs NumPy arrays", "{'a': 1, 'b': object()}"),
    (pair, "an object of type function, but the check needs NumPy arrays", "lambda: 1"),
    (pair, "an object of type builtin_function_or_method, but the check needs", "len"),
    (pair, "0 values (a list or tuple) instead of a dict", "[]"),
    (pair, "2 values (a list or tuple) instead of a dict", "(1.0, 2.0)"),
    (pair, "..., but the check needs NumPy arrays", "{'a': 1, 'b': [..., 1]}"),
    (order, "", "['A', 'B']"),
    (order, "number 2 is still open", "['A', ...]"),
    (order, "you have not attempted it yet", "[..., ...]"),
    (order, "it begins with 'B'", "['B', 'A']"),
    (order, "it begins with 'x", "['x' * 5000]"),
    (order, "it begins with '\\ud800'", "['\\ud800']"),
    (order, "the check cannot make sense of this answer (IndexError: ", "[]"),
    (order, "the check cannot make sense of this answer (TypeError: ", "3"),
]


@pytest.mark.parametrize(
    ("task", "message", "source"),
    [(t, message, written(t, body)) for t, message, body in FUNCTIONS]
    + [(t, message, written(t, f"{t.name} = {value}")) for t, message, value in VALUES],
    ids=[f"{t.name}: {' '.join(body.split())[:60]}" for t, _, body in FUNCTIONS + VALUES],
)
def test_learner_and_marker_get_the_same_verdict_and_the_same_text(box, task, message, source):
    local, remote = both_verdicts(box, task, source)
    assert remote == local
    assert message in local["message"]
    assert (local["status"] == "correct") == (message == "")
    assert local["message"].isprintable()
    assert len(local["message"]) <= 1000
    json.dumps(remote, ensure_ascii=False).encode()  # as it is stored


def test_a_loop_without_end_gets_the_same_verdict_and_begins_with_the_same_text(box):
    source = written(double, "while True:\n    pass")
    local, remote = both_verdicts(box, double, source, seconds=1.0)
    text = "there was no answer within 1 seconds: is there a loop that never ends?"
    for verdict in (local, remote):
        assert verdict["status"] == "not yet"
        assert verdict["message"].startswith(text)
        assert "; the call was double(np.array([[" in verdict["message"]


def test_an_answer_that_is_not_there_is_not_attempted_and_says_why(box):
    for wanted, source, message in (
        (double, "x = 1", "the notebook defines no such function"),
        (order, "x = 1", "the notebook defines no such name"),
        (double, "1 / 0\ndef double(x):\n    return 2 * x", "its cell raises ZeroDivisionError: "),
    ):
        verdict = marked(box, wanted, source)
        assert (verdict.status, verdict.points) == ("not attempted", 0)
        assert verdict.message.startswith(message)


def test_the_seconds_for_all_of_it_are_processor_seconds_and_hitting_them_is_noted(box):
    loop = "import time\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass\n"
    cells = (*(Step(number, loop) for number in range(1, 9)), Step(9, "def double(x): return x"))
    walk = Walk(Plan(cells, {}, {}, ""), box.session, imports=60, cell_seconds=1.0, seconds=1.5)
    verdict = walk.verdicts({"double": double}, lambda _: np.random.default_rng(0))["double"]
    assert "the 1.5 seconds for all of it are used up" in verdict.message
    assert walk.limits == {"time"}
    assert walk.cpu < 6


# --- library calls that would be the answer ------------------------------------------------------

FORBIDDEN = {
    "in a class": "class Box:\n    f = scipy.special.softmax\n"
    "def double(x):\n    return Box and 2 * x",
    "by a helper": "def helper():\n    return scipy.special\n"
    "def double(x):\n    return helper().softmax and 2 * x",
    "by getattr": "def double(x):\n    return getattr(scipy.special, 'softmax') and 2 * x",
    "with the check switched off": "import tlcourse.checks.forbidden as f\n"
    "import tlcourse.checks.asking as a\n"
    "f.find_forbidden = f.find_at_home = a.find_at_home = lambda *_: ''\n"
    "f._Forbidden.first = lambda *_: ''\n"
    "def double(x):\n    return scipy.special.softmax and 2 * x",
}


@needs_sandbox
@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_forbidden_call_is_found_where_no_code_of_the_learner_runs(box, what):
    found = marked(box, double, f"import scipy.special\n{FORBIDDEN[what]}")
    assert found.message == "solve this task without scipy.special.softmax"


@needs_sandbox
def test_a_cell_that_no_answer_reaches_may_use_anything(box):
    source = (
        "import scipy.special\ndef double(x):\n    return 2 * x\nscipy.special.softmax(double(1))"
    )
    assert marked(box, double, source).status == "correct"


def test_a_failure_of_the_marker_itself_costs_one_submission_and_not_the_class(box, monkeypatch):
    def fails(*_):
        raise ValueError("odd")

    monkeypatch.setattr(Walk, "verdicts", fails)
    one = Submission("ada", data=notebook("solutions", "ex02").read_bytes())
    found = marker.mark(one, content.released("ex02"), box, secret=b"x" * 16)
    assert found["status"] == "unreadable"
    assert found["reason"] == (
        "the marker itself failed on it (ValueError: odd): please report this"
    )
