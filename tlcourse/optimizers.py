"""Gradient descent and its relatives, in NumPy, as chapter 01 derives them.

Each function takes the gradient as a function of θ and returns the whole path, so that it can be
drawn. A gradient function that draws a mini-batch whenever it is called makes it stochastic.
`rmsprop` and `adam` put ε where `keras.optimizers` puts it.
"""

from collections.abc import Callable, Iterator

import numpy as np

Gradient = Callable[[np.ndarray], np.ndarray]


def batches(n: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Mini-batches without end: every epoch a new order of the `n` examples, cut into `size`.

    The last batch of an epoch holds what is left over.
    """
    while True:
        yield from np.split(rng.permutation(n), range(size, n, size))


def descend(
    gradient: Gradient, theta: np.ndarray, alpha, steps: int, momentum: float = 0.0
) -> np.ndarray:
    """Gradient descent, θ ← θ − α∇J(θ); with momentum β, v ← βv − α∇J(θ) and θ ← θ + v.

    Parameters
    ----------
    gradient : callable
    theta : ndarray
        The start.
    alpha : float or sequence of float
        The learning rate, or one for each step.
    steps : int
    momentum : float
        β, in 0–1 (Polyak 1964).

    Returns
    -------
    ndarray, shape (steps + 1, *theta.shape)
    """
    path, v = [theta], np.zeros_like(theta, float)
    for rate in np.broadcast_to(alpha, steps):
        v = momentum * v - rate * gradient(path[-1])
        path.append(path[-1] + v)
    return np.array(path, float)


def rmsprop(
    gradient: Gradient,
    theta: np.ndarray,
    alpha: float,
    steps: int,
    rho: float = 0.9,
    epsilon: float = 1e-7,
) -> np.ndarray:
    """RMSProp (Hinton 2012, lecture 6e): g over the root of its own mean square, v.

    v ← ρv + (1−ρ)g², θ ← θ − αg/√(v + ε). Returns the path, as `descend` does.
    """
    path, v = [theta], np.zeros_like(theta, float)
    for _ in range(steps):
        g = gradient(path[-1])
        v = rho * v + (1 - rho) * g**2
        path.append(path[-1] - alpha * g / np.sqrt(v + epsilon))
    return np.array(path, float)


def adam(
    gradient: Gradient,
    theta: np.ndarray,
    alpha: float,
    steps: int,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
) -> np.ndarray:
    """Adam (Kingma & Ba 2015), with decoupled weight decay (Loshchilov & Hutter 2019).

    ε is the "epsilon hat" of the paper's section 2, added before the bias is corrected. Returns
    the path, as `descend` does.
    """
    path, m, v = [theta], np.zeros_like(theta, float), np.zeros_like(theta, float)
    for t in range(1, steps + 1):
        g = gradient(path[-1])
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        rate = alpha * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        kept = (1 - alpha * weight_decay) * path[-1]
        path.append(kept - rate * m / (np.sqrt(v) + epsilon))
    return np.array(path, float)
