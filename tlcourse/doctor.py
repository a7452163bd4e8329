"""Whether this machine is fit for the course, and what to do if it is not.

Nothing that may be broken is imported by this module: a check that cannot even be made is a
finding like any other.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_SPACE = 1e9  # bytes that should be free
_PATIENCE = 60  # seconds for Keras or a kernel to start
_INSTALL = "run `make venv`, or install tlcourse again as the README says"


@dataclass(frozen=True)
class Finding:
    """What one check found; `cure` is what to do where it is not `ok`."""

    subject: str
    ok: bool
    told: str
    cure: str = ""


def examine() -> Iterator[Finding]:
    """Make every check, side by side, and yield what they find in order."""
    with ThreadPoolExecutor(len(_CHECKS)) as pool:
        for findings in pool.map(_make, _CHECKS.items()):
            yield from findings


def _make(check: tuple[str, Callable[[str], list[Finding]]]) -> list[Finding]:
    subject, function = check
    try:
        return function(subject)
    except Exception as error:  # of any kind: this is where broken installations come to light
        why = f"could not be checked ({type(error).__name__}: {error})"
        return [Finding(subject, False, why, _INSTALL)]


# --- the installation ------------------------------------------------------------------------


def _python(subject: str) -> list[Finding]:
    from packaging.specifiers import SpecifierSet

    found, wanted = platform.python_version(), metadata.metadata("tlcourse")["Requires-Python"]
    ok = SpecifierSet(wanted).contains(found, prereleases=True)
    cure = f"install a Python that is {wanted}, and {_INSTALL}"
    return [Finding(subject, ok, found if ok else f"{found} does not suit", cure)]


def _packages(subject: str) -> list[Finding]:
    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in metadata.requires("tlcourse") or []]
    needed = [r for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    wrong, wanted = [], []
    for requirement in needed:
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
        else:
            if requirement.specifier.contains(found, prereleases=True):
                continue
            wrong.append(f"{requirement.name} {found} is not {requirement.specifier}")
        wanted.append(f"'{requirement.name}{requirement.specifier}'")
    told = "; ".join(wrong) or f"all {len(needed)} are here"
    cure = f"run `make venv`, or {sys.executable} -m pip install {' '.join(wanted)}"
    return [Finding(subject, not wrong, told, cure)]


# --- Keras and Jupyter, each in a process of its own, for either may hang or crash --------------

_ASK_KERAS = """
from tlcourse import backend
import keras
gpus = sum(not d.startswith("cpu") for d in keras.distribution.list_devices())
print(keras.__version__, keras.backend.backend(), gpus)
"""

_ASK_KERNEL = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3", startup_timeout=20)
try:
    client.execute_interactive("import sys; print(sys.prefix)", timeout=20)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


def _ask(code: str) -> tuple[str, str]:
    """What Python code prints, or else what is wrong with it."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_PATIENCE} seconds"
    if done.returncode == 0:
        return done.stdout.strip(), ""
    last_line = (done.stderr.strip().splitlines() or [""])[-1]
    return "", last_line or f"it ended with code {done.returncode}"


def _keras(subject: str) -> list[Finding]:
    answer, problem = _ask(_ASK_KERAS)
    if problem:
        named = os.environ.get("KERAS_BACKEND")
        settings = f"KERAS_BACKEND (now {named!r})" if named else "the backend in keras.json"
        cure = f"set {settings} to tensorflow, jax or torch, whichever is installed, or {_INSTALL}"
        return [Finding(subject, False, f"does not start ({problem})", cure)]
    keras, backend, gpus = answer.split()[-3:]
    told = f"{gpus}, seen by {backend}" if int(gpus) else "none, and the course needs none"
    if not int(gpus) and shutil.which("nvidia-smi"):
        told = f"a driver is here, but {backend} sees no GPU: the README has the line to install"
    return [
        Finding(subject, True, f"{keras} on {backend}"),
        Finding("GPU", True, told),
    ]


def _kernel(subject: str) -> list[Finding]:
    prefix, problem = _ask(_ASK_KERNEL)
    if problem:
        prefix, problem = _ask(_ASK_KERNEL)  # a start goes wrong now and then
    if not problem and not os.path.samefile(prefix, sys.prefix):
        problem = f"it runs in another environment, {prefix}"
    cure = f"{sys.executable} -m ipykernel install --sys-prefix; if that does not help, {_INSTALL}"
    told = f"python3 does not start as it should ({problem})" if problem else "python3 starts"
    return [Finding(subject, not problem, told, cure)]


def _widgets(subject: str) -> list[Finding]:
    from jupyter_core.paths import jupyter_path

    folders = jupyter_path("labextensions", "@jupyter-widgets", "jupyterlab-manager")
    ok = any((Path(folder) / "package.json").is_file() for folder in folders)
    cure = f"{sys.executable} -m pip install --force-reinstall jupyterlab_widgets"
    told = "JupyterLab has them" if ok else "JupyterLab cannot show them"
    return [Finding(subject, ok, told, cure)]


def _weights(subject: str) -> list[Finding]:
    from tlcourse import weights
    from tlcourse.files import CourseError

    try:
        weights.verify(weights.FILE)
    except CourseError as error:
        return [Finding(subject, False, str(error).split(": ")[0], weights.ADVICE)]
    return [Finding(subject, True, "whole")]


# --- disk and data -----------------------------------------------------------------------------


def _disk(subject: str) -> list[Finding]:
    from tlcourse.data import public

    free = {}
    for place in (Path.cwd(), public.own_cache()):
        place = next(p for p in (place, *place.parents) if p.is_dir())
        free[place] = shutil.disk_usage(place).free
    place = min(free, key=free.get)
    cure = f"make room, by `tlcourse fetch --remove --all` for example: {_SPACE / 1e9:.0f} GB do"
    told = f"{free[place] / 1e9:,.1f} GB free in {place}"
    return [Finding(subject, free[place] >= _SPACE, told, cure)]


def _cache(subject: str) -> list[Finding]:
    from tlcourse.data import public

    own, home = public.own_cache(), public.home()
    try:
        own.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=own).close()
    except OSError as error:
        told = f"{own}, your own, cannot be written ({error.strerror})"
        return [Finding(subject, False, told, "make it a folder that you may write to")]
    if home == own:
        return [Finding(subject, True, f"{own}, your own")]
    told, ok = f"{home} (TLCOURSE_HOME)", True
    try:
        os.listdir(home)
        if not os.access(home, os.W_OK):
            told += f", read-only; what is yours goes to {own}"
    except OSError as error:
        ok, told = False, f"{told} cannot be read ({error.strerror})"
    return [
        Finding(subject, ok, told, "let TLCOURSE_HOME name a folder that is there, or unset it")
    ]


def _offline(subject: str) -> list[Finding]:
    from tlcourse.data import public

    here, damaged, absent = [], [], []
    for name in public.SOURCES:
        whole = public.is_here(name)
        (here if whole else damaged if public.locate(name)[1] else absent).append(name)
    parts = {"fetched": here, "damaged": damaged, "not fetched": absent}
    told = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
    cure = f"`tlcourse fetch {' '.join(damaged)}`, with a network"
    return [Finding(subject, not damaged, told, cure)]


def _sandbox(subject: str) -> list[Finding]:
    from tlcourse.grading.sandbox import NoSandbox, Sandbox

    try:
        with Sandbox(["numpy"], (), 2**30) as box:
            box.session().close()
    except NoSandbox as error:
        return [Finding(subject, True, f"not here. {error}")]
    return [Finding(subject, True, "it starts")]


_CHECKS = {
    "Python": _python,
    "packages": _packages,
    "Keras": _keras,
    "kernel": _kernel,
    "widgets": _widgets,
    "the course's weights": _weights,
    "disk": _disk,
    "cache": _cache,
    "public data, which no chapter needs": _offline,
    "sandbox, which only marking needs": _sandbox,
}
