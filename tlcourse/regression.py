"""Logistic regression on pixels or features, solved and not trained. NumPy and scikit-learn."""

import numpy as np


def logistic_regression(
    x: np.ndarray, y: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (d, K) and bias (K,) of a regularised regression on columns of the same unit.

    All columns are centred and divided by one number, the root of their mean variance, so that C
    means the same for pixels and for features. They are not divided by a standard deviation each:
    of a few labelled examples that is mostly chance, and a column that hardly varies would be blown
    up. Columns of different units are for the caller to scale.

    With fewer examples than columns, the solution lies in the span of the examples, so it is
    looked for there.

    Parameters
    ----------
    x : ndarray, shape (n, d)
    y : ndarray of int, shape (n,)
        All K classes occur.
    strength : float
        C, the inverse of the regularisation; above 0.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    mean = x.mean(0, dtype="float64")
    scale = np.sqrt(x.var(0, dtype="float64").mean()) or 1
    z = (x - mean) / scale
    regression = LogisticRegression(C=strength, max_iter=5000)
    with threadpool_limits(1):  # on a busy machine threads that wait for each other cost ten times
        _, singular, directions = np.linalg.svd(z, full_matrices=False)
        directions = directions[: max(1, np.sum(singular > 1e-9 * singular[0]))]
        regression.fit(z @ directions.T, y)
    kernel, bias = (regression.coef_ @ directions / scale).T, regression.intercept_
    if kernel.shape[1] == 1:  # two classes: scikit-learn keeps the second's logit alone
        kernel, bias = np.hstack([0 * kernel, kernel]), np.append(0, bias)
    return kernel, bias - mean @ kernel
