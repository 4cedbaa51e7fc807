"""Cases of recurrent nets over whole sequences, against loops in NumPy, and of cutting into parts."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def drawn(n, t, u, gates, *more):
    """z, recurrent kernel, what else there is, first state(s)."""
    return lambda rng: [
        rng.standard_normal(s) * scale for s, scale in (((n, t, gates * u), 1.0), ((u, gates * u), 0.5), *[(s, 0.7) for s in more])
    ]


def simple_rnn(z, kernel, h):
    out = []
    for k in range(z.shape[1]):
        h = np.tanh(z[:, k] + h @ kernel)
        out.append(h)
    return np.stack(out, 1)


def lstm(z, kernel, h, c):
    ys, cs = [], []
    for k in range(z.shape[1]):
        i, f, g, o = np.split(z[:, k] + h @ kernel, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        ys.append(h)
        cs.append(c)
    return np.stack(ys, 1), np.stack(cs, 1)


def gru(z, kernel, bias, h):
    out = []
    for k in range(z.shape[1]):
        (zu, zr, zg), (su, sr, sg) = np.split(z[:, k], 3, 1), np.split(h @ kernel + bias, 3, 1)
        u, r = sigmoid(zu + su), sigmoid(zr + sr)
        h = u * h + (1 - u) * np.tanh(zg + r * sg)
        out.append(h)
    return np.stack(out, 1)


def ones(*shape):
    return np.ones(shape, np.float32)


LOOSE = {"twice": False, "rtol": 64, "atol": 256}

CASES = [
    *[Case(f"simple_rnn/{what}", ops.simple_rnn, drawn(n, t, u, 1, (n, u)), simple_rnn, **LOOSE)
      for what, n, t, u in (("typical", 3, 4, 5), ("one step", 2, 1, 3), ("tails", 17, 3, 19), ("one", 1, 1, 1), ("no batch", 0, 2, 3))],
    *[Case(f"lstm/{what}", ops.lstm, drawn(n, t, u, 4, (n, u), (n, u)), lstm, **LOOSE)
      for what, n, t, u in (("typical", 3, 4, 5), ("one step", 2, 1, 3), ("tails", 17, 3, 19), ("one", 1, 1, 1), ("no batch", 0, 2, 3))],
    Case("lstm/outputs alone", lambda *a: ops.lstm(*a)[0], drawn(2, 3, 4, 4, (2, 4), (2, 4)), lambda *a: lstm(*a)[0], **LOOSE),
    Case("lstm/cells alone", lambda *a: ops.lstm(*a)[1], drawn(2, 3, 4, 4, (2, 4), (2, 4)), lambda *a: lstm(*a)[1], **LOOSE),
    *[Case(f"gru/{what}", ops.gru, drawn(n, t, u, 3, (3 * u,), (n, u)), gru, **LOOSE)
      for what, n, t, u in (("typical", 3, 4, 5), ("one step", 2, 1, 3), ("tails", 17, 3, 19), ("one", 1, 1, 1), ("no batch", 0, 2, 3))],
    Case("lstm/saturated", lambda z: ops.lstm(z, ops.zeros((1, 4), z.dtype), ops.zeros((1, 1), z.dtype), ops.ones((1, 1), z.dtype))[1],
         lambda rng: [np.array([[[-1e4, 1e4, 1e4, -1e4], [1e4, -1e4, -1e4, 1e4], [0.0, np.nan, 0.0, 0.0]]])],
         lambda z: np.array([[[1.0], [-1.0], [np.nan]]]), differentiable=()),
    Case("parts/last axis", lambda x: tuple(ops.parts(x, 3, -1)), lambda rng: [rng.standard_normal((4, 6))],
         lambda x: tuple(np.split(x, 3, 1))),
    Case("parts/time", lambda x: tuple(ops.parts(x, 3, 1)), lambda rng: [rng.standard_normal((2, 3, 5))],
         lambda x: tuple(np.split(x, 3, 1))),
    Case("parts/one of them", lambda x: ops.parts(x, 3)[1], lambda rng: [rng.standard_normal((3, 5))], lambda x: x[1:2]),
    Case("parts/whole", lambda x: ops.parts(x, 1)[0], lambda rng: [rng.standard_normal((3, 5))], lambda x: x),
    Case("parts/empty", lambda x: tuple(ops.parts(x, 2)), lambda rng: [rng.standard_normal((4, 0))], lambda x: (x[:2], x[2:])),
    Case("lstm/refused", lambda *a: ops.lstm(*a)[0], drawn(1, 1, 2, 4, (1, 2), (1, 2)), lambda *a: lstm(*a)[0], **LOOSE, errors=(
        (lambda: ops.lstm(ones(2, 3, 4), ones(1, 3), ones(2, 1), ones(2, 1)), ShapeError, "[lstm] inputs must be (N, T, 4 U)"),
        (lambda: ops.lstm(ones(2, 0, 4), ones(1, 4), ones(2, 1), ones(2, 1)), ShapeError, "T >= 1"),
        (lambda: ops.lstm(ones(2, 3, 4), ones(1, 4), ones(2, 1), ones(1, 1)), ShapeError, "[lstm] a first state must be (N, U) = (2, 1)"),
        (lambda: ops.simple_rnn(ones(2, 3), ones(3, 3), ones(2, 3)), ShapeError, "[simple_rnn] inputs must be"),
        (lambda: ops.gru(ones(2, 3, 3), ones(1, 3), ones(2), ones(2, 1)), ShapeError, "[gru] the recurrent bias must be (3 U,) = (3,)"),
        (lambda: ops.parts(ones(3), 2), ShapeError, "[parts] axis 0 cannot be cut into 2 equal parts"),
    )),
]  # fmt: skip
