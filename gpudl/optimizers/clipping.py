"""Bound gradients before an update: the factor for their norm together, and what an update does in its own pass (`Before`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from .. import ops
from ..ops._common import cast
from ..tensors import Tensor

F = TypeVar("F", bound=Callable[..., Any])


class Before(NamedTuple):
    """What comes before an update, in its own pass over memory: decay, then the factor, then the limit of the elements.

    Args:
        factor: multiplies the gradient; None: 1.
        most: the elements of the gradient are kept in [-most, most].
        decay: the parameter loses decay times the rate of itself.
    """

    factor: Tensor | None = None
    most: float = math.inf
    decay: float = 0.0


def fuses(update: F) -> F:
    """Mark an `update` that takes `before=` and does it itself. One that overrides it without the mark gets gradients that are ready."""
    update.fuses = True  # type: ignore[attr-defined]
    return update


def norm_factor(grads: Sequence[Tensor], limit: float) -> Tensor:
    """What all gradients are multiplied by, so that their norm together is at most `limit`. A norm that is not finite makes NaN, as in
    Keras."""
    total = ops.square_sum(grads[0])
    for g in grads[1:]:
        total = total + cast(ops.square_sum(g), total.dtype)
    return ops.clip_factor(total, limit)
