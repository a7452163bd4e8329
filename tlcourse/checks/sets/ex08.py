"""Trust.

Checks of exercise set 08, on chapter 08.
"""

import numpy as np
from scipy import stats

from tlcourse import evaluation
from tlcourse.checks import agrees, assemble, holds, shaped, task, telling

EDITION = 1


# --- calibration ---------------------------------------------------------------------------------


def _ece(confidence: np.ndarray, right: np.ndarray, bins: int):
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    filled = np.unique(place)
    share = np.array([np.mean(place == b) for b in filled])
    sure = np.array([confidence[place == b].mean() for b in filled])
    hits = np.array([right[place == b].mean() for b in filled])
    gap = abs(hits - sure)
    cancelled = float(share @ (hits - sure))
    found = float(share @ gap)
    merged = [place == b for b in range(bins - 2)] + [place >= bins - 2]
    together = sum(abs((right[m] - confidence[m]).sum()) for m in merged) / len(place)
    return found, {
        "the last two bins are one in yours; the last one has the number bins − 1": together,
        "each bin counts alike in yours; weigh it by its share of the answers": gap.mean(),
        "empty bins count in yours, too; weigh each bin by its share of the answers": (
            gap.sum() / bins
        ),
        "gaps of different signs cancel in yours; take each without its sign": cancelled,
        "gaps of different signs cancel in yours, or all answers lie in one bin; take the gap of "
        "each bin without its sign, and then add": -cancelled,
        "this is the largest gap; take the mean, weighed by the share of the answers": gap.max(),
        "the gaps are squared; take them without their sign": share @ gap**2,
        "the middle of a bin is not the mean confidence in it": (
            share @ abs(hits - (filled + 0.5) / bins)
        ),
        "the wrong answers are counted; the accuracy of a bin is the share of right ones": (
            share @ abs(1 - hits - sure)
        ),
        "the number is in points; give it in 0–1": 100 * found,
    }


@task(
    "Of ten answers with a confidence of about 0.8, how many should be right?",
    "One bin after the other: which answers lie in it, what is their mean confidence, and which "
    "share of them is right?",
    "(confidence * bins).astype(int) is the number of each answer's bin, but for a confidence of "
    "1. Skip empty bins; weigh each gap by the mean of `place == b`.",
    forbids=(
        "tlcourse.evaluation.expected_calibration_error",
        "tlcourse.evaluation.reliability",
        "sklearn.calibration.calibration_curve",
    ),
)
def ece(answer, rng):
    """The expected calibration error."""
    for n, bins in ((14, 4), (60, 10), (200, 15)):

        def draw(n=n, bins=bins):
            confidence = np.round(rng.uniform(0.3, 0.99, n), 2) + 0.003  # not on an edge
            return confidence, rng.random(n) < confidence**2, bins

        confidence, right, bins, expected, wrong = telling(draw, _ece)
        got = answer(confidence, right, bins)
        yield agrees("returns a number", got, 0.0, rtol=np.inf, atol=np.inf)
        yield agrees("is the mean gap of the bins", got, expected, wrong)
    confidence = np.array([1.0, 1.0, 1.0, 0.93])
    right = np.array([True, False, True, True])
    expected = abs(np.mean(right) - np.mean(confidence))
    why = "a confidence of exactly 1 belongs into the last bin"
    lost = abs(1 - 0.93) / 4
    own = lost + 0.75 * abs(2 / 3 - 1)
    yield agrees("knows answers that are certain", answer(confidence, right, 5), expected, {
        why: lost, f"{why}, with the others there": own,
    })  # fmt: skip
    right = np.array([True, True, False, True, False])
    got = answer(np.full(5, 0.61), right, 7)
    yield agrees("is 0.01 where the gap of the only bin is 0.01", got, 0.01)


def _scores(p: np.ndarray, y: np.ndarray):
    given, truth = p[np.arange(len(y)), y], np.eye(p.shape[1])[y]
    loss, brier = -np.log(given).mean(), ((p - truth) ** 2).sum(1).mean()
    return np.array([loss, brier]), {
        "the two are exchanged: the log loss comes first": np.array([brier, loss]),
        "the log loss has a minus before it": np.array([-loss, brier]),
        "take the natural logarithm, not that to base 2": np.array([loss / np.log(2), brier]),
        "take the natural logarithm, not that to base 10": np.array([loss / np.log(10), brier]),
        "these are sums; take the mean over the examples": np.array([loss, brier]) * len(y),
        "the log loss looks at the probability of the right class alone; yours is the mean over "
        "all classes": np.array([-np.log(p).mean(), brier]),
        "the log loss looks at the probability of the right class alone; yours adds those of all "
        "classes": np.array([-np.log(p).sum(1).mean(), brier]),
        "the Brier score adds over all classes; yours looks at the right one alone": (
            np.array([loss, ((1 - given) ** 2).mean()])
        ),
        "the Brier score is the sum over the classes, not their mean": (
            np.array([loss, brier / p.shape[1]])
        ),
        "the Brier score has no square root": (
            np.array([loss, np.sqrt(((p - truth) ** 2).sum(1)).mean()])
        ),
        "the distances are squared in the Brier score, not taken without their sign": (
            np.array([loss, abs(p - truth).sum(1).mean()])
        ),
        "the log loss looks at the right class, not at the most probable one": (
            np.array([-np.log(p.max(1)).mean(), brier])
        ),
    }


@task(
    "Which of the K probabilities of an example does each of the two measures look at?",
    "p[np.arange(len(y)), y] are the probabilities of the right classes; np.eye(K)[y] has a 1 in "
    "the place of the right class and else 0.",
    "The log loss is minus the mean logarithm of the first. For the Brier score subtract the "
    "second from p, square, add over the classes (axis 1), and take the mean.",
    forbids=(
        "sklearn.metrics.log_loss",
        "sklearn.metrics.brier_score_loss",
        "tlcourse.losses.cross_entropy",
        "keras.losses.SparseCategoricalCrossentropy",
        "keras.losses.CategoricalCrossentropy",
        "keras.losses.sparse_categorical_crossentropy",
        "keras.losses.categorical_crossentropy",
    ),
)
def scores(answer, rng):
    """Log loss and Brier score."""
    for n, k in ((3, 3), (20, 4), (50, 10)):

        def draw(n=n, k=k):
            p = rng.dirichlet(np.full(k, 0.8), n) + 0.02
            return p / p.sum(1, keepdims=True), rng.integers(k, size=n)

        p, y, expected, wrong = telling(draw, _scores)
        got = answer(p, y)
        yield shaped("gives two numbers", got, (2,))
        yield agrees("follows the definitions", got, expected, wrong)
    even = np.full((6, 4), 0.25)
    got = answer(even, np.arange(6) % 4)
    name = "who knows nothing of four classes has log 4 and 0.75"
    yield agrees(name, got, np.array([np.log(4), 0.75]))


# --- where it looks ------------------------------------------------------------------------------


def _heat(maps: np.ndarray, slopes: np.ndarray):
    def scaled(raw):
        top = raw.max((1, 2), keepdims=True)
        return raw / np.where(top > 0, top, 1)

    alpha = slopes.mean((1, 2), keepdims=True)
    weighed = (maps * alpha).sum(3)
    raw = np.maximum(weighed, 0)
    other = maps.mean((1, 2), keepdims=True)
    return scaled(raw), {
        "what speaks against the class is kept; cut it off at 0": scaled(weighed),
        "what speaks against the class counts like what speaks for it; cut it off at 0": (
            scaled(abs(weighed))
        ),
        "you cut off before the channels are added; add first": (
            scaled(np.maximum(maps * alpha, 0).sum(3))
        ),
        "each place has a slope of its own in yours; the weight of a channel is the mean over all "
        "places": scaled(np.maximum((maps * slopes).sum(3), 0)),
        "the weights are the mean over the images, too; each image has its own": (
            scaled(np.maximum((maps * slopes.mean((0, 1, 2))).sum(3), 0))
        ),
        "all images are divided by one maximum; each is scaled by its own": raw / raw.max(),
        "the maps are not scaled: divide each by its maximum": raw,
        "the channels are added without their weights": scaled(np.maximum(maps.sum(3), 0)),
        "the weights are the means of the maps; they are those of the slopes": (
            scaled(np.maximum((slopes * other).sum(3), 0))
        ),
        "negative weights are cut off; cut off the sum": (
            scaled(np.maximum((maps * np.maximum(alpha, 0)).sum(3), 0))
        ),
    }


@task(
    "If a channel's slope is positive nearly everywhere, does it speak for the class or against?",
    "First a weight for each image and channel, shape (n, 1, 1, C): the mean of the slopes over "
    "rows and columns. Then the sum over the channels, and only then the cut.",
    "slopes.mean(axis=(1, 2), keepdims=True) are the weights. The largest value of each image is "
    "heat.max(axis=(1, 2), keepdims=True); where it is 0, divide by 1.",
    forbids=("tlcourse.evaluation.grad_cam",),
)
def heat(answer, rng):
    """Grad-CAM from maps and slopes."""

    def draw(n, height, width, channels):
        maps = np.round(rng.normal(0.5, 1, (n, height, width, channels)), 2)
        return maps, np.round(rng.normal(0.1, 1, maps.shape), 2)

    for shape in ((2, 2, 3, 3), (3, 4, 3, 5), (4, 7, 7, 8)):
        maps, slopes, expected, wrong = telling(lambda shape=shape: draw(*shape), _heat)
        got = answer(maps, slopes)
        yield shaped("has a map for each image", got, shape[:3])
        yield agrees("follows the four steps", got, expected, wrong)
    maps, slopes = draw(2, 3, 3, 4)
    maps[0], slopes[0] = abs(maps[0]), -abs(slopes[0]) - 0.1
    maps[1], slopes[1] = abs(maps[1]) + 0.5, abs(slopes[1]) + 0.1  # no place is without heat
    got = answer(maps, slopes)
    is_nan = isinstance(got, np.ndarray) and not np.isfinite(got).all()
    why = "0 / 0 is NaN: an image in which nothing speaks for the class stays 0"
    yield holds("nothing is NaN", not is_nan, why)
    yield agrees("an image without a reason stays dark", got, _heat(maps, slopes)[0])


# --- the best of several -------------------------------------------------------------------------


def _optimism(p: np.ndarray, n: int):
    """The mean of what the winner's score is too good by, exactly, and well-known mistakes."""
    k = np.arange(n + 1)
    wins = np.empty((len(p), n + 1))  # the probability that network i wins, with k right answers
    for i in range(len(p)):
        wins[i] = stats.binom.pmf(k, n, p[i])
        for j in range(len(p)):
            if j != i:
                wins[i] *= stats.binom.cdf(k - (j < i), n, p[j])
    best = (wins * k / n).sum()
    truth = (wins.sum(1) * p).sum()
    levels = np.unique(p)  # on the same images, all networks from some level on tie with the best
    chances = np.diff((1 - p.max() + levels) ** n, prepend=0)
    shared = p.max() - chances @ [p[np.argmax(p >= level)] for level in levels]
    return float(best - truth), {
        "this is the distance of the score from the truth, without its sign; let chance cancel": (
            (wins * abs(k / n - p[:, None])).sum()
        ),
        "this is the winner's score itself; subtract its true accuracy": best,
        "this is the true accuracy of the winner; it is to be subtracted from its score": truth,
        "you subtract the score from the truth: the report is too good, so the number is above 0": (
            truth - best
        ),
        "you subtract the mean of all true accuracies; subtract that of the winner": (
            best - p.mean()
        ),
        "you subtract the best of the true accuracies; subtract that of the winner, which need not "
        "be the best": best - p.max(),
        "your winner is the network with the best true accuracy, which nobody knows: the best "
        "score wins (without a choice, there is no optimism)": 0.0,
        "all networks answer the same images in yours; each has n images of its own": shared,
        "the maximum over axis 0 is that over the repetitions: take it over the networks": (
            1 - p.mean()
        ),
        "the maximum is that of all repetitions together; each has a winner of its own": 1 - truth,
    }


@task(
    "If all networks are equally good, what makes one of them the winner?",
    "One repetition: draw the number of right answers of every network, divide by n, take the "
    "winner by argmax, and note its score minus its true accuracy p[winner].",
    "rng.binomial(n, p, (20_000, len(p))) / n draws all repetitions at once, a row for each. Then "
    "argmax along the rows; p[winner] has the true accuracy of each row's winner.",
)
def optimism(answer, rng):
    """By how much the score of the best of several is too good, measured."""
    slack = {"rtol": 0, "atol": 0.006}
    for _ in range(2000):
        p, n = np.round(rng.uniform(0.45, 0.8, 2), 2), 5
        right, wrong = _optimism(p, n)
        given = np.sort([right, *wrong.values()])
        if np.diff(given).min() > 0.015 and abs(n * right - given).min() > 0.045:
            break
    calls = []
    for _ in range(2):
        calls.append(answer(p, n))
        yield agrees("returns a number", calls[-1], 0.0, rtol=np.inf, atol=np.inf)
    got = calls[-1]
    why = ""
    for unit, message in {
        n: "the number is in images; divide by n, so that it lies in 0–1",
        100: "the number is in points; give it in 0–1",
    }.items():
        if np.allclose(np.divide(calls, unit), right, **slack):
            why = message
    is_known = any(abs(got - value) < 0.006 for value in wrong.values())
    if abs(got) > 1 and not is_known:
        why = why or (
            "the difference of two shares lies between −1 and 1: did you divide the right answers "
            "by n, and take the mean?"
        )
    yield holds("is a difference of shares", not why, why)
    why = "two calls differ by far: take the mean over 20,000 repetitions"
    yield holds("two calls hardly differ", np.ptp(calls) < 0.02, why)

    # In units of what 20,000 repetitions give, a sum of nine squares: above 45 once in a million.
    several = np.array([answer(np.array([0.6]), 4) for _ in range(10)])
    squares = np.sum((several - several.mean()) ** 2) / (0.6 * 0.4 / 4 / 20_000)
    why = "ten calls differ by more than means over 20,000 repetitions would"
    yield holds("takes the mean over enough repetitions", squares < 45, why)

    yield agrees("is right for two networks", got, right, wrong, **slack)
    name = "one network alone, without a choice, is judged fairly"
    yield agrees(name, several.mean(), 0.0, **slack)
    for name, low, high, networks, n in (
        ("is right for networks that differ", 0.5, 0.8, 5, 30),
        ("is right for many", 0.6, 0.75, 12, 50),
    ):
        p = np.round(rng.uniform(low, high, networks), 2)
        yield agrees(name, answer(p, n), *_optimism(p, n), **slack)


# --- an honest evaluation, its lines in order ----------------------------------------------------

_LINES = {
    "A": "    accuracy = np.mean(said == y_test)",
    "B": "    best = np.argmax(scores)",
    "C": "    scores = [np.mean(z.argmax(1) == y_test) for z in z_test]",
    "D": "    p = softmax(z_test[best] / T)",
    "E": "    return best, T, accuracy, gap",
    "F": "def honest(z_val, y_val, z_test, y_test):",
    "G": "    p = softmax(z_test[best]) / T",
    "H": "    T = fit_temperature(z_val[best], y_val)",
    "I": "    gap = confidence.mean() - accuracy",
    "J": "    scores = [np.mean(z.argmax(1) == y_val) for z in z_val]",
    "K": "    confidence, said = p.max(1), p.argmax(1)",
    "L": "    T = fit_temperature(z_test[best], y_test)",
}


@task(
    "Which two decisions are made before the test images are looked at?",
    "Three lines are not needed. Two let the test images decide, and one divides probabilities "
    "where logits should be divided.",
    "Begin with the def; the scores on the validation images, the best, its temperature; then the "
    "test: probabilities, confidence and answers, accuracy, gap; at last the return.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """An honest evaluation, its lines put in order."""
    given = {"np": np, "softmax": evaluation.softmax, "fit_temperature": evaluation.fit_temperature}
    honest = assemble(_LINES, answer, "honest", given)
    why = "lines are missing: an honest evaluation needs nine"
    yield holds("has a line for every step", len(answer) >= 9, why)
    for name, unwanted in {
        "the network is chosen on validation images": (
            "C", "with line C the test images choose the network",
        ),
        "the temperature is fitted on validation images": (
            "L", "with line L the temperature is fitted to the test images",
        ),
        "logits are divided": (
            "G", "line G divides probabilities, whose rows then no longer sum to 1: divide logits",
        ),
    }.items():  # fmt: skip
        yield holds(name, unwanted[0] not in answer, unwanted[1])
    for networks, n, k in ((2, 8, 3), (4, 60, 5)):
        y_val, y_test = rng.integers(k, size=(2, n))
        z_val, z_test = (
            rng.normal(size=(networks, n, k)) + 2 * np.eye(k)[y] for y in (y_val, y_test)
        )
        best = int(np.argmax((z_val.argmax(2) == y_val).mean(1)))
        T = evaluation.fit_temperature(z_val[best], y_val)
        p = evaluation.softmax(z_test[best], T)
        accuracy = np.mean(p.argmax(1) == y_test)
        got = honest(z_val, y_val, z_test, y_test)
        expected = [best, T, accuracy, p.max(1).mean() - accuracy]
        yield agrees("tells network, temperature, accuracy and gap", got, expected)
