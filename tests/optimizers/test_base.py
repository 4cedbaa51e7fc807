"""What all optimizers do: launch for runs of neighbours, skip what has no gradient, keep slots, follow the rate, refuse nonsense."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import gpudl
from gpudl import optimizers
from gpudl.errors import DTypeError, ShapeError
from gpudl.plan import Recording

ALL = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.1, 0.9),
    "nesterov": lambda: optimizers.SGD(0.1, 0.9, True),
    "adam": lambda: optimizers.Adam(0.1),
    "amsgrad": lambda: optimizers.Adam(0.1, amsgrad=True),
    "adadelta": lambda: optimizers.Adadelta(1.0),
    "rmsprop": lambda: optimizers.RMSprop(0.1),
    "rmsprop momentum": lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True, epsilon=0.01),
    "adagrad": lambda: optimizers.Adagrad(0.1),
    "adamw": lambda: optimizers.AdamW(0.1),
    "adamax": lambda: optimizers.Adamax(0.1),
    "nadam": lambda: optimizers.Nadam(0.1),
    "lion": lambda: optimizers.Lion(0.1),
    "ftrl": lambda: optimizers.Ftrl(0.1),
    "clipnorm": lambda: optimizers.SGD(0.1, 0.9, weight_decay=0.1, clipnorm=0.5),
    "clipvalue": lambda: optimizers.SGD(0.1, clipvalue=0.1),
    "adafactor": lambda: optimizers.Adafactor(0.1),
    "lamb": lambda: optimizers.Lamb(0.1),
    "averaged": lambda: optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5),
    "gathering": lambda: optimizers.Adam(0.1, gradient_accumulation_steps=2),
    "loss scale": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.1), 4.0, 3),
    "loss scale factor": lambda: optimizers.SGD(0.1, 0.9, loss_scale_factor=4.0),
}
each = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def variables(rng: np.random.Generator, dtype: str = "float64") -> list[gpudl.Variable]:
    return [gpudl.Variable(rng.standard_normal(s), dtype=dtype, name=f"v{i}") for i, s in enumerate([(3, 5), (5,), (), (2, 3)])]


def backward(vs: list[gpudl.Variable], factor: float = 1.0) -> None:
    total = None
    for v in vs:
        part = (v * v).sum() * factor
        total = part if total is None else total + part
    assert total is not None
    total.backward()


def launches(optimizer: optimizers.Optimizer, vs: list[gpudl.Variable]) -> list[str]:
    with Recording() as recording:
        optimizer.apply(None, vs)
    return [call.op.name for call in recording.settle().calls]


def test_neighbours_share_one_launch_and_the_rest_stay(rng, path) -> None:
    vs = variables(rng)
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(vs)
    backward(vs)
    assert launches(optimizer, vs) == ["sgd_momentum_", "advance_"]
    for v in vs:
        v.grad = None
    vs[3].trainable = False
    before = [v.numpy() for v in vs]
    backward([vs[0], vs[2]])
    assert launches(optimizer, vs) == ["sgd_momentum_", "sgd_momentum_", "advance_"]
    moved = [not np.array_equal(v.numpy(), b) for v, b in zip(vs, before)]
    assert moved == [True, False, True, False]  # no gradient, and frozen: not even their momentum moves them


@each
def test_the_same_whether_flat_or_one_by_one(make, rng, path) -> None:
    """Gradients in the arena go in one launch, gradients from elsewhere one by one: bit for bit the same."""
    flat, single = variables(np.random.default_rng(1)), variables(np.random.default_rng(1))
    a, b = make(), make()
    for _ in range(3):
        for v in (*flat, *single):
            v.grad = None
        backward(flat)
        a.apply(None, flat)
        b.apply([v.detach() * 2.0 for v in single], single)
    for v, w in zip(flat, single):
        np.testing.assert_array_equal(v.numpy(), w.numpy())
    for v, w in zip(a.variables, b.variables):
        np.testing.assert_array_equal(v.numpy(), w.numpy())


@each
def test_gaps_in_the_arena_keep_their_first_value(make, rng) -> None:
    vs = variables(rng)
    optimizer = make()
    for _ in range(3):
        for v in vs:
            v.grad = None
        backward(vs)
        optimizer.apply(None, vs)
    home = vs[0].path_leaf.pack[0]
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    firsts = [0.0, 0.0, *[optimizer.slot_starts().get(name, 0.0) for name in optimizer._all_slots]]
    for arena, first in zip((home.params, home.grads, *optimizer._arenas[home]), firsts, strict=True):
        kept = np.ones(arena.flat.size, bool)
        for offset, shape in zip(arena.offsets, arena.shapes):
            kept[offset : offset + int(np.prod(shape))] = False
        assert (arena.flat.numpy()[kept] == first).all()


@each
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_dtypes(make, dtype, rng) -> None:
    vs = variables(rng, dtype)
    optimizer = make()
    backward(vs)
    optimizer.apply(None, vs)
    assert all(v.dtype == dtype and np.isfinite(v.numpy().astype(float)).all() for v in vs)
    assert all(slot.dtype == dtype for slot in optimizer.variables if "/" in slot.name)
    assert optimizer.learning_rate.dtype == np.float64 and optimizer.iterations.dtype == np.int64


@each
def test_a_recorded_step_follows_the_learning_rate(make, path) -> None:
    results = []
    for captured in (False, True):
        v = gpudl.Variable(np.linspace(-1, 1, 7), dtype="float64")
        optimizer = make()
        optimizer.build([v])

        def step(x, v=v, optimizer=optimizer):
            v.grad = None
            ((v - x) ** 2).sum().backward()
            optimizer.apply(None, [v])
            return v * 1.0

        run = gpudl.capture(step) if captured else step
        for i in range(8):
            if i == 5:
                optimizer.learning_rate = 0.01
            run(gpudl.tensor(np.full(7, 0.5)))
        if captured:
            assert run.replayed == (3 if optimizer.gradient_accumulation_steps else 6)  # a new learning rate needs no new recording
        results.append([v.numpy(), *[s.numpy() for s in optimizer.variables]])
        assert int(optimizer.iterations) == 8 // (optimizer.gradient_accumulation_steps or 1)
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


def test_learning_rate_is_a_variable() -> None:
    optimizer = optimizers.Adam(0.1)
    assert float(optimizer.learning_rate) == 0.1
    optimizer.learning_rate = 0.2
    optimizer.learning_rate.assign(0.3)
    assert float(optimizer.learning_rate) == 0.3
    optimizer.learning_rate = optimizer.learning_rate * 0.5
    assert float(optimizer.learning_rate) == 0.15
    for wrong in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="learning_rate"):
            optimizer.learning_rate = wrong
    with pytest.raises(DTypeError, match=r"learning_rate=0\.1"):
        optimizer.learning_rate = "0.1"
    assert float(optimizer.learning_rate) == 0.15


def test_old_spelling_of_the_learning_rate() -> None:
    optimizer = optimizers.SGD(lr=0.5)
    assert float(optimizer.lr) == float(optimizer.learning_rate) == 0.5
    optimizer.lr = 0.25
    assert float(optimizer.learning_rate) == 0.25
    with pytest.raises(TypeError, match="old spelling of 'learning_rate'"):
        optimizers.SGD(lr=0.1, learning_rate=0.2)


def test_unknown_names() -> None:
    with pytest.raises(TypeError, match=r"\[Adadelta\].*'rh'. Did you mean 'rho'"):
        optimizers.Adadelta(rh=0.95)
    with pytest.raises(AttributeError, match="Did you mean 'learning_rate'"):
        optimizers.SGD().learning_rte  # noqa: B018
    with pytest.raises(AttributeError, match="Adadelta"):
        optimizers.Adadeota  # noqa: B018
    with pytest.raises(ValueError, match="Did you mean 'adam'"):
        optimizers.get("adm")
    for wrong in (None, 3, lambda: None):
        with pytest.raises(TypeError, match="expected a name"):
            optimizers.get(wrong)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: optimizers.SGD(-0.1), "learning_rate must lie"),
        (lambda: optimizers.SGD(momentum=1.5), r"momentum must lie in \[0, 1\]"),
        (lambda: optimizers.SGD(momentum="0.9"), "Write momentum=0.9"),
        (lambda: optimizers.Adam(beta_1=1.0), r"beta_1 must lie in \[0, 1\)"),
        (lambda: optimizers.Adam(beta_2=-0.1), "beta_2"),
        (lambda: optimizers.Adam(epsilon=-1), "epsilon"),
        (lambda: optimizers.Adadelta(rho=2), "rho"),
        (lambda: optimizers.SGD(lambda step: 0.1), "schedules"),
        (lambda: optimizers.SGD(True), "number"),
    ],
)
def test_numbers_out_of_range(make, words) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_gradients_that_do_not_fit(rng) -> None:
    vs = variables(rng)
    optimizer = optimizers.SGD(0.1)
    with pytest.raises(ValueError, match="knows no variables"):
        optimizer.apply()
    with pytest.raises(ValueError, match="Received: 1 for 4"):
        optimizer.apply([gpudl.ones(1)], vs)
    with pytest.raises(ShapeError, match=r"'v1'.*\(5,\).*\(4,\)"):
        optimizer.apply([gpudl.ones(4)], vs[1:2])
    with pytest.raises(TypeError, match="swapped"):
        optimizer.apply(vs, [gpudl.ones(1)] * 4)
    with pytest.raises(TypeError, match=r"gpudl\.Variable"):
        optimizer.build([gpudl.ones(3)])
    assert int(optimizer.iterations) == 0


def test_keras_order_of_arguments(rng) -> None:
    v = gpudl.Variable([1.0, 2.0])
    optimizer = optimizers.SGD(0.5)
    optimizer.apply([gpudl.ones(2)], [v])
    optimizer.apply_gradients([(np.ones(2), v)])
    optimizer.apply_gradients([(None, v)])
    assert v.tolist() == [0.0, 1.0]
    (v * 3.0).sum().backward()
    optimizer.build([v])
    optimizer.apply()
    assert v.tolist() == [-1.5, -0.5]
    optimizer.zero_grad()
    assert v.grad is None


def test_slots_of_surviving_variables_stay(rng) -> None:
    vs = variables(rng)
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(vs[:2])
    backward(vs[:2])
    optimizer.apply()
    kept = [s.numpy() for s in optimizer.variables[2:]]
    optimizer.build(vs)
    for before, slot in zip(kept, optimizer.variables[2:]):
        np.testing.assert_array_equal(before, slot.numpy())
    assert [s.name for s in optimizer.variables] == ["iterations", "learning_rate", *[f"v{i}/momentum" for i in range(4)]]


def test_slots_follow_variables_that_move(rng) -> None:
    """As `model.to` does: other memory, no place in an arena any more, the same numbers."""
    runs = []
    for moves in (False, True):
        vs = variables(np.random.default_rng(3))
        optimizer = optimizers.Adam(0.1)
        for i in range(4):
            if moves and i == 2:
                for v in (*vs, *optimizer.variables):
                    other = gpudl.tensor(v.numpy())
                    v.rehouse(other.array, other.storage)
                    v.path_leaf.home = v.path_leaf.pack = v.path_leaf.grad = None
            for v in vs:
                v.grad = None
            backward(vs)
            optimizer.apply(None, vs)
        runs.append([v.numpy() for v in (*vs, *optimizer.variables)])
        assert len(optimizer._arenas) == 1
    for a, b in zip(*runs):
        np.testing.assert_array_equal(a, b)


def test_momentum_set_later(rng) -> None:
    v = gpudl.Variable([1.0])
    optimizer = optimizers.SGD(0.5)
    optimizer.apply([gpudl.ones(1)], [v])
    before = gpudl.config.version
    optimizer.momentum = 0.5
    assert gpudl.config.version > before
    optimizer.apply([gpudl.ones(1)], [v])
    optimizer.apply([gpudl.ones(1)], [v])
    assert v.tolist() == [0.5 - 0.5 - 0.75]


def test_variables_shared_by_two_optimizers(rng) -> None:
    v = gpudl.Variable([1.0, 1.0])
    first, second = optimizers.SGD(0.5, 0.5), optimizers.Adam(0.5)
    first.apply([gpudl.ones(2)], [v])
    second.apply([gpudl.ones(2)], [v])
    first.apply([gpudl.ones(2)], [v])
    np.testing.assert_allclose(v.numpy(), [-0.75, -0.75], rtol=1e-5)


@each
def test_configurations_and_copies(make, rng) -> None:
    optimizer = make()
    for again in (optimizers.deserialize(optimizers.serialize(optimizer)), copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()


def test_get() -> None:
    for name in ("sgd", "SGD", optimizers.SGD, optimizers.SGD()):
        assert isinstance(optimizers.get(name), optimizers.SGD)
    assert isinstance(optimizers.get("Adadelta"), optimizers.Adadelta)


def test_limits_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        optimizers.SGD(clipnorm=1.0, clipvalue=1.0)
    with pytest.raises(ValueError, match=r"clipnorm must lie in \(0"):
        optimizers.Adam(clipnorm=0.0)
    with pytest.raises(ValueError, match="weight_decay"):
        optimizers.Adam(weight_decay=-1.0)


def test_clipping_and_decay_are_few_launches(rng) -> None:
    vs = variables(rng)
    for options, names in (
        ({"clipnorm": 1.0}, ["clip_norms", "sgd_", "advance_"]),
        ({"weight_decay": 0.5}, ["sgd_fused_", "advance_"]),
        ({"clipvalue": 1.0}, ["sgd_fused_", "advance_"]),
        ({"global_clipnorm": 1.0}, ["square_sum", "clip_factor", "sgd_fused_", "advance_"]),
        ({"global_clipnorm": 1.0, "weight_decay": 0.5}, ["square_sum", "clip_factor", "sgd_fused_", "advance_"]),
        ({"clipnorm": 1.0, "weight_decay": 0.5}, ["clip_norms", "sgd_fused_", "advance_"]),
    ):
        optimizer = optimizers.SGD(0.1, **options)
        optimizer.build(vs)
        for v in vs:
            v.path_leaf.clear()
        backward(vs)
        assert launches(optimizer, vs) == names


class PlainSGD(optimizers.SGD):
    """Overrides `update` in the old form: its gradients come clipped, its weights decayed."""

    def update(self, p, g, *slots) -> None:
        super().update(p, g, *slots)


class PlainAdam(optimizers.Adam):
    def update(self, p, g, *slots) -> None:
        super().update(p, g, *slots)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{"clipvalue": 0.05}, {"global_clipnorm": 0.5}, {"weight_decay": 0.25}, {"clipnorm": 0.2},
                                     {"clipvalue": 0.05, "weight_decay": 0.25}, {"global_clipnorm": 100.0, "weight_decay": 0.25}],
                         ids=lambda options: ", ".join(options))  # fmt: skip
@pytest.mark.parametrize(("fused", "plain", "own"), [
    (optimizers.SGD, PlainSGD, {}), (optimizers.SGD, PlainSGD, {"momentum": 0.9, "nesterov": True}), (optimizers.Adam, PlainAdam, {}),
    (optimizers.Adam, PlainAdam, {"amsgrad": True}),
], ids=["sgd", "nesterov", "adam", "amsgrad"])  # fmt: skip
def test_what_comes_before_gives_the_same_bits_in_one_pass(fused, plain, own, options, dtype) -> None:
    ours, theirs = ([gpudl.Variable(v.numpy(), dtype=dtype) for v in variables(np.random.default_rng(2))] for _ in range(2))
    a, b = fused(0.1, **own, **options), plain(0.1, **own, **options)
    for _ in range(3):
        for vs, optimizer in ((ours, a), (theirs, b)):
            for v in vs:
                v.grad = None
            backward(vs)
            optimizer.apply(None, vs)
    for v, w in zip(ours, theirs):
        np.testing.assert_array_equal(v.numpy(), w.numpy())


def test_excluded_from_decay(rng) -> None:
    vs = variables(rng)
    before = [v.numpy() for v in vs]
    optimizer = optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([vs[0]], ["v[23]"])
    optimizer.apply([gpudl.zeros(v.shape) for v in vs], vs)
    for v, b, factor in zip(vs, before, (1.0, 0.95, 1.0, 1.0)):
        np.testing.assert_allclose(v.numpy(), factor * b, rtol=1e-12)


class SignDescent(optimizers.Optimizer):
    """An optimizer of the user's own."""

    slot_names = ("count",)

    def __init__(self, learning_rate: float = 0.1, **kwargs: object) -> None:
        super().__init__(learning_rate, **kwargs)

    def update(self, p, g, count) -> None:
        count.assign(count + 1.0)
        p.assign(p - gpudl.ops.sign(g) * gpudl.ops.cast(self.learning_rate, p.dtype))


def test_an_optimizer_of_the_users_own(rng, path) -> None:
    vs = variables(rng)
    before = [v.numpy() for v in vs]
    optimizer = SignDescent(lr=0.5)
    backward(vs)
    optimizer.apply(None, vs)
    for v, b in zip(vs, before):
        np.testing.assert_allclose(v.numpy(), b - 0.5 * np.sign(b))
    assert all((s.numpy() == 1).all() for s in optimizer.variables[2:])
    with pytest.raises(TypeError, match="Did you mean 'learning_rate'"):
        SignDescent(learning_rat=1)
    with pytest.raises(NotImplementedError, match=r"\[Optimizer\] write update"):
        optimizers.Optimizer().apply([gpudl.ones(1)], [gpudl.Variable([1.0])])
