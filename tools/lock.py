"""Renew the locks, with uv: `requirements.lock`, and what two extras add to it.

`make lock` runs it. `requirements-lecture.lock` is kept apart because it changes how JupyterLab
sets formulas, which no learner needs; `requirements-torch.lock` because of PyTorch's size. The
latter has only what is the same everywhere: PyTorch itself, and CUDA's libraries, which some of
its builds need, come in other files from other indexes, so that no checksum fits all.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tlcourse.files import write

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
MORE = {extra: ROOT / f"requirements-{extra}.lock" for extra in ("lecture", "torch")}
BUILDS = ("torch", "triton", "cuda-", "nvidia-")  # how the names begin of what is not locked
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


def added(base: str, whole: str) -> str:
    """The entries of a lock that another has not, without those that are not locked."""
    known = entries(base)
    more = [entry for name, entry in entries(whole).items() if name not in known]
    return "".join(entry for entry in more if not entry.startswith(BUILDS))


def main(options: list[str]) -> int:
    """Write the locks; with `--keep` the versions that are locked stay where they may."""
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
        wholes = {extra: compiled(base, (*EXTRAS, extra)) for extra in MORE}
    except subprocess.CalledProcessError:
        print("The locks are left as they are.", file=sys.stderr)
        return 1
    head = HEAD.format("all packages but those of the extras lecture and torch")
    write(LOCK, (head + base).encode())
    for extra, whole in wholes.items():
        write(
            MORE[extra], (HEAD.format(f"what the extra {extra} adds") + added(base, whole)).encode()
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
