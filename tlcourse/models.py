"""The networks of the course, with layers named so that weights can be copied by name."""

import numpy as np

from tlcourse import weights as shipped
from tlcourse.backend import keras
from tlcourse.data import download

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


def scene_cnn(classes: int = 10) -> keras.Model:
    """A small CNN for 64×64×3 scenes, the rival from scratch: logits, shape (n, classes).

    Four 3×3 convolutions (32, 64, 128, 128 channels), each with BatchNormalization and pooling,
    dropout and a linear head: 0.26 million parameters. Takes what `preprocess` returns.
    """
    network = [keras.Input((64, 64, 3)), layers.Rescaling(1 / 64, name="rescale")]
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


def resnet50(weights: str | None = "auto", side: int = 64) -> keras.Model:
    """`keras.applications.ResNet50` (He et al. 2016) without its head: 23,587,712 parameters.

    Parameters
    ----------
    weights : {"auto", "imagenet", "course", None}
        "imagenet" is Keras' own file, downloaded if need be (`tlcourse fetch resnet50`); "course"
        ships with the package and knows letters in coloured scenes (`tlcourse/weights/`); "auto"
        takes ImageNet's if they are on this machine, else the course's, and prints which; None is
        random.
    side : int
        Of the images, in pixels, at least 32. The course's weights were trained at 64.

    Returns
    -------
    keras.Model
        Takes what `preprocess` returns, shape (n, side, side, 3); returns (n, h, w, 2048).

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
    if side < 32:
        raise ValueError(f"side must be at least 32 pixels, not {side}.")
    if weights == "auto":
        weights = "imagenet" if download.is_here("resnet50") else "course"
        print(f"ResNet50 with the weights {weights!r}")
    model = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(side, side, 3), name="resnet50"
    )
    if weights == "imagenet":
        model.load_weights(download.fetch("resnet50")[0])
    elif weights == "course":
        shipped.load(model)
    return model


def preprocess(x: np.ndarray) -> np.ndarray:
    """Images in 0–255, RGB, as ResNet50's weights expect them: BGR, channel means subtracted.

    Keras' `preprocess_input` changes a float array in place; this returns a new one, ``float32``.
    """
    return keras.applications.resnet50.preprocess_input(np.array(x, "float32"))


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
