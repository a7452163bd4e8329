"""At home and here are the same: unusual notebooks in a real kernel, and through the marker."""

import json
import os
import threading

import pytest
from jupyter_client import KernelManager

from tests.grading import needs_sandbox
from tests.grading.attacks import EXERCISE, Book, right
from tlcourse.checks import tasks
from tlcourse.course import content, processes, rehearsal
from tlcourse.course.plan import plan_of
from tlcourse.grading import handins, marker
from tlcourse.grading.handins import Submission

TASKS = ("softmax", "two_logits", "smooth_targets", "order")  # the others are left out
ALL = set(TASKS)
ANSWER = "3"  # of a person, to `input()`
BAD = "def softmax(z):\n    return z"
LOOP = "import asyncio\nasync def later():\n    await asyncio.sleep(0.01)\n    return 3\n"
TWICE = "import functools\ndef same(f):\n    return functools.wraps(f)(lambda *a: f(*a))\n@same\n"


class Small(Book):
    """A solved notebook of a few tasks, which is quick."""

    def __init__(self) -> None:
        super().__init__()
        names = {*TASKS, *(f"{task}-answer" for task in TASKS)}
        self.nb["cells"] = [
            cell
            for i, cell in enumerate(self.cells)
            if i < 2 or cell["metadata"].get("nbgrader", {}).get("grade_id") in names
        ]

    def after(self, task: str, source: str) -> None:
        """A code cell behind a check."""
        self.before(task, source)
        place = self.place(f"{task}-answer")
        cell = self.cells.pop(place - 1)
        self.cells.insert(self.place(task) + 1, cell)

    def check(self, task: str, source: str) -> None:
        self.cell(task)["source"] = source

    def needs(self, what: str, *cells: str) -> None:
        """Cells above softmax, which is right only if something holds."""
        for source in cells:
            self.before("softmax", source)
        self.softmax(f"assert {what}\nreturn right(z)")

    def above(self, source: str, task: str = "softmax") -> None:
        """Lines above the definition, in its cell."""
        self.answer(task, f"{source}\n{right(task)}")


# By a name: the edit, and the tasks that are right both at home and here.
CASES = {
    "as it is": (lambda b: None, ALL),
    # what happens further down
    "np = 5": (lambda b: b.last("np = 5; x = 3"), ALL),
    "a scratch cell that redefines": (lambda b: b.last(BAD), ALL),
    "del at the end": (lambda b: b.last("del softmax, order"), ALL),
    "del behind the check": (lambda b: b.after("softmax", "del softmax"), ALL),
    "ex is gone": (lambda b: b.last("del ex"), ALL),
    "an error at the end": (lambda b: b.last("1 / 0"), ALL),
    "another folder": (lambda b: b.last("import os; os.chdir('/')"), ALL),
    "%reset": (lambda b: b.last("%reset -f"), ALL),
    "a wrong one, checked again": (
        lambda b: (b.last(BAD), b.last("ex.softmax.check(softmax)")),
        ALL - {"softmax"},
    ),
    "spoilt before the check": (lambda b: b.before("order", "softmax = order = 5"), ALL),
    "np spoilt in the middle": (
        lambda b: b.after("two_logits", "np = 5"),
        ALL - {"smooth_targets"},
    ),
    "mended below, and checked": (
        lambda b: (
            b.answer("softmax", BAD),
            b.last(right("softmax")),
            b.last("ex.softmax.check(softmax)"),
        ),
        ALL,
    ),
    "mended below, not checked": (
        lambda b: (b.answer("softmax", BAD), b.last(right("softmax"))),
        ALL - {"softmax"},
    ),
    # where the check stands
    "check in the cell of its answer": (
        lambda b: b.answer("softmax", right("softmax") + "\nex.softmax.check(softmax)\nnp.e"),
        ALL,
    ),
    "spoilt in the cell of the check": (
        lambda b: b.check("softmax", "ex.softmax.check(softmax)\nsoftmax = 5"),
        ALL,
    ),
    "two checks in a cell": (
        lambda b: b.last("ex.order.check(order)\nex.softmax.check(softmax)\nsoftmax = 5"),
        ALL,
    ),
    "check under try": (
        lambda b: b.check("softmax", "try:\n    ex.softmax.check(softmax)\nfinally:\n    x = 1"),
        ALL,
    ),
    "check in a with": (
        lambda b: b.check("softmax", "with np.errstate():\n    ex.softmax.check(softmax)"),
        ALL,
    ),
    "ex renamed": (lambda b: b.check("softmax", "mine = ex\nmine.softmax.check(softmax)"), ALL),
    "ex made anew": (
        lambda b: b.check("softmax", "from tlcourse import exercise as e\n"
                          "e('ex02').softmax.check(softmax)"),
        ALL,
    ),
    "answer under another name": (
        lambda b: (
            b.answer("softmax", right("softmax").replace("def softmax", "def mine")),
            b.check("softmax", "ex.softmax.check(mine)"),
        ),
        ALL,
    ),
    "a lambda as the argument": (
        lambda b: b.check("two_logits", "ex.two_logits.check(lambda z: np.stack([0 * z, z], 1))"),
        ALL,
    ),
    "check in a comment": (
        lambda b: b.last("# ex.softmax.check(softmax)\n'ex.order.check(order)'\nnp = softmax = 5"),
        ALL,
    ),
    "check with %%time": (lambda b: b.check("softmax", "%%time\nex.softmax.check(softmax)"), ALL),
    "check with %time": (lambda b: b.check("softmax", "%time ex.softmax.check(softmax)"), ALL),
    "another function": (
        lambda b: b.check("softmax", "ex.softmax.check(np.exp)"),
        ALL - {"softmax"},
    ),
    "no function": (lambda b: b.check("softmax", "ex.softmax.check(7)"), ALL - {"softmax"}),
    # magics
    "%timeit above the definition": (
        lambda b: b.above("def f():\n    return 1\n%timeit -n 2 -r 1 f()"),
        ALL,
    ),
    "%%time and %matplotlib": (lambda b: b.above("%%time\n%matplotlib inline"), ALL),
    "%%timeit defines nothing": (lambda b: b.above("%%timeit -n 2 -r 1"), ALL - {"softmax"}),
    "%%capture of the definition": (lambda b: b.above("%%capture out"), ALL),
    "%%bash of the definition": (lambda b: b.above("%%bash"), ALL - {"softmax"}),
    "%timeit -o": (lambda b: b.needs("t.best >= 0 and t.loops == 3", "t = %timeit -o -n 3 f()",
                                     "f = len\nt = %timeit -o -q -n 3 -r 2 f('a')"), ALL),
    "%time assigns": (lambda b: b.needs("x == 3", "%time x = 3"), ALL),
    "%%capture": (
        lambda b: b.needs("out.stdout == 'hi\\n'", "%%capture out\nprint('hi')"),
        ALL,
    ),
    "%%writefile and import": (
        lambda b: b.needs("a == 5", "%%writefile helper.py\na = 5", "from helper import a"),
        ALL,
    ),
    "%%writefile and %run": (
        lambda b: b.needs("a == 5", "%%writefile helper.py\na = 5", "%run helper.py"),
        ALL,
    ),
    "run_line_magic": (
        lambda b: b.needs("x == 3", "get_ipython().run_line_magic('time', 'x = 3')"),
        ALL,
    ),
    "run_cell_magic": (
        lambda b: b.needs("x == 3", "get_ipython().run_cell_magic('time', '', 'x = 3')"),
        ALL,
    ),
    "_ and Out and In": (
        lambda b: b.needs("kept", "6 * 7",
                          "kept = _ == 42 and 42 in Out.values() and In[-2] == '6 * 7'"),
        ALL,
    ),
    "files = !ls": (lambda b: b.needs("files == []", "files = !ls", "files = list(files)"), ALL),
    "!echo with a name": (
        lambda b: b.needs("s == ['3']", "x = 3", "s = !echo {x}\ns = list(s)"),
        ALL,
    ),
    "%config": (lambda b: b.above("%config InlineBackend.figure_format = 'svg'"), ALL),
    "create_task and await": (
        lambda b: b.needs("three == 3", LOOP + "task = asyncio.create_task(later())",
                          "three = await task"),
        ALL,
    ),
    "asyncio.run in a cell": (
        lambda b: b.needs("three == 3", LOOP + "three = asyncio.run(later())"),
        ALL - {"softmax"},
    ),
    "input above the definition": (lambda b: b.above("name = input('Your name? ')"), ALL),
    "input used above it": (
        lambda b: b.above("name = input()\nprint(f'Hello, {name.upper()}!')"),
        ALL,
    ),
    "input that must be a number": (
        lambda b: b.above("n = int(input())\nfor i in range(n): print(i)\nprint(1 / n)"),
        ALL,
    ),
    "input until it is right": (
        lambda b: b.above(f"while True:\n    if input('? ') == {ANSWER!r}:\n        break"),
        ALL,
    ),
    "input until it is a number": (
        lambda b: b.above("while True:\n    try:\n        n = int(input())\n        break\n"
                          "    except ValueError:\n        print('again')"),
        ALL,
    ),
    "input in a function, under %%time": (
        lambda b: (
            b.above("def ask():\n    return input()"),
            b.above("%%time\nname = ask()", "two_logits"),
        ),
        ALL,
    ),
    "a password": (lambda b: b.above("from getpass import getpass\nkey = getpass()"), ALL),
    "input, then a check in the cell": (
        lambda b: b.answer("softmax", f"int(input())\n{right('softmax')}\n"
                           "ex.softmax.check(softmax)"),
        ALL,
    ),
    "input, then await": (
        lambda b: b.above(f"{LOOP}n = int(input())\nthree = await later()"),
        ALL,
    ),
    "input in a cell, its name in the next": (
        lambda b: (b.before("softmax", "name = input()"), b.above("print(name + '!')")),
        ALL,
    ),
    "display": (lambda b: b.above("from IPython.display import HTML\ndisplay(HTML('x'), 3)"), ALL),
    "extensions": (lambda b: b.above("%load_ext autoreload\n%autoreload 2"), ALL),
    "an unknown magic": (lambda b: b.above("%unknown"), ALL - {"softmax"}),
    "display in the answer": (lambda b: b.softmax("display(z)\nreturn right(z)"), ALL),
    "help": (lambda b: b.above("np.exp?\n?len"), ALL),
    "a figure": (
        lambda b: b.needs("not plt.get_fignums()", "import matplotlib.pyplot as plt",
                          "plt.plot([1, 2])"),
        ALL,
    ),
    "the future of one cell": (
        lambda b: (b.first("from __future__ import annotations"), b.above("def f(x: Unknown): 0")),
        ALL,
    ),
    # order and errors
    "an error above the definition": (lambda b: b.above("1 / 0"), ALL - {"softmax"}),
    "a syntax error below it": (
        lambda b: b.answer("softmax", right("softmax") + "\n  x = = 1"),
        ALL - {"softmax"},
    ),
    "sys.exit above the definition": (
        lambda b: b.above("import sys\nsys.exit()"),
        ALL - {"softmax"},
    ),
    "sys.exit below it": (
        lambda b: b.answer("softmax", right("softmax") + "\nimport sys\nsys.exit()"),
        ALL,
    ),
    "KeyboardInterrupt above the definition": (
        lambda b: b.above("raise KeyboardInterrupt"),
        ALL - {"softmax"},
    ),
    "KeyboardInterrupt below it": (
        lambda b: b.answer("softmax", right("softmax") + "\nraise KeyboardInterrupt"),
        ALL,
    ),
    "an error below the definition": (
        lambda b: b.answer("softmax", right("softmax") + "\n1 / 0\nsoftmax = 5"),
        ALL,
    ),
    "an error between two definitions": (
        lambda b: (b.last(f"{BAD}\n1 / 0\n{right('softmax')}"),
                   b.last("ex.softmax.check(softmax)")),
        ALL - {"softmax"},
    ),
    "sys.exit in a cell": (lambda b: b.before("softmax", "import sys\nsys.exit()"), ALL),
    "inspect": (lambda b: b.needs("'return' in inspect.getsource(right)", "import inspect"), ALL),
    "a decorated answer": (lambda b: b.answer("softmax", TWICE + right("softmax")), ALL),
    "a pool of processes": (
        lambda b: b.needs(
            "four == [4]",
            "import multiprocessing as m\ndef square(x): return x * x\n"
            "with m.get_context('fork').Pool(1) as pool: four = pool.map(square, [2])",
        ),
        ALL,
    ),
    "names of built-ins": (lambda b: b.before("softmax", "list = sum = max = str = id = 5"), ALL),
}  # fmt: skip
# At home the check has not answered yet; here the answer counts, because the end is asked as well.
MORE_HERE = {
    "check deleted": (lambda b: b.check("softmax", ""), {"softmax"}),
    "check in a function": (
        lambda b: b.check("softmax", "def later():\n    ex.softmax.check(softmax)"),
        {"softmax"},
    ),
    "check above the answer": (
        lambda b: b.cells.insert(2, b.cells.pop(b.place("softmax"))),
        {"softmax"},
    ),
    "a helper below": (
        lambda b: (
            b.answer("softmax", "def softmax(z):\n    return helper(z)"),
            b.last(right("softmax").replace("def softmax", "def helper")),
        ),
        {"softmax"},
    ),
    "imports at the end": (lambda b: b.cells.append(b.cells.pop(1)), ALL),
}

LIVE = "import time\nwhile True: time.sleep(0.01)"
# A person interrupts a cell of these at home; here its time is up.
ENDLESS = {
    "below the definition": (lambda b: b.answer("softmax", f"{right('softmax')}\n{LIVE}"), ALL),
    "above the definition": (lambda b: b.above(LIVE), ALL - {"softmax"}),
    "a busy loop below it": (
        lambda b: b.answer("softmax", right("softmax") + "\nwhile True: pass"),
        ALL,
    ),
    "a loop that a person may end": (
        lambda b: b.above("import time\ntry:\n    while True: time.sleep(0.01)\n"
                          "except KeyboardInterrupt:\n    print('the end')"),
        ALL,
    ),
    "under %%time": (
        lambda b: b.answer("softmax", f"%%time\n{right('softmax')}\n{LIVE}"),
        ALL,
    ),
}  # fmt: skip


class Kernel:
    """A real kernel, as JupyterLab starts it, for one notebook after the other."""

    def __init__(self, folder) -> None:
        self.folder, self.count = folder, 0
        self.manager = KernelManager(kernel_name="python3")
        env = processes.environment(kernel=True) | {"IPYTHONDIR": str(folder / "ipython")}
        env["PYTHONPATH"] = os.pathsep.join([os.getcwd(), env.get("PYTHONPATH", "")])
        self.manager.start_kernel(cwd=str(folder), env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, source: str, *, store_history: bool = True, interrupted: bool = False) -> str:
        """Run a cell at which a person sits, who may interrupt it; what it prints."""
        said = []

        def answer(_) -> None:
            self.client.input(ANSWER)

        is_over = threading.Event()

        def interrupt() -> None:
            while not is_over.wait(1):  # once may be too early on a busy machine
                self.manager.interrupt_kernel()

        if interrupted:
            threading.Thread(target=interrupt, daemon=True).start()

        def keep(message) -> None:
            said.append(message["content"].get("text", ""))

        self.client.execute_interactive(
            source,
            store_history=store_history,
            allow_stdin=True,
            stdin_hook=answer,
            stop_on_error=False,
            output_hook=keep,
            timeout=120,
        )
        is_over.set()
        return "".join(said)

    def correct(self, book: Book) -> set[str]:
        """The tasks that are correct after a notebook's cells have run, one after the other."""
        self.count += 1
        work = self.folder / str(self.count)
        work.mkdir()
        self.run(
            "get_ipython().reset(new_session=True)\nimport os, sys, warnings\n"
            f"os.chdir({str(work)!r})\nsys.path.insert(0, {str(work)!r})\n"
            "sys.modules.pop('helper', 0)\n"
            "from tlcourse import progress\nprogress._memory.clear()\n"
            "import matplotlib.pyplot\n%reset -f",
            store_history=False,
        )
        for cell in book.cells:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                self.run(source, interrupted="while True: " in source)
        said = self.run(
            "import json, tlcourse.progress\nprint('\\n' + json.dumps(tlcourse.progress.read()))",
            store_history=False,
        )
        found = json.loads(said.splitlines()[-1]).get(EXERCISE, {})
        return {task for task, status in found.items() if status == "correct"}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    made = Kernel(tmp_path_factory.mktemp("home"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def here():
    """A function that marks a notebook: the tasks that are correct."""
    released = content.released(EXERCISE)
    with marker.sandbox(released, 2**30) as box:

        def correct(book: Book, seconds: float = 10.0) -> set[str]:
            one = Submission("ada", data=json.dumps(book.nb).encode())
            record = marker.mark(one, released, box, secret=b"x" * 16, cell_seconds=seconds)
            assert record["reason"] == ""
            return {name for name, verdict in record["tasks"].items() if verdict["points"]}

        yield correct


def written(edit) -> Book:
    book = Small()
    edit(book)
    return book


@needs_sandbox
@pytest.mark.parametrize("name", CASES)
def test_what_is_correct_at_home_is_correct_here(kernel, here, name):
    edit, expected = CASES[name]
    book = written(edit)
    assert kernel.correct(book) == expected
    assert here(book) == expected


@needs_sandbox
@pytest.mark.parametrize("name", MORE_HERE)
def test_what_no_check_has_answered_is_asked_at_the_end(kernel, here, name):
    edit, only_here = MORE_HERE[name]
    book = written(edit)
    assert kernel.correct(book) == ALL - only_here
    assert here(book) == ALL


@needs_sandbox
@pytest.mark.parametrize("name", ENDLESS)
def test_a_cell_that_never_ends_is_interrupted_at_home_and_here(kernel, here, name):
    edit, expected = ENDLESS[name]
    book = written(edit)
    assert kernel.correct(book) == expected
    assert here(book, seconds=2) == expected


def test_submit_interrupts_a_cell_as_the_marker_does(monkeypatch):
    monkeypatch.setattr(rehearsal, "CELL_SECONDS", 10.0)
    released = content.released(EXERCISE)
    book = written(lambda b: b.answer("softmax", f"{right('softmax')}\n{LIVE}"))
    cells = handins.read(json.dumps(book.nb).encode())
    known = tasks(EXERCISE)
    verdicts, errors = rehearsal.rehearse(plan_of(cells, released, known), released, known)
    assert {name for name, verdict in verdicts.items() if verdict.status == "correct"} == ALL
    assert ["no answer within" in text for text in errors.values()] == [True]


def test_there_are_more_than_fifty():
    assert len(CASES) + len(MORE_HERE) > 50
