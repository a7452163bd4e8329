"""A reader: every page of the site and its links, the search, a small screen, executed chapters."""

import functools
import importlib.util
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import nbformat
import pytest

from docs import build
from tests.browser import lab
from tests.checks import ROOT
from tlcourse.course import pages

CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))

# What one page has and asks for; figures that have not loaded have no size.
LOOK = """() => ({
  links: [...document.querySelectorAll('a[href]')].map((a) => a.href),
  anchors: [...document.querySelectorAll('[id], [name]')].flatMap((e) => [e.id, e.name]),
  missing: [...document.images].filter((i) => !i.complete || !i.naturalWidth).map((i) => i.src),
  flat: [...document.querySelectorAll('math')].filter((m) => m.checkVisibility() &&
    !m.getBoundingClientRect().width).map((m) => m.textContent),
})"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the site."""
    if missing := [name for name in build.NEEDED if not importlib.util.find_spec(name)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    out = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, str(ROOT / "docs" / "build.py"), str(out)], check=True)
    handler = functools.partial(Quiet, directory=str(out))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def pages_of(seen, site):
    """The pages of the site that a page links to."""
    return {name for name in here(seen, site) if name.endswith(".html")}


def here(seen, site):
    """The addresses within the site that a page links to."""
    return {link.partition("#")[0] for link in seen["links"] if link.startswith(site)}


def test_every_page_is_reached_whole_and_readable(page, site):
    found, left, faults = {}, [f"{site}index.html"], {}
    while left:
        address = left.pop()
        assert page.goto(address).ok, f"{address} is not there"
        seen = found[address] = page.evaluate(LOOK)
        faults[address] = [*seen["missing"], *seen["flat"], *lab.hard_to_read(page)]
        left += pages_of(seen, site) - found.keys() - set(left)
    assert len(found) > len(CHAPTERS) * 3
    assert {address: what for address, what in faults.items() if what} == {}
    files = {name for seen in found.values() for name in here(seen, site)} - found.keys()
    assert [name for name in files if not page.request.head(name).ok] == []
    links = {link for seen in found.values() for link in seen["links"] if "#" in link}
    parts = [link.partition("#") for link in links if link.startswith(site)]
    known = {address: set(seen["anchors"]) for address, seen in found.items()}
    assert [(a, b) for a, _, b in parts if a in known and b and unquote(b) not in known[a]] == []


def test_what_cannot_be_read_is_noticed(page):
    page.set_content(
        "<html lang=en><title>a</title><main><p style='color: #aaa'>pale</p>"
        "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='></main></html>"
    )
    assert {fault.partition(":")[0] for fault in lab.hard_to_read(page)} == {
        "color-contrast",
        "image-alt",
    }


@pytest.mark.parametrize("words", ["freeze", "temperature scaling", "inference"])
def test_the_search_finds(page, site, words):
    page.goto(f"{site}search.html?q={words.replace(' ', '+')}")
    first = page.locator("#search-results li a").first
    first.wait_for()
    page.locator("#search-results .search-summary").get_by_text("found").wait_for()
    first.click()
    page.wait_for_load_state()
    assert words.split()[0] in page.inner_text("article").lower()


def test_a_search_for_what_is_not_there_says_so(page, site):
    page.goto(f"{site}search.html?q=xylophone")
    page.get_by_text("did not match any documents").wait_for()


def test_it_can_be_read_on_a_telephone(browser, site):
    with lab.page_of(browser, (390, 844)) as page:
        page.goto(f"{site}index.html")
        wide = {}
        for name in sorted(pages_of(page.evaluate(LOOK), site)):
            page.goto(name)
            width, letters = page.evaluate(
                """() => [document.documentElement.scrollWidth, Math.min(
                    ...[...document.querySelectorAll('article :is(p, li, td, pre)')]
                    .filter((e) => e.checkVisibility())
                    .map((e) => parseFloat(getComputedStyle(e).fontSize)))]"""
            )
            if width > 390 or letters < 12:
                wide[name] = (width, letters)
        assert wide == {}
        assert page.problems == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem[:2])
def test_a_chapter_of_tlcourse_run_opens_without_a_network(page, tmp_path, chapter):
    path = tmp_path / "chapter.html"
    notebook = nbformat.read(chapter, 4)
    path.write_text(pages.to_html(notebook, chapter.stem), "utf-8")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    seen = page.evaluate(LOOK)
    assert [*seen["missing"], *seen["flat"], *lab.hard_to_read(page)] == []
    formulas = any("$" in c.source for c in notebook.cells if c.cell_type == "markdown")
    assert bool(page.locator("math").count()) == formulas
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
