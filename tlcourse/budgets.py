"""What training costs in memory, and ways to need less: low-rank adapters, and fewer bits."""

import re
from collections.abc import Callable
from math import ceil, prod

import numpy as np

from tlcourse import models, weights
from tlcourse.arguments import is_number, is_whole
from tlcourse.backend import keras

layers, ops = keras.layers, keras.ops


# --- where memory goes -----------------------------------------------------------------------

# Linear in their input, and without weights of which the gradient would need that input.
_FREE = (
    layers.InputLayer, layers.Add, layers.Subtract, layers.Average, layers.Concatenate,
    layers.Reshape, layers.Flatten, layers.Permute, layers.Identity, layers.Rescaling,
    layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D, layers.AveragePooling2D,
    layers.GlobalAveragePooling2D,
)  # fmt: skip
_BY_OUTPUT = (layers.ReLU, layers.Activation, layers.Softmax)  # their slope follows from it


def memory(
    model: keras.Model, batch: int, optimizer: keras.optimizers.Optimizer | str = "adam"
) -> dict[str, int]:
    """Bytes that a training step holds at once, by formula.

    - weights: all of them, frozen ones too;
    - gradients: a number for each weight that trains;
    - optimizer: its own numbers for each weight that trains: SGD has none, with momentum one, Adam
      two, and gradient accumulation one more;
    - activations: for each example of the batch what the way back needs. Gradients flow from the
      loss to the first layer that trains. On this way a convolution, a dense or normalising layer
      needs its input only for the gradient of its kernel or γ, an activation function its output,
      and whatever else (max pooling, dropout) its input; sums, means, paddings, biases and frozen
      kernels need nothing. What two layers need is kept once.

    A backend may keep more, and needs room to work in: this is what no backend can do without as
    long as it computes nothing twice.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, of a fixed input size.
    batch : int
        Examples of one step.
    optimizer : keras.optimizers.Optimizer or str
        It is not changed.

    Returns
    -------
    dict of str to int
        "weights", "gradients", "optimizer" and "activations", in bytes.

    Raises
    ------
    ValueError
        If `batch` is no positive whole number, or the network has no graph or no fixed size.
    """
    if not is_whole(batch) or batch < 1:
        raise ValueError(f"batch must be a positive whole number of examples, not {batch!r}.")
    _check_graph(model)
    if not isinstance(optimizer, keras.optimizers.Optimizer | str):
        raise ValueError(
            "optimizer must be one of Keras, such as keras.optimizers.SGD(), or its name, not "
            f"{optimizer!r}."
        )
    sizes = {id(v): _bytes(v.shape, v.dtype) for v in model.weights}
    gradients = sum(sizes[id(v)] for v in model.trainable_weights)
    return {
        "weights": sum(sizes.values()),
        "gradients": gradients,
        "optimizer": _slots(model, optimizer) * gradients,
        "activations": int(batch) * _kept(model),
    }


def _check_graph(model: keras.Model) -> None:
    """Refuse what is no network, or one of which the layers' order is not known."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"model must be a network of Keras, not {model!r}.")
    if models.graph(model) is None:
        raise ValueError(
            f"the network {model.name!r} has no graph that could be counted: build it with "
            "keras.Input, as a Functional or Sequential model."
        )
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _check_graph(layer)


def _bytes(shape: tuple, dtype: str) -> int:
    bits = re.search(r"\d+$", dtype)  # none in "bool"; NumPy knows no "bfloat16"
    return prod(shape) * (int(bits[0]) // 8 if bits else 1)


def _slots(model: keras.Model, optimizer: keras.optimizers.Optimizer | str) -> int:
    """How many numbers of its own an optimizer has for each weight: it is asked for the fewest."""
    shaped = [v for v in model.trainable_variables if v.shape]
    if not shaped:
        return 0
    optimizer = keras.optimizers.get(optimizer)
    fresh = type(optimizer).from_config(optimizer.get_config())
    least = min(shaped, key=lambda v: prod(v.shape))
    fresh.build([least])
    return sum(v.shape == least.shape for v in fresh.variables)


def _kept(model: keras.Model) -> int:
    """Bytes for one example that the way back needs."""
    kept, arrives = {}, set()  # bytes by tensor; tensors of which a gradient is wanted
    same = {}  # tensors of a network inside, and what they are outside of it

    def keep(tensors) -> None:
        for tensor in tensors:
            if None in tensor.shape[1:]:
                raise ValueError(
                    f"the network {model.name!r} takes inputs of any size, {model.input_shape}: "
                    "give it a fixed one to count what it keeps."
                )
            kept[id(tensor)] = _bytes(tensor.shape[1:], tensor.dtype)

    def walk(network: keras.Model) -> None:
        for node in models.calls(network):
            layer, outputs = node.operation, node.output_tensors
            inputs = [same.get(id(t), t) for t in node.input_tensors]
            inner = models.graph(layer) if isinstance(layer, keras.Model) else None
            if inner is not None:
                same.update(zip(map(id, inner.inputs), inputs, strict=True))
                walk(inner)
                ends = [same.get(id(t), t) for t in inner.outputs]
                same.update(zip(map(id, outputs), ends, strict=True))
                continue
            training = [v.name for v in getattr(layer, "trainable_variables", ())]
            if not training and not any(id(t) in arrives for t in inputs):
                continue
            arrives.update(map(id, outputs))
            if isinstance(layer, _WEIGHTED):
                if set(training) - {"bias", "beta"}:  # which are added: they need no input
                    keep(inputs)
                if isinstance(layer, LoRA):  # x A
                    kept[id(node)] = _bytes((*outputs[0].shape[1:-1], layer.rank), "float32")
                if getattr(layer, "activation", None) not in (None, keras.activations.linear):
                    keep(outputs)
            elif isinstance(layer, _BY_OUTPUT):
                keep(outputs)
            elif not isinstance(layer, _FREE):
                keep(inputs)

    walk(models.graph(model))
    return sum(kept.values())


# --- fewer weights that train ----------------------------------------------------------------


@keras.saving.register_keras_serializable("tlcourse")
class LoRA(layers.Layer):
    """A frozen layer W and a low-rank update of it: x ↦ x W + (α/r) x A B (Hu et al. 2022, eq. 3).

    B begins at zero, so that at first nothing changes.

    Parameters
    ----------
    layer : keras.layers.Dense or keras.layers.Conv2D
        A convolution of 1×1. It stays as it is, its bias too.
    rank : int
        r, the columns of A, shape (inputs, r), and the rows of B, shape (r, outputs).
    alpha : float, optional
        The update counts α/r; by default 1.
    """

    def __init__(self, layer, rank: int, alpha: float | None = None, **kwargs):
        super().__init__(**kwargs)
        self.layer, self.rank, self.alpha = layer, rank, rank if alpha is None else alpha
        self.activation = layer.activation

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        layers.Layer.trainable.fset(self, value)
        if hasattr(self, "layer"):
            self.layer.trainable = False

    def build(self, shape):
        if not self.layer.built:
            self.layer.build(shape)
        self.layer.trainable = False  # which holds for weights that are there
        outputs = self.layer.kernel.shape[-1]
        self.a = self.add_weight((shape[-1], self.rank), "he_uniform", name="a")
        self.b = self.add_weight((self.rank, outputs), "zeros", name="b")

    def call(self, x):
        if isinstance(self.layer, layers.Conv2D):  # of 1×1: it leaves places out, or none
            down, right = self.layer.strides
            x = x[:, ::down, ::right]
        kernel = ops.reshape(self.layer.kernel, (-1, self.b.shape[-1]))
        y = ops.tensordot(x, kernel, 1) + self.alpha / self.rank * ops.tensordot(
            ops.tensordot(x, self.a, 1), self.b, 1
        )
        if self.layer.use_bias:
            y = y + self.layer.bias
        return y if self.activation is None else self.activation(y)

    def merged_kernel(self) -> np.ndarray:
        """W + (α/r) A B, in the shape of W."""
        kernel, a, b = map(ops.convert_to_numpy, (self.layer.kernel, self.a, self.b))
        return kernel + (self.alpha / self.rank * a @ b).reshape(kernel.shape)

    def get_config(self):
        layer = keras.saving.serialize_keras_object(self.layer)
        return super().get_config() | {"layer": layer, "rank": self.rank, "alpha": self.alpha}

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**config | {"layer": layer})


# Whose input is needed only for the gradient of their own weights.
_WEIGHTED = (
    layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D,
    layers.DepthwiseConv2D, layers.Conv1DTranspose, layers.Conv2DTranspose,
    layers.BatchNormalization, LoRA,
)  # fmt: skip


def lora(model: keras.Model, rank: int, alpha: float | None = None) -> keras.Model:
    """A copy of a network in which low-rank adapters train in place of kernels (Hu et al. 2022).

    Dense layers and 1×1 convolutions that train in `model` get an adapter: call
    `transfer.unfreeze_from` or `transfer.split` first to say which. The last layer with weights,
    which is new to the task, trains as a whole. All else is frozen: depthwise and larger
    convolutions, biases and BatchNormalization. Compile it afterwards.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential. It stays as it is.
    rank : int
        Of the adapters, smaller than the inputs and the outputs of each layer.
    alpha : float, optional
        The update counts α/r; by default 1.

    Returns
    -------
    keras.Model
        At first it returns what `model` returns.

    Raises
    ------
    ValueError
        If `rank` or `alpha` is out of its range, or nothing that trains could have an adapter.
    """
    _check_graph(model)
    if alpha is not None and (not is_number(alpha) or alpha <= 0):
        raise ValueError(f"alpha must be a number above 0, not {alpha!r}.")
    if not _with_weights(model):
        raise ValueError(f"the network {model.name!r} has no weights that could be adapted.")
    last = _with_weights(model)[-1]
    kernels = {
        id(layer): (layer.kernel.shape[-2], layer.kernel.shape[-1])
        for layer in _with_weights(model)
        if layer is not last and layer.trainable_variables and _can_adapt(layer)
    }
    if not kernels:
        raise ValueError(
            f"the network {model.name!r} has no Dense layer or 1×1 convolution that trains, "
            f"besides its last layer {last.name!r}: unfreeze more, as transfer.unfreeze_from does."
        )
    least = min(map(min, kernels.values()))
    if least == 1:
        raise ValueError(
            f"the network {model.name!r} has a layer of one channel, for which no rank is small "
            "enough: freeze it first."
        )
    if not is_whole(rank) or not 1 <= rank < least:
        raise ValueError(
            f"rank must be a whole number from 1 to {least - 1}, for the narrowest layer has "
            f"{least} channels, not {rank!r}."
        )

    def adapt(layer: layers.Layer) -> layers.Layer:
        copy = layer.from_config(layer.get_config())
        if id(layer) in kernels:
            return LoRA(copy, int(rank), alpha, name=layer.name)
        copy.trainable = layer is last
        return copy

    return _copy(model, adapt)


def merge(model: keras.Model) -> keras.Model:
    """A copy of a network in which each adapter is added to the kernel that it adapts.

    It returns the same, and costs what the network without adapters cost.

    Parameters
    ----------
    model : keras.Model
        What `lora` returned, trained or not. It stays as it is.

    Raises
    ------
    ValueError
        If it is no network, or has no adapters.
    """
    _check_graph(model)
    if not any(isinstance(layer, LoRA) for layer in _with_weights(model)):
        raise ValueError(
            f"the network {model.name!r} has no adapters to merge: give what budgets.lora returned."
        )

    def plain(layer: layers.Layer) -> layers.Layer:
        layer = layer.layer if isinstance(layer, LoRA) else layer
        return layer.from_config(layer.get_config())

    return _copy(model, plain)


def _with_weights(model: keras.Model) -> list[layers.Layer]:
    """The layers of a network that hold weights, those of networks inside it in their place."""
    found = []
    for layer in model.layers:
        found += _with_weights(layer) if isinstance(layer, keras.Model) else [layer]
    return [layer for layer in found if layer.weights]


def _can_adapt(layer: layers.Layer) -> bool:
    one_by_one = type(layer) is layers.Conv2D and set(layer.kernel_size) == {1}
    if type(layer) is layers.Dense:
        return True
    return one_by_one and layer.groups == 1 and layer.data_format == "channels_last"


def _copy(model: keras.Model, change: Callable[[layers.Layer], layers.Layer]) -> keras.Model:
    """A copy in which each layer is what `change` makes of it, with the same weights."""
    pairs = []

    def remember(layer: layers.Layer) -> layers.Layer:
        pairs.append((layer, change(layer)))
        return pairs[-1][1]

    copy = keras.models.clone_model(model, clone_function=remember, recursive=True)
    for old, new in pairs:
        values = old.get_weights()
        if isinstance(new, LoRA) and not isinstance(old, LoRA):
            new.layer.set_weights(values)
        elif isinstance(old, LoRA) and not isinstance(new, LoRA):
            new.set_weights([old.merged_kernel(), *old.layer.get_weights()[1:]])
        else:
            new.set_weights(values)
    return copy


# --- fewer bits ------------------------------------------------------------------------------


def quantised(model: keras.Model, bits: int) -> tuple[keras.Model, int]:
    """A copy of a network whose kernels are rounded to whole multiples of a scale.

    Symmetric, with one scale for each output channel (Jacob et al. 2018, CVPR, section 2.1, without
    a zero point): `weights.quantise`. Biases and BatchNormalization stay as they are. The copy
    computes in float32 as before, so it is not faster.

    Parameters
    ----------
    model : keras.Model
        It stays as it is.
    bits : int
        For each number of a kernel, 2 to 8: b bits hold the numbers −(2ᵇ⁻¹ − 1) … 2ᵇ⁻¹ − 1.

    Returns
    -------
    copy : keras.Model
    size : int
        Bytes that a file would need: b bits for each number of a kernel, 4 bytes for each scale
        and for whatever else there is.

    Raises
    ------
    ValueError
        If `bits` is something else, or a weight is not finite.
    """
    if not is_whole(bits) or not 2 <= bits <= 8:
        raise ValueError(f"bits must be a whole number from 2 to 8, not {bits!r}.")
    _check_graph(model)
    for variable, value in zip(model.weights, model.get_weights(), strict=True):
        if variable.name == "kernel" and not np.isfinite(value).all():
            raise ValueError(
                f"{variable.path!r} holds NaN or infinity, which cannot be rounded: train the "
                "network again, at a smaller rate."
            )
    values, size = [], 0
    for variable, value in zip(model.weights, model.get_weights(), strict=True):
        if variable.name == "kernel":
            whole, scale = weights.quantise(value, bits)
            value, size = whole * scale, size + ceil(value.size * bits / 8) + 4 * scale.size
        else:
            size += 4 * value.size
        values.append(value)
    copy = keras.models.clone_model(model)
    copy.set_weights(values)
    return copy, size
