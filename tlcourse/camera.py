"""The camera in a notebook: photographs by class, and a classifier on the live picture.

What the reader sees and presses is `camera.js`; here is what the kernel does. A picture takes the
same way in both widgets: the middle square of the camera's picture, a JPEG, `data.load_photo`.
"""

import io
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path

import numpy as np

from tlcourse.data.layout import SUFFIXES, is_system, part_of
from tlcourse.data.photos import (
    NotReadable,
    check_size,
    decode,
    load_photo,
    read_bytes,
    way_out,
)
from tlcourse.data.remarks import printable
from tlcourse.files import CourseError, explain_os_errors, given_path, short, write_new
from tlcourse.widget import Widget, predicted, script

_SIDE = 480  # pixels of the square that the camera gives, and of what a dropped file becomes
_THUMBNAIL = 80  # pixels
_BATCH = 40  # thumbnails in one message, so that the first are seen soon
_LONGEST = 60  # characters of a class name; four bytes each fit into a file name's 255

# What Windows refuses in the name of a file (Microsoft, "Naming Files, Paths, and Namespaces").
_NOT_IN_A_NAME = re.compile(r'[<>:"/\\|?*]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])( *\..*)?", re.IGNORECASE)

# cup/20261129-051203-burst003-007.jpg: when the burst began, its number, the photo's number.
_NAME = re.compile(r"(.*\d{8}-\d{6}-burst(\d+))-\d+\.jpg")


# --- the photos on the disk ----------------------------------------------------------------------


def check_classes(classes: Iterable[str]) -> tuple[str, ...]:
    """Class names that can be names of folders on every system.

    Letters are composed, and spaces at the ends and double ones are dropped, as
    `load_photo_folder` shows names.

    Raises
    ------
    CourseError
        If there are not two, or if one cannot name a folder, or two would name the same one.
    """
    if isinstance(classes, str | bytes) or not isinstance(classes, Iterable):
        raise CourseError(
            f'The classes must be a list of names, such as ["cup", "pen"], not {classes!r}.'
        )
    names = tuple(_checked(name) for name in classes)
    if len(names) < 2:
        raise CourseError(
            f"The classes are {list(names)}, and a classifier needs at least two to tell apart: "
            "add one, if only for everything else."
        )
    first: dict[str, str] = {}
    for name in names:
        key = _on_a_case_blind_disk(name)
        if key in first:
            same = "twice" if first[key] == name else f"as {name!r} too, one folder on many disks"
            raise CourseError(f"The class {first[key]!r} is there {same}: rename one of the two.")
        first[key] = name
    parts = {part_of(name) for name in names}
    if None not in parts and len(parts) > 1:
        raise CourseError(
            f"The classes {list(names)} are named like the parts of a split, for which "
            "load_photo_folder would take their folders: rename one."
        )
    return names


def _checked(name: str) -> str:
    if not isinstance(name, str):
        raise CourseError(f"The class {name!r} is no text: put its name in quotation marks.")
    name = " ".join(unicodedata.normalize("NFC", name).split())
    whole = name.encode("utf-8", "ignore").decode()  # without halves of a character
    fault = ""
    if not name:
        fault = "is empty"
    elif printable(whole) != name:
        fault = "has a character that cannot be shown"
    elif found := _NOT_IN_A_NAME.search(name):
        fault = f"has the character {found[0]}"
    elif _DEVICE.fullmatch(name):
        fault = "is the name of a device on Windows"
    elif name.endswith("."):
        fault = "ends with a full stop"
    elif is_system(name):
        fault = "is a name of files that a system makes or hides"
    elif len(name) > _LONGEST:
        fault = f"has more than {_LONGEST} characters"
    if fault:
        raise CourseError(
            f"The class {printable(whole)!r} {fault}, and cannot name a folder on every computer: "
            "rename it."
        )
    return name


def _on_a_case_blind_disk(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class _Album:
    """The photos of a folder by class. What is on the disk is the truth: nothing is remembered."""

    def __init__(self, classes: Iterable[str], folder: str | os.PathLike) -> None:
        self.classes = check_classes(classes)
        self.folder = given_path(folder)
        self.shown = printable(os.fsdecode(folder))
        with self._explained():  # there may be no current folder
            self.folder = self.folder.absolute()
        self._folders = dict(zip(self.classes, self.classes, strict=True))
        self._bursts: dict[str, tuple[str, int]] = {}  # by key: the name's start, the last number
        self._find_folders()

    def _find_folders(self) -> None:
        """Use the folder that a class has already, also where its letters are decomposed."""
        for existing in self._sub_folders():
            for name in self.classes:
                if unicodedata.normalize("NFC", existing) == name:
                    self._folders[name] = existing
                elif _on_a_case_blind_disk(existing) == _on_a_case_blind_disk(name):
                    raise CourseError(
                        f"{self.shown} already holds a folder {existing!r}, which is one with "
                        f"{name!r} on many disks: name the class {existing!r}."
                    )
        for name in self.classes:
            self.names(name)  # which raises where a file has the folder's name

    def _explained(self):
        return explain_os_errors(self.folder, 'folder="…"')

    def _sub_folders(self) -> list[str]:
        with self._explained():
            if not self.folder.exists():
                if above := next((p for p in self.folder.parents if p.is_file()), None):
                    raise CourseError(
                        f'{above} is a file, not a folder: choose another with folder="…".'
                    )
                return []
            return sorted(path.name for path in self.folder.iterdir() if os.path.isdir(path))

    def path(self, kind: str, name: str = "") -> Path:
        """The folder of a class, or a photo in it."""
        return self.folder / self._folders[kind] / name

    def names(self, kind: str) -> list[str]:
        """The files of a class that may be photos, in the order in which they were taken."""
        with self._explained():
            folder = self.path(kind)
            if not folder.exists():
                return []
            if not folder.is_dir():
                raise CourseError(f"{folder} is a file, and a folder is needed: move it away.")
            return sorted(file.name for file in folder.iterdir() if _may_be_photo(file))

    def others(self) -> list[str]:
        """Sub-folders that hold something, and are none of the classes."""
        ours = set(self._folders.values())
        with self._explained():
            return [
                printable(name)
                for name in self._sub_folders()
                if name not in ours and not is_system(name) and not _is_empty(self.folder / name)
            ]

    def add(self, kind: str, jpeg: bytes, burst: str) -> None:
        """Keep a photo; those with the same `burst` have names that begin alike."""
        taken = self._taken()
        with self._explained():
            folder = self.path(kind)
            folder.mkdir(parents=True, exist_ok=True)
            for start, number in self._free_names(burst, taken):
                with suppress(FileExistsError):  # another notebook was quicker
                    write_new(folder / f"{start}-{number:03}.jpg", jpeg)
                    self._bursts[burst] = start, number
                    return

    def _free_names(self, burst: str, taken: int) -> Iterator[tuple[str, int]]:
        """The beginning of a name and the photo's number: the next ones, until one is free."""
        if burst in self._bursts:
            start, last = self._bursts[burst]
            yield from ((start, number) for number in count(last + 1))
        moment = f"{datetime.now():%Y%m%d-%H%M%S}"
        yield from ((f"{moment}-burst{number:03}", 1) for number in count(taken + 1))

    def _taken(self) -> int:
        """The highest number of a burst."""
        matches = (_NAME.fullmatch(name) for kind in self.classes for name in self.names(kind))
        return max((int(match[2]) for match in matches if match), default=0)

    def remove(self, kind: str, names: Iterable[str]) -> None:
        """Delete photos; those that are gone already are no matter."""
        there = set(self.names(kind))  # so that nothing but a photo of this class is ever deleted
        with self._explained():
            for name in there.intersection(names):
                self.path(kind, name).unlink(missing_ok=True)


def _is_empty(folder: Path) -> bool:
    try:
        return not any(os.scandir(folder))
    except OSError:  # what cannot be opened may hold something
        return False


def _may_be_photo(file: Path) -> bool:
    if is_system(file.name) or file.suffix.lower() not in SUFFIXES:
        return False
    with suppress(FileNotFoundError):  # deleted just now
        return file.is_file() and file.stat().st_size > 0
    return False


def _thumbnail(data: bytes, suffix: str = "") -> bytes:
    """A small JPEG of an image file; empty if it cannot be read."""
    try:
        return _to_jpeg(decode(data, _THUMBNAIL, suffix))
    except NotReadable:
        return b""


def _to_jpeg(pixels: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


# --- the widgets ---------------------------------------------------------------------------------


class _CameraWidget(Widget):
    """What both widgets have in common."""

    _esm = script("camera.js")
    _stand_in = "The camera appears here when you run this cell in JupyterLab."

    def __init__(self, **setup) -> None:
        from PIL import Image

        Image.init()  # all formats, which `decode` needs
        super().__init__(**setup, side=_SIDE)


class Camera(_CameraWidget):
    """Take photographs of things by class: the last line of a cell, ``Camera(["cup", "pen"])``.

    A click on a class takes one, holding it takes a burst, and files can be dropped on it. They
    are written as JPEG to ``folder/<class>/``, where another kernel finds them again, and
    `load_photo_folder` reads them.

    Parameters
    ----------
    classes : list of str
        Two names or more, in any script, fit to name folders.
    folder : path
        It is made with the first photo.
    size : int
        Height and width of `photo`, 8 to 1024 pixels, as in `load_photo`.

    Attributes
    ----------
    folder : Path
    photo : ndarray, shape (size, size, 3), or None
        The newest picture of the button *New photo*: ``uint8``, RGB, 0–255, read by `load_photo`.

    Raises
    ------
    CourseError
        If the classes or the folder cannot be used.
    ValueError
        If the size is out of its range.

    Examples
    --------
    >>> camera = Camera(["cup", "pen"])
    >>> photos = load_photo_folder(camera.folder, size=224, groups=camera.groups)  # doctest: +SKIP
    """

    def __init__(
        self, classes: Iterable[str], folder: str | os.PathLike = "my_photos", *, size: int = 224
    ) -> None:
        self._album = _Album(classes, folder)
        self._size = check_size(size)
        self._sent: set[tuple[str, str]] = set()  # class and name of what the browser shows
        self.folder = self._album.folder
        self.photo: np.ndarray | None = None
        super().__init__(kind="camera", classes=self._album.classes, folder=self._album.shown)

    def __repr__(self) -> str:
        return f"Camera({list(self._album.classes)})"

    @property
    def counts(self) -> dict[str, int]:
        """How many photos of each class are on the disk now."""
        return {kind: len(self._album.names(kind)) for kind in self._album.classes}

    @staticmethod
    def groups(name: str) -> str:
        """The burst that a photo belongs to, for `load_photo_folder(groups=…)`.

        Parameters
        ----------
        name : str
            As in `Dataset.files_train`: ``cup/20261129-051203-burst003-007.jpg``.

        Returns
        -------
        str
            ``cup/20261129-051203-burst003``; of a file that the camera did not take its own name.
        """
        match = _NAME.fullmatch(name)
        return match[1] if match else name

    # What the browser asks for: look, keep, new, delete.

    def _answer(self, message: dict, buffers: list[bytes]) -> dict:
        if message["do"] == "look":
            self._sent = set()
        try:
            if message["do"] == "keep":
                self._album.add(message["class"], _read(message, buffers[0]), message["burst"])
            elif message["do"] == "delete":
                self._album.remove(message["class"], message["names"])
            elif message["do"] == "new":
                jpeg = _read(message, buffers[0])
                self.photo = load_photo(jpeg, self._size)
                return {"buffers": [_thumbnail(jpeg)]}
        finally:
            self._show_changes(everything=message["do"] == "look")
        return {}

    def _show_changes(self, everything: bool) -> None:
        """Send the browser what has come to the folder and what has gone, in whatever way."""
        there = [(kind, name) for kind in self._album.classes for name in self._album.names(kind)]
        new = [photo for photo in there if photo not in self._sent]
        gone = sorted(self._sent - set(there))
        first = {"others": self._album.others(), "everything": everything, "gone": gone}
        for start in range(0, max(len(new), 1), _BATCH):
            shown, thumbnails = [], []
            for kind, name in new[start : start + _BATCH]:
                try:
                    data = read_bytes(self._album.path(kind, name))
                except FileNotFoundError:
                    continue
                except (OSError, NotReadable):
                    data = b""
                shown.append((kind, name))
                thumbnails.append(_thumbnail(data, Path(name).suffix))
            self.send({"photos": shown} | first, thumbnails)
            self._sent = (self._sent | set(shown)) - set(gone)
            first = {}


def _read(message: dict, data: bytes) -> bytes:
    """The JPEG of a message: as it is if the browser made it, else of the file that it sent."""
    name = printable(message.get("file") or "The picture")
    try:
        pixels = decode(data, _SIDE if message.get("raw") else 16, Path(name).suffix)
    except NotReadable as error:
        raise CourseError(way_out(error, name)) from None
    return _to_jpeg(pixels) if message.get("raw") else data


class Live(_CameraWidget):
    """A classifier at work on the live picture: the last line of a cell, ``Live(predict)``.

    Several times a second a picture is taken and its names are shown with bars; the next one is
    taken when the answer is there, so that a slow classifier shows fewer. Without a camera, a file
    that is dropped is classified once.

    Parameters
    ----------
    predict : callable
        Takes an image of shape (size, size, 3), ``uint8`` in 0–255, as `load_photo` gives it;
        returns a dict from names to probabilities in 0–1, or pairs of them. Of more than ten
        the ten most probable are shown. What it raises is shown as a sentence.
    size : int
        Height and width of the image, 8 to 1024: that at which the classifier was trained.

    Raises
    ------
    CourseError
        If `predict` cannot be called.
    ValueError
        If the size is out of its range.
    """

    def __init__(
        self,
        predict: Callable[[np.ndarray], Mapping[str, float] | Iterable[tuple[str, float]]],
        *,
        size: int = 224,
    ) -> None:
        if not callable(predict):
            raise CourseError(
                f"Live needs a function that takes an image and returns a dict of names and "
                f"probabilities, not {short(predict)}."
            )
        self._predict, self._size = predict, check_size(size)
        super().__init__(kind="live")

    def __repr__(self) -> str:
        return f"Live({getattr(self._predict, '__name__', type(self._predict).__name__)})"

    def _answer(self, message: dict, buffers: list[bytes]) -> dict:
        image = load_photo(_read(message, buffers[0]), self._size)
        return {"bars": predicted(self._predict, image, "a photo")}
