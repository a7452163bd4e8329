"""Public data sets as `Dataset`, and the larger scale, for which they are meant.

`tlcourse.data.download` finds their files, verifies them, and fetches what is missing.
"""

import gzip
import os
import pickle
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial as bind

import numpy as np

from tlcourse.data import download
from tlcourse.data.dataset import Dataset
from tlcourse.data.folders import Photo, read_photos
from tlcourse.data.photos import check_size
from tlcourse.files import CourseError


def fetch_mnist() -> Dataset:
    """MNIST's handwritten digits.

    Returns
    -------
    Dataset
        60,000 training and 10,000 test images of shape (28, 28, 1), ``float32`` in 0–1.

    Raises
    ------
    FetchError
        If the file is damaged, or neither here nor to be downloaded.
    """
    (path,) = download.fetch("mnist")
    with np.load(path, allow_pickle=False) as arrays:
        parts = [arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    return _dataset("mnist", *parts, tuple("0123456789"))


def fetch_fashion_mnist() -> Dataset:
    """Fashion-MNIST's clothes; result and errors as in `fetch_mnist`."""
    raw = [
        np.frombuffer(gzip.decompress(path.read_bytes()), "uint8")
        for path in download.fetch("fashion_mnist")
    ]
    # An idx file begins with its type and shape: 16 bytes before images, 8 before labels.
    x_train, x_test = (images[16:].reshape(-1, 28, 28) for images in raw[::2])
    names = (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )  # fmt: skip
    return _dataset("fashion_mnist", x_train, raw[1][8:], x_test, raw[3][8:], names)


def fetch_cifar10() -> Dataset:
    """CIFAR-10's small colour photos.

    Returns
    -------
    Dataset
        50,000 training and 10,000 test images of shape (32, 32, 3), ``uint8`` in 0–255.

    Raises
    ------
    FetchError
        If the file is damaged, or neither here nor to be downloaded.
    """
    (path,) = download.fetch("cifar10")
    parts = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if member.isfile() and ("_batch" in name or name == "batches.meta"):
                # A pickle may run code; this one has just been verified.
                parts[name] = pickle.load(archive.extractfile(member), encoding="latin-1")
    train = [parts[f"data_batch_{i}"] for i in range(1, 6)]
    x, y = [], []
    for batches in (train, [parts["test_batch"]]):
        pixels = np.concatenate([batch["data"] for batch in batches])
        x.append(np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)))
        y.append(np.concatenate([batch["labels"] for batch in batches]).astype("int64"))
    source = download.SOURCES["cifar10"]
    names = tuple(parts["batches.meta"]["label_names"])
    return Dataset(x[0], y[0], x[1], y[1], names, source.licence, source.title)


def fetch_flowers(size: int = 96) -> Dataset:
    """The flowers of tf_flowers: photos of five kinds, of many shapes and sizes.

    Parameters
    ----------
    size : int
        Height and width to which they are brought, as by `load_photo_folder`.

    Returns
    -------
    Dataset
        Images of shape (size, size, 3), ``uint8`` in 0–255. The publisher makes no split; this
        one puts a fifth of each class aside for testing, chosen by the files' content.

    Raises
    ------
    FetchError
        If the file is damaged, or neither here nor to be downloaded.
    ValueError
        If the size is out of its range.
    """
    size = check_size(size)  # before anything is downloaded
    (path,) = download.fetch("flowers")
    source = download.SOURCES["flowers"]
    with tarfile.open(path) as archive:
        dataset = read_photos(_photos_of(archive), size)
    return replace(dataset, licence=source.licence, source=source.title)


def fetch_hand_signs(size: int = 96) -> Dataset:
    """Photographs of hands that show the digits 0 to 9 by signs, each by one of 218 pupils.

    The archive is verified by the contents of its photographs (`download.contents_digest`).

    Parameters
    ----------
    size : int
        Height and width to which they are brought; most have 100×100 pixels.

    Returns
    -------
    Dataset
        Images of shape (size, size, 3), ``uint8`` in 0–255: 2,062 together. The publisher makes no
        split and does not say whose hand is whose; this one puts a fifth of each class aside for
        testing, chosen by the files' content, so a hand may be in both.

    Raises
    ------
    FetchError
        If the file is damaged, or neither here nor to be downloaded.
    ValueError
        If the size is out of its range.
    """
    size = check_size(size)  # before anything is downloaded
    (path,) = download.fetch("hand_signs")
    source = download.SOURCES["hand_signs"]
    with tarfile.open(path) as archive:
        dataset = read_photos(_photos_of(archive, "/Dataset/"), size)
    return replace(dataset, licence=source.licence, source=source.title)


def _photos_of(archive: tarfile.TarFile, below: str = "") -> Iterator[Photo]:
    for member in archive:
        photo = member.isfile() and member.name.lower().endswith(".jpg")
        if photo and below in f"/{member.name}":
            _, kind, name = f"/{member.name}".rsplit("/", 2)
            data = archive.extractfile(member).read()
            yield Photo(None, kind, f"{kind}/{name}", bind(bytes, data))


def _dataset(name, x_train, y_train, x_test, y_test, class_names) -> Dataset:
    """Grey images and labels, both ``uint8``, as the course has them."""
    x_train, x_test = (x[..., None] * np.float32(1 / 255) for x in (x_train, x_test))
    y_train, y_test = (y.astype("int64") for y in (y_train, y_test))
    source = download.SOURCES[name]
    return Dataset(x_train, y_train, x_test, y_test, class_names, source.licence, source.title)


# --- the larger scale ------------------------------------------------------------------------


def scale() -> str:
    """How large the chapters' experiments are: "quick", or what `TLCOURSE_SCALE` says.

    Returns
    -------
    {"quick", "full"}

    Raises
    ------
    CourseError
        If `TLCOURSE_SCALE` says anything else.
    """
    wanted = os.environ.get("TLCOURSE_SCALE") or "quick"
    if wanted not in ("quick", "full"):
        raise CourseError(f"TLCOURSE_SCALE may be quick or full, not {wanted!r}.")
    return wanted


def transfer_pair() -> tuple[Dataset, Dataset]:
    """A source and a target data set at full scale, from what is on this machine.

    MNIST and Fashion-MNIST if both are here; else the first five and the last five classes of
    the one that is. Nothing is downloaded.

    Returns
    -------
    source, target : Dataset
        Images of shape (28, 28, 1), ``float32`` in 0–1.

    Raises
    ------
    FetchError
        If neither is here.
    """
    fetchers = {"mnist": fetch_mnist, "fashion_mnist": fetch_fashion_mnist}
    here = [name for name in fetchers if download.is_here(name)]
    if not here:
        problems = [problem for name in fetchers for problem in download.locate(name)[1]]
        why = problems[0] if problems else "Neither MNIST nor Fashion-MNIST is on this machine"
        raise download.FetchError(
            f"{why}: with the internet, run `tlcourse fetch mnist fashion_mnist`, or leave "
            "TLCOURSE_SCALE at quick."
        )
    if len(here) == 2:
        return fetch_mnist(), fetch_fashion_mnist()
    whole = fetchers[here[0]]()
    return _classes(whole, 0, 5), _classes(whole, 5, 10)


def _classes(dataset: Dataset, first: int, end: int) -> Dataset:
    """The classes `first` … `end` − 1 alone, labelled from 0."""
    train, test = ((first <= y) & (y < end) for y in (dataset.y_train, dataset.y_test))
    return replace(
        dataset,
        x_train=dataset.x_train[train],
        y_train=dataset.y_train[train] - first,
        x_test=dataset.x_test[test],
        y_test=dataset.y_test[test] - first,
        class_names=dataset.class_names[first:end],
    )
