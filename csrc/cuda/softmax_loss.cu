// Computes softmax and the cross-entropy of every row in one launch: softmax_sparse_crossentropy, softmax_crossentropy. Their gradients are
// those of crossentropy.cu.
//
// thread ↔ elements, candidates: rows.cuh. bytes moved per element: 1 read of the scores (and the targets), 1 write of the probabilities.
// expected bound: memory bandwidth. float64, which is rarely large, has the simple candidate alone.
#include "rows.cuh"

#include <gpudl/softmax_loss.h>

namespace gpudl {
namespace {

using namespace rows;

Axes last_axis(const TensorView& z) {
    const int64_t classes = z.shape[z.ndim - 1];
    int64_t outputs = 1;
    for (int d = 0; d < z.ndim - 1; d++) outputs *= z.shape[d];
    return rows_of(outputs, classes);
}

// One number of `loss` and two of `stats` a row.
bool rows_fit(const TensorView* outs, const TensorView& z) {
    if (z.ndim < 1 || !same_shape(outs[0], z)) return false;
    const int64_t outputs = last_axis(z).outputs;
    return outs[1].size() == 2 * outputs && outs[2].size() == outputs;
}
bool labels_fit(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return rows_fit(outs, ins[0]) && ins[1].size() == outs[2].size();
}
bool targets_fit(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return rows_fit(outs, ins[0]) && same_shape(ins[0], ins[1]);
}

}  // namespace

// outs: probabilities, the statistics of softmax, losses. ins: scores, class numbers.
GPUDL_KERNEL_WHEN(softmax_sparse_crossentropy, "fff <- f. | ddd <- d. | efe <- e. | EfE <- E.", labels_fit) {
    const Axes axes = last_axis(ins[0]);
    const labels::Labels target = {ins[1].as<char>(), ins[1].dtype, axes.count};
    write_rows("softmax_sparse_crossentropy", ins[0].dtype, axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return SoftmaxLabelled<C>{{{over<C, 1>(outs[0], ins)}, outs[1].as<C>(), axes.outputs}, {outs[2].as<char>(), target}};
    });
}

// ins: scores, targets.
GPUDL_KERNEL_WHEN(softmax_crossentropy, "fff <- ff | ddd <- dd | efe <- ee | EfE <- EE", targets_fit) {
    const Axes axes = last_axis(ins[0]);
    write_rows("softmax_crossentropy", ins[0].dtype, axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return SoftmaxTargets<C>{{over<C, 2>(outs[0], ins)}, outs[1].as<C>(), axes.outputs, outs[2].as<char>()};
    });
}

}  // namespace gpudl
