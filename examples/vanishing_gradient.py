"""See the vanishing gradient: the same deep network with sigmoids hardly learns handwritten digits, with ReLUs it does.

Run: python examples/vanishing_gradient.py
"""

import gpudl as keras
from gpudl.datasets import digits
from gpudl.layers import Activation, Dense
from gpudl.models import Sequential
from gpudl.utils import to_categorical


def build(activation: str) -> Sequential:
    m = Sequential()
    m.add(Dense(units=100, input_dim=64))
    m.add(Activation(activation))
    for _ in range(2):
        m.add(Dense(units=100))
        m.add(Activation(activation))
    m.add(Dense(units=10))
    m.add(Activation("softmax"))
    m.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=0.01, momentum=0.9, nesterov=True),
        metrics=["accuracy"],
    )
    return m


def main(seed: int = 0, epochs: int = 30) -> dict[str, float]:
    """Test accuracy by activation."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16.0, x_test.reshape(-1, 64) / 16.0
    y_train, y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)
    found = {}
    for activation in ("sigmoid", "relu"):
        keras.utils.set_random_seed(seed)
        m = build(activation)
        h = m.fit(x_train, y_train, batch_size=32, epochs=epochs, validation_data=(x_test, y_test), verbose=0)
        found[activation] = h.history["val_accuracy"][-1]
        print(f"{activation:8s} test accuracy after {epochs} epochs: {found[activation]:.3f}")
    return found


if __name__ == "__main__":
    main()
