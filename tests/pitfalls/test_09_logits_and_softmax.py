"""A softmax layer and `from_logits=True` is one softmax too many; neither is one too few."""

import numpy as np
import pytest

from tlcourse.backend import keras

Y = np.array([0])
LOGITS = np.array([[10.0, 0.0, 0.0]], "float32")  # sure, and right
PROBABILITIES = keras.ops.convert_to_numpy(keras.ops.softmax(LOGITS))


def loss(outputs, from_logits):
    return float(keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)(Y, outputs))


def test_mistake_two_softmaxes_keep_the_loss_of_a_perfect_answer_high():
    assert loss(PROBABILITIES, from_logits=True) > 0.5


def test_mistake_no_softmax_at_all_judges_the_same_answer_by_its_sign_and_scale():
    shifted = LOGITS - 20  # the same probabilities
    assert loss(shifted, from_logits=False) > 1


@pytest.mark.parametrize(("outputs", "logits"), [(LOGITS, True), (PROBABILITIES, False)])
def test_way_out_exactly_one(outputs, logits):
    assert loss(outputs, from_logits=logits) < 0.001
