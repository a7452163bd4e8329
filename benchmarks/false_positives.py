"""How often does a test find a difference that is not there? Chapter 06, after Dietterich 1998.

Two learners that are equally good *by construction*: the data have two blocks of features which
carry the same information about the class, independently of each other; learner A sees the first
block, learner B the second. Both are nearest-centroid classifiers. Whatever a test finds is a
false positive. Nominal level 5 %; every test gets the same 300 labelled examples.

- naive: paired t-test over 30 random splits (two thirds to train, one third to test);
- corrected_resampled: the same splits, corrected (Nadeau & Bengio 2003);
- mcnemar: one such split;
- five_by_two_cv: Dietterich's 5×2cv.
"""

import json
import sys
from pathlib import Path

import numpy as np

from tlcourse.evaluation import five_by_two_cv, mcnemar, resampled_t

N, FEATURES, DISTANCE, SPLITS = 300, 10, 1.2, 30
LEVEL = 0.05


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two blocks of features, shape (2, N, FEATURES), and labels 0 or 1."""
    y = rng.permutation(np.arange(N) % 2)
    x = rng.standard_normal((2, N, FEATURES))
    x[:, :, 0] += DISTANCE * y
    return x, y


def predict(x, y, train, test) -> np.ndarray:
    """What both learners answer on the test examples, shape (2, tests)."""
    low, high = (x[:, train][:, y[train] == k].mean(1, keepdims=True) for k in (0, 1))
    direction = high - low
    return (((x[:, test] - (low + high) / 2) * direction).sum(2) > 0).astype(int)


def p_values(rng: np.random.Generator) -> dict[str, float]:
    """Of every test, on one draw of data."""
    x, y = draw(rng)
    differences = []
    for split in range(SPLITS):
        test, train = np.split(rng.permutation(N), [N // 3])
        a, b = predict(x, y, train, test)
        differences.append((a == y[test]).mean() - (b == y[test]).mean())
        if split == 0:
            single = mcnemar(y[test], a, b)
    halves = []
    for _ in range(5):
        one, two = np.split(rng.permutation(N), 2)
        for train, test in ((one, two), (two, one)):
            a, b = predict(x, y, train, test)
            halves.append((a == y[test]).mean() - (b == y[test]).mean())
    return {
        "naive": resampled_t(np.array(differences)),
        "mcnemar": single,
        "five_by_two_cv": five_by_two_cv(np.reshape(halves, (5, 2))),
        "corrected_resampled": resampled_t(np.array(differences), test_share=1 / 2),
    }


def main(seeds: int = 10_000) -> None:
    rows = [p_values(np.random.default_rng(seed)) for seed in range(seeds)]
    rates = {test: float(np.mean([row[test] < LEVEL for row in rows])) for test in rows[0]}
    for test, rate in rates.items():
        error = np.sqrt(rate * (1 - rate) / seeds)
        print(f"{test:20} {rate:.3f} ± {error:.3f}", file=sys.stderr)
    path = Path(__file__).parent / "results" / "false_positives.json"
    path.write_text(json.dumps({"seeds": seeds, "rates": rates}, indent=1) + "\n")
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
