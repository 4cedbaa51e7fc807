"""Keep small gradients of float16 from vanishing: `LossScaleOptimizer` scales the loss as far as the gradients stay finite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import ops
from ..autograd import no_grad
from ..ops._common import cast
from ..tensors import Tensor, TensorLike
from ..variables import Variable, move, over
from .base import Optimizer
from .options import checked_count, checked_number


class LossScaleOptimizer(Optimizer):
    """Another optimizer, with the loss multiplied by a scale before `backward()` and the gradients divided by it after.

    A step in which a gradient is infinite or NaN changes no parameter and no slot, and halves the scale. After `dynamic_growth_steps`
    steps in a row with finite gradients the scale is doubled. All of that happens on the device.

    Args:
        inner_optimizer: what updates; an Optimizer that scales no loss and accumulates no gradients itself.
        initial_scale: above 0. Default 32768.
        dynamic_growth_steps: at least 1. Default 2000.
        name: default: the class's name in lower case.

    Raises:
        TypeError, ValueError: if the inner optimizer is none, or a number is out of range.

    Source: Micikevicius et al., Mixed precision training, 2017.

    >>> import gpudl
    >>> optimizer = LossScaleOptimizer(gpudl.optimizers.SGD(0.5), initial_scale=4.0)
    >>> w = gpudl.Variable([1.0])
    >>> optimizer.apply([[float("inf")]], [w])
    >>> optimizer.apply([[2.0]], [w])
    >>> w.tolist(), float(optimizer.dynamic_scale)
    ([0.5], 2.0)
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 32768.0,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        own = type(self).__name__
        if not isinstance(inner_optimizer, Optimizer) or isinstance(inner_optimizer, LossScaleOptimizer):
            raise TypeError(f"[{own}] inner_optimizer must be an Optimizer, e.g. Adam(0.001). Received: {inner_optimizer!r}")
        if inner_optimizer.gradient_accumulation_steps:
            raise ValueError(
                f"[{own}] the inner optimizer must not have gradient_accumulation_steps, for a step that is left out would be missing in "
                f"them. Received: gradient_accumulation_steps={inner_optimizer.gradient_accumulation_steps}"
            )
        self.inner_optimizer = inner_optimizer
        self.initial_scale = checked_number(own, "initial_scale", initial_scale, above=True)
        self.dynamic_growth_steps = checked_count(own, "dynamic_growth_steps", dynamic_growth_steps, 1)
        super().__init__(0.0, name=name, **kwargs)
        self._built = False
        inner_optimizer.loss_scale_factor = None
        self.dynamic_scale = Variable(self.initial_scale, trainable=False, dtype="float32", name="dynamic_scale")
        self.step_counter = Variable(0, trainable=False, dtype="int64", name="step_counter")
        inner_optimizer._unscale = self.dynamic_scale
        self.iterations = inner_optimizer.iterations
        self._built = True

    @property
    def learning_rate(self) -> Variable:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def variables(self) -> list[Variable]:
        return [self.step_counter, self.dynamic_scale, *self.inner_optimizer.variables]

    def build(self, variables: Iterable[Variable]) -> None:
        self.inner_optimizer.build(variables)
        self._variables = self.inner_optimizer._variables
        own = [v for v in (self.step_counter, self.dynamic_scale) if v.device != self.iterations.device]
        if own:
            move(own, self.iterations.device)

    def apply(self, grads: Sequence[TensorLike | None] | None = None, trainable_variables: Sequence[Variable] | None = None) -> None:
        """One update of the inner optimizer with the gradients divided by the scale, if all of them are finite; then move the scale."""
        inner = self.inner_optimizer
        targets = self._variables if trainable_variables is None else list(trainable_variables)
        if not all(inner._is_placed(v) for v in targets):
            self.build([*self._variables, *targets])
        if grads is not None:
            grads = inner._checked(list(grads), targets)
        found = [v.path_leaf.grad for v in targets] if grads is None else grads
        present = [g for g, v in zip(found, targets) if isinstance(g, Tensor) and v.edge is not None]
        if not present:
            inner.apply(grads, trainable_variables)
            return
        with no_grad():
            finite = ops.all_finite(*present)
            kept = [(x, ops.backup(x)) for x in self._moved(targets)]
            inner.apply(grads, trainable_variables)
            for x, before in kept:
                ops.undo_(x, before, finite)
            ops.loss_scale_(self.dynamic_scale, self.step_counter, finite, self.dynamic_growth_steps)

    def _moved(self, targets: Sequence[Variable]) -> list[Variable]:
        """All that a step of the inner optimizer may write."""
        inner = self.inner_optimizer
        homes = {v.path_leaf.pack[0]: None for v in targets}
        arenas = [over(arena.flat) for home in homes for arena in (home.params, *inner._arenas[home])]
        further = [slot for v in targets for slot in inner._slots[v.path_leaf][len(inner._all_slots) :]]
        return [*arenas, *further, inner.iterations, inner._rate, *inner._numbers]

    def scale_loss(self, loss: Tensor) -> Tensor:
        return loss * cast(self.dynamic_scale.detach(), loss.dtype)

    def average_of(self, v: Variable) -> Variable | None:
        return self.inner_optimizer.average_of(v)

    def finalize_variable_values(self, var_list: Iterable[Variable] | None = None) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def get_config(self) -> dict[str, Any]:
        from . import serialize

        inner = serialize(self.inner_optimizer)
        growth = self.dynamic_growth_steps
        return {"name": self.name, "inner_optimizer": inner, "initial_scale": self.initial_scale, "dynamic_growth_steps": growth}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        from . import deserialize

        return cls(**{**config, "inner_optimizer": deserialize(config["inner_optimizer"])})


__all__ = ["LossScaleOptimizer"]
