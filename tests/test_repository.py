"""The ground: lock, metadata, make, and what importing the package costs."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import SLOWEST

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = {
    name: (ROOT / name).read_text("utf-8")
    for name in ("requirements.lock", "requirements-lecture.lock", "requirements-torch.lock")
}


# --- lock and metadata ---------------------------------------------------------------------------


def locked():
    """Every entry of the locks: name, version, marker, and its lines."""
    for entry in re.split(r"\n(?=\w)", "\n".join(LOCKS.values())):
        if not entry.startswith("#"):
            requirement = Requirement(entry.partition("\\")[0])
            yield requirement, entry


def test_every_locked_package_has_hashes():
    assert [r.name for r, entry in locked() if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_address():
    address = r"\w+://\S+|^ *--(?:extra-)?index-url.*|\bfile:\S+"
    assert [re.findall(address, lock, re.MULTILINE) for lock in LOCKS.values()] == [[]] * 3


def test_the_lock_satisfies_what_the_package_asks_for():
    versions = {}
    for requirement, _ in locked():
        versions.setdefault(canonical(requirement.name), []).append(
            next(iter(requirement.specifier)).version
        )
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    asked = project["dependencies"] + [one for extra in extras.values() for one in extra]
    asked = [one for one in asked if not one.startswith("torch==")]  # its builds differ
    for requirement in map(Requirement, asked + PYPROJECT["build-system"]["requires"]):
        found = versions.get(canonical(requirement.name), [])
        assert found, f"{requirement} is not in the lock: run make lock"
        assert all(requirement.specifier.contains(v) for v in found), f"{requirement}: {found}"


def test_what_an_extra_adds_is_in_no_learners_lock():
    names = {
        name: set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)) for name, lock in LOCKS.items()
    }
    assert "jupyterlab-rise" in names["requirements-lecture.lock"]
    assert names["requirements-torch.lock"] == {"mpmath", "sympy"}
    assert not names["requirements.lock"] & names["requirements-lecture.lock"]
    assert not names["requirements.lock"] & names["requirements-torch.lock"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_one_version_everywhere():
    version = PYPROJECT["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == version
    assert re.search(r"^## \[(\d.*?)\]", changelog, re.MULTILINE)[1] == version


def committed():
    """The files git knows or would take; without git (an unpacked archive), every file."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        paths = [p for p in ROOT.rglob("*") if not {".venv", ".git"} & set(p.parts)]
    else:
        paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [p for p in paths if p.is_file()]


def test_no_committed_file_is_large_but_the_weights():
    large = sorted(str(p.relative_to(ROOT)) for p in committed() if p.stat().st_size > 2_000_000)
    assert large == [
        "tlcourse/weights/efficientnet_lite0.npz",
        "tlcourse/weights/resnet50_letters.npz",
    ]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_of_a_page_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    code = re.findall(r"```.*?```|`[^`\n]+`", (ROOT / page).read_text("utf-8"), re.DOTALL)
    named = set(re.findall(r"(?:^|`|; |&& )make ([a-z][a-z-]*)", "\n".join(code), re.MULTILINE))
    assert named
    assert named <= targets


def test_importing_the_package_is_light():
    heavy = "{'keras', 'tensorflow', 'matplotlib', 'sklearn', 'IPython', 'nbclient', 'nbconvert'}"
    code = f"import sys, tlcourse, tlcourse.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# --- make, with a stand-in for Python that only writes down how it was called --------------------

STAND_IN = """\
#!/bin/sh
echo "${0##*/} $*" >> "$LOG"
case "$*" in
  *" -m venv "*|"-m venv "*) rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  *"--require-hashes"*) [ ! -e "$LOG.cut" ] ;;
  "tests/gpu.py") echo jax ;;
  *pytest*) echo "$KERAS_BACKEND x$TLCOURSE_TOLERANCE [$PYTHONPATH$PIP_TARGET]" >> "$LOG" ;;
esac
"""
FAILING = "#!/bin/sh\nexit 127\n"


@pytest.fixture
def checkout(tmp_path):
    """A folder with what make needs, and a PATH with the tools but no Python."""
    root = tmp_path / "a checkout"
    root.mkdir()
    for name in ("Makefile", "requirements.lock", "requirements-torch.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh", "awk", "cat", "cmp", "mv", "rm", "mkdir", "cp", "touch"):
        (tools / name).symlink_to(shutil.which(name))
    return root


def make(root, *arguments, **environment):
    log = root / "log"
    log.write_text("")
    done = subprocess.run(
        ["make", *arguments],
        cwd=root,
        env={"PATH": str(root.parent / "bin"), "LOG": str(log)} | environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    return done, log.read_text().splitlines()


def install(root, name, text):
    path = root.parent / "bin" / name
    path.write_text(text)
    path.chmod(0o755)


def pip_runs(log):
    return [line for line in log if " -m pip " in line]


def test_without_a_python_that_works_make_says_so_in_one_sentence(checkout):
    install(checkout, "python3.13", FAILING)
    done, _ = make(checkout, "test")
    assert done.returncode != 0
    assert done.stdout == ""
    sentence, last = done.stderr.splitlines()  # make itself adds the last line
    assert sentence.startswith("tlcourse needs Python 3.11, 3.12 or 3.13 with its venv module")
    assert last.startswith("make: ***")
    assert not (checkout / ".venv").exists()


def test_the_first_python_that_works_makes_the_environment_3_11_before_others(checkout):
    install(checkout, "python3.11", FAILING)  # on which all notebooks were run
    install(checkout, "python3.12", STAND_IN)
    install(checkout, "python3.13", STAND_IN)
    done, log = make(checkout, "venv")
    assert done.returncode == 0, done.stderr
    assert "python3.12 -m venv --clear .venv" in log
    assert [("--require-hashes" in run, "-e ." in run) for run in pip_runs(log)] == [
        (True, False),
        (False, True),
    ]


def test_the_second_time_nothing_is_installed(checkout):
    install(checkout, "python3", STAND_IN)
    make(checkout, "venv")
    (checkout / "requirements.lock").touch()
    done, log = make(checkout, "venv")
    assert (done.returncode, done.stdout, pip_runs(log)) == (0, "", [])


def test_a_changed_lock_is_installed_into_the_same_environment(checkout):
    install(checkout, "python3", STAND_IN)
    make(checkout, "venv")
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# renewed\n")
    _, log = make(checkout, "venv")
    assert len(pip_runs(log)) == 2
    assert not any(" -m venv " in line for line in log)


@pytest.mark.parametrize("earlier", ["first", "update"])
def test_after_an_interrupted_installation_make_starts_afresh(checkout, earlier):
    install(checkout, "python3", STAND_IN)
    if earlier == "update":
        make(checkout, "venv")
        with (checkout / "requirements.lock").open("a") as lock:
            lock.write("# renewed\n")
    (checkout / "log.cut").touch()
    done, _ = make(checkout, "venv")
    assert done.returncode != 0
    assert "did not finish" in done.stderr
    (checkout / "log.cut").unlink()
    done, log = make(checkout, "venv")
    assert done.returncode == 0
    assert any(" -m venv --clear " in line for line in log)


def test_an_environment_whose_python_is_gone_is_made_again(checkout):
    install(checkout, "python3", STAND_IN)
    make(checkout, "venv")
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").symlink_to("/nowhere/python")
    done, log = make(checkout, "venv")
    assert done.returncode == 0
    assert any(" -m venv --clear " in line for line in log)


def test_pytorch_is_added_once_its_needs_with_hashes(checkout):
    install(checkout, "python3", STAND_IN)
    done, log = make(checkout, "torch")
    assert done.returncode == 0, done.stderr
    (wanted,) = PYPROJECT["project"]["optional-dependencies"]["torch"]
    locked, again, whole = [run.split(" --quiet ")[1] for run in pip_runs(log)[2:]]
    assert locked == "--require-hashes -r requirements-torch.lock"
    assert again == f"--force-reinstall --no-deps {wanted}"  # also what was half unpacked
    assert whole == wanted
    done, log = make(checkout, "torch")
    assert (done.returncode, done.stdout, pip_runs(log)) == (0, "", [])
    done, log = make(checkout, "venv")
    assert (done.returncode, pip_runs(log)) == (0, [])


def test_pytorch_goes_with_the_environment_and_an_interrupted_installation_is_repeated(checkout):
    install(checkout, "python3", STAND_IN)
    make(checkout, "venv")
    (checkout / "log.cut").touch()
    done, _ = make(checkout, "torch")
    assert done.returncode != 0
    assert "run make torch again" in done.stderr
    (checkout / "log.cut").unlink()
    for _ in range(2):
        done, log = make(checkout, "torch")
        assert len([run for run in pip_runs(log) if "torch==" in run]) == 2
        (checkout / ".venv/.installed").unlink()  # so that the environment is made afresh


def test_another_pytorch_is_wanted_so_it_is_installed(checkout):
    install(checkout, "python3", STAND_IN)
    make(checkout, "torch")
    path = checkout / "pyproject.toml"
    path.write_text(path.read_text("utf-8").replace("torch==2.", "torch==3."), "utf-8")
    _, log = make(checkout, "torch")
    assert any("torch==3." in run for run in pip_runs(log))


def test_settings_of_the_users_shell_do_not_reach_python(checkout):
    install(checkout, "python3", STAND_IN)
    _, log = make(checkout, "unit", PYTHONPATH="/elsewhere", PIP_TARGET="/elsewhere")
    assert log[-1] == "tensorflow x []"


def test_units_and_notebooks_are_tested_in_one_run(checkout):
    install(checkout, "python3", STAND_IN)
    done, log = make(checkout, "test")
    assert done.returncode == 0, done.stderr
    (run,) = [line for line in log if " pytest " in line]
    assert " --nbval " in run
    assert "--durations 20" in run
    assert " --ignore tests/browser tests " in f"{run} "
    assert "python -m tools.notebooks" in [line.strip() for line in log]


def test_what_begins_first_is_a_file_of_tests():
    assert [name for name in SLOWEST if not (ROOT / f"tests/{name}.py").is_file()] == []


def test_the_port_reaches_the_command(checkout):
    install(checkout, "python3", STAND_IN)
    _, log = make(checkout, "lab", "PORT=9999")
    assert log[-1] == "python -m tlcourse lab --port 9999"


def test_on_a_gpu_the_notebooks_run_on_its_backend_with_a_wider_tolerance(checkout):
    install(checkout, "python3", STAND_IN)
    done, log = make(checkout, "test-gpu")
    assert done.returncode == 0, done.stderr
    assert log[-2].startswith("python -m pytest -p tests.nbval_tolerance --nbval ")
    assert log[-1] == "jax x3 []"
