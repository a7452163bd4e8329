import numpy as np
import pytest

from tlcourse import models, training, transfer
from tlcourse.backend import keras

BACKBONE = ["conv1", "conv2", "conv3", "conv4"]


def weights(model, name):
    return model.get_layer(name).get_weights()[0]


def test_layers_of_the_same_name_are_copied_and_the_others_left():
    source, target = models.small_cnn(26), models.small_cnn(10)
    head = weights(target, "head")
    assert transfer.copy_weights(source, target, BACKBONE) == BACKBONE
    for name in BACKBONE:
        np.testing.assert_array_equal(weights(source, name), weights(target, name))
    np.testing.assert_array_equal(weights(target, "head"), head)


def test_by_default_every_common_layer_with_weights_is_copied():
    source, target = models.small_cnn(10), models.small_cnn(10)
    assert transfer.copy_weights(source, target) == [*BACKBONE, "head"]


def test_the_values_are_copied_not_shared():
    source, target = models.small_cnn(10), models.small_cnn(10)
    transfer.copy_weights(source, target)
    before = weights(source, "conv1").copy()
    target.get_layer("conv1").kernel.assign(np.zeros_like(before))
    np.testing.assert_array_equal(weights(source, "conv1"), before)


def test_a_shape_that_does_not_fit_is_named_and_nothing_is_changed():
    source, target = models.small_cnn(26), models.small_cnn(10)
    before = target.get_weights()
    with pytest.raises(ValueError, match=r"'head' does not fit.*\(576, 26\).*\(576, 10\)"):
        transfer.copy_weights(source, target)
    for old, new in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_missing_layer_is_named_with_those_that_exist(side):
    networks = {"source": models.small_cnn(), "target": models.small_cnn()}
    networks[side] = models.article_network()
    with pytest.raises(ValueError, match=f"the {side} has no layer 'conv1'.*pool"):
        transfer.copy_weights(**networks, layers=["conv1"])


def test_one_name_may_be_given_as_a_string():
    source, target = models.small_cnn(), models.small_cnn()
    assert transfer.copy_weights(source, target, "conv2") == ["conv2"]


def test_networks_without_a_common_layer_are_refused():
    def network(name):
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name=name)])

    with pytest.raises(ValueError, match="share no layer name"):
        transfer.copy_weights(network("a"), network("b"))


def test_variables_of_another_name_are_refused_though_they_fit():
    scaled = keras.Sequential(
        [keras.Input((4,)), keras.layers.LayerNormalization(name="norm", center=False)]
    )
    centred = keras.Sequential(
        [keras.Input((4,)), keras.layers.LayerNormalization(name="norm", scale=False)]
    )
    with pytest.raises(ValueError, match="gamma.*beta"):
        transfer.copy_weights(scaled, centred)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_warm_start_begins_at_the_source_s_weights_again_and_again(frozen):
    source = models.small_cnn(26)
    start = transfer.warm_start(models.small_cnn(), source, BACKBONE, frozen=frozen)
    x, y = np.random.default_rng(0).random((32, 28, 28, 1)), np.arange(32) % 10
    for seed in (0, 1):
        model = start(seed)
        np.testing.assert_array_equal(weights(model, "conv3"), weights(source, "conv3"))
        training.fit_steps(model, x, y, steps=2)
        same = np.array_equal(weights(model, "conv3"), weights(source, "conv3"))
        assert same == frozen, "frozen layers stay, others train"


def test_a_start_without_a_source_is_random():
    start = transfer.warm_start(models.small_cnn())
    first, second = (weights(start(seed), "conv1").copy() for seed in (0, 1))
    assert abs(first - second).max() > 0.01


def test_a_half_is_split_and_trained_like_a_whole_network():
    keras.utils.set_random_seed(0)
    model = models.small_cnn(3)
    x = np.random.default_rng(0).random((12, 28, 28, 1), "float32")
    y = np.arange(12) % 3
    lower, upper = transfer.split(model, "pool2")
    middle, top = transfer.split(upper, "flatten")
    through, whole = (keras.ops.convert_to_numpy(y) for y in (top(middle(lower(x))), model(x)))
    np.testing.assert_allclose(through, whole, atol=1e-5)
    before = weights(model, "conv3").copy(), weights(model, "head").copy()
    inner = keras.ops.convert_to_numpy(lower(x))
    transfer.probe_then_fine_tune(upper, "conv3", inner, y, steps=2)
    assert not np.array_equal(weights(model, "conv3"), before[0])
    assert not np.array_equal(weights(model, "head"), before[1])


def test_freezing_again_freezes_what_was_unfrozen_inside():
    model = models.small_cnn(3)
    transfer.freeze(model)
    model.get_layer("conv4").trainable = True
    transfer.freeze(model)
    assert not any(layer.trainable for layer in model.layers)
