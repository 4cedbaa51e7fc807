"""Measure how far predictions are from targets: cross-entropy of yes or no, squared error, and the weighted sum that makes one number.

Where a probability came out of `sigmoid`, its cross-entropy is computed from the score before it, which is exact.
"""

from __future__ import annotations

from typing import Any

from .. import config
from ..autograd import SUM_TO, apply
from ..errors import DTypeError, ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import cast, constant_like
from .crossentropy import one_device
from .elementwise import MULTIPLY, SUBTRACT, add, clip, multiply, negative, subtract
from .mathematics import log
from .smooth import sigmoid, softplus

# binary cross-entropy ----------------------------------------------------------------------------------------------------------


def _binary_infer(z: Any, p: Any, t: Any) -> Any:
    if t.shape != z.shape:
        raise ShapeError(f"[binary_crossentropy] target and output must have one shape. Received: target {t.shape}, output {z.shape}")
    return ((z.shape, z.dtype),)


def _binary(xp: Any, loss: Any, z: Any, p: Any, t: Any) -> None:
    xp.abs(z, out=loss)  # max(z, 0) - z t + log(1 + exp(-|z|))
    xp.negative(loss, out=loss)
    xp.exp(loss, out=loss)
    xp.log1p(loss, out=loss)
    xp.add(loss, xp.maximum(z, z.dtype.type(0)), out=loss)
    xp.subtract(loss, z * t, out=loss)


def _binary_grad(xp: Any, dz: Any, g: Any, p: Any, t: Any) -> None:
    xp.subtract(p, t, out=dz)
    xp.multiply(dz, g, out=dz)


def _binary_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    dg = ctx.grad(0, MULTIPLY, (gg, apply(SUBTRACT, (ctx.input(1), ctx.input(2))))) if ctx.needs(0) else None
    return dg, ctx.grad(1, MULTIPLY, (gg, ctx.input(0))) if ctx.needs(1) else None, None


BINARY_CROSSENTROPY_GRAD = Op("binary_crossentropy_grad", lambda g, p, t: ((p.shape, p.dtype),), _binary_grad, _binary_grad_vjp,
                              saves=(0, 1, 2), twice=True)  # fmt: skip
BINARY_CROSSENTROPY = Op(
    "binary_crossentropy",
    _binary_infer,
    _binary,
    lambda ctx, g: (ctx.grad(0, BINARY_CROSSENTROPY_GRAD, (g, ctx.input(1), ctx.input(2))), None, None),
    saves=(1, 2),
    twice=True,
)


def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Tensor:
    """-(target log(output) + (1 - target) log(1 - output)), element by element.

    Args:
        target: 0, 1 or a probability, of output's shape; cast to its dtype.
        output: probabilities, kept in [epsilon, 1 - epsilon]; or scores with `from_logits`. Probabilities straight from `sigmoid` are not
            clipped: the loss is computed from the scores, exactly.
        from_logits: whether output are scores before sigmoid. Default False.

    Returns:
        A tensor of output's shape.

    Raises:
        ShapeError: if the shapes differ.

    >>> binary_crossentropy([0.0, 1.0], [0.0, 1000.0], from_logits=True)
    Tensor([0.6931472, 0.       ], dtype=float32)
    """
    target, output = one_device(target, output)
    if target.shape != output.shape:
        raise ShapeError(
            f"[binary_crossentropy] target and output must have one shape. Received: target {target.shape}, output {output.shape}"
        )
    target = cast(target, output.dtype)
    origin = (("sigmoid", output) if from_logits else getattr(output, "origin", None)) or ("", output)
    if origin[0] == "sigmoid":
        z = origin[1]
        if target.requires_grad:
            return subtract(softplus(z), multiply(z, target))
        return apply(BINARY_CROSSENTROPY, (z, sigmoid(z) if from_logits else output, target))  # type: ignore[no-any-return]
    epsilon = config.epsilon()
    q = clip(output, epsilon, 1.0 - epsilon)
    return negative(add(multiply(target, log(q)), multiply(subtract(1.0, target), log(subtract(1.0, q)))))


# squared error, and the weighted sum that makes one number of a loss per row -----------------------------------------------------


def _squared_infer(a: Any, b: Any) -> Any:
    if a.shape != b.shape or not a.shape:
        raise ShapeError(f"[mean_squared_error] target and output must have one shape, with an axis. Received: {a.shape} and {b.shape}")
    return ((a.shape[:-1], a.dtype),)


def _squared(xp: Any, y: Any, a: Any, b: Any) -> None:
    difference = xp.subtract(a, b)
    xp.multiply(difference, difference, out=difference)
    difference.sum(-1, out=y)
    xp.divide(y, y.dtype.type(a.shape[-1]), out=y)


def _squared_grad(xp: Any, da: Any, g: Any, a: Any, b: Any) -> None:
    xp.subtract(a, b, out=da)
    xp.multiply(da, (g * g.dtype.type(2.0 / max(a.shape[-1], 1)))[..., None], out=da)


def _squared_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    g, a, b = ctx.input(0), ctx.input(1), ctx.input(2)
    by = 2.0 / max(a.shape[-1], 1)
    dg = da = db = None
    if ctx.needs(0):
        dg = multiply(apply(SUM_TO, (multiply(gg, subtract(a, b)),), (*g.shape, 1)).reshape(g.shape), by)
    if ctx.needs(1) or ctx.needs(2):
        da = multiply(multiply(gg, g.reshape(*g.shape, 1)), by)
        db = negative(da)
    return dg, da, db


MEAN_SQUARED_ERROR_GRAD = Op("mean_squared_error_grad", lambda g, a, b: ((a.shape, a.dtype),), _squared_grad, _squared_grad_vjp,
                             saves=(0, 1, 2), twice=True)  # fmt: skip


def _squared_vjp(ctx: Any, g: Tensor) -> Any:
    a, b = ctx.input(0), ctx.input(1)
    return ctx.grad(0, MEAN_SQUARED_ERROR_GRAD, (g, a, b)), ctx.grad(1, MEAN_SQUARED_ERROR_GRAD, (g, b, a))


MEAN_SQUARED_ERROR = Op("mean_squared_error", _squared_infer, _squared, _squared_vjp, saves=(0, 1), twice=True)


def mean_squared_error(target: TensorLike, output: TensorLike) -> Tensor:
    """mean((target - output)^2) over the last axis, in one op.

    >>> mean_squared_error([[0.0, 2.0]], [[1.0, 1.0]])
    Tensor([1.], dtype=float32)
    """
    target, output = one_device(target, output)
    return apply(MEAN_SQUARED_ERROR, (output, cast(target, output.dtype)))  # type: ignore[no-any-return]


def _weighted_infer(values: Any, weights: Any, divisor: float, *shape: int) -> Any:
    if weights.shape and weights.shape != values.shape:
        raise ShapeError(f"[weighted_sum] weights need the values' shape or none. Received: values {values.shape}, weights {weights.shape}")
    if weights.dtype != values.dtype:
        raise DTypeError(f"[weighted_sum] values and weights have different dtypes: {values.dtype} and {weights.dtype}")
    return (((), values.dtype),)


def _weighted(xp: Any, y: Any, values: Any, weights: Any, divisor: float, *shape: int) -> None:
    total = (values * weights).sum() if weights.ndim else values.sum() * weights[()]
    y[...] = total / y.dtype.type(divisor)


def _weighted_grad(xp: Any, dv: Any, g: Any, weights: Any, divisor: float, *shape: int) -> None:
    scaled = g[()] / g.dtype.type(divisor)
    if weights.ndim:
        xp.multiply(weights, scaled, out=dv)
    else:
        dv[...] = weights[()] * scaled


def _weighted_vjp(ctx: Any, g: Tensor) -> Any:
    return ctx.grad(0, WEIGHTED_SUM_GRAD, (g, ctx.input(1)), ctx.attrs), None


def _weighted_grad_vjp(ctx: Any, gg: Tensor) -> Any:
    return ctx.grad(0, WEIGHTED_SUM, (gg, ctx.input(1)), ctx.attrs), None


WEIGHTED_SUM_GRAD = Op("weighted_sum_grad", lambda g, w, divisor, *shape: ((shape, g.dtype),), _weighted_grad, _weighted_grad_vjp,
                       saves=(1,), twice=True)  # fmt: skip
WEIGHTED_SUM = Op("weighted_sum", _weighted_infer, _weighted, _weighted_vjp, saves=(1,), twice=True)


def weighted_sum(values: Tensor, weights: Tensor | float | None, divisor: float) -> Tensor:
    """sum(values * weights) / divisor, one number. Weights have the values' shape or are a number; they get no gradient."""
    if not isinstance(weights, Tensor):
        weights = constant_like(1.0 if weights is None else float(weights), values.dtype, values.storage.backend)
    return apply(WEIGHTED_SUM, (values, weights), (float(divisor), *values.shape))  # type: ignore[no-any-return]


__all__ = ["binary_crossentropy"]
