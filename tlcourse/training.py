"""Training that can be repeated: seeds, restarts, live curves, accuracy over labels and seeds."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np

from tlcourse import plotting
from tlcourse.backend import gpus, keras
from tlcourse.data import Dataset, few_labels, scale

_LUMP = 2**28  # bytes of images that `fit_steps` lays out at a time


def compile_classifier(
    model: keras.Model,
    learning_rate: float = 1e-3,
    *,
    optimizer: keras.optimizers.Optimizer | None = None,
) -> None:
    """Compile a network that ends in logits: cross-entropy, accuracy, and Adam or `optimizer`."""
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # XLA makes convolutions of TensorFlow on a CPU slower, up to 40 times.
        jit_compile=False if keras.backend.backend() == "tensorflow" and not gpus() else "auto",
    )


def restart(model: keras.Model, seed: int) -> keras.Model:
    """Give a compiled model fresh random weights and an optimizer that remembers nothing.

    Building and compiling anew would do the same, but tracing a new graph takes longer than a
    short training run. The learning rate and the `trainable` flags stay as they are.

    Parameters
    ----------
    model : keras.Model
        Compiled. Changed in place.
    seed : int
        Seeds Python, NumPy and the backend; the same seed gives the same weights.

    Returns
    -------
    keras.Model
        The same model.
    """
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for variable in model.optimizer.variables:
        if variable.name != "learning_rate":
            variable.assign(np.zeros(variable.shape, variable.dtype))
    for variable in model.non_trainable_variables:
        if variable.name == "seed_generator_state":  # of dropout and augmentation layers
            variable.assign(np.array([seed, 0], variable.dtype))
    keras.utils.set_random_seed(seed)  # PyTorch's dropout draws from its global state
    return model


def shift_images(x: np.ndarray, pixels: int, rng: np.random.Generator) -> np.ndarray:
    """Move each image by a random whole number of pixels, up to `pixels` in each direction.

    What `keras.layers.RandomTranslation` does, for whole pixels and fast on a CPU. `x` has the
    shape (n, height, width, channels); what moves in is zero.
    """
    n, height, width = x.shape[:3]
    padded = np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    top, left = rng.integers(0, 2 * pixels + 1, (2, n, 1))
    rows, columns = top + np.arange(height), left + np.arange(width)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def fit_steps(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int = 400,
    batch_size: int = 32,
    shift: int = 0,
    seed: int = 0,
) -> None:
    """Train for a number of optimizer steps, however few examples there are.

    A budget in epochs would give ten times the steps to ten times the labels. The examples are
    shuffled anew each time all have been used.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    x, y : ndarray
        Examples and labels, one each per row.
    steps, batch_size : int
        `steps` updates on `batch_size` examples each.
    shift : int
        Augmentation: move each image by up to so many pixels, anew each time it is used.
    seed : int
        Of the order of the examples and of the shifts.
    """
    rng = np.random.default_rng(seed)
    rounds = -(-steps * batch_size // len(x))
    order = np.concatenate([rng.permutation(len(x)) for _ in range(rounds)])[: steps * batch_size]
    lump = max(1, _LUMP // (x[0].nbytes * batch_size)) * batch_size
    for part in (order[start : start + lump] for start in range(0, len(order), lump)):
        images = shift_images(x[part], shift, rng) if shift else x[part]
        model.fit(images, y[part], batch_size=batch_size, shuffle=False, verbose=0)


def accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Share of examples whose largest output is the right class."""
    return float(np.mean(model.predict(x, batch_size=500, verbose=0).argmax(1) == y))


def label_efficiency(
    arms: Mapping[str, Callable[[int], keras.Model]],
    dataset: Dataset,
    labels: Iterable[int],
    seeds: Iterable[int],
    *,
    steps: int = 400,
    shift: int = 0,
    store: Path | None = None,
) -> dict[str, np.ndarray]:
    """Test accuracy of several ways to start, over the number of labels and over seeds.

    Seeds are paired: at one seed every arm sees the same labelled images in the same order.

    Parameters
    ----------
    arms : mapping of name to function
        `start(seed)` returns a compiled model, ready to train.
    dataset : Dataset
        Labelled images are drawn from its training set; its test set measures.
    labels : iterable of int
        Labelled images per class.
    seeds : iterable of int
    steps, shift : int
        Of each run, as in `fit_steps`.
    store : Path, optional
        A file that keeps each finished run, so that an interrupted experiment goes on where it
        stopped. Delete it when the protocol changes.

    Returns
    -------
    dict of name to ndarray, shape (labels, seeds)
        Accuracies in 0–1.
    """
    from tqdm.auto import tqdm

    done = {}
    if store is not None and store.exists():
        done = {tuple(k): v for k, v in map(json.loads, store.read_text().splitlines())}
    labels, seeds = list(labels), list(seeds)
    grid = [(n, seed, arm) for n in labels for seed in seeds for arm in arms]
    for n, seed, arm in tqdm([run for run in grid if run not in done], desc="runs", leave=False):
        few = few_labels(dataset, n, random_state=seed)
        model = arms[arm](seed)
        fit_steps(model, few.x_train, few.y_train, steps=steps, shift=shift, seed=seed)
        done[n, seed, arm] = accuracy(model, few.x_test, few.y_test)
        if store is not None:
            with store.open("a") as file:
                file.write(json.dumps([[n, seed, arm], done[n, seed, arm]]) + "\n")
    return {arm: np.array([[done[n, s, arm] for s in seeds] for n in labels]) for arm in arms}


def claim(holds: bool, words: str) -> None:
    """Assert a claim that was made for the generated data; on other data, report on it.

    Parameters
    ----------
    holds : bool
    words : str
        The claim.

    Raises
    ------
    AssertionError
        If it does not hold, unless `TLCOURSE_SCALE` is full, where both outcomes are printed.
    """
    if scale() == "full":
        print(f"{'✔' if holds else '✘ not here:'} {words}")
    else:
        assert holds, f"this should hold, and does not: {words}"


class LiveCurves(keras.callbacks.Callback):
    """Redraw one figure of the learning curves in place while the model trains.

    Silent outside a notebook. Pass it to `fit(callbacks=[LiveCurves()])`.

    Parameters
    ----------
    metric : str
        What to draw, "accuracy" or "loss"; its `val_` twin is drawn where there is one.
    """

    def __init__(self, metric: str = "accuracy"):
        super().__init__()
        self.metric = metric
        self.history: dict[str, list[float]] = {}

    def on_train_begin(self, logs=None):
        self.history, self._display, self._drawn, self._when = {}, None, 0, 0.0

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if perf_counter() - self._when > 1:  # drawing must not take the time of training
            self._draw(epoch + 1)

    def on_train_end(self, logs=None):
        epochs = len(self.history.get(self.metric, ()))
        if epochs > self._drawn:
            self._draw(epochs)

    def _draw(self, epoch: int) -> None:
        if not plotting.in_notebook():
            return
        ax = plotting.learning_curves(self.history, self.metric)
        ax.set_xlim(0.5, max(2, self.params["epochs"]) + 0.5)
        last = f"train {self.history[self.metric][-1]:.2f}"
        if f"val_{self.metric}" in self.history:
            last += f", validation {self.history[f'val_{self.metric}'][-1]:.2f}"
        ax.set_title(f"{self.metric} after epoch {epoch}: {last}")
        alt = f"Learning curves, epoch 1 to {epoch}: {self.metric} {last}"
        self._display = plotting.redraw(ax, alt, self._display)
        self._drawn, self._when = epoch, perf_counter()
