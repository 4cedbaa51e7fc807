"""Look at labels on the host, before a fit changes anything: `check_labels` raises where they do not fit the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from .base import Loss, LossFunction
from .focal import FOCAL, KINDS
from .functions import binary_crossentropy, categorical_crossentropy, mean_squared_error, sparse_categorical_crossentropy
from .objects import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from .regression import REGRESSION, CategoricalHinge, categorical_hinge

Array = np.ndarray[Any, Any]
Shape = tuple[int | None, ...]

_kinds: dict[Any, str] = {
    mean_squared_error: "squared",
    binary_crossentropy: "binary",
    categorical_crossentropy: "categorical",
    sparse_categorical_crossentropy: "sparse",
    **{function: "categorical" if function is categorical_hinge else "squared" for function in REGRESSION},
    **{function: KINDS[c] for function, c in FOCAL.items()},
}
_classes: dict[type[Loss], str] = {
    MeanSquaredError: "squared",
    BinaryCrossentropy: "binary",
    CategoricalCrossentropy: "categorical",
    SparseCategoricalCrossentropy: "sparse",
    **{c: "categorical" if c is CategoricalHinge else "squared" for c in REGRESSION.values()},
    **KINDS,
}


def check_labels(loss: Loss | None, y: Array, output_shape: Shape, what: str = "y") -> None:
    """Raise if labels do not fit one of our losses and the model's output; a loss of the user's own is not judged.

    Args:
        loss: as compiled.
        y: labels, one row a sample.
        output_shape: of the model; the batch and unknown sizes are None.
        what: how the user calls the labels: "y", "validation_data y".

    Raises:
        ShapeError: for a wrong shape, e.g. the width of one-hot rows.
        ValueError: for class numbers outside the classes, NaN or infinity; with value and place.

    >>> import numpy as np
    >>> from gpudl.losses import CategoricalCrossentropy
    >>> check_labels(CategoricalCrossentropy(), np.eye(3), (None, 3))
    >>> check_labels(CategoricalCrossentropy(), np.array([0, 1, 2]), (None, 3))
    Traceback (most recent call last):
        ...
    gpudl.errors.ShapeError: [categorical_crossentropy] needs one-hot labels of shape (N, 3). Received:...
    """
    kind = _kinds.get(loss.function) if isinstance(loss, LossFunction) else _classes.get(type(loss)) if loss else None
    if kind is None or loss is None:
        return
    y = np.asarray(y)
    if not y.size:
        raise ValueError(f"[{loss.name}] {what} is empty: received shape {y.shape}")
    if y.dtype.kind not in "biufV":
        raise TypeError(f"[{loss.name}] {what} must hold numbers. Received: dtype {y.dtype}. Class names become numbers by numpy.unique")
    check = {"squared": _squared, "binary": _binary, "categorical": _categorical, "sparse": _sparse}[kind]
    check(loss, y, output_shape, what)


def place(y: Array, wrong: Array, what: str) -> str:
    """`y[3] = 7 (2 in all)`: the first of the wrong entries."""
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    count = int(np.count_nonzero(wrong))
    return f"{what}[{', '.join(map(str, first))}] = {y[first]}" + (f" ({count} such values in all)" if count > 1 else "")


def _finite(loss: Loss, y: Array, what: str) -> None:
    if y.dtype.kind in "fV":
        wrong = ~np.isfinite(y.astype(np.float32) if y.dtype.kind == "V" else y)
        if wrong.any():
            raise ValueError(f"[{loss.name}] {what} holds NaN or infinity: {place(y, wrong, what)}. Drop or mend these rows first")


def _fits(shape: Shape, expected: Shape) -> bool:
    return len(shape) == len(expected) and all(e is None or s == e for s, e in zip(shape, expected))


def _show(shape: Shape) -> str:
    sizes = ["?" if n is None else str(n) for n in shape[1:]]
    return f"(N, {', '.join(sizes)})" if sizes else "(N,)"


def _same_shape(loss: Loss, y: Array, output: Shape, what: str) -> bool:
    """Whether the labels have the output's shape, up to a last axis of size 1."""
    shape: Shape = (None, *y.shape[1:])
    expected: Shape = (None, *output[1:])
    if _fits(y.shape[1:], output[1:]):
        return True
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        return _fits(y.shape[1:], output[1:-1])
    return len(shape) == len(expected) + 1 and shape[-1] == 1 and _fits(y.shape[1:-1], output[1:])


def _squared(loss: Loss, y: Array, output: Shape, what: str) -> None:
    if not _same_shape(loss, y, output, what):
        raise ShapeError(
            f"[{loss.name}] the labels must have the model's output shape {_show(output)}. Received: {what} of shape {y.shape}. "
            "Change the last layer's units or the labels"
        )
    _finite(loss, y, what)


def _binary(loss: Loss, y: Array, output: Shape, what: str) -> None:
    if not _same_shape(loss, y, output, what):
        hint = "Two classes need one output: Dense(1, activation='sigmoid')"
        if output[-1] is not None and output[-1] > 1 and (y.ndim == 1 or y.shape[-1] == 1):
            hint += f"; for {output[-1]} classes use 'sparse_categorical_crossentropy'"
        elif output[-1] == 1 and y.ndim > 1 and y.shape[-1] > 1:
            hint = f"For {y.shape[-1]} classes end in Dense({y.shape[-1]}, activation='softmax') with 'categorical_crossentropy'"
        raise ShapeError(
            f"[{loss.name}] the labels must have the model's output shape {_show(output)}. Received: {what} of shape {y.shape}. {hint}"
        )
    _finite(loss, y, what)
    wrong = (y < 0) | (y > 1)
    if wrong.any():
        raise ValueError(
            f"[{loss.name}] labels lie between 0 and 1. Received: {place(y, wrong, what)}. For more than two classes use "
            "'sparse_categorical_crossentropy'; labels -1 and 1 become 0 and 1 by (y + 1) / 2"
        )


def _axis(loss: Loss, output: Shape) -> int:
    return int(getattr(loss, "axis", -1)) % len(output)


def _categorical(loss: Loss, y: Array, output: Shape, what: str) -> None:
    axis = _axis(loss, output)
    classes = output[axis]
    rows = (*output[1:axis], *output[axis + 1 :])
    if classes == 1:
        raise ShapeError(
            f"[{loss.name}] the model has one output, so there is one class and nothing to learn. One output says yes or no: end in "
            "Dense(1, activation='sigmoid') with 'binary_crossentropy'"
        )
    if _fits(y.shape[1:], rows) or (y.ndim == len(output) and y.shape[axis] == 1):
        raise ShapeError(
            f"[{loss.name}] needs one-hot labels of shape {_show(output)}. Received: {what} of shape {y.shape}, which looks like class "
            "numbers. Use loss='sparse_categorical_crossentropy', or make them one-hot: "
            f"gpudl.utils.to_categorical({what.split()[-1]}, {classes})"
        )
    if not _fits(y.shape[1:], output[1:]):
        hint = ""
        if y.ndim == len(output) and classes is not None and y.shape[axis] != classes:
            width = y.shape[axis]
            hint = f" The labels have {width} classes, the model's output {classes}: the last layer should have {width} units"
        raise ShapeError(f"[{loss.name}] needs one-hot labels of shape {_show(output)}. Received: {what} of shape {y.shape}.{hint}")
    _finite(loss, y, what)
    wrong = y < 0
    if wrong.any():
        raise ValueError(f"[{loss.name}] targets cannot be negative. Received: {place(y, wrong, what)}")


def _sparse(loss: Loss, y: Array, output: Shape, what: str) -> None:
    axis = _axis(loss, output)
    classes = output[axis]
    rows: Shape = (*output[1:axis], *output[axis + 1 :])
    if y.ndim == len(output) and y.shape[axis] == 1 and _fits(y.shape[1:], (*output[1:axis], 1, *output[axis + 1 :])):
        pass
    elif y.ndim == len(output) and y.shape[axis] > 1 and _fits(y.shape[1:], output[1:]):
        raise ShapeError(
            f"[{loss.name}] needs class numbers of shape {_show((None, *rows))}. Received: {what} of shape {y.shape}, which looks one-hot. "
            f"Use loss='categorical_crossentropy', or {what.split()[-1]}.argmax(-1)"
        )
    elif not _fits(y.shape[1:], rows):
        raise ShapeError(f"[{loss.name}] needs class numbers of shape {_show((None, *rows))}. Received: {what} of shape {y.shape}")
    _finite(loss, y, what)
    if y.dtype.kind in "fV":
        wrong = y != np.floor(y)
        if wrong.any():
            raise ValueError(f"[{loss.name}] class numbers must be whole. Received: {place(y, wrong, what)}")
    if classes is None:
        return
    wrong = (y < 0) | (y >= classes)
    ignored = getattr(loss, "ignore_class", None)
    if ignored is not None:
        wrong &= y != ignored
    if wrong.any():
        hint = "Classes count from 0" if int(y.min()) == 1 and int(y.max()) == classes else f"The last layer has {classes} units"
        if classes == 1:
            hint = "One output says yes or no: end in Dense(1, activation='sigmoid') with 'binary_crossentropy'"
        raise ValueError(
            f"[{loss.name}] class numbers must lie between 0 and {classes - 1}, for {classes} classes. "
            f"Received: {place(y, wrong, what)}. {hint}"
        )
