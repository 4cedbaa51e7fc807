"""Walk through sequences with a state: `SimpleRNN`, `LSTM` and `GRU`, with the weights and the arithmetic of Keras; `RNN` with any cell."""

from __future__ import annotations

from typing import Any

from .. import ops
from .arguments import Shape
from .base import Layer
from .cells import GRUCell, LSTMCell, SimpleRNNCell, States, device_of
from .recurrence import Recurrent, Walking
from .stacking import StackedRNNCells, checked_cell, initial_states
from .support import restored


class RNN(Walking):
    """Walks through sequences with a cell.

    Args:
        cell: `LSTMCell` or another; a list of cells, which become `StackedRNNCells`; or an object of your own with
            ``call(inputs, states)``, which returns the output and the new states, and ``state_size``, a number or a list of numbers. It may
            have ``output_size``, by default the first state's, and ``get_initial_state(batch_size)``, by default zeros. If it holds
            weights it must be a `Layer`.
        **kwargs: as for `SimpleRNN`: ``return_sequences``, ``return_state``, ``stateful`` and the others.

    `RNN(LSTMCell(32))` computes what `LSTM(32)` does. The weights are those of the cell.

    >>> import gpudl
    >>> class Sum(Layer):
    ...     state_size = 4
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> RNN(Sum())(gpudl.ones((1, 3, 4)))
    Tensor([[3., 3., 3., 3.]], dtype=float32)
    """

    _any_rank = True

    def __init__(self, cell: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        cell = restored(cell)
        self.cell = checked_cell("RNN", StackedRNNCells(cell, dtype=self.dtype) if isinstance(cell, (list, tuple)) else cell)
        if isinstance(self.cell, Layer) and not self._trainable:
            self.cell.trainable = False

    def _build_cell(self, shape: Shape) -> None:
        if isinstance(self.cell, Layer):
            self.cell.build(shape)

    def get_initial_state(self, batch_size: int) -> States:
        """The states that a call begins with, if none are given."""
        return initial_states(self.cell, batch_size, ops.zeros((1,), self._own_dtype, device=device_of(self)))


class SimpleRNN(Recurrent, SimpleRNNCell):
    """h = activation(x @ kernel + bias + h @ recurrent_kernel), for one time step after the other.

    Args:
        units: size of the state and of an output.
        activation: default ``"tanh"``.
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: default ``"glorot_uniform"``, ``"orthogonal"``, ``"zeros"``.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on weights, default None.
        kernel_constraint, recurrent_constraint, bias_constraint: bounds of weights, kept after each update, default None.
        dropout: in training, the share of inputs that is dropped: the same ones in each step. Default 0.
        recurrent_dropout: the same for states, for each gate others. Default 0.
        return_sequences: give the output of each step, (N, T, units), not only of the last. Default False.
        return_state: give a list: the output, then the last state or states. Default False.
        go_backwards: begin with the last step; outputs come in the order in which they are made. Default False.
        stateful: begin with the last states of the call before; `reset_states` makes them zero. Default False.
        unroll: take a loop of ops, which can be differentiated twice. Default False.
        zero_output_for_mask: the output of a masked step is 0, not that of the step before. Default False.
        seed: fixes what is dropped.
        **kwargs: as for `Layer`.

    A call takes ``initial_state=``, a list of tensors (N, units), and ``mask=``, bools (N, T), by default that of the layer before: where
    it is False, a step keeps state and output as they are.

    Weights: `kernel` (features, units), `recurrent_kernel` (units, units), `bias` (units,).

    >>> import gpudl
    >>> SimpleRNN(3)(gpudl.ones((2, 5, 4))).shape
    (2, 3)
    """


class LSTM(Recurrent, LSTMCell):
    """c = f c + i activation(g), h = o activation(c), with gates i, f, g, o = x @ kernel + bias + h @ recurrent_kernel, of which i, f and
    o go through `recurrent_activation`: for one time step after the other.

    Args:
        units: size of a state and of an output.
        activation: default ``"tanh"``.
        recurrent_activation: of the gates, default ``"sigmoid"``.
        use_bias: default True.
        unit_forget_bias: let the bias of the forget gate begin with 1, so that nothing is forgotten at first. Default True.
        use_cudnn, implementation: are accepted and ignored.
        **kwargs: as for `SimpleRNN`: ``return_sequences``, ``return_state`` (h, then c), ``dropout`` and the others.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units), `bias` (4 units,), gates in the order i, f, g, o.

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997.

    >>> import gpudl
    >>> LSTM(3, return_sequences=True)(gpudl.ones((2, 5, 4))).shape
    (2, 5, 3)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        *,
        use_cudnn: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, recurrent_activation, use_bias, **kwargs)
        self.use_cudnn = cudnn("LSTM", use_cudnn)


class GRU(Recurrent, GRUCell):
    """h = z h + (1 - z) activation(x_h + r s_h), for one time step after the other, with x = x @ kernel + bias, s = h @ recurrent_kernel +
    recurrent bias, update gate z = recurrent_activation(x_z + s_z) and reset gate r = recurrent_activation(x_r + s_r).

    Args:
        units: size of the state and of an output.
        activation: default ``"tanh"``.
        recurrent_activation: of the gates, default ``"sigmoid"``.
        use_bias: default True.
        reset_after: apply the reset gate after the product, as above; False: before it, (r h) @ recurrent_kernel_h, with one bias.
            Default True.
        use_cudnn, implementation: are accepted and ignored.
        **kwargs: as for `SimpleRNN`: ``return_sequences``, ``return_state``, ``dropout`` and the others.

    Weights: `kernel` (features, 3 units), `recurrent_kernel` (units, 3 units), `bias` (2, 3 units), or (3 units,) if not `reset_after`;
    gates in the order z, r, h.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.

    >>> import gpudl
    >>> output, state = GRU(3, return_state=True)(gpudl.ones((2, 5, 4)))
    >>> output.shape, state.shape
    ((2, 3), (2, 3))
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        *,
        use_cudnn: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, recurrent_activation, use_bias, **kwargs)
        self.use_cudnn = cudnn("GRU", use_cudnn)


def cudnn(where: str, value: Any) -> bool | str:
    """Check the argument; there is nothing to choose."""
    if value not in ("auto", True, False):
        raise ValueError(f"[{where}] use_cudnn must be 'auto', True or False. Received: use_cudnn={value!r}")
    return value  # type: ignore[no-any-return]


__all__ = ["GRU", "LSTM", "RNN", "SimpleRNN"]
