"""Who is in the course, as the learning platform exports it; and the marks in the same columns.

A roster is Moodle's grading worksheet (*Download grading worksheet*), Canvas' gradebook (*Export
Entire Gradebook*), or any CSV with names: a list of participants. What goes back has exactly the
rows of the roster, so a student who has left the course is not in it.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import normalize

from tlcourse.files import CourseError
from tlcourse.grading import times
from tlcourse.grading.handins import Submission
from tlcourse.grading.standing import rounded

PLATFORMS = ("moodle", "canvas")
_MOODLE = ("Identifier", "Grade", "Last modified (grade)")
_CANVAS = ("Student", "ID", "Section")
_CANVAS_OWN = {
    "Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section",
    "Notes",
}  # fmt: skip
_CANVAS_READ_ONLY = re.compile(r"(Current|Final|Override) (Score|Points|Grade|Status)")
_NAMES = {
    "full name", "name", "student", "student name", "username", "user name", "id", "id number",
    "student id", "email", "email address", "e-mail", "sis user id", "sis login id", "login id",
    "matriculation number",
}  # fmt: skip
_FIRST, _LAST = {"first name", "given name", "firstname"}, {"last name", "surname", "lastname"}
_SUBMITTED = {"last modified (submission)", "submitted"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MOST = 20 * 2**20  # bytes of a roster


@dataclass(frozen=True)
class Member:
    """A person of the course.

    Attributes
    ----------
    name : str
    id : str
        The number or username by which the platform's files name the person, "" if it gives none.
    row : int
        The place in `Roster.rows`.
    submitted : str
        When the platform says that the work was handed in, as ISO 8601; "" if it does not.
    keys : frozenset of str
        All that may stand for the person, without spaces, punctuation and capitals.
    """

    name: str
    id: str
    row: int
    submitted: str = ""
    keys: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True)
class Roster:
    """The people of a course, and the table that they stand in.

    Attributes
    ----------
    file : Path
    platform : str
        "moodle", "canvas" or "".
    header : list of str
    rows : list of list of str
        All of them; also those that are no person's.
    members : list of Member
    """

    file: Path
    platform: str
    header: list[str]
    rows: list[list[str]]
    members: list[Member]

    def find(self, submission: Submission) -> Member | None:
        """The person who handed this in: by the platform's number, else by a name of one alone."""
        if submission.id:
            found = [m for m in self.members if m.id == submission.id]
            if found:
                return found[0]
        for text in (submission.id, submission.name, submission.student):
            wanted = key(text)
            found = [m for m in self.members if wanted and wanted in m.keys]
            if len(found) == 1:
                return found[0]
        return None

    def applied(self, submissions: Iterable[Submission]) -> list[Submission]:
        """The submissions, with the names of the roster, and its times where it tells them."""
        made = []
        for one in submissions:
            if member := self.find(one):
                submitted = member.submitted or one.submitted
                one = replace(one, name=member.name or one.name, submitted=submitted)
            made.append(one)
        return made

    def missing(self, submissions: Iterable[Submission]) -> list[str]:
        """The names of those who have handed in nothing."""
        there = {member.row for one in submissions if (member := self.find(one))}
        return sorted(member.name for member in self.members if member.row not in there)


def key(text: str) -> str:
    """A name without spaces, punctuation and capitals."""
    return "".join(c for c in normalize("NFC", text).casefold() if c.isalnum())


# --- reading -----------------------------------------------------------------------------------


def read(path: Path) -> Roster:
    """The roster in a CSV.

    Raises
    ------
    CourseError
        If it cannot be read, or names nobody.
    """
    try:
        if path.stat().st_size > _MOST:
            raise CourseError(f"{path} is larger than {_MOST // 2**20} MB, which no roster is.")
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise CourseError(
            f"{path} is not UTF-8: download it again from the learning platform, or save it as "
            "CSV UTF-8."
        ) from None
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read ({error.strerror or error}): give the CSV of your learning "
            "platform by --roster."
        ) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        table = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise CourseError(f"{path} is no CSV ({error}): download it again.") from None
    if not table:
        raise CourseError(f"{path} is empty: download it again from the learning platform.")
    header = [name.strip() for name in table[0]]
    rows = [row + [""] * (len(header) - len(row)) for row in table[1:]]
    if set(_MOODLE) <= set(header):
        platform, members = "moodle", _members(header, rows, identifier="Identifier")
    elif set(_CANVAS) <= set(header):
        platform, members = "canvas", _members(header, rows, identifier="ID")
    else:
        platform, members = "", _members(header, rows, identifier="")
    if not members:
        raise CourseError(
            f"{path} names nobody: its first line must name columns such as Identifier and Grade "
            "(Moodle's grading worksheet), Student and ID (Canvas' gradebook), or Full name; if "
            "yours is in another language, set the platform to English and download it again."
        )
    return Roster(path, platform, header, rows, members)


def _members(header: list[str], rows: list[list[str]], *, identifier: str) -> list[Member]:
    columns = {i: name.lower() for i, name in enumerate(header)}
    naming = [i for i, name in columns.items() if name in _NAMES]
    first = next((i for i, name in columns.items() if name in _FIRST), None)
    last = next((i for i, name in columns.items() if name in _LAST), None)
    submitted = next((i for i, name in columns.items() if name in _SUBMITTED), None)
    members = []
    for place, row in enumerate(rows):
        names = [row[i].strip() for i in naming]
        if first is not None and last is not None:
            given, family = row[first].strip(), row[last].strip()
            names = [f"{given} {family}".strip(), f"{family}, {given}".strip(", "), *names]
        id_ = row[header.index(identifier)].strip() if identifier else ""
        if identifier == "Identifier":
            id_ = (re.findall(r"\d+$", id_) or [""])[0]
        if identifier and not id_:
            continue  # "Points Possible" of Canvas, and the like
        if identifier == "ID" and names[:1] == ["Student, Test"]:
            continue
        if identifier == "ID" and ", " in names[0]:
            family, _, given = names[0].partition(", ")
            names.append(f"{given} {family}".strip())
        if not any(names) and not id_:
            continue
        shown = next((n for n in names if n and n != id_), id_)
        if identifier == "ID" and ", " in names[0]:
            shown = names[-1]  # the given name first
        local = [n.partition("@")[0] for n in names if "@" in n]
        keys = frozenset(key(n) for n in [*names, *local]) - {""}
        when = _time(row[submitted]) if submitted is not None else ""
        members.append(Member(_clean(shown), id_, place, when, keys))
    return members


def _time(text: str) -> str:
    """The time in a roster: as we write it, or as Moodle does in English, in this zone; or ""."""
    text = text.strip()
    try:
        return times.parse(text, default=None).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        pass
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M"):
        try:
            when = datetime.strptime(text.replace("\u202f", " "), form)
            return when.astimezone(UTC).isoformat(timespec="seconds")
        except (ValueError, OverflowError, OSError):
            continue
    return ""


# --- the way back ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Returned:
    """What goes back to the learning platform.

    Attributes
    ----------
    data : bytes
        The CSV.
    notes : list of str
        What a lecturer should know, a sentence each.
    """

    data: bytes
    notes: list[str]


def check(roster: Roster, platform: str, exercise: str, title: str, column: str = "") -> int:
    """The place of the assignment's column, after a look at whether marks can go back at all.

    Raises
    ------
    CourseError
        If the roster is not that of the platform, or the column is not clear.
    """
    if roster.platform != platform:
        wanted = {
            "moodle": "Moodle's grading worksheet, in English",
            "canvas": "the gradebook that Canvas exports",
        }[platform]
        raise CourseError(f"--for {platform} needs {wanted} as --roster; {roster.file} is not it.")
    if platform == "moodle":
        return roster.header.index("Grade")
    free = [
        i
        for i, name in enumerate(roster.header)
        if name not in _CANVAS_OWN and not _CANVAS_READ_ONLY.search(name)
    ]
    own = [i for i in free if column and column.casefold() in roster.header[i].casefold()]
    if not column:
        own = [i for i in free if exercise in roster.header[i].casefold().replace(" ", "")]
        own = own or [i for i in free if title.casefold() in roster.header[i].casefold()]
    if len(own) != 1:
        known = ", ".join(repr(_clean(roster.header[i])) for i in free[:20]) or "none"
        raise CourseError(
            f"{roster.file} has {len(own)} columns for {column or exercise}, and one is needed: "
            f"give its name by --column. Its assignments are {known}."
        )
    return own[0]


def filled(
    roster: Roster,
    platform: str,
    exercise: str,
    title: str,
    marks: dict[int, tuple[float | None, str]],
    maximum: float,
    column: str = "",
) -> Returned:
    """The table that the platform reads, with the marks in it.

    Parameters
    ----------
    roster : Roster
        As that platform exports it.
    platform : str
        "moodle" or "canvas".
    exercise, title : str
        "ex02" and the title of its set, by one of which Canvas' column is found.
    marks : dict of (float or None, str)
        For a row of the roster the points, or None to leave them out, and the reason.
    maximum : float
        Points that the set has.
    column : str
        The name of Canvas' column, if it is not found by itself.

    Raises
    ------
    CourseError
        If the roster is not that of the platform, or the column is not clear.
    """
    chosen = check(roster, platform, exercise, title, column)
    if platform == "moodle":
        return _for_moodle(roster, marks, maximum)
    return _for_canvas(roster, chosen, marks, maximum)


def _for_moodle(roster: Roster, marks: dict, maximum: float) -> Returned:
    names = {name.lower(): i for i, name in enumerate(roster.header)}
    grade, most = names["grade"], names.get("maximum grade")
    reason = names.get("feedback comments")
    notes, rows, factors = [], [], set()
    for member in roster.members:
        row = list(roster.rows[member.row])
        if member.row in marks:
            points, why = marks[member.row]
            factor = _factor(row[most] if most is not None else "", maximum)
            factors.add(factor)
            if points is not None:
                row[grade] = str(rounded(points * factor))
                if reason is not None:
                    row[reason] = why
        rows.append(row)
    if factors - {1.0}:
        notes.append(_scaled(maximum, maximum * max(factors)))
    if reason is None:
        notes.append(
            "The worksheet has no column Feedback comments: switch that feedback type on in the "
            "assignment's settings, and students read the reasons too."
        )
    return Returned(_csv([roster.header, *rows]), notes)


def _for_canvas(roster: Roster, chosen: int, marks: dict, maximum: float) -> Returned:
    kept = [i for i, name in enumerate(roster.header) if name in _CANVAS_OWN - {"Notes"}]
    possible = next((r for r in roster.rows if "Points Possible" in r[0]), None)
    factor = _factor(possible[chosen] if possible else "", maximum)
    notes = [_scaled(maximum, maximum * factor)] if factor != 1 else []
    rows = [[roster.header[i] for i in [*kept, chosen]]]
    if possible:
        rows.append([possible[i] for i in [*kept, chosen]])
    for member in roster.members:
        row = [roster.rows[member.row][i] for i in [*kept, chosen]]
        points, _ = marks.get(member.row, (None, ""))
        if points is not None:
            row[-1] = str(rounded(points * factor))
        rows.append(row)
    return Returned(_csv(rows), notes)


def _factor(most: str, maximum: float) -> float:
    """What our points are multiplied with, for the platform's maximum."""
    try:
        found = float(most.strip().replace(",", "."))
    except ValueError:
        return 1.0
    return found / maximum if found > 0 else 1.0


def _scaled(maximum: float, most: float) -> str:
    return (
        f"The points are scaled from {rounded(maximum)} to {rounded(most)}, which is the maximum "
        "on the platform."
    )


def _csv(rows: Iterable[list[str]]) -> bytes:
    """A CSV that spreadsheets and both platforms read.

    The mark of UTF-8 at its beginning is for spreadsheets; the first field has no quotes, since
    Ruby's reader, which is Canvas', takes a quote behind that mark for an error.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    for row in rows:
        writer.writerow([guarded(text) for text in row])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def guarded(text: str) -> str:
    """A text in which there are no control characters, and that no spreadsheet takes for a formula.

    A number stays one.
    """
    text = _clean(text)
    if re.fullmatch(r"\s*[+-]?\d+([.,]\d+)?\s*", text) or text.strip() == "-":
        return text
    return f"'{text}" if re.match(r"\s*[=+\-@＝＋－＠]", text) else text


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text)
