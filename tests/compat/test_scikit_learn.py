"""KerasClassifier and KerasRegressor: alone, and where scikit-learn expects an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import layers
from gpudl.wrappers.scikit_learn import KerasClassifier, KerasRegressor

R = np.random.default_rng(0)
X = R.normal(size=(60, 3)).astype("f4")
NAMES = np.array(["cat", "dog", "fox"])[np.argmax(X, 1)]


def build(units: int = 8, loss: str = "categorical_crossentropy") -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    m = gpudl.Sequential([layers.Dense(units, input_dim=3, activation="relu"), layers.Dense(3, activation="softmax")])
    m.compile(gpudl.optimizers.Adam(0.1), loss, metrics=["accuracy"])
    return m


def line() -> gpudl.Sequential:
    gpudl.utils.set_random_seed(0)
    m = gpudl.Sequential([layers.Dense(1, input_dim=3)])
    m.compile(gpudl.optimizers.Adam(0.1), "mse")
    return m


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_classes_by_name(loss: str) -> None:
    found = KerasClassifier(build, loss=loss, epochs=20, batch_size=10, verbose=0)
    history = found.fit(X, NAMES)
    assert len(history.history["loss"]) == 20 and found.classes_.tolist() == ["cat", "dog", "fox"] and found.n_classes_ == 3
    assert found.score(X, NAMES) == np.mean(found.predict(X) == NAMES) > 0.9
    np.testing.assert_allclose(found.predict_proba(X).sum(1), 1, atol=1e-6)
    rows = np.eye(3)[np.argmax(X, 1)]
    found.fit(X, rows, epochs=1)
    assert found.predict(X).dtype.kind == "i" and 0 <= found.score(X, rows) <= 1


def test_two_classes_from_one_output() -> None:
    def yes_or_no() -> gpudl.Sequential:
        m = gpudl.Sequential([layers.Dense(1, input_dim=3, activation="sigmoid")])
        m.compile("sgd", "binary_crossentropy")
        return m

    found = KerasClassifier(yes_or_no, verbose=0)
    found.fit(X, X[:, 0] > 0)
    assert found.predict_proba(X).shape == (60, 2) and found.predict(X).dtype == bool


def test_numbers() -> None:
    found = KerasRegressor(line, epochs=30, verbose=0)
    y = X @ [1.0, 2.0, -1.0]
    found.fit(X, y)
    assert found.predict(X).shape == (60,) and found.score(X, y) == pytest.approx(-np.mean((found.predict(X) - y) ** 2), rel=1e-4)
    assert found.score(X, y) > -0.1


def test_arguments() -> None:
    found = KerasClassifier(build, units=4, epochs=1, verbose=0)
    assert found.get_params() == {"units": 4, "epochs": 1, "verbose": 0, "build_fn": build}
    found.set_params(units=16).fit(X, NAMES, epochs=2)
    assert found.model.layers[0].units == 16 and len(found.history.history["loss"]) == 2
    with pytest.raises(TypeError, match="Did you mean 'units'"):
        KerasClassifier(build, unit=4)
    with pytest.raises(TypeError, match="Did you mean 'epochs'"):
        found.set_params(epoch=4)
    with pytest.raises(TypeError, match="build_fn must be a function"):
        KerasClassifier()


def test_a_subclass_that_builds() -> None:
    class Mine(KerasClassifier):
        def __call__(self, units: int = 2) -> Any:
            return build(units)

    found = Mine(units=3, verbose=0)
    found.fit(X, NAMES)
    assert found.model.layers[0].units == 3


def test_in_scikit_learn() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = KerasClassifier(build, epochs=15, verbose=0)
    assert clone(found).get_params() == found.get_params()
    assert np.mean(selection.cross_val_score(found, X, NAMES, cv=3)) > 0.7
    grid = selection.GridSearchCV(found, {"units": [1, 8]}, cv=2).fit(X, NAMES)
    assert grid.best_params_ == {"units": 8}
    assert make_pipeline(StandardScaler(), KerasRegressor(line, epochs=30, verbose=0)).fit(X, X[:, 0]).score(X, X[:, 0]) > -0.1
