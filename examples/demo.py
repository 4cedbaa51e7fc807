"""What `make demo` runs: train two networks on real data, say on what and how fast, draw the curves.

Usage: python examples/demo.py [picture.png]
"""

import statistics
import sys
import time
from pathlib import Path

import digits_cnn
import iris

import gpudl

SEEDS = (0, 1, 2)
GOAL = 0.96


def device_line() -> str:
    backend = gpudl.backends.get()
    paths = {
        "cuda": "our compiled CUDA kernels, the rest by CuPy",
        "cupy": "CuPy",
        "cpu": "our compiled C++ kernels, the rest by NumPy",
        "numpy": "NumPy",
    }
    return f"device {backend.device}, path {backend.name} ({paths[backend.name]})"


def train(module, seed: int, epochs: int, batch_size: int):
    """One training run: the history, test accuracy and seconds an epoch."""
    gpudl.utils.set_random_seed(seed)
    x_train, x_test, y_train, y_test = module.load(seed)
    model = module.build()
    start = time.perf_counter()
    history = model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, validation_data=(x_test, y_test), verbose=0)
    seconds = (time.perf_counter() - start) / epochs
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return history.history, accuracy, seconds


def draw(curves: dict, path: Path) -> None:
    """Loss and accuracy over the epochs, training and test, one row a network."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(curves), 2, figsize=(9, 3.2 * len(curves)), squeeze=False)
    for row, (title, history) in zip(axes, curves.items()):
        for ax, name in zip(row, ("loss", "accuracy")):
            epochs = range(1, len(history[name]) + 1)
            ax.plot(epochs, history[name], label="training")
            ax.plot(epochs, history["val_" + name], label="test")
            ax.set(title=title, xlabel="epoch", ylabel=name)
            ax.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main(picture: str = "training_curves.png") -> int:
    print(f"gpudl {gpudl.__version__}: {device_line()}")
    curves = {}
    history, accuracy, seconds = train(iris, seed=0, epochs=100, batch_size=32)
    curves["iris, 4-64-3"] = history
    print(f"iris   4-64-3 network, 100 epochs: test accuracy {accuracy:.3f}, {seconds * 1e3:.2f} ms per epoch")
    accuracies = []
    for seed in SEEDS:
        history, accuracy, seconds = train(digits_cnn, seed, epochs=15, batch_size=64)
        curves.setdefault("digits, convolution network", history)
        accuracies.append(accuracy)
        print(f"digits convolution network, 15 epochs, seed {seed}: test accuracy {accuracy:.3f}, {seconds:.3f} s per epoch")
    median = statistics.median(accuracies)
    print(f"digits median test accuracy of {len(SEEDS)} seeds: {median:.3f} (goal: {GOAL})")
    draw(curves, Path(picture))
    print(f"training curves: {picture}")
    return 0 if median >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
