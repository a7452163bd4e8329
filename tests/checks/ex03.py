"""A CNN from scratch."""

H, W = (f"({side} + 2 * padding - kernel) // stride + 1" for side in ("height", "width"))
COUNT = "filters * (kernel * kernel * channels + 1)"
SOLVED = "DHBKAFLCI"


def side(rule):
    """The same other rule for height and width."""
    return {H: rule.format("height"), W: rule.format("width")}


def lines(order):
    return "order = " + repr(list(order))


def prepare(body, returned="x[order], y[order], new / 255 - mean"):
    """The solution of `repaired`, with other steps."""
    return (
        "def repaired(x, y, new, seed):\n"
        "    rng = np.random.default_rng(seed)\n"
        "    mean = np.mean(x / 255)\n"
        "    both = np.concatenate([x, np.roll(x, 1, axis=2)])\n"
        f"    {body}\n"
        f"    return {returned}"
    )


ORDER = "x, y, order = both / 255 - mean, np.tile(y, 2), rng.permutation(2 * len(y))"

WRONG = {
    "summary": [
        ("no + 1", side("({} + 2 * padding - kernel) // stride"), "moves and places differ by one"),
        ("padding once", side("({} + padding - kernel) // stride + 1"), "so that it counts twice"),
        ("no padding", side("({} - kernel) // stride + 1"), "padding is not used"),
        ("no stride", side("{} + 2 * padding - kernel + 1"), "the stride is not used"),
        ("rounds up", side("-(-({} + 2 * padding - kernel) // stride) + 1"), "only partly in"),
        ("fraction", side("({} + 2 * padding - kernel) / stride + 1"), "a size is a whole number"),
        ("fraction of the width", {W: "(width + 2 * padding - kernel) / stride + 1"},
         "the shape of a layer with a stride"),
        ("1 inside", side("({} + 2 * padding - kernel + 1) // stride"), "it belongs after it"),
        ("no kernel", side("({} + 2 * padding) // stride"), "the kernel's size is not used"),
        ("exchanged", {"[height, width,": "[width, height,"}, "height and width are exchanged"),
        ("no bias", {COUNT: "filters * kernel * kernel * channels"}, "the biases are missing"),
        ("one bias", {COUNT: "filters * kernel**2 * channels + 1"}, "one for the whole layer"),
        ("no channels", {COUNT: "filters * (kernel**2 + 1)"}, "for every channel of its input"),
        ("bias by channel", {COUNT: "filters * channels * (kernel**2 + 1)"}, "not one for each of"),
        ("k once", {COUNT: "filters * (kernel * channels + 1)"}, "k rows and k columns"),
        ("one kernel", {COUNT: "kernel**2 * channels + 1"}, "this is one kernel of each layer"),
        ("last layer", {"+=": "="}, "only the last layer is counted"),
        ("only the shape", {"channels], parameters": "channels]"}, "instead of 2 values"),
    ],
    "conv2d": [
        ("turned", {"m] * w": "m] * w[::-1, ::-1]"}, "you turn the kernel by 180°"),
        ("no + 1", {" // s + 1": " // s"}, "the last window is missing"),
        ("windows without stride", {"i * s : i * s + k, j * s : j * s + m": "i : i + k, j : j + m"},
         "your windows move on by one pixel"),
        ("stride ignored", {"(k, m), s = w.shape, stride": "(k, m), s = w.shape, 1"},
         "the stride is not used"),
        ("mean", {"np.sum": "np.mean"}, "you take the mean over the window"),
        ("no weights", {" * w)": ")"}, "the weights are not used"),
        ("padded", {"    z = np": "    x = np.pad(x, ((0, k - 1), (0, m - 1)))\n    z = np"},
         "there is no padding here"),
        ("square kernels", {"(k, m), s = w.shape, stride": "k, m, s = len(w), len(w), stride"},
         "w need not be square"),
        ("from SciPy", "from scipy.signal import correlate2d\n"
         "def conv2d(x, w, stride):\n"
         "    return correlate2d(x, w, 'valid')[::stride, ::stride]",
         "solve this task without scipy.signal.correlate2d"),
        ("into x", {"z[i, j] =": "x[i, j] ="}, "changes its argument"),
    ],
    "conv2d_backward": [
        ("overwrites x", {"dx[window] += g[i, j] * w": "dx[window] = g[i, j] * w"},
         "you overwrite what came from the earlier ones"),
        ("overwrites w", {"dw += ": "dw = "}, "only the last window counts for w"),
        ("mean", {"dw += g[i, j] * x[window]": "dw += g[i, j] * x[window] / g.size"},
         "yours is the mean"),
        ("turned in x", {"g[i, j] * w\n": "g[i, j] * w[::-1, ::-1]\n"}, "the wrong way round"),
        ("turned in w", {"return dx, dw": "return dx, dw[::-1, ::-1]"}, "is turned by 180°"),
        ("stride forgotten", {"(k, m), s = w.shape, stride": "(k, m), s = w.shape, 1"},
         "the windows for w move on by one pixel"),
        ("stride forgotten in x", {"dx[window]": "dx[i : i + k, j : j + m]"},
         "the windows for x move on by one pixel"),
        ("exchanged", {"return dx, dw": "return dw, dx"}, "return the gradient for x first"),
        ("no g in x", {"dx[window] += g[i, j] * w": "dx[window] += w"}, "g is not used for x"),
        ("no g in w", {"dw += g[i, j] * x": "dw += x"}, "g is not used for w"),
        ("no w", {"dx[window] += g[i, j] * w": "dx[window] += g[i, j]"}, "are not used for x"),
        ("x by the chapter", "def conv2d_backward(x, w, g, stride):\n"
         "    (k, m), dw = w.shape, np.zeros(w.shape)\n"
         "    for i, j in np.ndindex(g.shape):\n"
         "        s, t = i * stride, j * stride\n"
         "        dw += g[i, j] * x[s : s + k, t : t + m]\n"
         "    padded = np.pad(g, ((k - 1, k - 1), (m - 1, m - 1)))\n"
         "    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape)\n"
         "    return np.einsum('ijuv,uv->ij', windows, w[::-1, ::-1]), dw",
         "the gradient for x is the formula for a stride of 1"),
        ("both by the chapter", "def conv2d_backward(x, w, g, stride):\n"
         "    k, m = w.shape\n"
         "    view = np.lib.stride_tricks.sliding_window_view\n"
         "    padded = np.pad(g, ((k - 1, k - 1), (m - 1, m - 1)))\n"
         "    dx = np.einsum('ijuv,uv->ij', view(padded, w.shape), w[::-1, ::-1])\n"
         "    return dx, np.einsum('ijuv,uv->ij', view(x, g.shape), g)",
         "each gradient is the formula for a stride of 1"),
        ("w by the chapter", {"return dx, dw": "return dx, np.einsum('ijuv,uv->ij', "
         "np.lib.stride_tricks.sliding_window_view(x, g.shape), g)"},
         "the gradient for w is the formula for a stride of 1"),
        ("only w", {"return dx, dw": "return dw"}, "returns two arrays, as large as x and w"),
    ],
    "pool_backward": [
        ("to all", {"da[i * size + row, j * size + column] = g":
                    "da[i * size : (i + 1) * size, j * size : (j + 1) * size] = g"},
         "all of a block get g"),
        ("average", {"da[i * size + row, j * size + column] = g[i, j]":
                     "da[i * size : i * size + size, j * size : j * size + size] = "
                     "g[i, j] / size**2"},
         "that is average pooling"),
        ("smallest", {"argmax": "argmin"}, "the smallest number of each block"),
        ("corner", {" + row": "", " + column": ""}, "the upper left corner of each block"),
        ("the value", {"= g[i, j]": "= block.max()"}, "at the winners stand the values of a"),
        ("value times g", {"= g[i, j]": "= g[i, j] * block.max()"}, "multiplied by the value"),
        ("flat", {"da[i * size + row, j * size + column]": "da.flat[block.argmax()]"},
         "argmax numbers the places within the block"),
        ("size unused", {"    da = np.zeros": "    size = 2\n    da = np.zeros"},
         "size is not used"),
        ("ones", {"= g[i, j]": "= 1"}, "at the winners stands 1"),
        ("only positive", {"= g[i, j]": "= g[i, j] * (block.max() > 0)"}, "is negative has a"),
        ("cropped", {"return da": "return da[: len(g) * size, : g.shape[1] * size]"},
         "the rows and columns at the end belong to the result"),
        ("as g", {"return da": "return g"}, "yours is as large as g"),
        ("all winners", "def pool_backward(a, g, size):\n"
         "    da = np.zeros(a.shape)\n"
         "    for i, j in np.ndindex(g.shape):\n"
         "        block = np.s_[i * size : (i + 1) * size, j * size : (j + 1) * size]\n"
         "        da[block] = g[i, j] * (a[block] == a[block].max())\n"
         "    return da", "each of them gets g"),
        ("shared", "def pool_backward(a, g, size):\n"
         "    da = np.zeros(a.shape)\n"
         "    for i, j in np.ndindex(g.shape):\n"
         "        block = np.s_[i * size : (i + 1) * size, j * size : (j + 1) * size]\n"
         "        wins = a[block] == a[block].max()\n"
         "        da[block] = g[i, j] * wins / wins.sum()\n"
         "    return da", "they share g"),
        ("last winner", {"block.argmax()": "size**2 - 1 - block.ravel()[::-1].argmax()"},
         "the last in reading order"),
        ("by columns", {"row, column = np.unravel_index(block": "column, row = np.unravel_index("
                        "block.T"}, "the first along the columns"),
    ],
    "repaired": [
        ("nothing mended", "repaired = broken", "the pixels are divided by 255 twice"),
        ("twice left", prepare(ORDER.replace("/ 255", "/ 255 / 255")), "divided by 255 twice"),
        ("test moved", prepare(ORDER, "x[order], y[order], np.roll(new, 1, axis=2) / 255 - mean"),
         "the test images are moved"),
        ("own mean", prepare(ORDER, "x[order], y[order], new / 255 - np.mean(new / 255)"),
         "centred by their own mean"),
        ("labels apart", prepare(ORDER, "x[order], y[rng.permutation(len(y))], new / 255 - mean"),
         "images and labels are apart"),
        ("labels left behind", prepare(ORDER, "x[order], y, new / 255 - mean"), "labels are apart"),
        ("test augmented", prepare(ORDER, "x[order], y[order], np.concatenate([new, np.roll(new, "
         "1, axis=2)]) / 255 - mean"), "the test set is augmented"),
        ("not augmented", prepare("x, order = x / 255 - mean, rng.permutation(len(y))"),
         "the training set is not augmented"),
        ("not shuffled", prepare(ORDER, "x, y, new / 255 - mean"), "in which they came"),
        ("mean of all", prepare("mean = np.mean(np.concatenate([x, new]) / 255); " + ORDER),
         "it may know nothing of the test"),
        ("mean of pixels", prepare("mean = np.mean(x); " + ORDER), "before they were divided"),
        ("not divided", prepare("mean = np.mean(x); " + ORDER.replace(" / 255", ""),
                                "x[order], y[order], new - mean"),
         "are not divided by 255"),
        ("not centred", prepare("mean = 0; " + ORDER), "no mean is subtracted from the test"),
        ("test shuffled", prepare(ORDER, "x[order], y[order], new[::-1] / 255 - mean"),
         "the test images are in another order"),
        ("not moved", prepare("both = np.concatenate([x, x]); " + ORDER), "no copy is moved"),
        ("no axis", prepare("both = np.concatenate([x, np.roll(x, 1)]); " + ORDER),
         "np.roll without an axis"),
        ("rotated", prepare(ORDER.replace("rng.permutation(2 * len(y))",
                                          "np.roll(np.arange(2 * len(y)), seed % 7 + 1)")),
         "only rotated"),
        ("turned around", prepare(ORDER.replace("rng.permutation(2 * len(y))",
                                                "np.arange(2 * len(y))[::-1]")), "turned around"),
        ("one order for both halves", prepare(
            "x, y, half = both / 255 - mean, np.tile(y, 2), rng.permutation(len(y)); "
            "order = np.concatenate([half, half + len(half)])"), "in one and the same order"),
        ("copy beside its original", prepare(
            "x, y, half = both / 255 - mean, np.tile(y, 2), rng.permutation(len(y)); "
            "order = np.stack([half, half + len(half)], 1).ravel()"), "beside its original"),
        ("seed unused", prepare("rng = np.random.default_rng(0); " + ORDER), "seed is not used"),
        ("no seed", prepare("rng = np.random.default_rng(); " + ORDER), "another order each time"),
        ("classes for all", prepare(ORDER, "x[order], np.sort(y)[order] * 0, new / 255 - mean"),
         "labels are lost"),
        ("two arrays", prepare(ORDER, "x[order], y[order]"), "instead of 3 values"),
    ],
    "receptive_field": [
        ("product", "def receptive_field(layers):\n"
         "    return int(np.prod([kernel for kernel, _ in layers]))", "the sides are multiplied"),
        ("sum", "def receptive_field(layers):\n"
         "    return sum(kernel for kernel, _ in layers)", "the sides are added"),
        ("no strides", {"        step *= stride\n": ""}, "the strides are not used"),
        ("stride too early", {"        side += (kernel - 1) * step\n        step *= stride\n":
                              "        step *= stride\n        side += (kernel - 1) * step\n"},
         "a stride acts on the layers after its own"),
        ("backward rule forward", {"        side += (kernel - 1) * step\n        step *= stride\n":
                                   "        side = (side - 1) * stride + kernel\n"},
         "begins at the last one"),
        ("own stride", {"(kernel - 1) * step": "(kernel - 1) * stride"},
         "each layer's own stride widens it"),
        ("k distances", {"(kernel - 1) * step": "kernel * step"}, "adds k − 1 distances, not k"),
        ("area", {"return side": "return side**2"}, "this is an area"),
        ("last layer", {"return side": "return layers[-1][0]"}, "only the last layer"),
        ("no memory", {"step *= stride": "step = stride"}, "the strides multiply"),
        ("begins at 0", {"side, step = 1, 1": "side, step = 0, 1"}, "the 1 is missing"),
    ],
    "influence": [
        ("one row", {"size=(100, length)": "size=(1, length)"}, "ry many rows"),
        ("zeros", {"np.random.default_rng(0).normal(size=(100, length))": "-np.ones((1, length))"},
         "ry many rows"),
        ("by the weights alone", "def influence(kernels, strides, length, at):\n"
         "    seen = {at}\n"
         "    for w, s in list(zip(kernels, strides))[::-1]:\n"
         "        seen = {i * s + u for i in seen for u in range(len(w)) if w[u] != 0}\n"
         "    return np.array([pixel in seen for pixel in range(length)])",
         "Weights alone do not tell"),
        ("no negative pixel", {".normal(size=(100, length))": ".random((400, length)) * 5"},
         "random numbers of both signs"),
        ("impulse on zeros", {"np.random.default_rng(0).normal(size=(100, length))":
                              "np.zeros((2, length))", "x + np.eye(length)[pixel]":
                              "x + np.array([[1], [-1]]) * np.eye(length)[pixel]"},
         "pixels are missed that can only make this output smaller"),
        ("whole field", "def influence(kernels, strides, length, at):\n"
         "    first, last = at, at\n"
         "    for w, stride in list(zip(kernels, strides))[::-1]:\n"
         "        first, last = first * stride, last * stride + len(w) - 1\n"
         "    return np.array([first <= p <= last for p in range(length)])",
         "this is the whole receptive field"),
        ("output 0", {"[:, at]": "[:, 0]"}, "these are the pixels of output 0"),
        ("any output", {"[:, at]": ""}, "change any of the outputs"),
        ("how much", {"np.abs(after - before).max() > 1e-9": "np.abs(after - before).max()"},
         "not by how much"),
        ("exchanged", {"> 1e-9": "< 1e-9"}, "True and False are exchanged"),
        ("too many", {"np.array(moves)": "np.array(moves) | (np.arange(length) == length - 1)"},
         "some pixels are counted"),
        ("numbers of pixels", {"np.array(moves)": "np.flatnonzero(moves)"}, "an array of shape"),
        ("dead", {"np.random.default_rng(0).normal(size=(100, length))": "np.zeros((1, length))",
                  "changed = x +": "changed = x - 0 *"}, "nothing moves in your experiment"),
    ],
    "order": [
        ("sign", lines("DHBGAFLCI"), "the error has the wrong sign"),
        ("gate of the gradient", lines("DHBKAELCI"), "what counts is the ReLU's input"),
        ("times the output", lines("DHBKAJLCI"), "its slope there is 1"),
        ("v first", lines("DHBKLAFCI"), "v is changed before the error passes back"),
        ("no step of v", lines("DHBKAFCI"), "lines are missing"),
        ("no step of w", lines("DHBKAFLI"), "lines are missing"),
        ("two lines", lines("DH"), "lines are missing"),
        ("return before v", lines("DHBKAFCIL"), "v does not move"),
        ("return before w", lines("DHBKAFLIC"), "w does not move"),
        ("return too early", lines("DHBKAFILC"), "nothing moves"),
        ("no gate", lines("DHBKALCI"), "lines are missing"),
        ("gate too late", lines("DHBKALCFI"), "line C fails in this order"),
        ("error before map", lines("DHKBAFLCI"), "line K fails in this order"),
        ("map before convolution", lines("DBHKAFLCI"), "line B fails in this order"),
        ("no return", lines("DHBKAFLC"), "lines are missing"),
        ("no def", lines("HBKAFLCI"), "is not valid Python"),
        ("a text", "order = 'DHBKAFLCI'", "write a list of labels"),
    ],
}  # fmt: skip

RIGHT = {
    "summary": [
        ("counted", {H: "len(range(0, height + 2 * padding - kernel + 1, stride))"}),
        ("product and biases", {COUNT: "kernel**2 * channels * filters + filters"}),
        ("floor", {H: "int(np.floor((height + 2 * padding - kernel + stride) / stride))"}),
    ],
    "conv2d": [
        ("windows", "def conv2d(x, w, stride):\n"
         "    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)\n"
         "    return np.einsum('ijuv,uv->ij', windows[::stride, ::stride], w)"),
        ("four loops", "def conv2d(x, w, stride):\n"
         "    rows = range(0, x.shape[0] - w.shape[0] + 1, stride)\n"
         "    columns = range(0, x.shape[1] - w.shape[1] + 1, stride)\n"
         "    return np.array([[sum(x[i + u, j + v] * w[u, v] for u in range(len(w))\n"
         "        for v in range(w.shape[1])) for j in columns] for i in rows])"),
        ("float32", {"return z": "return z.astype(np.float32)"}),
        ("Fortran order", {"return z": "return np.asfortranarray(z)"}),
    ],
    "conv2d_backward": [
        ("loops over the kernel", "def conv2d_backward(x, w, g, stride):\n"
         "    dx, dw = np.zeros_like(x), np.zeros_like(w)\n"
         "    for u, v in np.ndindex(w.shape):\n"
         "        met = np.s_[u : u + g.shape[0] * stride : stride,\n"
         "                    v : v + g.shape[1] * stride : stride]\n"
         "        dw[u, v] = np.sum(x[met] * g)\n"
         "        dx[met] += w[u, v] * g\n"
         "    return dx, dw"),
        ("a list", {"return dx, dw": "return [dx, dw.astype(np.float32)]"}),
    ],
    "pool_backward": [
        ("plain loops", "def pool_backward(a, g, size):\n"
         "    da = a * 0\n"
         "    for i in range(len(g)):\n"
         "        for j in range(len(g[0])):\n"
         "            best = None\n"
         "            for p in range(i * size, (i + 1) * size):\n"
         "                for q in range(j * size, (j + 1) * size):\n"
         "                    if best is None or a[p, q] > a[best]:\n"
         "                        best = p, q\n"
         "            da[best] = g[i, j]\n"
         "    return da"),
        ("as in the chapter", "def pool_backward(a, g, size):\n"
         "    h, w = size * g.shape[0], size * g.shape[1]\n"
         "    parts = [a[u:h:size, v:w:size] for u in range(size) for v in range(size)]\n"
         "    da, free = np.zeros_like(a), np.ones(g.shape, bool)\n"
         "    for n, part in enumerate(parts):\n"
         "        wins = free & (part == np.max(parts, 0))\n"
         "        da[n // size : h : size, n % size : w : size] = wins * g\n"
         "        free &= ~wins\n"
         "    return da"),
    ],
    "repaired": [
        ("mended one by one", "def repaired(x_train, y_train, x_test, seed):\n"
         "    rng = np.random.default_rng(seed)\n"
         "    x_train, x_test = x_train / 255, x_test / 255\n"
         "    mean = x_train.mean()\n"
         "    x_train = np.concatenate([x_train, np.roll(x_train, 1, axis=2)])\n"
         "    y_train = np.concatenate([y_train, y_train])\n"
         "    order = rng.permutation(len(x_train))\n"
         "    return x_train[order] - mean, y_train[order], x_test - mean"),
        ("same seed twice", prepare("x = np.random.default_rng(seed).permutation(both / 255 - mean)"
         "; y = np.random.default_rng(seed).permutation(np.tile(y, 2))", "x, y, new / 255 - mean")),
        ("RandomState", {"default_rng": "RandomState"}),
        ("copies beside", prepare("both = np.stack([x, np.roll(x, 1, axis=2)], 1).reshape(-1, "
         "*x.shape[1:]); x, y, order = both / 255 - mean, np.repeat(y, 2), "
         "rng.permutation(2 * len(y))")),
    ],
    "receptive_field": [
        ("from the end", "def receptive_field(layers):\n"
         "    side = 1\n"
         "    for kernel, stride in layers[::-1]:\n"
         "        side = (side - 1) * stride + kernel\n"
         "    return side"),
        ("array", {"return side": "return np.array(side, np.int32)"}),
    ],
    "influence": [
        ("pixel by pixel", "def influence(kernels, strides, length, at):\n"
         "    rng = np.random.default_rng(1)\n"
         "    moves = np.zeros(length)\n"
         "    for row in rng.uniform(-5, 5, (300, length)):\n"
         "        before = network(row, kernels, strides)[at]\n"
         "        for pixel in np.flatnonzero(moves == 0):\n"
         "            changed = row.copy()\n"
         "            changed[pixel] = rng.uniform(-5, 5)\n"
         "            moves[pixel] = network(changed, kernels, strides)[at] != before\n"
         "    return moves"),
        ("more rows", {"size=(100,": "size=(400,"}),
    ],
    "order": [
        ("another order that works", lines("DHBKAFCLI")),
        ("v between", lines("DHBKALFCI")),
    ],
}  # fmt: skip
