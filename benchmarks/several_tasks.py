"""Several tasks at once, and forgetting: chapter 09, sections 3 and 4.

    python -m benchmarks.several_tasks

**Two tasks.** Handwritten digits in light clutter, 14×14 pixels, each drawn in one of three shades.
Three questions can be asked of every image: which digit, whether it is odd, in which shade. All of
2,000 training images have labels for the last two, and 5 or all 200 of each class for the digit. A
backbone of three convolutions and a linear head for each task:

- alone: one network for each task, 32 labelled images a step;
- twice the images: the digit alone, 64 a step, as many as two tasks see together;
- with odd, with shade: one backbone and two heads, 32 images a step for each task, and the loss
  w · digit + (1 − w) · other, at three weights w;
- after odd: the second task alone first, for as many steps, then the digit on the same backbone
  with a new head.

The two second tasks were chosen on validation images, by one or two untuned runs each, so that one
helps and one does harm. How an image is turned or tilted did neither clearly.

**Forgetting.** The backbone learns 26 printed letters, light on dark, and then 10 digits, dark on
light, with 200 labels per class, while the letters' head is kept. At several moments both
accuracies are measured: with everything trainable, at the rate that is best for the digits and at a
tenth of it; with a frozen backbone; and with replay, where 8 letters out of a memory of 1, 5 or 20
per class join the 32 digits of each step.

Five seeds, paired: at one seed all arms have the same labelled images and the same random weights,
and of forgetting the same source network. The learning rate is chosen for every arm, w, number of
labels and budget, by the accuracy of what the arm is about (the digit, or else its one task), on
another draw of the labels and on handwriting that is neither trained nor tested on; the grid grows
until its best value is inside. Every score is stored. The cosine is that of the two losses'
gradients with respect to the backbone, on training images. Every run is written down as soon as it
is finished: `--minutes N` begins no run after so many, and with 0 it writes down what is stored.
"""

import argparse
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import pairwise, product
from time import process_time

import numpy as np

from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import TUNING_SEED, Clocked, OutOfTime, at_each_budget, paired_interval
from tlcourse import training
from tlcourse.autodiff import weight_gradient
from tlcourse.backend import keras, versions
from tlcourse.data import make_cluttered_digits, make_cluttered_letters

SEEDS = range(5)
BATCH, SHIFT = 32, 2  # images of each task in a step; pixels
RATES = (7e-4, 2e-3, 6e-3)  # where the grid begins
HEADS = {"digit": 10, "odd": 2, "shade": 3}
SHADES = (0.5, 0.75, 1.0)
DIFFICULTY = 0.2
IMAGES, HELD_OUT = 2_000, 1_000
LABELS = (5, 200)  # per class, of the digit
BUDGETS = [200, 800]  # steps
BACKBONE = ("conv1", "conv2", "conv3")
MOMENTS = [0, 10, 25, 50, 100, 200, 400, 600]  # steps at which both accuracies are measured
LOOKS = (0, 50, 200, 400, 800)  # steps at which the cosine is measured
LETTERS, SOURCE_STEPS = 8_000, 1_000
REPLAYED = 8  # letters in each step
STORE = RESULTS / "several_tasks.jsonl"


# --- data and network ----------------------------------------------------------------------------


def halved(x: np.ndarray) -> np.ndarray:
    """Images of 28×28 pixels at 14×14: the mean of each 2×2."""
    return x.reshape(len(x), 14, 2, 14, 2, 1).mean((2, 4), dtype="float32")


def ask_three(x: np.ndarray, digit: np.ndarray, seed: int) -> tuple[np.ndarray, dict]:
    """Draw each image in a random shade: the images, and the labels of three tasks."""
    shade = np.random.default_rng(seed).integers(3, size=len(x))
    shaded = x * np.array(SHADES, "float32")[shade, None, None, None]
    return shaded, {"digit": digit, "odd": digit % 2, "shade": shade}


@cache
def digits(held_out: str):
    return make_cluttered_digits(
        IMAGES, HELD_OUT, difficulty=DIFFICULTY, held_out=held_out, random_state=1
    )


@cache
def three_tasks(held_out: str) -> tuple:
    drawn = digits(held_out)
    train = ask_three(halved(drawn.x_train), drawn.y_train, 2)
    return *train, *ask_three(halved(drawn.x_test), drawn.y_test, 3)


@cache
def letters() -> tuple:
    drawn = make_cluttered_letters(LETTERS, HELD_OUT, difficulty=DIFFICULTY, random_state=0)
    return halved(drawn.x_train), drawn.y_train, halved(drawn.x_test), drawn.y_test


def several_heads(heads: dict[str, int]) -> keras.Model:
    """A backbone of three convolutions for 14×14×1, and a linear head for each task."""
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
    for name in BACKBONE:
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
    """Of the gradients of two tasks with respect to the backbone's weights; each has (x, y)."""
    a, b = (
        weight_gradient(
            model, BACKBONE,
            lambda out, task=task, y=y: keras.ops.mean(
                keras.losses.sparse_categorical_crossentropy(y, out[task], from_logits=True)
            ),
            x,
        )
        for task, (x, y) in batches.items()
    )  # fmt: skip
    return round(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), 4)


# --- two tasks -----------------------------------------------------------------------------------

ARMS = {  # tasks, images of the first in a step, weight of its loss
    "alone": (("digit",), 32, 1.0),
    "with odd": (("digit", "odd"), 32, 0.5),
    "with shade": (("digit", "shade"), 32, 0.5),
    "twice the images": (("digit",), 64, 1.0),
    "odd alone": (("odd",), 32, 1.0),
    "after odd": (("digit",), 32, 1.0),
    "with odd, w 0.1": (("digit", "odd"), 32, 0.1),
    "with odd, w 0.9": (("digit", "odd"), 32, 0.9),
    "with shade, w 0.1": (("digit", "shade"), 32, 0.1),
    "with shade, w 0.9": (("digit", "shade"), 32, 0.9),
    "shade alone": (("shade",), 32, 1.0),
}
FEW_ONLY = ("after odd", *(arm for arm in ARMS if ", w " in arm))  # not with all labels


def labelled(y: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Places of so many random images of each digit; fewer are a subset of more."""
    order = np.random.default_rng(seed).permutation(len(y))
    return np.concatenate([order[y[order] == k][:per_class] for k in range(10)])


@cache
def backbone_after(task: str, rate: float, steps: int, seed: int) -> list[np.ndarray]:
    """The weights of a network that has learned one task alone."""
    x, y, *_ = three_tasks("test")
    model = network(*HEADS)
    begin(model, seed, rate)
    train(model, {task: (x, y[task], np.arange(len(x)), BATCH, 1.0)}, steps, seed)
    return model.get_weights()


def run(
    arm: str, labels: int, rate: float, seed: int, steps: list[int], held_out: str,
    before: float = 0.0,
) -> list[dict]:  # fmt: skip
    """Accuracies after each number of steps, of one run; `before`: the rate of the task before."""
    x, y, x_test, y_test = three_tasks(held_out)
    tasks, size, w = ARMS[arm]
    every = np.arange(len(x))
    few = labelled(y["digit"], labels, seed) if tasks[0] == "digit" else every
    parts = {tasks[0]: (x, y[tasks[0]], few, size, w)}
    if len(tasks) == 2:
        parts[tasks[1]] = (x, y[tasks[1]], every, BATCH, 1 - w)
    clock, model, done, found, cosines = process_time(), network(*HEADS), 0, [], {}
    if before:
        learned = backbone_after("odd", before, steps[-1], seed)
        begin(model, seed, rate)
        head = model.get_layer("digit").get_weights()
        model.set_weights(learned)
        model.get_layer("digit").set_weights(head)
    else:
        begin(model, seed, rate)
    looks = set(LOOKS) if w == 0.5 and held_out == "test" else set()
    for goal in sorted({n for n in looks if n <= steps[-1]} | {*steps}):
        if goal > done:
            train(model, parts, goal - done, seed + 1000 * done)
        done = goal
        if goal in looks:
            some = np.random.default_rng(seed).permutation(every)[:500]
            places = {tasks[0]: few if len(few) < 500 else some, tasks[1]: some}
            cosines[str(goal)] = cosine(model, {t: (x[p], y[t][p]) for t, p in places.items()})
        if goal in steps:
            found.append(accuracies(model, x_test, {task: y_test[task] for task in tasks}))
            found[-1]["seconds"] = round(process_time() - clock, 1)
    if looks:
        found[-1]["cosines"] = cosines
    return found


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
    x, x_test = 1 - halved(drawn.x_train), 1 - halved(drawn.x_test)  # dark on light
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
            train(model, parts, goal - before, seed + 1000 * before, shift=0)
        found.append(accuracies(model, x_test, {"digit": drawn.y_test}))
        found[-1] |= accuracies(model, x_letters, {"letter": y_letters})
    return found


# --- everything ----------------------------------------------------------------------------------


def gains(arms: dict[str, dict], budget: int) -> dict[str, list[float]]:
    """By how much each arm leads over its rivals at the digit: mean and 95 %."""
    scores = {
        arm: [found["digit"] for found in record[str(budget)]["results"]]
        for arm, record in arms.items()
        if str(budget) in record
    }
    return {
        f"{arm} over {rival}": paired_interval(np.subtract(scores[arm], scores[rival]))
        for arm in scores
        for rival in ("alone", "twice the images", "after odd")
        if rival in scores and arm != rival
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.several_tasks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="N")
    parser.add_argument("--only", metavar="LABELS|forgetting", help="run this part alone")
    asked = parser.parse_args(arguments)
    kept = Clocked(STORE, asked.minutes)

    def stored(key: tuple, steps: list[int], function: Callable[[], list]) -> list:
        def compute() -> list:
            if asked.only not in (None, str(key[0])):
                raise OutOfTime
            return function()

        return kept.run(key, steps, compute)

    found, alone = {str(labels): {} for labels in LABELS}, {}

    def measure(arm: str, labels: int, budgets: list[int], all_of: list[int], before: float = 0):
        def score(rate: float, seed: int, steps: list[int], held_out: str) -> list[dict]:
            steps = all_of[: all_of.index(steps[-1]) + 1]
            key = (labels, arm, all_of[-1], rate, seed, held_out)
            given = arm, labels, rate, seed, steps, held_out, before
            return stored(key, steps, lambda: run(*given))[: len(steps)][-len(budgets) :]

        task = ARMS[arm][0][0]
        return at_each_budget(score, RATES, budgets, SEEDS, score=lambda each: each[task])

    for budgets in (BUDGETS[-1:], BUDGETS):  # the larger one of all arms first
        for arm, labels in product(ARMS, LABELS):
            single = ARMS[arm][0][0] != "digit"
            if labels != LABELS[0] and (single or arm in FEW_ONLY):
                continue
            home = alone if single else found[str(labels)]
            with suppress(OutOfTime, KeyError):
                if arm == "after odd":  # the task before takes as many steps
                    for budget in reversed(budgets):
                        rate = alone["odd alone"][str(budget)]["setting"]
                        record = measure(arm, labels, [budget], [budget], rate)
                        home.setdefault(arm, {}).update(record)
                else:
                    home[arm] = measure(arm, labels, budgets, BUDGETS)

    forgetting = {}
    for way in WAYS:

        def watch(rate: float, seed: int, steps: list[int], held_out: str, way=way) -> list:
            key = ("forgetting", way, rate, seed, held_out)
            return stored(key, [0], lambda: [forget(way, rate, seed, MOMENTS, held_out)])

        with suppress(OutOfTime, KeyError):
            if way == "a tenth of the rate":
                rate = forgetting["fine-tuned"]["setting"]
                results = [watch(rate, seed, [], "test")[0] for seed in SEEDS]
                tenth = float(f"{rate / 10:.2g}")
                forgetting[way] = {"setting": tenth, "inside": True, "results": results}
            else:
                forgetting[way] = at_each_budget(
                    watch, RATES, MOMENTS[-1:], SEEDS, score=lambda each: each[-1]["digit"]
                )[str(MOMENTS[-1])]

    save(
        "several_tasks",
        {
            "labels": list(LABELS),
            "images": IMAGES,
            "steps": BUDGETS,
            "seeds": len(SEEDS),
            "arms": found,
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
