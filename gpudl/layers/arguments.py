"""Check the arguments of layers: sizes, windows, choices, shapes. Every message says where, what was expected and what was received."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from .. import config
from ..errors import ShapeError, did_you_mean

Shape = tuple[int | None, ...]


def whole(where: str, name: str, value: Any, least: int = 1) -> int:
    """An integer of at least `least`.

    >>> whole("Dense", "units", 0)
    Traceback (most recent call last):
    ...
    ValueError: [Dense] units must be a whole number >= 1. Received: units=0
    """
    wanted = f"[{where}] {name} must be a whole number >= {least}. Received: {name}={value!r}"
    if isinstance(value, bool):
        raise TypeError(wanted)
    try:
        found = operator.index(value)
    except TypeError:
        raise TypeError(wanted) from None
    if found < least:
        raise ValueError(wanted)
    return found


def sizes(where: str, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """One integer for each spatial axis, from one for all or from as many."""
    if isinstance(value, (tuple, list)):
        if len(value) != rank:
            wanted = "one whole number" if rank == 1 else "one whole number, or two for height and width"
            raise ValueError(f"[{where}] {name} must be {wanted}. Received: {name}={value!r}")
        return tuple(whole(where, name, n, least) for n in value)
    return (whole(where, name, value, least),) * rank


def borders(where: str, name: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """How much stands before and after each spatial axis: from one integer, from one for each axis, or from pairs."""
    if not isinstance(value, (tuple, list)):
        return ((whole(where, name, value, 0),) * 2,) * rank
    looks = "(left, right)" if rank == 1 else "(rows, columns) or ((top, bottom), (left, right))"
    entries = [value] if rank == 1 and len(value) == 2 and not isinstance(value[0], (tuple, list)) else list(value)
    if len(entries) != rank or any(isinstance(e, (tuple, list)) and len(e) != 2 for e in entries):
        raise ValueError(f"[{where}] {name} must be one whole number, or {looks}. Received: {name}={value!r}")
    pairs = [e if isinstance(e, (tuple, list)) else (e, e) for e in entries]
    return tuple((whole(where, name, a, 0), whole(where, name, b, 0)) for a, b in pairs)


def number(where: str, name: str, value: Any, least: float | None = None) -> float:
    """A finite Python float of at least `least`."""
    bound = "" if least is None else f" >= {least:g}"
    wanted = f"[{where}] {name} must be a number{bound}. Received: {name}={value!r}"
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__"):
        raise TypeError(wanted + _unquoted(where, name, value))
    found = float(value)
    if found != found or found in (float("inf"), float("-inf")) or (least is not None and found < least):
        raise ValueError(wanted)
    return found


def fraction(where: str, name: str, value: Any, one: bool = True) -> float:
    """A float from 0 to 1; 1 itself only if `one`."""
    found = number(where, name, value)
    if not 0 <= found <= 1 or (found == 1 and not one):
        raise ValueError(f"[{where}] {name} must lie in 0 <= {name} {'<=' if one else '<'} 1. Received: {name}={value!r}")
    return found


def _unquoted(where: str, name: str, value: Any) -> str:
    """The fix for a number in quotes."""
    try:
        float(value)
    except (TypeError, ValueError):
        return ""
    return f" (a string). Write the number without quotes: {where}({value})" if isinstance(value, str) else ""


def choice(where: str, name: str, value: Any, allowed: Sequence[str]) -> str:
    """One of some strings, in lower case."""
    found = value.lower() if isinstance(value, str) else value
    if found not in allowed:
        hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
        raise ValueError(f"[{where}] {name} must be {' or '.join(map(repr, allowed))}. Received: {name}={value!r}.{hint}")
    return found


def padding(where: str, value: Any, allowed: Sequence[str] = ("valid", "same")) -> str:
    return choice(where, "padding", value, allowed)


def data_format(where: str, value: Any) -> str:
    if value is None:
        return config.image_data_format()
    if value in ("NCHW", "NHWC"):
        better = "channels_first" if value == "NCHW" else "channels_last"
        raise ValueError(
            f"[{where}] data_format must be 'channels_last' or 'channels_first'. Received: data_format={value!r}, which is {better!r} here"
        )
    return choice(where, "data_format", value, ("channels_last", "channels_first"))


def flag(where: str, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"[{where}] {name} must be True or False. Received: {name}={value!r}")
    return value


def shape(where: str, name: str, value: Any, batch: bool = False) -> Shape:
    """A tuple of sizes, None where a size is open; with `batch` the first one is the batch axis.

    >>> shape("Input", "shape", (28, 28, 1))
    (28, 28, 1)
    """
    if isinstance(value, (int, float, str)):
        fix = f" Write ({value},) for vectors of {value} features" if isinstance(value, int) else ""
        raise TypeError(f"[{where}] {name} must be a tuple of sizes. Received: {name}={value!r}.{fix}")
    try:
        sizes = list(value)
    except TypeError:
        raise TypeError(f"[{where}] {name} must be a tuple of sizes. Received: {name}={value!r}") from None
    found: list[int | None] = []
    for size in sizes:
        try:
            found.append(None if size is None else operator.index(size))
        except TypeError:
            raise TypeError(f"[{where}] {name} must hold whole numbers or None. Received: {name}={value!r}") from None
    if any(n is not None and n < 0 for n in found):
        raise ValueError(f"[{where}] sizes must not be negative. Received: {name}={value!r}")
    if batch and not found:
        raise ShapeError(f"[{where}] {name} must begin with the batch axis, e.g. (None, 4). Received: {name}={value!r}")
    return tuple(found)


def known(where: str, what: str, size: int | None, input_shape: Shape) -> int:
    """A size that weights or windows need and that therefore must not be open."""
    if size is None:
        raise ShapeError(f"[{where}] {what} must be known. Received: input shape {input_shape}")
    return size


def axes(where: str, input_shape: Shape, least: int, most: int | None = None, meaning: str = "") -> None:
    """Raise ShapeError unless the input has as many axes as the layer takes."""
    n = len(input_shape)
    if n < least or (most is not None and n > most):
        expected = f"{least}" if most == least else f"at least {least}" if most is None else f"{least} to {most}"
        raise ShapeError(f"[{where}] expected an input of {expected} axes{meaning}. Received: {n} axes, shape {input_shape}")


def window(size: int | None, taps: int, stride: int, dilation: int, mode: str) -> int | None:
    """How many places a window has along one axis; 0 or less if it does not fit."""
    if size is None:
        return None
    if mode in ("same", "causal"):
        return -(-size // stride)
    return (size - (taps - 1) * dilation - 1) // stride + 1


def spatial(where: str, shape: Shape, data_format: str, rank: int) -> tuple[int | None, Shape, int | None]:
    """(N, sizes of the spatial axes, C) from the shape of a batch of images or sequences in either layout."""
    along = "steps" if rank == 1 else "height, width"
    meaning = f", (batch, {along}, channels)" if data_format == "channels_last" else f", (batch, channels, {along})"
    axes(where, shape, rank + 2, rank + 2, meaning)
    return (shape[0], shape[1:-1], shape[-1]) if data_format == "channels_last" else (shape[0], shape[2:], shape[1])


def laid_out(n: int | None, sizes: Sequence[int | None], c: int | None, data_format: str) -> Shape:
    """The shape of a batch of images or sequences in a layout."""
    return (n, *sizes, c) if data_format == "channels_last" else (n, c, *sizes)


def axis(where: str, value: int, input_shape: Shape) -> int:
    """An axis counted from the front; raises ShapeError if the input does not have it."""
    n = len(input_shape)
    if not -n <= value < n:
        raise ShapeError(f"[{where}] axis {value} is out of range for an input of {n} axes. Received: input shape {input_shape}")
    return value % n
