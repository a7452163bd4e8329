"""Photographs that are on every machine: they ship with scikit-image and scikit-learn.

Those of scikit-image that are taken here are under CC0 or in the public domain; what
`skimage.data` says of each is repeated beside it. The two of scikit-learn are under CC BY 2.0 and
want their photographers named.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tlcourse.arguments import is_whole
from tlcourse.data.dataset import Dataset
from tlcourse.files import CourseError


class SamplePhoto(NamedTuple):
    """One photograph and whom it is owed to."""

    image: np.ndarray  # (h, w, 3), uint8 in 0–255, RGB
    credit: str
    licence: str
    source: str


class _File(NamedTuple):
    package: str
    path: str
    credit: str
    licence: str


_FLICKR = "Flickr, 2011, by way of scikit-learn"
_PHOTOS = {
    "astronaut": _File("skimage", "astronaut.png", "Eileen Collins, by NASA", "public domain"),
    "cat": _File("skimage", "chelsea.png", "Chelsea, by Stéfan van der Walt", "CC0"),
    "clock": _File("skimage", "clock_motion.png", "Stéfan van der Walt", "public domain"),
    "coffee": _File("skimage", "coffee.png", "Rachel Michetti, Pikolo Espresso Bar", "CC0"),
    "flower": _File("sklearn", "flower.jpg", "vultilion", "CC BY 2.0"),
    "photographer": _File("skimage", "camera.png", "Lav Varshney", "CC0"),
    "retina": _File("skimage", "retina.jpg", "Mikael Häggström, by way of Wikimedia", "CC0"),
    "rocket": _File("skimage", "rocket.jpg", "Launch of DSCOVR, by SpaceX", "public domain"),
    "temple": _File("sklearn", "china.jpg", "Daniel Buechele", "CC BY 2.0"),
}
_TEXTURES = {
    "brick": _File("skimage", "brick.png", "CC0Textures", "CC0"),
    "grass": _File("skimage", "grass.png", "linolafett", "CC0"),
    "gravel": _File("skimage", "gravel.png", "CC0Textures", "CC0"),
}
_FOLDERS = {"skimage": ("scikit-image", "data"), "sklearn": ("scikit-learn", "datasets/images")}


def load_sample_photos() -> dict[str, SamplePhoto]:
    """Nine photographs: people, things, a cat, and what no class of ImageNet fits.

    Returns
    -------
    dict of name to SamplePhoto
        In alphabetical order; each has its own height and width. Two of them (`clock`, which was
        moved while it was taken, and `photographer`) are grey.

    Raises
    ------
    CourseError
        If a file is missing from scikit-image or scikit-learn, or damaged.
    """
    return {
        name: SamplePhoto(_read(file), file.credit, file.licence, _source(file))
        for name, file in _PHOTOS.items()
    }


def load_textures(size: int = 48) -> Dataset:
    """Crops of three photographs: brick, grass and gravel.

    Crops do not overlap. Those for training are from the left half of each photograph, those for
    testing from the right half, and a strip of the width of a crop lies between them: what is near
    looks alike, and a test crop must not be a training crop moved by a pixel.

    Parameters
    ----------
    size : int
        Height and width of a crop in pixels, 16 to 128. The photographs have 512×512.

    Returns
    -------
    Dataset
        Images of shape (size, size, 3), ``uint8`` in 0–255, grey. At 48 pixels there are 40 of
        each class in either half.

    Raises
    ------
    ValueError
        If the size is out of its range.
    CourseError
        If a file is missing from scikit-image, or damaged.
    """
    if not is_whole(size) or not 16 <= size <= 128:
        raise ValueError(f"size must be 16 to 128 pixels, not {size!r}.")
    x_train, x_test = [], []
    for file in _TEXTURES.values():
        image = _read(file)
        middle = image.shape[1] / 2
        x_train.append(_crops(image[:, : int(middle - size / 2)], size))
        x_test.append(_crops(image[:, int(np.ceil(middle + size / 2)) :], size))
    labels = [np.repeat(np.arange(len(x)), [len(c) for c in x]) for x in (x_train, x_test)]
    source = f"CC0Textures and linolafett, by way of {_FOLDERS['skimage'][0]}"
    return Dataset(
        np.concatenate(x_train), labels[0], np.concatenate(x_test), labels[1],
        tuple(_TEXTURES), "CC0", source,
    )  # fmt: skip


def _crops(image: np.ndarray, size: int) -> np.ndarray:
    """An image's crops that do not overlap, shape (n, size, size, 3)."""
    rows, columns = (length // size for length in image.shape[:2])
    grid = image[: rows * size, : columns * size].reshape(rows, size, columns, size, 3)
    return grid.swapaxes(1, 2).reshape(-1, size, size, 3)


def _source(file: _File) -> str:
    return _FLICKR if file.package == "sklearn" else f"{_FOLDERS['skimage'][0]}, {file.path}"


def _read(file: _File) -> np.ndarray:
    """One file of an installed package, RGB; its own loaders would ask the internet."""
    from PIL import Image

    package, folder = _FOLDERS[file.package]
    try:
        spec = find_spec(file.package)
        if spec is None:
            raise FileNotFoundError(f"{package} is not installed")
        with Image.open(Path(spec.origin).parent / folder / file.path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:  # Pillow raises both for a broken file
        raise CourseError(
            f"{file.path} cannot be read from {package} ({error}): install it again with "
            f"`python -m pip install --force-reinstall {package}`."
        ) from error
