"""Add up many numbers accurately (`sum_into`): as pairwise sums do, along whichever axes and however the memory lies.

NumPy sums pairwise along contiguous memory alone. Along other axes it adds row after row, and the error grows with the number of rows:
0.003 % after a million float32 numbers. Here such rows are added in blocks, and the sums of the blocks likewise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

FEW_ROWS = 128  # summands that may be added one after the other
_BLOCK = 32
_NARROW = 8  # rows of fewer numbers are cheaper to turn than to add in blocks


def sum_into(xp: Any, y: Any, x: Any, axes: tuple[int, ...]) -> None:
    """y = the sum of x over sorted `axes`; y has the other axes of x, those in `axes` left out or of length 1. Overwrites all of y."""
    if xp is np and x.dtype.kind == "f" and x.size > FEW_ROWS * y.size and y.size and not _is_pairwise(x, axes):
        _sum_blocks(y, x, axes)
    else:
        x.sum(axis=axes, dtype=y.dtype, out=y, keepdims=y.ndim == x.ndim)


def _is_pairwise(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether the summands of each result follow each other in memory."""
    return bool(x.flags.c_contiguous) and axes[0] == x.ndim - len(axes)


def _sum_blocks(y: Any, x: Any, axes: tuple[int, ...]) -> None:
    order = sorted(range(x.ndim), key=lambda i: -abs(x.strides[i])) if not x.flags.c_contiguous else list(range(x.ndim))
    x = x.transpose(order)  # as it lies in memory
    kept = [i for i in order if i not in axes]
    lengths = [x.shape[k] for k, i in enumerate(order) if i not in axes]
    reduced = [i in axes for i in order]
    end = x.ndim
    shape = list(x.shape)
    while end:  # runs of neighbouring axes that go, from the innermost
        start = end - 1
        while start and reduced[start - 1] == reduced[end - 1]:
            start -= 1
        if reduced[start]:
            outer, n, inner = math.prod(shape[:start]), math.prod(shape[start:end]), math.prod(shape[end:])
            x = _fold(x.reshape(outer, n, inner))
            shape[start:end] = []
        end = start
    back = sorted(range(len(kept)), key=kept.__getitem__)
    result = x.reshape(lengths).transpose(back)
    y[...] = result.reshape(y.shape)


def _fold(x: Any) -> Any:
    """The sums along the middle one of three axes."""
    if x.shape[2] <= _NARROW:
        return np.ascontiguousarray(x.transpose(0, 2, 1)).sum(2)
    while x.shape[1] > _BLOCK:
        outer, n, inner = x.shape
        whole = n - n % _BLOCK
        sums = x[:, :whole].reshape(outer, whole // _BLOCK, _BLOCK, inner).sum(2)
        x = sums if whole == n else np.concatenate([sums, x[:, whole:].sum(1, keepdims=True)], axis=1)
    return x.sum(1)
