"""A small course in place of the real one, and a learner's folder."""

import pytest

from tlcourse.course import content
from tlcourse.files import write


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small course in place of the real one."""
    source = tmp_path / "course"
    for name in ("notebooks/00_start_here.ipynb", "notebooks/03_cnn.ipynb", "exercises/ex01/a.py"):
        write(source / name, f"first edition of {name}".encode())
    write(source / "notebooks/.ipynb_checkpoints/03_cnn-checkpoint.ipynb", b"hidden")
    monkeypatch.setattr(content, "folder", lambda: source)
    return source


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "work"
