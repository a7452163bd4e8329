"""Handing in: a set's notebook is checked, run once more, and packed into one file."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tlcourse import progress
from tlcourse.checks import Verdict, moved, tasks
from tlcourse.course import content
from tlcourse.course.content import Released
from tlcourse.course.plan import Cell, plan_of
from tlcourse.course.rehearsal import rehearse
from tlcourse.course.walk import Ended
from tlcourse.course.workspace import mark_of, require_copy
from tlcourse.files import CourseError, explain_os_errors, write

_COPIES = re.compile(r"_(old|new_edition)(_\d+)?$")  # names that `tlcourse` gives
_FEW = 5  # errors of cells that are shown


@dataclass(frozen=True)
class Submitted:
    """What was handed in, and what the marker will see of it.

    Attributes
    ----------
    zip : Path
        `ex02-submission.zip` in the folder, which holds the notebook and nothing else.
    notebook : Path
    tasks : dict of str
        For each task, and an open question that is not answered, "correct", or why it is not.
    points, total : float
        Of the tasks that are checked.
    changed : tuple of str
        A sentence on each task whose last check said something else.
    remarks : tuple of str
        What else there is to say, a sentence each.
    """

    zip: Path
    notebook: Path
    tasks: dict[str, str]
    points: float
    total: float
    changed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())

    @property
    def open_tasks(self) -> list[str]:
        """The tasks that are not correct."""
        return [name for name, status in self.tasks.items() if status != "correct"]


def submit(folder: Path, name: str, on_start: Callable[[], object] = lambda: None) -> Submitted:
    """Check that a set's notebook is whole, run it once more, and write the one file to hand in.

    Parameters
    ----------
    folder : Path
        The learner's.
    name : str
        Of the set, "ex02".
    on_start : callable
        Told when the checks begin, which Ctrl-C skips.

    Raises
    ------
    CourseError
        If the notebook is missing, unreadable or not whole.
    """
    released = content.released(name)
    name = released.name
    require_copy(folder)
    advice = f"tlcourse reset {name} gives a fresh one, and keeps this one beside it to copy from"
    with explain_os_errors(folder, "--folder"):
        path, remarks = _find_notebook(folder, released, advice)
        mine = _read_notebook(path, advice)
        found = content.nbgrader_cells(mine["cells"])
        if (yours := _edition(mine)) != released.edition:
            advice += f" (it is edition {yours}, and the course holds edition {released.edition})"
        for grade_id in released.nbgrader_cells:
            count = len(found.get(grade_id, []))
            if count != 1:
                what = "is missing" if count == 0 else f"is there {count} times"
                raise CourseError(f"In {path.name} the cell {grade_id!r} {what}: {advice}.")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(released.notebook.name), path.read_bytes())
        target = folder / f"{name}-submission.zip"
        replaced = target.exists()
        write(target, packed.getvalue())  # first, so that nothing can come between
    last = progress.read(folder).get(name, {})
    try:
        on_start()
        cells = [Cell(c["cell_type"], content.source_of(c), content.grade_id(c)) for c in
                 mine["cells"]]  # fmt: skip
        known = moved.asked(name, name)
        verdicts, errors = rehearse(plan_of(cells, released, known), released, known)
    except (KeyboardInterrupt, Ended, OSError) as error:
        why = "you stopped them" if isinstance(error, KeyboardInterrupt) else f"{error}"
        remarks.append(
            f"The checks did not run once more ({why}). This is what the saved file and your last "
            "checks say; the marker runs the file."
        )
        statuses, changed = _kept_statuses(released, found, last), []
    else:
        for task in known.keys() - tasks(name).keys():  # of an older notebook
            verdict, now = verdicts.pop(task), moved.place(name, task).partition(".")[0]
            if verdict.status != "not attempted":
                remarks.append(f"{task} counts in {now}, where it is now: {_status(verdict)}.")
        statuses = {task: _status(verdict) for task, verdict in verdicts.items()}
        changed = [s for task, v in verdicts.items() if (s := _change(task, v, last.get(task)))]
        for number, text in sorted(errors.items())[:_FEW]:
            remarks.append(f"Cell {number} of the notebook: {text}.")
    points = {task.name: task.points for task in tasks(name).values()}
    right = sum(points[task] for task, status in statuses.items() if status == "correct")
    question = released.open_question
    if question and _is_untouched(released, found, question):
        statuses[released.headings[question]] = "not attempted"
    if replaced:
        remarks.append(f"{target.name} replaces the one that you made before.")
    return Submitted(
        target, path, statuses, right, sum(points.values()), tuple(changed), tuple(remarks)
    )


def _status(verdict: Verdict) -> str:
    """A verdict in a few words."""
    if verdict.status == "not yet":
        return ": ".join(filter(None, ["not yet", verdict.failed, verdict.message]))
    return verdict.status


def _change(task: str, verdict: Verdict, last: str | None) -> str:
    """What has changed since the last check of a task, in a sentence; "" if nothing has."""
    if last == "correct" and verdict.status == "not attempted":
        return (
            f"{task} was correct in JupyterLab but is not in the saved file: save, then submit "
            "again."
        )
    if last == "correct" and verdict.status == "not yet":
        return (
            f"{task} was correct when you last checked it in JupyterLab, but in the saved file it "
            "is not: save, or check it again, then submit again."
        )
    if last in ("not yet", "no longer correct") and verdict.status == "correct":
        return f"{task} failed its last check, and is correct in the saved file."
    return ""


# --- without running it ------------------------------------------------------------------------


def _kept_statuses(released: Released, found: dict, last: dict[str, str]) -> dict[str, str]:
    """The status of each task from the saved outputs of its two cells and its last check."""
    statuses = {}
    for task in tasks(released.name):
        if _is_untouched(released, found, f"{task}-answer"):
            statuses[task] = "not attempted"
            continue
        cells = found[f"{task}-answer"][0], found[task][0]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        raised = {o.get("ename") for o in outputs if o.get("output_type") == "error"}
        if raised - {"NotYet", "NotAttempted"}:
            statuses[task] = "not run to the end"
        elif "NotYet" in raised or "not yet" in map(_shown_status, outputs):
            statuses[task] = "not yet"
        else:
            known = ("correct", "not yet", "no longer correct")
            statuses[task] = last[task] if last.get(task) in known else "not checked"
    return statuses


def _shown_status(output: dict) -> str | None:
    """What a check showed to a person, for whom it does not raise."""
    return (output.get("metadata", {}).get("tlcourse") or {}).get("status")


def _is_untouched(released: Released, found: dict, grade_id: str) -> bool:
    """Whether an answer's cell is as it was handed out."""
    given = released.nbgrader_cells[grade_id]["source"]
    return content.source_of(found[grade_id][0]).strip() == given.strip()


# --- the notebook ------------------------------------------------------------------------------


def _find_notebook(folder: Path, released: Released, advice: str) -> tuple[Path, list[str]]:
    """The notebook of a set, whatever the learner has called it, and a remark if need be."""
    path = folder / released.notebook.relative_to(content.folder())
    is_there = path.is_file()
    if is_there and mark_of(path.read_bytes()) != mark_of(released.data):
        return path, []
    others = [
        other
        for other in sorted(path.parent.glob("*.ipynb"))
        if other != path and not _COPIES.search(other.stem) and _is_of(other, released)
    ]
    if len(others) == 1:
        why = "is as it was handed out" if is_there else "is not there"
        return others[0], [f"{others[0].name} is handed in, for {path.name} {why}."]
    if is_there:
        return path, []
    if others:
        names = " or ".join(other.name for other in others)
        raise CourseError(f"{path} is missing: rename the right one, {names}, to {path.name}.")
    raise CourseError(f"{path} is missing: {advice}.")


def _is_of(path: Path, released: Released) -> bool:
    """Whether a notebook is one of this set that somebody has worked on."""
    data = path.read_bytes()
    named = re.search(rf"""exercise\(\s*\\?["']{released.name}""".encode(), data)
    return named is not None and mark_of(data) != mark_of(released.data)


def _read_notebook(path: Path, advice: str) -> dict:
    try:
        notebook = json.loads(path.read_bytes())
        if not all(isinstance(cell["metadata"], dict) for cell in notebook["cells"]):
            raise ValueError
        if not all(isinstance(cell["cell_type"], str) for cell in notebook["cells"]):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise CourseError(f"{path.name} is not a notebook that can be read: {advice}.") from None
    return notebook


def _edition(notebook: dict) -> int | str:
    """The edition that an exercise carries in its metadata."""
    try:
        return notebook["metadata"]["tlcourse"]["edition"]
    except (KeyError, TypeError):
        return "unknown"
