"""Names of any script in figures: drawn where a font has them, else a number and a sentence."""

import warnings

import numpy as np
import pytest
from matplotlib import font_manager, rcParams

from tlcourse import plotting
from tlcourse.plotting import fonts, plt


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setattr(fonts, "_said", set())
    with plt.rc_context():
        yield
    plt.close("all")


def has_font(text: str) -> bool:
    """Whether an installed font, other than the one of boxes, has these characters."""
    return any(set(text) <= fonts._characters(entry.fname) for entry in fonts._installed())


def drawn(ax) -> None:
    """Draw, with an error in place of an empty box."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax.figure.canvas.draw()


@pytest.mark.parametrize(
    "names", [("猫", "狗"), ("cat", "강아지"), ("ねこ", "いぬ"), ("кот", "ζῷον"), ("1 ½", "→")]
)
def test_names_are_drawn_in_a_font_that_has_them(names, capsys):
    if not all(map(has_font, names)):
        pytest.skip(f"no font here has {names}")
    ax = plotting.confusion_matrix([0, 1], [0, 1], names, title=" ".join(names))
    assert [t.get_text() for t in ax.get_xticklabels()] == list(names)
    drawn(ax)
    drawn(plotting.image_grid(np.zeros((2, 9, 9)), names))
    drawn(plotting.prediction(np.zeros((9, 9, 3), "uint8"), np.array([0.2, 0.8]), names, 0).axes[0])
    assert capsys.readouterr().out == ""


def test_without_a_font_the_number_of_the_class_is_drawn_and_said_once(capsys, monkeypatch):
    plain = font_manager.findfont("DejaVu Sans")
    entries = [e for e in font_manager.fontManager.ttflist if e.fname == plain]
    monkeypatch.setattr(fonts, "_installed", lambda: entries)
    for _ in range(2):
        ax = plotting.confusion_matrix([0, 1, 2], [0, 1, 2], ("cat", "猫", "狗"))
        assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "1", "2"]
        drawn(ax)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith(
        "No font on this machine can draw '猫', '狗': the figure shows the number"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("$x$", r"\$x\$"),
        ("a_$", r"a_\$"),
        ("\udcb9\udcb7", r"\xb9\xb7"),
        ("a\x1bb", r"a\x1bb"),
    ],
)
def test_names_that_matplotlib_would_misread_are_drawn_as_they_are(name, text):
    ax = plotting.confusion_matrix([0, 1], [0, 1], ("a", name))
    assert ax.get_xticklabels()[1].get_text() == text
    drawn(ax)
    drawn(plotting.image_grid(np.zeros((1, 9, 9)), ["\udcb9"]))


def test_plain_names_change_no_font():
    before = list(rcParams["font.family"])
    assert fonts.drawable("ab") == ["a", "b"]
    assert rcParams["font.family"] == before


def test_what_is_no_font_is_passed_over(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert fonts._characters(str(tmp_path / "broken.ttf")) == frozenset()
