"""What NB=… means."""

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


def test_the_command_prints_paths_for_make(capsys):
    assert main(["3", "ex2"]) == 0
    paths = "notebooks/03_cnn_from_scratch.ipynb solutions/ex02/ex02_cross_entropy.ipynb\n"
    assert capsys.readouterr().out == paths
    assert main([]) == 0
    names = [path.rpartition("/")[2][:2] for path in capsys.readouterr().out.split()]
    seconds = {one.number: one.seconds for one in content.described_chapters()}
    assert names[0] == max(seconds, key=seconds.get), "the longest come first"
    took = [seconds[name] for name in names if name in seconds]
    assert took == sorted(took, reverse=True)
    assert set(names) == {"00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "ex"}
    assert main(["99"]) == 2
    assert capsys.readouterr().err.startswith("There is no notebook '99'")
