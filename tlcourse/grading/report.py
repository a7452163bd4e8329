"""A class that is marked: everything that is written of it, and what the lecturer reads at once."""

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path

from tlcourse import files
from tlcourse.checks import title
from tlcourse.course import content
from tlcourse.grading import classroom, gradebook, listing, similarity, summary
from tlcourse.grading import records as records_of
from tlcourse.grading import roster as rosters
from tlcourse.grading.collection import HandedIn
from tlcourse.grading.feedback import shortened
from tlcourse.grading.gradebook import Mark
from tlcourse.grading.handins import printable
from tlcourse.grading.roster import Roster
from tlcourse.grading.rules import Rules
from tlcourse.grading.standing import rounded

_REASON = 1_000  # characters of a reason that go to a platform


def write(
    marks: Path,
    records: list[dict],
    found: HandedIn,
    rules: Rules,
    *,
    extensions: dict[str, datetime] | None = None,
    roster: Roster | None = None,
) -> list[str]:
    """Write gradebook, table, pages, and what goes back to a platform; what there is to say of it.

    Parameters
    ----------
    marks : Path
    records : list of dict
        All of one exercise, by student.
    found : HandedIn
        Where they come from.
    rules : Rules
    extensions : dict of datetime, optional
    roster : Roster, optional

    Returns
    -------
    list of str
        Paragraphs for a terminal.

    Raises
    ------
    CourseError
    """
    name = records[0]["exercise"]
    if extensions:
        extensions = {_student(text, records): when for text, when in extensions.items()}
    late = {"deadline": rules.due, "extensions": extensions, "grace": rules.grace}
    cost = {"penalty": rules.penalty, "max_penalty": rules.max_penalty}
    waiting = gradebook.store(marks, records, **late, **cost)
    said = [summary.text(records, **late)]
    if rules.text:
        said.append(rules.text)
    said += found.notes
    for record in records:
        if record["status"] == "unreadable":
            student = _listed([record["student"]])
            said.append(
                f"{student} gets 0 points, because the file cannot be read: {record['reason']}"
            )
    said += [f"This is nobody's, so it is not marked: {line}" for line in listing.ignored(found)]
    several = [r["student"] for r in records if r.get("version")]
    if several:
        said.append(f"{_listed(several)} handed in several versions; --list says which one counts.")
    if roster:
        said += _of_roster(roster, found)
    if names := records_of.without(marks, name, [record["student"] for record in records]):
        said.append(
            f"{_listed(names)} handed in nothing for {name}, but got points for a task of it in the"
            " set that it was in before. Put that notebook among these to let it count."
        )
    if waiting:
        said.append(f"Open questions wait for you in formgrader: {_listed(waiting)}")
    if limited := [record["student"] for record in records if record.get("limits")]:
        kinds = sorted({kind for record in records for kind in record.get("limits", ())})
        said.append(
            f"{_listed(limited)} hit a limit of {' or '.join(kinds)}. "
            "--again limits marks them again; --cell-seconds gives more time."
        )
    if any(record.get("alone") for record in records):
        said.append(
            "Each submission got a sandbox of its own, which is slow: the kernel does not let one "
            "sandbox keep them apart here. tlcourse doctor says more."
        )
    if unknown := set(extensions or ()) - {record["student"] for record in records}:
        said.append(f"{_listed(sorted(unknown))} got an extension and handed in nothing.")
    pairs = similarity.similar(records)
    with files.explain_os_errors(marks, "--out"):
        files.write(marks / f"{name}-class.html", classroom.page(records))
        files.write(marks / f"{name}-similar.html", similarity.page(records, pairs))
    if pairs:
        said.append("These are more alike than most, and a person should look at them:")
        for group in similarity.groups(pairs):
            shares = [share for one, _, share in pairs if one in group]
            least, most = min(shares), max(shares)
            shown = f"{most:.0%}" if least == most else f"{least:.0%} to {most:.0%}"
            said.append(f"  {_listed(group)}: {shown}")
    if rules.platform and roster:
        said += _return(marks, records, found, rules, roster)
    said.append(f"The gradebook, {name}.csv and a page for each student are in {marks}.")
    said.append(
        f"Open {name}-class.html there before the next lecture: what your class gets wrong, and "
        "what to say to it."
    )
    return [sentence for sentence in said if sentence]


def _student(text: str, records: list[dict]) -> str:
    """The student whom a lecturer means by a name or number, if it is one alone; else the text."""
    if any(record["student"] == text for record in records):
        return text
    wanted, found = rosters.key(text), []
    for record in records:
        names = (record.get("name", ""), record.get("id", ""))
        if wanted and wanted in map(rosters.key, names):
            found.append(record["student"])
    return found[0] if len(found) == 1 else text


def _of_roster(roster: Roster, found: HandedIn) -> list[str]:
    said = []
    if missing := roster.missing(found.submissions):
        said.append(f"{len(missing)} of the roster handed in nothing: {_listed(missing)}")
    if gone := [one.student for one in found.submissions if roster.find(one) is None]:
        said.append(f"The roster lacks {_listed(gone)}, and so does the table that goes back.")
    return said


def _return(
    marks: Path, records: list[dict], found: HandedIn, rules: Rules, roster: Roster
) -> list[str]:
    """Write the table for the platform."""
    released = content.released(records[0]["exercise"])
    known = gradebook.marks(marks, released.name)
    by_student = {record["student"]: record for record in records}
    given, pages, waiting = {}, {}, 0
    for one in found.submissions:
        member = roster.find(one)
        record = by_student.get(one.student) or _by_id(records, one.id)
        mark = record and known.get(gradebook.student_id(record["student"]))
        if member is None or mark is None:
            continue
        waiting += mark.waits
        points = None if mark.waits else mark.total
        if not mark.waits:
            folder = f"{_file_name(member.name)}_{member.id}_assignsubmission_file_"
            student = gradebook.student_id(record["student"])
            page = marks / "feedback" / student / f"{released.name}.html"
            pages[f"{folder}/{released.name}.html"] = page.read_bytes()
        given[member.row] = (points, _reason(record, mark))
    maximum = sum(released.points.values())
    returned = rosters.filled(
        roster,
        rules.platform,
        released.name,
        title(released.name),
        given,
        maximum,
        rules.column,
    )
    path = marks / f"{released.name}-{rules.platform}.csv"
    with files.explain_os_errors(marks, "--out"):
        files.write(path, returned.data)
    said = list(returned.notes)
    if waiting:
        said.append(
            f"{waiting} of them have no grade in {path.name} yet, because their open question "
            "waits for you: mark it in formgrader, and run the command again."
        )
    platform = rules.platform.capitalize()
    said.append(f"{path} holds {len(given) - waiting} grades for {platform}.")
    if rules.platform == "moodle":
        path = path.with_name(f"{released.name}-moodle-feedback.zip")
        with files.explain_os_errors(marks, "--out"):
            files.write(path, _zipped(pages))
        said.append(f"{path} holds {len(pages)} pages of feedback for Moodle.")
    return said


def _zipped(pages: dict[str, bytes]) -> bytes:
    """Pages in one zip, the same bytes for the same pages."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(pages.items()):
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return stream.getvalue()


def _file_name(name: str) -> str:
    """A name as Moodle puts it into that of a file, where an underscore ends it."""
    return re.sub(r"[^\w .,'()-]|_", " ", name).strip()[:100] or "x"


def _by_id(records: list[dict], id_: str) -> dict | None:
    return next((r for r in records if id_ and r.get("id") == id_), None)


def _reason(record: dict, mark: Mark) -> str:
    """Why a student has these points: all that the page says, but what code of the student said.

    What weighs most comes first, because a long text is cut.
    """
    parts = [f"{rounded(mark.total)} of {rounded(mark.maximum)} points."]
    if record["status"] != "marked":
        why = shortened(record["reason"], _REASON // 2).rstrip(".")
        parts.append(f"The file could not be read: {why}.")
    if mark.penalty:
        days = f" by {mark.days_late} day{'s' * (mark.days_late > 1)}" if mark.days_late else ""
        parts.append(f"Late{days}, which costs {rounded(mark.penalty)} points.")
    if version := record.get("version"):
        parts.append(f"Of several files this one was marked: {shortened(version, _REASON // 4)}.")
    for name, (points, comment) in mark.by_hand.items():
        given = "" if points is None else f" a person gave {rounded(points)} points."
        parts.append(f"{name.replace('-', ' ')}:{given}{f' {comment}' if comment else ''}")
    if errors := len(record["cells"]):
        parts.append(f"{errors} cell{'s' * (errors > 1)} ended with an error; your page names it.")
    for name, verdict in record["tasks"].items():
        if before := verdict.get("from", ""):
            parts.append(f"{name}: its points are from your hand-in of {before}.")
        if verdict["status"] == "not attempted":
            parts.append(f"{name}: not attempted.")
        elif verdict["status"] == "not yet":
            why, failed = classroom.mistake(name, verdict), verdict["failed"]
            parts.append(f"{name}: {failed or 'not yet'}{f' ({why})' if why else ''}.")
    text = " ".join(parts).replace("<", "‹").replace(">", "›")
    return shortened(text, _REASON).replace("\n", " ")


def _listed(names: list[str]) -> str:
    """Names of students, which may hold anything, for a terminal."""
    shown = ", ".join(printable(name) for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown
