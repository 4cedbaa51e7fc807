// Computes layer and RMS normalization and their gradients: x is (rows, numbers), the normalized axes last.
//
// forward and dx: rows.cuh. The gradients of gamma and beta are sums down the columns: reduce.cuh.
// bytes moved per element: 1 read and 1 write forward, 4 reads and 1 write backward. expected bound: memory bandwidth.
#include "rows.cuh"

#include <gpudl/norm.h>

namespace gpudl {
namespace {

using namespace norm;

struct Shape {
    int64_t rows = 1, numbers = 1;

    Shape(const TensorView& x, int64_t axes) {
        for (int i = 0; i < x.ndim; i++) (i < x.ndim - axes ? rows : numbers) *= x.shape[i];
    }
    double count() const { return double(numbers > 0 ? numbers : 1); }
};

// mean and dbeta: null for RMS.
void gradients(const char* name, const TensorView* outs, const TensorView* ins, const TensorView* mean, const TensorView& rstd,
               const TensorView* dbeta, int64_t axes, Stream stream) {
    const Shape shape(ins[1], axes);
    write_rows(name, ins[0].dtype, rows_of(shape.rows, shape.numbers), stream, [&](auto zero) {
        using C = decltype(zero);
        return RowNormGrad<C>{
            {over<C, 2>(outs[0], ins)}, Vector<C>(ins[2]), mean ? mean->as<C>() : nullptr, rstd.as<C>(), C(shape.count())};
    });
    reduce_with(name, ins[0].dtype, columns_of(shape.rows, shape.numbers), stream, [&](auto zero) {
        using C = decltype(zero);
        return RowNormSums<C>{over<C, 2>(outs[0], ins), mean ? mean->as<C>() : nullptr, rstd.as<C>(), outs[1].as<C>(),
                              dbeta ? dbeta->as<C>() : nullptr};
    });
}

}  // namespace

// outs: y, mean, rstd; ins: x, gamma, beta; attrs: epsilon, number of axes.
GPUDL_KERNEL(layer_norm, "f f f <- f f f ; r i | d d d <- d d d ; r i | e f f <- e f f ; r i | E f f <- E f f ; r i") {
    const Shape shape(ins[0], attrs[1].integer);
    write_rows("layer_norm", ins[0].dtype, rows_of(shape.rows, shape.numbers), stream, [&](auto zero) {
        using C = decltype(zero);
        return LayerNorm<C>{{over<C, 1>(outs[0], ins)}, Vector<C>(ins[1]), Vector<C>(ins[2]), outs[1].as<C>(), outs[2].as<C>(),
                            C(attrs[0].real),           C(shape.count())};
    });
}

// outs: dx, dgamma, dbeta; ins: g, x, gamma, mean, rstd.
GPUDL_KERNEL(layer_norm_grad, "f f f <- f f f f f ; i | d d d <- d d d d d ; i | e f f <- e e f f f ; i | E f f <- E E f f f ; i") {
    gradients("layer_norm_grad", outs, ins, ins + 3, ins[4], outs + 2, attrs[0].integer, stream);
}

// outs: y, rstd; ins: x, scale.
GPUDL_KERNEL(rms_norm, "f f <- f f ; r i | d d <- d d ; r i | e f <- e f ; r i | E f <- E f ; r i") {
    const Shape shape(ins[0], attrs[1].integer);
    write_rows("rms_norm", ins[0].dtype, rows_of(shape.rows, shape.numbers), stream, [&](auto zero) {
        using C = decltype(zero);
        return RmsNorm<C>{{over<C, 1>(outs[0], ins)}, Vector<C>(ins[1]), outs[1].as<C>(), C(attrs[0].real), C(shape.count())};
    });
}

// outs: dx, dscale; ins: g, x, scale, rstd.
GPUDL_KERNEL(rms_norm_grad, "f f <- f f f f ; i | d d <- d d d d ; i | e f <- e e f f ; i | E f <- E E f f ; i") {
    gradients("rms_norm_grad", outs, ins, nullptr, ins[3], nullptr, attrs[0].integer, stream);
}

}  // namespace gpudl
