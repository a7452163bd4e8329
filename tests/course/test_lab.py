"""JupyterLab on the learner's copy: it starts wherever it can, and says what is in the way."""

import asyncio
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import tornado.netutil
from tornado.websocket import websocket_connect

from tlcourse.course import lab
from tlcourse.files import CourseError, write

SECONDS = 200  # for what is meant to come, on a busy machine

LAB = """
import sys
from pathlib import Path
from tlcourse.course import content
content.folder = lambda: Path(sys.argv[1])
from tlcourse.cli import main
main(["lab", "3", "--no-browser", "--folder", sys.argv[2], "--port", sys.argv[3]])
"""


@contextmanager
def started(course: Path, folder: Path, port: int, **settings):
    """JupyterLab in a process of its own: the process and what it prints down to its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", LAB, str(course), str(folder), str(port)],
        env=os.environ | settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines = []
    try:
        while not lines or (lines[-1] and "token=" not in lines[-1]):
            lines.append(process.stdout.readline())
        yield process, lines
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def taken():
    """A port that is taken."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield busy.getsockname()[1]


def ask(url: str, token: str, data: bytes | None = None) -> str:
    request = urllib.request.Request(url, data, {"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_lab_answers_on_a_free_port_and_ends_with_its_kernels(
    course, folder, tmp_path, taken, stop, interruptible
):
    own = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with started(course, folder, taken, **own) as (process, lines):
        base, path, token = re.fullmatch(r"(http://[^/]+)(/\S+)\?token=(\w+)\n", lines[-1]).groups()
        assert path == "/lab/tree/notebooks/03_cnn.ipynb"
        port = base.rpartition(":")[2]
        assert int(port) != taken
        assert f"Port {taken} is taken, so JupyterLab uses port {port}.\n" in lines
        page = ask(base + path, token)
        config = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script', page, re.S)[1]
        config = json.loads(config)
        assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
        assert config["extensionManager"]["can_install"] is False
        assert 'href="/custom/custom.css"' in page
        assert "widget-slider" in ask(f"{base}/custom/custom.css", token)
        assert "03_cnn.ipynb" in ask(f"{base}/api/contents/notebooks", token)
        ask(f"{base}/api/kernels", token, b"{}")
        (kernel,) = wait_for(lambda: kernels_of(process))
        process.send_signal(stop)
        assert process.wait(timeout=SECONDS) is not None
        assert wait_for(lambda: not is_running(kernel))


def test_lab_asks_no_npm_for_language_servers(course, folder, tmp_path, taken):
    """Where the home cannot be written, npm never answers, and outlives a lab that is killed."""
    asked = tmp_path / "asked"
    write(tmp_path / "bin/npm", f"#!/bin/sh\ntouch {asked}\n".encode())
    (tmp_path / "bin/npm").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with started(course, folder, taken, PATH=path) as (_, lines):
        base, token = re.fullmatch(r"(http://[^/]+)/\S+\?token=(\w+)\n", lines[-1]).groups()
        assert "sessions" in ask(f"{base}/lsp/status", token)
    assert not asked.exists()


LOOK = "for name in tlcourse python pip; do command -v $name; done; echo th'at is al'l"


def test_terminals_and_cells_find_the_course_s_commands_where_no_environment_is_active(
    course, folder, tmp_path, interruptible
):
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "SHELL": "/bin/sh"}
    with started(course, folder, 8888, **bare) as (process, lines):
        base, token = re.fullmatch(r"(http://[^/]+)/\S+\?token=(\w+)\n", lines[-1]).groups()
        name = json.loads(ask(f"{base}/api/terminals", token, b"{}"))["name"]
        address = f"ws{base.removeprefix('http')}/terminals/websocket/{name}?token={token}"
        shown = asyncio.run(asyncio.wait_for(typed(address, LOOK, "that is all"), SECONDS))
        scripts = sysconfig.get_path("scripts")
        for command in ("tlcourse", "python", "pip"):
            assert f"{scripts}/{command}\r\n" in shown, shown
        ask(f"{base}/api/kernels", token, b"{}")
        (kernel,) = wait_for(lambda: kernels_of(process))
        assert psutil.Process(kernel).environ()["PATH"].startswith(f"{scripts}{os.pathsep}")


HOMES = ["/proc/1/nowhere", "", None]


@pytest.mark.parametrize("home", HOMES, ids=["read-only", "empty", "a file"])
def test_lab_starts_where_the_home_cannot_be_written(
    course, folder, tmp_path, home, interruptible, monkeypatch
):
    (tmp_path / "file").touch()
    for name in os.environ:
        if name.startswith(("JUPYTER", "XDG_", "IPYTHON", "MPLCONFIG", "KERAS_HOME")):
            monkeypatch.delenv(name)
    where = str(tmp_path / "file") if home is None else home
    monkeypatch.chdir(tmp_path)
    with started(course, folder, 8888, HOME=where) as (process, lines):
        assert (
            f"Your home cannot be written, so Jupyter writes its settings into {folder}.\n" in lines
        )
        base, _, token = re.fullmatch(r"(http://[^/]+)(/\S+)\?token=(\w+)\n", lines[-1]).groups()
        ask(f"{base}/api/kernels", token, b"{}")
        assert wait_for(lambda: kernels_of(process))
    assert (tmp_path / "work/.tlcourse/home").is_dir()
    assert not (tmp_path / "~").exists()


def test_a_port_that_may_not_be_used_is_a_sentence(monkeypatch):
    def refuse(port, address):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tornado.netutil, "bind_sockets", refuse)
    with pytest.raises(CourseError, match="port 80 cannot be used .Permission denied.*--port"):
        lab.free_port(80)


def test_ports_end_at_65535(monkeypatch):
    tried = []

    def refuse(port, address):
        tried.append(port)
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(tornado.netutil, "bind_sockets", refuse)
    with pytest.raises(CourseError, match="the ports from 65530 on are taken.*--port"):
        lab.free_port(65530)
    assert tried == [*range(65530, 65536)]


def test_a_disk_that_is_full_is_a_sentence(folder, monkeypatch):
    import jupyterlab.labapp

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "/home/ada/.jupyter")

    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(jupyterlab.labapp.LabApp, "initialize_server", full)
    with pytest.raises(CourseError, match="write in /home/ada/.jupyter .No space left.*make room"):
        lab.open_lab(folder, "03_cnn", port=8888, browser=False)


async def typed(address: str, line: str, end: str) -> str:
    """What a terminal shows when a line is typed, down to `end`."""
    terminal, shown = await websocket_connect(address), ""
    await terminal.write_message(json.dumps(["stdin", f"{line}\r"]))
    while end not in shown:
        what, text, *_ = json.loads(await terminal.read_message())
        shown += text if what == "stdout" else ""
    terminal.close()
    return shown


def kernels_of(process: subprocess.Popen) -> list[int]:
    """The numbers of the kernels that a process has started."""
    ps = ["ps", "-axww", "-o", "pid=,ppid=,command="]
    answer = subprocess.run(ps, capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in answer.splitlines()]
    return [int(pid) for pid, ppid, name in rows if int(ppid) == process.pid and "ipyk" in name]


def is_running(pid: int) -> bool:
    """Whether a process has not ended; whoever adopted it may not have asked for how it ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return result
