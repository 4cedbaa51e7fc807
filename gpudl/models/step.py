"""One step of training, testing or predicting: ordinary eager code, which `StepRunner` records and replays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import dtypes, ops
from ..autograd import no_grad
from ..losses.base import recast
from ..tensors import Tensor, mask_of

if TYPE_CHECKING:
    from .trainer import Trainer


def train(model: Trainer, x: Tensor, y: Tensor, weights: Tensor | None) -> None:
    """Forward, loss, backward, update, measure."""
    learning = model.trainable_variables
    for variable in learning:
        variable.path_leaf.clear()
    y_pred = model(x, training=True)
    loss = model.compute_loss(x, y, y_pred, weights)
    if learning:
        model.optimizer.scale_loss(loss).backward()
        model.optimizer.apply(None, learning)
    with no_grad():
        measure(model, loss, y, y_pred, weights)


def test(model: Trainer, x: Tensor, y: Tensor, weights: Tensor | None) -> None:
    """Forward, loss, measure."""
    with no_grad():
        y_pred = model(x, training=False)
        measure(model, model.compute_loss(x, y, y_pred, weights), y, y_pred, weights)


def predict(model: Trainer, x: Tensor) -> Tensor:
    with no_grad():
        return model(x, training=False)


def measure(model: Trainer, loss: Tensor, y: Tensor, y_pred: Tensor, weights: Tensor | None) -> None:
    """Gather loss and metrics in the accumulators on the device; the host reads them when somebody asks."""
    model.loss_tracker.update_state(loss.detach(), float(y_pred.shape[0]))
    if model.metrics_in_use and y_pred.dtype.itemsize == 2 and y_pred.dtype != dtypes.floatx():  # mixed precision
        y_pred, mask = recast(y_pred, dtypes.floatx()), mask_of(y_pred)
        if mask is not None:
            y_pred._keras_mask = mask
    for metric in model.metrics_in_use:
        metric.update_state(y, y_pred, weights if metric.weighted else None)


# the same over data that lie on the device: the batch is gathered by order and cursor, and an op moves the cursor


def batch_of(arrays: tuple[Tensor, ...], order: Tensor, cursor: Tensor, batch: int) -> list[Tensor]:
    return [ops.gather_rows(a, order, cursor, batch) for a in arrays]


def train_from(model: Trainer) -> Any:
    def step(*inputs: Any) -> None:
        *arrays, order, cursor, batch = inputs
        x, y, *weights = batch_of(tuple(arrays), order, cursor, batch)
        train(model, x, y, weights[0] if weights else None)
        ops.advance_(cursor, batch)

    return step


def test_from(model: Trainer) -> Any:
    def step(*inputs: Any) -> None:
        *arrays, order, cursor, batch = inputs
        with no_grad():
            x, y, *weights = batch_of(tuple(arrays), order, cursor, batch)
            test(model, x, y, weights[0] if weights else None)
            ops.advance_(cursor, batch)

    return step


def predict_from(model: Trainer) -> Any:
    def step(x: Tensor, result: Tensor, order: Tensor, cursor: Tensor, batch: int) -> None:
        with no_grad():
            ops.scatter_rows_(result, predict(model, ops.gather_rows(x, order, cursor, batch)), cursor)
            ops.advance_(cursor, batch)

    return step
