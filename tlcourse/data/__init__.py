"""Data sets of the course: NumPy arrays, no Keras.

`load_*` ships with the course or a library it needs, `make_*` is generated from a seed.
"""

from tlcourse.data.dataset import Dataset, few_labels
from tlcourse.data.glyphs import (
    DIGITS,
    LETTERS,
    load_digits28,
    make_cluttered_digits,
    make_cluttered_letters,
    make_scene_digits,
    make_scene_letters,
)
from tlcourse.data.stripes import make_stripes

__all__ = [
    "DIGITS",
    "LETTERS",
    "Dataset",
    "few_labels",
    "load_digits28",
    "make_cluttered_digits",
    "make_cluttered_letters",
    "make_scene_digits",
    "make_scene_letters",
    "make_stripes",
]
