"""Every entry of a folder or a zip, in one form: what the walk through a hand-in sees.

Every name and every byte is hostile: links are not followed, paths that lead out of their zip are
named and not read, and each file is read with a bound on its size. Nothing is written anywhere.
"""

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

MOST_BYTES = 20 * 2**20  # of a notebook, and of a zip within a folder or a zip
_MOST_FILES = 20_000  # of a zip
_DEPTH = 3  # zips within zips
_FOLDERS = 50  # folders within folders


class Unreadable(Exception):
    """Why a submission cannot be marked, in one sentence."""


@dataclass(frozen=True)
class Entry:
    """A file, or an empty folder, somewhere below a folder or zip.

    Attributes
    ----------
    location : PurePosixPath
        From the source on; a zip on the way is a part of it, like a folder.
    time : str
        When it was last changed, as ISO 8601 in UTC; "" if nobody knows.
    is_folder : bool
        Whether it is a folder with nothing in it.
    problem : str
        Why it cannot be read, "" if that is not known yet.
    is_stray : bool
        Whether its path leads out of its zip, so that it is nobody's.
    """

    location: PurePosixPath
    time: str = ""
    is_folder: bool = False
    problem: str = ""
    is_stray: bool = False
    reader: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.location.name

    def read(self) -> bytes:
        """The bytes.

        Raises
        ------
        Unreadable
        """
        if self.problem or self.reader is None:
            raise Unreadable(self.problem or f"{self.name} cannot be read: it is a folder")
        return self.reader()


def walk(source: Path) -> list[Entry]:
    """The entries of a folder or zip, by location; zips in it are not opened.

    Raises
    ------
    Unreadable
        If `source` is a file, and no sound zip.
    OSError
    """
    if source.is_dir():
        return sorted(_in_folder(source, PurePosixPath()), key=lambda entry: entry.location)
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise Unreadable(str(error)) from None
    return sorted(_in_zip(archive, PurePosixPath(), source.name), key=lambda entry: entry.location)


def opened(entry: Entry, depth: int = 0) -> Iterator[Entry]:
    """An entry, or what is in it if it is a zip, also where that holds zips again."""
    if not is_zip(entry.name) or entry.is_folder:
        yield entry
        return
    try:
        if depth == _DEPTH:
            raise Unreadable(f"{entry.name} is a zip in {_DEPTH} zips")
        archive = zipfile.ZipFile(io.BytesIO(entry.read()))
        inside = list(_in_zip(archive, entry.location, entry.name))
    except Unreadable as error:
        yield replace(entry, problem=str(error), reader=None)
        return
    except Exception as error:  # a damaged zip raises what it likes
        yield replace(entry, problem=f"{entry.name} is no sound zip ({error})", reader=None)
        return
    if not inside:
        yield replace(entry, problem=f"{entry.name} is an empty zip", reader=None)
    for one in sorted(inside, key=lambda inner: inner.location):
        yield from opened(one, depth + 1)


def is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


# --- folders -----------------------------------------------------------------------------------


def _in_folder(folder: Path, at: PurePosixPath) -> Iterator[Entry]:
    if len(at.parts) > _FOLDERS:
        yield Entry(at, is_folder=True, problem=f"it lies in more than {_FOLDERS} folders")
        return
    with os.scandir(folder) as found:
        inside = sorted(found, key=lambda one: one.name)
    if not inside and at.parts:
        yield Entry(at, is_folder=True)
    for one in inside:
        path, here = at / one.name, folder / one.name
        if one.is_symlink():
            yield Entry(path, problem=f"{one.name} is a link, which is not followed")
        elif one.is_dir(follow_symlinks=False):
            try:
                yield from _in_folder(here, path)
            except OSError as error:
                why = f"{one.name} cannot be read: {error.strerror}"
                yield Entry(path, is_folder=True, problem=why)
        else:
            yield Entry(path, _time(here), reader=lambda here=here: read_file(here))


def read_file(path: Path) -> bytes:
    """The bytes of a regular file, not of what it may link to.

    Raises
    ------
    Unreadable
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Unreadable(f"{path.name} is not a file")
            if about.st_size > MOST_BYTES:
                raise Unreadable(_too_large(about.st_size))
            return file.read(MOST_BYTES)
    except OSError as error:
        link = path.is_symlink()
        why = "it is a link, which is not followed" if link else error.strerror
        raise Unreadable(f"{path.name} cannot be read: {why}") from None


def _time(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):  # a time before or beyond all calendars
        return ""


# --- zips --------------------------------------------------------------------------------------


def _in_zip(archive: zipfile.ZipFile, at: PurePosixPath, name: str) -> Iterator[Entry]:
    infos = archive.infolist()
    if len(infos) > _MOST_FILES:
        raise Unreadable(f"the zip holds {len(infos):,} files")
    paths = {info: PurePosixPath(info.filename.replace("\\", "/")) for info in infos}
    folders = {parent for path in paths.values() for parent in path.parents}
    seen = set()
    for info, path in paths.items():
        strange = path.is_absolute() or ".." in path.parts or _has_drive(path) or not path.parts
        is_folder = info.is_dir() or info.filename.endswith("\\")
        if (is_folder and path in folders) or path in seen:
            continue
        seen.add(path)
        if strange:
            inside = PurePosixPath(*[p for p in path.parts if p not in ("/", "..")] or ["?"])
            why = f"its path leads out of {name}" if path.parts else "it has no name"
            yield Entry(at / inside, problem=why, is_stray=True)
        elif stat.S_ISLNK(info.external_attr >> 16):
            yield Entry(at / path, problem=f"{path.name} is a link, which is not followed")
        elif is_folder:
            yield Entry(at / path, is_folder=True)
        else:
            yield Entry(
                at / path,
                _time_in_zip(info),
                reader=lambda info=info: _unpacked(archive, info),
            )


def _has_drive(path: PurePosixPath) -> bool:
    """Whether a path begins with a drive, as "C:"; a colon later on is a name's own."""
    return bool(path.parts) and len(path.parts[0]) == 2 and path.parts[0][1] == ":"


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MOST_BYTES:
        raise Unreadable(_too_large(info.file_size))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable("it cannot be unpacked (save the zip without bzip2 or LZMA)")
    try:
        with archive.open(info) as file:
            data = file.read(MOST_BYTES + 1)  # the size in the zip may be a lie
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise Unreadable(f"it cannot be unpacked ({error})") from None
    except Exception as error:  # of zlib, lzma and bz2, each its own
        raise Unreadable(f"it cannot be unpacked ({error})") from None
    if len(data) > MOST_BYTES:
        raise Unreadable(_too_large(len(data)))
    return data


def _time_in_zip(info: zipfile.ZipInfo) -> str:
    """A zip tells local times, without saying of which zone: this machine's, as unzip has it."""
    try:
        return datetime(*info.date_time).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def _too_large(size: int) -> str:
    return f"it is larger than {MOST_BYTES // 2**20} MB ({size / 2**20:,.0f} MB)"
