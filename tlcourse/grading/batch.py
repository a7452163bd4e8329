"""Mark a class: find the submissions, map `marker.mark` over workers, keep what is finished.

Each record is a file, written whole or not at all, and named by what was marked: a run that was
killed goes on where it stopped, a second one finds all done, and two at once write the same.
"""

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from glob import escape
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from urllib.parse import quote

from tlcourse.checks.learner import find as find_checks
from tlcourse.course import content
from tlcourse.course.content import Released
from tlcourse.files import CourseError, explain_os_errors, write
from tlcourse.grading import collection, marker
from tlcourse.grading.handins import Submission
from tlcourse.grading.sandbox import Sandbox

_TRIES = 3  # times that a submission is given to a worker, before the marker gives up


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
        That a cell or call, and a whole submission, may take.
    on_record : function, optional
        Called with each record, the number of those done and of all.
    found : list of Submission, optional
        What is in `source`, if that is known already.

    Returns
    -------
    list of dict
        A record for each student, by name; those that were there already among them.

    Raises
    ------
    CourseError
        If there is nothing to mark, no sandbox, or `marks` cannot be written.
    """
    released = content.released(exercise)
    if found is None:
        found = collection.collect(source, released.name, released.notebook.name).submissions
    folder = marks / "records" / released.name
    with explain_os_errors(marks, "--out"):
        folder.mkdir(parents=True, exist_ok=True)
        secret = _secret(marks)
    found = [_under_old_name(marks, one) for one in found]
    about = {one.student: _about(one) for one in found}  # it may be corrected without marking
    settings = Settings(released.name, secret, cell_seconds, seconds, _memory(released, workers))
    state = _state(settings)
    keys = {one.student: sha256((one.key + state).encode()).hexdigest() for one in found}
    records, todo = {}, []
    for one in found:
        kept = _kept(_path(folder, one.student), keys[one.student])
        if kept is None:
            todo.append(one)
        else:
            records[one.student] = kept | about[one.student]
            if on_record:
                on_record(records[one.student], len(records), len(found))
    if todo:
        with _executor(workers, scheduler) as make:
            for record in _marked(make, todo, settings):
                record |= about[record["student"]] | {"key": keys[record["student"]]}
                text = json.dumps(record, ensure_ascii=False)
                record = json.loads(text)  # as it will be read next time
                with explain_os_errors(marks, "--out"):
                    write(_path(folder, record["student"]), text.encode())
                records[record["student"]] = record
                if on_record:
                    on_record(record, len(records), len(found))
    return [records[one.student] for one in found]


def _path(folder: Path, student: str) -> Path:
    """The record of a student; a name that is no file name, or too long, becomes one."""
    name = quote(student, safe=" ,@()+'äöüÄÖÜß")
    if len(name) > 150 or name.startswith("."):
        name = f"{name[:100].lstrip('.')}-{sha256(student.encode()).hexdigest()[:16]}"
    return folder / f"{name}.json"


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
            file = _path(Path(), name).name
            if name != one.student and any(marks.glob(f"records/*/{escape(file)}")):
                return replace(one, student=name)
    return one


def _kept(path: Path, key: str) -> dict | None:
    """A record that is there already, of just this submission."""
    try:
        record = json.loads(path.read_text("utf-8"))
        return record if record["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


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


def _state(settings: Settings) -> str:
    """A checksum of what decides a mark, but for the submission."""
    checks = Path(find_checks(settings.exercise).__file__).parent
    files = [checks / f"{settings.exercise}.py"]
    files += [checks.parent / f"{name}.py" for name in ("engine", "asking", "properties")]
    names = ("handins.py", "marker.py", "protocol.py", "sandbox.py", "server.py")
    files += [Path(__file__).parent / name for name in names]
    key = sha256(repr((settings.secret, settings.cell_seconds, settings.seconds)).encode())
    for path in files:
        key.update(path.read_bytes())
    return key.hexdigest()


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
            pools.append(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
            return pools[-1]

        try:
            yield make
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


_LOCK = threading.Lock()  # a worker of Dask may run several threads
_BOXES: dict[tuple[str, int], Sandbox] = {}


def work(submission: Submission, settings: Settings) -> dict:
    """Mark one submission in a worker's own sandbox, which stays for the next."""
    with _LOCK:
        released = content.released(settings.exercise)
        which = (settings.exercise, settings.memory)
        if which not in _BOXES:
            _BOXES[which] = marker.sandbox(released, settings.memory)
            Finalize(None, _BOXES[which].close, exitpriority=10)  # atexit does not reach a pool
        return marker.mark(
            submission,
            released,
            _BOXES[which],
            secret=settings.secret,
            cell_seconds=settings.cell_seconds,
            seconds=settings.seconds,
        )
