"""What are the course's ResNet50 weights worth on few labels? Chapter 05, section 5.

Target: handwritten digits in coloured scenes, tested on handwriting that no training image shows.
Five seeds, paired: every arm sees the same labelled images. Four arms:

- finetuned: the course's weights, linear head first, then the last stages with the head
  (`transfer.probe_then_fine_tune`), on features cached before them;
- probe: the same weights, all frozen, a linear head;
- random: the same architecture, all of it trained from random weights;
- small_cnn: `models.scene_cnn` from random weights.

The settings below were chosen on other handwriting: `python -m benchmarks.resnet50 --tune ARM`
prints that search. A run that was interrupted goes on where it stopped.
"""

import json
import sys
from dataclasses import replace
from functools import cache
from itertools import product
from time import perf_counter

import numpy as np

from benchmarks.label_efficiency import RESULTS, save, summary
from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import Dataset, few_labels, make_scene_digits

LABELS = [10, 20, 50]
SEEDS = range(5)
SETTINGS = {
    "finetuned": {"layer": "conv4", "steps": 200, "head_rate": 1e-3, "rate": 1e-4},
    "probe": {"steps": 400, "rate": 1e-3},
    "random": {"steps": 200, "rate": 1e-3, "shift": 0},
    "small_cnn": {"steps": 800, "rate": 1e-3, "shift": 4},
}
SEARCH = {
    "finetuned": {
        "layer": ["conv5", "conv4", "conv3"],
        "steps": [100, 200, 400],
        "head_rate": [1e-3],
        "rate": [3e-5, 1e-4, 3e-4],
    },
    "probe": {"steps": [200, 400, 800], "rate": [3e-4, 1e-3, 3e-3]},
    "random": {"steps": [100, 200], "rate": [3e-4, 1e-3, 3e-3], "shift": [0, 4]},
    "small_cnn": {"steps": [400, 800, 1600], "rate": [5e-4, 1e-3, 2e-3], "shift": [0, 4]},
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


def finetuned(held_out, labels, seed, layer, steps, head_rate, rate) -> float:
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


def probe(held_out, labels, seed, steps, rate) -> float:
    """Accuracy of one run."""
    keras.utils.set_random_seed(seed)
    head = keras.Sequential([keras.Input((2048,)), keras.layers.Dense(10, name="head")])
    return _train(head, few_labels(cached(held_out, "pool"), labels, seed), seed, steps, rate)


def random(held_out, labels, seed, steps, rate, shift) -> float:
    """Accuracy of one run."""
    keras.utils.set_random_seed(seed)
    model = models.add_head(models.resnet50(None), 10)
    return _train(model, few_labels(target(held_out), labels, seed), seed, steps, rate, shift)


def small_cnn(held_out, labels, seed, steps, rate, shift) -> float:
    """Accuracy of one run."""
    keras.utils.set_random_seed(seed)
    few = few_labels(target(held_out), labels, seed)
    return _train(models.scene_cnn(), few, seed, steps, rate, shift)


def _train(model, few: Dataset, seed, steps, rate, shift=0) -> float:
    training.compile_classifier(model, rate)
    training.fit_steps(model, few.x_train, few.y_train, steps=steps, shift=shift, seed=seed)
    return training.accuracy(model, few.x_test, few.y_test)


ARMS = {"finetuned": finetuned, "probe": probe, "small_cnn": small_cnn, "random": random}


def tune(arm: str) -> None:
    """Every setting of one arm, at 20 labels per class, three seeds, on validation handwriting."""
    for values in product(*SEARCH[arm].values()):
        settings = dict(zip(SEARCH[arm], values, strict=True))
        began = perf_counter()
        scores = [ARMS[arm]("validation", 20, seed, **settings) for seed in range(3)]
        seconds = (perf_counter() - began) / 3
        print(f"{arm} {settings}: {np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}, "
              f"{seconds:.0f} s a run", flush=True)  # fmt: skip


def main() -> None:
    store = RESULTS / "resnet50.unfinished"
    lines = store.read_text().splitlines() if store.exists() else []
    done = {tuple(key): value for key, value in map(json.loads, lines)}
    for arm, labels, seed in product(ARMS, LABELS, SEEDS):
        if (arm, labels, seed) in done:
            continue
        began = perf_counter()
        score = ARMS[arm]("test", labels, seed, **SETTINGS[arm])
        done[arm, labels, seed] = score, perf_counter() - began
        with store.open("a") as file:
            file.write(json.dumps([[arm, labels, seed], done[arm, labels, seed]]) + "\n")
        print(f"{arm}, {labels} labels, seed {seed}: {score:.3f}", file=sys.stderr)
    result = {"labels": LABELS}
    for arm in ARMS:
        runs = np.array([[done[arm, n, seed] for seed in SEEDS] for n in LABELS])
        result[arm] = summary(runs[..., 0])
        result.setdefault("seconds", {})[arm] = np.median(runs[..., 1], axis=1).round(1).tolist()
    save("resnet50", result | {"seeds": len(SEEDS), "settings": SETTINGS})
    store.unlink()


if __name__ == "__main__":
    tune(sys.argv[2]) if sys.argv[1:2] == ["--tune"] else main()
