"""One source for every table of chapters, and what a chapter or an exercise set still lacks.

`make chapters` writes README's table, chapter 00's, and each chapter's line of times from
`notebooks/chapters.toml`; the site and the command's help read that file themselves.
`make chapters NB=03` (or ``NB=all``) runs chapters first and stores their seconds, the day and the
machine; those of other chapters stay.
"""

import json
import re
import sys
import tempfile
from datetime import date
from pathlib import Path

from tlcourse.course import content
from tlcourse.course import run as runs
from tlcourse.files import CourseError, write

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path("notebooks", content.TABLE)
BEGIN, END = "<!-- chapters: made by `make chapters` -->", "<!-- end of chapters -->"
TIME = re.compile(r"\*\*Time:\*\* [^.]*\.")


# --- the tables --------------------------------------------------------------------------------


def table(chapters: list[content.Chapter], links: str) -> str:
    """The table of chapters in Markdown; `links` is what leads to the notebooks."""
    head = ["| chapter | you will be able to | to read | to run |", "|---|---|---|---|"]
    rows = [
        f"| [{c.number} {c.title}]({links}{c.notebook.name}) | {c.promise} | {c.minutes} min | "
        f"{c.run_time} |"
        for c in chapters
    ]
    return "\n".join([*head, *rows, "", measured(chapters)])


def measured(chapters: list[content.Chapter]) -> str:
    """On what the run times were measured and when, in a sentence."""
    places: dict[str, dict[str, list[str]]] = {}  # numbers of chapters by machine and by time
    for one in chapters:
        if one.machine:
            places.setdefault(one.machine, {}).setdefault(one.measured, []).append(one.number)
    parts = []
    for machine, times in places.items():
        whose = [f"{_listed(numbers)} {when}" for when, numbers in times.items()]
        parts.append(f"on {machine} ({', '.join(whose)})")
    return f"Run times were measured {'; '.join(parts)}."


def _listed(numbers: list[str]) -> str:
    """Numbers of chapters for a sentence: "00, 02 to 04 and 07"."""
    runs: list[list[str]] = []
    for number in numbers:
        if runs and int(number) == int(runs[-1][-1]) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said = [f"{run[0]} to {run[-1]}" if len(run) > 2 else " and ".join(run) for run in runs]
    return " and ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else said[0]


def time_line(chapter: content.Chapter) -> str:
    """How long a chapter takes, as its introduction says it."""
    return f"**Time:** {chapter.minutes} minutes to read and try, {chapter.run_time} to run."


def with_table(text: str, made: str, prefix: str = "") -> str:
    """A text whose table of chapters, between the two marks, is the one that was made."""
    made = "\n".join((prefix + line).rstrip() for line in made.splitlines())
    pattern = re.compile(f"({re.escape(BEGIN)}\n).*?({re.escape(prefix + END)})", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{made}\n{found[2]}", text)


def expected(root: Path = ROOT) -> dict[Path, str]:
    """What each file with a table or a time should hold, by its path."""
    chapters = content.described_chapters()
    readme = root / "README.md"
    texts = {readme: with_table(readme.read_text("utf-8"), table(chapters, "notebooks/"))}
    for chapter in chapters:
        twin = root / "sources" / "notebooks" / f"{chapter.notebook.stem}.py"
        text = TIME.sub(time_line(chapter), twin.read_text("utf-8"), count=1)
        texts[twin] = with_table(text, table(chapters, ""), "# ")
    return texts


def write_tables(root: Path = ROOT) -> list[Path]:
    """Write every table and time that is not as `chapters.toml` has it; the files written."""
    stale = {p: t for p, t in expected(root).items() if p.read_text("utf-8") != t}
    for path, text in stale.items():
        write(path, text.encode())
    return list(stale)


# --- the measured seconds ----------------------------------------------------------------------


def measure(wanted: list[str], root: Path = ROOT) -> None:
    """Run chapters and store their seconds, as each ends, with the machine and the day.

    Raises
    ------
    CourseError
        If a chapter is unknown or fails.
    """
    known = content.chapters()
    names = list(known) if wanted == ["all"] else [content.find_chapter(w) for w in wanted]
    with tempfile.TemporaryDirectory() as out:
        paths = [known[name] for name in names]
        for done in runs.run(paths, Path(out), cell_timeout=600, on_cell=lambda *_: None):
            if done.status != "ok":
                raise CourseError(f"{done.chapter}: {done.status}")
            print(f"{done.chapter}: {done.seconds:.0f} s", flush=True)
            text = (root / TABLE).read_text("utf-8")
            values = {
                "seconds": rounded(done.seconds),
                "measured": f"on {date.today().isoformat()}",
                "machine": runs.machine(),
            }
            text = with_values(text, done.chapter.partition("_")[0], values)
            write(root / TABLE, text.encode())


def rounded(seconds: float) -> int:
    """Seconds as the table has them: whole ones under 30, and fives above."""
    return max(1, round(seconds)) if seconds < 30 else 5 * round(seconds / 5)


def with_values(text: str, number: str, values: dict) -> str:
    """The table's text with other values in the entry of one chapter."""
    head, *entries = text.split("[[chapter]]\n")
    for place, entry in enumerate(entries):
        if not re.search(rf'^number = "{number}"$', entry, re.MULTILINE):
            continue
        for key, value in values.items():
            line = f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
            entry, count = re.subn(rf"(?m)^{key} = .*\n", lambda _, line=line: line, entry, count=1)
            entry = entry if count else f"{entry.rstrip()}\n{line}\n"
        entries[place] = entry
    return "[[chapter]]\n".join([head, *entries]).rstrip() + "\n"


# --- what is missing ---------------------------------------------------------------------------


def lacking(root: Path = ROOT) -> list[str]:
    """What chapters and exercise sets lack, a sentence for each; CONTRIBUTING has the checklist.

    A chapter is known from its notebook, its twin or its entry in `chapters.toml`, a set from its
    solution, its twin or its checks: whichever was begun with.
    """
    return [
        f"{kind} {name} lacks: {', '.join(parts)}"
        for kind, found in (("chapter", _chapters(root)), ("exercise set", _sets(root)))
        for name, parts in sorted(found.items())
        if parts
    ]


def _chapters(root: Path) -> dict[str, list[str]]:
    import tomllib

    described = tomllib.loads((root / TABLE).read_text("utf-8"))["chapter"]
    entries = {one["number"]: one for one in described}
    questions = tomllib.loads((root / "tlcourse/questions.toml").read_text("utf-8"))
    notebooks = {p.name[:2]: p for p in sorted(root.glob("notebooks/[0-9][0-9]_*.ipynb"))}
    twins = {p.name[:2]: p for p in sorted(root.glob("sources/notebooks/[0-9][0-9]_*.py"))}
    found = {}
    for number in sorted(notebooks.keys() | twins.keys() | entries.keys()):
        text = notebooks[number].read_text("utf-8") if number in notebooks else ""
        entry = entries.get(number, {})
        fields = ("title", "promise", "minutes", "seconds", "measured", "machine")
        parts = {
            f"sources/notebooks/{number}_name.py": number in twins,
            f"notebooks/{number}_name.ipynb (make notebooks)": number in notebooks,
            "an entry in notebooks/chapters.toml": number in entries,
            **{f"{name} in notebooks/chapters.toml": name in entry for name in fields if entry},
            "questions in tlcourse/questions.toml": number in questions,
            f"docs/teach/{number}.md": (root / f"docs/teach/{number}.md").is_file(),
            "slides (slide_type)": not text or '"slide_type": "slide"' in text,
            "a line **Time:**": not text or "**Time:**" in text,
        }
        if entry and number in notebooks and "title" in entry:
            title = f"# {number} · {entry['title']}"
            parts[f"the title {title!r}"] = json.dumps(title, ensure_ascii=False)[1:-1] in text
        found[number] = [part for part, there in parts.items() if not there]
    return found


def _sets(root: Path) -> dict[str, list[str]]:
    places = {
        "tlcourse/checks/sets/{}.py": "",
        "tests/checks/{}.py": "",
        "sources/solutions/{0}/{0}_*.py": "",
        "solutions/{0}/{0}_*.ipynb": " (make notebooks)",
        "exercises/{0}/{0}_*.ipynb": " (make exercises)",
    }
    begun = [*root.glob("tlcourse/checks/sets/ex[0-9][0-9].py"), *root.glob("*/ex[0-9][0-9]")]
    begun += root.glob("sources/solutions/ex[0-9][0-9]")
    found = {}
    for name in sorted({path.stem for path in begun}):
        patterns = {place.format(name): advice for place, advice in places.items()}
        found[name] = [p + advice for p, advice in patterns.items() if not any(root.glob(p))]
        page = root / "docs/teach" / f"{name.removeprefix('ex')}.md"
        if f"tasks_{name}" not in (page.read_text("utf-8") if page.is_file() else ""):
            found[name].append(f"_generated/tasks_{name}.md in docs/teach/{page.name}")
    return found


# --- the command -------------------------------------------------------------------------------


def main(wanted: list[str]) -> int:
    """Measure what is wanted, write the tables, and say what is missing."""
    try:
        if wanted:
            measure(wanted)
        for path in write_tables():
            print(f"{path.name} is brought into step; run make notebooks if it is a twin.")
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    missing = lacking()
    for sentence in missing:
        print(sentence)
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
