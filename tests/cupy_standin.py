"""Stand in for CuPy where there is no GPU: `xp` has what CuPy has, and no more, over memory of its own.

An array of the stand-in wraps NumPy memory that nobody else sees. It refuses what CuPy refuses (NumPy arrays beside it, `np.asarray` of
it, functions, methods and keywords that CuPy lacks: tests/cupy_tables.py), gives arrays where NumPy gives scalars, sums in trees, and fills
fresh memory with NaN. It is stricter where CuPy would wait for the GPU: `float(x)`, `if x:`, the numbers of an array one by one, and
selecting by a mask are errors. Where one place is assigned two values, which is up to chance on a GPU, it gets NaN. Indices out of range
wrap around, as CuPy's do. `outside` names the kernels that ran while no stream was chosen.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from cupy_tables import COMPARISONS, FUNCTIONS, METHODS, OPERATORS, SIGNS, TYPES, UFUNCS

VIEWS = {"broadcast_to", "diagonal", "ravel", "reshape", "squeeze", "swapaxes", "transpose", "view"}  # no kernel runs


class Memory:
    """One allocation: flat bytes that only the stand-in sees."""

    def __init__(self, root: np.ndarray) -> None:
        order = sorted(range(root.ndim), key=lambda i: -root.strides[i])
        flat = root.transpose(order).reshape(-1)
        self.bytes = np.empty(0, np.uint8) if not root.size else flat.view(np.uint8)
        self.ptr = int(self.bytes.ctypes.data) if root.size else 0


class MemoryPointer:
    """An address within an allocation."""

    def __init__(self, mem: Memory, offset: int) -> None:
        self.mem, self.offset = mem, offset

    @property
    def ptr(self) -> int:
        return self.mem.ptr + self.offset

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.offset + operator.index(offset))


class ndarray:
    """An array of the stand-in."""

    __slots__ = ("_held",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Any, dtype: Any = float, memptr: MemoryPointer | None = None, strides: Any = None, order: str = "C") -> None:
        if memptr is None:
            self._held = fresh(np.empty(shape, dtype, order))  # type: ignore[call-overload]
        else:
            self._held = np.ndarray(shape, dtype, memptr.mem.bytes, memptr.offset, strides)

    @property
    def data(self) -> MemoryPointer:
        root = self._held
        while isinstance(root.base, np.ndarray):
            root = root.base
        memory = Memory(root)
        return MemoryPointer(memory, self._held.__array_interface__["data"][0] - memory.ptr if self._held.size else 0)

    shape = property(lambda self: self._held.shape)
    strides = property(lambda self: self._held.strides)
    dtype = property(lambda self: self._held.dtype)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    nbytes = property(lambda self: self._held.nbytes)
    itemsize = property(lambda self: self._held.itemsize)
    T = property(lambda self: wrapped(self._held.T))

    @property
    def flags(self) -> Any:
        held = self._held.flags
        return SimpleNamespace(c_contiguous=held.c_contiguous, f_contiguous=held.f_contiguous, owndata=held.owndata)

    def __repr__(self) -> str:
        return f"standin({self._held!r})"

    def __len__(self) -> int:
        return len(self._held)

    # what must not happen unseen -------------------------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly.")

    def _waits(self) -> Any:
        raise TypeError("the value of an array is wanted on the host: a GPU would be waited for")

    __bool__ = __float__ = __int__ = __index__ = __complex__ = item = tolist = nonzero = _waits

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))]) if self.ndim > 1 else self._waits()

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        return np.array(self._held, order="C")

    def __array_ufunc__(self, function: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method != "__call__" or function.__name__ not in UFUNCS:
            raise TypeError(f"CuPy has no numpy.{function.__name__}.{method} of its arrays")
        return getattr(xp, function.__name__)(*args, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} of an array of the GPU: use xp.{function.__name__}")

    # selecting and assigning ------------------------------------------------------------------------------------------------

    def _index(self, key: Any) -> tuple[Any, ...]:
        """Arrays among the indices as NumPy's, wrapped into range."""
        keys = key if isinstance(key, tuple) else (key,)
        found: list[Any] = []
        axis, taken = 0, sum(k is not None and k is not Ellipsis for k in keys)
        for k in keys:
            if isinstance(k, (list, np.ndarray)):
                raise TypeError(f"an index of type {type(k)} would be copied to the GPU")
            if k is Ellipsis:
                axis += self.ndim - taken
            elif isinstance(k, ndarray):
                held = k._held
                if held.dtype == bool:
                    raise TypeError("how many elements a mask selects is known to the GPU alone")
                k = held % max(1, self.shape[axis])
                axis += 1
            elif k is not None:
                axis += 1
            found.append(k)
        return tuple(found)

    def __getitem__(self, key: Any) -> ndarray:
        index = self._index(key)
        if any(isinstance(k, np.ndarray) for k in index):
            ran("getitem")
        return wrapped(self._held[index])

    def __setitem__(self, key: Any, value: Any) -> None:
        ran("setitem")
        if isinstance(key, ndarray) and key.dtype == bool:
            if isinstance(value, ndarray) and value.ndim:
                raise TypeError("how many elements a mask selects is known to the GPU alone")
            self._held[key._held] = bare(value)
            return
        index = self._index(key)
        if any(isinstance(k, np.ndarray) for k in index):
            self._assign(index, bare(value))
            return
        with np.errstate(all="ignore"):
            self._held[index] = bare(value)

    def _assign(self, index: tuple[Any, ...], value: Any) -> None:
        """By arrays of indices. A place that is given two values gets neither, but bytes 0xff."""
        places = np.arange(self._held.size).reshape(self.shape)[index].ravel()
        self._held[index] = value
        given = np.broadcast_to(np.asarray(value).astype(self.dtype), self._held[index].shape).reshape(-1, 1)
        stayed = self._held[index].reshape(-1, 1)
        lost = places[(given.copy().view(np.uint8) != stayed.copy().view(np.uint8)).any(1)]
        self._held[np.unravel_index(lost, self.shape)] = fresh(np.empty((), self.dtype))


def bare(value: Any) -> Any:
    """NumPy's array or scalar for an operand; arrays of the host are refused."""
    if isinstance(value, ndarray):
        return value._held
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (tuple, list)):
        return type(value)([bare(v) for v in value])
    return value


def wrapped(result: Any) -> Any:
    if isinstance(result, (np.ndarray, np.generic)):
        made = object.__new__(ndarray)
        made._held = np.asarray(result)
        return made
    return result


def fresh(array: np.ndarray) -> np.ndarray:
    """Bytes 0xff, which are NaN in every float type: who reads what was never written will see."""
    if array.size:
        Memory(array).bytes[...] = 0xFF
    return array


def accepted(name: str, parameters: tuple[str, ...], args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    if len(args) > len(parameters) and not parameters[0].startswith("*"):
        raise TypeError(f"{name}() takes {len(parameters)} arguments, {len(args)} were given")
    for k in keywords:
        if k not in parameters:
            raise TypeError(f"{name}() got an unexpected keyword argument {k!r}")


def ran(name: str) -> None:
    """A kernel runs now: note it if no stream was chosen for it."""
    if not current.streams:
        outside.append(name)


def ufunc(name: str) -> Callable[..., Any]:
    def call(*args: Any, out: Any = None, dtype: Any = None, casting: str = "same_kind") -> Any:
        ran(name)
        function = getattr(np, name)
        if out is None and len(args) > function.nin:
            args, out = args[: function.nin], args[-1]
        out = out[0] if isinstance(out, tuple) else out
        if not all(isinstance(a, (ndarray, int, float, np.generic)) for a in args):
            raise TypeError(f"Unsupported type {[type(a) for a in args]}")
        if out is not None and not isinstance(out, ndarray):
            raise TypeError(f"{name}: out must be an array of the GPU, not {type(out)}")
        with np.errstate(all="ignore"):
            result = function(*[bare(a) for a in args], out=bare(out), dtype=dtype, casting=casting)
        return wrapped(result) if out is None else out

    return call


def plain(name: str) -> Callable[..., Any]:
    parameters = FUNCTIONS[name]

    def call(*args: Any, **keywords: Any) -> Any:
        accepted(name, parameters, args, keywords)
        if any(p in ("a", "v", "m") and not isinstance(a, ndarray) for p, a in zip(parameters, args)):
            raise TypeError(f"{name}: numbers and arrays of the host do not pass for arrays of the GPU")
        if name not in VIEWS:
            ran(name)
        if name == "sum":
            return args[0].sum(*args[1:], **keywords)
        with np.errstate(all="ignore"):
            result = getattr(np, name)(*[bare(a) for a in args], **{k: bare(v) for k, v in keywords.items()})
        out = keywords.get("out")
        return wrapped(result) if out is None else out

    return call


def pairwise(x: np.ndarray, axis: Any) -> np.ndarray:
    """The same array, laid out so that NumPy sums pairwise. CuPy adds up in trees, whatever the layout."""
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    order = [a for a in range(x.ndim) if a not in axes] + list(axes)
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def method(name: str) -> Callable[..., Any]:
    parameters = METHODS[name]

    def call(self: ndarray, *args: Any, **keywords: Any) -> Any:
        accepted(name, parameters, args, keywords)
        if name not in VIEWS:
            ran(name)
        if keywords.get("casting", "") is None:
            keywords.pop("casting")
        with np.errstate(all="ignore"):
            held = self._held
            if name in ("sum", "mean") and held.ndim > 1:
                held = pairwise(held, args[0] if args else keywords.get("axis"))
            result = getattr(held, name)(*[bare(a) for a in args], **{k: bare(v) for k, v in keywords.items()})
        out = keywords.get("out")
        return wrapped(result) if out is None else out

    return call


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False) -> ndarray:
    """An array of the GPU itself, or a copy of what the host has."""
    if isinstance(a, ndarray) and not copy and (dtype is None or a.dtype == dtype) and order is None:
        return a
    return array(a, dtype, order=order or "K")


def array(obj: Any, dtype: Any = None, copy: bool = True, order: str = "K", *, blocking: bool = False) -> ndarray:
    ran("array")
    return wrapped(np.array(obj._held if isinstance(obj, ndarray) else obj, dtype, copy=True, order=order))  # type: ignore[call-overload]


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    ran("empty")
    return wrapped(fresh(np.empty(shape, dtype, order)))  # type: ignore[call-overload]


def empty_like(prototype: ndarray, dtype: Any = None, order: str = "K", subok: None = None, shape: Any = None) -> ndarray:
    ran("empty_like")
    return wrapped(fresh(np.empty_like(prototype._held, dtype, order, shape=shape)))  # type: ignore[call-overload]


def take(a: ndarray, indices: Any, axis: int | None = None, out: Any = None) -> Any:
    ran("take")
    result = np.take(bare(a), bare(indices), axis, out=bare(out), mode="wrap")
    return wrapped(result) if out is None else out


def take_along_axis(a: ndarray, indices: ndarray, axis: int | None) -> Any:
    ran("take_along_axis")
    n = a.size if axis is None else a.shape[axis]
    return wrapped(np.take_along_axis(bare(a), bare(indices) % max(1, n), axis))


def copyto(dst: ndarray, src: Any, casting: str = "same_kind", where: Any = None) -> None:
    ran("copyto")
    with np.errstate(all="ignore"):
        np.copyto(dst._held, bare(src), casting, True if where is None else bare(where))  # type: ignore[arg-type]


def count_nonzero(a: ndarray, axis: Any = None) -> Any:
    ran("count_nonzero")
    return wrapped(np.asarray(np.count_nonzero(bare(a), axis)))


def as_strided(x: ndarray, shape: Any = None, strides: Any = None) -> ndarray:
    return wrapped(np.lib.stride_tricks.as_strided(x._held, shape, strides))


# streams, events, devices -----------------------------------------------------------------------------------------------------


class Current(threading.local):
    def __init__(self) -> None:
        self.streams: list[Stream] = []


class CUDARuntimeError(RuntimeError):
    """What CuPy raises."""


class Stream:
    """An order of work. Everything runs at once here."""

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False) -> None:
        self.ptr = id(self)

    def __enter__(self) -> Stream:
        current.streams.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        assert current.streams.pop() is self

    def synchronize(self) -> None:
        """Nothing is ever outstanding."""

    def begin_capture(self, mode: Any = None) -> None:
        raise CUDARuntimeError("path 'cupy' allocates in its kernels: it must not be captured")


class Event:
    """A place in the order of work: of a stand-in, how many were recorded before."""

    made = 0

    def record(self, stream: Stream | None = None) -> None:
        Event.made += 1
        self.number = Event.made

    def synchronize(self) -> None:
        assert self.number


class Device:
    """One GPU."""

    compute_capability = "90"

    def __init__(self, device: int | None = None) -> None:
        self.attributes = {"MultiProcessorCount": 4}
        self.id = device or 0

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: Any) -> None:
        pass


current = Current()
outside: list[str] = []  # kernels that ran on no stream of ours


def elapsed(start: Event, end: Event) -> float:
    return float(end.number - start.number)


def make() -> Any:
    """The module `cupy` of the stand-in."""
    module: Any = ModuleType("cupy")
    for name in UFUNCS:
        setattr(module, name, ufunc(name))
    own = [array, asarray, asnumpy, copyto, count_nonzero, empty, empty_like, take, take_along_axis]
    for name in FUNCTIONS:
        setattr(module, name, plain(name))
    for function in own:
        setattr(module, function.__name__, function)
    for name in TYPES:
        setattr(module, name, getattr(np, name))
    module.ndarray = ndarray
    module.lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=as_strided))
    module.cuda = SimpleNamespace(
        Stream=Stream, Event=Event, Device=Device, get_elapsed_time=elapsed,
        runtime=SimpleNamespace(getDeviceCount=lambda: 1, CUDARuntimeError=CUDARuntimeError),
    )  # fmt: skip
    return module


def equip() -> None:
    """Give `ndarray` CuPy's methods and operators."""
    for name in METHODS:
        setattr(ndarray, name, method(name))
    for name, word in {**OPERATORS, **COMPARISONS, **SIGNS}.items():
        setattr(ndarray, f"__{name}__", ufunc(word))
    for name, word in OPERATORS.items():
        f = ufunc(word)
        setattr(ndarray, f"__r{name}__", lambda self, other, f=f: f(other, self))
        setattr(ndarray, f"__i{name}__", lambda self, other, f=f: f(self, other, out=self))
    product = plain("matmul")
    ndarray.__matmul__ = product  # type: ignore[attr-defined]


equip()
xp = make()
