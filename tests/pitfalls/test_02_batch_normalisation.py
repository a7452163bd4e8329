"""`training=False` does not keep a BatchNormalization still once it is unfrozen (keras#20285)."""

import numpy as np

from tlcourse import training, transfer
from tlcourse.backend import keras

X, Y = np.random.default_rng(0).normal(3, 2, (16, 4)).astype("float32"), np.arange(16) % 2


def moving_mean_after_fit(unfreeze):
    inputs = keras.Input((4,))
    norm = keras.layers.BatchNormalization(name="norm")
    base = keras.Model(inputs, norm(inputs))
    base.trainable = False
    outputs = keras.layers.Dense(2, name="head")(base(inputs, training=False))
    model = keras.Model(inputs, outputs)
    unfreeze(base)
    training.compile_classifier(model)
    model.fit(X, Y, verbose=0)
    return keras.ops.convert_to_numpy(norm.moving_mean)


def test_mistake_after_unfreezing_the_statistics_move_in_spite_of_training_false():
    def unfreeze(base):
        base.trainable = True

    # If this fails, Keras has mended it: say so in chapter 05.
    assert abs(moving_mean_after_fit(unfreeze)).max() > 0


def test_way_out_the_layer_itself_is_frozen():
    np.testing.assert_array_equal(
        moving_mean_after_fit(lambda base: transfer.unfreeze_from(base, "norm")), 0
    )
