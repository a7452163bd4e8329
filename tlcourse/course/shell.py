"""A notebook without JupyterLab: IPython's own shell, whose cells run and whose answers are called.

The marker's sandbox and `tlcourse submit` run learners' cells in it, so that magics, `Out`, `await`
and `!ls` do what they do in Jupyter. There is no terminal, no history on disk and no browser: what
would be shown is not, `input()` gets an empty line, and nothing is installed.
It runs where the learner's code runs, and its replies are plain data.
"""

import ast
import asyncio
import builtins
import getopt
import getpass
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress

from IPython.core.error import StdinNotImplementedError, UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import line_cell_magic, line_magic, magics_class, needs_local_scope
from IPython.core.magics import ConfigMagics, ExecutionMagics
from traitlets.config import Config

from tlcourse.checks import asking

_INSTALLS = re.compile(r"\s*(\S*python\S*\s+-m\s+)?(pip3?|conda|mamba|uv)\s")
_ENTERS = 10  # empty lines that a cell may ask for: more than that is a loop
_NOTHING = ("pip", "conda", "mamba", "micromamba", "uv")  # magics that install
_SHOWS = ("autosave", "clear", "connect_info", "less", "man", "more", "qtconsole")  # of Jupyter's


class Headless(InteractiveShell):
    """IPython, with nobody who looks at it."""

    asked = 0  # times that the cell has asked a person by `input()`

    async def run_code(self, code_obj, result=None, *, async_=False) -> bool:
        """Run a statement of a cell; whether the cell ends with it.

        At home a person has answered `input()`, and the cell went on. So behind a question a
        statement that fails, for want of that answer, is passed over.
        """
        has_raised = await super().run_code(code_obj, result, async_=async_)
        return has_raised and not self.asked

    def answer_person(self, *_, **__) -> str:
        """What `input()` returns: an empty line, as if somebody had pressed Enter."""
        self.asked += 1
        if self.asked > _ENTERS:
            raise StdinNotImplementedError("nobody is there to answer input()")
        return ""

    def showtraceback(self, *_, **__) -> None:
        pass  # it would read and format sources, and nobody sees it

    def showsyntaxerror(self, *_, **__) -> None:
        pass

    def _format_exception_for_storage(self, *_, **__) -> dict:
        return {}  # of a history that ends with the process; it would take ten cells' time

    def enable_gui(self, gui=None) -> None:
        pass

    def enable_matplotlib(self, gui=None):
        return gui, "inline"  # figures are made, and shown nowhere

    def ask_exit(self) -> None:
        pass

    def system(self, cmd: str) -> None:
        """Run a command, for `!ls`."""
        command = self.var_expand(cmd, depth=1)
        self.user_ns["_exit_code"] = 1 if _INSTALLS.match(command) else _run(command)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0):
        """The output of a command, for `files = !ls`."""
        return [] if _INSTALLS.match(cmd) else super().getoutput(cmd, split, depth + 1)

    def init_magics(self) -> None:
        """Those of IPython, and what those of Jupyter's kernel come to without a browser."""
        super().init_magics()
        self.register_magics(_Execution, _Config)
        self.magics_manager.magics["line"] |= dict.fromkeys(_SHOWS + _NOTHING, lambda line: None)


@magics_class
class _Execution(ExecutionMagics):
    @line_cell_magic
    @needs_local_scope
    def timeit(self, line="", cell=None, local_ns=None):
        """As many loops as the options say; without them one, for nobody reads the time."""
        given = []
        with suppress(getopt.GetoptError):
            given = [name for name, _ in getopt.getopt(line.split(), "n:r:tcp:qov:")[0]]
        once = [f"{name} 1" for name in ("-n", "-r") if name not in given]
        return super().timeit(" ".join([*once, line]), cell, local_ns)


@magics_class
class _Config(ConfigMagics):
    @line_magic
    def config(self, line):
        """Settings of a part of Jupyter that is not here change nothing."""
        with suppress(UsageError):
            super().config(line)


def _run(command: str) -> int:
    return subprocess.run(command, shell=True, stdin=subprocess.DEVNULL).returncode


def _is_python(source: str) -> bool:
    """Whether there is nothing for IPython to transform, which is the quicker way."""
    try:
        compile(source, "", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


class Notebook:
    """A learner's notebook in this process, in which there can be one."""

    def __init__(self) -> None:
        settings = Config()
        settings.HistoryManager.enabled = False
        settings.DisplayFormatter.active_types = ["text/plain"]
        names = {"__name__": "__main__"}
        self._shell = Headless.instance(config=settings, user_ns=names)
        self._names, self._answer = self._shell.user_ns, None
        self._loop: asyncio.AbstractEventLoop | None = None
        builtins.input = getpass.getpass = self._shell.answer_person
        # So that all is imported and made before a fork.
        self._raised("None\n1 / 0")
        self._shell.display_formatter.format(0.5)
        self._shell.displayhook.semicolon_at_end_of_expression("0.5")
        self._loop.close()
        self._loop = None
        self._shell.history_manager.reset()
        self._shell.execution_count = 1

    def run(self, source: str) -> dict:
        """Run a cell, or a piece of one.

        Returns
        -------
        dict
            "error", what it raised or "", and "again", whether a name was missing that a later cell
            may bring; "went_on", if it came to its end all the same.
        """
        self._shell.asked = 0
        try:
            error = self._raised(source)
        except BaseException as raised:
            error = raised
        if error is None:
            return {"error": ""}
        reply = {"error": asking.describe(error), "again": isinstance(error, NameError)}
        return reply | {"went_on": True} if self._shell.asked else reply

    def _raised(self, source: str) -> BaseException | None:
        """As Jupyter's kernel does it, in one loop for all cells, which `create_task` needs."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        shell, transformed, problem = self._shell, f"{source}\n", None
        try:
            if shell.input_transformers_post or not _is_python(source):
                transformed = shell.transform_cell(source)
        except Exception:
            problem = sys.exc_info()
        cell = self._loop.create_task(
            shell.run_cell_async(
                source,
                store_history=True,
                transformed_cell=transformed,
                preprocessing_exc_tuple=problem,
            )
        )
        try:
            done = self._loop.run_until_complete(cell)
        except KeyboardInterrupt:  # while the cell was waiting; it is not to go on in the next one
            cell.cancel()
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(cell)
            raise
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None and pyplot.get_fignums():
            pyplot.close("all")  # as after each cell in Jupyter
        return done.error_before_exec or done.error_in_exec

    def find(self, name: str, kind: str, forbids: Iterable[str], sources: Iterable[str]) -> dict:
        """What is handed over as the answer to a task.

        Parameters
        ----------
        name, kind, forbids
            As in `asking.find`.
        sources : iterable of str
            Expressions; the first that can be evaluated is the answer.

        Returns
        -------
        dict
            As in `asking.find`; {"missing": True} if a name in each of the expressions is missing.
        """
        for source in sources:
            try:
                with self._shell.builtin_trap:
                    self._answer = eval(source, self._names)
            except NameError:
                continue
            except BaseException as error:
                return {"open": f"its check raises {asking.describe(error)}"}
            return asking.find(self._answer, name, kind, forbids)
        return {"missing": True}

    def call(self, arguments: Iterable) -> dict:
        """Call what was found last."""
        self._shell.asked = 0
        with self._shell.builtin_trap:
            return asking.call(self._answer, arguments)

    def reply(self, request: dict) -> dict:
        """Do what is asked for: the "op", and what it needs."""
        asked = {name: value for name, value in request.items() if name != "op"}
        known = {"run": self.run, "find": self.find, "call": self.call, "hello": dict}
        return known[request["op"]](**asked)


# --- checks that say nothing -------------------------------------------------------------------


class _Nothing:
    """Takes any call and any name."""

    def __call__(self, *_, **__):
        return None

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


def exercise(*_, **__):
    """A set whose `ex.softmax.check(softmax)` does nothing: answers are asked from outside."""
    return _Nothing()


def be_silent() -> None:
    """Show nothing of what this process and its children print from now on."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.close(nowhere)
