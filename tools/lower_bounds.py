"""Run chapter 00 from the built wheel, with the oldest NumPy, Pillow and SciPy that it declares.

`python -m tools.lower_bounds` builds the wheel and installs it into a new environment, beside the
lower bounds of the three as pyproject.toml has them. All other packages come from the environment
that runs this command: a path file puts them behind the new environment's own. It needs the
internet, 400 MB in the temporary folder, and a minute.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
import venv
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
MODULES = {"numpy": "numpy", "pillow": "PIL", "scipy": "scipy"}

# Run in the new environment: a kernel there says what it has, because there the chapter runs.
ASK = f"""
import nbformat, sys
from tlcourse.course.execute import execute

cell = nbformat.v4.new_code_cell('''
import importlib, importlib.metadata, os, sys
for name, module in {MODULES | {"tlcourse": "tlcourse"}}.items():
    path = os.path.realpath(importlib.import_module(module).__file__)
    own = path.startswith(os.path.realpath(sys.prefix))
    print(name, importlib.metadata.version(name), "new" if own else "behind")
''')
notebook = nbformat.v4.new_notebook(cells=[cell])
print(execute(notebook, cwd=sys.argv[1], cell_timeout=300).cells[0].outputs[0].text, end="")
"""


def main() -> None:
    """Print what the chapter ran with and the time; end with a sentence if something fails."""
    start = time.monotonic()
    bounds = lower_bounds((ROOT / "pyproject.toml").read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="tlcourse-bounds-") as folder:
        print("Building the wheel, and installing it with", *bounds, "...", flush=True)
        python = make_environment(Path(folder), bounds)
        # Jupyter's templates lie in the locked environment, outside of its packages.
        data = Path(sysconfig.get_path("data"), "share", "jupyter")
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        env |= {"JUPYTER_PATH": str(data), "PYTHONUTF8": "1"}
        asked = [python, "-c", ASK, folder]
        answer = run(asked, "A kernel", cwd=folder, env=env, stdout=subprocess.PIPE)
        print(answer, end="", flush=True)
        if problem := unlike(answer, bounds):
            sys.exit(problem)
        chapter = [python, "-m", "tlcourse", "run", "00", "--out", "results"]
        run(chapter, "Chapter 00", cwd=folder, env=env)
    print(f"Chapter 00 ran on the lower bounds, after {time.monotonic() - start:.0f} s in all.")


def lower_bounds(pyproject: str) -> list[str]:
    """Pins such as `numpy==2.1`, made from the `>=` of the dependencies."""
    declared = map(Requirement, tomllib.loads(pyproject)["project"]["dependencies"])
    specifiers = {requirement.name: requirement.specifier for requirement in declared}
    pins = []
    for name in MODULES:
        bounds = [s.version for s in specifiers.get(name, ()) if s.operator == ">="]
        if len(bounds) != 1:
            sys.exit(f"pyproject.toml has no lower bound for {name}: declare it with >=.")
        pins.append(f"{name}=={bounds[0]}")
    return pins


def make_environment(folder: Path, bounds: list[str]) -> str:
    """Make an environment in `folder` with the wheel and these pins; returns its Python."""
    paths = {"base": str(folder / "environment"), "platbase": str(folder / "environment")}
    venv.create(paths["base"], symlinks=os.name != "nt")
    scripts, own = (Path(sysconfig.get_path(p, "venv", paths)) for p in ("scripts", "purelib"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    run([*pip, *build], "The wheel")
    (wheel,) = folder.glob("tlcourse-*.whl")
    install = ["install", "--no-deps", "--only-binary", ":all:", "--target", str(own)]
    run([*pip, *install, str(wheel), *bounds], "The installation, which needs the internet,")
    # Python reads path files after the folder that they lie in is on its path, so the packages
    # named here come last; and it reads no path files in there, so the checkout stays out of it.
    (own / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return str(scripts / ("python.exe" if os.name == "nt" else "python"))


def run(command: list[str], what: str, **options) -> str | None:
    """What a command prints, if asked for; ends with a sentence if it fails."""
    done = subprocess.run(command, text=True, **options)
    if done.returncode:
        sys.exit(f"{what} failed with exit code {done.returncode}: see above.")
    return done.stdout


def unlike(answer: str, bounds: list[str]) -> str | None:
    """What a kernel's answer has that it should not have, in a sentence."""
    found = {name: (version, where) for name, version, where in map(str.split, answer.splitlines())}
    for name, bound in (pin.split("==") for pin in bounds):
        version, where = found[name]
        if Version(version) != Version(bound) or where != "new":
            return f"The kernel has {name} {version}, and should have {bound} of its own."
    if found["tlcourse"][1] != "new":
        return "The kernel has the checkout, and should have the wheel."
    return None


if __name__ == "__main__":
    main()
