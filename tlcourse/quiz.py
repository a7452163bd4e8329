"""Retrieval questions: what a reader should recall before a chapter begins.

The questions are data, in `questions.toml`. In Jupyter each is a set of radio buttons that
answers a choice with its explanation; elsewhere the questions are printed.
"""

import tomllib
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from string import ascii_lowercase


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

    progress.record("quiz", f"{chapter}.{number}", "correct" if option.get("right") else "not yet")
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
            text = _verdict(chapter, number, options[change["new"]])
            reply.value = f"<p aria-live='polite'>{text}</p>"

    buttons.observe(explain, names="value")
    title = widgets.HTML(f"<b>{number}. {question['question']}</b>")
    return widgets.VBox([title, buttons, reply])


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
