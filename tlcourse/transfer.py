"""Weights from one network into another; what of it trains; features computed once and kept."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np
from filelock import FileLock

from tlcourse.backend import keras
from tlcourse.files import explain_os_errors
from tlcourse.training import accuracy, compile_classifier, fit_steps, restart


def copy_weights(
    source: keras.Model, target: keras.Model, layers: Iterable[str] | None = None
) -> list[str]:
    """Copy the weights of layers that have the same name, and nothing else.

    `model.set_weights` asks only for the same number of arrays in the same shapes, so weights of
    another layer that happen to fit go in without a word. Here layer and variable names must
    match, and nothing is changed unless everything fits. The values are copied: training the
    target leaves the source alone.

    Parameters
    ----------
    source, target : keras.Model
    layers : iterable of str, optional
        Names of the layers to copy; by default all that have weights and that both networks have.

    Returns
    -------
    list of str
        The layers that were copied.

    Raises
    ------
    ValueError
        If a layer is missing, nothing would be copied, or variables differ in name or shape.
    """
    ours = {layer.name: layer for layer in target.layers}
    theirs = {layer.name: layer for layer in source.layers}
    if layers is None:
        names = [name for name in ours if name in theirs and ours[name].weights]
        if not names:
            raise ValueError(
                f"the networks share no layer name: the source has {', '.join(theirs)}; "
                f"the target has {', '.join(ours)}."
            )
    else:
        names = [layers] if isinstance(layers, str) else list(layers)
    pairs = []
    for name in names:
        for side, found in (("source", theirs), ("target", ours)):
            if name not in found:
                raise ValueError(
                    f"the {side} has no layer {name!r}; its layers are {', '.join(found)}."
                )
        old, new = theirs[name].weights, ours[name].weights
        if [_signature(v) for v in old] != [_signature(v) for v in new]:
            raise ValueError(
                f"layer {name!r} does not fit: the source has {_describe(old)}, the target has "
                f"{_describe(new)}; leave it out, or give both layers the same size."
            )
        pairs += zip(old, new, strict=True)
    for old, new in pairs:
        new.assign(keras.ops.convert_to_numpy(old))
    return names


def warm_start(
    model: keras.Model,
    source: keras.Model | None = None,
    layers: Iterable[str] = (),
    *,
    frozen: bool = False,
    learning_rate: float = 1e-3,
) -> Callable[[int], keras.Model]:
    """A way to start a run over and over, for `training.label_efficiency`.

    The network is compiled here, once; each start gives it fresh weights, and then the source's
    for some layers.

    Parameters
    ----------
    model : keras.Model
        The target network. Changed in place.
    source : keras.Model, optional
        Where weights come from; None trains from scratch.
    layers : iterable of str
        Layers to copy.
    frozen : bool
        Whether the copied layers stay as they are (feature extraction) or train on (fine-tuning).
    learning_rate : float

    Returns
    -------
    function
        `start(seed)` returns the model, ready to train.

    Raises
    ------
    ValueError
        As `copy_weights`, at the first start.
    """
    layers = tuple(layers)
    for name in layers:
        model.get_layer(name).trainable = not frozen
    compile_classifier(model, learning_rate)

    def start(seed: int) -> keras.Model:
        restart(model, seed)
        if source is not None:
            copy_weights(source, model, layers)
        return model

    return start


# --- what trains -----------------------------------------------------------------------------


def freeze(model: keras.Model) -> None:
    """Let no layer of a network train. Compile afterwards."""
    model.trainable = False
    for layer in model.layers:  # Keras ignores `trainable = False` on a model that has it already
        layer.trainable = False


def unfreeze_from(model: keras.Model, layer: str) -> list[str]:
    """Let a layer and all that come after it train, but no BatchNormalization. Compile afterwards.

    A BatchNormalization layer that trains replaces its statistics by those of the few target
    images, and its own `trainable = False` is what keeps it still: calling the backbone with
    `training=False` does not, in Keras 3 up to 3.15.1 (keras-team/keras#20285).

    Parameters
    ----------
    model : keras.Model
        Layers before `layer` are frozen.
    layer : str
        The name of a layer, or of a stage: "conv5" means its first layer.

    Returns
    -------
    list of str
        The layers with weights that train now.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    first = _find(model, layer)
    model.trainable = True
    for place, each in enumerate(model.layers):
        norm = isinstance(each, keras.layers.BatchNormalization)
        each.trainable = place >= first and not norm
    return [each.name for each in model.layers if each.trainable_variables]


def _find(model: keras.Model, layer: str) -> int:
    """The place of a layer, or of a stage's first layer."""
    names = [each.name for each in model.layers]
    if layer in names:
        return names.index(layer)
    for place, name in enumerate(names):
        if name.startswith(f"{layer}_"):
            return place
    raise ValueError(f"the network has no layer {layer!r}; its layers are {', '.join(names)}.")


def split(model: keras.Model, after: str) -> tuple[keras.Model, keras.Model]:
    """Cut a network in two, of which the second takes what the first returns.

    Both halves share the layers of `model`: train the second half, and `model` is trained.

    Parameters
    ----------
    model : keras.Model
        A chain or graph in which everything passes through the output of one layer.
    after : str
        The name of that layer, or of a stage: "conv4" means its last layer.

    Raises
    ------
    ValueError
        If there is no such layer, or nothing comes after it.
    """
    names = [layer.name for layer in model.layers]
    if after not in names:
        stage = [name for name in names if name.startswith(f"{after}_")]
        after = stage[-1] if stage else names[_find(model, after)]
    # A half is a graph of its own on shared layers, so `layer.output` may belong to another graph.
    depths = getattr(model, "_functional", model)._nodes_by_depth.values()
    layer = model.get_layer(after)
    (node,) = (node for nodes in depths for node in nodes if node.operation is layer)
    boundary = node.output_tensors[0]
    if after == names[-1]:
        raise ValueError(f"{after!r} is the last layer: choose an earlier one.")
    return keras.Model(model.inputs, boundary), keras.Model(boundary, model.outputs[0])


class LayerwiseAdam(keras.optimizers.Adam):
    """Adam with a learning rate for each part of the network (Howard & Ruder 2018, section 3.2).

    Parameters
    ----------
    rates : mapping of str to float
        The learning rate of the layers whose name begins with this; the longest match counts.
    **kwargs
        As for Adam, without the learning rate.

    Raises
    ------
    ValueError
        When training begins, if a layer that trains has no rate.
    """

    def __init__(self, rates: Mapping[str, float], **kwargs):
        kwargs.pop("learning_rate", None)
        super().__init__(learning_rate=max(rates.values()), **kwargs)
        self.rates = dict(rates)

    def build(self, variables):
        # By position, for a step hands over the backend's own variables, which have no path.
        self._shares = [self._share(variable) for variable in variables]
        super().build(variables)

    def _share(self, variable) -> float:
        """This variable's rate as a share of the largest."""
        layer = variable.path.rpartition("/")[0].rpartition("/")[2] or variable.path
        fitting = [name for name in self.rates if layer.startswith(name)]
        if not fitting:
            raise ValueError(
                f"layer {layer!r} trains and has no learning rate; there are rates for "
                f"{', '.join(self.rates)}."
            )
        return self.rates[max(fitting, key=len)] / max(self.rates.values())

    def update_step(self, gradient, variable, learning_rate):
        share = self._shares[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * share)

    def get_config(self):
        return super().get_config() | {"rates": self.rates}


# --- features computed once ------------------------------------------------------------------


def features(
    lower: keras.Model,
    x: np.ndarray,
    preprocess: Callable[[np.ndarray], np.ndarray],
    *,
    folder: Path | None = None,
    batch_size: int = 100,
) -> np.ndarray:
    """What a frozen lower half returns for each image, computed once.

    Parameters
    ----------
    lower : keras.Model
        The first half of `split`.
    x : ndarray, shape (n, h, w, channels)
    preprocess : function
        Applied to each batch of images first.
    folder : Path, optional
        Where to keep the result; give one if it is larger than memory, or to have it next time.
        The file is named by a checksum of the weights, the layers and the *preprocessed* images,
        so a change of any of them computes anew. An interrupted run goes on where it stopped.
    batch_size : int

    Returns
    -------
    ndarray, shape (n, …), float32
        With a `folder`, mapped from the file and read-only.

    Raises
    ------
    CourseError
        If the file cannot be written or read; what is finished stays.
    """
    starts = range(0, len(x), batch_size)

    def batch(start: int) -> np.ndarray:
        return np.ascontiguousarray(preprocess(x[start : start + batch_size]), "float32")

    def compute(start: int) -> np.ndarray:
        return np.asarray(lower.predict_on_batch(batch(start)), "float32")

    if folder is None:
        return np.concatenate([compute(start) for start in starts])
    layers = lower.to_json()
    for name in (lower.name, lower.layers[0].name):  # numbers that Keras gives to new objects
        layers = layers.replace(f'"{name}"', '""')
    key = hashlib.sha256(layers.encode())
    for value in lower.get_weights():
        key.update(np.ascontiguousarray(value))
    for start in starts:
        key.update(batch(start))
    path = Path(folder) / f"{key.hexdigest()[:32]}.npy"
    with explain_os_errors(Path(folder), "folder="):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # a second process waits, and finds it done
            if not path.exists():
                _append(path, (len(x), *lower.output.shape[1:]), starts, compute)
        return np.load(path, mmap_mode="r")


def _append(path: Path, shape: tuple, starts: range, compute: Callable) -> None:
    """Write an array batch by batch; how far it came is told by the size of the file."""
    from tqdm.auto import tqdm

    unfinished = path.with_suffix(".unfinished")
    row = 4 * prod(shape[1:])
    header = BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    begin = header.tell()
    with unfinished.open("ab") as file:
        done = max(0, file.tell() - begin) // (row * starts.step)  # whole batches
        file.truncate(begin + done * row * starts.step if done else 0)
        if not done:
            file.write(header.getvalue())
        for start in tqdm(starts[done:], desc="features", leave=False):
            file.write(compute(start).tobytes())
            file.flush()
    unfinished.replace(path)


# --- recipes ---------------------------------------------------------------------------------


def train_from(
    model: keras.Model,
    layer: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    optimizer: keras.optimizers.Optimizer,
    steps: int,
    seed: int = 0,
) -> None:
    """Train a layer and all after it on what the frozen layers before it return.

    The frozen part runs once per image instead of once per image and step. Augmentation has no
    place here: what is computed once cannot change.

    Parameters
    ----------
    model : keras.Model
        Ends in logits. Changed in place.
    layer : str
        "head", or the first layer, or the stage, that trains. All that comes before must pass
        through one layer, as between the stages of ResNet50.
    x, y : ndarray
        Images, preprocessed, and labels.
    optimizer : keras.optimizers.Optimizer
    steps, seed : int
        As in `training.fit_steps`.
    """
    unfreeze_from(model, layer)
    before = model.layers[_find(model, layer) - 1]
    if not isinstance(before, keras.layers.InputLayer):
        lower, model = split(model, before.name)
        x = features(lower, x, np.asarray)
    compile_classifier(model, optimizer=optimizer)
    fit_steps(model, x, y, steps=steps, seed=seed)


def probe_then_fine_tune(
    model: keras.Model,
    layer: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int = 200,
    head_rate: float = 1e-3,
    rate: float = 1e-4,
    seed: int = 0,
) -> None:
    """Train the head first, then everything from `layer` on (Kumar et al. 2022).

    Under a random head the first gradients would carry noise into features that are good. The
    head keeps its own learning rate throughout. Parameters as in `train_from`.
    """
    adam = keras.optimizers.Adam
    train_from(model, "head", x, y, optimizer=adam(head_rate), steps=steps, seed=seed)
    rates = {"": rate, "hidden": head_rate, "head": head_rate}
    train_from(model, layer, x, y, optimizer=LayerwiseAdam(rates), steps=steps, seed=seed)


def adjust(
    model: keras.Model,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    *,
    stages: Iterable[str] = ("head", "conv5", "conv4", "conv3"),
    steps: int = 200,
    head_rate: float = 1e-3,
    rate: float = 1e-4,
    seed: int = 0,
) -> list[tuple[str, float]]:
    """Fine-tune, evaluate, adjust, and again, until letting more layers train no longer helps.

    Each round lets one stage more train, and goes on from the weights that are best so far. It
    stops when the accuracy on validation data has not risen by more than its standard error, and
    takes the last round back. Every round says what it did and why the next one comes or not.

    Parameters
    ----------
    model : keras.Model
        A chosen backbone with a head. Changed in place: it ends with the best weights.
    train, validation : (images, labels)
        Preprocessed images. The validation data decide, so the test set must be another.
    stages : iterable of str
        The first layer or stage that trains, round by round.
    steps, head_rate, rate, seed
        As in `probe_then_fine_tune`.

    Returns
    -------
    list of (str, float)
        The stage and the validation accuracy of every round.
    """
    rounds, best, kept = [], 0.0, None
    rates = {"": rate, "hidden": head_rate, "head": head_rate}
    for stage in stages:
        train_from(model, stage, *train, optimizer=LayerwiseAdam(rates), steps=steps, seed=seed)
        reached = accuracy(model, *validation)
        rounds.append((stage, reached))
        error = (reached * (1 - reached) / len(validation[1])) ** 0.5
        told = f"{stage} and what follows it: validation accuracy {reached:.3f} ± {error:.3f}."
        if kept is not None and reached <= best + error:
            model.set_weights(kept)
            print(f"{told} No clear gain over {best:.3f}: this round is taken back. Stop.")
            break
        print(f"{told} {'A beginning' if kept is None else 'A clear gain'}: let more layers train.")
        best, kept = reached, model.get_weights()
    else:
        print("All stages have been tried. Stop.")
    return rounds


def _signature(variable) -> tuple:
    return variable.name, tuple(variable.shape)


def _describe(variables) -> str:
    return ", ".join(f"{v.name} {tuple(v.shape)}" for v in variables) or "no weights"
