"""One photo in every form that people have, and the sentence for what is none."""

import io
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.data.conftest import photo, save
from tlcourse.data import load_photo, load_photo_folder
from tlcourse.files import CourseError


def encoded(image: Image.Image, file_format: str, **options) -> bytes:
    with io.BytesIO() as out:
        image.save(out, file_format, **options)
        return out.getvalue()


def printed(capsys) -> str:
    return capsys.readouterr().out


ORIGINAL = photo(1, (96, 72))
SQUARE = load_photo(ORIGINAL, 32)
RAMP = np.linspace(0, 1, 64 * 64, dtype="float32").reshape(64, 64)
GREY = load_photo(Image.fromarray((RAMP * 255).round().astype("uint8")), 32)


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {"quality": 95}), ("JPEG", {"quality": 95, "progressive": True}), ("PNG", {}),
        ("TIFF", {}), ("WEBP", {"lossless": True}), ("BMP", {}), ("AVIF", {"quality": 95}),
        ("JPEG2000", {}), ("PPM", {}),
    ],
)  # fmt: skip
def test_every_common_format_is_read_from_a_file_or_from_bytes(
    tmp_path, file_format, options, capsys
):
    data = encoded(ORIGINAL, file_format, **options)
    image = load_photo(data, 32)
    assert (image.shape, image.dtype, image.flags.writeable) == ((32, 32, 3), "uint8", True)
    assert np.abs(image - SQUARE.astype(int)).mean() < 6
    for name in ("photo", "a photo.JPG"):  # the suffix decides nothing
        (tmp_path / name).write_bytes(data)
        np.testing.assert_array_equal(load_photo(tmp_path / name, 32), image)
        np.testing.assert_array_equal(load_photo(str(tmp_path / name), 32), image)
    wrong = file_format != "JPEG"
    assert printed(capsys).count("another format than the name says") == 2 * wrong


def test_a_process_that_never_used_pillow_reads_every_format_too(tmp_path):
    for file_format in ("TIFF", "WEBP", "AVIF", "JPEG2000"):
        (tmp_path / file_format).write_bytes(encoded(ORIGINAL, file_format))
        code = "import sys; from tlcourse.data import load_photo; load_photo(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, tmp_path / file_format], check=True)


# --- numbers other than 0 to 255 -------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "file_format", "scaled"),
    [
        (RAMP, "TIFF", "0 to 1"),
        (RAMP * 1.02 - 0.01, "TIFF", "0 to 1"),  # overshoots, as after scaling
        (RAMP * 2 - 1, "TIFF", "-1 to 1"),
        (RAMP * 255, "TIFF", ""),
        (RAMP * 65535, "TIFF", "0 to 65,535"),
        (RAMP * 1e6, "TIFF", "0 to 1e+06"),
        ((RAMP * 255).astype("int32"), "TIFF", ""),
        ((RAMP * 65535).astype("int32"), "TIFF", "0 to 65,535"),
        ((RAMP * 4000 - 1000).astype("int32"), "TIFF", "-1,000 to 3,000"),
        ((RAMP * 65535).astype("uint16"), "TIFF", "0 to 65,535"),
        ((RAMP * 65535).astype("uint16"), "PNG", "0 to 65,535"),
        ((RAMP * 65535).astype("uint16"), "JPEG2000", "0 to 65,535"),
        ((RAMP * 4095).astype("uint16"), "PNG", "0 to 4,095"),
        ((RAMP * 255).astype("uint16"), "PNG", ""),
    ],
)
def test_numbers_are_scaled_by_their_kind_and_it_is_said(capsys, values, file_format, scaled):
    image = load_photo(encoded(Image.fromarray(values), file_format), 32)
    assert np.abs(image - GREY.astype(int)).max() <= 4
    expected = f"numbers other than 0 to 255, scaled from the range in brackets ({scaled})"
    assert printed(capsys) == (f"This file: {expected}.\n" if scaled else "")


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("values", "options"),
    [
        ((RAMP * 4e9).astype("uint32"), {}),
        ((RAMP * 65535).astype("uint32"), {}),
        ((RAMP * 4e9 - 2e9).astype("int32"), {}),
        ((RAMP * 2000 - 1000).astype("int16"), {}),
        ((RAMP * 200 - 100).astype("int8"), {}),
        ((RAMP * 65535).astype(">u2"), {"byteorder": ">"}),
        (255 - (RAMP * 255).astype("uint8"), {"photometric": "miniswhite"}),
        (65535 - (RAMP * 65535).astype("uint16"), {"photometric": "miniswhite"}),
        (1 - RAMP, {"photometric": "miniswhite"}),
    ],
)
def test_a_tiff_of_a_scanner_or_microscope_is_read_by_its_tags(values, options, compression):
    with io.BytesIO() as out:
        pytest.importorskip("tifffile").imwrite(out, values, compression=compression, **options)
        image = load_photo(out.getvalue(), 32)
    assert np.abs(image - GREY.astype(int)).max() <= 4


def test_what_is_no_number_is_black():
    values = np.where(RAMP > 0.5, np.nan, 1).astype("float32")
    image = load_photo(encoded(Image.fromarray(values), "TIFF"), 32)
    assert (image[0] == 255).all()
    assert (image[-1] == 0).all()


# --- colours, transparency, metadata ---------------------------------------------------------


def transparent_palette() -> bytes:
    image = Image.new("P", (64, 64), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 64, 32))
    return encoded(image, "PNG", transparency=0)


def lab() -> bytes:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    plain = Image.new("RGB", (64, 64), (200, 100, 50))
    return encoded(ImageCms.profileToProfile(plain, *profiles, outputMode="LAB"), "TIFF")


@pytest.mark.parametrize(
    ("data", "top", "bottom"),
    [
        (encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "PNG"), (255,) * 3, (255,) * 3),
        (encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 128)), "PNG"), (127,) * 3, (127,) * 3),
        (encoded(Image.new("LA", (64, 64), (0, 0)), "PNG"), (255,) * 3, (255,) * 3),
        (encoded(Image.new("RGB", (64, 64), "red"), "PNG", transparency=(255, 0, 0)),
         (255,) * 3, (255,) * 3),
        (transparent_palette(), (255,) * 3, (0, 0, 255)),
        (encoded(Image.new("1", (64, 64), 1), "TIFF"), (255,) * 3, (255,) * 3),
        (encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG"), (255, 0, 0), (255, 0, 0)),
        (lab(), (200, 100, 50), (200, 100, 50)),
        (encoded(Image.new("YCbCr", (64, 64), (76, 85, 255)), "TIFF"), (254, 0, 0), (254, 0, 0)),
    ],
)  # fmt: skip
def test_every_mode_becomes_rgb_and_transparency_white(data, top, bottom):
    image = load_photo(data, 32)
    np.testing.assert_allclose(image[2, 16], top, atol=3)
    np.testing.assert_allclose(image[-3, 16], bottom, atol=3)


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("JPEG", {}), ("TIFF", {}), ("WEBP", {}), ("AVIF", {})],
)
def test_a_large_colour_profile_is_no_hindrance(file_format, options):
    profile = np.random.default_rng(0).bytes(2_000_000)
    image = load_photo(encoded(ORIGINAL, file_format, icc_profile=profile), 32)
    assert np.abs(image - SQUARE.astype(int)).mean() < 10


def test_a_png_with_a_long_text_or_a_damaged_note_is_read_upright():
    from PIL.PngImagePlugin import PngInfo

    lying = Image.new("RGB", (60, 60), "red")
    lying.paste("blue", (0, 0, 60, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    text = PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    long = encoded(lying, "PNG", pnginfo=text, exif=exif)
    broken = encoded(lying, "PNG", icc_profile=bytes(500), exif=exif).replace(
        b"ICC Profile", b"?" * 11
    )
    for data in (long, broken):
        image = load_photo(data, 32)
        assert image[16, 28].tolist() == [0, 0, 255]  # blue is on the right


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16", "CMYK", "F"])
def test_a_photo_is_turned_as_the_camera_noted_whatever_its_mode(mode, orientation):
    turns = {
        2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
        6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
    }  # fmt: skip
    corner = np.zeros((64, 64), "uint8")
    corner[:32, :16] = 255
    upright = Image.fromarray(corner)
    if orientation > 1:
        upright = upright.transpose(Image.Transpose[turns[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(corner)
    image = {
        "I;16": lambda: Image.fromarray(corner.astype("uint16") * 257),
        "F": lambda: Image.fromarray(corner.astype("float32")),
    }.get(mode, lambda: image.convert(mode))()
    file_format = "TIFF" if mode in ("CMYK", "F") else "PNG"
    read = load_photo(encoded(image, file_format, exif=exif), 32)
    expected = load_photo(upright, 32)
    assert np.abs(read - expected.astype(int)).mean() < 2


@pytest.mark.parametrize("file_format", ["GIF", "TIFF", "WEBP", "PNG", "AVIF"])
def test_the_first_of_several_pictures_is_read_and_it_is_said(capsys, file_format):
    others = [Image.new("RGB", ORIGINAL.size, "red")] * 2
    data = encoded(ORIGINAL, file_format, save_all=True, append_images=others)
    image = load_photo(data, 32)
    assert np.abs(image - SQUARE.astype(int)).mean() < 12
    assert "several pictures in one file, of which the first was read (" in printed(capsys)


# --- the same in a folder --------------------------------------------------------------------


def test_a_new_photo_is_read_exactly_as_those_of_the_folder(tmp_path):
    sixteen = Image.fromarray(np.full((40, 40), 32768, "uint16"))
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 79))
    for i in range(4):
        save(tmp_path / f"mine/grey/{i}.png", sixteen, "PNG", compress_level=i)
        save(tmp_path / f"mine/clear/{i}.png", clear, "PNG", compress_level=i)
        save(tmp_path / f"mine/plain/{i}.jpg", photo(i))
    data = load_photo_folder(tmp_path / "mine", 32)
    for image, name in zip(data.x_train, data.files_train, strict=True):
        np.testing.assert_array_equal(image, load_photo(tmp_path / "mine" / name, 32))
    assert {data.x_train[data.y_train == k].mean() for k in (0, 1)} == {128, 176}


# --- what is no photo ------------------------------------------------------------------------


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
WHOLE = encoded(ORIGINAL, "JPEG")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("1.jpg", HEIC, "1.jpg is HEIC, which .*: save it as JPEG"),
        ("2.hif", HEIC, "2.hif is HEIC"),
        ("3", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "3 is HEIC"),
        ("4.heic", b"\0\0\0\x1cftypmsf1\0\0\0\0msf1hevcmif1", "4.heic is HEIC"),
        ("5.jpg", b"\xff\x0a" + bytes(99), "5.jpg is JPEG XL.*: export it as JPEG or PNG"),
        ("6.jpg", b"8BPS\0\1", "a Photoshop file"),
        ("7.png", b"%PDF-1.7", "a PDF document"),
        ("8.png", b'<?xml version="1.0"?>\n<svg xmlns="x">', "an SVG drawing"),
        ("9.dng", b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", "a camera's raw file"),
        ("10.cr2", b"II*\0\x10\0\0\0CR\x02\0" + bytes(99), "a camera's raw file"),
        ("11.jpg", b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "no picture inside, but a video"),
        ("12.jpg", b"<!DOCTYPE html><title>Log in", "no picture inside, but a web page"),
        ("13.jpg", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("14.jpg", b"PK\x03\x04" + bytes(99), "a zip archive"),
        ("15.jpg", bytes(5000), "nothing but zeros"),
        ("16.jpg", b"", "16.jpg cannot be read .it is empty.: copy or download it again"),
        ("17.txt", b"notes", "17.txt is something else, not a photo"),
        ("18.html", b"<html>", "18.html is a web page, not a photo"),
        ("19.jpg", WHOLE[: len(WHOLE) // 2], "19.jpg cannot be read .image file is truncated"),
        ("20.png", encoded(ORIGINAL, "PNG")[:2000], "20.png cannot be read"),
        ("21.tif", b"MM\0*\0\0\0\x08garbage", "21.tif is a TIFF of a rare kind"),
        ("avif.jpg", encoded(ORIGINAL, "AVIF")[:300], "avif.jpg cannot be read .it is damaged"),
        ("22.ico", encoded(ORIGINAL, "ICO"), "22.ico is ICO, which cannot be read here"),
        ("\x1b[31m.jpg", b"", r"^\\x1b\[31m.jpg cannot"),
    ],
)
def test_what_is_no_photo_is_one_sentence_with_the_way_out(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CourseError, match=words) as raised:
        load_photo(tmp_path / name)
    assert "\n" not in str(raised.value)
    assert ": " in str(raised.value)
    with pytest.raises(CourseError, match="^This file "):
        load_photo(data)


def test_a_raw_file_that_shows_a_preview_is_not_taken_for_its_preview():
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    for tag, value in ((254, 1), (50706, b"\1\4\0\0")):
        tags = ImageFileDirectory_v2()
        tags[tag] = value
        with pytest.raises(CourseError, match="a camera's raw file"):
            load_photo(encoded(ORIGINAL, "TIFF", tiffinfo=tags))


def test_a_huge_photo_is_one_sentence(monkeypatch):
    with pytest.raises(CourseError, match="more than 25 megapixels or 100 MB: make it smaller"):
        load_photo(encoded(Image.new("1", (6000, 6000)), "PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow's own limit
    with pytest.raises(CourseError, match="make it smaller"):
        load_photo(WHOLE)


def test_a_large_jpeg_is_read_all_the_same():
    assert load_photo(encoded(Image.new("RGB", (8064, 6048), "red"), "JPEG"), 32)[0, 0, 0] > 250


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere.jpg", "There is no file nowhere.jpg: give the path"),
        (".", r"\. is a folder: give one photo, or read the folder with load_photo_folder"),
        ("https://example.org/1.jpg", "is an address: download the photo"),
        (os.devnull, "null is no file, not a photo"),
        ("\udcb9.jpg", r"There is no file \\xb9.jpg"),
        ("FTP://example.org/1.jpg", "is an address"),
        ("data:image/png;base64,AAAA", "is an address"),
        ("x" * 300, r"cannot be opened \(File name too long\)"),
        (None, 'The photo None cannot be used: give a path such as "photo.jpg"'),
        (7, "The photo 7 cannot"),
        ("", "The photo '' cannot"),
        ("a\0b.jpg", r"The photo 'a\\x00b.jpg' cannot"),
        ("\ud800.jpg", r"The photo '\\ud800.jpg' cannot"),
        ("~no/x.jpg", "The photo '~no/x.jpg' cannot"),
        (np.zeros((4, 4, 3)), r"The photo an array of shape \(4, 4, 3\) cannot"),
    ],
)
def test_a_path_that_leads_to_no_photo_is_one_sentence(path, words):
    with pytest.raises(CourseError, match=words) as raised:
        load_photo(path)
    assert "\n" not in str(raised.value)


def test_a_photo_in_a_folder_that_may_not_be_entered_is_one_sentence(tmp_path, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(CourseError, match=r"1.jpg cannot be opened \(Permission denied\)"):
        load_photo(tmp_path / "1.jpg")


@pytest.mark.parametrize("size", [7, 1025, 96.0, "96", (96, 96), None])
def test_a_size_that_is_none_is_one_sentence(size):
    with pytest.raises(ValueError, match="size must be 8 to 1024 pixels, one number, not"):
        load_photo(ORIGINAL, size)


def test_a_notebook_shows_the_sentence_and_no_traceback(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell().run_cell("from tlcourse import data; data.load_photo('nowhere.jpg')")
    assert (
        printed(capsys) == "CourseError: There is no file nowhere.jpg: give the path of a photo.\n"
    )


def test_an_image_of_pillow_stays_as_it_was():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(ORIGINAL, "JPEG", exif=exif)))
    load_photo(image, np.int64(32))
    assert image.size == (96, 72)
    assert image.getexif()[0x0112] == 6
    cut = Image.open(io.BytesIO(WHOLE[: len(WHOLE) // 2]))
    with pytest.raises(CourseError, match="This file cannot be read .*truncated"):
        load_photo(cut)


def test_a_name_in_decomposed_letters_is_found(tmp_path):
    name = unicodedata.normalize("NFD", "Bär.jpg")
    save(tmp_path / name, ORIGINAL)
    assert load_photo(tmp_path / name, 32).shape == (32, 32, 3)
