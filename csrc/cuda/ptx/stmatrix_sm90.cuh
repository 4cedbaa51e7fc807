// Stores matrices of 8 x 8 elements of 16 bits from registers to shared memory: the inverse of ldmatrix_x4 (mma_sm80.cuh).
#pragma once
#include "ptx.cuh"

#ifdef GPUDL_SM90
namespace gpudl::ptx {

__device__ __forceinline__ void stmatrix_x4(void* row, const uint32_t (&r)[4] GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::store_matrices(r, 4, row, at);
#else
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(row)), "r"(r[0]), "r"(r[1]),
                 "r"(r[2]), "r"(r[3])
                 : "memory");
#endif
}

}  // namespace gpudl::ptx
#endif
