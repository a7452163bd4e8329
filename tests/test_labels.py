"""Labels and outputs in every form that people keep them in."""

import re

import numpy as np
import pytest
from scipy.special import expit, softmax

from tlcourse import evaluation, labels

Y = np.array([0, 2, 1, 2, 0])

SAME = {
    "int": Y,
    "list": Y.tolist(),
    "uint8": Y.astype("uint8"),
    "int32": Y.astype("int32"),
    "float": Y.astype("float32"),
    "column": Y[:, None],
    "float column": Y[:, None].astype(float),
    "one-hot": np.eye(3)[Y],
    "one-hot of booleans": np.eye(3, dtype=bool)[Y],
    "one-hot of whole numbers": np.eye(3, dtype="uint8")[Y],
    "objects": Y.astype(object),
    "not writable, Fortran order": np.asfortranarray(np.eye(3)[Y]),
}


@pytest.mark.parametrize("form", SAME)
def test_every_usual_form_of_labels_gives_the_same_class_numbers(form):
    found = labels.class_numbers(SAME[form], 3)
    assert found.dtype == "int64"
    np.testing.assert_array_equal(found, Y)


def test_booleans_are_the_classes_0_and_1():
    np.testing.assert_array_equal(labels.class_numbers([True, False], 2), [1, 0])


REFUSED = [
    (["cat", "dog"], "y holds text, such as 'cat': give class numbers"),
    (np.array(["cat", "dog"], object), "such as 'cat'"),
    ([["cat"], ["dog"]], "such as 'cat'"),
    ([b"cat"], "holds text"),
    ([1, 2, 3], "y goes from 1 to 3, but the 3 classes are 0 to 2: subtract 1."),
    ([[3], [1]], "from 1 to 3, but the 3 classes are 0 to 2: subtract 1"),
    ([0, 3], "y goes from 0 to 3, but the 3 classes are 0 to 2."),
    ([-1, 2], "y goes from -1 to 2"),
    ([0.5, 1.0], "y holds 0.5, which is no class"),
    ([0.0, np.nan], "y holds nan"),
    ([np.inf, 0], "y holds inf"),
    ([], "y has the shape (0,)"),
    (3, "y has the shape ()"),
    (np.zeros((2, 3, 1)), "y has the shape (2, 3, 1)"),
    (np.zeros((2, 3)), "(2, 3) and is not one-hot"),
    ([[0.2, 0.3, 0.5]], "not one-hot: give one class number for each example; the argmax(1)"),
    ([[1, 1, 0]], "not one-hot"),
    (np.eye(4), "y is one-hot with 4 columns, but there are 3 classes."),
    ([[0], [1, 2]], "y is no array of numbers"),
    ([None, 1], "y holds object"),
    (np.array(["2020-01-01"], "datetime64[D]"), "y holds datetime64[D]"),
    ([1j], "y holds complex128"),
    (np.array([2**63], "uint64"), "y goes from 9.22337e+18"),
    ([1e30], "y goes from 1e+30"),
    ((i for i in range(3)), "y holds object"),
]


@pytest.mark.parametrize(("y", "message"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_what_is_no_label_is_refused_in_one_sentence(y, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        labels.class_numbers(y, 3)
    assert "\n" not in str(caught.value)


def test_signs_as_classes_are_told_how_to_become_numbers():
    with pytest.raises(ValueError, match=re.escape("(y + 1) // 2")):
        labels.class_numbers([-1, 1], 2)


def test_classes_of_a_network_are_read_off_one_column_or_many():
    z = np.array([[-3.0], [0.1], [2.0]])
    np.testing.assert_array_equal(labels.predicted_classes(z), [0, 1, 1])
    np.testing.assert_array_equal(labels.predicted_classes(z[:, 0]), [0, 1, 1])
    p = expit(z)
    np.testing.assert_array_equal(labels.predicted_classes(p, probabilities=True), [0, 1, 1])
    np.testing.assert_array_equal(labels.predicted_classes(np.eye(3)), [0, 1, 2])
    with pytest.raises(ValueError, match=r"\(2, 4, 4, 3\).*lack a head"):
        labels.predicted_classes(np.zeros((2, 4, 4, 3)))


# --- in evaluation ---------------------------------------------------------------------------

GIVEN = (evaluation.Given(400, 1, "not at all"),) * 2


@pytest.mark.parametrize("form", [f for f in SAME if f != "list"])
def test_measures_do_not_depend_on_the_form_of_the_labels(form):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(5, 3))
    p = evaluation.softmax(z)
    a, b = z.argmax(1), rng.integers(0, 3, 5)
    expected = evaluation.expected_calibration_error(p, Y)
    assert evaluation.expected_calibration_error(p, SAME[form]) == expected
    assert evaluation.fit_temperature(z, SAME[form]) == evaluation.fit_temperature(z, Y)
    assert evaluation.mcnemar(SAME[form], a, b[:, None]) == evaluation.mcnemar(Y, a, b)
    runs = rng.integers(0, 3, (2, 5, 5))
    expected = evaluation.compare(Y, *runs, GIVEN)
    assert evaluation.compare(SAME[form], runs[0] * 1.0, runs[1][..., None], GIVEN) == expected


def test_names_of_classes_are_compared_with_names_and_not_with_numbers():
    names = np.array(["ant", "bee", "fly"])
    a, b = np.array([0, 2, 1, 0, 0]), np.array([0, 1, 1, 2, 2])
    expected = evaluation.mcnemar(Y, a, b)
    assert evaluation.mcnemar(names[Y], names[a], names[b]) == expected
    with pytest.raises(ValueError, match="y holds text, such as 'ant'"):
        evaluation.mcnemar(names[Y], a, b)
    with pytest.raises(ValueError, match="b holds text"):
        evaluation.mcnemar(Y, a, names[b])


def test_classes_from_1_beside_predictions_from_0_are_noticed():
    y = np.arange(60) % 3
    with pytest.raises(ValueError, match="y goes from 1 to 3 and a from 0 to 2: subtract 1 from y"):
        evaluation.mcnemar(y + 1, y, y)
    runs = np.tile(y + 1, (5, 1))
    with pytest.raises(ValueError, match="subtract 1 from scratch"):
        evaluation.compare(y, runs, runs, GIVEN)


@pytest.mark.parametrize("y", [np.arange(1, 6) % 3 + 1, ["a"] * 5, [0.5] * 5, np.arange(4) % 3])
def test_labels_that_do_not_fit_are_refused_by_every_measure(y):
    p = np.full((5, 3), 1 / 3)
    for measure in (evaluation.reliability, evaluation.expected_calibration_error):
        with pytest.raises(ValueError, match=r"y goes|y holds|must have the shape"):
            measure(p, y)
    with pytest.raises(ValueError, match=r"y goes|y holds|must have the shape"):
        evaluation.fit_temperature(np.arange(15.0).reshape(5, 3), y)


def test_one_output_is_two_classes():
    z, y = np.array([[-2.0], [0.5], [3.0], [-1.0]]), np.array([0, 1, 1, 1])
    pair = np.column_stack([np.zeros(4), z])
    np.testing.assert_allclose(evaluation.softmax(z), softmax(pair, 1))
    np.testing.assert_allclose(evaluation.softmax(z)[:, 1], expit(z[:, 0]))
    assert evaluation.fit_temperature(z, y) == evaluation.fit_temperature(pair, y)
    p = expit(z)
    expected = evaluation.expected_calibration_error(np.hstack([1 - p, p]), y)
    assert evaluation.expected_calibration_error(p, y) == expected
    assert evaluation.expected_calibration_error(p[:, 0], y) == expected


def test_probabilities_and_logits_are_told_apart():
    z = np.random.default_rng(0).normal(size=(5, 3))
    with pytest.raises(ValueError, match="these are probabilities already"):
        evaluation.fit_temperature(softmax(z, 1).astype("float32"), Y)
    with pytest.raises(ValueError, match="these are probabilities already"):
        evaluation.softmax(softmax(z, 1))
    with pytest.raises(ValueError, match="sum to 1; evaluation.softmax makes them of logits"):
        evaluation.reliability(z, Y)
    with pytest.raises(ValueError, match=r"logits must have the shape \(N, classes\), not \(3,\)"):
        evaluation.softmax(z[0])
