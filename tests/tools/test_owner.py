import re
import shutil

import pytest

from tlcourse.files import CourseError
from tools.owner import ADDRESS, PLACEHOLDER, ROOT, committed, fill, main, owner


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Every committed file that holds an address of the repository, nobody's yet."""
    root = tmp_path_factory.mktemp("repository")
    for path in committed():
        if ADDRESS.search(path.read_bytes()):
            to = root / path.relative_to(ROOT)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    fill(PLACEHOLDER, root)
    return root


def contents(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_every_place_of_the_owner_is_one_that_the_command_fills():
    missed = []
    for path in committed():
        rest = ADDRESS.sub(b"", path.read_bytes())
        if re.search(rb"\b%s\b" % PLACEHOLDER.encode(), rest):
            missed.append(path.relative_to(ROOT).as_posix())
    assert missed == ["tools/owner.py"]


def test_every_address_names_the_same_owner():
    found = {m for path in committed() for m in ADDRESS.findall(path.read_bytes())}
    assert found == {owner().encode()}


def test_a_name_is_filled_in_everywhere_and_once(copied):
    before = contents(copied)
    changed = fill("ada-l", copied)
    assert {p.relative_to(copied) for p in changed} == before.keys()
    assert owner(copied) == "ada-l"
    assert fill("ada-l", copied) == []
    fill("Grace42", copied)
    assert owner(copied) == "Grace42"
    fill(PLACEHOLDER, copied)
    assert contents(copied) == before


def test_an_interrupted_run_is_finished_by_the_next(copied):
    first = next(p for p in copied.rglob("*") if p.is_file() and p.name != "pyproject.toml")
    first.write_bytes(ADDRESS.sub(b"ada", first.read_bytes()))
    fill("ada", copied)
    found = {m for text in contents(copied).values() for m in ADDRESS.findall(text)}
    assert found == {b"ada"}
    fill(PLACEHOLDER, copied)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/%s/tlcourse",
        "https://github.com/%s/tlcourse/actions/workflows/test.yml/badge.svg",
        "git+https://github.com/%s/tlcourse.git",
        "git@github.com:%s/tlcourse.git",
        "https://%s.github.io/tlcourse/",
        "https://mybinder.org/v2/gh/%s/tlcourse/HEAD",
        "https://colab.research.google.com/github/%s/tlcourse/blob/HEAD/x.ipynb",
    ],
)
@pytest.mark.parametrize("name", [PLACEHOLDER, "ada-l"])
def test_an_address_of_the_repository_is_filled_in(address, name):
    filled = ADDRESS.sub(b"grace", (address % name).encode())
    assert filled.decode() == address % "grace"


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/containers/bubblewrap",
        "https://github.com/ada/tlcourse-work",
        "https://github.com/ada",
        "notebooks/tlcourse",
        "https://example.org/tlcourse",
        "tlcourse/tlcourse/data",
    ],
)
def test_other_text_stays(text):
    assert ADDRESS.sub(b"grace", text.encode()).decode() == text


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "ada lovelace",
        "ada/tlcourse",
        "https://github.com/ada",
        "@ada",
        "-ada",
        "ada-",
        "a--b",
        "ada_l",
        "ada.l",
        "Zoë",
        "a" * 40,
        "ada\n",
        r"\g<0>",
    ],
)
def test_a_bad_name_is_refused_in_one_sentence_and_nothing_changes(name, copied):
    before = contents(copied)
    with pytest.raises(CourseError) as refused:
        fill(name, copied)
    assert str(refused.value).startswith(f"{name!r} cannot be a name on GitHub: ")
    assert str(refused.value).count(". ") == 0
    assert contents(copied) == before


@pytest.mark.parametrize("name", ["a", "ada", "Ada-Lovelace", "a1-b2-c3", "a" * 39])
def test_a_good_name_is_taken(name, copied):
    fill(name, copied)
    assert owner(copied) == name
    fill(PLACEHOLDER, copied)


@pytest.mark.parametrize("arguments", [[], ["ada", "lovelace"]])
def test_without_one_name_it_says_how_to_give_it(arguments):
    with pytest.raises(SystemExit, match="Give the owner's name on GitHub: python -m tools"):
        main(arguments)


def test_a_bad_name_ends_the_command_with_that_sentence():
    with pytest.raises(SystemExit, match="^'a b' cannot be a name on GitHub"):
        main(["a b"])
