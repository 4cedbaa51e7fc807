// Tensor-core products of a warp, and the loads of their operands from shared memory. (ldmatrix exists from sm_75, the rest from sm_80.)
//
// m16n8k16 (bf16, f16) and m16n8k8 (tf32), with g = lane / 4, t = lane % 4: d and c hold rows g and g + 8, columns 2t and 2t + 1. Operands
// of 16 bits, two to a register: a rows g, g + 8, g, g + 8 with k from 2t, 2t, 2t + 8, 2t + 8; b column g with k from 2t, 2t + 8. tf32: a
// rows g, g + 8, g, g + 8 with k = t, t, t + 4, t + 4; b column g with k = t, t + 4. Source: PTX ISA, "Matrix Fragments for mma".
#pragma once
#include "ptx.cuh"

#ifdef GPUDL_SM80
namespace gpudl::ptx {

__device__ __forceinline__ void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                                                  const float (&c)[4] GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mma(emulation::Operands::bf16, d, a, b, c, at);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
                 : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
#endif
}
__device__ __forceinline__ void mma_m16n8k16_f16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                                                 const float (&c)[4] GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mma(emulation::Operands::f16, d, a, b, c, at);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
                 : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
#endif
}
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                                                 const float (&c)[4] GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::mma(emulation::Operands::tf32, d, a, b, c, at);
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
                 : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
#endif
}

// float32 to tf32: to nearest, ties away from zero. mma itself drops the 13 low bits.
__device__ __forceinline__ uint32_t to_tf32(float x) {
#ifdef GPUDL_EMULATE
    return emulation::round_to_tf32(x);
#else
    uint32_t r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
    return r;
#endif
}

// Matrices of 8 x 8 elements of 16 bits. Lane 8i + r gives the address of row r of matrix i, a multiple of 16; lane l receives in r[i] of
// row l / 4 the elements 2(l % 4) and the next, of the transposed matrix with `_trans`.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::load_matrices(r, 4, false, row, at);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
#endif
}
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::load_matrices(r, 4, true, row, at);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
#endif
}
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void* row GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::load_matrices(r, 2, false, row, at);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(shared_address(row)) : "memory");
#endif
}
__device__ __forceinline__ void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row GPUDL_AT) {
#ifdef GPUDL_EMULATE
    emulation::load_matrices(r, 2, true, row, at);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
#endif
}

}  // namespace gpudl::ptx
#endif
