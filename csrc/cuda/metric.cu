// Adds up metrics on the device, in float64: weighted means, and how often a prediction is right; and reads their result.
//
// thread ↔ elements: a thread a sample, in blocks' strides; for rows of more than 32 classes a warp a row. Blocks put what they found into
//   scratch memory, one more block adds that to the total: two launches, or one where one block is enough.
// bytes moved per element: the item size of each operand. expected bound: the latency of two launches; dtypes are looked at at run time.
#include "reduce.cuh"

#include <gpudl/labels.h>
#include <gpudl/stages.h>

namespace gpudl {
namespace {

using namespace reduction;
using labels::number;
using Gathered = rows::Two<double>;
using Adding = rows::TwoSums<double>;

struct Column {  // an operand of any dtype
    const char* data;
    char dtype;
    explicit Column(const TensorView& x) : data(x.as<char>()), dtype(x.dtype) {}
    GPUDL_HOST_DEVICE double operator[](int64_t i) const { return number(data, dtype, i); }
};

// Values whose weights belong to `below` of them each; what lies below a weight, and below a sample, is averaged.
struct Mean {
    Column values, targets, weights;  // targets: of binary accuracy
    int64_t below;
    double weights_below, threshold;
    bool one_weight, binary;

    GPUDL_HOST_DEVICE Gathered at(int64_t i, int, int) const {
        const int64_t sample = i / below;
        const double weight = weights[one_weight ? 0 : sample];
        const double value = binary ? ((values[i] > threshold ? 1.0 : 0.0) == targets[i] ? 1.0 : 0.0) : values[i];
        return {value * weight, sample * below == i ? weight : 0.0};
    }
    GPUDL_HOST_DEVICE Gathered settled(Gathered sums) const { return {sums.a / double(below) / weights_below, sums.b / weights_below}; }
};

// Rows whose greatest prediction stands at the label, or where the target's greatest entry does.
struct Matches {
    Column predictions, targets, weights;
    int64_t classes;
    bool one_weight, labels;

    __device__ int64_t place(const Column& x, int64_t row, int lane, int lanes) const {
        const Find<double> find = {{{nullptr}, 'd', 'l', nullptr}, true};
        Place<double> found = find.empty();
        for (int64_t at = lane; at < classes; at += lanes) found = find.join(found, {at, x[row * classes + at], 0.0});
        return join_lanes(find, found, lanes).index;
    }
    __device__ Gathered at(int64_t row, int lane, int lanes) const {
        const int64_t found = place(predictions, row, lane, lanes);
        const double wanted = labels ? targets[row] : double(place(targets, row, lane, lanes));
        const double weight = weights[one_weight ? 0 : row];
        return lane > 0 ? Gathered{0.0, 0.0} : Gathered{double(found) == wanted ? weight : 0.0 * weight, weight};
    }
    GPUDL_HOST_DEVICE Gathered settled(Gathered sums) const { return sums; }
};

template <class Q> __global__ void __launch_bounds__(threads)
    gather_kernel(const __grid_constant__ Q q, int64_t n, int lanes, Gathered* partial, double* total) {
    GPUDL_SHARED_ARRAY(Gathered, held, [threads / 32]);
    const int64_t step = int64_t(gridDim.x) * (threads / lanes);
    Gathered sums = Adding::empty();
    for (int64_t first = int64_t(blockIdx.x) * (threads / lanes); first < n; first += step) {  // the same for the whole block
        const int64_t i = first + threadIdx.x / lanes;
        const Gathered found = q.at(i < n ? i : n - 1, int(threadIdx.x) % lanes, lanes);  // all lanes of a warp search together
        if (i < n) sums = Adding::join(sums, found);
    }
    sums = join_block(Adding{}, sums, held);
    if (threadIdx.x > 0) return;
    if (partial) {
        partial[blockIdx.x] = sums;
    } else {
        sums = q.settled(sums);
        total[0] += sums.a;
        total[1] += sums.b;
    }
}

template <class Q> __global__ void __launch_bounds__(threads)
    total_kernel(const __grid_constant__ Q q, int blocks, const Gathered* partial, double* total) {
    GPUDL_SHARED_ARRAY(Gathered, held, [threads / 32]);
    Gathered sums = Adding::empty();
    for (int i = int(threadIdx.x); i < blocks; i += threads) sums = Adding::join(sums, partial[i]);
    sums = join_block(Adding{}, sums, held);
    if (threadIdx.x > 0) return;
    sums = q.settled(sums);
    total[0] += sums.a;
    total[1] += sums.b;
}

__global__ void result_kernel(double* y, const double* total) { *y = total[1] == 0.0 ? 0.0 : total[0] / total[1]; }

template <class Q> void gather(const Q& q, int64_t n, int lanes, const TensorView& total, Stream stream) {
    if (n == 0) return;
    const int64_t wanted = ceil_div(n, int64_t(threads / lanes) * 16);
    const unsigned blocks = unsigned(wanted > most_splits ? most_splits : wanted);
    Gathered* partial = blocks > 1 ? static_cast<Gathered*>(scratch().data) : nullptr;
    launch<gather_kernel<Q>>({blocks, threads, 0, stream}, q, n, lanes, partial, total.as<double>());
    if (partial) launch<total_kernel<Q>>({1, threads, 0, stream}, q, int(blocks), partial, total.as<double>());
}

int64_t size_from(const TensorView& x, int axis) {
    int64_t n = 1;
    for (int i = axis; i < x.ndim; i++) n *= x.shape[i];
    return n;
}

void mean(const TensorView& total, const TensorView& values, const TensorView& targets, const TensorView& weights, bool binary,
          double threshold, Stream stream) {
    const int64_t below = size_from(values, weights.ndim > 1 ? weights.ndim : 1);
    gather(Mean{Column(values), Column(targets), Column(weights), below, double(size_from(weights, 1)), threshold, weights.size() == 1,
                binary},
           values.size(), 1, total, stream);
}

void matches(const TensorView& total, const TensorView* ins, bool labels, Stream stream) {
    const int64_t classes = ins[0].shape[ins[0].ndim - 1], n = classes ? ins[0].size() / classes : 0;
    gather(Matches{Column(ins[0]), Column(ins[1]), Column(ins[2]), classes, ins[2].size() == 1, labels}, n, classes > 32 ? 32 : 1, total,
           stream);
}

// As double they are exact.
bool exact(const TensorView& x) { return x.dtype != 'l' && x.dtype != 'L'; }
bool exact_predictions(const TensorView*, const TensorView* ins, const Scalar*) { return exact(ins[0]); }
bool exact_values(const TensorView*, const TensorView* ins, const Scalar*) { return exact(ins[0]) && exact(ins[1]); }

}  // namespace

GPUDL_KERNEL_WHEN(mean_, "d <- . .", exact_predictions) { mean(outs[0], ins[0], ins[0], ins[1], false, 0.0, stream); }
GPUDL_KERNEL_WHEN(categorical_accuracy_, "d <- . . .", exact_values) { matches(outs[0], ins, false, stream); }
GPUDL_KERNEL_WHEN(sparse_categorical_accuracy_, "d <- . . .", exact_predictions) { matches(outs[0], ins, true, stream); }
GPUDL_KERNEL_WHEN(binary_accuracy_, "d <- . . . ; r", exact_predictions) {  // the threshold is a number of the predictions' dtype
    mean(outs[0], ins[0], ins[1], ins[2], true, ins[0].dtype == 'd' ? attrs[0].real : double(float(attrs[0].real)), stream);
}
GPUDL_KERNEL(mean_result, "d <- d") { launch<result_kernel>({1, 1, 0, stream}, outs[0].as<double>(), ins[0].as<double>()); }

}  // namespace gpudl
