"""Draw random numbers that are equal on every path: Philox4x32-10, and `dropout` and distributions made from its words.

A random state is a tensor of four uint32: seed low, seed high, stream, draw. A draw reads it: key = (seed low, seed high), counter = (block
low, block high, stream, draw), four words a block (J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). Nothing depends
on batch sizes, threads or grids. Another op, `advance_draw_`, then adds 1 to `draw`.

Element i of a result is made from these words, block after block (with the state's four numbers little endian, low half first):
dropout: the 16-bit lane i; float32, float16, bfloat16, bernoulli: word i; float64 and integers: words 2 i and 2 i + 1; normals in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import apply
from ..errors import DTypeError, ShapeError
from ..op import Op
from ..tensors import Tensor, TensorLike
from ._common import _CODE_OF, _CODES, floating, require_float
from .movement import whole_shape

MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
LOW, HALF_WORD = np.uint64(0xFFFFFFFF), np.uint64(32)
CHUNK = 8192  # blocks at a time on the host, so that the temporaries stay in the cache
REMEMBERED = 32768  # blocks at most, 512 kB, of which the host remembers the lanes

STATE_SHAPE = (4,)


# words -------------------------------------------------------------------------------------------------------------------------


def _philox(xp: Any, out: Any, seed: Any, draws: Any, first: int) -> None:
    """Blocks first, first + 1, ... of one draw (1,) or several (D, 1), four words each. `seed` is seed low, seed high, stream.

    A word lies in a uint64, so that a product of two is one multiplication.
    """
    count = out.shape[-2]
    rounds = xp.arange(10, dtype=xp.uint64)
    k0, k1 = (seed[0:1] + rounds * WEYL[0]) & LOW, (seed[1:2] + rounds * WEYL[1]) & LOW
    c0 = xp.arange(first & 0xFFFFFFFF, (first & 0xFFFFFFFF) + count, dtype=xp.uint64)
    c1, c2, c3 = xp.full((1,), first >> 32, dtype=xp.uint64), seed[2:3], draws
    for i in range(10):  # at first most of them have one element for all blocks, which makes two rounds cheap
        a, b = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c2 = b >> HALF_WORD, a >> HALF_WORD
        c0, c2 = c0 ^ c1, c2 ^ c3
        c0 ^= k0[i : i + 1]
        c2 ^= k1[i : i + 1]
        a &= LOW
        b &= LOW
        c1, c3 = b, a
    for i, c in enumerate((c0, c1, c2, c3)):
        out[..., i] = c


def philox(xp: Any, state: Any, blocks: int) -> Any:
    """(blocks, 4) words of uint32."""
    words = xp.empty((blocks, 4), xp.uint32)
    seed = state.astype(xp.uint64)
    step = CHUNK if xp is np else max(blocks, 1)
    for first in range(0, blocks, step):
        _philox(xp, words[first : first + step], seed, seed[3:4], first)
    return words


@lru_cache(maxsize=32)
def _several_draws(source: bytes, group: int, many: int, blocks: int) -> np.ndarray[Any, Any]:
    """The 16-bit lanes of `many` draws in a row: on the host a few blocks cost as much as a thousand. Pure, so it may be remembered."""
    words = np.empty((many, blocks, 4), np.uint32)
    draws = np.arange(group * many, (group + 1) * many, dtype=np.uint64) & LOW
    _philox(np, words, np.frombuffer(source, np.uint32).astype(np.uint64), draws[:, None], 0)
    words.flags.writeable = False
    return words.view(np.uint16).reshape(many, 8 * blocks)


def _lanes(xp: Any, state: Any, count: int) -> Any:
    """`count` numbers of 16 bits, eight a block. On the host the backward pass finds those of the forward pass remembered."""
    blocks = -(-count // 8)
    if xp is not np or blocks > REMEMBERED:
        return philox(xp, state, blocks).view(xp.uint16).reshape(-1)[:count]
    many = min(max(CHUNK // 2 // max(blocks, 1), 1), 64)
    group, which = divmod(int(state[3]), many)
    return _several_draws(state[:3].tobytes(), group, many, blocks)[which, :count]


def _words(xp: Any, state: Any, count: int) -> Any:
    return philox(xp, state, -(-count // 4)).reshape(-1)[:count]


def _fractions(xp: Any, state: Any, count: int, bits: int) -> Any:
    """`count` integers of 0 <= i < 2**bits: the top bits of one word each, or of two words for 53 bits."""
    if bits <= 24:
        return _words(xp, state, count) >> xp.uint32(32 - bits)
    pairs = _words(xp, state, 2 * count).reshape(count, 2).astype(xp.uint64)
    return (pairs[:, 0] >> xp.uint64(5)) << xp.uint64(26) | pairs[:, 1] >> xp.uint64(6)


def check_state(name: str, state: Any) -> None:
    if state.shape != STATE_SHAPE or state.dtype != dtypes.uint32:
        raise DTypeError(f"[{name}] a random state is four uint32. Received: shape {state.shape}, dtype {state.dtype}")


def _advance_draw(xp: Any, state: Any, by: int) -> None:
    state[3:4] += xp.uint32(by)


ADVANCE_DRAW_ = Op("advance_draw_", None, _advance_draw, updates=1)


def advance_draw(state: Tensor, by: int = 1) -> None:
    """Step a random state to its next draw, in place. After 2**32 draws the numbers repeat.

    >>> import gpudl
    >>> state = gpudl.tensor([1, 0, 0, 0], dtype="uint32")
    >>> advance_draw(state)
    >>> int(state.numpy()[3])
    1
    """
    apply(ADVANCE_DRAW_, (), (by,), updates=(state,))


# dropout -----------------------------------------------------------------------------------------------------------------------


def threshold(rate: float) -> int:
    """A lane of 16 bits below this is dropped."""
    return round(rate * 65536)


def _drop(xp: Any, y: Any, x: Any, state: Any, rate: float, noise_shape: tuple[int, ...]) -> None:
    least = threshold(rate)
    if least == 0 or least == 65536:
        y[...] = x * x.dtype.type(1 / (1 - rate)) if least == 0 else 0
        return
    shape = noise_shape or x.shape
    count = math.prod(shape)
    kept = (_lanes(xp, state, count) >= xp.uint16(least)).reshape(shape)
    xp.multiply(x, x.dtype.type(1 / (1 - rate)), out=y)
    bits = y.view(xp.uint32 if y.dtype.itemsize == 4 else xp.uint64)
    xp.multiply(bits, kept, out=bits)  # bits times 0 is 0.0 for NaN and inf too


def _dropout(xp: Any, y: Any, saved: Any, x: Any, state: Any, rate: float, *noise_shape: int) -> None:
    _drop(xp, y, x, state, rate, noise_shape)
    saved[...] = state


def _dropout_infer(x: Any, state: Any, rate: float, *noise_shape: int) -> Any:
    check_state("dropout", state)
    require_float("dropout", x)
    if noise_shape and (len(noise_shape) != x.ndim or any(n not in (1, m) for n, m in zip(noise_shape, x.shape))):
        raise ShapeError(f"[dropout] sizes of noise_shape must be those of x, or 1. Received: x {x.shape}, noise_shape {noise_shape}")
    return (x.shape, x.dtype), (STATE_SHAPE, dtypes.uint32)


def _dropout_grad(xp: Any, dx: Any, g: Any, saved: Any, rate: float, *noise_shape: int) -> None:
    _drop(xp, dx, g, saved, rate, noise_shape)


# linear in g, so it is its own gradient; the mask is drawn again from the saved state
DROPOUT_GRAD: Op = Op(
    "dropout_grad",
    lambda g, saved, rate, *noise_shape: ((g.shape, g.dtype),),
    _dropout_grad,
    lambda ctx, gg: (ctx.grad(0, DROPOUT_GRAD, (gg, ctx.input(1)), ctx.attrs), None),
    saves=(1,),
    twice=True,
)
DROPOUT = Op(
    "dropout",
    _dropout_infer,
    _dropout,
    lambda ctx, g, _: (ctx.grad(0, DROPOUT_GRAD, (g, ctx.output(1)), ctx.attrs), None),
    saves=("y1",),
    twice=True,
)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real)


def dropout(x: TensorLike, state: Tensor, rate: float, noise_shape: Sequence[int | None] | None = None, advance: bool = True) -> Tensor:
    """Zero a share `rate` of x at random and divide the rest by 1 - rate, so that the expectation stays.

    Args:
        x: float tensor.
        state: random state, uint32 (4,); its draw is advanced in place.
        rate: share to drop, 0 <= rate <= 1. Kept is what has probability 1 - rate to within 2**-17.
        noise_shape: shape of the mask, which broadcasts to x: sizes as in x (or None) or 1. Default: that of x.
        advance: step the state to its next draw, default True.

    Returns:
        A tensor like x. Dropped elements are 0 even where x is NaN or inf.

    >>> import gpudl
    >>> state = gpudl.tensor([7, 0, 0, 0], dtype="uint32")
    >>> dropout(gpudl.ops.ones(8), state, 0.5)
    Tensor([0., 2., 2., 2., 2., 0., 2., 0.], dtype=float32)
    >>> state
    Tensor([7, 0, 0, 1], dtype=uint32)
    """
    x = floating(x)
    if not _is_number(rate) or not 0 <= rate <= 1:
        raise ValueError(f"[dropout] rate must be a number between 0 and 1. Received: rate={rate!r}")
    noise: tuple[int, ...] = ()
    if noise_shape is not None:
        noise = tuple([x.shape[i] if n is None and i < x.ndim else n for i, n in enumerate(noise_shape)])  # type: ignore[misc]
    y: Tensor = apply(DROPOUT, (x, state), (float(rate), *noise))[0]
    if advance:
        advance_draw(state)
    return y


# distributions -----------------------------------------------------------------------------------------------------------------

_BITS = {dtypes.float16: 11, dtypes.bfloat16: 8, dtypes.float32: 24, dtypes.float64: 53}  # what the dtype holds exactly


def _infer(name: str, floats: bool) -> Any:
    def infer(state: Any, a: float, b: float, code: int, *shape: int) -> Any:
        check_state(name, state)
        if dtypes.is_float(_CODES[code]) != floats:
            raise DTypeError(f"[{name}] {'a float' if floats else 'an integer'} dtype is needed. Received: {_CODES[code]}")
        return ((shape, _CODES[code]),)

    return infer


def below(high: float, low: float, dtype: np.dtype[Any]) -> float:
    """The largest number of a dtype that is less than high (as that dtype holds it), but not less than low."""
    return float(np.nextafter(dtype.type(high), dtype.type(low)))


def _random_uniform(xp: Any, y: Any, state: Any, low: float, high: float, code: int, *_: int) -> None:
    dtype, kind = _CODES[code], y.dtype.type
    bits = _BITS[dtype]
    u = _fractions(xp, state, y.size, bits).astype(y.dtype)
    u *= kind(2.0**-bits)
    if (low, high) != (0, 1):
        u *= kind(high) - kind(low)
        u += kind(low)
        xp.minimum(u, kind(below(high, low, dtype)), out=u)  # rounding may reach high
    y[...] = u.reshape(y.shape)


def _random_normal(xp: Any, y: Any, state: Any, mean: float, stddev: float, code: int, *_: int) -> None:
    """Box and Muller: two uniforms give two normals, sqrt(-2 ln u1) times cos and sin of 2 pi u2, in float64, rounded once."""
    bits = 53 if y.dtype.itemsize == 8 else 24
    pairs = -(-y.size // 2)
    u = _fractions(xp, state, 2 * pairs, bits).astype(xp.float64).reshape(pairs, 2) * 2.0**-bits
    u1, u2 = u[:, 0] + 2.0**-bits, u[:, 1]  # 0 < u1 <= 1
    radius = xp.sqrt(-2 * xp.log(u1)) * stddev
    angle = u2 * (2 * math.pi)
    z = xp.empty((pairs, 2), xp.float64)
    z[:, 0] = radius * xp.cos(angle)
    z[:, 1] = radius * xp.sin(angle)
    z += mean
    y[...] = z.reshape(-1)[: y.size].reshape(y.shape)


# M. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988: rational functions, highest power first
_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4, 1.3731693765509461125e4,
     1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4, 5.3941960214247511077e3,
     6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0, 3.64784832476320460504e0,
     5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1, 6.89767334985100004550e-1,
     1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip


def _ratio(r: Any, coefficients: Any) -> Any:
    top, bottom = r * coefficients[0][0], r * coefficients[1][0]
    for a, b in zip(coefficients[0][1:-1], coefficients[1][1:-1]):
        top, bottom = (top + a) * r, (bottom + b) * r
    return (top + coefficients[0][-1]) / (bottom + coefficients[1][-1])


_OUTSIDE = 0.5 * math.erfc(2.0 / math.sqrt(2.0))  # of the normal distribution below -2


def _random_truncated_normal(xp: Any, y: Any, state: Any, mean: float, stddev: float, code: int, *_: int) -> None:
    """The inverse of the normal distribution function, at a uniform number between those of -2 and 2."""
    bits = 53 if y.dtype.itemsize == 8 else 24
    q = (_fractions(xp, state, y.size, bits).astype(xp.float64) + 0.5) * 2.0**-bits - 0.5
    q *= 1 - 2 * _OUTSIDE
    size = xp.abs(q)
    centre = q * _ratio(0.180625 - q * q, _CENTRE)
    tail = _ratio(xp.sqrt(-xp.log(0.5 - size)) - 1.6, _TAIL)
    z = xp.where(size <= 0.425, centre, xp.copysign(tail, q))
    y[...] = (z * stddev + mean).reshape(y.shape)


def _random_integers(xp: Any, y: Any, state: Any, low: int, high: int, *_: int) -> None:
    """The top 32 bits of (64 random bits) * (high - low) / 2**32: no integer is likelier than another by more than 2**-32 of itself."""
    pairs = _words(xp, state, 2 * y.size).reshape(y.size, 2).astype(xp.uint64)
    n = xp.uint64(high - low)
    pairs *= n
    drawn = (pairs[:, 0] + (pairs[:, 1] >> HALF_WORD)) >> HALF_WORD
    y[...] = (drawn.astype(xp.int64) + xp.int64(low)).reshape(y.shape)


def _random_bernoulli(xp: Any, y: Any, state: Any, p: float, *_: Any) -> None:
    least = round(p * 2**32)
    y[...] = 1 if least == 2**32 else (_words(xp, state, y.size) < xp.uint32(least)).reshape(y.shape)


def _bernoulli_infer(state: Any, p: float, code: int, *shape: int) -> Any:
    check_state("random_bernoulli", state)
    return ((shape, _CODES[code]),)


RANDOM_UNIFORM = Op("random_uniform", _infer("random_uniform", True), _random_uniform)
RANDOM_NORMAL = Op("random_normal", _infer("random_normal", True), _random_normal)
RANDOM_TRUNCATED_NORMAL = Op("random_truncated_normal", _infer("random_truncated_normal", True), _random_truncated_normal)
RANDOM_INTEGERS = Op("random_integers", _infer("random_integers", False), _random_integers)
RANDOM_BERNOULLI = Op("random_bernoulli", _bernoulli_infer, _random_bernoulli)


def _draw(op: Op, state: Tensor, parameters: tuple[Any, ...], dtype: Any, default: np.dtype[Any], shape: Any, advance: bool) -> Tensor:
    sizes = whole_shape(op.name, shape)
    if sizes and min(sizes) < 0:
        raise ShapeError(f"[{op.name}] sizes cannot be negative. Received: shape {sizes}")
    code = _CODE_OF[default if dtype is None else dtypes.standard(dtype)]
    out: Tensor = apply(op, (state,), (*parameters, code, *sizes))
    if advance:
        advance_draw(state)
    return out


def random_uniform(state: Tensor, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, advance: bool = True) -> Tensor:
    """Numbers equally distributed over minval <= y < maxval: minval + u (maxval - minval), each step rounded, where u is a multiple of
    2**-24 (float64: 2**-53, bfloat16: 2**-8, float16: 2**-11). `state` is advanced in place unless advance=False.

    >>> import gpudl
    >>> state = gpudl.tensor([1, 0, 0, 0], dtype="uint32")
    >>> u = random_uniform(state, (2, 3))
    >>> u.shape, bool((u >= 0.0).all()), bool((u < 1.0).all())
    ((2, 3), True, True)
    """
    if not minval <= maxval:
        raise ValueError(f"[random_uniform] minval must not exceed maxval. Received: minval={minval}, maxval={maxval}")
    return _draw(RANDOM_UNIFORM, state, (float(minval), float(maxval)), dtype, dtypes.floatx(), shape, advance)


def random_normal(state: Tensor, shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, advance: bool = True) -> Tensor:
    """Normally distributed numbers; none is farther than 5.8 (float64: 8.6) standard deviations from the mean.

    >>> import gpudl
    >>> x = random_normal(gpudl.tensor([1, 0, 0, 0], dtype="uint32"), (1000,))
    >>> bool(abs(float(x.mean())) < 0.1), bool(abs(float(x.std()) - 1.0) < 0.1)
    (True, True)
    """
    return _draw(RANDOM_NORMAL, state, (float(mean), float(stddev)), dtype, dtypes.floatx(), shape, advance)


def random_truncated_normal(
    state: Tensor, shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, advance: bool = True
) -> Tensor:
    """Normally distributed numbers on condition that they are within two standard deviations of the mean.

    >>> import gpudl
    >>> x = random_truncated_normal(gpudl.tensor([1, 0, 0, 0], dtype="uint32"), (1000,))
    >>> bool((gpudl.ops.abs(x) <= 2.0).all())
    True
    """
    return _draw(RANDOM_TRUNCATED_NORMAL, state, (float(mean), float(stddev)), dtype, dtypes.floatx(), shape, advance)


def random_integers(state: Tensor, shape: Any, minval: int, maxval: int, dtype: Any = None, advance: bool = True) -> Tensor:
    """Integers equally distributed over minval <= y < maxval, by default int32; probabilities are equal to within 2**-32 of themselves.

    >>> import gpudl
    >>> x = random_integers(gpudl.tensor([1, 0, 0, 0], dtype="uint32"), (1000,), 0, 3)
    >>> int(x.min()), int(x.max())
    (0, 2)
    """
    if not 0 < maxval - minval <= 2**32:
        raise ValueError(f"[random_integers] maxval must exceed minval, by 2**32 at most. Received: minval={minval}, maxval={maxval}")
    return _draw(RANDOM_INTEGERS, state, (int(minval), int(maxval)), dtype, dtypes.int32, shape, advance)


def random_bernoulli(state: Tensor, shape: Any, p: float = 0.5, dtype: Any = None, advance: bool = True) -> Tensor:
    """1 with probability p (to within 2**-33), else 0; by default bool.

    >>> import gpudl
    >>> x = random_bernoulli(gpudl.tensor([1, 0, 0, 0], dtype="uint32"), (1000,), p=0.25)
    >>> bool(abs(float(gpudl.ops.mean(x)) - 0.25) < 0.05)
    True
    """
    if not 0 <= p <= 1:
        raise ValueError(f"[random_bernoulli] p must be between 0 and 1. Received: p={p}")
    return _draw(RANDOM_BERNOULLI, state, (float(p),), dtype, dtypes.bool_, shape, advance)


__all__ = ["advance_draw", "dropout", "random_bernoulli", "random_integers", "random_normal", "random_truncated_normal", "random_uniform"]
