import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.nbval_tolerance import Output

ROOT = Path(__file__).resolve().parents[1]


def equal(stored, computed, **tolerance):
    return Output(stored, **tolerance) == Output(computed, **tolerance)


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        ("accuracy 0.8123", "accuracy 0.8124"),
        ("[ 0.5  -0.25]", "[ 0.5001 -0.25  ]"),
        ("[ 0.0000001 1.]", "[-0.0000001 1.]"),
        ("[1. 2.]", "[0.9999999 2.]"),
        ("<td>0.81234</td>", "<td>0.81239</td>"),
        ("1,797.01 images", "1,797.02 images"),
        ("loss −1.5000", "loss −1.5001"),
        ("2.5e-08", "2.4e-08"),
        ("<f at 0x7f01>", "<f at 0x55aa>"),
        ("took 1.2 s, 35ms/step", "took 900 ms, 4ms/step"),
        ("100%|████  | 5/5 [00:01<00:00, 9.1it/s]", "100%|███████| 5/5 [00:09<00:00, 2.2it/s]"),
        ("on cpu:0 in /home/a/b.py", "on CUDA:0 in /Users/c/d.py"),
        ("\x1b[1m5\x1b[0m", "5"),
        ("nan", "nan"),
    ],
)
def test_what_another_machine_may_change_is_equal(stored, computed):
    assert equal(stored, computed)
    assert not Output(stored) != Output(computed)  # noqa: SIM202  (as nbval asks)


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        ("accuracy 0.81", "accuracy 0.82"),
        ("accuracy 0.81", "precision 0.81"),
        ("1000 images", "1001 images"),
        ("in all 1000. Done", "in all 1001. Done"),
        ("(28, 28, 1)", "(28, 28, 3)"),
        ("1,797 images", "1,798 images"),
        ("conv1 0.5", "conv2 0.5"),
        ("Keras 3.15.1", "Keras 3.15.2"),
        ("1 2", "12"),
        ("0.5 0.5", "0.5"),
        ("0.5", "nan"),
        ("-0.5", "0.5"),
        ("3-4", "3-5"),
        ("0.5", ""),
        ("<b>0.5</b>", "<i>0.5</i>"),
    ],
)
def test_a_changed_number_or_word_differs(stored, computed):
    assert not equal(stored, computed)
    assert Output(stored) != Output(computed)


def test_a_cells_own_tolerance_is_for_the_number_as_printed():
    assert equal("0.56", "0.61", atol=0.05)
    assert not equal("0.56", "0.62", atol=0.05)
    assert equal("56 %", "61 %", atol=5)
    assert not equal("56 %", "61 %", atol=0.05)
    assert not equal("conv1 0.56", "conv2 0.56", atol=5)
    assert not equal("Keras 3.15.1", "Keras 3.16.1", atol=5)
    assert not equal("nan", "0.56", atol=5)


def test_the_factor_widens_every_tolerance():
    assert not equal("1.000", "1.002")
    assert equal("1.000", "1.002", factor=3)
    assert not equal("0.5", "0.6", atol=0.05)
    assert equal("0.5", "0.6", atol=0.05, factor=3)


# Source, stored output, tags; the name says what must become of it.
CELLS = {
    "same passes": ("print('a', 0.5)", "a 0.5\n", []),
    "jitter passes": ("print('a', 0.50001)", "a 0.5\n", []),
    "html jitter passes": (
        "from IPython.display import HTML, display\ndisplay(HTML('<b>0.50001</b>'))",
        {"text/html": "<b>0.5</b>", "text/plain": "<IPython.core.display.HTML object>"},
        [],
    ),
    "result jitter passes": ("0.50001", {"text/plain": "0.5"}, []),
    "tagged within passes": ("print(0.55)", "0.5\n", ["atol-0.05"]),
    "ignored passes": ("print(7)", "1\n", ["nbval-ignore-output"]),
    "wrong number fails": ("print('a', 0.6)", "a 0.5\n", []),
    "wrong count fails": ("print(1000)", "1001\n", []),
    "html number fails": (
        "display(HTML('<b>0.6</b>'))",
        {"text/html": "<b>0.5</b>", "text/plain": "<IPython.core.display.HTML object>"},
        [],
    ),
    "changed text fails": ("print('b', 0.5)", "a 0.5\n", []),
    "missing output fails": ("a = 1", "a 0.5\n", []),
    "new output fails": ("print('a')", None, []),
    "tagged outside fails": ("print(0.56)", "0.5\n", ["atol-0.05"]),
    "tag without number fails": ("print(1)", "1\n", ["atol-much"]),
    "error fails": ("1 / 0", None, []),
}


def run_nbval(folder, **environment):
    """Run nbval as `make nbval` does; returns its text and {name of a cell: message or ""}."""
    notebook = new_notebook()
    for number, (source, stored, tags) in enumerate(CELLS.values(), start=1):
        if stored is None:
            outputs = []
        elif isinstance(stored, str):
            outputs = [new_output("stream", name="stdout", text=stored)]
        else:
            outputs = [new_output("display_data", data=stored)]
        notebook.cells.append(
            new_code_cell(source, outputs=outputs, execution_count=number, metadata={"tags": tags})
        )
    nbformat.write(notebook, folder / "cells.ipynb")
    options = "--nbval --nbval-current-env --nbval-cell-timeout 400 --color no --junit-xml r.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.nbval_tolerance", *options.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    cases = {}
    if (folder / "r.xml").exists():
        for name, case in zip(
            CELLS, ElementTree.parse(folder / "r.xml").iter("testcase"), strict=True
        ):
            failure = case.find("failure")
            cases[name] = "" if failure is None else failure.text
    return done.stdout + done.stderr, cases


@pytest.fixture(scope="module")
def nbval(tmp_path_factory):
    return run_nbval(tmp_path_factory.mktemp("nbval"))


@pytest.mark.parametrize("name", CELLS)
def test_under_nbval_a_cell_with(name, nbval):
    message = nbval[1][name]
    assert bool(message) == name.endswith("fails"), message


def test_a_failure_names_the_numbers_and_the_tolerance(nbval):
    assert "stored 0.5, computed 0.6, may differ by 0.000501" in nbval[1]["wrong number fails"]
    assert "'atol-much' needs a positive number" in nbval[1]["tag without number fails"]


def test_kernels_start_without_a_warning(nbval):
    assert "encryption" not in nbval[0]


def test_a_tolerance_that_is_no_factor_is_refused_in_one_sentence(tmp_path):
    text, cases = run_nbval(tmp_path, TLCOURSE_TOLERANCE="wide")
    assert not cases
    assert text.strip() == (
        "ERROR: TLCOURSE_TOLERANCE=wide is not a positive number: give a factor such as 3."
    )
