// Defines the trigonometric and hyperbolic functions and their gradients, once for the C++ and the CUDA kernels: gpudl/ops/trigonometry.py.
#pragma once
#include <gpudl/math.h>

namespace gpudl {

#define GPUDL_FUNCTION(Name, function)                                                                                                     \
    struct Name {                                                                                                                          \
        using heavy = void;                                                                                                                \
        template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::function(x); }                                         \
    };

GPUDL_FUNCTION(Sin, sin)
GPUDL_FUNCTION(Cos, cos)
GPUDL_FUNCTION(Tan, tan)
GPUDL_FUNCTION(Arcsin, asin)
GPUDL_FUNCTION(Arccos, acos)
GPUDL_FUNCTION(Arctan, atan)
GPUDL_FUNCTION(Sinh, sinh)
GPUDL_FUNCTION(Cosh, cosh)
GPUDL_FUNCTION(Arcsinh, asinh)
GPUDL_FUNCTION(Arccosh, acosh)
GPUDL_FUNCTION(Arctanh, atanh)

#undef GPUDL_FUNCTION

struct SinGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return math::cos(x) * g; }
};

struct CosGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return -(math::sin(x) * g); }
};

struct TanGrad {  // y is the output of tan
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return (y * y + C(1)) * g; }
};

struct ArcsinGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / math::sqrt((C(1) - x) * (C(1) + x)); }
};

struct ArccosGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return -(g / math::sqrt((C(1) - x) * (C(1) + x))); }
};

struct ArctanGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / (x * x + C(1)); }
};

struct SinhGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return math::cosh(x) * g; }
};

struct CoshGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return math::sinh(x) * g; }
};

struct ArcsinhGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / math::hypot(x, C(1)); }
};

struct ArccoshGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / (math::sqrt(x - C(1)) * math::sqrt(x + C(1))); }
};

struct ArctanhGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / ((C(1) - x) * (C(1) + x)); }
};

struct Arctan2 {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const { return math::atan2(a, b); }
};

struct Arctan2Grad {  // g p / (p^2 + q^2), without overflow
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C p, C q) const {
        const C r = math::hypot(p, q);
        return p / r * g / r;
    }
};

}  // namespace gpudl
