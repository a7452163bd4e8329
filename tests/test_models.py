"""ResNet50 and its weights; cutting, freezing and training it in part."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from tlcourse import models, training, transfer, weights
from tlcourse.backend import keras
from tlcourse.data import download, make_scene_letters
from tlcourse.files import CourseError
from tools import pretrain

layers = keras.layers
RNG = np.random.default_rng(0)


@pytest.fixture
def small():
    """A network with ResNet50's habits: stages by name, BatchNormalization, a shortcut."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((16, 16, 3))
    for stage in ("conv2", "conv3"):
        x = layers.Conv2D(6, 3, strides=2, padding="same", name=f"{stage}_conv")(x)
        y = layers.BatchNormalization(name=f"{stage}_bn")(x)
        x = layers.Activation("relu", name=f"{stage}_out")(layers.Add(name=f"{stage}_add")([x, y]))
    return models.add_head(keras.Model(inputs, x), 3)


X = RNG.normal(size=(30, 16, 16, 3)).astype("float32")
Y = np.arange(30) % 3


# --- the network and its weights -----------------------------------------------------------------


@pytest.fixture(scope="module")
def resnet():
    return models.resnet50(None)


def test_it_is_keras_own_graph(resnet):
    assert resnet.count_params() == 23_587_712
    assert resnet.output.shape == (None, 2, 2, 2048)
    theirs = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    assert [(type(a), a.name) for a in resnet.layers[1:]] == [
        (type(a), a.name) for a in theirs.layers[1:]
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("imagnet",), "'imagnet'"),
        ((None, 8), "at least 32 pixels.*not 8"),
        ((None, (64, 16)), r"not \(64, 16\)"),
        ((None, (64, 64, 3)), r"not \(64, 64, 3\)"),
        ((None, 64.5), "not 64.5"),
        ((None, "64"), "not '64'"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.resnet50(*arguments)


def test_without_a_network_imagenet_is_one_sentence_with_the_way_out(tmp_path, monkeypatch):
    for name in ("TLCOURSE_HOME", "KERAS_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(CourseError, match="tlcourse fetch resnet50"):
        models.resnet50("imagenet")


def test_auto_takes_the_course_s_weights_where_imagenet_s_are_not(monkeypatch, capsys):
    loaded = []
    monkeypatch.setattr(download, "is_here", lambda name: False)
    monkeypatch.setattr(weights, "load", loaded.append)
    model = models.resnet50()
    assert loaded == [model]
    assert "'course'" in capsys.readouterr().out


def test_the_letter_weights_say_once_what_they_are_for(monkeypatch, capsys):
    monkeypatch.setattr(weights, "load", lambda model: None)
    models._say_once.cache_clear()
    for _ in range(2):
        models.resnet50("course", side=32)
    models.resnet50(None, side=32)
    models.letter_reader()
    assert capsys.readouterr().out.splitlines() == [weights.PURPOSE]
    assert "worse than random weights" in weights.PURPOSE


def test_images_need_not_be_square():
    assert models.resnet50(None, side=(64, 96)).output.shape == (None, 2, 3, 2048)


@pytest.mark.parametrize("side", [16, 96, (48, 64), np.int64(32)])
def test_the_rival_from_scratch_takes_images_of_any_size(side):
    size = (side, side) if np.ndim(side) == 0 else side
    model = models.scene_cnn(3, side=side)
    assert model(np.zeros((2, *size, 3))).shape == (2, 3)
    assert models.scene_cnn(3).input_shape == (None, 64, 64, 3)
    with pytest.raises(ValueError, match="at least 16 pixels"):
        models.scene_cnn(3, side=15)


def test_preprocessing_leaves_its_argument_alone():
    x = RNG.uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    before = x.copy()
    got = models.preprocess(x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(got, before[..., ::-1] - [103.939, 116.779, 123.68], atol=1e-4)
    assert models.preprocess(before.astype("uint8")).dtype == "float32"


RGB = RNG.integers(0, 256, (2, 8, 8, 3)).astype("uint8")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (RGB / 255, "pixels must lie in 0–255, and these go from 0.* multiply by 255"),
        (np.float32(RGB / 255) * 2 - 1, "these go from -1 .*have they been preprocessed before"),
        (RGB * 257.0, "scale them to 0–255"),
        (np.where(RGB > 200, np.nan, RGB), "these go from nan"),
        (models.preprocess(RGB), "have they been preprocessed before"),
        (RGB[..., :1], r"\(n, h, w, 3\), not \(2, 8, 8, 1\): of grey ones np.repeat"),
        (RGB[..., 0], r"not \(2, 8, 8\): of grey ones np.stack"),
        (RGB[0], r"not \(8, 8, 3\): a single image is x\[None\]"),
        (np.concatenate([RGB, RGB[..., :1]], -1), r"not \(2, 8, 8, 4\): x\[..., :3\]"),
        (np.moveaxis(RGB, -1, 1), r"not \(2, 3, 8, 8\): np.moveaxis"),
        (RGB[0, 0, 0], r"not \(3,\)\."),
        (RGB > 100, "as numbers from 0 to 255, not bool"),
        (np.array([["a.jpg"]]), "not <U5"),
        ([RGB[0], RGB[0][:4]], "images come as one array, not as list"),
        (keras.Input((8, 8, 3)), "within a tf.data map or a model"),
    ],
)
def test_what_preprocessing_would_spoil_is_refused_in_a_sentence(x, message):
    with pytest.raises(ValueError, match=message) as caught:
        models.preprocess(x)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("x", [RGB, RGB.astype("int64"), RGB.astype("float64"), RGB.tolist()])
def test_pixels_of_any_type_are_preprocessed_alike(x):
    np.testing.assert_array_equal(models.preprocess(x), models.preprocess(RGB))


def test_black_images_and_none_at_all_are_images():
    for x in (np.zeros((1, 8, 8, 3)), np.zeros((0, 8, 8, 3)), np.zeros((1, 8, 8, 3), "uint8")):
        assert models.preprocess(x).shape == x.shape


def test_the_shipped_weights_read_letters_as_their_card_says():
    assert weights.FILE.stat().st_size <= 25e6
    about = weights.card()
    letters = make_scene_letters(1, 500, alphabet=about["alphabet"], random_state=9)
    reached = training.accuracy(
        models.letter_reader(), models.preprocess(letters.x_test), letters.y_test
    )
    assert abs(reached - about["accuracy"]["printed"]) < 0.06


# --- the file ------------------------------------------------------------------------------------


@pytest.fixture
def file(small, tmp_path):
    path = tmp_path / "some.npz"
    weights.save(small, path, {"alphabet": "abc"})
    return path


def test_weights_come_back_to_within_half_a_step_of_eight_bits(small, file):
    before = small.get_weights()
    expected = small.predict(X, verbose=0)
    training.compile_classifier(small, 0.1)
    training.fit_steps(small, X, Y, steps=3)
    weights.load(small, file)
    for old, new in zip(before, small.get_weights(), strict=True):
        assert abs(old - new).max() <= abs(old).max() / 254 * 1.001
    np.testing.assert_allclose(small.predict(X, verbose=0), expected, atol=0.05)
    assert weights.card(file)["alphabet"] == "abc"


def test_a_backbone_takes_its_part_of_the_file(small, file):
    backbone = keras.Model(small.inputs, small.get_layer("conv3_out").output)
    weights.load(backbone, file)


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing", "card", "other"])
def test_a_wrong_file_is_one_sentence_and_changes_nothing(small, file, damage):
    content = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "missing":
        file.unlink()
    elif damage == "card":
        file.with_suffix(".json").write_text("{")
    else:
        weights.save(keras.Sequential([keras.Input((2,)), layers.Dense(3, name="head")]), file, {})
    before = small.get_weights()
    with pytest.raises(CourseError, match=r"install tlcourse again.*tools.pretrain"):
        weights.load(small, file)
    for old, new in zip(before, small.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# --- what trains ---------------------------------------------------------------------------------


def test_unfreezing_lets_all_from_a_layer_on_train_but_no_normalisation(small):
    small.trainable = False
    assert transfer.unfreeze_from(small, "conv3") == ["conv3_conv", "head"]
    assert transfer.unfreeze_from(small, "head") == ["head"]
    assert transfer.unfreeze_from(small, "conv2_conv") == ["conv2_conv", "conv3_conv", "head"]
    with pytest.raises(ValueError, match=r"no layer 'conv9'.*conv2_conv"):
        transfer.unfreeze_from(small, "conv9")


def test_normalisation_stays_still_while_its_neighbours_train(small):
    transfer.unfreeze_from(small, "conv3")
    training.compile_classifier(small, 0.01)
    norm, conv = (small.get_layer(f"conv3_{kind}") for kind in ("bn", "conv"))
    before = norm.get_weights(), conv.get_weights()[0]
    training.fit_steps(small, X, Y, steps=3)
    for old, new in zip(before[0], norm.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert abs(conv.get_weights()[0] - before[1]).max() > 0


def test_the_halves_of_a_network_make_the_whole(small):
    for after in ("conv2", "conv2_out", "conv3", "pool"):
        lower, upper = transfer.split(small, after)
        z = transfer.features(lower, X, np.asarray)
        got = upper.predict(z, verbose=0)
        np.testing.assert_allclose(got, small.predict(X, verbose=0), atol=1e-5)
    with pytest.raises(ValueError, match="last layer"):
        transfer.split(small, "head")


def test_training_the_upper_half_trains_the_whole_as_without_the_cut(small):
    start = small.get_weights()
    transfer.unfreeze_from(small, "conv3")
    training.compile_classifier(small, 0.01)
    training.fit_steps(small, X, Y, steps=5)
    uncut = small.predict(X, verbose=0)
    small.set_weights(start)
    transfer.train_from(small, "conv3", X, Y, optimizer=keras.optimizers.Adam(0.01), steps=5)
    np.testing.assert_allclose(small.predict(X, verbose=0), uncut, atol=1e-4)


def test_each_part_learns_at_its_own_rate(small):
    """Adam's first step moves a weight by its learning rate, whatever the gradient."""
    before = {name: small.get_layer(name).get_weights()[0] for name in ("conv3_conv", "head")}
    optimizer = transfer.LayerwiseAdam({"": 1e-3, "head": 1e-2})
    transfer.train_from(small, "conv3", X, Y, optimizer=optimizer, steps=1)
    moved = {
        name: np.median(abs(small.get_layer(name).get_weights()[0] - old))
        for name, old in before.items()
    }
    assert moved["conv3_conv"] == pytest.approx(1e-3, rel=0.05)
    assert moved["head"] == pytest.approx(1e-2, rel=0.05)
    again = transfer.LayerwiseAdam.from_config(optimizer.get_config())
    assert again.rates == optimizer.rates


def test_a_layer_without_a_rate_is_named(small):
    optimizer = transfer.LayerwiseAdam({"head": 1e-2})
    with pytest.raises(ValueError, match="'conv3_conv' trains and has no learning rate"):
        transfer.train_from(small, "conv3", X, Y, optimizer=optimizer, steps=1)


# --- features computed once ----------------------------------------------------------------------


@pytest.fixture
def lower(small):
    return transfer.split(small, "conv2")[0]


def files(folder):
    return sorted(path.name for path in folder.glob("*.npy"))


def test_features_are_kept_and_found_again(small, lower, tmp_path, monkeypatch):
    plain = transfer.features(lower, X, np.asarray)
    kept = transfer.features(lower, X, np.asarray, folder=tmp_path, batch_size=7)
    np.testing.assert_allclose(kept, plain, atol=1e-6)
    again, _ = transfer.split(small, "conv2")  # another object, the same network
    monkeypatch.setattr(again, "predict_on_batch", None)
    np.testing.assert_array_equal(transfer.features(again, X, np.asarray, folder=tmp_path), kept)


@pytest.mark.parametrize("change", ["weights", "data", "preprocessing", "boundary"])
def test_whatever_changes_is_computed_again(small, lower, tmp_path, change):
    transfer.features(lower, X, np.asarray, folder=tmp_path)
    x, preprocess = X.copy(), np.asarray
    if change == "weights":
        norm = small.get_layer("conv2_bn")
        norm.moving_mean.assign(np.full(norm.moving_mean.shape, 1e-3))
    elif change == "data":
        x[-1, -1, -1, -1] += 0.5
    elif change == "preprocessing":
        preprocess = lambda x: x / 255  # noqa: E731
    else:
        lower = transfer.split(small, "conv2_conv")[0]
    got = transfer.features(lower, x, preprocess, folder=tmp_path)
    assert len(files(tmp_path)) == 2
    np.testing.assert_allclose(got, transfer.features(lower, x, preprocess), atol=1e-6)


@pytest.mark.parametrize("left", [0, 100, 5000, 10**6])
def test_an_interrupted_run_goes_on_with_whole_batches(lower, tmp_path, monkeypatch, left):
    whole = transfer.features(lower, X, np.asarray, folder=tmp_path, batch_size=4)
    (name,) = files(tmp_path)
    path = tmp_path / name
    content, expected = path.read_bytes(), np.array(whole)
    del whole
    path.unlink()
    path.with_suffix(".unfinished").write_bytes(content[:left])
    computed = []
    predict = lower.predict_on_batch
    monkeypatch.setattr(
        lower, "predict_on_batch", lambda x: (computed.append(len(x)), predict(x))[1]
    )
    got = transfer.features(lower, X, np.asarray, folder=tmp_path, batch_size=4)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    batch = 4 * expected[0].nbytes
    assert len(computed) == 8 - min(7, max(0, min(left, len(content)) - 128) // batch)


def test_a_full_disk_is_one_sentence_and_what_is_finished_stays(lower, tmp_path, monkeypatch):
    real = transfer._append

    def full(path, shape, starts, compute):
        def some(start):
            if start >= 8:
                raise OSError(28, "No space left on device")
            return compute(start)

        real(path, shape, starts, some)

    monkeypatch.setattr(transfer, "_append", full)
    with pytest.raises(CourseError, match="No space left on device"):
        transfer.features(lower, X, np.asarray, folder=tmp_path, batch_size=4)
    assert not files(tmp_path)
    (unfinished,) = tmp_path.glob("*.unfinished")
    assert unfinished.stat().st_size > 8 * 1000
    monkeypatch.undo()
    got = transfer.features(lower, X, np.asarray, folder=tmp_path, batch_size=4)
    np.testing.assert_allclose(got, transfer.features(lower, X, np.asarray), atol=1e-6)


@pytest.mark.parametrize("folder", [False, True])
def test_features_of_a_tf_data_set_come_with_its_labels(lower, tmp_path, folder):
    tf = pytest.importorskip("tensorflow")
    folder = tmp_path if folder else None
    images = tf.data.Dataset.from_tensor_slices(X).batch(8)
    expected = transfer.features(lower, X, np.asarray)
    found = transfer.features(lower, images, np.asarray, folder=folder)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    both = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(30).batch(8)
    found, y = transfer.features(lower, both, np.asarray, folder=folder)
    assert len(y) == len(Y)
    rows = {
        tuple(np.round(row.ravel()[:9], 4)): label for row, label in zip(expected, Y, strict=True)
    }
    for row, label in zip(found, y, strict=True):
        assert rows[tuple(np.round(row.ravel()[:9], 4))] == label


# --- recipes -------------------------------------------------------------------------------------


def test_probe_then_fine_tune_learns_and_leaves_the_frozen_part_alone(small):
    before = small.get_layer("conv2_conv").get_weights()[0]
    transfer.probe_then_fine_tune(small, "conv3", X, Y, steps=150, head_rate=0.02, rate=0.01)
    assert training.accuracy(small, X, Y) > 0.9
    np.testing.assert_array_equal(small.get_layer("conv2_conv").get_weights()[0], before)


def test_the_adjust_loop_stops_by_itself_and_ends_with_the_best_weights(small, capsys):
    x = X + 2 * Y[:, None, None, None]
    rounds = transfer.adjust(
        small, (x, Y), (x, Y), stages=("head", "conv3", "conv2"), steps=150, head_rate=0.02
    )
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("head and what follows it: validation accuracy")
    assert "A beginning" in printed[0]
    assert printed[-1].endswith("Stop.")
    for line in printed[1 : len(rounds)]:  # what is said is what the interval says
        low = float(re.search(r"Gain \S+, 95 % interval (\S+) to", line)[1])
        assert ("a clear gain" in line) == (low > 0)
        assert ("no clear gain" in line) == (low <= 0)
    kept = rounds[-2] if "taken back" in printed[-1] else rounds[-1]
    assert training.accuracy(small, x, Y) == pytest.approx(kept[1])


def test_adjust_takes_tf_data_sets_and_labels_of_any_form(small, capsys):
    tf = pytest.importorskip("tensorflow")
    x = X + 2 * Y[:, None, None, None]
    train = tf.data.Dataset.from_tensor_slices((x, Y)).shuffle(30, seed=0).batch(8)
    rounds = transfer.adjust(small, train, (x, Y[:, None]), stages=("head",), steps=5)
    assert rounds == [("head", pytest.approx(training.accuracy(small, x, Y)))]
    assert capsys.readouterr().out.splitlines()[-1] == "All stages have been tried. Stop."


# --- pre-training --------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Pre-training of a small network on noise, in rounds of three batches."""

    def new_model(steps, seed):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2)])
        optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.5)
        training.compile_classifier(model, optimizer=optimizer)
        return model

    def scenes(n, random_state):
        rng = np.random.default_rng(random_state)
        return rng.integers(0, 256, (n, 4, 4, 3), dtype="uint8"), np.arange(n) % 2

    monkeypatch.setattr(pretrain, "new_model", new_model)
    monkeypatch.setattr(pretrain, "scenes", scenes)
    monkeypatch.setattr(pretrain, "ROUND", 3)
    monkeypatch.setattr(pretrain, "BATCH", 8)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_pre_training_goes_on_as_if_nothing_had_been(
    quick, tmp_path, monkeypatch, number
):
    whole = pretrain.train(80, 0, tmp_path / "whole")
    preprocess, calls = models.preprocess, []

    def interrupted(x):
        calls.append(1)
        if len(calls) == 5:  # in the middle of a round
            os.kill(os.getpid(), number)
        return preprocess(x)

    monkeypatch.setattr(models, "preprocess", interrupted)
    assert pretrain.train(80, 0, tmp_path / "cut") is None
    assert len(calls) == 5
    resumed = pretrain.train(80, 0, tmp_path / "cut")
    assert len(calls) == 10
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def run_pretraining(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tools.pretrain", *arguments],
        capture_output=True,
        text=True,
        timeout=500,
    )


def test_a_folder_with_other_settings_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "checkpoint.keras").write_bytes(b"")
    (tmp_path / "settings.json").write_text(json.dumps({"images": 1}))
    run = run_pretraining("--folder", str(tmp_path))
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith("tools.pretrain: ")
    assert "other settings" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_damaged_checkpoint_is_named_in_a_sentence(quick, tmp_path):
    pretrain.train(8, 0, tmp_path)
    (tmp_path / "checkpoint.keras").write_bytes(b"not a zip file")
    with pytest.raises(CourseError, match=r"checkpoint.keras is damaged.*delete"):
        pretrain.train(8, 0, tmp_path)


def test_the_letters_hold_no_digit_and_no_letter_twice():
    assert len(set(pretrain.ALPHABET)) == len(pretrain.ALPHABET) == 72
    assert not any(letter.isdigit() for letter in pretrain.ALPHABET)


# --- the same images for every network -----------------------------------------------------------


def test_each_network_gets_the_images_in_its_own_size_channels_and_preprocessing():
    x = np.full((2, 64, 64, 3), 51, "uint8")
    x[0, :, :32] = 255
    grey = models.fit_images(x, models.small_cnn())
    assert grey.shape == (2, 28, 28, 1)
    assert grey.dtype == "float32"
    np.testing.assert_allclose(grey[1], 0.2, atol=1e-6)
    np.testing.assert_allclose(grey[0, :, [2, 25], 0], [[1] * 28, [0.2] * 28], atol=1e-6)
    scene = models.scene_cnn(side=64)
    np.testing.assert_array_equal(models.fit_images(x, scene), models.preprocess(x, scene))
    assert models.fit_images(x, models.scene_cnn(side=(32, 48))).shape == (2, 32, 48, 3)


def test_images_cannot_be_made_to_fit_a_network_of_no_fixed_size():
    for shape in ((None, None, 3), (28, 28, 2), (784,)):
        network = keras.Sequential([keras.Input(shape), keras.layers.Activation("relu")])
        with pytest.raises(ValueError, match="prepare the images yourself"):
            models.fit_images(np.zeros((1, 8, 8, 3), "uint8"), network)
