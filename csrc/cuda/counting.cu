// Counts predictions on the device, in float64: right and wrong ones above thresholds, and how often one class was taken for another.
//
// thread ↔ elements: confusion_: a warp for each threshold and label, its lanes go through the samples and join what they found. crosstable_:
//   a thread for each label, which adds up its row of the table in the order of the samples.
// bytes moved per element: its item size, once from memory and then from the cache for each threshold or label.
// expected bound: latency; batches are small. Both are the simple candidates, and the only ones.
#include "reduce.cuh"

#include <gpudl/labels.h>
#include <gpudl/stages.h>

namespace gpudl {
namespace {

using namespace reduction;
using labels::number;

struct Confusion {
    double* counts;  // (4, limits, labels): true positives, false positives, true negatives, false negatives
    const char *predictions, *targets, *weights, *limits;
    char dtype, target_dtype, weight_dtype, limit_dtype;
    int64_t samples, thresholds, labels;
    bool one_weight;
};

struct Found {
    double count[4];
};
struct Adding {
    __device__ static Found join(const Found& a, const Found& b) {
        return {{a.count[0] + b.count[0], a.count[1] + b.count[1], a.count[2] + b.count[2], a.count[3] + b.count[3]}};
    }
};

__global__ void __launch_bounds__(threads) simple_confusion_kernel(const __grid_constant__ Confusion q) {
    const int lane = int(threadIdx.x) % 32;
    const int64_t cells = q.thresholds * q.labels, step = int64_t(gridDim.x) * (threads / 32);
    for (int64_t cell = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32; cell < cells; cell += step) {
        const int64_t threshold = cell / q.labels, label = cell - threshold * q.labels;
        double limit = number(q.limits, q.limit_dtype, threshold);
        if (q.dtype != 'd') limit = double(float(limit));  // compared in the predictions' dtype
        Found found = {{0.0, 0.0, 0.0, 0.0}};
        for (int64_t n = lane; n < q.samples; n += 32) {
            const int64_t i = n * q.labels + label;
            const bool above = number(q.predictions, q.dtype, i) > limit, yes = number(q.targets, q.target_dtype, i) != 0.0;
            const double weight = number(q.weights, q.weight_dtype, q.one_weight ? 0 : i);
            const int which = above ? (yes ? 0 : 1) : (yes ? 3 : 2);
#pragma unroll
            for (int k = 0; k < 4; k++) {
                if (k == which) found.count[k] += weight;
            }
        }
        found = join_lanes(Adding{}, found, 32);
        if (lane > 0) continue;
#pragma unroll
        for (int k = 0; k < 4; k++) q.counts[k * cells + cell] += found.count[k];
    }
}

struct Crosstable {
    double* total;  // (classes, classes): labels, predictions
    const char *targets, *predictions, *weights;
    char target_dtype, dtype, weight_dtype;
    int64_t samples, classes, ignored;
    bool one_weight, ignores;
};

__global__ void __launch_bounds__(threads) simple_crosstable_kernel(const __grid_constant__ Crosstable q) {
    const labels::Labels targets = {q.targets, q.target_dtype, q.classes}, predictions = {q.predictions, q.dtype, q.classes};
    for (int64_t row = int64_t(blockIdx.x) * threads + threadIdx.x; row < q.classes; row += int64_t(gridDim.x) * threads) {
        for (int64_t n = 0; n < q.samples; n++) {
            if (targets.at(n, false) != row) continue;
            if (q.ignores && number(q.targets, q.target_dtype, n) == double(q.ignored)) continue;
            const int64_t column = predictions.at(n, false);
            if (column >= 0) q.total[row * q.classes + column] += number(q.weights, q.weight_dtype, q.one_weight ? 0 : n);
        }
    }
}

}  // namespace

// ins: predictions (N, L), targets, weights, limits.
GPUDL_KERNEL(confusion_, "d <- . . . .") {
    const Confusion q = {outs[0].as<double>(), ins[0].as<char>(), ins[1].as<char>(), ins[2].as<char>(), ins[3].as<char>(),
                         ins[0].dtype,         ins[1].dtype,      ins[2].dtype,      ins[3].dtype,      ins[0].shape[0],
                         ins[3].size(),        ins[0].shape[1],   ins[2].size() == 1};
    if (q.samples * q.labels * q.thresholds == 0) return;
    launch<simple_confusion_kernel>({blocks_for(ceil_div(q.thresholds * q.labels, threads / 32)), threads, 0, stream}, q);
}

// ins: labels (N,), predictions, weights; attrs: a label that is left out, and whether there is one.
GPUDL_KERNEL(crosstable_, "d <- . . . ; i i") {
    const Crosstable q = {outs[0].as<double>(), ins[0].as<char>(), ins[1].as<char>(),  ins[2].as<char>(),
                          ins[0].dtype,         ins[1].dtype,      ins[2].dtype,       ins[0].size(),
                          outs[0].shape[0],     attrs[0].integer,  ins[2].size() == 1, attrs[1].integer != 0};
    if (q.samples * q.classes == 0) return;
    launch<simple_crosstable_kernel>({blocks_for(ceil_div(q.classes, threads)), threads, 0, stream}, q);
}

}  // namespace gpudl
