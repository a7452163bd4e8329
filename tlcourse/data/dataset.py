"""What every data function returns, and splits that leave only a few labels."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Images with labels, split into training and test before anything else happens.

    Attributes
    ----------
    x_train, x_test : ndarray, shape (n, height, width, channels)
        Images; ``float32`` in 0–1 or ``uint8`` in 0–255, as the function that made them says.
    y_train, y_test : ndarray of int64, shape (n,)
        Labels 0 … K−1.
    class_names : tuple of str, length K
    licence, source : str
        Terms of use, and where the images come from.
    x_validation, y_validation : ndarray, or None
        A third part, for choosing between models; None where there is none.
    files_train, files_validation, files_test : tuple of str
        For images that were read from files: the file of each, relative to their folder, so that
        ``x_test[17]`` comes from ``files_test[17]``. Empty for images that were made.

    Raises
    ------
    ValueError
        If a part has another number of file names than of images.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    licence: str
    source: str
    x_validation: np.ndarray | None = None
    y_validation: np.ndarray | None = None
    files_train: tuple[str, ...] = ()
    files_validation: tuple[str, ...] = ()
    files_test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            files, images = getattr(self, f"files_{part}"), getattr(self, f"x_{part}")
            count = 0 if images is None else len(images)
            if files and len(files) != count:
                raise ValueError(
                    f"files_{part} names {len(files)} files for the {count} images of x_{part}: "
                    "choose from both alike."
                )

    def __repr__(self) -> str:
        validation = "" if self.x_validation is None else f", {len(self.x_validation)} validation"
        return (
            f"Dataset({len(self.x_train)} training{validation} and {len(self.x_test)} test "
            f"images of shape {self.x_train.shape[1:]} {self.x_train.dtype}, "
            f"{len(self.class_names)} classes)"
        )


def few_labels(dataset: Dataset, per_class: int, random_state: int) -> Dataset:
    """Keep `per_class` random training images of each class; the rest stays as it is.

    Parameters
    ----------
    dataset : Dataset
    per_class : int
        Labelled training images to keep per class.
    random_state : int
        The same number gives the same images; smaller `per_class` keeps a subset of them.

    Raises
    ------
    ValueError
        If some class has fewer than `per_class` training images.
    """
    counts = np.bincount(dataset.y_train, minlength=len(dataset.class_names))
    if not 1 <= per_class <= counts.min():
        scarce = dataset.class_names[counts.argmin()]
        raise ValueError(
            f"per_class={per_class} is not possible: class {scarce!r} has {counts.min()} training "
            f"images; choose 1 to {counts.min()}."
        )
    order = np.random.default_rng(random_state).permutation(len(dataset.y_train))
    labels = dataset.y_train[order]
    # Position of each image within its class, in shuffled order: 0, 1, 2, …
    rank = np.empty(len(order), int)
    for k in range(len(counts)):
        rank[labels == k] = np.arange(counts[k])
    keep = order[rank < per_class]
    return replace(
        dataset,
        x_train=dataset.x_train[keep],
        y_train=dataset.y_train[keep],
        files_train=tuple(dataset.files_train[i] for i in keep) if dataset.files_train else (),
    )
