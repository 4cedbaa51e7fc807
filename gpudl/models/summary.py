"""Draw the table that `model.summary()` prints, in box-drawing characters, or in ASCII where the terminal has no others."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import did_you_mean
from ..variables import Variable

BOX = {"top": "┏━┳┓", "head": "┃┃┃", "under": "┡━╇┩", "row": "│││", "between": "├─┼┤", "bottom": "└─┴┘"}
FLAG = len("Trainable") + 4  # a column with its borders and spaces
ASCII = {"top": "+-++", "head": "|||", "under": "+=++", "row": "|||", "between": "+-++", "bottom": "+-++"}


def memory(nbytes: float) -> str:
    """A size in bytes, to read.

    >>> memory(2060)
    '2.01 KB'
    """
    for unit in ("B", "KB", "MB", "GB"):
        if nbytes < 1024:
            return f"{nbytes:.2f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.2f} TB"


def shape_text(shape: Any) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def printable(text: str) -> str:
    """Text without control characters, which names may hold."""
    return "".join(c if c.isprintable() else "?" for c in text)


def rows(
    layers: Sequence[Any], shape: Any, expand: bool, trainable: bool, depth: int = 0, shown: range | None = None
) -> Iterator[list[str]]:
    """The cells of every layer; `shown` picks some by their numbers."""
    for i, layer in enumerate(layers):
        output = "?"
        if shape is not None:
            try:
                shape = layer.compute_output_shape(shape)
                output = shape_text(shape)
            except (ValueError, NotImplementedError):
                shape = None
        if shown is not None and i not in shown:
            continue
        indent = "   " * depth + "└ " if depth else ""
        weights = layer.weights
        params = f"{sum(v.size for v in weights):,}" if layer.built else "0 (unbuilt)"
        row = [printable(f"{indent}{layer.name} ({type(layer).__name__})"), output, params]
        if trainable:
            row.append("-" if not weights else "Y" if layer.trainable else "N")
        yield row
        inner = getattr(layer, "layers", None)
        if expand and isinstance(inner, list) and inner:
            yield from rows(inner, getattr(layer, "_batch_shape", None), expand, trainable, depth + 1)


def widths(line_length: int, positions: Sequence[float]) -> list[int]:
    ends = [int(p * line_length) if p <= 1 else int(p) for p in positions]
    found = [b - a for a, b in zip([0, *ends], ends)]
    if min(found) < 8:
        raise ValueError(f"[summary] the columns are too narrow. Received: line_length={line_length}, positions={list(positions)}")
    return [n - 3 for n in found[:-1]] + [found[-1] - 4]  # a border and two spaces; the last column has two borders


def wrapped(text: str, width: int) -> list[str]:
    lines, rest = [], text
    while len(rest) > width:
        at = rest.rfind(" ", 1, width + 1)
        at = width if at < 1 else at
        lines.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*lines, rest]


def table(header: list[str], body: list[list[str]], sizes: list[int], box: dict[str, str]) -> Iterator[str]:
    def rule(kind: str) -> str:
        left, line, middle, right = tuple(box[kind])
        return left + middle.join(line * (n + 2) for n in sizes) + right

    def lines(cells: list[str], kind: str) -> Iterator[str]:
        left, middle, right = tuple(box[kind])
        columns = [wrapped(text, n) for text, n in zip(cells, sizes)]
        for i in range(max(map(len, columns))):
            parts = [c[i] if i < len(c) else "" for c in columns]
            made = [p.rjust(n) if k == 2 else p.ljust(n) for k, (p, n) in enumerate(zip(parts, sizes))]
            yield f"{left} " + f" {middle} ".join(made) + f" {right}"

    yield rule("top")
    yield from lines(header, "head")
    yield rule("under")
    for i, cells in enumerate(body):
        if i:
            yield rule("between")
        yield from lines(cells, "row")
    yield rule("bottom")


def total(what: str, variables: Sequence[Variable]) -> str:
    return f" {what} params: {sum(v.size for v in variables):,} ({memory(sum(v.nbytes for v in variables))})"


def numbers(model: Any, layer_range: Any) -> range | None:
    """The numbers of the layers from one name to another, both included; names are the beginnings of regular expressions."""
    if layer_range is None:
        return None
    if not isinstance(layer_range, (list, tuple)) or len(layer_range) != 2 or not all(isinstance(n, str) for n in layer_range):
        raise ValueError(f"[summary] layer_range must be the names of two layers: [first, last]. Received: layer_range={layer_range!r}")
    names = [layer.name for layer in model.layers]
    found = [[i for i, name in enumerate(names) if re.match(wanted, name)] for wanted in layer_range]
    for wanted, at in zip(layer_range, found):
        if not at:
            raise ValueError(f"[summary] there is no layer {wanted!r}.{did_you_mean(wanted, names)} Layers: {', '.join(names)}")
    return range(min(found[0]), max(found[1]) + 1)


def lines(
    model: Any,
    line_length: int | None,
    positions: Sequence[float] | None,
    expand: bool,
    trainable: bool,
    to_terminal: bool,
    layer_range: Any = None,
) -> Iterator[str]:
    """The lines of a model's summary."""
    import shutil  # 4 ms

    header = ["Layer (type)", "Output Shape", "Param #"]
    positions = list(positions or (0.45, 0.80, 1.0))
    length = 88
    if trainable:
        header.append("Trainable")
        length += FLAG
    if line_length is None:
        line_length = max(48, min(length, shutil.get_terminal_size((length + 4, 24)).columns - 4))
    if trainable and len(positions) == 3:  # the fourth column takes what its header needs
        positions = [(p * line_length if p <= 1 else p) * (line_length - FLAG) / line_length for p in positions] + [line_length]
    if len(positions) != len(header):
        raise ValueError(f"[summary] positions must say where {len(header)} columns end. Received: {positions}")
    sizes = widths(line_length, positions)
    box = BOX if not to_terminal or can_print(BOX) else ASCII
    body = list(rows(model.layers, model._batch_shape, expand, trainable, shown=numbers(model, layer_range)))
    if box is ASCII:
        body = [[cell.replace("└", "`-") for cell in row] for row in body]
    yield printable(f'Model: "{model.name}"')
    yield from table(header, body, sizes, box)
    slots = getattr(model.optimizer, "variables", [])
    learning = getattr(model.optimizer, "_variables", [])
    everything = [*model.weights, *(slots if learning else [])]
    yield total("Total", everything)
    yield total("Trainable", model.trainable_weights)
    yield total("Non-trainable", model.non_trainable_weights)
    if learning:
        yield total("Optimizer", slots)


def can_print(box: dict[str, str]) -> bool:
    try:
        "".join(box.values()).encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


__all__ = ["lines", "memory"]
