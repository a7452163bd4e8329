"""Settings that every test needs, made before anything heavy is imported."""

import os
import signal

import hypothesis
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever ~/.keras/keras.json says
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MPLBACKEND"] = "Agg"

# How long one example takes says nothing on a busy machine.
_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("course", deadline=None, suppress_health_check=_SLOW)
hypothesis.settings.load_profile("course")


@pytest.fixture
def interruptible():
    """Let SIGINT interrupt this process and those that the test starts.

    What a script starts in the background inherits that SIGINT is ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.default_int_handler)
