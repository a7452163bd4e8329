"""Notebooks run headless: what is kept, and what is reported."""

import nbformat
import pytest
from nbclient.output_widget import OutputWidget
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tlcourse.course import execute as module
from tlcourse.course.execute import CellError, execute

SECONDS = 500  # for a cell that is meant to end, on a busy machine


def notebook(*cells: str):
    """A notebook of code cells; one that begins with # is text."""
    make = [new_markdown_cell if c.startswith("#") else new_code_cell for c in cells]
    return new_notebook(cells=[f(c) for f, c in zip(make, cells, strict=True)])


def text_of(cell) -> str:
    return "".join(o.get("text", "") for o in cell.outputs)


def test_cells_run_in_the_folder_with_the_environment_and_counts_from_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TLCOURSE_COLOUR", "green")
    given = notebook(
        "# Title", "import os; print(os.getcwd())", "", "print(os.environ['TLCOURSE_COLOUR'])"
    )
    told = []
    done = execute(given, cwd=tmp_path, cell_timeout=SECONDS, on_cell=lambda *a: told.append(a))
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
    first, second = (execute(given, cwd=tmp_path, cell_timeout=SECONDS) for _ in range(2))
    assert nbformat.writes(first) == nbformat.writes(second)
    assert "widget" not in str(first.metadata) + str(
        first.cells[0].outputs + first.cells[1].outputs
    )
    assert [o.text for o in first.cells[2].outputs] == ["seen\n", "noise\n"]
    assert capfd.readouterr().err == ""  # no warning about unencrypted messages, for one


def test_what_was_printed_slowly_is_one_output_but_a_figure_parts_it(tmp_path):
    slowly = "import time; from IPython.display import display\nfor k in range(3):\n"
    slowly += "    print(k, flush=True); time.sleep(0.5)\ndisplay(7); print(3)"
    (cell,) = execute(notebook(slowly), cwd=tmp_path, cell_timeout=SECONDS).cells
    assert [o.output_type for o in cell.outputs] == ["stream", "display_data", "stream"]
    assert [cell.outputs[0].text, cell.outputs[2].text] == ["0\n1\n2\n", "3\n"]


def test_what_stands_in_for_a_widget_is_kept(tmp_path):
    show = "from tlcourse import quiz; quiz.ask('03')"
    done = execute(notebook(show), cwd=tmp_path, cell_timeout=SECONDS)
    assert [list(o.data) for o in done.cells[0].outputs] == [["text/markdown"]] * 3
    assert "learning rate" in done.cells[0].outputs[0].data["text/markdown"]


def test_figures_are_drawn_whatever_the_terminal_s_backend(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    done = execute(
        notebook("import os; print(os.environ['MPLBACKEND'])"), cwd=tmp_path, cell_timeout=SECONDS
    )
    assert "inline" in text_of(done.cells[0])


def test_a_failing_cell_is_named_and_the_rest_is_kept(tmp_path):
    given = notebook(
        "# Title", "print('kept')", "print('half'); raise KeyError('a\\nb')", "print(3)"
    )
    given.cells[3].outputs = [new_output("stream", text="stale")]
    with pytest.raises(CellError, match=r"^cell \[2\]: KeyError: 'a\\nb'$") as caught:
        execute(given, cwd=tmp_path, cell_timeout=SECONDS)
    error = caught.value
    assert (error.index, error.number) == (2, 2)
    assert [text_of(c) for c in error.notebook.cells[1:]] == ["kept\n", "half\n", ""]


def test_an_error_s_message_is_its_first_line(tmp_path):
    given = notebook("raise ValueError('first\\nsecond')")
    with pytest.raises(CellError, match=r"^cell \[1\]: ValueError: first$"):
        execute(given, cwd=tmp_path, cell_timeout=SECONDS)
    with pytest.raises(CellError, match=r"^cell \[1\]: AssertionError$"):
        execute(notebook("assert False"), cwd=tmp_path, cell_timeout=SECONDS)


def test_an_error_that_the_cell_announces_is_no_failure(tmp_path):
    given = notebook("1 / 0", "print('on')")
    given.cells[0].metadata["tags"] = ["raises-exception"]
    done = execute(given, cwd=tmp_path, cell_timeout=SECONDS)
    assert text_of(done.cells[1]) == "on\n"


def test_a_cell_over_its_time_is_named_and_not_tried_again(tmp_path, capfd):
    given = notebook("open('starts', 'a').write('x')", "import time; time.sleep(3600)")
    with pytest.raises(CellError, match=r"^cell \[2\]: it did not finish within 15 seconds$"):
        execute(given, cwd=tmp_path, cell_timeout=15)
    assert (tmp_path / "starts").read_text() == "x"
    assert capfd.readouterr().err == ""  # nor does the kernel complain that it was shut down


DIE = "import os, pathlib; p = pathlib.Path('starts'); p.open('a').write('x')\n"


def test_a_kernel_that_dies_once_is_replaced(tmp_path):
    given = notebook(DIE + "len(p.read_text()) > 1 or os._exit(1)", "print('on')")
    done = execute(given, cwd=tmp_path, cell_timeout=SECONDS)
    assert text_of(done.cells[1]) == "on\n"
    assert (tmp_path / "starts").read_text() == "xx"


def test_a_kernel_that_dies_twice_is_reported_with_its_cell(tmp_path):
    given = notebook("1", DIE + "os._exit(1)")
    with pytest.raises(CellError, match=r"^cell \[2\]: the kernel died") as caught:
        execute(given, cwd=tmp_path, cell_timeout=SECONDS)
    assert (tmp_path / "starts").read_text() == "xx"
    assert caught.value.notebook.cells[0].outputs


def test_an_idle_kernel_that_never_answers_is_replaced_once(tmp_path, monkeypatch):
    """A lost message: the kernel waits for a cell, and the client for its answer."""
    monkeypatch.setattr(module, "_SILENCE", 10)
    lose = iter([True, False])
    run_cell = module._Client.async_execute_cell

    async def lose_one(client, cell, index, **options):
        if index == 1 and next(lose):
            client.kc.execute = lambda *args, **kwargs: "lost"
        return await run_cell(client, cell, index, **options)

    monkeypatch.setattr(module._Client, "async_execute_cell", lose_one)
    done = execute(notebook("print(1)", "print(2)"), cwd=tmp_path, cell_timeout=SECONDS)
    assert text_of(done.cells[1]) == "2\n"
    lose = iter([True, True])
    with pytest.raises(CellError, match=r"^cell \[2\]: the kernel does not answer"):
        execute(notebook("print(1)", "print(2)"), cwd=tmp_path, cell_timeout=SECONDS)


def test_a_widget_s_output_is_not_told_to_the_busy_kernel(tmp_path, monkeypatch):
    """Told so, one kernel in a hundred widgets missed the next cell, and hung."""

    def send(*_, **__):
        raise AssertionError("a message to a busy kernel")

    monkeypatch.setattr(OutputWidget, "send", send)
    draw = "from ipywidgets import interact\n_ = interact(lambda k: print(k), k=(0, 5))"
    given = notebook(*[draw, "print('on')"] * 5)
    done = execute(given, cwd=tmp_path, cell_timeout=SECONDS)
    assert text_of(done.cells[-1]) == "on\n"


def test_a_cell_that_computes_in_silence_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SILENCE", 8)
    given = notebook("import time; time.sleep(12); print('done')")
    assert text_of(execute(given, cwd=tmp_path, cell_timeout=SECONDS).cells[0]) == "done\n"


def test_nothing_of_the_shell_or_of_a_profile_reaches_a_notebook(tmp_path, monkeypatch):
    startup = tmp_path / "ipython/profile_default/startup/00.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("print('a profile')")
    (tmp_path / "mine.py").write_text("print('a startup file'); left = 1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "mine.py"))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    given = notebook(
        "try:\n    assert False\nexcept AssertionError:\n    print('claims are checked')",
        "import warnings; warnings.warn('x', DeprecationWarning); print('left' in globals())",
    )
    done = execute(given, cwd=tmp_path, cell_timeout=SECONDS)
    assert [o.text for o in done.cells[0].outputs] == ["claims are checked\n"]
    assert done.cells[1].outputs[0].text == "False\n"


def test_a_notebook_runs_where_the_home_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for name in ("IPYTHONDIR", "MPLCONFIGDIR", "KERAS_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file/home"))
    show = "import os, pathlib, matplotlib as m; p = pathlib.Path(m.get_cachedir())\n"
    show += "(p / 'x').touch(); print(os.environ['HOME']); import IPython.paths as i\n"
    show += "print(pathlib.Path(i.get_ipython_dir()).is_dir())"
    done = execute(notebook(show), cwd=tmp_path, cell_timeout=SECONDS)
    assert [o.text for o in done.cells[0].outputs] == [f"{tmp_path / 'file/home'}\nTrue\n"]
