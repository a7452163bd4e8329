"""The learner's copy: delivered, kept up to date, never overwritten; and JupyterLab on it."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tlcourse.course import content, workspace
from tlcourse.course.workspace import deliver
from tlcourse.files import CourseError, write

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> dict[str, str]:
    """The files that a learner sees, with their text."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".tlcourse" not in path.parts
    }


def test_the_first_delivery_brings_everything_but_hidden_files(course, folder):
    assert deliver(folder) == [f"The course is now in {folder}."]
    assert files(folder) == {
        name: f"first edition of {name}"
        for name in (
            "exercises/ex01/a.py",
            "notebooks/00_start_here.ipynb",
            "notebooks/03_cnn.ipynb",
        )
    }


def test_a_second_delivery_writes_nothing_and_says_nothing(course, folder, monkeypatch):
    deliver(folder)
    monkeypatch.setattr(workspace, "write", None)
    assert deliver(folder) == []


def test_an_untouched_file_becomes_the_newer_edition(course, folder):
    deliver(folder)
    (course / "notebooks/03_cnn.ipynb").write_text("second edition")
    (told,) = deliver(folder)
    assert "03_cnn.ipynb" in told
    assert files(folder)["notebooks/03_cnn.ipynb"] == "second edition"
    assert len(files(folder)) == 3


def test_a_changed_file_stays_and_the_newer_edition_comes_beside_it_once(course, folder):
    deliver(folder)
    mine = folder / "notebooks/03_cnn.ipynb"
    mine.write_text("my work")
    assert deliver(folder) == []
    (course / "notebooks/03_cnn.ipynb").write_text("second edition")
    (told,) = deliver(folder)
    assert "03_cnn_new_edition.ipynb" in told
    beside = folder / "notebooks/03_cnn_new_edition.ipynb"
    assert (mine.read_text(), beside.read_text()) == ("my work", "second edition")
    beside.unlink()
    assert deliver(folder) == []
    assert not beside.exists()


def test_a_third_edition_leaves_work_in_the_second_alone(course, folder):
    deliver(folder)
    for text in ("second edition", "third edition"):
        (folder / "notebooks/03_cnn.ipynb").write_text("my work")
        (course / "notebooks/03_cnn.ipynb").write_text(text)
        deliver(folder)
    assert files(folder)["notebooks/03_cnn.ipynb"] == "my work"
    assert files(folder)["notebooks/03_cnn_new_edition.ipynb"] == "second edition"
    assert files(folder)["notebooks/03_cnn_new_edition_2.ipynb"] == "third edition"


def test_a_deleted_file_comes_back(course, folder):
    deliver(folder)
    (folder / "notebooks/03_cnn.ipynb").unlink()
    (told,) = deliver(folder)
    assert "03_cnn.ipynb" in told
    assert files(folder)["notebooks/03_cnn.ipynb"] == "first edition of notebooks/03_cnn.ipynb"


@pytest.mark.parametrize("manifest", [None, "", "{broken", "[]", "null", "\xff"])
def test_without_a_sound_manifest_every_file_counts_as_changed(course, folder, manifest):
    deliver(folder)
    (folder / "notebooks/03_cnn.ipynb").write_text("my work")
    path = folder / ".tlcourse/manifest.json"
    path.unlink() if manifest is None else path.write_bytes(manifest.encode("latin-1"))
    (told,) = deliver(folder)
    assert "03_cnn_new_edition.ipynb" in told
    assert files(folder)["notebooks/03_cnn.ipynb"] == "my work"
    assert deliver(folder) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_write_that_fails_midway_is_one_sentence_and_the_next_start_goes_on(
    course, folder, monkeypatch, number
):
    deliver(folder)
    (folder / "notebooks/00_start_here.ipynb").write_text("my work")
    (course / "exercises/ex01/a.py").write_text("second edition")
    for path in course.glob("notebooks/*.ipynb"):
        path.write_text("second edition")
    replace = os.replace

    def fail(source, target):
        if "03_cnn" in str(target):
            raise OSError(number, os.strerror(number), source, None, target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(CourseError, match=f"03_cnn.ipynb.*{os.strerror(number)}.*--folder"):
        deliver(folder)
    assert files(folder) == {
        "exercises/ex01/a.py": "first edition of exercises/ex01/a.py",
        "notebooks/00_start_here.ipynb": "my work",
        "notebooks/00_start_here_new_edition.ipynb": "second edition",
        "notebooks/03_cnn.ipynb": "first edition of notebooks/03_cnn.ipynb",
    }
    monkeypatch.setattr(os, "replace", replace)
    assert len(deliver(folder)) == 2
    assert files(folder)["notebooks/03_cnn.ipynb"] == "second edition"
    assert len(files(folder)) == 4


def test_a_start_killed_before_the_manifest_leaves_nothing_to_repair(course, folder, monkeypatch):
    manifest = folder / ".tlcourse/manifest.json"
    deliver(folder)
    manifest.unlink()
    (folder / "notebooks/03_cnn.ipynb").unlink()
    deliver(folder)
    assert len(files(folder)) == 3
    assert len(json.loads(manifest.read_text())) == 3


def test_a_file_where_the_folder_should_be_is_one_sentence(course, folder):
    folder.write_text("mine")
    with pytest.raises(CourseError, match="work is a file, not a folder.*--folder"):
        deliver(folder)
    assert folder.read_text() == "mine"


def test_a_folder_where_a_notebook_should_be_is_one_sentence(course, folder):
    (folder / "notebooks/03_cnn.ipynb").mkdir(parents=True)
    with pytest.raises(CourseError, match="03_cnn.ipynb cannot be used"):
        deliver(folder)


# --- notebooks: without outputs, and compared without them -----------------------------------


def notebook(*sources: str, outputs=(), **metadata) -> bytes:
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source,
         "outputs": list(outputs), "execution_count": i if outputs else None}
        for i, source in enumerate(sources, 1)
    ]  # fmt: skip
    metadata = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}} | metadata
    return json.dumps(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


PRINTED = [{"output_type": "stream", "name": "stdout", "text": "0.93"}]


def cells_of(path: Path) -> list[dict]:
    """The cells of a delivered notebook, without the one that leads to other chapters."""
    return [c for c in json.loads(path.read_bytes())["cells"] if c["id"] != "signpost"]


def signpost_of(path: Path) -> str:
    return content.source_of(json.loads(path.read_bytes())["cells"][-1])


def run(path: Path) -> None:
    """Run a delivered notebook as JupyterLab would save it."""
    found = json.loads(path.read_bytes())
    for number, cell in enumerate(found["cells"], 1):
        cell["source"] = content.source_of(cell).splitlines(True)
        if cell["cell_type"] == "code":
            cell |= {"outputs": PRINTED, "execution_count": number}
            cell["metadata"] |= {"execution": {"iopub.status.busy": "2026"}, "collapsed": True}
    path.write_text(json.dumps(found, indent=1))


def test_a_notebook_is_delivered_without_outputs(course, folder):
    write(
        course / "notebooks/03_cnn.ipynb",
        notebook("1 + 1", outputs=PRINTED, tlcourse={"code": "a"}),
    )
    deliver(folder)
    (cell,) = cells_of(folder / "notebooks/03_cnn.ipynb")
    assert (cell["source"], cell["outputs"], cell["execution_count"]) == ("1 + 1", [], None)
    assert "0.93" not in (folder / "notebooks/03_cnn.ipynb").read_text()
    assert (
        "tlcourse" not in json.loads((folder / "notebooks/03_cnn.ipynb").read_bytes())["metadata"]
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("_ = interact(draw, x=1)", "Run this cell: sliders appear."),
        ('quiz.ask("03")', "Run this cell: questions appear, and tell you whether you are right."),
        ('quiz.predict("03.a", "?", 0, 1)', "Run this cell: it asks for your guess."),
        ("ex.order.show()", "Run this cell: buttons appear."),
        ("from ipywidgets import interact", None),
        ('quiz.predictions("03")', None),
        ("ax.show()", None),
    ],
)
def test_where_a_widget_will_be_a_line_says_so(course, folder, source, said):
    write(course / "notebooks/03_cnn.ipynb", notebook(source, outputs=PRINTED))
    deliver(folder)
    (cell,) = cells_of(folder / "notebooks/03_cnn.ipynb")
    assert [output["data"]["text/plain"] for output in cell["outputs"]] == [said] * bool(said)


def test_the_last_cell_leads_to_the_chapters_around_and_to_the_exercises(course, folder):
    for name in ("notebooks/00_start_here", "notebooks/03_cnn", "notebooks/04_x"):
        write(course / f"{name}.ipynb", notebook("1"))
    write(course / "exercises/ex03/ex03_cnn.ipynb", notebook("1"))
    table = '[[chapter]]\nnumber = "04"\ntitle = "X"\npromise = ""\nminutes = 1\nseconds = 1\n'
    write(course / "notebooks" / content.TABLE, table.encode())
    deliver(folder)
    links = {path.stem: signpost_of(path) for path in sorted(folder.rglob("*.ipynb"))}
    assert links == {
        "ex03_cnn": "← [03_cnn](../../notebooks/03_cnn.ipynb) · "
        "[04 X](../../notebooks/04_x.ipynb) →",
        "00_start_here": "[03_cnn](03_cnn.ipynb) →",
        "03_cnn": "← [00_start_here](00_start_here.ipynb) · [Exercises on this chapter]"
        "(../exercises/ex03/ex03_cnn.ipynb) · [04 X](04_x.ipynb) →",
        "04_x": "← [03_cnn](03_cnn.ipynb)",
    }


def test_every_link_of_the_last_cells_leads_to_a_file():
    for path in [*content.chapters().values(), *content.exercises().values()]:
        links = re.findall(r"\]\(([^)]+)\)", content.signpost(path))
        assert links
        assert [link for link in links if not (path.parent / link).is_file()] == []


def test_a_new_chapter_changes_where_the_last_cell_leads_and_nothing_else(course, folder):
    source, mine = course / "notebooks/03_cnn.ipynb", folder / "notebooks/03_cnn.ipynb"
    write(source, notebook("a = 1"))
    deliver(folder)
    run(mine)
    write(course / "notebooks/04_x.ipynb", notebook("1"))
    assert deliver(folder) == []
    assert "04_x.ipynb" in signpost_of(mine)
    assert cells_of(mine)[0]["outputs"] == PRINTED
    before = mine.read_bytes()
    assert deliver(folder) == []
    assert mine.read_bytes() == before


def test_what_a_set_says_of_itself_is_delivered(course, folder):
    about = {"exercise": "ex01", "edition": 2, "code": "a", "text": "b"}
    write(course / "exercises/ex01/ex01_a.ipynb", notebook("1", tlcourse=about))
    deliver(folder)
    metadata = json.loads((folder / "exercises/ex01/ex01_a.ipynb").read_bytes())["metadata"]
    assert metadata["tlcourse"] == {"exercise": "ex01", "edition": 2}


def test_a_notebook_that_was_only_run_becomes_the_newer_edition(course, folder):
    source = course / "notebooks/03_cnn.ipynb"
    write(source, notebook("a = 1\nprint(a)", outputs=PRINTED))
    deliver(folder)
    mine = folder / "notebooks/03_cnn.ipynb"
    run(mine)
    assert deliver(folder) == []
    assert cells_of(mine)[0]["outputs"] == PRINTED, "the same edition keeps what was run"
    write(source, notebook("a = 2\nprint(a)", outputs=PRINTED))
    assert deliver(folder) == ["03_cnn.ipynb is now the newer edition; you had not changed it."]
    assert cells_of(mine)[0]["source"] == "a = 2\nprint(a)"


@pytest.mark.parametrize("edit", ["another", "one more", "one less", "a text"])
def test_a_notebook_that_was_edited_stays_and_the_newer_one_comes_beside_it(course, folder, edit):
    source, mine = course / "notebooks/03_cnn.ipynb", folder / "notebooks/03_cnn.ipynb"
    write(source, notebook("a = 1", "b = 2"))
    deliver(folder)
    run(mine)
    found = json.loads(mine.read_bytes())
    cells = found["cells"]
    if edit == "another":
        cells[0]["source"] = ["a = 3"]
    elif edit == "one more":
        cells.append(cells[0] | {"source": "c = 3"})
    elif edit == "one less":
        del cells[0]
    else:
        cells[1]["cell_type"] = "markdown"
    mine.write_text(json.dumps(found))
    before = mine.read_bytes()
    write(source, notebook("a = 1", "b = 4"))
    (message,) = deliver(folder)
    assert "03_cnn_new_edition.ipynb" in message
    assert mine.read_bytes() == before
    assert cells_of(folder / "notebooks/03_cnn_new_edition.ipynb")[1]["source"] == "b = 4"


@pytest.mark.parametrize("edited", [False, True])
def test_a_folder_of_the_first_edition(course, folder, monkeypatch, tmp_path, edited):
    """It holds outputs, and its manifest the SHA-256 of whole files."""
    first = notebook("a = 1", outputs=PRINTED, tlcourse={"code": "x"})
    sha256 = workspace._sha256(first)
    table = tmp_path / "first.json"
    table.write_text(json.dumps({sha256: workspace.mark_of(first)}))
    monkeypatch.setattr(workspace, "_FIRST_EDITION", table)
    mine = folder / "notebooks/03_cnn.ipynb"
    write(mine, first)
    write(
        folder / ".tlcourse/manifest.json", json.dumps({"notebooks/03_cnn.ipynb": sha256}).encode()
    )
    run(mine)
    if edited:
        mine.write_bytes(mine.read_bytes().replace(b"a = 1", b"a = 7"))
    write(course / "notebooks/03_cnn.ipynb", notebook("a = 2"))
    (message,) = deliver(folder)
    assert ("You changed 03_cnn.ipynb" in message) == edited
    assert cells_of(mine)[0]["source"] == (["a = 7"] if edited else "a = 2")
    assert deliver(folder) == []


def test_a_folder_that_the_first_edition_really_made(folder, tmp_path):
    """Every notebook of 0.1.0 that was run, but not edited, gives way to this edition."""
    revision = "38fbb313cb1a"
    listed = ["git", "ls-tree", "-r", "--name-only", revision, "notebooks", "exercises"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        pytest.skip("the history of 0.1.0 is not here")
    manifest = {}
    for name in (n for n in found.stdout.split() if n.endswith(".ipynb")):
        shown = ["git", "show", f"{revision}:{name}"]
        data = subprocess.run(shown, cwd=ROOT, capture_output=True, check=True).stdout
        write(folder / name, data)
        manifest[name] = workspace._sha256(data)
        run(folder / name)
    write(folder / ".tlcourse/manifest.json", json.dumps(manifest).encode())
    edited = folder / "notebooks/02_cross_entropy.ipynb"
    edited.write_bytes(
        edited.read_bytes().replace(b"import numpy as np", b"import numpy as np  # mine")
    )
    messages = deliver(folder)
    assert [m for m in messages if "You changed" in m] == [
        "You changed 02_cross_entropy.ipynb: it stays, and the newer edition is "
        "02_cross_entropy_new_edition.ipynb beside it."
    ]
    for path in content.chapters().values():
        if path.name != edited.name:
            mine = folder / "notebooks" / path.name
            assert workspace.mark_of(mine.read_bytes()) == workspace.mark_of(path.read_bytes())


@pytest.mark.parametrize(
    "wanted", ["3", "03", "03_cnn", "03_cnn.ipynb", "notebooks/03_cnn.ipynb", "003"]
)
def test_a_chapter_is_found_by_number_name_or_file(course, wanted):
    assert content.find_chapter(wanted) == "03_cnn"


@pytest.mark.parametrize("wanted", ["4", "", "cnn", "03_cn", "-3", "²"])
def test_an_unknown_chapter_is_one_sentence_with_the_chapters(course, wanted):
    with pytest.raises(CourseError, match="00_start_here, 03_cnn"):
        content.find_chapter(wanted)


def test_an_installation_without_notebooks_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "_PACKAGE", tmp_path / "tlcourse")
    with pytest.raises(CourseError, match="holds no notebooks"):
        content.folder()


# --- the wheel -------------------------------------------------------------------------------


def test_the_wheel_holds_the_course_and_finds_it(tmp_path):
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tlcourse", project / "tlcourse")
    for name in (".gitignore", "LICENSE", "LICENSE-TEXT", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    content = ["notebooks/00_start_here.ipynb", "notebooks/03_cnn.ipynb", "exercises/ex01/a.py"]
    other = [
        "notebooks/.ipynb_checkpoints/b.ipynb",
        "solutions/ex01/a.py",
        "sources/notebooks/c.py",
    ]
    for name in [*content, *other, "tests/test_d.py", "benchmarks/e.py"]:
        write(project / name, b"{}")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", tmp_path, project],
        check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert {name.split("/")[0].split("-")[0] for name in names} == {"tlcourse"}
    assert sorted(name for name in names if "_content" in name) == sorted(
        f"tlcourse/_content/{name}" for name in content
    )
    assert "tlcourse/course/jupyter/labconfig/page_config.json" in names
    assert "tlcourse/course/templates/page/index.html.j2" in names
    assert "tlcourse/weights/resnet50_letters.npz" in names
    code = "from tlcourse.course import content as w; print(w.folder(), *w.chapters(), sep='|')"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "site", capture_output=True, text=True, check=True,
    )  # fmt: skip
    where = str(tmp_path / "site/tlcourse/_content")
    assert found.stdout.strip().split("|") == [where, "00_start_here", "03_cnn"]


# --- edition 0.1.0 -----------------------------------------------------------------------------


def test_what_edited_chapters_and_hubs_of_the_first_edition_import_is_still_found():
    """`from tlcourse import widgets, workspace`, and what they use of these."""
    code = """
from tlcourse import backend, models, plotting, quiz, training, transfer, widgets, workspace
workspace.benchmark("label_efficiency"), workspace.deliver, workspace.CourseError, training.claim
widgets.lines, widgets.paths_on_contours, widgets.threshold, widgets.three_logits
widgets.prediction, widgets.descent_on_data, widgets.unfreezing_depth, widgets.decision_boundary
widgets.learning_rate_game, widgets.judge_learning_rate, widgets.reliability_diagram
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_name_that_never_was_is_not_found():
    with pytest.raises(ImportError, match="nonsense"):
        from tlcourse import nonsense  # noqa: F401
