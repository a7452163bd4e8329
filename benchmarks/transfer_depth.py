"""Which layers are worth copying? Chapter 04, section 4, after Yosinski et al. 2014.

    python -m benchmarks.transfer_depth

The first k of four convolutions are copied, and train on or stay frozen; the rest starts from
random. They come from a network that knows 26 printed letters, or, as the control, from the
target's own: a network of the same kind that knows the ten handwritten digits, from 16,000 other
pictures of the same handwriting. Copying the own network loses what neighbouring layers had
learned together; only what the letters lose beyond that is due to their being another source, in
domain and task. `benchmarks.source_distance` tells these two apart.

20 labels per class, five seeds, paired, each with a source network of its own. The learning rate
is tuned for every arm, k and budget, and every score is stored; the last axis is the seed.
`accuracy` holds the smaller budget with the letters as the source. A run that was interrupted goes
on where it stopped.
"""

import sys
from functools import cache

import numpy as np

from benchmarks import warm_starts as base
from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import Kept, at_each_budget, paired_interval
from tlcourse.backend import keras, versions
from tlcourse.data import make_cluttered_digits, make_cluttered_letters

SOURCES = {
    "letters": lambda seed: make_cluttered_letters(16_000, random_state=seed),
    "own": lambda seed: make_cluttered_digits(16_000, random_state=1000 + seed),
}
ARMS = (("letters", "frozen"), ("own", "frozen"), ("letters", "fine-tuned"))
COPIED = list(range(len(base.BACKBONE) + 1))
UNFINISHED = RESULTS / "transfer_depth.unfinished"


@cache
def source(name: str, seed: int) -> keras.Model:
    return base.train_source(SOURCES[name](seed), seed)


def measure(name: str, way: str, copied: int, kept: Kept) -> dict:
    """What is reached with each budget from so many layers of a source."""

    def run(rate: float, seed: int, steps: list[int], held_out: str) -> list[float]:
        arm = (name, copied, way) if copied else ("scratch", 0, "")
        key = (*arm, rate, seed, held_out)
        return kept.run(
            key, steps,
            lambda: base.run(
                source(name, seed) if copied else None,
                copied, copied > 0 and way == "frozen", rate, seed, steps, held_out,
            ),
        )  # fmt: skip

    record = at_each_budget(run, base.RATES, base.BUDGETS, base.SEEDS)
    print(name, way, copied, record, file=sys.stderr, flush=True)
    return record


def main() -> None:
    kept, budgets = Kept(UNFINISHED), list(map(str, base.BUDGETS))
    found = {arm: [measure(*arm, k, kept) for k in COPIED] for arm in ARMS}

    def each(source: str, budget: str, what: str) -> dict[str, list]:
        """For each way, a list over the number of layers that are copied."""
        return {
            way: [record[budget][what] for record in records]
            for (name, way), records in found.items()
            if name == source
        }

    every = {
        budget: {name: each(name, budget, "results") for name in SOURCES} for budget in budgets
    }
    result = {
        "copied": COPIED,
        "labels": base.LABELS,
        "seeds": len(base.SEEDS),
        "steps": base.BUDGETS,
        "accuracy": every[budgets[0]]["letters"],
        "accuracy_at": every,
        "rates": {
            budget: {name: each(name, budget, "setting") for name in SOURCES} for budget in budgets
        },
        "inside": all(
            record[budget]["inside"]
            for records in found.values()
            for record in records
            for budget in budgets
        ),
        # By how much the own network is ahead of the letters where both stay frozen.
        "own_ahead": {
            budget: [
                paired_interval(np.subtract(own, letters))
                for own, letters in zip(
                    arms["own"]["frozen"], arms["letters"]["frozen"], strict=True
                )
            ]
            for budget, arms in every.items()
        },
        "made_with": versions(),
    }
    save("transfer_depth", result)
    UNFINISHED.unlink()


if __name__ == "__main__":
    main()
