"""Which submissions are alike: pairs for a person to look at, never a verdict."""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tlcourse.course import content

_TOKEN = re.compile(r"#[^\n]*|[^\W\d]\w*|\d[\w.]*|[^\w\s]")
_CODE, _WORDS = 8, 4  # tokens of code, and words of comments and of the open question, in a piece
_MODULES = ("np", "keras", "losses")
_MOST = 20_000  # characters of a text that are looked at
_ENOUGH = 30  # pieces that a submission must have, to be compared at all


def similar(records: Iterable[dict], *, least: float = 0.7) -> list[tuple[str, str, float]]:
    """Pairs of submissions that a person may want to look at; alike is not yet copied.

    The measure: each answer is cut into overlapping pieces of eight tokens, where names of the
    learner's choice all count as the same; comments and the open question into pieces of four
    words. Left out is what stands in the handed-out notebook, and what more than a tenth of the
    class have in common, since a task often forces it (in a class of under fifty: more than five
    of them, or half). Of what remains, the share is that of the smaller submission which is in the
    other one too. Submissions of which fewer than 30 pieces remain are not compared.

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
    from scipy import sparse

    records = [record for record in records if record["status"] == "marked"]
    if len(records) < 2:
        return []
    released = content.released(records[0]["exercise"])
    given = set()
    for cell in released.cells:
        given |= set(_pieces([cell["source"]], cell["source"]))
    found = [
        set(_pieces(record["answers"].values(), record["open_answer"])) - given
        for record in records
    ]
    holders = Counter(piece for pieces in found for piece in pieces)
    many = max(len(records) // 10, min(5, max(2, len(records) // 2)))
    rare = [[p for p in pieces if holders[p] <= many] for pieces in found]
    places = {p: i for i, p in enumerate(p for p, count in holders.items() if 1 < count <= many)}
    rows, columns = [], []
    for row, pieces in enumerate(rare):
        own = [places[p] for p in pieces if p in places] if len(pieces) >= _ENOUGH else []
        rows += [row] * len(own)
        columns += own
    shape = (len(records), len(places))
    table = sparse.csr_array(([1] * len(rows), (rows, columns)), shape=shape)
    common = sparse.triu(table @ table.T, k=1).tocoo()
    pairs = []
    for i, j, count in zip(common.row, common.col, common.data, strict=True):
        share = count / min(len(rare[i]), len(rare[j]))
        if share >= least:
            pairs.append((records[i]["student"], records[j]["student"], round(float(share), 3)))
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))


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
