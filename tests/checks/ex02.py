"""Cross-entropy."""

NAIVE = "z - z.max(axis=1, keepdims=True)"


def lines(order):
    return "order = " + repr(list(order))


def chance(predicted, scale=0.01, measured="losses.cross_entropy(z, rng.integers(0, k, 1000))"):
    return (
        "rng = np.random.default_rng(0)\n"
        "measured = []\n"
        "for k in (2, 10, 100):\n"
        f"    z = rng.normal(0, {scale}, (1000, k))\n"
        f"    measured.append({measured})\n"
        f"chance = {{'predicted': {predicted}, 'measured': measured}}"
    )


LN = "[np.log(k) for k in (2, 10, 100)]"

WRONG = {
    "softmax": [
        ("overflow", {NAIVE: "z"}, "e¹⁰⁰⁰ overflows"),
        ("columns", {"axis=1": "axis=0"}, "you normalise over the examples"),
        ("all", {"e.sum(axis=1, keepdims=True)": "e.sum()"}, "each row needs its own sum"),
        ("one shift", {NAIVE: "z - z.max()"}, "the largest logit of all is subtracted"),
        ("sign", {NAIVE: "z.min(axis=1, keepdims=True) - z"}, "the sign of the logits is reversed"),
        (
            "no exponential",
            "def softmax(z):\n    return z / z.sum(axis=1, keepdims=True)",
            "without the exponential",
        ),
        (
            "logarithm",
            {"return e / e.sum(axis=1, keepdims=True)": "p = e / e.sum(1, keepdims=True)\n"
             "    return np.log(p)"},
            "these are the logarithms",
        ),
        (
            "twice",
            {"return e / e.sum(axis=1, keepdims=True)":
             "e = np.exp(e / e.sum(axis=1, keepdims=True))\n"
             "    return e / e.sum(axis=1, keepdims=True)"},
            "this is softmax twice",
        ),
        ("length", {"/ e.sum(axis=1, keepdims=True)":
                    "/ np.linalg.norm(e, axis=1, keepdims=True)"}, "is divided by its length"),
        ("no keepdims", {"e.sum(axis=1, keepdims=True)": "e.sum(axis=1)"}, "softmax("),
        ("NaN to number", {f"np.exp({NAIVE})": "np.nan_to_num(np.exp(z))"},
         "are cut to the largest number there is"),
        ("logits cut off", {NAIVE: "np.clip(z, -500, 500)"}, "the logits are cut off"),
        ("only against overflow", {NAIVE: "z - np.maximum(z.max(axis=1, keepdims=True), 0)"},
         "both exponentials round to 0, and 0 / 0 is NaN"),
        ("in place", {"e = np.exp(z - z.max(axis=1, keepdims=True))":
                      "z -= z.max(axis=1, keepdims=True)\n    e = np.exp(z)"}, "work on a copy"),
        ("library", "import scipy.special\ndef softmax(z):\n"
         "    return scipy.special.softmax(z, axis=1)", "solve this task without"),
        ("row mean", {NAIVE: "z - z.mean(axis=1, keepdims=True)"},
         "the mean of a row is not enough"),
        ("by logsumexp", "from scipy.special import logsumexp\ndef softmax(z):\n"
         "    return np.exp(z - logsumexp(z, axis=1, keepdims=True))",
         "solve this task without scipy.special.logsumexp"),
    ],
    "cross_entropy": [
        ("sum", {"np.mean": "np.sum"}, "you sum over the examples"),
        ("sign", {"return np.mean": "return -np.mean"}, "the sign is reversed"),
        ("log2", {"np.log(": "np.log2(", "z[np.arange(len(z)), labels]":
                  "z[np.arange(len(z)), labels] / np.log(2)"}, "to base 2"),
        ("overflow", {NAIVE: "z"}, "stay with the logits"),
        ("one shift", {NAIVE: "z - z.max()"}, "the largest logit of all is subtracted"),
        ("row mean", {NAIVE: "z - z.mean(axis=1, keepdims=True)"},
         "e¹⁰⁰⁰ overflows, or"),
        ("every label", {"z[np.arange(len(z)), labels]": "z[:, labels].T"},
         "takes all labels from every row"),
        ("no log", {"np.log(np.exp(z).sum(axis=1))": "np.exp(z).sum(axis=1)"},
         "the logarithm of Σ e^z is forgotten"),
        ("no log of p", {"np.mean(log_sum - z[np.arange(len(z)), labels])":
                         "-np.mean(np.exp(z[np.arange(len(z)), labels] - log_sum))"},
         "this is minus the probability"),
        ("shift in the sum", {"    z = z - z.max(axis=1, keepdims=True)\n": "", "np.exp(z)":
                              "np.exp(z - z.max(axis=1, keepdims=True))"},
         "is subtracted in the sum only"),
        ("entries", {"return np.mean(": "return 1 / z.shape[1] * np.mean("}, "over all entries"),
        ("no sum", {"log_sum - z[": "- z["}, "of Σ e^z only the largest term"),
        (
            "twice",
            {"    log_sum": "    z = np.exp(z) / np.exp(z).sum(1, keepdims=True)\n    log_sum"},
            "softmax twice",
        ),
        (
            "no logarithm",
            {"np.mean(log_sum - z[np.arange(len(z)), labels])":
             "np.mean(1 - np.exp(z[np.arange(len(z)), labels] - log_sum))"},
            "there is no logarithm",
        ),
        (
            "log of the mean",
            {"np.mean(log_sum - z[np.arange(len(z)), labels])":
             "-np.log(np.mean(np.exp(z[np.arange(len(z)), labels] - log_sum)))"},
            "take the mean of the logarithms",
        ),
        ("columns", {"z.max(axis=1, keepdims=True)": "z.max(axis=0)", ".sum(axis=1)":
                     ".sum(axis=0)[labels]"}, "you normalise over the examples"),
        ("rows", {"z[np.arange(len(z)), labels]": "z[labels]"}, "cross_entropy("),
        ("each", {"np.mean(log_sum - z[np.arange(len(z)), labels])":
                  "log_sum - z[np.arange(len(z)), labels]"}, "instead of a number"),
        (
            "probability first",
            "def cross_entropy(z, labels):\n"
            "    e = np.exp(z - z.max(axis=1, keepdims=True))\n"
            "    p = e / e.sum(axis=1, keepdims=True)\n"
            "    return -np.mean(np.log(p[np.arange(len(z)), labels]))",
            "a probability rounds to 0",
        ),
        ("clipped",
            "def cross_entropy(z, labels):\n"
            "    e = np.exp(z - z.max(axis=1, keepdims=True))\n"
            "    p = np.clip(e / e.sum(axis=1, keepdims=True), 1e-7, 1)\n"
            "    return -np.mean(np.log(p[np.arange(len(z)), labels]))",
            "is right there: cross_entropy(np.array([[1000.0, 0.0, -1000.0]]), np.array([1]))"),
        ("package", {"return np.mean(": "return losses.cross_entropy(z, labels)\n    np.mean("},
         "solve this task without tlcourse.losses.cross_entropy"),
    ],
    "logit_gradient": [
        ("sign", {"y_hat - np.eye(z.shape[1])[labels]": "np.eye(z.shape[1])[labels] - y_hat"},
         "the sign is reversed"),
        ("sum", {" / len(z)": ""}, "this is the gradient of the sum"),
        ("entries", {"/ len(z)": "/ z.size"}, "you divide by all entries"),
        ("no labels", {" - np.eye(z.shape[1])[labels]": ""}, "the labels are not subtracted"),
        ("right class", {"(y_hat - np.eye(z.shape[1])[labels])":
                         "(y_hat - 1) * np.eye(z.shape[1])[labels]"}, "only the right class"),
        ("columns", {"axis=1": "axis=0"}, "you normalise over the examples"),
        ("of y_hat", {"(y_hat - np.eye(z.shape[1])[labels])":
                      "-np.eye(z.shape[1])[labels] / y_hat"}, "this is y/ŷ"),
        ("overflow", {NAIVE: "z"}, "the softmax overflows"),
        ("all labels of each row", {"return (y_hat - np.eye(z.shape[1])[labels]) / len(z)":
         "y_hat[:, labels] -= 1\n    return y_hat / len(z)"}, "p[:, labels] takes these columns"),
        ("only against overflow", {NAIVE: "z - np.maximum(z.max(axis=1, keepdims=True), 0)"},
         "all exponentials round to 0, and 0 / 0 is NaN"),
        ("no one-hot", {"np.eye(z.shape[1])[labels]": "labels[:, None]"}, "subtract one-hot rows"),
        ("row mean", {NAIVE: "z - z.mean(axis=1, keepdims=True)"},
         "the mean of a row is not enough"),
        ("one shift", {NAIVE: "z - z.max()"}, "the largest logit of all is subtracted"),
        ("loss", {"return (": "return np.sum("}, "instead of an array of shape"),
    ],
    "two_logits": [
        ("exchanged", {"np.zeros_like(z), z": "z, np.zeros_like(z)"}, "the columns are exchanged"),
        ("2z", {"np.zeros_like(z), z": "-z, z"}, "the difference of the two is 2z; it should be z"),
        ("probabilities", {"np.zeros_like(z), z": "1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))"},
         "these are probabilities"),
        ("one", {"np.zeros_like(z)": "np.ones_like(z)"}, "the difference of the two is z − 1"),
        ("same", {"np.zeros_like(z), z": "z, z"}, "both columns are the same"),
        ("logarithms", {"np.zeros_like(z), z":
                        "np.log(1 / (1 + np.exp(z))), np.log(1 / (1 + np.exp(-z)))"},
         "a logarithm of a probability"),
        ("rows", {"axis=1": "axis=0"}, "instead of an array of shape"),
        ("one column", {"np.stack([np.zeros_like(z), z], axis=1)": "z[:, None]"},
         "instead of an array of shape (1, 2)"),
    ],
    "smooth_targets": [
        ("K − 1", "def smooth_targets(labels, k, epsilon):\n"
         "    y = np.full((len(labels), k), epsilon / (k - 1))\n"
         "    y[np.arange(len(labels)), labels] = 1 - epsilon\n"
         "    return y", "spread over the K − 1 wrong classes"),
        ("too much", {"(1 - epsilon) * ": ""}, "what is spread has to be taken away first"),
        ("replaced", "def smooth_targets(labels, k, epsilon):\n"
         "    y = np.full((len(labels), k), epsilon / k)\n"
         "    y[np.arange(len(labels)), labels] = 1 - epsilon\n"
         "    return y", "the right class gets ε/K too"),
        ("not divided", {"epsilon / k": "epsilon"}, "each class gets the whole ε"),
        ("hard", {"(1 - epsilon) * ": "", " + epsilon / k": ""}, "ε is not used"),
        ("exchanged", {"(1 - epsilon) * np.eye(k)[labels] + epsilon / k":
                       "epsilon * np.eye(k)[labels] + (1 - epsilon) / k"},
         "without smoothing it is one-hot"),
        ("columns of the data", {"np.eye(k)": "np.eye(labels.max() + 1)"},
         "instead of an array of shape"),
        ("transposed", {"np.eye(k)[labels]": "np.eye(k)[:, labels]"}, "instead of an array"),
    ],
    "train": [
        ("sign left", {"w - alpha": "w + alpha"}, "it walks uphill"),
        ("twice left", {"        w = w -": "        p = np.exp(p) / np.exp(p).sum(axis=1, "
                        "keepdims=True)\n        w = w -"}, "softmax is still taken twice"),
        ("axis left", {"sum(axis=1, keepdims=True)": "sum(axis=0)"}, "sums over the examples"),
        ("no mean", {" / len(y)": ""}, "not divided by the number of examples"),
        ("two left", {"        w = w -": "        p = np.exp(p) / np.exp(p).sum(axis=1, "
                      "keepdims=True)\n        w = w +"}, "taken twice, and it walks uphill"),
        ("axis and sign left", {"sum(axis=1, keepdims=True)": "sum(axis=0)", "w - alpha":
                                "w + alpha"}, "over the examples, and it walks uphill"),
        ("axis and twice left", {"sum(axis=1, keepdims=True)": "sum(axis=0)", "        w = w -":
                                 "        p = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)\n"
                                 "        w = w -"}, "over the examples, and is still taken twice"),
        ("unchanged", {"sum(axis=1, keepdims=True)": "sum(axis=0)", "        w = w -":
                       "        p = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)\n"
                       "        w = w +"}, "the broken version, with its three faults"),
        ("random start", {"np.zeros(": "np.random.default_rng(0).normal(size="},
         "w is to begin at zero"),
        ("too many", {"range(steps)": "range(steps + 1)"}, "one step too many"),
        ("early return", {"    return w": "        return w"}, "it takes one step only"),
        ("no softmax", {"p = np.exp(x @ w) / np.exp(x @ w).sum(axis=1, keepdims=True)":
                        "p = x @ w"}, "without a softmax"),
        ("forecasts", {"return w": "return p"}, "instead of an array of shape"),
        ("nothing", {"    return w": ""}, "is there a return?"),
    ],
    "chance": [
        ("log2", chance("[np.log2(k) for k in (2, 10, 100)]"), "to base 2"),
        ("log10", chance("[np.log10(k) for k in (2, 10, 100)]"), "to base 10"),
        ("accuracy", chance("[1 / k for k in (2, 10, 100)]"), "this is the accuracy of a guess"),
        ("errors", chance("[1 - 1 / k for k in (2, 10, 100)]"), "the share of wrong guesses"),
        ("sign", chance("[-np.log(k) for k in (2, 10, 100)]"), "a price is positive"),
        ("binary", chance("[np.log(2)] * 3"), "the loss of two classes for each of them"),
        ("one decimal", chance("[0.7, 2.3, 4.6]"), "one decimal is too coarse"),
        ("typed twice", "chance = dict.fromkeys(('predicted', 'measured'), [0.69, 2.30, 4.61])",
         "measure it with losses.cross_entropy"),
        ("ln K twice", "chance = dict.fromkeys(('predicted', 'measured'), " + LN + ")",
         "this is the prediction again"),
        ("zeros for noise", chance(LN, scale=0), "this is the prediction again"),
        ("loud", chance(LN, scale=1), "the noise is too loud"),
        ("measured accuracy", chance(LN, measured="(z.argmax(1) == 0).mean()"),
         "this is the accuracy; the loss is asked for"),
        ("measured, rounded", chance(LN) + "\nchance['measured'] = [round(m, 2) for m in measured]",
         "these numbers are rounded, or typed"),
        ("a class too many", chance(LN, measured="losses.cross_entropy(np.c_[z, z[:, 0]], "
                                    "rng.integers(0, k, 1000))"), "agrees with what is measured"),
        ("not measured", "chance = {'predicted': " + LN + ", 'measured': ...}", "is still open"),
        ("a list", "chance = " + LN, "it is a dict with these two"),
        ("a single number", chance("np.log(10)"), "a number instead of 3 values"),
    ],
    "order": [
        ("training data", lines("HJCELFAIG"), "line F chooses by the training data"),
        ("twice", lines("HJCELKAIG"), "line K takes softmax"),
        ("last", lines("HJCELDAIB"), "line B returns the last weights"),
        ("loss before the step", lines("HJCEDLAIG"), "one step after the best"),
        ("loss before the step, kept after it", lines("HJCEDAILG"), "was never looked at"),
        ("kept without asking", lines("HJCELDIAG"), "is not valid Python"),
        ("no step", lines("HJCEDAIG"), "nothing was learned"),
        ("best before w", lines("HCJELDAIG"), "line C fails in this order"),
        ("no return", lines("HJCELDAI"), "is there a return?"),
        ("no loop", lines("HJCLDAIG"), "is not valid Python"),
        ("no best", lines("HJELDAIG"), "line A fails in this order"),
    ],
}  # fmt: skip

RIGHT = {
    "softmax": [
        (
            "loops",
            "def softmax(z):\n"
            "    rows = []\n"
            "    for row in z:\n"
            "        e = [np.exp(v - max(row)) for v in row]\n"
            "        rows.append([v / sum(e) for v in e])\n"
            "    return np.array(rows)",
        ),
        (
            "by its logarithm",
            {"return e / e.sum(axis=1, keepdims=True)":
             "return np.exp(z - z.max(axis=1, keepdims=True) - np.log(e.sum(1, keepdims=True)))"},
        ),
    ],
    "cross_entropy": [
        (
            "loops",
            "def cross_entropy(z, labels):\n"
            "    total = 0\n"
            "    for row, label in zip(z, labels):\n"
            "        total += max(row) + np.log(sum(np.exp(row - max(row)))) - row[label]\n"
            "    return total / len(z)",
        ),
        ("logaddexp", {"np.log(np.exp(z).sum(axis=1))": "np.logaddexp.reduce(z, axis=1)"}),
        ("float", {"return np.mean(": "return float("}
         | {"log_sum - z[np.arange(len(z)), labels])":
            "np.average(log_sum - z[np.arange(len(z)), labels]))"}),
    ],
    "logit_gradient": [
        (
            "subtract at the labels",
            {"return (y_hat - np.eye(z.shape[1])[labels]) / len(z)":
             "y_hat[np.arange(len(z)), labels] -= 1\n    return y_hat / len(z)"},
        ),
    ],
    "two_logits": [
        ("halves", {"np.zeros_like(z), z": "-z / 2, z / 2"}),
        ("shifted", {"np.zeros_like(z), z": "5 - z, np.full_like(z, 5)"}),
        ("columns", {"np.stack([np.zeros_like(z), z], axis=1)": "np.c_[np.zeros(len(z)), z]"}),
        ("stable logarithms", {"np.zeros_like(z), z": "-np.logaddexp(0, z), -np.logaddexp(0, -z)"}),
    ],
    "smooth_targets": [
        (
            "filled",
            "def smooth_targets(labels, k, epsilon):\n"
            "    y = np.full((len(labels), k), epsilon / k)\n"
            "    y[np.arange(len(labels)), labels] += 1 - epsilon\n"
            "    return y",
        ),
    ],
    "train": [
        (
            "stable, in place",
            {"        p = np.exp(x @ w) / np.exp(x @ w).sum(axis=1, keepdims=True)\n":
             "        z = x @ w\n"
             "        p = np.exp(z - z.max(axis=1, keepdims=True))\n"
             "        p /= p.sum(axis=1, keepdims=True)\n",
             "w = w - alpha": "w -= alpha"},
        ),
    ],
    "chance": [
        ("rounded", chance("[0.69, 2.30, 4.61]")),
        ("a tuple", chance("(np.log(2), np.log(10), np.log(100))")),
        ("arrays", chance("np.log([2, 10, 100])") + "\nchance['measured'] = np.array(measured)"),
    ],
    "order": [
        ("labels by hand", "order = ['H', 'J', 'C', 'E', 'L', 'D', 'A', 'I', 'G']"),
    ],
}  # fmt: skip
