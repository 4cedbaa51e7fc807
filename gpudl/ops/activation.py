"""Bend a tensor element by element with straight pieces: `relu`, `leaky_relu`, `hard_sigmoid`, `threshold`, `step` and their kin.

Each is one kernel, and its gradient another. The smooth ones are in `smooth.py`.
"""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..tensors import Tensor, TensorLike
from ._common import floating, number
from ._select import choose, keep
from ._unary import unary
from .elementwise import where
from .mathematics import absolute


def _relu(xp: Any, y: Any, x: Any) -> None:
    xp.maximum(x, number(xp, 0.0, x.dtype), out=y)


def _relu_grad(xp: Any, dx: Any, g: Any, y: Any) -> None:
    keep(xp, dx, y > number(xp, 0.0, y.dtype), g)


RELU = unary("relu", _relu, _relu_grad, reads="y")


def relu(x: TensorLike) -> Tensor:
    """max(x, 0). The gradient at 0 is 0.

    >>> relu([-1.0, 2.0])
    Tensor([0., 2.], dtype=float32)
    """
    return apply(RELU, (floating(x),))  # type: ignore[no-any-return]


def _leaky_relu(xp: Any, y: Any, x: Any, negative_slope: float) -> None:
    xp.multiply(x, negative_slope, out=y)
    if 0 < negative_slope <= 1:
        xp.maximum(x, y, out=y)
    else:
        choose(xp, y, x > 0, x, y)


def _leaky_relu_grad(xp: Any, dx: Any, g: Any, x: Any, negative_slope: float) -> None:
    xp.multiply(g, negative_slope, out=dx)
    choose(xp, dx, x > 0, g, dx)


LEAKY_RELU = unary("leaky_relu", _leaky_relu, _leaky_relu_grad)


def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """x where x > 0, else negative_slope * x.

    >>> leaky_relu([-1.0, 2.0], negative_slope=0.01)
    Tensor([-0.01,  2.  ], dtype=float32)
    """
    return apply(LEAKY_RELU, (floating(x),), (float(negative_slope),))  # type: ignore[no-any-return]


def _hard_tanh(xp: Any, y: Any, x: Any, low: float, high: float) -> None:
    xp.maximum(x, x.dtype.type(low), out=y)
    xp.minimum(y, x.dtype.type(high), out=y)


def _hard_tanh_grad(xp: Any, dx: Any, g: Any, x: Any, low: float, high: float) -> None:
    keep(xp, dx, (x > low) & (x < high), g)


HARD_TANH = unary("hard_tanh", _hard_tanh, _hard_tanh_grad)


def relu6(x: TensorLike) -> Tensor:
    """min(max(x, 0), 6). The gradient at 0 and 6 is 0.

    >>> relu6([-1.0, 2.0, 8.0])
    Tensor([0., 2., 6.], dtype=float32)
    """
    return apply(HARD_TANH, (floating(x),), (0.0, 6.0))  # type: ignore[no-any-return]


def hard_tanh(x: TensorLike) -> Tensor:
    """min(max(x, -1), 1). The gradient at -1 and 1 is 0.

    >>> hard_tanh([-2.0, 0.5, 2.0])
    Tensor([-1. ,  0.5,  1. ], dtype=float32)
    """
    return apply(HARD_TANH, (floating(x),), (-1.0, 1.0))  # type: ignore[no-any-return]


def _hard_sigmoid(xp: Any, y: Any, x: Any, slope: float) -> None:
    xp.multiply(x, slope, out=y)
    y += 0.5
    xp.maximum(y, x.dtype.type(0), out=y)
    xp.minimum(y, x.dtype.type(1), out=y)


def _hard_sigmoid_grad(xp: Any, dx: Any, g: Any, y: Any, slope: float) -> None:
    xp.multiply(g, slope, out=dx)
    keep(xp, dx, (y > 0) & (y < 1), dx)


HARD_SIGMOID = unary("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_grad, reads="y")


def hard_sigmoid(x: TensorLike) -> Tensor:
    """min(max(x / 6 + 1 / 2, 0), 1): a sigmoid of three straight pieces.

    >>> hard_sigmoid([-4.0, 0.0, 1.5])
    Tensor([0.  , 0.5 , 0.75], dtype=float32)
    """
    return apply(HARD_SIGMOID, (floating(x),), (1.0 / 6.0,))  # type: ignore[no-any-return]


def sparse_sigmoid(x: TensorLike) -> Tensor:
    """min(max((x + 1) / 2, 0), 1), the gradient of `sparse_plus`.

    >>> sparse_sigmoid([-2.0, 0.0, 0.5])
    Tensor([0.  , 0.5 , 0.75], dtype=float32)
    """
    return apply(HARD_SIGMOID, (floating(x),), (0.5,))  # type: ignore[no-any-return]


def _hard_silu(xp: Any, y: Any, x: Any) -> None:
    _hard_sigmoid(xp, y, x, 1.0 / 6.0)
    y *= xp.maximum(x, x.dtype.type(-3))  # also for -inf


def _hard_silu_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    xp.multiply(x, 1.0 / 3.0, out=dx)
    dx += 0.5
    dx *= g
    choose(xp, dx, x >= 3, g, dx)
    keep(xp, dx, x > -3, dx)


HARD_SILU = unary("hard_silu", _hard_silu, _hard_silu_grad, lambda h, x: where(absolute(x) < 3.0, h * (1.0 / 3.0), 0.0))


def hard_silu(x: TensorLike) -> Tensor:
    """x * hard_sigmoid(x)

    Howard et al., "Searching for MobileNetV3", 2019.

    >>> hard_silu([-1.0, 1.0, 4.0])
    Tensor([-0.3333333,  0.6666667,  4.       ], dtype=float32)
    """
    return apply(HARD_SILU, (floating(x),))  # type: ignore[no-any-return]


hard_swish = hard_silu


def _threshold(xp: Any, y: Any, x: Any, threshold: float, default_value: float) -> None:
    choose(xp, y, x <= threshold, x.dtype.type(default_value), x)  # NaN stays NaN


def _threshold_grad(xp: Any, dx: Any, g: Any, x: Any, threshold: float, default_value: float) -> None:
    keep(xp, dx, x > threshold, g)


THRESHOLD = unary("threshold", _threshold, _threshold_grad)


def threshold(x: TensorLike, threshold: float, default_value: float) -> Tensor:
    """x where x > threshold, else default_value.

    >>> threshold([0.5, 2.0], 1.0, -1.0)
    Tensor([-1.,  2.], dtype=float32)
    """
    return apply(THRESHOLD, (floating(x),), (float(threshold), float(default_value)))  # type: ignore[no-any-return]


def _hard_shrink(xp: Any, y: Any, x: Any, threshold: float) -> None:
    keep(xp, y, ~(xp.absolute(x) <= threshold), x)


def _soft_shrink(xp: Any, y: Any, x: Any, threshold: float) -> None:
    xp.maximum(x, x.dtype.type(-threshold), out=y)
    xp.minimum(y, x.dtype.type(threshold), out=y)
    xp.subtract(x, y, out=y)


def _shrink_grad(xp: Any, dx: Any, g: Any, x: Any, threshold: float) -> None:
    keep(xp, dx, ~(xp.absolute(x) <= threshold), g)


HARD_SHRINK = unary("hard_shrink", _hard_shrink, _shrink_grad)
SOFT_SHRINK = unary("soft_shrink", _soft_shrink, _shrink_grad)


def _not_negative(name: str, threshold: float) -> float:
    if not threshold >= 0:
        raise ValueError(f"[{name}] threshold must not be negative. Received: {threshold!r}")
    return float(threshold)


def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x where |x| > threshold, else 0.

    >>> hard_shrink([-1.0, 0.25, 2.0])
    Tensor([-1.,  0.,  2.], dtype=float32)
    """
    return apply(HARD_SHRINK, (floating(x),), (_not_negative("hard_shrink", threshold),))  # type: ignore[no-any-return]


def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x brought nearer to 0 by `threshold`, and 0 within it.

    >>> soft_shrink([-1.0, 0.25, 2.0])
    Tensor([-0.5,  0. ,  1.5], dtype=float32)
    """
    return apply(SOFT_SHRINK, (floating(x),), (_not_negative("soft_shrink", threshold),))  # type: ignore[no-any-return]


def _sparse_plus(xp: Any, y: Any, x: Any) -> None:
    xp.add(x, 1.0, out=y)
    xp.maximum(y, x.dtype.type(0), out=y)
    xp.minimum(y, x.dtype.type(2), out=y)
    xp.multiply(y, y, out=y)
    y *= 0.25
    choose(xp, y, x >= 1, x, y)


def _sparse_plus_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    _hard_sigmoid(xp, dx, x, 0.5)
    dx *= g


SPARSE_PLUS = unary("sparse_plus", _sparse_plus, _sparse_plus_grad, lambda h, x: where(absolute(x) < 1.0, h * 0.5, 0.0))


def sparse_plus(x: TensorLike) -> Tensor:
    """0 for x <= -1, (x + 1)^2 / 4 between, x for x >= 1.

    >>> sparse_plus([-2.0, 0.0, 3.0])
    Tensor([0.  , 0.25, 3.  ], dtype=float32)
    """
    return apply(SPARSE_PLUS, (floating(x),))  # type: ignore[no-any-return]


def _step(xp: Any, y: Any, x: Any) -> None:
    y[...] = x >= 0
    choose(xp, y, x != x, x, y)  # NaN stays NaN


def _step_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
    dx.fill(0)


STEP = unary("step", _step, _step_grad)


def step(x: TensorLike) -> Tensor:
    """1 where x >= 0, else 0: the activation of the first neurons. Its gradient is 0 everywhere, so layers before it learn nothing.

    Rosenblatt, "The perceptron", 1958.

    >>> step([-0.5, 0.0, 2.0])
    Tensor([0., 1., 1.], dtype=float32)
    """
    return apply(STEP, (floating(x),))  # type: ignore[no-any-return]


__all__ = ["hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "relu", "relu6", "soft_shrink",
           "sparse_plus", "sparse_sigmoid", "step", "threshold"]  # fmt: skip
