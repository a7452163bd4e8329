import json
from dataclasses import replace

import numpy as np
import pytest

from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import make_cluttered_digits
from tlcourse.labels import class_numbers


@pytest.fixture(scope="module")
def pool():
    return make_cluttered_digits(100, 50, difficulty=0)


@pytest.fixture(scope="module")
def model():
    network = models.small_cnn()
    training.compile_classifier(network, 2e-3)
    training.fit_steps(network, np.zeros((8, 28, 28, 1)), np.zeros(8), steps=1)  # builds the graph
    return network


def trained(model, pool, seed):
    training.restart(model, seed)
    training.fit_steps(model, pool.x_train, pool.y_train, steps=8, shift=2, seed=seed)
    return np.concatenate([w.ravel() for w in model.get_weights()])


equal_from_the_first_fit_on = pytest.mark.skipif(
    keras.backend.backend() == "torch",
    reason="PyTorch's dropout draws from a global state that the first call to fit disturbs",
)


def test_a_restarted_run_repeats_itself_dropout_and_optimizer_included(model, pool):
    first, other, again = (trained(model, pool, seed) for seed in (1, 2, 1))
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert abs(first - other).max() > 0.01


@equal_from_the_first_fit_on
def test_a_restarted_run_equals_one_of_a_new_network(model, pool):
    fresh = models.small_cnn()
    training.compile_classifier(fresh, 2e-3)
    trained(model, pool, 7)  # leaves moments in the optimizer
    np.testing.assert_allclose(trained(model, pool, 1), trained(fresh, pool, 1), atol=1e-6)


def test_restart_keeps_the_learning_rate_and_the_frozen_layers(pool):
    network = models.small_cnn()
    network.get_layer("conv1").trainable = False
    training.compile_classifier(network, 0.123)
    training.restart(network, 0)
    assert float(network.optimizer.learning_rate) == pytest.approx(0.123)
    assert not network.get_layer("conv1").trainable


def test_fit_steps_takes_its_steps_however_few_the_examples(model, pool):
    for n in (3, 100):
        training.restart(model, 0)
        training.fit_steps(model, pool.x_train[:n], pool.y_train[:n], steps=5, batch_size=16)
        assert int(model.optimizer.iterations) == 5


class Recorder:
    """In the place of a model: keeps the labels that `fit` is given."""

    def __init__(self):
        self.calls = []

    def fit(self, x, y, **options):
        self.calls.append(y)


def test_fit_steps_shows_each_example_once_before_any_returns(pool):
    recorder = Recorder()
    training.fit_steps(recorder, pool.x_train, np.arange(100), steps=6, batch_size=25)
    (y,) = recorder.calls
    assert sorted(y[:100]) == list(range(100))
    assert len(y) == 150


def test_shift_images_moves_each_image_within_its_reach():
    x = np.zeros((200, 9, 9, 1), "float32")
    x[:, 4, 4] = 1
    moved = training.shift_images(x, 3, np.random.default_rng(0))
    assert moved.shape == x.shape
    _, rows, columns, _ = np.nonzero(moved)
    assert len(rows) == 200
    assert set(rows) == set(columns) == set(range(1, 8))


def test_shift_images_leaves_the_argument_alone():
    x = np.random.default_rng(0).random((5, 6, 6, 1))
    kept = x.copy()
    training.shift_images(x, 2, np.random.default_rng(0))
    np.testing.assert_array_equal(x, kept)


def test_accuracy_is_the_share_of_right_answers(model, pool):
    predicted = model.predict(pool.x_test, verbose=0).argmax(1)
    assert training.accuracy(model, pool.x_test, predicted) == 1
    assert training.accuracy(model, pool.x_test, (predicted + 1) % 10) == 0


def test_label_efficiency_pairs_the_arms_and_goes_on_after_an_interruption(model, pool, tmp_path):
    seen, store = [], tmp_path / "runs"

    def start(arm):
        def begin(seed):
            if len(seen) == 3:
                seen.append("interrupted")
                raise KeyboardInterrupt
            seen.append((arm, seed))
            return training.restart(model, seed)

        return begin

    arms = {"a": start("a"), "b": start("b")}
    options = {"dataset": pool, "labels": [1, 2], "seeds": range(2), "steps": 2, "store": store}
    with pytest.raises(KeyboardInterrupt):
        training.label_efficiency(arms, **options)
    assert len(store.read_text().splitlines()) == 3
    result = training.label_efficiency(arms, **options)
    assert len([s for s in seen if s != "interrupted"]) == 8  # three before, five after
    assert result["a"].shape == (2, 2)
    np.testing.assert_allclose(result["a"], result["b"], atol=1e-6)  # same seed, same everything
    kept = {tuple(k): v for k, v in map(json.loads, store.read_text().splitlines())}
    assert kept[2, 1, "b"] == result["b"][1, 1]


def test_live_curves_are_silent_outside_a_notebook(model, pool, capsys):
    training.restart(model, 0)
    live = training.LiveCurves()
    model.fit(pool.x_train[:32], pool.y_train[:32], epochs=2, verbose=0, callbacks=[live])
    assert capsys.readouterr().out == ""
    assert len(live.history["accuracy"]) == 2


def test_live_curves_redraw_one_figure_in_a_notebook(model, pool, monkeypatch):
    from tlcourse import plotting

    drawn = []
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    monkeypatch.setattr(
        plotting, "redraw", lambda ax, alt, handle: drawn.append((alt, handle)) or "handle"
    )
    training.restart(model, 0)
    model.fit(
        pool.x_train[:32], pool.y_train[:32], validation_split=0.5, epochs=3, verbose=0,
        callbacks=[training.LiveCurves()],
    )  # fmt: skip
    assert drawn[0][1] is None
    assert {handle for _, handle in drawn[1:]} == {"handle"}
    assert "epoch 1 to 3" in drawn[-1][0]
    assert "validation" in drawn[-1][0]


def test_the_networks_have_the_documented_layers_and_sizes():
    article, small = models.article_network(), models.small_cnn(26)
    assert article.count_params() == 54_410
    assert article.output_shape == (None, 10)
    assert [layer.name for layer in small.layers if layer.weights] == [
        "conv1", "conv2", "conv3", "conv4", "head",
    ]  # fmt: skip
    assert small.output_shape == (None, 26)
    probabilities = article.predict(np.ones((3, 28, 28, 1)), verbose=0)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_versions_name_keras_and_its_backend():
    from tlcourse import backend

    assert f"Keras {keras.__version__} on {keras.backend.backend()}" in backend.versions()


def test_importing_keras_through_the_package_writes_nothing():
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", "from tlcourse import backend; import keras"],
        capture_output=True, text=True, check=True, timeout=500,
    )  # fmt: skip
    assert done.stderr == done.stdout == ""


def test_images_laid_out_in_chunks_come_in_the_same_order(pool, monkeypatch):
    seen = []
    for chunk in (2**28, 40 * pool.x_train[0].nbytes):
        monkeypatch.setattr(training, "_CHUNK", chunk)
        recorder = Recorder()
        training.fit_steps(recorder, pool.x_train, np.arange(100), steps=10, batch_size=20)
        seen.append(np.concatenate(recorder.calls))
    np.testing.assert_array_equal(*seen)
    assert len(recorder.calls) == 5


# --- labels and outputs in every form ------------------------------------------------------------

X, Y = np.random.default_rng(0).normal(size=(24, 4)).astype("float32"), np.arange(24) % 2
FORMS = {
    "column": Y[:, None],
    "one-hot": np.eye(2)[Y],
    "booleans": Y == 1,
    "floats": Y.astype("float32"),
    "list": Y.tolist(),
    "objects": Y.astype(object),
}


def network(outputs, activation=None):
    keras.utils.set_random_seed(0)
    head = keras.layers.Dense(outputs, activation, name="head")
    return keras.Sequential([keras.Input((4,)), head])


def after_training(model, y):
    training.compile_classifier(model, 0.1)
    training.fit_steps(model, X, y, steps=3)
    return np.concatenate([w.ravel() for w in model.get_weights()])


@pytest.mark.parametrize(
    ("outputs", "activation"), [(2, None), (2, "softmax"), (1, None), (1, "sigmoid")]
)
def test_training_and_accuracy_do_not_depend_on_the_form_of_the_labels(
    outputs, activation, monkeypatch
):
    model = network(outputs, activation)
    training.compile_classifier(model, 0.1)
    training.fit_steps(model, X, Y, steps=3)
    found, given = training.accuracy(model, X, Y), []
    monkeypatch.setattr(model, "fit", lambda x, y, **options: given.append(y))
    for y in (Y, *FORMS.values()):
        assert training.accuracy(model, X, y) == found
        training.fit_steps(model, X, y, steps=3)
        np.testing.assert_array_equal(given[-1], given[0])
        assert given[-1].dtype == given[0].dtype


def test_the_loss_is_that_of_the_end_of_the_network():
    """Logits and their probabilities are the same network, and learn alike."""
    for outputs in (1, 2):
        ends = (None, "softmax" if outputs > 1 else "sigmoid")
        plain, squashed = (after_training(network(outputs, end), Y) for end in ends)
        np.testing.assert_allclose(plain, squashed, atol=1e-4)
    one, two = network(1), network(2)
    kernel = np.linspace(-1, 1, 4)[:, None]
    one.set_weights([kernel, np.array([0.3])])
    two.set_weights([np.hstack([0 * kernel, kernel]), np.array([0, 0.3])])
    found = []
    for model in (one, two):
        training.compile_classifier(model)
        found.append(model.evaluate(X, Y, verbose=0, return_dict=True))
    assert found[0] == pytest.approx(found[1], abs=1e-5)


@pytest.mark.parametrize("layer", ["Softmax", "Activation", "nested"])
def test_probabilities_are_recognised_however_they_are_made(layer):
    end = {
        "Softmax": lambda: [keras.layers.Softmax()],
        "Activation": lambda: [keras.layers.Activation("softmax")],
        "nested": lambda: [keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])],
    }[layer]()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), *end])
    training.compile_classifier(model)
    assert not model.loss.from_logits


@pytest.mark.parametrize("outputs", [1, 2])
def test_labels_that_are_no_classes_are_refused_before_training(outputs):
    model = network(outputs)
    training.compile_classifier(model)
    before = model.get_weights()
    for y, message in (
        (Y + 1, "y goes from 1 to 2, but the 2 classes are 0 to 1: subtract 1"),
        (2 * Y - 1, r"y goes from -1 to 1.*\(y \+ 1\) // 2"),
        (np.array(["ant", "bee"])[Y], "y holds text, such as 'ant'"),
        (Y + 0.5, "y holds 0.5"),
        (Y[:-1], r"24 images, and labels of the shape \(23,\)"),
        (np.eye(3)[Y], "one-hot with 3 columns, but there are 2 classes"),
        (None, "no labels"),
    ):
        for use in (training.fit_steps, training.accuracy):
            with pytest.raises(ValueError, match=message):
                use(model, X, y)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_loss_of_ones_own_gets_the_labels_that_it_takes():
    for loss, outputs in (("categorical_crossentropy", 2), ("binary_crossentropy", 1)):
        model = network(outputs, "softmax" if outputs > 1 else "sigmoid")
        model.compile("sgd", loss)
        for form in ("column", "one-hot", "objects"):
            training.fit_steps(model, X, FORMS[form], steps=1)
    model.compile("sgd", "mse")  # a regression: any number is a label
    training.fit_steps(model, X, X[:, :1], steps=1)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="the network has one: compile it with training"):
        training.fit_steps(model, X, Y, steps=1)


def test_a_network_without_a_head_and_one_with_several_have_no_accuracy():
    maps = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 1)])
    with pytest.raises(ValueError, match="does it lack a head"):
        training.accuracy(maps, np.zeros((2, 4, 4, 3)), [0, 1])
    inputs = keras.Input((4,))
    several = keras.Model(inputs, [keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)])
    with pytest.raises(ValueError, match="several outputs"):
        training.accuracy(several, X, Y)


@equal_from_the_first_fit_on
def test_a_data_set_with_labels_in_a_column_is_compared_all_the_same(pool):
    arms = {"scratch": lambda seed: start(seed)}
    start = transfer.warm_start(models.small_cnn())
    column = replace(pool, y_train=pool.y_train[:, None], y_test=np.eye(10)[pool.y_test])
    found, expected = (
        training.label_efficiency(arms, data, [2], [0], steps=2)["scratch"]
        for data in (column, pool)
    )
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="subtract 1"):
        training.label_efficiency(arms, replace(pool, y_train=pool.y_train + 1), [2], [0])


# --- tf.data sets --------------------------------------------------------------------------------


def sets():
    tf = pytest.importorskip("tensorflow")
    plain = tf.data.Dataset.from_tensor_slices((X, Y))
    return {
        "batched": plain.batch(7),
        "shuffled": plain.shuffle(24).batch(7),
        "one by one": plain,
        "one-hot": tf.data.Dataset.from_tensor_slices((X, np.eye(2)[Y])).batch(5),
        "column": tf.data.Dataset.from_tensor_slices((X, Y[:, None])).batch(5).prefetch(1),
        "filtered": plain.filter(lambda x, y: y >= 0).batch(4),
    }


@pytest.mark.parametrize("kind", ["batched", "one by one", "one-hot", "column", "filtered"])
def test_a_tf_data_set_is_its_arrays(kind):
    x, y = training.examples(sets()[kind])
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(class_numbers(y), Y)


def test_a_tf_data_set_is_trained_and_judged_like_its_arrays():
    dataset, model = sets()["one-hot"], network(2)
    training.compile_classifier(model, 0.1)
    training.fit_steps(model, dataset, steps=3)
    found = np.concatenate([w.ravel() for w in model.get_weights()])
    np.testing.assert_allclose(found, after_training(network(2), Y), atol=1e-6)
    assert training.accuracy(model, dataset) == training.accuracy(model, X, Y)


def test_a_set_that_shuffles_itself_keeps_images_and_labels_together():
    x, y = training.examples(sets()["shuffled"])
    rows = {row.tobytes(): label for row, label in zip(X, Y, strict=True)}
    assert all(rows[row.tobytes()] == label for row, label in zip(x, y, strict=True))


def test_what_is_neither_arrays_nor_such_a_set_is_refused_in_a_sentence(pool):
    tf = pytest.importorskip("tensorflow")
    plain = tf.data.Dataset.from_tensor_slices((X, Y))
    model = network(2)
    training.compile_classifier(model)
    for given, message in (
        (plain.batch(4).repeat(), "repeats without end"),
        (plain.take(0).batch(4), "the tf.data set is empty"),
        (plain.map(lambda x, y: {"x": x, "y": y}), "must hold images or"),
        (plain.map(lambda x, y: (x, y, 1.0)), "must hold images or"),
        (plain.map(lambda x, y: x).batch(4), "no labels"),
        (iter([(X, Y)]), "not as list_iterator"),
        (
            tf.data.Dataset.from_generator(
                lambda: iter([(X[0], 0), (X[0, :3], 1)]),
                output_signature=(tf.TensorSpec((None,)), tf.TensorSpec((), tf.int32)),
            ),
            "differ in size",
        ),
        (pool, "not as Dataset"),
    ):
        for use in (training.fit_steps, training.accuracy):
            with pytest.raises(ValueError, match=message):
                use(model, given)
    with pytest.raises(ValueError, match="leave y out"):
        training.accuracy(model, plain.batch(4), Y)
