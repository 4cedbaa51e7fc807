"""Everything the engine promises of every op, over the whole table of cases. The checks themselves are in gpudl.testing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from emulated import CUDA_OFF, FAST, launched
from op_cases import CASES

from gpudl import Tensor, autograd, config, op, ops, testing
from gpudl.backends.cpu import compiled as compiled_kernels
from gpudl.testing import Case, contract, differences
from gpudl.testing.kernels import COMPILED_OFF

# Where the layout of the operands belongs to the bits of the result: NumPy chooses the order of a sum by the layout, and has faster
# transcendental functions for neighbouring elements, which round a few results differently. All other ops agree bit for bit.
SUMS = {
    "sum_to", "sum", "mean", "var", "prod", "logsumexp", "euclidean_norm", "matmul", "softmax", "log_softmax", "categorical_crossentropy",
    "mean_squared_error", "weighted_sum", "mean_", "matmul_bias", "matmul_act_grad", "softmax_crossentropy", "softmax_sparse_crossentropy",
    "square_sum",
}  # fmt: skip
FUNCTIONS = {
    "exp", "expm1", "log", "log1p", "log2", "log10", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "arcsinh", "arccosh",
    "arctanh", "power",
}  # fmt: skip
ROUNDED_BY_LAYOUT = frozenset(SUMS | FUNCTIONS)

TESTS = str(Path(__file__).parent)


def pairs() -> list[Any]:
    """Every case on the path "numpy"; on the others those where a compiled kernel takes part, since all others run the same code."""
    paths = [("numpy", CASES)]
    tables = {"cpu": compiled_kernels(), "emulated": FAST.module.kernels() if FAST.module else {}}
    paths += [(path, [case for case in CASES if launched(case) & table.keys()]) for path, table in tables.items() if table]
    return [pytest.param(case, path, id=f"{path}-{case.name}") for path, cases in paths for case in cases]


each = pytest.mark.parametrize(("case", "path"), pairs(), indirect=["path"])


@each
def test_value(case: Case, path: str) -> None:
    testing.check_value(case)


@each
def test_gradient(case: Case, path: str) -> None:
    testing.check_gradient(case)
    testing.check_twice(case)


@each
def test_layout(case: Case, path: str) -> None:
    testing.check_layout(case, within=lambda names: bool(names & ROUNDED_BY_LAYOUT))


@each
def test_replay(case: Case, path: str) -> None:
    before = config.fusion()
    config.set_fusion(before and path != "emulated")  # fused CUDA kernels round once: tests/native/test_fused_replay.py
    try:
        testing.check_replay(case)
        testing.check_replay(case, "poisoned")
    finally:
        config.set_fusion(before)


@each
def test_launches(case: Case, path: str) -> None:
    testing.check_launches(case, CUDA_OFF if path == "emulated" else COMPILED_OFF)


@pytest.mark.parametrize("case", [c for c in CASES if c.errors], ids=[c.name for c in CASES if c.errors])
def test_errors(case: Case) -> None:
    testing.check_errors(case)


class Coverage:
    """Runs the whole table once and notes what was launched, what was put on the tape, and which functions were called."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.codes: set[Any] = set()
        self.read: set[tuple[str, str, int]] = set()

    def run(self) -> Coverage:
        for case in CASES:
            wanted = contract.differentiable(case)
            arrays = contract.arrays_for(case, case.dtypes[0] if case.dtypes else None)
            leaves = differences.tensors_for(arrays, wanted)
            with testing.use_kernels("numpy"), testing.inspected_launches() as inspection:
                sys.setprofile(self.note)
                try:
                    outs = differences.tensors_in(case.function(*leaves))
                finally:
                    sys.setprofile(None)
                self.names |= differences.ops_on_tape(outs)
                weights = [Tensor(w) for w in differences.random_weights(outs)]
                by = [leaves[i] for i in wanted]
                if case.twice:
                    given = [Tensor(w, requires_grad=True) for w in differences.random_weights(outs)]
                    grads = [g for g in differences.gradients_of(outs, by, given, create_graph=True) if g is not None]
                    differences.gradients_of(grads, [*by, *given], [Tensor(w) for w in differences.random_weights(grads)])
                    leaves = differences.tensors_for(arrays, wanted)
                    outs, by = differences.tensors_in(case.function(*leaves)), [leaves[i] for i in wanted]
                differences.gradients_of(outs, by, weights)
            self.names |= inspection.launched
        return self

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Note which saved values the vjps read."""
        real = autograd.Context._unmodified

        def unmodified(context: Any, t: Tensor, what: str, i: int) -> Tensor:
            self.read.add((context.node.op.name, what, i))
            return real(context, t, what, i)

        monkeypatch.setattr(autograd.Context, "_unmodified", unmodified)

    def note(self, frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_back is not None and frame.f_back.f_code.co_filename.startswith(TESTS):
            self.codes.add(frame.f_code)  # called by a case itself, not by another function of ours


@pytest.fixture(scope="module")
def coverage() -> Coverage:
    found = Coverage()
    with pytest.MonkeyPatch.context() as monkeypatch:
        found.watch(monkeypatch)
        return found.run()


def is_ours(o: op.Op) -> bool:
    """Whether gpudl defines it, rather than a test or a program of the texts that ran in this process before."""
    return any((getattr(f, "__module__", None) or "").split(".")[0] == "gpudl" for f in (o.infer, o.reference, o.vjp))


def test_every_op_is_used_by_a_case(coverage: Coverage) -> None:
    elsewhere = {"move"}  # needs two devices: test_devices.py
    ours = {name for name, o in op.registry.items() if is_ours(o)}
    missing = sorted(ours - coverage.names - elsewhere)
    assert not missing, f"no case launches {', '.join(missing)}"


def test_every_saved_value_is_read_by_a_gradient(coverage: Coverage) -> None:
    """What the tape keeps alive is what some vjp needs: nothing is kept in vain."""
    saved = {(o.name, "input", i) for o in op.registry.values() for i in o.saved_ins}
    saved |= {(o.name, "output", i) for o in op.registry.values() for i in o.saved_outs}
    differentiated = {name for name, _, _ in coverage.read}
    in_vain = sorted(s for s in saved - coverage.read if s[0] in differentiated or s[0] in coverage.names)
    assert not in_vain, f"saved and never read: {in_vain}"


def test_every_public_function_is_called_by_a_case(coverage: Coverage) -> None:
    missing = []
    for name in public_names():
        function = getattr(ops, name)
        code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
        if code is not None and code not in coverage.codes:
            missing.append(name)
    assert not missing, f"no case calls {', '.join(missing)}"


def public_names() -> list[str]:
    """What `from gpudl.ops import *` would give: the names that the families list in `__all__`."""
    modules = [m for name, m in sys.modules.items() if name.startswith("gpudl.ops.") and hasattr(m, "__all__")]
    return sorted({name for m in modules for name in m.__all__})
