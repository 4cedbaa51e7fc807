"""What float32 products on tensor cores cost in accuracy, beside the ordinary units and PyTorch: the second table of docs/accuracy.md.

GPUDL_WRITE_TABLES=1 writes it anew; without it the test says where the one in the repository is out of date.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from emulated import FAST, call, needs_modules, poisoned

pytestmark = needs_modules
PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
START, END = "<!-- products -->\n", "<!-- end of products -->\n"
PRECISIONS = ("float32", "bf16x9", "bf16x6", "bf16x3", "tf32")
LENGTHS = (64, 256, 1024, 4096, 16_384)
KINDS = ("around 0", "positive")
UNIT = 2.0**-24


def operands(k: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(k)
    a, b = rng.standard_normal((48, k), np.float32), rng.standard_normal((k, 40), np.float32)
    return (np.abs(a), np.abs(b)) if kind == "positive" else (a, b)


def error(found: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """The largest one, over the root mean square of the sums of absolute products, in units of half a last place."""
    exact, sizes = a.astype(np.float64) @ b.astype(np.float64), np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    return float(np.abs(found - exact).max() / np.sqrt((sizes**2).mean()) / UNIT)


@cache
def ours(precision: str, k: int, kind: str) -> float:
    assert FAST.module is not None
    a, b = operands(k, kind)
    y = poisoned((48, 40), np.float32)
    FAST.module.force_candidate("tiles" if precision == "float32" else "tensor_cores")
    FAST.module.set_matmul_precision(FAST.module.PRECISIONS.index(precision))
    try:
        assert call(FAST.module, "matmul", [y], [a, b], (False, False)) is None
    finally:
        FAST.module.force_candidate("")
        FAST.module.set_matmul_precision(0)
    return error(y, a, b)


def torchs(k: int, kind: str) -> float:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    a, b = operands(k, kind)
    y = torch.matmul(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    torch.set_num_threads(before)
    return error(y, a, b)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", LENGTHS)
def test_float32_is_as_exact_as_the_peer(k: int, kind: str) -> None:
    """On the ordinary units, which "float32" uses: twice PyTorch's error at most."""
    assert ours("float32", k, kind) <= max(2 * torchs(k, kind), 1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", LENGTHS)
def test_each_precision_keeps_what_it_says(k: int, kind: str) -> None:
    """x6 and x9 lose digits only because their sums are rounded more often. Operands lose 8 bits by x3, and 13 by tf32."""
    assert ours("bf16x9", k, kind) <= 4 * ours("float32", k, kind)
    assert ours("bf16x6", k, kind) <= 4 * ours("float32", k, kind)
    assert ours("bf16x3", k, kind) <= 2.0**9
    assert ours("tf32", k, kind) <= 2.0**14
    assert ours("bf16x3", k, kind) * 4 < ours("tf32", k, kind)


def table() -> str:
    lines = ["| K | numbers | " + " | ".join(PRECISIONS) + " | PyTorch |", "|---|---|" + "---|" * (len(PRECISIONS) + 1)]
    for kind in KINDS:
        for k in LENGTHS:
            cells = [ours(p, k, kind) for p in PRECISIONS] + [torchs(k, kind)]
            lines.append(f"| {k:,} | {kind} | " + " | ".join(f"{c:.3g}" for c in cells) + " |")
    return "\n".join(lines) + "\n"


def test_the_table_is_up_to_date() -> None:
    pytest.importorskip("torch")
    fresh, page = table(), PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    held, after = rest.split(END)
    if os.environ.get("GPUDL_WRITE_TABLES") == "1":
        PAGE.write_text(before + START + fresh + END + after, encoding="utf-8")
        return
    for then, now in zip(held.splitlines(), fresh.splitlines(), strict=True):
        cells = [line.split("|")[1:-2] for line in (then, now)]  # PyTorch's column depends on the machine
        assert cells[0][:2] == cells[1][:2]
        for a, b in zip(*[c[2:] for c in cells]) if then[2:3].isdigit() else ():
            assert abs(float(a) - float(b)) <= 0.2 + 0.5 * float(a), f"docs/accuracy.md: {then} has become {now}"
