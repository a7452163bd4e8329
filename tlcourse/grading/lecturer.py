"""What a lecturer needs at hand: what to say of each task, a rubric, and standard comments."""

import re
import tomllib
from functools import cache
from pathlib import Path

from tlcourse.files import CourseError, explain_os_errors, write

COMMENTS = "comments.toml"  # in the folder of the marks
_KEY = re.compile(r"\[([\w-]{1,40})\]")
_HEAD = """# Standard comments on the open questions. In formgrader, write [key] into the comment,
# and the student reads the sentence. Change them, and add your own: this file stays as it is.
"""


@cache
def _all() -> dict:
    return tomllib.loads(Path(__file__).with_name("lecturer.toml").read_text("utf-8"))


def advice(exercise: str) -> dict[str, str]:
    """What to say in the next lecture, by task."""
    return _all().get(exercise, {}).get("say", {})


def place(exercise: str) -> str:
    """Where the instructor's page, of the site that `make site` makes, answers it."""
    return f"site/teach/{exercise[2:]}.html, What to say, task by task"


def rubric(exercise: str) -> dict[str, int]:
    """The criteria of the open question, with the points of each."""
    return _all().get(exercise, {}).get("rubric", {})


def standard_comments(exercise: str) -> dict[str, str]:
    """The comments on the open question that come with the course, by their keys."""
    return _all().get(exercise, {}).get("comments", {})


def comments(marks: Path, exercise: str) -> dict[str, str]:
    """The standard comments by their keys; a file with them is made where there is none.

    Raises
    ------
    CourseError
        If the lecturer's file cannot be read.
    """
    path = marks / COMMENTS
    if not path.exists():
        lines = [_HEAD]
        for name, found in _all().items():
            lines.append(f"[{name}]")
            lines += [f'{key} = "{text}"' for key, text in found["comments"].items()]
            lines.append("")
        with explain_os_errors(marks, "--out"):
            write(path, "\n".join(lines).encode())
    try:
        found = tomllib.loads(path.read_text("utf-8"))
        own = {**found, **found.get(exercise, {})}
        return {key: text for key, text in own.items() if isinstance(text, str)}
    except (OSError, ValueError) as error:
        raise CourseError(
            f"{path} cannot be read ({error}): mend that line, or delete the file to get the "
            "standard comments back."
        ) from None


def written_out(comment: str | None, known: dict[str, str]) -> str | None:
    """A comment in which the sentence stands for each key that is known."""
    return comment and _KEY.sub(lambda found: known.get(found[1], found[0]), comment)
