"""See that a release is what its tag says: `python -m tools.release v0.2.0`."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tlcourse import weights
from tlcourse.files import CourseError
from tools.owner import PLACEHOLDER, owner

ROOT = Path(__file__).resolve().parents[1]


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """Every reason not to release, as a sentence with what to do."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if tag != f"v{version}":
        yield f"The tag is {tag!r}, and pyproject.toml says {version}: tag v{version}."
    heading = re.search(
        r"^## \[(.*?)\](?: - (.*\S))?", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    named, day = heading.groups() if heading else (None, None)
    if named != version:
        yield f"CHANGELOG.md begins with {named}: put what is new in {version} above that."
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", day or ""):
        yield f"CHANGELOG.md has no day for {version}: write ## [{version}] - YYYY-MM-DD."
    citation = (root / "CITATION.cff").read_text("utf-8")
    cited = re.search(r"^version: *(.*)$", citation, re.MULTILINE)
    if not cited or cited[1].strip("\"' ") != version:
        yield f"CITATION.cff names another version: write version: {version}."
    if owner(root) == PLACEHOLDER:
        yield "Nobody owns the repository yet: run python -m tools.owner NAME, with your name."
    for file in sorted((root / "tlcourse" / "weights").glob("*.npz")):
        try:
            weights.verify(file)
        except CourseError as error:
            yield str(error)


def main(arguments: list[str]) -> None:
    """Print every problem; the exit code is 1 if there is one."""
    if len(arguments) != 1:
        sys.exit("Give the tag: python -m tools.release v0.2.0")
    if found := list(problems(arguments[0])):
        sys.exit("\n".join(found))
    print(f"Tag, version, changelog, citation and weights agree on {arguments[0]}.")


if __name__ == "__main__":
    main(sys.argv[1:])
