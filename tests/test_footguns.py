"""Every way a replayed step could part from the eager one, silent ones first: each is equal, or refused with the user's line, or pinned.

The pitfalls that the engine's skeleton met, by number, and where each is tested:

     1 freeing a temporary one call early       test_plan::test_planted_mistakes_are_noticed, and poisoned replay everywhere
     2 a kernel that cannot decline a shape     test_op_contract::test_launches (compiled against reference over all cases)
     3 a parameter shared by two models         test_a_layer_in_two_models, test_autograd::test_shared_parameters_keep_their_first_pack
     4 unused or frozen parameters              test_unused_and_frozen_parameters_never_move
     5 Python state changed by a callback       test_a_closure_changed_by_a_callback, test_a_python_number_changed_between_calls (pinned)
     6 arrays smuggled past tensor()            test_an_array_smuggled_past_tensor, test_capture::test_refused_with_the_users_line[smuggles]
     7 foreign byte order                       test_tensor::test_big_endian_values_arrive_as_values
     8 layer.kernel = new                       test_changes_between_epochs_are_seen
     9 one leaf twice in an op                  test_autograd::test_homes_full_of_rubbish_are_claimed_at_once, test_tied_parameters
    10 a saved gradient home overwritten        test_autograd::test_a_saved_gradient_home_that_was_overwritten_is_caught
    11 strides of axes of size 1                test_strides_of_axes_of_size_one_mean_nothing
    12 labels outside the classes               test_labels_outside_the_classes
    13 global grad mode, recorder, clock        test_autograd::test_grad_mode_belongs_to_a_thread, test_two_models_train_in_two_threads
    14 refusals by another thread, own changes  test_capture::test_noise_in_another_thread_is_not_recorded, test_a_step_that_sets_attributes
    15 a vjp reading what it does not need      test_autograd::test_an_input_that_is_not_needed_may_change
    16 the optimizer's own write stamped late   test_replayed_updates_are_not_taken_for_host_data
    17 a function hiding a module               test_architecture::test_no_function_hides_a_module
    18 comparing Adam through batch norm        the golden values compare Adam on its own
    19 slow random numbers                      a matter of speed: the benchmarks
    20 kernels dropped by the linker            test_compiled_kernels_are_in_the_table
"""

from __future__ import annotations

import copy
import gc
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, layers, native, ops, optimizers
from gpudl.errors import CaptureError
from gpudl.tensors import Storage, wrap

R = np.random.default_rng(0)
X = R.normal(size=(96, 4)).astype("f4")
Y = R.integers(0, 3, 96)


def make(extra: Sequence[Any], mode: str = "replay", optimizer: Any = None, seed: int = 1, **options: Any) -> Any:
    """A small compiled model with `extra` layers in the middle. Modes: eager, replay, poisoned."""
    gpudl.utils.set_random_seed(seed)
    model = gpudl.Sequential([layers.Input((4,)), layers.Dense(16, activation="relu"), *extra, layers.Dense(3, activation="softmax")])
    model.compile(
        optimizer=optimizer or optimizers.SGD(0.05, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=mode == "eager",
        **options,
    )
    if mode == "poisoned":
        model._mode = "poisoned"
    return model


def train(
    extra: Callable[[], Sequence[Any]], mode: str, epochs: int = 4, callbacks: Sequence[Any] = (), **options: Any
) -> tuple[list[Any], Any, list[str]]:
    """(everything to compare, the model, warnings) of one training."""
    model = make(extra(), mode)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        history = model.fit(X, Y, epochs=epochs, callbacks=[copy.deepcopy(c) for c in callbacks], verbose=0, **options).history
    result = [np.array(history[k]) for k in sorted(history)] + [v.numpy() for v in model.variables]
    result += [v.numpy() for v in model.optimizer.variables]
    return result, model, [str(w.message) for w in seen]


def equal(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(np.shape(x) == np.shape(y) and x.tobytes() == y.tobytes() for x, y in zip(a, b))


def replayed(model: Any) -> int:
    return sum(r.replayed for r in model._runners.values())


def check(extra: Callable[[], Sequence[Any]], refused: str = "", **options: Any) -> Any:
    """Eager and replayed training agree bit for bit; the step is refused with `refused`, or not at all."""
    eager, _, quiet = train(extra, "eager", **options)
    assert not quiet
    for mode in ("replay", "poisoned"):
        got, model, said = train(extra, mode, **options)
        assert equal(eager, got), f"{mode} differs from eager"
        if refused:
            assert len(said) == 1 and refused in said[0] and "stays eager" in said[0], said
            assert replayed(model) == 0
        else:
            assert not said, said
            assert replayed(model) > 0
    return model


class Lambda(layers.Layer):
    """A user's layer around a function."""

    def __init__(self, f: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.f = f

    def call(self, x: Tensor) -> Tensor:
        return self.f(x)


# what would be silently wrong ---------------------------------------------------------------------------------------------------


def test_an_array_smuggled_past_tensor(path: str) -> None:
    """A constant for replay that was made anew in each step; updated in place it would pile up."""

    def smuggle(x: Tensor) -> Tensor:
        a = np.full(16, 0.5, "f4")
        return x * wrap(a, Storage(a, x.storage.backend))

    check(lambda: [Lambda(smuggle)], "made on the host")


def test_host_data_entering_each_step(path: str) -> None:
    check(lambda: [Lambda(lambda x: x * Tensor(np.full(16, 0.5, "f4")))], "host data entered the step")


def test_a_python_number_that_changes_every_step(path: str) -> None:
    def counting() -> list[Any]:
        n = [0]

        def f(x: Tensor) -> Tensor:
            n[0] += 1
            return ops.leaky_relu(x, 1 / n[0])

        return [Lambda(f)]

    check(counting, "differ from step to step")


def test_control_flow_that_changes_every_step(path: str) -> None:
    def alternating() -> list[Any]:
        n = [0]

        def f(x: Tensor) -> Tensor:
            n[0] += 1
            return ops.relu(x) if n[0] % 2 else ops.leaky_relu(x * 0.9, 0.1)

        return [Lambda(f)]

    check(alternating, "differ from step to step")


def test_a_closure_changed_by_a_callback(path: str) -> None:
    """A Python value that is no attribute of ours: seen, since the first step after a callback is a real one and must agree."""
    box = [1.0]

    class Anneal(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            box[0] = 1.0 if epoch == 5 else 0.5 ** (epoch + 1)

    check(lambda: [Lambda(lambda x: x * box[0])], epochs=6, callbacks=[Anneal()])


knob = [1.0]


class KnobLayer(layers.Layer):
    def call(self, x: Tensor) -> Tensor:
        return x * knob[0]


class KnobRegularizer(gpudl.regularizers.Regularizer):
    def __call__(self, x: Tensor) -> Tensor:
        return ops.sum(x * x) * (0.1 * knob[0])


class KnobOptimizer(optimizers.SGD):
    def update(self, p: Any, g: Any, *slots: Any) -> None:
        super().update(p, g * knob[0], *slots)


def knob_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ops.sparse_categorical_crossentropy(y_true, y_pred) * knob[0]


def knob_metric(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ops.max(y_pred, axis=-1) * knob[0]


def inner_model() -> Any:
    return gpudl.Sequential([layers.Dense(8), KnobLayer()])


USER_CODE: dict[str, Callable[[], tuple[dict[str, Any], list[Any], dict[str, Any]]]] = {  # (arguments of Dense, layers, of compile)
    "layer": lambda: ({}, [KnobLayer()], {}),
    "layer in a model in the model": lambda: ({}, [inner_model()], {}),
    "activation": lambda: ({"activation": lambda x: x * knob[0]}, [], {}),
    "activation layer": lambda: ({}, [layers.Activation(lambda x: x * knob[0])], {}),
    "regularizer": lambda: ({"kernel_regularizer": KnobRegularizer()}, [], {}),
    "regularizer function": lambda: ({"kernel_regularizer": lambda x: ops.sum(x * x) * (0.1 * knob[0])}, [], {}),
    "activity regularizer": lambda: ({"activity_regularizer": KnobRegularizer()}, [], {}),
    "optimizer": lambda: ({}, [], {"optimizer": KnobOptimizer(0.1)}),
    "loss": lambda: ({}, [], {"loss": knob_loss}),
    "metric": lambda: ({}, [], {"metrics": [knob_metric]}),
}


@pytest.mark.parametrize("batches", [False, True], ids=["fit", "train_on_batch"])
@pytest.mark.parametrize("kind", USER_CODE)
def test_user_code_that_reads_a_global(kind: str, batches: bool, path: str) -> None:
    """Whatever part of a step is the user's own Python: a number that it reads may change between epochs, and between single steps."""

    class Turn(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            knob[0] = 0.5 ** (epoch // 2)

    def run(mode: str) -> list[np.ndarray]:
        knob[0] = 1.0
        dense, more, options = USER_CODE[kind]()
        gpudl.utils.set_random_seed(1)
        model = gpudl.Sequential([layers.Input((4,)), layers.Dense(8, **dense), *more, layers.Dense(3, activation="softmax")])
        options = {"optimizer": optimizers.SGD(0.1), "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | options
        model.compile(**options, run_eagerly=mode == "eager")
        out: list[Any] = []
        if batches:
            for i in range(9):
                knob[0] = 0.5 ** (i // 3)
                out += [model.train_on_batch(X, Y), model.test_on_batch(X, Y), model.predict_on_batch(X)]
        else:
            history = model.fit(X, Y, epochs=6, validation_data=(X[:20], Y[:20]), callbacks=[Turn()], verbose=0).history
            out += [history[k] for k in sorted(history)] + [model.predict(X, verbose=0)]
            knob[0] = 3.0
            out += [model.evaluate(X, Y, verbose=0), model.predict(X, verbose=0)]
            assert mode == "eager" or replayed(model) > 0
        knob[0] = 1.0
        return [np.asarray(o) for o in out] + [v.numpy() for v in model.variables]

    assert equal(run("eager"), run("replay"))


def test_an_array_constant_changed_by_a_callback(path: str) -> None:
    """The bytes of a constant count too, not only its identity."""
    constant = Tensor(np.ones(16, "f4"))

    class Anneal(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            nonlocal constant
            constant = Tensor(np.full(16, 1.0 if epoch == 5 else 0.5 ** (epoch + 1), "f4"))

    check(lambda: [Lambda(lambda x: x * constant)], epochs=6, callbacks=[Anneal()])


def test_a_python_number_changed_between_calls() -> None:
    """Pinned: in a captured function, a Python value that is no argument and changes between calls is not noticed. Make it an argument,
    or a Variable."""
    box = [1.0]
    captured = gpudl.capture(lambda x: x * box[0])
    for _ in range(3):
        captured(Tensor([2.0]))
    box[0] = 3.0
    assert captured(Tensor([2.0])).item() == 2.0
    as_argument = gpudl.capture(lambda x, k: x * k)
    assert [as_argument(Tensor([2.0]), k).item() for k in (1.0, 1.0, 1.0, 3.0)] == [2, 2, 2, 6]


def test_prints_and_python_side_effects_happen_only_while_recording() -> None:
    """Pinned: replay does not run Python."""
    seen: list[int] = []

    def step(x: Tensor) -> Tensor:
        seen.append(1)
        return x * 2

    captured = gpudl.capture(step)
    for _ in range(6):
        captured(Tensor([2.0]))
    assert len(seen) == 2


def test_a_tensor_that_escapes_into_a_list_shows_the_last_replayed_step() -> None:
    """Pinned: it stays where it is, and is written by each step."""
    kept: list[Tensor] = []

    def step(x: Tensor) -> Tensor:
        y = x * 2
        kept[:] = [y]
        return y + 1

    captured = gpudl.capture(step)
    for i in range(6):
        captured(Tensor([float(i)]))
    assert captured.replayed == 4 and kept[0].item() == 10.0


def test_unused_and_frozen_parameters_never_move(path: str) -> None:
    """Without a gradient in this step there is no update: not by an old gradient, not by momentum."""

    class Unused(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.ghost = self.add_weight((7,), initializer="ones", name="ghost")

        def call(self, x: Tensor) -> Tensor:
            return x

    model = check(lambda: [Unused()])
    assert (model.layers[1].ghost.numpy() == 1).all()

    class Freeze(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.layers[0].trainable = False
                frozen.append(self.model.layers[0].kernel.numpy())

    frozen: list[np.ndarray] = []
    model = check(lambda: [layers.Dense(8)], callbacks=[Freeze()])
    assert np.array_equal(model.layers[0].kernel.numpy(), frozen[-1])


def test_tied_parameters(path: str) -> None:
    """One parameter used twice, once transposed: the first gradient writes its place, later ones add."""

    class Tied(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight((16, 16), initializer="glorot_uniform", name="kernel")

        def call(self, x: Tensor) -> Tensor:
            return ops.relu(ops.matmul(ops.relu(ops.matmul(x, self.kernel)), ops.transpose(self.kernel)))

    check(lambda: [Tied()])


def test_a_layer_in_two_models(path: str) -> None:
    """Trained in turns, as in transfer learning: one pack, and each optimizer moves the living parameters."""

    def run(mode: str) -> list[np.ndarray]:
        gpudl.utils.set_random_seed(3)
        base = layers.Dense(16, activation="relu")
        a = gpudl.Sequential([layers.Input((4,)), base, layers.Dense(3, activation="softmax")])
        b = gpudl.Sequential([layers.Input((4,)), base, layers.Dense(5), layers.Dense(3, activation="softmax")])
        a.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", run_eagerly=mode == "eager")
        b.compile(optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", run_eagerly=mode == "eager")
        if mode == "poisoned":
            a._mode = b._mode = "poisoned"
        losses: list[Any] = []
        for _ in range(3):
            losses += a.fit(X, Y, epochs=2, verbose=0).history["loss"] + b.fit(X, Y, epochs=2, verbose=0).history["loss"]
        assert a.layers[0].kernel is b.layers[0].kernel
        if mode != "eager":
            assert replayed(a) > 0 and replayed(b) > 0
        assert losses[-1] < losses[0]
        return [np.array(losses), *[v.numpy() for v in (*a.variables, *b.variables)]]

    eager = run("eager")
    for mode in ("replay", "poisoned"):
        assert equal(eager, run(mode))


def test_changes_between_epochs_are_seen(path: str) -> None:
    """Assigning a weight by method or attribute, momentum, learning rate, dropout rate."""

    class Change(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            first = self.model.layers[0]
            if epoch == 1:
                first.kernel.assign(first.kernel.numpy() * 0.5)
            if epoch == 2:
                first.kernel = np.ones((4, 16), "f4") * 0.1
            if epoch == 3:
                self.model.optimizer.momentum = 0.5
            if epoch == 4:
                self.model.optimizer.learning_rate = 1e-3
            if epoch == 5:
                self.model.layers[1].rate = 0.5
            if epoch == 6:
                self.model.set_weights([w * 0.9 for w in self.model.get_weights()])

    model = check(lambda: [layers.Dropout(0.2)], epochs=9, callbacks=[Change()])
    assert model.layers[0].kernel.storage.parent is not None, "still in its arena"


# Public attributes that may be set without ending the trust in recorded steps, each with the reason.
FREE = {
    "learning_rate": "a buffer that the step reads",
    "name": "shown only",
    "history": "read by users only",
    "stop_training": "read by the loop, between steps",
    "weighted": "set by compile, which drops all plans",
    "metrics_in_use": "set by compile, which drops all plans",
    "loss_tracker": "set by compile, which drops all plans",
    "total": "the accumulator; only its contents change",
    "dtype": "of a metric, fixed when it is made",
}


def test_setting_any_public_attribute_ends_the_trust() -> None:
    """Of layers, optimizers, losses, metrics, regularizers and the model itself."""
    image = np.random.default_rng(0).normal(size=(8, 8, 8, 2)).astype("f4")
    model = gpudl.Sequential(
        [layers.Input((8, 8, 2)), layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2", padding="same"),
         layers.BatchNormalization(), layers.MaxPooling2D(), layers.AveragePooling2D(), layers.LeakyReLU(), layers.ReLU(),
         layers.Activation("tanh"), layers.Dropout(0.1), layers.Flatten(), layers.Reshape((2, -1)), layers.Softmax(), layers.Flatten(),
         layers.Dense(3, activation="softmax", activity_regularizer="l1", bias_regularizer="l1_l2")]
    )  # fmt: skip
    tried: set[str] = set()
    for optimizer in (optimizers.SGD(0.1, momentum=0.9), optimizers.Adam(), optimizers.Adadelta()):
        model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
        model.fit(image, np.arange(8) % 3, verbose=0)
        objects = [model, optimizer, model.loss, *model.metrics, *model.layers]
        objects += [v for layer in model.layers for v in vars(layer).values() if isinstance(v, gpudl.regularizers.Regularizer)]
        for o in objects:
            settable = {n for c in type(o).__mro__ for n, p in vars(c).items() if isinstance(p, property) and p.fset}
            for name in sorted(n for n in {*vars(o), *settable} - FREE.keys() if not n.startswith("_")):
                value, before = getattr(o, name), gpudl.config.version
                try:
                    setattr(o, name, value)
                except (AttributeError, ValueError, TypeError):
                    continue  # refused, so nothing has changed
                tried.add(f"{type(o).__name__}.{name}")
                assert gpudl.config.version > before or isinstance(value, gpudl.Variable), f"{type(o).__name__}.{name} was set unnoticed"
    assert {"Dropout.rate", "L2.l2", "SGD.momentum", "Adam.beta_1", "BatchNormalization.momentum", "LeakyReLU.negative_slope"} <= tried


def test_attributes_changed_between_epochs(path: str) -> None:
    """The same as in eager training, for a few attributes that a plan holds as constants."""

    class Change(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            _, norm, leaky, dense, _ = self.model.layers
            if epoch == 1:
                norm.momentum = 0.5
            if epoch == 2:
                leaky.negative_slope = 0.5
            if epoch == 3:
                dense.kernel_regularizer.l2 = 0.5
            if epoch == 4:
                dense.activation = gpudl.activations.tanh
            if epoch == 5:
                self.model.optimizer.nesterov = True

    check(
        lambda: [layers.BatchNormalization(), layers.LeakyReLU(), layers.Dense(5, kernel_regularizer=gpudl.regularizers.L2(0.01))],
        epochs=8,
        callbacks=[Change()],
    )


def replace_optimizer(m: Any) -> None:
    m.optimizer = optimizers.Adam(0.01)


def replace_loss(m: Any) -> None:
    m.loss = gpudl.losses.SparseCategoricalCrossentropy(from_logits=True)


def add_a_layer(m: Any) -> None:
    m.add(layers.Dense(3, activation="softmax"))


def replace_a_layer(m: Any) -> None:
    m.pop()
    m.add(layers.Dense(3, activation="softmax"))


def freeze_one_weight(m: Any) -> None:
    m.layers[0].kernel.trainable = False


def freeze_all_but_one(m: Any) -> None:
    m.trainable = False
    m.layers[1].trainable = True


def compile_again(m: Any) -> None:
    m.compile(optimizers.SGD(0.2), "sparse_categorical_crossentropy", ["accuracy"], run_eagerly=m._mode == "eager")


def change_epsilon(m: Any) -> None:
    gpudl.config.set_epsilon(1e-3)


def hook_a_gradient(m: Any) -> None:
    m.layers[0].kernel.register_hook(lambda g: g * 0.5)


def leave_gradients(m: Any) -> None:
    for v in m.trainable_variables:
        v.grad = ops.ones(v.shape)


def jump_in_iterations(m: Any) -> None:
    m.optimizer.iterations.assign(100)


def constrain_a_weight(m: Any) -> None:
    m.layers[0].kernel.constraint = gpudl.constraints.MaxNorm(0.05)


def regularize_output(m: Any) -> None:
    m.layers[0].activity_regularizer = gpudl.regularizers.L2(0.5)


def differentiate_by_hand(m: Any) -> None:
    ops.sum(m(Tensor(X[:5]), training=True)).backward()


BETWEEN = [
    replace_optimizer, replace_loss, add_a_layer, replace_a_layer, freeze_one_weight, freeze_all_but_one, compile_again, change_epsilon,
    hook_a_gradient, leave_gradients, jump_in_iterations, constrain_a_weight, regularize_output, differentiate_by_hand,
]  # fmt: skip


@pytest.mark.parametrize("change", BETWEEN, ids=lambda f: f.__name__)
def test_changes_between_fits_are_seen(change: Callable[[Any], None], path: str) -> None:
    def run(mode: str) -> list[np.ndarray]:
        gpudl.config.set_epsilon(1e-7)
        model, out = make([layers.BatchNormalization(), layers.Dropout(0.2)], mode), []
        for i in range(3):
            history = model.fit(X, Y, epochs=3, verbose=0).history
            out += [np.array(history[k]) for k in sorted(history)]
            out += [np.array(model.evaluate(X, Y, verbose=0)), np.array(model.train_on_batch(X[:9], Y[:9]))]
            out += [model.predict(X[:2], verbose=0)]
            out += [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
            if i < 2:
                change(model)
        return out

    assert equal(run("eager"), run("replay"))


def test_callbacks_that_use_the_model(path: str) -> None:
    """Predicting, evaluating and training inside hooks, in the middle of an epoch, spoils nothing."""

    class Looks(gpudl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch % 2:
                seen.append(self.model.predict(X[:7], verbose=0))
                seen.append(np.array(self.model.predict_on_batch(X[:5])))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(np.array(self.model.evaluate(X[:50], Y[:50], verbose=0)))

    seen: list[np.ndarray] = []
    found = []
    for mode in ("eager", "replay", "poisoned"):
        seen.clear()
        result, *_ = train(lambda: [layers.BatchNormalization(), layers.Dropout(0.2)], mode, callbacks=[Looks()])
        found.append([*seen, *result])
    assert equal(found[0], found[1]) and equal(found[0], found[2])


def test_early_stopping_restores_weights_as_in_eager_training(path: str) -> None:
    stop = gpudl.callbacks.EarlyStopping(monitor="val_loss", patience=1, restore_best_weights=True)
    check(lambda: [layers.Dense(32)], epochs=12, callbacks=[stop], validation_data=(X[:20], (Y[:20] + 1) % 3))


def test_changes_between_batches_are_seen(path: str) -> None:
    class Change(gpudl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            kernel = self.model.layers[0].kernel
            kernel.assign(kernel.numpy() * 0.99)
            self.model.optimizer.learning_rate = 0.05 / (batch + 1)

    check(list, callbacks=[Change()])


def test_other_data_through_the_same_plan(path: str) -> None:
    def run(mode: str) -> list[np.ndarray]:
        model = make([layers.Dropout(0.3)], mode)
        out: list[Any] = []
        for data, labels in ((X, Y), (X[::-1].copy(), Y), (X[:50] * 2, Y[:50]), (X, Y)):
            out += model.fit(data, labels, epochs=3, verbose=0).history["loss"]
            out += model.evaluate(data, labels, verbose=0)
            out += [*model.predict(data[:10], verbose=0).ravel()]
        return [np.array(out), *[v.numpy() for v in model.variables]]

    eager = run("eager")
    for mode in ("replay", "poisoned"):
        assert equal(eager, run(mode))


def test_data_changed_in_place_between_fits(path: str) -> None:
    """`fit` takes the data by copy each time."""

    def run(mode: str) -> list[np.ndarray]:
        model, data, out = make([], mode), X.copy(), []
        for _i in range(3):
            data *= 1.5
            out += model.fit(data, Y, epochs=3, verbose=0).history["loss"]
        return [np.array(out)]

    assert equal(run("eager"), run("replay"))


def test_results_are_the_users_own(path: str) -> None:
    """What is returned never aliases a replay buffer."""
    model = make([])
    first = [model.predict_on_batch(X[:8]) for _ in range(4)]
    kept = [np.array(p) for p in first]
    for i in range(4):
        model.predict_on_batch(X[8 * i : 8 * i + 8])
    assert all(np.array_equal(a, b) for a, b in zip(first, kept))
    logs = [model.train_on_batch(X[:32], Y[:32]) for _ in range(5)]
    assert len({np.ravel(entry)[0].item() for entry in logs}) == 5


def test_training_again_and_again_holds_no_more(path: str) -> None:
    """Plans that are replaced, recordings and tapes of steps that ran leave nothing behind."""

    class Change(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[1].rate = 0.1 + 0.1 * (epoch % 3)

    def count() -> list[int]:
        gc.collect()
        kinds = (gpudl.tensors.Storage, gpudl.plan.Plan, gpudl.plan.Recording, gpudl.autograd.Node, Tensor)
        held = [type(o) for o in gc.get_objects()]
        return [held.count(kind) for kind in kinds]

    model, counts = make([layers.Dropout(0.2), layers.BatchNormalization()]), []
    for i in range(8):
        model.fit(X, Y, epochs=4, callbacks=[Change()], verbose=0)
        model.predict(X, verbose=0)
        model.evaluate(X, Y, verbose=0)
        model.train_on_batch(X[: i % 4 + 1], Y[: i % 4 + 1])
        if i in (3, 7):
            counts.append(count())
    assert counts[1] == counts[0]


def test_gradients_are_there_after_a_replayed_step(path: str) -> None:
    _, a, _ = train(lambda: [layers.Dropout(0.2)], "eager")
    _, b, _ = train(lambda: [layers.Dropout(0.2)], "replay")
    assert replayed(b) > 0
    for p, q in zip(a.trainable_variables, b.trainable_variables):
        assert p.grad is not None and np.array_equal(p.grad.numpy(), q.grad.numpy())


def test_replayed_updates_are_not_taken_for_host_data(path: str) -> None:
    """The stamp of the optimizer's own write comes before the next recording starts."""
    check(lambda: [layers.BatchNormalization(), layers.Dropout(0.2)], epochs=3)


def test_random_numbers_go_on(path: str) -> None:
    """Replayed dropout draws a new mask each step, the same ones as eager training."""
    model = check(lambda: [layers.Dropout(0.5)], epochs=3)
    x = Tensor(np.ones((8, 16), "f4"))
    drop = model.layers[1]
    captured = gpudl.capture(lambda t: drop(t, training=True))
    masks = [captured(x).numpy() for _ in range(6)]
    assert all(not np.array_equal(a, b) for i, a in enumerate(masks) for b in masks[:i])


def test_labels_outside_the_classes(path: str) -> None:
    """Refused by fit before any state changes; in a custom loop NaN on every path, never a wild read or a plausible number."""
    model = make([])
    before = model.get_weights()
    for wrong in (np.full(96, 3), np.full(96, -1)):
        with pytest.raises(ValueError, match="class numbers must lie between 0 and 2"):
            model.fit(X, wrong, epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    p = Tensor(np.full((3, 4), 0.25, "f4"))
    loss = ops.sparse_categorical_crossentropy(Tensor(np.array([1, 4, -1])), p).numpy()
    assert np.isfinite(loss[0]) and np.isnan(loss[1:]).all()


def test_strides_of_axes_of_size_one_mean_nothing(path: str) -> None:
    base = np.arange(12, dtype="f4")
    odd = np.lib.stride_tricks.as_strided(base, (1, 4, 1), (400, 4, 4000))
    t = wrap(odd, Storage(base, gpudl.backends.get("cpu")))
    for f in (ops.relu, ops.exp, lambda a: a + 1, lambda a: a.sum(axis=1), lambda a: ops.transpose(a, (2, 1, 0)).reshape(4)):
        assert np.array_equal(f(t).numpy(), f(Tensor(odd.copy())).numpy())


# what is refused ------------------------------------------------------------------------------------------------------------------


def test_a_host_read_in_a_layer(path: str) -> None:
    check(lambda: [Lambda(lambda x: x * 0.5 if float((x * x).sum()) > 100 else x)], "read on the host")


def test_a_step_that_sets_attributes(path: str) -> None:
    """Refused once, not warned about for ever: what the step itself sets is no change."""

    class Keeps(layers.Layer):
        def call(self, x: Tensor) -> Tensor:
            self.last = x
            return x

    check(lambda: [Keeps()], "attribute 'last' of Keeps was set")


def test_capture_true_makes_a_refusal_an_error() -> None:
    model = make([Lambda(lambda x: x * float(x.numpy().max() > -1e9))], capture=True)
    with pytest.raises(CaptureError, match="read on the host"):
        model.fit(X, Y, epochs=2, verbose=0)
    assert gpudl.tensors.mode.recorder is None
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(X, Y, epochs=1, verbose=0)


def test_the_warning_names_the_users_line() -> None:
    def reads(x: Tensor) -> Tensor:
        return x * float(x.numpy().max() > -1e9)  # LINE

    *_, said = train(lambda: [Lambda(reads)], "replay")
    line = next(i for i, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "max() > -1e9)  # LINE" in text)
    assert len(said) == 1 and f"{__file__}:{line}" in said[0]


# what is equal --------------------------------------------------------------------------------------------------------------------


def test_ops_of_the_users_own_in_python(path: str) -> None:
    """A plan may mix compiled kernels and kernels that a user wrote in Python."""
    from gpudl.autograd import apply
    from gpudl.op import Op, registry

    def cube_grad(xp: Any, dx: Any, g: Any, x: Any) -> None:
        dx[...] = g * 3 * x * x

    def like(x: Any, *_: Any) -> Any:
        return ((x.shape, x.dtype),)

    try:
        grad = Op("test_cube_grad", like, cube_grad)
        back = lambda ctx, g: (ctx.grad(0, grad, (g, ctx.input(0))),)  # noqa: E731
        cube = Op("test_cube", like, lambda xp, y, x: xp.multiply(x, x * x, out=y), back, saves=(0,))
        check(lambda: [Lambda(lambda x: apply(cube, (x[:, :8] + x[:, 8:],)))])
    finally:
        registry.pop("test_cube", None)
        registry.pop("test_cube_grad", None)


def test_two_models_train_in_two_threads(path: str) -> None:
    """What they give alone, eager and replayed."""

    def work(seed: int, mode: str, out: dict[Any, Any]) -> None:
        try:
            model = models[seed, mode]
            history = model.fit(X, Y, epochs=6, validation_data=(X[:40], Y[:40]), shuffle=False, verbose=0).history
            out[seed, mode] = [np.array(history["loss"]), *[v.numpy() for v in model.trainable_variables]]
        except Exception as error:
            out[seed, mode] = error

    def models_for(keys: Any) -> dict[Any, Any]:
        return {(s, m): make([layers.BatchNormalization(), layers.Dropout(0.2)], m, optimizers.Adam(0.01), seed=s) for s, m in keys}

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        alone: dict[Any, Any] = {}
        models = models_for([(s, m) for s in (1, 2) for m in ("eager", "replay")])
        for key in models:
            work(*key, alone)
        for a, b in (("eager", "eager"), ("replay", "replay"), ("eager", "replay")):
            both: dict[Any, Any] = {}
            models = models_for([(1, a), (2, b)])
            threads = [threading.Thread(target=work, args=(*key, both)) for key in models]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            for key, result in both.items():
                assert not isinstance(result, Exception), result
                assert equal(result, alone[key]), f"{key} beside another thread"
    finally:
        sys.setswitchinterval(before)


def test_an_interrupt_stops_between_two_steps() -> None:
    model = make([layers.Dense(64)])
    big, labels = np.repeat(X, 300, 0), np.repeat(Y, 300)
    model.fit(big, labels, epochs=1, batch_size=16, verbose=0)

    class Stop(gpudl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                signal.setitimer(signal.ITIMER_REAL, 0.05)

    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(big, labels, epochs=1000, batch_size=16, callbacks=[Stop()], verbose=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert gpudl.tensors.mode.recorder is None
    assert all(np.isfinite(w).all() for w in model.get_weights())
    history = model.fit(X, Y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all(), "the model is usable afterwards"


@pytest.mark.skipif(not native.cpu().loaded, reason="the compiled module is not built here")
def test_compiled_kernels_are_in_the_table() -> None:
    module = native.cpu().module
    assert module is not None
    assert {"relu", "relu_grad", "leaky_relu", "leaky_relu_grad"} <= set(module.kernels())
    assert set(module.kernels()) <= set(gpudl.op.registry), "a compiled kernel without an op"


def test_foreign_code_in_a_nested_model_is_doubted() -> None:
    """A closure changed by a callback, in a layer of a model within the model."""
    factor = [1.0]

    class Halve(gpudl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            factor[0] *= 0.5

    def trained(mode: str) -> Any:
        factor[0] = 1.0
        gpudl.utils.set_random_seed(0)
        inner = gpudl.Sequential([gpudl.layers.Dense(4), gpudl.layers.Lambda(lambda x: x * factor[0])])
        model = gpudl.Sequential([gpudl.layers.Input((3,)), inner, gpudl.layers.Dense(2)])
        model.compile("sgd", "mse")
        model._mode = mode
        x = np.random.default_rng(0).normal(size=(64, 3)).astype("f4")
        return model.fit(x, x[:, :2], batch_size=16, epochs=5, shuffle=False, verbose=0, callbacks=[Halve()]).history

    assert trained("replay") == trained("eager")
