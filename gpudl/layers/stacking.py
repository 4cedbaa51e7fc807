"""Put cells on top of each other (`StackedRNNCells`), and take a step with a cell of any kind: ours, or objects of the user's own."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer
from .cells import Cell, States, device_of
from .support import restored


def checked_cell(where: str, cell: Any) -> Any:
    """A cell, if it can be one: it computes `call(inputs, states)` and says its `state_size`."""
    if isinstance(cell, type) or not callable(getattr(cell, "call", None)):
        raise TypeError(f"[{where}] a cell such as LSTMCell(32), with call(inputs, states), is expected. Received: {cell!r}")
    if not hasattr(cell, "state_size"):
        raise TypeError(f"[{where}] a cell must say its state_size: a number, or a list of numbers. Received: {cell!r}")
    return cell


def state_sizes(cell: Any) -> list[Any]:
    """The sizes of a cell's states; of cells on top of each other the lists of each."""
    sizes = cell.state_size
    if not isinstance(sizes, (list, tuple)):
        return [arguments.whole(type(cell).__name__, "state_size", sizes)]
    if isinstance(cell, StackedRNNCells):
        return [state_sizes(part) for part in cell.cells]
    return [arguments.whole(type(cell).__name__, "state_size", n) for n in sizes]


def output_size(cell: Any) -> int:
    """The size of a cell's output: by default that of its first state."""
    found = getattr(cell, "output_size", None)
    if found is None:
        found = state_sizes(cell)[0]
    return arguments.whole(type(cell).__name__, "output_size", found)


def initial_states(cell: Any, batch: int, x: Tensor) -> States:
    """What a cell begins with: its `get_initial_state(batch_size)`, or zeros."""
    if isinstance(cell, StackedRNNCells):
        return [initial_states(part, batch, x) for part in cell.cells]
    if hasattr(cell, "get_initial_state"):
        found = cell.get_initial_state(batch_size=batch)
        return list(found) if isinstance(found, (list, tuple)) else [found]
    return [ops.zeros((batch, n), x.dtype, device=x.device) for n in state_sizes(cell)]


def stepped(cell: Any, x: Tensor, states: States, training: bool) -> tuple[Tensor, States]:
    """One step of a cell of any kind."""
    if isinstance(cell, Layer):
        output, new = cell(x, states, training=training)
    else:
        output, new = (cell if callable(cell) else cell.call)(x, states)
    return output, list(new) if isinstance(new, (list, tuple)) else [new]


class StackedRNNCells(Layer):
    """Cells on top of each other as one cell: the output of each is the input of the next.

    Args:
        cells: a list of cells, `LSTMCell` and others, or objects of your own with ``call(inputs, states)`` and ``state_size``.
        **kwargs: as for `Layer`.

    The states are a list of the lists of states of each cell.

    >>> import gpudl
    >>> cell = StackedRNNCells([gpudl.layers.LSTMCell(3), gpudl.layers.GRUCell(5)])
    >>> cell.state_size, cell.output_size
    ([[3, 3], 5], 5)
    >>> gpudl.layers.RNN(cell)(gpudl.ones((2, 6, 4))).shape
    (2, 5)
    """

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise TypeError(f"[StackedRNNCells] cells must be a list of cells such as LSTMCell(32). Received: cells={cells!r}")
        self.cells = [checked_cell("StackedRNNCells", restored(cell)) for cell in cells]
        if not self._trainable:
            for cell in self._sublayers():
                cell.trainable = False

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def build(self, input_shape: Shape) -> None:
        shape = input_shape
        for cell in self.cells:
            if isinstance(cell, Layer):
                cell.build(shape)
            shape = (shape[0], output_size(cell))

    def fits(self, shape: Shape) -> None:
        """Raise ShapeError unless the first cell's weights are for inputs of this shape."""
        if hasattr(self.cells[0], "fits"):
            self.cells[0].fits(shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        self.fits(tuple(input_shape))
        return input_shape[0], self.output_size

    def get_initial_state(self, batch_size: int) -> States:
        """What each cell begins with."""
        return initial_states(self, batch_size, ops.zeros((1,), self._own_dtype, device=device_of(self)))

    def call(self, inputs: Tensor, states: States, training: bool = False) -> Any:
        """One step of each cell: the last one's output, and all new states."""
        found = []
        for cell, own in zip(self.cells, states, strict=True):
            inputs, new = stepped(cell, inputs, list(own) if isinstance(own, (list, tuple)) else [own], training)
            found.append(new if isinstance(own, (list, tuple)) else new[0])
        return inputs, found


def is_own(cell: Any) -> bool:
    """Whether a step of this cell is that of one of ours, so that all its inputs can be multiplied at once."""
    return isinstance(cell, Cell) and (type(cell).call is Cell.call or hasattr(cell, "return_sequences"))


__all__ = ["StackedRNNCells", "checked_cell", "initial_states", "is_own", "output_size", "state_sizes", "stepped"]
