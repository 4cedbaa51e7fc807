"""Make sequences as long as each other: `pad_sequences`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray[Any, Any]:
    """Sequences of different lengths as one array, each filled up with `value`, or cut.

    Args:
        sequences: lists or arrays, one an example.
        maxlen: the length of all; default: that of the longest.
        dtype: of the result, default "int32". For strings: object.
        padding: "pre" or "post": where the filling stands. Default "pre".
        truncating: "pre" or "post": where longer sequences lose values. Default "pre".
        value: the filling, default 0.

    Returns:
        An array (N, maxlen), or (N, maxlen, ...) of sequences of arrays.

    Raises:
        ValueError: for other words, for sequences whose values have different shapes, or for something that is no sequence.

    >>> pad_sequences([[1], [1, 2, 3]], maxlen=2).tolist()
    [[0, 1], [2, 3]]
    >>> pad_sequences([[1], [1, 2, 3]], padding="post", truncating="post").tolist()
    [[1, 0, 0], [1, 2, 3]]
    """
    for name, word in (("padding", padding), ("truncating", truncating)):
        if word not in ("pre", "post"):
            raise ValueError(f"[pad_sequences] {name} must be 'pre' or 'post'. Received: {name}={word!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"[pad_sequences] a list of sequences is expected. Received: {type(sequences).__name__}")
    for i, s in enumerate(sequences):
        if not hasattr(s, "__len__"):
            raise ValueError(f"[pad_sequences] sequence {i} must be a list. Received: {s!r}")
    if maxlen is None:
        maxlen = max((len(s) for s in sequences), default=0)
    elif isinstance(maxlen, bool) or not isinstance(maxlen, (int, np.integer)) or maxlen < 1:
        raise ValueError(f"[pad_sequences] maxlen must be a whole number >= 1. Received: maxlen={maxlen!r}")
    kind = np.dtype(dtype)
    if isinstance(value, str) and kind.kind not in "OSU":
        raise ValueError(f"[pad_sequences] value={value!r} needs dtype=object. Received: dtype={dtype!r}")
    shape = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    made = np.full((len(sequences), maxlen, *shape), value, kind)
    for i, s in enumerate(sequences):
        if not len(s):
            continue
        kept = np.asarray(s[-maxlen:] if truncating == "pre" else s[:maxlen], kind)
        if kept.shape[1:] != shape:
            raise ValueError(f"[pad_sequences] the values of sequence {i} must have shape {shape}. Received: shape {kept.shape[1:]}")
        if padding == "post":
            made[i, : len(kept)] = kept
        else:
            made[i, len(made[i]) - len(kept) :] = kept
    return made


__all__ = ["pad_sequences"]
