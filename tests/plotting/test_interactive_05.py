"""The widgets of chapter 05, over the whole range of their sliders."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tlcourse import plotting

NAMES = [f"class {k}" for k in range(12)]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def stored():
    """In the form of `benchmarks.fine_tuning`."""
    curves = {
        stage: {"accuracy": [[0.6, 0.62, 0.58], [level, level, level]], "parameters": size}
        for stage, level, size in (("head", 0.61, 20_490), ("conv5", 0.7, 14_900_000))
    }
    return {"checkpoints": [0, 100], "depth": curves}


@pytest.mark.parametrize("stage", ["head", "conv5"])
def test_the_chosen_depth_is_drawn_as_stored_and_named_with_its_size(stored, stage):
    ax = plotting.unfreezing_depth(stored, stage)
    (line,) = (line for line in ax.lines if line.get_label().startswith(("conv5 and", "the head")))
    assert stage in line.get_label()
    mean = 100 * np.mean(stored["depth"][stage]["accuracy"], 1)
    np.testing.assert_allclose(line.get_xydata(), np.column_stack([[0, 100], mean]))
    assert f"{stored['depth'][stage]['parameters'] / 1e6:.2f} million" in ax.get_title("left")
    assert len(ax.lines) == 2


def test_the_other_depths_differ_in_line_and_marker():
    curve = {"accuracy": {"mean": [0.6, 0.61], "sd": [0.02, 0.01]}, "parameters": 20_490}
    stored = {"checkpoints": [0, 100], "depth": dict.fromkeys(("head", "conv5", "conv4"), curve)}
    lines = plotting.unfreezing_depth(stored, "conv5").lines
    assert [line.get_label() for line in lines[:1] + lines[2:]] == ["head", "conv4"]
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 3


@pytest.mark.parametrize("right", [0, 11])
def test_the_bars_are_the_most_probable_classes_and_the_right_one(right):
    probabilities = np.linspace(0.15, 0.01, 12)
    image = np.zeros((8, 8, 3), "uint8")
    picture, bars = plotting.prediction(image, probabilities, NAMES, right).axes
    assert picture.get_title("left") == f"shown: class {right}"
    assert bars.get_title("left") == "answer: class 0"
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert len(names) == 10
    assert f"class {right}" in names
    drawn = [bar.get_width() for bar in bars.patches]
    np.testing.assert_allclose(drawn, probabilities[[NAMES.index(name) for name in names]])
