"""Glyphs, real and printed, as data sets that need no download.

Two kinds of glyph: scikit-learn's real handwritten digits, and characters printed in the
font faces that matplotlib ships. Each can be shown in grey clutter (28×28×1, after the
"cluttered MNIST" of Mnih et al. 2014, *Recurrent Models of Visual Attention*, section 4.2)
or in a coloured scene (64×64×3).

Everything is drawn by one trick: glyphs are kept once, large and slightly blurred, in an
atlas of 64×64 tiles; a random affine map then *reads* from a tile at each output pixel.
That is one matrix product and one table look-up per batch of images.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from tlcourse.data.dataset import Dataset

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

_TILE = 64  # side of an atlas tile; the glyph fills the middle _BOX pixels
_BOX = 44
_PENNED = 8  # hands that write each printed shape
_BATCH = 256  # images drawn at a time: small enough to stay in the processor's cache

_DIGITS_LICENCE = "CC BY 4.0"
_DIGITS_SOURCE = (
    "Real handwriting: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), "
    "the 1,797 images that ship with scikit-learn."
)
_PRINT_LICENCE = "Bitstream Vera / DejaVu, STIX and BaKoMa font licences; free to use and to embed"
_PRINT_SOURCE = "Characters printed in the font faces that ship with matplotlib."


# --- the originals ---------------------------------------------------------------------------


def load_digits28() -> Dataset:
    """Real handwritten digits, enlarged from 8×8 to 28×28.

    Returns
    -------
    Dataset
        1,200 training and 597 test images, shape (28, 28, 1), ``float32`` in 0–1, ten classes.
        Split in file order: neighbours in the file resemble each other, so a shuffled split
        flatters a classifier (a test measures it).
    """
    images, labels = _digit_images()
    x = enlarge_digits(images)
    return Dataset(
        x[:1200], labels[:1200], x[1200:], labels[1200:],
        tuple(DIGITS), _DIGITS_LICENCE, _DIGITS_SOURCE,
    )  # fmt: skip


def enlarge_digits(images: np.ndarray) -> np.ndarray:
    """Digits of 8×8 pixels, shape (n, 8, 8) in 0–1, as ``float32`` of shape (n, 28, 28, 1)."""
    from scipy.ndimage import zoom

    x = zoom(images, (1, 3.5, 3.5), order=1, grid_mode=True, mode="nearest")
    return x.astype("float32")[..., None]


# Which of the 1,797 originals a split may show: no original ever serves two purposes.
_DIGIT_SPLITS = {"train": slice(0, 900), "validation": slice(900, 1200), "test": slice(1200, 1797)}


def _digit_images() -> tuple[np.ndarray, np.ndarray]:
    """Images in 0–1, shape (1797, 8, 8), and their labels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images / 16.0, bunch.target.astype("int64")


@cache
def _digit_atlas(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Tiles (n, 64, 64) uint8 of the originals of `split`, and their labels."""
    images, labels = (a[_DIGIT_SPLITS[split]] for a in _digit_images())
    return _tiles_of_scans(images), labels


def _tiles_of_scans(images: np.ndarray) -> np.ndarray:
    """Tiles (n, 64, 64) uint8 of scans (n, 8, 8) in 0–1, enlarged as smoothly as they were cut."""
    from scipy.ndimage import zoom

    factor = _BOX / 8
    large = zoom(images, (1, factor, factor), order=3, grid_mode=True, mode="nearest")
    tiles = np.zeros((len(large), _TILE, _TILE), "uint8")
    edge = (_TILE - _BOX) // 2
    tiles[:, edge : edge + _BOX, edge : edge + _BOX] = np.clip(large, 0, 1) * 255
    return tiles


@cache
def _font_faces() -> tuple[tuple[str, frozenset[int]], ...]:
    """Path and code points of each text face that ships with matplotlib."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = ("DejaVu", "STIXGeneral", "cmb10", "cmmi10", "cmr10", "cmss10", "cmti10", "cmtt10")
    paths = sorted(p for p in folder.glob("*.ttf") if p.name.startswith(names))
    return tuple((str(p), frozenset(FT2Font(str(p)).get_charmap())) for p in paths)


@cache
def _print_atlas(alphabet: str, split: str, penned: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Tiles of every character of `alphabet` in the faces of `split`, and their labels.

    Of the different shapes that a character has in the faces, every fourth is kept for the test
    set. (Some faces share a shape: a plus sign is not slanted.) Penned, there are `_PENNED` tiles
    of each shape, each written by another hand.
    """
    tiles, labels = [], []
    for label, character in enumerate(alphabet):
        faces = [path for path, points in _font_faces() if ord(character) in points]
        drawn = [_print_tile(path, character) for path in faces]
        shapes = list({tile.tobytes(): tile for tile in drawn}.values())
        if len(shapes) < 2:
            raise ValueError(
                f"alphabet: {character!r} has {len(shapes)} different shapes in matplotlib's font "
                "faces, and two are needed (one to train on, one to test on); leave it out."
            )
        if split == "test":
            chosen = shapes[1::4]
        else:
            chosen = [tile for i, tile in enumerate(shapes) if i % 4 != 1]
        tiles += chosen
        labels += [label] * len(chosen)
    if penned:
        rng = np.random.default_rng([ord(c) for c in split + alphabet])
        scans = np.stack([_pen(tile, rng) for tile in tiles for _ in range(_PENNED)])
        return _tiles_of_scans(scans), np.repeat(labels, _PENNED)
    return np.stack(tiles), np.array(labels)


def _pen(tile: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A printed character as if written by hand, and scanned as the digits were: (8, 8) in 0–1.

    The outline wavers, the stroke gets the width of a pen, and the result fills a bitmap of
    32×32 pixels of which 4×4 are counted together (Alpaydin & Kaynak 1998).
    """
    from PIL import Image
    from scipy.ndimage import distance_transform_edt, map_coordinates, zoom

    inside = tile > 127
    # Distance to the outline, positive inside; half the stroke's width in its middle.
    distance = distance_transform_edt(inside) - distance_transform_edt(~inside)
    width = 4 * distance[inside].mean()  # exact for a straight bar
    wider = np.clip((rng.uniform(4.5, 9) - width) / 2, -1, 3)
    places = np.indices(tile.shape) + rng.uniform(0, 4) * zoom(
        rng.uniform(-1, 1, (2, 5, 5)), (1, _TILE / 5, _TILE / 5), grid_mode=True, mode="nearest"
    )
    ink = map_coordinates(distance, places, order=1, mode="nearest") > -wider
    if not ink.any():
        ink = inside
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    cut = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = 32 / max(cut.size)
    cut = cut.resize(tuple(max(1, round(scale * side)) for side in cut.size))
    bitmap = np.zeros((32, 32))
    top, left = (32 - cut.height) // 2, (32 - cut.width) // 2
    bitmap[top : top + cut.height, left : left + cut.width] = cut
    return bitmap.reshape(8, 4, 8, 4).mean((1, 3))


def _print_tile(path: str, character: str) -> np.ndarray:
    """One character, centred in a tile, its longer side `_BOX` pixels."""
    from PIL import Image, ImageDraw, ImageFilter, ImageFont

    font = ImageFont.truetype(path, 2 * _TILE)
    left, top, right, bottom = font.getbbox(character)
    width, height = right - left, bottom - top
    if width < 1 or height < 1:
        raise ValueError(f"alphabet: {character!r} has no ink; leave this character out.")
    glyph = Image.new("L", (width, height))
    ImageDraw.Draw(glyph).text((-left, -top), character, fill=255, font=font)
    scale = _BOX / max(width, height)
    glyph = glyph.resize((max(1, round(width * scale)), max(1, round(height * scale))))
    tile = Image.new("L", (_TILE, _TILE))
    tile.paste(glyph, ((_TILE - glyph.width) // 2, (_TILE - glyph.height) // 2))
    return np.asarray(tile.filter(ImageFilter.GaussianBlur(1.2)))


# --- drawing ---------------------------------------------------------------------------------


def _read_tiles(atlas, tile, grid, matrix, centre) -> np.ndarray:
    """Read `grid` points, mapped by an affine map per image, from one tile per image.

    `atlas` (n, 64, 64) uint8, `tile` (b,) int, `grid` (2, p) offsets from the image's centre in
    tile pixels, `matrix` (b, 2, 2) and `centre` (b, 2). Returns (b, p) uint8, 0 outside.
    """
    at = matrix @ grid + (centre[:, :, None] + 0.5)
    np.clip(at, 0, _TILE - 1, out=at)  # every tile has an empty margin, so clipping reads 0
    at = at.astype("int32")
    index = at[:, 0] * _TILE
    index += at[:, 1]
    index += (tile * _TILE**2).astype("int32")[:, None]
    return atlas.ravel()[index]


def _grid(side: int, step: float) -> np.ndarray:
    """Offsets of side × side pixels from their centre, shape (2, side²), in tile pixels."""
    axis = (np.arange(side, dtype="float32") - (side - 1) / 2) * step
    return np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)


def _affine(rng, n, scale, degrees, shear) -> np.ndarray:
    """n inverse affine maps (n, 2, 2): random size, rotation and shear."""
    size = rng.uniform(*scale, n)
    angle = np.deg2rad(rng.uniform(-degrees, degrees, n))
    slant = rng.uniform(-shear, shear, n)
    cos, sin = np.cos(angle) / size, np.sin(angle) / size
    rows = [[cos, -sin], [sin + slant * cos, cos - slant * sin]]
    return np.array(rows, "float32").transpose(2, 0, 1)


def _draw_glyphs(rng, atlas, tiles, side, step, scale, degrees, shear, shift) -> np.ndarray:
    """Draw one glyph per image: (n, side²) uint8. `shift` in output pixels."""
    n = len(tiles)
    matrix = _affine(rng, n, scale, degrees, shear)
    offset = rng.uniform(-shift * step, shift * step, (n, 2, 1)).astype("float32")
    centre = (_TILE - 1) / 2 - (matrix @ offset)[:, :, 0]
    return _read_tiles(atlas, tiles, _grid(side, step), matrix, centre)


def _fragments(rng, atlas, n, side, step, width, scale) -> Iterator[tuple]:
    """Endless pieces of random glyphs, one per image: pixel positions and values, (n, width²)."""
    grid = _grid(width, step)
    corner = (np.arange(width)[:, None] * side + np.arange(width)).ravel()
    image = (np.arange(n) * side**2)[:, None]
    while True:
        matrix = _affine(rng, n, scale, 180, 0)
        # Read around a point of the glyph's box, not of the empty margin.
        centre = rng.uniform(_TILE / 2 - _BOX / 3, _TILE / 2 + _BOX / 3, (n, 2)).astype("float32")
        values = _read_tiles(atlas, rng.integers(len(atlas), size=n), grid, matrix, centre)
        place = rng.integers(side - width + 1, size=(2, n))
        yield image + (place[0] * side + place[1])[:, None] + corner, values


def _cluttered(rng, atlas, tiles, difficulty) -> np.ndarray:
    """Glyphs in grey clutter: (n, 28, 28, 1) float32 in 0–1."""
    side, n = 28, len(tiles)
    step = _BOX / 20  # a glyph of size 1 is 20 pixels tall
    d = difficulty
    canvas = _draw_glyphs(
        rng, atlas, tiles, side, step,
        scale=(1 - 0.4 * d, 1 + 0.2 * d), degrees=40 * d, shear=0.4 * d, shift=8 * d,
    ).ravel()  # fmt: skip
    fragments = _fragments(rng, atlas, n, side, step, width=8, scale=(0.8, 1.2))
    for (where, values), _ in zip(fragments, range(round(8 * d)), strict=False):
        canvas[where] = np.maximum(canvas[where], values)
    x = canvas.reshape(n, side, side, 1) * np.float32(1 / 255)
    x += np.float32(0.2 * d) * rng.standard_normal(x.shape, dtype="float32")
    return np.clip(x, 0, 1, out=x)


def _enlarge(noise, side) -> np.ndarray:
    """Enlarge square grids (…, g, g) to (…, side, side) by linear interpolation."""
    g = noise.shape[-1]
    at = np.linspace(0, g - 1, side)
    weights = np.maximum(0, 1 - abs(at[:, None] - np.arange(g))).astype("float32")
    return weights @ noise @ weights.T


def _scene(rng, atlas, tiles) -> np.ndarray:
    """Glyphs on coloured grounds: (n, 64, 64, 3) uint8."""
    side, n = 64, len(tiles)
    step = _BOX / 44  # a glyph of size 1 is 44 pixels tall
    # Ground: colour noise at three scales, coarse to fine.
    ground = np.float32(0)
    for cells, weight in ((2, 1.0), (5, 0.6), (16, 0.25)):
        noise = rng.standard_normal((n, 3, cells, cells), dtype="float32")
        ground = ground + weight * _enlarge(noise, side)
    ground = 0.5 + 0.2 * ground + rng.uniform(-0.25, 0.25, (n, 3, 1, 1)).astype("float32")
    np.clip(ground, 0, 1, out=ground)
    # Ink: its mean over the channels keeps at least 0.25 away from the ground's.
    mean = ground.mean((1, 2, 3))
    mask = np.zeros(n * side**2, "uint8")
    fragments = _fragments(rng, atlas, n, side, step, width=18, scale=(0.7, 1.1))
    for (where, values), _ in zip(fragments, range(5), strict=False):
        mask[where] = values
    x = _paint(ground, mask.reshape(n, 1, side, side), _ink(rng, mean))
    glyph = _draw_glyphs(
        rng, atlas, tiles, side, step, scale=(0.55, 1.1), degrees=20, shear=0.3, shift=8
    )
    x = _paint(x, glyph.reshape(n, 1, side, side), _ink(rng, mean))
    x += np.float32(0.04) * rng.standard_normal(x.shape, dtype="float32")
    return (np.clip(x, 0, 1) * 255 + 0.5).astype("uint8").transpose(0, 2, 3, 1)


def _paint(ground, mask, ink) -> np.ndarray:
    """Lay `ink` (n, 3, 1, 1) over `ground` where `mask` (n, 1, side, side) uint8 says."""
    return ground + (ink - ground) * (mask * np.float32(1 / 255))


def _ink(rng, ground_mean, apart=0.25) -> np.ndarray:
    """Random colours (n, 3, 1, 1) whose channel mean is `apart` or more from `ground_mean`."""
    n = len(ground_mean)
    below = np.maximum(ground_mean - apart, 0)  # room for darker ink
    above = np.maximum(1 - apart - ground_mean, 0)  # room for lighter ink
    place = rng.uniform(0, below + above)
    mean = np.where(place < below, place, place - below + ground_mean + apart)
    tint = rng.uniform(-1, 1, (n, 3))
    tint -= tint.mean(1, keepdims=True)
    room = np.where(tint > 0, 1 - mean[:, None], mean[:, None]) / np.maximum(abs(tint), 1e-6)
    colour = mean[:, None] + tint * room.min(1, keepdims=True) * rng.uniform(0, 1, (n, 1))
    return colour.astype("float32")[:, :, None, None]


# --- data sets -------------------------------------------------------------------------------


def make_cluttered_digits(
    n_train: int = 2000,
    n_test: int = 1500,
    *,
    difficulty: float = 0.5,
    alphabet: str = DIGITS,
    held_out: str = "test",
    random_state: int = 0,
) -> Dataset:
    """Real handwritten digits in grey clutter, after "cluttered MNIST" (Mnih et al. 2014).

    Parameters
    ----------
    n_train, n_test : int
        Number of images, spread evenly over the classes.
    difficulty : float in 0–1
        Scales everything at once: 0 is a clean, upright digit in the middle; 1 turns it by up to
        ±40°, moves it by up to 8 pixels, and adds 8 fragments of other digits and heavy noise.
    alphabet : str
        The digits to show, for example "01234"; they are the classes, in this order.
    held_out : {"test", "validation"}
        Which handwriting the test images show: 597 originals kept for testing, or 300 kept for
        choosing settings. Training images show the first 900 originals in either case.
    random_state : int
        The same number gives the same images.

    Returns
    -------
    Dataset
        Images of shape (28, 28, 1), ``float32`` in 0–1. Within a class no original returns
        before all have been used.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """
    _check_digits(alphabet, held_out)
    _check_difficulty(difficulty)
    return _make(
        lambda split: _choose_classes(*_digit_atlas(split), alphabet),
        lambda *args: _cluttered(*args, difficulty),
        (n_train, n_test, held_out, random_state),
        (tuple(alphabet), _DIGITS_LICENCE, _DIGITS_SOURCE),
    )


def make_cluttered_letters(
    n_train: int = 16000,
    n_test: int = 1500,
    *,
    difficulty: float = 0.5,
    alphabet: str = LETTERS,
    random_state: int = 0,
) -> Dataset:
    """Printed characters in the same clutter as `make_cluttered_digits`.

    Parameters
    ----------
    n_train, n_test, difficulty, random_state
        As in `make_cluttered_digits`.
    alphabet : str
        Any characters of which matplotlib's font faces have two shapes; they are the classes.

    Returns
    -------
    Dataset
        Images of shape (28, 28, 1), ``float32`` in 0–1; test images show other font faces.

    Raises
    ------
    ValueError
        If a parameter is out of its range or a character is not to be had.
    """
    _check_alphabet(alphabet)
    _check_difficulty(difficulty)
    return _make(
        lambda split: _print_atlas(alphabet, split),
        lambda *args: _cluttered(*args, difficulty),
        (n_train, n_test, "test", random_state),
        (tuple(alphabet), _PRINT_LICENCE, _PRINT_SOURCE),
    )


def make_scene_digits(
    n_train: int = 1000,
    n_test: int = 1000,
    *,
    alphabet: str = DIGITS,
    held_out: str = "test",
    random_state: int = 0,
) -> Dataset:
    """Real handwritten digits in coloured scenes: 64×64×3, ``uint8`` in 0–255.

    Colour noise at three scales as the ground, five fragments of other digits, and the digit
    itself under a random affine map; the mean of its ink differs from the ground's by at least a
    quarter of the range. Parameters, result and errors as in `make_cluttered_digits`.
    """
    _check_digits(alphabet, held_out)
    return _make(
        lambda split: _choose_classes(*_digit_atlas(split), alphabet),
        _scene,
        (n_train, n_test, held_out, random_state),
        (tuple(alphabet), _DIGITS_LICENCE, _DIGITS_SOURCE),
    )


def make_scene_letters(
    n_train: int = 1000,
    n_test: int = 1000,
    *,
    alphabet: str = LETTERS,
    penned: bool = False,
    random_state: int = 0,
) -> Dataset:
    """Printed characters in the coloured scenes of `make_scene_digits`.

    Test images show other faces. Parameters, result and errors as in `make_cluttered_letters`,
    images as in `make_scene_digits`. With `penned`, the characters waver and blur as if written by
    hand and scanned like the digits.
    """
    _check_alphabet(alphabet)
    return _make(
        lambda split: _print_atlas(alphabet, split, penned),
        _scene,
        (n_train, n_test, "test", random_state),
        (tuple(alphabet), _PRINT_LICENCE, _PRINT_SOURCE),
    )


def _make(
    atlas_of: Callable[[str], tuple[np.ndarray, np.ndarray]],
    draw: Callable[..., np.ndarray],
    request: tuple[int, int, str, int],
    about: tuple[tuple[str, ...], str, str],
) -> Dataset:
    """Draw a training and a test set from the originals of their splits."""
    n_train, n_test, held_out, random_state = request
    arrays = []
    # One random stream per split: asking for more training images leaves the test set alone.
    streams = np.random.default_rng(random_state).spawn(2)
    for split, n, rng in zip(("train", held_out), (n_train, n_test), streams, strict=True):
        atlas, labels = atlas_of(split)
        y, tiles = _choose_originals(rng, labels, n, len(about[0]))
        batches = [draw(rng, atlas, tiles[i : i + _BATCH]) for i in range(0, n, _BATCH)]
        arrays += [np.concatenate(batches), y]
    return Dataset(*arrays, *about)


def _choose_originals(rng, labels, n, classes) -> tuple[np.ndarray, np.ndarray]:
    """Labels spread evenly over the classes, and an original for each, (n,) and (n,)."""
    if n < 1:
        raise ValueError(f"the number of images must be at least 1, not {n}.")
    y = rng.permutation(np.arange(n) % classes)
    tiles = np.empty(n, "int64")
    for k in range(classes):
        mine = np.flatnonzero(y == k)
        pool = np.flatnonzero(labels == k)
        rounds = [rng.permutation(pool) for _ in range(-(-len(mine) // len(pool)))]
        tiles[mine] = np.concatenate(rounds or [pool])[: len(mine)]
    return y, tiles


def _choose_classes(atlas, labels, alphabet) -> tuple[np.ndarray, np.ndarray]:
    """The tiles whose digit is in `alphabet`, labelled by their place in it."""
    place = np.full(len(DIGITS), -1)
    for k, digit in enumerate(alphabet):
        place[int(digit)] = k
    keep = place[labels] >= 0
    return atlas[keep], place[labels[keep]]


def _check_alphabet(alphabet: str) -> None:
    if len(alphabet) < 2 or len(set(alphabet)) < len(alphabet):
        raise ValueError(f"alphabet must be two or more different characters, not {alphabet!r}.")


def _check_digits(alphabet: str, held_out: str) -> None:
    _check_alphabet(alphabet)
    if not set(alphabet) <= set(DIGITS):
        raise ValueError(f"alphabet may hold the digits 0 to 9, not {alphabet!r}.")
    if held_out not in ("test", "validation"):
        raise ValueError(f"held_out must be 'test' or 'validation', not {held_out!r}.")


def _check_difficulty(difficulty: float) -> None:
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty must lie between 0 and 1, not {difficulty}.")
