"""Walk through sequences, step by step, with a state: `Recurrent`, the base of the layers in recurrent.py.

The inputs of all steps are multiplied by the kernel at once. Then one op walks through the steps where it can; other activations,
dropout of states, masks and ``unroll=True`` take a loop of ops, `Recurrent.walk`, that can be differentiated any number of times.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import activations, constraints, dtypes, initializers, ops, regularizers
from ..autograd import apply
from ..errors import ShapeError
from ..op import COPY
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer

States = list[Tensor]


class Recurrent(Layer):
    """What `SimpleRNN`, `LSTM` and `GRU` share; each says how many gates and states it has, and what a step is.

    Arguments are described at `SimpleRNN`.
    """

    gates: ClassVar[int] = 1
    carried: ClassVar[int] = 1
    kernel: Variable
    recurrent_kernel: Variable
    bias: Variable | None

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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = self._where
        self.units = arguments.whole(where, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = arguments.flag(where, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = arguments.fraction(where, "dropout", dropout, one=False)
        self.recurrent_dropout = arguments.fraction(where, "recurrent_dropout", recurrent_dropout, one=False)
        self.return_sequences = arguments.flag(where, "return_sequences", return_sequences)
        self.return_state = arguments.flag(where, "return_state", return_state)
        self.go_backwards = arguments.flag(where, "go_backwards", go_backwards)
        self.stateful = arguments.flag(where, "stateful", stateful)
        self.unroll = arguments.flag(where, "unroll", unroll)
        self.seed = None if seed is None else arguments.whole(where, "seed", seed, 0)
        self.bias = None
        self._kept: list[Variable] = []  # the states between calls of a stateful layer

    # what each says ---------------------------------------------------------------------------------------------------------

    def fused(self, z: Tensor, states: States) -> tuple[Tensor, States] | None:
        """All outputs (N, T, units) and the last states, by one op; None where it cannot."""
        return None

    def step(self, inputs: list[Tensor], states: States, kernels: list[Tensor], masks: list[Tensor]) -> States:
        """The next states; the first one is the output. `inputs` and `kernels` hold one tensor for each gate, so do `masks` or none."""
        raise NotImplementedError

    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def bias_values(self) -> Any:
        """What initializes the bias."""
        return self.bias_initializer

    def input_bias(self) -> Tensor | None:
        """The bias of the inputs' product."""
        return self.bias

    # building ---------------------------------------------------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        features: Any = input_shape[2]
        width = self.gates * self.units
        shapes: dict[str, tuple[int, ...]] = {"kernel": (features, width), "recurrent_kernel": (self.units, width)}
        makers = {"kernel": self.kernel_initializer, "recurrent_kernel": self.recurrent_initializer}
        if self.use_bias:
            shapes["bias"], makers["bias"] = self.bias_shape(), self.bias_values()
        for name, shape in shapes.items():
            kind = name.removesuffix("_kernel")
            bounds, penalty = getattr(self, f"{kind}_constraint"), getattr(self, f"{kind}_regularizer")
            setattr(self, name, self.add_weight(shape, makers[name], regularizer=penalty, constraint=bounds, name=name))
        if self.dropout or self.recurrent_dropout:
            self.random = self.add_random_state(self.seed)
        if self.stateful and input_shape[0] is not None:
            self._keep(input_shape[0])

    def _keep(self, batch: int) -> None:
        """Make room for the states of so many examples, zeros."""
        zeros = np.zeros((batch, self.units), self._own_dtype)
        self._kept = [
            Variable(zeros, trainable=False, device=self.kernel.device, name=f"{self._name}/state_{k}") for k in range(self.carried)
        ]
        self._states = (*self._states, *self._kept)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        arguments.axes(self._where, shape, 3, 3, ", (batch, time steps, features)")
        features = arguments.known(self._where, "the last axis, the number of features,", shape[2], shape)
        if self._built and features != self.kernel.shape[0]:
            expected = self.kernel.shape[0]
            raise ShapeError(f"[{self._where}] expected {expected} features on the last axis. Received: {features}, input shape {shape}")
        if shape[1] == 0:
            raise ShapeError(f"[{self._where}] at least one time step is needed. Received: input shape {shape}")
        out = (*shape[:2], self.units) if self.return_sequences else (shape[0], self.units)
        return [out, *[(shape[0], self.units)] * self.carried] if self.return_state else out

    # computing --------------------------------------------------------------------------------------------------------------

    def call(self, inputs: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        self.compute_output_shape(inputs.shape)
        if self.stateful and not self._kept:
            self._keep(inputs.shape[0])
        z = self._project(inputs, training)
        if self.go_backwards:
            z = ops.flip(z, 1)
        states = self._first(z, initial_state)
        loop = mask is not None or self.unroll or (training and self.recurrent_dropout > 0)
        done = None if loop else self.fused(z, states)
        if done is None:
            output, last = self.walk(z, states, self._mask(mask, inputs), training)
        else:
            output, last = done
            if not self.return_sequences:
                output = last[0]
        if self.stateful:
            for kept, state in zip(self._kept, last):
                kept.assign(state.detach())
        return [output, *last] if self.return_state else output

    def _project(self, x: Tensor, training: bool) -> Tensor:
        """x @ kernel + bias, (N, T, gates * units)"""
        if not training or not self.dropout:
            z = ops.matmul(x, self.kernel)
        elif not self.recurrent_dropout or self.gates == 1:
            z = ops.matmul(ops.dropout(x, self.random, self.dropout, (None, 1, None)), self.kernel)
        else:  # as in Keras: then each gate drops other inputs
            kernels = ops.parts(self.kernel, self.gates, 1)
            z = ops.concatenate([ops.matmul(ops.dropout(x, self.random, self.dropout, (None, 1, None)), k) for k in kernels], -1)
        bias = self.input_bias()
        return z if bias is None else ops.add(z, bias)

    def _first(self, z: Tensor, given: Any) -> States:
        """The states before the first step."""
        shape = (z.shape[0], self.units)
        if given is not None:
            states = [self._let_in(s) for s in (given if isinstance(given, (list, tuple)) else [given])]
            if len(states) != self.carried or any(s.shape != shape for s in states):
                found = ", ".join(str(s.shape) for s in states)
                raise ShapeError(f"[{self._where}] initial_state must be {self.carried} tensors of shape {shape}. Received: {found}")
            return [ops.cast(s, self._own_dtype) for s in states]
        if self.stateful:
            if self._kept[0].shape != shape:
                raise ShapeError(
                    f"[{self._where}] a stateful layer keeps the states of {self._kept[0].shape[0]} sequences: all batches must have this "
                    f"size. Received: {shape[0]}"
                )
            return [apply(COPY, (s,)) for s in self._kept]  # they are overwritten at the end of the call, but the gradient needs them
        zeros = ops.zeros_like(z[:, 0, : self.units].detach())
        return [zeros] * self.carried

    def _mask(self, mask: Any, x: Tensor) -> list[Tensor] | None:
        """The mask of each step, (N, 1)."""
        if mask is None:
            return None
        found = ops.cast(mask if isinstance(mask, Tensor) else Tensor(np.asarray(mask), device=x.device), dtypes.bool_)
        if found.shape != x.shape[:2]:
            raise ShapeError(f"[{self._where}] mask must be (N, T) = {x.shape[:2]}. Received: {found.shape}")
        return ops.parts(ops.flip(found, 1) if self.go_backwards else found, x.shape[1], 1)

    def walk(self, z: Tensor, states: States, mask: list[Tensor] | None, training: bool) -> tuple[Tensor, States]:
        """Step by step with ops: the output, of all steps or of the last, and the last states."""
        steps = z.shape[1]
        gates = [[ops.squeeze(x, 1) for x in ops.parts(gate, steps, 1)] for gate in ops.parts(z, self.gates, -1)]
        kernels = ops.parts(self.recurrent_kernel, self.gates, 1)
        dropped: list[Tensor] = []
        if training and self.recurrent_dropout:
            ones = ops.ones_like(states[0].detach())
            dropped = [ops.dropout(ones, self.random, self.recurrent_dropout) for _ in range(self.gates)]
        outputs: list[Tensor] = []
        for t in range(steps):
            new = self.step([gate[t] for gate in gates], states, kernels, dropped)
            if mask is not None:
                new = [ops.where(mask[t], a, b) for a, b in zip(new, states)]
            outputs.append(new[0])
            states = new
        return (ops.stack(outputs, 1) if self.return_sequences else outputs[-1]), states

    def reset_states(self) -> None:
        """Let a stateful layer begin with zeros again."""
        for state in self._kept:
            state.assign(0.0)

    reset_state = reset_states


def products(state: Tensor, kernels: list[Tensor], masks: list[Tensor]) -> list[Tensor]:
    """state @ kernel of each gate, the state with what that gate drops."""
    if not masks:
        return [ops.matmul(state, k) for k in kernels]
    return [ops.matmul(ops.multiply(state, m), k) for m, k in zip(masks, kernels)]


__all__ = ["Recurrent", "products"]
