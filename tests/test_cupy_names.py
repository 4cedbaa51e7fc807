"""Reference kernels run on CuPy too: every function and keyword of the array module that they use exists there.

CuPy imports without a driver. GPUDL_REQUIRE_CUPY=1 makes its absence an error.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cupy_standin
import cupy_tables
import numpy as np
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


# tests/cupy_tables.py ---------------------------------------------------------------------------------------------


def parameters_of(function: Any) -> tuple[str, ...]:
    """The names of a function's parameters, from its signature or from the first line of its docstring."""
    try:
        found = inspect.signature(function).parameters.values()
        names = [("*" if p.kind is p.VAR_POSITIONAL else "") + p.name for p in found]
    except ValueError:
        first = (function.__doc__ or "").split("\n")[0]
        names = [part.split("=")[0].split()[-1] for part in re.search(r"\((.*?)\)", first)[1].split(",")]  # type: ignore[index]
    return tuple(name for name in names if name not in ("self", "*"))


def test_the_stand_in_has_what_the_kernels_use() -> None:
    missing = sorted({f"{where}: xp.{name}" for where, name, _ in uses() if find(cupy_standin.xp, name) is None})
    assert not missing, "add to the tables of tests/cupy_tables.py, and what is more than a name to tests/cupy_standin.py\n" + "\n".join(
        missing
    )


def test_functions_of_the_stand_in_are_cupys(cupy: Any) -> None:
    assert not [name for name in cupy_tables.UFUNCS if not isinstance(getattr(cupy, name, None), cupy.ufunc)]
    for name, parameters in cupy_tables.FUNCTIONS.items():
        if name == "matmul":  # a generalised ufunc, whose operands have no names
            assert type(cupy.matmul).__name__ == "_GUFunc" and parameters[-1] == "out"
        else:
            assert parameters_of(getattr(cupy, name)) == parameters, name
    assert all(getattr(cupy, name) is getattr(np, name) or name == "nan" for name in cupy_tables.TYPES)


def test_methods_of_the_stand_in_are_cupys(cupy: Any) -> None:
    for name, parameters in cupy_tables.METHODS.items():
        assert parameters_of(getattr(cupy.ndarray, name)) == parameters, name
    named = {n for n in vars(cupy_standin.ndarray) if not n.startswith("_")}
    assert not [n for n in named | set(cupy_tables.ATTRIBUTES) if not hasattr(cupy.ndarray, n)]
    special = {f"__{side}{n}__" for n in cupy_tables.OPERATORS for side in ("", "r", "i")} | {f"__{n}__" for n in cupy_tables.COMPARISONS}
    assert not [n for n in special if not hasattr(cupy.ndarray, n)]
