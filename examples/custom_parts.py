"""Write a layer, a loss, a metric and a callback of your own: forecast how diabetes goes on, with the range that nine of ten stay below.

Everything is made of ops, so a step is recorded and replayed as with the parts that come with gpudl.

Run: python examples/custom_parts.py
"""

import gpudl
from gpudl import layers, ops
from gpudl.datasets import diabetes
from gpudl.preprocessing import StandardScaler


class Maxout(layers.Layer):
    """max over pieces of x @ kernel + bias: a bent line for each unit, whose pieces are learnt."""

    def __init__(self, units, pieces=3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.pieces = units, pieces

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units * self.pieces), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.units * self.pieces,), initializer="zeros", name="bias")

    def call(self, x):
        z = ops.reshape(x @ self.kernel + self.bias, (-1, self.units, self.pieces))
        return ops.max(z, axis=-1)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "pieces": self.pieces}


class Pinball(gpudl.losses.Loss):
    """Lowest where the share `quantile` of the truth lies below the prediction: being too low costs more than being too high."""

    def __init__(self, quantile, name="pinball"):
        super().__init__(name=name)
        self.quantile = quantile

    def call(self, y_true, y_pred):
        missed = y_true - y_pred
        return ops.mean(ops.maximum(self.quantile * missed, (self.quantile - 1.0) * missed), axis=-1)


class ShareBelow(gpudl.metrics.Metric):
    """The share of the truth that lies below the prediction."""

    def __init__(self, name="share_below"):
        super().__init__(name=name)
        self.below = self.add_variable(name="below")
        self.count = self.add_variable(name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        below = ops.cast(y_true < y_pred, self.below.dtype)
        self.below.assign(self.below + ops.sum(below))
        self.count.assign(self.count + ops.sum(ops.ones_like(below)))

    def result(self):
        return self.below / self.count


class Every(gpudl.callbacks.Callback):
    """Prints the logs once in so many epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.epochs == 0:
            print(f"epoch {epoch + 1:3d}  " + "  ".join(f"{name} {value:.3f}" for name, value in logs.items()))


def main(seed: int = 0, epochs: int = 60) -> float:
    """The share of the test patients whose course stays below the forecast; 0.9 is asked for."""
    gpudl.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = diabetes.load_data()
    scaler = StandardScaler().fit(x_train)
    model = gpudl.Sequential([layers.Input((10,)), Maxout(16), layers.Dense(1)])
    model.compile(optimizer=gpudl.optimizers.Adam(0.01), loss=Pinball(0.9), metrics=[ShareBelow()])
    model.fit(
        scaler.transform(x_train), y_train[:, None] / 100.0, epochs=epochs, batch_size=32, verbose=0, callbacks=[Every(max(epochs // 4, 1))]
    )
    _, below = model.evaluate(scaler.transform(x_test), y_test[:, None] / 100.0, verbose=0)
    print(f"test: {below:.0%} of the patients stay below the forecast, 90% were asked for")
    return below


if __name__ == "__main__":
    main()
