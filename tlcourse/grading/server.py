"""The server in the sandbox: imports once what the exercises use, and forks for each submission.

It is process 1 of the sandbox, so that nothing in there can end it, and no other process can look
into it. It knows no checks, seeds or marks. The marker sends a socket for each submission; the
fork runs the learner's cells and calls the learner's functions as that socket asks. What it says
may be forged, and is nothing but the value of a call. Each fork goes into a world of its own
(`world.py`), and when a submission ends, whatever it has left running is killed.

Python's own fork is used on purpose: importing Keras takes seconds, forking a process that has
imported it milliseconds. The server never executes an operation of Keras, after which a fork of
TensorFlow would hang.
"""

import ctypes
import gc
import importlib
import json
import math
import mmap
import os
import platform
import resource
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress

HOME = "/tmp"
PRELOADED = (
    "tlcourse.grading.world",
    "tlcourse.grading.syscalls",
    "tlcourse.grading.protocol",
    "tlcourse.checks.asking",
    "tlcourse.course.shell",
    "IPython.core.magics.basic",
    "IPython.core.magics.display",
    "IPython.core.magics.namespace",
    "IPython.core.magics.osm",
    "IPython.core.magics.packaging",
    "IPython.core.magics.pylab",
    "IPython.core.magics.script",
    "scipy.special",
    "matplotlib.pyplot",
)  # what every submission needs, and what many do
TICK = 0.05  # seconds between two looks at the memory
NOTE = struct.Struct("dd")  # processor seconds of finished imports, and when the present one began


def main() -> None:
    """Serve on the socket that is standard input; the settings are the argument, as JSON."""
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no other process may look in
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.insert(0, settings["path"])
    for module in [*PRELOADED, *settings["modules"]]:
        with suppress(ImportError):
            importlib.import_module(module)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    syscalls = importlib.import_module("tlcourse.grading.syscalls")
    syscalls.program(platform.machine())  # fails here on a machine that it does not know
    settings["fresh"] = is_possible(settings)
    notebook = importlib.import_module("tlcourse.course.shell").Notebook()
    note = mmap.mmap(-1, mmap.PAGESIZE)  # on which a submission notes what its imports take
    gc.freeze()  # so that a fork's collector does not touch, and thereby copy, what is shared
    at_start = exposed()
    control.sendall(b"R" if settings["fresh"] else b"1")
    while True:
        request, files, *_ = socket.recv_fds(control, 1, 1)
        if not request:
            return
        if request != b"F" or not files:
            continue  # a late word on a submission that has ended
        note[:] = bytes(len(note))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if (pid := os.fork()) == 0:
            control.close()
            try:
                serve(socket.socket(fileno=files[0]), notebook, note, settings)
            finally:
                os._exit(0)
        os.close(files[0])
        why = watch(control, pid, note, settings)
        if why is None:
            return
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        clean = exposed() == at_start
        report = {"why": why, "clean": clean, "cpu": round(cpu, 4), "imports": imports(note)}
        tell(control, report)


def is_possible(settings: dict) -> bool:
    """Whether a fork can go into a world of its own here."""
    if (pid := os.fork()) == 0:
        status = 1
        with suppress(OSError):
            sys.modules["tlcourse.grading.world"].enter(settings["folders"], settings["files"])
            status = 0
        os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def tell(control: socket.socket, report: dict) -> None:
    """Send a report to the marker."""
    text = json.dumps(report).encode()
    control.sendall(len(text).to_bytes(4, "big") + text)


# --- the server's side of a submission ---------------------------------------------------------


def watch(control: socket.socket, pid: int, note: mmap.mmap, settings: dict) -> str | None:
    """Wait for a submission's end, or bring it about; why it ended, None if the marker has gone."""
    why = ""
    while not why:
        word = b"-"
        if select.select([control], [], [], TICK)[0]:
            word = control.recv(1)
            if word == b"E":  # the marker has seen its end, which takes a moment
                time.sleep(TICK)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended = os.waitstatus_to_exitcode(status)
            why = f"signal {-ended}" if ended < 0 else f"exit {ended}"
        elif not word:
            why = None
            break
        elif word == b"C":
            tell(control, time_used(pid, note))
        elif word == b"I":
            os.kill(pid, signal.SIGINT)
        elif word != b"-":
            why = "killed"
        elif memory_in_use() > settings["memory"]:
            why = "memory"
        elif files_in_use(settings["folders"]) > settings["files"]:
            why = "files"
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)  # all in the sandbox but this process
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    return why


def memory_in_use() -> int:
    """Bytes that the processes of the sandbox hold, this one left out."""
    total = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            with suppress(OSError, ValueError), open(f"/proc/{name}/status") as file:
                for line in file:
                    if line.startswith(("RssAnon:", "RssShmem:")):
                        total += int(line.split()[1]) * 1024
    return total


def files_in_use(folders: dict[str, int]) -> int:
    """How many files and folders there are where they may be written, in the server's own world."""
    found = map(os.statvfs, folders)
    return sum(about.f_files - about.f_ffree for about in found)


def time_used(pid: int, note: mmap.mmap) -> dict:
    """Processor seconds of a submission, those that its imports took, and whether it waits."""
    total, own, waits, second = 0, 0, True, os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            with suppress(OSError, ValueError):
                numbers = [int(part) for part in about(f"/proc/{name}")[11:15]]
                total += sum(numbers)  # with those of children that have ended
                own = sum(numbers[:2]) if int(name) == pid else own
                tasks = os.listdir(f"/proc/{name}/task")
                waits = waits and all(about(f"/proc/{name}/task/{t}")[0] not in "RD" for t in tasks)
    return {"cpu": total / second, "imports": imports(note, own / second), "waits": waits}


def imports(note: mmap.mmap, now: float = 0.0) -> float:
    """Processor seconds of imports; the submission can write on the note, but no more than that."""
    done, began = NOTE.unpack_from(note)
    seconds = done + max(now - began, 0) if began > 0 else done
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


def about(folder: str) -> list[str]:
    """What the kernel tells of a process or thread, from its state on."""
    with open(f"{folder}/stat", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def exposed() -> list:
    """What a process of the same user can change in this one, and its forks would inherit."""
    limits = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
    scheduled = [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]
    return [*map(resource.getrlimit, limits), *scheduled, os.sched_getaffinity(0)]


# --- the learner's side ------------------------------------------------------------------------


def serve(sock: socket.socket, notebook, note: mmap.mmap, settings: dict) -> None:
    """Run cells and call functions as the socket asks, until it closes."""
    from tlcourse.grading import protocol, syscalls, world

    os.setsid()
    for name, limit in settings["limits"].items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    if settings["fresh"]:
        world.enter(settings["folders"], settings["files"])
    world.give_up_rights()
    nowhere = os.open(os.devnull, os.O_RDWR)  # not the server's own, which it could lock
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the marker stops a cell by it
    work = os.path.join(HOME, "work")
    os.mkdir(work)
    os.chdir(work)
    sys.path.insert(0, work)
    sys.meta_path.insert(0, TimedImports(note))
    syscalls.refuse()
    while True:
        try:
            request = protocol.receive(sock)
        except EOFError:
            return
        reply = notebook.reply(request)
        try:
            protocol.send(sock, reply)
        except BrokenPipeError:
            return
        except (TypeError, ValueError):  # the protocol is narrower than what counts as plain data
            protocol.send(sock, {"failure": "nobody can read what your code returns"})


class TimedImports:
    """The first of the finders: it notes what it takes to load the modules of the environment."""

    def __init__(self, note: mmap.mmap) -> None:
        self._note, self._done, self._loading = note, 0.0, False

    def find_spec(self, name, path=None, target=None):
        """What the other finders find, with a loader that is timed."""
        if self._loading:  # within another module, which is timed
            return None
        others = (finder for finder in list(sys.meta_path) if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.has_location and not spec.origin.startswith(f"{HOME}/"):
            with suppress(AttributeError):
                self._time(spec.loader)
        return spec

    def _time(self, loader) -> None:
        load = loader.exec_module

        def timed(module):
            del loader.exec_module
            if self._loading:
                return load(module)
            began, self._loading = time.process_time(), True
            NOTE.pack_into(self._note, 0, self._done, began)
            try:
                return load(module)
            finally:
                self._done += time.process_time() - began
                self._loading = False
                NOTE.pack_into(self._note, 0, self._done, 0.0)

        loader.exec_module = timed


if __name__ == "__main__":
    main()
    os._exit(0)  # at once: to take down a back-end in order takes long
