"""A folder of photos, as people have them, as a data set.

Whatever is wrong with such a folder is put right or left out, and said in one summary.
"""

import hashlib
import os
import re
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from numbers import Real
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from tlcourse.data.dataset import Dataset
from tlcourse.data.layout import PARTS, find_layout
from tlcourse.data.photos import NotReadable, check_size, decode, read_bytes
from tlcourse.data.remarks import KEPT, LEFT_OUT, Remarks, printable, say
from tlcourse.files import CourseError, explain_os_errors, given_path

_BATCH = 64  # photos under way at a time

Groups = Callable[[str], Hashable] | Mapping[str, Hashable] | str | re.Pattern


def load_photo_folder(
    path: str | os.PathLike,
    size: int = 96,
    *,
    groups: Groups | None = None,
    share: float = 0.2,
    validation: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Photos sorted into one sub-folder per class; what is wrong with them is printed.

    Each photo is read as by `load_photo`. Files that are no readable photo are left out, and every
    file is either read or counted among those, with the reason.

    If the folder holds a split, it is kept: two or three folders that hold the same class folders,
    as in ``train/cat``, ``train/dog``, ``test/cat``, ``test/dog``, whatever they are named. A
    picture that is held out is then left out of training. Else a share of each class is put aside,
    chosen by the files' content, so that a name or a copy changes nothing. Pictures that are nearly
    the same on both sides are named.

    Parameters
    ----------
    path : path
    size : int
        Height and width, 8 to 1024.
    groups : callable, mapping, str or Pattern, optional
        What tells the group of a photo, for photos that belong together, as those of a series or
        of a person do: a group falls on one side of the split as a whole. A function of the name;
        a mapping from names; or a regular expression that is searched in the name, whose first
        bracket, if it has one, is the group. Names are those in `files_train`, such as
        ``cat/1.jpg``; a mapping may leave out the folder. A photo without a group stands alone.
    share : float
        Share of each class to put aside for testing if the folder holds no split, above 0.
    validation : float
        Share of each class to put aside for validation if the folder holds no such part; by
        default none.
    seed : int
        Another number puts other photos aside.

    Returns
    -------
    Dataset
        Images of shape (size, size, 3), ``uint8`` in 0–255, and the name of each one's file,
        relative to the folder. The licence is yours to know.

    Raises
    ------
    CourseError
        If the folder cannot be read or does not hold photos of two classes.
    ValueError
        If the size, a share or the groups cannot be used.
    """
    plan = Plan(_group_of(groups), share, validation, seed)
    dataset, summary, _ = read_folder(path, size, plan)
    say(summary)
    return dataset


def read_folder(
    path: str | os.PathLike, size: int, plan: "Plan", most: int | None = None
) -> tuple[Dataset, str, int]:
    """What `load_photo_folder` does, without printing.

    Parameters
    ----------
    path, size
        As for `load_photo_folder`.
    plan : Plan
    most : int, optional
        The most photos to read: of a larger folder all classes give equally many, as far as they
        have them. Their names decide which.

    Returns
    -------
    dataset : Dataset
    summary : str
        Lines on what was read and left out.
    skipped : int
        Files that were not looked at, because of `most`.

    Raises
    ------
    CourseError, ValueError
        As `load_photo_folder`.
    """
    size = check_size(size)
    folder = given_path(path)
    shown = printable(os.fsdecode(path))
    if os.path.isfile(folder):
        raise CourseError(f"{shown} is a file, not a folder: unpack it if it is an archive.")
    with explain_os_errors(folder, "path"):
        if not folder.exists():
            raise CourseError(
                f"There is no folder {shown}: give one that holds a sub-folder per class."
            )
        layout = find_layout(folder)
    where = printable(folder.resolve().name)
    photos = [Photo(f.part, f.kind, f.name, _reader(f.path)) for f in layout.files]
    chosen = _evenly(photos, most) if most and most < len(photos) else photos
    dataset = read_photos(chosen, size, plan, layout.classes, where, layout.remarks)
    _find_near_copies(dataset, layout.remarks)
    summary = _summary(where, dataset, layout.split, layout.remarks)
    return dataset, summary, len(photos) - len(chosen)


def _evenly(photos: list["Photo"], most: int) -> list["Photo"]:
    """At most so many photos, equally many of each class and part; their names decide which."""
    of_kind = defaultdict(list)
    for photo in photos:
        of_kind[photo.part, photo.kind].append(photo)
    sizes, left, quota = sorted(map(len, of_kind.values())), most, 1
    for place, n in enumerate(sizes):  # what small classes do not need, larger ones get
        quota = max(1, left // (len(sizes) - place))
        if n > quota:
            break
        left -= n
    chosen = set()
    for members in of_kind.values():
        members.sort(key=lambda p: hashlib.blake2b(os.fsencode(p.name), digest_size=16).digest())
        chosen.update(map(id, members[:quota]))
    return [photo for photo in photos if id(photo) in chosen]


def _reader(file: Path) -> Callable[[], bytes]:
    return lambda: read_bytes(file)


def _alone(name: str) -> None:
    """The group of a photo where there are none."""


@dataclass(frozen=True)
class Plan:
    """How photos are split: what groups them, which shares are put aside, and a seed.

    With `near`, photos that are nearly the same make a group, where a class has two such groups
    at least.
    """

    group_of: Callable[[str], Hashable] = _alone
    share: float = 0.2
    validation: float = 0.0
    seed: int = 0
    near: bool = False

    def __post_init__(self) -> None:
        numbers = isinstance(self.share, Real) and isinstance(self.validation, Real)
        if not numbers or not (0 < self.share < 1 and 0 <= self.validation < 1):
            raise ValueError(
                f"share={self.share!r} must lie between 0 and 1, and "
                f"validation={self.validation!r} may be 0 as well: 0.2 puts a fifth aside."
            )
        if self.share + self.validation >= 1:
            raise ValueError(
                f"share={self.share} and validation={self.validation} leave nothing to train on: "
                "make them smaller."
            )


def _group_of(groups: Groups | None) -> Callable[[str], Hashable]:
    """What tells the group of a photo from its name."""
    if groups is None:
        return _alone
    if isinstance(groups, Mapping):
        return lambda name: groups.get(name, groups.get(PurePosixPath(name).name))
    if callable(groups):
        return groups
    try:
        pattern = re.compile(groups)
    except (re.error, TypeError) as error:
        raise ValueError(
            f"groups={groups!r} is no function, mapping or regular expression ({error})."
        ) from None

    def search(name: str) -> str | None:
        match = pattern.search(name)
        return match and match[min(1, pattern.groups)]

    return search


# --- reading them ----------------------------------------------------------------------------


class Photo(NamedTuple):
    """A photo to read; its part is "train", "validation", "test", or None without a split."""

    part: str | None
    kind: str  # its class
    name: str
    read: Callable[[], bytes]


@dataclass
class _Read:
    """One photo after reading."""

    part: str | None
    kind: str
    name: str
    pixels: np.ndarray | None = None
    of_file: bytes = b""  # hash of the file
    of_pixels: bytes = b""
    notes: list[tuple[str, str]] = field(default_factory=list)
    group: Hashable = None


def read_photos(
    photos: Iterable[Photo],
    size: int,
    plan: Plan | None = None,
    classes: Iterable[str] = (),
    where: str = "it",
    remarks: Remarks | None = None,
) -> Dataset:
    """Read photos, and split them if they are not.

    Parameters
    ----------
    photos : iterable of Photo
    size : int
    plan : Plan, optional
    classes : iterable of str
        Classes that there should be, besides those that have photos.
    where : str
        For the error: what the photos were in.
    remarks : Remarks, optional
        Gets what there is to say.

    Raises
    ------
    CourseError
        If there are too few photos that can be read.
    """
    plan, remarks = plan or Plan(), Remarks() if remarks is None else remarks
    found = []
    for photo in _read_all(photos, check_size(size)):
        for kind, detail in photo.notes:
            remarks.add(kind, photo.name, detail)
        if photo.pixels is not None:
            found.append(photo)
    _note_groups(found, plan.group_of)
    if plan.near and found and all(photo.part is None for photo in found):
        _group_near_copies(found)
    _split(found, plan)
    found = _drop_copies(found, remarks)
    _report_groups(found, remarks)
    names = _class_names(found, sorted({*classes, *(p.kind for p in found)}), remarks)
    parts = {part: [p for p in found if p.part == part and p.kind in names] for part in PARTS}
    if len(names) < 2 or not parts["train"] or not parts["test"]:
        raise CourseError(_too_few(where, remarks, found))
    arrays = {}
    for part, chosen in parts.items():
        if chosen:
            arrays[f"x_{part}"] = np.stack([p.pixels for p in chosen])
            arrays[f"y_{part}"] = np.array([names.index(p.kind) for p in chosen])
            arrays[f"files_{part}"] = tuple(p.name for p in chosen)
    return Dataset(
        **arrays,
        class_names=tuple(names),
        licence="as the photos' owner says",
        source=f"Photos in {where}.",
    )


def _too_few(where: str, remarks: Remarks, found: list[_Read]) -> str:
    pictures = defaultdict(list)
    for photo in found:
        pictures[photo.kind].append(photo.of_pixels)
    enough = sum(len(set(hashes)) > 1 for hashes in pictures.values()) > 1
    if enough and any(photo.group is not None for photo in found):
        return (
            f"The groups leave {where} no photo for testing, or none for training: every class "
            "needs photos of two groups at least."
        )
    copies = [
        f"the {len(hashes):,} photos of {kind} are copies of one"
        for kind, hashes in pictures.items()
        if len(hashes) > len(set(hashes)) == 1
    ]
    why = [*remarks.lines(LEFT_OUT), *remarks.lines({"empty": KEPT["empty"]}), *copies[:3]]
    said = "; ".join(why)
    return (
        f"{where} holds too few readable photos: at least two classes with two photos each are "
        f"needed{said and f' ({said})'}."
    )


def _read_all(photos: Iterable[Photo], size: int) -> Iterator[_Read]:
    """Read in as many threads as there are cores; Pillow lets go of the interpreter."""
    from PIL import Image
    from tqdm import tqdm

    Image.init()  # all formats, before the threads want them
    total = len(photos) if hasattr(photos, "__len__") else None
    # A bar for people, in a terminal or a notebook, and nothing in a log.
    quiet = {} if "ipykernel" in sys.modules else {"disable": None}
    bar = tqdm(total=total, desc="photos", unit="", delay=1, leave=False, **quiet)
    photos = iter(photos)
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count() or 1) as pool, bar:
        warnings.simplefilter("ignore")  # Pillow's, about what is odd in a file
        while batch := list(islice(photos, _BATCH)):
            for photo in pool.map(lambda photo: _read(photo, size), batch):
                yield photo
                bar.update()


def _read(photo: Photo, size: int) -> _Read:
    read = _Read(photo.part, photo.kind, photo.name)
    try:
        data = photo.read()
        read.of_file = hashlib.blake2b(data, digest_size=16).digest()
        read.pixels = decode(data, size, PurePosixPath(photo.name).suffix, read.notes)
        read.of_pixels = hashlib.blake2b(read.pixels, digest_size=16).digest()
    except NotReadable as error:
        read.notes = [(error.kind, error.detail)]
    except OSError as error:
        read.notes = [("broken", error.strerror or str(error))]
    return read


# --- splits ----------------------------------------------------------------------------------


def _note_groups(photos: list[_Read], group_of: Callable[[str], Hashable]) -> None:
    for photo in photos:
        try:
            photo.group = group_of(photo.name)
            hash(photo.group)
        except Exception as error:
            raise ValueError(
                f"groups cannot tell the group of {photo.name!r} ({type(error).__name__}: {error})."
            ) from error
    if photos and group_of is not _alone and all(photo.group is None for photo in photos):
        raise ValueError(
            f"groups finds no group for any photo; a photo's name is, for example, "
            f"{photos[0].name!r}."
        )


def _group_near_copies(photos: list[_Read]) -> None:
    """Let photos that are nearly the same be a group; a class of one group gets none."""
    numbers = near_groups(np.stack([photo.pixels for photo in photos]))
    of_kind = defaultdict(set)
    for photo, number in zip(photos, numbers, strict=True):
        of_kind[photo.kind].add(number)
    sizes = Counter(numbers.tolist())
    for photo, number in zip(photos, numbers.tolist(), strict=True):
        if sizes[number] > 1 and len(of_kind[photo.kind]) > 1:
            photo.group = ("near", number)


def _split(photos: list[_Read], plan: Plan) -> None:
    """Put a share of each class aside, for testing and for validation, where no split is given.

    Groups and copies of a picture stay together. A class of one picture is for training.
    """
    given = {photo.part for photo in photos} - {None}
    loose = [photo for photo in photos if photo.part in (None, "train")]
    if not given:
        shares = {"test": plan.share, "validation": plan.validation}
    else:
        shares = {"validation": 0 if "validation" in given else plan.validation}
    for photo in loose:
        photo.part = "train"
    total = Counter(photo.kind for photo in loose)
    units = _units(loose, plan.seed)
    for part, share in shares.items():
        if not share:
            continue
        wanted = {kind: max(1, round(n * share)) for kind, n in total.items()}
        left = [unit for unit in units if unit[0].part == "train"]
        remaining = Counter(kind for unit in left for kind in {p.kind for p in unit})
        # Whole units in the order of their hashes, as far as they fit; then, for a class that got
        # nothing, the smallest that there is.
        for fits in (True, False):
            for unit in left if fits else sorted(left, key=len):
                sizes = Counter(photo.kind for photo in unit)
                enough = all(
                    n <= wanted[k] if fits else wanted[k] == max(1, round(total[k] * share))
                    for k, n in sizes.items()
                )
                if unit[0].part != "train" or not enough or min(remaining[k] for k in sizes) < 2:
                    continue
                for photo in unit:
                    photo.part = part
                for kind, n in sizes.items():
                    wanted[kind] -= n
                    remaining[kind] -= 1


def _units(photos: list[_Read], seed: int) -> list[list[_Read]]:
    """Photos that must stay together, in an order that only their content and the seed decide."""
    units: dict[Hashable, list[_Read]] = {}
    of_picture: dict[tuple[str, bytes], list[_Read]] = {}
    for photo in photos:
        group = object() if photo.group is None else photo.group
        copies = of_picture.get((photo.kind, photo.of_pixels))
        unit = units.get(group)
        if unit is None or copies is None or unit is copies:
            unit = copies if unit is None else unit
            unit = [] if unit is None else unit
        else:  # a picture that two groups share makes one of them
            unit.extend(copies)
            for other in copies:
                of_picture[other.kind, other.of_pixels] = unit
            for name, members in units.items():
                if members is copies:
                    units[name] = unit
        unit.append(photo)
        units[group] = of_picture[photo.kind, photo.of_pixels] = unit
    salt = str(seed).encode() if seed else b""

    def order(unit: list[_Read]) -> bytes:
        first = min(photo.of_file for photo in unit)
        return hashlib.blake2b(first, salt=salt[:16]).digest() if salt else first

    return sorted({id(unit): unit for unit in units.values()}.values(), key=order)


def _drop_copies(photos: list[_Read], remarks: Remarks) -> list[_Read]:
    """Leave out of training what is held out, and name pictures that are in two classes."""
    first: dict[bytes, _Read] = {}
    held_out: dict[str, dict[bytes, _Read]] = {"validation": {}, "test": {}}
    for photo in photos:
        if photo.part != "train":
            held_out[photo.part].setdefault(photo.of_pixels, photo)
        other = first.setdefault(photo.of_pixels, photo)
        if other.kind != photo.kind:
            remarks.add("twice", f"{other.name} = {photo.name}", files=1)
    kept = []
    for photo in photos:
        above = PARTS[PARTS.index(photo.part) + 1 :]
        part = next((p for p in reversed(above) if photo.of_pixels in held_out[p]), None)
        if part:
            other = held_out[part][photo.of_pixels]
            remarks.add(f"copy in {part}", f"{photo.name} = {other.name}")
        else:
            kept.append(photo)
    return kept


def _report_groups(photos: list[_Read], remarks: Remarks) -> None:
    parts = defaultdict(set)
    for photo in photos:
        if photo.group is not None:
            parts[photo.group].add(photo.part)
    for group, found in parts.items():
        if len(found) > 1:
            remarks.add("shared", printable(str(group)))


def _class_names(photos: list[_Read], names: list[str], remarks: Remarks) -> list[str]:
    """The classes that can be learned."""
    counts = Counter((photo.part, photo.kind) for photo in photos)
    validated = any(photo.part == "validation" for photo in photos)
    learnable = []
    for name in names:
        if counts["train", name]:
            learnable.append(name)
            if not counts["test", name]:
                remarks.add("untested", name)
            if validated and not counts["validation", name]:
                remarks.add("unvalidated", name)
        elif not any(photo.kind == name for photo in photos):
            remarks.add("empty", name)
    for photo in photos:
        if photo.kind not in learnable:
            remarks.add("untrained", photo.name)
    return learnable


# --- near-copies -----------------------------------------------------------------------------

_BITS = 12  # how many of the 64 may differ
_LIKENESS = 0.95  # the least correlation of two pictures


def _find_near_copies(dataset: Dataset, remarks: Remarks) -> None:
    """Name held-out pictures to which there is nearly the same one in an earlier part.

    Candidates have nearly the same difference hash (Krawetz 2013, "Kind of like that"): for 8×8
    places of a small grey copy, whether it grows lighter to the right. They are near-copies if
    the small pictures correlate as well. Mirrored copies are found too.
    """
    parts = [part for part in reversed(PARTS) if getattr(dataset, f"x_{part}") is not None]
    small = {part: _shrink(getattr(dataset, f"x_{part}")) for part in parts}
    for i, held_out in enumerate(parts):
        for part in parts[i + 1 :]:
            for there, here in _near_pairs(small[part], small[held_out]):
                names = (getattr(dataset, f"files_{part}")[there],
                         getattr(dataset, f"files_{held_out}")[here])  # fmt: skip
                remarks.add("near", " ≈ ".join(names))


def _shrink(images: np.ndarray) -> np.ndarray:
    """Grey copies of 16×18 pixels, shape (n, 16, 18), floats."""
    from PIL import Image

    small = [
        np.asarray(Image.fromarray(image).convert("L").resize((18, 16), Image.Resampling.BOX))
        for image in images
    ]
    return np.float32(small)


def _hash(small: np.ndarray) -> np.ndarray:
    """Difference hashes of pictures of shape (n, 16, 18): n numbers of 64 bits."""
    cells = small.reshape(-1, 8, 2, 9, 2).mean((2, 4))
    bits = np.diff(cells, axis=2) > 0
    return np.packbits(bits.reshape(-1, 64), axis=1).view("uint64")[:, 0]


def _standardised(small: np.ndarray) -> np.ndarray:
    """Rows of length 1 and mean 0, whose products are correlations; 0 for a plain picture."""
    rows = small.reshape(len(small), -1)
    rows = rows - rows.mean(1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _likenesses(many: np.ndarray, few: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """How alike pictures are, for 64 of `few` at a time, as correlations.

    Yields the place of the first one, and an array of shape (64, 2 n): to each of `many`, and to
    each one mirrored; 0 where the difference hashes say that they are others.
    """
    many = np.concatenate([many, many[:, :, ::-1]])
    hashes, rows = _hash(many), _standardised(many)
    own_hashes, own_rows = _hash(few), _standardised(few)
    for start in range(0, len(few), 64):
        own = own_rows[start : start + 64]
        differ = np.bitwise_count(own_hashes[start : start + 64, None] ^ hashes)
        likeness = np.zeros(differ.shape, "float32")
        here, there = np.nonzero(differ <= _BITS)
        if len(here) > len(rows):  # cheaper all at once
            likeness = np.where(differ <= _BITS, own @ rows.T, 0)
        else:
            likeness[here, there] = (own[here] * rows[there]).sum(1)
        yield start, likeness


def _near_pairs(many: np.ndarray, few: np.ndarray) -> list[tuple[int, int]]:
    """For each picture in `few` to which `many` has nearly the same: the indices in both."""
    pairs = []
    for start, likeness in _likenesses(many, few):
        best = likeness.argmax(1)
        found = np.flatnonzero(likeness.max(1) >= _LIKENESS)
        pairs.extend((int(best[j]) % len(many), start + int(j)) for j in found)
    return pairs


def near_groups(images: np.ndarray) -> np.ndarray:
    """Which pictures are nearly the same, as those of a burst are, also by way of others.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w, 3)

    Returns
    -------
    ndarray of int, shape (n,)
        For each picture the place of the first one of its group.
    """
    first = np.arange(len(images))
    small = _shrink(images)
    for _, likeness in _likenesses(small, small):
        alike = likeness >= _LIKENESS
        for here in np.flatnonzero(alike.sum(1) > 1):
            members = first[np.flatnonzero(alike[here]) % len(first)]
            if (members != members[0]).any():
                first[np.isin(first, members)] = members.min()
    return first


# --- saying it -------------------------------------------------------------------------------


def _summary(where: str, dataset: Dataset, split: str, remarks: Remarks) -> str:
    labels = {"training": dataset.y_train, "validation": dataset.y_validation}
    labels = {use: y for use, y in {**labels, "testing": dataset.y_test}.items() if y is not None}
    counts = np.bincount(np.concatenate([*labels.values()]))
    total = counts.sum()
    *parts, last = (f"{len(y):,} for {use}" for use, y in labels.items())
    size = "×".join(map(str, dataset.x_train.shape[1:3]))
    classes = zip(dataset.class_names, counts, strict=True)
    lines = [
        f"{where}: {total:,} photos, {', '.join(parts)} and {last}, {size} pixels.",
        f"{len(counts)} classes: " + ", ".join(f"{name} {n:,}" for name, n in classes) + ".",
    ]
    if split:
        lines.append(split)
    if n := remarks.left_out:
        lines.append(f"{n:,} of {total + n:,} files {'is' if n == 1 else 'are'} left out:")
        lines.extend(f"  {line}" for line in remarks.lines(LEFT_OUT))
    if kept := remarks.lines(KEPT):
        lines.append("Worth a look:")
        lines.extend(f"  {line}" for line in kept)
    return "\n".join(lines)
