"""List where Keras' words for a configuration differ from ours, by version: what is left out, what has another name or another form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Config = dict[str, Any]

# class -> arguments of ours that Keras' class does not take
UNKNOWN_TO_KERAS: dict[str, tuple[str, ...]] = {
    "SpatialDropout1D": ("trainable",),
    "SpatialDropout2D": ("trainable",),
    "Identity": ("gain",),
}

# Options that we lack, by name or by (class, name) -> values that change nothing; `...`: all of them. None never changes anything.
EMPTY: dict[Any, Any] = {
    # Keras 3
    "optional": (False,),
    "sparse": (False,),
    "ragged": (False,),
    "quantization_config": (),
    "autocast": (True,),
    "synchronized": (False,),
    "renorm": (False,),
    "renorm_momentum": ...,
    "rms_scaling": (False,),
    "zero_output_for_mask": ...,
    "use_cudnn": ...,
    "input_axes": (),
    "output_axes": (),
    "lora_rank": (),
    "multi_label": (False,),
    "from_logits": (False,),
    "summation_method": ("interpolation",),
    "use_ema": (False,),
    "ema_momentum": ...,
    "trainable": (True,),
    # Keras 2 and 1
    "time_major": (False,),
    "implementation": ...,
    "input_length": ...,
    "fused": ...,
    "virtual_batch_size": (),
    "consume_less": ...,
    "input_dtype": ("float32",),
    "create_input": ...,
    "jit_compile": ...,
    "is_legacy_optimizer": ...,
    "inbound_nodes": ([],),
    ("BatchNormalization", "mode"): (0,),
    "bias_axes": (),
}

# old word -> today's, where our class has the latter
SAME: dict[str, str] = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "dim_ordering": "data_format",
    "output_dim": "units",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "bias": "use_bias",
    "p": "rate",
    "sigma": "stddev",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint",
    "b_constraint": "bias_constraint",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "pool_length": "pool_size",
    "stride": "strides",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "gamma_init": "gamma_initializer",
    "beta_init": "beta_initializer",
    "length": "size",
}

OLD_CLASSES: dict[str, str] = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "WeightRegularizer": "L1L2",
}


def normalization(config: Config) -> Config:
    """An axis is a number here; Keras 2 wrote a list of one. A file of Keras 1 that says mode=0 says nothing."""
    axis = config.get("axis")
    return {**config, "axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else config


def leaky(config: Config) -> Config:
    if "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    return config


def clipped(config: Config) -> Config:
    """A ReLU's limits were arrays once."""
    return {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in config.items()}


def convolution(config: Config) -> Config:
    """Keras 1 wrote the rows and columns of a kernel apart."""
    if "nb_row" in config and "nb_col" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    if config.get("dim_ordering") in ("th", "tf"):
        config["data_format"] = "channels_first" if config.pop("dim_ordering") == "th" else "channels_last"
    return config


def embedding(config: Config) -> Config:
    for old, new in (("init", "embeddings_initializer"), ("W_regularizer", "embeddings_regularizer"),
                     ("W_constraint", "embeddings_constraint")):  # fmt: skip
        if old in config:
            config[new] = config.pop(old)
    if not config.get("dropout"):
        config.pop("dropout", None)
    return config


def reset_after(config: Config) -> Config:
    """Before Keras 2.1.5 there was no reset_after, and the reset came first."""
    return {"reset_after": False, **config}


def optimizer(config: Config) -> Config:
    """`lr` is the learning rate, and `decay` lets it fall: rate / (1 + decay * step)."""
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    decay = config.pop("decay", 0.0)
    if isinstance(decay, float | int) and decay and isinstance(config.get("learning_rate"), float | int):
        schedule = {"initial_learning_rate": config["learning_rate"], "decay_steps": 1, "decay_rate": decay}
        config["learning_rate"] = {"class_name": "InverseTimeDecay", "config": schedule}
    if config.get("epsilon", 0.0) is None:
        del config["epsilon"]
    return config


def loss(config: Config) -> Config:
    """Keras 2 left the reduction to the place, and named the function beside the class."""
    config.pop("fn", None)
    if config.get("reduction") in ("auto", "AUTO"):
        config["reduction"] = "sum_over_batch_size"
    return config


# class -> its configuration in any version of Keras, made that of the latest
OLD: dict[str, Callable[[Config], Config]] = {
    "BatchNormalization": normalization,
    "LeakyReLU": leaky,
    "ReLU": clipped,
    "GRU": reset_after,
    "Embedding": embedding,
    "Optimizer": optimizer,
    "Loss": loss,
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv2DTranspose", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D", "ZeroPadding2D",
                     "UpSampling2D", "Flatten", "GlobalMaxPooling2D", "GlobalAveragePooling2D"), convolution),
}  # fmt: skip


def single(name: str) -> Callable[[Config], Config]:
    """Where we keep a list of one entry, Keras expects the entry."""

    def form(config: Config) -> Config:
        value = config.get(name)
        return {**config, name: value[0]} if isinstance(value, list) and len(value) == 1 else config

    return form


# class -> its configuration here, made one that Keras' class takes
OURS: dict[str, Callable[[Config], Config]] = {
    "Cropping1D": single("cropping"),
    "ZeroPadding1D": single("padding"),
    "UpSampling1D": single("size"),
}

__all__ = ["EMPTY", "OLD", "OLD_CLASSES", "OURS", "SAME", "UNKNOWN_TO_KERAS"]
