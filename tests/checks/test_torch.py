"""What the checks of set 10 suppose of PyTorch, measured on PyTorch where it is installed."""

import numpy as np
import pytest

from tests.checks import answer, answers
from tlcourse.checks import Failure, assemble
from tlcourse.checks.sets import ex10

torch = pytest.importorskip("torch", reason="PyTorch is not installed (make torch)")


def parameter(values):
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))


def stepped(make, theta, gradients, alphas):
    """θ after each step of an optimiser that is given these gradients and rates."""
    w = parameter(theta)
    optimizer, path = make([w]), []
    for g, alpha in zip(gradients, alphas, strict=True):
        optimizer.param_groups[0]["lr"] = float(alpha)
        w.grad = torch.tensor(g)
        optimizer.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


@pytest.fixture
def given():
    rng = np.random.default_rng(0)
    return rng.normal(0, 2, 3), rng.normal(0, 2, (6, 3)), np.array([0.1, 0.1, 0.3, 0.3, 0.2, 0.2])


def test_momentum_is_that_of_its_optimiser(given):
    right, _ = ex10._momentum(*given, 0.9)
    of_torch = stepped(lambda w: torch.optim.SGD(w, 0.1, momentum=0.9), *given)
    assert np.allclose(right[0], of_torch, rtol=1e-12)


def test_and_the_other_path_is_that_of_keras(given):
    keras = pytest.importorskip("keras")
    theta, gradients, alphas = given
    w = keras.Variable(theta, dtype="float32")
    optimizer, path = keras.optimizers.SGD(0.1, momentum=0.9), []
    for g, alpha in zip(gradients, alphas, strict=True):
        optimizer.learning_rate = float(alpha)
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32")], [w])
        path.append(keras.ops.convert_to_numpy(w))
    assert np.allclose(ex10._momentum(*given, 0.9)[0][1], path, atol=1e-5)


@pytest.mark.parametrize(("kind", "place"), [("Adam", 0), ("AdamW", 1)])
def test_decay_is_that_of_adam_and_of_adamw(given, kind, place):
    theta, gradients, _ = given
    right, _ = ex10._decays(theta, gradients, 0.05, 0.3)
    make = getattr(torch.optim, kind)
    path = stepped(lambda w: make(w, 0.05, weight_decay=0.3), theta, gradients, [0.05] * 6)
    assert np.allclose(right[place], path[-1], rtol=1e-9)


def test_the_gradient_of_l2_sp_is_that_of_its_penalty():
    rng = np.random.default_rng(0)
    shapes = {"conv1.weight": (3, 2, 3, 3), "bn1.weight": (3,), "fc.weight": (4, 3)}
    weights, start = ({k: rng.normal(size=s) for k, s in shapes.items()} for _ in range(2))
    tensors = {name: parameter(w) for name, w in weights.items()}
    penalty = 0
    for name, w in tensors.items():
        if name.startswith("fc."):
            penalty = penalty + 0.7 / 2 * (w**2).sum()
        else:
            penalty = penalty + 0.2 / 2 * ((w - torch.tensor(start[name])) ** 2).sum()
    penalty.backward()
    (value, gradients), _ = ex10._l2_sp(weights, start, 0.2, 0.7)
    assert np.isclose(value, penalty.item())
    for name, w in tensors.items():
        assert np.allclose(gradients[name], w.grad.numpy())


def run_shapes(shape, layers):
    """The shapes after each layer, until one raises an error."""
    x, found = torch.zeros(shape), []
    for kind, *sizes in layers:
        try:
            x = getattr(torch.nn, kind)(*sizes)(x)
        except (RuntimeError, ValueError):
            break
        found.append(list(x.shape))
    return found


def test_every_network_of_the_check_has_the_shapes_that_pytorch_gives_it():
    asked = []

    def asking(shape, layers):
        asked.append((shape, layers))
        return ex10._shapes(shape, layers)

    assert all(found.ok for found in ex10.shapes.check(asking, np.random.default_rng(0)))
    assert len(asked) > 15
    for shape, layers in asked:
        assert run_shapes(shape, layers) == ex10._shapes(shape, layers), (shape, layers)


def drawn_layer(rng, shape):
    kinds = ["Conv2d", "MaxPool2d", "ReLU", "Flatten", "Linear", "AdaptiveAvgPool2d"]
    kind = rng.choice(kinds if len(shape) == 4 else kinds[:-1])
    k, s = (int(n) for n in rng.integers(1, 5, 2))
    p, channels = int(rng.integers(k // 2 + 1)), int(rng.integers(1, 5))
    sizes = {"MaxPool2d": [k, s, p], "AdaptiveAvgPool2d": [int(rng.integers(1, 4))]}
    before = shape[1] if rng.random() < 0.8 else channels
    sizes["Conv2d"] = [before, channels, k, s, p]
    last = shape[-1] if rng.random() < 0.8 else channels
    sizes["Linear"] = [last, channels]
    return [str(kind), *sizes.get(kind, [])]


def test_and_so_has_any_other():
    rng, whole = np.random.default_rng(0), 0
    for _ in range(300):
        shape = [2, *(int(n) for n in rng.integers(1, 9, 3))]
        layers, now = [], shape
        for _ in range(4):
            layers.append(drawn_layer(rng, now))
            now = ex10._shape(now, layers[-1]) or now
        found = ex10._shapes(shape, layers)
        assert run_shapes(shape, layers) == found, (shape, layers)
        whole += len(found) == 4
    assert 50 < whole < 250


def test_the_groups_are_those_that_an_optimiser_takes():
    made = answer("ex10", "groups", answers("solutions", "ex10")["groups"])
    parameters = ex10._resnet(np.random.default_rng(0), 4, 2)
    tensors = {name: torch.nn.Parameter(torch.zeros(shape)) for name, shape in parameters}
    groups = made(parameters, ["conv1", "bn1", "layer1"], 0.1, 0.01)
    for group in groups:
        group["params"] = [tensors[name] for name in group["params"]]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    assert [g["lr"] for g in optimizer.param_groups] == [0.01, 0.01, 0.1, 0.1]
    assert sum(len(g["params"]) for g in optimizer.param_groups) == 62 - 3 - 12


class Watched(torch.nn.Module):
    """A network, and its optimiser, which note the modes of calls and the gradients of steps."""

    def __init__(self, batches):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.calls, self.own = torch.nn.Linear(3, 4), [], []
        self.layer.weight.grad = torch.ones(4, 3)
        self.batches = batches * 3
        self.optimizer = torch.optim.SGD(self.parameters(), 0.1)
        self.zero_grad = self.optimizer.zero_grad

    def forward(self, x):
        self.calls.append((self.training, torch.is_grad_enabled()))
        return self.layer(x)

    def step(self):
        x, y = self.batches[len(self.own)]
        w = self.layer.weight
        loss = torch.nn.functional.cross_entropy(self.layer(x), y)
        own = torch.autograd.grad(loss, w)[0]
        self.own.append(w.grad is not None and torch.allclose(own, w.grad, atol=1e-6))
        self.optimizer.step()


ORDERS = ("GDNAKFMBJPCHL", "GDNAKMFBJPCHL", "GDNAKMBJFPCHL", "GDNAKMBFJPCHL", "GDNAKFMBJCPHL")
ORDERS += ("GDNKFMBJPCHAL", "GDONKFMBJPCHL", "GDNAIKMBJPCHL", "GDNAKMBJPCHIL", "GDNAKFMJBPCHL")
ORDERS += ("GDNAKMJFBPCHL", "GDNAKFMBJPCHIL", "GDONAKFMBJPCHL", "GDONKFMBJPCHAL", "GDNPAKFMBJCHL")


@pytest.mark.parametrize("order", ORDERS)
def test_the_stand_in_of_the_loop_judges_as_a_real_one(order):
    batches = [(torch.randn(8, 3), torch.randint(4, (8,))) for _ in range(4)]
    model = Watched(batches).eval()
    given = {
        "torch": torch,
        "cross_entropy": torch.nn.functional.cross_entropy,
        "accuracy": lambda z, y: float((z.argmax(1) == y).float().mean()),
    }

    def is_right():
        trained = assemble(ex10._LINES, list(order), "trained", given)
        trained(model, model, batches, torch.randn(6, 3), torch.randint(4, (6,)))
        calls = ([(True, True)] * 4 + [(False, False)]) * 3
        return model.own == [True] * 12 and model.calls == calls

    def found():
        return all(p.ok for p in ex10.order.check(list(order), np.random.default_rng(0)))

    def ends(ask):
        try:
            return ask()
        except Failure:
            return False

    assert ends(found) == ends(is_right)
