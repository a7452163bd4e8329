"""Public data sets against a server that does everything wrong, and never a half file."""

import errno
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import filelock
import pooch
import pytest
import requests

from tests.data.conftest import PAYLOAD
from tlcourse import cli
from tlcourse.data import download, public
from tlcourse.data.download import FetchError
from tlcourse.files import CourseError

ROOT = Path(__file__).resolve().parents[2]
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
    download.fetch("mnist")
    assert kept(places / "home") == WHOLE


def test_others_may_read_what_was_downloaded(served, places):
    (path,) = download.fetch("mnist")
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
    download.fetch("mnist")
    code, out, err = tlcourse("fetch", *arguments)
    assert (code, err) == (0, "")
    assert "CC0" in out
    assert out.count(" yes ") == 1
    assert out.count(" no ") == len(download.SOURCES) - 1
    assert len(server.asked) == 1


def test_all_fetches_everything_and_one_failure_does_not_stop_the_rest(served, tlcourse, places):
    code, _, err = tlcourse("fetch", "--all")
    assert code == 1
    assert err.count("tlcourse: ") == err.count("\n") == len(download.SOURCES) - 1
    assert kept(places / "home") == WHOLE


def test_remove_frees_the_space_and_leaves_what_is_not_ours(served, tlcourse, places):
    download.fetch("mnist")
    (places / "home/mnist/notes.txt").write_text("mine")
    (places / UNFINISHED).write_bytes(b"half")
    code, out, err = tlcourse("fetch", "--remove", "mnist")
    assert (code, out, err) == (0, f"mnist: this freed {(len(PAYLOAD) + 4) / 1000:.0f} kB\n", "")
    assert kept(places / "home") == {"mnist/notes.txt": b"mine"}
    assert kept(places / "user") == {}
    assert tlcourse("fetch", "--remove", "--all")[1].count("nothing to remove") == len(
        download.SOURCES
    )


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
    monkeypatch.setattr(download, "_TIMEOUT", 0.4)
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
    assert "127.0.0.1 is out of reach: with the internet, run `tlcourse fetch mnist`" in err
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
        download.fetch("mnist")
    assert (places / UNFINISHED).read_bytes() == PAYLOAD[:HALF]
    served(how)
    download.fetch("mnist")
    assert server.asked == [None, f"bytes={HALF}-"]
    assert kept(places / "home") == WHOLE


def test_a_server_that_refuses_to_resume_is_asked_for_all(served, server, places):
    served("truncated")
    with pytest.raises(FetchError):
        download.fetch("mnist")
    served("no_range_at_all")
    download.fetch("mnist")
    assert server.asked == [None, f"bytes={HALF}-", None]
    assert kept(places / "home") == WHOLE


@pytest.mark.parametrize("rest", [b"x" * HALF, b"x" * len(PAYLOAD), b"x" * 2 * len(PAYLOAD)])
def test_an_unfinished_file_that_is_no_good_is_begun_again(served, server, places, rest):
    (places / UNFINISHED).parent.mkdir(parents=True)
    (places / UNFINISHED).write_bytes(rest)
    download.fetch("mnist")
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
from tlcourse.data import download
from tlcourse.cli import main
file, limit = json.loads(sys.argv[1])
download.SOURCES["mnist"] = download.Source("t", "l", (download.File(*file),))
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main(["fetch", "mnist"])
"""


def start(limit=0) -> subprocess.Popen:
    """The command `tlcourse fetch mnist` in a process of its own."""
    (file,) = download.SOURCES["mnist"].files
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
    download.fetch("mnist")
    assert server.asked == [None, f"bytes={size}-"]
    assert kept(places / "home") == WHOLE


def test_what_a_killed_download_left_behind_is_cleared_away(served, places):
    (places / UNFINISHED).parent.mkdir(parents=True)
    (places / UNFINISHED).with_name("tmpx1y2").touch()
    download.fetch("mnist")
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
        download.fetch("mnist")
    assert kept(places / "home") == {}
    monkeypatch.setattr(shutil, "move", move)
    download.fetch("mnist")
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
    monkeypatch.setattr(download, "_LOCK_TIMEOUT", 0.1)
    (places / UNFINISHED).parent.mkdir(parents=True)
    with (
        filelock.FileLock((places / UNFINISHED).with_name("lock")),
        pytest.raises(FetchError, match="still fetching mnist.npz: wait for it"),
    ):
        download.fetch("mnist")


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
    assert download.fetch("mnist") == [path]
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
    assert download.fetch("mnist") == [path]


def test_without_a_name_the_cache_is_ones_own(places, monkeypatch):
    monkeypatch.setenv("TLCOURSE_HOME", "")
    assert download.home() == download.own_cache()
    monkeypatch.setenv("TLCOURSE_HOME", "~/shared")
    assert download.home() == places / "user/shared"


def test_a_home_of_nobody_is_one_sentence(places, monkeypatch):
    monkeypatch.setenv("TLCOURSE_HOME", "~no/shared")
    with pytest.raises(CourseError, match="The folder of TLCOURSE_HOME '~no/shared' cannot be"):
        download.fetch("mnist")
