"""The measurement on folders of photographs, with runs of two steps."""

import json
import os
import signal

import numpy as np
import pytest
from PIL import Image

from benchmarks import photos
from tlcourse.data import download

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seventeen dark and seventeen light pictures."""
    root = tmp_path_factory.mktemp("sets") / "dark_light"
    for k, name in enumerate(["dark", "light"]):
        (root / name).mkdir(parents=True)
        for i in range(17):
            pixels = RNG.integers(0, 120, (40, 50, 3)) + 120 * k
            Image.fromarray(pixels.astype("uint8")).save(root / name / f"{i}.png")
    return root


@pytest.fixture
def quick(monkeypatch):
    steps = {"scratch": dict.fromkeys((5, 20, 80), 2), "fine-tuned": dict.fromkeys((5, 20, 80), 2)}
    monkeypatch.setattr(photos, "STEPS", steps)
    monkeypatch.setattr(photos, "WIDEN_MOST", 0)
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def only(monkeypatch):
    """Leave some arms alone."""

    def choose(solved, trained=()):
        monkeypatch.setattr(photos, "SOLVED", tuple(solved))
        monkeypatch.setattr(photos, "TRAINED", tuple(trained))
        monkeypatch.setattr(photos, "ARMS", (*solved, *trained))

    return choose


def test_every_score_is_stored_and_json_ends_the_output(folder, quick, only, tmp_path, capsys):
    only(["pixels", "frozen EfficientNet-Lite0"], ["scratch"])
    store = tmp_path / "result.json"
    photos.main([str(folder), "--store", str(store)])
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    content = json.loads(store.read_text("utf-8"))
    record = content["sets"]["dark_light"]
    assert content["seeds"] == 5
    assert record["digest"] == photos.contents_digest(folder)
    assert record["pool"] == [10, 10]
    assert record["test"] == [7, 7]
    assert printed["dark_light"] == record["summary"]
    (labels,) = record["summary"]
    assert labels == "5"
    assert set(record["summary"]["5"]["accuracy"]) == set(photos.ARMS)
    assert record["summary"]["5"]["complete"]
    for arm in photos.ARMS:
        runs = [run for run in record["runs"] if run["arm"] == arm]
        assert {run["seed"] for run in runs} == set(range(5))
        chosen = record["chosen"][arm]["5"]
        assert len(chosen) == (2 if arm in photos.TRAINED else 1)
        assert {run["setting"] for run in runs} == {each["setting"] for each in chosen}
    assert record["summary"]["5"]["accuracy"]["pixels"][0] == 1


def test_an_interrupted_measurement_goes_on_where_it_stopped(
    folder, quick, only, tmp_path, monkeypatch, capsys
):
    only(["pixels"])
    real, done = photos.run, []

    def interrupted(*arguments):
        done.append(1)
        if len(done) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments)

    whole, cut = tmp_path / "whole.json", tmp_path / "cut.json"
    photos.main([str(folder), "--store", str(whole)])
    monkeypatch.setattr(photos, "run", interrupted)
    with pytest.raises(SystemExit, match=r"cut\.json keeps what is finished.*same command"):
        photos.main([str(folder), "--store", str(cut)])
    assert len(done) == 6
    photos.main([str(folder), "--store", str(cut)])
    assert len(done) == 6 + 8 - 5  # three settings and five seeds; the sixth run was lost
    first, second = (json.loads(path.read_text()) for path in (whole, cut))
    assert first["sets"]["dark_light"]["summary"] == second["sets"]["dark_light"]["summary"]
    photos.main([str(folder), "--store", str(cut)])
    assert len(done) == 9
    capsys.readouterr()


def test_changed_photographs_begin_anew(folder, quick, only, tmp_path, capsys):
    only(["pixels"])
    store = tmp_path / "result.json"
    photos.main([str(folder), "--store", str(store)])
    content = json.loads(store.read_text())
    content["sets"]["dark_light"]["digest"] = "another"
    content["sets"]["dark_light"]["runs"][0]["scores"] = [0.123]
    store.write_text(json.dumps(content))
    photos.main([str(folder), "--store", str(store)])
    record = json.loads(store.read_text())["sets"]["dark_light"]
    assert record["digest"] == photos.contents_digest(folder)
    assert record["runs"][0]["scores"] != [0.123]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not a result"), ("[]", "not a result"), ('{"protocol": {}}', "another protocol")],
)
def test_another_file_is_not_overwritten(folder, tmp_path, text, message):
    store = tmp_path / "result.json"
    store.write_text(text)
    with pytest.raises(SystemExit, match=message):
        photos.main([str(folder), "--store", str(store)])
    assert store.read_text() == text


def test_a_folder_that_is_missing_or_too_small_is_one_sentence(folder, quick, tmp_path, capsys):
    store = str(tmp_path / "result.json")
    with pytest.raises(SystemExit, match="no folder"):
        photos.main([str(tmp_path / "missing"), "--store", store])
    for k in range(2):
        (tmp_path / f"small/{k}").mkdir(parents=True)
        for i in range(16):
            pixels = RNG.integers(0, 255, (20, 20, 3), dtype="uint8")
            Image.fromarray(pixels).save(tmp_path / f"small/{k}/{i}.png")
    (tmp_path / "small/1/15.png").unlink()
    with pytest.raises(SystemExit, match="too few photographs"):
        photos.main([str(tmp_path / "small"), "--store", store])
    capsys.readouterr()


# --- the parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photographs", "tested"), [(17, 7), (100, 40), (137, 40), (150, 50), (200, 80), (1000, 400)]
)
def test_two_fifths_are_for_testing_but_a_hundred_are_left(photographs, tested):
    assert photos.for_test(photographs) == tested


def test_drawn_validation_and_test_photographs_are_others_and_draws_are_nested(folder, capsys):
    read = photos.Photos.read(folder)
    five, two = read.draw(5, 3), read.draw(2, 3)
    assert np.bincount(read.y[five]).tolist() == [5, 5]
    assert set(two) < set(five)
    validation = read.validation(five)
    assert not set(five) & set(validation)
    assert not set(read.test) & (set(five) | set(validation))
    assert set(five) | set(validation) | set(read.test) == set(range(34))


def test_a_grid_grows_until_its_best_is_inside():
    asked = []

    def peak_at(best):
        return lambda value: (asked.append(value), -abs(np.log10(value / best)))[1]

    assert photos.tune((1e-2, 1e-1, 1), peak_at(1e-1)) == (1e-1, True)
    assert photos.tune((1e-2, 1e-1, 1), peak_at(1e-4)) == (1e-4, True)
    assert photos.tune((1e-2, 1e-1, 1), peak_at(10)) == (10, True)
    assert min(asked) == 1e-5
    assert photos.tune((1e-2, 1e-1, 1), lambda value: 0.5) == (1e-1, True)
    assert photos.tune((1e-2, 1e-1, 1), lambda value: value, widen=1)[1] is False


def test_the_digest_of_a_folder_is_that_of_an_archive_of_it(folder, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(folder, "Repository-master/Dataset")
    assert photos.contents_digest(folder) == download.contents_digest(tmp_path / "a.tar")
