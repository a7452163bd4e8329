"""Data sets of the course: NumPy arrays, no Keras.

`load_*` ships with the course or a library it needs, or lies in a folder of yours; `make_*` is
generated from a seed; `fetch_*` is downloaded once and kept.
"""

from tlcourse.data.dataset import Dataset, few_labels
from tlcourse.data.download import FetchError
from tlcourse.data.folders import load_photo_folder
from tlcourse.data.glyphs import (
    DIGITS,
    LETTERS,
    load_digits28,
    make_cluttered_digits,
    make_cluttered_letters,
    make_scene_digits,
    make_scene_letters,
)
from tlcourse.data.photos import load_photo
from tlcourse.data.public import (
    fetch_cifar10,
    fetch_fashion_mnist,
    fetch_flowers,
    fetch_hand_signs,
    fetch_mnist,
    scale,
    transfer_pair,
)
from tlcourse.data.samples import SamplePhoto, load_sample_photos, load_textures
from tlcourse.data.stripes import make_stripes
from tlcourse.data.strokes import SAMPLE_STROKES, strokes_to_digit

__all__ = [
    "DIGITS",
    "LETTERS",
    "SAMPLE_STROKES",
    "Dataset",
    "FetchError",
    "SamplePhoto",
    "fetch_cifar10",
    "fetch_fashion_mnist",
    "fetch_flowers",
    "fetch_hand_signs",
    "fetch_mnist",
    "few_labels",
    "load_digits28",
    "load_photo",
    "load_photo_folder",
    "load_sample_photos",
    "load_textures",
    "make_cluttered_digits",
    "make_cluttered_letters",
    "make_scene_digits",
    "make_scene_letters",
    "make_stripes",
    "scale",
    "strokes_to_digit",
    "transfer_pair",
]
