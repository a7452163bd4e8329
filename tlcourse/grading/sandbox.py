"""A sandbox of bubblewrap in which learners' code runs, and sessions with it.

The sandbox reaches no other machine, and has no files of the host but the system and the Python
environment (read-only), no checks, no solutions, none of the functions that a set asks for, and no
way to more rights. `server.py` is what runs in it, and gives each submission a world of its own.
Where a kernel does not let it do so, each submission gets a sandbox of its own, which takes longer.
"""

import ast
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from time import monotonic

import tlcourse
from tlcourse.checks.asking import time_up
from tlcourse.course.walk import Ended
from tlcourse.files import CourseError
from tlcourse.grading import protocol

PACKAGE = Path(tlcourse.__file__).parent
UID = 65534  # nobody: for a marker that runs as root
TMP, SHM = 64 * 2**20, 16 * 2**20  # bytes that may be written
FILES = 20_000  # that may be written; empty ones fill no disk, but the kernel's memory
PATIENCE = 10  # times its processor seconds, a submission may take on the clock
IMPORTS = 60.0  # processor seconds of imports that are not counted
LIMITS = {
    "RLIMIT_NPROC": 64 + 4 * (os.cpu_count() or 1),  # threads count, and a back-end starts many
    "RLIMIT_NOFILE": 128,
    "RLIMIT_FSIZE": 32 * 2**20,
    "RLIMIT_CORE": 1,  # with 0 a system that pipes core dumps to a program would still do so
    "RLIMIT_MSGQUEUE": 0,
}
_OWN = ("/tmp", "/dev", "/proc", "/sandbox", "/environment")  # mounts of the sandbox itself
STAGED = {  # all that the sandbox has of these rooms
    "checks": ("asking.py", "forbidden.py", "reached.py", "properties.py"),
    "grading": ("__init__.py", "syscalls.py", "world.py", "protocol.py"),
}
_HIDDEN = ("__pycache__", "_content", "checks", "grading")  # folders of the package
# What the server needs to give each submission a world of its own, and gives up for good there.
_RIGHTS = ("CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_NET_ADMIN")
_GRACE = 30.0  # seconds in which the server answers, before the sandbox is thrown away
_START = 120.0  # seconds that it may take to start
_LEAVE = 5.0  # and to end
_FORK = 5.0  # seconds that a fork may take to answer
_STOPS = 1.0  # processor seconds in which a cell that is interrupted must end
_LOOK = 0.2  # seconds after which a request is long, and its processor time is asked for
_WAITS = 5, 0.1  # so many looks in a row that find it waiting, so many seconds apart, end it


class NoSandbox(CourseError):
    """There is no working sandbox; the message tells the cause and the way out."""


# --- what the sandbox can see ------------------------------------------------------------------


def stage(forbidden: Iterable[str]) -> dict[str, bytes]:
    """The package as learners' code may see it, and the server: files by their path in /sandbox.

    Parameters
    ----------
    forbidden : iterable of str
        Dotted names; those of this package, "tlcourse.losses.cross_entropy", get no body.
    """
    files = {
        f"tlcourse/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file()
        and path.suffix != ".npz"
        and not {*path.relative_to(PACKAGE).parts}.intersection(_HIDDEN)
    }
    for room, names in STAGED.items():
        for name in names:
            files[f"tlcourse/{room}/{name}"] = (PACKAGE / room / name).read_bytes()
    inside = (PACKAGE / "grading" / "checks_in_sandbox.py").read_bytes()
    files["tlcourse/checks/__init__.py"] = inside
    files["server.py"] = (PACKAGE / "grading" / "server.py").read_bytes()
    for name in forbidden:
        package, _, rest = name.partition(".")
        module, _, function = rest.rpartition(".")
        if package == "tlcourse":
            path = f"tlcourse/{module.replace('.', '/')}.py"
            files[path] = _emptied(files[path], function, name)
    return files | _interpreter(_places())[2]


def _emptied(source: bytes, function: str, name: str) -> bytes:
    """A module with a function's body replaced."""
    text = source.decode("utf-8")
    (node,) = (n for n in ast.parse(text).body if getattr(n, "name", None) == function)
    lines = text.splitlines(keepends=True)
    message = f"solve this task without {name}"
    lines[node.body[0].lineno - 1 : node.end_lineno] = [f"    raise RuntimeError({message!r})\n"]
    return "".join(lines).encode()


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


def _interpreter(places: list[tuple[str, str]]) -> tuple[str, dict[str, str], dict[str, bytes]]:
    """The path of Python in the sandbox, and what /sandbox must have for it: links and files.

    Where the environment cannot be shown at its own path, because it lies below /tmp for example,
    /sandbox becomes a small virtual environment whose parts are links to where it is shown.
    """
    if not (_is_hidden(sys.prefix) or _is_hidden(sys.base_prefix)):
        return sys.executable, {}, {}
    parts = {
        "bin/python": sys.executable,
        "lib": f"{sys.prefix}/lib",
        "lib64": f"{sys.prefix}/lib64",
    }
    links = {n: shown for n, path in parts.items() for shown in _shown(path, places)[:1]}
    home = ":".join(_shown(f"{sys.base_prefix}/bin", places)[:1])
    original = Path(sys.prefix, "pyvenv.cfg")
    lines = original.read_text("utf-8").splitlines() if original.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() != "home"]
    text = "\n".join([f"home = {home}", *kept, ""])
    return "/sandbox/bin/python", links, {"pyvenv.cfg": text.encode()}


def _command(files: dict[str, int], settings: dict, *, rights: bool = True) -> list[str]:
    """The command that runs server.py in a sandbox.

    Parameters
    ----------
    files : dict of str to int
        The descriptors of the files of /sandbox, by their paths.
    settings : dict
        For the server.
    rights : bool
        Whether it may give each submission a world of its own.
    """
    places = _places()
    python, links, _ = _interpreter(places)
    covered = _shown(PACKAGE, places)  # the checks lie there
    binds, outer = places, []
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
    for name in _RIGHTS if rights else ():
        inner += ["--cap-add", name]
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
    folders = {str(f) for path in [*files, *links] for f in PurePosixPath("/sandbox", path).parents}
    for folder in sorted(folders - {"/"}):
        inner += ["--perms", "0755", "--dir", folder]
    for path, number in files.items():
        inner += ["--perms", "0644", "--file", str(number), f"/sandbox/{path}"]
    for path, to in links.items():
        inner += ["--symlink", to, f"/sandbox/{path}"]
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
        "TF_ENABLE_ONEDNN_OPTS": "0",  # it rewrites each network, longer than a small one runs
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
        self.memory, self.serves_many = memory, True
        limits = LIMITS | {"RLIMIT_AS": max(4 * memory, 16 * 2**30)}
        self._files = stage(forbidden)
        self._settings = {
            "path": "/sandbox",
            "modules": list(modules),
            "memory": memory,
            "folders": {"/tmp": TMP, "/dev/shm": SHM},
            "files": FILES,
            "limits": limits,
        }
        self._rights = True
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server. Nothing is written to a disk, so that nothing can stay there.

        Raises
        ------
        NoSandbox
        """
        try:
            self._start(self._rights)
        except NoSandbox:
            if not self._rights:
                raise
            self._start(rights=False)  # a bubblewrap with its own rights adds none to others
            self._rights = False

    def _start(self, rights: bool) -> None:
        if sys.platform != "linux":
            raise NoSandbox(_explain("this is not Linux"))
        with ExitStack() as stack:
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs)
            errors = stack.enter_context(tempfile.TemporaryFile())
            numbers = {}
            for path, data in self._files.items():
                file = stack.enter_context(open(os.memfd_create("staged"), "w+b"))
                file.write(data)
                file.seek(0)
                numbers[path] = file.fileno()
            command = _command(numbers, self._settings, rights=rights)
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=list(numbers.values()),
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
            self.serves_many = ready == b"R"
            if ready not in (b"R", b"1"):
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
                self._process.wait(_LEAVE)  # the server leaves when its socket closes
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None

    def session(self, imports: float = IMPORTS) -> "Session":
        """A fresh process for a submission, which may import for so many seconds for nothing.

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
                session = Session(self, ours, imports)
                session.ask(_FORK, op="hello")
                return session
            except (OSError, Ended):  # the sandbox has died, or a fork of the back-end hangs
                ours.close()
                self.stop()
        raise NoSandbox(_explain("it ends as soon as it has started"))

    def _report(self, word: bytes) -> dict:
        """The server's report. The word is C, K to end the submission, or E if it has ended."""
        if self._control is None:
            raise EOFError
        self._control.settimeout(_GRACE)
        self._control.send(word)
        left = protocol.countdown(_GRACE)
        try:
            while True:
                size = int.from_bytes(protocol.read_exactly(self._control, 4, left), "big")
                report = json.loads(protocol.read_exactly(self._control, size, left))
                if word == b"C" or "why" in report:
                    return report
        except TimeoutError:
            raise EOFError from None

    def _end_session(self, word: bytes) -> dict:
        """End the submission's processes; the server's report."""
        with suppress(OSError, EOFError):
            return self._report(word)
        return {"why": "lost", "clean": False, "cpu": 0.0, "imports": 0.0}


class Session:
    """A submission's process in the sandbox; `cpu` is what a closed one has taken."""

    def __init__(self, sandbox: Sandbox, sock: socket.socket, imports: float) -> None:
        self._sandbox, self._sock, self.cpu = sandbox, sock, 0.0
        self._imports = imports
        self._end: dict | None = None  # the server's last report, if the process has ended
        self.imported = 0.0  # seconds of imports that are not counted

    def ask(self, seconds: float, **request):
        """Send a request to `server.py` and return the answer.

        Parameters
        ----------
        seconds : float
            Of processor time that it may take; on the clock it may take `PATIENCE` times as many,
            while it works. So a busy machine costs nobody a mark.

        Raises
        ------
        Ended
            If no answer comes in this time, or none that can be read. The session is over then.
        """
        if self._sock is None:
            raise Ended("the process has ended")
        watch = _Stopwatch(self, seconds)
        try:
            protocol.send(self._sock, request, PATIENCE * seconds)
            answer = protocol.receive(self._sock, watch.left)
            if type(answer) is not dict:
                raise protocol.Malformed("no dict")
            answer.pop("late", None)  # that is for this side to say
            return answer
        except TimeoutError:
            late = {"late": time_up(watch.limit)}
            if request["op"] == "run" and (reply := self._interrupted()) is not None:
                return reply | late
            self.close()
            raise Ended(late["late"], "time") from None
        except protocol.Malformed as error:
            self.close()
            raise Ended(f"nobody can read what your code returns: {error}") from None
        except (EOFError, OSError):
            raise self._ended() from None

    def _interrupted(self) -> dict | None:
        """What a cell replies that is told to stop; None if it does not."""
        try:
            self._sandbox._control.send(b"I")
            reply = protocol.receive(self._sock, _Stopwatch(self, _STOPS).left)
        except (OSError, EOFError, protocol.Malformed):  # TimeoutError is one of the first
            return None
        is_of_a_cell = type(reply) is dict and type(reply.get("error")) is str
        return reply if is_of_a_cell else None  # not a late reply to what was asked before

    def _ended(self) -> Ended:
        why = self.close(b"E")["why"]
        if why == "files":
            return Ended("your code writes too many files")
        if why == "memory":
            most = f"{self._sandbox.memory / 2**30:.2g} GB"
            return Ended(f"your code uses more than {most} of memory", "memory")
        return Ended(f"the whole process ends ({why})")

    def used(self) -> dict:
        """What it has taken so far: "cpu" seconds without imports, "imports", and if it "waits".

        Raises
        ------
        OSError, EOFError
            If it has ended.
        """
        report = self._sandbox._report(b"C")
        if "why" in report:
            self._end = report
            raise EOFError
        self.imported = min(report["imports"], self._imports)
        return report | {"cpu": report["cpu"] - self.imported, "imports": self.imported}

    def seconds_used(self) -> float:
        """Processor seconds so far, without imports."""
        try:
            return self.used()["cpu"]
        except (EOFError, OSError):
            return 0.0  # it has ended, as the next request will find

    def close(self, word: bytes = b"K") -> dict:
        """End it; the server's report: "why", "clean", and "cpu" seconds."""
        if self._sock is None:
            return {"why": "exit 0", "clean": True, "cpu": 0.0}
        self._sock.close()
        self._sock = None
        report = self._end or self._sandbox._end_session(word)
        if not (report["clean"] and self._sandbox.serves_many):
            self._sandbox.stop()
        self.cpu, self.imported = report["cpu"], min(report["imports"], self._imports)
        return report


class _Stopwatch:
    """The time that one request may take.

    It is over when the processor seconds are used up; or when nothing of the submission has worked
    for a while, and even without that the seconds would be over, for what only waits will not come;
    or when `PATIENCE` times the seconds are over on the clock.

    Parameters
    ----------
    session : Session
    seconds : float
    """

    def __init__(self, session: Session, seconds: float) -> None:
        self._session, self._seconds, self.limit = session, seconds, seconds
        self._start = monotonic()
        self._next = self._start + min(_LOOK, seconds)
        self._before: dict | None = None
        self._last, self._waits = -1.0, 0

    def left(self) -> float:
        """Seconds after which to ask again; 0 if its time is over."""
        now = monotonic()
        if now < self._next:
            return self._next - now
        found = self._session.used()
        self._before = self._before or found
        passed, used = now - self._start, found["cpu"] - self._before["cpu"]
        end = PATIENCE * (self._seconds + found["imports"] - self._before["imports"])
        pause = self._seconds - passed
        if pause <= 0:
            looks, pause = _WAITS
            works = found["cpu"] > self._last or not found["waits"]
            self._last, self._waits = found["cpu"], 0 if works else self._waits + 1
            if passed >= end:
                self.limit = end
                return 0.0
            if used >= self._seconds or self._waits >= looks:
                return 0.0
        self._next = now + pause
        return pause


def _explain(cause: str) -> str:
    """Why there is no sandbox, and what to do."""
    return (
        f"No marks are issued without a working sandbox, and here it does not start: {cause}. "
        "Marking needs Linux with bubblewrap 0.8 or newer and user namespaces (on Debian and "
        "Ubuntu: apt install bubblewrap); docs/grading.md tells how to use a virtual machine."
    )
