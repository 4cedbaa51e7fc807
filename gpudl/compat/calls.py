"""Take constructors of older Keras that need more than another word: `weights=[...]`, `decay=`, `mode=0`; give them its defaults."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config, optimizers
from . import decay as decay_of
from .table import RECURRENT

Made = Callable[..., None]


def layer(made: Made, self: Any, *args: Any, weights: Any = None, **kwargs: Any) -> None:
    """`weights=[kernel, bias]`: the values that the weights start from."""
    made(self, *args, **kwargs)
    if weights is not None:
        if not isinstance(weights, (list, tuple)):
            raise TypeError(f"[{type(self).__name__}] weights must be a list of arrays. Received: {type(weights).__name__}")
        self._first_weights = [np.asarray(w) for w in weights]


def embedding(made: Made, self: Any, *args: Any, input_length: Any = None, dropout: Any = 0.0, **kwargs: Any) -> None:
    """`input_length=10`: the length of a model's input rows. `dropout=0.0`: none."""
    if dropout:
        raise ValueError(f"[Embedding] write SpatialDropout1D({dropout!r}) behind it. Received: dropout={dropout!r}")
    if input_length is not None:
        kwargs.setdefault("input_shape", (input_length,))
    made(self, *args, **kwargs)


def sequence(made: Made, self: Any, *args: Any, input_length: Any = None, **kwargs: Any) -> None:
    """`input_dim=8, input_length=10`: sequences of 10 vectors of 8 numbers."""
    if "input_dim" in kwargs:
        kwargs["input_shape"] = (input_length, kwargs.pop("input_dim"))
    made(self, *args, **kwargs)


def conv1d(made: Made, self: Any, *args: Any, **kwargs: Any) -> None:
    """`input_dim=8, input_length=10`; and the layout that Keras 2 took whatever `image_data_format()` said."""
    if config.compat() == "keras2" and "dim_ordering" not in kwargs and "data_format" not in _positions(type(self))[: len(args)]:
        kwargs.setdefault("data_format", "channels_last")
    sequence(made, self, *args, **kwargs)


def batch_normalization(made: Made, self: Any, *args: Any, mode: Any = 0, **kwargs: Any) -> None:
    """`mode=0`: what it does today."""
    if mode != 0:
        raise ValueError(f"[BatchNormalization] of the modes of Keras 1 there is only mode=0. Received: mode={mode!r}")
    made(self, *args, **kwargs)


def _positions(cls: type) -> list[str]:
    """The arguments of a class in order."""
    return list(inspect.signature(cls).parameters)


def recurrent(made: Made, self: Any, *args: Any, **kwargs: Any) -> None:
    """`implementation=2, consume_less="gpu"`: ways of computing the same, which are not chosen here."""
    for name in ("implementation", "consume_less"):
        kwargs.pop(name, None)
    first = kwargs.pop("forget_bias_init", None)
    if first is not None:
        if first not in ("one", "zero"):
            raise ValueError(f"[{type(self).__name__}] forget_bias_init must be 'one' or 'zero'. Received: forget_bias_init={first!r}")
        kwargs["unit_forget_bias"] = first == "one"
    if config.compat() == "keras2":
        given = {*_positions(type(self))[: len(args)], *kwargs}
        kinds = {c.__name__ for c in type(self).__mro__}
        if kinds & {"LSTM", "GRU", "LSTMCell", "GRUCell"} and not given & {"recurrent_activation", "inner_activation"}:
            kwargs["recurrent_activation"] = "hard_sigmoid"
        if kinds & {"GRU", "GRUCell"} and "reset_after" not in given:
            kwargs["reset_after"] = False
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


# learning rates that were larger by default
RATES = {"Adadelta": 1.0, "Adagrad": 0.01, "Adamax": 0.002, "Nadam": 0.002}


def optimizer(made: Made, self: Any, *args: Any, decay: Any = 0.0, **kwargs: Any) -> None:
    """`decay=`: in step n the rate is learning_rate / (1 + decay n). `epsilon=None`: the default."""
    if kwargs.get("epsilon", 0) is None:
        del kwargs["epsilon"]
    where = type(self).__name__
    said = bool(args) or "lr" in kwargs or "learning_rate" in kwargs
    if not said and config.compat() == "keras2" and where in RATES:
        kwargs["learning_rate"], said = RATES[where], True
    if decay:
        first = inspect.signature(type(self)).parameters["learning_rate"].default
        for name in ("lr", "learning_rate"):
            first = kwargs.pop(name, first)
        first, *rest = args or (first,)
        args, kwargs["learning_rate"] = (), optimizers.schedules.InverseTimeDecay(first, 1, decay)
        if rest:
            raise TypeError(f"[{where}] with decay, write the other arguments by name")
    made(self, *args, **kwargs)
    if decay:
        decay_of.keep(self, first, decay)
    if not said and where == "Adadelta":
        decay_of.default_rate.add(self)


def nadam(made: Made, self: Any, *args: Any, schedule_decay: Any = 0.004, **kwargs: Any) -> None:
    """`schedule_decay=0.004`: the momentum's schedule is fixed today."""
    if schedule_decay != 0.004:
        warnings.warn(
            f"[Nadam] schedule_decay has no effect: the momentum follows Keras 3. Received: schedule_decay={schedule_decay!r}",
            stacklevel=4,
        )
    optimizer(made, self, *args, **kwargs)


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
    "Conv1D": conv1d,
    "SeparableConv1D": conv1d,
    **dict.fromkeys((*RECURRENT, "LSTMCell", "GRUCell"), recurrent),
    **dict.fromkeys(optimizers.__all__, optimizer),
    "Nadam": nadam,
    "ModelCheckpoint": checkpoint,
}

__all__ = ["AROUND"]
