"""A learner in JupyterLab: links, widgets, questions, exercises, a restart."""

import pytest

from tests.browser import lab
from tests.checks import ROOT, answers, edited
from tests.checks.ex02 import WRONG
from tlcourse.course import content

CHAPTERS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))}
WITH_WIDGETS = [number for number, path in CHAPTERS.items() if lab.widget_cells(path)]


def chapter(page, address, number):
    return lab.Notebook(page, address, f"notebooks/{CHAPTERS[number].name}")


def code_cells(path):
    cells = lab.nbformat.read(path, 4).cells
    return [i for i, cell in enumerate(cells) if cell.cell_type == "code"]


def test_the_first_link_opens_the_first_chapter_and_its_links_the_others(page, address):
    chapter(page, address, "00")
    link = page.locator(".jp-RenderedMarkdown a", has_text="01").first
    link.click()
    page.wait_for_selector("#jp-main-dock-panel .lm-TabBar-tab:has-text('01_gradient')")


def test_the_last_cell_leads_to_the_exercises_and_from_there_to_the_next_chapter(page, address):
    notebook = chapter(page, address, "01")
    notebook.cell(len(lab.nbformat.read(CHAPTERS["01"], 4).cells))
    page.locator(".jp-RenderedMarkdown a", has_text="Exercises on this chapter").click()
    page.wait_for_selector("#jp-main-dock-panel .lm-TabBar-tab:has-text('ex01_gradient')")
    exercise = lab.Notebook(page, address, "exercises/ex01/ex01_gradient_descent.ipynb")
    exercise.cell(len(lab.nbformat.read(content.exercises()["ex01"], 4).cells))
    page.locator(".jp-RenderedMarkdown a", has_text="02 Cross-entropy").last.click()
    page.wait_for_selector("#jp-main-dock-panel .lm-TabBar-tab:has-text('02_cross')")


def test_a_chapter_runs_to_its_end(page, address):
    notebook = chapter(page, address, "01")
    for i in code_cells(CHAPTERS["01"]):
        notebook.run(i)


@pytest.mark.parametrize("number", WITH_WIDGETS)
def test_each_control_of_each_widget_changes_its_figure(page, address, number):
    notebook, done = chapter(page, address, number), set()
    for place in lab.widget_cells(CHAPTERS[number]):
        before = [i for i in lab.needed(CHAPTERS[number], place) if i not in done]
        notebook.run(*before, place)
        done |= {*before, place}
        cell = notebook.cell(place)
        cell.wait_for_selector(".jp-OutputArea img")
        controls = lab.controls(cell)
        assert controls
        tracks = [track.bounding_box()["width"] for track in cell.query_selector_all(".noUi-base")]
        assert all(width > 350 for width in tracks), tracks
        for control in controls:
            notebook.redraw(cell, lambda control=control: lab.move(control))
        # JupyterLab drops the texts of images, and ipywidgets gives its sliders no names.
        faults = lab.hard_to_read(page, ".jp-OutputArea-output")
        assert [fault for fault in faults if fault.startswith("color-contrast")] == []


def test_a_question_answered_wrong_and_right(page, address):
    notebook = chapter(page, address, "02")
    place = next(i for i in code_cells(CHAPTERS["02"]) if "quiz.ask" in source("02", i))
    notebook.run(1, place)
    cell = notebook.cell(place)
    cell.wait_for_selector("input[type=radio]")
    group = cell.query_selector_all(".widget-radio-box")[0]
    said = []
    for option in group.query_selector_all("input[type=radio]"):
        option.click()
        page.wait_for_timeout(500)
        said.append(cell.inner_text())
    right = [text.count("Right") > 0 for text in said]
    assert any(right)
    assert not all(right)


def source(number, place):
    return lab.nbformat.read(CHAPTERS[number], 4).cells[place].source


def test_a_task_fails_gives_a_hint_is_solved_and_remembered_after_a_restart(page, address):
    path = content.exercises()["ex02"]
    cells = lab.nbformat.read(path, 4).cells
    ids = [c.metadata.get("nbgrader", {}).get("grade_id") for c in cells]
    answer, check = ids.index("softmax-answer"), ids.index("softmax")
    notebook = lab.Notebook(page, address, f"exercises/ex02/{path.name}")
    setup = next(i for i in code_cells(path) if "exercise(" in cells[i].source)
    notebook.run(setup, answer)
    assert notebook.run(check)[0]["data"]["text/plain"].startswith(
        "· softmax: you have not attempted it yet"
    )

    notebook.write(answer, edited("ex02", "softmax", WRONG["softmax"][0][1]))
    notebook.run(answer)
    verdict = notebook.run(check)[0]
    assert verdict["metadata"]["tlcourse"]["status"] == "not yet"
    assert "✘" in verdict["data"]["text/plain"]
    ask = next(i for i in reversed(code_cells(path)) if "progress()" in cells[i].source)
    notebook.write(ask, "ex.softmax.hint()")
    assert "Hint 1 of 3" in notebook.run(ask)[0]["text"]
    notebook.write(answer, answers("solutions", "ex02")["softmax"])
    notebook.run(answer)
    assert notebook.run(check)[0]["data"]["text/plain"].endswith("Correct: 10 points.")

    notebook.restart()
    notebook.write(ask, "ex.progress()")
    notebook.run(setup)
    told = notebook.run(ask)[0]["text"]
    assert "10 of 80 points" in told


# --- the reader's side -----------------------------------------------------------------------


def test_a_chapter_opens_clean_without_outputs_and_with_what_goes_deeper_folded(page, address):
    notebook = chapter(page, address, "04")
    current = "window.jupyterapp.shell.currentWidget"
    page.wait_for_timeout(2000)
    assert page.evaluate(f"() => {current}.context.model.dirty") is False
    outputs = f"() => [...{current}.content.model.cells].flatMap(c => c.outputs?.toJSON() ?? [])"
    said = {output["data"]["text/plain"] for output in page.evaluate(outputs)}
    assert said
    assert all(text.startswith("Run this cell: ") for text in said)
    cells = lab.nbformat.read(CHAPTERS["04"], 4).cells
    deeper = [i for i, cell in enumerate(cells) if "# Going deeper" in cell.source]
    assert deeper
    folded = f"i => {current}.content.widgets[i].headingCollapsed"
    assert all(page.evaluate(folded, place) for place in deeper)
    hidden = [i for i, c in enumerate(cells) if c.metadata.get("jupyter", {}).get("source_hidden")]
    assert len(hidden) > 10
    assert notebook.cell(hidden[0]).query_selector(".jp-Placeholder") is not None


def test_a_prediction_is_kept_over_a_restart_and_shown_beside_the_measurement(page, address):
    notebook = chapter(page, address, "00")
    first, second = code_cells(CHAPTERS["00"])[:2]
    ask = 'from tlcourse import quiz\nquiz.predict("00.browser", "Which accuracy?", 0, 1)'
    notebook.write(first, ask)
    notebook.write(second, 'from tlcourse import quiz\nquiz.reveal("00.browser", 0.43)')
    notebook.run(first)
    cell = notebook.cell(first)
    handle = cell.wait_for_selector(".noUi-handle")
    assert "move the slider" in cell.inner_text()
    lab.move(handle)
    page.wait_for_timeout(1000)
    assert "Your guess is 0.01. Now run the next cells." in cell.inner_text()

    notebook.restart()
    outputs = notebook.run(second)
    assert "You guessed 0.01 and measured 0.43" in outputs[0]["text"]
    assert "image/png" in outputs[1]["data"]
    notebook.run(first)
    cell = notebook.cell(first)
    cell.wait_for_selector(".noUi-handle")
    assert "before you saw the answer" in cell.inner_text()
