"""What lies in a download: nothing vanishes, whose it is, and which version counts."""

import os
import shutil
import unicodedata
from dataclasses import replace

import pytest

from tests.grading.handedin import FILE, NAME, OPEN, SOLVED, TIME, moodle, packed, put, zipped
from tests.grading.handedin import canvas as canvas_class
from tlcourse.files import CourseError
from tlcourse.grading import collection, entries, listing, platforms
from tlcourse.grading import roster as rosters

COPY = FILE.replace(".ipynb", " (1).ipynb")
HALF = SOLVED.replace(b"np.log", b"np.log ")  # another file that answers as much
CUT = SOLVED[:3000]

# A folder of a class, and for each student the file that is marked, or a piece of the reason.
CASES = {
    "folders of any depth, archives and documents": (
        {
            f"a/{FILE}": SOLVED,
            f"b/hw/{FILE}": SOLVED,
            f"c/hw/week/{FILE}": SOLVED,
            "d/ex02.7z": b"7z",
            "e/EX02.ZIP": zipped({FILE: SOLVED}),
            "f/report.pdf": b"pdf",
            "g/": b"",
            "h/work.rar": b"rar",
        },
        {
            "a": FILE,
            "b": FILE,
            "c": FILE,
            "d": "ex02.7z is an archive that is not opened",
            "e": FILE,
            "f": "only report.pdf",
            "g": "there is no notebook of ex02",
            "h": "work.rar is an archive",
        },
    ),
    "files at the top": (
        {
            "a.ipynb": SOLVED,
            "b.ZIP": zipped({FILE: SOLVED}),
            "c.tar.gz": b"gz",
            "d.IPYNB": SOLVED,
            "e.ipynb.txt": SOLVED,
            "f.ipynb.json": SOLVED,
            "list.csv": b"name",
        },
        {
            "a": "a.ipynb",
            "b": FILE,
            "c": "c.tar.gz is an archive",
            "d": "d.IPYNB",
            "e": "e.ipynb.txt",
            "f": "f.ipynb.json",
        },
    ),
    "zips in zips": (
        {
            "a.zip": zipped({"x/y.zip": zipped({f"z/{FILE}": SOLVED})}),
            "b/all.zip": zipped({"one.zip": zipped({"two.zip": zipped({FILE: SOLVED})})}),
            "c/all.zip": zipped(
                {"1.zip": zipped({"2.zip": zipped({"3.zip": zipped({FILE: SOLVED})})})}
            ),
            "d/empty.zip": zipped({}),
        },
        {"a": FILE, "b": FILE, "c": "3.zip is a zip in 3 zips", "d": "is an empty zip"},
    ),
    "what systems add": (
        {
            f"a/{FILE}": SOLVED,
            f"a/._{FILE}": b"\0\5\x16\7",
            f"a/.ipynb_checkpoints/{FILE[:-6]}-checkpoint.ipynb": OPEN,
            "a/Thumbs.db": b"",
            "b/x.zip": zipped({FILE: SOLVED, f"__MACOSX/._{FILE}": b"\0", ".DS_Store": b"\0"}),
            "c.zip": zipped({f"class\\c\\{FILE}": SOLVED, "class\\c\\": b""}),
            "__MACOSX/a/._x": b"\0",
            ".DS_Store": b"\0",
        },
        {"a": FILE, "b": FILE, "c": FILE},
    ),
    "names in nine alphabets": (
        {f"{name}/{FILE}": SOLVED for name in ("Zoë", "Ольга", "Ελένη", "小明", "さくら")}
        | {f"{name}/{FILE}": SOLVED for name in ("민준", "نور", "אורי", "ธนา", "a b (c)!")},
        dict.fromkeys(
            ("Zoë", "Ольга", "Ελένη", "小明", "さくら", "민준", "نور", "אורי", "ธนา", "a b (c)!"),
            FILE,
        ),
    ),
    "versions": (
        {
            f"a/{FILE}": OPEN,
            f"a/{COPY}": SOLVED,
            "b/all.zip": zipped({f"exercises/ex02/{FILE}": SOLVED, f"backup/ex02/{FILE}": OPEN}),
            f"c/{FILE}": CUT,
            "c/ex02-submission.zip": zipped({FILE: SOLVED}),
            f"d/{FILE}": SOLVED,
            f"d/{COPY}": HALF,
            f"e/{FILE}": CUT,
            f"e/{COPY}": b"",
            f"f/{FILE}": SOLVED,
            "f/again.zip": zipped({FILE: SOLVED}),
            f"g/{FILE}": SOLVED,
            "g/ex01_gradient_descent.ipynb": SOLVED.replace(b"ex02", b"ex01"),
            f"h/{FILE}": SOLVED,
            "h.ipynb": OPEN,
        },
        {
            "a": COPY,
            "b": FILE,
            "c": FILE,
            "d": COPY,
            "e": "none of 2 files can be read",
            "f": FILE,
            "g": FILE,
            "h": FILE,
        },
    ),
    "nbgrader's submitted": (
        {
            f"ada/ex02/{FILE}": SOLVED,
            "ada/ex02/timestamp.txt": b"2026-12-01 17:55:00 UTC",
            "ada/ex01/ex01_gradient_descent.ipynb": b"{}",
            "bob/ex01/ex01_gradient_descent.ipynb": b"{}",
            f"bob/ex02/{FILE}": OPEN,
        },
        {"ada": FILE, "bob": FILE},
    ),
    "Moodle": (
        {
            f"Given Family_101_assignsubmission_file_/{FILE}": SOLVED,
            "Given Family_101_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
            "Only Text_103_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
            f"Anna Müller_104_assignsubmission_file/{FILE}": SOLVED,
            f"Anna Müller_105_assignsubmission_file/{FILE}": OPEN,
            f"Flat Person_106_assignsubmission_file_{FILE}": SOLVED,
            "Pdf Person_107_assignsubmission_file_/a.pdf": b"pdf",
            f"Participant_108_assignsubmission_file_/{FILE}": SOLVED,
        },
        {
            "Given Family_101": FILE,
            "Only Text_103": "only onlinetext.html",
            "Anna Müller_104": FILE,
            "Anna Müller_105": FILE,
            "Flat Person_106": f"Flat Person_106_assignsubmission_file_{FILE}",
            "Pdf Person_107": "only a.pdf",
            "Participant_108": FILE,
        },
    ),
    "Canvas": (
        {
            f"familygiven_LATE_102_9002_{FILE[:-6]}-1.ipynb": SOLVED,
            f"obrienséan_103_9003_{FILE}": SOLVED,
            f"obrienséan_103_9013_{FILE[:-6]}-1.ipynb": HALF,
            "textperson_104_text.html": b"<p>",
            "李小明_105_9005_homework.zip": zipped({FILE: SOLVED}),
            f"anon_a1B2c_9006_{FILE}": SOLVED,
            "pdfperson_107_9007_a.pdf": b"pdf",
        },
        {
            "familygiven_102": f"familygiven_LATE_102_9002_{FILE[:-6]}-1.ipynb",
            "obrienséan_103": f"obrienséan_103_9013_{FILE[:-6]}-1.ipynb",
            "textperson_104": "only textperson_104_text.html",
            "李小明_105": FILE,
            "anon_a1B2c": f"anon_a1B2c_9006_{FILE}",
            "pdfperson_107": "only pdfperson_107_9007_a.pdf",
        },
    ),
    "Blackboard": (
        {
            f"ex02_gfamily_attempt_2026-12-01-17-55-00_{FILE}": HALF,
            "ex02_gfamily_attempt_2026-12-01-17-55-00.txt": b"Name: Given Family (gfamily)",
            f"ex02_gfamily_attempt_2026-12-02-08-00-00_{FILE}": SOLVED,
            "ex02_other1_attempt_2026-12-01-17-55-00.txt": b"Name: Other",
        },
        {
            "gfamily": f"ex02_gfamily_attempt_2026-12-02-08-00-00_{FILE}",
            "other1": "only ex02_other1_attempt_2026-12-01-17-55-00.txt",
        },
    ),
}


def collect(source, **options):
    return collection.collect(source, NAME, FILE, **options)


@pytest.fixture(params=CASES, ids=str)
def case(request, tmp_path):
    files, expected = CASES[request.param]
    return put(tmp_path / "class", files), files, expected


def test_every_entry_is_marked_or_named_with_the_reason(case):
    folder, files, expected = case
    found = collect(folder)
    got = {one.student: one for one in found.submissions}
    assert set(got) == set(expected)
    for student, words in expected.items():
        assert words in (got[student].reason or got[student].file), student
    listed = [item.location for item in found.items]
    for name in files:
        assert any(where.startswith(name) for where in listed), f"{name} is in no line"
    assert len(set(listed)) == len(listed)
    assert all(item.reason and item.fate for item in found.items)
    marked = [item.student for item in found.items if item.fate == "marked"]
    assert sorted(marked) == sorted(s for s, one in got.items() if not one.reason)
    text = listing.text(found)
    assert all(item.location in text and item.reason in text for item in found.items)
    for block in text.split("\n\n"):
        said = [line.rpartition(": ")[2] for line in block.splitlines() if " not read: " in line]
        assert len(said) == len(set(said)), block


def test_a_zip_and_its_unpacked_folder_give_the_same_list(case):
    folder, *_ = case
    here, there = collect(packed(folder)), collect(folder)
    assert here.items == there.items
    assert here.submissions == there.submissions
    assert listing.text(here) == listing.text(there)
    shutil.copytree(folder, folder.parent / "outer" / "download")
    around = collect(folder.parent / "outer")
    assert [replace(s, places=()) for s in around.submissions] == [
        replace(s, places=()) for s in there.submissions
    ]


def test_a_zip_of_a_platform_in_a_folder_is_opened(tmp_path):
    files, expected = CASES["Moodle"]
    put(tmp_path / "downloads", {"course-assignment-1.zip": zipped(files)})
    assert {one.student for one in collect(tmp_path / "downloads").submissions} == set(expected)


def test_files_in_the_only_folder_are_a_class_unless_they_are_versions(tmp_path):
    files = {"all/ada.ipynb": SOLVED, "all/bob.ipynb": OPEN}
    found = collect(put(tmp_path / "one", files))
    assert [one.student for one in found.submissions] == ["ada", "bob"]
    assert found.notes == ["Everything lies in all, which is no student's."]
    found = collect(put(tmp_path / "two", {f"ada/{FILE}": OPEN, f"ada/{COPY}": SOLVED}))
    assert [one.student for one in found.submissions] == ["ada"]


def test_the_newest_whole_version_counts_and_the_list_says_why(tmp_path):
    folder = put(tmp_path / "class", {f"ada/{FILE}": SOLVED, "ada/ex02 old.ipynb": HALF})
    os.utime(folder / "ada" / "ex02 old.ipynb", (TIME + 60, TIME + 60))
    (one,) = collect(folder).submissions
    assert (one.file, one.data) == ("ex02 old.ipynb", HALF)
    assert one.version == "ex02 old.ipynb, one of 2 files: the newest of those that answer 9 tasks"
    put(folder, {"ada/ex02 new.ipynb": OPEN}, TIME + 120)  # newer, and not whole
    found = collect(folder)
    assert found.submissions[0].file == "ex02 old.ipynb"
    reasons = {item.location: item.reason for item in found.items}
    assert reasons["ada/ex02 new.ipynb"] == "it answers 0 tasks, the one that is marked 9"
    assert reasons[f"ada/{FILE}"] == "it is older"


def test_the_same_name_decomposed_is_the_same_person(tmp_path):
    folder = put(tmp_path / "class", {f"{unicodedata.normalize('NFD', 'Zoë')}/{FILE}": SOLVED})
    assert collect(folder).submissions[0].student == "Zoë"


def test_what_canvas_says_of_lateness_is_kept_and_the_time_of_its_zip_is_not(tmp_path):
    download, _ = canvas_class(tmp_path, [SOLVED] * 8)
    found = collect(download).submissions
    assert [one.late for one in found].count(True) == 1
    assert {one.submitted for one in found} == {""}


def test_stray_paths_in_a_zip_are_named_and_read_by_nobody(tmp_path):
    names = [f"../{FILE}", f"/abs/{FILE}", f"C:\\x\\{FILE}", f"a/../../{FILE}"]
    path = tmp_path / "class.zip"
    path.write_bytes(zipped({f"ada/{FILE}": SOLVED} | dict.fromkeys(names, SOLVED)))
    found = collect(path)
    assert [one.student for one in found.submissions] == ["ada"]
    strays = [item for item in found.items if not item.student]
    assert len(strays) == len(names)
    assert all("its path leads out of class.zip" in item.reason for item in strays)


def test_more_versions_than_are_read_cost_no_memory_and_are_named(tmp_path):
    files = {f"ada/ex02 {i:02}.ipynb": SOLVED for i in range(60)}
    found = collect(put(tmp_path / "class", files))
    assert len(found.items) == 60
    assert sum("more than 50 notebooks" in item.reason for item in found.items) == 10
    assert not found.submissions[0].reason


# --- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01 17:55:00 UTC", "2026-12-01T17:55:00+00:00"),
        ("2026-12-01 17:55:00.123456 CET", "2026-12-01T16:55:00+00:00"),
        ("2026-12-01 17:55:00 Europe/Berlin", "2026-12-01T16:55:00+00:00"),
        ("2026-07-01 17:55:00 Europe/Berlin", "2026-07-01T15:55:00+00:00"),
        ("2026-12-01 17:55 +0530", "2026-12-01T12:25:00+00:00"),
        ("2026-12-01T17:55:00-08:00", "2026-12-02T01:55:00+00:00"),
        ("2026-12-01 17:55:00", "2026-12-01T17:55:00+00:00"),
    ],
)
def test_zones_are_read_as_nbgrader_writes_them(tmp_path, text, expected):
    from datetime import UTC, datetime

    files = {f"ada/{FILE}": SOLVED, "ada/timestamp.txt": text.encode()}
    found = collect(put(tmp_path / "class", files), trust_timestamps=True)
    when = datetime.fromisoformat(found.submissions[0].submitted)
    assert when.astimezone(UTC).isoformat() == expected
    assert not found.notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("01/12/2026", "does not name one time"),
        ("17:55", "does not name one time"),
        ("2026-12-01", "does not name one time"),
        ("01.12.2026 17:55", "does not name one time"),
        ("1 December 2026 17:55", "does not name one time"),
        ("2026-12-01 17:55:00 CST", "names CST, which may be several zones"),
        ("2026-12-01 17:55:00 IST", "names IST"),
        ("2026-13-01 17:55:00 UTC", "is no date"),
        ("2026-12-01 17:55:00 Mars/Base", "no such zone as Mars/Base"),
        ("2026-12-01 17:55 +99:00", "no such zone"),
        ("", "does not name one time"),
        ("\x1b[2J" + "9" * 500, "does not name one time"),
    ],
)
def test_what_is_ambiguous_is_refused_by_name_and_stops_nobody(tmp_path, monkeypatch, text, words):
    monkeypatch.setenv("TZ", "UTC")
    files = {f"ada/{FILE}": SOLVED, "ada/timestamp.txt": text.encode(), f"bob/{FILE}": SOLVED}
    found = collect(put(tmp_path / "class", files), trust_timestamps=True)
    assert found.submissions[0].submitted == "2026-12-01T10:00:00+00:00"  # the file's
    (note,) = found.notes
    assert note.startswith("The timestamp.txt of ada does not count: ")
    assert words in note
    assert note.isprintable()


def test_a_timestamp_that_a_student_could_have_written_does_not_count(tmp_path):
    files = {f"ada/{FILE}": SOLVED, "ada/timestamp.txt": b"2020-01-01 00:00:00 UTC"}
    found = collect(put(tmp_path / "class", files))
    assert found.submissions[0].submitted == "2026-12-01T10:00:00+00:00"
    (item,) = [item for item in found.items if item.location.endswith("timestamp.txt")]
    assert "the student could have written it" in item.reason
    assert "--trust-timestamps" in item.reason


# --- rosters --------------------------------------------------------------------------------------


def test_the_list_names_who_handed_in_nothing_and_who_is_in_no_roster(tmp_path):
    download, worksheet = moodle(tmp_path, [SOLVED, OPEN, None, None])
    roster, found = rosters.read(worksheet), collect(download)
    found.submissions = roster.applied(found.submissions)
    text = listing.text(found, roster)
    assert "Handed in nothing (2): Łukasz Nowak, Ольга Иванова" in text
    assert "Ada Müller_101 (Ada Müller)" in text
    stranger = collect(put(tmp_path / "x", {f"No One_999_assignsubmission_file_/{FILE}": SOLVED}))
    assert "not in the roster" in listing.text(stranger, roster)


def test_names_of_platforms_are_not_found_where_there_are_none():
    for name in ("ada", "ada_lovelace", "ex02_mine.ipynb", "a_1.ipynb", "2026_12.ipynb", "x_y_z"):
        assert platforms.person(name, is_file=name.endswith(".ipynb")).platform == ""


def test_a_folder_that_cannot_be_entered_is_named(tmp_path):
    folder = put(tmp_path / "class", {f"ada/{FILE}": SOLVED, f"bob/{FILE}": SOLVED})
    (folder / "bob").chmod(0)
    try:
        if os.access(folder / "bob", os.R_OK):
            pytest.skip("this user may read everything")
        found = collect(folder)
    finally:
        (folder / "bob").chmod(0o755)
    assert "cannot be read" in found.submissions[1].reason


def test_nothing_is_one_sentence(tmp_path):
    with pytest.raises(CourseError, match="does not exist"):
        collect(tmp_path / "nowhere")
    with pytest.raises(CourseError, match="There is no submission in"):
        collect(put(tmp_path / "class", {"list.csv": b"", "__MACOSX/x": b""}))
    with pytest.raises(entries.Unreadable):
        entries.walk(put(tmp_path, {"x.zip": b"no"}) / "x.zip")


def test_folders_without_end_and_names_that_are_no_text_stop_nobody(tmp_path):
    folder = put(tmp_path / "class", {f"ada/{FILE}": SOLVED, f"bob/{'a/' * 200}{FILE}": SOLVED})
    for byte in (b"\xfe", b"\xff"):
        path = os.fsencode(folder) + b"/c" + byte
        os.mkdir(path)
        with open(path + b"/" + FILE.encode(), "wb") as file:
            file.write(SOLVED)
    found = {one.student: one for one in collect(folder).submissions}
    assert set(found) == {"ada", "bob", "c\\udcfe", "c\\udcff"}
    assert "more than 50 folders" in found["bob"].reason
    assert found["c\\udcff"].data == SOLVED
