"""Compare gradients with differences (`check_grads`); make leaves, weights and gradients of whatever a function returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import autograd, backends, dtypes
from ..autograd import Node
from ..tensors import Storage, Tensor, wrap
from .compare import UNIT

LAYOUTS = ("strided", "transposed", "reversed")


def check_grads(
    function: Callable[..., Any],
    *arrays: Any,
    wrt: Sequence[int] | None = None,
    order: int = 1,
    directions: int = 2,
    tolerance: float = 1e-6,
    step: float = 1e-5,
) -> None:
    """Compare the gradients of a function with central differences along random directions, in float64.

    Args:
        function: takes tensors, returns a tensor or several.
        arrays: where; float arrays are taken as float64.
        wrt: the numbers of the arrays to differentiate by; default: all float arrays.
        order: 2 also checks the gradient of the gradient (the function must allow `create_graph`), by arrays and incoming gradients.
        directions: how many random directions.
        tolerance: relative to the sum of the absolute contributions to the derivative.
        step: of the differences.

    Raises:
        AssertionError: if the gradient is wrong, or if the function bends sharply within the step, which is said.

    >>> import gpudl
    >>> check_grads(lambda x: x * x, [1.0, 2.0], order=2)
    """
    points = [np.asarray(a) for a in arrays]
    points = [a.astype(np.float64) if a.dtype.kind == "f" or a.dtype == dtypes.bfloat16 else a for a in points]
    chosen = [i for i, a in enumerate(points) if a.dtype == np.float64] if wrt is None else list(wrt)
    rng = np.random.default_rng(11)
    leaves = tensors_for(points, chosen)
    outs = tensors_in(function(*leaves))
    weights = random_weights(outs)
    given = gradients_of(outs, [leaves[i] for i in chosen], [Tensor(w) for w in weights])
    for i, g in zip(chosen, given):
        assert g is None or (g.shape == points[i].shape and g.dtype == np.float64), f"gradient {i} is {g.dtype} {g.shape}"

    def value(moves: dict[int, Any], h: float) -> float:
        results = tensors_in(function(*tensors_for([a + h * moves[i] if i in moves else a for i, a in enumerate(points)], chosen)))
        return float(sum((t.numpy().astype(np.float64) * w).sum() for t, w in zip(results, weights) if dtypes.is_float(t.dtype)))

    with np.errstate(invalid="ignore"):
        for _ in range(directions):
            moves = {i: rng.standard_normal(points[i].shape) for i in chosen}
            parts = [(g.numpy() * moves[i]) for i, g in zip(chosen, given) if g is not None]
            analytic, weight = float(sum(p.sum() for p in parts)), float(sum(np.abs(p).sum() for p in parts))
            here = value(moves, 0.0)
            limit = tolerance * max(weight, 1e-3) + 64 * UNIT["float64"] * abs(here) / step
            numeric = difference(value, moves, step)
            if not abs(analytic - numeric) <= limit:
                fine = difference(value, moves, step / 8)
                ahead, behind = (value(moves, step) - here) / step, (here - value(moves, -step)) / step
                ahead8, behind8 = (value(moves, step / 8) - here) * 8 / step, (here - value(moves, -step / 8)) * 8 / step
                kinked = abs(numeric - fine) > limit or (abs(ahead - behind) > limit and abs(ahead8 - behind8) > 0.5 * abs(ahead - behind))
                why = "; the function bends sharply there: move the inputs away from its kink" if kinked else ""
                raise AssertionError(f"order {3 - order if order > 1 else 1}: gradient {analytic!r}, differences {numeric!r}{why}")
    if order > 1:
        count = len(points)

        def first(*tensors: Tensor) -> Any:
            made = tensors_in(function(*tensors[:count]))
            found = gradients_of(made, [tensors[i] for i in chosen], tensors[count:], create_graph=True)
            return [g for g in found if g is not None]

        seeds = [i + count for i, t in enumerate(outs) if t.edge is not None]  # the incoming gradients are inputs of the gradient, too
        try:
            check_grads(
                first, *points, *weights, wrt=[*chosen, *seeds], order=order - 1, directions=directions, tolerance=tolerance * 10, step=step
            )
        except AssertionError as error:
            raise AssertionError(f"gradient of the gradient: {error}") from None


def difference(value: Callable[[dict[int, Any], float], float], moves: dict[int, Any], h: float) -> float:
    return (value(moves, h) - value(moves, -h)) / (2 * h)


def tensors_in(result: Any) -> list[Tensor]:
    """All tensors of a result: one, or those of a (nested) list or tuple."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, dict):
        result = list(result.values())
    return [t for part in result for t in tensors_in(part)] if isinstance(result, (list, tuple)) else []


def gradients_of(outs: Sequence[Tensor], leaves: Sequence[Tensor], weights: Sequence[Tensor], create_graph: bool = False) -> list[Any]:
    """d(sum of outs * weights) / d leaves, None where nothing depends."""
    used = [(t, w) for t, w in zip(outs, weights) if t.edge is not None]
    if not used or not leaves:
        return [None] * len(leaves)
    found = autograd.grad([t for t, _ in used], list(leaves), [w for _, w in used], retain_graph=create_graph, create_graph=create_graph)
    return list(found)


def random_weights(outs: Iterable[Tensor], seed: int = 7) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(t.shape).astype(t.dtype if dtypes.is_float(t.dtype) else np.float64) for t in outs]


def tensors_for(arrays: Sequence[Any], wanted: Sequence[int], layout: str = "") -> list[Tensor]:
    """Arrays as tensors of their own, those in `wanted` as leaves."""
    made = [Tensor(a) if not layout else laid_out(a, layout) for a in arrays]
    for i in wanted:
        made[i].requires_grad = True
    return made


def laid_out(array: np.ndarray[Any, Any], layout: str) -> Tensor:
    """A tensor with the same elements in memory of another order: every second element, axes swapped, or backwards."""
    if layout == "strided":
        memory = np.full([2 * n + 1 for n in array.shape], 77).astype(array.dtype)
        every_second: tuple[Any, ...] = (..., *[slice(1, None, 2)] * array.ndim)
        seen = memory[every_second]
    elif layout == "transposed":
        memory = np.empty(array.shape[::-1], array.dtype)
        seen = memory.T
    else:
        memory = np.empty(array.shape, array.dtype)
        backwards: tuple[Any, ...] = (..., *[slice(None, None, -1)] * array.ndim)
        seen = memory[backwards]
    seen[...] = array
    root = Tensor(0.0).storage.backend.from_host(memory)
    offset = seen.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    backend = backends.get()
    return wrap(backend.view(backend.flat_bytes(root), offset, seen.shape, seen.strides, seen.dtype), Storage(root, backend))


def ops_on_tape(outs: Iterable[Tensor]) -> set[str]:
    """Names of the ops, views included, that tensors were computed by."""
    stack = [t.edge[0] for t in outs if t.edge is not None and isinstance(t.edge[0], Node)]
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(e[0] for e in node.edges if e is not None and isinstance(e[0], Node))
    return {node.op.name for node in seen}
