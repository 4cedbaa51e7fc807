"""Threads, interrupts and compiled modules around a replayed step."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

import numpy as np
import pytest
from footguns.training import X, Y, equal, make

import gpudl
from gpudl import layers, native, optimizers


def test_two_models_train_in_two_threads(path: str) -> None:
    """What they give alone, eager and replayed."""

    def work(seed: int, mode: str, out: dict[Any, Any]) -> None:
        try:
            model = models[seed, mode]
            history = model.fit(X, Y, epochs=6, validation_data=(X[:40], Y[:40]), shuffle=False, verbose=0).history
            out[seed, mode] = [np.array(history["loss"]), *[v.numpy() for v in model.trainable_variables]]
        except Exception as error:
            out[seed, mode] = error

    def models_for(keys: Any) -> dict[Any, Any]:
        return {(s, m): make([layers.BatchNormalization(), layers.Dropout(0.2)], m, optimizers.Adam(0.01), seed=s) for s, m in keys}

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        alone: dict[Any, Any] = {}
        models = models_for([(s, m) for s in (1, 2) for m in ("eager", "replay")])
        for key in models:
            work(*key, alone)
        for a, b in (("eager", "eager"), ("replay", "replay"), ("eager", "replay")):
            both: dict[Any, Any] = {}
            models = models_for([(1, a), (2, b)])
            threads = [threading.Thread(target=work, args=(*key, both)) for key in models]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            for key, result in both.items():
                assert not isinstance(result, Exception), result
                assert equal(result, alone[key]), f"{key} beside another thread"
    finally:
        sys.setswitchinterval(before)


def test_an_interrupt_stops_between_two_steps() -> None:
    model = make([layers.Dense(64)])
    big, labels = np.repeat(X, 300, 0), np.repeat(Y, 300)
    model.fit(big, labels, epochs=1, batch_size=16, verbose=0)

    class Stop(gpudl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                signal.setitimer(signal.ITIMER_REAL, 0.05)

    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(big, labels, epochs=1000, batch_size=16, callbacks=[Stop()], verbose=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert gpudl.tensors.mode.recorder is None
    assert all(np.isfinite(w).all() for w in model.get_weights())
    history = model.fit(X, Y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all(), "the model is usable afterwards"


@pytest.mark.skipif(not native.cpu().loaded, reason="the compiled module is not built here")
def test_compiled_kernels_are_in_the_table() -> None:
    module = native.cpu().module
    assert module is not None
    assert {"relu", "relu_grad", "leaky_relu", "leaky_relu_grad"} <= set(module.kernels())
    assert set(module.kernels()) <= set(gpudl.op.registry), "a compiled kernel without an op"
