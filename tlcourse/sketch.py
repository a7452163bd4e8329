"""A pad in a notebook on which a digit is drawn, and read while it is drawn.

What the reader sees and draws on is `sketch.js`; here is what the kernel does. The browser sends
the strokes, and `data.strokes_to_digit` makes of them an image like those that a classifier learned
from.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from tlcourse.data.strokes import SAMPLE_STROKES, strokes_to_digit
from tlcourse.files import CourseError, short
from tlcourse.widget import Widget, predicted, script

_MOST = 20_000  # points of a drawing; a busy hand makes 200 in a second


class Sketch(Widget):
    """Draw a digit and see it read: the last line of a cell, ``Sketch(predict)``.

    One draws with the mouse, a pen or a finger. While the drawing grows, the classifier's
    probabilities and the image that it gets are shown beside it.

    Parameters
    ----------
    predict : callable
        Takes an image of shape (28, 28, 1), ``float32`` in 0–1, as in `load_digits28`; returns a
        dict from names to probabilities in 0–1, or pairs of them. What it raises is shown as a
        sentence.

    Attributes
    ----------
    image : ndarray, shape (28, 28, 1), or None
        The drawing as the classifier gets it; None while nothing is drawn.

    Raises
    ------
    CourseError
        If `predict` cannot be called.

    Examples
    --------
    >>> pad = Sketch(lambda image: {"ink": image.mean(), "none": 1 - image.mean()})
    """

    _esm = script("sketch.js")
    _stand_in = "The drawing pad appears here when you run this cell in JupyterLab."

    def __init__(
        self, predict: Callable[[np.ndarray], Mapping[str, float] | Iterable[tuple[str, float]]]
    ) -> None:
        if not callable(predict):
            raise CourseError(
                "Sketch needs a function that takes an image and returns a dict of names and "
                f"probabilities, not {short(predict)}."
            )
        self._predict = predict
        self.image: np.ndarray | None = None
        samples = [
            [[[x / 100, y / 100] for x, y in stroke] for stroke in strokes]
            for strokes in SAMPLE_STROKES.values()
        ]
        super().__init__(samples=samples, names=list(SAMPLE_STROKES))

    def __repr__(self) -> str:
        return f"Sketch({getattr(self._predict, '__name__', type(self._predict).__name__)})"

    def _answer(self, message: dict, buffers: list[bytes]) -> dict:
        self.image = None
        strokes = message["strokes"]
        if not strokes:
            return {"bars": []}
        if sum(map(len, strokes)) > _MOST:
            raise CourseError("There are too many lines in this drawing: clear it, and draw again.")
        self.image = strokes_to_digit(strokes)
        seen = np.round(255 * self.image[..., 0]).astype("uint8").tobytes()
        return {"bars": predicted(self._predict, self.image, "pad.image"), "buffers": [seen]}
