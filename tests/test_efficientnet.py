"""EfficientNet-Lite0, its weights, the right preprocessing for every network, and naming."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tlcourse import models, training, transfer, weights
from tlcourse.backend import keras
from tlcourse.data.samples import SamplePhoto
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[1]
IMAGENETTE = ROOT.parent / "shared" / "data" / "imagenette_96.tar"
# Imagenette's synsets and the places of their classes in ImageNet's order.
SYNSETS = {
    "n01440764": 0, "n02102040": 217, "n02979186": 482, "n03000684": 491, "n03028079": 497,
    "n03394916": 566, "n03417042": 569, "n03425413": 571, "n03445777": 574, "n03888257": 701,
}  # fmt: skip
RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (50, 70, 3), dtype="uint8")


@pytest.fixture(scope="module")
def network():
    return models.efficientnet_lite0(side=64)


# --- the network ---------------------------------------------------------------------------------


def test_it_has_the_parts_of_the_paper():
    whole = models.efficientnet_lite0(None, top=True)
    assert whole.count_params() == weights.card(weights.PHOTOS)["parameters"] == 4_694_024
    kinds = [type(layer).__name__ for layer in whole.layers]
    assert kinds.count("DepthwiseConv2D") == 16
    assert kinds.count("Add") == 9
    assert whole.output.shape == (None, 1000)
    assert {layer.max_value for layer in whole.layers if "ReLU" in type(layer).__name__} == {6}
    norms = [n for n in whole.layers if isinstance(n, keras.layers.BatchNormalization)]
    assert {norm.epsilon for norm in norms} == {1e-3}


@pytest.mark.parametrize(("side", "left"), [(64, 2), (65, 3), (128, 4), (224, 7)])
def test_any_side_from_64_on(side, left):
    model = models.efficientnet_lite0(None, side)
    assert model.output.shape == (None, left, left, 1280)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "imagnet"}, "weights must be 'imagenet' or None, not 'imagnet'"),
        ({"weights": "course"}, "not 'course'"),
        ({"side": 63}, "side must be at least 64 pixels, not 63"),
        ({"side": 224.0}, "side must be at least 64 pixels, not 224.0: one whole number"),
        ({"side": "224"}, "not '224'"),
        ({"side": (224, 224)}, r"not \(224, 224\)"),
        ({"side": None}, "not None"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.efficientnet_lite0(**arguments)


def test_the_weights_are_loaded_and_not_random(network):
    random = models.efficientnet_lite0(None, 64)
    assert not np.allclose(network.get_weights()[0], random.get_weights()[0])


def test_it_is_cut_and_unfrozen_by_stage(network):
    model = models.add_head(network, 3)
    lower, upper = transfer.split(model, "stage5")
    assert lower.output.shape == (None, 4, 4, 112)
    x = RNG.uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    through = upper.predict(lower.predict(x, verbose=0), verbose=0)
    np.testing.assert_allclose(through, model.predict(x, verbose=0), atol=1e-4)
    trains = transfer.unfreeze_from(model, "stage7")
    assert trains == [
        "stage7_1_expand", "stage7_1_depthwise", "stage7_1_project", "last_conv", "head"
    ]  # fmt: skip


def test_the_upper_part_learns_with_normalisation_still():
    keras.utils.set_random_seed(0)
    model = models.add_head(models.efficientnet_lite0(side=64), 2)
    x = np.random.default_rng(0).uniform(0, 255, (16, 64, 64, 3)).astype("float32")
    y = np.arange(16) % 2
    norm = model.get_layer("last_bn").get_weights()
    adam = keras.optimizers.Adam(1e-3)
    transfer.train_from(model, "stage7", x, y, optimizer=adam, steps=60)
    assert training.accuracy(model, x, y) == 1
    for before, after in zip(norm, model.get_layer("last_bn").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_saved_classifier_holds_its_preprocessing(network, tmp_path):
    model = models.add_head(network, 2)
    model.save(tmp_path / "photos.keras")
    again = keras.models.load_model(tmp_path / "photos.keras")
    x = RNG.integers(0, 256, (2, 64, 64, 3), dtype="uint8")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)


# --- the file ------------------------------------------------------------------------------------


def test_the_file_is_small_and_has_a_card_with_its_checksum():
    weights.verify(weights.PHOTOS)
    assert weights.PHOTOS.stat().st_size <= 6e6
    about = weights.card(weights.PHOTOS)
    page = weights.PHOTOS.with_suffix(".md").read_text("utf-8")
    for fact in ("sha256", "licence", "notice"):
        assert about[fact] in page


@pytest.mark.parametrize("damage", ["truncated", "missing", "card"])
def test_a_damaged_file_is_one_sentence(tmp_path, monkeypatch, damage):
    file = tmp_path / weights.PHOTOS.name
    file.write_bytes(weights.PHOTOS.read_bytes()[: 5000 if damage == "truncated" else None])
    card = weights.PHOTOS.with_suffix(".json").read_text("utf-8")
    file.with_suffix(".json").write_text("{" if damage == "card" else card, "utf-8")
    if damage == "missing":
        file.unlink()
    monkeypatch.setattr(weights, "PHOTOS", file)
    with pytest.raises(CourseError, match=r"install tlcourse again.*tools\.convert_weights"):
        models.efficientnet_lite0(side=64)


@pytest.mark.parametrize("text", [None, "[", "[]", "3", '["a cat"]', str(list(range(1000)))])
def test_damaged_class_names_are_one_sentence(tmp_path, monkeypatch, text):
    file = tmp_path / weights.CLASS_NAMES.name
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(weights, "CLASS_NAMES", file)
    with pytest.raises(CourseError, match=r"imagenet_classes\.json.*tools\.convert_weights"):
        weights.class_names()


def test_a_depthwise_kernel_has_a_scale_for_each_channel_and_zero_stays_zero():
    kernel = RNG.normal(size=(3, 3, 4, 1)) * np.array([1, 100, 0.01, 0])[:, None]
    integers, scale = weights.quantise(kernel)
    assert scale.shape == (4, 1)
    assert np.isfinite(scale).all()
    for channel in range(4):
        error = abs(integers * scale - kernel)[:, :, channel].max()
        assert error <= abs(kernel[:, :, channel]).max() / 254 * 1.001


def test_the_names_are_a_thousand_different_ones():
    names = weights.class_names()
    assert len(set(names)) == len(names) == 1000
    assert (names[0], names[282], names[999]) == ("tench", "tiger cat", "toilet paper")


# --- preprocessing -------------------------------------------------------------------------------

X = RNG.uniform(0, 255, (2, 64, 64, 3)).astype("float32")
CAFFE = X[..., ::-1] - np.array([103.939, 116.779, 123.68])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: models.efficientnet_lite0(None, 64), X),
        (lambda: models.resnet50(None), CAFFE),
        (models.scene_cnn, CAFFE),
        (lambda: models.add_head(models.efficientnet_lite0(None, 64), 2), X),
        (lambda: models.add_head(models.resnet50(None), 2), CAFFE),
    ],
)
def test_each_network_gets_its_own_preprocessing(make, expected):
    before = X.copy()
    got = models.preprocess(X, make())
    assert got is not X
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_array_equal(X, before)


def test_what_has_been_preprocessed_is_not_preprocessed_again(network):
    ready = models.preprocess(X)
    with pytest.raises(ValueError, match=r"lie in 0–255, and these go from -.*preprocessed before"):
        models.preprocess(ready, network)


def test_pixels_that_are_scaled_to_one_are_refused(network):
    with pytest.raises(ValueError, match=r"go from .* to 0.99\d*: multiply by 255"):
        models.preprocess(X / 255, network)
    black = np.zeros((1, 64, 64, 3), "float32")
    np.testing.assert_array_equal(models.preprocess(black, network), black)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 64, 64, 1), r"not \(2, 64, 64, 1\): of grey ones"),
        ((2, 64, 64), r"not \(2, 64, 64\): of grey ones"),
        ((64, 64, 3), r"not \(64, 64, 3\): a single image is x\[None\]"),
        ((64, 60, 4), r"not \(64, 60, 4\): a single image is x\[None\]"),
        ((64, 60, 1), r"not \(64, 60, 1\): a single image is x\[None\]"),
        ((64, 60), r"not \(64, 60\): a single grey image is np.stack"),
        ((2, 64, 64, 4), r"not \(2, 64, 64, 4\): .*transparency"),
        ((3,), r"not \(3,\)\.$"),
    ],
)
def test_images_without_three_colours_are_refused(network, shape, message):
    with pytest.raises(ValueError, match=message):
        models.preprocess(np.full(shape, 9, "uint8"), network)


def test_a_network_of_which_nothing_is_known_is_named(network):
    _, upper = transfer.split(models.add_head(network, 2), "stage5")
    for unknown in (upper, models.small_cnn()):
        with pytest.raises(ValueError, match="no known preprocessing"):
            models.preprocess(X, unknown)


@pytest.mark.parametrize("prepare", [models.preprocess, models.fit_images])
@pytest.mark.parametrize("thing", ["resnet50", 7, []])
def test_what_is_no_network_is_named(prepare, thing):
    with pytest.raises(ValueError, match="network must be a Keras model") as raised:
        prepare(X, thing)
    assert str(raised.value).endswith(f"not {thing!r}.")


# --- names ---------------------------------------------------------------------------------------


def test_a_cat_and_a_cup_are_named():
    from tlcourse.data import load_sample_photos

    photos = load_sample_photos()
    assert any("cat" in name for name, _ in models.classify(photos["cat"].image, top=3))
    (name, probability), *_ = named = models.classify(photos["coffee"].image)
    assert name == "espresso"
    assert 0.5 < probability <= 1
    assert len(named) == 5
    assert [p for _, p in named] == sorted((p for _, p in named), reverse=True)


def test_all_probabilities_sum_to_one_and_floats_are_taken():
    named = models.classify(PHOTO, top=1000)
    assert len({name for name, _ in named}) == 1000
    assert sum(p for _, p in named) == pytest.approx(1, abs=1e-4)
    assert models.classify(PHOTO.astype("float64"), top=3) == named[:3]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (PHOTO / 255, "multiply by 255"),
        (PHOTO[..., 0], r"one photograph of shape \(h, w, 3\), and the shape is \(50, 70\)"),
        (PHOTO[..., :1], r"of grey ones"),
        (PHOTO[None], r"one photograph of shape \(h, w, 3\), and the shape is \(1, 50, 70, 3\)"),
        (PHOTO[:0], r"the shape is \(0, 70, 3\)"),
        (PHOTO - 300.0, "in 0–255"),
        (np.full((4, 4, 3), np.nan), "from nan to nan: some are no finite numbers"),
        (np.where(PHOTO > 9, np.inf, 9), "from 9 to inf: some are no finite numbers"),
        (PHOTO > 9, "as numbers from 0 to 255, not bool"),
        (PHOTO[None], r"x\[0\] is the first of several"),
        (PHOTO[..., 0], "of a grey one np.stack"),
        ("cat.jpg", "one photograph .* not 'cat.jpg': load_photo reads a file"),
        (None, "one photograph .* not None"),
        ([PHOTO, PHOTO[:9]], r"one photograph .* not \[array"),
        (SamplePhoto(PHOTO, "", "", ""), "not SamplePhoto.*: its pixels are its .image"),
    ],
)
def test_what_is_no_photograph_is_one_sentence(image, message):
    with pytest.raises(ValueError, match=message) as caught:
        models.classify(image)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("top", [0, 1001, 2.5, "5", None])
def test_a_wrong_number_of_names_is_told(top):
    with pytest.raises(ValueError, match=f"top must be 1 to 1,000, not {top!r}"):
        models.classify(PHOTO, top)


@pytest.mark.skipif(not IMAGENETTE.exists(), reason="needs imagenette_96.tar beside the checkout")
def test_400_photographs_are_named_as_the_model_card_says():
    photos = {synset: [] for synset in SYNSETS}
    with tarfile.open(IMAGENETTE) as archive:
        for member in archive:
            _, split, synset, *_ = [*member.name.split("/"), "", ""]
            if member.isfile() and split == "val" and len(photos[synset]) < 40:
                image = Image.open(io.BytesIO(archive.extractfile(member).read())).convert("RGB")
                photos[synset].append(np.asarray(ImageOps.fit(image, (224, 224))))
    x = np.concatenate([np.stack(images) for images in photos.values()])
    y = np.repeat(list(SYNSETS.values()), 40)
    model = models.efficientnet_lite0(top=True)
    logits = model.predict(models.preprocess(x, model), batch_size=50, verbose=0)
    ten = np.array(list(SYNSETS.values()))
    assert np.mean(logits.argmax(1) == y) == pytest.approx(0.61, abs=0.02)
    assert np.mean(ten[logits[:, ten].argmax(1)] == y) == pytest.approx(0.97, abs=0.02)
