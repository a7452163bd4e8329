"""The camera in JupyterLab, with a camera that shows pictures of the test's own."""

import io
import time

import nbformat
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.browser import lab

RED, BLUE = (200, 30, 30), (30, 60, 200)


def picture(color, size=(640, 480), shift=0):
    """A disk on grey."""
    image = Image.new("RGB", size, (128, 128, 128))
    x, y = size[0] // 2 + shift, size[1] // 2
    ImageDraw.Draw(image).ellipse((x - 130, y - 130, x + 130, y + 130), color)
    return image


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


@pytest.fixture(scope="module")
def with_camera(launch, tmp_path_factory):
    """Chromium with a camera that shows a red disk and a blue one, for some seconds each."""
    frames = [
        jpeg(picture(color, shift=shift))
        for color in (RED, BLUE)
        for shift in np.tile(np.arange(-20, 20), 4)
    ]
    film = tmp_path_factory.mktemp("film") / "disks.mjpeg"
    film.write_bytes(b"".join(frames))
    return launch(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )


def notebook(page, address, work, name, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path = work / "notebooks" / f"{name}.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, path)
    return lab.Notebook(page, address, f"notebooks/{path.name}")


def test_probe(with_camera, address, work):
    with lab.page_of(with_camera) as page:
        nb = notebook(
            page,
            address,
            work,
            "probe",
            """
import threading
from tlcourse.camera import Camera, Live
camera = Camera(["cup", "pen"])
camera""",
            """
def predict(image):
    red, _, blue = image[80:144, 80:144].mean((0, 1)) / 255
    return {"red": red, "blue": blue, "thread": float(threading.current_thread() is not threading.main_thread())}
Live(predict)""",
            "import time; time.sleep(6)",
        )
        t = time.time()

        def say(*a):
            print(round(time.time() - t, 1), *a, flush=True)

        nb.run(0)
        cell = nb.cell(0)
        cell.wait_for_selector(".tlc")
        say("rendered")
        page.screenshot(path="/tmp/shot0.png")
        page.get_by_role("button", name="Turn the camera on").click()
        page.get_by_role("button", name="Turn the camera off").wait_for()
        page.wait_for_timeout(700)
        say("on")
        cup = page.get_by_role("button", name="Take a photo of cup")
        cup.click()
        try:
            page.wait_for_selector(".tlc-thumbnails img", timeout=8000)
        except Exception:
            say(
                page.problems,
                page.locator(".tlc").all_inner_texts(),
                [p.name for p in (work / "notebooks/my_photos").rglob("*")],
            )
            page.screenshot(path="/tmp/shot1.png")
            raise
        say("one", [p.name for p in (work / "notebooks/my_photos").rglob("*")])
        cup.hover()
        page.mouse.down()
        page.wait_for_timeout(2000)
        page.mouse.up()
        page.wait_for_timeout(1500)
        say("burst", sorted(p.name for p in (work / "notebooks/my_photos").rglob("*")))
        page.screenshot(path="/tmp/shot1.png")
        nb.run(1)
        page.get_by_role("button", name="Start", exact=True).click()
        for _ in range(6):
            page.wait_for_timeout(1000)
            say(page.locator(".tlc-bars").inner_text().replace("\n", " "))
        page.screenshot(path="/tmp/shot2.png")
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell-and-select-next')")
        say(
            page.locator(".tlc-status").all_inner_texts(),
            page.locator(".tlc-problem").all_inner_texts(),
        )
        say(page.problems)
