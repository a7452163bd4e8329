"""Keras as the course needs it, whatever an old keras.json or the shell says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlcourse import backend

SHOW = """
from tlcourse import backend
config = backend.keras.config
print(config.image_data_format(), config.floatx(), config.dtype_policy().name, config.epsilon(),
      config.max_epochs(), backend.keras.layers.Conv2D(1, 1).data_format)
"""
NEEDED = "channels_last float32 float32 1e-07 None channels_last"


@pytest.fixture
def start(tmp_path):
    """Import the backend with a keras.json and settings of the shell: its lines, and its error."""

    def call(settings=None, **shell) -> tuple[list[str], str]:
        for number, line in enumerate([settings] if settings is not None else []):
            text = line if isinstance(line, str) else json.dumps(line)
            (tmp_path / "keras.json").write_text(text, encoding="utf-8")
            assert number == 0
        env = {k: v for k, v in os.environ.items() if not k.startswith("KERAS_")}
        done = subprocess.run(
            [sys.executable, "-c", SHOW],
            env=env | {"KERAS_HOME": str(tmp_path)} | shell, capture_output=True, text=True,
        )  # fmt: skip
        error = (done.stderr.strip().splitlines() or [""])[-1] if done.returncode else ""
        return done.stdout.splitlines(), error.removeprefix("tlcourse.files.CourseError: ")

    return call


def test_what_chapters_rely_on_is_overruled_and_one_line_says_so(start):
    old = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-3}
    (sentence, found), error = start(old, KERAS_MAX_EPOCHS="1")
    assert (found, error) == (NEEDED, "")
    assert sentence == (
        "For the course, Keras' settings change: image_data_format to channels_last (it was "
        "channels_first), floatx to float32 (it was float16), epsilon to 1e-07 (it was 0.001), "
        "max_epochs to None (it was 1)."
    )


@pytest.mark.parametrize("settings", [None, "{damaged", {"backend": "tensorflow"}])
def test_sound_settings_and_none_are_not_worth_a_word(start, settings):
    assert start(settings) == ([NEEDED], "")


def test_a_backend_of_an_old_file_that_is_not_here_is_overruled(start, tmp_path):
    (sentence, found), error = start({"backend": ["a"]})
    assert (found, error) == (NEEDED, "")
    assert sentence.startswith(f"Keras runs on tensorflow, for ['a'] in {tmp_path}")


@pytest.mark.parametrize("name", ["theano", "numpy", ["a"]])
def test_whatever_backend_an_old_file_names_keras_is_told_of_one_that_is_here(
    monkeypatch, tmp_path, name
):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": name}), encoding="utf-8")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "")  # so that it is set again afterwards
    sentence = backend._choose_backend()
    assert sentence.startswith(f"Keras runs on tensorflow, for {name!r} in {tmp_path}")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_settings_in_a_home_of_nobody_are_none(monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "~no/keras")
    assert backend.settings_file() == Path("~no/keras/keras.json")
    assert backend._read_settings() == {}


@pytest.mark.parametrize("name", ["nonsense", "numpy", "TensorFlow"])
def test_a_backend_that_the_shell_names_and_that_is_not_here_is_a_sentence(start, name):
    lines, error = start(KERAS_BACKEND=name)
    assert lines == []
    assert error.startswith(f"KERAS_BACKEND is {name!r}, which is not installed or not a ")
    assert error.endswith("or unset it.")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ([1], "it holds no settings"),
        ({"floatx": "bfloat16"}, "floatx is 'bfloat16'"),
        ({"epsilon": 1}, "epsilon is 1,"),
        ({"image_data_format": "th"}, "image_data_format is 'th'"),
    ],
)
def test_a_file_that_keras_cannot_start_with_is_named(start, tmp_path, settings, problem):
    lines, error = start(settings)
    assert lines == []
    assert error.startswith(f"Keras cannot start with its settings in {tmp_path}/keras.json")
    assert problem in error
    assert error.endswith("delete this file, or correct it.")


def test_a_file_that_cannot_be_read_is_named(start, tmp_path):
    (tmp_path / "keras.json").mkdir()
    _, error = start()
    assert error.startswith(f"Keras cannot read {tmp_path}/keras.json (Is a directory)")


def test_what_keras_says_itself_is_part_of_the_sentence(start):
    lines, error = start(KERAS_MAX_EPOCHS="many")
    assert lines == []
    assert error.startswith("Keras does not start (ValueError: invalid literal for int()")
    assert "`tlcourse doctor`" in error
