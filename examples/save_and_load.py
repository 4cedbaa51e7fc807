"""Keep a network in a file, load it again, and go on training as if nothing had been between: the optimizer's state is in the file too.

Run: python examples/save_and_load.py
"""

import tempfile
from pathlib import Path

import numpy as np

import gpudl
from gpudl import layers
from gpudl.callbacks import ModelCheckpoint
from gpudl.datasets import wine


def build() -> gpudl.Sequential:
    model = gpudl.Sequential([layers.Input((13,)), layers.Dense(32, activation="relu"), layers.Dense(3, activation="softmax")])
    model.compile(optimizer=gpudl.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(seed: int = 0, epochs: int = 20) -> float:
    """Test accuracy of the best epoch's file."""
    gpudl.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = wine.load_data()
    scaler = gpudl.preprocessing.StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        best = ModelCheckpoint(str(folder / "best.safetensors"), monitor="val_loss", save_best_only=True)
        model = build()
        model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), callbacks=[best], shuffle=False, verbose=0)

        model.save(folder / "model.safetensors")
        again = gpudl.models.load_model(folder / "model.safetensors")
        same = np.array_equal(again.predict(x_test, verbose=0), model.predict(x_test, verbose=0))
        print(f"loaded: the same predictions to the last bit: {same}")

        for network in (model, again):  # the file holds Adam's slots and step count too
            network.fit(x_train, y_train, epochs=2, shuffle=False, verbose=0)
        same = all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights()))
        print(f"two epochs more, with either of them: the same weights to the last bit: {same}")

        model.save_weights(folder / "only.weights.safetensors")
        other = build()
        other.load_weights(folder / "only.weights.safetensors")
        print(f"files: {', '.join(f'{file.name} {file.stat().st_size:,} bytes' for file in sorted(folder.iterdir()))}")
        _, accuracy = gpudl.models.load_model(folder / "best.safetensors").evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy of the best epoch {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
