"""The kernel's side of the camera; what the browser sends is made up. See tests/browser/ too."""

import errno
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlcourse import camera as module
from tlcourse import files, plotting
from tlcourse.camera import Camera, Live, check_classes
from tlcourse.data import load_photo, load_photo_folder
from tlcourse.files import CourseError
from tlcourse.widget import bars


def jpeg(color=(200, 30, 30), size=(480, 480), noise=0, kind="JPEG"):
    pixels = np.full((size[1], size[0], 3), color, "uint8")
    if noise:
        pixels = pixels ^ np.random.default_rng(noise).integers(0, 32, pixels.shape, "uint8")
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


class Browser:
    """What camera.js knows of a widget, and asks of it."""

    def __init__(self, widget):
        self.widget, self.photos, self.others, self.sent = widget, {}, None, []
        widget.send = self.receive
        self.last = 0

    def receive(self, message, buffers=()):
        self.sent.append((message, buffers))
        if "photos" in message:
            if message.get("everything"):
                self.photos = {}
            for photo in message.get("gone", []):
                self.photos.pop(tuple(photo), None)
            self.photos |= dict(zip(map(tuple, message["photos"]), buffers, strict=True))
            self.others = message.get("others", self.others)

    def ask(self, do, *buffers, **more):
        """The answer to a message, which comes through the widget's connection."""
        self.last += 1
        data = {"method": "custom", "content": {"do": do, "id": self.last, **more}}
        message = {"content": {"data": data}, "buffers": [memoryview(b) for b in buffers]}
        self.widget._handle_msg(message)
        answers = [m for m, _ in self.sent if m.get("answers") == self.last]
        assert len(answers) == 1  # whatever happens
        return answers[0]

    def keep(self, kind="cup", burst="a", data=None, **more):
        data = jpeg(noise=len(self.sent) + 1) if data is None else data
        return self.ask("keep", data, **{"class": kind}, burst=burst, **more)

    @property
    def names(self):
        return sorted("/".join(photo) for photo in self.photos)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that a notebook runs in; the photos are in `my_photos`, as by default."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "my_photos"


@pytest.fixture
def at(monkeypatch):
    """Set the clock."""

    class Clock(module.datetime):
        @classmethod
        def now(cls):
            return cls.fromisoformat(at.now)

    def at(moment):
        at.now = moment

    monkeypatch.setattr(module, "datetime", Clock)
    return at


def opened(classes=("cup", "pen"), **settings):
    camera = Camera(list(classes), **settings)
    browser = Browser(camera)
    browser.ask("look")
    return camera, browser


# --- photos are kept -----------------------------------------------------------------------------


def test_a_photo_is_kept_shown_and_counted(folder):
    camera, browser = opened()
    data = jpeg()
    assert "problem" not in browser.keep(data=data)
    (path,) = folder.rglob("*.*")
    assert path.read_bytes() == data
    assert browser.names == [f"cup/{path.name}"]
    assert camera.counts == {"cup": 1, "pen": 0}
    thumbnail = Image.open(io.BytesIO(browser.photos["cup", path.name]))
    assert thumbnail.size == (80, 80)


def test_names_sort_by_time_and_a_burst_is_a_group(folder, at):
    camera, browser = opened()
    at("2026-11-29 05:12:03")
    for _ in range(3):
        browser.keep(burst="a")
    browser.keep("pen", burst="b")
    at("2026-11-29 05:12:04")
    browser.keep(burst="a")
    browser.keep(burst="c")
    assert browser.names == [
        "cup/20261129-051203-burst001-001.jpg",
        "cup/20261129-051203-burst001-002.jpg",
        "cup/20261129-051203-burst001-003.jpg",
        "cup/20261129-051203-burst001-004.jpg",
        "cup/20261129-051204-burst003-001.jpg",
        "pen/20261129-051203-burst002-001.jpg",
    ]
    assert [camera.groups(name)[-8:] for name in browser.names[3:]] == [
        "burst001",
        "burst003",
        "burst002",
    ]
    assert camera.groups("cup/IMG_7.jpg") == "cup/IMG_7.jpg"


def test_the_folder_is_read_as_a_data_set_in_which_a_burst_is_on_one_side(folder, capsys):
    camera, browser = opened()
    for kind in ("cup", "pen"):
        for burst in "abcde":
            for _ in range(3):
                browser.keep(kind, burst=kind + burst)
    dataset = load_photo_folder(camera.folder, size=32, groups=camera.groups, validation=0.2)
    assert dataset.class_names == ("cup", "pen")
    parts = [dataset.files_train, dataset.files_validation, dataset.files_test]
    assert sum(map(len, parts)) == 30
    train, validation, test = ({camera.groups(name) for name in part} for part in parts)
    assert train.isdisjoint(test | validation)
    assert test.isdisjoint(validation)
    # A folder in which the camera took nothing is no error either.
    for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
        path.rename(path.with_name(f"{number}.jpg"))
    load_photo_folder(camera.folder, size=32, groups=camera.groups)


def test_nothing_is_ever_overwritten_also_by_two_notebooks_in_one_second(folder, at):
    at("2026-11-29 05:12:03")
    (_, one), (_, two) = opened(), opened()
    theirs = folder / "cup" / "20261129-051203-burst001-002.jpg"
    data = [jpeg(noise=n) for n in range(1, 8)]
    one.keep(data=data[0])
    theirs.write_bytes(b"not a photo of ours")
    one.keep(data=data[1])
    two.keep(data=data[2])
    one.keep(data=data[3], burst="b")
    two.keep(data=data[4], burst="b")
    assert theirs.read_bytes() == b"not a photo of ours"
    kept = {path.read_bytes() for path in folder.rglob("*.jpg")}
    assert kept == {*data[:5], b"not a photo of ours"}
    two.ask("look")
    one.ask("look")
    assert one.names == two.names
    assert len(one.names) == 6


def test_a_name_that_is_taken_by_an_empty_file_or_a_folder_is_passed_over(folder, at):
    at("2026-11-29 05:12:03")
    _, browser = opened()
    (folder / "cup" / "20261129-051203-burst001-001.jpg").mkdir(parents=True)
    (folder / "cup" / "20261129-051203-burst002-001.jpg").touch()
    browser.keep()
    assert browser.names == ["cup/20261129-051203-burst003-001.jpg"]


def test_a_restarted_kernel_and_a_reloaded_page_find_everything_again(folder):
    _, browser = opened()
    for kind in ("cup", "pen", "cup"):
        browser.keep(kind, burst=kind)
    before = dict(browser.photos)
    _, again = opened()
    assert again.photos == before
    again.ask("look")
    assert again.photos == before
    again.keep()
    assert len(again.names) == len(list(folder.rglob("*.jpg"))) == 4


def test_only_thumbnails_travel_and_only_new_ones(folder):
    for number in range(200):
        path = folder / "cup" / f"20261129-051203-burst001-{number:03}.jpg"
        files.write(path, jpeg(noise=number + 1, size=(96, 96)))
    _, browser = opened()
    assert len(browser.photos) == 200
    assert max(map(len, browser.photos.values())) < 8_000
    assert max(len(buffers) for _, buffers in browser.sent) <= 40
    browser.sent.clear()
    browser.keep()
    assert sum(len(buffers) for _, buffers in browser.sent) == 1


def test_a_dropped_file_that_the_browser_cannot_read_becomes_a_jpeg(folder):
    _, browser = opened()
    data = jpeg((30, 200, 30), size=(100, 60), kind="TIFF")
    browser.keep(data=data, raw=True, file="a.tif")
    (path,) = folder.rglob("*.jpg")
    assert Image.open(path).format == "JPEG"
    assert abs(load_photo(path)[48, 48].astype(int) - (30, 200, 30)).max() < 8


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"Dear diary", "notes.txt", "notes.txt is something else, not a photo: give a JPEG"),
        (b"", "empty.jpg", "empty.jpg cannot be read (it is empty)"),
        (jpeg()[:500], "half.jpg", "half.jpg cannot be read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a.heic", "a.heic is HEIC, which cannot be read here"),
    ],
)
def test_a_file_that_is_no_photo_gets_a_sentence(folder, data, name, message):
    _, browser = opened()
    for do, more in (("keep", {"class": "cup", "burst": "a"}), ("new", {})):
        said = browser.ask(do, data, raw=True, file=name, **more)["problem"]
        assert message in said
    assert not folder.exists()


# --- photos are deleted --------------------------------------------------------------------------


def test_photos_are_deleted_one_by_one_and_all(folder):
    camera, browser = opened()
    for burst in "abc":
        browser.keep(burst=burst)
        browser.keep("pen", burst=f"{burst} pen")
    first, *rest = [name for kind, name in browser.photos if kind == "cup"]
    browser.ask("delete", **{"class": "cup"}, names=[first])
    assert sorted(p.name for p in (folder / "cup").iterdir()) == sorted(rest)
    browser.ask("delete", **{"class": "cup"}, names=rest)
    assert camera.counts == {"cup": 0, "pen": 3}
    assert len(browser.names) == 3


def test_nothing_but_a_photo_of_the_class_can_be_deleted(folder, tmp_path):
    _, browser = opened()
    browser.keep("pen")
    (pen,) = folder.rglob("*.jpg")
    kept = [pen, tmp_path / "secret.jpg", folder / "cup" / "notes.txt"]
    for path in kept[1:]:
        files.write(path, b"mine")
    names = ["../pen/" + pen.name, "../../secret.jpg", str(kept[1]), "notes.txt", "", "."]
    assert "problem" not in browser.ask("delete", **{"class": "cup"}, names=names)
    assert all(path.exists() for path in kept)


def test_what_happens_to_the_folder_behind_its_back_is_seen_at_the_next_press(folder):
    camera, browser = opened()
    for burst in "abc":
        browser.keep(burst=burst)
    gone = next(folder.rglob("*.jpg"))
    gone.unlink()
    files.write(folder / "pen" / "mine.png", jpeg(kind="PNG"))
    assert camera.counts == {"cup": 2, "pen": 1}
    browser.ask("delete", **{"class": "cup"}, names=[gone.name])  # as the reader still saw it
    assert f"cup/{gone.name}" not in browser.names
    assert "pen/mine.png" in browser.names
    for path in folder.rglob("*.jpg"):
        path.unlink()
    (folder / "cup").rmdir()
    assert "problem" not in browser.keep(burst="d")
    assert len(browser.names) == 2


def test_files_that_are_no_photos_are_not_shown_and_one_that_is_broken_is_marked(folder):
    files.write(folder / "cup" / "notes.txt", b"a")
    files.write(folder / "cup" / ".hidden.jpg", jpeg())
    files.write(folder / "cup" / "Thumbs.db", b"a")
    files.write(folder / "cup" / "broken.jpg", b"no picture")
    (folder / "cup" / "folder.jpg").mkdir()
    _, browser = opened()
    assert browser.photos == {("cup", "broken.jpg"): b""}


def test_folders_of_other_classes_are_named(folder):
    files.write(folder / "book" / "1.jpg", jpeg())
    (folder / "empty").mkdir()
    (folder / ".ipynb_checkpoints").mkdir()
    _, browser = opened()
    assert browser.others == ["book"]


def test_what_cannot_be_opened_beside_the_classes_is_named_and_in_nobodys_way(folder, monkeypatch):
    files.write(folder / "secret" / "1.jpg", jpeg())
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "secret":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    _, browser = opened()
    assert "problem" not in browser.keep()  # or the browser would offer to keep it again
    assert (len(browser.names), browser.others) == (1, ["secret"])


def test_links_in_a_circle_are_in_nobodys_way(folder):
    (folder / "cup").mkdir(parents=True)
    (folder / "round").symlink_to("round")
    (folder / "cup" / "round.jpg").symlink_to("round.jpg")
    _, browser = opened()
    assert "problem" not in browser.keep()
    assert len(browser.names) == 1


# --- the new photo -------------------------------------------------------------------------------


def test_the_new_photo_belongs_to_no_class(folder):
    camera, browser = opened(size=64)
    assert camera.photo is None
    data = jpeg(noise=3)
    browser.ask("new", data)
    assert camera.photo.dtype == "uint8"
    assert np.array_equal(camera.photo, load_photo(data, 64))
    assert not folder.exists()


# --- what is in the way --------------------------------------------------------------------------


def test_a_full_disk_is_a_sentence_and_costs_nothing_that_was_there(folder, monkeypatch):
    camera, browser = opened()
    browser.keep()

    def full(path, data):
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        said = browser.keep(burst="b")["problem"]
    assert "No space left on device" in said
    assert 'choose another folder with folder="…"' in said
    assert camera.counts == {"cup": 1, "pen": 0}
    assert len(list((folder / "cup").iterdir())) == 1  # no piece of the other
    assert "problem" not in browser.keep(burst="b")
    assert len(browser.names) == 2


def test_a_folder_that_cannot_be_written_is_a_sentence(folder, monkeypatch):
    _, browser = opened()
    refuse = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    def forbidden(*_, **__):
        raise refuse

    for method in ("mkdir", "open", "unlink"):
        browser.keep()
        photo = browser.names[0].partition("/")[2]
        with monkeypatch.context() as patched:
            patched.setattr(Path, method, forbidden)
            if method == "unlink":
                said = browser.ask("delete", **{"class": "cup"}, names=[photo])["problem"]
            else:
                said = browser.keep(burst="b")["problem"]
        assert said.startswith(f"{folder} cannot be used (Permission denied)")
        assert (folder / "cup" / photo).exists()


def test_a_folder_that_has_become_a_file_is_a_sentence_and_the_photo_can_be_kept_later(folder):
    _, browser = opened()
    folder.write_text("a file")
    said = browser.keep()["problem"]
    assert said == f'{folder} is a file, not a folder: choose another with folder="…".'
    folder.unlink()
    assert "problem" not in browser.keep()


@pytest.mark.parametrize(
    "folder_name", ["a_file", "a_file/below", "", " ", "a\0b", 7, None, "~no/x", "\ud800"]
)
def test_a_folder_that_cannot_be_used_is_named(tmp_path, monkeypatch, folder_name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").touch()
    with pytest.raises(CourseError, match="a_file|The folder"):
        Camera(["cup", "pen"], folder=folder_name)


def test_a_file_in_the_place_of_a_class_is_named(folder):
    files.write(folder / "cup", b"a")
    with pytest.raises(CourseError, match="cup is a file, and a folder is needed"):
        Camera(["cup", "pen"])


def test_what_nobody_foresaw_is_a_sentence_too(folder, monkeypatch):
    _, browser = opened()
    monkeypatch.setattr(module, "_thumbnail", lambda *_: 1 / 0)
    said = browser.keep()["problem"]
    assert said == "Something went wrong (ZeroDivisionError: division by zero)."
    assert browser.ask("nonsense", **{"class": "x"})["answers"] == browser.last


# --- classes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([], "at least two"),
        (["cup"], r"\['cup'\].*at least two"),
        ("cup", 'list of names, such as .*not \'cup\''),
        (None, "not None"),
        (3, "not 3"),
        (["cup", 3], "class 3 is no text"),
        (["cup", None], "class None is no text"),
        (["cup", b"pen"], "b'pen' is no text"),
        (["cup", "cup"], "'cup' is there twice"),
        (["cup", " cup "], "'cup' is there twice"),
        (["cup", "Cup"], "'cup' is there as 'Cup' too, one folder on many disks"),
        (["Straße", "STRASSE"], "one folder on many disks"),
        (["é", "E\u0301"], "one folder on many disks"),
        (["cup", ""], "'' is empty"),
        (["cup", " \t"], "'' is empty"),
        (["cup", "a/b"], "has the character /"),
        (["cup", "a\\b"], "has the character"),
        (["cup", "what?"], r"has the character \?"),
        (["cup", "a:b"], "has the character :"),
        (["cup", "a\0b"], "cannot be shown"),
        (["cup", "a\u202eb"], "cannot be shown"),
        (["cup", "a\ud800"], "cannot be shown"),
        (["cup", "CON"], "a device on Windows"),
        (["cup", "com1.jpg"], "a device on Windows"),
        (["cup", "lpt¹"], "a device on Windows"),
        (["cup", "pen."], "ends with a full stop"),
        (["cup", ".."], "ends with a full stop"),
        (["cup", ".pen"], "makes or hides"),
        (["cup", "__MACOSX"], "makes or hides"),
        (["cup", "x" * 61], "more than 60 characters"),
        (["train", "test"], "named like the parts of a split"),
    ],
)  # fmt: skip
def test_classes_that_cannot_be_folders_get_one_sentence(classes, message):
    with pytest.raises(CourseError, match=message) as error:
        Camera(classes)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "classes",
    [
        ["cup", "pen"],
        ("tasse à café", "plume d’oie"),
        ["杯子", "铅笔"],
        ["चाय का कप", "کتاب", "👩‍🎓"],
        ["console", "com", "a.b", "it's", "100 %", "a" * 60],
        {"cup": 1, "pen": 2},
        (name for name in ("cup", "pen", "book")),
        ["🙂" * 60, "b"],
        ["train", "bus"],
    ],
)
def test_names_of_every_script_are_folders(folder, classes):
    classes = list(classes)
    camera, browser = opened(classes)
    for kind in classes:
        assert "problem" not in browser.keep(kind, burst=kind)
    assert sorted(os.listdir(folder)) == sorted(classes)
    assert set(camera.counts.values()) == {1}
    assert opened(classes)[1].names == browser.names


def test_a_folder_whose_name_is_spelled_otherwise_is_found_or_refused(folder):
    files.write(folder / "Cafe\u0301" / "1.jpg", jpeg())
    camera, browser = opened(["Caf\u00e9", "pen"])
    assert camera.counts["Caf\u00e9"] == 1
    browser.keep("Caf\u00e9")
    assert os.listdir(folder) == ["Cafe\u0301"]
    with pytest.raises(CourseError, match="already holds a folder 'Cafe\u0301'"):
        Camera(["caf\u00e9", "pen"])


def test_spaces_at_the_ends_do_not_count():
    assert check_classes([" cup", "red  pen\n"]) == ("cup", "red pen")


@pytest.mark.parametrize("size", [7, 2000, 22.4, None])
def test_a_wrong_size_is_named(folder, size):
    for make in (lambda: Camera(["a", "b"], size=size), lambda: Live(bars, size=size)):
        with pytest.raises(ValueError, match="size must be 8 to 1024"):
            make()


# --- live ----------------------------------------------------------------------------------------


def test_the_classifier_gets_what_load_photo_gives_and_its_answer_is_shown():
    got = []

    def predict(image):
        got.append(image)
        return {"cup": np.float32(0.25), "pen": 0.75}

    data = jpeg(noise=5)
    answer = Browser(Live(predict, size=64)).ask("classify", data)
    assert answer["bars"] == [("cup", 0.25), ("pen", 0.75)]
    assert np.array_equal(got[0], load_photo(data, 64))


def raising(error):
    def predict(image):
        raise error

    return predict


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (raising(KeyError("cup")), "predict raised KeyError: 'cup'. Call it with a photo"),
        (raising(ValueError("a\nb\nc")), "predict raised ValueError: a. Call"),
        (raising(ValueError()), "predict raised ValueError. Call"),
        (raising(KeyboardInterrupt()), "predict raised KeyboardInterrupt"),
        (raising(SystemExit(1)), "predict raised SystemExit"),
        (int, "predict raised TypeError: "),
        (lambda x: None, "predict returned None: it must return a dict"),
        (lambda x: {}, "predict returned {}"),
        (lambda x: "ab", "predict returned 'ab'"),
        (lambda x: 0.5, "predict returned 0.5"),
        (lambda x: np.ones(3), r"predict returned an array of shape (3,)"),
        (lambda x: np.ones((1, 2)), r"predict returned an array of shape (1, 2)"),
        (lambda x: [[0.25, 0.75]], "predict returned [[0.25, 0.75]]: it must return a dict"),
        (lambda x: {"cup": "a"}, "predict returned {'cup': 'a'}"),
        (lambda x: {"cup": 3.2, "pen": -1}, "returned 3.2 for 'cup', which is no probability"),
        (lambda x: {"cup": float("nan")}, "returned nan for 'cup'"),
    ],
)
def test_what_goes_wrong_in_the_classifier_is_one_sentence(predict, message):
    browser = Browser(Live(predict))
    said = browser.ask("classify", jpeg())["problem"]
    assert message in said
    assert "\n" not in said
    assert message in browser.ask("classify", jpeg())["problem"]  # and it goes on


def test_a_file_that_is_no_photo_does_not_reach_the_classifier():
    browser = Browser(Live(raising(AssertionError())))
    said = browser.ask("classify", b"Dear diary", raw=True, file="notes.txt")["problem"]
    assert said.startswith("notes.txt is something else")


def test_pairs_and_the_most_probable_of_many_are_shown():
    assert bars([("b", 0.5), ("a", 1.0000001)]) == [("b", 0.5), ("a", 1.0)]
    many = {str(k): k / 1000 for k in range(1000)}
    assert [name for name, _ in bars(many)] == [str(k) for k in range(999, 989, -1)]


def test_live_needs_a_function():
    with pytest.raises(CourseError, match="Live needs a function.* not {'cup': 1}"):
        Live({"cup": 1})


# --- where no widget runs ------------------------------------------------------------------------


def test_outside_a_notebook_it_says_what_it_is(folder, capsys):
    for widget in (Camera(["cup", "pen"]), Live(bars), Live(lambda image: {})):
        widget._ipython_display_()
    assert capsys.readouterr().out.split("\n") == [
        "Camera(['cup', 'pen'])",
        "Live(bars)",
        "Live(<lambda>)",
        "",
    ]


def test_in_a_notebook_a_page_stands_in_for_the_widget_and_never_changes(folder, monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **_: shown.append(bundle))
    camera, browser = opened()
    browser.keep()
    camera._ipython_display_()
    Live(bars)._ipython_display_()
    for bundle in shown:
        assert set(bundle) == {"text/html", "application/vnd.jupyter.widget-view+json"}
        assert "The camera appears here when you run this cell in JupyterLab." in str(bundle)


def test_no_picture_is_part_of_what_a_notebook_may_save(folder):
    camera, browser = opened()
    browser.keep()
    browser.ask("new", jpeg())
    state = camera.get_state()
    assert not any(isinstance(value, bytes | memoryview | np.ndarray) for value in state.values())
    assert len(state["_esm"]) < 40_000


def test_the_browsers_side_names_no_address():
    """No picture leaves the machine: there is nothing in it that could send one."""
    for name in ("widget.js", "camera.js", "sketch.js", "widget.css"):
        source = Path(module.__file__).with_name(name).read_text("utf-8")
        assert not re.search(
            r"https?://|//\w+\.\w|fetch\(|XMLHttp|WebSocket|Beacon|import\b", source
        )
