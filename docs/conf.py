"""Sphinx: what the site looks like. `docs/build.py` gathers the pages and runs this."""

import importlib.metadata
import re

from docutils import nodes
from sphinx.util import logging

import tlcourse.backend  # noqa: F401  silences TensorFlow before autodoc imports Keras
from tlcourse.course.pages import to_mathml

project = "tlcourse"
author = "The tlcourse developers"
project_copyright = "The tlcourse developers"
release = importlib.metadata.version("tlcourse")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_generated"]
nb_execution_mode = "off"  # the outputs are those that are committed and tested
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

default_role = "literal"  # `x` in a docstring is code
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
napoleon_google_docstring = False

html_theme = "sphinx_book_theme"
html_title = "tlcourse: transfer learning, measured"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_show_sphinx = False
html_math_renderer = "mathml"
html_theme_options = {
    "home_page_in_toc": True,
    "show_toc_level": 2,
    # No button in the header, which is hidden: the theme's script heeds the page's first alone.
    "navbar_persistent": "",
}
html_context = {"default_mode": "light"}  # what the figures are drawn for


def keep_signs(app, doctree, name):
    """Join a comma or a full stop to the formula before it: it must not begin the next line."""
    for node in list(doctree.findall(nodes.math)):
        beside = node.parent[node.parent.index(node) + 1 :]
        if beside and isinstance(beside[0], nodes.Text) and beside[0][:1] in tuple(",.;:?!)"):
            node["sign"] = beside[0][0]
            node.parent.replace(beside[0], nodes.Text(beside[0][1:]))


def mark_languages_and_sections(app, doctree):
    """Say which terms are Chinese, and which sections can be skipped."""
    for term in doctree.findall(nodes.term):
        if re.search(r"[\u4e00-\u9fff]", term.astext()):
            term["classes"].append("language-zh")  # docutils writes it as lang="zh"
    for title in doctree.findall(nodes.title):
        if title.astext().startswith("Going deeper") and isinstance(title.parent, nodes.section):
            title.parent["classes"].append("deeper")


def add_excerpts(app, pagename, templatename, context, doctree):
    """Let the search show a piece of what it finds, from a disk as well."""
    if pagename == "search":
        app.add_js_file("excerpts.js")


def formula(display: str):
    """A visitor that writes a formula as MathML, which browsers show without a script."""
    # A wide formula scrolls, and must do so without a mouse.
    before, after = ("<div tabindex='0'", "</div>") if display == "block" else ("<span", "</span>")

    def visit(translator, node):
        try:
            mathml = to_mathml(node.astext(), display)
        except Exception as error:  # of many kinds, all saying: not LaTeX that I know
            logging.getLogger(__name__).warning("no MathML: %r", error, location=node)
            mathml = ""
        translator.body.append(f"{before} class='formula'>{mathml}{node.get('sign', '')}{after}")
        raise nodes.SkipNode

    return visit


def setup(app):
    """Add the renderer of formulas."""
    app.connect("doctree-read", mark_languages_and_sections)
    app.connect("html-page-context", add_excerpts)
    app.connect("doctree-resolved", keep_signs)
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(formula("inline"), None),
        block_renderers=(formula("block"), None),
    )
