"""What are the course's ResNet50 weights worth on few labels? Chapter 05, section 5.

Target: handwritten digits in coloured scenes, tested on handwriting that no training image shows.
Five seeds, paired: every arm sees the same labelled images. Four arms:

- fine-tuned: the course's weights, linear head first, then the last stages with the head
  (`transfer.probe_then_fine_tune`), on features cached before them;
- frozen: the same weights, all frozen, a linear head;
- scratch: the same architecture, all of it trained from random weights;
- small CNN: `models.scene_cnn` from random weights.

The settings below were chosen on other handwriting: `python -m benchmarks.resnet50 --tune ARM`
prints that search. A run that was interrupted goes on where it stopped; arms that are named, as
in `python -m benchmarks.resnet50 scratch`, run alone.
"""

import json
import sys
from dataclasses import replace
from functools import cache
from itertools import product
from time import perf_counter

import numpy as np

from benchmarks.label_efficiency import RESULTS, save, scores
from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import Dataset, few_labels, make_scene_digits

LABELS = [10, 20, 50]
SEEDS = range(5)
STORE = RESULTS / "resnet50.unfinished"
SETTINGS = {
    "fine-tuned": {"layer": "conv5", "steps": 100, "head_rate": 3e-4, "rate": 3e-5},
    "frozen": {"steps": 200, "rate": 3e-4},
    "scratch": {"steps": 100, "rate": 3e-3},
    "small CNN": {"steps": 400, "rate": 1e-3, "shift": 4},
}
SEARCH = {
    "fine-tuned": {
        "rate": [3e-5, 1e-4, 3e-4],
        "layer": ["conv5", "conv4"],
        "steps": [100, 200],
    },
    "frozen": {"rate": [1e-4, 3e-4, 1e-3], "steps": [50, 100, 200, 400]},
    "scratch": {"rate": [3e-4, 1e-3, 3e-3], "steps": [100, 200]},
    "small CNN": {"rate": [5e-4, 1e-3], "steps": [400, 800]},
}


def target(held_out: str = "test") -> Dataset:
    """The target task of chapter 05, preprocessed."""
    data = make_scene_digits(600, 1000, held_out=held_out, random_state=1)
    return replace(
        data, x_train=models.preprocess(data.x_train), x_test=models.preprocess(data.x_test)
    )


@cache
def pretrained() -> tuple[keras.Model, list[np.ndarray]]:
    """The network with a linear head, and the weights that every run begins with."""
    model = models.add_head(models.resnet50("course"), 10)
    return model, model.get_weights()


@cache
def cached(held_out: str, after: str) -> Dataset:
    """The target with what the frozen part returns in the place of the images."""
    lower, _ = transfer.split(pretrained()[0], after)
    data = target(held_out)
    x_train, x_test = (transfer.features(lower, x, np.asarray) for x in (data.x_train, data.x_test))
    return replace(data, x_train=x_train, x_test=x_test)


def fine_tuned(held_out, labels, seed, layer, steps, head_rate, rate) -> float:
    """Accuracy of one run."""
    model, weights = pretrained()
    model.set_weights(weights)
    keras.utils.set_random_seed(seed)
    before = {"conv5": "conv4", "conv4": "conv3", "conv3": "conv2"}[layer]
    _, upper = transfer.split(model, before)
    few = few_labels(cached(held_out, before), labels, seed)
    transfer.probe_then_fine_tune(
        upper, layer, few.x_train, few.y_train,
        steps=steps, head_rate=head_rate, rate=rate, seed=seed,
    )  # fmt: skip
    return training.accuracy(upper, few.x_test, few.y_test)


def frozen(held_out, labels, seed, steps, rate) -> float:
    """Accuracy of one run."""
    keras.utils.set_random_seed(seed)
    head = keras.Sequential([keras.Input((2048,)), keras.layers.Dense(10, name="head")])
    return _train(head, few_labels(cached(held_out, "pool"), labels, seed), seed, steps, rate)


def scratch(held_out, labels, seed, steps, rate) -> float:
    """Accuracy of one run."""
    keras.utils.set_random_seed(seed)
    model = models.add_head(models.resnet50(None), 10)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # Keras' 0.99 takes several hundred steps to settle
    return _train(model, few_labels(target(held_out), labels, seed), seed, steps, rate)


def small_cnn(held_out, labels, seed, steps, rate, shift) -> float:
    """Accuracy of one run."""
    keras.utils.set_random_seed(seed)
    few = few_labels(target(held_out), labels, seed)
    return _train(models.scene_cnn(), few, seed, steps, rate, shift)


def _train(model, few: Dataset, seed, steps, rate, shift=0) -> float:
    training.compile_classifier(model, rate)
    training.fit_steps(model, few.x_train, few.y_train, steps=steps, shift=shift, seed=seed)
    return training.accuracy(model, few.x_test, few.y_test)


ARMS = {"fine-tuned": fine_tuned, "frozen": frozen, "small CNN": small_cnn, "scratch": scratch}


def tune(arm: str) -> None:
    """One setting after the other, the best value kept; 20 labels, validation handwriting.

    Three seeds, but one for ResNet50 from scratch, whose runs take minutes.
    """
    seeds = 1 if arm == "scratch" else 3
    best, tried = dict(SETTINGS[arm]), {}

    def validation(settings: dict) -> float:
        key = tuple(settings.values())
        if key not in tried:
            began = perf_counter()
            found = [ARMS[arm]("validation", 20, seed, **settings) for seed in range(seeds)]
            tried[key] = np.mean(found)
            print(f"{arm} {settings}: {np.round(found, 3)}, mean {tried[key]:.3f}, "
                  f"{(perf_counter() - began) / seeds:.0f} s a run", flush=True)  # fmt: skip
        return tried[key]

    for setting, values in SEARCH[arm].items():
        best[setting] = max(values, key=lambda value: validation(best | {setting: value}))
    print(f"{arm}: {best}")


def finished() -> dict[tuple, list[float]]:
    """Accuracy and seconds of the runs that are stored."""
    lines = STORE.read_text().splitlines() if STORE.exists() else []
    return {tuple(key): value for key, value in map(json.loads, lines)}


def main(arms: list[str]) -> None:
    """Run what is not finished of some arms; when nothing is missing, save the result."""
    for arm, labels, seed in product(arms or ARMS, LABELS, SEEDS):
        if (arm, labels, seed) in finished():
            continue
        began = perf_counter()
        score = ARMS[arm]("test", labels, seed, **SETTINGS[arm])
        with STORE.open("a") as file:
            file.write(json.dumps([[arm, labels, seed], [score, perf_counter() - began]]) + "\n")
        print(f"{arm}, {labels} labels, seed {seed}: {score:.3f}", file=sys.stderr, flush=True)
    done = finished()
    missing = [arm for arm in ARMS if sum(key[0] == arm for key in done) < len(LABELS) * len(SEEDS)]
    if missing:
        sys.exit(f"still to run: {', '.join(missing)}")
    runs = {arm: np.array([[done[arm, n, seed] for seed in SEEDS] for n in LABELS]) for arm in ARMS}
    result = {
        "labels": LABELS,
        "seeds": len(SEEDS),
        "settings": SETTINGS,
        "accuracy": scores({arm: values[..., 0] for arm, values in runs.items()}),
        "seconds": {
            arm: np.median(values[..., 1], axis=1).round(1).tolist() for arm, values in runs.items()
        },
    }
    save("resnet50", result)
    STORE.unlink()


if __name__ == "__main__":
    tune(sys.argv[2]) if sys.argv[1:2] == ["--tune"] else main(sys.argv[1:])
