"""A folder of photos with everything that goes wrong in such folders."""

import io
import os
import subprocess
import sys
import tarfile
import unicodedata
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.data.conftest import photo, save
from tlcourse.data import few_labels, load_photo, load_photo_folder
from tlcourse.data import photos as module
from tlcourse.data.remarks import LEFT_OUT
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("TLCOURSE_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def pets(tmp_path):
    """Ten sound photos of each of two pets."""
    for k, kind in enumerate(["cat", "dog"]):
        for i in range(10):
            save(tmp_path / f"pets/{kind}/{i}.jpg", photo(100 * k + i))
    return tmp_path / "pets"


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_sound_folder_is_summed_up_in_two_lines(pets, capsys):
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


def read(data) -> int:
    """The number of images."""
    return sum(len(x) for x in (data.x_train, data.x_validation, data.x_test) if x is not None)


def left_out(printed: list[str]) -> int:
    """The number of files that the lines about left-out files add up to; the total must agree."""
    total = next((int(line.split()[0]) for line in printed if "left out:" in line), 0)
    parts = [line.strip().split(" × ") for line in printed if " × " in line]
    counted = sum(int(n) for n, text in parts if text.startswith(tuple(LEFT_OUT.values())))
    assert counted == total
    return counted


def files_in(folder: Path) -> int:
    """The number of files below a folder, links to folders not followed."""
    return sum(len(names) for _, _, names in os.walk(folder))


def test_everything_that_is_wrong_is_said_and_nothing_stops_the_run(pets, capsys):
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
    printed = lines(capsys)
    expected = [
        "5 of 34 files are left out:",
        "  3 × cannot be read: cat/cut.jpg (",
        "  1 × HEIC, which cannot be read here; save them as JPEG: cat/phone.heic",
        "  1 × not photos: cat/notes.txt",
        "  1 × the same picture in two classes; look which is right: cat/7.jpg = dog/copy",
        "  1 × class folders without a photo, which make no class: bird",
        "  1 × classes without a photo for testing: fish",
        "  1 × another format than the name says: dog/gif.jpg (GIF)",
        "  1 × larger than 2,000 pixels, scaled down: dog/large.jpg (3000×2400)",
        "  2 × grey, turned into colour: dog/grey.jpg, dog/sixteen.png",
        "  1 × numbers other than 0 to 255, scaled from the range in brackets: dog/sixteen.png (0 ",
        "  1 × CMYK, made for print, turned into RGB: dog/print.jpg",
        "  1 × partly transparent, laid on white: dog/clear.png",
    ]
    for beginning in expected:
        assert any(line.startswith(beginning) for line in printed), (beginning, printed)
    assert read(data) + left_out(printed) == files_in(pets)
    assert data.class_names == ("cat", "dog", "fish")
    images = np.concatenate([data.x_train, data.x_test])
    assert (images == 255).all((1, 2, 3)).sum() == 1  # the transparent one
    assert (images == 156).all((1, 2, 3)).sum() == 1  # the one of 16 bits: 40,000 · 255 / 65,535


SYSTEMS = [
    # macOS, Windows, network storage, Jupyter, file systems, office programs
    ".DS_Store", "cat/._1.jpg", "__MACOSX/cat/1.jpg", ".Trashes/501/1.jpg", ".AppleDouble/1.jpg",
    "dog/Icon\r", "cat/Thumbs.db", "dog/desktop.ini", "$RECYCLE.BIN/S-1/1.jpg",
    "System Volume Information/1.jpg", "@eaDir/1.jpg", "cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg",
    "#recycle/1.jpg", "@Recycle/1.jpg", "~snapshot/1.jpg", ".ipynb_checkpoints/1.jpg",
    "lost+found/1.jpg", "found.000/1.jpg", "dog/~$letter.docx", "cat/.hidden.jpg",
]  # fmt: skip


def test_what_systems_leave_behind_is_named_and_left_out(pets, capsys):
    for i, name in enumerate(SYSTEMS):
        save(pets / name, photo(300 + i))
    data = load_photo_folder(pets, 32)
    printed = lines(capsys)
    assert printed[1] == "2 classes: cat 10, dog 10."
    assert len(printed) == 4
    assert printed[2] == f"{len(SYSTEMS)} of {20 + len(SYSTEMS)} files are left out:"
    assert printed[3].startswith(f"  {len(SYSTEMS)} × hidden, or made by a computer and not by you")
    assert "@eaDir/" in printed[3]
    assert read(data) + left_out(printed) == files_in(pets)


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
        "The folders make the split: Train/ for training and val/ for testing.",
        "6 of 26 files are left out:",
        "  4 × hidden, or made by a computer and not by you: .git/",
        "  1 × the same picture is in the test set, so it may not train or validate: "
        "Train/a/copy.png = val/a/0.png",
        "  1 × of a class without a photo for training: val/new/1.png",
        "Worth a look:",
        "  1 × classes without a photo for testing: c",
    ]


def test_what_pillow_warns_of_is_not_shown(pets, monkeypatch, recwarn):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 120 * 90 - 1)
    load_photo_folder(pets, 32)
    assert list(recwarn) == []


def test_many_names_of_a_kind_are_cut_short(pets, capsys):
    for i in range(5):
        (pets / f"cat/note{i}.txt").write_text("mine")
    load_photo_folder(pets, 32)
    assert lines(capsys)[3].endswith("note0.txt, cat/note1.txt, cat/note2.txt and 2 more")


def test_a_loop_of_links_ends_and_is_said(pets, capsys):
    (pets / "cat/again").symlink_to(pets, target_is_directory=True)
    assert len(load_photo_folder(pets, 32).x_train) == 16
    assert lines(capsys)[3].endswith("in a circle, or to a folder that is read already: cat/again")


# --- the structure of a folder ---------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Make a folder of photos: names of sub-folders, and how many photos are in each."""

    def make(counts: dict[str, int]) -> Path:
        for name, n in counts.items():
            (tmp_path / "mine" / name).mkdir(parents=True, exist_ok=True)
            for i in range(n):
                save(tmp_path / "mine" / name / f"{i}.png", photo(next(seeds), (60, 45)), "PNG")
        return tmp_path / "mine"

    seeds = count(1000)
    return make


def in_both(train: str, test: str, classes=("cat", "dog")) -> dict[str, int]:
    """A split: ten photos of each class to train with and four to test."""
    return {f"{train}/{c}": 10 for c in classes} | {f"{test}/{c}": 4 for c in classes}


CLASSES_AND_SPLIT = [
    ("Training", "Test"), ("Training", "Testing"), ("training_set", "test_set"),
    ("train", "valid"), ("train", "val"), ("train2017", "val2017"), ("TrainSet", "EvalSet"),
    ("my-train", "my-dev"), ("Entrenamiento", "Prueba"), ("训练集", "测试集"), ("z", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("train", "test"), CLASSES_AND_SPLIT)
def test_a_split_is_known_by_its_structure_and_said(folder, capsys, train, test):
    data = load_photo_folder(folder(in_both(train, test) | {"models": 0}), 32)
    assert data.class_names == ("cat", "dog")
    assert (len(data.x_train), len(data.x_test), data.x_validation) == (20, 8, None)
    assert {name.split("/")[0] for name in data.files_train} == {train}
    printed = lines(capsys)[2]
    assert printed.startswith(
        f"The folders make the split: {train}/ for training and {test}/ for testing."
    )
    assert ("If they are the classes instead" in printed) == (train in ("Entrenamiento", "z"))


def test_a_folder_that_merely_wraps_a_part_is_looked_through(folder, capsys):
    where = folder(in_both("seg_train/seg_train", "seg_test/seg_test") | {"seg_pred/seg_pred": 3})
    (where / "seg_train/notes.txt").touch()
    data = load_photo_folder(where, 32)
    assert (len(data.x_train), len(data.x_test)) == (20, 8)
    printed = lines(capsys)
    assert printed[2] == (
        "The folders make the split: seg_train/ for training and seg_test/ for testing."
    )
    assert left_out(printed) == 4


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "Validation", "Testing"), ("b", "c", "d")]
)
def test_a_split_may_have_three_parts(folder, capsys, names):
    train, validation, test = names
    where = folder(in_both(train, test) | {f"{validation}/{c}": 3 for c in ("cat", "dog")})
    data = load_photo_folder(where, 32)
    assert (len(data.x_train), len(data.x_validation), len(data.x_test)) == (20, 6, 8)
    assert data.y_validation.tolist() == [0, 0, 0, 1, 1, 1]
    assert repr(data).startswith("Dataset(20 training, 6 validation and 8 test images")
    printed = lines(capsys)
    assert printed[0] == (
        "mine: 34 photos, 20 for training, 6 for validation and 8 for testing, 32×32 pixels."
    )
    assert f"{validation}/ for validation and {test}/ for testing" in printed[2]
    assert read(data) == files_in(where)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"test1": 6}, "6 × outside of the split: test1/"),
        ({"train_masks/cat": 2, "train_masks/dog": 2}, "4 × outside of the split: train_masks/"),
        ({"samples": 3}, "3 × outside of the split: samples/"),
        ({"train": 1, "test": 1}, "2 × beside the class folders, so of no class: train/0.png, te"),
        ({"": 2}, "2 × beside the class folders, so of no class: 0.png, 1.png"),
        ({"test/eel": 2}, "2 × of a class without a photo for training: test/eel/0.png, test/e"),
    ],
)
def test_what_a_split_has_no_place_for_is_counted(folder, capsys, more, words):
    where = folder(in_both("train", "test") | more)
    data = load_photo_folder(where, 32)
    printed = lines(capsys)
    assert any(words in line for line in printed), printed
    assert read(data) == 28
    assert read(data) + left_out(printed) == files_in(where)


def test_a_part_without_classes_leaves_the_other_to_be_split(folder, capsys):
    data = load_photo_folder(folder({"train/cat": 10, "train/dog": 10, "test1": 6}), 32)
    assert (len(data.x_train), len(data.x_test)) == (16, 4)
    assert lines(capsys)[2:] == [
        "The classes are those of train/.",
        "6 of 26 files are left out:",
        "  6 × outside of the split: test1/",
    ]


def test_a_split_within_each_class_is_known_too(folder, capsys):
    data = load_photo_folder(folder(in_both("cat", "dog", ("train", "test"))), 32)
    assert data.class_names == ("cat", "dog")
    assert {name.split("/")[1] for name in data.files_test} == {"test"}
    assert lines(capsys)[2].startswith("Each class folder holds the split: train/ for training")


@pytest.mark.parametrize(
    ("counts", "classes"),
    [
        ({"bus": 5, "plane": 5, "train": 5}, ("bus", "plane", "train")),
        ({"bus/red": 5, "bus/blue": 5, "train/ice": 5, "train/steam": 5}, ("bus", "train")),
        ({"cat/monday": 5, "cat/friday": 5, "dog": 5}, ("cat", "dog")),
        ({"cat/images": 5, "dog/images": 5}, ("cat", "dog")),
        ({"train/cat": 5, "train/dog": 5, "test/cat": 2}, ("cat", "dog")),
    ],
)
def test_classes_are_not_taken_for_a_split_nor_a_split_for_classes(folder, counts, classes):
    assert load_photo_folder(folder(counts), 32).class_names == classes


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"train": 5, "test1": 5}, "test1 and train in .* hold no class folders: sort the"),
        ({f"{k}/{c}": 1 for k in "abcde" for c in "xy"}, "a/, b/, c/ ….* may be classes or"),
        ({f"{k}/{c}": 3 for k in ("cat", "dog") for c in "xy"}, "cat/, dog/.* may be classes or"),
        ({"in/a/cat": 1, "in/a/dog": 1, "in/b/cat": 1, "labels": 0}, "mean .*mine/in"),
        ({"data/train/cat": 1, "data/train/dog": 1, "data/test/cat": 1}, "mean .*mine/data"),
    ],
)
def test_a_structure_with_two_meanings_is_one_sentence(folder, counts, words):
    with pytest.raises(CourseError, match=words) as raised:
        load_photo_folder(folder(counts), 32)
    assert "\n" not in str(raised.value)


def test_links_are_followed_once_and_none_is_dropped_in_silence(pets, tmp_path, capsys):
    for i in range(10):
        save(tmp_path / f"elsewhere/{i}.png", photo(500 + i), "PNG")
    (pets / "cat/more").symlink_to(tmp_path / "elsewhere")
    (pets / "cat/loop").symlink_to(pets)
    (pets / "dog/up").symlink_to(tmp_path)
    (pets / "dog/cats").symlink_to("../cat")
    (pets / "dog/one.png").symlink_to(tmp_path / "elsewhere/3.png")
    (pets / "dog/gone.jpg").symlink_to("nowhere.jpg")
    (pets / "owl").symlink_to("nowhere")
    save(pets / "loose.jpg", photo(600))
    data = load_photo_folder(pets, 32)
    printed = lines(capsys)
    assert printed[1] == "2 classes: cat 20, dog 11."
    assert printed[2:5] == [
        "6 of 37 files are left out:",
        "  1 × beside the class folders, so of no class: loose.jpg",
        "  5 × links that lead nowhere, in a circle, or to a folder that is read already: "
        "dog/gone.jpg, owl, cat/loop and 2 more",
    ]
    assert "cat/more/3.png = dog/one.png" in printed[6]
    assert left_out(printed) == 6
    assert read(data) == 31


def test_a_pipe_and_a_folder_that_cannot_be_opened_are_left_out(pets, capsys, monkeypatch):
    os.mkfifo(pets / "cat/pipe.jpg")
    (pets / "dog/secret").mkdir()
    iterdir = Path.iterdir

    def refuse(path):
        if path.name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert read(load_photo_folder(pets, 32)) == 20
    printed = lines(capsys)
    assert "  1 × not photos: cat/pipe.jpg (no file)" in printed
    assert "  1 × folders that cannot be opened: dog/secret (Permission denied)" in printed


def test_a_folder_that_may_be_listed_and_not_entered_is_left_out(pets, capsys, monkeypatch):
    secret = pets / "dog/secret"
    save(secret / "1.jpg", photo(300))
    stat = os.stat

    def refuse(path, **more):
        if Path(path).parent == secret or os.fspath(path) == f"{secret}/.":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **more)

    monkeypatch.setattr(os, "stat", refuse)
    assert read(load_photo_folder(pets, 32)) == 20
    assert "  1 × folders that cannot be opened: dog/secret (Permission denied)" in lines(capsys)


def test_a_link_into_what_is_shut_leaves_the_photos_beside_it(pets, capsys, monkeypatch):
    (pets / "dog/link.jpg").symlink_to(pets / "elsewhere.jpg")
    stat = os.stat

    def refuse(path, *, follow_symlinks=True, **more):
        if follow_symlinks and Path(path).name == "link.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, follow_symlinks=follow_symlinks, **more)

    monkeypatch.setattr(os, "stat", refuse)
    assert read(load_photo_folder(pets, 32)) == 20
    assert "dog/link.jpg" in lines(capsys)[3]


# --- names -----------------------------------------------------------------------------------


NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (NFC, NFD, f"train/{NFC} = test/{NFD} (decomposed letters)"),
        ("Cat", "cat", "train/Cat = test/cat"),
        ("hot_dog", "Hot Dog", "train/hot_dog = test/Hot Dog"),
        ("cat ", "cat", "'train/cat ' = test/cat"),
        ("ｃat", "cat", "train/ｃat = test/cat"),
        ("cat", "cat\u200b", r"train/cat = test/cat\u200b"),
    ],
)
def test_two_spellings_in_a_split_are_one_class_and_said(folder, capsys, train, test, words):
    counts = {f"train/{train}": 10, "train/x": 10, f"test/{test}": 4, "test/x": 4}
    data = load_photo_folder(folder(counts), 32)
    assert len(data.class_names) == 2
    assert train.strip() in data.class_names
    assert np.bincount(data.y_test).tolist() == [4, 4]
    assert f"  2 × folders spelled differently and taken for one class: {words}" in lines(capsys)


def test_names_that_look_the_same_are_one_class_and_capitals_side_by_side_are_two(folder, capsys):
    data = load_photo_folder(folder({NFC: 5, NFD: 5, "A": 5, "a": 5}), 32)
    assert data.class_names == ("A", "a", NFC)
    printed = "\n".join(lines(capsys))
    assert "differ only in capitals or spaces; they stay apart: A and a" in printed
    assert "taken for one class" in printed


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "gbk", "cp1252"])
def test_names_of_any_bytes_and_script_can_be_printed(folder, monkeypatch, encoding):
    where = folder({"猫": 6, "cat\nnew": 6, "रीछ": 6, "$x$": 6})
    odd = os.fsencode(where) + b"/\xb9\xb7"
    os.mkdir(odd)
    for i in range(6):
        (where / f"{i}.png").unlink(missing_ok=True)
        save(where / "spare.png", photo(700 + i), "PNG")
        os.rename(where / "spare.png", odd + b"/\xff%d.png" % i)
    open(odd + b"/\xfe.txt", "wb").close()
    (where / "猫/\u202egnp.jpg").touch()
    (where / "猫/\x1b[31m.jpg").touch()
    strict = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", strict)
    data = load_photo_folder(where, 32)
    strict.flush()
    printed = strict.buffer.getvalue().decode(encoding)
    assert data.class_names == ("$x$", "\\xb9\\xb7", "cat\\nnew", "रीछ", "猫")
    assert all(name.isprintable() for name in (*data.class_names, *data.files_train))
    assert "\\xb9\\xb7/\\xfe.txt" in printed
    assert "\\u202egnp.jpg" in printed
    assert "\\x1b[31m.jpg" in printed
    assert len(printed.splitlines()) == len(printed.split("\n")) - 1


def test_every_image_leads_to_its_file(pets):
    data = load_photo_folder(pets, 32, validation=0.2)
    for part in ("train", "validation", "test"):
        files = getattr(data, f"files_{part}")
        for image, label, name in zip(
            getattr(data, f"x_{part}"), getattr(data, f"y_{part}"), files, strict=True
        ):
            np.testing.assert_array_equal(image, load_photo(pets / name, 32))
            assert name.startswith(f"{data.class_names[label]}/")
    few = few_labels(data, 2, random_state=0)
    for image, name in zip(few.x_train, few.files_train, strict=True):
        np.testing.assert_array_equal(image, load_photo(pets / name, 32))


def test_a_list_of_files_that_no_longer_fits_is_refused(pets):
    data = load_photo_folder(pets, 32)
    with pytest.raises(ValueError, match="files_train names 16 files for the 3 images of x_train"):
        replace(data, x_train=data.x_train[:3])


# --- splits of our own -----------------------------------------------------------------------


def test_shares_are_put_aside_and_the_seed_decides_which(pets):
    data = load_photo_folder(pets, 32, share=0.3, validation=0.2)
    assert [np.bincount(y).tolist() for y in (data.y_train, data.y_validation, data.y_test)] == [
        [5, 5], [2, 2], [3, 3],
    ]  # fmt: skip
    assert set(load_photo_folder(pets, 32, share=0.3).files_test) == set(data.files_test)
    others = [load_photo_folder(pets, 32, share=0.3, seed=seed).files_test for seed in (1, 2, 1)]
    assert others[0] == others[2]
    assert len({data.files_test, others[0], others[1]}) == 3


def test_a_given_split_may_give_up_some_of_its_training_for_validation(folder):
    data = load_photo_folder(folder(in_both("train", "test")), 32, validation=0.2)
    assert (len(data.x_train), len(data.x_validation), len(data.x_test)) == (16, 4, 8)
    assert all(name.startswith("train/") for name in data.files_validation)


def series(name: str) -> str:
    """Three photos after another: 0 to 2, 3 to 5, 6 to 8, 9."""
    return f"series {int(name.split('/')[1].removesuffix('.jpg')) // 3}"


@pytest.mark.parametrize(
    "groups",
    [
        series,
        {f"{kind}/{i}.jpg": f"series {i // 3}" for kind in ("cat", "dog") for i in range(10)},
        {f"{i}.jpg": series(f"x/{i}.jpg") for i in range(10)},
        r"/(?:[012]|([345])|[678])(?=\.)",
    ],
)
def test_a_group_stays_on_one_side_in_all_its_classes(pets, groups):
    for seed in range(5):
        data = load_photo_folder(pets, 32, groups=groups, validation=0.2, seed=seed)
        parts = [data.files_train, data.files_validation, data.files_test]
        if callable(groups) or isinstance(groups, dict):
            sides = [{series(name) for name in names} for names in parts]
            assert len(set.union(*sides)) == sum(map(len, sides))  # none is on two sides
        assert sum(map(len, parts)) == 20
        assert set(data.y_test.tolist()) == {0, 1}


def test_groups_are_not_blamed_for_photos_that_cannot_be_read(pets):
    for file in (pets / "dog").iterdir():
        file.write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(CourseError, match="two classes .*10 × cannot be read: dog/0.jpg"):
        load_photo_folder(pets, 32, groups=r"\d")


def test_groups_that_a_given_split_tears_apart_are_named(folder, capsys):
    load_photo_folder(folder(in_both("train", "test")), 32, groups=r"(\d)\.png")
    assert lines(capsys)[-1] == (
        "  4 × groups that are in more than one part of the split: 0, 1, 2 and 1 more"
    )


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"groups": "("}, ValueError, "groups='\\(' is no function, mapping or regular"),
        ({"groups": 5}, ValueError, "groups=5 is no function"),
        ({"groups": "nothing"}, ValueError, "no group for any photo; .* for example, 'cat/0.jpg'"),
        ({"groups": lambda name: 1 / 0}, ValueError, "of 'cat/0.jpg' .ZeroDivisionError"),
        ({"groups": lambda name: []}, ValueError, "of 'cat/0.jpg' .TypeError"),
        ({"groups": r"^\w+"}, CourseError, "groups leave pets no photo for testing"),
        ({"share": 0}, ValueError, "share=0 must lie between 0 and 1"),
        ({"share": 20}, ValueError, "share=20 must lie between 0 and 1"),
        ({"share": "a"}, ValueError, "share='a' must lie between 0 and 1"),
        ({"share": 0.5, "validation": 0.5}, ValueError, "leave nothing to train on"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_one_sentence(pets, options, kind, words):
    with pytest.raises(kind, match=words) as raised:
        load_photo_folder(pets, 32, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((90, 68)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.7),
        lambda image: image.convert("L"),
        ImageOps.mirror,
        lambda image: image.crop((1, 1, 119, 89)),
    ],
    ids=["smaller", "darker", "grey", "mirrored", "cropped"],
)
def test_near_copies_across_the_split_are_named(folder, capsys, change):
    where = folder(in_both("train", "test"))
    original = photo(800)
    save(where / "train/cat/original.jpg", original, quality=95)
    save(where / "test/cat/edited.jpg", change(original), quality=60)
    load_photo_folder(where, 64)
    assert lines(capsys)[4] == (
        "  1 × nearly the same picture on both sides of the split; `groups` keeps a series "
        "together: train/cat/original.jpg ≈ test/cat/edited.jpg"
    )


@pytest.mark.skipif(
    not (REAL / "flowers_160.tar").is_file(),
    reason="flowers_160.tar is not here (TLCOURSE_TEST_DATA names its folder)",
)
def test_photos_that_are_merely_alike_are_not_named_as_near_copies(tmp_path, capsys):
    with tarfile.open(REAL / "flowers_160.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    load_photo_folder(tmp_path / "flowers_160", 64)
    assert len(lines(capsys)) == 2


def test_a_progress_bar_is_for_people_and_for_long_waits(pets, capsys, monkeypatch):
    load_photo_folder(pets, 32)
    assert capsys.readouterr().err == ""
    monkeypatch.setitem(sys.modules, "ipykernel", None)  # as in a notebook
    monkeypatch.setattr("tqdm.std.time", count(0, 0.1).__next__)  # its clock
    load_photo_folder(pets, 32)
    assert "photos:" in capsys.readouterr().err


# --- what is no data set ---------------------------------------------------------------------


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
        (
            lambda f: [save(f / f"{k}/{i}.jpg", photo(ord(k))) for k in "ab" for i in range(3)],
            r"too few readable .*\(the 3 photos of a are copies of one; the 3 photos of b are",
        ),
    ],
)
def test_a_folder_that_is_no_data_set_is_one_sentence(tmp_path, make, words):
    make(tmp_path / "photos")
    with pytest.raises(CourseError, match=words) as raised:
        load_photo_folder(tmp_path / "photos", 32)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("path", [None, 7, "", "a\0b", "\ud800", "~no/x", ["pets"]])
def test_what_is_no_path_is_one_sentence(path):
    with pytest.raises(CourseError, match=r"The folder .* cannot be used: give a path such as"):
        load_photo_folder(path)


def test_a_path_that_no_system_takes_is_one_sentence():
    with pytest.raises(CourseError, match=r"cannot be used \(File name too long\)"):
        load_photo_folder("x" * 300)


@pytest.mark.parametrize("size", [0, 7, 1025])
def test_a_size_out_of_range_is_one_sentence(pets, size):
    with pytest.raises(ValueError, match=f"8 to 1024 pixels, one number, not {size}"):
        load_photo_folder(pets, size)


@pytest.mark.parametrize(
    ("file_format", "options", "limit", "value"),
    [
        ("PNG", {}, "MEGAPIXELS", 0.5),
        ("JPEG", {"progressive": True}, "MEGAPIXELS", 0.5),
        ("JPEG", {}, "MEGABYTES", 0.01),
    ],
)
def test_what_would_fill_the_memory_is_left_out(
    pets, capsys, monkeypatch, file_format, options, limit, value
):
    monkeypatch.setattr(module, limit, value)
    save(pets / "cat/huge", photo(209, (900, 900)), file_format, **options)
    load_photo_folder(pets, 32)
    assert "; make them smaller: cat/huge" in lines(capsys)[3]


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
    printed = lines(capsys)
    assert printed[0].startswith("Dataset: 2,062 photos, ")
    assert printed[3].startswith("  3 × larger than 2,000 pixels, scaled down: 7/IMG_")
    assert len(printed) == 4
