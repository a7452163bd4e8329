"""Every figure of the course, in one style: `static` ones, and those behind sliders.

Importing it sets matplotlib's style.
"""

import os

from tlcourse.files import CourseError

try:
    import matplotlib  # noqa: F401
except ValueError as _error:
    raise CourseError(
        f"MPLBACKEND is {os.environ.get('MPLBACKEND')!r}, which matplotlib does not know: "
        "unset it, or set it to agg."
    ) from _error

from tlcourse.plotting.interactive import (
    decision_boundary,
    descent_on_data,
    judge_learning_rate,
    learning_rate_game,
    lines,
    paths_on_contours,
    prediction,
    reliability_diagram,
    three_logits,
    threshold,
    unfreezing_depth,
)
from tlcourse.plotting.static import (
    COLORS,
    MARKERS,
    WIDTH,
    confusion_matrix,
    feature_maps,
    guess_and_measurement,
    image_grid,
    in_notebook,
    kernel_window,
    label_efficiency,
    learning_curves,
    mean_and_sd,
    plt,
    redraw,
    show,
)

__all__ = [
    "COLORS",
    "MARKERS",
    "WIDTH",
    "confusion_matrix",
    "decision_boundary",
    "descent_on_data",
    "feature_maps",
    "guess_and_measurement",
    "image_grid",
    "in_notebook",
    "judge_learning_rate",
    "kernel_window",
    "label_efficiency",
    "learning_curves",
    "learning_rate_game",
    "lines",
    "mean_and_sd",
    "paths_on_contours",
    "plt",
    "prediction",
    "redraw",
    "reliability_diagram",
    "show",
    "three_logits",
    "threshold",
    "unfreezing_depth",
]
