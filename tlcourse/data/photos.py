"""One photo, as people have them: the only place in the course that reads image files."""

import io
import os
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlcourse.data.remarks import KEPT, LARGE, MEGABYTES, MEGAPIXELS, printable, say
from tlcourse.files import CourseError, given_path

if TYPE_CHECKING:
    from PIL.Image import Image

# What Pillow may open; HEIF only where a plug-in of the user's has taught it.
_FORMATS = (
    "JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF",
)  # fmt: skip

# What one photo has to say for itself, for which the reader should know it.
_WORTH_SAYING = ("scaled", "frames", "named", "cmyk", "lab", "clear")

_WAYS_OUT = {
    "broken": "{name} cannot be read ({detail}): copy or download it again.",
    "heic": (
        "{name} is HEIC, which cannot be read here: save it as JPEG (an iPhone takes JPEG with "
        "Settings, Camera, Formats, Most Compatible)."
    ),
    "foreign": "{name} is {detail}, which cannot be read here: export it as JPEG or PNG.",
    "large": f"{{name}} has more than {MEGAPIXELS} megapixels or {MEGABYTES} MB: make it smaller.",
    "other": "{name} is {detail}, not a photo: give a JPEG or PNG file.",
}


class NotReadable(Exception):
    """A file without a picture that can be read.

    `kind` is one of "broken", "heic", "foreign", "large" and "other"; `detail` says more.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail


def load_photo(path: "str | os.PathLike | bytes | Image", size: int = 96) -> np.ndarray:
    """Read one photo exactly as `load_photo_folder` reads each of its photos.

    The photo is turned upright as the camera noted, made RGB, and brought to a square by scaling
    and cutting off what protrudes. What is transparent is laid on white. Numbers of 12, 16 or 32
    bits and decimal numbers are scaled to 0–255. Where that was a guess or something is lost, one
    sentence says so.

    Parameters
    ----------
    path : path, bytes or PIL.Image.Image
        A file, what is in one, or an image of Pillow's.
    size : int
        Height and width, 8 to 1024 pixels.

    Returns
    -------
    ndarray, shape (size, size, 3)
        ``uint8``, RGB, 0–255.

    Raises
    ------
    CourseError
        If there is no such file, or no picture in it that can be read.
    ValueError
        If the size is out of its range.
    """
    from PIL import Image

    size = check_size(size)
    Image.init()  # all formats, of which Pillow knows five before
    notes: list[tuple[str, str]] = []
    name = "This file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about what is odd in a file
            if isinstance(path, Image.Image):
                pixels = _explained(lambda: _to_square(path.copy(), size, notes))
            elif isinstance(path, bytes | bytearray | memoryview):
                pixels = decode(bytes(path), size, notes=notes)
            else:
                file = given_path(path, "photo", "photo.jpg")
                name = printable(file.name or str(file))
                pixels = decode(_read(file, printable(os.fspath(path))), size, file.suffix, notes)
    except NotReadable as error:
        raise CourseError(way_out(error, name)) from None
    for kind, detail in notes:
        if kind in _WORTH_SAYING:
            say(f"{name}: {KEPT[kind]}{f' ({detail})' if detail else ''}.")
    return pixels


def way_out(error: NotReadable, name: str) -> str:
    """The sentence that says why the file `name` is no photo, and what to do."""
    return _WAYS_OUT[error.kind].format(name=name, detail=error.detail or "something else")


def check_size(size: int) -> int:
    """The size as an int.

    Raises
    ------
    ValueError
        If it is not a whole number from 8 to 1024.
    """
    if not isinstance(size, int | np.integer) or not 8 <= size <= 1024:
        raise ValueError(f"size must be 8 to 1024 pixels, one number, not {size!r}.")
    return int(size)


def _read(file: Path, shown: str) -> bytes:
    """What is in a file, or the sentence that says why it cannot be had."""
    if re.match(r"\w{2,}://|data:", shown):
        raise CourseError(f"{shown} is an address: download the photo, and give its file.")
    try:
        if file.is_dir():
            raise CourseError(
                f"{shown} is a folder: give one photo, or read the folder with load_photo_folder."
            )
        return read_bytes(file)
    except FileNotFoundError:
        raise CourseError(f"There is no file {shown}: give the path of a photo.") from None
    except OSError as error:
        raise CourseError(
            f"{shown} cannot be opened ({error.strerror or error}): see that you may read it."
        ) from None


def read_bytes(file: Path) -> bytes:
    """What is in a file that may be a photo.

    Raises
    ------
    NotReadable
        If it is too large, or no file at all: a pipe would never end.
    OSError
        If it cannot be read.
    """
    if not file.is_file():
        file.stat()  # which raises where there is nothing
        raise NotReadable("other", "no file")
    if file.stat().st_size > MEGABYTES * 1_000_000:
        raise NotReadable("large")
    return file.read_bytes()


# --- from bytes to pixels --------------------------------------------------------------------


def decode(
    data: bytes, size: int, suffix: str = "", notes: list[tuple[str, str]] | None = None
) -> np.ndarray:
    """The pixels of an image file.

    Parameters
    ----------
    data : bytes
    size : int
        Height and width of the result.
    suffix : str
        Of the file's name; what it promises is compared with what the file is.
    notes : list, optional
        Gets a pair for each thing worth a remark: a key of `remarks.KEPT`, and the detail.

    Returns
    -------
    ndarray, shape (size, size, 3)
        ``uint8``, RGB, 0–255.

    Raises
    ------
    NotReadable
        If there is no picture in it that can be read.
    """
    from PIL import Image, UnidentifiedImageError

    suffix, notes = suffix.lower(), [] if notes is None else notes
    what = _identify(data)
    if what == "HEIC" and "HEIF" not in Image.OPEN:
        raise NotReadable("heic")
    if what in _PICTURES:
        raise NotReadable("foreign", what)
    try:
        if data.startswith(_PNG):
            with suppress(Exception):
                return _decode(data, size, suffix, notes)
            notes.clear()
            data = _bare_png(data)
        return _explained(lambda: _decode(data, size, suffix, notes))
    except UnidentifiedImageError:
        if what == "TIFF":
            raise NotReadable("foreign", "a TIFF of a rare kind") from None
        if what == "AVIF":
            known = ("broken", "it is damaged") if what in Image.OPEN else ("foreign", what)
            raise NotReadable(*known) from None
        if suffix in _suffixes():
            what = what and f", but {what}"
            detail = f"no picture inside{what}" if data else "it is empty"
            raise NotReadable("broken", detail) from None
        if promised := Image.registered_extensions().get(suffix):
            raise NotReadable("foreign", promised) from None
        raise NotReadable("other", what) from None


def _explained(work: Callable[[], np.ndarray]) -> np.ndarray:
    """What `work` returns; what Pillow raises for a file that it knows becomes `NotReadable`."""
    from PIL import Image, UnidentifiedImageError

    try:
        return work()
    except (NotReadable, UnidentifiedImageError):
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise NotReadable("large") from None
    except Exception as error:  # a dozen kinds
        raise NotReadable("broken", printable(str(error) or type(error).__name__)) from None


def _suffixes() -> dict[str, str]:
    """Suffixes of the pictures that can be read, and the format that each promises."""
    from PIL import Image

    return {s: f for s, f in Image.registered_extensions().items() if f in _FORMATS}


def _decode(data: bytes, size: int, suffix: str, notes: list) -> np.ndarray:
    from PIL import Image

    formats = [name for name in _FORMATS if name in Image.OPEN]
    with Image.open(io.BytesIO(data), formats=formats) as image:
        promised = _suffixes().get(suffix)
        if promised and promised != image.format and image.format != "MPO":  # which is a JPEG
            notes.append(("named", image.format))
        if image.format == "TIFF" and (image.tag_v2.get(254) == 1 or 50706 in image.tag_v2):
            raise NotReadable("foreign", _RAW)  # the first picture is a small preview
        if max(image.size) > LARGE:
            notes.append(("shrunk", "{}×{}".format(*image.size)))
        with suppress(Exception):  # the later pictures may be broken, and the first one sound
            if image.format != "MPO" and image.n_frames > 1:
                notes.append(("frames", f"{image.n_frames:,}"))
        image.seek(0)
        full = image.width * image.height
        image.draft(None, (2 * size, 2 * size))  # lets a JPEG be unpacked at an eighth
        whole = image.info.get("progressive")  # which is held at full size all the same
        if (full if whole else image.width * image.height) > MEGAPIXELS * 1_000_000:
            raise NotReadable("large")
        return _to_square(image, size, notes)


def _to_square(image: "Image", size: int, notes: list) -> np.ndarray:
    """An image of any mode as a square of RGB; it may be changed on the way."""
    from PIL import Image, ImageOps

    image.load()
    with suppress(Exception):  # the camera's note may be broken, and the picture sound
        ImageOps.exif_transpose(image, in_place=True)
    image = _to_scalable(image, notes)
    image = ImageOps.fit(image, (size, size))
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return np.array(image.convert("RGB"))


def _to_scalable(image: "Image", notes: list) -> "Image":
    """Bring an image to a mode that scales well: L, RGB, RGBA or CMYK."""
    from PIL import Image

    tags = getattr(image, "tag_v2", {})  # of a TIFF
    signed = tags.get(339) == (2,)
    if image.mode[0] in "IF" or (image.mode == "L" and signed):  # I, I;16 and its kin, F
        notes.append(("grey", ""))
        values = np.asarray(image)
        if image.mode == "I" and tags.get(258) == (32,) and not signed:
            values = values.view("uint32")  # which Pillow holds as int32
        grey = _to_bytes(values.view("int8") if image.mode == "L" else values, notes)
        # Where 0 is white, Pillow turns 8 bits round and leaves the other kinds.
        return Image.fromarray(255 - grey if tags.get(262) == 0 and image.mode != "L" else grey)
    if image.mode == "LAB":
        from PIL import ImageCms

        notes.append(("lab", ""))
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if image.mode in ("1", "L", "LA"):
        notes.append(("grey", ""))
    if image.mode == "CMYK":
        notes.append(("cmyk", ""))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            notes.append(("clear", ""))
        return image
    return image.convert("RGB") if image.mode not in ("L", "RGB", "CMYK") else image


def _to_bytes(values: np.ndarray, notes: list) -> np.ndarray:
    """Scale numbers to 0–255 by the range that their kind has.

    Whole numbers are taken to range to 255, to 4,095 (12 bits) or to 65,535 (16 bits), decimal
    ones to 1 as well, whichever is the first to hold them all. Decimal numbers may overshoot 0–1
    a little, as they do where they were scaled before. What fits no range, or is negative, is
    stretched from its own smallest to its largest value.
    """
    decimal = values.dtype.kind == "f"
    values = values.astype("float64")
    values[~np.isfinite(values)] = 0
    low, high = values.min(), values.max()
    if decimal and -1.1 <= low < -0.5 and high <= 1.1:
        start, end = -1, 1
    elif decimal and low >= -0.5 and high <= 1.5:
        start, end = 0, 1
    elif low >= 0 and high <= 65535:
        start, end = 0, next(top for top in (255, 4095, 65535) if high <= top)
    else:
        start, end = low, high
    if (start, end) != (0, 255):
        notes.append(("scaled", f"{start:,.6g} to {end:,.6g}"))
    scaled = (values - start) * (255 / max(end - start, 1e-12))
    return np.clip(scaled.round(), 0, 255).astype("uint8")


# --- what a file is, by its first bytes ------------------------------------------------------

_PNG = b"\x89PNG\r\n\x1a\n"
_RAW = "a camera's raw file"
_VIDEO = "a video"

# Offset, bytes, and what the file is.
_SIGNATURES = (
    (0, b"8BPS", "a Photoshop file"),
    (0, b"gimp xcf", "a GIMP file"),
    (0, b"v/1\x01", "an OpenEXR file"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"II\xbc", "JPEG XR"),
    (8, b"CR\x02", _RAW),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIRS", _RAW),
    (0, b"IIU\0", _RAW),
    (128, b"DICM", "a DICOM scan"),
    (0, b"\x1aE\xdf\xa3", _VIDEO),
    (8, b"AVI ", _VIDEO),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"version https://git-lfs", "a pointer of Git LFS in place of the file"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
)
# Pictures, or what holds one, that can be exported as JPEG.
_PICTURES = {
    "a Photoshop file", "a GIMP file", "a PDF document", "a PostScript file", "JPEG XL", "JPEG XR",
    "a DICOM scan", "an SVG drawing", "an OpenEXR file", _RAW,
}  # fmt: skip
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": _RAW, b"jxl ": "JPEG XL"}
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), "HEIC")
_BRANDS |= dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), "HEIC")


def _identify(data: bytes) -> str:
    """What a file is if Pillow has no say in it, by its content; "" if that is not known."""
    if data[4:8] == b"ftyp":  # ISO/IEC 14496-12: a box with the brands that the file follows
        end = min(max(int.from_bytes(data[:4], "big"), 12), 4096)
        brands = {data[8:12], *(data[i : i + 4] for i in range(16, end, 4))}
        return next((what for brand, what in _BRANDS.items() if brand in brands), _VIDEO)
    for offset, signature, what in _SIGNATURES:
        if data.startswith(signature, offset):
            return what
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return "an SVG drawing"
    if not data.strip(b"\0"):
        return "nothing but zeros" if data else "empty"
    return ""


def _bare_png(png: bytes) -> bytes:
    """A PNG with the chunks that its picture needs, and without those that may be in the way.

    Pillow refuses a file for a colour profile or a text of more than a megabyte.
    """
    kept, at = [png[:8]], 8
    while at < len(png):
        kind = png[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        critical = kind[:1].isupper()  # PNG specification, 5.4: chunk naming conventions
        if critical or kind in (b"tRNS", b"eXIf"):
            kept.append(png[at:end])
        at = end
    return b"".join(kept)
