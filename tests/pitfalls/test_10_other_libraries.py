"""A network from another library: what fits in shape may have lost a layer or moved a stride."""

import numpy as np
import pytest

from tlcourse import models
from tlcourse.backend import keras


def test_mistake_children_of_a_pytorch_module_leave_out_what_forward_does():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 8, 3)
            self.pool = torch.nn.AdaptiveAvgPool2d(1)
            self.fc = torch.nn.Linear(8, 2)

        def forward(self, x):
            return self.fc(torch.flatten(self.pool(self.conv(x)), 1))

    parts, x = list(Network().children())[:-1], torch.zeros(4, 3, 8, 8)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        torch.nn.Sequential(*parts, torch.nn.Linear(8, 5))(x)
    mended = torch.nn.Sequential(*parts, torch.nn.Flatten(), torch.nn.Linear(8, 5))
    assert mended(x).shape == (4, 5)


def test_mistake_the_same_weights_with_the_stride_in_another_layer_compute_something_else():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype("float32")
    first, second = (
        keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Conv2D(4, 1, strides=strides[0]),
                keras.layers.Conv2D(4, 3, strides=strides[1], padding="same"),
            ]
        )
        for strides in ((2, 1), (1, 2))
    )
    second.set_weights(first.get_weights())  # fits
    assert first.output_shape == second.output_shape
    assert not np.allclose(first.predict(x, verbose=0), second.predict(x, verbose=0))


def test_way_out_know_the_version_keras_has_its_stride_in_the_first_convolution():
    network = models.resnet50(None)
    for stage in ("conv3", "conv4", "conv5"):
        strides = [network.get_layer(f"{stage}_block1_{i}_conv").strides for i in (1, 2)]
        assert strides == [(2, 2), (1, 1)], "version 1; torchvision has 1.5, the other way round"
