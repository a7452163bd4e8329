"""What a class gets wrong: for each task how many made it, the sentences they read, what to say.

One page with plots, to open before the next lecture; it needs no internet, and names no student.
"""

import io
import math
from collections import Counter
from dataclasses import dataclass, field

from markupsafe import Markup, escape

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
        plots=_plots(in_order, points, maximum) if points else "",
    )
    return html.encode()


# --- plots -------------------------------------------------------------------------------------


def _plots(found: list[Lesson], points: list[float], maximum: float) -> Markup:
    """How many made each task, and how many points they have: one figure, as part of a page."""
    from matplotlib.figure import Figure

    from tlcourse.plotting import WIDTH

    heights = 0.5 + 0.35 * len(found), 2.2
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.8))
    above, below = figure.subplots(2, height_ratios=heights)
    left = [0] * len(found)
    for state, color in _COLORS.items():
        counts = [one.counts[state] for one in found]
        names = [one.name for one in found]
        bars = above.barh(names, counts, left=left, color=color, label=state, edgecolor="white")
        shown = [f"{n}" if n else "" for n in counts]
        ink = "white" if state == "correct" else "black"
        above.bar_label(bars, shown, label_type="center", fontsize=9, color=ink)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    above.invert_yaxis()
    above.set_xlabel("students")
    above.grid(axis="y", visible=False)
    above.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    step = min(10, maximum)
    edges = [step * i - step / 2 for i in range(math.ceil(maximum / step) + 2)]
    counts, _, bars = below.hist(points, edges, color=_COLORS["correct"], edgecolor="white")
    below.bar_label(bars, [f"{n:g}" if n else "" for n in counts], fontsize=9)
    below.set_xlabel(f"points of {maximum:g}, without the open question")
    below.set_ylabel("students")
    below.yaxis.get_major_locator().set_params(integer=True)
    below.grid(axis="x", visible=False)
    worst = max(found, key=lambda one: one.failed)
    alt = f"Students by task: {worst.name} was missed most often, by {worst.failed}. "
    return _svg(figure, f"{alt}Students by points: the median is {_median(points):g}.")


def _median(points: list[float]) -> float:
    return sorted(points)[len(points) // 2]


def _svg(figure, alt: str) -> Markup:
    """A figure as part of a page, with its alternative text."""
    import matplotlib

    stream = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": alt, "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata=nothing)
    markup = stream.getvalue()
    markup = markup[markup.index("<svg") :]
    described = f'<svg role="img" aria-label="{escape(alt)}" class="plot" '
    return Markup(markup.replace("<svg ", described, 1))
