"""A folder of marks with an empty gradebook, which takes seconds to make."""

import shutil
from pathlib import Path

import pytest

from tlcourse.grading import gradebook


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory) -> Path:
    pytest.importorskip("nbgrader")
    path = tmp_path_factory.mktemp("empty") / "gradebook.db"
    with gradebook._open(path):
        return path


@pytest.fixture
def marks(tmp_path, empty_gradebook) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    shutil.copy(empty_gradebook, folder)
    return folder
