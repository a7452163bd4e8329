"""The learner's copy of the course: notebooks and exercises, delivered and never overwritten."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HERE = Path(__file__).parent
_MANIFEST = Path(".tlcourse") / "manifest.json"


class CourseError(Exception):
    """Something that the user can put right; the message is one sentence that says how."""


# --- what the course holds -------------------------------------------------------------------


def content() -> Path:
    """The folder that holds `notebooks/` and `exercises/`, in a wheel or in a checkout."""
    for folder in (_HERE / "_content", _HERE.parent):
        if any(folder.glob("notebooks/*.ipynb")):
            return folder
    raise CourseError("This installation of tlcourse holds no notebooks; install it again.")


def chapters() -> dict[str, Path]:
    """The course's notebooks by name, in order."""
    return {path.stem: path for path in sorted(content().glob("notebooks/*.ipynb"))}


def find_chapter(wanted: str) -> str:
    """The name of a chapter, from its number ("3", "03"), name or file.

    Raises
    ------
    CourseError
        If there is none.
    """
    names = list(chapters())
    stem = Path(wanted).name.removesuffix(".ipynb")
    for name in names:
        number = name.partition("_")[0]
        if stem == name or (stem.isdecimal() and number.isdecimal() and int(stem) == int(number)):
            return name
    raise CourseError(f"There is no chapter {wanted!r}; the chapters are {', '.join(names)}.")


def benchmark(name: str) -> dict:
    """The committed result of a benchmark that takes longer than a chapter may.

    Parameters
    ----------
    name : str
        Of the module in `benchmarks/`, which tells how it was measured.

    Raises
    ------
    CourseError
        If there is none.
    """
    folder = content() / "benchmarks" / "results"
    if not (folder / f"{name}.json").is_file():
        known = sorted(path.stem for path in folder.glob("*.json"))
        raise CourseError(f"There is no result {name!r}; there are {', '.join(known) or 'none'}.")
    return json.loads((folder / f"{name}.json").read_text())


# --- delivering ------------------------------------------------------------------------------


def deliver(folder: Path) -> list[str]:
    """Bring the learner's folder up to date, and leave alone every file that the learner changed.

    A file that the learner deleted comes back. A file that the learner changed stays, and a newer
    edition of it arrives once beside it, under the name …_new_edition.

    Parameters
    ----------
    folder : Path
        It is made if need be. `.tlcourse/manifest.json` in it holds the SHA-256 of the edition
        last delivered of each file; a file of another content was changed by the learner.

    Returns
    -------
    list of str
        What happened that the learner may want to know, a sentence each.

    Raises
    ------
    CourseError
        If the folder cannot be read or written; every file is then whole, the old or the new.
    """
    source, told = content(), []
    with explain_os_errors(folder, "--folder"):
        delivered = _read_manifest(folder)
        before = dict(delivered)
        first = not (folder / _MANIFEST).exists()
        try:
            for path in _files(source):
                name, new = path.relative_to(source).as_posix(), path.read_bytes()
                told += _deliver_file(new, folder / name, delivered.get(name))
                delivered[name] = _sha256(new)
        finally:
            if delivered != before:
                text = json.dumps(delivered, indent=1)
                write(folder / _MANIFEST, text.encode())
    return [f"The course is now in {folder}."] if first and not told else told


def _deliver_file(new: bytes, path: Path, delivered: str | None) -> list[str]:
    """Deliver one file, of which the edition `delivered` (SHA-256) went out last."""
    if not path.exists():
        write(path, new)
        return [] if delivered is None else [f"{path.name} was missing and is back."]
    old = path.read_bytes()
    if old == new or delivered == _sha256(new):
        return []  # up to date, or the learner's own work on this edition
    if delivered == _sha256(old):
        write(path, new)
        return [f"{path.name} is now the newer edition; you had not changed it."]
    beside = _free_name(path, new)
    if not beside.exists():
        write(beside, new)
    return [f"You changed {path.name}: it stays, and the newer edition is {beside.name} beside it."]


def _free_name(path: Path, new: bytes) -> Path:
    """A name beside `path` that is free, or that holds `new` already."""
    count = 1
    while True:
        suffix = "_new_edition" if count == 1 else f"_new_edition_{count}"
        beside = path.with_stem(path.stem + suffix)
        if not beside.exists() or beside.read_bytes() == new:
            return beside
        count += 1


def _files(source: Path) -> Iterator[Path]:
    """Every file of the notebooks and exercises, without hidden ones and caches."""
    for part in ("notebooks", "exercises"):
        for path in sorted((source / part).rglob("*")):
            parts = path.relative_to(source).parts
            if path.is_file() and not any(p[0] == "." or p == "__pycache__" for p in parts):
                yield path


def _read_manifest(folder: Path) -> dict[str, str]:
    """What was delivered; nothing if the manifest is missing or damaged, which is the safe side."""
    try:
        delivered = json.loads((folder / _MANIFEST).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return delivered if isinstance(delivered, dict) else {}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- writing ---------------------------------------------------------------------------------


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


# --- JupyterLab ------------------------------------------------------------------------------


def open_lab(folder: Path, chapter: str, *, port: int, browser: bool) -> None:
    """Run JupyterLab on the learner's folder, in this process, until it is stopped.

    It asks nothing and fetches nothing: `jupyter/` beside this module switches its news off. Its
    kernels run in this environment. If the port is busy it takes the next free one.
    """
    paths = [str(_HERE / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    arguments = [
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--ServerApp.port={port}",
        f"--LabApp.default_url=/lab/tree/notebooks/{chapter}.ipynb",
        "--LabApp.extension_manager=readonly",
        "--KernelManager.transport_encryption=auto",  # else every kernel warns in the terminal
        "--Application.log_level=ERROR",
    ]
    if not (browser and _has_display()):
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    from jupyterlab.labapp import LabApp

    server = LabApp.initialize_server(arguments)
    address = f"JupyterLab runs on {folder}; Ctrl-C twice ends it.\n{server.public_url}"
    server.io_loop.add_callback(print, address, flush=True)  # as soon as it listens
    server.identity_provider.token_generated = False  # or Jupyter prints the address too
    server.start()


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
