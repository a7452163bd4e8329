"""Which submissions are alike: groups and pairs for a person to look at, never a verdict."""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from tlcourse.checks import title
from tlcourse.course import content
from tlcourse.grading.feedback import page_template, shortened

_TOKEN = re.compile(r"#[^\n]*|[^\W\d]\w*|\d[\w.]*|[^\w\s]")
_CODE, _WORDS = 8, 4  # tokens of code, and words of comments and of the open question, in a piece
_MODULES = ("np", "keras", "losses")
_MOST = 20_000  # characters of a text that are looked at
_ENOUGH = 30  # pieces that a submission must have, to be compared at all
_LEVELS = (0.97, 0.9, 0.8, 0.7)  # how much alike as a whole the members of a group may be
_NEARLY_ALL = 0.97  # from which on a group may be more than half of a class


def similar(records: Iterable[dict], *, least: float = 0.7) -> list[tuple[str, str, float]]:
    """Pairs of submissions that a person may want to look at; alike is not yet copied.

    The measure: each answer is cut into overlapping pieces of eight tokens, where names of the
    learner's choice all count as the same; comments and the open question into pieces of four
    words. Left out is what stands in the handed-out notebook, and what many others have too, since
    a task often forces it. Of what remains, the share is that of the smaller submission which is in
    the other one too. Submissions of which fewer than 30 pieces remain are not compared.

    Who the others are decides whether a ring is found. Pieces are first counted over all, and
    then, for each group of submissions that are much alike as a whole, over those outside of it:
    so what ten people copied from each other does not pass for what the task forces. A group may
    be half of the class, and larger if its members have nearly everything in common.

    Parameters
    ----------
    records : iterable of dict
        All of one exercise.
    least : float
        The share from which on a pair is listed.

    Returns
    -------
    list of (str, str, float)
        Two students and the share, the most similar first.
    """
    records = [record for record in records if record["status"] == "marked"]
    if len(records) < 2:
        return []
    given = set()
    for cell in content.released(records[0]["exercise"]).cells:
        given |= set(_pieces([cell["source"]], cell["source"]))
    found = [
        set(_pieces(record["answers"].values(), record["open_answer"])) - given
        for record in records
    ]
    everyone = list(range(len(records)))
    shares = _alike(found, everyone, [], least)
    whole = _shares(found, everyone, min(_LEVELS))
    tried = set()
    for level in _LEVELS:
        strong = [pair for pair, share in whole.items() if share >= level]
        for group in _connected(strong):
            small = len(group) <= len(records) / 2 or level >= _NEARLY_ALL
            if small and tuple(group) not in tried:
                tried.add(tuple(group))
                outside = [i for i in everyone if i not in set(group)]
                for pair, share in _alike(found, group, outside, least).items():
                    shares[pair] = max(share, shares.get(pair, 0.0))
    pairs = [
        (records[i]["student"], records[j]["student"], round(share, 3))
        for (i, j), share in shares.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))


def groups(pairs: Iterable[tuple[str, str, float]]) -> list[list[str]]:
    """The students who hang together by the pairs of `similar`, the largest group first."""
    return sorted(_connected([pair[:2] for pair in pairs]), key=lambda group: (-len(group), group))


def page(records: list[dict], pairs: list[tuple[str, str, float]]) -> bytes:
    """The groups and pairs on one page, the most alike two of each group side by side."""
    by_student = {record["student"]: record for record in records}
    shown = []
    for members in groups(pairs):
        own = [pair for pair in pairs if pair[0] in members]
        answers = _side_by_side(by_student[own[0][0]], by_student[own[0][1]])
        texts = [(_name(one), _name(other), f"{share:.0%}") for one, other, share in own]
        shown.append({"members": list(map(_name, members)), "pairs": texts, "answers": answers})
    exercise = records[0]["exercise"]
    template = page_template("similar.html.j2")
    return template.render(exercise=exercise, title=title(exercise), groups=shown).encode()


def _side_by_side(one: dict, other: dict) -> list[tuple[str, str, str]]:
    """The answers of two that have something in common, and their open answers."""
    found = []
    for task in one["answers"]:
        left, right = one["answers"][task], other["answers"].get(task, "")
        if set(_pieces([left], "")) & set(_pieces([right], "")):
            found.append((task, shortened(left, 3000), shortened(right, 3000)))
    texts = [shortened(record["open_answer"], 3000) for record in (one, other)]
    return [*found, ("the open question", *texts)] if any(texts) else found


def _name(student: str) -> str:
    return shortened(student, 200)


def _alike(
    found: list[set], members: list[int], outside: list[int], least: float
) -> dict[tuple[int, int], float]:
    """Shares of at least `least` among members, without the pieces that many have.

    Counted are those outside; if nobody is named there, the members themselves.
    """
    holders = Counter(piece for i in outside or members for piece in found[i])
    count = len(outside or members)
    many = max(count // 10, min(5, max(2, count // 2)))
    rare = {i: {p for p in found[i] if holders[p] <= many} for i in members}
    compared = [i for i in members if len(rare[i]) >= _ENOUGH]
    kept = [rare.get(i, set()) for i in range(len(found))]
    return _shares(kept, compared, least)


def _shares(found: list[set], members: list[int], least: float) -> dict[tuple[int, int], float]:
    """For each two members, how much of the smaller one is in the other, if that is enough."""
    from scipy import sparse

    holders = Counter(piece for i in members for piece in found[i])
    places = {p: i for i, p in enumerate(p for p, count in holders.items() if count > 1)}
    rows, columns = [], []
    for row, i in enumerate(members):
        own = [places[p] for p in found[i] if p in places]
        rows += [row] * len(own)
        columns += own
    shape = (len(members), len(places))
    table = sparse.csr_array(([1] * len(rows), (rows, columns)), shape=shape)
    common = sparse.triu(table @ table.T, k=1).tocoo()
    sizes = np.array([len(found[i]) for i in members], int)
    shares = common.data / np.minimum(sizes[common.row], sizes[common.col])
    enough = shares >= least
    rows, columns = (np.array(members, int)[which[enough]] for which in (common.row, common.col))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return dict(zip(pairs, shares[enough].tolist(), strict=True))


def _connected(pairs: Iterable[tuple]) -> list[list]:
    """What hangs together by pairs, each group sorted."""
    group_of: dict = {}
    for one, other in pairs:
        if other in group_of.get(one, ()):
            continue
        joined = group_of.get(one, {one}) | group_of.get(other, {other})
        for member in joined:
            group_of[member] = joined
    return [sorted(group) for group in {id(group): group for group in group_of.values()}.values()]


def _pieces(code: Iterable[str], text: str) -> Iterator[tuple[str, ...]]:
    """The pieces of answers and of a text."""
    words = re.findall(r"\w+", text[:_MOST].lower())
    for source in code:
        tokens, before = [], ""
        for token in _TOKEN.findall(source[:_MOST]):
            if token[0] == "#":
                words += ["#", *re.findall(r"\w+", token.lower())]
                continue
            tokens.append(token if before == "." or not _is_own(token) else "name")
            before = token
        yield from _windows(tokens, _CODE)
    yield from _windows(words, _WORDS)


def _is_own(token: str) -> bool:
    """Whether a token is a name of the learner's choice."""
    if keyword.iskeyword(token) or hasattr(builtins, token) or token in _MODULES:
        return False
    return token.isidentifier()


def _windows(tokens: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1))
