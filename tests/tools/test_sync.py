import json
import shutil

import nbformat
import pytest

from tools import sync

TWIN = """\
# %% [markdown]
# # A chapter
#
# Why first.

# %% tags=["setup"]
a = 1

# %%
print(a + 1)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    twin = root / "sources/notebooks/01_a.py"
    twin.parent.mkdir(parents=True)
    twin.write_text(TWIN)
    assert sync.main([], root) == 0
    return root


@pytest.fixture
def pair(made, tmp_path):
    """A notebook and its twin, in step and executed, in a folder of their own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "notebooks/01_a.ipynb", tmp_path / "sources/notebooks/01_a.py"


def files(pair):
    return [p.read_bytes() for p in pair]


def edit(path, old, new):
    """Change a file's text as an author would, on either side."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def printed(notebook):
    return [o.text for c in nbformat.read(notebook, 4).cells for o in c.get("outputs", [])]


def test_a_new_twin_becomes_an_executed_notebook(pair):
    notebook = nbformat.read(pair[0], 4)
    assert [c.cell_type for c in notebook.cells] == ["markdown", "code", "code"]
    assert notebook.cells[1].metadata == {"tags": ["setup"]}
    assert printed(pair[0]) == ["2\n"]
    assert set(notebook.metadata) == {"kernelspec", "language_info", "tlcourse"}
    assert sync.is_executed(notebook)
    assert pair[1].read_text() == TWIN


def test_a_second_run_changes_nothing(pair, tmp_path, monkeypatch, capsys):
    before = files(pair)
    monkeypatch.setattr(sync, "execute", None)
    assert sync.main([], tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "01_a: up to date"
    assert files(pair) == before


def test_an_execution_changes_nothing_but_what_the_code_prints(pair, tmp_path):
    before = files(pair)
    assert sync.main(["01"], tmp_path) == 0
    assert files(pair) == before


def test_code_edited_in_the_twin_is_executed(pair, tmp_path):
    ids = [c.id for c in nbformat.read(pair[0], 4).cells]
    edit(pair[1], "a = 1", "a = 41")
    assert sync.main([], tmp_path) == 0
    assert printed(pair[0]) == ["42\n"]
    assert [c.id for c in nbformat.read(pair[0], 4).cells] == ids


def test_code_edited_in_jupyter_is_executed_and_reaches_the_twin(pair, tmp_path):
    edit(pair[0], "a = 1", "a = 41")
    assert sync.main([], tmp_path) == 0
    assert printed(pair[0]) == ["42\n"]
    assert pair[1].read_text() == TWIN.replace("a = 1", "a = 41")


def test_code_that_an_editor_saved_in_both_files_is_executed(pair, tmp_path):
    for path in pair:
        edit(path, "a = 1", "a = 41")
    assert sync.main([], tmp_path) == 0
    assert printed(pair[0]) == ["42\n"]


@pytest.mark.parametrize("side", [0, 1])
def test_edited_prose_reaches_the_other_side_without_an_execution(
    pair, tmp_path, monkeypatch, side
):
    monkeypatch.setattr(sync, "execute", None)
    edit(pair[side], "Why first.", "Why, at first.")
    assert sync.main([], tmp_path) == 0
    assert all("Why, at first." in path.read_text() for path in pair)
    assert printed(pair[0]) == ["2\n"]


def test_cells_run_out_of_order_are_executed(pair, tmp_path):
    edit(pair[0], '"execution_count": 2', '"execution_count": 7')
    before = pair[1].read_bytes()
    assert sync.main([], tmp_path) == 0
    assert [c.get("execution_count") for c in nbformat.read(pair[0], 4).cells] == [None, 1, 2]
    assert pair[1].read_bytes() == before


def test_code_is_formatted_before_it_is_executed(pair, tmp_path):
    edit(pair[1], "a = 1", "a=1")
    assert sync.main([], tmp_path) == 0
    assert pair[1].read_text() == TWIN


def test_edits_on_both_sides_stop_it_and_stay(pair, tmp_path, capsys):
    edit(pair[0], "a = 1", "a = 41")
    edit(pair[1], "Why first.", "Why, at first.")
    before = files(pair)
    assert sync.main([], tmp_path) == 1
    assert "01_a.ipynb and 01_a.py were both edited" in capsys.readouterr().err
    assert files(pair) == before


@pytest.mark.parametrize("side", [0, 1])
def test_a_failing_cell_leaves_both_files_and_is_met_again(pair, tmp_path, capsys, side):
    edit(pair[side], "a = 1", "a = b")
    before = files(pair)
    for _ in range(2):
        assert sync.main([], tmp_path) == 1
        said = capsys.readouterr()
        assert "01_a: " in said.out
        assert "stopped at cell [1]: NameError: name 'b' is not defined" in said.err
        assert files(pair) == before


def test_a_save_during_the_execution_is_not_overwritten(pair, tmp_path, monkeypatch, capsys):
    def execute(notebook, **_):
        edit(pair[1], "Why first.", "Why, at first.")
        return notebook

    monkeypatch.setattr(sync, "execute", execute)
    before = pair[0].read_bytes()
    assert sync.main(["01"], tmp_path) == 1
    assert "run make notebooks again" in capsys.readouterr().err
    assert "Why, at first." in pair[1].read_text()
    assert pair[0].read_bytes() == before


def test_an_interruption_leaves_both_files(pair, tmp_path, monkeypatch, capsys):
    def execute(notebook, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sync, "execute", execute)
    before = files(pair)
    assert sync.main(["01"], tmp_path) == 130
    assert "interrupted" in capsys.readouterr().err
    assert files(pair) == before


def test_what_opens_folded_stays_folded(pair, tmp_path):
    """A section, and the code of a cell; nothing else that JupyterLab keeps beside them."""
    notebook = json.loads(pair[0].read_text())
    notebook["cells"][0]["metadata"]["jp-MarkdownHeadingCollapsed"] = True
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["metadata"]["jupyter"] = {"source_hidden": True, "outputs_hidden": False}
    pair[0].write_text(json.dumps(notebook))
    assert sync.main([], tmp_path) == 0
    assert "jp-MarkdownHeadingCollapsed=true" in pair[1].read_text()
    assert 'jupyter={"source_hidden": true}' in pair[1].read_text()
    assert "outputs_hidden" not in pair[0].read_text() + pair[1].read_text()
    before = pair[0].read_bytes()
    assert sync.main([], tmp_path) == 0
    assert pair[0].read_bytes() == before


def test_a_notebook_without_a_twin_gets_one(pair, tmp_path):
    pair[1].unlink()
    assert sync.main([], tmp_path) == 0
    assert pair[1].read_text() == TWIN


def test_a_broken_file_is_named_and_stays(pair, tmp_path, capsys):
    for path, text in zip(pair, ["{", ""], strict=True):
        whole = path.read_bytes()
        path.write_text(text)
        assert sync.main([], tmp_path) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"stopped. {path.name}")
        assert said.count("\n") == 1
        assert path.read_text() == text
        path.write_bytes(whole)


def test_an_unknown_number_is_refused_with_what_there_is(pair, tmp_path, capsys):
    assert sync.main(["09"], tmp_path) == 2
    assert capsys.readouterr().err == "There is no notebook '09'; there are: 01_a.\n"


def test_times_widgets_and_other_metadata_do_not_get_in(pair, tmp_path):
    notebook = json.loads(pair[0].read_text())
    notebook["metadata"]["widgets"] = {"x": 1}
    notebook["cells"][2]["metadata"]["execution"] = {"iopub.status.busy": "2026"}
    before = pair[0].read_bytes()
    pair[0].write_text(json.dumps(notebook))
    assert sync.main([], tmp_path) == 0
    assert pair[0].read_bytes() == before
