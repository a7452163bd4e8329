"""Who is in the course, and the marks in the platform's own columns."""

import csv
import io
import re
import zipfile

import pytest

from tests.grading.handedin import FILE, NAME, OPEN, SOLVED, canvas, moodle, people, put, table
from tests.grading.records import enter, record, unreadable
from tlcourse.files import CourseError
from tlcourse.grading import collection, gradebook, report, rules
from tlcourse.grading import roster as rosters

pytest.importorskip("nbgrader")

HEADER = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]
EVIL = "=cmd|' /C calc'!A0\x07\u202e\r\n@x"


def collect(download):
    return collection.collect(download, NAME, FILE)


def marked(found, **values):
    """Records of what was found, as the marker would write them."""
    about = ("name", "id", "late", "version", "submitted")
    return [
        (unreadable if one.reason else record)(one.student)
        | {name: getattr(one, name) for name in about}
        | values
        for one in found.submissions
    ]


def returned(marks, platform):
    """The rows of what goes back, by the person's number."""
    data = (marks / f"{NAME}-{platform}.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # a spreadsheet takes it for UTF-8
    assert not data[3:].startswith(b'"')  # and Canvas' reader for CSV
    header, *rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    number = {"moodle": "Identifier", "canvas": "ID"}[platform]
    by_number = {re.sub(r"\D", "", row[header.index(number)]): row for row in rows}
    return header, {key: dict(zip(header, row, strict=True)) for key, row in by_number.items()}


@pytest.fixture(params=["moodle", "canvas"])
def platform(request):
    return request.param


@pytest.fixture
def write(marks, tmp_path, platform):
    """A class of this platform, reported; what was said, and the rows that go back."""

    def make(work, maximum=90.0, open_answer="", **values):
        folder = tmp_path / "class"
        folder.mkdir(exist_ok=True)
        download, file = {"moodle": moodle, "canvas": canvas}[platform](folder, work, maximum)
        roster, found = rosters.read(file), collect(download)
        found.submissions = roster.applied(found.submissions)
        records = marked(found, open_answer=open_answer)
        known = rules.Rules(roster=str(file), platform=platform, **values)
        said = "\n".join(report.write(marks, records, found, known, roster=roster))
        return said, *returned(marks, platform)

    return make


# --- who is who -----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [moodle, canvas])
def test_numbers_get_names_and_who_handed_in_nothing_is_known(tmp_path, make):
    work = [SOLVED if i % 4 else None for i in range(12)]
    download, file = make(tmp_path, work)
    roster, found = rosters.read(file), collect(download)
    assert roster.platform == make.__name__
    names = [f"{given} {family}" for given, family in people(12)]
    assert [m.name for m in roster.members] == names
    assert sorted(one.name for one in roster.applied(found.submissions)) == sorted(
        name for name, data in zip(names, work, strict=True) if data
    )
    missing = [name for name, data in zip(names, work, strict=True) if data is None]
    assert roster.missing(found.submissions) == sorted(missing)


@pytest.mark.parametrize(
    "header",
    [["Student"], ["Full name"], ["First name", "Last name"], ["Surname", "First name", "x"]],
)
def test_a_plain_list_of_names_is_a_roster(tmp_path, header):
    given, family = "Zoë", "García"
    texts = {"First name": given, "Last name": family, "Surname": family, "x": "1"}
    row = [texts.get(name, f"{given} {family}") for name in header]
    path = tmp_path / "people.csv"
    path.write_bytes(table([header, row]))
    roster = rosters.read(path)
    for folder in ("Zoë García", "zoe\u0308 garci\u0301a", "Zoë_García"):
        files = {f"{folder}/{FILE}": SOLVED}
        found = collect(put(tmp_path / folder.encode().hex(), files)).submissions
        assert roster.missing(found) == []


def test_a_name_that_two_people_have_is_nobodys_without_a_number(tmp_path):
    rows = [HEADER, ["Participant 1", "Anna Müller", "", "90", "-"]]
    rows.append(["Participant 2", "Anna Müller", "", "90", "-"])
    path = put(tmp_path, {"r.csv": table(rows)}) / "r.csv"
    files = {f"Anna Müller/{FILE}": SOLVED, f"Anna Müller_2_assignsubmission_file_/{FILE}": OPEN}
    found = {one.student: one for one in collect(put(tmp_path / "c", files)).submissions}
    roster = rosters.read(path)
    assert roster.find(found["Anna Müller"]) is None
    assert roster.find(found["Anna Müller_2"]).id == "2"


def test_the_worksheet_tells_when_something_was_handed_in(tmp_path, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        download, file = moodle(tmp_path, [SOLVED, SOLVED])
        found = rosters.read(file).applied(collect(download).submissions)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [one.submitted[:16] for one in found] == ["2026-12-01T16:55", "2026-12-01T17:55"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        ("Kennung,Vollständiger Name\nx,y\n".encode(), "set the platform to English"),
        (b"Identifier,Grade,Last modified (grade)\n", "names nobody"),
        (b'a,"b\n' + b"x" * 200_000, "is no CSV|names nobody"),
    ],
)
def test_what_is_no_roster_is_one_sentence(tmp_path, data, words):
    path = put(tmp_path, {"r.csv": data}) / "r.csv"
    with pytest.raises(CourseError, match=words):
        rosters.read(path)
    with pytest.raises(CourseError, match="by --roster"):
        rosters.read(tmp_path / "nowhere.csv")


# --- the way back ---------------------------------------------------------------------------------


def test_what_goes_back_has_the_rows_of_the_roster_and_the_points(write, platform):
    said, header, rows = write([SOLVED, None, SOLVED[:3000], OPEN])
    grade = "Grade" if platform == "moodle" else "ex02 Cross-entropy (502)"
    got = [rows[str(number)][grade] for number in (101, 102, 103, 104)]
    assert got == ["80", "", "0", "80"]
    assert "3 grades" in said
    assert f"1 of the roster handed in nothing: {' '.join(people(2)[1])}" in said
    if platform == "moodle":
        assert rows["101"]["Feedback comments"] == "80 of 90 points."
        said = rows["103"]["Feedback comments"]
        assert said.startswith("0 of 90 points. The file could not be read: the file is empty.")
        assert rows["102"]["Feedback comments"] == ""
        assert rows["101"]["Last modified (grade)"] == "-"
    else:
        assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", grade]
        assert rows[""]["Student"].strip() == "Points Possible"
        assert rows[""][grade] == "90.0"


def test_points_are_scaled_to_the_maximum_of_the_platform_and_it_says_so(write, platform):
    said, _, rows = write([SOLVED], maximum=45.0)
    grade = "Grade" if platform == "moodle" else "ex02 Cross-entropy (502)"
    assert rows["101"][grade] == "40"
    assert "The points are scaled from 90 to 45" in said


def test_a_grade_waits_until_the_open_question_is_read(write, marks, platform):
    grade = "Grade" if platform == "moodle" else "ex02 Cross-entropy (502)"
    said, _, rows = write([SOLVED, OPEN], open_answer="Because of softmax.")
    assert {rows[n][grade] for n in ("101", "102")} == {""}
    assert "2 of them have no grade" in said
    student = next((marks / "feedback").iterdir()).name
    enter(marks, student, "open-question", score=7)
    said, _, rows = write([SOLVED, OPEN], open_answer="Because of softmax.")
    assert sorted(rows[n][grade] for n in ("101", "102")) == ["", "87"]


def test_the_comment_tells_all_the_reasons_that_the_page_tells(marks, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    download, file = moodle(folder, [SOLVED, SOLVED])
    roster, found = rosters.read(file), collect(download)
    ada, zoe = [one.student for one in found.submissions]
    own = record(ada, ["softmax", "train"], id="101", version="a.ipynb, one of 2 files: the newest")
    own["tasks"]["train"]["from"] = "ex03"
    own["cells"] = [[3, "NameError: <b>x</b>"]]
    other = unreadable(zoe, "it is a notebook of ex01, not of ex02") | {"id": "102"}
    known = rules.Rules(roster=str(file), platform="moodle")
    for entered in ({}, {"score": 7}, {"comment": "Good. [ln10]"}):
        if entered:
            enter(marks, ada, "open-question", **entered)
        report.write(marks, [own, other], found, known, roster=roster)
    enter(marks, ada, "train", score=5)
    report.write(marks, [own, other], found, known, roster=roster)
    _, rows = returned(marks, "moodle")
    said = rows["101"]["Feedback comments"]
    assert said.startswith("72 of 90 points. Of several files this one was marked: a.ipynb, one of")
    assert "train: a person gave 5 points." in said
    assert "open question: a person gave 7 points. Good. 2.30 is ln 10: the price of" in said
    assert "1 cell ended with an error" in said
    assert "softmax: rows sum to 1 (you normalise over the examples)." in said
    assert "train: its points are from your hand-in of ex03." in said
    said = rows["102"]["Feedback comments"]
    assert said.endswith("could not be read: it is a notebook of ex01, not of ex02.")


def test_a_student_who_has_left_is_in_nothing_that_goes_back(marks, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    download, file = moodle(folder, [SOLVED, SOLVED])
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    roster, found = rosters.read(file), collect(download)
    known = rules.Rules(roster=str(file), platform="moodle")
    said = "\n".join(
        report.write(marks, marked(found, open_answer=""), found, known, roster=roster)
    )
    _, rows = returned(marks, "moodle")
    assert set(rows) == {"101"}
    assert "The roster lacks Zoë García_102, and so does the table that goes back." in said
    with zipfile.ZipFile(marks / "ex02-moodle-feedback.zip") as archive:
        assert archive.namelist() == ["Ada Müller_101_assignsubmission_file_/ex02.html"]
        assert b"80 of 90 points" in archive.read(archive.namelist()[0])


def test_nothing_that_goes_back_is_a_formula_or_commands_a_terminal(marks, tmp_path):
    rows = [[*HEADER, "Feedback comments"], ["Participant 1", EVIL, "", "90", "-", ""]]
    rows.append(["Participant 2", "+49 30", "", "90", "-", "-1"])
    file = put(tmp_path, {"r.csv": table(rows)}) / "r.csv"
    name = f"x_1_assignsubmission_file_/{FILE}"
    found = collect(put(tmp_path / "class", {name: SOLVED}))
    one = record(found.submissions[0].student, ["softmax"], open_answer="", id="1")
    one["tasks"]["softmax"] |= {"failed": "rows", "message": f"<b>{EVIL}; softmax({EVIL})"}
    known = rules.Rules(roster=str(file), platform="moodle")
    report.write(marks, [one], found, known, roster=rosters.read(file))
    data = (marks / "ex02-moodle.csv").read_bytes().decode("utf-8-sig")
    for row in csv.reader(io.StringIO(data, newline="")):
        for cell in row:
            assert not re.match(r"\s*[=+\-@]", cell) or cell in ("-", "-1"), cell
            assert cell.isprintable()
            assert "<" not in cell
    assert "softmax(" not in data  # what a learner's function gave back goes to nobody


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"platform": "canvas"}, "--for canvas needs the gradebook that Canvas exports"),
        ({"platform": "moodle", "column": "x"}, ""),
    ],
)
def test_the_roster_must_be_of_the_platform(marks, tmp_path, values, words):
    download, file = moodle(tmp_path, [SOLVED])
    roster, found = rosters.read(file), collect(download)
    known = rules.Rules(roster=str(file), **values)
    if not words:
        report.write(marks, marked(found), found, known, roster=roster)
        return
    with pytest.raises(CourseError, match=words):
        report.write(marks, marked(found), found, known, roster=roster)


@pytest.mark.parametrize(
    ("columns", "column", "words"),
    [
        (["Homework 2 (5)", "Homework 3 (6)"], "", "has 0 columns for ex02, .* 'Homework 2 "),
        (["ex02 a (5)", "EX02 b (6)"], "", "has 2 columns for ex02"),
        (["Homework 2 (5)", "Homework 3 (6)"], "homework 3", ""),
        (["Cross-Entropy (5)", "x (6)"], "", ""),
    ],
)
def test_the_column_of_canvas_is_found_or_named(marks, tmp_path, columns, column, words):
    rows = [["Student", "ID", "Section", *columns], ["Müller, Ada", 101, "A", 1, 2]]
    file = put(tmp_path, {"g.csv": table(rows)}) / "g.csv"
    found = collect(put(tmp_path / "class", {f"müllerada_101_9_{FILE}": SOLVED}))
    known = rules.Rules(roster=str(file), platform="canvas", column=column)
    roster, records = rosters.read(file), marked(found, open_answer="")
    if words:
        with pytest.raises(CourseError, match=words):
            report.write(marks, records, found, known, roster=roster)
        return
    report.write(marks, records, found, known, roster=roster)
    header, (row,) = (lambda h, r: (h, r.values()))(*returned(marks, "canvas"))
    assert row[header[-1]] == "80"
    assert header[-1] == columns[1 if column else 0]


# --- what the next run remembers ------------------------------------------------------------------


def test_the_rules_are_remembered_and_can_be_changed(tmp_path):
    first = rules.changed(rules.Rules(), deadline="2026-12-01T18:00:00+01:00", penalty=0.1)
    rules.remember(tmp_path, NAME, first)
    again = rules.changed(rules.remembered(tmp_path, NAME), penalty=None, max_penalty=None)
    assert again == first
    assert rules.changed(again, penalty=0.0, grace=5.0).penalty == 0
    assert rules.remembered(tmp_path, "ex03") == rules.Rules()
    assert "each day late costs 10%" in first.text
    for given, words in (
        ({"penalty": 0.1}, "need a --deadline"),
        ({"platform": "moodle"}, "needs --roster"),
        ({"platform": "ilias", "roster": "x"}, "moodle or canvas, not 'ilias'"),
    ):
        with pytest.raises(CourseError, match=words):
            rules.changed(rules.Rules(), **given)
    (tmp_path / "records" / "ex02.rules.json").write_text("{")
    with pytest.raises(CourseError, match="delete it"):
        rules.remembered(tmp_path, NAME)


def test_an_extension_is_found_by_name_or_number(marks, tmp_path):
    from datetime import UTC, datetime, timedelta

    folder = tmp_path / "class"
    folder.mkdir()
    download, file = moodle(folder, [SOLVED, SOLVED, SOLVED])
    roster, found = rosters.read(file), collect(download)
    found.submissions = roster.applied(found.submissions)
    due = datetime(2026, 12, 1, 12, tzinfo=UTC)
    values = rules.Rules(deadline=due.isoformat(), penalty=0.5)
    later = due + timedelta(days=3)
    extensions = {"ada müller": later, "102": later, "Nobody": later}
    records = marked(found, open_answer="")
    said = "\n".join(report.write(marks, records, found, values, extensions=extensions))
    known = gradebook.marks(marks, NAME)
    assert [known[one.student].days_late for one in found.submissions] == [0, 0, 1]
    assert "Nobody got an extension and handed in nothing." in said
