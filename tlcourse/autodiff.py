"""Gradients by automatic differentiation, on whichever backend Keras runs.

Keras 3 trains on three backends, and each has its own way to ask for a gradient. This is the one
place of the course that knows all three.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from tlcourse.backend import keras

_DETACHED = (
    "the result of f does not depend on x by way of Keras: write f with keras.ops and layers, not "
    "with NumPy."
)


def gradient(f: Callable, x) -> np.ndarray:
    """The gradient of a scalar function at one point.

    Parameters
    ----------
    f : callable
        Takes a tensor of the shape of `x`, returns a scalar tensor; written with ``keras.ops``
        and Keras layers.
    x : array or tensor of floats, any shape
        Its data type is the one that is computed in. (JAX computes ``float64`` in ``float32``,
        unless the environment says ``JAX_ENABLE_X64=1``.)

    Returns
    -------
    ndarray, shape of `x`

    Raises
    ------
    ValueError
        If `x` holds no floats, `f` returns no scalar, or `f` leaves Keras on its way. (On JAX a
        constant `f` has the gradient 0.)
    """
    x = keras.ops.convert_to_tensor(x)
    if "float" not in (dtype := keras.backend.standardize_dtype(x.dtype)):
        raise ValueError(f"x holds {dtype}, which cannot change a little: give floats.")

    def scalar(x):
        y = f(x)
        if np.shape(y) != ():
            raise ValueError(
                f"f returns the shape {tuple(np.shape(y))}, but only a scalar has a gradient: "
                "add it up or choose one element."
            )
        return y

    return keras.ops.convert_to_numpy(_BACKENDS[keras.backend.backend()](scalar, x))


def weight_gradient(network, layers: Iterable[str], loss: Callable, x) -> np.ndarray:
    """The gradient of a loss with respect to the weights of some layers, as one row.

    Two tasks that share these layers can be compared by it: where the rows of their losses point
    in opposite directions, a step for one is a step against the other (Yu et al. 2020).

    Parameters
    ----------
    network : keras.Model
        Built. Nothing in it changes; dropout rests.
    layers : iterable of str
        Names of the layers whose weights count; only trainable ones do.
    loss : callable
        Takes what the network returns for `x`, and returns a scalar tensor.
    x : array, shape (n, …)

    Returns
    -------
    ndarray, shape (weights,)
        In the order of `layers` and of each layer's weights.

    Raises
    ------
    ValueError
        If a layer is missing, none of them has trainable weights, or `loss` returns no scalar or
        leaves Keras on its way.
    """
    chosen = [v for name in layers for v in network.get_layer(name).trainable_variables]
    if not chosen:
        raise ValueError(f"none of the layers {list(layers)} has weights that train.")
    ends = np.cumsum([0, *(np.prod(v.shape, dtype=int) for v in chosen)])
    others = [v.value for v in network.non_trainable_variables]

    def of_weights(theta):
        parts = {
            id(v): keras.ops.reshape(theta[start:end], v.shape)
            for v, (start, end) in zip(chosen, pairwise(ends), strict=True)
        }
        weights = [parts.get(id(v), v.value) for v in network.trainable_variables]
        outputs, _ = network.stateless_call(weights, others, x, training=False)
        return loss(outputs)

    values = [keras.ops.convert_to_numpy(v.value).ravel() for v in chosen]
    return gradient(of_weights, np.concatenate(values))


def _tensorflow(f, x):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    g = tape.gradient(y, x) if tf.is_tensor(y) else None
    if g is None:
        raise ValueError(_DETACHED)
    return g


def _jax(f, x):
    import jax

    try:
        return jax.grad(f)(x)
    except jax.errors.TracerArrayConversionError:
        raise ValueError(_DETACHED) from None


def _torch(f, x):
    import torch

    x = x.detach().requires_grad_()
    try:
        with torch.enable_grad():
            y = f(x)
    except RuntimeError as error:
        if "that requires grad" in str(error):  # NumPy was handed a tensor on the tape
            raise ValueError(_DETACHED) from None
        raise
    if not getattr(y, "requires_grad", False):
        raise ValueError(_DETACHED)
    (g,) = torch.autograd.grad(y, x, allow_unused=True)
    if g is None:
        raise ValueError(_DETACHED)
    return g


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
