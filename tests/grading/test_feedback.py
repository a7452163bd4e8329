"""What people read of a submission: the notebook in formgrader, and the page of feedback."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.grading.records import (
    CELLS,
    EXERCISE,
    NOTEBOOK,
    OPEN,
    TASKS,
    Page,
    autograded,
    enter,
    hostile,
    page,
    record,
)
from tlcourse.grading import feedback, gradebook

pytest.importorskip("nbgrader")

from nbgrader.nbgraderformat import read as read_nbgrader
from nbgrader.utils import compute_checksum, has_failed

# --- notebooks for formgrader ------------------------------------------------------------------


def test_the_notebook_is_the_learners_text_with_the_markers_verdicts(marks):
    gradebook.store(marks, [record("ada", ["softmax"], answers={"train": "train = 1  # <b>"})])
    found = read_nbgrader(autograded(marks, "ada"), as_version=4)
    nbformat.validate(found, relax_add_props=False)
    kinds = [cell.cell_type for cell in found.cells if "**Rubric" not in cell.source]
    assert kinds == [kind for kind, _, _ in CELLS]
    assert len(found.cells) == len(CELLS) + 1
    by_id = {c.metadata.nbgrader.grade_id: c for c in found.cells if "nbgrader" in c.metadata}
    assert by_id["train-answer"].source == "train = 1  # <b>"
    assert by_id["softmax"].outputs[0].text == (
        "not yet: 0 of 10 points\n✔ has the shape of z\n✘ rows sum to 1\n"
        "  you normalise over the examples; softmax([[1]]) returned [[1]]\n"
    )
    assert by_id["train"].outputs[0].text == "correct: 10 of 10 points\n✔ is right\n"
    assert not any(has_failed(cell) for cell in found.cells)
    for task in TASKS:
        assert by_id[task].metadata.nbgrader.checksum == compute_checksum(by_id[task])
        assert not by_id[f"{task}-answer"].outputs


def test_cells_that_were_copied_changed_moved_or_deleted_do_no_harm(marks):
    one = record("ada")
    cells = [cell for cell in one["notebook"] if cell[2] not in ("order", "open-question")]
    cells.append(["code", "ex.softmax.check(abs)", "softmax"])  # a second one
    cells.insert(0, ["markdown", "train as text", "train-answer"])
    cells.insert(0, ["code", "x = 1", "nobody-knows-me"])
    cells[[c[2] for c in cells].index("two_logits")][:2] = ["markdown", "all right"]
    gradebook.store(marks, [one | {"notebook": cells}])
    found = read_nbgrader(autograded(marks, "ada"), as_version=4)
    nbformat.validate(found)
    marked = [c for c in found.cells if "nbgrader" in c.metadata]
    ids = [c.metadata.nbgrader.grade_id for c in marked]
    assert len(ids) == len(set(ids))
    assert set(TASKS) | {"open-question"} <= set(ids)
    assert "nobody-knows-me" not in ids
    assert ids[-2:] == ["order", "open-question"]
    by_id = dict(zip(ids, marked, strict=True))
    assert by_id["two_logits"].source == "ex.two_logits.check(two_logits)"
    assert by_id["softmax"].source == "ex.softmax.check(softmax)"
    assert by_id["train-answer"].cell_type == "code"
    assert len(found.cells) == len(cells) + 2


def test_formgrader_shows_hostile_text_as_text(marks):
    from nbconvert import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    gradebook.store(marks, [record("bob"), hostile("ada")])
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    exporter = HTMLExporter(config=config)
    pages = {}
    for name in ("ada", "bob"):
        resources = {"base_url": "", "index": 0, "total": 2, "notebook_id": NOTEBOOK}
        resources |= {"student": name, "assignment_id": EXERCISE, "submission_id": "1"}
        resources |= {"last_name": "", "first_name": "", "notebook_path": ""}
        pages[name], _ = exporter.from_filename(str(autograded(marks, name)), resources=resources)
    ada, bob = Page(pages["ada"]), Page(pages["bob"])
    for tag in ("script", "style", "img", "iframe"):
        assert ada.tags.count(tag) == bob.tags.count(tag)
    assert not any("alert" in (value or "") for _, value in ada.attributes)
    assert "\\href" not in re.sub(r"(?s)<pre>.*?</pre>", "", pages["ada"])  # MathJax skips these
    assert len(pages["ada"]) < len(pages["bob"]) + 100_000
    assert ada.tags.count("textarea") == 9
    nbformat.validate(nbformat.read(autograded(marks, "ada"), 4))


# --- feedback ----------------------------------------------------------------------------------


def test_feedback_says_what_holds_and_what_does_not(marks):
    one = record("ada", ["softmax"], cells=[[7, "NameError: name 'q' is not defined"]])
    one["tasks"]["order"] |= {"status": "not attempted", "points": 0, "passed": []}
    gradebook.store(marks, [one, record("bob_the_other", open_answer="bobs own words")])
    found = Page(page(marks, "ada"))
    text = " ".join(found.text.split())
    for piece in (
        "ex02 · Cross-entropy",
        "For ada",
        "60 of 90 points",
        "Cell 7: NameError: name 'q' is not defined",
        "1 · Softmax of each row, whatever the size of the logits 0 of 10 points, not yet",
        "✔holds: has the shape of z",
        "✘does not hold: rows sum to 1",
        "you normalise over the examples; softmax([[1]]) returned [[1]]",
        "0 of 10 points, not attempted",
        "9 · The open question Nobody has read your answer yet",
        OPEN,
    ):
        assert piece in text
    assert "bob" not in text


def test_feedback_is_one_light_page_that_asks_for_nothing(marks):
    gradebook.store(marks, [record("ada", ["softmax"]), hostile("eve")])
    for student in ("ada", "eve"):
        source = page(marks, student)
        found = Page(source)
        assert not {"script", "img", "link", "iframe", "form", "base", "object"} & set(found.tags)
        assert not {"src", "href", "onerror", "style"} & {key for key, _ in found.attributes}
        assert found.tags.count("style") == found.tags.count("main") == found.tags.count("h1") == 1
        assert ("lang", "en") in found.attributes
        assert any(
            key == "content" and "width=device-width" in value for key, value in found.attributes
        )
        assert len(source) < 30_000
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", source)
    assert "<script>alert(1)</script>" in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert "(shortened)" in found.text


def test_the_colours_of_the_feedback_can_be_read():
    style = (Path(feedback.__file__).parent / "feedback.html.j2").read_text("utf-8")

    def luminance(colour: str) -> float:
        colour = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    grounds = [luminance(c) for c in re.findall(r"background: #(\w+)", style)]
    colours = [luminance(c) for c in re.findall(r"[ ;]color: #(\w+)", style)]
    assert len(grounds) == 2
    assert len(colours) == 3
    assert min((g + 0.05) / (c + 0.05) for g in grounds for c in colours) >= 4.5


def test_the_page_says_which_version_was_marked(marks):
    version = "ex02 (1).ipynb, one of 2 files: the later copy, by its name"
    gradebook.store(marks, [record("ada", version=version), record("bob")])
    text = " ".join(Page(page(marks, "ada")).text.split())
    assert f"You handed in several files. The marker took {version}." in text
    assert "You handed in several files" not in page(marks, "bob")


def test_the_rubric_is_the_lecturers_and_the_students_only_once_points_are_entered(marks):
    one, other = record("ada"), record("bob", open_answer="")  # bob, too, may hand in again
    gradebook.store(marks, [one, other])
    assert [who for who in ("ada", "bob") if "ln 10" in page(marks, who)] == []
    enter(marks, "ada", "open-question", score=7)
    gradebook.store(marks, [one, other])
    text = " ".join(Page(page(marks, "ada")).text.split())
    assert "Your lecturer looked for: 2The first: knows that 2.30 is ln 10" in text
    assert "ln 10" not in page(marks, "bob")
    source = next(
        cell.source
        for cell in nbformat.read(autograded(marks, "ada"), 4).cells
        if "**Rubric" in cell.source
    )
    assert "the student reads it once you have entered points" in source
    assert "- 2 for: The first: knows that 2.30 is ln 10" in source
    assert "`[ln10]`" in source


def test_a_key_in_a_comment_becomes_the_sentence_of_the_lecturers_file(marks):
    gradebook.store(marks, [record("ada")])
    enter(marks, "ada", "open-question", comment="Good. [ln10] [nobody]")
    gradebook.store(marks, [record("ada")])
    text = " ".join(Page(page(marks, "ada")).text.split())
    assert "Good. 2.30 is ln 10: the price of knowing nothing" in text
    assert "[nobody]" in text
    (marks / "comments.toml").write_text('[ex02]\nln10 = "Mine."\n')
    gradebook.store(marks, [record("ada")])
    assert "Good. Mine. [nobody]" in page(marks, "ada")
