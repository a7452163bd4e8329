"""The site: it builds without a warning, links hold, and no page loads anything from elsewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from docs import build
from tools.owner import committed

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
CHAPTERS = {path.name[:2]: path for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme")
MISSING = [name for name in NEEDED if not importlib.util.find_spec(name)]

needs_sphinx = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


# --- what is written -----------------------------------------------------------------------------


def text_of(notebook: Path) -> str:
    """All that a chapter says and prints."""
    parts = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        parts.append(cell.source)
        for output in cell.get("outputs", []):
            parts += [output.get("text", ""), *map(str, output.get("data", {}).values())]
    return "\n".join(part for part in parts if not part.startswith("iVBOR"))


def squeezed(text: str) -> str:
    """The words alone, for comparing titles."""
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_number_that_an_instructor_quotes_is_one_of_the_chapter(chapter):
    page = (DOCS / "teach" / f"{chapter}.md").read_text("utf-8")
    quoted = set(re.findall(r"(?<![\w.])\d[\d,]*\.\d+(?![\w.]*\])|\d+(?= %)", page))
    chapter_says = text_of(CHAPTERS[chapter])
    assert [
        n for n in sorted(quoted) if not re.search(rf"(?<![\d.]){re.escape(n)}", chapter_says)
    ] == []


@pytest.mark.parametrize("chapter", [c for c in CHAPTERS if c != "00"])
@pytest.mark.parametrize("minutes", [45, 90])
def test_a_schedule_fills_its_minutes(chapter, minutes):
    page = (DOCS / "teach" / f"{chapter}.md").read_text("utf-8")
    _, _, schedule = page.partition(f"## {minutes} minutes\n")
    rows = re.findall(r"^\| (\d+) \|", schedule.partition("\n## ")[0], re.MULTILINE)
    assert sum(map(int, rows)) == minutes


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_chapter_cites_is_in_the_bibliography(chapter):
    bibliography = squeezed((DOCS / "bibliography.md").read_text("utf-8"))
    _, _, reading = text_of(CHAPTERS[chapter]).partition("## Further reading")
    titles = re.findall(r'"([^"]+)"|(?<=\d{4}), \*([^*]+)\*', reading)
    missing = [a or b for a, b in titles if squeezed(a or b) not in bibliography]
    assert missing == []
    assert bool(titles) == (chapter != "00")


def test_every_address_of_the_bibliography_is_a_doi_or_the_journal():
    addresses = re.findall(r"\]\(<?([^)>]+)", (DOCS / "bibliography.md").read_text("utf-8"))
    dois = [a for a in addresses if a.startswith("https://doi.org/10.")]
    assert set(addresses) - set(dois) == {"https://jmlr.org/papers/v15/srivastava14a.html"}
    assert len(set(dois)) == len(dois)


def test_the_glossary_is_in_order():
    _, _, glossary = (DOCS / "glossary.md").read_text("utf-8").partition(":::{glossary}\n")
    entries = [entry.partition("\n")[0] for entry in glossary.partition("\n:::")[0].split("\n\n")]
    assert len(entries) > 50
    assert entries == sorted(entries, key=str.lower)


def pages_of_the_site():
    return [pytest.param(path, id=path.relative_to(DOCS).as_posix()) for path in DOCS.rglob("*.md")]


@pytest.mark.parametrize("path", pages_of_the_site())
def test_a_page_of_which_the_site_makes_a_part_says_where_it_is_whole(path):
    text, place = path.read_text("utf-8"), path.relative_to(DOCS).with_suffix(".html").as_posix()
    notes = build.ONLY_HERE.findall(text)
    if "{include}" in text:
        assert len(notes) == 1
    for note in notes:
        assert text.startswith("# ")
        assert text.partition("\n\n")[2].startswith(note)
        assert re.search(rf"https://[\w-]+\.github\.io/tlcourse/{place}\)", note)
        assert f"`site/{place}`" in " ".join(note.replace("\n>", "").split())


def test_every_link_of_a_page_leads_to_a_file():
    dead = []
    for path in [p for p in committed() if p.suffix == ".md"]:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text("utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(<?([^)\s>]+)", text):
            address = urlsplit(link)
            if not address.scheme and address.path and not (path.parent / address.path).exists():
                dead.append(f"{path.relative_to(ROOT)}: {link}")
    assert dead == []


def test_the_container_files_install_from_the_lock():
    for name in ("Dockerfile", ".binder/requirements.txt"):
        assert "requirements.lock" in (ROOT / name).read_text("utf-8")
        assert "Not run by the authors" in (ROOT / name).read_text("utf-8")


# --- what is made of a notebook ------------------------------------------------------------------


FIGURE = new_output(
    "display_data",
    {"image/png": "iVBORw0KGgo="},
    metadata={"image/png": {"alt": "A", "width": 672}},
)
CLAIM = new_output("display_data", {"text/plain": "✔ it falls"}, metadata={"tlcourse": {}})


@pytest.mark.parametrize(
    ("source", "outputs", "expected"),
    [
        ("x = 1", [], []),
        ("plotting.show(ax)", [FIGURE], ["hide-input"]),
        ("model.fit(x, callbacks=[LiveCurves()])", [FIGURE], []),
        ("a = f(x)\nassert a < 1", [], ["hide-input"]),
        ("def f(x):\n    assert x\n    return x", [], []),
        ("%time assert f(x)", [], []),
        ('quiz.ask("01")', [], ["remove-input", "question"]),
        ('quiz.predict("01.a", "?", 0, 1)', [], ["remove-input", "question"]),
        ('quiz.reveal("01.a", x)', [], ["answer"]),
        ('quiz.predictions("01")', [], ["remove-cell"]),
        ("claim(x < 1, words)", [CLAIM], ["claim"]),
        ("print(x)\nclaim(x < 1, words)", [new_output("stream", text="0"), CLAIM], []),
    ],
)
def test_what_a_reader_sees_of_a_cell(source, outputs, expected):
    assert build.looks(new_code_cell(source, outputs=outputs)) == expected


def test_code_that_opens_folded_is_folded_on_the_page():
    cell = new_code_cell("x = 1", metadata={"jupyter": {"source_hidden": True}})
    assert build.looks(cell) == ["hide-input"]


def outline(cells) -> list[tuple[str, bool]]:
    """Each heading of a notebook, and whether a reader finds anything below it."""
    parts = []
    for cell in cells:
        if cell.cell_type == "code":
            parts.append("" if "remove-cell" in cell.metadata.get("tags", []) else "code")
        else:
            text = re.sub(r"```.*?```", "code", cell.source, flags=re.DOTALL)
            parts += re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).splitlines()
    parts = [part for part in parts if part.strip()]
    found = []
    for part, after in zip(parts, [*parts[1:], "# end"], strict=True):
        if level := re.match(r"#+(?= )", part):
            next_level = re.match(r"#+(?= )", after)
            found.append((part, not next_level or len(next_level[0]) > len(level[0])))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_page_keeps_the_headings_of_its_chapter_and_none_is_empty(chapter):
    path = CHAPTERS[chapter]
    notebook = nbformat.read(path, as_version=4)
    own = [heading for heading, _ in outline(notebook.cells)]
    prepared = outline(build.prepare(notebook, path.relative_to(ROOT)).cells)
    guesses = "## How well did you predict?"  # on a page nobody has predicted anything
    assert [heading for heading, _ in prepared] == [h for h in own if h != guesses]
    assert [heading for heading, is_filled in prepared if not is_filled] == []


def test_only_the_heading_of_the_list_of_guesses_is_left_out():
    cells = [new_markdown_cell(text) for text in ("## A\n\nb", "c\n\n## D\n", "## E\n\nf")]
    for place in (3, 2, 1):
        cells.insert(place, new_code_cell('quiz.predictions("01")'))
    prepared = build.prepare(nbformat.v4.new_notebook(cells=cells), Path("notebooks", "01_x.ipynb"))
    texts = [cell.source.strip() for cell in prepared.cells if cell.cell_type == "markdown"]
    assert texts == ["## A\n\nb", "c", "## E\n\nf"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See chapter 04.", "See [chapter 04](../notebooks/04_weight_transfer.ipynb)."),
        ("In Chapter 04", "In [Chapter 04](../notebooks/04_weight_transfer.ipynb)"),
        ("chapter 99 and chapters 4", "chapter 99 and chapters 4"),
        ("[of chapter 04](x.md) and `chapter 04`", "[of chapter 04](x.md) and `chapter 04`"),
        ("## After chapter 04", "## After chapter 04"),
        ("```\nchapter 04\n```", "```\nchapter 04\n```"),
    ],
)
def test_a_chapter_that_a_text_names_becomes_a_link(text, expected):
    assert build.link_chapters(text, Path("teach", "01.md")) == expected


def test_a_chapter_does_not_link_to_itself():
    assert build.link_chapters("chapter 04", Path("notebooks", "04_x.ipynb")) == "chapter 04"
    linked = build.link_chapters("chapter 04", Path("exercises", "ex04", "ex04_x.ipynb"))
    assert linked == "[chapter 04](../../notebooks/04_weight_transfer.ipynb)"


def test_the_words_of_a_page_keep_the_places_that_a_search_leads_to():
    page = """<p>menu</p><article><section id="a"><h1>Title<a class="headerlink">#</a></h1>
      <p>a &lt; b</p><script>x()</script></section></article><p>foot</p>"""
    words = "".join(build.Words(page).parts)
    assert " ".join(words.split()) == '<section id="a">Title a &lt; b</section>'


# --- what is built -------------------------------------------------------------------------------


LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
NOT_LOADED = {"index", "search", "next", "prev", "canonical", "author", "copyright"}  # <link rel>


class Page(HTMLParser):
    """What a page refers to: anchors it has, links, what it loads, and images without a text."""

    def __init__(self, path: Path):
        super().__init__()
        self.anchors, self.links, self.loads, self.silent = set(), [], [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, pairs):
        found = dict(pairs)
        self.anchors |= {found.get("id"), found.get("name")}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        address, relation = found.get(LOADS.get(tag)), set(found.get("rel", "").split())
        if address and not (tag == "link" and NOT_LOADED & relation):
            self.loads.append(address)
        if tag == "img" and "alt" not in found:
            self.silent.append(found.get("src"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, str(DOCS / "build.py"), str(out), "-W", "--keep-going"],
        cwd=ROOT,
        env=os.environ | {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names = [path.relative_to(out) for path in out.rglob("*.html")]
    return {n.as_posix(): Page(out / n) for n in names if n.parts[0] != "_static"}, out


@needs_sphinx
def test_all_parts_are_there(site):
    pages, _ = site
    for path in [*CHAPTERS.values(), *ROOT.glob("exercises/ex*/ex*.ipynb")]:
        assert path.relative_to(ROOT).with_suffix(".html").as_posix() in pages
    for name in ("glossary", "genindex", "bibliography", "times", "changelog", "api/tlcourse.data"):
        assert f"{name}.html" in pages


@needs_sphinx
def test_the_home_page_begins_with_three_ways_in_and_a_picture(site):
    _, out = site
    page = (out / "index.html").read_text("utf-8")
    ways = page[page.index('class="ways') : page.index('id="the-chapters"')]
    links = re.findall(r'<a [^>]*href="([^"]+)"', ways)
    assert [urlsplit(link).path for link in links[:3]] == [
        "notebooks/00_start_here.html",
        "teach/index.html",
        "grading.html",
    ]
    assert "_images/recognised.png" in ways


@needs_sphinx
def test_next_leads_from_a_chapter_to_its_exercises_and_on_to_the_next_chapter(site):
    _, out = site
    place, seen = Path("notebooks", f"{CHAPTERS['00'].stem}.html"), []
    while place.parts[0] in ("notebooks", "exercises"):
        seen.append(place.stem.partition("_")[0])
        page = (out / place).read_text("utf-8")
        following = re.search(r'<link rel="next" [^>]*href="([^"]+)"', page)[1]
        place = (out / place.parent / following).resolve().relative_to(out.resolve())
    sets = {path.parent.name for path in ROOT.glob("exercises/ex*/ex*.ipynb")}
    expected = [
        name for n in CHAPTERS for name in (n, f"ex{n}") if name in CHAPTERS or name in sets
    ]
    assert seen == expected


@needs_sphinx
def test_chinese_terms_say_that_they_are_chinese(site):
    _, out = site
    page = (out / "glossary.html").read_text("utf-8")
    terms = re.findall(r"<dt([^>]*)>([^<]*[\u4e00-\u9fff][^<]*)<", page)
    assert len(terms) > 30
    assert [text for attributes, text in terms if 'lang="zh"' not in attributes] == []


@needs_sphinx
def test_a_section_that_can_be_skipped_is_marked(site):
    _, out = site
    for path in CHAPTERS.values():
        headings = sum(
            len(re.findall(r"^##+ Going deeper", cell.source, re.MULTILINE))
            for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "markdown"
        )
        page = (out / "notebooks" / f"{path.stem}.html").read_text("utf-8")
        assert len(re.findall(r'<section class="[^"]*\bdeeper\b', page)) == headings


@needs_sphinx
def test_every_internal_link_resolves(site):
    pages, out = site
    broken = []
    for name, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (out / name).parent / unquote(address.path) if address.path else out / name
            there = target.resolve().relative_to(out.resolve()).as_posix()
            anchor = unquote(address.fragment)
            if not target.is_file() or (
                anchor and there in pages and anchor not in pages[there].anchors
            ):
                broken.append(f"{name}: {link}")
    assert broken == []


@needs_sphinx
def test_no_page_loads_anything_from_elsewhere(site):
    pages, out = site
    assert {a for page in pages.values() for a in page.loads if urlsplit(a).netloc} == set()
    for sheet in out.rglob("*.css"):
        assert re.findall(r"url\(\s*['\"]?(?:https?:)?//", sheet.read_text("utf-8")) == [], (
            sheet.name
        )


@needs_sphinx
def test_every_image_has_a_text(site):
    pages, _ = site
    assert {name: page.silent for name, page in pages.items() if page.silent} == {}


@needs_sphinx
def test_figures_keep_the_texts_of_the_notebooks(site):
    _, out = site
    for path in CHAPTERS.values():
        page = unescape((out / "notebooks" / f"{path.stem}.html").read_text("utf-8"))
        cells = nbformat.read(path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        texts = [
            o.metadata["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})
        ]
        assert [text for text in texts if f'alt="{text}"' not in page] == []


@needs_sphinx
def test_no_solution_is_on_the_exercise_pages(site):
    _, out = site
    for path in out.glob("exercises/*/*.html"):
        assert "BEGIN SOLUTION" not in path.read_text("utf-8")


@needs_sphinx
def test_formulas_are_mathml(site):
    _, out = site
    html = (out / "notebooks" / f"{CHAPTERS['01'].stem}.html").read_text("utf-8")
    assert html.count("<math ") > 20
    assert "mathjax.js" not in html.lower()
