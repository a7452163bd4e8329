"""How good is a network really, and is another one better? What scikit-learn and SciPy do not have.

Accuracy, precision, recall, curves and splits are scikit-learn's, intervals for one proportion
SciPy's (`scipy.stats.binomtest(…).proportion_ci("wilson")`). NumPy and SciPy only, but for
`grad_cam`, which imports Keras when it is called.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tlcourse import labels
from tlcourse.losses import cross_entropy

LEVEL = 0.95  # of every interval
NEGLIGIBLE = 0.01  # a difference of accuracies that nobody would act on
FEWEST_SEEDS = 5


# --- one number ------------------------------------------------------------------------------


def examples_needed(low: float, high: float, *, power: float = 0.8) -> int:
    """Test examples for each of two networks to tell their accuracies apart, at the 5 % level.

    Two test sets of that size are compared by a two-sided z-test of proportions (Fleiss, Levin &
    Paik 2003, section 4.2, without the continuity correction). Both networks on *one* test set
    usually need fewer: see `mcnemar`.

    Parameters
    ----------
    low, high : float
        Accuracies in 0–1.
    power : float
        The probability with which the difference is to be found.

    Raises
    ------
    ValueError
        If the accuracies do not differ, or a value is not between 0 and 1.
    """
    from scipy.stats import norm

    if not (0 < low < 1 and 0 < high < 1 and 0 < power < 1):
        raise ValueError(f"low={low}, high={high} and power={power} must lie between 0 and 1.")
    if low == high:
        raise ValueError(f"no number of examples tells {low} from {high}: they are equal.")
    mean = (low + high) / 2
    null = norm.isf((1 - LEVEL) / 2) * np.sqrt(2 * mean * (1 - mean))
    other = norm.isf(1 - power) * np.sqrt(low * (1 - low) + high * (1 - high))
    return int(np.ceil(((null + other) / (high - low)) ** 2))


# --- A against B -----------------------------------------------------------------------------


def mcnemar(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """p-value that two *trained networks* err equally often, from one common test set.

    Only the examples on which just one of them is right count (McNemar 1947). The mid-p version
    of the exact test, which Fagerland, Lydersen & Laake (2013) recommend: the exact one is too
    cautious. It says nothing about training again: for that see `five_by_two_cv`.

    Parameters
    ----------
    y, a, b : ndarray, shape (N,)
        Labels, and the classes that the two networks predict.

    Raises
    ------
    ValueError
        If these are not N labels each: see `labels.comparable`.
    """
    from scipy.stats import binom

    y, a, b = labels.comparable(y=y, a=a, b=b)
    only_a, only_b = int(np.sum((a == y) & (b != y))), int(np.sum((a != y) & (b == y)))
    n, fewer = only_a + only_b, min(only_a, only_b)
    if only_a == only_b:
        return 1.0
    return float(2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5))


def five_by_two_cv(differences: np.ndarray) -> float:
    """p-value that two *ways to train* are equally good, from 5 × 2-fold cross-validation.

    Parameters
    ----------
    differences : ndarray, shape (5, 2)
        Accuracy of A minus accuracy of B: five random halvings, each half tested once.

    Raises
    ------
    ValueError
        If the shape is another.

    References
    ----------
    Dietterich 1998, *Neural Computation* 10(7), section 3.5.
    """
    from scipy.stats import t

    d = np.asarray(differences, float)
    if d.shape != (5, 2):
        raise ValueError(f"differences must have the shape (5, 2), not {d.shape}.")
    variance = ((d - d.mean(1, keepdims=True)) ** 2).sum(1).mean()
    return _two_sided(d[0, 0], np.sqrt(variance), t(5))


def resampled_t(differences: np.ndarray, test_share: float | None = None) -> float:
    """p-value that two ways to train are equally good, from repeated random splits.

    Parameters
    ----------
    differences : ndarray, shape (J,)
        Accuracy of A minus accuracy of B on each split.
    test_share : float, optional
        Test examples divided by training examples of a split, for the correction of Nadeau &
        Bengio (2003, *Machine Learning* 52, equation 11): the splits overlap, so their differences
        are not independent. Without it this is the naive paired t-test, which finds differences
        that are not there.

    Raises
    ------
    ValueError
        If there are fewer than two splits.
    """
    from scipy.stats import t

    d = np.asarray(differences, float)
    if d.ndim != 1 or len(d) < 2:
        raise ValueError(f"differences must be two or more numbers, not of shape {d.shape}.")
    return _two_sided(
        d.mean(), np.sqrt((1 / len(d) + (test_share or 0)) * d.var(ddof=1)), t(len(d) - 1)
    )


def _two_sided(difference: float, error: float, distribution) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * distribution.sf(abs(difference) / error))


# --- calibration -----------------------------------------------------------------------------


def reliability(
    probabilities: np.ndarray, y: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often predictions of a given confidence are right.

    Parameters
    ----------
    probabilities : ndarray, shape (N, K); or (N,) or (N, 1), of class 1
    y : ndarray of int, shape (N,)
    bins : int
        Equally wide, over confidences from 0 to 1.

    Returns
    -------
    confidence, accuracy : ndarray, shape (bins,)
        Means in each bin; NaN where it is empty.
    count : ndarray of int, shape (bins,)
    """
    y = labels.class_numbers(y)
    probabilities = labels.probabilities(probabilities, len(y))
    y = labels.class_numbers(y, probabilities.shape[1])
    confidence = probabilities.max(1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    sums = (
        np.bincount(place, weights, minlength=bins)
        for weights in (confidence, probabilities.argmax(1) == y)
    )
    with np.errstate(invalid="ignore"):
        mean_confidence, mean_accuracy = (total / count for total in sums)
    return mean_confidence, mean_accuracy, count


def expected_calibration_error(probabilities: np.ndarray, y: np.ndarray, bins: int = 10) -> float:
    """Mean distance between confidence and accuracy over the bins (Guo et al. 2017, equation 3)."""
    confidence, accuracy, count = reliability(probabilities, y, bins)
    filled = count > 0
    return float(np.average(abs(confidence - accuracy)[filled], weights=count[filled]))


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities (N, K) of logits (N, K) divided by a temperature above 0.

    Logits of one column, as a `Dense(1)` returns them, give the probabilities of two classes.
    """
    from scipy.special import softmax

    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, not {temperature}.")
    return softmax(labels.logits(logits) / temperature, axis=1)


def fit_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """The temperature with the lowest cross-entropy on *validation* data (Guo et al. 2017).

    Dividing logits by it leaves their order, and so every predicted class, as it is.

    Parameters
    ----------
    logits : ndarray, shape (N, K)
    y : ndarray of int, shape (N,)

    Returns
    -------
    float
        Between 0.01 and 100.
    """
    from scipy.optimize import minimize_scalar

    y = labels.class_numbers(y)
    logits = labels.logits(logits, len(y))
    y = labels.class_numbers(y, logits.shape[1])
    found = minimize_scalar(
        lambda log_temperature: cross_entropy(logits / np.exp(log_temperature), y),
        bounds=np.log([0.01, 100]),
        method="bounded",
    )
    return float(np.exp(found.x))


# --- other inputs, and where a network looks -------------------------------------------------

SHIFTS = ("rotated", "noisy", "brightened", "inverted")


def distort(x: np.ndarray, kind: str, severity: float, random_state: int = 0) -> np.ndarray:
    """Grey images that drift away from what a network was trained on.

    Parameters
    ----------
    x : ndarray of floats, shape (n, h, w, 1)
        In 0–1.
    kind : {"rotated", "noisy", "brightened", "inverted"}
        Turned anticlockwise by up to 90°; Gaussian noise of a standard deviation of up to 0.5;
        dark tones lifted by a gamma curve, up to x^0.2, with black and white where they were;
        black and white exchanged, by way of an even grey at severity 0.5.
    severity : float in 0–1
        0 leaves the images as they are.
    random_state : int
        Of the noise.

    Returns
    -------
    ndarray, shape of `x`, float32

    Raises
    ------
    ValueError
        If there is no such kind, or the severity is out of range.
    """
    if kind not in SHIFTS:
        raise ValueError(f"there is no shift {kind!r}; choose from {', '.join(SHIFTS)}.")
    if not 0 <= severity <= 1:
        raise ValueError(f"severity must lie between 0 and 1, not {severity}.")
    x = np.asarray(x, "float32")
    if severity == 0:
        return x.copy()
    if kind == "rotated":
        from scipy.ndimage import rotate

        return rotate(x, 90 * severity, axes=(2, 1), reshape=False, order=1)
    if kind == "noisy":
        noise = np.random.default_rng(random_state).standard_normal(x.shape, "float32")
        return np.clip(x + 0.5 * severity * noise, 0, 1).astype("float32")
    if kind == "brightened":
        return (x ** (1 - 0.8 * severity)).astype("float32")
    return (x + severity * (1 - 2 * x)).astype("float32")


def grad_cam(model, x: np.ndarray, layer: str, class_index) -> np.ndarray:
    """Which places of an image speak for a class (Grad-CAM, Selvaraju et al. 2017).

    The channels of a convolution are added, each with the mean gradient of the class's logit as
    its weight, and what is negative is cut off. The map has the resolution of that layer; it is
    enlarged to the image's.

    Parameters
    ----------
    model : keras.Model
        Ends in logits.
    x : ndarray, shape (n, h, w, channels)
        As the network takes them.
    layer : str
        The name of a convolution through which everything passes.
    class_index : int or ndarray of int, shape (n,)
        The class asked about, of all images or of each.

    Returns
    -------
    ndarray, shape (n, h, w)
        Each map scaled to a maximum of 1, or all 0 where nothing speaks for the class.

    Raises
    ------
    ValueError
        If the layer does not exist, is the last one, or returns no maps.
    """
    from scipy.ndimage import zoom

    from tlcourse import autodiff, transfer
    from tlcourse.backend import keras

    lower, upper = transfer.split(model, layer)
    maps = lower(np.asarray(x, "float32"), training=False)
    if len(maps.shape) != 4:
        raise ValueError(
            f"layer {layer!r} returns the shape {tuple(maps.shape)}, not maps (n, h, w, channels): "
            "choose a convolution."
        )
    outputs = upper.output.shape[-1]
    classes = labels.class_numbers(
        np.broadcast_to(np.ravel(class_index), len(x)), max(2, outputs), name="class_index"
    )
    # Of one logit alone, what speaks against class 1 speaks for class 0.
    rows = np.eye(outputs) if outputs > 1 else np.array([[-1], [1]])
    chosen = rows[classes].astype("float32")

    def logits(a):  # of the chosen classes; examples do not influence each other, so their sum
        return keras.ops.sum(keras.ops.multiply(upper(a, training=False), chosen))

    slope = autodiff.gradient(logits, maps)
    maps = keras.ops.convert_to_numpy(maps)
    heat = np.maximum((maps * slope.mean((1, 2), keepdims=True)).sum(-1), 0)
    factors = (1, x.shape[1] / heat.shape[1], x.shape[2] / heat.shape[2])
    heat = zoom(heat, factors, order=1, grid_mode=True, mode="nearest")
    top = heat.max((1, 2), keepdims=True)
    return heat / np.where(top > 0, top, 1)


# --- does transfer help here? ----------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """What one arm of a comparison was given.

    Attributes
    ----------
    steps : int
        Of its optimizer, in one run; 0 for what is solved without steps.
    seconds : float
        Of one run.
    tuned : str
        How its settings were chosen, "its rate, of 5, on validation images".
    """

    steps: int
    seconds: float
    tuned: str

    def __post_init__(self) -> None:
        if not (np.isreal(self.steps) and self.steps >= 0):
            raise ValueError(f"steps must be a number of optimizer steps, not {self.steps!r}.")
        if not (np.isreal(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds must be those of one run, not {self.seconds!r}.")
        if not (isinstance(self.tuned, str) and self.tuned.strip()):
            raise ValueError(
                f"tuned must say in words how the settings were chosen, not {self.tuned!r}: "
                '"its rate, on validation images", or "not at all".'
            )

    def __str__(self) -> str:
        steps = f"{self.steps:,} steps" if self.steps else "solved without steps"
        seconds = f"{self.seconds:.0f} s" if self.seconds >= 1 else "less than 1 s"
        return f"{steps}, {seconds} a run; tuned: {self.tuned}"


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. Printing it gives the report.

    Attributes
    ----------
    verdict : {"helps", "hurts", "makes no difference", "cannot tell"}
    scratch, transfer : float
        Mean accuracies over the seeds, 0–1.
    gain : float
        Their difference; `low` and `high` bound its 95 % interval.
    wins, seeds : int
        In how many of the seeds transfer was better.
    odds_ratio : float
        Effect size: odds of a right answer with transfer, divided by those from scratch.
    examples : int
        In the test set.
    given : (Given, Given)
        What the two arms were given: steps, seconds, how they were tuned.
    """

    verdict: str
    scratch: float
    transfer: float
    gain: float
    low: float
    high: float
    wins: int
    seeds: int
    odds_ratio: float
    examples: int
    given: tuple[Given, Given]

    def __str__(self) -> str:
        points = [f"{100 * value:+.1f}" for value in (self.gain, self.low, self.high)]
        lines = [
            f"Transfer {self.verdict} here.",
            f"Accuracy: {self.scratch:.1%} from scratch, {self.transfer:.1%} with transfer.",
            f"Gain: {points[0]} points, 95 % interval {points[1]} to {points[2]}; odds of a right "
            f"answer times {self.odds_ratio:.2f}.",
            f"Better in {self.wins} of {self.seeds} paired seeds, on {self.examples} test "
            "examples.",
        ]
        scratch, transfer = self.given
        lines.append(f"From scratch: {scratch}.")
        lines.append(f"With transfer: {transfer}.")
        if self.verdict == "cannot tell":
            lines[0] = "Whether transfer helps here, these runs cannot tell."
            lines.append("More seeds or a larger test set would narrow the interval.")
        return "\n".join(lines)


def compare(
    y: np.ndarray,
    scratch: np.ndarray,
    transfer: np.ndarray,
    given: tuple[Given, Given],
    *,
    selected_on_test: bool = False,
) -> Comparison:
    """Does transfer help here? The verdict on paired runs, with its size, interval and cost.

    A rival that had less time, or was not tuned, is beaten easily. So a verdict names what each
    arm was given.

    The interval covers both that the runs might have had other seeds and that the test set might
    have had other examples: the two variances of a crossed layout are added (Owen 2007, *Annals
    of Applied Statistics* 1(2)), which errs on the wide side, with Satterthwaite's degrees of
    freedom. "makes no difference" needs an interval within ±1 point.

    Parameters
    ----------
    y : ndarray, shape (N,)
        Labels of the test set.
    scratch, transfer : ndarray, shape (seeds, N)
        Predicted classes; row s of both comes from the same seed: the same labelled examples in
        the same order.
    given : (Given, Given)
        What a run from scratch had, and one with transfer.
    selected_on_test : bool
        Whether anything (an epoch, a learning rate, a network) was chosen by a look at this test
        set.

    Raises
    ------
    ValueError
        If it is not said what each arm was given, the test set was used for selection, there are
        fewer than five seeds, the runs are not paired, all runs of one kind are the same run, or
        the predictions are no classes.
    """
    if not (
        isinstance(given, tuple | list)
        and len(given) == 2
        and all(isinstance(arm, Given) for arm in given)
    ):
        raise ValueError(
            f"given must say what both arms had, not {given!r}: Given(steps, seconds, tuned) from "
            "scratch, and another with transfer."
        )
    if selected_on_test:
        raise ValueError(
            "selected_on_test: a test set that was used to choose cannot judge as well; choose on "
            "validation data, and compare on examples that nothing has seen."
        )
    (y,) = labels.comparable(y=y)
    runs = {"scratch": np.asarray(scratch), "transfer": np.asarray(transfer)}
    for name, predicted in runs.items():
        if predicted.shape[2:] == (1,):
            predicted = predicted[:, :, 0]
        if predicted.ndim != 2 or predicted.shape[1] != len(y):
            raise ValueError(
                f"{name} must have the shape (seeds, {len(y)}), one row of predicted classes for "
                f"each seed, not {predicted.shape}; the argmax(-1) of logits is that."
            )
        try:
            rows = [labels.comparable(y=y, **{name: row})[1] for row in predicted]
        except ValueError as error:
            raise ValueError(f"{name} must hold predicted classes like y: {error}") from None
        runs[name] = np.array(rows)
    seeds = len(runs["scratch"])
    if seeds != len(runs["transfer"]):
        raise ValueError(
            f"the runs are not paired: {seeds} from scratch and {len(runs['transfer'])} with "
            "transfer; run both with the same seeds."
        )
    if seeds < FEWEST_SEEDS:
        raise ValueError(f"{seeds} seeds are too few for a verdict: run at least {FEWEST_SEEDS}.")
    for name, predicted in runs.items():
        if (predicted == predicted[0]).all() and not (predicted[0] == y).all():
            raise ValueError(
                f"all {seeds} runs of {name} predict exactly the same: are they one run, copied, "
                "or did the seed have no effect?"
            )
    right = {name: predicted == y for name, predicted in runs.items()}
    difference = right["transfer"].astype(float) - right["scratch"]
    gain = float(difference.mean())
    low, high = crossed_interval(difference)
    # Half an answer is added to each side, so that the odds of all right are finite.
    odds = {name: (r.sum() + 0.5) / ((~r).sum() + 0.5) for name, r in right.items()}
    return Comparison(
        verdict=verdict(low, high),
        scratch=float(right["scratch"].mean()),
        transfer=float(right["transfer"].mean()),
        gain=gain,
        low=low,
        high=high,
        wins=int((difference.mean(1) > 0).sum()),
        seeds=seeds,
        odds_ratio=float(odds["transfer"] / odds["scratch"]),
        examples=len(y),
        given=tuple(given),
    )


def crossed_interval(values: np.ndarray, pad: Iterable[float] = ()) -> tuple[float, float]:
    """95 % interval of a mean over seeds and test examples, of which both might have been others.

    The two variances of a crossed layout are added (Owen 2007, *Annals of Applied Statistics*
    1(2)), which errs on the wide side, with Satterthwaite's degrees of freedom. These lie above
    the number of seeds, so that the interval could come out narrower than over seeds alone; it is
    never less than that.

    Parameters
    ----------
    values : ndarray, shape (seeds, N)
        Two seeds or more: 0 or 1 for a wrong or right answer, or their differences.
    pad : iterable of float
        Examples that are added, so that few that agree do not pass for certainty: two wrong and
        two right ones for an accuracy (Agresti & Coull 1998), and two of ±√½ for a difference of
        accuracies (Agresti & Min 2005, *Statistics in Medicine* 24).
    """
    from scipy.stats import t

    seeds, row = len(values), np.append(values.mean(0), list(pad))
    by_seed = values.mean(1).var(ddof=1) / seeds
    by_example = row.var(ddof=1) / len(row) if len(row) > 1 else np.inf
    variance = by_seed + by_example
    reach = 0.0
    if variance > 0:
        freedom = variance**2 / (by_seed**2 / (seeds - 1) + by_example**2 / max(1, len(row) - 1))
        both, alone = t.isf((1 - LEVEL) / 2, [freedom, seeds - 1]) * np.sqrt([variance, by_seed])
        reach = float(max(both, alone))
    mean = float(row.mean())
    return mean - reach, mean + reach


# --- what goes in ----------------------------------------------------------------------------


def verdict(low: float, high: float) -> str:
    """What an interval of the gain in accuracy says about transfer.

    Parameters
    ----------
    low, high : float
        The bounds, as shares from −1 to 1.

    Returns
    -------
    {"helps", "hurts", "makes no difference", "cannot tell"}
        The third if the whole interval lies within a point, whatever its sign.
    """
    if low > -NEGLIGIBLE and high < NEGLIGIBLE:
        return "makes no difference"
    return "helps" if low > 0 else "hurts" if high < 0 else "cannot tell"
