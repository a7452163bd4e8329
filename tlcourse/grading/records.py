"""Records of what was marked: a file each, and what they tell of tasks that moved to another set.

A task counts in the set that holds it now, and the better of its answers counts, whichever set it
was handed in with. So a record keeps under "moved" the verdicts on tasks of other sets, "ex08.a".
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from tlcourse.checks import moved


def path_of(folder: Path, student: str) -> Path:
    """The record of a student; a name that is no file name, or too long, becomes one."""
    name = quote(student, safe=" ,@()+'äöüÄÖÜß")
    if len(name) > 150 or name.startswith("."):
        name = f"{name[:100].lstrip('.')}-{sha256(student.encode()).hexdigest()[:16]}"
    return folder / f"{name}.json"


def read(path: Path) -> dict | None:
    """A record that is there already; None if there is none that can be read."""
    try:
        record = json.loads(path.read_text("utf-8"))
        return record if isinstance(record["tasks"], dict) and record["key"] is not None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --- tasks that moved --------------------------------------------------------------------------


def gone(record: dict) -> dict[str, dict]:
    """The verdicts on tasks that are in another set now, by their places there, "ex08.a".

    They are of an older notebook; or the record is older than the move.
    """
    exercise = record["exercise"]
    known = moved.asked(exercise, exercise)
    found = dict(record.get("moved", {}))
    for name, verdict in record["tasks"].items():
        if name in known and (now := moved.place(exercise, name)) != f"{exercise}.{name}":
            found[now] = better(found.get(now), verdict)
    return found


def better(one: dict | None, other: dict) -> dict:
    """The better of two verdicts, the first if they are level."""
    return other if one is None or other["points"] > one["points"] else one


def carried(before: dict | None, record: dict) -> dict:
    """A new record, with those verdicts on moved tasks of the one before that are better."""
    kept = dict(record.get("moved", {}))
    for place, verdict in (gone(before) if before else {}).items():
        if verdict["points"] > kept.get(place, {"points": 0})["points"]:
            kept[place] = verdict
    return record | {"moved": kept}


def credited(marks: Path, record: dict) -> dict:
    """A record with what counts of another set; "from" names the set of such a verdict."""
    if record["status"] != "marked":
        return record
    verdicts = dict(record["tasks"])
    for name, places in moved.came(record["exercise"]).items():
        for before, _ in places:
            old = read(path_of(marks / "records" / before, record["student"]))
            verdict = gone(old).get(f"{record['exercise']}.{name}") if old else None
            if verdict and verdict["points"] > verdicts.get(name, {"points": 0})["points"]:
                verdicts[name] = verdict | {"from": before}
    return record | {"tasks": verdicts}


def without(marks: Path, exercise: str, students: Iterable[str]) -> list[str]:
    """Who has points for a task of a set from another one, and is not among these students."""
    sets = {before for places in moved.came(exercise).values() for before, _ in places}
    found = set()
    for before in sets:
        for path in (marks / "records" / before).glob("*.json"):
            if record := read(path):
                points = (
                    v["points"] for p, v in gone(record).items() if p.startswith(f"{exercise}.")
                )
                found |= {record["student"]} if any(points) else set()
    return sorted(found.difference(students))
