"""Trust."""

SOLVED = "FJBHDKAIE"
MEASURE = "np.mean(scores.max(1) - p[winner])"


def lines(order):
    return "order = " + repr(list(order))


WRONG = {
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
