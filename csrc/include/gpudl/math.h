// Names the functions of float and double alike, for the host and the device: math::exp(x) is expf or exp.
#pragma once
#include <cmath>

#include <gpudl/dtype.h>
#ifdef GPUDL_VECTOR_MATH
#include "../../cpu/vector_math.h"
#endif

namespace gpudl {
namespace math {

#define GPUDL_ONE(name)                                                                                                                    \
    GPUDL_HOST_DEVICE inline float name(float x) { return ::name##f(x); }                                                                  \
    GPUDL_HOST_DEVICE inline double name(double x) { return ::name(x); }
#define GPUDL_TWO(name)                                                                                                                    \
    GPUDL_HOST_DEVICE inline float name(float x, float y) { return ::name##f(x, y); }                                                      \
    GPUDL_HOST_DEVICE inline double name(double x, double y) { return ::name(x, y); }

GPUDL_ONE(log2)
GPUDL_ONE(log10)
GPUDL_ONE(sqrt)
GPUDL_ONE(erf)
GPUDL_ONE(floor)
GPUDL_ONE(ceil)
GPUDL_ONE(rint)
GPUDL_ONE(sin)
GPUDL_ONE(cos)
GPUDL_ONE(tan)
GPUDL_ONE(asin)
GPUDL_ONE(acos)
GPUDL_ONE(atan)
GPUDL_ONE(sinh)
GPUDL_ONE(cosh)
GPUDL_ONE(asinh)
GPUDL_ONE(acosh)
GPUDL_ONE(atanh)
GPUDL_ONE(fabs)
GPUDL_TWO(fmod)
GPUDL_TWO(pow)
GPUDL_TWO(hypot)
GPUDL_TWO(atan2)
GPUDL_TWO(copysign)

#ifdef GPUDL_VECTOR_MATH  // for float the C++ kernels have their own: csrc/cpu/vector_math.h
inline double exp(double x) { return ::exp(x); }
inline double expm1(double x) { return ::expm1(x); }
inline double log(double x) { return ::log(x); }
inline double log1p(double x) { return ::log1p(x); }
#else
GPUDL_ONE(exp)
GPUDL_ONE(expm1)
GPUDL_ONE(log)
GPUDL_ONE(log1p)

// The C library's tanhf is off by more than one last place, CUDA's is not.
GPUDL_HOST_DEVICE inline float tanh(float x) {
#ifdef __CUDA_ARCH__
    return ::tanhf(x);
#else
    return float(::tanh(double(x)));
#endif
}
#endif
GPUDL_HOST_DEVICE inline double tanh(double x) { return ::tanh(x); }

#undef GPUDL_ONE
#undef GPUDL_TWO

template <class C> GPUDL_HOST_DEVICE inline bool is_nan(C x) { return x != x; }

// The greater and the smaller of two; NaN if one is NaN. Of equal numbers the second, so max_of(-0.0, 0.0) is 0.0.
template <class C> GPUDL_HOST_DEVICE inline C max_of(C a, C b) { return a > b || a != a ? a : b; }
template <class C> GPUDL_HOST_DEVICE inline C min_of(C a, C b) { return a < b || a != a ? a : b; }

// 1 / (1 + exp(-x)); exp is inf for x < -88 in float32, and 1 / inf is 0.
template <class C> GPUDL_HOST_DEVICE inline C sigmoid(C x) { return C(1) / (exp(-x) + C(1)); }

}  // namespace math
}  // namespace gpudl
