"""The weights that ship with the course: one file, its card, and how both are written and read.

Kernels are kept as int8 with one scale for each output channel, everything else (biases,
BatchNormalization) as float32: a quarter of the size, for a loss of accuracy that the card tells.
`tools.pretrain` makes the file. NumPy only.
"""

import hashlib
import json
import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from tlcourse.files import CourseError

ADVICE = "install tlcourse again (in a checkout, `python -m tools.pretrain` makes them)"
FILE = Path(__file__).with_name("resnet50_letters.npz")
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


def save(model, file: Path, about: dict) -> None:
    """Write the weights of every layer of `model`, and their card; both whole or not at all."""
    arrays = {}
    for layer in model.layers:
        for variable, value in zip(layer.weights, layer.get_weights(), strict=True):
            key = f"{layer.name}/{variable.name}"
            if variable.name == "kernel":
                value, arrays[f"{key}/scale"] = quantise(value)
            arrays[key] = value
    unfinished = file.with_suffix(".unfinished.npz")
    np.savez_compressed(unfinished, **arrays)
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


def quantise(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A kernel (…, outputs) as int8, and what each output channel is to be multiplied with."""
    scale = abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / 127
    scale = np.where(scale > 0, scale, 1).astype("float32")
    return np.rint(kernel / scale).astype("int8"), scale


def _read(arrays, key: str) -> np.ndarray:
    value = arrays[key]
    return value * arrays[f"{key}/scale"] if value.dtype == "int8" else value


def _damaged(file: Path, why) -> CourseError:
    return CourseError(f"The course's weights cannot be read from {file} ({why}): {ADVICE}.")
