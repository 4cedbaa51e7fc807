"""Build these pages: `make docs`. Sphinx reads the guides (Markdown) and the pages in api/, whose text is the docstrings.

Nothing is fetched: the theme comes with Sphinx, and no other site's index is read. Warnings are errors.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import gpudl

project = "gpudl"
author = "the authors of gpudl"
version = release = gpudl.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]

html_theme = "alabaster"
html_theme_options = {
    "description": "Keras scripts on GPUs, laptops and plain NumPy",
    "fixed_sidebar": True,
    "page_width": "1060px",
    "sidebar_width": "240px",
    "code_font_size": "0.8em",
    "font_family": "system-ui, 'Noto Sans JP', 'Hiragino Sans', sans-serif",
    "head_font_family": "system-ui, 'Noto Sans JP', 'Hiragino Sans', sans-serif",
}
html_sidebars = {"**": ["about.html", "searchfield.html", "navigation.html"]}
html_show_copyright = False
html_static_path = ["style"]
html_css_files = ["gpudl.css"]
html_copy_source = False
toc_object_entries_show_parents = "hide"

autodoc_default_options = {"members": True}
autodoc_inherit_docstrings = False  # a method that only does what its base says is not told again
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autosummary_generate = False
default_role = "py:obj"  # `name` in a docstring: code, and a link where there is such a thing
maximum_signature_line_length = 100
myst_heading_anchors = 3
napoleon_use_rtype = False


class Names(SphinxDirective):
    """`.. names:: gpudl.layers` with names under it: a table of them, one line each, and then the whole of every docstring."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module = importlib.import_module(self.arguments[0])
        names = " ".join(self.content).split()
        lines = [f".. currentmodule:: {module.__name__}", "", ".. autosummary::", "   :nosignatures:", "", *[f"   {n}" for n in names]]
        for name in names:
            if not hasattr(module, name):
                raise self.error(f"{module.__name__} has no {name}")
            thing = getattr(module, name)
            lines += ["", f".. {directive(thing)}:: {name}", *[f"   {option}" for option in options(thing, module.__name__)]]
        return self.parse_text_to_nodes(StringList(lines, source=self.get_source_info()[0]), allow_section_headings=False)


SPAN = re.compile(r"``.+?``|`[^`]+`")
NAME = re.compile(r"[A-Za-z_][\w.]*")


def plain(text: str) -> str:
    """A line of a docstring as reStructuredText: `names` may become links, other `code` is code, and |x| * y_ is meant as it stands."""
    made, at = "", 0
    for span in SPAN.finditer(text):
        made += escaped(text[at : span.start()])
        inside = span[0].strip("`")
        made += span[0] if span[0].startswith("``") or NAME.fullmatch(inside) else f"``{inside}``"
        at = span.end()
    return made + escaped(text[at:])


def escaped(text: str) -> str:
    return re.sub(r"[*|]|_(?=\W|$)", r"\\\g<0>", text)


def docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Everything but the examples is plain text with `code` in it."""
    if what in ("property", "attribute") and lines and ": " in lines[0]:  # for napoleon what stands before the colon would be a type
        before, _, after = lines[0].partition(": ")
        lines[:1] = [before + ":", after]
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            lines[i] = plain(line)


def directive(thing: Any) -> str:
    if inspect.isclass(thing):
        return "autoexception" if issubclass(thing, Exception) else "autoclass"
    return "autofunction" if callable(thing) else "autodata"


def options(thing: Any, module: str) -> list[str]:
    """A class shows what it has from classes that have no place of their own here. Links lead to the page where it is at home."""
    if not inspect.isclass(thing) or not thing.__module__.startswith("gpudl."):
        return []
    home = thing.__module__.split(".")[1]
    elsewhere = home in (*gpudl.__all__, *gpudl._LAZY) and not module.startswith(f"gpudl.{home}")
    told = [base for base in thing.__mro__[1:] if base is gpudl.layers.Layer or vars(sys.modules[module]).get(base.__name__) is base]
    hidden = [base for base in thing.__mro__[1:] if not base.__module__.startswith("gpudl.") or any(issubclass(t, base) for t in told)]
    return [f":inherited-members: {', '.join(base.__name__ for base in hidden)}", *[":no-index:"] * elsewhere]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("names", Names)
    app.connect("autodoc-process-docstring", docstring, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
