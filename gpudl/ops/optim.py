"""Move parameters along their gradients, in place over flat memory: SGD, Adam, Adadelta in the arithmetic of Keras 3.

The learning rate (float64) and the number of steps done (int64) are buffers without axes, so a recorded step follows their changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..autograd import apply
from ..op import Op
from ..tensors import Tensor
from ._common import number

BLOCK = 1 << 15  # elements that NumPy takes at a time: temporaries of this size stay in the cache


def in_blocks(arrays: int) -> Callable[[Any], Any]:
    """Run an elementwise reference kernel block by block, if it runs on NumPy and its first `arrays` operands are long flat arrays."""

    def decorate(kernel: Any) -> Any:
        @wraps(kernel)
        def blocked(xp: Any, *operands: Any) -> None:
            flat, rest = operands[:arrays], operands[arrays:]
            if not flat[0].ndim:  # NumPy's temporaries would be numbers, which cannot be written to
                kernel(xp, *[a.reshape(1) for a in flat], *rest)
                return
            n = flat[0].size
            if xp is not np or n <= BLOCK or not all(a.flags.c_contiguous for a in flat):
                kernel(xp, *operands)
                return
            flat = tuple([a.reshape(-1) for a in flat])
            for start in range(0, n, BLOCK):
                kernel(xp, *[a[start : start + BLOCK] for a in flat], *rest)

        return blocked

    return decorate


@in_blocks(2)
def _sgd_(xp: Any, p: Any, g: Any, rate: Any) -> None:
    p -= g * rate.astype(p.dtype)


@in_blocks(3)
def _sgd_momentum_(xp: Any, p: Any, m: Any, g: Any, rate: Any, momentum: float, nesterov: bool) -> None:
    by = number(xp, momentum, p.dtype)
    step = g * rate.astype(p.dtype)
    m *= by
    m -= step
    if nesterov:
        ahead = m * by
        ahead -= step
        p += ahead
    else:
        p += m


def _adam_step(xp: Any, p: Any, m: Any, v: Any, g: Any, beta_1: float, beta_2: float) -> Any:
    """Move both averages; returns a temporary."""
    change = g - m
    change *= number(xp, 1.0 - beta_1, p.dtype)
    m += change
    xp.multiply(g, g, out=change)
    change -= v
    change *= number(xp, 1.0 - beta_2, p.dtype)
    v += change
    return change


def _adam_rate(xp: Any, p: Any, rate: Any, steps: Any, beta_1: float, beta_2: float) -> Any:
    """rate * sqrt(1 - beta_2^t) / (1 - beta_1^t), t counting this step, in float64 and then in p's dtype."""
    t = steps + 1.0
    return (rate * xp.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)).astype(p.dtype)


def _adam_move(xp: Any, p: Any, m: Any, v: Any, below: Any, alpha: Any, epsilon: float) -> None:
    xp.sqrt(v, out=below)
    below += number(xp, epsilon, p.dtype)
    ahead = m * alpha
    ahead /= below
    p -= ahead


@in_blocks(4)
def _adam_(xp: Any, p: Any, m: Any, v: Any, g: Any, rate: Any, steps: Any, beta_1: float, beta_2: float, epsilon: float) -> None:
    below = _adam_step(xp, p, m, v, g, beta_1, beta_2)
    _adam_move(xp, p, m, v, below, _adam_rate(xp, p, rate, steps, beta_1, beta_2), epsilon)


@in_blocks(5)
def _adam_amsgrad_(
    xp: Any, p: Any, m: Any, v: Any, high: Any, g: Any, rate: Any, steps: Any, beta_1: float, beta_2: float, epsilon: float
) -> None:
    below = _adam_step(xp, p, m, v, g, beta_1, beta_2)
    xp.maximum(high, v, out=high)
    _adam_move(xp, p, m, high, below, _adam_rate(xp, p, rate, steps, beta_1, beta_2), epsilon)


def _average(xp: Any, average: Any, x: Any, rho: float) -> Any:
    """average = rho average + (1 - rho) x^2; returns a temporary."""
    square = x * x
    square *= number(xp, 1.0 - rho, x.dtype)
    average *= number(xp, rho, x.dtype)
    average += square
    return square


@in_blocks(4)
def _adadelta_(xp: Any, p: Any, grads: Any, deltas: Any, g: Any, rate: Any, rho: float, epsilon: float) -> None:
    eps = number(xp, epsilon, p.dtype)
    below = _average(xp, grads, g, rho)
    xp.add(grads, eps, out=below)
    xp.sqrt(below, out=below)
    delta = deltas + eps
    xp.sqrt(delta, out=delta)
    delta *= g
    delta /= below
    _average(xp, deltas, delta, rho)
    delta *= rate.astype(p.dtype)
    p -= delta


SGD_ = Op("sgd_", None, _sgd_, updates=1)
SGD_MOMENTUM_ = Op("sgd_momentum_", None, _sgd_momentum_, updates=2)
ADAM_ = Op("adam_", None, _adam_, updates=3)
ADAM_AMSGRAD_ = Op("adam_amsgrad_", None, _adam_amsgrad_, updates=4)
ADADELTA_ = Op("adadelta_", None, _adadelta_, updates=3)


def sgd_(p: Tensor, g: Tensor, rate: Tensor) -> None:
    """p -= rate g

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> sgd_(p, g, rate)
    >>> p
    Tensor([0.5], dtype=float32)
    """
    apply(SGD_, (g, rate), updates=(p,))


def sgd_momentum_(p: Tensor, m: Tensor, g: Tensor, rate: Tensor, momentum: float, nesterov: bool) -> None:
    """m = momentum m - rate g; then p += m, or with Nesterov p += momentum m - rate g.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> m = gpudl.tensor([0.5])
    >>> sgd_momentum_(p, m, g, rate, 0.5, False)
    >>> p, m
    (Tensor([0.75], dtype=float32), Tensor([-0.25], dtype=float32))
    """
    apply(SGD_MOMENTUM_, (g, rate), (float(momentum), bool(nesterov)), updates=(p, m))


def adam_(p: Tensor, m: Tensor, v: Tensor, g: Tensor, rate: Tensor, steps: Tensor, beta_1: float, beta_2: float, epsilon: float) -> None:
    """m += (1 - beta_1)(g - m); v += (1 - beta_2)(g^2 - v); p -= rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    t = steps + 1: `steps` counts the steps done before this one.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> m, v, steps = gpudl.zeros(1), gpudl.zeros(1), gpudl.tensor([0], dtype="int64")
    >>> adam_(p, m, v, g, rate, steps, 0.9, 0.999, 1e-7)
    >>> round(float(p), 4)
    0.75
    """
    apply(ADAM_, (g, rate, steps), (float(beta_1), float(beta_2), float(epsilon)), updates=(p, m, v))


def adam_amsgrad_(
    p: Tensor, m: Tensor, v: Tensor, high: Tensor, g: Tensor, rate: Tensor, steps: Tensor, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """As `adam_`, but divides by the root of `high`, the largest v so far.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> m, v, high, steps = gpudl.zeros(1), gpudl.zeros(1), gpudl.zeros(1), gpudl.tensor([0], dtype="int64")
    >>> adam_amsgrad_(p, m, v, high, g, rate, steps, 0.9, 0.999, 1e-7)
    >>> round(float(p), 4)
    0.75
    """
    apply(ADAM_AMSGRAD_, (g, rate, steps), (float(beta_1), float(beta_2), float(epsilon)), updates=(p, m, v, high))


def adadelta_(p: Tensor, grads: Tensor, deltas: Tensor, g: Tensor, rate: Tensor, rho: float, epsilon: float) -> None:
    """With averages of g^2 and of the squared steps d^2: d = -sqrt(deltas + epsilon) / sqrt(grads + epsilon) g; p += rate d.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> grads, deltas = gpudl.zeros(1), gpudl.zeros(1)
    >>> adadelta_(p, grads, deltas, g, rate, 0.95, 1e-7)
    >>> bool(p < 1.0)
    True
    """
    apply(ADADELTA_, (g, rate), (float(rho), float(epsilon)), updates=(p, grads, deltas))


__all__ = ["adadelta_", "adam_", "adam_amsgrad_", "sgd_", "sgd_momentum_"]
