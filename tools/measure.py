"""What a learner needs of a machine: memory and processor time of kernels and of a server.

`python -m tools.measure` runs chapters in a kernel each, as JupyterLab would, and writes
`docs/measured.json`, from which the site's tables are made. Linux only.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tlcourse.course import content, run

OUT = Path(__file__).parents[1] / "docs" / "measured.json"
RUN = """
import sys, nbformat
from tlcourse.course.execute import execute
execute(nbformat.read(sys.argv[1], as_version=4), cwd=sys.argv[2], cell_timeout=1200)
"""
CHAPTERS = ("01", "05")


def kernel(chapter: str) -> dict:
    """Peak memory (bytes) of the kernel that runs a chapter, and processor time (seconds)."""
    path = content.chapters()[content.find_chapter(chapter)]
    with tempfile.TemporaryDirectory() as cwd:
        subprocess.run([sys.executable, "-P", "-c", RUN, str(path), cwd], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of the largest descendant, and of all
    return {"memory": used.ru_maxrss * 1024, "cpu": used.ru_utime + used.ru_stime}


def server() -> dict:
    """Peak memory of a JupyterLab server half a minute after its start."""
    command = [sys.executable, "-P", "-m", "tlcourse", "lab", "--no-browser", "--folder"]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([*command, folder], stdout=subprocess.DEVNULL)
        time.sleep(30)
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.kill()
        process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return {"memory": peak, "cpu": used.ru_utime + used.ru_stime}


def alone(what: str) -> dict:
    """Measure in a process of its own, so that nothing else is counted."""
    answer = subprocess.run(
        [sys.executable, "-P", __file__, what], check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout)


def main() -> None:
    """Measure everything, or the one thing that is named, and print it."""
    if len(sys.argv) > 1:
        print(json.dumps(server() if sys.argv[1] == "server" else kernel(sys.argv[1])))
        return
    processes = {"JupyterLab, started": alone("server")}
    for chapter in CHAPTERS:
        processes[f"kernel, chapter {chapter}"] = alone(chapter)
    on = run.machine()
    OUT.write_text(json.dumps({"on": on, "processes": processes}, indent=1) + "\n")


if __name__ == "__main__":
    main()
