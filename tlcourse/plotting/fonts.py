"""Names of any script in figures: a font that has their characters, where one is installed."""

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

from matplotlib import font_manager, rcParams
from matplotlib.ft2font import FT2Font

from tlcourse.data.remarks import printable, say

# Characters that join or vary their neighbours and need no glyph of their own.
_JOINERS = {"\u200c", "\u200d", "\ufe0e", "\ufe0f"}
_said: set[str] = set()


def drawable(names: Sequence[str]) -> list[str]:
    """Names of classes as a figure can show them.

    Where the font of the figures lacks characters, an installed font that has them is added to
    matplotlib's ``font.family``, for these names and for all text that follows. Where there is
    none, one sentence says so, and the number of the class stands in place of its name.

    Parameters
    ----------
    names : sequence of str, length K

    Returns
    -------
    list of str, length K
        For matplotlib, so a dollar sign is escaped and opens no formula.
    """
    shown, lacking = with_fonts(names)
    numbered = [name for name in shown if lacking & set(name)]
    if numbered and not _said.issuperset(numbered):
        _said.update(numbered)
        say(
            f"No font on this machine can draw {', '.join(map(repr, numbered[:3]))}"
            f"{' and others' if numbered[3:] else ''}: the figure shows the number of the class. "
            "A font of your script, such as Noto Sans, shows the name once it is installed."
        )
    return [
        str(k) if name in numbered else name.replace("$", r"\$") for k, name in enumerate(shown)
    ]


def with_fonts(texts: Sequence[str]) -> tuple[list[str], set[str]]:
    """Add fonts to matplotlib's until texts can be drawn.

    Returns
    -------
    shown : list of str
        The texts, with codes for what is no character to draw.
    lacking : set of str
        The characters that no font has.
    """
    shown = ["\n".join(map(printable, str(text).split("\n"))) for text in texts]
    characters = {c for text in shown for c in text if not c.isspace()} - _JOINERS
    families = list(rcParams["font.family"])
    for family in families:
        path = font_manager.findfont(font_manager.FontProperties(family=[family]))
        characters = characters - _characters(str(path))
    for entry in _installed() if characters else ():
        if found := characters & _characters(entry.fname):
            families.append(entry.name)
            characters = characters - found
        if not characters:
            break
    rcParams["font.family"] = families
    return shown, characters


@lru_cache
def _characters(path: str) -> frozenset[str]:
    """The characters of a font that matplotlib can draw in any size."""
    with suppress(Exception):  # not every file in a folder of fonts is a font
        font = FT2Font(path)
        if font.scalable:
            return frozenset(map(chr, font.get_charmap()))
    return frozenset()


@lru_cache(maxsize=1)
def _installed() -> list[font_manager.FontEntry]:
    """All fonts, plain ones first: without serifs, upright, of normal weight, Chinese Han forms."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():  # also those that are new since matplotlib looked
        if path not in known:
            with suppress(Exception):
                font_manager.fontManager.addfont(path)
    fonts = [  # without matplotlib's font of boxes, which has every character
        entry for entry in font_manager.fontManager.ttflist if "Last Resort" not in entry.name
    ]
    return sorted(
        fonts,
        key=lambda entry: (
            "Mono" in entry.name or "Serif" in entry.name,
            entry.style != "normal" or entry.weight not in (400, "normal", "regular"),
            " SC" not in entry.name,
            entry.name,
        ),
    )
