"""Cross-entropy from logits, in NumPy, as chapter 02 derives it.

No probability is formed on the way, so that nothing overflows and no logarithm meets a zero.
"""

import numpy as np

from tlcourse.labels import class_numbers


def cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    """The mean of −Σₖ yₖ log softmax(z)ₖ over the examples.

    Parameters
    ----------
    z : ndarray, shape (N, K)
        Logits.
    y : ndarray, shape (N,) or (N, K)
        Class numbers 0 … K−1, or a row of probabilities for each example.

    Raises
    ------
    ValueError
        If `y` is neither of the two.
    """
    z, y = np.asarray(z), np.asarray(y)
    if z.ndim != 2 or not z.size:
        raise ValueError(f"logits must have the shape (N, K), not {z.shape}.")
    n, k = z.shape
    # As scipy.special.log_softmax, which takes several times as long for a few rows.
    largest = z.max(1, keepdims=True)
    z = z - np.where(np.isfinite(largest), largest, 0)
    with np.errstate(divide="ignore"):  # a row in which all is −∞
        log_y_hat = z - np.log(np.exp(z).sum(1, keepdims=True))
    if y.shape == (n, k):
        return float(-(y * log_y_hat).sum(1).mean())
    if y.shape[:1] != (n,):
        raise ValueError(
            f"y is {y.dtype} of the shape {y.shape}: give {n} class numbers, or a row of {k} "
            f"probabilities for each of the {n} examples."
        )
    y = class_numbers(y, k)
    return float(-log_y_hat[np.arange(n), y].mean())


def binary_cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    """The mean of −y log ŷ − (1−y) log(1−ŷ) with ŷ = σ(z), which is log(1 + eᶻ) − yz.

    Parameters
    ----------
    z : ndarray, shape (N,)
        Logits.
    y : ndarray, shape (N,)
        Probabilities of class 1, or labels 0 and 1.

    Raises
    ------
    ValueError
        If the shapes differ, or some `y` is outside 0–1.
    """
    z, y = np.asarray(z), np.asarray(y)
    if z.shape != y.shape or not z.size:
        raise ValueError(f"z has the shape {z.shape} and y {y.shape}: give one label per logit.")
    if y.min() < 0 or y.max() > 1:
        raise ValueError(f"y goes from {y.min()} to {y.max()}, but a probability is within 0 to 1.")
    return float(np.mean(np.logaddexp(0, z) - y * z))
