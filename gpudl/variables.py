"""Keep what changes: parameters and state (`Variable`), back to back in flat memory (`Arena`, `Pack`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import backends, dtypes
from .autograd import ASSIGN_
from .backends import Backend
from .errors import DTypeError, ShapeError
from .op import COPY, entangled, launch
from .tensors import Leaf, Storage, Tensor, TensorLike, empty, host_array, mode, tick, wrap
from .versioned import touched


class Variable(Tensor):
    """A tensor that can be assigned: a parameter, running statistics, a random state. Its memory never moves once a model holds it.

    Args:
        value: initial contents, as for `Tensor`.
        trainable: gather gradients in `.grad`, default True; integer and bool variables are never trainable.
        dtype, device: as for `Tensor`.
        autocast: let ops within a layer of mixed precision take it in the layer's compute dtype, default True.
        name: shown in summaries and messages.

    >>> w = Variable([1.0, 2.0], name="w")
    >>> w.assign([3.0, 4.0])
    >>> w
    Variable('w', [3., 4.], dtype=float32)
    """

    __slots__ = ("_constraint", "_leaf", "autocast", "name")

    def __init__(
        self,
        value: TensorLike,
        trainable: bool = True,
        dtype: Any = None,
        device: str | None = None,
        name: str = "variable",
        autocast: bool = True,
    ) -> None:
        super().__init__(value, dtype=dtype, device=device)
        self.name = name
        self.autocast = autocast
        self._constraint: Any = None
        self._leaf = Leaf(self.shape, self.dtype)
        self.edge = (self._leaf, 0) if trainable and dtypes.is_float(self.dtype) else None

    @property
    def constraint(self) -> Any:
        """A function of this variable that optimizers apply after each update, or None; may be set."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        self._constraint = value
        if self.storage.seen:
            touched(f"the constraint of variable {self.name!r} was set during the step")

    @property
    def trainable(self) -> bool:
        """Whether gradients are gathered; may be set."""
        return self.edge is not None

    @trainable.setter
    def trainable(self, wanted: bool) -> None:
        if wanted == (self.edge is not None):
            return
        if wanted and not dtypes.is_float(self.dtype):
            raise DTypeError(f"variable {self.name!r} of dtype {self.dtype} cannot be trained")
        if not wanted:
            self._leaf.clear()
        self.edge = (self._leaf, 0) if wanted else None
        touched(f"variable {self.name!r} was frozen or released during the step")

    requires_grad = trainable

    @property
    def path_leaf(self) -> Leaf:
        """The end of the tape of this variable, also while it is frozen."""
        return self._leaf

    def assign(self, value: TensorLike) -> None:
        """Overwrite the contents; whoever holds this variable, recorded steps included, sees the new values.

        Args:
            value: of this variable's shape, or a number for all elements; cast to its dtype.

        Raises:
            ShapeError: if the shape differs; nothing is changed then.
        """
        if isinstance(value, Tensor) and value.storage.backend is self.storage.backend:
            self._check(value.shape)
            if value.storage is self.storage and entangled(value, self):  # a kernel may write an element before it has read it
                view, value = value, empty(value.shape, value.dtype, value.storage.backend)
                launch(COPY, (value,), (view,))
            launch(ASSIGN_, (self,), (value,))
            return
        host = host_array(value, self.dtype)
        self._check(host.shape)
        if mode.recorder is not None:
            mode.recorder.refuse(f"variable {self.name!r} was written from the host")
        self.storage.backend.write(self.array, host if host.shape == self.array.shape else np.broadcast_to(host, self.shape))
        self.storage.stamp = tick()

    def assign_add(self, value: TensorLike) -> None:
        """self = self + value"""
        self.assign(self.detach() + value)

    def assign_sub(self, value: TensorLike) -> None:
        """self = self - value"""
        self.assign(self.detach() - value)

    def _check(self, shape: tuple[int, ...]) -> None:
        if shape != self.shape and shape != ():
            raise ShapeError(f"[assign] variable {self.name!r} has shape {self.shape}. Received: a value of shape {shape}")

    def rehouse(self, array: Any, storage: Storage) -> None:
        """Live in other memory from now on. For arenas and moves between devices alone: no plan may know the old place."""
        self.array, self.storage = array, storage

    def __repr__(self) -> str:
        text = super().__repr__()[len("Tensor(") : -1].removesuffix(", requires_grad=True")
        return f"Variable({self.name!r}, {text})"

    def __reduce__(self) -> Any:
        return _restore, (self.numpy(), self.trainable, self.device, self.name, self.constraint, self.autocast)

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        return _restore(self.numpy(), self.trainable, self.device, self.name, self.constraint, self.autocast)


def _restore(value: Any, trainable: bool, device: str, name: str, constraint: Any, autocast: bool = True) -> Variable:
    v = Variable(value, trainable=trainable, device=device, name=name, autocast=autocast)
    v.constraint = constraint
    return v


def over(t: Tensor, name: str = "variable") -> Variable:
    """A variable, not trained, over the memory of a tensor: to assign through it."""
    v = Variable.__new__(Variable)
    v.array, v.storage, v.edge, v.name, v._constraint, v.autocast = t.array, t.storage, None, name, None, False
    v._leaf = Leaf(t.shape, t.dtype)
    return v


class Arena:
    """Several tensors of one dtype back to back in one storage, each aligned to 64 bytes; the gaps keep their first value, zero."""

    def __init__(self, shapes: Iterable[tuple[int, ...]], dtype: np.dtype[Any], backend: Backend) -> None:
        self.shapes, self.dtype, self.backend = list(shapes), dtype, backend
        self.offsets = []  # in elements
        step, end = 64 // dtype.itemsize, 0
        for shape in self.shapes:
            self.offsets.append(end)
            end += -(-math.prod(shape) // step) * step
        self.offsets.append(end)
        array = backend.arena(end * dtype.itemsize, zero=True).view(dtype)
        self.flat = wrap(array, Storage(array, backend))

    def like(self) -> Arena:
        """Another arena of the same layout, all zeros: for slots of these parameters."""
        return Arena(self.shapes, self.dtype, self.backend)

    def view(self, i: int) -> Tensor:
        start, shape = self.offsets[i], self.shapes[i]
        array = self.flat.array[start : start + math.prod(shape)].reshape(shape)
        return wrap(array, Storage(self.flat.storage.root, self.backend, parent=self.flat.storage))

    def run(self, first: int, last: int) -> Tensor:
        """One flat tensor over the tensors first..last-1, gaps included."""
        return wrap(self.flat.array[self.offsets[first] : self.offsets[last]], self.flat.storage)


class Pack:
    """Parameters of one dtype in one arena and their gradients in another. A parameter is packed once, by its first model or optimizer."""

    def __init__(self, variables: Sequence[Variable]) -> None:
        backend, dtype = variables[0].storage.backend, variables[0].dtype
        self.variables = list(variables)
        self.params = Arena([v.shape for v in variables], dtype, backend)
        self.grads = Arena([v.shape for v in variables], dtype, backend)
        if any(v.storage.seen for v in variables):
            touched("variables were packed into an arena during the step")
        for i, v in enumerate(variables):
            home = self.params.view(i)
            with backend.guard():
                home.array[...] = v.array
            v.rehouse(home.array, home.storage)
            leaf = v.path_leaf
            leaf.home, leaf.pack = self.grads.view(i), (self, i)
            if leaf.grad is not None:
                with backend.guard():
                    leaf.home.array[...] = leaf.grad.array
                leaf.grad = leaf.home


def pack(variables: Iterable[Variable]) -> None:
    """Put every variable that has no place yet into an arena, those of one dtype and device together, in the order given."""
    groups: dict[tuple[np.dtype[Any], Backend], list[Variable]] = {}
    for v in variables:
        if v.path_leaf.home is None:
            members = groups.setdefault((v.dtype, v.storage.backend), [])
            if all(v is not m for m in members):
                members.append(v)
    for members in groups.values():
        Pack(members)


def move(variables: Iterable[Variable], device: str) -> None:
    """Take variables to a device. Their gradients are forgotten, their places in arenas given up, every plan dropped."""
    backend = backends.get(backends.normalise(device))
    for v in variables:
        if v.storage.backend is not backend:
            array = backend.from_host(v.numpy())
            v.rehouse(array, Storage(array, backend))
            leaf = v.path_leaf
            leaf.home = leaf.pack = leaf.grad = None
    touched("variables were moved to another device during the step")
