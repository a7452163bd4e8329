"""The drawing functions behind the sliders: numbers in, a matplotlib figure out. No Keras.

Each redraws in well under 150 ms, for a slider calls it at every move. The figures are small and
placed by hand: a layout computed anew would take longer than the drawing.
"""

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import numpy as np

from tlcourse import optimizers, plotting

# --- gradient descent ----------------------------------------------------------------------------


def paths_on_contours(
    loss: Callable, paths: Mapping[str, np.ndarray], reach, *, title: str = "", ax=None
):
    """Paths of two parameters over the contour lines of their loss.

    Parameters
    ----------
    loss : callable
        Takes arrays θ₁ and θ₂ of the same shape, and returns the loss at each place.
    paths : mapping of name to ndarray, shape (steps, 2)
        The start is a circle, the end a star.
    reach : (low 1, high 1, low 2, high 2)
        The part of the plane that is shown.
    """
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    grid = np.meshgrid(np.linspace(*reach[:2], 61), np.linspace(*reach[2:], 61))
    height = loss(*grid)
    # Close together at the bottom, where the slopes are gentle.
    levels = height.min() + np.ptp(height) * np.linspace(0.02, 1, 14) ** 2
    ax.contour(*grid, height, levels, colors="#999999", linewidths=0.8)
    for name, path in paths.items():
        (line,) = ax.plot(*path.T, ".-", ms=4, lw=1.2, label=name)
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
    reach = [lowest[0] - 2, lowest[0] + 2, lowest[1] - 2, lowest[1] + 2]
    left = np.flatnonzero(abs(path - lowest).max(1) > 2)
    verdict = f"left the map at step {left[0]}" if len(left) else "stayed on the map"
    figure, axes = plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.1), layout="none")
    figure.subplots_adjust(0.09, 0.17, 0.98, 0.89, wspace=0.28)
    paths_on_contours(loss, {"": path}, reach, title=f"The path {verdict}", ax=axes[0])
    axes[1].plot(loss(*path.T), lw=1.5)
    axes[1].axhline(loss(*lowest), color="black", lw=0.8, ls="--")
    end = loss(*path[-1]) - loss(*lowest)
    axes[1].set(ylim=(0, 3), xlabel="step", ylabel="loss J", title=f"Above the minimum: {end:.2g}")
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
        return f"α = {alpha:g} settles, but a larger one would too."
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
    figure, ax = plt.subplots(figsize=(plotting.WIDTH, 2.6), layout="none")
    figure.subplots_adjust(0.12, 0.2, 0.98, 0.88)
    ax.semilogy(distance)
    ax.set(xlabel="step", ylabel="distance, start = 1", ylim=(1e-2, 1e2))
    ax.set_title(judge_learning_rate(alpha, hessian))
    return figure
