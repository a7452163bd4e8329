"""How near must the source be? Chapter 04, section 5.

    python -m benchmarks.source_distance

Three distances from handwritten digits in clutter: printed digits (another domain), printed
letters (another domain and task), stripes (nothing in common). Each distance has three sources of
ten classes and 16,000 images, so that a distance is more than the luck of one network: digits and
stripes in three draws, and ten letters of 26, drawn three times. All four convolutions are copied,
and train on or stay frozen. The control for what freezing alone does is three networks that nobody
has trained: frozen at their random weights.

20 labels per class, five seeds, paired. A source network is trained once and serves all seeds. The
learning rate is tuned for every distance, way and budget, on the mean of the three sources. Every
score is stored, shape (sources, seeds); training from scratch is arm 0 of
`benchmarks.transfer_depth`, with the same labels. `accuracy` holds the mean over the sources at the
smaller budget. A run that was interrupted goes on where it stopped.
"""

import sys
from functools import cache

import numpy as np

from benchmarks import warm_starts as base
from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import Kept, at_each_budget
from tlcourse import data, models
from tlcourse.backend import keras, versions

DRAWS = range(3)  # sources of each distance
IMAGES = 16_000


def ten_letters(draw: int) -> str:
    """Ten letters of the alphabet, in its order."""
    chosen = np.random.default_rng(draw).choice(list(data.LETTERS), 10, replace=False)
    return "".join(sorted(chosen))


SOURCES = {
    "printed digits": lambda draw: data.make_cluttered_letters(
        IMAGES, alphabet=data.DIGITS, random_state=draw
    ),
    "printed letters": lambda draw: data.make_cluttered_letters(
        IMAGES, alphabet=ten_letters(draw), random_state=draw
    ),
    "stripes": lambda draw: data.make_stripes(IMAGES, directions=10, random_state=draw),
}
WAYS = ("frozen", "fine-tuned")
CONTROL = "random weights"
UNFINISHED = RESULTS / "source_distance.unfinished"


@cache
def source(distance: str, draw: int) -> keras.Model:
    if distance == CONTROL:
        keras.utils.set_random_seed(draw)
        return models.small_cnn()
    return base.train_source(SOURCES[distance](draw), draw)


def measure(distance: str, way: str, kept: Kept) -> dict:
    """What is reached with each budget, from each of the three sources of a distance."""

    def run(rate: float, seed: int, steps: list[int], held_out: str) -> list[list[float]]:
        each = [
            kept.run(
                (distance, draw, way, rate, seed, held_out), steps,
                lambda draw=draw: base.run(
                    source(distance, draw), len(base.BACKBONE), way == "frozen", rate, seed, steps,
                    held_out,
                ),
            )
            for draw in DRAWS
        ]  # fmt: skip
        # A longer run that is known already has more results than were asked for.
        return np.transpose([found[: len(steps)] for found in each]).tolist()

    record = at_each_budget(run, base.RATES, base.BUDGETS, base.SEEDS)
    print(distance, way, record, file=sys.stderr, flush=True)
    return record


def main() -> None:
    kept, budgets = Kept(UNFINISHED), list(map(str, base.BUDGETS))
    found = {way: {name: measure(name, way, kept) for name in SOURCES} for way in WAYS}
    found["frozen"][CONTROL] = measure(CONTROL, "frozen", kept)  # fine-tuned, it were scratch

    def each(budget: str, what: str) -> dict:
        return {
            way: {name: record[budget][what] for name, record in records.items()}
            for way, records in found.items()
        }

    every = {
        budget: {
            way: {name: np.transpose(scores).tolist() for name, scores in sources.items()}
            for way, sources in each(budget, "results").items()
        }
        for budget in budgets
    }
    means = {
        way: {name: np.mean(scores, 0).round(4).tolist() for name, scores in sources.items()}
        for way, sources in every[budgets[0]].items()
    }
    result = {
        "labels": base.LABELS,
        "seeds": len(base.SEEDS),
        "sources": len(DRAWS),
        "classes": 10,
        "letters": [ten_letters(draw) for draw in DRAWS],
        "steps": base.BUDGETS,
        "accuracy": means,
        "accuracy_at": every,
        "rates": {budget: each(budget, "setting") for budget in budgets},
        "inside": all(
            record[budget]["inside"]
            for records in found.values()
            for record in records.values()
            for budget in budgets
        ),
        "made_with": versions(),
    }
    save("source_distance", result)
    UNFINISHED.unlink()


if __name__ == "__main__":
    main()
