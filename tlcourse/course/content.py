"""What the course holds: chapters, exercise sets as they were handed out, results of benchmarks."""

import ast
import json
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tlcourse.files import CourseError

_PACKAGE = Path(__file__).parents[1]
TABLE = "chapters.toml"  # beside the chapters


def folder() -> Path:
    """The folder that holds `notebooks/` and `exercises/`, in a wheel or in a checkout."""
    for place in (_PACKAGE / "_content", _PACKAGE.parent):
        if any(place.glob("notebooks/*.ipynb")):
            return place
    raise CourseError("This installation of tlcourse holds no notebooks; install it again.")


def chapters() -> dict[str, Path]:
    """The course's notebooks by name, in order."""
    return {path.stem: path for path in sorted(folder().glob("notebooks/*.ipynb"))}


def find_chapter(wanted: str) -> str:
    """The name of a chapter, from its number ("3", "03"), name or file.

    Raises
    ------
    CourseError
        If there is none.
    """
    names = list(chapters())
    stem = Path(wanted).name.removesuffix(".ipynb")
    for name in names:
        number = name.partition("_")[0]
        if stem == name or (stem.isdecimal() and number.isdecimal() and int(stem) == int(number)):
            return name
    raise CourseError(f"There is no chapter {wanted!r}; the chapters are {', '.join(names)}.")


def lacks_pytorch(notebook: Path) -> bool:
    """Whether a notebook's code imports PyTorch, which is an extra, and that is not installed."""
    if find_spec("torch") is not None:
        return False
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return any(map(_imports_torch, code))


def _imports_torch(code: str) -> bool:
    """Whether a cell imports it itself: a script in a string is run elsewhere, if at all."""
    without_magics = re.sub(r"^(\s*)[%!].*", r"\1pass", code, flags=re.MULTILINE)
    try:
        nodes = list(ast.walk(ast.parse(without_magics)))
    except SyntaxError:  # which running it will show
        return False
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    return any(module.partition(".")[0] == "torch" for module in modules)


@dataclass(frozen=True)
class Chapter:
    """A chapter, as `notebooks/chapters.toml` describes it.

    Attributes
    ----------
    number, title, promise : str
        "03", its title, and what a reader will be able to do.
    minutes : int
        To read it and try it.
    seconds : int
        To run it.
    notebook : Path
    measured, machine : str
        When the seconds were measured, "on 2026-11-29", and on what; "" if nobody has.
    """

    number: str
    title: str
    promise: str
    minutes: int
    seconds: int
    notebook: Path
    measured: str = ""
    machine: str = ""

    @property
    def run_time(self) -> str:
        """The seconds, as a person says them: "45 s", "3 min 40 s"."""
        minutes, seconds = divmod(self.seconds, 60)
        parts = [f"{minutes} min"] * bool(minutes) + [f"{seconds} s"] * bool(seconds or not minutes)
        return " ".join(parts)


def described_chapters() -> list[Chapter]:
    """What is said of each chapter that is there, in order: the one source of every table."""
    paths = {name.partition("_")[0]: path for name, path in chapters().items()}
    described = _chapters_file()["chapter"]
    return [
        Chapter(**one, notebook=paths[one["number"]]) for one in described if one["number"] in paths
    ]


def signpost(notebook: Path) -> str:
    """Links in Markdown from a chapter or an exercise set to what comes before and after it.

    They hold wherever `notebooks/` and `exercises/` lie side by side. "" for any other file.
    """
    order, sets = list(chapters().values()), exercises()
    number = notebook.name.removeprefix("ex")[:2]
    place = next((i for i, path in enumerate(order) if path.name[:2] == number), None)
    if place is None or notebook not in (*order, *sets.values()):
        return ""
    described = described_chapters() if (folder() / "notebooks" / TABLE).is_file() else []
    titles = {c.notebook: f"{c.number} {c.title}" for c in described}

    def link(path: Path, words: str) -> str:
        return f"[{words}]({Path(os.path.relpath(path, notebook.parent)).as_posix()})"

    own = order[place]
    before = own if notebook != own else order[place - 1] if place else None
    parts = [f"← {link(before, titles.get(before, before.stem))}"] if before else []
    if notebook == own and f"ex{number}" in sets:
        parts.append(link(sets[f"ex{number}"], "Exercises on this chapter"))
    if place + 1 < len(order):
        after = order[place + 1]
        parts.append(f"{link(after, titles.get(after, after.stem))} →")
    return " · ".join(parts)


def _chapters_file() -> dict:
    path = folder() / "notebooks" / TABLE
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read ({error}): install tlcourse again.") from None


def benchmark(name: str) -> dict:
    """The committed result of a benchmark that takes longer than a chapter may.

    Parameters
    ----------
    name : str
        Of the module in `benchmarks/`, which tells how it was measured.

    Raises
    ------
    CourseError
        If there is none.
    """
    results = folder() / "benchmarks" / "results"
    if not (results / f"{name}.json").is_file():
        known = sorted(path.stem for path in results.glob("*.json"))
        raise CourseError(f"There is no result {name!r}; there are {', '.join(known) or 'none'}.")
    return json.loads((results / f"{name}.json").read_text())


def photo_scores(photographs: str, arm: str, labels: int = 20):
    """The accuracies of an arm in the stored result `photos`, at the end of its larger budget.

    Returns
    -------
    ndarray of float, shape (seeds,), or None while they are not measured
    """
    import numpy as np

    record = benchmark("photos")["sets"][photographs]
    if arm not in record["summary"].get(str(labels), {}).get("accuracy", {}):
        return None
    chosen = record["chosen"][arm][str(labels)][-1]
    found = {
        run["seed"]: run["scores"][-1]
        for run in record["runs"]
        if (run["arm"], run["labels"], run["setting"]) == (arm, labels, chosen["setting"])
        and (chosen["steps"] is None or chosen["steps"] in run["steps"])
    }
    return np.array([found[seed] for seed in sorted(found)])


def exercises() -> dict[str, Path]:
    """The course's exercise notebooks by the name of their set, "ex02", in order."""
    return {path.parent.name: path for path in sorted(folder().glob("exercises/ex*/ex*.ipynb"))}


def find_exercise(wanted: str) -> str:
    """The name of a set, from "ex02", "2" or the notebook's file.

    Raises
    ------
    CourseError
        If there is none.
    """
    names = list(exercises())
    stem = Path(wanted).name.lower().removesuffix(".ipynb").partition("_")[0]
    for name in names:
        number = stem.removeprefix("ex")
        if number.isdecimal() and int(number) == int(name.removeprefix("ex")):
            return name
    raise CourseError(f"There is no exercise {wanted!r}; there are {', '.join(names)}.")


@dataclass(frozen=True, eq=False)  # there is one of each file, so identity will do
class Released:
    """An exercise set as it was handed out.

    Attributes
    ----------
    name : str
        "ex02".
    notebook : Path
    data : bytes
        Of its notebook.
    edition : int
    metadata : dict
        Of the notebook: its kernel and language.
    cells : tuple of dict
        All cells, each `source` as one string.
    nbgrader_cells : dict of dict
        The cells that nbgrader knows, by their grade_id.
    points : dict of float
        What each task, and the open question, is worth, by grade_id.
    headings : dict of str
        The heading that each of these stands under, by grade_id.
    open_question : str
        Its grade_id, "" if there is none.
    """

    name: str
    notebook: Path
    data: bytes = field(repr=False)
    edition: int
    metadata: dict = field(repr=False)
    cells: tuple[dict, ...] = field(repr=False)
    nbgrader_cells: dict[str, dict] = field(repr=False)
    points: dict[str, float]
    headings: dict[str, str] = field(repr=False)
    open_question: str

    @property
    def answers(self) -> list[str]:
        """The grade_ids of cells that a learner fills in: those that can be commented on."""
        return [n for n, c in self.nbgrader_cells.items() if c["metadata"]["nbgrader"]["solution"]]


def released(name: str) -> Released:
    """A set as it was handed out, from "ex02", "2" or its file.

    Raises
    ------
    CourseError
        If there is none.
    """
    return _read_released(exercises()[find_exercise(name)])


@cache
def _read_released(path: Path) -> Released:
    data = path.read_bytes()
    notebook = json.loads(data)
    cells = tuple(cell | {"source": source_of(cell)} for cell in notebook["cells"])
    known = {name: found[0] for name, found in nbgrader_cells(cells).items()}
    graded = {n: cell for n, cell in known.items() if cell["metadata"]["nbgrader"]["grade"]}
    headings, heading = {}, ""
    for cell in cells:
        if cell["cell_type"] == "markdown":
            lines = [line for line in cell["source"].splitlines() if line.startswith("#")]
            heading = lines[-1].lstrip("# ") if lines else heading
        if grade_id(cell) in graded:
            headings[grade_id(cell)] = heading
    return Released(
        name=path.parent.name,
        notebook=path,
        data=data,
        edition=notebook["metadata"]["tlcourse"]["edition"],
        metadata={k: notebook["metadata"][k] for k in ("kernelspec", "language_info")},
        cells=cells,
        nbgrader_cells=known,
        points={n: float(cell["metadata"]["nbgrader"]["points"]) for n, cell in graded.items()},
        headings=headings,
        open_question=next((n for n, c in graded.items() if c["cell_type"] == "markdown"), ""),
    )


def source_of(cell: dict) -> str:
    """A cell's text, which a notebook keeps as one string or as its lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def grade_id(cell: dict) -> str | None:
    """nbgrader's id of a cell, if it has one."""
    known = cell["metadata"].get("nbgrader")
    found = known.get("grade_id") if isinstance(known, dict) else None
    return found if isinstance(found, str) else None


def nbgrader_cells(cells: Iterable[dict]) -> dict[str, list[dict]]:
    """The cells that nbgrader knows, by their grade_id; of a learner's notebook, maybe several."""
    found: dict[str, list[dict]] = {}
    for cell in cells:
        if (name := grade_id(cell)) is not None:
            found.setdefault(name, []).append(cell)
    return found
