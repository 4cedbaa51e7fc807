"""Pictures that are turned, moved, sheared and zoomed: exact where that is easy to see, and as SciPy computes it where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from gpudl.preprocessing.warping import FILLS, matrix, places, warp

X = np.arange(20.0).reshape(4, 5, 1)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("order", [0, 1])
def test_nothing_is_nothing(fill: str, order: int) -> None:
    np.testing.assert_array_equal(warp(X, matrix(0, 0, 0, 0, 1, 1), fill, order=order), X)


def test_moving_by_whole_pixels() -> None:
    np.testing.assert_array_equal(warp(X, matrix(0, 1, 0, 0, 1, 1), "constant", cval=-1), np.concatenate([X[1:], X[:1] * 0 - 1]))
    np.testing.assert_array_equal(warp(X, matrix(0, 1, 0, 0, 1, 1), "nearest"), np.concatenate([X[1:], X[3:]]))
    np.testing.assert_array_equal(warp(X, matrix(0, 0, 2, 0, 1, 1), "wrap"), np.roll(X, -2, 1))
    np.testing.assert_array_equal(warp(X, matrix(0, 0, -1, 0, 1, 1), "reflect"), X[:, [0, 0, 1, 2, 3]])


def test_turning() -> None:
    square = np.arange(9.0).reshape(3, 3, 1)
    for fill in FILLS:
        np.testing.assert_allclose(warp(square, matrix(90, 0, 0, 0, 1, 1), fill), np.rot90(square, -1), atol=1e-9)
        np.testing.assert_allclose(warp(X, matrix(180, 0, 0, 0, 1, 1), fill), X[::-1, ::-1], atol=1e-9)


def test_zooming() -> None:
    x = np.zeros((5, 5, 1))
    x[2, 2] = 1
    np.testing.assert_allclose(warp(x, matrix(0, 0, 0, 0, 0.5, 0.5))[:, :, 0][2], [0, 0.5, 1, 0.5, 0])


def test_places_outside() -> None:
    index = np.arange(-5, 9)
    assert places(index, 4, "reflect").tolist() == [3, 3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0, 0]
    assert places(index, 4, "wrap").tolist() == [n % 4 for n in index]
    assert places(index, 4, "nearest").tolist() == [0] * 5 + [0, 1, 2, 3] + [3] * 5


@pytest.mark.parametrize("fill", ["nearest", "reflect"])
def test_as_scipy(fill: str) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 7, 2))
    for _ in range(10):
        found = matrix(*rng.uniform([-60, -3, -3, -30, 0.6, 0.6], [60, 3, 3, 30, 1.5, 1.5]))
        middle = np.array([9 / 2 - 0.5, 7 / 2 - 0.5])
        offset = found[:2, 2] + middle - found[:2, :2] @ middle
        expected = np.stack([ndimage.affine_transform(x[..., c], found[:2, :2], offset, order=1, mode=fill) for c in range(2)], -1)
        np.testing.assert_allclose(warp(x, found, fill), expected, atol=1e-9)
