"""Say in PyTorch what each keras.ops function of the golden cases computes, independently of Keras and of gpudl."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

EPSILON = 1e-7  # keras.config.epsilon()


def as_tuple(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def same_padding(sizes: Any, window: Any, strides: Any, dilation: Any) -> list[int]:
    """Padding of padding='same', in the order F.pad wants it: last axis first; the odd one goes behind."""
    flat: list[int] = []
    for n, k, s, d in reversed(list(zip(sizes, window, strides, dilation))):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        flat += [total // 2, total - total // 2]
    return flat


def channels_to_front(x: torch.Tensor) -> torch.Tensor:
    return torch.movedim(x, -1, 1)


def channels_to_back(x: torch.Tensor) -> torch.Tensor:
    return torch.movedim(x, 1, -1)


def conv(x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", dilation_rate: Any = 1, data_format: str = "channels_last") -> Any:
    rank = kernel.ndim - 2
    first = data_format == "channels_first"
    x = x if first else channels_to_front(x)
    strides, dilation = as_tuple(strides, rank), as_tuple(dilation_rate, rank)
    if padding == "same":
        x = F.pad(x, same_padding(x.shape[2:], kernel.shape[:rank], strides, dilation))
    weight = kernel.permute(rank + 1, rank, *range(rank))
    function = F.conv1d if rank == 1 else F.conv2d
    out = function(x, weight, stride=strides, dilation=dilation, groups=x.shape[1] // kernel.shape[-2])
    return out if first else channels_to_back(out)


def conv_transpose(x: Any, kernel: Any, strides: Any = 1, padding: str = "valid") -> Any:
    """The transpose of `conv` with the same kernel: what it is by definition, not by padding rules."""
    rank = kernel.ndim - 2
    strides = as_tuple(strides, rank)
    sizes = [n * s + (max(k - s, 0) if padding == "valid" else 0) for n, s, k in zip(x.shape[1:-1], strides, kernel.shape)]
    source = torch.zeros(x.shape[0], *sizes, kernel.shape[-2], dtype=x.dtype, requires_grad=True)
    image = conv(source, kernel, strides, padding)
    return torch.autograd.grad((image * x).sum(), source, create_graph=True)[0]


def depthwise_conv(x: Any, kernel: Any, strides: Any = 1, padding: str = "valid") -> Any:
    rows, columns, channels, multiplier = kernel.shape
    parts = [
        conv(x[..., c : c + 1], kernel[:, :, c : c + 1, :].reshape(rows, columns, 1, multiplier), strides, padding) for c in range(channels)
    ]
    return torch.cat(parts, dim=-1)


def pool(kind: str, x: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str = "channels_last") -> Any:
    rank = x.ndim - 2
    first = data_format == "channels_first"
    x = x if first else channels_to_front(x)
    window = as_tuple(pool_size, rank)
    steps = window if strides is None else as_tuple(strides, rank)
    pads = same_padding(x.shape[2:], window, steps, (1,) * rank) if padding == "same" else [0] * (2 * rank)
    if kind == "max":
        out = (F.max_pool1d if rank == 1 else F.max_pool2d)(F.pad(x, pads, value=-torch.inf), window, steps)
    else:  # an average counts only places inside the image
        average = F.avg_pool1d if rank == 1 else F.avg_pool2d
        out = average(F.pad(x, pads), window, steps) / average(F.pad(torch.ones_like(x), pads), window, steps)
    return out if first else channels_to_back(out)


def reduce(function: Any) -> Any:
    """A reduction over `axis` (None, one or several) from one over a single last axis."""

    def reduced(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = range(x.ndim) if axis is None else ((axis,) if isinstance(axis, int) else axis)
        axes = [a % x.ndim for a in axes]
        kept = [a for a in range(x.ndim) if a not in axes]
        out = function(x.permute(*kept, *axes).reshape(*[x.shape[a] for a in kept], -1))
        return out.reshape([1 if a in axes else x.shape[a] for a in range(x.ndim)]) if keepdims else out

    return reduced


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    if from_logits:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")
    output = output.clamp(EPSILON, 1 - EPSILON)
    return -(target * output.log() + (1 - target) * (1 - output).log())


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    if from_logits:
        return -(target * F.log_softmax(output, -1)).sum(-1)
    return -(target * (output / output.sum(-1, keepdim=True)).clamp(EPSILON, 1 - EPSILON).log()).sum(-1)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    target = target.squeeze(-1) if target.ndim == output.ndim else target
    return categorical_crossentropy(F.one_hot(target.long(), output.shape[-1]).to(output.dtype), output, from_logits)


def batch_normalization(x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
    # not F.batch_norm: it has no gradient for mean and variance
    out = (torch.movedim(x, axis, -1) - mean) / (variance + epsilon).sqrt()
    out = out if scale is None else out * scale
    return torch.movedim(out if offset is None else out + offset, -1, axis)


def take(x: Any, i: Any, axis: int | None = None) -> Any:
    if axis is None:
        x, axis = x.reshape(-1), 0
    chosen = x.index_select(axis, i.reshape(-1).long() % x.shape[axis])
    return chosen.reshape(*x.shape[:axis], *i.shape, *x.shape[axis + 1 :])


def dot(x: Any, y: Any) -> Any:
    return torch.tensordot(x, y, dims=([x.ndim - 1], [max(y.ndim - 2, 0)]))


def split(x: Any, parts: Any, axis: int) -> Any:
    return torch.tensor_split(x, parts if isinstance(parts, int) else list(parts), dim=axis)


def pad(x: Any, widths: Any, constant_values: float = 0.0) -> Any:
    return F.pad(x, [n for pair in reversed(widths) for n in pair], value=constant_values)


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    out = torch.where(x >= threshold, x, negative_slope * (x - threshold)) if threshold or negative_slope else F.relu(x)
    return out if max_value is None else out.clamp(max=max_value)


def flip(x: Any, axis: int | None = None) -> Any:
    return torch.flip(x, list(range(x.ndim)) if axis is None else [axis])


ACTIVATIONS: dict[str, Any] = {
    "linear": lambda x: x * 1.0,
    "relu": relu,
    "relu6": F.relu6,
    "leaky_relu": lambda x, negative_slope=0.2: F.leaky_relu(x, negative_slope),
    "elu": lambda x, alpha=1.0: F.elu(x, alpha),
    "selu": F.selu,
    "gelu": lambda x, approximate=False: F.gelu(x, approximate="tanh" if approximate else "none"),
    # neither F.softplus (linear above 20: off by 2e-9) nor F.hardsigmoid (its gradient takes 1/6 from float32)
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "softsign": F.softsign,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
    "log_sigmoid": F.logsigmoid,
    "exponential": torch.exp,
    "softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "log_softmax": lambda x, axis=-1: torch.log_softmax(x, axis),
}

PLAIN = (
    "exp expm1 sin cos tanh square negative sigmoid erf arctan sinh cosh log sqrt rsqrt log1p "
    "reciprocal log2 log10 absolute sign floor ceil round "
    "arcsin arccos tan add subtract multiply divide maximum minimum floor_divide "
    "logaddexp arctan2 logical_and logical_or logical_xor logical_not "
    "where isnan isfinite cumsum squeeze matmul tensordot tile swapaxes moveaxis roll ravel broadcast_to reshape argsort"
)

OPS: dict[str, Any] = {
    **ACTIVATIONS,
    **{name: getattr(torch, name) for name in PLAIN.split() if hasattr(torch, name)},
    "gelu": lambda x: F.gelu(x, approximate="tanh"),  # the op's default is the tanh form, the activation's is exact
    "power": torch.pow,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "mod": torch.remainder,
    "clip": torch.clamp,
    "sum": reduce(lambda x: x.sum(-1)),
    "mean": reduce(lambda x: x.mean(-1)),
    "var": reduce(lambda x: x.var(-1, correction=0)),
    "std": reduce(lambda x: x.std(-1, correction=0)),
    "max": reduce(lambda x: x.max(-1).values),
    "min": reduce(lambda x: x.min(-1).values),
    "argmax": reduce(lambda x: x.argmax(-1)),
    "argmin": reduce(lambda x: x.argmin(-1)),
    "prod": reduce(lambda x: x.prod(-1)),
    "logsumexp": reduce(lambda x: torch.logsumexp(x, -1)),
    "any": reduce(lambda x: x.any(-1)),
    "all": reduce(lambda x: x.all(-1)),
    "transpose": lambda x, axes=None: x.permute(*(reversed(range(x.ndim)) if axes is None else axes)),
    "concatenate": lambda parts, axis: torch.cat(parts, axis),
    "stack": lambda parts, axis: torch.stack(parts, axis),
    "split": split,
    "pad": pad,
    "expand_dims": torch.unsqueeze,
    "repeat": lambda x, n, axis=None: torch.repeat_interleave(x, n, dim=axis),
    "flip": flip,
    "roll": lambda x, n, axis: torch.roll(x, n, axis),
    "cumsum": lambda x, axis: torch.cumsum(x, axis),
    "take": take,
    "take_along_axis": lambda x, i, axis: torch.gather(x, axis, i.long()),
    "one_hot": lambda i, n, axis=-1: torch.movedim(F.one_hot(i.long(), n).double(), -1, axis),
    "top_k": lambda x, k: tuple(torch.topk(x, k)),
    "sort": lambda x, axis=-1: torch.sort(x, dim=axis).values,
    "argsort": lambda x, axis=-1: torch.argsort(x, dim=axis),
    "dot": dot,
    "tensordot": lambda x, y, n=2, axes=None: torch.tensordot(x, y, dims=n if axes is None else axes),
    "conv": conv,
    "conv_transpose": conv_transpose,
    "depthwise_conv": depthwise_conv,
    "max_pool": lambda x, size, **kw: pool("max", x, size, **kw),
    "average_pool": lambda x, size, **kw: pool("average", x, size, **kw),
    "layer_normalization": lambda x, gamma=None, beta=None, epsilon=EPSILON: F.layer_norm(x, x.shape[-1:], gamma, beta, eps=epsilon),
    "batch_normalization": batch_normalization,
    "binary_crossentropy": binary_crossentropy,
    "categorical_crossentropy": categorical_crossentropy,
    "sparse_categorical_crossentropy": sparse_categorical_crossentropy,
}
