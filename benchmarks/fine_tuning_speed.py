"""Features cached at the freeze boundary against running the whole network every epoch. Chapter 05.

The plain recipe is that of Keras' guide to transfer learning: the frozen base inside the model,
`fit`, then the last stage unfrozen, `fit` again. The cached recipe runs the frozen part once for
each image. Same images, same order, same number of steps; the two are interleaved, and the last
line gives ratios of their medians: frozen phase over 20 epochs on 1,000 images, last stage over
`EPOCHS_LAST` epochs, and the difference of the accuracies that they end with.

Counting multiplications, the last stage could be 2.3 times faster. It is not: computing the
features counts as well, and the convolutions of the last stage, on maps of 2×2, run slower per
multiplication than those before it, which the cache saves.
"""

import json
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import make_scene_digits

IMAGES, EPOCHS_FROZEN, EPOCHS_LAST, REPEATS = 1000, 20, 6, 3
BATCH = 32
RESULT = Path(__file__).parent / "results" / "fine_tuning_speed.json"


def fit(model, x, y, epochs: int, rate: float, seed: int) -> None:
    training.compile_classifier(model, rate)
    steps = epochs * -(-len(x) // BATCH)
    training.fit_steps(model, x, y, steps=steps, batch_size=BATCH, seed=seed)


def plain(model, x, y, seed: int) -> tuple[float, float]:
    """Seconds of the frozen phase and of fine-tuning the last stage."""
    began = perf_counter()
    transfer.unfreeze_from(model, "head")
    fit(model, x, y, EPOCHS_FROZEN, 1e-3, seed)
    between = perf_counter()
    transfer.unfreeze_from(model, "conv5")
    fit(model, x, y, EPOCHS_LAST, 1e-4, seed)
    return between - began, perf_counter() - between


def cached(model, x, y, seed: int) -> tuple[float, float]:
    """The same with features computed once, the time for that included in each phase."""
    began = perf_counter()
    transfer.unfreeze_from(model, "head")
    lower, head = transfer.split(model, "pool")
    fit(head, transfer.features(lower, x, np.asarray), y, EPOCHS_FROZEN, 1e-3, seed)
    between = perf_counter()
    transfer.unfreeze_from(model, "conv5")
    lower, upper = transfer.split(model, "conv4")
    fit(upper, transfer.features(lower, x, np.asarray), y, EPOCHS_LAST, 1e-4, seed)
    return between - began, perf_counter() - between


def main() -> None:
    data = make_scene_digits(IMAGES, 1000, random_state=1)
    x, x_test = models.preprocess(data.x_train), models.preprocess(data.x_test)
    model = models.add_head(models.resnet50("course"), 10)
    start = model.get_weights()
    seconds = {plain: [], cached: []}
    scores = {plain: [], cached: []}
    for seed in range(REPEATS):
        for recipe in seconds:
            keras.utils.set_random_seed(seed)
            model.set_weights(start)
            seconds[recipe].append(recipe(model, x, data.y_train, seed))
            scores[recipe].append(training.accuracy(model, x_test, data.y_test))
            print(recipe.__name__, seconds[recipe][-1], scores[recipe][-1], flush=True)
    ratios = [
        median(s[phase] for s in seconds[plain]) / median(s[phase] for s in seconds[cached])
        for phase in (0, 1)
    ]
    difference = float(np.mean(scores[cached]) - np.mean(scores[plain]))
    result = {
        "frozen_ratio": round(ratios[0], 2),
        "last_stage_ratio": round(ratios[1], 2),
        "accuracy_difference": round(difference, 4),
        "repeats": REPEATS,
    }
    accuracy = {recipe.__name__: np.round(scores[recipe], 4).tolist() for recipe in scores}
    runs = {recipe.__name__: np.round(seconds[recipe], 1).tolist() for recipe in seconds}
    RESULT.write_text(json.dumps(result | {"seconds": runs, "accuracy": accuracy}, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
