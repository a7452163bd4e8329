"""Which submissions are alike."""

import random
import re
import time

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
    same = [record(f"s{i}") for i in range(30)]  # all solved as the lecturer does
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
