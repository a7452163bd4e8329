"""One score, of one seed, without a baseline and on unequal classes, says next to nothing."""

import numpy as np
from sklearn.metrics import balanced_accuracy_score

RNG = np.random.default_rng(0)


def test_mistake_on_unequal_classes_the_most_frequent_answer_scores_95_per_cent():
    y = (RNG.random(1000) < 0.05).astype(int)
    always_0 = np.zeros_like(y)
    assert np.mean(always_0 == y) > 0.93
    assert balanced_accuracy_score(y, always_0) == 0.5, "the way out: every class counts the same"


def test_mistake_with_one_seed_each_the_worse_of_two_methods_often_wins():
    better, worse = RNG.normal(0.02, 0.02, 10_000), RNG.normal(0, 0.02, 10_000)
    assert np.mean(worse > better) > 0.2


def test_way_out_the_mean_of_five_paired_seeds_seldom_errs():
    data = RNG.normal(0, 0.018, (10_000, 5))  # shared by both methods at one seed
    better, worse = (mean + data + RNG.normal(0, 0.009, data.shape) for mean in (0.02, 0))
    assert np.mean(worse.mean(1) > better.mean(1)) < 0.01
