"""What would be marked, for whom, which version and why, and what is ignored: for a terminal."""

from tlcourse.grading.collection import HandedIn
from tlcourse.grading.handins import printable
from tlcourse.grading.roster import Roster


def text(found: HandedIn, roster: Roster | None = None) -> str:
    """The list: a block for each student, then what is nobody's; every entry is in it."""
    lines = [f"{len(found.submissions)} handed in, {len(found.items)} entries."]
    lines += found.notes
    for one in found.submissions:
        late = ", late by the platform's word" if one.late else ""
        when = f", handed in {one.submitted}" if one.submitted else ""
        name = f" ({printable(one.name)})" if one.name and one.name != one.student else ""
        lines.append("")
        lines.append(f"{printable(one.student)}{name}{when}{late}")
        if roster is not None and roster.find(one) is None:
            lines.append("  not in the roster")
        items = [item for item in found.items if item.student == printable(one.student)]
        if one.reason and not any(printable(one.reason).endswith(i.reason) for i in items):
            lines.append(f"  not read: {one.reason}")
        lines += [f"  {item.fate}: {item.location}: {item.reason}" for item in items]
    nobodys = [item for item in found.items if not item.student]
    if nobodys:
        lines += ["", "Ignored, and nobody's:"]
        lines += [f"  {item.location}: {item.reason}" for item in nobodys]
    if roster is not None and (missing := roster.missing(found.submissions)):
        lines += ["", f"Handed in nothing ({len(missing)}): {', '.join(missing)}"]
    return "\n".join(lines)


def ignored(found: HandedIn) -> list[str]:
    """What a run says of entries that are nobody's, and may be somebody's work."""
    return [
        f"{item.location}: {item.reason}"
        for item in found.items
        if not item.student and item.reason.startswith("it ")
    ]
