"""Chapters run one after the other: executed notebooks, pages, and a table of run times."""

import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import nbformat

from tlcourse.course import processes
from tlcourse.course.execute import CellError, execute
from tlcourse.course.pages import to_html
from tlcourse.files import CourseError, explain_os_errors, write


@dataclass(frozen=True)
class Run:
    """How one chapter went: seconds (None before it has ended) and "ok" or what failed."""

    chapter: str
    seconds: float | None = None
    status: str = "not run"

    @property
    def time(self) -> str:
        """Minutes:seconds."""
        if self.seconds is None:
            return "–"
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"{minutes}:{seconds:02}"


def run(
    notebooks: list[Path],
    out: Path,
    *,
    cell_timeout: int,
    on_cell: Callable[[str, int, int], None],
) -> Iterator[Run]:
    """Execute notebooks one after the other; write each with its page, and `times.md`.

    Parameters
    ----------
    notebooks : list of Path
    out : Path
        A new or empty folder, or one that an earlier run filled.
    cell_timeout : int
        Seconds that one cell may take.
    on_cell : callable
        Told at the start and after each cell: the chapter, its cells done, and its cells.

    Yields
    ------
    Run
        As soon as the chapter has ended and is written. A chapter that fails is kept as far as it
        came.

    Raises
    ------
    CourseError
        If `out` cannot be written, or holds files of other origin, or if Keras does not start.
    """
    with explain_os_errors(out, "--out"):
        if out.is_dir() and any(out.iterdir()) and not (out / "times.md").is_file():
            raise CourseError(
                f"{out} holds files that no earlier run wrote: choose a new folder with --out."
            )
        on = machine()
        runs = {path: Run(path.stem) for path in notebooks}
        _write_times(out, runs.values(), on)
    for path in notebooks:
        start, status = time.monotonic(), "ok"
        # An empty folder to work in: what a chapter writes is not there the next time.
        with processes.empty_folder() as cwd:
            try:
                notebook = execute(
                    nbformat.read(path, as_version=4),
                    cwd=cwd,
                    cell_timeout=cell_timeout,
                    on_cell=partial(on_cell, path.stem),
                )
            except CellError as error:
                notebook, status = error.notebook, str(error)
        runs[path] = replace(runs[path], seconds=time.monotonic() - start, status=status)
        with explain_os_errors(out, "--out"):
            write(out / path.name, nbformat.writes(notebook).encode())
            write(out / f"{path.stem}.html", to_html(notebook, path.stem).encode())
            _write_times(out, runs.values(), on)
        yield runs[path]


def _write_times(out: Path, runs: Iterable[Run], on: str) -> None:
    rows = [f"| {r.chapter} | {r.time} | {r.status.replace('|', '&#124;')} |" for r in runs]
    head = ["| chapter | minutes:seconds | status |", "|---|---|---|"]
    text = "\n".join([*head, *rows, "", f"Measured on {on}.", ""])
    write(out / "times.md", text.encode())


def machine() -> str:
    """The processor, and what Keras finds; a process of its own, since importing Keras is slow.

    Raises
    ------
    CourseError
        If Keras does not start.
    """
    answer, problem = processes.ask("from tlcourse.backend import versions; print(versions())")
    if problem:
        if not problem.endswith("."):  # not a sentence of ours
            problem = f"Keras does not start ({problem}); `tlcourse doctor` looks for the reason."
        raise CourseError(f"Nothing was run. {problem}")
    return f"{_processor()}; {answer.splitlines()[-1]}"


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        ask = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(ask, check=False, capture_output=True, text=True).stdout.strip()
    return platform.processor() or platform.machine()
