"""Head first, then all: does it keep what frozen features know under a shift? Chapter 08.

    python -m benchmarks.head_first

Kumar et al. (2022) found that fine-tuning wins on images like those of its training, loses to
frozen features on shifted ones, and that a head which is trained first keeps both advantages. Here
the target is chapter 04's, digits in clutter with 20 labels per class. Each seed has a source
network of its own, which the three arms with a source share, as all arms share labels and order.

Every arm gets the same number of steps in all: *head first* spends half of them on the head alone,
at the rate of *frozen*, and half on everything. Each arm's learning rate is chosen for each budget
on clean validation handwriting, on a draw and a source that are used for nothing else, and the grid
grows until its best value is inside. No shifted image takes part in any choice.

The result holds, for each budget and arm, the accuracy on 1,000 test images by shift, severity and
seed, and the processor seconds of a run.
"""

from functools import cache, partial
from time import process_time

import numpy as np

from benchmarks.label_efficiency import BACKBONE, RESULTS, SHIFT, save, target, train_source
from benchmarks.tuned import Kept, at_each_budget
from tlcourse import evaluation, models, training, transfer
from tlcourse.backend import keras, versions
from tlcourse.data import few_labels, make_cluttered_letters

LABELS, IMAGES = 20, 1_000
SEEDS = range(5)
BUDGETS = [400, 1200]  # steps
RATES = (7e-4, 2e-3, 6e-3)  # where the grid begins
ARMS = ("scratch", "frozen", "fine-tuned", "head first")
SEVERITIES = (0, 0.25, 0.5, 0.75, 1)
data = cache(target)


@cache
def source(seed: int) -> keras.Model:
    letters = make_cluttered_letters(12_000, random_state=1_000 + seed)
    return train_source(letters, seed)


@cache
def network(frozen: bool) -> keras.Model:
    """The target's network, compiled."""
    model = models.small_cnn()
    for name in BACKBONE:
        model.get_layer(name).trainable = not frozen
    training.compile_classifier(model)
    model.steps_per_execution = 25  # at a time, which costs less beside so small a network
    return model


@cache
def shifted() -> np.ndarray:
    """The test images under each shift at each severity, one after the other."""
    x = data("test").x_test[:IMAGES]
    kinds = [(kind, severity) for kind in evaluation.SHIFTS for severity in SEVERITIES]
    return np.concatenate([evaluation.distort(x, *each) for each in kinds])


def judged(model: keras.Model, held_out: str) -> list:
    """Accuracy by shift and severity on test images; on validation images without a shift."""
    if held_out == "validation":
        found = data(held_out)
        return [training.accuracy(model, found.x_test, found.y_test)]
    said = model.predict(shifted(), batch_size=500, verbose=0).argmax(1)
    shape = (len(evaluation.SHIFTS), len(SEVERITIES), IMAGES)
    right = said.reshape(shape) == data("test").y_test[:IMAGES]
    return right.mean(2).round(4).tolist()


def begin(frozen: bool, seed: int, rate: float, *, copied: bool = True) -> keras.Model:
    model = training.restart(network(frozen), seed)
    model.optimizer.learning_rate.assign(rate)
    if copied:
        transfer.copy_weights(source(seed), model, BACKBONE)
    return model


def run(arm: str, rate: float, seed: int, steps: list[int], held_out: str, probe: dict) -> list:
    """What an arm reaches with each number of steps, and its processor seconds.

    `probe` holds, for each budget, the rate at which the head alone is trained.
    """
    source(seed)  # so that its training does not count
    few = few_labels(data(held_out), LABELS, random_state=seed)
    fit = {"x": few.x_train, "y": few.y_train, "shift": SHIFT}
    began, found, done, model = process_time(), [], 0, None
    for goal in steps:
        if arm == "head first":  # each budget begins afresh, for its half is another one
            began, done = process_time(), goal // 2
            model = begin(True, seed, probe[str(goal)])
            training.fit_steps(model, **fit, steps=done, seed=seed)
            head = model.get_layer("head").get_weights()
            model = begin(False, seed, rate)
            model.get_layer("head").set_weights(head)
        elif model is None:
            model = begin(arm == "frozen", seed, rate, copied=arm != "scratch")
        training.fit_steps(model, **fit, steps=goal - done, seed=seed + done)
        done, seconds = goal, round(process_time() - began, 1)
        found.append([judged(model, held_out), seconds])
    return found


def main() -> None:
    kept = Kept(RESULTS / "head_first.unfinished")
    budgets: dict[str, dict] = {str(steps): {} for steps in BUDGETS}
    probe: dict[str, float] = {}
    for arm in ARMS:

        def train(rate, seed, steps, held_out, arm=arm):
            key = (arm, rate, seed, held_out)
            return kept.run(key, steps, partial(run, *key[:3], steps, held_out, probe))

        score = lambda found: found[0][0]  # noqa: E731
        for steps, found in at_each_budget(train, RATES, BUDGETS, SEEDS, score).items():
            scores, seconds = zip(*found["results"], strict=True)
            budgets[steps][arm] = {
                "rate": found["setting"],
                "inside": found["inside"],
                "accuracy": np.moveaxis(scores, 0, -1).tolist(),
                "seconds": list(seconds),
            }
            print(steps, arm, found["setting"], np.mean(scores, 0)[1].round(3), flush=True)
        if arm == "frozen":
            probe.update({steps: arms[arm]["rate"] for steps, arms in budgets.items()})
    about = {"shifts": list(evaluation.SHIFTS), "severities": list(SEVERITIES)}
    about |= {"seeds": len(SEEDS), "labels": LABELS, "images": IMAGES}
    save("head_first", about | {"budgets": budgets, "made_with": versions()})
    kept.path.unlink()


if __name__ == "__main__":
    main()
