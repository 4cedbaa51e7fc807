"""Run every version of a kernel, from simple to fast: check it against float64, predict its time, and on a GPU measure it.

    python benchmarks/kernels/laboratory.py matmul 4096 4096 4096          M K N
    python benchmarks/kernels/laboratory.py conv 64 56 56 64 3 64 1 1      N H W C, R = S, K, stride, padding

Each version is a whole in a file of its own, matmul_1_….cu, conv_1_….cu, whose first lines say what it adds to the one before. Version 0 is
the vendor's library by way of PyTorch, the last one what gpudl itself would launch. Without a GPU the versions run on the emulation, on
small sizes and without times. `docs/kernel-laboratory.md` walks through them.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Gpu:
    """What a prediction is made of. Defaults: an H200; shared memory and L1 move 128 bytes, a wavefront, per clock and multiprocessor."""

    multiprocessors: int = 132
    clock: float = 1.755e9
    float32: float = 66.9e12  # FLOP/s
    mma: float = 613e12  # by mma.sync: 62 % of what wgmma reaches
    wgmma: float = 989e12
    l2: float = 8e12  # bytes/s
    dram: float = 4.3e12


@dataclass(frozen=True)
class Version:
    """One kernel of the laboratory, and the traffic from which its time follows.

    Args:
        kernel: its name in the table of kernels.
        dtype: of operands and result.
        unit: which of `Gpu`'s arithmetic rates bounds it.
        wavefronts: for 32 multiply-adds, how many wavefronts of L1 or shared memory.
        tile: rows and columns of a block.
        reused: whether tiles are kept in shared memory, so that L2 sees each number once per tile.
        overlapped: whether loads travel while others are multiplied; else both times add up.
    """

    kernel: str
    dtype: str
    unit: str
    wavefronts: float
    tile: tuple[int, int]
    reused: bool
    overlapped: bool = True

    @property
    def adds(self) -> str:
        """What it adds to the version before: the first sentence of its file."""
        number = self.kernel.split("_")[1]
        line = next(HERE.glob(f"{self.kernel}_*.cu")).read_text(encoding="utf-8").splitlines()[0]
        return line.removeprefix("// ").removeprefix(f"Version {number}").lstrip(": ")

    def seconds(self, rows: int, depth: int, columns: int, gpu: Gpu = Gpu()) -> float:
        """The prediction: the slowest of arithmetic, shared memory, L2 and DRAM, for whole waves of blocks."""
        item = 4 if self.dtype == "float32" else 2
        products = rows * depth * columns
        blocks = math.ceil(rows / self.tile[0]) * math.ceil(columns / self.tile[1])
        padded = blocks * self.tile[0] * self.tile[1] * depth  # tails compute too
        waves = math.ceil(blocks / gpu.multiprocessors) * gpu.multiprocessors / blocks if self.reused else 1.0
        arithmetic = 2 * padded / getattr(gpu, self.unit) * waves
        shared = padded / 32 * self.wavefronts / (gpu.multiprocessors * gpu.clock) * waves
        l2 = item * products * (1 / self.tile[0] + 1 / self.tile[1]) / gpu.l2 if self.reused else 0.0
        dram = item * (rows * depth + depth * columns + rows * columns) / gpu.dram
        inside = max(arithmetic, shared)
        return max(inside, l2, dram) if self.overlapped else inside + max(l2, dram)


# Wavefronts: of a warp's loads for 32 multiply-adds (of each of its lanes one). A broadcast, or 128 bytes in a row, is one; a sector of its
# own for each lane is a quarter each. Registers divide them: 8 x 8 elements a thread make 64 multiply-adds of what 16 loads brought. On
# tensor cores, for 128 x 128 x 16: six ldmatrix_x4 of four by each of eight warps, or two wgmma of 48, and 64 to bring the tiles there.
MATMUL = (
    Version("matmul_1", "float32", "float32", 4 + 1, (16, 16), False),  # 16 rows of a; 2 columns of b
    Version("matmul_2", "float32", "float32", 1 + 1, (8, 32), False),
    Version("matmul_3", "float32", "float32", (4 + 1) / 4, (32, 32), True, overlapped=False),  # b serves the thread's four rows
    Version("matmul_4", "float32", "float32", (8 + 8 * 4) / 64, (128, 128), True, overlapped=False),  # 16 columns, 8 apart: 4 in a bank
    Version("matmul_5", "float32", "float32", (2 + 2 * 2) / 64, (128, 128), True),
    Version("matmul_6", "bfloat16", "mma", 32 * (8 * 6 * 4 + 2 * 64) / (128 * 128 * 16), (128, 128), True, overlapped=False),
    Version("matmul_7", "bfloat16", "mma", 32 * (8 * 6 * 4 + 64) / (128 * 128 * 16), (128, 128), True),
    Version("matmul_8", "bfloat16", "wgmma", 32 * (2 * 48 + 64) / (128 * 128 * 16), (128, 128), True),
)
CONV = (
    Version("conv_1", "float32", "float32", 8 + 1, (256, 1), False),
    Version("conv_2", "float32", "float32", 1 + 1, (8, 32), False),
    Version("conv_3", "float32", "float32", (4 + 1) / 4, (32, 32), True, overlapped=False),
    Version("conv_4", "float32", "float32", (8 + 8 * 2) / 64, (128, 64), True, overlapped=False),
    Version("conv_5", "bfloat16", "mma", 32 * (8 * 6 * 4 + 64) / (128 * 128 * 16), (128, 128), True),
)


@dataclass(frozen=True)
class Problem:
    """Operands of one size, the result in float64, and what it is as a product of matrices (rows, depth, columns)."""

    operands: tuple[np.ndarray, np.ndarray]
    attrs: tuple[int, ...]
    shape: tuple[int, ...]  # of the result
    product: tuple[int, int, int]
    truth: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def rounded(self, dtype: str) -> tuple[np.ndarray, np.ndarray]:
        as_dtype = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
        a, b = self.operands
        return a.astype(as_dtype), b.astype(as_dtype)

    def bound(self, dtype: str, a: np.ndarray, b: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """The largest error that a sum in float32, rounded once to `dtype`, may have."""
        magnitude = self.truth(np.abs(a.astype(np.float64)), np.abs(b.astype(np.float64)))
        unit = 2.0**-24 if dtype == "float32" else 2.0**-8
        allowed: np.ndarray = 2.0**-24 * (self.product[1] + 4) * magnitude + 1.01 * unit * np.abs(expected) + 1e-30
        return allowed


def matmul_problem(m: int, k: int, n: int) -> Problem:
    """y (m, n) = a (m, k) b (k, n), of normal numbers."""
    rng = np.random.default_rng(0)
    operands = rng.standard_normal((m, k)), rng.standard_normal((k, n)) / math.sqrt(k)
    return Problem(operands, (), (m, n), (m, k, n), lambda a, b: a @ b)


def conv_problem(n: int, h: int, w: int, c: int, r: int, k: int, stride: int, padding: int) -> Problem:
    """y (n, p, q, k) of images (n, h, w, c) and a kernel (r, r, c, k)."""
    rng = np.random.default_rng(0)
    operands = rng.standard_normal((n, h, w, c)), rng.standard_normal((r, r, c, k)) / math.sqrt(r * r * c)
    p, q = ((size + 2 * padding - r) // stride + 1 for size in (h, w))

    def truth(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        around = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        y = np.zeros((n, p, q, k))
        for i in range(r):
            for j in range(r):
                y += around[:, i : i + stride * (p - 1) + 1 : stride, j : j + stride * (q - 1) + 1 : stride] @ kernel[i, j]
        return y

    return Problem(operands, (stride, padding), (n, p, q, k), (n * p * q, r * r * c, k), truth)


def error_of(version: Version, problem: Problem, call: Callable[..., Any]) -> float | None:
    """The largest error as a share of what rounding allows, so at most 1; None if the version declines this size.

    Args:
        call: ``call(kernel name, y, operands, attrs)``: what runs a kernel on NumPy arrays; it returns 1 if it declines.
    """
    a, b = problem.rounded(version.dtype)
    y = np.full(problem.shape, np.nan, a.dtype)
    if call(version.kernel, y, (a, b), problem.attrs):
        return None
    expected = problem.truth(a.astype(np.float64), b.astype(np.float64))
    return float(np.max(np.abs(y.astype(np.float64) - expected) / problem.bound(version.dtype, a, b, expected), initial=0.0))


# building and running ------------------------------------------------------------------------------------------------------------


def build(kind: str) -> ModuleType:
    """The module `kind` (_cuda, _cuda_emulated or _cuda_checked) with the kernels of this folder in it, under build/laboratory."""
    import pybind11

    folder = ROOT / "build" / "laboratory" / kind
    sources = ";".join(str(path) for path in sorted(HERE.glob("*.cu")))
    options = [f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", f"-DGPUDL_EXTRA_KERNELS={sources}"]
    if kind == "_cuda":
        options += ["-DGPUDL_CUDA_ARCHS=90a-real", "-DCMAKE_BUILD_TYPE=Release"]
    else:
        options += ["-DGPUDL_ONLY_KERNELS=activation.cu"]  # the laboratory's own, and as little else as there can be
    subprocess.run(
        ["cmake", "-S", str(ROOT / "csrc" / ("cuda" if kind == "_cuda" else "emulation")), "-B", str(folder), *options], check=True
    )
    subprocess.run(["cmake", "--build", str(folder), "--target", kind, "--parallel", "2"], check=True)
    path = next(folder.rglob(f"{kind}.*.so"))
    spec = importlib.util.spec_from_file_location(kind, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def caller(module: ModuleType) -> Callable[..., Any]:
    """What `error_of` calls: kernels of an emulated module, on NumPy arrays."""
    kernels = module.kernels()

    def call(name: str, y: np.ndarray, operands: Sequence[np.ndarray], attrs: tuple[int, ...]) -> Any:
        return kernels[name]([SimpleNamespace(array=y)], [SimpleNamespace(array=x) for x in operands], attrs)

    return call


class OnGpu:
    """Kernels of `_cuda` on PyTorch's memory, and the vendor's library beside them."""

    def __init__(self, module: ModuleType) -> None:
        import torch

        self.torch, self.kernels = torch, module.kernels()
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
        self.scratch = torch.empty(16 << 20, dtype=torch.uint8, device="cuda")
        module.set_stream(torch.cuda.current_stream().cuda_stream, self.scratch.data_ptr(), 16 << 20)

    def put(self, array: np.ndarray) -> Any:
        tensor = self.torch.from_numpy(array.astype(np.float32)).cuda()
        return tensor.bfloat16() if array.dtype == ml_dtypes.bfloat16 else tensor

    def seen(self, tensor: Any) -> SimpleNamespace:
        """A tensor as the kernels' table reads it."""
        dtype = np.dtype(ml_dtypes.bfloat16 if tensor.dtype == self.torch.bfloat16 else np.float32)
        strides = tuple(step * dtype.itemsize for step in tensor.stride())
        data = SimpleNamespace(ptr=tensor.data_ptr())
        return SimpleNamespace(array=SimpleNamespace(data=data, shape=tuple(tensor.shape), strides=strides, dtype=dtype))

    def __call__(self, name: str, y: np.ndarray, operands: Sequence[np.ndarray], attrs: tuple[int, ...]) -> Any:
        ins, out = [self.put(x) for x in operands], self.put(y)
        declined = self.kernels[name]([self.seen(out)], [self.seen(x) for x in ins], attrs)
        y[...] = out.float().cpu().numpy().astype(y.dtype)
        return declined

    def vendor(self, a: Any, b: Any, attrs: tuple[int, ...]) -> Callable[[], Any]:
        if not attrs:
            return lambda: self.torch.mm(a, b)
        images = a.permute(0, 3, 1, 2)  # NHWC memory under NCHW's name
        kernel = b.permute(3, 2, 0, 1).contiguous(memory_format=self.torch.channels_last)
        return lambda: self.torch.nn.functional.conv2d(images, kernel, stride=attrs[0], padding=attrs[1])

    def times(self, calls: dict[str, Callable[[], Any]], rounds: int = 9) -> dict[str, float]:
        """Median seconds of each, in alternating rounds of about ten milliseconds."""
        cuda: Any = self.torch.cuda
        start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)

        def timed(call: Callable[[], Any], repeats: int) -> float:
            start.record()
            for _ in range(repeats):
                call()
            end.record()
            end.synchronize()
            return float(start.elapsed_time(end)) / 1000 / repeats

        repeats = {name: max(1, min(200, int(0.01 / max(timed(call, 3), 1e-6)))) for name, call in calls.items()}
        measured: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                measured[name].append(timed(call, repeats[name]))
        return {name: statistics.median(found) for name, found in measured.items()}

    def measured(self, versions: Sequence[Version], problem: Problem) -> dict[str, float]:
        calls: dict[str, Callable[[], Any]] = {}
        for dtype in ("float32", "bfloat16"):
            a, b = (self.put(x) for x in problem.rounded(dtype))
            y = self.torch.empty(problem.shape, dtype=a.dtype, device="cuda")
            outs, ins = [self.seen(y)], [self.seen(a), self.seen(b)]
            calls[f"vendor {dtype}"] = self.vendor(a, b, problem.attrs)
            for version in versions:
                if version.dtype == dtype and not self.kernels[version.kernel](outs, ins, problem.attrs):
                    calls[version.kernel] = partial(self.kernels[version.kernel], outs, ins, problem.attrs)
            if not problem.attrs and not self.kernels["matmul"](outs, ins, (0, 0)):
                calls[f"gpudl {dtype}"] = partial(self.kernels["matmul"], outs, ins, (0, 0))
        return self.times(calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("matmul", "conv"))
    parser.add_argument("sizes", type=int, nargs="*")
    parser.add_argument("--module", choices=("_cuda", "_cuda_emulated", "_cuda_checked"), default="_cuda_emulated")
    given = parser.parse_args()
    versions = MATMUL if given.what == "matmul" else CONV
    on_gpu = given.module == "_cuda"
    small = (70, 72, 136) if given.what == "matmul" else (2, 9, 7, 8, 3, 16, 1, 1)
    large = (4096, 4096, 4096) if given.what == "matmul" else (64, 56, 56, 64, 3, 64, 1, 1)
    sizes = given.sizes or (large if on_gpu else small)
    make = matmul_problem if given.what == "matmul" else conv_problem
    module = build(given.module)
    call: Any = OnGpu(module) if on_gpu else caller(module)
    tried = make(*small)  # float64 is the slow one here
    problem = make(*sizes)
    times = call.measured(versions, problem) if on_gpu else {}
    flops = 2 * math.prod(problem.product)
    print(f"{given.what} {' '.join(map(str, sizes))}: {flops / 1e9:.3g} GFLOP")
    print(f"{'':12}{'error/allowed':>14}{'predicted us':>14}{'measured us':>13}{'TFLOP/s':>9}{'of vendor':>11}  what it adds")
    for name in [key for key in times if key not in {v.kernel for v in versions}]:
        print(f"{name:16}{'':24}{times[name] * 1e6:>13.1f}{flops / times[name] / 1e12:>9.1f}")
    for version in versions:
        error = error_of(version, tried if on_gpu else problem, call)
        predicted = version.seconds(*problem.product) * 1e6
        line = f"{version.kernel:12}{'declined' if error is None else f'{error:.3f}':>14}{predicted:>14.1f}"
        if version.kernel in times:
            took = times[version.kernel]
            line += f"{took * 1e6:>13.1f}{flops / took / 1e12:>9.1f}{times[f'vendor {version.dtype}'] / took:>11.3f}"
        else:
            line += " " * 33
        print(f"{line}  {version.adds}")


if __name__ == "__main__":
    main()
