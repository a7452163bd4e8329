"""What a class gets wrong: the numbers, the sentences, what to say, and the pages."""

import re

import pytest

from tests.grading.records import HOSTILE, Page, hostile, record, unreadable
from tlcourse.checks import tasks
from tlcourse.course import content
from tlcourse.files import CourseError
from tlcourse.grading import classroom, lecturer, similarity


@pytest.fixture
def records():
    made = [record("ada", ["softmax", "train"]), record("bob", ["softmax"]), record("cem")]
    made[1]["tasks"]["softmax"]["message"] = "the sum is 1 over all"
    made[2]["tasks"]["order"] |= {"status": "not attempted", "points": 0}
    return [*made, unreadable("dan")]


def test_a_lesson_counts_who_made_it_and_the_sentences_that_were_read(records):
    found = classroom.lessons(records)
    assert [one.name for one in found][:3] == ["softmax", "train", "order"]
    softmax, _, order = found[:3]
    assert softmax.counts == {"correct": 1, "not yet": 2, "not attempted": 0}
    assert softmax.mistakes == [
        ("rows sum to 1", 2, [("you normalise over the examples", 1), ("the sum is 1 over all", 1)])
    ]
    assert order.counts["not attempted"] == 1
    assert softmax.place == "site/teach/02.html, What to say, task by task: softmax"
    assert {one.failed for one in found[3:]} == {0}
    assert classroom.lessons([unreadable("x")]) == []


def test_the_page_opens_offline_has_plots_and_names_nobody(records):
    source = classroom.page(records).decode()
    found = Page(source)
    assert not {"script", "img", "link", "iframe", "form", "base", "object"} & set(found.tags)
    assert not {"src", "onerror"} & {key for key, _ in found.attributes}
    assert "http://" not in re.sub(r'xmlns(:xlink)?="[^"]*"|<!DOCTYPE svg[^>]*>', "", source)
    labels = [value for key, value in found.attributes if key == "aria-label"]
    assert labels[0].startswith("Students by task: softmax was missed most often, by 2.")
    assert found.tags.count("svg") == 1
    text = " ".join(found.text.split())
    for piece in ("1 of 3 made it", "you normalise over the examples", "Add 5 to every logit"):
        assert piece in text
    for name in ("ada", "bob", "cem", "dan"):
        assert not re.search(rf"\b{name}\b", text)
    assert classroom.page(records).decode() == source
    assert "Nothing could be marked" in classroom.page([unreadable("x")]).decode()


def test_the_plots_show_every_student_once_in_each_task_and_by_points(records):
    page = Page(classroom.page(records).decode())
    known = list(tasks("ex02"))
    bars = [(float(x["y"]), float(x["width"]), x["fill"]) for x in _rects(page)]
    rows = sorted({y for y, _, _ in bars})[1 : len(known) + 1]  # below the key
    whole = {y: sum(width for at, width, _ in bars if at == y) for y in rows}
    assert len({round(width) for width in whole.values()}) == 1
    shares = {fill: width / whole[rows[0]] for y, width, fill in bars if y == rows[0]}
    assert shares == pytest.approx({"#0072B2": 1 / 3, "#E69F00": 2 / 3}, abs=1e-3)  # softmax
    totals = [sum(v["points"] for v in one["tasks"].values()) for one in records[:3]]
    assert len([y for y, _, _ in bars if y > rows[-1]]) == len(set(totals))


def _rects(page) -> list[dict]:
    """The attributes of the rectangles, which begin with x."""
    found, one = [], {}
    for key, value in page.attributes:
        one = {} if key == "x" else one
        one[key] = value
        if key == "fill" and "width" in one:
            found.append(one)
    return found


def test_pages_show_hostile_text_as_text():
    one, other = hostile("ada" + HOSTILE), hostile("eve")
    one["tasks"]["softmax"]["message"] = other["tasks"]["softmax"]["message"] = "<b>" + HOSTILE
    pages = [
        classroom.page([one, other]),
        similarity.page([one, other], [(one["student"], "eve", 0.9)]),
    ]
    for data in pages:
        found = Page(data.decode())
        assert not {"script", "img", "b", "iframe"} & set(found.tags)
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", data.decode())
        assert len(data) < 200_000


def test_the_page_of_alike_submissions_shows_groups_and_the_answers_side_by_side():
    records = [record(name) for name in ("ada", "bob", "cem", "dan")]
    pairs = [("ada", "bob", 1.0), ("bob", "cem", 0.9)]
    text = " ".join(Page(similarity.page(records, pairs).decode()).text.split())
    assert "3 students: ada, bob, cem" in text
    assert "bob and cem: 90%" in text
    assert text.count("z.max(axis=1, keepdims=True)") >= 2
    assert "dan" not in text
    assert "No two submissions" in similarity.page(records, []).decode()


@pytest.mark.parametrize("name", content.exercises())
def test_a_lecturer_has_something_to_say_on_every_task_and_a_rubric_of_its_points(name):
    assert set(lecturer.advice(name)) == set(tasks(name))
    released = content.released(name)
    assert sum(lecturer.rubric(name).values()) == released.points[released.open_question]


def test_standard_comments_lie_in_a_file_that_stays_as_it_is(tmp_path):
    known = lecturer.comments(tmp_path, "ex02")
    assert known["ln10"].startswith("2.30 is ln 10")
    path = tmp_path / lecturer.COMMENTS
    path.write_text('[ex02]\nown = "My own."\n')
    known = lecturer.comments(tmp_path, "ex02")
    assert known == {"own": "My own."}
    assert lecturer.written_out("[own] [unknown] x[0]", known) == "My own. [unknown] x[0]"
    assert lecturer.written_out(None, known) is None
    path.write_text("own = ")
    with pytest.raises(CourseError, match="mend that line"):
        lecturer.comments(tmp_path, "ex02")
