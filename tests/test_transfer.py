from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.course.content import benchmark

layers = keras.layers
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


# --- a network inside the network ----------------------------------------------------------------

X = np.random.default_rng(0).normal(3, 2, (12, 16, 16, 3)).astype("float32")
Y = np.arange(12) % 2


def small_backbone(name="backbone"):
    """Two stages, each with BatchNormalization and a detour."""
    inputs = x = layers.Input((16, 16, 3))
    for stage in ("conv1", "conv2"):
        x = layers.Conv2D(4, 3, strides=2, padding="same", name=f"{stage}_conv")(x)
        y = layers.BatchNormalization(name=f"{stage}_norm")(x)
        x = layers.Add(name=f"{stage}_out")([x, layers.ReLU(name=f"{stage}_relu")(y)])
    return keras.Model(inputs, x, name=name)


def as_in_keras_guide(backbone, outputs=1, dropout=0.2):
    """`base(x, training=False)` between a preprocessing and a head without a name."""
    inputs = keras.Input(backbone.input_shape[1:])
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    x = layers.GlobalAveragePooling2D(name="pool")(backbone(x, training=False))
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(outputs, name="answer")(x))


def as_a_sequence(backbone, outputs=3):
    pool = layers.GlobalAveragePooling2D(name="pool")
    return keras.Sequential([backbone, pool, layers.Dense(outputs, name="answer")])


def in_a_network_in_a_network(backbone, outputs=3):
    inputs = keras.Input(backbone.input_shape[1:])
    inner = keras.Sequential([keras.Input(backbone.input_shape[1:]), backbone], name="inner")
    x = layers.GlobalAveragePooling2D(name="pool")(inner(inputs))
    return keras.Model(inputs, layers.Dense(outputs, name="answer")(x))


def as_layers_of_its_own(backbone, outputs=3):
    x = layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    return keras.Model(backbone.inputs, layers.Dense(outputs, name="answer")(x))


FORMS = [as_in_keras_guide, as_a_sequence, in_a_network_in_a_network, as_layers_of_its_own]


def norms_of(model):
    return [
        layer for layer in transfer.leaves(model) if isinstance(layer, layers.BatchNormalization)
    ]


@pytest.fixture(params=FORMS, ids=lambda form: form.__name__)
def nested(request):
    keras.utils.set_random_seed(0)
    model = request.param(small_backbone())
    for norm in norms_of(model):  # as if it had been trained, or all would agree by chance
        norm.set_weights([w + 0.1 for w in norm.get_weights()])
    return model


def test_unfreezing_reaches_into_a_network_and_leaves_its_normalisation_still(nested):
    assert transfer.unfreeze_from(nested, "conv2") == ["conv2_conv", "answer"]
    assert transfer.unfreeze_from(nested, "head") == ["answer"]
    assert transfer.unfreeze_from(nested, "conv1") == ["conv1_conv", "conv2_conv", "answer"]
    norms = norms_of(nested)
    before = [norm.get_weights() for norm in norms]
    training.compile_classifier(nested, 0.01)
    training.fit_steps(nested, X, Y, steps=2)
    for norm, old in zip(norms, before, strict=True):
        for a, b in zip(old, norm.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_whole_of_a_network_inside_goes_by_its_name():
    model = as_in_keras_guide(small_backbone())
    assert transfer.unfreeze_from(model, "backbone") == ["conv1_conv", "conv2_conv", "answer"]
    lower, _ = transfer.split(model, "backbone")
    assert lower.output.shape == (None, 4, 4, 4)


def test_the_cut_may_lie_within_a_network_inside(nested):
    whole = nested.predict(X, verbose=0)
    assert np.ptp(whole) > 0.01
    for after in ("conv1", "conv1_out", "conv2", "pool"):
        lower, upper = transfer.split(nested, after)
        found = upper.predict(lower.predict(X, verbose=0), verbose=0)
        np.testing.assert_allclose(found, whole, atol=1e-5)


def test_training_in_part_trains_the_network_inside(nested):
    conv1, conv2 = (
        transfer.leaves(nested)[transfer.find_layer(nested, f"{stage}_conv")]
        for stage in ("conv1", "conv2")
    )
    before = conv1.get_weights()[0], conv2.get_weights()[0]
    transfer.probe_then_fine_tune(nested, "conv2", X, Y, steps=3)
    np.testing.assert_array_equal(conv1.get_weights()[0], before[0])
    assert abs(conv2.get_weights()[0] - before[1]).max() > 0


def test_features_of_a_network_inside_are_found_again(nested, tmp_path):
    for _ in range(2):
        lower, _ = transfer.split(nested, "conv1")
        transfer.features(lower, X, np.asarray, folder=tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 1


def test_messages_name_the_layers_inside(nested):
    for call in (transfer.unfreeze_from, transfer.split):
        with pytest.raises(ValueError, match=r"no layer 'conv9'.*conv2_conv"):
            call(nested, "conv9")


@pytest.mark.parametrize("after", ["conv1_norm", "conv1_relu", "conv2_norm"])
def test_a_cut_inside_a_residual_block_is_refused_with_the_nearest_ones(nested, after):
    with pytest.raises(ValueError, match=f"after '{after}'.*residual block: cut after") as caught:
        transfer.split(nested, after)
    message = str(caught.value)
    assert "\n" not in message
    for name in message.partition("cut after ")[2].partition("cut after ")[2].split("'")[1::2]:
        transfer.split(nested, name)


def test_weights_are_copied_into_and_out_of_a_network_inside(nested):
    plain = as_layers_of_its_own(small_backbone())
    names = ["conv1_conv", "conv1_norm", "conv2_conv", "conv2_norm"]
    assert transfer.copy_weights(nested, plain, names) == names
    conv = transfer.leaves(nested)[transfer.find_layer(nested, "conv2_conv")]
    np.testing.assert_array_equal(conv.get_weights()[0], weights(plain, "conv2_conv"))
    start = transfer.warm_start(nested, plain, ["conv1_conv"], frozen=True)
    start(0)
    conv = transfer.leaves(nested)[transfer.find_layer(nested, "conv1_conv")]
    np.testing.assert_array_equal(conv.get_weights()[0], weights(plain, "conv1_conv"))
    assert not conv.trainable


def test_two_networks_inside_with_layers_of_one_name_are_refused_in_a_sentence():
    inputs = keras.Input((16, 16, 3))
    sides = [layers.GlobalAveragePooling2D()(small_backbone(name)(inputs)) for name in "ab"]
    both = keras.Model(inputs, layers.Dense(2)(layers.Concatenate(name="both")(sides)))
    with pytest.raises(ValueError, match="2 layers of the name 'conv1_conv': rename one"):
        transfer.split(both, "both")
    with pytest.raises(ValueError, match="the source has more than one layer 'conv1_conv'"):
        transfer.copy_weights(both, both, ["conv1_conv"])


def test_a_network_called_twice_is_cut_after_but_not_within():
    inner = small_backbone()
    inputs = [keras.Input((16, 16, 3)) for _ in range(2)]
    x = layers.Concatenate(name="both")([inner(one) for one in inputs])
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    lower, upper = transfer.split(model, "both")
    whole, parts = (keras.ops.convert_to_numpy(y) for y in (model([X, -X]), upper(lower([X, -X]))))
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    with pytest.raises(ValueError, match="'conv1_out' is called 2 times"):
        transfer.split(model, "conv1_out")


def test_normalisation_within_a_composite_layer_stays_still_too():
    model = keras.Sequential(
        [
            keras.Input((5, 8, 8, 3)),
            layers.TimeDistributed(layers.BatchNormalization(), name="block"),
            layers.GlobalAveragePooling3D(name="pool"),
            layers.Dense(2, name="head"),
        ]
    )
    assert transfer.unfreeze_from(model, "block") == ["head"]


def test_a_network_without_a_graph_is_unfrozen_and_trained_but_not_cut():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = layers.Conv2D(2, 3, name="conv")
            self.norm = layers.BatchNormalization(name="norm")
            self.pool = layers.GlobalAveragePooling2D(name="pool")
            self.head = layers.Dense(2, name="head")

        def call(self, x):
            return self.head(self.pool(self.norm(self.conv(x))))

    model = Own()
    model(X)
    assert transfer.unfreeze_from(model, "conv") == ["conv", "head"]
    transfer.train_from(model, "head", X, Y, optimizer=keras.optimizers.Adam(0.1), steps=2)
    with pytest.raises(ValueError, match="cannot be cut, for Keras knows no graph"):
        transfer.split(model, "conv")


APPLICATIONS = {  # where to cut, a stage, and a layer with a detour around it
    "MobileNetV2": ("block_12", "block_16", "block_14_expand"),
    "EfficientNetV2B0": ("block5", "block6", "block5c_expand_conv"),
    "ResNet50V2": ("conv4", "conv5", "conv4_block2_1_conv"),
    "VGG16": ("block4", "block5", None),
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_networks_of_keras_applications_as_they_come(name):
    cut, stage, inside = APPLICATIONS[name]
    backbone = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    model = as_in_keras_guide(backbone)
    trained = transfer.unfreeze_from(model, stage)
    assert trained[0].startswith(stage)
    assert trained[-1] == "answer"
    assert not any(norm.trainable for norm in norms_of(model))
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    lower, upper = transfer.split(model, cut)
    whole, parts = (keras.ops.convert_to_numpy(y) for y in (model(x), upper(lower(x))))
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)
    trains = {id(v) for v in upper.trainable_variables}
    assert trains == {id(v) for v in model.trainable_variables}
    if inside:
        with pytest.raises(ValueError, match=f"'{inside}'.*residual block"):
            transfer.split(model, inside)


# --- names are checked first, and optimizers can be kept -----------------------------------------


def test_a_stage_that_does_not_exist_is_named_before_anything_trains(nested, monkeypatch):
    monkeypatch.setattr(transfer, "train_from", None)
    with pytest.raises(ValueError, match="no layer 'block_16'"):
        transfer.adjust(nested, (X, Y), (X, Y), stages=("head", "block_16"))
    with pytest.raises(ValueError, match="no layer 'block_16'"):
        transfer.probe_then_fine_tune(nested, "block_16", X, Y)


def without_dropout(backbone):
    return as_in_keras_guide(backbone, dropout=0)  # whose random state is not saved


@pytest.mark.parametrize("form", [without_dropout, as_layers_of_its_own])
def test_a_network_compiled_with_layerwise_adam_is_saved_and_loaded(form, tmp_path):
    model = form(small_backbone())
    optimizer = transfer.LayerwiseAdam({"": 1e-3, "conv2": 2e-3, "answer": 1e-2})
    training.compile_classifier(model, optimizer=optimizer)
    training.fit_steps(model, X, Y, steps=2)
    model.save(tmp_path / "it.keras")
    loaded = keras.models.load_model(tmp_path / "it.keras")
    assert loaded.optimizer.rates == optimizer.rates
    assert int(loaded.optimizer.iterations) == 2
    for network in (model, loaded):
        training.fit_steps(network, X, Y, steps=2, seed=1)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_rates_of_a_composite_layer_hold_for_what_is_in_it():
    inputs = keras.Input((4, 6))
    x = layers.MultiHeadAttention(1, 2, name="attention")(inputs, inputs)
    model = keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x)))
    optimizer = transfer.LayerwiseAdam({"attention": 1e-4, "head": 1e-2})
    optimizer.build(model.trainable_variables)
    assert optimizer._shares == [0.01] * 8 + [1, 1]
    with pytest.raises(ValueError, match="rates is empty"):
        transfer.LayerwiseAdam({})


# --- adjust --------------------------------------------------------------------------------------


def test_a_validation_set_with_one_class_is_refused(nested):
    ones = np.ones(12, int)
    with pytest.raises(ValueError, match="validation data hold one class only, number 1"):
        transfer.adjust(nested, (X, Y), (X, ones), stages=("head",))
    with pytest.raises(ValueError, match="training data hold one class only"):
        transfer.adjust(nested, (X, ones), (X, Y), stages=("head",))
    with pytest.raises(ValueError, match="validation data have no labels"):
        transfer.adjust(nested, (X, Y), X, stages=("head",))
    with pytest.raises(ValueError, match="not as tuple"):
        transfer.adjust(nested, (X, Y, Y), (X, Y), stages=("head",))


@pytest.mark.parametrize(
    ("n", "accuracy", "differ"), [(20, 0.7, 0.2), (60, 0.8, 0.2), (200, 0.6, 0.3)]
)
def test_the_interval_of_a_gain_is_seldom_above_zero_where_there_is_none(n, accuracy, differ):
    rng = np.random.default_rng(0)
    states = [accuracy - differ / 2, differ / 2, differ / 2, 1 - accuracy - differ / 2]
    drawn = rng.choice(4, (400, n), p=states)  # both right, only the one, only the other, none
    found = [transfer.gain_interval(row < 2, (row == 0) | (row == 2)) for row in drawn]
    assert np.mean([low > 0 for low, _ in found]) < 0.05
    assert np.mean([low <= 0 <= high for low, high in found]) > 0.92


def test_the_interval_of_a_gain_is_newcombe_s_and_keeps_its_bounds():
    """Newcombe 1998, table II: 36 pairs both right, 12 and 2 only once, none by neither."""
    before = np.repeat([True, True, False], [36, 2, 12])
    after = np.repeat([True, False, True], [36, 2, 12])
    low, high = transfer.gain_interval(before, after)
    assert low < 10 / 50 < high
    assert (low, high) == pytest.approx((0.0569, 0.3404), abs=0.02)
    assert (
        transfer.gain_interval(before, before)[0] <= 0 <= transfer.gain_interval(before, before)[1]
    )
    everything = np.ones(5, bool)
    assert transfer.gain_interval(~everything, everything)[1] <= 1 + 1e-9


# --- which source --------------------------------------------------------------------------------


def blobs(n=40, classes=2):
    """Grey images as RGB whose brightness is their class, more or less."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % classes
    x = 60 + 60 * y[:, None, None, None] + rng.normal(0, 25, (n, 28, 28, 3))
    return np.clip(x, 0, 255).astype("uint8"), y


def brightness(head: bool = True) -> keras.Model:
    """A network that returns how bright an image is, with a head over three classes or without."""
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.AveragePooling2D(28)(inputs)
    if head:
        x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    return keras.Model(inputs, x)


def blind() -> keras.Model:
    inputs = keras.Input((28, 28, 1))
    return keras.Model(
        inputs, keras.layers.Rescaling(0.0)(keras.layers.AveragePooling2D(7)(inputs))
    )


def test_rank_sources_puts_the_useful_one_first_and_says_what_to_take():
    x, y = blobs()
    ranking = transfer.rank_sources({"blind": blind(), "bright": brightness()}, x, y)
    assert list(ranking.scores) == ["bright", "blind"]
    assert ranking.scores["bright"]["accuracy"] == 1
    assert ranking.scores["bright"]["leep"] < 0
    assert ranking.scores["blind"]["leep"] is None, "it has no outputs"
    assert ranking.level == ()
    assert ranking.recommendation.startswith("Take bright,")
    assert "bright" in str(ranking).splitlines()[1]


def test_rank_sources_says_so_where_the_labels_cannot_tell():
    x, y = blobs()
    twins = {"one": brightness(), "two": brightness(head=False)}
    ranking = transfer.rank_sources(twins, x, y)
    assert len(ranking.level) == 1
    assert "cannot tell" in ranking.recommendation
    alone = transfer.rank_sources({"one": brightness()}, x, y)
    assert "one source" in alone.recommendation


def test_rank_sources_takes_a_network_that_was_never_called():
    ranking = transfer.rank_sources({"mine": models.small_cnn(5)}, *blobs())
    assert ranking.scores["mine"]["leep"] < 0


def test_rank_sources_takes_a_function_that_prepares_the_images():
    x, y = blobs()

    def grey(some):
        return some[..., :1] / 255

    ranking = transfer.rank_sources({"bright": (brightness(), grey)}, x, y)
    assert ranking.scores["bright"]["accuracy"] == 1


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({}, "at least one network"),
        ([brightness], "at least one network"),
        ({3: None}, "name of a source is text, not 3"),
        ({"mine": "imagenet"}, "'mine' must be a Keras network"),
        ({"mine": (None, None)}, "'mine' must be a Keras network"),
        ({"mine": keras.Sequential()}, "'mine': .* prepare the images"),
    ],
)
def test_rank_sources_refuses_what_is_no_source(sources, message):
    with pytest.raises(ValueError, match=message):
        transfer.rank_sources(sources, *blobs())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, y[:-1]), "one label for each image"),
        (lambda x, y: (x, 0 * y), "one class"),
        (lambda x, y: (x, 2 * y), "class 1 has no labelled image"),
        (lambda x, y: (x, np.arange(40) == 3), "class 1 has one labelled image"),
        (lambda x, y: (x[..., 0], y), "shape"),
    ],
)
def test_rank_sources_refuses_images_and_labels_that_cannot_be_used(change, message):
    with pytest.raises(ValueError, match=message):
        transfer.rank_sources({"bright": brightness()}, *change(*blobs()))


# --- which recipe fits ---------------------------------------------------------------------------

# Seconds for each image once and for a step; bytes in all and for each image, at 128 pixels.
COSTS = dict(
    zip(
        transfer._RECIPES,
        (
            (0.1, 0, 20e6, 5e3),
            (0.08, 0.5, 60e6, 40e3),
            (0.05, 1, 120e6, 80e3),
            (0, 4, 150e6, 50e3),
            (0, 4, 400e6, 50e3),
        ),
        strict=True,
    )
)


@pytest.fixture
def costs(monkeypatch):
    """A machine of which everything is known; at half the side all costs a quarter."""

    def invented(side):
        return {name: tuple(n * (side / 128) ** 2 for n in each) for name, each in COSTS.items()}

    monkeypatch.setattr(transfer, "_costs", invented)


def test_a_plan_multiplies_what_one_image_and_one_step_cost(costs):
    found = transfer.plan(200, 130, 20, minutes=5, memory=200)
    rows = {(each.name, each.side): each for each in found.recipes}
    names = list(COSTS)
    assert list(rows) == [(name, side) for name in names for side in (128, 64)]
    stage6 = rows[names[1], 128]
    assert stage6.seconds == pytest.approx(200 * 0.08 + 160 * 0.5)
    assert stage6.megabytes == pytest.approx(60 + 200 * 0.04)
    assert rows[names[1], 64].seconds == pytest.approx(stage6.seconds / 4)
    assert [found.fits(rows[name, 128]) for name in names] == [True, True, True, False, False]
    assert "Begin with features once, and a head at 128 pixels (20 s, 21 MB)" in str(found)
    assert "The most that fits is everything at 64 pixels" in str(found)
    assert len(str(found).splitlines()) == 1 + len(rows) + 3


def test_of_what_fits_a_plan_trains_most_and_then_on_the_largest_images(costs):
    found = transfer.plan(200, 128, 20, minutes=60, memory=10_000)
    assert "The most that fits is everything at 128 pixels" in str(found)
    whole = next(each for each in found.recipes if each.name == "everything")
    quarters = replace(found, memory=whole.megabytes - 1)
    assert quarters.fits(next(each for each in found.recipes if "quarters" in each.name))
    assert "The most that fits is everything, in quarters of a batch at 128" in str(quarters)


def test_a_plan_within_which_nothing_fits_says_what_is_nearest(costs):
    found = transfer.plan(200, 128, 20, minutes=0.01, memory=1)
    assert not any(map(found.fits, found.recipes))
    assert "Nothing fits into 0.01 minutes and 1 MB. The fastest is features" in str(found)
    only = transfer.plan(200, 128, 20, minutes=1, memory=16)
    assert "Take features once, and a head at 64 pixels (5 s, 5 MB): it is the only kind" in str(
        only
    )


def test_a_plan_names_accuracies_as_what_was_stored_at_128_pixels(costs):
    for labels, at in ((3, None), (5, 5), (40, 20), (500, 80)):
        found = transfer.plan(2000, 128, labels, minutes=5, memory=200)
        assert {each.side for each in found.recipes if each.accuracy} == ({128} if at else set())
        assert (f"at 128 pixels and {at} labels of each class" in str(found)) == (at is not None)


def test_the_accuracies_of_a_plan_are_those_that_are_stored():
    sets = benchmark("photos")["sets"].values()
    for name, arm in zip(transfer._RECIPES, ("frozen", "fine-tuned"), strict=False):
        for labels in (5, 20, 80):
            stored = [
                each["summary"][str(labels)]["accuracy"].get(f"{arm} EfficientNet-Lite0")
                for each in sets
                if str(labels) in each["summary"]
            ]
            known = transfer._RECIPES[name].reached.get(labels)
            assert (known is None) == (None in stored), (arm, labels)
            if known:
                means = [mean for mean, _ in stored]
                assert known == pytest.approx((min(means), max(means)), abs=0.0051)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"images": 1}, "images must be a whole number of at least 2, not 1"),
        ({"images": 20.0}, "images must be a whole number"),
        ({"side": 63}, "side must be a whole number of at least 64, not 63"),
        ({"labels": 0}, "labels must be a whole number of at least 1"),
        ({"labels": 101}, "101 of each of two classes or more are more than 200 images"),
        ({"minutes": 0}, "minutes must be a number above 0, not 0"),
        ({"minutes": True}, "minutes must be a number above 0, not True"),
        ({"minutes": "5"}, "minutes must be a number above 0, not '5'"),
        ({"memory": float("nan")}, "memory must be a number above 0, not nan"),
    ],
)
def test_a_plan_of_impossible_numbers_is_refused_in_a_sentence(costs, changed, sentence):
    given = {"images": 200, "side": 128, "labels": 20, "minutes": 5, "memory": 200} | changed
    with pytest.raises(ValueError, match=sentence):
        transfer.plan(**given)


def test_what_a_plan_measures_grows_with_what_trains(monkeypatch):
    monkeypatch.setattr(transfer, "perf_counter", process_time)  # others use the machine too
    costs = transfer._costs(64)
    assert transfer._costs(64) is costs, "the session remembers"
    head, stage6, stage4, quarters, everything = costs.values()
    assert head[0] > stage4[0] > 0 == everything[0]
    assert 0 == head[1] < stage6[1] < everything[1] == quarters[1]
    assert head[2] < stage6[2] < quarters[2] < everything[2]
    transfer._costs.cache_clear()  # they are no seconds of the clock
