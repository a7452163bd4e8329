"""Library calls that would be the answer are found in the source, and honest work is left alone."""

import functools
import importlib
import re
import time

import nbformat
import numpy as np
import pytest

from tests.checks import edited, notebook, rows
from tests.checks.evasions import EVASIONS, HONEST, cells
from tlcourse.checks import forbidden, judge, reached, sets, tasks
from tlcourse.checks.asking import NOT_ATTEMPTED
from tlcourse.checks.forbidden import find_forbidden
from tlcourse.course.execute import execute

MESSAGE = "solve this task without "


def task_of(name):
    set_name, _, task = name.partition(".")
    return tasks(set_name)[task]


def read(name, source):
    """What the marker finds in a row, where nothing runs."""
    task = task_of(name)
    given, upto = forbidden._asked(cells(source), task.name)
    return find_forbidden(upto, given or task.name, task.forbids)


def dummy(*_):
    raise NotImplementedError


def asked(name, source, monkeypatch):
    """The verdict on a row where the kernel has run its cells."""
    typed = ["", *cells(source)]
    task = task_of(name)
    if ".check(" not in source:
        typed.append(f"ex.{task.name}.check({task.name})")
    monkeypatch.setattr(forbidden, "_kernel_cells", lambda: typed)
    return judge(task, dummy, np.random.default_rng(0))


@pytest.mark.parametrize(("name", "source"), EVASIONS.values(), ids=EVASIONS)
def test_a_library_call_is_found_without_running_anything(name, source):
    assert read(name, source) in task_of(name).forbids


@pytest.mark.parametrize(("name", "source"), EVASIONS.values(), ids=EVASIONS)
def test_and_the_learner_is_told_so_at_home(name, source, monkeypatch):
    found = asked(name, source, monkeypatch)
    assert (found.status, found.message) == ("not yet", MESSAGE + read(name, source))


@pytest.mark.parametrize(("name", "source"), HONEST.values(), ids=HONEST)
def test_honest_work_is_left_alone(name, source, monkeypatch):
    assert read(name, source) == ""
    assert asked(name, source, monkeypatch).message == NOT_ATTEMPTED


IN_A_KERNEL = ("factory", "alias of an alias", "%time", "append", "module returned", "exec")
IN_A_KERNEL += ("put into a module", "class body", "inline", "the check by the learner's hand")


def test_a_real_kernel_says_the_same(tmp_path):
    code = ["from tlcourse import exercise\nex = exercise('ex02')"]
    rows_run = [(what, EVASIONS[what]) for what in IN_A_KERNEL]
    rows_run += [(what, HONEST[what]) for what in ("own", "first tried", "compared", "later")]
    for _, (_, source) in rows_run:
        code += cells(source)
        if ".check(" not in source:
            code.append("ex.softmax.check(softmax)")
    made = [nbformat.v4.new_code_cell(source) for source in code]
    for cell in made:
        cell.metadata["tags"] = ["raises-exception"]
    done = execute(nbformat.v4.new_notebook(cells=made), cwd=tmp_path, cell_timeout=120)
    asked = [cell for cell in done.cells if ".check(" in cell.source]
    told = [re.sub("\x1b[^m]*m", "", str(cell.outputs)) for cell in asked]
    assert [MESSAGE[1:] in text for text in told] == [True] * len(IN_A_KERNEL) + [False] * 4
    assert all("Correct: 10 points" in text for text in told[len(IN_A_KERNEL) :])


def test_the_tables_are_long():
    assert len(EVASIONS) >= 60
    assert len(HONEST) >= 40


# --- the sets ------------------------------------------------------------------------------------


def notebook_cells(name, task=None, code=""):
    """The code of a solution, with another answer to one task."""
    for cell in nbformat.read(notebook("solutions", name), 4).cells:
        if cell.cell_type == "code":
            own = cell.metadata.get("nbgrader", {}).get("grade_id") == f"{task}-answer"
            yield code if own else cell.source


RIGHT = [row[:4] for row in rows("RIGHT")] + [
    (name, task, "solution", {}) for name in sets() for task in tasks(name)
]
LIBRARY = [row[:4] for row in rows("WRONG") if "solve this task without" in row[4]]


@pytest.mark.parametrize(("name", "task", "what", "edit"), RIGHT, ids=map(str, range(len(RIGHT))))
def test_no_right_answer_of_the_sets_is_refused(name, task, what, edit):
    given = list(notebook_cells(name, task, edited(name, task, edit)))
    assert find_forbidden(given, task, tasks(name)[task].forbids) == ""


@pytest.mark.parametrize(("name", "task", "what", "edit"), LIBRARY)
def test_each_answer_of_a_library_in_the_tables_is_refused(name, task, what, edit):
    given = list(notebook_cells(name, task, edited(name, task, edit)))
    assert find_forbidden(given, task, tasks(name)[task].forbids)


NUMPY = ("numpy", "numpy.linalg")
SCIPY = ("scipy.linalg", "scipy.special", "scipy.signal", "scipy.ndimage", "scipy.sparse.linalg")
KERAS = ("keras.ops", "keras.ops.nn", "keras.ops.linalg", "keras.activations", "keras.layers")
KERAS += ("keras.losses", "keras.metrics", "keras.optimizers")
TF = ("tensorflow.nn", "tensorflow.linalg", "tensorflow.math", "tensorflow.raw_ops", "tensorflow")
TF += ("tensorflow.compat.v1", "tensorflow.compat.v1.nn", "tensorflow.compat.v1.losses")
SKLEARN = ("sklearn.utils.extmath", "sklearn.metrics", "sklearn.calibration")
SKLEARN += ("sklearn.discriminant_analysis", "sklearn.model_selection", "sklearn.multioutput")
LIBRARIES = NUMPY + SCIPY + KERAS + TF + SKLEARN

# For each task: what the names of its equivalents look like, and those that look so and are none.
EQUIVALENTS = {
    "ex01.measured_rate": (
        r"(self_adjoint_|batch)?(eig|svd)(en|s|h|vals|valsh|vals_banded|_banded|h_tridiagonal"
        r"|valsh_tridiagonal|sh)?|norm|matrix_norm|cond|qr|schur|cholesky|roots|poly|lobpcg",
        "keras.ops.cond scipy.sparse.linalg.eigen tensorflow.cond tensorflow.compat.v1.cond",
    ),
    "ex01.adam_step": (r"adamw?", ""),
    "ex02.softmax": (r"(log_?|sparse)?_?softmax|(reduce_|cumulative_)?logsumexp", ""),
    "ex02.cross_entropy": (
        r".*(categorical|softmax)_?(focal_)?(generalized_)?_?cross_?entropy.*|.*log_?softmax"
        r"|(reduce_|cumulative_)?logsumexp|log_loss",
        "",
    ),
    "ex02.two_logits": (r"log_(expit|sigmoid)", ""),
    "ex03.conv2d": (
        r"(depthwise_|separable|depthwise|atrous_)?_?conv(olution|olve|2d|olve2d)?(_?transpose)?"
        r"|correlate(2d)?|(fft|oa)convolve|conv2d_?backprop_?(filter|input)(_?v2)?",
        "numpy.convolve numpy.correlate keras.ops.correlate",
    ),
    "ex06.macro": (
        r"(f1|fbeta|precision|recall)_?score|precision|recall|classification_report",
        "",
    ),
    "ex06.fold_scores": (r"cross_val.*", ""),
    "ex10.decays": (r"adamw?", ""),
}


def loaded(name):
    """A module, or what goes by its name in TensorFlow; None if there is none."""
    try:
        return importlib.import_module(name)
    except ImportError:
        top, *rest = name.split(".")
        return functools.reduce(lambda part, n: getattr(part, n, None), rest, loaded(top))


@pytest.mark.parametrize("name", EQUIVALENTS)
def test_a_task_forbids_its_equivalents_in_every_installed_library(name):
    pattern, others = EQUIVALENTS[name]
    forbids, missed, found = task_of(name).forbids, [], 0
    for module in LIBRARIES:
        for leaf in dir(loaded(module)):
            path = f"{module}.{leaf}"
            if not re.fullmatch(pattern, leaf, re.IGNORECASE) or path in others.split():
                continue
            found += 1
            if not find_forbidden([f"import {module}"], path, forbids):
                missed.append(path)
    assert missed == []
    assert found


@pytest.mark.parametrize("package", ["numpy", "scipy", "sklearn", "keras", "tensorflow"])
def test_the_forbidden_names_of_installed_libraries_exist(package):
    gone = {"scipy.stats.binom_test"}  # of older editions
    every = {n for s in sets() for t in tasks(s).values() for n in t.forbids} - gone
    every = sorted(name for name in every if name.startswith(f"{package}."))
    assert [name for name in every if not exists(name)] == []


def exists(name):
    """Whether a library has it: by this name, or where the library itself keeps it."""
    module, _, leaf = name.rpartition(".")
    _, _, rest = module.partition(".")
    places = [module]
    if name.startswith("tensorflow."):
        places.append(f"tensorflow.compat.v1.{rest}".rstrip("."))
        places += [f"tensorflow.python.ops.{part}" for part in ("nn_ops", "nn_impl", "gen_nn_ops")]
    elif name.startswith("keras."):
        places += [f"keras.src.{rest}{part}" for part in ("", ".nn", ".math")]
    return any(hasattr(loaded(place), leaf) for place in places)


# --- time, and texts that nobody writes ----------------------------------------------------------


def test_a_notebook_is_read_in_milliseconds():
    given = list(notebook_cells("ex02"))
    reached._kept.cache_clear()
    times = []
    for _ in range(20):
        start = time.process_time()
        find_forbidden(given, "softmax", tasks("ex02")["softmax"].forbids)
        times.append(time.process_time() - start)
    assert min(times) < 0.005


@pytest.mark.parametrize(
    "source",
    [
        "x = " + " + ".join(["1"] * 5000),
        "x = a" + ".b" * 2000,
        "if 1:\n  x = 1\n" + "elif x:\n  x = 2\n" * 900,
        "x = x\n" * 3000,
        "x = y = x, y\n" * 1000,
        "def f():\n    return f\nx = f()()()\n",
        "x = " + "(" * 300,
        "x = 1 # " + "1" * 2_000_000,
        "\0",
    ],
    ids=lambda source: source[:16],
)
def test_a_text_that_nobody_writes_ends_nothing(source):
    start = time.process_time()
    assert (
        find_forbidden([source, "def softmax(z):\n    return x"], "softmax", ("a.softmax",)) == ""
    )
    assert time.process_time() - start < 5
