"""`Normalize(0.5, 0.5)` is no harmless default: pretrained weights know other statistics."""

import numpy as np

from tests.pitfalls.pytorch import DIGITS, network, step, torch
from tlcourse import pytorch

PHOTOS = np.random.default_rng(0).integers(90, 150, (24, 8, 8, 3)).astype("uint8")
PHOTOS[np.arange(24), :, :, np.arange(24) % 3] += 60  # the class is a colour


def trained():
    """A source that reads the colour, normalised as ImageNet's networks are."""
    model, x = network(), pytorch.tensors(PHOTOS)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    for _ in range(40):
        step(model, optimizer, x, DIGITS)
    return model


def test_mistake_the_same_photographs_are_other_numbers_and_the_features_move():
    model = trained()
    assert pytorch.accuracy(model, pytorch.tensors(PHOTOS), DIGITS) == 1
    half = pytorch.tensors(PHOTOS, mean=(0.5,) * 3, std=(0.5,) * 3)
    right, wrong = (pytorch.logits(model[:5], x) for x in (pytorch.tensors(PHOTOS), half))
    spread = right.std(0).mean()
    assert (right - wrong).abs().mean() > 0.2 * spread
    assert pytorch.logits(model, half).softmax(1).max(1).values.mean() < (
        pytorch.logits(model, pytorch.tensors(PHOTOS)).softmax(1).max(1).values.mean()
    )


def test_way_out_the_statistics_travel_with_the_weights():
    mean, std = (torch.tensor(value)[:, None, None] for value in (pytorch.MEAN, pytorch.STD))
    x = pytorch.tensors(PHOTOS)
    back = ((x * std + mean) * 255).round().byte().permute(0, 2, 3, 1)
    np.testing.assert_array_equal(back.numpy(), PHOTOS)
