import tomllib
from importlib.resources import files

import pytest

from tlcourse import plotting, quiz

CATALOGUE = tomllib.loads(files("tlcourse").joinpath("questions.toml").read_text("utf-8"))


@pytest.mark.parametrize("chapter", CATALOGUE)
def test_every_question_has_one_right_option_and_explains_each(chapter):
    assert len(CATALOGUE[chapter]) == (1 if chapter == "00" else 3)
    for question in CATALOGUE[chapter]:
        options = question["options"]
        assert 3 <= len(options) <= 5
        assert sum(o.get("right", False) for o in options) == 1
        assert len({o["text"] for o in options}) == len(options)
        assert all(len(o["why"]) > 20 for o in options)


def test_the_right_option_is_not_always_at_the_same_place():
    places = [
        [o.get("right", False) for o in question["options"]].index(True)
        for chapter in CATALOGUE.values()
        for question in chapter
    ]
    assert max(map(places.count, set(places))) <= 0.6 * len(places)


def test_outside_a_notebook_the_questions_are_printed(capsys):
    quiz.ask("03")
    printed = capsys.readouterr().out
    assert "1. Gradient descent" in printed
    assert "c) " in printed
    assert 'answer("03", 1, "a")' in printed


def test_an_answer_is_judged_and_explained():
    assert quiz.answer("03", 2, "c").startswith("✔ Right.")
    wrong = quiz.answer("03", 2, "b")
    assert wrong.startswith("✘")
    assert "minus its logarithm" in wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("99", 1, "a"), "no questions for chapter '99'.*03"),
        (("03", 0, "a"), "question 0 does not exist; choose 1 to 3"),
        (("03", 4, "a"), "question 4"),
        (("03", 1, "z"), "option 'z' does not exist; choose a to c"),
        (("03", 1, ""), "option ''"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        quiz.answer(*arguments)


def test_in_a_notebook_a_choice_shows_its_explanation(monkeypatch):
    import IPython.display
    import ipywidgets

    shown = []
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    made = []
    box = ipywidgets.VBox
    monkeypatch.setattr(ipywidgets, "VBox", lambda children: made.append(children) or box(children))
    quiz.ask("03")
    assert len(shown) == 3
    assert "Gradient descent" in shown[0]["text/markdown"]
    _, buttons, reply = made[0]
    assert buttons.value is None
    buttons.index = 0
    assert reply.value.count("✘") == 1
    buttons.index = 1
    assert "✔" in reply.value
