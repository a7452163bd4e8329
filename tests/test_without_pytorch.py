"""What a learner without PyTorch, or with a broken one, is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlcourse.course import content

ROOT = Path(__file__).resolve().parents[1]
TORCH = {
    "missing": ("raise ModuleNotFoundError('no torch', name='torch')", "PyTorch is not installed"),
    "without sympy": ("import sympy_is_missing", "PyTorch needs sympy_is_missing, which is not"),
    "without CUDA": ("raise ImportError('libcudnn.so.9: cannot open\\nmore')", "does not start"),
    "no reason": ("raise ImportError", "does not start (ImportError)"),
    "an OSError": ("raise OSError('libc10.so: no such file')", "does not start"),
}


@pytest.mark.parametrize("kind", TORCH)
def test_one_sentence_says_how_to_install_it(kind, tmp_path):
    body, sentence = TORCH[kind]
    (tmp_path / "torch.py").write_text(body)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from tlcourse import pytorch; from tlcourse.files import CourseError\n"
        "for call in (pytorch.require, pytorch.resnet18, pytorch.letters_resnet18):\n"
        "    try: call()\n"
        "    except CourseError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    lines = run.stdout.splitlines()
    assert len(lines) == 3, run.stderr
    assert all(sentence in line and "`make torch`" in line for line in lines)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_torch_of_the_learner_s_own_is_named_and_not_blamed_on_the_installation(kind, tmp_path):
    own = tmp_path / ("torch.py" if kind == "file" else "torch")
    if kind == "file":
        own.write_text("x = 1\n")
    else:
        own.mkdir()
        (own / "__init__.py").write_text("")
    code = "from tlcourse import pytorch; pytorch.require()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
    )
    assert "is in the way of PyTorch" in done.stderr.splitlines()[-1]
    assert own.name in done.stderr.splitlines()[-1]
    assert "rename it" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("import torch", True),
        ("import numpy as np, torch.nn as nn", True),
        ("if True:\n    from torch import nn", True),
        ("import torchvision_names", False),
        ('SCRIPT = """\nimport torch\nfrom torch import nn\n"""', False),
        ("%timeit 1\nimport torchless", False),
        ("%%time\nif 1:\n    !ls\n    import torch", True),
        ("what is this", False),
    ],
)
def test_a_chapter_needs_pytorch_if_a_cell_imports_it_itself(code, needed, tmp_path, monkeypatch):
    monkeypatch.setattr(content, "find_spec", lambda name: None)
    path = tmp_path / "12_other.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [code]}]}), "utf-8")
    assert content.lacks_pytorch(path) == needed


def test_chapter_10_alone_is_left_out_where_pytorch_is_missing(monkeypatch):
    monkeypatch.setattr(content, "find_spec", lambda name: None)
    found = {name[:2] for name, path in content.chapters().items() if content.lacks_pytorch(path)}
    assert found == {"10"}
