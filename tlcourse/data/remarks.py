"""What there is to say about photos: the kinds of remarks, their words, and the counts."""

import sys
import unicodedata
from collections import defaultdict

LARGE = 2000  # pixels of the longer side, from which on it is said
MEGAPIXELS = 25  # the most that is unpacked into memory for one photo
MEGABYTES = 100  # the most that is read from one file

# Why a file was left out; every file that was not read has exactly one of these.
LEFT_OUT = {
    "broken": "cannot be read",
    "heic": "HEIC, which cannot be read here; save them as JPEG",
    "foreign": "of a kind that cannot be read here; export them as JPEG or PNG",
    "large": f"over {MEGAPIXELS} megapixels or {MEGABYTES} MB; make them smaller",
    "other": "not photos",
    "beside": "beside the class folders, so of no class",
    "outside": "outside of the split",
    "system": "hidden, or made by a computer and not by you",
    "link": "links that lead nowhere, in a circle, or to a folder that is read already",
    "shut": "folders that cannot be opened",
    "copy in test": "the same picture is in the test set, so it may not train or validate",
    "copy in validation": "the same picture is in the validation set, so it may not train",
    "untrained": "of a class without a photo for training",
}
# What else there is to know, of photos that were read and of class folders.
KEPT = {
    "twice": "the same picture in two classes; look which is right",
    "near": "nearly the same picture on both sides of the split; `groups` keeps a series together",
    "shared": "groups that are in more than one part of the split",
    "empty": "class folders without a photo, which make no class",
    "untested": "classes without a photo for testing",
    "unvalidated": "classes without a photo for validation",
    "nested": "class folders with sub-folders, whose photos count for the class",
    "alike": "classes whose names differ only in capitals or spaces; they stay apart",
    "spelled": "folders spelled differently and taken for one class",
    "escaped": "class names with characters that cannot be shown, for which codes stand",
    "scaled": "numbers other than 0 to 255, scaled from the range in brackets",
    "frames": "several pictures in one file, of which the first was read",
    "named": "another format than the name says",
    "shrunk": f"larger than {LARGE:,} pixels, scaled down",
    "grey": "grey, turned into colour",
    "cmyk": "CMYK, made for print, turned into RGB",
    "lab": "Lab colours, turned into RGB",
    "clear": "partly transparent, laid on white",
}


class Remarks:
    """Remarks on files and classes, gathered by kind.

    Each has a kind, a key of `LEFT_OUT` or `KEPT`, and the name of what it is about, which may be
    a folder with several files.
    """

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)
        self._files: dict[str, int] = defaultdict(int)

    def add(self, kind: str, name: str, detail: str = "", files: int = 1) -> None:
        """Note something about `name`; `detail` stands behind it in brackets."""
        self._names[kind].append(f"{name} ({detail})" if detail else name)
        self._files[kind] += files

    @property
    def left_out(self) -> int:
        """The number of files that were left out."""
        return sum(self._files[kind] for kind in LEFT_OUT)

    def lines(self, kinds: dict[str, str]) -> list[str]:
        """One line for each kind that occurred, with some of its names."""
        lines = []
        for kind, words in kinds.items():
            if names := self._names.get(kind):
                most = 8 if kind in ("system", "outside") else 3  # folders, which matter more
                more = f" and {len(names) - most:,} more" if len(names) > most else ""
                lines.append(f"{self._files[kind]:,} × {words}: {', '.join(names[:most])}{more}")
        return lines


# Characters of the category Cf that belong into words: the joiners of Indic scripts and of emoji.
_JOINERS = "\u200c\u200d"


def printable(name: str) -> str:
    """A name of a file in characters that every screen and figure can show, and never a new line.

    Bytes that are no UTF-8, control characters and those that turn the direction of writing
    become escapes such as ``\\xb9`` and ``\\u202e``.
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and character not in _JOINERS
        else character
        for character in text
    )


def say(text: str) -> None:
    """Print to any terminal: what its encoding lacks becomes an escape, not an error."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
