"""The command `tlcourse`: parses, calls, reports."""

import sys
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

_SILENCE = 20  # seconds, where there is no terminal for a bar
_TIMES = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]


_KINDS = {int: "<number>", float: "<number>", Path: "<path>", str: "<text>", datetime: "<time>"}


class _Plain:
    """Help in words: an option says what it takes; a flag takes nothing and says nothing."""

    def get_params(self, context):
        params = super().get_params(context)
        for param in params:
            is_option = isinstance(param, typer.core.TyperOption)
            shown = _KINDS.get(param.type_descriptor.annotation, "") if is_option else ""
            param.display_type_rich = lambda ctx, shown=shown: shown
        return params


class _Command(_Plain, typer.core.TyperCommand):
    """A command, whose help is for people."""


class _WithChapters(_Plain, typer.core.TyperGroup):
    """Help that ends with the list of chapters."""

    def format_help(self, context, formatter) -> None:
        from tlcourse.course.content import described_chapters

        listed = [f"{c.number} {c.title} ({c.minutes} min)" for c in described_chapters()]
        self.epilog = "Chapters, with the minutes to read them: " + ", ".join(listed) + "."
        super().format_help(context, formatter)


_LEARN, _TEACH, _MACHINE = "Learn", "Teach", "This machine"

app = typer.Typer(
    cls=_WithChapters, add_completion=False, help="A course on transfer learning, in notebooks."
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; what the user did wrong is one sentence on stderr and exit code 1 or 2."""
    from tlcourse.files import CourseError

    # What a terminal cannot show, for it may be a character in the name of a file, is escaped.
    if getattr(sys.stdout, "errors", "") == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    # jsonschema, which all of Jupyter imports, takes it for absent. Else it compiles 38 grammars of
    # international addresses, 1.3 seconds of a processor, and no notebook has such an address.
    sys.modules.setdefault("rfc3987_syntax", None)
    try:
        code = app(arguments, prog_name="tlcourse", standalone_mode=False)
    except typer.TyperException as error:
        _complain(error.format_message())
        code = error.exit_code
    except CourseError as error:
        _complain(str(error))
        code = 1
    sys.exit(code)


def _complain(message: str) -> None:
    print(f"tlcourse: {message}", file=sys.stderr)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        print(f"tlcourse {version_of('tlcourse')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(cls=_Command, rich_help_panel=_LEARN)
def lab(
    chapter: Annotated[str, typer.Argument(help="The number or the name of a chapter.")] = (
        "00_start_here"
    ),
    folder: Annotated[Path, typer.Option(help="Your copy of the course.")] = Path("tlcourse-work"),
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="The port; if it is taken, the next free one.")
    ] = 8888,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser, if there is one.")
    ] = True,
) -> None:
    """Open JupyterLab on your own copy of the course; your changes are never overwritten."""
    from tlcourse.course import content, workspace
    from tlcourse.course.lab import open_lab

    name = content.find_chapter(chapter)
    for sentence in workspace.deliver(folder):
        print(sentence)
    open_lab(folder, name, port=port, browser=browser)


@app.command(cls=_Command, rich_help_panel=_LEARN)
def run(
    chapters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHAPTER]...", help="All chapters if you name none."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for the results.")] = Path("tlcourse-run"),
    cell_timeout: Annotated[int, typer.Option(min=1, help="Seconds that a cell may take.")] = 600,
) -> None:
    """Run chapters without JupyterLab, and keep notebooks, web pages and a table of run times."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.table import Table
    from rich.text import Text

    from tlcourse.course import content
    from tlcourse.course import run as runs
    from tlcourse.files import CourseError

    course = content.chapters()
    names = dict.fromkeys(map(content.find_chapter, chapters or course))
    if not chapters:
        for name in filter(lambda name: content.lacks_pytorch(course[name]), course):
            del names[name]
            print(f"Not run: {name}, for PyTorch is not installed (make torch).")
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    table = Table("chapter", "min:s", "status")
    failures, code = [], 0
    console, quiet = Console(stderr=True), not sys.stderr.isatty()
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=quiet) as progress:
        tasks = {name: progress.add_task(name, start=False, total=None) for name in names}

        def on_cell(name: str, done: int, total: int) -> None:
            progress.start_task(tasks[name])
            progress.update(tasks[name], completed=done, total=total)

        paths = [course[name] for name in names]
        try:
            for result in runs.run(paths, out, cell_timeout=cell_timeout, on_cell=on_cell):
                table.add_row(result.chapter, result.time, Text(result.status))
                if result.status != "ok":
                    failures.append(f"{result.chapter}, {result.status}")
        except KeyboardInterrupt:
            failures.append(
                f"you interrupted it: {table.row_count} of {len(paths)} chapters are finished"
            )
            code = 130
        except CourseError:
            if not table.row_count:  # a bar that has not moved would only be in the way
                progress.live.transient = True
            raise
    if table.row_count:
        Console().print(table)
        print(f"Notebooks, pages and times.md are in {out}.")
    for failure in failures:
        code = code or 1
        _complain(failure)
    raise typer.Exit(code)


FOLDER = Annotated[
    Path | None,
    typer.Option(
        help="Your copy of the course.",
        show_default="the one that you stand in, else tlcourse-work",
    ),
]


@app.command(cls=_Command, rich_help_panel=_LEARN)
def reset(
    exercise: Annotated[str, typer.Argument(help="The exercise set: ex02, or 2.")],
    folder: FOLDER = None,
) -> None:
    """Get a fresh copy of an exercise; the old one stays beside it."""
    from tlcourse.course import workspace

    for sentence in workspace.reset(folder or workspace.find_copy(), exercise):
        print(sentence)


@app.command(cls=_Command, rich_help_panel=_LEARN)
def submit(
    exercise: Annotated[str, typer.Argument(help="The exercise set: ex02, or 2.")],
    folder: FOLDER = None,
) -> None:
    """Check an exercise as the marker will, and write the one file to hand in."""
    from tlcourse.course import submit as handing_in
    from tlcourse.course import workspace

    done = handing_in.submit(
        folder or workspace.find_copy(),
        exercise,
        lambda: print(
            "The checks run once more, as at the marker's. Ctrl-C skips this.", flush=True
        ),
    )
    print(f"The saved {done.notebook.name} gets {done.points:g} of {done.total:g} points.")
    for task, status in done.tasks.items():
        mark = {"correct": "✔", "not attempted": "·"}.get(status, "✘")
        print(f"  {mark} {task}" + (f": {status}" if status != "correct" else ""))
    for sentence in (*done.changed, *done.remarks):
        print(sentence)
    count = "1 task is" if len(done.open_tasks) == 1 else f"{len(done.open_tasks)} tasks are"
    open_tasks = f"{count} open. You can hand in {done.zip}."
    print(open_tasks if done.open_tasks else f"Hand in {done.zip}.")


@app.command(cls=_Command, rich_help_panel=_LEARN)
def photos(
    folder: Annotated[
        Path, typer.Argument(help="Your photographs, in one sub-folder for each class.")
    ],
    minutes: Annotated[
        float, typer.Option(min=0.5, max=10_000, help="What it may take, on this machine.")
    ] = 10,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder for the results.", show_default="FOLDER-report"),
    ] = None,
) -> None:
    """Measure what a pretrained network is worth on your photographs: a page, and a classifier."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from tlcourse import report

    console, quiet = Console(stderr=True), not sys.stderr.isatty()
    began, said = monotonic(), monotonic()
    columns = [TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, disable=quiet, transient=True) as progress:
        bar = progress.add_task("reading photographs", total=None)

        def on_progress(what: str, done: int, total: int) -> None:
            nonlocal said
            progress.update(bar, description=what, completed=done, total=total)
            if quiet and monotonic() - said >= _SILENCE:
                said = monotonic()
                print(f"after {said - began:.0f} s: {what}", file=sys.stderr, flush=True)

        try:
            sentences = report.make(folder, out, minutes=minutes, on_progress=on_progress)
        except KeyboardInterrupt:
            progress.stop()
            _complain("you interrupted it. What is measured is kept, and the same command goes on.")
            raise typer.Exit(130) from None
    for sentence in sentences:
        print(sentence)


@app.command(cls=_Command, rich_help_panel=_TEACH)
def grade(
    submissions: Annotated[
        Path,
        typer.Argument(help="A folder with a file or folder for each student, or a zip of it."),
    ],
    exercise: Annotated[str, typer.Option(help="The exercise set: ex02, or 2.")],
    out: Annotated[Path, typer.Option(help="The folder of the marks.")] = Path("marks"),
    workers: Annotated[
        int, typer.Option(min=1, help="How many processes mark on this machine.")
    ] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="The address of a Dask scheduler: tcp://…")
    ] = None,
    cell_seconds: Annotated[
        float, typer.Option(min=0.1, help="Processor seconds that a cell or a call may take.")
    ] = 10,
    seconds: Annotated[
        float, typer.Option(min=1, help="Processor seconds that a whole submission may take.")
    ] = 120,
    again: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STUDENT",
            help="Mark this student again, or with limits all who hit a limit; can be repeated.",
        ),
    ] = None,
    deadline: Annotated[
        datetime | None,
        typer.Option(help="Submissions after this local time are late.", formats=_TIMES),
    ] = None,
    extensions: Annotated[
        Path | None, typer.Option(help="CSV with the columns student and deadline.")
    ] = None,
    penalty: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the points lost for each day late."),
    ] = None,
    max_penalty: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the points lost at most.")
    ] = None,
    grace: Annotated[
        float | None, typer.Option(min=0, help="Minutes after the deadline that do not count.")
    ] = None,
    trust_timestamps: Annotated[
        bool | None,
        typer.Option(
            "--trust-timestamps/--ignore-timestamps",
            help="Whether a timestamp.txt in a student's folder tells the time.",
            show_default=False,
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(help="Who is in the course: the CSV that your learning platform exports."),
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--for", help="Write the marks for moodle or canvas.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="With --for canvas: the assignment's name there.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--list", help="Show what would be marked and why, run nothing, end.")
    ] = False,
) -> None:
    """Mark a class in a sandbox: gradebook, CSV, and a page for each student."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from tlcourse import checks
    from tlcourse.course import content, processes
    from tlcourse.files import CourseError
    from tlcourse.grading import batch, collection, listing, report, rules
    from tlcourse.grading import roster as rosters

    released = content.released(exercise)
    name, records = released.name, []
    settings = rules.current(
        out,
        name,
        deadline=deadline.astimezone().isoformat() if deadline else None,
        penalty=penalty,
        max_penalty=max_penalty,
        grace=grace,
        trust_timestamps=trust_timestamps,
        roster=str(roster.absolute()) if roster else None,
        platform=platform,
        column=column,
    )
    if extensions and not settings.deadline:
        raise typer.BadParameter("--extensions need a --deadline, once.")
    later = rules.read_extensions(extensions) if extensions else None
    people = rosters.read(Path(settings.roster)) if settings.roster else None
    if people and settings.platform:
        rosters.check(people, settings.platform, name, checks.title(name), settings.column)
    found = collection.collect(
        submissions, name, released.notebook.name, trust_timestamps=settings.trust_timestamps
    )
    if people:
        found.submissions = people.applied(found.submissions)
    if show:
        print(listing.text(found, people))
        return
    columns = [*Progress.get_default_columns(), MofNCompleteColumn()]
    console, quiet = Console(stderr=True), not sys.stderr.isatty()
    with Progress(*columns, console=console, disable=quiet) as progress:
        bar = progress.add_task("marking", start=False, total=None)

        def on_record(record: dict, done: int, total: int) -> None:
            records.append(record)
            progress.start_task(bar)
            progress.update(bar, completed=done, total=total)

        try:
            with processes.safe_children():  # they import nothing from a folder of submissions
                marked = batch.grade(
                    submissions,
                    name,
                    out,
                    workers=workers,
                    scheduler=scheduler,
                    cell_seconds=cell_seconds,
                    seconds=seconds,
                    again=again or (),
                    on_record=on_record,
                    found=found.submissions,
                )
        except CourseError:
            if not records:  # a bar that has not moved would only be in the way
                progress.live.transient = True
            raise
        except KeyboardInterrupt:
            raise CourseError(
                f"you interrupted it. {len(records)} submissions are marked and kept in {out}. "
                "Run the command again to go on."
            ) from None
    marked.sort(key=lambda record: record["student"])
    for sentence in report.write(out, marked, found, settings, extensions=later, roster=people):
        print(sentence)
    rules.remember(out, name, settings)


@app.command(cls=_Command, rich_help_panel=_TEACH)
def slides(
    chapters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHAPTER]...", help="All chapters if you name none."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for the decks.")] = Path("tlcourse-slides"),
) -> None:
    """Make slides of chapters for a lecture: one file each, which needs no internet."""
    from tlcourse.course import content, slides

    course = content.chapters()
    names = dict.fromkeys(map(content.find_chapter, chapters or course))
    for path, count in slides.build([course[name] for name in names], out):
        print(f"{path}: {count} slides")
    print("Open a deck in a browser. The key S opens the notes for the speaker.")


@app.command(cls=_Command, rich_help_panel=_MACHINE)
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names that --list shows.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything that --list shows.")
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="Show what there is, and end.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete what was downloaded.")] = False,
) -> None:
    """Download public data sets and weights, to have them where there is no internet."""
    from tlcourse.data import download
    from tlcourse.files import CourseError

    if show or not (names or everything):
        if remove:
            raise typer.BadParameter("say what to remove, by its name or with --all.")
        _list_sources()
        return
    chosen = list(dict.fromkeys(download.SOURCES if everything else names))
    for name in chosen:
        download.find_source(name)  # before anything is done
    failed = False
    for name in chosen:
        try:
            if remove:
                freed = download.remove(name)
                megabytes = download.megabytes(freed)
                done = f"this freed {megabytes}" if freed else "there was nothing to remove"
                print(f"{name}: {done}")
            else:
                paths = download.fetch(name, repair=True)
                source = download.SOURCES[name]
                print(f"{name}: {download.megabytes(source.size)} in {paths[0].parent}")
                print(f"    licence: {source.licence}")
        except CourseError as error:
            _complain(str(error))
            failed = True
    raise typer.Exit(int(failed))


def _list_sources() -> None:
    from rich.console import Console
    from rich.table import Table

    from tlcourse.data import download

    table = Table("name", "size", "what", "licence", "here")
    for name, source in download.SOURCES.items():
        paths, problems = download.locate(name)
        whole = len(paths) == len(source.files)
        here = "yes" if whole else "damaged" if problems else "no"
        table.add_row(name, download.megabytes(source.size), source.title, source.licence, here)
    Console().print(table)
    print(f"They are kept in {download.home()} (TLCOURSE_HOME).")


@app.command(cls=_Command, rich_help_panel=_MACHINE)
def doctor() -> None:
    """Check this machine, and say how to fix what fails."""
    from rich.console import Console
    from rich.text import Text

    from tlcourse import doctor

    console = Console(highlight=False)
    failed = 0
    for finding in doctor.examine():
        mark = Text("ok  ", "green") if finding.ok else Text("FAIL", "bold red")
        console.print(mark, f"{finding.subject}: {finding.message}", markup=False, soft_wrap=True)
        if not finding.ok:
            console.print("    ", f"Fix: {finding.fix}", markup=False, soft_wrap=True)
            failed += 1
    if failed:
        print(f"{failed} check{'s' * (failed > 1)} failed.")
    else:
        print("Everything that the course needs is here.")
    raise typer.Exit(int(failed > 0))
