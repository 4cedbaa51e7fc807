"""Draw random numbers: `normal`, `uniform`, `randint`, `dropout`, ...; make them repeat: `set_seed`.

Numbers on a device come from Philox4x32-10 and are the same on every device and path for the same seed (see `gpudl.ops.random`). Initial
weights and permutations are drawn on the host, in float64, from one generator (`host_rng`), and copied.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import backends, dtypes, ops
from .errors import ShapeError
from .tensors import Tensor, TensorLike
from .variables import Variable

_lock = threading.RLock()


def _checked(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(f"[seed] expected an integer, 0 <= seed < 2**64. Received: {seed!r}")
    return int(seed)


class _Global:
    """What the process draws from: one seed, the number of the next stream, the host's generator."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.next_stream = 1  # 0 is the generator behind `normal`, `uniform`, ...
        self.host = np.random.Generator(np.random.PCG64(seed))


_global: _Global | None = None


def _current() -> _Global:
    global _global
    if _global is None:
        with _lock:
            if _global is None:
                _global = _Global(int.from_bytes(os.urandom(8), "little"))
    return _global


def _words(seed: int, stream: int) -> np.ndarray[Any, Any]:
    return np.array([seed & 0xFFFFFFFF, seed >> 32, stream, 0], np.uint32)


class Generator:
    """A source of random numbers of its own: a seed, a stream number, and per device the number of draws made.

    Args:
        seed: an integer, 0 <= seed < 2**64; two generators of one seed draw the same. Default: the process' seed (see `set_seed`), and
            the next stream number.
        name: of its state variables. Default "generator".

    >>> a, b = Generator(3), Generator(3)
    >>> normal(2, seed=a).tolist() == normal(2, seed=b).tolist()
    True
    >>> normal(2, seed=a).tolist() == normal(2, seed=Generator(3)).tolist()  # a has drawn before
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.name = name or "generator"
        self._lock = threading.RLock()
        self._states: dict[str, Variable] = {}
        if seed is None:
            with _lock:
                here = _current()
                self.seed, self.stream = here.seed, here.next_stream
                here.next_stream += 1
        else:
            self.seed, self.stream = _checked(seed), 0

    def state(self, device: str | None = None) -> Variable:
        """The random state on a device, by default the current one: uint32 (4,): seed low, seed high, stream, draw."""
        where = backends.default_device() if device is None else backends.normalise(device)
        with self._lock:
            found = self._states.get(where)
            if found is None:
                found = Variable(_words(self.seed, self.stream), trainable=False, device=where, name=self.name)
                self._states[where] = found
        return found

    def reset(self, seed: int | None = None) -> None:
        """Start again at the first draw, with another seed if one is given."""
        with self._lock:
            self.seed = self.seed if seed is None else _checked(seed)
            for state in self._states.values():
                state.assign(_words(self.seed, self.stream))

    def draw(self, make: Callable[[Tensor], Tensor], device: str | None = None) -> Tensor:
        """make(state), which advances the state, not disturbed by other threads."""
        with self._lock:
            return make(self.state(device))


SeedGenerator = Generator
_default: Generator | None = None


def default_generator() -> Generator:
    """The generator that is used where no seed is given: stream 0 of the process' seed.

    >>> set_seed(0)
    >>> first = uniform((2,), seed=default_generator())
    >>> set_seed(0)
    >>> bool((uniform((2,)) == first).all())
    True
    """
    global _default
    with _lock:
        if _default is None:
            _default = Generator(_current().seed, name="default_generator")
        return _default


def set_seed(seed: int) -> None:
    """Let everything gpudl draws from now on repeat: initial weights, permutations, dropout, `gpudl.random`.

    A model built after `set_seed(s)` has the same weights and drops the same units whenever it is built so. Generators and layers that
    exist already keep their own state.

    Args:
        seed: an integer, 0 <= seed < 2**64.

    >>> set_seed(1)
    >>> first = uniform(3).tolist()
    >>> set_seed(1)
    >>> uniform(3).tolist() == first
    True
    """
    global _global
    seed = _checked(seed)
    with _lock:
        _global = _Global(seed)
        if _default is not None:
            _default.reset(seed)


def host_rng() -> np.random.Generator:
    """The one generator on the host, from which initial weights and permutations are drawn. `set_seed` replaces it: do not keep it.

    >>> set_seed(0)
    >>> a = host_rng().normal()
    >>> set_seed(0)
    >>> a == host_rng().normal()
    True
    """
    return _current().host


def new_state(name: str = "random_state", device: str | None = None) -> Variable:
    """A random state for a layer that draws: the process' seed, the next stream number, draw 0. See `gpudl.ops.dropout`.

    >>> new_state().shape
    (4,)
    """
    return Generator(name=name).state(device)


# drawing -----------------------------------------------------------------------------------------------------------------------

_fixed: dict[tuple[int, str], Tensor] = {}


def _fixed_state(seed: int, device: str) -> Tensor:
    """The state of an integer seed, which no draw advances. Made once and older than every step, so steps can be recorded."""
    key = (_checked(seed), device)
    found = _fixed.get(key)
    if found is None:
        found = Tensor(_words(key[0], 0), device=device)
        found.storage.stamp = 0
        with _lock:
            if len(_fixed) >= 1024:
                _fixed.clear()
            _fixed[key] = found
    return found


def _drawn(function: Callable[..., Tensor], seed: Any, device: str | None, requires_grad: bool = False) -> Tensor:
    """Draw from the generator that `seed` means: None the default one, an integer always the same numbers."""
    if seed is None or isinstance(seed, Generator):
        source = default_generator() if seed is None else seed
        out = source.draw(lambda state: function(state, advance=True), device)
    else:
        where = backends.default_device() if device is None else backends.normalise(device)
        out = function(_fixed_state(seed, where), advance=False)
    if requires_grad:
        out.requires_grad = True
    return out


def normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None, *, requires_grad: bool = False,
    device: str | None = None,
) -> Tensor:  # fmt: skip
    """Normally distributed numbers.

    Args:
        shape: an int or a sequence of ints.
        mean, stddev: of the distribution; default 0 and 1.
        dtype: a float type, default `floatx()`.
        seed: an integer gives the same numbers in every call; a `Generator` goes on drawing; default: the generator of the process.
        requires_grad: gather a gradient in `.grad`. Default False.
        device: default: the current one.

    >>> normal((2, 3), seed=0).shape
    (2, 3)
    """
    return _drawn(lambda state, advance: ops.random_normal(state, shape, mean, stddev, dtype, advance), seed, device, requires_grad)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None, *, requires_grad: bool = False,
    device: str | None = None,
) -> Tensor:  # fmt: skip
    """Normally distributed numbers on condition that they are within two standard deviations of the mean. Arguments as for `normal`.

    >>> float(max(abs(truncated_normal(1000, seed=0).numpy()))) <= 2
    True
    """
    return _drawn(
        lambda state, advance: ops.random_truncated_normal(state, shape, mean, stddev, dtype, advance), seed, device, requires_grad
    )


def uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None, *, requires_grad: bool = False,
    device: str | None = None,
) -> Tensor:  # fmt: skip
    """Numbers equally distributed over minval <= y < maxval. Other arguments as for `normal`.

    >>> uniform(2, seed=0).tolist() == uniform(2, seed=0).tolist()
    True
    """
    return _drawn(lambda state, advance: ops.random_uniform(state, shape, minval, maxval, dtype, advance), seed, device, requires_grad)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None, *, device: str | None = None) -> Tensor:
    """Integers equally distributed over minval <= y < maxval, whose difference is 2**32 at most. Other arguments as for `normal`.

    >>> sorted(set(randint(100, 0, 3, seed=0).tolist()))
    [0, 1, 2]
    """
    return _drawn(lambda state, advance: ops.random_integers(state, shape, minval, maxval, dtype, advance), seed, device)


def bernoulli(shape: Any, p: float = 0.5, dtype: Any = None, seed: Any = None, *, device: str | None = None) -> Tensor:
    """1 with probability p, else 0, in `floatx()` unless a dtype is given. Other arguments as for `normal`.

    >>> bernoulli(3, 1.0)
    Tensor([1., 1., 1.], dtype=float32)
    """
    dtype = dtypes.floatx() if dtype is None else dtype
    return _drawn(lambda state, advance: ops.random_bernoulli(state, shape, p, dtype, advance), seed, device)


def dropout(inputs: TensorLike, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None) -> Tensor:
    """Zero a share `rate` of the inputs at random and divide the rest by 1 - rate.

    Args:
        inputs: float tensor.
        rate: 0 <= rate <= 1.
        noise_shape: shape of the mask, which broadcasts to the inputs. Default: theirs.
        seed: as for `normal`.

    >>> dropout([1.0, 1.0, 1.0, 1.0], 0.0)
    Tensor([1., 1., 1., 1.], dtype=float32)
    """
    x = ops.convert_to_tensor(inputs)
    return _drawn(lambda state, advance: ops.dropout(x, state, rate, noise_shape, advance), seed, x.device)


def categorical(logits: TensorLike, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Classes drawn with probability softmax(logits): the largest of the logits plus Gumbel noise.

    Args:
        logits: unnormalised log-probabilities, (batch, classes).
        num_samples: how many to draw for each row.
        dtype: integer type of the result, default int32.
        seed: as for `normal`.

    Returns:
        (batch, num_samples), integers below `classes`.

    >>> categorical([[0.0, -1e9, -1e9]], 4, seed=0)
    Tensor([[0, 0, 0, 0]], dtype=int32)
    """
    x = ops.cast(ops.convert_to_tensor(logits), dtypes.floatx())
    if x.ndim != 2:
        raise ShapeError(f"[categorical] logits must be (batch, classes). Received: logits {x.shape}")
    u = uniform((x.shape[0], int(num_samples), x.shape[1]), dtype=x.dtype, seed=seed, device=x.device)
    noise = ops.negative(ops.log(ops.negative(ops.log(u))))  # u = 0 gives -inf, which is never the largest
    return ops.cast(ops.argmax(ops.add(ops.expand_dims(x, 1), noise), axis=-1), dtype).detach()


def permutation(n: int, seed: int | None = None) -> np.ndarray[Any, Any]:
    """The numbers 0..n-1 in random order, drawn on the host.

    >>> sorted(permutation(4).tolist())
    [0, 1, 2, 3]
    """
    rng = host_rng() if seed is None else np.random.Generator(np.random.PCG64(_checked(seed)))
    return rng.permutation(n)


def shuffle(x: TensorLike, axis: int = 0, seed: int | None = None) -> Tensor:
    """x with the entries along an axis in random order, drawn on the host.

    >>> sorted(shuffle([3, 1, 2]).tolist())
    [1, 2, 3]
    """
    x = ops.convert_to_tensor(x)
    if x.ndim == 0:
        raise ValueError("[shuffle] x must have an axis. Received: a tensor without axes")
    return ops.take(x, permutation(x.shape[axis], seed), axis=axis)


__all__ = [
    "Generator", "SeedGenerator", "bernoulli", "categorical", "default_generator", "dropout", "host_rng", "new_state",
    "normal", "permutation", "randint", "set_seed", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
