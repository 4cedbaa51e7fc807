"""Let the learning rate fall while a network trains, in four ways: never, by a schedule, by a function of the epoch, when nothing improves.

Run: python examples/learning_rates.py [picture.svg]
"""

import sys

import gpudl as keras
from gpudl.callbacks import LearningRateScheduler, ReduceLROnPlateau
from gpudl.datasets import digits
from gpudl.layers import Dense, Input
from gpudl.models import Sequential
from gpudl.optimizers.schedules import CosineDecay

BATCH = 8


def ways(steps: int) -> dict[str, tuple]:
    """Name -> (what the optimizer gets as its learning rate, callbacks), for training that takes so many steps."""
    return {
        "constant": (0.1, []),
        "CosineDecay": (CosineDecay(0.1, decay_steps=steps), []),
        "LearningRateScheduler": (0.1, [LearningRateScheduler(lambda epoch: 0.1 * 0.85**epoch)]),
        "ReduceLROnPlateau": (0.1, [ReduceLROnPlateau(monitor="val_loss", factor=0.3, patience=2)]),
    }


def build(learning_rate) -> Sequential:
    m = Sequential([Input((64,)), Dense(100, activation="relu"), Dense(10, activation="softmax")])
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9)
    m.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return m


class Rates(keras.callbacks.Callback):
    """Writes down the rate at the end of every epoch."""

    def on_train_begin(self, logs=None):
        self.rates = []

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))


def main(seed: int = 0, epochs: int = 15, picture: str | None = None) -> dict[str, float]:
    """Test loss by way."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16.0, x_test.reshape(-1, 64) / 16.0
    found, curves = {}, {}
    for name, (rate, callbacks) in ways(epochs * -(-len(x_train) // BATCH)).items():
        keras.utils.set_random_seed(seed)
        m, rates = build(rate), Rates()
        h = m.fit(
            x_train, y_train, batch_size=BATCH, epochs=epochs, validation_data=(x_test, y_test), callbacks=[*callbacks, rates], verbose=0
        )
        found[name], curves[name] = h.history["val_loss"][-1], (rates.rates, h.history["val_loss"])
        print(f"{name:22s} learning rate at the end {rates.rates[-1]:.1e}  test loss {found[name]:.3f}")
    if picture:
        draw(curves, picture)
    return found


def draw(curves: dict[str, tuple], picture: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for ax, column, title in zip(figure.subplots(1, 2), (0, 1), ("learning rate", "test loss")):
        for name, values in curves.items():
            ax.plot(range(1, len(values[column]) + 1), values[column], label=name)
        ax.set(xlabel="epoch", title=title)
        ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(picture)


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
