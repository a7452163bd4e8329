"""What several sets compare an answer with."""

import numpy as np

from tlcourse.checks.references import normalised, slopes


def test_slopes_are_those_of_a_gradient_for_the_argument_that_is_named():
    x, w = np.arange(6.0).reshape(2, 3), np.array([[1.0, -2.0, 0.5]])
    before = x.copy()
    np.testing.assert_allclose(slopes(lambda x, w: np.sum(w * x**2), 0, x, w), 2 * w * x)
    np.testing.assert_allclose(
        slopes(lambda x, w: np.sum(w * x**2), 1, x, w), (x**2).sum(0)[None], atol=1e-6
    )
    np.testing.assert_array_equal(x, before)
    assert slopes(lambda x: float(x.sum()), 0, np.ones((0, 2))).shape == (0, 2)


def test_normalised_is_what_keras_returns():
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(5, 3)), rng.uniform(0.5, 2, (4, 3))
    import keras

    layer = keras.layers.BatchNormalization()
    layer.build(x.shape)
    layer.set_weights(weights)
    expected = keras.ops.convert_to_numpy(layer(x.astype("float32"), training=False))
    np.testing.assert_allclose(normalised(x, *weights), expected, rtol=1e-5, atol=1e-5)
