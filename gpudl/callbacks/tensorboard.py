"""Show training in TensorBoard: `TensorBoard` writes its event files, without TensorFlow."""

from __future__ import annotations

import os
import time
from os import PathLike
from typing import Any

from .base import Callback, Logs
from .events import EventFile
from .monitor import count


class TensorBoard(Callback):
    """Writes loss, metrics and learning rate as scalars. To look at them: ``pip install tensorboard``, ``tensorboard --logdir logs``.

    Two runs are written: `<log_dir>/train` and `<log_dir>/validation`. Both have ``epoch_<name>`` for every name in the logs, against the
    epoch from 0; training also ``epoch_learning_rate``; validation also ``evaluation_<name>_vs_iterations``, against the updates so far.

    Args:
        log_dir: a folder. Default "logs".
        histogram_freq: only 0: histograms of weights are not written.
        write_graph: taken, without effect: no graph is written. `gpudl.utils.plot_model` draws one.
        write_images: only False.
        write_steps_per_second: also write ``epoch_steps_per_second``. Default False.
        update_freq: "epoch", "batch", or a number n: also write ``batch_<name>`` at every batch, or every n-th; then training stops at
            every batch to read the metrics, which is slower. Default "epoch".
        profile_batch: only 0: no profile is written.
        embeddings_freq: only 0: embeddings are not written.
        embeddings_metadata: only None.

    Raises:
        TypeError, ValueError: for arguments that make no sense, and for what is not supported.

    >>> TensorBoard("runs/first").log_dir
    'runs/first'
    """

    def __init__(
        self,
        log_dir: str | PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        if not isinstance(log_dir, (str, PathLike)) or not os.fspath(log_dir):
            raise TypeError(f"[TensorBoard] log_dir must be a path, e.g. 'logs'. Received: log_dir={log_dir!r}")
        asked = {
            "histogram_freq": histogram_freq,
            "write_images": write_images,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            "embeddings_metadata": embeddings_metadata,
        }
        for name, value in asked.items():
            if value:
                raise ValueError(f"[TensorBoard] only scalars are written: leave {name} out. Received: {name}={value!r}")
        if isinstance(update_freq, str) and update_freq not in ("epoch", "batch"):
            raise ValueError(f"[TensorBoard] update_freq must be 'epoch', 'batch' or a number. Received: update_freq={update_freq!r}")
        self.log_dir, self.write_graph = str(os.fspath(log_dir)), write_graph
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        if update_freq != "epoch":
            self._every = 1 if isinstance(update_freq, str) else count("TensorBoard", "update_freq", update_freq, 1)
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]  # only then is fit to stop at batches
        self._runs: dict[str, EventFile] = {}
        self._batches = self._updates = 0
        self._began = 0.0

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._runs = {name: EventFile(os.path.join(self.log_dir, name)) for name in ("train", "validation")}

    def check(self, available: list[str], validation: bool, others_add: bool) -> None:
        if os.path.exists(self.log_dir) and not os.path.isdir(self.log_dir):
            raise NotADirectoryError(f"[TensorBoard] log_dir is to be a folder. Received: {self.log_dir!r}, which is a file")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.write_steps_per_second:
            self._updates, self._began = int(self.model.optimizer.iterations), time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        train["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.write_steps_per_second:
            took = time.perf_counter() - self._began
            train["steps_per_second"] = (int(self.model.optimizer.iterations) - self._updates) / max(took, 1e-9)
        self._write("train", epoch, train, "epoch_{}")
        self._write("validation", epoch, {n[4:]: v for n, v in logs.items() if n.startswith("val_")}, "epoch_{}")

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self.model.optimizer is not None:
            self._write("validation", int(self.model.optimizer.iterations), logs or {}, "evaluation_{}_vs_iterations")

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches % self._every == 0:
            self._write("train", self._batches, logs or {}, "batch_{}")

    def _write(self, run: str, step: int, values: Logs, tag: str) -> None:
        if values:
            numbers: dict[str, Any] = {}
            for name, value in values.items():
                several: Any = value if hasattr(value, "__len__") else None
                numbers |= {name: value} if several is None else {f"{name}_{i}": v for i, v in enumerate(several)}
            self._runs[run].scalars(step, {tag.format(name): value for name, value in numbers.items()})


__all__ = ["TensorBoard"]
