"""Train a small convolution network on scikit-learn's 1,797 real pictures of handwritten digits, 8x8 pixels each.

Run: python examples/digits_cnn.py [drawing.svg]
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import gpudl
from gpudl import layers


def load(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (N, 8, 8, 1) in 0..1 and labels 0..9: three quarters to train on, one to test on."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
    return x_train, x_test, y_train, y_test


def build() -> gpudl.Sequential:
    model = gpudl.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer=gpudl.optimizers.Adam(0.003), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(seed: int = 0, epochs: int = 15, picture: str | None = None) -> float:
    gpudl.utils.set_random_seed(seed)
    x_train, x_test, y_train, y_test = load(seed)
    model = build()
    model.summary()
    model.fit(x_train, y_train, batch_size=64, epochs=epochs, validation_data=(x_test, y_test))
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.3f}, test accuracy {accuracy:.3f}")
    if picture:
        gpudl.utils.plot_model(model, picture, show_shapes=True, show_layer_activations=True)
    return float(accuracy)


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
