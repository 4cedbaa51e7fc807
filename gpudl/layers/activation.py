"""Bend the input: `ReLU`, `LeakyReLU`, `PReLU`, `ELU`, `Softmax`."""

from __future__ import annotations

from typing import Any

from .. import activations, dtypes, ops
from ..errors import ShapeError
from ..tensors import Tensor
from ..variables import Variable
from . import arguments
from .arguments import Shape
from .base import Layer
from .support import along_memory


class ReLU(Layer):
    """x where x >= threshold, else negative_slope * (x - threshold), at most max_value. By default max(x, 0).

    Args:
        max_value: default None, no limit.
        negative_slope: default 0.
        threshold: default 0.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> ReLU(max_value=6.0)(gpudl.tensor([[-1.0, 2.0, 7.0]]))
    Tensor([[0., 2., 6.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else arguments.number("ReLU", "max_value", max_value, 0)
        self.negative_slope = arguments.number("ReLU", "negative_slope", negative_slope, 0)
        self.threshold = arguments.number("ReLU", "threshold", threshold, 0)

    def call(self, inputs: Tensor) -> Tensor:
        if self.max_value is None and not self.negative_slope and not self.threshold:
            return along_memory(ops.relu, inputs)
        return along_memory(lambda x: activations.relu(x, self.negative_slope, self.max_value, self.threshold), inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope * x.

    Args:
        negative_slope: default 0.3.
        **kwargs: as for `Layer`.

    >>> import gpudl
    >>> LeakyReLU(0.01)(gpudl.tensor([[-1.0, 2.0]]))
    Tensor([[-0.01, 2. ]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = arguments.number("LeakyReLU", "negative_slope", negative_slope, 0)

    def call(self, inputs: Tensor) -> Tensor:
        return along_memory(lambda x: ops.leaky_relu(x, self.negative_slope), inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class PReLU(Layer):
    """x where x > 0, else alpha * x, with an alpha that is learned for each place of an example.

    Args:
        alpha_initializer: default ``"zeros"``.
        alpha_regularizer, alpha_constraint: default None.
        shared_axes: along which one alpha holds for all places, e.g. ``[1, 2]`` for one a channel of images. Default None.
        **kwargs: as for `Layer`.

    Weights: `alpha`, of the shape of an example, 1 along `shared_axes`.

    Source: He et al., Delving deep into rectifiers, 2015.

    >>> import gpudl
    >>> PReLU(alpha_initializer=gpudl.initializers.Constant(0.5))(gpudl.tensor([[-4.0, 2.0]])).detach()
    Tensor([[-2.,  2.]], dtype=float32)
    """

    supports_masking = True

    alpha: Variable

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._keep_options("alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        axes = shared_axes if isinstance(shared_axes, (list, tuple)) else [] if shared_axes is None else [shared_axes]
        if any(isinstance(a, bool) or not isinstance(a, int) for a in axes):
            raise TypeError(f"[PReLU] shared_axes must be an integer, or several. Received: shared_axes={shared_axes!r}")
        self.shared_axes = None if shared_axes is None else tuple(axes)

    def build(self, input_shape: Shape) -> None:
        shared = self._shared(input_shape)
        what = "the size of each axis that is not in shared_axes"
        sizes = [1 if a in shared else arguments.known("PReLU", what, n, input_shape) for a, n in enumerate(input_shape) if a]
        self.alpha = self._weight("alpha", sizes)

    def _shared(self, shape: Shape) -> list[int]:
        axes = [arguments.axis("PReLU", a, shape) for a in self.shared_axes or ()]
        if 0 in axes:
            raise ShapeError(f"[PReLU] shared_axes={self.shared_axes} includes the batch axis. Received: input shape {shape}")
        return axes

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)
        return ops.subtract(ops.relu(inputs), ops.multiply(self.alpha, ops.relu(ops.negative(inputs))))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        shared = self._shared(shape)
        if self._built:
            held = self.alpha.shape
            if len(shape) != len(held) + 1 or any(a + 1 not in shared and n not in (None, held[a]) for a, n in enumerate(shape[1:])):
                raise ShapeError(
                    f"[PReLU] expected examples of shape {held}, shared_axes={self.shared_axes}. Received: input shape {shape}"
                )
        return shape


class ELU(Layer):
    """x where x > 0, else alpha * (exp(x) - 1).

    Args:
        alpha: default 1.
        **kwargs: as for `Layer`.

    Source: Clevert et al., Fast and accurate deep network learning by exponential linear units, 2015.

    >>> import gpudl
    >>> ELU()(gpudl.tensor([[-1.0, 2.0]]))
    Tensor([[-0.63212055,  2.        ]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = arguments.number("ELU", "alpha", alpha)

    def call(self, inputs: Tensor) -> Tensor:
        return along_memory(lambda x: ops.elu(x, self.alpha), inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return tuple(input_shape)


class Softmax(Layer):
    """exp(x) / sum(exp(x)) along an axis.

    Args:
        axis: default -1; or several.
        **kwargs: as for `Layer`.

    A call takes ``mask=``, bools that broadcast to the input: where it is False, the output is 0 and the input does not count.

    >>> import gpudl
    >>> Softmax()(gpudl.tensor([[1.0, 1.0]]))
    Tensor([[0.5, 0.5]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, int) and not (isinstance(axis, (tuple, list)) and all(isinstance(a, int) for a in axis)):
            raise TypeError(f"[Softmax] axis must be an integer, or several. Received: axis={axis!r}")
        self.axis = axis

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        axis = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        if mask is None or (mask.ndim < inputs.ndim and mask.shape == inputs.shape[: mask.ndim]):  # whole steps are masked, not classes
            return ops.softmax(inputs, axis)
        if mask.ndim > inputs.ndim or any(m not in (1, n) for m, n in zip(mask.shape[::-1], inputs.shape[::-1])):
            raise ShapeError(f"[Softmax] mask must broadcast to the input. Received: mask {mask.shape}, input shape {inputs.shape}")
        seen = mask if mask.dtype == dtypes.bool_ else ops.greater(mask, 0.5)
        lowest = -3e4 if inputs.dtype == dtypes.float16 else -1e9
        return ops.where(seen, ops.softmax(ops.where(seen, inputs, lowest), axis), 0.0)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = tuple(input_shape)
        for axis in [self.axis] if isinstance(self.axis, int) else self.axis:
            arguments.axis("Softmax", axis, shape)
        return shape


__all__ = ["ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"]
