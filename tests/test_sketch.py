"""The kernel's side of the drawing pad; what the browser sends is made up."""

import numpy as np
import pytest

from tlcourse import plotting
from tlcourse.data import SAMPLE_STROKES, strokes_to_digit
from tlcourse.files import CourseError
from tlcourse.sketch import Sketch

BAR = [[[0.5, 0.1], [0.5, 0.9]]]


class Browser:
    """What sketch.js asks of the kernel."""

    def __init__(self, pad):
        self.pad, self.sent = pad, []
        pad.send = lambda message, buffers=(): self.sent.append((message, buffers))

    def read(self, strokes):
        """The answer to a drawing, and the image that comes with it."""
        data = {"method": "custom", "content": {"do": "read", "id": 7, "strokes": strokes}}
        self.pad._handle_msg({"content": {"data": data}, "buffers": []})
        message, buffers = self.sent.pop()
        assert message.pop("answers") == 7
        assert self.sent == []
        return message, buffers


def test_a_drawing_is_read_and_kept_as_an_image():
    asked = []

    def predict(image):
        asked.append(image)
        return {"1": 0.75, "7": 0.25}

    pad = Sketch(predict)
    assert pad.image is None
    message, (seen,) = Browser(pad).read(BAR)
    assert message == {"bars": [("1", 0.75), ("7", 0.25)]}
    np.testing.assert_array_equal(pad.image, strokes_to_digit(BAR))
    np.testing.assert_array_equal(asked[0], pad.image)
    shown = np.frombuffer(seen, "uint8").reshape(28, 28) / 255
    np.testing.assert_allclose(shown, pad.image[..., 0], atol=1 / 255)


def test_a_cleared_pad_has_no_image_and_no_bars():
    pad = Sketch(lambda image: {"1": 1})
    browser = Browser(pad)
    browser.read(BAR)
    assert browser.read([]) == ({"bars": []}, [])
    assert pad.image is None


def test_the_browser_knows_the_samples_from_the_start():
    setup = Sketch(lambda image: {"1": 1}).get_state()["_setup"]
    assert setup["names"] == list("0123456789")
    for name, strokes in zip(setup["names"], setup["samples"], strict=True):
        points = np.concatenate(strokes)
        assert points.min() > 0.05
        assert points.max() < 0.95
        ours = strokes_to_digit(SAMPLE_STROKES[name])
        np.testing.assert_allclose(strokes_to_digit(strokes), ours, atol=0.02)


def test_what_the_classifier_raises_becomes_a_sentence_and_the_next_drawing_is_read():
    answers = [lambda: 1 / 0, lambda: {"1": 2.5}, lambda: {"1": 1.0}]
    browser = Browser(Sketch(lambda image: answers.pop(0)()))
    assert "predict raised ZeroDivisionError: division by zero." in browser.read(BAR)[0]["problem"]
    assert "no probability from 0 to 1" in browser.read(BAR)[0]["problem"]
    assert browser.read(BAR)[0] == {"bars": [("1", 1.0)]}


@pytest.mark.parametrize(
    "strokes", [[[["a", 1]]], [[[1, 2, 3]]], [[[float("inf"), 1]]], 3, [[None]]]
)
def test_whatever_the_browser_sends_is_answered(strokes):
    pad = Sketch(lambda image: {"1": 1})
    message, _ = Browser(pad).read(strokes)
    assert "problem" in message
    assert pad.image is None


def test_a_drawing_without_end_is_refused():
    pad = Sketch(lambda image: {"1": 1})
    message, _ = Browser(pad).read([[[0.1, 0.2]] * 15_000, [[0.3, 0.2]] * 15_000])
    assert "too many lines in this drawing: clear it" in message["problem"]


@pytest.mark.parametrize("predict", [None, 3, {"1": 1}])
def test_what_cannot_be_called_is_refused(predict):
    with pytest.raises(CourseError, match="Sketch needs a function that takes an image"):
        Sketch(predict)


def test_in_a_notebook_a_sentence_stands_in_for_the_pad_and_elsewhere_its_name(monkeypatch, capsys):
    import IPython.display

    pad = Sketch(len)
    pad._ipython_display_()
    assert capsys.readouterr().out == "Sketch(len)\n"
    shown = []
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **_: shown.append(bundle))
    pad._ipython_display_()
    (bundle,) = shown
    assert set(bundle) == {"text/html", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/html"] == (
        "<p>The drawing pad appears here when you run this cell in JupyterLab.</p>"
    )


def test_no_drawing_is_part_of_what_a_notebook_may_save():
    pad = Sketch(lambda image: {"1": 1})
    before = pad.get_state()
    Browser(pad).read(BAR)
    assert pad.get_state() == before
    assert len(before["_esm"]) < 20_000
