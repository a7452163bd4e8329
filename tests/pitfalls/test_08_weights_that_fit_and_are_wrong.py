"""`set_weights` compares number and shape; layer objects that are reused are shared, not copied."""

import numpy as np

from tlcourse import transfer
from tlcourse.backend import keras

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


def network(head):
    norm = keras.layers.BatchNormalization(name="norm")
    model = keras.Sequential([keras.Input((4,)), norm, keras.layers.Dense(head, name="head")])
    norm.set_weights([np.full(4, value) for value in (2.0, 1.0, 5.0, 0.25)])
    return model


def activations(model):
    return keras.Model(model.inputs, model.get_layer("norm").output).predict(X, verbose=0)


def test_mistake_gamma_and_variance_swapped_go_in_without_a_word():
    source, target = network(3), network(3)
    gamma, beta, mean, variance = source.get_layer("norm").get_weights()
    target.get_layer("norm").set_weights([variance, beta, mean, gamma])
    assert not np.allclose(activations(source), activations(target))


def test_mistake_a_reused_layer_changes_in_both_networks():
    source = network(3)
    norm = source.get_layer("norm")
    target = keras.Sequential([keras.Input((4,)), norm, keras.layers.Dense(2)])
    target.layers[0].gamma.assign(np.zeros(4))
    assert (source.get_layer("norm").get_weights()[0] == 0).all()


def test_way_out_copied_by_name_and_compared_by_activation():
    source, target = network(3), network(2)
    target.get_layer("norm").set_weights([np.ones(4), np.zeros(4), np.zeros(4), np.ones(4)])
    transfer.copy_weights(source, target, ["norm"])
    np.testing.assert_allclose(activations(source), activations(target), atol=1e-6)
    target.get_layer("norm").gamma.assign(np.zeros(4))
    assert (source.get_layer("norm").get_weights()[0] == 2).all()
