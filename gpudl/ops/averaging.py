"""Gather over steps, in place: gradients (`accumulate_`, `mean_gradient_`), averages of parameters (`average_`), a scale of the loss."""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..dtypes import bool_
from ..op import COPY, Op
from ..tensors import Tensor
from ._common import number
from .comparison import logical_and
from .optim import in_blocks

AT_ONCE = 8  # tensors that one launch looks at


@in_blocks(2)
def _accumulate_(xp: Any, total: Any, g: Any) -> None:
    total += g


@in_blocks(3)
def _mean_gradient_(xp: Any, y: Any, total: Any, g: Any, steps: int) -> None:
    xp.add(total, g, out=y)
    y /= number(xp, steps, y.dtype)
    total[...] = number(xp, 0.0, y.dtype)


@in_blocks(2)
def _average_(xp: Any, average: Any, p: Any, steps: Any, momentum: float) -> None:
    kept = xp.where(steps != 0, momentum, 0.0).astype(p.dtype)
    average *= kept
    average += p * (number(xp, 1.0, p.dtype) - kept)


@in_blocks(2)
def _overwrite_(xp: Any, p: Any, average: Any, steps: Any, frequency: int) -> None:
    xp.copyto(p, average, where=(steps + 1) % frequency == 0)


def _all_finite(xp: Any, y: Any, *operands: Any) -> None:
    *gradients, _ = operands
    y[...] = True
    for g in gradients:
        y &= xp.isfinite(g).all()


@in_blocks(2)
def _undo_(xp: Any, x: Any, before: Any, finite: Any) -> None:
    xp.copyto(x, before, where=xp.logical_not(finite))


def _loss_scale_(xp: Any, scale: Any, count: Any, finite: Any, growth_steps: int) -> None:
    grown = finite & (count >= growth_steps - 1)
    factor = xp.where(grown, 2.0, xp.where(finite, 1.0, 0.5))
    scale *= factor.astype(scale.dtype)
    count[...] = xp.where(finite & xp.logical_not(grown), count + 1, 0)


ACCUMULATE_ = Op("accumulate_", None, _accumulate_, updates=1)
MEAN_GRADIENT_ = Op("mean_gradient_", lambda g, steps: ((g.shape, g.dtype),), _mean_gradient_, updates=1)
AVERAGE_ = Op("average_", None, _average_, updates=1)
OVERWRITE_ = Op("overwrite_", None, _overwrite_, updates=1)
ALL_FINITE = Op("all_finite", lambda *operands: (((), bool_),), _all_finite)  # attrs: how many
UNDO_ = Op("undo_", None, _undo_, updates=1)
LOSS_SCALE_ = Op("loss_scale_", None, _loss_scale_, updates=2)


def accumulate_(total: Tensor, g: Tensor) -> None:
    """total += g

    >>> import gpudl
    >>> total = gpudl.tensor([1.0])
    >>> accumulate_(total, gpudl.tensor([2.0]))
    >>> total
    Tensor([3.], dtype=float32)
    """
    apply(ACCUMULATE_, (g,), updates=(total,))


def mean_gradient_(total: Tensor, g: Tensor, steps: int) -> Tensor:
    """(total + g) / steps, as a new tensor; total becomes 0.

    >>> import gpudl
    >>> total = gpudl.tensor([1.0])
    >>> mean_gradient_(total, gpudl.tensor([2.0]), 2), total
    (Tensor([1.5], dtype=float32), Tensor([0.], dtype=float32))
    """
    return apply(MEAN_GRADIENT_, (g,), (int(steps),), updates=(total,))  # type: ignore[no-any-return]


def average_(average: Tensor, p: Tensor, steps: Tensor, momentum: float) -> None:
    """average = momentum average + (1 - momentum) p; while `steps`, the steps done, are 0 it becomes p.

    >>> import gpudl
    >>> average, p = gpudl.tensor([1.0]), gpudl.tensor([2.0])
    >>> average_(average, p, gpudl.tensor(5), 0.5)
    >>> average
    Tensor([1.5], dtype=float32)
    """
    apply(AVERAGE_, (p, steps), (float(momentum),), updates=(average,))


def overwrite_(p: Tensor, average: Tensor, steps: Tensor, frequency: int) -> None:
    """p = average in every step whose number, steps + 1, is a multiple of `frequency`.

    >>> import gpudl
    >>> p, average = gpudl.tensor([1.0]), gpudl.tensor([2.0])
    >>> overwrite_(p, average, gpudl.tensor(3), 4)
    >>> p
    Tensor([2.], dtype=float32)
    """
    apply(OVERWRITE_, (average, steps), (int(frequency),), updates=(p,))


def all_finite(*gradients: Tensor) -> Tensor:
    """Whether no element of any of these tensors is infinite or NaN: a bool without axes.

    >>> import gpudl
    >>> all_finite(gpudl.tensor([1.0, float("inf")]), gpudl.tensor([2.0]))
    Tensor(False, dtype=bool)
    """
    some = [gradients[i : i + AT_ONCE] for i in range(0, len(gradients), AT_ONCE)]
    found: list[Tensor] = [apply(ALL_FINITE, part, (len(part),)) for part in some]
    while len(found) > 1:
        found = [*found[2:], logical_and(*found[:2])]
    return found[0]


def backup(x: Tensor) -> Tensor:
    """A copy with memory of its own.

    >>> import gpudl
    >>> backup(gpudl.tensor([1.0]))
    Tensor([1.], dtype=float32)
    """
    return apply(COPY, (x,))  # type: ignore[no-any-return]


def undo_(x: Tensor, before: Tensor, finite: Tensor) -> None:
    """x = before, unless `finite`.

    >>> import gpudl
    >>> x = gpudl.tensor([1.0])
    >>> undo_(x, gpudl.tensor([2.0]), gpudl.tensor(False))
    >>> x
    Tensor([2.], dtype=float32)
    """
    apply(UNDO_, (before, finite), updates=(x,))


def loss_scale_(scale: Tensor, count: Tensor, finite: Tensor, growth_steps: int) -> None:
    """Halve the scale after a step that was not finite, double it after `growth_steps` in a row that were; count counts these.

    >>> import gpudl
    >>> scale, count = gpudl.tensor(8.0), gpudl.tensor(3)
    >>> loss_scale_(scale, count, gpudl.tensor(False), 100)
    >>> scale, count
    (Tensor(4., dtype=float32), Tensor(0, dtype=int32))
    """
    apply(LOSS_SCALE_, (finite,), (int(growth_steps),), updates=(scale, count))


__all__ = ["accumulate_", "all_finite", "average_", "backup", "loss_scale_", "mean_gradient_", "overwrite_", "undo_"]
