"""Notebooks run headless: what is kept, what is reported, and pages that need no network."""

import base64
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient.output_widget import OutputWidget
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tlcourse.course import execute as module
from tlcourse.course.execute import CellError, execute
from tlcourse.course.pages import to_html
from tlcourse.course.run import Run, machine, run
from tlcourse.files import CourseError

PNG = base64.b64encode(b"a picture").decode()


def notebook(*cells: str):
    """A notebook of code cells; one that begins with # is text."""
    make = [new_markdown_cell if c.startswith("#") else new_code_cell for c in cells]
    return new_notebook(cells=[f(c) for f, c in zip(make, cells, strict=True)])


def text_of(cell) -> str:
    return "".join(o.get("text", "") for o in cell.outputs)


# --- executing -------------------------------------------------------------------------------


def test_cells_run_in_the_folder_with_the_environment_and_counts_from_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TLCOURSE_COLOUR", "green")
    given = notebook(
        "# Title", "import os; print(os.getcwd())", "", "print(os.environ['TLCOURSE_COLOUR'])"
    )
    told = []
    done = execute(given, cwd=tmp_path, cell_timeout=20, on_cell=lambda *a: told.append(a))
    assert text_of(done.cells[1]) == f"{tmp_path}\n"
    assert text_of(done.cells[3]) == "green\n"
    assert [c.get("execution_count") for c in done.cells] == [None, 1, None, 2]
    assert told == [(k, 4) for k in range(5)]
    assert given.cells[1].outputs == []


def test_two_runs_give_the_same_file_though_there_are_widgets(tmp_path, capfd):
    given = notebook(
        "import ipywidgets\nipywidgets.interact(lambda k: print(k), k=3);",
        "ipywidgets.Output()",
        "print('seen', flush=True); import sys; print('noise', file=sys.stderr)",
    )
    given.cells[0].metadata["execution"] = {"iopub.status.busy": "yesterday"}
    given.metadata["widgets"] = {"old": "state"}
    first, second = (execute(given, cwd=tmp_path, cell_timeout=20) for _ in range(2))
    assert nbformat.writes(first) == nbformat.writes(second)
    assert "widget" not in str(first.metadata) + str(
        first.cells[0].outputs + first.cells[1].outputs
    )
    assert [o.text for o in first.cells[2].outputs] == ["seen\n", "noise\n"]
    assert capfd.readouterr().err == ""  # no warning about unencrypted messages, for one


def test_what_was_printed_slowly_is_one_output_but_a_figure_parts_it(tmp_path):
    slowly = "import time; from IPython.display import display\nfor k in range(3):\n"
    slowly += "    print(k, flush=True); time.sleep(0.5)\ndisplay(7); print(3)"
    (cell,) = execute(notebook(slowly), cwd=tmp_path, cell_timeout=30).cells
    assert [o.output_type for o in cell.outputs] == ["stream", "display_data", "stream"]
    assert [cell.outputs[0].text, cell.outputs[2].text] == ["0\n1\n2\n", "3\n"]


def test_what_stands_in_for_a_widget_is_kept(tmp_path):
    show = "from tlcourse import quiz; quiz.ask('03')"
    done = execute(notebook(show), cwd=tmp_path, cell_timeout=30)
    assert [list(o.data) for o in done.cells[0].outputs] == [["text/markdown"]] * 3
    assert "learning rate" in done.cells[0].outputs[0].data["text/markdown"]


def test_figures_are_drawn_whatever_the_terminal_s_backend(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    done = execute(
        notebook("import os; print(os.environ['MPLBACKEND'])"), cwd=tmp_path, cell_timeout=20
    )
    assert "inline" in text_of(done.cells[0])


def test_a_failing_cell_is_named_and_the_rest_is_kept(tmp_path):
    given = notebook(
        "# Title", "print('kept')", "print('half'); raise KeyError('a\\nb')", "print(3)"
    )
    given.cells[3].outputs = [new_output("stream", text="stale")]
    with pytest.raises(CellError, match=r"^cell \[2\]: KeyError: 'a\\nb'$") as caught:
        execute(given, cwd=tmp_path, cell_timeout=20)
    error = caught.value
    assert (error.index, error.number) == (2, 2)
    assert [text_of(c) for c in error.notebook.cells[1:]] == ["kept\n", "half\n", ""]


def test_an_error_s_message_is_its_first_line(tmp_path):
    given = notebook("raise ValueError('first\\nsecond')")
    with pytest.raises(CellError, match=r"^cell \[1\]: ValueError: first$"):
        execute(given, cwd=tmp_path, cell_timeout=20)
    with pytest.raises(CellError, match=r"^cell \[1\]: AssertionError$"):
        execute(notebook("assert False"), cwd=tmp_path, cell_timeout=20)


def test_an_error_that_the_cell_announces_is_no_failure(tmp_path):
    given = notebook("1 / 0", "print('on')")
    given.cells[0].metadata["tags"] = ["raises-exception"]
    done = execute(given, cwd=tmp_path, cell_timeout=20)
    assert text_of(done.cells[1]) == "on\n"


def test_a_cell_over_its_time_is_named_and_not_tried_again(tmp_path, capfd):
    given = notebook("open('starts', 'a').write('x')", "import time; time.sleep(3600)")
    with pytest.raises(CellError, match=r"^cell \[2\]: it did not finish within 1 seconds$"):
        execute(given, cwd=tmp_path, cell_timeout=1)
    assert (tmp_path / "starts").read_text() == "x"
    assert capfd.readouterr().err == ""  # nor does the kernel complain that it was shut down


DIE = "import os, pathlib; p = pathlib.Path('starts'); p.open('a').write('x')\n"


def test_a_kernel_that_dies_once_is_replaced(tmp_path):
    given = notebook(DIE + "len(p.read_text()) > 1 or os._exit(1)", "print('on')")
    done = execute(given, cwd=tmp_path, cell_timeout=20)
    assert text_of(done.cells[1]) == "on\n"
    assert (tmp_path / "starts").read_text() == "xx"


def test_a_kernel_that_dies_twice_is_reported_with_its_cell(tmp_path):
    given = notebook("1", DIE + "os._exit(1)")
    with pytest.raises(CellError, match=r"^cell \[2\]: the kernel died") as caught:
        execute(given, cwd=tmp_path, cell_timeout=20)
    assert (tmp_path / "starts").read_text() == "xx"
    assert caught.value.notebook.cells[0].outputs


def test_an_idle_kernel_that_never_answers_is_replaced_once(tmp_path, monkeypatch):
    """A lost message: the kernel waits for a cell, and the client for its answer."""
    monkeypatch.setattr(module, "_SILENCE", 2)
    lose = iter([True, False])
    run_cell = module._Client.async_execute_cell

    async def lose_one(client, cell, index, **options):
        if index == 1 and next(lose):
            client.kc.execute = lambda *args, **kwargs: "lost"
        return await run_cell(client, cell, index, **options)

    monkeypatch.setattr(module._Client, "async_execute_cell", lose_one)
    done = execute(notebook("print(1)", "print(2)"), cwd=tmp_path, cell_timeout=60)
    assert text_of(done.cells[1]) == "2\n"
    lose = iter([True, True])
    with pytest.raises(CellError, match=r"^cell \[2\]: the kernel does not answer"):
        execute(notebook("print(1)", "print(2)"), cwd=tmp_path, cell_timeout=60)


def test_a_widget_s_output_is_not_told_to_the_busy_kernel(tmp_path, monkeypatch):
    """Told so, one kernel in a hundred widgets missed the next cell, and hung."""

    def send(*_, **__):
        raise AssertionError("a message to a busy kernel")

    monkeypatch.setattr(OutputWidget, "send", send)
    draw = "from ipywidgets import interact\n_ = interact(lambda k: print(k), k=(0, 5))"
    given = notebook(*[draw, "print('on')"] * 5)
    done = execute(given, cwd=tmp_path, cell_timeout=60)
    assert text_of(done.cells[-1]) == "on\n"


def test_a_cell_that_computes_in_silence_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SILENCE", 1)
    given = notebook("import time; time.sleep(3); print('done')")
    assert text_of(execute(given, cwd=tmp_path, cell_timeout=60).cells[0]) == "done\n"


# --- pages -----------------------------------------------------------------------------------


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
    slider.outputs[0].data[module._WIDGET] = {"model_id": "1", "version_major": 2}
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


# --- a run over chapters ---------------------------------------------------------------------


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """Three small chapters, the second of which fails."""
    monkeypatch.setattr(module, "_machine", lambda: "a test machine")
    paths = []
    codes = ["open('left', 'x')", "raise ValueError('a | b')", "open('left', 'x'); print('three')"]
    for name, code in zip(("01_one", "02_two", "03_three"), codes, strict=True):
        paths.append(tmp_path / f"{name}.ipynb")
        nbformat.write(notebook(f"# {name}", code), paths[-1])
    return paths


def test_a_run_writes_notebooks_pages_and_times_and_goes_on_after_a_failure(chapters, tmp_path):
    out, told = tmp_path / "out", []
    runs = list(run(chapters, out, cell_timeout=20, on_cell=lambda *a: told.append(a)))
    assert [r.status for r in runs] == ["ok", "cell [1]: ValueError: a | b", "ok"]
    names = [p.stem for p in chapters]
    expected = {"times.md"} | {f"{n}.{kind}" for n in names for kind in ("ipynb", "html")}
    assert {p.name for p in out.iterdir()} == expected
    assert text_of(nbformat.read(out / "03_three.ipynb", 4).cells[1]) == "three\n"
    assert "ValueError" in (out / "02_two.html").read_text()
    times = (out / "times.md").read_text()
    assert re.search(r"^\| 01_one \| 0:\d\d \| ok \|$", times, re.M)
    assert re.search(r"^\| 02_two \| 0:\d\d \| cell \[1\]: ValueError: a &#124; b \|$", times, re.M)
    assert "a test machine" in times
    assert told[0] == ("01_one", 0, 2)


def test_a_second_run_replaces_the_first(chapters, tmp_path):
    out = tmp_path / "out"
    for _ in range(2):
        assert len(list(run(chapters[2:], out, cell_timeout=20, on_cell=print))) == 1
    assert "01_one" not in (out / "times.md").read_text()


def test_an_interrupted_run_keeps_what_is_finished(chapters, tmp_path):
    out = tmp_path / "out"

    def interrupt(chapter, done, total):
        if (chapter, done) == ("02_two", 1):
            raise KeyboardInterrupt

    runs = run(chapters, out, cell_timeout=20, on_cell=interrupt)
    assert next(runs).chapter == "01_one"
    with pytest.raises(KeyboardInterrupt):
        next(runs)
    assert {p.name for p in out.iterdir()} == {"times.md", "01_one.ipynb", "01_one.html"}
    assert "| 02_two | – | not run |" in (out / "times.md").read_text()


def test_a_run_never_writes_among_files_of_other_origin(chapters, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "01_one.ipynb").write_text("my work")
    with pytest.raises(CourseError, match="mine holds files that no earlier run wrote.*--out"):
        next(run(chapters, mine, cell_timeout=20, on_cell=print))
    assert [p.name for p in mine.iterdir()] == ["01_one.ipynb"]
    with pytest.raises(CourseError, match="01_one.ipynb is a file, not a folder.*--out"):
        next(run(chapters, mine / "01_one.ipynb", cell_timeout=20, on_cell=print))


@pytest.mark.parametrize(
    ("seconds", "time"),
    [(None, "–"), (0.4, "0:00"), (59.7, "1:00"), (125, "2:05"), (3600, "60:00")],
)
def test_times_are_minutes_and_seconds(seconds, time):
    assert Run("03_cnn", seconds).time == time


def test_the_machine_is_described_by_processor_and_keras():
    assert re.fullmatch(r".+; Python 3\.\d+.*Keras 3\..*", machine())
