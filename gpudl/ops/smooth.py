"""Bend a tensor element by element with smooth curves: `sigmoid`, `tanh`, `softplus`, `softsign`, `elu` and their kin.

Each is one kernel, and its gradient another; none overflows. Those of straight pieces are in `activation.py`, x times a gate in `gated.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd import apply
from ..tensors import Tensor, TensorLike
from ._common import floating
from ._select import choose
from ._unary import unary
from .elementwise import where
from .mathematics import absolute, exp


def sigmoid_kernel(xp: Any, y: Any, x: Any) -> None:
    xp.negative(x, out=y)
    xp.exp(y, out=y)  # inf for x < -88 in float32: 1 / inf is 0
    y += 1.0
    xp.divide(1.0, y, out=y)


def _sigmoid_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    xp.subtract(1.0, y, out=dx)
    dx *= y
    dx *= g


SIGMOID = unary("sigmoid", sigmoid_kernel, _sigmoid_grad, lambda h, y: h * (1.0 - 2.0 * y), reads="y")


def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + exp(-x)). The result remembers x, so that a cross-entropy of it is computed from x without loss.

    >>> sigmoid([-1000.0, 0.0, 1.0])
    Tensor([0.       , 0.5      , 0.7310586], dtype=float32)
    """
    x = floating(x)
    out: Tensor = apply(SIGMOID, (x,))
    out.origin = ("sigmoid", x)
    return out


def _tanh(xp: Any, y: Any, x: Any) -> None:
    xp.tanh(x, out=y)


def _tanh_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    xp.multiply(y, y, out=dx)
    xp.subtract(1.0, dx, out=dx)
    dx *= g


TANH = unary("tanh", _tanh, _tanh_grad, lambda h, y: -2.0 * h * y, reads="y")


def tanh(x: TensorLike) -> Tensor:
    """sinh(x) / cosh(x)

    >>> tanh([0.0, 1.0])
    Tensor([0.       , 0.7615942], dtype=float32)
    """
    return apply(TANH, (floating(x),))  # type: ignore[no-any-return]


def _tanh_shrink(xp: Any, y: Any, x: Any) -> None:
    xp.tanh(x, out=y)
    xp.subtract(x, y, out=y)


def _tanh_shrink_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.tanh(x, out=dx)
    xp.multiply(dx, dx, out=dx)
    dx *= g


def _tanh_shrink_second(h: Tensor, x: Tensor) -> Tensor:
    t = tanh(x)
    return 2.0 * h * t * (1.0 - t * t)


TANH_SHRINK = unary("tanh_shrink", _tanh_shrink, _tanh_shrink_grad, _tanh_shrink_second)


def tanh_shrink(x: TensorLike) -> Tensor:
    """x - tanh(x)

    >>> tanh_shrink([0.0, 1.0])
    Tensor([0.        , 0.23840582], dtype=float32)
    """
    return apply(TANH_SHRINK, (floating(x),))  # type: ignore[no-any-return]


# softplus and what is made of it -----------------------------------------------------------------------------------------------


def _softplus(xp: Any, y: Any, x: Any) -> None:
    xp.absolute(x, out=y)
    xp.negative(y, out=y)
    xp.exp(y, out=y)
    xp.log1p(y, out=y)
    y += xp.maximum(x, x.dtype.type(0))


def _softplus_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    sigmoid_kernel(xp, dx, x)
    dx *= g


def _sigmoid_slope(h: Tensor, x: Tensor) -> Tensor:
    s = sigmoid(x)
    return h * s * (1.0 - s)


SOFTPLUS = unary("softplus", _softplus, _softplus_grad, _sigmoid_slope)


def softplus(x: TensorLike) -> Tensor:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))

    >>> softplus([-1000.0, 0.0, 1000.0])
    Tensor([0.000000e+00, 6.931472e-01, 1.000000e+03], dtype=float32)
    """
    return apply(SOFTPLUS, (floating(x),))  # type: ignore[no-any-return]


def _log_sigmoid(xp: Any, y: Any, x: Any) -> None:
    xp.absolute(x, out=y)
    xp.negative(y, out=y)
    xp.exp(y, out=y)
    xp.log1p(y, out=y)
    xp.subtract(xp.minimum(x, x.dtype.type(0)), y, out=y)


def _log_sigmoid_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.exp(x, out=dx)
    dx += 1.0
    xp.divide(g, dx, out=dx)


LOG_SIGMOID = unary("log_sigmoid", _log_sigmoid, _log_sigmoid_grad, lambda h, x: -_sigmoid_slope(h, x))


def log_sigmoid(x: TensorLike) -> Tensor:
    """log(sigmoid(x)) = min(x, 0) - log(1 + exp(-|x|))

    >>> log_sigmoid([-1000.0, 0.0, 1000.0])
    Tensor([-1.000000e+03, -6.931472e-01,  0.000000e+00], dtype=float32)
    """
    return apply(LOG_SIGMOID, (floating(x),))  # type: ignore[no-any-return]


def _squareplus(xp: Any, y: Any, x: Any, b: float) -> None:
    far = xp.hypot(x, x.dtype.type(math.sqrt(b)))
    far += xp.absolute(x)
    far *= 0.5
    xp.divide(0.25 * b, far, out=y)  # for x < 0, where x + sqrt(x^2 + b) would cancel
    choose(xp, y, x < 0, y, far)


def _squareplus_grad(xp: Any, dx: Any, g: Any, x: Any, b: float) -> None:
    _squareplus(xp, dx, x, b)
    dx /= xp.hypot(x, x.dtype.type(math.sqrt(b)))
    dx *= g


def _squareplus_second(h: Tensor, x: Tensor, b: float) -> Tensor:
    r = x * x + b
    return h * (0.5 * b) / (r * r**0.5)


SQUAREPLUS = unary("squareplus", _squareplus, _squareplus_grad, _squareplus_second)


def squareplus(x: TensorLike, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2

    >>> squareplus([-1.0, 0.0, 1.0])
    Tensor([0.618034, 1.      , 1.618034], dtype=float32)
    """
    if not b > 0:
        raise ValueError(f"[squareplus] b must be positive. Received: {b!r}")
    return apply(SQUAREPLUS, (floating(x),), (float(b),))  # type: ignore[no-any-return]


def _softsign(xp: Any, y: Any, x: Any) -> None:
    xp.absolute(x, out=y)
    y += 1.0
    xp.divide(x, y, out=y)


def _softsign_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    r = xp.absolute(x)
    r += 1.0
    xp.divide(g, r, out=dx)
    dx /= r


def _softsign_second(h: Tensor, x: Tensor) -> Tensor:
    r = 1.0 + absolute(x)
    return where(x < 0.0, 2.0 * h, -2.0 * h) / (r * r * r)


SOFTSIGN = unary("softsign", _softsign, _softsign_grad, _softsign_second)


def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|)

    >>> softsign([-1.0, 0.0, 3.0])
    Tensor([-0.5 ,  0.  ,  0.75], dtype=float32)
    """
    return apply(SOFTSIGN, (floating(x),))  # type: ignore[no-any-return]


# exponential on one side -------------------------------------------------------------------------------------------------------


def _elu(xp: Any, y: Any, x: Any, alpha: float, scale: float, rate: float) -> None:
    zero = x.dtype.type(0)
    xp.minimum(x, zero, out=y)
    y *= rate
    xp.expm1(y, out=y)
    y *= alpha * scale
    y += xp.maximum(x, zero) * scale


def _elu_grad(xp: Any, dx: Any, g: Any, x: Any, alpha: float, scale: float, rate: float) -> None:
    xp.minimum(x, x.dtype.type(0), out=dx)
    dx *= rate
    xp.exp(dx, out=dx)
    dx *= alpha * scale * rate
    choose(xp, dx, x > 0, dx.dtype.type(scale), dx)
    dx *= g


def _elu_second(h: Tensor, x: Tensor, alpha: float, scale: float, rate: float) -> Tensor:
    return where(x > 0.0, 0.0, h * ((alpha * scale * rate * rate) * exp(rate * x)))


ELU = unary("elu", _elu, _elu_grad, _elu_second)
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha * (exp(x) - 1)

    Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2015.

    >>> elu([-1.0, 1.0])
    Tensor([-0.63212055,  1.        ], dtype=float32)
    """
    return apply(ELU, (floating(x),), (float(alpha), 1.0, 1.0))  # type: ignore[no-any-return]


def selu(x: TensorLike) -> Tensor:
    """1.0507 * elu(x, 1.6733): zero mean and unit variance stay so from layer to layer.

    Klambauer et al., "Self-normalizing neural networks", 2017.

    >>> selu([-1.0, 1.0])
    Tensor([-1.1113307,  1.050701 ], dtype=float32)
    """
    return apply(ELU, (floating(x),), (_SELU_ALPHA, _SELU_SCALE, 1.0))  # type: ignore[no-any-return]


def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha * (exp(x / alpha) - 1): an elu whose slope at 0 is continuous.

    Barron, "Continuously differentiable exponential linear units", 2017.

    >>> celu([-1.0, 1.0], alpha=2.0)
    Tensor([-0.78693867,  1.        ], dtype=float32)
    """
    if alpha == 0:
        raise ValueError("[celu] alpha must not be 0. Received: 0")
    return apply(ELU, (floating(x),), (float(alpha), 1.0, 1.0 / float(alpha)))  # type: ignore[no-any-return]


__all__ = ["celu", "elu", "log_sigmoid", "selu", "sigmoid", "softplus", "softsign", "squareplus", "tanh", "tanh_shrink"]  # fmt: skip
