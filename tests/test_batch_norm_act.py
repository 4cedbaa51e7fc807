"""Batch norm with its activation in one op gives the bits of the two ops, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpudl import Tensor, ops, testing

ACTIVATIONS: dict[str, tuple[dict[str, Any], Callable[[Tensor], Tensor]]] = {
    "relu": ({}, ops.relu),
    "leaky_relu": ({"activation": "leaky_relu"}, ops.leaky_relu),
    "falling": ({"activation": "leaky_relu", "negative_slope": -0.5}, lambda z: ops.leaky_relu(z, -0.5)),
}


def results(dtype: str, shape: tuple[int, ...], function: Callable[..., Tensor], mode: str) -> list[Any]:
    """The output, the moving statistics and the gradients of x and of the vectors."""
    rng = np.random.default_rng(0)
    c = shape[-1]
    x, gamma, beta = (Tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in (shape, (c,), (c,)))
    statistics = [Tensor(rng.uniform(0.5, 1.0, c).astype(dtype)) for _ in range(2)]
    seed = Tensor(rng.standard_normal(shape).astype(dtype))
    with testing.use_kernels("numpy"):
        y = function(x, gamma, beta, *statistics) if mode == "training" else function(x, *statistics, -1, beta, gamma)
        y.backward(seed)
    return [y.detach(), *statistics, x.grad, gamma.grad, beta.grad]


@pytest.mark.parametrize("mode", ["training", "inference"])
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (7000, 3), (19, 37)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_same_bits_as_the_pair(activation: str, dtype: str, shape: tuple[int, ...], mode: str) -> None:
    options, after = ACTIVATIONS[activation]
    one, two = (ops.batch_norm_act, ops.batch_norm) if mode == "training" else (ops.batch_normalization_act, ops.batch_normalization)
    fused = results(dtype, shape, lambda *ins: one(*ins, **options), mode)
    pair = results(dtype, shape, lambda *ins: after(two(*ins)), mode)
    testing.assert_same_bits(fused, pair, f"{mode}, {dtype}")
