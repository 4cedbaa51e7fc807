"""Stop before a network learns its examples by heart: EarlyStopping, with the weights of the best epoch given back.

Run: python examples/early_stopping.py [picture.svg]
"""

import sys

import gpudl as keras
from gpudl.callbacks import EarlyStopping
from gpudl.datasets import diabetes
from gpudl.layers import Dense, Input
from gpudl.models import Sequential
from gpudl.preprocessing import StandardScaler


def build() -> Sequential:
    """Far more weights than the 221 patients that it will see."""
    m = Sequential([Input((10,)), Dense(100, activation="relu"), Dense(100, activation="relu"), Dense(1)])
    m.compile(loss="mean_squared_error", optimizer=keras.optimizers.Adam(0.003))
    return m


def main(seed: int = 0, epochs: int = 200, picture: str | None = None) -> int:
    """The number of epochs that were trained."""
    (x_train, y_train), (x_test, y_test) = diabetes.load_data(test_split=0.5)
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)
    middle, spread = y_train.mean(), y_train.std()
    y_train, y_test = (y_train - middle) / spread, (y_test - middle) / spread

    keras.utils.set_random_seed(seed)
    everything = build().fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=0)
    keras.utils.set_random_seed(seed)
    m = build()
    stop = EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)
    h = m.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), callbacks=[stop], verbose=0)
    trained, best = len(h.epoch), stop.best_epoch + 1
    print(f"all {epochs} epochs: training loss {everything.history['loss'][-1]:.3f}, test loss {everything.history['val_loss'][-1]:.3f}")
    print(f"stopped after {trained} epochs, with the weights of epoch {best}: test loss {m.evaluate(x_test, y_test, verbose=0):.3f}")
    if picture:
        figure = everything.plot()
        figure.axes[0].axvline(best, color="gray", linestyle=":")
        figure.savefig(picture)
    return trained


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
