"""Every op with a reference kernel has a CUDA kernel, for all that its cases ask of it, or stands here with the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from emulated import FAST, needs_modules
from op_cases import CASES

from gpudl import backends, op, testing
from gpudl.testing import contract

pytestmark = needs_modules

# Ops without a kernel, and why. Views have no reference kernel, are never launched, and need no line.
WITHOUT: dict[str, str] = {}
# Operands of a case that a kernel declines, and why: op -> letters of the inputs' dtypes.
NORM = "norms of gradients are float32 or float64"
DECLINED: dict[str, dict[str, str]] = {"clip_factor": {"e": NORM, "E": NORM}}


def is_ours(o: op.Op) -> bool:
    return any((getattr(f, "__module__", None) or "").split(".")[0] == "gpudl" for f in (o.infer, o.reference, o.vjp))


def kernels() -> set[str]:
    assert FAST.module is not None
    return set(FAST.module.kernels())


def test_every_op_has_a_kernel() -> None:
    needed = {name for name, o in op.registry.items() if is_ours(o) and o.reference is not None}
    missing = sorted(needed - kernels() - WITHOUT.keys())
    assert not missing, f"no CUDA kernel, and no reason: {', '.join(missing)}"


def test_reasons_are_of_ops_that_have_none() -> None:
    unknown = sorted(WITHOUT.keys() - op.registry.keys())
    assert not unknown, f"no such op: {', '.join(unknown)}"
    made = sorted(WITHOUT.keys() & kernels())
    assert not made, f"these have a kernel now; their lines can go: {', '.join(made)}"


@pytest.fixture
def declined(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, set[str]]]:
    """What kernels of the table answer `missing` to, by op: dtypes and shapes of the inputs."""
    found: dict[str, set[str]] = {}
    otherwise = op.launch_otherwise

    def noted(o: op.Op, outs: Any, ins: Any, attrs: Any) -> Any:
        kernel = outs[0].storage.backend.kernels[o]
        letters = "".join(t.dtype.char for t in ins)
        if kernel is not None and kernel(outs, ins, attrs) == op.MISSING and letters not in DECLINED.get(o.name, {}):
            shapes = ", ".join(f"{t.dtype}{list(t.shape)}" for t in ins)
            found.setdefault(o.name, set()).add(f"{shapes}; attributes {attrs}")
        return otherwise(o, outs, ins, attrs)

    monkeypatch.setattr(op, "launch_otherwise", noted)
    with backends.device("cpu"), testing.use_kernels("emulated"):
        yield found


def test_kernels_take_what_the_cases_ask_of_them(declined: dict[str, set[str]]) -> None:
    for case in CASES:
        for dtype in case.dtypes or (None,):
            contract.evaluate(case, contract.arrays_for(case, dtype), contract.differentiable(case))
    lines = [f"{name}: {len(asked)} times, first of {sorted(asked)[0]}" for name, asked in sorted(declined.items())]
    assert not lines, "answered `missing`:\n" + "\n".join(lines)
