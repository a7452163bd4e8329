"""The drawing functions behind the sliders: numbers in, a matplotlib figure out. No Keras.

A slider calls them at every move, so they must be quick (`python -m benchmarks.widgets`). The
figures are small and placed by hand: to compute a layout each time would take longer than to draw.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np

from tlcourse import optimizers
from tlcourse.labels import class_numbers
from tlcourse.plotting.fonts import drawable
from tlcourse.plotting.static import WIDTH, confusion_matrix, mean_and_sd

# --- gradient descent ----------------------------------------------------------------------------


def lines(curves: Mapping, ax=None, **settings):
    """Curves by name, with a legend; of several seeds the mean, and ± one standard deviation.

    Parameters
    ----------
    curves : mapping of name to values, or to (x, values)
        Values of shape (points,) or (seeds, points).
    **settings
        For `ax.set`: `title`, `xlabel`, `yscale` …
    """
    ax = ax or plt.subplots()[1]
    for name, curve in curves.items():
        x, values = curve if isinstance(curve, tuple) else (np.arange(len(curve)), curve)
        runs = np.atleast_2d(values)
        mean = runs.mean(0)
        (line,) = ax.plot(x, mean, "o-" if len(mean) <= 16 else "-", ms=4, label=name)
        if len(runs) > 1:
            sd = runs.std(0, ddof=1)
            low = mean - sd
            if settings.get("yscale") == "log":
                low = np.maximum(low, mean / 10)
            ax.fill_between(x, low, mean + sd, color=line.get_color(), alpha=0.25, lw=0)
    ax.set(**settings)
    if len(curves) > 1:
        ax.legend()
    return ax


def paths_on_contours(
    loss: Callable,
    paths: Sequence[np.ndarray],
    reach: Sequence[float],
    *,
    title: str = "",
    ax=None,
):
    """Paths of two parameters over the contour lines of their loss.

    Parameters
    ----------
    loss : callable
        Takes arrays θ₁ and θ₂ of the same shape, and returns the loss at each place.
    paths : sequence of ndarray, shape (n, 2)
        The start is a circle, the end a star.
    reach : (low 1, high 1, low 2, high 2)
        The part of the plane that is shown.
    """
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    grid = np.meshgrid(np.linspace(*reach[:2], 61), np.linspace(*reach[2:], 61))
    height = loss(*grid)
    # Close together at the bottom, where the slopes are gentle.
    levels = height.min() + np.ptp(height) * np.linspace(0.02, 1, 14) ** 2
    ax.contour(*grid, height, levels, colors="#999999", linewidths=0.8, linestyles="solid")
    for path in paths:
        (line,) = ax.plot(*path.T, ".-", ms=4, lw=1.2)
        ax.plot(*path[0], "o", ms=7, color=line.get_color())
        ax.plot(*path[-1], "*", ms=12, color=line.get_color())
    ax.set(xlim=reach[:2], ylim=reach[2:], xlabel="θ₁", ylabel="θ₂", title=title)
    ax.grid(False)
    return ax


def descent_on_data(
    x: np.ndarray,
    y: np.ndarray,
    alpha: float = 0.3,
    momentum: float = 0.0,
    batch: int | None = None,
    start: float = 120,
    steps: int = 60,
):
    """Mini-batch descent on a linear regression with two features: the path, and the loss.

    Parameters
    ----------
    x : ndarray, shape (N, 2)
    y : ndarray, shape (N,)
    alpha, momentum : float
    batch : int, optional
        Examples for each step; all of them by default.
    start : float
        Where on a circle around the minimum the path begins, in degrees.
    steps : int

    Returns
    -------
    Figure
    """
    rng, radians = np.random.default_rng(0), np.deg2rad(start)
    hessian, pull, power = x.T @ x / len(x), x.T @ y / len(x), np.mean(y**2)
    lowest = np.linalg.solve(hessian, pull)
    draw = optimizers.batches(len(x), batch or len(x), rng)

    def gradient(theta):
        chosen = next(draw)
        return x[chosen].T @ (x[chosen] @ theta - y[chosen]) / len(chosen)

    def loss(theta_1, theta_2):
        theta = np.stack([theta_1, theta_2])
        quadratic = np.einsum("i...,ij,j...", theta, hessian, theta)
        return (quadratic - 2 * np.tensordot(pull, theta, 1) + power) / 2

    begin = lowest + 1.5 * np.array([np.cos(radians), np.sin(radians)])
    path = optimizers.descend(gradient, begin, alpha, steps, momentum)
    above = loss(*path.T) - loss(*lowest)
    left = np.flatnonzero(abs(path - lowest).max(1) > 2)
    settings = f"α = {alpha:g}, momentum {momentum:g}, batch {batch or len(x)}"
    title = f"Leaves the map at step {left[0]}" if len(left) else settings
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.1), layout="none")
    figure.subplots_adjust(0.08, 0.17, 0.98, 0.89, wspace=0.3)
    reach = [lowest[0] - 2, lowest[0] + 2, lowest[1] - 2, lowest[1] + 2]
    paths_on_contours(loss, [path], reach, title=title, ax=axes[0])
    axes[1].semilogy(above, lw=1.5)
    axes[1].set(ylim=(1e-8, 1e2), yticks=[1e-8, 1e-6, 1e-4, 1e-2, 1, 1e2])
    axes[1].minorticks_off()
    axes[1].set(xlabel="step", ylabel="loss above the minimum")
    axes[1].set_title(f"{above[-1]:.1g} to go after {steps} steps")
    return figure


def judge_learning_rate(alpha: float, hessian: np.ndarray) -> str:
    """How near a learning rate is to the largest with which descent on a quadratic settles.

    Parameters
    ----------
    alpha : float
    hessian : ndarray, shape (p, p)
        The second derivatives; the limit is 2 over its largest eigenvalue.
    """
    limit = 2 / np.linalg.eigvalsh(hessian)[-1]
    if not alpha > 0:
        return f"α = {alpha:g} does not go downhill: take a positive one."
    if alpha >= limit:
        return f"α = {alpha:g} diverges: too large."
    if alpha < 0.98 * limit:
        return f"α = {alpha:g} does not explode, but nor would a larger one."
    return f"α = {alpha:g}: right! The limit, 2/λ_max, is {limit:.3f}."


def learning_rate_game(hessian: np.ndarray, alpha: float, steps: int = 100):
    """How far each of 100 steps is from the minimum, with the verdict as its title.

    Returns
    -------
    Figure
    """
    eigenvalues = np.linalg.eigvalsh(hessian)
    factors = abs(1 - alpha * eigenvalues[:, None]) ** np.arange(steps + 1)
    distance = np.sqrt(np.mean(factors**2, 0))
    figure, ax = plt.subplots(figsize=(WIDTH, 2.6), layout="none")
    figure.subplots_adjust(0.12, 0.2, 0.98, 0.88)
    ax.semilogy(distance)
    ax.set(ylim=(1e-2, 1e2), yticks=[0.01, 1, 100], xlabel="step", ylabel="distance (start = 1)")
    ax.minorticks_off()
    ax.set_title(judge_learning_rate(alpha, hessian))
    return figure


# --- cross-entropy -------------------------------------------------------------------------------


def three_logits(z1: float, z2: float, z3: float, right: int = 0):
    """Softmax of three logits, the loss if class `right` is the right one, and its gradient.

    Returns
    -------
    Figure
    """
    z = np.array([z1, z2, z3], float)
    y_hat = np.exp(z - np.logaddexp.reduce(z))
    lead = z[right] - np.logaddexp.reduce(np.delete(z, right))
    loss = np.logaddexp(0, -lead)
    gradient = y_hat - np.eye(3)[right]
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.7), layout="none")
    figure.subplots_adjust(0.1, 0.25, 0.99, 0.88, wspace=0.5)
    colors = ["#0072B2" if k == right else "#999999" for k in range(3)]
    names = [f"{k + 1}, right" if k == right else f"{k + 1}" for k in range(3)]
    for ax, heights in ((axes[0], y_hat), (axes[2], gradient)):
        bars = ax.bar(names, heights, color=colors)
        ax.bar_label(bars, [f"{h:.2f}" for h in heights], padding=2, fontsize=10)
        ax.grid(False, axis="x")
        ax.set_xlabel("class")
    axes[0].set(ylim=(0, 1.15), ylabel="probability ŷ", title="softmax")
    axes[2].axhline(0, color="black", lw=0.8)
    axes[2].set(ylim=(-1.3, 1.3), ylabel="∂J/∂z", title="gradient")
    # One number decides: by how much the right logit leads the log-sum-exp of the others.
    reach = max(8, abs(lead) + 1)
    leads = np.linspace(-reach, reach, 127)
    axes[1].plot(leads, np.logaddexp(0, -leads), color="#999999")
    axes[1].plot(lead, loss, "o", ms=8, color="#0072B2")
    axes[1].set(xlim=(-reach, reach), ylim=(-0.05 * reach, reach))
    axes[1].set(xlabel="lead of the right class", ylabel="J", title=f"loss J = {loss:.3f}")
    return figure


def decision_boundary(
    model, x: np.ndarray, y: np.ndarray, names=("0", "1"), *, title: str = "", ax=None
):
    """Two classes of points in a plane, and what a classifier makes of every place in it.

    Parameters
    ----------
    model : fitted classifier
        With scikit-learn's ``predict_proba``.
    x : ndarray, shape (N, 2)
    y : ndarray of 0 and 1, shape (N,)
    names : two strings
        Of the classes, for the legend.
    """
    if ax is None:
        figure, ax = plt.subplots(figsize=(4.6, 3.6), layout="none")
        figure.subplots_adjust(0.15, 0.16, 0.97, 0.9)
    low, high = x.min(0), x.max(0)
    margin = 0.15 * (high - low)
    low, high = low - margin, high + margin * [1, 3]  # and room for the legend above
    sides = [np.linspace(a, b, 81) for a, b in zip(low, high, strict=True)]
    grid = np.meshgrid(*sides)
    places = np.column_stack([g.ravel() for g in grid])
    y_hat = model.predict_proba(places)[:, 1].reshape(grid[0].shape)
    ax.contourf(*grid, y_hat, np.linspace(0, 1, 11), cmap="PuOr", alpha=0.6)
    ax.contour(*grid, y_hat, [0.5], colors="black", linewidths=1.5)
    for k, (color, marker) in enumerate((("#B35806", "o"), ("#542788", "^"))):
        ax.plot(*x[y == k].T, marker, color=color, mec="white", ms=7, label=names[k])
    ax.legend(loc="upper left", ncols=2, frameon=True, handletextpad=0, columnspacing=0.8)
    ax.grid(False)
    ax.set_title(title)
    return ax


# --- fine-tuning ---------------------------------------------------------------------------------


def unfreezing_depth(stored: Mapping, chosen: str, *, title: str | None = None, ax=None):
    """Accuracy along the steps for every depth of unfreezing, one of them highlighted.

    Parameters
    ----------
    stored : mapping
        What `benchmarks.fine_tuning` of edition 0.1.0 stored: `checkpoints`, and for each stage in
        `depth` its `accuracy`, as `mean_and_sd` takes it, shape (checkpoints, seeds), and
        `parameters`.
    chosen : str
        The first stage that trains: "head", "conv5" …
    title : str, optional
        By default how much trains.
    """
    if ax is None:
        figure, ax = plt.subplots(figsize=(WIDTH, 3.2), layout="none")
        figure.subplots_adjust(0.1, 0.16, 0.93, 0.9)
    steps = stored["checkpoints"]
    styles = cycle(("o--", "v:", "D-."))  # each stage keeps its own, whichever is chosen
    for (stage, curve), style in zip(stored["depth"].items(), styles, strict=False):
        mean, sd = (100 * values for values in mean_and_sd(curve["accuracy"]))
        if stage == chosen:
            ax.plot(steps, mean, "s-", color="#0072B2", label=_trains(stage), zorder=3)
            ax.fill_between(steps, mean - sd, mean + sd, color="#0072B2", alpha=0.2, lw=0)
        else:
            ax.plot(steps, mean, style, color="#777777", lw=1.2, ms=4, label=stage)
    size = f"{stored['depth'][chosen]['parameters'] / 1e6:.2f} million parameters train"
    ax.set(xlabel="steps after the head's own", ylabel="validation accuracy (%)")
    ax.set_title(size if title is None else title)
    ax.legend(loc="lower left")
    return ax


def _trains(stage: str) -> str:
    return "the head trains" if stage == "head" else f"{stage} and all after it train"


def prediction(image: np.ndarray, probabilities: np.ndarray, names: Sequence[str], right: int):
    """An image beside the probabilities of its classes; the right class is blue.

    Parameters
    ----------
    image : ndarray, shape (h, w, 3), ``uint8``
    probabilities : ndarray, shape (K,)
        Of more than ten classes the ten most probable are drawn, and the right one.
    names : sequence of str, length K
    right : int
    """
    names = drawable(names)
    shown = np.argsort(-probabilities, kind="stable")[:10]
    if right not in shown:
        shown = np.append(shown[:-1], right)
    shown = np.sort(shown)
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3), layout="none", width_ratios=(1, 2))
    figure.subplots_adjust(0.02, 0.17, 0.98, 0.88, wspace=0.35)
    axes[0].imshow(image)
    axes[0].axis("off")
    axes[0].set_title(f"shown: {names[right]}")
    colors = ["#0072B2" if k == right else "#999999" for k in shown]
    axes[1].barh([names[k] for k in shown], probabilities[shown], color=colors)
    axes[1].invert_yaxis()
    axes[1].grid(False, axis="y")
    axes[1].set(xlim=(0, 1), xlabel="probability")
    axes[1].set_title(f"answer: {names[int(np.argmax(probabilities))]}")
    return figure


# --- evaluation ----------------------------------------------------------------------------------


def threshold(y: np.ndarray, score: np.ndarray, threshold: float = 0.5):
    """Confusion matrix at a threshold, and its point on the ROC and precision–recall curves.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (N,)
        Both occur.
    score : ndarray of floats, shape (N,)
    threshold : float
        An example is called positive if its score is at least this.

    Returns
    -------
    Figure
    """
    y, score = class_numbers(y, 2), np.ravel(score)
    said = (score >= threshold).astype(int)
    counts = np.bincount(2 * y + said, minlength=4).reshape(2, 2)
    (_, false_alarms), (_, found) = counts
    # Going down the sorted scores, one example after the other is called positive.
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)  # of each group of equal scores
    hits = np.cumsum(y[order])[last]
    called = np.flatnonzero(last) + 1
    positives, negatives = counts.sum(1)[1], counts.sum(1)[0]
    recall, alarm = hits / positives, (called - hits) / negatives
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.9), layout="none")
    figure.subplots_adjust(0.08, 0.2, 0.97, 0.88, wspace=0.42)
    confusion_matrix(y, said, ("0", "1"), title=f"threshold {threshold:.2f}", ax=axes[0])
    axes[1].plot(np.r_[0, alarm], np.r_[0, recall], color="#999999")
    axes[1].plot([0, 1], [0, 1], ":", color="#999999", lw=1)
    axes[1].set(xlabel="false positive rate", ylabel="recall", title="ROC")
    axes[2].plot(recall, hits / called, color="#999999")
    axes[2].axhline(positives / len(y), ls=":", color="#999999", lw=1)
    axes[2].set(xlabel="recall", ylabel="precision", title="precision–recall")
    style = {"marker": "o", "ms": 9, "color": "#0072B2", "clip_on": False}
    axes[1].plot(false_alarms / negatives, found / positives, **style)
    if said.any():  # without a positive answer there is no precision
        axes[2].plot(found / positives, found / said.sum(), **style)
    for ax in axes[1:]:
        ax.set(xlim=(0, 1), ylim=(0, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    return figure


def reliability_diagram(
    confidence: np.ndarray, accuracy: np.ndarray, count: np.ndarray, *, title: str = "", ax=None
):
    """Accuracy of the predictions of each confidence; the diagonal is perfect calibration.

    Parameters
    ----------
    confidence, accuracy, count : ndarray, shape (bins,)
        What `evaluation.reliability` returns. A bar's darkness is its share of the examples.
    """
    bins = len(count)
    if ax is None:
        figure, ax = plt.subplots(figsize=(4.6, 3.6), layout="none")
        figure.subplots_adjust(0.15, 0.16, 0.97, 0.9)
    filled = count > 0
    places = (np.arange(bins) + 0.5) / bins
    bars = ax.bar(places[filled], accuracy[filled], 0.94 / bins, color="#0072B2")
    for bar, share in zip(bars, count[filled] / count.max(), strict=True):
        bar.set_alpha(0.25 + 0.75 * share)
    ax.plot([0, 1], [0, 1], "--", color="black", lw=1, label="perfect")
    ax.plot(confidence[filled], accuracy[filled], "o-", ms=5, color="#D55E00", label="measured")
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy", title=title)
    ax.legend(loc="upper left")
    return ax
