"""The learner's copy of the course: notebooks and exercises, delivered and never overwritten."""

import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HERE = Path(__file__).parent
_MANIFEST = Path(".tlcourse") / "manifest.json"
_COPY = Path("tlcourse-work")


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
    beside = _free_name(path, new, "new_edition")
    if not beside.exists():
        write(beside, new)
    return [f"You changed {path.name}: it stays, and the newer edition is {beside.name} beside it."]


def _free_name(path: Path, data: bytes, word: str) -> Path:
    """A name beside `path` that is free, or that holds `data` already."""
    count = 1
    while True:
        suffix = f"_{word}" if count == 1 else f"_{word}_{count}"
        beside = path.with_stem(path.stem + suffix)
        if not beside.exists() or beside.read_bytes() == data:
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


# --- exercises -------------------------------------------------------------------------------


def exercises() -> dict[str, Path]:
    """The course's exercise notebooks by the name of their set, "ex02", in order."""
    return {path.parent.name: path for path in sorted(content().glob("exercises/ex*/ex*.ipynb"))}


def find_exercise(wanted: str) -> str:
    """The name of a set, from "ex02", "2" or the notebook's file.

    Raises
    ------
    CourseError
        If there is none.
    """
    names = list(exercises())
    stem = Path(wanted).name.lower().removesuffix(".ipynb").partition("_")[0]
    for name in names:
        number = stem.removeprefix("ex")
        if number.isdecimal() and int(number) == int(name.removeprefix("ex")):
            return name
    raise CourseError(f"There is no exercise {wanted!r}; there are {', '.join(names)}.")


def find_copy() -> Path:
    """The learner's copy: the one that we stand in, else `tlcourse-work` in this folder."""
    from tlcourse.checks import progress

    return progress.find_folder() or _COPY


def reset(folder: Path, name: str) -> list[str]:
    """Put a fresh copy of a set into the learner's folder; what was there stays beside it.

    What was kept of its progress is cleared.

    Parameters
    ----------
    folder : Path
    name : str
        Of the set, "ex02".

    Returns
    -------
    list of str
        What was done, a sentence each.

    Raises
    ------
    CourseError
        If the folder is no learner's, or cannot be written.
    """
    from tlcourse.checks import progress

    name = find_exercise(name)
    source = exercises()[name]
    key = source.relative_to(content()).as_posix()
    path, new = folder / key, source.read_bytes()
    _require_copy(folder)
    with explain_os_errors(folder, "--folder"):
        old = path.read_bytes() if path.exists() else None
        told = [f"{path.name} is fresh {'already' if old == new else 'again'}."]
        if old is not None and old != new:
            beside = _free_name(path, old, "old")
            write(beside, old)
            told.append(f"Your earlier one is {beside.name} beside it.")
        if old != new:
            write(path, new)
            delivered = _read_manifest(folder) | {key: _sha256(new)}
            write(folder / _MANIFEST, json.dumps(delivered, indent=1).encode())
        if progress.forget(name, folder):
            told.append(f"The points of {name} begin at 0 again (restart its kernel if it runs).")
    return told


def submit(folder: Path, name: str) -> tuple[Path, dict[str, str], bool]:
    """Check that a set's notebook is whole, and write the one file to hand in.

    Parameters
    ----------
    folder : Path
        The learner's.
    name : str
        Of the set, "ex02".

    Returns
    -------
    zip : Path
        `ex02-submission.zip` in the folder, which holds the notebook and nothing else.
    open_tasks : dict of str
        What is not done, by task (the open question by its heading): "not attempted"; "not run to
        the end" if the answer or its check raised an error of its own; "not checked"; or "not yet".
    replaced : bool
        Whether there was an earlier zip.

    Raises
    ------
    CourseError
        If the notebook is missing, unreadable or not whole.
    """
    from tlcourse.checks import progress

    name = find_exercise(name)
    source = exercises()[name]
    path = folder / source.relative_to(content())
    _require_copy(folder)
    cure = f"tlcourse reset {name} gives a fresh one, and keeps this one beside it to copy from"
    if not path.is_file():
        raise CourseError(f"{path} is missing: {cure}.")
    with explain_os_errors(folder, "--folder"):
        mine, given = _read_notebook(path, cure), _read_notebook(source, cure)
        expected, found = _graded_cells(given), _graded_cells(mine)
        if (yours := _edition(mine)) != (ours := _edition(given)):
            cure += f" (it is edition {yours}, and the course holds edition {ours})"
        for grade_id in expected:
            count = len(found.get(grade_id, []))
            if count != 1:
                what = "is missing" if count == 0 else f"is there {count} times"
                raise CourseError(f"In {path.name} the cell {grade_id!r} {what}: {cure}.")
        checked = progress.read(folder).get(name, {})
        open_tasks = {}
        for grade_id, (cell, *_) in expected.items():
            if not cell["metadata"]["nbgrader"].get("solution"):
                continue
            task = grade_id.removesuffix("-answer")
            answer, check = found[grade_id][0], found.get(task, [None])[0]
            if _source(answer).strip() == _source(cell).strip():
                status = "not attempted"
            elif task == grade_id:  # the open question
                continue
            else:
                status = _status(answer, check, checked.get(task))
            if status != "correct":
                open_tasks[_heading(given, cell) if task == grade_id else task] = status
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
        target = folder / f"{name}-submission.zip"
        replaced = target.exists()
        write(target, packed.getvalue())
    return target, open_tasks, replaced


def _status(answer: dict, check: dict, best: str | None) -> str:
    """The status of a task, from the saved outputs of its two cells and its best check so far."""
    outputs = answer.get("outputs", []) + check.get("outputs", [])
    raised = [output.get("ename") for output in outputs if output.get("output_type") == "error"]
    if set(raised) - {"NotYet", "NotAttempted"}:
        return "not run to the end"
    if "NotYet" in raised:
        return "not yet"
    return best if best in ("correct", "not yet") else "not checked"


def _heading(notebook: dict, cell: dict) -> str:
    """The heading that a cell stands under."""
    before = notebook["cells"][: notebook["cells"].index(cell)]
    text = "\n".join(_source(c) for c in before if c["cell_type"] == "markdown")
    return [line for line in text.splitlines() if line.startswith("#")][-1].lstrip("# ")


def _require_copy(folder: Path) -> None:
    if not (folder / _MANIFEST).exists():
        raise CourseError(
            f"{folder} is no copy of the course: name yours with --folder, or make one with "
            "tlcourse lab."
        )


def _read_notebook(path: Path, cure: str) -> dict:
    try:
        notebook = json.loads(path.read_bytes())
        if not all(isinstance(cell["metadata"], dict) for cell in notebook["cells"]):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise CourseError(f"{path.name} is not a notebook that can be read: {cure}.") from None
    return notebook


def _edition(notebook: dict) -> int | str:
    """The edition that an exercise carries in its metadata."""
    try:
        return notebook["metadata"]["tlcourse"]["edition"]
    except (KeyError, TypeError):
        return "unknown"


def _graded_cells(notebook: dict) -> dict[str, list[dict]]:
    """The cells that nbgrader knows, by their grade_id."""
    cells: dict[str, list[dict]] = {}
    for cell in notebook["cells"]:
        known = cell["metadata"].get("nbgrader")
        if isinstance(known, dict) and isinstance(known.get("grade_id"), str):
            cells.setdefault(known["grade_id"], []).append(cell)
    return cells


def _source(cell: dict) -> str:
    """A cell's text, which a notebook keeps as one string or as its lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


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
