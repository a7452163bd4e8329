"""EfficientNet-Lite0, built from Keras' own layers.

The small member of the family for phones and small boards: EfficientNet (Tan and Le 2019, ICML)
without squeeze-and-excitation and with ReLU6 in place of swish, as released by Google in 2020
under the name EfficientNet-Lite. 4.69 million parameters with its 1,000 classes.
"""

from typing import NamedTuple

from tlcourse.backend import keras

layers = keras.layers

CLASSES = 1000
SMALLEST_SIDE = 64
PREPROCESS = "preprocess"  # the layer that brings pixels to the range the weights know


class Stage(NamedTuple):
    """Blocks of one size of feature map; the first of them may halve it."""

    kernel: int
    stride: int
    expansion: int
    filters: int
    blocks: int


STEM, LAST = 32, 1280  # filters of the first and of the last convolution
STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)


def build(side: int, top: bool) -> keras.Model:
    """The network with random weights; see `tlcourse.models.efficientnet_lite0`.

    Layers are named `stem_…`, `stage1_1_…` to `stage7_1_…` and `last_…`, so that "stage6" names a
    stage for `transfer.split` and `transfer.unfreeze_from`.
    """
    inputs = keras.Input((side, side, 3), name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name=PREPROCESS)(inputs)
    x = layers.Conv2D(STEM, 3, 2, padding="same", use_bias=False, name="stem_conv")(x)
    x = _normalise(x, "stem")
    for number, stage in enumerate(STAGES, 1):
        for block in range(stage.blocks):
            x = _block(x, stage, stage.stride if block == 0 else 1, f"stage{number}_{block + 1}")
    x = layers.Conv2D(LAST, 1, use_bias=False, name="last_conv")(x)
    x = _normalise(x, "last")
    if top:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = layers.Dense(CLASSES, name="head")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def _block(x, stage: Stage, stride: int, name: str):
    """A mobile inverted bottleneck (Sandler et al. 2018, CVPR): expand, depthwise, project."""
    before, channels = x, x.shape[-1]
    if stage.expansion > 1:
        expanded = stage.expansion * channels
        x = layers.Conv2D(expanded, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _normalise(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        stage.kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _normalise(x, f"{name}_depthwise")
    x = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_project_bn")(x)
    if stride == 1 and channels == stage.filters:
        x = layers.Add(name=f"{name}_add")([x, before])
    return x


def _normalise(x, name: str):
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6, name=f"{name}_relu")(x)
