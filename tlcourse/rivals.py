"""The rivals of a fair comparison on photographs, each trained over and over, and tuned.

Logistic regression on pixels, on a handful of statistics or on the features of a frozen network, a
small network from scratch, and the upper part of a pretrained network, fine-tuned. What does not
change from run to run, such as a frozen part's features, is computed once.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tlcourse import models, training, transfer
from tlcourse.backend import keras
from tlcourse.labels import predicted_classes
from tlcourse.regression import logistic_regression  # noqa: F401  one of the rivals

BATCH = 16
SHIFT = 4  # pixels, of what trains from scratch
WIDEN_MOST = 4  # times that a grid may grow


# --- what anybody could compute -------------------------------------------------------------------


def simple_statistics(images: np.ndarray) -> np.ndarray:
    """Six numbers of each channel that anybody could compute: how bright, and how rough.

    Mean and standard deviation of the pixels; of the differences between neighbours to the right
    and below, the mean absolute value and the standard deviation.

    Parameters
    ----------
    images : ndarray, shape (n, h, w, channels)

    Returns
    -------
    ndarray of float, shape (n, 6 · channels)
    """
    x = np.asarray(images, "float32")
    right, down = np.diff(x, axis=2), np.diff(x, axis=1)
    over = (1, 2)
    numbers = [x.mean(over), x.std(over)]
    for slope in (right, down):
        numbers += [np.abs(slope).mean(over), slope.std(over)]
    return np.concatenate(numbers, axis=1)


# --- what trains -----------------------------------------------------------------------------


class Trainer:
    """A network that is compiled once and trained over and over, on inputs that are ready.

    Parameters
    ----------
    model : keras.Model
        Ends in logits.
    x : ndarray, shape (n, …)
        All inputs; a run names those that it wants by their places.
    """

    def __init__(self, model: keras.Model, x: np.ndarray):
        self.model, self.x = model, x
        training.compile_classifier(model)

    def train(
        self, y: np.ndarray, drawn: np.ndarray, places: np.ndarray, rate: float,
        budgets: Iterable[int], seed: int, shift: int = 0,
    ) -> list[np.ndarray]:  # fmt: skip
        """Predicted classes of `places` after each budget of steps, of one run.

        Parameters
        ----------
        y : ndarray of int, shape (n,)
        drawn, places : ndarray of int
            The places of what it trains on, and of what it predicts.
        rate : float
            Learning rate of Adam.
        budgets : iterable of int
            Steps from the start of the run, growing.
        seed : int
        shift : int
            As in `training.fit_steps`.
        """
        for variable in self.model.optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(np.zeros(variable.shape, variable.dtype))
        self.model.optimizer.learning_rate.assign(rate)
        found, done = [], 0
        for budget in budgets:
            training.fit_steps(
                self.model, self.x[drawn], y[drawn],
                steps=budget - done, batch_size=BATCH, shift=shift, seed=10 * seed + len(found),
            )  # fmt: skip
            done = budget
            logits = self.model.predict(self.x[places], batch_size=500, verbose=0)
            found.append(predicted_classes(logits))
        return found


class Scratch(Trainer):
    """`models.scene_cnn` from random weights.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, 64, 64, 3)
    classes : int
    """

    def __init__(self, images: np.ndarray, classes: int):
        super().__init__(models.scene_cnn(classes), models.preprocess(images))

    def run(self, y, drawn, places, rate, budgets, seed) -> list[np.ndarray]:
        """As `train`, from fresh weights, with images that are shifted."""
        training.restart(self.model, seed)
        return self.train(y, drawn, places, rate, budgets, seed, SHIFT)

    def network(self) -> keras.Model:
        """The network as it is now, with its preprocessing: from RGB in 0–255 to logits."""
        side = self.model.input_shape[1:]
        inputs = keras.Input(side, name="image")
        # What `models.preprocess` does, as a layer: BGR, less the mean of each channel.
        layer = keras.layers.Conv2D(3, 1, name="preprocess", trainable=False)
        outputs = self.model(layer(inputs))
        black = models.preprocess(np.zeros((1, 1, 1, 3), "uint8"))[0, 0, 0]
        layer.set_weights([np.eye(3)[::-1][None, None], black])
        return keras.Model(inputs, outputs, name="classifier")


class Upper(Trainer):
    """The upper part of a pretrained network, on what the lower part returns.

    Parameters
    ----------
    pretrained : keras.Model
        Without a head.
    after : str
        The stage after which it is cut: see `transfer.split`.
    images : ndarray of uint8, shape (n, side, side, 3)
    classes : int
    folder : Path, optional
        Where to keep what the lower part returns: see `transfer.features`.

    Attributes
    ----------
    features : ndarray, shape (n, d)
        What the head sees as long as nothing is fine-tuned.
    whole : keras.Model
        From pixels to logits; it shares its layers with what trains.
    """

    def __init__(
        self, pretrained: keras.Model, after: str, images: np.ndarray, classes: int,
        folder: Path | None = None,
    ):  # fmt: skip
        self.whole = models.add_head(pretrained, classes)
        lower, upper = transfer.split(self.whole, after)
        to_pool, _ = transfer.split(upper, "pool")
        cut = transfer.features(
            lower, images, lambda x: models.preprocess(x, self.whole), folder=folder
        )
        self.features = transfer.features(to_pool, cut, np.asarray, folder=folder)
        transfer.unfreeze_from(upper, upper.layers[1].name)
        super().__init__(upper, cut)
        self.start = upper.get_weights()

    def run(self, y, drawn, places, rate, budgets, seed, head) -> list[np.ndarray]:
        """As `train`, from the pretrained weights and this head: kernel (d, K) and bias (K,)."""
        keras.utils.set_random_seed(seed)
        self.begin(head)
        return self.train(y, drawn, places, rate, budgets, seed)

    def begin(self, head: tuple[np.ndarray, np.ndarray]) -> None:
        """Take the pretrained weights and this head."""
        self.model.set_weights(self.start)
        self.model.get_layer("head").set_weights([part.astype("float32") for part in head])


# --- how each is tuned -----------------------------------------------------------------------


def tune(
    grid: Iterable[float],
    score: Callable[[float], float],
    widen: int = WIDEN_MOST,
    may_widen: Callable[[], bool] = lambda: True,
) -> tuple[float, bool]:
    """The best value of a grid, which grows as long as its best value is at an edge.

    Of values that are equally good, one inside is taken before one at an edge, and then the
    smaller. Neighbours differ by the grid's own factor.

    Parameters
    ----------
    grid : iterable of float
        Three or more.
    score : function
        How good a value is; called again for a value that it knows.
    widen : int
        How often the grid may grow.
    may_widen : function
        Asked each time before it grows, for instance whether there is time.

    Returns
    -------
    value : float
    inside : bool
        Whether it is not at an edge: False only if the grid grew in vain, or might not grow.
    """
    grid = sorted(grid)
    factor = (grid[-1] / grid[0]) ** (1 / (len(grid) - 1))
    for left in range(widen, -1, -1):
        scores = [score(value) for value in grid]
        best = [value for value, s in zip(grid, scores, strict=True) if s == max(scores)]
        inner = [value for value in best if value not in (grid[0], grid[-1])]
        if inner:
            return inner[0], True
        if left and not may_widen():
            break
        if best[0] == grid[0]:
            grid.insert(0, float(f"{grid[0] / factor:.2g}"))
        else:
            grid.append(float(f"{grid[-1] * factor:.2g}"))
    return best[0], False
