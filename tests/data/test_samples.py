"""Photographs that ship with other packages, and the hand signs' digest over contents."""

import io
import shutil
import tarfile
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tlcourse import data
from tlcourse.data import download, samples
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[2]
HAND_SIGNS = ROOT.parent / "shared" / "data" / "sign_language_digits.tar"


# --- sample photographs --------------------------------------------------------------------------


def test_the_sample_photos_are_rgb_with_credits():
    photos = data.load_sample_photos()
    assert list(photos) == sorted(photos)
    assert {"astronaut", "cat", "coffee", "flower", "rocket", "temple"} <= set(photos)
    for name, photo in photos.items():
        assert photo.image.dtype == "uint8", name
        assert photo.image.ndim == 3, name
        assert photo.image.shape[2] == 3, name
        assert min(photo.image.shape[:2]) >= 300, name
        assert photo.licence in ("CC0", "public domain", "CC BY 2.0"), name
        assert photo.credit, name
        assert photo.source, name


def test_they_ship_with_the_installed_packages_and_nothing_is_downloaded(monkeypatch):
    import socket

    monkeypatch.setattr(socket, "socket", None)
    assert len(data.load_sample_photos()) == 9
    assert len(data.load_textures().class_names) == 3


def test_what_scikit_image_says_of_their_licences_is_what_is_said_here():
    """Of those that are called CC0 or public domain."""
    import skimage.data

    names = {
        "astronaut": "astronaut", "cat": "chelsea", "clock": "clock", "coffee": "coffee",
        "photographer": "camera", "retina": "retina", "rocket": "rocket",
    }  # fmt: skip
    textures = {name: name for name in samples._TEXTURES}
    for name, function in (names | textures).items():
        licence = (samples._PHOTOS | samples._TEXTURES)[name].licence
        assert licence.lower() in getattr(skimage.data, function).__doc__.lower(), name


@pytest.mark.parametrize("damage", ["missing", "truncated", "not installed"])
def test_a_package_without_its_photographs_is_one_sentence(tmp_path, monkeypatch, damage):
    (tmp_path / "data").mkdir()
    if damage == "truncated":
        original = Path(find_spec("skimage").origin).parent / "data" / "astronaut.png"
        (tmp_path / "data" / "astronaut.png").write_bytes(original.read_bytes()[:5000])
    elsewhere = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    found = None if damage == "not installed" else elsewhere
    monkeypatch.setattr(samples, "find_spec", lambda name: found)
    with pytest.raises(CourseError, match=r"astronaut.png .*pip install .*scikit-image") as caught:
        data.load_sample_photos()
    assert "\n" not in str(caught.value)


# --- textures ------------------------------------------------------------------------------------


def test_textures_are_split_into_halves_with_a_gap():
    textures = data.load_textures()
    assert textures.class_names == ("brick", "grass", "gravel")
    assert textures.x_train.shape == textures.x_test.shape == (120, 48, 48, 3)
    assert textures.x_train.dtype == "uint8"
    assert np.bincount(textures.y_train).tolist() == [40, 40, 40]
    assert textures.licence == "CC0"


@pytest.mark.parametrize("size", [16, 47, 48, 128])
def test_no_two_crops_share_a_pixel_and_the_gap_is_as_wide_as_a_crop(monkeypatch, size):
    columns = np.broadcast_to(np.arange(512), (512, 512))
    rows = columns.T
    image = np.stack([columns, rows, 0 * rows], axis=2)
    monkeypatch.setattr(samples, "_read", lambda file: image)
    textures = data.load_textures(size)
    one = textures.y_train == 0
    corners = {tuple(crop[0, 0, :2]) for crop in textures.x_train[one]}
    assert len(corners) == one.sum()
    assert all(column % size == row % size == 0 for column, row in corners)
    assert textures.x_test[..., 0].min() - textures.x_train[..., 0].max() > size


@pytest.mark.parametrize("size", [15, 129, 0, -48, 48.0, "48", None, True])
def test_a_size_out_of_its_range_is_told(size):
    with pytest.raises(ValueError, match=f"size must be 16 to 128 pixels, not {size!r}"):
        data.load_textures(size)


# --- hand signs ----------------------------------------------------------------------------------


def photo(colour) -> bytes:
    with io.BytesIO() as out:
        Image.new("RGB", (20, 20), colour).save(out, "PNG")
        return out.getvalue()


def archive(path, contents, mode="w:gz", prefix="Repository-master/"):
    with tarfile.open(path, mode) as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


CONTENTS = {"LICENSE": b"terms"} | {
    f"Dataset/{k}/IMG_{i}.JPG": photo((20 * k, 20 * i, 0)) for k in range(2) for i in range(5)
}


def test_the_digest_is_that_of_the_photographs_and_not_of_the_archive(tmp_path):
    digests = set()
    archive(tmp_path / "a", CONTENTS)
    archive(tmp_path / "b", dict(reversed(CONTENTS.items())), "w:xz", "")
    archive(tmp_path / "c", CONTENTS | {"LICENSE": b"other terms", "Examples/0.JPG": b""}, "w")
    digests = {download.contents_digest(tmp_path / name) for name in "abc"}
    assert len(digests) == 1
    archive(tmp_path / "d", CONTENTS | {"Dataset/0/IMG_0.JPG": photo("white")})
    archive(tmp_path / "e", CONTENTS | {"Dataset/0/new.JPG": photo("white")})
    others = {download.contents_digest(tmp_path / name) for name in "de"}
    assert len(digests | others) == 3


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_damaged_archive_has_no_digest(tmp_path, mode):
    archive(tmp_path / "a", CONTENTS, mode)
    content = (tmp_path / "a").read_bytes()
    for broken in (content[: len(content) // 2], b"<html>Log in first</html>", b""):
        (tmp_path / "a").write_bytes(broken)
        assert download.contents_digest(tmp_path / "a") != download.SOURCES["hand_signs"].files[0]
    with pytest.raises(FileNotFoundError):
        download.contents_digest(tmp_path / "missing")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where a file is looked for, alone."""
    for name in ("TLCOURSE_HOME", "KERAS_HOME", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    folder = tmp_path / "hand_signs"
    folder.mkdir()
    return folder


def test_hand_signs_that_are_not_here_are_one_sentence(home):
    with pytest.raises(data.FetchError, match=r"master\.tar\.gz.*tlcourse fetch hand_signs"):
        data.fetch_hand_signs()


def test_other_photographs_in_their_place_are_refused(home):
    archive(home / "master.tar.gz", CONTENTS)
    with pytest.raises(data.FetchError, match="damaged: its checksum.*tlcourse fetch hand_signs"):
        data.fetch_hand_signs()


@pytest.mark.parametrize("served", ["right", "other", "cut off"])
def test_what_is_downloaded_is_verified_by_its_contents(home, tmp_path, monkeypatch, served):
    """GitHub says no size, and packs in its own way."""
    archive(tmp_path / "right", CONTENTS)
    monkeypatch.setitem(download.SOURCES, "hand_signs", stand_in(tmp_path / "right"))
    archive(tmp_path / "other", CONTENTS | {"Dataset/1/IMG_0.JPG": photo("red")}, "w:xz")
    archive(tmp_path / "again", CONTENTS, "w:bz2")
    content = (tmp_path / ("other" if served == "other" else "again")).read_bytes()

    def transfer(unfinished, size, address, target, _):
        assert size is None
        Path(target).write_bytes(content[: len(content) // 2 if served == "cut off" else None])

    monkeypatch.setattr(download, "_transfer", transfer)
    if served == "right":
        signs = data.fetch_hand_signs(size=16)
        assert len(signs.x_train) + len(signs.x_test) == 10
        assert signs.class_names == ("0", "1")
        assert signs.licence == "Apache-2.0"
    else:
        with pytest.raises(data.FetchError, match=r"not master\.tar\.gz as published"):
            data.fetch_hand_signs()
        assert not [path for path in tmp_path.rglob("master*") if path.is_file()]


def stand_in(path) -> download.Source:
    from dataclasses import replace

    source = download.SOURCES["hand_signs"]
    digest = download.contents_digest(path)
    return replace(source, files=(replace(source.files[0], checksum=f"contents:{digest}"),))


@pytest.mark.skipif(
    not HAND_SIGNS.exists(), reason="needs sign_language_digits.tar beside the checkout"
)
def test_the_published_photographs_are_recognised_and_read(home):
    shutil.copyfile(HAND_SIGNS, home / "master.tar.gz")  # the same contents, packed otherwise
    signs = data.fetch_hand_signs(size=32)
    assert len(signs.x_train) + len(signs.x_test) == 2062
    assert signs.class_names == tuple("0123456789")
    assert signs.x_test.shape[1:] == (32, 32, 3)
