"""Keep what an optimizer remembers of each parameter, its slots, in arenas of the same layout as the parameters'."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensors import Leaf
from ..variables import Arena, Pack, Variable, move, over, pack
from .rates import Rates


class Slots(Rates):
    """What the base class of optimizers knows of slots: who has which, and where they lie."""

    slot_names: tuple[str, ...] = ()  # one tensor of each parameter's shape, zeros at first, by these names
    use_ema: bool
    _numbers: list[Variable]  # further state that is not a slot
    _variables: list[Variable]
    _slots: dict[Leaf, list[Variable]]
    _arenas: dict[Pack, list[Arena]]

    @property
    def variables(self) -> list[Variable]:
        """What changes as training goes on: iterations, learning rate, then the slots, parameter by parameter."""
        return [self.iterations, self._rate, *[slot for v in self._variables for slot in self._slots[v.path_leaf]], *self._numbers]

    def build(self, variables: Iterable[Variable]) -> None:
        """Make slots for these parameters, which `apply()` will update. Slots that are there already keep their values."""
        wanted: list[Variable] = []
        for v in variables:
            if not isinstance(v, Variable):
                raise TypeError(f"[{type(self).__name__}] only a gpudl.Variable can be optimized. Received: {type(v).__name__}")
            if all(v is not w for w in wanted):
                wanted.append(v)
        pack(wanted)
        devices = {v.device for v in wanted}
        if len(devices) > 1:
            raise ValueError(f"[{type(self).__name__}] all variables must lie on one device. Received: {', '.join(sorted(devices))}")
        if devices and devices != {self._rate.device}:
            move([self._rate, self.iterations, *self._numbers], devices.pop())
        for v in wanted:
            self._place(v)
        self._variables = wanted
        for home in [h for h in self._arenas if all(v.path_leaf.pack is None or v.path_leaf.pack[0] is not h for v in h.variables)]:
            del self._arenas[home]  # its variables have moved elsewhere

    def _place(self, v: Variable) -> None:
        """Slots of one parameter, at its place in arenas of its pack's layout; values from before are taken along."""
        leaf, names = v.path_leaf, self._all_slots
        home, i = leaf.pack
        arenas = self._arenas.setdefault(home, [])
        while len(arenas) < len(names):
            arenas.append(home.params.like())
            start = self.slot_starts().get(names[len(arenas) - 1], 0.0)
            if start:
                over(arenas[-1].flat).assign(start)
        slots = self._slots.setdefault(leaf, [])
        for k, name in enumerate(names):
            place = arenas[k].view(i)
            before: np.ndarray[Any, Any] | None
            if k < len(slots):
                if slots[k].storage.root is place.storage.root:
                    continue
                before, slot = slots[k].numpy(), slots[k]
            else:
                before = v.numpy() if name == "average" else None
                first = np.full(v.shape, self.slot_starts().get(name, 0.0), v.dtype)
                slot = Variable(first, trainable=False, device=v.device, name=f"{v.name}/{name}")
                slots.append(slot)
            slot.rehouse(place.array, place.storage)
            if before is not None:
                slot.assign(before)
        if len(slots) == len(names):
            slots += self.further_slots(v)

    @property
    def _all_slots(self) -> tuple[str, ...]:
        averages = ("average",) * self.use_ema + ("gradient_accumulator",) * bool(self.gradient_accumulation_steps)
        return (*averages, *self.slot_names)

    def further_slots(self, v: Variable) -> list[Variable]:
        """Slots of other shapes than the parameter's; they come last in `update`."""
        return []

    def slot_starts(self) -> dict[str, float]:
        """The first values of slots that do not start at zero, by their names."""
        return {}

    def _is_placed(self, v: Variable) -> bool:
        found = self._slots.get(v.path_leaf)
        home = v.path_leaf.pack
        return found is not None and len(found) >= len(self._all_slots) and home is not None and home[0] in self._arenas


__all__ = ["Slots"]
