// Names the dtypes, and converts the 16-bit ones to float and back, rounding to nearest even once.
//
// Letters are NumPy's: ? bool, b B int8/uint8, h H 16, i I 32, l L 64 bits, e float16, f float32, d float64, E bfloat16 (ml_dtypes).
// 'l' and 'L' mean 64 bits on every platform; the reader of an array translates (`long long` is 'q' in NumPy).
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define GPUDL_HOST_DEVICE __host__ __device__
#else
#define GPUDL_HOST_DEVICE
#endif

namespace gpudl {

constexpr char no_dtype = '\0';  // what no kernel takes: complex, text, foreign byte order …

struct float16 {
    uint16_t bits;
};
struct bfloat16 {
    uint16_t bits;
};

GPUDL_HOST_DEVICE constexpr int64_t itemsize(char dtype) {
    switch (dtype) {
        case '?':
        case 'b':
        case 'B': return 1;
        case 'h':
        case 'H':
        case 'e':
        case 'E': return 2;
        case 'i':
        case 'I':
        case 'f': return 4;
        case 'l':
        case 'L':
        case 'd': return 8;
        default: return 0;
    }
}

namespace bits {
GPUDL_HOST_DEVICE inline uint32_t of(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}
GPUDL_HOST_DEVICE inline float to_float(uint32_t u) {
    float x;
    memcpy(&x, &u, 4);
    return x;
}
}  // namespace bits

// `wide` gives the type in which a dtype is computed; `narrow<T>` rounds back. Selects, no branches: loops over them vectorize.
GPUDL_HOST_DEVICE inline float wide(float x) { return x; }
GPUDL_HOST_DEVICE inline double wide(double x) { return x; }

GPUDL_HOST_DEVICE inline float wide(bfloat16 x) { return bits::to_float(uint32_t(x.bits) << 16); }

template <class I, std::enable_if_t<std::is_integral<I>::value, int> = 0> GPUDL_HOST_DEVICE inline I wide(I x) { return x; }

GPUDL_HOST_DEVICE inline float wide(float16 x) {
#ifdef __CUDA_ARCH__
    return __half2float(__ushort_as_half(x.bits));
#else
    const uint32_t sign = uint32_t(x.bits & 0x8000u) << 16, magnitude = x.bits & 0x7fffu;
    const uint32_t rebias = 112u << 23;                                     // exponent 15 becomes exponent 127
    const uint32_t small = bits::of(float(int32_t(magnitude)) * 0x1p-24f);  // zero and subnormals, exact
    uint32_t u = (magnitude << 13) + rebias;
    u = magnitude >= 0x7c00u ? u + rebias : u;  // inf and NaN: the largest exponent
    u = magnitude < 0x0400u ? small : u;
    return bits::to_float(u | sign);
#endif
}

template <class T> struct Narrow {  // bool and the integers
    GPUDL_HOST_DEVICE static T from(T x) { return x; }
};

template <> struct Narrow<float> {
    GPUDL_HOST_DEVICE static float from(float x) { return x; }
};
template <> struct Narrow<double> {
    GPUDL_HOST_DEVICE static double from(double x) { return x; }
};
template <> struct Narrow<bfloat16> {
    GPUDL_HOST_DEVICE static bfloat16 from(float x) {
        const uint32_t u = bits::of(x);
        const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
        const uint32_t quiet = (u >> 16) | 0x0040u;  // a NaN must not round to inf
        return {uint16_t((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded)};
    }
};
template <> struct Narrow<float16> {
    GPUDL_HOST_DEVICE static float16 from(float x) {
#ifdef __CUDA_ARCH__
        return {__half_as_ushort(__float2half_rn(x))};
#else
        const uint32_t u = bits::of(x), sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
        const uint32_t normal = (magnitude + 0x0fffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
        // below 2^-14 the last place is 2^-24, which is the last place of 0.5: adding 0.5 rounds for us
        const uint32_t subnormal = bits::of(bits::to_float(magnitude) + 0.5f) - bits::of(0.5f);
        uint32_t h = magnitude < 0x38800000u ? subnormal : normal;
        h = magnitude >= 0x477ff000u ? 0x7c00u : h;  // 65520 and above round to inf
        h = magnitude > 0x7f800000u ? 0x7e00u | ((magnitude >> 13) & 0x3ffu) : h;
        return {uint16_t(h | sign)};
#endif
    }
};
template <class T> GPUDL_HOST_DEVICE inline T narrow(decltype(wide(T{})) x) { return Narrow<T>::from(x); }

// Calls `f` with a value of the C++ type of a floating dtype: for_float_dtype(x.dtype, [&](auto zero) { using T = decltype(zero); … })
template <class F> void for_float_dtype(char dtype, F f) {
    switch (dtype) {
        case 'f': f(float{}); break;
        case 'd': f(double{}); break;
        case 'e': f(float16{}); break;
        case 'E': f(bfloat16{}); break;
        default: break;  // the table let only these letters through
    }
}

}  // namespace gpudl
