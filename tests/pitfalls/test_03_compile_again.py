"""A change of `trainable` counts from the next `compile` on, and not before."""

import warnings

import numpy as np
import pytest

from tlcourse import training
from tlcourse.backend import keras

X, Y = np.random.default_rng(0).normal(size=(16, 4)).astype("float32"), np.arange(16) % 2


def kernel_moves(compile_again):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="base"), keras.layers.Dense(2)]
    )
    base = model.get_layer("base")
    base.trainable = False
    training.compile_classifier(model)
    model.fit(X, Y, verbose=0)
    before, count = base.get_weights()[0], len(model.trainable_variables)
    base.trainable = True
    assert len(model.trainable_variables) > count, "it looks as if it would train"
    if compile_again:
        training.compile_classifier(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y, verbose=0)
    return bool(abs(base.get_weights()[0] - before).max() > 0)


def test_mistake_unfrozen_and_not_compiled_nothing_moves_or_the_backend_refuses():
    if keras.backend.backend() == "tensorflow":  # silent: the worst of both
        assert not kernel_moves(compile_again=False)
    else:
        with pytest.raises(ValueError, match="optimizer"):
            kernel_moves(compile_again=False)


def test_way_out_compile_again():
    assert kernel_moves(compile_again=True)
