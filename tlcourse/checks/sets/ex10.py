"""ResNet18 in PyTorch.

Checks of exercise set 10, on chapter 10. They need no PyTorch.
"""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from tlcourse.checks import agrees, assemble, holds, numbers, task, telling
from tlcourse.checks.properties import difference

EDITION = 1


def _about(wrong: dict, place: int) -> dict:
    """The mistakes in one of two values, by their messages, which begin with its number."""
    return {m[3:]: value[place - 1] for m, value in wrong.items() if m.startswith(f"{place}: ")}


# --- momentum ------------------------------------------------------------------------------------


def _path(theta, gradients, alphas, rule) -> np.ndarray:
    """θ after each step; `rule` returns the new v, and what is added to θ."""
    v, path = np.zeros(theta.shape), [theta]
    for g, alpha in zip(gradients, alphas, strict=True):
        v, step = rule(v, g, alpha)
        path.append(path[-1] + step)
    return np.array(path[1:])


def _momentum(theta, gradients, alphas, beta):
    def path(rule, rates=alphas):
        return _path(theta, gradients, rates, rule)

    def pytorch(v, g, a):
        return beta * v + g, -a * (beta * v + g)

    def keras(v, g, a):
        return beta * v - a * g, beta * v - a * g

    first, second = path(pytorch), path(keras)
    plain = path(lambda v, g, a: (v, -a * g))
    constant = np.full(len(alphas), alphas[0])
    of_pytorch = {
        "this is Keras' path: in PyTorch the rate is no part of v; it multiplies all of it": second,
        "this is descent without momentum: v begins with β times the v of the step before": plain,
        "θ moves by the v of the step before; compute the new v first": (
            path(lambda v, g, a: (beta * v + g, -a * v))
        ),
        "the gradient is multiplied by 1 − β in yours; PyTorch adds all of it to v": (
            path(lambda v, g, a: (beta * v + (1 - beta) * g, -a * (beta * v + (1 - beta) * g)))
        ),
        "this is Nesterov's variant; θ moves by α times v alone": (
            path(lambda v, g, a: (beta * v + g, -a * (g + beta * (beta * v + g))))
        ),
        "θ goes uphill: subtract α v": path(lambda v, g, a: (beta * v + g, a * (beta * v + g))),
        "the rate stands in v and in the step, so that it counts twice; PyTorch has it in the step "
        "alone": path(lambda v, g, a: (beta * v + a * g, -a * (beta * v + a * g))),
        "v adds up all gradients without losing any: multiply it by β first": (
            path(lambda v, g, a: (v + g, -a * (v + g)))
        ),
        "β multiplies the new gradient, too; it multiplies v alone": (
            path(lambda v, g, a: (beta * (v + g), -a * beta * (v + g)))
        ),
        "all steps have the learning rate of the first; each has its own": path(pytorch, constant),
        "your list holds one array T times, which each step has changed: append a copy": (
            np.repeat(first[-1:], len(first), axis=0)
        ),
    }
    of_keras = {
        "this is PyTorch's path: in Keras the rate is a part of v": first,
        "Keras' path is descent without momentum: v begins with β times its value before": plain,
        "in Keras, too, θ moves by the new v; yours moves by that of the step before": (
            path(lambda v, g, a: (beta * v - a * g, v))
        ),
        "the gradient is multiplied by 1 − β in yours; Keras subtracts α times all of it": (
            path(
                lambda v, g, a: (
                    beta * v - a * (1 - beta) * g,
                    beta * v - a * (1 - beta) * g,
                )
            )
        ),
        "this is Nesterov's variant; θ moves by v alone": (
            path(lambda v, g, a: (beta * v - a * g, beta * (beta * v - a * g) - a * g))
        ),
        "θ goes uphill: v holds −αg, so add it": (
            path(lambda v, g, a: (beta * v - a * g, a * g - beta * v))
        ),
        "the rate stands in v and in the step, so that it counts twice; Keras has it in v alone": (
            path(lambda v, g, a: (beta * v - a * g, a * (beta * v - a * g)))
        ),
        "v adds up all steps without losing any: multiply it by β first": (
            path(lambda v, g, a: (v - a * g, v - a * g))
        ),
        "β multiplies the new αg, too; it multiplies v alone": (
            path(lambda v, g, a: (beta * (v - a * g), beta * (v - a * g)))
        ),
        "all steps of Keras have the learning rate of the first; each has its own": path(
            keras, constant
        ),
        "your list for Keras holds one array T times, which each step has changed: append a copy": (
            np.repeat(second[-1:], len(second), axis=0)
        ),
    }
    return [first, second], (
        {f"1: {m}": [value, second] for m, value in of_pytorch.items()}
        | {f"2: {m}": [first, value] for m, value in of_keras.items()}
    )


def _one(theta, gradients, rates, beta):
    """One entry of θ does not move."""
    still = np.array(gradients)
    still[:, 0] = 0
    return theta, still


def _opposite(theta, gradients, rates, beta):
    """The entries move by opposite amounts, so that their differences have the sum 0."""
    return theta, np.where([True, False], gradients[:, 1:], -gradients[:, 1:])


def _late(theta, gradients, rates, beta):
    """The first two gradients are zero, and the next is not."""
    late = np.array(gradients)
    late[:2], late[2] = 0, [1.5, -2.0]
    return theta, late


def _near(low: float, high: float, start: float):
    """The paths part by an amount between two bounds, small beside a θ of 0, or of `start`.

    Above 10⁻⁶ only one entry parts, so that a mean of them is no judge; below, both do.
    """

    def only(theta, gradients, rates, beta):
        small = np.zeros((3, 2))
        weight = beta * (rates[0] - rates[2])  # of the gradient of the second step
        small[1, 1] = (low + high) / 2 / weight
        if high < 1e-6:
            small[1, 0] = small[1, 1]
        small = np.array([[float(f"{g:.3g}") for g in row] for row in small])
        return np.full(2, float(start)), small

    return only


def _why_parted(got: float, apart: np.ndarray, is_first: bool) -> tuple[int, str]:
    """The first step after which paths are apart, and why an answer is not that step.

    `apart` has the shape (T, D). In the first draw each known mistake gives another number.
    """
    steps = apart.any(axis=1)
    if not steps.any():
        return 0, "where no entry differs by more than 10⁻⁶, as by rounding, the number is 0"
    parted = int(steps.argmax()) + 1
    if not got:
        return parted, "after some step they differ by more than 10⁻⁶: look at each of them"
    known = (
        (len(steps), "this is the last step after which they differ; return the first"),
        (steps.sum(), "this is how many steps end apart; return which is the first"),
        (parted - 1, "the first step has the number 1; yours counts from 0"),
        (apart.argmax() + 1, "argmax goes through the entries of all steps here; join the entries "
         "of a step first"),
    )  # fmt: skip
    found = [why for number, why in known if number == got]
    if is_first and len(found) == 1:
        return parted, found[0]
    if got > parted:
        return parted, "they differ by more than 10⁻⁶ before that, in at least one entry"
    return parted, "after that step no entry differs by more than 10⁻⁶"


@task(
    "If the learning rate falls in one step, does that also shrink what v has gathered before?",
    "Keep two velocities, one for each library, and let both begin with zeros. In every step the "
    "new v comes first, and then θ moves by it.",
    "np.abs(first - second).max(axis=1) > 1e-6 says for each step whether the two are apart. Its "
    "argmax is the place of the first True, counted from 0, if there is one.",
    forbids=("torch.optim.SGD", "keras.optimizers.SGD", "tlcourse.optimizers.descend"),
)
def momentum(answer, rng):
    """Two definitions of momentum."""
    for name, beta, changes, only in (
        ("they part at a step whose rate is another", 0.9, (0, 1, 1, 1, 1), None),
        ("with one rate for all steps they never part", 0.8, (0, 0, 0, 0), None),
        ("they stay together until then", 0.7, (0, 0, 0, 1, 0), None),
        ("without momentum they never part", 0.0, (0, 1, 1, 2), None),
        ("they may part in the last step", 0.6, (0, 0, 0, 0, 0, 2), None),
        ("and stay apart when the rate comes back", 0.9, (0,) * 6 + (2, 1, 0, 0, 0), None),
        ("one number of θ is enough", 0.8, (0, 0, 1), _one),
        ("two that differ by opposite amounts are apart", 0.8, (0, 0, 1), _opposite),
        ("where v is still zero, another rate parts nothing", 0.9, (0, 1, 1, 1), _late),
        ("but a later one does", 0.9, (0, 1, 1, 2), _late),
        ("a little more than 10⁻⁶ counts", 0.9, (0, 0, 1), _near(1.02e-6, 1.08e-6, 0)),
        ("also beside large numbers", 0.8, (0, 0, 1), _near(3e-6, 8e-6, 2)),
        ("a little less does not", 0.9, (0, 0, 1), _near(0.92e-6, 0.98e-6, 0)),
    ):

        def draw(beta=beta, changes=changes, only=only):
            theta = numbers(rng, 2)
            gradients = numbers(rng, len(changes), 2)
            rates = rng.choice([0.1, 0.2, 0.3, 0.4, 0.5], 3, replace=False)[list(changes)]
            theta, gradients = only(theta, gradients, rates, beta) if only else (theta, gradients)
            return theta, gradients, rates, beta

        if beta and len(set(changes)) > 1 and not only:
            theta, gradients, alphas, beta, expected, wrong = telling(draw, _momentum)
        else:  # where many a mistake makes no difference, but rounding does
            for _ in range(100):
                theta, gradients, alphas, beta = draw()
                expected, wrong = _momentum(theta, gradients, alphas, beta)
                if (expected[0] != expected[1]).any():
                    break
        first, second = expected
        got = answer(theta, gradients, alphas, beta)
        form = [first, second, 0.0]
        yield agrees("returns two paths and a number", got, form, rtol=np.inf, atol=np.inf)
        what = "the first path is PyTorch's"
        yield agrees(what, got[0], first, _about(wrong, 1), result=got)
        what = "the second path is Keras'"
        yield agrees(what, got[1], second, _about(wrong, 2), result=got)
        apart = abs(first - second) > 1e-6
        is_first = name.startswith("they part")
        parted, why = _why_parted(float(got[2]), apart, is_first)
        yield holds(name, got[2] == parted, why, result=got)


# --- weight decay --------------------------------------------------------------------------------


def _adam(g, m, v, t):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def _adams(theta, gradients, alpha, into=None, then=None, state=None, t=None, keeps=True, first=1):
    """θ after the steps, and Adam's m and v, where decay is added to g or changes θ.

    `into(theta)` is added to the gradient; `then(theta, step)` is the new θ.
    """
    m, v = state or (np.zeros(theta.shape), np.zeros(theta.shape))
    for count, g in enumerate(gradients, start=first):
        if not keeps:
            m, v = np.zeros(theta.shape), np.zeros(theta.shape)
        g = g if into is None else g + into(theta)
        step, m, v = _adam(g, m, v, t or count)
        theta = theta - alpha * step if then is None else then(theta, step)
    return theta, (m, v)


def _decays(theta, gradients, alpha, decay):
    def l2(theta):
        return decay * theta

    def shrunk(theta, step):
        return (1 - alpha * decay) * theta - alpha * step

    def run(into=None, then=None, **other):
        return _adams(theta, gradients, alpha, into, then, **other)[0]

    path: list[np.ndarray] = []  # of the decoupled run

    def noted(theta, step):
        path.append(shrunk(theta, step))
        return path[-1]

    run(then=noted)
    others = iter([theta, *path])
    coupled, of_coupled = _adams(theta, gradients, alpha, l2)
    shared, m, v = [theta, theta], np.zeros(theta.shape), np.zeros(theta.shape)
    for t, g in enumerate(gradients, start=1):
        step, m, v = _adam(g + l2(shared[0]), m, v, t)
        other, m, v = _adam(g, m, v, t)
        shared = [shared[0] - alpha * step, shrunk(shared[1], other)]
    decoupled, of_decoupled = _adams(theta, gradients, alpha, then=shrunk)
    plain = run()
    doubled = "Adam gets each gradient without its decay here, as if λ were 0"
    firsts = {
        "this is θ with decoupled decay: here λθ is added to the gradient before Adam sees it": (
            decoupled
        ),
        doubled: plain,
        "λθ is counted twice: the L2 term is ½λ‖θ‖², and its gradient λθ": run(lambda w: 2 * l2(w)),
        "λθ is subtracted from the gradient; add it": run(lambda w: -l2(w)),
        "the decay is that of the start in every step; it is λ times the θ of the step": (
            run(lambda w: l2(theta))
        ),
        "α stands in the decay; coupled decay adds λθ to the gradient, without α": (
            run(lambda w: alpha * l2(w))
        ),
        "the decay is λ times the sign of θ, an L1 term; it is λθ": run(lambda w: l2(np.sign(w))),
        "coupled decay is a part of the gradient alone; yours shrinks θ as well": run(l2, shrunk),
        "the decay is λ without θ": run(lambda w: decay + 0 * w),
        "the steps begin with the m and v that the decoupled run has left; begin with zeros": (
            run(l2, state=of_decoupled)
        ),
        "m and v begin with zeros in each coupled step; keep those of the step before": (
            run(l2, keeps=False)
        ),
        "t is 1 in every step of the coupled run; count the steps": run(l2, t=1),
        "t begins with 2 in the coupled run; the first step is t = 1": run(l2, first=2),
        "the decay holds the θ of the decoupled run; take that of the coupled run": (
            run(lambda w: decay * next(others))
        ),
        "the runs share one m and one v; each has its own": shared[0],
        "θ goes uphill in the coupled run: subtract α times Adam's step": run(
            l2, lambda w, step: w + alpha * step
        ),
    }
    seconds = {
        "this is θ with coupled decay: here Adam sees the gradient alone": coupled,
        "θ does not decay": plain,
        "α is missing in the decay: θ shrinks to (1 − αλ) θ": (
            run(then=lambda w, step: (1 - decay) * w - alpha * step)
        ),
        "the step of Adam is shrunk, too: shrink θ first, then take the step": (
            run(then=lambda w, step: (1 - alpha * decay) * (w - alpha * step))
        ),
        "θ grows: it shrinks to (1 − αλ) θ": (
            run(then=lambda w, step: (1 + alpha * decay) * w - alpha * step)
        ),
        "the decay is that of the start in every step; it is αλ times the θ of the step": (
            run(then=lambda w, step: w - alpha * decay * theta - alpha * step)
        ),
        "the decay is αλ times the sign of θ; it is αλθ": (
            run(then=lambda w, step: w - alpha * decay * np.sign(w) - alpha * step)
        ),
        "θ shrinks twice as fast as it should": (
            run(then=lambda w, step: (1 - 2 * alpha * decay) * w - alpha * step)
        ),
        "decoupled decay shrinks θ alone; yours is a part of the gradient as well": (
            run(l2, shrunk)
        ),
        "the steps begin with the m and v that the coupled run has left; begin with zeros": (
            run(then=shrunk, state=of_coupled)
        ),
        "m and v begin with zeros in each decoupled step; keep those of the step before": (
            run(then=shrunk, keeps=False)
        ),
        "t is 1 in every step of the decoupled run; count the steps": run(then=shrunk, t=1),
        "t begins with 2 in the decoupled run; the first step is t = 1": run(then=shrunk, first=2),
        "the runs share one m and one v; each keeps its own from step to step": shared[1],
        "θ goes uphill in the decoupled run: subtract α times Adam's step": (
            run(then=lambda w, step: (1 - alpha * decay) * w + alpha * step)
        ),
        "it begins where the coupled run has ended; begin at `theta`": (
            _adams(coupled, gradients, alpha, then=shrunk)[0]
        ),
        "θ decays once, at the end; it does so in each step": (1 - alpha * decay) * plain,
    }
    return [coupled, decoupled], (
        {f"1: {m}": [value, decoupled] for m, value in firsts.items()}
        | {f"2: {m}": [coupled, value] for m, value in seconds.items()}
    )


@task(
    "Adam divides by the root of v. What becomes of a decay that is a part of the gradient?",
    "Two runs, each with its own θ, m and v. In the first, adam gets g + decay * θ, with the θ of "
    "that run in that step; in the second it gets g.",
    "for t, g in enumerate(gradients, start=1) counts the steps. In the second run θ becomes "
    "(1 - alpha * decay) * θ - alpha * step.",
    forbids=(
        "torch.optim.Adam",
        "torch.optim.AdamW",
        "keras.optimizers.Adam",
        "keras.optimizers.AdamW",
        "tlcourse.optimizers.adam",
    ),
)
def decays(answer, rng):
    """Weight decay, coupled and decoupled."""

    def draw(steps, size):
        loud = np.resize([3, 0.3], size)  # one gradient is ten times as loud as its neighbour
        theta = np.round(rng.choice([-1, 1], size) * rng.uniform(0.5, 3, size), 1)
        gradients = np.round(loud * rng.normal(0.2, 1, (steps, size)), 1)
        return theta, gradients, rng.choice([0.1, 0.2, 0.05]), rng.choice([0.2, 0.5, 0.8])

    for steps, size in ((3, 2), (5, 3), (30, 4)):
        *inputs, expected, wrong = telling(lambda n=steps, d=size: draw(n, d), _decays)
        got = answer(*inputs)
        why = difference(got, expected, np.inf, np.inf) or ""
        if why.startswith("there is NaN"):
            why += "; does t begin with 1? For t = 0 adam divides by zero"
        yield holds("returns two arrays", not why, why, result=got)
        what = "the first has its decay in the gradient"
        yield agrees(what, got[0], expected[0], _about(wrong, 1), result=got)
        what = "the second has it outside"
        yield agrees(what, got[1], expected[1], _about(wrong, 2), result=got)
    theta, *_ = draw(1, 2)
    alpha, decay = 0.1, 0.5
    got = answer(theta, np.zeros((4, 2)), alpha, decay)
    name = "without a gradient, decoupled decay multiplies by 1 − αλ in each step"
    yield agrees(name, got[1], (1 - alpha * decay) ** 4 * theta, result=got)
    name = "and coupled decay moves small and large weights equally far"
    coupled = _adams(theta, np.zeros((4, 2)), alpha, lambda w: decay * w)[0]
    yield agrees(name, got[0], coupled, result=got)
    theta, gradients, alpha, _ = draw(4, 3)
    plain = _adams(theta, gradients, alpha)[0]
    got = answer(theta, gradients, alpha, 0.0)
    yield agrees("without decay both are Adam", got, [plain, plain])


# --- parameter groups ----------------------------------------------------------------------------


def _belongs(name: str, layer: str) -> bool:
    return name.startswith(f"{layer}.")


def _groups(parameters, frozen, alpha, decay) -> list[dict]:
    found: dict[tuple[bool, bool], list[str]] = {}
    for name, shape in parameters:
        if not any(_belongs(name, layer) for layer in frozen):
            found.setdefault((_belongs(name, "fc"), len(shape) == 1), []).append(name)
    return [
        {
            "params": names,
            "lr": alpha if is_head else alpha / 10,
            "weight_decay": 0.0 if is_bare else decay,
        }
        for (is_head, is_bare), names in sorted(found.items())
    ]


def _resnet(rng, stages: int, blocks: int, bottom: str = "conv1") -> list:
    """Names and shapes as torchvision gives them to a ResNet, with few channels."""
    width = int(rng.choice([4, 8, 16]))
    made = [[f"{bottom}.weight", [width, 3, 7, 7]]]
    made += [[f"bn1.{what}", [width]] for what in ("weight", "bias")]
    below = width
    for stage in range(1, stages + 1):
        width *= 1 if stage == 1 else 2
        for block in range(blocks):
            at = f"layer{stage}.{block}"
            for i, channels in ((1, below), (2, width)):
                made.append([f"{at}.conv{i}.weight", [width, channels, 3, 3]])
                made += [[f"{at}.bn{i}.{what}", [width]] for what in ("weight", "bias")]
            if below != width:
                made.append([f"{at}.downsample.0.weight", [width, below, 1, 1]])
                made += [[f"{at}.downsample.1.{what}", [width]] for what in ("weight", "bias")]
            below = width
    classes = int(rng.integers(3, 12))
    return [*made, ["fc.weight", [classes, width]], ["fc.bias", [classes]]]


def _misplaced(names, parameters, frozen) -> str:
    """Why this is not the set of names that train, each once; "" if it is."""
    known = [name for name, _ in parameters]
    for name in names:
        if name not in known:
            return f"there is no parameter {name!r}"
        if names.count(name) > 1:
            return f"{name!r} occurs {names.count(name)} times; PyTorch takes a parameter once"
        for layer in frozen:
            if _belongs(name, layer):
                return f"{name!r} belongs to the frozen layer {layer!r}, and should be in no group"
    for name in known:
        if name in names or any(_belongs(name, layer) for layer in frozen):
            continue
        for layer in frozen:
            if layer in name:
                return (
                    f"{name!r} is in no group, though it does not belong to {layer!r}: its name "
                    f"does not begin with {layer + '.'!r}"
                )
        return f"{name!r} is in no group, and it is not frozen"
    return ""


def _why_rate(name: str, rate: float, alpha: float) -> str:
    """Why this is not the learning rate of a parameter."""
    if not np.isclose(rate, [alpha, alpha / 10], rtol=1e-4).any():
        return f"the rate of {name!r} is neither alpha nor a tenth of it"
    if _belongs(name, "fc"):
        return f"{name!r} belongs to the head, which learns with alpha"
    if name.startswith("fc"):
        return f"{name!r} does not belong to the layer 'fc': its name does not begin with 'fc.'"
    if "fc." in name:
        return f"{name!r} does not belong to the head: 'fc.' does not stand at the beginning"
    return f"{name!r} belongs to the backbone, which learns with a tenth of alpha"


def _why_decay(name: str, shape: list, given: float, decay: float) -> str:
    """Why this is not the weight decay of a parameter."""
    if not np.isclose(given, [decay, 0], rtol=1e-4, atol=1e-9).any():
        return f"the weight decay of {name!r} is neither `decay` nor 0"
    if len(shape) > 1:
        more = "; 'bn' in its name says nothing" if "bn" in name else ""
        return f"{name!r} has {len(shape)} axes, and so the weight decay is `decay`{more}"
    kind = "a bias or shift" if name.endswith("bias") else "a scale of BatchNorm"
    more = "" if name.endswith("bias") or "bn" in name else ", which its shape tells, not its name"
    return f"{name!r} is {kind}{more}: it has one axis, and so no weight decay"


@task(
    "What does a bias have in common with the scale of a BatchNorm, whatever they are called?",
    "Of each parameter ask three things: is it frozen, is it the head's, has it one axis? A name "
    "belongs to a layer if it begins with the layer's name and a dot.",
    "name.startswith(layer + '.') for the first two, len(shape) == 1 for the third. Then fill four "
    "lists, in the order that is asked for, and keep those that hold something.",
)
def groups(answer, rng):
    """Parameter groups, as lists of names."""
    small = [["conv1.weight", [8, 3, 3, 3]], ["bn1.weight", [8]], ["bn1.bias", [8]]]
    small += [["fc.weight", [5, 8]], ["fc.bias", [5]]]
    inner = ["layer1.0.conv1.weight", [8, 8, 3, 3]], ["layer1.0.bn1.bias", [8]]
    ten = [["layer1.conv.weight", [8, 3, 3, 3]], ["layer10.conv.weight", [8, 8, 3, 3]]]
    ten += [["layer10.bn.weight", [8]], ["fcn.weight", [8, 8, 1, 1]], ["fcn.bias", [8]]]
    hidden = [["subnet.weight", [8, 3, 3, 3]], ["down.1.weight", [8]], ["down.1.bias", [8]]]
    hidden += [["old.fc.weight", [4, 8]], ["fc.weight", [5, 8]]]
    deep = [*small[:3], ["fc.0.weight", [16, 8]], ["fc.0.bias", [16]], ["fc.2.weight", [5, 16]]]
    resnet18 = _resnet(rng, 4, 2)
    until = int(rng.integers(2, 4))
    stages = [f"layer{stage}" for stage in range(1, until + 1)]
    backbone = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]
    for what, parameters, frozen in (
        ("divides five parameters into four groups", small, []),
        ("freezes what is named", small, ["bn1"]),
        ("leaves conv1 of a block alone if the first is frozen", [*small[:3], *inner, *small[3:]],
         ["conv1", "bn1"]),
        ("takes layer10 for no part of layer1, and fcn for no part of fc", [*ten, *small[3:]],
         ["layer1"]),
        ("knows a BatchNorm by its shape", hidden, []),
        ("knows all layers of a head", deep, []),
        ("freezes a part of the head", deep, ["fc.0"]),
        ("freezes layers within a block", _resnet(rng, 2, 1),
         ["layer1.0.conv1", "layer2.0.downsample.1"]),
        ("divides a ResNet18", resnet18, []),
        ("freezes the first stages", resnet18, ["conv1", "bn1", *stages]),
        ("freezes a block", _resnet(rng, 2, 3, "stem.0"), ["stem.0", "layer2.1"]),
        ("freezes the backbone", resnet18, backbone),
        ("freezes the head", _resnet(rng, 3, 1), ["fc"]),
        ("freezes everything", small, ["fc", "conv1", "bn1"]),
    ):  # fmt: skip
        alpha = float(rng.choice([0.1, 0.2, 0.05, 0.01]))
        decay = float(rng.choice([0.3, 0.003, 0.0003]))
        got = answer(parameters, frozen, alpha, decay)
        right = _groups(parameters, frozen, alpha, decay)
        if not isinstance(got, list):
            yield agrees("is a list of groups", got, right)
        why = "each group is a dict"
        yield holds("is a list of dicts", all(isinstance(group, dict) for group in got), why)
        keys = all(set(group) == {"params", "lr", "weight_decay"} for group in got)
        why = "each dict has the three entries 'params', 'lr' and 'weight_decay'"
        yield holds("each dict has three entries", keys, why)
        texts = all(
            isinstance(group["params"], list) and all(isinstance(n, str) for n in group["params"])
            for group in got
        )
        yield holds("has lists of names", texts, "'params' is a list of names")
        for group in got:
            form = [group["lr"], group["weight_decay"]]
            yield agrees("rates and decays are numbers", form, [0.0, 0.0], rtol=np.inf, result=got,
                         atol=np.inf)  # fmt: skip
        names = [name for group in got for name in group["params"]]
        why = _misplaced(names, parameters, frozen)
        yield holds("each parameter that is not frozen is there once", not why, why)
        meant = {name: group for group in right for name in group["params"]}
        given = {name: group for group in got for name in group["params"]}
        shapes = dict(parameters)
        for key, name_of_property in (
            ("lr", "the head learns ten times as fast as the backbone"),
            ("weight_decay", "what has one axis has no weight decay"),
        ):
            wrong = [
                name
                for name, group in meant.items()
                if not np.isclose(given[name][key], group[key], rtol=1e-4, atol=1e-9)
            ]
            why = ""
            if wrong and key == "lr":
                why = _why_rate(wrong[0], given[wrong[0]][key], alpha)
            elif wrong:
                why = _why_decay(wrong[0], shapes[wrong[0]], given[wrong[0]][key], decay)
            yield holds(name_of_property, not wrong, why)
        why = "a group without parameters is to be left out"
        yield holds("no group is empty", all(group["params"] for group in got), why)
        why = "two groups have the same settings: make one of them"
        yield holds("no two groups are alike", len(got) == len(right), why)
        why = "the order of the groups is backbone with decay, without, head with decay, without"
        other = [
            (i, a["params"][0])
            for i, (a, b) in enumerate(zip(got, right, strict=True), start=1)
            if set(a["params"]) != set(b["params"])
        ]
        if other:
            why += f"; group {other[0][0]} of yours begins with {other[0][1]!r}"
        yield holds("the groups are in order", not other, why)
        why = "the names of a group stand in the order of `parameters`"
        same = all(a["params"] == b["params"] for a, b in zip(got, right, strict=True))
        yield holds(what, same, why)


# --- the shape of a network without its last layer -----------------------------------------------


def _side(n: int, k: int, s: int, p: int) -> int:
    return (n + 2 * p - k) // s + 1


def _shape(shape: list, layer: list) -> list | None:
    """What a layer makes of a shape; None if it refuses it."""
    kind, *sizes = layer
    if kind == "ReLU":
        return shape
    if kind == "Flatten":
        return [shape[0], int(np.prod(shape[1:]))]
    if kind == "Linear":
        return [*shape[:-1], sizes[1]] if shape[-1] == sizes[0] else None
    if kind == "AdaptiveAvgPool2d":  # never asked of what is flat: PyTorch takes it for a = 1
        return [*shape[:2], sizes[0], sizes[0]]
    if len(shape) != 4:
        return None
    k, s, p = sizes[-3:]
    if min(shape[2:]) + 2 * p < k or (kind == "Conv2d" and sizes[0] != shape[1]):
        return None
    channels = sizes[1] if kind == "Conv2d" else shape[1]
    return [shape[0], channels, _side(shape[2], k, s, p), _side(shape[3], k, s, p)]


def _shapes(shape: list, layers: list, rule=_shape) -> list[list[int]]:
    found: list[list[int]] = []
    for layer in layers:
        try:
            after = rule(found[-1] if found else shape, layer)
        except (IndexError, ValueError, ZeroDivisionError):
            break  # a mistaken rule, on a shape for which it has no answer
        if after is None:
            break
        found.append(after)
    return found


def _goes_on(shape: list, layers: list) -> list[list[int]]:
    """The shapes of an answer that skips a layer that refuses its input."""
    found = []
    for layer in layers:
        after = _shape(shape, layer)
        if after is not None:
            shape = after
            found.append(shape)
    return found


def _in_place(shape: list, layers: list) -> list[list[int]]:
    """The shapes of an answer in which Linear writes into the list that it gets."""
    found: list[list[int]] = []
    shape = list(shape)
    for layer in layers:
        after = _shape(shape, layer)
        if after is None:
            break
        if layer[0] == "Linear":
            shape[-1] = after[-1]
        else:
            shape = after
        found.append(shape)
    return found


def _window(side):
    """The rule for layers, with another formula for a side."""

    def rule(shape, layer):
        right = _shape(shape, layer)
        if right is None or layer[0] not in ("Conv2d", "MaxPool2d"):
            return right
        return [*right[:2], *(side(n, *layer[-3:]) for n in shape[2:])]

    return rule


def _but(kind, other):
    """The rule for layers, with another one for this kind."""
    return lambda shape, layer: (other if layer[0] == kind else _shape)(shape, layer)


_FORMULAS = 8  # mistakes that are another formula for a side; they come first


def _mistaken() -> dict:
    """Well-known mistakes, by their messages: the rule for a layer in each of them."""

    def of_one(axis):
        def rule(shape, layer):
            after = _shape(shape, layer)
            windows = after and layer[0] in ("Conv2d", "MaxPool2d")
            return [*after[:2], after[axis], after[axis]] if windows else after

        return rule

    return {
        "the height stands for the width, too; each has its own": of_one(2),
        "the width stands for the height, too; each has its own": of_one(3),
        "a side is rounded up in yours; round it down": (
            _window(lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1)
        ),
        "the padding lies on both sides of the image: add 2p": (
            _window(lambda n, k, s, p: (n + p - k) // s + 1)
        ),
        "the padding is missing in your sides": _window(lambda n, k, s, p: (n - k) // s + 1),
        "the stride is missing in your sides": _window(lambda n, k, s, p: n + 2 * p - k + 1),
        "the 1 at the end of the formula is missing": _window(
            lambda n, k, s, p: (n + 2 * p - k) // s
        ),
        "a side divided by the stride is right for some windows only: use the formula": (
            _window(lambda n, k, s, p: n // s)
        ),
        "AdaptiveAvgPool2d keeps the two axes of the image; it is Keras' GlobalAveragePooling2D "
        "that drops them": _but("AdaptiveAvgPool2d", lambda shape, layer: shape[:2]),
        "Linear does not flatten: it looks at the last axis, and leaves the others as they are": (
            _but("Linear", lambda s, layer: (
                [s[0], layer[2]] if np.prod(s[1:]) == layer[1] else None
            ))
        ),
        "Linear looks at the last axis; yours looks at the channels": (
            _but("Linear", lambda s, layer: (
                [s[0], layer[2], *s[2:]] if s[1] == layer[1] else None
            ))
        ),
        "Linear refuses a last axis that is not features_in; yours takes any": (
            _but("Linear", lambda s, layer: [*s[:-1], layer[2]])
        ),
        "Linear takes four axes, too, if the last is features_in; yours refuses them": (
            _but("Linear", lambda s, layer: _shape(s, layer) if len(s) == 2 else None)
        ),
        "Linear leaves all axes but the last as they are; yours keeps the first alone": (
            _but("Linear", lambda s, layer: [s[0], layer[2]] if s[-1] == layer[1] else None)
        ),
        "Conv2d refuses other channels than channels_in; yours takes any": (
            _but("Conv2d", lambda s, layer: (
                _shape(s, [layer[0], s[1], *layer[2:]]) if len(s) == 4 else None
            ))
        ),
        "Conv2d returns channels_out channels, not channels_in": (
            _but("Conv2d", lambda s, layer: (
                [s[0], layer[1], *after[2:]] if (after := _shape(s, layer)) else None
            ))
        ),
        "a window that is larger than the padded image has no place; yours goes on": (
            lambda s, layer: (
                [s[0], layer[2] if layer[0] == "Conv2d" else s[1],
                 *(_side(n, *layer[-3:]) for n in s[2:])]
                if layer[0] in ("Conv2d", "MaxPool2d") and len(s) == 4
                and (layer[0] == "MaxPool2d" or layer[1] == s[1])
                else _shape(s, layer)
            )
        ),
        "a window has a place if k is at most n + 2p; yours compares it with n": (
            lambda s, layer: (
                None if layer[0] in ("Conv2d", "MaxPool2d") and min(s[2:]) < layer[-3]
                else _shape(s, layer)
            )
        ),
        "the window must have a place in height and in width; yours looks at one of them": (
            lambda s, layer: (
                [s[0], layer[2] if layer[0] == "Conv2d" else s[1],
                 *(_side(n, *layer[-3:]) for n in s[2:])]
                if layer[0] in ("Conv2d", "MaxPool2d") and len(s) == 4
                and (layer[0] == "MaxPool2d" or layer[1] == s[1])
                and max(s[2:]) + 2 * layer[-1] >= layer[-3]
                else _shape(s, layer)
            )
        ),
        "Flatten leaves the axis of the images alone; yours multiplies it, too": (
            _but("Flatten", lambda s, layer: [int(np.prod(s))])
        ),
        "Flatten keeps N as its first axis": (
            _but("Flatten", lambda s, layer: [int(np.prod(s[1:]))])
        ),
        "MaxPool2d keeps the channels, and makes the sides smaller, too": (
            _but("MaxPool2d", lambda s, layer: s)
        ),
        "height and width are exchanged": (
            lambda s, layer: (
                [*after[:2], *after[:1:-1]]
                if (after := _shape(s, layer)) and layer[0] in ("Conv2d", "MaxPool2d") else after
            )
        ),
    }  # fmt: skip


def _telling_window(rng, n: int, channels: int) -> tuple[list, list]:
    """An image and ResNet's first layer: each mistake in the formula gives another shape."""
    layers = [["Conv2d", 3, channels, 7, 2, 3]]
    while True:
        shape = [n, 3, *(int(side) for side in rng.integers(9, 20, 2))]
        known = [_shapes(shape, layers, rule) for rule in (_shape, *_mistaken().values())]
        if len({str(one) for one in known[: _FORMULAS + 1]}) == _FORMULAS + 1:
            return shape, layers


def _why_shape(shape: list, layers: list, got: list, expected: list) -> str:
    """The first layer that the answer gets wrong, and what it should look at."""
    same = 0
    while same < min(len(got), len(expected)) and got[same] == expected[same]:
        same += 1
    if same == len(layers):
        return "there are more shapes than layers"
    layer, before = layers[same], expected[same - 1] if same else shape
    at = f"layer {same + 1}, {layer},"
    if same < min(len(got), len(expected)):
        return f"{at} makes another shape of {before}: {_rule(before, layer, got[same])}"
    if len(got) > len(expected):
        return f"{at} refuses {before}, because {_needs(before, layer)}: end the list before it"
    return f"{at} takes the shape {before}, but your list has ended before it"


def _rule(before: list, layer: list, got: list) -> str:
    """The first axis that is wrong, and how it comes about."""
    kind, *sizes = layer
    right = _shape(before, layer) or []
    if len(got) != len(right):
        return f"it has {len(right)} axes, and yours has {len(got)}"
    i = next(i for i, (one, other) in enumerate(zip(got, right, strict=True)) if one != other)
    if kind in ("Conv2d", "MaxPool2d") and i > 1:
        k, s, p = sizes[-3:]
        side = ("height", "width")[i - 2]
        return f"its {side} is ⌊({before[i]} + 2 · {p} − {k}) / {s}⌋ + 1, and not {got[i]}"
    return f"{got[i]} is wrong at axis {i}"


def _needs(before: list, layer: list) -> str:
    """Why a layer refuses a shape."""
    kind, *sizes = layer
    if kind == "Linear":
        return f"its last axis is not {sizes[0]}"
    if len(before) != 4:
        return "it needs four axes"
    if kind == "Conv2d" and before[1] != sizes[0]:
        return f"it needs {sizes[0]} channels"
    return f"a window of side {sizes[-3]} with padding {sizes[-1]} does not fit"


@task(
    "After the average over all places an image is 1 × 1. How many axes has it, and which is last?",
    "A loop over the layers, with the shape so far in a variable. Append the new shape to a list, "
    "and `break` where a layer refuses.",
    "`for kind, *sizes in layers` separates the kind from the numbers, and sizes[-3:] are k, s and "
    "p. Linear compares shape[-1] with features_in, and shape[:-1] stays as it is.",
    forbids=("torch.nn.Conv2d", "torch.nn.MaxPool2d", "torch.nn.Linear", "torch.nn.Flatten"),
)
def shapes(answer, rng):
    """The shape of a network whose flatten is lost."""
    n, width, classes = int(rng.integers(2, 9)), int(rng.choice([8, 16, 32])), 10
    refuted: set[str] = set()
    side = int(rng.integers(3, 6)) * 2
    pool, average = ["MaxPool2d", 3, 2, 1], ["AdaptiveAvgPool2d", 1]
    stem = [["Conv2d", 3, 64, 7, 2, 3], ["ReLU"], pool]
    body = [["Conv2d", 64, 64, 3, 1, 1], ["Conv2d", 64, 128, 3, 2, 1]]
    body += [["Conv2d", 128, 256, 3, 2, 1], ["Conv2d", 256, 512, 3, 2, 1]]
    head = ["Linear", 512, classes]
    small = ["Conv2d", 3, width, 3, 1, 1]
    across = ["Conv2d", 3, width, 5, 2, 2]
    for what, shape, layers in (
        ("follows a convolution", *_telling_window(rng, n, width)),
        ("rounds down", [n, 3, 3 * side + 1, side + 5], [["Conv2d", 3, width, 4, 3, 1], pool]),
        ("knows what a linear layer makes of flat features", [n, width],
         [["ReLU"], ["Linear", width, classes]]),
        ("flattens", [n, 3, 4, 5], [["MaxPool2d", 2, 1, 0], ["Flatten"], ["Linear", 36, 7]]),
        ("stops where the flatten is lost", [n, width, 7, 7],
         [average, ["Linear", width, classes], ["ReLU"]]),
        ("goes on where it is not", [n, width, 7, 7],
         [average, ["Flatten"], ["Linear", width, classes]]),
        ("averages to other sides than 1", [n, 3, 9, 7],
         [small, ["AdaptiveAvgPool2d", 2], ["Flatten"], ["Linear", 4 * width, classes]]),
        ("lets a linear layer run over the columns of maps", [n, 3, 6, width],
         [["Conv2d", 3, 5, 3, 1, 1], ["Linear", width, classes], ["ReLU"]]),
        ("and over the width of one pixel", [n, width, 5, 5], [average, ["Linear", 1, classes]]),
        ("refuses other channels", [n, 1, side, side], [small, ["ReLU"]]),
        ("counts the channels of the layer before", [n, 3, side, side],
         [small, ["Conv2d", width, 5, 1, 1, 0], ["Conv2d", width, 4, 1, 1, 0]]),
        ("has a place for a window that just fits", [n, 3, 3, 3],
         [across, ["MaxPool2d", 2, 2, 0]]),
        ("also if it lies on padding mostly", [n, 3, 2, 3], [["Conv2d", 3, width, 6, 1, 2]]),
        ("compares windows with the sides alone", [1, 1, 9, 8], [["Conv2d", 1, width, 5, 1, 0]]),
        ("refuses one that does not fit by one", [n, 3, 2, 2], [["Conv2d", 3, width, 7, 1, 2]]),
        ("refuses a window that is too wide", [n, 3, 12, 4], [["Conv2d", 3, width, 5, 1, 0]]),
        ("and one that is too high", [n, 3, 4, 12], [pool, ["MaxPool2d", 3, 1, 0], ["ReLU"]]),
        ("pools where a window just fits onto the padded image", [n, 3, 2, 2],
         [["MaxPool2d", 4, 1, 1]]),
        ("refuses to pool where it does not fit by one", [n, 3, 2, 2], [["MaxPool2d", 5, 1, 1]]),
        ("refuses to pool what is too narrow", [n, 3, 12, 4], [["MaxPool2d", 5, 1, 0]]),
        ("refuses to convolve what is flat", [n, 3, 3, 3], [["Flatten"], small, ["ReLU"]]),
        ("refuses windows on what is flat", [n, 12], [["MaxPool2d", 2, 2, 0], ["Flatten"]]),
        ("flattens what is flat", [n, 6], [["Flatten"], ["Linear", 6, 2], ["Linear", 2, 9]]),
        ("refuses flat features of another length", [n, 7], [["Linear", 6, 2]]),
        ("follows a ResNet18 to its last layer", [n, 3, 224, 224],
         [*stem, *body, average, ["Flatten"], head]),
        ("and to where it fails without flatten", [n, 3, 224, 160], [*stem, *body, average, head]),
        ("with images of 32 pixels", [n, 3, 32, 32], [*stem, *body, average, ["Flatten"], head]),
    ):  # fmt: skip
        expected = _shapes(shape, layers)
        got = answer(shape, layers)
        if not isinstance(got, list | np.ndarray):
            yield agrees("is a list", got, expected)
        is_form = isinstance(got, list) and all(
            isinstance(one, list) and all(type(k) is int for k in one) for one in got
        )
        why = "return a list of shapes, each a list of whole numbers"
        yield holds("is a list of shapes", is_form, why)
        wrong = {message: _shapes(shape, layers, rule) for message, rule in _mistaken().items()}
        wrong |= {
            "the first shape is that of the input; begin with that after the first layer": (
                [shape, *expected]
            ),
            "the list holds the last shape alone; it has one for each layer": expected[-1:],
            "your list goes on after a layer that refuses its input; end it there": (
                _goes_on(shape, layers)
            ),
            "Linear changes a list here that an earlier layer has returned; make a new one": (
                _in_place(shape, layers)
            ),
        }
        wrong = {m: value for m, value in wrong.items() if value != expected}
        found = [m for m, value in wrong.items() if value == got and m not in refuted]
        why = found[0] if len(found) == 1 else ""
        is_right = got == expected
        yield holds(
            what, is_right, why or ("" if is_right else _why_shape(shape, layers, got, expected))
        )
        refuted |= wrong.keys()


# --- L2-SP ---------------------------------------------------------------------------------------


def _is_head(name: str) -> bool:
    return name.startswith("fc.")


def _l2_sp(weights: dict, start: dict, lam: float, mu: float):
    def away(name, from_start, is_head):
        """How far a weight is from where it is pulled to."""
        w, old = weights[name], start.get(name)
        from_start = not is_head(name) if from_start is None else from_start
        return w - old if from_start and np.shape(old) == w.shape else w

    def half_square(d):
        return np.sum(d**2) / 2

    def terms(lam=lam, mu=mu, measure=half_square, of_head=None, from_start=None, is_head=_is_head):
        """The terms of R, by name; `of_head` is another measure for the head."""
        return {
            k: mu * (of_head or measure)(away(k, from_start, is_head))
            if is_head(k)
            else lam * measure(away(k, from_start, is_head))
            for k in weights
        }

    def penalty(*strengths, **other):
        return float(sum(terms(*strengths, **other).values()))

    def gradients(lam=lam, mu=mu, change=lambda d: d, **other):
        return terms(lam, mu, change, **other)

    right = [penalty(), gradients()]
    tests = {
        "'fc' occurs in other names, too: the head's begin with 'fc.'": lambda k: "fc" in k,
        "'fc.' occurs within other names, too: the head's begin with it": lambda k: "fc." in k,
        "'fc' begins other names, too: the head's begin with 'fc.'": lambda k: k.startswith("fc"),
        "the head has other layers, too: all names that begin with 'fc.' are its": (
            lambda k: k in ("fc.weight", "fc.bias")
        ),
        "`start` holds the old head, too: the head is what begins with 'fc.'": (
            lambda k: k not in start
        ),
    }
    # the mistakes that these names show, each by the first of its messages
    shown = {tuple(map(is_head, weights)): m for m, is_head in reversed(tests.items())}
    shown.pop(tuple(map(_is_head, weights)), None)
    tests = {m: tests[m] for m in shown.values()}
    sums = {
        "R pulls the backbone towards zero, as weight decay does: subtract its start": (
            penalty(from_start=False)
        ),
        "R pulls the head towards the old head of the source; pull it towards zero": (
            penalty(from_start=True)
        ),
        "the factor ½ is missing in R": 2 * right[0],
        "λ and μ are exchanged in R": penalty(mu, lam),
        "λ stands before the head as well in R; μ belongs there": penalty(lam, lam),
        "μ stands before the backbone as well in R; λ belongs there": penalty(mu, mu),
        "R has no λ and no μ": penalty(1, 1),
        "R is that of the backbone alone; add the head": penalty(mu=0),
        "R is that of the head alone; add the backbone": penalty(lam=0),
        "R adds lengths; add their squares": penalty(measure=lambda d: np.sqrt(np.sum(d**2)) / 2),
        "R is a mean over the numbers of an array; add them up": (
            penalty(measure=lambda d: np.mean(d**2) / 2)
        ),
        "R adds the numbers without their signs, an L1 term; square them": (
            penalty(measure=lambda d: np.sum(abs(d)) / 2)
        ),
        "the sign of R is reversed": -right[0],
        "the head is subtracted in R; add it": penalty(mu=-mu),
        "R squares the sum of an array; add up the squares": (
            penalty(measure=lambda d: np.sum(d) ** 2 / 2)
        ),
        "the factor ½ is missing before the backbone alone": (
            penalty(measure=lambda d: np.sum(d**2), of_head=half_square)
        ),
        "the factor ½ is missing before the head alone": penalty(of_head=lambda d: np.sum(d**2)),
        "the lengths of the backbone are not squared": (
            penalty(measure=lambda d: np.sqrt(np.sum(d**2)) / 2, of_head=half_square)
        ),
        "the lengths of the head are not squared": (
            penalty(of_head=lambda d: np.sqrt(np.sum(d**2)) / 2)
        ),
        "R is the term of the last array alone: add each to those before": (
            float([*terms().values()][-1])
        ),
    }
    slopes = {
        "the gradient of the backbone leads towards zero, as weight decay does: subtract its "
        "start": (gradients(from_start=False)),
        "the gradient of the head leads to the old head of the source; it leads to zero": (
            gradients(from_start=True)
        ),
        "the gradient is twice too large: the derivative of ½λd² is λd": (
            gradients(change=lambda d: 2 * d)
        ),
        "the gradient is half of what it should be: the derivative of ½λd² is λd": (
            gradients(change=lambda d: d / 2)
        ),
        "the sign of the gradient is reversed: it points away from where R is small": (
            gradients(change=lambda d: -d)
        ),
        "λ and μ are exchanged in the gradient": gradients(mu, lam),
        "λ stands before the head as well in the gradient; μ belongs there": gradients(lam, lam),
        "μ stands before the backbone as well in the gradient; λ belongs there": (
            gradients(mu, mu)
        ),
        "the gradient has no λ and no μ": gradients(1, 1),
        "the head has no gradient in yours; R holds it, too": gradients(mu=0),
        "the backbone has no gradient in yours; R holds it, too": gradients(lam=0),
        "the gradient is the sign, as if R were an L1 term; it is λ times the difference": (
            gradients(change=np.sign)
        ),
        "the gradient is divided by the number of entries; R is a sum": (
            gradients(change=lambda d: d / d.size)
        ),
        "the sign is reversed for the backbone alone: it is w − w⁰, not w⁰ − w": (
            gradients(lam=-lam)
        ),
        "this is the new weight after a step against the gradient; return the gradient": {
            k: weights[k] - right[1][k] for k in weights
        },
        "the gradient of the backbone alone is half of what it should be": (
            gradients(change=lambda d: d / 2, of_head=lambda d: d)
        ),
        "the gradient of the head alone is half of what it should be": (
            gradients(of_head=lambda d: d / 2)
        ),
        "the gradient of the backbone alone is twice too large": (
            gradients(change=lambda d: 2 * d, of_head=lambda d: d)
        ),
        "the gradient of the head alone is twice too large": gradients(of_head=lambda d: 2 * d),
    }
    sums |= {m: penalty(is_head=is_head) for m, is_head in tests.items()}
    slopes |= {
        f"the gradient takes another head: {m}": gradients(is_head=is_head)
        for m, is_head in tests.items()
    }
    wrong = {f"1: {m}": [value, right[1]] for m, value in sums.items()}
    wrong |= {f"2: {m}": [right[0], value] for m, value in slopes.items()}
    return right, wrong


@task(
    "To which weights should a layer return that learned something useful from the source?",
    "A loop over `weights.items()`, because `start` holds more. A name that begins with 'fc.' "
    "belongs to the head. How far is its array from where it is pulled to?",
    "For the backbone d = w - start[name] and λ, for the head d = w and μ. R grows by half of that "
    "number times np.sum(d**2), and the gradient is the number times d.",
)
def l2_sp(answer, rng):
    """L2-SP: its penalty and its gradient."""

    def drawn(*shape):
        return np.round(rng.choice([-1, 1], shape) * rng.uniform(0.2, 3, shape), 1)

    def draw(backbone, head, old, more):
        weights = {name: drawn(*shape) for name, shape in (backbone | head).items()}
        start = {name: drawn(*shape) for name, shape in (more | backbone | old).items()}
        lam, mu = rng.choice([0.1, 0.2, 0.3, 0.5, 0.7], 2, replace=False)
        return weights, start, float(lam), float(mu)

    def head(classes):
        return {"fc.weight": (classes, 2), "fc.bias": (classes,)}

    bias, small = {"bn1.bias": (3,)}, {"conv1.weight": (2, 1, 1, 2)}
    larger = {"conv1.weight": (3, 3, 3, 3), "bn1.weight": (3,), "bn1.bias": (3,)}
    named = {"fcn.bias": (3,), "layer1.fc.bias": (2,)}
    deep = {"fc.0.weight": (2, 2), "fc.0.bias": (2,)}
    means = {"bn1.running_mean": (2,)}
    for backbone, new, old, more in (
        (bias, head(2), head(2), {}),  # an old head that fits in shape
        (small, head(2), head(3), {}),
        (named, head(2), head(2), {}),
        (bias, deep, deep, {}),
        (small | bias, head(3), head(3), means),
        (larger | named, head(4), head(4), means),
    ):

        def draw_these(backbone=backbone, new=new, old=old, more=more):
            return draw(backbone, new, old, more)

        if new == old:
            *inputs, right, wrong = telling(draw_these, _l2_sp)
        else:  # where an old head of another shape cannot be mistaken for a start
            inputs = draw_these()
            right, wrong = _l2_sp(*inputs)
        got = answer(*inputs)
        yield agrees("returns R and a dict of gradients", got, right, rtol=np.inf, atol=np.inf)
        yield agrees("R is the penalty", got[0], right[0], _about(wrong, 1), result=got)
        yield agrees("the gradient is that of R", got[1], right[1], _about(wrong, 2), result=got)
    weights, start, lam, mu = draw(bias, head(2), head(2), {})
    weights["bn1.bias"] = start["bn1.bias"]
    got = answer(weights, start, lam, mu)
    name = "a backbone that has not moved is not pulled"
    yield agrees(name, got[1]["bn1.bias"], np.zeros(3), result=got)
    got = answer({"bn1.bias": weights["bn1.bias"]}, start, lam, mu)
    yield agrees("a backbone alone, where it began, has the penalty 0", got[0], 0.0)


# --- a loop, its lines in order ------------------------------------------------------------------

_LINES = {
    "A": "        model.train()",
    "B": "            loss.backward()",
    "C": "        with torch.no_grad():",
    "D": "    scores = []",
    "E": "            loss = cross_entropy(model(x).softmax(1), y)",
    "F": "            optimizer.zero_grad()",
    "G": "def trained(model, optimizer, loader, x_val, y_val):",
    "H": "            scores.append(accuracy(model(x_val), y_val))",
    "I": "        optimizer.zero_grad()",
    "J": "            optimizer.step()",
    "K": "        for x, y in loader:",
    "L": "    return scores",
    "M": "            loss = cross_entropy(model(x), y)",
    "N": "    for _ in range(3):",
    "O": "    model.train()",
    "P": "        model.eval()",
}


class _Logits:
    """What the network returns: numbers, and whether they are still logits."""

    def __init__(self, values, is_softmax: bool = False) -> None:
        self.values, self.is_softmax = values, is_softmax

    def softmax(self, axis):
        return _Logits(self.values, True)


class _Stage:
    """A network with one weight, its loss and its optimiser, which note what is done to them."""

    def __init__(self) -> None:
        self.weight, self.stored, self.is_training, self.tracks = 1.0, 7.0, False, True
        self.seen: list[tuple[bool, bool, float, float]] = []  # of each call of the network
        self.steps: list[tuple[float, float]] = []  # gradients: that of the step, and of its batch
        self.last = float("nan")
        self.softmax = False

    def __call__(self, x):
        self.seen.append((self.is_training, self.tracks, float(np.sum(x)), self.weight))
        return _Logits(self.weight * x)

    def train(self):
        self.is_training = True

    def eval(self):
        self.is_training = False

    @contextmanager
    def no_grad(self):
        self.tracks = False
        try:
            yield
        finally:
            self.tracks = True

    def zero_grad(self):
        self.stored = 0.0

    def step(self):
        self.steps.append((self.stored, self.last))
        self.weight -= 0.1 * self.stored

    def loss(self, z, y):
        self.softmax = self.softmax or z.is_softmax
        slope = float(np.mean(z.values - y))

        def backward():
            self.stored += slope
            self.last = slope

        return SimpleNamespace(backward=backward)


def _accuracy(z, y) -> float:
    return round(float(np.mean(z.values > y)), 3) + float(np.mean(z.values))


@task(
    "Which lines run once, which once in each epoch, and which for each batch?",
    "Three lines are not needed. One hands probabilities to a loss that takes logits; one empties "
    "the gradients, and one sets the mode, too seldom.",
    "Begin with the def and the empty list. An epoch sets the training mode, then come the "
    "batches: zero_grad, loss, backward, step; then eval, no_grad, the score. Last, the return.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """A training loop of PyTorch, its lines put in order."""
    stage = _Stage()
    given = {
        "torch": SimpleNamespace(no_grad=stage.no_grad),
        "cross_entropy": stage.loss,
        "accuracy": _accuracy,
    }
    trained = assemble(_LINES, answer, "trained", given)
    why = f"lines are missing: the loop needs thirteen, and yours has {len(answer)}"
    yield holds("has a line for every step", len(answer) >= 13, why)
    batches = [(numbers(rng, 4) + 3, numbers(rng, 4)) for _ in range(4)]
    x_val, y_val = numbers(rng, 6) + 90, numbers(rng, 6)
    scores = trained(stage, stage, batches, x_val, y_val)
    why = "with line E the loss gets probabilities; it takes logits, and softmaxes them itself"
    yield holds("the loss gets logits", not stage.softmax, why)
    why = f"there are {len(stage.steps)} steps; there should be one for each of 3 × 4 batches"
    yield holds("takes a step for each batch", len(stage.steps) == 12, why)
    held = [abs(stored - own) < 1e-9 for stored, own in stage.steps]
    why = (
        "a step is taken with another gradient than that of its batch: empty the gradients before "
    )
    why += "each backward, and take the step after it"
    yield holds("each step has the gradient of its batch alone", all(held), why)
    training = [call for call in stage.seen if call[2] < 200]
    judged = [call for call in stage.seen if call[2] >= 200]
    why = "a batch goes through the network in evaluation mode: an epoch begins with model.train()"
    yield holds("trains in training mode", all(mode for mode, *_ in training), why)
    why = "validation images go through the network in training mode, so that they change the "
    why += "statistics of BatchNorm, and are judged with dropout: call model.eval() before"
    yield holds("judges in evaluation mode", not any(mode for mode, *_ in judged), why)
    why = "the validation images are judged with gradients; put them under no_grad"
    yield holds("judges without gradients", not any(tracks for _, tracks, *_ in judged), why)
    why = "the network is judged after each of three epochs"
    yield holds("judges after each epoch", len(judged) == 3, why)
    weights = [1.0]
    for _ in range(3):
        w = weights[-1]
        for x, y in batches:
            w -= 0.1 * float(np.mean(w * x - y))
        weights.append(w)
    expected = [_accuracy(_Logits(w * x_val), y_val) for w in weights[1:]]
    before = [_accuracy(_Logits(w * x_val), y_val) for w in weights[:3]]
    early = {"the network is judged before the batches of an epoch; judge it after them": before}
    yield agrees("returns the accuracy after each epoch", list(scores), expected, early)
