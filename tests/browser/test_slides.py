"""A lecturer pages through every deck at 1280×720, and opens the notes."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser import lab
from tlcourse.course import content, slides
from tlcourse.files import CourseError

CHAPTERS = content.chapters()
START = next(iter(CHAPTERS))
SIZE = (1280, 720)

# What a designer would not let pass on the slide that is shown; fragments are shown first.
FAULTS = """() => {
  while (Reveal.availableFragments().next) Reveal.nextFragment();
  const slide = Reveal.getCurrentSlide(), faults = [];
  const say = (what, element) => faults.push(`${what}: ${element.textContent.trim().slice(0, 40)}`);
  if (slide.scrollHeight > slide.clientHeight || slide.scrollWidth > slide.clientWidth)
    say("more than fits", slide);
  const [arrows, number] = [".controls", ".slide-number"].map((name) =>
    document.querySelector(name).getBoundingClientRect());
  for (const element of slide.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (element.closest("aside") || !box.width || !box.height) continue;
    if (box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight)
      say("beyond the edge", element);
    const low = box.bottom > number.top || (box.right > arrows.left && box.bottom > arrows.top);
    if (low && element.matches("pre, p, li, table, img")) say("too far down", element);
    const text = [...element.childNodes].some((n) => n.nodeType == 3 && n.data.trim());
    if (text && !element.closest("math") && parseFloat(getComputedStyle(element).fontSize) < 18)
      say("small letters", element);
  }
  for (const image of slide.querySelectorAll("img")) {
    if (!image.complete || !image.naturalWidth) { faults.push(`missing: ${image.alt}`); continue; }
    const { width, height } = image.getBoundingClientRect();
    const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
    if (image.naturalWidth * scale < 600 && image.naturalHeight * scale < 400)
      faults.push(`a small figure: ${image.alt}`);
    if (image.alt.length < 20) faults.push(`no alternative text: ${image.alt}`);
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    try:
        slides.fetch_assets()
    except CourseError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("decks")
    return {path.name[:2]: path for path, _ in slides.build(list(CHAPTERS.values()), folder)}


@pytest.fixture
def page(browser):
    with lab.page_of(browser, SIZE) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        yield page
        assert page.problems == []
        assert {url.partition("#")[0] for url in asked if not url.startswith("data:")} <= {
            page.url.partition("#")[0]
        }


def open_deck(page, path, place=""):
    page.goto(path.as_uri() + place)
    page.wait_for_function("window.Reveal?.isReady()")


@pytest.mark.parametrize("chapter", [name[:2] for name in CHAPTERS])
def test_every_slide_fits_and_its_figures_are_there(page, decks, chapter):
    open_deck(page, decks[chapter])
    faults, number = {}, 1
    while True:
        faults[number] = page.evaluate(FAULTS)
        if page.evaluate("Reveal.isLastSlide()"):
            break
        page.keyboard.press("ArrowRight")
        number += 1
        page.wait_for_function(f"Reveal.getSlidePastCount() == {number - 1}")
    assert number == page.evaluate("Reveal.getTotalSlides()")
    assert {number: said for number, said in faults.items() if said} == {}


@pytest.mark.parametrize("chapter", [name[:2] for name in CHAPTERS])
def test_every_slide_can_be_read_and_printed(page, decks, chapter):
    open_deck(page, decks[chapter], "?print-pdf")
    page.wait_for_selector(".pdf-page")
    assert page.locator(".pdf-page").count() >= page.evaluate("Reveal.getTotalSlides()")
    assert lab.hard_to_read(page, ".slides") == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [("a = 1\n" * 40, "more than fits"), (f"a = {'1' * 150}", "small letters")],
)
def test_a_slide_that_nobody_can_read_is_noticed(page, decks, tmp_path, code, fault):
    cell = new_code_cell(code, metadata={"slideshow": {"slide_type": "slide"}})
    chosen = slides.select(new_notebook(cells=[cell]))
    (tmp_path / "a.html").write_text(slides.to_html(chosen, slides.fetch_assets()), "utf-8")
    open_deck(page, tmp_path / "a.html")
    assert any(said.startswith(fault) for said in page.evaluate(FAULTS))


def test_an_answer_is_hidden_until_the_next_key(page, decks):
    open_deck(page, decks["00"])
    page.evaluate("while (!Reveal.availableFragments().next) Reveal.next()")
    answer = page.locator("section.present .fragment pre")
    assert not answer.is_visible()
    page.keyboard.press("ArrowRight")
    assert answer.is_visible()


def test_the_key_s_opens_the_notes_and_they_follow_the_slides(page, decks):
    open_deck(page, decks["00"])
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes")
    for slide in slides.select(nbformat.read(CHAPTERS[START], as_version=4))[:2]:
        notes.get_by_text(slide.notes[-1]).wait_for()
        page.keyboard.press("ArrowRight")
    opened.value.close()
