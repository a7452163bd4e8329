"""What NB=… means."""

import json

import pytest

from tlcourse.course import content
from tools.notebooks import main, matching

NAMES = [
    "00_start_here",
    "03_cnn_from_scratch",
    "10_resnet18",
    "ex02_cross_entropy",
    "ex10_resnet18",
]


@pytest.mark.parametrize(
    "wanted",
    ["3", "03", "003", "03_cnn", "03_cnn_from_scratch", "03_cnn_from_scratch.ipynb",
     "notebooks/03_cnn_from_scratch.ipynb"],
)  # fmt: skip
def test_a_chapter_by_its_number_name_or_file(wanted):
    assert matching([wanted], NAMES) == ["03_cnn_from_scratch"]


@pytest.mark.parametrize(
    "wanted", ["ex2", "ex02", "EX02", "solutions/ex02/ex02_cross_entropy.ipynb"]
)
def test_a_set_by_its_name_or_file(wanted):
    assert matching([wanted], NAMES) == ["ex02_cross_entropy"]


def test_ten_is_neither_one_nor_zero():
    assert matching(["10", "0"], NAMES) == ["00_start_here", "10_resnet18"]


def test_without_a_name_all_are_meant():
    assert matching([], NAMES) == NAMES


@pytest.mark.parametrize("wanted", ["1", "2", "ex3", "cnn", "", "03_rnn", "³", "-3"])
def test_what_there_is_not_is_refused_with_what_there_is(wanted):
    with pytest.raises(ValueError, match=r"There is no notebook .*; there are: 00_start_here, 03_"):
        matching(["3", wanted], NAMES)


def test_the_command_prints_paths_for_make(capsys, monkeypatch):
    monkeypatch.setattr(content, "find_spec", lambda name: "here")  # PyTorch
    assert main(["3", "ex2"]) == 0
    paths = "notebooks/03_cnn_from_scratch.ipynb solutions/ex02/ex02_cross_entropy.ipynb\n"
    assert capsys.readouterr().out == paths
    assert main([]) == 0
    names = [path.rpartition("/")[2][:2] for path in capsys.readouterr().out.split()]
    seconds = {one.number: one.seconds for one in content.described_chapters()}
    assert names[0] == max(seconds, key=seconds.get), "the longest come first"
    took = [seconds[name] for name in names if name in seconds]
    assert took == sorted(took, reverse=True)
    assert set(names) == {*(f"{n:02}" for n in range(12)), "ex"}
    assert main(["99"]) == 2
    assert capsys.readouterr().err.startswith("There is no notebook '99'")


@pytest.fixture
def two(tmp_path):
    """A folder with a chapter that needs PyTorch, and one that only speaks of it."""
    sources = {
        "03_cnn": ["import keras", "'import torch'  # not here"],
        "10_resnet18": ["from tlcourse import pytorch\n", "if True:\n    import torch.nn as nn\n"],
    }
    for name, cells in sources.items():
        made = [{"cell_type": "code", "source": [text]} for text in cells]
        made.append({"cell_type": "markdown", "source": ["import torch"]})
        path = tmp_path / f"notebooks/{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"cells": made}))
    return tmp_path


def test_without_pytorch_what_needs_it_is_left_out_with_a_line(two, monkeypatch, capsys):
    monkeypatch.setattr(content, "find_spec", lambda name: None)
    assert main([], two) == 0
    said = capsys.readouterr()
    assert said.out == "notebooks/03_cnn.ipynb\n"
    assert said.err == "Not run: 10_resnet18, for PyTorch is not installed (make torch).\n"
    assert main(["10"], two) == 2
    assert capsys.readouterr().err == "10_resnet18 needs PyTorch: run make torch first.\n"


def test_with_pytorch_all_are_run(two, monkeypatch, capsys):
    monkeypatch.setattr(content, "find_spec", lambda name: "here")
    assert main([], two) == 0
    assert set(capsys.readouterr().out.split()) == {
        "notebooks/03_cnn.ipynb",
        "notebooks/10_resnet18.ipynb",
    }
