"""Gradient descent."""

ADAM = "alpha * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)"
SOLVED = '"G", "E", "B", "D", "I", "K", "A", "F", "C"'


def lines(order):
    return "order = " + repr(list(order))


WRONG = {
    "gradient": [
        ("sum", {" / len(y)": ""}, "you sum over the examples"),
        ("factor 2", {"return": "return 2 *"}, "the factor ½ of the loss is missing"),
        ("half", {"x.T @ error": "x.T @ error / 2"}, "the factor ½ is there twice"),
        ("sign", {"x @ theta - y": "y - x @ theta"}, "the sign is reversed"),
        ("columns", {"len(y)": "len(theta)"}, "number of parameters instead of examples"),
        ("no x", {"x.T @ error / len(y)": "np.mean(error) * np.ones(len(theta))"}, "mean error"),
        ("loss", {"x.T @ error / len(y)": "np.mean(error**2) / 2"}, "a number instead of an array"),
        ("rows", {"x.T @ error / len(y)": "x * error[:, None] / len(y)"}, "instead of an array of"),
        ("prints", {"return x.T @ error / len(y)": "print(error)"}, "is there a return?"),
    ],
    "momentum_step": [
        ("uphill", {"- alpha * g": "+ alpha * g"}, "it walks uphill"),
        ("swapped", {"theta + v, v": "v, theta + v"}, "return θ first and v second"),
        (
            "old velocity",
            "def momentum_step(theta, v, g, alpha, beta):\n"
            "    return theta + v, beta * v - alpha * g",
            "update v first",
        ),
        ("as in Adam", {"alpha * g": "alpha * (1 - beta) * g"}, "weighted by 1 − β, as in Adam"),
        (
            "Nesterov",
            {"theta + v, v": "theta + beta * v - alpha * g, v"},
            "Nesterov's momentum",
        ),
        ("forgets", {"beta * v - alpha": "-alpha"}, "the velocity is forgotten"),
        ("keeps all", {"beta * v -": "v -"}, "multiply it by β"),
        (
            "as in PyTorch",
            {"- alpha * g": "+ g", "theta + v, v": "theta - alpha * v, v"},
            "v holds the gradient without α",
        ),
        ("in place", {"v = beta * v - alpha * g": "v *= beta; v -= alpha * g"},
         "your function changes its argument v: work on a copy, or write v = v - …"),
        ("only θ", {"theta + v, v": "theta + v"}, "instead of 2 values"),
    ],
    "adam_step": [
        ("no correction", {ADAM: "alpha"}, "the bias is not corrected"),
        ("ε inside", {"np.sqrt(v) + epsilon": "np.sqrt(v + epsilon)"}, "ε is under the root"),
        ("no root", {"np.sqrt(v)": "v"}, "divide by √v, not by v"),
        ("v of g", {"g**2": "g"}, "it should be one of g²"),
        (
            "exchanged",
            {
                "beta_1 * m + (1 - beta_1) * g": "(1 - beta_1) * m + beta_1 * g",
                "beta_2 * v + (1 - beta_2) * g**2": "(1 - beta_2) * v + beta_2 * g**2",
            },
            "β and 1 − β are exchanged",
        ),
        ("uphill", {"theta -": "theta +"}, "it walks uphill"),
        ("β₁ and β₂", {"(theta, m, v, g, t, alpha, beta_1, beta_2, epsilon)":
                       "(theta, m, v, g, t, alpha, beta_2, beta_1, epsilon)"},
         "β₁ and β₂ are exchanged: β₁ belongs to m and β₂ to v"),
        ("β₁ and β₂ in the means", {
            "beta_1 * m + (1 - beta_1) * g": "beta_2 * m + (1 - beta_2) * g",
            "beta_2 * v + (1 - beta_2) * g**2": "beta_1 * v + (1 - beta_1) * g**2"},
         "are exchanged in m and v"),
        ("no root in the rate", {"np.sqrt(1 - beta_2**t)": "(1 - beta_2**t)"}, "the root over"),
        (
            "algorithm 1",
            {
                f"    rate = {ADAM}\n": "",
                "rate * m / (np.sqrt(v) + epsilon)": "alpha * m / (1 - beta_1**t)"
                " / (np.sqrt(v / (1 - beta_2**t)) + epsilon)",
            },
            "in the formula above it is added before",
        ),
        ("wrong order", {"return theta - rate * m / (np.sqrt(v) + epsilon), m, v":
                         "return m, v, theta - rate * m / (np.sqrt(v) + epsilon)"},
         "return θ, m and v, in this order"),
        ("v before m", {"+ epsilon), m, v": "+ epsilon), v, m"}, "θ, m and v, in this order"),
        ("t + 1", {"**t": "**(t + 1)"}, "t counts from 1 already"),
        ("no ε", {" + epsilon": ""}, "ε is missing"),
        ("old m", {"    m = beta_1 * m + (1 - beta_1) * g\n": "", "    return":
                   "    old, m = m, beta_1 * m + (1 - beta_1) * g\n    return", "rate * m":
                   "rate * old"}, "θ moves by the old m"),
        ("old v", {"    v = beta_2 * v + (1 - beta_2) * g**2\n": "", "    return":
                   "    old, v = v, beta_2 * v + (1 - beta_2) * g**2\n    return", "np.sqrt(v)":
                   "np.sqrt(old)"}, "the root of the old v"),
        ("g for m", {"rate * m": "rate * g"}, "θ moves by g instead of m"),
        ("forgets m", {"beta_1 * m + ": ""}, "the old m is not used"),
        ("forgets v", {"beta_2 * v + ": ""}, "the old v is not used"),
        ("t is 1", {"**t": "**1"}, "the number t of the step is not used"),
        ("from the package", "from tlcourse.optimizers import adam\n"
         "def adam_step(theta, m, v, g, t, alpha, beta_1, beta_2, epsilon):\n"
         "    return adam(lambda _: g, theta, alpha, 1)[-1], m, v",
         "solve this task without tlcourse.optimizers.adam"),
    ],
    "minibatch_gradients": [
        (
            "order unused",
            {"order[start : start + size]": "np.arange(len(y))[start : start + size]"},
            "the order is not used",
        ),
        ("sums", {" / len(batch)": ""}, "you sum over each batch"),
        ("N", {"/ len(batch)": "/ len(y)"}, "divided by N"),
        ("size", {"/ len(batch)": "/ size"}, "the last batch is smaller: divide"),
        ("drops", {"len(order), size": "len(order) - size + 1, size"}, "it counts too"),
        ("labels apart", {"- y[batch]": "- y[start : start + size]"}, "has now another's y"),
        ("sign", {"x[batch] @ theta - y[batch]": "y[batch] - x[batch] @ theta"}, "is reversed"),
        ("steps in between", {"        rows.append(x[batch].T @ error / len(batch))":
                              "        rows.append(x[batch].T @ error / len(batch))\n"
                              "        theta = theta - 0.1 * rows[-1]"},
         "only the first row is right: does θ"),
        ("calls an open task", "def gradient(theta, x, y):\n    raise NotImplementedError\n\n\n"
         "def minibatch_gradients(theta, x, y, order, size):\n"
         "    return np.array([gradient(theta, x[order], y[order])])",
         "it calls gradient, which is not written yet"),
        ("one mean", {"np.array(rows)": "np.mean(rows, 0)"}, "instead of an array of shape"),
    ],
    "repaired": [
        ("sign left", {"- alpha": "+ alpha"}, "it walks uphill"),
        (
            "stale slope left",
            {"        g = H @ path[-1] - b\n": "", "    for": "    g = H @ theta - b\n    for"},
            "the slope is taken once",
        ),
        (
            "in place left",
            "def repaired(H, b, theta, alpha, steps):\n"
            "    theta = theta.copy()\n"
            "    path = [theta]\n"
            "    for _ in range(steps):\n"
            "        theta -= alpha * (H @ theta - b)\n"
            "        path.append(theta)\n"
            "    return np.array(path)",
            "all rows are the same place",
        ),
        (
            "changes the start",
            "def repaired(H, b, theta, alpha, steps):\n"
            "    path = [theta.copy()]\n"
            "    for _ in range(steps):\n"
            "        theta -= alpha * (H @ theta - b)\n"
            "        path.append(theta.copy())\n"
            "    return np.array(path)",
            "your function changes its argument",
        ),
        ("no start", {"np.array(path)": "np.array(path[1:])"}, "the start belongs to the path"),
        ("one too many", {"range(steps)": "range(steps + 1)"}, "a row too many"),
        ("return in the loop", {"    return": "        return"}, "is the return inside the loop?"),
        ("no b", {" - b": ""}, "b is missing in the slope"),
        ("b's sign", {"- b": "+ b"}, "b has the wrong sign"),
        ("only the end", {"np.array(path)": "path[-1]"}, "instead of an array of shape"),
        ("two left", {
            "        g = H @ path[-1] - b\n": "", "    for": "    g = H @ theta - b\n    for",
            "- alpha": "+ alpha"}, "by the slope of the start"),
    ],
    "largest_rate": [
        ("1 / λ", {"2 /": "1 /"}, "it reaches the floor of the steepest direction in one"),
        ("flattest", {"max()": "min()"}, "the limit of the flattest direction"),
        ("λ", {"2 / np.linalg.eigvalsh(H).max()": "np.linalg.eigvalsh(H).max()"}, "not a rate"),
        ("upside down", {"2 / np.linalg.eigvalsh(H).max()": "np.linalg.eigvalsh(H).max() / 2"},
         "upside down"),
        ("fastest", {".max()": "[[0, -1]].sum()"}, "this is the fastest rate, not the largest"),
        ("the first", {"eigvalsh(H).max()": "eigvals(H)[0]"}, "another is steeper"),
        ("the last", {"eigvalsh(H).max()": "eigvals(H)[-1]"}, "the limit of the flattest"),
        ("the second", {"eigvalsh(H).max()": "eigvalsh(H)[-2:][0]"}, "another is steeper"),
        ("trace", {"np.linalg.eigvalsh(H).max()": "np.trace(H)"}, "the trace adds"),
        ("Frobenius", {"np.linalg.eigvalsh(H).max()": "np.linalg.norm(H)"},
         "which np.linalg.norm(H) gives"),
        ("sum of a row", {"np.linalg.eigvalsh(H).max()": "np.linalg.norm(H, np.inf)"},
         "the largest sum of a row"),
        ("entry", {"np.linalg.eigvalsh(H).max()": "H.max()"}, "the largest entry of H"),
        ("all", {".max()": ""}, "instead of a number"),
    ],
    "measured_rate": [
        ("flat start", {"np.random.default_rng(0).normal(size=len(H))": "np.eye(len(H))[0]"},
         "your start lies on a flat axis"),
        ("ones", {"np.random.default_rng(0).normal(size=len(H))": "np.ones(len(H))"},
         "at a right angle to the steepest direction"),
        ("1, −1", {"np.random.default_rng(0).normal(size=len(H))":
                   "(-1.0) ** np.arange(len(H))"}, "at a right angle to the steepest direction"),
        ("1, 2, 3", {"np.random.default_rng(0).normal(size=len(H))": "np.arange(1.0, len(H) + 1)"},
         "at a right angle to the steepest direction"),
        ("eigenvalues", {"low, high = 0, 10\n": "return 2 / np.linalg.eigvalsh(H).max()\n"},
         "solve this task without numpy.linalg.eigvalsh"),
        ("half", {"return alpha": "return alpha / 2"}, "the fastest rate, not the largest"),
        ("norm", "def measured_rate(H):\n    return 2 / np.linalg.norm(H, 2)",
         "solve this task without numpy.linalg.norm"),
        ("polynomial", "def measured_rate(H):\n    return 2 / np.roots(np.poly(H)).max().real",
         "solve this task without numpy.roots"),
        ("singular values", "def measured_rate(H):\n"
         "    return 2 / np.linalg.svd(H, compute_uv=False)[0]", "without numpy.linalg.svd"),
        ("few steps", {"range(200)": "range(10)"}, "are there enough steps"),
        ("upside down", {"return alpha": "return 1 / alpha"}, "upside down"),
        ("overflows", {"range(200)": "range(400)"}, "a comparison with NaN is false"),
        ("too coarse", {"range(30)": "range(3)"}, "measured_rate("),
        ("interval", {"return alpha": "return low, high"}, "instead of a number"),
        ("endless", {"for _ in range(30)": "while low < high", "    alpha = (low + high) / 2\n":
         "    alpha = (low + high) / 2\n        continue\n"}, "a loop that never ends?"),
    ],
    "order": [
        ("one order for all epochs", lines("GEHBIKAFC"), "all epochs have the same order"),
        ("sign", lines("GEBDIKLFC"), "the error has the wrong sign"),
        ("sum", lines("GEBDIKAJC"), "line J sums over the batch"),
        ("return too early", lines("GECBDIKAF"), "nothing moves"),
        ("no new order", lines("GEBIKAFC"), "line K fails in this order"),
        ("no batch", lines("GEBDIC"), "after 'for' statement in line I"),
        ("a set", "order = set('GEBDIKAFC')", "numbers or a list of them"),
        ("loops out of order", lines("GEIKABDFC"), "is not valid Python"),
        ("step before error", lines("GEBDIKFAC"), "line F fails in this order"),
        ("error before batch", lines("GEBDIAKFC"), "line A fails in this order"),
        ("no start", lines("GBDIKAFC"), "line A fails in this order"),
        ("no def", lines("EBDIKAFC"), "is not valid Python"),
        ("no return", lines("GEBDIKAF"), "is there a return?"),
        ("no step", lines("GEBDIKAC"), "nothing moves"),
        ("unknown line", lines("GEBDIKAFCZ"), "there is no line 'Z'"),
        ("twice", lines("GEBDIKAFFC"), "line F is used twice"),
        ("a text", "order = 'GEBDIKAFC'", "write a list of labels"),
        ("one open", "order = ['G', ..., 'C']", "number 2 is still open"),
    ],
}  # fmt: skip

RIGHT = {
    "gradient": [
        (
            "loops",
            "def gradient(theta, x, y):\n"
            "    total = [0.0] * len(theta)\n"
            "    for row, truth in zip(x, y):\n"
            "        error = sum(t * a for t, a in zip(theta, row)) - truth\n"
            "        total = [s + error * a for s, a in zip(total, row)]\n"
            "    return np.array(total) / len(y)",
        ),
        ("mean", {"x.T @ error / len(y)": "np.mean(x * error[:, None], axis=0)"}),
        ("einsum", {"x.T @ error": "np.einsum('nd,n->d', x, error)"}),
    ],
    "momentum_step": [
        ("list", {"return theta + v, v": "return [theta + v, v]"}),
        ("rows of an array", {"return theta + v, v": "return np.array([theta + v, v])"}),
        ("new names", {"v = beta": "new = beta", "theta + v, v": "theta + new, new"}),
    ],
    "adam_step": [
        (
            "loops",
            {
                "theta - rate * m / (np.sqrt(v) + epsilon), m, v": "np.array([a - rate * b / "
                "(c**0.5 + epsilon) for a, b, c in zip(theta, m, v)]), m, v"
            },
        ),
        ("m by its change", {"beta_1 * m + (1 - beta_1) * g": "m + (1 - beta_1) * (g - m)"}),
    ],
    "minibatch_gradients": [
        (
            "split",
            "def minibatch_gradients(theta, x, y, order, size):\n"
            "    parts = np.split(order, range(size, len(order), size))\n"
            "    return np.stack([x[p].T @ (x[p] @ theta - y[p]) / len(p) for p in parts])",
        ),
        ("mixed first", {"rows = []": "x, y, order, rows = x[order], y[order], range(len(y)), []"}),
    ],
    "repaired": [
        (
            "filled array",
            "def repaired(H, b, theta, alpha, steps):\n"
            "    path = np.empty((steps + 1, len(theta)))\n"
            "    path[0] = theta\n"
            "    for k in range(steps):\n"
            "        path[k + 1] = path[k] - alpha * (H @ path[k] - b)\n"
            "    return path",
        ),
        (
            "copies",
            "def repaired(H, b, theta, alpha, steps):\n"
            "    theta = theta.copy()\n"
            "    path = [theta.copy()]\n"
            "    for _ in range(steps):\n"
            "        theta -= alpha * (H @ theta - b)\n"
            "        path.append(theta.copy())\n"
            "    return np.array(path)",
        ),
    ],
    "largest_rate": [
        ("norm", {"np.linalg.eigvalsh(H).max()": "np.linalg.norm(H, 2)"}),
        ("float", {"return 2 / np.linalg.eigvalsh(H).max()":
                   "return float(2 / max(np.linalg.eigvals(H)).real)"}),
    ],
    "measured_rate": [
        (
            "power",
            "def measured_rate(H):\n"
            "    v = np.random.default_rng(1).normal(size=len(H))\n"
            "    for _ in range(500):\n"
            "        v = H @ v\n"
            "        length = np.sqrt(v @ v)\n"
            "        v = v / length\n"
            "    return 2 / length",
        ),
        ("fewer steps", {"range(200)": "range(100)"}),
    ],
    "order": [
        ("labels by hand", "order = [" + SOLVED + "]"),
        ("start after the first loop's head is no choice", "order = list('GEBDIKAFC')"),
    ],
}  # fmt: skip
