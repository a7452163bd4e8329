"""Several tasks at once, and forgetting: chapter 09, sections 3 and 4.

    python -m benchmarks.several_tasks

**Two tasks.** Handwritten digits in light clutter, 14×14 pixels, each turned by a random quarter
turn and drawn in one of three shades. Three questions can be asked of every image: which digit, how
it is turned, in which shade. Of 2,000 training images all have labels for turn and shade, and 10 or
all 200 of each class for the digit. A trunk of three convolutions and a linear head for each task:

- alone: one network for each task, 32 labelled images a step;
- twice the images: the digit alone, 64 a step, as many as two tasks see together;
- with turn, with shade: one trunk and two heads, 32 images a step for each task, and the loss
  w · digit + (1 − w) · other;
- after turn: the turn alone first, then the digit on the same trunk, with a new head.

**Forgetting.** The trunk learns 26 printed letters, and then 10 digits (neither turned nor shaded,
200 labels per class), while the letters' head is kept. At several moments both accuracies are
measured: with everything trainable, at the rate that is best for the digits and at a tenth of it;
with a frozen trunk; and with replay, where 8 letters out of a memory of 1, 5 or 20 per class join
the 32 digits of each step.

Five seeds, paired: at one seed all arms have the same labelled images and the same random weights,
and of forgetting the same source network. Learning rate and w are chosen for every arm, number of
labels and budget, on the accuracy of the digit, on another draw of the labels and on handwriting
that is neither trained nor tested on: the rate at w = 1/2, then w at this rate. Grids grow until
the best value is inside. Every score is stored, and every run is written down as soon as it is
finished: `--minutes N` begins no run after so many, and with 0 it writes down what is stored.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import pairwise
from time import monotonic, process_time

import numpy as np

from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import TUNING_SEED, Kept, paired_interval
from tlcourse import training
from tlcourse.autodiff import weight_gradient
from tlcourse.backend import keras, versions
from tlcourse.data import make_cluttered_digits, make_cluttered_letters
from tlcourse.rivals import tune

SEEDS = range(5)
BATCH, SHIFT = 32, 2  # images of each task in a step; pixels
RATES = (1e-3, 2e-3, 4e-3)  # where the grid begins
ODDS = (1 / 9, 1, 9)  # of the digit's loss, w / (1 − w); where the grid begins
HEADS = {"digit": 10, "turn": 4, "shade": 3}
SHADES = (0.5, 0.75, 1.0)
DIFFICULTY = 0.2
IMAGES = 2_000
LABELS = (10, 200)  # per class, of the digit
BUDGETS = [300, 1000]  # steps
TRUNK = ("conv1", "conv2", "conv3")
MOMENTS = [0, 10, 25, 50, 100, 200, 400, 600]  # steps at which both accuracies are measured
LETTERS, SOURCE_STEPS = 8_000, 1_000
REPLAYED = 8  # letters in each step
STORE = RESULTS / "several_tasks.jsonl"


class OutOfTime(Exception):
    """A run is missing, and there is no time for it."""


# --- data and network ----------------------------------------------------------------------------


def halved(x: np.ndarray) -> np.ndarray:
    """Images of 28×28 pixels at 14×14: the mean of each 2×2."""
    return x.reshape(len(x), 14, 2, 14, 2, 1).mean((2, 4), dtype="float32")


def ask_three(x: np.ndarray, digit: np.ndarray, seed: int) -> tuple[np.ndarray, dict]:
    """Turn each image by quarters and shade it: the images, and the labels of three tasks."""
    rng = np.random.default_rng(seed)
    turn, shade = rng.integers(4, size=len(x)), rng.integers(3, size=len(x))
    turned = np.stack([np.rot90(image, k) for image, k in zip(x, turn, strict=True)])
    strength = np.array(SHADES, "float32")[shade]
    labels = {"digit": digit, "turn": turn, "shade": shade}
    return turned * strength[:, None, None, None], labels


@cache
def digits(held_out: str):
    """Training images of 14×14 pixels and what is held out, each with its labels."""
    return make_cluttered_digits(
        IMAGES, 1_500, difficulty=DIFFICULTY, held_out=held_out, random_state=1
    )


@cache
def three_tasks(held_out: str) -> tuple:
    drawn = digits(held_out)
    train = ask_three(halved(drawn.x_train), drawn.y_train, 2)
    return *train, *ask_three(halved(drawn.x_test), drawn.y_test, 3)


@cache
def letters() -> tuple:
    drawn = make_cluttered_letters(LETTERS, 1_500, difficulty=DIFFICULTY, random_state=0)
    return halved(drawn.x_train), drawn.y_train, halved(drawn.x_test), drawn.y_test


def several_heads(heads: dict[str, int]) -> keras.Model:
    """A trunk of three convolutions for 14×14×1, and a linear head for each task."""
    layers = keras.layers
    image = keras.Input((14, 14, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1")(image)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(image, {task: layers.Dense(k, name=task)(x) for task, k in heads.items()})


@cache
def network(*tasks: str, frozen: bool = False) -> keras.Model:
    """Compiled once, because that takes longer than a short run."""
    model = several_heads({task: (HEADS | {"letter": 26})[task] for task in tasks})
    for name in TRUNK:
        model.get_layer(name).trainable = not frozen
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=dict.fromkeys(tasks, loss), jit_compile=False)
    model.steps_per_execution = 25
    return model


# --- training ------------------------------------------------------------------------------------


def rows(pool: np.ndarray, size: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Places of the images of each step, (steps, size): shuffled again when all were used."""
    rounds = -(-steps * size // len(pool))
    order = np.concatenate([rng.permutation(pool) for _ in range(rounds)])
    return order[: steps * size].reshape(steps, size)


def train(
    model: keras.Model, parts: dict[str, tuple], steps: int, seed: int, shift: int = SHIFT
) -> None:
    """Train on a batch that is put together of one part for each task.

    Parameters
    ----------
    model : keras.Model
        Compiled, with named outputs.
    parts : dict
        For each task that trains its images, their labels, the places to draw from, how many
        images a step has of it, and the weight of its loss.
    steps, seed, shift : int
        As in `training.fit_steps`.
    """
    rng = np.random.default_rng(seed)
    tasks = list(model.output)
    total = sum(size for *_, size, _ in parts.values())
    x, y, weight = [], {task: [] for task in tasks}, {task: [] for task in tasks}
    for task, (images, labels, pool, size, w) in parts.items():
        order = rows(pool, size, steps, rng)
        x.append(images[order])
        for other in tasks:
            known = other == task
            y[other].append(labels[order] if known else np.zeros_like(order))
            # Keras divides by the whole batch: undone here, so that it is a mean of the part's.
            weight[other].append(np.full(order.shape, w * total / size * known, "float32"))

    def flat(arrays: list[np.ndarray]) -> np.ndarray:
        joined = np.concatenate(arrays, axis=1)
        return joined.reshape(-1, *joined.shape[2:])

    model.fit(
        training.shift_images(flat(x), shift, rng),
        {task: flat(each) for task, each in y.items()},
        sample_weight={task: flat(each) for task, each in weight.items()},
        batch_size=total, shuffle=False, verbose=0,
    )  # fmt: skip


def begin(model: keras.Model, seed: int, rate: float) -> None:
    training.restart(model, seed)
    model.optimizer.learning_rate.assign(rate)


def accuracies(model: keras.Model, x: np.ndarray, y: dict[str, np.ndarray]) -> dict[str, float]:
    logits = model.predict(x, batch_size=500, verbose=0)
    return {task: round(float(np.mean(logits[task].argmax(1) == y[task])), 4) for task in y}


def cosine(model: keras.Model, batches: dict[str, tuple]) -> float:
    """Of the gradients of two tasks with respect to the trunk's weights; each (x, y) of a task."""
    a, b = (
        weight_gradient(
            model, TRUNK,
            lambda out, task=task, y=y: keras.ops.mean(
                keras.losses.sparse_categorical_crossentropy(y, out[task], from_logits=True)
            ),
            x,
        )
        for task, (x, y) in batches.items()
    )  # fmt: skip
    return round(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), 4)


# --- two tasks -----------------------------------------------------------------------------------

ARMS = {  # tasks, images of the first in a step
    "alone": (("digit",), 32),
    "twice the images": (("digit",), 64),
    "with turn": (("digit", "turn"), 32),
    "with shade": (("digit", "shade"), 32),
    "after turn": (("digit",), 32),
    "turn alone": (("turn",), 32),
    "shade alone": (("shade",), 32),
}


def labelled(y: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Places of so many random images of each digit; fewer are a subset of more."""
    order = np.random.default_rng(seed).permutation(len(y))
    return np.concatenate([order[y[order] == k][:per_class] for k in range(10)])


@cache
def trunk_after(task: str, rate: float, steps: int, seed: int) -> list[np.ndarray]:
    """The weights of a network that has learned one task alone."""
    x, y, *_ = three_tasks("test")
    model = network(*HEADS)
    begin(model, seed, rate)
    train(model, {task: (x, y[task], np.arange(len(x)), BATCH, 1.0)}, steps, seed)
    return model.get_weights()


def run(
    arm: str, labels: int, rate: float, odds: float, seed: int, steps: list[int], held_out: str,
    before: float = 0.0,
) -> list[dict]:  # fmt: skip
    """Accuracies after each number of steps, of one run; `before`: the rate of the task before."""
    x, y, x_test, y_test = three_tasks(held_out)
    (first, *second), size = ARMS[arm]
    few = labelled(y["digit"], labels, seed) if first == "digit" else np.arange(len(x))
    every, w = np.arange(len(x)), odds / (1 + odds) if second else 1.0
    parts = {first: (x, y[first], few, size, w)}
    if second:
        parts[second[0]] = (x, y[second[0]], every, BATCH, 1 - w)
    clock, model, done, found = process_time(), network(*HEADS), 0, []
    if arm == "after turn":
        learned = trunk_after("turn", before, steps[-1], seed)
        begin(model, seed, rate)
        head = model.get_layer("digit").get_weights()
        model.set_weights(learned)
        model.get_layer("digit").set_weights(head)
    else:
        begin(model, seed, rate)
    looks = sorted({*steps, *(n for n in (0, 30, 100, 300, 600) if second and n < steps[-1])})
    cosines = {}
    for goal in looks:
        if goal > done:
            train(model, parts, goal - done, seed + 1000 * done)
        done = goal
        if second and held_out == "test":
            some = np.random.default_rng(seed).permutation(every)[:500]
            batches = {first: (x[few[:500]], y[first][few[:500]])}
            batches[second[0]] = (x[some], y[second[0]][some])
            cosines[str(goal)] = cosine(model, batches)
        if goal in steps:
            asked = {task: y_test[task] for task in (first, *second)}
            found.append(accuracies(model, x_test, asked) | {"cosines": dict(cosines)})
            found[-1]["seconds"] = round(process_time() - clock, 1)
    return found


def tuned(
    score: Callable[[float, float, int, list[int], str], list[dict]], task: str, budget: int,
    two: bool, steps: list[int],
) -> dict:  # fmt: skip
    """What an arm reaches with one of its budgets: settings, whether inside, results by seed."""

    def reached(rate: float, odds: float) -> float:
        return score(rate, odds, TUNING_SEED, steps, "validation")[steps.index(budget)][task]

    rate, inside = tune(RATES, lambda value: reached(value, 1.0))
    odds = 1.0
    if two:
        odds, inner = tune(ODDS, lambda value: reached(rate, value))
        inside &= inner
    place = steps.index(budget)
    results = [score(rate, odds, seed, steps[: place + 1], "test")[place] for seed in SEEDS]
    return {"rate": rate, "w": round(odds / (1 + odds), 3), "inside": inside, "results": results}


# --- forgetting ----------------------------------------------------------------------------------

WAYS = {  # frozen?, letters per class in the memory, share of the tuned rate
    "fine-tuned": (False, 0, 1.0),
    "replay 5": (False, 5, 1.0),
    "a tenth of the rate": (False, 0, 0.1),
    "replay 1": (False, 1, 1.0),
    "replay 20": (False, 20, 1.0),
    "frozen": (True, 0, 1.0),
}


@cache
def reader_of_letters(seed: int) -> list[np.ndarray]:
    """The weights of a network that has learned the letters; its digits' head is random."""
    x, y, *_ = letters()
    model = network("digit", "letter")
    begin(model, seed, 2e-3)
    train(model, {"letter": (x, y, np.arange(len(x)), 64, 1.0)}, SOURCE_STEPS, seed)
    return model.get_weights()


def forget(way: str, rate: float, seed: int, moments: list[int], held_out: str) -> list[dict]:
    """Both accuracies at each moment, of one run."""
    frozen, memory, share = WAYS[way]
    drawn = digits(held_out)
    x, x_test = halved(drawn.x_train), halved(drawn.x_test)
    x_source, y_source, x_letters, y_letters = letters()
    weights = reader_of_letters(seed % TUNING_SEED)
    model = network("digit", "letter", frozen=frozen)
    begin(model, seed, rate * share)
    model.set_weights(weights)
    parts = {"digit": (x, drawn.y_train, np.arange(len(x)), BATCH, 1.0)}
    if memory:
        order = np.random.default_rng(seed).permutation(len(y_source))
        kept = np.concatenate([order[y_source[order] == k][:memory] for k in range(26)])
        parts["letter"] = (x_source, y_source, kept, REPLAYED, 1.0)
    found = []
    for before, goal in pairwise([0, *moments]):
        if goal > before:
            train(model, parts, goal - before, seed + 1000 * before)
        found.append(accuracies(model, x_test, {"digit": drawn.y_test}))
        found[-1] |= accuracies(model, x_letters, {"letter": y_letters})
    return found


# --- everything ----------------------------------------------------------------------------------


def gains(arms: dict[str, dict], budget: int) -> dict[str, list[float]]:
    """By how much each arm leads over its rivals at the digit: mean and 95 %."""
    scores = {
        arm: [found["digit"] for found in record[str(budget)]["results"]]
        for arm, record in arms.items()
        if str(budget) in record and "digit" in record[str(budget)]["results"][0]
    }
    return {
        f"{arm} over {rival}": paired_interval(np.subtract(scores[arm], scores[rival]))
        for arm in scores
        for rival in ("alone", "twice the images", "after turn")
        if rival in scores and arm != rival
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.several_tasks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="N")
    parser.add_argument("--only", choices=["tasks", "forgetting"])
    asked = parser.parse_args(arguments)
    kept, ends = Kept(STORE), monotonic() + 60 * asked.minutes

    def stored(key: tuple, steps: list[int], function: Callable[[], list]) -> list:
        def compute() -> list:
            if monotonic() > ends or asked.only not in (None, key[0]):
                raise OutOfTime
            found = function()
            print(*key, found[-1], file=sys.stderr, flush=True)
            return found

        return kept.run(key, steps, compute)

    found = {str(labels): {} for labels in LABELS}
    several = [arm for arm, (tasks, _) in ARMS.items() if tasks[0] == "digit"]
    cells = [(b, n, arm) for b in BUDGETS[::-1] for n in LABELS for arm in several]
    cells = [(b, IMAGES, f"{task} alone") for b in BUDGETS[::-1] for task in ("turn", "shade")] + cells
    alone = {}
    for budget, labels, arm in cells:
        tasks, _ = ARMS[arm]
        before = alone.get("turn alone", {}).get(str(budget), {}).get("rate", 0.0)
        if arm == "after turn" and not before:
            continue
        # The task before takes as many steps as the budget, so a long run passes no short one.
        steps = [budget] if arm == "after turn" else BUDGETS

        def score(rate, odds, seed, steps, held_out, arm=arm, labels=labels, before=before):
            key = ("tasks", arm, labels, steps[-1], rate, odds, seed, held_out)
            return stored(
                key, steps,
                lambda: run(arm, labels, rate, odds, seed, steps, held_out, before),
            )  # fmt: skip

        home = found[str(labels)] if tasks[0] == "digit" else alone
        with suppress(OutOfTime):
            home.setdefault(arm, {})[str(budget)] = tuned(
                score, tasks[0], budget, len(tasks) > 1, steps
            )

    forgetting, rate = {}, None
    for way in WAYS:

        def watch(rate, odds, seed, steps, held_out, way=way):
            key = ("forgetting", way, rate, seed, held_out)
            return stored(key, MOMENTS, lambda: forget(way, rate, seed, MOMENTS, held_out))

        with suppress(OutOfTime):
            if way == "a tenth of the rate":
                rate = forgetting["fine-tuned"]["rate"]
                results = [watch(rate, 1, seed, MOMENTS, "test") for seed in SEEDS]
                forgetting[way] = {"rate": rate / 10, "inside": True, "results": results}
            else:
                record = tuned(
                    lambda *given: [dict(zip(("all", "digit"), (w, w[-1]["digit"]), strict=True))
                                    for w in [watch(*given)]],
                    "digit", MOMENTS[-1], False, MOMENTS[-1:],
                )  # fmt: skip
                record["results"] = [each["all"] for each in record["results"]]
                forgetting[way] = record

    save(
        "several_tasks",
        {
            "labels": list(LABELS),
            "images": IMAGES,
            "steps": BUDGETS,
            "seeds": len(SEEDS),
            "accuracy": found,
            "alone": alone,
            "gain": {
                labels: {str(b): gains(arms, b) for b in BUDGETS} for labels, arms in found.items()
            },
            "moments": MOMENTS,
            "forgetting": forgetting,
            "made_with": versions(),
        },
    )


if __name__ == "__main__":
    main()
