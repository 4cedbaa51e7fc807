"""Fight correlated inputs and overfitting: whiten pictures of digits by PCA and ZCA, and disturb one label in ten anew in every epoch.

Whitened data have mean 0, variance 1 and no correlation. ZCA's stay pictures, PCA's do not. What the training part says is applied to both.

Run: python examples/whitening_and_noise.py [picture.svg]
"""

import sys

import numpy as np

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


def off_diagonal(x: np.ndarray) -> float:
    """How much of the covariance matrix of the pixels lies off its diagonal: a share of the sum of squares."""
    squares = np.cov(x.reshape(len(x), -1), rowvar=False) ** 2
    return float(squares[~np.eye(len(squares), dtype=bool)].sum() / squares.sum())


def main(seed: int = 0, epochs: int = 20, picture: str | None = None) -> dict[str, float]:
    """Test accuracy by preparation."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    plain = x_train / 16.0
    prepared, found = {"plain": (plain, x_test / 16.0)}, {}
    for kind in ("pca", "zca"):
        whitening = Whitening(kind, epsilon=0.01).fit(plain)
        prepared[kind] = tuple(whitening.transform(x).reshape(-1, 8, 8) for x in (plain, x_test / 16.0))
        back = np.abs(whitening.inverse_transform(whitening.transform(plain)) - plain).max()
        shares = f"{off_diagonal(plain):.0%} -> {off_diagonal(prepared[kind][0]):.1%}"
        print(f"{kind}: covariance between different pixels {shares}, undone within {back:.0e}")
    for kind, (train, test) in prepared.items():
        for alpha in (0.0, 0.1):
            keras.utils.set_random_seed(seed)
            m = build()
            m.fit(train, y_train, epochs=epochs, callbacks=[DisturbLabel(alpha=alpha)] if alpha else None, verbose=0)
            name = kind + (", labels disturbed" if alpha else "")
            found[name] = m.evaluate(test, y_test, verbose=0)[1]
            print(f"{name:25s} test accuracy {found[name]:.3f}")
    if picture:
        draw({kind: train[:8] for kind, (train, _) in prepared.items()}, picture)
    return found


def draw(pictures: dict[str, np.ndarray], picture: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for row, (kind, images) in zip(figure.subplots(len(pictures), 8), pictures.items()):
        for ax, image in zip(row, images):
            ax.imshow(image, cmap="gray")
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(kind)
    figure.savefig(picture)


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
