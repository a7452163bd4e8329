"""Public data sets and weights: fetched once from their publishers, verified, kept.

A file is looked for in the folder that `TLCOURSE_HOME` names (which may be read-only, and shared
by a class room), in the user's own cache folder and in Keras' cache, and it is used only if its
checksum is right. What is not found is downloaded, to `TLCOURSE_HOME` if it can be written, else
to the user's own cache folder, where unfinished downloads wait to be resumed as well. A file
arrives under its name whole and verified, or not at all.
"""

import gzip
import hashlib
import os
import shutil
import sys
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial as bind
from pathlib import Path
from urllib.parse import urlsplit

from tlcourse.files import CourseError, given_path

_TIMEOUT = 30  # seconds in which a server must send something
_LOCK_TIMEOUT = 600  # seconds to wait for another process that downloads the same file


class FetchError(CourseError):
    """A public file is not to be had here and now; the message says what to do."""


# --- what there is ---------------------------------------------------------------------------


@dataclass(frozen=True)
class File:
    """One file as its publisher has it: size in bytes, and its place in Keras' cache."""

    address: str
    size: int
    checksum: str  # "sha256:…", "md5:…" or "contents:…", as `contents_digest` computes it
    in_keras: str

    @property
    def by_contents(self) -> bool:
        """Whether what is in it counts: its bytes may differ, and its size is an estimate."""
        return self.checksum.startswith("contents:")

    @property
    def name(self) -> str:
        return self.address.rpartition("/")[2]


@dataclass(frozen=True)
class Source:
    """One public data set, or weights."""

    title: str
    licence: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


_KERAS = "https://storage.googleapis.com/tensorflow"
_ZALANDO = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"


def _fashion(name: str, size: int, sha256: str) -> File:
    return File(f"{_ZALANDO}/{name}", size, f"sha256:{sha256}", f"datasets/fashion-mnist/{name}")


# Where the checksums come from:
# - mnist, cifar10, resnet50: `keras/src/datasets/` and `keras/src/applications/resnet.py` of
#   Keras 3.15, which gives MD5 for its weights.
# - fashion_mnist: computed from files whose MD5 equal those that the publisher lists at
#   zalandoresearch/fashion-mnist; TensorFlow Datasets lists the same SHA-256.
# - flowers: TensorFlow Datasets, `tensorflow_datasets/url_checksums/tf_flowers.txt`.
# - resnet18: the publisher lists the first eight digits, in the file's name; several projects that
#   have fetched it list all of them, and its size.
# - hand_signs: computed over the 2,062 photographs of a copy of the repository, for the publisher
#   lists no checksum, and GitHub packs an archive afresh for whoever asks, not always in the same
#   bytes. The size is that of the photographs.
SOURCES = {
    "mnist": Source(
        "MNIST: 70,000 handwritten digits, 28×28 (LeCun, Cortes and Burges, 1998)",
        "CC BY-SA 3.0",
        (
            File(
                f"{_KERAS}/tf-keras-datasets/mnist.npz",
                11_490_434,
                "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                "datasets/mnist.npz",
            ),
        ),
    ),
    "fashion_mnist": Source(
        "Fashion-MNIST: 70,000 pictures of clothes, 28×28 (Xiao, Rasul and Vollgraf, 2017)",
        "MIT",
        (
            _fashion(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            _fashion(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            _fashion(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            _fashion(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
    "cifar10": Source(
        "CIFAR-10: 60,000 small colour photos of ten things, 32×32 (Krizhevsky, 2009)",
        "none stated; cite Krizhevsky (2009)",
        (
            File(
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                170_498_071,
                "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                "datasets/cifar-10-batches-py-target_archive",
            ),
        ),
    ),
    "flowers": Source(
        "tf_flowers: 3,670 photos of five kinds of flower (The TensorFlow Team, 2019)",
        "CC BY 2.0; LICENSE.txt in the archive names the photographers",
        (
            File(
                "https://storage.googleapis.com/download.tensorflow.org/"
                "example_images/flower_photos.tgz",
                228_813_984,
                "sha256:4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
                "datasets/flower_photos.tgz_archive",
            ),
        ),
    ),
    "hand_signs": Source(
        "Sign Language Digits: 2,062 photos of hands that show 0 to 9 (Mavi, 2020)",
        "Apache-2.0",
        (
            File(
                "https://github.com/ardamavi/Sign-Language-Digits-Dataset/archive/refs/heads/"
                "master.tar.gz",
                24_300_000,
                "contents:6ee13c8d7c145275ae03200c687f69dd13dd2f6b562c4e5ec8316d2ba41ce310",
                "datasets/sign_language_digits.tar.gz",
            ),
        ),
    ),
    "resnet50": Source(
        "ResNet50 trained on ImageNet, without its head (He, Zhang, Ren and Sun, 2016)",
        "MIT for the weights; ImageNet's photos are for research",
        (
            File(
                f"{_KERAS}/keras-applications/resnet/"
                "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
                94_765_736,
                "md5:4d473c1dd8becc155b73f8504c6f6626",
                "models/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            ),
        ),
    ),
    "resnet18": Source(
        "ResNet18 trained on ImageNet, for PyTorch (He, Zhang, Ren and Sun, 2016; torchvision)",
        "BSD-3-Clause for torchvision; ImageNet's photos are for research",
        (
            File(
                "https://download.pytorch.org/models/resnet18-f37072fd.pth",
                46_830_571,
                "sha256:f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
                "models/resnet18-f37072fd.pth",
            ),
        ),
    ),
}


def find_source(name: str) -> Source:
    """The source of this name.

    Raises
    ------
    FetchError
        If there is none.
    """
    if name not in SOURCES:
        raise FetchError(
            f"There is nothing to fetch named {name!r}; there are {', '.join(SOURCES)}."
        )
    return SOURCES[name]


# --- where it lies ---------------------------------------------------------------------------


def own_cache() -> Path:
    """The user's own cache folder, for all that the course writes for itself."""
    from platformdirs import user_cache_path

    return user_cache_path("tlcourse", appauthor=False)


def home() -> Path:
    """The cache of public files: `TLCOURSE_HOME`, or the user's own cache folder."""
    named = os.environ.get("TLCOURSE_HOME")
    if not named:
        return own_cache()
    return given_path(named, "folder of TLCOURSE_HOME", "~/tlcourse")


def locate(name: str) -> tuple[list[Path], list[str]]:
    """The verified files of a source on this machine, and what is wrong with others.

    Returns
    -------
    paths : list of Path
        One for each file that is here and whole. A source is complete if none is missing.
    problems : list of str
        One for each file that is here only in a form that cannot be used: where, and why.
    """
    paths, problems = [], []
    for file in find_source(name).files:
        path, problem = _locate(name, file)
        if path:
            paths.append(path)
        elif problem:
            problems.append(problem)
    return paths, problems


def is_here(name: str) -> bool:
    """Whether a source is complete on this machine."""
    return len(locate(name)[0]) == len(SOURCES[name].files)


def _locate(name: str, file: File) -> tuple[Path | None, str]:
    problem = ""
    keras = Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras"))
    places = [folder / name / file.name for folder in (home(), own_cache())]
    for path in (*places, keras / file.in_keras):
        try:
            if _is_whole(path, file):
                return path, ""
            problem = problem or f"{path} is damaged: its checksum is not the publisher's"
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            problem = problem or f"{path} cannot be read ({error.strerror or error})"
    return None, problem


def _is_whole(path: Path, file: File) -> bool:
    from pooch import file_hash

    algorithm, _, checksum = file.checksum.partition(":")
    if file.by_contents:
        return contents_digest(path) == checksum
    return path.stat().st_size == file.size and file_hash(str(path), algorithm) == checksum


def contents_digest(path: Path) -> str:
    """SHA-256 over the photographs of a tar archive, however it is packed.

    Of each file below the folder `Dataset`, in the order of their names as bytes: its path below
    that folder in UTF-8, a zero byte, and the 32 bytes of its content's SHA-256.

    Returns
    -------
    str
        Hexadecimal; empty if the archive is damaged.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    hashes = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and (name := _below_dataset(member.name)):
                    content = archive.extractfile(member).read()
                    hashes[name.encode()] = hashlib.sha256(content).digest()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
        return ""
    digest = hashlib.sha256()
    for name in sorted(hashes):
        digest.update(name + b"\0" + hashes[name])
    return digest.hexdigest()


def _below_dataset(name: str) -> str:
    return f"/{name}".partition("/Dataset/")[2]


# --- fetching --------------------------------------------------------------------------------


def fetch(name: str, *, repair: bool = False) -> list[Path]:
    """The verified files of a source, downloaded if they are not on this machine.

    Parameters
    ----------
    name : str
        One of `SOURCES`.
    repair : bool
        Whether to download a damaged file again.

    Raises
    ------
    FetchError
        If a file is damaged and not to be repaired, or is not here and cannot be downloaded.
    """
    files = find_source(name).files
    located = [_locate(name, file) for file in files]
    for path, problem in located:
        if not path and problem and not repair:
            raise FetchError(f"{problem}; `tlcourse fetch {name}` replaces it.")
    return [path or _download(name, file) for (path, _), file in zip(located, files, strict=True)]


def remove(name: str) -> int:
    """Remove a source's files, finished or not; those in Keras' cache stay.

    Returns
    -------
    int
        The bytes that are free now.

    Raises
    ------
    FetchError
        If a file cannot be removed.
    """
    freed = 0
    names = [file.name for file in find_source(name).files]
    for folder in (home() / name, own_cache() / name):
        freed += sum(_remove(folder / file) for file in names)
    return freed + sum(_remove(path) for path in _downloads(name).glob("*"))


def _remove(path: Path) -> int:
    """Remove a file, which need not be there; the bytes that are free now."""
    try:
        size = path.stat().st_size
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise FetchError(
            f"{path} cannot be removed ({error.strerror}): ask whoever keeps that folder, or let "
            "TLCOURSE_HOME name one of your own."
        ) from error
    return size


def _downloads(name: str) -> Path:
    """Where a source's files are until they are whole."""
    return own_cache() / "downloads" / name


def _download(name: str, file: File) -> Path:
    """Download one file; a second process that wants it too waits for the first."""
    import filelock
    import pooch

    pooch.get_logger().setLevel("ERROR")
    folder = _downloads(name)
    unfinished = folder / f"{file.name}.part"
    with _explained(name, file, unfinished):
        target = _target(name) / file.name
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "lock", timeout=_LOCK_TIMEOUT):
            if target.exists() and _is_whole(target, file):
                return target
            for left_over in folder.glob("tmp*"):  # pooch's, of a process that was killed
                left_over.unlink()
            (folder / file.name).unlink(missing_ok=True)  # not verified, of a killed process
            known = (None, None) if file.by_contents else (file.checksum, file.size)
            get = bind(
                pooch.retrieve, file.address, known[0], file.name, folder,
                downloader=bind(_transfer, unfinished, known[1]),
            )  # fmt: skip
            resumes = unfinished.exists()
            try:
                path = get()
            except ValueError:  # not what the publisher has
                if not resumes:
                    raise
                path = get()  # what was resumed was no good: once more from the start
            if file.by_contents and not _is_whole(Path(path), file):
                Path(path).unlink()
                raise ValueError("other contents")
            _place(Path(path), target)
    return target


def _target(name: str) -> Path:
    """Where a download goes: the cache that is shared if it can be written, else one's own."""
    folder = home() / name
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    return folder if os.access(existing, os.W_OK | os.X_OK) else own_cache() / name


def _place(path: Path, target: Path) -> None:
    """Move a file so that it is at its new place whole or not at all, on another disk as well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.move(path, beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _transfer(
    unfinished: Path, size: int | None, address: str, target: str, _pooch: object
) -> None:
    """Write a file to `target`, as pooch asks, going on with what is there of it unfinished.

    Where the size is not known, the download begins again.

    Raises
    ------
    ValueError
        If what the server has is another file; nothing of it is kept.
    requests.ConnectionError, requests.Timeout
        If the transfer breaks off; what came is kept.
    """
    import requests
    from tqdm import tqdm
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    if size is None:
        unfinished.unlink(missing_ok=True)
    done = unfinished.stat().st_size if unfinished.exists() else 0
    if size is None or done < size:
        _check_space(unfinished.parent, (size or 0) - done)
        # Byte for byte: nothing is unpacked on the way.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        with requests.get(address, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                unfinished.unlink()
                raise ValueError("another size")
            answer.raise_for_status()
            resumed = answer.status_code == requests.codes.partial_content
            done = done if resumed else 0
            announced = answer.headers.get("Content-Length")
            if size is not None and announced and int(announced) != size - done:
                unfinished.unlink(missing_ok=True)
                raise ValueError("another size")
            # A bar for people, in a terminal or a notebook, and nothing in a log.
            silent = False if "ipykernel" in sys.modules else None
            bar = tqdm(
                total=size, initial=done, desc=unfinished.name, unit="B", unit_scale=True,
                leave=False, disable=silent,
            )  # fmt: skip
            with unfinished.open("ab" if resumed else "wb") as out, bar:
                try:
                    for chunk in answer.raw.stream(2**16, decode_content=False):
                        out.write(chunk)
                        bar.update(len(chunk))
                        if size is not None and out.tell() > size:
                            break
                except ReadTimeoutError as error:
                    raise requests.ReadTimeout from error
                except HTTPError as error:
                    raise requests.ConnectionError from error
        if unfinished.stat().st_size < (size or 0):
            raise requests.ConnectionError
    shutil.move(unfinished, target)


def _check_space(folder: Path, size: int) -> None:
    if shutil.disk_usage(folder).free < size:
        raise OSError(f"{megabytes(size)} are needed and less is free")


@contextmanager
def _explained(name: str, file: File, unfinished: Path) -> Iterator[None]:
    """Say in one sentence why a download failed and what to do."""
    import filelock
    import requests

    host = urlsplit(file.address).hostname
    command = f"`tlcourse fetch {name}`"
    otherwise = f"let TLCOURSE_HOME name a folder that holds {name}/{file.name}"
    try:
        yield
    except requests.HTTPError as error:
        answer = f"{error.response.status_code} {error.response.reason}".strip()
        raise FetchError(
            f"{host} answers {answer} for {file.name}: run {command} again later, or {otherwise}."
        ) from error
    except requests.RequestException as error:
        if unfinished.exists() and (done := unfinished.stat().st_size):
            raise FetchError(
                f"The download of {file.name} broke off after {megabytes(done)} of "
                f"{megabytes(file.size)}: run {command} to go on from there."
            ) from error
        what = "does not answer" if isinstance(error, requests.Timeout) else "is out of reach"
        raise FetchError(
            f"{file.name} is not on this machine and {host} {what}: with the internet, "
            f"run {command}; without it, {otherwise}."
        ) from error
    except ValueError as error:
        raise FetchError(
            f"What came from {host} is not {file.name} as published, and was thrown away (does "
            f"the Wi-Fi ask you to log in first?): run {command} again, or {otherwise}."
        ) from error
    except filelock.Timeout as error:
        raise FetchError(
            f"Another process is still fetching {file.name}: wait for it, or end it and run "
            f"{command}."
        ) from error
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        where = error.filename2 or error.filename or unfinished.parent
        raise FetchError(
            f"{file.name} cannot be kept in {where} ({error.strerror or error}): make room there, "
            f"see that you may write to it, and run {command} again."
        ) from error


def megabytes(size: int) -> str:
    """A number of bytes, for people."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
