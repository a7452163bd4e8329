"""Trust."""

SOLVED = "FJBHDKAIE"
MEASURE = "np.mean(scores.max(1) - p[winner])"


def lines(order):
    return "order = " + repr(list(order))


GAP = "right[inside].mean() - confidence[inside].mean()"
LOSS, BRIER = "-np.log(given).mean()", "((p - truth) ** 2).sum(axis=1).mean()"
RAW = "np.maximum((maps * weights).sum(axis=3), 0)"

WRONG = {
    "ece": [
        ("bins alike", {"total += inside.mean() * abs(gap)": "total += abs(gap) / len(set(place))"},
         "each bin counts alike"),
        ("empty bins", {"inside.mean() * abs(gap)": "abs(gap) / bins"}, "empty bins count"),
        ("signed", {"abs(gap)": "gap"}, "cancel in yours; take each"),
        ("other sign", {"abs(gap)": "-gap"}, "or all answers lie in one bin"),
        ("one bin", {"    place = np": "    bins = 1\n    place = np"},
         "gaps of different signs cancel in yours"),
        ("largest", {"total += inside.mean() * abs(gap)": "total = max(total, abs(gap))"},
         "this is the largest gap"),
        ("squared", {"abs(gap)": "gap**2"}, "the gaps are squared"),
        ("middle", {GAP: "right[inside].mean() - (b + 0.5) / bins"}, "the middle of a bin"),
        ("errors", {GAP: "1 - right[inside].mean() - confidence[inside].mean()"},
         "the wrong answers are counted"),
        ("points", {"return total": "return 100 * total"}, "the number is in points"),
        ("certain ones lost", {"np.minimum((confidence * bins).astype(int), bins - 1)":
                               "(confidence * bins).astype(int)"}, "belongs into the last bin"),
        ("certain ones in a bin of their own", {
            "np.minimum((confidence * bins).astype(int), bins - 1)":
            "(confidence * bins).astype(int)", "range(bins)": "range(bins + 1)"},
         "belongs into the last bin, with"),
        ("last two bins in one", {"bins - 1": "bins - 2"}, "the last two bins are one"),
        ("list", {"return total": "return [total]"}, "(a list or tuple) instead of a number"),
        ("NaN of empty bins", {"        if inside.any():": "        if True:"}, "nan"),
        ("the course's", "def ece(confidence, right, bins):\n"
         "    from tlcourse import evaluation\n"
         "    p = np.stack([confidence, 1 - confidence], axis=1)\n"
         "    return evaluation.expected_calibration_error(p, 1 - right, bins)",
         "solve this task without tlcourse.evaluation.expected_calibration_error"),
    ],
    "scores": [
        ("exchanged", {"[log_loss, brier]": "[brier, log_loss]"}, "the two are exchanged"),
        ("no minus", {LOSS: "np.log(given).mean()"}, "has a minus before it"),
        ("base 2", {"np.log(": "np.log2("}, "not that to base 2"),
        ("base 10", {"np.log(": "np.log10("}, "not that to base 10"),
        ("sums", {"given).mean()": "given).sum()", "axis=1).mean()": "axis=1).sum()"},
         "these are sums"),
        ("all classes", {"np.log(given)": "np.log(p)"}, "yours is the mean over all"),
        ("all classes added", {"np.log(given)": "np.log(p).sum(axis=1)"},
         "yours adds those of all"),
        ("right class alone", {BRIER: "((1 - given) ** 2).mean()"}, "looks at the right one alone"),
        ("mean over classes", {"sum(axis=1).mean()": "mean()"}, "not their mean"),
        ("root", {BRIER: "np.sqrt(((p - truth) ** 2).sum(axis=1)).mean()"}, "has no square root"),
        ("not squared", {"((p - truth) ** 2)": "abs(p - truth)"}, "the distances are squared"),
        ("most probable", {"p[np.arange(len(y)), y]": "p.max(axis=1)"},
         "not at the most probable one"),
        ("each example", {LOSS: "-np.log(given)", "axis=1).mean()": "axis=1)"},
         "instead of an array of shape (2,)"),
        ("from scikit-learn", {LOSS: "__import__('sklearn.metrics').metrics.log_loss(y, p)"},
         "sklearn.metrics"),
    ],
    "heat": [
        ("not cut", {RAW: "(maps * weights).sum(axis=3)"}, "is kept; cut it off at 0"),
        ("absolute", {RAW: "abs((maps * weights).sum(axis=3))"}, "counts like what speaks for it"),
        ("cut first", {RAW: "np.maximum(maps * weights, 0).sum(axis=3)"},
         "you cut off before the channels are added"),
        ("place by place", {"slopes.mean(axis=(1, 2), keepdims=True)": "slopes"},
         "each place has a slope of its own"),
        ("over images", {"slopes.mean(axis=(1, 2), keepdims=True)": "slopes.mean(axis=(0, 1, 2))"},
         "the mean over the images, too"),
        ("one maximum", {"raw.max(axis=(1, 2), keepdims=True)": "raw.max()"},
         "all images are divided by one maximum"),
        ("not scaled", {"return raw / np.where(top > 0, top, 1)": "return raw"},
         "the maps are not scaled"),
        ("no weights", {"maps * weights": "maps"}, "added without their weights"),
        ("means of the maps", {"weights = slopes.mean": "weights = maps.mean",
                               "maps * weights": "slopes * weights"}, "the means of the maps"),
        ("negative weights cut", {"maps * weights": "maps * np.maximum(weights, 0)"},
         "negative weights are cut off"),
        ("0 / 0", {"np.where(top > 0, top, 1)": "top"}, "0 / 0 is NaN"),
        ("channels kept", {RAW: "np.maximum(maps * weights, 0)"}, "shape"),
        ("the course's", "def heat(maps, slopes):\n"
         "    from tlcourse.evaluation import grad_cam\n    return grad_cam(maps, slopes, 0, 0)",
         "solve this task without tlcourse.evaluation.grad_cam"),
    ],
    "optimism": [
        ("score", {MEASURE: "np.mean(scores.max(1))"}, "this is the winner's score itself"),
        ("truth minus score", {MEASURE: "np.mean(p[winner] - scores.max(1))"},
         "the report is too good, so the number is above 0"),
        ("minus the mean", {MEASURE: "np.mean(scores.max(1)) - p.mean()"},
         "you subtract the mean of all true accuracies"),
        ("minus the best", {MEASURE: "np.mean(scores.max(1)) - p.max()"},
         "you subtract the best of the true accuracies"),
        ("the truly best", {MEASURE: "np.mean(scores[:, p.argmax()] - p.max())"},
         "the best score wins"),
        ("without its sign", {MEASURE: "np.mean(abs(scores.max(1) - p[winner]))"},
         "without its sign"),
        ("once", "rng = np.random.default_rng(1)\n\n\n"
         "def optimism(p, n):\n"
         "    scores = rng.binomial(n, p) / n\n"
         "    return scores.max() - p[scores.argmax()]", "take the mean over 20,000 repetitions"),
        ("truth of the winner", {MEASURE: "np.mean(p[winner])"},
         "this is the true accuracy of the winner"),
        ("all repetitions", {MEASURE: "scores.max(1) - p[winner]"},
         "an array of shape (20000,) instead of a number"),
        ("counts", {" / n": ""}, "did you divide the right answers by n"),
        ("counts of both", {MEASURE: f"n * {MEASURE}"}, "the number is in images"),
        ("points", {MEASURE: f"100 * {MEASURE}"}, "the number is in points"),
        ("few repetitions", {"default_rng(0)": "default_rng(optimism.__dict__.setdefault("
                             "'calls', []).append(0) or len(optimism.calls))",
                             "20_000": "1_000"},
         "ten calls differ by more"),
        ("maximum over the repetitions", {MEASURE: "np.mean(scores.max(0) - p)"},
         "that over the repetitions"),
        ("maximum of all", {MEASURE: "np.mean(scores.max() - p[winner])"},
         "that of all repetitions together"),
        ("the same images", {"rng.binomial(n, p, (20_000, len(p))) / n":
                             "(rng.random((20_000, 1, n)) < p[:, None]).mean(2)"},
         "all networks answer the same images"),
    ],
    "order": [
        ("chosen on the test", lines("FCBHDKAIE"), "the test images choose the network"),
        ("temperature of the test", lines("FJBLDKAIE"), "fitted to the test images"),
        ("divides probabilities", lines("FJBHGKAIE"), "line G divides probabilities"),
        ("no temperature", lines("FJBDKAIE"), "lines are missing"),
        ("temperature too late", lines("FJBDHKAIE"), "line D fails in this order"),
        ("best before its scores", lines("FBJHDKAIE"), "line B fails in this order"),
        ("accuracy before answers", lines("FJBHDAKIE"), "line A fails in this order"),
        ("returns too early", lines("FJBHDKAEI"), "line E fails in this order"),
        ("no return", lines("FJBHDKAI"), "lines are missing"),
        ("two lines", lines("FJ"), "lines are missing"),
        ("no def", lines("JBHDKAIE"), "is not valid Python"),
        ("twice", lines("FJBHDKAAIE"), "line A is used twice"),
        ("unknown line", lines("FJBHDKAIEM"), "there is no line 'M'"),
        ("a text", "order = 'FJBHDKAIE'", "write a list of labels"),
    ],
}  # fmt: skip

RIGHT = {
    "ece": [
        (
            "edges compared",
            "def ece(confidence, right, bins):\n"
            "    edges, total = np.linspace(0, 1, bins + 1), 0\n"
            "    for low, high in zip(edges[:-1], edges[1:]):\n"
            "        inside = (confidence > low) & (confidence <= high)\n"
            "        if inside.sum() > 0:\n"
            "            gap = abs(np.mean(right[inside]) - np.mean(confidence[inside]))\n"
            "            total += inside.sum() / len(right) * gap\n"
            "    return total",
        ),
        (
            "sums of each bin",
            "def ece(confidence, right, bins):\n"
            "    place = np.minimum(np.floor(confidence * bins), bins - 1).astype(int)\n"
            "    gaps = np.bincount(place, right - confidence)\n"
            "    return float(np.abs(gaps).sum() / len(right))",
        ),
    ],
    "scores": [
        (
            "loops",
            "def scores(p, y):\n"
            "    loss = brier = 0.0\n"
            "    for row, k in zip(p, y):\n"
            "        loss -= np.log(row[k]) / len(y)\n"
            "        brier += sum((q - (j == k)) ** 2 for j, q in enumerate(row)) / len(y)\n"
            "    return np.array([loss, brier])",
        ),
        ("by the truth", {"p[np.arange(len(y)), y]": "(p * np.eye(p.shape[1])[y]).sum(axis=1)"}),
        ("multiplied out", {BRIER: "np.mean((p**2).sum(axis=1) - 2 * given + 1)"}),
    ],
    "heat": [
        (
            "loops",
            "def heat(maps, slopes):\n"
            "    found = []\n"
            "    for a, g in zip(maps, slopes):\n"
            "        total = sum(a[..., c] * g[..., c].mean() for c in range(a.shape[2]))\n"
            "        total = np.where(total > 0, total, 0)\n"
            "        found.append(total / total.max() if total.max() > 0 else total)\n"
            "    return np.array(found)",
        ),
        ("sums of the slopes", {"slopes.mean(": "slopes.sum("}),
        ("einsum", {RAW: "np.clip(np.einsum('nijc,nabc->nij', maps, weights), 0, None)"}),
    ],
    "optimism": [
        (
            "loops",
            "def optimism(p, n):\n"
            "    rng, total = np.random.default_rng(), 0.0\n"
            "    for _ in range(20_000):\n"
            "        k = rng.binomial(n, p)\n"
            "        total += k.max() / n - p[k.argmax()]\n"
            "    return total / 20_000",
        ),
        ("fresh images for the winner", {
            MEASURE: "np.mean(scores.max(1) - rng.binomial(n, p[winner]) / n)",
            "20_000": "40_000"}),
        ("image by image", "def optimism(p, n):\n"
         "    rng, found = np.random.default_rng(3), []\n"
         "    for _ in range(50):\n"
         "        right = rng.random((400, len(p), n), dtype='float32') < p[:, None]\n"
         "        scores = right.mean(2)\n"
         "        found.append(np.mean(scores.max(1) - p[scores.argmax(1)]))\n"
         "    return np.mean(found)"),
    ],
    "order": [
        ("list of a text", f"order = list('{SOLVED}')"),
    ],
}  # fmt: skip
