"""Choosing a source.

Checks of exercise set 09, on chapter 09.
"""

import numpy as np
from scipy import stats

from tlcourse.checks import agrees, assemble, holds, numbers, task, telling
from tlcourse.checks.references import slopes

EDITION = 1


# --- LEEP ----------------------------------------------------------------------------------------


def _leep(p: np.ndarray, y: np.ndarray):
    n, classes = len(y), y.max() + 1

    def table(p):
        """The mean probabilities of the source's classes, for each class of the target."""
        return np.array([p[y == c].sum(0) for c in range(classes)]) / n

    def translated(p, joint):
        return np.einsum("cz,iz->ic", joint, p)[np.arange(n), y]

    joint = table(p)
    given = joint / joint.sum(0)
    by_class = joint / joint.sum(1, keepdims=True)
    hard = np.eye(p.shape[1])[p.argmax(1)]
    with np.errstate(all="ignore"):
        counted = table(hard) / table(hard).sum(0)
        right = translated(p, given)
        found = np.log(right).mean()
        wrong = {
            "the columns are not divided by their sums: that makes P(c | z) of P(c, z)": (
                np.log(translated(p, joint)).mean()
            ),
            "the rows are divided by their sums in yours, which gives P(z | c); divide the columns "
            "for P(c | z)": np.log(translated(p, by_class)).mean(),
            "you take the logarithm of the mean; take the mean of the logarithms": (
                np.log(right.mean())
            ),
            "the logarithm stands inside the sum over z; add up over z first": (
                translated(p, np.log(given)).mean()
            ),
            "this is the mean probability of the right class; take its logarithm first": (
                right.mean()
            ),
            "the sign is reversed: LEEP is at most 0": -found,
            "this is a sum; take the mean over the images": found * n,
            "take the natural logarithm, not that to base 2": found / np.log(2),
            "take the natural logarithm, not that to base 10": found / np.log(10),
            "your table counts only the most probable source class of each image; add up the "
            "probabilities": np.log(translated(p, counted)).mean(),
            "your last step looks only at the most probable source class of each image; add up "
            "over all of them": np.log(translated(hard, given)).mean(),
            "you count only the most probable source class of each image, in the table and after; "
            "use the probabilities": np.log(translated(hard, counted)).mean(),
            "the last step does not weigh the source classes: multiply by the image's own "
            "probabilities": np.log(given.sum(1)[y]).mean(),
            "the mean is that over the images and all classes of the target; look at the right "
            "class alone": np.log(np.einsum("cz,iz->ic", given, p)).mean(),
            "the mean is taken over the classes of the target; take it over the images": (
                np.mean([np.log(right[y == c]).mean() for c in range(classes)])
            ),
        }
    return found, {m: value for m, value in wrong.items() if np.isfinite(value)}


@task(
    "If the source calls an image a zebra, how probable is each of your classes?",
    "One-hot labels, transposed, times the probabilities add up, for each target class, the "
    "probabilities of its images. Which sum must be 1 in a table that says P(c | z)?",
    "Divide each column of that table by its sum. Then `probabilities @ table.T` has a row for "
    "each image and a column for each target class; pick the right one, take the log and the mean.",
    forbids=("tlcourse.transferability.leep",),
)
def leep(answer, rng):
    """LEEP, from a table of predictions."""
    for n, source, target in ((6, 3, 2), (15, 4, 3), (80, 9, 5)):

        def draw(n=n, source=source, target=target):
            y = rng.permutation(np.arange(n) % target)
            y[rng.random(n) < 0.3] = 0  # so that the classes are not equally frequent
            y[rng.permutation(n)[:target]] = np.arange(target)
            while True:
                p = rng.dirichlet(np.full(source, 0.6), n) + 0.3 * np.eye(source, k=1)[y % source]
                p = np.maximum(np.round(p / p.sum(1, keepdims=True), 2), 0.02)
                p[np.arange(n), p.argmax(1)] -= p.sum(1) - 1
                if len(np.unique(p.argmax(1))) == source:  # each is the answer to some image
                    return np.round(p, 2), y

        p, y, expected, wrong = telling(draw, _leep)
        got = answer(p, y)
        yield agrees("returns a number", got, 0.0, rtol=np.inf, atol=np.inf)
        yield agrees("follows the three steps", got, expected, wrong)
    y = rng.permutation([0, 0, 0, 0, 1, 1, 1, 2])
    got = answer(np.tile([0.5, 0.3, 0.15, 0.05], (8, 1)), y)
    share = np.array([0.5, 0.375, 0.125])
    name = "a source that says the same of every image knows only how frequent the classes are"
    yield agrees(name, got, share @ np.log(share))


# --- weighted τ ----------------------------------------------------------------------------------


def _weighted_tau(truth: np.ndarray, scores: np.ndarray):
    n = len(truth)
    i, j = np.triu_indices(n, 1)
    same = np.sign((truth[i] - truth[j]) * (scores[i] - scores[j]))
    rank = stats.rankdata(-truth)

    def tau(rank, combine=np.add, same=same):
        weight = combine(1 / rank[i], 1 / rank[j])
        return (weight * same).sum() / weight.sum()

    right = stats.weightedtau(truth, scores, rank=None).statistic
    weight = 1 / rank[i] + 1 / rank[j]
    diagonal = 2 * weight.sum() + (2 / rank).sum()
    order = np.argsort(-truth)
    return right, {
        "all pairs weigh alike in yours: this is Kendall's τ without weights": same.mean(),
        "the worst source has the rank 1 in yours; the best one should have it": (
            tau(n + 1 - rank)
        ),
        "the ranks are those by the scores; take those by the truth": stats.weightedtau(
            scores, truth, rank=None
        ).statistic,
        "this is the mean of two values, that with the ranks by the truth and that with the ranks "
        "by the scores; return the first": stats.weightedtau(truth, scores).statistic,
        "argsort alone gives the order, not the ranks: it says which source comes first, and not "
        "at which place a source stands": tau(order + 1.0),
        "argsort alone gives the order, not the ranks; and it begins with the smallest": (
            tau(np.argsort(truth) + 1.0)
        ),
        "the two parts of a weight are multiplied in yours; add them": tau(rank, np.multiply),
        "the best source has the rank 2 in yours; it should have the rank 1": tau(rank + 1),
        "the weights are the ranks themselves, so that the worst sources count most; take 1 / ρ": (
            tau(1 / rank)
        ),
        "a weight is 1 / (ρ_i + ρ_j) in yours; it is 1 / ρ_i + 1 / ρ_j": (
            tau(rank, lambda a, b: 1 / (1 / a + 1 / b))
        ),
        "only the better source of each pair gives it its weight; add that of the other": (
            tau(rank, np.maximum)
        ),
        "only the worse source of each pair gives it its weight; add that of the other": (
            tau(rank, np.minimum)
        ),
        "this is the weighted share of the pairs in the right order; those in the wrong order are "
        "to be subtracted": (1 + right) / 2,
        "this is the weighted sum itself; divide it by the sum of the weights": (
            (weight * same).sum()
        ),
        "the weighted sum is divided by the number of pairs; divide it by the sum of the weights": (
            (weight * same).mean()
        ),
        "the sum of the weights holds pairs of a source with itself": (
            2 * (weight * same).sum() / diagonal
        ),
        "each pair of a source with itself counts as one in the right order; leave them out": (
            (2 * (weight * same).sum() + (2 / rank).sum()) / diagonal
        ),
        "the sign is reversed: the same order should give 1": -right,
        "this is Spearman's correlation of the ranks": stats.spearmanr(truth, scores).statistic,
        "this is Pearson's correlation of the numbers; only their order should count": float(
            np.corrcoef(truth, scores)[0, 1]
        ),
        "the pairs count by how far the numbers lie apart; only their order should count": (
            (weight * (truth[i] - truth[j]) * (scores[i] - scores[j])).sum() / weight.sum()
        ),
    }


@task(
    "A score confuses the two best sources, another the two worst. Which error costs you more?",
    "np.argsort(-truth) is the order: the number of the best source, then of the next. The rank of "
    "a source is its place in there, and a second argsort finds it.",
    "i, j = np.triu_indices(S, 1) are all pairs. Their sign is that of (truth[i] − truth[j]) times "
    "(scores[i] − scores[j]); multiply by the weights, add up, divide by the sum of the weights.",
    forbids=("scipy.stats.weightedtau",),
)
def weighted_tau(answer, rng):
    """Weighted τ: whether a score ranks sources as the truth does."""
    for n in (5, 6, 12):

        def draw(n=n):
            truth = rng.choice(np.arange(30, 98), n, replace=False) / 100
            noise = rng.normal(0, 0.2, n)
            scores = np.round(3 * (truth - 1 + noise), 2) + np.arange(n) / 10_000  # no ties
            return truth, np.round(scores, 4)

        truth, scores, expected, wrong = telling(draw, _weighted_tau)
        got = answer(truth, scores)
        yield agrees("returns a number", got, 0.0, rtol=np.inf, atol=np.inf)
        yield agrees("follows the formula", got, expected, wrong)
    truth = rng.choice(np.arange(30, 98), 7, replace=False) / 100
    yield agrees("the same order gives 1", answer(truth, np.round(np.log(truth), 3)), 1.0)
    yield agrees("the reverse gives −1", answer(truth, np.round(1 / truth, 3)), -1.0)
    truth, scores = np.array([0.7, 0.9]), np.array([-0.2, -0.4])
    yield agrees("two sources in the wrong order give −1", answer(truth, scores), -1.0)


# --- a trunk with two heads ----------------------------------------------------------------------


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _losses(x, y, v, w, a, b) -> tuple[float, float]:
    """The mean cross-entropies of the two heads."""
    h, rows = np.maximum(x @ w, 0), np.arange(len(x))
    return tuple(-np.log(_softmax(h @ c)[rows, k]).mean() for c, k in ((a, y), (b, v)))


def _two_heads(x, y, v, w, a, b):
    z, n = x @ w, len(x)
    h, is_on = np.maximum(z, 0), z > 0
    first, second = _losses(x, y, v, w, a, b)
    right = [first + second, slopes(lambda *given: sum(_losses(*given)), 3, x, y, v, w, a, b)]
    both = zip((a, b), (y, v), strict=True)
    p, q = _softmax(h @ a), _softmax(h @ b)
    back = [(_softmax(h @ c) - np.eye(c.shape[1])[k]) @ c.T for c, k in both]
    one, two = (x.T @ (part * is_on) / n for part in back)
    linear = sum(-np.log(_softmax(z @ c)[np.arange(n), k]).mean() for c, k in ((a, y), (b, v)))
    losses = {
        "J is the loss of the first head alone; add that of the second": first,
        "J is the loss of the second head alone; add that of the first": second,
        "J is the mean of the two losses; take their sum": (first + second) / 2,
        "J is a sum over the examples; the loss of a head is the mean over its N answers": (
            n * (first + second)
        ),
        "J has the wrong sign: cross-entropy is minus the mean logarithm": -first - second,
        "the trunk has no max(0, x w) in yours": linear,
        "J looks at the probabilities of all classes; look at that of the right class alone": (
            -np.log(p).mean() - np.log(q).mean()
        ),
        "J is minus the logarithm of mean probabilities; take the mean of the logarithms": (
            -np.log(p[np.arange(n), y].mean()) - np.log(q[np.arange(n), v].mean())
        ),
    }
    gradients = {
        "the gradient comes from the first head alone; the second one adds to it": one,
        "the gradient comes from the second head alone; the first one adds to it": two,
        "the gradient is the mean of the two heads' contributions; it is their sum": (
            (one + two) / 2
        ),
        "the second head's contribution is subtracted; add it": one - two,
        "the first head's contribution is subtracted; add it": two - one,
        "the two heads' contributions are multiplied in yours; add them": (
            x.T @ (back[0] * back[1] * is_on) / n
        ),
        "the gradient is a sum over the examples; divide by N": n * right[1],
        "the gradient lacks the maximum: where x w is below 0, nothing comes through": (
            x.T @ sum(back) / n
        ),
        "nothing comes through where x w is below 0, not where it is above": (
            x.T @ (sum(back) * ~is_on) / n
        ),
        "the slope of the maximum is 1 or 0, not h itself": x.T @ (sum(back) * h) / n,
        "the slope of the maximum is missing for the first head": x.T @ back[0] / n + two,
        "the slope of the maximum is missing for the second head": one + x.T @ back[1] / n,
        "the gradient has the wrong sign: softmax minus one-hot label": -right[1],
        "the one-hot labels are not subtracted from the softmax": (
            x.T @ ((p @ a.T + q @ b.T) * is_on) / n
        ),
    }
    return right, {m: [value, right[1]] for m, value in losses.items()} | {
        m: [right[0], value] for m, value in gradients.items()
    }


@task(
    "On which of the two losses does a weight of the trunk have an influence?",
    "Each head sends back (softmax − one-hot label) times its own weights, transposed: an array of "
    "shape (N, H). What happens to the two where they meet, at h?",
    "They are added. Then multiply by `h > 0`, the slope of the maximum, and x.T @ that, divided "
    "by N, is the gradient. The loss is −np.log(p[np.arange(N), y]).mean() for each head, added.",
    forbids=(
        "tlcourse.autodiff.gradient",
        "keras.losses.SparseCategoricalCrossentropy",
        "keras.losses.sparse_categorical_crossentropy",
    ),
)
def two_heads(answer, rng):
    """A trunk with two heads: the loss and the trunk's gradient."""

    def draw(n, inputs, hidden, classes, turns):
        x, w = numbers(rng, n, inputs, scale=1.0), numbers(rng, inputs, hidden, scale=1.0)
        while abs(x @ w).min() < 0.02 or ((x @ w > 0).mean(0) == 0).any():
            x, w = numbers(rng, n, inputs, scale=1.0), numbers(rng, inputs, hidden, scale=1.0)
        a, b = numbers(rng, hidden, classes, scale=0.7), numbers(rng, hidden, turns, scale=0.7)
        return x, rng.integers(classes, size=n), rng.integers(turns, size=n), w, a, b

    for n, *shape in ((2, 3, 2, 3, 2), (5, 3, 4, 4, 2), (12, 6, 5, 3, 4)):
        *inputs, right, wrong = telling(lambda n=n, shape=shape: draw(n, *shape), _two_heads)
        got = answer(*inputs)
        form = [0.0, np.zeros(inputs[3].shape)]
        yield agrees("returns the loss and the gradient", got, form, rtol=np.inf, atol=np.inf)
        of_loss = {m: value[0] for m, value in wrong.items() if value[0] != right[0]}
        yield agrees("the loss is the sum of the two", got[0], right[0], of_loss, result=got)
        of_gradient = {m: value[1] for m, value in wrong.items() if value[0] == right[0]}
        name = "the gradient is the slope of that loss"
        yield agrees(name, got[1], right[1], of_gradient, result=got, atol=1e-5)


# --- loss weights --------------------------------------------------------------------------------


def _balance(first: np.ndarray, second: np.ndarray):
    f, s = first.ravel(), second.ravel()
    lengths = np.linalg.norm(f), np.linalg.norm(s)
    cosine = f @ s / np.prod(lengths)

    def shared(of_first, of_second):
        """Weights with the sum 2 that have this ratio."""
        return 2 * np.array([of_first, of_second]) / (of_first + of_second)

    def falls(weights):
        g = weights[0] * f + weights[1] * s
        return np.array([f @ g, s @ g])

    def answer(cosine=cosine, weights=None, plain=None, balanced=None):
        weights = shared(*lengths[::-1]) if weights is None else weights
        plain = falls([1, 1]) if plain is None else plain
        balanced = falls(weights) if balanced is None else balanced
        return {"cosine": cosine, "weights": weights, "plain": plain, "balanced": balanced}

    right = answer()
    weights, plain, balanced = right["weights"], right["plain"], right["balanced"]
    squared = weights / np.sqrt((weights**2).sum())
    columns = (first * second).sum(0), np.sqrt((first**2).sum(0) * (second**2).sum(0))
    rows = (first * second).sum(1), np.sqrt((first**2).sum(1) * (second**2).sum(1))
    spectral = np.linalg.norm(first, 2), np.linalg.norm(second, 2)
    apart = np.arccos(np.clip(cosine, -1, 1))
    cosines = {
        "cosine: this is the scalar product; divide it by both lengths": f @ s,
        "cosine: this is the correlation, which subtracts the means first; a cosine does not": (
            np.corrcoef(f, s)[0, 1]
        ),
        "cosine: this is the angle in radians; return its cosine": apart,
        "cosine: this is the angle in degrees; return its cosine": np.degrees(apart),
        "cosine: the scalar product is divided by the squares of the lengths": (
            f @ s / np.prod(lengths) ** 2
        ),
        "cosine: you take a cosine for each column and their mean; a gradient is one long vector": (
            (columns[0] / columns[1]).mean()
        ),
        "cosine: you take a cosine for each row and their mean; a gradient is one long vector": (
            (rows[0] / rows[1]).mean()
        ),
        "cosine: np.linalg.norm(…, 2) of a matrix is not its length as one long vector": (
            f @ s / np.prod(spectral)
        ),
        "cosine: its sign is reversed"
        if cosine > 0
        else "cosine: yours lacks its sign, so that two tasks that pull apart look like friends": (
            -cosine
        ),
    }
    weighings = {
        "weights: the two are exchanged, so that the longer gradient gets still longer": (
            shared(*lengths)
        ),
        "weights: yours are the inverse squares of the lengths, and make the shorter gradient the "
        "longer one": shared(1 / lengths[0] ** 2, 1 / lengths[1] ** 2),
        "weights: yours are the inverse square roots of the lengths, and so not quite enough": (
            shared(lengths[0] ** -0.5, lengths[1] ** -0.5)
        ),
        "weights: yours balance the sums of the numbers without their signs, not the lengths": (
            shared(abs(s).sum(), abs(f).sum())
        ),
        "weights: yours balance the largest numbers of the gradients, not the lengths": (
            shared(abs(s).max(), abs(f).max())
        ),
        "weights: yours balance np.linalg.norm(…, 2), which is not the length of one long vector": (
            shared(*spectral[::-1])
        ),
        "weights: their squares have a fixed sum in yours; their sum should be 2": squared,
        "weights: their sum is 1 in yours; it should be 2": weights / 2,
        "weights: the smaller one is 1 in yours; their sum should be 2": weights / weights.min(),
        "weights: the larger one is 1 in yours; their sum should be 2": (weights / weights.max()),
        "weights: yours make both gradients 1 long; scale them so that their sum is 2": 1
        / np.array(lengths),
        "weights: both are 1 in yours, which is the plain sum": np.ones(2),
    }
    steps = {
        "plain: these are products of the two gradients alone; g holds both, so that the square of "
        "the own length is added": ({"plain": np.full(2, f @ s)}),
        "plain: the products with the two gradients are added to one in yours, and halved": (
            {"plain": np.full(2, plain.sum() / 2)}
        ),
        "plain: g is the mean of the two gradients in yours; it is their sum": (
            {"plain": plain / 2}
        ),
        "plain: the sign is reversed: a positive number says that the loss falls": (
            {"plain": -plain}
        ),
        "plain: these are the squares of the lengths; the other task's gradient is in g, too": (
            {"plain": np.array([f @ f, s @ s])}
        ),
        "plain: the numbers of the two tasks are exchanged": {"plain": plain[::-1]},
        "plain: these are the values for the balanced weights": {"plain": balanced},
        "plain: the gradients are subtracted in yours; g is their sum": ({"plain": falls([1, -1])}),
        "plain: these are cosines; the scalar product is not divided by the lengths": {
            "plain": plain / lengths / np.linalg.norm(f + s)
        },
        "balanced: g_t has its weight, too, in yours; only g has weights": (
            {"balanced": weights * balanced}
        ),
        "balanced: these are the plain values times the weights; put the weights into g": (
            {"balanced": weights * plain}
        ),
        "balanced: these are the values for the plain sum": {"balanced": plain},
        "balanced: the weights are exchanged in g": {"balanced": falls(weights[::-1])},
        "balanced: its sign is reversed: a positive number says that the loss falls": (
            {"balanced": -balanced}
        ),
        "balanced: the two numbers are exchanged; the weights are right": {
            "balanced": balanced[::-1]
        },
        "balanced: the weighted gradients are subtracted in yours; g is their sum": (
            {"balanced": falls([weights[0], -weights[1]])}
        ),
        "balanced: g is the mean of the weighted gradients in yours; it is their sum": (
            {"balanced": balanced / 2}
        ),
    }
    return right, (
        {m: answer(cosine=value) for m, value in cosines.items()}
        | {m: answer(weights=value) for m, value in weighings.items()}
        | {m: answer(**values) for m, values in steps.items()}
    )


@task(
    "If one gradient is ten times as long as the other, who decides where their sum points?",
    "The length of a gradient is np.sqrt(np.sum(first**2)), the scalar product of two "
    "np.sum(first * second). Equally long means w₁ · length₁ = w₂ · length₂.",
    "So w₁ is 2 · length₂ / (length₁ + length₂), and w₂ has length₁ on top. For `plain` multiply "
    "each gradient with first + second, for `balanced` with w₁ · first + w₂ · second.",
)
def balance(answer, rng):
    """Loss weights, and whether two tasks pull together."""
    for shape, long, agreement in (((2, 3), 3, 0.3), ((3, 4), 0.3, -0.7), ((6, 5), 5, -0.6)):

        def draw(shape=shape, long=long, agreement=agreement):
            while True:
                first = rng.normal(0.1, 1, shape)
                second = rng.normal(0.1, 1, shape) + agreement * 2 * first
                if agreement * np.sum(first * second) > 0.1:
                    return np.round(long * first, 1), np.round(second, 1)

        first, second, right, wrong = telling(draw, _balance)
        got = answer(first, second)
        yield agrees("has the four entries", got, right, rtol=np.inf, atol=np.inf)
        for part, name in (
            ("cosine", "the cosine is that of two long vectors"),
            ("weights", "the weights make both equally long"),
            ("plain", "plain says by how much a step along the sum lets each loss fall"),
            ("balanced", "and balanced, by how much one along the weighted sum"),
        ):
            meant = {
                m.partition(": ")[2]: value[part]
                for m, value in wrong.items()
                if m.startswith(f"{part}: ")
            }
            yield agrees(name, got[part], right[part], meant, result=got)


# --- the best of several sources -----------------------------------------------------------------

_NO_WINNER = "we cannot tell"


def _leaders(scores: np.ndarray) -> tuple[int, ...]:
    """The source with the best mean, single score, median, and number of seeds won."""
    wins = np.bincount(scores.argmax(0), minlength=len(scores))
    found = scores.mean(1), scores.max(1), np.median(scores, 1), wins
    return tuple(int(one.argmax()) for one in found)


def _lows(scores: np.ndarray, t: float):
    """The lower ends of the intervals, and what mistakes give."""
    seeds = scores.shape[1]
    root, (first, single, middle, most) = np.sqrt(seeds), _leaders(scores)

    def low(leader=first, spread=None, root=root, sign=1, end=-1):
        ahead = sign * (scores[leader] - scores)
        spread = ahead.std(1, ddof=1) if spread is None else spread
        found = ahead.mean(1) + end * t * spread / root
        found[leader] = 0
        return found

    best = scores[first]
    ahead = best - scores
    alone = scores.std(1, ddof=1)
    apart = np.sqrt(best.var(ddof=1) + scores.var(1, ddof=1))
    own = low(spread=apart)
    own[first] = -t * apart[first] / root
    others = (scores.sum(0) - scores) / (len(scores) - 1)
    rest = scores - others
    return low(), {
        "the interval forgets that the runs are paired: take the standard deviation of the R "
        "differences": low(spread=apart),
        "the interval forgets that the runs are paired, and that the leader differs from itself by "
        "nothing: take the standard deviation of the R differences": own,
        "the standard deviation is that of the source's scores; take that of the differences": (
            low(spread=alone)
        ),
        "the standard deviation is that of the leader's scores; take that of the differences": (
            low(spread=np.full(len(scores), best.std(ddof=1)))
        ),
        "√R is missing: this is the spread of single seeds, not of their mean": low(root=1),
        "you divide by R; divide by √R": low(root=seeds),
        "R − 1 belongs into the denominator of s: ddof=1": low(spread=ahead.std(1)),
        "the variance takes the place of s: its square root is missing": (
            low(spread=ahead.var(1, ddof=1))
        ),
        "t is missing": low(spread=ahead.std(1, ddof=1) / t),
        "this is the upper end; return the lower one": low(end=1),
        "this is the mean difference; subtract what the interval reaches to either side": (
            low(end=0)
        ),
        "this is the lower end of the source's score minus the leader's; take the leader's minus "
        "the source's": low(sign=-1),
        "this is the upper end of the source's score minus the leader's; take the lower end of the "
        "leader's minus the source's": -low(),
        "your leader is the source with the best single score; take the best mean": (
            low(leader=single)
        ),
        "your leader is the source that is best on most seeds; take the best mean": (
            low(leader=most)
        ),
        "your leader is the source with the best median; take the best mean": (low(leader=middle)),
        "each source is compared with the mean of the others; compare the leader with each": (
            rest.mean(1) - t * rest.std(1, ddof=1) / root
        ),
    }


def _decided(names: list[str], scores: np.ndarray, t: float, low: np.ndarray):
    """The candidates by the rule, and by well-known other ones."""
    mean, seeds = scores.mean(1), scores.shape[1]
    leader = int(mean.argmax())

    def those(kept):
        return [name for name, keep in zip(names, kept, strict=True) if keep]

    runner_up = int(np.argsort(-mean)[1])
    is_leader = np.arange(len(names)) == leader
    candidates = those(low <= 0)
    reach = t * scores.std(1, ddof=1) / np.sqrt(seeds)
    overlap = mean + reach >= (mean - reach)[leader]
    by_mean = [names[k] for k in np.argsort(-mean) if low[k] <= 0]
    return candidates, {
        "the leader itself is a candidate, too": those((low <= 0) & ~is_leader),
        "these are the sources that are worse; the candidates are the others": those(low > 0),
        "the candidates are in the order of their means in yours; keep that of `names`": by_mean,
        "the candidates are in the reverse order; keep that of `names`": candidates[::-1],
        "you look only at the source with the second mean; one that lies behind it may vary more, "
        "and then it stays a candidate": those(is_leader | (
            (np.arange(len(names)) == runner_up) & (low <= 0)
        )),
        "you ask whether the intervals of the single sources overlap; ask whether that of the "
        "paired difference lies above 0": those(overlap),
        "only the leader is a candidate in yours; so is each source whose interval holds 0": (
            [names[leader]]
        ),
        "all sources are candidates in yours; leave out those whose lower end is above 0": (
            list(names)
        ),
    }  # fmt: skip


@task(
    "The leader is 2 points ahead on average. On how many of the seeds is it ahead?",
    "`scores[leader] - scores` has, in each row, the R differences from a source. All of the "
    "answer comes from their means and their standard deviations along the rows.",
    "low is the mean of the differences minus t · std(axis=1, ddof=1) / √R. A name stays a "
    "candidate where low <= 0, which the leader's own 0 fulfils; one candidate alone is the best.",
    forbids=("tlcourse.evaluation.compare", "scipy.stats.ttest_rel"),
)
def best_source(answer, rng):
    """The best of several sources, or "we cannot tell"."""

    def drawn(behind, spread, seeds):
        """Sources of which each lies so far behind the best, and varies so much by itself."""
        own = rng.normal(0, 1, (len(behind) + 1, seeds))
        own = (own - own.mean(1, keepdims=True)) / own.std(1, ddof=1, keepdims=True)
        common, own = 0.04 * own[0], own[1:]
        scores = 0.7 + common - np.array(behind)[:, None] + own * np.array(spread)[:, None]
        scores = np.round(scores, 3)[rng.permutation(len(behind))]
        names = list(rng.permutation(["letters", "photos", "stripes", "noise", "maps", "faces"]))
        return [str(name) for name in names[: len(behind)]], scores

    verdicts = {
        False: "each other source's interval lies above 0, so the leader is the only candidate: "
        "name it",
        True: "there are several candidates, so the verdict is 'we cannot tell'",
    }
    refuted: set[str] = set()
    for name, behind, spread, seeds in (
        ("a small lead that varies is none", (0, 0.003, 0.006, 0.02), (0.02, 0.03, 0.03, 0.06), 6),
        ("a clear lead is one", (0, 0.06, 0.25), (0.01, 0.02, 0.01), 5),
        ("all that stay close are candidates", (0, 0.01, 0.02, 0.2), (0.02, 0.03, 0.02, 0.03), 6),
        ("the third may be a candidate and the second not", (0, 0.03, 0.05, 0.15),
         (0.005, 0.005, 0.09, 0.01), 5),
        ("a point is a lead if it hardly varies", (0, 0.012), (0.006, 0), 8),
        ("a lead that one seed denies may be one", (0, 0.012), (0.013, 0), 8),
        ("less than that is none", (0, 0.004), (0.006, 0), 8),
        ("six sources and a lead on common seeds", (0, 0.03, 0.04, 0.05, 0.06, 0.3), (0.006,) * 6,
         8),
        ("six sources without a lead", (0, 0.004, 0.01, 0.02, 0.025, 0.3), (0.03,) * 6, 10),
    ):  # fmt: skip
        t = round(float(stats.t.ppf(0.975, seeds - 1)), 3)

        def draw(name=name, behind=behind, spread=spread, seeds=seeds, t=t):
            while True:
                names, scores = drawn(behind, spread, seeds)
                leaders, place = _leaders(scores), np.argsort(-scores.mean(1))
                is_sorted = len(set(np.sign(np.diff(place)))) == 1
                if name.startswith("a small") and (len(set(leaders)) < 4 or is_sorted):
                    continue
                if name.startswith("a lead that") and (scores.argmax(0) == leaders[0]).all():
                    continue
                if name.startswith("a clear") and leaders[0] != 1:
                    continue  # its name is neither the first nor the last one
                low, _ = _lows(scores, t)
                if min(np.diff(np.sort(scores.mean(1))).min(), np.sort(abs(low))[1]) > 5e-4:
                    return names, scores, t

        names, scores, t = draw()
        if name.startswith("a small"):
            names, scores, t, *_ = telling(draw, lambda _, scores, t: _lows(scores, t))
        low, wrong = _lows(scores, t)
        got = answer(names, scores, t)
        given = got if isinstance(got, dict) else {}
        kept, said = given.get("candidates"), given.get("verdict")
        form = {"low": low, "candidates": kept if isinstance(kept, list) else [""]}
        form["verdict"] = said if isinstance(said, str) else ""
        yield agrees("has the three entries", got, form, rtol=np.inf, atol=np.inf)
        part = "the lower ends are those of paired intervals"
        yield agrees(part, got["low"], low, wrong, result=got)
        right, others = _decided(names, scores, t, low)
        found = [m for m, value in others.items() if kept == value and m not in refuted]
        why = found[0] if len(found) == 1 else ""
        if not set(map(str, kept)) <= set(names):
            why = "the candidates are names of the list `names`"
        yield holds("the candidates are the leader and whom it does not beat", kept == right, why)
        refuted |= {m for m, value in others.items() if value != right}
        true = right[0] if len(right) == 1 else _NO_WINNER
        why = verdicts[len(right) > 1]
        if said not in (*names, _NO_WINNER):
            why = f"there is no verdict {said!r}"
        elif said in names and len(right) == 1:
            why = "this is not the only candidate; name that one"
        yield holds(name, said == true, why)


# --- learning without forgetting, its lines in order ---------------------------------------------

_LINES = {
    "A": "        batch = rng.integers(len(x_new), size=8)",
    "B": "    return w, before - accuracy(w, x_test, y_test)",
    "C": "    before = accuracy(w, x_test, y_test)",
    "D": "        x = np.concatenate([x_new[batch], x_old[again]])",
    "E": "    for _ in range(100):",
    "F": "        again = rng.integers(len(x_old), size=8)",
    "G": "        w = w - 0.1 * gradient(w, x, y)",
    "H": "def replayed(w, x_new, y_new, x_old, y_old, x_test, y_test, rng):",
    "I": "    return w, before - accuracy(w, x_old, y_old)",
    "J": "        again = rng.choice(kept, size=8)",
    "K": "        y = np.concatenate([y_old[again], y_new[batch]])",
    "L": "    kept = rng.choice(len(x_old), size=20, replace=False)",
    "M": "        y = np.concatenate([y_new[batch], y_old[again]])",
}


@task(
    "What must be decided once, before the first step, and what at each step?",
    "Three lines are not needed. One needs all source images, one gives images the labels of "
    "others, and one measures on images that were replayed.",
    "Begin with the def; the accuracy before, and the 20 images to keep; then the loop: a batch of "
    "the target, one of what is kept, images, labels, the step; and at last the return.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """A target learned with replay, its lines put in order."""
    steps, tested = [], []

    def gradient(w, x, y):
        steps.append((w, x, y))
        return np.array([1.0, -2.0]) + w

    def accuracy(w, x, y):
        tested.append((w, x, y))
        return float(0.9 - 0.1 * w[0])

    given = {"np": np, "gradient": gradient, "accuracy": accuracy}
    replayed = assemble(_LINES, answer, "replayed", given)
    why = "lines are missing: learning with replay needs ten"
    yield holds("has a line for every step", len(answer) >= 10, why)
    for name, unwanted in {
        "what is replayed was kept": (
            "F", "with line F any image of the source is replayed; you kept only 20 of them",
        ),
        "each image has its own label": (
            "K", "with line K the labels stand in another order than the images",
        ),
        "what is lost is measured on test images": (
            "I", "with line I the accuracy is measured on images that were replayed",
        ),
    }.items():  # fmt: skip
        yield holds(name, unwanted[0] not in answer, unwanted[1])
    n = 60
    x_new, x_old = rng.normal(size=(2, n, 2))
    y_new, y_old = np.arange(n), 100 + np.arange(n)
    x_test, y_test = rng.normal(size=(9, 2)), np.arange(9)
    w = np.array([1.0, 0.5])
    end, lost = replayed(w, x_new, y_new, x_old, y_old, x_test, y_test, rng)
    yield holds("takes 100 steps", len(steps) == 100, f"there are {len(steps)} steps, and not 100")
    labels = np.array([y for _, _, y in steps])
    images = np.array([x for _, x, _ in steps])
    every = np.concatenate([x_new, np.full((40, 2), np.nan), x_old])
    is_own = labels.shape == (100, 16) and np.array_equal(images, every[labels])
    yield holds("each image has its own label", is_own, "images and labels do not belong together")
    old = labels[labels >= 100]
    fresh = "every step should have 8 images of the target and 8 of those that are kept"
    yield holds("each batch holds old and new", ((labels >= 100).sum(1) == 8).all(), fresh)
    why = "in each step others are kept: keep the same 20 images through all of them"
    yield holds("20 images are kept", len(np.unique(old)) <= 20, why)
    why = "every step sees the same images of the target: draw them in the loop"
    yield holds("each step draws a batch", len(np.unique(labels[labels < 100])) > 30, why)
    why = "every step replays the same eight images: draw them in the loop"
    yield holds("each step replays others", len(np.unique(old)) > 8, why)
    for step in range(100):
        yield agrees("each step goes on where the last one ended", steps[step][0], w)
        w = w - 0.1 * (np.array([1.0, -2.0]) + w)
    yield agrees("returns the weights at the end", end, w)
    why = "the accuracy before is taken after the training: measure it before the first step"
    expected = 0.1 * (w[0] - 1.0)
    yield holds("what is lost is that of the whole training", abs(lost - expected) < 1e-6, why)
