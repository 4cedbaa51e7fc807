"""Let training data in: turn what the user passed into arrays, check it before anything changes, keep it on the model's device."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..backends import Backend
from ..errors import DTypeError, ShapeError
from ..tensors import Storage, Tensor, host_array, wrap

Array = np.ndarray[Any, Any]
_START = np.zeros(1, np.int64)
SLICE = 0.1  # seconds between two looks at the progress bar


def to_array(value: Any, what: str, where: str = "fit") -> Array:
    """A host array of numbers from an array, a Tensor, a table or nested lists; a list of one array is that array.

    Raises TypeError or ValueError, naming `what`, for nothing, text, objects, ragged lists, several inputs and single numbers.
    """
    if value is None:
        raise ValueError(f"[{where}] {what} is missing. Pass an array with one row per example, e.g. model.fit(x, y)")
    if isinstance(value, (list, tuple)) and any(isinstance(v, (np.ndarray, Tensor)) for v in value):
        if len(value) == 1:
            value = value[0]
        elif any(getattr(v, "ndim", 0) >= 2 for v in value) and len({np.shape(v) for v in value}) > 1:
            raise ValueError(f"[{where}] {what} is a list of {len(value)} arrays, but a Sequential model has one input and one output")
    if hasattr(value, "to_numpy"):  # pandas, polars
        value = value.to_numpy()
    if isinstance(value, Tensor):
        array = value.numpy()
    else:
        try:
            array = host_array(value)
        except DTypeError as error:
            raise DTypeError(f"[{where}] {what} must hold numbers only. {str(error).removeprefix('[tensor] ')}") from None
    if array.ndim == 0:
        raise ShapeError(f"[{where}] {what} must have one row per example. Received: the single number {array}")
    return array


def check_finite(array: Array, what: str, where: str = "fit") -> None:
    """Raises ValueError at the first NaN or infinity, with its place and number."""
    if array.dtype.kind not in "fV" or not array.size:
        return
    with np.errstate(all="ignore"):
        good = np.isfinite(array)
    if not good.all():
        at = tuple(int(i) for i in np.argwhere(~good)[0])
        count = int(array.size - np.count_nonzero(good))
        place = ", ".join(map(str, at))
        raise ValueError(
            f"[{where}] {what} holds {count} value(s) that are NaN or infinite; the first is {what}[{place}] = {array[at]}. "
            "Clean them first, e.g. numpy.nan_to_num, or drop those rows"
        )


def check_count(name: str, value: Any, least: int, where: str = "fit") -> int:
    """A whole number, at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"[{where}] {name} must be an integer. Received: {name}={value!r}")
    if value < least:
        raise ValueError(f"[{where}] {name} must be at least {least}. Received: {name}={value}")
    return int(value)


def check_steps(name: str, value: Any, where: str = "fit") -> int | None:
    return None if value is None else check_count(name, value, 1, where)


def loss_weight(value: Any) -> float | None:
    """The factor of the loss that `compile(loss_weights=...)` says."""
    given = value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
    if given is None:
        return None
    if isinstance(given, (bool, str)) or not isinstance(given, (int, float, np.number)) or not math.isfinite(given):
        raise ValueError(
            f"[compile] loss_weights must be a number, or a list of one: there is one output. Received: loss_weights={value!r}"
        )
    return float(given)


def same_length(x: Array, other: Array | None, what: str, where: str = "fit") -> None:
    if other is not None and len(other) != len(x):
        raise ValueError(f"[{where}] x and {what} must have the same number of rows. Received: x with {len(x)}, {what} with {len(other)}")


def fit_input(x: Array, expected: tuple[int | None, ...] | None, first_layer: str, what: str = "x", where: str = "fit") -> Array:
    """x as the model's input: a column is made of plain numbers where one feature is expected; other differences are errors."""
    if expected is None:
        return x
    wanted = tuple(expected[1:])
    if x.ndim == 1 and wanted == (1,):
        x = x[:, None]
    if x.ndim != len(expected) or any(w is not None and w != n for w, n in zip(wanted, x.shape[1:])):
        fix = ""
        if x.shape == wanted:
            fix = f" A single example needs its batch axis: {what}[None]"
        elif x.ndim == 2 == len(expected):
            fix = f" For {x.shape[1]} features write input_dim={x.shape[1]} in the first layer, or Input(({x.shape[1]},))"
        raise ShapeError(
            f"[{where}] layer 0 {first_layer!r} expects {what} of shape {('N', *wanted)}: ".replace("'N'", "N").replace("None", "?")
            + f"received {what} of shape {x.shape}."
            + fix
        )
    return x


def to_weights(sample_weight: Any, class_weight: Any, x: Array, y: Array, dtype: np.dtype[Any], where: str = "fit") -> Array | None:
    """One weight an example, or one a step of each, or None. Class weights are looked up by label and multiply the sample weights."""
    weights = None
    if sample_weight is not None:
        weights = to_array(sample_weight, "sample_weight", where)
        if weights.ndim == 2 and weights.shape[1] == 1:
            weights = weights[:, 0]
        steps = f", or {y.shape[:2]} for one weight a step" if y.ndim > 1 else ""
        if weights.ndim == 0 or (weights.ndim > 1 and weights.shape[1:] != y.shape[1 : weights.ndim]):
            raise ShapeError(f"[{where}] sample_weight must have shape ({len(x)},){steps}. Received: shape {weights.shape}")
        same_length(x, weights, "sample_weight", where)
        check_finite(weights, "sample_weight", where)
    if class_weight is not None:
        by_class = class_weights(class_weight, y)
        weights = by_class if weights is None else weights * by_class.reshape(-1, *(1,) * (weights.ndim - 1))
    return None if weights is None else np.ascontiguousarray(weights, dtype)


def class_weights(class_weight: Any, y: Array) -> Array:
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"[fit] class_weight must be a dict from class number to weight. Received: {class_weight!r}")
    labels = y.argmax(-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y)).astype(np.int64)
    missing = sorted(set(np.unique(labels).tolist()) - {int(k) for k in class_weight})
    if missing:
        raise ValueError(f"[fit] class_weight has no weight for the class(es) {missing}. Received: {dict(class_weight)}")
    size = max(int(k) for k in class_weight) + 1
    table = np.zeros(size, np.float64)
    for k, v in class_weight.items():
        table[int(k)] = v
    weights: Array = table[labels]
    return weights


def split(arrays: Sequence[Array | None], fraction: Any) -> tuple[list[Array | None], list[Array | None]]:
    """The head for training and the tail, before any shuffling, for validation."""
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 <= fraction < 1:
        raise ValueError(f"[fit] validation_split must be a fraction of the data, 0 <= f < 1. Received: {fraction!r}")
    n = len(arrays[0])  # type: ignore[arg-type]
    at = math.floor(n * (1.0 - fraction))
    if at == 0 or at == n:
        raise ValueError(f"[fit] validation_split={fraction} of {n} rows leaves no row for {'training' if at == 0 else 'validation'}")
    return [a if a is None else a[:at] for a in arrays], [a if a is None else a[at:] for a in arrays]


def resident(array: Array, backend: Backend, dtype: np.dtype[Any] | None = None) -> Tensor:
    """An array on the model's device. On the CPU a contiguous array of the right dtype is used where it is; steps never write to it."""
    wanted = array.dtype if dtype is None or not dtypes.is_float(dtypes.standard(array.dtype)) else dtype
    array = np.ascontiguousarray(array, dtypes.standard(wanted)) if array.ndim else array
    placed = array if backend.device == "cpu" else backend.from_host(array)
    return wrap(placed, Storage(placed, backend))


def host_tensor(value: Array, backend: Backend) -> Tensor:
    """A small buffer of the loop's own on the model's device."""
    placed = backend.from_host(value)
    return wrap(placed, Storage(placed, backend))


class Job(NamedTuple):
    """So many steps of one kind on the same inputs."""

    runner: str
    inputs: Sequence[Tensor]
    constants: tuple[Any, ...]
    times: int


@dataclass
class Dataset:
    """Whole arrays on the device, with the order they are walked in and the place reached."""

    arrays: tuple[Tensor, ...]  # x, then y and sample weights if there are any
    size: int
    batch: int
    steps: int
    order: Tensor
    cursor: Tensor
    backend: Backend
    inputs: tuple[Tensor, ...]  # of a step: the arrays, the order, the cursor

    @classmethod
    def make(
        cls, arrays: Sequence[Array | None], backend: Backend, dtype: np.dtype[Any], batch: int = 32, steps: int | None = None
    ) -> Dataset:
        placed = tuple(resident(a, backend, dtype) for a in arrays if a is not None)
        size = placed[0].shape[0]
        order, start = host_tensor(np.arange(size, dtype=np.int64), backend), host_tensor(_START, backend)
        most = -(-size // batch)
        return cls(placed, size, batch, most if steps is None else min(steps, most), order, start, backend, (*placed, order, start))

    def relabel(self, labels: Array) -> None:
        """Train with other labels from now on. Theirs must be memory that no user sees."""
        place = self.arrays[1].array
        self.backend.write(place, np.ascontiguousarray(labels, place.dtype))

    def rewind(self, order: Array | None = None) -> None:
        """Go back to the first row, of a new order if one is given."""
        if order is not None:
            self.backend.write(self.order.array, order)
        self.backend.write(self.cursor.array, _START)

    def jobs(self, kind: str, each: bool, watched: bool) -> Iterator[Job]:
        """All steps of an epoch: one at a time if somebody listens to batches, else as many as take about a tenth of a second if
        somebody watches, else all at once; then the smaller batch that is left."""
        full, rest = divmod(self.size, self.batch)
        left = min(full, self.steps)
        last = rest if self.steps > full else 0
        count = 1
        while left:
            count = 1 if each else left if not watched else min(count, left)
            before = time.perf_counter()
            yield Job(kind, self.inputs, (self.batch,), count)
            took = time.perf_counter() - before
            left -= count
            count = max(1, min(count * 4, int(count * SLICE / max(took, 1e-9))))
        if last:
            yield Job(kind, self.inputs, (last,), 1)
