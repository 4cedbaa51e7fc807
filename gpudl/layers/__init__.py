"""Build models from layers: the names and arguments of `keras.layers`. `Layer` is the base class of your own."""

from __future__ import annotations

from ..errors import missing_attribute
from .activation import LeakyReLU, ReLU, Softmax
from .base import Layer
from .conv import Conv2D
from .core import Activation, Dense, Dropout, Flatten, Input, InputLayer, Reshape
from .embedding import Embedding
from .normalization import BatchNormalization
from .pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from .rearrange import Permute, RepeatVector
from .recurrent import GRU, LSTM, SimpleRNN
from .serialization import deserialize, serialize
from .wrappers import Bidirectional, TimeDistributed

__all__ = [
    "Activation",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Bidirectional",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRU",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "Input",
    "InputLayer",
    "LSTM",
    "Layer",
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "SimpleRNN",
    "Softmax",
    "TimeDistributed",
    "deserialize",
    "serialize",
]

__getattr__ = missing_attribute(__name__, __all__)
