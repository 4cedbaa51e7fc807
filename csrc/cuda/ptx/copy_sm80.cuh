// Asynchronous copies from global to shared memory by single threads (cp.async).
//
// A copy may land at any time until the issuing thread waits for its group, and then only that thread may read what it copied: a barrier
// must follow before others do.
#pragma once
#include "ptx.cuh"

#ifdef GPUDL_SM80
namespace gpudl::ptx {

// 16 bytes, both addresses multiples of 16; from `bytes` on zeros are written in place of what `from` holds (which must still be an address).
__device__ __forceinline__ void copy_16(void* to, const void* from, int bytes = 16 GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::copy_async(to, from, 16, bytes, at);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
#endif
}

// 4 or 8 bytes, for what is not aligned to 16.
template <int size> __device__ __forceinline__ void copy_small(void* to, const void* from, int bytes = size GPUDL_AT) {
    static_assert(size == 4 || size == 8, "cp.async.ca copies 4 or 8 bytes here");
#ifdef GPUDL_EMULATE
    emulation::copy_async(to, from, size, bytes, at);
#else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(to)), "l"(from), "n"(size), "r"(bytes) : "memory");
#endif
}

// Closes this thread's group of copies.
__device__ __forceinline__ void copy_commit(GPUDL_ONLY_AT) {
#ifdef GPUDL_EMULATE
    emulation::copy_commit(at);
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most `pending` of this thread's groups have not landed.
template <int pending> __device__ __forceinline__ void copy_wait(GPUDL_ONLY_AT) {
#ifdef GPUDL_EMULATE
    emulation::copy_wait(pending, at);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

}  // namespace gpudl::ptx
#endif
