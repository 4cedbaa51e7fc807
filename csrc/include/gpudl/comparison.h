// Defines comparisons, truths and bits, once for the C++ and the CUDA kernels: gpudl/ops/comparison.py. NaN equals nothing and is true.
#pragma once
#include <gpudl/dtype.h>

namespace gpudl {

#define GPUDL_OF_TWO(Name, Result, expression)                                                                                             \
    struct Name {                                                                                                                          \
        template <class C> GPUDL_HOST_DEVICE Result operator()(C a, C b) const { return expression; }                                      \
    };

GPUDL_OF_TWO(Equal, bool, a == b)
GPUDL_OF_TWO(NotEqual, bool, a != b)
GPUDL_OF_TWO(Less, bool, a < b)
GPUDL_OF_TWO(LessEqual, bool, a <= b)
GPUDL_OF_TWO(Greater, bool, a > b)
GPUDL_OF_TWO(GreaterEqual, bool, a >= b)
GPUDL_OF_TWO(LogicalAnd, bool, a != C(0) && b != C(0))
GPUDL_OF_TWO(LogicalOr, bool, a != C(0) || b != C(0))
GPUDL_OF_TWO(LogicalXor, bool, (a != C(0)) != (b != C(0)))
GPUDL_OF_TWO(BitwiseAnd, C, C(a& b))
GPUDL_OF_TWO(BitwiseOr, C, C(a | b))
GPUDL_OF_TWO(BitwiseXor, C, C(a ^ b))

#undef GPUDL_OF_TWO

struct LogicalNot {
    template <class C> GPUDL_HOST_DEVICE bool operator()(C x) const { return x == C(0); }
};

struct BitwiseNot {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return C(~x); }
};

}  // namespace gpudl
