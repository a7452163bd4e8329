"""JupyterLab on the learner's copy of the course."""

import errno
import os
import sys
import sysconfig
from pathlib import Path
from shutil import which

from tlcourse.course import processes
from tlcourse.files import CourseError

_SETTINGS = Path(__file__).with_name("jupyter")
_PORTS = 50  # that are tried, one after the other


def open_lab(folder: Path, chapter: str, *, port: int, browser: bool) -> None:
    """Run JupyterLab on the learner's folder, in this process, until it is stopped.

    It asks nothing and fetches nothing: `jupyter/` beside this module switches its news off, and
    has a style sheet that makes sliders wide. Its kernels and its terminals run in this
    environment, so that `tlcourse`, `python` and `pip` are the course's there, though nobody has
    activated it. If the port is taken, it takes the next free one and says so.
    Where Jupyter, IPython, Matplotlib or Keras cannot write below the user's home, they write into
    `.tlcourse/` of the learner's folder.

    Raises
    ------
    CourseError
        If JupyterLab cannot start.
    """
    free = free_port(port)
    moved = processes.writable(folder / ".tlcourse" / "home")
    env = processes.environment(kernel=True) | moved
    commands = [sysconfig.get_path("scripts"), env.get("PATH")]
    env["PATH"] = os.pathsep.join(filter(None, commands))
    os.environ.clear()
    os.environ.update(env)
    paths = [str(_SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    arguments = [
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--ServerApp.port={free}",
        f"--LabApp.default_url=/lab/tree/notebooks/{chapter}.ipynb",
        "--LabApp.extension_manager=readonly",
        "--LabApp.custom_css=True",
        f"--ServerApp.tornado_settings={ {'static_custom_path': [str(_SETTINGS / 'custom')]} }",
        "--LanguageServerManager.autodetect=False",  # it would ask npm, which may never answer
        "--KernelManager.transport_encryption=auto",  # else every kernel warns in the terminal
        "--Application.log_level=ERROR",
    ]
    if os.name != "nt":
        # Jupyter would make it a login shell if nobody sees this one, and /etc/profile then sets
        # PATH afresh.
        shell = os.environ.get("SHELL") or which("sh")
        arguments.append(f"--ServerApp.terminado_settings={ {'shell_command': [shell]} }")
    if not (browser and _has_display()):
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    try:
        from jupyterlab.labapp import LabApp

        server = LabApp.initialize_server(arguments)
    except OSError as error:
        where = f" in {error.filename}" if error.filename else ""
        raise CourseError(
            f"JupyterLab cannot start, because it cannot write{where} ({error.strerror or error}): "
            "make room or make that folder writable."
        ) from error
    address = f"JupyterLab runs on {folder}; press Ctrl-C twice to end it."
    if server.port != port:
        address = f"Port {port} is taken, so JupyterLab uses port {server.port}.\n{address}"
    if moved:
        print(f"Your home cannot be written, so Jupyter writes its settings into {folder}.")
    # As soon as it listens.
    server.io_loop.add_callback(print, f"{address}\n{server.public_url}", flush=True)
    server.identity_provider.token_generated = False  # or Jupyter prints the address too
    server.start()


def free_port(port: int) -> int:
    """The first port from this one on that is free on this machine."""
    from tornado.netutil import bind_sockets

    problem = f"the ports from {port} on are taken"
    for candidate in range(port, min(port + _PORTS, 2**16)):
        try:
            sockets = bind_sockets(candidate, "localhost")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            problem = f"port {candidate} cannot be used ({error.strerror or error})"
            break
        for made in sockets:
            made.close()
        return candidate
    raise CourseError(f"JupyterLab cannot start, because {problem}: choose another with --port.")


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
