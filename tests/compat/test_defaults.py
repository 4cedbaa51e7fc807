"""`set_compat("keras2")`: exactly the defaults that Keras changed between 2.2 and 3; what is written out holds in either case."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import config, layers, optimizers
from gpudl.compat import decay

HOUSE = Path(gpudl.__file__).parent.parent
X, Y = np.random.default_rng(0).normal(size=(12, 4)).astype("f4"), np.eye(3, dtype="f4")[np.arange(12) % 3]


@pytest.fixture
def keras2() -> Iterator[None]:
    config.set_compat("keras2")
    yield
    config.set_compat(None)


def model(**options: Any) -> gpudl.Sequential:
    made = gpudl.Sequential([layers.Dense(3, input_dim=4, activation="softmax")])
    made.compile(**{"optimizer": "sgd", "loss": "categorical_crossentropy", "metrics": ["accuracy"], **options})
    return made


RATES = {"Adadelta": 1.0, "Adagrad": 0.01, "Adamax": 0.002, "Nadam": 0.002}


def test_rates(keras2: None) -> None:
    for name in ("SGD", "RMSprop", "Adam", *RATES):
        cls = getattr(optimizers, name)
        expected = RATES.get(name, 0.01 if name == "SGD" else 0.001)
        assert float(cls().learning_rate) == float(optimizers.get(name.lower()).learning_rate) == pytest.approx(expected)
        assert float(cls(0.5).learning_rate) == float(cls(learning_rate=0.5).learning_rate) == float(cls(lr=0.5).learning_rate) == 0.5
        assert float(cls.from_config(cls(0.25).get_config()).learning_rate) == 0.25
    config.set_compat(None)
    assert all(float(getattr(optimizers, name)().learning_rate) == pytest.approx(0.001) for name in RATES)


def test_recurrent_layers(keras2: None) -> None:
    hard, soft = gpudl.activations.hard_sigmoid, gpudl.activations.sigmoid
    for cls in (layers.LSTM, layers.GRU):
        assert cls(2).recurrent_activation is hard
        assert cls(2, "tanh", "sigmoid").recurrent_activation is cls(2, recurrent_activation="sigmoid").recurrent_activation is soft
        assert cls(2, inner_activation="sigmoid").recurrent_activation is soft
        assert cls.from_config(cls(2, recurrent_activation="sigmoid").get_config()).recurrent_activation is soft
    assert not layers.GRU(2).reset_after and layers.GRU(2, reset_after=True).reset_after
    wrapped = layers.Bidirectional(layers.GRU(2))
    assert wrapped.forward_layer.recurrent_activation is wrapped.backward_layer.recurrent_activation is hard
    config.set_compat(None)
    assert layers.LSTM(2).recurrent_activation is soft and layers.GRU(2).reset_after


def test_layouts_of_sequences(keras2: None) -> None:
    config.set_image_data_format("channels_first")
    for cls in (layers.Conv1D, layers.SeparableConv1D):
        assert cls(3, 2).data_format == "channels_last" and cls(3, 2, data_format="channels_first").data_format == "channels_first"
    assert layers.Conv2D(3, 2).data_format == "channels_first"
    config.set_compat(None)
    assert layers.Conv1D(3, 2).data_format == "channels_first"


def test_names_in_logs(keras2: None) -> None:
    for metric in ("accuracy", "acc", "Accuracy"):
        found = model(metrics=[metric]).fit(X, Y, validation_data=(X, Y), verbose=0).history
        assert list(found) == ["loss", "acc", "val_loss", "val_acc"] and found["accuracy"] == found["acc"] and "val_accuracy" in found
    stop = gpudl.callbacks.EarlyStopping(monitor="val_accuracy")
    model().fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[stop])


def test_what_is_printed(keras2: None, capsys: pytest.CaptureFixture[str]) -> None:
    m = model()
    m.predict(X)
    assert capsys.readouterr().out == ""
    m.predict(X, verbose=1)
    assert "Predicted" in capsys.readouterr().out
    m.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "_" * 65 and lines[3] == "=" * 65 and lines[4].split() == [m.layers[0].name, "(Dense)", "(None,", "3)", "15"]
    assert lines[6].startswith("Total params: 15") and max(map(len, lines)) <= 65


def test_the_environment_says_it_too() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(HOUSE)!r}); import gpudl; print(gpudl.config.compat(), gpudl.optimizers.Adadelta().lr.item())"
    )
    for value, expected in (("keras2", "keras2 1.0"), ("", "None 0.001")):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            capture_output=True,
            text=True,
            env={**os.environ, "GPUDL_COMPAT": value},
            timeout=60,
        )
        assert done.stdout.startswith(expected), done.stderr
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "GPUDL_COMPAT": "keras3"}, timeout=60
    )
    assert done.returncode and "GPUDL_COMPAT must be keras2" in done.stderr


def test_other_names_are_refused() -> None:
    version = config.version
    with pytest.raises(ValueError, match="must be 'keras2' or None"):
        config.set_compat("keras1")
    assert config.version == version
    config.set_compat("keras2")
    assert config.version > version, "recorded steps are not trusted any more"


def test_adadeltas_default_rate_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    decay.told.clear()
    for chosen in (optimizers.Adadelta(1.0), optimizers.Adadelta(lr=0.001), "sgd"):
        model(optimizer=chosen).fit(X, Y, verbose=2)
    assert "Adadelta" not in capsys.readouterr().out
    model(optimizer="adadelta").fit(X, Y, verbose=0)
    assert capsys.readouterr().out == ""
    m = model(optimizer=optimizers.Adadelta(rho=0.95))
    for expected in (True, False):
        m.fit(X, Y, verbose=2)
        assert ("Adadelta(learning_rate=1.0)" in capsys.readouterr().out) is expected
    model(optimizer="adadelta").fit(X, Y, verbose=2)
    assert "Adadelta" not in capsys.readouterr().out  # one made later is not worth another line


def test_rates_that_decay_can_be_set() -> None:
    def rates(change: Any = None) -> list[float]:
        w = gpudl.Variable([0.0])
        optimizer, steps = optimizers.SGD(lr=1.0, decay=0.5), []
        for i in range(4):
            if i == 2 and change is not None:
                change(optimizer)
            before = w.numpy()
            optimizer.apply([gpudl.ones(1)], [w])
            steps.append(float((before - w.numpy())[0]))
        return steps

    np.testing.assert_allclose(rates(), [1, 1 / 1.5, 1 / 2, 1 / 2.5], rtol=1e-6)
    for change in (
        lambda o: setattr(o, "lr", 0.1),
        lambda o: setattr(o, "learning_rate", 0.1),
        lambda o: o.lr.assign(0.1),
        lambda o: gpudl.backend.set_value(o.lr, gpudl.backend.get_value(o.lr) / 10),
        lambda o: setattr(o, "lr", o.lr * 0.1),
    ):
        np.testing.assert_allclose(rates(change), [1, 1 / 1.5, 0.1 / 2, 0.1 / 2.5], rtol=1e-6)
    optimizer = optimizers.SGD(lr=1.0, decay=0.5)
    assert optimizer.lr == 1.0 and float(optimizer.lr.numpy()) == optimizer.lr.item() == 1.0 and optimizer.lr / 2 == 0.5


def test_callbacks_lower_a_rate_that_decays() -> None:
    m = model(optimizer=optimizers.SGD(lr=0.5, decay=0.01))
    seen: list[float] = []
    halve = gpudl.callbacks.LearningRateScheduler(lambda epoch, rate: seen.append(rate) or rate / 2)
    m.fit(X, Y, epochs=3, callbacks=[halve], verbose=0)
    assert seen == [0.5, 0.25, 0.125] and m.optimizer.lr == 0.0625
    plain = optimizers.SGD(optimizers.schedules.InverseTimeDecay(0.5, 1, 0.01))
    with pytest.raises(ValueError, match="follows a schedule"):
        model(optimizer=plain).fit(X, Y, callbacks=[halve], verbose=0)
