"""A new `fc` does not freeze the rest: what is handed to the optimizer is what trains."""

from tests.pitfalls.pytorch import DIGITS, images, network, nn, step, torch


def moved(model, optimizer, train=True) -> set[str]:
    """Names of parameters and buffers that a few steps changed."""
    model.train(train)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for _ in range(3):
        step(model, optimizer, images(), DIGITS)
    now = model.state_dict()
    return {name for name in now if not torch.equal(now[name], before[name])}


def test_mistake_model_parameters_are_all_of_them():
    model = network()
    model.fc = nn.Linear(8, 3)  # "only this one trains"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    assert {"conv.weight", "bn.weight", "fc.weight"} <= moved(model, optimizer)


def test_mistake_in_training_mode_a_frozen_batchnorm_moves_its_statistics_all_the_same():
    model = network().requires_grad_(False)
    model.fc = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
    found = moved(model, optimizer)
    assert {"bn.running_mean", "bn.running_var"} <= found
    assert not {"conv.weight", "bn.weight"} & found


def test_way_out_freeze_hand_over_fc_alone_and_keep_the_rest_in_prediction_mode():
    model = network().requires_grad_(False)
    model.fc = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
    assert moved(model, optimizer, train=False) == {"fc.weight", "fc.bias"}
