"""Processes of Python that the course starts: what they import, and where they may write.

What the user's shell and current folder hold must not change what a chapter computes: a file
`random.py` beside the notebooks, PYTHONOPTIMIZE (which removes every assertion), a PYTHONSTARTUP
that fails, a home that cannot be written.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tlcourse.files import CourseError

# Of the shell, and not of the course.
_DROPPED = ("PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONHOME")
_INLINE = "module://matplotlib_inline.backend_inline"


def environment(*, kernel: bool = False) -> dict[str, str]:
    """The environment for a process of Python.

    Parameters
    ----------
    kernel : bool
        For Jupyter's kernels, or what starts them: they draw into the notebook, whatever
        MPLBACKEND says, and import what lies beside the notebook, as learners expect. Other
        processes import nothing from the current folder.
    """
    env = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    env["JUPYTER_PREFER_ENV_PATH"] = "1"  # the kernel of this environment
    # An empty entry means the current folder: `PYTHONPATH=$PYTHONPATH:/mine` makes one.
    entries = env.get("PYTHONPATH", "").split(os.pathsep)
    if kept := [entry for entry in entries if os.path.normpath(entry) != "."]:
        env["PYTHONPATH"] = os.pathsep.join(kept)
    else:
        env.pop("PYTHONPATH", None)
    return env | ({"MPLBACKEND": _INLINE} if kernel else {"PYTHONSAFEPATH": "1"})


@contextmanager
def safe_children() -> Iterator[None]:
    """Give every process that is started meanwhile the environment of `environment`."""
    before = dict(os.environ)
    _replace(environment())
    try:
        yield
    finally:
        _replace(before)


def _replace(env: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)


@contextmanager
def empty_folder() -> Iterator[str]:
    """A temporary folder.

    Raises
    ------
    CourseError
        If there is no place for one.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="tlcourse-", ignore_cleanup_errors=True)
    except OSError as error:
        raise CourseError(
            f"The course needs a folder for temporary files, and there is none ({error.strerror}): "
            "make room, or let TMPDIR name a folder with room."
        ) from error
    with folder as name:
        yield name


def ask(
    code: str, timeout: float | None = None, env: dict[str, str] | None = None
) -> tuple[str, str]:
    """What Python code prints in a process of its own, and what went wrong ("" if nothing did)."""
    with empty_folder() as nowhere:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", code],
                env=environment() if env is None else env,
                cwd=nowhere, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                encoding="utf-8", errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "", f"there was no answer within {timeout:g} seconds"
    if done.returncode == 0:
        return done.stdout.strip(), ""
    last_line = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
    return "", last_line.removeprefix("tlcourse.files.CourseError: ")


# --- where libraries write ---------------------------------------------------------------------


def unwritable() -> dict[str, Path]:
    """The folders of libraries that cannot be written, by the variable that moves each."""
    home = Path(os.path.expanduser("~"))
    if os.environ.get("HOME") == "" or not home.is_absolute():
        # Nobody knows it, as in a container whose user has a number and no name.
        return {"HOME": home}
    from jupyter_core import paths

    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    own = {
        "JUPYTER_CONFIG_DIR": paths.jupyter_config_dir(),
        "JUPYTER_DATA_DIR": paths.jupyter_data_dir(),
        "JUPYTER_RUNTIME_DIR": paths.jupyter_runtime_dir(),
        "IPYTHONDIR": os.environ.get("IPYTHONDIR") or home / ".ipython",
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR") or config / "matplotlib",
        "KERAS_HOME": os.environ.get("KERAS_HOME") or home / ".keras",
        "XDG_CACHE_HOME": cache,  # the course's own, too
    }
    return {name: Path(path) for name, path in own.items() if not can_write(Path(path))}


def can_write(folder: Path) -> bool:
    """Whether files can be written there; a folder that is missing stays missing."""
    try:
        there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"not only a name, which a full disk may still take")
    except OSError:
        return False
    return True


def writable(folder: Path) -> dict[str, str]:
    """Settings that move what cannot be written into `folder`; none on most machines."""
    moved = {}
    for name in unwritable():
        place = folder.resolve() / name.lower()
        with suppress(OSError):  # then the library says itself what it lacks
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            moved[name] = str(place)
    return moved
