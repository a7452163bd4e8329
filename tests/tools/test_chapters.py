"""Every table of chapters comes from one file, and nothing of a chapter or a set is missing."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tlcourse.course import content
from tools import chapters

ROOT = chapters.ROOT
COPIED = ("README.md", "docs/index.md", "docs/teach", "notebooks", "solutions", "exercises")
COPIED += ("sources", "tlcourse/questions.toml", "tlcourse/checks/sets", "tests/checks")


@pytest.fixture
def checkout(tmp_path):
    """What chapters and sets consist of, to add to."""
    for name in COPIED:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
    return tmp_path


def add(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.read_text("utf-8") + text if path.exists() else text, "utf-8")


# --- one source --------------------------------------------------------------------------------


def test_readme_and_chapters_say_what_the_table_says():
    stale = [p.name for p, text in chapters.expected().items() if p.read_text("utf-8") != text]
    assert stale == [], "run make chapters, then make notebooks"


def test_every_chapter_is_in_the_readme_and_in_chapter_00():
    described = content.described_chapters()
    assert [c.notebook.stem for c in described] == list(content.chapters())
    for page in (ROOT / "README.md", ROOT / "sources/notebooks/00_start_here.py"):
        text = page.read_text("utf-8")
        assert text.count(chapters.BEGIN) == text.count(chapters.END) == 1
        for one in described:
            assert f"[{one.number} {one.title}]" in text
            assert f"| {one.minutes} min | {one.run_time} |" in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (5, "5 s"), (60, "1 min"), (110, "1 min 50 s"), (240, "4 min")],
)
def test_a_run_time_as_a_person_says_it(seconds, said):
    assert content.Chapter("03", "A", "b", 60, seconds, Path("03_a.ipynb")).run_time == said


def test_measured_seconds_and_the_machine_are_stored(checkout, monkeypatch):
    class Done:
        chapter, seconds, status = "03_cnn_from_scratch", 118.2, "ok"

    monkeypatch.setattr(chapters.runs, "run", lambda *_, **__: iter([Done]))
    monkeypatch.setattr(chapters.runs, "machine", lambda: 'A "fast" one; Python 3.11')
    table = checkout / chapters.TABLE  # as if all had been measured on another day
    text = re.sub("(?m)^measured = .*", 'measured = "on 1999-12-31"', table.read_text("utf-8"))
    table.write_text(text, "utf-8")
    before = tomllib.loads(text)["chapter"]
    chapters.measure(["3"], checkout)
    after = tomllib.loads(table.read_text("utf-8"))["chapter"]
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [(one["number"], one["seconds"]) for one in changed] == [("03", 120)]
    assert changed[0]["machine"] == 'A "fast" one; Python 3.11'
    assert changed[0]["measured"].startswith("on 20")
    assert len(table.read_text("utf-8").splitlines()) == len(text.splitlines())


def test_a_chapter_that_was_never_measured_gets_its_day_and_machine():
    text = '# A table.\n\n[[chapter]]\nnumber = "01"\nseconds = 1\n\n[[chapter]]\nnumber = "02"\n'
    made = chapters.with_values(text, "01", {"seconds": 20, "measured": "on 2026-11-29"})
    first, second = tomllib.loads(made)["chapter"]
    assert first == {"number": "01", "seconds": 20, "measured": "on 2026-11-29"}
    assert second == {"number": "02"}


def test_the_table_says_which_chapters_were_measured_when_and_on_what():
    places = [("1", "A", "on Monday"), ("2", "A", "on Friday"), ("3", "A", "on Monday")]
    places += [("4", "A", "on Monday"), ("5", "A", "on Monday"), ("6", "B", "on Monday")]
    places += [("7", "", "")]
    made = [
        content.Chapter(f"0{n}", "T", "p", 60, 1, Path("x"), when, machine)
        for n, machine, when in places
    ]
    assert chapters.measured(made) == (
        "Run times were measured on A (01 and 03 to 05 on Monday, 02 on Friday); "
        "on B (06 on Monday)."
    )


def test_a_chapter_that_fails_changes_no_time(checkout, monkeypatch):
    class Done:
        chapter, seconds, status = "03_cnn_from_scratch", 3.0, "cell [2]: ValueError"

    monkeypatch.setattr(chapters.runs, "run", lambda *_, **__: iter([Done]))
    before = (checkout / chapters.TABLE).read_bytes()
    with pytest.raises(content.CourseError, match=r"03_cnn_from_scratch: cell \[2\]: ValueError"):
        chapters.measure(["03"], checkout)
    assert (checkout / chapters.TABLE).read_bytes() == before


# --- what is missing ---------------------------------------------------------------------------


def new_sentences(checkout: Path) -> list[str]:
    """What is missing there and not here, where something may be under way."""
    return [
        sentence for sentence in chapters.lacking(checkout) if sentence not in chapters.lacking()
    ]


def test_nothing_is_missing():
    assert chapters.lacking() == []


def test_a_chapter_that_was_begun_lacks_the_rest(checkout):
    add(checkout / "sources/notebooks/98_skeleton.py", "# %% [markdown]\n# # 98 · Skeleton\n")
    (sentence,) = new_sentences(checkout)
    assert sentence.startswith("chapter 98 lacks: ")
    for part in ("98_name.ipynb", "chapters.toml", "questions.toml", "docs/teach/98.md"):
        assert part in sentence


def test_an_entry_alone_is_not_a_chapter(checkout):
    add(checkout / chapters.TABLE, '\n[[chapter]]\nnumber = "98"\ntitle = "Skeleton"\n')
    (sentence,) = new_sentences(checkout)
    assert "98_name.py" in sentence
    assert "promise in notebooks/chapters.toml" in sentence


def test_a_title_that_is_another_in_the_notebook_is_named(checkout):
    table = checkout / chapters.TABLE
    table.write_text(table.read_text("utf-8").replace('"Weight transfer"', '"Weights"'), "utf-8")
    assert new_sentences(checkout) == ["chapter 04 lacks: the title '# 04 · Weights'"]


@pytest.mark.parametrize(
    "begun",
    [
        "tlcourse/checks/sets/ex98.py",
        "sources/solutions/ex98/ex98_a.py",
        "solutions/ex98/ex98_a.ipynb",
    ],
)
def test_an_exercise_set_that_was_begun_lacks_the_rest(checkout, begun):
    add(checkout / begun, "\n")
    (sentence,) = new_sentences(checkout)
    assert sentence.startswith("exercise set ex98 lacks: ")
    assert begun.replace("ex98_a", "ex98_*") not in sentence
    for part in ("tests/checks/ex98.py", "exercises/ex98/ex98_*.ipynb", "tasks_ex98.md"):
        assert part in sentence
