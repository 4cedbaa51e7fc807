// Checks, encodes and caches tensor maps. Asks the CUDA runtime for the driver's encoder, so that the module loads without a driver.
#include <gpudl/tensor_map.h>

#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>

#ifndef GPUDL_EMULATE
#include <gpudl/check.h>
#endif

namespace gpudl {
namespace {

void require(bool holds, const std::string& rule) {
    if (!holds) throw std::invalid_argument("tensor map: " + rule);
}

// The rules of cuTensorMapEncodeTiled and Im2col, so that both builds refuse alike and say why.
void check_spec(const TensorMapSpec& s) {
    const auto item = uint32_t(map_item_bytes(s.type));
    require(s.rank >= (s.im2col ? 3 : 1) && s.rank <= 5, "the rank is 1 to 5 (im2col: 3 to 5). Received: " + std::to_string(s.rank));
    require(s.base && s.base % 16 == 0, "the array starts at a multiple of 16 bytes");
    for (int i = 0; i < s.rank; i++) {
        const std::string which = " of dimension " + std::to_string(i) + ". Received: ";
        require(s.dims[i] >= 1 && s.dims[i] <= uint64_t(1) << 32, "a size is 1 to 2^32, that" + which + std::to_string(s.dims[i]));
        require(i == 0 || (s.strides[i] % 16 == 0 && s.strides[i] < uint64_t(1) << 40),
                "a stride is a multiple of 16 below 2^40, that" + which + std::to_string(s.strides[i]));
        require(s.step[i] >= 1 && s.step[i] <= 8, "a step is 1 to 8, that" + which + std::to_string(s.step[i]));
        require(s.im2col || (s.box[i] >= 1 && s.box[i] <= 256), "a box is 1 to 256, that" + which + std::to_string(s.box[i]));
    }
    const uint32_t row = (s.im2col ? s.channels : s.box[0]) * item;
    require(row % 16 == 0, "the innermost row of a box is a multiple of 16 bytes. Received: " + std::to_string(row));
    require(!s.swizzle || row <= uint32_t(s.swizzle), "the innermost row of a box fits the swizzle. Received: " + std::to_string(row));
    if (!s.im2col) return;
    require(s.channels >= 1 && s.channels <= 256 && s.pixels >= 1 && s.pixels <= 1024, "im2col takes 256 channels and 1024 pixels at most");
    for (int i = 0; i < 2; i++) {
        require(s.lower[i] >= -128 && s.lower[i] <= 127 && s.upper[i] >= -128 && s.upper[i] <= 127, "corners of im2col are -128 to 127");
        require(int64_t(s.dims[1 + i]) + s.upper[i] > s.lower[i], "the box of im2col is empty");
    }
}

}  // namespace

#ifdef GPUDL_EMULATE

TensorMap encode_tensor_map(const TensorMapSpec& spec) {
    check_spec(spec);
    TensorMap map;
    static_cast<TensorMapSpec&>(map) = spec;
    map.strides[0] = uint64_t(map_item_bytes(spec.type));
    return map;
}

#else

namespace {

template <class F> F driver_function(const char* name) {
    void* found = nullptr;
    cudaDriverEntryPointQueryResult result;
    const cudaError_t status = cudaGetDriverEntryPointByVersion(name, &found, 12000, cudaEnableDefault, &result);
    if (status != cudaSuccess || !found) throw KernelError(std::string(name) + " is not there: no driver for CUDA 12 or newer");
    return reinterpret_cast<F>(found);
}

// Drivers up to 13.1 mark arrays below 128 KiB wrongly for Blackwell. The bit is reserved on Hopper, hence harmless either way.
void unmark_small(TensorMap& map, const TensorMapSpec& s) {
    static const int driver = [] {
        int version = 0;
        cudaDriverGetVersion(&version);
        return version;
    }();
    uint64_t last = 0;
    for (int i = 0; i < s.rank; i++) last += (s.dims[i] - 1) * (i ? s.strides[i] : uint64_t(map_item_bytes(s.type)));
    if (driver > 13010 || last + 1 >= 128 * 1024) return;
    uint64_t word;
    char* at = reinterpret_cast<char*>(&map) + 8;
    std::memcpy(&word, at, 8);
    word &= ~(uint64_t(1) << 21);
    std::memcpy(at, &word, 8);
}

}  // namespace

TensorMap encode_tensor_map(const TensorMapSpec& s) {
    check_spec(s);
    constexpr CUtensorMapDataType types[] = {CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
                                             CU_TENSOR_MAP_DATA_TYPE_FLOAT32,  CU_TENSOR_MAP_DATA_TYPE_TFLOAT32,
                                             CU_TENSOR_MAP_DATA_TYPE_UINT8,    CU_TENSOR_MAP_DATA_TYPE_UINT32};
    const CUtensorMapSwizzle swizzle = s.swizzle == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
                                       : s.swizzle == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                                       : s.swizzle == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                                                         : CU_TENSOR_MAP_SWIZZLE_NONE;
    cuuint64_t dims[5], strides[4];
    cuuint32_t box[5], step[5];
    for (int i = 0; i < 5; i++) {
        dims[i] = s.dims[i];
        box[i] = s.box[i];
        step[i] = s.step[i];
        if (i) strides[i - 1] = s.strides[i];
    }
    TensorMap map;
    std::memset(&map, 0, sizeof map);
    void* base = reinterpret_cast<void*>(static_cast<uintptr_t>(s.base));
    const auto type = types[int(s.type)];
    const auto rank = cuuint32_t(s.rank);
    CUresult result;
    if (s.im2col) {
        static const auto encode = driver_function<decltype(&cuTensorMapEncodeIm2col)>("cuTensorMapEncodeIm2col");
        const int lower[3] = {s.lower[0], s.lower[1], 0}, upper[3] = {s.upper[0], s.upper[1], 0};  // W first
        result = encode(&map.map, type, rank, base, dims, strides, lower, upper, s.channels, s.pixels, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
                        swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    } else {
        static const auto encode = driver_function<decltype(&cuTensorMapEncodeTiled)>("cuTensorMapEncodeTiled");
        result = encode(&map.map, type, rank, base, dims, strides, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
                        CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    }
    if (result != CUDA_SUCCESS) throw KernelError("the driver refused a tensor map: CUresult " + std::to_string(int(result)));
    unmark_small(map, s);
    return map;
}

#endif

static_assert(std::has_unique_object_representations_v<TensorMapSpec>, "the cache compares bytes");

TensorMap tensor_map(const TensorMapSpec& spec) {
    static std::mutex lock;
    static std::unordered_map<std::string, TensorMap> cache;
    constexpr size_t most = 4096;  // 128 bytes each; arrays come and go
    std::string key(reinterpret_cast<const char*>(&spec), sizeof spec);
    const std::lock_guard<std::mutex> hold(lock);
    if (const auto found = cache.find(key); found != cache.end()) return found->second;
    const TensorMap made = encode_tensor_map(spec);
    if (cache.size() >= most) cache.clear();
    return cache.emplace(std::move(key), made).first->second;
}

}  // namespace gpudl
