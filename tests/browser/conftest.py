import pytest

from tests.browser import lab


@pytest.fixture(scope="session")
def browser():
    """Chromium, without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if lab.CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        # Its own sandbox does not start for root, as whom containers run.
        chromium = playwright.chromium.launch(
            executable_path=lab.CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """JupyterLab on a fresh copy of the course, as `tlcourse lab` starts it."""
    with lab.running(tmp_path_factory.mktemp("lab") / "work") as address:
        yield address


@pytest.fixture
def page(browser):
    """A page; in the end it must not have asked for anything elsewhere, nor complained."""
    with lab.page_of(browser) as page:
        yield page
        assert page.problems == []
