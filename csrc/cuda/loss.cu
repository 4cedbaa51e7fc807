// Computes binary cross-entropy, mean squared error, the weighted sum that makes one number of a loss a row, and their gradients.
//
// thread ↔ elements, bytes, bound: reduce.cuh for sums, elementwise.cuh for the rest.
#include "elementwise.cuh"
#include "reduce.cuh"

#include <gpudl/loss.h>

namespace gpudl {
namespace {

using namespace reduction;

bool same_two(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && same_shape(outs[0], ins[1]);
}
bool same_three(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return same_two(outs, ins, attrs) && same_shape(outs[0], ins[2]);
}

int64_t last_axis(const TensorView& x) { return x.shape[x.ndim - 1]; }

}  // namespace

GPUDL_KERNEL_WHEN(binary_crossentropy, "f <- f f f | d <- d d d | e <- e e e | E <- E E E", same_three) {
    for_float_dtype(outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        elementwise::Map<losses::BinaryCrossentropy, T, T, T>::run("binary_crossentropy", {&outs[0], &ins[0], &ins[2]}, {}, stream);
    });
}

GPUDL_KERNEL_WHEN(binary_crossentropy_grad, "f <- f f f | d <- d d d | e <- e e e | E <- E E E", same_three) {
    for_float_dtype(outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        elementwise::Map<losses::BinaryCrossentropyGrad, T, T, T, T>::run("binary_crossentropy_grad", {&outs[0], &ins[0], &ins[1], &ins[2]},
                                                                          {}, stream);
    });
}

GPUDL_KERNEL(mean_squared_error, "f <- f f | d <- d d | e <- e e | E <- E E") {
    const int64_t count = last_axis(ins[0]);
    reduce_with("mean_squared_error", ins[0].dtype, rows_of(outs[0].size(), count), stream, [&](auto zero) {
        using C = decltype(zero);
        return losses::MeanSquaredError<C>{rows::over<C, 2>(outs[0], ins), C(count)};
    });
}

// ins: g of each row, and two arrays of rows.
GPUDL_KERNEL(mean_squared_error_grad, "f <- f f f | d <- d d d | e <- e e e | E <- E E E") {
    const TensorView& y = outs[0];
    const int64_t count = last_axis(y), rows = ins[0].size(), whole[] = {rows, count}, each[] = {rows, 1}, item = itemsize(y.dtype);
    const int64_t strides[] = {count * item, item}, steps[] = {item, item};
    const auto matrix = [&](const TensorView& x) { return TensorView{x.data, whole, strides, 2, x.dtype, true}; };
    const TensorView to = matrix(y), a = matrix(ins[1]), b = matrix(ins[2]), g = {ins[0].data, each, steps, 2, y.dtype, true};
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        elementwise::Map<losses::MeanSquaredErrorGrad, T, T, T, T>::run("mean_squared_error_grad", {&to, &g, &a, &b},
                                                                        {2.0 / double(count > 0 ? count : 1)}, stream);
    });
}

// attrs: divisor, and the shape of the values.
GPUDL_KERNEL(weighted_sum, "f <- f f ; r i* | d <- d d ; r i* | e <- e e ; r i* | E <- E E ; r i*") {
    reduce_with("weighted_sum", ins[0].dtype, rows_of(1, ins[0].size()), stream, [&](auto zero) {
        using C = decltype(zero);
        return losses::WeightedSum<C>{over<C>(outs[0], ins[0]), ins[1].as<char>(), ins[1].size() == ins[0].size(), C(attrs[0].real)};
    });
}

GPUDL_KERNEL_WHEN(weighted_sum_grad, "f <- f f ; r i* | d <- d d ; r i* | e <- e e ; r i* | E <- E E ; r i*", broadcast_shapes<2>) {
    for_float_dtype(outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        elementwise::Map<losses::WeightedSumGrad, T, T, T>::run("weighted_sum_grad", {&outs[0], &ins[0], &ins[1]}, {attrs[0].real}, stream);
    });
}

}  // namespace gpudl
