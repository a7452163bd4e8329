import subprocess
import sys
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tlcourse import plotting
from tlcourse.plotting import plt

RNG = np.random.default_rng(0)
RESULTS = {
    "scratch": RNG.random((3, 5)),
    "fine-tuned": RNG.random((3, 5)),
    "own": {"mean": RNG.random(3), "sd": RNG.random(3)},
}
DRAWINGS = {
    "image_grid": lambda ax: plotting.image_grid(RNG.random((7, 5, 4, 1)), list("abcdefg"), ax=ax),
    "feature_maps": lambda ax: plotting.feature_maps(RNG.random((6, 6, 5)), ax=ax),
    "learning_curves": lambda ax: plotting.learning_curves(
        {"accuracy": [0.1, 0.5], "val_accuracy": [0.1, 0.4]}, ax=ax
    ),
    "label_efficiency": lambda ax: plotting.label_efficiency([5, 10, 20], RESULTS, ax=ax),
    "confusion_matrix": lambda ax: plotting.confusion_matrix([0, 1, 1], [0, 1, 0], "ab", ax=ax),
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_figure_is_drawn_on_the_axes_it_is_given_and_on_its_own(name):
    _, ax = plt.subplots()
    assert DRAWINGS[name](ax) is ax
    own = DRAWINGS[name](None)
    assert own is not ax
    assert own.has_data() or own.images
    own.figure.canvas.draw()


def test_every_image_of_a_grid_is_shown():
    ax = plotting.image_grid(RNG.random((23, 8, 8)), columns=10)
    assert len(ax.images) == 23


def test_images_of_a_grid_share_their_limits():
    ax = plotting.image_grid(np.stack([np.zeros((4, 4)), np.full((4, 4), 0.5)]))
    assert [image.get_clim() for image in ax.images] == [(0, 0.5)] * 2


def test_photographs_of_any_size_are_shown_whole_each_in_a_square():
    wide, high = np.zeros((30, 60, 3), "uint8"), np.zeros((50, 20, 3), "uint8")
    ax = plotting.image_grid([wide, high], ["wide", "high"])
    first, second = (np.asarray(image.get_array()) for image in ax.get_images())
    assert first.shape == second.shape == (240, 240, 3)
    assert first[0].min() == 255  # white above it
    assert first[120].max() == 0  # from its left to its right edge
    assert second[:, 120].max() == 0
    assert second[:, 0].min() == 255


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4, 1), (2, 2, 4, 4, 1)])
def test_a_grid_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match="images must have the shape"):
        plotting.image_grid(np.zeros(shape))


def test_a_dead_feature_map_is_drawn_without_a_warning(recwarn):
    plotting.feature_maps(np.zeros((4, 4, 3)))
    assert not recwarn.list


def test_label_efficiency_draws_means_in_per_cent_with_their_spread():
    scores = np.array([[0.1, 0.3, 0.2], [0.4, 0.35, 0.45]])
    summary = {"mean": [0.2, 0.4], "sd": [0.1, 0.05]}
    for stored in (scores, scores.tolist(), summary):
        ax = plotting.label_efficiency([5, 10], {"scratch": stored})
        np.testing.assert_allclose(ax.lines[0].get_ydata(), [20, 40])
        band = ax.collections[0].get_datalim(ax.transData)
        assert (band.y0, band.y1) == pytest.approx((10, 45))
        assert ax.lines[0].get_color() == plotting.COLORS["scratch"]


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_what_training_returns_is_drawn_as_it_is_for_any_number_of_seeds(seeds):
    arms = {name: RNG.random((3, seeds)) for name in ("scratch", "fine-tuned")}
    ax = plotting.label_efficiency(range(1, 4), arms)
    for line, scores in zip(ax.lines, arms.values(), strict=True):
        np.testing.assert_allclose(line.get_ydata(), 100 * scores.mean(1))
    assert len(ax.collections) == (2 if seeds > 1 else 0)  # one seed has no spread
    ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (
            RNG.random((5, 3)),
            r"'scratch' has the shape \(5, 3\): give \(labels, seeds\).*each of 3",
        ),
        (RNG.random(3), r"\(3,\)"),
        (RNG.random((3, 5, 2)), r"\(3, 5, 2\)"),
        (RNG.random((3, 0)), r"\(3, 0\)"),
        ([[0.1, 0.2], [0.3], [0.4, 0.5]], "equally many for each setting"),
        ([["a"], ["b"], ["c"]], "scores must be numbers"),
        (100 * RNG.random((3, 5)), "give accuracies in 0–1"),
        (np.full((3, 5), np.nan), "nan to nan: give accuracies"),
        ({"mean": [0.1, 0.2], "sd": [0.1, 0.2]}, r"\(2,\): give"),
        ({"mean": [0.1, 0.2, 0.3]}, "a mean and an sd of one shape, not mean"),
        ({"mean": [0.1, 0.2, 0.3], "sd": [0.1]}, "a mean and an sd of one shape"),
    ],
)
def test_scores_of_another_form_are_refused_in_a_sentence(scores, message):
    with pytest.raises(ValueError, match=message) as caught:
        plotting.label_efficiency([5, 10, 20], {"scratch": scores})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "predicted", "message"),
    [
        ([0, 1, 2], [0, 1, 0], "y goes from 0 to 2, but the 2 classes are 0 to 1"),
        (["a", "b"], [0, 1], "y holds text"),
        ([0, 1], np.eye(3)[[0, 1]], "predicted is one-hot with 3 columns"),
        ([0, 1, 1], [0, 1], r"y \(3,\), predicted \(2,\)"),
    ],
)
def test_a_confusion_matrix_of_what_are_no_classes_is_refused(y, predicted, message):
    with pytest.raises(ValueError, match=message):
        plotting.confusion_matrix(y, predicted, "ab")


def test_a_confusion_matrix_takes_labels_in_a_column_and_one_hot():
    ax = plotting.confusion_matrix([[0], [0], [1]], np.eye(2)[[0, 1, 1]], "ab")
    assert {t.get_position(): t.get_text() for t in ax.texts} == {
        (0, 0): "1", (1, 0): "1", (1, 1): "1",
    }  # fmt: skip


def test_the_confusion_matrix_counts_true_rows_and_predicted_columns():
    ax = plotting.confusion_matrix([0, 0, 0, 1], [0, 1, 1, 1], "ab")
    cells = {t.get_position(): t.get_text() for t in ax.texts}
    assert cells == {(0, 0): "1", (1, 0): "2", (1, 1): "1"}  # (column, row)


def test_show_wants_an_alternative_text_and_closes_the_figure():
    figure, ax = plt.subplots()
    with pytest.raises(ValueError, match="alt is empty"):
        plotting.show(ax, "  ")
    plotting.show(ax, "a figure")
    assert not plt.fignum_exists(figure.number)


def shown_and_drawn(monkeypatch, ax):
    """The bytes and the pixels of a figure, as `show` stores it and as matplotlib draws it."""
    drawn, shown = BytesIO(), []
    ax.figure.savefig(drawn, format="png", dpi=144)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    plotting.show(ax, "a figure")
    pngs = b64decode(shown[0]["image/png"]), drawn.getvalue()
    return [(len(png), np.asarray(Image.open(BytesIO(png)).convert("RGB"), int)) for png in pngs]


def test_a_drawing_is_stored_in_half_the_size_and_looks_the_same(monkeypatch):
    ax = plotting.lines({"a": np.arange(99) ** 2, "b": 50 * np.arange(99)}, title="Two curves")
    (small, stored), (large, drawn) = shown_and_drawn(monkeypatch, ax)
    assert small < large / 2
    assert abs(stored - drawn).mean() < 0.1  # of 255
    assert abs(stored - drawn).max() < 64


def test_a_photograph_keeps_all_its_colours(monkeypatch):
    colours = np.random.default_rng(0).integers(0, 256, (2, 90, 90, 3)).astype("uint8")
    (_, stored), (_, drawn) = shown_and_drawn(monkeypatch, plotting.image_grid(colours))
    np.testing.assert_array_equal(stored, drawn)


@pytest.mark.parametrize("row", [0, 25])
@pytest.mark.parametrize("column", [0, 25])
@pytest.mark.parametrize("kernel", [np.ones((3, 3)) / 9, [[-1, 0, 1]] * 3, np.zeros((3, 3))])
def test_the_sliding_window_is_drawn_over_the_whole_range_of_its_sliders(row, column, kernel):
    image = RNG.random((28, 28))
    figure = plotting.kernel_window(image, np.array(kernel), row, column)
    figure.canvas.draw()
    value = np.sum(image[row : row + 3, column : column + 3] * kernel)
    assert figure.axes[2].get_title(loc="left") == f"output; framed: {value:.2f}"


def test_each_way_to_begin_has_its_own_colour_and_marker():
    """Colour is never the only difference: each arm has a marker of its own."""
    arms = [plotting.COLORS[name] for name in ("scratch", "fine-tuned", "frozen")]
    assert len(set(arms)) == 3
    assert len({plotting.MARKERS[name] for name in ("scratch", "fine-tuned", "frozen")}) == 3


def test_plotting_needs_no_keras():
    code = (
        "import sys, tlcourse.plotting, tlcourse.quiz, tlcourse.data; print('keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
