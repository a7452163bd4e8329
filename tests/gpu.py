"""Name the Keras backend that sees a GPU; ``make test-gpu`` tests the notebooks with it."""

import subprocess
import sys
from importlib.util import find_spec

ASK = {
    "tensorflow": "import tensorflow; found = tensorflow.config.list_physical_devices('GPU')",
    "jax": "import jax; found = [d for d in jax.devices() if d.platform != 'cpu']",
    "torch": "import torch; found = torch.cuda.is_available() or torch.backends.mps.is_available()",
}


def sees_gpu(backend: str) -> bool:
    """Ask in a process of its own: a backend takes the GPU's memory, and may crash on it."""
    code = f"import sys; {ASK[backend]}; sys.exit(0 if found else 1)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def main() -> int:
    installed = [backend for backend in ASK if find_spec(backend)]
    for backend in installed:
        if sees_gpu(backend):
            print(backend)
            return 0
    print(
        f"No GPU is visible to a Keras backend installed here ({', '.join(installed) or 'none'}): "
        "check the driver, and install a backend built for the GPU, as the README says.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
