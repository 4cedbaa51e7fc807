"""Compute the golden cases of `golden_cases_spatial.py` with PyTorch, from the definitions."""

from __future__ import annotations

from typing import Any

import golden_torch_ops as T
import torch
import torch.nn.functional as F


def conv(x: Any, weights: list[Any], padding: str = "valid", dilation_rate: int = 1, **options: Any) -> Any:
    """With all zeros in front, if the padding is causal."""
    window = {key: options[key] for key in ("strides", "data_format") if key in options}
    first = options.get("data_format") == "channels_first"
    if padding == "causal":
        front = (weights[0].shape[0] - 1) * dilation_rate
        x = F.pad(x, (front, 0) if first else (0, 0, front, 0))
        padding = "valid"
    return biased(T.conv(x, weights[0], padding=padding, dilation_rate=dilation_rate, **window), weights[1:], first)


def biased(out: Any, bias: list[Any], first: bool) -> Any:
    if not bias:
        return out
    return out + (bias[0].reshape(-1, *(1,) * (out.ndim - 2)) if first else bias[0])


def conv_transpose(x: Any, weights: list[Any], strides: Any = 1, padding: str = "valid", **options: Any) -> Any:
    """PyTorch's own, with all that it makes, cut or widened to Keras' size."""
    kernel = weights[0]
    rank, first = kernel.ndim - 2, options.get("data_format") == "channels_first"
    x = x if first else T.channels_to_front(x)
    strides, dilation = T.as_tuple(strides, rank), T.as_tuple(options.get("dilation_rate", 1), rank)
    extra = options.get("output_padding")
    extras = T.as_tuple(extra, rank) if extra is not None else (None,) * rank
    weight = kernel.permute(rank + 1, rank, *range(rank))
    whole = (F.conv_transpose1d if rank == 1 else F.conv_transpose2d)(x, weight, stride=strides, dilation=dilation)
    for axis, (n, k, s, d, e) in enumerate(zip(x.shape[2:], kernel.shape, strides, dilation, extras), start=2):
        reach = (k - 1) * d + 1
        if padding == "valid":
            front, size = 0, (n - 1) * s + reach + (max(s - reach, 0) if e is None else e)
        else:  # half of what is cut off is cut in front, the smaller half
            size = n * s if e is None else (n - 1) * s + reach % 2 + e
            front = max((n - 1) * s + reach - size, 0) // 2
        room = [0, 0] * (whole.ndim - axis - 1) + [0, max(0, front + size - whole.shape[axis])]
        whole = F.pad(whole, room).narrow(axis, front, size)
    return biased(whole if first else T.channels_to_back(whole), weights[1:], first)


def depthwise(x: Any, kernel: Any, data_format: str = "channels_last", **window: Any) -> Any:
    """Channel by channel."""
    axis, rank = (1 if data_format == "channels_first" else x.ndim - 1), kernel.ndim - 2
    parts = [T.conv(x.narrow(axis, c, 1), kernel.narrow(rank, c, 1), data_format=data_format, **window) for c in range(kernel.shape[rank])]
    return torch.cat(parts, axis)


def separable(target: str, x: Any, weights: list[Any], **options: Any) -> Any:
    window = {key: options[key] for key in ("strides", "padding", "dilation_rate", "data_format") if key in options}
    first = options.get("data_format") == "channels_first"
    out, rest = depthwise(x, weights[0], **window), weights[1:]
    if target.startswith("Separable"):
        out, rest = T.conv(out, rest[0], data_format="channels_first" if first else "channels_last"), rest[1:]
    return biased(out, rest, first)


def padded(x: Any, padding: Any, first: bool, sign: int = 1) -> Any:
    rank = x.ndim - 2
    pairs = [padding] if rank == 1 else [p if isinstance(p, (tuple, list)) else (p, p) for p in padding]
    flat = [sign * n for pair in reversed(pairs) for n in pair]
    return F.pad(x, flat if first else [0, 0, *flat])  # a negative padding cuts


def up_sampling(x: Any, size: Any, interpolation: str, first: bool) -> Any:
    x = x if first else T.channels_to_front(x)
    factors = tuple(float(f) for f in T.as_tuple(size, x.ndim - 2))
    options = {"align_corners": False} if interpolation == "bilinear" else {}
    out = F.interpolate(x, scale_factor=factors, mode=interpolation, **options)
    return out if first else T.channels_to_back(out)


def sample_norm(target: str, x: Any, weights: list[Any], axis: Any = -1, epsilon: float | None = None, **options: Any) -> Any:
    rest = list(weights)
    axes = sorted(a % x.ndim for a in (axis if isinstance(axis, (tuple, list)) else [axis]))
    along = [x.shape[a] if a in axes else 1 for a in range(x.ndim)]
    if target == "UnitNormalization":
        return x / torch.linalg.vector_norm(x, dim=axes, keepdim=True)
    if target == "RMSNormalization":
        return x / ((x**2).mean(axes, keepdim=True) + (1e-6 if epsilon is None else epsilon)).sqrt() * rest[0].reshape(along)
    epsilon = 1e-3 if epsilon is None else epsilon
    if target == "GroupNormalization":
        channels = torch.movedim(x, axes[0], 1)
        groups = options["groups"] if options["groups"] > 0 else channels.shape[1]
        out = torch.movedim(F.group_norm(channels, groups, eps=epsilon), 1, axes[0])
    else:
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        out = (x - mean) / (variance + epsilon).sqrt()
    if options.get("scale", True):
        out = out * rest.pop(0).reshape(along)
    return out + rest.pop(0).reshape(along) if options.get("center", True) else out


def normalization(x: Any, mean: Any, variance: Any, axis: int = -1, invert: bool = False) -> Any:
    along = [-1 if a == axis % x.ndim else 1 for a in range(x.ndim)]
    middle, deviation = (torch.as_tensor(v, dtype=x.dtype).reshape(along) for v in (mean, variance))
    deviation = deviation.sqrt().clamp(min=1e-7)
    return middle + x * deviation if invert else (x - middle) / deviation


def layer(target: str, x: Any, weights: list[Any], **options: Any) -> Any:
    """A Keras layer with its defaults; None for those that are not here."""
    first = options.get("data_format") == "channels_first"
    if target == "Conv1D":
        return conv(x, weights, **options)
    if target.endswith("Transpose"):
        return conv_transpose(x, weights, **options)
    if target.startswith(("Depthwise", "Separable")):
        return separable(target, x, weights, **options)
    if target in ("MaxPooling1D", "AveragePooling1D"):
        return T.pool("max" if target.startswith("Max") else "average", x, **{"pool_size": 2, **options})
    if target.startswith("Global") and target != "GlobalAveragePooling2D":
        axes = list(range(2, x.ndim)) if first else list(range(1, x.ndim - 1))
        function = torch.amax if "Max" in target else torch.mean
        return function(x, axes, keepdim=options.get("keepdims", False))
    if target.startswith("ZeroPadding"):
        return padded(x, options["padding"], first)
    if target.startswith("Cropping"):
        return padded(x, options["cropping"], first, -1)
    if target.startswith("UpSampling"):
        return up_sampling(x, options.get("size", 2), options.get("interpolation", "nearest"), first)
    if target in ("LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"):
        return sample_norm(target, x, weights, **options)
    if target == "PReLU":
        return torch.where(x > 0, x, weights[0] * x)
    if target == "ELU":
        return F.elu(x, options["alpha"])
    if target == "Rescaling":
        return x * options["scale"] + options["offset"]
    if target == "Normalization":
        return normalization(x, **options)
    return None
