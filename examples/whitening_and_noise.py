"""Fight overfitting and correlated inputs: whiten pictures of digits by ZCA, and disturb one label in ten anew in every epoch.

Run: python examples/whitening_and_noise.py
"""

import gpudl as keras
from gpudl.callbacks import DisturbLabel
from gpudl.datasets import digits
from gpudl.layers import Dense, Flatten, Input
from gpudl.models import Sequential
from gpudl.preprocessing import Whitening


def build() -> Sequential:
    m = Sequential([Input((8, 8)), Flatten(), Dense(100, activation="relu"), Dense(10, activation="softmax")])
    m.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return m


def main(seed: int = 0, epochs: int = 20) -> float:
    keras.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    whitening = Whitening("zca", epsilon=0.1).fit(x_train / 16.0)
    x_train, x_test = whitening.transform(x_train / 16.0), whitening.transform(x_test / 16.0)
    m = build()
    m.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), callbacks=[DisturbLabel(alpha=0.1)], verbose=0)
    _, accuracy = m.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
