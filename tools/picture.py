"""The README's first picture: sample photographs, and what the ImageNet network that ships says.

`python -m tools.picture` draws `docs/_static/recognised.png` again.
"""

from pathlib import Path

import numpy as np

from tlcourse import models, plotting
from tlcourse.data import load_sample_photos

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "_static" / "recognised.png"
CHOSEN = ("coffee", "cat", "temple", "photographer")


def centre(image: np.ndarray, ratio: float = 4 / 3) -> np.ndarray:
    """The largest part of an image in its middle that is `ratio` times as wide as high."""
    h, w = image.shape[:2]
    height, width = min(h, round(w / ratio)), min(w, round(h * ratio))
    top, left = (h - height) // 2, (w - width) // 2
    return image[top : top + height, left : left + width]


def main() -> None:
    """Draw four photographs, each with its three likeliest names."""
    photos = load_sample_photos()
    figure, axes = plotting.plt.subplots(
        2, len(CHOSEN), figsize=(9, 3.1), height_ratios=(2.6, 1), layout="none"
    )
    figure.subplots_adjust(0.01, 0.02, 0.99, 0.99, wspace=0.06, hspace=0.06)
    for (above, below), name in zip(axes.T, CHOSEN, strict=True):
        above.imshow(centre(photos[name].image), aspect="auto")
        above.axis("off")
        answers = models.classify(photos[name].image, top=3)
        below.barh(range(3), [probability for _, probability in answers], color="#9CCBE8")
        for row, (answer, probability) in enumerate(answers):
            below.text(0.02, row, answer, va="center", weight="normal" if row else "bold")
            below.text(0.98, row, f"{probability:.0%}", va="center", ha="right")
        below.set(xlim=(0, 1), ylim=(2.5, -0.5))
        below.axis("off")
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
