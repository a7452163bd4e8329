"""How an answer is found and called; what comes of it is in test_engine and grading/test_marker."""

import subprocess
import sys

import numpy as np
import pytest

from tlcourse.checks import asking
from tlcourse.grading.sandbox import stage


def test_a_function_gets_copies_with_one_row_after_the_other():
    x, k = np.ones((3, 2)).T, np.float32(2)
    x.flags.writeable = False
    seen = []
    assert asking.call(lambda *given: seen.extend(given), [x, [x, (x, {"x": x})], k]) == {
        "result": None
    }
    arrays = [seen[0], seen[1][0], seen[1][1][0], seen[1][1][1]["x"]]
    assert len({id(array) for array in [x, *arrays]}) == 5
    for array in arrays:
        np.testing.assert_array_equal(array, x)
        assert array.flags.c_contiguous
        assert array.flags.writeable
    assert type(seen[2]) is np.float32


def test_several_values_stay_a_tuple_and_what_is_in_them_is_plain():
    reply = asking.call(lambda x: ([x, (x, np.int64(3))], "text"), [1.5])
    assert reply == {"result": ([1.5, [1.5, 3]], "text")}
    assert type(reply["result"][0][1][1]) is int


def test_a_wide_number_becomes_one_that_every_machine_has():
    reply = asking.call(
        lambda: [np.longdouble(2), np.clongdouble(2j), np.ones(1, np.longdouble)], []
    )
    a, b, c = reply["result"]
    assert (type(a), type(b), c.dtype) == (float, complex, np.float64)


def test_a_check_that_hands_over_something_else_hears_of_it():
    with pytest.raises(TypeError, match="cannot be called with an object of type Generator"):
        asking.call(len, [np.random.default_rng(0)])


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_what_a_call_prints_and_warns_of_is_swallowed_with_and_without_a_limit(
    seconds, capsys, recwarn
):
    def noisy():
        print("hello")
        print("oh", file=sys.stderr)
        return float(np.log(-np.ones(1))[0]) != 0

    assert asking.call(noisy, [], seconds) == {"result": True}
    assert capsys.readouterr() == ("", "")
    assert len(recwarn) == 0


def test_what_is_found_says_what_it_is():
    for answer, kind, reply in (
        (len, "function", {"function": True}),
        (3, "function", {"failure": "hand over the function itself: ex.f.check(f)"}),
        ((1, np.float32(2)), "value", {"value": [1, 2.0]}),
        ([..., None], "value", {"open": "you have not attempted it yet"}),
        ([1, ...], "value", {"failure": "number 2 is still open"}),
    ):
        assert asking.find(answer, "f", kind, ()) == reply
    reply = asking.find(np.exp, "f", "function", ["numpy.exp"])
    assert reply == {"failure": "solve this task without numpy.exp"}


def test_in_the_sandbox_it_needs_numpy_and_the_standard_library_alone(tmp_path):
    for name, data in stage(()).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tlcourse.checks.asking as a;"
        f"assert a.__file__.startswith({str(tmp_path)!r});"
        "files = [name for name, module in sys.modules.items() if hasattr(module, '__file__')];"
        "print(*{name.partition('.')[0] for name in files} - sys.stdlib_module_names)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path += {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split()) == ["numpy", "tlcourse"]
