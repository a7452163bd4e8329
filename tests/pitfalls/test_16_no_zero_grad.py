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


def test_mistake_the_steps_never_come_to_rest():
    paths = {}
    for forgets in (True, False):
        theta = nn.Parameter(torch.ones(1))
        optimizer = torch.optim.SGD([theta], lr=0.1)
        paths[forgets] = []
        for _ in range(200):
            if not forgets:
                optimizer.zero_grad()
            (theta**2 / 2).sum().backward()
            optimizer.step()
            paths[forgets].append(abs(theta.item()))
    assert max(paths[False][-50:]) < 1e-5
    assert max(paths[True][-50:]) > 0.9, "all gradients since the start are a momentum of one"


def test_way_out_zero_grad_before_each_backward():
    model, x = network(), images()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    step(model, optimizer, x, DIGITS)
    once = gradients(model)
    step(model, optimizer, x, DIGITS)
    for one, other in zip(once, gradients(model), strict=True):
        torch.testing.assert_close(one, other)
