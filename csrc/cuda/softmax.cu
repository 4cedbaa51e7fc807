// Computes softmax, log-softmax and their gradients over any axes.
//
// thread ↔ elements, bytes, bound: rows.cuh. float64, which is rarely large, has the simple candidate alone. Rows that do not fit into shared
// memory are read twice and written once: the greatest score and the sum are found in one pass. Where such rows are few, each is cut into
// pieces for several blocks, which find a greatest score and a sum of their own.
#include "rows.cuh"

#include <gpudl/softmax.h>

namespace gpudl {
namespace {

using namespace rows;

Axes normalized_axes(const TensorView& x, const Scalar* attrs) {
    bool goes[max_dims] = {};
    for (int i = 0, n = count_attrs(attrs); i < n; i++) goes[attrs[i].integer] = true;
    return axes_of(x, goes);
}

template <template <class> class P>
void gradient(const char* name, const TensorView* outs, const TensorView* ins, const Scalar* attrs, Stream stream) {
    write_rows(name, ins[0].dtype, normalized_axes(ins[0], attrs), stream, [&](auto zero) {
        using C = decltype(zero);
        return P<C>{{over<C, 2>(outs[0], ins)}};
    });
}

bool same_shapes(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && same_shape(outs[0], ins[1]);
}

}  // namespace

// Without scores the statistics are -inf, which is what settling finds of nothing; their logarithm is taken of 0.
GPUDL_KERNEL(softmax, "f f <- f ; i* | d d <- d ; i* | e f <- e ; i* | E f <- E ; i*") {
    const Axes axes = normalized_axes(ins[0], attrs);
    write_rows("softmax", ins[0].dtype, axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return Softmax<C>{{over<C, 1>(outs[0], ins)}, outs[1].as<C>(), axes.outputs};
    });
}

GPUDL_KERNEL(log_softmax, "f <- f ; i* | d <- d ; i* | e <- e ; i* | E <- E ; i*") {
    write_rows("log_softmax", ins[0].dtype, normalized_axes(ins[0], attrs), stream, [&](auto zero) {
        using C = decltype(zero);
        return LogSoftmax<C>{{over<C, 1>(outs[0], ins)}};
    });
}

GPUDL_KERNEL_WHEN(softmax_grad, "f <- f f ; i* | d <- d d ; i* | e <- e e ; i* | E <- E E ; i*", same_shapes) {
    gradient<SoftmaxGrad>("softmax_grad", outs, ins, attrs, stream);
}

GPUDL_KERNEL_WHEN(log_softmax_grad, "f <- f f ; i* | d <- d d ; i* | e <- e e ; i* | E <- E E ; i*", same_shapes) {
    gradient<LogSoftmaxGrad>("log_softmax_grad", outs, ins, attrs, stream);
}

}  // namespace gpudl
