"""Fill in who owns the repository on GitHub, in every address of it: `python -m tools.owner NAME`.

Badges, links to run a chapter elsewhere, the private report of SECURITY.md and the project's own
links all name the owner. This command changes them all, as often as you like: for a copy of your
own, run it again with your name.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "OWNER"  # until somebody fills in a name
NAME = re.compile(r"(?!.{40})[A-Za-z0-9]+(-[A-Za-z0-9]+)*")  # GitHub's rule for a new account
ADDRESS = re.compile(
    rb"(?:(?<=github\.com[/:])|(?<=mybinder\.org/v2/gh/)|(?<=colab\.research\.google\.com/github/))"
    rb"[\w-]+(?=/tlcourse(?![\w-]))"  # the repository
    rb"|(?<=https://)[\w-]+(?=\.github\.io/tlcourse(?![\w-]))"  # its site
)


def committed(root: Path = ROOT) -> list[Path]:
    """The files that git knows or would take; without git (an unpacked archive), every file."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
    )
    if listed.returncode or not listed.stdout:
        paths = [p for p in root.rglob("*") if not {".venv", ".git"} & set(p.parts)]
    else:
        paths = [root / name.decode() for name in listed.stdout.split(b"\0")]
    return sorted(p for p in paths if p.is_file())


def owner(root: Path = ROOT) -> str:
    """Who owns the repository, by the links of pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return ADDRESS.search(project["urls"]["Repository"].encode())[0].decode()


def fill(name: str, root: Path = ROOT) -> list[Path]:
    """Write `name` into every address of the repository; returns the files that changed.

    Raises
    ------
    CourseError
        If nobody can have this name on GitHub.
    """
    if not NAME.fullmatch(name):
        raise CourseError(
            f"{name!r} cannot be a name on GitHub: give the owner's alone, such as ada-lovelace, "
            "with letters, digits and single hyphens between them, at most 39 in all."
        )
    changed = []
    for path in committed(root):
        before = path.read_bytes()
        after = ADDRESS.sub(name.encode(), before)
        if after != before:
            path.write_bytes(after)
            changed.append(path)
    return changed


def main(arguments: list[str]) -> None:
    """Fill in the name that is given, and say what changed."""
    if len(arguments) != 1:
        sys.exit("Give the owner's name on GitHub: python -m tools.owner NAME")
    try:
        changed = fill(arguments[0])
    except CourseError as error:
        sys.exit(str(error))
    for path in changed:
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files changed; every address of the repository names {arguments[0]}.")


if __name__ == "__main__":
    main(sys.argv[1:])
