"""Indexing as NumPy does it: random keys against NumPy, with gradients; masks; what the host can refuse."""

from __future__ import annotations

import random

import numpy as np
import pytest

import gpudl
from gpudl import ops
from gpudl.errors import DTypeError
from gpudl.ops._segments import segment_sum

X = np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5)


def key_for(draw):
    """A key of ints, slices, None, ... and index arrays, as lists, NumPy arrays and tensors."""
    key, arrays, shape = [], draw.random() < 0.5, draw.choice([(), (2,), (3, 1), (1, 2), (0,)])
    for n in X.shape:
        kind = draw.random()
        if kind < 0.08:
            break
        if kind < 0.15:
            key.append(Ellipsis)
            break
        if kind < 0.25:
            key.append(None)
        kind = draw.random()
        if kind < 0.25:
            key.append(draw.randrange(-n, n))
        elif kind < 0.6:
            key.append(
                slice(draw.choice([None, 0, 1, -1, -3, 7]), draw.choice([None, 0, 2, -1, -4, 9]), draw.choice([None, 1, 2, -1, -2, 3]))
            )
        elif not arrays:
            key.append(slice(None))
        else:
            here = draw.choice([shape, shape[1:]])
            index = np.array([draw.randrange(-n, n) for _ in range(int(np.prod(here)))], draw.choice(["int32", "int64"])).reshape(here)
            key.append(draw.choice([index, gpudl.tensor(index), index.tolist() if index.size and index.ndim else index]))
    return tuple(key) if len(key) != 1 or draw.random() < 0.5 else key[0]


def on_host(key):
    if isinstance(key, tuple):
        return tuple(on_host(k) for k in key)
    return key.numpy() if isinstance(key, gpudl.Tensor) else key


def check(key):
    host = on_host(key)
    expected = X[host]
    x = gpudl.tensor(X, requires_grad=True)
    y = ops.getitem(x, key)
    assert y.shape == expected.shape and np.array_equal(y.numpy(), expected), key
    g = np.arange(1.0, 1 + expected.size).reshape(expected.shape)
    y.backward(gpudl.tensor(g))
    wanted = np.zeros_like(X)
    np.add.at(wanted, host, g)
    assert np.array_equal(x.grad.numpy(), wanted), key


@pytest.mark.parametrize("seed", range(8))
def test_random_keys(seed):
    draw, refused = random.Random(seed), 0
    for _ in range(100):
        key = key_for(draw)
        try:
            X[on_host(key)]
        except IndexError:
            refused += 1
            with pytest.raises(IndexError):
                ops.getitem(gpudl.tensor(X), key)
        else:
            check(key)
    assert refused < 50


MASKS = [X > 50, X[:, :, 0, 0] > 30, (0, X[0, :, 0, 0] > 10), (slice(None), X[0, :, 0, 0] > 10), (..., X[0, 0, 0] > 2),
         (slice(None), X[0, :, 0, 0] > 10, 2), (X[:, 0, 0, 0] > 0, slice(None), [1])]  # fmt: skip


@pytest.mark.parametrize("key", MASKS, ids=[str(i) for i in range(len(MASKS))])
def test_masks(key):
    check(key)


def test_a_mask_in_a_tensor_or_list():
    check(gpudl.tensor(X > 50))
    check(gpudl.tensor(np.zeros(2, bool)))
    check([True, False])


def test_a_mask_keeps_a_step_from_being_recorded():
    step = gpudl.capture(lambda x, m: ops.getitem(x, m), strict=True)
    x, mask = gpudl.ones(3), gpudl.tensor([True, False, True])
    step(x, mask)
    with pytest.raises(gpudl.CaptureError, match="read on the host"):
        step(x, mask)


REFUSED = [
    (2, IndexError, "index 2 is out of range for axis 0 of size 2"),
    ((0, -4), IndexError, "index -4 is out of range for axis 1 of size 3"),
    ((0,) * 5, IndexError, "too many indices"),
    (1.5, IndexError, "1.5"),
    ("a", IndexError, "'a'"),
    (True, IndexError, "bool"),
    ((..., ...), IndexError, "one ..."),
    ([0, 7], IndexError, "index 7"),
    (np.ones(5, bool), IndexError, "mask (5,)"),
    (([0, 1], [0, 1, 2]), IndexError, "(2,), (3,)"),
    ((gpudl.tensor([0, 1]), [0, 1, 2]), IndexError, "(2,), (3,)"),
    (slice(None, None, 0), IndexError, "zero"),
    (np.array([1.5]), DTypeError, "float64"),
]


@pytest.mark.parametrize("key, kind, words", REFUSED, ids=[words for _, _, words in REFUSED])
def test_refused(key, kind, words):
    with pytest.raises(kind) as error:
        ops.getitem(gpudl.tensor(X), key)
    assert words in str(error.value)


def test_views_share_memory_and_picks_do_not():
    x = gpudl.tensor(X)
    assert ops.getitem(x, (0, slice(None, None, -2), None)).storage is x.storage
    assert ops.getitem(x, [0]).storage is not x.storage


def test_views_of_a_replayed_step_read_the_right_place():
    step = gpudl.capture(
        lambda x: (ops.flip(x, 0) + ops.getitem(x, (slice(None, None, -1), slice(2, None, -1))), ops.broadcast_to(x[1], (2, 3)) * 1.0)
    )
    for n in range(5):
        a = np.arange(6.0).reshape(2, 3) + n
        for t, e in zip(step(gpudl.tensor(a)), (a[::-1] + a[::-1, ::-1], np.broadcast_to(a[1], (2, 3)))):
            assert np.array_equal(t.numpy(), e)
    assert step.replayed >= 2


def test_repeats_and_indices_that_the_host_knows():
    x = np.arange(6.0).reshape(2, 3)
    t = gpudl.tensor(x, requires_grad=True)
    y = ops.repeat(t, [2, 0, 1], axis=1)
    assert np.array_equal(y.numpy(), np.repeat(x, [2, 0, 1], axis=1))
    y.backward(gpudl.tensor(np.ones((2, 3))))
    assert t.grad.tolist() == [[2.0, 0.0, 1.0]] * 2
    assert ops.take(t, 1, axis=1).tolist() == [1.0, 4.0] and ops.take(t, [], axis=0).shape == (0, 3)
    assert ops.stack(t, axis=1).tolist() == x.T.tolist()  # a tensor is a list of its entries
    assert ops.slice(t, gpudl.tensor([0, 1]), (2, 1)).tolist() == [[1.0], [4.0]]


@pytest.mark.parametrize("scan", [False, True])
@pytest.mark.parametrize("n, m, columns", [(1, 1, 1), (5, 20, 3), (50, 7, 2), (3, 1000, 1), (4, 0, 2), (7, 7, 7), (0, 3, 2)])
def test_segment_sum(n, m, columns, scan):
    rng = np.random.default_rng([n, m])
    keys, rows = rng.integers(0, n + 1, m), rng.standard_normal((m, columns))
    expected = np.zeros((n + 1, columns))
    np.add.at(expected, keys, rows)
    out = np.full((n, columns), np.nan)
    segment_sum(np, out, rows, keys, scan)
    np.testing.assert_allclose(out, expected[:-1], atol=1e-12)


@pytest.mark.parametrize("scan", [False, True])
def test_nan_stays_in_its_segment(scan):
    out = np.empty((3, 1))
    segment_sum(np, out, np.array([[1.0], [np.nan], [2.0], [np.inf]]), np.array([0, 1, 0, 2]), scan)
    assert out[0] == 3 and np.isnan(out[1]) and out[2] == np.inf
