"""Make the files of real Keras that tests/models/test_keras_files.py reads: python tests/golden/make_keras_files.py 3 (or 2).

With 3 it needs Keras 3, JAX and h5py (the environment of README.md); with 2 it needs tf-keras and TensorFlow, in an environment of its own.
Each file is of a model that has been trained for two epochs. Beside it stands what it predicts, and its weights after one epoch more.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent / "keras_files"
X = np.random.default_rng(0).standard_normal((16, 6, 3)).astype("float32")
Y = np.random.default_rng(1).integers(0, 2, 16)


def network(k: Any) -> Any:
    """A little of everything that has weights, without anything that draws."""
    layers = [
        k.layers.Conv1D(4, 3, padding="same", activation="relu", kernel_regularizer=k.regularizers.L2(0.001)),
        k.layers.BatchNormalization(momentum=0.9),
        k.layers.Bidirectional(k.layers.LSTM(2, return_sequences=True)),
        k.layers.TimeDistributed(k.layers.Dense(3, activation="tanh")),
        k.layers.GRU(3),
        k.layers.Dropout(0.0),
        k.layers.Dense(2, activation="softmax"),
    ]
    model = k.Sequential([k.layers.Input(X.shape[1:]), *layers], name="network")
    k.utils.set_random_seed(0)
    model.set_weights([w + np.random.default_rng(w.size).uniform(-0.3, 0.3, w.shape) ** 2 for w in model.get_weights()])
    return model


def fit(model: Any, epochs: int) -> None:
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)


def make(k: Any, name: str, optimizer: Any, endings: tuple[str, ...], loss: Any) -> None:
    """`name`.keras, .h5 and so on, and `name`.npz."""
    model = network(k)
    model.compile(optimizer, loss=loss, metrics=["accuracy"])
    fit(model, 2)
    for ending in endings:
        (model.save_weights if "weights" in ending else model.save)(str(HERE / f"{name}{ending}"))
    arrays = {"predictions": model.predict(X, verbose=0)}
    fit(model, 1)
    arrays.update({f"weights_{i:02d}": w for i, w in enumerate(model.get_weights())})
    np.savez_compressed(HERE / f"{name}.npz", **arrays)


def chain(k: Any, name: str) -> None:
    """A model of the functional API that is a chain."""
    first = k.layers.Input((4,))
    last = k.layers.Dense(2, activation="softmax")(k.layers.LeakyReLU()(k.layers.Dense(3)(first)))
    model = k.Model(first, last, name="chain")
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(-1, 1, w.shape) for w in model.get_weights()])
    model.save(str(HERE / name))
    np.savez_compressed(HERE / f"{name.split('.')[0]}.npz", predictions=model.predict(X[:, 0, [0, 1, 2, 0]], verbose=0))


def main() -> None:
    HERE.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")
    if sys.argv[1:] == ["3"]:
        os.environ["KERAS_BACKEND"] = "jax"
        import keras

        loss = keras.losses.SparseCategoricalCrossentropy()
        make(keras, "keras3", keras.optimizers.Adam(0.01), (".keras", ".h5", ".weights.h5"), loss)
        chain(keras, "keras3_chain.keras")
    elif sys.argv[1:] == ["2"]:
        import tf_keras

        loss = "sparse_categorical_crossentropy"
        make(tf_keras, "keras2", tf_keras.optimizers.Adam(0.01), (".keras", ".h5", "_weights.h5"), loss)
        optimizer = tf_keras.optimizers.legacy.SGD(0.05, momentum=0.9, decay=0.1)
        make(tf_keras, "keras2_sgd", optimizer, (".h5",), loss)
        chain(tf_keras, "keras2_chain.h5")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
