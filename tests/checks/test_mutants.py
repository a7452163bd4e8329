"""A sample of the mutants, and what makes and judges them."""

import json

import numpy as np
import pytest

from tests.checks import answers
from tlcourse.checks import sets, tasks
from tools import mutants

KERAS = ("repaired", "trained", "cached", "measured")  # tasks of sets 04 and 05 that take longer
SEED = 21  # of the sample: another number asks for others


def sample(name):
    """Up to two mutants of each task of a set that is quick to judge."""
    rng, known = np.random.default_rng(SEED), mutants.equivalent()
    for task in tasks(name).values():
        if name in ("ex04", "ex05") and task.name in KERAS:
            continue
        every = [
            mutant
            for mutant in mutants.of_task(name, task)
            if (name, task.name, mutant.change) not in known
        ]
        yield from (every[i] for i in rng.permutation(len(every))[:2])


@pytest.mark.parametrize("name", sets())
def test_a_sample_of_mutants_is_refused_whatever_is_drawn(name):
    assert [m for m in sample(name) if mutants.survives(m, seeds=5) is not None] == []


def test_what_is_listed_as_equivalent_is_a_mutant_and_has_a_reason():
    made = {
        (name, task.name, mutant.change)
        for name in sets()
        for task in tasks(name).values()
        for mutant in mutants.of_task(name, task)
    }
    assert set(mutants.equivalent()) <= made
    assert all(len(reason) > 10 for reason in mutants.equivalent().values())


CODE = """def f(x, n):
    y = x[0] + 1
    ### BEGIN SOLUTION
    if n < 3 and not x.any():
        y = x[1:].max(axis=1)
    ### END SOLUTION
    return y * 2"""


def test_each_place_of_a_solution_is_changed_once_and_nothing_outside_of_it():
    made = {change for change, _ in mutants.of_code(CODE)}
    assert made == {
        "if n < 3 or not x.any():",
        "if n <= 3 and (not x.any()):",
        "if n > 3 and (not x.any()):",
        "if n < 4 and (not x.any()):",
        "if n < 2 and (not x.any()):",
        "if n < 3 and x.any():",
        "if n < 3 and (not x.all()):",
        "if not (n < 3 and (not x.any())):",
        "y = x[2:].max(axis=1)",
        "y = x[0:].max(axis=1)",
        "y = x[:].max(axis=1)",
        "y = x[1:].min(axis=1)",
        "y = x[1:].max(axis=2)",
        "y = x[1:].max(axis=0)",
        "y = x[1:].max()",
    }
    assert all("x[0] + 1" in code and "y * 2" in code for _, code in mutants.of_code(CODE))


def test_of_an_order_every_line_is_moved_left_out_and_replaced():
    made = {"".join(o) for o in mutants.of_order(list("ABC"), dict.fromkeys("ABCX"))}
    assert made == {"BC", "AC", "AB", "BAC", "BCA", "ACB", "CAB", "XBC", "AXC", "ABX"}


def test_one_that_is_right_survives_and_one_that_does_not_end_is_killed():
    code = answers("solutions", "ex01")["gradient"]
    right = mutants.Mutant("ex01", "gradient", "", code)
    assert mutants.survives(right) == 0
    loop = "def gradient(theta, x, y):\n    while True:\n        pass"
    assert mutants.survives(mutants.Mutant("ex01", "gradient", "", loop), seeds=1) is None


def listed(path, text):
    path.write_text(text)
    return path


def test_the_last_line_counts_and_a_stale_entry_or_a_survivor_is_an_error(
    tmp_path, monkeypatch, capsys
):
    def of_task(name, task):
        for change in ("a", "b", "c") if task.name == "softmax" else ():
            yield mutants.Mutant(name, task.name, change, f"# {change}")

    asked = []
    monkeypatch.setattr(mutants, "of_task", of_task)
    monkeypatch.setattr(
        mutants, "survives", lambda m: asked.append(m.change) or (3 if m.change == "b" else None)
    )
    store, path = tmp_path / "store", tmp_path / "equivalent.toml"
    right = listed(path, '[ex02.softmax]\n"b" = "the same numbers"\n')
    assert mutants.main(["ex02"], store, right) == 0
    counts = {"ex02": {"mutants": 3, "killed": 2, "equivalent": 1}}
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == counts
    assert mutants.main(["ex2"], store, listed(path, "")) == 1
    assert "ex02.softmax accepts (seed 3): b" in capsys.readouterr().out
    stale = listed(path, '[ex02.softmax]\n"b" = "the same numbers"\n"c" = "no reason"\n')
    assert mutants.main(["ex02"], store, stale) == 1
    assert "lists what does not survive: c" in capsys.readouterr().out
    assert asked == ["a", "b", "c"]  # what is known is not asked again
    (store / "ex02.json").write_text("{broken")
    right = listed(path, '[ex02.softmax]\n"b" = "the same numbers"\n')
    assert mutants.main(["ex02"], store, right) == 0
    assert asked == ["a", "b", "c"] * 2
    assert mutants.main(["ex77"], store, right) == 2
    assert "There is no notebook 'ex77'; there are: ex01" in capsys.readouterr().err
