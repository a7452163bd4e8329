"""Automatic differentiation on the backend that the tests run on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tlcourse.autodiff import gradient, weight_gradient
from tlcourse.backend import keras

ops = keras.ops
points = arrays(np.float32, (2, 3), elements=st.floats(-2, 2, width=32))


@given(points)
def test_it_equals_the_derivative_worked_out_by_hand(x):
    got = gradient(lambda t: ops.sum(ops.sin(t) * t), x)
    np.testing.assert_allclose(got, np.cos(x) * x + np.sin(x), rtol=1e-4, atol=1e-5)


@given(points)
def test_it_is_linear(x):
    f, g = (lambda t: ops.sum(t**3)), (lambda t: ops.sum(ops.exp(t)))
    both = gradient(lambda t: 2.0 * f(t) - g(t), x)
    np.testing.assert_allclose(both, 2 * gradient(f, x) - gradient(g, x), rtol=1e-4, atol=1e-4)


def test_it_runs_through_a_network():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    got = gradient(lambda t: ops.sum(model(t)), np.ones((2, 3), "float32"))
    kernel = ops.convert_to_numpy(model.layers[0].kernel)
    np.testing.assert_allclose(got, np.repeat(kernel.T, 2, axis=0), rtol=1e-5)


def test_it_answers_in_numpy_in_the_shape_of_x_and_leaves_x_alone():
    x = np.arange(6, dtype="float32").reshape(2, 3)
    got = gradient(lambda t: ops.sum(t[0]), x)
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(x, np.arange(6).reshape(2, 3))


def test_it_takes_a_tensor_and_a_single_number():
    got = gradient(lambda t: t**2, ops.convert_to_tensor(3.0))
    assert got.shape == ()
    assert got == 6
    assert gradient(lambda t: t**2, 3.0) == 6


def test_one_element_may_be_gathered():
    got = gradient(lambda t: ops.sum(ops.take(t, [1], axis=0)), np.zeros((3, 2), "float32"))
    np.testing.assert_array_equal(got, [[0, 0], [1, 1], [0, 0]])


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX needs to be told of 64 bits")
def test_64_bits_stay_64_bits():
    x = np.full(3, 0.1)
    got = gradient(lambda t: ops.sum(t**3), x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, 3 * x**2, rtol=1e-14)


def test_whole_numbers_are_refused():
    with pytest.raises(ValueError, match="x holds int.*give floats"):
        gradient(ops.sum, np.array([1, 2], "int32"))


def test_a_result_that_is_no_scalar_is_refused():
    with pytest.raises(ValueError, match=r"f returns the shape \(2,\).*only a scalar"):
        gradient(lambda t: t**2, np.ones(2, "float32"))


def test_a_function_that_leaves_keras_is_refused_and_has_no_silent_gradient_of_zero():
    with pytest.raises(ValueError, match="with keras.ops and layers, not with NumPy"):
        gradient(lambda t: ops.convert_to_tensor(np.sum(np.asarray(t) ** 2)), np.ones(2, "float32"))
    with pytest.raises(ValueError, match="with keras.ops and layers, not with NumPy"):
        gradient(lambda t: np.sum(np.asarray(t) ** 2), np.ones(2, "float32"))


# --- with respect to weights ----------------------------------------------------------------------


@pytest.fixture
def two_heads():
    """A trunk of two layers, and two heads of one number each."""
    keras.utils.set_random_seed(0)
    x = keras.Input((3,))
    trunk = keras.layers.Dense(4, activation="tanh", name="first")(x)
    trunk = keras.layers.Dropout(0.5)(keras.layers.Dense(2, name="second")(trunk))
    heads = {name: keras.layers.Dense(1, name=name)(trunk) for name in ("a", "b")}
    return keras.Model(x, heads)


def of(name):
    return lambda outputs: ops.mean(outputs[name] ** 2)


def test_the_gradient_of_weights_is_what_small_steps_measure(two_heads):
    x, layer, step = np.linspace(-1, 1, 15, dtype="float32").reshape(5, 3), "second", 1e-2
    got = weight_gradient(two_heads, [layer], of("a"), x)
    kernel, bias = two_heads.get_layer(layer).get_weights()
    flat, slopes = np.concatenate([kernel.ravel(), bias]), []
    for place in range(len(flat)):
        losses = []
        for sign in (1, -1):
            moved = flat.copy()
            moved[place] += sign * step
            two_heads.get_layer(layer).set_weights([moved[:8].reshape(4, 2), moved[8:]])
            losses.append(float(of("a")(two_heads(x))))
        slopes.append((losses[0] - losses[1]) / (2 * step))
    np.testing.assert_allclose(got, slopes, rtol=1e-2, atol=1e-4)


def test_it_has_a_number_for_each_weight_of_the_layers_in_their_order(two_heads):
    x = np.ones((2, 3), "float32")
    both = weight_gradient(two_heads, ["second", "first"], of("b"), x)
    assert both.shape == (10 + 16,)
    np.testing.assert_array_equal(both[:10], weight_gradient(two_heads, ["second"], of("b"), x))


def test_it_changes_no_weight_and_no_dropout_disturbs_it(two_heads):
    x, before = np.ones((2, 3), "float32"), two_heads.get_weights()
    first, again = (weight_gradient(two_heads, ["first"], of("a"), x) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    for old, new in zip(before, two_heads.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_layers_that_do_not_train_and_layers_that_do_not_exist_are_refused(two_heads):
    x = np.ones((2, 3), "float32")
    with pytest.raises(ValueError, match="third"):
        weight_gradient(two_heads, ["third"], of("a"), x)
    two_heads.get_layer("first").trainable = False
    with pytest.raises(ValueError, match=r"none of the layers \['first'\] has weights that train"):
        weight_gradient(two_heads, ["first"], of("a"), x)
