"""Train the course's first network: 4 measurements of an iris flower in, one of 3 species out.

A script written for Keras; only its import lines name gpudl. Run: python examples/iris.py [picture.svg]
"""

import sys

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

import gpudl as keras
from gpudl.layers import Activation, Dense
from gpudl.models import Sequential


def normalizer(x: np.ndarray) -> np.ndarray:
    """Every column to 0..1."""
    low, high = x.min(axis=0), x.max(axis=0)
    return (x - low) / (high - low)


def load(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """75 flowers to train on and 75 to test on, labels as one-hot rows."""
    iris = datasets.load_iris()
    x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, test_size=0.5, random_state=seed)
    to_categorical = keras.utils.to_categorical
    return normalizer(x_train), normalizer(x_test), to_categorical(y_train, 3), to_categorical(y_test, 3)


def build() -> Sequential:
    m = Sequential()
    m.add(Dense(units=64, input_dim=4))
    m.add(Activation("relu"))
    m.add(Dense(units=3))
    m.add(Activation("softmax"))
    m.compile(
        loss=keras.losses.categorical_crossentropy,
        optimizer=keras.optimizers.SGD(lr=0.01, momentum=0.9, nesterov=True),
        metrics=["accuracy"],
    )
    return m


def main(seed: int = 0, epochs: int = 10, picture: str | None = None) -> None:
    keras.utils.set_random_seed(seed)
    x_train, x_test, y_train, y_test = load(seed)
    m = build()
    h = m.fit(x_train, y_train, batch_size=32, epochs=epochs, validation_data=(x_test, y_test))
    print(m.predict(x_test, verbose=0)[:5])
    if picture:
        h.plot(picture)


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
