"""Start anew: `set_random_seed` makes a program repeat, `clear_session` counts names from the beginning."""

from __future__ import annotations

import gc

import numpy as np

from .. import config
from .. import random as gpudl_random
from ..layers.context import reset_names


def set_random_seed(seed: int) -> None:
    """Let initial weights, permutations, dropout, NumPy's and Python's global generators repeat.

    Args:
        seed: a whole number, 0 <= seed < 2**32.

    Raises:
        ValueError: for anything else.

    >>> import gpudl
    >>> set_random_seed(1)
    >>> first = gpudl.layers.Dense(2)(gpudl.ones((1, 3))).tolist()
    >>> set_random_seed(1)
    >>> gpudl.layers.Dense(2)(gpudl.ones((1, 3))).tolist() == first
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"[set_random_seed] expected a whole number, 0 <= seed < 2**32. Received: seed={seed!r}")
    import random  # 6 ms that only its users pay

    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002  the global one, as scripts expect
    gpudl_random.set_seed(int(seed))


def clear_session(free_memory: bool = True) -> None:
    """Name layers and models from the beginning again, and let go of recorded steps.

    Args:
        free_memory: also free what is kept by circles of references alone. Default True.

    >>> import gpudl
    >>> clear_session()
    >>> gpudl.layers.Dense(1).name, gpudl.layers.Dense(1).name
    ('dense', 'dense_1')
    """
    reset_names()
    config.bump()
    if free_memory:
        gc.collect()


__all__ = ["clear_session", "set_random_seed"]
