"""Let a part of a tensor pass, element by element: `silu`, `gelu`, `mish`, `glu`. Each is one kernel, and its gradient another."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import floating, one_axis
from ._erf import erf as erf_kernel
from ._unary import unary
from .mathematics import exp
from .smooth import sigmoid, sigmoid_kernel, softplus, tanh


def _silu(xp: Any, y: Any, x: Any) -> None:
    sigmoid_kernel(xp, y, x)
    xp.multiply(y, x, out=y)


def _silu_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    s = xp.empty_like(dx)
    sigmoid_kernel(xp, s, x)
    xp.subtract(1.0, s, out=dx)
    dx *= x
    dx += 1.0
    dx *= s
    dx *= g


def _silu_second(h: Tensor, x: Tensor) -> Tensor:
    s = sigmoid(x)
    return h * s * (1.0 - s) * (2.0 + x * (1.0 - 2.0 * s))


SILU = unary("silu", _silu, _silu_grad, _silu_second)


def silu(x: TensorLike) -> Tensor:
    """x * sigmoid(x), also called swish

    >>> silu([-3.0, 0.0, 1.0])
    Tensor([-0.14227763,  0.        ,  0.7310586 ], dtype=float32)
    """
    return apply(SILU, (floating(x),))  # type: ignore[no-any-return]


swish = silu


def _mish_parts(xp: Any, x: Any) -> Any:
    """tanh(softplus(x)) = w / (w + 2) with w = e (e + 2), e = exp(x); 1 beyond 20."""
    w = xp.exp(xp.minimum(x, x.dtype.type(20)))
    w *= w + 2.0
    return w / (w + 2.0)


def _mish(xp: Any, y: Any, x: Any) -> None:
    xp.multiply(_mish_parts(xp, x), x, out=y)


def _mish_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    t = _mish_parts(xp, x)
    sigmoid_kernel(xp, dx, x)
    dx *= 1.0 - t * t
    dx *= x
    dx += t
    dx *= g


def _mish_second(h: Tensor, x: Tensor) -> Tensor:
    t, s = tanh(softplus(x)), sigmoid(x)
    bend = (1.0 - t * t) * s
    return h * bend * (2.0 + x * (1.0 - s - 2.0 * t * s))


MISH = unary("mish", _mish, _mish_grad, _mish_second)


def mish(x: TensorLike) -> Tensor:
    """x * tanh(softplus(x))

    Misra, "Mish: a self regularized non-monotonic activation function", 2019.

    >>> mish([-3.0, 0.0, 3.0])
    Tensor([-0.14564745,  0.        ,  2.986535  ], dtype=float32)
    """
    return apply(MISH, (floating(x),))  # type: ignore[no-any-return]


_ROOT_HALF, _ROOT_2_OVER_PI, _INVERSE_ROOT_2PI = math.sqrt(0.5), math.sqrt(2.0 / math.pi), 1.0 / math.sqrt(2.0 * math.pi)
_CUBIC = 0.044715


def _gelu_gate(xp: Any, y: Any, x: Any, approximate: int) -> None:
    """The share of x that passes: (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, or (1 + erf(x / sqrt(2))) / 2"""
    if approximate:
        xp.multiply(x, x, out=y)
        y *= _ROOT_2_OVER_PI * _CUBIC
        y += _ROOT_2_OVER_PI
        y *= x
        xp.tanh(y, out=y)
    else:
        erf_kernel(xp, y, x * _ROOT_HALF)
    y += 1.0
    y *= 0.5


def _gelu(xp: Any, y: Any, x: Any, approximate: int) -> None:
    _gelu_gate(xp, y, x, approximate)
    y *= x


def _gelu_grad(xp: Any, dx: Any, g: Any, x: Any, approximate: int) -> None:
    square = x * x
    if approximate:  # gate + x dgate/dx, dgate/dx = 2 gate (1 - gate) u'
        gate = xp.empty_like(dx)
        _gelu_gate(xp, gate, x, approximate)
        xp.multiply(square, 6.0 * _ROOT_2_OVER_PI * _CUBIC, out=dx)
        dx += 2.0 * _ROOT_2_OVER_PI
        dx *= x
        dx *= 1.0 - gate
        dx += 1.0
        dx *= gate
    else:
        density = xp.exp(square * -0.5)
        density *= _INVERSE_ROOT_2PI
        density *= x
        _gelu_gate(xp, dx, x, approximate)
        dx += density
    dx *= g


def _gelu_second(h: Tensor, x: Tensor, approximate: int) -> Tensor:
    square = x * x
    if not approximate:
        return h * (2.0 - square) * (_INVERSE_ROOT_2PI * exp(-0.5 * square))
    t = tanh(x * (_ROOT_2_OVER_PI + (_ROOT_2_OVER_PI * _CUBIC) * square))
    first = _ROOT_2_OVER_PI + (3.0 * _ROOT_2_OVER_PI * _CUBIC) * square
    return h * (1.0 - t * t) * (first + x * ((3.0 * _ROOT_2_OVER_PI * _CUBIC) * x - t * first * first))


GELU = unary("gelu", _gelu, _gelu_grad, _gelu_second)


def gelu(x: TensorLike, approximate: bool = True) -> Tensor:
    """x P(X <= x) for a standard normal X: x (1 + erf(x / sqrt(2))) / 2.

    Args:
        x: a float tensor.
        approximate: use x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 instead, which is off by less than 5e-4. Default True.

    Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    >>> gelu([-1.0, 0.0, 1.0], approximate=False)
    Tensor([-0.15865526,  0.        ,  0.8413447 ], dtype=float32)
    """
    return apply(GELU, (floating(x),), (int(approximate),))  # type: ignore[no-any-return]


def _glu_infer(x: Any, axis: int) -> Any:
    if x.shape[axis] % 2:
        raise ShapeError(f"[glu] the axis must have an even length, to be cut into two halves. Received: x {x.shape}, axis={axis}")
    return ((x.shape[:axis] + (x.shape[axis] // 2,) + x.shape[axis + 1 :], x.dtype),)


def _halves(x: Any, axis: int) -> Any:
    half = x.shape[axis] // 2
    before = (slice(None),) * axis
    return x[(*before, slice(None, half))], x[(*before, slice(half, None))]


def _glu(xp: Any, y: Any, x: Any, axis: int) -> None:
    a, b = _halves(x, axis)
    sigmoid_kernel(xp, y, b)
    y *= a


def _glu_grad(xp: Any, dx: Any, g: Any, x: Any, axis: int) -> None:
    a, b = _halves(x, axis)
    da, db = _halves(dx, axis)
    sigmoid_kernel(xp, da, b)  # s
    xp.subtract(1.0, da, out=db)
    db *= da
    db *= a
    db *= g  # g a s (1 - s)
    da *= g


def _glu_grad_infer(g: Any, x: Any, axis: int) -> Any:
    return ((x.shape, x.dtype),)


def _glu_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    from . import concatenate  # joins stand above this file

    (axis,) = ctx.attrs
    g, (a, b), (p, q) = ctx.input(0), _halves(ctx.input(1), axis), _halves(gg, axis)
    s = sigmoid(b)
    slope = s * (1.0 - s)
    dg = p * s + q * a * slope
    da = q * g * slope
    return dg, concatenate([da, (p + q * a * (1.0 - 2.0 * s)) * g * slope], axis)


GLU_GRAD = Op("glu_grad", _glu_grad_infer, _glu_grad, _glu_grad_vjp, saves=(0, 1), twice=True)
GLU = Op("glu", _glu_infer, _glu, lambda ctx, g: (ctx.grad(0, GLU_GRAD, (g, ctx.input(0)), ctx.attrs),), saves=(0,), twice=True)


def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """a * sigmoid(b), where a and b are the two halves of x along an axis.

    Raises:
        ShapeError: if the axis has an odd length.

    Dauphin et al., "Language modeling with gated convolutional networks", 2017.

    >>> glu([1.0, 2.0, 0.0, 1000.0])
    Tensor([0.5, 2. ], dtype=float32)
    """
    x = floating(x)
    return apply(GLU, (x,), (one_axis("glu", axis, x.ndim),))  # type: ignore[no-any-return]


__all__ = ["gelu", "glu", "mish", "silu", "swish"]
