"""The walk through a notebook: what runs, what runs again, and what is asked when."""

import numpy as np

from tlcourse.checks import holds, task
from tlcourse.checks.asking import call, find
from tlcourse.course.plan import Cell, plan
from tlcourse.course.walk import Ended, Walk

HINTS = ("Why?", "Look.", "So.")


@task(*HINTS)
def one(answer, rng):
    """One."""
    yield holds("is one", answer() == 1)


@task(*HINTS)
def two(answer, rng):
    """Two, whatever it is drawn from."""
    drawn.append(rng.integers(1000))
    yield holds("is two", answer() == 2)


TASKS = {"one": one, "two": two}
drawn = []


class Session:
    """A session in this process; a cell or call that raises SystemExit ends it."""

    cpu = imported = 0.0

    def __init__(self, log: list) -> None:
        self.log, self.names, self.answer, self.is_over = log, {}, None, False
        log.append("start")

    def ask(self, seconds, op, **request):
        assert not self.is_over
        try:
            if op == "run":
                self.log.append(request["source"])
                exec(request["source"], self.names)
            elif op == "call":
                reply = call(self.answer, request["arguments"])
                if "SystemExit" in reply.get("failure", ""):
                    raise SystemExit
                return reply
            else:
                self.answer = eval(request["sources"][0], self.names)
                return find(self.answer, request["name"], request["kind"], ())
        except SystemExit:
            self.is_over = True
            raise Ended("the whole process ends") from None
        except NameError as error:
            return {"missing": True} if op == "find" else {"error": f"{error}", "again": True}
        except Exception as error:
            return {"error": f"{error}", "again": False}
        return {"error": ""}

    def seconds_used(self):
        return 0.0

    def close(self):
        self.is_over = True


def walked(*cells: str):
    """The statuses of both tasks, what has run, and the errors of cells."""
    log = []
    made = plan([Cell("code", cell) for cell in cells], [], list(TASKS), [])
    walk = Walk(made, lambda _: Session(log), imports=0, cell_seconds=1, seconds=1000)
    found = walk.verdicts(TASKS, lambda name: np.random.default_rng(len(name)))
    return [found[name].status for name in TASKS], log, walk.errors


ONE, TWO = "def one(): return 1", "def two(): return 2"
CHECKS = "ex.one.check(one)", "ex.two.check(two)"


def test_later_cells_spoil_nothing():
    statuses, log, _ = walked(ONE, CHECKS[0], "one = 5", TWO, CHECKS[1], "del one, two")
    assert statuses == ["correct", "correct"]
    assert log.count("start") == 1


def test_after_an_end_the_cells_run_again_up_to_the_check_without_what_ended_it():
    dies = "def one(): raise SystemExit"
    statuses, log, errors = walked(dies, CHECKS[0], TWO, "raise SystemExit", "x = 1", CHECKS[1])
    assert statuses == ["not yet", "correct"]
    assert log == [
        "start",
        dies,
        "start",
        dies,
        TWO,
        "raise SystemExit",
        "start",
        dies,
        TWO,
        "x = 1",
    ]
    assert errors == {4: "the whole process ends"}


def test_a_verdict_that_was_reached_stays_when_all_ends_later():
    statuses, _, _ = walked(ONE, CHECKS[0], TWO, CHECKS[1], "raise SystemExit", "one = two = 5")
    assert statuses == ["correct", "correct"]


def test_what_is_not_there_yet_is_asked_once_more_at_the_end():
    later = "def one(): return helper()"
    statuses, log, _ = walked(CHECKS[1], "y = z", later, CHECKS[0], TWO, "def helper(): return z",
                              "z = 1")  # fmt: skip
    assert statuses == ["correct", "correct"]
    assert log[-1] == "y = z"  # what lacked a name has run once more
    assert walked(ONE, TWO)[0] == ["correct", "correct"]  # no checks at all


def test_what_fails_its_check_is_not_asked_again():
    wrong = "def one(): return 5"
    assert walked(wrong, CHECKS[0], ONE, TWO)[0] == ["not yet", "correct"]


def test_behind_an_error_in_its_cell_a_check_is_not_reached():
    assert walked(ONE, "1 / 0\nex.one.check(one)", "one = 5", TWO)[0] == ["not yet", "correct"]


def test_each_time_a_task_is_asked_with_the_same_numbers():
    drawn.clear()
    walked("def two(): return missing", CHECKS[1], "missing = 2")
    walked(TWO)
    assert len(drawn) == 3
    assert len(set(drawn)) == 1
