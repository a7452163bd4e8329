"""The zoo of sources: its targets, its runs, and what is stored of them."""

import json

import numpy as np
import pytest
from scipy import stats

from benchmarks import sources
from tlcourse.course.content import benchmark


@pytest.mark.parametrize("name", sources.TARGETS)
def test_a_target_keeps_what_is_labelled_chosen_on_and_tested_on_apart(name):
    target = sources.target(name)
    assert target.x.dtype == "uint8"
    assert target.x.shape[3] == 3
    drawn, few = target.draw(sources.LABELS, 0), target.draw(sources.FEW, 0)
    assert (np.bincount(target.y[drawn]) == sources.LABELS).all()
    assert (np.bincount(target.y[few]) == sources.FEW).all()
    assert set(few) < set(drawn)
    assert drawn.max() < target.kept_back.min()
    assert target.kept_back.max() < target.test.min()
    used = set(target.x[drawn].reshape(len(drawn), -1).sum(1))
    assert len(used) > len(drawn) / 2, "they are different images"
    assert set(drawn) != set(target.draw(sources.LABELS, 1))


def test_the_greek_letters_are_none_that_the_letters_network_has_learned():
    assert not set(sources.GREEK) & set(sources.CARD["alphabet"])


def invented(arm, name, on, setting, seed, steps, held_out, strength=None):
    """An accuracy that is best at a setting within the grid, and better for later sources."""
    place = list(sources.SOURCES).index(name) if name else 0
    best = 1e-3 if arm in ("frozen", "pixels") else 2e-3
    score = 0.9 - 0.1 * abs(np.log10(setting / best)) - 0.05 * place - 0.001 * seed
    return [round(score, 4)] * len(steps)


def invented_scores(name, on, labels, seed):
    place = list(sources.SOURCES).index(name)
    found = dict.fromkeys(sources.SCORES, -float(place)) | {"seconds": {}}
    if sources.SOURCES[name].task is None:
        del found["leep"]
    return found


def test_the_zoo_prints_every_score_and_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sources, "STORE", tmp_path / "sources.jsonl")
    monkeypatch.setattr("benchmarks.label_efficiency.RESULTS", tmp_path)
    monkeypatch.setattr(sources, "accuracies", invented)
    monkeypatch.setattr(sources, "scores_of", invented_scores)
    sources.main(["--only", "500 letters"])
    assert not (tmp_path / "sources.json").exists(), "a part writes no result"
    sources.main(["--minutes", "0"])
    part = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not part["complete"]
    assert set(part["arms"]["textures"]) == {"frozen 500 letters", "fine-tuned 500 letters"}
    assert part["tau"] == {}, "no order without all sources"
    sources.main([])
    whole = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert whole["complete"]
    assert len(whole["arms"]["textures"]) == len(sources.CELLS)
    for by_labels in whole["tau"].values():
        for by_score in by_labels.values():
            assert np.allclose([list(rows.values()) for rows in by_score.values()], 1)
    monkeypatch.setattr(sources, "accuracies", None)  # nothing is computed again
    sources.main([])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == whole


def test_what_is_stored_of_the_zoo_agrees_with_itself():
    zoo = benchmark("sources")
    assert zoo["seeds"] == 5
    for arms in zoo["arms"].values():
        for record in arms.values():
            assert all(len(each["results"]) == 5 for each in record.values())
    trained = [name for name, source in zoo["sources"].items() if source["task"]]
    for way, by_labels in zoo["tau"].items():
        for labels, by_score in by_labels.items():
            for score, rows in by_score.items():
                for on, row in rows.items():
                    arms, scores = zoo["arms"][on], zoo["scores"][on]
                    truth = [next(iter(arms[f"{way} {n}"].values()))["results"] for n in trained]
                    values = [scores[n][labels][score] for n in trained]
                    again = stats.weightedtau(*np.array([truth, values])[:, :, 0], rank=None)
                    assert row[0] == pytest.approx(again.statistic, abs=1e-4)


def test_the_settings_of_the_zoo_lie_inside_their_grids_unless_the_arm_only_guesses():
    zoo = benchmark("sources")
    for on, arms in zoo["arms"].items():
        chance = 1 / 3 if on == "textures" else 1 / 10
        for arm, record in arms.items():
            for each in record.values():
                guesses = np.mean(each["results"]) < chance + 0.1
                assert each["inside"] or guesses, (on, arm)
