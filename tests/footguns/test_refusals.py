"""Steps that cannot be recorded stay eager, with one warning that names the user's line."""

from __future__ import annotations

from pathlib import Path

import pytest
from footguns.training import Lambda, X, Y, check, make, train

import gpudl
from gpudl import Tensor, layers
from gpudl.errors import CaptureError


def test_a_host_read_in_a_layer(path: str) -> None:
    check(lambda: [Lambda(lambda x: x * 0.5 if float((x * x).sum()) > 100 else x)], "read on the host")


def test_a_step_that_sets_attributes(path: str) -> None:
    """Refused once, not warned about for ever: what the step itself sets is no change."""

    class Keeps(layers.Layer):
        def call(self, x: Tensor) -> Tensor:
            self.last = x
            return x

    check(lambda: [Keeps()], "attribute 'last' of Keeps was set")


def test_capture_true_makes_a_refusal_an_error() -> None:
    model = make([Lambda(lambda x: x * float(x.numpy().max() > -1e9))], capture=True)
    with pytest.raises(CaptureError, match="read on the host"):
        model.fit(X, Y, epochs=2, verbose=0)
    assert gpudl.tensors.mode.recorder is None
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(X, Y, epochs=1, verbose=0)


def test_the_warning_names_the_users_line() -> None:
    def reads(x: Tensor) -> Tensor:
        return x * float(x.numpy().max() > -1e9)  # LINE

    *_, said = train(lambda: [Lambda(reads)], "replay")
    line = next(i for i, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "max() > -1e9)  # LINE" in text)
    assert len(said) == 1 and f"{__file__}:{line}" in said[0]
