"""A stem made for 224 pixels leaves of 32 an eighth, and the last stage a single pixel."""

import pytest

from tests.pitfalls.pytorch import torch
from tlcourse import pytorch


def maps(model, side: int) -> list[int]:
    """Side of the maps after the stem and after each stage."""
    sides = []
    hooks = [
        part.register_forward_hook(lambda *call: sides.append(call[2].shape[-1]))
        for part in list(model.children())[3:8]
    ]
    pytorch.logits(model, torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    return sides


def test_mistake_nothing_complains_and_the_last_stage_sees_one_pixel():
    model = pytorch.resnet18(10)
    assert maps(model, 224) == [56, 56, 28, 14, 7]
    assert maps(model, 32) == [8, 8, 4, 2, 1]


def test_mistake_of_one_pixel_a_batch_of_one_has_no_variance():
    model = pytorch.resnet18(10).train()
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(torch.zeros(1, 3, 32, 32))


def test_way_out_enlarge_to_the_size_that_the_weights_know_or_let_the_stem_keep_more():
    model = pytorch.resnet18(10)
    assert maps(model, 64) == [16, 16, 8, 4, 2]
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)  # which is untrained
    model.maxpool = torch.nn.Identity()
    assert maps(model, 32) == [32, 32, 16, 8, 4]
