import pytest

from tools.lower_bounds import ROOT, lower_bounds, unlike

PYPROJECT = """
[project]
dependencies = [
    "numpy>=2.1,<3",
    "pillow >= 11.3",
    "requests>=2",
    "scipy!=1.15.1,>=1.15",
]
"""
PINS = ["numpy==2.1", "pillow==11.3", "scipy==1.15"]
ANSWER = "numpy 2.1.0 new\npillow 11.3.0 new\nscipy 1.15.0 new\ntlcourse 0.2.0 new\n"


def test_the_bounds_are_those_that_are_declared():
    assert lower_bounds(PYPROJECT) == PINS
    assert len(lower_bounds((ROOT / "pyproject.toml").read_text("utf-8"))) == 3


@pytest.mark.parametrize("line", ['"pillow",', '"pillow==11.3",', '"pillow<12",', ""])
def test_without_a_lower_bound_it_says_which_is_missing(line):
    with pytest.raises(SystemExit, match="no lower bound for pillow: declare it with >="):
        lower_bounds(PYPROJECT.replace('"pillow >= 11.3",', line))


def test_a_kernel_with_the_bounds_and_the_wheel_is_what_was_wanted():
    assert unlike(ANSWER, PINS) is None


@pytest.mark.parametrize(
    ("there", "instead", "named"),
    [
        ("numpy 2.1.0 new", "numpy 2.4.6 behind", "numpy 2.4.6, and should have 2.1 of its own"),
        ("scipy 1.15.0 new", "scipy 1.15.3 new", "scipy 1.15.3, and should have 1.15 of its own"),
        ("pillow 11.3.0 new", "pillow 11.3.0 behind", "pillow 11.3.0, and should have 11.3"),
        ("tlcourse 0.2.0 new", "tlcourse 0.2.0 behind", "the checkout, and should have the wheel"),
    ],
)
def test_a_kernel_with_anything_else_is_named(there, instead, named):
    assert named in unlike(ANSWER.replace(there, instead), PINS)
