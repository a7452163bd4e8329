"""Statistics: against SciPy and scikit-learn where they have it, by properties elsewhere."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import log_loss

from benchmarks import false_positives
from tlcourse import evaluation, models

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=40)


def rng_of(seed):
    return np.random.default_rng(seed)


# --- one number ----------------------------------------------------------------------------------


def test_with_the_examples_needed_the_difference_is_found_as_often_as_asked():
    n = evaluation.examples_needed(0.92, 0.94)
    rng = rng_of(0)
    low, high = rng.binomial(n, 0.92, 4000) / n, rng.binomial(n, 0.94, 4000) / n
    mean = (low + high) / 2
    z = (high - low) / np.sqrt(2 * mean * (1 - mean) / n)
    assert abs(np.mean(abs(z) > stats.norm.isf(0.025)) - 0.8) < 0.025


@FEW
@given(st.floats(0.1, 0.8), st.floats(0.02, 0.15))
def test_a_smaller_difference_and_more_power_need_more_examples(low, step):
    needed = evaluation.examples_needed
    assert needed(low, low + step) == needed(low + step, low)
    assert needed(low, low + step / 2) > needed(low, low + step)
    assert needed(low, low + step, power=0.9) > needed(low, low + step)


@pytest.mark.parametrize("values", [(0.9, 0.9), (0, 0.5), (0.5, 1.2)])
def test_impossible_accuracies_are_refused(values):
    with pytest.raises(ValueError, match=str(values[0])):
        evaluation.examples_needed(*values)


# --- A against B ---------------------------------------------------------------------------------


@FEW
@given(SEEDS, st.integers(1, 200))
def test_mcnemar_is_the_exact_test_less_half_of_what_was_seen(seed, n):
    rng = rng_of(seed)
    y, a, b = rng.integers(0, 3, (3, n))
    only_a, only_b = np.sum((a == y) & (b != y)), np.sum((a != y) & (b == y))
    p = evaluation.mcnemar(y, a, b)
    assert p == evaluation.mcnemar(y, b, a)
    assert 0 < p <= 1
    if only_a != only_b:
        exact = stats.binomtest(int(only_a), int(only_a + only_b)).pvalue
        seen = stats.binom.pmf(only_a, only_a + only_b, 0.5)
        assert p == pytest.approx(exact - seen)


def test_mcnemar_looks_only_where_one_of_them_is_right():
    y = np.zeros(1000, int)
    a, b = y.copy(), y.copy()
    b[:12] = 1
    assert evaluation.mcnemar(y, a, b) < 0.001
    a[500:], b[500:] = 1, 1
    assert evaluation.mcnemar(y, a, b) == evaluation.mcnemar(y[:500], a[:500], b[:500])
    assert evaluation.mcnemar(y, y, y) == 1


def test_predictions_of_another_length_are_named():
    with pytest.raises(ValueError, match=r"y \(3,\), a \(3,\), b \(2,\)"):
        evaluation.mcnemar(np.zeros(3), np.zeros(3), np.zeros(2))


def test_the_5x2cv_statistic_is_dietterich_s():
    d = np.array([[0.02, 0.01], [0.03, -0.01], [0.0, 0.02], [0.01, 0.01], [0.02, 0.04]])
    variances = [(a - (a + b) / 2) ** 2 + (b - (a + b) / 2) ** 2 for a, b in d]
    t = 0.02 / np.sqrt(sum(variances) / 5)
    assert evaluation.five_by_two_cv(d) == pytest.approx(2 * stats.t.sf(t, 5))
    with pytest.raises(ValueError, match=r"\(2, 5\)"):
        evaluation.five_by_two_cv(d.T)


@FEW
@given(SEEDS, st.integers(2, 40), st.floats(0.05, 1))
def test_the_naive_test_is_scipy_s_and_the_corrected_one_more_cautious(seed, n, share):
    d = rng_of(seed).normal(0.01, 0.02, n)
    naive = evaluation.resampled_t(d)
    assert naive == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    assert evaluation.resampled_t(d, share) > naive


def test_differences_that_never_vary_are_certain_or_nothing():
    assert evaluation.resampled_t(np.zeros(5)) == 1
    assert evaluation.resampled_t(np.full(5, 0.5)) == 0
    with pytest.raises(ValueError, match=r"\(1,\)"):
        evaluation.resampled_t(np.zeros(1))


def test_false_positives_rank_as_dietterich_found():
    rng = rng_of(1)
    rows = [false_positives.p_values(rng) for _ in range(300)]
    rate = {test: np.mean([row[test] < 0.05 for row in rows]) for test in rows[0]}
    assert rate.pop("naive") > 0.3
    assert max(rate.values()) < 0.1


# --- calibration ---------------------------------------------------------------------------------


def logits_of(seed, n=400, classes=4, factor=1.0):
    """Logits of a network that is calibrated at `factor` 1, and labels drawn from it."""
    rng = rng_of(seed)
    logits = rng.normal(0, 1.5, (n, classes))
    p = evaluation.softmax(logits)
    y = (p.cumsum(1) < rng.random((n, 1))).sum(1).clip(max=classes - 1)
    return factor * logits, y


@FEW
@given(SEEDS, st.integers(1, 20))
def test_the_bins_hold_every_example_and_average_to_the_whole(seed, bins):
    logits, y = logits_of(seed)
    p = evaluation.softmax(logits)
    confidence, accuracy, count = evaluation.reliability(p, y, bins)
    assert count.sum() == len(y)
    whole = np.nansum(accuracy * count) / len(y), np.nansum(confidence * count) / len(y)
    assert whole == pytest.approx((np.mean(p.argmax(1) == y), p.max(1).mean()))
    if bins == 1:
        assert evaluation.expected_calibration_error(p, y, 1) == pytest.approx(
            abs(whole[0] - whole[1])
        )


def test_calibration_error_of_ten_examples_by_hand():
    p = np.array([[0.85, 0.15]] * 5 + [[0.65, 0.35]] * 5)
    y = np.array([0, 0, 0, 0, 1, 0, 0, 0, 1, 1])  # 4 of 5 and 3 of 5 are right
    assert evaluation.expected_calibration_error(p, y) == pytest.approx(0.05)


@FEW
@given(SEEDS, st.floats(0.3, 4))
def test_the_temperature_undoes_a_factor_and_leaves_the_classes_alone(seed, factor):
    logits, y = logits_of(seed, factor=factor)
    plain, y = logits_of(seed)
    temperature = evaluation.fit_temperature(logits, y)
    assert temperature == pytest.approx(factor * evaluation.fit_temperature(plain, y), rel=1e-2)
    before, after = evaluation.softmax(logits), evaluation.softmax(logits, temperature)
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    assert log_loss(y, after, labels=range(4)) <= log_loss(y, before, labels=range(4)) + 1e-9


def test_overconfident_logits_come_out_calibrated():
    logits, y = logits_of(0, n=8000, factor=3)
    error = evaluation.expected_calibration_error
    temperature = evaluation.fit_temperature(logits[:4000], y[:4000])
    assert temperature == pytest.approx(3, rel=0.1)
    test = logits[4000:], y[4000:]
    assert error(evaluation.softmax(test[0]), test[1]) > 0.1
    assert error(evaluation.softmax(test[0], temperature), test[1]) < 0.04


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (np.full((3, 2), 0.5), r"\(2, classes\), not \(3, 2\)"),
        (np.full((2, 2), 0.7), "sum to 1"),
        (np.array([[1.5, -0.5], [0.5, 0.5]]), "negative"),
    ],
)
def test_what_is_no_probability_is_refused(probabilities, message):
    with pytest.raises(ValueError, match=message):
        evaluation.reliability(probabilities, np.zeros(2, int))
    with pytest.raises(ValueError, match="temperature must be above 0, not 0"):
        evaluation.softmax(np.zeros((1, 2)), 0)


# --- does transfer help here? --------------------------------------------------------------------

N = 1000
Y = np.arange(N) % 10
GIVEN = (
    evaluation.Given(1200, 3.2, "its rate, on validation images"),
    evaluation.Given(0, 0.4, "not at all"),
)


def runs(accuracy, seeds=5, spread=0.0, seed=0, noise=0.1):
    """Predictions of so many runs: hard examples are hard for all, and seeds differ."""
    rng = rng_of(seed)
    hard = rng_of(99).random(N)
    reached = rng.normal(accuracy, spread, (seeds, 1))
    right = hard + rng.normal(0, noise, (seeds, N)) < reached
    return np.where(right, Y, (Y + 1 + rng.integers(0, 9, (seeds, N))) % 10)


@pytest.mark.parametrize(
    ("scratch", "transfer", "verdict"),
    [
        (runs(0.5), runs(0.7, seed=1), "helps"),  # a clear gain
        (runs(0.6), runs(0.64, seed=1), "helps"),  # a small one, on the same examples
        (runs(0.7), runs(0.5, seed=1), "hurts"),  # negative transfer
        (runs(0.7, noise=0.01), runs(0.7, noise=0.01, seed=1), "makes no difference"),
        (runs(0.6, spread=0.08), runs(0.63, spread=0.08, seed=1), "cannot tell"),  # seeds vary
        (runs(0.6)[:, :40], runs(0.63, seed=1)[:, :40], "cannot tell"),  # few test examples
        # nothing is left to gain
        (runs(1.005, noise=0.005), np.tile(Y, (5, 1)), "makes no difference"),
    ],
)
def test_the_verdict_on_constructed_cases(scratch, transfer, verdict):
    found = evaluation.compare(Y[: scratch.shape[1]], scratch, transfer, GIVEN)
    assert found.verdict == verdict
    assert found.low <= found.gain <= found.high
    assert found.gain == pytest.approx(found.transfer - found.scratch)
    mirrored = evaluation.compare(Y[: scratch.shape[1]], transfer, scratch, GIVEN)
    assert mirrored.gain == pytest.approx(-found.gain)
    assert {mirrored.verdict, verdict} in ({"helps", "hurts"}, {verdict})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Y, runs(0.5, seeds=4), runs(0.7, seeds=4)), "4 seeds are too few"),
        ((Y, runs(0.5, seeds=6), runs(0.7)), "not paired: 6 from scratch and 5 with transfer"),
        ((Y, runs(0.5)[:, :-1], runs(0.7)), r"scratch must have the shape \(seeds, 1000\)"),
        ((Y, runs(0.5), Y), r"transfer must have the shape \(seeds, 1000\).*not \(1000,\)"),
        (
            (Y, runs(0.5), runs(0.7) * 0.5),
            "transfer must hold predicted classes.*which is no class",
        ),
        ((Y, runs(0.5), np.eye(10)[runs(0.7)]), r"\(5, 1000, 10\); the argmax\(-1\) of logits"),
        ((Y, runs(0.5), np.tile(runs(0.7)[:1], (5, 1))), "all 5 runs of transfer predict exactly"),
        ((Y[:0], runs(0.5)[:, :0], runs(0.7)[:, :0]), "not empty"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluation.compare(*arguments, GIVEN)


def test_a_test_set_that_was_used_to_choose_is_refused():
    with pytest.raises(ValueError, match="choose on validation data"):
        evaluation.compare(Y, runs(0.5), runs(0.7), GIVEN, selected_on_test=True)


def test_the_report_says_all_in_a_few_lines():
    report = str(evaluation.compare(Y, runs(0.5), runs(0.7, seed=1), GIVEN))
    for part in (
        "Transfer helps here",
        "95 % interval",
        "5 of 5",
        "1000 test",
        "From scratch: 1,200 steps, 3 s a run; tuned: its rate, on validation images.",
        "With transfer: solved without steps, less than 1 s a run; tuned: not at all.",
    ):
        assert part in report
    unsure = runs(0.6, spread=0.08), runs(0.63, spread=0.08, seed=1)
    assert "cannot tell" in str(evaluation.compare(Y, *unsure, GIVEN))


@pytest.mark.parametrize("given", [None, (3.2, 41), GIVEN[:1], (GIVEN[0], None), GIVEN[0]])
def test_a_verdict_asks_what_each_arm_was_given(given):
    with pytest.raises(ValueError, match="given must say what both arms had"):
        evaluation.compare(Y, runs(0.5), runs(0.7, seed=1), given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 3.2, "its rate"), "number of optimizer steps, not -1"),
        ((400, float("nan"), "its rate"), "seconds must be those of one run, not nan"),
        ((400, 3.2, " "), "in words how the settings were chosen, not ' '"),
        ((400, 3.2, None), "in words how the settings were chosen, not None"),
    ],
)
def test_what_an_arm_was_given_is_said_in_numbers_and_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluation.Given(*arguments)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """True gain 3 points; seeds and test examples both vary."""
    covered = []
    for repetition in range(200):
        rng = rng_of(repetition)
        hard = rng.random(200)
        y = np.zeros(200, int)
        wrong = [
            (hard + rng.normal(0, 0.2, (5, 200)) > reached + rng.normal(0, 0.03, (5, 1))) * 1
            for reached in (0.5, 0.53)
        ]
        found = evaluation.compare(y, *wrong, GIVEN)
        covered.append(found.low <= 0.03 <= found.high)
    assert np.mean(covered) > 0.92


def test_the_interval_is_never_narrower_than_over_the_seeds_alone():
    from scipy import stats

    means = np.array([0.1, 0.14, 0.11, 0.17, 0.08])
    values = rng_of(0).random((5, 20_000)) < means[:, None]
    alone = stats.t.interval(0.95, 4, values.mean(), stats.sem(values.mean(1)))
    low, high = evaluation.crossed_interval(values)
    assert low <= alone[0] + 1e-9
    assert high >= alone[1] - 1e-9


# --- other inputs, and where a network looks -----------------------------------------------------


def images_of(seed, n=6):
    return rng_of(seed).random((n, 28, 28, 1)).astype("float32")


@pytest.mark.parametrize("kind", evaluation.SHIFTS)
def test_a_distortion_begins_at_nothing_and_keeps_shape_and_range(kind):
    x = images_of(0)
    kept = x.copy()
    np.testing.assert_array_equal(evaluation.distort(x, kind, 0), x)
    for severity in (0.3, 0.5, 1):
        shifted = evaluation.distort(x, kind, severity)
        assert (shifted.shape, shifted.dtype) == (x.shape, np.float32)
        assert shifted.min() >= -1e-6
        assert shifted.max() <= 1 + 1e-6
        np.testing.assert_array_equal(shifted, evaluation.distort(x, kind, severity))
    np.testing.assert_array_equal(x, kept)


def test_full_distortions_are_what_they_are_called():
    x = images_of(1)
    np.testing.assert_allclose(evaluation.distort(x, "inverted", 1), 1 - x, atol=1e-6)
    np.testing.assert_allclose(evaluation.distort(x, "inverted", 0.5), 0.5, atol=1e-6)
    lifted = evaluation.distort(x, "brightened", 0.625)
    np.testing.assert_allclose(lifted, np.sqrt(x), atol=1e-6)
    ends = np.array([0, 1], "float32").reshape(1, 2, 1, 1)
    np.testing.assert_array_equal(evaluation.distort(ends, "brightened", 1), ends)
    turned = np.rot90(x, axes=(1, 2))
    np.testing.assert_allclose(evaluation.distort(x, "rotated", 1), turned, atol=1e-5)
    grey = np.full((9, 28, 28, 1), 0.5, "float32")
    assert evaluation.distort(grey, "noisy", 0.2).std() == pytest.approx(0.1, rel=0.05)
    assert (evaluation.distort(grey, "noisy", 1, 1) != evaluation.distort(grey, "noisy", 1)).any()


@pytest.mark.parametrize(("kind", "severity"), [("recoloured", 0.5), ("noisy", 1.5)])
def test_an_impossible_distortion_is_named(kind, severity):
    with pytest.raises(ValueError, match=r"recoloured|1\.5"):
        evaluation.distort(images_of(0), kind, severity)


@pytest.fixture(scope="module")
def corner_reader():
    """Class 1 is "the upper left is bright", and nothing else; class 0 has no weights."""
    from tlcourse import models

    model = models.small_cnn(2)
    for layer in model.layers:
        if layer.name.startswith("conv"):
            kernel, bias = (np.zeros_like(w) for w in layer.get_weights())
            kernel[1, 1, 0, 0] = 1
            layer.set_weights([kernel, bias])
    head = np.zeros((3, 3, 64, 2))
    head[0, 0, 0, 1] = 1
    model.get_layer("head").set_weights([head.reshape(-1, 2), np.zeros(2)])
    return model


def test_grad_cam_marks_what_the_network_reads(corner_reader):
    x = np.zeros((2, 28, 28, 1), "float32")
    x[:, 2:6, 2:6] = 1
    x[1, 14:20, 14:20] = 0.5
    for layer in ("conv3", "conv4"):
        heat = evaluation.grad_cam(corner_reader, x, layer, 1)
        assert heat.shape == (2, 28, 28)
        assert heat.min() >= 0
        np.testing.assert_allclose(heat.max((1, 2)), 1)
        for each in heat:
            assert max(np.unravel_index(each.argmax(), (28, 28))) < 14
    assert not evaluation.grad_cam(corner_reader, x, "conv4", 0).any(), "nothing speaks for 0"
    mixed = evaluation.grad_cam(corner_reader, x, "conv4", np.array([1, 0]))
    assert [bool(h.any()) for h in mixed] == [True, False]


def test_grad_cam_needs_maps(corner_reader):
    x = np.zeros((1, 28, 28, 1), "float32")
    with pytest.raises(ValueError, match="choose a convolution"):
        evaluation.grad_cam(corner_reader, x, "flatten", 0)
    with pytest.raises(ValueError, match="no layer 'conv9'"):
        evaluation.grad_cam(corner_reader, x, "conv9", 0)


def test_grad_cam_says_nothing_on_stderr():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        evaluation.grad_cam(models.small_cnn(), np.ones((2, 28, 28, 1), "float32"), "conv3", 8)
