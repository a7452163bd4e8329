import os
import subprocess
import sys

import pytest

from tests import gpu

# Stand-ins for the three libraries, on a machine with or without a GPU.
STAND_INS = {
    "tensorflow": "class config: list_physical_devices = lambda kind: {gpus!r}",
    "jax": "class D: platform = 'cuda'\ndevices = lambda: [D] * len({gpus!r})",
    "torch": "class cuda: is_available = lambda: bool({gpus!r})\n"
    "class backends:\n class mps: is_available = lambda: False",
}


def ask(folder, **gpus):
    """What `tests/gpu.py` says when just these libraries are there and see these GPUs."""
    for name, seen in gpus.items():
        (folder / f"{name}.py").write_text(STAND_INS[name].format(gpus=seen))
    return subprocess.run(
        [sys.executable, "-S", gpu.__file__],  # -S hides what is really installed
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=500,
    )


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_backend_that_sees_a_gpu_is_named(tmp_path, backend):
    done = ask(tmp_path, **{name: [] for name in STAND_INS} | {backend: ["GPU:0"]})
    assert (done.returncode, done.stdout) == (0, f"{backend}\n")


@pytest.mark.parametrize("installed", [[], ["tensorflow"], ["jax", "torch"]])
def test_without_a_gpu_one_sentence_names_what_was_asked(tmp_path, installed):
    done = ask(tmp_path, **{name: [] for name in installed})
    assert (done.returncode, done.stdout) == (1, "")
    assert f"installed here ({', '.join(installed) or 'none'}):" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_backend_that_cannot_be_imported_is_passed_over(tmp_path):
    (tmp_path / "jax.py").write_text("raise ImportError('driver too old')")
    done = ask(tmp_path, tensorflow=[], torch=["GPU:0"])
    assert (done.returncode, done.stdout) == (0, "torch\n")
