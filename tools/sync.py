"""Bring the notebooks and their text twins into step, and execute what changed.

Run by ``make notebooks`` (``make notebooks NB=03`` executes that one in any case). Edit either
``notebooks/NN_name.ipynb`` in Jupyter or its twin ``sources/notebooks/NN_name.py`` in an editor;
a new chapter may begin as either. What both held when they last agreed is recorded in the
notebook's metadata, so that it is known which side was edited, and whether the outputs were made
by the code that stands there. Both files are written only after the notebook ran to its end.
"""

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config
from nbformat import NotebookNode

from tlcourse.course.execute import CellError, execute
from tlcourse.files import write
from tools import exercises
from tools.notebooks import FOLDERS, matching

ROOT = Path(__file__).resolve().parents[1]
CELL_TIMEOUT = 600  # seconds
FOLDED_SECTION = "jp-MarkdownHeadingCollapsed"  # as JupyterLab calls it


class SyncError(Exception):
    """What is in the way, in one sentence."""


# --- two files, one notebook -------------------------------------------------------------------


def pairs(root: Path = ROOT) -> list[tuple[Path, Path]]:
    """Every notebook with its twin, of which one may not exist yet."""
    names = set()
    for folder in FOLDERS:
        names |= {p.relative_to(root) for p in (root / folder).rglob("*.ipynb")}
        twins = (root / "sources" / folder).rglob("*.py")
        names |= {p.relative_to(root / "sources").with_suffix(".ipynb") for p in twins}
    names = sorted(n for n in names if ".ipynb_checkpoints" not in n.parts)
    return [(root / n, root / "sources" / n.with_suffix(".py")) for n in names]


def read_notebook(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        raise SyncError(
            f"{path.name} is not a notebook that can be read ({str(error).partition(chr(10))[0]}): "
            "repair it, or delete it to have it made from its twin."
        ) from None


def read_twin(path: Path) -> NotebookNode:
    text = path.read_text("utf-8")
    if "# %%" not in text:
        raise SyncError(
            f"{path.name} has no cells: begin each with a line '# %%' or '# %% [markdown]', or "
            "delete the file to have it made from its notebook."
        )
    return jupytext.reads(text, fmt="py:percent")


def to_text(notebook: NotebookNode) -> str:
    """The twin of a notebook, as jupytext.toml has it."""
    return jupytext.writes(notebook, fmt="py:percent", config=load_jupytext_config(str(ROOT)))


def merge(notebook_path: Path, twin_path: Path) -> NotebookNode:
    """The notebook as its last edit left it, whichever of the two files that was made in.

    Raises
    ------
    SyncError
        If both were edited, or one cannot be read.
    """
    if not notebook_path.exists():
        return read_twin(twin_path)
    notebook = read_notebook(notebook_path)
    if not twin_path.exists():
        return notebook
    twin = read_twin(twin_path)
    text, twin_text = to_text(notebook), to_text(twin)
    agreed = notebook.metadata.get("tlcourse", {}).get("text")
    if text == twin_text or agreed == _digest(twin_text):
        return notebook
    if agreed == _digest(text):
        return jupytext.combine.combine_inputs_with_outputs(twin, notebook, fmt="py:percent")
    raise SyncError(
        f"{notebook_path.name} and {twin_path.name} were both edited since they last agreed: "
        "take one of the edits over into the other file by hand, or delete the file whose edits "
        "are not wanted, and run make notebooks again."
    )


def is_executed(notebook: NotebookNode) -> bool:
    """Whether the outputs were made by this very code, from top to bottom."""
    cells = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    return notebook.metadata.get("tlcourse", {}).get("code") == _code_digest(notebook) and [
        c.execution_count for c in cells
    ] == list(range(1, len(cells) + 1))


def _code_digest(notebook: NotebookNode) -> str:
    return _digest("\0".join(c.source for c in notebook.cells if c.cell_type == "code"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- one notebook ------------------------------------------------------------------------------


def sync(notebook_path: Path, twin_path: Path, *, force: bool = False) -> str:
    """Bring one pair into step, executing the notebook if need be; says what was done."""
    before = _contents(notebook_path), _contents(twin_path)
    notebook = merge(notebook_path, twin_path)
    done = "text brought into step"
    if force or not is_executed(notebook):
        start = time.monotonic()
        notebook = _format(notebook)
        with tempfile.TemporaryDirectory() as cwd:
            notebook = execute(notebook, cwd=cwd, cell_timeout=CELL_TIMEOUT)
        done = f"executed in {time.monotonic() - start:.0f} s"
    notebook = _tidy(notebook, exercises.set_of(notebook_path))
    after = nbformat.writes(notebook).encode() + b"\n", to_text(notebook).encode()
    if (_contents(notebook_path), _contents(twin_path)) != before:
        raise SyncError(
            f"{notebook_path.name} or its twin was saved while the notebook was being executed, "
            "and is left as saved: run make notebooks again."
        )
    if after == before:
        return done if done.startswith("executed") else "up to date"
    # The twin first: whatever interrupts, the notebook's record still tells who was edited.
    write(twin_path, after[1])
    write(notebook_path, after[0])
    return done


def _format(notebook: NotebookNode) -> NotebookNode:
    """The code cells in the house format; unchanged where ruff cannot read them."""
    command = ["-m", "ruff", "format", "--quiet", "--stdin-filename", "notebooks/x.ipynb", "-"]
    done = subprocess.run(
        [sys.executable, "-P", *command],
        input=nbformat.writes(notebook),
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return nbformat.reads(done.stdout, as_version=4) if done.returncode == 0 else notebook


def _tidy(notebook: NotebookNode, exercise: str | None = None) -> NotebookNode:
    """Keep of the metadata only what readers and tools need, so that a diff shows edits alone.

    The solution of an exercise set gets nbgrader's metadata, and the set's name and edition.
    """
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(display_name="Python 3", language="python", name="python3"),
        language_info=NotebookNode(name="python"),
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = kept_metadata(cell)
    _, notebook = nbformat.validator.normalize(notebook)  # every cell gets an id of its own
    notebook = nbformat.reads(nbformat.writes(notebook), as_version=4)  # its keys in order
    notebook.metadata.tlcourse = NotebookNode(
        code=_code_digest(notebook), text=_digest(to_text(notebook))
    )
    if exercise:
        exercises.mark(notebook, exercise)
        notebook.metadata.tlcourse.update(exercise=exercise, edition=exercises.edition(exercise))
    return notebook


def kept_metadata(cell: NotebookNode) -> NotebookNode:
    """A cell's tags, what slides need, and whether its code or its section opens folded."""
    kept = {key: cell.metadata.get(key) for key in ("tags", "slideshow")}
    if cell.cell_type == "markdown":
        kept[FOLDED_SECTION] = cell.metadata.get(FOLDED_SECTION)
    elif cell.metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = NotebookNode(source_hidden=True)
    return NotebookNode({key: value for key, value in kept.items() if value})


def _contents(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


# --- the command -------------------------------------------------------------------------------


def main(wanted: list[str], root: Path = ROOT) -> int:
    chosen = pairs(root)
    try:
        names = matching(wanted, [path.stem for path, _ in chosen])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    chosen = [pair for pair in chosen if pair[0].stem in names]
    for notebook_path, twin_path in chosen:
        print(f"{notebook_path.stem}: ", end="", flush=True)
        try:
            print(sync(notebook_path, twin_path, force=bool(wanted)))
        except CellError as error:
            print(f"stopped at {error}. The notebook is left as it was.", file=sys.stderr)
            return 1
        except (SyncError, exercises.ExerciseError, OSError) as error:
            print(f"stopped. {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted; the notebook is left as it was.", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
