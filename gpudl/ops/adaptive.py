"""Move parameters in place by more of Keras' rules: RMSprop, Adagrad, Adamax, Nadam, Lion, Ftrl. As in optim.py, over flat memory."""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..op import Op
from ..tensors import Tensor
from ._common import number
from .optim import _average, in_blocks


def _rmsprop_increment(xp: Any, p: Any, v: Any, a: Any, g: Any, rate: Any, rho: float, epsilon: float) -> Any:
    """Move the averages; rate g / sqrt(v - a^2 + epsilon), or without a: rate g / sqrt(v + epsilon)."""
    below = _average(xp, v, g, rho)
    if a is None:
        xp.add(v, number(xp, epsilon, p.dtype), out=below)
    else:
        part = g * number(xp, 1.0 - rho, p.dtype)
        a *= number(xp, rho, p.dtype)
        a += part
        xp.multiply(a, a, out=part)
        xp.subtract(v, part, out=below)
        below += number(xp, epsilon, p.dtype)
    xp.sqrt(below, out=below)
    increment = g * rate.astype(p.dtype)
    increment /= below
    return increment


def _by_momentum(xp: Any, p: Any, m: Any, increment: Any, momentum: float) -> None:
    m *= number(xp, momentum, p.dtype)
    m += increment
    p -= m


@in_blocks(3)
def _rmsprop_(xp: Any, p: Any, v: Any, g: Any, rate: Any, rho: float, epsilon: float) -> None:
    p -= _rmsprop_increment(xp, p, v, None, g, rate, rho, epsilon)


@in_blocks(4)
def _rmsprop_momentum_(xp: Any, p: Any, v: Any, m: Any, g: Any, rate: Any, rho: float, momentum: float, epsilon: float) -> None:
    _by_momentum(xp, p, m, _rmsprop_increment(xp, p, v, None, g, rate, rho, epsilon), momentum)


@in_blocks(4)
def _rmsprop_centered_(xp: Any, p: Any, v: Any, a: Any, g: Any, rate: Any, rho: float, epsilon: float) -> None:
    p -= _rmsprop_increment(xp, p, v, a, g, rate, rho, epsilon)


@in_blocks(5)
def _rmsprop_centered_momentum_(
    xp: Any, p: Any, v: Any, m: Any, a: Any, g: Any, rate: Any, rho: float, momentum: float, epsilon: float
) -> None:
    _by_momentum(xp, p, m, _rmsprop_increment(xp, p, v, a, g, rate, rho, epsilon), momentum)


@in_blocks(3)
def _adagrad_(xp: Any, p: Any, a: Any, g: Any, rate: Any, epsilon: float) -> None:
    below = g * g
    a += below
    xp.add(a, number(xp, epsilon, p.dtype), out=below)
    xp.sqrt(below, out=below)
    ahead = g * rate.astype(p.dtype)
    ahead /= below
    p -= ahead


def _moment(xp: Any, m: Any, x: Any, beta: float) -> None:
    """m += (1 - beta)(x - m)"""
    change = x - m
    change *= number(xp, 1.0 - beta, m.dtype)
    m += change


@in_blocks(4)
def _adamax_(xp: Any, p: Any, m: Any, u: Any, g: Any, rate: Any, steps: Any, beta_1: float, beta_2: float, epsilon: float) -> None:
    _moment(xp, m, g, beta_1)
    u *= number(xp, beta_2, p.dtype)
    below = xp.abs(g)
    xp.maximum(u, below, out=u)
    xp.add(u, number(xp, epsilon, p.dtype), out=below)
    ahead = m * (rate / (1.0 - beta_1 ** (steps + 1.0))).astype(p.dtype)
    ahead /= below
    p -= ahead


def _nadam_momentum(steps: Any, beta_1: float, ahead: float) -> Any:
    return beta_1 * (1.0 - 0.5 * 0.96 ** (steps + ahead))


@in_blocks(4)
def _nadam_(
    xp: Any, p: Any, m: Any, v: Any, g: Any, rate: Any, steps: Any, product: Any, beta_1: float, beta_2: float, epsilon: float
) -> None:
    now, after = _nadam_momentum(steps, beta_1, 1.0), _nadam_momentum(steps, beta_1, 2.0)
    _moment(xp, m, g, beta_1)
    square = g * g
    _moment(xp, v, square, beta_2)
    ahead = m * (rate * after / (1.0 - product * after)).astype(p.dtype)
    ahead += g * (rate * (1.0 - now) / (1.0 - product)).astype(p.dtype)
    below = v * (1.0 / (1.0 - beta_2 ** (steps + 1.0))).astype(p.dtype)
    xp.sqrt(below, out=below)
    below += number(xp, epsilon, p.dtype)
    ahead /= below
    p -= ahead


def _nadam_product_(xp: Any, product: Any, steps: Any, beta_1: float) -> None:
    product *= _nadam_momentum(steps, beta_1, 1.0)


@in_blocks(3)
def _lion_(xp: Any, p: Any, m: Any, g: Any, rate: Any, beta_1: float, beta_2: float) -> None:
    ahead = m * number(xp, beta_1, p.dtype)
    ahead += g * number(xp, 1.0 - beta_1, p.dtype)
    xp.sign(ahead, out=ahead)
    ahead *= rate.astype(p.dtype)
    p -= ahead
    m *= number(xp, beta_2, p.dtype)
    m += g * number(xp, 1.0 - beta_2, p.dtype)


@in_blocks(4)
def _ftrl_(
    xp: Any, p: Any, a: Any, z: Any, g: Any, rate: Any, power: float, l1: float, l2: float, shrinkage: float, beta: float
) -> None:  # fmt: skip
    dtype = p.dtype
    by = number(xp, -power, dtype)
    lr = rate.astype(dtype)
    more = a + g * g
    raised = more**by
    pulled = g + p * number(xp, 2.0 * shrinkage, dtype)
    z += pulled - (raised - a**by) / lr * p
    below = raised / lr + (2.0 * (l2 + beta / (2.0 * rate))).astype(dtype)
    clipped = xp.clip(z, number(xp, -l1, dtype), number(xp, l1, dtype))
    xp.divide(clipped - z, below, out=p)
    a[...] = more


RMSPROP_ = Op("rmsprop_", None, _rmsprop_, updates=2)
RMSPROP_MOMENTUM_ = Op("rmsprop_momentum_", None, _rmsprop_momentum_, updates=3)
RMSPROP_CENTERED_ = Op("rmsprop_centered_", None, _rmsprop_centered_, updates=3)
RMSPROP_CENTERED_MOMENTUM_ = Op("rmsprop_centered_momentum_", None, _rmsprop_centered_momentum_, updates=4)
ADAGRAD_ = Op("adagrad_", None, _adagrad_, updates=2)
ADAMAX_ = Op("adamax_", None, _adamax_, updates=3)
NADAM_ = Op("nadam_", None, _nadam_, updates=3)
NADAM_PRODUCT_ = Op("nadam_product_", None, _nadam_product_, updates=1)
LION_ = Op("lion_", None, _lion_, updates=2)
FTRL_ = Op("ftrl_", None, _ftrl_, updates=3)


def rmsprop_(
    p: Tensor, v: Tensor, m: Tensor | None, a: Tensor | None, g: Tensor, rate: Tensor, rho: float, momentum: float, epsilon: float
) -> None:
    """v = rho v + (1 - rho) g^2; d = rate g / sqrt(v + epsilon); p -= d. With a, the average of g, v - a^2 in v's place.

    With m: m = momentum m + d; p -= m.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> v = gpudl.zeros(1)
    >>> rmsprop_(p, v, None, None, g, rate, 0.75, 0.0, 0.0)
    >>> round(float(p), 4), round(float(v), 4)
    (0.5, 1.0)
    """
    ends = (float(epsilon),) if m is None else (float(momentum), float(epsilon))
    op = {
        (False, False): RMSPROP_,
        (True, False): RMSPROP_MOMENTUM_,
        (False, True): RMSPROP_CENTERED_,
        (True, True): RMSPROP_CENTERED_MOMENTUM_,
    }[m is not None, a is not None]
    apply(op, (g, rate), (float(rho), *ends), updates=tuple(t for t in (p, v, m, a) if t is not None))


def adagrad_(p: Tensor, a: Tensor, g: Tensor, rate: Tensor, epsilon: float) -> None:
    """a += g^2; p -= rate g / sqrt(a + epsilon).

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> a = gpudl.zeros(1)
    >>> adagrad_(p, a, g, rate, 1e-7)
    >>> round(float(p), 4), round(float(a), 4)
    (0.75, 4.0)
    """
    apply(ADAGRAD_, (g, rate), (float(epsilon),), updates=(p, a))


def adamax_(p: Tensor, m: Tensor, u: Tensor, g: Tensor, rate: Tensor, steps: Tensor, beta_1: float, beta_2: float, epsilon: float) -> None:
    """m += (1 - beta_1)(g - m); u = max(beta_2 u, |g|); p -= rate / (1 - beta_1^t) m / (u + epsilon), t = steps + 1.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> m, u, steps = gpudl.zeros(1), gpudl.zeros(1), gpudl.tensor([0], dtype="int64")
    >>> adamax_(p, m, u, g, rate, steps, 0.9, 0.999, 1e-7)
    >>> round(float(p), 4), round(float(u), 4)
    (0.75, 2.0)
    """
    apply(ADAMAX_, (g, rate, steps), (float(beta_1), float(beta_2), float(epsilon)), updates=(p, m, u))


def nadam_(
    p: Tensor, m: Tensor, v: Tensor, g: Tensor, rate: Tensor, steps: Tensor, product: Tensor, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """Adam with Nesterov's look ahead; `product` is that of the momenta u_1 ... u_t, u_t = beta_1 (1 - 0.96^t / 2), t = steps + 1.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> m, v, product, steps = gpudl.zeros(1), gpudl.zeros(1), gpudl.ones(1), gpudl.tensor([0], dtype="int64")
    >>> nadam_product_(product, steps, 0.9)
    >>> nadam_(p, m, v, g, rate, steps, product, 0.9, 0.999, 1e-7)
    >>> bool(p < 1.0)
    True
    """
    apply(NADAM_, (g, rate, steps, product), (float(beta_1), float(beta_2), float(epsilon)), updates=(p, m, v))


def nadam_product_(product: Tensor, steps: Tensor, beta_1: float) -> None:
    """product *= beta_1 (1 - 0.96^t / 2), t = steps + 1: once a step, before `nadam_`.

    >>> import gpudl
    >>> product, steps = gpudl.ones(1), gpudl.tensor([0], dtype="int64")
    >>> nadam_product_(product, steps, 0.9)
    >>> round(float(product), 4)
    0.468
    """
    apply(NADAM_PRODUCT_, (steps,), (float(beta_1),), updates=(product,))


def lion_(p: Tensor, m: Tensor, g: Tensor, rate: Tensor, beta_1: float, beta_2: float) -> None:
    """p -= rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> m = gpudl.zeros(1)
    >>> lion_(p, m, g, rate, 0.9, 0.99)
    >>> round(float(p), 4)
    0.75
    """
    apply(LION_, (g, rate), (float(beta_1), float(beta_2)), updates=(p, m))


def ftrl_(
    p: Tensor, a: Tensor, z: Tensor, g: Tensor, rate: Tensor, power: float, l1: float, l2: float, shrinkage: float, beta: float
) -> None:  # fmt: skip
    """With n = a + g^2 and e = -power: z += g + 2 shrinkage p - (n^e - a^e) / rate p; a = n;
    p = (clip(z, -l1, l1) - z) / (n^e / rate + 2 l2 + beta / rate).

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([2.0]), gpudl.tensor([0.25])
    >>> a, z = gpudl.tensor([0.1]), gpudl.zeros(1)
    >>> ftrl_(p, a, z, g, rate, -0.5, 0.0, 0.0, 0.0, 0.0)
    >>> round(float(a), 4)
    4.1
    """
    apply(FTRL_, (g, rate), (float(power), float(l1), float(l2), float(shrinkage), float(beta)), updates=(p, a, z))


__all__ = ["adagrad_", "adamax_", "ftrl_", "lion_", "nadam_", "nadam_product_", "rmsprop_"]
