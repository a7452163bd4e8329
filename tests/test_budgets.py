"""Memory against networks counted by hand, adapters against their formula, bits against NumPy."""

import numpy as np
import pytest

from tlcourse import budgets, models, training, transfer
from tlcourse.backend import keras

layers = keras.layers


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def network(classes=5):
    """1×1 convolutions with a stride and without a bias, a nested network, an activation."""
    inner = keras.Sequential(
        [
            keras.Input((4, 4, 8)),
            layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            layers.Conv2D(10, 1, name="project"),
        ],
        name="inner",
    )
    x = inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, padding="same", name="stem")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(8, 1, 2, use_bias=False, activation="relu", name="expand")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(inner(x))
    x = layers.Dense(7, activation="relu", name="hidden")(x)
    return keras.Model(inputs, layers.Dense(classes, name="head")(x), name="toy")


def images(n=4, side=8, channels=3, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (n, side, side, channels)).astype("float32")


def trained(model, x, steps=3):
    training.compile_classifier(model, 0.1)
    training.fit_steps(model, x, np.arange(len(x)) % 3, steps=steps, batch_size=len(x))
    return model


# --- memory ------------------------------------------------------------------------------------


def counted():
    """A network of which every number can be counted: 4 bytes each."""
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, name="conv"),  # 57 weights, returns 4×4×3
            layers.BatchNormalization(name="norm"),  # 12 weights, of which 6 can train
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(2, name="max"),  # returns 2×2×3
            layers.Flatten(name="flat"),
            layers.Dense(5, activation="relu", name="hidden"),  # 65 weights
            layers.Dense(2, name="head"),  # 12 weights
        ]
    )


def test_memory_is_that_of_a_count_by_hand():
    found = budgets.memory(counted(), 10, "adam")
    assert found["weights"] == 4 * (57 + 12 + 65 + 12)
    assert found["gradients"] == 4 * (57 + 6 + 65 + 12)
    assert found["optimizer"] == 2 * found["gradients"]
    # the image, the input of norm, of max (which relu returns), of hidden, and what it returns
    # (the input of head); flat returns another view of what max returned
    assert found["activations"] == 10 * 4 * (72 + 48 + 48 + 12 + 5)


@pytest.mark.parametrize(
    ("first", "kept"),
    [("conv", 72 + 48 + 12 + 5), ("hidden", 12 + 5), ("head", 5)],
)
def test_what_lies_below_the_first_layer_that_trains_keeps_nothing(first, kept):
    model = counted()
    transfer.unfreeze_from(model, first)  # and so norm is still, and needs no input
    assert budgets.memory(model, 1)["activations"] == 4 * kept


def test_biases_need_no_activations_but_those_of_the_activation_functions():
    model = counted()
    for variable in model.trainable_variables:
        variable.trainable = variable.name in ("bias", "beta")
    found = budgets.memory(model, 1)
    assert found["gradients"] == 4 * (3 + 3 + 5 + 2)
    assert found["activations"] == 4 * (48 + 5)  # of relu and hidden; max takes what relu returned


def test_a_network_that_does_not_train_needs_its_weights_alone():
    model = counted()
    model.trainable = False
    found = budgets.memory(model, 8)
    assert found == {"weights": 4 * 146, "gradients": 0, "optimizer": 0, "activations": 0}


@pytest.mark.parametrize(
    ("optimizer", "numbers"),
    [
        ("sgd", 0),
        (keras.optimizers.SGD(0.1, momentum=0.9), 1),
        (keras.optimizers.RMSprop(), 1),
        (keras.optimizers.Adam(gradient_accumulation_steps=4), 3),
        (transfer.LayerwiseAdam({"": 1e-3}), 2),
        (transfer.LayerwiseAdam({"conv": 1e-3, "norm": 1e-3, "hidden": 0.1, "head": 1e-2}), 2),
    ],
)
def test_each_optimizer_is_asked_how_much_it_remembers(optimizer, numbers):
    model = counted()
    found = budgets.memory(model, 1, optimizer)
    assert found["optimizer"] == numbers * found["gradients"]
    if not isinstance(optimizer, str):
        assert not optimizer.built, "it is left as it is"
        optimizer.build(model.trainable_variables)  # what Keras then really holds
        held = sum(numpy(v.value).nbytes for v in optimizer.variables)
        assert found["optimizer"] <= held <= found["optimizer"] + 16  # its steps and rate


def test_layers_of_a_network_inside_count_once():
    model = network()
    transfer.unfreeze_from(model, "project")
    # the input of project, of hidden, and of head (which hidden returns); pool keeps nothing
    assert budgets.memory(model, 1)["activations"] == 4 * (4 * 4 * 8 + 10 + 7)


def test_what_cannot_be_counted_is_said_in_a_sentence():
    with pytest.raises(ValueError, match="batch must be a positive whole number"):
        budgets.memory(counted(), 0)
    anysize = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 1)], name="any")
    with pytest.raises(ValueError, match=r"'any' takes inputs of any size.*fixed"):
        budgets.memory(anysize, 1)

    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="has no graph"):
        budgets.memory(Own(name="own"), 1)


# --- LoRA --------------------------------------------------------------------------------------


def adapters(model):
    """The adapters of a network, also of those inside it."""
    return [layer for layer in transfer.leaves(model) if isinstance(layer, budgets.LoRA)]


def test_dense_layers_and_1x1_convolutions_get_adapters_that_change_nothing_at_first():
    model, x = network(), images()
    adapted = budgets.lora(model, 2)
    assert [layer.name for layer in adapters(adapted)] == ["expand", "project", "hidden"]
    np.testing.assert_allclose(numpy(adapted(x)), numpy(model(x)), atol=1e-6)
    trains = {v.path.rpartition("/")[2] for v in adapted.trainable_variables}
    assert trains == {"a", "b", "kernel", "bias"}
    assert [layer.name for layer in adapted.layers if layer.trainable_variables][-1] == "head"
    assert sum(v.name in ("kernel", "bias") for v in adapted.trainable_variables) == 2


def test_training_moves_adapters_and_head_only_and_merging_returns_the_same():
    model, x = network(), images()
    adapted = trained(budgets.lora(model, 2, alpha=3.0), x)
    assert all(np.abs(numpy(layer.b)).max() > 0 for layer in adapters(adapted))
    for name in ("stem", "norm"):
        for before, after in zip(
            model.get_layer(name).get_weights(), adapted.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(
        model.get_layer("hidden").get_weights()[0],
        adapted.get_layer("hidden").layer.get_weights()[0],
    )
    merged = budgets.merge(adapted)
    assert not adapters(merged)
    assert merged.count_params() == model.count_params()
    assert np.abs(numpy(adapted(x)) - numpy(model(x))).max() > 0.01
    np.testing.assert_allclose(numpy(merged(x)), numpy(adapted(x)), atol=1e-5)


def test_an_adapter_computes_its_formula():
    dense = layers.Dense(4)
    adapter = budgets.LoRA(dense, 2, alpha=6)
    x = images(1, 3, 5)[0, 0]
    adapter(x)
    adapter.b.assign(np.random.default_rng(1).normal(0, 1, (2, 4)))
    w, bias, a, b = map(numpy, (dense.kernel, dense.bias, adapter.a, adapter.b))
    np.testing.assert_allclose(numpy(adapter(x)), x @ w + bias + 6 / 2 * x @ a @ b, atol=1e-5)


def test_keras_own_adapter_computes_the_same():
    x = images(1, 4, 5)[0, 0]
    ours, theirs = budgets.LoRA(layers.Dense(4), 2), layers.Dense(4)
    ours(x), theirs(x)
    theirs.set_weights(ours.layer.get_weights())
    theirs.enable_lora(2)
    b = np.random.default_rng(1).normal(0, 1, (2, 4))
    ours.b.assign(b)
    theirs.lora_kernel_a.assign(numpy(ours.a))
    theirs.lora_kernel_b.assign(b)
    np.testing.assert_allclose(numpy(ours(x)), numpy(theirs(x)), atol=1e-5)


def test_a_saved_network_keeps_its_adapters_and_trains_on(tmp_path):
    x = images()
    adapted = trained(budgets.lora(network(), 2), x)
    adapted.save(tmp_path / "adapted.keras")
    loaded = keras.models.load_model(tmp_path / "adapted.keras")
    np.testing.assert_allclose(numpy(loaded(x)), numpy(adapted(x)), atol=1e-6)
    assert len(loaded.trainable_variables) == len(adapted.trainable_variables)
    before = numpy(adapters(loaded)[0].b).copy()
    trained(loaded, x, steps=1)
    assert np.abs(numpy(adapters(loaded)[0].b) - before).max() > 0
    np.testing.assert_allclose(numpy(budgets.merge(loaded)(x)), numpy(loaded(x)), atol=1e-5)


def test_unfreezing_everything_leaves_the_adapted_kernels_frozen():
    adapted = budgets.lora(network(), 1)
    transfer.unfreeze_from(adapted, "stem")
    hidden = adapted.get_layer("hidden")
    assert [v.name for v in hidden.trainable_variables] == ["a", "b"]


def test_what_is_frozen_before_stays_without_adapters():
    model = network()
    transfer.unfreeze_from(model, "hidden")
    assert [layer.name for layer in adapters(budgets.lora(model, 1))] == ["hidden"]


@pytest.mark.parametrize(
    ("build", "cut", "count"),
    [
        (lambda: models.efficientnet_lite0(None, 64), "stage6", 3),
        (lambda: models.resnet50(None, 32), "conv4", 7),
    ],
    ids=["EfficientNet-Lite0", "ResNet50"],
)
def test_the_course_s_networks_take_adapters_above_a_cut(build, cut, count):
    _, upper = transfer.split(models.add_head(build(), 3), cut)
    adapted = budgets.lora(upper, 4)
    assert len(adapters(adapted)) == count
    x = np.random.default_rng(0).uniform(0, 1, (2, *upper.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(numpy(adapted(x)), numpy(upper(x)), atol=1e-5)
    for layer in adapters(adapted):
        layer.b.assign(np.random.default_rng(0).normal(0, 0.1, layer.b.shape))
    np.testing.assert_allclose(numpy(budgets.merge(adapted)(x)), numpy(adapted(x)), atol=1e-4)
    saved = budgets.memory(upper, 1)["optimizer"] / budgets.memory(adapted, 1)["optimizer"]
    assert saved > 10


def test_ranks_and_networks_that_make_no_sense_are_named():
    for rank in (0, 3, 2.0, None):
        with pytest.raises(ValueError, match=rf"rank.*from 1 to 2.*not {rank!r}"):
            budgets.lora(
                keras.Sequential([keras.Input((3,)), layers.Dense(5), layers.Dense(4)]), rank
            )
    with pytest.raises(ValueError, match="alpha"):
        budgets.lora(network(), 1, alpha=0)
    with pytest.raises(ValueError, match="no Dense layer or 1×1 convolution that trains"):
        budgets.lora(keras.Sequential([keras.Input((3,)), layers.Dense(2, name="head")]), 1)


# --- bits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", range(2, 9))
def test_kernels_are_rounded_to_so_many_bits_and_all_else_stays(bits):
    model = network()
    copy, size = budgets.quantised(model, bits)
    most, expected = 2 ** (bits - 1) - 1, 0
    for variable, old, new in zip(
        model.weights, model.get_weights(), copy.get_weights(), strict=True
    ):
        if variable.name != "kernel":
            np.testing.assert_array_equal(old, new)
            expected += 4 * old.size
            continue
        axes = (0, 1) if "depthwise" in variable.path else tuple(range(old.ndim - 1))
        scale = np.abs(old).max(axes, keepdims=True) / most
        whole = new / scale
        np.testing.assert_allclose(whole, np.round(whole), atol=1e-3)
        assert np.abs(whole).max() == pytest.approx(most, rel=1e-4), "the largest stays"
        assert (np.abs(new - old) <= scale * (0.5 + 1e-3)).all()
        expected += int(np.ceil(old.size * bits / 8)) + 4 * scale.size
    assert size == expected
    assert copy(images()).shape == (4, 5)


def test_fewer_bits_than_two_or_more_than_eight_are_refused():
    for bits in (1, 9, 4.0, True, "4"):
        with pytest.raises(ValueError, match=f"from 2 to 8, not {bits!r}"):
            budgets.quantised(network(), bits)


def test_a_channel_of_zeros_stays_zero():
    model = network()
    kernel, bias = model.get_layer("hidden").get_weights()
    kernel[:, 2] = 0
    model.get_layer("hidden").set_weights([kernel, bias])
    rounded = budgets.quantised(model, 3)[0].get_layer("hidden").get_weights()[0]
    assert (rounded[:, 2] == 0).all()
    assert np.isfinite(rounded).all()


# --- what people hand over by mistake ----------------------------------------------------------


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize(
    "work",
    [
        lambda model: budgets.memory(model, 2),
        lambda model: budgets.lora(model, 1),
        budgets.merge,
        lambda model: budgets.quantised(model, 4),
    ],
)
def test_what_is_no_network_or_has_no_graph_is_said_at_each_entrance(work):
    with pytest.raises(ValueError, match="model must be a network of Keras, not None"):
        work(None)
    inside = keras.Sequential([keras.Input((4,)), Subclass(), layers.Dense(2)])
    for model in (Subclass(), inside, keras.Sequential([layers.Dense(3)])):
        with pytest.raises(ValueError, match="has no graph"):
            work(model)


def test_adapters_that_cannot_be_are_said():
    flat = keras.Sequential([keras.Input((4,)), layers.Flatten()])
    with pytest.raises(ValueError, match="no weights that could be adapted"):
        budgets.lora(flat, 1)
    narrow = keras.Sequential([keras.Input((1,)), layers.Dense(8), layers.Dense(2)])
    with pytest.raises(ValueError, match="a layer of one channel"):
        budgets.lora(narrow, 1)
    with pytest.raises(ValueError, match="rank .* not True"):
        budgets.lora(network(), True)
    for alpha in ("2", [1], True):
        with pytest.raises(ValueError, match="alpha must be a number above 0"):
            budgets.lora(network(), 1, alpha)
    with pytest.raises(ValueError, match="no adapters to merge"):
        budgets.merge(network())


def test_a_convolution_with_channels_first_gets_no_adapter():
    inputs = keras.Input((4, 8, 8))
    x = layers.Conv2D(6, 1, data_format="channels_first")(inputs)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    with pytest.raises(ValueError, match="no Dense layer or 1×1 convolution that trains"):
        budgets.lora(model, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_kernel_that_is_not_finite_is_not_rounded_to_something_that_is(value):
    model = network()
    arrays = model.get_weights()
    arrays[0][...] = value
    model.set_weights(arrays)
    with pytest.raises(ValueError, match="kernel' holds NaN or infinity"):
        budgets.quantised(model, 4)


def test_booleans_count_a_byte_and_an_optimizer_must_be_one():
    inputs = keras.Input((4,), dtype="bool")
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    assert budgets.memory(model, 3)["activations"] in (3 * 4, 3 * 16)  # as Keras casts it, or not
    with pytest.raises(ValueError, match="optimizer must be one of Keras.*not None"):
        budgets.memory(model, 3, None)
    with pytest.raises(ValueError, match="batch must be .*not True"):
        budgets.memory(model, True)
