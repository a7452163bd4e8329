"""Settings that every test needs, made before anything heavy is imported."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever ~/.keras/keras.json says
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MPLBACKEND"] = "Agg"

# How long one example takes says nothing on a busy machine.
_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("course", deadline=None, suppress_health_check=_SLOW)
hypothesis.settings.load_profile("course")

# What takes longest begins first, so that two workers end together, and beside the longest
# notebook: that one computes on both cores, while many of these tests wait.
ROOT = Path(__file__).parents[1]
SLOWEST = (
    "checks/test_sets", "grading/test_batch", "grading/test_attacks", "course/test_execute",
    "test_report", "checks/test_calls", "test_doctor", "test_models", "test_transfer",
    "grading/test_sandbox", "test_backend", "grading/test_at_home", "test_site",
    "course/test_submit", "course/test_lab", "test_training", "test_cli",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    files = [f"tests/{name}.py" for name in SLOWEST]
    notebooks = dict.fromkeys(item.path for item in items if item.path.suffix == ".ipynb")
    order = [*notebooks][:1] + [ROOT / name for name in files] + [*notebooks][1:]
    place = {path: number for number, path in enumerate(order)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture
def interruptible():
    """Let SIGINT interrupt this process, and SIGINT and SIGHUP those that the test starts.

    What a script starts in the background inherits that SIGINT is ignored, and what `nohup` starts
    that SIGHUP is.
    """
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    if hasattr(signal, "SIGHUP"):  # a handler, which a program that is started does not inherit
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    for number, handler in before.items():
        signal.signal(number, handler or signal.SIG_DFL)
