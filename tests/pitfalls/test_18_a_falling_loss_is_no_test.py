"""A loop that prints the training loss and stops has not looked at one new image."""

from tests.pitfalls.pytorch import images, network, nn, step, torch
from tlcourse import pytorch


def test_mistake_labels_by_lot_are_learned_as_well():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (24,), generator=generator)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = [step(model, optimizer, images(), y) for _ in range(200)]
    assert losses[-1] < 0.05 < 0.5 < losses[0]
    new = torch.randint(3, (300,), generator=generator)
    assert pytorch.accuracy(model, images(300, 1), new) < 0.45


def test_way_out_measure_on_images_that_were_not_trained_on():
    model, y = network(), torch.arange(24) % 3
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    for _ in range(60):
        step(model, optimizer, images(), y)
    assert pytorch.accuracy(model, images(300, 1), torch.arange(300) % 3) > 0.95
