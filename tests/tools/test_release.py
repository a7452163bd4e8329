import pytest

from tools.owner import PLACEHOLDER
from tools.release import problems

PYPROJECT = """[project]
version = "0.2.0"
urls.Repository = "https://github.com/%s/tlcourse"
"""


@pytest.fixture
def ready(tmp_path):
    """A repository that may be released as v0.2.0."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT % "ada")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [0.2.0] - 2026-12-31\n\n## [0.1.0] - 2026-01-31\n"
    )
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 0.2.0\n")
    return tmp_path


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_agrees_may_be_released(ready):
    assert list(problems("v0.2.0", ready)) == []


@pytest.mark.parametrize("tag", ["v0.2.1", "0.2.0", "v0.2", "v0.2.0rc1", "main", ""])
def test_another_tag_is_refused(tag, ready):
    assert list(problems(tag, ready)) == [
        f"The tag is {tag!r}, and pyproject.toml says 0.2.0: tag v0.2.0."
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("CHANGELOG.md", "2026-12-31", "unreleased", "no day for 0.2.0: write ## [0.2.0] - YYYY"),
        ("CHANGELOG.md", " - 2026-12-31", "", "no day for 0.2.0"),
        ("CHANGELOG.md", "2026-12-31", "31.12.2026", "no day for 0.2.0"),
        ("CHANGELOG.md", "[0.2.0]", "[Unreleased]", "begins with Unreleased: put what is new in"),
        ("CHANGELOG.md", "## [0.2.0] - 2026-12-31\n", "", "begins with 0.1.0"),
        ("CITATION.cff", "version: 0.2.0", "version: 0.1.0", "write version: 0.2.0"),
        ("CITATION.cff", "\nversion: 0.2.0", "", "write version: 0.2.0"),
    ],
)
def test_what_disagrees_is_named_with_the_way_out(file, old, new, message, ready):
    replace(ready / file, old, new)
    (problem,) = problems("v0.2.0", ready)
    assert problem.startswith(file)
    assert message in problem


def test_a_repository_without_an_owner_is_refused(ready):
    (ready / "pyproject.toml").write_text(PYPROJECT % PLACEHOLDER)
    (problem,) = problems("v0.2.0", ready)
    assert "python -m tools.owner NAME" in problem


def test_weights_that_are_not_those_of_their_card_are_refused(ready):
    folder = ready / "tlcourse" / "weights"
    folder.mkdir(parents=True)
    (folder / "a.npz").write_bytes(b"other weights")
    (folder / "a.json").write_text('{"sha256": "0123"}')
    (problem,) = problems("v0.2.0", ready)
    assert "a.npz" in problem


def test_every_problem_is_told_at_once(ready):
    replace(ready / "CHANGELOG.md", "2026-12-31", "unreleased")
    replace(ready / "CITATION.cff", "version: 0.2.0", "version: 0.1.0")
    assert len(list(problems("v1.0.0", ready))) == 3
