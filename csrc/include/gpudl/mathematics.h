// Defines functions of one element, and logaddexp, once for the C++ and the CUDA kernels: gpudl/ops/mathematics.py.
#pragma once
#include <gpudl/math.h>

namespace gpudl {

// roots, sign ----------------------------------------------------------------------------------------------------------------------

struct AbsoluteGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        return g * (x > C(0) ? C(1) : x < C(0) ? C(-1) : x == C(0) ? C(0) : x);
    }
};

struct Sqrt {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::sqrt(x); }
};

struct SqrtGrad {  // y is the output of sqrt
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return g / y * C(0.5); }
};

struct Rsqrt {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return C(1) / math::sqrt(x); }
};

struct RsqrtGrad {  // y is the output of rsqrt
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return y * y * y * g * C(-0.5); }
};

struct Reciprocal {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return C(1) / x; }
};

struct ReciprocalGrad {  // y is the output of reciprocal
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return -(y * y * g); }
};

// exponentials, logarithms ---------------------------------------------------------------------------------------------------------

constexpr double ln2 = 0.69314718055994530942, ln10 = 2.30258509299404568402, two_over_root_pi = 1.12837916709551257390;

struct Exp {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::exp(x); }
};

struct Log {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::log(x); }
};

struct Expm1 {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::expm1(x); }
};

struct Expm1Grad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return math::exp(x) * g; }
};

struct Log1p {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::log1p(x); }
};

struct Log1pGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / (x + C(1)); }
};

struct Log2 {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::log2(x); }
};

struct Log10 {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::log10(x); }
};

struct ScaledLogGrad {  // of log2 and log10
    double ln;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / (x * C(ln)); }
};

struct Erf {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::erf(x); }
};

struct ErfGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return math::exp(x * -x) * g * C(two_over_root_pi); }
};

struct Logaddexp {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const {
        const C d = a - b;
        const C above = a == b ? C(ln2) : math::log1p(math::exp(-math::fabs(d)));  // equal infinities, too
        return math::is_nan(d) && a != b ? d : math::max_of(a, b) + above;
    }
};

struct LogaddexpGrad {  // g exp(a) / (exp(a) + exp(b)); half of g where both are the same infinity
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C a, C b) const { return g / (math::exp(a == b ? C(0) : b - a) + C(1)); }
};

// rounding, tests ------------------------------------------------------------------------------------------------------------------

struct Floor {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::floor(x); }
};

struct Ceil {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::ceil(x); }
};

struct Round {  // halves to the even neighbour
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::rint(x); }
};

struct RoundBehind {  // to places behind the point: scale = 10^places
    double scale;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::rint(x * C(scale)) / C(scale); }
};

struct RoundBefore {
    double scale;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::rint(x / C(scale)) * C(scale); }
};

struct IsNan {
    template <class C> GPUDL_HOST_DEVICE bool operator()(C x) const { return x != x; }
};

struct IsInf {
    template <class C> GPUDL_HOST_DEVICE bool operator()(C x) const { return math::fabs(x) == C(INFINITY); }
};

struct IsFinite {
    template <class C> GPUDL_HOST_DEVICE bool operator()(C x) const { return math::fabs(x) < C(INFINITY); }
};

}  // namespace gpudl
