"""What gathers and scatters share: bring indices into range (`wrapped`), sum rows of equal index in a fixed order (`segment_sum`)."""

from __future__ import annotations

from typing import Any

import numpy as np


def wrapped(xp: Any, index: Any, n: int) -> tuple[Any, Any]:
    """Indices counted from the start, clipped into 0..n-1, and which of them were out of range. No memory outside is ever read."""
    i = index.astype(xp.int64)
    i = xp.where(i < 0, i + n, i)
    bad = (i < 0) | (i >= n)
    return xp.clip(i, 0, max(n - 1, 0)), bad


def keys_of(xp: Any, index: Any, n: int) -> Any:
    """`wrapped`, flat, with n for what was out of range."""
    found, bad = wrapped(xp, index, n)
    return xp.where(bad, n, found).reshape(-1)


def mark(xp: Any, y: Any, bad: Any) -> None:
    """Overwrite what was gathered with indices out of range, by NaN, or 0 in integers. `bad` broadcasts to y."""
    if xp is not np or bad.any():  # asking a GPU would wait for it
        xp.copyto(y, y.dtype.type(np.nan if y.dtype.kind == "f" else 0), where=bad)


def segment_sum(xp: Any, out: Any, rows: Any, keys: Any, scan: bool | None = None) -> None:
    """out[k] = the sum of the rows i with keys[i] == k; (n, C) <- (m, C), (m,). Rows with keys[i] == n are left out.

    Rows are brought together by a stable sort and summed segment by segment, in an order that depends on the keys alone. Every array has a
    size known beforehand, so that a GPU is not waited for. `scan` chooses the way; by default what suits the array library.
    """
    (n, columns), m = out.shape, len(keys)
    if n == 0 or m == 0 or columns == 0:
        out[...] = 0
        return
    order = xp.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    if xp is np and scan is not True and n <= m:  # a segment for every output row; empty ones are zeroed, one more takes what is left out
        starts = xp.searchsorted(keys, xp.arange(n + 1, dtype=keys.dtype))
        padded = xp.concatenate([rows, xp.zeros((1, columns), rows.dtype)])
        sums = np.add.reduceat(padded, starts, axis=0)[:-1]
        out[...] = xp.where((starts[1:] > starts[:-1])[:, None], sums, rows.dtype.type(0))
        return
    # a segment for every row: all but the last row of a segment go to a place that is thrown away
    if xp is np and scan is not True:
        sums = np.add.reduceat(rows, xp.searchsorted(keys, keys), axis=0)
    else:
        sums = running_sums(xp, rows, keys)
    last = xp.concatenate([keys[1:] != keys[:-1], xp.ones((1,), bool)])
    everything = xp.zeros((n + 1, columns), rows.dtype)
    everything[xp.where(last, keys, n)] = sums
    out[...] = everything[:-1]


def running_sums(xp: Any, rows: Any, keys: Any) -> Any:
    """Each row plus those of the same key before it, by doubling distances (W. Hillis and G. Steele, "Data parallel algorithms", 1986).

    For CuPy, whose add.reduceat subtracts sums over all rows before: it would lose digits, and carry NaN from one segment to others.
    """
    distance = 1
    while distance < len(keys):
        same = (keys[distance:] == keys[:-distance])[:, None]
        before, rows = rows, rows.copy()
        rows[distance:] += xp.where(same, before[:-distance], rows.dtype.type(0))
        distance *= 2
    return rows


def winners(xp: Any, keys: Any, n: int) -> Any:
    """Keys in which all but the last occurrence of each number are replaced by n."""
    if len(keys) == 0:
        return keys
    order = xp.argsort(keys, kind="stable")
    ordered = keys[order]
    last = xp.concatenate([ordered[1:] != ordered[:-1], xp.ones((1,), bool)])
    found = xp.empty_like(keys)
    found[order] = xp.where(last, ordered, n)
    return found
