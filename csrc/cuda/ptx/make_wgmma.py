"""Writes wgmma_sm90.cuh: one wrapper for m64nNk16 with N of 64, 128, 192 and 256. Usage: python csrc/cuda/ptx/make_wgmma.py"""

from pathlib import Path

HEAD = """// Products of a warpgroup from shared memory (wgmma): D[64][N] (+)= A[64][16] B[16][N], bf16 or f16, accumulated in float32.
// Written by make_wgmma.py.
//
// Thread t of the warpgroup holds d[i] = D[16 (t / 32) + (t % 32) / 4 + 8 ((i / 2) % 2)][8 (i / 4) + 2 (t % 4) + i % 2]. major_a, major_b:
// 0 if k is contiguous, 1 if rows of A (columns of B) are. accumulate = 0 overwrites d. d must live until the wait, which gives its values.
#pragma once
#include "ptx.cuh"

#ifdef GPUDL_SM90
namespace gpudl::ptx {

// What the tensor cores must know of an operand in shared memory: address, byte offsets between groups of 8 rows, swizzle (128, 64, 32, 0).
__device__ __forceinline__ uint64_t wgmma_operand(const void* pointer, int leading_bytes, int stride_bytes, int swizzle) {
    const uint64_t mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;
    return uint64_t((shared_address(pointer) & 0x3ffff) >> 4) | uint64_t((leading_bytes & 0x3ffff) >> 4) << 16 |
           uint64_t((stride_bytes & 0x3ffff) >> 4) << 32 | mode << 62;
}

// Before the first product, and before another after registers or shared memory were written.
__device__ __forceinline__ void wgmma_fence() {
#ifdef GPUDL_EMULATE
    emulation::wgmma_fence();
#else
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
__device__ __forceinline__ void wgmma_commit(GPUDL_ONLY_AT) {
#ifdef GPUDL_EMULATE
    emulation::wgmma_commit(at);
#else
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
template <int pending> __device__ __forceinline__ void wgmma_wait(GPUDL_ONLY_AT) {
#ifdef GPUDL_EMULATE
    emulation::wgmma_wait(pending, at);
#else
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
#endif
}

// clang-format off
template <class T, int major_a, int major_b, int registers>
__device__ __forceinline__ void wgmma_k16(float (&d)[registers], uint64_t a, uint64_t b, int accumulate GPUDL_AT) {
    constexpr bool half = std::is_same_v<T, __half>;
    static_assert(half || std::is_same_v<T, __nv_bfloat16>);
#ifdef GPUDL_EMULATE
    emulation::wgmma(half ? emulation::Operands::f16 : emulation::Operands::bf16, 2 * registers, d, a, b, accumulate, major_a, major_b, at);
#else
"""
TAIL = """    else static_assert(registers == 0, "no wrapper for this width: add it to make_wgmma.py");
#endif
}
// clang-format on

}  // namespace gpudl::ptx
#endif
"""


def lines(items: list[str], each: int, between: str) -> str:
    return between.join(", ".join(items[i : i + each]) for i in range(0, len(items), each))


def instruction(n: int, dtype: str) -> str:
    r = n // 2
    registers = lines([f"%{i}" for i in range(r)], 16, ', "\n                     "')
    accumulators = lines([f'"+f"(d[{i}])' for i in range(r)], 8, ",\n                       ")
    return (
        f'        asm volatile("{{\\n.reg .pred p;\\nsetp.ne.b32 p, %{r + 2}, 0;\\n"\n'
        f'                     "wgmma.mma_async.sync.aligned.m64n{n}k16.f32.{dtype}.{dtype} {{"\n'
        f'                     "{registers}}}, "\n'
        f'                     "%{r}, %{r + 1}, p, 1, 1, %{r + 3}, %{r + 4};\\n}}"\n'
        f"                     : {accumulators}\n"
        f'                     : "l"(a), "l"(b), "r"(accumulate), "n"(major_a), "n"(major_b));\n'
    )


def text() -> str:
    parts = [HEAD]
    for i, n in enumerate((64, 128, 192, 256)):
        parts.append(f"    {'else ' if i else ''}if constexpr (registers == {n // 2}) {{\n")
        parts.append(f"      if constexpr (half)\n{instruction(n, 'f16')}")
        parts.append(f"      else\n{instruction(n, 'bf16')}    }}\n")
    return "".join([*parts, TAIL])


if __name__ == "__main__":
    (Path(__file__).parent / "wgmma_sm90.cuh").write_text(text())
