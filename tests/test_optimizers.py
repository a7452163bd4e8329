"""What chapter 01 derives about descent, as properties."""

import sys
from subprocess import run

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlcourse.optimizers import adam, batches, descend, rmsprop

curvatures = st.lists(st.floats(0.1, 10), min_size=1, max_size=5).map(np.array)
starts = st.floats(-5, 5).filter(lambda t: abs(t) > 0.1)


def bowl(curvature):
    """The gradient of ½ Σ λθ², whose minimum is 0."""
    return lambda theta: curvature * theta


@given(curvatures, st.floats(0.05, 0.95), starts)
def test_descent_never_moves_away_below_two_over_the_largest_curvature(curvature, share, start):
    alpha = share * 2 / curvature.max()
    path = descend(bowl(curvature), np.full(len(curvature), start), alpha, 30)
    assert np.all(np.diff(np.linalg.norm(path, axis=1)) <= 1e-12)


@given(curvatures, st.floats(1.02, 3), starts)
def test_descent_grows_above_two_over_the_largest_curvature(curvature, share, start):
    alpha = share * 2 / curvature.max()
    path = descend(bowl(curvature), np.full(len(curvature), start), alpha, 30)
    steepest = curvature.argmax()
    assert abs(path[-1, steepest]) > abs(start)


@given(st.floats(1.5, 50), st.floats(0.1, 10))
def test_the_best_rate_shrinks_the_distance_by_kappa_minus_one_over_kappa_plus_one(kappa, least):
    curvature = np.array([least, kappa * least])
    path = descend(bowl(curvature), np.ones(2), 2 / curvature.sum(), 20)
    distance = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(distance[1:] / distance[:-1], (kappa - 1) / (kappa + 1), rtol=1e-6)


@given(curvatures, starts)
def test_descent_without_momentum_follows_the_closed_form(curvature, start):
    theta, alpha = np.full(len(curvature), start), 0.1
    expected = [theta * (1 - alpha * curvature) ** t for t in range(11)]
    np.testing.assert_allclose(descend(bowl(curvature), theta, alpha, 10), expected, atol=1e-9)


def test_momentum_carries_on_where_the_ground_is_flat():
    gradients = iter([1.0, 0.0, 0.0])
    path = descend(lambda _: next(gradients), 0.0, 1.0, 3, momentum=0.5)
    np.testing.assert_allclose(path, [0, -1, -1.5, -1.75])


@given(st.floats(0.001, 1), st.integers(1, 20))
def test_one_rate_for_each_step_is_what_a_schedule_says(alpha, steps):
    rates = alpha / (1 + np.arange(steps))
    path = descend(lambda _: 1.0, 0.0, rates, steps)
    np.testing.assert_allclose(np.diff(path), -rates, atol=1e-12)


def test_a_schedule_of_another_length_is_refused():
    with pytest.raises(ValueError, match="broadcast"):
        descend(lambda _: 1.0, 0.0, [0.1, 0.1], 3)


@given(curvatures, starts, st.floats(10, 1e6))
def test_adam_does_not_notice_a_loss_multiplied_by_a_constant(curvature, start, factor):
    theta, gradient = np.full(len(curvature), start), bowl(curvature)
    plain = adam(gradient, theta, 0.01, 10, epsilon=0)
    scaled = adam(lambda t: factor * gradient(t), theta, 0.01, 10, epsilon=0)
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)


@given(st.floats(1e-3, 1e3), st.sampled_from([-1, 1]), st.floats(1e-4, 1))
def test_the_first_step_of_adam_is_the_learning_rate(size, sign, alpha):
    step = np.diff(adam(lambda _: sign * size, 0.0, alpha, 1, epsilon=1e-9))
    np.testing.assert_allclose(step, -sign * alpha, rtol=1e-3)


@given(st.floats(1e-3, 1e3), st.floats(0.5, 0.99))
def test_the_first_step_of_rmsprop_depends_on_rho_and_not_on_the_gradient(size, rho):
    step = np.diff(rmsprop(lambda _: size, 0.0, 1.0, 1, rho=rho, epsilon=0))
    np.testing.assert_allclose(step, -1 / np.sqrt(1 - rho))


def test_rmsprop_adds_epsilon_inside_the_root():
    path = rmsprop(lambda _: 1e-4, 0.0, 1.0, 1, rho=0.9, epsilon=1e-7)
    np.testing.assert_allclose(path[1], -1e-4 / np.sqrt(1e-9 + 1e-7))


@given(st.floats(0.01, 1), starts)
def test_weight_decay_alone_shrinks_by_the_same_factor_each_step(strength, start):
    path = adam(lambda _: 0.0, start, 0.1, 10, weight_decay=strength)
    np.testing.assert_allclose(path, start * (1 - 0.1 * strength) ** np.arange(11))


@pytest.mark.parametrize("name", ["SGD", "momentum", "RMSprop", "Adam", "AdamW"])
@settings(max_examples=3)
@given(st.integers(0, 100))
def test_each_optimiser_equals_keras_step_by_step(name, seed):
    from tlcourse.backend import keras

    rng, k, b2 = np.random.default_rng(seed), keras.optimizers, 1 - 1 / 1024
    gradients, theta = rng.normal(size=(50, 3)) * [0.01, 1, 100], rng.normal(size=3)

    def replay():
        fed = iter(gradients)
        return lambda _: next(fed)

    ours, theirs = {
        "SGD": (lambda: descend(replay(), theta, 1e-3, 50), lambda: k.SGD(1e-3)),
        "momentum": (lambda: descend(replay(), theta, 1e-4, 50, 0.9), lambda: k.SGD(1e-4, 0.9)),
        "RMSprop": (lambda: rmsprop(replay(), theta, 0.01, 50), lambda: k.RMSprop(0.01)),
        "Adam": (
            lambda: adam(replay(), theta, 0.05, 50, beta_2=b2),
            lambda: k.Adam(0.05, beta_2=b2),
        ),
        "AdamW": (
            lambda: adam(replay(), theta, 0.05, 50, beta_2=b2, weight_decay=0.1),
            lambda: k.AdamW(0.05, beta_2=b2, weight_decay=0.1),
        ),
    }[name]
    variable, optimizer = keras.Variable(theta, dtype="float64"), theirs()
    optimizer.build([variable])
    for gradient, expected in zip(gradients, ours()[1:], strict=True):
        optimizer.apply([keras.ops.convert_to_tensor(gradient, dtype="float64")])
        got = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(expected, got, rtol=0, atol=1e-6)


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5))
def test_every_epoch_shows_every_example_once(n, size, seed):
    draw = batches(n, size, np.random.default_rng(seed))
    for _ in range(2):
        epoch = [next(draw) for _ in range(-(-n // size))]
        assert max(map(len, epoch)) <= size
        assert sorted(np.concatenate(epoch)) == list(range(n))


def test_the_start_is_left_as_it_was():
    theta = np.ones(3)
    for method in (descend, rmsprop, adam):
        assert method(bowl(np.ones(3)), theta, 0.1, 5).shape == (6, 3)
    np.testing.assert_array_equal(theta, 1)


def test_the_optimisers_need_no_keras():
    code = "import sys, tlcourse.optimizers, tlcourse.plotting; sys.exit('keras' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
