"""One list of layers, each with the shape of an input (batch axis first): what all layers must hold is tested on all of these."""

from __future__ import annotations

from collections.abc import Callable

from layers.layer_cases_spatial import SAMPLES, SPATIAL

from gpudl import layers as L
from gpudl.models import Sequential

FIRST = {"data_format": "channels_first"}

Case = tuple[str, Callable[..., L.Layer], tuple[int, ...]]
CASES: list[Case] = [
    ("dense", lambda **k: L.Dense(4, **k), (5, 7)),
    ("dense_3d", lambda **k: L.Dense(4, activation="tanh", **k), (2, 3, 7)),
    ("dense_plain", lambda **k: L.Dense(1, use_bias=False, kernel_initializer="he_normal", kernel_regularizer="l2", **k), (3, 2)),
    ("dense_activity", lambda **k: L.Dense(3, activity_regularizer="l1", bias_regularizer="l1", bias_initializer="ones", **k), (3, 2)),
    ("activation", lambda **k: L.Activation("gelu", **k), (3, 5)),
    ("activation_4d", lambda **k: L.Activation("tanh", **k), (2, 3, 4, 5)),
    ("dropout", lambda **k: L.Dropout(0.3, **k), (4, 6)),
    ("dropout_shared", lambda **k: L.Dropout(0.3, noise_shape=(None, 1, 6), seed=3, **k), (4, 5, 6)),
    ("flatten", lambda **k: L.Flatten(**k), (2, 3, 2, 4)),
    ("flatten_first", lambda **k: L.Flatten(**FIRST, **k), (2, 3, 2, 4)),
    ("flatten_1d", lambda **k: L.Flatten(**k), (3,)),
    ("reshape", lambda **k: L.Reshape((2, -1), **k), (2, 3, 4)),
    ("reshape_whole", lambda **k: L.Reshape((12,), **k), (2, 3, 4)),
    ("conv2d", lambda **k: L.Conv2D(4, 3, activation="relu", **k), (2, 6, 7, 3)),
    ("conv2d_same", lambda **k: L.Conv2D(4, (3, 2), strides=(2, 1), padding="same", use_bias=False, **k), (2, 7, 6, 3)),
    ("conv2d_dilated", lambda **k: L.Conv2D(4, 3, dilation_rate=2, groups=2, **k), (1, 7, 6, 2)),
    ("conv2d_first", lambda **k: L.Conv2D(4, 3, activation="relu", **FIRST, **k), (2, 3, 6, 7)),
    ("conv2d_first_softmax", lambda **k: L.Conv2D(4, 3, activation="softmax", **FIRST, **k), (2, 3, 6, 7)),
    ("max_pooling", lambda **k: L.MaxPooling2D(**k), (2, 5, 7, 3)),
    ("max_pooling_same", lambda **k: L.MaxPooling2D(3, strides=2, padding="same", **k), (2, 5, 7, 3)),
    ("max_pooling_first", lambda **k: L.MaxPooling2D((2, 3), **FIRST, **k), (2, 3, 5, 7)),
    ("average_pooling", lambda **k: L.AveragePooling2D(**k), (2, 5, 7, 3)),
    ("average_pooling_first", lambda **k: L.AveragePooling2D(3, strides=2, padding="same", **FIRST, **k), (2, 3, 5, 7)),
    ("global_average", lambda **k: L.GlobalAveragePooling2D(**k), (2, 5, 4, 3)),
    ("global_average_first", lambda **k: L.GlobalAveragePooling2D(keepdims=True, **FIRST, **k), (2, 3, 5, 4)),
    ("global_max", lambda **k: L.GlobalMaxPooling2D(**k), (2, 5, 4, 3)),
    ("batch_norm", lambda **k: L.BatchNormalization(**k), (6, 3)),
    ("batch_norm_axis1", lambda **k: L.BatchNormalization(axis=1, momentum=0.5, epsilon=1e-5, **k), (2, 3, 4, 5)),
    ("batch_norm_plain", lambda **k: L.BatchNormalization(center=False, scale=False, **k), (6, 3)),
    ("relu", lambda **k: L.ReLU(**k), (3, 5)),
    ("relu_options", lambda **k: L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2, **k), (3, 5)),
    ("leaky_relu", lambda **k: L.LeakyReLU(**k), (3, 5)),
    ("softmax", lambda **k: L.Softmax(**k), (3, 5)),
    ("softmax_axis1", lambda **k: L.Softmax(axis=1, **k), (3, 5, 2)),
    ("simple_rnn", lambda **k: L.SimpleRNN(4, **k), (3, 5, 2)),
    ("simple_rnn_relu", lambda **k: L.SimpleRNN(4, "relu", use_bias=False, recurrent_regularizer="l2", **k), (3, 5, 2)),
    ("lstm", lambda **k: L.LSTM(4, **k), (3, 5, 2)),
    ("lstm_sequences", lambda **k: L.LSTM(4, return_sequences=True, go_backwards=True, unit_forget_bias=False, **k), (3, 5, 2)),
    ("lstm_dropout", lambda **k: L.LSTM(3, dropout=0.3, recurrent_dropout=0.2, seed=3, **k), (3, 4, 2)),
    ("lstm_stateful", lambda **k: L.LSTM(3, stateful=True, dropout=0.3, bias_regularizer="l1", **k), (3, 4, 2)),
    ("lstm_hard", lambda **k: L.LSTM(3, "relu", "hard_sigmoid", unroll=True, **k), (3, 4, 2)),
    ("gru", lambda **k: L.GRU(4, **k), (3, 5, 2)),
    ("gru_before", lambda **k: L.GRU(4, reset_after=False, return_sequences=True, **k), (3, 5, 2)),
    ("gru_plain", lambda **k: L.GRU(4, use_bias=False, dropout=0.2, **k), (3, 5, 2)),
    ("gru_dropout", lambda **k: L.GRU(4, recurrent_dropout=0.3, dropout=0.1, **k), (3, 3, 2)),
    ("bidirectional", lambda **k: L.Bidirectional(L.LSTM(3, return_sequences=True, dtype=k.get("dtype")), **k), (3, 5, 2)),
    ("bidirectional_mul", lambda **k: L.Bidirectional(L.GRU(3, dtype=k.get("dtype")), merge_mode="mul", **k), (3, 5, 2)),
    ("time_distributed", lambda **k: L.TimeDistributed(L.Dense(3, "tanh", dtype=k.get("dtype")), **k), (3, 5, 2)),
    ("alpha_dropout", lambda **k: L.AlphaDropout(0.3, noise_shape=(None, 1, 2), **k), (3, 5, 2)),
    ("resizing", lambda **k: L.Resizing(3, 9, **k), (2, 5, 6, 3)),
    ("resizing_nearest", lambda **k: L.Resizing(7, 2, "nearest", pad_to_aspect_ratio=True, fill_value=1.0, **FIRST, **k), (2, 3, 5, 6)),
    ("center_crop", lambda **k: L.CenterCrop(3, 4, **k), (2, 5, 6, 3)),
    ("center_crop_small", lambda **k: L.CenterCrop(6, 8, **FIRST, **k), (2, 3, 5, 6)),
    ("masking", lambda **k: L.Masking(0.5, **k), (3, 5, 2)),
    ("rnn", lambda **k: L.RNN(L.LSTMCell(3, dropout=0.3, dtype=k.get("dtype")), return_sequences=True, **k), (3, 5, 2)),
    ("rnn_stacked", lambda **k: L.RNN([L.GRUCell(3, dtype=k.get("dtype")), L.SimpleRNNCell(2, dtype=k.get("dtype"))], **k), (3, 5, 2)),
    ("repeat_vector", lambda **k: L.RepeatVector(3, **k), (4, 2)),
    ("permute", lambda **k: L.Permute((3, 1, 2), **k), (2, 3, 4, 5)),
]
CASES += [*SPATIAL, *SAMPLES]
MODELS: list[Case] = [
    ("nested", lambda **k: Sequential([L.Dense(4, **k), L.BatchNormalization(**k), L.ReLU(**k), Sequential([L.Dense(2, **k)])]), (5, 3)),
]
IDS = [name for name, *_ in CASES]
