"""A run over chapters: notebooks, pages and times, also where something is in the way."""

import re
import tempfile

import nbformat
import pytest

from tests.course.test_execute import SECONDS, notebook, text_of
from tlcourse.course import processes
from tlcourse.course import run as module
from tlcourse.course.run import Run, machine, run
from tlcourse.files import CourseError


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """Three small chapters, the second of which fails."""
    monkeypatch.setattr(module, "machine", lambda: "a test machine")
    paths = []
    codes = ["open('left', 'x')", "raise ValueError('a | b')", "open('left', 'x'); print('three')"]
    for name, code in zip(("01_one", "02_two", "03_three"), codes, strict=True):
        paths.append(tmp_path / f"{name}.ipynb")
        nbformat.write(notebook(f"# {name}", code), paths[-1])
    return paths


def test_a_run_writes_notebooks_pages_and_times_and_goes_on_after_a_failure(chapters, tmp_path):
    out, told = tmp_path / "out", []
    runs = list(run(chapters, out, cell_timeout=SECONDS, on_cell=lambda *a: told.append(a)))
    assert [r.status for r in runs] == ["ok", "cell [1]: ValueError: a | b", "ok"]
    names = [p.stem for p in chapters]
    expected = {"times.md"} | {f"{n}.{kind}" for n in names for kind in ("ipynb", "html")}
    assert {p.name for p in out.iterdir()} == expected
    assert text_of(nbformat.read(out / "03_three.ipynb", 4).cells[1]) == "three\n"
    assert "ValueError" in (out / "02_two.html").read_text()
    times = (out / "times.md").read_text()
    assert re.search(r"^\| 01_one \| 0:\d\d \| ok \|$", times, re.M)
    assert re.search(r"^\| 02_two \| 0:\d\d \| cell \[1\]: ValueError: a &#124; b \|$", times, re.M)
    assert "a test machine" in times
    assert told[0] == ("01_one", 0, 2)


def test_a_second_run_replaces_the_first(chapters, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        assert len(list(run(chapters[2:], out, cell_timeout=SECONDS, on_cell=print))) == 1
    assert "01_one" not in (out / "times.md").read_text()


def test_an_interrupted_run_keeps_what_is_finished(chapters, tmp_path):
    out = tmp_path / "out"

    def interrupt(chapter, done, total):
        if (chapter, done) == ("02_two", 1):
            raise KeyboardInterrupt

    runs = run(chapters, out, cell_timeout=SECONDS, on_cell=interrupt)
    assert next(runs).chapter == "01_one"
    with pytest.raises(KeyboardInterrupt):
        next(runs)
    assert {p.name for p in out.iterdir()} == {"times.md", "01_one.ipynb", "01_one.html"}
    assert "| 02_two | – | not run |" in (out / "times.md").read_text()


def test_a_run_never_writes_among_files_of_other_origin(chapters, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "01_one.ipynb").write_text("my work")
    with pytest.raises(CourseError, match="mine holds files that no earlier run wrote.*--out"):
        next(run(chapters, mine, cell_timeout=SECONDS, on_cell=print))
    assert [p.name for p in mine.iterdir()] == ["01_one.ipynb"]
    with pytest.raises(CourseError, match="01_one.ipynb is a file, not a folder.*--out"):
        next(run(chapters, mine / "01_one.ipynb", cell_timeout=SECONDS, on_cell=print))


@pytest.mark.parametrize(
    ("seconds", "time"),
    [(None, "–"), (0.4, "0:00"), (59.7, "1:00"), (125, "2:05"), (3600, "60:00")],
)
def test_times_are_minutes_and_seconds(seconds, time):
    assert Run("03_cnn", seconds).time == time


def test_the_machine_is_described_by_processor_and_keras():
    assert re.fullmatch(r".+; Python 3\.\d+.*Keras 3\..*", machine())


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("Keras cannot read x: delete it.", "Nothing was run. Keras cannot read x: delete it."),
        (
            "it ended with code -6",
            "Keras does not start .it ended with code -6.; `tlcourse doctor`",
        ),
    ],
)
def test_where_keras_does_not_start_nothing_is_run(problem, message, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "ask", lambda code: ("", problem))
    with pytest.raises(CourseError, match=f"^.*{message}"):
        next(run([], tmp_path / "out", cell_timeout=SECONDS, on_cell=print))
    assert not (tmp_path / "out").exists()


def test_what_keras_says_before_it_is_asked_is_not_the_machine(monkeypatch):
    monkeypatch.setattr(processes, "ask", lambda code: ("A sentence.\nPython 3.11 …", ""))
    assert machine().endswith("; Python 3.11 …")


def test_where_no_temporary_folder_can_be_made_a_sentence_says_so(chapters, tmp_path, monkeypatch):
    def full(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(CourseError, match="No usable temporary directory.*TMPDIR"):
        next(run(chapters, tmp_path / "out", cell_timeout=SECONDS, on_cell=print))
