"""What every optimizer takes: averages of the parameters, gradients gathered over steps, a scaled loss; alone, replayed and in fit."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import gpudl
from gpudl import layers as L
from gpudl import optimizers
from gpudl.callbacks import Callback
from gpudl.errors import DTypeError

CLASSES = [c for c in optimizers._classes if c is not optimizers.LossScaleOptimizer]


def data(rows: int = 26) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((rows, 4))
    return x, x @ rng.standard_normal((4, 1))


def model_of(optimizer: optimizers.Optimizer, eager: bool = False, loss: str = "mse") -> gpudl.Sequential:
    gpudl.utils.set_random_seed(1)
    gpudl.config.set_floatx("float64")
    model = gpudl.Sequential([L.Input((4,)), L.Dense(3, activation="tanh"), L.Dense(1)])
    model.compile(optimizer, loss, run_eagerly=eager)
    return model


# arguments ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_options_of_every_optimizer(cls) -> None:
    """By keyword and by position, kept in configurations; wrong ones are refused with what is right."""
    options = {"weight_decay": 0.1, "clipnorm": 2.0, "use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 5}
    options |= {"loss_scale_factor": 4.0, "gradient_accumulation_steps": 3, "name": "mine"}
    optimizer = cls(**options)
    assert {k: getattr(optimizer, k) for k in options} == options
    assert options.items() <= optimizer.get_config().items()
    assert cls.from_config(optimizer.get_config()).get_config() == optimizer.get_config()
    names = list(inspect.signature(cls).parameters)
    by_position = cls(*[inspect.signature(cls).parameters[n].default for n in names[: names.index("clipnorm")]], 0.5)
    assert by_position.clipnorm == 0.5
    with pytest.raises(TypeError, match=r"too many arguments|given twice|takes"):
        cls(*[0.1] * 30)
    with pytest.raises(TypeError, match=r"given twice|multiple values"):
        cls(*[inspect.signature(cls).parameters[n].default for n in names[: names.index("clipnorm")]], 0.5, clipnorm=0.5)
    with pytest.raises(TypeError, match=rf"\[{cls.__name__}\].*'use_em'. Did you mean 'use_ema'"):
        cls(use_em=True)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"ema_momentum": 1.5}, ValueError, r"ema_momentum must lie in \[0, 1\]. Received: ema_momentum=1.5"),
        ({"ema_overwrite_frequency": 0}, ValueError, "ema_overwrite_frequency must be at least 1"),
        ({"ema_overwrite_frequency": 2.0}, TypeError, "ema_overwrite_frequency must be a whole number"),
        ({"gradient_accumulation_steps": 1}, ValueError, "gradient_accumulation_steps must be at least 2. Received"),
        ({"gradient_accumulation_steps": True}, TypeError, "whole number"),
        ({"loss_scale_factor": 0}, ValueError, r"loss_scale_factor must lie in \(0"),
        ({"loss_scale_factor": "8"}, DTypeError, r"Write loss_scale_factor=8\.0"),
    ],
)
def test_options_out_of_range(options, error, words) -> None:
    with pytest.raises(error, match=rf"\[Adam\].*{words}"):
        optimizers.Adam(**options)


def test_options_that_decide_about_slots_stay() -> None:
    optimizer = optimizers.SGD()
    for name, value in (("use_ema", True), ("gradient_accumulation_steps", 4)):
        with pytest.raises(AttributeError, match=rf"{name} is set when the optimizer is made: SGD\({name}={value}\)"):
            setattr(optimizer, name, value)


# averages -----------------------------------------------------------------------------------------------------------------------


def test_fit_ends_with_the_averages() -> None:
    x, y = data()
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append([v.numpy() for v in self.model.trainable_variables])

        def on_train_end(self, logs=None):
            seen.append([v.numpy() for v in self.model.trainable_variables])

    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model = model_of(optimizer)
    model.fit(x, y, batch_size=26, epochs=3, shuffle=False, verbose=0, callbacks=[Watch()])
    for i, v in enumerate(model.trainable_variables):
        expected = (seen[0][i] * 0.5 + seen[1][i] * 0.5) * 0.5 + seen[2][i] * 0.5
        np.testing.assert_allclose(v.numpy(), expected, rtol=1e-12)
        np.testing.assert_array_equal(seen[3][i], v.numpy())  # on_train_end sees them
        np.testing.assert_array_equal(optimizer.average_of(v).numpy(), v.numpy())


def test_averages_leave_frozen_and_new_parameters_alone() -> None:
    v, w = gpudl.Variable([1.0], dtype="float64"), gpudl.Variable([3.0], dtype="float64")
    optimizer = optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=1)
    for _ in range(2):
        optimizer.apply([np.ones(1)], [v])
    v.trainable = False
    frozen = v.numpy()
    optimizer.apply([None, np.zeros(1)], [v, w])  # a parameter that comes later starts from itself, not from zero
    assert v.numpy() == frozen and w.tolist() == [3.0]
    optimizer.finalize_variable_values([v, w])
    assert v.numpy() == frozen and w.tolist() == [3.0]
    assert optimizers.SGD().average_of(v) is None


def test_nothing_to_give_before_the_first_step() -> None:
    v = gpudl.Variable([2.0])
    optimizer = optimizers.SGD(use_ema=True)
    optimizer.build([v])
    v.assign([5.0])
    optimizer.finalize_variable_values()
    assert v.tolist() == [5.0]


# gathered gradients -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda **o: optimizers.Adam(0.1, **o), lambda **o: optimizers.SGD(0.1, 0.9, clipnorm=0.1, **o)])
@pytest.mark.parametrize("eager", [False, True])
def test_small_batches_gathered_are_one_large_batch(make, eager, path) -> None:
    x, y = data(24)
    whole, parts = model_of(make(), eager), model_of(make(gradient_accumulation_steps=4), eager)
    whole.fit(x, y, batch_size=24, epochs=5, shuffle=False, verbose=0)
    parts.fit(x, y, batch_size=6, epochs=5, shuffle=False, verbose=0)
    for v, w in zip(whole.weights, parts.weights):
        np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-10, atol=1e-13)
    assert int(parts.optimizer.iterations) == 5
    if not eager:
        assert parts._runners["train"].replayed > 10 and len(parts._runners["train"].plans()) == 2  # one adds, one updates


def test_a_captured_loop_gathers(path) -> None:
    """Also with two updates in a step, and with another optimizer beside."""
    results = []
    for captured in (False, True):
        v, w = gpudl.Variable([1.0, -2.0], dtype="float64"), gpudl.Variable([0.5], dtype="float64")
        one, other = optimizers.Adam(0.1, gradient_accumulation_steps=3), optimizers.SGD(0.1, gradient_accumulation_steps=2)

        def step(x, v=v, w=w, one=one, other=other):
            for _ in range(2):
                v.grad = None
                ((v - x) ** 2).sum().backward()
                one.apply(None, [v])
            w.grad = None
            (w * x.sum()).sum().backward()
            other.apply(None, [w])
            return v * 1.0

        run = gpudl.capture(step, strict=True) if captured else step
        rng = np.random.default_rng(0)
        out = [run(gpudl.tensor(rng.standard_normal(2))).numpy() for _ in range(40)]
        results.append([*out, v.numpy(), w.numpy(), *[s.numpy() for o in (one, other) for s in o.variables]])
        assert int(one.iterations) == 80 // 3 and int(other.iterations) == 20
        assert not captured or run.replayed > 20
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


def test_counting_goes_on_where_it_stood() -> None:
    """State put back from outside, as a file does, is in the middle of gathering again."""
    v = gpudl.Variable([1.0], dtype="float64")
    a, b = (optimizers.SGD(0.5, gradient_accumulation_steps=3) for _ in range(2))
    for _ in range(4):
        a.apply([np.ones(1)], [v])
    b.build([v])
    for mine, other in zip(b.variables, a.variables):
        mine.assign(other.numpy())
    assert v.tolist() == [0.5]
    b.apply([np.ones(1)], [v])
    assert v.tolist() == [0.5]
    b.apply([np.ones(1)], [v])
    assert v.tolist() == [0.0] and int(b.iterations) == 2


# scaled losses ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: optimizers.SGD(0.1, loss_scale_factor=256.0),
                                  lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1), 256.0)])  # fmt: skip
def test_a_scaled_loss_changes_nothing(make) -> None:
    x, y = data()
    plain, scaled = model_of(optimizers.SGD(0.1)), model_of(make())
    a, b = (m.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (plain, scaled))
    assert a == b  # a power of 2 costs no digits, and logs show the loss itself
    for v, w in zip(plain.weights, scaled.weights):
        np.testing.assert_array_equal(v.numpy(), w.numpy())


def test_steps_that_overflow_are_left_out(path) -> None:
    """Replayed too: nothing of the inner optimizer moves, the rate of its schedule included."""
    v = gpudl.Variable([1.0, 2.0], dtype="float64")
    inner = optimizers.Adam(optimizers.schedules.InverseTimeDecay(0.1, 1, 1.0), use_ema=True)
    optimizer = optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic_growth_steps=4)
    run = gpudl.capture(lambda g: optimizer.apply([g], [v]), strict=True)
    good, bad = gpudl.tensor([8.0, -8.0], dtype="float64"), gpudl.tensor([1.0, np.nan], dtype="float64")
    for _ in range(3):
        run(good)
    before = [s.numpy() for s in (v, *inner.variables)]
    run(bad)
    for s, value in zip((v, *inner.variables), before):
        np.testing.assert_array_equal(s.numpy(), value)
    assert float(optimizer.dynamic_scale) == 4.0 and int(optimizer.step_counter) == 0
    for _ in range(4):
        run(good)
    assert float(optimizer.dynamic_scale) == 8.0 and int(optimizer.iterations) == 7 and run.replayed == 5
    assert float(optimizer.learning_rate) == 0.1 / 8


def test_gradients_that_float16_loses() -> None:
    """A float32 weight used in float16: 2^-27 is no float16, but 2^10 times that is."""
    for optimizer, moved in ((optimizers.SGD(2.0**20), False), (optimizers.LossScaleOptimizer(optimizers.SGD(2.0**20), 1024.0), True)):
        v = gpudl.Variable([1.0])
        optimizer.build([v])
        loss = gpudl.ops.cast(gpudl.ops.cast(v, "float16") * 2.0**-14, "float32").sum() * 2.0**-13
        optimizer.scale_loss(loss).backward()
        optimizer.apply(None, [v])
        assert v.grad.item() == (2.0**-17 if moved else 0.0)  # scaled; the update divides
        assert v.item() == (1.0 - 2.0**-7 if moved else 1.0)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: optimizers.LossScaleOptimizer("adam"), TypeError, "inner_optimizer must be an Optimizer, e.g. Adam"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.LossScaleOptimizer(optimizers.SGD())), TypeError, "inner_optimizer"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(gradient_accumulation_steps=2)), ValueError, "gradient_accumulation_steps"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), 0.0), ValueError, r"initial_scale must lie in \(0"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), 2.0, 0), ValueError, "dynamic_growth_steps must be at least 1"),
        (lambda: optimizers.Lamb(beta_1=1.0), ValueError, r"\[Lamb\] beta_1"),
        (lambda: optimizers.Adafactor(beta_2_decay=0.5), ValueError, r"\[Adafactor\] -beta_2_decay"),
        (lambda: optimizers.Adafactor(clip_threshold=0.0), ValueError, "clip_threshold"),
        (lambda: optimizers.schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), ValueError, "t_mul must be at least 1"),
        (lambda: optimizers.schedules.CosineDecayRestarts(0.1, 0), ValueError, "first_decay_steps must be above 0"),
    ],
)
def test_bad_arguments(make, error, words) -> None:
    with pytest.raises(error, match=words):
        make()
