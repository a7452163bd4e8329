"""What the checks of sets 04 and 05 suppose of Keras, measured on Keras."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.checks import answer, answers
from tlcourse import training, transfer
from tlcourse.checks import assemble, judge, tasks
from tlcourse.checks.sets import ex05

LAYERS = ("conv4", "conv4_bn", "conv5", "conv5_bn", "head")


def network():
    kinds = {n: keras.layers.Dense(3, name=n) for n in LAYERS}
    kinds |= {n: keras.layers.BatchNormalization(name=n) for n in LAYERS if "bn" in n}
    x = given = keras.Input((2,))
    for layer in kinds.values():
        x = layer(x)
    model = keras.Model(given, x)
    for layer in model.layers:  # as a network that is loaded, frozen
        layer.trainable = False
    return model


def moved(before, model) -> set[str]:
    """The layers of which a weight is another now."""
    return {
        layer.name
        for layer in model.layers
        if any((a != b).any() for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
    }


# Not asked: line E, `model.trainable = True`. With TensorFlow it does nothing while the network's
# own flag is True, as `unfreeze_from` leaves it; with JAX and PyTorch it reaches every layer.
@pytest.mark.parametrize("order", ["FCIGABDKJ", "FCIGADBKJ", "FCGIABDKJ", "FCIGABKJ"])
def test_the_stand_in_of_the_recipe_trains_what_keras_trains(order):
    measured = []

    def fit_steps(model, x, labels, steps):
        before = {layer.name: layer.get_weights() for layer in model.layers}
        training.fit_steps(model, x, labels, steps=2)
        measured.append(moved(before, model))

    x = np.random.default_rng(0).normal(2, 3, (32, 2)).astype("float32")

    real = {
        "models": SimpleNamespace(preprocess=lambda photos: photos),
        "transfer": transfer,
        "training": SimpleNamespace(
            fit_steps=fit_steps,
            compile_classifier=lambda model, learning_rate: training.compile_classifier(model, 0.1),
        ),
    }
    assemble(ex05._LINES, list(order), "fine_tune", real)(network(), x, np.arange(32) % 3)
    stand_in = ex05._Network()
    assemble(ex05._LINES, list(order), "fine_tune", ex05._GIVEN)(stand_in, ex05._Photos(), None)
    assert measured == [fit.trains for fit in stand_in.fits]


def verdict(name, task, code):
    given = answer(name, task, code)
    return judge(tasks(name)[task], given, np.random.default_rng(0), seconds=60).status


@pytest.mark.parametrize(
    ("name", "task", "edits"),
    [
        (
            "ex04",
            "trained",
            {
                "        layer.trainable = layer.name not in frozen\n": "",
                "    target.train_on": "    for layer in target.layers:\n"
                "        layer.trainable = layer.name not in frozen\n    target.train_on",
            },
        ),
        (
            "ex04",
            "repaired",
            {
                "    target = network(10)\n": "    target = network(10)\n"
                "    for layer in target.layers:\n        layer.trainable = False\n",
                "    for _ in": "    for layer in target.layers:\n"
                "        layer.trainable = True\n    for _ in",
            },
        ),
        (
            "ex05",
            "repaired",
            {
                "        for each in model.layers:\n"
                "            each.trainable = each.name in names\n": "",
                "        for _ in": "        for each in model.layers:\n"
                "            each.trainable = each.name in names\n        for _ in",
            },
        ),
        ("ex05", "order", {'"D", "K"': '"K"', '"B"': '"D", "B"'}),
    ],
)  # fmt: skip
def test_what_is_unfrozen_between_compile_and_the_first_step_trains_in_every_task(
    name, task, edits
):
    code = answers("solutions", name)[task]
    for old, new in edits.items():
        assert old in code
        code = code.replace(old, new)
    assert verdict(name, task, code) == "correct"
