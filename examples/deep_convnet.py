"""Train the 13-layer convolution network of "Deep Learning from Scratch", chapter 8, on 28x28 pictures of digits.

Run: python examples/deep_convnet.py
"""

import mlp_dropout
import numpy as np

import gpudl as keras
from gpudl.layers import Activation, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, ZeroPadding2D
from gpudl.models import Sequential


def build(data_format: str = "channels_last", learning_rate: float = 0.001) -> Sequential:
    """Conv, Conv, Pool three times with 16, 32 and 64 filters; 50 units; 10 classes. One convolution pads by 2: 14 becomes 16.

    Args:
        data_format: ``"channels_last"`` for pictures (28, 28, 1), ``"channels_first"`` for (1, 28, 28), as in the book.
        learning_rate: of Adam.
    """
    m = Sequential()
    m.add(Input((28, 28, 1) if data_format == "channels_last" else (1, 28, 28)))
    for filters in (16, 32, 64):
        for second in (False, True):
            wide = filters == 32 and second
            if wide:
                m.add(ZeroPadding2D(2, data_format=data_format))
            padding = "valid" if wide else "same"
            m.add(Conv2D(filters, 3, padding=padding, data_format=data_format, kernel_initializer="he_normal"))
            m.add(Activation("relu"))
        m.add(MaxPooling2D(2, data_format=data_format))
    m.add(Flatten(data_format=data_format))
    m.add(Dense(50, kernel_initializer="he_normal"))
    m.add(Activation("relu"))
    m.add(Dropout(0.5))
    m.add(Dense(10, kernel_initializer="he_normal"))
    m.add(Dropout(0.5))  # the book drops scores, too
    m.add(Activation("softmax"))
    m.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(learning_rate), metrics=["accuracy"])
    return m


def main(seed: int = 0, epochs: int = 10, examples: int | None = None) -> float:
    keras.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = ((np.reshape(x[:examples], (-1, 28, 28, 1)), y[:examples]) for x, y in mlp_dropout.load())
    m = build()
    m.summary()
    m.fit(x_train, y_train, batch_size=100, epochs=epochs, validation_data=(x_test, y_test))
    _, accuracy = m.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
