"""What the pitfalls of PyTorch share: a small network with BatchNorm, and images."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (`make torch`)")
nn = torch.nn
DIGITS, CLASSES = torch.arange(24) % 3, 3


def network(classes: int = CLASSES, seed: int = 0):
    """Convolution, BatchNorm, pooling, and `fc`, as a pretrained network has them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = {
            "conv": nn.Conv2d(3, 8, 3, padding=1),
            "bn": nn.BatchNorm2d(8),
            "relu": nn.ReLU(),
            "pool": nn.AdaptiveAvgPool2d(1),
            "flatten": nn.Flatten(),
            "fc": nn.Linear(8, classes),
        }
        model = nn.Sequential()
        for name, part in parts.items():
            model.add_module(name, part)
        return model


def images(n: int = 24, seed: int = 0, side: int = 8):
    """Images whose class is a colour and some noise, (n, 3, side, side), as good as normalised."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n, 3, side, side, generator=generator) / 2
    colour = 1.5 * nn.functional.one_hot(torch.arange(n) % 3, 3)[:, :, None, None]
    return noise + colour - 0.5


def step(model, optimizer, x, y) -> float:
    """One step as it should be."""
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()
