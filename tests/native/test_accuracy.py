"""CUDA kernels are as near to float64 as PyTorch is, op by op and dtype by dtype; docs/accuracy.md holds the table.

GPUDL_WRITE_TABLES=1 writes the table anew; without it the test says where the one in the repository is out of date.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from accuracy import DTYPES, ROWS, Measured, Row, measure, table
from emulated import needs_modules

from gpudl import testing

pytestmark = needs_modules
PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
WRITE = "docs/accuracy.md is out of date: run this test with GPUDL_WRITE_TABLES=1, and commit the page"
START, END = "<!-- table -->\n", "<!-- end of table -->\n"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """PyTorch's sums depend on the number of its threads."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
    assert [names(line) for line in held.splitlines()] == [names(line) for line in fresh.splitlines()], WRITE
    for then, now in zip(held.splitlines()[2:], fresh.splitlines()[2:]):
        for a, b in zip(ours(then), ours(now)):  # another machine's mathematical functions may change them a little, PyTorch's columns more
            assert abs(a - b) <= 0.5 + 0.5 * a, f"{WRITE}: {then} has become {now}"


def names(line: str) -> str:
    return line.split("|")[1]


def ours(line: str) -> list[float]:
    return [float(cell) for cell in line.split("|")[2:-1:2]]
