"""What is transfer worth over the number of labels? Chapter 04, section 3.

    python -m benchmarks.label_efficiency

Source: 26 printed letters in clutter. Target: handwritten digits in clutter, tested on handwriting
that no training image shows. Four arms, at 1, 5, 20 and 100 labels per class:

- scratch: random weights, and everything trains;
- fine-tuned: all four convolutions are the source's, and everything trains;
- frozen: logistic regression on what the four convolutions of the source return, of eight shifted
  copies of each labelled image;
- pixels: logistic regression on the 784 pixels, to which shifts gave nothing.

Scratch and fine-tuned see their images shifted by up to four pixels, other ones in each step.

Five seeds, paired: at one seed every arm sees the same labelled images, and the copies come from
the same source network, another one for each seed. Two budgets of steps for the arms that train.
Learning rate and C are tuned for every arm, number of labels and budget, on handwriting that is
neither trained nor tested on. Every score is stored, shape (labels, seeds). The two regressions
are solved, so that they are the same at both budgets. A run that was interrupted goes on where it
stopped.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import permutations, product
from pathlib import Path

import numpy as np

from benchmarks import warm_starts as base
from benchmarks.tuned import TUNING_SEED, Kept, at_each_budget, paired_interval
from tlcourse import training
from tlcourse.backend import keras, versions
from tlcourse.data import few_labels, make_cluttered_letters
from tlcourse.rivals import logistic_regression

_INNER_LIST = re.compile(r"\[[^][{}]*\]")
RESULTS = Path(__file__).parent / "results"
LABELS = [1, 5, 20, 100]
TRAINED = ("scratch", "fine-tuned")
SOLVED = ("frozen", "pixels")
COPIED = ("fine-tuned", "frozen")
STRENGTHS = (1e-4, 1e-3, 1e-2)  # C, where the grid begins
COPIES = 8  # shifted ones of each labelled image, for the arm that is solved on features
UNFINISHED = RESULTS / "label_efficiency.unfinished"


def scores(accuracies: Mapping[str, np.ndarray]) -> dict[str, list]:
    """Every score of every arm, as a benchmark stores them; the last axis is the seed."""
    return {arm: np.round(values, 4).tolist() for arm, values in accuracies.items()}


def save(name: str, result: dict) -> None:
    """Write a result where the chapters find it, and print it as the last line."""
    text = json.dumps(result, indent=1)
    text = _INNER_LIST.sub(lambda row: json.dumps(json.loads(row[0])), text)  # a row, a line
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(json.dumps(result))


def solve(x_few, y_few, x, y, strength: float) -> float:
    """Accuracy on `x`, `y` of the logistic regression on `x_few`, `y_few`."""
    kernel, bias = logistic_regression(x_few, y_few, strength)
    return round(float(np.mean((x @ kernel + bias).argmax(1) == y)), 4)


def compared(
    score, labels: Sequence[int], budgets: list[int], rates: Iterable[float], draws: int = 1
) -> dict:
    """What four arms reach, each tuned at every number of labels and at every budget.

    Parameters
    ----------
    score : function
        ``score(arm, labels, setting, seed, steps, held_out)`` returns an accuracy for each number
        of steps, or a single one where nothing trains.
    labels, budgets : list of int
        Per class; in steps, growing.
    rates : iterable of float
        Where the grid of the arms that train begins.
    draws : int
        On so many draws of one label per class a setting is chosen.
    """
    accuracy, settings, inside = {}, {}, True
    for arm, n in product((*SOLVED, *TRAINED), labels):

        def run(setting: float, seed: int, steps: list, held_out: str, arm=arm, n=n) -> list[float]:
            several = draws if n == 1 and held_out == "validation" else 1
            seeds = range(seed, seed + several)
            found = [score(arm, n, setting, draw, steps, held_out)[: len(steps)] for draw in seeds]
            return np.mean(found, 0).tolist()

        if arm in SOLVED:
            record = at_each_budget(run, STRENGTHS, budgets[-1:], base.SEEDS)
            record = dict.fromkeys(map(str, budgets), record[str(budgets[-1])])
        else:
            record = at_each_budget(run, rates, budgets, base.SEEDS)
        print(arm, n, record, file=sys.stderr, flush=True)
        for budget, found in record.items():
            accuracy.setdefault(budget, {}).setdefault(arm, []).append(found["results"])
            settings.setdefault(budget, {}).setdefault(arm, []).append(found["setting"])
            inside &= found["inside"]

    def lead(arm: str, rival: str) -> dict:
        """By how much it is ahead at each number of labels: see `paired_interval`."""
        return {
            budget: [
                paired_interval(np.subtract(*pair))
                for pair in zip(arms[arm], arms[rival], strict=True)
            ]
            for budget, arms in accuracy.items()
        }

    pairs = [(arm, rival) for arm, rival in permutations((*TRAINED, *SOLVED), 2)]
    return {
        "labels": list(labels),
        "seeds": len(base.SEEDS),
        "steps": budgets,
        "accuracy": accuracy,
        "settings": settings,
        "inside": inside,
        "lead": {f"{arm} over {rival}": lead(arm, rival) for arm, rival in pairs if arm in COPIED},
        "made_with": versions(),
    }


@cache
def network(seed: int) -> keras.Model:
    return base.train_source(make_cluttered_letters(16_000, random_state=seed), seed)


def source(seed: int) -> keras.Model:
    """Of this seed; settings are chosen with the sources of the first seeds."""
    return network(seed % TUNING_SEED)


@cache
def described(seed: int, held_out: str) -> np.ndarray:
    return base.features(source(seed), base.data(held_out).x_test)


def main() -> None:
    kept = Kept(UNFINISHED)

    def score(arm: str, labels: int, setting: float, seed: int, steps: list, held_out: str):
        if arm in TRAINED:
            copied = len(base.BACKBONE) if arm == "fine-tuned" else 0
            return kept.run(
                (arm, labels, setting, seed, held_out), steps,
                lambda: base.run(
                    source(seed) if copied else None, copied, False, setting, seed, steps,
                    held_out, labels,
                ),
            )  # fmt: skip
        few = few_labels(base.data(held_out), labels, random_state=seed)
        if arm == "pixels":
            flat, x = (images.reshape(len(images), -1) for images in (few.x_train, few.x_test))
            return [solve(flat, few.y_train, x, few.y_test, setting)]
        rng = np.random.default_rng(seed)
        copies = [training.shift_images(few.x_train, base.SHIFT, rng) for _ in range(COPIES)]
        x_few = base.features(source(seed), np.concatenate(copies))
        x, y_few = described(seed, held_out), np.tile(few.y_train, COPIES)
        return [solve(x_few, y_few, x, few.y_test, setting)]

    save("label_efficiency", compared(score, LABELS, base.BUDGETS, base.RATES))
    UNFINISHED.unlink()


if __name__ == "__main__":
    main()
