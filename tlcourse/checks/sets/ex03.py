"""A CNN from scratch.

Checks of exercise set 03, on chapter 03.
"""

from itertools import combinations, product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tlcourse.checks import agrees, assemble, holds, numbers, task
from tlcourse.checks.references import slopes

EDITION = 2


def _apart(rng, *shape: int) -> np.ndarray:
    """Numbers with one decimal, at least a half away from 0."""
    x = numbers(rng, *shape)
    return x + np.where(x < 0, -0.5, 0.5)


def _units(shape: tuple) -> np.ndarray:
    """For each place of an array one array of this shape that is 1 there and else 0."""
    return np.eye(np.prod(shape, dtype=int)).reshape(-1, *shape)


def _like(name: str, got, *shapes: tuple, mistakes: dict | None = None):
    """Whether `got` holds arrays of these shapes, whatever their values; of one shape, one array.

    `mistakes` holds the shapes that well-known wrong ways would have given, by message.
    """

    def zeros(shapes):
        return np.zeros(shapes[0]) if len(shapes) == 1 else [np.zeros(s) for s in shapes]

    wrong = {message: zeros(of_wrong) for message, of_wrong in (mistakes or {}).items()}
    return agrees(name, got, zeros(shapes), wrong, rtol=np.inf, atol=np.inf)


# --- shapes and parameters -----------------------------------------------------------------------


def _measured(shape: list[int], layers: list[list[int]]) -> tuple[list[int], list[int]]:
    """The output's shape and each layer's parameters, from zeros that run through the network."""
    x, parameters = np.zeros(shape), []
    for filters, k, stride, p in layers:
        weights, biases = np.zeros((k, k, x.shape[2], filters)), np.zeros(filters)
        x = sliding_window_view(np.pad(x, ((p, p), (p, p), (0, 0))), (k, k), (0, 1))
        x = np.zeros((*x[::stride, ::stride].shape[:2], filters))
        parameters.append(weights.size + biases.size)
    return list(x.shape), parameters


_WRONG_SIDES = {
    "the 1 is added before the division; it belongs after it": (
        lambda n, k, s, p: (n + 2 * p - k + 1) // s
    ),
    "the window's first place is missing: moves and places differ by one": (
        lambda n, k, s, p: (n + 2 * p - k) // s
    ),
    "padding is put on both sides, so that it counts twice": lambda n, k, s, p: (
        (n + p - k) // s + 1
    ),
    "padding is not used": lambda n, k, s, p: (n - k) // s + 1,
    "the stride is not used": lambda n, k, s, p: n + 2 * p - k + 1,
    "a window that lies only partly in the image does not count: round down": (
        lambda n, k, s, p: -((k - n - 2 * p) // s) + 1
    ),
    "a size is a whole number: round the quotient down": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
    "the kernel's size is not used: a window needs k pixels": lambda n, k, s, p: (n + 2 * p) // s,
}
_WRONG_COUNTS = {
    "the biases are missing: one for each kernel": lambda f, k, c: f * k * k * c,
    "each kernel has a bias of its own; you count one for the whole layer": (
        lambda f, k, c: f * k * k * c + 1
    ),
    "a kernel has weights for every channel of its input": lambda f, k, c: f * (k * k + 1),
    "there is one bias for a kernel, not one for each of its channels": (
        lambda f, k, c: f * c * (k * k + 1)
    ),
    "a kernel has k rows and k columns": lambda f, k, c: f * (k * c + 1),
    "this is one kernel of each layer, and there are several": lambda f, k, c: k * k * c + 1,
}


@task(
    "At how many places can a window of 3 pixels stand in a row of 7? And if it moves by 2?",
    "First how many pixels there are with the padding on both sides, then how often the window "
    "can move on. For the parameters: how many numbers does one kernel hold, over all channels?",
    "The window's left edge may stand on pixel 0, s, 2s, … up to (padded size − k): count these. "
    "One kernel has k · k weights for each channel of its input, and one bias.",
    forbids=(
        "keras.layers.Conv2D",
        "keras.layers.Convolution2D",
        "tensorflow.layers.Conv2D",
        "tensorflow.layers.conv2d",
        "torch.nn.Conv2d",
        "flax.linen.Conv",
    ),
    edition=2,
)
def summary(answer, rng):
    """Shapes and parameters of a stack of convolutions."""
    filters, k, stride, more = (int(rng.integers(2, high)) for high in (6, 5, 4, 6))
    channels = k + int(rng.choice([-1, 1]))
    sides = [k + stride * more + 1, k + stride * (more + 1)]  # one divides, one does not
    stack = [[filters, k, 1, 0], [filters + 3, 5, stride, k + 1], [channels, 2, 1, 1]]
    for name, layers, (height, width) in (
        ("one layer", [[filters, k, 1, 0]], sides),
        ("a layer with a stride", [[filters, k, stride, 0]], sides),
        ("a layer with a stride", [[filters, k, stride, 0]], sides[::-1]),
        ("a layer with padding", [[filters, k, 1, 2]], sides),
        ("a layer with both", [[filters, k, stride, 1]], sides),
        ("three layers", stack, sides),
        ("a layer with a stride", [[filters, 5, 3, 0]], [10, 12]),  # 2/3 of a step is left, and 1/3
    ):
        shape = [height, width, channels]
        out, parameters = _measured(shape, layers)
        got = answer(shape, layers)
        yield agrees("returns a shape and a number", got, [out, 0], rtol=np.inf, atol=np.inf)
        wrong = {}
        for message, rule in _WRONG_SIDES.items():
            sides = shape[:2]
            for _, *of_layer in layers:
                sides = [rule(n, *of_layer) for n in sides]
            wrong[message] = [*sides, out[2]]
        wrong["height and width are exchanged"] = [out[1], out[0], out[2]]
        yield agrees(f"the shape of {name}", got[0], out, wrong, rtol=1e-9)
        depths = [channels, *(layer[0] for layer in layers)]
        wrong = {
            message: sum(rule(f, k, c) for (f, k, *_), c in zip(layers, depths, strict=False))
            for message, rule in _WRONG_COUNTS.items()
        }
        wrong["only the last layer is counted: add up all of them"] = parameters[-1]
        total = sum(parameters)
        yield agrees(f"the parameters of {name}", got[1], total, wrong, rtol=1e-9)


# --- convolution ---------------------------------------------------------------------------------


def _correlate(x: np.ndarray, w: np.ndarray, stride: int = 1) -> np.ndarray:
    """What is asked for, by way of the Fourier transform."""
    z = np.fft.ifft2(np.fft.fft2(x) * np.fft.fft2(w, x.shape).conj()).real
    rows, columns = (n - k + 1 for n, k in zip(x.shape, w.shape, strict=True))
    return z[:rows:stride, :columns:stride]


def _beside(x: np.ndarray, w: np.ndarray, shape: tuple) -> np.ndarray:
    """As many results as with the stride, of windows that lie side by side without it."""
    return _correlate(x, w)[: shape[0], : shape[1]]


_SIZES = (  # of the image, of the kernel, and the stride
    ((4, 3), (3, 1), 1),
    ((4, 6), (3, 2), 1),
    ((6, 8), (3, 2), 2),
    ((9, 8), (2, 3), 3),
)
_CONVOLUTIONS = (
    "scipy.signal.correlate2d",
    "scipy.signal.convolve2d",
    "scipy.signal.correlate",
    "scipy.signal.convolve",
    "scipy.signal.fftconvolve",
    "scipy.ndimage.correlate",
    "scipy.ndimage.convolve",
    "keras.ops.conv",
    "keras.layers.Conv2D",
    "scipy.signal.oaconvolve",
    "scipy.signal.deconvolve",
    "keras.ops.conv_transpose",
    "keras.ops.depthwise_conv",
    "keras.ops.separable_conv",
    "keras.ops.nn.conv",
    "keras.backend.conv",
    "keras.layers.Convolution2D",
    "keras.layers.Conv2DTranspose",
    "keras.layers.Convolution2DTranspose",
    "keras.layers.DepthwiseConv2D",
    "keras.layers.SeparableConv2D",
    "keras.layers.SeparableConvolution2D",
    "keras.layers.Conv3D",
    "keras.layers.Convolution3D",
    "keras.layers.ConvLSTM2D",
    "tensorflow.nn.conv2d",
    "tensorflow.nn.conv2d_v2",
    "tensorflow.nn.convolution",
    "tensorflow.nn.conv2d_transpose",
    "tensorflow.nn.conv_transpose",
    "tensorflow.nn.atrous_conv2d",
    "tensorflow.nn.atrous_conv2d_transpose",
    "tensorflow.nn.depthwise_conv2d",
    "tensorflow.nn.separable_conv2d",
    "tensorflow.nn.conv3d",
    "tensorflow.nn.conv2d_backprop_filter",
    "tensorflow.nn.conv2d_backprop_input",
    "tensorflow.nn.depthwise_conv2d_native",
    "tensorflow.nn.depthwise_conv2d_backprop_filter",
    "tensorflow.nn.depthwise_conv2d_backprop_input",
    "tensorflow.nn.depthwise_conv2d_native_backprop_filter",
    "tensorflow.nn.depthwise_conv2d_native_backprop_input",
    "tensorflow.nn.quantized_conv2d",
    "tensorflow.conv",
    "tensorflow.conv2d_backprop_filter_v2",
    "tensorflow.conv2d_backprop_input_v2",
    "tensorflow.layers.Conv2D",
    "tensorflow.layers.conv2d",
    "tensorflow.raw_ops.Conv",
    "tensorflow.raw_ops.Conv2D",
    "tensorflow.raw_ops.Conv2DBackpropFilter",
    "tensorflow.raw_ops.Conv2DBackpropFilterV2",
    "tensorflow.raw_ops.Conv2DBackpropInput",
    "tensorflow.raw_ops.Conv2DBackpropInputV2",
    "tensorflow.raw_ops.Conv3D",
    "tensorflow.raw_ops.DepthwiseConv2dNative",
    "torch.conv2d",
    "torch.nn.Conv2d",
    "torch.nn.functional.conv2d",
    "torch.conv_transpose2d",
    "torch.nn.ConvTranspose2d",
    "torch.convolution",
    "torch.nn.grad.conv2d_input",
    "torch.nn.grad.conv2d_weight",
    "jax.lax.conv",
    "jax.lax.conv_general_dilated",
    "jax.lax.conv_with_general_padding",
    "jax.lax.conv_transpose",
    "flax.linen.Conv",
    "cv2.filter2D",
)
_AUTODIFF = (
    "tlcourse.autodiff.gradient",
    "tensorflow.GradientTape",
    "tensorflow.gradients",
    "tensorflow.autodiff.ForwardAccumulator",
    "tensorflow.raw_ops.MaxPoolGrad",
    "tensorflow.raw_ops.MaxPoolGradWithArgmax",
    "torch.autograd",
    "torch.func.grad",
    "torch.func.vjp",
    "torch.func.jacrev",
    "torch.func.jacfwd",
    "torch.nn.functional.max_unpool2d",
    "torch.nn.MaxUnpool2d",
    "jax.grad",
    "jax.value_and_grad",
    "jax.vjp",
    "jax.jvp",
    "jax.jacrev",
    "jax.jacfwd",
    "jax.jacobian",
    "jax.linearize",
)


@task(
    "Which rows and columns of x meet the kernel when it computes z[1, 2], with a stride of 3?",
    "One loop over the rows of z and one over its columns. For each of them: cut the window out "
    "of x, multiply it by w element by element, and add up.",
    "Row i of z looks at the k rows of x from i · stride on, and column j at the l columns from "
    "j · stride on. The kernel is not turned.",
    forbids=_CONVOLUTIONS,
    edition=2,
)
def conv2d(answer, rng):
    """Convolution of one image and one kernel."""
    for size, kernel, stride in _SIZES:
        x, w = _apart(rng, *size), _apart(rng, *kernel)
        z, plain = _correlate(x, w, stride), _correlate(x, w)
        got = answer(x, w, stride)
        shapes = {
            "there is no padding here: only windows that lie wholly in the image count": (size,),
            "the last window is missing in both directions": (tuple(n - 1 for n in z.shape),),
            "w need not be square: it has w.shape[0] rows and w.shape[1] columns": (
                tuple((n - kernel[0]) // stride + 1 for n in size),
            ),
        }
        if stride > 1:
            shapes["the stride is not used"] = (plain.shape,)
            shapes["a window that lies only partly in the image does not count"] = (
                tuple(-(-n // stride) for n in size),
            )
        yield _like("has a place for each window", got, z.shape, mistakes=shapes)
        yield agrees(
            "follows the formula with a stride" if stride > 1 else "follows the formula",
            got,
            z,
            {
                "you turn the kernel by 180°; here it lies on the window as it is": (
                    _correlate(x, w[::-1, ::-1], stride)
                ),
                "there are as many results as the stride leaves, but your windows move on by one "
                "pixel": _beside(x, w, z.shape),
                "you take the mean over the window; the formula adds up": z / w.size,
                "the weights are not used: this is the sum of each window": (
                    _correlate(x, np.ones_like(w), stride)
                ),
            },
        )


def _loss(x, w, g, stride):
    """A loss whose gradient for z is g."""
    return np.sum(g * _correlate(x, w, stride))


def _loss_beside(x, w, g):
    return np.sum(g * _beside(x, w, g.shape))


def _last_only(x, w, g, stride):
    """What arrives at each pixel from the last window alone that it is part of."""
    places = np.indices(x.shape)
    window = [np.minimum(p // stride, n - 1) for p, n in zip(places, g.shape, strict=True)]
    at = [p - stride * i for p, i in zip(places, window, strict=True)]
    inside = (at[0] < w.shape[0]) & (at[1] < w.shape[1])
    return np.where(inside, g[tuple(window)] * np.pad(w, ((0, 9), (0, 9)))[tuple(at)], 0)


@task(
    "If x[p, q] grows by a little, which numbers of z change, and by how much each?",
    "Go through the windows of the forward pass once more. g[i, j] is about one window: what "
    "does it say about the pixels in it, and what about the weights?",
    "z[i, j] is a sum of products, pixel times weight. So each pixel of that window receives "
    "g[i, j] times its weight, each weight g[i, j] times its pixel; and what arrives from several "
    "windows is added up.",
    forbids=(*_CONVOLUTIONS, *_AUTODIFF),
    edition=2,
)
def conv2d_backward(answer, rng):
    """The gradients of a convolution for its image and its kernel."""
    for size, kernel, stride in _SIZES:
        x, w = _apart(rng, *size), _apart(rng, *kernel)
        g = _apart(rng, *_correlate(x, w, stride).shape)
        given, ones = (x, w, g, stride), (x, w, np.ones_like(g), stride)
        dx, dw = slopes(_loss, 0, *given), slopes(_loss, 1, *given)
        got = answer(*given)
        shapes = {"return the gradient for x first and that for w second": (kernel, size)}
        if stride > 1:  # what the formulas of chapter 03 give
            full = tuple(n + k - 1 for n, k in zip(g.shape, kernel, strict=True))
            valid = tuple(n - k + 1 for n, k in zip(size, g.shape, strict=True))
            only_one = "is the formula for a stride of 1; here neighbours in g are `stride` apart"
            shapes |= {
                f"the gradient for x {only_one}": (full, kernel),
                f"the gradient for w {only_one}": (size, valid),
                f"each gradient {only_one}": (full, valid),
            }
        yield _like("returns two arrays, as large as x and w", got, size, kernel, mistakes=shapes)
        i, j = (stride * (n - 1) for n in g.shape)
        yield agrees(
            "the gradient for w agrees with the slopes measured by small steps",
            got[1],
            dw,
            {
                "a weight meets every window, and what comes from each is added up; yours is the "
                "mean": dw / g.size,
                "only the last window counts for w: add up what comes from all": (
                    g[-1, -1] * x[i : i + kernel[0], j : j + kernel[1]]
                ),
                "the gradient for w is turned by 180°": dw[::-1, ::-1],
                "the windows for w move on by one pixel; use the stride": (
                    slopes(_loss_beside, 1, x, w, g)
                ),
                "g is not used for w: each window is still to be multiplied by its g": (
                    slopes(_loss, 1, *ones)
                ),
            },
            rtol=1e-3,
            atol=1e-4,
        )
        yield agrees(
            "the gradient for x agrees with the slopes measured by small steps",
            got[0],
            dx,
            {
                "a pixel is part of several windows, and collects from each: you overwrite what "
                "came from the earlier ones": _last_only(*given),
                "the kernel lies the wrong way round in the gradient for x: pixel (u, v) of a "
                "window met weight (u, v)": slopes(_loss, 0, x, w[::-1, ::-1], g, stride),
                "the windows for x move on by one pixel; use the stride": (
                    slopes(_loss_beside, 0, x, w, g)
                ),
                "g is not used for x: multiply the weights of each window by its g": (
                    slopes(_loss, 0, *ones)
                ),
                "the weights are not used for x: a pixel receives g times its weight": (
                    slopes(_loss, 0, x, np.ones_like(w), g, stride)
                ),
                "you take the mean over the windows for x; add up": dx / g.size,
            },
            rtol=1e-3,
            atol=1e-4,
        )


# --- max-pooling ---------------------------------------------------------------------------------


def _pooled(a: np.ndarray, size: int, reduce=np.max) -> np.ndarray:
    """One number for each whole block."""
    blocks = sliding_window_view(a, (size, size))[::size, ::size]
    return reduce(blocks.reshape(*blocks.shape[:2], -1), axis=2)


def _pooled_loss(a, g, size, reduce=np.max):
    """A loss whose gradient for the pooled map is g."""
    return np.sum(g * _pooled(a, size, reduce))


@task(
    "If a number that is not the largest of its block grows by a little, does the result change?",
    "Go through the blocks. Find the place of the largest number in each, put g of this block "
    "there, and leave all the rest at zero.",
    "argmax of a block gives the number of its first largest element in reading order; from that "
    "number come its row and its column in the block (numpy.unravel_index), and from the block's "
    "corner its place in the map.",
    forbids=_AUTODIFF,
    edition=2,
)
def pool_backward(answer, rng):
    """Where the gradient of max-pooling goes."""
    for h, w, size in ((2, 2, 2), (4, 6, 2), (5, 7, 2), (8, 7, 3), (9, 13, 4)):
        first = np.zeros((size, size))
        while 0 in (first.argmin(), first.argmax()):  # its corner is neither
            a = (rng.permutation(h * w).reshape(h, w) - h * w // 3 + 0.5) / 5
            first = a[:size, :size]
        first -= h * w  # a block of negative numbers
        g = _apart(rng, h // size, w // size)
        right, total, mean, least = (
            slopes(_pooled_loss, 0, a, g, size, reduce)
            for reduce in (np.max, np.sum, np.mean, np.min)
        )
        corner = np.zeros((h, w))
        corner[: h // size * size : size, : w // size * size : size] = g
        pairs, flat = np.zeros((h, w)), np.zeros((h, w))
        part = np.s_[: 2 * g.shape[0], : 2 * g.shape[1]]
        pairs[part] = slopes(_pooled_loss, 0, a[part], g, 2)
        for i, j in np.ndindex(g.shape):
            block = a[i * size : (i + 1) * size, j * size : (j + 1) * size]
            flat.flat[block.argmax()] = g[i, j]
        got = answer(a, g, size)
        whole = (h // size * size, w // size * size)
        shapes = {
            "the rows and columns at the end belong to the result too; their gradient is 0": (
                whole,
            ),
            "the gradient for a is as large as a; yours is as large as g": (g.shape,),
        }
        yield _like("is as large as the map", got, (h, w), mistakes=shapes)
        yield agrees(
            "agrees with the slopes measured by small steps",
            got,
            right,
            {
                "all of a block get g; only its largest number does": total,
                "g is spread evenly over the block: that is average pooling": mean,
                "the smallest number of each block gets g": least,
                "g stands in the upper left corner of each block, not at its largest number": (
                    corner
                ),
                "at the winners stand the values of a; g belongs there": np.where(right, a, 0),
                "g is multiplied by the value of the winner": right * a,
                "at the winners stands 1; g belongs there": (right != 0) * 1.0,
                "a block whose largest number is negative has a winner as well": (
                    np.where(a > 0, right, 0)
                ),
                "argmax numbers the places within the block, not those of the map: make a row and "
                "a column of the block of it first": flat,
                "size is not used: yours are always blocks of 2 × 2": pairs,
            },
        )
    for h, w, size in ((2, 4, 2), (5, 6, 2), (7, 6, 3)):
        a = rng.integers(0, 2, (h, w)) * 1.0
        a[:size, : 2 * size] = np.repeat([[0, 3]], size, 1)  # all equal, and all but one
        a[0, size] = 0
        g = _apart(rng, h // size, w // size)
        later = 1e-3 * np.arange(h * w).reshape(h, w)
        below = 1e-3 * np.arange(h * w).reshape(w, h).T
        first, last, column = (
            slopes(_pooled_loss, 0, a + few, g, size, h=1e-5) for few in (-later, later, -below)
        )
        now = _pooled_loss(a, g, size)
        every = [_pooled_loss(a + one, g, size) - now for one in _units(a.shape)]
        every = np.reshape(every, a.shape)
        shared = every / np.pad(
            np.kron(_pooled(every != 0, size, np.sum), np.ones((size, size))),
            ((0, h % size), (0, w % size)),
            constant_values=1,
        )
        yield agrees(
            "among equal numbers the first in reading order gets g",
            answer(a, g, size),
            first,
            {
                "some numbers of a block are equally large, and each of them gets g; only the "
                "first does": every,
                "some numbers of a block are equally large, and they share g; the first gets all": (
                    shared
                ),
                "among equal numbers the last in reading order gets g": last,
                "reading order goes along the rows; among equal numbers yours is the first along "
                "the columns": column,
                "a block of zeros has a winner as well: its first number": np.where(
                    a > 0, first, 0
                ),
            },
        )


# --- the data of a classifier --------------------------------------------------------------------


def _sorted(images: np.ndarray) -> np.ndarray:
    """The images in an order that depends on their pixels alone."""
    return np.array(sorted(images.tolist()))


def _same(images: np.ndarray, others: np.ndarray) -> bool:
    return images.shape == others.shape and np.allclose(images, others, 1e-4, 1e-6)


def _fault(got: np.ndarray, images: dict, means: dict) -> str:
    """The first of the faults, by message, that together make `got`; "" if none are known."""
    twice, never = "the pixels are divided by 255 twice", "the pixels are not divided by 255"
    scales = {  # of the pixels and of the mean
        (255, 255): "",
        (255**2, 255): twice,
        (255**2, 255**2): twice,
        (1, 1): never,
        (1, 255): never,
        (255, 1): "the mean is that of the pixels before they were divided by 255",
    }
    for (scale, a), (b, x), (c, mean) in product(scales.items(), images.items(), means.items()):
        if _same(got, x / scale[0] - mean / scale[1]):
            return a or b or c
    return ""


def _moved(images: np.ndarray) -> np.ndarray:
    return np.roll(images, 1, axis=2)


@task(
    "Which of the pixels that come back are as dark or as bright as they should be? And does the "
    "bright image still have label 2?",
    "There are four faults: something is done twice, something is drawn twice, and the test "
    "images get two things that they should not get.",
    "One order for images and labels; one division by 255; augmentation is for training alone; "
    "and what is subtracted from the test images is known before one has seen them.",
    edition=2,
)
def repaired(answer, rng):
    """The preparation of training and test data, repaired."""
    for n, m, h, w in ((2, 1, 2, 4), (20, 6, 4, 5)):
        x, new = (rng.integers(0, 256, (count, h, w)) * 1.0 for count in (n, m))
        x[:, 0, 0], x[:, 0, 1] = rng.permutation(100)[:n], 200  # no two alike, nor when moved
        new[:, 0, 0], new[:, 0, 1] = rng.permutation(100)[:m], 210
        y, seed = rng.permutation(n) % 10, int(rng.integers(1000))
        got = answer(x, y, new, seed)
        trained, tested = (2 * n, h, w), (m, h, w)
        shapes = {
            "the training set is not augmented: N images are left": ((n, h, w), (n,), tested),
            "the copies have no labels": (trained, (n,), tested),
            "the test set is augmented; augmentation is for training alone": (
                (trained, (2 * n,), (2 * m, h, w))
            ),
        }
        name = "returns 2N images, 2N labels, and M test images"
        yield _like(name, got, trained, (2 * n,), tested, mistakes=shapes)
        x_train, y_train, x_test = got

        right = (new - x.mean()) / 255
        why = _fault(
            x_test,
            {
                "": new,
                "the test images are moved; augmentation is for training alone": _moved(new),
                "the test images are moved (along no axis); augmentation is for training alone": (
                    np.roll(new, 1)
                ),
            },
            {
                "": x.mean(),
                "the test images are centred by their own mean; subtract that of the training "
                "pixels": new.mean(),
                "the mean is of training and test images together; it may know nothing of the "
                "test": np.concatenate([x, new]).mean(),
                "no mean is subtracted from the test images": 0,
            },
        )
        if _same(_sorted(x_test), _sorted(right)):
            why = "the test images are in another order: their labels would no longer fit"
        yield holds("the test images are only scaled and centred", _same(x_test, right), why)

        both = np.concatenate([x, _moved(x)])
        right = (both - x.mean()) / 255
        stacks = {
            "": both,
            "no copy is moved: to the right is along axis 2": [x, x],
            "the originals are gone: only moved copies are left": [_moved(x), _moved(x)],
            "the copies are moved to the left": [x, np.roll(x, -1, axis=2)],
            "np.roll without an axis moves pixels from row to row and from image to image; to the "
            "right is along axis 2": [x, np.roll(x, 1)],
            "the copies are moved down; to the right is along axis 2": [x, np.roll(x, 1, axis=1)],
        }
        why = _fault(
            _sorted(x_train),
            {message: _sorted(np.reshape(stack, trained)) for message, stack in stacks.items()},
            {"": x.mean(), "no mean is subtracted from the training images": 0},
        )
        name = "every training image is there, and a copy that is moved to the right"
        yield holds(name, _same(_sorted(x_train), _sorted(right)), why)

        distances = np.abs(x_train[:, None] - right[None]).sum((2, 3))
        order = distances.argmin(1)
        why = "images and labels are apart: both need the same order"
        fits = np.array_equal(y_train, np.tile(y, 2)[order])
        same = np.array_equal(np.sort(y_train), np.sort(np.tile(y, 2)))
        yield holds("each image has its label", fits, why if same else "labels are lost")
    unmoved = np.sum(order == np.arange(2 * n))
    why = "the training images lie in the order in which they came"
    if unmoved < 2 * n:
        why = f"{unmoved} of the {2 * n} training images lie where they came: shuffle all of them"
    yield holds("the training images are shuffled", unmoved < 12, why)
    image = order % n
    steps = np.diff(order) % (2 * n)
    why = ""
    for message, is_so in {  # none of these happens to a random order once in a million times
        "the images are only rotated or turned around: draw an order of all 2N": any(
            (steps == step).all() for step in (1, 2 * n - 1)
        ),
        "most images have the neighbours that they had before: draw an order of all 2N": (
            np.isin(steps, (1, 2 * n - 1)).sum() > 14
        ),
        "originals and copies lie in one and the same order, one half after the other: draw an "
        "order of all 2N": (image[:n] == image[n:]).sum() > 10,
        "each copy lies beside its original: shuffle after augmenting, in an order of all 2N": any(
            (pairs[::2] == pairs[1::2]).sum() > 10 for pairs in (image, np.roll(image, 1))
        ),
        "originals and copies are not mixed, one half comes after the other: draw an order of all "
        "2N": np.sum(order[:n] < n) in (0, 1, n - 1, n),
        "the images are sorted by their labels: draw an order of all 2N": (
            np.sum(np.diff(y_train) >= 0) > 2 * n - 3
        ),
    }.items():
        why = why or (message if is_so else "")
    yield holds("any order of the 2N images may come", not why, why)
    again = answer(x, y, new, seed)
    others = {seed: x_train} | {
        s: answer(x, y, new, s)[0] for s in (seed + 1, seed + 2, seed + 10, seed + 100)
    }
    why = "the same seed gives another order each time: draw from default_rng(seed)"
    yield agrees("a seed stands for one order", again[1], y_train, {why: again[1]})
    why = "seed is not used: another one gives the same order"
    yield holds("another seed gives another order", (others[seed + 1] != x_train).any(), why)
    for one, other in combinations(others, 2):
        why = f"the seeds {one} and {other} give the same order: hand the seed on as it is"
        yield holds("another seed gives another order", (others[one] != others[other]).any(), why)


# --- receptive fields ----------------------------------------------------------------------------


def _reach(layers: list[list[int]]) -> int:
    """Up to which pixel of a row the first output sees, found by following each pixel."""
    met = np.eye(400, dtype=bool)  # (pixel, place): whether the number at this place sees it
    for kernel, stride in layers:
        met = sliding_window_view(met, kernel, axis=1)[:, ::stride].any(2)
    return int(np.flatnonzero(met[:, 0])[-1]) + 1


@task(
    "Two neighbours in a map: how far apart, in pixels of the input, do their windows begin?",
    "Keep two numbers while you go through the layers: the side seen so far, and that distance. "
    "How much does a window of k neighbours add to the side?",
    "A window of k neighbours reaches (k − 1) distances farther than one of them alone. The "
    "distance begins at 1, and each layer multiplies it by its stride, for the layers that follow.",
    edition=2,
)
def receptive_field(answer, rng):
    """The side of the receptive field, predicted."""
    k = [int(n) for n in rng.integers(2, 6, 4)]
    s = [int(n) for n in rng.permutation([2, 2, 3, 3])]
    k[1], s[1] = k[0] + 1, 5 - s[0]
    for name, layers in {
        "is right for one layer": [[k[0], 1]],
        "is right for two layers": [[k[0], 1], [k[1], 1]],
        "is right for two layers with strides": [[k[0], s[0]], [k[1], s[1]]],
        "is right with pooling between convolutions": [[3, 1], [2, 2], [3, 1], [2, 2], [5, 1]],
        "is right for four layers": list(map(list, zip(k, s, strict=True))),
        "is right where a kernel is smaller than its stride": [[3, 1], [1, 2], [4, 1]],
    }.items():
        kernels, strides = np.array(layers).T
        field = _reach(layers)
        yield agrees(
            name,
            answer(layers),
            field,
            {
                "the layers come in the wrong order: side ← (side − 1) · stride + kernel begins at "
                "the last one": _reach(layers[::-1]),
                "the sides are multiplied; a layer adds to the side": kernels.prod(),
                "the sides are added; neighbouring windows overlap": kernels.sum(),
                "the strides are not used: after a stride, neighbours lie farther apart": (
                    _reach([[kernel, 1] for kernel in kernels])
                ),
                "a stride acts on the layers after its own, not on its own: its windows are as "
                "wide as without it": (
                    _reach(list(zip([1, *kernels], [*strides, 1], strict=True)))
                ),
                "in yours each layer's own stride widens it; what counts is the product of the "
                "strides before it": 1 + (kernels - 1) @ strides,
                "a window of k neighbours adds k − 1 distances, not k": (
                    1 + kernels @ np.cumprod([1, *strides[:-1]])
                ),
                "this is an area; the side is asked for": field**2,
                "only the last layer is looked at": kernels[-1],
                "only the stride of the layer just before counts in yours; the strides multiply": (
                    1 + (kernels - 1) @ [1, *strides[:-1]]
                ),
                "the 1 is missing: already without a layer a number sees one pixel": field - 1,
            },
            rtol=1e-9,
        )


def _ways(kernels: list, strides: list, length: int) -> np.ndarray:
    """Which pixels are tied to which outputs by weights other than 0; shape (pixels, outputs)."""
    met = np.eye(length, dtype=bool)
    for w, stride in zip(kernels, strides, strict=True):
        met = (sliding_window_view(met, len(w), axis=1)[:, ::stride] & (w != 0)).any(2)
    return met


def _tied(rng, sizes: tuple, strides: tuple, length: int, at: int) -> tuple:
    """Kernels, the pixels that count, and the answers of well-known mistakes by message."""
    kernels = _kernels(rng, sizes)
    ways = _ways(kernels, strides, length)
    right = ways[:, at]
    span = _ways([np.ones(k) for k in sizes], strides, length)[:, at]
    return kernels, right, {
        "nothing moves in your experiment: is a ReLU at rest? Try many rows of random numbers of "
        "both signs": np.zeros(length, bool),
        "this is the whole receptive field; some pixels in it meet only weights of 0": span,
        "these are the pixels of output 0; look at output number `at`": ways[:, 0],
        "True and False are exchanged": ~right,
    } | ({} if ways.any(1).all() else {
        "these are the pixels that change any of the outputs; look at number `at`": ways.any(1),
    })  # fmt: skip


def _negative(rng, sizes: tuple, strides: tuple, length: int, at: int) -> tuple:
    """The same for a second (or only) kernel of negative weights.

    After another layer, it is always at rest.
    """
    kernels = [np.round(rng.uniform(0.5, 1.5, k), 1) for k in sizes]
    kernels[:2][-1] *= -1
    traced = _ways(kernels, strides, length)[:, at]
    if len(sizes) == 1:
        return kernels, traced, {
            "nothing moves in your experiment: only a row with negative pixels gets through this "
            "ReLU; try many rows of random numbers of both signs": np.zeros(length, bool)
        }  # fmt: skip
    return kernels, np.zeros(length, bool), {
        "no pixel changes this output: what the second layer gets is never negative, all its "
        "weights are, and so its ReLU is always at rest. Weights alone do not tell; try it out": (
            traced
        )
    }  # fmt: skip


def _inhibiting(rng, sizes: tuple, strides: tuple, length: int, at: int) -> tuple:
    """The same for a last kernel with one positive weight: all other pixels only inhibit.

    The windows of the first layer do not overlap, so that each may let through any number, and each
    pixel that is tied to the output counts.
    """
    kernels = [np.round(rng.uniform(0.5, 1.5, k), 1) for k in sizes]
    kernels[-1][1:] *= -1
    met = [*kernels[:-1], kernels[-1] > 0]
    return kernels, _ways(kernels, strides, length)[:, at], {
        "pixels are missed that can only make this output smaller: as long as it is 0, nothing is "
        "seen of them. Try many rows of random numbers": _ways(met, strides, length)[:, at]
    }  # fmt: skip


def _kernels(rng, sizes: tuple) -> list[np.ndarray]:
    """Weights with a zero at one place, and up to half of those of the first layer negative.

    All others are positive: so no ReLU is at rest for good, and each second random row or so
    shows the influence of a pixel.
    """
    kernels = [np.round(rng.uniform(0.5, 1.5, k), 1) for k in sizes]
    kernels[0][rng.permutation(sizes[0])[: sizes[0] // 2]] *= -1
    for w in kernels:
        w[rng.integers(1, len(w))] = 0
    return kernels


@task(
    "How would you find out whether a lamp depends on a switch that you can flip?",
    "Compute the output, change one pixel, compute it again, and compare number `at`. Do so for "
    "every pixel. Is one row of pixels enough?",
    "While a ReLU is at rest nothing gets through it, and which are at rest depends on the row. "
    "Try a hundred rows of random numbers of both signs: one in which the output moves is "
    "enough.",
    edition=2,
)
def influence(answer, rng):
    """Which pixels can change one output, measured."""
    for make, sizes, strides, length, at in (
        (_tied, (3,), (2,), 7, 2),
        (_tied, (3,), (1,), 5, 1),
        (_negative, (2,), (1,), 4, 1),
        (_negative, (2, 2), (1, 1), 5, 1),
        (_negative, (2, 2, 2), (1, 1, 1), 5, 1),
        (_inhibiting, (1, 2), (1, 1), 2, 0),
        (_inhibiting, (2, 3), (2, 1), 10, 1),
        (_tied, (3, 3), (1, 1), 8, 2),
        (_tied, (3, 2), (2, 1), 9, 1),
        *[(_tied, (3, 4, 3), (1, 2, 1), 16, 2)] * 6,  # so that two rows are never enough by chance
        *[(_inhibiting, (1, 4), (1, 1), 4 + at, at) for at in range(12)],  # nor ten
    ):
        kernels, right, mistakes = make(rng, sizes, strides, length, at)
        got = answer(kernels, list(strides), length, at)
        yield _like("says something on every pixel", got, (length,))
        yield holds(
            "says True or False",
            np.isin(got, (0, 1)).all(),
            "True or False is wanted for each pixel, not by how much it changes the output",
        )
        got = got.astype(bool)
        why = ""
        for message, wrong in mistakes.items():
            if np.array_equal(got, wrong):
                why = why or message
        missed = "some pixels are missed, and others are counted that cannot change this output"
        if not got[~right].any():
            missed = (
                "some pixels are missed: while a ReLU is at rest a change does not get through; "
                "try many rows of random numbers of both signs"
            )
        yield holds("no pixel that counts is missed", got[right].all(), why or missed)
        extra = why or "some pixels are counted that cannot change this output"
        yield holds("no pixel is counted that cannot change it", not got[~right].any(), extra)


# --- one step of training, its lines in order ----------------------------------------------------

_LINES = {
    "A": "    da = error * v",
    "B": "    a = np.maximum(z, 0)",
    "C": "    w = w - alpha * conv(x, dz)",
    "D": "def step(x, y, w, v, alpha):",
    "E": "    dz = da * (da > 0)",
    "F": "    dz = da * (z > 0)",
    "G": "    error = y - np.sum(v * a)",
    "H": "    z = conv(x, w)",
    "I": "    return w, v",
    "J": "    dz = da * a",
    "K": "    error = np.sum(v * a) - y",
    "L": "    v = v - alpha * error * a",
}


def _forecast(x, w, v):
    return np.sum(v * np.maximum(_correlate(x, w), 0))


def _squared(x, w, v, y):
    return (_forecast(x, w, v) - y) ** 2 / 2


@task(
    "What must be known before the error can be computed? And before the gradient for w?",
    "First forward, then back through the same operations in the reverse order. Three lines are "
    "not needed: one has a wrong sign, two pass a gradient through the ReLU wrongly.",
    "Both gradients belong to the weights before the step. The gradient for a needs v: so v may "
    "be changed only after it is computed.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """One step of training a tiny network, its lines put in order."""
    step = assemble(_LINES, answer, "step", {"np": np, "conv": _correlate})
    why = "lines are missing: a step needs nine"
    yield holds("has a line for every operation", len(answer) >= 9, why)
    for name, label, why in (
        ("the step goes downhill", "G", "with line G the error has the wrong sign"),
        (
            "ReLU lets a gradient pass where its input was positive",
            "E",
            "line E asks for the sign of the gradient; what counts is the ReLU's input",
        ),
        (
            "ReLU does not change the gradient that it lets pass",
            "J",
            "line J multiplies by the output of the ReLU; its slope there is 1",
        ),
    ):
        yield holds(name, label not in answer, why)
    alpha = 0.01
    for size, kernel in (((2, 3), (1, 2)), ((5, 6), (3, 2))):
        z = np.zeros(1)
        while abs(z).min() < 0.01 or not (z > 0).any() or (z > 0).all():
            x, w = _apart(rng, *size), _apart(rng, *kernel)
            z = _correlate(x, w)
        v = _apart(rng, *z.shape)
        y = np.sum(v * np.maximum(z, 0)) + 1.5  # so that the error is −1.5

        new_w = w - alpha * slopes(_squared, 1, x, w, v, y)
        new_v = v - alpha * slopes(_squared, 2, x, w, v, y)
        late = w + alpha * 1.5 * slopes(_forecast, 1, x, w, new_v)
        yield agrees(
            "w and v move by the gradients at the old weights",
            step(x, y, w, v, alpha),
            [new_w, new_v],
            {
                "nothing moves: w and v are still what they were": [w, v],
                "v does not move": [new_w, v],
                "w does not move": [w, new_v],
                "v is changed before the error passes back through it: the gradient for w belongs "
                "to the old v": [late, new_v],
            },
        )
