"""Every row of the course's fragments and terms, of old spellings, and of what models take: programs for Keras, run in two ways.

With their import lines changed, as a user would change them, and as they are, as `python -m gpudl run` runs them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from compat import rows_course, rows_models, rows_old, rows_older

from gpudl.compat import calls
from gpudl.compat.run import Stand

PROGRAMS = {
    f"{kind}: {name}": program
    for kind, rows in (
        ("course", rows_course.FRAGMENTS),
        ("term", rows_course.TERMS),
        ("old", rows_old.SPELLINGS),
        ("older", rows_older.SPELLINGS),
        ("model", rows_models.MODELS),
        ("utils", rows_models.UTILS),
    )
    for name, program in rows.items()
} | {"course: 16 tensors of tensorflow": rows_course.TENSORFLOW}


def data() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    labels = np.eye(3, dtype="f4")
    return {
        "X_train": rng.normal(size=(75, 4)).astype("f4"),
        "y_train": labels[np.arange(75) % 3],
        "X_test": rng.normal(size=(30, 4)).astype("f4"),
        "y_test": labels[np.arange(30) % 3],
    }


def renamed(program: str) -> str:
    """The program with its import lines changed."""
    lines = []
    for line in program.splitlines():
        if re.match(r"\s*(import|from)\s", line):
            line = re.sub(r"^(\s*)import gpudl$", r"\1import gpudl as keras", re.sub(r"\bkeras\b", "gpudl", line))
        lines.append(line)
    return "\n".join(lines)


@pytest.fixture(params=["renamed", "run"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    calls._hint_at_strides.cache_clear()
    if request.param == "renamed":
        yield "renamed"
        return
    sys.meta_path.insert(0, Stand)
    try:
        yield "run"
    finally:
        sys.meta_path.remove(Stand)
        for name in [n for n in sys.modules if n.split(".")[0] in ("keras", "tf_keras", "tensorflow")]:
            del sys.modules[name]


def execute(program: str, way: str) -> None:
    if way == "renamed" and "tensorflow" in program:
        pytest.skip("tensorflow stands for gpudl in the other way alone")
    exec(compile(renamed(program) if way == "renamed" else program, "row", "exec"), {"__name__": "row", **data()})


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs(name: str, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    execute(PROGRAMS[name], way)


@pytest.mark.parametrize("name", rows_course.MISPRINTS)
def test_misprints_name_the_fix(name: str, way: str) -> None:
    program, kind, words = rows_course.MISPRINTS[name]
    with pytest.raises(Exception, match=re.escape(words)) as caught:
        execute(program, way)
    assert kind in [c.__name__ for c in type(caught.value).__mro__]
