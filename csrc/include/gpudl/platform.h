// Lets one kernel source be compiled by nvcc for the device and by the host compiler for the emulation (csrc/emulation): the one header that
// kernels include for CUDA. Rules for kernels: docs/debugging-cuda-kernels.md.
//
//     template <class T> __global__ void __launch_bounds__(256) scale_kernel(T* y, const T* x, int64_t n, T by) { … }
//     launch<scale_kernel<float>>({blocks, 256, shared_bytes, stream}, y, x, n, 2.0f);
//
// GPUDL_SHARED_ARRAY(float, partial, [8][32]) declares shared memory, GPUDL_DYNAMIC_SHARED(float, tile) the dynamic part of it.
// load(p) and store(p, value) move up to 16 bytes in one instruction, and need a pointer that is a multiple of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>

#ifdef GPUDL_EMULATE
#include "../../emulation/device.h"
#else
#include <atomic>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <gpudl/check.h>
#define GPUDL_SHARED_ARRAY(T, name, dimensions) __shared__ T name dimensions
#define GPUDL_DYNAMIC_SHARED(T, name)                                                                                                      \
    extern __shared__ __align__(1024) unsigned char gpudl_dynamic_shared[];                                                                \
    T* name = reinterpret_cast<T*>(gpudl_dynamic_shared)
#endif

#include <gpudl/dispatch.h>
#include <gpudl/dtype.h>
#include <gpudl/kernel.h>

namespace gpudl {

// How to launch: dimensions in blocks and threads, bytes of dynamic shared memory, the stream, blocks per cluster (sm_90, along x), and
// whether the grid may begin before the one in front of it has ended (sm_90: then the kernel calls ptx::grid_wait).
struct Launch {
    dim3 grid, block;
    size_t shared_bytes = 0;
    Stream stream = nullptr;
    int cluster = 1;
    bool early = false;
};

namespace platform {

template <auto kernel> constexpr const char* kernel_name() { return __PRETTY_FUNCTION__; }

template <class F> struct Parameters;
template <class... P> struct Parameters<void (*)(P...)> {
    using Tuple = std::tuple<std::decay_t<P>...>;
};

#ifdef GPUDL_EMULATE
template <auto kernel, class Tuple> void call(void* arguments) {
    std::apply([](auto... a) { kernel(a...); }, *static_cast<const Tuple*>(arguments));
}
#elif defined(__CUDACC__)
// More than 48 KiB must be asked for: once per kernel and device, so that a launch while a graph is recorded makes no other call.
template <auto kernel> void allow_shared(size_t bytes) {
    static std::atomic<uint64_t> done{0};
    int device = 0;
    check(cudaGetDevice(&device));
    const uint64_t bit = uint64_t(1) << (device & 63);
    if (done.load() & bit) return;
    int most = 0;
    check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    cudaFuncAttributes own = {};
    check(cudaFuncGetAttributes(&own, kernel));
    most -= int(own.sharedSizeBytes);
    if (bytes > size_t(most)) throw KernelError("the device has not so much shared memory");
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most));
    done.fetch_or(bit);
}
#endif

}  // namespace platform

#if defined(GPUDL_EMULATE) || defined(__CUDACC__)  // plain C++ files of the nvcc build may include this header, not launch
// Launches through the call that returns its own status: unlike `<<<>>>` it cannot pick up an older error of somebody else.
template <auto kernel, class... Arguments> void launch(const Launch& how, Arguments&&... arguments) {
    using Tuple = typename platform::Parameters<decltype(kernel)>::Tuple;
    static_assert(std::tuple_size_v<Tuple> == sizeof...(Arguments), "the kernel has another number of parameters");
    if (trial)
        return note_launch(platform::kernel_name<kernel>(), {how.grid.x, how.grid.y, how.grid.z}, {how.block.x, how.block.y, how.block.z},
                           how.shared_bytes);
    Tuple values(static_cast<Arguments&&>(arguments)...);
#ifdef GPUDL_EMULATE
    emulation::run_grid(platform::kernel_name<kernel>(), {how.grid, how.block, how.shared_bytes, how.cluster},
                        platform::call<kernel, Tuple>, &values);
#else
    if (how.shared_bytes > 48 * 1024) platform::allow_shared<kernel>(how.shared_bytes);
    cudaLaunchAttribute attributes[2] = {};
    unsigned count = 0;
    if (how.cluster > 1) {
        attributes[count].id = cudaLaunchAttributeClusterDimension;
        attributes[count++].val.clusterDim = {unsigned(how.cluster), 1, 1};
    }
    if (how.early) {
        attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
        attributes[count++].val.programmaticStreamSerializationAllowed = 1;
    }
    cudaLaunchConfig_t config = {};
    config.gridDim = how.grid;
    config.blockDim = how.block;
    config.dynamicSmemBytes = how.shared_bytes;
    config.stream = static_cast<cudaStream_t>(how.stream);
    config.attrs = attributes;
    config.numAttrs = count;
    std::apply([&](auto&... a) { check(cudaLaunchKernelEx(&config, kernel, a...)); }, values);
#endif
}

// How many blocks of these clusters are on the device at once: clusters do not reach every multiprocessor.
template <auto kernel> int resident_blocks([[maybe_unused]] const Launch& how, const Device& device) {
    const int all = device.multiprocessors / how.cluster * how.cluster;
#ifdef GPUDL_EMULATE
    return all;
#else
    if (how.cluster == 1 || trial) return all;
    static std::atomic<int> known{0};  // GPUs of one process that differ here would only be used less well
    if (known.load() > 0) return known.load();
    platform::allow_shared<kernel>(how.shared_bytes);
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim = {unsigned(how.cluster), 1, 1};
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(unsigned(all));
    config.blockDim = how.block;
    config.dynamicSmemBytes = how.shared_bytes;
    config.attrs = &attribute;
    config.numAttrs = 1;
    int clusters = 0;
    check(cudaOccupancyMaxActiveClusters(&clusters, kernel, &config));
    known = clusters > 0 ? clusters * how.cluster : all;
    return known.load();
#endif
}
#endif

// `width` neighbouring elements that move together.
template <class T, int width> struct alignas(sizeof(T) * width) Packet {
    T item[width];
};

namespace platform {
template <size_t bytes> struct Word;  // what moves that many bytes in one instruction
template <> struct Word<1> {
    using Type = unsigned char;
};
template <> struct Word<2> {
    using Type = unsigned short;
};
template <> struct Word<4> {
    using Type = unsigned int;
};
template <> struct Word<8> {
    using Type = uint2;
};
template <> struct Word<16> {
    using Type = uint4;
};
}  // namespace platform

// One instruction, for any type of 1, 2, 4, 8 or 16 bytes. The pointer must be a multiple of the size, as the device demands.
// The streaming forms are for memory that is used once: they do not push out of the cache what will be used again.
#ifdef GPUDL_EMULATE
// Inlined, so that the checked build sees `tile[i] = load(p)` write the tile.
template <class P> __forceinline__ P load(const P* from, emulation::Where at = {}) {
    emulation::check_aligned(from, sizeof(typename platform::Word<sizeof(P)>::Type), at);
    return *from;
}
template <class P> __forceinline__ void store(P* to, const P& value, emulation::Where at = {}) {
    emulation::check_aligned(to, sizeof(typename platform::Word<sizeof(P)>::Type), at);
    *to = value;
}
template <class P> __forceinline__ P load_streaming(const P* from, emulation::Where at = {}) { return load(from, at); }
template <class P> __forceinline__ void store_streaming(P* to, const P& value, emulation::Where at = {}) { store(to, value, at); }
#elif defined(__CUDACC__)
template <class P> __device__ __forceinline__ P load(const P* from) {
    const auto word = *reinterpret_cast<const typename platform::Word<sizeof(P)>::Type*>(from);
    P value;
    memcpy(&value, &word, sizeof(P));
    return value;
}
template <class P> __device__ __forceinline__ void store(P* to, const P& value) {
    typename platform::Word<sizeof(P)>::Type word;
    memcpy(&word, &value, sizeof(P));
    *reinterpret_cast<decltype(word)*>(to) = word;
}
template <class P> __device__ __forceinline__ P load_streaming(const P* from) {
    const auto word = __ldcs(reinterpret_cast<const typename platform::Word<sizeof(P)>::Type*>(from));
    P value;
    memcpy(&value, &word, sizeof(P));
    return value;
}
template <class P> __device__ __forceinline__ void store_streaming(P* to, const P& value) {
    typename platform::Word<sizeof(P)>::Type word;
    memcpy(&word, &value, sizeof(P));
    __stcs(reinterpret_cast<decltype(word)*>(to), word);
}
#endif

}  // namespace gpudl
