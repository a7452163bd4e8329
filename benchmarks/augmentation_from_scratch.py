"""Which augmentation helps a network that learns to see? Chapter 03, section 5.

    python -m benchmarks.augmentation_from_scratch

Two tasks with 28×28 pixels, the same small network from random weights, five seeds, paired: at one
seed every arm has the same labelled pictures.

- digits: handwriting in clutter, 20 labels per class, tested on handwriting that no training
  picture shows;
- textures: pieces of photographs of brick, grass and gravel, five labels per class, tested on the
  other half of each photograph.

On the digits one arm more leaves out dropout, which all others have.

Two budgets of steps are compared. The learning rate is tuned for each arm at each budget, on
another draw of the labels and on pictures that are neither trained nor tested on; the grid grows
until its best value is not at its edge. A run of the long budget passes the short one on its way,
so one run counts for both where the rate is the same.

A run that was interrupted goes on where it stopped. (`benchmarks.augmentation` asks the same of
features that are frozen.)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import TUNING_SEED, Kept, at_each_budget
from tlcourse import models, training
from tlcourse.backend import keras, versions
from tlcourse.data import Dataset, few_labels, load_textures, make_cluttered_digits

layers = keras.layers
SIDE, REACH = 28, 4  # pixels
SEEDS = range(5)
RATES = (7e-4, 2e-3, 6e-3)  # where the grid begins
UNFINISHED = RESULTS / "augmentation_from_scratch.unfinished"


def crop() -> list[keras.layers.Layer]:
    """A random window of the old size, of the picture in a black frame of four pixels."""
    reach = REACH / SIDE
    return [layers.RandomTranslation(reach, reach, "constant", "nearest")]


def flip() -> list[keras.layers.Layer]:
    return [layers.RandomFlip("horizontal")]


@dataclass(frozen=True)
class Task:
    """Pictures, how many of each class are labelled, and the arms."""

    data: Callable[[str], Dataset]  # "validation" or "test" says what is kept for measuring
    labels: int  # per class
    budgets: list[int]  # steps, the short one and the long one
    arms: dict[str, Callable[[], list]]


@cache
def digits(held_out: str) -> Dataset:
    """The cluttered digits of the chapter; for validation, its validation images."""
    whole = make_cluttered_digits(2_000, 1_500, random_state=3)
    if held_out == "test":
        return whole
    other = make_cluttered_digits(1, 1_000, held_out=held_out, random_state=4)
    return replace(whole, x_test=other.x_test, y_test=other.y_test)


@cache
def textures(held_out: str) -> Dataset:
    """Grey pieces in 0–1; for validation, those of the training half that are not drawn."""
    whole = load_textures(SIDE)
    x_train, x_test = (x[..., :1].astype("float32") / 255 for x in (whole.x_train, whole.x_test))
    whole = replace(whole, x_train=x_train, x_test=x_test)
    if held_out == "test":
        return whole
    places = np.arange(len(x_train))
    drawn = few_labels(replace(whole, x_train=places), TASKS["textures"].labels, TUNING_SEED)
    left = np.setdiff1d(places, drawn.x_train)
    return replace(whole, x_test=x_train[left], y_test=whole.y_train[left])


TASKS = {
    "textures": Task(
        textures,
        5,
        [150, 600],
        {
            "as they are": list,
            "flip": flip,
        },
    ),
    "digits": Task(
        digits,
        20,
        [150, 600],
        {
            "as they are": list,
            "no dropout": list,
            "crop": crop,
            "crop, flip": lambda: crop() + flip(),
        },
    ),
}


@cache
def network(task: str, arm: str) -> keras.Model:
    """`small_cnn` behind the augmentation of an arm, with its dropout unless the arm has none."""
    small = models.small_cnn(len(TASKS[task].data("test").class_names)).layers
    small = [layer for layer in small if layer.name != "dropout" or arm != "no dropout"]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *TASKS[task].arms[arm](), *small])
    training.compile_classifier(model)
    model.steps_per_execution = 25  # at a time, which costs less beside so small a network
    return model


def run(task: str, arm: str, rate: float, seed: int, steps: list[int], held_out: str) -> list:
    """Training accuracy and accuracy on what is held out, after each number of steps."""
    few = few_labels(TASKS[task].data(held_out), TASKS[task].labels, random_state=seed)
    model, done, found = network(task, arm), 0, []
    training.restart(model, seed)
    model.optimizer.learning_rate.assign(rate)
    for goal in steps:
        training.fit_steps(model, few.x_train, few.y_train, steps=goal - done, seed=seed + done)
        done = goal
        pairs = (few.x_train, few.y_train), (few.x_test, few.y_test)
        found.append([round(training.accuracy(model, x, y), 4) for x, y in pairs])
    return found


def measure(task: str, arm: str, kept: Kept) -> dict:
    """What one arm reaches with each budget, at the rate that is best for it there."""

    def known(rate: float, seed: int, steps: list[int], held_out: str) -> list:
        key = (task, arm, rate, seed, held_out)
        return kept.run(key, steps, lambda: run(task, arm, rate, seed, steps, held_out))

    found = at_each_budget(known, RATES, TASKS[task].budgets, SEEDS, score=lambda pair: pair[1])
    return {
        budget: {
            "rate": record["setting"],
            "inside": record["inside"],
            "train": [train for train, _ in record["results"]],
            "test": [test for _, test in record["results"]],
        }
        for budget, record in found.items()
    }


def main() -> None:
    kept, tasks = Kept(UNFINISHED), {}
    for name, task in TASKS.items():
        arms = {arm: measure(name, arm, kept) for arm in task.arms}
        tasks[name] = {"labels": task.labels, "budgets": task.budgets, "arms": arms}
    about = {"seeds": len(SEEDS), "batch": 32, "made_with": versions()}
    save("augmentation_from_scratch", about | {"tasks": tasks})
    UNFINISHED.unlink()


if __name__ == "__main__":
    main()
