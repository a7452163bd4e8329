"""The public data sets and the larger scale, on small stand-ins for the files."""

import gzip
import io
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from tests.data.conftest import PAYLOAD
from tlcourse import pytorch
from tlcourse.data import download, public
from tlcourse.data.download import FetchError
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("TLCOURSE_TEST_DATA", ROOT.parent / "shared" / "data"))


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes())


@pytest.fixture
def fashion(put):
    rng = np.random.default_rng(1)
    images = [rng.integers(256, size=(n, 28, 28), dtype="uint8") for n in (50, 30)]
    labels = [np.arange(n, dtype="uint8") % 10 for n in (50, 30)]
    names = [file.name for file in download.SOURCES["fashion_mnist"].files]
    arrays = [images[0], labels[0], images[1], labels[1]]
    return lambda: put("fashion_mnist", dict(zip(names, map(idx, arrays), strict=True)))


def archive(contents: dict[str, bytes]) -> bytes:
    with io.BytesIO() as out:
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return out.getvalue()


def test_cifar10_comes_as_colour_images_with_names(put):
    batches = {}
    for i, name in enumerate([f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]):
        planes = np.repeat([10 * i, 100, 200], 1024).astype("uint8")  # red, green and blue
        batches[name] = {"data": np.stack([planes] * 4), "labels": [i, 1, 2, 9]}
    batches["batches.meta"] = {"label_names": list("abcdefghij")}
    contents = {f"cifar-10-batches-py/{n}": pickle.dumps(b) for n, b in batches.items()}
    put("cifar10", {"cifar.tar.gz": archive(contents)})
    data = public.fetch_cifar10()
    assert (data.x_train.shape, data.x_train.dtype) == ((20, 32, 32, 3), "uint8")
    assert data.x_train[4, 5, 6].tolist() == [10, 100, 200]
    assert data.x_test[0, 0, 0].tolist() == [50, 100, 200]
    assert data.y_test.tolist() == [5, 1, 2, 9]
    assert data.class_names == tuple("abcdefghij")


def test_flowers_are_split_and_brought_to_one_size(put):
    contents = {"flower_photos/LICENSE.txt": b"thanks"}
    for k, kind in enumerate(["daisy", "roses"]):
        for i in range(10):
            with io.BytesIO() as out:
                Image.new("RGB", (120 + i, 80), (100 * k, 10 * i, 0)).save(out, "JPEG")
                contents[f"flower_photos/{kind}/{i}.jpg"] = out.getvalue()
    put("flowers", {"flowers.tgz": archive(contents)})
    data = public.fetch_flowers(size=32)
    assert (data.x_train.shape, data.x_test.shape) == ((16, 32, 32, 3), (4, 32, 32, 3))
    assert data.class_names == ("daisy", "roses")
    assert (data.x_train[data.y_train == 1, ..., 0] > 80).all()
    assert data.licence == "CC0"


@pytest.mark.parametrize("fetch", [public.fetch_flowers, public.fetch_hand_signs])
@pytest.mark.parametrize("size", [5000, "96"])
def test_a_wrong_size_is_told_before_anything_is_downloaded(fetch, size, monkeypatch):
    monkeypatch.setattr(public.download, "fetch", lambda name: pytest.fail("downloaded"))
    with pytest.raises(ValueError, match="size must be 8 to 1024 pixels"):
        fetch(size)


real = pytest.mark.skipif(
    not (REAL / "fashion_mnist").is_dir(),
    reason="Fashion-MNIST's files are not here (TLCOURSE_TEST_DATA names their folder's parent)",
)


@real
def test_fashion_mnist_as_published_is_read_without_a_network(places, monkeypatch):
    monkeypatch.setenv("TLCOURSE_HOME", str(REAL))
    monkeypatch.setattr(requests, "get", None)
    data = public.fetch_fashion_mnist()
    assert (data.x_train.shape, data.x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert (np.bincount(data.y_train) == 6000).all()
    assert data.class_names[data.y_train[0]] == "Ankle boot"
    assert (data.x_train.dtype, data.x_train.max()) == ("float32", 1)


@real
def test_fashion_mnist_with_one_byte_changed_is_refused(places):
    (places / "home/fashion_mnist").mkdir(parents=True)
    for file in (REAL / "fashion_mnist").glob("*.gz"):
        shutil.copyfile(file, places / "home/fashion_mnist" / file.name)
    with (places / "home/fashion_mnist/train-images-idx3-ubyte.gz").open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)[0]
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(FetchError, match="train-images-idx3-ubyte.gz is damaged"):
        public.fetch_fashion_mnist()


def test_the_checksums_are_those_of_the_installed_keras():
    keras = Path(find_spec("keras").origin).parent
    for name, module in [
        ("mnist", "datasets/mnist.py"),
        ("cifar10", "datasets/cifar10.py"),
        ("resnet50", "applications/resnet.py"),
    ]:
        (file,) = download.SOURCES[name].files
        text = (keras / "src" / module).read_text()
        assert f'"{file.checksum.partition(":")[2]}"' in text


# --- the larger scale ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "scale"), [(None, "quick"), ("", "quick"), ("quick", "quick"), ("full", "full")]
)
def test_scale_is_quick_unless_full_is_wanted(monkeypatch, wanted, scale):
    monkeypatch.delenv("TLCOURSE_SCALE", raising=False)
    if wanted is not None:
        monkeypatch.setenv("TLCOURSE_SCALE", wanted)
    assert public.scale() == scale


def test_another_scale_is_one_sentence(monkeypatch):
    monkeypatch.setenv("TLCOURSE_SCALE", "huge")
    with pytest.raises(CourseError, match="quick or full, not 'huge'"):
        public.scale()


def test_the_pair_is_mnist_to_fashion_mnist_if_both_are_here(put, fashion):
    fashion()
    put("mnist", {"mnist.npz": PAYLOAD})
    source, target = public.transfer_pair()
    assert (len(source.x_train), source.class_names[3]) == (1000, "3")
    assert (len(target.x_train), target.class_names[3]) == (50, "Dress")
    assert source.x_train.shape[1:] == target.x_train.shape[1:] == (28, 28, 1)


@pytest.mark.parametrize("alone", ["mnist", "fashion_mnist"])
def test_one_that_is_alone_becomes_two_tasks_of_five_classes(put, fashion, alone):
    if alone == "mnist":
        put("mnist", {"mnist.npz": PAYLOAD})
        whole = public.fetch_mnist()
    else:
        fashion()
        whole = public.fetch_fashion_mnist()
    pair = public.transfer_pair()
    assert pair[0].class_names + pair[1].class_names == whole.class_names
    for k, part in enumerate(pair):
        assert part.x_train.dtype == "float32"
        assert set(part.y_train) == set(part.y_test) == {0, 1, 2, 3, 4}
        chosen = whole.y_train // 5 == k
        assert (part.x_train == whole.x_train[chosen]).all()
        assert (part.y_train == whole.y_train[chosen] % 5).all()


def test_without_either_one_sentence_says_what_to_fetch(sources):
    with pytest.raises(FetchError, match="Neither.*`tlcourse fetch mnist fashion_mnist`"):
        public.transfer_pair()


def test_importing_the_data_sets_is_light():
    heavy = "{'pooch', 'requests', 'tqdm', 'filelock', 'platformdirs', 'PIL.Image', 'keras'}"
    code = f"import sys, tlcourse.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_resnet18_s_checksum_begins_with_the_digits_in_its_name():
    (file,) = download.SOURCES["resnet18"].files
    digits = file.name.removesuffix(".pth").partition("-")[2]
    assert len(digits) == 8
    assert file.checksum.startswith(f"sha256:{digits}")


def test_resnet18_is_read_from_what_was_fetched_and_a_damaged_file_is_refused(put, places):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (`make torch`)")
    weights = pytorch.resnet18(10).state_dict()
    with io.BytesIO() as out:
        torch.save(weights, out)
        put("resnet18", {"resnet18.pth": out.getvalue()})
    found = pytorch.imagenet_resnet18()
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    with (places / "home/resnet18/resnet18.pth").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"x")
    with pytest.raises(FetchError, match="tlcourse fetch resnet18"):
        pytorch.imagenet_resnet18()
