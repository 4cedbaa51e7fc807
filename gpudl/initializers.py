"""Draw the first values of weights: constants, normals, uniforms, and those scaled to a layer's fan (Glorot, He, LeCun).

Every draw is made on the host in float64 from `gpudl.random.host_rng()`, so a seed gives the same weights on every device and path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from . import dtypes, renames
from .errors import DTypeError, ShapeError, missing_attribute
from .named import Configured, Table, custom_object_scope
from .random import host_rng
from .tensors import Tensor, host_array

Array = np.ndarray[Any, Any]


class Initializer(Configured):
    """Base class: subclasses write `draw(shape, rng)`, or override `__call__(shape, dtype=None)`.

    >>> class Halves(Initializer):
    ...     def draw(self, shape, rng):
    ...         return np.full(shape, 0.5)
    >>> Halves()((2,))
    Tensor([0.5, 0.5], dtype=float32)
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        renames.checked_keywords(cls)

    seed: int | None = None

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Values in float64."""
        raise NotImplementedError(f"[{type(self).__name__}] write draw(shape, rng), or override __call__(shape, dtype=None)")

    def host(self, shape: Sequence[int], dtype: Any = None) -> Array:
        """The values as a NumPy array. With a seed the same ones each time, else the next ones of the global generator."""
        wanted = dtypes.floatx() if dtype is None else dtypes.standard(dtype)
        rng = host_rng() if self.seed is None else np.random.Generator(np.random.Philox(self.seed))
        return self.draw(checked_shape(shape), rng).astype(wanted, copy=False)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """A new tensor.

        Args:
            shape: of the tensor.
            dtype: default `floatx()`.
        """
        return Tensor(self.host(shape, dtype))


def checked_shape(shape: Any) -> tuple[int, ...]:
    """A tuple of sizes; raises ShapeError for anything else."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else shape
    if not isinstance(sizes, (tuple, list)) or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in sizes):
        raise ShapeError(f"[initializer] a shape of whole numbers >= 0 is needed. Received: {shape!r}")
    return tuple(int(n) for n in sizes)


def checked_number(where: str, name: str, value: Any, least: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"[{where}] {name} must be a number. Received: {name}={value!r}")
    if not value >= least or math.isinf(value):
        bound = "" if least == -math.inf else f" >= {least:g}"
        raise ValueError(f"[{where}] {name} must be a finite number{bound}. Received: {name}={value}")
    return float(value)


def checked_seed(where: str, seed: Any) -> int | None:
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise ValueError(f"[{where}] seed must be a whole number >= 0, or None. Received: seed={seed!r}")
    return None if seed is None else int(seed)


class Constant(Initializer):
    """`value` everywhere.

    >>> Constant(2.0)((3,))
    Tensor([2., 2., 2.], dtype=float32)
    """

    fields = ("value",)

    def __init__(self, value: float = 0.0) -> None:
        self.value = checked_number("Constant", "value", value)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.full(shape, self.value)


class Zeros(Initializer):
    """0 everywhere.

    >>> Zeros()((2,))
    Tensor([0., 0.], dtype=float32)
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """1 everywhere.

    >>> Ones()((2,))
    Tensor([1., 1.], dtype=float32)
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.ones(shape)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    >>> Identity(2.0)((2, 3))
    Tensor([[2., 0., 0.],
            [0., 2., 0.]], dtype=float32)
    """

    fields = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = checked_number("Identity", "gain", gain)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        if len(shape) != 2:
            raise ShapeError(f"[Identity] a matrix is needed. Received: shape {shape}")
        return self.gain * np.eye(*shape)


class RandomNormal(Initializer):
    """Normal numbers.

    Args:
        mean: default 0.
        stddev: default 0.05.
        seed: a number that fixes the values; default: the next ones of the global generator.

    >>> values = RandomNormal(mean=1.0, stddev=0.1, seed=1)((1000, 100)).numpy()
    >>> round(float(values.mean()), 2), round(float(values.std()), 2)
    (1.0, 0.1)
    """

    fields = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        where = type(self).__name__
        self.mean = checked_number(where, "mean", mean)
        self.stddev = checked_number(where, "stddev", stddev, 0)
        self.seed = checked_seed(where, seed)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.mean + self.stddev * rng.standard_normal(shape)


class TruncatedNormal(RandomNormal):
    """Normal numbers, drawn again where they lie more than two `stddev` from `mean`.

    The cut makes the standard deviation of the result 0.88 `stddev`. Arguments as for `RandomNormal`.

    >>> values = TruncatedNormal(stddev=0.01, seed=1)((1000, 500)).numpy()
    >>> bool(abs(values).max() <= 0.02), round(float(values.std()), 4)
    (True, 0.0088)
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.mean + self.stddev * truncated(shape, rng)


def truncated(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Standard normal numbers within (-2, 2)."""
    z = rng.standard_normal(math.prod(shape))
    outside = np.flatnonzero(np.abs(z) >= 2)
    while outside.size:
        z[outside] = rng.standard_normal(outside.size)
        outside = outside[np.abs(z[outside]) >= 2]
    return z.reshape(shape)


class RandomUniform(Initializer):
    """Uniform numbers.

    Args:
        minval, maxval: the interval, default -0.05 and 0.05.
        seed: as for `RandomNormal`.

    >>> values = RandomUniform(0.0, 0.5, seed=1)((1000, 100)).numpy()
    >>> bool((values >= 0.0).all() and (values <= 0.5).all())
    True
    """

    fields = ("minval", "maxval", "seed")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = checked_number("RandomUniform", "minval", minval)
        self.maxval = checked_number("RandomUniform", "maxval", maxval, self.minval)
        self.seed = checked_seed("RandomUniform", seed)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.uniform(self.minval, self.maxval, shape)


def fans(shape: tuple[int, ...], input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """How many numbers go into and out of one unit of a kernel of this shape (window..., in, out), or with these axes.

    >>> fans((3, 3, 16, 32))
    (144, 288)
    >>> fans((8, 4, 2), input_axes=[0], output_axes=[1, 2])
    (8, 8)
    """
    if input_axes is not None and output_axes is not None:
        for name, axes in (("input_axes", input_axes), ("output_axes", output_axes)):
            if not all(-len(shape) <= a < len(shape) for a in axes):
                raise ShapeError(f"[initializer] {name} must name axes of the weight. Received: {name}={axes!r} for shape {shape}")
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        n = shape[0] if shape else 1
        return n, n
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _axes(where: str, name: str, axes: Any) -> list[int] | None:
    several = axes if isinstance(axes, (list, tuple)) else [axes]
    if axes is not None and not all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in several):
        raise TypeError(f"[{where}] {name} must be a list of axes. Received: {name}={axes!r}")
    return None if axes is None else [int(a) for a in several]


class VarianceScaling(Initializer):
    """Numbers of variance scale / n, where n is the kernel's fan.

    Args:
        scale: default 1.
        mode: ``"fan_in"`` (the default), ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"`` (the default; its stddev is corrected for the cut), ``"untruncated_normal"`` or ``"uniform"``.
        seed: as for `RandomNormal`.
        input_axes, output_axes: the axes of the weight whose product is fan_in, and fan_out; both or none. Default: found from the shape.

    Raises:
        ValueError: for a scale that is not positive, and for unknown modes and distributions.

    >>> values = VarianceScaling(2.0, mode="fan_out", seed=1)((1000, 500)).numpy()
    >>> bool(abs(values.std() - (2 / 500) ** 0.5) < 2e-4)
    True
    """

    fields: ClassVar[tuple[str, ...]] = ("scale", "mode", "distribution", "seed")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ) -> None:
        where = type(self).__name__
        self.scale = checked_number(where, "scale", scale)
        if self.scale <= 0:
            raise ValueError(f"[{where}] scale must be positive. Received: scale={scale}")
        for name, value, allowed in (
            ("mode", mode, ("fan_in", "fan_out", "fan_avg")),
            ("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform", "normal")),
        ):
            if value not in allowed:
                raise ValueError(f"[{where}] {name} must be one of {', '.join(allowed)}. Received: {name}={value!r}")
        self.mode, self.distribution = mode, "truncated_normal" if distribution == "normal" else distribution
        self.seed = checked_seed(where, seed)
        self.input_axes, self.output_axes = _axes(where, "input_axes", input_axes), _axes(where, "output_axes", output_axes)
        if (input_axes is None) != (output_axes is None):
            given = f"input_axes={input_axes!r}, output_axes={output_axes!r}"
            raise ValueError(f"[{where}] input_axes and output_axes are needed together. Received: {given}")

    def get_config(self) -> dict[str, Any]:
        axes = {} if self.input_axes is None else {"input_axes": self.input_axes, "output_axes": self.output_axes}
        return {**super().get_config(), **axes}

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "truncated_normal":
            return math.sqrt(variance) / 0.87962566103423978 * truncated(shape, rng)  # the standard deviation that the cut leaves
        return math.sqrt(variance) * rng.standard_normal(shape)


class _Scaled(VarianceScaling):
    """A named choice of scale, mode and distribution, so that only the seed and the axes are left."""

    fields = ("seed",)
    choice: tuple[float, str, str]

    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(*self.choice, seed, input_axes, output_axes)


class GlorotUniform(_Scaled):
    """Uniform within ±sqrt(6 / (fan_in + fan_out)) [Glorot & Bengio 2010]; the default of kernels.

    >>> values = GlorotUniform(seed=1)((1000, 500)).numpy()
    >>> bool(abs(values).max() <= (6 / 1500) ** 0.5)
    True
    """

    choice = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal of standard deviation sqrt(2 / (fan_in + fan_out)) [Glorot & Bengio 2010].

    >>> values = GlorotNormal(seed=1)((1000, 500)).numpy()
    >>> bool(abs(values.std() - (2 / 1500) ** 0.5) < 2e-4)
    True
    """

    choice = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform within ±sqrt(6 / fan_in) [He et al. 2015].

    >>> values = HeUniform(seed=1)((1000, 500)).numpy()
    >>> bool(abs(values).max() <= (6 / 1000) ** 0.5)
    True
    """

    choice = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal of standard deviation sqrt(2 / fan_in) [He et al. 2015].

    >>> values = HeNormal(seed=1)((1000, 500)).numpy()
    >>> bool(abs(values.std() - (2 / 1000) ** 0.5) < 2e-4)
    True
    """

    choice = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform within ±sqrt(3 / fan_in) [LeCun et al. 1998].

    >>> values = LecunUniform(seed=1)((1000, 500)).numpy()
    >>> bool(abs(values).max() <= (3 / 1000) ** 0.5)
    True
    """

    choice = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normal of standard deviation sqrt(1 / fan_in) [LeCun et al. 1998].

    >>> values = LecunNormal(seed=1)((1000, 500)).numpy()
    >>> bool(abs(values.std() - (1 / 1000) ** 0.5) < 2e-4)
    True
    """

    choice = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, times `gain`; leading axes count as one [Saxe et al. 2014].

    >>> q = Orthogonal(seed=1)((3, 3)).numpy()
    >>> bool(abs(q @ q.T - np.eye(3)).max() < 1e-6)
    True
    """

    fields = ("gain", "seed")

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = checked_number("Orthogonal", "gain", gain)
        self.seed = checked_seed("Orthogonal", seed)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        if len(shape) < 2:
            raise ShapeError(f"[Orthogonal] a shape of at least two axes is needed. Received: {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))  # makes the choice unique, so the distribution is uniform
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape)


CLASSES = [
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
]
table = Table(
    "initializer",
    Initializer,
    CLASSES,
    {
        "normal": RandomNormal,
        "uniform": RandomUniform,
        "zero": Zeros,
        "one": Ones,
        "eye": Identity,
    },
)


def get(identifier: Any) -> Any:
    """An initializer from a name, a class, an instance, a configuration, a function ``(shape, dtype=None)``, or None.

    Raises:
        ValueError: for an unknown name, with the nearest one.

    >>> get("he_normal")
    HeNormal(seed=None)
    >>> get("he_norml")
    Traceback (most recent call last):
    ...
    ValueError: [initializers] unknown initializer 'he_norml'. Did you mean 'he_normal'?
    """
    return table.get(identifier)


def serialize(initializer: Any) -> Any:
    """A class name and a configuration, which `get` takes back.

    >>> get(serialize(Constant(3.0)))((1,))
    Tensor([3.], dtype=float32)
    """
    return table.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer that `serialize` described; classes and functions of your own stand in `custom_objects`, by name.

    >>> deserialize(serialize(HeNormal(seed=3)))
    HeNormal(seed=3)
    """
    with custom_object_scope(custom_objects):
        return get(config)


def values(initializer: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """What any initializer, ours or a function, gives for a weight: a host array, its shape checked."""
    if isinstance(initializer, Initializer) and type(initializer).__call__ is Initializer.__call__:
        return initializer.host(shape, dtype)
    try:
        made = host_array(initializer(shape, dtype=dtype.name))
    except DTypeError as error:
        raise DTypeError(f"[initializer] {initializer!r} gave something else than numbers. {error}") from None
    if made.shape != shape:
        raise ShapeError(f"[initializer] {initializer!r} was asked for shape {shape}. Received: shape {made.shape}")
    return made.astype(dtype, copy=False)


__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "deserialize",
    "get",
    "serialize",
]

__getattr__ = missing_attribute(__name__, __all__)
