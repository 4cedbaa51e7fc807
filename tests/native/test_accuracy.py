"""CUDA kernels are as near to float64 as PyTorch is, op by op and dtype by dtype; docs/accuracy.md holds the table.

GPUDL_WRITE_TABLES=1 writes the table anew; without it the test says where the one in the repository is out of date.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from accuracy import DTYPES, ROWS, Measured, Row, measure, table
from emulated import needs_modules

from gpudl import testing

pytestmark = needs_modules
PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
START, END = "<!-- table -->\n", "<!-- end of table -->\n"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_error_is_no_larger_than_the_peer_has(row: Row, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    with testing.use_kernels("emulated"):
        measured = measure(torch, row, dtype)
    assert measured.ours <= measured.bound, f"{measured.ours} > {measured.bound}; PyTorch: {measured.torch}"


def test_the_table_is_up_to_date() -> None:
    torch = pytest.importorskip("torch")
    with testing.use_kernels("emulated"):
        measured: list[Measured] = [measure(torch, row, dtype) for row in ROWS for dtype in DTYPES]
    fresh, page = table(measured), PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    held, after = rest.split(END)
    if os.environ.get("GPUDL_WRITE_TABLES") == "1":
        PAGE.write_text(before + START + fresh + END + after, encoding="utf-8")
        return
    number = re.compile(r"\d+\.\d+")  # what another machine's mathematical functions may change a little
    assert number.sub("#", held) == number.sub("#", fresh), "run this test with GPUDL_WRITE_TABLES=1, and commit docs/accuracy.md"
    for now, then in zip(number.findall(fresh), number.findall(held)):
        assert abs(float(now) - float(then)) <= 0.5 + 0.5 * float(then), f"docs/accuracy.md holds {then} where {now} comes out"
