"""What learners' code can see and do in the sandbox, and what happens to whoever comes next."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from textwrap import dedent, indent

import numpy as np
import psutil
import pytest

from tests.grading import needs_sandbox
from tlcourse.grading import sandbox
from tlcourse.grading.sandbox import LIMITS, Ended, NoSandbox, Sandbox

MEMORY = 400 * 2**20
SECONDS = 30  # for a call that is meant to return, on a busy machine


@pytest.fixture(scope="module")
def box():
    if needs_sandbox.args[0]:
        pytest.skip(needs_sandbox.kwargs["reason"])
    with Sandbox(["numpy"], ["tlcourse.losses.cross_entropy"], MEMORY) as made:
        yield made


def defined(body: str) -> str:
    return "import os\nimport numpy as np\ndef f():\n" + indent(dedent(body).strip("\n"), "    ")


def call(session, seconds: float, *arguments):
    """The reply to a call of the function."""
    session.ask(SECONDS, op="find", name="f", kind="function", forbids=[], sources=["f"])
    return session.ask(seconds, op="call", arguments=list(arguments))


def ask(session, body: str, seconds: float = SECONDS):
    """What a function with this body returns in a session."""
    assert session.ask(SECONDS, op="run", source=defined(body)) == {"error": ""}
    reply = call(session, seconds)
    assert "failure" not in reply, reply["failure"]
    return reply["result"]


def run_in(box, body: str, seconds: float = SECONDS):
    """The same in a session of its own."""
    session = box.session()
    try:
        return ask(session, body, seconds)
    finally:
        session.close()


def failure(box, body: str, seconds: float = SECONDS) -> str:
    """How a session ends, or what a function raises."""
    session = box.session()
    try:
        session.ask(SECONDS, op="run", source=defined(body))
        return call(session, seconds)["failure"]
    except Ended as ended:
        return str(ended)
    finally:
        session.close()


# --- what can be seen --------------------------------------------------------------------------


def test_a_function_gets_arrays_and_returns_them(box):
    session = box.session()
    session.ask(SECONDS, op="run", source="def f(x, k):\n    return {'a': [x * k, None]}")
    reply = call(session, SECONDS, np.arange(3.0), 2)
    np.testing.assert_array_equal(reply["result"]["a"][0], [0, 2, 4])
    assert session.close()["clean"]
    assert session.cpu >= 0


def test_only_the_system_and_the_environment_are_there(box):
    known = {"sandbox", "usr", "lib", "lib64", "bin", "etc", "proc", "dev", "tmp"}
    roots = {Path(shown).parts[1] for _, shown in sandbox._places()}
    assert set(run_in(box, "return os.listdir('/')")) <= known | roots
    assert run_in(box, "return os.listdir('/etc')") in ([], ["ld.so.cache"])
    links = {"bin", "lib", "lib64", "pyvenv.cfg"}  # to an environment below /tmp, if it lies there
    assert set(run_in(box, "return os.listdir('/sandbox')")) - links == {"server.py", "tlcourse"}


@pytest.mark.parametrize("hidden", [["prefix"], ["base_prefix"], ["prefix", "base_prefix"]])
def test_an_environment_below_the_sandbox_s_own_tmp_is_shown_elsewhere(box, monkeypatch, hidden):
    places = [getattr(sys, name) for name in hidden]
    monkeypatch.setattr(sandbox, "_OWN", [*sandbox._OWN, *places])
    body = """
        import sys
        import scipy
        open("/tmp/mine", "w").close()
        return [sys.prefix, sys.base_prefix, os.listdir("/tmp")]
    """
    with Sandbox(["numpy"], (), MEMORY) as moved:
        prefix, base, written = run_in(moved, body)
        assert prefix == "/sandbox"
        assert base in (sys.base_prefix, "/environment/base")
        assert base == "/environment/base" or "base_prefix" not in hidden or base == "/usr"
        assert set(written) == {"mine", "work"}
        assert moved.session().close()["clean"]


def test_no_file_of_the_host_is_there(box, tmp_path):
    (tmp_path / "marks.db").write_text("marks")
    paths = [tmp_path / "marks.db", __file__, Path.cwd() / "pyproject.toml", "/etc/passwd", "/run"]
    assert run_in(box, f"return [os.path.exists(p) for p in {[str(p) for p in paths]}]") == [
        False
    ] * len(paths)


def test_no_check_and_no_function_that_is_asked_for_is_there(box):
    body = """
        import tlcourse
        found = {}
        for folder, _, names in os.walk(os.path.dirname(tlcourse.__file__)):
            for name in names:
                found[os.path.join(folder, name)] = open(os.path.join(folder, name)).read()
        return found
    """
    files = run_in(box, body)
    names = {path.removeprefix("/sandbox/tlcourse/") for path in files}
    assert not [n for n in names if "_content" in n or n.endswith(".pyc")]
    assert {name for name in names if name.startswith(("checks/", "grading/"))} == {
        "checks/__init__.py",
        "checks/asking.py",
        "checks/forbidden.py",
        "checks/reached.py",
        "checks/properties.py",
        "grading/__init__.py",
        "grading/protocol.py",
        "grading/syscalls.py",
        "grading/world.py",
    }
    assert "raise RuntimeError" in files["/sandbox/tlcourse/losses.py"]
    assert "log_y_hat" not in files["/sandbox/tlcourse/losses.py"].partition("def binary")[0]
    assert "solve this task without tlcourse.losses.cross_entropy" in failure(
        box, "from tlcourse import losses\nreturn losses.cross_entropy(np.zeros((1, 2)), [0])"
    )


@pytest.mark.parametrize("place", [Path(sys.prefix), Path("/usr/local"), Path("/usr/lib/python3")])
def test_an_installed_package_is_covered_wherever_it_lies(place, monkeypatch):
    package = place / "lib/site-packages/tlcourse"
    monkeypatch.setattr(sandbox, "PACKAGE", package)
    command = sandbox._command({}, {})
    (shown, *_) = sandbox._shown(package, sandbox._places())
    assert shown.endswith("lib/site-packages/tlcourse")
    assert ("--tmpfs", shown) in pairwise(command)


@pytest.mark.parametrize("own", [(), ("/tmp",)])
def test_an_installed_package_is_covered_behind_every_link_that_leads_to_it(
    own, monkeypatch, tmp_path
):
    """A virtual environment's lib64 is a link to its lib, and bound beside it."""
    package = tmp_path / "venv/lib/python3/site-packages/tlcourse"
    package.mkdir(parents=True)
    (tmp_path / "venv/lib64").symlink_to("lib")
    (tmp_path / "link").symlink_to("venv")
    monkeypatch.setattr(sandbox, "_OWN", own)
    for prefix in ("venv", "link"):
        monkeypatch.setattr(sys, "prefix", str(tmp_path / prefix))
        for seen_as in (package, tmp_path / "venv/lib64/python3/site-packages/tlcourse"):
            monkeypatch.setattr(sandbox, "PACKAGE", seen_as)
            pairs = [*pairwise(sandbox._command({}, {}))]
            for lib in ("lib", "lib64"):
                hits = [to for what, to in pairs if what == "--tmpfs" and f"/{lib}/python3/" in to]
                assert len(hits) == 1, (prefix, lib)


def test_the_environment_is_empty_but_for_what_is_set(box, monkeypatch):
    monkeypatch.setenv("TLCOURSE_CANARY", "secret")
    with Sandbox(["numpy"], (), MEMORY) as fresh:
        found = run_in(fresh, "return dict(os.environ)")
    assert found == sandbox._environment() | {"PWD": "/tmp"}


def test_it_is_nobody_with_no_rights_and_no_way_to_any(box):
    about = run_in(box, "return open('/proc/self/status').read()")
    about = dict(line.split(":\t", 1) for line in about.splitlines() if ":\t" in line)
    assert "0" not in about["Uid"].split() + about["Gid"].split()
    assert {about[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert about["NoNewPrivs"] == "1"
    assert run_in(box, "import ctypes\nreturn ctypes.CDLL(None).unshare(0x10000000)") == -1
    assert run_in(box, "import socket\nreturn socket.gethostname()") == "sandbox"


def test_nothing_but_two_small_folders_can_be_written(box):
    mounts = run_in(box, "return open('/proc/self/mounts').read()").splitlines()
    mounts = {line.split()[1]: line.split()[2:4] for line in mounts}
    free = {path for path, (_, options) in mounts.items() if "rw" in options.split(",")}
    assert {path for path in free if not path.startswith(("/proc", "/dev/"))} == {"/tmp"}
    body = """
        written = []
        for folder, _, _ in os.walk("/", followlinks=False):
            if not folder.startswith("/proc"):
                try:
                    open(folder + "/x", "w").close()
                    written.append(folder)
                except OSError:
                    pass
            if folder.count("/") > 4:
                _[:] = []
        return written
    """
    assert set(run_in(box, body)) == {"/tmp", "/tmp/work", "/dev/shm"}


def test_there_is_no_network_and_no_other_process(box):
    assert run_in(box, "import socket\nreturn [n for _, n in socket.if_nameindex()]") == ["lo"]
    body = "return sorted({int(p) for p in os.listdir('/proc') if p.isdigit()} - {os.getpid()})"
    assert run_in(box, body) == [1]
    body = """
        import socket
        try:
            socket.create_connection(("192.0.2.1", 80), 1)
        except OSError as error:
            return error.strerror
    """
    assert run_in(box, body) == "Network is unreachable"


def test_the_server_cannot_be_looked_into(box):
    body = """
        readable = []
        for name in ("mem", "environ", "maps", "fd", "root", "cwd"):
            try:
                path = f"/proc/1/{name}"
                os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
                readable.append(name)
            except OSError:
                pass
        return readable
    """
    assert run_in(box, body) == []


def test_no_file_is_open_but_the_socket_and_nothing(box):
    body = """
        found = []
        for fd in os.listdir("/proc/self/fd") if os.access("/proc/self/fd", 4) else range(256):
            try:
                os.fstat(int(fd))
                link = os.readlink(f"/proc/self/fd/{fd}")
                found.append(link if link.startswith("anon") else link.partition(":")[0])
            except OSError:
                pass
        return found
    """
    found = run_in(box, body)
    loop = "anon_inode:[eventpoll]"  # of its own, for await
    known = {"/dev/null", "socket", "/dev/urandom", loop}
    assert set(found) <= known | {f for f in found if "/fd" in f}
    assert found.count("socket") <= 3  # that it is asked on, and two of the loop


# --- limits ------------------------------------------------------------------------------------


def test_the_limits_hold_and_cannot_be_lifted(box):
    body = """
        import resource
        found = {}
        for name in %r:
            which = getattr(resource, name)
            found[name] = list(resource.getrlimit(which))
            try:
                resource.setrlimit(which, (found[name][1] + 1, found[name][1] + 1))
                found[name] = "lifted"
            except (ValueError, OSError):
                pass
        return found
    """
    assert run_in(box, body % [*LIMITS]) == {name: [most, most] for name, most in LIMITS.items()}


GREEDY = {
    "an array": "return [np.ones(2**17) for _ in range(3000)][0]",
    "many processes": """
        import time
        for _ in range(7):
            if os.fork() == 0:
                break
        kept = [np.ones(2**17) for _ in range(200)]
        time.sleep(100)
    """,
    "shared memory": """
        import mmap, time
        kept, block = mmap.mmap(-1, 3 * 2**30), bytes(2**20)
        for i in range(3 * 2**10):
            kept[i * 2**20:(i + 1) * 2**20] = block
            time.sleep(0.0005)
        return 0
    """,
}


@pytest.mark.parametrize("name", GREEDY)
def test_memory_is_bounded_for_all_processes_together(box, name):
    assert failure(box, GREEDY[name]) == "your code uses more than 0.39 GB of memory"


def test_memory_that_belongs_to_no_process_is_bounded(box):
    body = """
        kept, block = [], bytes(2**20)
        try:
            for i in range(60):
                kept.append(os.memfd_create(str(i)))
                for _ in range(31):
                    os.write(kept[-1], block)
        except OSError:
            pass
        return len(kept)
    """
    assert run_in(box, body) < MEMORY / 31 / 2**20


def test_processes_are_bounded(box):
    body = """
        import time
        count = 0
        try:
            while count < 2000:
                if os.fork() == 0:
                    time.sleep(1000)
                count += 1
        except OSError:
            return count
    """
    with Sandbox(["numpy"], (), 8 * 2**30) as wide:
        assert run_in(wide, body) <= LIMITS["RLIMIT_NPROC"]


def test_files_are_bounded_in_size_and_together(box):
    body = """
        block, sizes = bytes(2**20), []
        for folder in ("/tmp", "/dev/shm"):
            total = 0
            try:
                for i in range(1000):
                    with open(f"{folder}/{i}", "wb", 0) as file:
                        for _ in range(20):
                            total += file.write(block)
            except OSError:
                sizes.append(total)
        try:
            open("/tmp/0", "wb").truncate(2**40)
        except OSError:
            sizes.append(-1)
        return sizes
    """
    tmp, shm, giant = run_in(box, body)
    assert tmp <= sandbox.TMP
    assert shm <= sandbox.SHM
    assert giant == -1


def test_empty_files_are_bounded_too(box):
    """They fill no disk, but the kernel's memory."""
    body = """
        for i in range(3_000_000):
            os.close(os.open(f"/tmp/{i}", os.O_CREAT | os.O_WRONLY))
        return "all"
    """
    assert "No space left on device" in failure(box, body)


def test_time_is_bounded_and_the_message_says_so(box):
    begin = time.monotonic()
    assert failure(box, "while True:\n    pass", 0.3).startswith(
        "there was no answer within 0.3 seconds"
    )
    assert time.monotonic() - begin < 0.3 + SECONDS


class Sped:
    """A session and its clock: of each second that passes, a request works for a part of one."""

    def __init__(self, share: float, waits: bool = False, imports: float = 0.0) -> None:
        self.now, self.share, self.waits, self.most = 0.0, share, waits, imports

    def used(self) -> dict:
        imports = min(self.now * self.share, self.most)
        cpu = self.now * self.share - imports
        return {"cpu": cpu, "imports": imports, "waits": self.waits}


@pytest.mark.parametrize(
    ("session", "least", "most"),
    [
        (Sped(1.0), 10, 10.5),
        (Sped(2.0), 10, 10.1),  # two threads: the clock has to show the seconds as well
        (Sped(0.2), 50, 52),  # a busy machine
        (Sped(0.001), 100, 101),
        (Sped(0.0, waits=True), 10, 11),
        (Sped(0.001, waits=True), 100, 101),
        (Sped(1.0, imports=30), 40, 41),
        (Sped(0.0), 100, 101),
    ],
)
def test_processor_time_decides_and_the_clock_only_at_last(session, least, most, monkeypatch):
    monkeypatch.setattr(sandbox, "monotonic", lambda: session.now)
    watch = sandbox._Stopwatch(session, 10)
    while (left := watch.left()) > 0:
        session.now += left
    assert least <= session.now <= most


@pytest.mark.parametrize("claim", ["1e300", "float('inf')", "float('nan')", "-1e300"])
def test_imports_that_are_claimed_are_believed_up_to_a_bound(box, claim):
    session = box.session(imports=0.3)
    body = f"""
        import struct, sys
        sys.meta_path[0]._note[:16] = struct.pack("dd", {claim}, 0.0)
        while True:
            pass
    """
    session.ask(SECONDS, op="run", source=defined(body))
    with pytest.raises(Ended) as ended:
        call(session, 0.3)
    assert ended.value.limit == "time"
    assert session.cpu < 3


def test_modules_of_one_s_own_are_no_imports_that_take_no_time(box):
    body = """
        open("slow.py", "w").write("while True: pass")
        __import__("slow")
    """
    assert failure(box, body, 0.3).startswith("there was no answer within 0.3 seconds")


def test_it_stays_one_session_for_the_kernel_that_shares_out_the_processors(box):
    """Else forty sessions would leave the worker beside it a fortieth of the time."""
    body = """
        import ctypes
        if os.fork() == 0:
            os._exit(ctypes.CDLL(None).setsid() >= 0)
        return os.waitstatus_to_exitcode(os.wait()[1])
    """
    assert run_in(box, body) == 0


# --- whoever comes next ------------------------------------------------------------------------

ENDS = {
    "exit": ("os._exit(3)", "the whole process ends (exit 3)"),
    "crash": ("import ctypes\nctypes.string_at(0)", "the whole process ends (signal 11)"),
    "kill": ("os.kill(os.getpid(), 9)", "the whole process ends (signal 9)"),
    "loop": ("while True:\n    pass", "no answer within 1 seconds"),
    "memory": (GREEDY["an array"], "more than 0.39 GB"),
    "giant": ("return np.zeros(10**7)", "nobody can read what your code returns"),
    "socket": ("os.closerange(3, 99)", "the whole process ends"),
}


@pytest.mark.parametrize("how", ENDS)
def test_after_a_session_that_ended_badly_the_next_one_is_as_new(box, how):
    body, message = ENDS[how]
    session = box.session()
    session.ask(SECONDS, op="run", source="left = 1\n" + defined(body))
    with pytest.raises(Ended, match=message.replace("(", r"\(").replace(")", r"\)")):
        call(session, 1 if how == "loop" else SECONDS)
    with pytest.raises(Ended, match="the process has ended"):
        session.ask(SECONDS, op="find", name="f", kind="function", forbids=[], sources=["f"])
    session.close()
    assert run_in(box, "return 'left' in globals()") is False


LEFT = {
    "a file": "open('/tmp/left', 'w').write('left')",
    "many files": "for i in range(5000):\n    open(f'/tmp/left{i}', 'w').close()",
    "shared memory": "open('/dev/shm/left', 'w').write('left')",
    "a folder that is closed": "os.makedirs('/tmp/left/inside')\nos.chmod('/tmp/left', 0)",
    "a deep folder": """
        for _ in range(3000):
            os.mkdir("left")
            os.chdir("left")
    """,
    "a link": "os.symlink('/usr', '/tmp/left')\nos.symlink('..', 'left')",
    "a pipe and a socket": """
        import socket
        os.mkfifo("/tmp/left")
        socket.socket(socket.AF_UNIX).bind("/tmp/left-too")
    """,
    "shared memory of System V": "import ctypes\nctypes.CDLL(None).shmget(76, 4096, 0o1666)",
    "a semaphore of System V": "import ctypes\nctypes.CDLL(None).semget(76, 1, 0o1666)",
    "a queue of System V": "import ctypes\nctypes.CDLL(None).msgget(76, 0o1666)",
    "a key": "import ctypes\nctypes.CDLL(None).syscall(248, b'user', b'left', b'x', 1, -4)",
    "daemons": """
        import ctypes
        for _ in range(3):
            if os.fork() == 0:
                ctypes.CDLL(None).setsid()
                if os.fork():
                    os._exit(0)
                while True:
                    open("/tmp/left", "a").close()
    """,
}
LOOK = """
    import ctypes
    libc = ctypes.CDLL(None)
    found = [f for folder in ("/tmp", "/dev/shm") for f in os.listdir(folder) if f != "work"]
    found += os.listdir("/tmp/work")
    found += [k for k in ("shm", "msg", "sem") if len(open(f"/proc/sysvipc/{k}").readlines()) > 1]
    found += ["key"] * (libc.syscall(250, 10, -4, b"user", b"left", 0) >= 0)
    found += [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]
    return found
"""


@pytest.mark.parametrize("what", LEFT)
def test_nothing_is_left_for_the_next(box, what):
    if what == "a key" and os.uname().machine != "x86_64":
        pytest.skip("the numbers of the calls are those of x86_64")
    session = box.session()
    session.ask(SECONDS, op="run", source=defined(LEFT[what] + "\nreturn 0"))
    call(session, SECONDS)
    session.close()
    assert run_in(box, LOOK) == []


SPOILT = {
    "a mode": "os.chmod('/dev/shm', 0o555)\nos.chmod('/tmp', 0)",
    "terminals": "os.chmod('/dev/pts/ptmx', 0)",
    "an access list": """
        import struct
        entries = [(1, 0), (4, 0), (16, 0), (32, 0)]  # nobody may do anything
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e, 2**32 - 1) for e in entries)
        for folder in ("/tmp", "/dev/shm"):
            os.setxattr(folder, "system.posix_acl_default", acl)
    """,
    "times": "os.utime('/tmp', (1, 1))\nos.utime('/dev/shm', (1, 1))",
    "locks": """
        import fcntl
        for path in ("/dev/null", "/tmp", "/dev/shm", "/sandbox/server.py", *"012"):
            fcntl.flock(int(path) if path.isdigit() else os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
    """,
    "ports": """
        import socket
        for port in (8000, 8888):
            with socket.create_server(("127.0.0.1", port)) as server:
                with socket.create_connection(("127.0.0.1", port)):
                    server.accept()[0].close()
    """,
    "a socket": """
        import socket
        socket.socket(socket.AF_UNIX).bind("\\0left")
    """,
}
WORK = """
    import fcntl, multiprocessing, pty, socket, tempfile
    from multiprocessing.shared_memory import SharedMemory
    multiprocessing.Lock()
    np.save("/tmp/x.npy", np.ones(3))
    for fd in pty.openpty():
        os.close(fd)
    with tempfile.TemporaryDirectory() as folder:
        open(folder + "/x", "w").close()
        modes = [os.stat(folder + "/x").st_mode]
    shared = SharedMemory(create=True, size=100)
    shared.close()
    shared.unlink()
    for path in ("/dev/null", "/tmp", "/dev/shm", "/sandbox/server.py"):
        fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    for port in (8000, 8888):
        quiet = socket.socket()
        quiet.bind(("127.0.0.1", port))
    socket.socket(socket.AF_UNIX).bind("\\0left")
    for folder in ("/tmp", "/dev/shm"):
        about = os.stat(folder)
        modes += [about.st_mode, about.st_mtime > 1e9, *os.listxattr(folder)]
    return modes
"""


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_spoilt_is_whole_for_the_next(box, what):
    before = run_in(box, WORK)
    with suppress(AssertionError):  # what cannot be done at all is well too
        run_in(box, SPOILT[what] + "\nreturn 0")
    assert run_in(box, WORK) == before


def cannot_add_rights(folder: Path) -> str:
    """A bubblewrap that gives nobody the rights to mount."""
    real, path = shutil.which("bwrap"), os.environ["PATH"]
    fake(folder, f'case "$*" in *CAP_SYS_ADMIN*) exit 1;; esac; PATH={path} exec {real} "$@"')
    return f"{folder}:{path}"


@pytest.mark.parametrize("why", ["bubblewrap adds no rights", "the kernel lets nobody mount"])
def test_where_no_world_can_be_made_each_session_gets_a_sandbox_of_its_own(
    box, why, monkeypatch, tmp_path
):
    if "kernel" in why:
        monkeypatch.setattr(sandbox, "_RIGHTS", ("CAP_SETPCAP",))
    else:
        monkeypatch.setenv("PATH", cannot_add_rights(tmp_path))
    with Sandbox(["numpy"], (), MEMORY) as slow:
        before = run_in(slow, WORK)
        assert not slow.serves_many
        run_in(slow, LEFT["a file"] + "\n" + SPOILT["a mode"] + "\nreturn 0")
        assert "left" not in run_in(slow, "return os.listdir('/tmp')")
        assert run_in(slow, WORK) == before
        about = run_in(slow, "return open('/proc/self/status').read()")
        assert about.count("0" * 16) >= 5


RIGHTS = """
    import ctypes, errno
    libc = ctypes.CDLL(None, use_errno=True)
    calls = {
        "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        "remount": lambda: libc.mount(b"none", b"/", None, 32 | 4096, None),
        "umount": lambda: libc.umount2(b"/tmp", 2),
        "unshare": lambda: max(libc.unshare(1 << bit) for bit in (7, 17, *range(25, 31))),
        "clone": lambda: max(libc.syscall(56, 1 << bit | 17, 0, 0, 0, 0) for bit in range(25, 31)),
        "pivot_root": lambda: libc.syscall(155, b"/tmp", b"/tmp"),
        "capset": lambda: libc.capset(b"\\x22\\x05\\x08\\x20" + bytes(4), b"\\xff" * 24),
        "ambient": lambda: libc.prctl(47, 2, 21, 0, 0),
        "securebits": lambda: libc.prctl(28, 0, 0, 0, 0),
        "ptrace": lambda: libc.ptrace(16, 1, 0, 0),
        "setns": lambda: max(libc.setns(fd, 0) for fd in range(3, 10)),
    }
    return [name for name, call in calls.items() if call() != -1]
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86_64")
def test_the_rights_with_which_the_server_mounts_are_gone_for_good(box):
    assert run_in(box, RIGHTS) == []


TAMPER = {
    "time": "resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))",
    "memory": "resource.prlimit(1, resource.RLIMIT_DATA, (2**28, 2**28))",
    "addresses": "resource.prlimit(1, resource.RLIMIT_AS, (2**33, 2**33))",
    "processes": "resource.prlimit(1, resource.RLIMIT_NPROC, (5, 5))",
    "files": "resource.prlimit(1, resource.RLIMIT_NOFILE, (20, 20))",
    "all": "for i in range(16):\n    resource.prlimit(1, i, (1, 1))",
    "priority": "os.setpriority(os.PRIO_PROCESS, 1, 19)",
    "idleness": "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
    "processors": "os.sched_setaffinity(1, {min(os.sched_getaffinity(1))})",
    "an interrupt": "os.kill(1, 2)",
    "every signal": """
        for number in range(1, 65):
            try:
                os.kill(1, number)
            except OSError:
                pass
    """,
}
STATE = """
    import resource
    limits = [list(resource.getrlimit(i)) for i in range(16)]
    about = [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]
    return [limits, about, sorted(os.sched_getaffinity(0))]
"""


@needs_sandbox
@pytest.mark.parametrize("what", TAMPER)
def test_whatever_is_done_to_the_server_the_next_session_is_as_the_first(box, what):
    with Sandbox(["numpy"], (), MEMORY) as fresh:
        before = run_in(fresh, STATE)
        session = fresh.session()
        source = "import resource\n" + defined(TAMPER[what] + "\nreturn 0")
        session.ask(SECONDS, op="run", source=source)
        with suppress(Ended):
            call(session, SECONDS)
        session.close()
        assert run_in(fresh, STATE) == before


def test_a_sandbox_that_was_killed_is_started_again(box):
    run_in(box, "return 1")
    box._process.kill()
    box._process.wait()
    assert run_in(box, "return 2") == 2


def test_a_session_can_be_closed_twice(box):
    session = box.session()
    session.close()
    assert session.close()["clean"]


MARKER = """
import sys
import psutil
from tlcourse.grading.sandbox import Sandbox
box = Sandbox(["numpy"], (), 2**30)
session = box.session()
session.ask(30, op="run", source="import os, time\\nif os.fork() == 0: time.sleep(1000)")
print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
sys.stdin.read()
"""


@needs_sandbox
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, "closed"])
def test_when_the_marker_is_gone_nothing_of_the_sandbox_runs_on(how, tmp_path, interruptible):
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", MARKER], stdin=-1, stdout=-1, text=True, env=env
    ) as marker:
        processes = [psutil.Process(int(pid)) for pid in marker.stdout.readline().split()]
        assert len(processes) > 2
        assert not list(tmp_path.iterdir())
        if how == "closed":
            marker.stdin.close()
        else:
            marker.send_signal(how)
        marker.wait(SECONDS)
    _, alive = psutil.wait_procs(processes, SECONDS)
    assert not alive
    assert not list(tmp_path.iterdir())


# --- no sandbox, no marks ----------------------------------------------------------------------


def refused() -> str:
    with Sandbox(["numpy"], (), MEMORY) as box, pytest.raises(NoSandbox) as error:
        box.session()
    message = str(error.value)
    assert message.startswith("No marks are issued without a working sandbox")
    assert "apt install bubblewrap" in message
    assert "docs/grading.md" in message
    assert "\n" not in message
    return message


def fake(folder: Path, script: str) -> None:
    (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bwrap").chmod(0o755)


def test_without_bubblewrap_the_message_has_the_cause_and_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "bwrap is not installed" in refused()


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("echo 'bwrap: Unknown option --disable-userns' >&2; exit 1", "Unknown option"),
        (
            "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
            "No permissions to create new namespace",
        ),
        ("exit 0", "it ended without a word"),
        ("kill -9 $$", "it ended without a word"),
        ("printf '\\377\\376\\n' >&2; exit 1", "\ufffd"),
        ("echo R; exec sleep 100", "it ended without a word"),
    ],
)
def test_a_bubblewrap_that_does_not_work_is_named(script, cause, monkeypatch, tmp_path):
    if "sleep" in script:
        monkeypatch.setattr(sandbox, "_START", 1.0)
    fake(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert cause in refused()


@pytest.mark.skipif(os.geteuid() != 0, reason="setpriv is needed by root alone")
def test_root_without_setpriv_gets_a_sentence(box, monkeypatch, tmp_path):
    (tmp_path / "bwrap").symlink_to(shutil.which("bwrap"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "setpriv" in refused()


def test_without_a_sandbox_nothing_is_marked(monkeypatch, tmp_path):
    from tests.grading.attacks import EXERCISE, Book, World
    from tlcourse.grading import batch

    (tmp_path / "class" / "ada").mkdir(parents=True)
    Book(World(tmp_path / "class" / "ada", tmp_path, tmp_path)).save()
    fake(tmp_path, "echo 'bwrap: broken' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(NoSandbox, match="bwrap: broken"):
        batch.grade(tmp_path / "class", EXERCISE, tmp_path / "marks")
    assert not list((tmp_path / "marks").rglob("*.json"))
