"""See the vanishing gradient: the same deep network with sigmoids hardly learns handwritten digits, with ReLUs and leaky ReLUs it does.

Run: python examples/vanishing_gradient.py [picture.svg]
"""

import sys

import gpudl as keras
from gpudl.datasets import digits
from gpudl.layers import Activation, Dense, LeakyReLU
from gpudl.models import Sequential
from gpudl.utils import to_categorical

LAYERS = {"sigmoid": lambda: Activation("sigmoid"), "relu": lambda: Activation("relu"), "leaky_relu": lambda: LeakyReLU(0.01)}


def build(activation: str) -> Sequential:
    m = Sequential()
    m.add(Dense(units=100, input_dim=64))
    m.add(LAYERS[activation]())
    for _ in range(2):
        m.add(Dense(units=100))
        m.add(LAYERS[activation]())
    m.add(Dense(units=10))
    m.add(Activation("softmax"))
    m.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, nesterov=True),
        metrics=["accuracy"],
    )
    return m


def first_gradient(m: Sequential, x, y) -> float:
    """How large the gradient of the first layer's weights is, on average: what comes through all layers above it."""
    loss = keras.losses.CategoricalCrossentropy()(y, m(x, training=True))
    return float(keras.ops.mean(keras.ops.abs(keras.grad(loss, m.trainable_variables[0]))))


def main(seed: int = 0, epochs: int = 30, picture: str | None = None) -> dict[str, float]:
    """Test accuracy by activation."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16.0, x_test.reshape(-1, 64) / 16.0
    y_train, y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)
    found, curves = {}, {}
    for activation in LAYERS:
        keras.utils.set_random_seed(seed)
        m = build(activation)
        gradient = first_gradient(m, x_train, y_train)
        h = m.fit(x_train, y_train, batch_size=32, epochs=epochs, validation_data=(x_test, y_test), verbose=0)
        curves[activation] = h.history["val_accuracy"]
        found[activation] = curves[activation][-1]
        print(f"{activation:10s}  first gradient {gradient:.1e}  test accuracy after {epochs} epochs {found[activation]:.3f}")
    if picture:
        draw(curves, picture)
    return found


def draw(curves: dict[str, list[float]], picture: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    ax = figure.subplots()
    for activation, values in curves.items():
        ax.plot(range(1, len(values) + 1), values, "--" if activation == "leaky_relu" else "-", label=activation)
    ax.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1))
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(picture)


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
