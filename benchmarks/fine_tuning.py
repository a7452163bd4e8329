"""How deep to fine-tune, and what the classic mistakes cost. Chapter 05, section 4.

The course's weights, 20 labels per class, five seeds, tested on validation handwriting, for this
is about choices. Every arm has the settings of `benchmarks.resnet50` but for the one thing that
it is named for:

- depth: the head alone, or the last stage, or the last two, after the same head; accuracy along the
  steps;
- mistakes, each on the last stage: Adam's default rate, 0.001, for all layers; BatchNormalization
  that trains with the rest; no head trained first.

Everything before the first stage that trains is computed once. A run that was interrupted goes on
where it stopped.
"""

import json
import sys
from time import perf_counter

import numpy as np

from benchmarks.label_efficiency import RESULTS, save, scores
from benchmarks.resnet50 import SETTINGS, cached, pretrained
from tlcourse import training, transfer
from tlcourse.backend import keras
from tlcourse.data import few_labels

LABELS, SEEDS = 20, range(5)
CHECKPOINTS = [0, 25, 50, 100, 200]  # steps after the head's own
BEFORE = {"head": "pool", "conv5": "conv4", "conv4": "conv3"}
STORE = RESULTS / "fine_tuning.unfinished"
HEAD_RATE, RATE = SETTINGS["fine-tuned"]["head_rate"], SETTINGS["fine-tuned"]["rate"]
STEPS = SETTINGS["fine-tuned"]["steps"]


def begin(stage: str, seed: int):
    """The part of the network from a stage on, as pretrained, and the few labels for it."""
    model, weights = pretrained()
    model.set_weights(weights)
    keras.utils.set_random_seed(seed)
    _, upper = transfer.split(model, BEFORE[stage])
    return upper, few_labels(cached("validation", BEFORE[stage]), LABELS, seed)


def train_head(upper, few, seed: int) -> None:
    adam = keras.optimizers.Adam(HEAD_RATE)
    transfer.train_from(
        upper, "head", few.x_train, few.y_train, optimizer=adam, steps=STEPS, seed=seed
    )


def depth(stage: str, seed: int) -> list[float]:
    """Accuracy at each checkpoint, and the seconds from the first to the last."""
    upper, few = begin(stage, seed)
    train_head(upper, few, seed)
    if stage != "head":
        transfer.unfreeze_from(upper, stage)
    rates = {"": RATE, "head": HEAD_RATE}
    training.compile_classifier(upper, optimizer=transfer.LayerwiseAdam(rates))
    found, seconds = [], 0.0
    for done, steps in zip([0, *CHECKPOINTS], CHECKPOINTS, strict=False):
        began = perf_counter()
        if steps > done:
            training.fit_steps(upper, few.x_train, few.y_train, steps=steps - done, seed=steps)
        seconds += perf_counter() - began
        found.append(training.accuracy(upper, few.x_test, few.y_test))
    return [*found, seconds]


def mistake(name: str, seed: int) -> list[float]:
    """Accuracy of one run in which the last stage trains."""
    upper, few = begin("conv5", seed)
    if name != "random head":
        train_head(upper, few, seed)
    transfer.unfreeze_from(upper, "conv5")
    if name == "moving BatchNormalization":
        for layer in upper.layers:
            layer.trainable = True
    rates = {"": 1e-3} if name == "one rate for all" else {"": RATE, "head": HEAD_RATE}
    training.compile_classifier(upper, optimizer=transfer.LayerwiseAdam(rates))
    training.fit_steps(upper, few.x_train, few.y_train, steps=STEPS, seed=seed)
    return [training.accuracy(upper, few.x_test, few.y_test)]


MISTAKES = ["none", "one rate for all", "moving BatchNormalization", "random head"]


def main() -> None:
    lines = STORE.read_text().splitlines() if STORE.exists() else []
    done = {tuple(key): value for key, value in map(json.loads, lines)}
    runs = [(mistake, name, seed) for name in MISTAKES for seed in SEEDS]
    runs += [(depth, stage, seed) for stage in BEFORE for seed in SEEDS]
    for kind, name, seed in runs:
        key = kind.__name__, name, seed
        if key not in done:
            done[key] = kind(name, seed)
            with STORE.open("a") as file:
                file.write(json.dumps([key, done[key]]) + "\n")
            print(*key, np.round(done[key], 3), file=sys.stderr, flush=True)
    mistakes = {name: [done["mistake", name, seed][0] for seed in SEEDS] for name in MISTAKES}
    curves = {}
    for stage in BEFORE:
        results = np.array([done["depth", stage, seed] for seed in SEEDS])
        upper, _ = begin(stage, 0)
        transfer.unfreeze_from(upper, stage)
        curves[stage] = {
            "accuracy": results[:, :-1].T.round(4).tolist(),  # (checkpoints, seeds)
            "seconds": round(float(np.median(results[:, -1])), 1),
            "parameters": sum(int(np.prod(v.shape)) for v in upper.trainable_variables),
        }
    result = {"labels": LABELS, "seeds": len(SEEDS), "checkpoints": CHECKPOINTS}
    save("fine_tuning", result | {"depth": curves, "mistakes": scores(mistakes)})
    STORE.unlink()


if __name__ == "__main__":
    main()
