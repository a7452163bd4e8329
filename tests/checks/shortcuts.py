"""Answers of a clever student that are wrong, and come out right on simple inputs.

By set and task: what the shortcut is, and what is done to the solution's cell, as in the tables of
the sets. A check refuses each of them whatever it draws; which message it gives does not matter.
"""

KEPT = "y_hat - np.eye(z.shape[1])[labels]"
NAIVE = "z - z.max(axis=1, keepdims=True)"
SHUFFLED = "np.random.default_rng(seed).permutation(len(both))"
INFLUENCE = "np.random.default_rng(0).normal(size=(100, length))"
DIAGNOSED = "losses[-3:]"


def of_power(start, steps=300):
    """Power iteration from a start that is easy to write."""
    return (
        "(H):\n"
        f"    v = {start}\n"
        f"    for _ in range({steps}):\n"
        "        v = H @ v\n"
        "        v = v / np.sum(v**2) ** 0.5\n"
        "    return 2 / (v @ H @ v)"
    )


def walked(start="np.random.default_rng(0).normal(size=len(H))", low=0, high=10, steps=200):
    """The solution of `measured_rate` with another start, interval or length of the walk."""
    return (
        "def measured_rate(H):\n"
        f"    low, high = {low}, {high}\n"
        f"    start = {start}\n"
        "    for _ in range(40):\n"
        "        alpha = (low + high) / 2\n"
        "        theta = start\n"
        f"        for _ in range({steps}):\n"
        "            theta = theta - alpha * H @ theta\n"
        "        grows = np.sum(theta**2) > np.sum(start**2)\n"
        "        low, high = (low, alpha) if grows else (alpha, high)\n"
        "    return alpha"
    )


def shuffled(order, before="rng = np.random.default_rng(seed)"):
    """The solution of ex03.repaired with another order of the 2N images; n is their number."""
    return {
        "    order = " + SHUFFLED: f"    {before}\n    n = len(both)\n    order = {order}",
    }


def chosen(rule):
    """The solution of ex04.copied with another rule; s and t are the layer's arrays in both."""
    return (
        "def copied(source, target):\n"
        "    new = {}\n"
        "    for name, t in target.items():\n"
        "        s = source.get(name)\n"
        f"        new[name] = s if s is not None and {rule} else t\n"
        "    return new"
    )


def identified(rule):
    """The solution of ex04.reordered that compares less than all of y."""
    return {"np.allclose(returned, y)": rule}


def flags(rule):
    """The solution of ex05.trainable with another rule for what keeps still."""
    return {'kind != "BatchNormalization"': rule}


def measured(values):
    return (
        "chance = {'predicted': [np.log(k) for k in (2, 10, 100)],\n"
        f"          'measured': {values}}}"
    )


SHORTCUTS = {
    "ex01": {
        "gradient": [
            ("divided by the longer side", {"/ len(y)": "/ max(x.shape)"}),
            ("divided by the number of different truths", {"/ len(y)": "/ len(set(y.tolist()))"}),
            ("sizes known by heart", {"/ len(y)": "/ {1: 1, 3: 3}.get(len(y), 50)"}),
            ("large steps", "def gradient(theta, x, y):\n"
             "    def loss(t):\n"
             "        return np.mean(abs(x @ t - y) ** 2.02) / 2\n"
             "    return np.array([(loss(theta + h) - loss(theta - h)) / 0.2\n"
             "        for h in 0.1 * np.eye(len(theta))])"),
            ("a whole number of examples", {"x.T @ error / len(y)": "x.T @ error // len(y)"}),
        ],
        "momentum_step": [
            ("α and β known by heart", {"v = beta * v - alpha * g":
             "v = 0.9 * v - 0.1 * g if v.any() else -0.5 * g"}),
            ("α for 1 − β", {"alpha * g": "(1 - beta if beta else alpha) * g"}),
            ("β for 1 − α", {"beta * v": "(1 - alpha) * v if beta else -alpha * g"}),
            ("a step without velocity first", {"v = beta * v - alpha * g":
             "v = beta * v - alpha * g if (v != 0).any() else -0.5 * g"}),
            ("clipped velocity", {"v = beta * v - alpha * g":
             "v = np.clip(beta * v - alpha * g, -2, 2)"}),
        ],
        "adam_step": [
            ("usual constants for all", {"    m = ": "    beta_1, beta_2 = 0.8, 0.95\n    m = "}),
            ("α known by heart", {"rate = alpha": "rate = 0.1"}),
            ("ε known by heart", {"+ epsilon": "+ 0.5"}),
            ("corrected in the first step only", {"beta_2**t": "beta_2", "beta_1**t": "beta_1"}),
            ("corrected in the first four steps", {"beta_2**t": "beta_2**min(t, 3)",
                                                   "beta_1**t": "beta_1**min(t, 3)"}),
            ("sign of the gradient at first", {"rate * m": "rate * (m if t > 1 else "
                                               "(1 - beta_1) * np.sign(g))"}),
        ],
        "minibatch_gradients": [
            ("equal parts", {"range(0, len(order), size)":
             "range(0, len(order), -(-len(order) // -(-len(order) // size)))"}),
            ("divided by size", {"/ len(batch)": "/ min(size, len(order) % size or size)"}),
            ("order of order", {"order[start : start + size]":
             "np.argsort(order)[start : start + size]"}),
            ("order reversed", {
                "order[start : start + size]": "order[::-1][start : start + size]"}),
            ("sorted batches", {"x[batch].T @ error": "np.sort(x[batch]).T @ error"}),
        ],
        "repaired": [
            ("own learning rate", {"path = [theta]":
             "path = [theta]\n    alpha = 0.5 / np.linalg.norm(H, 2)"}),
            ("diagonal alone", {"H @ path[-1]": "np.diag(H) * path[-1]"}),
            ("b from the start", {"- b": "- b * (len(path) > 0) * (1 if len(path) < 9 else 0)"}),
            ("ends at the minimum", {"return np.array(path)":
             "path[-1] = np.linalg.solve(H, b)\n    return np.array(path)"}),
            ("two exact steps, then a line", {"return np.array(path)":
             "d = path[1] - path[0]\n"
             "    return np.array([theta + k * d for k in range(steps + 1)])"}),
        ],
        "largest_rate": [
            ("power from ones", "def largest_rate" + of_power("np.ones(len(H))")),
            ("power from the first axis", "def largest_rate" + of_power("np.eye(len(H))[0]")),
            ("power from signs in turn",
             "def largest_rate" + of_power("(-1.0) ** np.arange(len(H))")),
            ("few steps of power", "def largest_rate"
             + of_power("np.random.default_rng(0).normal(size=len(H))", 3)),
            ("largest of the diagonal and 2 × 2", "def largest_rate(H):\n"
             "    best = H.diagonal().max()\n"
             "    for i in range(len(H)):\n"
             "        for j in range(i):\n"
             "            best = max(best, np.linalg.eigvalsh(H[np.ix_([i, j], [i, j])]).max())\n"
             "    return 2 / best"),
            ("trace of a power", "def largest_rate(H):\n"
             "    return 2 / np.trace(np.linalg.matrix_power(H, 8)) ** 0.125"),
        ],
        "measured_rate": [
            ("rates up to 1", walked(high=1)),
            ("rates up to 4", walked(high=4)),
            ("rates from a half", walked(low=0.4, high=1)),
            ("a constant", "def measured_rate(H):\n    return 0.58"),
            ("starts at ones", walked("np.ones(len(H))")),
            ("starts at signs in turn", walked("(-1.0) ** np.arange(len(H))")),
            ("starts at the row sums", walked("H.sum(1)")),
            ("starts at the first row", walked("H[0]")),
            ("starts at the diagonal", walked("np.diag(H)")),
            ("starts at halves", walked("0.5 ** np.arange(len(H))")),
            ("starts at squares", walked("(1.0 + np.arange(len(H))) ** 2")),
            ("starts at the last axis", walked("np.eye(len(H))[-1]")),
            ("ten steps", walked(steps=10)),
            ("trace of a power", "def measured_rate(H):\n"
             "    P = H\n"
             "    for _ in range(3):\n"
             "        P = P @ P\n"
             "    return 2 / np.trace(P) ** 0.125"),
            ("largest row sum of a square", "def measured_rate(H):\n"
             "    return 2 / abs(H @ H).sum(1).max() ** 0.5"),
        ],
        "order": [
            ("order once", "order = list('GEDBIKAFC')"),
            ("error before the batch is cut", "order = list('GEBDIAKFC')"),
            ("both orders", "order = list('GEHBDIKAFC')"),
            ("return in the loop", "order = list('GEBDIKACF')"),
        ],
    },
    "ex02": {
        "softmax": [
            ("long double", {f"np.exp({NAIVE})": "np.exp(z.astype(np.longdouble))",
                             "return e / e.sum(axis=1, keepdims=True)":
                             "return (e / e.sum(axis=1, keepdims=True)).astype(float)"}),
            ("shift of 1000", {NAIVE: "z - 1000 * np.sign(z.max(axis=1, keepdims=True)) "
                               "* (abs(z).max(axis=1, keepdims=True) > 700)"}),
            ("hard where it is large", {f"    e = np.exp({NAIVE})": "    if abs(z).max() > 500:\n"
             "        return np.eye(z.shape[1])[z.argmax(1)]\n"
             f"    e = np.exp({NAIVE})"}),
            ("clipped at 700", {NAIVE: "np.clip(z, -700, 700)"}),
            ("rounded", {"return e / e.sum(axis=1, keepdims=True)":
             "return np.round(e / e.sum(axis=1, keepdims=True), 3)"}),
            ("scaled when large", {NAIVE: "z / max(1, abs(z).max() / 700)"}),
            ("first row's shift", {NAIVE: "z - z[:1].max()"}),
            ("shift of the first column", {NAIVE: "z - z[:, :1]"}),
        ],
        "cross_entropy": [
            ("long double", {"    z = z - z.max(axis=1, keepdims=True)\n":
             "    z = z.astype(np.longdouble)\n", "return np.mean(": "return float(np.mean(1.0 * ("
             , "z[np.arange(len(z)), labels])": "z[np.arange(len(z)), labels])))"}),
            ("small constant", "def cross_entropy(z, labels):\n"
             "    e = np.exp(z - z.max(axis=1, keepdims=True))\n"
             "    p = e / e.sum(axis=1, keepdims=True)\n"
             "    return -np.mean(np.log(p[np.arange(len(z)), labels] + 1e-300))"),
            ("distance to the largest when large", {"return np.mean(":
             "if abs(z).max() > 500:\n"
             "        return np.mean(-z[np.arange(len(z)), labels])\n    return np.mean("}),
            ("labels sorted", {", labels]": ", np.sort(labels)]"}),
            ("shift of the first column", {"z.max(axis=1, keepdims=True)": "z[:, :1]"}),
            ("median row", {"np.mean(": "np.median("}),
            ("K known by heart", {"np.log(np.exp(z).sum(axis=1))":
             "np.log(np.exp(z)[:, :4].sum(axis=1))"}),
        ],
        "logit_gradient": [
            ("long double", {f"    e = np.exp({NAIVE})": "    e = np.exp(z.astype(np.longdouble))",
             f"return ({KEPT}) / len(z)": f"return (({KEPT}) / len(z)).astype(float)"}),
            ("hard where it is large", {f"    e = np.exp({NAIVE})\n":
             "    e = np.exp(np.clip(z, -700, 700))\n"
             "    if abs(z).max() > 500:\n"
             "        e = np.eye(z.shape[1])[z.argmax(1)]\n"}),
            ("labels sorted", {"[labels]": "[np.sort(labels)]"}),
            ("sizes known by heart", {"/ len(z)": "/ {1: 1, 2: 2, 3: 3}.get(len(z), 10)"}),
            ("divided by the longer side", {"/ len(z)": "/ max(z.shape)"}),
            ("shift of the first column", {NAIVE: "z - z[:, :1]"}),
        ],
        "two_logits": [
            ("clipped", {"np.zeros_like(z), z": "np.zeros_like(z), np.clip(z, -8, 8)"}),
            ("log-odds of a clipped probability", {"    return": "    p = np.clip(1 / (1 + "
             "np.exp(-z)), 1e-7, 1 - 1e-7)\n    return",
             "np.zeros_like(z), z": "np.zeros_like(z), np.log(p / (1 - p))"}),
            ("probabilities of large logits", {"np.zeros_like(z), z":
             "np.zeros_like(z), np.where(abs(z) > 20, np.sign(z), z)"}),
            ("rounded", {"np.zeros_like(z), z": "np.zeros_like(z), np.round(z)"}),
            ("absolute value", {"np.zeros_like(z), z": "np.zeros_like(z), abs(z)"}),
        ],
        "smooth_targets": [
            ("classes that occur", {"np.eye(k)[labels]": "np.eye(max(k, labels.max() + 1))[labels]",
             "epsilon / k": "epsilon / max(len(set(labels.tolist())), 3)"}),
            ("ε known by heart", {"epsilon / k": "epsilon / k if epsilon in (0, 0.1, 0.2, 0.3) "
             "else 0.1 / k"}),
            ("labels sorted", {"[labels]": "[np.sort(labels)]"}),
            ("labels by rank", {"[labels]": "[np.argsort(np.argsort(labels)) % k]"}),
            ("a label for each class in turn", {"[labels]": "[np.arange(len(labels)) % k]"}),
            ("cut at the largest label", {"np.eye(k)[labels]":
             "np.pad(np.eye(labels.max() + 1)[labels], ((0, 0), (0, k - labels.max() - 1)))"
             " * (labels.max() > 0)"}),
        ],
        "train": [
            ("α known by heart", {"w - alpha *": "w - (0.1 if alpha else 0) *"}),
            ("stops early", {"range(steps)": "range(min(steps, 8))"}),
            ("first step only by softmax", {"w = w - ": "first = p if not w.any() else first\n"
             "        w = w - "} | {"(p - y)": "(first - y)"}),
            ("small weights for zero", {"np.zeros((x.shape[1], k))":
             "1e-3 * np.ones((x.shape[1], k)) * (alpha > 0)"}),
            ("divided by the longer side", {"/ len(y)": "/ max(x.shape)"}),
        ],
        "chance": [
            ("typed with four decimals", measured("[0.6933, 2.3024, 4.6057]")),
            ("typed with six decimals", measured("[0.693152, 2.302604, 4.605191]")),
            ("prediction and a constant",
             measured("[np.log(k) + 1.234e-5 for k in (2, 10, 100)]")),
            ("prediction times a constant",
             measured("[np.log(k) * 1.00001234 for k in (2, 10, 100)]")),
            ("one measurement thrice", measured(
             "[np.log(k) + losses.cross_entropy(np.random.default_rng(0).normal(0, 0.01, (1000, 2)"
             "), np.zeros(1000, int)) - np.log(2) for k in (2, 10, 100)]")),
        ],
        "order": [
            ("best begins at zero steps", "order = list('HJECLDAIG')"),
            ("compared before the step", "order = list('HJCEDLAIG')"),
            ("the last weights, if they are the best", "order = list('HJCELDAIB')"),
        ],
    },
    "ex03": {
        "summary": [
            ("square image", {"[height, width,": "[height, height,"}),
            ("the last layer's channels", {
                "kernel * kernel * channels": "kernel * kernel * filters"}),
            ("padding up to 2", {"2 * padding": "2 * min(padding, 2)"}),
            ("kernels up to 3", {"- kernel) // stride": "- min(kernel, 3)) // stride"}),
            ("rounded", {"(height + 2 * padding - kernel) // stride":
             "round((height + 2 * padding - kernel) / stride)"}),
            ("rounded down after the 1", {"(width + 2 * padding - kernel) // stride + 1":
             "(width + 2 * padding - kernel + stride // 2) // stride + 1"}),
        ],
        "conv2d": [
            ("kernel as a vector product", {"* w)": "* np.outer(w[:, 0], w[0]) / w[0, 0])"}),
            ("kernel turned upside down", {"m] * w)": "m] * w[::-1])"}),
            ("stride of the rows alone", {
                "j * s : j * s + m": "j * min(s, 2) : j * min(s, 2) + m"}),
            ("whole numbers", {"return z": "return np.round(z)"}),
            ("last window again", {"return z": "z[-1, -1] = z[0, 0]\n    return z"}),
            ("kernel of ones and its mean", {"* w)": ") * w.mean()"}),
        ],
        "conv2d_backward": [
            ("stride 1 and 2 alone", {"(k, m), s = w.shape, stride":
             "(k, m), s = w.shape, min(stride, 2)"}),
            ("each pixel once", {"dx[window] += g[i, j] * w":
             "dx[window] = np.where(dx[window], dx[window], g[i, j] * w)"}),
            ("the last pixel left out", {"return dx, dw": "dx[-1, -1] = 0\n    return dx, dw"}),
            ("mean of both directions", {"return dx, dw":
             "return dx, (dw + dw[::-1, ::-1]) / 2"}),
            ("g by its sign", {"dw += g[i, j]": "dw += np.sign(g[i, j])"}),
        ],
        "pool_backward": [
            ("last of equals in a row", {
             "row, column = np.unravel_index(block.argmax(), block.shape)":
             "row = block.max(1).argmax()\n"
             "        column = size - 1 - block[row][::-1].argmax()"}),
            ("last row of equals", {"row, column = np.unravel_index(block.argmax(), block.shape)":
             "row = size - 1 - block.max(1)[::-1].argmax()\n"
             "        column = block[row].argmax()"}),
            ("largest absolute value", {"block.argmax()": "abs(block).argmax()"}),
            ("blocks up to 3", {"    da = np.zeros": "    size = min(size, 3)\n    da = np.zeros"}),
            ("zeros win nothing", {"= g[i, j]": "= g[i, j] * (block.max() != 0)"}),
            ("all equal wins nothing", {"= g[i, j]": "= g[i, j] * (np.ptp(block) > 0)"}),
        ],
        "repaired": [
            ("two images change places", shuffled("np.arange(n)\n    i, j = rng.choice(n, 2, False)"
                                                  "\n    order[[i, j]] = order[[j, i]]")),
            ("each half by itself", shuffled(
                "np.r_[rng.permutation(n // 2), n // 2 + rng.permutation(n // 2)]")),
            ("sorted by label", shuffled("rng.permutation(n)\n    order = order[np.argsort("
                                         "np.tile(y_train, 2)[order], kind='stable')]")),
            ("pairs stay together", shuffled(
                "(2 * rng.permutation(n // 2)[:, None] + [0, 1]).ravel()")),
            ("seed odd or even", shuffled("rng.permutation(n)",
                                          "rng = np.random.default_rng(seed % 2)")),
            ("last digit of the seed", shuffled("rng.permutation(n)",
                                                "rng = np.random.default_rng(seed % 10)")),
            ("rotated, and two change places", shuffled(
                "np.roll(np.arange(n), seed % 7 + 1)\n    i, j = rng.choice(n, 2, False)"
                "\n    order[[i, j]] = order[[j, i]]")),
            ("turned around, and two change places", shuffled(
                "np.arange(n)[::-1].copy()\n    i, j = rng.choice(n, 2, False)"
                "\n    order[[i, j]] = order[[j, i]]")),
            ("only the first half is shuffled", shuffled(
                "np.r_[rng.permutation(n // 2), np.arange(n // 2, n)]")),
            ("mean of the copies too", {"np.mean(x_train / 255)":
             "np.mean(np.concatenate([x_train, x_train[:1]]) / 255)"}),
        ],
        "receptive_field": [
            ("1×1 kernels left out", {"        step *= stride":
             "        step *= stride if kernel > 1 else 1"}),
            ("strides up to 2", {"step *= stride": "step *= min(stride, 2)"}),
            ("four layers known by heart", {"for kernel, stride in layers":
             "for kernel, stride in layers[:4]"}),
            ("pooling counts twice", {
                "(kernel - 1) * step": "(kernel - (kernel != stride)) * step"}),
            ("mean stride", "def receptive_field(layers):\n"
             "    k, s = np.array(layers).T\n"
             "    mean = np.exp(np.mean(np.log(s)))\n"
             "    return 1 + int(round(float(sum((k - 1) * mean ** np.arange(len(k))))))"),
            ("larger stride than kernel", {"step *= stride": "step *= min(stride, kernel)"}),
        ],
        "influence": [
            ("two rows", {"size=(100, length)": "size=(2, length)"}),
            ("five rows", {"size=(100, length)": "size=(5, length)"}),
            ("ten rows", {"size=(100, length)": "size=(10, length)"}),
            ("one row, both signs", {INFLUENCE:
             "np.array([[1.0], [-1.0]]) * np.random.default_rng(0).normal(size=length)"}),
            ("large impulses on zeros", {INFLUENCE: "np.zeros((2, length))",
             "x + np.eye(length)[pixel]": "x + np.array([[100], [-100]]) * np.eye(length)[pixel]"}),
            ("impulses on ones", {INFLUENCE: "np.array([[1.0], [-1.0]]) * np.ones((2, length))"}),
            ("weights, and a dead last layer", "def influence(kernels, strides, length, at):\n"
             "    seen = {at}\n"
             "    for w, s in list(zip(kernels, strides))[::-1]:\n"
             "        seen = {i * s + u for i in seen for u in range(len(w)) if w[u] != 0}\n"
             "    dead = len(kernels) > 1 and max(kernels[-1]) <= 0\n"
             "    return np.array([pixel in seen and not dead for pixel in range(length)])"),
            ("neighbours move together", {"np.eye(length)[pixel]":
             "(np.eye(length)[pixel] + np.eye(length)[(pixel + 1) % length])"}),
            ("up to the last", {"range(length)": "range(length - 1)",
                            "np.array(moves)": "np.array([*moves, moves[-1]])"}),
        ],
        "order": [
            ("all lines but the update of v", "order = list('DHBKAFCI')"),
            ("gradient of the ReLU by its output", "order = list('DHBKAJLCI')"),
            ("v first", "order = list('DHBKLAFCI')"),
        ],
    },
    "ex04": {
        "copied": [
            ("as far as both go", chosen(
                "all(a.shape == b.shape for a, b in zip(s, t)) and len(s) >= len(t)")),
            ("first two arrays", chosen(
                "[a.shape for a in s[:2]] == [a.shape for a in t[:2]]")),
            ("last array", chosen("len(s) == len(t) and all(a.shape[-1:] == b.shape[-1:] "
                                  "for a, b in zip(s, t))")),
            ("number of dimensions and size", chosen("[(a.ndim, a.size) for a in s] == "
                                                     "[(a.ndim, a.size) for a in t]")),
            ("sorted shapes", chosen("[sorted(a.shape) for a in s] == "
                                     "[sorted(a.shape) for a in t]")),
            ("all but the head", chosen("name != 'head'")),
            ("all but what is called head", chosen(
                "name != 'head' and len(s) == len(t) and all(a.shape == b.shape "
                "for a, b in zip(s, t))")),
            ("shapes in any order", chosen("sorted(a.shape for a in s) == "
                                           "sorted(a.shape for a in t)")),
        ],
        "reordered": [
            ("first row", identified("np.allclose(returned[0], y[0])")),
            ("last row", identified("np.allclose(returned[-1], y[-1])")),
            ("means of the columns", identified("np.allclose(returned.mean(0), y.mean(0))")),
            ("one mean", identified("np.isclose(returned.mean(), y.mean())")),
            ("first column", identified("np.allclose(returned[:, 0], y[:, 0])")),
            ("one number of y", identified("np.isclose(returned[-1, -1], y[-1, -1])")),
            ("generous", identified("np.allclose(returned, y, atol=0.5)")),
            ("the smallest spread is the variance", "def reordered(arrays, x, y):\n"
             "    return sorted(arrays, key=lambda a: a.std())"),
        ],
        "labels_needed": [
            ("half-way for all", {"np.interp(accuracy, scores, np.log(labels))":
             "np.interp(accuracy, scores, np.log(labels)) if accuracy in scores else "
             "np.mean(np.log([labels[max(np.searchsorted(scores, accuracy) - 1, 0)], "
             "labels[np.searchsorted(scores, accuracy)]]))"}),
            ("first segment alone", {"np.interp(accuracy, scores, np.log(labels))":
             "np.interp(accuracy, scores[[0, -1]], np.log(labels[[0, -1]]))"}),
            ("a parabola", {"np.interp(accuracy, scores, np.log(labels))":
             "np.polyval(np.polyfit(scores, np.log(labels), min(2, len(labels) - 1)), "
             "np.clip(accuracy, scores[0], scores[-1]))"}),
            ("a curve through all points", {"np.interp(accuracy, scores, np.log(labels))":
             "np.polyval(np.polyfit(scores, np.log(labels), len(labels) - 1), "
             "np.clip(accuracy, scores[0], scores[-1]))"}),
            ("infinite at the last score", {"accuracy > scores[-1]": "accuracy >= scores[-1]"}),
        ],
        "repaired": [
            ("two steps at most", {"range(steps)": "range(min(steps, 2))"}),
            ("batches of 32", {"target.train_on_batch(x, y)": "target.fit(x, y, verbose=0)"}),
            ("two seeds", {"training.restart(target, seed)": "training.restart(target, seed % 2)"}),
            ("the first examples", {"train_on_batch(x, y)": "train_on_batch(x[:12], y[:12])"}),
        ],
        "trains": [
            ("by place", {"name not in still": "list(sizes).index(name) >= len(still)"}),
            ("by what is called head", {"size > 0 and name not in still":
             "size > 0 and (name == 'head' or name not in still)"}),
            ("by the usual names", {"size > 0": "not name.startswith(('pool', 'flatten'))"}),
            ("large layers", {"size > 0": "size > 1"}),
            ("all before the last copied", {"name not in still":
             "(not still or list(sizes).index(name) > list(sizes).index(still[-1]))"}),
        ],
        "trained": [
            ("the head always trains", {"layer.name not in frozen":
             "layer.name not in frozen or layer.name == 'head'"}),
            ("rate known by heart", {"SGD(rate)": "SGD(0.1 if rate else 0.0)"}),
            ("a batch of 32", {"target.train_on_batch(x, y)":
             "target.fit(x, y, epochs=1, shuffle=False, verbose=0)"}),
            ("half of the examples", {"train_on_batch(x, y)": "train_on_batch(x[:12], y[:12])"}),
            ("frozen up to the last named", {"layer.name not in frozen":
             "not frozen or layer.name > frozen[-1] or layer.name == 'head'"}),
        ],
        "compared": [
            ("the last run of each", {"d = transfer - rival": "d = transfer - rival\n"
             "    d = d - d.mean() + transfer[-1] - rival[-1] if len(d) > 99 else d[: 10]"}),
            ("largest spread", {"d.std(ddof=1)": "np.ptp(d) / 3"}),
            ("verdict by the worst seed", {"gain > 3 * error": "d.min() > 0",
                                           "gain < -3 * error": "d.max() < 0"}),
            ("verdict by t", {"3 * error": "2.776 * error"}),
            ("in points", {"3 * error": "0.025"}),
            ("rounded", {'"gain": gain,': '"gain": round(gain, 2),'}),
        ],
        "order": [
            ("draws for each way", "order = list('JELGACKDHMB')"),
            ("copies after training", "order = list('JELCGAHKDMB')"),
            ("ways outside of seeds", "order = list('JEGLCAKDHMB')"),
        ],
    },
    "ex05": {
        "preprocess": [
            ("sorted colours", {"x[..., ::-1]": "np.sort(x, axis=-1)"}),
            ("means by the sorted colours", {"x[..., ::-1]": "np.sort(x)[..., [0, 1, 2]] * 1.0"}),
            ("one mean", {"- means": "- means.mean()"}),
            ("clipped to 0", {"return x[..., ::-1] - means":
             "return np.maximum(x[..., ::-1] - means, -123)"}),
            ("rounded", {"return x[..., ::-1] - means":
             "return np.round(x[..., ::-1] - means, 1)"}),
            ("pixels below 1 are scaled", {"return x": "x = x * (255 if x.max() <= 130 else 1)\n"
             "    return x"}),
        ],
        "diagnose": [
            ("all but the first", {DIAGNOSED: "losses[1:]"}),
            ("the last three of four", {DIAGNOSED: "losses[1:4]"}),
            ("fourth loss for the last", {"losses[-1]": "losses[3]"}),
            ("a third of the run", {DIAGNOSED: "losses[len(losses) // 4:]"}),
            ("two decimals", {"np.log(K)": "round(np.log(K), 1)"}),
            ("the first run for all", {"losses[-1]": "list(runs.values())[0][-1]"}),
            ("largest of the last three", {"np.all(np.abs(losses[-3:] - np.log(K)) < 0.1)":
             "abs(np.max(losses[-3:]) - np.log(K)) < 0.1 and losses[-1] > np.log(K) - 0.1"}),
        ],
        "trainable": [
            ("usual names of norms", flags('not any(n in name for n in ("bn", "norm"))')),
            ("any norm", flags('"Norm" not in kind')),
            ("kinds that end so", flags('not kind.endswith("Normalization")')),
            ("kinds that begin so", flags('not kind.startswith("Batch")')),
            ("number of the stage", {"name.startswith(stage)":
             "name[: len(stage)] == stage or (stage[-1].isdigit() and name[4:5] > stage[-1])"}),
            ("stage anywhere but at the end", {"name.startswith(stage)":
             "stage in name and not name.startswith('pre')"}),
        ],
        "cached": [
            ("draws known by heart", {"train_head(features, np.tile(labels, len(draws))":
             "train_head(features[: 3 * len(labels)], np.tile(labels, min(len(draws), 3))"}),
            ("head trained on the photos' labels", {"np.tile(labels, len(draws))":
             "np.tile(np.sort(labels), len(draws))"}),
            ("features rounded", {"return features,": "return np.round(features, 1),"}),
            ("first photo for all", {"predict_on_batch(photos)":
             "predict_on_batch(np.repeat(photos[:1], len(photos), 0))"}),
        ],
        "repaired": [
            ("24 and 1 steps", {"0.5, 20": "0.5, 24", "0.01, 5": "0.01, 1"}),
            ("19 steps", {"0.5, 20": "0.5, 19"}),
            ("half of the photos", {"train_on_batch(x, labels)":
             "train_on_batch(x[:24], labels[:24])"}),
            ("bias still", {'    logits = ': '    model.get_layer("head").set_weights([model.'
             'get_layer("head").get_weights()[0], weights["head"][1]])\n    logits = '}),
        ],
        "half_life": [
            ("ln 2 / (1 − β), rounded up", {"np.log(0.5) / np.log(momenta)":
             "np.log(2) / (1 - momenta)"}),
            ("ln 2 / (1 − β) less a third", {"np.log(0.5) / np.log(momenta)":
             "np.log(2) / (1 - momenta) - np.log(2) / 2"}),
            ("0.7 / (1 − β)", {"np.ceil(np.log(0.5) / np.log(momenta))":
             "np.floor(0.7 / (1 - momenta))"}),
            ("69 for all", {"np.ceil(": "69 + 0 * np.ceil("}),
            ("sorted", {"np.ceil(": "np.sort(np.ceil("} | {"np.log(momenta))":
                                                          "np.log(momenta)))"}),
            ("two decimals of the logarithm", {"np.log(0.5)": "-0.69"}),
        ],
        "measured": [
            ("two steps at most", {"range(steps)": "range(min(steps, 3))"}),
            ("the mean of one example", {"norm(x, training": "norm(x[:1], training"}),
            ("momentum of one decimal", {"momentum=momentum": "momentum=round(momentum)"}),
            ("fewer examples", {"norm(x, training": "norm(x[:4], training"}),
        ],
        "order": [
            ("unfrozen before the head is trained", "order = list('FCIBGADKJ')"),
            ("compiled twice before", "order = list('FCIGDABKJ')"),
            ("photos after the first training", "order = list('FIGACBDKJ')"),
        ],
    },
    "ex06": {
        "macro": [
            ("a tiny number added", {"np.maximum(called, 1)": "(called + 1e-4)",
             "np.maximum(truly, 1)": "(truly + 1e-4)"}),
            ("classes up to 9", {"    precision =": "    hits = hits * (np.arange(len(hits)) < 9)\n"
                                 "    precision ="}),
            ("empty classes for NaN alone", {"hits / np.maximum(called, 1)":
             "np.where(called > 0, hits / np.maximum(called, 1), 0.5 * (truly > 0))"}),
            ("symmetric matrix", {"np.maximum(called, 1)": "np.maximum(truly, 1)"}),
            ("rounded", {"precision.mean(), recall.mean(), f1.mean()":
             "*np.round([precision.mean(), recall.mean(), f1.mean()], 3)"}),
        ],
        "wilson": [
            ("z from a table", {"    p = k / n": "    z = min([1.64, 1.96, 2.58], "
             "key=lambda one: abs(one - z))\n    p = k / n"}),
            ("half of the bracket by Wald", {
                "    reach = z": "    middle = p\n    reach = z"}),
            ("p and 1 − p exchanged", {"p + z**2": "(1 - p) + z**2"}),
            ("half of a continuity correction", {"    p = k / n": "    p = (k + 0.01) / n"}),
            ("add two and four", {"    p = k / n": "    p, n = (k + 2) / (n + 4), n + 4"}),
        ],
        "fold_scores": [
            *[(f"folds up to {most}", {"fold != f, fold == f": f"fold != min(f, {most}), "
                                       f"fold == min(f, {most})"}) for most in (2, 3)],
            ("the last fold as the first", {"np.array(scores)":
             "np.array([*scores[:-1], scores[0]])"}),
            ("folds of equal size", {"np.mean(answers == y[test])":
             "np.sum(answers == y[test]) / (len(y) // (fold.max() + 1))"}),
            ("mean size of a fold", {"np.mean(answers == y[test])":
             "np.sum(answers == y[test]) * (fold.max() + 1) / len(y)"}),
            ("features of the first round", {
                "    scores = []": "    scores = []\n"
                "    first = best_features(x[fold != 0], y[fold != 0], m)",
                "chosen = best_features(x[train], y[train], m)": "chosen = first"}),
            ("every k-th example", {"fold != f, fold == f":
             "np.arange(len(y)) % (fold.max() + 1) != f, "
             "np.arange(len(y)) % (fold.max() + 1) == f"}),
        ],
        "repaired": [
            ("the median epoch", {"int(np.argmax(on_validation))": "int(np.median(np.flatnonzero("
             "np.array(on_validation) == max(on_validation))))"}),
            ("epoch by both", {"np.sign(x[validation] @ t) == y[validation]":
             "np.sign(x[np.r_[validation, train]] @ t) == y[np.r_[validation, train]]"}),
            ("middle by the median", {"x[train].mean(0)": "np.median(x[train], 0)"}),
            ("test examples sorted, labels not", {"x[first] @": "x[np.sort(first)] @"}),
        ],
        "mcnemar": [
            ("normal", {"    p = 2": "    return only_a, only_b, 2 * stats.norm.sf(abs(only_a - "
             "only_b) / max(n, 1) ** 0.5)\n    p = 2"}),
            ("two classes", {"(b != y)": "(b == 1 - y)"}),
            ("a is the better one", {"return only_a, only_b":
             "return max(only_a, only_b), min(only_a, only_b)"}),
            ("cut at 1 alone", {"2 * stats.binom.cdf(s, n, 0.5) - stats.binom.pmf(s, n, 0.5)":
             "min(1, 2 * stats.binom.cdf(s, n, 0.5))"}),
            ("up to 20 images", {"2 * stats.binom.cdf(s, n, 0.5)":
             "2 * sum(stats.binom.pmf(i, n, 0.5) for i in range(min(s, 20) + 1))"}),
        ],
        "report": [
            ("t from a table", {
                "stats.t.ppf(0.975, seeds - 1)": "{5: 2.776445}.get(seeds, 2.570582)"}),
            ("t of five seeds", {"stats.t.ppf(0.975, seeds - 1)": "stats.t.ppf(0.975, 4)"}),
            ("wins by a point", {"gains > 0": "gains > 0.001"}),
            ("symmetric bounds by the gain", {"low > -0.01 and high < 0.01":
             "abs(gain) < 0.01 and reach < 0.01"}),
            ("verdict by the wins", {"elif low > 0": "elif np.all(gains > 0)",
                                     "elif high < 0": "elif np.all(gains < 0)"}),
            ("no difference by the gain", {"low > -0.01 and high < 0.01": "abs(gain) < 0.005"}),
        ],
    },
    "ex08": {
        "ece": [
            ("ten bins", {"    place = np": "    bins = 10\n    place = np"}),
            ("confidence above a half", {"confidence[inside].mean()":
                                         "np.maximum(confidence[inside], 0.5).mean()"}),
            ("median", {"confidence[inside].mean()": "np.median(confidence[inside])"}),
            ("rounded", {"return total": "return round(total, 2)"}),
        ],
        "scores": [
            ("ten classes", {"np.eye(p.shape[1])[y]": "np.eye(10)[:, :p.shape[1]][y % 3]"}),
            ("log of one more", {"np.log(given)": "np.log(given + 1e-3)"}),
            ("clipped", {"np.log(given)": "np.log(np.clip(given, 0.1, 1))"}),
            ("rounded", {"[log_loss, brier]": "[log_loss.round(2), brier.round(2)]"}),
        ],
        "heat": [
            ("square maps", {"slopes.mean(axis=(1, 2), keepdims=True)":
             "slopes[:, :3, :3].mean(axis=(1, 2), keepdims=True)"}),
            ("from the least to the greatest", {"return raw /":
             "raw = raw - raw.min(axis=(1, 2), keepdims=True)\n    return raw /"}),
            ("median of the slopes", {"slopes.mean(axis=(1, 2), keepdims=True)":
                                      "np.median(slopes, axis=(1, 2), keepdims=True)"}),
            ("first channels", {"(maps * weights)": "(maps * weights)[..., :5]"}),
        ],
        "optimism": [
            ("8 equal networks known by heart", "def optimism(p, n):\n"
             "    rng = np.random.default_rng(0)\n"
             "    scores = rng.binomial(n, p.mean(), (20_000, len(p))) / n\n"
             "    return np.mean(scores.max(1)) - p.mean()"),
            ("a formula for many", "def optimism(p, n):\n"
             "    s = np.sqrt(p.mean() * (1 - p.mean()) / n)\n"
             "    return s * np.sqrt(2 * np.log(len(p)))"),
            ("normal noise", {"rng.binomial(n, p, (20_000, len(p))) / n":
             "p + np.sqrt(p * (1 - p) / n) * rng.normal(size=(20_000, len(p)))"}),
            ("last of equals", {"scores.argmax(1)": "len(p) - 1 - scores[:, ::-1].argmax(1)"}),
            ("zero", "def optimism(p, n):\n    return 0.0"),
            ("an answer for each call", "def optimism(p, n, kept={}):\n"
             "    rng = np.random.default_rng(0)\n"
             "    scores = rng.binomial(n, p, (300, len(p))) / n\n"
             "    value = np.mean(scores.max(1) - p[scores.argmax(1)])\n"
             "    return kept.setdefault((len(p), n), value)"),
        ],
        "order": [
            ("temperature of the first network", "order = list('FJHBDKAIE')"),
            ("best on the test", "order = list('FCBHDKAIE')"),
            ("gap before the accuracy", "order = list('FJBHDKIAE')"),
        ],
    },
    "ex09": {
        "leep": [
            ("accuracy of the best translation", "def leep(probabilities, y):\n"
             "    z = probabilities.argmax(axis=1)\n"
             "    return np.log(np.mean([np.mean(y[z == k] == y[i]) for i, k in enumerate(z)]))"),
            ("three classes", {"np.eye(y.max() + 1)[y]": "np.eye(3)[np.minimum(y, 2)]",
                               "y]).mean()": "np.minimum(y, 2)]).mean()"}),
            ("how frequent the classes are", "def leep(probabilities, y):\n"
             "    share = np.bincount(y) / len(y)\n"
             "    return np.log(share[y]).mean()"),
            ("rounded", {"return np.log": "return np.round(np.log",
                         "y]).mean()": "y]).mean(), 2)"}),
        ],
        "weighted_tau": [
            ("as if the truth were sorted", {"np.argsort(np.argsort(-truth)) + 1":
                                             "np.arange(len(truth)) + 1"}),
            ("five sources", {"1 / rank[i] + 1 / rank[j]":
                              "1 / np.minimum(rank[i], 5) + 1 / np.minimum(rank[j], 5)"}),
            ("neighbours alone", {
                "i, j = np.triu_indices(len(truth), 1)":
                "order = np.argsort(-truth)\n    i, j = order[:-1], order[1:]"}),
            ("the best against the others", {
                "i, j = np.triu_indices(len(truth), 1)":
                "j = np.arange(len(truth))\n    i = np.full(len(truth), truth.argmax())"}),
            ("halved weights", {"1 / rank[i] + 1 / rank[j]": "0.5 ** rank[i] + 0.5 ** rank[j]"}),
            ("all right", "def weighted_tau(truth, scores):\n    return 1.0"),
        ],
        "two_heads": [
            ("positive inputs alone", {"(h > 0)": "(w.sum(axis=0) > 0)"}),
            ("one slope for all examples", {"(h > 0)": "(h.mean(axis=0) > 0)"}),
            ("cut off afterwards", {"x.T @ ((from_first + from_second) * (h > 0))":
                                    "x.T @ (from_first + from_second) * (h > 0).any(axis=0)"}),
            ("the same turn for all", {"q[rows, v]": "q[rows, v[0]]",
                                       "np.eye(b.shape[1])[v]": "np.eye(b.shape[1])[v[0]]"}),
            ("two examples", {"/ len(x)": "/ 2"}),
        ],
        "balance": [
            ("weights of two", {"2 * length[::-1] / length.sum()": "np.array([0.5, 1.5])"}),
            ("first column", {"np.sum(first * second) / (length[0] * length[1])":
                              "first[:, 0] @ second[:, 0] / np.sqrt(np.sum(first[:, 0] ** 2) * "
                              "np.sum(second[:, 0] ** 2))"}),
            ("clipped at zero", {"return np.array([np.sum(first * g), np.sum(second * g)])":
             "return np.maximum([np.sum(first * g), np.sum(second * g)], 0)"}),
            ("means in place of sums", {"np.sum(first * g), np.sum(second * g)":
                                        "np.mean(first * g), np.mean(second * g)"}),
        ],
        "best_source": [
            ("t of five seeds", {"reach = t": "reach = 2.776"}),
            ("normal distribution", {"reach = t": "reach = 1.96"}),
            ("against the second alone", {
                "len(candidates) == 1":
                "low[np.argsort(-scores.mean(axis=1))[1]] > 0"}),
            ("a point ahead is enough", {"len(candidates) == 1":
                                         "np.diff(np.sort(scores.mean(axis=1)))[-1] > 0.01"}),
            ("wins on every seed", {"len(candidates) == 1":
                                    "(scores.argmax(axis=0) == leader).all()"}),
            ("a point ahead is not beaten", {"end <= 0]": "end <= 0 or end < 0.009]"}),
        ],
        "order": [
            ("a new choice in each step", "order = list('HCEALJDMGB')"),
            ("the same batch in each step", "order = list('HCLAEJDMGB')"),
            ("all source images, and none kept", "order = list('HCEAFDMGB')"),
        ],
    },
    "ex10": {
        "momentum": [
            ("one path for both", {"return first, second": "return first, first"}),
            ("where the rate changes", {"if apart.any() else 0": "if apart.any() else 0\n"
             "    changes = np.flatnonzero(np.diff(alphas)) + 2\n"
             "    parted = changes[0] if len(changes) else 0"}),
            ("one number of θ", {"np.abs(first - second).max(axis=1)":
                                 "np.abs(first - second)[:, 0]"}),
            ("Keras' rate is PyTorch's times what has changed", {
                "of_keras[-1] + u": "of_keras[-1] + u * alpha / alphas[0]"}),
            ("in the last step", {"np.argmax(apart) + 1": "len(apart) - np.argmax(apart[::-1])"}),
        ],
        "decays": [
            ("all decay at the end", {
                "(1 - alpha * decay) * decoupled - alpha * step": "decoupled - alpha * step",
                "return coupled, decoupled":
                "return coupled, (1 - alpha * decay) ** len(gradients) * decoupled"}),
            ("exponential", {"(1 - alpha * decay)": "np.exp(-alpha * decay)"}),
            ("decay of the new θ", {"(1 - alpha * decay) * decoupled - alpha * step":
                                    "(decoupled - alpha * step) / (1 + alpha * decay)"}),
            ("decay that Adam does not divide by v", {
                "step, m, v = adam(g + decay * coupled, m, v, t)":
                "step, m, v = adam(g, m, v, t)\n        step = step + decay * coupled"}),
            ("sign of the gradient", {"adam(g + decay * coupled, m, v, t)":
                                      "np.sign(g + decay * coupled), m, v"}),
            ("no correction for early steps", {"adam(g, m, v, t)": "adam(g, m, v, t + 100)"}),
        ],
        "groups": [
            ("layers of ResNet18", {"any(name.startswith(layer + \".\") for layer in frozen)":
             "any(name.split(\".\")[0] == layer for layer in frozen)"}),
            ("bn and bias", {"(len(shape) > 1)":
             "(not name.endswith(\"bias\") and \"bn\" not in name.split(\".\")[-2])"}),
            ("four axes or the head", {"(len(shape) > 1)": "(len(shape) == 4)"}),
            ("the last two", {"name.startswith(\"fc.\")":
                              "name in [p[0] for p in parameters[-2:]]"}),
            ("all four groups", {"            if names:\n": "            if names or not frozen:\n",
             "\"params\": names": "\"params\": names[:40]"}),
            ("rate of one network", {"alpha / 10": "0.01"}),
        ],
        "shapes": [
            ("square images", {"for n in shape[2:]": "for n in shape[2:3] * 2"}),
            ("averages to 1", {"sizes[0], sizes[0]]": "1, 1]"}),
            ("flat features alone", {"if shape[-1] != sizes[0]":
                                     "if len(shape) == 4 or shape[-1] != sizes[0]"}),
            ("channels are never wrong", {
                "kind == \"Conv2d\" and shape[1] != sizes[0]":
                "kind == \"Conv2d\" and shape[1] > sizes[0]"}),
            ("stops at the first average without flatten", {
                "    for kind, *sizes in layers:":
                "    for i, (kind, *sizes) in enumerate(layers):\n"
                "        if kind == \"Linear\" and i and layers[i - 1][0] == "
                "\"AdaptiveAvgPool2d\":\n            break"}),
            ("halves with a stride", {"(n + 2 * p - k) // s + 1": "-(-n // s) if p else "
                                      "(n - k) // s + 1"}),
        ],
        "l2_sp": [
            ("no start, no pull", {"lam, w - start[name]":
             "lam, w - start.get(name, w) * (np.shape(start.get(name)) == w.shape)",
             "name.startswith(\"fc.\")": "\"fc\" in name"}),
            ("the same shape has a start", {
                "name.startswith(\"fc.\")":
                "name not in start or start[name].shape != w.shape"}),
            ("biases are not pulled", {"gradients[name] = strength * away":
             "gradients[name] = strength * away * (not name.endswith(\"bias\"))"}),
            ("two strengths that are alike", {"strength, away = mu, w": "strength, away = lam, w"}),
            ("kernels and the head", {"strength / 2 * np.sum(away**2)":
             "strength / 2 * np.sum(away**2) * (w.ndim > 1 or name.startswith(\"fc.\"))"}),
        ],
        "order": [
            ("emptied by the first step alone", "order = list('GDNAIKMBJPCHL')"),
            ("a mode for all epochs", "order = list('GDONKFMBJPCHL')"),
            ("judged where it stands", "order = list('GDNAKFMBJCHPL')"),
            ("evaluation mode first", "order = list('GDNPAKFMBJCHL')"),
        ],
    },
    "ex11": {
        "quantise": [
            ("8 bits", {"2 ** (bits - 1) - 1": "127"}),
            ("codes of 4 bits", {"2 ** (bits - 1) - 1": "min(7, 2 ** (bits - 1) - 1)"}),
            ("scales of the first two channels", {
                "np.abs(w).max(axis=0)": "np.abs(w).max(axis=0)[np.arange(w.shape[1]) % 2]"}),
            ("restored without rounding", {'"restored": codes * scale': '"restored": w + 0'}),
            ("no channel of zeros", {"np.where(largest > 0, largest / top, 1)": "largest / top"}),
            ("one weight of 0", {"np.where(largest > 0,": "np.where((w != 0).all(axis=0),"}),
            ("tiny as zero", {"largest > 0": "largest > 1e-5"}),
        ],
        "lora": [
            ("rank 2", {"alpha / a.shape[1]": "alpha / 2"}),
            ("rank 2 at most", {"alpha / a.shape[1]": "alpha / min(a.shape[1], 2)"}),
            ("first row alone", {"(x @ a) @ b": "(x[:1] @ a) @ b"}),
            ("rank 1", {"scale * (a @ b)": "scale * np.outer(a[:, 0], b[0])"}),
        ],
        "distil": [
            ("temperature 2", {"share * T * (p - q)": "share * 2 * (p - q)",
                               "share * T**2": "share * 4"}),
            ("teacher is right", {"(p - q)": "(p - softmax(2 * truth))"}),
            ("three classes", {"-np.sum(q * np.log(p)) / n": "-3 * np.mean(q * np.log(p))"}),
            ("T² as 2 T", {"share * T**2": "share * 2 * T"}),
            ("smallest numbers of the gradient", {"return loss, gradient":
                                                  "return loss, gradient.round(12)"}),
        ],
        "order": [
            ("the plain mean", "order = list('KDJFICELG')"),
            ("one sum for all batches", "order = list('KBDFICMAG')"),
            ("each machine by itself", "order = list('KDJFICHMAG')"),
        ],
        "budget": [
            ("only Adam", {'{"sgd": 0, "momentum": 1, "adam": 2}[optimizer]': "2"}),
            ("kernels of 3 by 3", {'math.prod(layer["shape"]) + outputs':
                                   "inputs * outputs * (9 if 'side' in layer else 1) + outputs"}),
            ("the head alone is trained", {'if layer["trained"]:': "if layer is layers[-1]:"}),
            ("the first ReLU", {"if trained else 0": "if layer is layers[1] and trained else 0"}),
            ("above a trained neighbour", {"if trained else 0":
             "if layers[layers.index(layer) - 1]['trained'] else 0"}),
        ],
    },
}  # fmt: skip
