"""Keras without TensorFlow's start-up messages, and what it runs on.

TensorFlow writes a page of log lines to the terminal when it is first imported, below Python's
reach of `warnings` and `logging`; in a notebook they appear as a red block. Import this module
(or any other of the package that needs Keras) before `keras`, and they are gone.
"""

import logging
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np


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


with _quiet_start():
    import keras

    with suppress(ImportError):
        import tensorflow  # noqa: F401  (on other backends Keras loads it later, loudly)

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
