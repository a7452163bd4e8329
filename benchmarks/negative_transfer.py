"""When does a transfer do harm? Chapter 04, section 6.

    python -m benchmarks.negative_transfer

Source: the handwritten digits 0 to 4. Target: 5 to 9, the same handwriting, centred and without
clutter. The four arms are those of `benchmarks.label_efficiency`: scratch, fine-tuned, frozen (a
logistic regression on what the source's four convolutions return) and pixels (a logistic
regression on these, which are not standardised, because with five images that cost it nine
points). Nothing is shifted, because these digits all stand in the middle.

1, 5 and 20 labels per class, five seeds, paired, each with a source network of its own, and two
budgets of steps. Learning rate and C are tuned for every arm, number of labels and budget, on the
training images that another draw of the labels leaves; with one label per class on the mean of
three draws. Every score is stored, shape (labels, seeds). A run that was interrupted goes on where
it stopped.
"""

from dataclasses import replace
from functools import cache

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks import warm_starts as base
from benchmarks.label_efficiency import RESULTS, compared, save, solve
from benchmarks.tuned import TUNING_SEED, Kept
from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.data import Dataset, few_labels, load_digits28

LABELS = [1, 5, 20]
BUDGETS = [200, 600]  # steps
RATES = (3e-4, 1e-3, 3e-3)  # where the grid begins
SOURCE_STEPS = 400
UNFINISHED = RESULTS / "negative_transfer.unfinished"


@cache
def digits(first: int) -> Dataset:
    """Five digits of the ten, beginning with `first`, as a task of their own."""
    every, classes = load_digits28(), range(first, first + 5)
    train, test = np.isin(every.y_train, classes), np.isin(every.y_test, classes)
    return replace(
        every,
        x_train=every.x_train[train],
        y_train=every.y_train[train] - first,
        x_test=every.x_test[test],
        y_test=every.y_test[test] - first,
        class_names=tuple(map(str, classes)),
    )


@cache
def network() -> keras.Model:
    model = models.small_cnn(5)
    training.compile_classifier(model)
    model.steps_per_execution = 25
    return model


@cache
def trained_source(seed: int) -> keras.Model:
    source, low = models.small_cnn(5), digits(0)
    training.compile_classifier(source)
    training.restart(source, seed)
    training.fit_steps(source, low.x_train, low.y_train, steps=SOURCE_STEPS, seed=seed)
    return source


def source(seed: int) -> keras.Model:
    """Of this seed; settings are chosen with the sources of the first seeds."""
    return trained_source(seed % TUNING_SEED)


def draw(labels: int, seed: int, held_out: str) -> Dataset:
    """Labelled images, and as the test set what is held out: other handwriting, or the rest."""
    few = few_labels(digits(5), labels, random_state=seed)
    if held_out == "test":
        return few
    known = {image.tobytes() for image in few.x_train}
    rest = np.array([image.tobytes() not in known for image in digits(5).x_train])
    return replace(few, x_test=digits(5).x_train[rest], y_test=digits(5).y_train[rest])


def run(arm: str, labels: int, rate: float, seed: int, steps: list, held_out: str) -> list[float]:
    """Accuracy after each number of steps, of one run."""
    few, model, done, found = draw(labels, seed, held_out), network(), 0, []
    training.restart(model, seed)
    model.optimizer.learning_rate.assign(rate)
    if arm == "fine-tuned":
        transfer.copy_weights(source(seed), model, base.BACKBONE)
    for goal in steps:
        training.fit_steps(
            model, few.x_train, few.y_train, steps=goal - done, seed=seed + done,
        )  # fmt: skip
        done = goal
        found.append(round(training.accuracy(model, few.x_test, few.y_test), 4))
    return found


def main() -> None:
    kept = Kept(UNFINISHED)

    def score(arm: str, labels: int, setting: float, seed: int, steps: list, held_out: str):
        if arm in ("scratch", "fine-tuned"):
            key = (arm, labels, setting, seed, held_out)
            return kept.run(key, steps, lambda: run(*key[:4], steps, held_out))
        few = draw(labels, seed, held_out)
        if arm == "frozen":
            x_few, x = (base.features(source(seed), images) for images in (few.x_train, few.x_test))
        else:
            x_few, x = (images.reshape(len(images), -1) for images in (few.x_train, few.x_test))
            regression = LogisticRegression(C=setting, max_iter=5000).fit(x_few, few.y_train)
            return [round(regression.score(x, few.y_test), 4)]
        return [solve(x_few, few.y_train, x, few.y_test, setting)]

    result = compared(score, LABELS, BUDGETS, RATES, draws=3)
    low = digits(0)
    result["source_accuracy"] = [
        round(training.accuracy(source(seed), low.x_test, low.y_test), 4) for seed in base.SEEDS
    ]
    save("negative_transfer", result)
    UNFINISHED.unlink()


if __name__ == "__main__":
    main()
