"""Keep what an optimizer remembers in Keras' order, and take it up again: `optimizer_arrays`, `restore_optimizer`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..variables import Variable
from .saving import assign_all

Array = np.ndarray[Any, Any]
Entry = Variable | Array  # what we have too, or what Keras alone has a place for
Pairs = list[tuple[Variable, Array]]

# class -> slots that Keras keeps side by side, variable by variable; of other classes all slots are
TOGETHER: dict[str, tuple[tuple[str, ...], ...]] = {
    "Adam": (("momentum", "velocity"), ("velocity_hat",)),
    "AdamW": (("momentum", "velocity"), ("velocity_hat",)),
    "RMSprop": (("velocity",), ("momentum",), ("average_gradient",)),
}


def slots_in_order(optimizer: Any, variables: Sequence[Variable], keras_2: bool = False) -> list[Entry]:
    """The slots of variables in the order in which Keras keeps them.

    Args:
        keras_2: the order of the first optimizers of Keras 2: all slots of one name, then all of the next.
    """
    kind, names = type(optimizer).__name__, optimizer._all_slots
    if kind == "Adafactor":
        return [entry for v in variables for entry in factored(optimizer, v)]
    ahead = names[: len(names) - len(optimizer.slot_names)]
    own = [tuple(n for n in group if n in names) for group in TOGETHER.get(kind, (optimizer.slot_names,))]
    groups = [(n,) for n in ahead] + ([(n,) for group in own for n in group] if keras_2 and kind != "Ftrl" else own)
    return [slot(optimizer, v, names.index(n)) for group in groups for v in variables for n in group]


def slot(optimizer: Any, v: Variable, k: int) -> Entry:
    """A slot of a variable; its first value if there is none yet."""
    held = optimizer._slots.get(v.path_leaf)
    if held:
        return held[k]  # type: ignore[no-any-return]
    name = optimizer._all_slots[k]
    return v.numpy() if name == "average" else np.full(v.shape, optimizer.slot_starts().get(name, 0.0), v.dtype)


def factored(optimizer: Any, v: Variable) -> list[Entry]:
    """Rows, columns and velocity of a matrix; a vector has places for the former, too."""
    held = optimizer._slots.get(v.path_leaf) or [
        np.zeros(v.shape, v.dtype),
        np.zeros(v.shape[:-1]),
        np.zeros((*v.shape[:-2], *v.shape[-1:])),
    ]
    first = len(optimizer._all_slots) - 1
    further = held[first + 1 :] if v.ndim >= 2 else [np.zeros((), np.int32)] * 2
    return [*further, held[first]]


def further_numbers(optimizer: Any) -> list[Variable]:
    """What Keras keeps behind the slots: the product of Nadam's momenta."""
    return [n for n in optimizer._numbers if n.name == "momentum_product"]


# writing -----------------------------------------------------------------------------------------------------------------------


def optimizer_arrays(optimizer: Any, variables: Sequence[Variable]) -> list[Array]:
    """All that Keras keeps of an optimizer: the number of steps, the learning rate unless it follows a schedule, the slots."""
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        head = [np.zeros((), np.int32), np.zeros((), np.float32), optimizer.step_counter.numpy(), optimizer.dynamic_scale.numpy()]
        return [*head, *optimizer_arrays(inner, variables)]
    arrays = [optimizer._calls.numpy()]
    if optimizer._schedule is None:
        arrays.append(optimizer._rate.numpy())
    if not any(optimizer._slots.get(v.path_leaf) for v in variables) and optimizer._all_slots:
        return arrays  # as in Keras before the first step
    entries = [*slots_in_order(optimizer, variables), *further_numbers(optimizer)]
    return arrays + [e.numpy() if isinstance(e, Variable) else e for e in entries]


# reading -----------------------------------------------------------------------------------------------------------------------


def restore_optimizer(optimizer: Any, variables: Sequence[Variable], arrays: list[Array], names: list[str] | None, where: str) -> None:
    """Give the optimizer the state that a file has, or leave it as it is, with a warning, if that is of other variables.

    Args:
        optimizer: compiled.
        variables: that learn.
        arrays: in the order of the file.
        names: of the arrays, if the file has them: they tell the order.
        where: for messages.

    Raises:
        ValueError: if arrays have other shapes than the slots.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None and len(arrays) > 4:
        optimizer.build(variables)
        checked = paired([optimizer.step_counter, optimizer.dynamic_scale], arrays[2:4], where)
        restore_optimizer(inner, variables, arrays[4:], None, where)
        assign_all(checked)
        return
    if not arrays or inner is not None:
        return
    keras_2 = bool(names) and len(names or ()) > 1 and (names or [""])[0].endswith("/iter:0")
    scalars, pairs = arrays[:2], []
    if len(arrays) > 2 or arrays[-1].shape != ():
        optimizer.build(variables)
        slots, numbers = slots_in_order(optimizer, variables, keras_2), further_numbers(optimizer)
        count = 1 + (optimizer._schedule is None)
        fitting = [
            (heads, tail)
            for heads, tail in ((count, numbers), (count, []), (2, []), (1, []))
            if heads + len(slots) + len(tail) == len(arrays)
        ]
        if not fitting or any(a.shape != () for a in arrays[: fitting[0][0]]):
            warnings.warn(
                f"[{where}] the state of the optimizer was left out: the file has {len(arrays)} arrays for it, "
                f"{count + len(slots) + len(numbers)} are expected for {len(variables)} variables",
                stacklevel=4,
            )
            return
        heads, tail = fitting[0]
        scalars = arrays[:heads]
        pairs = paired([*slots, *tail], arrays[heads:], where)
        numbers = [n for n in numbers if all(n is not v for v, _ in pairs)]
    else:
        numbers = further_numbers(optimizer)
    assign_all([*pairs, *counted(optimizer, scalars, numbers, where)])
    assert optimizer.learning_rate is not None  # looks up the rate of this step, if it follows a schedule


def paired(entries: Sequence[Entry], arrays: Sequence[Array], where: str) -> Pairs:
    for entry, array in zip(entries, arrays):
        if entry.shape != array.shape:
            name = entry.name if isinstance(entry, Variable) else "a placeholder"
            raise ValueError(f"[{where}] the optimizer's {name!r} has shape {entry.shape}, the file has {array.shape}")
    return [(entry, array) for entry, array in zip(entries, arrays) if isinstance(entry, Variable)]


def counted(optimizer: Any, scalars: list[Array], missing: list[Variable], where: str) -> Pairs:
    """The number of steps, the learning rate, and what follows from them."""
    calls = int(scalars[0])
    if calls < 0:
        raise ValueError(f"[{where}] the optimizer has done {calls} steps, as the file says")
    steps = calls // (optimizer.gradient_accumulation_steps or 1)
    pairs: Pairs = [(optimizer.iterations, np.asarray(steps, np.int64))]
    if optimizer._calls is not optimizer.iterations:
        pairs.append((optimizer._calls, np.asarray(calls, np.int64)))
    if len(scalars) > 1 and optimizer._schedule is None:
        rate = float(scalars[1])
        if not math.isfinite(rate) or rate < 0:
            raise ValueError(f"[{where}] the learning rate of the file is {rate}")
        pairs.append((optimizer._rate, np.asarray(rate, np.float64)))
    for number in missing:  # the product of Nadam's momenta, which Keras 2 did not keep
        t = np.arange(1, steps + 1)
        pairs.append((number, np.asarray(np.prod(optimizer.beta_1 * (1.0 - 0.5 * 0.96**t)))))
    return pairs


__all__ = ["optimizer_arrays", "restore_optimizer", "slots_in_order"]
