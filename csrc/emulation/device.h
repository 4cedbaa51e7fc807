// Gives kernels that the host compiler compiles what nvcc would: threadIdx, shared memory, barriers, warp operations, atomics.
// Included by gpudl/platform.h alone. What runs behind it: runtime.h.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <vector_functions.h>
#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace gpudl::emulation {

// The line of a kernel that called: the default argument of whatever may fail or wait.
struct Where {
    const char* file;
    int line;
    constexpr Where(const char* f = __builtin_FILE(), int l = __builtin_LINE()) : file(f), line(l) {}
};

// What a CUDA thread can ask about itself.
struct Thread {
    uint3 thread_idx, block_idx;
    dim3 block_dim, grid_dim;
    int index, lane, warp, cluster_rank;  // index: within its block
};
extern __thread Thread* current __attribute__((tls_model("initial-exec")));  // null outside kernels

// The checked build must not see the emulation read its own memory.
#define GPUDL_UNSEEN __attribute__((no_sanitize("thread")))
GPUDL_UNSEEN inline uint3 thread_idx() { return current->thread_idx; }
GPUDL_UNSEEN inline uint3 block_idx() { return current->block_idx; }
GPUDL_UNSEEN inline dim3 block_dim() { return current->block_dim; }
GPUDL_UNSEEN inline dim3 grid_dim() { return current->grid_dim; }
GPUDL_UNSEEN inline int lane() { return current->lane; }
GPUDL_UNSEEN inline int cluster_rank() { return current->cluster_rank; }

// Runs a grid. Throws KernelError with the report of what went wrong.
struct Configuration {
    dim3 grid, block;
    size_t dynamic_shared;
    int cluster;
};
void run_grid(const char* kernel, const Configuration& configuration, void (*call)(void*), void* arguments);

// Barriers. `count` 0: all threads of the block.
void barrier(int id, int count, bool wait, Where at);
int barrier_count(int predicate, Where at);
void cluster_barrier(Where at);
void thread_fence();

// What all lanes of `mask` do together: the last one to come runs `act` on the operands of all, then everybody goes on.
using Lanes = void (*)(void* const* operands, unsigned mask);
void warp_collective(unsigned mask, const char* what, void* operand, Lanes act, bool orders_memory, Where at);

// Shared memory.
void* static_shared(const void* key, const char* name, size_t bytes, size_t align);
void* dynamic_shared();
uint32_t shared_address(const void* pointer);

// For the checks. `note` reports an access that no instrumentation sees; `fail` ends the launch.
enum class Access { read, write, atomic };
void note(const void* pointer, size_t bytes, Access access, Where at);
[[noreturn]] void fail(const std::string& message, Where at);
[[noreturn]] void fail_misaligned(const void* pointer, size_t bytes, Where at);
inline void check_aligned(const void* pointer, size_t bytes, Where at) {
    if (reinterpret_cast<uintptr_t>(pointer) % bytes) fail_misaligned(pointer, bytes, at);
}

template <class T> uint64_t to_bits(T value) {
    static_assert(sizeof(T) <= 8, "a register exchanged between lanes has at most 8 bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}
template <class T> T from_bits(uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

}  // namespace gpudl::emulation

#define threadIdx (::gpudl::emulation::thread_idx())
#define blockIdx (::gpudl::emulation::block_idx())
#define blockDim (::gpudl::emulation::block_dim())
#define gridDim (::gpudl::emulation::grid_dim())
constexpr int warpSize = 32;

// The toolkit's headers define some of these, for nvcc's sake.
#undef __shared__
#define __shared__ static_assert(false, "shared memory is declared by GPUDL_SHARED_ARRAY or GPUDL_DYNAMIC_SHARED");
#undef __launch_bounds__
#define __launch_bounds__(...)
#undef __grid_constant__
#define __grid_constant__
#undef __forceinline__
#define __forceinline__ inline __attribute__((always_inline))

#define GPUDL_SHARED_ARRAY(T, name, dimensions)                                                                                            \
    using name##_type = T dimensions;                                                                                                      \
    static const char name##_key = 0;                                                                                                      \
    name##_type& name =                                                                                                                    \
        *static_cast<name##_type*>(::gpudl::emulation::static_shared(&name##_key, #name, sizeof(name##_type), alignof(name##_type)))
#define GPUDL_DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(::gpudl::emulation::dynamic_shared())

#include "collectives.h"
#include "intrinsics.h"
