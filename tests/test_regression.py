"""Logistic regression, solved in the span of its examples."""

import numpy as np
import pytest

from tlcourse.regression import logistic_regression

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_regression_in_the_span_of_the_examples_is_the_regression(classes):
    from sklearn.linear_model import LogisticRegression

    x = RNG.normal(size=(30, 80)) * RNG.uniform(0.1, 10, 80) + 3
    x[:, 7] = 1
    y = np.arange(30) % classes

    def scaled(these):
        return (these - x.mean(0)) / np.sqrt(x.var(0).mean())

    direct = LogisticRegression(C=0.1, max_iter=5000, tol=1e-8).fit(scaled(x), y)
    kernel, bias = logistic_regression(x, y, 0.1)
    new = RNG.normal(size=(50, 80)) + 3
    logits = new @ kernel + bias
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(shares, direct.predict_proba(scaled(new)), atol=1e-2)


def test_the_regression_does_not_blow_up_a_column_that_hardly_varies():
    """Standardised by few examples, noise in twenty dead columns drowned the one that tells."""
    y = np.arange(10) % 2
    x = 1e-3 * RNG.normal(size=(10, 21))
    x[:, 0] = y
    kernel, _ = logistic_regression(x, y, 1.0)
    assert abs(kernel[0, 1]) > 10 * abs(kernel[1:, 1]).max()


def test_the_regression_takes_columns_that_are_all_constant():
    kernel, bias = logistic_regression(np.ones((4, 3)), np.arange(4) % 2, 1.0)
    assert np.isfinite(kernel).all()
    assert np.isfinite(bias).all()
