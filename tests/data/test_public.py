"""Public data sets against a server that does everything wrong, and never a half file."""

import errno
import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import filelock
import numpy as np
import pooch
import pytest
import requests
from PIL import Image

from tlcourse import cli
from tlcourse.data import public
from tlcourse.data.public import FetchError, File, Source
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("TLCOURSE_TEST_DATA", ROOT.parent / "shared" / "data"))


def npz(n=1000) -> bytes:
    """A small MNIST."""
    rng = np.random.default_rng(0)
    with io.BytesIO() as out:
        np.savez(
            out,
            x_train=rng.integers(256, size=(n, 28, 28), dtype="uint8"),
            y_train=np.arange(n, dtype="uint8") % 10,
            x_test=rng.integers(256, size=(20, 28, 28), dtype="uint8"),
            y_test=np.arange(20, dtype="uint8") % 10,
        )
        return out.getvalue()


PAYLOAD = npz()  # 0.8 MB
HALF = len(PAYLOAD) // 2


class Handler(BaseHTTPRequestHandler):
    """Serves PAYLOAD in the manner that the first part of the path names."""

    def do_GET(self):
        how = self.path.split("/")[1]
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = PAYLOAD[start:] if how != "no_range" else PAYLOAD
        if how in ("missing", "failing"):
            self.send_error(404 if how == "missing" else 500)
            return
        if how == "no_range_at_all" and asked:
            self.send_error(416)
            return
        if how == "silent":
            self.server.over.wait(20)
            return
        if how == "corrupt":
            body = bytes([body[0] ^ 1]) + body[1:]
        if how == "page":
            body = b"<html>Log in first</html>"
        if how == "packs" and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
        self.send_response(206 if asked and how != "no_range" else 200)
        if how not in ("broken_off", "endless"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if how in ("truncated", "broken_off"):
                body = body[: len(body) // 2]
            self.wfile.write(body[:HALF] if how in ("stalls", "drips") else body)
            if how == "stalls":
                self.wfile.flush()
                self.server.over.wait(20)
            if how == "drips":
                for i in range(HALF, len(body), 10_000):
                    self.wfile.write(body[i : i + 10_000])
                    self.server.over.wait(0.05)
            while how == "endless":
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.over = [], threading.Event()
        server.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Caches of this test's own, all of them empty."""
    monkeypatch.setenv("TLCOURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user/cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # else there are progress bars
    return tmp_path


@pytest.fixture
def sources(monkeypatch, places):
    """Replace a source by small files; what stands in `SOURCES` otherwise cannot be downloaded."""
    addressless = {
        name: Source(
            source.title,
            source.licence,
            tuple(File(f"http://127.0.0.1:9/{f.name}", f.size, f.checksum, f.in_keras)
                  for f in source.files),
        )
        for name, source in public.SOURCES.items()
    }  # fmt: skip
    monkeypatch.setattr(public, "SOURCES", addressless)

    def replace(name: str, contents: dict[str, bytes], base="http://127.0.0.1:9/x") -> None:
        files = tuple(
            File(f"{base}/{n}", len(c), f"sha256:{hashlib.sha256(c).hexdigest()}", f"datasets/{n}")
            for n, c in contents.items()
        )
        addressless[name] = Source("a small stand-in", "CC0", files)

    return replace


@pytest.fixture
def served(server, sources):
    """Have MNIST's stand-in served in a manner."""

    def serve(how: str) -> None:
        sources("mnist", {"mnist.npz": PAYLOAD}, f"{server.base}/{how}")

    serve("whole")
    return serve


@pytest.fixture
def tlcourse(capsys):
    """Run the command: exit code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(list(arguments))
        return (end.value.code or 0, *capsys.readouterr())

    return call


def kept(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


WHOLE = {"mnist/mnist.npz": PAYLOAD}
UNFINISHED = "user/cache/tlcourse/downloads/mnist/mnist.npz.part"


# --- a sound download ------------------------------------------------------------------------


def test_a_file_is_downloaded_once_and_then_used_without_a_network(served, server, places):
    first = public.fetch_mnist()
    again = public.fetch_mnist()
    assert server.asked == [None]
    assert kept(places / "home") == WHOLE
    assert not (places / UNFINISHED).exists()
    assert (first.x_train.shape, first.x_train.dtype) == ((1000, 28, 28, 1), "float32")
    assert 0.99 < first.x_train.max() <= 1
    assert (first.y_test.dtype, first.class_names) == ("int64", tuple("0123456789"))
    assert (first.x_train == again.x_train).all()


def test_a_server_that_packs_what_it_sends_is_asked_not_to(served, places):
    served("packs")
    public.fetch("mnist")
    assert kept(places / "home") == WHOLE


def test_others_may_read_what_was_downloaded(served, places):
    (path,) = public.fetch("mnist")
    ordinary = places / "ordinary"
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode


def test_the_command_tells_size_place_and_licence(served, tlcourse, places):
    code, out, err = tlcourse("fetch", "mnist")
    assert (code, err) == (0, "")
    assert f"mnist: {len(PAYLOAD) / 1000:.0f} kB in {places / 'home/mnist'}\n" in out
    assert "licence: CC0" in out
    assert tlcourse("fetch", "mnist") == (0, out, "")


@pytest.mark.parametrize("arguments", [[], ["--list"], ["--list", "mnist"]])
def test_the_list_names_everything_and_what_is_here(served, server, tlcourse, places, arguments):
    public.fetch("mnist")
    code, out, err = tlcourse("fetch", *arguments)
    assert (code, err) == (0, "")
    assert "CC0" in out
    assert out.count(" yes ") == 1
    assert out.count(" no ") == len(public.SOURCES) - 1
    assert len(server.asked) == 1


def test_all_fetches_everything_and_one_failure_does_not_stop_the_rest(served, tlcourse, places):
    code, _, err = tlcourse("fetch", "--all")
    assert code == 1
    assert err.count("tlcourse: ") == err.count("\n") == len(public.SOURCES) - 1
    assert kept(places / "home") == WHOLE


def test_remove_frees_the_space_and_leaves_what_is_not_ours(served, tlcourse, places):
    public.fetch("mnist")
    (places / "home/mnist/notes.txt").write_text("mine")
    (places / UNFINISHED).write_bytes(b"half")
    code, out, err = tlcourse("fetch", "--remove", "mnist")
    assert (code, out, err) == (0, f"mnist: {(len(PAYLOAD) + 4) / 1000:.0f} kB freed\n", "")
    assert kept(places / "home") == {"mnist/notes.txt": b"mine"}
    assert kept(places / "user") == {}
    assert tlcourse("fetch", "--remove", "--all")[1].count("nothing freed") == len(public.SOURCES)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["imagenet"], 1, "named 'imagenet'; there are mnist, fashion_mnist, cifar10"),
        (["mnist", "imagenet"], 1, "'imagenet'"),
        (["--remove"], 2, "--all"),
    ],
)
def test_wrong_names_are_one_sentence_and_nothing_is_done(
    served, server, tlcourse, places, arguments, code, words
):
    ended, out, err = tlcourse("fetch", *arguments)
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert words in err
    assert (server.asked, kept(places)) == ([], {})


# --- everything that goes wrong --------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("truncated", "broke off after"),
        ("broken_off", "broke off after"),
        ("stalls", "broke off after"),
        ("silent", "127.0.0.1 does not answer"),
        ("corrupt", "not mnist.npz as published"),
        ("page", "log in first"),
        ("endless", "not mnist.npz as published"),
        ("missing", "answers 404 Not Found"),
        ("failing", "answers 500 Internal Server Error"),
    ],
)
def test_a_bad_download_is_one_sentence_and_the_next_one_succeeds(
    served, tlcourse, places, monkeypatch, how, words
):
    monkeypatch.setattr(public, "_TIMEOUT", 0.4)
    served(how)
    code, out, err = tlcourse("fetch", "mnist")
    assert (code, out) == (1, "")
    assert err.startswith("tlcourse: ")
    assert err.count("\n") == 1
    assert words in err
    assert "`tlcourse fetch mnist`" in err
    assert kept(places / "home") == {}
    served("whole")
    assert tlcourse("fetch", "mnist")[0] == 0
    assert kept(places / "home") == WHOLE


def test_a_refused_connection_is_one_sentence_that_tells_both_ways_out(sources, tlcourse):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sources("mnist", {"mnist.npz": PAYLOAD}, f"http://127.0.0.1:{port}")
    code, _, err = tlcourse("fetch", "mnist")
    assert (code, err.count("\n")) == (1, 1)
    assert "127.0.0.1 is out of reach: with a network, run `tlcourse fetch mnist`" in err
    assert "let TLCOURSE_HOME name a folder that holds mnist/mnist.npz" in err


def test_a_notebook_shows_the_sentence_and_no_traceback(sources, places, capsys, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(places))
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell().run_cell("from tlcourse import data; data.fetch_mnist()")
    out = capsys.readouterr().out
    assert "FetchError: mnist.npz is not on this machine" in out
    assert "Traceback" not in out
    assert "Error" not in out.replace("FetchError", "", 1)


@pytest.mark.parametrize("how", ["whole", "no_range"])
def test_what_broke_off_is_resumed_where_the_server_can(served, server, places, how):
    served("truncated")
    with pytest.raises(FetchError, match="to go on from there"):
        public.fetch("mnist")
    assert (places / UNFINISHED).read_bytes() == PAYLOAD[:HALF]
    served(how)
    public.fetch("mnist")
    assert server.asked == [None, f"bytes={HALF}-"]
    assert kept(places / "home") == WHOLE


def test_a_server_that_refuses_to_resume_is_asked_for_all(served, server, places):
    served("truncated")
    with pytest.raises(FetchError):
        public.fetch("mnist")
    served("no_range_at_all")
    public.fetch("mnist")
    assert server.asked == [None, f"bytes={HALF}-", None]
    assert kept(places / "home") == WHOLE


@pytest.mark.parametrize("rest", [b"x" * HALF, b"x" * len(PAYLOAD), b"x" * 2 * len(PAYLOAD)])
def test_an_unfinished_file_that_is_no_good_is_begun_anew(served, server, places, rest):
    (places / UNFINISHED).parent.mkdir(parents=True)
    (places / UNFINISHED).write_bytes(rest)
    public.fetch("mnist")
    assert server.asked[-1] is None
    assert kept(places / "home") == WHOLE


def test_a_full_disk_is_seen_before_the_download(served, server, tlcourse, monkeypatch, places):
    usage = shutil.disk_usage(places)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    code, _, err = tlcourse("fetch", "mnist")
    assert (code, err.count("\n")) == (1, 1)
    assert f"{len(PAYLOAD) / 1000:.0f} kB are needed and less is free" in err
    assert (server.asked, kept(places / "home")) == ([], {})


CHILD = """
import json, resource, sys
from tlcourse.data import public
from tlcourse.cli import main
file, limit = json.loads(sys.argv[1])
public.SOURCES["mnist"] = public.Source("t", "l", (public.File(*file),))
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main(["fetch", "mnist"])
"""


def start(limit=0) -> subprocess.Popen:
    """The command `tlcourse fetch mnist` in a process of its own."""
    (file,) = public.SOURCES["mnist"].files
    given = json.dumps([[file.address, file.size, file.checksum, file.in_keras], limit])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, given],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_disk_that_fills_up_is_one_sentence_and_nothing_is_left(served, places):
    child = start(limit=300_000)  # stands in for a full disk
    out, err = child.communicate(timeout=200)
    assert (child.returncode, out, err.count("\n")) == (1, "", 1)
    assert "File too large" in err
    assert "make room" in err
    assert kept(places / "home") == {}
    assert not (places / UNFINISHED).exists()


def test_a_download_killed_in_the_middle_leaves_no_file_and_is_resumed(served, server, places):
    served("drips")
    child = start()
    end = time.monotonic() + 200
    unfinished = places / UNFINISHED
    while time.monotonic() < end and not (unfinished.exists() and unfinished.stat().st_size):
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert kept(places / "home") == {}
    size = unfinished.stat().st_size
    assert 0 < size < len(PAYLOAD)
    served("whole")
    public.fetch("mnist")
    assert server.asked == [None, f"bytes={size}-"]
    assert kept(places / "home") == WHOLE


def test_what_a_killed_download_left_behind_is_cleared_away(served, places):
    (places / UNFINISHED).parent.mkdir(parents=True)
    (places / UNFINISHED).with_name("tmpx1y2").touch()
    public.fetch("mnist")
    assert list(kept(places / "user/cache/tlcourse/downloads")) in (["mnist/lock"], [])


def test_a_cache_that_fills_up_at_the_last_step_gets_no_half_file(served, places, monkeypatch):
    move = shutil.move

    def fail(source, target):
        if Path(target).is_relative_to(places / "home"):
            Path(target).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return move(source, target)

    monkeypatch.setattr(shutil, "move", fail)
    with pytest.raises(FetchError, match="cannot be kept.*No space left.*make room"):
        public.fetch("mnist")
    assert kept(places / "home") == {}
    monkeypatch.setattr(shutil, "move", move)
    public.fetch("mnist")
    assert kept(places / "home") == WHOLE


def test_an_interrupted_download_ends_without_a_traceback(served, places, interruptible):
    served("drips")
    child = start()
    end = time.monotonic() + 200
    while time.monotonic() < end and not (places / UNFINISHED).exists():
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=200)
    assert child.returncode == 130
    assert "Traceback" not in err
    assert kept(places / "home") == {}


def test_two_downloads_of_one_file_at_once_make_one(served, server, places):
    served("drips")
    children = [start(), start()]
    ends = [child.communicate(timeout=200) for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    assert server.asked == [None]
    assert kept(places / "home") == WHOLE


def test_waiting_for_another_download_ends_with_a_sentence(served, places, monkeypatch):
    monkeypatch.setattr(public, "_PATIENCE", 0.1)
    (places / UNFINISHED).parent.mkdir(parents=True)
    with (
        filelock.FileLock((places / UNFINISHED).with_name("lock")),
        pytest.raises(FetchError, match="still fetching mnist.npz: wait for it"),
    ):
        public.fetch("mnist")


# --- where files are looked for and put ------------------------------------------------------


ROOT_USER = hasattr(os, "geteuid") and os.geteuid() == 0


def become(user: int) -> None:
    """Run on as another user, and as root again later; who is not root stays who they are."""
    if ROOT_USER:
        os.setresuid(user, user, 0)


@pytest.fixture
def read_only(places, monkeypatch):
    """A cache that its user cannot write; the user is not root, for whom nothing is read-only."""
    assert all((pooch, requests, filelock))  # imported while they can be read
    "".encode("cp437")  # and so is what zipfile looks up late
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in (folder, folder / "user", folder / "home", folder / "home/mnist"):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
        if ROOT_USER:
            try:
                shutil.chown(folder / "user", 65534)
            except OSError:  # in a user namespace root may be the only user
                pytest.skip("this root cannot become another user")
        monkeypatch.setenv("TLCOURSE_HOME", str(folder / "home"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "user/cache"))
        monkeypatch.setenv("HOME", str(folder / "user"))
        monkeypatch.setenv("KERAS_HOME", str(folder / "keras"))
        shut(folder, 0o555)
        become(65534)
        yield folder
        become(0)
        shut(folder, 0o755)


def shut(folder: Path, mode: int) -> None:
    for name in ("home/mnist", "home"):
        (folder / name).chmod(mode)


@pytest.fixture
def prepared(read_only):
    """The same with MNIST in it, as the teacher put it there before the class."""
    become(0)
    shut(read_only, 0o755)
    (read_only / "home/mnist/mnist.npz").write_bytes(PAYLOAD)
    shut(read_only, 0o555)
    become(65534)
    return read_only


def test_with_a_read_only_cache_a_download_goes_to_ones_own(served, tlcourse, read_only):
    with pytest.raises(OSError, match="denied"):
        (read_only / "home/probe").touch()
    code, out, err = tlcourse("fetch", "mnist")
    assert (code, err) == (0, "")
    assert str(read_only / "user/cache/tlcourse/mnist") in out
    assert kept(read_only / "home") == {}
    assert len(public.fetch_mnist().x_train) == 1000


def test_a_read_only_cache_that_holds_the_file_is_used_and_nothing_is_written(
    served, server, prepared
):
    assert len(public.fetch_mnist().x_train) == 1000
    assert (server.asked, kept(prepared / "user")) == ([], {})


def test_removing_from_a_read_only_cache_is_one_sentence(served, tlcourse, prepared):
    code, out, err = tlcourse("fetch", "--remove", "mnist")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "cannot be removed (Permission denied)" in err
    assert kept(prepared / "home") == WHOLE


def test_an_own_cache_that_cannot_be_made_is_one_sentence(served, tlcourse, places):
    (places / "user").write_text("a file")
    code, _, err = tlcourse("fetch", "mnist")
    assert (code, err.count("\n")) == (1, 1)
    assert "cannot be kept in" in err


def test_a_file_in_keras_own_cache_is_used_and_stays(served, server, tlcourse, places):
    path = places / "keras/datasets/mnist.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(PAYLOAD)
    assert public.fetch("mnist") == [path]
    assert server.asked == []
    tlcourse("fetch", "--remove", "mnist")
    assert path.exists()


@pytest.mark.parametrize("damage", [PAYLOAD[:-1], PAYLOAD[:-1] + b"!", b""])
def test_a_damaged_file_is_refused_and_the_command_replaces_it(
    served, server, tlcourse, places, damage
):
    path = places / "home/mnist/mnist.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(damage)
    with pytest.raises(FetchError, match="mnist.npz is damaged.*`tlcourse fetch mnist` replaces"):
        public.fetch_mnist()
    assert (server.asked, path.read_bytes()) == ([], damage)
    assert " damaged " in tlcourse("fetch", "--list")[1]
    assert tlcourse("fetch", "mnist")[0] == 0
    assert kept(places / "home") == WHOLE


def test_a_sound_copy_elsewhere_is_used_before_a_damaged_one_is_told(served, places):
    for place, content in (("home", b"bad"), ("user/cache/tlcourse", PAYLOAD)):
        path = places / place / "mnist/mnist.npz"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert public.fetch("mnist") == [path]


def test_without_a_name_the_cache_is_ones_own(places, monkeypatch):
    monkeypatch.setenv("TLCOURSE_HOME", "")
    assert public.home() == public.own_cache()
    monkeypatch.setenv("TLCOURSE_HOME", "~/shared")
    assert public.home() == places / "user/shared"


# --- the data sets ---------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes())


def put(sources, places, name: str, contents: dict[str, bytes]) -> None:
    """Have a small source, and its files in the cache."""
    sources(name, contents)
    for file, content in contents.items():
        path = places / "home" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def fashion(sources, places):
    rng = np.random.default_rng(1)
    images = [rng.integers(256, size=(n, 28, 28), dtype="uint8") for n in (50, 30)]
    labels = [np.arange(n, dtype="uint8") % 10 for n in (50, 30)]
    names = [file.name for file in public.SOURCES["fashion_mnist"].files]
    arrays = [images[0], labels[0], images[1], labels[1]]
    return lambda: put(
        sources, places, "fashion_mnist", dict(zip(names, map(idx, arrays), strict=True))
    )


def archive(contents: dict[str, bytes]) -> bytes:
    with io.BytesIO() as out:
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return out.getvalue()


def test_cifar10_comes_as_colour_images_with_names(sources, places):
    batches = {}
    for i, name in enumerate([f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]):
        planes = np.repeat([10 * i, 100, 200], 1024).astype("uint8")  # red, green and blue
        batches[name] = {"data": np.stack([planes] * 4), "labels": [i, 1, 2, 9]}
    batches["batches.meta"] = {"label_names": list("abcdefghij")}
    contents = {f"cifar-10-batches-py/{n}": pickle.dumps(b) for n, b in batches.items()}
    put(sources, places, "cifar10", {"cifar.tar.gz": archive(contents)})
    data = public.fetch_cifar10()
    assert (data.x_train.shape, data.x_train.dtype) == ((20, 32, 32, 3), "uint8")
    assert data.x_train[4, 5, 6].tolist() == [10, 100, 200]
    assert data.x_test[0, 0, 0].tolist() == [50, 100, 200]
    assert data.y_test.tolist() == [5, 1, 2, 9]
    assert data.class_names == tuple("abcdefghij")


def test_flowers_are_split_and_brought_to_one_size(sources, places):
    contents = {"flower_photos/LICENSE.txt": b"thanks"}
    for k, kind in enumerate(["daisy", "roses"]):
        for i in range(10):
            with io.BytesIO() as out:
                Image.new("RGB", (120 + i, 80), (100 * k, 10 * i, 0)).save(out, "JPEG")
                contents[f"flower_photos/{kind}/{i}.jpg"] = out.getvalue()
    put(sources, places, "flowers", {"flowers.tgz": archive(contents)})
    data = public.fetch_flowers(size=32)
    assert (data.x_train.shape, data.x_test.shape) == ((16, 32, 32, 3), (4, 32, 32, 3))
    assert data.class_names == ("daisy", "roses")
    assert (data.x_train[data.y_train == 1, ..., 0] > 80).all()
    assert data.licence == "CC0"


real = pytest.mark.skipif(
    not (REAL / "fashion_mnist").is_dir(),
    reason="Fashion-MNIST's files are not here (TLCOURSE_TEST_DATA names their folder's parent)",
)


@real
def test_fashion_mnist_as_published_is_read_without_a_network(places, monkeypatch):
    monkeypatch.setenv("TLCOURSE_HOME", str(REAL))
    monkeypatch.setattr(requests, "get", None)
    data = public.fetch_fashion_mnist()
    assert (data.x_train.shape, data.x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert (np.bincount(data.y_train) == 6000).all()
    assert data.class_names[data.y_train[0]] == "Ankle boot"
    assert (data.x_train.dtype, data.x_train.max()) == ("float32", 1)


@real
def test_fashion_mnist_with_one_byte_changed_is_refused(places):
    (places / "home/fashion_mnist").mkdir(parents=True)
    for file in (REAL / "fashion_mnist").glob("*.gz"):
        shutil.copyfile(file, places / "home/fashion_mnist" / file.name)
    with (places / "home/fashion_mnist/train-images-idx3-ubyte.gz").open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)[0]
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(FetchError, match="train-images-idx3-ubyte.gz is damaged"):
        public.fetch_fashion_mnist()


def test_the_checksums_are_those_of_the_installed_keras():
    keras = Path(find_spec("keras").origin).parent
    for name, module in [
        ("mnist", "datasets/mnist.py"),
        ("cifar10", "datasets/cifar10.py"),
        ("resnet50", "applications/resnet.py"),
    ]:
        (file,) = public.SOURCES[name].files
        text = (keras / "src" / module).read_text()
        assert f'"{file.checksum.partition(":")[2]}"' in text


# --- the larger scale ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "scale"), [(None, "quick"), ("", "quick"), ("quick", "quick"), ("full", "full")]
)
def test_scale_is_quick_unless_full_is_wanted(monkeypatch, wanted, scale):
    monkeypatch.delenv("TLCOURSE_SCALE", raising=False)
    if wanted is not None:
        monkeypatch.setenv("TLCOURSE_SCALE", wanted)
    assert public.scale() == scale


def test_another_scale_is_one_sentence(monkeypatch):
    monkeypatch.setenv("TLCOURSE_SCALE", "huge")
    with pytest.raises(CourseError, match="quick or full, not 'huge'"):
        public.scale()


def test_the_pair_is_mnist_to_fashion_mnist_if_both_are_here(sources, places, fashion):
    fashion()
    put(sources, places, "mnist", {"mnist.npz": PAYLOAD})
    source, target = public.transfer_pair()
    assert (len(source.x_train), source.class_names[3]) == (1000, "3")
    assert (len(target.x_train), target.class_names[3]) == (50, "Dress")
    assert source.x_train.shape[1:] == target.x_train.shape[1:] == (28, 28, 1)


@pytest.mark.parametrize("alone", ["mnist", "fashion_mnist"])
def test_one_that_is_alone_becomes_two_tasks_of_five_classes(sources, places, fashion, alone):
    if alone == "mnist":
        put(sources, places, "mnist", {"mnist.npz": PAYLOAD})
        whole = public.fetch_mnist()
    else:
        fashion()
        whole = public.fetch_fashion_mnist()
    pair = public.transfer_pair()
    assert pair[0].class_names + pair[1].class_names == whole.class_names
    for k, part in enumerate(pair):
        assert part.x_train.dtype == "float32"
        assert set(part.y_train) == set(part.y_test) == {0, 1, 2, 3, 4}
        chosen = whole.y_train // 5 == k
        assert (part.x_train == whole.x_train[chosen]).all()
        assert (part.y_train == whole.y_train[chosen] % 5).all()


def test_without_either_one_sentence_says_what_to_fetch(sources, served, server):
    with pytest.raises(FetchError, match="Neither.*`tlcourse fetch mnist fashion_mnist`"):
        public.transfer_pair()
    assert server.asked == []


def test_importing_the_data_sets_is_light():
    heavy = "{'pooch', 'requests', 'tqdm', 'filelock', 'platformdirs', 'PIL.Image', 'keras'}"
    code = f"import sys, tlcourse.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
