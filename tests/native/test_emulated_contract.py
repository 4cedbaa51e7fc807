"""CUDA kernels give what their ops promise under every schedule, and no access of theirs is wrong: the table of cases, emulated.

The whole contract runs in tests/test_op_contract.py. Here each launch of a case, forward and backward, is tried in guarded memory and
compared with the reference, with threads and copies in other orders, and with each access checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from emulated import CHECKED, CUDA_OFF, FAST, SCHEDULES, launched, needs_modules
from op_cases import CASES

from gpudl import backends, testing
from gpudl.testing import Case

pytestmark = needs_modules
WAYS = [("emulated", name) for name in SCHEDULES] + [("checked", "ascending"), ("checked", "random1")]


def cases() -> list[Any]:
    table = FAST.module.kernels() if FAST.module else {}
    return [pytest.param(case, way, id=f"{way[0]}-{way[1]}-{case.name}") for case in CASES if launched(case) & table.keys() for way in WAYS]


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    path, schedule = request.param
    module = (FAST if path == "emulated" else CHECKED).module
    assert module is not None
    module.configure(**SCHEDULES[schedule])
    with backends.device("cpu"), testing.use_kernels(path):
        yield
    module.configure()


@pytest.mark.parametrize(("case", "way"), cases(), indirect=["way"])
def test_launches(case: Case, way: None) -> None:
    testing.check_value(case)
    testing.check_launches(case, CUDA_OFF)
