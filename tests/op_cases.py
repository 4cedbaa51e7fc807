"""Gathers the one table of cases: `CASES` of every file in tests/cases/, one file per family of ops."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from gpudl.testing import Case


def gather() -> list[Case]:
    found: dict[str, Case] = {}
    for file in sorted((Path(__file__).parent / "cases").glob("*.py")):
        for case in import_module(f"cases.{file.stem}").CASES:
            if case.name in found:
                raise ValueError(f"tests/cases/{file.name}: there is a case {case.name!r} already")
            found[case.name] = case
    return list(found.values())


CASES = gather()
