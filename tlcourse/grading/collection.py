"""What lies in a folder or zip of submissions: whose it is, and which version counts.

Every entry is in `HandedIn.items`: marked, or named with the reason. Nothing is run.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from tlcourse.course import content
from tlcourse.files import CourseError
from tlcourse.grading import entries, handins, platforms, times
from tlcourse.grading.entries import Entry, Unreadable
from tlcourse.grading.handins import Cell, Submission, printable
from tlcourse.grading.platforms import Person

_MOST_VERSIONS = 50  # of one student that are read
_STAMP = "timestamp.txt"  # where nbgrader keeps when something was handed in
_COPY = re.compile(r"\((\d+)\)|(?<=\w)-(\d{1,2})(?=\.)|[Cc]opy(\d*)")


@dataclass(frozen=True)
class Item:
    """An entry of what was handed in, and what becomes of it.

    Attributes
    ----------
    location : str
        From the source on.
    student : str
        "" if it is nobody's.
    fate : str
        "marked", "not read", "another version" or "ignored".
    reason : str
    """

    location: str
    student: str
    fate: str
    reason: str


@dataclass
class HandedIn:
    """Everything that lies in a folder or zip of submissions.

    Attributes
    ----------
    submissions : list of Submission
        One for each student, by name.
    items : list of Item
        Every entry, by path.
    notes : list of str
        What a lecturer should know, a sentence each.
    """

    submissions: list[Submission]
    items: list[Item]
    notes: list[str]


# --- finding -----------------------------------------------------------------------------------


def collect(
    source: Path, exercise: str, notebook: str, *, trust_timestamps: bool = False
) -> HandedIn:
    """Everything in a folder or zip of submissions: what would be marked, for whom, and why.

    Of several versions of one student the newest whole one counts: the newest of those that can be
    read, are of this set, and answer as many tasks as any other.

    Parameters
    ----------
    source : Path
        What a learning platform gives, as a zip or unpacked; or a folder with a folder, a zip or a
        notebook for each student; or nbgrader's `submitted/`; or a zip of such a folder.
    exercise : str
        "ex02".
    notebook : str
        The name of the notebook as it was handed out, which wins where nothing else decides.
    trust_timestamps : bool
        Whether a `timestamp.txt`, which a student could have written, tells the time.

    Raises
    ------
    CourseError
        If there is no such folder or zip, or nothing in it.
    """
    if not source.exists():
        raise CourseError(f"{source} does not exist: name the folder or zip of the submissions.")
    try:
        found = entries.walk(source)
    except (OSError, Unreadable) as error:
        raise CourseError(f"{source} is neither a folder nor a sound zip: {error}.") from None
    items = [Item(_location(e), "", "ignored", why) for e in found if (why := _junk(e))]
    found = [entry for entry in found if not _junk(entry)]
    around, found = _unwrapped(found, exercise)
    notes = []
    if around:
        notes.append(f"Everything lies in {printable('/'.join(around))}, which is no student's.")
    of_students: dict[str, list[tuple[Person, Entry]]] = {}
    for entry in found:
        who = _whose(entry, len(around))
        if who is None:
            why = "it is neither a notebook nor a zip, and in no student's folder"
            items.append(Item(_location(entry), "", "ignored", why))
        else:
            of_students.setdefault(who.student, []).append((who, entry))
    if not of_students:
        raise CourseError(
            f"There is no submission in {source}: a folder for each student is expected, with a "
            f"notebook of {exercise} or the zip of tlcourse submit in it."
        )
    submissions = []
    for student, own in of_students.items():
        chosen = _Choice(student, exercise, notebook, len(around), trust_timestamps)
        submissions.append(chosen.make(own))
        items += chosen.items
        notes += chosen.notes
    submissions.sort(key=lambda one: one.student)
    return HandedIn(submissions, sorted(items, key=lambda item: item.location), notes)


def _location(entry: Entry) -> str:
    return printable(str(entry.location) + "/" * entry.is_folder)


def _junk(entry: Entry) -> str:
    """Why an entry is nobody's work, "" if it may be."""
    if entry.is_stray:
        return entry.problem
    for part in entry.location.parts:
        if part == "__MACOSX" or part.startswith("._"):
            return "macOS keeps its own notes there"
        if part == ".ipynb_checkpoints":
            return "a checkpoint of Jupyter"
        if part.startswith(".") or part.lower() in ("thumbs.db", "desktop.ini", "__pycache__"):
            return "a hidden file of the system"
    return ""


def _unwrapped(found: list[Entry], exercise: str) -> tuple[list[str], list[Entry]]:
    """The folders that lie around all, and the entries; a zip around all is opened."""
    around: list[str] = []
    while found and len(around) < 4:
        depth = len(around)
        firsts = {entry.location.parts[depth] for entry in found}
        first = min(firsts)
        if len(firsts) > 1 or platforms.is_of_platform(first, is_file=False):
            break
        inside = found
        if len(found) == 1 and len(found[0].location.parts) == depth + 1:
            if not entries.is_zip(first) or platforms.is_of_platform(first, is_file=True):
                break
            inside = [one for one in entries.opened(found[0]) if not _junk(one)]
        below = [one.location.parts[depth + 1 :] for one in inside]
        if not all(below):
            break
        if any(platforms.is_of_platform(p[0], is_file=len(p) == 1) for p in below):
            around.append(first)
            found = inside
            continue
        if inside is not found:
            break  # a student's zip
        folders = {
            p[0] for p, one in zip(below, inside, strict=True) if len(p) > 1 or one.is_folder
        }
        flat = {p[0].lower() for p in below} - {name.lower() for name in folders}
        works = {n for n in flat if platforms.is_notebook(n) or entries.is_zip(n)}
        one_student = exercise in folders or any(name.startswith(exercise) for name in works)
        if one_student or (flat and len(folders | works) < 2):
            break
        around.append(first)
    return around, found


def _whose(entry: Entry, depth: int) -> Person | None:
    """Who handed in an entry; None if it is nobody's."""
    first = entry.location.parts[depth]
    at_top = len(entry.location.parts) == depth + 1 and not entry.is_folder
    who = platforms.person(first, is_file=at_top)
    known = platforms.is_notebook(first) or entries.is_zip(first) or platforms.is_archive(first)
    return who if who.platform or not at_top or known or entry.problem else None


@dataclass
class _Version:
    """A notebook that a student has handed in."""

    entry: Entry
    person: Person
    outer: Entry  # itself, or the zip that it lies in
    problem: str = ""
    answered: int = 0
    before: str = ""  # the set that it is of, if a task of the one that is marked was in that
    data: bytes = b""
    digest: str = ""

    @property
    def time(self) -> str:
        """When it was written, as far as that tells versions apart."""
        if self.person.submitted or not self.person.has_time:
            return self.person.submitted
        return self.entry.time if self.entry.time[:4] > "1980" else self.outer.time

    @property
    def copy(self) -> int:
        """The number that a browser or platform gives to a later file of the same name."""
        found = _COPY.search(platforms.own_name(self.entry.name))
        return int(next((g for g in found.groups() if g), 1)) if found else 0


class _Choice:
    """What one student has handed in, and the version that counts."""

    def __init__(
        self, student: str, exercise: str, notebook: str, depth: int, trust_timestamps: bool
    ) -> None:
        self.student, self.exercise, self.notebook = student, exercise, notebook
        self.depth, self.trust_timestamps = depth, trust_timestamps
        self.items: list[Item] = []
        self.notes: list[str] = []
        self.versions: list[_Version] = []
        self.stamp = ""

    def make(self, own: list[tuple[Person, Entry]]) -> Submission:
        """The submission, from all that is the student's."""
        folders = [
            e.location.parts[self.depth + 1 : -1 if not e.is_folder else None] for _, e in own
        ]
        by_set = any(self.exercise in parts[:1] for parts in folders)  # as nbgrader has it
        others = []
        for (person, outer), folder in zip(own, folders, strict=True):
            if by_set and self.exercise not in folder[:1]:
                self._add(outer, "ignored", f"it does not lie in the folder {self.exercise}")
                continue
            for entry in entries.opened(outer):
                if why := _junk(entry):
                    self._add(entry, "ignored", why)
                elif person.text:
                    others.append((entry, person.text))
                elif entry.name == _STAMP and entry is outer:
                    self._read_stamp(entry)
                elif self._may_be_notebook(entry, outer):
                    self._judge(_Version(entry, person, outer))
                else:
                    others.append((entry, self._what(entry)))
        for entry, what in others:
            self._add(entry, "ignored", what)
        first = own[0][0]
        known = {"name": first.name, "id": first.id}
        known["places"] = tuple(dict.fromkeys(e.location.parts[self.depth] for _, e in own))
        if not self.versions:
            return self._without(own, [e for e, _ in others], known)
        best = max(self.versions, key=self._rank)
        self._explain(best)
        return Submission(
            self.student,
            best.entry.name,
            best.data,
            self._reason(best),
            self._time(best.person, best.outer),
            self._version(best),
            late=best.person.late,
            **known,
        )

    def _without(self, own, others: list[Entry], known: dict) -> Submission:
        """Of a student who has handed in no notebook."""
        reason = f"there is no notebook of {self.exercise}"
        problems = [e for e in others if e.problem]
        archives = [e for e in others if platforms.is_archive(e.name)]
        seen = [e for e in others if not e.is_folder]
        if len(problems) == len(others) == 1 and not problems[0].is_stray:
            reason = problems[0].problem
        elif archives:
            reason += f": {archives[0].name} is an archive that is not opened, ask for a zip"
        elif seen:
            names = ", ".join(e.name for e in seen[:3])
            reason += f", only {names}" + (f" and {len(seen) - 3} more" if len(seen) > 3 else "")
        person, outer = own[0]
        self.items = [
            replace(item, fate="not read")
            if item.location in {_location(e) for e in others}
            else item
            for item in self.items
        ]
        file = others[0].name if len(others) == 1 else person.student
        time = self._time(person, outer)
        return Submission(self.student, file, b"", reason, time, late=person.late, **known)

    def _may_be_notebook(self, entry: Entry, outer: Entry) -> bool:
        if platforms.is_notebook(entry.name):
            return True
        return (
            entry is outer and bool(entry.problem) and len(entry.location.parts) == self.depth + 1
        )

    def _what(self, entry: Entry) -> str:
        if entry.problem:
            return entry.problem
        if entry.is_folder:
            return "an empty folder"
        if platforms.is_archive(entry.name):
            return "an archive that is not opened: ask for a zip"
        return "it is no notebook"

    def _read_stamp(self, entry: Entry) -> None:
        try:
            text = printable(entry.read()[:100].decode("utf-8", "replace").strip())
        except Unreadable as error:
            self._add(entry, "ignored", str(error))
            return
        if not self.trust_timestamps:
            why = f"the student could have written it ({text!r}); --trust-timestamps lets it count"
            self._add(entry, "ignored", why)
            return
        try:
            self.stamp = times.parse(text).isoformat(timespec="seconds")
            self._add(entry, "ignored", f"it tells the time: {self.stamp}")
        except ValueError as error:
            self._add(entry, "ignored", f"{text!r} {error}")
            shown = printable(self.student)
            self.notes.append(f"The timestamp.txt of {shown} does not count: {text!r} {error}.")

    def _judge(self, version: _Version) -> None:
        """Read a version; the bytes of the best one alone are kept."""
        if len(self.versions) == _MOST_VERSIONS:
            self._add(
                version.entry, "ignored", f"more than {_MOST_VERSIONS} notebooks are not read"
            )
            return
        try:
            version.data = version.entry.read()
            version.digest = hashlib.sha256(version.data).hexdigest()
            cells = handins.read(version.data)
            if wrong := handins.other_exercise(cells, self.exercise):
                version.problem = f"it is a notebook of {wrong}, not of {self.exercise}"
            else:
                version.answered = _answered(cells, self.exercise)
                named = handins.written_for(cells, self.exercise)
                version.before = "" if named == self.exercise else named
        except Unreadable as error:
            version.problem = str(error)
        self.versions.append(version)
        best = max(self.versions, key=self._rank)
        for one in self.versions:
            if one is not best:
                one.data = b""

    def _rank(self, version: _Version) -> tuple:
        name = platforms.own_name(version.entry.name)
        return (
            not version.problem,
            not version.before,
            version.answered,
            version.time,
            version.person.order,
            version.copy,
            name == self.notebook,
            [-ord(c) for c in str(version.entry.location)],
        )

    def _explain(self, best: _Version) -> None:
        """Say of each version what becomes of it."""
        for one in self.versions:
            if one is best:
                fate = "not read" if one.problem else "marked"
                self._add(one.entry, fate, one.problem or self._why(one))
            elif one.problem:
                self._add(one.entry, "another version", one.problem)
            elif one.digest == best.digest:
                self._add(one.entry, "another version", "the same file again")
            elif one.before and not best.before:
                why = f"it is of {one.before}, where tasks of {self.exercise} were before"
                self._add(one.entry, "another version", why)
            elif one.answered < best.answered:
                why = f"it answers {one.answered} tasks, the one that is marked {best.answered}"
                self._add(one.entry, "another version", why)
            else:
                why = "it is older" if one.time < best.time else "nothing says that it is newer"
                self._add(one.entry, "another version", why)

    def _version(self, best: _Version) -> str:
        """Which of several versions counts, and why; "" if there is one."""
        count = len(self.versions)
        name = platforms.own_name(best.entry.name)
        return f"{name}, one of {count} files: {self._why(best)}" if count > 1 else ""

    def _why(self, best: _Version) -> str:
        """Why this one of several counts."""
        count, good = len(self.versions), [v for v in self.versions if not v.problem]
        others = [v for v in good if v is not best and v.digest != best.digest]
        if count == 1:
            return "the only notebook"
        if best.problem:
            return "none of them can be read"
        if len(good) == 1:
            return "the only one that can be read"
        if not others:
            return "the readable ones are all the same"
        others = [v for v in others if bool(v.before) == bool(best.before)]
        if not others:
            return f"the only one of {self.exercise}"
        if all(v.answered < best.answered for v in others):
            most = max(v.answered for v in others)
            return f"it answers {best.answered} tasks, the others {most} at most"
        rivals = [v for v in others if v.answered == best.answered]
        if all(v.time < best.time or v.person.order < best.person.order for v in rivals):
            return f"the newest of those that answer {best.answered} tasks"
        if all(v.copy < best.copy for v in rivals):
            return "the later copy, by its name"
        return "nothing says which of them is newer"

    def _reason(self, best: _Version) -> str:
        if best.problem and len(self.versions) > 1:
            return f"none of {len(self.versions)} files can be read: {best.problem}"
        return best.problem

    def _time(self, person: Person, outer: Entry) -> str:
        if self.stamp:
            return self.stamp
        return person.submitted or (outer.time if person.has_time else "")

    def _add(self, entry: Entry, fate: str, reason: str) -> None:
        self.items.append(Item(_location(entry), printable(self.student), fate, printable(reason)))


def _answered(cells: list[Cell], exercise: str) -> int:
    """The number of tasks, and of open questions, at which somebody has worked."""
    released, count = content.released(exercise), 0
    for name in released.answers:
        stub = released.nbgrader_cells[name]["source"].strip()
        task = name.removesuffix("-answer")
        defines = re.compile(rf"^(def {task}\s*\(|{task}\s*(:[^=\n]*)?=[^=])", re.MULTILINE)
        own = [
            c for c in cells if c.grade_id == name or (task != name and defines.search(c.source))
        ]
        count += any(c.source.strip() not in ("", stub) for c in own)
    return count
