"""Put a layer into another: walk through sequences both ways (`Bidirectional`), apply a layer to every time step (`TimeDistributed`)."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..errors import ShapeError
from ..named import custom_object_scope
from ..tensors import Tensor
from . import arguments
from .arguments import Shape
from .base import Layer
from .building import plain
from .support import restored

MERGES = ("concat", "sum", "mul", "ave", None)


class Bidirectional(Layer):
    """A recurrent layer that walks forward, and another one that walks backward; their outputs are merged.

    Args:
        layer: a recurrent layer, which is copied twice: the copies are `forward_layer` and `backward_layer`.
        merge_mode: ``"concat"`` along the last axis (default), ``"sum"``, ``"mul"``, ``"ave"`` (the mean), or None: a list of both.
        backward_layer: used instead of the second copy; must have another `go_backwards`.
        **kwargs: as for `Layer`; ``weights=[...]`` sets the weights.

    With ``return_sequences`` the backward outputs are turned round, so that both belong to one time step. With ``return_state`` a list:
    the output, the forward states, the backward states. A call takes ``initial_state=``, forward states first, and ``mask=``.

    Source: Schuster and Paliwal, Bidirectional recurrent neural networks, 1997.

    >>> import gpudl
    >>> layer = Bidirectional(gpudl.layers.LSTM(3, return_sequences=True))
    >>> layer(gpudl.ones((2, 5, 4))).shape
    (2, 5, 6)
    """

    def __init__(self, layer: Any, merge_mode: str | None = "concat", *, backward_layer: Any = None, **kwargs: Any) -> None:
        weights = kwargs.pop("weights", None)
        super().__init__(**kwargs)
        where = "Bidirectional"
        if merge_mode is not None:
            arguments.choice(where, "merge_mode", merge_mode, MERGES[:-1])
        layer, backward_layer = restored(layer), restored(backward_layer)
        for what, part in (("layer", layer), ("backward_layer", backward_layer)):
            if not (isinstance(part, Layer) and hasattr(part, "go_backwards")) and (what == "layer" or part is not None):
                raise TypeError(f"[{where}] {what} must be a recurrent layer such as LSTM(32). Received: {what}={part!r}")
        self.merge_mode = merge_mode
        self._given = plain(layer)
        self._given_backward = None if backward_layer is None else plain(backward_layer)
        config = self._given["config"]
        name = layer.name
        with custom_object_scope({type(part).__name__: type(part) for part in layer._tree()}):  # cells of the user's own
            self.forward_layer = type(layer).from_config({**config, "name": f"forward_{name.removeprefix('forward_')}"})
            if backward_layer is None:
                turned = {**config, "name": f"backward_{name.removeprefix('backward_')}", "go_backwards": True}
                backward_layer = type(layer).from_config(turned)
        self.backward_layer = backward_layer
        self._check_pair()
        for part in (self.forward_layer, self.backward_layer):
            if hasattr(part, "zero_output_for_mask"):  # a masked step gives nothing, in either direction
                part.zero_output_for_mask = part.return_sequences
        if not self._trainable:
            self.forward_layer.trainable = self.backward_layer.trainable = False
        self._given_weights = weights

    def _check_pair(self) -> None:
        one, other = self.forward_layer, self.backward_layer
        if one.go_backwards == other.go_backwards:
            raise ValueError(
                f"[Bidirectional] one layer must walk backward, the other not. Received: go_backwards={one.go_backwards} in both"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(one, name) != getattr(other, name):
                raise ValueError(
                    f"[Bidirectional] layer and backward_layer must have the same {name}. "
                    f"Received: {getattr(one, name)} and {getattr(other, name)}"
                )

    def build(self, input_shape: Shape) -> None:
        self.forward_layer.build(input_shape)
        self.backward_layer.build(input_shape)
        if self._given_weights is not None:
            self.set_weights(self._given_weights)

    def call(self, inputs: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        first: tuple[Any, Any] = (None, None)
        if initial_state is not None:
            states = list(initial_state)
            first = states[: len(states) // 2], states[len(states) // 2 :]
        y = self.forward_layer(inputs, initial_state=first[0], mask=mask, training=training)
        back = self.backward_layer(inputs, initial_state=first[1], mask=mask, training=training)
        states = []
        if self.forward_layer.return_state:
            (y, *states), (back, *more) = y, back
            states += more
        if self.forward_layer.return_sequences:
            back = ops.flip(back, 1)
        merged = self._merged(y, back)
        if not states:
            return merged
        return [*merged, *states] if isinstance(merged, list) else [merged, *states]

    def compute_mask(self, inputs: Tensor, previous_mask: Any) -> Any:
        mask = previous_mask if self.forward_layer.return_sequences else None
        return [mask, mask] if self.merge_mode is None else [mask]

    def _merged(self, y: Tensor, back: Tensor) -> Any:
        mode = self.merge_mode
        if mode is None:
            return [y, back]
        if mode == "concat":
            return ops.concatenate([y, back], -1)
        if mode == "mul":
            return y * back
        return y + back if mode == "sum" else (y + back) * 0.5

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = self.forward_layer.compute_output_shape(input_shape)
        states: list[Shape] = []
        if self.forward_layer.return_state:
            shape, *states = shape
        merged = (*shape[:-1], 2 * shape[-1]) if self.merge_mode == "concat" else [shape, shape] if self.merge_mode is None else shape
        if not states:
            return merged
        return [*(merged if isinstance(merged, list) else [merged]), *states, *states]

    def reset_states(self) -> None:
        """Let stateful layers begin with zeros again."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    reset_state = reset_states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": self._given, "merge_mode": self.merge_mode, "backward_layer": self._given_backward}


class Wrapper(Layer):
    """The base of layers that hold another one, as `layer`: it is built for the same inputs, unless `build` says otherwise.

    Args:
        layer: the layer within.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> class Twice(Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    >>> Twice(gpudl.layers.Dense(3))(gpudl.ones((2, 3))).shape
    (2, 3)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        layer = restored(layer)
        if not isinstance(layer, Layer):
            raise TypeError(f"[{self._where}] layer must be a layer such as Dense(3). Received: layer={layer!r}")
        self.layer = layer
        if not self._trainable:
            layer.trainable = False

    def build(self, input_shape: Shape) -> None:
        self.layer.build(input_shape)


class TimeDistributed(Wrapper):
    """A layer applied to every time step: to x[:, 0], x[:, 1] ..., with the same weights.

    All steps are one large batch to it: a batch normalisation inside takes its statistics over all steps together.

    Args:
        layer: any layer with one input and one output.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> TimeDistributed(gpudl.layers.Dense(3))(gpudl.ones((2, 5, 4))).shape
    (2, 5, 3)
    """

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self._check(input_shape)
        self.layer.build((None, *input_shape[2:]))

    def _check(self, shape: Shape) -> None:
        arguments.axes("TimeDistributed", shape, 3, meaning=", (batch, time steps, ...)")

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        n, t, *rest = inputs.shape
        self._check(inputs.shape)
        x = ops.reshape(inputs, (n * t, *rest))
        more: dict[str, Any] = {}
        if mask is not None:
            if mask.shape[:2] != (n, t):
                raise ShapeError(f"[TimeDistributed] mask must be (N, T, ...) = {(n, t)}. Received: {mask.shape}")
            if self.layer._mask_at is not None:
                more["mask"] = ops.reshape(mask, (n * t, *mask.shape[2:]))
        y = self.layer(x, training=training, **more)
        if not isinstance(y, Tensor):
            raise ShapeError(f"[TimeDistributed] the layer must give one output. Received: {len(y)} from {self.layer.name!r}")
        return ops.reshape(y, (n, t, *y.shape[1:]))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        self._check(shape)
        n, t = shape[:2]
        rows = None if n is None or t is None else math.prod((n, t))
        return n, t, *self.layer.compute_output_shape((rows, *shape[2:]))[1:]


__all__ = ["Bidirectional", "TimeDistributed", "Wrapper"]
