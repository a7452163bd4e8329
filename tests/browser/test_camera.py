"""The camera in JupyterLab, with a camera that shows pictures of the test's own."""

import io
from contextlib import contextmanager

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
    """Chromium with a camera that shows a red disk and a blue one, for four seconds each."""
    shifts = np.tile([*range(-20, 20, 2), *range(20, -20, -2)], 3)
    frames = [jpeg(picture(color, shift=shift)) for color in (RED, BLUE) for shift in shifts]
    film = tmp_path_factory.mktemp("film") / "disks.mjpeg"
    film.write_bytes(b"".join(frames))
    return launch(
        "--use-fake-device-for-media-stream",  # which a page may use if the test allows it
        f"--use-file-for-fake-video-capture={film}",
    )


@pytest.fixture
def camera_page(with_camera):
    """A page; no request to elsewhere, no error, and every stream of the camera is noted."""
    with lab.page_of(with_camera) as page:
        page.add_init_script(
            """window.streams = [];
            const given = MediaDevices.prototype.getUserMedia;
            MediaDevices.prototype.getUserMedia = async function (wanted) {
                const stream = await given.call(this, wanted);
                window.streams.push(stream);
                return stream;
            };"""
        )
        page.context.grant_permissions(["camera"])
        yield page
        assert page.problems == []


def opened(page, address, work, name, *sources):
    """A notebook with these cells, in a folder of its own."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (work / name).mkdir()
    nbformat.write(made, work / name / f"{name}.ipynb")
    return lab.Notebook(page, address, f"{name}/{name}.ipynb"), work / name / "my_photos"


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def hold(page, name, milliseconds):
    button(page, name).hover()
    page.mouse.down()
    page.wait_for_timeout(milliseconds)
    page.mouse.up()


def photos_on(folder, kind):
    return sorted((folder / kind).glob("*.jpg"))


def count(page, kind, number):
    """Wait until a class is said to have so many photos, and shows them."""
    words = "1 photo" if number == 1 else f"{number} photos"
    group = page.get_by_role("group", name=kind, exact=True)
    group.get_by_text(words, exact=True).wait_for()
    assert group.locator(".tlc-thumbnails li").count() == number


def count_burst(page, folder, kind):
    """Wait until the last photo of a burst has come, and the page shows what the disk holds."""
    number, before = len(photos_on(folder, kind)), None
    while number != before:
        page.wait_for_timeout(1000)
        number, before = len(photos_on(folder, kind)), number
    count(page, kind, number)
    return number


COLOR = """() => {
    const video = [...document.querySelectorAll('.tlc video')].find((v) => v.srcObject);
    if (!video?.videoWidth) return null;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const brush = canvas.getContext('2d');
    brush.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
    const [red, , blue] = brush.getImageData(0, 0, 1, 1).data;
    return red > blue ? 'red' : 'blue';
}"""


def next_color(page):
    """Wait until the disk changes its colour, so that there is time before the next change."""
    now = lab.until(page, f"({COLOR})()")
    other = {"red": "blue", "blue": "red"}[now]
    page.wait_for_function(f"color => ({COLOR})() === color", arg=other)
    return other


def turn_on(page, name="Turn the camera on"):
    button(page, name).click()
    page.wait_for_function(f"({COLOR})() !== null")


def all_released(page):
    page.wait_for_function(
        "window.streams.length && window.streams.every((s) => "
        "s.getTracks().every((t) => t.readyState === 'ended'))"
    )


# The mean of each class, and which is nearer.
TRAIN = """
import numpy as np
from tlcourse.data import load_photo_folder
photos = load_photo_folder(camera.folder, size=32, groups=camera.groups)
means = [photos.x_train[photos.y_train == k].mean(0) for k in range(2)]

def predict(image):
    distance = np.array([np.square(image - mean).mean() for mean in means])
    return dict(zip(photos.class_names, np.exp(-distance / 500) / np.exp(-distance / 500).sum()))

Live(predict, size=32)
"""


SLOW = """
import time
wrong, calls = True, []

def predict(image):
    calls.append(image)
    time.sleep(0.8)
    return {"a": 1 / 0 if wrong else 1}

Live(predict)
"""


def test_photos_are_taken_deleted_trained_on_and_recognised_live(camera_page, address, work):
    page = camera_page
    notebook, folder = opened(
        page,
        address,
        work,
        "camera",
        'from tlcourse.camera import Camera, Live\ncamera = Camera(["red", "blue"])\ncamera',
        TRAIN,
        "print(camera.photo.shape, camera.photo.dtype, camera.counts)",
    )
    notebook.run(0)
    page.get_by_text("No picture leaves your computer").wait_for()
    assert lab.hard_to_read(page, ".tlc") == []
    turn_on(page)
    for _ in range(2):
        color = next_color(page)
        button(page, f"Take a photo of {color}").click()
        hold(page, f"Take a photo of {color}", 1000)
        count_burst(page, folder, color)
    taken = {kind: photos_on(folder, kind) for kind in ("red", "blue")}
    for paths in taken.values():
        bursts = [path.stem[:-4] for path in paths]
        assert len(set(bursts)) == 2
        assert 2 <= bursts.count(bursts[-1]) <= 6  # the machine may be slow
    page.get_by_role("status").get_by_text("photos.").first.wait_for()  # said aloud
    assert Image.open(taken["red"][0]).size == (480, 480)

    button(page, "Delete photo 2 of red").click()
    count(page, "red", len(taken["red"]) - 1)
    assert photos_on(folder, "red") == [taken["red"][0], *taken["red"][2:]]

    button(page, "New photo").click()
    page.get_by_role("img", name="The new photo").wait_for()
    left = {"red": len(taken["red"]) - 1, "blue": len(taken["blue"])}
    assert f"(224, 224, 3) uint8 {left}" in notebook.run(2)[0]["text"]

    button(page, "Turn the camera off").click()
    all_released(page)
    notebook.run(1)
    turn_on(page, "Start")
    page.wait_for_function(
        f"""() => {{
            const top = document.querySelector('.tlc-top .tlc-name')?.textContent;
            window.recognised ??= new Set();
            if (top && top === ({COLOR})()) window.recognised.add(top);
            return window.recognised.size === 2;
        }}"""
    )
    assert lab.hard_to_read(page, ".tlc") == []
    page.evaluate("window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    all_released(page)

    notebook.run(0)
    button(page, "Delete all photos of red").click()
    page.get_by_text(f"Delete {left['red']} photo").wait_for()
    button(page, "Keep").click()
    assert len(photos_on(folder, "red")) == left["red"]
    button(page, "Delete all photos of red").click()
    button(page, "Delete").click()
    count(page, "red", 0)
    assert photos_on(folder, "red") == []
    assert len(photos_on(folder, "blue")) == left["blue"]


def test_what_is_in_the_way_is_said_and_nothing_is_lost(camera_page, address, work):
    page = camera_page
    notebook, folder = opened(
        page,
        address,
        work,
        "obstacles",
        'from tlcourse.camera import Camera, Live\nCamera(["red", "blue"])',
        SLOW,
        "wrong = False",
        "time.sleep(1)",
        "print(len(calls))",
    )
    notebook.run(0)
    shutter = button(page, "Take a photo of red")
    shutter.click()
    page.get_by_text("Turn the camera on first").wait_for()
    page.context.clear_permissions()
    button(page, "Turn the camera on").click()
    page.get_by_text("The browser may not use the camera. Allow it").wait_for()
    page.get_by_text("Without a camera, drop photos on a class, or add files.").wait_for()
    page.context.grant_permissions(["camera"])
    turn_on(page)
    folder.write_text("a file in the way")
    shutter.click()
    page.get_by_text("my_photos is a file, not a folder").wait_for()
    folder.unlink()
    button(page, "Keep 1 photo that could not be saved").click()
    count(page, "red", 1)
    assert page.get_by_role("alert").first.inner_text() == ""

    # By keyboard, none of whose keys reaches JupyterLab.
    shutter.focus()
    page.keyboard.press("Enter")
    count(page, "red", 2)
    page.keyboard.down("Space")
    page.wait_for_timeout(1500)
    page.keyboard.up("Space")
    number = count_burst(page, folder, "red")
    assert number > 3
    button(page, "Delete photo 1 of red").focus()
    for key in ("ArrowRight", "ArrowRight", "Delete"):
        page.keyboard.press(key)
    count(page, "red", number - 1)
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "Delete photo 3 of red"

    notebook.run(1)
    turn_on(page, "Start")
    page.get_by_text("predict raised ZeroDivisionError: division by zero.").wait_for()
    notebook.run(2)
    turn_on(page, "Start")
    page.get_by_text("It looks like: a.").wait_for()
    with in_the_dark(page):
        assert lab.hard_to_read(page, ".tlc") == []
    # A picture is taken when the answer to the one before is there: none wait.
    button(page, "Stop").click()
    notebook.run(3)
    number = int(notebook.run(4)[0]["text"])
    page.wait_for_timeout(2000)
    assert int(notebook.run(4)[0]["text"]) == number > 1


@contextmanager
def in_the_dark(page):
    """JupyterLab's dark theme, in a window that is 900 pixels wide."""
    before = page.viewport_size
    change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
    page.set_viewport_size({"width": 900, "height": 900})
    lab.settled(page, change, "JupyterLab Dark")
    page.wait_for_selector("[data-jp-theme-light=false]", state="attached")
    try:
        yield
    finally:
        lab.settled(page, change, "JupyterLab Light")
        page.set_viewport_size(before)


def drop(page, selector, path):
    """Drop a file, as from the desktop."""
    page.evaluate(
        """async ([selector, bytes, name]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            const target = document.querySelector(selector);
            for (const type of ['dragenter', 'dragover', 'drop'])
                target.dispatchEvent(
                    new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        [selector, list(path.read_bytes()), path.name],
    )


def test_without_a_camera_files_are_dropped_and_a_restarted_kernel_finds_200_photos(
    page, address, work, tmp_path
):
    received = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: received.append(len(data))),
    )
    files = [tmp_path / f"{name}.png" for name in ("one", "two", "three")]
    for path in files:
        picture(RED, (900, 700)).save(path)
    notes = tmp_path / "notes.jpg"
    notes.write_text("no picture")
    notebook, folder = opened(
        page,
        address,
        work,
        "files",
        'from tlcourse.camera import Camera, Live\nCamera(["red", "blue"])',
        "Live(lambda image: {'red': image[112, 112, 0] / 255, 'blue': image[112, 112, 2] / 255})",
    )
    notebook.run(0)
    button(page, "Turn the camera on").click()
    page.get_by_text("There is no camera. Connect one").wait_for()
    page.evaluate("""() => {
        Object.defineProperty(Navigator.prototype, 'mediaDevices', {value: undefined});
        Object.defineProperty(window, 'isSecureContext', {value: false});
    }""")  # as for a page that came over plain http
    button(page, "Turn the camera on").click()
    page.get_by_text("This page came over plain http from").wait_for()
    page.get_by_text("open its address with localhost, or ask for an https address").wait_for()
    drop(page, ".tlc-class", files[0])
    count(page, "red", 1)
    page.locator(".tlc-class input[type=file]").first.set_input_files(files[1:])
    count(page, "red", 3)
    names = [path.stem for path in photos_on(folder, "red")]
    assert len({name[:-4] for name in names}) == 3  # each for itself
    assert min(Image.open(photos_on(folder, "red")[0]).size) == 480
    drop(page, ".tlc-class", notes)
    page.get_by_text("notes.jpg cannot be read (no picture inside)").wait_for()

    notebook.run(1)
    drop(page, ".tlc-bars, .tlc:not(:has(.tlc-class)) .tlc-left", files[0])
    page.get_by_text("It looks like: red.").wait_for()

    data = jpeg(picture(BLUE, (480, 480)))
    for number in range(197):
        name = f"20261129-051203-burst{number:03}-001.jpg"
        (folder / "red" / name).write_bytes(data)
    notebook.restart()
    drop(page, ".tlc-class", files[0])
    page.get_by_text("If you have restarted it, run this cell again.").wait_for()
    received.clear()
    notebook.run(0)
    count(page, "red", 200)
    assert sum(received) < 1_500_000
    page.wait_for_timeout(1000)
    received.clear()
    drop(page, ".tlc-class", files[0])
    count(page, "red", 201)
    assert sum(received) < 30_000
