"""Honest work that is a mess: it keeps every point that it deserves."""

import json
from copy import deepcopy

from tests.checks import answers
from tests.grading.attacks import EXERCISE, FILE, TASKS, Book, code, edits, right, writes


@edits()
def duplicated_cells(book: Book) -> None:
    """Has every cell twice, as after a slip with copy and paste."""
    book.nb["cells"] = [deepcopy(cell) for cell in book.cells for _ in range(2)]


@edits()
def a_stub_left_above(book: Book) -> None:
    """Keeps the first attempt of an answer above the right one, with the same id."""
    cell = deepcopy(book.cell("softmax-answer"))
    cell["source"] = "def softmax(z):\n    return z"
    book.cells.insert(book.place("softmax-answer"), cell)


@edits()
def deleted_checks(book: Book) -> None:
    """Has deleted every cell that checks, and all text."""
    code_cells = [c for c in book.cells if c["cell_type"] == "code"]
    book.nb["cells"] = [c for c in code_cells if not "".join(c["source"]).startswith("ex.")]


@edits()
def deleted_imports(book: Book) -> None:
    """Has deleted the first cell, which imports NumPy."""
    del book.cells[1]


@edits("train")
def deleted_answer(book: Book) -> None:
    """Has deleted one answer, and only that one is lost."""
    del book.cells[book.place("train-answer")]


@edits()
def moved_cells(book: Book) -> None:
    """Has all cells in reverse order, the imports last."""
    book.nb["cells"] = book.cells[::-1]


@edits()
def retyped_cells(book: Book) -> None:
    """Has answers in text cells, one of them in a fence, and one in a raw cell."""
    for task, kind in (("softmax", "markdown"), ("train", "raw"), ("order", "markdown")):
        cell = book.cell(f"{task}-answer")
        cell["cell_type"] = kind
        if task == "softmax":
            cell["source"] = f"```python\n{cell['source']}\n```"


@edits()
def no_metadata(book: Book) -> None:
    """Has lost all metadata, as after another editor."""
    book.nb["metadata"] = {}
    for cell in book.cells:
        cell["metadata"] = {}


@edits()
def edited_metadata(book: Book) -> None:
    """Has ids exchanged, types that are wrong, and numbers where texts should be."""
    first, second = book.cell("softmax-answer"), book.cell("train-answer")
    first["metadata"], second["metadata"] = second["metadata"], first["metadata"]
    chance, order, check = map(book.cell, ("chance-answer", "order-answer", "order"))
    chance["metadata"]["nbgrader"]["grade_id"] = 7
    order["metadata"]["nbgrader"] = "order-answer"
    check["metadata"] = None
    book.nb["metadata"] = {"kernelspec": [], "language_info": 5}


@edits()
def half_characters(book: Book) -> None:
    """Has half a character in an id, in text and in code, which cannot be written as UTF-8."""
    book.cells[0]["metadata"]["nbgrader"] = {"grade_id": "\ud83d", "solution": True}
    book.cells[0]["source"] = "half a smile: \ud83d"
    book.before("train", "smile = '\ud83d'")


@edits()
def one_cell_for_all(book: Book) -> None:
    """Has everything in one cell."""
    sources = ["".join(c["source"]) for c in book.cells if c["cell_type"] == "code"]
    book.nb["cells"] = [code("\n\n".join(s for s in sources if not s.startswith("ex.")))]


@edits()
def split_cells(book: Book) -> None:
    """Has helpers in cells of their own, one of them behind its use."""
    book.answer("softmax", "def softmax(z):\n    return exponential(z) / total(z)")
    book.before(
        "softmax", "def exponential(z):\n    return np.exp(z - z.max(axis=1, keepdims=True))"
    )
    book.last("def total(z):\n    return exponential(z).sum(axis=1, keepdims=True)")


@edits()
def warnings_and_noise(book: Book) -> None:
    """Warns, logs and prints on every channel, in cells and in answers."""
    book.before(
        "softmax",
        """
        import logging, os, sys, warnings
        warnings.warn("careful")
        logging.basicConfig(level=logging.DEBUG)
        logging.error("nothing is wrong")
        print("to stderr", file=sys.stderr)
        os.system("echo from a shell; echo and to stderr >&2")
        np.float64(1) / np.float64(0)
        """,
    )
    book.softmax("print(z)\nwarnings.warn('again')\nos.write(1, b'raw')\nreturn right(z)")


@edits()
def warnings_as_errors(book: Book) -> None:
    """Turns warnings and overflows into errors."""
    book.before(
        "softmax",
        """
        import warnings
        warnings.simplefilter("error")
        np.seterr(divide="raise", over="raise", invalid="raise")
        """,
    )


@edits()
def magics(book: Book) -> None:
    """Uses magics, shell commands and help."""
    book.before("softmax", "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n%config x = 1")
    book.before("softmax", "!ls -la\nfiles = !ls\n!pip install numpy\n%pip install numpy")
    book.before("softmax", "%%bash\nls /\nexit 1")
    book.before("softmax", "%%javascript\nalert(1)")
    book.before("softmax", "%%html\n<b>bold</b>")
    book.before("softmax", "?np.exp")
    book.before("softmax", "np.exp?")
    book.before("softmax", "%time total = sum(range(10))\n%timeit -n1 -r1 sum(range(10))")
    book.answer("two_logits", "%%time\n" + book.cell("two_logits-answer")["source"])
    book.before("train", "assert total == 45\n%who\n%reset_selective -f nothing\n%precision 3")


@edits()
def plots(book: Book) -> None:
    """Draws and shows, and hands out widgets and HTML."""
    book.before(
        "softmax",
        """
        from IPython.display import HTML, Markdown, clear_output, display
        display(HTML("<b>bold</b>"))
        display(Markdown("*text*"), np.zeros(3))
        clear_output(wait=True)
        """,
    )


@edits()
def cells_that_fail(book: Book) -> None:
    """Has cells that raise, that are no Python and that were left half written."""
    book.before("softmax", "1 / 0")
    book.before("softmax", "this is a note, not code")
    book.before("train", "def unfinished(:\n    pass")
    book.before("train", "print(undefined_name)")
    book.before("train", "raise KeyboardInterrupt")
    book.before("order", "assert False, 'I did not understand this'")
    book.before("order", "return 5")
    book.before("order", "  indented = 1\n dedented = 2")


@edits()
def asks_for_input(book: Book) -> None:
    """Asks the learner for something."""
    book.before("softmax", "name = input('Your name? ')")
    book.before("softmax", "import getpass\ngetpass.getpass()")


@edits()
def awaits(book: Book) -> None:
    """Awaits at the top of a cell, as Jupyter allows."""
    book.before("softmax", "import asyncio\nawait asyncio.sleep(0.01)\nwaited = True")
    book.softmax("assert waited\nreturn right(z)")


@edits()
def written_otherwise(book: Book) -> None:
    """Defines answers by lambda, class, decorator, partial, annotation and tuple."""
    book.before("softmax", "import functools")
    book.softmax("return right(z)")
    book.last("softmax = functools.partial(softmax)")
    book.answer("two_logits", "two_logits = lambda z: np.stack([np.zeros_like(z), z], axis=1)")
    book.answer(
        "smooth_targets",
        """
        class Smooth:
            def __call__(self, labels, k: int, epsilon: float):
                return (1 - epsilon) * np.eye(k)[labels] + epsilon / k
        smooth_targets: Smooth = Smooth()
        """,
    )
    book.answer("order", "order: list[str] = [*'HJCELDAIG']")
    book.answer(
        "cross_entropy",
        """
        from __future__ import annotations
        def logged(function):
            @functools.wraps(function)
            def inner(*arguments: Any, **named: Any) -> Any:
                print(arguments)
                return function(*arguments, **named)
            return inner
        @logged
        def cross_entropy(z: np.ndarray, labels: np.ndarray) -> float:
            z = z - z.max(axis=1, keepdims=True)
            log_sum = np.log(np.exp(z).sum(axis=1))
            return np.float32(np.mean(log_sum - z[np.arange(len(z)), labels]))
        """,
    )


@edits()
def other_types(book: Book) -> None:
    """Returns float32, Fortran order, views, read-only arrays and tuples for lists."""
    book.softmax("return np.asfortranarray(right(z).astype('f4'))")
    book.answer(
        "two_logits",
        """
        def two_logits(z):
            made = np.zeros((2, 2 * len(z)))[:, ::2].T
            made[:, 1] = z
            made.setflags(write=False)
            return made
        """,
    )
    book.answer("order", "order = list('HJCELDAIG')")
    book.last("chance = {k: np.array(v) for k, v in chance.items()}")


@edits("softmax")
def a_changed_argument(book: Book) -> None:
    """Changes its argument, which the check of the notebook does not let pass either."""
    book.softmax("z -= z.max(axis=1, keepdims=True)\nreturn right(z)")


@edits()
def files_and_folders(book: Book) -> None:
    """Writes, reads and changes folders, as a tidy person does."""
    book.before(
        "softmax",
        """
        import os, tempfile
        from pathlib import Path
        os.makedirs("figures/today", exist_ok=True)
        np.save("figures/today/x.npy", np.arange(5))
        os.chdir("figures")
        x = np.load("today/x.npy")
        assert x.sum() == 10
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "a.txt").write_text("ä")
        Path.home().joinpath("notes.txt").write_text("notes")
        """,
    )
    book.before("softmax", "data = np.load('data_of_mine.npy')")  # which was not handed in


@edits()
def processes_and_threads(book: Book) -> None:
    """Computes in threads and in processes."""
    book.before(
        "softmax",
        """
        import subprocess, sys
        from concurrent.futures import ThreadPoolExecutor
        from multiprocessing import get_context
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(abs, range(-5, 0))) == 15
        with get_context("fork").Pool(2) as pool:
            assert sum(pool.map(abs, range(-5, 0))) == 15
        assert subprocess.run(["echo", "hello"], capture_output=True).stdout == b"hello\\n"
        processes = True
        """,
    )
    book.softmax("assert processes\nreturn right(z)")


@edits()
def spoilt_names(book: Book) -> None:
    """Uses the names of built-ins for its own purposes."""
    book.before("softmax", "list = [1]\nsum = 3\nmax = min = 0\nprint = str = len = None\nid = 1")
    book.answer("softmax", book.cell("softmax-answer")["source"])
    book.before("cross_entropy", "del list, sum, max, min, print, str, len, id")


@edits()
def later_cells_that_spoil(book: Book) -> None:
    """Tries things out below the last check, and deletes and redefines what was right above."""
    book.last("np = 5; x = 3; ex = None; len = None")
    book.last("def softmax(z):\n    return z")
    book.last("del train, order, chance\nimport os\nos.chdir('/')")
    book.last("import numpy\nnumpy.exp = numpy.eye = lambda *_: 0")
    book.last("while True:\n    pass")


@edits("two_logits")
def checks_within_other_code(book: Book) -> None:
    """Has a check in the cell of its answer, under try, behind another name, and one that fails."""
    checks = {task: "".join(book.cell(task)["source"]) for task in TASKS}
    book.answer("softmax", f"{right('softmax')}\n\n{checks['softmax']}\nsoftmax = 5")
    book.cell("softmax")["source"] = "# " + checks["softmax"]
    book.cell("cross_entropy")["source"] = "mine = ex\nmine.cross_entropy.check(cross_entropy)"
    book.cell("logit_gradient")["source"] = (
        "try:\n    ex.logit_gradient.check(logit_gradient)\nfinally:\n    del logit_gradient"
    )
    book.answer("logit_gradient", right("logit_gradient") + "\n\nkept = logit_gradient")
    book.last("logit_gradient = kept")
    book.wrong("two_logits")
    book.cell("smooth_targets")["source"] = "%%time\nex.smooth_targets.check(smooth_targets)"
    book.answer("train", right("train").replace("def train", "def my_train"))
    book.cell("train")["source"] = "ex.train.check(my_train)"
    book.cell("order")["source"] = "x = 1; ex.order.check(order); y = 2"


@edits()
def magics_of_every_kind(book: Book) -> None:
    """Times, captures, writes and imports, and looks at what was shown before."""
    book.before("softmax", "t = %timeit -o -q -n 2 -r 1 sum(range(3))\nassert t.best >= 0")
    book.before("softmax", "%%capture out\nprint('hi')")
    book.before("softmax", "assert out.stdout == 'hi\\n'\n6 * 7")
    book.before("softmax", "assert _ == 42 and 42 in Out.values() and '6 * 7' in In[-2]")
    book.before("softmax", "%%writefile helper.py\nten = 10")
    book.before("softmax", "from helper import ten")
    book.before("softmax", "get_ipython().run_line_magic('time', 'two = 2')")
    book.before("softmax", "files = !ls\nassert 'helper.py' in list(files)")
    book.before("softmax", "%%time\n%matplotlib inline\nthree = 3")
    book.before(
        "softmax",
        "import asyncio\nasync def later():\n    await asyncio.sleep(0.01)\n    return 4\n"
        "task = asyncio.create_task(later())",
    )
    book.before("softmax", "four = await task")
    book.before("softmax", "%pip install nothing\n!pip install nothing\n%load_ext autoreload")
    book.softmax("assert (ten, two, three, four) == (10, 2, 3, 4)\nreturn right(z)")
    book.answer("train", "%timeit -n 2 -r 1 sum(range(3))\n" + right("train"))


@edits()
def global_random_numbers(book: Book) -> None:
    """Draws from the global generator, with and without a seed."""
    book.before("softmax", "import random\nnp.random.seed(1)\nrandom.random()\nnp.random.rand(3)")
    book.softmax("np.random.shuffle(np.arange(5))\nreturn right(z)")


@edits()
def large_outputs(book: Book) -> None:
    """Keeps 5 MB of outputs, pictures and errors among them."""
    book.cells[1]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": ["a line of numbers\n"] * 200_000},
        {"output_type": "display_data", "data": {"image/png": "A" * 10**6}, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": "\x1b[31m", "traceback": ["\x1b"] * 9},
    ]


@edits()
def odd_json(book: Book) -> None:
    """Holds NaN and infinity, unknown keys and cells of unknown types."""
    book.nb |= {"nbformat_minor": float("nan"), "extra": float("inf")}
    book.cells[2:2] = [
        {"cell_type": "heading", "level": 1, "source": "An old heading"},
        {"cell_type": "widget", "source": 5},
        {"cell_type": "code"},
        {"source": ["half ", "a cell"]},
        None,
        "a text",
        {"cell_type": "code", "source": [None, "odd = 1\n", 5, "even = 2"], "metadata": []},
    ]


@edits()
def lists_of_lines(book: Book) -> None:
    """Keeps sources as lists of lines, with Windows' line ends."""
    for cell in book.cells:
        if isinstance(cell["source"], str):
            cell["source"] = cell["source"].replace("\n", "\r\n").splitlines(keepends=True)


@edits()
def another_kernel(book: Book) -> None:
    """Was written with a kernel that is not here."""
    book.nb["metadata"]["kernelspec"] = {"name": "julia-1.9", "display_name": "Julia", "env": {}}
    book.nb["metadata"]["language_info"] = {"name": "julia"}


@edits()
def format_of_tomorrow(book: Book) -> None:
    """Says that it has a format that does not exist yet."""
    book.nb |= {"nbformat": 9, "nbformat_minor": 99}


@writes()
def format_3(world) -> None:
    """Is saved in nbformat 3, from the year 2014."""
    book = Book()
    cells = [
        {"cell_type": c["cell_type"], "metadata": c["metadata"], "outputs": []}
        | {("input" if c["cell_type"] == "code" else "source"): c["source"]}
        for c in book.cells
    ]
    made = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    (world.folder / FILE).write_text(json.dumps(made), "utf-8")


@writes()
def byte_order_marks(world) -> None:
    """Is saved in UTF-16, as some editors do."""
    (world.folder / FILE).write_text(json.dumps(Book().nb, ensure_ascii=False), "utf-16")


@writes()
def another_name(world) -> None:
    """Is saved under a name of its own, beside other files."""
    book = Book(world)
    book.save("ex02_cross_entropy (final) – Kopie (2).ipynb")
    (world.folder / "notes.txt").write_text("notes")
    (world.folder / ".ipynb_checkpoints").mkdir()
    (world.folder / ".ipynb_checkpoints" / FILE).write_text("{}")


@edits(TASKS[1:])
def one_task_only(book: Book) -> None:
    """Has solved the first task and left the others as they were."""
    for task in TASKS[1:]:
        book.answer(task, answers("exercises", EXERCISE)[task])


@edits()
def sliders(book: Book) -> None:
    """Shows sliders, a progress bar and an output widget, for which there is no browser."""
    book.before(
        "softmax",
        """
        import ipywidgets as w
        @w.interact(x=(0, 5))
        def f(x=1):
            print(x)
        out = w.Output()
        with out:
            print("hi")
        display(w.HBox([w.IntSlider(), out]))
        done = True
    """,
    )
    book.softmax("assert done\nreturn right(z)")


@edits()
def installs(book: Book) -> None:
    """Installs with every tool that Jupyter has a magic for, in the cell of its answer."""
    tools = (
        "%pip install numpy\n%conda install x\n%mamba install x\n!pip install torch\n%uv pip list"
    )
    book.answer("softmax", f"{tools}\n{right('softmax')}")
