// The emulated twins of the PTX wrappers in csrc/cuda/ptx, which call these.
#pragma once
#include "device.h"

namespace gpudl {

struct TensorMap;

namespace emulation {

// mma.cpp
enum class Operands { bf16, f16, tf32 };
void mma(Operands kind, float* d, const uint32_t* a, const uint32_t* b, const float* c, Where at);
uint32_t round_to_tf32(float x);
void load_matrices(uint32_t* registers, int count, bool transposed, const void* row, Where at);
void store_matrices(const uint32_t* registers, int count, void* row, Where at);

// copies.cpp
void copy_async(void* to, const void* from, int size, int bytes, Where at);
void copy_commit(Where at);
void copy_wait(int pending, Where at);

// mbarrier.cpp
void mbarrier_init(uint64_t* barrier, int count, Where at);
void mbarrier_arrive(uint64_t* barrier, int bytes, Where at);
void mbarrier_arrive_at(uint64_t* own, int rank, Where at);
void mbarrier_wait(uint64_t* barrier, unsigned parity, Where at);
void fence_barrier_init();
void fence_proxy_async();

// tma.cpp
void tma_load(void* to, const TensorMap* map, uint64_t* barrier, const int* coordinates, int rank, unsigned mask, Where at);
void tma_load_im2col(void* to, const TensorMap* map, uint64_t* barrier, const int* coordinates, int offset_w, int offset_h, Where at);
void tma_store(const TensorMap* map, const void* from, const int* coordinates, int rank, Where at);
void tma_commit(Where at);
void tma_wait(int pending, bool read_only, Where at);

// wgmma.cpp
void wgmma_fence();
void wgmma(Operands kind, int n, float* d, uint64_t a, uint64_t b, int accumulate, int major_a, int major_b, Where at);
void wgmma_commit(Where at);
void wgmma_wait(int pending, Where at);

}  // namespace emulation
}  // namespace gpudl
