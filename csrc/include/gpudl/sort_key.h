// Maps numbers to unsigned integers that are ordered as the numbers are: NaN is the largest, and -0 equals 0.
#pragma once
#include <gpudl/dtype.h>

namespace gpudl {

GPUDL_HOST_DEVICE inline uint64_t sort_key(double x) {
    if (x != x) return ~uint64_t(0) - 1;
    if (x == 0) return uint64_t(1) << 63;
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits >> 63 ? ~bits : bits | uint64_t(1) << 63;
}

GPUDL_HOST_DEVICE inline uint64_t sort_key(const char* from, char dtype) {
    switch (dtype) {
        case 'f': return sort_key(double(*reinterpret_cast<const float*>(from)));
        case 'd': return sort_key(*reinterpret_cast<const double*>(from));
        case 'e': return sort_key(double(wide(*reinterpret_cast<const float16*>(from))));
        case 'E': return sort_key(double(wide(*reinterpret_cast<const bfloat16*>(from))));
        case '?':
        case 'B': return *reinterpret_cast<const uint8_t*>(from);
        case 'H': return *reinterpret_cast<const uint16_t*>(from);
        case 'I': return *reinterpret_cast<const uint32_t*>(from);
        case 'L': return *reinterpret_cast<const uint64_t*>(from);
        case 'b': return uint64_t(int64_t(*reinterpret_cast<const int8_t*>(from))) ^ uint64_t(1) << 63;
        case 'h': return uint64_t(int64_t(*reinterpret_cast<const int16_t*>(from))) ^ uint64_t(1) << 63;
        case 'i': return uint64_t(int64_t(*reinterpret_cast<const int32_t*>(from))) ^ uint64_t(1) << 63;
        default: return uint64_t(*reinterpret_cast<const int64_t*>(from)) ^ uint64_t(1) << 63;
    }
}

}  // namespace gpudl
