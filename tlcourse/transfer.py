"""Weights from one network into another."""

from collections.abc import Callable, Iterable

from tlcourse.backend import keras
from tlcourse.training import compile_classifier, restart


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


def _signature(variable) -> tuple:
    return variable.name, tuple(variable.shape)


def _describe(variables) -> str:
    return ", ".join(f"{v.name} {tuple(v.shape)}" for v in variables) or "no weights"
