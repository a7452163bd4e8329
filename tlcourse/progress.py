"""What a learner has done: kept in `.tlcourse/progress.json` of the learner's folder.

The folder is the nearest one upward of where the notebook runs that holds `.tlcourse/`. Outside of
one, progress lasts as long as the kernel. Nothing in here stops a check: what is in the way is
said once, in one sentence.
"""

import json
import os
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tlcourse.files import write

# Tasks that went to another set, "ex06.softness": "ex08.softness": what was done stays done.
MOVED: dict[str, str] = {"ex06.optimism": "ex08.optimism", "ex06.order": "ex08.order"}
_NAME = "progress.json"
_PREDICTIONS = "predictions.json"
_SECONDS = 5.0  # to wait for another notebook
_RANK = ("not attempted", "not yet", "no longer correct", "correct")
_memory: dict[str, dict[str, str]] = {}
_predictions: dict[str, dict] = {}
_said: set[str] = set()


def find_folder(start: Path | None = None) -> Path | None:
    """The learner's folder above `start` (where the notebook runs), if there is one."""
    here = (start or Path.cwd()).resolve()
    return next((f for f in (here, *here.parents) if (f / ".tlcourse").is_dir()), None)


def record(section: str, name: str, status: str, *, best: bool = False) -> None:
    """Keep the status of the last check of a task, "ex02", "softmax", or of a retrieval question.

    What cannot be kept in the folder is kept in memory.

    Parameters
    ----------
    section, name : str
    status : str
        "not attempted", "not yet" or "correct". A task that was correct, and is not any more, is
        kept as "no longer correct".
    best : bool
        Keep the best status instead.
    """
    if (folder := find_folder()) is not None:
        with _sentences(folder), _lock(folder):
            kept = _read(folder)
            if _keep(kept, section, name, status, best):
                write(folder / ".tlcourse" / _NAME, json.dumps(kept, indent=1).encode())
            _memory.get(section, {}).pop(name, None)
            return
    if (before := read().get(section, {}).get(name)) is not None:
        _memory.setdefault(section, {})[name] = before
    _keep(_memory, section, name, status, best)


def forget(section: str, folder: Path) -> bool:
    """Let a section of a learner's folder begin again; whether there was anything in it."""
    _memory.pop(section, None)
    done = None
    with _sentences(folder), _lock(folder):
        kept = _read(folder)
        if done := kept.pop(section, None):
            write(folder / ".tlcourse" / _NAME, json.dumps(kept, indent=1).encode())
    return bool(done)


def read(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """The status of everything: from the learner's folder, and what this kernel could not keep."""
    kept: dict[str, dict[str, str]] = {}
    if (folder := find_folder(folder)) is not None:
        with _sentences(folder):
            kept = _read(folder)
    for section, names in _memory.items():
        if names:
            kept[section] = kept.get(section, {}) | names
    return kept


def keep_prediction(key: str, prediction: dict) -> None:
    """Keep a prediction, plain data, under its key, "03.pooling"; in memory outside of a folder."""
    _predictions[key] = prediction
    if (folder := find_folder()) is None:
        return
    with _sentences(folder), _lock(folder):
        kept = _read_predictions(folder) | {key: prediction}
        write(folder / ".tlcourse" / _PREDICTIONS, json.dumps(kept, indent=1).encode())


def predictions() -> dict[str, dict]:
    """All predictions by key: from the learner's folder, and from this kernel."""
    kept: dict[str, dict] = {}
    if (folder := find_folder()) is not None:
        with _sentences(folder):
            kept = _read_predictions(folder)
    return kept | _predictions


def _read_predictions(folder: Path) -> dict[str, dict]:
    path = folder / ".tlcourse" / _PREDICTIONS
    try:
        kept = json.loads(path.read_bytes())
        if not all(isinstance(one, dict) and "question" in one for one in kept.values()):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        aside = _free(path.with_name("predictions-damaged.json"))
        os.replace(path, aside)
        _say_once(f"Your predictions could not be read; the old file is {aside.name}.")
        return {}
    return kept


def _keep(kept: dict, section: str, name: str, status: str, best: bool) -> bool:
    """Whether `kept` has changed, because `status` was put into it."""
    names = kept.setdefault(section, {})
    before = names.get(name)
    if before in ("correct", "no longer correct") and status != "correct":
        status = "no longer correct"
    if status == before or (best and before and _RANK.index(status) < _RANK.index(before)):
        return False
    names[name] = status
    return True


def _read(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / ".tlcourse" / _NAME
    try:
        kept = json.loads(path.read_bytes())
        for names in kept.values():
            if not all(status in _RANK for status in names.values()):
                raise ValueError
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        aside = _free(path.with_name("progress-damaged.json"))
        os.replace(path, aside)
        _say_once(
            f"Your progress could not be read and begins again; the old file is {aside.name}."
        )
        return {}
    return _moved(kept)


def _moved(kept: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The same progress, each task where it is now."""
    for old, new in MOVED.items():
        (section, name), (now, new_name) = old.split("."), new.split(".")
        if status := kept.get(section, {}).pop(name, None):
            _keep(kept, now, new_name, status, best=True)
    return kept


def _free(path: Path) -> Path:
    count, name = 1, path
    while name.exists():
        count += 1
        name = path.with_stem(f"{path.stem}-{count}")
    return name


@contextmanager
def _lock(folder: Path):
    with FileLock(folder / ".tlcourse" / f"{_NAME}.lock", timeout=_SECONDS):
        yield


@contextmanager
def _sentences(folder: Path):
    """Turn what is in the way into a sentence."""
    try:
        yield
    except Timeout:
        _say_once(f"Your progress in {folder.name} is locked by another notebook and was not kept.")
    except OSError as error:
        _say_once(f"Your progress cannot be kept in {folder.name} ({error.strerror or error}).")


def _say_once(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        print(sentence)
