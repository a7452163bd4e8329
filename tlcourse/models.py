"""The networks of the course, with layers named so that weights can be copied by name."""

import numpy as np

from tlcourse.backend import keras

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


def resnet50(weights: str | None = "auto", side: int = 64) -> keras.Model:
    """ResNet50 without top."""
    return keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(side, side, 3), name="resnet50"
    )


def letter_reader(backbone: keras.Model, classes: int) -> keras.Model:
    """The backbone with global average pooling and a linear head that returns logits."""
    pooled = layers.GlobalAveragePooling2D(name="pool")(backbone.output)
    return keras.Model(backbone.inputs, layers.Dense(classes, name="head")(pooled))


def preprocess(x: np.ndarray) -> np.ndarray:
    """What ResNet50's weights expect, as a new array: BGR, channel means subtracted."""
    return keras.applications.resnet50.preprocess_input(np.array(x, "float32"))
