"""Trust.

Checks of exercise set 08, on chapter 08.
"""

import numpy as np
from scipy import stats

from tlcourse import evaluation
from tlcourse.checks import agrees, assemble, holds, task

EDITION = 1


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
