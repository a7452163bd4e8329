"""ResNet18 and its loop in PyTorch, the letters' weights, and the same network in Keras."""

import json
import os
import pickle
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from filelock import FileLock

from tlcourse import data, models, pytorch
from tlcourse.backend import keras
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[1]
TORCHVISION = ROOT / "tests" / "torchvision_resnet18.json"  # of torchvision 0.29.1
torch = pytest.importorskip("torch", reason="PyTorch is not installed (`make torch`)")
nn = torch.nn


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """The same sums on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def images(n=8, seed=0, side=32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, side, side, generator=generator)


def small(seed=0):
    """A network that trains in no time, with BatchNorm."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
        )


X, Y = images(10, side=8), torch.arange(10) % 3


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# --- the network ---------------------------------------------------------------------------------


def test_names_and_shapes_are_torchvision_s_in_its_order():
    state = pytorch.resnet18().state_dict()
    wanted = json.loads(TORCHVISION.read_text("utf-8"))
    assert [*state] == [*wanted]
    assert {name: [*value.shape] for name, value in state.items()} == wanted


def test_torchvision_s_own_network_computes_the_same():
    try:
        from torchvision.models import resnet18
    except Exception:  # a torchvision that does not fit fails in many ways
        pytest.skip("torchvision is not installed, or does not fit this PyTorch")
    mine, its = pytorch.resnet18(5).eval(), resnet18(num_classes=5).eval()
    its.load_state_dict(mine.state_dict())
    assert torch.equal(mine(images()), its(images()))


def test_a_block_returns_what_it_computes_and_its_input_together():
    block = pytorch.resnet18().layer1[0].eval()
    x = images()[:, :1].expand(8, 64, 32, 32)[..., :5, :5].contiguous()
    with torch.no_grad():
        inner = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
        assert torch.equal(block(x), torch.relu(inner + x))
        block.bn2.weight.zero_()
        assert torch.equal(block(x), torch.relu(x)), "F(x) = 0 leaves the input"


def test_the_stem_leaves_an_eighth_of_a_side_and_the_last_stage_one_pixel_of_32():
    model, shapes = pytorch.resnet18(4), []
    for child in list(model.children())[3:8]:
        child.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    assert model(images()).shape == (8, 4)
    assert shapes == [(64, 8, 8), (64, 8, 8), (128, 4, 4), (256, 2, 2), (512, 1, 1)]


def test_a_seed_gives_the_same_weights_and_leaves_pytorch_s_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, again, other = (pytorch.resnet18(3, seed).state_dict() for seed in (0, 0, 1))
    assert torch.rand(1) == expected
    assert same(one, again)
    assert not same(one, other)


def test_no_class_at_all_is_refused():
    with pytest.raises(ValueError, match="classes must be a whole number of at least 1, not 0"):
        pytorch.resnet18(0)


# --- images --------------------------------------------------------------------------------------


def test_images_are_normalised_by_channel_with_the_channels_first():
    x = np.zeros((2, 4, 6, 3), "uint8")
    x[0, 1, 2] = (255, 0, 51)
    seen = pytorch.tensors(x)
    assert (seen.shape, seen.dtype) == ((2, 3, 4, 6), torch.float32)
    expected = (np.array([1, 0, 0.2]) - pytorch.MEAN) / pytorch.STD
    np.testing.assert_allclose(seen[0, :, 1, 2], expected, rtol=1e-6)
    half = pytorch.tensors(x, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert (half.min(), half.max()) == (-1, 1)


def test_pixels_are_averaged_on_the_way_down_and_keep_their_range_on_the_way_up():
    x = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype="uint8")
    plain = {"mean": (0,) * 3, "std": (1,) * 3}
    means = x.reshape(2, 4, 2, 4, 2, 3).mean((2, 4)).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(pytorch.tensors(x, 4, **plain), means, atol=1e-6)
    large = pytorch.tensors(x, 16, **plain)
    assert large.shape == (2, 3, 16, 16)
    assert 0 <= large.min() < large.max() <= 1


@pytest.mark.parametrize(
    "x", [np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), "uint8"), np.zeros((2, 3, 8, 8), "uint8")]
)
def test_images_of_another_kind_are_refused_with_what_they_are(x):
    with pytest.raises(ValueError, match=f"not {x.dtype} with the shape"):
        pytorch.tensors(x)


def test_tinted_images_have_light_ink_on_dark_ground_in_tints_of_their_own():
    x = data.make_cluttered_letters(4, 1, difficulty=0).x_train
    seen = pytorch.tinted(x)
    assert (seen.shape, seen.dtype) == ((4, 32, 32, 3), "uint8")
    grounds, inks = seen[:, 0, 0], seen.reshape(4, -1, 3).max(1)
    assert (inks > grounds).all()
    assert len(np.unique(grounds, axis=0)) == 4
    np.testing.assert_array_equal(seen, pytorch.tinted(x))
    assert (seen != pytorch.tinted(x, seed=1)).any()


# --- the loop ------------------------------------------------------------------------------------


class Line(nn.Module):
    """Logits (θ, 0) for every image: one parameter, whose gradient is known."""

    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([float(theta)]))

    def forward(self, x):
        return torch.stack([self.theta.expand(len(x)), torch.zeros(len(x))], 1)


def gradient(theta):
    """Of the cross-entropy of class 0: p − 1."""
    return 1 / (1 + np.exp(-theta)) - 1


def test_two_steps_by_hand_the_velocity_holds_gradients_and_no_rate():
    model = Line(0.3)
    pytorch.fit(model, X, torch.zeros(10), 2, rate=[0.1, 0.5], momentum=0.9)
    v = gradient(0.3)
    theta = 0.3 - 0.1 * v
    v = 0.9 * v + gradient(theta)  # Keras would keep 0.1 in the first velocity
    assert model.theta.item() == pytest.approx(theta - 0.5 * v, abs=1e-6)


def test_weight_decay_pulls_towards_zero_and_l2_sp_towards_the_start():
    λ, start = 0.2, {"theta": torch.tensor([1.0])}
    for towards, goal in ((None, 0), (start, 1), ({"theta": torch.ones(7)}, 0), ({}, 0)):
        model = Line(0.3)
        pytorch.fit(model, X, torch.zeros(10), 1, rate=0.1, weight_decay=λ, towards=towards)
        expected = 0.3 - 0.1 * (gradient(0.3) + λ * (0.3 - goal))
        assert model.theta.item() == pytest.approx(expected, abs=1e-6)


def test_weight_decay_is_that_of_pytorch_s_own_optimizer():
    mine, its = small(), small()
    pytorch.fit(mine, X, Y, 1, rate=0.1, batch_size=10, weight_decay=0.3)
    optimizer = torch.optim.SGD(its.parameters(), lr=0.1, momentum=0.9, weight_decay=0.3)
    nn.functional.cross_entropy(its(X), Y).backward()
    optimizer.step()
    for a, b in zip(mine.parameters(), its.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_l2_sp_leaves_the_weights_that_it_pulls_towards_as_they_were():
    model, start = small(), small(1).state_dict()
    before = {name: value.clone() for name, value in start.items()}
    pytorch.fit(model, X, Y, 3, weight_decay=0.1, towards=start)
    assert same(start, before)
    own = model.state_dict()
    pytorch.fit(model, X, Y, 3, weight_decay=0.1, towards=own)
    assert not same(before, own), "its own weights move"


def test_the_same_seed_trains_the_same_and_another_does_not():
    results = []
    for seed in (0, 0, 1):
        model = small()
        losses = pytorch.fit(model, X, Y, 5, batch_size=4, seed=seed)
        assert len(losses) == 5
        results.append(model.state_dict())
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_a_frozen_parameter_stays_and_is_not_decayed():
    model = small()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    pytorch.fit(model, X, Y, 3, rate=0.1, weight_decay=0.5)
    assert torch.equal(model[0].weight, before)


def test_groups_train_at_rates_of_their_own_and_what_is_not_handed_over_stays():
    model = small()
    before = [p.clone() for p in model.parameters()]
    groups = [{"params": model[4].parameters(), "lr": 0.1}, {"params": model[1].parameters()}]
    pytorch.fit(model, X, Y, 1, rate=0.0, parameters=groups)
    moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert moved == [False, False, False, False, True, True]


def test_steps_one_by_one_are_those_of_fit():
    one, other = small(), small()
    losses = pytorch.train_steps(one, X, Y, batch_size=4)
    assert [next(losses) for _ in range(4)] == pytorch.fit(other, X, Y, 4, batch_size=4)
    assert same(one.state_dict(), other.state_dict())


def test_a_single_left_over_image_is_left_out():
    pytorch.fit(small(), X[:9], Y[:9], 6, batch_size=4)


def test_nothing_to_train_and_labels_that_are_missing_are_said():
    frozen = small().requires_grad_(False)
    with pytest.raises(ValueError, match="every parameter is frozen"):
        pytorch.fit(frozen, X, Y, 1)
    with pytest.raises(ValueError, match="10 images, but 9 labels"):
        pytorch.fit(small(), X, Y[:9], 1)
    with pytest.raises(ValueError, match="at least two images, not 1"):
        pytorch.fit(small(), X[:1], Y[:1], 1)


def test_a_prediction_changes_nothing_and_leaves_each_layer_in_its_mode():
    model = small().train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    whole, parts = pytorch.logits(model, X), pytorch.logits(model, X, 3)
    torch.testing.assert_close(whole, parts)
    assert not whole.requires_grad
    assert same(before, model.state_dict())
    assert (model.training, model[0].training, model[1].training) == (True, True, False)


def test_accuracy_is_the_share_of_right_answers_for_arrays_too():
    model = small()
    guesses = pytorch.logits(model, X).argmax(1)
    wrong = torch.where(torch.arange(10) < 3, (guesses + 1) % 3, guesses)
    assert pytorch.accuracy(model, X, wrong) == pytest.approx(0.7)
    assert pytorch.accuracy(model, X, wrong.numpy()) == pytest.approx(0.7)


def test_features_are_what_the_last_layer_sees():
    model = pytorch.resnet18(4)
    seen = pytorch.features(model, images())
    assert seen.shape == (8, 512)
    torch.testing.assert_close(
        seen @ model.fc.weight.T + model.fc.bias, pytorch.logits(model, images())
    )


# --- where PyTorch is missing, or broken ----------------------------------------------------------


def test_the_module_is_imported_without_pytorch_and_without_keras():
    code = "import sys; from tlcourse import pytorch; print({'torch', 'keras'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.strip() == "set()", run.stderr


# --- the letters' weights -------------------------------------------------------------------------


QUICK = {"images": 8, "steps": 4}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A recipe that takes a second, and a cache of this test's own."""
    monkeypatch.setattr(pytorch, "RECIPE", pytorch.RECIPE | QUICK)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TLCOURSE_HOME", raising=False)
    pytorch._say_once.cache_clear()
    folder = data.download.own_cache() / "resnet18"
    assert folder.is_relative_to(tmp_path) or sys.platform != "linux"
    return folder / f"resnet18_letters-{pytorch.RECIPE['version']}.pt"


@pytest.fixture
def trainings(monkeypatch):
    """How many steps each training of the letters did."""
    begun = []

    def counted(*args):
        begun.append(0)
        for loss in train(*args):
            begun[-1] += 1
            yield loss

    train = pytorch._train
    monkeypatch.setattr(pytorch, "_train", counted)
    return begun


def test_the_letters_weights_are_trained_once_and_then_read(cache, trainings, capsys):
    first, second = (pytorch.letters_resnet18(progress=False) for _ in range(2))
    assert trainings == [4]
    assert same(first, second)
    pytorch.resnet18(26).load_state_dict(second)
    assert [p.name for p in cache.parent.iterdir() if p.suffix != ".lock"] == [cache.name]
    assert capsys.readouterr().out == ""


class Interrupted(BaseException):
    """As Ctrl-C."""


def test_an_interrupted_training_goes_on_and_ends_as_one_that_was_not(
    cache, trainings, monkeypatch
):
    whole = pytorch.letters_resnet18(progress=False)
    cache.unlink()
    monkeypatch.setattr(pytorch, "_EVERY", -1.0)  # after each step
    train = pytorch._train

    def interrupted(*args):
        for step, loss in enumerate(train(*args)):
            if step == 3:
                raise Interrupted
            yield loss

    with monkeypatch.context() as patch:
        patch.setattr(pytorch, "_train", interrupted)
        with pytest.raises(Interrupted):
            pytorch.letters_resnet18(progress=False)
    assert not cache.exists()
    resumed = pytorch.letters_resnet18(progress=False)
    assert trainings[-1] == 1
    assert same(whole, resumed)
    assert not cache.with_suffix(".unfinished").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What a whole file holds."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytorch, "RECIPE", pytorch.RECIPE | QUICK)
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("HOME", str(folder))
        patch.delenv("TLCOURSE_HOME", raising=False)
        pytorch.letters_resnet18(progress=False)
        return next(data.download.own_cache().rglob("*.pt")).read_bytes()


def broken_files():
    buffer = BytesIO()
    torch.save({"recipe": "{}", "weights": {}}, buffer)
    return {
        "empty": b"",
        "another format": b"not a file of PyTorch's",
        "another recipe": buffer.getvalue(),
        "half": None,
        "one byte changed": None,
        "other shapes": None,
        "not finite": None,
    }


@pytest.mark.parametrize("kind", broken_files())
def test_a_file_that_is_broken_or_foreign_is_made_again_with_a_sentence(
    cache, trainings, trained, capsys, kind
):
    content, bad = trained, broken_files()[kind]
    cache.parent.mkdir(parents=True)
    cache.write_bytes(content)
    good = pytorch.letters_resnet18(progress=False)
    assert trainings == []
    if kind == "half":
        bad = content[: len(content) // 2]
    elif kind == "one byte changed":
        middle = len(content) // 2
        bad = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    elif bad is None:
        weights = dict(good)
        name = "layer3.0.conv1.weight"
        weights[name] = weights[name][1:] if kind == "other shapes" else weights[name] * np.nan
        pytorch._keep(cache, {"recipe": json.dumps(pytorch.RECIPE), "weights": weights})
    if bad is not None:
        cache.write_bytes(bad)
    assert same(pytorch.letters_resnet18(progress=False), good)
    said = capsys.readouterr().out.splitlines()
    assert {line for line in said if "trained again" in line} == set(said)
    assert said
    assert str(cache) in said[0]
    assert trainings == [4]
    assert same(pytorch.letters_resnet18(progress=False), good), "and it is whole again"
    assert len(trainings) == 1


class Runs:
    """What makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_file_that_would_run_code_does_not(cache, tmp_path, capsys):
    cache.parent.mkdir(parents=True)
    pytorch._keep(
        cache, {"recipe": json.dumps(pytorch.RECIPE), "weights": Runs(tmp_path / "it ran")}
    )
    pytorch.letters_resnet18(progress=False)
    assert not (tmp_path / "it ran").exists()
    assert "trained again" in capsys.readouterr().out


def test_a_cache_that_cannot_be_written_costs_a_sentence_and_no_weights(cache, capsys):
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("a file where the folder would be")
    first, second = (pytorch.letters_resnet18(progress=False) for _ in range(2))
    assert same(first, second)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert "cannot be kept" in said[0]


def test_a_shared_read_only_folder_is_read(cache, trainings, tmp_path, monkeypatch):
    pytorch.letters_resnet18(progress=False)
    shared = tmp_path / "shared/resnet18" / cache.name
    shared.parent.mkdir(parents=True)
    cache.rename(shared)
    shared.parent.chmod(0o500)
    monkeypatch.setenv("TLCOURSE_HOME", str(tmp_path / "shared"))
    try:
        pytorch.letters_resnet18(progress=False)
    finally:
        shared.parent.chmod(0o700)
    assert trainings == [4]
    assert not cache.exists()


def test_ctrl_c_leaves_what_was_done_and_the_next_run_goes_on(cache, tmp_path, interruptible):
    code = (
        "from tlcourse import pytorch\n"
        "pytorch.RECIPE |= {'images': 8, 'steps': int(1e6)}\n"
        "pytorch._EVERY = -1.0\n"
        "pytorch.letters_resnet18(progress=False)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
    unfinished = cache.with_suffix(".unfinished")
    while not unfinished.exists() and run.poll() is None:
        sleep(0.1)
    run.send_signal(signal.SIGINT)
    run.communicate()
    assert run.returncode in (-signal.SIGINT, 1, 130)
    assert torch.load(unfinished, weights_only=True)["done"] > 0
    assert not [*cache.parent.glob("*.partial")]
    assert os.path.getsize(unfinished) > 80e6


def test_another_process_that_trains_the_same_is_waited_for(cache, trainings, monkeypatch):
    monkeypatch.setattr(pytorch, "_TIMEOUT", 0.1)
    cache.parent.mkdir(parents=True)
    with FileLock(cache.with_suffix(".lock")), pytest.raises(CourseError, match="still training"):
        pytorch.letters_resnet18(progress=False)
    assert trainings == []
    pytorch.letters_resnet18(progress=False)


def test_the_rate_rises_over_a_tenth_and_falls_to_zero():
    rates = pytorch.rates_of({"steps": 1000, "rate": 0.5})
    assert rates.argmax() in (99, 100)
    assert rates.max() == pytest.approx(0.5, rel=0.01)
    assert rates[-1] < 1e-5 * 0.5 * 10
    assert (np.diff(rates[:99]) > 0).all()
    assert (np.diff(rates[101:]) < 0).all()


def test_the_published_weights_fit_and_are_read_without_running_code(monkeypatch, tmp_path):
    file = tmp_path / "resnet18-f37072fd.pth"
    torch.save(pytorch.resnet18().state_dict(), file)
    monkeypatch.setattr(data.download, "fetch", lambda name: [file] if name == "resnet18" else [])
    pytorch.resnet18().load_state_dict(pytorch.imagenet_resnet18())
    torch.save({"fc.bias": Runs(tmp_path / "it ran")}, file)
    with pytest.raises(pickle.UnpicklingError):
        pytorch.imagenet_resnet18()
    assert not (tmp_path / "it ran").exists()


# --- the same network in Keras --------------------------------------------------------------------


def trained_statistics(model, seed=0):
    """Give BatchNorm statistics, scales and shifts that matter."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            size = module.weight.shape
            with torch.no_grad():
                module.weight.copy_(0.5 + torch.rand(size, generator=generator) / 2)
                module.bias.copy_(torch.randn(size, generator=generator) / 4)
                module.running_mean.copy_(torch.randn(size, generator=generator) / 4)
                module.running_var.copy_(0.5 + torch.rand(size, generator=generator))
    return model


@pytest.mark.parametrize("side", [32, 33, 64])
def test_keras_and_pytorch_agree_on_the_same_weights(side):
    model = trained_statistics(pytorch.resnet18(7))
    x = images(4, side=side)
    expected = pytorch.logits(model, x).numpy()
    twin = pytorch.to_keras(model.state_dict())
    found = keras.ops.convert_to_numpy(twin(x.numpy().transpose(0, 2, 3, 1), training=False))
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


def test_both_move_the_running_statistics_by_a_tenth():
    model = trained_statistics(pytorch.resnet18(7))
    twin, x = pytorch.to_keras(model.state_dict()), images(16)
    twin(x.numpy().transpose(0, 2, 3, 1), training=True)
    with torch.no_grad():
        model.train()(x)
    mean = keras.ops.convert_to_numpy(twin.get_layer("bn1").moving_mean)
    np.testing.assert_allclose(mean, model.bn1.running_mean, atol=1e-4)


def bottleneck(first: int, second: int) -> nn.Module:
    """Up to the sum: 1×1, 3×3, 1×1, of which one has the stride."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(8, 4, 1, first, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 4, 3, second, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 16, 1, bias=False), nn.BatchNorm2d(16),
        )  # fmt: skip


def test_resnet50_v1_and_v1_5_take_the_same_weights_and_compute_something_else():
    v1, v1_5 = (trained_statistics(bottleneck(*s)).eval() for s in ((2, 1), (1, 2)))
    v1_5.load_state_dict(v1.state_dict())  # without a word
    x = torch.relu(images(4, side=8)[:, :1].expand(4, 8, 8, 8)) + 0.1
    with torch.no_grad():
        a, b = v1(x), v1_5(x)
    assert a.shape == b.shape
    assert (a - b).abs().mean() > 0.1 * b.std(0).mean()
    network = models.resnet50(None)
    strides = [network.get_layer(f"conv3_block1_{i}_conv").strides for i in (1, 2)]
    assert strides == [(2, 2), (1, 1)], "Keras has version 1; torchvision has 1.5"


# --- what people hand over by mistake --------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": X.permute(0, 2, 3, 1)}, r"not \(10, 8, 8, 3\): give x.permute\(0, 3, 1, 2\)"),
        ({"x": X[:, :1]}, r"\(n, 3, height, width\), not \(10, 1, 8, 8\)"),
        ({"x": X[0], "y": Y[:3]}, r"give x\[None\] for one image"),
        ({"x": X.numpy()}, "float tensor, not float32: pytorch.tensors"),
        ({"x": X.to(torch.uint8)}, "float tensor, not torch.uint8: pytorch.tensors"),
        ({"x": X.double()}, "float64, but the weights are torch.float32"),
        ({"x": X * float("nan")}, "x holds NaN"),
        ({"y": Y + 1}, "goes from 1 to 3, but the 3 classes are 0 to 2: subtract 1"),
        ({"y": Y * 0 - 100}, "goes from -100 to -100"),
        ({"y": Y + 0.5}, "holds 0.5, which is no class"),
        ({"y": ["a", "b"] * 5}, "holds text, such as 'a'"),
        ({"y": torch.arange(12) % 3}, "10 images, but 12 labels"),
        ({"steps": None}, "steps must be a whole number of at least 0, not None"),
        ({"steps": -1}, "steps .* not -1"),
        ({"batch_size": 0}, "batch_size .* at least 1, not 0"),
        ({"batch_size": -3}, "batch_size .* not -3"),
        ({"rate": float("nan")}, "rate must be a number of at least 0, not nan"),
        ({"rate": [0.1]}, "rate holds 1 rates, which are too few for 2 steps"),
        ({"momentum": 1.5}, "momentum must be a number from 0 to 1, not 1.5"),
        ({"weight_decay": -0.1}, "weight_decay .* not -0.1"),
        ({"towards": small()}, "towards must be a state_dict"),
        ({"model": nn.Sequential(nn.Conv2d(3, 3, 3))}, "does it lack a head"),
        ({"model": None}, "model must be a network of PyTorch, .* not None"),
    ],
)
def test_training_on_what_does_not_fit_is_a_sentence_that_names_it(given, message):
    given = {"model": small(), "x": X, "y": Y, "steps": 2} | given
    with pytest.raises(ValueError, match=message):
        pytorch.fit(**given)


def test_labels_in_any_usual_form_train_and_score_the_same():
    forms = [Y, Y.numpy(), Y.tolist(), Y.float(), Y[:, None], torch.eye(3)[Y]]
    losses = [pytorch.fit(small(), X, y, 2) for y in forms]
    assert all(each == losses[0] for each in losses)
    shares = [pytorch.accuracy(small(), X, y) for y in forms]
    assert all(each == shares[0] for each in shares)


@pytest.mark.parametrize("y", [Y[:1], Y[:7], Y + 1, Y * float("nan"), ["a"] * 10])
def test_accuracy_refuses_labels_that_cannot_be_those_of_the_images(y):
    with pytest.raises(ValueError, match="labels|subtract 1|no class|text"):
        pytorch.accuracy(small(), X, y)


def test_a_network_of_which_all_that_is_handed_over_is_frozen_is_said():
    model = small().requires_grad_(False)
    with pytest.raises(ValueError, match="nothing to train"):
        pytorch.fit(model, X, Y, 2, parameters=model.parameters())


@pytest.mark.parametrize("classes", [2.5, "3", None, True])
def test_a_number_of_classes_that_is_not_whole_is_refused(classes):
    with pytest.raises(ValueError, match="classes must be a whole number"):
        pytorch.resnet18(classes)


@pytest.mark.parametrize(
    "given",
    [{"side": 0}, {"side": (4, 4)}, {"side": "8"}, {"mean": 0.5}, {"std": (0, 1, 1)}],
)
def test_sides_means_and_deviations_that_make_no_sense_are_named(given):
    with pytest.raises(ValueError, match=f"{next(iter(given))} must be"):
        pytorch.tensors(np.zeros((2, 8, 8, 3), "uint8"), **given)


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 28, 28, 3), (28, 28)])
def test_only_grey_images_are_tinted(shape):
    with pytest.raises(ValueError, match="grey images"):
        pytorch.tinted(np.zeros(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {}, "'bn1.bias' is missing"),
        (lambda w: {f"module.{k}": v for k, v in w.items()}, 'begin with "module."'),
        (lambda w: {k: v for k, v in w.items() if "layer3" not in k}, "'layer3.* is missing"),
        (lambda w: w | {"extra": torch.zeros(1)}, "'extra' is not one of it"),
        (lambda w: w | {"fc.weight": torch.zeros(3, 9)}, r"'fc.weight' has the shape \(3, 9\)"),
        (lambda w: w | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, "'conv1.weight' has the shape"),
        (lambda w: pytorch.resnet18(3), "weights must be a state_dict"),
    ],
)
def test_weights_of_another_network_are_named_on_the_way_to_keras(change, message):
    with pytest.raises(ValueError, match=message):
        pytorch.to_keras(change(pytorch.resnet18(3).state_dict()))


@pytest.mark.parametrize("side", [0, "8", 32.0])
def test_a_side_that_is_no_size_is_refused_on_the_way_to_keras(side):
    with pytest.raises(ValueError, match="side must be a whole number"):
        pytorch.to_keras(pytorch.resnet18(3).state_dict(), side)


@pytest.mark.parametrize("state", [{"done": "2", "optimizer": {}}, {"done": 2, "optimizer": {}}])
def test_an_unfinished_training_of_somebody_else_begins_again(state, tmp_path):
    path = tmp_path / "some.unfinished"
    model = pytorch.resnet18(26)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recipe = json.dumps(pytorch.RECIPE)
    pytorch._keep(path, {"recipe": recipe, "weights": model.state_dict()} | state)
    assert pytorch._resume(path, model, optimizer) == 0
