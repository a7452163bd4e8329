"""What is cached is drawn once: augmentation before a cache is one fixed, distorted data set."""

import numpy as np
import tensorflow as tf

from tlcourse.backend import keras

X = np.zeros((8, 4, 4, 1), "float32")
RNG = np.random.default_rng(0)


def augment(x):
    return tf.numpy_function(lambda x: x + np.float32(RNG.random()), [x], tf.float32)


def differing_epochs(pipeline):
    first, second = (np.stack(list(pipeline.as_numpy_iterator())) for _ in range(2))
    return bool(abs(first - second).max() > 0)


def test_mistake_augment_then_cache_repeats_the_same_draw_in_every_epoch():
    assert not differing_epochs(tf.data.Dataset.from_tensor_slices(X).map(augment).cache())


def test_way_out_cache_then_augment():
    assert differing_epochs(tf.data.Dataset.from_tensor_slices(X).cache().map(augment))


def test_mistake_after_set_random_seed_random_numbers_of_tensorflow_repeat_in_every_epoch_too():
    keras.utils.set_random_seed(0)
    cached = tf.data.Dataset.from_tensor_slices(X).cache()
    assert not differing_epochs(cached.map(lambda x: x + tf.random.uniform([])))
