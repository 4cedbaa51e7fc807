"""Draw a model as boxes and arrows: `plot_model` writes SVG by itself, without Graphviz."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from os import PathLike
from typing import Any, NamedTuple

from ..errors import unknown_keyword
from ..models.summary import printable, shape_text

TITLE, SMALL = 15, 12  # sizes of letters
LINE, PAD, GAP = 19, 12, 30  # height of a line, space within a box, space between boxes
WIDTH, BOLD = 0.61, 0.68  # of a letter, in its size: wider than most, so that text stays within its box
FAMILIES = {  # (edge and title, inside) by what a class name holds
    "Input": ("#5f6b7a", "#f1f3f5"),
    "Dense": ("#1c62b9", "#e8f1fc"),
    "Conv": ("#1c62b9", "#e8f1fc"),
    "Embedding": ("#1c62b9", "#e8f1fc"),
    "Norm": ("#23803c", "#e9f7ec"),
    "Rescaling": ("#23803c", "#e9f7ec"),
    "Drop": ("#b3362f", "#fdeceb"),
    "Noise": ("#b3362f", "#fdeceb"),
    "Pool": ("#6b4fb3", "#f1edfb"),
    "RNN": ("#0b7a83", "#e5f6f7"),
    "LSTM": ("#0b7a83", "#e5f6f7"),
    "GRU": ("#0b7a83", "#e5f6f7"),
    "Bidirectional": ("#0b7a83", "#e5f6f7"),
    "Activation": ("#a86200", "#fdf3e2"),
    "LU": ("#a86200", "#fdf3e2"),
    "Softmax": ("#a86200", "#fdf3e2"),
}
OTHER = ("#5f6b7a", "#f1f3f5")


class Drawing(str):
    """The text of an SVG file; a notebook shows it as a picture."""

    def _repr_svg_(self) -> str:
        return str(self)


class Box(NamedTuple):
    """One layer: what stands in its box, and how deep it is nested."""

    kind: str
    title: str
    lines: list[str]
    depth: int

    @property
    def width(self) -> float:
        return max(letters(self.title) * TITLE * BOLD, *[letters(line) * SMALL * WIDTH for line in self.lines], 110.0) + 2 * PAD

    @property
    def height(self) -> float:
        return PAD * 1.4 + LINE * (len(self.lines) + 1)


def plot_model(
    model: Any,
    to_file: str | PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **unknown: Any,
) -> Drawing:
    """Draw a model: a box for each layer with its class and its number of parameters, an arrow from each to the next.

    Args:
        model: a model, built or not.
        to_file: where to write the drawing, ending in ".svg"; None: nowhere. Default "model.svg".
        show_shapes: say the shape of each output. Default False.
        show_dtype: say in which dtype each layer computes. Default False.
        show_layer_names: say the layers' names. Default False.
        rankdir: "TB": from top to bottom, "LR": from left to right. Default "TB".
        expand_nested: draw the layers of models that are layers. Default False.
        dpi, splines: taken, without effect: SVG has no dots, and the arrows are straight.
        show_layer_activations: say the activation function of layers that have one. Default False.
        show_trainable: say of layers with weights whether they learn. Default False.

    Returns:
        The SVG as text; a notebook shows it as a picture.

    Raises:
        TypeError: if `model` is no model.
        ValueError: for another kind of file or direction.
        FileNotFoundError: if there is no such folder.

    >>> import gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3)])
    >>> drawing = plot_model(model, to_file=None, show_shapes=True)
    >>> "(None, 3)" in drawing, "15 parameters" in drawing
    (True, True)
    """
    checked("plot_model", model, rankdir, unknown, plot_model)
    shows = {
        "shapes": show_shapes,
        "dtype": show_dtype,
        "names": show_layer_names,
        "nested": expand_nested,
        "activations": show_layer_activations,
        "trainable": show_trainable,
    }
    first = Box("Input", "Input", [shape_text(model._batch_shape)] if show_shapes and model._batch_shape else [], 0)
    drawing = Drawing("\n".join(svg([first, *boxes(model.layers, model._batch_shape, shows)], rankdir == "TB", model.name)) + "\n")
    if to_file is not None:
        write(os.fspath(to_file), drawing)
    return drawing


def checked(where: str, model: Any, rankdir: str, unknown: Any, function: Any) -> None:
    """Raise for what is no model, for unknown keywords and directions."""
    for keyword in unknown:
        raise unknown_keyword(where, keyword, [*function.__code__.co_varnames[: function.__code__.co_argcount]])
    if not isinstance(getattr(model, "layers", None), list):
        raise TypeError(f"[{where}] a model is expected. Received: {model!r}")
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"[{where}] rankdir must be 'TB' (top to bottom) or 'LR' (left to right). Received: rankdir={rankdir!r}")


def write(path: str, text: str) -> None:
    if not path.lower().endswith(".svg"):
        stem = os.path.splitext(path)[0]
        raise ValueError(f"[plot_model] drawings are SVG: write to_file={stem + '.svg'!r}. Received: to_file={path!r}")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"[plot_model] the folder {folder!r} does not exist")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def boxes(layers: list[Any], shape: Any, shows: dict[str, bool], depth: int = 0) -> Iterator[Box]:
    for layer in layers:
        before = shape
        if shape is not None:
            try:
                shape = layer.compute_output_shape(shape)
            except (ValueError, NotImplementedError):
                shape = None
        kind, lines = type(layer).__name__, []
        if kind == "InputLayer" and not depth:
            continue  # drawn already
        if shows["shapes"]:
            lines.append("? " if shape is None else shape_text(shape))
        name = getattr(getattr(layer, "activation", None), "__name__", None)
        if shows["activations"] and name is not None:
            lines.append(f"activation: {name}")
        if layer.weights or not layer.built:
            lines.append(f"{sum(v.size for v in layer.weights):,} parameters" if layer.built else "not built")
        if shows["trainable"] and layer.weights:
            lines.append("trainable" if layer.trainable else "frozen")
        if shows["dtype"]:
            lines.append(f"dtype: {layer.compute_dtype}")
        yield Box(kind, f"{layer.name} ({kind})" if shows["names"] else kind, lines, depth)
        inner = getattr(layer, "layers", None)
        if shows["nested"] and isinstance(inner, list):
            yield from boxes(inner, getattr(layer, "_batch_shape", None) or before, shows, depth + 1)


def svg(found: list[Box], down: bool, name: str) -> Iterator[str]:
    widest, highest = max(b.width for b in found), max(b.height for b in found)
    indent = 24
    deepest = max(b.depth for b in found) * indent
    if down:
        across, along = widest + deepest, sum(b.height for b in found) + GAP * (len(found) - 1)
    else:
        across, along = highest + deepest, sum(b.width for b in found) + GAP * (len(found) - 1)
    width, height = (across, along) if down else (along, across)
    margin = 16
    full = f'width="{width + 2 * margin:.0f}" height="{height + 2 * margin:.0f}"'
    view = f'viewBox="0 0 {width + 2 * margin:.0f} {height + 2 * margin:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {full} {view} font-family="DejaVu Sans, Verdana, sans-serif">'
    yield f"<title>{escaped(name)}</title>"
    yield '<rect width="100%" height="100%" fill="#ffffff"/>'
    at, ends = float(margin), None
    for box in found:
        shift = margin + box.depth * indent
        if down:
            x, y, w, h = float(shift), at, widest, box.height
            at += h + GAP
            start, end = (x + w / 2, y), (x + w / 2, y + h)
        else:
            x, y, w, h = at, float(shift), box.width, highest
            at += w + GAP
            start, end = (x, y + h / 2), (x + w, y + h / 2)
        if ends is not None:
            yield from arrow(ends, start, down)
        ends = end
        yield from drawn(box, x, y, w, h)
    yield "</svg>"


def drawn(box: Box, x: float, y: float, w: float, h: float) -> Iterator[str]:
    edge, inside = next((colours for part, colours in FAMILIES.items() if part in box.kind), OTHER)
    yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="7" fill="{inside}" stroke="{edge}" stroke-width="1.5"/>'
    middle = x + w / 2
    top = y + (h - LINE * (len(box.lines) + 1)) / 2
    base = top + LINE - 5
    yield (
        f'<text x="{middle:.1f}" y="{base:.1f}" text-anchor="middle" font-size="{TITLE}" font-weight="bold" fill="{edge}">'
        f"{escaped(box.title)}</text>"
    )
    for i, line in enumerate(box.lines, 1):
        place = f'x="{middle:.1f}" y="{base + i * LINE:.1f}" text-anchor="middle"'
        yield f'<text {place} font-size="{SMALL}" fill="#30363d">{escaped(line)}</text>'


def arrow(a: tuple[float, float], b: tuple[float, float], down: bool) -> Iterator[str]:
    """From the end of one box to the beginning of the next; with a step where the next is nested deeper, or less deep."""
    (x1, y1), (x2, y2) = a, b
    tip = 7
    if down:
        path = f"M{x1:.1f} {y1:.1f} V{(y1 + y2 - tip) / 2:.1f} H{x2:.1f} V{y2 - tip:.1f}"
        head = f"{x2:.1f},{y2:.1f} {x2 - 4.5:.1f},{y2 - tip - 1:.1f} {x2 + 4.5:.1f},{y2 - tip - 1:.1f}"
    else:
        path = f"M{x1:.1f} {y1:.1f} H{(x1 + x2 - tip) / 2:.1f} V{y2:.1f} H{x2 - tip:.1f}"
        head = f"{x2:.1f},{y2:.1f} {x2 - tip - 1:.1f},{y2 - 4.5:.1f} {x2 - tip - 1:.1f},{y2 + 4.5:.1f}"
    yield f'<path d="{path}" fill="none" stroke="#5f6b7a" stroke-width="1.5"/>'
    yield f'<polygon points="{head}" fill="#5f6b7a"/>'


def letters(text: str) -> int:
    """How many letters wide a text is; those of East Asia count twice."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def escaped(text: str) -> str:
    """Text as it may stand in an SVG file."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


__all__ = ["plot_model"]
