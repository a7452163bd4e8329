"""Executed notebooks as web pages that open without the internet."""

import re
from copy import deepcopy
from pathlib import Path

from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from tlcourse.course.execute import clean


def to_html(notebook: NotebookNode, title: str) -> str:
    """A page that opens without the internet: mathematics as MathML, figures with their texts."""
    exporter = HTMLExporter(
        template_name="page",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
    )
    exporter.register_filter("markdown2html", markdown_to_html)
    resources = {"metadata": {"name": title}}
    return exporter.from_notebook_node(clean(deepcopy(notebook)), resources)[0]


# `a log x` needs spaces, which browsers do not add: before the function, and after it.
_SPACED = re.compile(
    r"(</(?:mi|mn|msub|msup)>)(?=<mi>(?:log|ln)</mi>)"
    r"|(?<!<msub>)(<mi>(?:log|ln)</mi>)(?!<mo[ >])"
)


def to_mathml(latex: str, display: str) -> str:
    """A formula, "inline" or "block", as MathML, which browsers show without a script.

    Raises
    ------
    Exception
        Of many kinds, if this is not LaTeX that the converter knows.
    """
    # The converter knows `align*`, which looks the same, but not `aligned`.
    mathml = convert(latex.strip().replace("{aligned}", "{align*}"), display=display)
    return _SPACED.sub(r"\g<0><mspace width='0.17em'/>", mathml)


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown with the mathematics converted."""

    def inline_math(self, body: str) -> str:
        return self._math(body, "inline")

    def block_math(self, body: str) -> str:
        return self._math(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return self._math(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def _math(self, body: str, display: str) -> str:
        try:
            return to_mathml(body, display)
        except Exception:  # of many kinds, all saying: not LaTeX that I know
            return f"<code>{self.escape_html(body)}</code>"


@pass_context
def markdown_to_html(context, source: str) -> str:
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = _Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(source)
