"""The learner's copy of the course: notebooks and exercises, delivered and never overwritten.

Notebooks are delivered without outputs, so that nothing gives a result away before it is predicted;
where a widget will be, a line says so. The last cell leads to the chapter before and the next one.
What counts as a learner's change is the text of the cells: a notebook that was only run has none.
"""

import hashlib
import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from tlcourse import progress
from tlcourse.course import content
from tlcourse.files import CourseError, explain_os_errors, write

_MANIFEST = Path(".tlcourse") / "manifest.json"
_COPY = Path("tlcourse-work")
_SIGNPOST = "signpost"  # the id of the cell that leads to other chapters
# What stands below a cell before it has run, by what its code calls.
_BEFORE_IT_RUNS = {
    r"\binteract\(": "Run this cell: sliders appear.",
    r"\bquiz\.ask\(": "Run this cell: questions appear, and tell you whether you are right.",
    r"\bquiz\.predict\(": "Run this cell: it asks for your guess.",
    r"\bex\.\w+\.show\(": "Run this cell: buttons appear.",
}
# Manifests of edition 0.1.0 hold the SHA-256 of whole files; this tells the mark of their cells.
_FIRST_EDITION = Path(__file__).with_name("first_edition.json")


def deliver(folder: Path) -> list[str]:
    """Bring the learner's folder up to date, and leave alone every file that the learner changed.

    A file that the learner deleted comes back. A file that the learner changed stays, and a newer
    edition of it arrives once beside it, under the name …_new_edition.

    Parameters
    ----------
    folder : Path
        It is made if need be. `.tlcourse/manifest.json` in it holds a mark of the edition last
        delivered of each file (`mark_of`); a file with another mark was changed by the learner.

    Returns
    -------
    list of str
        What happened that the learner may want to know, a sentence each.

    Raises
    ------
    CourseError
        If the folder cannot be read or written; every file is then whole, the old or the new.
    """
    source, messages = content.folder(), []
    with explain_os_errors(folder, "--folder"):
        delivered = _read_manifest(folder)
        before = dict(delivered)
        first = not (folder / _MANIFEST).exists()
        try:
            for path in _files(source):
                name, new = path.relative_to(source).as_posix(), for_learners(path)
                messages += _deliver_file(new, folder / name, delivered.get(name))
                delivered[name] = mark_of(new)
        finally:
            if delivered != before:
                text = json.dumps(delivered, indent=1)
                write(folder / _MANIFEST, text.encode())
    return [f"The course is now in {folder}."] if first and not messages else messages


def _deliver_file(new: bytes, path: Path, delivered: str | None) -> list[str]:
    """Deliver one file, of which the edition with the mark `delivered` went out last."""
    if not path.exists():
        write(path, new)
        return [] if delivered is None else [f"{path.name} was missing and is back."]
    old = path.read_bytes()
    if mark_of(old) == mark_of(new) or delivered == mark_of(new):
        _renew_signpost(path, old, new)
        return []  # up to date, or the learner's own work on this edition
    if delivered in (mark_of(old), _sha256(old)):
        write(path, new)
        return [f"{path.name} is now the newer edition; you had not changed it."]
    beside = _free_name(path, new, "new_edition")
    if not beside.exists():
        write(beside, new)
    return [f"You changed {path.name}: it stays, and the newer edition is {beside.name} beside it."]


def _renew_signpost(path: Path, old: bytes, new: bytes) -> None:
    """Let the last cell of an edition that the learner has already lead where it now should."""
    notebook, fresh = _as_notebook(old), _as_notebook(new)
    if not (notebook and fresh):
        return
    wanted = {cell.get("id"): cell["source"] for cell in fresh["cells"]}.get(_SIGNPOST)
    for cell in notebook["cells"]:
        if cell.get("id") == _SIGNPOST and wanted not in (None, content.source_of(cell)):
            cell["source"] = wanted
            write(path, _as_bytes(notebook))


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
    """Every file of the notebooks and exercises, without hidden ones, caches and the table."""
    for part in ("notebooks", "exercises"):
        for path in sorted((source / part).rglob("*")):
            parts = path.relative_to(source).parts
            hidden = any(part[0] == "." or part == "__pycache__" for part in parts)
            if path.is_file() and not hidden and path.name != content.TABLE:
                yield path


def _read_manifest(folder: Path) -> dict[str, str]:
    """What was delivered; nothing if the manifest is missing or damaged, which is the safe side."""
    try:
        delivered = json.loads((folder / _MANIFEST).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(delivered, dict):
        return {}
    first = json.loads(_FIRST_EDITION.read_text("utf-8"))
    return {name: first.get(mark, mark) for name, mark in delivered.items()}


# --- what is delivered, and what was changed ---------------------------------------------------


def for_learners(path: Path) -> bytes:
    """A file as it is delivered: from a notebook outputs and what tools keep are taken out.

    Kernel and language are described as JupyterLab will describe them, so that it does not call a
    notebook changed that was only opened.
    """
    data = path.read_bytes()
    if (notebook := _as_notebook(data)) is None:
        return data
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": _before_it_runs(cell), "execution_count": None}
    if links := content.signpost(path):
        last = {"cell_type": "markdown", "id": _SIGNPOST, "metadata": {}, "source": links}
        notebook["cells"].append(last)
    for key in ("code", "text"):
        notebook["metadata"].get("tlcourse", {}).pop(key, None)
    if not notebook["metadata"].get("tlcourse"):
        notebook["metadata"].pop("tlcourse", None)
    notebook["metadata"]["kernelspec"] = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    notebook["metadata"]["language_info"] = {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    }
    return _as_bytes(notebook)


def _before_it_runs(cell: dict) -> list[dict]:
    """What a code cell shows before it has run: what will appear there, if it is a widget."""
    code = content.source_of(cell)
    said = [words for calls, words in _BEFORE_IT_RUNS.items() if re.search(calls, code)]
    data = {"text/markdown": f"*{' '.join(said)}*", "text/plain": " ".join(said)}
    return [{"output_type": "display_data", "metadata": {}, "data": data}] if said else []


def _as_bytes(notebook: dict) -> bytes:
    return (json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def mark_of(data: bytes) -> str:
    """What tells two editions of a file apart: of a notebook the text of its cells alone.

    The cell that leads to other chapters does not count.
    """
    if (notebook := _as_notebook(data)) is None:
        return _sha256(data)
    kept = [cell for cell in notebook["cells"] if cell.get("id") != _SIGNPOST]
    cells = [[cell["cell_type"], content.source_of(cell)] for cell in kept]
    return "cells:" + _sha256(json.dumps(cells).encode())


def _as_notebook(data: bytes) -> dict | None:
    """A file's notebook, or None if it is something else, or damaged."""
    try:
        notebook = json.loads(data)
        kinds = [cell["cell_type"] for cell in notebook["cells"]]
        is_notebook = isinstance(notebook["metadata"], dict) and all(map(str.isalpha, kinds))
    except (ValueError, KeyError, TypeError):
        return None
    return notebook if is_notebook else None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- exercises -------------------------------------------------------------------------------


def find_copy() -> Path:
    """The learner's copy: the one that we stand in, else `tlcourse-work` in this folder."""
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
    name = content.find_exercise(name)
    source = content.exercises()[name]
    key = source.relative_to(content.folder()).as_posix()
    path, new = folder / key, for_learners(source)
    require_copy(folder)
    with explain_os_errors(folder, "--folder"):
        old = path.read_bytes() if path.exists() else None
        same = old is not None and mark_of(old) == mark_of(new)
        messages = [f"{path.name} is fresh {'already' if old == new else 'again'}."]
        if old is not None and not same:
            beside = _free_name(path, old, "old")
            write(beside, old)
            messages.append(f"Your earlier one is {beside.name} beside it.")
        if old != new:
            write(path, new)
            delivered = _read_manifest(folder) | {key: mark_of(new)}
            write(folder / _MANIFEST, json.dumps(delivered, indent=1).encode())
        if progress.forget(name, folder):
            again = "begin at 0 again (restart its kernel if it runs)."
            messages.append(f"The points of {name} {again}")
    return messages


def require_copy(folder: Path) -> None:
    """See that `folder` is a learner's copy.

    Raises
    ------
    CourseError
        If it is not.
    """
    if not (folder / _MANIFEST).exists():
        raise CourseError(
            f"{folder} is not a course folder. Run `tlcourse lab` first, or give yours with "
            "--folder."
        )
