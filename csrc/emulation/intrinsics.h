// The device functions of CUDA that the host's <math.h> lacks. Part of device.h. Approximate ones are exact here.
#pragma once
#include <math.h>

// clang-format off
// Loads and stores with a cache hint.
template <class T> T __ldg(const T* p) { return *p; }
template <class T> T __ldca(const T* p) { return *p; }
template <class T> T __ldcg(const T* p) { return *p; }
template <class T> T __ldcs(const T* p) { return *p; }
template <class T> void __stcg(T* p, T value) { *p = value; }
template <class T> void __stcs(T* p, T value) { *p = value; }

// Arithmetic that is rounded as it says, whatever the compiler would like.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __drcp_rn(double a) { return 1.0 / a; }
inline double __dsqrt_rn(double a) { return sqrt(a); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

// Fast approximations on the device.
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10.0f, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __saturatef(float x) { return x >= 1.0f ? 1.0f : x > 0.0f ? x : 0.0f; }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return 1.0f / sqrtf(x); }
inline float normcdff(float x) { return 0.5f * erfcf(x * -0.70710678118654752f); }
inline double normcdf(double x) { return 0.5 * erfc(x * -0.70710678118654752); }
inline float sinpif(float x) { return sinf(x * 3.14159265358979324f); }
inline float cospif(float x) { return cosf(x * 3.14159265358979324f); }

// Bits.
inline float __int_as_float(int x) { return ::gpudl::emulation::from_bits<float>(uint32_t(x)); }
inline int __float_as_int(float x) { return int(::gpudl::emulation::to_bits(x)); }
inline float __uint_as_float(unsigned x) { return ::gpudl::emulation::from_bits<float>(x); }
inline unsigned __float_as_uint(float x) { return unsigned(::gpudl::emulation::to_bits(x)); }
inline double __longlong_as_double(long long x) { return ::gpudl::emulation::from_bits<double>(uint64_t(x)); }
inline long long __double_as_longlong(double x) { return (long long)(::gpudl::emulation::to_bits(x)); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)(x)) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline int __mulhi(int a, int b) { return int((int64_t(a) * b) >> 32); }
__extension__ typedef unsigned __int128 gpudl_uint128;
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)((gpudl_uint128(a) * b) >> 64); }
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned n) { return unsigned(((uint64_t(high) << 32 | low) << (n & 31)) >> 32); }
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned n) { return unsigned((uint64_t(high) << 32 | low) >> (n & 31)); }

// Overloads that CUDA has without std::.
#define GPUDL_EMULATED_MIN_MAX(T)                       \
    constexpr T min(T a, T b) { return b < a ? b : a; } \
    constexpr T max(T a, T b) { return a < b ? b : a; }
GPUDL_EMULATED_MIN_MAX(int)
GPUDL_EMULATED_MIN_MAX(unsigned)
GPUDL_EMULATED_MIN_MAX(long)
GPUDL_EMULATED_MIN_MAX(unsigned long)
GPUDL_EMULATED_MIN_MAX(long long)
GPUDL_EMULATED_MIN_MAX(unsigned long long)
#undef GPUDL_EMULATED_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
// clang-format on
