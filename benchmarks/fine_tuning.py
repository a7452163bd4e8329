"""What each decision of fine-tuning is worth on a far target. Chapter 05, "Going deeper".

    python -m benchmarks.fine_tuning

The target is the stripes of `benchmarks.fine_tuning_pays`, with 20 labels per class: the head
first, then `conv4` and `conv5` of the letters-ResNet50 with it, 80 steps. Every arm has this recipe
but for one thing, three of which are mistakes. Five seeds, paired. Each arm's learning rate is
chosen on another draw of the labels and on validation images; the grid grows until its best value
is inside. One arm has no choice: ten times the recipe's rate. Early stopping needs validation
images of its own: five of the 20 labels of each class, which then do not train.

Every run is written to the store as soon as it is finished, so that an interrupted one goes on
where it stopped, and the result holds what is measured so far. `--minutes N` begins no run after so
many: with 0 it writes down what is stored.
"""

import argparse
from contextlib import suppress
from functools import cache

import numpy as np

from benchmarks import fine_tuning_pays as pays
from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import Clocked, Kept, OutOfTime, at_each_budget, paired_interval
from tlcourse import training
from tlcourse.backend import keras, versions
from tlcourse.rivals import BATCH, logistic_regression

TARGET, LABELS, STEPS, EVERY, KEPT_BACK = "stripes", 20, 80, 10, 5
SEEDS = range(5)
STORE = RESULTS / "fine_tuning.jsonl"
RECIPE = "the recipe"
ARMS = {  # what each does otherwise
    RECIPE: {},
    "a head that was not trained first": {"head": "random"},
    "BatchNormalization that trains": {"norm": True},
    "ten times the rate": {"times": 10},
    "a cosine schedule": {"cosine": True},
    "early stopping": {"stop": True},
    "weight decay of 0.01": {"decay": 0.01},
}


class Run:
    """One arm: its network is compiled once, and each run begins with the pretrained weights."""

    def __init__(self, norm=False, decay=None, head="solved", cosine=False, stop=False, times=1):
        self.given = pays.target(TARGET)
        self.trainer = self.given.trainer("letters-ResNet50")
        self.head, self.cosine, self.stop = head, cosine, stop
        self.model = self.trainer.model
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = norm
        adam = keras.optimizers.Adam(weight_decay=decay)
        training.compile_classifier(self.model, optimizer=adam)

    def __call__(self, rate: float, seed: int, places: np.ndarray, strength: float) -> float:
        """Accuracy on `places` after a run."""
        y, x = self.given.y, self.trainer.x
        drawn = held_out = self.given.draw(LABELS, seed)
        if self.stop:
            order = np.argsort(y[drawn], kind="stable").reshape(self.given.classes, LABELS)
            held_out, drawn = (
                drawn[order[:, :KEPT_BACK].ravel()],
                drawn[order[:, KEPT_BACK:].ravel()],
            )
        kernel, bias = logistic_regression(self.trainer.features[drawn], y[drawn], strength)
        if self.head == "random":
            keras.utils.set_random_seed(seed)
            kernel = np.asarray(keras.initializers.GlorotUniform(seed)(kernel.shape))
            bias = 0 * bias
        self.trainer.begin((kernel, bias))
        for variable in self.model.optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(np.zeros(variable.shape, variable.dtype))
        best, kept = -1.0, None
        for done in range(0, STEPS, EVERY):
            share = (1 + np.cos(np.pi * done / STEPS)) / 2 if self.cosine else 1
            self.model.optimizer.learning_rate.assign(rate * share)
            given = {"steps": EVERY, "batch_size": BATCH, "seed": 100 * seed + done}
            training.fit_steps(self.model, x[drawn], y[drawn], **given)
            if self.stop:
                reached = training.accuracy(self.model, x[held_out], y[held_out])
                if reached > best:
                    best, kept = reached, self.model.get_weights()
        if kept:
            self.model.set_weights(kept)
        return training.accuracy(self.model, x[places], y[places])


def measure(name: str, recipe: dict, kept: Clocked) -> dict:
    """What an arm reaches at the rate that is best for it; ten times the recipe's has no choice."""
    about, arm = ARMS[name], []

    def run(rate: float, seed: int, steps: list[int], held_out: str) -> list[float]:
        def compute() -> list[float]:
            if not arm:
                arm.append(Run(**about))
            given = pays.target(TARGET)
            places = given.kept_back if held_out == "validation" else given.test
            return [round(arm[0](rate, seed, places, strength_of_the_head()), 4)]

        return kept.run((name, rate, seed, held_out), steps, compute)

    if "times" in about:
        rate = about["times"] * recipe["setting"]
        results = [run(rate, seed, [STEPS], "test")[0] for seed in SEEDS]
        return {"setting": rate, "results": results}
    return at_each_budget(run, pays.RATES[TARGET], [STEPS], SEEDS)[str(STEPS)]


@cache
def strength_of_the_head() -> float:
    """The C that `benchmarks.fine_tuning_pays` chose for the frozen features."""
    kept = Kept(pays.STORE)
    return pays.measure(TARGET, LABELS, "frozen", None, kept)["0"]["setting"]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.fine_tuning", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="N")
    asked = parser.parse_args(arguments)
    kept = Clocked(STORE, asked.minutes)
    arms = {name: {"gain": []} for name in ARMS}
    recipe = arms[RECIPE]
    for name, arm in arms.items():
        if name == RECIPE or "results" in recipe:
            with suppress(OutOfTime):
                arm |= measure(name, recipe, kept)
        if name != RECIPE and "results" in arm:
            arm["gain"] = paired_interval(np.subtract(arm["results"], recipe["results"]))
    result = {"target": TARGET, "labels": LABELS, "steps": STEPS, "seeds": len(SEEDS)}
    result["complete"] = all("results" in arm for arm in arms.values())
    save("fine_tuning", result | {"arms": arms, "made_with": versions()})


if __name__ == "__main__":
    main()
