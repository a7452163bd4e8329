"""Where in a notebook an answer is asked; the source alone decides, and nothing of it runs."""

import time

import pytest

from tlcourse.checks.reached import parsed
from tlcourse.course.plan import Cell, plan

TASKS = ["softmax", "train", "order"]


def steps(*sources: str) -> list[tuple]:
    """The plan for code cells: ("run", source), or (task, argument)."""
    made = plan([Cell("code", source) for source in sources], [], TASKS, [])
    return [(step.task or "run", step.source) for step in made.steps]


def asked(source: str) -> list[tuple]:
    """What is asked in a cell."""
    return [step for step in steps(source) if step[0] != "run"]


def test_an_answer_is_asked_at_the_last_cell_that_checks_it():
    assert steps(
        "a = 1", "ex.softmax.check(softmax)", "b = 2", "ex.softmax.check(softmax)", "c"
    ) == [
        ("run", "a = 1"),
        ("run", "ex.softmax.check(softmax)"),
        ("run", "b = 2"),
        ("softmax", "softmax"),
        ("run", "c"),
    ]


def test_a_cell_is_divided_where_a_check_stands_and_keeps_its_line_numbers():
    cell = "a = 1\nex.softmax.check(softmax)\nb = 2\n\nex.train.check(\n    train\n)\n\nc = 3"
    made = plan([Cell("code", cell)], [], TASKS, [])
    assert [(step.task, step.source, step.is_first) for step in made.steps] == [
        ("", "a = 1", True),
        ("softmax", "softmax", False),
        ("", "#\n#\nb = 2\n", False),
        ("train", "train", False),
        ("", "#\n#\n#\n#\n#\n#\n#\n\nc = 3", False),
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("ex.softmax.check(softmax)", "softmax"),
        ("ex.softmax.check(softmax);", "softmax"),
        ("ex . softmax . check ( softmax )", "softmax"),
        ("ex.softmax.check(answer=softmax, *more)", None),
        ("ex.softmax.check(softmax)  # the check", "softmax"),
        ("ex.softmax\\\n.check(softmax)", "softmax"),
        ("task = ex.softmax.check(softmax)", "softmax"),
        ("exercise('ex02', edition=1).softmax.check(softmax)", "softmax"),
        ("import tlcourse as t; mine = t.exercise('ex02')\nmine.softmax.check(softmax)", "softmax"),
        ("aufgabe.softmax.check(my_softmax)", "my_softmax"),
        ("ex.softmax.check(lambda z: z / z.sum(1, keepdims=True))",
         "lambda z: z / z.sum(1, keepdims=True)"),
        ("try:\n    ex.softmax.check(softmax)\nexcept Exception:\n    pass", "softmax"),
        ("with np.errstate(all='ignore'):\n    ex.softmax.check(softmax)", "softmax"),
        ("if True:\n    ex.softmax.check(softmax)", "softmax"),
        ("if fast:\n    pass\nelse:\n    ex.softmax.check(softmax)", "softmax"),
        ("for f in (softmax,):\n    ex.softmax.check(f)", "f"),
        ("%%time\nex.softmax.check(softmax)", "softmax"),
        ("%%capture out\nex.softmax.check(softmax)", "softmax"),
        ("%time ex.softmax.check(softmax)", "softmax"),
        ("%timeit -n 1 -r 1 ex.softmax.check(softmax)", "softmax"),
        ("!ls\nfiles = !ls\n%matplotlib inline\nsoftmax?\nex.softmax.check(softmax)", "softmax"),
        ("if False:\n    ex.softmax.check(softmax)", None),
        ("while 0:\n    ex.softmax.check(softmax)", None),
        ("def later():\n    ex.softmax.check(softmax)", None),
        ("later = lambda: ex.softmax.check(softmax)", None),
        ("# ex.softmax.check(softmax)", None),
        ("'''\nex.softmax.check(softmax)\n'''", None),
        ("print('ex.softmax.check(softmax)')", None),
        ("%%bash\nex.softmax.check(softmax)", None),
        ("%%writefile x.py\nex.softmax.check(softmax)", None),
        ("ex.other.check(softmax)", None),
        ("ex.softmax.check()", None),
        ("check(softmax)", None),
        ("ex.softmax.hint()", None),
        ("ex.softmax.check(softmax", None),
    ],
)  # fmt: skip
def test_what_is_a_check(source, found):
    assert asked(source) == ([] if found is None else [("softmax", found)])


def test_what_shares_a_line_with_a_check_runs_before_it_is_asked():
    source = "a = 1; ex.softmax.check(softmax); b = 2\nc = 3"
    assert steps(source) == [
        ("run", "a = 1; ex.softmax.check(softmax); b = 2"),
        ("softmax", "softmax"),
        ("run", "#\nc = 3"),
    ]


def test_a_cell_of_text_and_an_unknown_task_ask_nothing():
    cells = [Cell("markdown", "ex.softmax.check(softmax)"), Cell("code", "ex.x.check(softmax)")]
    made = plan(cells, [], TASKS, [])
    assert [(step.task, step.cell) for step in made.steps] == [("", 2)]


HOSTILE = {
    "brackets": "(" * 90_000,
    "signs": "-" * 90_000 + "1",
    "attributes": "a" + ".b" * 40_000,
    "sums": "1+" * 45_000 + "1",
    "lambdas": "lambda:" * 14_000 + "1",
    "dicts": "{1:" * 30_000,
    "letters": "f'{" * 30_000,
    "spaces": "." + " " * 90_000 + "check\n!x",
    "questions": "? " * 45_000 + "x",
    "semicolons": "x;" * 40_000 + "x",
    "checks": "ex.softmax.check(a);" * 4_000 + "x",
    "long": "x\n" * 10**6,
    "null": "\0",
    "half": "\ud800",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_source_takes_no_time_and_ends_nothing(name):
    begin = time.process_time()
    steps(f"ex.softmax.check(softmax)\n{HOSTILE[name]}", "ex.train.check(train)")
    parsed(HOSTILE[name])
    assert time.process_time() - begin < 5


def test_a_cell_that_is_too_long_to_be_read_does_not_run_and_nothing_hides_in_it():
    hidden = "def softmax(z):\n    return scipy.special.softmax(z)\n" + "# " * 50_000
    (first, refused), second, third = steps(hidden, "a = 1", "ex.softmax.check(softmax)")
    assert (first, "too long" in refused, "scipy" in refused) == ("run", True, False)
    assert (second, third) == (("run", "a = 1"), ("softmax", "softmax"))


def test_a_notebook_that_is_too_long_ends_where_nobody_could_read_on():
    made = steps(*[f"x = {i}  {'#' * 70_000}" for i in range(6)], "b = 2")
    assert ["too long" in source for _, source in made] == [False] * 4 + [True] * 2 + [False]
