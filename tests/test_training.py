import json

import numpy as np
import pytest

from tlcourse import models, training
from tlcourse.backend import keras
from tlcourse.data import make_cluttered_digits


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


def test_a_restarted_run_repeats_itself_dropout_and_optimizer_included(model, pool):
    first, other, again = (trained(model, pool, seed) for seed in (1, 2, 1))
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert abs(first - other).max() > 0.01


@pytest.mark.skipif(
    keras.backend.backend() == "torch",
    reason="PyTorch's dropout draws from a global state that the first call to fit disturbs",
)
def test_a_restarted_run_equals_one_of_a_network_built_anew(model, pool):
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


def test_fit_steps_takes_the_steps_it_is_told_however_few_the_examples(model, pool):
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


def test_a_claim_is_asserted_at_quick_scale_and_reported_at_full(monkeypatch, capsys):
    monkeypatch.delenv("TLCOURSE_SCALE", raising=False)
    training.claim(True, "water is wet")
    with pytest.raises(AssertionError, match="does not: water is dry"):
        training.claim(False, "water is dry")
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("TLCOURSE_SCALE", "full")
    training.claim(True, "water is wet")
    training.claim(False, "water is dry")
    assert capsys.readouterr().out == "✔ water is wet\n✘ not here: water is dry\n"


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


def test_images_laid_out_in_lumps_come_in_the_same_order(pool, monkeypatch):
    seen = []
    for lump in (2**28, 40 * pool.x_train[0].nbytes):
        monkeypatch.setattr(training, "_LUMP", lump)
        recorder = Recorder()
        training.fit_steps(recorder, pool.x_train, np.arange(100), steps=10, batch_size=20)
        seen.append(np.concatenate(recorder.calls))
    np.testing.assert_array_equal(*seen)
    assert len(recorder.calls) == 5
