"""Weight transfer.

Checks of exercise set 04, on chapter 04.
"""

from itertools import permutations

import numpy as np

from tlcourse.checks import agrees, assemble, holds, numbers, task
from tlcourse.checks.references import normalised

EDITION = 2

COPYING = ("tlcourse.transfer.copy_weights", "tlcourse.transfer.warm_start")


def _layer(rng, *shape: int) -> list[np.ndarray]:
    """Kernel and bias."""
    return [numbers(rng, *shape), numbers(rng, shape[-1])]


# --- weights as plain arrays -----------------------------------------------------------------


@task(
    "Which question do you have to ask before the source's arrays may stand in the target's layer?",
    "Two questions: does the source have a layer of this name, and do all of its arrays have the "
    "shapes of the target's?",
    "Compare the two whole lists of shapes, so that their lengths count too. If they are equal, "
    "take the source's arrays, else the target's.",
    edition=2,
)
def copied(answer, rng):
    """Weights copied by layer name."""

    def put(source, target, chosen):
        """The target, with the source's arrays for these layers."""
        return {name: source[name] if name in chosen else target[name] for name in target}

    def unchecked(source, target):
        named = [name for name in target if name in source]
        return put(source, target, named)

    target = {"hidden": _layer(rng, 2, 1)}
    source = {"hidden": _layer(rng, 2, 1)}
    yield agrees(
        "a layer of the same name and shapes gets the source's arrays",
        answer(source, target),
        source,
        {"this is the target as it was: nothing is copied": target},
    )
    source = {"other": _layer(rng, 2, 1)}
    yield agrees(
        "a layer that the source lacks stays as it was",
        answer(source, target),
        target,
        {
            "arrays are taken from a layer of another name: the name decides, not the place": {
                "hidden": source["other"]
            },
            "the layer is gone: the answer holds all layers of the target": {},
            "the answer holds the layers of the target, and no others": {**target, **source},
        },
    )

    source = {"hidden": _layer(rng, 3, 2), "head": _layer(rng, 2, 5)}
    target = {"hidden": _layer(rng, 3, 2), "head": _layer(rng, 2, 4)}
    cut = [a[..., :4] for a in source["head"]]
    yield agrees(
        "a head of another size stays as it was",
        answer(source, target),
        put(source, target, ["hidden"]),
        {
            "the head's shapes differ, and it is copied all the same": unchecked(source, target),
            "the source's head is cut to fit; outputs made for other classes are of no use": {
                "hidden": source["hidden"],
                "head": cut,
            },
            "the head is gone: a layer that does not fit stays as it was": {
                "hidden": source["hidden"]
            },
            "one layer does not fit, and so none is copied: judge each on its own": target,
        },
    )

    source = {"hidden": _layer(rng, 3, 2)[:1]}
    target = {"hidden": _layer(rng, 3, 2)}
    half = {"hidden": [source["hidden"][0], target["hidden"][1]]}
    why = "the source's layer has no bias, so it does not fit: half a layer is copied"
    yield agrees(
        "a layer with fewer arrays does not fit",
        answer(source, target),
        target,
        {why: half, "the source's layer has no bias, and so the target's is lost": source},
    )
    source, target = {"hidden": _layer(rng, 3, 2)}, {"hidden": _layer(rng, 3, 2)[:1]}
    yield agrees(
        "a layer with more arrays does not fit",
        answer(source, target),
        target,
        {
            "the source's layer has a bias and the target's has none, so it does not fit": source,
            "the source's layer has a bias, so it does not fit: half a layer is copied": {
                "hidden": source["hidden"][:1]
            },
        },
    )
    kernel, bias = _layer(rng, 3, 2)
    source = {"hidden": [_layer(rng, 2, 3)[0], bias]}
    target = {"hidden": [kernel, _layer(rng, 3, 2)[1]]}
    yield agrees(
        "shapes are compared, not only sizes",
        answer(source, target),
        target,
        {
            "(2, 3) and (3, 2) hold six numbers each, and are not the same shape": source,
            "(2, 3) and (3, 2) hold six numbers each, and reshaping mixes them up": {
                "hidden": [source["hidden"][0].reshape(3, 2), bias]
            },
            "only the bias fits, and it is copied: half a layer": {"hidden": [kernel, bias]},
        },
    )
    source = {"hidden": [_layer(rng, 3, 2)[0], _layer(rng, 3, 3)[1]]}
    yield agrees(
        "all arrays of a layer are compared",
        answer(source, target),
        target,
        {
            "only the kernel's shape is compared; the bias does not fit": source,
            "only the kernel fits, and it is copied: half a layer": {
                "hidden": [source["hidden"][0], target["hidden"][1]]
            },
        },
    )

    kernel, bias = _layer(rng, 3, 2)
    for name, arrays in {
        "the last of three arrays is compared, too": [kernel, bias, numbers(rng, 3)],
        "all dimensions of the last array are compared": [kernel, bias, numbers(rng, 1, 2)],
        "the order of the arrays counts": [bias, kernel, bias],
    }.items():
        source = {"hidden": arrays}
        target = {"hidden": [*_layer(rng, 3, 2), numbers(rng, 2)]}
        yield agrees(name, answer(source, target), target)
    source, target = {"head": _layer(rng, 2, 3)}, {"head": _layer(rng, 2, 3)}
    yield agrees("a head that fits is copied like all other layers", answer(source, target), source)

    shapes = {"conv1": (3, 3, 1, 4), "conv2": (3, 3, 4, 6), "conv3": (3, 3, 6, 6)}
    target = {n: _layer(rng, *s) for n, s in shapes.items()} | {
        "pool": [],
        "head": _layer(rng, 54, 3),
    }
    source = {n: _layer(rng, *s) for n, s in reversed(shapes.items())}
    source |= {"head": _layer(rng, 54, 7), "aside": _layer(rng, 54, 7), "pool": []}
    yield agrees(
        "in a whole network, in whatever order its layers come",
        answer(source, target),
        put(source, target, shapes),
    )


def _norm(rng, n: int, c: int, alike: int | None):
    """A layer [γ, β, mean, variance] with input x and output y: no other order gives this y.

    In the column `alike` all orders do.
    """
    while True:
        right = np.round(rng.uniform(0.5, 3, (4, c)), 1)
        if alike is not None:
            right[:, alike] = right[0, alike]
        right = list(right)
        x = numbers(rng, n, c)
        y = normalised(x, *right)
        others = [abs(normalised(x, *p) - y).max() for p in permutations(right)]
        named = ((0, 1, 2, 3), (0, 2, 1, 3), (2, 3, 0, 1), (3, 1, 2, 0))
        by_rootless = [
            all(a is right[i] for a, i in zip(_rootless(right, x, y), order, strict=True))
            for order in named
        ]
        if sorted(others)[1] > 0.05 and not any(by_rootless):
            return right, x, y


def _rootless(arrays, x, y) -> list[np.ndarray]:
    """The order that fits best if one forgets the root."""

    def distance(order):
        gamma, beta, mean, variance = order
        return abs(gamma * (x - mean) / (variance + 1e-3) + beta - y).max()

    return list(min(permutations(arrays), key=distance))


@task(
    "There are only so many orders. How would you recognise the right one, without knowing it?",
    "itertools.permutations(arrays) runs through the 24 orders. Put each into the formula and "
    "compare what comes out with y.",
    "In the right order all outputs agree with y, up to rounding: np.allclose, or the smallest of "
    "the 24 largest differences. Return the arrays in that order.",
    edition=2,
)
def reordered(answer, rng):
    """The order of a BatchNormalization layer's arrays, found by its outputs."""
    twice = {s: tuple(s[i] for i in s) for s in permutations(range(4))}
    known = ((0, 1, 2, 3), (2, 3, 0, 1))  # applied the wrong way round, no other mistake's order
    shuffles = [s for s in twice if twice[s] not in known]
    for n, c, alike in ((3, 2, None), (3, 2, 0), (3, 2, 1), (8, 5, 0)):
        right, x, y = _norm(rng, n, c, alike)
        rootless = _rootless(right, x, y)
        draws = (shuffles[i] for i in rng.permutation(len(shuffles)))
        shuffle = next(  # so that no other mistake gives the order without the root
            s
            for s in draws
            if not any(
                all(right[i] is a for i, a in zip(order, rootless, strict=True))
                for order in (s, twice[s])
            )
        )
        arrays = [right[i] for i in shuffle]
        got = answer(arrays, x, y)
        gamma, beta, mean, variance = right
        why = "nothing (None): is there a return, and does an order fit, with 0.001 under the root?"
        yield holds("an order is found", got is not None, why)

        def fits_one(at, arrays=arrays, x=x, y=y):
            return next(p for p in permutations(arrays) if np.isclose(normalised(x, *p)[at], y[at]))

        partly = "this order gives one column of y and not the others: compare all of y"
        partial = {
            partly: list(fits_one((0, 0))),
            f"{partly}, to the end": list(fits_one((-1, -1))),
        }
        yield agrees(
            "the four arrays, in the order that gives y",
            got,
            right,
            {
                "this order fits best without the root: divide by the root of variance + 0.001": (
                    rootless
                )
            }
            | (partial if alike is not None else {})
            | {
                "the mean and β are exchanged: Keras' order is γ, β, mean, variance": [
                    gamma,
                    mean,
                    beta,
                    variance,
                ],
                "this is mean, variance, γ, β: Keras begins with γ and β": [
                    mean,
                    variance,
                    gamma,
                    beta,
                ],
                "γ and the variance are exchanged": [variance, beta, mean, gamma],
                "this is the order in which they came": arrays,
                "the order is applied the wrong way round: where an array lies is not where it "
                "belongs": [arrays[i] for i in shuffle],
            }
            | partial,
        )
    # Where x is the mean, and on the mean of x, γ and the variance do not act on y.
    gamma, beta, mean, variance = np.round(
        rng.permuted([[0.6], [1.1], [1.7], [2.6]], axis=0), 1
    ) + (rng.integers(0, 4, (4, 2)) / 10)
    apart = np.round(rng.uniform(1, 3, (2, 2)), 1)
    x = mean + np.array([0 * mean, *apart, *-apart, 0 * mean])
    y = normalised(x, gamma, beta, mean, variance)
    got = answer([variance, mean, gamma, beta], x, y)
    yield holds("an order is found", got is not None, why)
    why = "γ and the variance are exchanged: all rows of y count, not one of them or their mean"
    yield agrees(
        "the four arrays, in the order that gives all rows of y",
        got,
        [gamma, beta, mean, variance],
        {why: [variance, beta, mean, gamma]},
    )


# --- labels ----------------------------------------------------------------------------------


def _curve(rng, k: int):
    """Numbers of labels, and accuracies that rise with them by at least 0.05."""
    labels = np.sort(rng.choice([2, 5, 10, 20, 50, 100, 200, 500], k, replace=False))
    steps = rng.uniform(0.05, 0.9 / (k + 1), k)
    return labels, np.round(0.05 + np.cumsum(steps), 2)


@task(
    "Between 10 and 40 labels, scratch rises from 0.4 to 0.6. Where does it pass 0.5, if each "
    "doubling of the labels brings equally much?",
    "np.interp reads a straight line between points; the numbers that it looks up come first and "
    "must rise. Which are these here, and what shall come out?",
    "Interpolate the logarithm of the labels over the scores, and take the exponential. Look first "
    "whether the accuracy is above the last score.",
)
def labels_needed(answer, rng):
    """How many labels a transfer is worth."""

    def right(accuracy, labels, scores):
        if accuracy > scores[-1]:
            return np.inf
        return float(np.exp(np.interp(accuracy, scores, np.log(labels))))

    def mistakes(accuracy, labels, scores):
        ratio = (accuracy - scores[0]) / (scores[-1] - scores[0])
        line = np.polyfit(scores, np.log(labels), 1)
        return {
            "this is straight over the labels; it should be straight over their logarithm": (
                float(np.interp(accuracy, scores, labels))
            ),
            "this is still the logarithm of the labels": (
                float(np.interp(accuracy, scores, np.log(labels)))
            ),
            "this is still the logarithm of the labels, to base 10": (
                float(np.interp(accuracy, scores, np.log10(labels)))
            ),
            "this is a measured number of labels, the next one above; read between them": (
                float(labels[min(np.searchsorted(scores, accuracy), len(labels) - 1)])
            ),
            "this is a measured number of labels, the nearest; read between them": (
                float(labels[np.argmin(abs(scores - accuracy))])
            ),
            "labels and scores are exchanged: look the accuracy up among the scores": (
                float(np.interp(accuracy, labels, scores))
            ),
            "scores are looked up, labels come out: labels and scores are exchanged": (
                float(np.exp(np.interp(accuracy, np.log(labels), scores)))
            ),
            "this is one straight line from the first point to the last; the curve has more": (
                float(labels[0] * (labels[-1] / labels[0]) ** ratio)
            ),
            "this is one straight line fitted to all points; go from point to point": (
                float(np.exp(np.polyval(line, accuracy)))
            ),
            "do not round, the number need not be whole: here it is rounded up": (
                np.ceil(right(accuracy, labels, scores))
            ),
            "do not round: the number need not be whole": np.round(right(accuracy, labels, scores)),
            "do not round, the number need not be whole: here it is rounded down": (
                np.floor(right(accuracy, labels, scores))
            ),
        }

    labels, scores = np.array([10, 40]), np.array([0.4, 0.6])
    got = answer(0.5, labels, scores)
    name = "half-way between 10 and 40 labels"
    wrong = mistakes(0.5, labels, scores)
    yield agrees(name, got, right(0.5, labels, scores), wrong)
    for k in (2, 3, 6):
        labels, scores = _curve(rng, k)
        for i in range(k):
            name = "at a measured score it is the labels measured there"
            wrong = mistakes(scores[i], labels, scores)
            got = answer(float(scores[i]), labels, scores)
            yield agrees(name, got, float(labels[i]), wrong, everywhere=i > 0)
        top = float(scores[-1]) + 0.05
        yield agrees(
            "what scratch never reached needs infinitely many",
            answer(top, labels, scores),
            np.inf,
            {
                "scratch never reached this accuracy with that many labels: say np.inf": (
                    float(labels[-1])
                ),
                "NaN says that you do not know; scratch was measured and did not get there: say "
                "np.inf": np.nan,
                "the curve is drawn on beyond what was measured: say np.inf": float(
                    labels[-1] * (labels[-1] / labels[-2]) ** (0.05 / (scores[-1] - scores[-2]))
                ),
            },
        )
        yield agrees(
            "what scratch always reached needs the fewest",
            answer(float(scores[0]) - 0.04, labels, scores),
            float(labels[0]),
            {
                "nothing was measured below the fewest labels: return these": float(
                    labels[0] * (labels[0] / labels[1]) ** (0.04 / (scores[1] - scores[0]))
                )
            },
        )
        for i in range(k - 1):
            part = rng.uniform(0.2, 0.8)
            accuracy = float(np.round(scores[i] + part * (scores[i + 1] - scores[i]), 4))
            got = answer(accuracy, labels, scores)
            expected, wrong = right(accuracy, labels, scores), mistakes(accuracy, labels, scores)
            yield agrees("is straight over the logarithm of the labels", got, expected, wrong)


# --- what trains -----------------------------------------------------------------------------

INPUTS, UNITS, LETTERS, DIGITS = 6, 8, 26, 10
SIZES = {"hidden1": (INPUTS, UNITS), "hidden2": (UNITS, UNITS), "head": (UNITS, LETTERS)}
RATE = 0.1


def _network(rng, **sizes) -> dict[str, list[np.ndarray]]:
    """Random weights of the set's network, by layer name."""
    shapes = SIZES | sizes
    return {n: [rng.normal(0, 0.5, s), rng.normal(0, 0.2, s[1])] for n, s in shapes.items()}


def _batch(rng):
    """Inputs, and classes 0 to 9, of 40 examples: more than Keras puts into a batch by itself."""
    return numbers(rng, 40, INPUTS), rng.integers(0, DIGITS, 40)


def _slopes(weights, x, y, logits: bool = True) -> dict[str, list[np.ndarray]]:
    """The gradient of the mean cross-entropy; without `logits` that of Keras' default loss."""
    layers = list(SIZES)
    inputs = [x]
    for name in layers:
        z = inputs[-1] @ weights[name][0] + weights[name][1]
        inputs.append(np.maximum(z, 0) if name != "head" else z)
    p = np.exp(z - z.max(1, keepdims=True)) if logits else np.clip(z, 1e-7, 1 - 1e-7)
    slope = p / p.sum(1, keepdims=True) - np.eye(z.shape[1])[y]
    slope = slope / len(y) if logits else slope / p * (p == z) / len(y)
    found = {}
    for name, entered in zip(reversed(layers), reversed(inputs[:-1]), strict=True):
        found[name] = [entered.T @ slope, slope.sum(0)]
        slope = (slope @ weights[name][0].T) * (entered > 0)
    return {name: found[name] for name in layers}


def _descend(weights, x, y, rate: float, steps: int = 1, frozen=(), change=None, **kind):
    """The weights after some steps; `change` turns a gradient into what the rate multiplies."""
    for _ in range(steps):
        slopes = _slopes(weights, x, y, **kind)
        weights = {
            name: [
                a if name in frozen else a - rate * (change(g) if change else g)
                for a, g in zip(arrays, slopes[name], strict=True)
            ]
            for name, arrays in weights.items()
        }
    return weights


def _same(got, expected) -> bool:
    return agrees("", got, expected, rtol=1e-3, atol=1e-5).ok


@task(
    "What happens to the source when the target trains, if both own the same layer objects?",
    "There are three faults: layers that are shared instead of copied; a restart that comes after "
    "the weights; and a flag that has no place in fine-tuning.",
    "Build the target with network(10), compile and restart it, and only then set the weights of "
    "hidden1 and hidden2 to the source's values.",
    forbids=COPYING,
    edition=2,
)
def repaired(answer, rng):
    """Fine-tuning a copy of the source, repaired."""
    source, seed = _network(rng), int(rng.integers(1000))
    x, y = _batch(rng)
    like = {"source": source, "target": _network(rng, head=(UNITS, DIGITS))}
    owned = (
        "it changes when the target is restarted or trained: both networks own the same layer "
        "objects, so give the target layers of its own"
    )
    backbone = {n: source[n] for n in ("hidden1", "hidden2")}

    start = answer(source, x, y, seed, 0)
    yield agrees("holds the weights of both networks", start, like, rtol=np.inf, atol=np.inf)
    yield holds("the source keeps its weights", _same(start["source"], source), owned)
    begun = {n: start["target"][n] for n in backbone}
    why = (
        "after 0 steps the target's hidden layers are not the source's: copy the weights, and do "
        "so after the restart, which replaces all weights by random ones"
    )
    yield holds("the target begins with the source's hidden layers", _same(begun, backbone), why)
    other = answer(source, x, y, seed + 2, 0)
    why = "at another seed the head is the same: let the target restart with the seed"
    is_new = not _same(other["target"]["head"], start["target"]["head"])
    yield holds("another seed, another head", is_new, why)

    taken = int(rng.integers(3, 6))
    after = answer(source, x, y, seed, taken)
    yield agrees("holds the weights of both networks", after, like, rtol=np.inf, atol=np.inf)
    yield holds("the source keeps its weights", _same(after["source"], source), owned)
    still = {n: _same(after["target"][n], start["target"][n]) for n in SIZES}
    why = (
        f"after {taken} steps the hidden layers are where they began: in fine-tuning they train too"
    )
    yield holds("all layers train", not (still["hidden1"] or still["hidden2"]), why)
    why = f"after {taken} steps the head is where it began"
    yield holds("all layers train", not still["head"], why)

    def steps(n, **kind):
        return {"source": source, "target": _descend(start["target"], x, y, RATE, n, **kind)}

    if not _same(after, steps(taken)):  # not asked of a right answer, to save its time
        again = answer(source, x, y, seed, 0)
        why = "at the same seed the head begins differently: does the target restart with it?"
        yield holds("one seed, one start", _same(again["target"], start["target"]), why)
    yield agrees(
        "it takes this many steps on all examples",
        after,
        steps(taken),
        {
            "the network returns logits, and the loss takes them for probabilities: from_logits": (
                steps(taken, logits=False)
            ),
            "it takes one step, however many are asked for": steps(1),
            "it takes one step too many": steps(taken + 1),
        },
        rtol=1e-3,
        atol=1e-5,
    )


@task(
    "Which layers have anything to train at all?",
    "Three things decide: whether the layer has parameters, whether it was copied, and the way.",
    "A layer stays as it is if it has no parameters, or if the way is frozen and it was copied. "
    "All others train.",
    edition=2,
)
def trains(answer, rng):
    """Which layers training changes, predicted."""
    network = {
        "scale": 1,
        "conv1": 160,
        "pool1": 0,
        "conv2": 4640,
        "pool2": 0,
        "conv3": 18496,
        "flatten": 0,
        "head": 5770,
    }
    stack = {f"block{i}": int(rng.integers(10, 99)) for i in range(1, 6)}
    depth = int(rng.integers(2, 4))
    for name, sizes, copied in (
        ("with three layers", {"hidden1": 56, "hidden2": 72, "head": 90}, ["hidden1"]),
        ("with layers that hold nothing", network, ["conv1", "conv2"]),
        ("with other names and without a head", stack, list(stack)[:depth]),
        ("with layers copied from the middle", stack, list(stack)[1:depth]),
        ("with a head that was copied", {"hidden": 56, "pool": 12, "head": 90}, ["pool", "head"]),
    ):
        for way in ("frozen", "fine-tuned", "scratch"):
            weights = {n: size > 0 for n, size in sizes.items()}
            mistakes = {
                "layers without parameters have nothing to train": {
                    n: not (way == "frozen" and n in copied) for n in sizes
                },
                "this is the reverse: True stands for a layer that training changes": {
                    n: way == "frozen" and n in copied for n in sizes
                },
            }
            still = {n: weights[n] and n not in copied for n in sizes}
            last = {n: n == list(sizes)[-1] for n in sizes}
            if way == "frozen":
                expected = still
                mistakes |= {
                    "all but the last layer are kept still; those that were not copied hold "
                    "random numbers and must train": last,
                    "all layers train, and the way is frozen": weights,
                    "layers without parameters have nothing to train, and the way is frozen": (
                        dict.fromkeys(sizes, True)
                    ),
                }
            else:
                expected = weights
                mistakes |= {
                    "the copied layers are kept still; only the way frozen does that": still,
                    "only the last layer trains; only frozen layers are kept still": last,
                    "only the copied layers train": {n: n in copied for n in sizes},
                }
            yield agrees(f"{name}, {way}", answer(sizes, copied, way), expected, mistakes)


@task(
    "Which three things have to be in place before the first step is taken?",
    "set_weights for hidden1, hidden2 and the head; trainable = False for the layers in frozen; "
    "then compile. One step on all of x and y is train_on_batch.",
    "The optimizer is keras.optimizers.SGD(rate). The network returns logits, so that the loss has "
    "to be told: SparseCategoricalCrossentropy(from_logits=True).",
    forbids=COPYING,
    edition=2,
)
def trained(answer, rng):
    """Which layers training changes, measured."""
    source, head = _network(rng), _network(rng, head=(UNITS, DIGITS))["head"]
    x, y = _batch(rng)
    start = {**{n: source[n] for n in ("hidden1", "hidden2")}, "head": head}
    got = answer(source, head, x, y, [], 0.0)
    yield agrees("holds all weights", got, start, rtol=np.inf, atol=np.inf)
    default = _same(got, _descend(start, x, y, 0.01))
    yield holds("the rate is used", not default, "SGD takes its own rate of 0.01: give it yours")
    for name, why in {
        "hidden1": "with a rate of 0 hidden1 should come back as in the source: is it copied?",
        "hidden2": "with a rate of 0 hidden2 should come back as in the source: is it copied?",
        "head": "with a rate of 0 the head should come back as it was given: is it set?",
    }.items():
        yield holds(f"{name} begins where it should", _same(got[name], start[name]), why)

    every = ["hidden1", "hidden2", "head"]
    rates = rng.permutation([0.05, 0.15, 0.2, 0.3]).tolist()
    for rate, (which, frozen) in zip(
        rates,
        (
            ("one hidden layer", [str(rng.choice(every[:2]))]),
            ("both hidden layers", every[:2]),
            ("nothing", []),
            ("the second layer and the head", every[1:]),
        ),
        strict=True,
    ):
        got = answer(source, head, x, y, frozen, rate)

        def step(frozen=frozen, rate=rate, **kind):
            return _descend(start, x, y, rate, frozen=frozen, **kind)

        mistakes = {"nothing moves: is a step taken, and does any layer train?": start}
        if frozen:
            others = [n for n in every if n not in frozen]
            mistakes["a layer that is frozen moves: set its trainable to False"] = step(())
            mistakes["it is the reverse: the layers in frozen train, and the others are still"] = (
                step(others)
            )
        mistakes["two steps are taken, and one is asked for"] = step(steps=2)
        mistakes["hidden1 and hidden2 are still, whichever are named in frozen"] = step(every[:2])
        if "head" in frozen:
            still = [n for n in frozen if n != "head"]
            mistakes["the head trains, and it is frozen here"] = step(still)
        else:
            mistakes["the head is still, and it is not frozen"] = step([*frozen, "head"])
        mistakes[
            "the network returns logits, and the loss takes them for probabilities: from_logits"
        ] = step(logits=False)
        mistakes["this is not plain gradient descent, but a step of Adam: use SGD"] = step(
            change=lambda g: g / (abs(g) + 1e-7 / np.sqrt(1 - 0.999))
        )
        yield agrees(
            f"one step of gradient descent, with {which} frozen",
            got,
            step(),
            mistakes,
            rtol=1e-3,
            atol=1e-5,
        )


# --- the verdict -----------------------------------------------------------------------------


def _compared(gain: float, error: float) -> dict:
    verdict = "positive" if gain > 3 * error else "negative" if gain < -3 * error else "undecided"
    return {"gain": gain, "error": error, "verdict": verdict}


def _pairs(rng, seeds: int, errors: float, gain: float, ahead: float):
    """Accuracies whose gain over the better rival is so many standard errors.

    The seeds differ far more than the two ways do. The patient rival is `ahead` of scratch.
    """
    z = rng.permutation(np.linspace(-1, 1, seeds) ** 3 + 0.2 * np.cos(np.arange(seeds)))
    z = (z - z.mean()) / z.std(ddof=1)
    error = gain / errors
    luck = rng.permutation(np.linspace(-0.12, 0.12, seeds))
    wobble = rng.permutation(np.linspace(-0.1, 0.1, seeds))
    scratch = 0.5 + luck
    patient = scratch + ahead + wobble
    rival = patient if ahead > 0 else scratch
    transfer = rival + gain + abs(error) * np.sqrt(seeds) * z
    return [np.round(scores, 4) for scores in (transfer, scratch, patient)]


@task(
    "Each seed gives a pair. What do you look at in a pair, and what does its luck have to do with "
    "it?",
    "Choose the rival first, by the two means. Then take the differences, seed by seed: their mean "
    "is the gain.",
    "The error is the standard deviation of these differences, with S − 1 below, divided by the "
    "root of S. Compare the gain with 3 and with −3 errors.",
    edition=2,
)
def compared(answer, rng):
    """Does the transfer help? A verdict from paired runs."""
    cases = (
        ("a clear gain", 5, 8.0, 0.1, -0.06),
        ("a clear gain over a rival that trained longer", 5, 8.0, 0.04, 0.06),
        ("a clear loss", 5, -6.0, -0.08, -0.06),
        ("better than scratch, and worse than scratch with more time", 6, -6.0, -0.05, 0.15),
        ("a gain that luck can explain", 8, 1.3, 0.02, 0.06),
        ("a loss that luck can explain", 10, -1.4, -0.02, -0.06),
        ("a gain that is nearly large enough", 6, 2.9, 0.03, 0.06),
        ("a gain that is just large enough", 12, 3.1, 0.03, -0.06),
        ("a loss that is nearly large enough", 6, -2.9, -0.03, 0.06),
        ("a loss that is just large enough", 12, -3.1, -0.03, -0.06),
    )
    lucky = (
        "the gain is measured against the weaker rival: the larger mean decides, not the larger "
        "median or the best seed"
    )
    steady, wild = [0.58, 0.59, 0.6, 0.61, 0.62], [0.3, 0.4, 0.64, 0.66, 0.68]
    three = np.array([[0.64, 0.61, 0.67, 0.64, 0.69], steady, wild])
    runs = [("the rival is the one with the larger mean", *rng.permutation(three, 1))]
    runs += [(name, *_pairs(rng, *case)) for name, *case in cases]
    for name, transfer, scratch, patient in runs:
        got, seeds = answer(transfer, scratch, patient), len(transfer)
        later = patient.mean() > scratch.mean()
        rival, weaker = (patient, scratch) if later else (scratch, patient)

        def judged(rival, transfer=transfer, seeds=seeds, sign=1):
            d = sign * (transfer - rival)
            return _compared(float(d.mean()), float(d.std(ddof=1) / np.sqrt(seeds)))

        right = judged(rival)
        d = transfer - rival
        mean, sd = float(d.mean()), float(d.std(ddof=1))
        apart = np.sqrt((transfer.var(ddof=1) + rival.var(ddof=1)) / seeds)
        mistakes = {
            **({lucky: judged(weaker)} if np.median(rival) < np.median(weaker) else {}),
            "the gain is measured against the weaker rival": judged(weaker),
            "the two rivals are averaged; take the better one": judged((scratch + patient) / 2),
            "the better rival is chosen seed by seed; choose one for all, by its mean": judged(
                np.maximum(scratch, patient)
            ),
            "the sign is reversed: the gain is transfer minus rival": judged(rival, sign=-1),
            "the error is the standard deviation; divide it by the root of S": _compared(mean, sd),
            "divide by S − 1 inside the standard deviation: ddof=1": _compared(
                mean, float(d.std() / np.sqrt(seeds))
            ),
            "divide the standard deviation by the root of S, not by S": _compared(mean, sd / seeds),
            "the pairs are torn apart: take the spread of the differences, not of the two ways": (
                _compared(mean, float(apart))
            ),
            "the error is that of the transfer alone: take the spread of the differences": (
                _compared(mean, float(transfer.std(ddof=1) / np.sqrt(seeds)))
            ),
            "gain and error are in points; accuracies are in 0–1 here": _compared(
                100 * mean, 100 * right["error"]
            ),
            "with less than 3 errors between it and 0 a gain is undecided": right
            | {"verdict": "positive" if mean > 0 else "negative"},
            "a loss is a result too: below −3 errors the transfer is negative": right
            | {"verdict": "undecided"},
            "the sign of the gain is lost: a large loss is negative transfer": right
            | {"verdict": "positive"},
        }
        yield agrees(name, got, right, mistakes, everywhere=False)


# --- a fair experiment, its lines in order ---------------------------------------------------

_LINES = {
    "A": "            network = fresh(seed)",
    "B": "    return scores",
    "C": "        few = draw(train_images, n, seed)",
    "D": "                copy_backbone(source, network)",
    "E": "    scores = {way: [] for way in ways}",
    "F": "            scores[way].append(accuracy(network, few))",
    "G": "        for way in ways:",
    "H": "            fit(network, few, steps)",
    "I": "    network = fresh(seeds[0])",
    "J": "def experiment(ways, n, seeds, steps):",
    "K": '            if way == "transfer":',
    "L": "    for seed in seeds:",
    "M": "            scores[way].append(accuracy(network, test_images))",
    "N": "    return {way: max(scores[way]) for way in ways}",
    "O": "            few = draw(train_images, n, None)",
}


class _World:
    """What the lines may use: networks and images are notes of what was done to them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.values, self.rng = {}, rng

    def names(self) -> dict:
        given = ("fresh", "draw", "copy_backbone", "fit", "accuracy")
        return {name: getattr(self, name) for name in given} | {
            "source": "source", "train_images": "train", "test_images": "test"
        }  # fmt: skip

    def draw(self, images, n, seed):
        return (images, n, seed if seed is not None else int(self.rng.integers(10**9)))

    def fresh(self, seed):
        return [("fresh", seed)]

    def copy_backbone(self, source, network):
        network[:] = [*network, ("copied",)]

    def fit(self, network, few, steps):
        network[:] = [*network, ("fit", few, steps)]

    def accuracy(self, network, images):
        """A random number for each history of a network."""
        key = (tuple(network), images)
        return self.values.setdefault(key, round(float(self.rng.uniform(0.1, 0.9)), 4))


def _scores(world: _World, seeds, n: int, steps: int, plan: list[str]) -> list[float]:
    """The test accuracy at each seed, after a fresh network went through the plan."""
    scores = []
    for seed in seeds:
        network = world.fresh(seed)
        for act in plan:
            if act == "fit":
                world.fit(network, world.draw("train", n, seed), steps)
            else:
                world.copy_backbone("source", network)
        scores.append(world.accuracy(network, "test"))
    return scores


@task(
    "What belongs to a seed, and what to a single run? The indentation tells.",
    "Four lines are not needed. One draws other images for each way, one lets a network train on "
    "from run to run, one measures on the training images, one keeps the luckiest seed.",
    "The images are drawn once for each seed, before the loop over the ways. A run is: fresh "
    "weights, the source's on top of them, training, the test set.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """A fair comparison of transfer and scratch, its lines put in order."""
    world = _World(rng)
    experiment = assemble(_LINES, answer, "experiment", world.names())
    for name, label, why in (
        ("both ways see the same labelled images", "O", "line O draws other images for each way"),
        (
            "each run begins with a new network",
            "I",
            "with line I one network trains on from run to run",
        ),
        ("accuracy is measured on the test set", "F", "line F measures on the images just learned"),
        ("all seeds are reported", "N", "line N keeps the luckiest seed of each way"),
    ):
        yield holds(name, label not in answer, why)
    ways, n, steps = ["scratch", "transfer"], int(rng.integers(5, 50)), int(rng.integers(50, 500))
    for seeds in ([3], [int(s) for s in rng.permutation(20)[:5]]):
        got = experiment(ways, n, seeds, steps)

        alone = _scores(world, seeds, n, steps, ["fit"])
        yield agrees(
            "a run is fresh weights, the source's, training and the test set, for each seed",
            got,
            {"scratch": alone, "transfer": _scores(world, seeds, n, steps, ["copy", "fit"])},
            {
                "the two ways come out alike: the source's weights are not copied, or fresh ones "
                "replace them": {"scratch": alone, "transfer": alone},
                "the source's weights are copied after training, and replace what was learned": {
                    "scratch": alone,
                    "transfer": _scores(world, seeds, n, steps, ["fit", "copy"]),
                },
                "the networks are measured before they are trained": {
                    "scratch": _scores(world, seeds, n, steps, []),
                    "transfer": _scores(world, seeds, n, steps, ["copy"]),
                },
            },
        )
