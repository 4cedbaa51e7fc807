"""Which candidate convolutions choose for which operands, with what reason against the others: pure functions, nothing runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from convolutions import BASE, FLOATS, OPS, Shape, covering, drawn
from emulated import FAST, needs_modules

pytestmark = needs_modules
FLAT = {"r": 1, "s": 1, "top": 0, "bottom": 0, "left": 0, "right": 0}
SQUARE = replace(BASE, c=64, k=64)
each_op = pytest.mark.parametrize("op", OPS)


def lines(op: str, shape: Shape, dtype: str, shift: int = 0, **device: int) -> list[str]:
    """What explain() says; the first input begins `shift` elements behind a multiple of 16 bytes."""
    shapes = {
        "conv2d": (shape.image, shape.kernel, shape.output),
        "conv2d_grad_input": (shape.output, shape.kernel, shape.image),
        "conv2d_grad_kernel": (shape.image, shape.output, shape.kernel),
    }[op]
    arrays = []
    for at, size in enumerate(shapes):
        count, item = int(np.prod(size)), np.dtype(FLOATS[dtype]).itemsize
        memory = np.zeros(count + 32, FLOATS[dtype])
        first = (-memory.ctypes.data % 16) // item + (shift if at == 0 else 0)
        arrays.append(memory[first : first + count].reshape(size))
    assert FAST.module is not None
    return list(FAST.module.explain(op, (arrays[2],), (arrays[0], arrays[1]), tuple(shape.slide), **device))


def chosen(op: str, shape: Shape, dtype: str, shift: int = 0, **device: int) -> str:
    """The convolution's own choice: a product of pixels makes another one after it."""
    found = [line for line in lines(op, shape, dtype, shift, **device) if line.startswith(f"{op}: ") and line.endswith(" chosen")]
    assert len(found) == 1
    return found[0].split(": ")[1].split(" ")[0]


CHOICES: list[Any] = [
    (SQUARE, "float32", "simt"),
    (SQUARE, "float64", "simt"),
    (SQUARE, "bfloat16", "tensor_cores"),
    (SQUARE, "float16", "tensor_cores"),
    (replace(SQUARE, c=3), "bfloat16", "tensor_cores"),
    (replace(SQUARE, stride_h=2, stride_w=2), "bfloat16", "tensor_cores"),
    (replace(SQUARE, dilation_h=2), "float32", "simt"),
    (replace(SQUARE, groups=3), "float16", "tensor_cores"),
    (replace(SQUARE, **FLAT), "bfloat16", "pointwise"),
    (replace(SQUARE, **FLAT, groups=2), "float32", "pointwise"),
    (replace(SQUARE, **{**FLAT, "h": 9, "w": 9}, stride_h=2, stride_w=2), "float32", "simt"),
    (replace(BASE, c=1, k=1, groups=16), "float32", "depthwise"),
    (replace(BASE, c=1, k=1, groups=16), "bfloat16", "depthwise"),
    (replace(BASE, c=1, k=1, groups=12), "bfloat16", "tensor_cores"),  # no whole packets of 8
    (replace(BASE, c=1, k=2, groups=16), "float32", "simt"),
]


@each_op
@pytest.mark.parametrize(("shape", "dtype", "expected"), CHOICES)
def test_choice(op: str, shape: Shape, dtype: str, expected: str) -> None:
    assert chosen(op, shape, dtype, sm=80) == expected
    assert chosen(op, shape, dtype, sm=75) == ("simt" if expected == "tensor_cores" else expected)
    assert chosen(op, shape, dtype, tier=0) == ("pointwise" if expected == "pointwise" else "simple")


@each_op
def test_operands_off_their_packets_are_taken_all_the_same(op: str) -> None:
    assert chosen(op, replace(BASE, c=1, k=1, groups=16), "float32", shift=1, sm=80) == "simt"
    assert chosen(op, SQUARE, "bfloat16", shift=1, sm=80) == "tensor_cores"
    packets = [line for line in lines(op, SQUARE, "bfloat16", sm=80) if line.startswith("launch ")]
    items = [line for line in lines(op, SQUARE, "bfloat16", shift=1, sm=80) if line.startswith("launch ")]
    assert packets != items


@each_op
def test_nothing_to_add(op: str) -> None:
    none = replace(BASE, n=0)
    if op == "conv2d_grad_kernel":
        assert chosen(op, none, "float32") == "simple"
    else:
        assert lines(op, none, "float32") == []


def test_a_stride_makes_a_launch_for_each_phase_that_has_pixels() -> None:
    def launches(shape: Shape) -> int:
        return sum(
            line.startswith("launch ") and "tile_mma_kernel" in line for line in lines("conv2d_grad_input", shape, "bfloat16", sm=80)
        )

    assert launches(SQUARE) == 1
    assert launches(replace(SQUARE, stride_h=2, stride_w=2)) == 4
    assert launches(replace(SQUARE, h=3, w=3, stride_h=4, stride_w=1, r=2)) == 3  # three rows have three remainders
    many = replace(SQUARE, h=40, w=40, stride_h=9, stride_w=9)
    assert chosen("conv2d_grad_input", many, "bfloat16", sm=80) == "simple"


@each_op
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("tier", [-1, 0, 1, 2])
def test_every_shape_is_taken(op: str, dtype: str, tier: int) -> None:
    for shape in [*covering(), *drawn(50, 5)]:
        assert chosen(op, shape, dtype, tier=tier) if shape.n or op == "conv2d_grad_kernel" else True
