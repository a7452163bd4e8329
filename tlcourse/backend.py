"""Keras as the course needs it, without TensorFlow's start-up messages, and what it runs on.

TensorFlow writes a page of log lines to the terminal when it is first imported, below Python's
reach of `warnings` and `logging`; in a notebook they appear as a red block. Import this module
(or any other of the package that needs Keras) before `keras`, and they are gone.

Every chapter relies on images whose last axis holds the colours and on 32-bit numbers. What an old
`keras.json` or the shell says otherwise is overruled, and one line says so.
"""

import importlib.util
import json
import logging
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from tlcourse.files import CourseError

_BACKENDS = ("tensorflow", "jax", "torch")
_SETTINGS = {
    "image_data_format": "channels_last",
    "floatx": "float32",
    "epsilon": 1e-7,
    "max_epochs": None,
    "max_steps_per_epoch": None,
}


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Send what is written to file descriptor 2 to nowhere."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def settings_file() -> Path:
    """Where Keras looks for its settings."""
    home = os.path.expanduser("~")
    folder = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", folder)), "keras.json")


def _read_settings() -> dict:
    """Keras' settings; none where the file is missing or no JSON, as Keras does.

    Raises
    ------
    CourseError
        If Keras cannot start with them.
    """
    path, problem = settings_file(), ""
    try:
        kept = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    except OSError as error:
        raise CourseError(
            f"Keras cannot read {path} ({error.strerror}): make it readable, delete it, or let "
            "KERAS_HOME name another folder."
        ) from error
    if not isinstance(kept, dict):
        problem = "it holds no settings"
    elif kept.get("floatx", "float32") not in ("float16", "float32", "float64"):
        problem = f"floatx is {kept['floatx']!r}"
    elif not isinstance(kept.get("epsilon", 1e-7), float):
        problem = f"epsilon is {kept['epsilon']!r}, which is no decimal fraction"
    elif kept.get("image_data_format", "channels_last") not in ("channels_last", "channels_first"):
        problem = f"image_data_format is {kept['image_data_format']!r}"
    if problem:
        raise CourseError(
            f"Keras cannot start with its settings in {path} ({problem}): delete this file, or "
            "correct it."
        )
    return kept


def _is_installed(backend) -> bool:
    spec = importlib.util.find_spec(backend) if backend in _BACKENDS else None
    return spec is not None and spec.origin is not None  # a mere folder of this name has no origin


def _choose_backend() -> str:
    """Let Keras run on a backend that is here; what was overruled for that, as a sentence.

    Raises
    ------
    CourseError
        If KERAS_BACKEND names another, or `keras.json` cannot be used.
    """
    wanted, settings = os.environ.get("KERAS_BACKEND"), _read_settings()
    here = [name for name in _BACKENDS if _is_installed(name)]
    if wanted and wanted not in here:
        raise CourseError(
            f"KERAS_BACKEND is {wanted!r}, which is not installed or not a backend that can train: "
            f"set it to {' or '.join(here)}, or unset it."
        )
    wanted = wanted or settings.get("backend", "tensorflow")
    if wanted in here or not here:
        return ""
    os.environ["KERAS_BACKEND"] = here[0]
    return f"Keras runs on {here[0]}, for {wanted!r} in {settings_file()} cannot be used here."


def _overrule() -> str:
    """Set what every chapter relies on; what was overruled, as a sentence."""
    changed = []
    for name, value in _SETTINGS.items():
        found = getattr(keras.config, name)()
        if found != value:
            getattr(keras.config, f"set_{name}")(value)
            changed.append(f"{name} to {value} (it was {found})")
    return f"For the course, Keras' settings change: {', '.join(changed)}." if changed else ""


if "keras" not in sys.modules and (_sentence := _choose_backend()):
    print(_sentence)

try:
    with _quiet_start():
        import keras

        with suppress(ImportError):
            import tensorflow  # noqa: F401  (on other backends Keras loads it later, loudly)
except Exception as _error:  # of any kind: this is where broken installations come to light
    _first_line = str(_error).strip().partition("\n")[0]
    raise CourseError(
        f"Keras does not start ({type(_error).__name__}: {_first_line}); `tlcourse doctor` looks "
        "for the reason."
    ) from _error

if _sentence := _overrule():
    print(_sentence)

# "Tracing is expensive" and the like: advice on speed, which a learner cannot act on.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


def gpus() -> int:
    """How many GPUs the current backend sees."""
    if keras.backend.backend() == "torch":  # for which Keras lists no devices
        import torch

        return torch.cuda.device_count()
    return sum(not device.startswith("cpu") for device in keras.distribution.list_devices())


def versions() -> str:
    """What a result was computed with, in one line, for the first cell of a notebook."""
    return (
        f"Python {platform.python_version()}, NumPy {np.__version__}, Keras {keras.__version__} "
        f"on {keras.backend.backend()} with "
        f"{f'{gpus()} GPU' if gpus() else f'{os.cpu_count()} CPU cores'}"
    )
