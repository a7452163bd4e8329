"""A lecturer runs code on the slides, with jupyterlab-rise: see docs/teach/live.md."""

import pytest

from tests.browser import lab
from tests.checks import ROOT

pytest.importorskip("jupyterlab_rise", reason="jupyterlab-rise is not installed: see live.md")

CHAPTER = ROOT / "notebooks" / "01_gradient_descent.ipynb"
NOT_OURS = (  # what jupyterlab-rise 0.43 says of other extensions, and of style sheets it looks for
    "Shared module @jupyterlab/console doesn't exist",
    "#RUNTIME-012",
    "Cannot access 'y' before initialization",
    "Maximum call stack size exceeded",
    "Refused to apply style",
    "Failed to load resource: the server responded with a status of 404",
)


@pytest.fixture
def page(browser):
    with lab.page_of(browser, (1280, 720)) as page:
        yield page
        assert [said for said in page.problems if not any(n in said for n in NOT_OURS)] == []


def slides(page):
    """The slides beside the notebook, as soon as they can be paged through."""
    page.click("[data-command='RISE:preview']")
    frame = page.wait_for_selector("iframe[src*='/rise/']").content_frame()
    frame.wait_for_selector(".reveal.ready section.present section.present", timeout=120_000)
    frame.wait_for_function("document.activeElement.closest('.jp-Notebook')")
    return frame


def test_code_is_changed_and_run_on_a_slide_in_the_kernel_of_the_notebook(page, address):
    cells = lab.nbformat.read(CHAPTER, 4).cells
    place = next(i for i, cell in enumerate(cells) if "promised fall" in cell.source)
    notebook = lab.Notebook(page, address, f"notebooks/{CHAPTER.name}")
    notebook.run(*lab.needed(CHAPTER, place))
    notebook.run(0)  # the slides open at the cell that is active
    frame = slides(page)
    code = frame.locator(
        "section.present section.present .fragment.visible .jp-CodeCell:not(.reveal-skip)"
    )
    for _ in range(12):
        assert "Notes:" not in frame.locator("section.present section.present").inner_text()
        if code.count():
            break
        page.keyboard.press("Space")
        page.wait_for_timeout(1000)
    code.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nprint('on a slide:', slope(0.0))")
    page.keyboard.press("Shift+Enter")
    code.locator(".jp-OutputArea", has_text="on a slide: 0.3").wait_for()
