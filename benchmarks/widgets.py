"""How long does a widget take to redraw? In Chromium, from a key press to another figure.

Each control of each widget of each chapter is moved by `STEPS` steps in JupyterLab; only the cells
that the widget needs are run before. The last line gives the median for each widget, in
milliseconds, of the control that takes longest.
"""

import json
import tempfile
from pathlib import Path
from statistics import median

from tests.browser import lab

RESULT = Path(__file__).parent / "results" / "widgets.json"
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
STEPS = 9


def measure(notebook: lab.Notebook, place: int) -> float:
    """Milliseconds of one widget, in a cell that has run."""
    cell = notebook.cell(place)
    cell.wait_for_selector(".jp-OutputArea img")
    notebook.page.wait_for_timeout(3000)  # JupyterLab renders what is out of sight, cell by cell
    slowest = 0.0
    for control in lab.controls(cell):
        steps = [
            notebook.redraw(cell, lambda control=control: lab.move(control)) for _ in range(STEPS)
        ]
        slowest = max(slowest, median(steps[1:]))  # the first draws for the first time
    return slowest


def main() -> None:
    from playwright.sync_api import sync_playwright

    found = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        options = {"executable_path": lab.CHROMIUM, "args": ["--no-sandbox"]}
        with (
            playwright.chromium.launch(**options) as browser,
            lab.running(Path(folder) / "work") as address,
        ):
            for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
                with lab.page_of(browser) as page:
                    notebook, done = lab.Notebook(page, address, f"notebooks/{path.name}"), set()
                    for i, place in enumerate(lab.widget_cells(path), 1):
                        before = [k for k in lab.needed(path, place) if k not in done]
                        notebook.run(*before, place)
                        done |= {*before, place}
                        name = f"{path.stem[:2]}.{i}"
                        found[name] = round(measure(notebook, place))
                        print(name, found[name], "ms", flush=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
