"""Pass masks from layer to layer: bools with the leading axes of a tensor, False where a step of a sequence does not count.

A mask rides on the tensor that it belongs to, as in Keras: a layer whose `call` takes ``mask`` gets it, and `compute_mask` says what
becomes of it. Ops that stand between layers lose it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..tensors import Tensor, mask_of, wrap

if TYPE_CHECKING:
    from .base import Layer


def masks_of(inputs: Any) -> Any:
    """The mask of a tensor; for a list of tensors a list."""
    return [masks_of(x) for x in inputs] if isinstance(inputs, (list, tuple)) else mask_of(inputs)


def flat(tree: Any) -> Iterator[Any]:
    """What lists hold, however deep."""
    if isinstance(tree, (list, tuple)):
        for part in tree:
            yield from flat(part)
    else:
        yield tree


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """x with a mask."""
    if mask is not None:
        x._keras_mask = mask
    return x


def remasked(x: Tensor, mask: Tensor | None) -> Tensor:
    """x with a mask, as another tensor over the same memory: x itself stays as it is."""
    return masked(wrap(x.array, x.storage, x.edge), mask)


def received(layer: Layer, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    """The mask of the inputs: as given in the call, else what they bring along. It is put where the layer's `call` takes it."""
    at = layer._mask_at
    if at is not None and len(args) > at:
        mask = admitted(args[at], inputs)
        return mask, (*args[:at], mask, *args[at + 1 :])
    given = kwargs.pop("mask", None)
    mask = admitted(given, inputs)
    if at is not None or given is not None:
        kwargs["mask"] = mask
    return mask, args


def admitted(mask: Any, inputs: Any) -> Any:
    """Masks as tensors where the inputs are."""
    if mask is None:
        return masks_of(inputs)
    if isinstance(inputs, (list, tuple)) and isinstance(mask, (list, tuple)):
        return [m if m is None or isinstance(m, Tensor) else Tensor(m, device=x.device) for m, x in zip(mask, inputs, strict=True)]
    return mask if isinstance(mask, Tensor) or isinstance(inputs, (list, tuple)) else Tensor(mask, device=inputs.device)


def passed_on(layer: Layer, inputs: Any, outputs: Any, mask: Any) -> Any:
    """The outputs with the masks that the layer computes for them."""
    if not layer.supports_masking:
        if any(m is not None for m in flat(mask)):
            warnings.warn(
                f"layer {layer.name!r} ({type(layer).__name__}) was given an input with a mask, but does not support masks: layers behind "
                "it do not see which steps count. A layer of your own says supports_masking = True",
                stacklevel=3,
            )
        return outputs
    if all(mask_of(y) is not None for y in flat(outputs)):
        return outputs
    found = layer.compute_mask(inputs, mask)
    if found is None:
        return outputs
    given = list(flat(inputs))
    each = iter(list(flat(found)))

    def with_masks(y: Any) -> Any:
        if isinstance(y, (list, tuple)):
            return type(y)(with_masks(part) for part in y)
        m = next(each, None)
        if m is None or mask_of(y) is not None:
            return y
        return remasked(y, m) if any(y is x for x in given) else masked(y, m)

    return with_masks(outputs)
