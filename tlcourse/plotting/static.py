"""Every static figure of the course, in one style.

Each function takes `ax=None`, draws, and returns the axes. `show` puts a figure into a notebook
with its alternative text. Importing this module sets matplotlib's style.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np

from tlcourse.labels import class_numbers, comparable
from tlcourse.plotting.fonts import drawable, with_fonts

# The palette of Okabe & Ito (2008): distinct for colour-blind eyes and on a projector.
# One colour and one marker mean the same thing through the whole course.
COLORS = {
    "scratch": "#D55E00",
    "fine-tuned": "#0072B2",
    "frozen": "#009E73",
    "source": "#CC79A7",
    "train": "#0072B2",
    "validation": "#E69F00",
}
MARKERS = {"scratch": "o", "fine-tuned": "s", "frozen": "^", "source": "D"}
_OTHER = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

WIDTH = 7.0  # inches, of a full-width figure
_SQUARE = 240  # pixels, of the square that a photograph is shown in

plt.rcParams.update(
    {
        "figure.figsize": (WIDTH, 3.6),
        "figure.dpi": 96,
        "figure.constrained_layout.use": True,
        "axes.prop_cycle": plt.cycler(color=_OTHER),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 11,
        "grid.color": "#dddddd",
        "legend.frameon": False,
        "font.size": 11,
        "image.cmap": "gray",
        "lines.linewidth": 2,
    }
)


def show(figure, alt: str) -> None:
    """Show a figure in the notebook, with alternative text, and close it.

    Parameters
    ----------
    figure : Figure or Axes
    alt : str
        What a reader who cannot see the figure must know: what is drawn, and what it shows.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    redraw(figure, alt, None)


def redraw(figure, alt: str, handle):
    """Like `show`, in the place of an earlier figure.

    Parameters
    ----------
    figure, alt
        As in `show`.
    handle : DisplayHandle or None
        What an earlier call returned; None opens a new place.

    Returns
    -------
    DisplayHandle or None
        For the next call; None where this is not a notebook.
    """
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what the figure shows.")
    from IPython.display import display

    figure = getattr(figure, "figure", figure)
    png = BytesIO()
    figure.savefig(png, format="png", dpi=144)
    plt.close(figure)
    data = {"image/png": b64encode(_in_few_colours(png.getvalue())).decode(), "text/plain": alt}
    width = round(figure.get_figwidth() * 96)
    metadata = {"image/png": {"alt": alt, "width": width}}
    if handle is None:
        return display(data, raw=True, metadata=metadata, display_id=True)
    handle.update(data, raw=True, metadata=metadata)
    return handle


def in_notebook() -> bool:
    """Whether the code runs in a Jupyter kernel."""
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def image_grid(
    images: np.ndarray | Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    *,
    columns: int = 10,
    title: str = "",
    limits: tuple[float, float] | None = None,
    cmap: str = "gray",
    ax=None,
):
    """Lay images out in rows.

    Parameters
    ----------
    images : ndarray, shape (n, h, w), (n, h, w, 1) or (n, h, w, 3)
        ``uint8`` or floats. Or a sequence of photographs, each of its own size, shape (h, w, 3),
        ``uint8``: each is shown whole, in a square.
    titles : sequence of str, optional
        A word above each image.
    columns : int
    title : str
        Above the whole.
    limits : (low, high), optional
        Values drawn black and white; by default the extremes of all the images together.
    cmap : str
    """
    if len({np.shape(image) for image in images}) > 1:
        images = [_in_square(image) for image in images]
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or not len(images):
        raise ValueError(f"images must have the shape (n, h, w[, channels]), not {images.shape}.")
    n, h, w = images.shape[:3]
    columns = min(columns, n)
    rows = -(-n // columns)
    gap = max(1, round(0.08 * w))
    above = round((0.32 if h < _SQUARE else 0.22) * h) if titles is not None else gap
    if ax is None:
        cell = min(1.1 if h < _SQUARE else 1.7, WIDTH / columns)  # inches
        size = (columns * cell, rows * cell * (h + above) / (w + gap) + (0.4 if title else 0.1))
        _, ax = plt.subplots(figsize=(max(size[0], 3), size[1]))
    low, high = limits or (images.min(), images.max())
    if titles is not None:
        titles, _ = with_fonts(titles)
    for i, image in enumerate(images):
        x, y = (i % columns) * (w + gap), (i // columns) * (h + above) + above
        ax.imshow(image, extent=(x, x + w, y + h, y), vmin=low, vmax=high, cmap=cmap)
        if titles is not None:
            ax.text(x + w / 2, y - 0.05 * h, titles[i], ha="center", va="bottom", fontsize=10)
    ax.set(xlim=(0, columns * (w + gap) - gap), ylim=(rows * (h + above), 0), aspect="equal")
    ax.axis("off")
    ax.set_title(title)
    return ax


def _in_square(photo: np.ndarray) -> np.ndarray:
    """A photograph of any size, whole, with white beside it."""
    from PIL import Image, ImageOps

    square = ImageOps.pad(Image.fromarray(photo), (_SQUARE, _SQUARE), color="white")
    return np.asarray(square)


def feature_maps(maps: np.ndarray, *, columns: int = 8, title: str = "", ax=None):
    """The channels of one activation, shape (h, w, channels), each stretched to its own range."""
    maps = np.moveaxis(np.asarray(maps, float), -1, 0)
    low = maps.min((1, 2), keepdims=True)
    span = maps.max((1, 2), keepdims=True) - low
    return image_grid(
        (maps - low) / np.where(span > 0, span, 1),
        columns=columns,
        title=title,
        limits=(0, 1),
        ax=ax,
    )


def learning_curves(history: Mapping[str, Sequence[float]], metric: str = "accuracy", *, ax=None):
    """A metric over the epochs, on training and, where there is one, validation data.

    `history` is what Keras' `fit(...).history` holds: a list per name, the validation's under
    `"val_" + metric`.
    """
    ax = ax or plt.subplots()[1]
    for name, label in ((metric, "train"), ("val_" + metric, "validation")):
        if name in history:
            epochs = np.arange(1, len(history[name]) + 1)
            ax.plot(epochs, history[name], "o-", ms=4, color=COLORS[label], label=label)
    ax.set(xlabel="epoch", ylabel=metric)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def mean_and_sd(scores) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (n − 1) of scores over seeds.

    Parameters
    ----------
    scores : array-like, shape (…, seeds); or mapping
        Every score, as `training.label_efficiency` returns and a benchmark stores them; or what is
        left of scores of which only the summary was kept, ``{"mean": …, "sd": …}``.

    Returns
    -------
    mean, sd : ndarray, shape (…)
        `sd` is NaN where there is a single seed.

    Raises
    ------
    ValueError
        If `scores` is neither of the two.
    """
    if isinstance(scores, Mapping):
        if set(scores) != {"mean", "sd"} or np.shape(scores["mean"]) != np.shape(scores["sd"]):
            raise ValueError(
                "a summary of scores holds a mean and an sd of one shape, not "
                f"{', '.join(map(str, scores)) or 'nothing'}."
            )
        return np.asarray(scores["mean"], float), np.asarray(scores["sd"], float)
    try:
        scores = np.asarray(scores, float)
    except (TypeError, ValueError):
        raise ValueError("scores must be numbers, equally many for each setting.") from None
    if not scores.ndim or not scores.size:
        raise ValueError(f"scores must have the shape (…, seeds), not {scores.shape}.")
    seeds = scores.shape[-1]
    sd = scores.std(-1, ddof=1) if seeds > 1 else np.full(scores.shape[:-1], np.nan)
    return scores.mean(-1), sd


def label_efficiency(
    labels: Sequence[int], results: Mapping[str, np.ndarray], *, title: str = "", ax=None
):
    """Accuracy over the number of labels: mean over seeds, and ± one standard deviation.

    Parameters
    ----------
    labels : sequence of int
        Labels per class.
    results : mapping of name to ndarray, shape (labels, seeds)
        Accuracies in 0–1, as `training.label_efficiency` returns them; see also `mean_and_sd`.

    Raises
    ------
    ValueError
        If some result has another shape or other values.
    """
    labels, curves = list(labels), {}
    for name, scores in results.items():
        try:
            mean, sd = mean_and_sd(scores)
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from None
        if mean.shape != (len(labels),):
            seen = np.shape(scores["mean"] if isinstance(scores, Mapping) else scores)
            raise ValueError(
                f"{name!r} has the shape {seen}: give (labels, seeds), here a row of scores for "
                f"each of {len(labels)} numbers of labels."
            )
        if not (mean.min() >= 0 and mean.max() <= 1):  # which NaN fails as well
            raise ValueError(
                f"{name!r} goes from {mean.min():g} to {mean.max():g}: give accuracies in 0–1."
            )
        curves[name] = 100 * mean, 100 * sd
    ax = ax or plt.subplots()[1]
    for i, (name, (mean, sd)) in enumerate(curves.items()):
        style = {"color": COLORS.get(name, _OTHER[i % 7]), "marker": MARKERS.get(name, "o")}
        ax.plot(labels, mean, label=name, **style)
        if np.isfinite(sd).all():
            band = np.clip([mean - sd, mean + sd], 0, 100)
            ax.fill_between(labels, *band, color=style["color"], alpha=0.2, lw=0)
    ax.set_xscale("log")
    ax.set_xticks(labels, [str(n) for n in labels])
    ax.minorticks_off()
    ax.set(xlabel="labels per class", ylabel="test accuracy (%)", title=title)
    ax.legend()
    return ax


def confusion_matrix(
    y: np.ndarray, predicted: np.ndarray, class_names: Sequence[str], *, title: str = "", ax=None
):
    """Counts of true class (rows) against predicted class (columns).

    Colours are shares of the row, so that a rare class shows as well as a frequent one.

    Raises
    ------
    ValueError
        If `y` and `predicted` are not numbers of these classes, one for each example.
    """
    classes, class_names = len(class_names), drawable(class_names)
    y, predicted = (
        class_numbers(values, classes, name=name)
        for name, values in (("y", y), ("predicted", predicted))
    )
    comparable(y=y, predicted=predicted)
    counts = np.bincount(y * classes + predicted, minlength=classes**2)
    counts = counts.reshape(classes, classes)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    if ax is None:
        _, ax = plt.subplots(figsize=(5, 4.6))
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        if count:
            colour = "white" if share[i, j] > 0.5 else "black"
            ax.text(j, i, count, ha="center", va="center", color=colour, fontsize=9)
    ax.set_xticks(range(classes), class_names)
    ax.set_yticks(range(classes), class_names)
    ax.set(xlabel="predicted class", ylabel="true class", title=title)
    ax.grid(False)
    return ax


def kernel_window(image: np.ndarray, kernel: np.ndarray, row: int, column: int):
    """A kernel at one place of an image: the window, its nine products, and the output there.

    Parameters
    ----------
    image : ndarray, shape (h, w)
    kernel : ndarray, shape (k, k)
    row, column : int
        Upper left corner of the window.

    Returns
    -------
    Figure
    """
    k = len(kernel)
    windows = np.lib.stride_tricks.sliding_window_view(image, (k, k))
    output = (windows * kernel).sum((2, 3))
    window = windows[row, column]
    products = window * kernel
    widths = [image.shape[1] / image.shape[0], 1, output.shape[1] / output.shape[0]]
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.7), width_ratios=widths)
    reach = abs(output).max()
    axes[0].imshow(image, vmin=0, vmax=1)
    axes[1].imshow(products, cmap="RdBu_r", vmin=-1, vmax=1)
    axes[2].imshow(output, cmap="RdBu_r", vmin=-reach, vmax=reach)
    for (i, j), value in np.ndenumerate(products):
        ink = "white" if abs(value) > 0.6 else "black"
        text = f"{window[i, j]:.2f}×{kernel[i, j]:.2g}".replace("-", "−")
        axes[1].text(j, i, text, ha="center", va="center", fontsize=8, color=ink)
    # The frame in the output goes around its number, so that its colour can be seen.
    for ax, side, before, colour in ((axes[0], k, 0.5, "#D55E00"), (axes[2], 3, 1.5, "black")):
        corner = (column - before, row - before)
        ax.add_patch(plt.Rectangle(corner, side, side, fill=False, color=colour, lw=2))
    titles = ("image", "pixel × weight", f"output; framed: {output[row, column]:.2f}")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
        ax.axis("off")
    return figure


def guess_and_measurement(guess: float, value: float, ends: tuple[float, float], *, ax=None):
    """A guess and what was measured, on one line of numbers.

    Parameters
    ----------
    guess, value : float
    ends : (float, float)
        Of the line; it grows if the value lies beyond.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, 0.9))
    low, high = min(ends[0], value), max(ends[1], value)
    ax.plot([guess, value], [0, 0], color="#bbbbbb", lw=3, zorder=1)
    ax.plot(guess, 0, "o", color="#E69F00", ms=12, label="your guess")
    ax.plot(value, 0, "D", color="#0072B2", ms=10, label="measured")
    margin = 0.03 * (high - low)
    ax.set(xlim=(low - margin, high + margin), ylim=(-1, 1), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.grid(False, axis="y")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 0.75), ncols=2)
    return ax


_DRAWN = 4096  # colours: a drawing has some hundreds, from its smooth edges, a photograph far more


def _in_few_colours(png: bytes) -> bytes:
    """A drawing with a palette of 256 colours, a third of the size; a photograph as it is."""
    from PIL import Image

    image = Image.open(BytesIO(png)).convert("RGB")
    if image.getcolors(_DRAWN) is None:
        return png
    smaller = BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(smaller, format="png")
    return smaller.getvalue()
