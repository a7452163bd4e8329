import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import (
    augmentation,
    augmentation_from_scratch,
    data,
    fine_tuning,
    fine_tuning_pays,
    label_efficiency,
    negative_transfer,
    photo_distance,
    photos,
    several_tasks,
    source_distance,
    transfer_depth,
    tuned,
    warm_starts,
)
from tlcourse import models, plotting
from tlcourse.course.content import benchmark, photo_scores
from tlcourse.data import (
    few_labels,
    load_photo,
    load_sample_photos,
    make_cluttered_digits,
    make_stripes,
)
from tlcourse.files import CourseError

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


ARMS = {"scratch", "frozen", "fine-tuned"}
SPEED = ("fine_tuning_speed", "grading", "widgets")  # which have no seeds


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda p: p.stem)
def test_a_stored_result_has_its_benchmark_and_five_seeds(path):
    assert (RESULTS.parent / f"{path.stem}.py").is_file()
    assert path.stem in SPEED or json.loads(path.read_text())["seeds"] >= 5


def summaries(result, settings, most=0.1):
    """Mean and standard deviation of a stored result, which has one score for each seed."""
    mean, sd = plotting.mean_and_sd(result)
    assert mean.shape == settings
    if not isinstance(result, dict):  # a dict is what is left of scores that were not kept
        assert np.shape(result) == (*settings, 5)
    assert ((mean > 0.05) & (mean < 1) & (sd > 0) & (sd < most)).all()
    return mean


@pytest.mark.parametrize("name", ["label_efficiency", "negative_transfer"])
def test_arms_over_labels_are_stored_at_both_budgets(name):
    stored = benchmark(name)
    assert stored["labels"] == sorted(stored["labels"])
    assert set(stored["accuracy"]) == set(map(str, stored["steps"]))
    for arms in stored["accuracy"].values():
        assert set(arms) == {*ARMS, "pixels"}
        for scores in arms.values():
            summaries(scores, (len(stored["labels"]),), most=0.2)
        plotting.label_efficiency(stored["labels"], arms)  # as it is
    plotting.plt.close("all")


def test_every_arm_is_compared_at_settings_inside_of_their_grids():
    for name in ("label_efficiency", "negative_transfer", "transfer_depth", "source_distance"):
        assert benchmark(name)["inside"], name


def test_other_results_name_the_same_arms():
    depth, distance = map(benchmark, ("transfer_depth", "source_distance"))
    assert set(depth["accuracy"]) == set(distance["accuracy"]) == ARMS - {"scratch"}
    for scores in depth["accuracy"].values():
        summaries(scores, (5,))
    for sources in distance["accuracy"].values():
        for scores in sources.values():
            summaries(scores, ())


def test_head_first_is_stored_for_the_same_arms_with_rates_inside_their_grids():
    stored = benchmark("head_first")
    shape = (len(stored["shifts"]), len(stored["severities"]), stored["seeds"])
    for arms in stored["budgets"].values():
        assert set(arms) == ARMS | {"head first"}
        for arm in arms.values():
            assert arm["inside"]
            assert np.shape(arm["accuracy"]) == shape


def test_every_score_is_stored_a_row_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(label_efficiency, "RESULTS", tmp_path)
    scores = label_efficiency.scores({"scratch": np.array([[0.12345, 0.2], [0.3, 0.4]])})
    label_efficiency.save("some", {"labels": [5, 10], "accuracy": scores})
    text = (tmp_path / "some.json").read_text()
    assert "[0.1234, 0.2],\n" in text
    assert json.loads(text) == json.loads(capsys.readouterr().out.splitlines()[-1])
    assert np.shape(json.loads(text)["accuracy"]["scratch"]) == (2, 2)


def test_an_unknown_result_is_named():
    with pytest.raises(CourseError, match=r"no result 'magic'.*label_efficiency"):
        benchmark("magic")


def test_the_generators_are_measured_in_images_per_second():
    assert data.images_per_second(make_stripes, images=50, repeats=3) > 100


def test_augmentation_is_stored_for_four_sets_with_settings_inside_their_grids():
    stored = benchmark("augmentation")
    assert set(stored["sets"]) == set(photos.PUBLIC)
    for record in stored["sets"].values():
        assert set(record["accuracy"]) == set(record["chosen"]) == set(augmentation.ARMS)
        for arm, scores in record["accuracy"].items():
            assert len(scores) == 5
            assert record["chosen"][arm]["inside"]


def test_augmentation_from_scratch_is_stored_for_two_budgets_with_rates_inside_their_grids():
    stored = benchmark("augmentation_from_scratch")["tasks"]
    assert set(stored) == set(augmentation_from_scratch.TASKS)
    for name, task in augmentation_from_scratch.TASKS.items():
        assert set(stored[name]["arms"]) == set(task.arms)
        assert stored[name]["labels"] == task.labels
        for record in stored[name]["arms"].values():
            assert [int(budget) for budget in record] == task.budgets[::-1]
            for found in record.values():
                assert found["inside"]
                assert len(found["train"]) == len(found["test"]) == 5


@pytest.mark.parametrize("task", augmentation_from_scratch.TASKS)
def test_augmentation_is_tuned_on_pictures_that_are_neither_trained_nor_tested_on(task):
    given = augmentation_from_scratch.TASKS[task]
    tuned, tested = given.data("validation"), given.data("test")
    drawn = few_labels(tuned, given.labels, augmentation_from_scratch.TUNING_SEED).x_train
    held_out = {image.tobytes() for image in tuned.x_test}
    assert not held_out & {image.tobytes() for image in [*drawn, *tested.x_test]}
    assert (tuned.x_train == tested.x_train).all()


def test_a_run_that_is_known_is_not_repeated(tmp_path, monkeypatch):
    runs = []

    def run(task, arm, rate, seed, steps, held_out):
        runs.append((rate, len(steps)))
        return [[1.0, 0.9 - abs(rate - 2e-3)]] * len(steps)

    monkeypatch.setattr(augmentation_from_scratch, "run", run)
    for _ in range(2):  # the second time, all of it is on file
        kept = tuned.Kept(tmp_path / "some.unfinished")
        record = augmentation_from_scratch.measure("digits", "crop", kept)
    assert len(runs) == 3 + 5
    assert record["150"]["rate"] == record["600"]["rate"] == 2e-3


def test_distances_are_stored_for_the_sets_that_were_measured():
    sets = benchmark("photo_distance")["sets"]
    assert set(sets) == set(photo_distance.SOURCES)
    for name, record in benchmark("photos")["sets"].items():
        assert sets[name]["digest"] == record["digest"]
    assert all(len(record["sureness"]) == 5 for record in sets.values())


def test_every_way_is_measured_on_every_set_of_photographs_and_tuned_inside_its_grid():
    for record in benchmark("photos")["sets"].values():
        for labels in ("5", "20", "80"):
            assert record["summary"][labels]["complete"]
            for arm, chosen in record["chosen"].items():
                assert all(each["inside"] for each in chosen[labels]), (arm, labels)


def test_the_network_is_less_sure_of_noise_than_of_a_photograph():
    network = models.efficientnet_lite0(side=64, top=True)
    cup = load_photo(Image.fromarray(load_sample_photos()["coffee"].image), 64)
    noise = np.random.default_rng(0).integers(0, 256, cup.shape)
    sure = [photo_distance.sureness(network, np.stack([x] * 300)) for x in (cup, noise)]
    assert min(sure[0]) > max(sure[1]) + 0.1


@pytest.mark.parametrize("arm", augmentation.ARMS[1:])
def test_an_augmentation_makes_other_photographs_of_the_same_size(arm):
    x = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("uint8")
    made = augmentation.versions_of(x, arm, 0)
    assert made.dtype == "uint8"
    assert made.shape == ((1 if arm == "flip" else augmentation.VERSIONS) * 3, 32, 32, 3)
    assert not (made[:3] == x).all()
    assert (made == augmentation.versions_of(x, arm, 0)).all(), "the seed decides"


def test_a_crop_keeps_an_even_picture_and_a_flip_turned_twice_is_the_picture():
    even = np.full((1, 32, 32, 3), 77, "uint8")
    assert (augmentation.versions_of(even, "crop", 1) == 77).all()
    x = np.arange(32 * 32 * 3, dtype="uint8").reshape(1, 32, 32, 3)
    once = augmentation.versions_of(x, "flip", 0)
    assert (augmentation.versions_of(once, "flip", 0) == x).all()


def test_the_scores_of_an_arm_on_photographs_are_those_of_its_larger_budget():
    stored = benchmark("photos")["sets"]["flowers_160"]["summary"]["20"]
    for arm, (mean, _) in stored["accuracy"].items():
        scores = photo_scores("flowers_160", arm)
        assert scores.shape == (5,)
        assert abs(scores.mean() - mean) < 1e-4
    assert photo_scores("flowers_160", "scratch", 7) is None, "not measured"


# --- warm starts, tuned at each budget -----------------------------------------------------------


@pytest.fixture
def invented(tmp_path, monkeypatch):
    """Scores that are made up, in a folder of their own; the list holds what was run."""
    runs = []

    def run(source, copied, frozen, rate, seed, steps, held_out):
        runs.append((source, copied, frozen, rate, seed, tuple(steps), held_out))
        height = 0.5 + 0.01 * copied - 0.02 * frozen - abs(np.log(rate / 2e-3)) / 10
        return [round(height + 0.001 * seed % 5 + 0.1 * (n > 400), 4) for n in steps]

    monkeypatch.setattr(warm_starts, "run", run)
    monkeypatch.setattr(label_efficiency, "RESULTS", tmp_path)
    for module in (transfer_depth, source_distance):
        monkeypatch.setattr(module, "source", lambda *which: which)
        monkeypatch.setattr(module, "UNFINISHED", tmp_path / f"{module.__name__}.unfinished")
    return runs


def test_transfer_depth_has_its_control_and_every_score_at_two_budgets(invented, capsys):
    transfer_depth.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["inside"]
    for ways in result["accuracy_at"].values():
        assert set(ways["letters"]) == {"fine-tuned", "frozen"}
        assert set(ways["own"]) == {"frozen"}
        for scores in (*ways["letters"].values(), *ways["own"].values()):
            assert np.shape(scores) == (5, 5)
        assert ways["letters"]["frozen"][0] == ways["own"]["frozen"][0], "scratch, measured once"
    assert result["accuracy"] == result["accuracy_at"]["400"]["letters"]
    assert [len(each) for each in result["own_ahead"]["1200"]] == [3] * 5
    assert len(invented) == len(set(invented)), "no run twice"
    tuning = {key for key in invented if key[-1] == "validation"}
    assert {key[4] for key in tuning} == {tuned.TUNING_SEED}


def test_source_distance_has_three_sources_of_ten_classes_for_each_distance(invented, capsys):
    source_distance.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    for ways in result["accuracy_at"].values():
        assert set(ways) == {"fine-tuned", "frozen"}
        for sources in ways.values():
            assert {np.shape(scores) for scores in sources.values()} == {(3, 5)}
        assert set(ways["frozen"]) - set(ways["fine-tuned"]) == {source_distance.CONTROL}
    for sources in result["accuracy"].values():
        for scores in sources.values():
            summaries(scores, ())
    assert len({*result["letters"]}) == 3
    assert {len({*letters}) for letters in result["letters"]} == {10}


def test_a_long_run_counts_for_the_short_budget_only_at_the_same_rate(tmp_path):
    asked, kept = [], tuned.Kept(tmp_path / "kept")

    def run(rate, seed, steps, held_out):
        def compute():
            asked.append((rate, seed, tuple(steps), held_out))
            best = 4e-3, 1e-3  # of the short budget, of the long one
            return [-abs(np.log(rate / b)) for b, _ in zip(best, steps, strict=False)]

        return kept.run((rate, seed, held_out), steps, compute)

    record = tuned.at_each_budget(run, (1e-3, 2e-3, 4e-3), [10, 20], range(5))
    assert {budget: found["setting"] for budget, found in record.items()} == {
        "20": 1e-3,
        "10": 4e-3,
    }
    assert all(found["inside"] for found in record.values())
    tests = [(rate, steps) for rate, _, steps, held_out in asked if held_out == "test"]
    assert set(tests) == {(1e-3, (10, 20)), (4e-3, (10,))}
    assert tuned.Kept(kept.path).done == kept.done


def test_frozen_copies_stay_and_fine_tuned_ones_move(monkeypatch):
    small = make_cluttered_digits(200, 20, random_state=1)
    monkeypatch.setattr(warm_starts, "data", lambda held_out: small)
    source = models.small_cnn()
    for frozen in (True, False):
        warm_starts.network(2, frozen).steps_per_execution = 1  # it is compiled sooner
        scores = warm_starts.run(source, 2, frozen, 2e-3, 0, [1], "test")
        assert len(scores) == 1
        network = warm_starts.network(2, frozen)
        for name in ("conv1", "conv2"):
            pair = (model.get_layer(name).get_weights()[0] for model in (source, network))
            assert np.array_equal(*pair) == frozen
    warm_starts.network.cache_clear()


def test_four_arms_are_tuned_and_compared_at_every_number_of_labels():
    asked = []

    def score(arm, labels, setting, seed, steps, held_out):
        asked.append((arm, labels, seed, held_out))
        best = 1e-3 if arm in label_efficiency.SOLVED else 2e-3
        reached = 0.5 + 0.1 * (arm == "fine-tuned") + labels / 100 + seed / 1000
        score = reached - abs(np.log(setting / best)) / 50
        return [score] if arm in label_efficiency.SOLVED else [score] * len(steps)

    found = label_efficiency.compared(score, [1, 5], [10, 20], (1e-3, 2e-3, 4e-3), draws=3)
    assert found["inside"]
    assert found["settings"]["10"]["scratch"] == [2e-3, 2e-3]
    assert set(found["accuracy"]["20"]) == {*ARMS, "pixels"}
    for arms in found["accuracy"].values():
        for scores in arms.values():
            assert np.shape(scores) == (2, 5)
    mean, low, high = found["lead"]["fine-tuned over scratch"]["20"][0]
    assert mean == pytest.approx(0.1)
    assert low <= mean <= high
    tuned_on = {(labels, seed) for _, labels, seed, held_out in asked if held_out == "validation"}
    assert tuned_on == {(1, 100), (1, 101), (1, 102), (5, 100)}


def test_negative_transfer_tests_on_other_handwriting_and_tunes_on_what_a_draw_leaves():
    test, validation = (negative_transfer.draw(5, 0, part) for part in ("test", "validation"))
    assert len(test.x_train) == len(validation.x_train) == 25
    assert np.array_equal(test.x_test, negative_transfer.digits(5).x_test)
    known = {image.tobytes() for image in validation.x_train}
    assert not known & {image.tobytes() for image in validation.x_test}
    assert len(validation.x_test) > 500
    assert set(validation.y_test) == set(range(5))


# --- when fine-tuning pays -----------------------------------------------------------------------


@pytest.mark.parametrize("name", fine_tuning_pays.CANDIDATES)
def test_a_target_keeps_what_is_labelled_chosen_on_and_tested_on_apart(name):
    found = fine_tuning_pays.Target.draw_images(name, 3, 40, 40)
    assert found.x.shape[1:] == (64, 64, 3)
    assert found.x.dtype == "uint8"
    drawn = found.draw(2, 0)
    assert np.bincount(found.y[drawn]).tolist() == [2] * found.classes
    parts = [set(drawn), set(found.validation(drawn)), set(found.test)]
    assert [len(part) for part in parts] == [2 * found.classes, 40, 40]
    images = [{found.x[place].tobytes() for place in part} for part in parts]
    assert len(set.union(*images)) == sum(map(len, images))


@pytest.fixture
def pays(tmp_path, monkeypatch):
    runs = []

    class Few:
        kept_back, test = "validation", "test"

        def draw(self, labels, seed):
            return labels

    def run(arm, given, drawn, places, setting, seed, budgets, strength):
        runs.append((arm, drawn, setting, seed))
        best = 1e-3
        gain = 0.05 * ("tuned" in arm) - 0.1 * (arm == "scratch")
        score = 0.6 + gain + 0.001 * seed % 5 - abs(np.log(setting / best)) / 50
        return [score] * max(1, len(budgets))

    monkeypatch.setattr(fine_tuning_pays, "target", lambda name: Few())
    monkeypatch.setattr(photos, "run", run)
    monkeypatch.setattr(fine_tuning_pays, "STORE", tmp_path / "runs.jsonl")
    monkeypatch.setattr(label_efficiency, "RESULTS", tmp_path)
    return runs


def test_fine_tuning_pays_prints_all_scores_and_settings_and_goes_on(pays, capsys):
    fine_tuning_pays.main(["--minutes", "0"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not result["complete"]
    fine_tuning_pays.main([])
    result, done = json.loads(capsys.readouterr().out.splitlines()[-1]), len(pays)
    assert result["complete"]
    assert set(result["targets"]) == set(fine_tuning_pays.TARGETS)
    for each in result["targets"].values():
        assert {int(labels) for labels in each["arms"]} == {5, 20, 50, 200}
        for labels, arms in each["arms"].items():
            assert set(arms) == {"frozen", "fine-tuned", "scratch"}
            for record in (found for arm in arms.values() for found in arm.values()):
                assert len(record["results"]) == 5
                assert record["inside"]
            assert np.allclose(each["gain"][labels]["frozen"], 0.05, atol=1e-3)
    fine_tuning_pays.main([])
    assert len(pays) == done, "all of it is on file"
    capsys.readouterr()


def test_the_decisions_of_fine_tuning_are_compared_with_the_recipe_and_go_on(
    tmp_path, monkeypatch, capsys
):
    class Run:
        def __init__(self, **about):
            self.about = about

        def __call__(self, rate, seed, places, strength):
            cost = 0.1 if self.about.get("norm") else 0.0
            return 0.7 - cost - 0.001 * seed * (1 + cost) - abs(np.log(rate / 1e-3)) / 50

    class Few:
        kept_back, test = "validation", "test"

    monkeypatch.setattr(fine_tuning, "Run", Run)
    monkeypatch.setattr(fine_tuning.pays, "target", lambda name: Few())
    monkeypatch.setattr(fine_tuning, "strength_of_the_head", lambda: 0.01)
    monkeypatch.setattr(fine_tuning, "STORE", tmp_path / "runs.jsonl")
    monkeypatch.setattr(label_efficiency, "RESULTS", tmp_path)
    fine_tuning.main(["--minutes", "0"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not result["complete"]
    assert [arm["gain"] for arm in result["arms"].values()] == [[]] * len(fine_tuning.ARMS)
    fine_tuning.main([])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["complete"]
    arms = result["arms"]
    assert arms["the recipe"]["gain"] == []
    assert np.allclose(arms["BatchNormalization that trains"]["gain"], -0.1, atol=1e-3)
    assert arms["ten times the rate"]["setting"] == 10 * arms["the recipe"]["setting"]
    assert arms["ten times the rate"]["gain"][2] < 0
    monkeypatch.setattr(fine_tuning, "Run", None)
    fine_tuning.main([])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == result, "all of it is on file"


def test_gains_on_photographs_are_read_from_their_own_result():
    stored = fine_tuning_pays.on_photographs()
    assert set(stored) <= set(photos.PUBLIC)
    for networks in stored.values():
        for labels in networks.values():
            for arms in labels.values():
                assert len(arms["frozen"]) == len(arms["fine-tuned"]) == 5
                gain = np.mean(arms["fine-tuned"]) - np.mean(arms["frozen"])
                assert abs(arms["gain"][0] - gain) < 1e-4


# --- several tasks, and forgetting ---------------------------------------------------------------


@pytest.fixture
def invented_tasks(tmp_path, monkeypatch):
    """Scores that are made up, in a folder of their own; the list holds what was run."""
    runs = []

    def run(arm, labels, rate, seed, steps, held_out, before):
        runs.append((arm, labels, rate, seed, tuple(steps), held_out))
        tasks = several_tasks.ARMS[arm][0]
        best = 0.6 + 0.05 * ("odd" in arm) - 0.1 * ("shade" in arm) + 0.002 * seed % 5
        height = best - abs(np.log(rate / 2e-3)) / 20
        return [dict.fromkeys(tasks, height + 0.1 * (n > 200)) for n in steps]

    def forget(way, rate, seed, moments, held_out):
        runs.append((way, rate, seed, held_out))
        height = 0.9 - abs(np.log(rate / 2e-3)) / 20
        return [{"digit": height, "letter": 0.5 + seed / 1000} for _ in moments]

    monkeypatch.setattr(several_tasks, "run", run)
    monkeypatch.setattr(several_tasks, "forget", forget)
    monkeypatch.setattr(several_tasks, "STORE", tmp_path / "runs.jsonl")
    monkeypatch.setattr(label_efficiency, "RESULTS", tmp_path)
    return runs


def test_several_tasks_are_stored_with_every_score_at_two_budgets_and_go_on(invented_tasks, capsys):
    several_tasks.main(["--minutes", "0"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["forgetting"] == {}
    several_tasks.main([])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    few, many = (result["arms"][str(labels)] for labels in several_tasks.LABELS)
    assert set(few) - set(many) == set(several_tasks.FEW_ONLY)
    assert set(few) | set(result["alone"]) == set(several_tasks.ARMS)
    for record in [*few.values(), *many.values(), *result["alone"].values()]:
        assert set(record) == {"200", "800"}
        for found in record.values():
            assert found["inside"]
            assert found["setting"] == 2e-3
            assert len(found["results"]) == 5
    assert np.allclose(result["gain"]["5"]["800"]["with odd over alone"], 0.05, atol=1e-3)
    assert set(result["forgetting"]) == set(several_tasks.WAYS)
    for record in result["forgetting"].values():
        assert [len(moments) for moments in record["results"]] == [8] * 5
    assert result["forgetting"]["a tenth of the rate"]["setting"] == pytest.approx(2e-4)
    assert len(invented_tasks) == len(set(invented_tasks)), "no run twice"
    done = len(invented_tasks)
    several_tasks.main([])
    assert len(invented_tasks) == done, "all of it is on file"


def test_several_tasks_and_forgetting_are_stored_with_rates_inside_their_grids():
    stored = benchmark("several_tasks")
    few, many = (stored["arms"][str(labels)] for labels in stored["labels"])
    assert set(few) | set(stored["alone"]) == set(several_tasks.ARMS)
    assert set(few) - set(many) == set(several_tasks.FEW_ONLY)
    records = [arm[str(stored["steps"][-1])] for arms in (few, many) for arm in arms.values()]
    records += [arm[str(stored["steps"][-1])] for arm in stored["alone"].values()]
    assert set(stored["forgetting"]) == set(several_tasks.WAYS)
    for record in [*records, *stored["forgetting"].values()]:
        assert record["inside"]
        assert len(record["results"]) == 5
    for arm in ("with odd", "with shade"):
        cosines = [found["cosines"] for found in few[arm]["800"]["results"]]
        assert np.shape([list(each.values()) for each in cosines]) == (5, len(several_tasks.LOOKS))


def test_every_image_gets_three_labels_and_the_shade_is_that_of_its_label():
    x, digit = np.ones((300, 14, 14, 1), "float32"), np.arange(300) % 10
    shaded, labels = several_tasks.ask_three(x, digit, 0)
    assert set(labels) == {"digit", "odd", "shade"}
    assert (labels["odd"] == digit % 2).all()
    expected = np.array(several_tasks.SHADES, "float32")[labels["shade"]]
    assert (shaded == expected[:, None, None, None]).all()
    assert np.bincount(labels["shade"]).min() > 50


def test_few_labels_are_a_subset_of_more_and_spread_over_the_digits():
    y = np.arange(100) % 10
    few, more = (several_tasks.labelled(y, n, seed=3) for n in (2, 10))
    assert np.bincount(y[few]).tolist() == [2] * 10
    assert set(few) < set(more)
    assert set(few) != set(several_tasks.labelled(y, 2, seed=4))


def test_a_task_without_images_in_the_batch_leaves_its_head_and_only_its_head_alone():
    model = several_tasks.network(*several_tasks.HEADS)
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 14, 14, 1), dtype="float32"), rng.integers(2, size=40)
    several_tasks.begin(model, 0, 1e-3)
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    parts = {"digit": (x, y, np.arange(20), 4, 0.5), "odd": (x, y, np.arange(20, 40), 4, 0.5)}
    several_tasks.train(model, parts, 2, seed=0)
    same = {
        name: all(map(np.array_equal, weights, model.get_layer(name).get_weights()))
        for name, weights in before.items()
    }
    assert {name for name, still in same.items() if still} == {"shade"}


def test_two_tasks_are_compared_by_the_angle_between_their_gradients():
    model = several_tasks.network(*several_tasks.HEADS)
    several_tasks.begin(model, 0, 1e-3)
    rng = np.random.default_rng(0)
    x, y = rng.random((20, 14, 14, 1), dtype="float32"), rng.integers(2, size=20)
    head = model.get_layer("odd")
    model.get_layer("digit").set_weights(
        [np.hstack([w, np.full((*w.shape[:-1], 8), 0.0)]) for w in head.get_weights()[:1]]
        + [np.append(head.get_weights()[1], np.full(8, -99.0))]
    )  # the digit's head is the other's, and eight classes that never come
    pair = {"digit": (x, y), "odd": (x, y)}
    assert several_tasks.cosine(model, pair) == pytest.approx(1, abs=1e-3)
    opposite = {"digit": (x, y), "odd": (x, 1 - y)}
    assert several_tasks.cosine(model, opposite) < 0.9
