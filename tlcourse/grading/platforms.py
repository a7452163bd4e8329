"""Who handed in: the names that learning platforms give to the files of a download.

Moodle (`mod/assign`, *Download all submissions*, in folders or not): the full name, the
participant's number, the kind of submission. Canvas (`lib/content_zipper.rb`): the name without
spaces, LATE, the user's and the file's number. Blackboard: the assignment, the username, the time
of the attempt.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from unicodedata import normalize

SUFFIXES = (".ipynb", ".ipynb.txt", ".ipynb.json")
_MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext|[a-z]+)(?P<rest>_.*|\..*)?"
)
_CANVAS = re.compile(
    r"(?:(?P<name>[^\W_](?:.*?[^_])?)_)??(?P<late>LATE_)?"
    r"(?P<id>\d+|anon_[0-9A-Za-z]+)_(?:(?P<file>\d+)_(?P<rest>.+)|(?P<text>(?:text|link)\.html))"
)
_BLACKBOARD = re.compile(
    r"(?P<assignment>.+)_(?P<id>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?P<rest>_.+|\.txt)?"
)


@dataclass(frozen=True)
class Person:
    """Who an entry is of.

    Attributes
    ----------
    student : str
        What the marks are kept under: of a platform, the name and the number that it gives.
    name, id : str
        The name as far as it is known, and the platform's number or username.
    platform : str
        "Moodle", "Canvas", "Blackboard" or "".
    late : bool
        Whether the platform says so.
    submitted : str
        When, as ISO 8601 in UTC, if the name tells.
    has_time : bool
        Whether the time of the file is that of handing in; in a download of Canvas it is not.
    order : int
        Later files of the same person have a larger one, where the platform tells.
    text : str
        What this entry is, if it is the platform's own: an online text, a note on an attempt.
    """

    student: str
    name: str = ""
    id: str = ""
    platform: str = ""
    late: bool = False
    submitted: str = ""
    has_time: bool = True
    order: int = 0
    text: str = ""


def person(first: str, *, is_file: bool) -> Person:
    """Who handed in what lies under this name, the first part of a path.

    Parameters
    ----------
    first : str
        The name of a folder, or of a file at the top.
    is_file : bool
        Whether it is a file.
    """
    # Bytes of a name that are no text stay apart, so that two people do not become one.
    first = normalize("NFC", first.encode("utf-8", "backslashreplace").decode())
    if found := _MOODLE.fullmatch(first):
        kind = found["kind"]
        text = "" if kind == "file" else f"{_MOODLE_KINDS.get(kind, kind)} of Moodle"
        return Person(
            f"{found['name']}_{found['id']}", found["name"], found["id"], "Moodle", text=text
        )
    if is_file and (found := _CANVAS.fullmatch(first)):
        name = found["name"] or ""
        student = f"{name}_{found['id']}" if name else found["id"]
        text = f"a {'link' if found['text'] == 'link.html' else 'text'} entered in Canvas"
        return Person(
            student,
            name,
            found["id"],
            "Canvas",
            late=bool(found["late"]),
            has_time=False,
            order=int(found["file"] or 0),
            text=text if found["text"] else "",
        )
    if found := _BLACKBOARD.fullmatch(first):
        note = found["rest"] in (None, ".txt") and is_file
        try:
            when = datetime.strptime(found["when"], "%Y-%m-%d-%H-%M-%S").astimezone(UTC)
            submitted = when.isoformat(timespec="seconds")
        except (ValueError, OverflowError):
            submitted = ""
        return Person(
            found["id"],
            id=found["id"],
            platform="Blackboard",
            submitted=submitted,
            text="Blackboard's note on the attempt" if note else "",
        )
    return Person(stem(first) if is_file else first)


_MOODLE_KINDS = {"onlinetext": "the online text", "comments": "the comments"}


def own_name(first: str) -> str:
    """What the student called a file, to which a platform has added more."""
    for pattern in (_MOODLE, _CANVAS, _BLACKBOARD):
        if (found := pattern.fullmatch(first)) and found["rest"]:
            return found["rest"].lstrip("_")
    return first


def is_of_platform(first: str, *, is_file: bool) -> bool:
    """Whether a platform has given this name."""
    return bool(person(first, is_file=is_file).platform)


def is_notebook(name: str) -> bool:
    """Whether a file is a notebook by its name, also where a mail program has added to it."""
    return name.lower().endswith(SUFFIXES)


def stem(name: str) -> str:
    """A file's name without what says that it is a notebook or a zip."""
    for suffix in (*sorted(SUFFIXES, key=len, reverse=True), *ARCHIVES, ".zip"):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


ARCHIVES = (
    ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".7z", ".rar", ".gz", ".xz", ".bz2",
)  # fmt: skip


def is_archive(name: str) -> bool:
    """Whether a file is an archive that is not opened."""
    return name.lower().endswith(ARCHIVES)
