"""Python code of the user's own in a step: what it reads may change, what it makes may be new in every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from footguns.training import Lambda, X, Y, check, equal, replayed

import gpudl
from gpudl import Tensor, layers, ops, optimizers
from gpudl.tensors import Storage, wrap


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
