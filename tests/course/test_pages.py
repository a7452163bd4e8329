"""Executed notebooks as pages that need no internet."""

import base64
import re

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tlcourse.course import execute
from tlcourse.course.pages import to_html

PNG = base64.b64encode(b"a picture").decode()


def page(*cells) -> BeautifulSoup:
    return BeautifulSoup(to_html(new_notebook(cells=list(cells)), "03_cnn"), "html.parser")


def display(**data):
    """A code cell with one output; keys are mime types with _ for /."""
    alt = {k.replace("_", "/", 1): {"alt": 'Rises & "falls" <b>'} for k in data}
    data = {k.replace("_", "/", 1): v for k, v in data.items()}
    output = new_output("display_data", data, metadata=alt)
    return new_code_cell("show()", execution_count=1, outputs=[output])


def test_a_page_asks_nothing_of_the_network():
    slider = display(text_plain="IntSlider()")
    slider.outputs[0].data[execute._WIDGET] = {"model_id": "1", "version_major": 2}
    given = new_notebook(cells=[new_markdown_cell("# A\n\n$x$"), display(image_png=PNG), slider])
    given.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    html = BeautifulSoup(to_html(given, "03_cnn"), "html.parser")
    assert html.find_all(["script", "iframe", "link"]) == []
    for tag in html.find_all(src=True):
        assert tag["src"].startswith("data:")
    for style in html.find_all("style"):
        assert not re.search(r"@import|url\(\s*['\"]?(?!data:|#)[a-z/]", style.text)
    assert "IntSlider" not in html.text
    assert "widget-view" not in str(html)


def test_a_page_has_a_title_and_fits_a_phone():
    html = page(new_markdown_cell("# A"))
    assert html.title.text == "03_cnn"
    assert html.html["lang"] == "en"
    assert "width=device-width" in html.find("meta", attrs={"name": "viewport"})["content"]
    assert "img, svg { max-width: 100%" in str(html)


@pytest.mark.parametrize("kind", ["image_png", "image_jpeg", "image_svg+xml"])
def test_an_image_carries_its_own_text(kind):
    (image,) = page(display(**{kind: PNG})).find_all("img")
    assert image["alt"] == 'Rises & "falls" <b>'
    assert image["src"].startswith(f"data:{kind.replace('_', '/', 1)};base64,")


def test_mathematics_is_mathml():
    html = page(
        new_markdown_cell(
            "Inline $\\alpha < \\beta$, a price of \\$5.\n\n$$J(\\theta) = \\frac{1}{N}$$\n\n"
            "\\begin{align}a &= b\\end{align}\n\n"
            "$$\\begin{aligned}c &= d \\\\ e &= f\\end{aligned}$$"
        ),
        display(text_latex=r"$\displaystyle \sqrt{x}$"),
    )
    formulas = html.find_all("math")
    assert [f["display"] for f in formulas] == ["inline", "block", "block", "block", "inline"]
    assert formulas[0].text.split() == ["α<β"]
    assert formulas[1].find("mfrac")
    assert len(formulas[3].find_all("mtr")) == 2
    assert formulas[4].find("msqrt")
    assert "$" not in html.find("main").text.replace("$5", "")
    assert "&" not in html.find("main").text


def test_what_is_not_latex_is_shown_as_it_was_written():
    html = page(new_markdown_cell("Broken: $x^$ and fine: $y$"))
    assert html.find("code").text == "x^"
    assert len(html.find_all("math")) == 1
