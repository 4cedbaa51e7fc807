"""The emulated CUDA kernels, as tests want them: the modules, the schedules under which a kernel must give the same, and how to call one.

The modules come from an installation with GPUDL_EMULATION=ON or from a build folder on the path; where they are missing their tests are
skipped, or fail with GPUDL_REQUIRE_EMULATION=1.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gpudl import native, testing
from gpudl.plan import Recording
from gpudl.testing import Case, contract

FAST, CHECKED = native.emulated("emulated"), native.emulated("checked")
REQUIRED = os.environ.get("GPUDL_REQUIRE_EMULATION") == "1"
MODULES = [m.module for m in (FAST, CHECKED) if m.module is not None]
if REQUIRED and len(MODULES) < 2:
    raise RuntimeError(
        f"GPUDL_REQUIRE_EMULATION=1, but {FAST.name}: {FAST.reason or 'loaded'}; {CHECKED.name}: {CHECKED.reason or 'loaded'}"
    )
needs_modules = pytest.mark.skipif(len(MODULES) < 2, reason=f"the emulation is not installed: {FAST.reason or CHECKED.reason}")

SCHEDULES: dict[str, dict[str, Any]] = {
    "ascending": {"order": "ascending", "copies": "late"},
    "descending": {"order": "descending", "copies": "early"},
    "random1": {"order": "random", "copies": "random", "seed": 1},
    "random2": {"order": "random", "copies": "random", "seed": 2},
}

# CUDA kernels that may round differently from the reference, in rounding units. All others agree bit for bit.
TRANSCENDENTAL = (
    "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh elu erf exp expm1 gelu glu log log10 log1p log2 "
    "log_sigmoid logaddexp mish power power_grad_base power_grad_exponent sigmoid silu sin sinh softplus squareplus tan tanh "
    "tanh_shrink"
)
SUMMED = "scatter take_along_axis_grad take_grad"  # rows that meet, added in the order in which they stand
CUDA_OFF: dict[str, float] = {
    **dict.fromkeys(SUMMED.split(), 16.0),
    **{f"{name}{end}": 16.0 for name in TRANSCENDENTAL.split() for end in ("", "_grad")},
}
REDUCTIONS = (
    "adafactor_ adafactor_factored_ gru lamb_ lstm simple_rnn softmax_crossentropy softmax_sparse_crossentropy "
    "batch_norm batch_norm_act batch_norm_inference batch_norm_inference_act binary_crossentropy categorical_crossentropy clip_norms "
    "cumprod cumsum euclidean_norm layer_norm "
    "log_softmax logsumexp mean mean_ mean_squared_error prod rms_norm softmax sparse_categorical_crossentropy sum sum_to var weighted_sum "
    "square_sum binary_accuracy_ categorical_accuracy_ sparse_categorical_accuracy_ confusion_ crosstable_"
)
CUDA_OFF |= {f"{name}{end}": 16.0 for name in REDUCTIONS.split() for end in ("", "_grad")}
CUDA_OFF |= {"matmul": 512.0, "matmul_bias": 64.0, "matmul_act_grad": 64.0}  # sums of up to 1,025 products
CUDA_OFF |= {"batch_norm_grad": 64.0, "batch_norm_act_grad": 64.0, "batch_norm_inference_grad": 64.0}
CUDA_OFF |= dict.fromkeys("conv2d conv2d_grad_input conv2d_grad_kernel conv2d_bias conv2d_act_grad".split(), 64.0)  # sums of products


class Operand:
    """What kernels take: an object with an attribute `array`."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array


def call(module: ModuleType, name: str, outs: Sequence[np.ndarray], ins: Sequence[np.ndarray], attrs: Sequence[float] = ()) -> Any:
    """Run a kernel of the table on arrays: None if done, 1 if there is none for them, 2 if it needs dense ones."""
    return module.kernels()[name]([Operand(a) for a in outs], [Operand(a) for a in ins], tuple(attrs))


def poisoned(shape: int | tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """An array of bytes 0xff, which are NaN in every float type."""
    made = np.empty(shape, dtype)
    made.reshape(-1).view(np.uint8)[:] = 0xFF
    return made


@cache
def launched(case: Case) -> set[str]:
    """The ops that a case launches, forward and backward."""
    with testing.use_kernels("numpy"), Recording() as recording:
        contract.evaluate(case, contract.arrays_for(case, case.dtypes[0] if case.dtypes else None), contract.differentiable(case))
    return {call.op.name for call in recording.calls}
