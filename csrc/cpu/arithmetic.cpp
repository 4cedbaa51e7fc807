// Computes what is made of single IEEE operations, bit for bit as NumPy does: arithmetic, roots, comparisons and choices of floats, and the
// gradients that need no more. Integers are left to NumPy.
#include <gpudl/arithmetic.h>
#include <gpudl/comparison.h>
#include <gpudl/kernel.h>
#include <gpudl/loss.h>
#include <gpudl/mathematics.h>
#include <gpudl/smooth.h>

#include "elementwise.h"

namespace gpudl {
namespace {

using namespace cpu;

template <class F> void test(const TensorView& y, const TensorView& a, const TensorView& b, F f) {
    if (a.dtype == 'd') map({loop_2<F, bool, double, double>, &f, '?', {'d', 'd'}, 1}, y, a, b);
    else map({loop_2<F, bool, float, float>, &f, '?', {'f', 'f'}, 1}, y, a, b);
}
template <class F> void test(const TensorView& y, const TensorView& a, F f) {
    if (a.dtype == 'd') map({loop_1<F, bool, double>, &f, '?', {'d'}, 1}, y, a);
    else map({loop_1<F, bool, float>, &f, '?', {'f'}, 1}, y, a);
}

bool same_three(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && same_shape(outs[0], ins[1]) && same_shape(outs[0], ins[2]);
}

struct Choose {  // by bits: compilers will not read both sides of a choice between floats
    template <class U> U operator()(uint8_t c, U a, U b) const {
        const U mask = U(0) - U(c != 0);
        return (a & mask) | (b & ~mask);
    }
};

}  // namespace

GPUDL_FLOATS_2(add, "", Add{})
GPUDL_FLOATS_2(subtract, "", Subtract{})
GPUDL_FLOATS_2(multiply, "", Multiply{})
GPUDL_FLOATS_2(divide, "", Divide{})
GPUDL_FLOATS_1(negative, "", Negative{})
GPUDL_FLOATS_1(absolute, "", Absolute{})
GPUDL_FLOATS_2(absolute_grad, "", AbsoluteGrad{})
GPUDL_FLOATS_1(sign, "", Sign{})
GPUDL_FLOATS_1(square, "", Square{})
GPUDL_FLOATS_2(square_grad, "", SquareGrad{})
GPUDL_FLOATS_2(maximum, "", Maximum{})
GPUDL_FLOATS_2(minimum, "", Minimum{})
GPUDL_FLOATS_3(maximum_grad, "", MaximumGrad{})
GPUDL_FLOATS_1(clip, " ; r r", (Clip{attrs[0].real, attrs[1].real}))
GPUDL_FLOATS_2(clip_grad, " ; r r", (ClipGrad{attrs[0].real, attrs[1].real}))
GPUDL_FLOATS_1(sqrt, "", Sqrt{})
GPUDL_FLOATS_2(sqrt_grad, "", SqrtGrad{})
GPUDL_FLOATS_1(rsqrt, "", Rsqrt{})
GPUDL_FLOATS_2(rsqrt_grad, "", RsqrtGrad{})
GPUDL_FLOATS_1(reciprocal, "", Reciprocal{})
GPUDL_FLOATS_2(reciprocal_grad, "", ReciprocalGrad{})

GPUDL_KERNEL_WHEN(add_, "f <- ~f | d <- ~d | e <- ~e | E <- ~E", broadcast_shapes<1>) { map_floats(outs[0], outs[0], ins[0], Add{}); }

GPUDL_KERNEL_WHEN(where, "f <- ~? ~f ~f | d <- ~? ~d ~d | e <- ~? ~e ~e | E <- ~? ~E ~E", broadcast_shapes<3>) {
    const Choose f;
    if (outs[0].dtype == 'd')
        map({loop_3<Choose, uint64_t, uint8_t, uint64_t, uint64_t>, &f, 'd', {'?', 'd', 'd'}, 1}, outs[0], ins[0], ins[1], ins[2]);
    else map({loop_3<Choose, uint32_t, uint8_t, uint32_t, uint32_t>, &f, 'f', {'?', 'f', 'f'}, 1}, outs[0], ins[0], ins[1], ins[2]);
}

GPUDL_FLOATS_2(log1p_grad, "", Log1pGrad{})
GPUDL_FLOATS_2(log2_grad, "", ScaledLogGrad{ln2})
GPUDL_FLOATS_2(log10_grad, "", ScaledLogGrad{ln10})
GPUDL_FLOATS_2(sigmoid_grad, "", SigmoidGrad{})
GPUDL_FLOATS_2(tanh_grad, "", TanhGrad{})
GPUDL_FLOATS_1(softsign, "", Softsign{})
GPUDL_FLOATS_2(softsign_grad, "", SoftsignGrad{})

// attrs: divisor, and the shape of the values. ins: g, one number, and the weights.
GPUDL_KERNEL_WHEN(weighted_sum_grad, "f <- f f ; r i* | d <- d d ; r i* | e <- e e ; r i* | E <- E E ; r i*", broadcast_shapes<2>) {
    map_floats(outs[0], ins[0], ins[1], losses::WeightedSumGrad{attrs[0].real});
}

// ins: g of each row, and two arrays of rows.
GPUDL_KERNEL(mean_squared_error_grad, "f <- f f f | d <- d d d | e <- e e e | E <- E E E") {
    const TensorView& y = outs[0];
    const int64_t count = y.shape[y.ndim - 1], rows = ins[0].size(), whole[] = {rows, count}, each[] = {rows, 1}, item = itemsize(y.dtype);
    const int64_t strides[] = {count * item, item}, steps[] = {item, item};
    const auto matrix = [&](const TensorView& x) { return TensorView{x.data, whole, strides, 2, x.dtype, true}; };
    const TensorView g = {ins[0].data, each, steps, 2, y.dtype, true};
    map_floats(matrix(y), g, matrix(ins[1]), matrix(ins[2]), losses::MeanSquaredErrorGrad{2.0 / double(count > 0 ? count : 1)});
}

GPUDL_KERNEL_WHEN(binary_crossentropy_grad, "f <- f f f | d <- d d d | e <- e e e | E <- E E E", same_three) {
    map_floats(outs[0], ins[0], ins[1], ins[2], losses::BinaryCrossentropyGrad{});
}

#define GPUDL_COMPARISON(name, F)                                                                                                          \
    GPUDL_KERNEL_WHEN(name, "? <- ~f ~f | ? <- ~d ~d | ? <- ~e ~e | ? <- ~E ~E", broadcast_shapes<2>) {                                    \
        test(outs[0], ins[0], ins[1], F{});                                                                                                \
    }
GPUDL_COMPARISON(equal, Equal)
GPUDL_COMPARISON(not_equal, NotEqual)
GPUDL_COMPARISON(less, Less)
GPUDL_COMPARISON(less_equal, LessEqual)
GPUDL_COMPARISON(greater, Greater)
GPUDL_COMPARISON(greater_equal, GreaterEqual)

#define GPUDL_TEST(name, F)                                                                                                                \
    GPUDL_KERNEL_WHEN(name, "? <- ~f | ? <- ~d | ? <- ~e | ? <- ~E", broadcast_shapes<1>) { test(outs[0], ins[0], F{}); }
GPUDL_TEST(isnan, IsNan)
GPUDL_TEST(isinf, IsInf)
GPUDL_TEST(isfinite, IsFinite)

}  // namespace gpudl
