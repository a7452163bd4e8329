"""The losses that chapter 02 derives, for any logits that a network could produce."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from tlcourse.losses import binary_cross_entropy, cross_entropy


def batches(limit, most_classes=12):
    """Logits of some examples, with a class number for each."""

    def with_labels(shape):
        n, k = shape
        z = arrays(float, shape, elements=st.floats(-limit, limit))
        return st.tuples(z, arrays(np.int64, n, elements=st.integers(0, k - 1)))

    return st.tuples(st.integers(1, 8), st.integers(2, most_classes)).flatmap(with_labels)


def quotient(f, z, step=1e-5):
    """The gradient of f at z by central differences."""
    g = np.empty_like(z)
    for place in np.ndindex(z.shape):
        move = np.zeros_like(z)
        move[place] = step
        g[place] = (f(z + move) - f(z - move)) / (2 * step)
    return g


@given(batches(1e300))
def test_no_logits_overflow(batch):
    z, y = batch
    assert 0 <= cross_entropy(z, y) < np.inf
    assert 0 <= binary_cross_entropy(z[:, 0], y > 0) < np.inf


@given(batches(10))
def test_the_price_is_what_scikit_learn_computes_from_probabilities(batch):
    z, y = batch
    expected = log_loss(y, softmax(z, axis=1), labels=range(z.shape[1]))
    np.testing.assert_allclose(cross_entropy(z, y), expected, atol=1e-6)
    expected = log_loss(y > 0, expit(z[:, 0]), labels=[False, True])
    np.testing.assert_allclose(binary_cross_entropy(z[:, 0], y > 0), expected, atol=1e-6)


@given(batches(10))
def test_the_gradient_is_forecast_minus_truth(batch):
    z, y = batch
    y_hat_minus_y = softmax(z, axis=1) - np.eye(z.shape[1])[y]
    by_difference = quotient(lambda z: cross_entropy(z, y), z)
    np.testing.assert_allclose(by_difference, y_hat_minus_y / len(z), atol=1e-7)
    y = (y > 0).astype(float)
    by_difference = quotient(lambda z: binary_cross_entropy(z, y), z[:, 0])
    np.testing.assert_allclose(by_difference, (expit(z[:, 0]) - y) / len(z), atol=1e-7)


@given(batches(50), st.floats(-1e3, 1e3))
def test_only_differences_of_logits_count(batch, shift):
    z, y = batch
    np.testing.assert_allclose(cross_entropy(z + shift, y), cross_entropy(z, y), atol=1e-9)


@given(batches(50))
def test_class_numbers_and_one_hot_rows_are_the_same(batch):
    z, y = batch
    np.testing.assert_allclose(cross_entropy(z, np.eye(z.shape[1])[y]), cross_entropy(z, y))


@given(batches(50))
def test_class_numbers_may_stand_in_a_column(batch):
    z, y = batch
    assert cross_entropy(z, y[:, None].astype(float)) == cross_entropy(z, y)


@given(batches(50, most_classes=2))
def test_two_classes_are_one_logit_the_difference(batch):
    z, y = batch
    expected = binary_cross_entropy(z[:, 1] - z[:, 0], y)
    np.testing.assert_allclose(cross_entropy(z, y), expected, atol=1e-12)


@given(batches(20), st.data())
def test_no_forecast_is_cheaper_than_the_truth(batch, data):
    z, _ = batch
    truth = data.draw(arrays(float, z.shape, elements=st.floats(-5, 5)))
    p = softmax(truth, axis=1)
    entropy = -(p * np.log(p)).sum(1).mean()
    np.testing.assert_allclose(cross_entropy(truth, p), entropy, atol=1e-9)
    assert cross_entropy(z, p) >= entropy - 1e-9


@given(st.integers(1, 8), st.integers(2, 1000))
def test_knowing_nothing_costs_ln_k(n, k):
    np.testing.assert_allclose(cross_entropy(np.zeros((n, k)), np.arange(n) % k), np.log(k))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sure_and_wrong_forecast_keeps_its_full_price(dtype):
    z = np.array([[-1000.0, 0.0]], dtype)
    assert cross_entropy(z, np.array([0])) == 1000
    assert binary_cross_entropy(z[:, 0], np.array([1])) == 1000


@pytest.mark.parametrize(
    ("z", "y", "said"),
    [
        (np.zeros((10, 10)), np.linspace(0, 1, 10), "holds 0.111111, which is no class"),
        (np.zeros((2, 3)), np.array([[0], [1], [2]]), "of the shape (3, 1)"),
        (np.zeros((2, 3)), np.eye(2), "one-hot with 2 columns, but there are 3 classes"),
        (np.zeros((2, 3)), np.array(["a", "b"]), "y holds text, such as 'a'"),
        (np.zeros((2, 3)), np.array([0, 3]), "from 0 to 3"),
        (np.zeros((2, 3)), np.array([-1, 2]), "from -1 to 2"),
        (np.zeros(3), np.array([0]), "(N, K), not (3,)"),
        (np.zeros((0, 3)), np.array([], int), "(N, K), not (0, 3)"),
    ],
)
def test_labels_that_do_not_fit_the_logits_are_named(z, y, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        cross_entropy(z, y)


@pytest.mark.parametrize(
    ("z", "y", "said"),
    [
        (np.zeros(3), np.zeros(2), "(3,) and y (2,)"),
        (np.zeros((3, 1)), np.zeros(3), "(3, 1) and y (3,)"),
        (np.zeros(0), np.zeros(0), "one label per logit"),
        (np.zeros(2), np.array([0, 7]), "from 0 to 7"),
        (np.zeros(2), np.array([-1, 1]), "from -1 to 1"),
    ],
)
def test_binary_labels_that_do_not_fit_are_named(z, y, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        binary_cross_entropy(z, y)
