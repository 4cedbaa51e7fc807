// Barriers in shared memory that count arrivals and bytes (mbarrier), fences between the ways to memory, and clusters of blocks.
//
// A phase is complete when as many threads arrived as `init` said and all announced bytes have landed. `wait(barrier, parity)` waits for the
// phase of that parity: on a fresh barrier parity 1 passes at once.
#pragma once
#include "ptx.cuh"

#ifdef GPUDL_SM90
namespace gpudl::ptx {

__device__ __forceinline__ void mbarrier_init(uint64_t* barrier, int count GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mbarrier_init(barrier, count, at);
#else
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(count) : "memory");
#endif
}

// Makes this thread's `mbarrier_init` known to the copy engine and to other blocks.
__device__ __forceinline__ void fence_barrier_init() {
#ifdef GPUDL_EMULATE
    emulation::fence_barrier_init();
#else
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

// Makes this thread's ordinary writes to shared memory known to the copy engine and the tensor cores.
__device__ __forceinline__ void fence_proxy_async() {
#ifdef GPUDL_EMULATE
    emulation::fence_proxy_async();
#else
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

__device__ __forceinline__ void mbarrier_arrive(uint64_t* barrier GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mbarrier_arrive(barrier, 0, at);
#else
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
#endif
}

// Arrives, and announces bytes that the copy engine will bring.
__device__ __forceinline__ void mbarrier_arrive_expect(uint64_t* barrier, int bytes GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mbarrier_arrive(barrier, bytes, at);
#else
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes) : "memory");
#endif
}

// Arrives at the barrier that lies at the same place in block `rank` of the cluster.
__device__ __forceinline__ void mbarrier_arrive_at(uint64_t* own, int rank GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mbarrier_arrive_at(own, rank, at);
#else
    asm volatile(
        "{\n.reg .b32 remote;\nmapa.shared::cluster.u32 remote, %0, %1;\n"
        "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n}" ::"r"(shared_address(own)),
        "r"(rank)
        : "memory");
#endif
}

__device__ __forceinline__ void mbarrier_wait(uint64_t* barrier, unsigned parity GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mbarrier_wait(barrier, parity, at);
#else
    asm volatile(
        "{\n.reg .pred done;\nWAIT:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n@done bra DONE;\nbra WAIT;\nDONE:\n}" ::"r"(
            shared_address(barrier)),
        "r"(parity)
        : "memory");
#endif
}

// This block's number within its cluster.
__device__ __forceinline__ int cluster_rank() {
#ifdef GPUDL_EMULATE
    return emulation::cluster_rank();
#else
    uint32_t rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return int(rank);
#endif
}

// All threads of all blocks of the cluster, whole warps. Orders the shared memory of all of them.
__device__ __forceinline__ void cluster_sync(GPUDL_ONLY_AT) {
#ifdef GPUDL_EMULATE
    emulation::cluster_barrier(at);
#else
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

// Gives registers of this warpgroup to others of the block, or takes them. Needs __launch_bounds__(threads, 1), or ptxas ignores it.
template <int registers> __device__ __forceinline__ void registers_take() {
#ifndef GPUDL_EMULATE
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
#endif
}
template <int registers> __device__ __forceinline__ void registers_give() {
#ifndef GPUDL_EMULATE
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
#endif
}

}  // namespace gpudl::ptx
#endif
