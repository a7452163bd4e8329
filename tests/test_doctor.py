"""The doctor: all green on a sound machine; each thing broken is named, with its cure."""

import os
import platform
import shutil
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from tlcourse import cli, doctor, weights
from tlcourse.data import download


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("TLCOURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "home").mkdir()
    return tmp_path


def finding(subject: str) -> doctor.Finding:
    """What the one check says, of several findings the first."""
    name = next(name for name in doctor._CHECKS if name.startswith(subject))
    return doctor._make((name, doctor._CHECKS[name]))[0]


def broken(subject: str, told: str, cure: str) -> None:
    found = finding(subject)
    assert not found.ok
    assert told in found.told
    assert cure in found.cure
    assert "\n" not in found.told + found.cure


def doctor_says(capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(["doctor"])
    return (end.value.code or 0, *capsys.readouterr())


def test_a_sound_machine_is_all_green(capsys):
    code, out, err = doctor_says(capsys)
    assert (code, err) == (0, "")
    *findings, last = out.splitlines()
    assert [line.split(":")[0].split(maxsplit=1) for line in findings] == [
        ["ok", name] for name in ("Python", "packages", "Keras", "GPU", *list(doctor._CHECKS)[3:])
    ]
    assert last == "All is well."


def test_a_failed_check_is_told_with_its_cure_and_exit_code_1(capsys, monkeypatch):
    checks = {
        "one": lambda subject: [doctor.Finding(subject, True, "fine")],
        "two": lambda subject: [doctor.Finding(subject, False, "bad", "mend it [now]")],
    }
    monkeypatch.setattr(doctor, "_CHECKS", checks)
    code, out, err = doctor_says(capsys)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "ok   one: fine",
        "FAIL two: bad",
        "     Cure: mend it [now]",
        "1 of the checks failed.",
    ]


def test_a_check_that_cannot_be_made_is_a_finding(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    broken("packages", "could not be checked (ModuleNotFoundError", "make venv")


@pytest.mark.parametrize("version", ["3.10.14", "3.14.0"])
def test_another_python(monkeypatch, version):
    monkeypatch.setattr(platform, "python_version", lambda: version)
    broken("Python", f"{version} does not suit", ">=3.11")


def test_packages_that_are_missing_or_too_old(monkeypatch):
    real = metadata.version

    def version(name):
        if name == "keras":
            raise metadata.PackageNotFoundError(name)
        return "1.26.4" if name == "numpy" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    declared = map(Requirement, metadata.requires("tlcourse"))
    keras = next(str(r) for r in declared if r.name == "keras")
    broken("packages", "keras is missing; numpy 1.26.4 is not >=", f"'{keras}' 'numpy>=")


@pytest.mark.parametrize("backend", ["torch", "nonsense"])
def test_a_backend_that_does_not_start(monkeypatch, places, backend):
    (places / "torch.py").write_text("raise ImportError('no torch here')")
    monkeypatch.setenv("PYTHONPATH", str(places))
    monkeypatch.setenv("KERAS_BACKEND", backend)
    broken("Keras", "does not start (", f"set KERAS_BACKEND (now '{backend}') to tensorflow")


def test_a_backend_that_hangs_or_crashes(monkeypatch):
    monkeypatch.setattr(doctor, "_PATIENCE", 0.2)
    monkeypatch.setattr(doctor, "_ASK_KERAS", "import time; time.sleep(20)")
    broken("Keras", "no answer within 0.2 seconds", "make venv")
    monkeypatch.setattr(doctor, "_PATIENCE", 20)
    monkeypatch.setattr(doctor, "_ASK_KERAS", "import os; os.abort()")
    broken("Keras", "it ended with code -6", "make venv")


@pytest.mark.parametrize(
    ("gpus", "driver", "told"),
    [(0, None, "needs none"), (2, None, "2, seen by jax"), (0, "smi", "jax sees no GPU")],
)
def test_a_gpu_is_told_and_its_absence_is_no_failure(monkeypatch, gpus, driver, told):
    monkeypatch.setattr(doctor, "_ASK_KERAS", f"print('3.15.1 jax {gpus}')")
    monkeypatch.setattr(shutil, "which", lambda name: driver)
    keras, gpu = doctor._keras("Keras")
    assert keras.ok
    assert gpu.ok
    assert told in gpu.told


def test_a_kernel_that_does_not_start(monkeypatch, places):
    spec = places / "data/kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["/nowhere/python", "-m", "x"], "display_name": "", "language": ""}')
    monkeypatch.setenv("JUPYTER_PATH", str(places / "data"))
    broken("kernel", "/nowhere/python", "-m ipykernel install --sys-prefix")


def test_a_kernel_that_starts_the_second_time_is_fine(monkeypatch, places):
    once = f"import os, sys; os.mkdir({str(places / 'tried')!r})"
    twice = f"try: {once}\nexcept FileExistsError: print(sys.prefix)\nelse: sys.exit(1)"
    monkeypatch.setattr(doctor, "_ASK_KERNEL", twice)
    assert finding("kernel").ok


def test_a_kernel_of_another_environment(monkeypatch, places):
    monkeypatch.setattr(doctor, "_ASK_KERNEL", f"print({str(places)!r})")
    broken("kernel", f"another environment, {places}", "-m ipykernel install --sys-prefix")


def test_widgets_that_jupyterlab_lacks(monkeypatch, places):
    import jupyter_core.paths

    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda *parts: [str(places)])
    broken("widgets", "cannot show them", "jupyterlab_widgets")


def test_a_full_disk(monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=3e8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    broken("disk", "0.3 GB free in ", "tlcourse fetch --remove --all")


def test_an_own_cache_that_cannot_be_written(places):
    (places / "cache").write_text("a file")
    broken("cache", "your own, cannot be written", "make it a folder that you may write to")


def test_a_cache_that_is_not_there(monkeypatch, places):
    monkeypatch.setenv("TLCOURSE_HOME", str(places / "gone"))
    broken("cache", "gone (TLCOURSE_HOME) cannot be read (No such file", "unset it")
    monkeypatch.setenv("TLCOURSE_HOME", str(places / "file"))
    (places / "file").touch()
    broken("cache", "file (TLCOURSE_HOME) cannot be read (Not a directory", "unset it")


def test_a_read_only_cache_is_fine(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = finding("cache")
    assert found.ok
    assert "read-only; what is yours goes to" in found.told


def test_public_data_that_is_damaged_and_that_is_not_here(places):
    assert finding("public").told == f"not fetched: {', '.join(download.SOURCES)}"
    path = places / "home/mnist/mnist.npz"
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    broken("public", "damaged: mnist; not fetched: fashion_mnist", "`tlcourse fetch mnist`")


@pytest.mark.parametrize("damage", ["missing", "truncated"])
@pytest.mark.parametrize(
    ("name", "maker"), [("FILE", "tools.pretrain"), ("PHOTOS", "tools.convert_weights")]
)
def test_damaged_weights_are_told(damage, name, maker, tmp_path, monkeypatch):
    original = getattr(weights, name)
    file = tmp_path / original.name
    shutil.copy(original.with_suffix(".json"), tmp_path)
    if damage == "truncated":
        file.write_bytes(original.read_bytes()[:1000])
    monkeypatch.setattr(weights, name, file)
    broken("the course's weights", file.name, maker)
