"""Take old arguments of models' methods and of functions: `nb_epoch`, `samples_per_epoch`, `class_mode`; and the methods that are gone."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any

from .. import config, losses, metrics, utils
from ..errors import unknown_keyword
from ..models import summary
from ..models.trainer import Trainer
from ..renames import spelled_today
from ..utils import numerical
from .decay import default_rate, told
from .summary import lines as old_lines

QUEUES = ("max_queue_size", "max_q_size", "workers", "nb_worker", "use_multiprocessing", "pickle_safe")
NOTE = (
    "Adadelta runs with learning_rate=0.001, the default of Keras 3. The Adadelta of the paper, of texts and of Keras up to 2.3 means "
    "Adadelta(learning_rate=1.0)"
)


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


# functions ------------------------------------------------------------------------------------------------------------------


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


def metric_by_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """`metrics.get`, which knows the negative `cosine_proximity`, and calls accuracies "acc" if the defaults of Keras 2 are asked for."""

    @functools.wraps(function)
    def called(identifier: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(identifier, str) and identifier in ("cosine_proximity", "cosine"):
            return metrics.MeanMetricWrapper(losses.cosine_similarity, name=identifier)
        if isinstance(identifier, str) and identifier.lower() == "accuracy" and config.compat() == "keras2":
            identifier = "acc"
        return function(identifier, *args, **kwargs)

    return called


def summary_lines(function: Callable[..., Any]) -> Callable[..., Any]:
    """`summary.lines`, which draws the table of Keras 2 if its defaults are asked for."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return (old_lines if config.compat() == "keras2" else function)(*args, **kwargs)

    return called


def probas_to_classes(y_pred: Any) -> Any:
    """The number of the most probable class for every row; for one output, whether it is above 0.5."""
    return y_pred.argmax(axis=-1) if y_pred.ndim > 1 and y_pred.shape[-1] > 1 else (y_pred > 0.5).astype("int32")


def print_summary(model: Any, line_length: int | None = None, positions: Any = None, print_fn: Callable[[str], Any] | None = None) -> None:
    """`model.summary()`."""
    model.summary(line_length, positions, print_fn)


def count_params(weights: Any) -> int:
    """How many numbers these weights hold."""
    return int(sum(w.size for w in weights))


# methods --------------------------------------------------------------------------------------------------------------------


def compile_method(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compile`, which takes what no longer says anything: `class_mode`, and Nones."""

    @functools.wraps(function)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("class_mode", None)
        for name in ("sample_weight_mode", "target_tensors"):
            if kwargs.get(name, 0) is None:
                del kwargs[name]
        return function(self, *args, **kwargs)

    return called


def fit_method(function: Callable[..., Any]) -> Callable[..., Any]:
    """`fit` and `evaluate`, which take `show_accuracy`, and the workers of queues that are not there."""
    plain = renamed(function)

    @functools.wraps(function)
    def called(self: Any, *args: Any, show_accuracy: bool = False, **kwargs: Any) -> Any:
        if show_accuracy and self._compiled and not self._metrics_wanted:
            self._metrics_wanted, self._metrics_for = [("accuracy", False)], None
            self._runners.clear()
        if self.optimizer is not None and self.optimizer in default_rate and kwargs.get("verbose", "auto") != 0 and NOTE not in told:
            told.append(NOTE)
            print(NOTE, flush=True)
        return plain(self, *args, **_without_queues(kwargs))

    return called


def predict_method(function: Callable[..., Any]) -> Callable[..., Any]:
    """`predict`, silent if the defaults of Keras 2 are asked for."""

    @functools.wraps(function)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if config.compat() == "keras2" and len(args) < 3:
            kwargs.setdefault("verbose", 0)
        return function(self, *args, **_without_queues(kwargs))

    return called


def _without_queues(kwargs: dict[str, Any]) -> dict[str, Any]:
    """What remains when the queues of older Keras are left out."""
    return {k: v for k, v in kwargs.items() if k not in QUEUES}


def _steps(where: str, source: Any, samples: Any) -> tuple[Any, int | None]:
    """A stream of batches, whole again, and how many of its batches hold so many examples."""
    if samples is None:
        return source, None
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise ValueError(f"[{where}] a number of examples must be a whole number >= 1. Received: {samples!r}")
    if hasattr(source, "__next__"):
        first = next(source)
        source = itertools.chain([first], source)
    else:
        first = source[0] if hasattr(source, "__getitem__") else next(iter(source))
    batch = len(first[0] if isinstance(first, (tuple, list)) else first)
    return source, max(1, -(-samples // batch))


def fit_generator(
    self: Any, generator: Any, steps_per_epoch: Any = None, epochs: int = 1, verbose: Any = "auto", callbacks: Any = None, **kwargs: Any
) -> Any:
    """`fit` with a generator. With the keywords of Keras 1 epochs are counted in examples: `samples_per_epoch`, `nb_val_samples`."""
    samples = kwargs.pop("samples_per_epoch", None)
    if samples is None and "nb_epoch" in kwargs:
        samples, steps_per_epoch = steps_per_epoch, None  # Keras 1: the second argument is samples_per_epoch
    epochs = kwargs.pop("nb_epoch", epochs)
    generator, counted = _steps("fit_generator", generator, samples)
    held = kwargs.pop("nb_val_samples", None)
    if held is not None:
        kwargs["validation_data"], kwargs["validation_steps"] = _steps("fit_generator", kwargs.get("validation_data"), held)
    steps = steps_per_epoch if counted is None else counted
    return self.fit(generator, steps_per_epoch=steps, epochs=epochs, verbose=verbose, callbacks=callbacks, **kwargs)


def evaluate_generator(self: Any, generator: Any, steps: Any = None, val_samples: Any = None, verbose: Any = 0, **kwargs: Any) -> Any:
    """`evaluate` with a generator."""
    generator, counted = _steps("evaluate_generator", generator, val_samples)
    return self.evaluate(generator, steps=steps if counted is None else counted, verbose=verbose, **kwargs)


def predict_generator(self: Any, generator: Any, steps: Any = None, val_samples: Any = None, verbose: Any = 0, **kwargs: Any) -> Any:
    """`predict` with a generator."""
    generator, counted = _steps("predict_generator", generator, val_samples)
    return self.predict(generator, steps=steps if counted is None else counted, verbose=verbose, **kwargs)


def predict_classes(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """The number of the most probable class for every row; for one output, whether it is above 0.5."""
    return probas_to_classes(self.predict(x, batch_size=batch_size, verbose=verbose))


def predict_proba(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """`predict`."""
    return self.predict(x, batch_size=batch_size, verbose=verbose)


def reset_states(self: Any) -> None:
    """Let all recurrent layers that keep their states begin with zeros again."""
    for layer in self._tree():
        if layer is not self and hasattr(type(layer), "reset_states"):
            layer.reset_states()


def install() -> None:
    """Give models their old methods, and the functions with old keywords a form that takes them."""
    for method in (fit_generator, evaluate_generator, predict_generator, predict_classes, predict_proba, reset_states):
        setattr(Trainer, method.__name__, method)
    Trainer.fit = fit_method(Trainer.fit)  # type: ignore[method-assign]
    Trainer.evaluate = fit_method(Trainer.evaluate)  # type: ignore[method-assign]
    Trainer.predict = predict_method(Trainer.predict)  # type: ignore[method-assign]
    Trainer.compile = compile_method(Trainer.compile)  # type: ignore[method-assign]
    utils.to_categorical = numerical.to_categorical = to_categorical(numerical.to_categorical)
    metrics.get = metric_by_name(metrics.get)
    summary.lines = summary_lines(summary.lines)


__all__ = ["count_params", "install", "print_summary", "probas_to_classes", "renamed"]
