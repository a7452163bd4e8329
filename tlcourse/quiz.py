"""What a chapter asks and claims: retrieval questions, predictions, and claims with their ticks.

The retrieval questions are data, in `questions.toml`. In Jupyter a question is a widget that
answers a choice; where no widget can live the questions are shown as text.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from importlib.resources import files
from math import floor, log10
from string import ascii_lowercase

import numpy as np

from tlcourse.data.public import scale

# --- retrieval questions -----------------------------------------------------------------------


@cache
def _catalogue() -> dict[str, list[dict]]:
    return tomllib.loads(files("tlcourse").joinpath("questions.toml").read_text("utf-8"))


def questions(chapter: str) -> list[dict]:
    """The questions of a chapter: `question`, and `options` with `text`, `why` and `right`.

    Parameters
    ----------
    chapter : str
        Its number, "03".

    Raises
    ------
    ValueError
        If the chapter has no questions.
    """
    catalogue = _catalogue()
    if chapter not in catalogue:
        raise ValueError(
            f"there are no questions for chapter {chapter!r}; there are some for "
            f"{', '.join(catalogue)}."
        )
    return catalogue[chapter]


def count() -> int:
    """How many questions there are in all chapters."""
    return sum(len(questions(chapter)) for chapter in _catalogue())


def ask(chapter: str) -> None:
    """Put the questions of a chapter: radio buttons in Jupyter, text elsewhere."""
    from tlcourse.plotting import in_notebook

    for number, question in enumerate(questions(chapter), 1):
        options = "\n".join(f"- {option['text']}" for option in question["options"])
        show_widget(
            partial(_buttons, chapter, number, question),
            markdown=f"**{number}. {question['question']}**\n\n{options}",
            text=_as_text(number, question),
        )
    if not in_notebook():
        print(f'Check yourself with: tlcourse.quiz.answer("{chapter}", 1, "a")')


def answer(chapter: str, number: int, letter: str) -> str:
    """Whether an option is right, and why.

    Parameters
    ----------
    chapter : str
        Its number, "03".
    number : int
        Of the question, from 1.
    letter : str
        Of the option, from "a".

    Raises
    ------
    ValueError
        If there is no such chapter, question or option.
    """
    asked = questions(chapter)
    if number not in range(1, len(asked) + 1):
        raise ValueError(f"question {number} does not exist; choose 1 to {len(asked)}.")
    options = asked[number - 1]["options"]
    if len(letter) != 1 or letter not in ascii_lowercase[: len(options)]:
        raise ValueError(
            f"option {letter!r} does not exist; choose a to {ascii_lowercase[len(options) - 1]}."
        )
    return _verdict(chapter, number, options[ascii_lowercase.index(letter)])


def _verdict(chapter: str, number: int, option: dict) -> str:
    """Judge and explain a choice, and keep it in the learner's progress."""
    from tlcourse import progress

    status = "correct" if option.get("right") else "not yet"
    progress.record("quiz", f"{chapter}.{number}", status, best=True)
    return ("✔ Right. " if option.get("right") else "✘ Not quite. ") + option["why"]


def _as_text(number: int, question: dict) -> str:
    letters = ascii_lowercase[: len(question["options"])]
    options = zip(letters, question["options"], strict=True)
    return "\n".join(
        [f"{number}. {question['question']}"] + [f"   {c}) {o['text']}" for c, o in options] + [""]
    )


def _buttons(chapter: str, number: int, question: dict):
    """A widget: the question, a radio button for each option, and the reply to a choice."""
    import ipywidgets as widgets

    options = question["options"]
    buttons = widgets.RadioButtons(
        options=[(o["text"], i) for i, o in enumerate(options)],
        index=None,
        layout=widgets.Layout(width="auto"),
    )
    reply = widgets.HTML()

    def explain(change):
        if change["new"] is not None:
            option = options[change["new"]]
            text = _verdict(chapter, number, option)
            reply.value = coloured("right" if option.get("right") else "wrong", text)

    buttons.observe(explain, names="value")
    title = widgets.HTML(f"<b>{number}. {question['question']}</b>")
    return widgets.VBox([title, buttons, reply])


# --- predictions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prediction:
    """A question whose answer the next cells measure, and the reader's guess.

    Attributes
    ----------
    question : str
    low, high : float, optional
        The ends of the slider, of a number.
    choices : tuple of str
        Of a choice; empty for a number.
    guess : float or str, optional
        None before the reader has guessed.
    value : float or str, optional
        What was measured; None before it is revealed.
    """

    question: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    guess: float | str | None = None
    value: float | str | None = None

    @property
    def is_right(self) -> bool:
        """Whether the guess is the right choice, or within a tenth of the slider's range."""
        if self.guess is None or self.value is None:
            return False
        if self.choices:
            return self.guess == self.value
        return abs(self.guess - self.value) <= 0.1 * (self.high - self.low)


_asked: dict[str, Prediction] = {}  # in this kernel, by key


def predict(key: str, question: str, low: float | Sequence[str], high: float | None = None) -> None:
    """Ask for a prediction: a slider from `low` to `high`, or choices; the guess is kept.

    Where no widget can live (a page on the web, a slide) the question is shown alone. A guess that
    was made before is shown again; once the answer is revealed it can no longer be changed.

    Parameters
    ----------
    key : str
        The chapter and a name, "03.pooling", as `reveal` will use it.
    question : str
    low, high : float
        The ends of the slider; or in place of `low` two to six choices, as texts.

    Raises
    ------
    ValueError
        If the key has no chapter, or there is nothing to choose from.
    """
    chapter, _, name = key.partition(".")
    if not (chapter.isdecimal() and name):
        raise ValueError(f'the key {key!r} has no chapter: write it as "03.pooling".')
    if isinstance(low, str) or (high is None and not isinstance(low, Sequence)):
        raise ValueError(f"{low!r} is nothing to choose from: give two ends, or a list of choices.")
    if high is None:
        choices = tuple(map(str, low))
        if not 2 <= len(set(choices)) == len(choices) <= 6:
            raise ValueError(f"{list(choices)} are not two to six different choices.")
        asked = Prediction(question, choices=choices)
    else:
        if not low < high:
            raise ValueError(
                f"a slider cannot go from {low:g} to {high:g}: the first is the lower."
            )
        asked = Prediction(question, float(low), float(high))
    kept = _kept_prediction(key)
    if kept and (kept.choices, kept.low, kept.high) == (asked.choices, asked.low, asked.high):
        asked = replace(asked, guess=kept.guess, value=kept.value)
    _asked[key] = asked
    listed = " · ".join(asked.choices) or f"from {asked.low:g} to {asked.high:g}"
    shown = f"**Predict.** {question} *({listed})*"
    show_widget(
        partial(_prediction_widget, key), markdown=shown, text=f"Predict: {question} ({listed})"
    )


def _prediction_widget(key: str):
    """A slider or buttons, with what becomes of the guess below."""
    import ipywidgets as widgets

    asked = _asked[key]
    reply = widgets.HTML(_noted(asked))
    wide = widgets.Layout(width="auto", max_width="36em")
    if asked.choices:
        control = widgets.RadioButtons(options=asked.choices, value=asked.guess, layout=wide)
    else:
        span = asked.high - asked.low
        # It waits at the left end: in the middle it would propose an answer, and often a good one.
        control = widgets.FloatSlider(
            asked.low if asked.guess is None else asked.guess,
            min=asked.low,
            max=asked.high,
            step=span / 100,
            continuous_update=False,
            readout_format=_format_for(span),
            layout=wide,
        )

    def keep(change):
        if change["new"] is None or _asked[key].value is not None:
            return
        _asked[key] = replace(_asked[key], guess=change["new"])
        _keep_prediction(key)
        reply.value = _noted(_asked[key])

    control.observe(keep, names="value")
    return widgets.VBox([widgets.HTML(f"<b>Predict.</b> {asked.question}"), control, reply])


def _noted(asked: Prediction) -> str:
    if asked.guess is None:
        what = "choose one" if asked.choices else "move the slider"
        return f"<p aria-live='polite'>To guess, {what}. Then run the next cells.</p>"
    guess = _said(asked, asked.guess)
    if asked.value is not None:
        return f"<p aria-live='polite'>You guessed {guess}, before you saw the answer.</p>"
    return f"<p aria-live='polite'>Your guess is {guess}. Now run the next cells.</p>"


def _format_for(span: float) -> str:
    """A number's format that shows a hundredth of a range."""
    return f".{max(0, 2 - floor(log10(span)))}f"


def _said(asked: Prediction, value: float | str) -> str:
    """A guess or a measured value, as it is shown."""
    return value if asked.choices else format(value, _format_for(asked.high - asked.low))


def reveal(key: str, value: float | str) -> None:
    """Show what was measured, and beside it the reader's guess, if there is one.

    Parameters
    ----------
    key : str
        As in `predict`, which was called in this notebook before.
    value : float or str
        What was measured; of choices, the right one.

    Raises
    ------
    ValueError
        If nothing of this key was asked, or the value is none of the choices.
    """
    asked = _asked.get(key) or _kept_prediction(key)
    if asked is None:
        raise ValueError(
            f"there is no prediction {key!r} yet: run the cell above that asks for it."
        )
    if asked.choices and value not in asked.choices:
        raise ValueError(f"{value!r} is none of the choices {list(asked.choices)}.")
    value = value if asked.choices else float(value)
    _asked[key] = asked = replace(asked, value=value)
    measured = _said(asked, value)
    if asked.guess is None:
        print(f"Measured: {measured}." if not asked.choices else f"It is: {measured}.")
        return
    _keep_prediction(key)
    guess = _said(asked, asked.guess)
    if asked.choices:
        print(f"{'✔' if asked.is_right else '✘'} You said “{guess}”. It is: {measured}.")
        return
    off = abs(asked.guess - value)
    near = f"you were off by {off:{_format_for(asked.high - asked.low)}}"
    print(f"{'✔' if asked.is_right else '✘'} You guessed {guess} and measured {measured}: {near}.")
    from tlcourse import plotting

    if plotting.in_notebook():
        ax = plotting.guess_and_measurement(asked.guess, value, (asked.low, asked.high))
        plotting.show(ax, f"Your guess {guess} beside the measured {measured}: {asked.question}")


def predictions(chapter: str) -> None:
    """Print how well the reader predicted in a chapter.

    Parameters
    ----------
    chapter : str
        Its number, "03".
    """
    from tlcourse import progress

    kept = {key: _from_kept(one) for key, one in progress.predictions().items()}
    mine = {k: p for k, p in (kept | _asked).items() if k.startswith(f"{chapter}.")}
    seen = [p for p in mine.values() if p.guess is not None and p.value is not None]
    if not seen:
        print("Your predictions of this chapter will be listed here, beside what was measured.")
        return
    right = sum(p.is_right for p in seen)
    print(f"You predicted {right} of {len(seen)} well (a number within a tenth of its range):")
    for one in seen:
        guess, value = _said(one, one.guess), _said(one, one.value)
        print(f"  {'✔' if one.is_right else '✘'} {one.question}  you: {guess}  measured: {value}")


def _keep_prediction(key: str) -> None:
    from tlcourse import progress

    progress.keep_prediction(key, asdict(_asked[key]))


def _kept_prediction(key: str) -> Prediction | None:
    from tlcourse import progress

    kept = progress.predictions().get(key)
    return _from_kept(kept) if kept else None


def _from_kept(kept: dict) -> Prediction:
    return Prediction(**(kept | {"choices": tuple(kept["choices"])}))


# --- claims ------------------------------------------------------------------------------------


def claim(holds: bool, words: str, *, measured=None, seeds: int | None = None) -> None:
    """Assert a claim and show it as a line with a tick; on other data, report on it.

    Parameters
    ----------
    holds : bool
    words : str
        The claim, as a short sentence that goes on from "✔".
    measured : number, array or str, optional
        What it was measured by, for the page of all claims; of an array the least and the greatest
        value are kept.
    seeds : int, optional
        Over how many seeds.

    Raises
    ------
    AssertionError
        If it does not hold, unless `TLCOURSE_SCALE` is full, where both outcomes are shown.
    """
    if not holds and scale() != "full":
        raise AssertionError(f"this should hold, and does not: {words}")
    line = f"{'✔' if holds else '✘ not here:'} {words}"
    from tlcourse.plotting import in_notebook

    if not in_notebook():
        print(line)
        return
    from IPython.display import display

    about = {"words": words, "measured": _measured_text(measured), "seeds": seeds}
    display({"text/plain": line}, raw=True, metadata={"tlcourse": about})


def _measured_text(measured) -> str:
    """A number, a text, or the least and the greatest of several numbers."""
    if measured is None or isinstance(measured, str):
        return measured or ""
    values = np.asarray(measured, float).ravel()
    ends = [f"{value:.3g}" for value in (values.min(), values.max())]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


# --- widgets -----------------------------------------------------------------------------------


_COLOURS = {  # of JupyterLab's theme, so that they suit a dark one, too
    "right": "--jp-success-color1, #388e3c",
    "wrong": "--jp-error-color1, #d32f2f",
    "open": "--jp-border-color1, #9e9e9e",
}


def coloured(kind: str, *lines: str) -> str:
    """Lines of HTML behind a bar in the colour of what they say; the words are read without it.

    Parameters
    ----------
    kind : str
        "right", "wrong" or "open".
    *lines : str
    """
    text = "".join(f"<div>{line}</div>" for line in lines)
    style = f"border-left: 5px solid var({_COLOURS[kind]}); padding: 2px 0 2px 10px; margin: 4px 0"
    return f"<div aria-live='polite' style='{style}; line-height: 1.45'>{text}</div>"


def show_widget(make: Callable, *, markdown: str, text: str) -> None:
    """Show a widget in Jupyter, and elsewhere print a text.

    Parameters
    ----------
    make : function
        Makes the widget.
    markdown : str
        What stands in for the widget where none can live: on a web page, in a saved notebook.
    text : str
        What is printed outside of Jupyter.
    """
    from tlcourse.plotting import in_notebook

    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    bundle = make()._repr_mimebundle_()
    del bundle["text/plain"]
    display(bundle | {"text/markdown": markdown}, raw=True)
