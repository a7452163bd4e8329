"""Cross-entropy.

Checks of exercise set 02, on chapter 02.
"""

from functools import cache

import numpy as np

from tlcourse import losses
from tlcourse.checks import agrees, assemble, holds, numbers, shaped, task

EDITION = 2

SOFTMAX = (
    "scipy.special.softmax",
    "scipy.special.log_softmax",
    "scipy.special.logsumexp",
    "sklearn.utils.extmath.softmax",
    "keras.ops.softmax",
    "keras.activations.softmax",
    "keras.layers.Softmax",
    "keras.backend.softmax",
    "keras.ops.log_softmax",
    "keras.activations.log_softmax",
    "keras.backend.log_softmax",
    "keras.ops.logsumexp",
    "keras.backend.logsumexp",
    "tensorflow.nn.softmax",
    "tensorflow.nn.log_softmax",
    "tensorflow.nn.softmax_v2",
    "tensorflow.nn.log_softmax_v2",
    "tensorflow.math.softmax",
    "tensorflow.math.log_softmax",
    "tensorflow.sparse.softmax",
    "tensorflow.sparse_softmax",
    "tensorflow.reduce_logsumexp",
    "tensorflow.math.cumulative_logsumexp",
    "tensorflow.raw_ops.Softmax",
    "tensorflow.raw_ops.LogSoftmax",
    "tensorflow.raw_ops.SparseSoftmax",
    "tensorflow.raw_ops.CumulativeLogsumexp",
    "torch.softmax",
    "torch.nn.Softmax",
    "torch.nn.Softmax2d",
    "torch.log_softmax",
    "torch.nn.LogSoftmax",
    "torch.logsumexp",
    "torch.logcumsumexp",
    "torch.nn.functional.gumbel_softmax",
    "jax.nn.softmax",
    "jax.nn.log_softmax",
    "jax.nn.logsumexp",
)
LOSSES = (
    "tlcourse.losses.cross_entropy",
    "scipy.special.log_softmax",
    "scipy.special.logsumexp",
    "keras.ops.log_softmax",
    "keras.activations.log_softmax",
    "keras.backend.log_softmax",
    "keras.ops.logsumexp",
    "keras.backend.logsumexp",
    "tensorflow.nn.log_softmax",
    "tensorflow.nn.log_softmax_v2",
    "tensorflow.math.log_softmax",
    "tensorflow.reduce_logsumexp",
    "tensorflow.math.cumulative_logsumexp",
    "tensorflow.raw_ops.LogSoftmax",
    "tensorflow.raw_ops.CumulativeLogsumexp",
    "torch.log_softmax",
    "torch.nn.LogSoftmax",
    "torch.logsumexp",
    "torch.logcumsumexp",
    "jax.nn.log_softmax",
    "jax.nn.logsumexp",
    "sklearn.metrics.log_loss",
    "keras.losses.sparse_categorical_crossentropy",
    "keras.losses.categorical_crossentropy",
    "keras.losses.SparseCategoricalCrossentropy",
    "keras.losses.CategoricalCrossentropy",
    "keras.losses.CategoricalFocalCrossentropy",
    "keras.losses.categorical_focal_crossentropy",
    "keras.losses.CategoricalGeneralizedCrossEntropy",
    "keras.losses.categorical_generalized_cross_entropy",
    "keras.metrics.sparse_categorical_crossentropy",
    "keras.metrics.categorical_crossentropy",
    "keras.metrics.categorical_focal_crossentropy",
    "keras.metrics.SparseCategoricalCrossentropy",
    "keras.metrics.CategoricalCrossentropy",
    "keras.ops.sparse_categorical_crossentropy",
    "keras.ops.categorical_crossentropy",
    "keras.backend.sparse_categorical_crossentropy",
    "keras.backend.categorical_crossentropy",
    "tensorflow.nn.sparse_softmax_cross_entropy_with_logits",
    "tensorflow.nn.softmax_cross_entropy_with_logits",
    "tensorflow.nn.softmax_cross_entropy_with_logits_v2",
    "tensorflow.losses.sparse_softmax_cross_entropy",
    "tensorflow.losses.softmax_cross_entropy",
    "tensorflow.losses.log_loss",
    "tensorflow.nn.sampled_softmax_loss",
    "tensorflow.raw_ops.SoftmaxCrossEntropyWithLogits",
    "tensorflow.raw_ops.SparseSoftmaxCrossEntropyWithLogits",
    "torch.nn.functional.cross_entropy",
    "torch.nn.CrossEntropyLoss",
    "torch.nn.NLLLoss",
    "torch.nn.functional.nll_loss",
    "optax.softmax_cross_entropy",
    "optax.softmax_cross_entropy_with_integer_labels",
    "optax.losses.softmax_cross_entropy",
    "optax.losses.softmax_cross_entropy_with_integer_labels",
)


def _softmax(z, axis=1):
    """As `scipy.special.softmax`, several times as fast for a few rows."""
    exponentials = np.exp(z - z.max(axis, keepdims=True))
    return exponentials / exponentials.sum(axis, keepdims=True)


def _examples(rng, n: int, k: int):
    """Logits, and labels among which every class is."""
    labels = rng.permutation(np.arange(n) % k)
    if n == 1:
        labels = np.array([1])  # 0 would hide a label that is taken for a number
    return numbers(rng, n, k), labels


LARGEST = "subtract its largest logit, so that no exponent is above 0"
CUT = {
    "e¹⁰⁰⁰ and e⁹⁹⁹ are cut to the largest number there is, and their ratio is lost: subtract the "
    "row's largest logit first": np.zeros((1, 2)),
    "the logits are cut off, and the distance between them is lost: subtract the row's largest "
    "instead": np.full((1, 2), 0.5),
}
FARTHER = (  # rows with one and with two logits that count
    (
        [0.0, 1000.0, 999.0],
        "the largest logit need not stand in the first column: " + LARGEST,
    ),
    (
        [-20000.0, 20000.0, 19999.0],
        "no type of number is wide enough for e²⁰⁰⁰⁰: " + LARGEST,
    ),
    (
        [-20000.0, -20001.0, -40000.0],
        "no type of number is fine enough for e⁻²⁰⁰⁰⁰, and 0 / 0 is NaN: " + LARGEST,
    ),
)
ONE_SHIFT = "the largest logit of all is subtracted: in the second row everything rounds to 0"


# --- 1 to 3: probabilities, price, gradient ----------------------------------------------------


@task(
    "What does softmax do if you add the same number to all logits of a row?",
    "Nothing: so subtract the largest logit of the row, and no exponent is above zero.",
    "z.max(axis=1, keepdims=True) has the shape (N, 1) and is subtracted from every row.",
    forbids=SOFTMAX,
    edition=2,
)
def softmax(answer, rng):
    """Softmax of each row, whatever the size of the logits."""
    for n, k in ((1, 2), (2, 3), (20, 5)):
        z = np.round(numbers(rng, n, k) + 0.1 * np.arange(k), 1)
        p = answer(z)
        yield shaped("has the shape of z", p, z.shape)
        sums = p.sum(1)
        why = ""
        if np.allclose(p.sum(0), 1):
            why = "the columns sum to 1: you normalise over the examples"
        elif np.isclose(p.sum(), 1):
            why = "all numbers together sum to 1: each row needs its own sum"
        elif np.allclose(np.exp(p).sum(1), 1):
            why = "these are the logarithms of the probabilities"
        elif np.allclose((p**2).sum(1), 1):
            why = "each row is divided by its length, not by its sum"
        yield holds("rows sum to 1", np.allclose(sums, 1, atol=1e-5), why)
        yield agrees(
            "raises e to the power of the logit",
            p,
            _softmax(z),
            {
                "the sign of the logits is reversed: the largest logit gets the least": _softmax(
                    -z
                ),
                "the logits are divided by their sum, without the exponential": (
                    z / z.sum(1, keepdims=True)
                ),
                "this is softmax twice": _softmax(_softmax(z)),
            },
        )
    z = numbers(rng, 1, 3)
    same = np.allclose(answer(z), answer(z + 10), atol=1e-5)
    yield holds("stays the same when a row is shifted", same)
    for row, why in {
        (1000.0, 0.0): "e¹⁰⁰⁰ overflows: subtract the largest logit of the row first",
        (1000.0, 0.0, 0.0, 0.0, 0.0): "the mean of a row is not enough to subtract: " + LARGEST,
    }.items():
        p = answer(np.array([row]))
        yield holds("does not overflow at 1000", np.isfinite(p).all(), why)
    for row, why, others in (
        ((1000.0, 999.0), "both exponentials overflow: " + LARGEST, CUT),
        ((-1000.0, -1001.0), "both exponentials round to 0, and 0 / 0 is NaN: " + LARGEST, {}),
    ):
        z = np.array([row])
        p = answer(z)
        name = "is right where all logits of a row are far from 0"
        yield holds(name, np.isfinite(p).all(), why)
        yield agrees(name, p, _softmax(z), others)
    z = np.array([[1000.0, 999.0], [-1000.0, -1001.0]])
    p = answer(z)
    yield holds("gives rows far apart their own shift", np.isfinite(p).all(), ONE_SHIFT)
    yield agrees("is right at 1000 and at −1000", p, _softmax(z))
    for row, why in FARTHER:
        p = answer(np.array([row]))
        name = "is right for logits of any size, wherever the largest stands"
        yield holds(name, np.isfinite(p).all(), why)
        yield agrees(name, p, _softmax(np.array([row])))


@task(
    "Which one number of each row of probabilities does the loss look at?",
    "The price of a row is −z_r + log Σ e^z, where r is its label; nothing but logits is in it.",
    "Subtract each row's largest logit m first, which changes nothing in −z_r + log Σ e^z. "
    "z[np.arange(N), labels] takes one logit from each row.",
    forbids=LOSSES,
    edition=2,
)
def cross_entropy(answer, rng):
    """The mean cross-entropy, from logits and class numbers."""
    for n, k in ((3, 2), (2, 3), (30, 4), (3, 7)):
        z, labels = _examples(rng, n, k)
        z = np.round(z + 0.1 * np.arange(k), 1)
        got = answer(z, labels)
        right = losses.cross_entropy(z, labels)
        p = _softmax(z)
        chosen = p[np.arange(n), labels]
        largest, price = z.max(1), z[np.arange(n), labels]
        shifted = np.exp(z - z.max(1, keepdims=True)).sum(1)
        yield agrees(
            "is the mean price of the right classes",
            got,
            right,
            {
                "the sign is reversed: a price is positive": -right,
                "you sum over the examples; take the mean": n * right,
                "you take the mean over all entries, of which all but one in each row are zero": (
                    right / k
                ),
                "this is the logarithm to base 2; the natural one is asked for": right / np.log(2),
                "this is softmax twice: the logits go through one softmax only": (
                    losses.cross_entropy(p, labels)
                ),
                "there is no logarithm: this is one minus the probability": np.mean(1 - chosen),
                "there is no logarithm: this is minus the probability": -np.mean(chosen),
                "the logarithm of Σ e^z is forgotten: z_r is subtracted from the sum": np.mean(
                    shifted - (price - largest)
                ),
                "the logarithm of Σ e^z is forgotten, and nothing is subtracted": np.mean(
                    np.exp(z).sum(1) - price
                ),
                "the largest logit is subtracted in the sum only: do so in z_r too": np.mean(
                    np.log(shifted) - price
                ),
                "the largest logit is subtracted from z_r only: do so in the sum too": np.mean(
                    np.log(np.exp(z).sum(1)) - price + largest
                ),
                "z[:, labels] takes all labels from every row: take from each row its own": np.mean(
                    np.log(np.exp(z).sum(1))
                )
                - np.mean(z[:, labels]),
                "Σ e^z is missing": -np.mean(z[np.arange(n), labels]),
                "of Σ e^z only the largest term is there": np.mean(
                    z.max(1) - z[np.arange(n), labels]
                ),
                "the logarithm is taken of the mean; take the mean of the logarithms": -np.log(
                    np.mean(chosen)
                ),
                "you normalise over the examples": -np.mean(
                    np.log(_softmax(z, 0)[np.arange(n), labels])
                ),
            },
        )
    z = np.array([[1000.0, 0.0, -1000.0]])
    why = (
        "e¹⁰⁰⁰ overflows, or a probability rounds to 0 and its logarithm is infinite: stay with "
        "the logits, and subtract from each row its largest"
    )
    for label in (0, 1, 2):
        got = answer(z, np.array([label]))
        yield holds("is finite where a probability rounds to 0", np.isfinite(got), why)
        yield agrees("is right there", got, losses.cross_entropy(z, np.array([label])))
    for row, label in (([1000.0, 999.0], 1), ([-1000.0, -1001.0], 0)):
        z, labels = np.array([row]), np.array([label])
        got = answer(z, labels)
        name = "is right where all logits of a row are far from 0"
        why = "the exponentials of the row overflow, or all round to 0: " + LARGEST
        yield holds(name, np.isfinite(got), why)
        yield agrees(name, got, losses.cross_entropy(z, labels))
    z, labels = np.array([[1000.0, 999.0], [-1000.0, -1001.0]]), np.array([1, 0])
    got = answer(z, labels)
    yield holds("gives rows far apart their own shift", np.isfinite(got), ONE_SHIFT)
    yield agrees("is right at 1000 and at −1000", got, losses.cross_entropy(z, labels))
    for row, why in FARTHER:
        for label in (0, 1, 2):
            z, labels = np.array([row]), np.array([label])
            got = answer(z, labels)
            name = "is right for logits of any size, wherever the largest stands"
            yield holds(name, np.isfinite(got), why)
            yield agrees(name, got, losses.cross_entropy(z, labels))


@task(
    "Add a little to one logit. Which probability grows, and which shrink?",
    "The derivative of the loss of one row is its probabilities minus its one-hot label.",
    "(ŷ − y)/N, where N comes from the mean, and ŷ is a softmax that does not overflow.",
    forbids=SOFTMAX,
    edition=2,
)
def logit_gradient(answer, rng):
    """The gradient of the mean cross-entropy with respect to the logits."""
    for n, k in ((1, 2), (3, 4), (10, 3), (int(rng.integers(4, 9)), 3)):
        z, labels = _examples(rng, n, k)
        z = np.round(z + 0.1 * np.arange(k), 1)
        got = answer(z, labels)
        yield shaped("has the shape of z", got, z.shape)
        y, p = np.eye(k)[labels], _softmax(z)
        by_hand = (p - y) / n  # what small steps measure, in a tenth of the time
        columns = p.copy()
        columns[:, labels] -= 1
        yield agrees(
            "agrees with the slopes measured by small steps",
            got,
            by_hand,
            {
                "the sign is reversed: it is ŷ − y": -by_hand,
                "this is the gradient of the sum; the mean divides by N": n * by_hand,
                "you divide by all entries; the mean is over the N examples": by_hand / k,
                "you normalise over the examples": (_softmax(z, 0) - y) / n,
                "the labels are not subtracted": p / n,
                "the class numbers are subtracted: subtract one-hot rows": (
                    (p - labels[:, None]) / n
                ),
                "p[:, labels] takes these columns of every row: take from each row its own, "
                "p[np.arange(N), labels]": columns / n,
                "only the right class has a slope here; the others have one too": by_hand * y,
                "the right class has no slope here": by_hand * (1 - y),
                "this is y/ŷ, with respect to the probabilities; go on to the logits": -y / p / n,
            },
            rtol=1e-3,
            atol=1e-6,
        )
    for row, slope, why in (
        ([1000.0, 0.0], 1, "the softmax overflows: subtract the largest logit of each row"),
        ([-1000.0, -2000.0], 1, "all exponentials round to 0, and 0 / 0 is NaN: " + LARGEST),
        ([-1000.0, 0.0], 0, "the softmax overflows: subtract the largest logit of each row"),
    ):
        got = answer(np.array([row]), np.array([1]))
        yield holds("does not overflow at 1000", np.isfinite(got).all(), why)
        yield agrees("is right there", got, np.array([[slope, -slope]]))
    got = answer(np.array([[1000.0, 0.0], [-1000.0, -2000.0]]), np.array([1, 1]))
    yield holds("gives rows far apart their own shift", np.isfinite(got).all(), ONE_SHIFT)
    yield agrees("is right for rows far apart", got, np.array([[0.5, -0.5], [0.5, -0.5]]))
    got = answer(np.array([[1000.0, 0.0, 0.0, 0.0, 0.0]]), np.array([1]))
    why = "the mean of a row is not enough to subtract: " + LARGEST
    yield holds("does not overflow where one logit is far above", np.isfinite(got).all(), why)
    yield agrees("is right there too", got, np.array([[1.0, -1.0, 0.0, 0.0, 0.0]]))
    for row, why in FARTHER:
        z, labels = np.array([row]), np.array([1])
        got = answer(z, labels)
        name = "is right for logits of any size, wherever the largest stands"
        yield holds(name, np.isfinite(got).all(), why)
        yield agrees(name, got, _softmax(z) - np.eye(3)[labels])


# --- 4 and 5: two classes, and softer targets --------------------------------------------------


@task(
    "Only the difference of two logits matters to softmax. Which difference gives σ(z)?",
    "e^b / (e^a + e^b) = 1 / (1 + e^(a − b)), and σ(z) = 1 / (1 + e^(−z)).",
    "The second logit is z larger than the first. The first may be 0.",
    forbids=(
        "scipy.special.log_expit",
        "keras.ops.log_sigmoid",
        "keras.activations.log_sigmoid",
        "tensorflow.math.log_sigmoid",
        "tensorflow.log_sigmoid",
        "torch.nn.LogSigmoid",
        "torch.nn.functional.logsigmoid",
        "jax.nn.log_sigmoid",
    ),
    edition=2,
)
def two_logits(answer, rng):
    """One logit as two, with the same probabilities."""
    for n in (1, 3, 10):
        z = numbers(rng, n)
        z[np.abs(z) <= 0.5] = 1.5
        got = answer(z)
        yield shaped("has a row of two logits for each example", got, (n, 2))
        sigma = 1 / (1 + np.exp(-z))
        yield agrees(
            "their softmax gives class 1 the probability σ(z)",
            _softmax(got)[:, 1],
            sigma,
            {
                "the columns are exchanged: class 1 is the second": 1 - sigma,
                "the difference of the two is 2z; it should be z": 1 / (1 + np.exp(-2 * z)),
                "these are probabilities; the softmax is still to come": _softmax(
                    np.stack([1 - sigma, sigma], 1)
                )[:, 1],
                "the difference of the two is z − 1; it should be z": 1 / (1 + np.exp(1 - z)),
                "both columns are the same": np.full(n, 0.5),
            },
        )
    z = np.array([1000.0, -1000.0])
    got = answer(z)
    why = "a logarithm of a probability that rounds to 0: work with z itself"
    yield holds("is finite at 1000 and −1000", np.isfinite(got).all(), why)
    yield agrees(
        "is right at 1000 and −1000", _softmax(got)[:, 1], np.array([1.0, 0.0]), result=got
    )
    z = np.array([18.0, -18.0])  # σ differs from 1 and 0 by 15 billionths
    got = answer(z)
    yield shaped("has a row of two logits for each example", got, (2, 2))
    yield agrees("is precise at 18 and −18", got[:, 1] - got[:, 0], z, result=got)


@task(
    "What must every row sum to, before and after?",
    "Every class gets ε/K, also the right one; what is left, 1 − ε, goes to the right one on top.",
    "(1 − ε) times the one-hot rows, plus ε/K.",
    edition=2,
)
def smooth_targets(answer, rng):
    """Smoothed targets, from class numbers."""
    drawn = round(float(rng.uniform(0.12, 0.48)), 3) + 0.0004
    for n, k, epsilon in ((1, 3, 0.2), (4, 4, 0.1), (15, 10, 0.3), (3, 6, drawn)):
        labels = rng.permutation(np.arange(n) % k)
        hard = np.eye(k)[labels]
        got = answer(labels, k, 0.0)
        yield shaped("has a row for each label and a column for each class", got, (n, k))
        reverse = {"the columns are in reverse order": hard[:, ::-1]}
        yield agrees("without smoothing it is one-hot", got, hard, reverse)
        got = answer(labels, k, epsilon)
        yield shaped("keeps its shape when ε is not 0", got, (n, k))
        others = np.full(n * (k - 1), epsilon)
        yield agrees(
            "every wrong class gets its part of ε",
            got[hard == 0],
            others / k,
            {
                "ε is not used": 0 * others,
                "ε is spread over the K − 1 wrong classes; spread it over all K": others / (k - 1),
                "each class gets the whole ε; divide it by K": others,
            },
        )
        sums = got.sum(1)
        why = ""
        if np.allclose(sums, 1 + epsilon):
            why = "a row sums to 1 + ε: what is spread has to be taken away first"
        elif np.allclose(sums, 1 - epsilon / k):
            why = "a row sums to less than 1: the right class gets ε/K too, on top of 1 − ε"
        yield holds("every row sums to 1", np.allclose(sums, 1, atol=1e-5), why)


# --- 6 and 7: repair, predict and measure --------------------------------------------------------


@task(
    "Print p of the broken version after each of its two lines: do the rows sum to 1?",
    "There are three faults: a sum over the wrong axis, a softmax too many, and a sign.",
    "One softmax, over axis 1 with keepdims; then w = w − α xᵀ(p − y)/N.",
    edition=2,
)
def train(answer, rng):
    """Softmax regression by gradient descent, repaired."""

    def walk(x, y, alpha, steps, sign=1, forecast=_softmax, mean=True):
        w = np.zeros((x.shape[1], y.shape[1]))
        for _ in range(steps):
            w = w - sign * alpha * x.T @ (forecast(x @ w) - y) / (len(y) if mean else 1)
        return w

    alphas = rng.permutation([0.05, 0.1, 0.15, 0.2])
    sizes = ((3, 2, 2, 2), (7, 3, 3, 4), (20, 4, 5, 10), (3, 5, 2, 3))
    for alpha, (n, d, k, steps) in zip(alphas.tolist(), sizes, strict=True):
        x = numbers(rng, n, d)
        labels = rng.permutation(np.arange(n) % k)
        y = np.eye(k)[labels]
        got = answer(x, labels, k, alpha, steps)
        yield shaped("has a weight for each input and class", got, (d, k))
        start = answer(x, labels, k, 0.0, steps)
        yield holds("begins at zero", not np.any(start), "w is to begin at zero, for all classes")

        def columns(z):
            return _softmax(z, 0)

        def twice(z):
            return _softmax(_softmax(z))

        def both(z):
            return _softmax(_softmax(z, 0))

        yield agrees(
            "follows the gradient downhill",
            got,
            walk(x, y, alpha, steps),
            {
                "it walks uphill": walk(x, y, alpha, steps, sign=-1),
                "softmax is still taken twice": walk(x, y, alpha, steps, forecast=twice),
                "the softmax still sums over the examples": (
                    walk(x, y, alpha, steps, forecast=columns)
                ),
                "the step is not divided by the number of examples": (
                    walk(x, y, alpha, steps, mean=False)
                ),
                "softmax is still taken twice, and it walks uphill": (
                    walk(x, y, alpha, steps, sign=-1, forecast=twice)
                ),
                "this is the broken version, with its three faults": (
                    walk(x, y, alpha, steps, sign=-1, forecast=both)
                ),
                "the softmax still sums over the examples, and is still taken twice": (
                    walk(x, y, alpha, steps, forecast=both)
                ),
                "the softmax still sums over the examples, and it walks uphill": (
                    walk(x, y, alpha, steps, sign=-1, forecast=columns)
                ),
                "it takes one step too many": walk(x, y, alpha, steps + 1),
                "it takes one step only": walk(x, y, alpha, 1),
                "the forecasts go in without a softmax": (
                    walk(x, y, alpha, steps, forecast=lambda z: z)
                ),
            },
        )


@cache
def _loud(classes: tuple[int, ...]) -> list[float]:
    """About the loss of each number of classes with logits whose standard deviation is 1."""
    rng = np.random.default_rng(0)
    return [
        losses.cross_entropy(rng.normal(0, 1, (3000, k)), rng.integers(0, k, 3000)) for k in classes
    ]


@task(
    "If all K classes look alike to a model, which probability does it give to the right one?",
    "1/K, whatever the label. Its price is minus the logarithm of that.",
    "ln K. For the measurement let the logits be noise with a spread of 0.01, and take a thousand "
    "random labels.",
    kind="value",
    edition=2,
)
def chance(answer, rng):
    """The loss of a model that knows nothing, predicted and measured."""
    ok = isinstance(answer, dict) and set(answer) == {"predicted", "measured"}
    yield holds("holds what is predicted and what is measured", ok, "it is a dict with these two")
    classes = (2, 10, 100)
    right = [losses.cross_entropy(np.zeros((1, k)), np.array([0])) for k in classes]
    yield agrees(
        "is predicted right for 2, 10 and 100 classes",
        answer["predicted"],
        right,
        {
            "this is the logarithm to base 2; the natural one is asked for": list(np.log2(classes)),
            "this is the logarithm to base 10; the natural one is asked for": (
                list(np.log10(classes))
            ),
            "this is the accuracy of a guess, 1/K; the loss is asked for": [0.5, 0.1, 0.01],
            "this is the share of wrong guesses; the loss is asked for": [0.5, 0.9, 0.99],
            "the sign is reversed: a price is positive": [-v for v in right],
            "one decimal is too coarse: give two": list(np.round(right, 1)),
            "this is the loss of two classes for each of them": [right[0]] * 3,
        },
        atol=0.006,
    )
    measured = answer["measured"]
    loud, guesses = _loud(classes), [1 / k for k in classes]
    noisy = {  # what comes out of these mistakes is as noisy
        "the noise is too loud: the logits' standard deviation is to be 0.01, not 1": loud,
        "this is the accuracy; the loss is asked for": guesses,
    }
    yield agrees(
        "agrees with what is measured",
        measured,
        right,
        {
            message: measured
            for message, value in noisy.items()
            if agrees("", measured, value, rtol=0, atol=0.15).ok
        }
        | {
            "the sign is reversed: a price is positive": [-v for v in right],
        },
        rtol=0,
        atol=0.006,  # ten times what the noise of a thousand examples may do; ln 101 is 0.01 off
    )
    measured = np.array(measured)
    why = ""
    distance = measured - right
    if (measured == measured.round(8)).all():
        why = (
            "these numbers are rounded, or typed: measure it with losses.cross_entropy, and give "
            "what comes, not rounded"
        )
    elif np.isclose(measured, right, rtol=1e-9, atol=0).any():
        why = "this is the prediction again: measure it with losses.cross_entropy"
    elif min(np.ptp(distance), np.ptp(measured / right)) < 1e-9:
        why = (
            "these differ from ln K all three by the same: draw new noise and new labels for "
            "each number of classes"
        )
    yield holds("is measured, with noise in it", not why, why)


# --- 8: keep the best, its lines in order --------------------------------------------------------

_LINES = {
    "A": "        if loss < best:",
    "B": "    return w",
    "C": "    best, kept = np.inf, w",
    "D": "        loss = cross_entropy(x_val @ w, y_val)",
    "E": "    for _ in range(epochs):",
    "F": "        loss = cross_entropy(x @ w, y)",
    "G": "    return kept",
    "H": "def fit(x, y, x_val, y_val, alpha, epochs):",
    "I": "            best, kept = loss, w",
    "J": "    w = np.zeros((x.shape[1], y.shape[1]))",
    "K": "        loss = cross_entropy(softmax(x_val @ w), y_val)",
    "L": "        w = w - alpha * x.T @ (softmax(x @ w) - y) / len(y)",
}


@task(
    "Whose loss decides which weights are kept, and when is it measured?",
    "Three lines are not needed: one chooses by the training data, one takes softmax twice, one "
    "gives back the last weights instead of the best.",
    "Before the loop: def, w, best and kept. In it: the step, then the validation loss of the new "
    "w, then the comparison and what it does. At last the return.",
    kind="value",
    lines=_LINES,
    edition=2,
)
def order(answer, rng):
    """Training that keeps the weights with the best validation loss, its lines put in order."""
    given = {"np": np, "softmax": _softmax, "cross_entropy": losses.cross_entropy}
    fit = assemble(_LINES, answer, "fit", given)
    unwanted = {
        "the weights are chosen by validation data": (
            "F",
            "line F chooses by the training data, on which more training always looks better",
        ),
        "the loss gets logits": ("K", "line K takes softmax, and cross_entropy takes it again"),
        "the best weights are returned": ("B", "line B returns the last weights, not the best"),
    }
    for name, (label, why) in unwanted.items():
        if label in answer:
            yield holds(name, False, why)
    for n, d, k in ((4, 2, 2), (6, 4, 3)):
        x, y, x_val, y_val, path = _over_fitted(rng, n, d, k)
        prices = [losses.cross_entropy(x_val @ w, y_val) for w in path]
        best = int(np.argmin(prices))
        yield agrees(
            "returns the weights with the lowest validation loss",
            fit(x, y, x_val, y_val, 0.3, len(path) - 1),
            path[best],
            {
                "nothing was learned: these are the first weights": path[0],
                "these are the weights one step after the best: measure the loss after the step": (
                    path[best + 1]
                ),
            },
        )
        earlier = path[int(np.argmin(prices[:best]))]
        yield agrees(
            "the last epoch counts like all others",
            fit(x, y, x_val, y_val, 0.3, best),
            path[best],
            {
                "the last step led to the lowest loss, and was never looked at: measure the loss "
                "after the step": earlier,
            },
        )
    for name in unwanted:
        yield holds(name, True)


def _over_fitted(rng, n: int, d: int, k: int):
    """Data, and the weights of 20 steps, of which the best are neither first nor last."""
    while True:
        x, x_val = numbers(rng, n, d), numbers(rng, 4 * n, d)
        truth = rng.normal(0, 1, (d, k))
        y, y_val = (
            np.eye(k)[(i @ truth + rng.gumbel(0, 2, (len(i), k))).argmax(1)] for i in (x, x_val)
        )
        path = [np.zeros((d, k))]
        for _ in range(20):
            path.append(path[-1] - 0.3 * x.T @ (_softmax(x @ path[-1]) - y) / n)
        best = np.argmin([losses.cross_entropy(x_val @ w, y_val) for w in path])
        if 2 <= best <= 15:
            return x, y, x_val, y_val, path
