"""The command: what it prints, its exit codes, and that it starts quickly."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import tlcourse as tlcourse_package
from tlcourse import cli
from tlcourse.course import content, lab
from tlcourse.course import run as runs
from tlcourse.files import CourseError, write


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small course in place of the real one; the working directory is empty."""
    source = tmp_path / "course"
    codes = {"00_start_here": "print('hello')", "03_cnn": "raise ValueError('boom')", "04_b": "4"}
    for name, code in codes.items():
        text = nbformat.writes(new_notebook(cells=[new_code_cell(code)]))
        write(source / f"notebooks/{name}.ipynb", text.encode())
    monkeypatch.setattr(content, "folder", lambda: source)
    monkeypatch.setattr(runs, "machine", lambda: "a test machine")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return source


@pytest.fixture
def tlcourse(capsys):
    """Run the command: exit code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(list(arguments))
        return (end.value.code or 0, *capsys.readouterr())

    return call


def test_help_takes_less_than_0_3_seconds_of_user_time_and_imports_nothing_heavy():
    code = (
        "import sys; from tlcourse.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        times.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    assert "lab" in done.stdout
    heavy = {"keras", "tensorflow", "numpy", "matplotlib", "nbclient", "jupyterlab", "sklearn"}
    assert not heavy & set(done.stderr.split())
    assert min(times) < 0.3


@pytest.mark.parametrize("command", [c.callback.__name__ for c in cli.app.registered_commands])
def test_help_names_no_types_of_python(tlcourse, command):
    _, out, _ = tlcourse(command, "--help")
    assert re.findall(r"<(?!number|path|text|time)\w+[^ ]*>", out) == []


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_names_the_commands(tlcourse, arguments):
    code, out, err = tlcourse(*arguments)
    assert (code, err) == (0, "")
    assert "lab" in out
    assert "run" in out


def test_the_command_spares_jupyter_the_grammars_of_international_addresses():
    code = (
        "import sys; from tlcourse.cli import main\n"
        "try: main(['--version'])\n"
        "finally:\n"
        "    import nbformat\n"
        "    print('lark' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "False\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_that_a_terminal_cannot_show_are_escaped(encoding):
    code = (
        "from tlcourse import cli, report\n"
        "report.make = lambda *_, **__: ['No photograph of \\u732b in \\udce9.']\n"
        "cli.main(['photos', 'pets'])"
    )
    setting = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=setting)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding).strip().replace("\\u732b", "\u732b")
    assert shown == "No photograph of \u732b in \\udce9."


def test_a_backend_that_matplotlib_does_not_know_is_one_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "tlcourse", "photos", "nowhere"],
        capture_output=True, text=True, env=os.environ | {"MPLBACKEND": "inlin"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "tlcourse: MPLBACKEND is 'inlin', which matplotlib does not know: unset it, or set it to "
        "agg.\n"
    )


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "tlcourse", "--version"], capture_output=True, text=True
    )
    assert done.stdout == f"tlcourse {metadata.version('tlcourse')}\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["frob"], 2, "frob"),
        (["lab", "--bogus"], 2, "--bogus"),
        (["lab", "--port", "x"], 2, "--port"),
        (["lab", "--port", "99999"], 2, "--port"),
        (["run", "--cell-timeout", "0"], 2, "--cell-timeout"),
        (["lab", "9"], 1, "'9'; the chapters are 00_start_here, 03_cnn, 04_b."),
        (["run", "4", "cnn"], 1, "'cnn'; the chapters are"),
    ],
)
def test_wrong_input_is_one_sentence_on_stderr(course, tlcourse, arguments, code, words):
    ended, out, err = tlcourse(*arguments)
    assert ended == code
    assert out == ""
    assert err.startswith("tlcourse: ")
    assert err.count("\n") == 1
    assert words in err
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("arguments", "chapter", "port", "browser"),
    [
        ([], "00_start_here", 8888, True),
        (["3"], "03_cnn", 8888, True),
        (["04_b", "--port", "9000", "--no-browser"], "04_b", 9000, False),
    ],
)
def test_lab_delivers_and_opens(
    course, tlcourse, monkeypatch, tmp_path, arguments, chapter, port, browser
):
    opened = []
    monkeypatch.setattr(lab, "open_lab", lambda *a, **k: opened.append((*a, k)))
    code, out, err = tlcourse("lab", *arguments)
    assert (code, err) == (0, "")
    assert "tlcourse-work" in out
    assert (tmp_path / "here/tlcourse-work/notebooks/03_cnn.ipynb").is_file()
    ((folder, name, options),) = opened
    assert (str(folder), name) == ("tlcourse-work", chapter)
    assert options == {"port": port, "browser": browser}


def test_lab_interrupted_ends_without_a_traceback(course, tlcourse, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(lab, "open_lab", interrupt)
    code, _, err = tlcourse("lab")
    assert (code, err) == (130, "")


def test_run_prints_the_table_and_where_things_are(course, tlcourse, tmp_path):
    code, out, err = tlcourse("run", "0", "04_b", "4", "--out", "results")
    assert code == 0
    assert "tlcourse:" not in err
    assert out.count("04_b") == 1
    assert "03_cnn" not in out
    assert "results" in out
    assert (tmp_path / "here/results/00_start_here.html").is_file()


def test_run_leaves_out_what_needs_pytorch_where_that_is_not_installed(
    course, tlcourse, tmp_path, monkeypatch
):
    (course / "notebooks/03_cnn.ipynb").unlink()
    needy = new_notebook(cells=[new_code_cell("import torch")])
    nbformat.write(needy, course / "notebooks/10_torch.ipynb")
    monkeypatch.setattr(content, "find_spec", lambda name: None)
    code, out, err = tlcourse("run", "--out", "results")
    assert (code, err) == (0, "")
    assert "Not run: 10_torch, for PyTorch is not installed (make torch).\n" in out
    assert (tmp_path / "here/results/04_b.html").is_file()
    assert not (tmp_path / "here/results/10_torch.html").exists()


def test_run_names_no_folder_where_nothing_is_finished(course, tlcourse, tmp_path, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "machine", interrupt)
    code, out, err = tlcourse("run", "0", "--out", "x")
    assert (code, out) == (130, "")
    assert "tlcourse: you interrupted it: 0 of 1 chapters are finished\n" in err
    assert not (tmp_path / "here/x").exists()


def test_run_says_one_sentence_where_keras_does_not_start(course, tlcourse, monkeypatch):
    def fail():
        raise CourseError("Nothing was run. Keras does not start: unset x.")

    monkeypatch.setattr(runs, "machine", fail)
    assert tlcourse("run", "0") == (
        1,
        "",
        "tlcourse: Nothing was run. Keras does not start: unset x.\n",
    )


def test_grade_says_one_sentence_about_a_wrong_folder(tlcourse, tmp_path):
    code, out, err = tlcourse("grade", str(tmp_path / "nowhere"), "--exercise", "2")
    assert (code, out) == (1, "")
    assert err.startswith("tlcourse: ")
    assert err.count("\n") == 1


_SCRIPT = metadata.entry_points(group="console_scripts", name="tlcourse")["tlcourse"].value


@pytest.mark.parametrize(
    "start", [["-m", "tlcourse"], ["-c", "from {} import {}; main()".format(*_SCRIPT.split(":"))]]
)
def test_the_command_and_what_it_starts_import_nothing_from_the_current_folder(
    course, tmp_path, monkeypatch, start
):
    """A folder of submissions may hold a random.py, and PYTHONPATH an empty entry: this folder."""
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", "") + os.pathsep)
    for name in ("random.py", "socket.py", "typer.py", "numpy.py"):
        write(tmp_path / "here" / name, f"open({str(tmp_path / 'imported')!r}, 'w')".encode())
    write(tmp_path / "here/ada/x.ipynb", b"{}")
    command = [sys.executable, *start, "grade", ".", "--exercise", "2", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "imported").exists()


def test_run_reports_a_failing_cell_and_runs_all_the_same(course, tlcourse, tmp_path):
    code, out, err = tlcourse("run")
    assert code == 1
    assert "tlcourse: 03_cnn, cell [1]: ValueError: boom\n" in err
    assert "04_b" in out
    assert len(list((tmp_path / "here/tlcourse-run").glob("*.html"))) == 3


RUN = """
import sys
from pathlib import Path
from tlcourse.course import content
from tlcourse.course import run as runs
from tlcourse.cli import main
content.folder = lambda: Path(sys.argv[1])
runs.machine = lambda: "a test machine"
main(["run", "0", "3"])
"""


def test_run_interrupted_keeps_what_is_finished_and_says_so(course, tmp_path, interruptible):
    slow = "import os, time; open({!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    slow = new_notebook(cells=[new_code_cell(slow.format(str(tmp_path / "kernel")))])
    nbformat.write(slow, course / "notebooks/03_cnn.ipynb")
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(course)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 300
    while not (tmp_path / "kernel").exists() and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert "tlcourse: you interrupted it: 1 of 2 chapters are finished\n" in err
    assert "Traceback" not in err
    assert "Task" not in err
    assert "00_start_here" in out
    assert (tmp_path / "here/tlcourse-run/00_start_here.html").is_file()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "kernel").read_text()), 0)


# --- photos ------------------------------------------------------------------------------------


@pytest.fixture
def report(monkeypatch):
    """A report that is made at once, or ends as it is told to; what it was asked for."""
    calls = []

    def make(folder, out, *, minutes, on_progress):
        calls.append((str(folder), out, minutes))
        on_progress("tuning", 1, 3)
        if isinstance(module.end, BaseException):
            raise module.end
        return module.end

    module = SimpleNamespace(make=make, calls=calls, end=["A verdict.", "The page is x."])
    monkeypatch.setitem(sys.modules, "tlcourse.report", module)
    monkeypatch.setattr(tlcourse_package, "report", module, raising=False)
    return module


def test_photos_prints_the_verdict_and_where_the_page_is(report, tlcourse):
    assert tlcourse("photos", "pets") == (0, "A verdict.\nThe page is x.\n", "")
    assert tlcourse("photos", "pets", "--minutes", "3", "--out", "there")[0] == 0
    assert report.calls == [("pets", None, 10), ("pets", Path("there"), 3)]


def test_photos_says_now_and_then_what_it_does_where_there_is_no_terminal(
    report, tlcourse, monkeypatch
):
    monkeypatch.setattr("tlcourse.cli._SILENCE", 0)
    code, out, err = tlcourse("photos", "pets")
    assert (code, out) == (0, "A verdict.\nThe page is x.\n")
    assert re.fullmatch(r"after \d+ s: tuning\n", err)


def test_photos_interrupted_says_that_the_same_command_goes_on(report, tlcourse):
    report.end = KeyboardInterrupt()
    code, out, err = tlcourse("photos", "pets")
    assert (code, out) == (130, "")
    assert err == (
        "tlcourse: you interrupted it. What is measured is kept, and the same command goes on.\n"
    )


@pytest.mark.parametrize("minutes", ["0", "-1", "x", "nan", "inf"])
def test_photos_takes_no_senseless_budget(report, tlcourse, minutes):
    code, out, err = tlcourse("photos", "pets", "--minutes", minutes)
    assert (code, out, report.calls) == (2, "", [])
    assert "--minutes" in err
    assert err.count("\n") == 1


def test_photos_answers_bad_input_in_one_sentence_without_keras(tmp_path):
    code = (
        "import sys; from tlcourse.cli import main\n"
        "try: main(['photos', 'nowhere'])\n"
        "finally: print('keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.startswith("tlcourse: There is no folder nowhere")
    assert done.stderr.count("\n") == 1
    assert done.stdout == "False\n"
    assert os.listdir(tmp_path) == []
