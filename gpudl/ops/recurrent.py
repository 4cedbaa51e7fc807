"""Run recurrent nets over whole sequences: `simple_rnn`, `lstm`, `gru`, each one kernel whose gradient is another; cut with `parts`.

The inputs come multiplied already (one product for all time steps), so a kernel's loop holds what depends on the step before alone:
the product with the recurrent weights, and the gates. The weights' gradient is one product over all steps at the end.
N batch, T steps, U units.
"""

from __future__ import annotations

from typing import Any

from ..autograd import apply
from ..errors import ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import as_tensor, floating, one_axis
from .create import zeros_like
from .joining import concatenate
from .smooth import sigmoid_kernel

# parts: attrs (axis, how many) ---------------------------------------------------------------------------------------------------


def _parts_infer(x: Any, axis: int, n: int) -> Any:
    if x.shape[axis] % n:
        raise ShapeError(f"[parts] axis {axis} cannot be cut into {n} equal parts. Received: x {x.shape}")
    shape = (*x.shape[:axis], x.shape[axis] // n, *x.shape[axis + 1 :])
    return ((shape, x.dtype),) * n


def _parts(xp: Any, *args: Any) -> None:
    *outs, x, axis, n = args
    length, before = x.shape[axis] // n, (slice(None),) * axis
    for i, out in enumerate(outs):
        out[...] = x[(*before, slice(i * length, (i + 1) * length))]


def _parts_vjp(ctx: Any, *grads: Any) -> Any:
    like = next(g for g in grads if g is not None)
    return (concatenate([zeros_like(like) if g is None else g for g in grads], ctx.attrs[0]),)


PARTS = Op("parts", _parts_infer, _parts, _parts_vjp, twice=True)


def parts(x: TensorLike, n: int, axis: int = 0) -> list[Tensor]:
    """n copies of equal parts of x along an axis. Unlike with `split`, whose parts are views, the gradient is put together at once.

    >>> [t.tolist() for t in parts([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    x = as_tensor(x)
    made = apply(PARTS, (x,), (one_axis("parts", axis, x.ndim), n))
    return [made] if n == 1 else made


# what the three share ------------------------------------------------------------------------------------------------------------


# kernels copy recurrent weights and states that are not contiguous: layout must not change the order in which a product sums


def _sizes(name: str, gates: int, z: Any, kernel: Any, *states: Any) -> tuple[int, int, int]:
    """N, T, U, if the shapes fit."""
    units = kernel.shape[0] if kernel.ndim == 2 else -1
    if z.ndim != 3 or z.shape[2:] != (gates * units,) or kernel.shape[1:] != z.shape[2:] or not z.shape[1]:
        raise ShapeError(
            f"[{name}] inputs must be (N, T, {gates} U) with T >= 1, the recurrent kernel (U, {gates} U). "
            f"Received: inputs {z.shape}, recurrent kernel {kernel.shape}"
        )
    for state in states:
        if state.shape != (z.shape[0], units):
            raise ShapeError(f"[{name}] a first state must be (N, U) = {(z.shape[0], units)}. Received: {state.shape}")
    return z.shape[0], z.shape[1], units


def _into_kernel(xp: Any, dkernel: Any, first: Any, y: Any, d: Any) -> None:
    """dkernel = sum over time of (state before)^T d"""
    before = xp.empty_like(y)
    before[:, 0] = first
    before[:, 1:] = y[:, :-1]
    units = y.shape[2]
    xp.matmul(before.reshape(-1, units).T, d.reshape(-1, d.shape[2]), out=dkernel)


# simple_rnn ----------------------------------------------------------------------------------------------------------------------


def _simple_rnn_infer(z: Any, kernel: Any, h: Any) -> Any:
    _sizes("simple_rnn", 1, z, kernel, h)
    return ((z.shape, z.dtype),)


def _simple_rnn(xp: Any, y: Any, z: Any, kernel: Any, h: Any) -> None:
    kernel, h = xp.ascontiguousarray(kernel), xp.ascontiguousarray(h)
    s = xp.empty_like(h)
    for k in range(y.shape[1]):
        xp.matmul(h, kernel, out=s)
        s += z[:, k]
        h = xp.tanh(s)
        y[:, k] = h


def _simple_rnn_grad_infer(g: Any, kernel: Any, h: Any, y: Any) -> Any:
    return (y.shape, y.dtype), (kernel.shape, y.dtype), (h.shape, y.dtype)


def _simple_rnn_grad(xp: Any, dz: Any, dkernel: Any, dh: Any, g: Any, kernel: Any, h: Any, y: Any) -> None:
    kernel = xp.ascontiguousarray(kernel)
    dh.fill(0)
    for k in reversed(range(y.shape[1])):
        dh += g[:, k]
        d = y[:, k] * y[:, k]
        xp.subtract(1.0, d, out=d)
        d *= dh
        dz[:, k] = d
        xp.matmul(d, kernel.T, out=dh)
    _into_kernel(xp, dkernel, h, y, dz)


def _simple_rnn_vjp(ctx: Any, g: Tensor) -> Any:
    return ctx.grads((0, 1, 2), SIMPLE_RNN_GRAD, (g, ctx.input(1), ctx.input(2), ctx.output(0)))


SIMPLE_RNN_GRAD = Op("simple_rnn_grad", _simple_rnn_grad_infer, _simple_rnn_grad)
SIMPLE_RNN = Op("simple_rnn", _simple_rnn_infer, _simple_rnn, _simple_rnn_vjp, saves=(1, 2, "y0"))


def simple_rnn(z: TensorLike, recurrent_kernel: TensorLike, h: TensorLike) -> Tensor:
    """y_t = tanh(z_t + y_(t-1) @ recurrent_kernel), with y_0 = h

    Args:
        z: the inputs times their weights, bias added, (N, T, U).
        recurrent_kernel: (U, U).
        h: the first state, (N, U).

    Returns:
        All states, (N, T, U). It can be differentiated once.

    >>> simple_rnn([[[0.0], [0.0]]], [[0.0]], [[1.0]])
    Tensor([[[0.],
             [0.]]], dtype=float32)
    """
    return apply(SIMPLE_RNN, (floating(z), floating(recurrent_kernel), floating(h)))  # type: ignore[no-any-return]


# lstm: gates in the order input, forget, candidate, output -----------------------------------------------------------------------


def _lstm_infer(z: Any, kernel: Any, h: Any, c: Any) -> Any:
    n, t, u = _sizes("lstm", 4, z, kernel, h, c)
    return ((n, t, u), z.dtype), ((n, t, u), z.dtype), (z.shape, z.dtype)


def _lstm(xp: Any, y: Any, cells: Any, gates: Any, z: Any, kernel: Any, h: Any, c: Any) -> None:
    u = y.shape[2]
    kernel, h = xp.ascontiguousarray(kernel), xp.ascontiguousarray(h)
    s = xp.empty((y.shape[0], 4 * u), y.dtype)
    i, f, g, o = (s[:, k * u : (k + 1) * u] for k in range(4))
    for k in range(y.shape[1]):
        xp.matmul(h, kernel, out=s)
        s += z[:, k]
        candidate = xp.tanh(g)
        sigmoid_kernel(xp, s, s)
        g[...] = candidate
        gates[:, k] = s
        c = c * f
        candidate *= i
        c += candidate
        cells[:, k] = c
        h = xp.tanh(c)
        h *= o
        y[:, k] = h


def _lstm_grad_infer(gy: Any, gc: Any, kernel: Any, h: Any, c: Any, y: Any, cells: Any, gates: Any, with_cells: int) -> Any:
    return tuple([(a.shape, y.dtype) for a in (gates, kernel, h, c)])


def _lstm_grad(
    xp: Any, dz: Any, dkernel: Any, dh: Any, dc: Any,
    gy: Any, gc: Any, kernel: Any, h: Any, c: Any, y: Any, cells: Any, gates: Any, with_cells: int,
) -> None:  # fmt: skip
    n, steps, u = y.shape
    d = xp.empty((n, 4 * u), y.dtype)
    di, df, dg, do = (d[:, k * u : (k + 1) * u] for k in range(4))
    kernel = xp.ascontiguousarray(kernel)
    dh.fill(0)
    dc.fill(0)
    for k in reversed(range(steps)):
        s = gates[:, k]
        i, f, g, o = (s[:, j * u : (j + 1) * u] for j in range(4))
        dh += gy[:, k]
        bent = xp.tanh(cells[:, k])
        xp.multiply(dh, bent, out=do)
        bent *= bent
        xp.subtract(1.0, bent, out=bent)
        bent *= o
        bent *= dh
        dc += bent
        if with_cells:
            dc += gc[:, k]
        xp.multiply(dc, g, out=di)
        xp.multiply(dc, cells[:, k - 1] if k else c, out=df)
        xp.multiply(dc, i, out=dg)
        slope = 1.0 - s
        slope *= s
        xp.multiply(g, g, out=bent)
        xp.subtract(1.0, bent, out=slope[:, 2 * u : 3 * u])
        d *= slope
        dz[:, k] = d
        dc *= f
        xp.matmul(d, kernel.T, out=dh)
    _into_kernel(xp, dkernel, h, y, dz)


def _lstm_vjp(ctx: Any, gy: Any, gc: Any, _: Any) -> Any:
    gy = zeros_like(gc) if gy is None else gy
    ins = (gy, gy if gc is None else gc, *[ctx.input(i) for i in (1, 2, 3)], *[ctx.output(k) for k in range(3)])
    return ctx.grads((0, 1, 2, 3), LSTM_GRAD, ins, (int(gc is not None),))


LSTM_GRAD = Op("lstm_grad", _lstm_grad_infer, _lstm_grad)
LSTM = Op("lstm", _lstm_infer, _lstm, _lstm_vjp, saves=(1, 2, 3, "y0", "y1", "y2"))


def lstm(z: TensorLike, recurrent_kernel: TensorLike, h: TensorLike, c: TensorLike) -> tuple[Tensor, Tensor]:
    """c_t = f c_(t-1) + i tanh(g), y_t = o tanh(c_t), with i, f, g, o = z_t + y_(t-1) @ recurrent_kernel, and sigmoids of i, f, o

    Args:
        z: the inputs times their weights, bias added, (N, T, 4 U): gates i, f, g, o.
        recurrent_kernel: (U, 4 U).
        h, c: the first states, (N, U).

    Returns:
        All y and all c, (N, T, U) each. They can be differentiated once.

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997; Gers et al., Learning to forget, 2000.

    >>> import gpudl
    >>> y, c = lstm(gpudl.ops.zeros((1, 2, 4)), gpudl.ops.zeros((1, 4)), [[0.0]], [[1.0]])
    >>> c
    Tensor([[[0.5 ],
             [0.25]]], dtype=float32)
    """
    y, cells, _ = apply(LSTM, (floating(z), floating(recurrent_kernel), floating(h), floating(c)))
    return y, cells


# gru: gates in the order update, reset, candidate; the reset gate acts after the product -------------------------------------------


def _gru_infer(z: Any, kernel: Any, bias: Any, h: Any) -> Any:
    n, t, u = _sizes("gru", 3, z, kernel, h)
    if bias.shape != (3 * u,):
        raise ShapeError(f"[gru] the recurrent bias must be (3 U,) = {(3 * u,)}. Received: {bias.shape}")
    return ((n, t, u), z.dtype), ((n, t, u), z.dtype), (z.shape, z.dtype)


def _gru(xp: Any, y: Any, inner: Any, gates: Any, z: Any, kernel: Any, bias: Any, h: Any) -> None:
    u = y.shape[2]
    kernel, h = xp.ascontiguousarray(kernel), xp.ascontiguousarray(h)
    s = xp.empty((y.shape[0], 3 * u), y.dtype)
    for k in range(y.shape[1]):
        xp.matmul(h, kernel, out=s)
        s += bias
        inner[:, k] = s[:, 2 * u :]
        both, candidate = s[:, : 2 * u], s[:, 2 * u :]
        both += z[:, k, : 2 * u]
        sigmoid_kernel(xp, both, both)
        candidate *= s[:, u : 2 * u]
        candidate += z[:, k, 2 * u :]
        xp.tanh(candidate, out=candidate)
        gates[:, k] = s
        h = h - candidate
        h *= s[:, :u]
        h += candidate
        y[:, k] = h


def _gru_grad_infer(g: Any, kernel: Any, bias: Any, h: Any, y: Any, inner: Any, gates: Any) -> Any:
    return tuple([(a.shape, y.dtype) for a in (gates, kernel, bias, h)])


def _gru_grad(
    xp: Any, dz: Any, dkernel: Any, dbias: Any, dh: Any, g: Any, kernel: Any, bias: Any, h: Any, y: Any, inner: Any, gates: Any
) -> None:
    u = y.shape[2]
    past = xp.empty_like(gates)  # the gradient of what the recurrent product gave
    back = xp.empty_like(dh)
    kernel = xp.ascontiguousarray(kernel)
    dh.fill(0)
    for k in reversed(range(y.shape[1])):
        s, d = gates[:, k], xp.empty((y.shape[0], 3 * u), y.dtype)
        update, reset, candidate = s[:, :u], s[:, u : 2 * u], s[:, 2 * u :]
        before = y[:, k - 1] if k else h
        dh += g[:, k]
        dupdate, dreset, dcandidate = d[:, :u], d[:, u : 2 * u], d[:, 2 * u :]
        xp.subtract(before, candidate, out=dupdate)
        dupdate *= dh
        xp.multiply(candidate, candidate, out=dcandidate)
        xp.subtract(1.0, dcandidate, out=dcandidate)
        dcandidate *= dh
        dcandidate *= 1.0 - update
        xp.multiply(dcandidate, inner[:, k], out=dreset)
        slope = 1.0 - s[:, : 2 * u]
        slope *= s[:, : 2 * u]
        d[:, : 2 * u] *= slope
        dz[:, k] = d
        dcandidate *= reset
        past[:, k] = d
        dh *= update
        xp.matmul(d, kernel.T, out=back)
        dh += back
    _into_kernel(xp, dkernel, h, y, past)
    dbias[...] = past.sum(axis=(0, 1))


def _gru_vjp(ctx: Any, g: Tensor, *_: Any) -> Any:
    ins = (g, *[ctx.input(i) for i in (1, 2, 3)], *[ctx.output(k) for k in range(3)])
    return ctx.grads((0, 1, 2, 3), GRU_GRAD, ins)


GRU_GRAD = Op("gru_grad", _gru_grad_infer, _gru_grad)
GRU = Op("gru", _gru_infer, _gru, _gru_vjp, saves=(1, 2, 3, "y0", "y1", "y2"))


def gru(z: TensorLike, recurrent_kernel: TensorLike, recurrent_bias: TensorLike, h: TensorLike) -> Tensor:
    """y_t = u y_(t-1) + (1 - u) tanh(z_g + r s_g), with sigmoids u of z_u + s_u and r of z_r + s_r, and s = y_(t-1) @ kernel + bias

    Args:
        z: the inputs times their weights, bias added, (N, T, 3 U): update gate u, reset gate r, candidate g.
        recurrent_kernel: (U, 3 U).
        recurrent_bias: (3 U,).
        h: the first state, (N, U).

    Returns:
        All states, (N, T, U). They can be differentiated once.

    Source: Cho et al., Learning phrase representations, 2014, with the reset gate after the product.

    >>> import gpudl
    >>> gru(gpudl.ops.zeros((1, 2, 3)), gpudl.ops.zeros((1, 3)), gpudl.ops.zeros(3), [[1.0]])
    Tensor([[[0.5 ],
             [0.25]]], dtype=float32)
    """
    y: Tensor = apply(GRU, (floating(z), floating(recurrent_kernel), floating(recurrent_bias), floating(h)))[0]
    return y


__all__ = ["gru", "lstm", "parts", "simple_rnn"]
