"""Cases of layers for sequences and images, of those that normalise samples, and of those that disturb; see `layer_cases.py`."""

from __future__ import annotations

from collections.abc import Callable

from gpudl import layers as L

FIRST = {"data_format": "channels_first"}

SPATIAL: list[tuple[str, Callable[..., L.Layer], tuple[int, ...]]] = [
    ("conv1d", lambda **k: L.Conv1D(4, 3, activation="relu", **k), (2, 7, 3)),
    ("conv1d_same", lambda **k: L.Conv1D(4, 2, strides=3, padding="same", use_bias=False, **k), (2, 7, 3)),
    ("conv1d_causal", lambda **k: L.Conv1D(4, 3, padding="causal", dilation_rate=2, groups=2, **k), (2, 7, 4)),
    ("conv1d_causal_strided", lambda **k: L.Conv1D(3, 2, padding="causal", strides=2, **FIRST, **k), (2, 3, 7)),
    ("conv1d_first", lambda **k: L.Conv1D(4, 3, activation="tanh", kernel_regularizer="l2", **FIRST, **k), (2, 3, 7)),
    ("conv2d_transpose", lambda **k: L.Conv2DTranspose(3, 3, activation="relu", **k), (2, 3, 4, 2)),
    ("conv2d_transpose_same", lambda **k: L.Conv2DTranspose(3, (3, 2), strides=2, padding="same", **k), (2, 3, 4, 2)),
    ("conv2d_transpose_wide", lambda **k: L.Conv2DTranspose(2, 2, strides=3, output_padding=(2, 0), use_bias=False, **k), (2, 3, 4, 2)),
    (
        "conv2d_transpose_first",
        lambda **k: L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1, **FIRST, **k),
        (1, 2, 3, 4),
    ),
    ("conv2d_transpose_dilated", lambda **k: L.Conv2DTranspose(3, 3, dilation_rate=2, **k), (1, 3, 4, 2)),
    ("conv1d_transpose", lambda **k: L.Conv1DTranspose(3, 3, strides=2, padding="same", **k), (2, 5, 2)),
    ("conv1d_transpose_first", lambda **k: L.Conv1DTranspose(3, 2, strides=2, output_padding=1, **FIRST, **k), (2, 2, 5)),
    ("depthwise_conv2d", lambda **k: L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", **k), (2, 5, 6, 3)),
    ("depthwise_conv2d_first", lambda **k: L.DepthwiseConv2D((2, 3), padding="same", strides=2, **FIRST, **k), (2, 3, 5, 6)),
    (
        "depthwise_conv2d_l2",
        lambda **k: L.DepthwiseConv2D(2, dilation_rate=2, use_bias=False, depthwise_regularizer="l2", **k),
        (1, 5, 6, 3),
    ),
    ("separable_conv2d", lambda **k: L.SeparableConv2D(4, 3, depth_multiplier=2, **k), (2, 5, 6, 3)),
    ("separable_conv2d_first", lambda **k: L.SeparableConv2D(4, 3, strides=2, padding="same", **FIRST, **k), (2, 3, 5, 6)),
    ("separable_conv1d", lambda **k: L.SeparableConv1D(4, 3, pointwise_regularizer="l1", activation="tanh", **k), (2, 7, 3)),
    ("max_pooling1d", lambda **k: L.MaxPooling1D(**k), (2, 7, 3)),
    ("max_pooling1d_first", lambda **k: L.MaxPooling1D(3, strides=2, padding="same", **FIRST, **k), (2, 3, 7)),
    ("average_pooling1d", lambda **k: L.AveragePooling1D(3, strides=1, **k), (2, 7, 3)),
    ("average_pooling1d_first", lambda **k: L.AveragePooling1D((2,), padding="same", **FIRST, **k), (2, 3, 7)),
    ("global_average1d", lambda **k: L.GlobalAveragePooling1D(keepdims=True, **k), (2, 5, 3)),
    ("global_average1d_first", lambda **k: L.GlobalAveragePooling1D(**FIRST, **k), (2, 3, 5)),
    ("global_max1d", lambda **k: L.GlobalMaxPooling1D(**k), (2, 5, 3)),
    ("zero_padding1d", lambda **k: L.ZeroPadding1D((1, 2), **k), (2, 5, 3)),
    ("zero_padding1d_first", lambda **k: L.ZeroPadding1D(2, **FIRST, **k), (2, 3, 5)),
    ("zero_padding2d", lambda **k: L.ZeroPadding2D(((1, 2), (0, 3)), **k), (2, 4, 5, 3)),
    ("zero_padding2d_first", lambda **k: L.ZeroPadding2D((1, 2), **FIRST, **k), (2, 3, 4, 5)),
    ("cropping1d", lambda **k: L.Cropping1D((1, 2), **k), (2, 5, 3)),
    ("cropping2d", lambda **k: L.Cropping2D(((1, 0), (2, 1)), **k), (2, 4, 5, 3)),
    ("cropping2d_first", lambda **k: L.Cropping2D(1, **FIRST, **k), (2, 3, 4, 5)),
    ("up_sampling1d", lambda **k: L.UpSampling1D(3, **k), (2, 5, 3)),
    ("up_sampling2d", lambda **k: L.UpSampling2D((2, 3), **k), (2, 4, 5, 3)),
    ("up_sampling2d_first", lambda **k: L.UpSampling2D(**FIRST, **k), (2, 3, 4, 5)),
    ("up_sampling2d_bilinear", lambda **k: L.UpSampling2D((2, 3), interpolation="bilinear", **k), (2, 4, 5, 3)),
    ("up_sampling2d_bilinear_first", lambda **k: L.UpSampling2D((1, 4), interpolation="bilinear", **FIRST, **k), (2, 3, 1, 5)),
]
SAMPLES: list[tuple[str, Callable[..., L.Layer], tuple[int, ...]]] = [
    ("layer_norm", lambda **k: L.LayerNormalization(**k), (4, 5)),
    ("layer_norm_axes", lambda **k: L.LayerNormalization(axis=[1, -1], epsilon=1e-5, gamma_regularizer="l2", **k), (3, 2, 4, 5)),
    ("layer_norm_plain", lambda **k: L.LayerNormalization(axis=1, center=False, scale=False, **k), (3, 4, 2)),
    ("group_norm", lambda **k: L.GroupNormalization(groups=2, **k), (2, 3, 4, 6)),
    ("group_norm_axis1", lambda **k: L.GroupNormalization(groups=3, axis=1, beta_initializer="ones", **k), (2, 6, 4, 3)),
    ("group_norm_instance", lambda **k: L.GroupNormalization(groups=-1, scale=False, **k), (2, 5, 4)),
    ("group_norm_2d", lambda **k: L.GroupNormalization(groups=1, center=False, **k), (4, 6)),
    ("rms_norm", lambda **k: L.RMSNormalization(**k), (4, 5)),
    ("rms_norm_axes", lambda **k: L.RMSNormalization(axis=(1, 2), epsilon=1e-3, **k), (3, 4, 2)),
    ("unit_norm", lambda **k: L.UnitNormalization(**k), (4, 5)),
    ("unit_norm_axes", lambda **k: L.UnitNormalization(axis=[1, 2], **k), (3, 4, 2)),
    ("prelu", lambda **k: L.PReLU(alpha_initializer="glorot_uniform", **k), (3, 4, 5)),
    ("prelu_shared", lambda **k: L.PReLU(shared_axes=[1, 2], alpha_regularizer="l2", **k), (3, 4, 5, 2)),
    ("elu", lambda **k: L.ELU(0.5, **k), (3, 5)),
    ("gaussian_noise", lambda **k: L.GaussianNoise(0.3, **k), (4, 6)),
    ("gaussian_dropout", lambda **k: L.GaussianDropout(0.3, seed=3, **k), (4, 6)),
    ("spatial_dropout1d", lambda **k: L.SpatialDropout1D(0.3, **k), (4, 5, 6)),
    ("spatial_dropout2d", lambda **k: L.SpatialDropout2D(0.3, seed=3, **FIRST, **k), (2, 8, 3, 4)),
    ("activity_regularization", lambda **k: L.ActivityRegularization(l1=0.1, l2=0.2, **k), (3, 4)),
    ("rescaling", lambda **k: L.Rescaling(0.5, offset=-1.0, **k), (3, 4)),
    ("rescaling_channels", lambda **k: L.Rescaling([0.5, 1.0, 2.0], offset=[[1.0, 0.0, 3.0]], **k), (2, 4, 5, 3)),
    ("normalization", lambda **k: L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 0.5], **k), (4, 3)),
    ("normalization_scalar", lambda **k: L.Normalization(axis=(1, -1), mean=0.25, variance=4.0, invert=True, **k), (4, 3, 2, 5)),
    ("normalization_none", lambda **k: L.Normalization(axis=None, mean=0.25, variance=4.0, **k), (4, 3)),
    ("identity", lambda **k: L.Identity(**k), (3, 4)),
]
