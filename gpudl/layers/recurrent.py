"""Walk through sequences with a state: `SimpleRNN`, `LSTM` and `GRU`, with the weights and the arithmetic of Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import activations, dtypes, initializers, ops
from ..tensors import Tensor
from . import arguments
from .recurrence import Recurrent, States, products


class SimpleRNN(Recurrent):
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
        seed: fixes what is dropped.
        **kwargs: as for `Layer`.

    A call takes ``initial_state=``, a list of tensors (N, units), and ``mask=``, bools (N, T): where it is False, a step keeps state
    and output as they are.

    Weights: `kernel` (features, units), `recurrent_kernel` (units, units), `bias` (units,).

    >>> import gpudl
    >>> SimpleRNN(3)(gpudl.ones((2, 5, 4))).shape
    (2, 3)
    """

    def fused(self, z: Tensor, states: States) -> tuple[Tensor, States] | None:
        if self.activation is not activations.tanh:
            return None
        y = ops.simple_rnn(z, self.recurrent_kernel, states[0])
        return y, [y[:, -1]]

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], masks: list[Tensor]) -> States:
        return [self.activation(ops.add(inputs[0], products(states[0], kernels, masks)[0]))]


class LSTM(Recurrent):
    """c = f c + i activation(g), h = o activation(c), with gates i, f, g, o = x @ kernel + bias + h @ recurrent_kernel, of which i, f and
    o go through `recurrent_activation`: for one time step after the other.

    Args:
        units: size of a state and of an output.
        activation: default ``"tanh"``.
        recurrent_activation: of the gates, default ``"sigmoid"``.
        use_bias: default True.
        unit_forget_bias: let the bias of the forget gate begin with 1, so that nothing is forgotten at first. Default True.
        use_cudnn: is accepted and ignored.
        **kwargs: as for `SimpleRNN`: ``return_sequences``, ``return_state`` (h, then c), ``dropout`` and the others.

    Weights: `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units), `bias` (4 units,), gates in the order i, f, g, o.

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997.

    >>> import gpudl
    >>> LSTM(3, return_sequences=True)(gpudl.ones((2, 5, 4))).shape
    (2, 5, 3)
    """

    gates = 4
    carried = 2

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        *,
        unit_forget_bias: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = arguments.flag("LSTM", "unit_forget_bias", unit_forget_bias)
        self.use_cudnn = use_cudnn

    def bias_values(self) -> Any:
        if not self.unit_forget_bias:
            return self.bias_initializer

        def values(shape: tuple[int, ...], dtype: Any = None) -> Any:
            kind, units = dtypes.standard(dtype), self.units
            first, rest = (initializers.values(self.bias_initializer, (n * units,), kind) for n in (1, 2))
            return np.concatenate([first, np.ones(units, kind), rest])

        return values

    def fused(self, z: Tensor, states: States) -> tuple[Tensor, States] | None:
        if self.activation is not activations.tanh or self.recurrent_activation is not activations.sigmoid:
            return None
        y, c = ops.lstm(z, self.recurrent_kernel, *states)
        return y, [y[:, -1], c[:, -1]]

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], masks: list[Tensor]) -> States:
        i, f, g, o = [ops.add(x, p) for x, p in zip(inputs, products(states[0], kernels, masks))]
        squash = self.recurrent_activation
        c = squash(f) * states[1] + squash(i) * self.activation(g)
        return [squash(o) * self.activation(c), c]


class GRU(Recurrent):
    """h = z h + (1 - z) activation(x_h + r s_h), for one time step after the other, with x = x @ kernel + bias, s = h @ recurrent_kernel +
    recurrent bias, update gate z = recurrent_activation(x_z + s_z) and reset gate r = recurrent_activation(x_r + s_r).

    Args:
        units: size of the state and of an output.
        activation: default ``"tanh"``.
        recurrent_activation: of the gates, default ``"sigmoid"``.
        use_bias: default True.
        reset_after: apply the reset gate after the product, as above; False: before it, (r h) @ recurrent_kernel_h, with one bias.
            Default True.
        use_cudnn: is accepted and ignored.
        **kwargs: as for `SimpleRNN`: ``return_sequences``, ``return_state``, ``dropout`` and the others.

    Weights: `kernel` (features, 3 units), `recurrent_kernel` (units, 3 units), `bias` (2, 3 units), or (3 units,) if not `reset_after`;
    gates in the order z, r, h.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.

    >>> import gpudl
    >>> output, state = GRU(3, return_state=True)(gpudl.ones((2, 5, 4)))
    >>> output.shape, state.shape
    ((2, 3), (2, 3))
    """

    gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        *,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = arguments.flag("GRU", "reset_after", reset_after)
        self.use_cudnn = use_cudnn

    def bias_shape(self) -> tuple[int, ...]:
        width = 3 * self.units
        return (2, width) if self.reset_after else (width,)

    def input_bias(self) -> Tensor | None:
        return self.bias if self.bias is None or not self.reset_after else self.bias[0]

    def fused(self, z: Tensor, states: States) -> tuple[Tensor, States] | None:
        if not self.reset_after or self.activation is not activations.tanh or self.recurrent_activation is not activations.sigmoid:
            return None
        bias = ops.zeros_like(self.recurrent_kernel[0].detach()) if self.bias is None else self.bias[1]
        y = ops.gru(z, self.recurrent_kernel, bias, states[0])
        return y, [y[:, -1]]

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], masks: list[Tensor]) -> States:
        h = states[0]
        squash, masks = self.recurrent_activation, masks or [None] * 3  # type: ignore[list-item]
        seen = [h if m is None else ops.multiply(h, m) for m in masks]
        biases: list[Any] = [None] * 3
        if self.reset_after and self.bias is not None:
            biases = [self.bias[1, k * self.units : (k + 1) * self.units] for k in range(3)]

        def product(k: int, state: Tensor) -> Tensor:
            p = ops.matmul(state, kernels[k])
            return p if biases[k] is None else ops.add(p, biases[k])

        z = squash(ops.add(inputs[0], product(0, seen[0])))
        r = squash(ops.add(inputs[1], product(1, seen[1])))
        past = r * product(2, seen[2]) if self.reset_after else product(2, r * seen[2])
        return [z * h + (1.0 - z) * self.activation(ops.add(inputs[2], past))]


__all__ = ["GRU", "LSTM", "SimpleRNN"]
