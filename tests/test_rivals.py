"""The rivals of a fair comparison that need no network; `test_report.py` has the others."""

import numpy as np

from tlcourse.rivals import simple_statistics


def test_simple_statistics_say_how_bright_and_how_rough_an_image_is():
    flat = np.full((1, 8, 8, 1), 7, "uint8")
    upright = np.zeros((1, 8, 8, 1), "uint8")
    upright[:, :, ::2] = 200  # every other column
    (even,), (striped,) = simple_statistics(flat), simple_statistics(upright)
    np.testing.assert_allclose(even, [7, 0, 0, 0, 0, 0])
    mean, sd, right, right_sd, down, down_sd = striped
    np.testing.assert_allclose([mean, sd, right], [100, 100, 200])
    assert right_sd > 190, "up and down again, also from bytes, which have no negative numbers"
    assert down == down_sd == 0


def test_simple_statistics_look_at_each_channel():
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3)).astype("uint8")
    together = simple_statistics(x)
    assert together.shape == (5, 18)
    alone = [simple_statistics(x[..., k : k + 1]) for k in range(3)]
    np.testing.assert_allclose(together, np.stack(alone, axis=2).reshape(5, 18), rtol=1e-5)
