"""MinMaxScaler and StandardScaler: values, what is learned from the training data alone, constant columns, there and back."""

from __future__ import annotations

import numpy as np
import pytest

import gpudl
from gpudl.errors import ShapeError
from gpudl.preprocessing import MinMaxScaler, StandardScaler, Whitening

TRAIN = np.array([[1.0, 5.0, -2.0], [3.0, 5.0, 0.0], [2.0, 5.0, 8.0]])
TEST = np.array([[5.0, 6.0, -7.0]])
ALL = [MinMaxScaler, StandardScaler, Whitening]


def test_min_max_by_the_training_data() -> None:
    s = MinMaxScaler().fit(TRAIN)
    assert s.transform(TRAIN).tolist() == [[0, 0, 0], [1, 0, 0.2], [0.5, 0, 1]]
    assert s.transform(TEST).tolist() == [[2, 1, -0.5]], "the training data's range, which test data may leave"
    assert MinMaxScaler(clip=True).fit(TRAIN).transform(TEST).tolist() == [[1, 1, 0]]
    assert s.data_min_.tolist() == [1, 5, -2] and s.data_max_.tolist() == [3, 5, 8]


def test_min_max_to_another_range() -> None:
    y = MinMaxScaler((-1, 1)).fit_transform(TRAIN)
    assert y.min(0).tolist() == [-1, -1, -1] and y.max(0).tolist() == [1, -1, 1]


def test_standard_by_the_training_data() -> None:
    s = StandardScaler().fit(TRAIN)
    y = s.transform(TRAIN)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(0), [1, 0, 1], atol=1e-12)
    assert s.scale_[1] == 1 and s.transform(TEST)[0, 1] == 1, "a constant column is moved only"
    np.testing.assert_allclose(StandardScaler(with_mean=False).fit_transform(TRAIN)[:, 0], TRAIN[:, 0] / TRAIN[:, 0].std())
    np.testing.assert_allclose(StandardScaler(with_std=False).fit_transform(TRAIN), TRAIN - TRAIN.mean(0))


def test_as_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.preprocessing")
    x = np.random.default_rng(0).normal(3, 5, (50, 7))
    x[:, 2] = 0.1
    for ours, other in ((MinMaxScaler((-2, 3)), theirs.MinMaxScaler((-2, 3))), (StandardScaler(), theirs.StandardScaler())):
        np.testing.assert_allclose(ours.fit(x[:30]).transform(x), other.fit(x[:30]).transform(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-300, -7e30])
@pytest.mark.parametrize("kind", ALL)
def test_constant_columns_stay_finite(kind: type, value: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        y = kind().fit_transform(np.full((7, 2), value))
    assert np.array_equal(y, np.zeros((7, 2)))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("shape", [(20, 3), (20, 4, 3, 1), (20,)])
def test_there_and_back(kind: type, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(2, 3, shape)
    before = x.copy()
    t = kind().fit(x)
    y = t.transform(x)
    assert y.shape == x.shape and np.array_equal(x, before)
    np.testing.assert_allclose(t.inverse_transform(y), x, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_dtypes(kind: type) -> None:
    x = np.random.default_rng(0).integers(0, 255, (30, 2))
    assert kind().fit_transform(x.astype("uint8")).dtype == np.float32, "whole numbers become floatx"
    for dtype in ("float16", "float32", "float64"):
        assert kind().fit_transform(x.astype(dtype)).dtype == np.dtype(dtype)
    wide = kind().fit_transform(x.astype("f8"))
    np.testing.assert_allclose(kind().fit_transform(x.astype("f4")), wide, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(kind().fit_transform(x.tolist()), wide, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(kind().fit_transform(gpudl.tensor(x)), wide, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_bad_input(kind: type) -> None:
    name = kind.__name__
    with pytest.raises(RuntimeError, match=rf"\[{name}.transform\] nothing has been learned yet. Call fit"):
        kind().transform(TRAIN)
    with pytest.raises(RuntimeError, match="nothing has been learned"):
        kind().inverse_transform(TRAIN)
    with pytest.raises(ValueError, match="is empty"):
        kind().fit(np.zeros((0, 3)))
    t = kind().fit(TRAIN)
    with pytest.raises(ValueError, match=r"NaN or infinite; the first is x\[1, 2\]"):
        t.fit(np.where(TRAIN == 0, np.nan, TRAIN))
    with pytest.raises(ShapeError, match=r"expected x of shape \(N, 3\), as in fit. Received: shape \(1, 4\)"):
        t.transform(np.zeros((1, 4)))
    with pytest.raises(ShapeError, match=r"needs its batch axis: x\[None\]"):
        t.transform(np.zeros(3))
    with pytest.raises((TypeError, ValueError)):
        t.fit([["a", "b"]])
    t.transform(TRAIN)  # what was learned is still there


def test_bad_arguments() -> None:
    for bad in ((1, 1), (2, 1), 3, ("a", "b"), (0, np.inf)):
        with pytest.raises(ValueError, match="feature_range must be two numbers"):
            MinMaxScaler(bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="clip must be True or False"):
        MinMaxScaler(clip=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="with_std must be True or False"):
        StandardScaler(with_std="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="column 1 spreads wider than float64"):
        MinMaxScaler().fit(np.array([[0.0, -1.5e308], [1.0, 1.5e308]]))
