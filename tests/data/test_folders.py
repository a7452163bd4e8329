"""A folder of photos with everything that goes wrong in such folders."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcourse.data import load_photo_folder
from tlcourse.data import photos as module
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("TLCOURSE_TEST_DATA", ROOT.parent / "shared" / "data"))


def photo(seed: int, size=(120, 90), mode="RGB") -> Image.Image:
    """A smooth picture that is unlike every other."""
    pixels = np.random.default_rng(seed).integers(256, size=(6, 8, 3), dtype="uint8")
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode)


def save(path: Path, image: Image.Image, file_format="JPEG", **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, file_format, **options)


@pytest.fixture
def pets(tmp_path):
    """Ten sound photos of each of two pets."""
    for k, kind in enumerate(["cat", "dog"]):
        for i in range(10):
            save(tmp_path / f"pets/{kind}/{i}.jpg", photo(100 * k + i))
    return tmp_path / "pets"


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_sound_folder_is_told_in_two_lines(pets, capsys):
    data = load_photo_folder(pets, 32)
    assert lines(capsys) == [
        "pets: 20 photos, 16 for training and 4 for testing, 32×32 pixels.",
        "2 classes: cat 10, dog 10.",
    ]
    assert (data.x_train.shape, data.x_train.dtype) == ((16, 32, 32, 3), "uint8")
    assert data.class_names == ("cat", "dog")
    assert np.bincount(data.y_train).tolist() == [8, 8]
    assert np.bincount(data.y_test).tolist() == [2, 2]


def test_images_are_scaled_and_cut_to_a_square_not_squeezed(pets):
    wide = Image.new("RGB", (400, 100), "red")
    wide.paste("blue", (150, 0, 250, 100))
    save(pets / "owl/a.png", wide, "PNG")
    save(pets / "owl/b.png", Image.new("RGB", (50, 50), "red"), "PNG")
    data = load_photo_folder(pets, 32)
    owls = [*data.x_train[data.y_train == 2], *data.x_test[data.y_test == 2]]
    red, blue = sorted(owls, key=lambda owl: owl[..., 2].mean())
    assert red[..., 2].max() == 0
    assert blue[..., 2].min() > 200


def test_the_split_depends_on_content_and_not_on_names_or_size(pets, tmp_path):
    first = load_photo_folder(pets, 32)
    for kind in ("cat", "dog"):
        for i in range(10):
            target = tmp_path / f"renamed/{kind}/sub/{9 - i}.jpeg"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((pets / f"{kind}/{i}.jpg").read_bytes())
    second = load_photo_folder(tmp_path / "renamed", 32)
    assert {x.tobytes() for x in first.x_test} == {x.tobytes() for x in second.x_test}
    assert len(load_photo_folder(pets, 16).x_test) == 4


def test_everything_that_is_wrong_is_told_and_nothing_stops_the_run(pets, capsys):
    whole = (pets / "cat/0.jpg").read_bytes()
    (pets / "cat/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (pets / "cat/empty.png").touch()
    (pets / "cat/text.jpg").write_text("not a picture")
    (pets / "cat/notes.txt").write_text("mine")
    (pets / "cat/phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (pets / "bird").mkdir()
    save(pets / "fish/only.jpg", photo(201))
    save(pets / "dog/gif.jpg", photo(202), "GIF")
    save(pets / "dog/grey.jpg", photo(203, mode="L"))
    save(pets / "dog/sixteen.png", Image.fromarray(np.full((40, 40), 40000, "uint16")), "PNG")
    save(pets / "dog/print.jpg", photo(204, mode="CMYK"))
    save(pets / "dog/large.jpg", photo(205, (3000, 2400)))
    save(pets / "dog/clear.png", Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG")
    save(pets / "dog/palette.png", photo(206).quantize(16), "PNG")
    (pets / "dog/copy of a cat.jpg").write_bytes((pets / "cat/7.jpg").read_bytes())
    data = load_photo_folder(pets, 32)
    told = lines(capsys)
    expected = [
        "3 × cannot be read, left out: cat/cut.jpg (",
        "1 × HEIC, which cannot be read here, left out; save them as JPEG: cat/phone.heic",
        "1 × not photos, left out: cat/notes.txt",
        "1 × the same picture is in two classes, kept; look which is right: cat/7.jpg = dog/copy",
        "1 × classes without a photo, left out: bird",
        "1 × classes without a photo for testing, kept: fish",
        "1 × another format than the name says, read all the same: dog/gif.jpg (GIF)",
        "1 × larger than 2,000 pixels, scaled down: dog/large.jpg (3000×2400)",
        "2 × grey, turned into colour: dog/grey.jpg, dog/sixteen.png",
        "1 × CMYK, made for print, turned into RGB: dog/print.jpg",
        "1 × partly transparent, laid on white: dog/clear.png",
    ]
    for beginning in expected:
        assert any(line.startswith(beginning) for line in told), (beginning, told)
    assert data.class_names == ("cat", "dog", "fish")
    images = np.concatenate([data.x_train, data.x_test])
    assert (images == 255).all((1, 2, 3)).sum() == 1  # the transparent one
    assert (images == 40000 >> 8).all((1, 2, 3)).sum() == 1  # the one of 16 bits


def test_what_file_managers_leave_behind_is_passed_over_in_silence(pets, capsys):
    for name in (".DS_Store", "cat/Thumbs.db", "cat/.hidden.jpg", "dog/desktop.ini"):
        (pets / name).write_bytes(b"junk")
    save(pets / "__MACOSX/cat/._1.jpg", photo(0))
    save(pets / ".ipynb_checkpoints/1.jpg", photo(0))
    load_photo_folder(pets, 32)
    assert len(lines(capsys)) == 2


def test_photos_stand_upright_as_the_camera_noted(pets):
    lying = Image.new("RGB", (60, 60), "red")
    lying.paste("blue", (0, 0, 60, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees clockwise
    for i in range(2):
        save(pets / f"owl/{i}.jpg", lying, exif=exif, quality=90 + i)
    data = load_photo_folder(pets, 32)
    owl = data.x_train[data.y_train == 2][0]
    assert owl[16, 28, 2] > 200  # blue is on the right
    assert owl[16, 4, 2] < 50


def test_copies_of_a_picture_fall_on_the_same_side(pets, capsys):
    for i in range(10):
        for extra in range(3):
            data = (pets / f"cat/{i}.jpg").read_bytes()
            (pets / f"cat/{i} ({extra}).jpg").write_bytes(data + bytes(extra))
    data = load_photo_folder(pets, 32)
    assert lines(capsys)[1:] == ["2 classes: cat 40, dog 10."]
    sides = [{x.tobytes() for x in images} for images in (data.x_train, data.x_test)]
    assert not sides[0] & sides[1]
    assert (data.y_test == 0).sum() == 8


def test_a_split_of_folders_is_kept_and_copies_leave_training(pets, tmp_path, capsys):
    for split, kinds in (("Train", "abc"), ("val", "ab"), (".git", "a")):
        for k, kind in enumerate(kinds):
            for i in range(4):
                seed = 1000 * (split == "val") + 10 * k + i
                save(tmp_path / f"given/{split}/{kind}/{i}.png", photo(seed), "PNG")
    save(tmp_path / "given/val/new/1.png", photo(77), "PNG")
    # The same picture in another file: found by its pixels.
    save(tmp_path / "given/Train/a/copy.png", photo(1000), "PNG", compress_level=1)
    data = load_photo_folder(tmp_path / "given", 32)
    assert (len(data.x_train), len(data.x_test)) == (12, 8)
    assert data.class_names == ("a", "b", "c")
    assert lines(capsys)[2:] == [
        "1 × the same picture is in the test set, left out of training: a/copy.png = a/0.png",
        "1 × classes without a photo for training, left out: new",
        "1 × classes without a photo for testing, kept: c",
    ]


def test_what_pillow_warns_of_is_not_shown(pets, monkeypatch, recwarn):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 120 * 90 - 1)
    load_photo_folder(pets, 32)
    assert list(recwarn) == []


def test_many_names_of_a_kind_are_cut_short(pets, capsys):
    for i in range(5):
        (pets / f"cat/note{i}.txt").write_text("mine")
    load_photo_folder(pets, 32)
    assert lines(capsys)[2].endswith("note0.txt, cat/note1.txt, cat/note2.txt and 2 more")


def test_a_loop_of_links_ends(pets):
    (pets / "cat/again").symlink_to(pets, target_is_directory=True)
    assert len(load_photo_folder(pets, 32).x_train) == 16


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: None, "There is no folder .*: give one that holds a sub-folder per class"),
        (lambda f: f.write_text(""), "is a file, not a folder"),
        (lambda f: f.mkdir(), "one sub-folder per class, two at least, .* there is none"),
        (lambda f: save(f / "1.jpg", photo(0)), "there is none"),
        (lambda f: save(f / "cat/1.jpg", photo(0)), "there is only 'cat'"),
        (lambda f: [save(f / f"in/{k}/1.jpg", photo(k)) for k in (0, 1)], "did you mean .*in"),
        (lambda f: [(f / k).mkdir(parents=True) for k in "ab"], "too few readable photos"),
        (lambda f: [save(f / f"{k}/1.jpg", photo(k)) for k in (0, 1)], "too few readable photos"),
    ],
)
def test_a_folder_that_is_no_data_set_is_one_sentence(tmp_path, make, words):
    make(tmp_path / "photos")
    with pytest.raises(CourseError, match=words) as raised:
        load_photo_folder(tmp_path / "photos", 32)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("size", [0, 7, 1025])
def test_a_size_out_of_range_is_one_sentence(pets, size):
    with pytest.raises(ValueError, match=f"8 to 1024 pixels, not {size}"):
        load_photo_folder(pets, size)


@pytest.mark.parametrize(
    ("file_format", "options", "limit", "value"),
    [
        ("PNG", {}, "_MEGAPIXELS", 0.5),
        ("JPEG", {"progressive": True}, "_MEGAPIXELS", 0.5),
        ("JPEG", {}, "_MEGABYTES", 0.01),
    ],
)
def test_what_would_fill_the_memory_is_left_out(
    pets, capsys, monkeypatch, file_format, options, limit, value
):
    monkeypatch.setattr(module, limit, value)
    save(pets / "cat/huge", photo(209, (900, 900)), file_format, **options)
    load_photo_folder(pets, 32)
    assert "left out; make them smaller: cat/huge" in lines(capsys)[2]


MEASURE = """
import sys
from tlcourse.data import load_photo_folder
load_photo_folder(sys.argv[1], 64)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak(folder: Path) -> float:
    """Megabytes of memory that loading a folder takes at most."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, folder], capture_output=True, text=True, check=True
    )
    return int(done.stdout.splitlines()[-1]) / 1e3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak")
def test_memory_does_not_grow_with_the_largest_photo(pets):
    before = peak(pets)
    for i in range(4):
        save(pets / f"cat/large{i}.jpg", photo(50 + i, (6000, 4000)))
    assert peak(pets) - before < 20  # at full size each is 72 MB


@pytest.mark.skipif(
    not (REAL / "sign_language_digits.tar").is_file(),
    reason="sign_language_digits.tar is not here (TLCOURSE_TEST_DATA names its folder)",
)
def test_real_photos_of_hands_load_with_a_summary(tmp_path, capsys):
    with tarfile.open(REAL / "sign_language_digits.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    data = load_photo_folder(tmp_path / "Dataset", 64)
    assert len(data.x_train) + len(data.x_test) == 2062
    assert data.class_names == tuple("0123456789")
    told = lines(capsys)
    assert told[0].startswith("Dataset: 2,062 photos, ")
    assert told[2].startswith("3 × larger than 2,000 pixels, scaled down: 7/IMG_")
    assert len(told) == 3
