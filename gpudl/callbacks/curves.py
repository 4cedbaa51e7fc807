"""Draw what every epoch measured, by Matplotlib, which is imported only then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any


def draw(history: Mapping[str, Sequence[float]], epochs: Mapping[str, Sequence[int]], path: str | PathLike[str] | None) -> Any:
    """A figure with one panel for each name, training and validation in it; written to a file, or shown where figures are shown."""
    names = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    if not names:
        raise ValueError("[History.plot] there is nothing to plot: no epoch has ended yet. Call fit() first")
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise ImportError("[History.plot] Matplotlib is missing; install it with: pip install 'gpudl[plot]'") from error
    columns = 2 if len(names) == 4 else min(len(names), 3)
    lines = math.ceil(len(names) / columns)
    size = (1.0 + 4.2 * columns, 3.4 * lines)
    if path is None:
        from matplotlib import pyplot

        figure: Any = pyplot.figure(figsize=size, layout="constrained")
    else:
        figure = Figure(figsize=size, layout="constrained")
    for panel, name in zip(figure.subplots(lines, columns, squeeze=False).flat, names):
        for key, label, style in ((name, "training", "-"), (f"val_{name}", "validation", "--")):
            values = history.get(key)
            if values:
                panel.plot([e + 1 for e in epochs[key]], values, style, label=label, marker="o" if len(values) < 2 else None)
        panel.set_title(name)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        seen = {e + 1 for key in (name, f"val_{name}") for e in epochs.get(key, ())}
        if len(seen) == 1:
            panel.set_xticks([*seen])  # else there would be fractions of an epoch around it
        panel.grid(alpha=0.3)
        if f"val_{name}" in history:
            panel.legend()
    for panel in figure.axes[len(names) :]:
        panel.set_visible(False)
    if path is not None:
        figure.savefig(path)
    return figure


__all__ = ["draw"]
