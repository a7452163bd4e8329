"""What the code imports is declared, and what it patches has an upper bound."""

import ast
import re
import sys
import textwrap
import tomllib
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

OURS = {"tlcourse", "tools", "docs", "benchmarks", "tests", "nbgrader_config"}
OPTIONAL = {"jax", "torch", "torchvision"}  # used where they are installed; nobody must
MADE_UP = {"__main__", "a_package", "mine", "slow"}  # names in a test's answers
# Which extras a folder's code may use, beside the course's own dependencies; the longest path wins.
EXTRAS = {
    "": {"test", "grading", "docs"},  # tests/, tools/, docs/, benchmarks/
    "tlcourse": set(),
    "tlcourse/grading": {"grading"},
    "notebooks": set(),
    "exercises": set(),
    "solutions": set(),
}
# What depends on the inside of a package, so that its next version may break it.
REACHED_INTO = {
    "ipython": "shell.py replaces how it keeps a traceback",
    "keras": "transfer.py reads the private graph of a model",
    "nbclient": "execute.py replaces parts of its client",
    "nbgrader": "gradebook.py replaces one of its functions",
    "nbval": "nbval_tolerance.py replaces its comparison",
}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(extras=()):
    """The requirements of the course and of these extras, by canonical name."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {canonical(r.name): r for r in map(Requirement, lines)}


# --- every import is declared --------------------------------------------------------------------


def imports_of(code):
    """Top-level modules that Python code imports, in its multi-line strings of code too."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            with suppress(SyntaxError, ValueError):  # prose
                yield from imports_of(textwrap.dedent(node.value))


@cache
def sources():
    """Every path of Python code and its code; of a notebook, that of its cells."""
    found = {}
    for folder in ("tlcourse", "tools", "docs", "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            found[path] = path.read_text("utf-8")
    found[ROOT / "nbgrader_config.py"] = (ROOT / "nbgrader_config.py").read_text("utf-8")
    plain = TransformerManager().transform_cell  # without magics
    for folder in ("notebooks", "exercises", "solutions"):
        for path in (ROOT / folder).rglob("*.ipynb"):
            if ".ipynb_checkpoints" not in path.parts:
                cells = nbformat.read(path, as_version=4).cells
                code = [plain(cell.source) for cell in cells if cell.cell_type == "code"]
                found[path] = "\n".join(code)
    return found


def undeclared(sources, providers):
    """Each path and module for which no declared distribution is known."""
    problems = set()
    for path, code in sources.items():
        name = path.relative_to(ROOT).as_posix()
        folder = max((f for f in EXTRAS if not f or name.startswith(f"{f}/")), key=len)
        allowed = declared(EXTRAS[folder])
        for module in set(imports_of(code)) - OURS - OPTIONAL - MADE_UP:
            if module in sys.stdlib_module_names:
                continue
            if not {canonical(d) for d in providers.get(module, [module])} & allowed.keys():
                problems.add(f"{name} imports {module}")
    return sorted(problems)


def test_every_import_is_declared():
    problems = undeclared(sources(), metadata.packages_distributions())
    assert problems == [], "declare what provides these in pyproject.toml, with a lower bound"


@pytest.mark.parametrize(
    ("path", "code", "named"),
    [
        ("tlcourse/a.py", "import yaml", "yaml"),
        ("tlcourse/a.py", "def f():\n    from yaml.nodes import Node", "yaml"),
        ("tlcourse/a.py", "CODE = '''\n    import yaml\n    print(yaml)\n'''", "yaml"),
        ("tlcourse/a.py", "import sqlalchemy", "sqlalchemy"),
        ("notebooks/a.ipynb", "import nbgrader", "nbgrader"),
        ("tools/a.py", "import sympy", "sympy"),
    ],
)
def test_an_import_that_is_not_declared_for_its_folder_is_named(path, code, named):
    providers = {"yaml": ["PyYAML"], "nbgrader": ["nbgrader"], "sqlalchemy": ["SQLAlchemy"]}
    assert undeclared({ROOT / path: code}, providers) == [f"{path} imports {named}"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("tlcourse/a.py", "import os, numpy.linalg\nfrom . import b\nimport torch"),
        ("tlcourse/a.py", "'''Prose that tells\n\nhow to import yaml.\n'''"),
        ("tlcourse/grading/a.py", "import sqlalchemy"),
        ("tools/a.py", "import jupytext"),
    ],
)
def test_a_declared_import_is_accepted(path, code):
    assert undeclared({ROOT / path: code}, {"numpy": ["numpy"]}) == []


# --- bounds --------------------------------------------------------------------------------------


def test_every_dependency_has_a_lower_bound():
    everything = declared(PROJECT["optional-dependencies"]).values()
    without = [str(r) for r in everything if not {">=", "=="} & {s.operator for s in r.specifier}]
    assert without == []


@pytest.mark.parametrize("name", REACHED_INTO)
def test_what_the_course_reaches_into_has_an_upper_bound(name):
    specifier = declared(PROJECT["optional-dependencies"])[name].specifier
    assert {"<", "=="} & {s.operator for s in specifier}, REACHED_INTO[name]
