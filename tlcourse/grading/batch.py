"""Mark a class: find the submissions, map `marker.mark` over workers, keep what is finished.

Each record is a file, written whole or not at all, and named by what was marked: a run that was
killed goes on where it stopped, a second one finds all done, and two at once write the same.
"""

import ctypes
import difflib
import json
import os
import platform
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from glob import escape
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import active_children, get_context
from multiprocessing.util import Finalize
from pathlib import Path

import tlcourse
from tlcourse.course import content
from tlcourse.course.content import Released
from tlcourse.files import CourseError, explain_os_errors, write
from tlcourse.grading import collection, marker, records
from tlcourse.grading.handins import Submission
from tlcourse.grading.sandbox import Sandbox

PACKAGE = Path(tlcourse.__file__).parent
LIMITS = "limits"  # in `again`: those who hit a limit
_TRIES = 3  # times that a submission is given to a worker, before the marker gives up
_IDLE = 60.0  # seconds after which a worker without work ends its sandbox
# What computes in an answer or a check: another version of it may find another mark.
_COMPUTES = ("numpy", "scipy", "scikit-learn", "keras", "tensorflow", "jax", "torch", "ipython")


@dataclass(frozen=True)
class Settings:
    """What a worker must know, and nothing of other students."""

    exercise: str
    secret: bytes
    cell_seconds: float
    seconds: float
    memory: int


def grade(
    source: Path,
    exercise: str,
    marks: Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    cell_seconds: float = 10.0,
    seconds: float = 120.0,
    again: Iterable[str] = (),
    on_record: Callable[[dict, int, int], None] | None = None,
    found: list[Submission] | None = None,
) -> list[dict]:
    """Mark every submission of an exercise that is not marked yet.

    Parameters
    ----------
    source : Path
        As in `collection.collect`.
    exercise : str
        "ex02".
    marks : Path
        The folder of the marks; records go to `records/<exercise>/`.
    workers : int
        Processes on this machine.
    scheduler : str, optional
        The address of a Dask scheduler, "tcp://host:8786", whose workers mark instead.
    cell_seconds, seconds : float
        Of processor time that a cell or call, and a whole submission, may take.
    again : iterable of str
        Students who are marked again in any case; "limits" means all who hit a limit.
    on_record : function, optional
        Called with each record, the number of those done and of all.
    found : list of Submission, optional
        What is in `source`, if that is known already.

    Returns
    -------
    list of dict
        A record for each student, by name; those that were there already among them. What a task
        that moved here got in its old set counts, if it is better.

    Raises
    ------
    CourseError
        If there is nothing to mark, no sandbox, a student in `again` who has handed in nothing, or
        `marks` cannot be written.
    """
    released = content.released(exercise)
    if found is None:
        found = collection.collect(source, released.name, released.notebook.name).submissions
    found = [_under_old_name(marks, one) for one in found]
    again = set(again)
    _check_names(again - {LIMITS}, [one.student for one in found])
    folder = marks / "records" / released.name
    with explain_os_errors(marks, "--out"):
        folder.mkdir(parents=True, exist_ok=True)
        secret = _secret(marks)
    about = {one.student: _about(one) for one in found}  # it may be corrected without marking
    settings = Settings(released.name, secret, cell_seconds, seconds, _memory(released, workers))
    state = _state(released, settings)
    keys = {one.student: sha256((one.key + state).encode()).hexdigest() for one in found}
    done, todo = {}, []
    for one in found:
        kept = records.read(records.path_of(folder, one.student))
        is_of_it = kept is not None and kept["key"] == keys[one.student]
        if not is_of_it or one.student in again or (LIMITS in again and kept["limits"]):
            todo.append(one)
        else:
            done[one.student] = kept | about[one.student]
            if on_record:
                on_record(done[one.student], len(done), len(found))
    if todo:
        with _executor(workers, scheduler) as make:
            for record in _marked(make, todo, settings):
                record |= about[record["student"]] | {"key": keys[record["student"]]}
                path = records.path_of(folder, record["student"])
                record = records.carried(records.read(path), record)
                text = json.dumps(record, ensure_ascii=False)
                record = json.loads(text)  # as it will be read next time
                with explain_os_errors(marks, "--out"):
                    write(path, text.encode())
                done[record["student"]] = record
                if on_record:
                    on_record(record, len(done), len(found))
    return [records.credited(marks, done[one.student]) for one in found]


def _about(one: Submission) -> dict:
    """What a record says of a submission beside its marks."""
    names = ("submitted", "version", "late", "name", "id")
    return {name: getattr(one, name) for name in names}


def _under_old_name(marks: Path, one: Submission) -> Submission:
    """The submission under the name that edition 0.1.0 gave it, if that has marks already.

    It took the whole name that a platform gives to a folder or file for the student's.
    """
    for place in one.places:
        for name in (place, Path(place).stem):
            file = records.path_of(Path(), name).name
            if name != one.student and any(marks.glob(f"records/*/{escape(file)}")):
                return replace(one, student=name)
    return one


def _secret(marks: Path) -> bytes:
    """What this marker draws its numbers from: made once, so that marking again gives the same."""
    path = marks / "records" / ".secret"
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(16))
    except FileExistsError:
        pass
    found = path.read_bytes()
    if len(found) != 16:  # of a run that was killed in between
        path.unlink()
        return _secret(marks)
    return found


def _check_names(names: set[str], known: list[str]) -> None:
    """Refuse a student who has handed in nothing."""
    for name in sorted(names.difference(known)):
        near = " or ".join(map(repr, difflib.get_close_matches(name, known, 3)))
        advice = f"did you mean {near}?" if near else "names are those of the folders."
        raise CourseError(f"--again {name}: {name!r} has handed in nothing; {advice}")


def _state(released: Released, settings: Settings) -> str:
    """A checksum of what decides a mark, but for the submission.

    That is every module of the package and its weights, the set as it was handed out, the versions
    of what computes, the secret and the limits of time.
    """
    versions = [platform.python_version(), os.environ.get("KERAS_BACKEND", "")]
    versions += map(_version, _COMPUTES)
    limits = (settings.secret, settings.cell_seconds, settings.seconds)
    key = sha256(repr((versions, limits)).encode() + released.data)
    weights = [path for path in (PACKAGE / "weights").iterdir() if path.suffix in (".npz", ".json")]
    for path in sorted([*PACKAGE.rglob("*.py"), *weights]):
        place = path.relative_to(PACKAGE)
        if place.parts[0] != "_content":  # notebooks and the like, in an installed package
            key.update(sha256(place.as_posix().encode()).digest())
            key.update(sha256(path.read_bytes()).digest())
    return key.hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _memory(released: Released, workers: int) -> int:
    """Bytes that a submission may hold: so few that all workers stay below the machine's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = (3 if marker.uses_keras(released) else 1.5) * 2**30
    return int(min(wanted, 0.7 * machine / workers))


# --- workers -----------------------------------------------------------------------------------


@contextmanager
def _executor(workers: int, scheduler: str | None) -> Iterator[Callable[[], Executor]]:
    """A function that gives an executor, a new one if the last was broken."""
    if scheduler is None:
        pools: list[ProcessPoolExecutor] = []

        def make() -> Executor:
            spawn, parent = get_context("spawn"), os.getpid()
            pools.append(ProcessPoolExecutor(workers, spawn, _end_with, (parent,)))
            return pools[-1]

        others = active_children()
        try:
            yield make
        except BaseException:  # nobody waits for what is being marked just now
            for worker in active_children():
                if worker not in others:
                    worker.kill()
            raise
        finally:
            for pool in pools:
                pool.shutdown(cancel_futures=True)
        return
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(
            "--scheduler needs Dask, which is not installed: pip install 'tlcourse[grading]'."
        ) from None
    try:
        client = Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"no scheduler answers at {scheduler!r} ({error}): start one with dask scheduler."
        ) from None
    with client:
        yield lambda: client.get_executor(pure=False, retries=_TRIES)


def _marked(
    make: Callable[[], Executor], todo: list[Submission], settings: Settings
) -> Iterator[dict]:
    """Records as they are finished; those of a lost worker are done again elsewhere."""
    left = {one.student: one for one in todo}
    for _ in range(_TRIES):
        executor = make()
        futures: Iterable[Future] = [executor.submit(work, one, settings) for one in left.values()]
        try:
            for future in as_completed(futures):
                record = future.result()
                del left[record["student"]]
                yield record
        except BrokenProcessPool:
            continue
        return
    raise CourseError(
        f"{len(left)} submissions are not marked, the first {min(left)!r}: the worker's process "
        "died each time. What is marked is kept; run the command again to go on."
    )


def _end_with(parent: int) -> None:
    """Have this worker, and with it its sandbox, end when the process that started it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that process is interrupted too, and ends this
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


_LOCK = threading.Lock()  # a worker of Dask may run several threads
_BOXES: dict[tuple[str, int], Sandbox] = {}
_TIMERS: dict[tuple[str, int], threading.Timer] = {}


def work(submission: Submission, settings: Settings) -> dict:
    """Mark one submission in a worker's own sandbox, which stays a while for the next.

    A worker of Dask outlives the run that it works for; its sandbox should not.
    """
    with _LOCK:
        released = content.released(settings.exercise)
        which = (settings.exercise, settings.memory)
        if which not in _BOXES:
            _BOXES[which] = marker.sandbox(released, settings.memory)
            Finalize(None, _BOXES[which].stop, exitpriority=10)  # atexit does not reach a pool
        if which in _TIMERS:
            _TIMERS[which].cancel()
        try:
            return marker.mark(
                submission,
                released,
                _BOXES[which],
                secret=settings.secret,
                cell_seconds=settings.cell_seconds,
                seconds=settings.seconds,
            )
        finally:
            _TIMERS[which] = threading.Timer(_IDLE, _rest, (which,))
            _TIMERS[which].daemon = True
            _TIMERS[which].start()


def _rest(which: tuple[str, int]) -> None:
    """End a sandbox that nobody needs; it is started again for the next submission."""
    with _LOCK:
        if threading.current_thread() is _TIMERS[which]:
            _BOXES[which].stop()
