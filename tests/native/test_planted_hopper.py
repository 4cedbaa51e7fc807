"""What would break products on Hopper is noticed: copies of the kernel from which something was taken (kernels/plant_hopper.py)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from emulated import CHECKED, SCHEDULES, call, poisoned

spec = importlib.util.spec_from_file_location("plant_hopper", Path(__file__).parent / "kernels" / "plant_hopper.py")
assert spec is not None and spec.loader is not None
plant_hopper = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plant_hopper)
BUGS = [bug.name for bug in plant_hopper.BUGS]
SIZES = ((260, 200, 328), (150, 136, 520), (600, 264, 64))
built = pytest.mark.skipif(
    CHECKED.module is None or "planted_hopper" not in CHECKED.module.kernels(),
    reason="the emulation was built without the file that plant_hopper.py writes (GPUDL_EXTRA_KERNELS)",
)


def wrong(bug: int, schedule: str) -> str:
    """What is said about a copy: an error, wrong numbers, or nothing."""
    assert CHECKED.module is not None
    CHECKED.module.configure(**SCHEDULES[schedule])
    try:
        for m, n, k in SIZES:
            rng = np.random.default_rng(m)
            a, b = (rng.integers(-2, 3, s).astype(ml_dtypes.bfloat16) for s in ((m, k), (k, n)))
            y = poisoned((m, n), a.dtype)
            call(CHECKED.module, "planted_hopper", [y], [a, b], [bug])
            if not np.array_equal(y, (a.astype("f4") @ b.astype("f4")).astype(y.dtype)):
                return "wrong numbers"
    except RuntimeError as error:
        return str(error)
    finally:
        CHECKED.module.configure()
    return ""


def test_the_copies_can_be_written() -> None:
    assert plant_hopper.text().count("__global__") >= len(BUGS)


@built
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_whole_kernel_passes(schedule: str) -> None:
    assert wrong(0, schedule) == ""


@built
@pytest.mark.parametrize("bug", range(1, len(BUGS)), ids=lambda i: BUGS[i])
def test_a_planted_bug_is_noticed(bug: int) -> None:
    assert any(wrong(bug, schedule) for schedule in SCHEDULES), "under no schedule"
