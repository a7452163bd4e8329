"""When does fine-tuning pay? Chapter 05: near and far targets, over the number of labels.

    python -m benchmarks.fine_tuning_pays

The source is the course's letters-ResNet50 at 64 pixels; the targets are generated, one near to
what it knows and others farther away. Three arms, at 5, 20, 50 and 200 labels per class:

- frozen: logistic regression on the network's features;
- fine-tuned: the same head first, then the last stage or two with it, with BatchNormalization
  still, on what the part below returns (Kumar et al. 2022); how many stages is in `CUTS`;
- scratch: `models.scene_cnn` from random weights, shifted by up to four pixels.

They are those of `benchmarks.photos`, which has the same for photographs, and so are batch and
optimizer. Five seeds, paired: at one seed all arms have the same labelled images. What each arm has
to choose, C or the learning rate, is chosen for each target, number of labels and budget on another
draw of the labels and on images that are neither trained nor tested on; the grid grows until its
best value is inside. Two budgets of steps stand side by side.

Every run is written to the store as soon as it is finished, so that an interrupted one goes on
where it stopped, and the result holds what is measured so far. `--minutes N` begins no run after so
many: with 0 it writes down what is stored.

    python -m benchmarks.fine_tuning_pays --search

prints how the targets were chosen, on validation images alone: what frozen features reach on each
candidate, and what a short fine-tuning adds.
"""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import photos
from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import TUNING_SEED, Clocked, Kept, OutOfTime, at_each_budget, paired_interval
from tlcourse import data
from tlcourse.backend import versions

LABELS = (20, 50, 5, 200)  # in the order of running
SEEDS = range(5)
ARMS = {  # as `benchmarks.photos` calls them
    "frozen": "frozen letters-ResNet50",
    "fine-tuned": "fine-tuned letters-ResNet50",
    "scratch": "scratch",
}
# Steps of the larger budget; half as many are the smaller one.
STEPS = {
    "fine-tuned": {5: 40, 20: 80, 50: 120, 200: 320},
    "scratch": {5: 100, 20: 200, 50: 300, 200: 800},
}
# Where the grids of learning rates begin; of fine-tuning, as the search had it, by target.
RATES = {"digits": (1e-4, 3e-4, 1e-3), "stripes": (3e-4, 1e-3, 3e-3), "scratch": (3e-4, 1e-3, 3e-3)}
STORE = RESULTS / "fine_tuning_pays.jsonl"
# Each target's stage below which everything stays frozen, as validation images had it: digits gain
# nothing from a second stage that trains, stripes three points from one stage and ten from two.
CUTS = {"digits": "conv4"}
CUT = "conv3"  # of the others
SPARE = 20  # images of each class that are drawn from beyond the largest number of labels
VALIDATION, TEST = 200, 400  # images


# --- the targets ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One target: how to draw it, and how far it is from the letters."""

    about: str
    classes: int
    draw: Callable[[int, int, str, int], data.Dataset]  # n_train, n_test, held_out, random_state
    change: Callable[[np.ndarray], np.ndarray] = lambda x: x


def scene_digits(n_train: int, n_test: int, held_out: str, seed: int) -> data.Dataset:
    return data.make_scene_digits(n_train, n_test, held_out=held_out, random_state=seed)


def scene_characters(alphabet: str, penned: bool = False):
    """Characters whose validation images show the faces of training, for there are few faces."""

    def draw(n_train: int, n_test: int, held_out: str, seed: int) -> data.Dataset:
        given = {"alphabet": alphabet, "penned": penned, "random_state": seed}
        if held_out == "test":
            return data.make_scene_letters(n_train, n_test, **given)
        whole = data.make_scene_letters(n_train + n_test, 1, **given)
        parts = whole.x_train[:n_train], whole.y_train[:n_train]
        parts += whole.x_train[n_train:], whole.y_train[n_train:]
        return data.Dataset(*parts, whole.class_names, whole.licence, whole.source)

    return draw


def clutter(n_train: int, n_test: int, held_out: str, seed: int) -> data.Dataset:
    return data.make_cluttered_digits(n_train, n_test, held_out=held_out, random_state=seed)


def stripes(n_train: int, n_test: int, held_out: str, seed: int) -> data.Dataset:
    return data.make_stripes(n_train, n_test, directions=12, random_state=seed)


def coloured(x: np.ndarray) -> np.ndarray:
    """Grey pictures of 28×28 pixels in 0–1 as 64×64×3 in 0–255: each pixel twice, in a frame."""
    large = np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)
    framed = np.pad(large, ((0, 0), (4, 4), (4, 4), (0, 0)))
    return np.repeat(np.rint(255 * framed), 3, axis=-1).astype("uint8")


def upside_down(x: np.ndarray) -> np.ndarray:
    return x[:, ::-1, ::-1]


def mirrored_on_the_side(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 1, 3)


def outlines(x: np.ndarray) -> np.ndarray:
    """How much each channel changes from pixel to pixel, in place of the channel."""
    x = x.astype("float32")
    right = np.abs(np.diff(x, axis=2, append=x[:, :, -1:]))
    down = np.abs(np.diff(x, axis=1, append=x[:, -1:]))
    return np.clip(right + down, 0, 255).astype("uint8")


SYMBOLS = "←↑→↓↔↕⇐⇑⇒⇓∀∂∃∅∇∈∏∑√∞∧∨∩∪∫≈≠≡≤≥"
CANDIDATES = {
    "digits": Kind("handwritten digits in the letters' scenes", 10, scene_digits),
    "upside down": Kind("the same, turned by 180°", 10, scene_digits, upside_down),
    "mirrored": Kind(
        "the same, mirrored at their diagonal", 10, scene_digits, mirrored_on_the_side
    ),
    "outlines": Kind("the outlines of the same scenes", 10, scene_digits, outlines),
    "symbols": Kind("30 arrows and signs of mathematics", 30, scene_characters(SYMBOLS)),
    "grey clutter": Kind("handwritten digits in grey clutter", 10, clutter, coloured),
    "stripes": Kind("the direction of grey stripes", 12, stripes, coloured),
}
TARGETS = ("digits", "stripes")  # near and far


class Target(photos.Photos):
    """A generated target, with the interface of a folder of photographs."""

    small = None  # the images themselves: they have 64 pixels already

    @classmethod
    def draw_images(cls, name: str, pool: int, validation: int, test: int) -> "Target":
        """Draw a target: so many images of each class to draw labels from, and so many others."""
        kind = CANDIDATES[name]
        whole = kind.draw(pool * kind.classes, max(1, test), "test", 11)
        other = kind.draw(1, validation, "validation", 12)
        x = np.concatenate([whole.x_train, other.x_test, whole.x_test])
        y = np.concatenate([whole.y_train, other.y_test, whole.y_test])
        ends = np.cumsum([len(whole.y_train), len(other.y_test), len(whole.y_test)])
        places = np.split(np.arange(len(y)), ends[:-1])
        target = cls(Path(name), "", kind.change(x), y, whole.class_names, places[2], places[0])
        target.small, target.kept_back = target.x, places[1]
        target.cuts = {"letters-ResNet50": CUTS.get(name, CUT)}
        return target

    def validation(self, drawn: np.ndarray) -> np.ndarray:
        return self.kept_back


@cache
def target(name: str) -> Target:
    return Target.draw_images(name, max(LABELS) + SPARE, VALIDATION, TEST)


# --- the search ----------------------------------------------------------------------------------


def search(names: list[str], labels: int = 20, steps: int = 80) -> None:
    """What frozen features leave to be won on each candidate, on validation images."""
    for name in names:
        found = Target.draw_images(name, labels + 1, 300, 0)
        drawn = found.draw(labels, TUNING_SEED)
        row = {}
        for strength in photos.STRENGTHS:
            args = (drawn, found.kept_back, strength, TUNING_SEED, [])
            row[strength] = photos.run(ARMS["frozen"], found, *args)[0]
        best = max(row, key=row.get)
        print(f"{name}, {labels} labels: frozen {row}", file=sys.stderr, flush=True)
        if steps:
            for rate in photos.RATES["fine-tuned"]:
                args = (drawn, found.kept_back, rate, TUNING_SEED, [steps // 2, steps], best)
                scores = photos.rounded(photos.run(ARMS["fine-tuned"], found, *args))
                print(f"  fine-tuned at {rate}: {scores}", file=sys.stderr, flush=True)


# --- the measurement -----------------------------------------------------------------------------


def measure(name: str, labels: int, arm: str, strength: float | None, kept: Kept) -> dict:
    """What an arm reaches with each of its budgets; a regression has one, of no steps.

    Raises
    ------
    OutOfTime
        If a run is not stored, and the time of `kept` is over.
    """
    budgets, grid = [0], photos.STRENGTHS
    if arm != "frozen":
        budgets = [STEPS[arm][labels] // 2, STEPS[arm][labels]]
        grid = RATES["scratch" if arm == "scratch" else name]

    def run(setting: float, seed: int, steps: list[int], held_out: str) -> list[float]:
        def compute() -> list[float]:
            given = target(name)
            drawn = given.draw(labels, seed)
            places = given.kept_back if held_out == "validation" else given.test
            budgets = [n for n in steps if n]
            scores = photos.run(ARMS[arm], given, drawn, places, setting, seed, budgets, strength)
            return photos.rounded(scores)

        return kept.run((name, labels, arm, budgets[-1], setting, seed, held_out), steps, compute)

    def longest(setting: float, seed: int, steps: list[int], held_out: str) -> list[float]:
        return run(setting, seed, budgets, held_out)[-1:]

    try:
        return at_each_budget(run, grid, budgets, SEEDS)
    except OutOfTime:  # the larger budget comes first, and may be finished
        return at_each_budget(longest, grid, budgets[-1:], SEEDS)


def gains(arms: dict[str, dict]) -> dict[str, list[float]]:
    """By how much fine-tuning leads over its rivals at the larger budgets: mean and 95 %."""
    last = {arm: next(iter(record.values()))["results"] for arm, record in arms.items()}
    return {
        rival: paired_interval(np.subtract(last["fine-tuned"], last[rival]))
        for rival in ("frozen", "scratch")
        if "fine-tuned" in last and rival in last
    }


def on_photographs() -> dict:
    """The same of `benchmarks.photos`, for both networks, as far as it is measured."""
    path, result = RESULTS / "photos.json", {}
    sets = json.loads(path.read_text("utf-8"))["sets"] if path.exists() else {}
    for (name, record), network, labels in product(
        sets.items(), photos.NETWORKS, sorted(photos.LABELS)
    ):
        names = {"frozen": f"frozen {network}", "fine-tuned": f"fine-tuned {network}"}
        arms = {
            arm: photos.scores_of(record, full, labels, larger=True)
            for arm, full in (names | {"scratch": "scratch"}).items()
        }
        arms = {arm: scores for arm, scores in arms.items() if scores}
        if {"frozen", "fine-tuned"} <= set(arms):
            arms["gain"] = paired_interval(np.subtract(arms["fine-tuned"], arms["frozen"]))
            result.setdefault(name, {}).setdefault(network, {})[str(labels)] = arms
    return result


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.fine_tuning_pays", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--search", nargs="*", metavar="CANDIDATE")
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="N")
    asked = parser.parse_args(arguments)
    if asked.search is not None:
        return search(asked.search or list(CANDIDATES))
    kept = Clocked(STORE, asked.minutes)
    found = {name: {} for name in TARGETS}
    # All labels without scratch first, which says nothing about the gain over frozen features.
    cells = list(product((("frozen", "fine-tuned"), ("scratch",)), LABELS, TARGETS))
    cells = [(arm, labels, name) for arms, labels, name in cells for arm in arms]
    for arm, labels, name in cells:
        arms = found[name].setdefault(str(labels), {})
        frozen = arms.get("frozen", {}).get("0", {})
        if arm != "fine-tuned" or frozen:
            with suppress(OutOfTime):
                arms[arm] = measure(name, labels, arm, frozen.get("setting"), kept)
    measured = sum(len(arms) for each in found.values() for arms in each.values())
    result = {
        "labels": sorted(LABELS),
        "seeds": len(SEEDS),
        "complete": measured == len(cells),
        "targets": {
            name: {
                "about": CANDIDATES[name].about,
                "classes": CANDIDATES[name].classes,
                "arms": each,
                "gain": {labels: gains(arms) for labels, arms in each.items()},
            }
            for name, each in found.items()
        },
        "photographs": on_photographs(),
        "made_with": versions(),
    }
    save("fine_tuning_pays", result)
    return None


if __name__ == "__main__":
    main()
