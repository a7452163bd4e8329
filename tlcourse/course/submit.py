"""Handing in: a set's notebook is checked for wholeness and packed into one file."""

import io
import json
import zipfile
from pathlib import Path

from tlcourse import progress
from tlcourse.course import content
from tlcourse.course.workspace import require_copy
from tlcourse.files import CourseError, explain_os_errors, write


def submit(folder: Path, name: str) -> tuple[Path, dict[str, str], bool]:
    """Check that a set's notebook is whole, and write the one file to hand in.

    Parameters
    ----------
    folder : Path
        The learner's.
    name : str
        Of the set, "ex02".

    Returns
    -------
    zip : Path
        `ex02-submission.zip` in the folder, which holds the notebook and nothing else.
    open_tasks : dict of str
        What is not done, by task (the open question by its heading): "not attempted"; "not run to
        the end" if the answer or its check raised an error of its own; "not checked"; or "not yet".
    replaced : bool
        Whether there was an earlier zip.

    Raises
    ------
    CourseError
        If the notebook is missing, unreadable or not whole.
    """
    released = content.released(name)
    name = released.name
    path = folder / released.notebook.relative_to(content.folder())
    require_copy(folder)
    advice = f"tlcourse reset {name} gives a fresh one, and keeps this one beside it to copy from"
    if not path.is_file():
        raise CourseError(f"{path} is missing: {advice}.")
    with explain_os_errors(folder, "--folder"):
        mine = _read_notebook(path, advice)
        found = content.nbgrader_cells(mine["cells"])
        if (yours := _edition(mine)) != released.edition:
            advice += f" (it is edition {yours}, and the course holds edition {released.edition})"
        for grade_id in released.nbgrader_cells:
            count = len(found.get(grade_id, []))
            if count != 1:
                what = "is missing" if count == 0 else f"is there {count} times"
                raise CourseError(f"In {path.name} the cell {grade_id!r} {what}: {advice}.")
        checked = progress.read(folder).get(name, {})
        open_tasks = {}
        for grade_id in released.answers:
            task = grade_id.removesuffix("-answer")
            given = released.nbgrader_cells[grade_id]
            answer, check = found[grade_id][0], found.get(task, [None])[0]
            if content.source_of(answer).strip() == given["source"].strip():
                status = "not attempted"
            elif task == grade_id:  # the open question
                continue
            else:
                status = _status(answer, check, checked.get(task))
            if status != "correct":
                open_tasks[released.headings[task] if task == grade_id else task] = status
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
        target = folder / f"{name}-submission.zip"
        replaced = target.exists()
        write(target, packed.getvalue())
    return target, open_tasks, replaced


def _status(answer: dict, check: dict, best: str | None) -> str:
    """The status of a task, from the saved outputs of its two cells and its best check so far."""
    outputs = answer.get("outputs", []) + check.get("outputs", [])
    raised = [output.get("ename") for output in outputs if output.get("output_type") == "error"]
    if set(raised) - {"NotYet", "NotAttempted"}:
        return "not run to the end"
    shown = [output.get("metadata", {}).get("tlcourse") or {} for output in outputs]
    if "NotYet" in raised or any(about.get("status") == "not yet" for about in shown):
        return "not yet"
    return best if best in ("correct", "not yet") else "not checked"


def _read_notebook(path: Path, advice: str) -> dict:
    try:
        notebook = json.loads(path.read_bytes())
        if not all(isinstance(cell["metadata"], dict) for cell in notebook["cells"]):
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
