"""Keras reads our files, and we read Keras': live, where Keras is installed. Predictions agree to 1e-6."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import keras_cases
import numpy as np
import pytest

import gpudl
from gpudl.models import load_model, model_from_json
from gpudl.models.keras_slots import optimizer_arrays

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras", minversion="3.0")

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own
KINDS = (".keras", ".h5")


def close(a: Any, b: Any, within: float = 1e-6) -> None:
    a, b = np.asarray(a), np.asarray(b)
    np.testing.assert_allclose(a, b, rtol=within, atol=within * max(1.0, float(np.abs(b).max())))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", keras_cases.CASES)
def test_we_read_keras(tmp_path: Path, name: str, kind: str) -> None:
    theirs, x = keras_cases.model_of(keras, name), keras_cases.inputs(name)
    theirs.save(tmp_path / f"m{kind}")
    ours = load_model(tmp_path / f"m{kind}")
    close(ours.predict(x, verbose=0), theirs.predict(x, verbose=0))
    assert ours.name == theirs.name and [v.name for v in ours.layers] == [v.name for v in theirs.layers]
    theirs.save_weights(tmp_path / "w.weights.h5")
    other = keras_cases.model_of(gpudl, name)
    other.set_weights([w * 0 for w in other.get_weights()])
    other.load_weights(tmp_path / "w.weights.h5")
    close(other.predict(x, verbose=0), theirs.predict(x, verbose=0))
    other.set_weights([w * 0 for w in other.get_weights()])
    other.load_weights(tmp_path / f"m{kind}")
    close(other.predict(x, verbose=0), theirs.predict(x, verbose=0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", keras_cases.CASES)
def test_keras_reads_ours(tmp_path: Path, name: str, kind: str) -> None:
    ours, x = keras_cases.model_of(gpudl, name), keras_cases.inputs(name)
    ours.save(tmp_path / f"m{kind}")
    theirs = keras.models.load_model(tmp_path / f"m{kind}")
    close(theirs.predict(x, verbose=0), ours.predict(x, verbose=0))
    for file in ("w.weights.h5", "w.h5"):
        ours.save_weights(tmp_path / file)
        other = keras_cases.model_of(keras, name)
        other.set_weights([w * 0 for w in other.get_weights()])
        other.load_weights(tmp_path / file)
        close(other.predict(x, verbose=0), ours.predict(x, verbose=0))


@pytest.mark.parametrize("name", keras_cases.CASES)
def test_json(name: str) -> None:
    ours, theirs = keras_cases.model_of(gpudl, name), keras_cases.model_of(keras, name)
    there, here = keras.models.model_from_json(ours.to_json()), model_from_json(theirs.to_json())
    x = keras_cases.inputs(name)
    there.set_weights(theirs.get_weights())
    for layer in there.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    here.set_weights(ours.get_weights())
    close(there.predict(x, verbose=0), theirs.predict(x, verbose=0))
    close(here.predict(x, verbose=0), ours.predict(x, verbose=0))
    assert [v.name for v in there.layers] == [v.name for v in ours.layers]


def compiled(k: Any, optimizer: str) -> Any:
    layers = [k.layers.Dense(6, activation="tanh"), k.layers.BatchNormalization(), k.layers.Dense(3, activation="softmax")]
    model = k.Sequential([k.layers.Input((4,)), *layers])
    rng = np.random.default_rng(0)
    model.set_weights([keras_cases.scattered(rng, np.asarray(w)) for w in model.get_weights()])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras_cases.OPTIMIZERS[optimizer](k), loss=loss, metrics=["accuracy", k.metrics.SparseCategoricalCrossentropy()])
    return model


X = np.random.default_rng(0).standard_normal((32, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 32)


def trained(model: Any, epochs: int = 1) -> list[np.ndarray[Any, Any]]:
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return [np.asarray(w) for w in model.get_weights()]


def go_on_alike(ours: Any, theirs: Any, optimizer: str) -> None:
    assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations)
    here = optimizer_arrays(ours.optimizer, ours.trainable_variables)
    assert len(here) == len(theirs.optimizer.variables)
    for a, b in zip(here, theirs.optimizer.variables):
        close(a, b)
    if optimizer != "average":  # such a model cannot be fitted twice in Keras 3.15 on JAX
        for a, b in zip(trained(ours), trained(theirs)):
            close(a, b, 2e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimizer", keras_cases.OPTIMIZERS)
def test_training_that_keras_began_goes_on_here(tmp_path: Path, optimizer: str, kind: str) -> None:
    if (optimizer, kind) == ("Adafactor", ".h5"):
        pytest.skip("Keras 3.15 gives two of its variables one name, and cannot write the file")
    theirs = compiled(keras, optimizer)
    trained(theirs)
    theirs.save(tmp_path / f"m{kind}")
    ours = load_model(tmp_path / f"m{kind}")
    go_on_alike(ours, theirs, optimizer)
    ours.evaluate(X, Y, verbose=0)
    assert [m.name for m in ours.metrics][1:] == ["accuracy", "sparse_categorical_crossentropy"]


@pytest.mark.parametrize("optimizer", keras_cases.OPTIMIZERS)
def test_training_that_began_here_goes_on_in_keras(tmp_path: Path, optimizer: str) -> None:
    """From an `.h5` file Keras 3.15 itself cannot: it builds the optimizer for no variables."""
    ours = compiled(gpudl, optimizer)
    trained(ours)
    ours.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    go_on_alike(ours, theirs, optimizer)


LOSSES: list[Any] = [
    lambda k: "mse", lambda k: k.losses.MeanSquaredError(reduction="sum"), lambda k: k.losses.BinaryCrossentropy(label_smoothing=0.1),
    lambda k: k.losses.Huber(), lambda k: k.losses.CosineSimilarity(), lambda k: k.losses.LogCosh(), lambda k: k.losses.Poisson(),
    lambda k: k.losses.mean_absolute_error, lambda k: k.losses.CategoricalCrossentropy(from_logits=True), lambda k: k.losses.Hinge(),
    lambda k: k.losses.KLDivergence(), lambda k: "mean_squared_logarithmic_error",
]  # fmt: skip
METRICS: list[Any] = [
    lambda k: ["mae", "mse"], lambda k: [k.metrics.AUC(), k.metrics.Precision(), k.metrics.Recall(thresholds=0.4)],
    lambda k: [k.metrics.BinaryAccuracy(threshold=0.3), k.metrics.RootMeanSquaredError(name="rmse")],
    lambda k: [k.metrics.TopKCategoricalAccuracy(k=1), k.metrics.CategoricalAccuracy()], lambda k: [k.metrics.CosineSimilarity()],
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(len(LOSSES)))
def test_losses_and_metrics(tmp_path: Path, number: int, kind: str) -> None:
    y = np.random.default_rng(2).integers(0, 2, (32, 2)).astype("float32")

    def made(k: Any) -> Any:
        model = k.Sequential([k.layers.Input((4,)), k.layers.Dense(2, activation="sigmoid")])
        model.set_weights([np.full((4, 2), 0.1), np.array([0.1, -0.2])])
        model.compile("sgd", loss=LOSSES[number](k), metrics=METRICS[number % len(METRICS)](k))
        return model

    ours, theirs = made(gpudl), made(keras)
    expected = theirs.evaluate(X, y, verbose=0)
    close(ours.evaluate(X, y, verbose=0), expected, 1e-5)
    theirs.save(tmp_path / f"theirs{kind}")
    ours.save(tmp_path / f"ours{kind}")
    close(load_model(tmp_path / f"theirs{kind}").evaluate(X, y, verbose=0), expected, 1e-5)
    close(keras.models.load_model(tmp_path / f"ours{kind}").evaluate(X, y, verbose=0), expected, 1e-5)


def tables() -> list[tuple[str, str]]:
    """(module, class) of everything that can be made without arguments, or with these."""
    kinds = {"initializers": gpudl.initializers.table, "regularizers": gpudl.regularizers.table, "constraints": gpudl.constraints.table}
    kinds |= {"losses": gpudl.losses._table, "metrics": gpudl.metrics._table, "optimizers": gpudl.optimizers._table}
    found = [(module, name) for module, table in kinds.items() for name in table.classes]
    found += [("optimizers.schedules", name) for name in ARGUMENTS if name.endswith(("Decay", "Restarts"))]
    return found + [("layers", name) for name in "Add Average Concatenate Dot Maximum Minimum Multiply Subtract".split()]


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "ExponentialDecay": (0.1, 10, 0.9), "InverseTimeDecay": (0.1, 10, 0.9), "PiecewiseConstantDecay": ([1, 2], [1.0, 2.0, 3.0]),
    "PolynomialDecay": (0.1, 10), "CosineDecay": (0.1, 10), "CosineDecayRestarts": (0.1, 10), "Dot": (1,),
    "MeanIoU": (3,), "IoU": (3, [0, 1]), "OneHotIoU": (3, [0, 1]), "OneHotMeanIoU": (3,), "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,), "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,),
}  # fmt: skip


@pytest.mark.parametrize("module,name", tables())
def test_every_class_is_understood(module: str, name: str) -> None:
    made = []
    for k in (gpudl, keras):
        for part in module.split("."):
            k = getattr(k, part)
        cls = getattr(k, name)
        inner = name == "LossScaleOptimizer"
        optimizer = (gpudl if k.__name__.startswith("gpudl") else keras).optimizers.SGD(0.5)
        made.append(cls(optimizer) if inner else cls(*ARGUMENTS.get(name, ())))
    ours, theirs = made
    there = keras.saving.deserialize_keras_object(gpudl.saving.serialize_keras_object(ours))
    here = gpudl.saving.deserialize_keras_object(keras.saving.serialize_keras_object(theirs))
    assert type(there) is type(theirs) and type(here) is type(ours)
    back = gpudl.saving.deserialize_keras_object(keras.saving.serialize_keras_object(there))
    assert back.get_config().keys() - {"dtype"} == ours.get_config().keys() - {"dtype"}
