"""Build the site: chapters, exercises, instructor's pages, reference.

`python docs/build.py [OUT] [OPTION …]` gathers what the site is made from into one folder, for
Sphinx reads only one, and runs sphinx-build on it. Nothing is fetched, and no notebook is executed.
"""

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
from pathlib import Path

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
    name_toggles(out)
    return code


def gather(source: Path) -> None:
    """Lay out in `source` everything that the site is made from."""
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("*.py", "*.json", "__pycache__"))
    shutil.copy(DOCS / "conf.py", source)
    shutil.copy(ROOT / "CHANGELOG.md", source / "changelog.md")
    beside = re.compile(r"\]\(\.\./(?=[./]*(?:notebooks|exercises)/)")  # here these lie within
    for path in source.rglob("*.md"):
        path.write_text(beside.sub("](", path.read_text("utf-8")), "utf-8")
    for path in [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("exercises/ex*/ex*.ipynb")]:
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(prepare(nbformat.read(path, as_version=4)), target)
    for folder, pages in (("api", reference()), ("_generated", tables())):
        (source / folder).mkdir(exist_ok=True)
        for name, text in pages.items():
            (source / folder / f"{name}.md").write_text(text, "utf-8")


def prepare(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Put alternative texts where myst-nb looks for them, and leave out what is for the speaker.

    Code that opens folded in JupyterLab is folded on the page.
    """
    for cell in notebook.cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"<!--.*?-->\s*", "", cell.source, flags=re.DOTALL)
        for output in cell.get("outputs", []):
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                cell.metadata["mystnb"] = {"image": {"alt": alt}}
    return notebook


def name_toggles(out: Path) -> None:
    """Give the sidebar's arrows the names that the theme leaves out, for those who hear a page."""
    arrow = re.compile(r"(>([^<>]+)</a><details[^>]*>)<summary>")
    for path in out.rglob("*.html"):
        page = arrow.sub(r'\1<summary aria-label="Pages under \2">', path.read_text("utf-8"))
        path.write_text(page, "utf-8")


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


def times() -> str:
    """Minutes to read and to run, of each chapter."""
    rows = [
        [f"[{c.number} {c.title}](notebooks/{c.notebook.name})", f"{c.minutes} min", c.run_time]
        for c in content.described_chapters()
    ]
    return table(["chapter", "to read and try", "to run"], rows)


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
    """Seconds of a run of ResNet50 on 20 labels per class, for each way to train."""
    stored = content.benchmark("resnet50")
    at = stored["labels"].index(20)
    ways = {"frozen": "frozen, on cached features", "small CNN": "small CNN, scratch"}
    rows = [
        [ways.get(arm, arm), f"{seconds[at]:.0f} s"] for arm, seconds in stored["seconds"].items()
    ]
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
