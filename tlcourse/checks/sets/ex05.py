"""ResNet50 fine-tuning.

Checks of exercise set 05, on chapter 05. They compute with NumPy alone: what a network of the
learner returns is compared with the formulas of its layers.
"""

from types import SimpleNamespace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tlcourse import losses
from tlcourse.checks import agrees, assemble, holds, shaped, task
from tlcourse.checks.properties import HALF, holds_half
from tlcourse.checks.references import normalised

EDITION = 2

_MEANS = np.array([103.939, 116.779, 123.68])  # of blue, green, red


@task(
    "Along which axis do the colours lie, and in which order does a photo have them?",
    "`x[..., ::-1]` reverses the last axis and makes no copy; the means follow the new order.",
    "Two things happen and no more: red and blue change places, then each channel's mean is "
    "subtracted, into a new array. Nothing is divided.",
    forbids=(
        "tlcourse.models.preprocess",
        "keras.applications.resnet50.preprocess_input",
        "keras.applications.resnet.preprocess_input",
        "keras.applications.imagenet_utils.preprocess_input",
        "keras.applications.vgg16.preprocess_input",
        "keras.applications.vgg19.preprocess_input",
    ),
    edition=2,
)
def preprocess(answer, rng):
    """What ResNet50 expects of an image."""
    for name, shape, dtype in (
        ("one pixel, as floats", (1, 1, 1), "float32"),
        ("photos in whole numbers from 0 to 255", (2, 2, 2), "uint8"),
        ("photos that are not square", (3, 4, 5), "float64"),
        ("photos of all colours", (2, 5, 3), "uint8"),
        ("dark photos", (1, 2, 3), "float32"),
    ):
        red, green, blue = rng.integers((130, 60, 0), (256, 130, 60), (*shape, 3)).T
        x = np.stack([red.T, green.T, blue.T], -1).astype(dtype)
        if name == "photos of all colours":
            x = rng.integers(0, 256, x.shape, "uint8")
            x[0, 0, :2] = [[0, 128, 255], [255, 0, 0]]
        elif name == "dark photos":
            x = rng.integers(0, 90, x.shape).astype(dtype)
            x[0, 0, 0] = [0, 0, 1]
        got = answer(x)
        yield shaped("keeps the shape", got, x.shape)
        why = (
            "the answer is in whole numbers, which lose the fractions and wrap around below 0: "
            "return floats"
        )
        yield holds("is in floats", got.dtype.kind == "f", why)
        plain = x.astype(float)
        bgr = plain[..., ::-1]
        wrong = {
            "the colours are still in the order red, green, blue": plain - _MEANS,
            "the colours are still in the order red, green, blue, and so are the means": (
                plain - _MEANS[::-1]
            ),
            "each channel loses another one's mean: after the change of order the first is blue": (
                bgr - _MEANS[::-1]
            ),
            "the means are still to be subtracted": bgr,
            "nothing is divided: these weights expect pixels between about −124 and 151": (
                (bgr - _MEANS) / 255
            ),
            "nothing is divided: the means are those of pixels from 0 to 255": bgr / 255 - _MEANS,
            "nothing is divided, and the means are still to be subtracted": bgr / 255,
            "nothing is divided: the colours change places, and pixels stay from 0 to 255": (
                plain / 255 - _MEANS
            ),
            "scaled by 1/255 is another network's preprocessing: reverse the colours and subtract "
            "the means": plain / 255,
            "from −1 to 1 is another network's preprocessing (ResNet50V2, MobileNetV2)": (
                plain / 127.5 - 1
            ),
            "the means are of the source's images, and the same for all targets: not of these": (
                bgr - bgr.mean((0, 1, 2))
            ),
            "the means are added": bgr + _MEANS,
            "the means are cut to whole numbers: compute in floats": bgr - np.floor(_MEANS),
        }
        name = f"{name}: blue, green, red, minus their means"
        yield agrees(name, got, bgr - _MEANS, wrong, atol=1e-3)


# --- a loss that stands at ln K ----------------------------------------------------------------


@task(
    "What does a network pay that gives each of the K classes the probability 1/K?",
    "Ask for the three words in the order in which they are defined; `np.isfinite` knows NaN.",
    "Guessing is a matter of distance: each of the last three losses lies within 0.1 of ln K, on "
    "either side. For diverging, ask whether the last loss is *not* a number up to ln K + 0.1.",
    edition=2,
)
def diagnose(answer, rng):
    """What a loss curve says of a run."""
    for k in (10, 2, int(rng.integers(20, 200))):
        guess = np.log(k)
        at_guess = guess + rng.uniform(-0.05, 0.05, 4)

        def one(name, losses, word, mistakes, k=k):
            got = answer({"run": np.round(losses, 3)}, k)
            wrong = {message: {"run": other} for other, message in mistakes.items()}
            return agrees(name, got, {"run": word}, wrong, everywhere=False)

        why = "this loss stands at ln K (the natural logarithm): it is guessing"
        yield one(
            "a loss that stands at ln K is guessing",
            at_guess,
            "guessing",
            {"learns": why, "diverges": f"{why}, and lies not far above"},
        )
        yield one(
            "a loss that has fallen well below is learning",
            [guess, *guess * np.array([0.7, 0.5, 0.3])],
            "learns",
            {
                "guessing": "this loss ends far below ln K: what counts is the distance from ln K, "
                "in the last three epochs",
            },
        )
        why = "only the last three epochs count, and here all three lie at ln K"
        yield one(
            "a run that began high and now stands at ln K is guessing",
            [guess + 3, *at_guess[:3]],
            "guessing",
            {"learns": why, "diverges": f"{why}, not far above"},
        )
        yield one(
            "a loss that falls past ln K does not stand there",
            guess + np.array([1.1, 0.5, 0, -0.5]),
            "learns",
            {
                "guessing": "all of the last three losses should lie within 0.1 of ln K, not one "
                "of them, nor their mean",
            },
        )
        yield one(
            "nor does one that has just come down to it",
            guess + np.array([1.5, 1, 0.5, 0.01]),
            "learns",
            {
                "guessing": "only the last loss lies at ln K, and it is still falling: each of the "
                "last three counts",
                "diverges": "for this word only the last loss counts, and it lies at ln K",
            },
        )
        yield one(
            "nor does one of which only the last two losses lie there",
            guess + np.array([1.5, 1, 0.02, 0.01]),
            "learns",
            {
                "guessing": "only the last two losses lie at ln K: each of the last three counts",
                "diverges": "for this word only the last loss counts, and it lies at ln K",
            },
        )
        yield one(
            "a loss that ends far above is diverging",
            guess + np.array([0, 0.02, 0.6, 2]),
            "diverges",
            {
                "guessing": "this loss ends far above ln K: the distance counts on both sides",
                "learns": "this loss ends far above ln K, worse than guessing",
            },
        )
        yield one(
            "NaN is diverging",
            [*at_guess[:2], np.nan, np.nan],
            "diverges",
            {
                "learns": "every comparison with NaN is false, so that a lost run passes for a "
                "good one: ask whether the loss is finite",
                "guessing": "NaN is no number near ln K: ask whether the loss is finite",
            },
        )
        yield one(
            "NaN in the last epoch alone is diverging",
            [*at_guess[:3], np.nan],
            "diverges",
            {
                "learns": "every comparison with NaN is false, so that a lost run passes for a "
                "good one: ask whether the last loss is finite",
                "guessing": "NaN is no number near ln K: ask whether the loss is finite",
            },
        )
        yield one(
            "NaN before the end is not diverging",
            [guess, np.nan, 0.6 * guess, 0.4 * guess],
            "learns",
            {"diverges": "NaN counts only if the last loss is NaN", "guessing": "NaN is not ln K"},
        )
        why = "what counts is ln K, not where the run began"
        yield one(
            "a loss that falls and stays far above is diverging",
            [8, 6, 5, 4],
            "diverges",
            {"learns": why},
            k=10,
        )
        yield one(
            "a loss that rises and stays far below is learning",
            [0.5, 0.6, 0.8, 0.9],
            "learns",
            {"diverges": why},
            k=10,
        )
        for name, distances, word in (
            ("0.098 away is within 0.1", [0.098, -0.098, 0.098], "guessing"),
            ("0.103 below is not within 0.1", [-0.103, -0.103, -0.103], "learns"),
            ("0.103 above is more than 0.1", [0.103, 0.103, 0.103], "diverges"),
            ("0.098 above is not more than 0.1", [0.5, 0.3, 0.098], "learns"),
        ):
            words = {"guessing", "learns", "diverges"} - {word}
            why = "the bound is 0.1 on either side of ln K, so that this is not"
            others = {other: f"{why} {other!r}" for other in words}
            yield one(name, guess + np.array([0.6, *distances]), word, others)
        at_guess = guess + rng.uniform(-0.05, 0.05, 7)
        for name, curve, word in (
            ("long, and at last at ln K", [guess + 2, guess + 1, *at_guess[:3]], "guessing"),
            ("long, and in the middle at ln K", [*at_guess[:4], *guess * np.arange(9, 2, -1) / 11],
             "learns"),
            ("long, and at first far above", [9 + guess, 8 + guess, *guess * np.arange(8, 2, -1)
             / 11], "learns"),
            ("long, and at last far above", [*at_guess, guess + 1, guess + 2], "diverges"),
            ("long, and of the last three one lies below", [*at_guess, guess - 0.3, guess,
             guess - 0.02], "learns"),
        ):  # fmt: skip
            yield one(f"a run that is {name}: {word}", np.array(curve), word, {})
        runs = {
            "a": at_guess,
            "b": guess * np.array([0.9, 0.6, 0.4, 0.2]),
            "c": guess + np.array([0, 1, 2, 3]),
        }
        runs = {name: np.round(losses, 3) for name, losses in runs.items()}
        words = {"a": "guessing", "b": "learns", "c": "diverges"}
        yield agrees("each run gets its own word", answer(runs, k), words)


# --- what trains -------------------------------------------------------------------------------


def _stack(rng, stages: int) -> list[list[str]]:
    """Layers of a network in order, each with its name and kind."""
    layers = []
    for stage in range(1, stages + 1):
        norm = ("bn", "norm")[stage % 2]
        for block in range(1, int(rng.integers(1, 3)) + 1):
            name = f"conv{stage}_block{block}"
            layers += [
                [f"{name}_conv", "Conv2D"],
                [f"{name}_{norm}", "BatchNormalization"],
                [f"{name}_relu", "ReLU"],
            ]
    return [*layers, ["avg_pool", "GlobalAveragePooling2D"], ["head", "Dense"]]


@task(
    "Two questions about each layer: has the stage begun, and is the layer to keep still?",
    "Walk through the layers in order and remember whether the stage has been reached; a name that "
    "starts with the stage begins it. From there on everything trains but one kind of layer.",
    "`reached = reached or name.startswith(stage)` turns to True once and stays so. The flag is "
    "reached and kind != 'BatchNormalization'.",
    edition=2,
)
def trainable(answer, rng):
    """Which layers train, from a stage on."""
    small = [
        ["conv1_conv", "Conv2D"],
        ["conv1_bn", "BatchNormalization"],
        ["conv2_conv", "Conv2D"],
        ["conv2_bn", "BatchNormalization"],
        ["conv2_relu", "ReLU"],
        ["avg_pool", "GlobalAveragePooling2D"],
        ["head", "Dense"],
    ]
    lured = [*small[:2], [f"{rng.choice(list('abxyz'))}_conv2", "Conv2D"], *small[2:]]
    named = [
        *small[:3],
        ["conv2_scale", "BatchNormalization"],
        ["conv2_bn_conv", "Conv2D"],
        ["conv2_norm", "LayerNormalization"],
        ["conv2_batch", "BatchNorm2D"],
        ["conv10_conv", "Conv2D"],
        *small[5:],
    ]
    for name, layers, stage in (
        ("from a stage on, in a small network", small, "conv2"),
        ("the head alone", small, "head"),
        ("from a stage on, in a larger network", _stack(rng, 3), "conv2"),
        ("from the first stage on", _stack(rng, 4), "conv1"),
        ("where an earlier name contains the stage", lured, "conv2"),
        ("where names and kinds mislead", named, "conv2"),
    ):
        names = [name for name, _ in layers]
        first = next(i for i, name in enumerate(names) if name.startswith(stage))
        still = [kind == "BatchNormalization" for _, kind in layers]
        after = [i >= first for i in range(len(layers))]
        own = [name.startswith(stage) for name in names]
        contains = next(i for i, name in enumerate(names) if stage in name)

        def flags(values, names=names):
            return dict(zip(names, map(bool, values), strict=True))

        right = flags(a and not s for a, s in zip(after, still, strict=True))
        wrong = {
            "the stage begins with a name that starts so, not one that contains it": flags(
                i >= contains and not s for i, s in enumerate(still)
            ),
            "BatchNormalization trains: its flag is False everywhere": flags(after),
            "the layers after the stage train too, the head among them": flags(
                o and not s for o, s in zip(own, still, strict=True)
            ),
            "the layers after the stage train too, and BatchNormalization never": flags(own),
            "only BatchNormalization stays still here; so should all before the stage": flags(
                not s for s in still
            ),
            "everything trains": flags(True for _ in names),
            "nothing trains": flags(False for _ in names),
            "the flags are exchanged: True stands for a layer that trains": flags(
                not f for f in right.values()
            ),
            "names are compared by the alphabet, where avg_pool comes before conv1: what counts is "
            "the place in the list": flags(
                n >= stage and not s for n, s in zip(names, still, strict=True)
            ),
            "look at the kind of a layer, not at its name: a BatchNormalization may be called "
            "otherwise": flags(a and "bn" not in n for a, n in zip(after, names, strict=True)),
            "the first layer of the stage trains as well": flags(
                i > first and not s for i, s in enumerate(still)
            ),
            "the stage has more layers than its first": flags(
                i == first for i in range(len(names))
            ),
        }
        yield agrees(name, answer(layers, stage), right, wrong)


# --- the small network of the notebook, in NumPy -----------------------------------------------


_CLASSES = 3


def _convolve(x, kernel, bias):
    windows = sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows, kernel, optimize=True) + bias


def _features(weights: dict, x: np.ndarray, own_statistics: bool = False) -> np.ndarray:
    """What the layer `pool` returns; if asked, normalised by the statistics of `x` itself."""
    x = x.astype(float)
    for stage in ("conv1", "conv2"):
        x = _convolve(x, *weights[f"{stage}_conv"])
        gamma, beta, mean, variance = weights[f"{stage}_bn"]
        if own_statistics:
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        x = np.maximum(normalised(x, gamma, beta, mean, variance), 0)
    return x.mean((1, 2))


def _prepared(photos: np.ndarray) -> np.ndarray:
    return photos[..., ::-1] - _MEANS


def _weights(rng) -> dict[str, list[np.ndarray]]:
    """Weights that fit preprocessed photos: the statistics are those of random ones."""
    colours = rng.uniform(0, 255, (40, 1, 1, 3))
    x = _prepared(np.clip(colours + rng.normal(0, 40, (40, 8, 8, 3)), 0, 255))
    weights = {}
    for stage, (ins, outs) in {"conv1": (3, 4), "conv2": (4, 6)}.items():
        conv = [rng.normal(0, 0.3, (3, 3, ins, outs)), rng.normal(0, 0.1, outs)]
        weights[f"{stage}_conv"] = conv
        x = _convolve(x, *conv)
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        gamma, beta = rng.uniform(0.8, 1.2, outs), rng.uniform(0.1, 0.3, outs)
        weights[f"{stage}_bn"] = [gamma, beta, mean, variance]
        x = np.maximum(normalised(x, gamma, beta, mean, variance), 0)
    weights["head"] = [rng.normal(0, 0.3, (6, _CLASSES)), rng.normal(0, 0.3, _CLASSES)]
    return {name: [v.astype("float32") for v in values] for name, values in weights.items()}


def _photos(rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Photos of 8×8 pixels, 0 to 255, and their labels: every class has a colour of its own."""
    corners = np.array([[250, 20, 20], [20, 20, 250], [20, 250, 20]])
    colours = rng.permutation(corners)
    y = rng.permutation(np.arange(n) % _CLASSES)
    x = colours[y][:, None, None] + rng.normal(0, 25, (n, 8, 8, 3))
    return np.round(np.clip(x, 0, 255)).astype("float32"), y


def _train_head(features, labels, kernel, bias, steps=100, alpha=0.5):
    """Gradient descent on the cross-entropy of a linear head."""
    truth = np.eye(len(bias))[labels]
    for _ in range(steps):
        z = features @ kernel + bias
        p = np.exp(z - z.max(1, keepdims=True))
        error = (p / p.sum(1, keepdims=True) - truth) / len(labels)
        kernel, bias = kernel - alpha * features.T @ error, bias - alpha * error.sum(0)
    return kernel, bias


def _close(got, expected) -> bool:
    return agrees("", got, expected, rtol=1e-3, atol=1e-3).ok


# --- features, computed once -------------------------------------------------------------------


@task(
    "Which layer's output is the same in every epoch as long as only the head trains?",
    "`keras.Model(model.inputs, model.get_layer(\"pool\").output)` is the part below the cut; "
    "its `predict` gives the features of one draw. The labels are the same for each draw.",
    "Put the features of all draws one below the other, and the labels as often, in the same order "
    "(`np.tile`); train the head on them; then logits = features of the photos @ kernel + bias.",
    edition=2,
    forbids=(
        "tlcourse.transfer.features",
        "tlcourse.transfer.split",
        "tlcourse.transfer.train_from",
    ),
)  # fmt: skip
def cached(answer, rng):
    """A head on cached features of several draws."""
    for name, m, n in (("a single draw", 1, 4), ("several draws", int(rng.integers(4, 6)), 10)):
        weights = _weights(rng)
        x, labels = _photos(rng, n + 6)
        x = _prepared(x).astype("float32")
        draws = np.stack([np.roll(x[:n], (i, -i), (1, 2)) for i in range(m)])
        draws += rng.normal(0, 30, (m, n, 1, 1, 1)).astype("float32")  # brighter or darker
        labels, photos = labels[:n], x[n:]
        got = answer(weights, draws, labels, photos)
        whole = draws.reshape(-1, *draws.shape[2:])
        features = _features(weights, whole)
        outline = [np.zeros((m * n, 6)), np.zeros((len(photos), _CLASSES))]
        few = isinstance(got, list) and got[:1] and np.shape(got[0]) == (n, 6) and m > 1
        why = "the features of all draws are wanted, one below the other, not of one draw alone"
        yield holds(f"{name}: every photo of every draw has its features", not few, why)
        yield agrees(
            f"{name}: features and logits have the right shapes",
            got, outline, rtol=np.inf, atol=np.inf,
        )  # fmt: skip
        if not _close(got[0], features):  # not asked of a right answer, to save its time
            again = answer(weights, draws, labels, photos)
            why = "the network is random, other at each call: build it by network(weights)"
            yield holds(f"{name}: the network has the weights", _close(got[0], again[0]), why)
        yield agrees(
            f"{name}: the features are what the layer pool returns",
            got[0],
            features,
            {
                "the features are normalised by the statistics of these few images: run the "
                "network as for predictions, not with training=True": (
                    _features(weights, whole, own_statistics=True)
                ),
                "the features of each image stand together; put draw below draw": (
                    features.reshape(m, n, 6).swapaxes(0, 1).reshape(-1, 6)
                ),
                "the draws are preprocessed again: they were already": (
                    _features(weights, _prepared(whole))
                ),
            },
            rtol=1e-3,
            atol=1e-3,
        )
        test = _features(weights, photos)

        def logits(head, test=test):
            return test @ head[0] + head[1]

        head, every = weights["head"], np.tile(labels, m)
        trained = _train_head(features, every, *head)
        right = logits(trained)
        exponentials = np.exp(right - right.max(1, keepdims=True))
        blurred = features.reshape(m, n, 6).mean(0)
        wrong = {
            "these are the logits of the head as it was: use the one that is trained": head,
            "labels and features are apart: np.repeat repeats each label, and the features stand "
            "draw below draw (np.tile)": _train_head(features, np.repeat(labels, m), *head),
            "the head was trained on the first draw alone": (
                _train_head(features[:n], labels, *head)
            ),
            "the head was trained on the last draw alone": (
                _train_head(features[-n:], labels, *head)
            ),
            "the mean over the draws is one draw, and a blurred one: keep them all": (
                _train_head(blurred, labels, *head)
            ),
            "the head starts over: let it start from the weights that it has": (
                _train_head(features, every, 0 * head[0], 0 * head[1])
            ),
            "the bias is missing in the logits": (trained[0], 0),
        }
        wrong = {message: logits(wrong_head) for message, wrong_head in wrong.items()}
        wrong["logits are wanted, without a softmax"] = exponentials / exponentials.sum(
            1, keepdims=True
        )
        yield agrees(
            f"{name}: the logits equal those of a network that is trained whole",
            got[1], right, wrong, rtol=1e-3, atol=2e-3,
        )  # fmt: skip


# --- a fine-tuning script, repaired ------------------------------------------------------------


def _fine_tuned(weights: dict, x, labels, *trainings) -> dict[str, list[np.ndarray]]:
    """Head and `conv2_conv` after some trainings: what trains, the rate, the number of steps."""
    x = _convolve(x, *weights["conv1_conv"])
    x = np.maximum(normalised(x, *weights["conv1_bn"]), 0)
    windows = sliding_window_view(x, (3, 3), axis=(1, 2))
    after = {layer: weights[layer] for layer in ("conv2_conv", "head")}
    gamma, _, _, variance = weights["conv2_bn"]
    truth = np.eye(_CLASSES)[labels]
    for trains, rate, steps in trainings:
        for _ in range(steps):
            z = normalised(_convolve(x, *after["conv2_conv"]), *weights["conv2_bn"])
            features = np.maximum(z, 0).mean((1, 2))
            kernel, bias = after["head"]
            p = np.exp(features @ kernel + bias)
            error = (p / p.sum(1, keepdims=True) - truth) / len(labels)
            back = (error @ kernel.T)[:, None, None] * (z > 0) / z[0, ..., 0].size
            back = back * gamma / np.sqrt(variance + 1e-3)
            slopes = {
                "head": [features.T @ error, error.sum(0)],
                "conv2_conv": [
                    np.einsum("nhwcij,nhwf->ijcf", windows, back, optimize=True),
                    back.sum((0, 1, 2)),
                ],
            }
            for layer in trains:
                pairs = zip(after[layer], slopes[layer], strict=True)
                after[layer] = [a - rate * slope for a, slope in pairs]
    return after


@task(
    "Call the broken version and compare its weights with those it was given, layer by layer: "
    "what moved that should not, and what did not that should?",
    "The faults: what the network is shown; which label goes with which photo; what takes effect "
    "when `trainable` is changed; what becomes of the statistics of the source.",
    "Preprocess as the weights expect, in training and in prediction; shuffle photos and labels by "
    "the same order, or not at all; let no BatchNormalization train; compile again after "
    "unfreezing.",
    forbids=("tlcourse.transfer.train_from", "tlcourse.transfer.probe_then_fine_tune"),
    edition=2,
)
def repaired(answer, rng):
    """A fine-tuning script, repaired."""
    photos, labels = _photos(rng, 48)
    reached = 1.0
    while reached > 0.3:  # until the weights are such that a head can tell these photos apart
        weights = _weights(rng)
        features = _features(weights, _prepared(photos))
        kernel, bias = _train_head(features, labels, *weights["head"], steps=20)
        reached = losses.cross_entropy(features @ kernel + bias, labels)
    got = answer(weights, photos, labels)
    yield agrees(
        "returns weights by layer, and logits",
        got,
        [weights, np.zeros((len(photos), _CLASSES))],
        rtol=np.inf,
        atol=np.inf,
    )
    after, logits = got

    def moved(layer: str) -> float:
        pairs = zip(after[layer], weights[layer], strict=True)
        return max(np.abs(a - b).max() for a, b in pairs)

    why = "conv1 comes before the stage that is unfrozen: its weights should be as they were"
    why = HALF if holds_half(after) else why
    yield holds("conv1 keeps its weights", moved("conv1_conv") == 0, why)
    why = (
        "BatchNormalization trains: the statistics of the source are replaced by those of a few "
        "photos"
    )
    still = moved("conv1_bn") == moved("conv2_bn") == 0
    yield holds("BatchNormalization stays still", still, why)
    yield holds("the head has been trained", moved("head") > 0.01, "the head did not move")
    why = "conv2 did not move: what is unfrozen trains from the next compile on"
    yield holds("conv2 has been trained", moved("conv2_conv") > 0, why)

    def seen(x):
        return _features(after, x) @ after["head"][0] + after["head"][1]

    yield agrees(
        "the logits are those of the returned weights, for preprocessed photos in their order",
        logits,
        seen(_prepared(photos)),
        {
            "the network sees pixels divided by 255; its weights expect blue, green, red, minus "
            "the means": seen(photos / 255),
            "the network sees pixels as they are; its weights expect blue, green, red, minus the "
            "means": seen(photos),
            "the network sees pixels from −1 to 1; its weights expect blue, green, red, minus the "
            "means": seen(photos / 127.5 - 1),
            "the photos are preprocessed twice": seen(_prepared(_prepared(photos))),
            "the means are subtracted, but the colours are in the order red, green, blue": (
                seen(photos - _MEANS)
            ),
        },
        rtol=1e-2,
        atol=1e-2,
    )

    def tuned(*trainings):
        return _fine_tuned(weights, _prepared(photos), labels, *trainings)

    def apart(reference) -> float:
        return max(
            np.abs(new - ours).max()
            for layer in reference
            for new, ours in zip(after[layer], reference[layer], strict=True)
        )

    head, both = ["head"], ["conv2_conv", "head"]
    first, second = (head, 0.5, 20), (both, 0.01, 5)
    right = tuned(first, second)
    if apart(right) > 1e-5:  # not asked of a right answer, to save its time
        for trainings, why in (
            ((first, (both, 0.5, 5)), "the second training has a learning rate of 0.01"),
            (((head, 0.01, 20), second), "the first training keeps its learning rate of 0.5"),
            ((first, (both, 0.01, 1)), "the second training has five steps, and one is taken"),
            (
                (first, (["conv2_conv"], 0.01, 5)),
                "the head is still in the second training: it trains on, together with conv2",
            ),
            ((second,), "the first training is missing: the head alone"),
            (((both, 0.5, 20), second), "in the first training the head trains alone"),
        ):
            other = tuned(*trainings)
            yield holds("the trainings are those asked for", apart(other) > 1e-4, why)
    why = (
        "the network did not learn these photos: are those it is trained on preprocessed, and does "
        "each have its own label?"
    )
    yield holds("the photos are told apart", losses.cross_entropy(logits, labels) < 0.55, why)
    why = (
        "these weights do not come from 20 steps of plain gradient descent (SGD), each on all "
        "photos, with the rate 0.5, and 5 more with 0.01"
    )
    same = all(
        np.abs(new - ours).max() < 0.01 * np.abs(old - ours).max() + 1e-6
        for layer in right
        for old, ours, new in zip(weights[layer], right[layer], after[layer], strict=True)
    )
    yield holds("the trainings are those asked for", same, why)


# --- the statistics of BatchNormalization ------------------------------------------------------


@task(
    "By which factor does one training step shrink the distance between the moving mean and the "
    "mean of the target?",
    "By the momentum β, so after n steps βⁿ of it is left. For which n does that reach ½?",
    "Solve βⁿ ≤ ½ with logarithms, and round up: steps are whole.",
    edition=2,
)
def half_life(answer, rng):
    """After how many steps half of the source's mean is forgotten, predicted."""
    for name, momenta in {
        "is right for Keras' momentum": [0.99],
        "is right for a quick and a slow one": [0.6, 0.999],
        "is right where exactly half is left": [0.5, 0.9],
        "is right for any": np.round(rng.uniform([0.96, 0.91, 0.94], [0.98, 0.93, 0.95]), 3),
    }.items():
        beta = np.array(momenta)
        got = answer(beta)
        yield shaped("has a number for each momentum", got, beta.shape)
        exact = np.log(0.5) / np.log(beta)
        yield agrees(
            name,
            got,
            np.ceil(exact),
            {
                "after so many steps a little more than half is left: round up": np.floor(exact),
                "exactly half is enough": np.floor(exact) + 1,
                "round up, not to the nearest": np.round(exact),
                "steps are whole: round up": exact,
                "this is one step too many": np.ceil(exact) + 1,
                "the momentum is the share that is kept, and 1 − β what is new": (
                    np.ceil(np.log(0.5) / np.log(1 - beta))
                ),
                "1 / (1 − β) is the time in which 37 % is left, not half": 1 / (1 - beta),
                "1 / (1 − β) is the time in which 37 % is left, not half (and round up)": (
                    np.ceil(1 / (1 - beta))
                ),
                "the distance does not shrink by the same amount in each step, but by the same "
                "factor": np.ceil(0.5 / (1 - beta)),
                "not by the same amount in each step, but by the same factor": 0.5 / (1 - beta),
                "the sign is reversed": -np.ceil(exact),
            },
        )


@task(
    "In which of its two modes does BatchNormalization update its moving mean?",
    "Build a `keras.layers.BatchNormalization`, give it γ = 1, β = 0, the mean and a variance of 1 "
    "by `set_weights`, and call it on x with training=True, once for each step.",
    "Set the layer's own `trainable` before the first call. After each call, take "
    "`keras.ops.convert_to_numpy(norm.moving_mean)` into the list.",
)
def measured(answer, rng):
    """The moving mean over the steps of training, measured."""
    for n, d, beta, steps in ((4, 1, 0.6, 2), (5, 2, 0.9, 3), (8, 3, 0.8, 6)):
        mean = np.round(rng.uniform(3, 6, d), 1)
        x = np.round(rng.normal(-2, 1, (n, d)), 1)
        for flag in (True, False):
            keep = beta if flag else 1
            returned = answer(mean, x, beta, steps, flag)
            name = "returns the moving means, and the number of weights that train"
            outline = [np.zeros((steps + 1, d)), 2]
            if not (isinstance(returned, list) and len(returned) == 2):
                yield agrees(name, returned, outline)
            got, count = returned
            yield agrees(name, count, 2, rtol=np.inf, atol=np.inf)
            rows = got.shape[0] if isinstance(got, np.ndarray) and got.ndim == 2 else steps + 1
            why = "the mean at the beginning belongs to it, so that there are steps + 1 rows"
            yield holds("has a row for the beginning and for each step", rows == steps + 1, why)
            yield shaped("each row is a moving mean", got, (steps + 1, d))

            def path(keep, start=mean, x=x, steps=steps):
                share = keep ** np.arange(steps + 1)[:, None]
                return share * start + (1 - share) * x.mean(0)

            late = "set_weights takes γ, β, mean and variance, in this order"
            at_0, at_1 = path(keep, np.zeros(d)), path(keep, np.ones(d))
            copies = "all rows are the last one: take a copy of the moving mean after each step"
            first = {
                copies: path(keep)[-1],
                "this is the moving mean after a step: the beginning comes first": path(keep)[1],
                f"the moving mean begins at 0: {late}": at_0[0],
                f"the moving mean begins at 1: {late}": at_1[0],
            }
            yield agrees(
                "begins with the source's mean", got[0], mean, first, rtol=1e-3, everywhere=False
            )
            wrong = {
                f"the moving mean begins at 0: {late}": at_0[1:],
                f"the moving mean begins at 1: {late}": at_1[1:],
            }
            if flag:
                name = "a layer that trains forgets the source step by step"
                wrong |= {
                    "nothing moves: outside of `fit`, a layer updates its statistics only if it is "
                    "called with training=True": path(1)[1:],
                    "momentum and what is new are exchanged": path(1 - beta)[1:],
                    "the momentum is Keras' own, 0.99: hand yours to the layer": path(0.99)[1:],
                    copies: np.tile(path(beta)[-1], (steps, 1)),
                }
            else:
                name = "a layer whose own trainable is False keeps it, even with training=True"
                still = "the layer still trains: set its `trainable` before it is called"
                wrong |= {still: path(beta)[1:]}
            yield agrees(name, got[1:], path(keep)[1:], wrong, rtol=1e-3, atol=1e-3)
            why = (
                "γ and β train, if the layer does: ask it after `trainable` is set"
                if flag
                else "you called it with training=False: fit calls it with True; it is its own "
                "`trainable` that keeps it still"
            )
            mistakes = {why: 0 if flag else 2}
            name = "its own trainable decides how many of its weights train"
            yield agrees(name, count, 2 if flag else 0, mistakes)


# --- the recipe, its lines in order ------------------------------------------------------------

_LINES = {
    "A": "    training.fit_steps(model, x, labels, steps=100)",
    "B": '    transfer.unfreeze_from(model, "conv5")',
    "C": "    x = models.preprocess(photos)",
    "D": "    training.compile_classifier(model, learning_rate=1e-5)",
    "E": "    model.trainable = True",
    "F": "def fine_tune(model, photos, labels):",
    "G": "    training.compile_classifier(model, learning_rate=1e-3)",
    "H": "    x = photos / 255",
    "I": '    transfer.unfreeze_from(model, "head")',
    "J": "    return model",
    "K": "    training.fit_steps(model, x, labels, steps=100)",
    "L": "    training.fit_steps(model, photos, labels, steps=100)",
}


class _Network:
    """Stands for a network of Keras, which decides what trains in the first step after a compile.

    A change of `trainable` after that step counts from the next compile on; one between compile and
    that step counts (`tests/checks/test_keras.py` asks Keras itself).
    """

    def __init__(self) -> None:
        self.flags = dict.fromkeys(("conv4", "conv4_bn", "conv5", "conv5_bn", "head"), False)
        self.is_compiled, self.trains, self.rate, self.fits = False, None, 0.0, []

    @property
    def trainable(self) -> bool:
        return any(self.flags.values())

    @trainable.setter
    def trainable(self, flag: bool) -> None:
        self.flags = dict.fromkeys(self.flags, flag)

    def unfreeze_from(self, stage: str) -> None:
        names = list(self.flags)
        first = names.index(stage)
        self.flags = {n: i >= first and "bn" not in n for i, n in enumerate(names)}

    def compile(self, learning_rate: float) -> None:
        self.is_compiled, self.trains, self.rate = True, None, learning_rate

    def fit(self, x: str) -> None:
        if not self.is_compiled:
            raise RuntimeError("the network must be compiled before it is trained")
        if self.trains is None:
            self.trains = self._training()
        stale = self.trains != self._training()
        self.fits.append(SimpleNamespace(x=x, trains=self.trains, rate=self.rate, stale=stale))

    def _training(self) -> set[str]:
        return {name for name, flag in self.flags.items() if flag}


class _Photos:
    """Stands for photos: knows what was done to them."""

    def __init__(self, state: str = "as they are") -> None:
        self.state = state

    def __truediv__(self, _) -> "_Photos":
        return _Photos("divided by 255")


_GIVEN = {
    "models": SimpleNamespace(preprocess=lambda _: _Photos("preprocessed")),
    "transfer": SimpleNamespace(unfreeze_from=lambda model, stage: model.unfreeze_from(stage)),
    "training": SimpleNamespace(
        compile_classifier=lambda model, learning_rate: model.compile(learning_rate),
        fit_steps=lambda model, x, labels, steps: model.fit(x.state),
    ),
}


@task(
    "What is trained first, and what has to happen between the two trainings?",
    "Each of the two trainings has three lines: what trains, compile, fit. Three lines of the "
    "twelve are not needed: two hand over the pixels wrongly, one lets BatchNormalization train.",
    "The def, the preprocessing, the head alone with the larger rate, then from conv5 on with the "
    "smaller rate, the return. Between the first fit and the second there is a compile.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """The recipe of fine-tuning, its lines put in order."""
    fine_tune = assemble(_LINES, answer, "fine_tune", _GIVEN)
    model = _Network()
    back = fine_tune(model, _Photos(), None)
    fits = model.fits
    why = "there are two trainings: first the head, then more"
    yield holds("trains twice", len(fits) == 2, why)
    for fit in fits:
        why = f"it is trained on photos {fit.x}: these weights expect preprocessed ones"
        yield holds("the network is trained on preprocessed photos", fit.x == "preprocessed", why)
    first, second = fits
    why = "the head is trained first, alone: under a random head the features are spoiled"
    yield holds("the head is trained first", first.trains == {"head"}, why)
    why = "conv5 is unfrozen and not compiled again, so that the head alone trains on"
    yield holds("compiled again after unfreezing", not second.stale, why)
    why = (
        "with line E BatchNormalization trains, and loses the statistics of the source (on "
        "TensorFlow the line does nothing, because the network's own flag is True already)"
    )
    yield holds("BatchNormalization stays still", "conv5_bn" not in second.trains, why)
    why = "the second training is that of conv5 and the head"
    yield holds("then conv5 joins", second.trains == {"conv5", "head"}, why)
    why = "the head takes the larger rate, and what is pretrained the smaller one"
    yield holds("first large steps, then small ones", first.rate > second.rate, why)
    yield holds("returns the network", back is model, "is there a return?")
    for label in "EH":
        why = f"line {label} has no effect here: leave it out"
        yield holds(f"line {label} is not needed", label not in answer, why)
