"""Runs of chapter 04's target that begin with copied layers: what two benchmarks share.

20 labels per class, and two budgets of steps. The learning rate is chosen at each of them, on
another draw of the labels and on handwriting that is neither trained nor tested on.
"""

from functools import cache

from benchmarks.label_efficiency import BACKBONE, SHIFT, target
from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import few_labels

LABELS = 20
SEEDS = range(5)
BUDGETS = [400, 1200]  # steps
RATES = (7e-4, 2e-3, 6e-3)  # where the grid begins
data = cache(target)


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
    steps: list[int], held_out: str,
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
    """
    few = few_labels(data(held_out), LABELS, random_state=seed)
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
