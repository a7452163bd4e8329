"""Which file of a folder belongs to which class and part of a split, and which to none.

No file is opened here. Every file below the folder ends in `Layout.files` or in a remark of
`remarks.LEFT_OUT`, and in one of them only.
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tlcourse.data.remarks import Remarks, printable
from tlcourse.files import CourseError

PARTS = ("train", "validation", "test")

# Words in the names of a split's folders: test1, training_set, my-val, EvalSet.
_WORDS = {
    "train": {"train", "training", "trainset", "trainval", "trn", "learn", "learning"},
    "validation": {"val", "valid", "validate", "validation", "valset", "dev", "devset"},
    "test": {"test", "testing", "tests", "testset", "tst", "eval", "evaluation", "holdout"},
}
_CHINESE = {"train": "训练|訓練", "validation": "验证|驗證", "test": "测试|測試"}
_USES = {"train": "training", "validation": "validation", "test": "testing"}

# What Windows, macOS, and network storage put beside one's own files, in lower case.
_SYSTEM = {
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "folder.htt", "picasa.ini",
    "zbthumbnail.info", "icon\r", "__macosx", "system volume information", "recycler", "recycled",
    "lost+found", "network trash folder", "temporary items", "onedrivetemp",
}  # fmt: skip
# Hidden files; @eaDir, @Recycle; #recycle; $RECYCLE.BIN; ~snapshot, ~$letter.docx; found.000.
_SYSTEM_NAME = re.compile(
    r"\.|@[a-z_]|#(recycle|snapshot)|\$(recycle|win|sys|extend)|~(snapshot|\$)|found\.\d{3}$",
    re.IGNORECASE,
)

SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif",
            ".heic", ".heif", ".hif", ".jp2", ".ppm", ".pgm"}  # fmt: skip


def is_system(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or made by a computer and not by you."""
    return name.lower() in _SYSTEM or bool(_SYSTEM_NAME.match(name))


class File(NamedTuple):
    """A file that is to be read as a photo; its part of the split is None if there is no split."""

    part: str | None
    kind: str  # its class
    name: str  # relative to the folder, fit to print
    path: Path


@dataclass
class Layout:
    """What lies where in a folder.

    Attributes
    ----------
    files : list of File
    classes : list of str
        Every class folder, by the name to show, with or without files.
    split : str
        A sentence on what was taken for what; "" if the folder holds no split.
    remarks : Remarks
    """

    files: list[File] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    split: str = ""
    remarks: Remarks = field(default_factory=Remarks)


def find_layout(root: Path) -> Layout:
    """Read the structure of a folder of photos.

    A split is recognised by what the folders hold: the same sub-folders, whatever they are named.
    Their names, or if these do not say it their sizes, tell which is for training.

    Raises
    ------
    CourseError
        If there are not two classes, or if the structure has two meanings.
    OSError
        If the folder itself cannot be opened.
    """
    layout = Layout()
    tree = _walk(root, layout.remarks)
    parts = _find_parts(tree, layout)
    for file in tree.files:
        layout.remarks.add("beside", _shown(file, root))
    names = _name_classes([(part, folder.path) for part, folder in parts], root, layout.remarks)
    layout.classes = sorted(set(names))
    filled = [folder for _, folder in parts if any(folder.all_files())]
    if len(layout.classes) < 2 or (len(filled) == 1 and _first_with_classes(tree)):
        raise CourseError(_too_few_classes(root, tree, layout.classes))
    for (part, folder), name in zip(parts, names, strict=True):
        for file in folder.all_files():
            layout.files.append(File(part, name, _shown(file, root), file))
    return layout


# --- what there is ---------------------------------------------------------------------------


@dataclass
class _Folder:
    path: Path
    folders: list["_Folder"] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def all_files(self) -> Iterator[Path]:
        yield from self.files
        for folder in self.folders:
            yield from folder.all_files()

    @property
    def classes(self) -> list["_Folder"]:
        """The sub-folders that hold something, which may be classes."""
        return [folder for folder in self.folders if any(folder.all_files())]

    @property
    def holds_pictures(self) -> bool:
        """Whether there are pictures in it directly, as their suffixes say."""
        return any(file.suffix.lower() in SUFFIXES for file in self.files)


def _walk(root: Path, remarks: Remarks) -> _Folder:
    """All folders and files below `root`, links followed, each folder once."""
    tree = _Folder(root)
    real = os.path.realpath(root)
    seen, links = {real}, []
    _fill(tree, root, remarks, seen, links)
    while links:  # after the folders themselves, so that a link never takes the place of one
        parent, link = links.pop(0)
        target = os.path.realpath(link)
        above = os.path.join(target, "")
        if target in seen or real.startswith(above):
            remarks.add("link", _shown(link, root))
            continue
        seen.add(target)
        folder = _Folder(link)
        parent.folders.append(folder)
        parent.folders.sort(key=lambda child: child.path.name)
        _fill(folder, root, remarks, seen, links)
    return tree


def _fill(folder: _Folder, root: Path, remarks: Remarks, seen: set, links: list) -> None:
    try:
        children = sorted(folder.path.iterdir())
        os.stat(os.path.join(folder.path, "."))  # what may be listed may not be entered
    except OSError as error:
        if folder.path == root:
            raise
        remarks.add("shut", _shown(folder.path, root), error.strerror or str(error))
        return
    for child in children:
        name = _shown(child, root)
        if is_system(child.name):
            inside = os.path.isdir(child) and not child.is_symlink()
            if count := _count(child) if inside else 1:
                remarks.add("system", name + "/" * inside, files=count)
        elif os.path.isdir(child):  # False also where a link leads into what is shut
            if child.is_symlink():
                links.append((folder, child))
                continue
            seen.add(os.path.realpath(child))
            folder.folders.append(below := _Folder(child))
            _fill(below, root, remarks, seen, links)
        elif child.is_symlink() and not os.path.exists(child):
            remarks.add("link", name)
        else:
            folder.files.append(child)


def _count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def _shown(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix())


# --- splits ----------------------------------------------------------------------------------


def _find_parts(tree: _Folder, layout: Layout) -> list[tuple[str | None, _Folder]]:
    """The class folders, each with its part of the split; what is outside gets a remark."""
    folders = [_unwrapped(folder) for folder in tree.classes]
    parts = [part_of(folder.path.name) for folder in folders]
    nested = [folder for folder in folders if folder.classes]
    if len(folders) > 1 and all(_holds_split(folder) for folder in folders):
        return _parts_within_classes(tree, layout)
    if not nested and all(parts) and len(set(parts)) > 1:
        raise CourseError(
            f"{_listed([f.path.name for f in folders])} in {printable(str(tree.path))} are named "
            "like the parts of a split and hold no class folders: sort the photos of each part "
            "into one sub-folder per class."
        )
    known = {part for part, folder in zip(parts, folders, strict=True) if part and folder.classes}
    if len(known) > 1 or (len(known) == 1 and _rest_fits(folders)):
        chosen, guess = _assign_by_name(nested), ""
    elif len(nested) > 1 and _same_classes(nested) and not any(f.holds_pictures for f in folders):
        chosen = _assign_by_size(nested, tree)
        guess = (
            " They hold the same sub-folders, and the largest is for training. If they are the "
            "classes instead, move the photos right into them."
        )
    else:
        for folder in nested:
            layout.remarks.add("nested", _shown(folder.path, tree.path))
        return [(None, folder) for folder in tree.folders]
    chosen = {part: chosen[part] for part in PARTS if part in chosen}
    for folder in folders:
        if folder not in chosen.values():
            files = len(list(folder.all_files()))
            layout.remarks.add("outside", f"{_shown(folder.path, tree.path)}/", files=files)
    taken = {part: f"{_shown(folder.path, tree.path)}/" for part, folder in chosen.items()}
    layout.split = (
        f"The folders make the split: {_uses(taken)}.{guess}"
        if len(chosen) > 1
        else f"The classes are those of {taken['train']}."
    )
    for file in (file for folder in chosen.values() for file in folder.files):
        layout.remarks.add("beside", _shown(file, tree.path))
    return [
        (part if len(chosen) > 1 else None, inside)
        for part, folder in chosen.items()
        for inside in folder.folders
    ]


def _unwrapped(folder: _Folder) -> _Folder:
    """A folder without one that merely wraps it: train/train/cat, as archives often have it."""
    inside = folder.classes
    if len(inside) == 1 and len(inside[0].classes) > 1 and not folder.holds_pictures:
        inner = _unwrapped(inside[0])
        return _Folder(folder.path, inner.folders, folder.files + inner.files)
    return folder


def part_of(name: str) -> str | None:
    """The part of a split that a folder's name speaks of, if it does."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # TestSet
    words = set(re.split(r"[^a-z]+", spaced.lower()))
    return next(
        (part for part in PARTS if words & _WORDS[part] or re.search(_CHINESE[part], name)), None
    )


def _rest_fits(folders: list[_Folder]) -> bool:
    """Whether folders of which one alone is named like a part of a split can be one.

    A class may be named so too: bus, plane, train.
    """
    (named,) = (f for f in folders if f.classes and part_of(f.path.name))
    others = [f for f in folders if f is not named and not part_of(f.path.name)]
    return all(
        _same_classes([named, folder]) if folder.classes else not folder.holds_pictures
        for folder in others
    )


def _same_classes(folders: list[_Folder]) -> bool:
    """Whether folders hold the same sub-folders, two or more, up to the spelling of their names.

    One or the other may lack in the smaller ones.
    """
    inside = [{_loosely(_look(c.path.name)) for c in folder.classes} for folder in folders]
    largest = max(inside, key=len)
    return all(len(names) > 1 and names <= largest for names in inside)


def _assign_by_name(nested: list[_Folder]) -> dict[str, _Folder]:
    """Folders to the parts that their names speak of; of two for one part, the shorter name."""
    chosen: dict[str, _Folder] = {}
    unknown = []
    for folder in sorted(nested, key=lambda f: (len(f.path.name), f.path.name)):
        if part := part_of(folder.path.name):
            chosen.setdefault(part, folder)
        else:
            unknown.append(folder)
    # One more with the same classes, whose name says nothing, can only be the part that lacks.
    lacking = [part for part in ("train", "test", "validation") if part not in chosen]
    first = next(iter(chosen.values()))
    for folder in unknown:
        if lacking and _same_classes([first, folder]):
            chosen[lacking.pop(0)] = folder
    if "train" not in chosen:  # val/ and test/ alone
        largest = max(chosen, key=lambda part: len(list(chosen[part].all_files())))
        chosen["train"] = chosen.pop(largest)
    return _with_test(chosen)


def _with_test(chosen: dict[str, object]) -> dict[str, object]:
    """The same, where the only part that is held out is for testing, whatever its name."""
    if "test" not in chosen and "validation" in chosen:
        chosen["test"] = chosen.pop("validation")
    return chosen


def _assign_by_size(folders: list[_Folder], tree: _Folder) -> dict[str, _Folder]:
    """Two or three folders whose names say nothing: the largest trains, the last one tests.

    Classes that all hold the same sub-folders look alike, but none is much larger than the others.
    """
    size = {id(folder): len(list(folder.all_files())) for folder in folders}
    largest, second = sorted(folders, key=lambda folder: -size[id(folder)])[:2]
    if len(folders) > 3 or size[id(largest)] < 1.5 * size[id(second)]:
        names = [f"{_shown(folder.path, tree.path)}/" for folder in folders[:3]]
        more = " …" if len(folders) > 3 else ""
        raise CourseError(
            f"The folders in {printable(str(tree.path))} ({', '.join(names)}{more}) all hold the "
            "same sub-folders, so they may be classes or parts of a split: name them train and "
            "test, or move the photos right into them if they are the classes."
        )
    rest = [folder for folder in folders if folder is not largest]
    return {"train": largest, **dict(zip(PARTS[-len(rest) :], rest, strict=True))}


def _holds_split(folder: _Folder) -> bool:
    """Whether a folder is a class that holds its own split: cat/train, cat/test."""
    inside = {part_of(child.path.name) for child in folder.classes}
    return len(inside) > 1 and "train" in inside and None not in inside


def _parts_within_classes(tree: _Folder, layout: Layout) -> list[tuple[str | None, _Folder]]:
    """The parts of a split that lies within each class."""
    names = {}
    for child in (child for folder in tree.classes for child in folder.classes):
        names.setdefault(part_of(child.path.name), f"{printable(child.path.name)}/")
    shift = {} if "test" in names else {"validation": "test"}
    layout.split = f"Each class folder holds the split: {_uses(_with_test(names))}."
    for file in (file for folder in tree.classes for file in folder.files):
        layout.remarks.add("beside", _shown(file, tree.path))
    parts = []
    for folder in tree.folders:
        for child in folder.classes:
            part = part_of(child.path.name)
            # The outer folder names the class, the inner one holds its files.
            parts.append((shift.get(part, part), _Folder(folder.path, [child])))
        if not folder.classes:
            parts.append(("train", folder))
    return parts


def _uses(taken: dict[str, str]) -> str:
    return _listed([f"{taken[part]} for {_USES[part]}" for part in PARTS if part in taken])


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if names[1:] else names)


# --- classes ---------------------------------------------------------------------------------


def _look(name: str) -> str:
    """A name as it is seen: composed letters, no space at its ends or twice."""
    seen = " ".join(unicodedata.normalize("NFC", printable(name)).split())
    return seen or repr(name)


def _loosely(name: str) -> str:
    """What two spellings of a name have in common: no capitals, any separator, nothing unseen."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_-]+", " ", re.sub(r"\\u200b|\\ufeff|\\xad", "", folded))


def _name_classes(
    folders: list[tuple[str | None, Path]], root: Path, remarks: Remarks
) -> list[str]:
    """The class of each folder: names that look the same are one class.

    Names that differ in capitals or separators alone are one class if they stand in different
    parts of a split (train/Cat, test/cat), and two if they stand side by side (A, a).
    """
    names = [_look(path.name) for _, path in folders]
    parts = defaultdict(set)
    spellings = defaultdict(dict)  # class, as it looks, to the names in the file system
    for (part, path), name in zip(folders, names, strict=True):
        parts[name].add(part)
        spellings[name].setdefault(path.name, path)
    similar = defaultdict(list)
    for name in sorted(parts):
        similar[_loosely(name)].append(name)
    same = {}
    for group in similar.values():
        together = Counter(part for name in group for part in parts[name])
        if len(group) > 1 and max(together.values()) == 1:
            first = min(group, key=lambda name: ("train" not in parts[name], name))
            same |= dict.fromkeys(group, first)
            for name in group:
                if name != first:
                    spellings[first] |= spellings.pop(name)
        elif len(group) > 1:
            remarks.add("alike", " and ".join(group), files=len(group))
    for spelled in spellings.values():
        if len(spelled) > 1:
            shown = " = ".join(_exactly(path, root) for path in spelled.values())
            remarks.add("spelled", shown, files=len(spelled))
    for name, spelled in spellings.items():
        if any(printable(raw) != raw for raw in spelled):
            remarks.add("escaped", name)
    return [same.get(name, name) for name in names]


def _exactly(path: Path, root: Path) -> str:
    """A path, and what cannot be seen of its spelling."""
    shown = _shown(path, root)
    if not unicodedata.is_normalized("NFC", path.name):
        return f"{shown} (decomposed letters)"
    return f"{shown!r}" if path.name != path.name.strip() else shown


def _too_few_classes(root: Path, tree: _Folder, classes: list[str]) -> str:
    inner = _first_with_classes(tree)
    hint = f"; did you mean {printable(str(inner.path))}?" if inner else "."
    found = f"only {classes[0]!r}" if classes else "none"
    return (
        f"{printable(str(root))} must hold one sub-folder per class, two at least, with the photos "
        f"in them, and there is {found}{hint}"
    )


def _first_with_classes(folder: _Folder) -> _Folder | None:
    """The first folder further down that holds two folders, as archives unpack."""
    for child in folder.classes:
        if len(child.classes) > 1:
            return child
        if found := _first_with_classes(child):
            return found
    return None
