"""Whitening: the covariance becomes the identity, by both methods, for vectors and for images."""

from __future__ import annotations

import numpy as np
import pytest

from gpudl.preprocessing import Whitening


def mixed(n: int = 400, d: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


@pytest.mark.parametrize("method", ["pca", "zca"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_covariance_is_the_identity(method: str, dtype: str) -> None:
    x = mixed().astype(dtype)
    y = Whitening(method).fit_transform(x)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(y.T.astype("f8")), np.eye(6), atol=1e-3)


def test_on_real_data() -> None:
    x = pytest.importorskip("sklearn.datasets").load_iris().data
    for method in ("pca", "zca"):
        y = Whitening(method).fit_transform(x)
        np.testing.assert_allclose(np.cov(y.T), np.eye(4), atol=1e-3)


def test_fitted_on_the_training_data_alone() -> None:
    x = mixed()
    t = Whitening().fit(x[:300])
    all_at_once, by_row = t.transform(x), np.concatenate([t.transform(x[:1]), t.transform(x[1:])])
    np.testing.assert_allclose(all_at_once, by_row, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(t.mean_, x[:300].mean(0))
    assert np.abs(np.cov(t.transform(x[300:]).T) - np.eye(6)).max() > 1e-3, "what was learned is not learned anew"


def test_zca_is_symmetric_and_nearest() -> None:
    x = mixed()
    zca, pca = Whitening("zca", 0.0).fit(x), Whitening("pca", 0.0).fit(x)
    matrix = zca.transform(np.eye(6) + zca.mean_)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)
    np.testing.assert_allclose(np.cov(zca.transform(x).T), np.eye(6), atol=1e-10)
    assert np.square(zca.transform(x) - (x - x.mean(0))).sum() < np.square(pca.transform(x) - (x - x.mean(0))).sum()


def test_components_as_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.decomposition").PCA(n_components=3, whiten=True)
    x = mixed()
    ours = Whitening("pca", 0.0, n_components=3).fit(x)
    y, other = ours.transform(x), theirs.fit_transform(x)
    assert y.shape == (400, 3)
    np.testing.assert_allclose(np.abs(y), np.abs(other), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.variances_, theirs.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(ours.inverse_transform(y), theirs.inverse_transform(other), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_images(method: str) -> None:
    x = mixed(300, 48).reshape(300, 4, 4, 3)
    t = Whitening(method).fit(x)
    y = t.transform(x)
    assert y.shape == ((300, 48) if method == "pca" else x.shape)
    np.testing.assert_allclose(np.cov(y.reshape(300, 48).T), np.eye(48), atol=1e-3)
    back = t.inverse_transform(y)
    assert back.shape == x.shape
    np.testing.assert_allclose(back, x, atol=1e-7)


def test_directions_without_variance() -> None:
    """More columns than examples: the data vary in 9 directions only, and the rest is not blown up."""
    x = np.random.default_rng(0).normal(size=(10, 30))
    t = Whitening("pca", 0.0).fit(x)
    y = t.transform(x)
    np.testing.assert_allclose(np.cov(y.T), np.diag([1.0] * 9 + [0.0] * 21), atol=1e-8)
    np.testing.assert_allclose(t.inverse_transform(y), x, atol=1e-8)
    assert np.abs(Whitening("zca", 0.0).fit_transform(x)).max() < 10


def test_same_data_same_bits() -> None:
    x = mixed()
    assert np.array_equal(Whitening("pca").fit_transform(x), Whitening("pca").fit_transform(x.copy()))
    t = Whitening("pca").fit(x)
    assert all(row[np.argmax(np.abs(row))] > 0 for row in t.components_), "the sign of a component is settled"


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"method must be 'pca' or 'zca'. Received: method='ZAC'"):
        Whitening("ZAC")
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="epsilon must be a number >= 0"):
            Whitening(epsilon=bad)
    with pytest.raises(TypeError, match="epsilon must be a number"):
        Whitening(epsilon="1e-6")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_components belongs to method='pca'"):
        Whitening("zca", n_components=2)
    with pytest.raises(ValueError, match="n_components must be a whole number >= 1"):
        Whitening("pca", n_components=0)
    with pytest.raises(TypeError, match="n_components must be a whole number >= 1"):
        Whitening("pca", n_components=0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_components=9 is more than the data's 6 columns"):
        Whitening("pca", n_components=9).fit(mixed())
    with pytest.raises(ValueError, match="at least 2 examples"):
        Whitening().fit(np.ones((1, 3)))
    with pytest.raises(ValueError, match="larger than float64 can hold"):
        Whitening().fit(np.array([[1e200, 0.0], [-1e200, 1.0], [0.0, 2.0]]))
