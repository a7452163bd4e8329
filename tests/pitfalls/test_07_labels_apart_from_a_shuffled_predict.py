"""`predict` on a data set that shuffles, labels from another pass: every pair is a mismatch."""

import numpy as np
import tensorflow as tf

from tlcourse.backend import keras

Y = np.arange(200) % 2
MODEL = keras.Sequential([keras.Input((2,)), keras.layers.Activation("linear")])  # always right
SHUFFLED = tf.data.Dataset.from_tensor_slices((np.eye(2, dtype="float32")[Y], Y)).shuffle(200)


def test_mistake_a_perfect_network_looks_like_a_guess():
    predicted = MODEL.predict(SHUFFLED.batch(50), verbose=0).argmax(1)
    labels = np.array([int(y) for _, y in SHUFFLED])
    assert abs(np.mean(predicted == labels) - 0.5) < 0.2


def test_way_out_images_and_labels_from_one_pass():
    batches = SHUFFLED.batch(50).as_numpy_iterator()
    pairs = [(MODEL.predict_on_batch(x).argmax(1), y) for x, y in batches]
    assert all((predicted == labels).all() for predicted, labels in pairs)
