"""List the golden cases of layers for sequences and images beyond Conv2D, of those that normalise samples, and of PReLU, ELU, Rescaling."""

from __future__ import annotations

import math
from typing import Any

from golden_cases import Case, Draw

FIRST = {"data_format": "channels_first"}


def sliding(name: str, target: str, x: tuple[int, ...], shapes: dict[str, tuple[int, ...]], **kwargs: Any) -> Case:
    """A layer that is linear in its input and in each of its weights."""
    inputs: dict[str, Draw] = {"x": ("normal", x), **{key: ("normal", shape) for key, shape in shapes.items()}}
    # an output, a gradient of the input or of a weight is a sum of at most so many products, whichever axes it runs over
    terms = 2 * max(math.prod(x), math.prod(shapes.get("kernel", shapes.get("depthwise_kernel", (1,)))) * 4) + 1
    return Case(name, "layer", target, inputs, kwargs=kwargs, weights=tuple(shapes), wrt=("x", *shapes), terms=terms)


def conv(name: str, rank: int, x: tuple[int, ...], filters: int, kernel: Any, transpose: bool = False, **kwargs: Any) -> Case:
    channels = x[1] if kwargs.get("data_format") == "channels_first" else x[-1]
    window = kernel if isinstance(kernel, tuple) else (kernel,) * rank
    ends = (filters, channels) if transpose else (channels // kwargs.get("groups", 1), filters)
    shapes: dict[str, tuple[int, ...]] = {"kernel": (*window, *ends), "bias": (filters,)}
    target = f"Conv{rank}DTranspose" if transpose else f"Conv{rank}D"
    return sliding(name, target, x, shapes, filters=filters, kernel_size=kernel, **kwargs)


def depthwise(name: str, x: tuple[int, ...], kernel: tuple[int, int], many: int, **kwargs: Any) -> Case:
    channels = x[1] if kwargs.get("data_format") == "channels_first" else x[-1]
    shapes = {"kernel": (*kernel, channels, many), "bias": (channels * many,)}
    return sliding(name, "DepthwiseConv2D", x, shapes, kernel_size=kernel, depth_multiplier=many, **kwargs)


def separable(name: str, x: tuple[int, ...], filters: int, kernel: tuple[int, ...], many: int, **kwargs: Any) -> Case:
    rank = len(kernel)
    channels = x[1] if kwargs.get("data_format") == "channels_first" else x[-1]
    shapes = {
        "depthwise_kernel": (*kernel, channels, many),
        "pointwise_kernel": (*(1,) * rank, channels * many, filters),
        "bias": (filters,),
    }
    return sliding(name, f"SeparableConv{rank}D", x, shapes, filters=filters, kernel_size=kernel, depth_multiplier=many, **kwargs)


def moving(name: str, target: str, x: tuple[int, ...], exact: bool = True, **kwargs: Any) -> Case:
    """A layer without weights that moves or adds values."""
    return Case(name, "layer", target, {"x": ("distinct", x)}, kwargs=kwargs, wrt=("x",), exact=exact, rounding=32)


def sample_norm(name: str, target: str, x: tuple[int, ...], sizes: tuple[int, ...], weights: str, **kwargs: Any) -> Case:
    inputs: dict[str, Draw] = {"x": ("normal", x), **dict.fromkeys(weights.split(), ("positive", sizes))}
    names = tuple(weights.split())
    return Case(name, "layer", target, inputs, kwargs=kwargs, weights=names, wrt=("x", *names), rounding=64)


def spatial_cases() -> list[Case]:
    return [
        conv("conv1d", 1, (2, 7, 3), 4, 3),
        conv("conv1d_same_stride2", 1, (2, 8, 3), 4, 4, padding="same", strides=2),
        conv("conv1d_causal", 1, (2, 7, 3), 4, 3, padding="causal"),
        conv("conv1d_causal_dilated", 1, (2, 9, 2), 3, 2, padding="causal", dilation_rate=3),
        conv("conv1d_causal_stride2", 1, (2, 7, 2), 3, 3, padding="causal", strides=2),
        conv("conv1d_groups", 1, (2, 7, 4), 6, 3, groups=2),
        conv("conv1d_first", 1, (2, 3, 7), 4, 3, padding="same", **FIRST),
        conv("conv2d_transpose", 2, (2, 3, 4, 2), 3, (3, 3), transpose=True),
        conv("conv2d_transpose_stride2", 2, (2, 3, 4, 2), 3, (3, 3), transpose=True, strides=2),
        conv("conv2d_transpose_same_stride2", 2, (2, 3, 4, 2), 3, (3, 3), transpose=True, strides=2, padding="same"),
        conv("conv2d_transpose_same_even", 2, (2, 3, 4, 2), 3, (4, 2), transpose=True, strides=2, padding="same"),
        conv("conv2d_transpose_stride_above", 2, (2, 3, 4, 2), 3, (2, 2), transpose=True, strides=3),
        conv("conv2d_transpose_output_padding", 2, (2, 3, 4, 2), 3, (3, 3), transpose=True, strides=2, output_padding=1),
        conv("conv2d_transpose_same_out", 2, (2, 3, 4, 2), 3, (3, 3), transpose=True, strides=2, padding="same", output_padding=(1, 0)),
        conv("conv2d_transpose_first", 2, (2, 2, 3, 4), 3, (3, 3), transpose=True, strides=(2, 1), padding="same", **FIRST),
        conv("conv2d_transpose_dilated", 2, (1, 3, 4, 2), 3, (3, 2), transpose=True, dilation_rate=2),
        conv("conv1d_transpose", 1, (2, 5, 2), 3, 3, transpose=True, strides=2),
        conv("conv1d_transpose_same", 1, (2, 5, 2), 3, 4, transpose=True, strides=2, padding="same"),
        depthwise("depthwise_conv2d", (2, 5, 6, 3), (3, 3), 2),
        depthwise("depthwise_conv2d_same_stride2", (2, 5, 6, 3), (2, 3), 1, padding="same", strides=2),
        depthwise("depthwise_conv2d_dilated_first", (1, 3, 7, 6), (2, 2), 1, dilation_rate=2, **FIRST),
        separable("separable_conv2d", (2, 5, 6, 3), 4, (3, 3), 2),
        separable("separable_conv2d_same_first", (2, 3, 5, 6), 4, (3, 2), 1, padding="same", strides=2, **FIRST),
        separable("separable_conv1d", (2, 7, 3), 4, (3,), 2, strides=2),
        moving("max_pool1d", "MaxPooling1D", (2, 7, 3)),
        moving("max_pool1d_same_first", "MaxPooling1D", (2, 3, 7), pool_size=3, strides=2, padding="same", **FIRST),
        moving("average_pool1d", "AveragePooling1D", (2, 7, 3), exact=False, pool_size=3, strides=2),
        moving("average_pool1d_same", "AveragePooling1D", (2, 7, 3), exact=False, pool_size=2, padding="same"),
        moving("global_average_pool1d", "GlobalAveragePooling1D", (2, 5, 3), exact=False, keepdims=True),
        moving("global_max_pool1d_first", "GlobalMaxPooling1D", (2, 3, 5), **FIRST),
        moving("global_max_pool2d", "GlobalMaxPooling2D", (2, 4, 5, 3)),
        moving("zero_padding1d", "ZeroPadding1D", (2, 4, 3), padding=(1, 2)),
        moving("zero_padding2d", "ZeroPadding2D", (2, 3, 4, 2), padding=((1, 2), (0, 3))),
        moving("zero_padding2d_symmetric_first", "ZeroPadding2D", (2, 2, 3, 4), padding=(1, 2), **FIRST),
        moving("cropping1d", "Cropping1D", (2, 6, 3), cropping=(1, 2)),
        moving("cropping2d", "Cropping2D", (2, 5, 6, 2), cropping=((1, 2), (0, 3))),
        moving("cropping2d_symmetric_first", "Cropping2D", (2, 2, 5, 6), cropping=(1, 2), **FIRST),
        moving("up_sampling1d", "UpSampling1D", (2, 4, 3), size=3),
        moving("up_sampling2d", "UpSampling2D", (2, 3, 4, 2), size=(2, 3)),
        moving("up_sampling2d_first", "UpSampling2D", (2, 2, 3, 4), **FIRST),
        moving("up_sampling2d_bilinear", "UpSampling2D", (2, 3, 4, 2), exact=False, size=(2, 3), interpolation="bilinear"),
        moving("up_sampling2d_bilinear_first", "UpSampling2D", (2, 2, 1, 4), exact=False, size=(3, 4), interpolation="bilinear", **FIRST),
        sample_norm("layer_norm", "LayerNormalization", (4, 6), (6,), "gamma beta"),
        sample_norm("layer_norm_axes", "LayerNormalization", (3, 2, 4, 5), (4, 5), "gamma beta", axis=(2, 3), epsilon=1e-5),
        sample_norm("layer_norm_axis1", "LayerNormalization", (3, 4, 5), (4,), "beta", axis=1, scale=False),
        sample_norm("group_norm", "GroupNormalization", (2, 3, 4, 6), (6,), "gamma beta", groups=2),
        sample_norm("group_norm_axis1", "GroupNormalization", (2, 6, 3, 4), (6,), "gamma beta", groups=3, axis=1),
        sample_norm("group_norm_instance", "GroupNormalization", (2, 5, 4), (4,), "gamma", groups=-1, center=False),
        sample_norm("rms_norm", "RMSNormalization", (4, 6), (6,), "scale"),
        sample_norm("unit_norm", "UnitNormalization", (4, 6), (), ""),
        sample_norm("unit_norm_axes", "UnitNormalization", (3, 4, 5), (), "", axis=(1, 2)),
        Case(
            "prelu",
            "layer",
            "PReLU",
            {"x": ("away_from_zero", (3, 4, 5)), "alpha": ("normal", (4, 5))},
            weights=("alpha",),
            wrt=("x", "alpha"),
        ),
        Case(
            "prelu_shared",
            "layer",
            "PReLU",
            {"x": ("away_from_zero", (2, 3, 4, 5)), "alpha": ("normal", (1, 1, 5))},
            kwargs={"shared_axes": (1, 2)},
            weights=("alpha",),
            wrt=("x", "alpha"),
            rounding=32,
        ),
        Case("elu_layer", "layer", "ELU", {"x": ("away_from_zero", (3, 5))}, kwargs={"alpha": 0.3}, wrt=("x",)),
        Case("rescaling", "layer", "Rescaling", {"x": ("normal", (3, 5))}, kwargs={"scale": 0.3, "offset": -1.7}, wrt=("x",)),
        Case(
            "normalization",
            "layer",
            "Normalization",
            {"x": ("normal", (3, 4, 2))},
            kwargs={"mean": [0.5, -1.0], "variance": [2.0, 0.3]},
            wrt=("x",),
        ),
        Case(
            "normalization_invert",
            "layer",
            "Normalization",
            {"x": ("normal", (3, 4, 2))},
            kwargs={"axis": 1, "mean": 0.5, "variance": 0.0, "invert": True},
            wrt=("x",),
        ),
    ]
