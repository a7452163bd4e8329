"""The figures of chapter 01's sliders, over the whole range of each."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from tlcourse import plotting


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    raw = load_diabetes(scaled=False)
    x, y = raw.data[:, 4:6], raw.target
    return (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def hessian():
    x = load_diabetes(scaled=False).data
    x = (x - x.mean(0)) / x.std(0)
    return x.T @ x / len(x)


ALPHAS = (0.01, 0.3, 1.05, 1.2)
MOMENTA = (0.0, 0.5, 0.95)
BATCHES = (1, 4, 16, 64, 442)


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("batch", BATCHES)
def test_the_path_is_drawn_for_every_setting(data, batch):
    for alpha, momentum in itertools.product(ALPHAS, MOMENTA):
        figure = plotting.descent_on_data(*data, alpha, momentum, batch, start=0)
        figure.canvas.draw()
        plt.close(figure)


@pytest.mark.filterwarnings("error")
def test_the_path_is_drawn_from_every_start_inside_the_map(data):
    for start in range(0, 360, 15):
        figure = plotting.descent_on_data(*data, start=start)
        x, y = figure.axes[0].lines[1].get_data()
        (low_x, high_x), (low_y, high_y) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
        assert low_x < x[0] < high_x
        assert low_y < y[0] < high_y
        assert titles(figure)[0] == "α = 0.3, momentum 0, batch 442"
        plt.close(figure)


def test_the_title_tells_a_path_that_diverges_from_one_that_settles(data):
    assert titles(plotting.descent_on_data(*data, alpha=1.0))[0].startswith("α = 1,")
    assert "Leaves the map at step" in titles(plotting.descent_on_data(*data, alpha=1.2))[0]


def test_the_full_batch_ends_at_the_least_squares_solution(data):
    figure = plotting.descent_on_data(*data, alpha=1.0, steps=300)
    end = np.array(figure.axes[0].lines[2].get_data()).ravel()
    np.testing.assert_allclose(end, np.linalg.lstsq(*data)[0], atol=1e-6)


def test_the_same_sliders_draw_the_same_path(data):
    one, two = (plotting.descent_on_data(*data, batch=4) for _ in range(2))
    np.testing.assert_array_equal(*(f.axes[0].lines[0].get_xydata() for f in (one, two)))


@pytest.mark.filterwarnings("error")
def test_the_game_is_drawn_for_every_learning_rate(hessian):
    for alpha in np.arange(0.005, 1.0001, 0.045):
        figure = plotting.learning_rate_game(hessian, alpha)
        figure.canvas.draw()
        plt.close(figure)


def test_the_game_judges_as_the_limit_says(hessian):
    limit = 2 / np.linalg.eigvalsh(hessian)[-1]
    assert "diverges" in plotting.judge_learning_rate(1.0001 * limit, hessian)
    assert "diverges" in plotting.judge_learning_rate(limit, hessian)
    assert "right" in plotting.judge_learning_rate(0.999 * limit, hessian)
    assert "nor would a larger one" in plotting.judge_learning_rate(0.97 * limit, hessian)
    for wrong in (0, -1, float("nan")):
        assert "take a positive one" in plotting.judge_learning_rate(wrong, hessian)


def test_the_game_can_be_won_with_its_slider(hessian):
    verdicts = [plotting.judge_learning_rate(a, hessian) for a in np.arange(0.005, 1.0001, 0.005)]
    assert sum("right" in verdict for verdict in verdicts) >= 1


def test_the_verdict_is_what_the_curve_shows(hessian):
    limit = 2 / np.linalg.eigvalsh(hessian)[-1]
    for share, falls in ((0.9, True), (1.1, False)):
        ax = plotting.learning_rate_game(hessian, share * limit).axes[0]
        distance = ax.lines[0].get_ydata()
        assert (distance[-1] < distance[0]) == falls
        assert ("does not explode" in ax.get_title(loc="left")) == falls


def test_lines_draw_the_mean_and_spread_of_several_seeds():
    runs = np.array([[1.0, 2.0], [3.0, 4.0]])
    ax = plotting.lines({"a": runs, "b": ([5, 6], [1.0, 1.0])}, xlabel="step", yscale="log")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [2, 3])
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [5, 6])
    assert len(ax.collections) == 1
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.get_xlabel() == "step"


def test_what_the_chapter_asks_the_reader_to_see_is_there(data):
    settings = {"α beyond the limit": (1.06, 0, 442), "momentum": (0.3, 0.9, 442)}
    said = {
        name: titles(plotting.descent_on_data(*data, *setting, steps=200))
        for name, setting in settings.items()
    }
    assert said["α beyond the limit"][0].startswith("Leaves the map")
    assert said["momentum"][0] == "α = 0.3, momentum 0.9, batch 442"
    assert float(said["momentum"][1].split()[0]) < 1e-6
    left = [titles(plotting.descent_on_data(*data, 0.3, 0, batch))[0] for batch in (16, 1)]
    assert "Leaves" not in left[0]
    assert "Leaves" in left[1]
