import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tlcourse import plotting, progress, quiz

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


# --- predictions -------------------------------------------------------------------------------


@pytest.fixture
def learner(tmp_path, monkeypatch):
    """A learner's folder, and a kernel that has just started in it."""
    (tmp_path / ".tlcourse").mkdir()
    monkeypatch.chdir(tmp_path)
    return lambda: restart(monkeypatch)


def restart(monkeypatch):
    monkeypatch.setattr(quiz, "_asked", {})
    monkeypatch.setattr(progress, "_predictions", {})


@pytest.fixture
def kernel(monkeypatch):
    """Widgets are made and kept, as in Jupyter."""
    made = []
    monkeypatch.setattr(
        quiz, "show_widget", lambda make, *, markdown, text: made.append((make(), markdown))
    )
    restart(monkeypatch)
    return made


def parts(made):
    """The control and the reply below it of the newest widget."""
    (_, control, reply), _ = made[-1][0].children, made[-1][1]
    return control, reply


def test_a_slider_proposes_nothing_and_an_untouched_one_is_no_guess(kernel, learner, capsys):
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    assert parts(kernel)[0].value == 0
    quiz.reveal("03.pooling", 0.5)
    assert "You guessed" not in capsys.readouterr().out


def test_a_guess_is_kept_and_shown_beside_what_was_measured(kernel, learner, capsys):
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    control, reply = parts(kernel)
    assert "move the slider" in reply.value
    control.value = 0.6
    assert "Your guess is 0.60. Now run the next cells." in reply.value
    quiz.reveal("03.pooling", 0.43)
    assert (
        capsys.readouterr().out == "✘ You guessed 0.60 and measured 0.43: you were off by 0.17.\n"
    )
    quiz.predictions("03")
    said = capsys.readouterr().out
    assert said.startswith("You predicted 0 of 1 well")
    assert "✘ Which accuracy?  you: 0.60  measured: 0.43" in said


def test_a_choice_is_kept_and_judged(kernel, learner, capsys):
    quiz.predict("03.edges", "Which lines?", ["upright ones", "level ones"])
    control, _ = parts(kernel)
    assert control.value is None, "nothing is chosen for the reader"
    control.value = "upright ones"
    quiz.reveal("03.edges", "upright ones")
    assert capsys.readouterr().out == "✔ You said “upright ones”. It is: upright ones.\n"
    quiz.predictions("03")
    assert capsys.readouterr().out.startswith("You predicted 1 of 1 well")


def test_after_a_restart_the_guess_is_there_and_can_be_revealed_alone(kernel, learner, capsys):
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    parts(kernel)[0].value = 0.4
    learner()
    quiz.reveal("03.pooling", 0.43)
    assert "✔ You guessed 0.40" in capsys.readouterr().out
    learner()
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    control, reply = parts(kernel)
    assert control.value == 0.4
    assert "before you saw the answer" in reply.value


def test_a_guess_cannot_be_changed_once_the_answer_was_seen(kernel, learner, capsys):
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    control, _ = parts(kernel)
    control.value = 0.9
    quiz.reveal("03.pooling", 0.43)
    control.value = 0.43
    quiz.reveal("03.pooling", 0.43)
    assert capsys.readouterr().out.count("You guessed 0.90") == 2


def test_without_a_guess_the_measurement_stands_alone(kernel, learner, capsys):
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    quiz.reveal("03.pooling", 0.43)
    assert capsys.readouterr().out == "Measured: 0.43.\n"
    quiz.predict("03.edges", "Which lines?", ["upright ones", "level ones"])
    quiz.reveal("03.edges", "level ones")
    assert capsys.readouterr().out == "It is: level ones.\n"
    quiz.predictions("03")
    assert "will be listed here" in capsys.readouterr().out
    assert not list(Path(".tlcourse").iterdir())


def test_a_question_that_was_changed_asks_again(kernel, learner):
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    parts(kernel)[0].value = 0.4
    learner()
    quiz.predict("03.pooling", "How many points?", 0, 100)
    _, reply = parts(kernel)
    assert "move the slider" in reply.value


def test_a_page_without_widgets_shows_the_question_and_its_range(kernel, learner):
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    quiz.predict("03.edges", "Which lines?", ["upright ones", "level ones"])
    assert [markdown for _, markdown in kernel] == [
        "**Predict.** Which accuracy? *(from 0 to 1)*",
        "**Predict.** Which lines? *(upright ones · level ones)*",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pooling", "Q?", 0, 1), r"'pooling' has no chapter.*03\.pooling"),
        (("03.a", "Q?", 1, 1), "cannot go from 1 to 1"),
        (("03.a", "Q?", "ab"), "'ab' is nothing to choose from"),
        (("03.a", "Q?", 0), "0 is nothing to choose from"),
        (("03.a", "Q?", ["only"]), r"\['only'\] are not two to six"),
        (("03.a", "Q?", ["a", "a"]), "are not two to six different"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        quiz.predict(*arguments)


def test_what_was_not_asked_or_offered_cannot_be_revealed(kernel, learner):
    with pytest.raises(ValueError, match=r"there is no prediction '03\.x' yet: run the cell above"):
        quiz.reveal("03.x", 1)
    quiz.predict("03.edges", "Which lines?", ["upright ones", "level ones"])
    with pytest.raises(ValueError, match="'all' is none of the choices"):
        quiz.reveal("03.edges", "all")


@pytest.mark.parametrize("text", ["", "{broken", "[]", "null", '{"03.a": 3}'])
def test_a_damaged_file_of_predictions_is_put_aside(kernel, learner, capsys, text, monkeypatch):
    monkeypatch.setattr(progress, "_said", set())
    Path(".tlcourse/predictions.json").write_text(text)
    quiz.predict("03.pooling", "Which accuracy?", 0, 1)
    parts(kernel)[0].value = 0.4
    assert "the old file is predictions-damaged.json" in capsys.readouterr().out
    assert Path(".tlcourse/predictions-damaged.json").read_text() == text
    learner()
    quiz.reveal("03.pooling", 0.43)
    assert "You guessed 0.40" in capsys.readouterr().out


# --- claims ------------------------------------------------------------------------------------


def test_a_claim_that_holds_is_a_line_with_a_tick(capsys):
    quiz.claim(True, "short steps keep the promise")
    assert capsys.readouterr().out == "✔ short steps keep the promise\n"


def test_a_claim_that_does_not_hold_stops_the_notebook_but_not_at_full_scale(capsys, monkeypatch):
    with pytest.raises(AssertionError, match="does not: it is faster"):
        quiz.claim(False, "it is faster")
    monkeypatch.setenv("TLCOURSE_SCALE", "full")
    quiz.claim(False, "it is faster")
    assert capsys.readouterr().out == "✘ not here: it is faster\n"


def test_a_claim_tells_the_page_of_claims_what_was_measured(monkeypatch):
    shown = []
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a, k)))
    quiz.claim(True, "it gains", measured=[0.1234, 0.4, 0.3], seeds=5)
    quiz.claim(True, "it is one", measured=np.float64(1))
    (data,), about = shown[0]
    assert data == {"text/plain": "✔ it gains"}
    assert about["metadata"] == {
        "tlcourse": {"words": "it gains", "measured": "0.123 to 0.4", "seeds": 5}
    }
    assert shown[1][1]["metadata"]["tlcourse"]["measured"] == "1"
