"""Evaluation.

Checks of exercise set 06, on chapter 06.
"""

from functools import cache

import numpy as np
from scipy import stats

from tlcourse import evaluation
from tlcourse.checks import agrees, holds, shaped, task, telling

EDITION = 3


# --- one number ----------------------------------------------------------------------------------


def _shares(counts: np.ndarray) -> np.ndarray:
    """Precision, recall and F1 of each class, shape (3, K); NaN where they are 0 / 0."""
    hits, truly, called = np.diag(counts), counts.sum(1), counts.sum(0)
    return np.array([hits / called, hits / truly, 2 * hits / (truly + called)])


def _padded(counts: np.ndarray, more: float) -> np.ndarray:
    """The means over the classes with something added to each denominator."""
    hits, truly, called = np.diag(counts), counts.sum(1), counts.sum(0)
    f1 = 2 * hits / (truly + called + more)
    return np.array([hits / (called + more), hits / (truly + more), f1]).mean(1)


def _macro(counts: np.ndarray):
    """Their means over the classes, which all occur and are called, and what mistakes give."""
    shares, n = _shares(counts), counts.sum()
    p, r, f = right = shares.mean(1)
    accuracy = np.trace(counts) / n
    return right, {
        "precision and recall are exchanged: of a row (one true class) recall tells, of a column "
        "(one answer) precision": np.array([r, p, f]),
        "the counts of all classes are added first (micro), so that all three are the accuracy; "
        "compute a value for each class": np.full(3, accuracy),
        "each class is weighed by its number of examples; here all classes count alike": (
            np.average(shares, axis=1, weights=counts.sum(1))
        ),
        "F1 is the harmonic mean of precision and recall, not their ordinary mean": (
            np.array([p, r, (p + r) / 2])
        ),
        "F1 is taken of the two means; take it of each class": (
            np.array([p, r, 2 * p * r / (p + r)])
        ),
        "F1 is half as large as it should be: its 2 is missing": np.array([p, r, f / 2]),
        "precision and recall are divided by the number of all examples": (
            np.array([accuracy / len(counts), accuracy / len(counts), f])
        ),
        "1 is added to every denominator; change only those that are 0": _padded(counts, 1),
    }


@task(
    "What do the sum of a row and the sum of a column of the confusion matrix count?",
    "Of class i, hits[i] examples are right, truly[i] belong to it and called[i] are called so. "
    "Which of these stands below the line for precision, and which for recall?",
    "Precision divides the hits by called, recall by truly. Where a denominator is 0 the hits are "
    "0 too: divide by at least 1 (np.maximum), and the share is 0.",
    forbids=(
        "sklearn.metrics.precision_recall_fscore_support",
        "sklearn.metrics.precision_score",
        "sklearn.metrics.recall_score",
        "sklearn.metrics.f1_score",
        "sklearn.metrics.fbeta_score",
        "sklearn.metrics.classification_report",
        "sklearn.metrics.balanced_accuracy_score",
        "sklearn.metrics.get_scorer",
        "keras.metrics.Precision",
        "keras.metrics.Recall",
        "keras.metrics.F1Score",
        "keras.metrics.FBetaScore",
    ),
    edition=2,
)
def macro(answer, rng):
    """Precision, recall and F1 from a confusion matrix."""

    def counts(k):
        return (
            rng.integers(1, 6, (k, k)) * rng.integers(1, 6, k) + np.diag(rng.integers(1, 9, k)),
        )

    for k in (2, 3, 10):
        matrix, right, wrong = telling(lambda k=k: counts(k), _macro)
        got = answer(matrix)
        yield shaped("gives three numbers", got, (3,))
        why = "a thousandth in every denominator changes all shares; change only those that are 0"
        wrong[why] = _padded(matrix, 1e-3)
        name = "follows the definitions where every class occurs"
        yield agrees(name, got, right, wrong, rtol=1e-6)
    (matrix,) = counts(3)
    matrix[0], matrix[:, 0] = 0, 0
    matrix[0, 0] = 1
    got = answer(matrix)
    name = "a class of a single example, called once and rightly, has 1 in all three"
    why = "a denominator of 1 is changed; change only those that are 0"
    padded = [np.diag(matrix) / np.maximum(matrix.sum(axis), 2) for axis in (0, 1)]
    right = _shares(matrix).mean(1)
    yield agrees(name, got, right, {why: np.array([*np.mean(padded, 1), right[2]])})
    for name, is_called, occurs in (
        ("a class that is never called has precision 0", False, True),
        ("a class that never occurs has recall 0", True, False),
        ("a class that neither occurs nor is called has 0 in all three", False, False),
    ):
        (matrix,) = counts(4)
        at = rng.integers(4)
        matrix[:, at] *= is_called
        matrix[at] *= occurs
        got = answer(matrix)
        is_nan = isinstance(got, np.ndarray) and not np.isfinite(got).all()
        why = "0 / 0 is NaN: where a denominator is 0, the share counts as 0"
        yield holds("no share is NaN", not is_nan, why)
        shares = _shares(matrix)
        left_out = "such a class is left out of the mean; it counts, with 0"
        mistakes = {
            left_out: np.nanmean(shares, axis=1),
            f"{left_out}, in all three": np.nan_to_num(np.delete(shares, at, 1)).mean(1),
            "0 / 0 counts as 1 in yours; here it counts as 0": np.nan_to_num(shares, nan=1).mean(1),
        }
        yield agrees(name, got, np.nan_to_num(shares).mean(1), mistakes)


def _wilson(k: np.ndarray, n: int, z: float):
    p = k / n

    def interval(z):
        level = 1 - 2 * stats.norm.sf(z)
        found = [stats.binomtest(int(one), n).proportion_ci(level, "wilson") for one in k]
        return np.array([[one.low, one.high] for one in found])

    right = interval(z)
    fixed = "z is not used: yours is always 1.96"
    middle, shrink = p + z**2 / (2 * n), 1 + z**2 / n
    root = np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    wald, bare = np.sqrt(p * (1 - p) / n), np.sqrt(p * (1 - p) / n + z / (4 * n**2))
    lifted, inflated = p + z**2 / 2 * n, np.sqrt(p * (1 - p) / n + z**2 / 4 * n**2)
    coull = np.sqrt(middle / shrink * (1 - middle / shrink) / (n + z**2))

    def about(centre, reach):
        return np.stack([centre - reach, centre + reach], 1)

    return right, {
        "this is p ± z √(p(1 − p)/n), which has no width where all are right; Wilson's interval "
        "also has terms with z²": about(p, z * wald),
        "return the lower bound first": right[:, ::-1],
        "the factor before the bracket is missing": about(middle, z * root),
        "the factor before the bracket multiplies the root, too": about(middle / shrink, z * root),
        "the factor before the bracket multiplies the middle, too": about(
            middle, z * root / shrink
        ),
        "z before the root is missing": about(middle / shrink, root / shrink),
        "the second term under the root is missing": about(middle / shrink, z * wald / shrink),
        "in the second term under the root, z is squared": about(
            middle / shrink, z * bare / shrink
        ),
        "in the second term under the root, n is squared: z²/4n²": (
            about(middle / shrink, z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n)) / shrink)
        ),
        "the middle is p alone: z²/2n is missing": about(p / shrink, z * root / shrink),
        "this is the interval of Agresti and Coull: its middle is Wilson's, its width is not": (
            about(middle / shrink, z * coull)
        ),
        "z**2 / 2 * n multiplies by n: put the denominator in brackets, z**2 / (2 * n)": (
            about(lifted / shrink, z * root / shrink)
        ),
        "z**2 / 4 * n**2 multiplies by n²: put the denominator in brackets, z**2 / (4 * n**2)": (
            about(middle / shrink, z * inflated / shrink)
        ),
        "z**2 / 2 * n and z**2 / 4 * n**2 multiply by n and n²: put the denominators in brackets": (
            about(lifted / shrink, z * inflated / shrink)
        ),
    } | ({fixed: interval(1.96)} if z != 1.96 else {})


@task(
    "What does the interval become if z is small, and what if n is 10 and all ten are right?",
    "Compute three parts by themselves: the middle p + z²/2n, the root, and the factor before the "
    "bracket, which multiplies both.",
    "All of it works on whole arrays: p = k / n has the shape (S,). np.stack([low, high], axis=1) "
    "puts two such arrays side by side.",
    forbids=(
        "scipy.stats.binomtest",
        "scipy.stats.binom_test",
        "statsmodels.stats.proportion.proportion_confint",
    ),
)
def wilson(answer, rng):
    """Wilson's interval for an accuracy."""
    for seeds, n, z in ((1, 10, 1.96), (2, 20, 1.645), (5, 137, 2.576)):

        def draw(seeds=seeds, n=n, z=z):
            return rng.integers(1, n - 1, seeds), n, z

        k, n, z, right, wrong = telling(draw, _wilson)
        got = answer(k, n, z)
        yield shaped("has a row for each network and two columns", got, (seeds, 2))
        yield agrees("agrees with SciPy", got, right, wrong)
    ends = answer(np.array([0, n]), n, 1.96)
    inside = ends.min() > -1e-6 and ends.max() < 1 + 1e-6
    yield holds("stays between 0 and 1", inside, "a bound lies outside")
    is_wide = (np.ptp(ends, axis=1) > 1e-4).all()
    why = "ten right answers of ten do not prove an accuracy of 1: there is a width there, too"
    yield holds("has a width where all answers are right", is_wide, why)


# --- leakage -------------------------------------------------------------------------------------


def _best_features(x, y, m):
    gap = abs(x[y == 1].mean(0) - x[y == 0].mean(0))
    return np.argsort(-gap)[:m]


def _nearest_centroid(x, y, x_new):
    low, high = x[y == 0].mean(0), x[y == 1].mean(0)
    return ((x_new - (low + high) / 2) @ (high - low) > 0).astype(int)


def _fold_scores(x, y, fold, m):
    """The right scores, and those of well-known leaks."""

    def scores(choose, learn, judge, m=m, rows=False):
        found = []
        for f in range(fold.max() + 1):
            part = {"train": fold != f, "test": fold == f, "all": fold >= 0}
            on, to, by = part[choose], part[learn], part[judge]
            chosen = _best_features(x[on], y[on], m)
            if rows:
                said = _nearest_centroid(x[to][chosen], y[to][chosen], x[by])
            else:
                said = _nearest_centroid(x[to][:, chosen], y[to], x[by][:, chosen])
            found.append(np.mean(said == y[by]))
        return np.array(found)

    right = scores("train", "train", "test")
    wrong = {
        "the features are chosen by a look at the test examples: choose them again in each round, "
        "from its training examples alone": scores("all", "train", "test"),
        "the test examples of a round are also trained on": scores("train", "all", "test"),
        "all examples choose and train, in every round, the test examples too": (
            scores("all", "all", "test")
        ),
        "the features are chosen on the test examples": scores("test", "train", "test"),
        "the two parts are exchanged: you train on part f and test on all others": (
            scores("test", "test", "train")
        ),
        "this is the accuracy on the training examples": scores("train", "train", "train"),
        "this is the share of errors; the accuracy is asked for": 1 - right,
        "the rounds are right, but not in the order of their numbers": right[::-1],
        "these are the numbers of right answers; the accuracy is their share": (
            right * np.bincount(fold)
        ),
        "all features are used; choose m of them": scores("train", "train", "test", x.shape[1]),
    }
    if x.shape[1] <= np.sum(fold != 0):  # so that the number of a column is also that of a row
        wrong["x[train][chosen] takes rows; columns are x[train][:, chosen]"] = scores(
            "train", "train", "test", rows=True
        )
    for part in range(len(right) - 1):
        why = f"the last score is that of part {part} once more"
        wrong[why] = np.array([*right[:-1], right[part]])
    return right, wrong


@task(
    "In round f, which examples may decide which features are kept?",
    "A loop over f. fold != f marks the training examples; x[fold != f] are their rows. Choosing "
    "features is learning, so it stands inside the loop.",
    "In each round: choose from the training rows; keep these columns of the training rows and of "
    "the test rows, x[test][:, chosen]; learn from the first, ask about the second, compare.",
    forbids=(
        "sklearn.model_selection.cross_val_score",
        "sklearn.model_selection.cross_validate",
        "sklearn.model_selection.cross_val_predict",
    ),
    edition=2,
)
def fold_scores(answer, rng):
    """Accuracies of a cross-validation that chooses features in each fold."""
    for n, d, m, k in ((40, 12, 2, 3), (62, 20, 3, 4), (63, 300, 10, 5)):

        def draw(n=n, d=d, m=m, k=k):
            order = rng.permutation(n)
            y, fold = np.empty(n, int), np.empty(n, int)
            y[order], fold[order] = np.arange(n) * 2 // n, np.arange(n) % k
            x = np.round(rng.normal(size=(n, d)), 2) + 0.2 * y[:, None]
            return np.round(x, 2), y, fold, m

        x, y, fold, m, right, wrong = telling(draw, _fold_scores)
        more, got = (answer(x, y, fold, count) for count in (d // 2, m))
        yield shaped("has a score for each part", got, (k,))
        if np.array_equal(got, more):
            wrong = {"m is not used: another m gives the same scores": got} | wrong
        yield agrees(
            "each round learns from all other parts, and from nothing else", got, right, wrong
        )


def _train_epochs(x, y):
    thetas = [np.zeros(x.shape[1])]
    for _ in range(20):
        error = x @ thetas[-1] - y
        thetas.append(thetas[-1] - 0.2 * x.T @ error / len(y))
    return np.array(thetas[1:])


def _script(x, y, train, validation, first, second):
    """The right report, that of slips, and a function for that of all other faults.

    The faults take long to compute: only inputs on which the slips do as they should need them.
    """
    parts = {"train": train, "validation": validation, "first": first}
    parts |= {"all": np.arange(len(y)), "both": np.concatenate([train, validation])}

    @cache
    def trained(scale, alone, ddof, centre, spread):
        """The scaled examples and the weights after each epoch."""
        z = x.copy()
        for part in ("train", "validation", "first"):
            by = x[parts[part if alone else scale]]
            z[parts[part]] -= centre * by.mean(0)
            z[parts[part]] /= by.std(0, ddof=ddof) ** spread
        return z, _train_epochs(z[train], y[train])

    def run(
        scale="train", choose="validation", said="first", mixed=False, alone=False, epoch=None,
        ddof=0, centre=1, spread=1,
    ):  # fmt: skip
        z, thetas = trained(scale, alone, ddof, centre, spread)

        def accuracies(part):
            labelled = second if mixed and part == "first" else parts[part]
            return np.mean(np.sign(z[parts[part]] @ thetas.T) == y[labelled][:, None], axis=0)

        by_epoch = accuracies(choose)
        best = int(np.argmax(by_epoch)) if epoch is None else epoch
        if epoch == "last of equals":
            best = int(np.flatnonzero(by_epoch == by_epoch.max())[-1])
        return {"epoch": best, "accuracy": accuracies(said)[best]}

    right = run()
    late = {"the first epoch has the number 0": right | {"epoch": right["epoch"] + 1}}
    slips = {
        "several epochs are equally good on validation: of equals, take the first": (
            run(epoch="last of equals")
        ),
        "std divides by N here, as in the script; yours divides by N − 1 (ddof=1)": run(ddof=1),
    }
    scale, peeks, passes = {"scale": "all"}, {"choose": "first"}, {"mixed": True}
    faults = {  # by what `run` gets
        "mean and spread of the features are still taken over all examples, the test too": (scale),
        "the epoch is still chosen by the test accuracy: choose it on the validation examples": (
            peeks
        ),
        "the answers are of the first pass and the labels of the second: take both from one": (
            passes
        ),
        "two faults are left: the scaling sees the test, and the epoch is chosen on it": (
            scale | peeks
        ),
        "two faults are left: the scaling sees the test, and answers and labels are of two "
        "passes": scale | passes,
        "two faults are left: the epoch is chosen on the test, and answers and labels are of two "
        "passes": peeks | passes,
        "all three faults are left": scale | peeks | passes,
        "this is the accuracy on the validation examples, which chose the epoch: report the test": (
            {"said": "validation"}
        ),
        "the validation examples take part in the scaling; only the training examples may": (
            {"scale": "both"}
        ),
        "every part is scaled by its own mean and spread; take those of the training examples": (
            {"alone": True}
        ),
        "the epoch is chosen on the training examples, which it was fitted to": {"choose": "train"},
        "the epoch is chosen on training and validation examples together; choose it on those that "
        "it was not fitted to": {"choose": "both"},
        "the last epoch is reported, not the best": {"epoch": 19},
        "the features are not divided by their spread": {"spread": 0},
        "the features are not scaled: neither centred nor divided by their spread": (
            {"centre": 0, "spread": 0}
        ),
        "the features are not centred: subtract the mean, too": {"centre": 0},
    }
    return right, slips | late, lambda: {m: run(**f) for m, f in faults.items()} | late


@task(
    "Which lines of the script see the test examples before the accuracy is reported?",
    "There are three faults: something is learned from all examples, the test is asked which epoch "
    "is best, and answers and labels do not belong to the same examples.",
    "Mean and spread of x[train] scale everything; the accuracies on validation choose the epoch; "
    "then, once, the answers on x[first] are compared with y[first].",
    edition=2,
)
def repaired(answer, rng):
    """An evaluation script, repaired."""

    def draw(n, sizes):
        y = rng.permutation(np.where(np.arange(n) % 2, 1, -1))
        x = rng.standard_t(3, (n, 8)) + 0.3 * y[:, None] * rng.normal(size=8)
        x = x @ (0.3 * np.eye(8) + rng.normal(size=(8, 8))) + rng.normal(size=8)
        x = np.round(x, 1)
        train, validation, first = np.split(rng.permutation(n), np.cumsum(sizes))
        return x, y, train, validation, first, rng.permutation(first)

    def plain(n, sizes):
        """Inputs on which the slips make no difference."""
        while True:
            inputs = draw(n, sizes)
            right, slips, _ = _script(*inputs)
            if list(slips.values())[:2] == [right, right]:
                return inputs

    def faults(inputs):
        right, _, faults = _script(*inputs)
        return right, faults()

    def slips(inputs):
        return _script(*inputs)[:2]

    # An epoch and an accuracy may agree by chance, so that two or three scripts are asked at once.
    for judged, drawn, times, n, sizes in (
        (faults, plain, 3, 80, (15, 30)),
        (slips, draw, 2, 60, (10, 20)),
        (slips, draw, 2, 150, (30, 50)),
    ):

        def several(drawn=drawn, times=times, n=n, sizes=sizes):
            return ([drawn(n, sizes) for _ in range(times)],)

        def judge_all(scripts, judged=judged):
            rights, wrongs = zip(*map(judged, scripts), strict=True)
            return list(rights), {m: [wrong[m] for wrong in wrongs] for m in wrongs[0]}

        scripts, rights, wrong = telling(several, judge_all)
        name, found = "reports what an honest script reports", []
        for inputs, right in zip(scripts, rights, strict=True):
            found.append(answer(*inputs))
            yield agrees(name, found[-1], right, rtol=np.inf, atol=np.inf)
        yield agrees(name, found, rights, wrong)


# --- A against B ---------------------------------------------------------------------------------


def _mcnemar(y, a, b):
    only_a, only_b = int(np.sum((a == y) & (b != y))), int(np.sum((a != y) & (b == y)))
    n, s = only_a + only_b, min(only_a, only_b)
    p = evaluation.mcnemar(y, a, b)
    x = stats.binom(n, 0.5)
    differ, total = int(np.sum(a != b)), len(y)
    wrong_a, wrong_b = int(np.sum(a != y)), int(np.sum(b != y))
    values = {
        "this is the exact test: subtract P(X = s) for the mid-p version": 2 * x.cdf(s),
        "this is the one-sided test: the factor 2 is missing": x.cdf(s) - x.pmf(s) / 2,
        "the factor 2 is missing before P(X ≤ s)": x.cdf(s) - x.pmf(s),
        "you subtract P(X = s) twice": 2 * x.cdf(s) - 2 * x.pmf(s),
        "P(X = s) is to be subtracted, not added": 2 * x.cdf(s) + x.pmf(s),
        "s is the larger of the two numbers in yours; take the smaller": (
            2 * x.cdf(n - s) - x.pmf(s)
        ),
        "the coin is tossed n times, n being the images that only one reads; you toss it for all "
        "N images": 2 * stats.binom.cdf(s, total, 0.5) - stats.binom.pmf(s, total, 0.5),
        "you toss the coin for all images on which the answers differ; those that both misread do "
        "not count": 2 * stats.binom.cdf(s, differ, 0.5) - stats.binom.pmf(s, differ, 0.5),
        "this is the χ² version of the test, which is good only for large n": (
            stats.chi2.sf((only_a - only_b) ** 2 / n, 1)
        ),
        "this is the χ² version with the continuity correction, which is too cautious": (
            stats.chi2.sf((abs(only_a - only_b) - 1) ** 2 / n, 1)
        ),
        "this is P(X = s) alone; a test adds what is at least as extreme": x.pmf(s),
        "this is 1 − p": 1 - p,
    }
    wrong = {message: [only_a, only_b, float(value)] for message, value in values.items()}
    wrong |= {
        "only_a and only_b are exchanged": [only_b, only_a, p],
        "you count all errors of each; count the images on which only one is right": (
            [wrong_b, wrong_a, p]
        ),
        "you count the images on which each is right; count those on which only it is": (
            [total - wrong_a, total - wrong_b, p]
        ),
        "images that both misread in different ways are counted: demand that one is right": (
            [int(np.sum((b != y) & (a != b))), int(np.sum((a != y) & (a != b))), p]
        ),
    }
    return [only_a, only_b, p], wrong


@task(
    "Which images say nothing about which of the two networks is better?",
    "(a == y) & (b != y) marks the images that only a reads. Where both are right or both are "
    "wrong, no coin is tossed.",
    "With n = only_a + only_b and s = min(only_a, only_b): stats.binom.cdf(s, n, 0.5) is P(X ≤ s) "
    "and stats.binom.pmf(s, n, 0.5) is P(X = s).",
    forbids=(
        "tlcourse.evaluation.mcnemar",
        "scipy.stats.binomtest",
        "scipy.stats.binom_test",
        "statsmodels.stats.contingency_tables.mcnemar",
    ),
    edition=2,
)
def mcnemar(answer, rng):
    """McNemar's test of two trained networks."""

    def networks(n, classes, right_a, right_b):
        y = rng.integers(classes, size=n)
        miss = rng.integers(1, classes, (2, n))
        is_right = rng.random((2, n)) < [[right_a], [right_b]]
        a, b = (y + miss * ~is_right) % classes
        return y, a, b

    for n, right_a, right_b in ((12, 0.7, 0.4), (24, 0.4, 0.6), (150, 0.5, 0.6)):

        def draw(n=n, right_a=right_a, right_b=right_b):
            while True:
                y, a, b = networks(n, 4, right_a, right_b)
                only = np.sum((a == y) & (b != y)), np.sum((a != y) & (b == y))
                if min(only) > 0:
                    return y, a, b

        y, a, b, right, wrong = telling(draw, _mcnemar)
        got = answer(y, a, b)
        yield agrees("returns three values", got, [0, 0, 0.0], rtol=np.inf, atol=np.inf)
        wrong_counts = {text: value[:2] for text, value in wrong.items() if value[:2] != right[:2]}
        yield agrees("counts the images that only one reads", got[:2], right[:2], wrong_counts)
        yield agrees("p is that of the mid-p test", got, right, wrong)
    y = rng.integers(3, size=10)
    a = np.where(np.arange(10) < 5, y, (y + 1) % 3)
    why = "nothing speaks against equality, so p is 1"
    for name, b in {
        "two networks that never differ have p = 1": a,
        "two networks that lead on equally many images have p = 1": (
            np.where(np.arange(10) % 2, y, (y + 1) % 3)
        ),
    }.items():
        got = answer(y, a, b)
        yield agrees("returns three values", got, [0, 0, 0.0], rtol=np.inf, atol=np.inf)
        yield holds(name, abs(got[2] - 1) < 1e-4, why)


# --- does transfer help here? --------------------------------------------------------------------


def _report(y, scratch, transfer):
    a, b = ((runs == y).mean(1) for runs in (scratch, transfer))
    gains, seeds = b - a, len(a)
    gain, sd = gains.mean(), gains.std(ddof=1)

    def reported(reach, gain=gain, gains=gains):
        low, high = gain - reach, gain + reach
        return {"gain": gain, "low": low, "high": high, "wins": int(np.sum(gains > 0))}

    def t(freedom, tail=0.025):
        return stats.t.isf(tail, freedom)

    root = np.sqrt(seeds)
    by_image = (transfer == y).mean(0) - (scratch == y).mean(0)
    across = by_image.std(ddof=1) / np.sqrt(len(y))
    right = reported(t(seeds - 1) * sd / root)
    apart = np.sqrt(a.var(ddof=1) + b.var(ddof=1))
    pooled = ((transfer == y).astype(float) - (scratch == y)).std(ddof=1) / np.sqrt(y.size)
    return right, {
        "the sign is reversed: the gain is transfer minus scratch": reported(
            t(seeds - 1) * sd / root, -gain, -gains
        ),
        "√S is missing: this is the spread of single seeds, not of their mean": (
            reported(t(seeds - 1) * sd)
        ),
        "S − 1 belongs into the denominator of s: ddof=1": reported(
            t(seeds - 1) * gains.std() / root
        ),
        "for so few seeds 1.96 is too small: take Student's distribution": reported(
            1.96 * sd / root
        ),
        "the interval forgets that the runs are paired: take the standard deviation of the gains": (
            reported(t(seeds - 1) * apart / root)
        ),
        "the interval forgets that the runs are paired: take the S gains, with S − 1 degrees of "
        "freedom": reported(t(2 * seeds - 2) * apart / root),
        "all S · N answers are taken as independent; the sample is the S gains": (
            reported(1.96 * pooled / root)
        ),
        "the degrees of freedom are S − 1, not S": reported(t(seeds) * sd / root),
        "this is a 90 % interval: 2.5 % are to be left out on either side": (
            reported(t(seeds - 1, 0.05) * sd / root)
        ),
        "you take the mean over axis 0, the seeds: the accuracy of a seed is the mean over its "
        "images, axis 1": reported(t(len(y) - 1) * across, gains=by_image),
        "low and high are exchanged": right | {"low": right["high"], "high": right["low"]},
        "a seed without a difference is not won": right | {"wins": int(np.sum(gains >= 0))},
        "wins counts the images; count the seeds": (
            right | {"wins": int(np.sum((transfer == y) & (scratch != y)))}
        ),
        "the numbers are in points; give them in 0–1": (
            right | {name: 100 * right[name] for name in ("gain", "low", "high")}
        ),
    }


@task(
    "How many independent numbers about the gain do S paired seeds give?",
    "First the accuracies of both sides by seed, each of shape (S,); then their difference. "
    "Everything in the report comes from these S gains.",
    "stats.t.ppf(0.975, S - 1) times gains.std(ddof=1) over √S is the reach on either side. Ask "
    "for 'makes no difference' before you ask for 'helps'.",
    forbids=("tlcourse.evaluation.compare", "tlcourse.evaluation.verdict"),
    edition=2,
)
def report(answer, rng):
    """Does transfer help on a new target? A report over paired seeds."""

    def runs(n, gains):
        """Answers of S seeds, with these gains, in images."""
        y = rng.integers(4, size=n)
        gains = rng.permutation(gains)
        base = rng.integers(max(0, -min(gains)), n + 1 - max(0, max(gains)), len(gains))
        both = []
        for right in (base, base + gains):
            rows = [rng.permutation(n) < count for count in right]
            both.append(np.where(rows, y, (y + rng.integers(1, 4, (len(gains), n))) % 4))
        return y, *both

    verdicts = {
        "makes no difference": "the whole interval lies within a point: that is 'makes no "
        "difference', whatever its sign; ask for it first",
        "helps": "the interval lies above 0 and reaches beyond a point: that is 'helps'",
        "hurts": "the interval lies below 0 and reaches beyond a point: that is 'hurts'",
        "cannot tell": "the interval holds 0 and reaches beyond a point: that is 'cannot tell', "
        "whatever the gain or the wins",
    }
    for name, n, gains in (
        ("a clear gain helps", 4, [0, 2, 1, 3, 2]),
        ("a clear gain on more images helps", 40, [8, 5, 0, 9, 7, 6]),
        ("a gain that varies in sign cannot tell", 40, [6, -4, 0, 3, -2, 5]),
        ("one seed that turns the mean cannot tell", 40, [14, 1, 1, -1, 2]),
        ("a clear loss hurts", 40, [-8, -5, -9, -6, -4]),
        ("a gain within a point makes no difference", 400, [2, 1, 2, 1, 2]),
        ("a loss within a point makes no difference", 400, [-2, -1, -2, -1, -2]),
        ("no gain, known well, makes no difference", 400, [1, -1, 0, 2, -1]),
        ("0.2 to 3 points help", 1000, [2, 9, 16, 23, 30]),
        ("−3 to −0.2 points hurt", 1000, [-2, -9, -16, -23, -30]),
        ("−1.5 to 0.5 points cannot tell", 1000, [-15, -10, -5, 0, 5]),
        ("−0.5 to 1.5 points cannot tell", 1000, [15, 10, 5, 0, -5]),
        ("−4 to 5 points cannot tell", 1000, [-41, -18, 5, 28, 51]),
        ("−0.6 to 0.6 points make no difference", 1000, [-6, -3, 0, 3, 6]),
        ("−1.04 to 0.14 points cannot tell", 2000, [-21, -15, -9, -3, 3]),
        ("−0.99 to 0.19 points make no difference", 2000, [-20, -14, -8, -2, 4]),
        ("−0.14 to 1.04 points cannot tell", 2000, [-3, 3, 9, 15, 21]),
        ("−0.19 to 0.99 points make no difference", 2000, [-4, 2, 8, 14, 20]),
        ("single images in eight seeds make no difference", 2000, [1, 1, -1, 2, 1, 0, 1, 1]),
        ("three seeds with a gain help", 500, [50, 52, 55]),
    ):
        inputs = runs(n, gains)
        right, wrong = _report(*inputs)
        if name.startswith("a clear gain"):
            *inputs, right, wrong = telling(lambda n=n, g=gains: runs(n, g), _report)
        got = answer(*inputs)
        is_text = isinstance(got, dict) and isinstance(got.get("verdict"), str)
        entries = right | {"verdict": got["verdict"] if is_text else ""}
        yield agrees("has the five entries", got, entries, rtol=np.inf, atol=np.inf)
        numbers = {key: got[key] for key in right}
        yield agrees("gain, interval and wins are right", numbers, right, wrong)
        said, true = got["verdict"], evaluation.verdict(right["low"], right["high"])
        why = verdicts[true] if said in verdicts else f"there is no verdict {said!r}"
        yield holds(name, said == true, why)
