"""The widgets of chapter 02, over the whole range of their sliders."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from tlcourse import plotting

ENDS_AND_MIDDLE = (-10, -0.5, 0, 10)  # of the sliders of the three logits
LAMBDAS = 10.0 ** np.arange(-5, 2)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("right", [0, 1, 2])
@pytest.mark.parametrize("z1", ENDS_AND_MIDDLE)
def test_three_logits_shows_softmax_loss_and_gradient(z1, right):
    for z in product([z1], ENDS_AND_MIDDLE, ENDS_AND_MIDDLE):
        y_hat = np.exp(z) / np.exp(z).sum()
        price = -np.log(y_hat[right])
        figure = plotting.three_logits(*z, right)
        probabilities, loss, gradient = figure.axes
        np.testing.assert_allclose(heights(probabilities), y_hat, atol=1e-9)
        np.testing.assert_allclose(heights(gradient), y_hat - np.eye(3)[right], atol=1e-9)
        dot = loss.lines[-1].get_xydata()[0]
        assert abs(dot[1] - price) < 1e-9
        assert loss.get_title(loc="left") == f"loss J = {price:.3f}".replace("-0.000", "0.000")
        assert loss.get_xlim()[0] < dot[0] < loss.get_xlim()[1], "within the picture"
        assert loss.get_ylim()[0] < dot[1] < loss.get_ylim()[1], "within the picture"
        plt.close(figure)


def heights(ax):
    return [bar.get_height() for bar in ax.patches]


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    return rng.normal(y[:, None], 0.7, (40, 2)), y


def fitted(x, y, lam):
    regression = LogisticRegression(C=1 / (40 * lam), solver="newton-cholesky")
    return make_pipeline(PolynomialFeatures(5), regression).fit(x, y)


@pytest.mark.parametrize("lam", LAMBDAS)
def test_the_boundary_is_drawn_where_the_model_is_undecided(points, lam):
    x, y = points
    model = fitted(x, y, lam)
    ax = plotting.decision_boundary(model, x, y, ("3", "8"), title=f"λ = {lam:g}")
    border = np.concatenate([path.vertices for path in ax.collections[-1].get_paths()])
    # The line runs between the points of a grid: beside it the model decides both ways.
    step = np.ptp(x, axis=0) * 1.3 / 80
    around = border[:, None] + step * np.array([[0, 0], [0, 1], [0, -1], [1, 0], [-1, 0]])
    said = model.predict(around.reshape(-1, 2)).reshape(-1, 5)
    assert np.mean(said.min(1) < said.max(1)) > 0.95
    assert ax.get_title(loc="left") == f"λ = {lam:g}"


def test_every_point_is_drawn_under_its_class(points):
    x, y = points
    ax = plotting.decision_boundary(fitted(x, y, 0.01), x, y, ("3", "8"))
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_array_equal(drawn["3"], x[y == 0])
    np.testing.assert_array_equal(drawn["8"], x[y == 1])


def test_a_boundary_outside_the_picture_is_no_error(points):
    x, y = points
    lonely = LogisticRegression().fit(x, np.r_[1, np.zeros(39, int)])
    assert plotting.decision_boundary(lonely, x, y).collections
