"""Draw a model in Graphviz' language: `model_to_dot`, for those who lay it out themselves. `plot_model` needs no Graphviz."""

from __future__ import annotations

from typing import Any

from .drawing import Box, boxes, checked, escaped


class Dot(str):
    """The text of a drawing in Graphviz' language."""

    def to_string(self) -> str:
        """The text."""
        return str(self)


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **unknown: Any,
) -> Dot:
    """A model as a graph in Graphviz' language: a node for each layer, an edge from each to the next.

    Args:
        model: a model, built or not.
        show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable: as for `plot_model`.
        rankdir: "TB": from top to bottom, "LR": from left to right. Default "TB".
        dpi, splines: attributes of the graph.
        subgraph: leave the graph open to stand within another, as a cluster. Default False.

    Returns:
        The text, e.g. for a file that the program ``dot`` reads.

    >>> import gpudl
    >>> text = model_to_dot(gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3, name="out")]))
    >>> text.startswith("digraph"), "out (Dense)" in text, "n0 -> n1" in text
    (True, True, True)
    """
    shows = {
        "shapes": show_shapes,
        "dtype": show_dtype,
        "names": show_layer_names,
        "nested": expand_nested,
        "activations": show_layer_activations,
        "trainable": show_trainable,
    }
    checked("model_to_dot", model, rankdir, unknown, model_to_dot)
    found = [Box("Input", "Input", [], 0), *boxes(model.layers, model._batch_shape, shows)]
    name = str(model.name).replace('"', "'")
    lines = [f'subgraph "cluster_{name}" {{' if subgraph else f'digraph "{name}" {{']
    lines.append(f"  graph [rankdir={rankdir}, dpi={int(dpi)}, splines={'ortho' if splines == 'ortho' else 'true'}];")
    lines.append("  node [shape=box, style=rounded];")
    for i, box in enumerate(found):
        text = "\\n".join(escaped(line).replace("\\", "\\\\").replace('"', '\\"') for line in (box.title, *box.lines))
        lines.append(f'  n{i} [label="{text}"];')
    lines += [f"  n{i} -> n{i + 1};" for i in range(len(found) - 1)]
    return Dot("\n".join([*lines, "}"]) + "\n")


__all__ = ["model_to_dot"]
