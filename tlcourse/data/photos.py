"""A folder of photos, as people have them, as a data set.

Whatever is wrong with such a folder is put right or left out, and told in one summary.
"""

import hashlib
import io
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from tlcourse.data.dataset import Dataset
from tlcourse.files import CourseError, explain_os_errors

_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF")
_LARGE = 2000  # pixels of the longer side, from which on it is told
_MEGAPIXELS = 25  # the most that is unpacked into memory for one photo
_MEGABYTES = 100  # the most that is read from one file
_BATCH = 64  # photos under way at a time
_CLUTTER = {"thumbs.db", "desktop.ini", "__macosx"}  # what file managers leave behind
_TEST = ("test", "val", "valid", "validation")

# What there may be to tell, in the order of telling.
_REMARKS = {
    "broken": "cannot be read, left out",
    "heic": "HEIC, which cannot be read here, left out; save them as JPEG",
    "large": f"over {_MEGAPIXELS} megapixels or {_MEGABYTES} MB, left out; make them smaller",
    "other": "not photos, left out",
    "leaked": "the same picture is in the test set, left out of training",
    "twice": "the same picture is in two classes, kept; look which is right",
    "empty": "classes without a photo, left out",
    "untrained": "classes without a photo for training, left out",
    "untested": "classes without a photo for testing, kept",
    "named": "another format than the name says, read all the same",
    "shrunk": f"larger than {_LARGE:,} pixels, scaled down",
    "grey": "grey, turned into colour",
    "cmyk": "CMYK, made for print, turned into RGB",
    "clear": "partly transparent, laid on white",
}

Remarks = dict[str, list[str]]
# Split ("train", "test" or None), class, name, and how to read the bytes.
Photo = tuple[str | None, str, str, Callable[[], bytes]]


def load_photo_folder(path: str | os.PathLike, size: int = 96) -> Dataset:
    """Photos sorted into one sub-folder per class; what is wrong with them is printed.

    Files that are no readable photo are left out. Photos are turned upright as the camera noted,
    made RGB, and brought to a square by scaling and cutting off what protrudes. If the folder
    holds `train/` and `test/` (or `val/`), each with a sub-folder per class, the split is theirs,
    and a picture of the test set is left out of training; else a fifth of each class is put aside
    for testing, chosen by the files' content, so that a name or a copy changes nothing.

    Parameters
    ----------
    path : path
    size : int
        Height and width, 8 to 1024.

    Returns
    -------
    Dataset
        Images of shape (size, size, 3), ``uint8`` in 0–255. The licence is yours to know.

    Raises
    ------
    CourseError
        If the folder cannot be read or does not hold photos of two classes.
    ValueError
        If the size is out of its range.
    """
    folder = Path(path).expanduser()
    if not folder.exists():
        raise CourseError(
            f"There is no folder {os.fspath(path)}: give one that holds a sub-folder per class."
        )
    with explain_os_errors(folder, "path"):
        photos, classes = _find_photos(folder)
    dataset, remarks = read_photos(photos, size, classes, folder.name)
    print(_summary(folder.name, dataset, remarks))
    return dataset


# --- which photos there are ------------------------------------------------------------------


def _find_photos(folder: Path) -> tuple[list[Photo], list[str]]:
    """The files below the classes' folders, and the classes."""
    inside = {child.name: child for child in _visible(folder) if child.is_dir()}
    by_lower = {name.lower(): child for name, child in inside.items()}
    test = next((by_lower[name] for name in _TEST if name in by_lower), None)
    if "train" in by_lower and test and set(by_lower) <= {"train", *_TEST}:
        splits = {"train": by_lower["train"], "test": test}
        parts = [(s, c) for s, part in splits.items() for c in _visible(part) if c.is_dir()]
    else:
        parts = [(None, child) for child in inside.values()]
    classes = sorted({child.name for _, child in parts})
    if len(classes) < 2:
        inner = [c.name for c in inside.values() if sum(d.is_dir() for d in _visible(c)) > 1]
        hint = f"; did you mean {folder / inner[0]}?" if inner else "."
        found = f"only {classes[0]!r}" if classes else "none"
        raise CourseError(
            f"{folder} must hold one sub-folder per class, two at least, with the photos in "
            f"them, and there is {found}{hint}"
        )
    return [
        (split, child.name, f"{child.name}/{file.relative_to(child).as_posix()}", _reader(file))
        for split, child in parts
        for file in _files(child)
    ], classes


def _visible(folder: Path) -> list[Path]:
    """What a folder holds, without hidden things and what file managers leave behind."""
    children = sorted(folder.iterdir())
    return [c for c in children if c.name[0] != "." and c.name.lower() not in _CLUTTER]


def _files(folder: Path) -> Iterator[Path]:
    for child in _visible(folder):
        if child.is_dir():
            if not child.is_symlink():  # which may lead in a circle
                yield from _files(child)
        else:
            yield child


def _reader(file: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        if file.stat().st_size > _MEGABYTES * 1_000_000:
            raise _TooLarge
        return file.read_bytes()

    return read


# --- reading them ----------------------------------------------------------------------------


def read_photos(
    photos: Iterable[Photo], size: int, classes: Iterable[str] = (), where: str = "it"
) -> tuple[Dataset, Remarks]:
    """Read photos, split them if they are not, and gather what there is to tell.

    Parameters
    ----------
    photos : iterable of (split, class, name, read)
    size : int
    classes : iterable of str
        Classes that there should be, besides those that have photos.
    where : str
        For the error: what the photos were in.

    Returns
    -------
    dataset : Dataset
    remarks : dict
        Kind of remark, as in `_REMARKS`, to the names of the photos or classes.
    """
    if not 8 <= size <= 1024:
        raise ValueError(f"size must be 8 to 1024 pixels, not {size}.")
    remarks = defaultdict(list)
    found = []
    for photo in _read_all(photos, size):
        for kind, detail in photo.remarks:
            remarks[kind].append(f"{photo.name} ({detail})" if detail else photo.name)
        if photo.pixels is not None:
            found.append(photo)
    _split(found)
    found = _drop_leaks(found, remarks)
    names = _class_names(found, sorted({*classes, *(p.kind for p in found)}), remarks)
    parts = []
    for split in ("train", "test"):
        chosen = [p for p in found if p.split == split and p.kind in names]
        if not chosen or len(names) < 2:
            raise CourseError(
                f"{where} holds too few readable photos: at least two classes with two photos "
                f"each are needed. {_told(remarks)}".strip()
            )
        parts.append(np.stack([p.pixels for p in chosen]))
        parts.append(np.array([names.index(p.kind) for p in chosen]))
    dataset = Dataset(*parts, tuple(names), "as the photos' owner says", f"Photos in {where}.")
    return dataset, remarks


@dataclass
class _Read:
    """One photo after reading."""

    split: str | None
    kind: str  # its class
    name: str
    pixels: np.ndarray | None = None
    of_file: bytes = b""  # hash of the file
    of_pixels: bytes = b""
    remarks: list[tuple[str, str]] = field(default_factory=list)


def _read_all(photos: Iterable[Photo], size: int) -> Iterator[_Read]:
    """Read in as many threads as there are cores; Pillow lets go of the interpreter."""
    from PIL import Image

    Image.init()  # all formats, before the threads want them
    photos = iter(photos)
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore")  # Pillow's, about what is odd in a file
        while batch := list(islice(photos, _BATCH)):
            yield from pool.map(lambda photo: _read(*photo, size), batch)


def _read(split, kind, name, read, size) -> _Read:
    photo = _Read(split, kind, name)
    suffix = Path(name).suffix.lower()
    try:
        data = read()
        photo.of_file = hashlib.blake2b(data, digest_size=16).digest()
        photo.pixels = _decode(data, suffix, size, photo.remarks)
        photo.of_pixels = hashlib.blake2b(photo.pixels, digest_size=16).digest()
    except Exception as error:  # Pillow raises a dozen kinds for a broken file
        photo.remarks = [_why_not(error, suffix)]
    return photo


def _why_not(error: Exception, suffix: str) -> tuple[str, str]:
    """Which remark an unreadable file gets, and the detail."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, (_TooLarge, Image.DecompressionBombError)):
        return "large", ""
    if not isinstance(error, UnidentifiedImageError):
        return "broken", getattr(error, "strerror", None) or str(error)
    if suffix in (".heic", ".heif"):
        return "heic", ""
    return ("broken", "no picture inside") if suffix in _extensions() else ("other", "")


def _extensions() -> dict[str, str]:
    """Suffixes of picture files, and the format that each promises."""
    from PIL import Image

    return {s: f for s, f in Image.registered_extensions().items() if f in _FORMATS}


class _TooLarge(Exception):
    pass


def _decode(data: bytes, suffix: str, size: int, remarks: list) -> np.ndarray:
    """One photo, shape (size, size, 3) uint8."""
    from PIL import Image, ImageOps

    formats = [name for name in _FORMATS if name in Image.OPEN]
    with Image.open(io.BytesIO(data), formats=formats) as image:
        promised = _extensions().get(suffix)
        if promised and promised != image.format and image.format != "MPO":  # which is a JPEG
            remarks.append(("named", image.format))
        if max(image.size) > _LARGE:
            remarks.append(("shrunk", "{}×{}".format(*image.size)))
        full = image.width * image.height
        image.draft(None, (2 * size, 2 * size))  # lets a JPEG be unpacked at an eighth
        whole = image.info.get("progressive")  # which is held at full size all the same
        if (full if whole else image.width * image.height) > _MEGAPIXELS * 1_000_000:
            raise _TooLarge
        image = _as_photo(image, remarks)
        with suppress(Exception):  # the camera's note may be broken, and the picture sound
            image = ImageOps.exif_transpose(image)
        image = ImageOps.fit(image, (size, size))
        if image.mode == "RGBA":
            ground = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(ground, image)
        return np.asarray(image.convert("RGB"))


def _as_photo(image, remarks: list):
    """Bring an image to a mode that scales well: grey, RGB, RGBA or CMYK."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits
        remarks.append(("grey", ""))
        return Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
    if image.mode in ("1", "L", "LA", "F"):
        remarks.append(("grey", ""))
    if image.mode in ("CMYK", "YCCK"):
        remarks.append(("cmyk", ""))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            remarks.append(("clear", ""))
        return image
    return image.convert("RGB") if image.mode not in ("L", "RGB", "CMYK") else image


# --- splits ----------------------------------------------------------------------------------


def _split(photos: list[_Read]) -> None:
    """Put a fifth of each class aside for testing where no split is given.

    Copies of a picture stay together. A class of one picture is for training.
    """
    copies = defaultdict(list)
    for photo in photos:
        if photo.split is None:
            copies[photo.kind, photo.of_pixels].append(photo)
    classes = defaultdict(list)
    for (kind, _), group in copies.items():
        classes[kind].append(group)
    for groups in classes.values():
        groups.sort(key=lambda group: min(photo.of_file for photo in group))
        wanted = max(1, round(sum(map(len, groups)) / 5))
        for group in groups:
            aside = wanted > 0 and group is not groups[-1]
            wanted -= len(group)
            for photo in group:
                photo.split = "test" if aside else "train"


def _drop_leaks(photos: list[_Read], remarks: Remarks) -> list[_Read]:
    """Leave out of training what is in the test set, and tell pictures of two classes."""
    first, tested = {}, {}
    for photo in photos:
        if photo.split == "test":
            tested.setdefault(photo.of_pixels, photo)
        other = first.setdefault(photo.of_pixels, photo)
        if other.kind != photo.kind:
            remarks["twice"].append(f"{other.name} = {photo.name}")
    kept = []
    for photo in photos:
        if photo.split == "train" and photo.of_pixels in tested:
            remarks["leaked"].append(f"{photo.name} = {tested[photo.of_pixels].name}")
        else:
            kept.append(photo)
    return kept


def _class_names(photos: list[_Read], names: list[str], remarks: Remarks) -> list[str]:
    """The classes that can be learned."""
    counts = Counter((photo.split, photo.kind) for photo in photos)
    learnable = []
    for name in names:
        n_train, n_test = counts["train", name], counts["test", name]
        if n_train:
            learnable.append(name)
        if not n_train or not n_test:
            kind = "untested" if n_train else "untrained" if n_test else "empty"
            remarks[kind].append(name)
    return learnable


# --- telling ---------------------------------------------------------------------------------


def _summary(where: str, dataset: Dataset, remarks: Remarks) -> str:
    n_train, n_test = len(dataset.y_train), len(dataset.y_test)
    counts = np.bincount(np.concatenate([dataset.y_train, dataset.y_test]))
    classes = zip(dataset.class_names, counts, strict=True)
    return "\n".join(
        [
            f"{where}: {n_train + n_test:,} photos, {n_train:,} for training and {n_test:,} for "
            f"testing, {dataset.x_train.shape[1]}×{dataset.x_train.shape[2]} pixels.",
            f"{len(counts)} classes: " + ", ".join(f"{name} {n:,}" for name, n in classes) + ".",
            *_lines(remarks),
        ]
    )


def _told(remarks: Remarks) -> str:
    return "; ".join(_lines(remarks))


def _lines(remarks: Remarks) -> list[str]:
    """One line for each kind of remark, with three examples."""
    lines = []
    for kind, text in _REMARKS.items():
        if names := remarks.get(kind):
            more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
            lines.append(f"{len(names):,} × {text}: {', '.join(names[:3])}{more}")
    return lines
