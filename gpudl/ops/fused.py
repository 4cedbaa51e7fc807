"""Do in one kernel what a step does in several: a product or convolution with bias and activation, the same backwards with the bias'
gradient, softmax with its cross-entropy.

No layer calls these ops: `gpudl/peephole.py` puts them in the place of the calls of a recorded step whose results nobody else reads. Their
references do the same steps in the same order, so that float32 and float64 agree bit for bit with the separate ops; 16 bits are rounded
once, at the end, instead of after each step.

Attributes: those of `matmul` (transposes) or `conv2d` (`Slide`), then which activation, as its place in `ACTIVATIONS`, and its slope, which
only leaky_relu reads. Gradients read the activation's output, so a negative slope is refused: both its sides give positive numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import ADD, EXPAND, SUM_TO, apply
from ..errors import DTypeError, ShapeError
from ..op import Op, registry
from ..tensors import Tensor
from ._common import number, require_float
from ._select import choose, keep
from .convolution import CONV2D, CONV2D_GRAD_INPUT, conv2d_grad_input_gradients, conv2d_gradients
from .crossentropy import (
    CATEGORICAL_CROSSENTROPY,
    CATEGORICAL_CROSSENTROPY_GRAD,
    SPARSE_CATEGORICAL_CROSSENTROPY,
    SPARSE_CATEGORICAL_CROSSENTROPY_GRAD,
)
from .linalg import MATMUL, product_gradients
from .smooth import sigmoid_kernel
from .softmaxes import SOFTMAX, SOFTMAX_GRAD

ACTIVATIONS = ("none", "relu", "leaky_relu", "sigmoid", "tanh")  # what the attribute `act` counts
NONE, RELU, LEAKY_RELU, SIGMOID, TANH = range(5)


# activations within reference kernels ------------------------------------------------------------------------------------------


def _activate(xp: Any, y: Any, act: int, slope: float) -> None:
    """y = act(y), with the bits of the op of that name."""
    if act == RELU:
        xp.maximum(y, number(xp, 0.0, y.dtype), out=y)
    elif act == LEAKY_RELU:
        below = xp.multiply(y, slope)
        if 0 < slope <= 1:
            xp.maximum(y, below, out=y)
        else:
            choose(xp, y, y <= 0, below, y)
    elif act == SIGMOID:
        sigmoid_kernel(xp, y, y)
    elif act == TANH:
        xp.tanh(y, out=y)


def _slope_times(xp: Any, g: Any, y: Any, act: int, slope: float) -> None:
    """g = g act'(x), read from y = act(x), with the bits of the op's gradient."""
    if act == RELU:
        keep(xp, g, y > number(xp, 0.0, y.dtype), g)
    elif act == LEAKY_RELU:
        below = xp.multiply(g, slope)
        choose(xp, below, y > 0, g, below)
        g[...] = below
    elif act == SIGMOID:
        d = xp.subtract(1.0, y)
        d *= y
        xp.multiply(d, g, out=g)
    elif act == TANH:
        d = xp.multiply(y, y)
        xp.subtract(1.0, d, out=d)
        xp.multiply(d, g, out=g)


def _reference(op: Op) -> Callable[..., Any]:
    assert op.reference is not None
    return op.reference


_product, _convolution, _convolution_back = _reference(MATMUL), _reference(CONV2D), _reference(CONV2D_GRAD_INPUT)
_column_sums, _softmax = _reference(SUM_TO), _reference(SOFTMAX)


# what infer checks -------------------------------------------------------------------------------------------------------------


def _check(name: str, act: int, slope: float, *operands: Any) -> None:
    require_float(name, *operands)
    if any(x.dtype != operands[0].dtype for x in operands):
        raise DTypeError(f"[{name}] the operands have different dtypes: {', '.join(str(x.dtype) for x in operands)}")
    if not 0 <= act < len(ACTIVATIONS):
        raise ValueError(f"[{name}] act must be a number below {len(ACTIVATIONS)}, of {ACTIVATIONS}. Received: {act}")
    if act == LEAKY_RELU and not slope >= 0:
        raise ValueError(f"[{name}] the slope of leaky_relu must not be negative. Received: {slope}")


def _with_bias(name: str, y: Any, bias: Any) -> Any:
    if bias.shape != y[0][0][-1:]:
        raise ShapeError(
            f"[{name}] the bias must have shape ({y[0][0][-1]},), one number a column. Received: {bias.shape}, output {y[0][0]}"
        )
    return y


def _with_sums(name: str, h: Any, y: Any) -> Any:
    if y.shape != h[0][0]:
        raise ShapeError(f"[{name}] the activation's output must have the gradient's shape. Received: y {y.shape}, gradient {h[0][0]}")
    return (*h, (y.shape[-1:], y.dtype))


def _avals(op: Op, *args: Any) -> Any:
    assert op.infer is not None
    return op.infer(*args)


# gradients, by the ops that were fused -----------------------------------------------------------------------------------------


def _after(act: int, slope: float, g: Tensor, y: Tensor) -> Tensor:
    """g act', as the separate step computes it. The gradient of leaky_relu asks for the sign of x, which y has too."""
    if act == NONE:
        return g
    return apply(registry[f"{ACTIVATIONS[act]}_grad"], (g, y), (slope,) if act == LEAKY_RELU else ())  # type: ignore[no-any-return]


def _second(act: int, u: Tensor, h: Tensor, y: Tensor) -> Tensor:
    """u h d act' / d y"""
    return u * h * (1.0 - 2.0 * y) if act == SIGMOID else -2.0 * u * h * y


def _bias_vjp(gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Of y = act(f(a, b) + bias)."""

    def vjp(ctx: Any, g: Tensor) -> Any:
        *_, act, slope = ctx.attrs
        dz = _after(act, slope, g, ctx.output(0))
        return (*gradients(ctx, dz), dz)

    return vjp


def _act_grad_vjp(linear: Op, gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Of dz = act'(y) f(a, b) and the sums of dz."""

    def vjp(ctx: Any, u: Tensor | None, sums: Tensor | None) -> Any:
        *rest, act, slope = ctx.attrs
        if sums is not None:
            spread = apply(EXPAND, (sums,), ctx.shape(0))
            u = spread if u is None else apply(ADD, (u, spread))
        if u is None:
            return None, None, None
        y, dy = ctx.input(2), None
        if ctx.needs(2) and act in (SIGMOID, TANH):
            dy = _second(act, u, apply(linear, (ctx.input(0), ctx.input(1)), tuple(rest)), y)
        return (*gradients(ctx, _after(act, slope, u, y)), dy)

    return vjp


# products with bias and activation ---------------------------------------------------------------------------------------------


def _matmul_bias_infer(a: Any, b: Any, bias: Any, ta: bool, tb: bool, act: int, slope: float) -> Any:
    _check("matmul_bias", act, slope, a, b, bias)
    return _with_bias("matmul_bias", _avals(MATMUL, a, b, ta, tb), bias)


def _matmul_bias(xp: Any, y: Any, a: Any, b: Any, bias: Any, ta: bool, tb: bool, act: int, slope: float) -> None:
    _product(xp, y, a, b, ta, tb)
    xp.add(y, bias, out=y)
    _activate(xp, y, act, slope)


def _matmul_act_grad_infer(a: Any, b: Any, y: Any, ta: bool, tb: bool, act: int, slope: float) -> Any:
    _check("matmul_act_grad", act, slope, a, b, y)
    return _with_sums("matmul_act_grad", _avals(MATMUL, a, b, ta, tb), y)


def _matmul_act_grad(xp: Any, dz: Any, db: Any, a: Any, b: Any, y: Any, ta: bool, tb: bool, act: int, slope: float) -> None:
    _product(xp, dz, a, b, ta, tb)
    _slope_times(xp, dz, y, act, slope)
    _column_sums(xp, db, dz, *db.shape)


def _product_vjp(ctx: Any, g: Tensor) -> Any:
    return product_gradients(ctx, g, *ctx.attrs[:2])


MATMUL_BIAS = Op("matmul_bias", _matmul_bias_infer, _matmul_bias, _bias_vjp(_product_vjp), saves=(0, 1, "y0"), twice=True)
"""y = act(a @ b + bias): ins a, b (either transposed, leading axes broadcast), bias (N,); attributes ta, tb, act, slope."""

MATMUL_ACT_GRAD = Op(
    "matmul_act_grad", _matmul_act_grad_infer, _matmul_act_grad, _act_grad_vjp(MATMUL, _product_vjp), saves=(0, 1, 2), twice=True
)
"""dz = act'(y) (a @ b), with y the activation's output, and its sums over all axes but the last; attributes ta, tb, act, slope."""


# convolutions with bias and activation -----------------------------------------------------------------------------------------


def _conv2d_bias_infer(x: Any, k: Any, bias: Any, *attrs: Any) -> Any:
    *slide, act, slope = attrs
    _check("conv2d_bias", act, slope, x, k, bias)
    return _with_bias("conv2d_bias", _avals(CONV2D, x, k, *slide), bias)


def _conv2d_bias(xp: Any, y: Any, x: Any, k: Any, bias: Any, *attrs: Any) -> None:
    *slide, act, slope = attrs
    _convolution(xp, y, x, k, *slide)
    xp.add(y, bias, out=y)
    _activate(xp, y, act, slope)


def _conv2d_act_grad_infer(g: Any, k: Any, y: Any, *attrs: Any) -> Any:
    *slide, act, slope = attrs
    _check("conv2d_act_grad", act, slope, g, k, y)
    return _with_sums("conv2d_act_grad", _avals(CONV2D_GRAD_INPUT, g, k, *slide), y)


def _conv2d_act_grad(xp: Any, dz: Any, db: Any, g: Any, k: Any, y: Any, *attrs: Any) -> None:
    *slide, act, slope = attrs
    _convolution_back(xp, dz, g, k, *slide)
    _slope_times(xp, dz, y, act, slope)
    _column_sums(xp, db, dz, *db.shape)


def _convolution_vjp(ctx: Any, g: Tensor) -> Any:
    return conv2d_gradients(ctx, g, ctx.attrs[:-2])


def _convolution_back_vjp(ctx: Any, u: Tensor) -> Any:
    return conv2d_grad_input_gradients(ctx, u, ctx.attrs[:-2])


CONV2D_BIAS = Op("conv2d_bias", _conv2d_bias_infer, _conv2d_bias, _bias_vjp(_convolution_vjp), saves=(0, 1, "y0"), twice=True)
"""y = act(conv2d(x, k) + bias): ins x, k, bias (K,); attributes Slide, act, slope."""

CONV2D_ACT_GRAD = Op(
    "conv2d_act_grad",
    _conv2d_act_grad_infer,
    _conv2d_act_grad,
    _act_grad_vjp(CONV2D_GRAD_INPUT, _convolution_back_vjp),
    saves=(0, 1, 2),
    twice=True,
)
"""dz = act'(y) conv2d_grad_input(g, k), with y the activation's output, and its sums per channel; attributes Slide, act, slope."""


# softmax with its cross-entropy ------------------------------------------------------------------------------------------------


def _with_loss(name: str, loss: Op, gradient: Op) -> Op:
    """Outputs: those of softmax over the last axis, then the cross-entropy of every row."""

    def infer(z: Any, target: Any) -> Any:
        p, stats = _avals(SOFTMAX, z, z.ndim - 1)
        return p, stats, *_avals(loss, z, z, z, target)

    def reference(xp: Any, p: Any, stats: Any, each: Any, z: Any, target: Any) -> None:
        _softmax(xp, p, stats, z, z.ndim - 1)
        _reference(loss)(xp, each, z, p, stats, target)

    def vjp(ctx: Any, gp: Tensor | None, _: None, g: Tensor | None) -> Any:
        p = ctx.output(0)
        through = None if gp is None else apply(SOFTMAX_GRAD, (gp, p), (p.ndim - 1,))
        if g is None:
            return through, None
        dz = apply(gradient, (g, p, ctx.input(1)))
        return dz if through is None else apply(ADD, (dz, through)), None

    return Op(name, infer, reference, vjp, saves=(1, "y0"), twice=True)


SOFTMAX_CROSSENTROPY = _with_loss("softmax_crossentropy", CATEGORICAL_CROSSENTROPY, CATEGORICAL_CROSSENTROPY_GRAD)
"""ins scores (..., C), targets (..., C); outs probabilities, the statistics of softmax, the loss of every row."""

SOFTMAX_SPARSE_CROSSENTROPY = _with_loss(
    "softmax_sparse_crossentropy", SPARSE_CATEGORICAL_CROSSENTROPY, SPARSE_CATEGORICAL_CROSSENTROPY_GRAD
)
"""ins scores (..., C), labels (...); outs probabilities, the statistics of softmax, the loss of every row."""

__all__: list[str] = []
