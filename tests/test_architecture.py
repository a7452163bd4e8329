"""The house: imports run up the list of rooms, never down, and never in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import tlcourse

PACKAGE = Path(tlcourse.__file__).parent

# Each room may use those above it, and within a room its modules may use each other. A module in
# a room of its own is named; a package stands for all of its modules but those named elsewhere.
ROOMS = [
    "files",
    "arguments",
    "progress",
    "backend",
    "autodiff",
    "labels",
    "regression",
    "transferability",
    "losses",
    "optimizers",
    "parallel",
    "data",
    "plotting",
    "quiz",
    "widget",
    "camera",
    "sketch",
    "weights",
    "efficientnet",
    "models",
    "training",
    "budgets",
    "transfer",
    "evaluation",
    "rivals",
    "report",
    "pytorch",
    "checks",
    "course",
    "grading",
    "doctor",
    "cli",
    "__main__",
]
# `tlcourse` itself hands `exercise` on, when it is called.
HANDED_ON = {"tlcourse": {"tlcourse.checks"}}
NUMPY_ONLY = ("data", "losses", "optimizers", "parallel", "checks.asking", "weights", "plotting")


def test_the_list_of_modules_for_developers_has_them_all():
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text("utf-8")
    listed = page.partition("## Where a thing lives")[2].partition("\n## ")[0]
    own = {path.name for path in PACKAGE.glob("[a-z]*.py")}
    own |= {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert [name for name in sorted(own) if name not in listed] == []


def imports_of(source: str, module: str) -> set[str]:
    """The modules of the package that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] == "tlcourse"}


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module by its dotted name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return {name: path for name, path in found.items() if "_content" not in name}


def graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """The modules that each module imports; a package is its `__init__`."""
    arrows = {}
    for name, source in sources.items():
        used = {u for u in imports_of(source, name) if u in sources and u != name}
        # `from tlcourse.data import photos` names the package too, but uses the module.
        arrows[name] = used - {u for u in used if any(v.startswith(f"{u}.") for v in used)}
        arrows[name] -= HANDED_ON.get(name, set())
    return arrows


def room(module: str) -> str:
    """The room of a module: the first part of its name below the package."""
    return module.split(".")[1] if "." in module else ""


def breaches(arrows: dict[str, set[str]]) -> list[str]:
    """Who imports from a room below its own, a sentence each."""
    floor = {name: number for number, name in enumerate(ROOMS)}
    return [
        f"{name} imports {used}: {room(used)} lies below {room(name)}"
        for name, found in sorted(arrows.items())
        for used in sorted(found)
        if room(name) and room(used) and floor[room(used)] > floor[room(name)]
    ]


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, or nothing."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def read() -> dict[str, str]:
    return {name: path.read_text("utf-8") for name, path in modules().items()}


def test_every_module_has_a_room():
    assert {room(name) for name in modules()} - {""} == set(ROOMS)


def test_no_import_runs_down_the_list():
    assert breaches(graph(read())) == []


def test_no_modules_import_each_other_in_a_circle():
    assert circle(graph(read())) == []


@pytest.mark.parametrize("name", NUMPY_ONLY)
def test_these_rooms_never_import_keras(name):
    for module, source in read().items():
        if module.startswith(f"tlcourse.{name}"):
            tree = ast.parse(source)
            nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
            names = {getattr(n, "module", None) or n.names[0].name for n in nodes}
            used = {"keras", "tensorflow", "tlcourse.backend"} & names
            assert not used, f"{module} imports {used}"


def test_a_breach_and_a_circle_are_named():
    sources = dict.fromkeys(("tlcourse", "tlcourse.data", "tlcourse.course"), "")
    sources |= {
        "tlcourse.data.photos": "def read():\n    from tlcourse.course import pages\n",
        "tlcourse.course.pages": "from tlcourse.course.slides import deck\n",
        "tlcourse.course.slides": "import tlcourse.course.pages\n",
    }
    assert breaches(graph(sources)) == [
        "tlcourse.data.photos imports tlcourse.course.pages: course lies below data"
    ]
    assert set(circle(graph(sources))) == {"tlcourse.course.pages", "tlcourse.course.slides"}


def test_nothing_outside_the_package_is_imported_by_it():
    """`tools`, `tests` and `benchmarks` are not in the wheel."""
    for name, source in read().items():
        for node in ast.walk(ast.parse(source)):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [module or ""]
            assert not {n.split(".")[0] for n in names} & {"tools", "tests", "benchmarks"}, name
