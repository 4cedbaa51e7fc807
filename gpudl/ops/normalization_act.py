"""Batch normalization and the ReLU or LeakyReLU behind it as one op: `batch_norm_act` in training, `batch_normalization_act` with given
statistics.

They give the bits of the two ops (float16 and bfloat16: rounded once instead of twice), but the array between them is neither written nor
kept: the gradient finds the sign of ``z = (x - mean) rstd gamma + beta`` again, from what the gradient of batch norm reads anyway. Recorded
steps use these ops in place of pairs; models need not name them.
"""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..op import Op, registry
from ..tensors import Tensor, TensorLike, mode
from ._common import cast, floating, one_axis
from .activation import _leaky_relu, _leaky_relu_grad, _relu, _relu_grad
from .movement import moveaxis
from .normalization import (
    BATCH_NORM_INFERENCE,
    Pieces,
    _batch_norm,
    _batch_norm_grad,
    _batch_norm_infer,
    _inference,
    _inference_infer,
    inference_vjp,
    normalized_gradient,
    one_or,
    scale_and_shift,
    training_operands,
)

ACTIVATIONS = {"relu": 1, "leaky_relu": 2}  # the attribute `act`; `slope` is that of leaky_relu


def _checked(name: str, act: float) -> None:
    if act not in ACTIVATIONS.values():
        raise ValueError(f"[{name}] act must be one of {ACTIVATIONS}. Received: {act!r}")


def bend(xp: Any, y: Any, act: float, slope: float) -> None:
    """y = activation(y), in place."""
    if act == 1:
        _relu(xp, y, y)
        return
    pieces = Pieces(xp, y)
    rows = y.reshape(pieces.height, pieces.width)
    for piece in pieces.slices:
        _leaky_relu(xp, rows[piece], rows[piece].copy(), slope)


def through(g: Tensor, z: Tensor, act: float, slope: float) -> Tensor:
    """The gradient of z from that of activation(z). Of z only the sign matters."""
    back = registry["relu_grad" if act == 1 else "leaky_relu_grad"]
    return apply(back, (g, z), () if act == 1 else (slope,))  # type: ignore[no-any-return]


# training form -----------------------------------------------------------------------------------------------------------------


def _infer(x: Any, gamma: Any, beta: Any, momentum: float, epsilon: float, act: float, slope: float) -> Any:
    _checked("batch_norm_act", act)
    return _batch_norm_infer(x, gamma, beta)


def _forward(
    xp: Any, y: Any, mean: Any, rstd: Any, moving_mean: Any, moving_variance: Any, x: Any, gamma: Any, beta: Any, *attrs: float
) -> None:
    momentum, epsilon, act, slope = attrs
    _batch_norm(xp, y, mean, rstd, moving_mean, moving_variance, x, gamma, beta, momentum, epsilon)
    bend(xp, y, act, slope)


def _grad_infer(g: Any, x: Any, gamma: Any, beta: Any, mean: Any, rstd: Any, act: float, slope: float) -> Any:
    _checked("batch_norm_act_grad", act)
    return (x.shape, x.dtype), (x.shape[-1:], gamma.dtype), (x.shape[-1:], beta.dtype)


def _grad(
    xp: Any, dx: Any, dgamma: Any, dbeta: Any, g: Any, x: Any, gamma: Any, beta: Any, mean: Any, rstd: Any, act: float, slope: float
) -> None:
    z, dz = xp.empty(x.shape, x.dtype), xp.empty(x.shape, x.dtype)
    scale_and_shift(xp, z, x, mean, rstd * gamma, beta)
    if act == 1:
        _relu_grad(xp, dz, g, z)
    else:
        _leaky_relu_grad(xp, dz, g, z, slope)
    _batch_norm_grad(xp, dx, dgamma, dbeta, dz, x, gamma, mean, rstd)


def _vjp(ctx: Any, g: Tensor | None, *_: None) -> Any:
    if g is None:
        return None, None, None
    x, gamma, beta, middle, rstd = *[ctx.input(i) for i in range(3)], ctx.output(1), ctx.output(2)
    act, slope = ctx.attrs[2:]
    if not mode.grad:
        return ctx.grads((0, 1, 2), BATCH_NORM_ACT_GRAD, (g, x, gamma, beta, middle, rstd), (act, slope))
    z = (x.detach() - middle.detach()) * (rstd.detach() * gamma.detach()) + beta.detach()
    dz = through(g, cast(z, g.dtype), act, slope)
    return normalized_gradient(dz, x, gamma, tuple(range(x.ndim - 1)), ctx.attrs[1])


BATCH_NORM_ACT_GRAD = Op("batch_norm_act_grad", _grad_infer, _grad)
BATCH_NORM_ACT = Op("batch_norm_act", _infer, _forward, _vjp, saves=(0, 1, 2, "y1", "y2"), updates=2, twice=True)


def batch_norm_act(
    x: TensorLike,
    gamma: TensorLike | None,
    beta: TensorLike | None,
    moving_mean: Tensor,
    moving_variance: Tensor,
    activation: str = "relu",
    negative_slope: float = 0.2,
    axis: int = -1,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
) -> Tensor:
    """``activation(batch_norm(x, …))`` in one op: fewer passes over memory, and nothing between the two is kept.

    Args:
        activation: "relu" or "leaky_relu". Default "relu".
        negative_slope: of leaky_relu. Default 0.2.
        all other arguments: as for `batch_norm`.

    Returns:
        A tensor like x.

    Raises:
        ShapeError: if a vector does not have one number per channel.
        ValueError: if the activation is another one.

    >>> import gpudl
    >>> mean, variance = gpudl.zeros(1), gpudl.ones(1)
    >>> batch_norm_act([[1.0], [3.0]], None, None, mean, variance, epsilon=0.0)
    Tensor([[0.],
            [1.]], dtype=float32)
    """
    last, ins, at = training_operands("batch_norm_act", x, gamma, beta, moving_mean, moving_variance, axis)
    attrs = (float(momentum), float(epsilon), *_activation("batch_norm_act", activation, negative_slope))
    y: Tensor = apply(BATCH_NORM_ACT, ins, attrs, updates=(moving_mean, moving_variance))[0]
    return moveaxis(y, -1, at) if at != last.ndim - 1 else y


def _activation(name: str, activation: str, slope: float) -> tuple[int, float]:
    if activation not in ACTIVATIONS:
        raise ValueError(f"[{name}] activation must be one of {sorted(ACTIVATIONS)}. Received: {activation!r}")
    return ACTIVATIONS[activation], float(slope) if activation == "leaky_relu" else 0.0


# with given statistics -----------------------------------------------------------------------------------------------------------


def _given_infer(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, act: float, slope: float) -> Any:
    _checked("batch_norm_inference_act", act)
    return _inference_infer(x, mean, variance, gamma, beta)


def _given(
    xp: Any, y: Any, x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, act: float, slope: float
) -> None:  # fmt: skip
    _inference(xp, y, x, mean, variance, gamma, beta, epsilon)
    bend(xp, y, act, slope)


def _given_vjp(ctx: Any, g: Tensor) -> Any:
    epsilon, act, slope = ctx.attrs
    z = apply(BATCH_NORM_INFERENCE, tuple(ctx.input(i).detach() for i in range(5)), (epsilon,))
    return inference_vjp(ctx, through(g, z, act, slope))


BATCH_NORM_INFERENCE_ACT = Op("batch_norm_inference_act", _given_infer, _given, _given_vjp, saves=(0, 1, 2, 3, 4), twice=True)


def batch_normalization_act(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: int,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    activation: str = "relu",
    negative_slope: float = 0.2,
    epsilon: float = 1e-3,
) -> Tensor:
    """``activation(batch_normalization(x, …))`` in one op.

    Args:
        activation: "relu" or "leaky_relu". Default "relu".
        negative_slope: of leaky_relu. Default 0.2.
        all other arguments: as for `batch_normalization`.

    Returns:
        A tensor like x.

    Raises:
        ShapeError: if a vector does not have one number per channel.
        ValueError: if the activation is another one.

    >>> batch_normalization_act([[1.0, 0.0]], [0.0, 2.0], [1.0, 4.0], axis=-1, activation="leaky_relu", epsilon=0.0)
    Tensor([[ 1. , -0.2]], dtype=float32)
    """
    x = floating(x)
    at = one_axis("batch_normalization_act", axis, x.ndim)
    last = moveaxis(x, at, -1) if at != x.ndim - 1 else x
    vectors = one_or(mean, 0.0, x), one_or(variance, 1.0, x), one_or(scale, 1.0, x), one_or(offset, 0.0, x)
    attrs = (float(epsilon), *_activation("batch_normalization_act", activation, negative_slope))
    y: Tensor = apply(BATCH_NORM_INFERENCE_ACT, (last, *vectors), attrs)
    return moveaxis(y, -1, at) if at != x.ndim - 1 else y


__all__ = ["batch_norm_act", "batch_normalization_act"]
