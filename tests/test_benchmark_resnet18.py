"""What the benchmark of chapter 10 stores: every score of every arm, and what is left to run."""

import json

import numpy as np
import pytest

from benchmarks import resnet18
from tlcourse.course.content import benchmark

torch = pytest.importorskip("torch", reason="PyTorch is not installed (`make torch`)")


def test_what_is_labelled_chosen_on_and_tested_on_is_kept_apart():
    x, y = resnet18.images()
    assert {part: images.shape[1:] for part, images in x.items()} == dict.fromkeys(x, (32, 32, 3))
    few, many = resnet18.draw(10, 0), resnet18.draw(50, 0)
    assert (np.bincount(y["pool"][few]) == 10).all()
    assert (np.bincount(y["pool"][many]) == 50).all()
    assert set(few) < set(many)
    assert set(few) != set(resnet18.draw(10, 1))
    seen = {images.tobytes() for images in x["pool"]}
    assert not seen & {images.tobytes() for images in [*x["validation"], *x["test"]]}


def invented(arm, labels, setting, seed, held_out, side=32, normalised="source", budgets=(50, 120)):
    """An accuracy that is best at a rate of 0.01, or a λ of 0.01, and grows with the steps."""
    rate, decay = setting
    score = 0.7 - 0.1 * abs(np.log10(rate / 0.01)) + 0.001 * seed
    if decay:
        score += 0.05 - 0.02 * abs(np.log10(decay / 0.01))
    steps = budgets if arm in resnet18.TRAINED else [0]
    return [round(score + 0.0001 * n, 4) for n in steps]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(resnet18, "STORE", tmp_path / "resnet18.jsonl")
    monkeypatch.setattr(resnet18, "accuracies", invented)
    for name, count in (("without_zero_grad", 1), ("only_the_last_layer", 1), ("without_eval", 4),
                        ("single_images", 2), ("other_normalisation", 2)):  # fmt: skip
        made = lambda setting, seed, n=count: [0.5 + 0.01 * seed] * n  # noqa: E731
        made.__name__ = name
        monkeypatch.setattr(resnet18, name, made)
    saved = []
    monkeypatch.setattr(resnet18, "save", lambda name, result: saved.append((name, result)))
    return saved


def test_every_score_of_every_arm_is_stored_each_tuned_inside_its_grid(runs):
    resnet18.main([])
    ((name, result),) = runs
    assert name == "resnet18"
    assert result["complete"]
    assert [*result["arms"]] == ["10", "20", "50"]
    for arms in result["arms"].values():
        assert set(arms) == {"pixels", "frozen", *resnet18.TRAINED}
        for arm, record in arms.items():
            budgets = {"50", "120"} if arm in resnet18.TRAINED else {"0"}
            assert set(record) == budgets
            for found in record.values():
                assert len(found["results"]) == 5
                assert found["inside"] is (None if arm == "as printed" else True)
        assert arms["as printed"]["120"]["setting"] == (0.001, 0.0)
        assert arms["L2-SP"]["120"]["setting"][1] == pytest.approx(0.01)
    assert len(result["mistakes"]) == resnet18.NUMBER_OF_MISTAKES
    for found in result["mistakes"].values():
        assert len(found["results"]) == len(found["beside"]) == 5
    mean, low, high = result["differences"]["20"]["L2-SP less fine-tuned, 120 steps"]
    assert low <= mean <= high
    json.dumps(result)


def test_without_time_what_is_stored_is_written_down_and_later_it_goes_on(runs, monkeypatch):
    resnet18.main(["--minutes", "-1"])
    assert not runs[0][1]["complete"]
    resnet18.main([])
    monkeypatch.setattr(resnet18, "accuracies", None)  # nothing is left to run
    resnet18.main(["--minutes", "-1"])
    assert runs[1][1]["arms"] == runs[2][1]["arms"]
    assert runs[2][1]["complete"]


def test_what_is_stored_says_whether_it_is_complete():
    stored = benchmark("resnet18")
    assert stored["labels"] == [10, 20, 50]
    assert stored["seeds"] == 5
    assert set(stored["enlarged"]) == {"frozen", "fine-tuned"}
    for arms in [*stored["arms"].values(), stored["enlarged"]]:
        for record in arms.values():
            for found in record.values():
                assert len(found["results"]) == 5
    assert len(stored["mistakes"]) == resnet18.NUMBER_OF_MISTAKES
