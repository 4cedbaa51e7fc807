"""See why the first weights matter: TruncatedNormal(stddev=0.01) and He's initialization in the same network of five ReLU layers.

Run: python examples/initialization.py [picture.svg]
"""

import sys

import numpy as np

import gpudl as keras
from gpudl.datasets import digits
from gpudl.initializers import TruncatedNormal
from gpudl.layers import Activation, Dense
from gpudl.models import Sequential

WAYS = {"TruncatedNormal(stddev=0.01)": lambda: TruncatedNormal(stddev=0.01), "he_normal": lambda: "he_normal"}


def build(way: str, hidden: int = 5) -> Sequential:
    m = Sequential()
    for i in range(hidden):
        first = {"input_dim": 64} if i == 0 else {}
        m.add(Dense(units=100, kernel_initializer=WAYS[way](), **first))
        m.add(Activation("relu"))
    m.add(Dense(units=10, kernel_initializer=WAYS[way]()))
    m.add(Activation("softmax"))
    m.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        metrics=["accuracy"],
    )
    return m


def spreads(m: Sequential, x: np.ndarray) -> list[float]:
    """The standard deviation of what each hidden layer puts out."""
    out, found = keras.tensor(x, dtype="float32"), []
    for layer in m.layers[:-2]:
        out = layer(out)
        if isinstance(layer, Activation):
            found.append(float(out.std()))
    return found


def main(seed: int = 0, epochs: int = 30, picture: str | None = None) -> dict[str, float]:
    """Test accuracy by initialization."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16.0, x_test.reshape(-1, 64) / 16.0
    found, curves = {}, {}
    for way in WAYS:
        keras.utils.set_random_seed(seed)
        m = build(way)
        print(f"{way}: spread by layer before training " + " ".join(f"{s:.1e}" for s in spreads(m, x_train)))
        h = m.fit(x_train, y_train, batch_size=32, epochs=epochs, validation_data=(x_test, y_test), verbose=0)
        curves[way] = h.history["val_accuracy"]
        found[way] = curves[way][-1]
        print(f"{way}: test accuracy after {epochs} epochs {found[way]:.3f}")
    if picture:
        draw(curves, picture)
    return found


def draw(curves: dict[str, list[float]], picture: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    ax = figure.subplots()
    for way, values in curves.items():
        ax.plot(range(1, len(values) + 1), values, label=way)
    ax.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1))
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(picture)


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
