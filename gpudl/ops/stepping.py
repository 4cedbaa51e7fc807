"""Prepare an optimizer's step inside the step: decay weights, clip gradients by their norms, look up the learning rate of a schedule."""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..op import Op
from ..tensors import Tensor
from ._common import number
from .optim import in_blocks


@in_blocks(1)
def _decay_(xp: Any, p: Any, rate: Any, decay: float) -> None:
    part = p * number(xp, decay, p.dtype)
    part *= rate.astype(p.dtype)
    p -= part


def _clip_norms(xp: Any, y: Any, g: Any, limit: float, *bounds: int) -> None:
    flat, clipped, most = g.reshape(-1), y.reshape(-1), number(xp, limit, g.dtype)
    clipped[...] = flat
    for start, end in zip(bounds[::2], bounds[1::2]):
        part = flat[start:end]
        norm = xp.sqrt((part * part).sum())
        clipped[start:end] = part * most / xp.maximum(norm, most)


def _pick_rate_(xp: Any, rate: Any, table: Any, steps: Any, first: Any) -> None:
    at = xp.clip(steps - first, 0, table.size - 1)
    rate[...] = table[at]


DECAY_ = Op("decay_", None, _decay_, updates=1)
CLIP_NORMS = Op("clip_norms", lambda g, *_: ((g.shape, g.dtype),), _clip_norms)
PICK_RATE_ = Op("pick_rate_", None, _pick_rate_, updates=1)


def decay_(p: Tensor, rate: Tensor, decay: float) -> None:
    """p -= decay p rate

    >>> import gpudl
    >>> p = gpudl.tensor([2.0])
    >>> decay_(p, gpudl.tensor([0.5]), 0.25)
    >>> p
    Tensor([1.75], dtype=float32)
    """
    apply(DECAY_, (rate,), (float(decay),), updates=(p,))


def clip_norms(g: Tensor, limit: float, *bounds: int) -> Tensor:
    """Gradients, each shortened to the Euclidean norm `limit` if it is longer: those of the flat g[bounds[0] : bounds[1]], and so on.

    >>> import gpudl
    >>> clip_norms(gpudl.tensor([3.0, 4.0, 0.5]), 2.5, 0, 2, 3)
    Tensor([1.5, 2. , 0.5], dtype=float32)
    """
    return apply(CLIP_NORMS, (g,), (float(limit), *bounds))  # type: ignore[no-any-return]


def pick_rate_(rate: Tensor, table: Tensor, steps: Tensor, first: Tensor) -> None:
    """rate = table[steps - first]; both numbers int64, the table holds the rates of the steps `first` and on.

    >>> import gpudl
    >>> rate, table = gpudl.zeros(1), gpudl.tensor([0.5, 0.25, 0.125])
    >>> pick_rate_(rate, table, gpudl.tensor([11], dtype="int64"), gpudl.tensor([10], dtype="int64"))
    >>> rate
    Tensor([0.25], dtype=float32)
    """
    apply(PICK_RATE_, (table, steps, first), updates=(rate,))


__all__ = ["clip_norms", "decay_", "pick_rate_"]
