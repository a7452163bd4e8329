"""Notebooks run headless: to executed notebooks, HTML pages and a table of run times."""

import asyncio
import logging
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import nbformat
from jinja2 import pass_context
from jupyter_core.utils import run_sync
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.output_widget import OutputWidget
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode
from traitlets.config import Config

from tlcourse.workspace import CourseError, explain_os_errors, write

_SILENCE = 60  # seconds in which a kernel must take up a cell, and answer when it has run it
_WIDGET = "application/vnd.jupyter.widget-view+json"
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # what nbclient logs is told by CellError


class CellError(Exception):
    """A cell failed.

    Attributes
    ----------
    index : int
        Position of the cell in the notebook, from 0.
    number : int
        The number in the cell's brackets, as Jupyter shows it.
    notebook : NotebookNode
        The notebook as far as it was executed.
    """

    def __init__(self, index: int, number: int, message: str, notebook: NotebookNode):
        super().__init__(f"cell [{number}]: {message}")
        self.index, self.number, self.notebook = index, number, notebook


class _KernelLost(CellError):
    """The kernel died or hung, which often goes well the next time."""


class _HungKernel(Exception):
    """The kernel does not answer and computes nothing."""


# --- executing -------------------------------------------------------------------------------


def execute(
    notebook: NotebookNode,
    *,
    cwd: str | os.PathLike,
    cell_timeout: int,
    on_cell: Callable[[int, int], None] = lambda done, total: None,
) -> NotebookNode:
    """Run every cell in a fresh kernel of this environment.

    Nothing that changes from run to run is kept: no times, no widgets. A kernel that dies, or
    that hangs without computing, is replaced once, and the notebook starts again.

    Parameters
    ----------
    notebook : NotebookNode
        It stays as it is.
    cwd : path
        The kernel's working directory.
    cell_timeout : int
        Seconds that one cell may take.
    on_cell : callable, optional
        Told at the start and after each cell how many cells are done, and of how many.

    Returns
    -------
    NotebookNode

    Raises
    ------
    CellError
        If a cell fails, takes too long or takes the kernel down twice.
    """
    try:
        return _execute_once(notebook, cwd, cell_timeout, on_cell)
    except _KernelLost:
        return _execute_once(notebook, cwd, cell_timeout, on_cell)


def _execute_once(notebook, cwd, cell_timeout, on_cell) -> NotebookNode:
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = _Client(notebook, cell_timeout)
    index = number = 0
    try:
        with client.kernel(cwd):
            on_cell(0, len(notebook.cells))
            for index, cell in enumerate(notebook.cells):
                number += cell.cell_type == "code" and bool(cell.source.strip())
                client.run_cell(cell, index)
                on_cell(index + 1, len(notebook.cells))
        return clean(notebook)
    except CellExecutionError as error:
        first_line = error.evalue.strip().partition("\n")[0]
        kind, message = CellError, f"{error.ename}: {first_line}".removesuffix(": ")
    except CellTimeoutError:
        kind, message = CellError, f"it did not finish within {cell_timeout} seconds"
    except DeadKernelError:
        kind, message = _KernelLost, "the kernel died, on the second try too"
    except _HungKernel:
        kind, message = _KernelLost, "the kernel does not answer, on the second try too"
    raise kind(index, max(number, 1), message, clean(notebook))


class _Output(OutputWidget):
    """Takes what a widget shows out of its cell, and does not tell the kernel.

    Told so while it runs the cell, the kernel can miss the message that follows.
    """

    def send(self, *_, **__) -> None:
        pass


class _Client(NotebookClient):
    """nbclient's client, which also notices a kernel that is idle and does not answer."""

    def __init__(self, notebook: NotebookNode, timeout: int):
        super().__init__(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            record_timing=False,
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            log=_log,
        )
        self.widget_registry["@jupyter-widgets/output"]["OutputModel"] = _Output

    @contextmanager
    def kernel(self, cwd: str | os.PathLike) -> Iterator[None]:
        """A kernel in `cwd`, shut down at once if something goes wrong."""
        # Figures are drawn into the notebook, whatever the terminal's own setting.
        env = os.environ | {
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        with ExitStack() as stack:
            try:
                stack.enter_context(self.setup_kernel(cwd=os.fspath(cwd), env=env))
            except RuntimeError as error:  # it did not come up
                raise _HungKernel from error
            try:
                yield
            except BaseException:
                self.shutdown_kernel = "immediate"
                raise

    def run_cell(self, cell: NotebookNode, index: int) -> None:
        """Run one cell; what `execute_cell` raises, and `_HungKernel`."""
        run_sync(self._run_watched)(cell, index)

    async def _run_watched(self, cell: NotebookNode, index: int) -> None:
        self._busy, self._last_sign = False, time.monotonic()
        task = asyncio.ensure_future(self.async_execute_cell(cell, index))
        while not task.done():
            await asyncio.wait({task}, timeout=1)
            if not self._busy and time.monotonic() - self._last_sign > _SILENCE:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                raise _HungKernel
        task.result()

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "status":
            self._busy = msg["content"]["execution_state"] == "busy"
            self._last_sign = time.monotonic()
        return super().process_message(msg, cell, cell_index)


def clean(notebook: NotebookNode) -> NotebookNode:
    """Mend what differs from run to run: widgets without a kernel go, split prints are joined."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            for output in cell.outputs:
                if output.get("data", {}).pop(_WIDGET, None):
                    output.data.pop("text/plain", None)  # a widget's name for itself
            cell.outputs = [o for o in cell.outputs if o.get("data", True)]
    return CoalesceStreamsPreprocessor().preprocess(notebook, {})[0]


# --- pages -----------------------------------------------------------------------------------


def to_html(notebook: NotebookNode, title: str) -> str:
    """A page that opens without a network: mathematics as MathML, figures with their texts."""
    exporter = HTMLExporter(
        template_name="page",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
    )
    exporter.register_filter("markdown2html", markdown_to_html)
    resources = {"metadata": {"name": title}}
    return exporter.from_notebook_node(clean(deepcopy(notebook)), resources)[0]


# `a log x` needs spaces, which browsers do not add: before the function, and after it.
_SPACED = re.compile(
    r"(</(?:mi|mn|msub|msup)>)(?=<mi>(?:log|ln)</mi>)"
    r"|(?<!<msub>)(<mi>(?:log|ln)</mi>)(?!<mo[ >])"
)


def to_mathml(latex: str, display: str) -> str:
    """A formula, "inline" or "block", as MathML, which browsers show without a script.

    Raises
    ------
    Exception
        Of many kinds, if this is not LaTeX that the converter knows.
    """
    # The converter knows `align*`, which looks the same, but not `aligned`.
    mathml = convert(latex.strip().replace("{aligned}", "{align*}"), display=display)
    return _SPACED.sub(r"\g<0><mspace width='0.17em'/>", mathml)


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown with the mathematics converted."""

    def inline_math(self, body: str) -> str:
        return self._math(body, "inline")

    def block_math(self, body: str) -> str:
        return self._math(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return self._math(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def _math(self, body: str, display: str) -> str:
        try:
            return to_mathml(body, display)
        except Exception:  # of many kinds, all saying: not LaTeX that I know
            return f"<code>{self.escape_html(body)}</code>"


@pass_context
def markdown_to_html(context, source: str) -> str:
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = _Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(source)


# --- a run over chapters ---------------------------------------------------------------------


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
        If `out` cannot be written, or holds files of other origin.
    """
    with explain_os_errors(out, "--out"):
        if out.is_dir() and any(out.iterdir()) and not (out / "times.md").is_file():
            raise CourseError(
                f"{out} holds files that no earlier run wrote: choose a new folder with --out."
            )
        machine = _machine()
        runs = {path: Run(path.stem) for path in notebooks}
        _write_times(out, runs.values(), machine)
    for path in notebooks:
        start, status = time.monotonic(), "ok"
        # An empty folder to work in: what a chapter writes is not there the next time.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cwd:
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
            _write_times(out, runs.values(), machine)
        yield runs[path]


def _write_times(out: Path, runs: Iterable[Run], machine: str) -> None:
    rows = [f"| {r.chapter} | {r.time} | {r.status.replace('|', '&#124;')} |" for r in runs]
    head = ["| chapter | minutes:seconds | status |", "|---|---|---|"]
    text = "\n".join([*head, *rows, "", f"Measured on {machine}.", ""])
    write(out / "times.md", text.encode())


def _machine() -> str:
    """The processor, and what Keras finds; a process of its own, since importing Keras is slow."""
    ask = "from tlcourse.backend import versions; print(versions())"
    answer = subprocess.run(
        [sys.executable, "-c", ask], check=False, capture_output=True, text=True
    )
    return f"{_processor()}; {answer.stdout.strip() or 'Keras could not be started'}"


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        ask = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(ask, check=False, capture_output=True, text=True).stdout.strip()
    return platform.processor() or platform.machine()
