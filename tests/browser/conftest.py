from contextlib import ExitStack

import pytest

from tests.browser import lab


@pytest.fixture(scope="session")
def launch():
    """A function that starts Chromium, without a window, with more arguments."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if lab.CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright, ExitStack() as stack:

        def launch(*arguments):
            # Its own sandbox does not start for root, as whom containers run.
            always = ["--no-sandbox", "--disable-dev-shm-usage"]
            chromium = playwright.chromium.launch(
                executable_path=lab.CHROMIUM, args=[*always, *arguments]
            )
            stack.callback(chromium.close)
            return chromium

        yield launch


@pytest.fixture(scope="session")
def browser(launch):
    return launch()


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """The learner's folder of `address`."""
    return tmp_path_factory.mktemp("lab") / "work"


@pytest.fixture(scope="session")
def address(work):
    """JupyterLab on a fresh copy of the course, as `tlcourse lab` starts it."""
    with lab.running(work) as address:
        yield address


@pytest.fixture
def page(browser):
    """A page; in the end it must not have asked for anything elsewhere, nor complained."""
    with lab.page_of(browser) as page:
        yield page
        assert page.problems == []
