"""A time as a person or nbgrader writes it; what could mean several times is refused by name."""

import re
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*([A-Za-z][\w+/-]*|[+-]\d\d:?\d\d)?"
)
# Abbreviations that stand for one zone; "CST", "IST" or "BST" stand for several.
_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "AEST": 10, "AEDT": 11, "NZST": 12,
    "NZDT": 13, "EDT": -4, "CDT": -5, "MDT": -6, "PDT": -7, "HST": -10, "SAST": 2,
}  # fmt: skip


def parse(text: str, default: tzinfo | None = UTC) -> datetime:
    """The time that a text names.

    nbgrader writes "2026-12-01 17:55:00.000000 UTC"; the zone may be an abbreviation that stands
    for one zone (CET), a place (Europe/Berlin) or an offset (+01:00).

    Parameters
    ----------
    text : str
        Year, month, day, hours and minutes, and maybe the zone.
    default : tzinfo, optional
        The zone where the text names none; None is this machine's.

    Raises
    ------
    ValueError
        If it could mean several times, or none; the message is the end of a sentence that begins
        with the text.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError("does not name one time: write year, month and day, 2026-12-01 17:55 UTC")
    try:
        when = datetime.fromisoformat(f"{found[1]} {found[2]}")
    except ValueError:
        raise ValueError("is no date: write 2026-12-01 17:55 UTC") from None
    try:
        if not found[3]:
            return when.replace(tzinfo=default) if default else when.astimezone()
        return when.replace(tzinfo=_zone(found[3], when))
    except (OverflowError, OSError):
        raise ValueError("is no date: write 2026-12-01 17:55 UTC") from None


def _zone(name: str, when: datetime) -> tzinfo:
    if name[0] in "+-":
        hours, minutes = int(name[1:3]), int(name[-2:])
        if hours > 14 or minutes > 59:
            raise ValueError(f"has no such zone as {name}: write +01:00")
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if name[0] == "-" else offset)
    if name.upper() in _HOURS:
        return timezone(timedelta(hours=_HOURS[name.upper()]), name.upper())
    if "/" in name:
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            raise ValueError(f"has no such zone as {name}: write +01:00") from None
    if name in time.tzname and when.astimezone().tzname() == name:
        return when.astimezone().tzinfo  # this machine's own
    raise ValueError(f"names {name}, which may be several zones: write its hours, as +01:00")
