"""Reference kernels run on CuPy too: every function and keyword of the array module that they use exists there.

CuPy imports without a driver. GPUDL_REQUIRE_CUPY=1 makes its absence an error.
"""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import gpudl

HOUSE = Path(gpudl.__file__).parent
REQUIRED = os.environ.get("GPUDL_REQUIRE_CUPY") == "1"
UFUNC_KEYWORDS = {"out", "dtype", "casting"}  # cupy.ufunc takes no where=


@pytest.fixture(scope="module")
def cupy() -> Any:
    if REQUIRED:
        import cupy
    else:
        cupy = pytest.importorskip("cupy", reason="CuPy is not installed; GPUDL_REQUIRE_CUPY=1 makes that an error")
    return cupy


def dotted(node: ast.AST) -> str | None:
    """``"lib.stride_tricks.as_strided"`` of ``xp.lib.stride_tricks.as_strided``; None of anything not rooted in xp."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join(reversed(names)) if names and isinstance(node, ast.Name) and node.id == "xp" else None


@cache
def uses() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple(found())


def found() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(where, name, keywords) of everything used on an argument `xp`, in any function of the package."""
    for file in sorted(HOUSE.rglob("*.py")):
        if "backends" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            where = f"{file.relative_to(HOUSE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                name = dotted(node.func)
                if name is not None:
                    assert all(k.arg for k in node.keywords), f"{where}: xp.{name} is called with **keywords, which cannot be checked"
                    yield where, name, tuple(str(k.arg) for k in node.keywords)
            elif isinstance(node, ast.Attribute):
                name = dotted(node)
                if name is not None:
                    yield where, name, ()


def find(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


def accepts(function: Any, keyword: str, cupy: Any) -> bool:
    if isinstance(function, cupy.ufunc):
        return keyword in UFUNC_KEYWORDS
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return keyword in (function.__doc__ or "")
    return keyword in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def test_something_is_checked() -> None:
    names = {name for _, name, _ in uses()}
    assert {"add", "multiply", "sum", "copyto"} <= names


def test_what_cupy_lacks_would_be_noticed(cupy: Any) -> None:
    assert find(cupy, "no_such_function") is None and find(cupy, "lib.stride_tricks.as_strided") is not None
    assert not accepts(cupy.add, "where", cupy) and accepts(cupy.add, "out", cupy) and accepts(cupy.copyto, "where", cupy)
    assert accepts(cupy.sum, "keepdims", cupy) and not accepts(cupy.sum, "initial", cupy)


def test_every_name_exists_in_cupy(cupy: Any) -> None:
    missing = sorted({f"{where}: xp.{name}" for where, name, _ in uses() if find(cupy, name) is None})
    assert not missing, "CuPy lacks\n" + "\n".join(missing)


def test_every_keyword_exists_in_cupy(cupy: Any) -> None:
    wrong = [
        f"{where}: xp.{name}({keyword}=)"
        for where, name, keywords in uses()
        for keyword in keywords
        if find(cupy, name) is not None and not accepts(find(cupy, name), keyword, cupy)
    ]
    assert not wrong, "CuPy does not take\n" + "\n".join(sorted(set(wrong)))


FORBIDDEN = {
    "add.at": "CuPy has no ufunc.at, and the order of its sums is not fixed; sort and sum segments",
    "errstate": "the launch is guarded already",
    "vectorize": "a Python loop",
    "asnumpy": "copies to the host, which synchronises",
}


def test_nothing_forbidden_is_used() -> None:
    bad = [f"{where}: xp.{name}: {FORBIDDEN[name]}" for where, name, _ in uses() if name in FORBIDDEN or name.endswith(".at")]
    assert not bad, "\n".join(bad)
