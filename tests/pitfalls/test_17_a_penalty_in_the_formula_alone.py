"""λR(w) that stands in the text and not in the code penalises nothing."""

import pytest

from tests.pitfalls.pytorch import DIGITS, images, network, nn, step, torch
from tlcourse import pytorch


def size(model) -> float:
    return sum(float((p.detach() ** 2).sum()) for p in model.parameters())


def test_mistake_the_printed_optimizer_has_a_weight_decay_of_zero():
    optimizer = torch.optim.SGD(network().parameters(), lr=0.001, momentum=0.9)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0]
    assert torch.optim.AdamW(network().parameters()).defaults["weight_decay"] > 0, "here it is not"


def test_mistake_decay_pulls_towards_zero_and_forgets_what_the_source_knew():
    start = network()
    away = {}
    for name, towards in (("L2", None), ("L2-SP", start.state_dict())):
        model = network()
        pytorch.fit(
            model, images(), DIGITS, 100, rate=0.05, weight_decay=0.5, towards=towards, seed=1
        )
        difference = (model.conv.weight - start.conv.weight).detach()
        away[name] = float((difference**2).sum())
    assert away["L2-SP"] < 0.5 * away["L2"]


@pytest.mark.parametrize("λ", [0.0, 0.1])
def test_way_out_one_argument_is_the_whole_penalty(λ):
    optimised, by_hand = network(), network()
    step(optimised, torch.optim.SGD(optimised.parameters(), 0.1, weight_decay=λ), images(), DIGITS)
    loss = nn.functional.cross_entropy(by_hand(images()), DIGITS)
    penalty = λ / 2 * sum((p**2).sum() for p in by_hand.parameters())
    (loss + penalty).backward()
    with torch.no_grad():
        for parameter in by_hand.parameters():
            parameter -= 0.1 * parameter.grad
    for one, other in zip(optimised.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert size(optimised) > 0
