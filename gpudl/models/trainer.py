"""Train and use a model: `compile`, `fit`, `evaluate`, `predict`, and the same for single batches.

The loop keeps data, order and metrics on the device and runs whole stretches of steps; between them it looks after callbacks. What a step
does stands in step.py, how it is replayed in gpudl/replay.py.
"""

from __future__ import annotations

import inspect
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import activations, dtypes, losses, optimizers, variables
from .. import callbacks as callbacks_module
from .. import metrics as metrics_module
from .. import random as gpudl_random
from ..autograd import no_grad
from ..errors import ShapeError, unknown_keyword
from ..plan import Workspace
from ..replay import StepRunner
from ..tensors import Tensor
from ..variables import Variable
from ..versioned import Versioned
from . import data as d
from . import step as steps_of
from .stream import Stream, is_stream

if TYPE_CHECKING:
    from ..backends import Backend

BATCH = 32  # Keras' default batch size


class Trainer(Versioned):
    """What a model needs to be trained. It is subclassed by models, which say what their layers compute."""

    _free = frozenset({"stop_training", "history", "loss_tracker", "metrics_in_use"})

    # told by the model ------------------------------------------------------------------------------------------------------

    name: str
    built: bool
    layers: list[Any]
    dtype_policy: Any

    def __call__(self, x: Any, training: bool | None = None) -> Tensor:
        raise NotImplementedError

    def _init_trainer(self) -> None:
        """To be called once by the model's constructor."""
        self.optimizer: Any = None
        self.loss: Any = None
        self.metrics_in_use: list[Any] = []
        self.loss_tracker: Any = None
        self.stop_training = False
        self._loss_weight: float | None = None
        self._first_epoch = 0
        self.history: Any = None
        self._compiled = False
        self._metrics_wanted: list[Any] | None = None
        self._metrics_for: Any = None
        self._runners: dict[str, StepRunner] = {}
        self._workspace = Workspace()
        self._lock = threading.RLock()

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        capture: bool | str = "auto",
        loss_weights: Any = None,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **unknown: Any,
    ) -> None:
        """Say how to train: every name is checked now, not at the first step.

        Args:
            optimizer: an Optimizer or its name, default ``"rmsprop"``.
            loss: a Loss, its name, or a function ``(y_true, y_pred) -> one number an example``.
            metrics: names, Metric objects or functions, e.g. ``["accuracy"]``.
            weighted_metrics: the same, weighted by `sample_weight`.
            run_eagerly: run every step's Python code, e.g. to debug it; default False.
            capture: ``"auto"`` replays steps where that is possible; True makes it an error where it is not.
            loss_weights: a factor of the loss, a number or a list of one; default None, no factor.
            steps_per_execution, jit_compile: taken as in Keras, without effect: whole stretches of steps are replayed.
            auto_scale_loss: put the optimizer into a LossScaleOptimizer if the model's `dtype_policy` is ``"mixed_float16"``. Default True.

        Raises:
            ValueError: for an unknown optimizer, loss or metric, with the nearest name.
            TypeError: for an unknown keyword.
        """
        for keyword in unknown:
            raise unknown_keyword("compile", keyword, _arguments(self.compile))
        for step in ("train_step", "test_step", "predict_step"):
            if hasattr(type(self), step):
                raise NotImplementedError(
                    f"[compile] {type(self).__name__} has a {step} of its own, which fit would not call. Write compute_loss, or a loop of "
                    "your own: docs/custom-loops.md"
                )
        if capture not in ("auto", True, False):
            raise ValueError(f"[compile] capture must be 'auto', True or False. Received: {capture!r}")
        d.check_count("steps_per_execution", steps_per_execution, 1, "compile")
        factor = d.loss_weight(loss_weights)
        chosen_optimizer = optimizers.get(optimizer)
        wraps = auto_scale_loss and self.dtype_policy.name == "mixed_float16"
        if wraps and not isinstance(chosen_optimizer, optimizers.LossScaleOptimizer):
            chosen_optimizer = optimizers.LossScaleOptimizer(chosen_optimizer, name="loss_scale_optimizer")
        chosen_loss = None if loss is None else losses.get(loss)
        wanted = [(m, False) for m in _as_list(metrics, "metrics")] + [(m, True) for m in _as_list(weighted_metrics, "weighted_metrics")]
        for m, _ in wanted:
            metrics_module.check(m)
        self.optimizer, self.loss, self._loss_weight = chosen_optimizer, chosen_loss, factor
        self._metrics_wanted, self._metrics_for = wanted, None
        self.metrics_in_use = []
        self.loss_tracker = None
        self._mode = "eager" if run_eagerly or capture is False else "replay"
        self._strict = capture is True
        self._runners.clear()
        self._compiled = True

    # what the steps call ----------------------------------------------------------------------------------------------------

    @property
    def trainable_variables(self) -> list[Variable]:
        raise NotImplementedError

    def penalties(self) -> list[Tensor]:
        """Terms of regularisers, to be added to the loss."""
        return [penalty for layer in self.layers for penalty in layer.losses]

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Tensor:
        """The number to be made small: the loss of the batch plus the penalties. May be overridden.

        Args:
            x: the inputs of the batch.
            y: its targets.
            y_pred: what the model made of x.
            sample_weight: one weight an example, or None.
            training: whether this is a training step.
        """
        loss: Tensor = self.loss(y, y_pred, sample_weight)
        if self._loss_weight is not None:
            loss = loss * self._loss_weight
        for penalty in self.penalties():
            loss = loss + penalty
        return loss

    @property
    def loss_weights(self) -> float | None:
        """The factor of the loss that `compile` was given, or None."""
        return self._loss_weight

    @property
    def metrics(self) -> list[Any]:
        """The metrics in use, the loss first."""
        return [m for m in (self.loss_tracker, *self.metrics_in_use) if m is not None]

    @property
    def metrics_names(self) -> list[str]:
        """The names in logs, in the order of what `evaluate` returns."""
        if self._compiled and self.loss_tracker is None:  # nothing has been measured yet
            chosen = [metrics_module.get(m, loss=self.loss) for m, _ in self._metrics_wanted or []]
            return list(metrics_module.unique_names([metrics_module.Mean(name="loss"), *chosen]))
        return list(metrics_module.unique_names(self.metrics))

    # preparation ------------------------------------------------------------------------------------------------------------

    @property
    def _backend(self) -> Backend:
        from .. import backends

        for layer in self.layers:
            for v in layer.variables:
                return v.storage.backend  # type: ignore[no-any-return]
        return backends.get()

    @property
    def _dtype(self) -> np.dtype[Any]:
        """Of the data of a step: that of the first layer's weights."""
        return dtypes.standard(next((layer.variable_dtype for layer in self.layers), dtypes.floatx()))

    @property
    def _result_dtype(self) -> np.dtype[Any]:
        """Of predictions: what the last layer computes in."""
        return dtypes.standard(self.layers[-1].compute_dtype) if self.layers else dtypes.floatx()

    def _need(self, what: str, loss: bool = True) -> None:
        if not self.layers:
            raise ValueError(f"[{what}] the model has no layers. Add some first: model.add(gpudl.layers.Dense(10))")
        if loss and not self._compiled:
            raise RuntimeError(f"[{what}] the model is not compiled. Call model.compile(optimizer=..., loss=...) first")
        if loss and self.loss is None:
            raise ValueError(f"[{what}] the model was compiled without a loss. Call model.compile(optimizer=..., loss=...) first")

    def _admit(
        self, where: str, x: Any, y: Any, sample_weight: Any, class_weight: Any = None, names: tuple[str, ...] = ("x", "y")
    ) -> list[Any]:
        """Check x, y and weights against each other, the model and the loss; nothing is changed. Returns arrays, weights maybe None."""
        x = d.fit_input(d.to_array(x, names[0], where), self._expected_input(), self.layers[0].name, names[0], where)
        y = d.to_array(y, names[1], where)
        if len(x) == 0:
            raise ValueError(f"[{where}] {names[0]} is empty: received shape {x.shape}")
        d.same_length(x, y, names[1], where)
        d.check_finite(x, names[0], where)
        d.check_finite(y, names[1], where)
        output_shape = self._output_for(x.shape)
        losses.check_labels(self.loss, y, output_shape, names[1])
        return [x, y, d.to_weights(sample_weight, class_weight, x, y, self._dtype, where)]

    def _expected_input(self) -> tuple[int | None, ...] | None:
        raise NotImplementedError

    def _output_for(self, input_shape: tuple[int, ...]) -> tuple[int | None, ...]:
        """The output's shape for an input's, without building anything."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        raise NotImplementedError

    def _prepare(self, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any] | None = None) -> None:
        """Build what is still missing: weights, slots, accumulators."""
        if not self.built:
            self.build((None, *x.shape[1:]))
        if len(x) and not all(part.built for layer in self.layers for part in layer._tree()):
            with no_grad():  # layers in layers of the user's own are built by the first call, which must not be a step
                self(d.resident(x[:1], self._backend, self._dtype), training=False)
        if y is None:
            return
        if self.loss_tracker is None:
            self.loss_tracker = metrics_module.Mean(name="loss")
        key = (y.ndim, y.dtype.kind, y.shape[1:])
        if self._metrics_for != key:
            output = self._output_for(x.shape)
            chosen = []
            for wanted, weighted in self._metrics_wanted or []:
                metric = metrics_module.get(wanted, loss=self.loss, output_shape=output, y=y)
                metric.weighted = weighted
                chosen.append(metric)
            self.metrics_in_use, self._metrics_for = chosen, key
        self.optimizer.build(self.trainable_variables)

    def _runner(self, kind: str) -> StepRunner:
        runner = self._runners.get(kind)
        if runner is None:
            makers: dict[str, Callable[..., Any]] = {
                "train": lambda: steps_of.train_from(self),
                "test": lambda: steps_of.test_from(self),
                "predict": lambda: steps_of.predict_from(self),
                "train_batch": lambda: lambda x, y, *w: steps_of.train(self, x, y, w[0] if w else None),
                "test_batch": lambda: lambda x, y, *w: steps_of.test(self, x, y, w[0] if w else None),
                "predict_batch": lambda: lambda x: steps_of.predict(self, x),
            }
            mode, strict = (self._mode, self._strict) if self._compiled else ("replay", False)
            runner = self._runners[kind] = StepRunner(
                makers[kind](), mode, self._workspace, self._lock, strict, f"model {self.name!r}: the {kind.split('_')[0]} step"
            )
        return runner

    @property
    def _foreign(self) -> bool:
        """Whether Python code that is not ours takes part in a step."""
        layers = [below for layer in self.layers for below in layer._tree()]
        parts: list[Any] = [type(self), *[type(layer) for layer in layers]]
        parts += [type(self.optimizer)] if self.optimizer is not None else []
        parts += [
            getattr(layer, name, None) for layer in layers for name in ("activation", "recurrent_activation", "function", "cell", "cells")
        ]
        parts += [getattr(self.loss, "function", self.loss), *[getattr(m, "function", m) for m in self.metrics_in_use]]
        parts += [v.constraint for layer in self.layers for v in layer.trainable_variables]
        own = __name__.split(".")[0]
        for part in parts:
            module = getattr(part, "__module__", None) or type(part).__module__
            if part is not None and module.split(".")[0] != own:
                return True
        return False

    # the loop ---------------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        **unknown: Any,
    ) -> Any:
        """Train epoch by epoch, on whole arrays or on batches that come one at a time.

        Args:
            x: inputs, one row an example; arrays, lists, tables or tensors. Or a generator, an indexable sequence or any other iterable
                of batches ``(x, y)`` or ``(x, y, sample_weight)``; y, batch_size and the weights are not given then.
            y: targets, one row an example.
            batch_size: examples a step, default 32. The last batch of an epoch is smaller if it does not divide the data.
            epochs: the number of the last epoch, default 1.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch, ``"auto"``: a bar on a terminal or in a notebook, else lines.
            callbacks: a Callback or a list of them.
            validation_split: the fraction at the end of the data that is kept for validation.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)``.
            shuffle: draw a new order for every epoch, default True.
            class_weight: class number -> weight of its examples. It multiplies `sample_weight`, and the weights of batches.
            sample_weight: one weight an example.
            initial_epoch: the epoch to start from, default 0.
            steps_per_epoch, validation_steps: batches an epoch, and a validation; default: as many as there are. With arrays, an epoch
                is then the first so many batches of its order.
            validation_batch_size, validation_freq: examples a validation step, and every how many epochs to validate.

        Returns:
            A History: ``history.history["loss"]`` is a list with one number an epoch.

        Raises:
            ValueError, TypeError: for data or options that make no sense; the model is unchanged then.
        """
        self._need("fit")
        for keyword in unknown:
            raise unknown_keyword("fit", keyword, _arguments(self.fit))
        batch = d.check_count("batch_size", BATCH if batch_size is None else batch_size, 1)
        epochs, initial_epoch = d.check_count("epochs", epochs, 0), d.check_count("initial_epoch", initial_epoch, 0)
        held_batch = d.check_count("validation_batch_size", batch if validation_batch_size is None else validation_batch_size, 1)
        validation_freq = d.check_count("validation_freq", validation_freq, 1)
        steps, held_steps = d.check_steps("steps_per_epoch", steps_per_epoch), d.check_steps("validation_steps", validation_steps)
        source, first = self._source("fit", x, y, sample_weight, class_weight, batch_size, steps, bool(shuffle))
        held: Any = None
        if validation_data is not None:
            held, held_first = self._held("fit", validation_data, held_steps)
            if held_first[0].shape[1:] != first[0].shape[1:]:
                shapes = f"x has shape {first[0].shape}, validation_data x has shape {held_first[0].shape}"
                raise ShapeError(f"[fit] {shapes}: only the numbers of rows may differ")
        elif validation_split:
            if isinstance(source, Stream):
                raise ValueError("[fit] validation_split needs arrays. With batches that come one at a time, pass validation_data")
            source, held = d.split(source, validation_split)
        total = source.steps if isinstance(source, Stream) else min(-(-len(source[0]) // batch), steps or len(source[0]))
        listeners = callbacks_module.CallbackList.make(callbacks, self, verbose=verbose, epochs=epochs, steps=total)
        names = self._log_names(first[1], first[0].shape)
        listeners.check([*names, *[f"val_{n}" for n in names]] if held is not None else names, held is not None)
        labels = None
        if listeners.changes_labels:
            if isinstance(source, Stream):
                raise ValueError("[fit] callbacks that change labels need arrays, not batches that come one at a time")
            labels = source[1]
            source = [source[0], listeners.new_labels(initial_epoch, labels), *source[2:]]
        self._prepare(first[0], first[1])
        self._say_what_cannot_learn()
        train = self._placed(source, batch, steps)
        test = None if held is None else self._placed(held, held_batch, held_steps)
        try:
            self._fit_loop(train, test, listeners, range(initial_epoch, epochs), bool(shuffle), validation_freq, labels)
        finally:
            listeners.close()
            self._let_go()
        return self.history

    def _say_what_cannot_learn(self) -> None:
        """Warn of weights before a step function: its gradient is 0 everywhere."""
        for i, layer in enumerate(self.layers):
            stepping = any(getattr(layer, name, None) is activations.step for name in ("activation", "function"))
            if stepping and any(before.trainable_weights for before in self.layers[: i + 1]):
                warnings.warn(
                    f"[fit] layer {i} {layer.name!r} has the activation step, whose gradient is 0: no weight up to there learns. "
                    "To train them, use sigmoid or relu",
                    stacklevel=4,
                )
                return

    def _source(
        self,
        where: str,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: bool = False,
        names: tuple[str, ...] = ("x", "y"),
    ) -> tuple[Any, list[Any]]:
        """What to walk through: checked arrays, or a stream; and the arrays of its first batch."""
        if not is_stream(x):
            arrays = self._admit(where, x, y, sample_weight, class_weight, names)
            return arrays, arrays
        for name, value in (("y", y), ("sample_weight", sample_weight), ("batch_size", batch_size)):
            if value is not None:
                raise ValueError(f"[{where}] {name} must not be given where {names[0]} gives whole batches (x, y) or (x, y, sample_weight)")
        order = (lambda n: gpudl_random.host_rng().permutation(n)) if shuffle else None
        stream = Stream(x, steps, where, permutation=order)
        stream.class_weight = class_weight
        return stream, self._admit(where, *stream.first(), class_weight, names=names)

    def _held(self, where: str, validation_data: Any, steps: int | None) -> tuple[Any, list[Any]]:
        names = ("validation_data x", "validation_data y")
        if is_stream(validation_data):
            return self._source(where, validation_data, None, steps=steps, names=names)
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            kind = type(validation_data).__name__
            raise ValueError(f"[{where}] validation_data must be (x, y) or (x, y, sample_weight). Received: {kind}")
        x, y, *weights = validation_data
        return self._source(where, x, y, weights[0] if weights else None, names=names)

    def _placed(self, source: Any, batch: int, steps: int | None) -> d.Dataset | Stream:
        return source if isinstance(source, Stream) else d.Dataset.make(source, self._backend, self._dtype, batch, steps)

    def _placed_batch(self, x: Any, y: Any, weights: Any, class_weight: Any = None) -> list[Tensor]:
        """One batch of a stream, checked and on the device."""
        arrays = self._admit("fit", x, y, weights, class_weight)
        return [d.resident(a, self._backend, self._dtype) for a in arrays if a is not None]

    def _log_names(self, y: np.ndarray[Any, Any], input_shape: tuple[int, ...]) -> list[str]:
        output = self._output_for(input_shape)
        chosen = [metrics_module.get(m, loss=self.loss, output_shape=output, y=y) for m, _ in self._metrics_wanted or []]
        return list(metrics_module.unique_names([metrics_module.Mean(name="loss"), *chosen]))

    def _fit_loop(
        self,
        train: d.Dataset | Stream,
        test: d.Dataset | Stream | None,
        listeners: Any,
        epochs: range,
        shuffle: bool,
        freq: int,
        labels: np.ndarray[Any, Any] | None = None,  # as passed, where callbacks change them
    ) -> None:
        self.stop_training = False
        foreign, strangers = self._foreign, listeners.foreign
        self._first_epoch = epochs.start
        listeners.on_train_begin()
        for epoch in range(max(epochs.start, self._first_epoch), epochs.stop):  # a callback may have restored a later state
            if foreign and (epoch == epochs.start or strangers):  # what their Python decided when recorded may be decided anew
                for kind in ("train", "test", "train_batch", "test_batch"):
                    self._runner(kind).doubt()
            listeners.on_epoch_begin(epoch)
            if labels is not None and isinstance(train, d.Dataset) and epoch > epochs.start:
                train.relabel(listeners.new_labels(epoch, labels))
            logs = self._epoch("train", train, listeners, shuffle)
            if not logs:  # a generator had nothing left
                break
            if test is not None and (epoch + 1) % freq == 0:
                listeners.on_test_begin()
                found = self._epoch("test", test, listeners)
                listeners.on_test_end(found)
                logs |= {f"val_{name}": value for name, value in found.items()}
            listeners.on_epoch_end(epoch, logs)
            if self.stop_training or (isinstance(train, Stream) and train.ended):
                break
        self.optimizer.finalize_variable_values(self.trainable_variables)
        listeners.on_train_end()

    def _epoch(self, kind: str, dataset: d.Dataset | Stream, listeners: Any = None, shuffle: bool = False) -> dict[str, float]:
        """Once through the data. The host waits for the device only at the end, unless a callback listens to batches."""
        for metric in self.metrics:
            metric.reset_state()
        each = listeners is not None and listeners.wants_batches(kind)
        if isinstance(dataset, Stream):
            jobs = dataset.jobs(kind, self._placed_batch)
        else:
            dataset.rewind(gpudl_random.host_rng().permutation(dataset.size) if shuffle else None)
            jobs = dataset.jobs(kind, each, listeners is not None and listeners.wants_progress(kind))
        done = 0
        for job in jobs:
            if each:
                listeners.on_batch_begin(kind, done)
            self._runner(job.runner)(job.inputs, job.constants, job.times)
            if each:
                listeners.on_batch_end(kind, done, self._logs())
            done += job.times
            if listeners is not None:
                listeners.on_progress(kind, done, self._logs)
            if self.stop_training and kind == "train":
                break
        return self._logs() if done else {}

    def _let_go(self) -> None:
        """Data live as long as the call they were passed to, not as long as the model."""
        for runner in self._runners.values():
            runner.release()

    def _logs(self) -> dict[str, float]:
        """The loss and metrics so far, read from the device."""
        return {name: m.read() for name, m in zip(self.metrics_names, self.metrics)}

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **unknown: Any,
    ) -> Any:
        """The loss and metrics on data, with the weights as they are. The data may come in batches, as for `fit`.

        Returns a number if there is only the loss, else a list in the order of `metrics_names`, or a dict with return_dict=True.
        """
        self._need("evaluate")
        for keyword in unknown:
            raise unknown_keyword("evaluate", keyword, _arguments(self.evaluate))
        batch = d.check_count("batch_size", BATCH if batch_size is None else batch_size, 1, "evaluate")
        steps = d.check_steps("steps", steps, "evaluate")
        source, first = self._source("evaluate", x, y, sample_weight, None, batch_size, steps)
        self._prepare(first[0], first[1])
        dataset = self._placed(source, batch, steps)
        listeners = callbacks_module.CallbackList.make(callbacks, self, verbose=verbose, epochs=1, steps=dataset.steps, kind="test")
        self._trusted("test")
        self._trusted("test_batch")
        listeners.on_test_begin()
        logs = self._epoch("test", dataset, listeners)
        listeners.on_test_end(logs)
        self._let_go()
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def predict(
        self,
        x: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **unknown: Any,
    ) -> np.ndarray[Any, Any]:
        """The model's output for every row of x, as a NumPy array. x may come in batches, as for `fit`; targets in them are left out.

        >>> import gpudl
        >>> model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3, activation="softmax")])
        >>> model.predict(gpudl.zeros((2, 4)).numpy(), verbose=0).shape
        (2, 3)
        """
        self._need("predict", loss=False)
        for keyword in unknown:
            raise unknown_keyword("predict", keyword, _arguments(self.predict))
        batch = d.check_count("batch_size", BATCH if batch_size is None else batch_size, 1, "predict")
        steps = d.check_steps("steps", steps, "predict")
        if is_stream(x):
            parts = [self.predict_on_batch(part) for part, _, _ in Stream(x, steps, "predict", labelled=False).batches()]
            if not parts:
                raise ValueError("[predict] x is empty: there is no batch")
            return np.concatenate(parts)
        array = d.fit_input(d.to_array(x, "x", "predict"), self._expected_input(), self.layers[0].name, where="predict")
        shape = self._output_for(array.shape)
        self._prepare(array)
        rows = len(array) if steps is None else min(len(array), steps * batch)
        dataset = d.Dataset.make([array[:rows]], self._backend, self._dtype, batch)
        result = d.host_tensor(np.empty((rows, *[int(n) for n in shape[1:] if n is not None]), self._result_dtype), self._backend)
        dataset.inputs = (dataset.arrays[0], result, dataset.order, dataset.cursor)
        listeners = callbacks_module.CallbackList.make(callbacks, self, verbose=verbose, epochs=1, steps=dataset.steps, kind="predict")
        runner, each, done = self._trusted("predict"), listeners.wants_batches("predict"), 0
        listeners.on_predict_begin()
        for job in dataset.jobs("predict", each, listeners.wants_progress("predict")):
            if each:
                listeners.on_batch_begin("predict", done)
            runner(job.inputs, job.constants, job.times)
            if each:
                listeners.on_batch_end("predict", done, {})
            done += job.times
            listeners.on_progress("predict", done, dict)
        listeners.on_predict_end()
        self._let_go()
        return result.numpy()

    # single batches ---------------------------------------------------------------------------------------------------------

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """One update with one batch. Returns its loss and metrics (before the update), in the form of `evaluate`."""
        return self._on_batch("train_batch", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics of one batch, without an update."""
        return self._on_batch("test_batch", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The output for one batch, as a NumPy array."""
        self._need("predict_on_batch", loss=False)
        array = d.fit_input(d.to_array(x, "x", "predict_on_batch"), self._expected_input(), self.layers[0].name, where="predict_on_batch")
        self._output_for(array.shape)
        self._prepare(array)
        return self._trusted("predict_batch")((d.resident(array, self._backend, self._dtype),)).numpy()

    def _trusted(self, kind: str) -> StepRunner:
        """The runner of a single step. Between two of them anything may have happened that Python code which is not ours decides by."""
        runner = self._runner(kind)
        if self._foreign:
            runner.doubt()
        return runner

    def reset_metrics(self) -> None:
        """Start counting loss and metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, float]:
        """The loss and metrics so far, by their names."""
        return self._logs()

    def _on_batch(self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        where = kind.replace("_batch", "_on_batch")
        self._need(where)
        arrays = self._admit(where, x, y, sample_weight, class_weight)
        self._prepare(arrays[0], arrays[1])
        self.reset_metrics()
        self._trusted(kind)([d.resident(a, self._backend, self._dtype) for a in arrays if a is not None])
        logs = self._logs()
        values = list(logs.values())
        return logs if return_dict else values[0] if len(values) == 1 else values

    def _move_training_state(self, device: str) -> None:
        """Take accumulators to another device; slots start anew there with the optimizer's next build."""
        self.loss_tracker, self._metrics_for, self.metrics_in_use = None, None, []
        self._runners.clear()
        self._workspace = Workspace()
        if self.optimizer is not None:
            variables.move(self.optimizer.variables, device)


def _arguments(method: Callable[..., Any]) -> list[str]:
    return [p.name for p in inspect.signature(method).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]


def _as_list(value: Any, what: str) -> Sequence[Any]:
    if value is None:
        return []
    if isinstance(value, dict):
        raise TypeError(f"[compile] {what} must be a list: a Sequential model has one output. Received: {value!r}")
    return list(value) if isinstance(value, (list, tuple)) else [value]


__all__ = ["Trainer"]
