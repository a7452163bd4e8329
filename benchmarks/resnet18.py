"""What is the penalty λR(w) worth, and what do the printed mistakes cost? Chapter 10.

    python -m benchmarks.resnet18

Target: handwritten digits in clutter, tinted, 32×32 pixels, with 10, 20 and 50 labels per class,
tested on handwriting that no training image shows. Source: the ResNet18 that has read printed
letters in tints (`pytorch.letters_resnet18`). PyTorch, SGD with momentum 0.9, batches of 32, a
constant rate, no augmentation, BatchNorm in training mode while it trains.

- pixels, frozen: logistic regression on the pixels, and on what `fc` of the source sees;
- scratch: random weights, everything trains;
- fine-tuned: the source's weights and a new `fc`, everything trains;
- as printed: the same with rate 0.001, as the tutorial prints it, untuned;
- L2: fine-tuned with weight decay on all weights, λ/2 · ‖w‖²;
- L2-SP: fine-tuned with λ/2 · ‖w − w⁰‖², towards the source's weights (Li, Grandvalet and Davoine
  2018); the new `fc`, which has none, towards zero, with the same λ.

At 32 pixels the stem leaves maps of 8×8, and the last stage has 1×1. `enlarged` therefore shows the
same arms images of 64 pixels, at 20 labels: here that is another size than the weights know. How
enlarging to 224 fares with ImageNet's checkpoint cannot be measured without that checkpoint.

Five seeds, paired: at one seed every arm has the same labelled images, and the same new `fc` where
it has one. Two budgets of steps. Rate and λ are tuned at each budget and number of labels, on
another draw of the labels and on images that are neither trained nor tested on; λ is tuned at the
best rate without it, and then the rate again. Each grid grows until its best value is inside.

`mistakes` measures what the printed code does wrong, at 20 labels: each beside the same run without
the mistake.

Every run is kept as soon as it is finished, so an interrupted benchmark goes on where it stopped.
`--minutes N` begins no run after so many: with 0 it writes down what is stored.
"""

import argparse
import platform
from contextlib import suppress
from functools import cache
from itertools import islice

import numpy as np

from benchmarks.label_efficiency import RESULTS, save
from benchmarks.tuned import TUNING_SEED, Clocked, OutOfTime, paired_interval
from tlcourse import data, pytorch
from tlcourse.optimizers import batches
from tlcourse.regression import logistic_regression
from tlcourse.rivals import tune

LABELS = (20, 10, 50)  # per class, in the order of running
SEEDS = range(5)
BUDGETS = (50, 120)  # steps
BATCH = 32
POOL, VALIDATION, TEST = 100, 500, 1000  # images: of each class, and of all classes together
DIFFICULTY = 0.3  # of the clutter, as the letters have it
PRINTED = 0.001  # the tutorial's rate
HALF = ((0.5,) * 3, (0.5,) * 3)  # mean and standard deviation, as the tutorial normalises
RATES = {"scratch": (0.01, 0.03, 0.1), "fine-tuned": (0.003, 0.01, 0.03)}
DECAYS = {"L2": (1e-3, 1e-2, 1e-1), "L2-SP": (1e-3, 1e-2, 1e-1)}
STRENGTHS = (1e-4, 1e-3, 1e-2)  # C, where the grid begins
WIDEN = 2  # times that the grid of λ may grow: towards zero it is fine-tuning without a penalty
TRAINED = ("fine-tuned", "as printed", "L2-SP", "L2", "scratch")  # in the order of running
STORE = RESULTS / "resnet18.jsonl"


# --- the target ----------------------------------------------------------------------------------


@cache
def images() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Images, uint8, and labels: the pool, and what is kept back and tested on."""
    asked = {"difficulty": DIFFICULTY, "random_state": 11}
    whole = data.make_cluttered_digits(POOL * 10, TEST, **asked)
    other = data.make_cluttered_digits(1, VALIDATION, held_out="validation", **asked)
    grey = {"pool": whole.x_train, "validation": other.x_test, "test": whole.x_test}
    x = {part: pytorch.tinted(grey[part], seed) for seed, part in enumerate(grey)}
    return x, {"pool": whole.y_train, "validation": other.y_test, "test": whole.y_test}


@cache
def inputs(side: int, normalised: str = "source"):
    """The images of each part as tensors, and their labels."""
    x, y = images()
    mean_std = HALF if normalised == "half" else (pytorch.MEAN, pytorch.STD)
    return {part: pytorch.tensors(x[part], side, *mean_std) for part in x}, y


def draw(labels: int, seed: int) -> np.ndarray:
    """The places in the pool of `labels` images of each class; fewer are a subset of more."""
    y = images()[1]["pool"]
    order = np.random.default_rng(seed).permutation(len(y))
    return np.concatenate([order[y[order] == k][:labels] for k in range(10)])


# --- one run -------------------------------------------------------------------------------------


@cache
def source() -> dict:
    return pytorch.letters_resnet18()


def network(arm: str, seed: int):
    """A network of ten classes as an arm begins; its `fc` is the same for every arm of a seed."""
    model = pytorch.resnet18(10, seed)
    if arm != "scratch":
        known = {name: w for name, w in source().items() if not name.startswith("fc.")}
        model.load_state_dict(known, strict=False)
    return model


def train(
    arm: str, labels: int, setting: tuple[float, float], seed: int, side: int = 32,
    normalised: str = "source", budgets: tuple[int, ...] = BUDGETS,
):  # fmt: skip
    """The network of one run after each number of steps."""
    x, y = inputs(side, normalised)
    drawn, (rate, decay) = draw(labels, seed), setting
    model = network(arm, seed)
    losses = pytorch.train_steps(
        model, x["pool"][drawn], y["pool"][drawn], rate=rate, batch_size=BATCH, seed=seed,
        weight_decay=decay, towards=source() if arm == "L2-SP" else None,
    )  # fmt: skip
    for step, _ in enumerate(losses, 1):
        if step in budgets:
            yield model
        if step == budgets[-1]:
            return


def accuracies(arm, labels, setting, seed, held_out, side=32, normalised="source", budgets=BUDGETS):
    """Accuracy of one run after each number of steps, or the only one of a regression."""
    x, y = inputs(side, normalised)
    if arm in ("pixels", "frozen"):
        seen, drawn = regressors(arm, side, normalised), draw(labels, seed)
        kernel, bias = logistic_regression(seen["pool"][drawn], y["pool"][drawn], setting[0])
        return [share((seen[held_out] @ kernel + bias).argmax(1), y[held_out])]
    return [
        share(pytorch.logits(model, x[held_out]).argmax(1).numpy(), y[held_out])
        for model in train(arm, labels, setting, seed, side, normalised, budgets)
    ]


def share(guesses: np.ndarray, y: np.ndarray) -> float:
    return round(float(np.mean(guesses == y)), 4)


@cache
def regressors(arm: str, side: int, normalised: str) -> dict[str, np.ndarray]:
    if arm == "pixels":
        return {part: x.reshape(len(x), -1) / np.float32(255) for part, x in images()[0].items()}
    model, x = network("frozen", 0), inputs(side, normalised)[0]
    return {part: pytorch.features(model, x[part]).numpy() for part in x}


# --- the arms ------------------------------------------------------------------------------------


class Runs(Clocked):
    """All runs."""

    def one(self, arm, labels, setting, seed, held_out, place, side=32, normalised="source"):
        """Accuracy at one budget; a run of the long one passes the short one."""
        budgets = BUDGETS[: place + 1] if held_out == "test" else BUDGETS
        key = (labels, arm, side, normalised, *setting, seed, held_out)
        found = self.run(
            key,
            budgets if arm in TRAINED else [0],
            lambda: accuracies(arm, labels, setting, seed, held_out, side, normalised, budgets),
        )
        return found[place]

    def arm(self, arm: str, labels: int, rates: dict | None = None, **how) -> dict:
        """What an arm reaches at each budget, the long one first, and how it was tuned there."""
        record = {}
        for place in reversed(range(len(BUDGETS) if arm in TRAINED else 1)):
            budget = BUDGETS[place] if arm in TRAINED else 0

            def score(*setting, at=place):
                return self.one(arm, labels, setting, TUNING_SEED, "validation", at, **how)

            if arm == "as printed":
                setting, inside = (PRINTED, 0.0), None
            elif arm in DECAYS:
                rate = rates[str(budget)]["setting"][0]
                decay, inside = tune(DECAYS[arm], lambda d, r=rate: score(r, d), WIDEN)
                near = [float(f"{rate * f:.2g}") for f in (0.33, 1, 3)]
                rate, well = tune(near, lambda r, d=decay: score(r, d), WIDEN)
                setting, inside = (rate, decay), inside and well
            else:
                grid = STRENGTHS if arm in ("pixels", "frozen") else RATES[arm]
                value, inside = tune(grid, lambda r: score(r, 0.0))
                setting = (value, 0.0)
            results = [self.one(arm, labels, setting, seed, "test", place, **how) for seed in SEEDS]
            record[str(budget)] = {"setting": setting, "inside": inside, "results": results}
        return record


def differences(arms: dict) -> dict:
    """Paired differences at each budget, with their 95 % intervals."""
    pairs = [
        ("fine-tuned", "scratch"), ("fine-tuned", "frozen"), ("fine-tuned", "as printed"),
        ("L2", "fine-tuned"), ("L2-SP", "fine-tuned"), ("L2-SP", "L2"), ("frozen", "pixels"),
    ]  # fmt: skip
    found = {}
    for better, other in pairs:
        for budget in map(str, BUDGETS):
            scores = [
                arms[arm].get(budget, arms[arm].get("0")) for arm in (better, other) if arm in arms
            ]
            if len(scores) == 2 and None not in scores:
                a, b = (np.array(each["results"]) for each in scores)
                found[f"{better} less {other}, {budget} steps"] = paired_interval(a - b)
    return found


# --- the mistakes --------------------------------------------------------------------------------

MISTAKEN = 20  # labels per class
NUMBER_OF_MISTAKES = 10


def predicted_in_training_mode(model, x, batch_size: int) -> np.ndarray:
    """Predictions without `eval()`: BatchNorm takes the statistics of each batch."""
    torch = pytorch.require()
    model.train()
    with torch.no_grad():
        return torch.cat([model(part).argmax(1) for part in x.split(batch_size)]).numpy()


def without_eval(setting: tuple[float, float], seed: int) -> list:
    """Accuracies with `eval()`, and without: shuffled batches, sorted ones, and single images."""
    x, y = inputs(32)
    *_, model = train("fine-tuned", MISTAKEN, setting, seed)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    order = np.argsort(y["test"], kind="stable")
    right = share(pytorch.logits(model, x["test"]).argmax(1).numpy(), y["test"])
    mixed = share(predicted_in_training_mode(model, x["test"], 32), y["test"])
    model.load_state_dict(state)
    by_class = share(predicted_in_training_mode(model, x["test"][order], 32), y["test"][order])
    # Afterwards, because the statistics moved: with eval(), on the same images.
    moved = share(pytorch.logits(model, x["test"]).argmax(1).numpy(), y["test"])
    return [right, mixed, by_class, moved]


def single_images(setting: tuple[float, float], seed: int, images: int = 200) -> list:
    """Accuracies at 64 pixels with `eval()`, and without it on batches of one.

    At 32 pixels a batch of one is an error, because the last stage has one value per channel.
    """
    x, y = inputs(64)
    *_, model = train("fine-tuned", MISTAKEN, setting, seed, 64)
    some, labels = x["test"][:images], y["test"][:images]
    right = share(pytorch.logits(model, some).argmax(1).numpy(), labels)
    return [right, share(predicted_in_training_mode(model, some, 1), labels)]


def other_normalisation(setting: tuple[float, float], seed: int) -> list:
    """Trained as the source was normalised; predicted so, and with 0.5 and 0.5 instead."""
    x, y = inputs(32)
    half = inputs(32, "half")[0]
    *_, model = train("fine-tuned", MISTAKEN, setting, seed)
    return [
        share(pytorch.logits(model, each["test"]).argmax(1).numpy(), y["test"])
        for each in (x, half)
    ]


def without_zero_grad(setting: tuple[float, float], seed: int) -> list:
    """Accuracy where each step adds its gradient to all that came before."""
    torch = pytorch.require()
    x, y = inputs(32)
    drawn, model = draw(MISTAKEN, seed), network("fine-tuned", seed)
    few, labels = x["pool"][drawn], torch.as_tensor(y["pool"][drawn])
    optimizer = torch.optim.SGD(model.parameters(), lr=setting[0], momentum=0.9)
    order = batches(len(few), BATCH, np.random.default_rng(seed))
    model.train()
    for places in map(torch.from_numpy, islice(order, BUDGETS[-1])):
        torch.nn.functional.cross_entropy(model(few[places]), labels[places]).backward()
        optimizer.step()
    return [share(pytorch.logits(model, x["test"]).argmax(1).numpy(), y["test"])]


def only_the_last_layer(setting: tuple[float, float], seed: int) -> list:
    """Accuracy where `fc` alone is handed to the optimizer, as the tutorial says that it does."""
    x, y = inputs(32)
    drawn, model = draw(MISTAKEN, seed), network("fine-tuned", seed)
    pytorch.fit(
        model, x["pool"][drawn], y["pool"][drawn], BUDGETS[-1], rate=setting[0],
        batch_size=BATCH, seed=seed, parameters=model.fc.parameters(),
    )  # fmt: skip
    return [share(pytorch.logits(model, x["test"]).argmax(1).numpy(), y["test"])]


def mistakes(runs: Runs, arms: dict, enlarged: dict) -> dict:
    """What each mistake costs; `beside` is the same run without it, seed by seed."""
    found, long = {}, str(BUDGETS[-1])
    tuned = arms["fine-tuned"][long]

    def all_seeds(function, setting, count):
        key = ("mistake", function.__name__, *setting)
        rows = [runs.run((*key, s), [0] * count, lambda s=s: function(setting, s)) for s in SEEDS]
        return [list(column) for column in zip(*rows, strict=True)]

    def compare(name: str, results: list, beside: list) -> None:
        cost = paired_interval(np.subtract(results, beside))
        found[name] = {"results": results, "beside": beside, "difference": cost}

    with suppress(OutOfTime):
        (zero,) = all_seeds(without_zero_grad, tuned["setting"], 1)
        compare("no zero_grad", zero, tuned["results"])
        right, mixed, sorted_, moved = all_seeds(without_eval, tuned["setting"], 4)
        compare("no eval, asked in mixed batches of 32", mixed, right)
        compare("no eval, asked in batches of 32 sorted by class", sorted_, right)
        compare("eval again, after asking in train mode on the sorted batches", moved, right)
        right, half = all_seeds(other_normalisation, tuned["setting"], 2)
        compare("trained as the source, asked with 0.5", half, right)
        (last,) = all_seeds(only_the_last_layer, (PRINTED, 0.0), 1)
        compare("all parameters handed over", arms["as printed"][long]["results"], last)
        compare("fc alone, in train mode, beside frozen regression", last,
                arms["frozen"]["0"]["results"])  # fmt: skip
        half = runs.arm("frozen", MISTAKEN, normalised="half")["0"]
        compare(
            "trained and asked with 0.5, frozen", half["results"], arms["frozen"]["0"]["results"]
        )
        half = runs.arm("fine-tuned", MISTAKEN, normalised="half")[long]
        compare("trained and asked with 0.5, fine-tuned", half["results"], tuned["results"])
        if "fine-tuned" in enlarged:
            setting = enlarged["fine-tuned"][long]["setting"]
            right, alone = all_seeds(single_images, setting, 2)
            compare("no eval, asked one image at a time (64 pixels)", alone, right)
    return found


# --- all of it -----------------------------------------------------------------------------------


def measure(runs: Runs) -> dict:
    arms: dict = {}
    enlarged: dict = {}
    found: dict = {}
    for labels in LABELS:
        mine = arms[str(labels)] = {}
        with suppress(OutOfTime):
            for arm in ("pixels", "frozen", *TRAINED):
                mine[arm] = runs.arm(arm, labels, mine.get("fine-tuned"))
        if labels == MISTAKEN and len(mine) == 2 + len(TRAINED):
            with suppress(OutOfTime):
                for arm in ("frozen", "fine-tuned"):
                    enlarged[arm] = runs.arm(arm, labels, side=64)
            found = mistakes(runs, mine, enlarged)
    arms = {str(labels): arms[str(labels)] for labels in sorted(LABELS)}
    return {
        "arms": arms,
        "differences": {labels: differences(mine) for labels, mine in arms.items()},
        "enlarged": enlarged,
        "mistakes": found,
        "complete": all(len(mine) == 2 + len(TRAINED) for mine in arms.values())
        and len(enlarged) == 2
        and len(found) == NUMBER_OF_MISTAKES,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.resnet18", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="N")
    asked = parser.parse_args(arguments)
    torch = pytorch.require()
    torch.set_num_threads(1)
    runs = Runs(STORE, asked.minutes)
    result = {
        "labels": sorted(LABELS),
        "budgets": list(BUDGETS),
        "batch_size": BATCH,
        "seeds": len(SEEDS),
        "source": pytorch.RECIPE,
        **measure(runs),
        "made_with": f"PyTorch {torch.__version__}, Python {platform.python_version()}",
    }
    save("resnet18", result)


if __name__ == "__main__":
    main()
