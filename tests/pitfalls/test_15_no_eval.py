"""Without `eval()`, a prediction depends on which other images are in the batch."""

from tests.pitfalls.pytorch import DIGITS, images, network, step, torch
from tlcourse import pytorch


def trained():
    model, x = network(), images()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    for _ in range(60):
        step(model, optimizer, x, DIGITS)
    assert pytorch.accuracy(model, images(300, 1), torch.arange(300) % 3) > 0.95
    return model


def in_training_mode(model, batches) -> list[int]:
    model.train()
    with torch.no_grad():
        return [label for x in batches for label in model(x).argmax(1).tolist()]


def test_mistake_a_batch_of_one_class_is_normalised_until_its_class_is_gone():
    model, x, y = trained(), images(300, 1), torch.arange(300) % 3
    by_class = torch.cat([torch.tensor(in_training_mode(model, [x[y == k]])) for k in range(3)])
    assert (by_class == torch.arange(3).repeat_interleave(100)).float().mean() < 0.8


def test_mistake_predicting_changes_the_network():
    model = trained().train()
    before = model.bn.running_mean.clone()
    with torch.no_grad():
        model(images(10, 2) + 3)
    assert not torch.equal(model.bn.running_mean, before)


def test_mistake_no_grad_is_not_eval_and_eval_is_not_no_grad():
    model = trained()
    with torch.no_grad():
        assert model.training
        assert not model(images()).requires_grad
    assert model.eval()(images()).requires_grad


def test_way_out_eval_and_each_image_gets_its_own_answer():
    model, x = trained(), images(30, 1)
    whole = pytorch.logits(model, x)
    alone = torch.cat([pytorch.logits(model, one[None]) for one in x])
    torch.testing.assert_close(whole, alone)
