"""`tlcourse photos`: a folder of photographs in, one page out that opens without the internet.

Four ways to a classifier are measured on photographs that are put aside: logistic regression on
pixels, a small network from scratch, and EfficientNet-Lite0 frozen and fine-tuned. Every score is
kept in `scores.json` as soon as it is there, so an interrupted measurement goes on. Keras is
imported where a network is built, so bad input and a second run are answered at once.
"""

import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import jinja2
import numpy as np
from filelock import FileLock, Timeout

from tlcourse import evaluation, plotting
from tlcourse.data.folders import Plan, near_groups, read_folder
from tlcourse.data.remarks import printable
from tlcourse.files import CourseError, explain_os_errors, given_path, write

if TYPE_CHECKING:
    from tlcourse import rivals

SIDE, SMALL_SIDE, PIXEL_SIDE = 128, 64, 32  # of the pretrained network, from scratch, of pixels
TEST_SHARE = 0.25
TRAINING_SHARE = 0.8  # of the photographs for training that one run sees
PHOTOS_PER_MINUTE, PHOTOS_LEAST = 400, 1000  # that are read
VALIDATION_MOST, VALIDATION_ENOUGH = 500, 40  # photographs; with fewer, tuning is repeated
SEEDS = range(5)
TUNING_SEED = 100
CUT = "stage5"  # fine-tuning trains what lies above it
SOLVED, TRAINED = ("frozen", "pixels"), ("scratch", "fine-tuned")  # in the order of running
ARMS = ("scratch", "frozen", "fine-tuned", "pixels")
NAMES = {
    "scratch": "a small network from scratch",
    "frozen": "the frozen EfficientNet-Lite0",
    "fine-tuned": "the fine-tuned EfficientNet-Lite0",
    "pixels": "logistic regression on pixels",
}
GRIDS = {
    "pixels": (1e-4, 1e-3, 1e-2),
    "frozen": (1e-4, 1e-3, 1e-2),
    "scratch": (3e-4, 1e-3, 3e-3),
    "fine-tuned": (1e-4, 3e-4, 1e-3),
}
# Shares of the full number of steps, and how many learning rates are tried, the best plan first.
LEVELS = ((1, 3), (1 / 2, 3), (1 / 4, 3), (1 / 8, 3), (1 / 16, 3), (1 / 16, 2), (1 / 16, 1))
FEWEST_STEPS = 10
RESERVE = 20  # seconds, for the classifier that is saved, and the page
MISTAKES = 12  # shown as pictures
MATRIX_MOST = 20  # classes; with more, the most frequent confusions are listed
FORMAT = 1  # of the file of scores
SCORES, PAGE, NETWORK, CLASSES = "scores.json", "report.html", "classifier.keras", "classes.txt"

OnProgress = Callable[[str, int, int], None]


# --- the photographs -------------------------------------------------------------------------


@dataclass
class Photos:
    """One folder: its photographs, and the parts that they are in."""

    name: str
    x: np.ndarray  # (n, SIDE, SIDE, 3) uint8
    y: np.ndarray
    files: tuple[str, ...]
    class_names: tuple[str, ...]
    pool: np.ndarray  # places in x: what runs draw from,
    held_out: np.ndarray  # the folder's own validation part,
    test: np.ndarray
    summary: str
    skipped: int  # files that were not looked at
    groups: np.ndarray = field(init=False)  # of each place: of near-copies
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        self.groups = near_groups(self.x)
        digest = sha256(repr((FORMAT, SIDE, self.class_names, self.files)).encode())
        for part in (self.x, self.y, self.pool, self.held_out, self.test):
            digest.update(np.ascontiguousarray(part))
        self.digest = digest.hexdigest()

    @classmethod
    def read(cls, folder: Path, minutes: float) -> "Photos":
        most = max(PHOTOS_LEAST, round(PHOTOS_PER_MINUTE * minutes))
        dataset, summary, skipped = read_folder(
            folder, SIDE, Plan(share=TEST_SHARE, near=True), most
        )
        parts = [(dataset.x_train, dataset.y_train, dataset.files_train)]
        if dataset.x_validation is not None:
            parts.append((dataset.x_validation, dataset.y_validation, dataset.files_validation))
        else:
            parts.append((dataset.x_train[:0], dataset.y_train[:0], ()))
        parts.append((dataset.x_test, dataset.y_test, dataset.files_test))
        x, y, files = (list(column) for column in zip(*parts, strict=True))
        ends = np.cumsum([len(part) for part in y])
        places = np.split(np.arange(ends[-1]), ends[:-1])
        return cls(
            printable(folder.resolve().name), np.concatenate(x), np.concatenate(y), sum(files, ()),
            dataset.class_names, *places, summary, skipped,
        )  # fmt: skip

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @cached_property
    def small(self) -> np.ndarray:
        return _shrink(self.x, SMALL_SIDE)

    @cached_property
    def pixels(self) -> np.ndarray:
        return _shrink(self.x, PIXEL_SIDE).reshape(len(self.x), -1) / np.float32(255)

    def draw(self, seed: int) -> np.ndarray:
        """Most of the pool, of each class at least one; near-copies stay together."""
        rng = np.random.default_rng(seed)
        drawn = []
        for k in range(self.classes):
            places = self.pool[self.y[self.pool] == k]
            groups = rng.permutation(np.unique(self.groups[places]))
            wanted, taken = TRAINING_SHARE * len(places), []
            for number, group in enumerate(groups):
                if taken and (len(taken) >= wanted or number == len(groups) - 1):
                    break  # what is left validates
                taken.extend(places[self.groups[places] == group])
            drawn.extend(taken)
        return np.sort(np.array(drawn))

    def validation(self, drawn: np.ndarray) -> np.ndarray:
        """What settings are chosen on, if some was drawn for training."""
        if len(self.held_out):
            return self.held_out
        left = np.setdiff1d(self.pool, drawn)
        return np.sort(np.random.default_rng(0).permutation(left)[:VALIDATION_MOST])


def _shrink(x: np.ndarray, side: int) -> np.ndarray:
    """Each pixel the mean of a square of them."""
    each = x.shape[1] // side
    squares = x.reshape(len(x), side, each, side, each, 3)
    return np.rint(squares.mean((2, 4), dtype="float32")).astype("uint8")


# --- the scores ------------------------------------------------------------------------------


def _nothing(folder: str = "", digest: str = "") -> dict:
    """What is stored before anything is measured."""
    return {
        "format": FORMAT, "folder": folder, "digest": digest, "seconds": 0.0,
        "plans": {}, "chosen": {}, "tuning": [], "runs": [], "classifier": None,
    }  # fmt: skip


def _is_whole(content: object) -> bool:
    """Whether what was read from a file of scores has all its parts."""
    return (
        isinstance(content, dict)
        and content.get("format") == FORMAT
        and isinstance(content.get("classifier", 0), dict | None)
        and all(isinstance(content.get(k), type(v)) for k, v in _nothing().items() if v is not None)
    )


class Store:
    """What is measured, in a file that is whole at every moment."""

    def __init__(self, out: Path):
        self.path = out / SCORES
        self.content: dict = {}
        self.remarks: list[str] = []
        self._began = perf_counter()
        if not self.path.exists():
            return
        try:
            self.content = json.loads(self.path.read_text("utf-8"))
            if not _is_whole(self.content):
                raise ValueError
            self._before = self.content["seconds"]
        except (ValueError, RecursionError):
            aside = self.path.with_name("scores-unreadable.json")
            os.replace(self.path, aside)
            self.content = {}
            self.remarks.append(
                f"The scores in {self.path} could not be used, so everything is measured again; "
                f"the old file is {aside.name}."
            )

    def begin(self, photos: Photos) -> None:
        """Keep what was measured on exactly these photographs, and nothing else.

        Raises
        ------
        CourseError
            If the scores are those of a folder of another name.
        """
        if self.content.get("digest") == photos.digest:
            return
        if self.content and self.content["folder"] != photos.name:
            raise CourseError(
                f"{self.path.parent} holds the report on {self.content['folder']}: choose another "
                "folder with --out."
            )
        if self.content:
            self.remarks.append(
                f"The photographs of {photos.name} are others than at the last time, so everything "
                "is measured again."
            )
        self._before = 0.0
        self.content = _nothing(photos.name, photos.digest)
        self.write()

    def write(self) -> None:
        self.content["seconds"] = round(self._before + perf_counter() - self._began, 1)
        write(self.path, json.dumps(self.content, ensure_ascii=False).encode() + b"\n")

    def find(self, kind: str, **key) -> dict | None:
        entries = self.content[kind]
        return next((e for e in entries if all(e[k] == v for k, v in key.items())), None)


# --- measuring -------------------------------------------------------------------------------


class _NoTime(Exception):
    """The budget is used up."""


class Measurement:
    """All runs on one folder's photographs, within a budget of minutes."""

    def __init__(
        self, photos: Photos, store: Store, minutes: float, began: float, on_progress: OnProgress
    ):
        self.photos, self.store, self.minutes = photos, store, minutes
        self.deadline = began + 60 * minutes - RESERVE
        self.on_progress, self.done, self.total = on_progress, 0, 0

    # --- the networks, built when something is to be run

    @cached_property
    def upper(self) -> "rivals.Upper":
        from tlcourse import models, rivals

        self.tell("computing the features")
        folder = self.store.path.parent / ".features"
        network = models.efficientnet_lite0(side=SIDE)
        began = perf_counter()
        try:
            upper = rivals.Upper(network, CUT, self.photos.x, self.photos.classes, folder)
        except CourseError as error:
            raise CourseError(str(error).replace("folder=", "--out")) from error
        self.store.content.setdefault("features_seconds", round(perf_counter() - began, 1))
        return upper

    @cached_property
    def scratch(self) -> "rivals.Scratch":
        from tlcourse import rivals

        return rivals.Scratch(self.photos.small, self.photos.classes)

    def columns(self, arm: str) -> np.ndarray:
        return self.photos.pixels if arm == "pixels" else self.upper.features

    # --- progress and time

    def tell(self, what: str) -> None:
        self.on_progress(what, self.done, max(self.total, self.done + 1))

    def left(self) -> float:
        """Seconds that are left of the budget."""
        return self.deadline - perf_counter()

    # --- one run

    def run(
        self, arm: str, drawn: np.ndarray, places: np.ndarray, setting: float, seed: int,
        budgets: list[int],
    ) -> list[np.ndarray]:  # fmt: skip
        """Predicted classes of `places`, after each budget of steps or of what is solved."""
        from tlcourse import rivals

        y = self.photos.y
        if not budgets:
            x = self.columns(arm)
            kernel, bias = rivals.logistic_regression(x[drawn], y[drawn], setting)
            return [(x[places] @ kernel + bias).argmax(1)]
        if arm == "scratch":
            return self.scratch.run(y, drawn, places, setting, budgets, seed)
        head = rivals.logistic_regression(self.upper.features[drawn], y[drawn], self.strength)
        return self.upper.run(y, drawn, places, setting, budgets, seed, head)

    @property
    def strength(self) -> float:
        """The C of the head with which fine-tuning begins."""
        return self.store.content["chosen"]["frozen"][0]["setting"]

    # --- what there is time for

    @cached_property
    def plan(self) -> dict:
        """Steps and learning rates of what trains: as many as the budget allows.

        The seconds of a step are measured once: a measurement that goes on keeps its plan, except
        one for which there was no time at all.
        """
        plans, key = self.store.content["plans"], f"{self.minutes:g}"
        if key in plans:
            return plans[key]
        full = self.full_steps()
        if self.left() <= 0:
            return {"steps": {}, "rates": 0, "full": full, "seconds": {}}
        seconds = {arm: self.seconds_of_a_step(arm) for arm in TRAINED}
        runs = 3 * self.repeats + 1 + 1.3 * len(SEEDS) + 1  # tuned, wider, seeds, the last
        available = 0.8 * max(0, self.left())  # other programs may want the machine, too
        for share, rates in LEVELS:
            steps = {arm: max(FEWEST_STEPS, round(share * full[arm])) for arm in TRAINED}
            needed = sum(seconds[arm] * steps[arm] for arm in TRAINED)
            if needed * (runs - (3 - rates) * self.repeats) <= available:
                plans[key] = {"steps": steps, "rates": rates, "full": full, "seconds": seconds}
                self.store.write()
                return plans[key]
        return {"steps": {}, "rates": 0, "full": full, "seconds": seconds}

    def expected(self, arm: str, budgets: list[int]) -> float:
        """Seconds that one run will take; 0 for what is solved, which is known after the first."""
        return self.plan["seconds"][arm] * budgets[-1] if budgets else 0.0

    def full_steps(self) -> dict[str, int]:
        """Steps after which more of them change little: benchmarks/photos.py shows both halves."""
        from tlcourse.rivals import BATCH

        drawn = len(self.photos.draw(0))
        root = (drawn / self.photos.classes / 5) ** 0.5
        return {
            "scratch": round(max(200 * root, 8 * drawn / BATCH)),
            "fine-tuned": round(max(80 * root, 4 * drawn / BATCH)),
        }

    def seconds_of_a_step(self, arm: str) -> float:
        """Measured on a few, after those that build the graph."""
        from tlcourse import training
        from tlcourse.rivals import BATCH

        self.tell("measuring the speed of this machine")
        trainer = self.scratch if arm == "scratch" else self.upper
        drawn = self.photos.draw(0)
        x, y = trainer.x[drawn], self.photos.y[drawn]
        training.fit_steps(trainer.model, x, y, steps=2, batch_size=BATCH)
        began = perf_counter()
        training.fit_steps(trainer.model, x, y, steps=8, batch_size=BATCH)
        return round((perf_counter() - began) / 8, 4)

    @property
    def repeats(self) -> int:
        """How many draws tune a setting: more where there are few photographs to validate on."""
        n = len(self.photos.validation(self.photos.draw(TUNING_SEED)))
        return int(np.clip(-(-VALIDATION_ENOUGH // max(1, n)), 1, 5))

    # --- tuning

    def choose(self, arm: str, budgets: list[int], grid: tuple[float, ...], until: float) -> None:
        """Choose a setting for each budget on validation data, unless that is done.

        Raises
        ------
        _NoTime
            If it cannot be done before the time `until`.
        """
        chosen = self.store.content["chosen"]
        key = _key(arm, budgets)
        if key in chosen:
            return
        from tlcourse import rivals

        spent, expected = [], self.repeats * self.expected(arm, budgets)

        def scores(setting: float) -> list[float]:
            found = self.store.find("tuning", arm=arm, setting=setting, steps=budgets)
            if found is None:
                is_late = perf_counter() + max(spent, default=expected) > until
                if is_late and arm != SOLVED[0]:
                    raise _NoTime
                began, cpu = perf_counter(), process_time()
                self.tell(f"tuning {NAMES[arm]}")
                found = {"arm": arm, "setting": setting, "steps": budgets}
                found["scores"] = self.validate(arm, setting, budgets)
                spent.append(perf_counter() - began)
                found |= _seconds(began, cpu)
                self.store.content["tuning"].append(found)
                self.store.write()
                self.done += 1
            return found["scores"]

        def may_widen() -> bool:
            return perf_counter() + 1.5 * max(spent, default=0) < until

        result = []
        for place, steps in enumerate(budgets or [None]):
            if len(grid) < 2 or not len(self.photos.validation(self.photos.draw(TUNING_SEED))):
                setting, inside, why = grid[len(grid) // 2], None, "not tuned"
            else:
                widen = rivals.WIDEN_MOST if len(grid) > 2 else 0
                setting, inside = rivals.tune(
                    grid, lambda value, place=place: scores(value)[place], widen, may_widen
                )
                why = "" if inside else "edge" if may_widen() and widen else "time"
            result.append({"steps": steps, "setting": setting, "inside": inside, "why": why})
        tried = {e["setting"] for e in self.store.content["tuning"]
                 if e["arm"] == arm and e["steps"] == budgets}  # fmt: skip
        for each in result:
            each["tried"] = len(tried)
        chosen[key] = result
        self.store.write()

    def validate(self, arm: str, setting: float, budgets: list[int]) -> list[float]:
        """Mean accuracy on validation data, after each budget, over the draws."""
        scores = []
        for repeat in range(self.repeats):
            seed = TUNING_SEED + repeat
            drawn = self.photos.draw(seed)
            places = self.photos.validation(drawn)
            predicted = self.run(arm, drawn, places, setting, seed, budgets)
            scores.append([np.mean(p == self.photos.y[places]) for p in predicted])
        return [round(float(score), 4) for score in np.mean(scores, axis=0)]

    # --- testing

    def test(self, arm: str, seed: int, budgets: list[int], until: float) -> None:
        """One seed of an arm on the test photographs, unless it is stored."""
        chosen = self.store.content["chosen"][_key(arm, budgets)]
        settings = [each["setting"] for each in chosen]
        # One run serves both budgets if both have the same setting.
        parts = [[steps] for steps in budgets] if len({*settings}) > 1 else [budgets]
        for part, setting in zip(parts, settings, strict=False):
            key = {"arm": arm, "seed": seed, "steps": part, "setting": setting}
            if self.store.find("runs", **key):
                continue
            same = [e["seconds"] for e in self.store.content["runs"]
                    if e["arm"] == arm and e["steps"] == part]  # fmt: skip
            is_late = perf_counter() + max(same, default=self.expected(arm, part)) > until
            if is_late and arm != SOLVED[0]:
                raise _NoTime
            began, cpu = perf_counter(), process_time()
            self.tell(f"{NAMES[arm]}, seed {seed + 1} of {len(SEEDS)}")
            drawn, test = self.photos.draw(seed), self.photos.test
            predicted = self.run(arm, drawn, test, setting, seed, part)
            entry = key | {"predicted": [p.tolist() for p in predicted]} | _seconds(began, cpu)
            self.store.content["runs"].append(entry)
            self.store.write()
        self.done += 1

    # --- all of it

    def measure(self) -> None:
        """Everything that is not stored, as far as the budget reaches."""
        self.total = 2 * (3 + len(SEEDS)) + 2 * (4 + len(SEEDS)) + 1
        for arm in SOLVED:  # for the first of them there is always time
            until = perf_counter() + 0.15 * 60 * self.minutes
            try:
                self.choose(arm, [], GRIDS[arm], until)
                for seed in SEEDS:
                    self.test(arm, seed, [], until)
            except _NoTime:
                pass
        plan = self.plan
        if not plan["steps"]:
            return
        middle = len(GRIDS["scratch"]) // 2
        weights = {arm: plan["seconds"][arm] * plan["steps"][arm] for arm in TRAINED}
        for number, arm in enumerate(TRAINED):  # one after the other, so that one at least is whole
            grid = GRIDS[arm]
            if plan["rates"] == 2:
                grid = grid[middle - 1 : middle + 1] if arm == "fine-tuned" else grid[middle:]
            elif plan["rates"] == 1:
                grid = grid[middle : middle + 1]
            share = weights[arm] / sum(weights[each] for each in TRAINED[number:])
            # A bit more than half of an arm's time is for tuning.
            until = perf_counter() + 0.6 * share * max(0.0, self.left())
            try:
                self.choose(arm, self.budgets(arm), grid, until)
                for seed in SEEDS:
                    self.test(arm, seed, self.budgets(arm), self.deadline)
            except _NoTime:
                pass  # what is missing is found by its absence

    def budgets(self, arm: str) -> list[int]:
        """The two budgets in steps of an arm that trains; none for what is solved."""
        steps = [] if arm in SOLVED else [self.plan["steps"].get(arm)]
        return [steps[0] // 2, steps[0]] if steps and steps[0] else []

    def is_planned(self, arm: str) -> bool:
        return arm in SOLVED or bool(self.plan["steps"])

    # --- what came out

    def predictions(self, arm: str, larger: bool = True) -> np.ndarray | None:
        """Predicted classes of the test photographs, shape (seeds, n), if all seeds are there."""
        chosen = self.store.content["chosen"].get(_key(arm, self.budgets(arm)))
        if not chosen or not self.is_planned(arm):
            return None
        budget, rows = chosen[-1 if larger else 0], []
        for seed in SEEDS:
            for entry in self.store.content["runs"]:
                key = (entry["arm"], entry["seed"], entry["setting"])
                if key != (arm, seed, budget["setting"]):
                    continue
                if budget["steps"] is None:
                    rows.append(entry["predicted"][0])
                    break
                if budget["steps"] in entry["steps"]:
                    rows.append(entry["predicted"][entry["steps"].index(budget["steps"])])
                    break
        return np.array(rows) if len(rows) == len(SEEDS) else None

    def best_on_validation(self) -> tuple[str, dict]:
        """The arm, and its setting, that did best on validation data; of equals the simpler."""
        found = []
        for arm in ("frozen", "fine-tuned", "scratch"):
            chosen = self.store.content["chosen"].get(_key(arm, self.budgets(arm)))
            if not chosen or self.predictions(arm) is None:
                continue
            entry = self.store.find(
                "tuning", arm=arm, setting=chosen[-1]["setting"], steps=self.budgets(arm)
            )
            found.append((entry["scores"][-1] if entry else None, arm, chosen[-1]))
        score, arm, chosen = max(found, key=lambda each: each[0] or 0)
        return arm, chosen | {"score": score}

    def save_classifier(self) -> None:
        """Train the chosen arm on all that is not for testing, save it, and ask what was saved."""
        out = self.store.path.parent
        arm, chosen = self.best_on_validation()
        kept = self.store.content["classifier"]
        file = out / NETWORK
        about = {"arm": arm, "setting": chosen["setting"], "steps": chosen["steps"]}
        names = "".join(f"{name}\n" for name in self.photos.class_names).encode()
        if kept and about == {k: kept[k] for k in about} and _digest(file) == kept["sha256"]:
            write(out / CLASSES, names)  # which may be gone, or another
            return
        from tlcourse import rivals
        from tlcourse.backend import keras, versions

        self.tell("training the classifier that is saved")
        photos, seed = self.photos, SEEDS[0]
        x = photos.small if arm == "scratch" else photos.x
        if arm == "scratch":
            self.scratch.run(
                photos.y, photos.pool, photos.test[:1], chosen["setting"], [chosen["steps"]], seed
            )
            network = self.scratch.network()
        else:
            strength = chosen["setting"] if arm == "frozen" else self.strength
            features = self.upper.features[photos.pool]
            head = rivals.logistic_regression(features, photos.y[photos.pool], strength)
            self.upper.begin(head)
            if arm == "fine-tuned":
                self.upper.run(
                    photos.y, photos.pool, photos.test[:1], chosen["setting"],
                    [chosen["steps"]], seed, head,
                )  # fmt: skip
            network = self.upper.whole
        outputs = keras.layers.Softmax(name="probabilities")(network.output)
        network = keras.Model(network.inputs[0], outputs, name="classifier")
        self.tell("saving the classifier")
        for stale in out.glob(f".*.{NETWORK}"):  # of a command that was killed
            stale.unlink()
        unfinished = out / f".{os.getpid()}.{NETWORK}"
        try:
            network.save(unfinished)
            again = keras.saving.load_model(unfinished)
            probabilities = again.predict(x[photos.test], batch_size=100, verbose=0)
            first = network(x[photos.test[:1]].astype("float32"), training=False)
            first = keras.ops.convert_to_numpy(first)
            if not np.allclose(probabilities[:1], first, atol=1e-3):
                raise CourseError(
                    f"The classifier that was saved in {out} answers otherwise than the one that "
                    "was trained, so it is not kept: run the command again."
                )
            write(out / CLASSES, names)
            os.replace(unfinished, file)
        finally:
            unfinished.unlink(missing_ok=True)
        predicted = probabilities.argmax(1)
        rows = np.arange(len(predicted))
        self.store.content["classifier"] = about | {
            "score": chosen["score"],
            "side": x.shape[1],
            "sha256": _digest(file),
            "versions": versions(),
            "predicted": predicted.tolist(),
            "probability": probabilities[rows, predicted].round(4).tolist(),
        }
        self.store.write()
        self.done += 1


def _key(arm: str, budgets: list[int]) -> str:
    return f"{arm} {budgets[-1]}" if budgets else arm


def _seconds(began: float, cpu: float) -> dict[str, float]:
    return {
        "seconds": round(perf_counter() - began, 2),
        "cpu_seconds": round(process_time() - cpu, 2),
    }


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


# --- what it says ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """How much better one arm is than another, in accuracy, with its 95 % interval."""

    one: str
    other: str
    mean: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        found = evaluation.verdict(self.low, self.high)
        one, other = NAMES[self.one], NAMES[self.other]
        low, high = (-self.high, -self.low) if found == "hurts" else (self.low, self.high)
        interval = f"95 % interval {_points(low)} to {_points(high)}"
        if found == "makes no difference":
            return f"{_capital(one)} and {other} differ by less than a point ({interval})."
        if found == "cannot tell":
            return f"We cannot tell whether {one} or {other} is better ({interval})."
        better, worse = (one, other) if self.mean > 0 else (other, one)
        points = 100 * abs(self.mean)
        return f"{_capital(better)} is better than {worse} by {points:.1f} points ({interval})."


def gain(y: np.ndarray, one: str, other: str, predicted: dict[str, np.ndarray]) -> Gain:
    """Compare two arms, paired by seed and by photograph.

    The interval holds that of the seeds alone, by Student's t, and that over other seeds and other
    test photographs: see `evaluation.crossed_interval`.
    """
    from scipy.stats import t

    d = (predicted[one] == y).astype(float) - (predicted[other] == y)
    low, high = evaluation.crossed_interval(d, (-(0.5**0.5), 0.5**0.5))
    by_seed = d.mean(1)
    reach = t.ppf(0.975, len(d) - 1) * by_seed.std(ddof=1) / len(d) ** 0.5
    mean = float(d.mean())
    low, high = max(-1.0, min(low, mean - reach)), min(1.0, max(high, mean + reach))
    return Gain(one, other, mean, float(low), float(high))


def verdict(y: np.ndarray, predicted: dict[str, np.ndarray], where: str = "here") -> str:
    """Which arm is best, where that can be told; as long as one is missing, none is."""
    scores = {arm: float(np.mean(rows == y)) for arm, rows in predicted.items()}
    best = max(scores, key=scores.get)
    others = [arm for arm in scores if arm != best]
    gains = [gain(y, best, arm, predicted) for arm in others]
    tied = [g.other for g in gains if g.low <= 0]
    if not others:
        return f"Only {NAMES[best]} could be measured: there is nothing to compare it with."
    missing = [NAMES[arm] for arm in ARMS if arm not in scores]
    if not tied:
        leads = "leads so far" if missing else f"is best {where}"
        text = (
            f"{_capital(NAMES[best])} {leads}: it names {100 * scores[best]:.0f} % of the test "
            f"photographs right, and its lead over each other way{' measured' * bool(missing)} is "
            "more than chance."
        )
    else:
        names = [NAMES[arm] for arm in (best, *tied)]
        text = f"We cannot tell which {'leads so far' if missing else f'is best {where}'}: "
        text += f"{', '.join(names[:-1])} or {names[-1]}."
        if ahead := [NAMES[arm] for arm in others if arm not in tied]:
            text += f" {_capital(NAMES[best])} is clearly better than {' and '.join(ahead)}."
    if missing:
        was = "were" if len(missing) > 1 else "was"
        text += f" {_capital(' and '.join(missing))} {was} not measured."
    return text


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _where(measurement: Measurement) -> str:
    plan = measurement.plan
    if plan["steps"] == plan["full"]:
        return "here"
    return f"here within {measurement.minutes:g} minute{'s' * (measurement.minutes != 1)}"


def limits(measurement: Measurement) -> list[str]:
    """What the budget did not allow, and what else weakens the measurement."""
    photos, plan = measurement.photos, measurement.plan
    because = f"because of --minutes {measurement.minutes:g}"
    lines = []
    if photos.skipped:
        lines.append(
            f"Of each class equally many photographs were looked at, as far as it has them; "
            f"{photos.skipped:,} files were not, {because}."
        )
    for arm in TRAINED:
        steps, full = plan["steps"].get(arm), plan["full"][arm]
        if not steps:
            lines.append(f"{_capital(NAMES[arm])} was left out {because}.")
            continue
        if steps < full:
            lines.append(
                f"{_capital(NAMES[arm])} trained for {steps} steps, not for {full}, {because}."
            )
        if plan["rates"] == 2:
            lines.append(
                f"{_capital(NAMES[arm])} was tuned with two learning rates only {because}."
            )
        elif plan["rates"] == 1:
            lines.append(f"{_capital(NAMES[arm])} was not tuned {because}.")
    for arm in ARMS:
        chosen = measurement.store.content["chosen"].get(_key(arm, measurement.budgets(arm)))
        if chosen and measurement.is_planned(arm):
            kind = "strength of regularisation" if arm in SOLVED else "learning rate"
            if chosen[-1]["inside"] is False and plan["rates"] != 2:
                why = f" {because}" if chosen[-1]["why"] == "time" else ""
                lines.append(
                    f"The best {kind} for {NAMES[arm]} lies at the edge of those that were "
                    f"tried{why}: it may do better than shown."
                )
            if chosen[-1]["why"] == "not tuned" and plan["rates"] != 1:
                lines.append(
                    f"{_capital(NAMES[arm])} was not tuned: no photograph was left to choose on."
                )
        if measurement.is_planned(arm) and measurement.predictions(arm) is None:
            lines.append(
                f"{_capital(NAMES[arm])} is not finished {because}: the same command goes on with "
                "it."
            )
    if len(photos.test) < 30:
        n = len(photos.test)
        only = f"are only {n} test photographs" if n > 1 else "is only one test photograph"
        lines.append(
            f"There {only}, so the intervals are wide: more photographs make them narrower."
        )
    near = int(np.isin(photos.groups[photos.test], photos.groups[photos.pool]).sum())
    if near:
        lines.append(
            f"Of the test photographs, {near} {'is' if near == 1 else 'are'} nearly the same as "
            "one for training, as those of a burst are, so the test is too easy: photograph each "
            "class several times, and change the place and the light in between."
        )
    counts = np.bincount(photos.y[photos.test], minlength=photos.classes)
    if missing := [photos.class_names[k] for k in np.flatnonzero(counts == 0)]:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        lines.append(
            f"No photograph is left to test these classes: {', '.join(missing[:5])}{more}."
        )
    return lines


# --- the page --------------------------------------------------------------------------------


def render(measurement: Measurement) -> str:
    """The page, from what is stored."""
    photos, store = measurement.photos, measurement.store
    y = photos.y[photos.test]
    predicted = {arm: rows for arm in ARMS if (rows := measurement.predictions(arm)) is not None}
    gains = [
        gain(y, one, other, predicted)
        for one, other in (
            ("frozen", "scratch"), ("fine-tuned", "scratch"), ("fine-tuned", "frozen"),
            ("frozen", "pixels"), ("scratch", "pixels"),
        )
        if one in predicted and other in predicted
    ]  # fmt: skip
    rows = [_row(measurement, arm, predicted[arm], y) for arm in ARMS if arm in predicted]
    classifier = store.content["classifier"]
    found = np.array(classifier["predicted"])
    low, high = evaluation.crossed_interval(
        np.repeat((found == y)[None].astype(float), 2, 0), (0, 0, 1, 1)
    )
    frequent = Counter(photos.y[photos.pool].tolist()).most_common(1)[0][0]
    return _template().render(
        name=photos.name,
        verdict=verdict(y, predicted, _where(measurement)),
        gains=[each.sentence for each in gains],
        rows=rows,
        figure=_figure(rows),
        figure_alt=_in_words(rows),
        halves=_halves(measurement, predicted, y),
        limits=limits(measurement),
        summary=photos.summary.split("\n"),
        test=len(y),
        pool=len(photos.pool),
        drawn=len(photos.draw(0)),
        groups=len(photos.x) - len(np.unique(photos.groups)),
        validation=len(photos.validation(photos.draw(TUNING_SEED))),
        repeats=measurement.repeats,
        always=photos.class_names[frequent],
        always_right=float(np.mean(y == frequent)),
        classifier=classifier | {
            "name": NAMES[classifier["arm"]],
            "right": int(np.sum(found == y)),
            "low": max(0, low),
            "high": min(1, high),
        },
        network=NETWORK,
        classes_file=CLASSES,
        matrix=_matrix(y, found, photos.class_names) if photos.classes <= MATRIX_MOST else "",
        confusions=_confusions(y, found, photos.class_names),
        mistakes=_mistakes(photos, y, found, classifier["probability"]),
        wrong=int(np.sum(found != y)),
        seconds=store.content["seconds"],
        minutes=measurement.minutes,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        side=SIDE,
        small_side=SMALL_SIDE,
        pixel_side=PIXEL_SIDE,
        seeds=len(SEEDS),
    )  # fmt: skip


def _row(measurement: Measurement, arm: str, predicted: np.ndarray, y: np.ndarray) -> dict:
    """What the table says of one arm."""
    right = (predicted == y).astype(float)
    low, high = evaluation.crossed_interval(right, (0, 0, 1, 1))
    budgets = measurement.budgets(arm)
    chosen = measurement.store.content["chosen"][_key(arm, budgets)][-1]
    runs = [e for e in measurement.store.content["runs"]
            if e["arm"] == arm and e["setting"] == chosen["setting"]
            and (not budgets or budgets[-1] in e["steps"])]  # fmt: skip
    tuned = f"{chosen['tried']} tried" if chosen["tried"] else "not tuned"
    setting = f"C = {chosen['setting']:g}" if arm in SOLVED else f"α = {chosen['setting']:g}"
    return {
        "arm": arm,
        "name": _capital(NAMES[arm]),
        "scores": right.mean(1).tolist(),
        "mean": float(right.mean()),
        "low": max(0, low),
        "high": min(1, high),
        "steps": f"{budgets[-1]} steps" if budgets else "solved",
        "features": measurement.store.content.get("features_seconds") if arm == "frozen" else None,
        "setting": f"{setting}, {tuned}",
        "seconds": float(np.mean([e["seconds"] for e in runs])),
        "cpu_seconds": float(np.mean([e["cpu_seconds"] for e in runs])),
    }


def _halves(measurement: Measurement, predicted: dict, y: np.ndarray) -> list[str]:
    """What half of the steps would have come to."""
    lines, means = [], {arm: np.mean(rows == y) for arm, rows in predicted.items()}
    shorter = dict(means)
    for arm in TRAINED:
        half = measurement.predictions(arm, larger=False) if arm in predicted else None
        if half is not None:
            shorter[arm] = np.mean(half == y)
            few, many = measurement.budgets(arm)
            lines.append(
                f"{_capital(NAMES[arm])} reaches {100 * shorter[arm]:.1f} % after {few} steps and "
                f"{100 * means[arm]:.1f} % after {many}."
            )
    if lines:
        same = sorted(means, key=means.get) == sorted(shorter, key=shorter.get)
        lines.append(
            "After half of the steps, the order of the ways was the same."
            if same
            else "After half of the steps, the order of the ways was another one, so more training "
            "might change it again."
        )
    return lines


def _figure(rows: list[dict]) -> str:
    """Every seed as a dot, the mean and its interval as a line."""
    # Not by way of pyplot, whose backend may want a screen.
    figure = plotting.plt.Figure(figsize=(5.2, 0.7 + 0.55 * len(rows)))
    ax = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        colour = plotting.COLORS.get(row["arm"], "#555555")
        ax.plot([100 * row["low"], 100 * row["high"]], [place] * 2, color=colour, lw=3)
        ax.plot(100 * row["mean"], place, plotting.MARKERS.get(row["arm"], "X"), color=colour, ms=9)
        spread = place + np.linspace(0.18, 0.34, len(row["scores"]))
        ax.plot(100 * np.array(row["scores"]), spread, ".", color=colour, ms=5)
    ax.set_yticks(range(len(rows)), [row["arm"] for row in reversed(rows)])
    ax.set(xlabel="right on the test photographs (%)", ylim=(-0.5, len(rows) - 0.4))
    ax.set_xlim(max(0, 100 * min(r["low"] for r in rows) - 3), 101)
    return _png(figure)


def _in_words(rows: list[dict]) -> str:
    shown = (f"{r['name']} {r['mean']:.0%}, {r['low']:.0%} to {r['high']:.0%}" for r in rows)
    return f"Accuracy on the test photographs: {'; '.join(shown)}"


def _matrix(y: np.ndarray, found: np.ndarray, class_names: tuple[str, ...]) -> str:
    side = min(9, 2.2 + 0.55 * len(class_names))
    figure = plotting.plt.Figure(figsize=(side, side))
    ax = figure.subplots()
    short = [name if len(name) < 15 else f"{name[:13]}…" for name in class_names]
    plotting.confusion_matrix(y, found, short, ax=ax)
    if len(short) > 2 or max(map(len, short)) > 8:
        ax.tick_params("x", rotation=90)
    return _png(figure)


def _png(figure) -> str:
    png = BytesIO()
    figure.savefig(png, format="png", dpi=144)
    return base64.b64encode(png.getvalue()).decode()


def _confusions(y: np.ndarray, found: np.ndarray, class_names: tuple[str, ...]) -> list[dict]:
    """The most frequent confusions."""
    pairs = Counter((a, b) for a, b in zip(y.tolist(), found.tolist(), strict=True) if a != b)
    return [
        {"true": class_names[a], "found": class_names[b], "count": n, "of": int(np.sum(y == a))}
        for (a, b), n in pairs.most_common(20)
    ]


def _mistakes(
    photos: Photos, y: np.ndarray, found: np.ndarray, probability: list[float]
) -> list[dict]:
    """The mistakes of which the classifier was most certain, as pictures."""
    from PIL import Image

    wrong = sorted(np.flatnonzero(found != y), key=lambda place: -probability[place])
    shown = []
    for place in wrong[:MISTAKES]:
        jpeg = BytesIO()
        Image.fromarray(photos.x[photos.test[place]]).save(jpeg, "JPEG", quality=85)
        shown.append(
            {
                "file": photos.files[photos.test[place]],
                "true": photos.class_names[y[place]],
                "found": photos.class_names[found[place]],
                "probability": probability[place],
                "jpeg": base64.b64encode(jpeg.getvalue()).decode(),
            }
        )
    return shown


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    return jinja2.Environment(loader=loader, **options).get_template("report.html.j2")


# --- the command -----------------------------------------------------------------------------


def default_out(folder: Path) -> Path:
    """The folder for the results: in the working directory, but not among the photographs."""
    try:
        folder, here = Path(os.path.realpath(folder)), Path.cwd()
    except FileNotFoundError:
        raise CourseError("The folder that you are in is gone: change to another one.") from None
    name = f"{folder.name or 'photos'}-report"
    return folder.parent / name if here.is_relative_to(folder) else Path(name)


def make(
    folder: Path,
    out: Path | None = None,
    *,
    minutes: float = 10.0,
    on_progress: OnProgress = lambda what, done, total: None,
) -> list[str]:
    """Measure what there is time for, and write the page and the classifier.

    Parameters
    ----------
    folder : Path
        Photographs, one sub-folder per class, as `data.load_photo_folder` reads them.
    out : Path, optional
        The folder for the results; by default `default_out`.
    minutes : float
        The budget. What does not fit is named on the page.
    on_progress : function
        Called with what is done now, how much is done, and how much there is.

    Returns
    -------
    list of str
        Sentences on what came out.

    Raises
    ------
    CourseError
        If the folder holds no photographs of two classes, or `out` cannot be used.
    """
    began = perf_counter()
    folder = given_path(folder)
    out = default_out(folder) if out is None else given_path(out, example="my_report")
    with explain_os_errors(out, "--out"), _locked(folder, out):
        photos = Photos.read(folder, minutes)
        store = Store(out)
        store.begin(photos)
        known = len(store.content["runs"]), store.content["classifier"]
        measurement = Measurement(photos, store, minutes, began, on_progress)
        measurement.measure()
        measurement.save_classifier()
        same = known == (len(store.content["runs"]), store.content["classifier"])
        page = out / PAGE
        write(page, render(measurement).encode())
    y = photos.y[photos.test]
    predicted = {arm: rows for arm in ARMS if (rows := measurement.predictions(arm)) is not None}
    sentences = [
        *store.remarks,
        verdict(y, predicted, _where(measurement)),
        *limits(measurement),
    ]
    if same:
        sentences.append("Everything was measured before; the page is written from what is stored.")
    return [*sentences, f"The page is {page}, and the classifier {out / NETWORK}."]


@contextmanager
def _locked(folder: Path, out: Path) -> Iterator[None]:
    """See that `out` may be used, by this process alone."""
    resolved = out.resolve()
    if folder.is_dir() and resolved.is_relative_to(folder.resolve()):
        raise CourseError(
            f"{out} lies in {folder}, where it would be read as photographs: choose another folder "
            "with --out."
        )
    if out.is_dir() and not (out / SCORES).exists() and any(out.iterdir()):
        names = {path.name for path in out.iterdir()} - {".lock"}
        if names and "scores-unreadable.json" not in names:
            raise CourseError(
                f"{out} holds other files: choose a new folder with --out, so that none is lost."
            )
    is_new = folder.is_dir() and not out.exists()
    out.mkdir(parents=True, exist_ok=True) if is_new else None
    if not out.is_dir():
        yield  # reading the folder will say what is wrong with it
        return
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout:
        raise CourseError(
            f"Another command works on {out}: wait for it, or choose another folder with --out."
        ) from None
    finally:
        if is_new and not (out / SCORES).exists():  # nothing was read
            (out / ".lock").unlink(missing_ok=True)
            if not any(out.iterdir()):
                out.rmdir()
