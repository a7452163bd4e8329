"""Submissions of ex02 that attack the marker, and honest ones that are a mess.

Each is a function that edits a solved notebook, or writes files of its own. Its docstring says what
it tries; its decorator says which tasks it gets no points for, and how often it uses up the time
limit. An attack that must read or write something first gives right answers only if it could.
"""

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from textwrap import dedent, indent

from tests.checks import answers, notebook
from tlcourse.checks import tasks

EXERCISE = "ex02"
TASKS = tuple(tasks(EXERCISE))
FILE = notebook("exercises", EXERCISE).name
GROUPS = (
    "forging",
    "socket",
    "killing",
    "resources",
    "reading",
    "writing",
    "network",
    "mess",
    "files",
)

WRONG = {
    "softmax": "def softmax(z):\n    return z",
    "cross_entropy": "def cross_entropy(z, labels):\n    return 0.5",
    "logit_gradient": "def logit_gradient(z, labels):\n    return z",
    "two_logits": "def two_logits(z):\n    return np.stack([z, z], axis=1)",
    "smooth_targets": "def smooth_targets(labels, k, epsilon):\n    return np.eye(k)[labels]",
    "train": "def train(x, labels, k, alpha, steps):\n    return np.zeros((x.shape[1], k))",
    "chance": "chance = {'predicted': [1.0, 1.0, 1.0], 'measured': [1.0, 1.0, 1.0]}",
    "order": "order = ['A', 'B']",
}


@dataclass(frozen=True)
class World:
    """Where a submission is written, and what an attacker may have guessed of the machine."""

    folder: Path  # of this student
    submissions: Path
    marks: Path
    port: int = 0  # on which something listens
    socket: str = ""  # an abstract socket on which something listens


@dataclass(frozen=True)
class Attack:
    """A submission, and the marks that are right for it."""

    name: str
    says: str
    write: Callable[[World], None]
    wrong: frozenset[str]
    hangs: int
    unreadable: str

    @property
    def correct(self) -> set[str]:
        """The tasks that get points."""
        return set() if self.unreadable else set(TASKS) - self.wrong


_FOUND: dict[str, list[Attack]] = {}


def _register(function, write, wrong: Iterable[str], hangs: int, unreadable: str) -> None:
    group = function.__module__.rpartition(".")[2]
    name = f"{group}-{function.__name__.replace('_', '-')}"
    wrong = frozenset([wrong] if isinstance(wrong, str) else wrong)
    assert wrong <= set(TASKS), name
    attack = Attack(name, function.__doc__, write, wrong, hangs, unreadable)
    _FOUND.setdefault(group, []).append(attack)


def edits(wrong: Iterable[str] = (), *, hangs: int = 0):
    """A function that edits a solved notebook.

    Parameters
    ----------
    wrong : str or iterable of str
        The tasks that get no points.
    hangs : int
        How often it uses up the time that a cell or a call may take.
    """

    def register(function: Callable[["Book"], None]):
        def write(world: World) -> None:
            book = Book(world)
            function(book)
            book.save()

        _register(function, write, wrong, hangs, "")
        return function

    return register


def writes(unreadable: str = "", *, wrong: Iterable[str] = (), hangs: int = 0):
    """A function that writes a student's folder itself.

    Parameters
    ----------
    unreadable : str
        A piece of the reason, if the submission cannot be read.
    """

    def register(function: Callable[[World], None]):
        _register(function, function, wrong, hangs, unreadable)
        return function

    return register


def every() -> list[Attack]:
    """The whole corpus, group by group."""
    for group in GROUPS:
        import_module(f"{__name__}.{group}")
    return [attack for group in GROUPS for attack in _FOUND[group]]


# --- notebooks ---------------------------------------------------------------------------------


@cache
def _handed_out() -> dict:
    return json.loads(notebook("exercises", EXERCISE).read_text("utf-8"))


def right(task: str) -> str:
    """The answer of the solution, without the marks around it."""
    lines = answers("solutions", EXERCISE)[task].splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("###"))


class Book:
    """A learner's notebook, solved at first."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world
        self.nb = deepcopy(_handed_out())
        for task in TASKS:
            self.answer(task, right(task))

    @property
    def cells(self) -> list[dict]:
        return self.nb["cells"]

    def place(self, grade_id: str) -> int:
        """Where the cell of this id stands."""
        ids = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in self.cells]
        return ids.index(grade_id)

    def cell(self, grade_id: str) -> dict:
        return self.cells[self.place(grade_id)]

    def answer(self, task: str, source: str) -> None:
        """Replace an answer."""
        self.cell(f"{task}-answer")["source"] = dedent(source).strip("\n")

    def wrong(self, *names: str) -> None:
        """Answer wrongly: these tasks, or all."""
        for task in names or TASKS:
            self.answer(task, WRONG[task])

    def first(self, source: str) -> None:
        """A code cell before all others."""
        self.cells.insert(0, code(source))

    def last(self, source: str) -> None:
        """A code cell behind all others."""
        self.cells.append(code(source))

    def before(self, task: str, source: str) -> None:
        """A code cell before an answer."""
        self.cells.insert(self.place(f"{task}-answer"), code(source))

    def softmax(self, body: str) -> None:
        """Replace the body of softmax; `right(z)` is the right answer."""
        body = indent(dedent(body).strip("\n"), "    ")
        exact = right("softmax").replace("def softmax", "def right")
        self.answer("softmax", f"{exact}\n\n\ndef softmax(z):\n{body}")

    def softmax_if(self, look: str) -> None:
        """Softmax is right only if the function `look`, which is defined here, finds something."""
        self.before("softmax", look)
        self.softmax("""
            found = look()
            if not found:
                raise LookupError("nothing to be found")
            return right(z)
        """)

    def save(self, name: str = FILE) -> Path:
        path = self.world.folder / name
        path.write_text(json.dumps(self.nb), "utf-8")
        return path


def code(source: str, **metadata) -> dict:
    """A code cell of the learner's own."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": dedent(source).strip("\n"),
    }
