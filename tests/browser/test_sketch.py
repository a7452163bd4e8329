"""The drawing pad in JupyterLab: a digit is drawn, read, cleared, and drawn after a restart."""

import nbformat

from tests.browser import lab
from tlcourse.data import SAMPLE_STROKES

# A classifier that knows upright bars from rings by the ink in the middle.
READ = """
from tlcourse.sketch import Sketch

def predict(image):
    middle = float(image[10:18, 12:16].mean())
    return {"bar": middle, "ring": 1 - middle}

pad = Sketch(predict)
pad
"""


def draw(page, *strokes):
    """Draw with the mouse; points in hundredths of the pad."""
    box = page.locator(".tlc-pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"] / 100, box["y"] + y * box["height"] / 100)
                  for x, y in stroke]  # fmt: skip
        page.mouse.move(*points[0])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(x, y, steps=4)
        page.mouse.up()


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def says(page, words):
    page.get_by_role("status").get_by_text(words, exact=True).wait_for()


def test_a_digit_is_drawn_read_cleared_and_drawn_again_after_a_restart(page, address, work):
    sources = [READ, "print(pad.image if pad.image is None else pad.image.shape)"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (work / "sketch").mkdir()
    nbformat.write(made, work / "sketch" / "sketch.ipynb")
    notebook = lab.Notebook(page, address, "sketch/sketch.ipynb")

    notebook.run(0)
    says(page, "Draw a digit with the mouse, a pen or a finger.")
    assert button(page, "Clear").is_disabled()
    assert lab.hard_to_read(page, ".tlc") == []
    draw(page, [(50, 10), (50, 90)])
    says(page, "It looks like: bar.")
    assert notebook.run(1)[0]["text"].strip() == "(28, 28, 1)"
    page.get_by_role("img", name="Draw a digit here; now it has 1 stroke").wait_for()
    assert lab.hard_to_read(page, ".tlc") == []

    button(page, "Clear").click()
    says(page, "Draw a digit with the mouse, a pen or a finger.")
    assert page.locator(".tlc-bars li").count() == 0
    assert notebook.run(1)[0]["text"].strip() == "None"
    draw(page, *SAMPLE_STROKES["0"])
    says(page, "It looks like: ring.")
    draw(page, [(50, 10), (50, 90)], [(45, 10), (45, 90)], [(55, 10), (55, 90)])
    says(page, "It looks like: bar.")
    for _ in range(3):
        button(page, "Undo").click()
    says(page, "It looks like: ring.")

    # By keyboard: a sample.
    button(page, "Clear").focus()
    page.keyboard.press("Enter")
    sample = button(page, "Draw me a 3")
    sample.focus()
    page.keyboard.press("Enter")
    button(page, "Draw me a 4").wait_for()
    page.get_by_role("img", name="Draw a digit here; now it has 1 stroke").wait_for()

    notebook.restart()
    draw(page, [(50, 10), (50, 90)])
    page.get_by_text("If you have restarted it, run this cell again.").wait_for()
    notebook.run(0)
    says(page, "Draw a digit with the mouse, a pen or a finger.")
    draw(page, *SAMPLE_STROKES["0"])
    says(page, "It looks like: ring.")
