"""Build the site: chapters, exercises, instructor's pages, reference.

`python docs/build.py [OUT] [OPTION …]` gathers what the site is made from into one folder, for
Sphinx reads only one, and runs sphinx-build on it. Nothing is fetched, and no notebook is executed.
"""

import ast
import importlib
import importlib.util
import json
import os
import pkgutil
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from statistics import median

import nbformat

import tlcourse
from tlcourse import quiz
from tlcourse.course import content
from tlcourse.grading import lecturer
from tools import chapters

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme")


def build(out: Path, *options: str) -> int:
    """Build the site into `out` with these options of sphinx-build; returns its exit code."""
    from sphinx.cmd.build import main

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # autodoc imports the package
    if (out / ".buildinfo").is_file():  # an earlier site, with pages that may be gone
        shutil.rmtree(out)
    with tempfile.TemporaryDirectory(prefix="tlcourse-site-") as temporary:
        source, doctrees = Path(temporary, "source"), Path(temporary, "doctrees")
        gather(source)
        code = main(["-q", "-b", "html", "-d", str(doctrees), *options, str(source), str(out)])
    finish_sidebars(out)
    write_words(out)
    return code


# What a page says to those who read its source, on GitHub say, where its tables are missing.
ONLY_HERE = re.compile(r"<!-- not on the site -->.*?<!-- on the site -->\n+", re.DOTALL)


def gather(source: Path) -> None:
    """Lay out in `source` everything that the site is made from."""
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("*.py", "*.json", "__pycache__"))
    shutil.copy(DOCS / "conf.py", source)
    shutil.copy(ROOT / "CHANGELOG.md", source / "changelog.md")
    beside = re.compile(r"\]\(\.\./(?=[./]*(?:notebooks|exercises)/)")  # here these lie within
    for path in source.rglob("*.md"):
        text = beside.sub("](", ONLY_HERE.sub("", path.read_text("utf-8")))
        if path.stem not in ("changelog", "bibliography"):
            text = link_chapters(text, path.relative_to(source))
        path.write_text(text, "utf-8")
    for path in [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("exercises/ex*/ex*.ipynb")]:
        name = path.relative_to(ROOT)
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(prepare(nbformat.read(path, as_version=4), name), source / name)
    for folder, pages in (("api", reference()), ("_generated", tables())):
        (source / folder).mkdir(exist_ok=True)
        for name, text in pages.items():
            (source / folder / f"{name}.md").write_text(text, "utf-8")


def prepare(notebook: nbformat.NotebookNode, name: Path) -> nbformat.NotebookNode:
    """Put alternative texts where myst-nb looks for them, and leave out what is for the speaker.

    A page is for reading: code that opens folded in JupyterLab, draws a figure or only asserts is
    folded; a question stands there without the line that asks it. `name` is the notebook's place.
    """
    listed = [i for i, c in enumerate(notebook.cells) if "quiz.predictions(" in c.source]
    for i in listed:
        if (before := notebook.cells[i - 1]).cell_type == "markdown":
            # The heading that it ends with, below which nothing would be left.
            before.source = re.sub(r"^#+ .*\Z", "", before.source.rstrip(), flags=re.MULTILINE)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"<!--.*?-->\s*", "", cell.source, flags=re.DOTALL)
            cell.source = link_chapters(text, name)
        else:
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), *looks(cell)]
        for output in cell.get("outputs", []):
            about = output.get("metadata", {}).get("image/png", {})
            if alt := about.get("alt"):
                cell.metadata["mystnb"] = {"image": {"alt": alt}}
            if about.get("width", 0) > 600:  # as wide as the page
                del about["width"]
    return notebook


def looks(cell: nbformat.NotebookNode) -> list[str]:
    """The tags that say to myst-nb, and to the style sheet, what a code cell looks like."""
    if "quiz.predictions(" in cell.source:
        return ["remove-cell"]  # there are none on a page; `prepare` leaves out the heading, too
    if re.search(r"quiz\.(ask|predict)\(", cell.source):
        return ["remove-input", "question"]
    reveals = "quiz.reveal(" in cell.source
    claims = [output for output in cell.outputs if "tlcourse" in output.get("metadata", {})]
    draws = any("image/png" in output.get("data", {}) for output in cell.outputs)
    plots = draws and "plotting." in cell.source
    folded = cell.metadata.get("jupyter", {}).get("source_hidden")
    tags = ["hide-input"] if folded or plots or only_proves(cell) else []
    only_claims = bool(claims) and len(claims) == len(cell.outputs)
    return tags + ["answer"] * reveals + ["claim"] * only_claims


def only_proves(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell asserts and shows nothing, so that its readers see nothing happen."""
    if cell.outputs or "assert " not in cell.source:
        return False
    try:
        lines = ast.parse(cell.source).body
    except SyntaxError:  # a line for IPython alone
        return False
    return not any(isinstance(line, ast.FunctionDef | ast.ClassDef) for line in lines)


# What is left as it is: code, links, headings, and what a directive holds in its first line.
_KEPT = r"```.*?```|`[^`\n]*`|!?\[[^\]]*\]\([^)]*\)|\{[\w-]+\}`[^`]*`|^#.*?$|^:::.*?$"
_CHAPTER = re.compile(rf"({_KEPT})|\b([Cc]hapter (\d\d))\b", re.DOTALL | re.MULTILINE)


def link_chapters(text: str, page: Path) -> str:
    """Let every chapter that a text names be a link, from where `page` lies."""
    paths = {c.number: c.notebook.name for c in content.described_chapters()}
    here = page.stem[:2] if page.parts[0] == "notebooks" else ""
    up = "../" * (len(page.parts) - 1)

    def link(found: re.Match) -> str:
        kept, words, number = found.groups()
        if kept or number == here or number not in paths:
            return found[0]
        return f"[{words}]({up}notebooks/{paths[number]})"

    return _CHAPTER.sub(link, text)


def finish_sidebars(out: Path) -> None:
    """Name the sidebar's arrows, for those who hear a page, and mark what belongs to a chapter."""
    arrow = re.compile(r"(>([^<>]+)</a><details[^>]*>)<summary>")
    exercise = re.compile(r'(<li class="toctree-l1)([^>]*><a [^>]*>\s*Exercises \d)')
    for path in out.rglob("*.html"):
        page = arrow.sub(r'\1<summary aria-label="Pages under \2">', path.read_text("utf-8"))
        path.write_text(exercise.sub(r"\1 of-chapter\2", page), "utf-8")


class Words(HTMLParser):
    """The words of a page's article, with the sections that a search may lead to."""

    def __init__(self, page: str):
        super().__init__()
        self.parts, self.depth, self.silent = [], 0, ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "article" or self.depth:
            self.depth += tag == "article"
            if found.get("class") == "headerlink" or tag in ("script", "style"):
                self.silent = tag
            if tag == "section" or (tag == "dt" and "id" in found):
                self.parts.append(f'<{tag} id="{found.get("id", "")}">')

    def handle_endtag(self, tag):
        self.silent = "" if tag == self.silent else self.silent
        self.depth -= tag == "article" and self.depth > 0
        if self.depth and tag in ("section", "dt"):
            self.parts.append(f"</{tag}>")

    def handle_data(self, data):
        if self.depth and not self.silent:
            self.parts.append(escape(data))


def write_words(out: Path) -> None:
    """Write what `_static/excerpts.js` shows of a page that the search finds, read from a disk."""
    pages = {}
    for path in sorted(out.rglob("*.html")):
        name = path.relative_to(out)
        if name.parts[0] != "_static":
            words = re.sub(r"\s+", " ", "".join(Words(path.read_text("utf-8")).parts))
            pages[name.as_posix()] = f'<div role="main">{words}</div>'
    made = json.dumps(pages, ensure_ascii=False)
    (out / "_static" / "pages.js").write_text(f"window.PAGES = {made};\n", "utf-8")


# --- the reference -------------------------------------------------------------------------------


def reference() -> dict[str, str]:
    """A page for each module, and an index of them."""
    names = list(modules())
    contents = "\n".join(f"- [{name}]({name}.md): {first_sentence(name)}" for name in names)
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *names, "```"])
    pages = {"index": f"# Reference\n\nThe modules of `tlcourse`.\n\n{contents}\n\n{toctree}\n"}
    for name in names:
        pages[name] = f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
    return pages


def modules() -> Iterator[str]:
    """The modules' names; a package that lists its contents stands for its modules."""
    listed = ()
    for module in pkgutil.walk_packages(tlcourse.__path__, "tlcourse."):
        if module.name == "tlcourse.__main__" or module.name.startswith(listed):
            continue
        if module.ispkg and hasattr(importlib.import_module(module.name), "__all__"):
            listed += (f"{module.name}.",)
        yield module.name


def first_sentence(module: str) -> str:
    """What a module says that it is, before the first full stop."""
    docstring = importlib.import_module(module).__doc__ or ""
    return re.split(r"[.:](?:\s|$)", " ".join(docstring.split()), maxsplit=1)[0] + "."


# --- tables that no one types --------------------------------------------------------------------


def tables() -> dict[str, str]:
    """Tables for the pages to include: made from what is committed, so that none can be wrong."""
    found = {"chapters": chapter_table(), "times": times()}
    found |= {"kernels": kernels(), "benchmarks": benchmarks()}
    found |= {"marking": marking(), "widgets": redraws(), "claims": claims()}
    found |= {"contents": contents()}
    for name in content.chapters():
        found[f"questions_{name[:2]}"] = answers(quiz.questions(name[:2]))
    for name in content.exercises():
        found[f"tasks_{name}"] = tasks(name)
        found[f"say_{name}"] = table(["task", "say"], list(lecturer.advice(name).items()))
    return found


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def chapter_table() -> str:
    """The table of chapters, its times unbroken."""
    made = chapters.table(content.described_chapters(), "notebooks/")
    return re.sub(r"(\d) (min|s)\b", "\\1\N{NO-BREAK SPACE}\\2", made) + "\n"


def contents() -> str:
    """The order of the pages: each chapter, and then the exercises on it."""
    sets = content.exercises()
    lines = ["```{toctree}", ":caption: Chapters and exercises", ":hidden:", ""]
    for name in content.chapters():
        lines.append(f"/notebooks/{name}")
        if path := sets.pop(f"ex{name[:2]}", None):
            lines.append(f"/exercises/{path.parent.name}/{path.stem}")
    lines += [f"/exercises/{path.parent.name}/{path.stem}" for path in sets.values()]
    return "\n".join([*lines, "```", ""])


def times() -> str:
    """Minutes to read and to run, of each chapter."""
    rows = [
        [f"[{c.number} {c.title}](notebooks/{c.notebook.name})", f"{c.minutes} min", c.run_time]
        for c in content.described_chapters()
    ]
    made = table(["chapter", "to read and try", "to run"], rows)
    return f"{made}\n{chapters.measured(content.described_chapters())}\n"


def kernels() -> str:
    """What a kernel and a server need, as `measure.py` found it."""
    measured = json.loads((DOCS / "measured.json").read_text("utf-8"))
    rows = [
        [what, f"{found['memory'] / 1e9:.1f} GB", f"{found['cpu']:.0f} s"]
        for what, found in measured["processes"].items()
    ]
    return (
        f"{table(['', 'memory at most', 'processor time'], rows)}\nMeasured on {measured['on']}.\n"
    )


def benchmarks() -> str:
    """Processor time of a run on photographs with 20 labels per class, for each way to train."""
    seconds = {}
    for record in content.benchmark("photos")["sets"].values():
        for run in record["runs"]:
            if run["labels"] == 20:
                seconds.setdefault(run["arm"], []).append(run["cpu_seconds"])
    rows = [[arm, f"{median(found):.1f} s"] for arm, found in seconds.items()]
    return table(["way to train", "one run"], rows)


def marking() -> str:
    """Seconds for one submission."""
    kinds = {"numpy": "02, NumPy", "keras": "05, Keras"}
    stored, rows = content.benchmark("grading"), []
    for kind, name in kinds.items():
        seconds = stored[f"{kind}_seconds"]
        each = [f"{seconds[who]['wall']:.2f} s" for who in ("tlcourse", "nbgrader")]
        rows.append([name, str(stored[f"{kind}_students"]), *each])
    return table(["set", "class of", "tlcourse grade", "nbgrader autograde"], rows)


def redraws() -> str:
    """Milliseconds from a key press to the new figure, of each chapter's widgets."""
    stored, rows = content.benchmark("widgets"), {}
    for name, milliseconds in stored.items():
        rows.setdefault(name[:2], []).append(f"{milliseconds} ms")
    return table(["chapter", "its widgets"], [[name, ", ".join(r)] for name, r in rows.items()])


def claims() -> str:
    """Every claim with a tick: its chapter, what was measured, and over how many seeds."""
    rows, versions = [], set()
    for one in content.described_chapters():
        link = f"[{one.number}](notebooks/{one.notebook.name})"
        for cell in nbformat.read(one.notebook, as_version=4).cells:
            within = [tag for tag in cell.metadata.get("tags", []) if tag.startswith("atol-")]
            tolerance = within[0].removeprefix("atol-") if within else ""
            if cell.source.strip() == "print(backend.versions())":
                versions |= {output.text.strip() for output in cell.outputs}
            for output in cell.get("outputs", []):
                if about := output.get("metadata", {}).get("tlcourse"):
                    tick, seeds = output["data"]["text/plain"], str(about["seeds"] or "")
                    rows.append([link, tick, about["measured"], seeds, tolerance])
    made = table(["chapter", "claim", "measured", "seeds", "tolerance"], rows)
    return f"{made}\nThe stored outputs were made with {'; '.join(sorted(versions))}.\n"


def answers(questions: list[dict]) -> str:
    """Retrieval questions with their right answers."""
    rows = []
    for question in questions:
        right = next(option for option in question["options"] if option.get("right"))
        rows.append([question["question"], f"{right['text'].rstrip('.')}. {right['why']}"])
    return table(["question", "answer"], rows).replace("*", r"\*")


def tasks(exercise: str) -> str:
    """The tasks of a set, with the points of each."""
    released = content.released(exercise)
    rows = [[released.headings[n], f"{points:g}"] for n, points in released.points.items()]
    return table(["task", "points"], rows)


def main() -> int:
    """Say what is missing, or build."""
    if not all(importlib.util.find_spec(name) for name in NEEDED):
        print(
            "The site needs Sphinx, myst-nb and a theme: run .venv/bin/python -m pip install "
            "--no-build-isolation -e '.[docs]' once, and make site again.",
            file=sys.stderr,
        )
        return 1
    if missing := chapters.lacking(ROOT):
        print("The site cannot be built yet:", *missing, sep="\n- ", file=sys.stderr)
        return 1
    out, *options = sys.argv[1:] or [str(ROOT / "site")]
    return build(Path(out), *options)


if __name__ == "__main__":
    sys.exit(main())
