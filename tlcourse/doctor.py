"""Whether this machine is fit for the course, and what to do if it is not.

Nothing that may be broken is imported by this module: a check that cannot even be made is a
finding like any other.
"""

import functools
import importlib.util
import json
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tlcourse.course import processes

_TIMEOUT = 120  # seconds for Keras or a kernel to start, on a busy machine
_INSTALL = "run `make venv`, or install tlcourse again as the README says"


@dataclass(frozen=True)
class Finding:
    """What one check found; `fix` is what to do where it is not `ok`."""

    subject: str
    ok: bool
    message: str
    fix: str = ""


def examine() -> Iterator[Finding]:
    """Make every check, side by side, and yield what they find in order."""
    with ThreadPoolExecutor(len(_CHECKS)) as pool:
        for findings in pool.map(_make, _CHECKS.items()):
            yield from findings


def _make(check: tuple[str, Callable[[str], list[Finding]]]) -> list[Finding]:
    from tlcourse.files import CourseError

    subject, function = check
    try:
        return function(subject)
    except CourseError as error:
        sentence, _, fix = str(error).rpartition(": ")
        return [Finding(subject, False, sentence, fix.rstrip("."))]
    except Exception as error:  # of any kind: this is where broken installations come to light
        why = f"this check failed itself ({type(error).__name__}: {error})"
        return [Finding(subject, False, why, _INSTALL)]


# --- the installation ------------------------------------------------------------------------


def _python(subject: str) -> list[Finding]:
    from packaging.specifiers import SpecifierSet

    found, wanted = platform.python_version(), metadata.metadata("tlcourse")["Requires-Python"]
    ok = SpecifierSet(wanted).contains(found, prereleases=True)
    fix = f"install a Python that is {wanted}, and {_INSTALL}"
    return [Finding(subject, ok, found if ok else f"the course does not run on {found}", fix)]


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
    message = "; ".join(wrong) or f"all {len(needed)} are here"
    fix = f"run `make venv`, or {sys.executable} -m pip install {' '.join(wanted)}"
    return [Finding(subject, not wrong, message, fix)]


def _hiding_files(subject: str) -> list[Finding]:
    """Files and folders that Python would take for a module of its own or of a library."""
    from tlcourse.course import workspace

    copy = workspace.find_copy()
    named = [Path(entry) for entry in _entries("PYTHONPATH")]
    places = [Path.cwd(), copy / "notebooks", *(copy / "exercises").glob("*"), *named]
    installed = {Path(path).resolve() for path in sysconfig.get_paths().values()}
    places = {path.resolve() for path in places if path.is_dir()} - installed
    names, found = _module_names(), []
    for path in sorted(path for place in places for path in place.iterdir()):
        ours = path == Path(__file__).resolve().parent
        if path.name.partition(".")[0] in names and _is_module(path) and not ours:
            found.append(path)
    if not found:
        return [Finding(subject, True, "there are none")]
    shown = ", ".join(map(str, found[:5])) + (f" and {len(found) - 5} more" if found[5:] else "")
    fix = "rename them, or run Python in another folder"
    if any(path.parent in [place.resolve() for place in named] for path in found):
        fix = "unset PYTHONPATH, which names their folder, or rename them"
    message = f"Python would import {shown} in place of the modules of these names"
    return [Finding(subject, False, message, fix)]


def _module_names() -> set[str]:
    """What Python and the installed packages import by name."""
    packaged = {name for name in metadata.packages_distributions() if name.isidentifier()}
    folders = {"test", "tests", "docs", "doc", "examples", "tools", "benchmarks", "site", "build"}
    return (packaged | sys.stdlib_module_names) - folders


def _is_module(path: Path) -> bool:
    return path.suffix in (".py", ".pyc", ".so", ".pyd") or (path / "__init__.py").is_file()


# --- Keras and Jupyter, each in a process of its own, for either may hang or crash --------------

_ASK_KERAS = """
import json
from tlcourse import backend
keras = backend.keras
print(json.dumps([keras.__version__, keras.backend.backend(), backend.gpus()]))
"""

_ASK_KERNEL = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
try:
    client.execute_interactive("import sys; print(sys.prefix)", timeout=60)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""
_ASK_PYTORCH = """
import torch
import torch.optim
print(torch.__version__)
"""
_ASK_SPEC = """
from jupyter_client.kernelspec import KernelSpecManager
print(KernelSpecManager().get_kernel_spec("python3").resource_dir)
"""
_SETTINGS = (
    "CUDA", "DYLD_", "IPYTHON", "JAX_", "JUPYTER", "KERAS_", "LD_", "MKL_", "OMP_", "PYTHON", "TF_",
    "XDG_", "XLA_",
)  # fmt: skip


def _keras(subject: str) -> list[Finding]:
    answer, problem = processes.ask(_ASK_KERAS, _TIMEOUT)
    if problem.endswith(".") and "`tlcourse doctor`" not in problem:
        message, _, fix = problem.rpartition(": ")  # a sentence of ours
        return [Finding(subject, False, message, fix.rstrip("."))]
    if problem:
        reason = problem.removeprefix("Keras does not start (").partition("); `tlcourse")[0]
        fix = _find_setting(_ASK_KERAS) or _INSTALL
        return [Finding(subject, False, f"it does not start ({reason})", fix)]
    *sentences, last = answer.splitlines()
    keras, backend, gpus = json.loads(last)
    message = f"{backend} sees {gpus}" if gpus else "there is none, and the course needs none"
    if not gpus and shutil.which("nvidia-smi"):
        message = f"a driver is here, but {backend} sees no GPU: the README has the line to install"
    return [
        Finding(subject, True, ". ".join([f"{keras} on {backend}", *sentences]).rstrip(".")),
        Finding("GPU", True, message),
    ]


def _find_setting(code: str) -> str:
    """Which setting of the shell keeps `code` from working, as what to do; "" if none does."""
    env = processes.environment()
    ours = {"PYTHONSAFEPATH", "JUPYTER_PREFER_ENV_PATH"}
    suspects = [name for name in env if name.startswith(_SETTINGS) and name not in ours]

    @functools.cache
    def works_without(*names: str) -> bool:
        rest = {name: value for name, value in env.items() if name not in names}
        return not processes.ask(code, _TIMEOUT, rest)[1]

    if not suspects or not works_without(*suspects):
        return ""
    left = suspects  # halved with each try, for each takes as long as Keras takes to start
    while len(left) > 1:
        half = left[: len(left) // 2]
        left = half if works_without(*half) else left[len(half) :]
    return f"unset {' '.join(left if works_without(*left) else suspects)}"


def _kernel(subject: str) -> list[Finding]:
    prefix, problem = processes.ask(_ASK_KERNEL, _TIMEOUT)
    if problem:
        prefix, problem = processes.ask(_ASK_KERNEL, _TIMEOUT)  # a start goes wrong now and then
    elsewhere = not problem and not os.path.samefile(prefix, sys.prefix)
    if elsewhere:
        problem = f"it runs in another environment, {prefix}"
    if not problem:
        return [Finding(subject, True, "python3 starts")]
    fix = f"{sys.executable} -m ipykernel install --sys-prefix; if that does not help, {_INSTALL}"
    place, _ = processes.ask(_ASK_SPEC, _TIMEOUT)
    if place and not Path(place).resolve().is_relative_to(Path(sys.prefix).resolve()):
        fix = f"delete {place}, which stands before this environment's own kernel"
        if any(Path(place).is_relative_to(entry) for entry in _entries("JUPYTER_PATH")):
            fix += ", or unset JUPYTER_PATH"
    elif not elsewhere:
        fix = _find_setting(_ASK_KERNEL) or fix
    return [Finding(subject, False, f"python3 does not start as it should ({problem})", fix)]


def _entries(name: str) -> list[str]:
    """The folders that a setting of the shell lists."""
    return [entry for entry in os.environ.get(name, "").split(os.pathsep) if entry]


def _widgets(subject: str) -> list[Finding]:
    from jupyter_core.paths import jupyter_path

    folders = jupyter_path("labextensions", "@jupyter-widgets", "jupyterlab-manager")
    ok = any((Path(folder) / "package.json").is_file() for folder in folders)
    fix = f"{sys.executable} -m pip install --force-reinstall jupyterlab_widgets"
    message = "JupyterLab has them" if ok else "JupyterLab cannot show them"
    return [Finding(subject, ok, message, fix)]


def _weights(subject: str) -> list[Finding]:
    from tlcourse import weights
    from tlcourse.files import CourseError

    for file in (weights.FILE, weights.PHOTOS):
        try:
            weights.verify(file)
        except CourseError as error:
            return [Finding(subject, False, str(error).split(": ")[0], weights.advice(file))]
    return [Finding(subject, True, "they are whole")]


def _pytorch(subject: str) -> list[Finding]:
    if importlib.util.find_spec("torch") is None:
        return [Finding(subject, True, "it is not here; `make torch` adds it")]
    version, problem = processes.ask(_ASK_PYTORCH, _TIMEOUT)
    if problem:
        message = f"it does not start ({problem}); `make torch` installs it again"
        return [Finding(subject, True, message)]
    return [Finding(subject, True, f"{version} is here")]


# --- disk and data -----------------------------------------------------------------------------


def _disk(subject: str) -> list[Finding]:
    from tlcourse.data import download

    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:  # every place was tried
        message = "there is no folder for temporary files with room in it"
        return [Finding(subject, False, message, "make room, or let TMPDIR name such a folder")]
    spare = {}
    for place, needed in ((Path.cwd(), 1e9), (download.own_cache(), 1e9), (temporary, 1e8)):
        place = next(p for p in (place, *place.parents) if p.is_dir())
        spare[place] = shutil.disk_usage(place).free - needed
    place = min(spare, key=spare.get)
    message = f"{shutil.disk_usage(place).free / 1e9:,.1f} GB are free in {place}"
    fix = "make room until 1 GB is free; `tlcourse fetch --remove --all` deletes what was fetched"
    if place == temporary:
        fix = "make room there, or let TMPDIR name a folder with 0.1 GB"
    return [Finding(subject, spare[place] >= 0, message, fix)]


def _folders(subject: str) -> list[Finding]:
    lacking = processes.unwritable()
    if not lacking:
        return [Finding(subject, True, "you can write to them")]
    first, *others = lacking.values()
    named = f"{first} and {len(others)} others" if others else first
    message = f"you cannot write to {named}, so `tlcourse lab` and `tlcourse run` write elsewhere"
    return [Finding(subject, True, message)]


def _port(subject: str) -> list[Finding]:
    from tlcourse.course.lab import free_port

    free = free_port(8888)
    if free == 8888:
        return [Finding(subject, True, "8888 is free")]
    return [Finding(subject, True, f"8888 is taken, so `tlcourse lab` uses {free}")]


def _cache(subject: str) -> list[Finding]:
    from tlcourse.data import download

    own, home = download.own_cache(), download.home()
    if not own.is_absolute():
        fix = "set HOME to a folder that you may write to"
        return [Finding(subject, False, "this machine does not say where your home is", fix)]
    try:
        own.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=own).close()
    except OSError as error:
        message = f"you cannot write to {own}, your own ({error.strerror})"
        fix = "make it a folder that you may write to, or let XDG_CACHE_HOME name one"
        return [Finding(subject, False, message, fix)]
    if home == own:
        return [Finding(subject, True, f"it is {own}, your own")]
    message, ok = f"it is {home} (TLCOURSE_HOME)", True
    try:
        os.listdir(home)
        if not os.access(home, os.W_OK):
            message += f", which is read-only; what is yours goes to {own}"
    except OSError as error:
        ok, message = False, f"{message}, which nobody can read ({error.strerror})"
    return [
        Finding(subject, ok, message, "let TLCOURSE_HOME name a folder that is there, or unset it")
    ]


def _offline(subject: str) -> list[Finding]:
    from tlcourse.data import download

    here, damaged, absent = [], [], []
    for name in download.SOURCES:
        whole = download.is_here(name)
        (here if whole else damaged if download.locate(name)[1] else absent).append(name)
    parts = {"fetched": here, "damaged": damaged, "not fetched": absent}
    message = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
    fix = f"run `tlcourse fetch {' '.join(damaged)}` where the internet can be reached"
    return [Finding(subject, not damaged, message, fix)]


def _sandbox(subject: str) -> list[Finding]:
    from tlcourse.grading.sandbox import NoSandbox, Sandbox

    try:
        with Sandbox(["numpy"], (), 2**30) as box:
            box.session().close()
            many = box.serves_many
    except NoSandbox as error:
        return [Finding(subject, True, f"there is none. {error}")]
    if not many:
        message = (
            "it starts, but the kernel or its AppArmor profile for bubblewrap lets no sandbox keep "
            "submissions apart, so each gets a sandbox of its own, which is slow"
        )
        return [Finding(subject, True, message)]
    return [Finding(subject, True, "it starts")]


_CHECKS = {
    "Python": _python,
    "packages": _packages,
    "files that hide a module": _hiding_files,
    "Keras": _keras,
    "kernel": _kernel,
    "widgets": _widgets,
    "the course's weights": _weights,
    "PyTorch, which only chapter 10 needs": _pytorch,
    "disk": _disk,
    "folders of Jupyter, IPython, Matplotlib and Keras": _folders,
    "port": _port,
    "cache": _cache,
    "public data, which no chapter needs": _offline,
    "sandbox, which only marking needs": _sandbox,
}
