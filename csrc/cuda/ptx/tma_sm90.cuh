// The copy engine (TMA): boxes of arrays to shared memory and back. What an array looks like is in its TensorMap (gpudl/tensor_map.h).
//
// Coordinates count elements, innermost dimension first. What lies outside the array loads as zeros and is not stored; a load counts its
// whole box on the mbarrier. With a swizzle of 128 bytes, bits 4 to 6 of a shared address are XORed with bits 7 to 9 (64: 4, 5 with 7, 8).
#pragma once
#include <gpudl/tensor_map.h>

#include "ptx.cuh"

#ifdef GPUDL_SM90
namespace gpudl::ptx {

__device__ __forceinline__ void tma_prefetch_map([[maybe_unused]] const TensorMap* map) {
#ifndef GPUDL_EMULATE
    asm volatile("prefetch.tensormap [%0];" ::"l"(reinterpret_cast<uint64_t>(map)) : "memory");
#endif
}

template <int rank>
__device__ __forceinline__ void tma_load(void* to, const TensorMap* map, uint64_t* barrier, const int (&c)[rank] GPUDL_AT) {
    static_assert(rank >= 2 && rank <= 4);
#ifdef GPUDL_EMULATE
    emulation::tma_load(to, map, barrier, c, rank, 0, at);
#else
    const uint64_t m = reinterpret_cast<uint64_t>(map);
    if constexpr (rank == 2)
        asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(
                         shared_address(to)),
                     "l"(m), "r"(shared_address(barrier)), "r"(c[0]), "r"(c[1])
                     : "memory");
    else if constexpr (rank == 3)
        asm volatile(
            "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(
                shared_address(to)),
            "l"(m), "r"(shared_address(barrier)), "r"(c[0]), "r"(c[1]), "r"(c[2])
            : "memory");
    else
        asm volatile(
            "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(
                shared_address(to)),
            "l"(m), "r"(shared_address(barrier)), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3])
            : "memory");
#endif
}

// The same box to the same place in every block of `mask`; the barrier at the same place in each counts the bytes.
template <int rank> __device__ __forceinline__ void tma_load_multicast(void* to, const TensorMap* map, uint64_t* barrier,
                                                                       const int (&c)[rank], unsigned mask GPUDL_AT) {
    static_assert(rank == 3);
#ifdef GPUDL_EMULATE
    emulation::tma_load(to, map, barrier, c, rank, mask, at);
#else
    const uint64_t m = reinterpret_cast<uint64_t>(map);
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%4, %5, %6}], "
        "[%2], %3;" ::"r"(shared_address(to)),
        "l"(m), "r"(shared_address(barrier)), "h"(static_cast<uint16_t>(mask)), "r"(c[0]), "r"(c[1]), "r"(c[2])
        : "memory");
#endif
}

// im2col of NHWC images: c = {channel, w, h, n} of the first pixel, counted at the filter's first tap; the offsets are tap * dilation.
__device__ __forceinline__ void tma_load_im2col(void* to, const TensorMap* map, uint64_t* barrier, const int (&c)[4], int offset_w,
                                                int offset_h GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::tma_load_im2col(to, map, barrier, c, offset_w, offset_h, at);
#else
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2], {%7, "
        "%8};" ::"r"(shared_address(to)),
        "l"(reinterpret_cast<uint64_t>(map)), "r"(shared_address(barrier)), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]),
        "h"(static_cast<uint16_t>(offset_w)), "h"(static_cast<uint16_t>(offset_h))
        : "memory");
#endif
}

// Stores belong to the issuing thread, which closes groups of them and waits.
template <int rank> __device__ __forceinline__ void tma_store(const TensorMap* map, const void* from, const int (&c)[rank] GPUDL_AT) {
    static_assert(rank == 3 || rank == 4);
#ifdef GPUDL_EMULATE
    emulation::tma_store(map, from, c, rank, at);
#else
    const uint64_t m = reinterpret_cast<uint64_t>(map);
    if constexpr (rank == 3)
        asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4}], [%1];" ::"l"(m),
                     "r"(shared_address(from)), "r"(c[0]), "r"(c[1]), "r"(c[2])
                     : "memory");
    else
        asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(m),
                     "r"(shared_address(from)), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3])
                     : "memory");
#endif
}
__device__ __forceinline__ void tma_commit(GPUDL_ONLY_AT) {
#ifdef GPUDL_EMULATE
    emulation::tma_commit(at);
#else
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#endif
}
template <int pending> __device__ __forceinline__ void tma_wait_read(GPUDL_ONLY_AT) {  // what was stored from may be overwritten
#ifdef GPUDL_EMULATE
    emulation::tma_wait(pending, true, at);
#else
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(pending) : "memory");
#endif
}
template <int pending> __device__ __forceinline__ void tma_wait(GPUDL_ONLY_AT) {  // what was stored is in the array
#ifdef GPUDL_EMULATE
    emulation::tma_wait(pending, false, at);
#else
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

}  // namespace gpudl::ptx
#endif
