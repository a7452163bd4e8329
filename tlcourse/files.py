"""The ground: one error for what the user can put right, and files written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CourseError(Exception):
    """Something that the user can put right; the message is one sentence that says how."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone."""
        return [f"{type(self).__name__}: {self}"]


def given_path(path: str | os.PathLike, kind: str = "folder", example: str = "my_photos") -> Path:
    """A path that the user gave, with their home in place of ``~``.

    Raises
    ------
    CourseError
        If it can be none: a number, nothing at all, ``~`` of nobody, half of a character.
    """
    try:
        text = os.fsdecode(path)
        text.encode("utf-8", "surrogateescape")
        if not text.strip() or "\0" in text:
            raise ValueError
        return Path(text).expanduser()
    except (TypeError, ValueError, RuntimeError):
        raise CourseError(
            f'The {kind} {short(path)} cannot be used: give a path such as "{example}".'
        ) from None


def short(value: object) -> str:
    """A value as it may stand in a sentence."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"an array of shape {shape}"
    shown = " ".join(repr(value).split())
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def write(path: Path, data: bytes) -> None:
    """Write a file, and its folder: whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet, in a folder that does: whole or not at all.

    Raises
    ------
    FileExistsError
        If there is something of this name, also if another process was quicker.
    """
    path.open("xb").close()  # from here on the name is ours
    try:
        write(path, data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def explain_os_errors(folder: Path, option: str) -> Iterator[None]:
    """Say in one sentence why `folder` cannot be used."""
    try:
        if folder.exists() and not folder.is_dir():
            raise CourseError(f"{folder} is a file, not a folder: choose another with {option}.")
        yield
    except OSError as error:
        where = error.filename2 or error.filename or folder
        raise CourseError(
            f"{where} cannot be used ({error.strerror or error}): put that right, or choose "
            f"another folder with {option}."
        ) from error
