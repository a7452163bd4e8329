"""Pretrained weights expect their own preprocessing; another one is no error, only useless."""

import numpy as np

from tlcourse import models
from tlcourse.backend import keras

PHOTOS = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3)).astype("float32")


def spread_of_features(x):
    """How much features differ between images, behind a layer trained on `preprocess_input`."""
    keras.utils.set_random_seed(0)
    conv, norm = keras.layers.Conv2D(16, 3), keras.layers.BatchNormalization(momentum=0.0)
    norm(conv(models.preprocess(PHOTOS)), training=True)  # takes on the statistics of its data
    features = keras.ops.mean(norm(conv(x), training=False), (1, 2))
    return float(keras.ops.mean(keras.ops.std(features, 0)))


def test_mistake_scaled_by_255_all_images_look_alike():
    assert spread_of_features(PHOTOS / 255) < 0.02 * spread_of_features(models.preprocess(PHOTOS))


def test_mistake_keras_preprocess_input_changes_its_argument_so_a_second_run_does_it_twice():
    x = PHOTOS.copy()
    once = keras.applications.resnet50.preprocess_input(x).copy()
    assert not np.array_equal(x, PHOTOS)
    assert not np.allclose(keras.applications.resnet50.preprocess_input(x), once)


def test_way_out_the_course_s_preprocess_returns_a_new_array():
    x = PHOTOS.copy()
    np.testing.assert_array_equal(models.preprocess(x), models.preprocess(x))
    np.testing.assert_array_equal(x, PHOTOS)
