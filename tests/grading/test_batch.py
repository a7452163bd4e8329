"""A class is marked: where submissions lie, runs that are killed, two at once, lost workers."""

import dataclasses
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version

import psutil
import pytest
import typer

from tests.checks import notebook
from tests.grading import needs_sandbox
from tests.grading.records import ROOT
from tests.grading.test_sandbox import cannot_add_rights
from tlcourse import cli
from tlcourse.course import content
from tlcourse.files import CourseError
from tlcourse.grading import batch, collection, handins, rules

NAME = "ex02"
FILE = notebook("exercises", NAME).name
SOLVED = notebook("solutions", NAME).read_bytes()
OPEN = notebook("exercises", NAME).read_bytes()


def put(path, data=OPEN):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def zipped(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def found(source):
    return {
        one.student: (one.file, one.reason) if one.reason else (one.file, one.data)
        for one in collection.collect(source, NAME, FILE).submissions
    }


# --- where submissions lie ---------------------------------------------------------------------


def test_a_folder_a_zip_or_a_notebook_for_each_student(tmp_path):
    put(tmp_path / "ada" / FILE, SOLVED)
    put(tmp_path / "bob" / NAME / FILE)
    zipped(tmp_path / "cleo" / "ex02-submission.zip", {FILE: OPEN})
    zipped(tmp_path / "dora.zip", {FILE: SOLVED})
    put(tmp_path / "eve.ipynb")
    put(tmp_path / "fay" / "ex02_mine.ipynb")
    put(tmp_path / "gus" / "notes.txt")
    put(tmp_path / ".DS_Store")
    put(tmp_path / "list.csv")
    assert found(tmp_path) == {
        "ada": (FILE, SOLVED),
        "bob": (FILE, OPEN),
        "cleo": (FILE, OPEN),
        "dora": (FILE, SOLVED),
        "eve": ("eve.ipynb", OPEN),
        "fay": ("ex02_mine.ipynb", OPEN),
        "gus": ("notes.txt", "there is no notebook of ex02, only notes.txt"),
    }


@pytest.mark.parametrize("layout", ["{}/" + FILE, "all/{}/" + FILE, "all/{}/ex02/" + FILE])
@pytest.mark.parametrize("students", [["ada"], ["ada", "bob"]])
def test_a_zip_of_a_class(tmp_path, layout, students):
    own = {student: OPEN + b" " * i for i, student in enumerate(students)}
    files = {layout.format(student): data for student, data in own.items()}
    source = zipped(tmp_path / "class.zip", files)
    assert found(source) == {student: (FILE, data) for student, data in own.items()}


def test_the_time_of_nbgrader_s_stamp_counts(tmp_path):
    files = {f"ada/{NAME}/{FILE}": OPEN}
    files[f"ada/{NAME}/timestamp.txt"] = b"2026-02-03 04:05:06.7 UTC"
    for name, data in files.items():
        put(tmp_path / "class" / name, data)
    for source in (tmp_path / "class", zipped(tmp_path / "class.zip", files)):
        (one,) = collection.collect(source, NAME, FILE, trust_timestamps=True).submissions
        assert one.submitted == "2026-02-03T04:05:06+00:00"


def test_a_zip_of_a_class_tells_the_times_of_its_unpacked_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        path = put(tmp_path / "class" / "ada" / FILE)
        os.utime(path, (1_796_119_200, 1_796_119_200))  # 2026-12-01 10:00 UTC
        zipped(tmp_path / "class" / "bob.zip", {FILE: OPEN})
        with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
            archive.write(path, f"ada/{FILE}")
            archive.writestr(zipfile.ZipInfo(f"bob/{FILE}", (2026, 0, 0, 0, 0, 0)), OPEN)
            archive.writestr("timestamp.txt", "2026")  # of nobody
        unpacked = collection.collect(tmp_path / "class", NAME, FILE).submissions[0].submitted
        ada, bob = collection.collect(tmp_path / "class.zip", NAME, FILE).submissions
    finally:
        monkeypatch.undo()
        time.tzset()
    assert ada.submitted == unpacked == "2026-12-01T10:00:00+00:00"
    assert (bob.submitted, bob.data) == ("", OPEN)  # a date that is none costs no marks


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "does not exist"),
        (lambda p: p.mkdir(), "There is no submission in"),
        (lambda p: put(p, b"no zip"), "neither a folder nor a sound zip"),
        (lambda p: zipped(p, {}), "There is no submission in"),
    ],
)
def test_what_is_no_class_is_one_sentence(tmp_path, make, words):
    make(tmp_path / "class")
    with pytest.raises(CourseError, match=words):
        collection.collect(tmp_path / "class", NAME, FILE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,when\n", "must name the columns student and deadline"),
        ("student,deadline\nada,soon\n", "line 2: 'soon' is no time"),
    ],
)
def test_extensions_that_cannot_be_read(tmp_path, text, words):
    path = put(tmp_path / "late.csv", text.encode())
    with pytest.raises(CourseError, match=words):
        rules.read_extensions(path)


# --- what is run -------------------------------------------------------------------------------


def test_format_3_and_odd_cells_are_read():
    cells = [
        {"cell_type": "code", "input": ["x = 1\n", "y = 2"]},
        {"cell_type": "heading", "source": "A"},
        {"cell_type": "code", "source": 3},
        "nonsense",
    ]
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}], "x": float("nan")})
    assert [cell[:2] for cell in handins.read(data.encode())] == [
        ("code", "x = 1\ny = 2"),
        ("raw", "A"),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (SOLVED[:3000], "only a part of one"),
        (b"\x00\xff\x00", "no text"),
        (b"[1, 2]", "has no cells"),
        (b'{"cells": []}', "no cells"),
        (b"[" * 200_000, "without end"),
    ],
)
def test_what_is_no_notebook_is_named(data, words):
    with pytest.raises(handins.Unreadable, match=words):
        handins.read(data)


# --- a class is marked ---------------------------------------------------------------------------


def points(records):
    return {r["student"]: sum(v["points"] for v in r["tasks"].values()) for r in records}


@pytest.fixture
def class_of(tmp_path):
    """A class in which every tenth has solved everything."""

    def make(students):
        folder = tmp_path / "class"
        for i in range(students):
            put(folder / f"student{i:03}" / FILE, OPEN if i % 10 else SOLVED)
        return folder

    return make


def expected(students):
    return {f"student{i:03}": 0 if i % 10 else 80 for i in range(students)}


def stamps(marks):
    return {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in marks.glob("records/*/*.json")}


@needs_sandbox
def test_marking_again_marks_nothing_and_a_new_file_only_itself(class_of, tmp_path):
    source, marks = class_of(4), tmp_path / "marks"
    first = batch.grade(source, NAME, marks)
    assert points(first) == expected(4)
    before = stamps(marks)
    assert batch.grade(source, NAME, marks) == first
    assert stamps(marks) == before
    put(source / "student001" / FILE, SOLVED)
    assert points(batch.grade(source, NAME, marks)) == expected(4) | {"student001": 80}
    changed = {path.stem for path, stamp in stamps(marks).items() if before[path] != stamp}
    assert changed == {"student001"}


@needs_sandbox
def test_a_corrected_time_counts_without_marking_again(class_of, tmp_path):
    source, marks = class_of(1), tmp_path / "marks"
    batch.grade(source, NAME, marks)
    before = stamps(marks)
    os.utime(source / "student000" / FILE, (1_770_091_506, 1_770_091_506))
    (record,) = batch.grade(source, NAME, marks)
    assert record["submitted"] == "2026-02-03T04:05:06+00:00"
    assert stamps(marks) == before


@needs_sandbox
def test_a_notebook_of_another_set_is_named(tmp_path):
    put(tmp_path / "class" / "ada" / FILE, notebook("exercises", "ex01").read_bytes())
    (record,) = batch.grade(tmp_path / "class", NAME, tmp_path / "marks")
    assert record["status"] == "unreadable"
    assert record["reason"] == "it is a notebook of ex01, not of ex02"


@needs_sandbox
@pytest.mark.timeout(3600)  # it takes half a minute of processor time
def test_a_run_that_is_killed_ten_times_goes_on_and_marks_nothing_twice(class_of, tmp_path):
    students = 200  # so many that ten kills on a busy machine come before the end
    source, marks = class_of(students), tmp_path / "marks"
    command = [sys.executable, "-m", "tlcourse", "grade", str(source), "--exercise", NAME]
    command += ["--out", str(marks)]
    draw, seen = random.Random(0), {}
    for _ in range(10):
        run = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        goal = len(seen) + draw.randrange(1, 8)
        while len(stamps(marks)) < goal and run.poll() is None:
            time.sleep(0.01)
        time.sleep(draw.random() / 30)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        now = stamps(marks)
        assert seen.items() <= now.items()
        seen = now
    assert len(seen) < students, "it was done before the last kill"
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, f"{students} marked" in done.stdout) == (0, True)
    assert seen.items() <= stamps(marks).items()
    records = [json.loads(path.read_text("utf-8")) for path in stamps(marks)]
    assert points(records) == expected(students)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{marks / 'gradebook.db'}") as book:
        scores = {s.student_id: s.score for s in book.assignment_submissions(NAME)}
    assert scores == expected(students)


@needs_sandbox
def test_two_runs_at_once_agree(class_of, tmp_path):
    source, marks, results = class_of(12), tmp_path / "marks", []
    threads = [
        threading.Thread(target=lambda: results.append(batch.grade(source, NAME, marks)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdicts = [[(r["student"], r["tasks"]) for r in records] for records in results]
    assert verdicts[0] == verdicts[1]
    assert points(results[0]) == expected(12)


@needs_sandbox
def test_the_submissions_of_a_lost_worker_are_done_again(class_of, tmp_path, monkeypatch):
    pools = []

    class Pool(ProcessPoolExecutor):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            pools.append(self)

    monkeypatch.setattr(batch, "ProcessPoolExecutor", Pool)

    def lose(record, done, total):
        if done == 3:
            os.kill(next(iter(pools[0]._processes)), signal.SIGKILL)

    records = batch.grade(class_of(30), NAME, tmp_path / "marks", workers=2, on_record=lose)
    assert points(records) == expected(30)
    assert len(pools) > 1


@needs_sandbox
def test_a_cluster_of_dask_gives_the_same_marks_though_a_worker_is_lost(class_of, tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed")
    students, seen = 40, []
    with _cluster(tmp_path) as (address, workers):

        def lose(record, done, total):
            seen.append(record["student"])
            if len(seen) == 8:
                workers[0].kill()

        records = batch.grade(
            class_of(students), NAME, tmp_path / "marks", scheduler=address, on_record=lose
        )
    assert points(records) == expected(students)
    assert len(seen) == len(set(seen)) == students


class _cluster:
    """A scheduler and two workers, as processes of their own."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def __enter__(self):
        said = self.folder / "scheduler.json"
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self._start("dask_scheduler", *options, "--scheduler-file", str(said))
        while not said.exists():
            time.sleep(0.05)
        address = json.loads(said.read_text())["address"]
        workers = [
            self._start(
                "dask_worker", address, "--no-nanny", "--no-dashboard", "--nthreads", "1",
                "--host", "127.0.0.1", "--local-directory", str(self.folder / f"worker{i}"),
            )
            for i in range(2)
        ]  # fmt: skip
        return address, workers

    def _start(self, program, *options):
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(run)
        return run

    def __exit__(self, *_):
        for run in reversed(self.processes):  # a worker may wait for a scheduler that has gone
            run.terminate()
            run.wait(200)


# --- what changes a mark -----------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, whose files are what a mark depends on."""
    skip = shutil.ignore_patterns("__pycache__", "_content", "*.npz")
    copy = tmp_path / "package"
    shutil.copytree(batch.PACKAGE, copy, ignore=skip)
    (copy / "weights" / "small.npz").write_bytes(b"weights")
    monkeypatch.setattr(batch, "PACKAGE", copy)
    return copy


def state(**changed):
    settings = batch.Settings(NAME, b"secret", 10.0, 120.0, 2**30)
    return batch._state(content.released(NAME), dataclasses.replace(settings, **changed))


def test_every_module_of_the_package_is_in_the_key_of_a_mark(package):
    keys, modules = {state()}, sorted(package.rglob("*.py"))
    for module in modules:
        module.write_bytes(module.read_bytes() + b"\n")
        keys.add(state())
    (package / "weights" / "small.npz").write_bytes(b"other weights")
    keys.add(state())
    modules[0].unlink()
    keys.add(state())
    (package / "new.py").touch()
    keys.add(state())
    assert len(keys) == len(modules) + 4
    names = {module.relative_to(package).as_posix() for module in modules}
    assert {"checks/forbidden.py", "losses.py", "evaluation.py", "grading/world.py"} <= names


@pytest.mark.parametrize("name", ["numpy", "keras", "tensorflow", "scipy"])
def test_the_version_of_what_computes_is_in_the_key_of_a_mark(name, monkeypatch):
    before = state()
    monkeypatch.setattr(batch, "version", lambda n: "0.1" if n == name else version(n))
    assert state() != before


def test_python_the_back_end_the_set_and_the_limits_are_in_the_key_of_a_mark(monkeypatch):
    keys = {state(), state(secret=b"other"), state(cell_seconds=9.0), state(seconds=9.0)}
    with monkeypatch.context() as patch:
        patch.setattr(batch.platform, "python_version", lambda: "3.99.0")
        keys.add(state())
    with monkeypatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "other")
        keys.add(state())
    released = content.released(NAME)
    with monkeypatch.context() as patch:
        changed = dataclasses.replace(released, data=released.data + b" ")
        patch.setattr(batch.content, "released", lambda _: changed)
        keys.add(state())
    assert len(keys) == 7


def test_what_changes_no_mark_is_not_in_its_key(package):
    before = state()
    (package / "weights" / "README.md").write_text("other words")
    (package / "questions.toml").write_text("")
    (package / "course" / "first_edition.json").write_text("{}")
    (package / "course" / "templates" / "slides.html.j2").write_text("")
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "losses.cpython-311.pyc").write_bytes(b"x")
    (package / "_content" / "notebooks").mkdir(parents=True)
    (package / "_content" / "notebooks" / "tool.py").touch()
    assert state() == before == state(memory=2**31)


@needs_sandbox
def test_after_a_change_of_the_package_all_are_marked_again_and_get_the_same(
    class_of, package, tmp_path
):
    source, marks = class_of(2), tmp_path / "marks"
    first, before = batch.grade(source, NAME, marks), stamps(marks)
    (package / "quiz.py").write_text("# changed")
    second = batch.grade(source, NAME, marks)
    assert not before.items() & stamps(marks).items()
    assert points(second) == points(first)


# --- limits, and marking again -----------------------------------------------------------------


def with_cell(source):
    """The solved notebook with one more cell at its end."""
    nb = json.loads(SOLVED)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    nb["cells"].append(cell | {"source": source})
    return json.dumps(nb).encode()


@needs_sandbox
def test_who_hit_a_limit_is_listed_and_can_be_marked_again(class_of, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(batch, "_memory", lambda *_: 2**28)
    source, marks = class_of(2), tmp_path / "marks"
    put(source / "eve" / FILE, with_cell("while True:\n    pass"))
    put(source / "fay" / FILE, with_cell("kept = [np.ones(2**17) for _ in range(10_000)]"))
    command = [source, "--exercise", "2", "--out", marks, "--cell-seconds", "1"]
    code, out, _ = run_command(capsys, *command)
    assert code == 0
    assert "eve, fay hit a limit of memory or time. --again limits marks them again" in out
    records = {path.stem: json.loads(path.read_text("utf-8")) for path in stamps(marks)}
    assert {name: one["limits"] for name, one in records.items() if one["limits"]} == {
        "eve": ["time"],
        "fay": ["memory"],
    }
    for names, changed in ((["limits"], {"eve", "fay"}), (["student000", "eve"],) * 2):
        before = stamps(marks)
        code, out, _ = run_command(capsys, *command, *(o for n in names for o in ("--again", n)))
        assert "eve, fay hit a limit of memory or time." in out
        again = {path.stem for path, stamp in stamps(marks).items() if before[path] != stamp}
        assert (code, again) == (0, set(changed))


def test_to_mark_someone_again_who_has_handed_in_nothing_is_one_sentence(
    class_of, tmp_path, capsys
):
    command = [class_of(3), "--exercise", "2", "--out", tmp_path / "marks"]
    for name, words in (
        ("studnet001", "'studnet001' has handed in nothing; did you mean 'student001' or"),
        ("zoe", "'zoe' has handed in nothing; names are those of the folders."),
    ):
        code, _, err = run_command(capsys, *command, "--again", name)
        assert code == 1
        assert words in err


@needs_sandbox
def test_importing_a_framework_is_not_counted_and_an_answer_that_does_it_is_right(tmp_path):
    """Importing Keras takes several seconds of processor time."""
    body = "def softmax(z):\n    import keras\n"
    source = SOLVED.replace(b"def softmax(z):\\n", json.dumps(body)[1:-1].encode())
    assert source != SOLVED
    put(tmp_path / "class" / "ada" / FILE, source)
    (record,) = batch.grade(tmp_path / "class", NAME, tmp_path / "marks", cell_seconds=1.0)
    assert record["tasks"]["softmax"]["status"] == "correct"
    assert record["cpu"] > 1
    assert record["limits"] == []


# --- a run that ends ---------------------------------------------------------------------------


@needs_sandbox
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"])
def test_when_the_run_ends_its_workers_and_sandboxes_end_and_no_folder_is_left(
    how, class_of, tmp_path, interruptible
):
    source, temporary = class_of(2), tmp_path / "tmp"
    put(source / "a" / FILE, with_cell("import time\ntime.sleep(1000)"))
    temporary.mkdir()
    command = [sys.executable, "-m", "tlcourse", "grade", str(source), "--exercise", NAME]
    command += ["--out", str(tmp_path / "marks"), "--workers", "2", "--cell-seconds", "600"]
    env = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, env=env, stdout=-1, stderr=-1, text=True) as run:
        top = psutil.Process(run.pid)
        end = time.monotonic() + 120
        while len(stamps(tmp_path / "marks")) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        processes = top.children(recursive=True)
        names = Counter(process.name() for process in processes)
        assert names["bwrap"] >= 2
        run.send_signal(getattr(signal, how))
        _, said = run.communicate(timeout=60)
    _, alive = psutil.wait_procs(processes, 60)
    assert not alive
    assert not list(temporary.iterdir())
    assert "Traceback" not in said
    if how == "SIGINT":
        assert "you interrupted it. 2 submissions are marked and kept" in said


@needs_sandbox
def test_a_worker_that_nobody_needs_ends_its_sandbox(class_of, tmp_path, monkeypatch):
    """A worker of Dask lives on when the run that it worked for is killed."""
    monkeypatch.setattr(batch, "_IDLE", 0.2)
    (one,) = collection.collect(class_of(1), NAME, FILE).submissions
    settings = batch.Settings(NAME, b"secret", 10.0, 120.0, 2**30)
    box = None
    for _ in range(2):
        assert batch.work(one, settings)["status"] == "marked"
        box = batch._BOXES[NAME, 2**30]
        end = time.monotonic() + 60
        while box._process is not None and time.monotonic() < end:
            time.sleep(0.05)
        assert box._process is None


# --- the command -------------------------------------------------------------------------------


def run_command(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(["grade", *map(str, arguments)])
    out, err = capsys.readouterr()
    return end.value.code or 0, out, err.splitlines()[-1] if err else ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "--exercise", "ex02"], "nowhere does not exist"),
        ([".", "--exercise", "ex99"], "There is no exercise 'ex99'"),
        ([".", "--exercise", "2", "--penalty", "0.1"], "need a --deadline"),
        ([".", "--exercise", "2", "--deadline", "tomorrow"], "'tomorrow'"),
        ([".", "--exercise", "2", "--workers", "0"], "--workers"),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, _, err = run_command(capsys, *arguments)
    assert code in (1, 2)
    assert words in err


@needs_sandbox
def test_a_class_is_marked_by_the_command(class_of, tmp_path, capsys):
    source, late = class_of(10), put(tmp_path / "late.csv", b"student,deadline\nben,2030-01-01\n")
    put(source / "student003" / FILE, SOLVED[:5000])
    options = ["--deadline", "2029-12-01 18:00", "--extensions", late]
    code, out, _ = run_command(
        capsys, source, "--exercise", "2", "--out", tmp_path / "marks", *options
    )
    assert code == 0
    assert "10 handed in, 9 marked, 1 unreadable, 0 late" in out
    assert "student003 gets 0 points, because the file cannot be read: it is not a notebook" in out
    assert "Open questions wait for you in formgrader: student000" in out
    assert "ben got an extension and handed in nothing." in out
    assert (tmp_path / "marks" / "ex02.csv").read_text("utf-8").count("\n") == 11


@needs_sandbox
def test_where_each_submission_needs_a_sandbox_of_its_own_the_marks_are_the_same_and_it_is_said(
    class_of, tmp_path, capsys, monkeypatch
):
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("PATH", cannot_add_rights(tmp_path / "tools"))
    marks = tmp_path / "marks"
    code, out, _ = run_command(capsys, class_of(2), "--exercise", "2", "--out", marks)
    assert code == 0
    assert "Each submission got a sandbox of its own, which is slow" in out
    assert points([json.loads(path.read_text("utf-8")) for path in stamps(marks)]) == expected(2)


def test_the_list_runs_nothing_and_writes_nothing(class_of, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")  # so that there is no sandbox either
    source = class_of(3)
    put(source / "student001" / "old.ipynb")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run_command(
        capsys, source, "--exercise", "2", "--list", "--out", tmp_path / "marks"
    )
    assert (code, err) == (0, "")
    assert out.startswith("3 handed in, 4 entries.")
    assert f"  marked: student000/{FILE}: the only notebook" in out
    assert "  another version: student001/old.ipynb: the same file again" in out
    assert sorted(tmp_path.rglob("*")) == before


@needs_sandbox
def test_a_second_run_needs_no_option_again_and_says_what_is_nobodys(class_of, tmp_path, capsys):
    source, marks = class_of(2), tmp_path / "marks"
    roster = put(tmp_path / "people.csv", b"Full name\nstudent000\nstudent001\nGone Fishing\n")
    put(source / "notes.pdf")
    deadline = ["--deadline", "2020-12-01 18:00", "--penalty", "0.5", "--max-penalty", "0.25"]
    command = [source, "--exercise", "2", "--out", marks]
    _, first, _ = run_command(capsys, *command, *deadline, "--roster", roster)
    code, second, _ = run_command(capsys, *command)
    assert (code, second) == (0, first)
    assert "2 late" in second
    assert "each day late costs 50% of the points, at most 25%" in second
    assert "1 of the roster handed in nothing: Gone Fishing" in second
    assert "This is nobody's, so it is not marked: notes.pdf" in second
    assert '"student000","marked"' in (marks / "ex02.csv").read_text("utf-8")
    assert ",20,60,90" in (marks / "ex02.csv").read_text("utf-8")
    _, third, _ = run_command(capsys, *command, "--penalty", "0")
    assert "being late costs nothing" in third
    roster.unlink()
    code, _, err = run_command(capsys, *command)
    assert code == 1
    assert "is gone: give --roster again, or delete" in err


def test_without_a_sandbox_no_marks_are_issued(class_of, tmp_path, capsys, monkeypatch):
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    code, _, err = run_command(capsys, class_of(2), "--exercise", "2", "--out", tmp_path / "marks")
    assert code == 1
    assert "No marks are issued without a working sandbox" in err
    assert "apt install bubblewrap" in err
    assert not (tmp_path / "marks" / "gradebook.db").exists()


@needs_sandbox
def test_no_scheduler_is_one_sentence(class_of, tmp_path, capsys):
    pytest.importorskip("distributed", reason="Dask is not installed")
    address = "tcp://127.0.0.1:1"
    options = ["--out", tmp_path / "marks", "--scheduler", address]
    code, _, err = run_command(capsys, class_of(2), "--exercise", "2", *options)
    assert code == 1
    assert f"no scheduler answers at '{address}'" in err


def test_a_folder_that_cannot_be_written(class_of, tmp_path, capsys):
    put(tmp_path / "marks")
    code, _, err = run_command(capsys, class_of(2), "--exercise", "2", "--out", tmp_path / "marks")
    assert code == 1
    assert "--out" in err


def test_the_guide_and_the_command_name_the_same_options():
    guide = (ROOT / "docs" / "grading.md").read_text("utf-8")
    command = typer.main.get_command(cli.app).commands["grade"]
    known = {
        name
        for one in command.params
        for name in (*one.opts, *one.secondary_opts)
        if name.startswith("--")
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", guide)) - {"--force"}  # of nbgrader
    assert named <= known
    assert known - named <= {"--exercise", "--out", "--help"}
