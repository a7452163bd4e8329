"""Rules for committed notebooks that can be read off the files; nbval runs them."""

import re
from collections import Counter
from statistics import median

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import sync

PAIRS = [pair for pair in sync.pairs() if pair[0].exists()]

TAGS = re.compile(
    r"setup|nbval-ignore-output|raises-exception|shows-warning|atol-\d+(\.\d+)?(e-?\d+)?"
)
SECTIONS = ("What you will be able to do", "Key points", "Further reading")
MACHINE = re.compile(
    r"""
      \b0x[0-9a-fA-F]{6,}                                             # a memory address
    | (?<![\w.:/<]) / (?: home|root|Users|tmp|var|usr|opt|mnt|private|proc|etc|workspace )  /
    | \b[A-Z]:\\\w
    | site-packages | \.pyenv | ipykernel_\d
    | https?://(?: localhost|127\. | 0\.0\.0\.0 | \[::1\])
    """,
    re.VERBOSE,
)


# --- the rules: each yields what is wrong --------------------------------------------------------


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def outputs(notebook):
    """Every output with its cell's tags."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield output, cell.metadata.get("tags", [])


def texts(output):
    """What a reader sees of an output, apart from pictures."""
    yield from (output[key] for key in ("text", "evalue") if key in output)
    yield from output.get("traceback", [])
    for mime, data in output.get("data", {}).items():
        if not mime.startswith("image/") or mime == "image/svg+xml":
            yield data if isinstance(data, str) else str(data)


def every_cell_was_run_once_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the execution counts are {counts}"


def the_outputs_were_made_by_this_code(notebook):
    if not sync.is_executed(notebook):
        yield "the code was changed since its outputs were made: run make notebooks"


def every_figure_has_an_alternative_text_of_its_own(notebook):
    seen = Counter()
    for output, _ in outputs(notebook):
        for mime in output.get("data", {}):
            if mime in ("image/png", "image/jpeg", "image/svg+xml"):
                alt = output.get("metadata", {}).get(mime, {}).get("alt", "").strip()
                seen[alt] += 1
                if len(alt) < 20:
                    yield f"a figure's alternative text is {alt!r}"
    yield from (f"{n} figures share the text {alt!r}" for alt, n in seen.items() if n > 1)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for alt, address in re.findall(r"!\[(.*?)\]\((.*?)\)", cell.source):
                if len(alt.strip()) < 20:
                    yield f"the alternative text of {address} is {alt!r}"
                if re.match(r"\w+://|//", address):
                    yield f"{address} cannot be shown without a network"


def no_output_shows_the_machine(notebook):
    for output, _ in outputs(notebook):
        for text in texts(output):
            yield from (f"an output shows {m.group()!r}" for m in MACHINE.finditer(text))


def no_output_shows_a_warning_or_an_error_that_nobody_meant(notebook):
    for output, tags in outputs(notebook):
        if output.get("name") == "stderr" and "shows-warning" not in tags:
            yield f"an output on stderr: {output.text[:200]!r}"
        if output.output_type == "error" and "raises-exception" not in tags:
            yield f"an error: {output.ename}: {output.evalue}"


def tags_are_known(notebook):
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if not TAGS.fullmatch(tag):
                yield f"nobody reads the tag {tag!r}"


def metadata_is_the_minimum(notebook):
    if extra := set(notebook.metadata) - {"kernelspec", "language_info", "tlcourse"}:
        yield f"metadata that make notebooks would drop: {sorted(extra)}"
    exercise = "exercise" in notebook.metadata.get("tlcourse", {})
    for cell in notebook.cells:
        kept = sync.kept_metadata(cell)
        extra = {key for key, value in cell.metadata.items() if kept.get(key) != value}
        if extra := extra - ({"nbgrader"} if exercise else set()):
            yield f"cell metadata that make notebooks would drop: {sorted(extra)}"


def cells_are_short(notebook):
    lengths = []
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        lines = [line for line in lines if not re.fullmatch(r" *### (BEGIN|END) SOLUTION", line)]
        lengths.append(len(lines))
        if len(lines) > 20:
            yield f"a code cell of {len(lines)} lines: {lines[0]}"
        elif len(lines) > 8 and not lines[0].startswith("#") and not cell.metadata.get("nbgrader"):
            yield f"a code cell of {len(lines)} lines that does not say its goal: {lines[0]}"
    if lengths and median(lengths) > 6:
        yield f"the median code cell has {median(lengths)} lines"


PREDICT = re.compile(r"quiz\.predict\(\s*[\"'](\d+\.[\w-]+)[\"']")
REVEAL = re.compile(r"quiz\.reveal\(\s*[\"'](\d+\.[\w-]+)[\"'],\s*([\"'\d.-]?)")
REVEALED = re.compile(r"^(?:Measured|It is): (.+)\.$", re.MULTILINE)


def predictions_are_asked_once_and_revealed_after(notebook):
    cells = code_cells(notebook)
    asked = [key for cell in cells for key in PREDICT.findall(cell.source)]
    shown = [key for cell in cells for key, _ in REVEAL.findall(cell.source)]
    yield from (f"{key} is asked {n} times" for key, n in Counter(asked).items() if n > 1)
    if asked != shown:
        yield f"asked are {asked}, and revealed {shown}"


def nothing_gives_a_result_away(notebook):
    """Learners see the cells without outputs: what may stand there between question and answer?"""
    cells, asked = notebook.cells, {}
    for place, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        asked |= dict.fromkeys(PREDICT.findall(cell.source), place)
        for key, literal in REVEAL.findall(cell.source):
            if literal and not cell.metadata.get("jupyter", {}).get("source_hidden"):
                yield f"the answer of {key} can be read in the code that reveals it: fold it"
            results = [r for o in cell.outputs for r in REVEALED.findall(o.get("text", ""))]
            for result in results:
                between = cells[asked.get(key, place) + 1 : place]
                for other in between:
                    if giveaway := tells(other.source, result):
                        yield f"{giveaway!r} gives {key} away: {other.source[:60]!r}"


def tells(text, result):
    """What in a text tells a result: the words of a choice; a number also as a percentage."""
    try:
        number = float(result)
    except ValueError:
        return result if result.lower() in text.lower() else ""
    forms = {result, result.removeprefix("0")} | {f"{100 * number:.0f} %", f"{100 * number:.0f}%"}
    found = [f for f in forms if re.search(rf"(?<![\w.]){re.escape(f)}(?![\w.]*\d)", text)]
    return found[0] if found and number not in (0, 1) else ""


def the_title_comes_first(notebook):
    first = notebook.cells[0] if notebook.cells else new_markdown_cell("")
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "the first cell is no title"


def the_rhythm_of_a_chapter_is_kept(notebook):
    headings = [
        re.sub(r"\W+$", "", line.lstrip("# ")).lower()
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("##")
    ]
    places = [headings.index(s.lower()) if s.lower() in headings else None for s in SECTIONS]
    for section, place in zip(SECTIONS, places, strict=True):
        if place is None:
            yield f"there is no heading {section!r}"
    if None not in places and places != sorted(places):
        yield f"the headings stand in another order than {SECTIONS}"


# What a person finishes in an evening: the main line, without "Going deeper" and without code that
# opens folded, has at most so many.
LIMITS = {
    "sections": 6,
    "words": 2_200,  # about 2,000
    "lines of code": 250,
    "predictions": 8,
    "median lines of a cell": 4,
    "share of cells over 12 lines": 0.1,
}


def main_line(notebook):
    """The cells that are not under a heading "Going deeper"."""
    deeper = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for marks, title in re.findall(r"^(#+) (.+)$", cell.source, re.MULTILINE):
                if title.startswith("Going deeper"):
                    deeper = len(marks)
                elif len(marks) <= deeper:
                    deeper = 0
        if not deeper:
            yield cell


def size(notebook):
    """How long a chapter's main line is, in the words of LIMITS."""
    cells = list(main_line(notebook))
    texts = [c.source for c in cells if c.cell_type == "markdown"]
    prose = re.sub(r"<!--.*?-->", "", "\n".join(texts), flags=re.DOTALL)
    shown = [c for c in cells if c.cell_type == "code" and c.source.strip()]
    shown = [c for c in shown if not c.metadata.get("jupyter", {}).get("source_hidden")]
    lengths = [sum(bool(line.strip()) for line in c.source.splitlines()) for c in shown]
    return {
        "sections": len(re.findall(r"^## \d+ · ", prose, re.MULTILINE)),
        "words": len(prose.split()),
        "lines of code": sum(lengths),
        "predictions": sum(len(PREDICT.findall(c.source)) for c in shown),
        "median lines of a cell": median(lengths or [0]),
        "share of cells over 12 lines": sum(n > 12 for n in lengths) / max(1, len(lengths)),
    }


def over(notebook):
    """The limits that a chapter breaks."""
    return {what for what, amount in size(notebook).items() if amount > LIMITS[what]}


RULES = [
    every_cell_was_run_once_from_top_to_bottom,
    the_outputs_were_made_by_this_code,
    every_figure_has_an_alternative_text_of_its_own,
    no_output_shows_the_machine,
    no_output_shows_a_warning_or_an_error_that_nobody_meant,
    tags_are_known,
    metadata_is_the_minimum,
    cells_are_short,
    the_title_comes_first,
    predictions_are_asked_once_and_revealed_after,
    nothing_gives_a_result_away,
    the_rhythm_of_a_chapter_is_kept,
]


# --- the committed notebooks ---------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", [p for p, _ in PAIRS], ids=lambda path: path.stem)
def test_notebook(path, rule):
    if rule is the_rhythm_of_a_chapter_is_kept and not re.match(r"0[1-9]|[1-9]\d", path.name):
        pytest.skip("not a chapter")
    assert list(rule(nbformat.read(path, as_version=4))) == []


CHAPTERS = [p for p, _ in PAIRS if p.parent == sync.ROOT / "notebooks"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_main_line_of_a_chapter_is_one_that_a_person_finishes(path):
    notebook = nbformat.read(path, as_version=4)
    assert over(notebook) == set(), f"{size(notebook)}: put what can be skipped under Going deeper"


@pytest.mark.parametrize(("path", "twin"), PAIRS, ids=[p.stem for p, _ in PAIRS])
def test_twin_is_in_sync(path, twin):
    assert twin.exists(), "run make notebooks"
    assert sync.to_text(nbformat.read(path, as_version=4)) == twin.read_text("utf-8")


@pytest.mark.parametrize("path", [p for p, _ in PAIRS], ids=lambda path: path.stem)
def test_notebook_is_valid(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    ids = Counter(cell.id for cell in notebook.cells)
    assert [i for i, n in ids.items() if n > 1] == []


def test_every_twin_has_its_notebook():
    assert [twin.name for path, twin in sync.pairs() if not path.exists()] == []


def test_no_two_notebooks_share_a_number_or_a_title():
    chapters = [path for path, _ in PAIRS if path.parent == sync.ROOT / "notebooks"]
    assert chapters
    titles = [nbformat.read(p, as_version=4).cells[0].source.splitlines()[0] for p in chapters]
    for names in ([p.name[:2] for p in chapters], titles):
        assert len(set(names)) == len(names), names


# --- the rules notice ----------------------------------------------------------------------------


def chapter():
    """A small notebook that keeps every rule."""
    alt = "A curve that falls from one to zero"
    figure = new_output(
        "display_data", {"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"alt": alt}}
    )
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Title\n\n## What you will be able to do"),
            new_code_cell("1 + 1", execution_count=1, metadata={"tags": ["atol-0.05"]}),
            new_code_cell("show()", execution_count=2, outputs=[figure]),
            new_markdown_cell("## Key points\n\n## Further reading"),
        ]
    )
    notebook.metadata.tlcourse = {"code": sync._code_digest(notebook)}
    return notebook


def code(notebook):
    return notebook.cells[1]


def figure(notebook):
    return notebook.cells[2].outputs[0]


def say(text, name="stdout"):
    return lambda nb: code(nb).outputs.append(new_output("stream", name=name, text=text))


def result(html):
    return lambda nb: code(nb).outputs.append(new_output("display_data", {"text/html": html}))


def second_figure(notebook):
    code(notebook).outputs.append(figure(notebook))


def fail(notebook):
    code(notebook).outputs.append(new_output("error", ename="E", evalue="no", traceback=[]))


def prediction(notebook, between="compute()", reveal="value", kind=new_code_cell, **metadata):
    """Ask for 0.43, with a cell between the question and the answer."""
    answer = new_output("stream", name="stdout", text="Measured: 0.43.\n")
    cells = [
        new_code_cell('quiz.predict("03.a", "Which accuracy?", 0, 1)', execution_count=3),
        kind(between),
        new_code_cell(f'quiz.reveal("03.a", {reveal})', execution_count=5, outputs=[answer]),
    ]
    cells[2].metadata.update(metadata)
    notebook.cells[3:3] = cells


def choice(notebook, between):
    answer = new_output("stream", name="stdout", text="It is: upright ones.\n")
    ask = 'quiz.predict("03.a", "Which?", ["upright ones", "level ones"])'
    reveal = new_code_cell('quiz.reveal("03.a", right)', execution_count=5, outputs=[answer])
    notebook.cells[3:3] = [new_code_cell(ask), new_markdown_cell(between), reveal]


SPOILERS = [
    (RULES[0], lambda nb: code(nb).update(execution_count=None)),
    (RULES[0], lambda nb: code(nb).update(execution_count=3)),
    (RULES[1], lambda nb: code(nb).update(source="1 + 2")),
    (RULES[1], lambda nb: nb.metadata.pop("tlcourse")),
    (RULES[1], lambda nb: code(nb).update(execution_count=None)),
    (RULES[2], lambda nb: figure(nb).metadata.clear()),
    (RULES[2], lambda nb: figure(nb).metadata["image/png"].update(alt="A curve")),
    (RULES[2], second_figure),
    (RULES[2], lambda nb: nb.cells[0].update(source="# T\n\n![](curve.png)")),
    (RULES[2], lambda nb: nb.cells[0].update(source=f"# T\n\n![{'a' * 30}](https://e.org/c.png)")),
    (RULES[3], say("<Model at 0x7f3a5c00ff10>")),
    (RULES[3], say("saved to /home/ada/model.keras")),
    (RULES[3], say("saved to /Users/ada/model.keras")),
    (RULES[3], say("saved to C:\\Users\\ada")),
    (RULES[3], say("lib/site-packages/keras")),
    (RULES[3], result('<a href="http://localhost:8888/lab">here</a>')),
    (RULES[3], result("<p>in /var/x1</p>")),
    (RULES[4], say("UserWarning: deprecated", "stderr")),
    (RULES[4], fail),
    (RULES[5], lambda nb: code(nb).metadata.update(tags=["nbval-ignore-ouput"])),
    (RULES[5], lambda nb: code(nb).metadata.update(tags=["atol-much"])),
    (RULES[6], lambda nb: nb.metadata.update(widgets={})),
    (RULES[6], lambda nb: code(nb).metadata.update(execution={})),
    (RULES[6], lambda nb: code(nb).metadata.update(nbgrader={})),
    (RULES[6], lambda nb: code(nb).metadata.update(jupyter={"outputs_hidden": True})),
    (RULES[6], lambda nb: code(nb).metadata.update({sync.FOLDED_SECTION: True})),
    (RULES[7], lambda nb: code(nb).update(source="# goal\n" + "a = 1\n" * 20)),
    (RULES[7], lambda nb: code(nb).update(source="a = 1\n" * 9)),
    (RULES[7], lambda nb: [c.update(source="# goal\n" + "a = 1\n" * 6) for c in nb.cells[1:3]]),
    (RULES[8], lambda nb: nb.cells.pop(0)),
    (RULES[8], lambda nb: nb.cells.clear()),
    (RULES[9], lambda nb: code(nb).update(source='quiz.predict("03.a", "?", 0, 1)')),
    (RULES[9], lambda nb: code(nb).update(source='quiz.reveal("03.a", 1)')),
    (RULES[10], lambda nb: prediction(nb, "It reaches 43 % here.", kind=new_markdown_cell)),
    (RULES[10], lambda nb: prediction(nb, "assert abs(score - 0.43) < 0.02")),
    (RULES[10], lambda nb: prediction(nb, 'show(ax, "The accuracy is .43 after ten")')),
    (RULES[10], lambda nb: prediction(nb, 'title="43% with pooling"')),
    (RULES[10], lambda nb: prediction(nb, reveal="0.43")),
    (RULES[10], lambda nb: choice(nb, "See how the Upright ones light up.")),
    (RULES[11], lambda nb: nb.cells.pop()),
    (RULES[11], lambda nb: nb.cells.reverse()),
]


@pytest.mark.parametrize(("rule", "spoil"), SPOILERS)
def test_a_notebook_that_breaks_the_rule_is_noticed(rule, spoil):
    notebook = chapter()
    assert list(rule(notebook)) == []
    spoil(notebook)
    assert list(rule(notebook))


@pytest.mark.parametrize(
    ("what", "cells"),
    [
        ("sections", [new_markdown_cell(f"## {n} · One") for n in range(7)]),
        ("words", [new_markdown_cell("word " * 2_300)]),
        ("lines of code", [new_code_cell("a = 1\n" * 4) for _ in range(70)]),
        ("predictions", [new_code_cell(f'quiz.predict("01.{n}", "?", 0, 1)') for n in "abcdefghi"]),
        ("median lines of a cell", [new_code_cell("a = 1\n" * 5)]),
        ("share of cells over 12 lines", [new_code_cell("1"), new_code_cell("a = 1\n" * 13)]),
    ],
)
def test_a_main_line_that_is_too_long_is_noticed_unless_it_goes_deeper(what, cells):
    assert what in over(new_notebook(cells=cells))
    deeper = [new_markdown_cell("## Going deeper · All"), *cells]
    if what != "sections":
        assert over(new_notebook(cells=deeper)) == set()
    folded = {"jupyter": {"source_hidden": True}}
    hidden = [new_code_cell(c.source, metadata=folded) for c in cells if c.cell_type == "code"]
    assert over(new_notebook(cells=hidden)) == set()


def test_going_deeper_ends_with_the_next_section():
    heads = ["## 1 · A", "### Going deeper · B", "#### C", "### D", "## Going deeper · E", "## F"]
    kept = main_line(new_notebook(cells=[new_markdown_cell(head) for head in heads]))
    assert [cell.source for cell in kept] == ["## 1 · A", "### D", "## F"]


def test_a_warning_or_an_error_that_is_meant_passes():
    notebook = chapter()
    say("UserWarning: as announced", "stderr")(notebook)
    fail(notebook)
    code(notebook).metadata["tags"] = ["shows-warning", "raises-exception"]
    assert list(no_output_shows_a_warning_or_an_error_that_nobody_meant(notebook)) == []


def test_a_prediction_that_is_not_given_away_passes():
    for between in ("compute()", "We use 43 images and 0.435 of them.", "Four of ten: x43 = 1.43"):
        notebook = chapter()
        prediction(notebook, between)
        assert list(nothing_gives_a_result_away(notebook)) == []
    notebook = chapter()
    prediction(notebook, reveal="0.43", jupyter={"source_hidden": True})
    assert list(nothing_gives_a_result_away(notebook)) == [], "its code is folded"
    choice(notebook := chapter(), "Think of the direction in which we subtract.")
    assert list(nothing_gives_a_result_away(notebook)) == []


def test_every_rule_has_a_notebook_that_breaks_it():
    assert {rule for rule, _ in SPOILERS} == set(RULES)
