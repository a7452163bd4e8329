"""The weights that ship with the course: two files and their cards, and how both are made.

Kernels are kept as int8 with one scale for each output channel, everything else (biases,
BatchNormalization) as float32: a quarter of the size, for a loss of accuracy that the card tells.
`tools.pretrain` makes the letters' file, `tools.convert_weights` that of photographs, from
public weights. NumPy only.
"""

import hashlib
import json
import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from tlcourse.files import CourseError

FILE = Path(__file__).with_name("resnet50_letters.npz")
PHOTOS = Path(__file__).with_name("efficientnet_lite0.npz")
CLASS_NAMES = Path(__file__).with_name("imagenet_classes.json")
CONVERTED = (PHOTOS.stem, CLASS_NAMES.stem)  # `tools.convert_weights` makes them
PURPOSE = (
    "The course's weights know printed letters: on three of the four sets of photographs on which "
    "they were measured, they are worse than random weights."
)


def card(file: Path = FILE) -> dict:
    """What is known of the weights: alphabet, recipe, accuracies, SHA-256 of the file.

    Raises
    ------
    CourseError
        If the card is missing or damaged.
    """
    try:
        return json.loads(file.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(file.with_suffix(".json"), error) from error


def verify(file: Path = FILE) -> None:
    """See that the file is the one of its card.

    Raises
    ------
    CourseError
        If it is not.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _damaged(file, error) from error
    if hashlib.sha256(content).hexdigest() != card(file).get("sha256"):
        raise _damaged(file, "its checksum is not that of its card")


def class_names() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes, in the order of the network's outputs.

    Raises
    ------
    CourseError
        If the file is missing or damaged.
    """
    try:
        names = json.loads(CLASS_NAMES.read_text("utf-8"))
        if len(names) != 1000 or not all(isinstance(name, str) for name in names):
            raise ValueError("it does not hold 1,000 names")
        return tuple(names)
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(CLASS_NAMES, error) from error


def save(model, file: Path, about: dict, *, compressed: bool = True) -> None:
    """Write the weights of every layer of `model`, and their card; both whole or not at all.

    Not compressed, the same weights give the same bytes with every version of zlib.
    """
    arrays = {}
    for layer in model.layers:
        for variable, value in zip(layer.weights, layer.get_weights(), strict=True):
            key = f"{layer.name}/{variable.name}"
            if variable.name == "kernel":
                value, arrays[f"{key}/scale"] = quantise(value)
            arrays[key] = value
    unfinished = file.with_suffix(".unfinished.npz")
    (np.savez_compressed if compressed else np.savez)(unfinished, **arrays)
    about = about | {"sha256": hashlib.sha256(unfinished.read_bytes()).hexdigest()}
    os.replace(unfinished, file)
    text = json.dumps(about, ensure_ascii=False, indent=1) + "\n"
    file.with_suffix(".json").write_text(text, "utf-8")


def load(model, file: Path = FILE) -> None:
    """Give every layer of `model` the weights of the layer of its name in `file`.

    Nothing is changed unless everything fits.

    Raises
    ------
    CourseError
        If the file is missing, is not the one of its card, or holds other layers.
    """
    verify(file)
    new = []
    try:
        with np.load(file, allow_pickle=False) as arrays:
            for layer in model.layers:
                values = [_read(arrays, f"{layer.name}/{v.name}") for v in layer.weights]
                for variable, value in zip(layer.weights, values, strict=True):
                    if value.shape != tuple(variable.shape):
                        raise ValueError(f"{layer.name} has the shape {value.shape} in it")
                new.append(values)
    except (KeyError, ValueError, BadZipFile) as error:
        raise _damaged(file, error) from error
    for layer, values in zip(model.layers, new, strict=True):
        layer.set_weights(values)


def quantise(kernel: np.ndarray, bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """A kernel (…, outputs) as int8, and what each output channel is to be multiplied with.

    The whole numbers go from −(2ᵇ⁻¹ − 1) to 2ᵇ⁻¹ − 1, at 8 bits from −127 to 127. In the kernel
    (height, width, channels, 1) of a depthwise convolution each channel is an output of its own,
    and has a scale of its own. A channel that is all zero stays so.
    """
    depthwise = kernel.ndim == 4 and kernel.shape[-1] == 1
    axes = (0, 1) if depthwise else tuple(range(kernel.ndim - 1))
    scale = abs(kernel).max(axis=axes) / (2 ** (bits - 1) - 1)
    scale = np.where(scale > 0, scale, 1).astype("float32")
    return np.rint(kernel / scale).astype("int8"), scale


def _read(arrays, key: str) -> np.ndarray:
    value = arrays[key]
    return value * arrays[f"{key}/scale"] if value.dtype == "int8" else value


def advice(file: Path) -> str:
    """What to do about a damaged file."""
    maker = "tools.convert_weights" if file.stem in CONVERTED else "tools.pretrain"
    return f"install tlcourse again (in a checkout, `python -m {maker}` makes them)"


def _damaged(file: Path, why) -> CourseError:
    return CourseError(f"The course's weights cannot be read from {file} ({why}): {advice(file)}.")
