"""ResNet18 and its training loop in PyTorch, as chapter 10 writes them; PyTorch is an extra.

The network has torchvision's architecture and parameter names, so that its published checkpoint
fits. PyTorch is imported when a function is called, never with this module. Images are float
tensors of shape (n, 3, height, width), which `tensors` makes of the course's arrays.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from itertools import islice, repeat
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from tlcourse.arguments import check_number, check_whole
from tlcourse.data import download, glyphs
from tlcourse.files import CourseError, write
from tlcourse.labels import class_numbers
from tlcourse.optimizers import batches

if TYPE_CHECKING:
    from torch import Tensor, nn

# Of the photographs of ImageNet, red, green and blue in 0–1; every ResNet of torchvision wants
# them, and `letters_resnet18` does too.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def require():
    """PyTorch, as a module.

    Raises
    ------
    CourseError
        If it is not installed, or does not start.
    """
    try:
        import torch
        import torch.optim  # which needs packages that `import torch` alone does not miss
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("torch.") and (place := _in_the_way()):
            raise CourseError(
                f"{place} is in the way of PyTorch, for Python imports it instead: rename it, and "
                "restart the kernel."
            ) from None
        what = "PyTorch is" if error.name == "torch" else f"PyTorch needs {error.name}, which is"
        raise CourseError(
            f"{what} not installed: run `make torch` in the course's folder, and restart the "
            "kernel."
        ) from None
    except (ImportError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CourseError(
            f"PyTorch does not start ({reason}): run `make torch` again, and restart the kernel."
        ) from error
    return torch


def _in_the_way() -> str:
    """The learner's own file `torch.py` or folder `torch` that Python finds first, if any."""
    try:
        spec = find_spec("torch")
    except ValueError:  # half a module that stayed in `sys.modules`
        return ""
    if spec is None:
        return ""
    places = [spec.origin or "", *(spec.submodule_search_locations or ())]
    own = [p for p in places if p.endswith("torch.py") or (p and Path(p).parent == Path.cwd())]
    return own[0] if own else ""


# --- the network -----------------------------------------------------------------------------


@cache
def _network() -> type:
    """The class of the network, made when PyTorch is here."""
    torch = require()
    nn = torch.nn

    def convolution(before: int, after: int, size: int, stride: int = 1) -> "nn.Conv2d":
        return nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)

    class BasicBlock(nn.Module):
        """relu(F(x) + x): two 3×3 convolutions, and what skips them (He et al. 2016, figure 2)."""

        def __init__(self, before: int, after: int, stride: int = 1):
            super().__init__()
            self.conv1 = convolution(before, after, 3, stride)
            self.bn1 = nn.BatchNorm2d(after)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = convolution(after, after, 3)
            self.bn2 = nn.BatchNorm2d(after)
            self.downsample = None
            if stride != 1 or before != after:
                self.downsample = nn.Sequential(
                    convolution(before, after, 1, stride), nn.BatchNorm2d(after)
                )

        def forward(self, x):
            skipped = x if self.downsample is None else self.downsample(x)
            x = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(x)) + skipped)

    class ResNet18(nn.Module):
        """Eighteen layers with weights: stem, four stages of two blocks, `fc`."""

        def __init__(self, classes: int = 1000):
            super().__init__()
            self.conv1 = convolution(3, 64, 7, 2)
            self.bn1 = nn.BatchNorm2d(64)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            self.layer1 = nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
            self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128))
            self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256))
            self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512))
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(512, classes)
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

        def forward(self, x):
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(torch.flatten(self.avgpool(x), 1))

    return ResNet18


def resnet18(classes: int = 1000, seed: int = 0) -> "nn.Module":
    """ResNet18 with random weights, after torchvision (He, Zhang, Ren and Sun 2016).

    Parameters
    ----------
    classes : int
        Number of outputs of `fc`.
    seed : int
        Of the weights. PyTorch's own random numbers go on as if nobody had drawn.

    Returns
    -------
    nn.Module
        Takes images (n, 3, h, w), returns logits (n, classes). Of 32×32 pixels the stem leaves
        8×8, and the stages 8×8, 4×4, 2×2 and 1×1.

    Raises
    ------
    CourseError
        If PyTorch is not installed.
    ValueError
        If there is less than one class, or `classes` or `seed` is not whole.
    """
    torch = require()
    check_whole("classes", classes, 1)
    check_whole("seed", seed, 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _network()(classes)


def tinted(x: np.ndarray, seed: int = 0) -> np.ndarray:
    """Grey images of 28 pixels as colour images of 32, each in two tints of its own.

    The ink is always lighter than the ground. With letters that may be darker as well, the same
    network learned nothing in the same number of steps.

    Parameters
    ----------
    x : ndarray of float, shape (n, 28, 28, 1)
        Ink in 0–1, as `data.make_cluttered_letters` and `data.make_cluttered_digits` draw it.
    seed : int
        Of the tints.

    Returns
    -------
    ndarray of uint8, shape (n, 32, 32, 3)
    """
    x = np.asarray(x)
    if x.ndim != 4 or x.shape[-1] != 1:
        raise ValueError(f"x must be grey images of the shape (n, 28, 28, 1), not {x.shape}.")
    rng = np.random.default_rng(seed)
    ground, ink = rng.uniform(0, 110, (len(x), 1, 1, 3)), rng.uniform(130, 255, (len(x), 1, 1, 3))
    x = np.pad(x.clip(0, 1), ((0, 0), (2, 2), (2, 2), (0, 0)))
    return np.rint(ground + (ink - ground) * x).astype("uint8")


def tensors(
    images: np.ndarray,
    side: int | None = None,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
) -> "Tensor":
    """The course's images as PyTorch's networks take them.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w, 3)
        RGB in 0–255.
    side : int, optional
        Height and width to bring them to: pixels are averaged on the way down, and interpolated
        linearly on the way up.
    mean, std : three floats
        Of the channels in 0–1, which are taken off and divided by.

    Returns
    -------
    Tensor, float32, shape (n, 3, height, width)

    Raises
    ------
    ValueError
        If the images are no bytes, or have other axes, or a number is out of its range.
    """
    torch = require()
    images = np.asarray(images)
    if images.dtype != "uint8" or images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(
            "images must be uint8 in 0–255 with the shape (n, height, width, 3), not "
            f"{images.dtype} with the shape {images.shape}."
        )
    if side is not None:
        check_whole("side", side, 1)
    for name, value in (("mean", mean), ("std", std)):
        if np.shape(value) != (3,) or not np.isfinite(value).all():
            raise ValueError(f"{name} must be three numbers, for red, green, blue, not {value!r}.")
    if not np.all(np.asarray(std) > 0):
        raise ValueError(f"std must be above 0, for it divides, not {std!r}.")
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 255
    if side is not None and x.shape[-2:] != (side, side):
        shrinks = side <= min(x.shape[-2:])
        how = {"mode": "area"} if shrinks else {"mode": "bilinear", "align_corners": False}
        x = torch.nn.functional.interpolate(x, (side, side), **how)
    return (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


# --- the loop --------------------------------------------------------------------------------


def fit(
    model: "nn.Module",
    x: "Tensor",
    y: "Tensor",
    steps: int,
    *,
    rate: float | Sequence[float] = 0.001,
    momentum: float = 0.9,
    batch_size: int = 32,
    seed: int = 0,
    weight_decay: float = 0.0,
    towards: "Mapping[str, Tensor] | None" = None,
    parameters: "Iterable[Tensor] | Iterable[dict] | None" = None,
) -> list[float]:
    """Train with stochastic gradient descent and momentum, as `torch.optim.SGD` defines them.

    v ← βv + g and θ ← θ − αv, where g is the gradient of the batch's mean cross-entropy, and of
    the penalty λ/2 · ‖θ − θ⁰‖². Without `towards`, θ⁰ is zero (L2 on all weights). With it, θ⁰ is
    what `towards` holds under a parameter's name, and zero for those that it lacks or holds in
    another shape, such as a new `fc` (L2-SP; Li, Grandvalet and Davoine 2018, with one λ for both
    parts). Each step begins with `zero_grad`; the network is in training mode, and stays in it.

    Parameters
    ----------
    model : nn.Module
        Ends in logits. Changed in place.
    x : Tensor of float, shape (n, 3, h, w)
    y : Tensor or ndarray of int, shape (n,)
    steps : int
    rate : float or sequence of float
        The learning rate α, or one for each step, which then counts for all groups.
    momentum : float
        β, in 0–1.
    batch_size : int
        The last batch of an epoch holds what is left over, and is left out if it is one image.
    seed : int
        Of the order of the images.
    weight_decay : float
        λ.
    towards : mapping of str to Tensor, optional
        A `state_dict`.
    parameters : iterable, optional
        The parameters, or PyTorch's parameter groups with rates of their own, that train; by
        default all that require a gradient.

    Returns
    -------
    list of float
        The cross-entropy of each step's batch, without the penalty.

    Raises
    ------
    ValueError
        If images or labels are of another kind, or not as many, there is nothing to train, or a
        number is out of its range.
    """
    check_whole("steps", steps, 0)
    if np.ndim(rate) and len(rate) < steps:
        raise ValueError(f"rate holds {len(rate)} rates, which are too few for {steps} steps.")
    losses = train_steps(
        model, x, y, rate=rate, momentum=momentum, batch_size=batch_size, seed=seed,
        weight_decay=weight_decay, towards=towards, parameters=parameters,
    )  # fmt: skip
    return [*islice(losses, steps)]


def train_steps(
    model: "nn.Module",
    x: "Tensor",
    y: "Tensor",
    *,
    rate: float | Sequence[float] = 0.001,
    momentum: float = 0.9,
    batch_size: int = 32,
    seed: int = 0,
    weight_decay: float = 0.0,
    towards: "Mapping[str, Tensor] | None" = None,
    parameters: "Iterable[Tensor] | Iterable[dict] | None" = None,
) -> Iterator[float]:
    """As `fit`, without end: yields each step's loss, so that one may look in between."""
    torch = require()
    for each in rate if np.ndim(rate) else [rate]:
        check_number("rate", float(each) if isinstance(each, torch.Tensor) else each)
    check_number("momentum", momentum, 0, 1)
    check_number("weight_decay", weight_decay)
    check_whole("batch_size", batch_size, 1)
    check_whole("seed", seed, 0)
    if towards is not None and not isinstance(towards, Mapping):
        raise ValueError(
            f"towards must be a state_dict, as model.state_dict() returns it, not {type(towards)}."
        )
    _check_images(model, x)
    if parameters is None:
        parameters = [p for p in model.parameters() if p.requires_grad]
    parameters = list(parameters)
    if not any(getattr(each, "requires_grad", True) for each in parameters):
        raise ValueError("There is nothing to train: every parameter is frozen.")
    rates = None if np.ndim(rate) == 0 else rate
    first = rate if rates is None else rates[0]
    optimizer = torch.optim.SGD(parameters, lr=float(first), momentum=momentum)
    pull = _pull(model, weight_decay, towards)
    yield from _train(model, optimizer, x, y, _order(len(x), batch_size, seed), rates, pull)


def _order(n: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Mini-batches without end; one image alone has no variance to normalise with."""
    if n < 2:
        raise ValueError(f"x must hold at least two images, not {n}.")
    for batch in batches(n, size, np.random.default_rng(seed)):
        if len(batch) > 1 or size == 1:
            yield batch


def _pull(model, strength: float, towards) -> list:
    """Each parameter with what the penalty pulls it towards, and how strongly."""
    if not strength:
        return []
    known = towards or {}
    return [
        (
            p,
            strength,
            require().as_tensor(known[name]).detach().clone()
            if _fits(known.get(name), p)
            else None,
        )
        for name, p in model.named_parameters()
    ]


def _check_images(model: "nn.Module", x: "Tensor") -> None:
    """See that a network can take these images."""
    torch = require()
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model must be a network of PyTorch, such as resnet18(), not {model!r}.")
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, torch.Tensor | np.ndarray) else type(x).__name__
        raise ValueError(
            f"x must be a float tensor, not {kind}: pytorch.tensors makes it of images in uint8."
        )
    first = next(iter(model.parameters()), x)
    if first.is_floating_point() and first.dtype != x.dtype:
        raise ValueError(
            f"x is {x.dtype}, but the weights are {first.dtype}: give x.to({first.dtype})."
        )
    wanted = next((m for m in model.modules() if isinstance(m, torch.nn.Conv2d)), None)
    if wanted is not None and (x.ndim != 4 or x.shape[1] != wanted.in_channels):
        fix = ""
        if x.ndim == 4 and x.shape[3] == wanted.in_channels:
            fix = ": give x.permute(0, 3, 1, 2)"
        elif x.ndim == 3 and x.shape[0] == wanted.in_channels:
            fix = ": give x[None] for one image"
        raise ValueError(
            f"x must have the shape (n, {wanted.in_channels}, height, width), not "
            f"{tuple(x.shape)}{fix}."
        )
    if not x.isfinite().all():
        raise ValueError("x holds NaN or infinity: look for what has made them before training.")


def _labels(y, n: int, classes: int | None = None) -> np.ndarray:
    """Labels as class numbers, one for each of `n` images."""
    y = y.detach().cpu().numpy() if isinstance(y, require().Tensor) else y
    numbers = class_numbers(y, classes)
    if len(numbers) != n:
        raise ValueError(f"There are {n} images, but {len(numbers)} labels.")
    return numbers


def _classes(outputs: "Tensor") -> int:
    if outputs.ndim != 2:
        raise ValueError(
            f"the network returns the shape {tuple(outputs.shape)}, not one row of logits for each "
            "image: does it lack a head?"
        )
    return outputs.shape[1]


def _fits(value, parameter) -> bool:
    return value is not None and value.shape == parameter.shape


def _train(model, optimizer, x, y, order, rates, pull) -> Iterator[float]:
    """A step for each batch of `order`; yields its loss."""
    torch = require()
    numbers, checked = _labels(y, len(x)), False
    y = torch.from_numpy(numbers).to(x.device)
    model.train()
    for batch, rate in zip(order, repeat(None) if rates is None else rates, strict=False):
        places = torch.from_numpy(batch)
        if rate is not None:
            for group in optimizer.param_groups:
                group["lr"] = float(rate)
        optimizer.zero_grad()
        outputs = model(x[places])
        if not checked:  # how many classes there are, only the network knows
            class_numbers(numbers, _classes(outputs))
            checked = True
        loss = torch.nn.functional.cross_entropy(outputs, y[places])
        loss.backward()
        with torch.no_grad():
            for parameter, strength, start in pull:
                if parameter.grad is not None:
                    away = parameter if start is None else parameter - start
                    parameter.grad.add_(away, alpha=strength)
        optimizer.step()
        yield loss.item()


@contextmanager
def _predicting(model) -> Iterator[None]:
    """In prediction mode and without gradients; afterwards every layer is in its mode again."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with require().no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def logits(model: "nn.Module", x: "Tensor", batch_size: int = 500) -> "Tensor":
    """What the network returns in prediction mode, shape (n, classes); it keeps its mode."""
    check_whole("batch_size", batch_size, 1)
    _check_images(model, x)
    with _predicting(model):
        return require().cat([model(part) for part in x.split(batch_size)])


def accuracy(model: "nn.Module", x: "Tensor", y: "Tensor", batch_size: int = 500) -> float:
    """Share of right answers in 0–1, in prediction mode; the network keeps its mode."""
    found = logits(model, x, batch_size)
    numbers = _labels(y, len(x), _classes(found))
    return float((found.argmax(1).cpu().numpy() == numbers).astype("float32").mean())


def features(model: "nn.Module", x: "Tensor", batch_size: int = 500) -> "Tensor":
    """What `fc` sees, shape (n, 512), in prediction mode; the network keeps its mode.

    All children but the last, and the flatten that stands in `forward` alone.
    """
    check_whole("batch_size", batch_size, 1)
    _check_images(model, x)
    nn = require().nn
    below = nn.Sequential(*list(model.children())[:-1], nn.Flatten())
    with _predicting(model):
        return require().cat([below(part) for part in x.split(batch_size)])


# --- weights ---------------------------------------------------------------------------------

# How `letters_resnet18` is trained. A file of another recipe is not used.
RECIPE = {
    "version": 1,
    "images": 8000,
    "difficulty": 0.3,
    "steps": 400,
    "batch_size": 32,
    "rate": 0.02,  # rises over the first tenth, then falls to zero along half a cosine
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "seed": 0,
}
_EVERY = 10.0  # seconds between two checkpoints
_DIGEST = 32  # bytes of SHA-256
_TIMEOUT = 600  # seconds to wait for another process that trains the same


def rates_of(recipe: Mapping[str, Any]) -> np.ndarray:
    """The learning rate of each step: up over the first tenth, then down along half a cosine."""
    t = (np.arange(recipe["steps"]) + 0.5) / recipe["steps"]
    return recipe["rate"] * np.minimum(t / 0.1, 0.5 * (1 + np.cos(np.pi * (t - 0.1) / 0.9)))


def letters_resnet18(progress: bool = True) -> "dict[str, Tensor]":
    """The weights of a ResNet18 that reads printed letters, light on dark, in colour, 32×32 pixels.

    They are trained when they are first asked for, on `tinted` cluttered letters as `RECIPE` says,
    and kept in the user's own cache folder. An interrupted training goes on where it stopped. That
    takes a minute on one thread; they then read 82 % of 2,000 new letters, of 26 kinds, in faces
    that they have not seen. Another number of threads sums in another order, and ends a little
    differently.

    Parameters
    ----------
    progress : bool
        Whether a bar shows how far the training is.

    Returns
    -------
    dict of str to Tensor
        For `resnet18(26)`, whose images `tensors` makes ready.

    Raises
    ------
    CourseError
        If PyTorch is not installed.
    """
    name = f"resnet18_letters-{RECIPE['version']}.pt"
    places = [folder / "resnet18" / name for folder in (download.home(), download.own_cache())]
    for path in dict.fromkeys(places):
        if (weights := _read_letters(path)) is not None:
            return weights
    mine = places[-1]
    unfinished = mine.with_suffix(".unfinished")
    with _alone(mine.with_suffix(".lock")):
        if mine.exists() and (weights := _read_letters(mine)) is not None:
            return weights  # another process was quicker
        weights = _learn_letters(unfinished, progress)
        if _keep(mine, {"recipe": json.dumps(RECIPE), "weights": weights}):
            with suppress(OSError):  # it costs some space, and no weights
                unfinished.unlink(missing_ok=True)
        return weights


def imagenet_resnet18() -> "dict[str, Tensor]":
    """The weights that torchvision publishes, which know ImageNet's photographs at 224 pixels.

    Returns
    -------
    dict of str to Tensor
        For `resnet18(1000)`.

    Raises
    ------
    FetchError
        If the file is damaged, or neither here nor to be downloaded: `tlcourse fetch resnet18`.
    CourseError
        If PyTorch is not installed.
    """
    torch = require()
    (path,) = download.fetch("resnet18")
    return torch.load(path, map_location="cpu", weights_only=True)


def _learn_letters(unfinished: Path, progress: bool) -> "dict[str, Tensor]":
    """Train as `RECIPE` says, from where an interrupted training was last written down.

    It is written down between two steps only, so that what goes on is what was interrupted.
    """
    from tqdm.auto import tqdm

    torch = require()
    steps = RECIPE["steps"]
    given = glyphs.make_cluttered_letters(
        RECIPE["images"], 1, difficulty=RECIPE["difficulty"], random_state=RECIPE["seed"]
    )
    x = tensors(tinted(given.x_train, RECIPE["seed"]))
    model = resnet18(len(given.class_names), RECIPE["seed"])
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=RECIPE["rate"],
        momentum=RECIPE["momentum"],
        weight_decay=RECIPE["weight_decay"],
    )
    done = _resume(unfinished, model, optimizer)
    order = islice(_order(len(x), RECIPE["batch_size"], RECIPE["seed"]), done, steps)
    losses = _train(model, optimizer, x, given.y_train, order, rates_of(RECIPE)[done:], [])
    # A bar for people, in a terminal or a notebook, and nothing in a log.
    quiet = {} if "ipykernel" in sys.modules else {"disable": None}
    quiet = quiet if progress else {"disable": True}
    kept = monotonic()
    with tqdm(total=steps, initial=done, desc="letters", leave=False, **quiet) as bar:
        for _ in losses:
            done += 1
            bar.update()
            if monotonic() - kept > _EVERY and done < steps:
                state = {"done": done, "recipe": json.dumps(RECIPE), "weights": model.state_dict()}
                _keep(unfinished, state | {"optimizer": optimizer.state_dict()})
                kept = monotonic()
    return {name: value.detach() for name, value in model.state_dict().items()}


def _resume(unfinished: Path, model, optimizer) -> int:
    """Take on an interrupted training; how many steps it has done, or 0 if there is none."""
    kept = _load(unfinished)
    done = 0 if kept is None else kept.get("done", 0)
    if not isinstance(done, int) or not 0 < done < RECIPE["steps"]:
        return 0
    try:
        optimizer.load_state_dict(kept["optimizer"])
    except (KeyError, TypeError, ValueError, AttributeError):  # written by somebody else
        print(f"{unfinished} is damaged or not the course's, so its weights are trained again.")
        return 0
    model.load_state_dict(kept["weights"])
    return kept["done"]


def _read_letters(path: Path) -> "dict[str, Tensor] | None":
    kept = _load(path)
    return kept and kept["weights"]


def _load(path: Path) -> dict | None:
    """What `_keep` wrote, if it is whole and of this recipe; a sentence says if it is not."""
    torch = require()
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        print(f"{path} cannot be read ({error.strerror or error}), so it is not used.")
        return None
    try:
        content, checksum = data[:-_DIGEST], data[-_DIGEST:]
        if hashlib.sha256(content).digest() != checksum:  # `torch.load` does not look
            raise ValueError("a byte has changed")
        # A pickle may run code, and this file may come from anybody: weights alone.
        kept = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
        if json.loads(kept["recipe"]) != RECIPE:
            raise ValueError("another recipe")
        _check(kept["weights"])
    except Exception:  # whatever PyTorch finds in a file that is none of its own
        print(f"{path} is damaged or not the course's, so its weights are trained again.")
        return None
    return kept


def _check(weights: Mapping) -> None:
    """See that the weights are those of a network that reads letters."""
    wanted = resnet18(len(glyphs.LETTERS)).state_dict()
    if wanted.keys() != weights.keys():
        raise ValueError("other names")
    for name, value in wanted.items():
        if weights[name].shape != value.shape or weights[name].dtype != value.dtype:
            raise ValueError(f"another {name}")
        if not weights[name].isfinite().all():
            raise ValueError(f"{name} is not finite")


def _keep(path: Path, state: dict) -> bool:
    """Write a file whole, and its SHA-256 behind it; a sentence if that is not possible."""
    with BytesIO() as out:
        require().save(state, out)
        content = out.getvalue()
        try:
            write(path, content + hashlib.sha256(content).digest())
        except OSError as error:
            _say_once(
                f"The letters' weights cannot be kept in {path.parent} "
                f"({error.strerror or error}), so the next notebook trains them again."
            )
            return False
    return True


@cache
def _say_once(message: str) -> None:
    print(message)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let no other process train the same; without a lock where none can be written."""
    from filelock import FileLock, Timeout

    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock, timeout=_TIMEOUT)
        held.acquire()
    except Timeout:
        raise CourseError(
            "Another process is still training the letters' weights: wait until it is done, or "
            "end it, and run the cell again."
        ) from None
    except OSError:
        held = None
    try:
        yield
    finally:
        if held:
            held.release()


# --- the same network in Keras ---------------------------------------------------------------


def _check_names(weights: "Mapping[str, Tensor]") -> None:
    """See that these are the weights of a `resnet18`, of any number of classes."""
    if not isinstance(weights, Mapping):
        raise ValueError(
            f"weights must be a state_dict, as model.state_dict() returns it, not {type(weights)}."
        )
    own = _network()(1).state_dict()
    if all(name.startswith("module.") for name in weights) and weights:
        raise ValueError(
            'the names of the weights begin with "module.", as DataParallel saves them: take it '
            'off, {name.removeprefix("module."): value for name, value in weights.items()}.'
        )
    optional = {name for name in own if name.endswith("num_batches_tracked")}
    missing, foreign = own.keys() - weights.keys() - optional, weights.keys() - own.keys()
    if missing or foreign:
        what = f"{min(missing)!r} is missing" if missing else f"{min(foreign)!r} is not one of it"
        raise ValueError(f"these are not the weights of a resnet18: {what}.")
    for name, value in own.items():
        if name in weights and name not in ("fc.weight", "fc.bias"):
            _check_shape(name, weights[name].shape, value.shape)
    classes = weights["fc.bias"].shape
    _check_shape("fc.weight", weights["fc.weight"].shape, (*classes, 512))


def _check_shape(name: str, shape, wanted) -> None:
    if tuple(shape) != tuple(wanted):
        raise ValueError(
            f"these are not the weights of a resnet18: {name!r} has the shape {tuple(shape)}, "
            f"not {tuple(wanted)}."
        )


def to_keras(weights: "Mapping[str, Tensor]", side: int | None = None):
    """The same ResNet18 as a Keras model; its layers bear PyTorch's names, `layer1_0_conv1`.

    Three conventions differ. PyTorch pads both sides of an image alike, where Keras' "same" with
    a stride of 2 pads more on the right and below. PyTorch's BatchNorm has ε = 1e-5, Keras' 1e-3.
    And PyTorch's momentum of 0.1 is the share of the new batch, Keras' 0.9 that of the old
    statistics. Kernels go from (out, in, height, width) to (height, width, in, out).

    Parameters
    ----------
    weights : mapping of str to Tensor
        A `state_dict` of `resnet18`.
    side : int, optional
        Of the images, in pixels; any by default.

    Returns
    -------
    keras.Model
        Takes images (n, h, w, 3), of which PyTorch's network gets `transpose(0, 3, 1, 2)`; returns
        logits (n, classes).

    Raises
    ------
    ValueError
        If the weights are not those of `resnet18`, or `side` is no size.
    """
    from tlcourse.backend import keras

    if side is not None:
        check_whole("side", side, 8)
    _check_names(weights)

    layers = keras.layers
    arrays = {name: value.detach().cpu().numpy() for name, value in weights.items()}

    def named(name: str) -> str:
        return name.replace(".", "_")  # Keras on PyTorch refuses points

    def convolve(x, name: str, stride: int = 1):
        kernel = arrays[f"{name}.weight"].transpose(2, 3, 1, 0)
        size, _, _, outputs = kernel.shape
        if size > 1:
            x = layers.ZeroPadding2D(size // 2, name=named(f"{name}.pad"))(x)
        layer = layers.Conv2D(outputs, size, strides=stride, use_bias=False, name=named(name))
        x = layer(x)
        layer.set_weights([kernel])
        return x

    def normalise(x, name: str):
        layer = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=named(name))
        x = layer(x)
        parts = ("weight", "bias", "running_mean", "running_var")
        layer.set_weights([arrays[f"{name}.{part}"] for part in parts])
        return x

    def block(x, name: str, stride: int):
        skipped = x
        if f"{name}.downsample.0.weight" in arrays:
            skipped = convolve(x, f"{name}.downsample.0", stride)
            skipped = normalise(skipped, f"{name}.downsample.1")
        x = normalise(convolve(x, f"{name}.conv1", stride), f"{name}.bn1")
        x = layers.ReLU(name=named(f"{name}.relu1"))(x)
        x = normalise(convolve(x, f"{name}.conv2"), f"{name}.bn2")
        x = layers.Add(name=named(f"{name}.add"))([x, skipped])
        return layers.ReLU(name=named(f"{name}.relu2"))(x)

    inputs = keras.Input((side, side, 3), name="image")
    x = normalise(convolve(inputs, "conv1", 2), "bn1")
    x = layers.ReLU(name="relu")(x)
    # PyTorch pads with −∞ here, which after a ReLU is as good as zero.
    x = layers.ZeroPadding2D(1, name="maxpool_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="maxpool")(x)
    for stage in range(1, 5):
        x = block(x, f"layer{stage}.0", 1 if stage == 1 else 2)
        x = block(x, f"layer{stage}.1", 1)
    x = layers.GlobalAveragePooling2D(name="avgpool")(x)
    head = layers.Dense(len(arrays["fc.bias"]), name="fc")
    outputs = head(x)
    head.set_weights([arrays["fc.weight"].T, arrays["fc.bias"]])
    return keras.Model(inputs, outputs, name="resnet18")
