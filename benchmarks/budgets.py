"""What does each way to save cost? Chapter 11: fewer weights, fewer bits, a small student.

    python -m benchmarks.budgets

Five parts, of which `--only` takes some, and `--parts` says how long each takes.

**recipes**: the far target of chapter 05 (stripes in 12 directions, 20 labels of each), where
fine-tuning the letters-ResNet50 pays. All arms begin with the same head, a logistic regression on
the frozen features, and train from conv4 on what the part below returns, with the statistics of
BatchNormalization still: every γ and β, every bias (β is one), low-rank adapters of the 1×1
convolutions (Hu et al. 2022), every kernel and its bias, or all weights. The last layer trains in
each arm; alone it is that regression, solved. Two budgets of steps, Adam, batches of 16. Labelled
images and seeds are those of `benchmarks.fine_tuning_pays`, so its network from scratch can stand
beside.

**bits**: kernels of both networks rounded to 8 … 2 bits, a scale for each output channel. Bytes;
how many answers survive (ImageNet's on crops of the sample photographs and on textures; of the
letters network on letters); how well a head learns from the features, on textures and on stripes;
and the seconds of the forward pass. Both networks ship in 8 bits, so 8 bits change nothing.

**untrained**, the control of bits: heads on the features of both networks with random weights.

**distil**: the teacher is the letters-ResNet50 with a head on its frozen features, the student the
CNN of chapter 03, the target that of chapter 04 (digits in clutter, 20 labels of each). The
teacher's logits are computed once. The student learns from the labels; from smoothed labels, the
control; from labels and teacher by halves (Hinton et al. 2015), at a temperature; or from what the
teacher says of 2,000 images more that nobody labelled, as probabilities or, the control, as plain
answers. The student's images are shifted by up to four pixels, in every arm.

**machines**: the seconds of one all-reduce between two processes, over the size of the message.

Five seeds, paired. What an arm has to choose (C, the learning rate, the smoothing, the temperature)
is chosen at each budget on another draw of the labels (a student's on two more) and on images that
are neither trained nor tested on; a grid grows until its best value is inside. Every run is kept as
soon as it is finished, so an interrupted benchmark goes on where it stopped. `--minutes N` begins
no run after so many: with 0 it writes down what is stored.
"""

import argparse
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from time import process_time

import numpy as np
from PIL import Image

from benchmarks import fine_tuning_pays as pays
from benchmarks import sources
from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import TUNING_SEED, Clocked, OutOfTime, at_each_budget, paired_interval
from tlcourse import budgets, data, models, training, transfer
from tlcourse.backend import keras, versions
from tlcourse.course import processes
from tlcourse.labels import predicted_classes
from tlcourse.rivals import (
    BATCH,
    SHIFT,
    WIDEN_MOST,
    Trainer,
    Upper,
    logistic_regression,
    tune,
)

LABELS = 20  # of each class
SEEDS = range(5)
STRENGTHS = (1e-4, 1e-3, 1e-2)  # C, where the grid begins
STORE = RESULTS / "budgets.jsonl"
# Processor minutes of each part, reckoned from one run of each kind: see `--parts`.
MINUTES = {"recipes": 38, "bits": 6, "untrained": 4, "distil": 25, "machines": 1}


# --- recipes: what trains ------------------------------------------------------------------------

STEPS = [40, 80]
LAST = "last layer"
TRAINED = {  # the names of the variables that train, besides the last layer's
    "γ and β": ("gamma", "beta"),
    "biases": ("bias", "beta"),
    "kernels": ("kernel", "bias"),  # all but BatchNormalization, as `transfer.unfreeze_from` does
    "all weights": ("kernel", "bias", "gamma", "beta"),
}
ADAPTED = {"LoRA 4": 4, "LoRA 1": 1, "LoRA 16": 16}
LARGE = (3e-4, 1e-3, 3e-3)
RATES = {"kernels": LARGE, "all weights": LARGE, "others": (1e-3, 3e-3, 1e-2)}


@keras.saving.register_keras_serializable("benchmarks")
class Still(keras.layers.BatchNormalization):
    """BatchNormalization whose γ and β may train while its statistics stay."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)


@dataclass
class Stripes:
    """The far target, as far as it is used, and the network below and above the cut."""

    y: np.ndarray
    kept_back: np.ndarray  # places
    test: np.ndarray
    drawn: dict[int, np.ndarray]  # by seed
    images: np.ndarray
    base: Upper

    def head(self, seed: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
        drawn = self.drawn[seed]
        return logistic_regression(self.base.features[drawn], self.y[drawn], strength)


@cache
def stripe_images() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
    """Images and labels that some draw uses, and the places of what is kept back, tested, drawn."""
    given = pays.target("stripes")
    drawn = {seed: given.draw(LABELS, seed) for seed in (*SEEDS, TUNING_SEED)}
    used = np.unique(np.concatenate([*drawn.values(), given.kept_back, given.test]))
    places = {seed: np.searchsorted(used, each) for seed, each in drawn.items()}
    kept_back, test = (np.searchsorted(used, each) for each in (given.kept_back, given.test))
    return given.x[used], given.y[used], kept_back, test, places


@cache
def stripes() -> Stripes:
    images, y, kept_back, test, drawn = stripe_images()
    base = Upper(models.resnet50("course"), pays.CUT, images, int(y.max()) + 1)
    return Stripes(y, kept_back, test, drawn, images, base)


def network(arm: str, upper: keras.Model) -> keras.Model:
    """A copy of the upper part in which what the arm says trains, and the last layer.

    Parameters
    ----------
    arm : str
    upper : keras.Model
        Ends in a layer `head`.
    """

    def still(layer: keras.layers.Layer) -> keras.layers.Layer:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        return (Still if is_norm else type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(upper, clone_function=still)
    copy.set_weights(upper.get_weights())
    for layer in copy.layers:  # one by one: TensorFlow ignores what a network is already said to be
        layer.trainable = True
    if arm in ADAPTED:
        return budgets.lora(copy, ADAPTED[arm])
    for layer in copy.layers:
        for variable in layer.trainable_variables:
            variable.trainable = layer.name == "head" or variable.name in TRAINED.get(arm, ())
    return copy


@lru_cache(maxsize=1)  # each holds the upper part, and Adam up to twice as much
def trainer(arm: str) -> tuple[Trainer, list[np.ndarray]]:
    """A network that is compiled once, and the weights it begins with."""
    given = stripes()
    trains = Trainer(network(arm, given.base.model), given.base.x)
    return trains, trains.model.get_weights()


def fine_tune(
    arm: str, rate: float, seed: int, steps: list[int], held_out: str, strength: float
) -> list[dict]:
    """Accuracy and processor seconds of one run after each number of steps."""
    given, (trains, start) = stripes(), trainer(arm)
    keras.utils.set_random_seed(seed)
    trains.model.set_weights(start)
    for layer in trains.model.layers:
        if isinstance(layer, budgets.LoRA):
            layer.a.assign(keras.initializers.HeUniform()(layer.a.shape))
    head = [part.astype("float32") for part in given.head(seed, strength)]
    trains.model.get_layer("head").set_weights(head)
    places = given.kept_back if held_out == "validation" else given.test
    began = process_time()
    guesses = trains.train(given.y, given.drawn[seed], places, rate, steps, seed)
    seconds = process_time() - began
    return [
        {
            "accuracy": accuracy(each, given.y[places]),
            "seconds": round(seconds * budget / steps[-1], 1),
        }
        for each, budget in zip(guesses, steps, strict=True)
    ]


def accuracy(guesses: np.ndarray, y: np.ndarray) -> float:
    return round(float(np.mean(guesses == y)), 4)


def head_accuracy(
    x: np.ndarray, y: np.ndarray, drawn: np.ndarray, places: np.ndarray, strength: float
) -> float:
    kernel, bias = logistic_regression(x[drawn], y[drawn], strength)
    return accuracy(predicted_classes(x[places] @ kernel + bias), y[places])


def solved(
    x: np.ndarray, y: np.ndarray, drawn: dict[int, np.ndarray], kept_back: np.ndarray,
    test: np.ndarray,
) -> dict:  # fmt: skip
    """What a regression on features reaches, with the C that is best where nothing is tested."""
    setting, inside = tune(
        STRENGTHS, lambda c: head_accuracy(x, y, drawn[TUNING_SEED], kept_back, c)
    )
    results = [head_accuracy(x, y, drawn[seed], test, setting) for seed in SEEDS]
    return {"setting": setting, "inside": inside, "results": results}


def recipes(run: Callable) -> dict:
    """Every arm, as far as there is time."""

    def compute_head() -> list[dict]:
        given = stripes()
        return [
            solved(given.base.features, given.y, given.drawn, given.kept_back, given.test)
            | {"costs": costs(network(LAST, given.base.model))}
        ]

    found = {}
    with suppress(OutOfTime):
        (head,) = run(("recipes", LAST), [0], compute_head)
        costs_of_head = head.pop("costs")
        found[LAST] = {"costs": costs_of_head, "0": head}
    for arm in (*TRAINED, *ADAPTED) if found else ():

        def score(rate: float, seed: int, steps: list[int], held_out: str, arm=arm) -> list:
            key = ("recipes", arm, STEPS[-1], rate, seed, held_out)
            return run(
                key,
                STEPS,
                lambda: fine_tune(arm, rate, seed, STEPS, held_out, head["setting"]),
            )[: len(steps)]

        with suppress(OutOfTime):
            (what,) = run(
                ("recipes", arm, "costs"), [0], lambda arm=arm: [costs(trainer(arm)[0].model)]
            )
            grid = RATES.get(arm, RATES["others"])
            record = at_each_budget(score, grid, STEPS, SEEDS, lambda each: each["accuracy"])
            found[arm] = {"costs": what, **{b: split_up(each) for b, each in record.items()}}
    return found


def split_up(record: dict) -> dict:
    """Results as lists over the seeds: accuracy, and seconds."""
    results = record.pop("results")
    seconds = [each["seconds"] for each in results]
    return record | {"results": [each["accuracy"] for each in results], "seconds": seconds}


def costs(model: keras.Model) -> dict:
    """Weights that train, and bytes of a step of 16 images, by formula."""
    trained = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return {"trained": trained, "bytes": budgets.memory(model, BATCH, "adam")}


def gains(arms: dict) -> dict[str, list[float]]:
    """By how much each arm leads over the last layer alone and over all weights."""
    last = {arm: record[max(set(record) - {"costs"}, key=int)] for arm, record in arms.items()}
    return {
        f"{arm} over {rival}": paired_interval(
            np.subtract(found["results"], last[rival]["results"])
        )
        for arm, found in last.items()
        for rival in (LAST, "all weights")
        if rival in last and arm != rival
    }


# --- bits ----------------------------------------------------------------------------------------

BITS = range(8, 1, -1)
ANSWERS = 300  # letters, of the letters network
CROPS = 30  # of each sample photograph
UNTRAINED = ("textures", "stripes")  # what heads on random networks are asked


@cache
def whole(name: str) -> keras.Model:
    """A network with its own last layer."""
    if name == "letters-ResNet50":
        return models.letter_reader()
    return models.efficientnet_lite0(side=sources.SIDE, top=True)


NETWORKS = ("EfficientNet-Lite0", "letters-ResNet50")


def sample_crops(side: int) -> np.ndarray:
    """Squares of the sample photographs, of different size and place, shape (n, side, side, 3)."""
    rng, found = np.random.default_rng(0), []
    for photo in data.load_sample_photos().values():
        height, width = photo.image.shape[:2]
        for _ in range(CROPS):
            size = int(rng.integers(side, min(height, width) + 1))
            top, left = (int(rng.integers(0, n - size + 1)) for n in (height, width))
            crop = photo.image[top : top + size, left : left + size]
            found.append(np.asarray(Image.fromarray(crop).resize((side, side))))
    return np.stack(found)


@cache
def pictures(name: str) -> dict[str, np.ndarray]:
    """What a network answers to, in its own size."""
    model = whole(name)
    textures, stripy = sources.target("textures").x, stripe_images()[0]
    found = {"textures": sources.as_bytes(textures, model), "stripes": stripy}
    if name == "letters-ResNet50":
        alphabet = models.shipped.card()["alphabet"]
        letters = data.make_scene_letters(1, ANSWERS, alphabet=alphabet, random_state=3)
        return found | {"letters": letters.x_test}
    found["stripes"] = sources.as_bytes(stripy, model)
    return found | {"photographs": sample_crops(sources.SIDE)}


def eye(model: keras.Model) -> keras.Model:
    """Returns what the last layer sees, (n, d), and its logits, (n, K)."""
    return keras.Model(model.inputs[0], [model.get_layer("head").input, model.outputs[0]])


def look(both: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the last layer sees, and the class that it names, (n,)."""
    parts = [
        both.predict_on_batch(models.preprocess(some, both))
        for some in np.array_split(images, range(100, len(images), 100))
    ]
    features, logits = (np.concatenate(each) for each in zip(*parts, strict=True))
    return features, logits.argmax(1)


@cache
def as_shipped(name: str) -> dict[str, np.ndarray]:
    """The classes that a network names before anything is rounded."""
    both = eye(whole(name))
    return {kind: look(both, x)[1] for kind, x in pictures(name).items() if kind != "stripes"}


def round_off(name: str, level: int) -> dict:
    """What is left of a network with so many bits."""
    copy, size = budgets.quantised(whole(name), level)
    both, features, answers = eye(copy), {}, {}
    for kind, x in pictures(name).items():
        began = process_time()
        features[kind], named = look(both, x)
        seconds = round(process_time() - began, 1)
        if kind != "stripes":  # which are no answer of either network
            answers[kind] = accuracy(named, as_shipped(name)[kind])
    _, *stripy = stripe_images()
    given = sources.target("textures")
    drawn = {seed: given.draw(LABELS, seed) for seed in (*SEEDS, TUNING_SEED)}
    return {
        "bytes": size,
        "answers": answers,
        "heads": {
            "textures": solved(features["textures"], given.y, drawn, given.kept_back, given.test),
            "stripes": solved(features["stripes"], stripy[0], stripy[3], *stripy[1:3]),
        },
        "seconds": seconds,  # of the last pictures, when nothing has to be traced any more
        "images": len(x),
    }


def bits(run: Callable) -> dict:
    found = {}
    for name in NETWORKS:
        for level in BITS:
            with suppress(OutOfTime):
                (record,) = run(
                    ("bits", name, level), [0], lambda n=name, b=level: [round_off(n, b)]
                )
                found.setdefault(name, {})[str(level)] = record
    return found


def random_network(name: str) -> keras.Model:
    """One of `NETWORKS` from random weights, with a last layer."""
    if name == "letters-ResNet50":
        return models.add_head(models.resnet50(None, side=64), classes=10)
    return models.efficientnet_lite0(weights=None, side=sources.SIDE, top=True)


def heads_untrained(name: str, kind: str) -> dict:
    """What heads reach on textures or stripes if a network was never trained; one a seed."""
    if kind == "textures":
        given = sources.target("textures")
        y, kept_back, test = given.y, given.kept_back, given.test
        drawn = {seed: given.draw(LABELS, seed) for seed in (*SEEDS, TUNING_SEED)}
    else:
        _, y, kept_back, test, drawn = stripe_images()
    features = {}
    for seed in (*SEEDS, TUNING_SEED):
        keras.utils.set_random_seed(seed)
        features[seed], _ = look(eye(random_network(name)), pictures(name)[kind])

    def score(strength: float, seed: int, places: np.ndarray) -> float:
        return head_accuracy(features[seed], y, drawn[seed], places, strength)

    setting, inside = tune(STRENGTHS, lambda c: score(c, TUNING_SEED, kept_back))
    results = [score(setting, seed, test) for seed in SEEDS]
    return {"setting": setting, "inside": inside, "results": results}


def untrained(run: Callable) -> dict:
    found = {}
    for name in NETWORKS:
        for kind in UNTRAINED:
            with suppress(OutOfTime):
                (record,) = run(
                    ("untrained", name, kind), [0], lambda n=name, k=kind: [heads_untrained(n, k)]
                )
                found.setdefault(name, {})[kind] = record
    return found


# --- distil --------------------------------------------------------------------------------------

UNLABELLED = 2_000
STUDENT_STEPS = [800, 2_400]
STUDENT_RATES = (3e-4, 1e-3, 3e-3)
# Two draws to tune on, because at a high rate some students learn nothing.
STUDENT_TUNING = (TUNING_SEED, TUNING_SEED + 1)
TARGET = "cluttered digits"
# Where the grid of a second setting begins: the share that is smoothed, the temperature.
ARMS = {
    "labels": None,
    "smoothed labels": (0.05, 0.1, 0.2, 0.4, 0.8, 0.95, 0.98),
    "labels and teacher": (1.0, 2.0, 4.0),
    "teacher, unlabelled": (1.0, 2.0, 4.0),
    "teacher's answers, unlabelled": None,
}


@keras.saving.register_keras_serializable("benchmarks")
class Distillation(keras.losses.Loss):
    """The loss on rows that hold probabilities of the label and then the teacher's logits.

    h CE(label, z) + (1 − h) T² CE(softmax(teacher / T), z / T), as Hinton et al. 2015 weigh it.
    """

    def __init__(self, temperature: float, hard: float, **kwargs):
        super().__init__(**kwargs)
        self.temperature, self.hard = temperature, hard

    def call(self, y, z):
        t, entropy = self.temperature, keras.ops.categorical_crossentropy
        label, teacher = keras.ops.split(y, 2, axis=-1)
        soft = entropy(keras.ops.softmax(teacher / t), z / t, from_logits=True)
        return self.hard * entropy(label, z, from_logits=True) + (1 - self.hard) * t**2 * soft

    def get_config(self):
        return super().get_config() | {"temperature": self.temperature, "hard": self.hard}


@cache
def clutter() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey images for the student, the teacher's features of them, and labels (of the first).

    The images of the target come first, then those that nobody labelled.
    """
    given = sources.target(TARGET)
    more = sources.clutter(UNLABELLED, 1, "test", 13).x_train
    images = np.concatenate([given.x, more])
    network = models.resnet50("course")
    x = sources.as_bytes(images, network)
    maps = transfer.features(network, x, lambda some: models.preprocess(some, network))
    return models.fit_images(images, models.small_cnn()), maps.mean((1, 2)), given.y


def teacher(seed: int, strength: float) -> np.ndarray:
    """Logits of all images, by a head that has seen the labels of this seed; shape (n, 10)."""
    _, features, y = clutter()
    drawn = sources.target(TARGET).draw(LABELS, seed)
    kernel, bias = logistic_regression(features[drawn], y[drawn], strength)
    return (features @ kernel + bias).astype("float32")


@lru_cache(maxsize=1)
def student(temperature: float, hard: float) -> keras.Model:
    model = models.small_cnn()
    loss = Distillation(temperature, hard)
    model.compile(optimizer="adam", loss=loss, jit_compile=False, steps_per_execution=10)
    return model


def learn(
    arm: str, second: float | None, rate: float, seed: int, steps: list[int], held_out: str,
    strength: float,
) -> list[float]:  # fmt: skip
    """Accuracy of a student after each number of steps."""
    x, _, y = clutter()
    given, logits = sources.target(TARGET), teacher(seed, strength)
    drawn, one_hot = given.draw(LABELS, seed), np.eye(10, dtype="float32")
    p, temperature, hard = one_hot[y[drawn]], 1.0, 1.0
    if arm == "smoothed labels":
        p = (1 - second) * p + second / 10
    elif arm == "labels and teacher":
        temperature, hard = second, 0.5
    elif arm.endswith("unlabelled"):
        if second is not None:
            temperature, hard = second, 0.0
        drawn = np.concatenate([drawn, np.arange(len(y), len(x))])
        p = one_hot[logits[drawn].argmax(1)]
        p[: 10 * LABELS] = one_hot[y[drawn[: 10 * LABELS]]]
    model = student(temperature, hard)
    training.restart(model, seed)
    model.optimizer.learning_rate.assign(rate)
    places = given.kept_back if held_out == "validation" else given.test
    targets = np.concatenate([p, logits[drawn]], axis=1)
    found, done = [], 0
    for budget in steps:
        training.fit_steps(
            model, x[drawn], targets, steps=budget - done, batch_size=BATCH, shift=SHIFT,
            seed=10 * seed + len(found),
        )  # fmt: skip
        done = budget
        guesses = predicted_classes(model.predict(x[places], batch_size=500, verbose=0))
        found.append(accuracy(guesses, y[places]))
    return found


def tune_both(
    score: Callable[[float | None, float], float], seconds: tuple[float, ...] | None
) -> tuple[float | None, float, bool]:
    """The best second setting and learning rate, one after the other; the grids grow.

    That of a share has all its room from the start: there are no shares above 1.
    """

    def best_rate(second: float | None) -> tuple[float, bool]:
        return tune(STUDENT_RATES, lambda rate: score(second, rate))

    second, inside = None, True
    if seconds is not None:
        rate, _ = best_rate(seconds[len(seconds) // 2])
        widen = 0 if seconds[-1] < 1 else WIDEN_MOST
        second, inside = tune(seconds, lambda each: score(each, rate), widen)
    rate, rate_inside = best_rate(second)
    return second, rate, inside and rate_inside


def distil(run: Callable) -> dict:
    def compute_teacher() -> list[dict]:
        _, features, y = clutter()
        given = sources.target(TARGET)
        drawn = {seed: given.draw(LABELS, seed) for seed in (*SEEDS, TUNING_SEED)}
        return [solved(features[: len(y)], y, drawn, given.kept_back, given.test)]

    found = {}
    with suppress(OutOfTime):
        (record,) = run(("distil", "teacher"), [0], compute_teacher)
        found["teacher"] = {"0": record}
    for arm, grid in ARMS.items() if found else ():

        def accuracies(second: float | None, rate: float, seed: int, held_out: str, arm=arm):
            key = ("distil", arm, STUDENT_STEPS[-1], second, rate, seed, held_out)
            given = second, rate, seed, STUDENT_STEPS, held_out, found["teacher"]["0"]["setting"]
            return run(key, STUDENT_STEPS, lambda: learn(arm, *given))

        for place in reversed(range(len(STUDENT_STEPS))):

            def score(second: float | None, rate: float, arm=arm, place=place) -> float:
                runs = [accuracies(second, rate, seed, "validation") for seed in STUDENT_TUNING]
                return float(np.mean([each[place] for each in runs]))

            with suppress(OutOfTime):
                second, rate, inside = tune_both(score, grid)
                results = [accuracies(second, rate, seed, "test")[place] for seed in SEEDS]
                found.setdefault(arm, {})[str(STUDENT_STEPS[place])] = {
                    "setting": rate,
                    "second": second,
                    "inside": inside,
                    "results": results,
                }
    return found


# --- machines ------------------------------------------------------------------------------------

NUMBERS = (1_000, 10_000, 100_000, 1_000_000)
EXCHANGE = """
import json, numpy as np
from tlcourse import parallel
theta, x, y = np.zeros(({numbers}, 1), "float32"), np.zeros((2, {numbers}), "float32"), [0, 0]
_, seconds = parallel.train_on_two(
    parallel.softmax_gradient, theta, x, np.array(y), steps=21, batch=2, rate=1.0
)
print(json.dumps({{"bytes": theta.nbytes, "seconds": [round(each, 6) for each in seconds[1:]]}}))
"""


def exchange(numbers: int) -> dict:
    """Bytes of a message, and the seconds of 20 exchanges after a first one.

    In a process that holds no more than that: a new process imports what its parent has begun with.
    """
    answer, problem = processes.ask(EXCHANGE.format(numbers=numbers))
    if problem:
        raise RuntimeError(problem)
    return json.loads(answer)


def machines(run: Callable) -> dict:
    found = {}
    for numbers in NUMBERS:
        with suppress(OutOfTime):
            (record,) = run(("machines", numbers), [0], lambda n=numbers: [exchange(n)])
            found[str(numbers)] = record
    return found


# --- everything ----------------------------------------------------------------------------------

PARTS = {
    "recipes": recipes,
    "bits": bits,
    "untrained": untrained,
    "distil": distil,
    "machines": machines,
}


def is_complete(found: dict) -> bool:
    return (
        all(len(found["recipes"].get(arm, ())) == 1 + len(STEPS) for arm in (*TRAINED, *ADAPTED))
        and all(len(found["bits"].get(name, ())) == len(BITS) for name in NETWORKS)
        and all(len(found["untrained"].get(name, ())) == len(UNTRAINED) for name in NETWORKS)
        and all(len(found["distil"].get(arm, ())) == len(STUDENT_STEPS) for arm in ARMS)
        and len(found["machines"]) == len(NUMBERS)
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.budgets", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="N")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--parts", action="store_true", help="say how long each part takes")
    asked = parser.parse_args(arguments)
    if asked.parts:
        for part, minutes in MINUTES.items():
            print(f"{part:10} about {minutes} processor minutes")
        return
    kept = Clocked(STORE, asked.minutes)

    def run(key: tuple, steps: list[int], function: Callable[[], list]) -> list:
        def compute() -> list:
            if key[0] not in asked.only:
                raise OutOfTime
            return function()

        return kept.run(key, steps, compute)

    found = {part: measure(run) for part, measure in PARTS.items()}
    result = {
        "labels": LABELS,
        "seeds": len(SEEDS),
        "complete": is_complete(found),
        **found,
        "gain": gains(found["recipes"]),
        "made_with": versions(),
    }
    save("budgets", result)


if __name__ == "__main__":
    main()
