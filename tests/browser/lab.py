"""JupyterLab as `tlcourse lab` starts it, driven in Chromium."""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab on `folder`, with its key; {} stands for a path."""
    config = folder.parent / "jupyter-config"
    config.mkdir(exist_ok=True)
    exposed = json.dumps({"LabApp": {"expose_app_in_browser": True}})  # so that a test can steer
    (config / "jupyter_lab_config.json").write_text(exposed)
    command = [sys.executable, "-m", "tlcourse", "lab", "--no-browser", "--folder", str(folder)]
    # What a test chooses in JupyterLab, such as the dark theme, is not the user's choice.
    own = {"JUPYTER_CONFIG_PATH": config, "JUPYTERLAB_SETTINGS_DIR": folder.parent / "settings"}
    server = subprocess.Popen(
        [*command, "--port", str(free_port())],
        env=os.environ | {name: str(path) for name, path in own.items()},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = next(line.strip() for line in server.stdout if line.startswith("http"))
        place, key = address.split("/lab/tree/notebooks/00_start_here.ipynb")
        yield f"{place}/lab/tree/{{}}{key}&reset"  # without what was open before
    finally:
        server.terminate()
        server.wait(60)


@contextmanager
def page_of(browser, size: tuple[int, int] = (1400, 1000)) -> Iterator:
    """A page that notes what must not happen: requests to elsewhere, and errors."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.problems = []
    page.on("console", lambda m: m.type == "error" and page.problems.append(_told(m)))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda r: _is_here(r.url) or page.problems.append(f"asks for {r.url}"))
    try:
        yield page
    finally:
        page.close()


def until(page, expression: str, seconds: float = 120):
    """The value of an expression in the page, as soon as it is not null; else None.

    Chromium may drop a promise that nobody but Playwright waits for (microsoft/playwright#41826):
    where the page needs time, it is asked again instead.
    """
    end, pause = time.monotonic() + seconds, 10
    while (value := page.evaluate(expression)) is None and time.monotonic() < end:
        page.wait_for_timeout(pause)
        pause = min(2 * pause, 320)  # asking takes time from what is asked for
    return value


def settled(page, function: str, argument=None):
    """What the promise of a function in the page gives."""
    page.evaluate(
        f"""argument => {{
            window.settled = null;
            Promise.resolve(({function})(argument)).then(
                value => {{ window.settled = {{value}}; }},
                error => {{ window.settled = {{error: String(error)}}; }},
            );
        }}""",
        argument,
    )
    outcome = until(page, "window.settled")
    assert outcome is not None, f"not done within two minutes: {function}"
    assert "error" not in outcome, outcome["error"]
    return outcome.get("value")


def hard_to_read(page, context: str | None = None) -> list[str]:
    """What people with poor sight cannot read (WCAG 2.1, A and AA), of a page or a part of it."""
    from axe_playwright_python.sync_playwright import Axe

    rules = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}
    page.evaluate(Axe().axe_script)
    run = "([context, options]) => axe.run(context ?? document, options)"
    found = settled(page, run, [context, options])["violations"]
    return [f"{v['id']}: {n['target']}: {n['html'][:120]}" for v in found for n in v["nodes"]]


def _told(message) -> str:
    return f"{message.text} ({message.location.get('url', '')})"


def _is_here(url: str) -> bool:
    local = ("http://localhost:", "http://127.0.0.1:", "ws://localhost:", "ws://127.0.0.1:")
    return url.startswith((*local, "file:", "data:", "blob:", "about:"))


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page, address: str, path: str) -> None:
        self.page = page
        page.goto(address.format(path))
        page.wait_for_selector(".jp-Notebook >> visible=true", timeout=120_000)
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        idle = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
        self.page.wait_for_function(f"{idle} == 'idle'", timeout=120_000)

    def run(self, *places: int) -> list[dict]:
        """Run cells; the outputs of the last."""
        for i in places:
            outputs = settled(
                self.page,
                f"""async i => {{
                    const notebook = {_NOTEBOOK};
                    notebook.activeCellIndex = i;
                    notebook.deselectAll();
                    await window.jupyterapp.commands.execute('notebook:run-cell');
                    return notebook.model.cells.get(i).outputs?.toJSON() ?? [];
                }}""",
                i,
            )
            errors = [o for o in outputs if o["output_type"] == "error"]
            assert not errors, f"cell {i}: {errors[0]['ename']}: {errors[0]['evalue']}"
        return outputs

    def write(self, place: int, source: str) -> None:
        """Replace a cell's source."""
        script = f"([i, s]) => {_NOTEBOOK}.model.cells.get(i).sharedModel.setSource(s)"
        self.page.evaluate(script, [place, source])

    def cell(self, place: int):
        """The element of a cell, scrolled to."""
        settled(self.page, f"i => {_NOTEBOOK}.scrollToItem(i, 'center')", place)
        return self.page.evaluate_handle(f"i => {_NOTEBOOK}.widgets[i].node", place).as_element()

    def restart(self) -> None:
        context = "window.jupyterapp.shell.currentWidget.sessionContext"
        settled(self.page, f"() => {context}.restartKernel()")
        self.wait_for_kernel()

    def redraw(self, cell, move) -> float:
        """Milliseconds from the event that `move()` makes to another figure in the cell.

        Raises AssertionError if none comes.
        """
        self.page.evaluate(
            """cell => {
                const figure = () => cell.querySelector('.jp-OutputArea img')?.src;
                const before = figure();
                let start;
                for (const name of ['keydown', 'change', 'click'])
                    cell.addEventListener(name, (e) => { start ??= e.timeStamp; }, true);
                window.redrawn = null;
                window.watching?.disconnect();
                window.watching = new MutationObserver(() => {
                    if (figure() && figure() !== before) {
                        window.watching.disconnect();
                        window.redrawn = performance.now() - start;
                    }
                });
                window.watching.observe(cell, {subtree: true, childList: true, attributes: true});
            }""",
            cell,
        )
        move()
        took = until(self.page, "window.redrawn", 20)
        assert took is not None, "the figure does not change"
        return took


# --- which cells a widget needs ------------------------------------------------------------------


def widget_cells(path: Path) -> list[int]:
    """The places of the cells with a widget that draws."""
    cells = nbformat.read(path, 4).cells
    return [i for i, c in enumerate(cells) if c.cell_type == "code" and "interact(" in c.source]


def needed(path: Path, place: int) -> list[int]:
    """The cells to run before a cell: those tagged setup, and those that make what it uses."""
    cells = nbformat.read(path, 4).cells
    trees = {
        i: ast.parse(c.source) for i, c in enumerate(cells[: place + 1]) if c.cell_type == "code"
    }
    imports = {name for tree in trees.values() for name in _imported(tree)}
    chosen, wanted = {place}, _used(trees[place])
    for i in sorted(trees, reverse=True):
        setup = "setup" in cells[i].metadata.get("tags", [])
        defined, changed = _defined(trees[i]), _changed(trees[i], imports)
        if i != place and (setup or (defined | changed) & wanted):
            chosen.add(i)
            wanted = (wanted - defined) | _used(trees[i])
    return sorted(chosen - {place})


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((a.asname or a.name).partition(".")[0] for a in node.names)


def _used(tree: ast.Module) -> set[str]:
    """Names that a cell takes from earlier ones: it reads them no later than it sets them."""
    read, made = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            lines = read if isinstance(node.ctx, ast.Load) else made
            lines[node.id] = min(node.lineno, lines.get(node.id, node.lineno))
        elif isinstance(node, ast.arg):
            made[node.arg] = min(node.lineno, made.get(node.arg, node.lineno))
            read[node.arg] = read.get(node.arg, node.lineno + 1)
        elif isinstance(node, ast.FunctionDef):
            made[node.name] = min(node.lineno, made.get(node.name, node.lineno))
    in_one_line = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    in_one_line |= {
        n.id
        for c in ast.walk(tree)
        if isinstance(c, ast.comprehension)
        for n in ast.walk(c.target)
        if isinstance(n, ast.Name)
    }
    taken = {name for name, line in read.items() if line <= made.get(name, line)}
    return taken - {n for n in in_one_line if made.get(n) == read.get(n)}


def _defined(tree: ast.Module) -> set[str]:
    """Names that a cell sets, not within a function or a comprehension."""
    inner = ast.FunctionDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp
    inner |= ast.GeneratorExp
    made, left = set(_imported(tree)), list(tree.body)
    while left:
        node = left.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        if not isinstance(node, inner):
            left += ast.iter_child_nodes(node)
    return made


def _changed(tree: ast.Module, imports: set[str]) -> set[str]:
    """Names of what a cell changes in part: `x[0] = 1`, or `model.fit(x)` on a line of its own."""
    changed = set()
    calls = [n.value.func for n in ast.walk(tree) if isinstance(n, ast.Expr) and _is_call(n.value)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
            set_here = isinstance(node.ctx, ast.Store)
            if set_here or (node in calls and node.value.id not in imports):
                changed.add(node.value.id)
    return changed


def _is_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call)


# --- the controls of a widget --------------------------------------------------------------------


def controls(cell) -> list:
    """Sliders and menus."""
    return cell.query_selector_all(".noUi-handle, select, input[type=checkbox]")


def move(control) -> None:
    """Move a control by one step, as a learner with a keyboard would."""
    if control.evaluate("c => c.tagName") == "SELECT":
        now = control.evaluate("c => c.selectedIndex")
        control.select_option(index=1 if now == 0 else 0)
        return
    if control.evaluate("c => c.tagName") == "INPUT":
        control.click()
        return
    control.focus()
    low, now = control.get_attribute("aria-valuemax"), control.get_attribute("aria-valuenow")
    control.press("ArrowLeft" if float(now) >= float(low) else "ArrowRight")
