import json
from pathlib import Path

import pytest

from benchmarks import data
from tlcourse.course.content import benchmark
from tlcourse.data import make_stripes
from tlcourse.files import CourseError

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


SPEED = ("fine_tuning_speed", "grading", "widgets")  # which have no seeds


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda p: p.stem)
def test_a_stored_result_has_its_benchmark_and_five_seeds(path):
    assert (RESULTS.parent / f"{path.stem}.py").is_file()
    assert path.stem in SPEED or json.loads(path.read_text())["seeds"] >= 5


def test_label_efficiency_is_stored_as_mean_and_spread_of_accuracies():
    stored = benchmark("label_efficiency")
    assert stored["labels"] == [5, 10, 20, 50, 100]
    curves = [stored[name] for name in ("scratch", "transfer", "frozen", "scratch_patient")]
    for curve in [*curves, *stored["short"].values()]:
        assert len(curve) == 5
        assert all(0.1 < mean < 1 and 0 < sd < 0.1 for mean, sd in curve)


def test_an_unknown_result_is_named():
    with pytest.raises(CourseError, match=r"no result 'magic'.*label_efficiency"):
        benchmark("magic")


def test_the_generators_are_measured_in_images_per_second():
    assert data.images_per_second(make_stripes, images=50, repeats=3) > 100


def test_the_runs_of_resnet50_are_stored_as_mean_and_spread_of_accuracies():
    stored = benchmark("resnet50")
    assert stored["labels"] == [10, 20, 50]
    for arm in ("finetuned", "probe", "random", "small_cnn"):
        assert len(stored["settings"][arm]) >= 2
        assert all(0.05 < mean < 1 and 0 < sd < 0.1 for mean, sd in stored[arm])


def test_the_depths_of_fine_tuning_begin_with_the_same_head():
    stored = benchmark("fine_tuning")
    depths = stored["depth"].values()
    assert all(len(depth["accuracy"]) == len(stored["checkpoints"]) for depth in depths)
    begins = [depth["accuracy"][0][0] for depth in depths]
    assert max(begins) - min(begins) < 0.01
    sizes = [depth["parameters"] for depth in depths]
    assert sizes == sorted(sizes)
