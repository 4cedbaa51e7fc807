// Computes batch normalization in training and with given statistics, forward and backward, channels last: x is (count, channels).
//
// forward: mean and squared deviations of the columns (reduce.cuh; the moving statistics move where they are finished), then columns.cuh.
// backward: the sums of g and of g (x - mean) down the columns, which are the gradients of beta and gamma, then columns.cuh.
// bytes moved per element: 2 reads and 1 write forward, 4 reads and 1 write backward. expected bound: memory bandwidth.
#include "columns.cuh"

#include <gpudl/norm.h>

namespace gpudl {
namespace {

using namespace norm;

struct Shape {
    int64_t count, channels;
    Axes axes;

    explicit Shape(const TensorView& x) : count(1), channels(x.shape[x.ndim - 1]) {
        for (int i = 0; i < x.ndim - 1; i++) count *= x.shape[i];
        axes = columns_of(count, channels);
    }
};

bool batch_shapes(const TensorView*, const TensorView* ins, const Scalar*) { return ins[0].ndim > 0; }

}  // namespace

// outs: y, mean, rstd, moving mean, moving variance; ins: x, gamma, beta; attrs: momentum, epsilon.
GPUDL_KERNEL_WHEN(batch_norm, "f f f f f <- f f f ; r r | d d d d d <- d d d ; r r | e f f f f <- e f f ; r r | E f f f f <- E f f ; r r",
                  batch_shapes) {
    const TensorView& x = ins[0];
    const Shape shape(x);
    reduce_with("batch_norm", x.dtype, shape.axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return BatchStatistics<C>{{over<C>(outs[0], x)}, outs[1].as<C>(),  outs[2].as<C>(),      outs[3].as<C>(),
                                  outs[4].as<C>(),       C(attrs[0].real), C(1 - attrs[0].real), C(attrs[1].real)};
    });
    columns::write_columns("batch_norm", x.dtype, shape.count, shape.channels, stream, [&](auto zero) {
        using C = decltype(zero);
        return ScaleAndShift<C>{
            over<C>(outs[0], x), Vector<C>(outs[1]), Vector<C>(outs[2]), Vector<C>(ins[1]), Vector<C>(ins[2]), false, C(0)};
    });
}

// outs: dx, dgamma, dbeta; ins: g, x, gamma, mean, rstd.
GPUDL_KERNEL_WHEN(batch_norm_grad, "f f f <- f f f f f | d d d <- d d d d d | e f f <- e e f f f | E f f <- E E f f f", batch_shapes) {
    const char dtype = ins[0].dtype;
    const Shape shape(ins[1]);
    reduce_with("batch_norm_grad", dtype, shape.axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return BatchSums<C>{over<C, 2>(outs[0], ins),
                            Vector<C>(ins[3]),
                            Vector<C>(ins[4]),
                            Vector<C>(ins[2]),
                            false,
                            C(0),
                            outs[1].as<C>(),
                            outs[2].as<C>(),
                            nullptr,
                            nullptr};
    });
    columns::write_columns("batch_norm_grad", dtype, shape.count, shape.channels, stream, [&](auto zero) {
        using C = decltype(zero);
        return BatchNormGrad<C>{over<C, 2>(outs[0], ins), Vector<C>(ins[3]), Vector<C>(ins[4]), Vector<C>(ins[2]),
                                outs[1].as<C>(),          outs[2].as<C>(),   C(shape.count)};
    });
}

// ins: x, mean, variance, gamma, beta; attrs: epsilon.
GPUDL_KERNEL_WHEN(batch_norm_inference, "f <- f f f f f ; r | d <- d d d d d ; r | e <- e f f f f ; r | E <- E f f f f ; r", batch_shapes) {
    const Shape shape(ins[0]);
    columns::write_columns("batch_norm_inference", ins[0].dtype, shape.count, shape.channels, stream, [&](auto zero) {
        using C = decltype(zero);
        return ScaleAndShift<C>{over<C>(outs[0], ins[0]), Vector<C>(ins[1]), Vector<C>(ins[2]), Vector<C>(ins[3]), Vector<C>(ins[4]), true,
                                C(attrs[0].real)};
    });
}

// outs: dx, dmean, dvariance, dgamma, dbeta; ins: g, x, mean, variance, gamma; attrs: epsilon.
GPUDL_KERNEL_WHEN(batch_norm_inference_grad,
                  "f f f f f <- f f f f f ; r | d d d d d <- d d d d d ; r | e f f f f <- e e f f f ; r | E f f f f <- E E f f f ; r",
                  batch_shapes) {
    const char dtype = ins[0].dtype;
    const Shape shape(ins[1]);
    reduce_with("batch_norm_inference_grad", dtype, shape.axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return BatchSums<C>{over<C, 2>(outs[0], ins), Vector<C>(ins[2]), Vector<C>(ins[3]), Vector<C>(ins[4]), true,
                            C(attrs[0].real),         outs[3].as<C>(),   outs[4].as<C>(),   outs[1].as<C>(),   outs[2].as<C>()};
    });
    columns::write_columns("batch_norm_inference_grad", dtype, shape.count, shape.channels, stream, [&](auto zero) {
        using C = decltype(zero);
        return InferenceGrad<C>{over<C>(outs[0], ins[0]), Vector<C>(ins[3]), Vector<C>(ins[4]), C(attrs[0].real)};
    });
}

}  // namespace gpudl
