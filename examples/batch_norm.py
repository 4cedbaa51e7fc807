"""See what batch normalization does: the same deep network with and without it, on handwritten digits, at a learning rate that is high.

Run: python examples/batch_norm.py
"""

import gpudl as keras
from gpudl.datasets import digits
from gpudl.layers import Activation, BatchNormalization, Dense
from gpudl.models import Sequential


def build(normalized: bool, hidden: int = 6) -> Sequential:
    """Six hidden layers; the normalization stands between Dense and Activation, and its beta makes the bias of Dense useless."""
    m = Sequential()
    for i in range(hidden):
        first = {"input_dim": 64} if i == 0 else {}
        m.add(Dense(units=50, use_bias=not normalized, **first))
        if normalized:
            m.add(BatchNormalization(momentum=0.9))
        m.add(Activation("sigmoid"))
    m.add(Dense(units=10))
    m.add(Activation("softmax"))
    m.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.5), metrics=["accuracy"])
    return m


def main(seed: int = 0, epochs: int = 20) -> dict[str, float]:
    """Test accuracy by kind of network."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16.0, x_test.reshape(-1, 64) / 16.0
    found = {}
    for name, normalized in (("without", False), ("with", True)):
        keras.utils.set_random_seed(seed)
        m = build(normalized)
        h = m.fit(x_train, y_train, batch_size=32, epochs=epochs, validation_data=(x_test, y_test), verbose=0)
        found[name] = h.history["val_accuracy"][-1]
        print(f"{name:7s} batch normalization: test accuracy after {epochs} epochs {found[name]:.3f}")
    return found


if __name__ == "__main__":
    main()
