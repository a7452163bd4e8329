"""The widgets of chapter 06, over the whole range of their sliders."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn import metrics

from tlcourse import evaluation, plotting

THRESHOLDS = (0, 0.05, 0.3, 0.5, 0.95, 1.01)
TEMPERATURES = (0.25, 1, 2, 8)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(0)
    y = (rng.random(1500) < 0.1).astype(int)
    return y, np.clip(rng.normal(0.3 + 0.3 * y, 0.2), 0, 1).round(2)  # with ties


@pytest.fixture(scope="module")
def logits():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 2, (1500, 10))
    return z, (evaluation.softmax(z, 1.5).cumsum(1) > rng.random((1500, 1))).argmax(1)


@pytest.mark.parametrize("at", THRESHOLDS)
def test_the_matrix_and_both_points_belong_to_the_threshold(scores, at):
    y, score = scores
    matrix, roc, curve = plotting.threshold(y, score, at).axes
    counts = metrics.confusion_matrix(y, score >= at)
    shown = [int(text.get_text()) for text in matrix.texts]
    assert shown == [count for count in counts.ravel() if count]
    (_, fp), (fn, tp) = counts
    assert tuple(roc.lines[-1].get_xydata()[0]) == (fp / (y == 0).sum(), tp / (tp + fn))
    if tp + fp:
        assert tuple(curve.lines[-1].get_xydata()[0]) == (tp / (tp + fn), tp / (tp + fp))
    else:
        assert len(curve.lines) == 2, "no precision without a positive answer"


def test_the_curves_are_scikit_learn_s(scores):
    y, score = scores
    _, roc, curve = plotting.threshold(y, score, 0.5).axes
    fpr, tpr, _ = metrics.roc_curve(y, score, drop_intermediate=False)
    np.testing.assert_allclose(roc.lines[0].get_xydata(), np.column_stack([fpr, tpr]))
    precision, recall, _ = metrics.precision_recall_curve(y, score)
    ours = curve.lines[0].get_xydata()[::-1]
    np.testing.assert_allclose(ours, np.column_stack([recall, precision])[: len(ours)])


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_diagram_shows_the_accuracy_of_every_bin(logits, temperature):
    z, y = logits
    p = evaluation.softmax(z, temperature)
    ax = plotting.reliability_diagram(*evaluation.reliability(p, y), title="T")
    confidence, accuracy, count = evaluation.reliability(p, y)
    measured = ax.lines[-1].get_xydata()
    np.testing.assert_allclose(measured, np.column_stack([confidence, accuracy])[count > 0])
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], accuracy[count > 0])
    assert ax.get_title(loc="left") == "T"
