"""Scores that promise to know, before any training, how useful a source will be for a target.

Each takes what a source network makes of a few labelled target images, its features or its
probabilities, and returns one number, of which more is better. They are in different units:
compare sources by one score, never two scores with each other. NumPy, SciPy and scikit-learn.
"""

import numpy as np

from tlcourse import labels
from tlcourse.regression import logistic_regression

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # C, among which `few_label_accuracy` chooses
FOLDS = 5
_ROUNDS, _PRECISE = 1000, 1e-10  # of LogME's iteration
_FARTHEST = 1e10  # by which its ratio may differ from the features' own scale


def leep(probabilities: np.ndarray, y: np.ndarray) -> float:
    """LEEP, the log expected empirical prediction (Nguyen et al. 2020, ICML).

    Count which target labels go with which source class, weighted by the source's probabilities:
    that gives P(y | z). Predict each image's label with it, by way of the source's classes alone,
    and take the mean log of what the true label gets.

    Parameters
    ----------
    probabilities : ndarray, shape (n, Z)
        The source network's, over its own Z classes.
    y : ndarray of int, shape (n,)
        Target labels.

    Returns
    -------
    float
        At most 0. The table is made from the images that it is judged on, so many source
        classes and few images flatter it.

    Raises
    ------
    ValueError
        If these are not probabilities, or labels of two classes or more, one for each row.
    """
    p = labels.probabilities(probabilities)
    y = _target_labels(y, len(p))
    joint = np.eye(y.max() + 1)[y].T @ p / len(p)  # P(y, z), shape (K, Z)
    known = joint.sum(0) > 0  # a source class that never occurs says nothing
    given = joint[:, known] / joint[:, known].sum(0)  # P(y | z)
    predicted = (p[:, known] * given[y]).sum(1)
    return float(np.log(predicted).mean())


def log_me(features: np.ndarray, y: np.ndarray) -> float:
    """LogME, the log of the maximum evidence, per image (You et al. 2021, ICML).

    A Bayesian linear regression from the features F to each class, one-hot: weights w ~ N(0, 1/α),
    labels y = F w + noise of variance 1/β. The evidence P(y | F, α, β) has w integrated out; α and
    β are those that make it largest, found by MacKay's fixed-point iteration on t = α/β.

    Parameters
    ----------
    features : ndarray, shape (n, d)
    y : ndarray of int, shape (n,)

    Returns
    -------
    float
        Mean of log P(y | F, α, β) / n over the classes. The same whatever the scale, the rotation
        and the order of the columns. There is no intercept, so a constant that is added to the
        features changes it.

    Raises
    ------
    ValueError
        If these are not finite features with labels of two classes or more, one for each row.
    """
    f, y = _checked(features, y)
    f = f / (np.sqrt(np.mean(f**2)) or 1)  # the evidence does not know the scale, rounding does
    u, singular, _ = np.linalg.svd(f, full_matrices=False)
    kept = singular > max(1e-10 * singular[0], 1e-200)
    one_hot = np.eye(y.max() + 1)[y]
    along = (u[:, kept].T @ one_hot) ** 2
    aside = np.maximum(0, (one_hot**2).sum(0) - along.sum(0))  # what no weights can explain
    sigma = singular[kept] ** 2
    each = [_evidence(sigma, *parts, len(y)) for parts in zip(along.T, aside, strict=True)]
    return float(np.mean(each) / len(y))


def _evidence(sigma: np.ndarray, z2: np.ndarray, rest: float, n: int) -> float:
    """The largest log evidence of n labels; `z2` and `rest` are their squares, in F's own axes."""
    t = 1.0 if len(sigma) else np.inf
    ends = (sigma.min() / _FARTHEST, sigma.max() * _FARTHEST) if len(sigma) else ()
    for _ in range(_ROUNDS if len(sigma) else 0):
        gamma = (sigma / (sigma + t)).sum()  # how many weights the data determine
        weights = (sigma * z2 / (sigma + t) ** 2).sum()  # |m|²
        residual = (z2 * (t / (sigma + t)) ** 2).sum() + rest
        new = ends[1]
        if weights > 0 and n > gamma:
            new = float(np.clip(gamma / weights * residual / (n - gamma), *ends))
        done, t = abs(new - t) <= _PRECISE * t, new
        if done:
            break
    if len(sigma):
        explained = (z2 * t / (sigma + t)).sum() + rest  # residual + t |m|²
        volume = np.log1p(sigma / t).sum()
    else:
        explained, volume = rest, 0.0
    beta = n / explained
    return 0.5 * (n * np.log(beta / (2 * np.pi)) - n - volume)


def h_score(features: np.ndarray, y: np.ndarray, shrink: bool = True) -> float:
    """H-score: how much of the features' spread lies between the classes.

    trace(cov(f)⁻¹ cov(E[f | y])) (Bao et al. 2019, ICIP). With fewer images than features the
    plain score is K − 1 for *every* source, because each class can then be told from the others
    exactly. So the covariance is shrunk towards a multiple of the identity by the share α of Ledoit
    and Wolf, and the score becomes trace(cov_α(f)⁻¹ (1 − α) cov(E[f | y])) (Ibrahim, Ponomareva
    and Mazumder 2022, ECML PKDD).

    Parameters
    ----------
    features : ndarray, shape (n, d)
    y : ndarray of int, shape (n,)
    shrink : bool
        False is the plain score, with a pseudo-inverse.

    Returns
    -------
    float
        Between 0 and K − 1, for K classes. The same whatever the shift, the scale and the
        rotation of the features; the plain one whatever invertible linear map.

    Raises
    ------
    ValueError
        As in `log_me`.
    """
    f, y = _checked(features, y)
    f = f - f.mean(0)
    spread = np.sqrt(np.mean(f**2))
    if spread == 0:
        return 0.0
    f /= spread
    _, singular, axes = np.linalg.svd(f, full_matrices=False)
    kept = singular > 1e-10 * singular[0]
    # All class means lie in the span of the images, so nothing is lost by going there.
    z = f @ axes[kept].T
    share = np.bincount(y) / len(y)
    means = np.eye(len(share))[y].T @ z / (len(y) * share[:, None])
    between = (share[:, None] * means**2).sum(0)  # the diagonal of cov(E[f | y])
    within_axes = singular[kept] ** 2 / len(y)
    if not shrink:
        return float((between / within_axes).sum())
    from sklearn.covariance import ledoit_wolf_shrinkage

    alpha = ledoit_wolf_shrinkage(f, assume_centered=True)
    shrunk = (1 - alpha) * within_axes + alpha * (f**2).sum() / len(y) / f.shape[1]
    return float((1 - alpha) * (between / shrunk).sum())


def few_label_accuracy(features: np.ndarray, y: np.ndarray, folds: int = FOLDS) -> float:
    """The plain rival of all scores: cross-validated logistic regression on the labels at hand.

    Parameters
    ----------
    features : ndarray, shape (n, d)
    y : ndarray of int, shape (n,)
        Two images of each class or more.
    folds : int
        Fewer if a class has fewer images.

    Returns
    -------
    float
        Accuracy on the images left out, at the best of a few strengths C. The choice among them
        flatters it a little, each source alike.

    Raises
    ------
    ValueError
        As in `log_me`, or if a class has a single image.
    """
    return float(cross_validated(features, y, folds).mean())


def cross_validated(features: np.ndarray, y: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """Which images `few_label_accuracy` gets right when they are left out, shape (n,), bool."""
    f, y = _checked(features, y)
    counts = np.bincount(y)
    if counts.min() < 2:
        raise ValueError(
            f"class {counts.argmin()} has one labelled image: cross-validation needs two of each."
        )
    if folds < 2:
        raise ValueError(f"folds must be at least 2, not {folds}.")
    # Image by image of each class, so that every fold holds every class alike.
    order = np.argsort(y, kind="stable")
    fold = np.empty(len(y), int)
    fold[order] = np.concatenate([np.arange(n) for n in counts]) % min(folds, counts.min())
    right = np.zeros((len(STRENGTHS), len(y)), bool)
    for left_out in range(fold.max() + 1):
        out = fold == left_out
        for place, strength in enumerate(STRENGTHS):
            kernel, bias = logistic_regression(f[~out], y[~out], strength)
            right[place, out] = (f[out] @ kernel + bias).argmax(1) == y[out]
    return right[right.mean(1).argmax()]


# --- what goes in ----------------------------------------------------------------------------


def _checked(features: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features as float64, (n, d), and their labels."""
    try:
        f = np.asarray(features, "float64")
    except (TypeError, ValueError):
        raise ValueError("features must be an array of numbers, shape (n, d).") from None
    if f.ndim != 2 or 0 in f.shape:
        fix = ": average over height and width first, x.mean((1, 2))" if f.ndim == 4 else ""
        raise ValueError(f"features must have the shape (n, d), not {f.shape}{fix}.")
    if not np.isfinite(f).all():
        bad = np.flatnonzero(~np.isfinite(f).all(1))
        raise ValueError(
            f"features hold NaN or infinity, first in row {bad[0]}: look at what the network "
            "returns for that image."
        )
    return f, _target_labels(y, len(f))


def _target_labels(y: np.ndarray, n: int) -> np.ndarray:
    """Class numbers 0 … K−1 of n images, of which each class has one at least."""
    y = labels.class_numbers(y)
    if len(y) != n:
        raise ValueError(f"there are {n} images and {len(y)} labels: give one label for each.")
    if y.min() < 0:
        raise ValueError(f"y holds {y.min()}: class numbers are 0, 1, 2, …")
    missing = np.setdiff1d(np.arange(min(int(y.max()), n) + 1), y)
    if len(missing):
        raise ValueError(
            f"class {missing[0]} has no labelled image: give one at least, or number the classes "
            "that occur with np.unique(y, return_inverse=True)[1]."
        )
    if y.max() == 0:
        raise ValueError("all labels are of one class: there is nothing to tell apart.")
    return y
