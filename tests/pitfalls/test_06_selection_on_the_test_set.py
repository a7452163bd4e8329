"""The best of many epochs on the test set is not an estimate: it is a maximum."""

import numpy as np


def choose(epochs=50, n=100, repetitions=200):
    """Accuracy claimed and accuracy on other data, of networks that guess (truth: 50 %)."""
    rng = np.random.default_rng(0)
    test, validation = rng.binomial(n, 0.5, (2, repetitions, epochs)) / n
    on_test = test.max(1).mean()
    on_validation = np.take_along_axis(test, validation.argmax(1)[:, None], 1).mean()
    return on_test, on_validation


def test_mistake_chosen_and_reported_on_the_same_set_a_guess_looks_better_than_a_guess():
    assert choose()[0] > 0.58


def test_way_out_chosen_on_validation_data_the_report_is_honest():
    assert abs(choose()[1] - 0.5) < 0.01
