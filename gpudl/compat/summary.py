"""Draw the table of `model.summary()` as Keras 2 did: columns without borders, under lines of `_` and `=`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..models.summary import memory, numbers, printable, rows


def lines(
    model: Any,
    line_length: int | None,
    positions: Sequence[float] | None,
    expand: bool,
    trainable: bool,
    to_terminal: bool,
    layer_range: Any = None,
) -> Iterator[str]:
    """The lines of a model's summary; the arguments are those of `gpudl.models.summary.lines`."""
    length = line_length or 65
    ends = [int(p * length) if p <= 1 else int(p) for p in (positions or (0.45, 0.85, 1.0))]
    header = ["Layer (type)", "Output Shape", "Param #"]

    def row(cells: Sequence[str]) -> str:
        text = ""
        for cell, end in zip(cells, ends):
            text = (text + " " + cell if text else cell)[:end].ljust(end)
        return text.rstrip()

    yield printable(f'Model: "{model.name}"')
    yield "_" * length
    yield row(header)
    yield "=" * length
    body = list(rows(model.layers, model._batch_shape, expand, False, shown=numbers(model, layer_range)))
    for i, cells in enumerate(body):
        yield row([cells[0].replace("└", "`-"), *cells[1:3]])
        yield ("_" if i + 1 < len(body) else "=") * length
    weights, learning = model.weights, model.trainable_weights
    yield f"Total params: {sum(v.size for v in weights):,} ({memory(sum(v.nbytes for v in weights))})"
    yield f"Trainable params: {sum(v.size for v in learning):,}"
    yield f"Non-trainable params: {sum(v.size for v in weights) - sum(v.size for v in learning):,}"
    yield "_" * length


__all__ = ["lines"]
