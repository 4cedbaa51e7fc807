"""Make tensors from nothing: `zeros`, `ones`, `full`, `arange`, `linspace`, `eye`, `tri`; from host data: `constant`, `convert_to_tensor`.

The former are launches, so a step that makes them can be recorded; host data that enters a step cannot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import backends, dtypes
from ..autograd import apply
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import _CODE_OF, _CODES, FULL, Number, as_tensor, cast, whole
from .movement import broadcast_to, contiguous, expand_dims, moveaxis, reshape, same_nan, whole_shape

Shape = int | Sequence[int]


def _make(op: Op, attrs: tuple[Any, ...], requires_grad: bool, device: str | None) -> Tensor:
    out: Tensor = apply(op, (), attrs, backend=backends.get(device))
    if requires_grad:
        out.requires_grad = True
    return out


def _code(dtype: Any) -> int:
    return _CODE_OF[dtypes.floatx() if dtype is None else dtypes.standard(dtype)]


# one number everywhere ---------------------------------------------------------------------------------------------------------


def full(shape: Shape, fill_value: Any, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor of one value.

    Args:
        shape: an int or a sequence of ints.
        fill_value: a number, or a tensor that broadcasts to `shape`.
        dtype: default `floatx()`, or a tensor's own.
        requires_grad: gather a gradient in `.grad`. Default False.
        device: default: the current one.

    >>> full((2, 2), 7.0)
    Tensor([[7., 7.],
            [7., 7.]], dtype=float32)
    """
    fill_value = fill_value.item() if isinstance(fill_value, np.generic) else fill_value
    if type(fill_value) not in Number:
        value = as_tensor(fill_value)
        return contiguous(broadcast_to(value if dtype is None else cast(value, dtype), shape))
    sizes = whole_shape("full", shape)
    if sizes and min(sizes) < 0:
        raise ValueError(f"[full] sizes cannot be negative. Received: shape {sizes}")
    return _make(FULL, (same_nan(fill_value), _code(dtype), *sizes), requires_grad, device)


def zeros(shape: Shape, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor of zeros; arguments as for `full`.

    >>> zeros(3)
    Tensor([0., 0., 0.], dtype=float32)
    """
    return full(shape, 0, dtype, requires_grad, device)


def ones(shape: Shape, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor of ones; arguments as for `full`.

    >>> ones((1, 2), dtype="int32")
    Tensor([[1, 1]], dtype=int32)
    """
    return full(shape, 1, dtype, requires_grad, device)


def empty(shape: Shape, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor to be ignored: zeros, since undefined memory would make two runs differ.

    >>> empty((2,)).shape
    (2,)
    """
    return full(shape, 0, dtype, requires_grad, device)


def empty_like(x: TensorLike, dtype: Any = None) -> Tensor:
    """As `empty`, with the shape, device and (by default) dtype of x.

    >>> empty_like([1, 2]).dtype
    dtype('int32')
    """
    return full_like(x, 0, dtype)


def full_like(x: TensorLike, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value with the shape, device and (by default) dtype of x.

    >>> full_like([1, 2], 3)
    Tensor([3, 3], dtype=int32)
    """
    x = as_tensor(x)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype, requires_grad, x.device)


def zeros_like(x: TensorLike, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros with the shape, device and (by default) dtype of x.

    >>> zeros_like([3.0, 4.0])
    Tensor([0., 0.], dtype=float32)
    """
    return full_like(x, 0, dtype, requires_grad)


def ones_like(x: TensorLike, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones with the shape, device and (by default) dtype of x.

    >>> ones_like([3, 4])
    Tensor([1, 1], dtype=int32)
    """
    return full_like(x, 1, dtype, requires_grad)


# sequences ---------------------------------------------------------------------------------------------------------------------


def _arange(xp: Any, y: Any, start: float, step: float, *_: int) -> None:
    exact = xp.int64 if y.dtype.kind in "biu" else xp.float64
    y[...] = xp.arange(y.size, dtype=exact) * exact(step) + exact(start)


ARANGE = Op("arange", lambda start, step, code, n: (((n,), _CODES[code]),), _arange)


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: Any = None, requires_grad: bool = False, device: str | None = None
) -> Tensor:
    """Numbers from start on, by step, below stop: `arange(n)` counts from 0 to n - 1.

    Args:
        start, stop, step: numbers; stop is not reached. step may be negative.
        dtype: default int32 if all three are ints, else `floatx()`.
        requires_grad, device: as for `full`.

    >>> arange(3)
    Tensor([0, 1, 2], dtype=int32)
    >>> arange(1.0, 2.0, 0.5)
    Tensor([1. , 1.5], dtype=float32)
    """
    if stop is None:
        start, stop = 0, start
    numbers = [v.item() if isinstance(v, (np.generic, np.ndarray, Tensor)) else v for v in (start, stop, 1 if step is None else step)]
    start, stop, step = numbers
    if any(type(v) not in Number for v in numbers) or step == 0:
        raise ValueError(f"[arange] start, stop and step must be numbers, step not 0. Received: {start}, {stop}, {step}")
    if dtype is None:
        dtype = dtypes.int32 if all(isinstance(v, int) for v in numbers) else dtypes.floatx()
    return _make(ARANGE, (start, step, _code(dtype), max(0, math.ceil((stop - start) / step))), requires_grad, device)


def _linspace(xp: Any, y: Any, start: float, stop: float, num: int, endpoint: bool, *_: int) -> None:
    y[...] = xp.linspace(start, stop, num, endpoint=endpoint)


LINSPACE = Op("linspace", lambda start, stop, num, endpoint, code: (((num,), _CODES[code]),), _linspace)


def linspace(
    start: TensorLike, stop: TensorLike, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers from start to stop, equally far apart.

    Args:
        start, stop: numbers, or tensors that broadcast.
        num: how many, default 50.
        endpoint: whether stop is the last one, default True.
        retstep: return (numbers, distance). Default False.
        dtype: default `floatx()`.
        axis: where the numbers lie in the result if start or stop are tensors, default 0.

    >>> linspace(0.0, 1.0, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    num = whole("linspace", num, "num")
    if num < 0:
        raise ValueError(f"[linspace] num cannot be negative. Received: num={num}")
    parts = num - 1 if endpoint else num
    if isinstance(start, Number) and isinstance(stop, Number):
        out = _make(LINSPACE, (float(start), float(stop), num, bool(endpoint), _code(dtype)), False, None)
        return (out, (stop - start) / parts if parts > 0 else math.nan) if retstep else out
    a, b = as_tensor(start), as_tensor(stop)
    wide = dtypes.promote(dtypes.promote(a.dtype, b.dtype), dtypes.floatx() if dtype is None else dtypes.standard(dtype))
    a, b = cast(a, wide), cast(b, wide)
    difference = b - a
    ramp = _make(LINSPACE, (0.0, 1.0, num, bool(endpoint), _CODE_OF[wide]), False, a.device)
    out = expand_dims(a, 0) + expand_dims(difference, 0) * reshape(ramp, (num, *[1] * difference.ndim))
    out = moveaxis(cast(out, dtypes.floatx() if dtype is None else dtype), 0, axis)
    return (out, difference / max(parts, 1)) if retstep else out


# matrices ----------------------------------------------------------------------------------------------------------------------


def _eye(xp: Any, y: Any, n: int, m: int, k: int, *_: int) -> None:
    y[...] = xp.eye(n, m, k)


def _tri(xp: Any, y: Any, n: int, m: int, k: int, *_: int) -> None:
    y[...] = xp.tri(n, m, k)


EYE = Op("eye", lambda n, m, k, code: (((n, m), _CODES[code]),), _eye)
TRI = Op("tri", lambda n, m, k, code: (((n, m), _CODES[code]),), _tri)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """Ones on diagonal k, zeros elsewhere: (N, M), by default square.

    >>> eye(2)
    Tensor([[1., 0.],
            [0., 1.]], dtype=float32)
    """
    n = whole("eye", N, "N")
    m = n if M is None else whole("eye", M, "M")
    return _make(EYE, (n, m, whole("eye", k, "k"), _code(dtype)), requires_grad, device)


def identity(n: int, dtype: Any = None) -> Tensor:
    """The unit matrix (n, n).

    >>> identity(2)
    Tensor([[1., 0.],
            [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on and below diagonal k, zeros above: (N, M), by default square.

    >>> tri(2)
    Tensor([[1., 0.],
            [1., 1.]], dtype=float32)
    """
    n = whole("tri", N, "N")
    m = n if M is None else whole("tri", M, "M")
    return _make(TRI, (n, m, whole("tri", k, "k"), _code(dtype)), False, None)


# host data ---------------------------------------------------------------------------------------------------------------------


def constant(value: TensorLike, dtype: Any = None, shape: Any = None, device: str | None = None) -> Tensor:
    """A tensor of host data without a gradient.

    Args:
        value: a number, a (nested) list, an array.
        dtype: default as for `Tensor`.
        shape: a shape that a number is repeated to, or an array of as many elements reshaped to. Default: that of value.
        device: default: the current one.

    >>> constant(2.5, shape=(2,))
    Tensor([2.5, 2.5], dtype=float32)
    """
    if shape is not None and type(value) in Number and dtype is None:
        dtype = dtypes.bool_ if isinstance(value, bool) else dtypes.int32 if isinstance(value, int) else None
    if shape is not None and type(value) in Number:
        return full(shape, value, dtype, device=device)
    out = Tensor(value, dtype=dtype, device=device)
    return out if shape is None else reshape(out, shape)


def convert_to_tensor(x: TensorLike, dtype: Any = None) -> Tensor:
    """x itself if it is a tensor (cast if a dtype is given), else a tensor of host data.

    >>> convert_to_tensor([1, 2], dtype="float32")
    Tensor([1., 2.], dtype=float32)
    """
    if isinstance(x, Tensor):
        return x if dtype is None else cast(x, dtype)
    return Tensor(x, dtype=dtype)


# what a tensor is, in the words of functions ------------------------------------------------------------------------------------


def shape(x: TensorLike) -> tuple[int, ...]:
    """The sizes of x's axes, ints: nothing is read on the host.

    >>> shape([[1, 2, 3]])
    (1, 3)
    """
    return as_tensor(x).shape


def ndim(x: TensorLike) -> int:
    """How many axes x has.

    >>> ndim([[1, 2]])
    2
    """
    return as_tensor(x).ndim


def size(x: TensorLike) -> int:
    """How many elements x has.

    >>> size([[1, 2]])
    2
    """
    return as_tensor(x).size


def array(x: TensorLike, dtype: Any = None) -> Tensor:
    """`convert_to_tensor`, by NumPy's name.

    >>> array([1, 2])
    Tensor([1, 2], dtype=int32)
    """
    return convert_to_tensor(x, dtype)


def is_tensor(x: Any) -> bool:
    """Whether x is a Tensor.

    >>> is_tensor(ones(1)), is_tensor([1.0])
    (True, False)
    """
    return isinstance(x, Tensor)


__all__ = [
    "arange", "array", "constant", "convert_to_tensor", "empty", "empty_like", "eye", "full", "full_like", "identity", "is_tensor",
    "linspace", "ndim", "ones", "ones_like", "shape", "size", "tri", "zeros", "zeros_like",
]  # fmt: skip
