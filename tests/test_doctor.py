"""The doctor: all green on a sound machine; each thing broken is named, with what fixes it."""

import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from importlib import metadata
from pathlib import Path

import pytest

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


def broken(subject: str, message: str, fix: str) -> None:
    found = finding(subject)
    assert not found.ok
    assert message in found.message
    assert fix in found.fix
    assert "\n" not in found.message + found.fix


def doctor_says(capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(["doctor"])
    return (end.value.code or 0, *capsys.readouterr())


def test_a_sound_machine_is_all_green(capsys):
    code, out, err = doctor_says(capsys)
    assert (code, err) == (0, "")
    *findings, last = out.splitlines()
    names = [*doctor._CHECKS]
    names.insert(names.index("Keras") + 1, "GPU")
    assert [line.split(":")[0].split(maxsplit=1) for line in findings] == [
        ["ok", name] for name in names
    ]
    assert last == "Everything that the course needs is here."


def test_a_failed_check_is_told_with_its_fix_and_exit_code_1(capsys, monkeypatch):
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
        "     Fix: mend it [now]",
        "1 check failed.",
    ]


def test_a_check_that_cannot_be_made_is_a_finding(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    broken("packages", "this check failed itself (ModuleNotFoundError", "make venv")


@pytest.mark.parametrize("version", ["3.10.14", "3.14.0"])
def test_another_python(monkeypatch, version):
    monkeypatch.setattr(platform, "python_version", lambda: version)
    broken("Python", f"does not run on {version}", ">=3.11")


def test_packages_that_are_missing_or_too_old(monkeypatch):
    real = metadata.version

    def version(name):
        if name == "keras":
            raise metadata.PackageNotFoundError(name)
        return "1.26.4" if name == "numpy" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    broken("packages", "keras is missing; numpy 1.26.4 is not >=", "' 'numpy>=")


def test_a_backend_that_is_not_here(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    broken("Keras", "KERAS_BACKEND is 'nonsense', which is not installed", "set it to tensorflow")


def test_settings_that_keras_cannot_start_with(places):
    (places / "keras").mkdir()
    (places / "keras/keras.json").write_text('{"floatx": "bfloat16"}')
    broken(
        "Keras", f"{places}/keras/keras.json (floatx is 'bfloat16')", "delete this file, or corr"
    )


def test_settings_that_are_overruled_are_told(places):
    (places / "keras").mkdir()
    (places / "keras/keras.json").write_text('{"image_data_format": "channels_first"}')
    found = finding("Keras")
    assert found.ok
    assert "image_data_format to channels_last (it was channels_first)" in found.message


@pytest.fixture
def settings(monkeypatch):
    """Set these settings of the shell, and unset all others but PYTHONPATH.

    Each that is left costs a start of Keras.
    """

    def only(**values):
        for name in [name for name in os.environ if name.startswith(doctor._SETTINGS)]:
            if name != "PYTHONPATH":
                monkeypatch.delenv(name)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return only


def test_the_setting_that_keeps_keras_from_starting_is_found_by_trying_without_it(settings):
    settings(TF_XLA_FLAGS="--nonsense")
    found = finding("Keras")
    assert not found.ok
    assert found.message.startswith("it does not start (")
    assert found.fix == "unset TF_XLA_FLAGS"


@pytest.mark.parametrize(
    ("spoil", "fix"),
    [
        (["KERAS_A"], "unset KERAS_A"),
        (["XLA_Z"], "unset XLA_Z"),
        (["PYTHON_P"], "unset PYTHON_P"),
        (["KERAS_A", "XLA_Z"], "KERAS_A TF_B TF_C PYTHON_P OMP_D XLA_Z"),  # not one alone
        (["EDITOR_E"], "make venv"),
    ],
)
def test_settings_are_found_wherever_they_stand(monkeypatch, settings, spoil, fix):
    names = ("KERAS_A", "TF_B", "TF_C", "PYTHON_P", "OMP_D", "XLA_Z", "EDITOR_E")
    settings(**dict.fromkeys(names, "1"))
    code = f"import os, sys; sys.exit(any(n in os.environ for n in {spoil}))"
    monkeypatch.setattr(doctor, "_ASK_KERAS", code)
    assert fix in finding("Keras").fix


def test_a_module_of_pythonpath_that_breaks_keras(settings, places):
    (places / "torch.py").write_text("raise ImportError('no torch here')")
    paths = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(places)])
    settings(PYTHONPATH=paths, KERAS_BACKEND="torch")
    found = finding("Keras")
    assert not found.ok
    assert "no torch here" in found.message
    installed = Path(sysconfig.get_path("purelib"), "torch").is_dir()  # then that starts instead
    assert found.fix == ("unset PYTHONPATH" if installed else "unset KERAS_BACKEND")
    (places / "scipy.py").touch()
    broken("files", f"{places}/scipy.py", "unset PYTHONPATH, which names their folder, or rename")


def test_a_backend_that_hangs_or_crashes(monkeypatch):
    monkeypatch.setattr(doctor, "_TIMEOUT", 0.2)
    monkeypatch.setattr(doctor, "_ASK_KERAS", "import time; time.sleep(20)")
    broken("Keras", "no answer within 0.2 seconds", "make venv")
    monkeypatch.setattr(doctor, "_TIMEOUT", 200)
    monkeypatch.setattr(doctor, "_ASK_KERAS", "import os; os.abort()")
    broken("Keras", "it ended with code -6", "make venv")


# --- the current folder ------------------------------------------------------------------------

HIDING = ["random.py", "numpy.py", "token.py", "tempfile.py", "keras/__init__.py", "json.py"]


def test_no_check_imports_from_the_current_folder_and_what_hides_a_module_is_named(
    monkeypatch, places
):
    folder = places / "here"
    for name in HIDING:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"open({str(places / 'imported')!r}, 'w')")
    (folder / "mine.py").touch()
    (folder / "scipy").mkdir()  # without an __init__.py it hides nothing
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", "") + os.pathsep)  # "here, too"
    assert finding("Keras").ok
    assert finding("kernel").ok
    assert not (places / "imported").exists()
    found = finding("files")
    assert not found.ok
    assert "and 1 more" in found.message
    assert f"{folder}/keras, " in found.message
    assert "mine" not in found.message + found.fix
    assert found.fix.startswith("rename them")


def test_what_hides_a_module_beside_the_learner_s_notebooks_is_named(monkeypatch, places):
    monkeypatch.chdir(places)
    for part in ("notebooks", "exercises/ex02"):
        (places / "tlcourse-work" / part).mkdir(parents=True)
    assert finding("files").ok
    (places / "tlcourse-work/exercises/ex02/scipy.py").touch()
    broken("files", "ex02/scipy.py", "rename them")


# --- the graphics card, and the kernel ---------------------------------------------------------


@pytest.mark.parametrize(
    ("gpus", "driver", "message"),
    [(0, None, "needs none"), (2, None, "jax sees 2"), (0, "smi", "jax sees no GPU")],
)
def test_a_gpu_is_told_and_its_absence_is_no_failure(monkeypatch, gpus, driver, message):
    monkeypatch.setattr(doctor, "_ASK_KERAS", f"""print('["3.15.1", "jax", {gpus}]')""")
    monkeypatch.setattr(shutil, "which", lambda name: driver)
    keras, gpu = doctor._keras("Keras")
    assert keras.ok
    assert gpu.ok
    assert message in gpu.message


def test_keras_on_pytorch_which_lists_no_devices(monkeypatch):
    """A stand-in for PyTorch: Keras has no `list_devices` there."""
    from types import SimpleNamespace

    from tlcourse import backend

    torch = SimpleNamespace(cuda=SimpleNamespace(device_count=lambda: 2))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(backend.keras.backend, "backend", lambda: "torch")
    monkeypatch.setattr(backend.keras.distribution, "list_devices", lambda: None.list_devices())
    assert backend.gpus() == 2
    assert "backend.gpus()" in doctor._ASK_KERAS


def test_a_kernel_that_does_not_start(monkeypatch, places):
    spec = places / "data/kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["/nowhere/python", "-m", "x"], "display_name": "", "language": ""}')
    monkeypatch.setenv("JUPYTER_PATH", str(places / "data"))
    broken("kernel", "/nowhere/python", f"delete {spec.parent}, which stands before")
    assert finding("kernel").fix.endswith(", or unset JUPYTER_PATH")


def test_a_kernel_that_crashes(monkeypatch):
    monkeypatch.setattr(doctor, "_ASK_KERNEL", "import os; os.abort()")
    broken("kernel", "it ended with code -6", "-m ipykernel install --sys-prefix")


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
    broken("disk", "0.3 GB are free in ", "tlcourse fetch --remove --all")


def test_a_disk_without_room_for_temporary_files(monkeypatch, places):
    small = shutil.disk_usage("/")._replace(free=3e7)
    real = shutil.disk_usage
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(places / "tmp"))
    (places / "tmp").mkdir()
    at = lambda path: small if str(path).endswith("/tmp") and len(str(path)) > 4 else real(path)  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", at)
    broken("disk", f"0.0 GB are free in {places}/tmp", "let TMPDIR name")

    def full():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", full)
    broken("disk", "no folder for temporary files", "let TMPDIR name")


@pytest.mark.parametrize("home", ["/proc/1/nowhere", ""])
def test_a_home_that_cannot_be_written_is_told_and_does_no_harm(monkeypatch, home):
    for name in os.environ:
        if name.startswith(("JUPYTER", "XDG_", "IPYTHON", "MPLCONFIG", "KERAS_HOME")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", home)
    found = finding("folders")
    assert found.ok
    assert "so `tlcourse lab` and `tlcourse run` write elsewhere" in found.message


def test_a_port_that_is_taken(monkeypatch):
    from tlcourse.course import lab

    monkeypatch.setattr(lab, "free_port", lambda port: port)
    assert finding("port").message == "8888 is free"
    monkeypatch.setattr(lab, "free_port", lambda port: port + 3)
    assert finding("port").ok
    assert finding("port").message == "8888 is taken, so `tlcourse lab` uses 8891"


def test_an_own_cache_that_cannot_be_written(places):
    (places / "cache").write_text("a file")
    broken("cache", "you cannot write to ", "make it a folder that you may write to")


def test_a_cache_that_is_not_there(monkeypatch, places):
    monkeypatch.setenv("TLCOURSE_HOME", str(places / "gone"))
    broken("cache", "gone (TLCOURSE_HOME), which nobody can read (No such file", "unset it")
    monkeypatch.setenv("TLCOURSE_HOME", str(places / "file"))
    (places / "file").touch()
    broken("cache", "file (TLCOURSE_HOME), which nobody can read (Not a directory", "unset it")


def test_a_read_only_cache_is_fine(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = finding("cache")
    assert found.ok
    assert "which is read-only; what is yours goes to" in found.message


def test_public_data_that_is_damaged_and_that_is_not_here(places):
    assert finding("public").message == f"not fetched: {', '.join(download.SOURCES)}"
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


def test_a_kernel_on_which_each_submission_needs_a_sandbox_of_its_own_is_named(monkeypatch):
    from tlcourse.grading import sandbox

    monkeypatch.setattr(sandbox, "_RIGHTS", ())
    found = finding("sandbox")
    if "there is none" in found.message:
        pytest.skip(found.message)
    assert found.ok
    assert "each gets a sandbox of its own, which is slow" in found.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "it is not here; `make torch` adds it"),
        ("__version__ = '2.13.0+cpu'", "2.13.0+cpu is here"),
        (
            "raise ImportError('no libcudnn')",
            "it does not start (ImportError: no lib",
        ),
    ],
)
def test_pytorch_is_optional_and_its_state_is_said(tmp_path, monkeypatch, body, message):
    if body:
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch/__init__.py").write_text(body)
        (tmp_path / "torch/optim.py").write_text("")
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: body)
    paths = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", paths)
    found = finding("PyTorch")
    assert found.ok
    assert found.message.startswith(message)
    assert "\n" not in found.message
