"""What a class gets wrong: for each task how many made it, the sentences they read, what to say.

One page with plots, to open before the next lecture; it needs no internet, and names no student.
"""

import math
from collections import Counter
from dataclasses import dataclass, field

from tlcourse.checks import tasks, title
from tlcourse.grading import lecturer
from tlcourse.grading.feedback import page_template, shortened

_STATES = ("correct", "not yet", "not attempted")
_COLORS = {"correct": "#0072B2", "not yet": "#E69F00", "not attempted": "#bbbbbb"}


@dataclass
class Lesson:
    """How a class did at one task.

    Attributes
    ----------
    name, title : str
    counts : dict of int
        Students by status: "correct", "not yet", "not attempted".
    mistakes : list of (str, int, list of (str, int))
        The property that failed, the students whom it failed, and the sentences that they read with
        the number of those who read it; the most frequent first.
    say, place : str
        What to say in the next lecture, and where the instructor's page has it.
    """

    name: str
    title: str
    counts: dict[str, int]
    mistakes: list[tuple[str, int, list[tuple[str, int]]]] = field(default_factory=list)
    say: str = ""
    place: str = ""

    @property
    def failed(self) -> int:
        return self.counts["not yet"] + self.counts["not attempted"]


def lessons(records: list[dict]) -> list[Lesson]:
    """How the class did at each task, the one that most got wrong first."""
    marked = [record for record in records if record["status"] == "marked"]
    if not marked:
        return []
    exercise = marked[0]["exercise"]
    advice, place = lecturer.advice(exercise), lecturer.place(exercise)
    made = []
    for name, task in tasks(exercise).items():
        verdicts = [record["tasks"].get(name, {"status": "not attempted"}) for record in marked]
        counts = Counter(verdict["status"] for verdict in verdicts)
        failed: dict[str, Counter] = {}
        for verdict in verdicts:
            if verdict["status"] == "not yet":
                which = verdict["failed"] or "it could not be tried to the end"
                failed.setdefault(which, Counter())[mistake(name, verdict)] += 1
        mistakes = [
            (which, read.total(), [(s, n) for s, n in read.most_common() if s])
            for which, read in sorted(failed.items(), key=lambda f: (-f[1].total(), f[0]))
        ]
        one = Lesson(name, task.title, {state: counts[state] for state in _STATES}, mistakes)
        one.say, one.place = advice.get(name, ""), f"{place}: {name}"
        made.append(one)
    return sorted(made, key=lambda one: -one.failed)  # in the order of the set where they are level


def mistake(name: str, verdict: dict) -> str:
    """The sentence on what is wrong, without the call and what came back; "" if there is none."""
    reason, _, call = verdict["message"].partition("; ")
    if not call and reason.startswith(f"{name}("):
        return ""  # the call alone
    return shortened(" ".join(reason.split()), 200)


def text(records: list[dict], most: int = 3) -> str:
    """The tasks that at least a third got wrong, for a terminal: what they read, what to say."""
    found = lessons(records)
    count = sum(record["status"] == "marked" for record in records)
    lines = []
    for one in [one for one in found if one.failed >= count / 3][:most]:
        lines.append(f"{one.name}: {one.counts['correct']} of {count} made it.")
        for which, number, read in one.mistakes[:2]:
            sentence = f": {shortened(read[0][0], 100)} ({read[0][1]} read it)" if read else ""
            lines.append(f"  {number} failed at {which!r}{sentence}")
        lines.append(f"  Say: {one.say}" if one.say else f"  {one.place}")
    return "\n".join(["What your class gets wrong", *lines]) if lines else ""


def page(records: list[dict]) -> bytes:
    """The page; the same bytes for the same records."""
    found = lessons(records)
    marked = [record for record in records if record["status"] == "marked"]
    exercise = records[0]["exercise"]
    points = [sum(v["points"] for v in record["tasks"].values()) for record in marked]
    maximum = sum(task.points for task in tasks(exercise).values())
    in_order = sorted(found, key=lambda one: list(tasks(exercise)).index(one.name))
    html = page_template("class.html.j2").render(
        exercise=exercise,
        title=title(exercise),
        handed_in=len(records),
        marked=len(marked),
        lessons=found,
        maximum=maximum,
        middle=f"{_median(points):g}" if points else "",
        plots=_plots(in_order, points, maximum) if points else None,
    )
    return html.encode()


# --- plots -------------------------------------------------------------------------------------

_WIDTH, _NAMES = 720, 170  # of the figure, and of the names of the tasks in it, in its own units
_ROW, _HIGHEST = 26, 110  # of a task, and of the most frequent number of points
_DIGIT = 9  # of a digit: where a number does not fit into its bar, it is in the text below


def _plots(found: list[Lesson], points: list[float], maximum: float) -> dict:
    """Where the bars of the two plots are: how many made each task, and who has how many points.

    They are a few rectangles, which the page's template draws; to import Matplotlib for them would
    take longer than to mark ten students.
    """
    scale = (_WIDTH - _NAMES) / len(points)
    rows = []
    for one in found:
        bars, x = [], float(_NAMES)
        for state in _STATES:
            count, width = one.counts[state], one.counts[state] * scale
            if count:
                shown = count if width > _DIGIT * (len(str(count)) + 1) else ""
                bars.append({"state": state, "x": x, "width": width, "count": shown})
            x += width
        rows.append((one.name, bars))
    step = min(10, maximum)
    counts = Counter(math.floor(p / step + 0.5) for p in points)
    places = range(math.ceil(maximum / step) + 1)
    columns = [(f"{step * i:g}", counts[i], _HIGHEST * counts[i] / max(counts.values()))
               for i in places]  # fmt: skip
    worst = max(found, key=lambda one: one.failed)
    alt = f"Students by task: {worst.name} was missed most often, by {worst.failed}. "
    alt += f"Students by points: the median is {_median(points):g}."
    return {
        "rows": rows, "columns": columns, "alt": alt, "colors": _COLORS,
        "width": _WIDTH, "names": _NAMES, "row": _ROW, "highest": _HIGHEST,
    }  # fmt: skip


def _median(points: list[float]) -> float:
    return sorted(points)[len(points) // 2]
