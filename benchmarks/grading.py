"""`tlcourse grade` against `nbgrader autograde`, on the same submissions.

Each class is made of the solutions of a set: a third solves everything, a third leaves the second
half open, a third hands in what was handed out. Both mark with one worker, as commands of their
own, the sandbox on, gradebook included, turn by turn; seconds are of the whole process and all its
children. So what either needs to start counts as well, and the ratios of smaller classes are
smaller. The last line gives the ratios, and how much faster two workers are on a class of 500.
What is measured can be chosen, and the rest is kept:
`python -m benchmarks.grading numpy keras workers memory`.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from statistics import median
from time import perf_counter

import nbformat

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).parent / "results" / "grading.json"
CLASSES = {"numpy": ("ex02", 300), "keras": ("ex05", 30)}
REPEATS = 1  # of a class each, whose submissions are averaged
MANY = (100, 500)

# What `nbgrader autograde` runs; nbgrader's own command, but for the name of the program.
AUTOGRADE = "import sys; from nbgrader.apps import NbGraderApp as app; app.launch_instance()"


def make_class(folder: Path, exercise: str, students: int) -> None:
    """Submissions as nbgrader keeps them: folder/<student>/<exercise>/<notebook>."""
    (solution,) = (ROOT / "solutions" / exercise).glob("*.ipynb")
    handed_out = nbformat.read(ROOT / "exercises" / exercise / solution.name, 4)
    solved = {c.metadata.nbgrader.grade_id: c.source for c in _graded(_marked(solution, exercise))}
    for i in range(students):
        mine = deepcopy(handed_out)
        answers = [c for c in _graded(mine) if c.metadata.nbgrader.grade_id.endswith("-answer")]
        for cell in answers[: (len(answers), len(answers) // 2, 0)[i % 3]]:
            cell.source = solved[cell.metadata.nbgrader.grade_id]
        path = folder / f"student{i:03}" / exercise / solution.name
        path.parent.mkdir(parents=True)
        nbformat.write(mine, path)


def _marked(solution: Path, exercise: str):
    from tools.exercises import mark

    notebook = nbformat.read(solution, 4)
    mark(notebook, exercise)
    return notebook


def _graded(notebook) -> list:
    return [c for c in notebook.cells if "nbgrader" in c.metadata]


def timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """Wall and processor seconds of a command and all its children."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
    }
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    wall, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def course(folder: Path, exercise: str) -> None:
    """A course of nbgrader's, ready to mark."""
    folder.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions" / exercise, folder / "solutions" / exercise)
    nbgrader = [sys.executable, "-P", "-c", AUTOGRADE]
    timed([*nbgrader, "generate_assignment", exercise], folder)


def marks_of(gradebook: Path, exercise: str) -> dict[str, float]:
    """Each student's points."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{gradebook}") as book:
        return {s.student_id: s.score for s in book.assignment_submissions(exercise)}


def compare(kind: str, folder: Path) -> dict:
    """Both on one class, turn by turn; seconds are for one submission."""
    exercise, students = CLASSES[kind]
    make_class(folder / "submitted", exercise, students)
    seconds, marks = {"nbgrader": [], "tlcourse": []}, {}
    for repeat in range(REPEATS):
        theirs = folder / f"nbgrader{repeat}"
        course(theirs, exercise)
        shutil.copytree(folder / "submitted", theirs / "submitted")
        command = [sys.executable, "-P", "-c", AUTOGRADE, "autograde", exercise]
        seconds["nbgrader"].append(timed(command, theirs))
        ours = folder / f"tlcourse{repeat}"
        seconds["tlcourse"].append(timed(_grade(folder / "submitted", exercise, ours), folder))
        marks = {
            "nbgrader": marks_of(theirs / "gradebook.db", exercise),
            "tlcourse": marks_of(ours / "gradebook.db", exercise),
        }
        print(exercise, {who: seconds[who][-1] for who in seconds}, flush=True)
    wall, cpu = ({w: median(s[i] for s in seconds[w]) for w in seconds} for i in (0, 1))
    return {
        "students": students,
        "wall_ratio": round(wall["nbgrader"] / wall["tlcourse"], 1),
        "cpu_ratio": round(cpu["nbgrader"] / cpu["tlcourse"], 1),
        "seconds": {w: {"wall": wall[w] / students, "cpu": cpu[w] / students} for w in seconds},
        "marks_equal": marks["nbgrader"] == marks["tlcourse"],
    }


def _grade(submitted: Path, exercise: str, marks: Path, *more: str) -> list[str]:
    command = [sys.executable, "-P", "-m", "tlcourse", "grade", str(submitted)]
    return [*command, "--exercise", exercise, "--out", str(marks), *more]


def two_workers(folder: Path) -> float:
    """How many times faster two workers are than one, on a class of 500."""
    make_class(folder / "many", "ex02", MANY[1])
    walls: dict[int, list[float]] = {1: [], 2: []}
    for repeat in range(REPEATS):
        for workers in walls:
            marks = folder / f"workers{workers}-{repeat}"
            command = _grade(folder / "many", "ex02", marks, "--workers", str(workers))
            walls[workers].append(timed(command, folder)[0])
            print("workers", workers, walls[workers][-1], flush=True)
    return median(walls[1]) / median(walls[2])


def memory(folder: Path) -> dict[str, float]:
    """MB of the largest process of a run, by the number of submissions."""
    found = {}
    for students in MANY:
        make_class(folder / f"class{students}", "ex02", students)
        script = (
            "import resource, sys\nfrom tlcourse.cli import main\n"
            "try: main(sys.argv[1:])\nfinally:\n"
            "    who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN\n"
            "    print(max(resource.getrusage(w).ru_maxrss for w in who), file=sys.stderr)"
        )
        command = _grade(folder / f"class{students}", "ex02", folder / f"memory{students}")
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, *command[4:]],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        found[str(students)] = int(done.stderr.split()[-1]) / 1024
    return found


def main(parts: list[str]) -> None:
    known = [*CLASSES, "workers", "memory"]
    parts = parts or known
    if unknown := set(parts) - set(known):
        sys.exit(f"Not known: {', '.join(sorted(unknown))}; choose from {', '.join(known)}.")
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in [kind for kind in CLASSES if kind in parts]:
            (folder / kind).mkdir()
            result |= {f"{kind}_{what}": v for what, v in compare(kind, folder / kind).items()}
        if "workers" in parts:
            result["two_workers"] = round(two_workers(folder), 2)
        if "memory" in parts:
            result["megabytes"] = memory(folder)
    RESULT.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    ratios = [f"{kind}_{what}_ratio" for kind in CLASSES for what in ("cpu", "wall")]
    ratios_found = {name: result[name] for name in [*ratios, "two_workers"]}
    print(
        json.dumps(ratios_found | {"marks_equal": all(result[f"{k}_marks_equal"] for k in CLASSES)})
    )


if __name__ == "__main__":
    main(sys.argv[1:])
