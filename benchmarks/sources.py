"""Which source for which target, and could one have known? Chapter 09, sections 1 and 2.

    python -m benchmarks.sources

Seven sources, four targets with 20 labels per class, and all of their pairs: a small zoo.

The sources differ in one thing at a time. Of the small CNN (chapter 04's) there are four that were
trained, on 28×28 grey pixels, with the same optimizer and batch: on 16,000 letters, on 500 letters,
on 16,000 letters with a tenth of the steps, and on 16,000 pictures of stripes in 26 directions. A
fifth was never trained. Of each there are five networks, one for each seed, on another draw of the
data. The other two are the course's letters-ResNet50 at 64 pixels and ImageNet's EfficientNet-Lite0
at 96.

All of them look at the same target images, each in its own size: see `models.fit_images`.

- frozen: logistic regression on what the head would see;
- fine-tuned: the same head first, then everything that comes after the last halving of the image
  together with it (conv4 of the small CNN, conv5 of ResNet50, from stage6 of EfficientNet), with
  BatchNormalization still, on what the part below returns;
- pixels and scratch, the rivals: logistic regression on the pixels, and the small CNN from random
  weights with everything trainable, on grey 28×28 pixels.

Five seeds, paired: at one seed everybody has the same labelled images. C and the learning rate are
tuned for each pair, on another draw of the labels and on images that are neither trained nor tested
on; the grid grows until its best value is inside. The arms that train have two budgets of steps,
each tuned at its own.

The scores see the labelled images alone: all 20 of each class, or the first five of them.
Every run is kept as soon as it is finished, so an interrupted benchmark goes on where it stopped.
`--minutes N` begins no run after so many: with 0 it writes down what is stored. `--only SOURCE …`
runs a part of it, so that several processes can share the store.
"""

import argparse
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import product
from time import process_time

import numpy as np
from scipy import stats

from benchmarks import fine_tuning_pays as pays
from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import Clocked, OutOfTime, at_each_budget
from tlcourse import data, models, training, transfer, transferability
from tlcourse.backend import keras, versions
from tlcourse.evaluation import softmax
from tlcourse.labels import predicted_classes
from tlcourse.rivals import SHIFT, Trainer, Upper, logistic_regression

LABELS, FEW = 20, 5  # per class: for the truth and the scores, and for the scores alone
SEEDS = range(5)
POOL, VALIDATION, TEST = 30, 150, 300  # images: of each class, and of all classes together
BUDGETS = {"fine-tuned": [40, 80], "scratch": [200, 400]}  # steps
STRENGTHS = (1e-4, 1e-3, 1e-2)  # C, where the grid begins
RATES = {"small": (3e-4, 1e-3, 3e-3), "large": (1e-4, 3e-4, 1e-3), "scratch": (1e-3, 3e-3, 1e-2)}
STORE = RESULTS / "sources.jsonl"
SIDE = 96  # pixels, of EfficientNet-Lite0
SCORES = ("leep", "log_me", "h_score", "few_label_accuracy")


# --- the targets ---------------------------------------------------------------------------------

GREEK = "θκνπρτυφχψ"  # of which the letters-ResNet50 has learned none
TEXTURE = 32  # pixels


@dataclass
class Target:
    """Images of one target, and the places that are drawn from, kept back and tested on."""

    x: np.ndarray
    y: np.ndarray
    ends: tuple[int, int]  # of the pool and of what is kept back

    @property
    def classes(self) -> int:
        return int(self.y.max()) + 1

    @property
    def kept_back(self) -> np.ndarray:
        return np.arange(*self.ends)

    @property
    def test(self) -> np.ndarray:
        return np.arange(self.ends[1], len(self.y))

    def draw(self, labels: int, seed: int) -> np.ndarray:
        """The places of `labels` images of each class; fewer labels are a subset of more."""
        pool = np.random.default_rng(seed).permutation(self.ends[0])
        return np.concatenate([pool[self.y[pool] == k][:labels] for k in range(self.classes)])


def drawn_target(draw: Callable[[int, int, str, int], data.Dataset]) -> Target:
    whole = draw(POOL * 10, TEST, "test", 11)
    other = draw(1, VALIDATION, "validation", 12)
    x = np.concatenate([whole.x_train, other.x_test, whole.x_test])
    y = np.concatenate([whole.y_train, other.y_test, whole.y_test])
    return Target(x, y, (len(whole.y_train), len(whole.y_train) + len(other.y_test)))


def clutter(n_train: int, n_test: int, held_out: str, seed: int) -> data.Dataset:
    given = pays.clutter(n_train, n_test, held_out, seed)
    x_train, x_test = (  # grey in 0–1, as three channels of bytes
        np.repeat(np.rint(255 * x), 3, axis=-1).astype("uint8")
        for x in (given.x_train, given.x_test)
    )
    return replace(given, x_train=x_train, x_test=x_test)


def textures() -> Target:
    whole = data.load_textures(TEXTURE)
    order = np.random.default_rng(11).permutation(len(whole.y_train))
    rank = np.empty(len(order), int)
    for k in range(3):
        rank[order[whole.y_train[order] == k]] = np.arange(np.sum(whole.y_train == k))
    pool, kept = (np.flatnonzero(side) for side in (rank < POOL, rank >= POOL))
    x = np.concatenate([whole.x_train[pool], whole.x_train[kept], whole.x_test])
    y = np.concatenate([whole.y_train[pool], whole.y_train[kept], whole.y_test])
    return Target(x, y, (len(pool), len(pool) + len(kept)))


TARGETS = {
    "scene digits": (
        "handwritten digits in coloured scenes",
        lambda: drawn_target(pays.scene_digits),
    ),
    "Greek letters": (
        "ten Greek letters, as if by pen, in the same scenes",
        lambda: drawn_target(pays.scene_characters(GREEK, penned=True)),
    ),
    "cluttered digits": (
        "handwritten digits in grey clutter, the target of chapter 04",
        lambda: drawn_target(clutter),
    ),
    "textures": (f"brick, grass and gravel, {TEXTURE} pixels", textures),
}


@cache
def target(name: str) -> Target:
    return TARGETS[name][1]()


# --- the sources ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A network, and what it has learned from."""

    network: str
    task: str | None  # None: random weights
    images: int = 0
    steps: int = 0

    @property
    def is_small(self) -> bool:
        return self.network == "small CNN"


CARD = models.shipped.card()
SOURCES = {
    "letters, small CNN": Source("small CNN", "26 letters", 16_000, 500),
    "500 letters": Source("small CNN", "26 letters", 500, 500),
    "letters, 50 steps": Source("small CNN", "26 letters", 16_000, 50),
    "stripes, small CNN": Source("small CNN", "26 directions", 16_000, 500),
    "random small CNN": Source("small CNN", None),
    "ImageNet, EfficientNet": Source("EfficientNet-Lite0", "1,000 kinds of photographs", 1_281_167),
    "letters, ResNet50": Source(
        "ResNet50", f"{len(CARD['alphabet'])} letters in scenes", CARD["images"]
    ),
}


def source_data(source: Source, index: int) -> data.Dataset:
    if source.task == "26 directions":
        return data.make_stripes(source.images, 1_000, directions=26, random_state=index)
    return data.make_cluttered_letters(source.images, 1_000, random_state=index)


@cache
def small_source(name: str, index: int) -> keras.Model:
    """One of a source's small CNNs."""
    source = SOURCES[name]
    keras.utils.set_random_seed(index)
    network = models.small_cnn(26)
    if source.task is None:
        return network
    given = source_data(source, index)
    training.compile_classifier(network, 2e-3)
    network.steps_per_execution = 25
    training.fit_steps(
        network, given.x_train, given.y_train, steps=source.steps, batch_size=64, seed=index
    )
    return network


@dataclass
class Seen:
    """What a source makes of a target's images."""

    features: np.ndarray  # (n, d), what the head sees
    probabilities: np.ndarray | None  # (n, Z), of its own classes
    trainer: Trainer | None = field(default=None, repr=False)
    begin: Callable | None = field(default=None, repr=False)  # puts a head on the trainer's network


@cache
def seen(name: str, on: str, index: int) -> Seen:
    """What a source's network makes of a target; of the large ones there is only one."""
    source = SOURCES[name]
    if source.is_small:
        return see_small(small_source(name, index), on, source.task is not None)
    if index:
        return seen(name, on, 0)
    if source.network == "ResNet50":
        reader = models.letter_reader()
        trainer = upper(name, on)
        return see_large(trainer, reader.get_layer("head").get_weights())
    whole = models.efficientnet_lite0(side=SIDE, top=True)
    return see_large(upper(name, on), whole.get_layer("head").get_weights())


def see_large(trainer: Upper, head: list[np.ndarray]) -> Seen:
    logits = trainer.features @ head[0] + head[1]
    return Seen(trainer.features, softmax(logits), trainer, trainer.begin)


@cache
def upper(name: str, on: str) -> Upper:
    given = target(on)
    network, cut = (
        (models.resnet50("course"), "conv4")
        if "ResNet50" in name
        else (models.efficientnet_lite0(side=SIDE), "stage5")
    )
    return Upper(network, cut, as_bytes(given.x, network), given.classes)


def as_bytes(x: np.ndarray, network: keras.Model) -> np.ndarray:
    """The target's images in a network's size, not preprocessed, for `Upper` does that."""
    side = network.input_shape[1]
    return np.rint(models.fit_images(x, keras.Sequential(plain(side)))).astype("uint8")


def plain(side: int) -> list:
    """A network that takes pixels as they are."""
    return [keras.Input((side, side, 3)), keras.layers.Activation("linear", name="preprocess")]


@cache
def small_networks(classes: int) -> tuple[keras.Model, keras.Model, Trainer]:
    """Below the cut, and above it with a head of so many classes, compiled once."""
    network = models.small_cnn(classes)
    lower, above = transfer.split(network, "pool3")
    trainer = Trainer(above, np.zeros((1, 3, 3, 64), "float32"))
    trainer.model.steps_per_execution = 10
    return network, lower, trainer


@cache
def grey(on: str) -> np.ndarray:
    return models.fit_images(target(on).x, models.small_cnn())


def see_small(source: keras.Model, on: str, is_trained: bool) -> Seen:
    x = grey(on)
    network, lower, trainer = small_networks(target(on).classes)
    backbone = [f"conv{k}" for k in range(1, 5)]
    transfer.copy_weights(source, network, backbone)
    cut = lower.predict(x, batch_size=500, verbose=0)
    kernels = source.get_layer("conv4").get_weights()
    short = keras.Model(source.inputs, source.get_layer("flatten").output)
    features = short.predict(x, batch_size=500, verbose=0)
    kernel, bias = source.get_layer("head").get_weights()
    probabilities = softmax(features @ kernel + bias) if is_trained else None

    def begin(head) -> None:
        trainer.x = cut
        trainer.model.get_layer("conv4").set_weights(kernels)
        trainer.model.get_layer("head").set_weights([part.astype("float32") for part in head])

    return Seen(features, probabilities, trainer, begin)


@cache
def scratch_trainer(on: str) -> Trainer:
    trainer = Trainer(models.small_cnn(target(on).classes), grey(on))
    trainer.model.steps_per_execution = 10
    return trainer


# --- one run -------------------------------------------------------------------------------------


def regression(x: np.ndarray, given: Target, seed: int, strength: float):
    drawn = given.draw(LABELS, seed)
    return logistic_regression(x[drawn], given.y[drawn], strength)


def accuracies(
    arm: str, name: str, on: str, setting: float, seed: int, steps: list[int], held_out: str,
    strength: float | None = None,
) -> list[float]:  # fmt: skip
    """Accuracy of one run after each number of steps, or the only one of a regression."""
    given = target(on)
    places = given.kept_back if held_out == "validation" else given.test
    index = seed % len(SEEDS)
    if arm in ("frozen", "pixels"):
        x = seen(name, on, index).features if arm == "frozen" else pixels(on)
        kernel, bias = regression(x, given, seed, setting)
        guesses = [predicted_classes(x[places] @ kernel + bias)]
    else:
        if arm == "scratch":
            trainer, shift = scratch_trainer(on), SHIFT
            training.restart(trainer.model, seed)
        else:
            source, shift = seen(name, on, index), 0
            trainer = source.trainer
            keras.utils.set_random_seed(seed)
            source.begin(regression(source.features, given, seed, strength))
        drawn = given.draw(LABELS, seed)
        guesses = trainer.train(given.y, drawn, places, setting, steps, seed, shift)
    return [round(float(np.mean(each == given.y[places])), 4) for each in guesses]


@cache
def pixels(on: str) -> np.ndarray:
    x = target(on).x
    return x.reshape(len(x), -1) / np.float32(255)


def scores_of(name: str, on: str, labels: int, seed: int) -> dict:
    """Every score of a source from so many labels per class, and the processor seconds of each."""
    given, source = target(on), seen(name, on, seed)
    drawn = given.draw(labels, seed)
    found = {"seconds": {}}
    for score in SCORES:
        x = source.probabilities if score == "leep" else source.features
        if x is not None:
            began = process_time()
            found[score] = round(getattr(transferability, score)(x[drawn], given.y[drawn]), 6)
            found["seconds"][score] = round(process_time() - began, 4)
    return found


# --- the grid ------------------------------------------------------------------------------------


class Zoo(Clocked):
    """All runs."""

    def arm(self, arm: str, name: str, on: str, strength: float | None = None) -> dict:
        budgets = BUDGETS.get(arm, [0])
        grid = STRENGTHS
        if arm in BUDGETS:
            small = name in SOURCES and SOURCES[name].is_small
            grid = RATES["scratch" if arm == "scratch" else "small" if small else "large"]

        def run(setting: float, seed: int, steps: list[int], held_out: str) -> list[float]:
            key = (on, name, arm, budgets[-1], setting, seed, held_out)
            return self.run(
                key,
                steps,
                lambda: accuracies(arm, name, on, setting, seed, steps, held_out, strength),
            )

        return at_each_budget(run, grid, budgets, SEEDS)


CELLS = [  # in the order of running
    *product(("frozen",), SOURCES),
    ("pixels", ""),
    *product(("fine-tuned",), [name for name in SOURCES if name != "letters, ResNet50"]),
    ("scratch", ""),
    ("fine-tuned", "letters, ResNet50"),
]


def measure(zoo: Zoo, wanted: Collection[str]) -> dict:
    """What is known of each cell, by target, arm and source, and the scores."""
    arms, scores = {on: {} for on in TARGETS}, {on: {} for on in TARGETS}
    for (arm, name), on in product(CELLS, TARGETS):
        if name not in wanted:
            continue
        with suppress(OutOfTime):
            strength = None
            if arm == "fine-tuned":
                frozen = arms[on].get(f"frozen {name}")
                if frozen is None:
                    continue
                strength = frozen["0"]["setting"]
            arms[on][f"{arm} {name}".strip()] = zoo.arm(arm, name, on, strength)
            if arm != "frozen":
                continue
            for labels in (FEW, LABELS):
                found = [
                    zoo.run(
                        (on, name, "scores", labels, seed),
                        [0],
                        partial(lambda *asked: [scores_of(*asked)], name, on, labels, seed),
                    )[0]
                    for seed in SEEDS
                ]
                scores[on].setdefault(name, {})[str(labels)] = {
                    score: [each[score] for each in found]
                    for score in (*SCORES, "seconds")
                    if score in found[0]
                }
    return {"arms": arms, "scores": scores}


def accuracy_of(record: dict | None) -> list[float] | None:
    """The scores of the seeds at the larger budget."""
    return next(iter(record.values()))["results"] if record else None


def taus(arms: dict, scores: dict) -> dict:
    """Weighted τ of each score with each truth, by target and seed, over the trained sources.

    The weights follow the ranks of the truth: to order the best sources rightly counts most.
    """
    trained = [name for name, source in SOURCES.items() if source.task]
    found = {}
    for way, on, labels in product(("frozen", "fine-tuned"), TARGETS, (FEW, LABELS)):
        truth = [accuracy_of(arms[on].get(f"{way} {name}")) for name in trained]
        if None in truth or any(name not in scores[on] for name in trained):
            continue
        for score in SCORES:
            values = [scores[on][name][str(labels)][score] for name in trained]
            row = [
                round(float(stats.weightedtau(t, v, rank=None).statistic), 4)
                for t, v in zip(np.transpose(truth), np.transpose(values), strict=True)
            ]
            by_way = found.setdefault(way, {}).setdefault(str(labels), {})
            by_way.setdefault(score, {})[on] = row
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.sources", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="N")
    parser.add_argument("--only", nargs="*", metavar="SOURCE", help="store runs, write no result")
    asked = parser.parse_args(arguments)
    zoo = Zoo(STORE, asked.minutes)
    if asked.only:
        measure(zoo, asked.only)
        return
    found = measure(zoo, [*SOURCES, ""])
    result = {
        "labels": LABELS,
        "few": FEW,
        "seeds": len(SEEDS),
        "complete": sum(map(len, found["arms"].values())) == len(CELLS) * len(TARGETS),
        "sources": {
            name: {
                "network": source.network,
                "task": source.task,
                "images": source.images,
                "steps": source.steps,
            }
            for name, source in SOURCES.items()
        },
        "targets": {name: about for name, (about, _) in TARGETS.items()},
        "arms": found["arms"],
        "scores": found["scores"],
        "tau": taus(found["arms"], found["scores"]),
        "made_with": versions(),
    }
    save("sources", result)


if __name__ == "__main__":
    main()
