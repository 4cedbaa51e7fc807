"""Say what inputs a layer takes: `InputSpec`, checked whenever the layer is called."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..errors import DTypeError, ShapeError
from . import arguments


class InputSpec:
    """What a layer expects of an input. A layer of your own sets ``self.input_spec``, to one or to a list for several inputs.

    Args:
        dtype: of the input.
        shape: with the batch axis, None where a size is open.
        ndim, max_ndim, min_ndim: the number of axes, or its bounds.
        axes: axis -> size.
        allow_last_axis_squeeze: a last axis of size 1 may be missing, or be there, against `shape`. Default False.
        name: of the input, shown in messages.
        optional: whether None will do. Default False.

    >>> import gpudl
    >>> class Rows(gpudl.layers.Layer):
    ...     input_spec = InputSpec(min_ndim=2, axes={-1: 3})
    ...     def call(self, inputs):
    ...         return inputs * 2.0
    >>> Rows(name="rows")(gpudl.ones((1, 4)))
    Traceback (most recent call last):
    ...
    gpudl.errors.ShapeError: [Rows] layer 'rows': input_spec expects size 3 on axis -1. Received: shape (1, 4)
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else dtypes.standard(dtype).name
        self.shape = None if shape is None else arguments.shape("InputSpec", "shape", shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal one."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """An equal one from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"InputSpec({', '.join(f'{name}={value!r}' for name, value in vars(self).items() if value not in (None, {}, False))})"

    def check(self, where: str, x: Any) -> None:
        """Raise ShapeError or DTypeError unless the tensor is as expected."""
        shape = tuple(x.shape)
        received = f"Received: shape {shape}" + (f" for input {self.name!r}" if self.name else "")
        wanted = self.shape
        if self.allow_last_axis_squeeze and wanted is not None and abs(len(shape) - len(wanted)) == 1:
            longer = max(shape, wanted, key=len)
            if longer[-1] == 1:
                shape, wanted = ((*shape, 1) if longer is wanted else shape[:-1]), wanted
        n = len(shape)
        if self.ndim is not None and n != self.ndim:
            raise ShapeError(f"[{where}] input_spec expects {self.ndim} axes. {received}")
        if (self.min_ndim is not None and n < self.min_ndim) or (self.max_ndim is not None and n > self.max_ndim):
            least, most = self.min_ndim or 0, "any number" if self.max_ndim is None else self.max_ndim
            raise ShapeError(f"[{where}] input_spec expects {least} to {most} axes. {received}")
        sizes = {**dict(enumerate(wanted or ())), **self.axes}
        for axis, size in sizes.items():
            if size is not None and (not -n <= axis < n or shape[axis] not in (size, None)):
                raise ShapeError(f"[{where}] input_spec expects size {size} on axis {axis}. {received}")
        if self.dtype is not None and x.dtype.name != self.dtype:
            raise DTypeError(f"[{where}] input_spec expects dtype {self.dtype}. Received: {x.dtype.name}")


def check_inputs(where: str, spec: Any, inputs: Any) -> None:
    """Check each input against its InputSpec."""
    specs = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if len(specs) != len(given):
        raise ShapeError(f"[{where}] input_spec expects {len(specs)} inputs. Received: {len(given)}")
    for each, x in zip(specs, given):
        if each is not None and not (x is None and each.optional):
            each.check(where, x)


__all__ = ["InputSpec"]
