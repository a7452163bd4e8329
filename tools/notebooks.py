"""Which notebooks ``NB=…`` means: `3`, `03`, `ex2`, `03_cnn`, a file's name, or several of them.

`python -m tools.notebooks 3 ex2` prints their paths, for make; all without a
name: those that take longest first, so that two workers end together. What needs PyTorch is left
out where that is not installed, and a line says so.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tlcourse.course import content

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("notebooks", "solutions")


def matching(wanted: Sequence[str], names: Iterable[str]) -> list[str]:
    """The names, "03_cnn" or "ex02_cross_entropy", that are wanted; all if none is.

    Raises
    ------
    ValueError
        If there is none for one of `wanted`; the message says what there is.
    """
    names = list(names)
    chosen = set()
    for one in wanted:
        found = [name for name in names if _is_meant(one, name)]
        if not found:
            known = ", ".join(names) or "none yet"
            raise ValueError(f"There is no notebook {one!r}; there are: {known}.")
        chosen |= set(found)
    return [name for name in names if name in chosen or not wanted]


def _is_meant(wanted: str, name: str) -> bool:
    stem = Path(wanted).name.removesuffix(".ipynb").lower()
    pattern = re.compile(r"(ex)?0*(\d+)(?:_.*)?", re.ASCII)
    mine, its = pattern.fullmatch(stem), pattern.fullmatch(name)
    if not (mine and its and mine.groups() == its.groups()):
        return False
    return "_" not in stem or name.startswith(stem)


def main(wanted: Sequence[str], root: Path = ROOT) -> int:
    """Print the paths of what is wanted."""
    paths = {p.stem: p for folder in FOLDERS for p in sorted((root / folder).rglob("*.ipynb"))}
    paths = {name: p for name, p in paths.items() if ".ipynb_checkpoints" not in p.parts}
    seconds = {one.notebook.stem: one.seconds for one in content.described_chapters()}
    try:
        chosen = matching(wanted, paths)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    without = [name for name in chosen if content.lacks_pytorch(paths[name])]
    if wanted and without:
        print(f"{without[0]} needs PyTorch: run make torch first.", file=sys.stderr)
        return 2
    for name in without:
        print(f"Not run: {name}, for PyTorch is not installed (make torch).", file=sys.stderr)
    chosen = [name for name in chosen if name not in without]
    chosen = sorted(chosen, key=lambda name: -seconds.get(name, 15))  # a set takes about 15
    print(*(paths[name].relative_to(root) for name in chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
