"""The benchmark of small budgets: what trains in each arm, its losses, its runs, what is stored."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import budgets
from tlcourse import training
from tlcourse.backend import keras
from tlcourse.evaluation import softmax
from tlcourse.transfer import unfreeze_from

layers = keras.layers


@pytest.fixture(scope="module")
def upper():
    """A part with convolutions of both kinds, of which the course froze the normalisation."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 6)),
            layers.Conv2D(20, 1, name="expand"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Conv2D(18, 3, name="conv"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(3, name="head"),
        ]
    )
    model.get_layer("norm").set_weights(np.random.default_rng(0).uniform(0.5, 2, (4, 20)))
    unfreeze_from(model, "expand")
    return model


@pytest.mark.parametrize(
    ("arm", "names"),
    [
        (budgets.LAST, set()),
        ("γ and β", {"norm/gamma", "norm/beta"}),
        ("biases", {"expand/bias", "norm/beta", "conv/bias"}),
        ("kernels", {"expand/kernel", "expand/bias", "conv/kernel", "conv/bias"}),
        ("all weights", {"expand/kernel", "expand/bias", "norm/gamma", "norm/beta", "conv/kernel",
                         "conv/bias"}),
        ("LoRA 4", {"expand/a", "expand/b"}),
    ],
)  # fmt: skip
def test_an_arm_trains_what_its_name_says_and_no_statistics(arm, names, upper):
    model = budgets.network(arm, upper)
    x = np.random.default_rng(1).normal(3, 2, (8, 4, 4, 6)).astype("float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), upper.predict(x, verbose=0), atol=1e-5)

    def values():
        weights = model.weights
        found = {"/".join(v.path.split("/")[-2:]): keras.ops.convert_to_numpy(v) for v in weights}
        return {name: value.copy() for name, value in found.items()}

    before = values()
    training.compile_classifier(model, 0.01)
    training.fit_steps(model, x, np.arange(8) % 3, steps=3, batch_size=8)
    moved = {name for name, value in values().items() if not np.array_equal(value, before[name])}
    assert moved == names | {"head/kernel", "head/bias"}
    assert budgets.costs(model)["trained"] == sum(before[name].size for name in moved)


def test_the_loss_of_distillation_is_its_formula():
    rng = np.random.default_rng(0)
    p, teacher, z = np.eye(4)[[0, 2]], rng.normal(0, 3, (2, 4)), rng.normal(0, 3, (2, 4))
    for temperature, hard in ((1, 1), (2, 0.5), (4, 0)):
        of_labels = -(p * np.log(softmax(z))).sum(1)
        of_teacher = -(softmax(teacher, temperature) * np.log(softmax(z, temperature))).sum(1)
        expected = np.mean(hard * of_labels + (1 - hard) * temperature**2 * of_teacher)
        loss = budgets.Distillation(temperature, hard)
        found = loss(np.concatenate([p, teacher], 1).astype("float32"), z.astype("float32"))
        assert float(found) == pytest.approx(expected, rel=1e-5)


def test_two_settings_are_tuned_together_and_both_grids_grow():
    def score(second, rate):
        return -abs(np.log10(rate / 1e-4)) - abs(np.log2(second / 8))

    second, rate, inside = budgets.tune_both(score, (1.0, 2.0, 4.0))
    assert (second, inside) == (8, True)
    assert rate == pytest.approx(1e-4, rel=0.1)
    assert budgets.tune_both(lambda second, rate: -abs(rate - 3e-3), None) == (None, 3e-3, True)


def test_crops_are_squares_of_all_sample_photographs():
    crops = budgets.sample_crops(64)
    assert crops.shape == (9 * budgets.CROPS, 64, 64, 3)
    assert crops.dtype == "uint8"
    assert len({crop.tobytes() for crop in crops}) == len(crops)


# --- the runs ------------------------------------------------------------------------------------


@pytest.fixture
def invented(monkeypatch, tmp_path):
    """A benchmark that trains nothing; settings are best inside of their grids."""

    def of(setting, seed, best):
        return round(0.9 - 0.1 * abs(np.log10(setting / best)) - 0.001 * seed, 4)

    def fine_tune(arm, rate, seed, steps, held_out, strength):
        assert strength == 1e-3
        gain = 0.01 * len(arm)
        return [{"accuracy": of(rate, seed, 2e-3) + gain, "seconds": n / 10} for n in steps]

    def learn(arm, second, rate, seed, steps, held_out, strength):
        bonus = 0 if second is None else -abs(np.log2(second / budgets.ARMS[arm][1])) / 100
        return [of(rate, seed, 3e-3) + bonus for _ in steps]

    nothing = SimpleNamespace(base=SimpleNamespace(features=None, model=None))
    nothing.y = nothing.drawn = nothing.kept_back = nothing.test = nothing.model = None
    nothing.draw = lambda labels, seed: None
    record = {"setting": 1e-3, "inside": True, "results": [0.5] * 5}
    for name, replaced in {
        "STORE": tmp_path / "budgets.jsonl",
        "heads_untrained": lambda name, kind: record,
        "stripes": lambda: nothing,
        "network": lambda *_: None,
        "trainer": lambda arm: (nothing, None),
        "costs": lambda model: {"trained": 1, "bytes": {"weights": 4}},
        "solved": lambda *_: dict(record),
        "clutter": lambda: (None, np.zeros((4, 2)), np.zeros(4)),
        "round_off": lambda name, level: {"bytes": level, "heads": {"textures": record}},
        "exchange": lambda numbers: {"bytes": 4 * numbers, "seconds": [0.1]},
        "fine_tune": fine_tune,
        "learn": learn,
    }.items():
        monkeypatch.setattr(budgets, name, replaced)
    monkeypatch.setattr(budgets.sources, "target", lambda name: nothing)
    monkeypatch.setattr("benchmarks.label_efficiency.RESULTS", tmp_path)


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_parts_run_alone_and_what_is_stored_is_not_computed_again(invented, monkeypatch, capsys):
    budgets.main(["--minutes", "0"])
    empty = last_line(capsys)
    assert all(empty[part] == {} for part in budgets.PARTS)
    budgets.main(["--only", "bits", "machines"])
    part = last_line(capsys)
    assert not part["complete"]
    assert part["recipes"] == {}
    assert set(part["bits"]) == set(budgets.NETWORKS)
    budgets.main([])
    whole = last_line(capsys)
    assert whole["complete"]
    assert whole["seeds"] == 5
    for arm in (*budgets.TRAINED, *budgets.ADAPTED):
        for budget in budgets.STEPS:
            found = whole["recipes"][arm][str(budget)]
            assert found["inside"]
            assert len(found["results"]) == len(found["seconds"]) == 5
    mean, low, high = whole["gain"]["all weights over last layer"]
    assert low < mean < high
    for arm, grid in budgets.ARMS.items():
        for found in whole["distil"][arm].values():
            assert found["inside"]
            assert found["second"] == (grid[1] if grid else None)
    measures = ("fine_tune", "learn", "round_off", "heads_untrained", "solved", "costs", "exchange")
    for name in measures:
        monkeypatch.setattr(budgets, name, None)
    budgets.main([])
    assert last_line(capsys) == whole


def test_an_exchange_is_measured_between_two_processes():
    found = budgets.exchange(1000)
    assert found["bytes"] == 4000
    assert len(found["seconds"]) == 20
    assert min(found["seconds"]) > 0


def test_the_parts_are_said_with_their_minutes(capsys):
    budgets.main(["--parts"])
    said = capsys.readouterr().out
    assert all(part in said for part in budgets.PARTS)
    assert set(budgets.MINUTES) == set(budgets.PARTS)
