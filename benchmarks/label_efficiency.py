"""What is transfer worth over the number of labels? Chapter 04, section 4.

Source: 26 printed letters in clutter. Target: handwritten digits in clutter, tested on
handwriting that no training image shows. Five seeds, paired: labelled images, order and
augmentation are the same for every arm. The settings were chosen on other handwriting:
`python -m benchmarks.label_efficiency --tune` prints that search.

Every arm has 1,200 optimizer steps (`full`), at which more labels still help training from
scratch. `short` holds the same grid at 400 steps, which the chapter recomputes in part, and
`patient` training from scratch with 3,600 steps: does time alone close the gap?

A run that was interrupted goes on where it stopped.
"""

import json
import re
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import Dataset, make_cluttered_digits, make_cluttered_letters

_INNER_LIST = re.compile(r"\[[^][{}]*\]")
RESULTS = Path(__file__).parent / "results"
LABELS = [5, 10, 20, 50, 100]
SEEDS = range(5)
BACKBONE = ("conv1", "conv2", "conv3", "conv4")
STEPS = {"short": 400, "full": 1200, "patient": 3600}
SHIFT = 4  # pixels
# The best of each arm on validation handwriting at 20 labels per class (they turned out equal).
RATES = {"scratch": 2e-3, "fine-tuned": 2e-3, "frozen": 2e-3}


def train_source(data: Dataset | None = None, seed: int = 0) -> keras.Model:
    """The source network of chapter 04, on its letters or on other data."""
    data = data or make_cluttered_letters(16_000, random_state=seed)
    keras.utils.set_random_seed(seed)
    source = models.small_cnn(len(data.class_names))
    training.compile_classifier(source, 2e-3)
    source.fit(data.x_train, data.y_train, batch_size=64, epochs=6, verbose=0)
    return source


def target(held_out: str = "test") -> Dataset:
    """The target task of chapter 04."""
    return make_cluttered_digits(3_000, 1_500, held_out=held_out, random_state=1)


def arms(source: keras.Model, layers=BACKBONE, rates=RATES) -> dict:
    """The three ways to begin."""
    start = transfer.warm_start
    rate = {name: {"learning_rate": value} for name, value in rates.items()}
    return {
        "scratch": start(models.small_cnn(), **rate["scratch"]),
        "fine-tuned": start(models.small_cnn(), source, layers, **rate["fine-tuned"]),
        "frozen": start(models.small_cnn(), source, layers, frozen=True, **rate["frozen"]),
    }


def scores(accuracies: Mapping[str, np.ndarray]) -> dict[str, list]:
    """Every score of every arm, as a benchmark stores them; the last axis is the seed."""
    return {arm: np.round(values, 4).tolist() for arm, values in accuracies.items()}


def save(name: str, result: dict) -> None:
    """Write a result where the chapters find it, and print it as the last line."""
    text = json.dumps(result, indent=1)
    text = _INNER_LIST.sub(lambda row: json.dumps(json.loads(row[0])), text)  # a row, a line
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(json.dumps(result))


def tune() -> None:
    """Learning rates, augmentation and steps of every arm, on validation handwriting."""
    source, data = train_source(), target(held_out="validation")
    for steps, shift, rate in product((400, 1200), (0, 2, 4), (5e-4, 1e-3, 2e-3, 4e-3)):
        starts = arms(source, rates=dict.fromkeys(RATES, rate))
        found = training.label_efficiency(starts, data, [20], range(3), steps=steps, shift=shift)
        row = "  ".join(f"{name} {accuracies.mean():.3f}" for name, accuracies in found.items())
        print(f"steps {steps:4}  shift {shift}  rate {rate:.0e}  {row}", flush=True)


def main() -> None:
    source, data = train_source(), target()
    starts = arms(source)
    accuracy = {}
    for length, steps in STEPS.items():
        chosen = starts if length != "patient" else {"scratch": starts["scratch"]}
        found = training.label_efficiency(
            chosen, data, LABELS, SEEDS, steps=steps, shift=SHIFT,
            store=RESULTS / f"label_efficiency_{length}.unfinished",
        )  # fmt: skip
        accuracy[length] = scores(found)
    result = {"labels": LABELS, "seeds": len(SEEDS), "steps": STEPS, "accuracy": accuracy}
    save("label_efficiency", result)
    for leftover in RESULTS.glob("label_efficiency_*.unfinished"):
        leftover.unlink()


if __name__ == "__main__":
    tune() if "--tune" in sys.argv[1:] else main()
