"""What is a source worth on photographs? Eight ways to a classifier, over the number of labels.

    python -m benchmarks.photos FOLDER … [--store FILE]

Each folder holds one sub-folder of photographs per class. Eight arms, at 5, 20 and 80 labels per
class (as far as the photographs reach), five seeds, paired: at one seed every arm sees the same
labelled photographs.

- pixels: logistic regression on 64×64 pixels;
- statistics: logistic regression on 18 numbers, how bright and how rough each colour is, each
  divided by its standard deviation in the pool;
- scratch: `models.scene_cnn` at 64 pixels from random weights, shifted by up to four pixels;
- random EfficientNet-Lite0: logistic regression on the features of a network that was never
  trained, another one for each seed, at 128 pixels;
- frozen letters-ResNet50, frozen EfficientNet-Lite0: logistic regression on the features of the
  course's two networks, at 64 and at 128 pixels;
- fine-tuned letters-ResNet50, fine-tuned EfficientNet-Lite0: the same head first, then the upper
  part (from `conv5`, from `stage6`) with it, with BatchNormalization still, on what the part below
  returns (Kumar et al. 2022). No augmentation.

All columns of a regression are scaled by one number, for the reason that `regression` gives.

Each class gives 40 % of its photographs to the test, but at most what leaves 100 and then at least
40. The labels are drawn from the others, the pool.

Every arm has one setting that is tuned: the strength of the regression, C, or the learning rate.
It is tuned for each folder and number of labels, on another draw from the pool, measured on up to
50 photographs per class of what that draw leaves. The grid grows until its best value is not at
its edge. Two budgets are shown side by side for the arms that train in steps; each is tuned at its
own. The test set is looked at once for each score that is stored.

Every score is written to the file as soon as it is there, so a run that is interrupted, by Ctrl-C
or otherwise, goes on where it stopped. A folder whose photographs have changed begins again.
"""

import argparse
import json
import os
import re
import signal
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path
from time import process_time
from typing import ClassVar

import numpy as np

from benchmarks.label_efficiency import RESULTS
from benchmarks.tuned import TUNING_SEED, paired_interval
from tlcourse import models, transfer
from tlcourse.backend import keras, versions
from tlcourse.data import Dataset, few_labels, load_photo_folder
from tlcourse.files import CourseError
from tlcourse.rivals import (
    BATCH,
    SHIFT,
    WIDEN_MOST,
    Scratch,
    Trainer,
    Upper,
    logistic_regression,
    simple_statistics,
    tune,
)

LABELS = (20, 5, 80)  # in the order of running
SEEDS = range(5)
SIDE, SMALL_SIDE = 128, 64  # pixels
TEST_SHARE, TEST_LEAST, POOL_LEAST = 0.4, 40, 100  # of a class
VALIDATION_LEAST, VALIDATION_MOST = 5, 50  # photographs per class
# Steps at 5, 20 and 80 labels per class; half as many are the smaller budget.
STEPS = {
    "scratch": {5: 200, 20: 400, 80: 800},
    "fine-tuned": {5: 80, 20: 160, 80: 320},
}
# Where the grids begin: learning rates, and C of the logistic regression.
RATES = {"scratch": (3e-4, 1e-3, 3e-3), "fine-tuned": (1e-4, 3e-4, 1e-3)}
STRENGTHS = (1e-4, 1e-3, 1e-2)
NETWORKS = {"letters-ResNet50": "conv4", "EfficientNet-Lite0": "stage5"}  # below the cut
# The arms that a regression solves, and those that train in steps.
SOLVED = (
    "pixels",
    "statistics",
    "random EfficientNet-Lite0",
    "frozen letters-ResNet50",
    "frozen EfficientNet-Lite0",
)
TRAINED = ("fine-tuned EfficientNet-Lite0", "scratch", "fine-tuned letters-ResNet50")
ARMS = SOLVED + TRAINED
# Where the photographs that were measured come from; they were resized before.
PUBLIC = {
    "flowers_160": "flowers, five classes, as distributed on Kaggle (200 of each, 160 pixels)",
    "ants_bees_160": "hymenoptera of the PyTorch tutorial on transfer learning (160 pixels)",
    "trash_160": "TrashNet, MIT, garythung/trashnet (137 of each, 160 pixels)",
    "sign_language_digits": "Apache-2.0, ardamavi/Sign-Language-Digits-Dataset (100 pixels)",
}

PROTOCOL = json.loads(
    json.dumps(
        {
            "side": {"EfficientNet-Lite0": SIDE, "others": SMALL_SIDE},
            "labels": sorted(LABELS),
            "seeds": len(SEEDS),
            "tuning_seed": TUNING_SEED,
            "test": {"share": TEST_SHARE, "least": TEST_LEAST, "leaves": POOL_LEAST},
            "validation_per_class": [VALIDATION_LEAST, VALIDATION_MOST],
            "batch": BATCH,
            "shift": {"scratch": SHIFT},
            "steps": {arm: {str(n): s for n, s in steps.items()} for arm, steps in STEPS.items()},
            "grids_begin": {**RATES, "pixels": STRENGTHS, "frozen": STRENGTHS},
            "scale": "one for all columns",
            "cut_after": NETWORKS,
            "optimizer": "Adam",
        }
    )
)


# --- the photographs -----------------------------------------------------------------------------


def contents_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder.

    Of each file in the order of their names as bytes: its path below the folder in UTF-8, a zero
    byte, and the 32 bytes of its content's SHA-256. Hidden files do not count.
    """
    digest = sha256()
    paths = {
        path.relative_to(folder).as_posix().encode(): path
        for path in folder.rglob("*")
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    }
    for name in sorted(paths):
        digest.update(name + b"\0" + sha256(paths[name].read_bytes()).digest())
    return digest.hexdigest()


@dataclass
class Photos:
    """One folder: its photographs, their split, and what the networks make of them."""

    folder: Path
    digest: str
    x: np.ndarray  # (n, SIDE, SIDE, 3) uint8
    y: np.ndarray
    class_names: tuple[str, ...]
    test: np.ndarray  # places in x
    pool: np.ndarray
    trainers: dict[str, Trainer] = field(default_factory=dict)
    untrained: dict[int, np.ndarray] = field(default_factory=dict)  # features, by seed
    cuts: ClassVar[dict[str, str]] = NETWORKS  # what lies below stays frozen

    @classmethod
    def read(cls, folder: Path) -> "Photos":
        """Read a folder; the same picture counts once, and its content decides on its place."""
        with redirect_stdout(sys.stderr):  # what is odd about the photographs
            whole = load_photo_folder(folder, SIDE)
        x = np.concatenate([whole.x_train, whole.x_test])
        y = np.concatenate([whole.y_train, whole.y_test])
        hashes = np.array([sha256(image.tobytes()).hexdigest() for image in x])
        _, first = np.unique(hashes, return_index=True)  # also brings them in a fixed order
        x, y = x[first], y[first]
        test = np.concatenate(
            [np.flatnonzero(y == k)[: for_test(np.sum(y == k))] for k in range(y.max() + 1)]
        )
        pool = np.setdiff1d(np.arange(len(y)), test)
        return cls(folder, contents_digest(folder), x, y, whole.class_names, test, pool)

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @cached_property
    def small(self) -> np.ndarray:
        """The photographs at SMALL_SIDE: the mean of each 2×2 pixels."""
        halves = self.x.reshape(len(self.x), SMALL_SIDE, 2, SMALL_SIDE, 2, 3)
        return np.rint(halves.mean((2, 4), dtype="float32")).astype("uint8")

    def reaches(self, labels: int) -> bool:
        """Whether there are enough photographs for so many labels per class."""
        left = np.bincount(self.y[self.pool]).min() - labels
        tested = np.bincount(self.y[self.test]).min()
        return left >= VALIDATION_LEAST and (labels < 80 or tested >= TEST_LEAST)

    def draw(self, labels: int, seed: int) -> np.ndarray:
        """The places of `labels` photographs of each class of the pool."""
        pool = Dataset(
            self.pool, self.y[self.pool], self.test, self.y[self.test], self.class_names, "", ""
        )
        return few_labels(pool, labels, seed).x_train

    def validation(self, drawn: np.ndarray) -> np.ndarray:
        """Photographs of the pool that were not drawn, the same number of each class at most."""
        left = np.setdiff1d(self.pool, drawn)
        places = [left[self.y[left] == k][:VALIDATION_MOST] for k in range(self.classes)]
        return np.concatenate(places)

    def prepare(self, arm: str) -> None:
        """Compute the features of an arm, and compile its network."""
        if arm == "scratch" or arm.partition(" ")[0] in ("frozen", "fine-tuned"):
            self.trainer(arm.partition(" ")[2] or arm)

    def untrained_features(self, seed: int) -> np.ndarray:
        """What a network with the random weights of this seed makes of the photographs."""
        if seed not in self.untrained:
            keras.utils.set_random_seed(seed)
            network = models.efficientnet_lite0(weights=None, side=SIDE)
            maps = transfer.features(network, self.x, lambda x: models.preprocess(x, network))
            self.untrained[seed] = maps.mean((1, 2))
        return self.untrained[seed]

    def trainer(self, name: str) -> Trainer:
        if name not in self.trainers:
            if name == "scratch":
                self.trainers[name] = Scratch(self.small, self.classes)
            else:
                images = self.small if "ResNet50" in name else self.x
                side = images.shape[1]
                pretrained = (
                    models.resnet50("course", side)
                    if "ResNet50" in name
                    else models.efficientnet_lite0(side=side)
                )
                self.trainers[name] = Upper(pretrained, self.cuts[name], images, self.classes)
        return self.trainers[name]


def for_test(photographs: int) -> int:
    """How many photographs of a class are for testing."""
    most = max(TEST_LEAST, photographs - POOL_LEAST)
    return int(min(round(TEST_SHARE * photographs), most))


# --- one arm -------------------------------------------------------------------------------------


def columns(arm: str, photos: Photos, seed: int) -> np.ndarray:
    """What the logistic regression of an arm sees, shape (n, d)."""
    if arm == "pixels":
        return photos.small.reshape(len(photos.small), -1) / np.float32(255)
    if arm == "statistics":
        x = simple_statistics(photos.small)
        return x / np.maximum(x[photos.pool].std(0), 1e-9)  # their units differ
    if arm.startswith("random"):
        return photos.untrained_features(seed)
    return photos.trainer(arm.partition(" ")[2]).features


def budgets_of(arm: str, labels: int) -> list[int]:
    """The budgets in steps of an arm; none for a regression, which is solved."""
    if arm in SOLVED:
        return []
    steps = STEPS[arm.partition(" ")[0]][labels]
    return [steps // 2, steps]


def run(
    arm: str, photos: Photos, drawn: np.ndarray, places: np.ndarray, setting: float, seed: int,
    budgets: list[int], strength: float | None = None,
) -> list[float]:  # fmt: skip
    """Accuracies on `places` of one run: after each budget, or the only one of a regression.

    `strength` is the C that was chosen for the head with which fine-tuning begins.
    """
    if not budgets:
        x = columns(arm, photos, seed)
        kernel, bias = logistic_regression(x[drawn], photos.y[drawn], setting)
        guesses = (x[places] @ kernel + bias).argmax(1)
        return [float(np.mean(guesses == photos.y[places]))]
    trainer = photos.trainer(arm.partition(" ")[2] or arm)
    arguments = [photos.y, drawn, places, setting, budgets, seed]
    if arm != "scratch":
        arguments.append(logistic_regression(trainer.features[drawn], photos.y[drawn], strength))
    predicted = trainer.run(*arguments)
    return [float(np.mean(classes == photos.y[places])) for classes in predicted]


# --- the file ------------------------------------------------------------------------------------


class Store:
    """All results, in a file that is whole at every moment.

    Raises
    ------
    SystemExit
        If the file is not readable, or was made under another protocol.
    """

    def __init__(self, path: Path):
        self.path = path
        self.content = {"protocol": PROTOCOL, "seeds": len(SEEDS), "sets": {}}
        if path.exists():
            try:
                self.content = json.loads(path.read_text("utf-8"))
                same = self.content["protocol"] == PROTOCOL
            except (ValueError, KeyError, TypeError):
                sys.exit(f"{path} is not a result of this benchmark: give another --store.")
            if not same:
                sys.exit(f"{path} was made under another protocol: give another --store.")

    def write(self) -> None:
        for record in self.content["sets"].values():
            record["summary"] = summarise(record)
        unfinished = self.path.with_suffix(".unfinished")
        text = json.dumps(self.content, ensure_ascii=False, indent=1)
        unfinished.write_text(_one_line_each(text) + "\n", "utf-8")
        os.replace(unfinished, self.path)

    def of(self, photos: Photos) -> dict:
        """The record of one folder, begun if it is not there or the photographs are others."""
        name, n = photos.folder.name, np.bincount
        found = self.content["sets"].get(name)
        if found is None or found["digest"] != photos.digest:
            self.content["sets"][name] = {
                "digest": photos.digest,
                "source": PUBLIC.get(name, "the reader's own photographs"),
                "classes": list(photos.class_names),
                "pool": n(photos.y[photos.pool]).tolist(),
                "test": n(photos.y[photos.test]).tolist(),
                "tuning": [],
                "chosen": {},
                "runs": [],
            }
        return self.content["sets"][name]


def _one_line_each(text: str) -> str:
    """Put short lists and objects of indented JSON on one line each."""

    def join(match: re.Match) -> str:
        line = re.sub(r"\s*\n\s*", " ", match[0])
        return line if len(line) < 250 else match[0]

    return re.sub(r"\{[^{}]*\}", join, re.sub(r"\[[^\[\]{}]*\]", join, text))


def same(entry: dict, **key) -> bool:
    return all(entry[name] == value for name, value in key.items())


# --- the grid ------------------------------------------------------------------------------------


def choose(arm: str, labels: int, photos: Photos, store: Store) -> list[float]:
    """The setting of an arm at each of its budgets, tuned if it is not stored."""
    record = store.of(photos)
    chosen = record["chosen"].setdefault(arm, {})
    if str(labels) in chosen:
        return [each["setting"] for each in chosen[str(labels)]]
    budgets = budgets_of(arm, labels)
    strength = head_strength(arm, labels, photos, store)
    drawn = photos.draw(labels, TUNING_SEED)
    places = photos.validation(drawn)

    def scores(setting: float) -> list[float]:
        key = {"arm": arm, "labels": labels, "setting": setting}
        for entry in record["tuning"]:
            if same(entry, **key):
                return entry["scores"]
        began = process_time()
        got = run(arm, photos, drawn, places, setting, TUNING_SEED, budgets, strength)
        entry = key | {"scores": rounded(got), "cpu_seconds": round(process_time() - began, 1)}
        record["tuning"].append(entry)
        store.write()
        tell(photos, "tuning", entry)
        return entry["scores"]

    result = []
    for place, budget in enumerate(budgets or [None]):
        grid = RATES[arm.partition(" ")[0]] if budgets else STRENGTHS
        widen = WIDEN_MOST if budgets else 2 * WIDEN_MOST  # a regression takes a second
        setting, inside = tune(grid, lambda value, place=place: scores(value)[place], widen)
        result.append({"steps": budget, "setting": setting, "inside": inside})
    chosen[str(labels)] = result
    store.write()
    return [each["setting"] for each in result]


def head_strength(arm: str, labels: int, photos: Photos, store: Store) -> float | None:
    """The C of the frozen arm of the same network, with whose head fine-tuning begins."""
    if not arm.startswith("fine-tuned"):
        return None
    return choose(arm.replace("fine-tuned", "frozen"), labels, photos, store)[0]


def measure(arm: str, labels: int, photos: Photos, store: Store) -> None:
    """All runs of an arm on the test set that are not stored."""
    record = store.of(photos)
    photos.prepare(arm)  # outside of what is timed
    settings = choose(arm, labels, photos, store)
    strength = head_strength(arm, labels, photos, store)
    budgets = budgets_of(arm, labels)
    # One run serves both budgets if both have the same setting.
    parts = [[budget] for budget in budgets] if len({*settings}) > 1 else [budgets]
    for seed in SEEDS:
        key = {"arm": arm, "labels": labels, "seed": seed}
        for part, setting in zip(parts, settings, strict=False):
            if any(same(e, steps=part, setting=setting, **key) for e in record["runs"]):
                continue
            drawn = photos.draw(labels, seed)
            began = process_time()
            got = run(arm, photos, drawn, photos.test, setting, seed, part, strength)
            entry = key | {
                "setting": setting,
                "steps": part,
                "scores": rounded(got),
                "cpu_seconds": round(process_time() - began, 1),
            }
            record["runs"].append(entry)
            store.write()
            tell(photos, "test", entry)


def rounded(scores: Iterable[float]) -> list[float]:
    return [round(score, 4) for score in scores]


def tell(photos: Photos, what: str, entry: dict) -> None:
    words = ", ".join(f"{key} {value}" for key, value in entry.items())
    print(f"{photos.folder.name}, {what}: {words}", file=sys.stderr, flush=True)


# --- the summary ---------------------------------------------------------------------------------


def scores_of(record: dict, arm: str, labels: int, larger: bool) -> list[float]:
    """The scores of the seeds, at the larger or the smaller budget, as far as they are there."""
    chosen = record["chosen"].get(arm, {}).get(str(labels))
    if not chosen:
        return []
    budget = chosen[-1 if larger else 0]
    found = {}
    for entry in record["runs"]:
        if same(entry, arm=arm, labels=labels, setting=budget["setting"]):
            if budget["steps"] is None:
                found[entry["seed"]] = entry["scores"][0]
            elif budget["steps"] in entry["steps"]:
                place = entry["steps"].index(budget["steps"])
                found[entry["seed"]] = entry["scores"][place]
    return [found[seed] for seed in SEEDS] if len(found) == len(SEEDS) else []


def summarise(record: dict) -> dict:
    """For each number of labels: mean and spread of each arm, and what the best is ahead by.

    `ahead` holds, for every other arm, the mean paired difference to the best one and its 95 %
    interval; `tied` the arms whose interval reaches zero, of which the data cannot tell whether
    the best one is better.
    """
    result = {}
    for labels in sorted(LABELS):
        scores = {arm: scores_of(record, arm, labels, larger=True) for arm in ARMS}
        scores = {arm: values for arm, values in scores.items() if values}
        if not scores:
            continue
        best = max(scores, key=lambda arm: np.mean(scores[arm]))
        ahead = {
            arm: paired_interval(np.subtract(scores[best], values))
            for arm, values in scores.items()
            if arm != best
        }
        smaller = {arm: scores_of(record, arm, labels, larger=False) for arm in TRAINED}
        result[str(labels)] = {
            "accuracy": {
                arm: rounded([np.mean(values), np.std(values, ddof=1)])
                for arm, values in scores.items()
            },
            "accuracy_half_the_steps": {
                arm: rounded([np.mean(values), np.std(values, ddof=1)])
                for arm, values in smaller.items()
                if values
            },
            "best": best,
            "ahead": ahead,
            "tied": [arm for arm, (_, low, _) in ahead.items() if low <= 0],
            "complete": len(scores) == len(ARMS),
        }
    return result


def read(folder: Path) -> Photos:
    """A folder's photographs.

    Raises
    ------
    SystemExit
        If they are too few for the smallest number of labels.
    """
    try:
        photos = Photos.read(folder.resolve())
    except CourseError as error:
        sys.exit(str(error))
    if not any(map(photos.reaches, LABELS)):
        sys.exit(
            f"{folder} holds too few photographs: at least 17 different ones of each class are "
            "needed."
        )
    return photos


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.photos", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--store", type=Path, default=RESULTS / "photos.json", metavar="FILE")
    asked = parser.parse_args(arguments)
    store = Store(asked.store)
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background, too
        signal.signal(number, signal.default_int_handler)
    try:
        sets = [read(folder) for folder in asked.folders]
        for arms, labels, photos in product((SOLVED, TRAINED), LABELS, sets):
            for arm in arms if photos.reaches(labels) else ():
                measure(arm, labels, photos, store)
    except KeyboardInterrupt:
        store.write()
        sys.exit(f"\nInterrupted. {store.path} keeps what is finished; the same command goes on.")
    store.content["made_with"] = versions()
    store.write()
    print(json.dumps({name: record["summary"] for name, record in store.content["sets"].items()}))


if __name__ == "__main__":
    main()
