"""No public name is forgotten: each stands on a page of docs/api, and has a docstring with an example (which runs as a doctest)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import gpudl
from gpudl.renames import IN_MODULES

DOCS = Path(__file__).parents[1] / "docs"
NAMES = re.compile(r"^\.\. names:: ([\w.]+)\n\n((?: {3}.*\n)+)", re.M)


def public(module: ModuleType) -> list[str]:
    """The names that a module lists, without old spellings; `gpudl.ops` shows what its families list."""
    if module is gpudl.ops:
        families = [importlib.import_module(f"gpudl.ops.{info.name}") for info in pkgutil.iter_modules(module.__path__)]
        return [name for family in families for name in getattr(family, "__all__", ())]
    listed = [name for name in module.__all__ if name in vars(module) or (module.__name__, name) not in IN_MODULES]
    return [*listed, *(gpudl._LAZY if module is gpudl else ())]


def modules(module: ModuleType = gpudl) -> Iterator[ModuleType]:
    yield module
    for name in public(module):
        found = getattr(module, name)
        if isinstance(found, ModuleType):
            yield from modules(found)


def told() -> dict[str, list[str]]:
    """Module -> the names on the pages."""
    found: dict[str, list[str]] = {}
    for page in sorted((DOCS / "api").glob("*.rst")):
        for module, names in NAMES.findall(page.read_text(encoding="utf-8")):
            found.setdefault(module, []).extend(names.split())
    return found


PUBLIC = {module.__name__: module for module in modules()}
TOLD = told()


def test_the_modules_are_found() -> None:
    assert {"gpudl", "gpudl.ops", "gpudl.layers", "gpudl.optimizers.schedules", "gpudl.datasets.iris", "gpudl.testing"} <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_stands_on_a_page(name: str) -> None:
    module = PUBLIC[name]
    expected = {n for n in public(module) if not isinstance(getattr(module, n), ModuleType)} - {"__version__"}
    page = TOLD.get(name, [])
    assert sorted(expected - set(page)) == [], f"add these to the page of {name} in docs/api"
    assert sorted(set(page) - expected) == [], f"the page of {name} in docs/api tells of names that are not public"
    assert len(page) == len(set(page)), f"the page of {name} tells of a name twice"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name: str) -> None:
    module = PUBLIC[name]
    things = {n: getattr(module, n) for n in public(module)}
    bare = [n for n, thing in things.items() if callable(thing) and ">>>" not in (own_docstring(thing) or "")]
    assert bare == [], f"write a docstring with an example (>>>) for these of {name}"


def own_docstring(thing: object) -> str | None:
    return vars(thing).get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_method_has_a_docstring(name: str) -> None:
    """Its own, or that of the method which it overrides."""
    module = PUBLIC[name]
    for owner in (thing for n in public(module) if inspect.isclass(thing := getattr(module, n))):
        for method, value in vars(owner).items():
            if not method.startswith("_") and (inspect.isroutine(value) or isinstance(value, (property, classmethod, staticmethod))):
                assert inspect.getdoc(getattr(owner, method)), f"{owner.__name__}.{method} has no docstring"


def test_every_page_is_in_the_contents() -> None:
    index = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    for page in (DOCS / "api").glob("*.rst"):
        assert page.stem == "index" or re.search(rf"^   {page.stem}$", index, re.M), f"docs/api/index.rst leaves {page.name} out"
    contents = (DOCS / "index.md").read_text(encoding="utf-8").split("```{toctree}")[1]
    for page in DOCS.glob("*.md"):
        assert page.stem == "index" or re.search(rf"^{page.stem}$", contents, re.M), f"docs/index.md leaves {page.name} out"
