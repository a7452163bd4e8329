"""Each score against another way to compute it, and what may change without changing it."""

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import LedoitWolf

from tlcourse.transferability import few_label_accuracy, h_score, leep, log_me


def cloud(n=30, d=4, classes=3, apart=1.0, seed=0):
    """Features of n images in d columns, whose classes lie apart, and their labels."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.normal(0, 1, (n, d)) + apart * rng.normal(0, 1, (classes, d))[y], y


# --- LEEP --------------------------------------------------------------------------------------


def test_leep_of_a_table_that_is_done_by_hand():
    p = np.array([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.4, 0.6]])
    # Of class z=0 the images hold 2.0 in all: 1.4 of label 0 and 0.6 of label 1. So P(0|0) = 0.7.
    expected = np.log([0.8 * 0.7 + 0.2 * 0.3, 0.6 * 0.7 + 0.4 * 0.3] * 2).mean()
    assert leep(p, [0, 0, 1, 1]) == pytest.approx(expected)


def test_leep_is_zero_where_each_source_class_means_one_target_class():
    assert leep(np.eye(4)[[0, 1, 2, 3]], [0, 0, 1, 1]) == 0


def test_leep_of_a_source_that_says_the_same_of_all_is_the_entropy_of_the_labels():
    y = np.array([0, 0, 0, 1])
    constant = np.tile([0.2, 0.5, 0.3], (4, 1))
    assert leep(constant, y) == pytest.approx((3 * np.log(0.75) + np.log(0.25)) / 4)


def test_leep_knows_no_order_of_source_classes_and_ignores_one_that_never_occurs():
    p = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    y = np.arange(20) % 3
    assert leep(p[:, ::-1], y) == pytest.approx(leep(p, y))
    assert leep(np.hstack([p, np.zeros((20, 2))]), y) == pytest.approx(leep(p, y))


# --- LogME -------------------------------------------------------------------------------------


def exact_evidence(f, target, alpha, beta):
    cov = np.eye(len(f)) / beta + f @ f.T / alpha
    return stats.multivariate_normal.logpdf(target, np.zeros(len(f)), cov)


@pytest.mark.parametrize(("n", "d"), [(30, 4), (12, 40), (9, 9)])
def test_log_me_is_the_largest_evidence_of_a_bayesian_regression(n, d):
    f, y = cloud(n, d, apart=0.5)
    strengths = 10 ** np.linspace(-4, 5, 181)
    best = []
    for k in range(3):
        target, values = (y == k).astype(float), []
        # β is the one that is best beside each ratio, which is known in closed form.
        for t in strengths:
            inverse = np.linalg.inv(np.eye(n) + f @ f.T / t)
            beta = n / (target @ inverse @ target)
            values.append(exact_evidence(f, target, t * beta, beta))
        best.append(max(values))
    found = log_me(f, y)
    assert found >= np.mean(best) / n - 1e-9, "no ratio of the grid is better"
    assert found == pytest.approx(np.mean(best) / n, abs=2e-3), "and the grid comes close"


def test_log_me_does_not_see_scale_rotation_or_the_order_of_images():
    f, y = cloud()
    rotation = stats.ortho_group.rvs(4, random_state=0)
    order = np.random.default_rng(1).permutation(len(y))
    for changed in (1e6 * f, 1e-6 * f, f @ rotation, f[:, ::-1]):
        assert log_me(changed, y) == pytest.approx(log_me(f, y))
    assert log_me(f[order], y[order]) == pytest.approx(log_me(f, y))


def test_log_me_sees_a_shift_because_it_has_no_intercept():
    f, y = cloud()
    assert abs(log_me(f + 3, y) - log_me(f, y)) > 0.01


def test_log_me_prefers_features_that_hold_the_labels():
    good, y = cloud(60, 8, apart=3)
    noise = np.random.default_rng(1).normal(0, 1, good.shape)
    assert log_me(good, y) > log_me(noise, y)
    assert h_score(good, y) > h_score(noise, y)
    assert few_label_accuracy(good, y) > few_label_accuracy(noise, y) + 0.3


def test_features_that_say_nothing_have_finite_scores():
    y = np.arange(12) % 3
    for f in (np.zeros((12, 5)), np.ones((12, 5)), np.eye(3)[y]):
        assert np.isfinite([log_me(f, y), h_score(f, y), few_label_accuracy(f, y)]).all()
    n, one_hot = 12, np.eye(3)[y]
    alone = -0.5 * (np.log(2 * np.pi * one_hot[:, 0] @ one_hot[:, 0] / n) + 1)
    assert log_me(np.zeros((12, 5)), y) == pytest.approx(alone), "noise alone explains the labels"


# --- H-score -----------------------------------------------------------------------------------


def test_h_score_of_one_feature_is_the_share_of_the_variance_between_the_classes():
    f = np.array([[0.0], [2.0], [4.0], [6.0]])  # means 1 and 5, variance 5, between them 4
    assert h_score(f, [0, 0, 1, 1], shrink=False) == pytest.approx(4 / 5)


def test_plain_h_score_follows_its_definition():
    f, y = cloud()
    means = np.array([f[y == k].mean(0) for k in range(3)])[y]
    expected = np.trace(np.linalg.pinv(np.cov(f.T)) @ np.cov(means.T))
    assert h_score(f, y, shrink=False) == pytest.approx(expected)
    linear = f @ np.random.default_rng(0).normal(0, 1, (4, 4)) + 5
    assert h_score(linear, y, shrink=False) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "d"), [(30, 4), (12, 40)])
def test_shrunk_h_score_follows_its_definition(n, d):
    f, y = cloud(n, d)
    fitted = LedoitWolf().fit(f)
    means = np.array([f[y == k].mean(0) for k in range(3)])[y]
    between = np.cov(means.T, bias=True)
    expected = (1 - fitted.shrinkage_) * np.trace(np.linalg.inv(fitted.covariance_) @ between)
    assert h_score(f, y) == pytest.approx(expected)
    assert h_score(7 - 3 * f, y) == pytest.approx(expected)


def test_plain_h_score_is_the_same_for_every_source_with_more_features_than_images():
    y = np.arange(20) % 4
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(0, 1, (20, 50))
        assert h_score(noise, y, shrink=False) == pytest.approx(3), "classes less one"
        assert h_score(noise, y) < 2.9


# --- the plain rival ---------------------------------------------------------------------------


def test_few_label_accuracy_judges_images_that_were_left_out():
    y = np.arange(40) % 2
    noise = np.random.default_rng(0).normal(0, 1, (40, 200))  # which separates any labels
    assert few_label_accuracy(noise, y) < 0.8
    assert few_label_accuracy(y[:, None] * 1.0, y) == 1


# --- what goes in ------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [log_me, h_score, few_label_accuracy])
@pytest.mark.parametrize(
    ("features", "y", "message"),
    [
        (np.ones((4, 2)), [0, 1, 0], "4 images and 3 labels"),
        (np.ones((4, 2)), [0, 0, 0, 0], "one class"),
        (np.ones((4, 2)), [0, 0, 2, 2], "class 1 has no labelled image"),
        (np.ones((4, 2)), [-1, 0, 1, 1], "holds -1"),
        (np.ones((4, 2)), ["a", "b", "a", "b"], "text"),
        (np.full((4, 2), np.nan), [0, 0, 1, 1], "NaN or infinity, first in row 0"),
        (np.ones((4, 2, 2, 3)), [0, 0, 1, 1], "average over height and width"),
        (np.ones((0, 2)), [], "shape"),
        ([["a"]], [0], "array of numbers"),
    ],
)
def test_bad_input_gets_one_clear_sentence(score, features, y, message):
    with pytest.raises(ValueError, match=message):
        score(features, y)


def test_leep_refuses_logits_and_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="sum to 1"):
        leep([[2.0, -1.0], [0.0, 3.0]], [0, 1])
    with pytest.raises(ValueError, match="2 images and 3 labels"):
        leep(np.full((2, 2), 0.5), [0, 1, 1])


def test_cross_validation_needs_two_images_of_each_class():
    with pytest.raises(ValueError, match="class 1 has one labelled image"):
        few_label_accuracy(np.ones((3, 2)), [0, 0, 1])
