"""Do in the pass of an update what an optimizer's options ask for before it: decay the weights, scale the gradient, limit its elements.

`sgd_fused_(p, g, rate, factor, most, decay)` gives the bits of `decay_`, of ``clip(g * factor, -most, most)`` and of `sgd_`, one after the
other, without writing the gradient in between; likewise for momentum and Adam. `square_sum` and `clip_factor` make the factor that shortens
all gradients together.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd import apply
from ..backends.summation import sum_into
from ..dtypes import float32, float64
from ..op import Op
from ..tensors import Tensor
from ._common import constant_like, number, require_float
from .elementwise import _clip
from .optim import _adam_, _adam_amsgrad_, _sgd_, _sgd_momentum_, in_blocks
from .stepping import _decay_


def _fused(name: str, kernel: Any, slots: int, buffers: int) -> Op:
    """The op of a kernel (p, `slots` slots, g, `buffers` buffers with the rate as the first, attributes), with what comes before it.

    Inputs: g, the buffers, the factor. Attributes: those of the kernel, most, decay.
    """
    arrays = slots + 2

    @in_blocks(arrays)
    def run(xp: Any, *operands: Any) -> None:
        *moved, g = operands[:arrays]
        rest, (factor, *attrs) = operands[arrays : arrays + buffers], operands[arrays + buffers :]
        *attrs, most, decay = attrs
        if decay:
            _decay_(xp, moved[0], rest[0], decay)
        g = g * factor.astype(g.dtype)
        if most < math.inf:
            _clip(xp, g, g, -most, most)
        kernel(xp, *moved, g, *rest, *attrs)

    return Op(name, None, run, updates=1 + slots)


SGD_FUSED_ = _fused("sgd_fused_", _sgd_, 0, 1)
SGD_MOMENTUM_FUSED_ = _fused("sgd_momentum_fused_", _sgd_momentum_, 1, 1)
ADAM_FUSED_ = _fused("adam_fused_", _adam_, 2, 2)
ADAM_AMSGRAD_FUSED_ = _fused("adam_amsgrad_fused_", _adam_amsgrad_, 3, 2)


def _wide(dtype: Any) -> Any:
    return float64 if dtype == float64 else float32


def _square_sum_infer(g: Any) -> Any:
    require_float("square_sum", g)
    return (((), _wide(g.dtype)),)


def _square_sum(xp: Any, total: Any, g: Any) -> None:
    sum_into(xp, total, xp.square(g), tuple(range(g.ndim)))


def _clip_factor(xp: Any, factor: Any, total: Any, limit: float) -> None:
    norm = xp.sqrt(total)
    one = number(xp, 1.0, total.dtype)
    shortened = xp.minimum(one / norm, number(xp, 1.0 / limit, total.dtype)) * number(xp, limit, total.dtype)
    factor[...] = shortened + (norm - norm)


SQUARE_SUM = Op("square_sum", _square_sum_infer, _square_sum)
CLIP_FACTOR = Op("clip_factor", lambda total, limit: ((total.shape, total.dtype),), _clip_factor)


def square_sum(g: Tensor) -> Tensor:
    """The sum of the squares of all elements, in float32, of float64 in float64. Has no gradient.

    >>> import gpudl
    >>> square_sum(gpudl.tensor([3.0, 4.0]))
    Tensor(25., dtype=float32)
    """
    return apply(SQUARE_SUM, (g,))  # type: ignore[no-any-return]


def clip_factor(total: Tensor, limit: float) -> Tensor:
    """What shortens gradients, the sum of whose squares is `total`, to the norm `limit`; 1 if they are not longer, NaN if not finite.

    >>> import gpudl
    >>> clip_factor(gpudl.tensor(25.0), 2.5)
    Tensor(0.5, dtype=float32)
    """
    return apply(CLIP_FACTOR, (total,), (float(limit),))  # type: ignore[no-any-return]


def _factor(p: Tensor, factor: Tensor | None) -> Tensor:
    return constant_like(1.0, _wide(p.dtype), p.storage.backend) if factor is None else factor


def sgd_fused_(p: Tensor, g: Tensor, rate: Tensor, factor: Tensor | None = None, most: float = math.inf, decay: float = 0.0) -> None:
    """p -= decay p rate; then as `sgd_` with clip(g * factor, -most, most) for g.

    Args:
        factor: without axes, float32, for float64 parameters float64; None: 1.
        most: the limit of the elements of the gradient, behind the factor. Default: none.
        decay: default 0.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([8.0]), gpudl.tensor([0.25])
    >>> sgd_fused_(p, g, rate, gpudl.tensor(0.5), most=2.0, decay=1.0)
    >>> p
    Tensor([0.25], dtype=float32)
    """
    apply(SGD_FUSED_, (g, rate, _factor(p, factor)), (float(most), float(decay)), updates=(p,))


def sgd_momentum_fused_(
    p: Tensor,
    m: Tensor,
    g: Tensor,
    rate: Tensor,
    momentum: float,
    nesterov: bool,
    factor: Tensor | None = None,
    most: float = math.inf,
    decay: float = 0.0,
) -> None:
    """`sgd_momentum_`, with what `sgd_fused_` does before it.

    >>> import gpudl
    >>> p, m, g, rate = gpudl.tensor([1.0]), gpudl.tensor([0.5]), gpudl.tensor([8.0]), gpudl.tensor([0.25])
    >>> sgd_momentum_fused_(p, m, g, rate, 0.5, False, most=2.0)
    >>> p
    Tensor([0.75], dtype=float32)
    """
    attrs = (float(momentum), bool(nesterov), float(most), float(decay))
    apply(SGD_MOMENTUM_FUSED_, (g, rate, _factor(p, factor)), attrs, updates=(p, m))


def adam_fused_(
    p: Tensor,
    m: Tensor,
    v: Tensor,
    g: Tensor,
    rate: Tensor,
    steps: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    factor: Tensor | None = None,
    most: float = math.inf,
    decay: float = 0.0,
) -> None:
    """`adam_`, with what `sgd_fused_` does before it.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([8.0]), gpudl.tensor([0.25])
    >>> m, v, steps = gpudl.zeros(1), gpudl.zeros(1), gpudl.tensor([0], dtype="int64")
    >>> adam_fused_(p, m, v, g, rate, steps, 0.5, 0.999, 1e-7, most=2.0)
    >>> m
    Tensor([1.], dtype=float32)
    """
    attrs = (float(beta_1), float(beta_2), float(epsilon), float(most), float(decay))
    apply(ADAM_FUSED_, (g, rate, steps, _factor(p, factor)), attrs, updates=(p, m, v))


def adam_amsgrad_fused_(
    p: Tensor,
    m: Tensor,
    v: Tensor,
    high: Tensor,
    g: Tensor,
    rate: Tensor,
    steps: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    factor: Tensor | None = None,
    most: float = math.inf,
    decay: float = 0.0,
) -> None:
    """`adam_amsgrad_`, with what `sgd_fused_` does before it.

    >>> import gpudl
    >>> p, g, rate = gpudl.tensor([1.0]), gpudl.tensor([8.0]), gpudl.tensor([0.25])
    >>> m, v, high, steps = gpudl.zeros(1), gpudl.zeros(1), gpudl.zeros(1), gpudl.tensor([0], dtype="int64")
    >>> adam_amsgrad_fused_(p, m, v, high, g, rate, steps, 0.5, 0.75, 1e-7, most=2.0)
    >>> high
    Tensor([1.], dtype=float32)
    """
    attrs = (float(beta_1), float(beta_2), float(epsilon), float(most), float(decay))
    apply(ADAM_AMSGRAD_FUSED_, (g, rate, steps, _factor(p, factor)), attrs, updates=(p, m, v, high))


__all__ = ["adam_amsgrad_fused_", "adam_fused_", "clip_factor", "sgd_fused_", "sgd_momentum_fused_", "square_sum"]
