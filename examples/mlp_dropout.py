"""Train the course's dropout network, 784-100-100-100-10, on 28x28 pictures of digits: MNIST if you have its file, else smaller ones.

Run: python examples/mlp_dropout.py
"""

import numpy as np

import gpudl as keras
from gpudl.callbacks import EarlyStopping
from gpudl.datasets import digits, mnist
from gpudl.layers import Activation, Dense, Dropout
from gpudl.models import Sequential
from gpudl.utils import to_categorical


def load() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Pictures as 784 numbers in 0..1, labels as one-hot rows."""
    try:
        parts = mnist.load_data()
        largest = 255.0
    except FileNotFoundError:
        print("no file of MNIST here: using scikit-learn's 8x8 digits, enlarged to 28x28")
        parts = tuple((np.pad(np.kron(x, np.ones((1, 3, 3))), ((0, 0), (2, 2), (2, 2))), y) for x, y in digits.load_data())
        largest = 16.0
    (x_train, y_train), (x_test, y_test) = parts
    x_train, x_test = (x.reshape(len(x), 784).astype("float32") / largest for x in (x_train, x_test))
    return (x_train, to_categorical(y_train, 10)), (x_test, to_categorical(y_test, 10))


def build() -> Sequential:
    m = Sequential()
    m.add(Dense(units=100, input_dim=784))
    m.add(Activation("relu"))
    m.add(Dropout(0.2))
    for _ in range(2):
        m.add(Dense(units=100))
        m.add(Activation("relu"))
        m.add(Dropout(0.2))
    m.add(Dense(units=10))
    m.add(Activation("softmax"))
    m.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), metrics=["accuracy"])
    return m


def main(seed: int = 0, epochs: int = 30) -> float:
    keras.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = load()
    m = build()
    stop = EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)
    m.fit(x_train, y_train, batch_size=100, epochs=epochs, validation_data=(x_test, y_test), callbacks=[stop])
    _, accuracy = m.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
