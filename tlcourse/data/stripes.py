"""Striped textures: a source task that has nothing to do with characters."""

import numpy as np

from tlcourse.data.dataset import Dataset


def make_stripes(
    n_train: int = 4000, n_test: int = 1000, *, directions: int = 12, random_state: int = 0
) -> Dataset:
    """Grey stripes of random width and place in noise; the class is their direction.

    Parameters
    ----------
    n_train, n_test : int
        Number of images.
    directions : int
        Number of classes, evenly spaced over 180°.
    random_state : int
        The same number gives the same images.

    Returns
    -------
    Dataset
        Images of shape (28, 28, 1), ``float32`` in 0–1.

    Raises
    ------
    ValueError
        If there are fewer than two directions or no images.
    """
    if directions < 2 or n_train < 1 or n_test < 1:
        raise ValueError(
            f"directions={directions}, n_train={n_train}, n_test={n_test} is not possible: two "
            "directions and one image of each kind are the least."
        )
    arrays = []
    rows, columns = np.mgrid[:28, :28].astype("float32")
    streams = np.random.default_rng(random_state).spawn(2)
    for n, rng in zip((n_train, n_test), streams, strict=True):
        y = rng.permutation(np.arange(n) % directions)
        angle = (np.pi * y / directions)[:, None, None]
        waves = rng.uniform(0.6, 1.6, (n, 1, 1))  # radians per pixel
        phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
        x = np.sin(waves * (rows * np.cos(angle) + columns * np.sin(angle)) + phase)
        x = 0.5 + 0.3 * x + rng.normal(0, 0.2, x.shape)
        arrays += [np.clip(x, 0, 1).astype("float32")[..., None], y]
    names = tuple(f"{180 * k / directions:.0f}°" for k in range(directions))
    return Dataset(*arrays, names, "CC0", "Generated.")
