"""Gradient descent.

Checks of exercise set 01, on chapter 01.
"""

import numpy as np

from tlcourse import optimizers
from tlcourse.checks import agrees, assemble, holds, numbers, shaped, task
from tlcourse.checks.references import slopes

EDITION = 2


def _problem(rng, n: int, d: int):
    """A small regression: θ, x, y."""
    return numbers(rng, d), numbers(rng, n, d), numbers(rng, n)


@task(
    "What does J do if you change one parameter a little, and all others stay?",
    "By the chain rule: outer derivative, the error; inner derivative, the x of that example.",
    "Each example contributes its error times its row of x. Take the mean over the examples; a "
    "product with the transposed x does the sum.",
    edition=2,
)
def gradient(answer, rng):
    """The gradient of half the mean squared error."""
    for n, d in ((1, 1), (3, 2), (50, 4), (2, 5), (int(rng.integers(5, 9)), 2)):
        theta, x, y = _problem(rng, n, d)
        x[np.abs(x) < 1.5] = 1.5
        got = answer(theta, x, y)
        yield shaped("has one slope for each parameter", got, (d,))
        by_hand = slopes(lambda t, x=x, y=y: np.mean((x @ t - y) ** 2) / 2, 0, theta)
        yield agrees(
            "agrees with the slopes measured by small steps",
            got,
            by_hand,
            {
                "the sign is reversed: the error is forecast minus truth": -by_hand,
                "the factor ½ of the loss is missing": 2 * by_hand,
                "the factor ½ is there twice: it cancels the 2 of the square's slope": by_hand / 2,
                "you sum over the examples; the loss is a mean": n * by_hand,
                "you sum over the examples, and the factor ½ is missing": 2 * n * by_hand,
                "you divide by the number of parameters instead of examples": n / d * by_hand,
                "this is the mean error: each error is still to be multiplied by its row of x": (
                    np.full(d, np.mean(x @ theta - y))
                ),
            },
            rtol=1e-3,
            atol=1e-4,
        )


@task(
    "Which of v and θ changes first, and which of them does the other one need?",
    "The velocity first: a part β of the old one survives, and the push −α∇J is added.",
    "v = beta * v - alpha * g, in a new array; then θ moves by this new v.",
    forbids=(
        "tlcourse.optimizers.descend",
        "keras.optimizers.SGD",
        "tensorflow.train.MomentumOptimizer",
        "torch.optim.SGD",
        "optax.sgd",
    ),
    edition=2,
)
def momentum_step(answer, rng):
    """One step of descent with momentum."""
    for d in (1, 2, 5):
        theta, g, v = numbers(rng, d), numbers(rng, d), numbers(rng, d)
        g[g == 0] = 1
        alpha = round(float(rng.uniform(0.2, 0.8)), 2)
        got = answer(theta, np.zeros(d), g, alpha, 0.0)
        plain, push = theta - alpha * g, alpha * g
        yield agrees(
            "without velocity and with β = 0 it is plain descent",
            got,
            [plain, -push],
            {
                "it walks uphill: the push is minus α times the gradient": [theta + push, push],
                "return θ first and v second": [-push, plain],
                "θ still moves by the old velocity: update v first": [theta, -push],
                "v has the other sign here: v ← βv − α∇J and θ ← θ + v": [plain, push],
                "v holds the gradient without α: v ← βv − α∇J": [plain, g],
            },
        )
        v[v == 0] = 1
        v[-1] *= 10
        alpha, beta = ((0.2, 0.7), (0.2, 0.9), (0.3, 0.6), (0.3, 0.8))[rng.integers(4)]
        got = answer(theta, v, g, alpha, beta)
        new = beta * v - alpha * g
        nesterov = theta + beta * new - alpha * g
        damped = beta * v - alpha * (1 - beta) * g
        yield agrees(
            "a part β of the velocity survives",
            got,
            [theta + new, new],
            {
                "the gradient is weighted by 1 − β, as in Adam; here it is not": [
                    theta + damped,
                    damped,
                ],
                "this is Nesterov's momentum; the ordinary one is asked for": [nesterov, new],
                "θ still moves by the old velocity: update v first": [theta + v, new],
                "the velocity is forgotten": [theta - alpha * g, -alpha * g],
                "the whole velocity survives: multiply it by β": [
                    theta + v - alpha * g,
                    v - alpha * g,
                ],
                "α multiplies the velocity too": [
                    theta + alpha * (beta * v - g),
                    alpha * (beta * v - g),
                ],
            },
        )


@task(
    "m and v begin at zero. What does that do to the first few steps?",
    "Update m with g and v with g²; the two factors of the rate are there to mend the start.",
    "rate = alpha * sqrt(1 - beta_2**t) / (1 - beta_1**t), with t = 1 in the first step; ε is "
    "added after the root of v is taken.",
    forbids=(
        "tlcourse.optimizers.adam",
        "keras.optimizers.Adam",
        "keras.optimizers.AdamW",
        "tensorflow.train.AdamOptimizer",
        "torch.optim.Adam",
        "torch.optim.AdamW",
        "optax.adam",
        "optax.adamw",
        "optax.scale_by_adam",
    ),
    edition=2,
)
def adam_step(answer, rng):
    """One step of Adam."""
    constants = ((0.1, 0.2, 0.3), (0.7, 0.8, 0.85), (0.92, 0.95, 0.97), (0.3, 0.4, 0.5))
    constants = np.transpose([rng.permutation(c)[:2] for c in constants]).tolist()
    for d, (alpha, b1, b2, eps) in zip((1, 3), constants, strict=True):
        theta, g = numbers(rng, d), numbers(rng, d)
        g[np.abs(g) < 0.5] = 1.5
        g[0] = -abs(g[0])
        got = answer(theta, np.zeros(d), np.zeros(d), g, 1, alpha, b1, b2, eps)
        m, v = (1 - b1) * g, (1 - b2) * g**2
        first = optimizers.adam(lambda _, g=g: g, theta, alpha, 1, b1, b2, eps)[-1]
        rate = alpha * np.sqrt(1 - b2) / (1 - b1)
        wrong = {
            "the bias is not corrected: α is still to be multiplied by the two factors": (
                theta - alpha * m / (np.sqrt(v) + eps)
            ),
            "ε is under the root; it belongs behind it": theta - rate * m / np.sqrt(v + eps),
            "it walks uphill": 2 * theta - first,
            "the root is missing: divide by √v, not by v": theta - rate * m / (v + eps),
            "the root over 1 − β₂ᵗ is missing": (
                theta - alpha * (1 - b2) / (1 - b1) * m / (np.sqrt(v) + eps)
            ),
            "ε is added after the correction, as in the paper's algorithm 1; in the formula above "
            "it is added before": (theta - alpha * g / (np.abs(g) + eps)),
            "θ moves by g instead of m": theta - rate * g / (np.sqrt(v) + eps),
            "θ moves by the old m: update m first": theta,
            "θ is divided by the root of the old v: update v first": theta - rate * m / eps,
            "ε is missing: add it to √v": theta - rate * m / np.sqrt(v),
            "t counts from 1 already: do not add 1 to it": (
                theta - alpha * np.sqrt(1 - b2**2) / (1 - b1**2) * m / (np.sqrt(v) + eps)
            ),
        }
        wrong = {message: [value, m, v] for message, value in wrong.items()}
        wrong["v is a mean of g; it should be one of g²"] = [
            theta - rate * m / (np.sqrt((1 - b2) * g) + eps),
            m,
            (1 - b2) * g,
        ]
        m_, v_ = (1 - b2) * g, (1 - b1) * g**2
        wrong["β₁ and β₂ are exchanged: β₁ belongs to m and β₂ to v"] = [
            theta - alpha * np.sqrt(1 - b1) / (1 - b2) * m_ / (np.sqrt(v_) + eps),
            m_,
            v_,
        ]
        wrong["β₁ and β₂ are exchanged in m and v: β₁ belongs to m and β₂ to v"] = [
            theta - rate * m_ / (np.sqrt(v_) + eps),
            m_,
            v_,
        ]
        m_, v_ = b1 * g, b2 * g**2
        wrong["β and 1 − β are exchanged: little of g is new, much of m is kept"] = [
            theta - rate * m_ / (np.sqrt(v_) + eps),
            m_,
            v_,
        ]
        orders = ([m, v, first], [first, v, m], [v, m, first], [m, first, v], [v, first, m])
        if any(agrees("", got, other).ok for other in orders):
            wrong["return θ, m and v, in this order"] = got
        yield agrees("the first step follows the formula", got, [first, m, v], wrong)

        m, v = numbers(rng, d), numbers(rng, d) ** 2 + 1
        later = answer(theta, m, v, g, 3, alpha, b1, b2, eps)
        for what, other in {
            "the old m": answer(theta, m + 1, v, g, 3, alpha, b1, b2, eps),
            "the old v": answer(theta, m, v + 1, g, 3, alpha, b1, b2, eps),
            "the number t of the step": answer(theta, m, v, g, 4, alpha, b1, b2, eps),
        }.items():
            moved = not np.allclose(later[0], other[0], rtol=1e-7)
            yield holds(f"{what} counts", moved, f"{what} is not used: with another, θ is the same")

        mine, m, v = theta, np.zeros(d), np.zeros(d)
        gs = numbers(rng, 4, d)
        for t, g in enumerate(gs, 1):
            mine, m, v = answer(mine, m, v, g, t, alpha, b1, b2, eps)
        gradients = iter(gs)
        path = optimizers.adam(
            lambda _, gradients=gradients: next(gradients), theta, alpha, 4, b1, b2, eps
        )
        yield agrees("four steps, with m and v handed on, follow the formula", mine, path[-1])


@task(
    "Which examples belong to batch number 2, if the order is [4, 0, 3, 1, 2] and the size is 2?",
    "order[start : start + size] are the examples of one batch: take these rows of x and of y.",
    "Each row is the gradient on its own examples alone, so it is divided by how many they are; "
    "of the last batch that may be fewer than size.",
    forbids=("tlcourse.optimizers.batches",),
    edition=2,
)
def minibatch_gradients(answer, rng):
    """The gradient on each mini-batch of an epoch."""

    def slope(theta, x, y):
        return x.T @ (x @ theta - y) / len(y)

    for n, size, d in ((2, 1, 1), (4, 2, 2), (5, 2, 2), (23, 5, 3), (9, 4, 1), (3, 5, 2)):
        theta, x, y = _problem(rng, n, d)
        x, y = x + np.arange(n)[:, None], y + np.arange(n)  # no two examples alike
        order = rng.permutation(n)
        if n == 2:
            order = np.array([1, 0])
        got = answer(theta, x, y, order, size)
        starts = range(0, n, size)
        if n % size:
            why = "the last batch is smaller, and it counts too"
            few = isinstance(got, np.ndarray) and got.shape == (n // size, d)
            yield holds("no example is left out", not few, why)
        yield shaped("has a row for each batch", got, (len(starts), d))
        right = np.array([slope(theta, x[p], y[p]) for p in (order[s : s + size] for s in starts)])
        moved = np.allclose(got[0], right[0]) and not np.isclose(got[1:], right[1:]).any()
        if n % size == 0:
            yield agrees(
                "the mean over the batches is the gradient on all examples",
                got.mean(0),
                slope(theta, x, y),
                {
                    "you sum over each batch; divide by its size": size * slope(theta, x, y),
                    "each row is divided by N instead of by the size of its batch": (
                        size / n * slope(theta, x, y)
                    ),
                    "the sign is reversed: the error is forecast minus truth": -slope(theta, x, y),
                    "x is put in the new order and y is not, or the reverse: each row of x has "
                    "now another's y": slope(theta, x[order], y),
                }
                | (
                    {"only the first row is right: does θ change in between?": got.mean(0)}
                    if moved
                    else {}
                ),
            )
        unmixed = np.array([slope(theta, x[s : s + size], y[s : s + size]) for s in starts])
        shares = np.array([min(size, n - s) / size for s in starts])[:, None]
        yield agrees(
            "each row is the gradient on its own examples",
            got,
            right,
            {
                "the order is not used: the batches are taken as the examples lie": unmixed,
                "the last batch is smaller: divide by its own number of examples": right * shares,
            },
        )


@task(
    "Print the path of the broken version. Which way does it go, and which of its rows differ?",
    "There are three faults: a sign, something that is computed too early, and an array that is "
    "changed after it was put into the list.",
    "theta -= … changes the very array that lies in the path already; theta = theta − … makes a "
    "new one.",
    forbids=("tlcourse.optimizers.descend",),
)
def repaired(answer, rng):
    """Gradient descent on ½θᵀHθ − bᵀθ, repaired."""
    for d, steps in ((1, 2), (2, 4), (4, 10)):
        curvature = numbers(rng, d, d)
        curvature = np.round(curvature @ curvature.T + np.eye(d), 1)
        b, theta = numbers(rng, d) + 0.05, numbers(rng, d)
        theta[theta == 0] = 1
        alpha = round(0.5 / np.linalg.norm(curvature, 2), 3)
        path = optimizers.descend(lambda t, h=curvature, b=b: h @ t - b, theta, alpha, steps)
        got = answer(curvature, b, theta, alpha, steps)
        first = curvature @ theta - b
        k = np.arange(steps + 1)[:, None]
        uphill = optimizers.descend(lambda t, h=curvature, b=b: b - h @ t, theta, alpha, steps)
        rows = len(got) if isinstance(got, np.ndarray) and got.ndim == 2 else steps + 1
        why = "the start belongs to the path, so that it has steps + 1 rows"
        if rows > steps + 1:
            why = "a row too many: the start and each step are steps + 1 rows"
        elif rows < steps + 1 and got.shape == (rows, d) and np.allclose(got[:1], theta):
            why = "a step is missing: is the return inside the loop?"
        yield holds("has a row for the start and for each step", rows == steps + 1, why)
        yield shaped("each row is a place θ", got, (steps + 1, d))
        why = "all rows are the same place: the array in the list is changed after it was put in"
        yield holds("every step has a place of its own", not (got == got[-1]).all(), why)
        yield agrees(
            "every step goes against the slope where it stands",
            got,
            path,
            {
                "it walks uphill": uphill,
                "the slope is taken once, at the start, and never again": theta - alpha * k * first,
                "it walks uphill, and by the slope of the start": theta + alpha * k * first,
                "b is missing in the slope": optimizers.descend(
                    lambda t, h=curvature: h @ t, theta, alpha, steps
                ),
                "b has the wrong sign: the slope is Hθ − b": optimizers.descend(
                    lambda t, h=curvature, b=b: h @ t + b, theta, alpha, steps
                ),
            },
        )


# What gives eigenvalues: itself, or as a norm, a factorisation or the roots of a polynomial.
EIGENVALUES = (
    "numpy.linalg.eig",
    "numpy.linalg.eigh",
    "numpy.linalg.eigvals",
    "numpy.linalg.eigvalsh",
    "numpy.linalg.svd",
    "numpy.linalg.svdvals",
    "numpy.linalg.norm",
    "numpy.linalg.matrix_norm",
    "numpy.linalg.cond",
    "numpy.linalg.qr",
    "numpy.linalg.cholesky",
    "numpy.roots",
    "numpy.poly",
    "numpy.polynomial.polynomial.polyroots",
    "numpy.polynomial.Polynomial",
    "scipy.linalg.eig",
    "scipy.linalg.eigh",
    "scipy.linalg.eigvals",
    "scipy.linalg.eigvalsh",
    "scipy.linalg.svd",
    "scipy.linalg.svdvals",
    "scipy.linalg.norm",
    "scipy.linalg.schur",
    "scipy.linalg.qr",
    "scipy.linalg.cholesky",
    "scipy.linalg.ldl",
    "scipy.linalg.hessenberg",
    "scipy.linalg.eig_banded",
    "scipy.linalg.eigvals_banded",
    "scipy.linalg.eigh_tridiagonal",
    "scipy.linalg.eigvalsh_tridiagonal",
    "scipy.linalg.lapack",
    "scipy.linalg.interpolative",
    "scipy.sparse.linalg.eigs",
    "scipy.sparse.linalg.eigsh",
    "scipy.sparse.linalg.svds",
    "scipy.sparse.linalg.lobpcg",
    "scipy.sparse.linalg.norm",
    "sklearn.utils.extmath.randomized_svd",
    "sklearn.decomposition.PCA",
    "sklearn.decomposition.TruncatedSVD",
    "keras.ops.eig",
    "keras.ops.eigh",
    "keras.ops.svd",
    "keras.ops.norm",
    "keras.ops.qr",
    "keras.ops.cholesky",
    "keras.layers.SpectralNormalization",
    "tensorflow.linalg.eig",
    "tensorflow.linalg.eigh",
    "tensorflow.linalg.eigvals",
    "tensorflow.linalg.eigvalsh",
    "tensorflow.linalg.eigh_tridiagonal",
    "tensorflow.linalg.svd",
    "tensorflow.linalg.norm",
    "tensorflow.linalg.qr",
    "tensorflow.linalg.cholesky",
    "tensorflow.eig",
    "tensorflow.eigvals",
    "tensorflow.svd",
    "tensorflow.norm",
    "tensorflow.qr",
    "tensorflow.cholesky",
    "tensorflow.self_adjoint_eig",
    "tensorflow.self_adjoint_eigvals",
    "tensorflow.raw_ops.Eig",
    "tensorflow.raw_ops.SelfAdjointEig",
    "tensorflow.raw_ops.SelfAdjointEigV2",
    "tensorflow.raw_ops.BatchSelfAdjointEig",
    "tensorflow.raw_ops.BatchSelfAdjointEigV2",
    "tensorflow.raw_ops.Svd",
    "tensorflow.raw_ops.BatchSvd",
    "tensorflow.raw_ops.Qr",
    "tensorflow.raw_ops.Cholesky",
    "tensorflow.raw_ops.BatchCholesky",
    "torch.linalg.eig",
    "torch.linalg.eigh",
    "torch.linalg.eigvals",
    "torch.linalg.eigvalsh",
    "torch.svd",
    "torch.linalg.svdvals",
    "torch.norm",
    "torch.linalg.matrix_norm",
    "torch.linalg.cond",
    "torch.qr",
    "torch.cholesky",
    "torch.lobpcg",
    "torch.svd_lowrank",
    "torch.pca_lowrank",
    "jax.lax.linalg.eig",
    "jax.lax.linalg.eigh",
    "jax.lax.linalg.svd",
    "jax.lax.linalg.qr",
    "jax.lax.linalg.cholesky",
    "jax.lax.linalg.schur",
)


# --- the largest learning rate -----------------------------------------------------------------


def _curvature(rng, d: int) -> np.ndarray:
    """A symmetric matrix with eigenvalues between 0.5 and 4, the largest apart from the others."""
    directions = np.linalg.qr(rng.normal(size=(d, d)))[0]
    values = np.append(rng.uniform(0.5, 2.5, d - 1), rng.uniform(3, 4))
    return np.round((directions * values) @ directions.T, 2)


# Starts that are simple to write: an experiment that begins at one of them misses what lies at a
# right angle to it.
STARTS = (
    *([1, 1], [1, -1], [1, 2], [2, 1], [1, 3], [3, 1], [1, 4], [4, 1], [1, -2], [2, -1]),
    *([1, 1, 1], [1, 2, 3], [2, 3]),
)


FEW_STEPS = "a little too large: are there enough steps in a walk, and enough halvings?"


def _away_from(start: list[int]) -> np.ndarray:
    """A curvature of 3 in a direction at a right angle to a start, and of 1 in all others."""
    away = np.array([start[1], -start[0], 0][: len(start)])
    return np.round(np.eye(len(start)) + 2 * np.outer(away, away) / (away @ away), 12)


def _rate(name: str, got, curvature: np.ndarray, rtol: float, mistakes: dict | None = None):
    """Whether `got` is where descent on ½θᵀHθ begins to diverge, and if not, what it may be."""
    values = np.linalg.eigvalsh(curvature)
    between = {}
    if any(agrees("", got, 2 / value, rtol=rtol).ok for value in values[1:-1]):
        between = {"this is the limit of one direction, and another is steeper": got}
    return agrees(
        name,
        got,
        2 / values[-1],
        (mistakes or {})
        | {
            "this is the fastest rate, not the largest: it reaches the floor of the steepest "
            "direction in one step": 1 / values[-1],
            "this is the fastest rate, not the largest: the limit lies higher": (
                2 / (values[0] + values[-1])
            ),
            "this is the limit of the flattest direction; the steepest one diverges long before": (
                2 / values[0]
            ),
            "this is the limit upside down: divide by the curvature": values[-1] / 2,
            "this is the largest curvature, not a rate": values[-1],
            "the trace adds all curvatures; only the largest matters": 2 / values.sum(),
            "the largest entry of H is not its largest curvature: turn to its eigenvalues": (
                2 / curvature.max()
            ),
            "this is the root of the sum of all squares, which np.linalg.norm(H) gives; only the "
            "largest eigenvalue matters": 2 / np.sqrt(np.sum(values**2)),
            "this is the largest sum of a row, which is not the largest eigenvalue": (
                2 / abs(curvature).sum(1).max()
            ),
        }
        | between,
        rtol=rtol,
    )


@task(
    "By which factor does one step change the distance to the minimum, along one eigenvector?",
    "By 1 − αλ. For which α is its size below 1, and which λ gives way first?",
    "The largest eigenvalue decides; the factor there reaches −1 first. Solve for α.",
    edition=2,
)
def largest_rate(answer, rng):
    """The learning rate at which descent begins to diverge, predicted."""
    yield _rate("is right in one dimension", answer(np.array([[2.2]])), np.array([[2.2]]), 1e-4)
    for curvatures in ([3.0, 1.0, 0.5], [1.0, 3.0, 0.5], [0.5, 1.0, 3.0]):
        axes = np.diag(curvatures)
        yield _rate("is right on three axes", answer(axes), axes, 1e-4)
    for slope in (0.5, -0.5):  # the steeper direction nearer to the first axis, and to the second
        for curvature in (np.array([[3, slope], [slope, 1]]), np.array([[1, slope], [slope, 3]])):
            yield _rate(
                "is right in a tilted valley of two directions", answer(curvature), curvature, 1e-4
            )
    for d in (2, 2, 3, 6):
        curvature = _curvature(rng, d)
        yield _rate("is right in a tilted valley", answer(curvature), curvature, 1e-4)
    for curvature in (*map(_away_from, STARTS), 2.5 * np.eye(4), np.array([[0.25]])):
        yield _rate(
            "is right whatever the steepest direction is", answer(curvature), curvature, 1e-4
        )


@task(
    "How would you see, without any formula, that a rate is too large?",
    "Walk 200 steps from a random start with one rate, and compare the distances to 0 at both "
    "ends. Then halve the interval in which the limit lies.",
    "Begin with an interval [0, 10]. If the walk from the middle rate ends farther away than it "
    "began, the limit is below the middle, else above; 30 halvings are plenty.",
    forbids=EIGENVALUES,
    edition=2,
)
def measured_rate(answer, rng):
    """The learning rate at which descent begins to diverge, measured."""
    for name, curvature in {
        "finds it in one dimension": np.array([[2.2]]),
        "finds it when the steep axis comes first": np.diag([3.0, 1.0]),
        "finds it when the steep axis comes second": np.diag([1.0, 3.0]),
        "finds it in a tilted valley": _curvature(rng, 3),
        "finds it in six dimensions": _curvature(rng, 6),
        "finds it where all directions are equally steep": 2.5 * np.eye(4),
        "finds it where it is nearly 10": np.diag([0.22, 0.1]),
    }.items():
        mistakes = {
            "the search ends at 10, as if every walk came nearer: which of the two halves is kept? "
            "(And if a walk overflows, a comparison with NaN is false: take fewer steps, or count "
            "what is not finite as growing.)": 10,
        }
        if np.count_nonzero(curvature) == len(curvature):  # the axes are its directions
            mistakes[
                "your start lies on a flat axis, where the steep one is not felt: begin at random"
            ] = 2 / curvature[0, 0]
        got, right = answer(curvature), 2 / np.linalg.norm(curvature, 2)
        if isinstance(got, float | int) and 1.03 * right < got < 1.15 * right:
            mistakes[FEW_STEPS] = got
        yield _rate(name, got, curvature, 0.03, mistakes)
    for start in STARTS:
        got = answer(_away_from(start))
        why = {}
        if isinstance(got, float | int) and got > 1.03 * 2 / 3:
            far = "your start lies at a right angle to the steepest direction: begin at random"
            why = {far if got > 1.15 * 2 / 3 else FEW_STEPS: got}
        yield agrees("finds it whatever the steepest direction is", got, 2 / 3, why, rtol=0.03)


# --- stochastic gradient descent, its lines in order ---------------------------------------------

_LINES = {
    "A": "            error = x[chosen] @ theta - y[chosen]",
    "B": "    for _ in range(epochs):",
    "C": "    return theta",
    "D": "        order = rng.permutation(len(y))",
    "E": "    theta = np.zeros(x.shape[1])",
    "F": "            theta = theta - alpha * x[chosen].T @ error / len(chosen)",
    "G": "def sgd(x, y, alpha, size, epochs, rng):",
    "H": "    order = rng.permutation(len(y))",
    "I": "        for start in range(0, len(y), size):",
    "J": "            theta = theta - alpha * x[chosen].T @ error",
    "K": "            chosen = order[start : start + size]",
    "L": "            error = y[chosen] - x[chosen] @ theta",
}


@task(
    "What happens once, what once in an epoch, and what for each batch? The indentation tells.",
    "Three lines are not needed. One keeps the same order in all epochs, one has the wrong sign, "
    "one makes the step longer for a larger batch.",
    "Begin with the def, the start θ = 0 and the loop over epochs; then a new order, the loop over "
    "batches, which examples, their error, the step; at last the return.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """Stochastic gradient descent, its lines put in order."""
    sgd = assemble(_LINES, answer, "sgd", {"np": np})
    unwanted = {
        "every epoch has a new order": ("H", "with line H all epochs have the same order"),
        "the steps go downhill": ("L", "with line L the error has the wrong sign"),
        "the step does not grow with the batch": ("J", "line J sums over the batch: take the mean"),
    }
    for name, (label, why) in unwanted.items():
        if label in answer:
            yield holds(name, False, why)
    for n, size, d in ((4, 2, 1), (10, 3, 2)):
        _, x, y = _problem(rng, n, d)
        seed, theta = int(rng.integers(1000)), np.zeros(d)
        draw = optimizers.batches(n, size, np.random.default_rng(seed))
        for _ in range(3 * -(-n // size)):
            chosen = next(draw)
            theta = theta - 0.05 * x[chosen].T @ (x[chosen] @ theta - y[chosen]) / len(chosen)
        got = sgd(x, y, 0.05, size, 3, np.random.default_rng(seed))
        yield agrees(
            "θ goes through every batch of three epochs",
            got,
            theta,
            {"nothing moves: θ is still where it began": np.zeros(d)},
        )
    for name in unwanted:
        yield holds(name, True)
