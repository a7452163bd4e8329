"""A `.pth` file is a pickle: whoever loads it all runs what its author wrote."""

import io
import pickle
from pathlib import Path

import pytest

from tests.pitfalls.pytorch import network, torch


def checkpoint(touch: Path) -> io.BytesIO:
    class Weights:
        def __reduce__(self):
            return (Path.touch, (touch,))

    file = io.BytesIO()
    torch.save({"conv.weight": torch.zeros(1), "epoch": Weights()}, file)
    file.seek(0)
    return file


def test_mistake_without_weights_only_the_file_runs(tmp_path):
    torch.load(checkpoint(tmp_path / "it ran"), weights_only=False)
    assert (tmp_path / "it ran").exists()


def test_mistake_a_changed_byte_is_loaded_without_a_word():
    file = io.BytesIO()
    torch.save(network().state_dict(), file)
    content = bytearray(file.getvalue())
    place = content.find(network().conv.weight.detach().numpy().tobytes())
    content[place + 3] ^= 64
    loaded = torch.load(io.BytesIO(content), weights_only=True)
    assert not torch.equal(loaded["conv.weight"], network().conv.weight)


def test_way_out_weights_only_and_a_checksum(tmp_path):
    with pytest.raises(pickle.UnpicklingError):
        torch.load(checkpoint(tmp_path / "it ran"), weights_only=True)
    assert not (tmp_path / "it ran").exists()
