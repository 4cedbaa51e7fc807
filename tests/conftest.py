"""What every test starts from: launches are checked, the engine's settings are put back, random numbers are seeded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gpudl import backends, config, native, op
from gpudl.testing import use_kernels

op.checks = True  # every launch of every test: one device, no output over an input

PATHS = ("numpy", "cpu") if native.cpu().loaded else ("numpy",)


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    """The paths of the CPU that exist here: reference kernels, and compiled ones."""
    with backends.device("cpu"), use_kernels(request.param):
        yield request.param


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """A test may change the settings of the process; the next one starts from the defaults."""
    before = dict(config._values)
    yield
    if config._values != before:
        config._values.update(before)
        config.bump()
