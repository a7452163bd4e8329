"""Renew the locks, with uv: `requirements.lock`, and `requirements-lecture.lock` for a lecturer.

`make lock` runs it. The second lock holds what the extra `lecture` adds to the first, and is kept
apart because it changes how JupyterLab sets formulas, which no learner needs.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tlcourse.files import write

ROOT = Path(__file__).resolve().parents[1]
LOCK, LECTURE = ROOT / "requirements.lock", ROOT / "requirements-lecture.lock"
EXTRAS = ("test", "grading", "docs")
OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-header",
)
HEAD = "# Made by `make lock` from pyproject.toml: {}.\n"


def entries(lock: str) -> dict[str, str]:
    """The entries of a lock: the lines of each, by its first, "keras==3.15.1"."""
    found = (e.rstrip() + "\n" for e in re.split(r"\n(?=\w)", lock) if not e.startswith("#"))
    return {entry.partition(" ")[0]: entry for entry in found}


def compiled(start: str, extras: tuple[str, ...], *options: str) -> str:
    """The lock of these extras, with the versions of `start` where nothing asks for others."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "lock")
        out.write_text(start, "utf-8")
        command = ["uv", "pip", "compile", str(ROOT / "pyproject.toml"), *OPTIONS, *options]
        command += ["--quiet", "--python-version", "3.11", "-o", str(out)]
        command += [f"--extra={extra}" for extra in extras]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return out.read_text("utf-8")


def main(options: list[str]) -> int:
    """Write both locks; with `--keep` the versions that are locked stay where they may."""
    if shutil.which("uv") is None:
        print(
            "make lock needs uv, which is not installed: get it with your package manager or with "
            "pipx install uv.",
            file=sys.stderr,
        )
        return 1
    upgrade = [] if "--keep" in options else ["--upgrade"]
    try:
        base = compiled(LOCK.read_text("utf-8"), EXTRAS, *upgrade)
        whole = compiled(base, (*EXTRAS, "lecture"))
    except subprocess.CalledProcessError:
        print("The locks are left as they are.", file=sys.stderr)
        return 1
    more = {name: entry for name, entry in entries(whole).items() if name not in entries(base)}
    write(LOCK, (HEAD.format("all packages but those of the extra lecture") + base).encode())
    write(LECTURE, (HEAD.format("what the extra lecture adds") + "".join(more.values())).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
