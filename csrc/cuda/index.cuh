// Reads indices of any dtype: `index_at` as they are, `key_at` counted from the start, with one more place for what is out of range.
#pragma once
#include <gpudl/platform.h>

namespace gpudl {

// Index i of an array of integers.
__device__ __forceinline__ int64_t index_at(const void* index, char dtype, int64_t i) {
    switch (dtype) {
        case 'b': return static_cast<const int8_t*>(index)[i];
        case 'B': return static_cast<const uint8_t*>(index)[i];
        case 'h': return static_cast<const int16_t*>(index)[i];
        case 'H': return static_cast<const uint16_t*>(index)[i];
        case 'i': return static_cast<const int32_t*>(index)[i];
        case 'I': return static_cast<const uint32_t*>(index)[i];
        default:
            return static_cast<const int64_t*>(index)[i];  // uint64 beyond 2^63 comes out negative and is out of range, as it should be
    }
}

// Into an axis of n: negative ones count from its end, n is what goes nowhere.
__device__ __forceinline__ int64_t key_at(const void* index, char dtype, int64_t i, int64_t n) {
    int64_t at = index_at(index, dtype, i);
    if (at < 0) at += n;
    return at < 0 || at >= n ? n : at;
}

}  // namespace gpudl
