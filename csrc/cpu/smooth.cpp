// Computes exponentials, logarithms and the smooth activations with their gradients, by the functions of vector_math.h. In float64 those
// would be the C library's, which are slower than NumPy's: it is left to them. Compiled with contraction to fused multiply-adds.
#include <cmath>

#include <gpudl/kernel.h>
#include <gpudl/loss.h>
#include <gpudl/mathematics.h>
#include <gpudl/smooth.h>

#include "elementwise.h"

namespace gpudl {
namespace {

// NumPy has vectors of its own for some functions where there is AVX-512, a little faster than these on large arrays.
bool unless_numpy_is_faster(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
#ifdef __AVX512F__
    if (outs[0].size() > (1 << 16)) return false;
#endif
    return broadcast_shapes<1>(outs, ins, attrs);
}

}  // namespace

// As GPUDL_FLOATS_1 and _2, without float64.
#define GPUDL_SINGLE_1(name, attributes, ...) GPUDL_SINGLE_WHEN(name, attributes, broadcast_shapes<1>, __VA_ARGS__)
#define GPUDL_SINGLE_WHEN(name, attributes, when, ...)                                                                                     \
    GPUDL_KERNEL_WHEN(name, "f <- ~f" attributes " | e <- ~e" attributes " | E <- ~E" attributes, when) {                                  \
        const auto f = __VA_ARGS__;                                                                                                        \
        using F = std::decay_t<decltype(f)>;                                                                                               \
        cpu::map({cpu::loop_1<F, float, float>, &f, 'f', {'f'}, 8}, outs[0], ins[0]);                                                      \
    }
#define GPUDL_SINGLE_2(name, attributes, ...)                                                                                              \
    GPUDL_KERNEL_WHEN(name, "f <- ~f ~f" attributes " | e <- ~e ~e" attributes " | E <- ~E ~E" attributes, broadcast_shapes<2>) {          \
        const auto f = __VA_ARGS__;                                                                                                        \
        using F = std::decay_t<decltype(f)>;                                                                                               \
        cpu::map({cpu::loop_2<F, float, float, float>, &f, 'f', {'f', 'f'}, 8}, outs[0], ins[0], ins[1]);                                  \
    }

GPUDL_SINGLE_1(exp, "", Exp{})
GPUDL_SINGLE_WHEN(expm1, "", unless_numpy_is_faster, Expm1{})
GPUDL_SINGLE_2(expm1_grad, "", Expm1Grad{})
GPUDL_SINGLE_WHEN(log, "", unless_numpy_is_faster, Log{})
GPUDL_SINGLE_WHEN(log1p, "", unless_numpy_is_faster, Log1p{})
GPUDL_SINGLE_1(sigmoid, "", Sigmoid{})
GPUDL_SINGLE_1(tanh, "", Tanh{})
GPUDL_SINGLE_1(tanh_shrink, "", TanhShrink{})
GPUDL_SINGLE_2(tanh_shrink_grad, "", TanhShrinkGrad{})
GPUDL_SINGLE_1(softplus, "", Softplus{})
GPUDL_SINGLE_2(softplus_grad, "", SoftplusGrad{})
GPUDL_SINGLE_1(log_sigmoid, "", LogSigmoid{})
GPUDL_SINGLE_2(log_sigmoid_grad, "", LogSigmoidGrad{})
GPUDL_SINGLE_1(elu, " ; r r r", Elu{attrs[0].real, attrs[1].real, attrs[2].real})
GPUDL_SINGLE_2(elu_grad, " ; r r r", EluGrad{attrs[0].real, attrs[1].real, attrs[2].real})
GPUDL_SINGLE_1(silu, "", Silu{})
GPUDL_SINGLE_2(silu_grad, "", SiluGrad{})
GPUDL_SINGLE_1(mish, "", Mish{})
GPUDL_SINGLE_2(mish_grad, "", MishGrad{})

namespace {

bool by_tanh(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return attrs[0].integer != 0 && broadcast_shapes<1>(outs, ins, attrs);
}
bool grad_by_tanh(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return attrs[0].integer != 0 && broadcast_shapes<2>(outs, ins, attrs);
}
bool same_three(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && same_shape(outs[0], ins[1]) && same_shape(outs[0], ins[2]);
}

}  // namespace

GPUDL_KERNEL_WHEN(gelu, "f <- ~f ; i | e <- ~e ; i | E <- ~E ; i", by_tanh) {
    const GeluTanh f;
    cpu::map({cpu::loop_1<GeluTanh, float, float>, &f, 'f', {'f'}, 8}, outs[0], ins[0]);
}
GPUDL_KERNEL_WHEN(gelu_grad, "f <- ~f ~f ; i | e <- ~e ~e ; i | E <- ~E ~E ; i", grad_by_tanh) {
    const GeluTanhGrad f;
    cpu::map({cpu::loop_2<GeluTanhGrad, float, float, float>, &f, 'f', {'f', 'f'}, 8}, outs[0], ins[0], ins[1]);
}

GPUDL_KERNEL_WHEN(binary_crossentropy, "f <- f f f | e <- e e e | E <- E E E", same_three) {
    const losses::BinaryCrossentropy f;
    cpu::map({cpu::loop_2<losses::BinaryCrossentropy, float, float, float>, &f, 'f', {'f', 'f'}, 8}, outs[0], ins[0], ins[2]);
}

}  // namespace gpudl
