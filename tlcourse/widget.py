"""What every widget of the course needs in the kernel; `widget.js` is the browser's side.

A widget's own JavaScript follows `widget.js` in one module, which is sent with the widget: nothing
is loaded from anywhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files

import anywidget
import numpy as np
from traitlets import Dict

from tlcourse.data.remarks import printable
from tlcourse.files import CourseError, short

_BARS = 10  # names that are shown with their probabilities


def script(name: str) -> str:
    """The JavaScript of a widget, with what all widgets need in front of it.

    Parameters
    ----------
    name : str
        Its file in the package, "camera.js".
    """
    return "".join(
        files("tlcourse").joinpath(part).read_text("utf-8") for part in ("widget.js", name)
    )


class Widget(anywidget.AnyWidget):
    """A widget in which each message of the browser gets one answer.

    A message has an `id`, which its answer repeats. What goes wrong becomes a sentence in the
    widget, under `problem`. A class of its own gives `_esm`, `_stand_in` and `_answer`.
    """

    _css = files("tlcourse").joinpath("widget.css").read_text("utf-8")
    _setup = Dict().tag(sync=True)  # what the browser has to know from the start
    _stand_in = ""  # the sentence that a page shows in its place

    def __init__(self, **setup) -> None:
        super().__init__(_setup=setup)
        self.on_msg(self._receive)

    def _receive(self, _, message: dict, buffers: Sequence) -> None:
        answer, attached = {}, []
        try:
            answer = self._answer(message, [bytes(b) for b in buffers])
            attached = answer.pop("buffers", [])
        except CourseError as error:
            answer = {"problem": str(error)}
        except Exception as error:
            answer = {"problem": f"Something went wrong ({type(error).__name__}: {error})."}
        self.send(answer | {"answers": message.get("id")}, attached)

    def _answer(self, message: dict, buffers: list[bytes]) -> dict:
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        """Show the widget in Jupyter; what stands in for it elsewhere never changes."""
        from tlcourse.plotting import in_notebook

        if not in_notebook():
            print(repr(self))
            return
        from IPython.display import display

        bundle, metadata = self._repr_mimebundle_()
        del bundle["text/plain"]
        page = f"<p>{self._stand_in}</p>"
        display(bundle | {"text/html": page}, metadata=metadata, raw=True)


def predicted(predict: Callable, image: np.ndarray, what: str) -> list[tuple[str, float]]:
    """What a classifier says of an image, as names and probabilities to show.

    Parameters
    ----------
    predict : callable
        Of the learner: it may raise anything, and return anything.
    image : ndarray
    what : str
        "a photo": what the learner would call it with, to look for a fault.

    Raises
    ------
    CourseError
        If it raises something, or returns no names with probabilities.
    """
    try:
        answer = predict(image)
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        message = printable(str(error).strip().partition("\n")[0][:200])
        raise CourseError(
            f"predict raised {type(error).__name__}{message and ': '}{message.rstrip('.')}. Call "
            f"it with {what} in a cell of its own to see where, then start again."
        ) from None
    return bars(answer)


def bars(answer: Mapping[str, float] | Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Names and probabilities to show: all in their order, or the ten most probable.

    Raises
    ------
    CourseError
        If these are no names with numbers from 0 to 1.
    """
    pairs = answer.items() if isinstance(answer, Mapping) else answer
    try:
        pairs = [(name, float(value)) for name, value in pairs]
    except (TypeError, ValueError):
        pairs = []
    # Two columns of numbers are no pairs, though they look like some: logits of two classes.
    if hasattr(answer, "shape") or any(isinstance(name, float) for name, _ in pairs):
        pairs = []
    if not pairs:
        raise CourseError(
            f"predict returned {short(answer)}: it must return a dict from names to "
            "probabilities, or pairs of them."
        )
    pairs = [(printable(str(name)), value) for name, value in pairs]
    for name, value in pairs:
        if not -1e-3 <= value <= 1 + 1e-3:  # what rounding may do
            raise CourseError(
                f"predict returned {value:g} for {name!r}, which is no probability from 0 to 1; "
                "softmax makes them of logits."
            )
    if len(pairs) > _BARS:
        pairs = sorted(pairs, key=lambda pair: -pair[1])[:_BARS]
    return [(name, min(max(value, 0.0), 1.0)) for name, value in pairs]
