// Describes arrays to the copy engine (TMA): fill in a TensorMapSpec, get a TensorMap, pass that to a kernel as `const __grid_constant__`.
//
// On a GPU a TensorMap is the driver's opaque 128 bytes, under emulation the description itself. A map is a constant of the model as far
// as the contract of kernels goes: it depends on addresses, shapes and strides alone.
#pragma once
#include <cstdint>

#ifndef GPUDL_EMULATE
#include <cuda.h>
#endif

namespace gpudl {

enum class MapType : int { bf16, f16, f32, tf32, u8, u32 };  // tf32: float32 that the copy engine rounds while it loads
inline int map_item_bytes(MapType type) { return type == MapType::u8 ? 1 : type == MapType::bf16 || type == MapType::f16 ? 2 : 4; }

// Innermost dimension first. Without padding bytes, since these bytes are also the key of the cache.
struct TensorMapSpec {
    uint64_t base = 0;                             // address, a multiple of 16
    uint64_t dims[5] = {1, 1, 1, 1, 1};            // elements
    uint64_t strides[5] = {0, 0, 0, 0, 0};         // bytes: [0] is the item size, the others are multiples of 16
    uint32_t box[5] = {1, 1, 1, 1, 1};             // tiles: elements per copy, each at most 256
    uint32_t step[5] = {1, 1, 1, 1, 1};            // im2col: the strides of the convolution, at most 8
    int32_t lower[2] = {0, 0}, upper[2] = {0, 0};  // im2col: corner offsets {W, H} of the box of first-tap pixels
    uint32_t channels = 0, pixels = 0;             // im2col: elements per pixel, and pixels per copy
    int32_t rank = 2, swizzle = 128, im2col = 0;   // swizzle: 0, 32, 64 or 128 bytes
    MapType type = MapType::bf16;
};

#ifdef GPUDL_EMULATE
struct TensorMap : TensorMapSpec {
    int item() const { return map_item_bytes(type); }
    uint32_t bytes() const {  // of one box
        uint32_t n = uint32_t(item());
        if (im2col) return n * channels * pixels;
        for (int i = 0; i < rank; i++) n *= box[i];
        return n;
    }
};
#else
struct TensorMap {
    CUtensorMap map;
};
#endif

// Throws std::invalid_argument, naming the rule, on a description that the copy engine does not take.
TensorMap encode_tensor_map(const TensorMapSpec& spec);
TensorMap tensor_map(const TensorMapSpec& spec);  // the same, through a cache

}  // namespace gpudl
