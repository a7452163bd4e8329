"""The page on a folder of photographs, on tiny folders and with runs of a few steps."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.conftest import photo
from tlcourse import report, rivals
from tlcourse.files import CourseError

pytestmark = pytest.mark.timeout(3600)  # for whichever comes first waits until a report is made

KINDS = ("dark <b>", "light & co")
MEASURE = report.Measurement.measure
FULL_STEPS = report.Measurement.full_steps


def fill(root: Path, counts: dict[str, int]) -> Path:
    """A folder with so many noisy pictures of each class, the later classes lighter."""
    rng = np.random.default_rng(0)
    for k, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 60, (40, 50, 3)) + 180 * k // len(counts)
            Image.fromarray(pixels.astype("uint8")).save(root / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def quick():
    """Small photographs, runs of two steps, and grids that do not grow."""
    with pytest.MonkeyPatch.context() as patch:
        steps = {"scratch": 2, "fine-tuned": 2}
        patch.setattr(report.Measurement, "full_steps", lambda self: steps)
        patch.setattr(report, "FEWEST_STEPS", 2)
        patch.setattr(report, "VALIDATION_ENOUGH", 1)
        patch.setattr(report, "SIDE", 64)
        patch.setattr(rivals, "WIDEN_MOST", 0)
        yield patch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve pictures of each of two classes, a burst among them, and a file that is no picture."""
    root = fill(tmp_path_factory.mktemp("photos") / "things", dict.fromkeys(KINDS, 12))
    for i in range(3):
        image = photo(7).resize((300, 300))
        image.putpixel((i, 0), (255, 0, 0))
        image.save(root / KINDS[0] / f"burst{i}.png")
    (root / KINDS[1] / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return root


@pytest.fixture(scope="module")
def made(folder, quick, tmp_path_factory):
    """The report, made once, for most of its time goes into building graphs: folder, sentences."""
    out = tmp_path_factory.mktemp("out") / "report"
    return out, report.make(folder, out, minutes=600)


def page_of(out: Path) -> str:
    return (out / "report.html").read_text("utf-8")


def words_of(out: Path) -> str:
    """What a reader of the page sees."""
    text = re.sub(r"<style>.*?</style>", "", page_of(out), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


# --- the page ----------------------------------------------------------------------------------


def test_the_page_shows_every_way_with_its_interval_and_what_was_left_out(made):
    words = words_of(made[0])
    for arm in report.ARMS:
        assert re.search(rf"{report.NAMES[arm]} [\d.]+ % [\d.]+ % to [\d.]+ %", words, re.I), arm
    assert "broken.jpg" in words
    assert "1 of 28 files is left out" in words
    assert "2 of them are nearly the same as another one" in words
    assert "2 steps" in words
    assert "what is measured" not in words


def test_the_page_asks_nothing_of_the_internet_and_escapes_names(made):
    page = page_of(made[0])
    assert "default-src 'none'" in page
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "<script" not in page
    assert "<b>" not in page
    assert "dark &lt;b&gt;" in page


def test_every_picture_has_a_text(made):
    images = re.findall(r"<img[^>]*>", page_of(made[0]))
    assert len(images) >= 2
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)


def test_every_score_of_every_seed_is_stored(made):
    content = json.loads((made[0] / "scores.json").read_text("utf-8"))
    for arm in report.ARMS:
        runs = [run for run in content["runs"] if run["arm"] == arm]
        assert {run["seed"] for run in runs} == set(range(5)), arm
        assert all(len(run["predicted"][0]) == 7 for run in runs)
        settings = {
            each["setting"]
            for each in content["chosen"][report._key(arm, [2] * (arm in report.TRAINED))]
        }
        assert {run["setting"] for run in runs} == settings


def test_the_five_lines_of_the_page_name_a_photograph(made, folder, tmp_path):
    out, _ = made
    code = html.unescape(re.search(r'<pre class="code"[^>]*>(.*?)</pre>', page_of(out), re.S)[1])
    code = code.replace("photo.jpg", str(next((folder / KINDS[0]).glob("[0-9].png"))))
    env = os.environ | {"PYTHONPATH": str(Path(report.__file__).parents[1])}
    env.pop("TF_CPP_MIN_LOG_LEVEL", None)  # a reader has set nothing
    assert len(code.strip().splitlines()) == 5
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=out, capture_output=True, text=True, env=env
    )
    assert done.stdout.strip() in KINDS, done.stderr
    assert not re.search("Warning|error|cuInit", done.stderr, re.IGNORECASE)


def test_the_saved_classifier_answers_as_the_page_says(made, folder):
    from tlcourse.backend import keras

    out, _ = made
    kept = json.loads((out / "scores.json").read_text("utf-8"))["classifier"]
    network = keras.saving.load_model(out / "classifier.keras")
    photos = report.Photos.read(folder, 1)
    x = photos.small if kept["side"] == report.SMALL_SIDE else photos.x
    assert x.dtype == "uint8"
    probabilities = network.predict(x[photos.test], verbose=0)
    assert probabilities.argmax(1).tolist() == kept["predicted"]
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-4)
    assert (out / "classes.txt").read_text("utf-8").splitlines() == list(photos.class_names)


def test_a_network_from_scratch_takes_raw_pixels_when_it_is_saved():
    x = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), "uint8")
    scratch = rivals.Scratch(x, 2)
    raw = scratch.network().predict(x, verbose=0)
    np.testing.assert_allclose(raw, scratch.model.predict(scratch.x, verbose=0), atol=1e-3)


# --- a second run, and one that was interrupted ------------------------------------------------


@pytest.fixture
def no_networks(monkeypatch):
    def refuse(*_):
        raise AssertionError("a network was built")

    monkeypatch.setattr(rivals, "Upper", refuse)
    monkeypatch.setattr(rivals, "Scratch", refuse)


def test_a_second_run_builds_no_network_and_writes_the_page_again(made, folder, no_networks):
    out, first = made
    names = (out / "classes.txt").read_bytes()
    (out / "report.html").unlink()
    (out / "classes.txt").write_text("another class\n")
    sentences = report.make(folder, out, minutes=600)
    assert (out / "classes.txt").read_bytes() == names
    assert "Everything was measured before; the page is written from what is stored." in sentences
    assert sentences[0] == first[0]
    assert (out / "report.html").is_file()


def test_what_was_interrupted_goes_on_where_it_stopped(folder, quick, tmp_path, monkeypatch):
    runs, run = [], report.Measurement.run

    def counted(self, *arguments):
        runs.append(arguments[0])
        if len(runs) == 6:
            raise KeyboardInterrupt
        return run(self, *arguments)

    # Without the networks, which take long: both solved ways see the pixels.
    monkeypatch.setattr(report.Measurement, "run", counted)
    monkeypatch.setattr(report.Measurement, "columns", lambda self, arm: self.photos.pixels)
    monkeypatch.setattr(report.Measurement, "seconds_of_a_step", lambda self, arm: 1e9)
    monkeypatch.setattr(report.Measurement, "save_classifier", lambda self: None)
    monkeypatch.setattr(report, "render", lambda measurement: "page")
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        report.make(folder, out, minutes=600)
    kept = json.loads((out / "scores.json").read_text("utf-8"))
    assert len(kept["tuning"]) + len(kept["runs"]) == 5
    report.make(folder, out, minutes=600)
    total = json.loads((out / "scores.json").read_text("utf-8"))
    assert total["tuning"][: len(kept["tuning"])] == kept["tuning"]
    assert total["runs"][: len(kept["runs"])] == kept["runs"]
    assert len(runs) == 1 + len(total["tuning"]) + len(total["runs"])


@pytest.fixture
def light(monkeypatch):
    """Measure nothing."""
    monkeypatch.setattr(report.Measurement, "measure", lambda self: None)
    monkeypatch.setattr(report.Measurement, "predictions", lambda self, arm: None)
    monkeypatch.setattr(report.Measurement, "save_classifier", lambda self: None)
    monkeypatch.setattr(report, "render", lambda measurement: "page")
    monkeypatch.setattr(report, "verdict", lambda *_: "A verdict.")
    monkeypatch.setattr(report, "limits", lambda _: [])
    monkeypatch.setattr(report, "_where", lambda _: "here")


def test_changed_photographs_are_measured_again_and_said(light, tmp_path):
    folder = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    out = tmp_path / "out"
    report.make(folder, out)
    content = json.loads((out / "scores.json").read_text("utf-8"))
    content["runs"] = [{"arm": "a run of before"}]
    (out / "scores.json").write_text(json.dumps(content))
    Image.new("RGB", (50, 40), "red").save(folder / "cat/0.png")
    sentences = report.make(folder, out)
    assert "are others than at the last time" in sentences[0]
    assert json.loads((out / "scores.json").read_text("utf-8"))["runs"] == []


def test_scores_that_cannot_be_read_are_put_aside(light, tmp_path):
    folder = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    report.make(folder, tmp_path / "out")
    whole = json.loads((tmp_path / "out/scores.json").read_text("utf-8"))
    lacking = [json.dumps({k: v for k, v in whole.items() if k != name}) for name in whole]
    other = [json.dumps(whole | {name: 7}) for name in whole if name != "seconds"]
    for text in ("", "{", "[]", "[" * 100_000, '{"format": 0}', *lacking, *other):
        (tmp_path / "out/scores.json").write_text(text)
        sentences = report.make(folder, tmp_path / "out")
        assert "could not be used" in sentences[0]
        assert (tmp_path / "out/scores-unreadable.json").read_text() == text


# --- where the results may go ------------------------------------------------------------------


def test_results_stay_out_of_the_photographs(light, tmp_path, monkeypatch):
    folder = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    with pytest.raises(CourseError, match="would be read as photographs"):
        report.make(folder, folder / "out")
    monkeypatch.chdir(folder)
    report.make(Path("."))
    assert (tmp_path / "pets-report/report.html").is_file()
    assert sorted(os.listdir(folder)) == ["cat", "dog"]
    monkeypatch.chdir(tmp_path)
    assert report.default_out(Path("pets")) == Path("pets-report")


@pytest.mark.parametrize("place", ["~no/x", "a\0b"])
def test_what_is_no_path_is_a_sentence(light, tmp_path, place):
    with pytest.raises(CourseError, match="The folder .* cannot be used: give a path"):
        report.make(Path(place))
    with pytest.raises(CourseError, match="The folder .* cannot be used: give a path"):
        report.make(fill(tmp_path / "pets", {"cat": 5, "dog": 5}), Path(place))


def test_a_current_folder_that_is_gone_is_a_sentence(light, tmp_path, monkeypatch):
    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", gone)
    with pytest.raises(CourseError, match="The folder that you are in is gone"):
        report.make(tmp_path)


def test_a_folder_with_other_files_is_left_alone(light, tmp_path):
    folder = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").touch()
    with pytest.raises(CourseError, match="holds other files"):
        report.make(folder, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["thesis.tex"]
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="is a file, not a folder"):
        report.make(folder, tmp_path / "file")


def test_the_report_on_another_folder_is_kept(light, tmp_path):
    pets = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    cars = fill(tmp_path / "cars", {"van": 6, "bus": 6})
    report.make(pets, tmp_path / "out")
    with pytest.raises(CourseError, match="holds the report on pets"):
        report.make(cars, tmp_path / "out")


def test_the_frozen_network_is_measured_even_without_time(light, tmp_path, photos, monkeypatch):
    asked = []

    def run(self, arm, drawn, places, setting, seed, budgets):
        asked.append(arm)
        return [np.zeros(len(places), int)]

    monkeypatch.setattr(report.Measurement, "run", run)
    store = report.Store(tmp_path)
    store.begin(photos)
    late = report.Measurement(photos, store, 0, report.perf_counter() - 3600, lambda *_: None)
    MEASURE(late)
    assert {run["seed"] for run in store.content["runs"] if run["arm"] == "frozen"} == set(range(5))
    assert set(asked) == {"frozen"}


def test_two_commands_do_not_work_on_one_folder(light, tmp_path):
    folder = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    report.make(folder, tmp_path / "out")
    with (
        report.FileLock(tmp_path / "out/.lock", timeout=0),
        pytest.raises(CourseError, match="Another command works on"),
    ):
        report.make(folder, tmp_path / "out")


def test_a_full_disk_is_a_sentence(light, tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(report, "write", full)
    folder = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    with pytest.raises(CourseError, match=r"No space left on device.*--out"):
        report.make(folder, tmp_path / "out")


def test_results_below_a_file_are_a_sentence(light, tmp_path):
    folder = fill(tmp_path / "pets", {"cat": 5, "dog": 5})
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="choose another folder with --out"):
        report.make(folder, tmp_path / "file/out")


def test_the_same_photograph_in_training_and_test_is_reported(tmp_path):
    fill(tmp_path / "x/train", {"cat": 5, "dog": 5})
    fill(tmp_path / "x/test", {"cat": 2, "dog": 2})
    photos = report.Photos.read(tmp_path / "x", 1)
    assert "the same picture is in the test set" in photos.summary
    assert len(photos.test) == 4


def test_names_that_are_no_utf8_do_no_harm(light, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    report.make(fill(folder, {"cat": 5, "dog": 5}), tmp_path / "out")
    assert json.loads((tmp_path / "out/scores.json").read_text("utf-8"))["folder"] == "caf\\xe9"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (None, "There is no folder"),
        ({}, "pets"),
        ({"cat": 3}, "class"),
        ({"cat": 1, "dog": 1}, "two photos"),
    ],
)
def test_a_folder_without_two_classes_is_a_sentence_and_leaves_nothing(
    light, tmp_path, counts, words
):
    folder = tmp_path / "pets"
    if counts is not None:
        folder.mkdir()
        fill(folder, counts)
    with pytest.raises(CourseError, match=words):
        report.make(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder_is_a_sentence(light, tmp_path):
    (tmp_path / "pets.zip").touch()
    with pytest.raises(CourseError, match="is a file, not a folder"):
        report.make(tmp_path / "pets.zip", tmp_path / "out")


# --- the budget --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    counts = {"a": 12, "b": 5, "c": 1}
    return report.Photos.read(fill(tmp_path_factory.mktemp("small") / "x", counts), 1)


def measurement(photos, tmp_path, minutes: float, seconds: float, monkeypatch):
    """A measurement on a machine on which a step takes so many seconds."""
    steps = {"scratch": 400, "fine-tuned": 160}
    monkeypatch.setattr(report.Measurement, "full_steps", lambda self: steps)
    monkeypatch.setattr(report.Measurement, "seconds_of_a_step", lambda self, arm: seconds)
    store = report.Store(tmp_path)
    store.begin(photos)
    return report.Measurement(photos, store, minutes, report.perf_counter(), lambda *_: None)


def test_more_labels_get_more_steps(tmp_path):
    few, many = (report.Photos.read(fill(tmp_path / str(n), {"a": n, "b": n}), 1) for n in (8, 40))
    few, many = (FULL_STEPS(report.Measurement(p, None, 1, 0, None)) for p in (few, many))
    assert all(many[arm] > few[arm] for arm in report.TRAINED)


def test_a_slow_machine_gets_fewer_steps_and_the_page_names_them(photos, tmp_path, monkeypatch):
    full = measurement(photos, tmp_path / "a", 1e4, 0.1, monkeypatch).plan
    assert full["steps"] == full["full"]
    slow = measurement(photos, tmp_path / "b", 10, 0.1, monkeypatch)
    assert slow.plan["steps"]["scratch"] < full["steps"]["scratch"]
    steps = slow.plan["steps"]["scratch"]
    assert f"trained for {steps} steps" in " ".join(report.limits(slow))
    assert "because of --minutes 10" in " ".join(report.limits(slow))


def test_what_no_plan_has_time_for_is_left_out_by_name(photos, tmp_path, monkeypatch):
    late = measurement(photos, tmp_path, 1, 100, monkeypatch)
    assert late.plan["steps"] == {}
    words = " ".join(report.limits(late))
    assert "A small network from scratch was left out because of --minutes 1." in words
    assert "The fine-tuned EfficientNet-Lite0 was left out" in words


def test_without_time_no_network_is_built_for_a_plan(photos, tmp_path, monkeypatch, no_networks):
    store = report.Store(tmp_path)
    store.begin(photos)
    late = report.Measurement(photos, store, 1, report.perf_counter() - 3600, lambda *_: None)
    assert late.plan["steps"] == {}
    assert store.content["plans"] == {}


def test_a_plan_with_two_learning_rates_says_so(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "LEVELS", ((1, 2),))
    two = measurement(photos, tmp_path, 1e4, 0.1, monkeypatch)
    words = " ".join(report.limits(two))
    assert "A small network from scratch was tuned with two learning rates only" in words


def test_a_measurement_that_goes_on_keeps_its_plan(photos, tmp_path, monkeypatch):
    first = measurement(photos, tmp_path, 10, 0.1, monkeypatch).plan
    again = measurement(photos, tmp_path, 10, 9.0, monkeypatch).plan
    assert again == first


# --- the photographs ---------------------------------------------------------------------------


def test_each_draw_has_every_class_and_leaves_some_to_validate(photos):
    assert set(photos.y[photos.test]) == {0, 1}  # of one photograph, none is for testing
    draws = [photos.draw(seed) for seed in range(5)]
    for drawn in draws:
        assert set(photos.y[drawn]) == {0, 1, 2}
        assert set(drawn) <= set(photos.pool)
        left = photos.validation(drawn)
        assert not set(left) & {*drawn, *photos.test}
        assert set(photos.y[left]) == {0, 1}
    assert len({tuple(drawn) for drawn in draws}) > 1


def test_a_burst_is_never_on_both_sides(made, folder):
    photos = report.Photos.read(folder, 1)
    burst = {place for place, name in enumerate(photos.files) if "burst" in name}
    assert len(burst) == 3
    for seed in range(5):
        drawn = set(photos.draw(seed))
        for part in (set(photos.test), drawn, set(photos.validation(np.array(sorted(drawn))))):
            assert len(burst & part) in (0, 3)


def test_a_class_of_one_burst_makes_the_test_too_easy_and_it_is_said(tmp_path):
    root = fill(tmp_path / "things", {"cup": 12, "pen": 0})
    for i in range(8):
        image = photo(7).resize((300, 300))
        image.putpixel((i, 0), (255, 0, 0))
        image.save(root / f"pen/{i}.png")
    photos = report.Photos.read(root, 1)
    near = np.sum(photos.y[photos.test] == 1)
    assert near > 0
    said = report.limits(pretended(photos, tmp_path, dict.fromkeys(report.ARMS, 1.0)))
    assert any(f"{near} are nearly the same as one for training" in line for line in said)


def test_of_a_large_folder_an_even_share_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "PHOTOS_LEAST", 12)
    folder = fill(tmp_path / "x", {"a": 20, "b": 3, "c": 10})
    photos = report.Photos.read(folder, 0)
    assert np.bincount(photos.y).tolist() == [4, 3, 4]
    assert photos.skipped == 33 - 11


# --- what is claimed ---------------------------------------------------------------------------


def answers(y: np.ndarray, *shares: float) -> np.ndarray:
    """Predictions of which such shares are right, one share for each seed."""
    rng = np.random.default_rng(1)
    return np.array([np.where(rng.random(len(y)) < share, y, 1 - y) for share in shares])


def test_a_winner_is_claimed_only_where_the_interval_excludes_zero():
    y = np.arange(400) % 2
    near = {
        "frozen": answers(y, 0.9, 0.91, 0.89, 0.9, 0.9),
        "fine-tuned": answers(y, 0.9, 0.9, 0.9, 0.91, 0.9),
    }
    far = near | {
        "scratch": answers(y, 0.6, 0.62, 0.58, 0.6, 0.61),
        "pixels": answers(y, 0.5, 0.52, 0.51, 0.5, 0.5),
    }
    words = report.verdict(y, far)
    assert words.startswith("We cannot tell which is best here: ")
    assert "clearly better than a small network from scratch" in words
    clear = far | {"fine-tuned": far["scratch"]}
    assert report.verdict(y, clear).startswith("The frozen EfficientNet-Lite0 is best here")
    assert report.gain(y, "frozen", "scratch", clear).sentence.startswith(
        "The frozen EfficientNet-Lite0 is better than a small network from scratch by "
    )


def test_who_is_worse_is_said_with_the_interval_of_the_better_one():
    y = np.arange(400) % 2
    rows = {
        "frozen": answers(y, 0.6, 0.61, 0.6, 0.59, 0.6),
        "pixels": answers(y, 0.9, 0.91, 0.9, 0.9, 0.89),
    }
    sentence = report.gain(y, "frozen", "pixels", rows).sentence
    assert sentence.startswith("Logistic regression on pixels is better than the frozen")
    assert re.search(r"interval \+[\d.]+ to \+[\d.]+\)", sentence)


def test_a_winner_among_some_ways_is_none_among_all():
    y = np.arange(400) % 2
    frozen = answers(y, 0.9, 0.91, 0.89, 0.9, 0.9)
    some = {"frozen": frozen, "pixels": answers(y, 0.6, 0.62, 0.58, 0.6, 0.61)}
    words = report.verdict(y, some)
    assert words.startswith("The frozen EfficientNet-Lite0 leads so far: it names 90 % of the test")
    assert words.endswith(
        "more than chance. A small network from scratch and the fine-tuned EfficientNet-Lite0 were "
        "not measured."
    )
    three = some | {"fine-tuned": frozen[::-1]}
    words = report.verdict(y, three)
    assert re.match("We cannot tell which leads so far: the .* or the .* is clearly better", words)
    assert words.endswith("pixels. A small network from scratch was not measured.")
    assert not any("best" in report.verdict(y, each) for each in (some, three))
    assert "Only the frozen" in report.verdict(y, {"frozen": frozen})


def test_seeds_that_disagree_are_no_winner():
    y = np.zeros(1000, int)
    predicted = {
        "frozen": answers(y, 0.9, 0.9, 0.9, 0.9, 0.9),
        "scratch": answers(y, 0.95, 0.7, 0.92, 0.6, 0.93),
    }
    assert "cannot tell" in report.gain(y, "frozen", "scratch", predicted).sentence


def test_four_test_photographs_settle_nothing():
    y = np.array([0, 0, 1, 1])
    right = np.tile(y, (5, 1))
    wrong = right.copy()
    wrong[:, 0] = 1
    for other in (right, wrong):
        found = report.gain(y, "frozen", "scratch", {"frozen": right, "scratch": other})
        assert "cannot tell" in found.sentence


def pretended(photos, out: Path, shares: dict[str, float]) -> report.Measurement:
    """A measurement whose networks are right so often, without any network."""
    rng = np.random.default_rng(0)

    def some(share: float) -> np.ndarray:
        y = photos.y[photos.test]
        wrong = (y + rng.integers(1, photos.classes, len(y))) % photos.classes
        return np.where(rng.random(len(y)) < share, y, wrong)

    store = report.Store(out)
    store.begin(photos)
    full = {"scratch": 8, "fine-tuned": 4}
    store.content["plans"]["1"] = {"steps": full, "rates": 3, "full": full, "seconds": full}
    made = report.Measurement(photos, store, 1, 0, lambda *_: None)
    for arm, share in shares.items():
        steps = made.budgets(arm)
        chosen = {"setting": 0.01, "inside": True, "why": "", "tried": 3}
        store.content["chosen"][report._key(arm, steps)] = [
            chosen | {"steps": each} for each in steps or [None]
        ]
        for seed in report.SEEDS:
            predicted = [some(share).tolist() for _ in steps or [None]]
            store.content["runs"].append(
                {"arm": arm, "seed": seed, "steps": steps, "setting": 0.01, "seconds": 1.0,
                 "cpu_seconds": 1.5, "predicted": predicted}
            )  # fmt: skip
    store.content["classifier"] = {
        "arm": "frozen", "setting": 0.01, "steps": None, "score": 0.9, "side": 128,
        "versions": "Keras", "predicted": some(shares["frozen"]).tolist(),
        "probability": rng.random(len(photos.test)).tolist(),
    }  # fmt: skip
    return made


def test_two_hundred_classes_make_a_page_with_a_list_of_confusions(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (600, 128, 128, 3), "uint8")
    names = tuple(f"class {k}" for k in range(200))
    places = np.split(np.arange(600), [400, 400])
    files = tuple(f"{n}.jpg" for n in range(600))
    photos = report.Photos("many", x, np.arange(600) % 200, files, names, *places, "many: 600.", 0)
    shares = {"frozen": 0.8, "pixels": 0.1, "scratch": 0.4, "fine-tuned": 0.8}
    page = report.render(pretended(photos, tmp_path, shares))
    assert "Most frequent confusions" in page
    assert "Confusion matrix" not in page
    assert page.count("data:image/jpeg") == report.MISTAKES
    assert "We cannot tell which is best here" in page


def test_a_single_test_photograph_is_spoken_of_as_one(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (9, 128, 128, 3), "uint8")
    places = np.split(np.arange(9), [8, 8])
    files = tuple(f"{n}.jpg" for n in range(9))
    photos = report.Photos("few", x, np.arange(9) % 2, files, ("a", "b"), *places, "few: 9.", 0)
    page = report.render(pretended(photos, tmp_path, dict.fromkeys(report.ARMS, 1.0)))
    assert "1 photograph was put aside as a test" in page
    assert "There is only one test photograph, so the intervals are wide" in page
    assert "We cannot tell which is best here" in page


def test_a_page_without_mistakes_says_so(photos, tmp_path):
    shares = dict.fromkeys(report.ARMS, 1.0)
    page = report.render(pretended(photos, tmp_path, shares))
    assert "Nothing: all test photographs are named right." in page
    assert "The worst mistakes" not in page


def test_the_page_is_drawn_without_a_screen(photos, tmp_path, monkeypatch):
    def no_screen(*_, **__):
        raise ImportError("Cannot load backend 'TkAgg' which requires 'tk'")

    monkeypatch.setattr(report.plotting.plt, "subplots", no_screen)
    page = report.render(pretended(photos, tmp_path, dict.fromkeys(report.ARMS, 0.5)))
    assert "Confusion matrix" in page


def test_confusions_of_many_classes_are_listed_the_most_frequent_first():
    names = tuple(f"class {k}" for k in range(200))
    y = np.array([3, 3, 3, 7, 8])
    found = np.array([4, 4, 3, 1, 8])
    first, second = report._confusions(y, found, names)
    assert first == {"true": "class 3", "found": "class 4", "count": 2, "of": 3}
    assert second["count"] == 1
