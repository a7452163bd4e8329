"""Photos that are unlike each other, and small stand-ins for the public files."""

import hashlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcourse.data import download
from tlcourse.data.download import File, Source


def photo(seed: int, size=(120, 90), mode="RGB") -> Image.Image:
    """A smooth picture that is unlike every other."""
    pixels = np.random.default_rng(seed).integers(256, size=(6, 8, 3), dtype="uint8")
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode)


def save(path: Path, image: Image.Image, file_format="JPEG", **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, file_format, **options)


def npz(n=1000) -> bytes:
    """A small MNIST."""
    rng = np.random.default_rng(0)
    with io.BytesIO() as out:
        np.savez(
            out,
            x_train=rng.integers(256, size=(n, 28, 28), dtype="uint8"),
            y_train=np.arange(n, dtype="uint8") % 10,
            x_test=rng.integers(256, size=(20, 28, 28), dtype="uint8"),
            y_test=np.arange(20, dtype="uint8") % 10,
        )
        return out.getvalue()


PAYLOAD = npz()  # 0.8 MB


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Caches of this test's own, all of them empty."""
    monkeypatch.setenv("TLCOURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user/cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # else there are progress bars
    return tmp_path


@pytest.fixture
def sources(monkeypatch, places):
    """Replace a source by small files; what stands in `SOURCES` otherwise cannot be downloaded."""
    addressless = {
        name: Source(
            source.title,
            source.licence,
            tuple(File(f"http://127.0.0.1:9/{f.name}", f.size, f.checksum, f.in_keras)
                  for f in source.files),
        )
        for name, source in download.SOURCES.items()
    }  # fmt: skip
    monkeypatch.setattr(download, "SOURCES", addressless)

    def replace(name: str, contents: dict[str, bytes], base="http://127.0.0.1:9/x") -> None:
        files = tuple(
            File(f"{base}/{n}", len(c), f"sha256:{hashlib.sha256(c).hexdigest()}", f"datasets/{n}")
            for n, c in contents.items()
        )
        addressless[name] = Source("a small stand-in", "CC0", files)

    return replace


@pytest.fixture
def put(sources, places):
    """Have a small source, and its files in the cache."""

    def put(name: str, contents: dict[str, bytes]) -> None:
        sources(name, contents)
        for file, content in contents.items():
            path = places / "home" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return put
