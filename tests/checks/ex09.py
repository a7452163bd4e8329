"""Choosing a source."""

SOLVED = "HCLEAJDMGB"


def lines(order):
    return "order = " + repr(list(order))


TRANSLATED, MEAN = "joint / joint.sum(axis=0)", "np.log(expected[np.arange(len(y)), y]).mean()"
EXPECTED = "expected = probabilities @ translated.T"
HARD = "np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]"
RANK = "np.argsort(np.argsort(-truth)) + 1"
WEIGHT, TAU = "1 / rank[i] + 1 / rank[j]", "np.sum(weight * same) / np.sum(weight)"
PAIRS = "i, j = np.triu_indices(len(truth), 1)"
SAME = "np.sign((truth[i] - truth[j]) * (scores[i] - scores[j]))"
LOSS = "-np.log(p[rows, y]).mean() - np.log(q[rows, v]).mean()"
GRADIENT = "x.T @ ((from_first + from_second) * (h > 0)) / len(x)"
LENGTH = "np.sqrt(np.array([np.sum(first**2), np.sum(second**2)]))"
COSINE = "np.sum(first * second) / (length[0] * length[1])"
WEIGHTS = "2 * length[::-1] / length.sum()"
PLAIN = "falls(first + second)"
BALANCED = "falls(weights[0] * first + weights[1] * second)"
LEADER = "np.argmax(scores.mean(axis=1))"
REACH = "t * ahead.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])"
LOW = "ahead.mean(axis=1) - reach"
KEPT = "[name for name, end in zip(names, low, strict=True) if end <= 0]"

WRONG = {
    "leep": [
        ("joint", {TRANSLATED: "joint"}, "the columns are not divided by their sums"),
        ("rows divided", {TRANSLATED: "joint / joint.sum(axis=1, keepdims=True)"},
         "the rows are divided by their sums in yours"),
        ("log of the mean", {MEAN: "np.log(expected[np.arange(len(y)), y].mean())"},
         "you take the logarithm of the mean"),
        ("log inside", {EXPECTED: "expected = probabilities @ np.log(translated).T",
                        MEAN: "expected[np.arange(len(y)), y].mean()"},
         "the logarithm stands inside the sum"),
        ("no log", {MEAN: "expected[np.arange(len(y)), y].mean()"}, "take its logarithm first"),
        ("minus", {"return np.log": "return -np.log"}, "LEEP is at most 0"),
        ("sum", {"y]).mean()": "y]).sum()"}, "this is a sum"),
        ("base 2", {"np.log(": "np.log2("}, "not that to base 2"),
        ("base 10", {"np.log(": "np.log10("}, "not that to base 10"),
        ("table of answers", {"truth.T @ probabilities": f"truth.T @ {HARD}"},
         "your table counts only the most probable"),
        ("answers translated", {EXPECTED: f"expected = {HARD} @ translated.T"},
         "your last step looks only at the most probable"),
        ("answers alone", {"    truth = np": f"    probabilities = {HARD}\n    truth = np"},
         "in the table and after"),
        ("not weighed", {EXPECTED: "expected = np.tile(translated.sum(axis=1), (len(y), 1))"},
         "the last step does not weigh the source classes"),
        ("all classes", {MEAN: "np.log(expected).mean()"}, "look at the right class alone"),
        ("by class", {MEAN: "np.mean([np.log(expected[y == c, c]).mean() for c in set(y)])"},
         "the mean is taken over the classes of the target"),
        ("each image", {MEAN: "np.log(expected[np.arange(len(y)), y])"}, "instead of a number"),
        ("the course's", "def leep(probabilities, y):\n"
         "    from tlcourse import transferability\n"
         "    return transferability.leep(probabilities, y)",
         "solve this task without tlcourse.transferability.leep"),
    ],
    "weighted_tau": [
        ("no weights", {WEIGHT: "np.ones(len(i))"}, "this is Kendall's τ without weights"),
        ("worst first", {RANK: "np.argsort(np.argsort(truth)) + 1"},
         "the worst source has the rank 1 in yours"),
        ("by the scores", {RANK: "np.argsort(np.argsort(-scores)) + 1"},
         "the ranks are those by the scores"),
        ("order, not ranks", {RANK: "np.argsort(-truth) + 1"}, "argsort alone gives the order"),
        ("order from below", {RANK: "np.argsort(truth) + 1"}, "and it begins with the smallest"),
        ("multiplied", {WEIGHT: "1 / rank[i] / rank[j]"}, "are multiplied in yours"),
        ("rank 2", {RANK: "np.argsort(np.argsort(-truth)) + 2"}, "the best source has the rank 2"),
        ("rank 0", {RANK: "np.argsort(np.argsort(-truth))"}, "NaN or infinity"),
        ("ranks as weights", {WEIGHT: "rank[i] + rank[j]"}, "the weights are the ranks themselves"),
        ("of the sum", {WEIGHT: "1 / (rank[i] + rank[j])"}, "a weight is 1 / (ρ_i + ρ_j) in yours"),
        ("better alone", {WEIGHT: "1 / np.minimum(rank[i], rank[j])"},
         "only the better source of each pair"),
        ("worse alone", {WEIGHT: "1 / np.maximum(rank[i], rank[j])"},
         "only the worse source of each pair"),
        ("share", {TAU: "np.sum(weight * (same > 0)) / np.sum(weight)"},
         "this is the weighted share of the pairs"),
        ("not divided", {TAU: "np.sum(weight * same)"}, "this is the weighted sum itself"),
        ("by the number of pairs", {TAU: "np.mean(weight * same)"},
         "divided by the number of pairs"),
        ("with itself", {PAIRS: "i, j = np.indices((len(truth), len(truth)))"},
         "holds pairs of a source with itself"),
        ("with itself in order", {PAIRS: "i, j = np.indices((len(truth), len(truth)))",
                                  SAME: "2 * ((truth[i] >= truth[j]) == (scores[i] >= scores[j]))"
                                        " - 1"},
         "counts as one in the right order"),
        ("reversed", {TAU: "-np.sum(weight * same) / np.sum(weight)"}, "the sign is reversed"),
        ("distances", {SAME: "(truth[i] - truth[j]) * (scores[i] - scores[j])"},
         "by how far the numbers lie apart"),
        ("Pearson", {TAU: "np.corrcoef(truth, scores)[0, 1]"}, "this is Pearson's correlation"),
        ("Spearman", {TAU: "np.corrcoef(rank, np.argsort(np.argsort(-scores)))[0, 1]"},
         "this is Spearman's correlation"),
        ("mean of both", {
            "return " + TAU: "both = [np.sum(w * same) / np.sum(w) for w in (weight, 1 / (1 + "
            "np.argsort(np.argsort(-scores)))[i] + 1 / (1 + np.argsort(np.argsort(-scores)))[j])]\n"
            "    return np.mean(both)"}, "this is the mean of two values"),
        ("SciPy's", "from scipy import stats\n\n\ndef weighted_tau(truth, scores):\n"
         "    return stats.weightedtau(truth, scores, rank=None).statistic",
         "solve this task without scipy.stats.weightedtau"),
    ],
    "two_heads": [
        ("first loss", {LOSS: "-np.log(p[rows, y]).mean()"}, "J is the loss of the first head"),
        ("second loss", {LOSS: "-np.log(q[rows, v]).mean()"}, "J is the loss of the second head"),
        ("mean of the losses", {LOSS: f"({LOSS}) / 2"}, "J is the mean of the two losses"),
        ("sums", {"y]).mean()": "y]).sum()", "v]).mean()": "v]).sum()"},
         "J is a sum over the examples"),
        ("no minus", {LOSS: f"-({LOSS})"}, "J has the wrong sign"),
        ("linear trunk", {"np.maximum(x @ w, 0)": "x @ w"}, "the trunk has no max(0, x w)"),
        ("all classes", {LOSS: "-np.log(p).mean() - np.log(q).mean()"},
         "J looks at the probabilities of all classes"),
        ("log of the mean", {LOSS: "-np.log(p[rows, y].mean()) - np.log(q[rows, v].mean())"},
         "take the mean of the logarithms"),
        ("first gradient", {"(from_first + from_second)": "from_first"},
         "the gradient comes from the first head alone"),
        ("second gradient", {"(from_first + from_second)": "from_second"},
         "the gradient comes from the second head alone"),
        ("mean of the gradients", {"/ len(x)": "/ len(x) / 2"},
         "the mean of the two heads' contributions"),
        ("subtracted", {"from_first + from_second": "from_first - from_second"},
         "the second head's contribution is subtracted"),
        ("subtracted the other way", {"from_first + from_second": "from_second - from_first"},
         "the first head's contribution is subtracted"),
        ("multiplied", {"from_first + from_second": "from_first * from_second"},
         "contributions are multiplied"),
        ("not divided", {" / len(x)": ""}, "the gradient is a sum over the examples"),
        ("no slope", {" * (h > 0)": ""}, "the gradient lacks the maximum"),
        ("wrong side", {"(h > 0)": "(h <= 0)"}, "not where it is above"),
        ("h itself", {"* (h > 0)": "* h"}, "not h itself"),
        ("slope for the second", {"(from_first + from_second) * (h > 0)":
                                  "from_first + from_second * (h > 0)"},
         "is missing for the first head"),
        ("slope for the first", {"(from_first + from_second) * (h > 0)":
                                 "from_first * (h > 0) + from_second"},
         "is missing for the second head"),
        ("sign", {"gradient = x.T": "gradient = -x.T"}, "the gradient has the wrong sign"),
        ("no labels", {"(p - np.eye(a.shape[1])[y])": "p", "(q - np.eye(b.shape[1])[v])": "q"},
         "the one-hot labels are not subtracted"),
        ("exchanged", {"return loss, gradient": "return gradient, loss"}, "instead of a number"),
        ("gradient alone", {"return loss, gradient": "return gradient"}, "instead of 2 values"),
    ],
    "balance": [
        ("product", {COSINE: "np.sum(first * second)"}, "this is the scalar product"),
        ("correlation", {COSINE: "np.corrcoef(first.ravel(), second.ravel())[0, 1]"},
         "this is the correlation"),
        ("radians", {COSINE: f"np.arccos({COSINE})"}, "the angle in radians"),
        ("degrees", {COSINE: f"np.degrees(np.arccos({COSINE}))"}, "the angle in degrees"),
        ("squares of the lengths", {"(length[0] * length[1])": "(length[0] * length[1]) ** 2"},
         "divided by the squares of the lengths"),
        ("columns", {COSINE: "np.mean((first * second).sum(0) / np.sqrt((first**2).sum(0) * "
                             "(second**2).sum(0)))"}, "a cosine for each column"),
        ("rows", {COSINE: "np.mean((first * second).sum(1) / np.sqrt((first**2).sum(1) * "
                          "(second**2).sum(1)))"}, "a cosine for each row"),
        ("norm of a matrix", {
            COSINE: "np.sum(first * second) / np.linalg.norm(first, 2) / np.linalg.norm(second, 2)"
        }, "of a matrix is not its length"),
        ("no sign", {COSINE: f"abs({COSINE})"}, "yours lacks its sign"),
        ("cosine reversed", {COSINE: f"-{COSINE}"}, "its sign is reversed"),
        ("longer still", {WEIGHTS: "2 * length / length.sum()"}, "the two are exchanged"),
        ("inverse squares", {WEIGHTS: "2 * length[::-1] ** 2 / np.sum(length**2)"},
         "the inverse squares"),
        ("inverse roots", {WEIGHTS: "2 * length[::-1] ** 0.5 / np.sum(length**0.5)"},
         "the inverse square roots"),
        ("sums of sizes", {WEIGHTS: "2 * np.array([abs(second).sum(), abs(first).sum()]) / "
                                    "(abs(first).sum() + abs(second).sum())"},
         "balance the sums of the numbers"),
        ("largest", {WEIGHTS: "2 * np.array([abs(second).max(), abs(first).max()]) / "
                              "(abs(first).max() + abs(second).max())"},
         "balance the largest numbers"),
        ("spectral weights", {
            "    weights =": "    m = np.linalg.norm(first, 2), np.linalg.norm(second, 2)\n"
            "    weights =", WEIGHTS: "2 * np.array([m[1], m[0]]) / (m[0] + m[1])"},
         "yours balance np.linalg.norm"),
        ("sum 1", {WEIGHTS: "length[::-1] / length.sum()"}, "their sum is 1 in yours"),
        ("unit vector", {WEIGHTS: "length[::-1] / np.sqrt(np.sum(length**2))"},
         "their squares have a fixed sum"),
        ("smaller 1", {WEIGHTS: "length[::-1] / length.min()"}, "the smaller one is 1 in yours"),
        ("larger 1", {WEIGHTS: "length[::-1] / length.max()"}, "the larger one is 1 in yours"),
        ("unit gradients", {WEIGHTS: "1 / length"}, "yours make both gradients 1 long"),
        ("ones", {WEIGHTS: "np.ones(2)"}, "both are 1 in yours"),
        ("plain products", {PLAIN: "np.full(2, np.sum(first * second))"},
         "products of the two gradients alone"),
        ("plain mean", {PLAIN: "falls(first + second) / 2"}, "g is the mean of the two gradients"),
        ("plain sign", {PLAIN: "-falls(first + second)"},
         "sign is reversed: a positive number says"),
        ("plain squares", {PLAIN: "length**2"}, "these are the squares of the lengths"),
        ("plain exchanged", {PLAIN: "falls(first + second)[::-1]"},
         "the numbers of the two tasks are exchanged"),
        ("plain is balanced", {PLAIN: BALANCED}, "these are the values for the balanced weights"),
        ("plain difference", {PLAIN: "falls(first - second)"}, "the gradients are subtracted"),
        ("plain cosines", {PLAIN: "falls(first + second) / length / np.sqrt(np.sum((first + "
                                  "second) ** 2))"}, "these are cosines"),
        ("weights twice", {BALANCED: f"weights * {BALANCED}"}, "g_t has its weight, too"),
        ("weights afterwards", {BALANCED: "weights * falls(first + second)"},
         "these are the plain values times the weights"),
        ("balanced is plain", {BALANCED: PLAIN}, "these are the values for the plain sum"),
        ("weights exchanged", {BALANCED: "falls(weights[1] * first + weights[0] * second)"},
         "the weights are exchanged in g"),
        ("balanced sign", {BALANCED: f"-{BALANCED}"}, "its sign is reversed"),
        ("balanced exchanged", {BALANCED: f"{BALANCED}[::-1]"},
         "the two numbers are exchanged; the weights are right"),
        ("balanced difference", {BALANCED: "falls(weights[0] * first - weights[1] * second)"},
         "the weighted gradients are subtracted"),
        ("balanced mean", {BALANCED: f"{BALANCED} / 2"}, "the mean of the weighted gradients"),
        ("three entries", {', "balanced": balanced': ""}, "instead of a dict with the keys"),
    ],
    "best_source": [
        ("unpaired", {"ahead.std(axis=1, ddof=1)":
                      "np.sqrt(scores[leader].var(ddof=1) + scores.var(axis=1, ddof=1))",
                      LOW: f"{LOW}\n    low[leader] = 0"},
         "forgets that the runs are paired: take"),
        ("unpaired, with itself", {
            "ahead.std(axis=1, ddof=1)":
            "np.sqrt(scores[leader].var(ddof=1) + scores.var(axis=1, ddof=1))"},
         "and that the leader differs from itself"),
        ("spread of the source", {"ahead.std(axis=1, ddof=1)": "scores.std(axis=1, ddof=1)",
                                  LOW: f"{LOW}\n    low[leader] = 0"},
         "that of the source's scores"),
        ("spread of the leader", {"ahead.std(axis=1, ddof=1)": "scores[leader].std(ddof=1)",
                                  LOW: f"{LOW}\n    low[leader] = 0"},
         "that of the leader's scores"),
        ("no root", {" / np.sqrt(scores.shape[1])": ""}, "√R is missing"),
        ("by R", {"np.sqrt(scores.shape[1])": "scores.shape[1]"}, "you divide by R"),
        ("ddof", {", ddof=1": ""}, "R − 1 belongs into the denominator"),
        ("variance", {"ahead.std": "ahead.var"}, "its square root is missing"),
        ("no t", {"reach = t * ": "reach = "}, "t is missing"),
        ("upper end", {LOW: "ahead.mean(axis=1) + reach"}, "this is the upper end; return"),
        ("mean", {LOW: "ahead.mean(axis=1)"}, "this is the mean difference"),
        ("reversed", {"scores[leader] - scores": "scores - scores[leader]"},
         "the lower end of the source's score minus the leader's"),
        ("upper end, reversed", {"scores[leader] - scores": "scores - scores[leader]",
                                 LOW: "ahead.mean(axis=1) + reach"},
         "the upper end of the source's score minus the leader's"),
        ("best single score", {LEADER: "np.argmax(scores.max(axis=1))"}, "the best single score"),
        ("most seeds", {LEADER: "np.argmax(np.bincount(scores.argmax(axis=0), "
                                "minlength=len(scores)))"}, "best on most seeds"),
        ("median", {LEADER: "np.argmax(np.median(scores, axis=1))"}, "the best median"),
        ("with the others", {"scores[leader] - scores":
                             "scores - (scores.sum(axis=0) - scores) / (len(scores) - 1)"},
         "compared with the mean of the others"),
        ("without the leader", {"end <= 0]": "end < 0]"}, "the leader itself is a candidate, too"),
        ("the worse ones", {"end <= 0]": "end > 0]"}, "these are the sources that are worse"),
        ("by their means", {
            KEPT: "[names[k] for k in np.argsort(-scores.mean(axis=1)) if low[k] <= 0]"},
         "in the order of their means"),
        ("reversed order", {KEPT: f"{KEPT}[::-1]"}, "in the reverse order"),
        ("second only", {KEPT: "[n for k, n in enumerate(names) if k == leader or low[k] <= 0 and "
                               "k == np.argsort(-scores.mean(axis=1))[1]]"},
         "you look only at the source with the second mean"),
        ("overlap", {KEPT: "[n for k, n in enumerate(names) if (scores.mean(1) + t * scores.std(1, "
                           "ddof=1) / np.sqrt(scores.shape[1]))[k] >= (scores.mean(1) - t * "
                           "scores.std(1, ddof=1) / np.sqrt(scores.shape[1]))[leader]]"},
         "intervals of the single sources overlap"),
        ("leader alone", {KEPT: "[names[leader]]"}, "only the leader is a candidate in yours"),
        ("all", {KEPT: "list(names)"}, "all sources are candidates in yours"),
        ("numbers", {KEPT: "[k for k, end in enumerate(low) if end <= 0]"}, "the candidates are"),
        ("always the leader", {"if len(candidates) == 1": "if True"},
         "so the verdict is 'we cannot tell'"),
        ("never", {"if len(candidates) == 1": "if False"}, "the leader is the only candidate"),
        ("other words", {'"we cannot tell"': '"cannot tell"'}, "there is no verdict 'cannot tell'"),
        ("the first name", {"verdict = names[leader]": "verdict = names[0]"},
         "this is not the only candidate"),
    ],
    "order": [
        ("all images replayed", lines("HCLEAFDMGB"), "you kept only 20 of them"),
        ("labels in another order", lines("HCLEAJDKGB"), "the labels stand in another order"),
        ("measured on what was replayed", lines("HCLEAJDMGI"), "on images that were replayed"),
        ("nothing kept", lines("HCEAJDMGB"), "lines are missing"),
        ("before is after", lines("HLEAJDMGCB"), "measure it before the first step"),
        ("kept after the loop", lines("HCEAJDMGLB"), "fails in this order"),
        ("labels after the step", lines("HCLEAJDGMB"), "fails in this order"),
        ("images before the batch", lines("HCLEDAJMGB"), "fails in this order"),
        ("replay before what is kept", lines("HCEJLADMGB"), "unexpected indent"),
        ("no return", lines("HCLEAJDMG"), "lines are missing"),
        ("two lines", lines("HC"), "lines are missing"),
        ("no def", lines("CLEAJDMGB"), "is not valid Python"),
        ("twice", lines("HCLEAAJDMGB"), "line A is used twice"),
        ("unknown line", lines("HCLEAJDMGBZ"), "there is no line 'Z'"),
        ("a text", f"order = '{SOLVED}'", "write a list of labels"),
    ],
}  # fmt: skip

RIGHT = {
    "leep": [
        (
            "loops",
            "def leep(probabilities, y):\n"
            "    n, source = probabilities.shape\n"
            "    joint = np.zeros((max(y) + 1, source))\n"
            "    for row, c in zip(probabilities, y):\n"
            "        joint[c] += row / n\n"
            "    total = 0.0\n"
            "    for row, c in zip(probabilities, y):\n"
            "        total += np.log(sum(joint[c, z] / joint[:, z].sum() * row[z]\n"
            "                            for z in range(source)))\n"
            "    return total / n",
        ),
        ("without 1 / n", {" / len(y)\n": "\n"}),
        ("by the truth", {"expected[np.arange(len(y)), y]": "(expected * truth).sum(axis=1)"}),
    ],
    "weighted_tau": [
        (
            "loops",
            "def weighted_tau(truth, scores):\n"
            "    total = weight = 0.0\n"
            "    for i in range(len(truth)):\n"
            "        for j in range(i):\n"
            "            w = 1 / np.sum(truth >= truth[i]) + 1 / np.sum(truth >= truth[j])\n"
            "            agree = (truth[i] > truth[j]) == (scores[i] > scores[j])\n"
            "            total += w if agree else -w\n"
            "            weight += w\n"
            "    return total / weight",
        ),
        (
            "sorted first",
            "def weighted_tau(truth, scores):\n"
            "    s = scores[np.argsort(truth)[::-1]]\n"
            "    rank = np.arange(1, len(s) + 1)\n"
            "    w = 1 / rank[:, None] + 1 / rank\n"
            "    np.fill_diagonal(w, 0)\n"
            "    right = np.sign(s[:, None] - s) * np.sign(rank - rank[:, None])\n"
            "    return float((w * right).sum() / w.sum())",
        ),
    ],
    "two_heads": [
        (
            "each head by itself",
            "def two_heads(x, y, v, w, a, b):\n"
            "    h, loss, gradient = np.maximum(0, x @ w), 0, np.zeros(w.shape)\n"
            "    for labels, head in ((y, a), (v, b)):\n"
            "        p = softmax(h @ head)\n"
            "        loss -= np.mean(np.log(p[np.arange(len(x)), labels]))\n"
            "        p[np.arange(len(x)), labels] -= 1\n"
            "        gradient += x.T @ (p @ head.T * (x @ w > 0)) / len(x)\n"
            "    return [loss, gradient]",
        ),
        (
            "example by example",
            "def two_heads(x, y, v, w, a, b):\n"
            "    loss, gradient = 0.0, 0 * w\n"
            "    for row, k, m in zip(x, y, v):\n"
            "        h = np.maximum(row @ w, 0)\n"
            "        p, q = softmax((h @ a)[None])[0], softmax((h @ b)[None])[0]\n"
            "        loss += -np.log(p[k] * q[m]) / len(x)\n"
            "        back = a @ p - a[:, k] + b @ q - b[:, m]\n"
            "        gradient += np.outer(row, back * (h > 0)) / len(x)\n"
            "    return loss, gradient",
        ),
    ],
    "balance": [
        (
            "long vectors",
            "def balance(first, second):\n"
            "    f, s = first.reshape(-1), second.reshape(-1)\n"
            "    n, m = np.linalg.norm(f), np.linalg.norm(s)\n"
            "    weights = np.array([m, n]) * 2 / (n + m)\n"
            "    g, both = f + s, weights @ np.stack([f, s])\n"
            "    return {'weights': weights, 'cosine': f @ s / n / m,\n"
            "            'balanced': np.array([f @ both, s @ both]),\n"
            "            'plain': np.array([f @ g, s @ g])}",
        ),
        ("norm of Frobenius", {
            LENGTH: "np.array([np.linalg.norm(first), np.linalg.norm(second)])"}),
        ("inverse lengths", {WEIGHTS: "2 / length / np.sum(1 / length)"}),
    ],
    "best_source": [
        (
            "source by source",
            "def best_source(names, scores, t):\n"
            "    means = [np.mean(row) for row in scores]\n"
            "    best = means.index(max(means))\n"
            "    low, kept = [], []\n"
            "    for name, row in zip(names, scores):\n"
            "        d = scores[best] - row\n"
            "        s = np.sqrt(np.sum((d - d.mean()) ** 2) / (len(d) - 1))\n"
            "        low.append(d.mean() - t * s / len(d) ** 0.5)\n"
            "        if low[-1] <= 0:\n"
            "            kept.append(name)\n"
            "    verdict = kept[0] if len(kept) == 1 else 'we cannot tell'\n"
            "    return {'low': np.array(low), 'candidates': kept, 'verdict': verdict}",
        ),
        ("not above", {"if end <= 0]": "if not end > 0]"}),
    ],
    "order": [
        ("list of a text", f"order = list('{SOLVED}')"),
        ("kept before it is measured", lines("HLCEAJDMGB")),
        ("replay first, labels first", lines("HCLEJAMDGB")),
    ],
}  # fmt: skip
