"""Bring the weights of files that Keras 1 wrote, or any Keras on Theano, into today's order and layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layers import GRU, LSTM, Bidirectional, Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Layer, TimeDistributed

Array = np.ndarray[Any, Any]


def converted(layer: Layer, arrays: list[Array], version: str, backend: str | None = None) -> list[Array]:
    """The arrays of a layer, as today's layer has them.

    Args:
        layer: of today.
        arrays: in the order of the file.
        version: of Keras, that wrote it.
        backend: that it ran on. Theano flipped the kernels of convolutions.

    >>> import gpudl
    >>> kernel = np.ones((5, 1, 3, 2))  # steps, 1, inputs, filters
    >>> [a.shape for a in converted(gpudl.layers.Conv1D(2, 5), [kernel, np.ones(2)], "1.2.2")]
    [(5, 3, 2), (2,)]
    """
    if isinstance(layer, Bidirectional):
        half = len(arrays) // 2
        parts = zip((layer.forward_layer, layer.backward_layer), (arrays[:half], arrays[half:]))
        return [a for part, own in parts for a in converted(part, own, version, backend)]
    if isinstance(layer, TimeDistributed):
        return converted(layer.layer, arrays, version, backend)
    if isinstance(layer, Conv1D | Conv1DTranspose | Conv2D | Conv2DTranspose) and arrays:
        kernel = today(layer, arrays[0]) if version.startswith("1") else arrays[0]
        if backend == "theano":
            kernel = np.flip(kernel, tuple(range(kernel.ndim - 2)))
        return [kernel, *arrays[1:]]
    if version.startswith("1") and isinstance(layer, LSTM) and len(arrays) == 12:  # W, U, b of the gates i, c, f, o
        return [np.concatenate([arrays[3 * gate + part] for gate in (0, 2, 1, 3)], -1) for part in range(3)]
    if version.startswith("1") and isinstance(layer, GRU) and len(arrays) == 9:  # of z, r, h
        return [np.concatenate([arrays[3 * gate + part] for gate in range(3)], -1) for part in range(3)]
    return arrays


def today(layer: Any, kernel: Array) -> Array:
    """The kernel of a convolution, from the layout of Keras 1."""
    if kernel.ndim != 4:
        return kernel
    if isinstance(layer, Conv1D):  # (steps, 1, inputs, filters), before 1.2 (filters, inputs, steps, 1)
        if kernel.shape[:2] != (layer.kernel_size[0], 1) or kernel.shape[3] != layer.filters:
            kernel = np.transpose(kernel, (2, 3, 1, 0))
        return kernel[:, 0]
    first = layer.data_format == "channels_first"
    if isinstance(layer, Conv2DTranspose):
        return np.transpose(kernel, (2, 3, 0, 1) if first else (0, 1, 3, 2))
    return np.transpose(kernel, (2, 3, 1, 0)) if first else kernel


__all__ = ["converted"]
