"""Mixed precision as Keras documents it: policies, casts of inputs and weights, float32 weights and gradients, the scaled loss, replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_replay import IMAGE, NETS, SEQUENCE, TOKENS, VECTOR

import gpudl
from gpudl import Tensor, config, dtype_policies, mixed_precision, ops
from gpudl import layers as L
from gpudl.dtype_policies import DTypePolicy
from gpudl.errors import DTypeError
from gpudl.optimizers import LossScaleOptimizer
from gpudl.testing import use_kernels

MIXED = ("mixed_float16", "mixed_bfloat16")
HALF = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


# policies -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64", *MIXED])
def test_a_policy_has_two_dtypes(name: str) -> None:
    policy = DTypePolicy(name)
    assert (policy.name, policy.compute_dtype) == (name, HALF.get(name, name))
    assert policy.variable_dtype == ("float32" if name in MIXED else name)
    assert DTypePolicy.from_config(policy.get_config()) == policy == dtype_policies.get(name) == dtype_policies.get(policy)
    assert dtype_policies.deserialize(dtype_policies.serialize(policy)) == policy
    assert len({policy, DTypePolicy(name)}) == 1 and policy != name and repr(policy) == f'<DTypePolicy "{name}">'


@pytest.mark.parametrize("name", ["mixed_float32", "mixed_float64", "float8", "mixed", "", 3])
def test_other_names_are_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="DTypePolicy"):
        DTypePolicy(name)
    with pytest.raises((ValueError, DTypeError)):
        L.Dense(1, dtype=name)
    with pytest.raises((ValueError, DTypeError)):
        config.set_dtype_policy(name)
    assert config.dtype_policy().name == "float32"


def test_a_hint_for_a_misspelt_name() -> None:
    with pytest.raises(ValueError, match="Did you mean 'mixed_float16'"):
        DTypePolicy("mixed_floot16")


def test_the_policy_of_the_process() -> None:
    assert config.dtype_policy() == DTypePolicy("float32")
    config.set_floatx("float64")
    assert config.dtype_policy() == DTypePolicy("float64") == DTypePolicy()
    before = config.version
    mixed_precision.set_global_policy("mixed_float16")
    assert config.version > before
    assert mixed_precision.global_policy() == config.dtype_policy() == DTypePolicy("mixed_float16")
    assert L.Dense(1).dtype_policy == DTypePolicy("mixed_float16")
    assert L.Dense(1, dtype="float32").compute_dtype == "float32", "a layer's own goes first"
    config.set_dtype_policy(None)
    assert config.dtype_policy() == DTypePolicy("float64")
    assert mixed_precision.Policy is DTypePolicy


def test_layers_keep_the_policy_they_were_made_with() -> None:
    layer = L.Dense(2)
    config.set_dtype_policy("mixed_float16")
    assert layer.compute_dtype == "float32" and layer(np.ones((1, 3), "f4")).dtype == "float32"


@pytest.mark.parametrize("given", ["mixed_float16", DTypePolicy("mixed_float16"), dtype_policies.serialize(DTypePolicy("mixed_float16"))])
def test_dtype_takes_a_policy_in_any_form(given: Any) -> None:
    layer = L.Dense(2, dtype=given)
    assert (layer.compute_dtype, layer.variable_dtype, layer.dtype) == ("float16", "float32", "float32")
    again = L.Dense.from_config(layer.get_config())
    assert again.dtype_policy == layer.dtype_policy and layer.get_config()["dtype"] == "mixed_float16"


# layers -------------------------------------------------------------------------------------------------------------------------


def data(shape: tuple[int, ...], rows: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 11, (rows, *shape)) if shape is TOKENS else rng.normal(size=(rows, *shape)).astype("f4")


@pytest.mark.parametrize("policy", MIXED)
@pytest.mark.parametrize(("shape", "name"), [(shape, name) for shape in (VECTOR, IMAGE, SEQUENCE, TOKENS) for name in NETS[shape]])
def test_every_layer_computes_in_16_bits(shape: tuple[int, ...], name: str, policy: str) -> None:
    """Outputs in the compute dtype, near those of float32 with the same weights; float32 weights, whose gradients are float32."""
    config.set_dtype_policy(policy)
    gpudl.utils.set_random_seed(1)
    model = gpudl.Sequential([L.Input(shape), *NETS[shape][name]()])
    x = data(shape)
    y = model(x)
    assert y.dtype == HALF[policy] and model.compute_dtype == HALF[policy] and model.dtype == "float32"
    assert {v.dtype.name for v in model.weights if v.dtype.kind == "f"} <= {"float32"}
    config.set_dtype_policy("float32")
    wide = gpudl.Sequential([L.Input(shape), *NETS[shape][name]()])
    wide(x)
    wide.set_weights(model.get_weights())
    expected = wide(x)
    assert expected.dtype == "float32"
    close = 0.02 if policy == "mixed_float16" else 0.15
    scale = float(ops.max(ops.absolute(expected))) if expected.size else 1.0
    assert np.allclose(y.numpy().astype("f8"), expected.numpy(), atol=close * max(1.0, scale))
    for v in model.trainable_variables:
        v.grad = None
    loss = ops.sum(ops.cast(model(x, training=True), "float32"))
    if loss.requires_grad:
        loss.backward()
    got = [v.grad for v in model.trainable_variables if v.grad is not None]
    assert all(g.dtype == "float32" for g in got) and bool(got) == bool(loss.requires_grad)


def seen_dtypes(layer: L.Layer, x: np.ndarray) -> set[str]:
    """What products a layer makes, by dtype."""
    with gpudl.plan.Recording() as recording:
        layer(Tensor(x))
    return {c.ins[1].dtype.name for c in recording.calls if c.op.name in ("matmul", "conv2d")}


def test_products_run_in_the_compute_dtype() -> None:
    for layer, x in ((L.Dense(3, dtype="mixed_float16"), data(VECTOR)), (L.Conv2D(3, 2, dtype="mixed_float16"), data(IMAGE))):
        layer(x)
        assert seen_dtypes(layer, x) == {"float16"}


class Reads(L.Layer):
    """A layer of the user's own, which reads its weights in several ways."""

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")
        self.kept = self.add_weight((input_shape[-1],), "ones", name="kept", autocast=False)
        self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
        self.many = [self.add_weight((2, 2), "ones", name="square")]

    def call(self, x: Any) -> Any:
        self.seen = [
            (self.w * 2.0).dtype, (self.w * self.w).dtype, (x + self.w).dtype, self.w[:2].dtype, ops.square(self.w).dtype,
            ops.concatenate([self.w, self.w]).dtype, ops.matmul(self.many[0], self.many[0]).dtype, ops.transpose(self.many[0]).dtype,
        ]  # fmt: skip
        self.others = [(self.kept * 2.0).dtype, self.w.dtype, (self.count + 1).dtype, self.w.detach().dtype]
        return x * self.w


def test_ops_read_variables_in_the_compute_dtype() -> None:
    layer = Reads(dtype="mixed_float16")
    assert layer(data((4,))).dtype == "float16"
    assert [d.name for d in layer.seen] == ["float16"] * 8
    assert [d.name for d in layer.others] == ["float32", "float32", "int32", "float32"]
    assert (layer.w * 2.0).dtype == "float32", "outside a call they are what they are"
    plain = Reads(dtype="mixed_float16", autocast=False)
    assert plain(data((4,))).dtype == "float32" and {d.name for d in plain.seen} == {"float32"}


def test_layers_within_layers_have_their_own() -> None:
    class Outer(L.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = L.Dense(2, dtype="float32")
            self.other = L.Dense(2, dtype="mixed_bfloat16")

        def call(self, x: Any) -> Any:
            return [x, self.inner(x), self.other(x), self.inner.kernel * 1.0]

    found = Outer(dtype="mixed_float16")(data((3,)))
    assert [t.dtype.name for t in found] == ["float16", "float32", "bfloat16", "float16"]


def test_an_error_ends_the_reading() -> None:
    layer = L.Dense(2, dtype="mixed_float16")
    layer(data((3,)))
    with pytest.raises(ValueError):
        layer(data((4,)))
    assert gpudl.tensors.mode.autocast is None and (layer.kernel * 1.0).dtype == "float32"


def test_inputs_that_are_no_floats_stay() -> None:
    layer = L.Identity(dtype="mixed_float16")
    assert layer(np.arange(3)).dtype.kind == "i" and layer(np.ones(3)).dtype == "float16"
    assert L.Input((3,)).dtype == "float32"
    config.set_dtype_policy("mixed_float16")
    assert L.InputLayer((3,)).compute_dtype == "float32", "an Input is no computation"


# training -----------------------------------------------------------------------------------------------------------------------


def classes(rows: int = 96) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(rows, 6)).astype("f4")
    return x, x[:, :3].argmax(1)


def network(policy: str, **options: Any) -> gpudl.Sequential:
    config.set_dtype_policy(policy)
    gpudl.utils.set_random_seed(0)
    model = gpudl.Sequential([L.Input((6,)), L.Dense(24, "relu"), L.BatchNormalization(), L.Dropout(0.1), L.Dense(3, "softmax")])
    model.compile(gpudl.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def test_compile_scales_the_loss_of_float16_alone() -> None:
    assert isinstance(network("mixed_float16").optimizer, LossScaleOptimizer)
    assert network("mixed_float16").optimizer.name == "loss_scale_optimizer"
    for policy in ("float32", "float16", "mixed_bfloat16"):
        assert not isinstance(network(policy).optimizer, LossScaleOptimizer)
    assert not isinstance(network("mixed_float16", auto_scale_loss=False).optimizer, LossScaleOptimizer)
    model = network("mixed_float16")
    own = LossScaleOptimizer(gpudl.optimizers.SGD(), initial_scale=8.0)
    model.compile(own, "mse")
    assert model.optimizer is own


@pytest.mark.parametrize("policy", MIXED)
def test_it_learns_what_float32_learns(policy: str) -> None:
    x, y = classes()
    model = network(policy)
    got = model.fit(x, y, batch_size=16, epochs=15, verbose=0).history
    wide = network("float32")
    expected = wide.fit(x, y, batch_size=16, epochs=15, verbose=0).history
    assert got["loss"][-1] < 0.5 * got["loss"][0]
    assert got["loss"][0] == pytest.approx(expected["loss"][0], rel=0.05)
    assert got["accuracy"][-1] > 0.85
    assert model.predict(x, verbose=0).dtype == HALF[policy] == model.predict_on_batch(x).dtype
    assert [v.dtype.name for v in model.optimizer.variables if v.ndim] == ["float32"] * len(
        [v for v in model.optimizer.variables if v.ndim]
    )
    assert model.evaluate(x, y, verbose=0)[0] == pytest.approx(wide.evaluate(x, y, verbose=0)[0], abs=0.2)


@pytest.mark.parametrize("policy", MIXED)
def test_replay_equals_eager(policy: str) -> None:
    x, y = classes()
    with gpudl.device("cpu"), use_kernels("numpy"):  # compiled kernels of fused calls round less often than those of their parts
        seen = {mode: everything(policy, mode, x, y) for mode in ("eager", "replay", "poisoned")}
    assert seen["eager"] == seen["replay"] == seen["poisoned"]


def everything(policy: str, mode: str, x: np.ndarray, y: np.ndarray) -> list[bytes]:
    """What a training changes or returns."""
    model = network(policy, run_eagerly=mode == "eager")
    if mode == "poisoned":
        model._mode = mode
    history = model.fit(x, y, batch_size=16, epochs=4, validation_data=(x, y), verbose=0).history
    assert mode == "eager" or model._runners["train"].replayed > 10
    seen = [np.array(v).tobytes() for v in history.values()]
    seen += [v.numpy().tobytes() for v in (*model.variables, *model.optimizer.variables)]
    return [*seen, model.predict(x, verbose=0).tobytes()]


def test_a_scale_that_is_too_large_is_halved_within_replayed_steps() -> None:
    """2^40 times any gradient is infinite in float16: such steps change nothing but the scale, until it fits."""
    x, y = classes()
    model = network("mixed_float16")
    model.compile(LossScaleOptimizer(gpudl.optimizers.SGD(0.1), initial_scale=2.0**40), "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(x, y, batch_size=16, epochs=1, verbose=0)
    assert float(model.optimizer.dynamic_scale) == 2.0**34, "six steps, each left out"
    after = model.get_weights()
    assert np.array_equal(before[0], after[0]) and not np.array_equal(before[4], after[4]), "moving statistics go on, as in Keras"
    history = model.fit(x, y, batch_size=16, epochs=10, verbose=0).history
    assert model._runners["train"].replayed > 50 and float(model.optimizer.dynamic_scale) < 2.0**24
    assert history["loss"][-1] < history["loss"][0] and all(np.isfinite(w).all() for w in model.get_weights())


def test_gradients_too_small_for_float16_are_saved_by_the_scale() -> None:
    def moved(scaled: bool) -> float:
        config.set_dtype_policy("mixed_float16")
        layer = L.Dense(1, use_bias=False, kernel_initializer="ones")
        loss = ops.sum(ops.cast(layer(np.ones((1, 1), "f4")), "float32")) * 1e-8
        optimizer = LossScaleOptimizer(gpudl.optimizers.SGD(1.0)) if scaled else gpudl.optimizers.SGD(1.0)
        optimizer.build(layer.trainable_variables)
        layer.kernel.assign([[0.0]])
        optimizer.scale_loss(loss).backward()
        optimizer.apply(None, layer.trainable_variables)
        return float(layer.kernel.numpy()[0, 0])

    assert moved(scaled=False) == 0.0 and moved(scaled=True) == pytest.approx(-1e-8, rel=1e-3)


def test_the_loss_is_computed_in_float32() -> None:
    """A probability of 1e-6 is 0 or has lost its digits in float16; its cross-entropy comes from the scores."""
    config.set_dtype_policy("mixed_float16")
    model = gpudl.Sequential([L.Input((2,)), L.Activation("softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["sparse_categorical_crossentropy"])
    found = model.evaluate(np.array([[0.0, 20.0]], "f4"), np.array([0]), verbose=0)
    assert found == pytest.approx([20.0, 20.0], rel=1e-6)


def test_penalties_are_float32() -> None:
    config.set_dtype_policy("mixed_float16")
    layer = L.Dense(2, kernel_regularizer="l2", activity_regularizer="l2")
    layer(np.full((1, 3), 200.0, "f4"))
    assert [t.dtype.name for t in layer.losses] == ["float32", "float32"] and all(np.isfinite(float(t)) for t in layer.losses)


def test_data_stay_as_exact_as_weights() -> None:
    """Targets of float32 are not rounded to 16 bits on their way to the loss."""
    config.set_dtype_policy("mixed_float16")
    model = gpudl.Sequential([L.Input((1,)), L.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile("sgd", "mean_absolute_error")
    assert model.evaluate(np.ones((1, 1), "f4"), np.array([[70000.25]], "f4"), verbose=0) == 70000.25


# saving -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", ["model.safetensors", "model.keras"])
def test_saved_models_keep_their_policies(save: str, tmp_path: Any) -> None:
    x, y = classes(32)
    model = network("mixed_float16")
    model.fit(x, y, epochs=1, verbose=0)
    model.save(tmp_path / save)
    config.set_dtype_policy("float32")
    again = gpudl.models.load_model(tmp_path / save)
    assert [layer.dtype_policy.name for layer in again.layers] == ["mixed_float16"] * 4
    assert again.predict(x, verbose=0).tobytes() == model.predict(x, verbose=0).tobytes()
    assert isinstance(again.optimizer, LossScaleOptimizer)
    clone = gpudl.models.clone_model(model)
    assert [layer.compute_dtype for layer in clone.layers] == ["float16"] * 4


def test_policies_in_keras_files() -> None:
    from gpudl.models.keras_config import from_keras

    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}, "registered_name": None}
    data = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 3, "dtype": policy}}
    layer = L.deserialize(from_keras(data, "load_model"))
    assert layer.dtype_policy == DTypePolicy("mixed_bfloat16")


def test_variables_copied_and_pickled_keep_the_flag() -> None:
    import copy
    import pickle

    v = gpudl.Variable([1.0], autocast=False)
    assert not copy.deepcopy(v).autocast and not pickle.loads(pickle.dumps(v)).autocast and gpudl.Variable([1.0]).autocast
