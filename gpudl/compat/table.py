"""List the old spellings: the one table of renames. `modules.py` and `calls.py` hold what takes more than another word."""

from __future__ import annotations

KERNELS = ("Dense", "Conv1D", "Conv2D", "Conv1DTranspose", "Conv2DTranspose")
RECURRENT = ("SimpleRNN", "LSTM", "GRU")
CONVOLUTIONS = (*KERNELS[1:], "SeparableConv1D", "SeparableConv2D")
POOLINGS = ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
IMAGES = (
    *CONVOLUTIONS,
    *POOLINGS,
    "GlobalMaxPooling2D",
    "GlobalAveragePooling2D",
    "ZeroPadding2D",
    "UpSampling2D",
    "Cropping2D",
    "Flatten",
    "SpatialDropout2D",
)


def _each(owners: tuple[str, ...], **renames: str) -> dict[tuple[str, str], str]:
    return {(owner, old): new for owner in owners for old, new in renames.items()}


# (class, function or kind of name; old spelling) -> new spelling
RENAMES: dict[tuple[str, str], str] = {
    # Keras 1: layers
    **_each(
        (*KERNELS, *RECURRENT),
        init="kernel_initializer",
        W_regularizer="kernel_regularizer",
        b_regularizer="bias_regularizer",
        W_constraint="kernel_constraint",
        b_constraint="bias_constraint",
        bias="use_bias",
    ),
    **_each(("Dense", *RECURRENT), output_dim="units"),
    **_each(
        RECURRENT,
        inner_init="recurrent_initializer",
        U_regularizer="recurrent_regularizer",
        dropout_W="dropout",
        dropout_U="recurrent_dropout",
    ),
    **_each(("LSTM", "GRU"), inner_activation="recurrent_activation"),
    **_each(("Embedding",), init="embeddings_initializer", W_regularizer="embeddings_regularizer", W_constraint="embeddings_constraint"),
    **_each(
        CONVOLUTIONS,
        nb_filter="filters",
        border_mode="padding",
        subsample="strides",
        atrous_rate="dilation_rate",
    ),
    **_each(("Conv1D",), filter_length="kernel_size", subsample_length="strides"),
    **_each(POOLINGS, border_mode="padding", pool_length="pool_size", stride="strides"),
    **_each(IMAGES, dim_ordering="data_format"),
    **_each(("UpSampling1D",), length="size"),
    **_each(("PReLU",), init="alpha_initializer"),
    **_each(("BatchNormalization",), gamma_init="gamma_initializer", beta_init="beta_initializer"),
    **_each(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout"), p="rate"),
    **_each(("GaussianNoise",), sigma="stddev"),
    # Keras 2
    ("LeakyReLU", "alpha"): "negative_slope",
    ("Optimizer", "lr"): "learning_rate",  # also the attribute
    ("ReduceLROnPlateau", "epsilon"): "min_delta",
    ("ImageDataGenerator", "dim_ordering"): "data_format",
    ("Tokenizer", "nb_words"): "num_words",
    # functions
    ("fit", "nb_epoch"): "epochs",
    ("to_categorical", "y"): "x",
    ("to_categorical", "nb_classes"): "num_classes",
    # names in logs: EarlyStopping(monitor="val_acc"), history["acc"]
    ("logs", "acc"): "accuracy",
    ("logs", "mean_squared_error"): "mse",
    ("logs", "mean_absolute_error"): "mae",
    # names of losses and metrics; of metrics "cosine_proximity" has another sign today: see methods.py
    **_each(
        ("loss", "metric"),
        kullback_leibler_divergence="kl_divergence",
        kld="kl_divergence",
        KLD="kl_divergence",
        logcosh="log_cosh",
        mae="mean_absolute_error",
        MAE="mean_absolute_error",
        mape="mean_absolute_percentage_error",
        MAPE="mean_absolute_percentage_error",
        msle="mean_squared_logarithmic_error",
        MSLE="mean_squared_logarithmic_error",
    ),
    **_each(("loss",), cosine_proximity="cosine_similarity", cosine="cosine_similarity"),
}

RENAMES.update(_each(("constraint",), maxnorm="max_norm", nonneg="non_neg", unitnorm="unit_norm"))

# (old keyword, old value) -> the value that is meant
VALUES: dict[tuple[str, str], str | None] = {
    ("dim_ordering", "th"): "channels_first",
    ("dim_ordering", "tf"): "channels_last",
    ("dim_ordering", "default"): None,
}

# module -> names it once had -> what they are called there now
NAMES: dict[str, dict[str, str]] = {
    "gpudl.layers": {
        "Affine": "Dense",  # as the book calls it
        "Convolution1D": "Conv1D",
        "AtrousConvolution1D": "Conv1D",
        "Convolution2DTranspose": "Conv2DTranspose",
        "SeparableConvolution1D": "SeparableConv1D",
        "CuDNNLSTM": "LSTM",
        "CuDNNGRU": "GRU",
    },
    "gpudl.losses": {old: new for (kind, old), new in RENAMES.items() if kind == "loss"},
    "gpudl.metrics": {"kullback_leibler_divergence": "kl_divergence", "logcosh": "log_cosh"},
    "gpudl.regularizers": {"l1l2": "L1L2", "activity_l1": "L1", "activity_l2": "L2", "activity_l1l2": "L1L2"},
    "gpudl.constraints": {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"},
    "gpudl.initializers": {
        "normal": "RandomNormal",
        "uniform": "RandomUniform",
        "zero": "Zeros",
        "one": "Ones",
        **{
            old: "".join(word.title() for word in old.split("_"))
            for old in (
                "constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform ones orthogonal "
                "random_normal random_uniform truncated_normal variance_scaling zeros"
            ).split()
        },
    },
}

# module paths that were -> where their names are looked up now, in this order
_LAYERS = "convolutional recurrent embeddings advanced_activations noise merge merging wrappers local core normalization pooling".split()
MODULES: dict[str, tuple[str, ...]] = {
    **{f"gpudl.layers.{name}": ("gpudl.layers",) for name in _LAYERS},
    **{
        f"gpudl.utils.{name}": ("gpudl.utils",)
        for name in "np_utils vis_utils generic_utils data_utils layer_utils io_utils visualize_util".split()
    },
    "gpudl.engine": ("gpudl.layers", "gpudl.models"),
    "gpudl.engine.topology": ("gpudl.layers", "gpudl.models"),
    "gpudl.engine.training": ("gpudl.models",),
    "gpudl.objectives": ("gpudl.losses",),
    "gpudl.initializations": ("gpudl.initializers",),
    "gpudl.optimizers.legacy": ("gpudl.optimizers",),
    "gpudl.wrappers": ("gpudl.compat.scikit_learn",),
    "gpudl.wrappers.scikit_learn": ("gpudl.compat.scikit_learn",),
    "gpudl.backend": ("gpudl.compat.backend", "gpudl.config", "gpudl.ops", "gpudl.utils"),
}

__all__ = ["MODULES", "NAMES", "RENAMES", "VALUES"]
