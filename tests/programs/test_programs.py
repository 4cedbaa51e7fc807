"""The course's programs, as they are written for Keras 3: only the lines that import are changed."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np
import pytest

import gpudl


def run(program: str, **given: Any) -> dict[str, Any]:
    """Run a program written for Keras after its imports were renamed; the names that it leaves behind."""
    lines = [re.sub(r"\bkeras\b", "gpudl", line) if " import " in f" {line}" else line for line in textwrap.dedent(program).splitlines()]
    lines = ["import gpudl as keras" if line == "import gpudl" else line for line in lines]
    scope: dict[str, Any] = {"__name__": "program", "np": np, **given}
    exec(compile("\n".join(lines), "program", "exec"), scope)
    return scope


def pictures(n: int = 96) -> dict[str, Any]:
    """Pictures of 784 pixels whose class can be seen: the row that is bright."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n)
    x = rng.uniform(0, 0.2, (n, 28, 28))
    x[np.arange(n), labels * 2] += 0.8
    return {"X_train": x.reshape(n, 784).astype("f4"), "y_train": np.eye(10, dtype="f4")[labels]}


IRIS = """
    import numpy as np
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    import keras
    from keras.models import Sequential
    from keras.layers import Dense, Activation

    def normalizer(X):
        return (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))

    iris = datasets.load_iris()
    X_train, X_test, y_train, y_test = train_test_split(iris.data, iris.target, test_size=0.5, random_state=seed)
    X_train, X_test = normalizer(X_train), normalizer(X_test)
    y_train, y_test = keras.utils.to_categorical(y_train, 3), keras.utils.to_categorical(y_test, 3)
    m = Sequential()
    m.add(Dense(units=64, input_dim=4))
    m.add(Activation('relu'))
    m.add(Dense(units=3))
    m.add(Activation('softmax'))
    m.compile(loss=keras.losses.categorical_crossentropy,
              optimizer=keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, nesterov=True),
              metrics=['accuracy'])
    h = m.fit(X_train, y_train, batch_size=32, epochs=epochs, validation_data=(X_test, y_test), verbose=0)
    p = m.predict(X_test, verbose=0)
"""


def test_iris_learns_as_in_keras() -> None:
    """Keras 3.15.1, 10 seeds, 10 epochs: val_accuracy 0.60 to 0.71, mean 0.665; mean val_loss 0.837, first loss 1.078."""
    pytest.importorskip("sklearn")
    accuracy, loss, first = [], [], []
    for seed in range(10):
        gpudl.utils.set_random_seed(seed)
        done = run(IRIS, seed=seed, epochs=10)
        h, p = done["h"].history, done["p"]
        assert list(h) == ["loss", "accuracy", "val_loss", "val_accuracy"] and all(type(v) is float for v in h["loss"])
        assert p.shape == (75, 3) and p.dtype == np.float32
        np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
        assert done["m"].optimizer.iterations == 30 and done["h"].epoch == list(range(10))
        accuracy, loss, first = [*accuracy, h["val_accuracy"][-1]], [*loss, h["val_loss"][-1]], [*first, h["loss"][0]]
    assert np.mean(accuracy) == pytest.approx(0.665, abs=0.06)
    assert np.mean(loss) == pytest.approx(0.837, abs=0.05)
    assert np.mean(first) == pytest.approx(1.078, abs=0.08)


def test_iris_goes_on_learning() -> None:
    pytest.importorskip("sklearn")
    found = []
    for seed in range(5):
        gpudl.utils.set_random_seed(seed)
        found.append(run(IRIS, seed=seed, epochs=100)["h"].history["val_accuracy"][-1])
    assert np.median(found) > 0.9


DROPOUT = """
    import keras
    from keras.models import Sequential
    from keras.layers import Dense, Activation, Dropout

    m = Sequential()
    m.add(Dense(units=100, input_dim=len(X_train[0])))
    m.add(Activation('relu'))
    m.add(Dropout(0.2))
    m.add(Dense(units=100))
    m.add(Activation('relu'))
    m.add(Dropout(0.2))
    m.add(Dense(units=100))
    m.add(Activation('relu'))
    m.add(Dropout(0.2))
    m.add(Dense(units=10))
    m.add(Activation('softmax'))
    m.compile(loss='categorical_crossentropy',
              optimizer=keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, nesterov=True), metrics=['accuracy'])
    h = m.fit(X_train, y_train, batch_size=32, epochs=30, verbose=0)
"""


def test_dropout_network(path: str) -> None:
    gpudl.utils.set_random_seed(0)
    m = run(DROPOUT, **pictures())["m"]
    assert m.count_params() == 785 * 100 + 2 * 101 * 100 + 101 * 10 and len(m.layers) == 11
    data = pictures()
    assert m.evaluate(data["X_train"], data["y_train"], verbose=0)[1] > 0.9, "without dropout now"
    assert np.array_equal(m.predict(data["X_train"], verbose=0), m.predict(data["X_train"], verbose=0))


BATCH_NORM = """
    from keras.models import Sequential
    from keras.layers import Dense, Activation, BatchNormalization

    m = Sequential()
    m.add(Dense(units=100, input_dim=784))
    m.add(BatchNormalization())
    m.add(Activation('relu'))
    m.add(Dense(units=10))
    m.add(Activation('softmax'))
    m.compile(loss='categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])
    h = m.fit(X_train, y_train, batch_size=32, epochs=5, verbose=0)
"""


def test_batch_normalization_between_dense_and_activation(path: str) -> None:
    done = run(BATCH_NORM, **pictures())
    m, h = done["m"], done["h"].history
    assert h["loss"][-1] < h["loss"][0] and m.count_params() == 78500 + 400 + 1010
    assert sum(int(np.prod(v.shape)) for v in m.trainable_weights) == m.count_params() - 200, "moving mean and variance are not trained"
    assert np.abs(m.layers[1].get_weights()[2]).max() > 0, "the moving mean has moved"


LEAKY = """
    import keras
    from keras.models import Sequential
    from keras.layers import Dense, LeakyReLU, Activation
    from keras.optimizers import Adadelta

    m = Sequential()
    m.add(Dense(units=100, input_dim=784, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.01)))
    m.add(LeakyReLU(0.01))
    m.add(Dense(units=10))
    m.add(Activation('softmax'))
    start = m.get_weights()[0]
    m.compile(loss='categorical_crossentropy', optimizer=Adadelta(rho=0.95), metrics=['accuracy'])
    h = m.fit(X_train, y_train, batch_size=32, epochs=2, verbose=0)
"""


def test_leaky_relu_truncated_normal_and_adadelta(path: str) -> None:
    done = run(LEAKY, **pictures())
    m = done["m"]
    assert m.layers[1](np.array([[-2.0, 3.0]], "f4")).numpy().tolist() == [[np.float32(-0.02), 3.0]]
    assert done["start"].std() == pytest.approx(0.0088, rel=0.02) and np.abs(done["start"]).max() <= 0.02, "cut at two deviations"
    assert m.optimizer.rho == 0.95 and float(m.optimizer.learning_rate) == pytest.approx(0.001)
    assert len(done["h"].history["loss"]) == 2 and np.isfinite(done["h"].history["loss"]).all()


EARLY = """
    import keras
    from keras.callbacks import EarlyStopping

    m = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation='softmax')])
    m.compile(loss='categorical_crossentropy', optimizer=keras.optimizers.SGD(learning_rate=rate), metrics=['accuracy'])
    cb = EarlyStopping(monitor='val_loss', patience=10)
    h = m.fit(X_train, y_train, batch_size=32, epochs=40, validation_data=(X_train, y_train), callbacks=[cb], verbose=0)
"""


def test_early_stopping() -> None:
    assert len(run(EARLY, rate=0.0, **pictures(32))["h"].epoch) == 11, "no better for 10 epochs after the first"
    assert len(run(EARLY, rate=0.01, **pictures(32))["h"].epoch) == 40, "better all the time"


def test_one_hot() -> None:
    rows = run("from keras.utils import to_categorical\none = to_categorical(0, 4)\nsome = to_categorical([2, 0], 3)")
    assert str(rows["one"]) == "[1. 0. 0. 0.]" and rows["some"].tolist() == [[0, 0, 1], [1, 0, 0]]


def test_scaling_to_one() -> None:
    x = np.array([[0, 51], [255, 102]])
    assert run("from keras.preprocessing import MinMaxScaler\nx = MinMaxScaler().fit(train).transform(train)", train=x)["x"].max() == 1
    assert (x / x.max()).max() == 1


def test_an_epoch_is_all_examples_once() -> None:
    """800 examples in batches of 100: 8 steps an epoch, 80 in 10 epochs."""
    m = gpudl.Sequential([gpudl.layers.Input((2,)), gpudl.layers.Dense(1)])
    m.compile("sgd", "mse")
    h = m.fit(np.zeros((800, 2)), np.zeros(800), batch_size=100, epochs=10, verbose=0)
    assert m.optimizer.iterations == 80 and h.params["steps"] == 8


def test_neurons_that_step() -> None:
    """Two inputs, AND: a neuron fires when the weighted sum reaches the threshold, the bias with the opposite sign."""
    m = gpudl.Sequential([gpudl.layers.Input((2,)), gpudl.layers.Dense(1, activation="step")])
    m.layers[0].set_weights([np.array([[1.0], [1.0]]), np.array([-1.5])])
    assert m.predict(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), verbose=0).ravel().tolist() == [0, 0, 0, 1]
    m.layers[0].set_weights([np.array([[1.0], [1.0]]), np.array([-2.0])])
    assert m.predict(np.array([[1, 1]]), verbose=0).item() == 1, "1 at the threshold itself"


@pytest.mark.parametrize("kind", ["activation", "layer"])
def test_what_stands_before_a_step_does_not_learn_and_a_warning_says_so(kind: str) -> None:
    last = [gpudl.layers.Dense(1, activation="step")] if kind == "activation" else [gpudl.layers.Dense(1), gpudl.layers.Activation("step")]
    m = gpudl.Sequential([gpudl.layers.Dense(3, input_dim=2), *last])
    m.compile("sgd", "mse")
    before = m.get_weights()
    with pytest.warns(UserWarning, match=r"the activation step, whose gradient is 0: no weight up to there learns"):
        m.fit(np.ones((4, 2)), np.zeros(4), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, m.get_weights()))
    m.trainable = False
    m.fit(np.ones((4, 2)), np.zeros(4), verbose=0)
