"""Name the networks that are timed: layers, data, optimizer, and the matrix products that no implementation can avoid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import gpudl
from gpudl import layers

Products = list[tuple[int, int, int]]


@dataclass(frozen=True)
class Workload:
    """One network with its training step.

    `products(batch)` lists (M, N, K) of the forward products; backward needs each twice more, less the first layer's input gradient.
    """

    name: str
    shape: tuple[int, ...]
    classes: int
    batch: int
    examples: int
    layers: Callable[[], list[Any]]
    optimizer: Callable[[], Any]
    products: Callable[[int], Products]

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.examples, *self.shape)).astype(np.float32)
        return x, rng.integers(0, self.classes, self.examples).astype(np.int64)

    def model(self) -> gpudl.Sequential:
        gpudl.utils.set_random_seed(0)
        model = gpudl.Sequential([layers.Input(self.shape), *self.layers()])
        model.compile(optimizer=self.optimizer(), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


def dense_products(*sizes: int) -> Callable[[int], Products]:
    return lambda batch: [(batch, n, k) for k, n in zip(sizes, sizes[1:])]


def iris_layers() -> list[Any]:
    return [layers.Dense(64, activation="relu"), layers.Dense(3, activation="softmax")]


def mlp_layers() -> list[Any]:
    hidden = [[layers.Dense(512, activation="relu"), layers.Dropout(0.2)] for _ in range(2)]
    return [*hidden[0], *hidden[1], layers.Dense(10, activation="softmax")]


def dropout_layers() -> list[Any]:
    """The course's network: three times 100 units with ReLU, a fifth of them dropped."""
    hidden = [[layers.Dense(100, activation="relu"), layers.Dropout(0.2)] for _ in range(3)]
    return [*hidden[0], *hidden[1], *hidden[2], layers.Dense(10, activation="softmax")]


def mnist_layers() -> list[Any]:
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]


def mnist_products(n: int) -> Products:
    return [(n * 26 * 26, 32, 9), (n * 11 * 11, 64, 288), (n, 10, 1600)]


def cifar_layers() -> list[Any]:
    stack: list[Any] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            stack += [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
        stack.append(layers.MaxPooling2D(2))
    return [*stack, layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]


def cifar_products(n: int) -> Products:
    sizes = [(32, 3, 32), (32, 32, 32), (16, 32, 64), (16, 64, 64), (8, 64, 128), (8, 128, 128)]
    return [*[(n * side * side, k, 9 * c) for side, c, k in sizes], (n, 10, 128)]


def alexnet_layers() -> list[Any]:
    """62,378,344 parameters. Input 227 stands for the paper's 224 with padding (2, 1)."""
    conv, pool = layers.Conv2D, layers.MaxPooling2D
    return [
        conv(96, 11, strides=4, activation="relu"),
        pool(3, strides=2),
        conv(256, 5, padding="same", activation="relu"),
        pool(3, strides=2),
        conv(384, 3, padding="same", activation="relu"),
        conv(384, 3, padding="same", activation="relu"),
        conv(256, 3, padding="same", activation="relu"),
        pool(3, strides=2),
        layers.Flatten(),
        layers.Dense(4096, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(4096, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(1000, activation="softmax"),
    ]


def alexnet_products(n: int) -> Products:
    convolutions = [(55, 96, 363), (27, 256, 2400), (13, 384, 2304), (13, 384, 3456), (13, 256, 3456)]
    return [*[(n * side * side, k, depth) for side, k, depth in convolutions], (n, 4096, 9216), (n, 4096, 4096), (n, 1000, 4096)]


def sgd() -> Any:
    return gpudl.optimizers.SGD(0.01, momentum=0.9, nesterov=True)


def adam() -> Any:
    return gpudl.optimizers.Adam(0.001)


WORKLOADS = {
    w.name: w
    for w in (
        Workload("iris_mlp", (4,), 3, 32, 75, iris_layers, sgd, dense_products(4, 64, 3)),
        Workload("dropout_mlp_b32", (784,), 10, 32, 1024, dropout_layers, sgd, dense_products(784, 100, 100, 100, 10)),
        Workload("dropout_mlp_b128", (784,), 10, 128, 1024, dropout_layers, sgd, dense_products(784, 100, 100, 100, 10)),
        Workload("mnist_mlp", (784,), 10, 128, 1024, mlp_layers, adam, dense_products(784, 512, 512, 10)),
        Workload("mnist_convnet", (28, 28, 1), 10, 128, 256, mnist_layers, adam, mnist_products),
        Workload("cifar_batch_norm_cnn", (32, 32, 3), 10, 64, 64, cifar_layers, adam, cifar_products),
        Workload("alexnet", (227, 227, 3), 1000, 8, 8, alexnet_layers, sgd, alexnet_products),
    )
}


def floor(workload: Workload) -> Callable[[], None]:
    """One epoch's matrix products alone, into memory that exists: forward, input gradients, weight gradients."""
    pairs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    steps = -(-workload.examples // workload.batch)
    for i, (m, n, k) in enumerate(workload.products(workload.batch)):
        shapes = [(m, n, k), (k, n, m), *([] if i == 0 else [(m, k, n)])]
        pairs += [(np.ones((a, c), np.float32), np.ones((c, b), np.float32), np.empty((a, b), np.float32)) for a, b, c in shapes]

    def run() -> None:
        for _ in range(steps):
            for a, b, out in pairs:
                np.matmul(a, b, out=out)

    return run
