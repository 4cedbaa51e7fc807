"""Nets on sequences of different lengths, trained three steps: every loss, metric and prediction is Keras' (golden/make_sequences.py)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))
from golden_sequences import CASES, train  # noqa: E402

KERAS = {case["name"]: case for case in json.loads((GOLDEN / "sequences.json").read_text())}


@pytest.mark.parametrize("name", CASES)
def test_as_keras(name: str) -> None:
    gpudl.config.set_floatx("float64")
    found: dict[str, Any] = train(gpudl, CASES[name])
    for kind, values in found.items():
        np.testing.assert_allclose(values, KERAS[name][kind], rtol=1e-9, atol=1e-10, err_msg=kind)


def test_the_data_belong_to_the_cases() -> None:
    assert list(KERAS) == list(CASES)
