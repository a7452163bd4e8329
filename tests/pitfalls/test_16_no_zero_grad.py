"""`backward` adds to what is there; without `zero_grad` each step takes all earlier ones again."""

from tests.pitfalls.pytorch import DIGITS, images, network, nn, step, torch


def gradients(model) -> list:
    return [parameter.grad.clone() for parameter in model.parameters()]


def test_mistake_the_second_gradient_is_the_sum_of_both():
    model, x = network(), images()
    for _ in range(2):
        nn.functional.cross_entropy(model(x), DIGITS).backward()
    doubled = gradients(model)
    model.zero_grad()
    nn.functional.cross_entropy(model(x), DIGITS).backward()
    for twice, once in zip(doubled, gradients(model), strict=True):
        torch.testing.assert_close(twice, 2 * once)


def test_mistake_the_loss_rises_where_it_should_fall():
    losses = {}
    for forgets in (True, False):
        model, x = network(), images()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
        if forgets:
            optimizer.zero_grad = lambda: None
        losses[forgets] = [step(model, optimizer, x, DIGITS) for _ in range(60)]
    assert losses[False][-1] < 0.1
    assert max(losses[True][20:]) > 1


def test_way_out_zero_grad_before_each_backward():
    model, x = network(), images()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    step(model, optimizer, x, DIGITS)
    once = gradients(model)
    step(model, optimizer, x, DIGITS)
    for one, other in zip(once, gradients(model), strict=True):
        torch.testing.assert_close(one, other)
