"""Parsons problems: lines to put in order. The ordered lines are run, so that any order that
works is right. The answer is a list of labels; a widget only helps to write it."""

import re
from html import escape

from tlcourse.checks.properties import Failure


def assemble(lines: dict[str, str], order, name: str, given: dict | None = None):
    """The function `name` that the lines define in this order.

    Parameters
    ----------
    lines : dict of str
        The lines with their indentation, by label.
    order : list of str
        The labels, as the learner ordered them.
    name : str
        Of the function that the lines define.
    given : dict
        Names that the lines may use.

    Raises
    ------
    Failure
        If the order is no list of labels, or the lines cannot be run; the line is named.
    """
    if not isinstance(order, list):
        raise Failure(f"write a list of labels, such as {list(lines)[:2]}")
    for label in order:
        if not isinstance(label, str) or label not in lines:
            raise Failure(f"there is no line {label!r}; the labels are {', '.join(lines)}")
        if order.count(label) > 1:
            raise Failure(f"line {label} is used twice")
    scope = dict(given or {})
    try:
        exec(compile("\n".join(lines[label] for label in order), "<order>", "exec"), scope)
    except SyntaxError as error:
        at = order[min(error.lineno or 1, len(order)) - 1] if order else "?"
        why = re.sub(r" on line (\d+)", lambda n: f" in line {order[int(n[1]) - 1]}", error.msg)
        at = f"{at}, or the lines just before it stand too early" if "unindent" in why else at
        raise Failure(f"this order is not valid Python at line {at} ({why})") from None
    except Exception as error:
        raise Failure(explain(error, order)) from None
    if not callable(scope.get(name)):
        raise Failure(f"in this order the lines define no function {name}")
    return guard(scope[name], order)


def guard(function, order):
    """The function, whose errors name the line of the Parsons problem that they come from."""

    def guarded(*arguments):
        try:
            return function(*arguments)
        except Exception as error:
            raise Failure(explain(error, order)) from None

    return guarded


def explain(error: Exception, order: list[str]) -> str:
    """An exception of the assembled lines, with the label of its line."""
    trace, at = error.__traceback__, None
    while trace:
        if trace.tb_frame.f_code.co_filename == "<order>":
            at = order[trace.tb_lineno - 1]
        trace = trace.tb_next
    return f"line {at} fails in this order ({type(error).__name__}: {error})"


def show(name: str, lines: dict[str, str]) -> None:
    """Show the lines with their labels; in Jupyter with buttons that write the list `name`."""
    from tlcourse.quiz import show_widget

    listed = "\n".join(f"{label}  {line}" for label, line in lines.items())
    show_widget(lambda: buttons(name, lines, listed), markdown=f"```\n{listed}\n```", text=listed)


def buttons(name: str, lines: dict[str, str], listed: str):
    """A widget: the lines, a button for each, and below them the list and the program so far."""
    import ipywidgets as widgets

    order: list[str] = []
    text, program = widgets.HTML(), widgets.HTML()

    def refresh() -> None:
        text.value = f"<code>{name} = {order}</code>" if order else "Press the lines in order."
        program.value = _preformatted("\n".join(lines[label] for label in order))
        for label, button in by_label.items():
            button.disabled = label in order

    def press(label: str):
        return lambda _: (order.append(label), refresh())

    def back(_) -> None:
        del order[-1:]
        refresh()

    by_label = {
        label: widgets.Button(description=label, layout=widgets.Layout(width="3em"))
        for label in lines
    }
    for label, button in by_label.items():
        button.on_click(press(label))
    undo = widgets.Button(description="take back")
    undo.on_click(back)
    refresh()
    row = widgets.HBox([*by_label.values(), undo], layout=widgets.Layout(flex_flow="row wrap"))
    return widgets.VBox([widgets.HTML(_preformatted(listed)), row, text, program])


def _preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
