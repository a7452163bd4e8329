"""The networks of the course, with layers named so that weights can be copied by name."""

from functools import cache

import numpy as np

from tlcourse import weights as shipped
from tlcourse.backend import keras
from tlcourse.data import public

layers = keras.layers


def article_network(classes: int = 10) -> keras.Model:
    """The network that introductory articles print: one convolution, one dense layer.

    Conv2D(32, 3×3, ReLU) → MaxPooling 2×2 → Flatten → Dense(softmax) on 28×28×1 images;
    returns probabilities, shape (n, classes).
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(classes, activation="softmax", name="head"),
        ]
    )


def small_cnn(classes: int = 10) -> keras.Model:
    """Four 3×3 convolutions (16, 32, 64, 64 channels) dropout and a linear head, for 28×28×1.

    Layers `conv1` … `conv4` are the backbone; `head` returns logits, shape (n, classes).
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(2, name="pool3"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv4"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(classes, name="head"),
        ]
    )


def scene_cnn(classes: int = 10, side: int | tuple[int, int] = 64) -> keras.Model:
    """A small CNN for colour images, the rival from scratch: logits, shape (n, classes).

    Four 3×3 convolutions (32, 64, 128, 128 channels), each with BatchNormalization and pooling,
    dropout and a linear head: at 64×64 pixels 0.26 million parameters. Takes what `preprocess`
    returns, in images of `side` pixels, or (height, width), at least 16.
    """
    network = [keras.Input((*_size(side, 16), 3)), layers.Rescaling(1 / 64, name="rescale")]
    for number, channels in enumerate((32, 64, 128, 128), 1):
        network += [
            layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"conv{number}"),
            layers.BatchNormalization(momentum=0.9, name=f"norm{number}"),
            layers.ReLU(name=f"relu{number}"),
            layers.MaxPooling2D(2, name=f"pool{number}"),
        ]
    network += [
        layers.Flatten(name="flatten"),
        layers.Dropout(0.5, name="dropout"),
        layers.Dense(classes, name="head"),
    ]
    return keras.Sequential(network)


def resnet50(weights: str | None = "auto", side: int | tuple[int, int] = 64) -> keras.Model:
    """`keras.applications.ResNet50` (He et al. 2016) without its head: 23,587,712 parameters.

    Parameters
    ----------
    weights : {"auto", "imagenet", "course", None}
        "imagenet" is Keras' own file, downloaded if need be (`tlcourse fetch resnet50`); "course"
        ships with the package and knows letters in coloured scenes (`tlcourse/weights/`); "auto"
        takes ImageNet's if they are on this machine, else the course's, and prints which; None is
        random. The first time that the course's are loaded, a sentence says what they are for.
    side : int or (int, int)
        Of the images, in pixels, or their height and width, at least 32. The course's weights
        were trained at 64.

    Returns
    -------
    keras.Model
        Takes what `preprocess` returns, shape (n, height, width, 3); returns (n, h, w, 2048).

    Raises
    ------
    FetchError
        If ImageNet's weights are not here and cannot be downloaded.
    CourseError
        If the course's file is damaged.
    ValueError
        If `weights` or `side` is something else.
    """
    if weights not in ("auto", "imagenet", "course", None):
        raise ValueError(f"weights must be 'auto', 'imagenet', 'course' or None, not {weights!r}.")
    size = _size(side, 32)
    if weights == "auto":
        weights = "imagenet" if public.is_here("resnet50") else "course"
        print(f"ResNet50 with the weights {weights!r}")
    model = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(*size, 3), name="resnet50"
    )
    if weights == "imagenet":
        model.load_weights(public.fetch("resnet50")[0])
    elif weights == "course":
        shipped.load(model)
        _say_once(shipped.PURPOSE)
    return model


@cache
def _say_once(message: str) -> None:
    print(message)


def _size(side: int | tuple[int, int], least: int) -> tuple[int, int]:
    """Height and width of the images that a network takes."""
    size = (side, side) if np.ndim(side) == 0 else tuple(side)
    if len(size) != 2 or not all(isinstance(n, int | np.integer) and n >= least for n in size):
        raise ValueError(
            f"side must be at least {least} pixels, or (height, width) of which both are, not "
            f"{side!r}."
        )
    return size


def preprocess(x: np.ndarray) -> np.ndarray:
    """Images in 0–255, RGB, as ResNet50's weights expect them: BGR, channel means subtracted.

    Keras' `preprocess_input` changes a float array in place; this returns a new one, ``float32``.

    Raises
    ------
    ValueError
        If `x` is not such images, shape (n, h, w, 3): the result would be worthless, without a
        word.
    """
    return keras.applications.resnet50.preprocess_input(check_pixels(x))


def check_pixels(x: np.ndarray) -> np.ndarray:
    """A copy, ``float32``, of RGB images in 0–255, shape (n, h, w, 3).

    Raises
    ------
    ValueError
        If the shape or the range of `x` is another.
    """
    try:
        x = np.asarray(x)
    except (NotImplementedError, TypeError, ValueError):  # symbolic, or of several shapes
        raise ValueError(
            f"images come as one array, not as {type(x).__name__}: within a tf.data map or a model "
            "use keras.applications.resnet50.preprocess_input."
        ) from None
    if x.dtype.kind not in "uif":
        raise ValueError(f"images hold pixels as numbers from 0 to 255, not {x.dtype}.")
    if x.ndim != 4 or x.shape[3] != 3:
        fix = ""
        if x.ndim == 3 and x.shape[2] == 3:
            fix = ": a single image is x[None]"
        elif x.ndim == 3:
            fix = ": of grey ones np.stack([x, x, x], axis=-1) makes three channels"
        elif x.ndim == 4 and x.shape[3] == 1:
            fix = ": of grey ones np.repeat(x, 3, axis=-1) makes three channels"
        elif x.ndim == 4 and x.shape[3] == 4:
            fix = ": x[..., :3] leaves out a fourth channel, which is transparency"
        elif x.ndim == 4 and x.shape[1] == 3:
            fix = ": np.moveaxis(x, 1, -1) puts the channels last"
        raise ValueError(f"images must have the shape (n, h, w, 3), not {x.shape}{fix}.")
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if not 0 <= low <= high <= 255:  # which NaN fails as well
        fix = "have they been preprocessed before?" if low < 0 else "scale them to 0–255."
        raise ValueError(f"pixels must lie in 0–255, and these go from {low:g} to {high:g}: {fix}")
    if x.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError(
            f"pixels must lie in 0–255, and these go from {low:g} to {high:g}: multiply by 255."
        )
    return x.astype("float32")


def add_head(backbone: keras.Model, classes: int, hidden: int = 0) -> keras.Model:
    """A classifier on a backbone: global average pooling, a head, logits (n, classes).

    Parameters
    ----------
    backbone : keras.Model
        Its layers become the classifier's own; they are shared, not copied.
    classes : int
    hidden : int
        Units of a ReLU layer before the logits, as in the widely copied ResNet50 recipe, which
        has 1024; 0 for the linear head.
    """
    x = layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    if hidden:
        x = layers.Dense(hidden, activation="relu", name="hidden")(x)
    return keras.Model(backbone.inputs, layers.Dense(classes, name="head")(x), name="classifier")


def letter_reader() -> keras.Model:
    """The source network of the course's weights, with its head over the letters of their card."""
    model = add_head(resnet50(None), len(shipped.card()["alphabet"]))
    shipped.load(model)
    return model
