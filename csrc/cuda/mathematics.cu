// Computes roots, exponentials, logarithms, erf, roundings and tests for NaN on the GPU; threads and elements as elementwise.cuh says.
#include <cmath>
#include <cstdlib>

#include <gpudl/mathematics.h>

#include "families.cuh"

namespace gpudl {
namespace {

using namespace elementwise;

template <class F> void test(const char* name, const TensorView& y, const TensorView& x, Stream stream) {
    for_float_dtype(x.dtype, [&](auto zero) { Map<F, bool, decltype(zero)>::run(name, {&y, &x}, F{}, stream); });
}

}  // namespace

GPUDL_FLOATS_1(sqrt, "", Sqrt{})
GPUDL_FLOATS_2(sqrt_grad, "", SqrtGrad{})
GPUDL_FLOATS_1(rsqrt, "", Rsqrt{})
GPUDL_FLOATS_2(rsqrt_grad, "", RsqrtGrad{})
GPUDL_FLOATS_1(reciprocal, "", Reciprocal{})
GPUDL_FLOATS_2(reciprocal_grad, "", ReciprocalGrad{})
GPUDL_FLOATS_1(exp, "", Exp{})
GPUDL_FLOATS_1(log, "", Log{})
GPUDL_FLOATS_1(expm1, "", Expm1{})
GPUDL_FLOATS_2(expm1_grad, "", Expm1Grad{})
GPUDL_FLOATS_1(log1p, "", Log1p{})
GPUDL_FLOATS_2(log1p_grad, "", Log1pGrad{})
GPUDL_FLOATS_1(log2, "", Log2{})
GPUDL_FLOATS_2(log2_grad, "", ScaledLogGrad{ln2})
GPUDL_FLOATS_1(log10, "", Log10{})
GPUDL_FLOATS_2(log10_grad, "", ScaledLogGrad{ln10})
GPUDL_FLOATS_1(erf, "", Erf{})
GPUDL_FLOATS_2(erf_grad, "", ErfGrad{})
GPUDL_FLOATS_2(logaddexp, "", Logaddexp{})
GPUDL_FLOATS_3(logaddexp_grad, "", LogaddexpGrad{})
GPUDL_FLOATS_1(floor, "", Floor{})
GPUDL_FLOATS_1(ceil, "", Ceil{})

GPUDL_KERNEL_WHEN(round, "f <- ~f ; i | d <- ~d ; i | e <- ~e ; i | E <- ~E ; i", broadcast_shapes<1>) {
    const int64_t places = attrs[0].integer;
    const double scale = std::pow(10.0, double(std::llabs(places)));
    if (places == 0) map_floats("round", outs[0], ins[0], Round{}, stream);
    else if (places > 0) map_floats("round", outs[0], ins[0], RoundBehind{scale}, stream);
    else map_floats("round", outs[0], ins[0], RoundBefore{scale}, stream);
}

GPUDL_KERNEL_WHEN(isnan, "? <- ~f | ? <- ~d | ? <- ~e | ? <- ~E", broadcast_shapes<1>) { test<IsNan>("isnan", outs[0], ins[0], stream); }
GPUDL_KERNEL_WHEN(isinf, "? <- ~f | ? <- ~d | ? <- ~e | ? <- ~E", broadcast_shapes<1>) { test<IsInf>("isinf", outs[0], ins[0], stream); }
GPUDL_KERNEL_WHEN(isfinite, "? <- ~f | ? <- ~d | ? <- ~e | ? <- ~E", broadcast_shapes<1>) {
    test<IsFinite>("isfinite", outs[0], ins[0], stream);
}

}  // namespace gpudl
