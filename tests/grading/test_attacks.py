"""One batch of attacks, honest mess and honest work: who gets which points, and that nobody harms
anybody else. The corpus is in `attacks/`."""

import csv
import ctypes
import hashlib
import io
import json
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import zipfile
from collections import Counter
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median

import pytest

from tests.grading import attacks, needs_sandbox
from tests.grading.attacks import EXERCISE, FILE, TASKS, WRONG, Book, World, right
from tlcourse.grading import collection, handins

LIMIT = 1  # processor seconds for a cell or a call
CORPUS = attacks.every()
TAKE_TIME = ("killing-cripple-the-server", "killing-shrink-the-server")  # from whoever comes next
CANARY = "0123456789abcdef" * 2


# --- the corpus itself -------------------------------------------------------------------------


def test_the_corpus_is_large_and_each_entry_says_what_it_tries():
    assert len(CORPUS) >= 40
    assert len({attack.name for attack in CORPUS}) == len(CORPUS)
    assert {attack.name.partition("-")[0] for attack in CORPUS} == set(attacks.GROUPS)
    for attack in CORPUS:
        says = attack.says.splitlines()
        assert says[0].endswith((".", "?")), attack.name
        assert len(says) == 1, attack.name


# --- the batch ---------------------------------------------------------------------------------


WORK = """
    import fcntl, mmap, multiprocessing, os, pty, socket, tempfile
    lock = multiprocessing.Lock()
    np.save("/tmp/numbers.npy", np.arange(3))
    np.save("numbers.npy", np.load("/tmp/numbers.npy"))
    ends = pty.openpty()
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/x", "w") as file:
        file.write("x")
    with open("/dev/shm/shared", "w+b") as file:
        file.truncate(2**20)
        shared = mmap.mmap(file.fileno(), 2**20)
    for path in ("/dev/null", "/tmp", "/dev/shm", "/sandbox/server.py", np.__file__):
        fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    for port in (8000, 8888):
        socket.socket().bind(("127.0.0.1", port))
    assert 1e9 < os.stat("/tmp").st_mtime < 2**33
    used = True
"""


def uses_the_machine(book: Book) -> None:
    """Its answers are right only if it could use whatever a learner's code may use."""
    book.before("softmax", WORK)
    for task in TASKS[:6]:
        book.answer(task, f"assert used\n{right(task)}")


def solves_all(book: Book) -> None:
    uses_the_machine(book)


def solves_half(book: Book) -> None:
    uses_the_machine(book)
    book.wrong(*TASKS[::2])


def leaves_some_open(book: Book) -> None:
    uses_the_machine(book)
    for task in TASKS[3:]:
        book.answer(task, f"def {task}(*_):\n    raise NotImplementedError")
    for task in ("chance", "order"):
        book.answer(task, f"{task} = ...")


def uses_its_time(book: Book) -> None:
    """Needs memory and more than a second of processor time, which may have been taken away."""
    uses_the_machine(book)
    book.before("softmax", "import time\nlarge = np.zeros(2**26)")
    for task in TASKS[:6]:
        book.before(task, "begin = time.process_time()\nwhile time.process_time() < begin + 0.2: 1")


QUICK = {
    solves_all: set(TASKS),
    solves_half: set(TASKS[1::2]),
    leaves_some_open: set(TASKS[:3]),
}
HONEST = QUICK | {uses_its_time: set(TASKS)}


@contextmanager
def listening():
    """A port and an abstract socket of this machine on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as quiet:
        name = f"tlcourse-{os.getpid()}"
        quiet.bind("\0" + name)
        quiet.listen()
        yield tcp.getsockname()[1], name


def write_class(root: Path, marks: Path, port: int, name: str) -> dict[str, object]:
    """By the names of the students: an Attack, or the function that made an honest submission.

    Each attack stands between two who are honest: students are marked in the order of their names.
    """
    made, edits = {}, cycle(QUICK)

    def add(attack=None, edit=None) -> None:
        student = f"{len(made):03}-{attack.name if attack else 'honest'}"
        made[student] = attack or edit
        if attack:
            world = World(root / student, root, marks, port, name)
            world.folder.mkdir()
            attack.write(world)
        else:
            write_honest(root / student, edit)

    root.mkdir()
    add(edit=next(edits))
    for attack in CORPUS:
        add(attack)
        add(edit=uses_its_time if attack.name in TAKE_TIME else next(edits))
    return made


def write_honest(folder: Path, edit) -> None:
    folder.mkdir(parents=True)
    book = Book(World(folder, folder.parent, folder.parent))
    edit(book)
    os.utime(book.save(), (1.75e9, 1.75e9))


def digest(root: Path) -> dict[bytes, object]:
    """What there is below a folder: types, bytes, links and times."""
    found = {}
    for folder, folders, names in os.walk(os.fsencode(root)):
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            about = os.lstat(path)
            data = ""
            if stat.S_ISLNK(about.st_mode):
                data = os.readlink(path)
            elif stat.S_ISREG(about.st_mode):
                with open(path, "rb") as file:
                    data = hashlib.file_digest(file, "sha256").hexdigest()
            found[path] = (about.st_mode, about.st_size, about.st_mtime_ns, data)
    return found


def run(root: Path, marks: Path, temporary: Path) -> str:
    """`tlcourse grade`, as a lecturer runs it; what it says."""
    command = [sys.executable, "-m", "tlcourse", "grade", str(root), "--exercise", EXERCISE]
    command += ["--out", str(marks), "--cell-seconds", str(LIMIT)]
    temporary.mkdir()
    env = os.environ | {"TMPDIR": str(temporary), "TLCOURSE_CANARY": CANARY, "COLUMNS": "300"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def records(marks: Path) -> dict[str, dict]:
    found = [json.loads(p.read_text("utf-8")) for p in marks.glob(f"records/{EXERCISE}/*.json")]
    return {record["student"]: record for record in found}


def correct(record: dict) -> set[str]:
    return {name for name, verdict in record["tasks"].items() if verdict["status"] == "correct"}


def rows(marks: Path) -> dict[str, list[str]]:
    """The lines of the table of marks, by student."""
    with open(marks / f"{EXERCISE}.csv", encoding="utf-8", newline="") as file:
        return {name.lstrip("'"): values for name, *values in csv.reader(file)}


def children() -> list[str]:
    """The commands of all processes that descend from this one; orphans come to it as well."""
    import psutil

    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.fixture
def adopting():
    """Whatever outlives its parent becomes a child of this process, until the test is over."""
    prctl, subreaper = ctypes.CDLL(None).prctl, 36  # PR_SET_CHILD_SUBREAPER
    prctl(subreaper, 1, 0, 0, 0)
    yield
    prctl(subreaper, 0, 0, 0, 0)


@needs_sandbox
@pytest.mark.timeout(3600)  # a minute and a half of processor time
def test_every_attack_stands_between_two_honest_submissions_and_nobody_harms_anybody(
    tmp_path, adopting
):
    before = children()
    root, marks, temporary = tmp_path / "submissions", tmp_path / "marks", tmp_path / "tmp"
    quiet, quiet_marks = tmp_path / "quiet", tmp_path / "quiet-marks"
    with listening() as (port, name):
        students = write_class(root, marks, port, name)
        given = digest(root)
        run(root, marks, temporary)
    found, problems = records(marks), []
    assert set(found) == set(students)

    usual = median(found[s]["cpu"] for s in students if s.endswith("honest"))
    for student, expected in students.items():
        record = found[student]
        attack = expected if isinstance(expected, attacks.Attack) else None
        due = attack.correct if attack else HONEST[expected]
        if correct(record) != due:
            odd = {t: v for t, v in record["tasks"].items() if (t in due) != bool(v["points"])}
            problems.append(f"{student}: {record['reason']} {odd} {record['cells']}"[:1000])
        if attack and attack.unreadable and attack.unreadable not in record["reason"]:
            problems.append(f"{student}: it was read, or for another reason {record['reason']!r}")
        if not (attack and attack.unreadable) and record["status"] != "marked":
            problems.append(f"{student}: {record['reason']}")
        allowed = LIMIT * max(attack.hangs, 1) * os.cpu_count() + 1 + 10 * usual if attack else 1e9
        if record["cpu"] > allowed:
            problems.append(f"{student}: {record['cpu']} s, {allowed:.1f} are allowed")
        if not (record["reason"] + record["file"]).isprintable():
            problems.append(f"{student}: not printable: {record['reason'] + record['file']!r}")
        size = len(json.dumps(record))
        if size > 2**20:
            problems.append(f"{student}: a record of {size / 2**20:.0f} MB")
        said = json.dumps(record["tasks"]) + json.dumps(record["cells"])
        if CANARY in said or str(tmp_path) in said:
            problems.append(f"{student}: it is told what only the marker knows: {said[:500]}")

    # Those who are honest, alone and with the same secret.
    for edit in HONEST:
        write_honest(quiet / edit.__name__, edit)
    (quiet_marks / "records").mkdir(parents=True)
    shutil.copy2(marks / "records" / ".secret", quiet_marks / "records")
    run(quiet, quiet_marks, tmp_path / "quiet-tmp")
    alone, table, quiet_table = records(quiet_marks), rows(marks), rows(quiet_marks)
    for student, edit in students.items():
        if not isinstance(edit, attacks.Attack):
            for part in ("tasks", "cells", "answers", "limits"):
                if found[student][part] != alone[edit.__name__][part]:
                    problems.append(f"{student}: other {part} than alone: {found[student][part]}")
            if table[student] != quiet_table[edit.__name__]:
                problems.append(f"{student}: other marks than alone: {table[student]}")

    if digest(root) != given:
        problems.append("files that were handed in have changed")
    if left := Counter(children()) - Counter(before):
        problems.append(f"still running: {list(left)}")
    if left := [*temporary.iterdir(), *(tmp_path / "quiet-tmp").iterdir()]:
        problems.append(f"left behind: {left}")
    assert not problems, "\n".join(problems)


# --- the reader --------------------------------------------------------------------------------

READ = f"""
import resource, sys
from pathlib import Path
from tlcourse.grading import collection, handins
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for one in collection.collect(Path(sys.argv[1]), "{EXERCISE}", "{FILE}").submissions:
        if one.reason:
            print(one.student, one.reason)
        else:
            handins.read(one.data)
except handins.Unreadable as error:
    print(error)
except CourseError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    "name",
    [
        "five-hundred-megabytes",
        "nested-json",
        "giant-number",
        "zip-bomb",
        "zip-bomb-that-lies",
        "zip-bomb-by-bzip2",
        "odd-time",
    ],
)
def test_reading_takes_little_memory(name, tmp_path):
    (attack,) = (a for a in CORPUS if a.name == f"files-{name}")
    (tmp_path / "ada").mkdir()
    attack.write(World(tmp_path / "ada", tmp_path, tmp_path / "marks"))
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) < 200, done.stdout


def test_a_class_in_one_zip_is_read_like_its_folder(tmp_path):
    """Those of the corpus that a zip can hold; nothing is written anywhere."""
    root = tmp_path / "class"
    root.mkdir()
    for attack in [a for a in CORPUS if a.name.startswith(("mess-", "forging-"))][::3]:
        (root / attack.name).mkdir()
        attack.write(World(root / attack.name, root, tmp_path / "marks"))
    with zipfile.ZipFile(tmp_path / "class.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(tmp_path))
        archive.writestr(f"../escaped/{FILE}", "{}")
        archive.writestr(f"/absolute/{FILE}", "{}")
    before = digest(tmp_path)
    there = collection.collect(root, EXERCISE, FILE).submissions
    here = collection.collect(tmp_path / "class.zip", EXERCISE, FILE).submissions
    assert [(s.student, s.data) for s in here] == [(s.student, s.data) for s in there]
    assert digest(tmp_path) == before


def test_damaged_zips_and_notebooks_stop_nobody(tmp_path):
    """Bytes are changed and cut off at random; each is read, or the reason told."""
    rng, stream = random.Random(0), io.BytesIO()
    cell = {"cell_type": "code", "source": "x = 1", "metadata": {"nbgrader": {"grade_id": "x"}}}
    text = json.dumps({"cells": [cell], "nbformat": 4, "metadata": {}}).encode()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, text)
        archive.writestr("notes.txt", "notes" * 20)
    for i in range(1000):
        data = bytearray(stream.getvalue() if i % 2 else text)
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(len(data))] = rng.choice([0, 255, rng.randrange(256)])
        if i % 10 == 0:
            del data[rng.randrange(len(data)) :]
        (tmp_path / f"{i:03}{'.zip' if i % 2 else '.ipynb'}").write_bytes(data)
    read = 0
    for one in collection.collect(tmp_path, EXERCISE, FILE).submissions:
        try:
            read += not one.reason and len(handins.read(one.data)) > 0
        except handins.Unreadable:
            continue
    assert read > 50


def test_wrong_answers_of_the_corpus_are_wrong():
    """Every answer that attackers hand in is one that fails its check."""
    import numpy as np

    from tests.checks import answer
    from tlcourse.checks import judge, tasks

    for task, code in WRONG.items():
        given = answer(EXERCISE, task, code)
        found = judge(tasks(EXERCISE)[task], given, np.random.default_rng(0))
        assert found.status == "not yet", task
