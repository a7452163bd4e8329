"""A sandbox of bubblewrap in which learners' code runs, and sessions with it.

The sandbox has no network, no files of the host but the system and the Python environment
(read-only), no checks, no solutions, none of the functions that a set asks for, and no way to more
rights. `server.py` is what runs in it.
"""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import tlcourse
from tlcourse.checks.asking import time_up
from tlcourse.files import CourseError
from tlcourse.grading import protocol

PACKAGE = Path(tlcourse.__file__).parent
UID = 65534  # nobody: for a marker that runs as root
TMP, SHM = 64 * 2**20, 16 * 2**20  # bytes that may be written
LIMITS = {
    "RLIMIT_NPROC": 64 + 4 * (os.cpu_count() or 1),  # threads count, and a back-end starts many
    "RLIMIT_NOFILE": 128,
    "RLIMIT_FSIZE": 32 * 2**20,
    "RLIMIT_CORE": 1,  # with 0 a system that pipes core dumps to a program would still do so
    "RLIMIT_MSGQUEUE": 0,
}
_OWN = ("/tmp", "/dev", "/proc", "/sandbox", "/environment")  # mounts of the sandbox itself
STAGED = {  # all that the sandbox has of these rooms
    "checks": ("asking.py", "forbidden.py", "properties.py"),
    "grading": ("__init__.py", "syscalls.py", "protocol.py"),
}
_GRACE = 5.0  # seconds in which the server ends a submission, before the sandbox is thrown away
_START = 120.0  # seconds that it may take to start
_FORK = 15.0  # seconds that a fork may take to answer


class NoSandbox(CourseError):
    """There is no working sandbox; the message tells the cause and the way out."""


class Ended(Exception):
    """A submission's process has ended, or was ended; the message is for the learner."""


# --- what the sandbox can see ------------------------------------------------------------------


def stage(folder: Path, forbidden: Iterable[str]) -> None:
    """Write the package as learners' code may see it.

    Parameters
    ----------
    folder : Path
        Where to; made readable for everyone.
    forbidden : iterable of str
        Dotted names; those of this package, "tlcourse.losses.cross_entropy", get no body.
    """
    to = folder / "tlcourse"
    skip = shutil.ignore_patterns("__pycache__", "_content", "*.npz", "checks", "grading")
    shutil.copytree(PACKAGE, to, ignore=skip)
    for room, names in STAGED.items():
        (to / room).mkdir()
        for name in names:
            shutil.copy(PACKAGE / room / name, to / room / name)
    shutil.copy(PACKAGE / "grading" / "server.py", folder / "server.py")
    shutil.copy(PACKAGE / "grading" / "checks_in_sandbox.py", to / "checks" / "__init__.py")
    for name in forbidden:
        package, _, rest = name.partition(".")
        module, _, function = rest.rpartition(".")
        if package == "tlcourse":
            _empty(to / f"{module.replace('.', '/')}.py", function, name)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _empty(path: Path, function: str, name: str) -> None:
    """Replace a function's body."""
    source = path.read_text("utf-8")
    (node,) = (n for n in ast.parse(source).body if getattr(n, "name", None) == function)
    lines = source.splitlines(keepends=True)
    message = f"this task is to be solved without {name}"
    lines[node.body[0].lineno - 1 : node.end_lineno] = [f"    raise RuntimeError({message!r})\n"]
    path.write_text("".join(lines), "utf-8")


def _places() -> list[tuple[str, str]]:
    """What Python needs, as pairs: where it lies on the host, and where the sandbox shows it."""
    # Of each place only its parts: beside it there may be a class's submissions.
    parts = ("bin", "lib", "lib64", "pyvenv.cfg", "share")
    shown = {place: place for place in ("/usr", "/usr/local")}
    for name, place in (("prefix", sys.prefix), ("base", sys.base_prefix)):
        shown.setdefault(place, f"/environment/{name}" if _is_hidden(place) else place)
    pairs = ((f"{at}/{part}", f"{to}/{part}") for at, to in sorted(shown.items()) for part in parts)
    return [(at, to) for at, to in pairs if os.path.exists(at)]


def _is_hidden(place: str) -> bool:
    """Whether the sandbox has something of its own there."""
    return any(Path(place).is_relative_to(own) for own in _OWN)


def _shown(path: os.PathLike | str, places: list[tuple[str, str]]) -> list[str]:
    """The paths at which the sandbox shows a file or folder of the host, whatever links lead to it.

    A virtual environment's `lib64` is a link to its `lib`, so there can be more than one.
    """
    real, pairs = Path(path).resolve(), [(Path(at).resolve(), to) for at, to in places]
    return [str(to / real.relative_to(at)) for at, to in pairs if real.is_relative_to(at)]


def _interpreter(folder: Path, places: list[tuple[str, str]]) -> str:
    """The path of Python in the sandbox.

    Where the environment cannot be shown at its own path, because it lies below /tmp for example,
    `folder` becomes a small virtual environment whose parts are links to where it is shown.
    """
    if not (_is_hidden(sys.prefix) or _is_hidden(sys.base_prefix)):
        return sys.executable
    links = {
        "bin/python": sys.executable,
        "lib": f"{sys.prefix}/lib",
        "lib64": f"{sys.prefix}/lib64",
    }
    (folder / "bin").mkdir(exist_ok=True)
    for name, path in links.items():
        (folder / name).unlink(missing_ok=True)
        for shown in _shown(path, places)[:1]:
            (folder / name).symlink_to(shown)
    home = ":".join(_shown(f"{sys.base_prefix}/bin", places)[:1])
    original = Path(sys.prefix, "pyvenv.cfg")
    lines = original.read_text("utf-8").splitlines() if original.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() != "home"]
    (folder / "pyvenv.cfg").write_text("\n".join([f"home = {home}", *kept, ""]), "utf-8")
    (folder / "pyvenv.cfg").chmod(0o644)  # for nobody, whatever the umask
    (folder / "bin").chmod(0o755)
    return "/sandbox/bin/python"


def _command(folder: Path, settings: dict) -> list[str]:
    """The command that runs `folder`/server.py in a sandbox."""
    places = _places()
    python, covered = _interpreter(folder, places), _shown(PACKAGE, places)  # the checks lie there
    binds = [*places, (str(folder), "/sandbox")]
    outer: list[str] = []
    if os.geteuid() == 0:
        # Nobody may not read below root's home, so root binds what is needed to another place.
        outer = ["bwrap", "--dev-bind", "/", "/", "--cap-add", "ALL", "--die-with-parent"]
        outer += ["--tmpfs", "/mnt"]
        for i, (source, _) in enumerate(binds):
            outer += ["--ro-bind", source, f"/mnt/{i}"]
        binds = [(f"/mnt/{i}", to) for i, (_, to) in enumerate(binds)]
        outer += ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
        outer += ["--no-new-privs"]
    inner = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns"]
    inner += ["--assert-userns-disabled", "--die-with-parent", "--new-session", "--as-pid-1"]
    inner += ["--cap-drop", "ALL", "--hostname", "sandbox", "--clearenv"]
    for name, value in _environment().items():
        inner += ["--setenv", name, value]
    inner += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for name in ("lib", "lib64", "bin"):
        link = Path("/", name)
        if link.is_symlink():
            inner += ["--symlink", f"usr/{name}", f"/{name}"]
        elif link.exists():
            inner += ["--ro-bind", f"/{name}", f"/{name}"]
    for source, to in binds:
        inner += ["--ro-bind", source, to]
    for to in covered:
        inner += ["--tmpfs", to, "--remount-ro", to]
    inner += ["--proc", "/proc", "--dev", "/dev", "--size", str(SHM), "--tmpfs", "/dev/shm"]
    inner += ["--remount-ro", "/dev", "--size", str(TMP), "--tmpfs", "/tmp", "--chdir", "/tmp"]
    inner += ["--remount-ro", "/"]
    return [*outer, *inner, python, "-I", "/sandbox/server.py", json.dumps(settings)]


def _environment() -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTEROP_THREADS": "2",
        "TF_NUM_INTRAOP_THREADS": "2",
        "CUDA_VISIBLE_DEVICES": "",
        **dict.fromkeys(threads, "1"),
        **_libraries(),
    }


def _libraries() -> dict[str, str]:
    """Where libpython is, if Python itself is not where it was built to be."""
    if not _is_hidden(sys.base_prefix):
        return {}
    return {"LD_LIBRARY_PATH": ":".join(_shown(f"{sys.base_prefix}/lib", _places())[:1])}


# --- the sandbox -------------------------------------------------------------------------------


class Sandbox:
    """A running sandbox for one exercise set. It is started when first needed, and again if lost.

    Parameters
    ----------
    modules : iterable of str
        What to import beforehand.
    forbidden : iterable of str
        As in `stage`.
    memory : int
        Bytes that a submission's processes may hold together.
    """

    def __init__(self, modules: Iterable[str], forbidden: Iterable[str], memory: int) -> None:
        # A network in Keras maps far more addresses than it uses memory.
        self.memory, self._folder = memory, tempfile.TemporaryDirectory(prefix="tlcourse-grade-")
        limits = LIMITS | {"RLIMIT_AS": max(4 * memory, 16 * 2**30)}
        stage(Path(self._folder.name), forbidden)
        self._settings = {
            "path": "/sandbox",
            "modules": list(modules),
            "memory": memory,
            "limits": limits,
        }
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and delete what was staged."""
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the server.

        Raises
        ------
        NoSandbox
        """
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as errors:
            command = _command(Path(self._folder.name), self._settings)
            try:
                self._process = subprocess.Popen(
                    command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=errors
                )
            except FileNotFoundError:
                ours.close()
                raise NoSandbox(_explain(f"{command[0]} is not installed")) from None
            self._control = ours
            ours.settimeout(_START)
            theirs.close()
            try:
                ready = ours.recv(1)
            except (TimeoutError, ConnectionError):
                ready = b""
            if ready != b"R":
                self.stop()
                errors.seek(0)
                lines = errors.read(10_000).decode(errors="replace").strip().splitlines()
                raise NoSandbox(_explain(lines[-1] if lines else "it ended without a word"))

    def stop(self) -> None:
        """End the server and all that runs in the sandbox."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(1)  # the server leaves when its socket closes
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None

    def session(self) -> "Session":
        """A fresh process for a submission.

        Raises
        ------
        NoSandbox
        """
        for _ in range(3):
            if self._process is None:
                self.start()
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    socket.send_fds(self._control, [b"F"], [theirs.fileno()])
                session = Session(self, ours)
                session.ask(_FORK, op="hello")
                return session
            except (OSError, Ended):  # the sandbox has died, or a fork of the back-end hangs
                ours.close()
                self.stop()
        raise NoSandbox(_explain("it ends as soon as it has started"))

    def _end_session(self, word: bytes) -> dict:
        """End the submission's processes; the server's report. The word is K, or E if it ended."""
        report = {"why": "lost", "clean": False, "cpu": 0.0}
        end = monotonic() + _GRACE
        with suppress(OSError, EOFError, ValueError):
            self._control.settimeout(_GRACE)
            self._control.send(word)
            size = int.from_bytes(protocol.read_exactly(self._control, 4, end), "big")
            report = json.loads(protocol.read_exactly(self._control, size, end))
        if not report["clean"]:
            self.stop()
        return report


class Session:
    """A submission's process in the sandbox."""

    def __init__(self, sandbox: Sandbox, sock: socket.socket) -> None:
        self._sandbox, self._sock, self.cpu = sandbox, sock, 0.0

    def ask(self, seconds: float, **request):
        """Send a request to `server.py` and return the answer.

        Raises
        ------
        Ended
            If none comes within `seconds`, or none that can be read. The session is over then.
        """
        if self._sock is None:
            raise Ended("the process has ended")
        end = monotonic() + seconds
        try:
            protocol.send(self._sock, request, seconds)
            answer = protocol.receive(self._sock, end - monotonic())
            if type(answer) is not dict:
                raise protocol.Malformed("no dict")
            return answer
        except TimeoutError:
            self.close()
            raise Ended(time_up(seconds)) from None
        except protocol.Malformed as error:
            self.close()
            raise Ended(f"what is returned cannot be read: {error}") from None
        except (EOFError, OSError):
            why = self.close(b"E")["why"]
            raise Ended(self._reason(why)) from None

    def _reason(self, why: str) -> str:
        if why == "files":
            return "too many files are written"
        if why == "memory":
            return f"more than {self._sandbox.memory / 2**30:.2g} GB of memory are used"
        return f"the whole process ends ({why})"

    def close(self, word: bytes = b"K") -> dict:
        """End it; the server's report: "why", "clean", and "cpu" seconds."""
        if self._sock is None:
            return {"why": "exit 0", "clean": True, "cpu": 0.0}
        self._sock.close()
        self._sock = None
        report = self._sandbox._end_session(word)
        self.cpu = report["cpu"]
        return report


def _explain(cause: str) -> str:
    """Why there is no sandbox, and what to do."""
    return (
        f"No marks are issued without a working sandbox, and here it does not start: {cause}. "
        "Marking needs Linux with bubblewrap 0.8 or newer and user namespaces (on Debian and "
        "Ubuntu: apt install bubblewrap); docs/grading.md tells how to use a virtual machine."
    )
