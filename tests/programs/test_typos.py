"""What is misspelt or mixed up in the course's text gives an error that names the fix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpudl as keras
from gpudl.callbacks import EarlyStopping
from gpudl.layers import Activation, BatchNormalization, Dense, Dropout, Input, LeakyReLU
from gpudl.models import Sequential

X = np.ones((8, 4), "f4")
Y = np.eye(3, dtype="f4")[np.arange(8) % 3]


def model(loss: str = "categorical_crossentropy") -> Sequential:
    m = Sequential([Input((4,)), Dense(3, activation="softmax")])
    m.compile("sgd", loss, metrics=["accuracy"])
    return m


def add(*things: Any) -> None:
    Sequential([Input((784,))]).add(*things)


def fit(**options: Any) -> None:
    model().fit(X, options.pop("y", Y), verbose=0, **options)


# what the text prints (number of its fragment), and what the error says
PRINTED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "1: Adadeota": (lambda: keras.optimizers.Adadeota(rho=0.95), AttributeError, "Did you mean 'Adadelta'?"),
    "1: rh": (lambda: keras.optimizers.Adadelta(rh=0.95), TypeError, "[Adadelta] there is no keyword argument 'rh'. Did you mean 'rho'?"),
    "2: BatchNormalization without ()": (lambda: add(BatchNormalization), TypeError, "m.add(BatchNormalization())"),
    "5, 7: class numbers": (lambda: fit(y=np.arange(8) % 3), ValueError, "Use loss='sparse_categorical_crossentropy'"),
    "5, 7: class numbers, or one-hot": (lambda: fit(y=np.arange(8) % 3), ValueError, "gpudl.utils.to_categorical(y, 3)"),
    "6: var_loss": (
        lambda: fit(validation_data=(X, Y), callbacks=[EarlyStopping(monitor="var_loss", patience=10)]),
        ValueError, "there is no 'var_loss' to monitor. Did you mean 'val_loss'?",
    ),
    "6: val_loss without validation": (
        lambda: fit(callbacks=[EarlyStopping(monitor="val_loss", patience=10)]), ValueError, "Pass validation_data=(x, y)",
    ),
    "8: initializer beside the layer": (
        lambda: add(Dense(units=100), keras.initializers.TruncatedNormal(stddev=0.01)),
        TypeError, "belongs into it: Dense(..., kernel_initializer=TruncatedNormal(...))",
    ),
    "8: iniializer": (lambda: keras.iniializer.TruncatedNormal(stddev=0.01), AttributeError, "Did you mean 'initializers'?"),
    "12: rate in quotes": (lambda: Dropout("0.2"), TypeError, "Write the number without quotes: Dropout(0.2)"),
    "12: 768 for 784": (
        lambda: Sequential([Dense(10, input_dim=768)]).predict(np.ones((2, 784)), verbose=0),
        ValueError, "expects x of shape (N, 768): received x of shape (2, 784). For 784 features write input_dim=784",
    ),
    "15: a class too many": (
        lambda: keras.utils.to_categorical(4, 4), ValueError, "with num_classes=4 classes are 0 to 3. Received: 4",
    ),
}  # fmt: skip

# near to them: what students write
NEAR: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a class of the activations": (lambda: add(LeakyReLU), TypeError, "m.add(LeakyReLU())"),
    "a callback's class": (lambda: fit(callbacks=[EarlyStopping]), TypeError, "Write EarlyStopping()"),
    "stdev": (lambda: keras.initializers.TruncatedNormal(stdev=0.01), TypeError, "[TruncatedNormal] there is no keyword argument 'stdev'"),
    "unit": (lambda: Dense(unit=64), TypeError, "[Dense] there is no keyword argument 'unit'. Did you mean 'units'?"),
    "input_dims": (lambda: Dense(64, input_dims=4), TypeError, "Did you mean 'input_dim'?"),
    "nestrov": (lambda: keras.optimizers.SGD(0.01, nestrov=True), TypeError, "Did you mean 'nesterov'?"),
    "epoch": (lambda: fit(epoch=10), TypeError, "Did you mean 'epochs'?"),
    "callback": (lambda: fit(callback=[]), TypeError, "Did you mean 'callbacks'?"),
    "patient": (lambda: EarlyStopping(patient=10), TypeError, "Did you mean 'patience'?"),
    "validation data without labels": (lambda: fit(validation_data=X), ValueError, "validation_data must be (x, y)"),
    "a loss": (lambda: model("categorical_crosentropy"), ValueError, "Did you mean 'categorical_crossentropy'?"),
    "a metric": (lambda: model().compile("sgd", "mse", metrics=["acuracy"]), ValueError, "Did you mean 'accuracy'?"),
    "an optimizer": (lambda: model().compile("adedelta", "mse"), ValueError, "Did you mean 'adadelta'?"),
    "an activation": (lambda: Activation("rellu"), ValueError, "Did you mean 'relu'?"),
    "an initializer": (lambda: Dense(3, kernel_initializer="he_nomal"), ValueError, "Did you mean 'he_normal'?"),
    "a module": (lambda: keras.loss.mse, AttributeError, "Did you mean 'losses'?"),
    "a layer": (lambda: keras.layers.Desne(3), AttributeError, "Did you mean 'Dense'?"),
    "a model": (lambda: keras.models.Sequental(), AttributeError, "Did you mean 'Sequential'?"),
    "a function": (lambda: keras.utils.to_catagorical(0, 4), AttributeError, "Did you mean 'to_categorical'?"),
    "a string as a layer": (lambda: add("relu"), TypeError, "write Activation('relu')"),
    "units in quotes": (lambda: Dense("64"), TypeError, "units must be a whole number >= 1. Received: units='64'"),
    "one example": (lambda: model().predict(X[0], verbose=0), ValueError, "needs its batch axis: x[None]"),
    "one-hot for sparse": (
        lambda: model("sparse_categorical_crossentropy").fit(X, Y, verbose=0), ValueError, "Use loss='categorical_crossentropy'",
    ),
    "two classes": (lambda: model("binary_crossentropy").fit(X, np.arange(8) % 2, verbose=0), ValueError, "Dense(1, activation='sigmoid')"),
    "not compiled": (lambda: Sequential([Dense(3, input_dim=4)]).fit(X, Y), RuntimeError, "Call model.compile("),
}  # fmt: skip


@pytest.mark.parametrize("name", [*PRINTED, *NEAR])
def test_the_error_names_the_fix(name: str) -> None:
    program, kind, words = {**PRINTED, **NEAR}[name]
    with pytest.raises(kind) as caught:
        program()
    assert words in str(caught.value)


def test_a_refused_fit_leaves_the_weights() -> None:
    m = model()
    before = m.get_weights()
    for options in ({"callbacks": EarlyStopping(monitor="var_loss")}, {"epoch": 3}, {"validation_data": X}):
        with pytest.raises((TypeError, ValueError)):
            m.fit(X, Y, verbose=0, **options)
    assert all(np.array_equal(a, b) for a, b in zip(before, m.get_weights()))


def test_what_is_only_old_is_taken() -> None:
    assert float(keras.optimizers.SGD(lr=0.01).learning_rate) == pytest.approx(0.01)
    assert LeakyReLU(alpha=0.01).negative_slope == 0.01
    model().fit([X], Y, verbose=0, callbacks=EarlyStopping(monitor="acc"))
    model().fit(X.tolist(), Y.tolist(), verbose=0)
