"""Which submissions are alike."""

import random
import re
import time

import pytest

from tests.checks import ex02
from tests.grading.records import ANSWERS, HOSTILE, TASKS, record, unreadable
from tlcourse.grading import similarity

WORDS = re.findall(
    r"\w+",
    "because labels are softmax twice mean gradient rate learning first second third accuracy "
    "class rare always model network logits falls stays begins near chance weights zero small",
)


def honest(student: str, rng: random.Random) -> dict:
    """Someone's own work: for each task one of the many answers that the checks are tested with."""
    answers = {}
    for task, source in ANSWERS.items():
        _, edit, *_ = rng.choice([("", {}), *ex02.WRONG[task], *ex02.RIGHT[task]])
        if isinstance(edit, str):
            source = edit
        else:
            for old, new in edit.items():
                source = source.replace(old, new)
        answers[task] = source
    words = " ".join(rng.choices(WORDS, k=60))
    return record(student, answers=answers, open_answer=words)


def odd(student: str, rng: random.Random) -> dict:
    """Work in a way that nobody else has."""
    one = honest(student, rng)
    steps = [f"    a{i} = np.{rng.choice(dir(__import__('numpy')))}(z, {i})" for i in range(12)]
    one["answers"]["softmax"] = "\n".join(["def softmax(z):", *steps, "    return a3"])
    return one


def test_a_copy_is_found_also_under_other_names_and_the_others_are_not_listed():
    rng = random.Random(0)
    records = [honest(f"s{i:02}", rng) for i in range(60)]
    one = odd("one", rng)
    answers = {
        task: re.sub(r"\ba(\d+)\b", r"my_value_\1", source).replace("z, ", "z,   ")
        for task, source in one["answers"].items()
    }
    copy = record("two", answers=answers, open_answer=one["open_answer"].upper())
    found = similarity.similar([*records, one, odd("three", rng), copy, unreadable("four")])
    assert [pair[:2] for pair in found] == [("one", "two")]
    assert found[0][2] > 0.9


def test_short_and_forced_answers_are_not_similar():
    rng = random.Random(3)  # all solved as the lecturer does, each with an open answer of their own
    same = [record(f"s{i}", open_answer=" ".join(rng.choices(WORDS, k=60))) for i in range(30)]
    assert similarity.similar(same) == []
    empty = [record(f"s{i}", answers=dict.fromkeys(TASKS, ""), open_answer="") for i in range(2)]
    assert similarity.similar(empty) == []
    assert similarity.similar([]) == similarity.similar([record("ada")]) == []


def test_five_hundred_are_compared_also_with_a_monster_among_them():
    rng = random.Random(1)
    records = [odd(f"s{i:03}", rng) for i in range(500)]
    records[7] |= {"answers": records[400]["answers"]}
    records[9]["answers"]["train"] = "((" * 1_000_000 + HOSTILE
    start = time.process_time()
    found = similarity.similar(records)
    assert time.process_time() - start < 60  # each with each, piece by piece, would take far longer
    assert [pair[:2] for pair in found] == [("s007", "s400")]


@pytest.mark.parametrize("size", [2, 5, 6, 7, 13, 20, 27, 38])
@pytest.mark.parametrize("renamed", [False, True])
def test_a_ring_of_any_size_in_a_class_of_forty_is_found_and_nobody_else(size, renamed):
    rng = random.Random(size)
    source = odd("source", rng)
    records = [honest(f"s{i:02}", rng) for i in range(40 - size)]
    for i in range(size):
        answers = source["answers"]
        if renamed:
            answers = {t: re.sub(r"\ba(\d+)\b", rf"my{i}_\1", a) for t, a in answers.items()}
        records.append(record(f"ring{i:02}", answers=answers, open_answer=source["open_answer"]))
    rng.shuffle(records)
    pairs = similarity.similar(records)
    assert len(pairs) == size * (size - 1) // 2
    (group,) = similarity.groups(pairs)
    assert group == [f"ring{i:02}" for i in range(size)]


def test_two_rings_and_a_partial_copy_are_three_groups():
    rng = random.Random(5)
    records = [honest(f"s{i:02}", rng) for i in range(28)]
    for name, size in (("x", 7), ("y", 6)):
        source = odd(name, rng)
        for i in range(size):
            text = source["open_answer"]
            records.append(record(f"{name}{i}", answers=source["answers"], open_answer=text))
    one, other = odd("one", rng), honest("other", rng)
    other["answers"]["softmax"] = one["answers"]["softmax"]
    other["open_answer"] = one["open_answer"]
    found = similarity.groups(similarity.similar([*records, one, other]))
    assert [len(group) for group in found] == [7, 6, 2]
