"""What is written about one submission: the notebook for formgrader, and the student's page.

Every text of a learner is hostile here: it is shown to a person, by formgrader without a filter.
"""

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path

import jinja2

from tlcourse.checks import tasks, title
from tlcourse.course.content import Released, grade_id
from tlcourse.grading import lecturer
from tlcourse.grading.standing import UNREADABLE, Standing, rounded

LINE = 1_000  # characters of a learner's text that are kept: of a message,
_CELL, _ANSWER = 20_000, 5_000  # of a cell, and of the answer to the open question
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


# --- for formgrader ----------------------------------------------------------------------------


def notebook(released: Released, record: dict) -> bytes:
    """A learner's notebook as formgrader opens it: the learner's text, the marker's verdicts."""
    written = record["notebook"]
    cells = []
    if record["status"] != "marked":
        written = [(c["cell_type"], c["source"], grade_id(c)) for c in released.cells]
        reason = f"**{UNREADABLE}**" + shortened(record["reason"], LINE)
        cells.append({"cell_type": "markdown", "metadata": {}, "source": _harmless(reason)})
    left, handed_out = dict(released.nbgrader_cells), {cell["source"] for cell in released.cells}
    for kind, source, name in written:
        source = shortened(source, _CELL)
        if marked := left.pop(name, None):
            cells.append(_marked_cell(marked, source, record["tasks"].get(name)))
            if name == released.open_question and record["status"] == "marked":
                cells += _rubric_cells(released)
        else:
            if kind != "code" and source not in handed_out:
                source = _harmless(source)
            cells.append({"cell_type": kind, "metadata": {}, "source": source})
    for name, marked in left.items():
        if marked["metadata"]["nbgrader"]["grade"]:
            cells.append(_marked_cell(marked, marked["source"], record["tasks"].get(name)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": cell.get("outputs", [])}
    made = {"cells": cells, "metadata": released.metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _rubric_cells(released: Released) -> list[dict]:
    """What formgrader shows under the open question: criteria, and the keys of comments."""
    criteria = lecturer.rubric(released.name)
    if not criteria:
        return []
    lines = [f"- {points} for: {text}" for text, points in criteria.items()]
    text = "**Rubric; the student reads it once you have entered points**\n\n" + "\n".join(lines)
    keys = ", ".join(f"`[{key}]`" for key in lecturer.standard_comments(released.name))
    text += f"\n\nIn the comment, {keys} stand for the sentences in `{lecturer.COMMENTS}`."
    return [{"cell_type": "markdown", "metadata": {}, "source": text}]


def _marked_cell(given: dict, source: str, verdict: dict | None) -> dict:
    """A cell that nbgrader knows: type, metadata and a check's text are those handed out."""
    about, kind = given["metadata"]["nbgrader"], given["cell_type"]
    if about["locked"]:
        source = given["source"]
    elif kind != "code":
        source = _harmless(source)
    metadata = {
        k: given["metadata"][k] for k in ("deletable", "editable") if k in given["metadata"]
    }
    cell = {"cell_type": kind, "metadata": metadata | {"nbgrader": about}, "source": source}
    if verdict and kind == "code":
        text = _verdict_text(verdict, about.get("points", 0))
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": text}]
    return cell


def _verdict_text(verdict: dict, points: float) -> str:
    """A verdict as text."""
    lines = [f"{verdict['status']}: {verdict['points']:g} of {points:g} points"]
    lines += [f"✔ {name}" for name in verdict["passed"]]
    message = shortened(verdict["message"], LINE)
    if verdict["failed"]:
        lines.append(f"✘ {verdict['failed']}")
    if message and verdict["status"] == "not yet":
        lines.append(f"  {message}")
    return "\n".join(lines) + "\n"


# --- for the student ---------------------------------------------------------------------------


def page(
    released: Released, record: dict, standing: Standing, comments: dict[str, str] | None = None
) -> bytes:
    """A student's page; `comments` are the standard ones, by their keys."""
    comments = comments or {}
    known, shown = tasks(released.name), []
    for name, most in released.points.items():
        if name == released.open_question:
            continue
        verdict = record["tasks"].get(name, {})
        comment = standing.comments.get(f"{name}-answer")
        shown.append(
            {
                "title": known[name].title if name in known else name,
                "status": verdict.get("status", "not marked"),
                "points": _points(standing.score(name), most),
                "by_hand": is_by_hand(standing.grades[name]),
                "before": verdict.get("from", ""),
                "passed": verdict.get("passed", ()),
                "failed": verdict.get("failed", ""),
                "message": shortened(verdict.get("message", ""), LINE),
                "comment": comment and lecturer.written_out(comment.manual_comment, comments),
            }
        )
    question = None
    if released.open_question:
        grade = standing.grades[released.open_question]
        question = {
            "answer": shortened(record["open_answer"], _ANSWER)
            if is_answered(released, record)
            else "",
            "points": _points(
                standing.score(released.open_question), released.points[released.open_question]
            ),
            "waits": grade.needs_manual_grade,
            "by_hand": is_by_hand(grade),
            "comment": lecturer.written_out(
                standing.comments[released.open_question].manual_comment, comments
            ),
            # Not before: whoever may hand in again would find the answer in it.
            "rubric": lecturer.rubric(released.name) if is_by_hand(grade) else {},
        }
    html = page_template("feedback.html.j2").render(
        exercise=released.name,
        title=title(released.name),
        student=shortened(record.get("name") or record["student"], 200),
        reason=shortened(record["reason"], LINE) if record["status"] != "marked" else "",
        version=shortened(record.get("version", ""), LINE),
        submitted=_date(standing.submission.timestamp),
        due=_date(standing.due),
        days_late=standing.days_late,
        penalty=rounded(standing.penalty),
        total=_points(standing.total, sum(released.points.values())),
        tasks=shown,
        errors=[(number, shortened(error, LINE)) for number, error in record["cells"][:50]],
        question=question,
    )
    return html.encode()


def is_by_hand(grade) -> bool:
    """Whether a person has entered points."""
    return grade.manual_score is not None or bool(grade.extra_credit)


def _points(points: float, most: float) -> str:
    return f"{rounded(points)} of {rounded(most)}"


def _date(date: datetime | None) -> str:
    return f"{date.day} {date:%B %Y, %H:%M} UTC" if date else ""


@cache
def page_template(name: str) -> jinja2.Template:
    """A template of a page, in which every text is escaped."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    return jinja2.Environment(loader=loader, **options).get_template(name)


# --- texts -------------------------------------------------------------------------------------


def shortened(text: str, most: int) -> str:
    """A learner's text without control characters and halves of characters, and shortened."""
    text = text[: most + 1].encode("utf-8", "replace").decode()
    text = _CONTROL.sub("�", text.replace("\r\n", "\n"))
    return text if len(text) <= most else f"{text[:most]} … (shortened)"


def _harmless(text: str) -> str:
    """Markdown in which there are no tags, links or images, which formgrader shows unfiltered."""
    return re.sub(r"<(?=[A-Za-z/!?])|\](?=[(:])|\\(?=href)", r"\g<0> ", text)


def is_answered(released: Released, record: dict) -> bool:
    """Whether something is written for the open question."""
    question = released.nbgrader_cells.get(released.open_question)
    stub = question["source"].strip() if question else ""
    return record["open_answer"].strip() not in ("", stub)
