"""Weights from one network into another; what of it trains; features computed once and kept."""

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, partial
from io import BytesIO
from itertools import product
from math import prod
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from filelock import FileLock

from tlcourse import budgets, efficientnet, labels, models, transferability
from tlcourse.arguments import check_whole, is_number
from tlcourse.backend import keras
from tlcourse.files import explain_os_errors
from tlcourse.labels import class_numbers
from tlcourse.training import (
    compile_classifier,
    examples,
    fit_steps,
    restart,
    returns_probabilities,
    right_answers,
)


def copy_weights(
    source: keras.Model, target: keras.Model, layers: Iterable[str] | None = None
) -> list[str]:
    """Copy the weights of layers that have the same name, and nothing else.

    Layers of a network inside the network, as a backbone often is, count like all others.

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
        If a layer is missing, a name stands for two layers, nothing would be copied, or variables
        differ in name or shape.
    """
    ours, theirs = ({layer.name: layer for layer in leaves(model)} for model in (target, source))
    if layers is None:
        names = [name for name in ours if name in theirs and ours[name].weights]
        if not names:
            raise ValueError(
                f"the networks share no layer name: the source has {_listed(theirs)}; "
                f"the target has {_listed(ours)}."
            )
    else:
        names = [layers] if isinstance(layers, str) else list(layers)
    pairs = []
    for name in names:
        for side, found, model in (("source", theirs, source), ("target", ours, target)):
            if name not in found:
                raise ValueError(
                    f"the {side} has no layer {name!r}; its layers are {_listed(found, name)}."
                )
            if sum(layer.name == name for layer in leaves(model)) > 1:
                raise ValueError(f"the {side} has more than one layer {name!r}: rename one.")
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
        leaves(model)[find_layer(model, name)].trainable = not frozen
    compile_classifier(model, learning_rate)

    def start(seed: int) -> keras.Model:
        restart(model, seed)
        if source is not None:
            copy_weights(source, model, layers)
        return model

    return start


# --- which layers a network has ---------------------------------------------------------------


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers of a network in order; in the place of a network inside it, that one's layers."""
    found = []
    for layer in model.layers:
        inside = leaves(layer) if isinstance(layer, keras.Model) else []
        found += [each for each in inside if not isinstance(each, keras.layers.InputLayer)]
        if not inside:
            found.append(layer)
    return found


def find_layer(model: keras.Model, name: str, *, last: bool = False) -> int:
    """The place of a layer among `leaves`, by its name or that of its stage.

    Parameters
    ----------
    model : keras.Model
    name : str
        Of a layer; of a network inside; of a stage, as "conv5" is for "conv5_block1_1_conv" and
        "block6" for "block6a_expand_conv"; or "head", which is the last layer with weights where
        none has that name.
    last : bool
        Of several layers the last one is meant, not the first.

    Raises
    ------
    ValueError
        If there is none.
    """
    layers, name = leaves(model), str(name)
    names = [layer.name for layer in layers]
    places = [place for place, each in enumerate(names) if each == name]
    if not places and (inside := _network_inside(model, name)) is not None:
        within = {id(layer) for layer in leaves(inside)}
        places = [place for place, layer in enumerate(layers) if id(layer) in within]
    if not places:
        # "conv5_…", and for a name that ends in a digit also "block6a_…"
        stage = re.compile(re.escape(name) + ("[_a-zA-Z]" if name[-1:].isdigit() else "_"))
        places = [place for place, each in enumerate(names) if stage.match(each)]
    if not places and name == "head":
        places = [place for place, layer in enumerate(layers) if layer.weights][-1:]
    if not places:
        raise ValueError(
            f"the network has no layer {name!r}; its layers are {_listed(names, name)}."
        )
    return places[-1 if last else 0]


def _network_inside(model: keras.Model, name: str) -> keras.Model | None:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found = layer if layer.name == name else _network_inside(layer, name)
            if found is not None:
                return found
    return None


def _listed(names: Iterable[str], wanted: str = "") -> str:
    """All names, or of very many those that resemble the wanted one."""
    names = list(names)
    if len(names) <= 40:
        return ", ".join(names)
    near = get_close_matches(wanted, names, n=5, cutoff=0.4) or [*names[:2], *names[-3:]]
    return f"{', '.join(near)} and {len(names) - len(near)} more"


# --- what trains -----------------------------------------------------------------------------


def unfreeze_from(model: keras.Model, layer: str) -> list[str]:
    """Let a layer and all that come after it train, but no BatchNormalization. Compile afterwards.

    A BatchNormalization layer that trains replaces its statistics by those of the few target
    images, and its own `trainable = False` is what keeps it still: calling the backbone with
    `training=False` does not, in Keras 3 up to 3.15.1 (keras-team/keras#20285).

    Parameters
    ----------
    model : keras.Model
        Layers before `layer` are frozen, also those of a network inside it.
    layer : str
        The name of a layer, or of a stage: see `find_layer`.

    Returns
    -------
    list of str
        The layers with weights that train now.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    first, layers = find_layer(model, layer), leaves(model)
    model.trainable = True
    for place, each in enumerate(layers):
        each.trainable = place >= first
        for part in each._flatten_layers():  # itself, and what a composite layer holds
            if isinstance(part, keras.layers.BatchNormalization):
                part.trainable = False
    return [each.name for each in layers if each.trainable_variables]


# --- a network in two parts ------------------------------------------------------------------


class _Graph:
    """A network as a chain of nodes in order, with the networks inside it laid open.

    Attributes
    ----------
    inputs, outputs : list of KerasTensor
    nodes : list
        Keras' nodes: each one call of a layer or operation.
    cuts : list of int
        The nodes through whose output everything passes.
    """

    def __init__(self, model: keras.Model):
        graph = _laid_open(model)
        self.inputs, self.outputs, self.nodes = graph.inputs, graph.outputs, models.calls(graph)
        place = {id(t): i for i, node in enumerate(self.nodes) for t in node.output_tensors}
        passed = np.zeros(len(self.nodes) + 1, int)  # edges that begin before a node and end after
        for i, node in enumerate(self.nodes):
            begins = [place[id(t)] for t in node.input_tensors] or [-1]
            passed[min(begins) + 1] += 1
            passed[i] -= 1
        free = np.cumsum(passed)[:-1] == 0
        self.cuts = [
            i for i, node in enumerate(self.nodes) if free[i] and len(node.output_tensors) == 1
        ]

    @property
    def names(self) -> list[str]:
        return [node.operation.name for node in self.nodes]


def _laid_open(model: keras.Model) -> keras.Model:
    """The graph of a network in which no layer is itself a network; the layers are shared."""
    graph = models.graph(model)
    if graph is None:
        raise ValueError(
            f"the network {model.name!r} cannot be cut, for Keras knows no graph of its layers: "
            "build it with keras.Input, as a Functional or Sequential model."
        )
    if not any(isinstance(node.operation, keras.Model) for node in models.calls(graph)):
        return graph

    names = Counter(layer.name for layer in {id(each): each for each in leaves(model)}.values())
    name, times = names.most_common(1)[0]
    if times > 1:
        raise ValueError(f"the network holds {times} layers of the name {name!r}: rename one.")

    def call(operation, *args, **kwargs):
        inner = models.graph(operation) if isinstance(operation, keras.Model) else None
        if inner is None:
            return operation(*args, **kwargs)
        # Its training=False has no force in Keras 3 up to 3.15.1, and is left out.
        return inner._run_through_graph(args[0] if args else kwargs["inputs"], call_fn=call)

    return keras.Model(_one(graph.inputs), graph._run_through_graph(graph.inputs, call_fn=call))


def split(model: keras.Model, after: str) -> tuple[keras.Model, keras.Model]:
    """Cut a network in two, of which the second takes what the first returns.

    Both halves share the layers of `model`: train the second half, and `model` is trained. A
    network inside the network is laid open, so the cut may lie within it.

    Parameters
    ----------
    model : keras.Model
        A chain or graph in which everything passes through the output of one layer.
    after : str
        The name of that layer, or of a stage, "conv4" meaning its last layer: see `find_layer`.

    Raises
    ------
    ValueError
        If there is no such layer, nothing comes after it, or not everything passes through it,
        as in a residual block.
    """
    name = leaves(model)[find_layer(model, after, last=True)].name
    return _split(_Graph(model), name)


def _split(graph: _Graph, name: str) -> tuple[keras.Model, keras.Model]:
    if len(graph.outputs) != 1:
        raise ValueError(f"the network has {len(graph.outputs)} outputs: cut one that has one.")
    places = [place for place, each in enumerate(graph.names) if each == name]
    if not places:
        raise ValueError(f"layer {name!r} lies in a network of which Keras knows no graph.")
    if len(places) > 1:
        raise ValueError(f"layer {name!r} is called {len(places)} times: cut at another layer.")
    (place,) = places
    if place == len(graph.nodes) - 1:
        raise ValueError(f"{name!r} is the last layer: choose an earlier one.")
    if place not in graph.cuts:
        near = [max([c for c in graph.cuts if c < place], default=None)]
        near += [min([c for c in graph.cuts if place < c < len(graph.nodes) - 1], default=None)]
        way_out = " or ".join(repr(graph.names[c]) for c in near if c is not None)
        raise ValueError(
            f"the network cannot be cut after {name!r}, for a part of the data goes around it, as "
            f"in a residual block: cut after {way_out}."
        )
    boundary = graph.nodes[place].output_tensors[0]
    return keras.Model(_one(graph.inputs), boundary), keras.Model(boundary, graph.outputs[0])


def _one(tensors: list):
    """A single tensor without its list, in which Keras would then want the images as well."""
    return tensors[0] if len(tensors) == 1 else tensors


@keras.saving.register_keras_serializable("tlcourse")
class LayerwiseAdam(keras.optimizers.Adam):
    """Adam with a learning rate for each part of the network (Howard & Ruder 2018, section 3.2).

    Parameters
    ----------
    rates : mapping of str to float
        The learning rate of the layers whose name, or that of a composite layer around them,
        begins with this; the longest match counts.
    **kwargs
        As for Adam, without the learning rate.

    Raises
    ------
    ValueError
        If there are no rates; when training begins, if a layer that trains has none.
    """

    def __init__(self, rates: Mapping[str, float], **kwargs):
        kwargs.pop("learning_rate", None)
        if not rates:
            raise ValueError('rates is empty: give one for all layers, such as {"": 1e-3}.')
        super().__init__(learning_rate=max(rates.values()), **kwargs)
        self.rates = dict(rates)

    def build(self, variables):
        # By position, for a step hands over the backend's own variables, which have no path.
        self._shares = [self._share(variable) for variable in variables]
        super().build(variables)

    def _share(self, variable) -> float:
        """This variable's rate as a share of the largest."""
        *around, layer = variable.path.split("/")[:-1] or [variable.path]
        parts = [*around, layer]
        fitting = [name for name in self.rates if any(part.startswith(name) for part in parts)]
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
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """What a frozen lower half returns for each image, computed once.

    Parameters
    ----------
    lower : keras.Model
        The first half of `split`.
    x : ndarray, shape (n, h, w, channels)
        Or a `tf.data` set: of one of (images, labels) the labels come back as well, for a set may
        shuffle itself whenever it is read.
    preprocess : function
        Applied to each batch of images first.
    folder : Path, optional
        Where to keep the result; give one if it is larger than memory, or to have it next time.
        The file is named by a checksum of the weights, the layers and the *preprocessed* images,
        so a change of any of them computes again. An interrupted run goes on where it stopped.
    batch_size : int

    Returns
    -------
    ndarray, shape (n, …), float32
        With a `folder`, mapped from the file and read-only. Of a set of (images, labels) the pair
        (features, labels).

    Raises
    ------
    CourseError
        If the file cannot be written or read; what is finished stays.
    """
    x, y = examples(x)
    if y is not None:
        return features(lower, x, preprocess, folder=folder, batch_size=batch_size), y
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
    """Write an array batch by batch; the size of the file says how far it came.

    Not by way of `open_memmap`: on a full disk, writing into a mapped file kills the process.
    """
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
        # A bar for people, in a terminal or a notebook, and nothing in a log.
        quiet = {} if "ipykernel" in sys.modules else {"disable": None}
        for start in tqdm(starts[done:], desc="features", leave=False, **quiet):
            file.write(compute(start).tobytes())
            file.flush()
    unfinished.replace(path)


# --- recipes ---------------------------------------------------------------------------------


def train_from(
    model: keras.Model,
    layer: str,
    x: np.ndarray,
    y: np.ndarray | None = None,
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
        "head", or the first layer, or the stage, that trains: see `find_layer`.
    x, y : ndarray
        Images, preprocessed, and labels; or as `x` a `tf.data` set of both.
    optimizer : keras.optimizers.Optimizer
    steps, seed : int
        As in `training.fit_steps`.
    """
    x, y = examples(x, y)
    if y is None:
        raise ValueError("there are no labels to learn from: give y, or a set with both.")
    first = leaves(model)[find_layer(model, layer)].name
    unfreeze_from(model, layer)
    graph = _Graph(model) if models.graph(model) is not None else None
    begin = graph.names.index(first) if graph and first in graph.names else 0
    # Dropout just before what trains belongs to its training, and is not computed once.
    before = [
        place
        for place in (graph.cuts if graph else ())
        if place < begin
        and not isinstance(graph.nodes[place].operation, _DROPOUT)
        and not graph.nodes[place].is_input
    ]
    if before:
        lower, model = _split(graph, graph.names[before[-1]])
        x = features(lower, x, np.asarray)
    compile_classifier(model, optimizer=optimizer)
    fit_steps(model, x, y, steps=steps, seed=seed)


_DROPOUT = (keras.layers.Dropout, keras.layers.SpatialDropout2D, keras.layers.AlphaDropout)


def probe_then_fine_tune(
    model: keras.Model,
    layer: str,
    x: np.ndarray,
    y: np.ndarray | None = None,
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
    x, y = examples(x, y)
    find_layer(model, layer)  # or nothing trains
    adam = keras.optimizers.Adam
    train_from(model, "head", x, y, optimizer=adam(head_rate), steps=steps, seed=seed)
    adam = LayerwiseAdam(_rates(model, rate, head_rate))
    train_from(model, layer, x, y, optimizer=adam, steps=steps, seed=seed)


def _rates(model: keras.Model, rate: float, head_rate: float) -> dict[str, float]:
    head = leaves(model)[find_layer(model, "head")].name
    return {"": rate, "hidden": head_rate, head: head_rate}


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
    stops when the 95 % interval of a round's gain on the validation data does not lie above zero,
    and takes that round back. Every round says what it did and why the next one comes or not.

    Parameters
    ----------
    model : keras.Model
        A chosen backbone with a head. Changed in place: it ends with the best weights.
    train, validation : (images, labels)
        Preprocessed images; or `tf.data` sets of both. The validation data decide, so the test set
        must be another.
    stages : iterable of str
        The first layer or stage that trains, round by round: see `find_layer`.
    steps, head_rate, rate, seed
        As in `probe_then_fine_tune`.

    Returns
    -------
    list of (str, float)
        The stage and the validation accuracy of every round.

    Raises
    ------
    ValueError
        Before anything trains: if there is no such stage, or labels are no classes or all the
        same.
    """
    stages, sets = [stages] if isinstance(stages, str) else list(stages), {}
    for stage in stages:
        find_layer(model, stage)
    for name, given in (("training", train), ("validation", validation)):
        pair = isinstance(given, tuple | list)
        x, y = examples(*given) if pair and len(given) == 2 else examples(given)
        if y is None:
            raise ValueError(f"the {name} data have no labels: give (images, labels).")
        y = class_numbers(y, max(2, model.outputs[0].shape[-1]), name=f"y of the {name} data")
        if (y == y[0]).all():
            raise ValueError(
                f"the {name} data hold one class only, number {y[0]}: every round would look "
                "perfect; put aside examples of each class."
            )
        sets[name] = x, y
    rounds, best, kept = [], None, None
    rates = _rates(model, rate, head_rate)
    for stage in stages:
        adam = LayerwiseAdam(rates)
        train_from(model, stage, *sets["training"], optimizer=adam, steps=steps, seed=seed)
        right = right_answers(model, *sets["validation"])
        low, high = _wilson(right)
        rounds.append((stage, float(right.mean())))
        message = (
            f"{stage} and what follows it: validation accuracy {right.mean():.3f}, 95 % interval "
            f"{low:.2f} to {high:.2f}."
        )
        if best is None:
            print(f"{message} A beginning: let more layers train.")
        else:
            low, high = gain_interval(best, right)
            gain = (
                f"Gain {right.mean() - best.mean():+.3f}, 95 % interval {low:+.2f} to {high:+.2f}"
            )
            if low <= 0:
                model.set_weights(kept)
                print(f"{message} {gain}: no clear gain, so this round is taken back. Stop.")
                break
            print(f"{message} {gain}: a clear gain. Let more layers train.")
        best, kept = right, model.get_weights()
    else:
        print("All stages have been tried. Stop.")
    return rounds


def _wilson(right: np.ndarray) -> tuple[float, float]:
    from scipy.stats import binomtest

    return tuple(binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson"))


def gain_interval(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """95 % interval of the gain in accuracy between two networks on the same examples.

    Of two Wilson intervals, with the correlation of the two networks' answers (Newcombe 1998,
    *Statistics in Medicine* 17, 2635–2650, method 10 without the continuity correction). It holds
    for a few dozen examples, where resampling them is too sure.

    Parameters
    ----------
    before, after : ndarray of bool, shape (n,)
        Which examples the one and the other network gets right.

    Returns
    -------
    low, high : float
        Within −1 … 1.
    """
    before, after = np.asarray(before, bool), np.asarray(after, bool)
    (low_before, high_before), (low_after, high_after) = _wilson(before), _wilson(after)
    spread = before.std() * after.std()
    correlation = np.mean((before - before.mean()) * (after - after.mean())) / (spread or 1)
    p, q = after.mean(), before.mean()

    def reach(a: float, b: float) -> float:
        return float(np.sqrt(max(0, a**2 - 2 * correlation * a * b + b**2)))

    low = p - q - reach(p - low_after, high_before - q)
    return float(low), float(p - q + reach(high_after - p, q - low_before))


def _signature(variable) -> tuple:
    return variable.name, tuple(variable.shape)


def _describe(variables) -> str:
    return ", ".join(f"{v.name} {tuple(v.shape)}" for v in variables) or "no weights"


# --- which source ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranking:
    """What `rank_sources` found; printed, it is a table with its advice.

    Attributes
    ----------
    scores : dict of str to dict
        For each source, the best first: `accuracy` (cross-validated, frozen features), `log_me`,
        `h_score`, `leep` (None without outputs of its own) and `seconds` (of the processor).
    level : tuple of str
        The sources of which these labels cannot tell whether they are worse than the first.
    labels : int
        How many labelled images there were.
    """

    scores: dict[str, dict[str, float | None]]
    level: tuple[str, ...]
    labels: int

    @property
    def recommendation(self) -> str:
        """What to do next, in a sentence or two."""
        best, *others = self.scores
        if not others:
            return f"There is one source, {best}: compare it with a network from scratch."
        if self.level:
            return (
                f"These {self.labels} labels cannot tell {best} from {', '.join(self.level)}: "
                "fine-tune each of them, or label more images."
            )
        return (
            f"Take {best}, which leads all others by more than chance. These are frozen features: "
            "fine-tuning may change the order, and a network from scratch is not among them."
        )

    def __str__(self) -> str:
        width = max(map(len, ("source", *self.scores)))
        lines = [f"{'source':{width}}  accuracy   LogME  H-score    LEEP  seconds"]
        for name, found in self.scores.items():
            leep = "      –" if found["leep"] is None else f"{found['leep']:7.2f}"
            lines.append(
                f"{name:{width}}  {found['accuracy']:8.2f} {found['log_me']:7.3f} "
                f"{found['h_score']:8.2f} {leep} {found['seconds']:8.1f}"
            )
        return "\n".join([*lines, self.recommendation])


def rank_sources(
    sources: Mapping[str, keras.Model | tuple[keras.Model, Callable]],
    x: np.ndarray,
    y: np.ndarray,
) -> Ranking:
    """Order source networks by what their frozen features make of a few labelled target images.

    The order follows the cross-validated accuracy of a logistic regression on the features. LogME,
    H-score and LEEP stand beside it: see `transferability`. Sources whose lead may be chance are
    named as level.

    Parameters
    ----------
    sources : mapping of str to Model or (Model, function)
        Named networks. What the last dense layer sees are the features, and what it returns the
        outputs for LEEP; a network without a head returns its features, which are averaged over
        height and width. The function prepares the images; by default `models.fit_images` does.
    x : ndarray, shape (n, h, w, 3)
        RGB in 0–255, or whatever the functions take.
    y : ndarray of int, shape (n,)
        Labels of the target, two images of each class or more.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueError
        If there is no source, a name is no text, something is no network, or images, labels or
        features are not usable.
    """
    if not isinstance(sources, Mapping) or not sources:
        raise ValueError(
            "sources must name at least one network, as in "
            '{"ImageNet": models.efficientnet_lite0()}.'
        )
    x, y = examples(x, y)
    y = class_numbers(y)
    found, right = {}, {}
    for name, given in sources.items():
        if not isinstance(name, str):
            raise ValueError(f"the name of a source is text, not {name!r}.")
        network, prepare = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
        if not isinstance(network, keras.Model) or not (prepare is None or callable(prepare)):
            raise ValueError(
                f"source {name!r} must be a Keras network, or a pair of a network and a function "
                f"that prepares its images, not {type(given).__name__}."
            )
        began = process_time()
        try:
            columns, outputs = _seen_by(network, prepare, x)
            right[name] = transferability.cross_validated(columns, y)
            found[name] = {
                "accuracy": float(right[name].mean()),
                "log_me": transferability.log_me(columns, y),
                "h_score": transferability.h_score(columns, y),
                "leep": None if outputs is None else transferability.leep(outputs, y),
            }
        except ValueError as error:
            raise ValueError(f"source {name!r}: {error}") from None
        found[name]["seconds"] = process_time() - began
    order = sorted(found, key=lambda name: (found[name]["accuracy"], found[name]["log_me"]))[::-1]
    best = right[order[0]]
    level = tuple(name for name in order[1:] if gain_interval(right[name], best)[0] <= 0)
    return Ranking({name: found[name] for name in order}, level, len(y))


def _seen_by(
    network: keras.Model, prepare: Callable | None, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Features (n, d) and, of a network with a head, probabilities (n, Z)."""
    if prepare is None:

        def prepare(some: np.ndarray) -> np.ndarray:
            return models.fit_images(some, network)

    head = next((layer for layer in reversed(network.layers) if layer.weights), None)
    if not isinstance(head, keras.layers.Dense):
        columns = features(network, x, prepare)
        return columns.mean((1, 2)) if columns.ndim == 4 else columns.reshape(len(x), -1), None
    both = keras.Model(network.inputs, [head.input, network.outputs[0]])
    columns, outputs = [], []
    for some in np.array_split(x, range(100, len(x), 100)):
        parts = both.predict_on_batch(prepare(some))
        columns.append(np.asarray(parts[0], "float32").reshape(len(some), -1))
        outputs.append(np.asarray(parts[1], "float64"))
    columns, outputs = np.concatenate(columns), np.concatenate(outputs)
    if not returns_probabilities(network):
        z = labels.logits(outputs)
        outputs = np.exp(z - z.max(1, keepdims=True))
        outputs /= outputs.sum(1, keepdims=True)
    return columns, outputs


# --- which recipe fits -----------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """One way to train, and what it takes.

    Attributes
    ----------
    name : str
    side : int
        Of the images, in pixels.
    seconds : float
        Of the clock, from the speeds of this machine.
    megabytes : float
        By formula, without what Python and Keras themselves take.
    accuracy : (float, float) or None
        Lowest and highest mean on four public sets of photographs: see `plan`.
    """

    name: str
    side: int
    seconds: float
    megabytes: float
    accuracy: tuple[float, float] | None = None


@dataclass(frozen=True)
class BudgetPlan:
    """What `plan` found; printed, it is a table with its advice.

    Attributes
    ----------
    recipes : tuple of Recipe
        From the one that trains least to the one that trains most, larger images first.
    labels, minutes, memory
        As given.
    """

    recipes: tuple[Recipe, ...]
    labels: int
    minutes: float
    memory: float

    def fits(self, recipe: Recipe) -> bool:
        """Whether a recipe stays within both budgets."""
        return recipe.seconds <= 60 * self.minutes and recipe.megabytes <= self.memory

    @property
    def recommendation(self) -> str:
        """What to do, in a sentence or two."""

        def told(recipe: Recipe) -> str:
            return (
                f"{recipe.name} at {recipe.side} pixels ({recipe.seconds:.0f} s, "
                f"{recipe.megabytes:.0f} MB)"
            )

        fitting = list(filter(self.fits, self.recipes))
        if not fitting:
            fastest = min(self.recipes, key=lambda recipe: recipe.seconds)
            smallest = min(self.recipes, key=lambda recipe: recipe.megabytes)
            return (
                f"Nothing fits into {self.minutes:g} minutes and {self.memory:g} MB. The fastest "
                f"is {told(fastest)}, and the smallest is {told(smallest)}: give more of what is "
                "missing, or take fewer images."
            )
        cuts, order = [kind.cut for kind in _RECIPES.values()], list(_RECIPES)

        def trains(recipe: Recipe) -> tuple[int, int, int]:
            return cuts.index(_RECIPES[recipe.name].cut), recipe.side, order.index(recipe.name)

        most = max(fitting, key=trains)
        if most.name == fitting[0].name:
            return f"Take {told(fitting[0])}: it is the only kind that fits."
        return (
            f"Begin with {told(fitting[0])}, which everything else must beat. The most that fits "
            f"is {told(most)}."
        )

    def __str__(self) -> str:
        width = max(len(recipe.name) for recipe in self.recipes)
        lines = [f"{'recipe':{width}}  pixels  seconds  megabytes  fits  accuracy"]
        for each in self.recipes:
            accuracy = "–" if each.accuracy is None else "{:.2f}–{:.2f}".format(*each.accuracy)
            fits = "yes" if self.fits(each) else "no"
            lines.append(
                f"{each.name:{width}}  {each.side:6} {each.seconds:8.0f} {each.megabytes:10.0f}  "
                f"{fits:4}  {accuracy}"
            )
        lines.append("Megabytes are counted, and come on top of what Python and Keras take.")
        if any(each.accuracy for each in self.recipes):
            lines.append(
                "Accuracy: lowest and highest mean on four public sets of photographs, at 128 "
                f"pixels and {_measured_at(self.labels)} labels of each class. Yours may differ."
            )
        return "\n".join([*lines, self.recommendation])


@dataclass(frozen=True)
class _Kind:
    """A kind of recipe: what is computed once, in how many parts a batch comes, what it reached.

    They are listed by how much trains. The accuracies are those of `benchmarks.photos`, by the
    labels of each class.
    """

    cut: str | None  # what is below it is computed once
    accumulated: int | None = None
    reached: Mapping[int, tuple[float, float]] = field(default_factory=dict)


_HEAD = "features once, and a head"
_RECIPES = {
    _HEAD: _Kind("pool", reached={5: (0.48, 0.78), 20: (0.61, 0.90), 80: (0.72, 0.91)}),
    "from stage6, what is below once": _Kind(
        "stage5", reached={5: (0.50, 0.79), 20: (0.66, 0.89), 80: (0.74, 0.94)}
    ),
    "from stage4, what is below once": _Kind("stage3"),
    "everything, in quarters of a batch": _Kind(None, 4),
    "everything": _Kind(None),
}
_PLAN_BATCH = 16
_PLAN_STEPS = {1: 80, 20: 160, 80: 320}  # from so many labels of each class on


def _measured_at(labels: int) -> int | None:
    """The largest number of labels that accuracies are known for and that is not larger."""
    return max((n for n in _RECIPES[_HEAD].reached if n <= labels), default=None)


def plan(images: int, side: int, labels: int, minutes: float, memory: float) -> BudgetPlan:
    """Which ways to train EfficientNet-Lite0 on photographs fit into a budget on this machine.

    The first call takes some twenty seconds of one processor, in which it measures a step of each
    kind, as busy as the machine is now; the session remembers. Only one of the steps is compiled,
    for that takes time, and what this saves is taken off the others in proportion.
    Steps and batch are those of the stored comparison (`benchmarks.photos`): 80, 160 or 320 steps
    of 16 images. Megabytes are counted as `budgets.memory` does, with images, what is computed
    once, and room for the widest layer.

    Parameters
    ----------
    images : int
        Labelled images, of all classes together.
    side : int
        Height and width of the images in pixels, at least 64. Larger ones than 224 are reckoned
        as 224, and others as the next smaller multiple of 32; half of that stands beside it.
    labels : int
        Labelled images of each class.
    minutes : float
        Time that training may take.
    memory : float
        Megabytes (10⁶ bytes) that it may take, beside Python and Keras.

    Returns
    -------
    BudgetPlan
        Printed, a table of recipes and a piece of advice. Where accuracies are known, they are the
        lowest and the highest mean over four public sets of photographs (five draws each) at 128
        pixels, for the largest number of labels that was measured and is not larger than yours.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    whole = {
        "images": (images, 2),
        "side": (side, efficientnet.SMALLEST_SIDE),
        "labels": (labels, 1),
    }
    for name, (value, least) in whole.items():
        check_whole(name, value, least)
    for name, value in (("minutes", minutes), ("memory", memory)):
        if not is_number(value) or value <= 0:
            raise ValueError(f"{name} must be a number above 0, not {value!r}.")
    if labels > images // 2:
        raise ValueError(
            f"labels are those of each class: {labels} of each of two classes or more are more "
            f"than {images} images."
        )
    large = min(side, 224) // 32 * 32
    sides = sorted({large, max(efficientnet.SMALLEST_SIDE, large // 64 * 32)}, reverse=True)
    recipes = []
    for (name, kind), size in product(_RECIPES.items(), sides):
        once, step, fixed, each = _costs(size)[name]
        steps = _PLAN_STEPS[max(n for n in _PLAN_STEPS if n <= labels)]
        seconds = images * once + steps * step
        megabytes = (fixed + images * each) / 1e6
        reached = kind.reached.get(_measured_at(labels)) if size >= 128 else None
        recipes.append(Recipe(name, size, seconds, megabytes, reached))
    return BudgetPlan(tuple(recipes), labels, minutes, memory)


@cache
def _costs(side: int) -> dict[str, tuple[float, float, int, int]]:
    """Of each recipe: seconds for each image once, for a step; bytes in all, for each image."""
    model = models.add_head(models.efficientnet_lite0(None, side), 10)
    model = keras.Model(model.inputs[0], model.outputs[0])  # takes one tensor, not a list of them
    shape = (_PLAN_BATCH, side, side, 3)
    x = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    found, measured, compiled = {}, {}, {}
    for name, kind in _RECIPES.items():
        lower, upper = split(model, kind.cut) if kind.cut else (None, model)
        inputs, once, step = x, 0, 0
        if lower is not None:
            inputs = keras.ops.convert_to_numpy(lower(x))
        if name != _HEAD:  # which trains whole anyway
            unfreeze_from(upper, upper.layers[1].name)
        if kind.cut not in measured:
            # To compile each would take a minute: the first says what compiling saves.
            if lower is not None:
                once = _seconds(partial(lower, x))
                if "once" not in compiled:
                    compiled["once"] = _seconds(partial(lower.predict_on_batch, x)) / once
                once *= compiled["once"] / _PLAN_BATCH
            if name != _HEAD:
                step = _step_seconds(upper, inputs, eagerly=True)
                if "step" not in compiled:
                    compiled["step"] = _step_seconds(upper, inputs, eagerly=False) / step
                step *= compiled["step"]
            measured[kind.cut] = once, step
        optimizer = keras.optimizers.Adam(gradient_accumulation_steps=kind.accumulated)
        parts = budgets.memory(upper, _PLAN_BATCH // (kind.accumulated or 1), optimizer)
        images = 3 * side**2
        if lower is not None:  # runs first, and what it returns is kept
            parts["activations"] = max(parts["activations"], _PLAN_BATCH * _widest(lower))
            parts["weights"] += 4 * lower.count_params()
            images += inputs[0].nbytes
        found[name] = *measured[kind.cut], sum(parts.values()), images
    return found


def _step_seconds(model: keras.Model, x: np.ndarray, *, eagerly: bool) -> float:
    """Seconds of a training step."""
    compile_classifier(model)
    model.run_eagerly = eagerly
    return _seconds(partial(model.train_on_batch, x, np.zeros(len(x), int)))


def _seconds(work: Callable[[], object]) -> float:
    """Seconds of a call, after a first one: the shorter of two, for others use the machine too."""
    work()
    found = []
    for _ in range(2):
        began = perf_counter()
        work()
        found.append(perf_counter() - began)
    return min(found)


def _widest(model: keras.Model) -> int:
    """Bytes for one image of what goes into and out of the widest layer."""
    sizes = [
        sum(prod(t.shape[1:]) for t in (*node.input_tensors, *node.output_tensors))
        for node in models.calls(models.graph(model))
    ]
    return 4 * max(sizes)
