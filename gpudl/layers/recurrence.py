"""Walk through sequences, step by step, with a state: `Walking`, the base of `RNN`, `SimpleRNN`, `LSTM` and `GRU`.

The inputs of all steps are multiplied by the kernel at once. Then one op walks through the steps where it can; other activations,
dropout of states, masks, ``unroll=True`` and cells of the user's own take a loop of ops, `looped`, that can be differentiated any number
of times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes, ops
from ..autograd import apply
from ..errors import ShapeError
from ..op import COPY
from ..tensors import Tensor
from ..variables import Variable
from . import arguments, masks
from .arguments import Shape
from .base import Layer
from .cells import Cell, States, device_of
from .stacking import StackedRNNCells, initial_states, is_own, output_size, state_sizes, stepped


class Walking(Layer):
    """Walks through sequences with `cell`. The layers `SimpleRNN`, `LSTM` and `GRU` are their own cells.

    Arguments are described at `SimpleRNN`.
    """

    supports_masking = True
    cell: Any

    def __init__(
        self,
        *args: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        where = self._where
        self.return_sequences = arguments.flag(where, "return_sequences", return_sequences)
        self.return_state = arguments.flag(where, "return_state", return_state)
        self.go_backwards = arguments.flag(where, "go_backwards", go_backwards)
        self.stateful = arguments.flag(where, "stateful", stateful)
        self.unroll = arguments.flag(where, "unroll", unroll)
        self.zero_output_for_mask = arguments.flag(where, "zero_output_for_mask", zero_output_for_mask)
        self._kept: list[Variable] = []  # the states between calls of a stateful layer

    # building ---------------------------------------------------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        self._build_cell((input_shape[0], *input_shape[2:]))
        if self.stateful and input_shape[0] is not None:
            self._keep(input_shape[0])

    def _build_cell(self, shape: Shape) -> None:
        """Make the weights for steps of this shape."""
        raise NotImplementedError

    def _keep(self, batch: int) -> None:
        """Make room for the states of so many examples, zeros."""
        sizes, device = masks.flat(state_sizes(self.cell)), device_of(self)
        self._kept = [
            Variable(np.zeros((batch, size), self._own_dtype), trainable=False, device=device, name=f"{self._name}/state_{k}")
            for k, size in enumerate(sizes)
        ]
        self._states = (*self._states, *self._kept)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        arguments.axes(self._where, shape, 3, None if self._any_rank else 3, ", (batch, time steps, features)")
        if hasattr(self.cell, "fits"):
            self.cell.fits((shape[0], *shape[2:]))
        if shape[1] == 0:
            raise ShapeError(f"[{self._where}] at least one time step is needed. Received: input shape {shape}")
        units = output_size(self.cell)
        out = (*shape[:2], units) if self.return_sequences else (shape[0], units)
        if not self.return_state:
            return out
        return [out, *_mapped(lambda n: (shape[0], n), state_sizes(self.cell))]

    _any_rank = False  # whether a step may have several axes

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = next(masks.flat(previous_mask), None) if self.return_sequences else None
        return [mask] if self.return_state else mask

    # computing --------------------------------------------------------------------------------------------------------------

    def call(self, inputs: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        self.compute_output_shape(inputs.shape)
        if self.stateful and not self._kept:
            self._keep(inputs.shape[0])
        states = self._first(inputs, initial_state)
        seen = self._seen(mask, inputs)
        x = ops.flip(inputs, 1) if self.go_backwards else inputs
        output, last = walked(self.cell, x, states, seen, training, self.unroll, self.zero_output_for_mask, self.return_sequences)
        if self.stateful:
            for kept, state in zip(self._kept, masks.flat(last)):
                kept.assign(state.detach())
        return [output, *last] if self.return_state else output

    def _first(self, x: Tensor, given: Any) -> States:
        """The states before the first step."""
        sizes = state_sizes(self.cell)
        shapes = [(x.shape[0], n) for n in masks.flat(sizes)]
        if given is not None:
            states = [ops.cast(self._let_in(s), self._own_dtype) for s in masks.flat(given)]
            if [s.shape for s in states] != shapes:
                found = ", ".join(str(s.shape) for s in states)
                alike = f"tensors of shape {shapes[0]}" if len(set(shapes)) == 1 else f"tensors of shapes {', '.join(map(str, shapes))}"
                raise ShapeError(f"[{self._where}] initial_state must be {len(shapes)} {alike}. Received: {found}")
        elif self.stateful:
            if self._kept[0].shape[0] != x.shape[0]:
                raise ShapeError(
                    f"[{self._where}] a stateful layer keeps the states of {self._kept[0].shape[0]} sequences: all batches must have this "
                    f"size. Received: {x.shape[0]}"
                )
            states = [apply(COPY, (s,)) for s in self._kept]  # they are overwritten at the end of the call, but the gradient needs them
        else:
            return initial_states(self.cell, x.shape[0], x)
        each = iter(states)
        ordered: States = _mapped(lambda _: next(each), sizes)
        return ordered

    def _seen(self, mask: Any, x: Tensor) -> list[Tensor] | None:
        """The mask of each step, (N, 1)."""
        if mask is None:
            return None
        found = ops.cast(mask if isinstance(mask, Tensor) else Tensor(np.asarray(mask), device=x.device), dtypes.bool_)
        if found.shape != x.shape[:2]:
            raise ShapeError(f"[{self._where}] mask must be (N, T) = {x.shape[:2]}. Received: {found.shape}")
        return ops.parts(ops.flip(found, 1) if self.go_backwards else found, x.shape[1], 1)

    # states -----------------------------------------------------------------------------------------------------------------

    @property
    def states(self) -> list[Variable] | None:
        """The states that a stateful layer keeps; None if there are none."""
        return self._kept or None

    def reset_states(self) -> None:
        """Let a stateful layer begin with zeros again."""
        for state in self._kept:
            state.assign(0.0)

    reset_state = reset_states


def walked(
    cell: Any, x: Tensor, states: States, seen: list[Tensor] | None, training: bool, unroll: bool, zero: bool, every: bool
) -> tuple[Tensor, States]:
    """Through all steps of x (N, T, ...) with a cell: the outputs of all steps or, if not `every`, of the last one; the last states."""
    if type(cell) is StackedRNNCells:  # one cell after the other, each through all steps
        found = []
        for i, (part, own) in enumerate(zip(cell.cells, states)):
            top = i == len(cell.cells) - 1
            x, last = walked(part, x, own, seen, training, unroll, zero and top, every or not top)
            found.append(last)
        return x, found
    steps = x.shape[1]
    if not is_own(cell):
        inputs = [ops.squeeze(part, 1) for part in ops.parts(x, steps, 1)]
        return looped(lambda t, before: stepped(cell, inputs[t], before, training), steps, states, seen, zero, every)
    z = cell.projected(x, training)
    if seen is None and not unroll and not (training and cell.recurrent_dropout):
        done = cell.fused(z, states)
        if done is not None:
            return (done[0] if every else done[1][0]), done[1]
    gates = [[ops.squeeze(part, 1) for part in ops.parts(gate, steps, 1)] for gate in ops.parts(z, cell.gates, -1)]
    kernels = ops.parts(cell.recurrent_kernel, cell.gates, 1)
    dropped = cell.dropped(states[0], training)

    def advance(t: int, before: States) -> tuple[Tensor, States]:
        new = cell.step([gate[t] for gate in gates], before, kernels, dropped)
        return new[0], new

    return looped(advance, steps, states, seen, zero, every)


def looped(
    advance: Callable[[int, States], tuple[Tensor, States]], steps: int, states: States, seen: list[Tensor] | None, zero: bool, every: bool
) -> tuple[Tensor, States]:
    """Step by step with ops. Where a step is masked, the states stay as they are; so does the output, or it is zero."""
    outputs: list[Tensor] = []
    output: Tensor | None = None
    for t in range(steps):
        made, new = advance(t, states)
        if seen is not None:
            one_of_them = made is new[0]
            if output is None:  # no output came before: the first state stands for it
                output = next(masks.flat(states))
                output = output if output.shape == made.shape else ops.zeros_like(made.detach())
            new = _held(seen[t], new, states)
            if zero:
                made = ops.where(seen[t], made, 0.0)
            else:
                made = new[0] if one_of_them else ops.where(seen[t], made, output)
        output, states = made, new
        outputs.append(made)
    return (ops.stack(outputs, 1) if every else outputs[-1]), states


def _held(seen: Tensor, new: States, states: States) -> States:
    """The new states where a step is seen, else those before it."""
    before = masks.flat(states)
    held: States = _mapped(lambda state: ops.where(seen, state, next(before)), new)
    return held


def _mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same lists, with function(leaf) for each leaf."""
    return [_mapped(function, part) for part in tree] if isinstance(tree, (list, tuple)) else function(tree)


class Recurrent(Walking, Cell):
    """A layer that is its own cell."""

    @property
    def cell(self) -> Cell:
        """The layer itself, which holds the weights."""
        return self

    def _build_cell(self, shape: Shape) -> None:
        Cell.build(self, shape)


__all__ = ["Recurrent", "Walking", "looped", "walked"]
