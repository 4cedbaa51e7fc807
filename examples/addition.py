"""Teach a network to add two digits, but never show it 2 + 4; then ask for it. The answer is a choice out of the numbers 0 to 99.

Run: python examples/addition.py
"""

import numpy as np

import gpudl as keras
from gpudl.layers import Dense, Input
from gpudl.models import Sequential
from gpudl.utils import to_categorical

ASKED = (2, 4)


def question(a, b) -> np.ndarray:
    """Two digits as one-hot rows side by side: 20 numbers."""
    return np.concatenate([to_categorical(a, 10), to_categorical(b, 10)], axis=-1)


def build() -> Sequential:
    """Two units in the middle: too few to learn the sums by heart, enough to add."""
    m = Sequential([Input((20,)), Dense(2), Dense(64, activation="tanh"), Dense(100, activation="softmax")])
    m.compile(optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy"])
    return m


def main(seed: int = 0, epochs: int = 500) -> int:
    keras.utils.set_random_seed(seed)
    a, b = (digit.ravel() for digit in np.meshgrid(np.arange(10), np.arange(10)))
    shown = (a != ASKED[0]) | (b != ASKED[1])
    x, y = question(a, b), to_categorical(a + b, 100)
    m = build()
    m.fit(x[shown], y[shown], batch_size=9, epochs=epochs, verbose=0)
    _, accuracy = m.evaluate(x[shown], y[shown], verbose=0)
    answers = m.predict(question(*ASKED)[None], verbose=0)[0]
    print(f"sums that were shown: {accuracy:.0%} right")
    print(f"{ASKED[0]} + {ASKED[1]}, never shown: {answers.argmax()} (probability {answers.max():.2f})")
    return int(answers.argmax())


if __name__ == "__main__":
    main()
