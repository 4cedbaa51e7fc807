"""Take calls of older Keras that need more than another word: `weights=[...]`, `decay=`, `Convolution2D(32, 3, 3)`, `fit_generator`."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import layers, optimizers, utils
from ..errors import unknown_keyword
from ..models.trainer import Trainer
from ..renames import spelled_today
from ..utils import numerical
from .table import RECURRENT

Made = Callable[..., None]


# constructors ---------------------------------------------------------------------------------------------------------------


def layer(made: Made, self: Any, *args: Any, weights: Any = None, **kwargs: Any) -> None:
    """`weights=[kernel, bias]`: the values that the weights start from."""
    made(self, *args, **kwargs)
    if weights is not None:
        if not isinstance(weights, (list, tuple)):
            raise TypeError(f"[{type(self).__name__}] weights must be a list of arrays. Received: {type(weights).__name__}")
        self._first_weights = [np.asarray(w) for w in weights]


def embedding(made: Made, self: Any, *args: Any, input_length: Any = None, **kwargs: Any) -> None:
    """`input_length=10`: the length of a model's input rows."""
    if input_length is not None:
        kwargs.setdefault("input_shape", (input_length,))
    made(self, *args, **kwargs)


def sequence(made: Made, self: Any, *args: Any, input_length: Any = None, **kwargs: Any) -> None:
    """`input_dim=8, input_length=10`: sequences of 10 vectors of 8 numbers."""
    if "input_dim" in kwargs:
        kwargs["input_shape"] = (input_length, kwargs.pop("input_dim"))
    made(self, *args, **kwargs)


def batch_normalization(made: Made, self: Any, *args: Any, mode: Any = 0, **kwargs: Any) -> None:
    """`mode=0`: what it does today."""
    if mode != 0:
        raise ValueError(f"[BatchNormalization] of the modes of Keras 1 there is only mode=0. Received: mode={mode!r}")
    made(self, *args, **kwargs)


def recurrent(made: Made, self: Any, *args: Any, **kwargs: Any) -> None:
    """`implementation=2, consume_less="gpu"`: ways of computing the same, which are not chosen here."""
    for name in ("implementation", "consume_less"):
        kwargs.pop(name, None)
    first = kwargs.pop("forget_bias_init", None)
    if first is not None:
        if first not in ("one", "zero"):
            raise ValueError(f"[{type(self).__name__}] forget_bias_init must be 'one' or 'zero'. Received: forget_bias_init={first!r}")
        kwargs["unit_forget_bias"] = first == "one"
    sequence(made, self, *args, **kwargs)


@functools.cache
def _hint_at_strides(size: int) -> None:
    warnings.warn(
        f"Conv2D(..., {size}, {size}) means kernel_size={size} and strides={size}. If a {size} × {size} kernel is meant, as in Keras 1, "
        f"write Conv2D(..., ({size}, {size}))",
        stacklevel=5,
    )


def conv2d(made: Made, self: Any, *args: Any, **kwargs: Any) -> None:
    """Three numbers are filters, kernel size and strides, not rows and columns; where that looks like a mistake, say so once."""
    if len(args) > 2 and isinstance(args[1], int) and args[1] == args[2] > 2:
        _hint_at_strides(args[1])
    made(self, *args, **kwargs)


def Convolution2D(*args: Any, **kwargs: Any) -> Any:
    """`Convolution2D(filters, rows, columns)` of Keras 1, as a Conv2D.

    >>> Convolution2D(32, 3, 5, border_mode="same", subsample=(2, 2)).kernel_size
    (3, 5)
    """
    if len(args) > 2 and all(isinstance(n, int) for n in args[1:3]):
        args = (args[0], args[1:3], *args[3:])
        if len(args) > 2:  # behind the columns Keras 1 had other arguments than behind the kernel size
            kwargs.update(zip(("init", "activation"), args[2:]))
            args = args[:2]
    if "nb_row" in kwargs and "nb_col" in kwargs:
        kwargs["kernel_size"] = (kwargs.pop("nb_row"), kwargs.pop("nb_col"))
    return layers.Conv2D(*args, **kwargs)


def optimizer(made: Made, self: Any, *args: Any, decay: Any = 0.0, **kwargs: Any) -> None:
    """`decay=`: in step n the rate is learning_rate / (1 + decay n). `epsilon=None`: the default."""
    if kwargs.get("epsilon", 0) is None:
        del kwargs["epsilon"]
    if decay:
        where = type(self).__name__
        first = inspect.signature(type(self)).parameters["learning_rate"].default
        for name in ("lr", "learning_rate"):
            first = kwargs.pop(name, first)
        first, *rest = args or (first,)
        args, kwargs["learning_rate"] = (), optimizers.schedules.InverseTimeDecay(first, 1, decay)
        if rest:
            raise TypeError(f"[{where}] with decay, write the other arguments by name")
    made(self, *args, **kwargs)


def checkpoint(made: Made, self: Any, *args: Any, period: int = 1, **kwargs: Any) -> None:
    """`period=5`: after every fifth epoch."""
    if isinstance(period, bool) or not isinstance(period, int) or period < 1:
        raise ValueError(f"[ModelCheckpoint] period must be a whole number >= 1. Received: period={period!r}")
    made(self, *args, **kwargs)
    if period > 1:
        self.on_epoch_end = functools.partial(_every, period, self.on_epoch_end)


def _every(period: int, hook: Callable[..., None], epoch: int, logs: Any = None) -> None:
    if (epoch + 1) % period == 0:
        hook(epoch, logs)


AROUND: dict[str, Callable[..., Any]] = {
    "Layer": layer,
    "Embedding": embedding,
    "BatchNormalization": batch_normalization,
    "Conv2D": conv2d,
    "Conv1D": sequence,
    **dict.fromkeys(RECURRENT, recurrent),
    **dict.fromkeys(optimizers.__all__, optimizer),
    "ModelCheckpoint": checkpoint,
}


# functions and methods ------------------------------------------------------------------------------------------------------


def renamed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which takes old keywords too."""
    name = function.__name__
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        spelled_today(name, name, kwargs, set(known))
        for k in kwargs:
            if k not in known:
                raise unknown_keyword(name, k, [n for n in known if n != "self"])
        return function(*args, **kwargs)

    return called


def to_categorical(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which takes `y`, `nb_classes` and `dtype` too."""
    plain = renamed(function)

    @functools.wraps(function)
    def called(*args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if len(args) > 2:
            args, dtype = args[:2], args[2]
        made = plain(*args, **kwargs)
        return made if dtype is None else made.astype(dtype)

    return called


def fit_generator(self: Any, generator: Any, steps_per_epoch: Any = None, epochs: int = 1, verbose: Any = "auto", **kwargs: Any) -> Any:
    """`fit` with a generator."""
    return self.fit(generator, steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=verbose, **_without_workers(kwargs))


def evaluate_generator(self: Any, generator: Any, steps: Any = None, **kwargs: Any) -> Any:
    """`evaluate` with a generator."""
    return self.evaluate(generator, steps=steps, **_without_workers(kwargs))


def predict_generator(self: Any, generator: Any, steps: Any = None, **kwargs: Any) -> Any:
    """`predict` with a generator."""
    return self.predict(generator, steps=steps, **_without_workers(kwargs))


def _without_workers(kwargs: dict[str, Any]) -> dict[str, Any]:
    """What remains when the queues of older Keras are left out."""
    return {k: v for k, v in kwargs.items() if k not in ("max_queue_size", "max_q_size", "workers", "nb_worker", "use_multiprocessing")}


def predict_classes(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """The number of the most probable class for every row; for one output, whether it is above 0.5."""
    found = self.predict(x, batch_size=batch_size, verbose=verbose)
    return found.argmax(axis=-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")


def predict_proba(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """`predict`."""
    return self.predict(x, batch_size=batch_size, verbose=verbose)


def install() -> None:
    """Give models their old methods, and the functions with old keywords a form that takes them."""
    for method in (fit_generator, evaluate_generator, predict_generator, predict_classes, predict_proba):
        setattr(Trainer, method.__name__, method)
    Trainer.fit = renamed(Trainer.fit)  # type: ignore[method-assign]
    utils.to_categorical = numerical.to_categorical = to_categorical(numerical.to_categorical)


__all__ = ["AROUND", "Convolution2D", "install"]
