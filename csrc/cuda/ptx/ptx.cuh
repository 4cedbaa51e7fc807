// What every wrapper of an instruction needs. One thin function per PTX instruction, with inline assembly for the device beside the call of
// its emulated twin (csrc/emulation/instructions.h); there is no inline assembly outside this folder. Files carry the suffix of the
// architecture from which the instructions exist.
#pragma once
#include <gpudl/platform.h>

#ifdef GPUDL_EMULATE
#include "../../emulation/instructions.h"
#define GPUDL_AT , ::gpudl::emulation::Where at = {}     // the caller's line: last parameter of a wrapper
#define GPUDL_ONLY_AT ::gpudl::emulation::Where at = {}  // … and its only one
#else
#define GPUDL_AT
#define GPUDL_ONLY_AT
#endif

// Bodies for an architecture are left out of the code for older ones.
#if defined(GPUDL_EMULATE) || !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define GPUDL_SM80 1
#endif
#if defined(GPUDL_EMULATE) || !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define GPUDL_SM90 1
#endif
#if defined(GPUDL_EMULATE) || !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define GPUDL_SM90A 1  // wgmma and moving registers: exactly sm_90a
#endif

namespace gpudl::ptx {

// The address of shared memory as instructions take it.
__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
#ifdef GPUDL_EMULATE
    return emulation::shared_address(pointer);
#else
    return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
#endif
}

// Barrier `id` (1 to 15) of `threads` threads, whole warps: `arrive` goes on at once, `sync` waits for all.
__device__ __forceinline__ void named_barrier_arrive(int id, int threads GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::barrier(id, threads, false, at);
#else
    asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#endif
}
__device__ __forceinline__ void named_barrier_sync(int id, int threads GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::barrier(id, threads, true, at);
#else
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#endif
}

// 2^x, subnormal results and arguments as zero; about 2 units in the last place on the device.
__device__ __forceinline__ float exp2_approx(float x) {
#ifdef GPUDL_EMULATE
    return exp2f(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// The larger one; NaN if either is.
__device__ __forceinline__ float max_nan(float a, float b) {
#if !defined(GPUDL_EMULATE) && defined(GPUDL_SM80)
    float y;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
    return y;
#else
    return a != a ? a : b != b ? b : a > b ? a : b;
#endif
}

}  // namespace gpudl::ptx
