"""Build AlexNet (2012) with its 62 million parameters, print its layers, and make training steps at batch 2 on random pictures.

Run: python examples/alexnet.py
"""

import numpy as np

import gpudl as keras
from gpudl.layers import Activation, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, ZeroPadding2D
from gpudl.models import Sequential


def build(groups: int = 1, width: int = 1) -> Sequential:
    """The network of the paper, for 224x224 pictures and 1,000 classes.

    Args:
        groups: 2 as in the paper, whose two GPUs saw half of the channels each; 1 without this split.
        width: divides all numbers of channels and units, for a short look.
    """
    m = Sequential()
    m.add(Input((224, 224, 3)))
    m.add(ZeroPadding2D(((2, 1), (2, 1))))  # 11x11 windows at every 4th place of 227 pixels: 55
    m.add(Conv2D(96 // width, 11, strides=4))
    m.add(Activation("relu"))
    m.add(MaxPooling2D(3, strides=2))
    m.add(Conv2D(256 // width, 5, padding="same", groups=groups))
    m.add(Activation("relu"))
    m.add(MaxPooling2D(3, strides=2))
    m.add(Conv2D(384 // width, 3, padding="same"))
    m.add(Activation("relu"))
    m.add(Conv2D(384 // width, 3, padding="same", groups=groups))
    m.add(Activation("relu"))
    m.add(Conv2D(256 // width, 3, padding="same", groups=groups))
    m.add(Activation("relu"))
    m.add(MaxPooling2D(3, strides=2))
    m.add(Flatten())
    for _ in range(2):
        m.add(Dense(4096 // width))
        m.add(Activation("relu"))
        m.add(Dropout(0.5))
    m.add(Dense(1000))
    m.add(Activation("softmax"))
    m.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
    return m


def main(seed: int = 0, steps: int = 2, width: int = 1) -> list[float]:
    """The loss of every step."""
    keras.utils.set_random_seed(seed)
    m = build(width=width)
    m.summary()
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 224, 224, 3)).astype("float32"), rng.integers(0, 1000, 2)
    losses = [float(m.train_on_batch(x, y)) for _ in range(steps)]
    print("losses", [round(loss, 3) for loss in losses])
    return losses


if __name__ == "__main__":
    main()
