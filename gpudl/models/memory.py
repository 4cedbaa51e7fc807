"""Forecast the memory that training takes, from shapes alone; say what a recorded step really takes.

While a step goes back through the layers there are alive, at layer i: the batch, every tensor before it that some layer needs again on the
way back, the gradient that arrives (the size of i's output) and the one that leaves (the size of its input, or of its output while it goes
through the activation function of a Dense or a convolution). The forecast is the largest such sum:

    max over i of  batch + sum over j < i of kept(j) + own(i) + output(i) + leaving(i)

The output of layer j is kept if the layer itself needs it again (relu, leaky_relu, sigmoid, tanh, softmax), or the next one needs its
input (Dense, convolutions, normalisations, gelu). own(i) is what i needs itself: its output, or the sum that went into its function.
Flatten and its like are views and take nothing; max pooling keeps a number for each of its outputs. Where the gradient of relu between two
Dense or two Conv2D layers is fused with the product before it (`gpudl.config.fusion`), there is nothing between the two.

Recurrent layers keep states and gates for every example, time step and unit: 1 number (SimpleRNN), 5 (GRU), 6 (LSTM).

In mixed precision there are also copies in 16 bits of the matrices, kept for the way back except for the first, and their gradients. A
LossScaleOptimizer keeps all that a step changes until it knows that the gradients are finite, and gradients without the scale.

Not counted: what an op needs while it runs, and what other layers keep inside. For chains of the layers named here the forecast is within a
factor 1.1 of what a recorded step takes, as tests/models/test_summary_memory.py checks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .. import config, dtypes
from ..plan import Plan
from .summary import memory as readable

BATCHES = (1, 32, 256)
VIEWS = ("InputLayer", "Flatten", "Reshape", "Identity")
FORGETFUL = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "ZeroPadding1D", "ZeroPadding2D", "UpSampling1D", "UpSampling2D")
KEPT = {"SimpleRNN": 1, "LSTM": 6, "GRU": 5}  # per example, time step and unit: states and gates
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}  # of which the gradient leaves
BY_OUTPUT = (
    "relu",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "softmax",
    "log_softmax",
    "exponential",
    "hard_sigmoid",
)  # their gradients need the output alone


def activation_of(layer: Any) -> str | None:
    """The name of the function at a layer's end; None if there is none, or it changes nothing."""
    kind = type(layer).__name__
    if kind == "TimeDistributed":
        return activation_of(layer.layer)
    if kind in ("ReLU", "Softmax"):
        return kind.lower()
    if kind == "LeakyReLU" and layer.negative_slope >= 0 and config.fusion():
        return "leaky_relu"
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    return None if name == "linear" else name


def is_activation(layer: Any) -> bool:
    return type(layer).__name__ in ("Activation", "ReLU", "LeakyReLU", "Softmax")


def fuses(model: Any, layer: Any, following: Any) -> bool:
    """Whether the gradient of a layer's function is made together with the product of the layer behind."""
    kind, name = type(following).__name__, activation_of(layer)
    parts = {"Dense": ("matmul", "matmul_act_grad"), "Conv2D": ("conv2d_grad_input", "conv2d_act_grad")}.get(kind)
    if parts is None or not (is_activation(layer) or type(layer).__name__ == kind) or not config.fusion():
        return False
    if parts[1] in model._backend.table:
        return name in ("relu", "leaky_relu", "sigmoid", "tanh")
    half = dtypes.standard(layer.compute_dtype).itemsize == 2  # the references of fused ops would round it less often
    return name == "relu" and not half and not any(op in model._backend.table for op in (parts[0], "relu_grad", "sum_to"))


def needs_input(layer: Any) -> bool:
    """Whether the way back through a layer needs what went into it."""
    kind = type(layer).__name__
    if is_activation(layer):
        return activation_of(layer) not in (*BY_OUTPUT, None)
    return not (kind in FORGETFUL or "Pool" in kind)


def needs_output(layer: Any) -> bool:
    return activation_of(layer) in BY_OUTPUT


def inside(layer: Any, size: int) -> int:
    """Numbers that a layer keeps beside its output."""
    if "MaxPool" in type(layer).__name__:
        return size
    name = activation_of(layer)
    return 0 if name is None or name in BY_OUTPUT or is_activation(layer) else size  # the sum that goes into the activation


def over_time(layer: Any) -> list[tuple[str, int]]:
    """(kind, units) of the recurrent layers in a layer: itself, or the two of a Bidirectional; none in others."""
    if type(layer).__name__ == "Bidirectional":
        return [*over_time(layer.forward_layer), *over_time(layer.backward_layer)]
    return [(type(layer).__name__, layer.units)] if type(layer).__name__ in KEPT else []


def chain(layers: Any, shape: Any) -> Iterator[tuple[Any, Any]]:
    """(layer, shape of its output) in order, with the layers of models that are layers."""
    for layer in layers:
        inner = getattr(layer, "layers", None)
        if isinstance(inner, list) and inner and hasattr(layer, "_batch_shape"):
            yield from chain(inner, shape)
            shape = layer.compute_output_shape(shape)
        else:
            shape = layer.compute_output_shape(shape)
            yield layer, shape


def activations(model: Any, batch_size: int) -> int | None:
    """Bytes of activations and their gradients at the fullest point of a training step; None if shapes are open.

    >>> import gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(64), gpudl.layers.Dense(3, "softmax")])
    >>> activations(model, 1) == 4 * (4 + 64 + 3 + 3 + 64)
    True
    """
    shape = model._batch_shape
    if shape is None:
        return None
    first = (batch_size, *shape[1:])
    try:
        steps = [(layer, out) for layer, out in chain(model.layers, first) if type(layer).__name__ not in VIEWS]
    except (ValueError, TypeError, NotImplementedError):
        return None
    if any(n is None for out in (first, *[out for _, out in steps]) for n in out):
        return None
    most = before = kept = math.prod(first)
    shape, weights, further = first, 0, False
    for i, (layer, out) in enumerate(steps):
        size, own = math.prod(out), inside(layer, math.prod(out))
        following = steps[i + 1][0] if i + 1 < len(steps) else None
        apart = i and not fuses(model, steps[i - 1][0], layer)
        leaving = before if apart else 0  # nobody asks for the gradient of the data
        if activation_of(layer) is not None and not is_activation(layer):
            leaving = max(leaving, size)  # first from the function's output to its input
        needed = size if needs_output(layer) else 0
        runs = over_time(layer)
        if runs:
            steps_in = shape[0] * shape[1]
            own = sum(steps_in * units * KEPT[kind] for kind, units in runs)
            needed = 0  # the states that are kept are the output
            kind, units = runs[0]
            leaving = max(leaving, steps_in * units * GATES[kind])
            size = max(size, steps_in * units)  # only the last state has a gradient, or all have
        copy = copies(layer)
        most = max(most, kept + size + leaving + weights + copy)  # the gradient of the copy is as large
        weights += copy if further else 0  # nobody needs the first again
        further = further or bool(layer.weights)
        if fuses(model, layer, following):
            most = max(most, weights + kept + own + needed + math.prod(steps[i + 1][1]) + size, weights + kept + own + size + leaving)
        else:
            most = max(most, weights + kept + own + needed + size + leaving)
        kept += own + (size if needed or following is None or needs_input(following) else 0)
        before, shape = math.prod(out), out
    return max(int(most * dtypes.standard(model.compute_dtype).itemsize), kept_by_optimizer(model))


def copies(layer: Any) -> int:
    """How many numbers a layer of mixed precision copies from its matrices, to read them in its compute dtype."""
    return sum(
        v.size
        for part in layer._tree()
        if part._reads is not None
        for v in part._trained
        if v.autocast and v.ndim >= 2 and dtypes.is_float(v.dtype)
    )


def kept_by_optimizer(model: Any) -> int:
    """Bytes of what a LossScaleOptimizer can take back, and of the gradients without the scale."""
    inner = getattr(model.optimizer, "inner_optimizer", None)
    return 0 if inner is None else (2 + len(inner.slot_names)) * sum(v.nbytes for v in model.trainable_weights)


def recorded(model: Any) -> dict[int, int]:
    """{batch size: bytes} of the training steps that were recorded: all their temporaries, in the memory planned for them."""
    found: dict[int, int] = {}
    for kind in ("train", "train_batch"):
        runner = model._runners.get(kind)
        for key, known in list(runner.known.items()) if runner is not None else ():
            if isinstance(known, Plan):
                found[key[0][0] if key[0] else known.bound[0].shape[0]] = known.arena_bytes
    return found


def slots(model: Any) -> int | None:
    """Bytes of the optimizer's momenta and averages, also before they are made; None without an optimizer."""
    if model.optimizer is None:
        return None
    if model.optimizer._variables:
        return int(sum(v.nbytes for v in model.optimizer.variables if v.ndim))
    return int(len(model.optimizer.slot_names) * sum(v.nbytes for v in model.trainable_weights))


def lines(model: Any, batches: Any) -> Iterator[str]:
    """The part of a summary about memory."""
    sizes = wanted(batches)
    fixed = {"parameters": sum(v.nbytes for v in model.weights), "gradients": sum(v.nbytes for v in model.trainable_weights)}
    of_slots = slots(model)
    if of_slots is not None:
        fixed["optimizer"] = of_slots
    yield " Memory for training:"
    for name, nbytes in fixed.items():
        yield f"   {name + ':':26s}{readable(nbytes)}"
    found = recorded(model)
    for n in sorted({*sizes, *found}):
        forecast = activations(model, n)
        label = f"activations, batch {n}:"
        if n in found:
            yield f"   {label:26s}{readable(found[n])}, recorded; together {readable(found[n] + sum(fixed.values()))}"
        elif forecast is None or not model.built:
            yield f"   {label:26s}not known: shapes are open"
        else:
            yield f"   {label:26s}about {readable(forecast)}; together {readable(forecast + sum(fixed.values()))}"


def wanted(batches: Any) -> tuple[int, ...]:
    """The batch sizes asked for by True, a number, or several."""
    if batches is True:
        return BATCHES
    given = batches if isinstance(batches, (list, tuple)) else (batches,)
    if not given or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in given):
        raise ValueError(f"[summary] memory must be True, a batch size, or a list of them. Received: memory={batches!r}")
    return tuple(given)


__all__ = ["activations", "lines", "recorded"]
