"""Training that can be repeated: seeds, restarts, live curves, accuracy over labels and seeds."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from tlcourse import plotting
from tlcourse.backend import gpus, keras
from tlcourse.data import Dataset, few_labels
from tlcourse.labels import class_numbers, predicted_classes
from tlcourse.quiz import claim  # noqa: F401  chapters of edition 0.1.0 take it from here

_CHUNK = 2**28  # bytes of images that `fit_steps` lays out at a time


# --- what goes in ----------------------------------------------------------------------------


def examples(x, y=None) -> tuple[np.ndarray, np.ndarray | None]:
    """Images and labels, in one order, from arrays or from a `tf.data` set.

    A set is read once, so that one which shuffles itself cannot part images from labels.

    Parameters
    ----------
    x : array, or tf.data.Dataset of images or of (images, labels)
    y : array-like, optional
        Labels; a set brings its own.

    Returns
    -------
    x, y : ndarray, shapes (n, …) and (n, …)
        `y` is None where no labels are given.

    Raises
    ------
    ValueError
        If this is neither of the two, the numbers of images and labels differ, or the set is
        empty or has no end.
    """
    if hasattr(x, "element_spec") and hasattr(x, "as_numpy_iterator"):
        if y is not None:
            raise ValueError("a tf.data set brings its own labels: leave y out.")
        return _read(x)
    if not hasattr(x, "shape"):
        try:
            x = np.asarray(x, "float32")
        except (TypeError, ValueError):
            raise ValueError(
                f"images come as an array or as a tf.data set of (images, labels), not as "
                f"{type(x).__name__}."
            ) from None
    if y is not None and (not len(x) or np.shape(y)[:1] != (len(x),)):
        raise ValueError(
            f"there are {len(x)} images, and labels of the shape {np.shape(y)}: "
            "give one label for each image."
        )
    return x, y


def _read(dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """All elements of a `tf.data` set, batched or not."""
    spec = dataset.element_spec
    pair = isinstance(spec, tuple)
    if not (hasattr(spec, "shape") or (pair and len(spec) == 2 and hasattr(spec[0], "shape"))):
        raise ValueError(f"the tf.data set must hold images or (images, labels), not {spec}.")
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise ValueError("the tf.data set repeats without end: leave out its repeat().")
    one_by_one = spec[1].shape.rank == 0 if pair else spec.shape.rank == 3
    join = np.stack if one_by_one else np.concatenate
    parts = list(dataset.as_numpy_iterator())
    if not parts:
        raise ValueError("the tf.data set is empty.")
    try:
        return tuple(map(join, zip(*parts, strict=True))) if pair else (join(parts), None)
    except ValueError:
        raise ValueError(
            "the images of the tf.data set differ in size: resize them in its map()."
        ) from None


def _end(model: keras.Model):
    """The layer or operation that a network ends in, inside of nested ones."""
    outputs = getattr(model, "outputs", None)
    if outputs:
        last = outputs[0]._keras_history.operation
    else:
        last = model.layers[-1] if getattr(model, "layers", None) else model
    return last if last is model or not isinstance(last, keras.Model) else _end(last)


def returns_probabilities(model: keras.Model) -> bool:
    """Whether a network ends in a softmax or a sigmoid."""
    end = _end(model)
    name = getattr(getattr(end, "activation", None), "__name__", type(end).__name__)
    return name.lower() in ("softmax", "sigmoid")


def _columns(model: keras.Model) -> int | None:
    """How many numbers a network returns for each example, if that is known."""
    outputs = getattr(model, "outputs", None)
    return outputs[0].shape[-1] if outputs and len(outputs) == 1 else None


def _labels_for(model: keras.Model, y) -> np.ndarray:
    """Labels in the form that the loss takes with which a network is compiled."""
    loss, columns = getattr(model, "loss", None), _columns(model)
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    if name == "sparse_categorical_crossentropy":
        if columns == 1:
            raise ValueError(
                "sparse_categorical_crossentropy needs an output for each class, and the network "
                "has one: compile it with training.compile_classifier."
            )
        return class_numbers(y, columns)
    if name == "categorical_crossentropy" and columns and np.shape(y)[1:] != (columns,):
        return np.eye(columns, dtype="float32")[class_numbers(y, columns)]
    if name == "binary_crossentropy" and columns == 1:
        return class_numbers(y, 2)[:, None].astype("float32")
    return np.asarray(y)


# --- one network -----------------------------------------------------------------------------


@keras.saving.register_keras_serializable("tlcourse")
def _right_by_sign(y, logit):
    """For each example, whether the sign of a single logit says its class."""
    positive = keras.ops.greater(keras.ops.reshape(y, keras.ops.shape(logit)), 0.5)
    return keras.ops.cast(keras.ops.equal(keras.ops.greater(logit, 0), positive), "float32")


def compile_classifier(
    model: keras.Model,
    learning_rate: float = 1e-3,
    *,
    optimizer: keras.optimizers.Optimizer | None = None,
) -> None:
    """Compile a classifier: cross-entropy, accuracy, and Adam or `optimizer`.

    The loss is that of the network's end: of logits, or of the probabilities that a softmax or a
    sigmoid returns; of one output, as a `Dense(1)` has, it is that of two classes.
    """
    from_logits, accuracy = not returns_probabilities(model), "accuracy"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    if _columns(model) == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=from_logits)
        if from_logits:
            accuracy = keras.metrics.MeanMetricWrapper(_right_by_sign, name="accuracy")
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(learning_rate),
        loss=loss,
        metrics=[accuracy],
        # XLA makes convolutions of TensorFlow on a CPU slower, up to 40 times.
        jit_compile=False if keras.backend.backend() == "tensorflow" and not gpus() else "auto",
    )


def restart(model: keras.Model, seed: int) -> keras.Model:
    """Give a compiled model fresh random weights and an optimizer that remembers nothing.

    Building and compiling again would do the same, but tracing a new graph takes longer than a
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
    y: np.ndarray | None = None,
    *,
    steps: int = 400,
    batch_size: int = 32,
    shift: int = 0,
    seed: int = 0,
) -> None:
    """Train for a number of optimizer steps, however few examples there are.

    A budget in epochs would give ten times the steps to ten times the labels. The examples are
    shuffled again each time all have been used.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    x, y : ndarray
        Examples and labels, one each per row; or as `x` a `tf.data` set of both.
    steps, batch_size : int
        `steps` updates on `batch_size` examples each.
    shift : int
        Augmentation: move each image by up to so many pixels, by others each time it is used.
    seed : int
        Of the order of the examples and of the shifts.

    Raises
    ------
    ValueError
        If the labels are no classes of the network: see `labels.class_numbers`.
    """
    x, y = examples(x, y)
    if y is None:
        raise ValueError("there are no labels to learn from: give y, or a set with both.")
    y = _labels_for(model, y)
    rng = np.random.default_rng(seed)
    rounds = -(-steps * batch_size // len(x))
    order = np.concatenate([rng.permutation(len(x)) for _ in range(rounds)])[: steps * batch_size]
    chunk = max(1, _CHUNK // (x[0].nbytes * batch_size)) * batch_size
    for part in (order[start : start + chunk] for start in range(0, len(order), chunk)):
        images = shift_images(x[part], shift, rng) if shift else x[part]
        model.fit(images, y[part], batch_size=batch_size, shuffle=False, verbose=0)


def accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray | None = None) -> float:
    """Share of examples whose largest output is the right class.

    Parameters
    ----------
    model : keras.Model
        Returns logits or probabilities; a single output stands for class 1 of two.
    x, y : ndarray
        Examples and labels; or as `x` a `tf.data` set of both.

    Raises
    ------
    ValueError
        If the labels are no classes of the network, or it returns no row for each example.
    """
    return float(right_answers(model, x, y).mean())


def right_answers(model: keras.Model, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """Which examples a network gets right: booleans, shape (n,). Parameters as in `accuracy`."""
    x, y = examples(x, y)
    if y is None:
        raise ValueError("there are no labels to compare with: give y, or a set with both.")
    outputs = model.predict(x, batch_size=500, verbose=0)
    if not hasattr(outputs, "shape"):
        raise ValueError("the network has several outputs: give one that ends in a single head.")
    found = predicted_classes(outputs, probabilities=returns_probabilities(model))
    columns = outputs.shape[1] if outputs.ndim == 2 else 1
    return found == class_numbers(y, max(2, columns))


# --- many runs -------------------------------------------------------------------------------


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
        Accuracies in 0–1, as `plotting.label_efficiency` takes them.

    Raises
    ------
    ValueError
        If the data set's labels are not the numbers of its classes, or are too few.
    """
    from tqdm.auto import tqdm

    done = {}
    if store is not None and store.exists():
        done = {tuple(k): v for k, v in map(json.loads, store.read_text().splitlines())}
    classes = len(dataset.class_names)
    y_train, y_test = (class_numbers(y, classes) for y in (dataset.y_train, dataset.y_test))
    dataset = replace(dataset, y_train=y_train, y_test=y_test)
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
