"""What the families of ops share: let arguments in (`as_tensor`, `operands`), cast, normalise axes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .. import backends, dtypes
from ..autograd import apply
from ..backends import Backend
from ..errors import DTypeError, ShapeError
from ..op import Op
from ..tensors import Leaf, Tensor, TensorLike, mode, scalar
from ..variables import Variable

Number = (bool, int, float)


def _cast(xp: Any, y: Any, x: Any, *_: int) -> None:
    y[...] = x


def _cast_infer(x: Any, code: int) -> Any:
    return ((x.shape, _CODES[code]),)


_CODES = tuple(dtypes._BY_NAME.values())
_CODE_OF = {dtype: i for i, dtype in enumerate(_CODES)}


def _cast_vjp(ctx: Any, g: Tensor) -> Any:
    source, index = ctx.node.edges[0]
    dtype = source.dtype if isinstance(source, Leaf) else source.outs[index][1]
    return (ctx.grad(0, CAST, (g,), (_CODE_OF[dtype],)) if dtypes.is_float(g.dtype) else None,)


CAST: Op = Op("cast", _cast_infer, _cast, _cast_vjp, twice=True)


def cast(x: TensorLike, dtype: Any) -> Tensor:
    """The same numbers in another dtype; the tensor itself if it has it already. Differentiable between float types.

    >>> cast([1.7, -1.7], "int32")
    Tensor([ 1, -1], dtype=int32)
    """
    x, wanted = x if isinstance(x, Tensor) else as_tensor(x), dtypes.standard(dtype)
    if x.dtype == wanted:
        return x
    out: Tensor = apply(CAST, (x,), (_CODE_OF[wanted],))
    if not dtypes.is_float(wanted):
        out.edge = None
    return out


def read(x: Any) -> Any:
    """x itself; but within a layer of mixed precision a float variable in the layer's compute dtype."""
    wanted = mode.autocast
    if wanted is None or not isinstance(x, Variable) or not x.autocast or x.array.dtype == wanted or not dtypes.is_float(x.array.dtype):
        return x
    return apply(CAST, (x,), (_CODE_OF[wanted],))


def as_tensor(x: TensorLike, like: Tensor | None = None) -> Tensor:
    """The tensor itself, or a tensor of host data, on the device of `like` or the current one."""
    if isinstance(x, Tensor):
        return x if mode.autocast is None else read(x)
    if type(x) in Number:
        backend = backends.get() if like is None else like.storage.backend
        dtype = dtypes.bool_ if isinstance(x, bool) else dtypes.int32 if isinstance(x, int) else dtypes.floatx()
        found = scalar(x, dtype, backend)  # type: ignore[arg-type]
        if found is not None:
            return found
    elif isinstance(x, np.generic):  # a constant of the step, as Python numbers are, but of its own dtype
        return constant_like(x.item(), dtypes.standard(x.dtype), backends.get() if like is None else like.storage.backend)
    return Tensor(x, device=None if like is None else like.device)


def constant_like(value: bool | int | float, dtype: np.dtype[Any], backend: Backend) -> Tensor:
    """A tensor without axes that holds a Python number: from the store of constants, or filled by a launch when that is full."""
    found = scalar(value, dtype, backend)
    return apply(FULL, (), (value, _CODE_OF[dtype]), backend=backend) if found is None else found


def _full(xp: Any, y: Any, value: float, *_: int) -> None:
    y[...] = value


FULL = Op("full", lambda value, code, *shape: ((shape, _CODES[code]),), _full)


def operands(name: str, a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor]:
    """Two operands as tensors of one dtype on one device. Python numbers are weak, arrays go where the tensor is."""
    if mode.autocast is not None:
        a, b = read(a), read(b)
    if isinstance(a, Tensor):
        if isinstance(b, Tensor):
            if a.array.dtype == b.array.dtype:
                return a, b
        elif isinstance(b, Number):
            dtype = dtypes.with_scalar(a.array.dtype, b)
            number = constant_like(b, dtype, a.storage.backend)
            return (a if a.array.dtype is dtype else cast(a, dtype)), number
        else:
            b = as_tensor(b, a)
    elif isinstance(b, Tensor):
        if isinstance(a, Number):
            dtype = dtypes.with_scalar(b.array.dtype, a)
            number = constant_like(a, dtype, b.storage.backend)
            return number, (b if b.array.dtype is dtype else cast(b, dtype))
        a = as_tensor(a, b)
    else:
        a, b = as_tensor(a), as_tensor(b)
    dtype = dtypes.promote(a.dtype, b.dtype)
    return cast(a, dtype), cast(b, dtype)


@lru_cache(maxsize=1024)
def _number(value: float, dtype: Any) -> Any:
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array


def number(xp: Any, value: float, dtype: Any) -> Any:
    """A constant for a reference kernel. NumPy takes an array without axes half a microsecond faster than a number."""
    return _number(value, dtype) if xp is np else np.dtype(dtype).type(value)


def floating(x: TensorLike) -> Tensor:
    """x in a float type: integers and bools become `floatx()`."""
    if not isinstance(x, Tensor) or mode.autocast is not None:
        x = as_tensor(x)
    return x if dtypes.is_float(x.array.dtype) else cast(x, dtypes.floatx())


def require_float(name: str, *xs: Any) -> None:
    for x in xs:
        if not dtypes.is_float(x.dtype):
            raise DTypeError(f"[{name}] a floating-point tensor is needed. Received: dtype {x.dtype}")


def whole(name: str, value: Any, what: str) -> int:
    """A Python int, from anything that is one exactly."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"[{name}] {what} must be an integer. Received: {value!r}") from None


def one_axis(name: str, axis: Any, ndim: int) -> int:
    """0 <= axis < ndim, from an axis that may count from the end."""
    found = whole(name, axis, "axis")
    if not -ndim <= found < ndim:
        raise ShapeError(f"[{name}] axis {found} is out of range for a tensor of {ndim} axes")
    return found % ndim


def some_axes(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Sorted axes from None (all), an int, or a sequence of ints without repeats."""
    if axis is None:
        return tuple(range(ndim))
    wanted: Sequence[Any] = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = tuple(sorted(one_axis(name, a, ndim) for a in wanted))
    if len(set(found)) != len(found):
        raise ShapeError(f"[{name}] axes {tuple(wanted)} name one axis twice")
    return found


def input_shape(ctx: Any, i: int) -> tuple[int, ...]:
    """The shape of input i of an op on the tape, where its gradient is needed; the input itself need not be saved for it."""
    source, index = ctx.node.edges[i]
    return source.shape if isinstance(source, Leaf) else source.outs[index][0]
