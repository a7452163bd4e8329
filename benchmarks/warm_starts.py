"""Runs of chapter 04's target that begin with copied layers: what three benchmarks share.

20 labels per class unless another number is given, and two budgets of steps. The learning rate is
chosen at each of them, on another draw of the labels and on handwriting that is neither trained
nor tested on.
"""

from functools import cache

import numpy as np

from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import Dataset, few_labels, make_cluttered_digits

BACKBONE = ("conv1", "conv2", "conv3", "conv4")
SHIFT = 4  # pixels
LABELS = 20
SEEDS = range(5)
BUDGETS = [400, 1200]  # steps
RATES = (7e-4, 2e-3, 6e-3)  # where the grid begins


@cache
def data(held_out: str = "test") -> Dataset:
    """The target task of chapter 04."""
    return make_cluttered_digits(3_000, 1_500, held_out=held_out, random_state=1)


def train_source(letters: Dataset, seed: int = 0) -> keras.Model:
    """The source network of chapter 04, on its letters or on other data."""
    keras.utils.set_random_seed(seed)
    source = models.small_cnn(len(letters.class_names))
    training.compile_classifier(source, 2e-3)
    source.fit(letters.x_train, letters.y_train, batch_size=64, epochs=6, verbose=0)
    return source


def features(source: keras.Model, x: np.ndarray) -> np.ndarray:
    """What the source's four convolutions return, shape (n, 576)."""
    below = keras.Model(source.inputs, source.get_layer("flatten").output)
    return below.predict(x, batch_size=500, verbose=0)


@cache
def network(copied: int, frozen: bool) -> keras.Model:
    """The target's network, compiled; its first layers wait for their weights."""
    model = models.small_cnn()
    for name in BACKBONE[:copied]:
        model.get_layer(name).trainable = not frozen
    training.compile_classifier(model)
    model.steps_per_execution = 25  # at a time, which costs less beside so small a network
    return model


def run(
    source: keras.Model | None, copied: int, frozen: bool, rate: float, seed: int,
    steps: list[int], held_out: str, labels: int = LABELS,
) -> list[float]:  # fmt: skip
    """Accuracy on what is held out after each number of steps, of one run.

    Parameters
    ----------
    source : keras.Model or None
        Where the first `copied` convolutions come from.
    copied : int
    frozen : bool
        Whether these stay as they are.
    rate : float
        Learning rate of Adam.
    seed : int
        Of the labels that are drawn, the weights that are not copied, order and shifts.
    steps : list of int
        From the start of the run, growing.
    held_out : {"test", "validation"}
    labels : int
        Per class.
    """
    few = few_labels(data(held_out), labels, random_state=seed)
    model, done, found = network(copied, frozen), 0, []
    training.restart(model, seed)
    model.optimizer.learning_rate.assign(rate)
    if copied:
        transfer.copy_weights(source, model, BACKBONE[:copied])
    for goal in steps:
        training.fit_steps(
            model, few.x_train, few.y_train,
            steps=goal - done, shift=SHIFT, seed=seed + done,
        )  # fmt: skip
        done = goal
        found.append(round(training.accuracy(model, few.x_test, few.y_test), 4))
    return found
