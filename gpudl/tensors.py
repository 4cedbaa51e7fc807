"""Hold memory (`Storage`), look into it (`Tensor`), and know who looks at what. No mathematics here.

A `Tensor` is an array and a `Storage`; a view is another Tensor over the same Storage. Tensors never change under the user.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import backends, config, dtypes, native
from .backends import Backend
from .errors import BackendError, DTypeError

if TYPE_CHECKING:
    from .autograd import Node
    from .plan import Recording

tick = count(1).__next__  # one clock orders everything: births, nodes on the tape, writes in place

TensorLike = Union["Tensor", np.ndarray, float, int, bool, list[Any], tuple[Any, ...]]


class Mode(threading.local):
    """What holds in this thread: whether ops go on the tape, who writes them down, how often it changed what steps depend
    on, in which dtype variables are read."""

    grad = True
    recorder: Recording | None = None
    touched = 0
    autocast: Any = None  # the dtype that ops take float variables in, within a layer of mixed precision
    layer: str | None = None  # whose ops these are, forward or backward: for profiles


mode = Mode()


SEEN = (None, -1)


class Storage:
    """One block of memory on one device, however many tensors look into it.

    `stamp` is the time of its birth or of the last write in place. A view cut from an arena has its own stamp and the arena's storage
    as `parent`, so that assigning one parameter does not make its neighbours look modified.
    """

    __slots__ = ("root", "backend", "parent", "stamp", "slot", "__weakref__")

    def __init__(self, root: Any, backend: Backend, parent: Storage | None = None) -> None:
        self.root = root  # the array that owns the bytes
        self.backend = backend
        self.parent = parent
        self.stamp = tick()
        self.slot: tuple[Any, int] | None = None  # (recording, index) while a step is being recorded; SEEN afterwards

    @property
    def seen(self) -> bool:
        """Whether some recorded step has used this memory and may still do so."""
        return (self if self.parent is None else self.parent).slot is not None

    def modified_since(self, order: int) -> bool:
        return self.stamp > order or (self.parent is not None and self.parent.stamp > order)


class Leaf:
    """The end of the tape: where gradients of one tensor gather. `home` is its place in the gradient arena, if any."""

    __slots__ = ("shape", "dtype", "grad", "home", "pack", "hooks", "__weakref__")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self.grad: Tensor | None = None
        self.home: Tensor | None = None
        self.pack: Any = None
        self.hooks: dict[int, Callable[[Tensor], Tensor | None]] = {}

    def clear(self) -> None:
        """Forget the gradient; nothing is written."""
        if mode.recorder is not None:
            mode.recorder.note_leaf(self, cleared=True)
        self.grad = None


class Tensor:
    """A multi-dimensional array of numbers that remembers how it was computed.

    Args:
        value: a number, a (nested) list, a NumPy array or a Tensor. The data are copied. Python floats and lists of floats become
            `floatx()`, Python ints int32, NumPy arrays keep their dtype.
        requires_grad: gather d(result)/d(this tensor) in `.grad` when `.backward()` is called on a result. Default False.
        dtype: a dtype or its name; default as above.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:<n>"``; default: the current device.

    Raises:
        DTypeError: for strings, objects, complex numbers, dates and ragged lists; for requires_grad on an integer tensor.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    Tensor([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("array", "storage", "edge", "origin", "_keras_mask", "__weakref__")
    __array_ufunc__ = None  # NumPy leaves `array * tensor` to us
    __array_priority__ = 1000

    array: Any
    storage: Storage
    edge: tuple[Node | Leaf, int] | None  # how it came to be: (node, number of its output), (Leaf, 0), or None
    origin: tuple[Any, ...]  # set on results of softmax and sigmoid alone: what they were computed from
    _keras_mask: Tensor  # set by layers alone: bools with the leading axes, False where a step of a sequence does not count

    def __init__(self, value: TensorLike, requires_grad: bool = False, dtype: Any = None, device: str | None = None) -> None:
        if mode.recorder is not None:
            mode.recorder.refuse("host data entered the step")
        backend = backends.get(device)
        if _unsaid:
            say_what_failed()
        self.array = backend.from_host(host_array(value, dtype))
        self.storage = Storage(self.array, backend)
        self.edge = self._as_leaf() if requires_grad else None

    # what it is ------------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.array.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements, as NumPy names it."""
        return self.array.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self.array.size)

    @property
    def nbytes(self) -> int:
        """The bytes of the elements."""
        return int(self.array.nbytes)

    @property
    def device(self) -> str:
        """Where the elements lie: ``"cpu"``, ``"cuda:0"`` …"""
        return self.storage.backend.device

    # the tape --------------------------------------------------------------------------------------------------------------

    @property
    def leaf(self) -> Leaf | None:
        """The tape's note of a tensor that the user made with a gradient; None for all others."""
        edge = self.edge
        return edge[0] if edge is not None and type(edge[0]) is Leaf else None

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it, rather than an op on the tape."""
        return self.edge is None or type(self.edge[0]) is Leaf

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is asked for; may be set on tensors that were not computed on the tape."""
        return self.edge is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted == (self.edge is not None):
            return
        if not self.is_leaf:
            raise RuntimeError("requires_grad can only be changed on tensors that were not computed on the tape; use detach()")
        self.edge = self._as_leaf() if wanted else None
        if self.storage.seen:
            touched("requires_grad of a tensor was changed during the step")

    def _as_leaf(self) -> tuple[Leaf, int]:
        if not dtypes.is_float(self.dtype):
            raise DTypeError(f"only floating-point tensors can require a gradient. Received: dtype {self.dtype}")
        return Leaf(self.shape, self.dtype), 0

    @property
    def grad(self) -> Tensor | None:
        """The gradient gathered by `backward()`, a tensor of the same shape and dtype, or None."""
        leaf = self.leaf
        if leaf is not None and mode.recorder is not None:
            mode.recorder.note_leaf(leaf)
        return leaf.grad if leaf is not None else None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        leaf = self.leaf
        if leaf is None:
            raise RuntimeError("grad can only be set on a tensor made with requires_grad=True")
        if value is None:
            leaf.clear()
        elif not isinstance(value, Tensor) or value.shape != self.shape or value.dtype != self.dtype:
            raise ValueError(f"grad must be None or a Tensor of shape {self.shape} and dtype {self.dtype}. Received: {value!r}")
        else:
            if mode.recorder is not None:
                mode.recorder.note_leaf(leaf, cleared=True)
            leaf.grad = value.detach()

    def detach(self) -> Tensor:
        """The same values, off the tape. No copy."""
        return wrap(self.array, self.storage)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Call `hook(gradient)` when this tensor's gradient is complete; a Tensor it returns takes the gradient's place.

        Returns a function that removes the hook.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> remove = x.register_hook(lambda g: g * 10.0)
        >>> x.sum().backward()
        >>> x.grad
        Tensor([10., 10.], dtype=float32)
        """
        if self.edge is None:
            raise RuntimeError("a hook needs a tensor that requires a gradient")
        source, index = self.edge
        key = tick()
        hooks = source.hooks if isinstance(source, Leaf) else source.hooks_of(index)
        hooks[key] = hook
        storage = self.storage if isinstance(source, Leaf) else None

        def remove() -> None:
            if hooks.pop(key, None) is not None and storage is not None and storage.seen:
                touched("a gradient hook was removed during the step")

        if storage is not None and storage.seen:
            touched("a gradient hook was added during the step")
        return remove

    # host reads ------------------------------------------------------------------------------------------------------------

    def numpy(self) -> np.ndarray[Any, Any]:
        """A copy on the host, as a NumPy array. A step that reads the host cannot be replayed.

        >>> Tensor([1, 2]).numpy()
        array([1, 2], dtype=int32)
        """
        if mode.recorder is not None:
            mode.recorder.refuse("a tensor was read on the host")
        return self.storage.backend.to_host(self.array)

    def item(self) -> Any:
        """The only element, as a Python number. Raises ValueError if there are several."""
        if self.array.size != 1:
            raise ValueError(f"item() needs a tensor of one element. Received: shape {self.shape}")
        return self.numpy().reshape(()).item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self.numpy().tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if dtypes.is_float(self.dtype) or self.dtype == dtypes.bool_:
            raise TypeError(f"only integer tensors can be an index. Received: dtype {self.dtype}")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous; use any() or all()")
        return bool(self.numpy().reshape(()))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self.device != "cpu":
            raise BackendError(f"a tensor on {self.device} is not copied to the host implicitly; use .numpy()")
        if copy is False:
            raise ValueError("a Tensor cannot be turned into a NumPy array without a copy")
        host = self.numpy()
        return host if dtype is None else host.astype(dtype)

    def __dlpack__(self, **options: Any) -> Any:
        """Share the memory with another library. Do not write into it: tensors never change."""
        if mode.recorder is not None:
            mode.recorder.refuse("a tensor was handed to another library")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("a tensor without axes has no length")
        return len(self.array)

    def __repr__(self) -> str:
        host = self.numpy()
        text = np.array2string(host if self.dtype != dtypes.bfloat16 else host.astype(np.float32), separator=", ", prefix="Tensor(")
        extra = [f"dtype={self.dtype}"]
        if 0 in self.shape:
            extra.insert(0, f"shape={self.shape}")
        if self.device != "cpu":
            extra.append(f"device={self.device!r}")
        if self.requires_grad:
            extra.append("requires_grad=True")
        return f"Tensor({text}, {', '.join(extra)})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("only tensors that were not computed on the tape can be copied deeply; use detach()")
        return type(self)(self.numpy(), requires_grad=self.requires_grad, device=self.device)

    def __reduce__(self) -> Any:
        """Pickled by value; gradients and the tape stay behind. Loaded onto the device it was on."""
        if not self.is_leaf:
            raise RuntimeError("only tensors that were not computed on the tape can be pickled; use detach()")
        return Tensor, (self.numpy(), self.requires_grad, None, self.device)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("tensors never change; use x = gpudl.ops.slice_update(x, start_indices, updates), or where(mask, a, b)")

    if TYPE_CHECKING:  # bound by ops/methods.py, which stands above this room
        T: Tensor

        def backward(self, gradient: Tensor | None = None, retain_graph: bool = False, create_graph: bool = False) -> None: ...
        def to(self, device: str | None = None, dtype: Any = None) -> Tensor: ...
        def astype(self, dtype: Any) -> Tensor: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def transpose(self, *axes: Any) -> Tensor: ...
        def flatten(self) -> Tensor: ...
        def squeeze(self, axis: Any = None) -> Tensor: ...
        def clip(self, low: Any, high: Any) -> Tensor: ...
        def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def max(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def min(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def prod(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def var(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def std(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def any(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def all(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def argmax(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def argmin(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def exp(self) -> Tensor: ...
        def log(self) -> Tensor: ...
        def sqrt(self) -> Tensor: ...
        def tanh(self) -> Tensor: ...
        def sigmoid(self) -> Tensor: ...
        def relu(self) -> Tensor: ...
        def abs(self) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __add__(self, other: TensorLike) -> Tensor: ...
        def __radd__(self, other: TensorLike) -> Tensor: ...
        def __sub__(self, other: TensorLike) -> Tensor: ...
        def __rsub__(self, other: TensorLike) -> Tensor: ...
        def __mul__(self, other: TensorLike) -> Tensor: ...
        def __rmul__(self, other: TensorLike) -> Tensor: ...  # type: ignore[misc]
        def __truediv__(self, other: TensorLike) -> Tensor: ...
        def __rtruediv__(self, other: TensorLike) -> Tensor: ...
        def __floordiv__(self, other: TensorLike) -> Tensor: ...
        def __rfloordiv__(self, other: TensorLike) -> Tensor: ...
        def __mod__(self, other: TensorLike) -> Tensor: ...
        def __rmod__(self, other: TensorLike) -> Tensor: ...
        def __pow__(self, other: TensorLike) -> Tensor: ...
        def __rpow__(self, other: TensorLike) -> Tensor: ...
        def __matmul__(self, other: TensorLike) -> Tensor: ...
        def __rmatmul__(self, other: TensorLike) -> Tensor: ...
        def __and__(self, other: TensorLike) -> Tensor: ...
        def __or__(self, other: TensorLike) -> Tensor: ...
        def __xor__(self, other: TensorLike) -> Tensor: ...
        def __eq__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __lt__(self, other: TensorLike) -> Tensor: ...  # type: ignore[misc]
        def __le__(self, other: TensorLike) -> Tensor: ...  # type: ignore[misc]
        def __gt__(self, other: TensorLike) -> Tensor: ...  # type: ignore[misc]
        def __ge__(self, other: TensorLike) -> Tensor: ...  # type: ignore[misc]


_new = Tensor.__new__
_unsaid = [True]  # emptied by the first tensor


def say_what_failed() -> None:
    """One warning, at the first tensor, if the native build failed or a compiled module does not load."""
    _unsaid.clear()
    text = native.status().warning
    if text:
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def touched(what: str) -> None:
    """Something that steps depend on has changed: no recording from before is replayed any more."""
    config.bump()
    mode.touched += 1
    if mode.recorder is not None:
        mode.recorder.refuse(what)


def wrap(array: Any, storage: Storage, edge: tuple[Any, int] | None = None) -> Tensor:
    """A tensor over memory that is on its device already: the engine's constructor."""
    t = _new(Tensor)
    t.array, t.storage, t.edge = array, storage, edge
    return t


def mask_of(x: Any) -> Tensor | None:
    """The mask that a layer has put on a tensor: which steps of its sequences count; None if all do."""
    return getattr(x, "_keras_mask", None)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any], backend: Backend) -> Tensor:
    """A fresh tensor for a kernel to write; its contents are undefined."""
    array = backend.empty(shape, dtype)
    return wrap(array, Storage(array, backend))


def host_array(value: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """Host data as a NumPy array of one of our dtypes, in native byte order: the one door through which data enter. May share memory."""
    wanted = None if dtype is None else dtypes.standard(dtype)
    if isinstance(value, Tensor):
        array = value.numpy()
    elif isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
    elif hasattr(value, "__cuda_array_interface__"):
        raise BackendError("an array on the GPU is not copied to the host implicitly; use gpudl.from_dlpack")
    elif hasattr(value, "__array__") and not isinstance(value, (list, tuple)):
        array = np.asarray(value)
    else:
        array = _from_python(value, wanted)
    if array.dtype.kind in "OUSMmc" or (array.dtype.kind == "V" and array.dtype != dtypes.bfloat16):
        raise DTypeError(f"[tensor] numbers are expected. Received: an array of dtype {array.dtype}")
    return array.astype(dtypes.standard(array.dtype) if wanted is None else wanted, copy=False)


def _from_python(value: Any, wanted: np.dtype[Any] | None) -> np.ndarray[Any, Any]:
    if isinstance(value, (list, tuple)) and value and any(isinstance(v, Tensor) for v in value):
        value = [v.numpy() if isinstance(v, Tensor) else v for v in value]
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DTypeError(f"[tensor] lists of equal lengths are expected: {error}") from None
    except OverflowError as error:
        raise DTypeError(f"[tensor] {error}") from None
    if wanted is None and array.dtype == np.float64:
        array = array.astype(dtypes.floatx()) if array.size else array.reshape(array.shape).astype(dtypes.floatx())
    elif wanted is None and array.dtype == np.int64 and (not array.size or (abs(array) < 2**31).all()):
        array = array.astype(np.int32)
    return array


def tensor(value: TensorLike, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor with its own copy of the data; the same as `Tensor(value, ...)`.

    >>> tensor([[1, 2], [3, 4]], dtype="float64")
    Tensor([[1., 2.],
            [3., 4.]], dtype=float64)
    """
    return Tensor(value, requires_grad=requires_grad, dtype=dtype, device=device)


def from_dlpack(array: Any) -> Tensor:
    """A tensor with its own copy of an array of another library: PyTorch, JAX, CuPy, NumPy, on the device where that array is.

    Args:
        array: any object with ``__dlpack__`` and ``__dlpack_device__``.

    Raises:
        BackendError: if the array lies on a device that is not ours, or that cannot be used here.
        DTypeError: if its dtype is not one of ours.

    >>> from_dlpack(np.arange(3.0))
    Tensor([0., 1., 2.], dtype=float64)
    """
    if not hasattr(array, "__dlpack__") or not hasattr(array, "__dlpack_device__"):
        raise TypeError(f"[from_dlpack] an array that offers DLPack is expected. Received: {type(array).__name__}")
    if mode.recorder is not None:
        mode.recorder.refuse("host data entered the step")
    kind, number = array.__dlpack_device__()
    if int(kind) not in _DLPACK_DEVICES:
        raise BackendError(f"[from_dlpack] an array on the CPU or an NVIDIA GPU is expected. Received: DLPack device type {int(kind)}")
    backend = backends.get("cpu" if _DLPACK_DEVICES[int(kind)] == "cpu" else f"cuda:{number}")
    try:
        made = backend.from_dlpack(array)
    except (BufferError, TypeError, RuntimeError) as error:
        raise DTypeError(f"[from_dlpack] the array was not handed over: {error}") from None
    dtypes.standard(made.dtype)
    return wrap(made, Storage(made, backend))


_DLPACK_DEVICES = {1: "cpu", 2: "cuda", 3: "cpu", 13: "cuda"}  # kDLCPU, kDLCUDA, pinned host memory, managed memory

_scalars: dict[tuple[Any, ...], Tensor] = {}
_SCALARS_KEPT = 4096


def scalar(value: bool | int | float, dtype: np.dtype[Any], backend: Backend) -> Tensor | None:
    """A constant without axes, made once per value: Python numbers in a step are constants of that step.

    Its stamp is older than everything, so a recording takes it for a constant. None when the store is full: the caller launches a fill.
    """
    key: tuple[Any, ...] = (value, dtype.char, backend)
    if value == 0 or value != value:
        key = (str(value), *key[1:])  # 0.0 and -0.0 are equal, NaN equals nothing
    found = _scalars.get(key)
    if found is None:
        if len(_scalars) >= _SCALARS_KEPT:
            return None
        try:
            host = np.array(value, dtypes.standard(dtype))
        except OverflowError:
            raise DTypeError(f"the number {value} does not fit into {dtype}; use astype() first") from None
        array = backend.from_host(host)
        found = wrap(array, Storage(array, backend))
        found.storage.stamp = 0
        _scalars[key] = found
    return found
