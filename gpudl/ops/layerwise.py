"""Move a parameter along its gradient by a step whose size follows from the parameter as a whole: LAMB and Adafactor, as Keras 3 does."""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..op import Op
from ..tensors import Tensor
from ._common import number


def _lamb_(xp: Any, p: Any, m: Any, v: Any, g: Any, rate: Any, steps: Any, beta_1: float, beta_2: float, epsilon: float) -> None:
    t, one = steps + 1.0, number(xp, 1.0, p.dtype)
    m += (g - m) * number(xp, 1.0 - beta_1, p.dtype)
    v += (g * g - v) * number(xp, 1.0 - beta_2, p.dtype)
    below = xp.sqrt(v / (1.0 - beta_2**t).astype(p.dtype)) + number(xp, epsilon, p.dtype)
    step = m / (1.0 - beta_1**t).astype(p.dtype) / below
    weight, length = xp.sqrt((p * p).sum()), xp.sqrt((step * step).sum())
    some = (weight > 0) & (length > 0)
    ratio = xp.where(some, weight / xp.where(some, length, one), one)
    p -= step * (ratio * rate.astype(p.dtype))


def _adafactor_numbers(xp: Any, p: Any, rate: Any, steps: Any, decay: float, least: float, relative: bool) -> tuple[Any, Any]:
    """(the step's size, how much of the averages is kept)"""
    t, one = (steps + 1.0).astype(p.dtype), number(xp, 1.0, p.dtype)
    bound = one / xp.sqrt(t)
    rho = xp.minimum(rate.astype(p.dtype), bound) if relative else rate.astype(p.dtype)
    size = xp.maximum(number(xp, least, p.dtype), xp.sqrt((p * p).mean())) if p.size else one
    return size * xp.minimum(rho, bound), one - t ** number(xp, decay, p.dtype)


def _adafactor_move(xp: Any, p: Any, v: Any, g: Any, alpha: Any, clip: float) -> None:
    if not p.size:
        return
    step = g / xp.sqrt(v)
    root = xp.sqrt((step * step).mean())
    p -= step / xp.maximum(number(xp, 1.0, p.dtype), root / number(xp, clip, p.dtype)) * alpha


def _adafactor_(xp: Any, p: Any, v: Any, g: Any, rate: Any, steps: Any, decay: float, tiny: float, least: float, clip: float,
                relative: bool) -> None:  # fmt: skip
    alpha, kept = _adafactor_numbers(xp, p, rate, steps, decay, least, relative)
    v *= kept
    v += (g * g + number(xp, tiny, p.dtype)) * (number(xp, 1.0, p.dtype) - kept)
    _adafactor_move(xp, p, v, g, alpha, clip)


def _adafactor_factored_(xp: Any, p: Any, v: Any, r: Any, c: Any, g: Any, rate: Any, steps: Any, decay: float, tiny: float, least: float,
                         clip: float, relative: bool) -> None:  # fmt: skip
    alpha, kept = _adafactor_numbers(xp, p, rate, steps, decay, least, relative)
    if not p.size:
        return
    square = g * g + number(xp, tiny, p.dtype)
    for average, axis in ((r, -1), (c, -2)):
        average *= kept
        average += square.mean(axis) * (number(xp, 1.0, p.dtype) - kept)
    xp.multiply((r / r.mean(-1, keepdims=True))[..., None], c[..., None, :], out=v)
    _adafactor_move(xp, p, v, g, alpha, clip)


LAMB_ = Op("lamb_", None, _lamb_, updates=3)
ADAFACTOR_ = Op("adafactor_", None, _adafactor_, updates=2)
ADAFACTOR_FACTORED_ = Op("adafactor_factored_", None, _adafactor_factored_, updates=4)


def lamb_(p: Tensor, m: Tensor, v: Tensor, g: Tensor, rate: Tensor, steps: Tensor, beta_1: float, beta_2: float, epsilon: float) -> None:
    """m += (1 - beta_1)(g - m); v += (1 - beta_2)(g^2 - v); d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon), t = steps + 1;
    p -= rate norm(p) / norm(d) d, the quotient 1 where one of the norms is 0.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([3.0, 4.0]), gpudl.tensor([1.0, 1.0]), gpudl.tensor(0.5)
    >>> m, v = gpudl.zeros(2), gpudl.zeros(2)
    >>> lamb_(p, m, v, g, rate, gpudl.tensor(0), 0.9, 0.999, 0.0)
    >>> [round(x, 4) for x in p.tolist()]
    [1.2322, 2.2322]
    """
    apply(LAMB_, (g, rate, steps), (float(beta_1), float(beta_2), float(epsilon)), updates=(p, m, v))


def adafactor_(p: Tensor, v: Tensor, averages: tuple[Tensor, ...], g: Tensor, rate: Tensor, steps: Tensor, decay: float, tiny: float,
               least: float, clip: float, relative: bool) -> None:  # fmt: skip
    """With t = steps + 1, k = 1 - t^decay and s = g^2 + tiny: v = k v + (1 - k) s, or for a matrix, with the averages r and c of the means
    of s over its last axis and the one before, v = r c / mean(r); d = g / sqrt(v);
    p -= max(least, rms(p)) min(rate, 1 / sqrt(t)) d / max(1, rms(d) / clip).

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([3.0, -3.0]), gpudl.tensor([1.0, 1.0]), gpudl.tensor(0.5)
    >>> v = gpudl.zeros(2)
    >>> adafactor_(p, v, (), g, rate, gpudl.tensor(0), -0.8, 1e-30, 0.001, 1.0, True)
    >>> p
    Tensor([ 1.5, -4.5], dtype=float32)
    """
    op = ADAFACTOR_FACTORED_ if averages else ADAFACTOR_
    apply(op, (g, rate, steps), (float(decay), float(tiny), float(least), float(clip), bool(relative)), updates=(p, v, *averages))


__all__ = ["adafactor_", "lamb_"]
