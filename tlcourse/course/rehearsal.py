"""What the marker will see of a notebook, found out on the learner's own machine.

The notebook runs in a fresh process, in an empty folder, by the same plan and in the same shell as
at the marker's. It may hang or end: then it is stopped, and the rest goes on in a new one.
"""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic

import numpy as np

from tlcourse.checks import Task, Verdict
from tlcourse.checks.asking import time_up
from tlcourse.course import processes
from tlcourse.course.content import Released
from tlcourse.course.plan import Plan, modules
from tlcourse.course.walk import Ended, Walk

CELL_SECONDS = 60.0  # that a cell, or a call of an answer, may take
SECONDS = 600.0  # and all together
_STOPS = 5.0  # in which a cell that is interrupted must end
_START = 300.0  # that importing a framework may take on a slow machine
# Ctrl-C is for the process that the learner sees; Windows has no other signal that interrupts.
_INTERRUPT = getattr(signal, "SIGUSR1", None)


def rehearse(
    plan: Plan, released: Released, known: dict[str, Task]
) -> tuple[dict[str, Verdict], dict[int, str]]:
    """The verdicts on the known tasks, and what the cells of a set raise, by their numbers.

    Raises
    ------
    Ended
        If no process for it starts.
    """
    with processes.empty_folder() as folder:

        def start(_: float) -> "_Process":
            return _Process(modules(released), Path(folder))

        walk = Walk(plan, start, imports=0, cell_seconds=CELL_SECONDS, seconds=SECONDS)
        verdicts = walk.verdicts(known, lambda _: np.random.default_rng())
    return verdicts, walk.errors


class _Process:
    """A process with a notebook in it, and what passes between it and this one."""

    def __init__(self, imports: list[str], folder: Path) -> None:
        self._start, self.cpu, self.imported = monotonic(), 0.0, 0.0
        context = get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, imports, folder), daemon=True)
        with processes.safe_children(), _uninterrupted():
            self._process.start()
        theirs.close()
        self.ask(_START, op="hello")
        self._start = monotonic()

    def ask(self, seconds: float, **request) -> dict:
        if self._process is None:
            raise Ended("the process has ended")
        try:
            self._ours.send(request)
            if self._ours.poll(seconds):
                return self._ours.recv()
            if request["op"] == "run" and self._is_interrupted():
                return self._ours.recv() | {"late": time_up(seconds)}
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode
            self.close()
            raise Ended(f"the whole process ends (exit {code})") from None
        except BaseException:  # the learner interrupts it
            self.close()
            raise
        self.close()
        raise Ended(time_up(seconds), "time")

    def _is_interrupted(self) -> bool:
        """Stop the cell as a person interrupts a kernel; whether it ends."""
        if _INTERRUPT is None:
            return False
        os.kill(self._process.pid, _INTERRUPT)
        return self._ours.poll(_STOPS)

    def seconds_used(self) -> float:
        """Seconds since it has started; here the clock decides."""
        return monotonic() - self._start

    def close(self) -> None:
        if self._process is not None:
            self.cpu = self.seconds_used()
            self._process.kill()
            self._process.join()
            self._ours.close()
            self._process = None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Have a process that is started meanwhile not see Ctrl-C, which is for this one."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, imports: list[str], folder: Path) -> None:
    """Run cells and call answers as the connection asks, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _INTERRUPT is not None:
        signal.signal(_INTERRUPT, signal.default_int_handler)
    os.environ |= {"MPLBACKEND": "Agg", "IPYTHONDIR": str(folder / "ipython")}
    from tlcourse import checks
    from tlcourse.course import shell

    shell.be_silent()
    for module in imports:
        with suppress(ImportError):
            importlib.import_module(module)
    work = folder / str(os.getpid())
    work.mkdir()
    os.chdir(work)
    sys.path[0:0] = [str(work)]
    checks.exercise = shell.exercise  # the checks are asked from outside
    notebook = shell.Notebook()
    with suppress(EOFError, OSError):
        while True:
            reply = notebook.reply(connection.recv())
            try:
                connection.send(reply)
            except (TypeError, ValueError, AttributeError):
                connection.send({"failure": "nobody can read what your code returns"})
