// Reads and writes elements whose dtype is known at run time only: one simple kernel serves all dtypes that are computed alike.
//
// A class of dtypes has the Value in which they are computed, the letters it holds, and what a letter's bytes mean.
#pragma once
#include <gpudl/dtype.h>

namespace gpudl {
namespace erased {

template <class T> GPUDL_HOST_DEVICE inline T at(const char* from) { return *reinterpret_cast<const T*>(from); }
template <class T> GPUDL_HOST_DEVICE inline void put(char* to, T value) { *reinterpret_cast<T*>(to) = value; }

struct Single {  // float32 and the 16-bit floats, computed in float32 and rounded once
    using Value = float;
    GPUDL_HOST_DEVICE static float load(const char* from, char dtype) {
        switch (dtype) {
            case 'e': return wide(at<float16>(from));
            case 'E': return wide(at<bfloat16>(from));
            default: return at<float>(from);
        }
    }
    GPUDL_HOST_DEVICE static void store(char* to, char dtype, float x) {
        switch (dtype) {
            case 'e': put(to, narrow<float16>(x)); break;
            case 'E': put(to, narrow<bfloat16>(x)); break;
            default: put(to, x);
        }
    }
};

struct Double {
    using Value = double;
    GPUDL_HOST_DEVICE static double load(const char* from, char) { return at<double>(from); }
    GPUDL_HOST_DEVICE static void store(char* to, char, double x) { put(to, x); }
};

struct Integer {  // bool and the integers. uint64 by its bits: sums and products are the same
    using Value = int64_t;
    GPUDL_HOST_DEVICE static int64_t load(const char* from, char dtype) {
        switch (dtype) {
            case '?':
            case 'B': return at<uint8_t>(from);
            case 'b': return at<int8_t>(from);
            case 'h': return at<int16_t>(from);
            case 'H': return at<uint16_t>(from);
            case 'i': return at<int32_t>(from);
            case 'I': return at<uint32_t>(from);
            default: return at<int64_t>(from);
        }
    }
    GPUDL_HOST_DEVICE static void store(char* to, char dtype, int64_t x) {
        switch (dtype) {
            case '?': put(to, uint8_t(x != 0)); break;
            case 'b':
            case 'B': put(to, uint8_t(x)); break;
            case 'h':
            case 'H': put(to, uint16_t(x)); break;
            case 'i':
            case 'I': put(to, uint32_t(x)); break;
            default: put(to, x);
        }
    }
};

struct Natural {  // uint64, where its order or its size matters
    using Value = uint64_t;
    GPUDL_HOST_DEVICE static uint64_t load(const char* from, char) { return at<uint64_t>(from); }
    GPUDL_HOST_DEVICE static void store(char* to, char, uint64_t x) { put(to, x); }
};

struct Truth {  // bool
    using Value = bool;
    GPUDL_HOST_DEVICE static bool load(const char* from, char) { return at<uint8_t>(from) != 0; }
    GPUDL_HOST_DEVICE static void store(char* to, char, bool x) { put(to, uint8_t(x)); }
};

struct Bits {  // any dtype, moved as it is
    using Value = uint64_t;
    GPUDL_HOST_DEVICE static uint64_t load(const char* from, char dtype) {
        switch (itemsize(dtype)) {
            case 1: return at<uint8_t>(from);
            case 2: return at<uint16_t>(from);
            case 4: return at<uint32_t>(from);
            default: return at<uint64_t>(from);
        }
    }
    GPUDL_HOST_DEVICE static void store(char* to, char dtype, uint64_t x) {
        switch (itemsize(dtype)) {
            case 1: put(to, uint8_t(x)); break;
            case 2: put(to, uint16_t(x)); break;
            case 4: put(to, uint32_t(x)); break;
            default: put(to, x);
        }
    }
};

// The class of what a C++ type stands for: signed integers are numbers, those without sign the bits of any dtype.
template <class T> struct ClassOf;
template <> struct ClassOf<float> {
    using Type = Single;
};
template <> struct ClassOf<float16> {
    using Type = Single;
};
template <> struct ClassOf<bfloat16> {
    using Type = Single;
};
template <> struct ClassOf<double> {
    using Type = Double;
};
template <> struct ClassOf<bool> {
    using Type = Truth;
};
template <> struct ClassOf<int32_t> {
    using Type = Integer;
};
template <> struct ClassOf<int64_t> {
    using Type = Integer;
};
template <> struct ClassOf<uint8_t> {
    using Type = Bits;
};
template <> struct ClassOf<uint16_t> {
    using Type = Bits;
};
template <> struct ClassOf<uint32_t> {
    using Type = Bits;
};
template <> struct ClassOf<uint64_t> {
    using Type = Bits;
};

}  // namespace erased
}  // namespace gpudl
