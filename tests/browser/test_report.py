"""The page of `tlcourse photos`, in Chromium without the internet."""

import pytest

from tests.browser import lab
from tests.test_report import fill, pretended
from tlcourse import report


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_fits_and_asks_for_nothing(browser, tmp_path, width):
    folder = fill(tmp_path / "my things", {"a class with a long name": 12, "b": 12, "c": 12})
    photos = report.Photos.read(folder, 1)
    shares = {"frozen": 0.8, "pixels": 0.1, "scratch": 0.4, "fine-tuned": 0.8}
    made = pretended(photos, tmp_path / "out", shares)
    path = tmp_path / "out/report.html"
    path.write_text(report.render(made), "utf-8")
    with lab.page_of(browser) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.context.set_offline(True)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path.as_uri())
        images = page.locator("img")
        assert images.count() >= 2
        assert all(images.nth(k).evaluate("i => i.naturalWidth > 0") for k in range(images.count()))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
