"""A drawing becomes an image like those of `load_digits28`."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tlcourse.data import SAMPLE_STROKES, load_digits28, strokes_to_digit


def samples():
    return {name: [np.array(s, float) for s in strokes] for name, strokes in SAMPLE_STROKES.items()}


def test_the_image_has_the_format_of_the_courses_digits():
    x = load_digits28().x_train
    for strokes in samples().values():
        image = strokes_to_digit(strokes)
        assert image.shape == x.shape[1:]
        assert image.dtype == x.dtype
        assert image.min() == 0
        assert 0.9 < image.max() <= 1


def test_the_ink_of_the_samples_is_that_of_the_digits():
    """Thickness, height and place, by the statistics of what a classifier learns from."""
    x = load_digits28().x_train[..., 0]
    drawn = np.stack([strokes_to_digit(strokes) for strokes in samples().values()])[..., 0]
    assert abs(drawn.mean() - x.mean()) < 0.05
    rows, columns = np.arange(28), np.arange(28)
    for images in (x, drawn):
        ink = images.sum((1, 2))
        assert abs((images.sum(2) @ rows / ink).mean() - 13.5) < 0.5
        assert abs((images.sum(1) @ columns / ink).mean() - 13.5) < 1
    assert (drawn.max(2) > 0.3).mean() > 0.97, "a digit fills every row"
    assert (x.max(2) > 0.3).mean() > 0.97


def test_a_linear_classifier_that_learned_from_the_digits_reads_every_sample():
    digits = load_digits28()
    x = digits.x_train.reshape(len(digits.x_train), -1)
    model = LogisticRegression(C=0.03, max_iter=300).fit(x, digits.y_train)
    images = np.stack([strokes_to_digit(strokes) for strokes in samples().values()])
    assert list(model.predict(images.reshape(10, -1))) == list(range(10))


@pytest.mark.parametrize("name", SAMPLE_STROKES)
def test_neither_place_nor_size_nor_direction_nor_speed_changes_the_image(name):
    strokes = samples()[name]
    image = strokes_to_digit(strokes)
    for other in (
        [0.004 * stroke + [3, -2] for stroke in strokes],
        [1e6 * stroke for stroke in strokes],
        [stroke[::-1] for stroke in strokes],
    ):
        assert abs(strokes_to_digit(other) - image).max() < 0.05
    slow = []
    for stroke in strokes:  # many points at the beginning of each stroke
        first = stroke[0] + np.linspace(0, 1, 200)[:, None] * (stroke[1] - stroke[0])
        slow.append(np.concatenate([first, stroke[1:]]))
    assert abs(strokes_to_digit(slow) - image).max() < 0.05


def test_a_slanted_drawing_is_set_nearly_upright():
    bar = [np.array([(30.0, 0), (0, 90)])]
    image = strokes_to_digit(bar)[..., 0]
    places = image @ np.arange(28) / image.sum(1)
    assert 0 < places[3] - places[24] < 28 / 90 * 30 / 2


@pytest.mark.parametrize(
    "strokes",
    [
        [[(5, 5)]],
        [[(5, 5), (5, 5)]],
        [[(0, 0), (9, 0)]],
        [[(0, 0), (0, 9)]],
        [[(1, 1)], [(2, 2)], []],
    ],
    ids=["a dot", "a dot that stayed", "a level bar", "an upright bar", "two dots"],
)
def test_what_is_no_digit_still_gives_an_image(strokes):
    image = strokes_to_digit(strokes)
    assert np.isfinite(image).all()
    assert image.max() > 0.3


@pytest.mark.parametrize("strokes", [[], [[]], [[], []]])
def test_nothing_drawn_is_said(strokes):
    with pytest.raises(ValueError, match="nothing drawn: give at least one stroke"):
        strokes_to_digit(strokes)


@pytest.mark.parametrize(
    "strokes", [3, [3], ["ab"], [[1, 2, 3]], [[(1, 2, 3)]], [[(0, float("nan"))]], [[(1, 2), (3,)]]]
)
def test_what_is_no_drawing_is_said(strokes):
    with pytest.raises(ValueError, match="a list of strokes, and each a list of points"):
        strokes_to_digit(strokes)
