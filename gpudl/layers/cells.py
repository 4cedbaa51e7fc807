"""Compute one step of a recurrent net: `SimpleRNNCell`, `LSTMCell`, `GRUCell`.

A cell holds the weights, `call(inputs, states)` is one step. Layers that walk through sequences (recurrence.py) multiply the inputs of all
steps by the kernel at once, and let one op walk through the steps where it can.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import activations, dtypes, initializers, ops
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer

States = list[Any]  # tensors, or for cells on top of each other the lists of each


def device_of(layer: Layer) -> str | None:
    """Where the weights are; None before there are any."""
    return next((v.device for v in layer.weights), None)


class Cell(Layer):
    """What our cells share; each says how many gates and states it has, and what a step is. Arguments are described at `SimpleRNN`."""

    gates: ClassVar[int] = 1
    carried: ClassVar[int] = 1
    kernel: Variable
    recurrent_kernel: Variable
    bias: Variable | None
    bias_initializer: Any

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = self._where
        self.units = arguments.whole(where, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = arguments.flag(where, "use_bias", use_bias)
        self._keep_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._keep_options("recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint)
        self._keep_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout = arguments.fraction(where, "dropout", dropout, one=False)
        self.recurrent_dropout = arguments.fraction(where, "recurrent_dropout", recurrent_dropout, one=False)
        self.seed = None if seed is None else arguments.whole(where, "seed", seed, 0)
        self.bias = None

    # what each says ---------------------------------------------------------------------------------------------------------

    def fused(self, z: Tensor, states: States) -> tuple[Tensor, States] | None:
        """All outputs (N, T, units) and the last states, by one op; None where it cannot."""
        return None

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], dropped: list[Tensor]) -> States:
        """The next states; the first one is the output. `inputs` and `kernels` hold one tensor for each gate, so does `dropped` or none."""
        raise NotImplementedError(f"[{type(self).__name__}] write step(inputs, states, kernels, dropped)")

    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def bias_values(self) -> Any:
        """What initializes the bias."""
        return self.bias_initializer

    def input_bias(self) -> Tensor | None:
        """The bias of the inputs' product."""
        return self.bias

    # what all do ------------------------------------------------------------------------------------------------------------

    @property
    def state_size(self) -> Any:
        """Size of the state, or a list of the sizes of several."""
        return self.units if self.carried == 1 else [self.units] * self.carried

    @property
    def output_size(self) -> int:
        return self.units

    def build(self, input_shape: Shape) -> None:
        features = arguments.known(self._where, "the last axis, the number of features,", input_shape[-1], input_shape)
        width = self.gates * self.units
        self.kernel = self._weight("kernel", (features, width))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, width), "recurrent")
        if self.use_bias:
            self.bias = self._weight("bias", self.bias_shape(), initializer=self.bias_values())
        if self.dropout or self.recurrent_dropout:
            self.random = self.add_random_state(self.seed)

    def fits(self, shape: Shape) -> None:
        """Raise ShapeError unless the weights are for inputs of this shape."""
        features = arguments.known(self._where, "the last axis, the number of features,", shape[-1], shape)
        if self._built and features != self.kernel.shape[0]:
            expected = self.kernel.shape[0]
            raise ShapeError(f"[{self._where}] expected {expected} features on the last axis. Received: {features}, input shape {shape}")

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        arguments.axes(self._where, shape, 2, 2, ", (batch, features)")
        self.fits(shape)
        return shape[0], self.units

    def get_initial_state(self, batch_size: int) -> States:
        """Zeros (batch_size, units), for each state."""
        return [ops.zeros((batch_size, self.units), self._own_dtype, device=device_of(self))] * self.carried

    def one_step(self, inputs: Tensor, states: Any, training: bool = False) -> Any:
        """One step: the output and the next state, or a list of states if `states` is one."""
        self.compute_output_shape(inputs.shape)
        given = [self._let_in(s) for s in (states if isinstance(states, (list, tuple)) else [states])]
        wanted = (inputs.shape[0], self.units)
        if len(given) != self.carried or any(s.shape != wanted for s in given):
            found = ", ".join(str(s.shape) for s in given)
            raise ShapeError(f"[{self._where}] states must be {self.carried} tensors of shape {wanted}. Received: {found}")
        z = self.projected(inputs, training)
        kernels = ops.parts(self.recurrent_kernel, self.gates, 1)
        new = self.step(ops.parts(z, self.gates, -1), given, kernels, self.dropped(given[0], training))
        return new[0], new if isinstance(states, (list, tuple)) else new[0]

    call: Any = one_step  # layers that are their own cells have another one

    def projected(self, x: Tensor, training: bool) -> Tensor:
        """x @ kernel + bias, (N, gates * units) or, for all steps, (N, T, gates * units)"""
        same = (None, 1, None) if x.ndim == 3 else None  # each step drops the same inputs
        if not training or not self.dropout:
            z = ops.matmul(x, self.kernel)
        elif not self.recurrent_dropout or self.gates == 1:
            z = ops.matmul(ops.dropout(x, self.random, self.dropout, same), self.kernel)
        else:  # as in Keras: then each gate drops other inputs
            kernels = ops.parts(self.kernel, self.gates, 1)
            z = ops.concatenate([ops.matmul(ops.dropout(x, self.random, self.dropout, same), k) for k in kernels], -1)
        bias = self.input_bias()
        return z if bias is None else ops.add(z, bias)

    def dropped(self, state: Tensor, training: bool) -> list[Tensor]:
        """What each gate multiplies the state by, so that a share of it is dropped: the same in each step."""
        if not training or not self.recurrent_dropout:
            return []
        ones = ops.ones_like(state.detach())
        return [ops.dropout(ones, self.random, self.recurrent_dropout) for _ in range(self.gates)]


def products(state: Tensor, kernels: list[Tensor], dropped: list[Tensor]) -> list[Tensor]:
    """state @ kernel of each gate, the state with what that gate drops."""
    if not dropped:
        return [ops.matmul(state, k) for k in kernels]
    return [ops.matmul(ops.multiply(state, d), k) for d, k in zip(dropped, kernels)]


class SimpleRNNCell(Cell):
    """h = activation(x @ kernel + bias + h @ recurrent_kernel). Arguments as for `SimpleRNN`, weights too.

    A call takes the inputs (N, features) and the state (N, units), and gives the output and the next state, which are the same.

    >>> import gpudl
    >>> output, states = SimpleRNNCell(3)(gpudl.ones((2, 4)), [gpudl.zeros((2, 3))])
    >>> output.shape, len(states)
    ((2, 3), 1)
    """

    def fused(self, z: Tensor, states: States) -> tuple[Tensor, States] | None:
        if self.activation is not activations.tanh:
            return None
        y = ops.simple_rnn(z, self.recurrent_kernel, states[0])
        return y, [y[:, -1]]

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], dropped: list[Tensor]) -> States:
        return [self.activation(ops.add(inputs[0], products(states[0], kernels, dropped)[0]))]


class LSTMCell(Cell):
    """One step of an `LSTM`: arguments and weights as there.

    A call takes the inputs (N, features) and the states [h, c], (N, units) each, and gives the output h and the next states.

    >>> import gpudl
    >>> output, (h, c) = LSTMCell(3)(gpudl.ones((2, 4)), [gpudl.zeros((2, 3)), gpudl.zeros((2, 3))])
    >>> c.shape
    (2, 3)
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
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = arguments.flag(self._where, "unit_forget_bias", unit_forget_bias)
        self.implementation = arguments.whole(self._where, "implementation", implementation, 0)  # there is nothing to choose

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

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], dropped: list[Tensor]) -> States:
        i, f, g, o = [ops.add(x, p) for x, p in zip(inputs, products(states[0], kernels, dropped))]
        squash = self.recurrent_activation
        c = squash(f) * states[1] + squash(i) * self.activation(g)
        return [squash(o) * self.activation(c), c]


class GRUCell(Cell):
    """One step of a `GRU`: arguments and weights as there.

    A call takes the inputs (N, features) and the state (N, units), and gives the output and the next state, which are the same.

    >>> import gpudl
    >>> output, state = GRUCell(3)(gpudl.ones((2, 4)), gpudl.zeros((2, 3)))
    >>> state.shape
    (2, 3)
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
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = arguments.flag(self._where, "reset_after", reset_after)
        self.implementation = arguments.whole(self._where, "implementation", implementation, 0)  # there is nothing to choose

    def bias_shape(self) -> tuple[int, ...]:
        """Two rows with `reset_after`: one for the inputs, one for the states."""
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

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], dropped: list[Tensor]) -> States:
        h, squash = states[0], self.recurrent_activation
        seen = [ops.multiply(h, d) for d in dropped] if dropped else [h] * 3
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


__all__ = ["Cell", "GRUCell", "LSTMCell", "SimpleRNNCell", "States", "device_of"]
