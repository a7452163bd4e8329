import io
import re
import tarfile
from base64 import b64encode
from hashlib import sha512
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tlcourse import cli
from tlcourse.course import content, slides
from tlcourse.files import CourseError
from tools import sync

CHAPTERS = content.chapters()
ASSETS = {name: f"/* {name} */" for package in slides._PACKAGES for name in package.wanted}
ADDRESS = re.compile(r"""(?:src|href)=["']|url\(|@import|import\(|fetch\(""")


def text(source, kind="-", **slideshow):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind, **slideshow}})


def code(source, kind="-", outputs=(), **slideshow):
    metadata = {"slideshow": {"slide_type": kind, **slideshow}}
    return new_code_cell(source, metadata=metadata, outputs=list(outputs), execution_count=1)


def figure(alt="A line"):
    data, about = {"image/png": "iVBORw0KGgo="}, {"image/png": {"alt": alt, "width": 672}}
    return new_output("display_data", data, metadata=about)


def printed(said):
    return new_output("stream", name="stdout", text=said)


def select(*cells):
    return slides.select(new_notebook(cells=list(cells)))


def page(*cells):
    return slides.to_html(select(*cells), ASSETS)


# --- the chapters' decks -------------------------------------------------------------------------


@pytest.fixture(params=CHAPTERS)
def deck(request):
    return slides.select(nbformat.read(CHAPTERS[request.param], as_version=4))


def test_a_deck_is_a_selection_that_fits_a_lecture(deck):
    short = "Start here" in deck[0].cells[0].source
    assert 6 <= len(deck) <= 12 if short else 20 <= len(deck) <= 35


def test_a_deck_opens_with_its_title_and_ends_with_what_to_remember(deck):
    assert deck[0].cells[0].source.startswith("# ")
    assert deck[-1].cells[0].source.startswith(("## Key points", "## Where to go"))


def test_the_audience_is_asked_every_few_slides(deck):
    asked = [0, *(i for i, slide in enumerate(deck) if "question" in slide.styles), len(deck) - 1]
    assert max(later - earlier for earlier, later in pairwise(asked)) <= 7


def test_the_speaker_has_the_answer_to_every_question(deck):
    for slide in deck:
        if "question" in slide.styles:
            assert re.search("^Answer", "\n".join(slide.notes), re.MULTILINE), slide


def test_most_slides_have_notes_and_none_is_empty(deck):
    assert all(slide.cells for slide in deck)
    assert sum(bool(slide.notes) for slide in deck) >= 0.8 * len(deck)


def test_the_title_keeps_one_sentence_and_the_speaker_has_the_rest(deck):
    assert len(slides._SENTENCE.findall(deck[0].cells[0].source.partition("\n\n")[2])) <= 1


def test_every_slide_has_a_headline_and_the_first_a_picture(deck):
    assert any(map(slides._shows_figure, deck[0].cells))
    for slide in deck:
        texts = [cell.source for cell in slide.cells if cell.cell_type == "markdown"]
        in_text = any(re.search(r"^(#+|>) ", text, re.MULTILINE) for text in texts)
        in_figure = any(slides._TITLE.search(cell.source) for cell in slide.cells)
        assert slide.headline or in_text or in_figure, slide


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_slide_types_are_known(chapter):
    known = {"slide", "subslide", "fragment", "notes", "skip", "-"}
    for cell in nbformat.read(CHAPTERS[chapter], as_version=4).cells:
        about = cell.metadata.get("slideshow", {})
        assert about.get("slide_type", "-") in known
        assert about.keys() <= {"slide_type", "code", "headline"}


# --- from cells to slides ------------------------------------------------------------------------


def test_a_slide_goes_on_until_the_next_one():
    first, second = select(
        text("# Title", "slide"), text("more"), text("## 1 · Next", "slide"), code("a = 1")
    )
    assert [cell.source for cell in first.cells] == ["# Title", "more"]
    assert (second.section, second.opens_section) == ("1 · Next", True)


def test_what_is_for_reading_or_for_the_speaker_is_not_on_the_slide():
    (slide,) = select(
        text("before", "-"),
        text("# Title\n\n<!-- Notes:\nSay hello.\n-->", "slide"),
        text("read this", "skip"),
        text("and <!-- Notes: explain --> this", "notes"),
        text("not this <!-- Notes: but this -->", "skip"),
    )
    assert [cell.source for cell in slide.cells] == ["# Title"]
    assert slide.notes == ["Say hello.", "and  this", "explain", "but this"]


def test_a_notebook_without_slide_types_has_no_slides():
    assert select(new_markdown_cell("# Title"), new_code_cell("a = 1")) == []


def test_the_code_of_a_figure_and_code_that_is_hidden_do_not_show():
    made = page(
        code("draw_it()", "slide", [figure()]),
        code("hide_it()", "slide", [printed("42")], code=False),
        code("show_it()", "slide"),
    )
    assert "draw_it" not in made
    assert "hide_it" not in made
    assert "42" in made
    assert "show_it" in made


def test_each_retrieval_question_is_a_slide_with_its_answer_in_the_notes():
    parts = select(text("## Before", "skip"), code('quiz.ask("01")', "slide"))
    assert [part.opens_section for part in parts] == [True, False, False]
    assert all(part.styles.startswith("question recall") for part in parts)
    assert "To the left" in parts[0].notes[0]
    assert "To the left" in parts[0].cells[0].source


def test_a_link_to_another_notebook_is_only_its_words():
    made = page(text("- See [set 01](../exercises/ex01/ex01.ipynb), [it](https://e.org).", "slide"))
    assert "See set 01, " in made
    assert 'href="https://e.org"' in made


# --- headlines -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "headline", "rest"),
    [
        ("**Why it works.** Close up.", "Why it works", "Close up."),
        (
            "**Predict.** Two walk. Which is ahead? Say why.",
            "Which is ahead?",
            "Two walk. Say why.",
        ),
        ("**Predict.** Sketch it for 0.5 and 2.", "Sketch it for 0.5 and 2.", ""),
        ("Here is all of it. It keeps\nits path.", "Here is all of it", "It keeps its path."),
        (
            "At 0.4 and $a.b$ it breaks. See?\n\nMore.",
            "At 0.4 and $a.b$ it breaks",
            "See?\n\nMore.",
        ),
        ("Three sources:\n\n- a\n- b", "Three sources", "- a\n- b"),
        ("For a small step $d$\n\n$$ d $$", "", None),
        ("- a list. Of points.", "", None),
        ("| a | b |", "", None),
        ("**Adam and its friends. All** of them.", "", None),
        (f"{'Very ' * 30} long. Yes.", "", None),
    ],
)
def test_the_headline_is_what_a_text_opens_with(source, headline, rest):
    (slide,) = select(text(source, "slide"))
    assert slide.headline == headline.removesuffix(".")
    assert "\n\n".join(cell.source for cell in slide.cells) == (source if rest is None else rest)


def test_a_headline_that_is_written_stands_and_the_text_stays():
    (slide,) = select(text("One. Two.", "slide", headline="Said better"))
    assert (slide.headline, slide.cells[0].source) == ("Said better", "One. Two.")


def test_a_slide_without_words_takes_its_headline_from_its_figure_its_introduction_or_its_section():
    made = select(
        text("## 1 · Fog", "slide"),
        code("draw()", "subslide", [figure("It falls")]),
        code('draw(title="It rises")', "subslide", [figure("A line")]),
        text("Two ways to walk:", "skip"),
        code("a = 1", "subslide"),
        code("b = 1", "subslide"),
    )
    assert [slide.headline for slide in made] == [
        "",  # a heading
        "It falls",
        "",  # a title in the figure
        "Two ways to walk",
        "1 · Fog",
    ]


def test_the_title_stands_beside_the_first_figure_of_the_chapter():
    first, second = select(
        text("# Title", "slide"), code("a", "skip"), code("b", "slide", [figure()])
    )
    assert [cell.cell_type for cell in first.cells] == ["markdown", "code"]
    assert "image/png" in first.cells[1].outputs[0].data
    assert first.cells[1].source == ""
    assert len(second.cells) == 1


def test_a_slide_that_goes_deeper_says_so():
    cells = (
        text("## 1 · Fog", "slide"),
        text("### Going deeper · More", "subslide"),
        text("One. Two.", "subslide"),
        text("### After it", "subslide"),
        text("## Going deeper · All", "slide"),
        text("### A part", "subslide"),
        text("## Key points", "slide"),
    )
    assert [s.deeper for s in select(*cells)] == [False, True, True, False, True, True, False]
    made = page(*cells)
    assert made.count('<p class="section deeper') == 4
    assert ">Going deeper · 1 · Fog</p>" in made


def test_what_a_reader_is_to_do_in_the_notebook_is_not_a_slide():
    first, last = select(
        text("# Title", "slide"),
        text("**Change it.** Move it. <!-- Notes: show it -->", "subslide"),
        code("interact(draw)", "-", [figure()]),
        text("**Look.** It moves.", "subslide"),
    )
    assert (first.notes, last.headline) == (["show it"], "Look")
    assert not any("interact" in cell.source for cell in first.cells)


# --- the page ------------------------------------------------------------------------------------


def test_a_page_asks_for_nothing():
    made = page(text("# Title", "slide"), text("$a^2$"), code("a", "subslide", [figure()]))
    for found in ADDRESS.finditer(made):
        assert made[found.end() :].startswith("data:"), made[found.start() :][:80]


def test_mathematics_is_mathml_and_a_figure_keeps_its_text():
    made = page(text("$$ a^2 $$", "slide"), code("a", "slide", [figure('Alt "quoted"')]))
    assert re.search('<math [^>]*display="block"', made)
    assert """alt='Alt "quoted"'""" in made
    assert "$$" not in made


def test_what_is_printed_is_text():
    assert "&lt;b&gt;" in page(code("a", "slide", [printed("<b>")]))


def test_a_slide_stands_under_its_section_unless_it_has_a_title():
    made = page(text("## 1 · Fog", "slide"), text("**Predict.** What?", "subslide"))
    assert made.count(">1 · Fog</p>") == 1
    assert '<p class="section question">1 · Fog</p>' in made


def test_a_fragment_waits_and_its_notes_do_not():
    made = page(
        text("What?", "slide"), code("a", "fragment", [printed("42")]), text("why", "notes")
    )
    notes, fragment = made.index('<aside class="notes">'), made.index('<div class="fragment"')
    assert notes < made.index("</aside>") < fragment < made.index("42</pre>")


# --- what comes from npm -------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package in the place of the real ones, and empty caches; the archive's bytes."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("package/dist/a.js")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"a()"))
    checksum = b64encode(sha512(data.getvalue()).digest()).decode()
    known = slides._Package("@x/a.js@1.0", checksum, ("dist/a.js",))
    monkeypatch.setattr(slides, "_PACKAGES", (known,))
    monkeypatch.setattr(slides.download, "own_cache", lambda: tmp_path / "own")
    monkeypatch.setenv("TLCOURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(slides.shutil, "which", lambda name: None)
    return data.getvalue()


def npm(monkeypatch, folder, script):
    """Let a shell script be npm; it finds the folder that it is to fill in $4."""
    path = folder / "npm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(slides.shutil, "which", lambda name: str(path))


@pytest.mark.parametrize("place", ["home", "own"])
def test_what_is_in_a_cache_needs_no_npm(tmp_path, package, place):
    (tmp_path / place).mkdir()
    (tmp_path / place / "x-a.js-1.0.tgz").write_bytes(package)
    assert slides.fetch_assets() == {"dist/a.js": "a()"}


def test_npm_is_asked_once(tmp_path, package, monkeypatch):
    (tmp_path / "source.tgz").write_bytes(package)
    npm(monkeypatch, tmp_path, f'cp "{tmp_path}/source.tgz" "$4/x-a.js-1.0.tgz"')
    (tmp_path / "home").mkdir()
    (tmp_path / "home/x-a.js-1.0.tgz").write_bytes(package[:-1])  # damaged: fetched again
    assert slides.fetch_assets() == {"dist/a.js": "a()"}
    npm(monkeypatch, tmp_path, "exit 1")
    assert slides.fetch_assets() == {"dist/a.js": "a()"}


def test_without_npm_a_sentence_says_what_to_do(tmp_path, package):
    with pytest.raises(CourseError, match="install Node.js, or run `npm pack @x/a.js@1.0`") as told:
        slides.fetch_assets()
    assert f"put x-a.js-1.0.tgz into {tmp_path / 'home'}." in str(told.value)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'npm error code ENOTFOUND' >&2; exit 1", "(ENOTFOUND): try again with the internet"),
        ('echo other > "$4/x-a.js-1.0.tgz"', "(what came is not what was published)"),
        ("sleep 50", "(no answer in 1 seconds)"),
    ],
)
def test_where_npm_fails_a_sentence_says_why(tmp_path, package, monkeypatch, script, reason):
    npm(monkeypatch, tmp_path, script)
    if "sleep" in script:
        monkeypatch.setattr(slides, "_NPM_TIMEOUT", 1)
    with pytest.raises(CourseError, match=re.escape(reason)):
        slides.fetch_assets()


# --- the command, and the twins ------------------------------------------------------------------


def test_the_command_writes_a_deck_for_each_chapter(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(slides, "fetch_assets", lambda: ASSETS)
    with pytest.raises(SystemExit) as left:
        cli.main(["slides", "0", "01", "--out", str(tmp_path / "decks")])
    assert not left.value.code
    assert "01_gradient_descent.slides.html: " in capsys.readouterr().out
    assert len(list((tmp_path / "decks").glob("*.slides.html"))) == 2


def test_the_command_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(slides, "fetch_assets", lambda: ASSETS)
    plain = tmp_path / "notebooks/01_a.ipynb"
    plain.parent.mkdir()
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A")]), plain)
    monkeypatch.setattr(content, "folder", lambda: tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(["slides", "--out", str(tmp_path / "decks")])
    assert left.value.code == 1
    assert "01_a.ipynb has no slides" in capsys.readouterr().err


TWIN = """\
# %% [markdown] slideshow={"slide_type": "slide"}
# # A chapter

# %% slideshow={"slide_type": "subslide", "code": false} tags=["setup"]
a = 1
"""


def test_slide_types_reach_the_notebook_and_change_without_an_execution(tmp_path, monkeypatch):
    notebook, twin = tmp_path / "notebooks/01_a.ipynb", tmp_path / "sources/notebooks/01_a.py"
    twin.parent.mkdir(parents=True)
    twin.write_text(TWIN)

    def execute(notebook, **_):
        notebook.cells[1].execution_count = 1
        return notebook

    monkeypatch.setattr(sync, "execute", execute)
    sync.sync(notebook, twin)
    cell = nbformat.read(notebook, as_version=4).cells[1]
    assert cell.metadata == {
        "slideshow": {"slide_type": "subslide", "code": False},
        "tags": ["setup"],
    }
    monkeypatch.setattr(sync, "execute", None)
    assert sync.sync(notebook, twin) == "up to date"
    twin.write_text(Path(twin).read_text().replace('"subslide"', '"skip"'))
    assert sync.sync(notebook, twin) == "text brought into step"
    cell = nbformat.read(notebook, as_version=4).cells[1]
    assert cell.metadata.slideshow.slide_type == "skip"
