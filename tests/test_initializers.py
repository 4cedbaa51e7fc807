"""Initializers draw what they promise, repeat with a seed, and are found by name; regularizers too."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import initializers as I
from gpudl import regularizers as R
from gpudl.errors import ShapeError
from gpudl.initializers import fans
from gpudl.random import set_seed

NAMES = sorted(I.table.classes)


def make(name: str) -> Any:
    return I.get(name)


@pytest.mark.parametrize("name", NAMES)
def test_shape_dtype_and_configuration(name: str) -> None:
    maker = make(name)
    for dtype in (None, "float64", "float16", "bfloat16"):
        value = maker((4, 6), dtype=dtype) if dtype else maker((4, 6))
        assert isinstance(value, gpudl.Tensor) and value.shape == (4, 6) and value.dtype == (dtype or "float32")
    again = I.get(json.loads(json.dumps(I.serialize(maker))))
    assert type(again) is type(maker) and again.get_config() == maker.get_config()
    assert repr(maker).startswith(name + "(")


SEEDED = [n for n in NAMES if "seed" in I.table.classes[n].fields]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SEEDED)
def test_seeds(name: str) -> None:
    fixed = I.table.classes[name](seed=3)  # type: ignore[call-arg]
    np.testing.assert_array_equal(fixed((5, 4)).numpy(), fixed((5, 4)).numpy())
    np.testing.assert_array_equal(I.get(I.serialize(fixed))((5, 4)).numpy(), fixed((5, 4)).numpy())
    free = make(name)
    set_seed(9)
    first, second = free((5, 4)).numpy(), free((5, 4)).numpy()
    assert (first != second).any(), "without a seed every weight is another"
    set_seed(9)
    np.testing.assert_array_equal(free((5, 4)).numpy(), first)
    with pytest.raises(ValueError, match="seed"):
        I.table.classes[name](seed=-1)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", SEEDED)
def test_float32_values_are_the_float64_ones_rounded(name: str) -> None:
    maker = I.table.classes[name](seed=5)  # type: ignore[call-arg]
    np.testing.assert_array_equal(maker((6, 5)).numpy(), maker((6, 5), dtype="float64").numpy().astype(np.float32))


@pytest.mark.parametrize("maker,variance,limit", [
    (I.GlorotUniform(seed=1), 2 / (300 + 200), math.sqrt(6 / 500)),
    (I.GlorotNormal(seed=1), 2 / (300 + 200), 2 * math.sqrt(2 / 500) / 0.8796256610342398),
    (I.HeUniform(seed=1), 2 / 300, math.sqrt(6 / 300)),
    (I.HeNormal(seed=1), 2 / 300, 2 * math.sqrt(2 / 300) / 0.8796256610342398),
    (I.LecunUniform(seed=1), 1 / 300, math.sqrt(3 / 300)),
    (I.LecunNormal(seed=1), 1 / 300, 2 * math.sqrt(1 / 300) / 0.8796256610342398),
    (I.TruncatedNormal(stddev=0.01, seed=1), 0.0001 * 0.8796256610342398**2, 0.02),
    (I.RandomNormal(stddev=0.2, seed=1), 0.04, math.inf),
    (I.RandomUniform(-0.3, 0.3, seed=1), 0.03, 0.3),
    (I.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=1), 3 / 200, math.inf),
])  # fmt: skip
def test_moments_and_limits(maker: I.Initializer, variance: float, limit: float) -> None:
    x = maker.host((300, 200), "float64")
    n = x.size
    deviation = math.sqrt(variance)
    assert abs(x.mean()) < 5 * deviation / math.sqrt(n)
    kurtosis = ((x - x.mean()) ** 4).mean() / x.var() ** 2
    assert abs(x.var() / variance - 1) < 5 * math.sqrt((kurtosis - 1) / n), "five standard errors"
    assert np.abs(x).max() <= limit and (limit == math.inf or np.abs(x).max() > 0.98 * limit)


def test_means() -> None:
    assert abs(I.RandomNormal(mean=2.0, seed=1).host((100, 100)).mean() - 2) < 0.005
    x = I.TruncatedNormal(mean=-1.0, stddev=0.1, seed=1).host((100, 100), "float64")
    assert x.min() >= -1.2 and x.max() <= -0.8


def test_fans() -> None:
    assert fans((4, 6)) == (4, 6) and fans((5,)) == (5, 5) and fans(()) == (1, 1) and fans((3, 2, 8, 16)) == (48, 96)
    kernel = I.HeNormal(seed=2).host((3, 3, 64, 128), "float64")
    assert abs(kernel.std() / math.sqrt(2 / (9 * 64)) - 1) < 0.01


def test_orthogonal() -> None:
    for shape in ((6, 4), (4, 6), (5, 5), (2, 3, 4)):
        q = I.Orthogonal(gain=2.0, seed=1).host(shape, "float64").reshape(-1, shape[-1])
        small = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
        np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)
    with pytest.raises(ShapeError):
        I.Orthogonal()((3,))


def test_constants() -> None:
    assert (I.Zeros()((2, 2)).numpy() == 0).all() and (I.Ones()((2, 2)).numpy() == 1).all()
    assert (I.Constant(0.5)((2, 2)).numpy() == 0.5).all()
    np.testing.assert_array_equal(I.Identity(3.0)((2, 3)).numpy(), 3 * np.eye(2, 3))
    with pytest.raises(ShapeError):
        I.Identity()((2, 2, 2))


def test_get() -> None:
    for found in (I.get("he_normal"), I.get("HeNormal"), I.get(I.HeNormal)):
        assert isinstance(found, I.HeNormal)
    aliases = {"normal": I.RandomNormal, "uniform": I.RandomUniform, "zero": I.Zeros, "one": I.Ones}
    assert all(type(I.get(name)) is kind for name, kind in aliases.items())
    assert I.get(None) is None
    maker = I.Ones()
    assert I.get(maker) is maker

    def own(shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
        return np.full(shape, 7.0)

    assert I.get(own) is own
    layer = gpudl.layers.Dense(2, kernel_initializer=own, bias_initializer=lambda shape, dtype=None: gpudl.Tensor(np.ones(shape)))
    layer.build((None, 3))
    assert (layer.kernel.numpy() == 7).all() and layer.bias is not None and (layer.bias.numpy() == 1).all()


@pytest.mark.parametrize("wrong,error,words", [
    ("he_norml", ValueError, "Did you mean 'he_normal'"),
    ("banana", ValueError, "Known: constant, glorot_normal"),
    (3, TypeError, "Received: 3"),
    (dict, TypeError, "derived from Initializer"),
    ({"class_name": "os.system", "config": {}}, ValueError, "unknown class 'os.system'"),
    ({"config": {}}, ValueError, "looks like"),
    ({"class_name": "HeNormal", "config": {"sed": 1}}, TypeError, "sed"),
])  # fmt: skip
def test_what_is_no_initializer(wrong: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        I.get(wrong)


@pytest.mark.parametrize("call,error", [
    (lambda: I.RandomNormal(stddev=-1), ValueError), (lambda: I.RandomNormal(stddev="1"), TypeError),
    (lambda: I.RandomUniform(1, 0), ValueError),
    (lambda: I.VarianceScaling(scale=0), ValueError), (lambda: I.VarianceScaling(mode="fan"), ValueError),
    (lambda: I.VarianceScaling(distribution="gamma"), ValueError), (lambda: I.Constant(math.nan), ValueError),
    (lambda: I.Ones()((-1,)), ShapeError),
    (lambda: I.Ones()("ab"), ShapeError), (lambda: I.Initializer()((2,)), NotImplementedError),
])  # fmt: skip
def test_refused_arguments(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"\["):
        call()


def test_regularizers() -> None:
    x = gpudl.Tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    assert float(R.L1(0.1)(x)) == pytest.approx(0.65) and float(R.L2(0.1)(x)) == pytest.approx(1.425)
    assert float(R.L1L2(0.1, 0.1)(x)) == pytest.approx(2.075) and float(R.L1L2()(x)) == 0
    R.L1L2(0.1, 0.5)(x).backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 0.1 * np.sign(x.numpy()) + x.numpy(), rtol=1e-6)
    assert R.L2(0.1)(gpudl.Tensor(np.ones(3))).dtype == "float64"
    assert R.get("l1").l1 == 0.01 and R.get("L2").l2 == 0.01 and R.l2(0.3).l2 == 0.3 and isinstance(R.get("l1_l2"), R.L1L2)
    assert R.get(R.serialize(R.L1L2(0.1, 0.2))).get_config() == {"l1": 0.1, "l2": 0.2}
    for call, error, words in (
        (lambda: R.L2(-1), ValueError, "l2=-1"), (lambda: R.L2("x"), TypeError, "l2='x'"),
        (lambda: R.get("l3"), ValueError, "unknown regularizer"),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            call()


def test_own_regularizer_is_used() -> None:
    layer = gpudl.layers.Dense(2, kernel_regularizer=lambda w: gpudl.ops.sum(w) * 3.0)
    layer.build((None, 4))
    assert float(layer.losses[0]) == pytest.approx(3 * float(layer.kernel.numpy().sum()), rel=1e-5)
