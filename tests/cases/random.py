"""Cases of random numbers against Philox in plain integers. The state is an input, which draws advance."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from gpudl import ops
from gpudl.errors import DTypeError, ShapeError
from gpudl.testing import Case

MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10 on Python ints: four words of a block."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def words(state, count):
    seed_low, seed_high, stream, draw = (int(n) for n in state)
    blocks = [philox((i, 0, stream, draw), (seed_low, seed_high)) for i in range(-(-count // 4))]
    return [w for block in blocks for w in block][:count]


def pairs(state, count):
    w = words(state, 2 * count)
    return list(zip(w[::2], w[1::2]))


def fractions(state, count, bits):
    if bits == 53:
        return [((a >> 5) * 2**26 + (b >> 6)) / 2**53 for a, b in pairs(state, count)]
    return [(w >> (32 - bits)) / 2**bits for w in words(state, count)]


def kept(state, count, rate):
    lanes = [half for w in words(state, -(-count // 8) * 4) for half in (w & 0xFFFF, w >> 16)]
    return np.array([lane >= round(rate * 65536) for lane in lanes[:count]])


def dropped(rate, noise_shape=None):
    def oracle(x, state):
        shape = noise_shape or x.shape
        mask = kept(state, math.prod(shape), rate).reshape(shape)
        return np.where(mask, x / (1 - rate), 0.0)

    return oracle


def uniform(low, high, shape, bits):
    return lambda state: low + (high - low) * np.reshape(fractions(state, math.prod(shape), bits), shape)


def normal(mean, stddev, count, bits):
    def oracle(state):
        u = fractions(state, count + 1, bits)
        z = []
        for u1, u2 in zip(u[::2], u[1::2]):
            r = math.sqrt(-2 * math.log(u1 + 2.0**-bits))
            z += [mean + stddev * r * math.cos(2 * math.pi * u2), mean + stddev * r * math.sin(2 * math.pi * u2)]
        return np.array(z[:count])

    return oracle


def truncated(mean, stddev, count, bits):
    def oracle(state):
        low = NormalDist().cdf(-2)
        return np.array(
            [mean + stddev * NormalDist().inv_cdf(low + (1 - 2 * low) * (u + 0.5 / 2**bits)) for u in fractions(state, count, bits)]
        )

    return oracle


def integers(low, high, count):
    return lambda state: np.array([low + ((a * 2**32 + b) * (high - low) >> 64) for a, b in pairs(state, count)])


def bernoulli(p, count):
    return lambda state: np.array([w < p * 2**32 for w in words(state, count)])


def state_from(rng):
    return rng.integers(0, 2**32, 4, dtype="uint32")


def drawn(name, function, oracle, **options):
    return Case(name, function, lambda rng: [state_from(rng)], oracle, dtypes=(), **options)


def of_dtype(oracle, dtype):
    """Rounded as the dtype under test, which has no part in the inputs."""
    return lambda state: oracle(state).astype(dtype)


def drop(name, shape, rate, noise_shape=None, oracle=None, **options):
    return Case(
        f"dropout/{name}",
        lambda x, state: ops.dropout(x, state, rate, noise_shape),
        lambda rng: [rng.standard_normal(shape), state_from(rng)],
        oracle or dropped(rate, noise_shape),
        **options,
    )


STATE = np.array([1, 2, 3, 4], "uint32")
X = np.ones((2, 3), "float32")

CASES = [
    drop("half", (3, 5), 0.5),
    drop("a tenth, tail", (9, 17), 0.1),
    drop("nearly all", (4, 16), 0.9),
    drop("one number", (1,), 0.5),
    drop("no axes", (), 0.5),
    drop("empty", (0, 3), 0.5),
    drop("rows", (6, 5), 0.5, (6, 1)),
    drop("columns", (6, 5), 0.3, (1, 5)),
    drop("rate 0", (3, 5), 0.0, oracle=lambda x, state: x),
    drop("rate 1", (3, 5), 1.0, oracle=lambda x, state: 0 * x),
    drop("many blocks", (701, 8), 0.5, differentiable=(), dtypes=("float32",)),
    Case(
        "dropout/drops NaN and inf too",
        lambda x, state: ops.dropout(x, state, 0.5),
        lambda rng: [np.array([np.nan, np.inf, -np.inf] * 7), STATE],
        dropped(0.5),
        differentiable=(),
    ),
    Case(
        "dropout/twice draws twice",
        lambda x, state: (ops.dropout(x, state, 0.5), ops.dropout(x, state, 0.5)),
        lambda rng: [rng.standard_normal(16), STATE],
        lambda x, state: (dropped(0.5)(x, state), dropped(0.5)(x, state + np.uint32([0, 0, 0, 1]))),
        errors=(
            (lambda: ops.dropout(X, ops.convert_to_tensor(STATE), 1.5), ValueError, "rate=1.5"),
            (lambda: ops.dropout(X, ops.convert_to_tensor(STATE), "0.5"), ValueError, "rate='0.5'"),
            (lambda: ops.dropout(X, ops.convert_to_tensor(STATE), 0.5, (3, 3)), ShapeError, "noise_shape (3, 3)"),
            (lambda: ops.dropout(X, ops.convert_to_tensor(STATE[:2]), 0.5), DTypeError, "four uint32"),
        ),
    ),
    drawn("advance_draw", lambda state: ops.advance_draw(state) or state, lambda state: state + np.uint32([0, 0, 0, 1])),
    drawn("random_uniform", lambda s: ops.random_uniform(s, (3, 7)), of_dtype(uniform(0, 1, (3, 7), 24), "float32")),
    drawn("random_uniform/range", lambda s: ops.random_uniform(s, (5,), -3.0, 4.0), of_dtype(uniform(-3, 4, (5,), 24), "float32")),
    drawn("random_uniform/float64", lambda s: ops.random_uniform(s, (7,), dtype="float64"), uniform(0, 1, (7,), 53)),
    drawn("random_uniform/float16", lambda s: ops.random_uniform(s, (7,), dtype="float16"), of_dtype(uniform(0, 1, (7,), 11), "float16")),
    drawn(
        "random_uniform/no axes",
        lambda s: ops.random_uniform(s, ()),
        of_dtype(uniform(0, 1, (), 24), "float32"),
        errors=(
            (lambda: ops.random_uniform(ops.convert_to_tensor(STATE), 2, 1.0, 0.0), ValueError, "minval=1.0"),
            (lambda: ops.random_uniform(ops.convert_to_tensor(STATE), 2, dtype="int32"), DTypeError, "float dtype"),
            (lambda: ops.random_uniform(ops.convert_to_tensor(STATE), (-2,)), ShapeError, "(-2,)"),
        ),
    ),
    drawn("random_uniform/empty", lambda s: ops.random_uniform(s, (0, 2)), lambda s: np.zeros((0, 2), "float32")),
    drawn("random_normal", lambda s: ops.random_normal(s, (9,)), of_dtype(normal(0, 1, 9, 24), "float32")),
    drawn("random_normal/moved", lambda s: ops.random_normal(s, 8, 2.0, 0.5), of_dtype(normal(2, 0.5, 8, 24), "float32")),
    drawn("random_normal/float64", lambda s: ops.random_normal(s, 9, dtype="float64"), normal(0, 1, 9, 53)),
    drawn("random_truncated_normal", lambda s: ops.random_truncated_normal(s, 33), of_dtype(truncated(0, 1, 33, 24), "float32")),
    drawn(
        "random_truncated_normal/float64",
        lambda s: ops.random_truncated_normal(s, 33, 1.0, 3.0, "float64"),
        truncated(1, 3, 33, 53),
        atol=64,
    ),
    drawn("random_integers", lambda s: ops.random_integers(s, 9, -3, 4), integers(-3, 4, 9)),
    drawn(
        "random_integers/whole range",
        lambda s: ops.random_integers(s, 9, 0, 2**32, "int64"),
        integers(0, 2**32, 9),
        errors=(
            (lambda: ops.random_integers(ops.convert_to_tensor(STATE), 2, 3, 3), ValueError, "minval=3, maxval=3"),
            (lambda: ops.random_integers(ops.convert_to_tensor(STATE), 2, 0, 3, "float32"), DTypeError, "integer dtype"),
        ),
    ),
    drawn("random_bernoulli", lambda s: ops.random_bernoulli(s, 33, 0.3), bernoulli(0.3, 33)),
    drawn(
        "random_bernoulli/certain",
        lambda s: ops.random_bernoulli(s, 3, 1.0, "float32"),
        lambda s: np.ones(3, "float32"),
        errors=((lambda: ops.random_bernoulli(ops.convert_to_tensor(STATE), 2, 1.5), ValueError, "p=1.5"),),
    ),
]
