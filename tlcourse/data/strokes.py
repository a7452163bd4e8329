"""A digit that somebody draws on the screen, as an image like those of `load_digits28`.

Those digits were scanned, cut out and scaled so that each fills its eight rows (Garris et al.,
*NIST form-based handprint recognition system*, 1994), and a classifier that learned from them
expects the same of a drawing, wherever and however large it was drawn.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from tlcourse.data.glyphs import enlarge_digits

Strokes = Sequence[Sequence[Sequence[float]]]  # strokes of points (x, y), y growing downwards

# One digit of each class, as a hand draws them, in hundredths of the square.
SAMPLE_STROKES: dict[str, Strokes] = {
    "0": [[(50, 8), (36, 14), (27, 34), (25, 58), (32, 80), (46, 92), (60, 88), (71, 70), (74, 46),
           (69, 24), (59, 11), (49, 8)]],
    "1": [[(32, 30), (44, 20), (55, 7), (54, 35), (53, 65), (52, 93)]],
    "2": [[(25, 27), (34, 12), (50, 7), (66, 14), (71, 30), (62, 50), (44, 70), (25, 91), (50, 92),
           (78, 91)]],
    "3": [[(26, 18), (38, 8), (55, 8), (67, 18), (66, 34), (55, 45), (44, 48), (60, 52), (72, 65),
           (71, 80), (58, 92), (40, 93), (24, 84)]],
    "4": [[(54, 7), (42, 28), (30, 48), (20, 63), (45, 64), (82, 62)],
          [(65, 40), (62, 68), (60, 93)]],
    "5": [[(74, 8), (32, 8), (29, 26), (28, 44), (42, 39), (58, 42), (70, 54), (72, 70), (63, 86),
           (46, 93), (28, 86)]],
    "6": [[(64, 8), (48, 22), (36, 42), (29, 62), (32, 80), (45, 92), (60, 90), (70, 78), (68, 64),
           (54, 56), (40, 60), (31, 70)]],
    "7": [[(22, 9), (48, 9), (78, 8), (66, 32), (53, 60), (44, 93)], [(36, 50), (70, 48)]],
    "8": [[(66, 20), (54, 9), (38, 13), (34, 26), (44, 40), (60, 53), (70, 68), (66, 84), (50, 93),
           (34, 85), (32, 68), (44, 53), (60, 38), (68, 26), (66, 19)]],
    "9": [[(68, 26), (56, 10), (40, 10), (30, 22), (31, 38), (42, 48), (56, 45), (67, 32), (69, 26),
           (68, 50), (65, 74), (60, 93)]],
}  # fmt: skip

_ROWS = 8  # of the originals, each of which a digit fills
_COLUMNS = 7  # the most that a digit covers of eight: no original covers all
_PEN = 1.4  # width of a line, in rows
_UPRIGHT = 0.8  # of its slant a drawing loses so much, as the readers of postal codes did it
_STEEPEST = 0.6  # columns to the side for each row: what slants more is no slant
_FINE = 16  # pixels in which a row is drawn, before they are averaged


def strokes_to_digit(strokes: Strokes) -> np.ndarray:
    """An image of a drawing, prepared as the digits of `load_digits28` are.

    The drawing is set upright, scaled to the full height, moved to the middle, and drawn with the
    thickness that the digits have.

    Parameters
    ----------
    strokes : sequence of strokes
        Each a sequence of points (x, y), in any unit, y growing downwards. A single point is a dot.

    Returns
    -------
    ndarray, shape (28, 28, 1)
        ``float32``, 0 for the ground to 1 for ink.

    Raises
    ------
    ValueError
        If there is no point, or something is none.
    """
    lines = [_equidistant(line) for line in _checked(strokes)]
    points = np.concatenate(lines)
    middle = points.mean(0)
    slant = _UPRIGHT * _slant(points - middle)
    upright = [line - np.outer(line[:, 1] - middle[1], [slant, 0]) for line in lines]
    points = np.concatenate(upright)
    low, high = points.min(0), points.max(0)
    room = np.array([_COLUMNS, _ROWS]) - _PEN
    scale = min(room / np.maximum(high - low, 1e-6 * (1 + abs(points).max())))
    small = _ink([(line - (low + high) / 2) * scale + _ROWS / 2 for line in upright])
    return enlarge_digits(small[None])[0]


def _checked(strokes: Iterable) -> list[np.ndarray]:
    """Each stroke as an array of points, shape (n, 2)."""
    try:
        lines = [np.asarray(stroke, "float64") for stroke in strokes]
    except (TypeError, ValueError):
        lines = [np.zeros(1)]
    lines = [line for line in lines if line.shape != (0,)]
    if any(line.ndim != 2 or line.shape[1] != 2 or not np.isfinite(line).all() for line in lines):
        raise ValueError("a drawing is a list of strokes, and each a list of points (x, y).")
    if not sum(map(len, lines)):
        raise ValueError("there is nothing drawn: give at least one stroke with a point.")
    return [line for line in lines if len(line)]


def _equidistant(line: np.ndarray) -> np.ndarray:
    """The stroke in 64 points, each as far from the next, so that a slow hand counts no more."""
    along = np.r_[0, np.hypot(*np.diff(line, axis=0).T).cumsum()]
    places = np.linspace(0, along[-1], 64)
    return np.stack([np.interp(places, along, part) for part in line.T], 1)


def _slant(points: np.ndarray) -> float:
    """How far the drawing leans to the right for each row further down; negative is usual."""
    x, y = points.T
    spread = y @ y
    return float(np.clip(x @ y / spread, -_STEEPEST, _STEEPEST)) if spread > 0 else 0.0


def _ink(lines: list[np.ndarray]) -> np.ndarray:
    """The lines on 8×8 pixels, in 0–1."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (_ROWS * _FINE, _ROWS * _FINE))
    brush, radius = ImageDraw.Draw(image), _PEN * _FINE / 2
    for line in lines:
        points = [tuple(point) for point in line * _FINE - 0.5]
        brush.line(points, fill=255, width=round(2 * radius))
        for x, y in points:  # round ends, and no gaps at bends
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    fine = np.asarray(image, "float64") / 255
    return fine.reshape(_ROWS, _FINE, _ROWS, _FINE).mean((1, 3))
