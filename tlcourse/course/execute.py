"""Notebooks executed without JupyterLab."""

import asyncio
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from pathlib import Path

from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.output_widget import OutputWidget
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode
from traitlets.config import Config

from tlcourse.course import processes

_SILENCE = 60  # seconds in which a kernel must take up a cell, and answer when it has run it
_WIDGET = "application/vnd.jupyter.widget-view+json"
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # what nbclient logs CellError says


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
        with ExitStack() as stack:
            try:
                # A profile of IPython would run code of its own before the first cell.
                own = stack.enter_context(processes.empty_folder())
                env = processes.environment(kernel=True) | processes.writable(Path(own))
                env["IPYTHONDIR"] = own
                with warnings.catch_warnings(action="ignore", category=UserWarning):
                    # That this process, which draws and keeps nothing, cannot write at home.
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
