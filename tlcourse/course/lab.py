"""JupyterLab on the learner's copy of the course."""

import os
import sys
from pathlib import Path

_SETTINGS = Path(__file__).with_name("jupyter")


def open_lab(folder: Path, chapter: str, *, port: int, browser: bool) -> None:
    """Run JupyterLab on the learner's folder, in this process, until it is stopped.

    It asks nothing and fetches nothing: `jupyter/` beside this module switches its news off. Its
    kernels run in this environment. If the port is busy it takes the next free one.
    """
    paths = [str(_SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")]
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
