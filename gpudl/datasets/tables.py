"""Read scikit-learn's data files and split them into a part to train on and a part to test on: `load`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]


def load(name: str, test_split: float, seed: int) -> Split:
    """The data set `name` of scikit-learn in a random order that the seed settles, its tail to test on.

    Raises:
        ModuleNotFoundError: without scikit-learn, with the line that installs it.
        ValueError: if test_split leaves nothing to train or to test on.
    """
    where = f"{name}.load_data"
    if isinstance(test_split, (bool, str)) or not isinstance(test_split, (int, float)) or not 0 < test_split < 1:
        raise ValueError(f"[{where}] test_split must be a fraction of the data, 0 < test_split < 1. Received: test_split={test_split!r}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"[{where}] seed must be a whole number >= 0. Received: seed={seed!r}")
    try:
        source: Any = importlib.import_module("sklearn.datasets")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"[{where}] these data are files of scikit-learn, which is not installed. Run: pip install scikit-learn", name=error.name
        ) from None
    x, y = getattr(source, f"load_{name}")(return_X_y=True)
    at = len(x) - round(len(x) * test_split)
    if at in (0, len(x)):
        raise ValueError(f"[{where}] test_split={test_split} of {len(x)} rows leaves no row to {'train' if at == 0 else 'test'} on")
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order], y[order]
    return (x[:at], y[:at]), (x[at:], y[at:])


__all__ = ["load"]
