// Computes the cross-entropies of softmax with class numbers and with one-hot or soft targets, their gradients, and rows from class numbers.
//
// thread ↔ elements: with targets: reduce.cuh and rows.cuh. With class numbers the loss needs one score of a row: a thread a row. The
//   gradient writes whole rows: 8, 32 or 256 threads each, 16 bytes a thread and turn.
// bytes moved per element: 2 reads forward and 2 reads and 1 write backward with targets; 1 read and 1 write backward with class numbers.
// expected bound: memory bandwidth; with class numbers forward, the latency of one read.
#include "rows.cuh"

#include <gpudl/labels.h>
#include <gpudl/loss.h>
#include <gpudl/softmax.h>

namespace gpudl {
namespace {

using namespace rows;
using labels::Labels;

template <class C> __global__ void __launch_bounds__(threads)
    sparse_kernel(char* loss, const char* z, char dtype, const C* stats, Labels target, int64_t outputs) {
    for (int64_t out = int64_t(blockIdx.x) * threads + threadIdx.x; out < outputs; out += int64_t(gridDim.x) * threads) {
        const int64_t label = target.at(out, false);
        C made = C(NAN);
        if (label >= 0) made = stats[outputs + out] - (read<C>(z, dtype, out * target.classes + label) - stats[out]);
        write<C>(loss, dtype, out, made);
    }
}

// What stands at a place of a row: (p - [at is the label]) g, or without p and g the row of the label itself. NaN if the label is outside.
template <class C> struct Entry {
    int64_t label;
    C g;
    bool gradient;

    GPUDL_HOST_DEVICE C operator()(C p, int64_t at) const {
        const C one = at == label ? C(1) : C(0);
        return label == labels::outside ? C(NAN) : gradient ? (p - one) * g : one;
    }
};

struct LabelledRows {
    char* y;
    const char *p, *g;  // null for rows of labels
    char dtype;
    Labels target;
    int64_t outputs;

    template <class C> GPUDL_HOST_DEVICE Entry<C> entry(int64_t out) const {
        return {target.at(out, g == nullptr), g ? read<C>(g, dtype, out) : C(0), g != nullptr};
    }
};

template <class T> __global__ void __launch_bounds__(threads) labelled_rows_kernel(LabelledRows q, int lanes, bool aligned) {
    constexpr int width = width_of<T>;
    using P = Packet<T, width>;
    const int64_t count = q.target.classes, step = int64_t(gridDim.x) * (threads / lanes);
    for (int64_t out = int64_t(blockIdx.x) * (threads / lanes) + threadIdx.x / lanes; out < q.outputs; out += step) {
        const Entry<float> entry = q.entry<float>(out);
        T* to = reinterpret_cast<T*>(q.y) + out * count;
        const T* from = reinterpret_cast<const T*>(q.p) + out * count;
        for (int64_t at = int64_t(threadIdx.x % lanes) * width; at < count; at += lanes * width) {
            P packet = {};
            if (aligned) {
                if (q.p) packet = load(reinterpret_cast<const P*>(from + at));
            } else if (q.p) {
                for (int j = 0; j < width; j++) {
                    if (at + j < count) packet.item[j] = from[at + j];
                }
            }
#pragma unroll
            for (int j = 0; j < width; j++) packet.item[j] = narrow<T>(entry(wide(packet.item[j]), at + j));
            if (aligned) {
                store(reinterpret_cast<P*>(to + at), packet);
            } else {
                for (int j = 0; j < width; j++) {
                    if (at + j < count) to[at + j] = packet.item[j];
                }
            }
        }
    }
}

template <class C> __global__ void __launch_bounds__(threads) labelled_simple_kernel(LabelledRows q) {
    const int64_t count = q.target.classes, size = q.outputs * count;
    for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < size; i += int64_t(gridDim.x) * threads) {
        const int64_t out = i / count;
        write<C>(q.y, q.dtype, i, q.entry<C>(out)(q.p ? read<C>(q.p, q.dtype, i) : C(0), i - out * count));
    }
}

const char* not_labelled_rows(const LabelledRows& q, const Device&) { return q.dtype == 'd' ? "float64 is rarely large" : nullptr; }

void launch_labelled_rows(const LabelledRows& q, Stream stream) {
    for_float_dtype(q.dtype, [&](auto zero) {
        using T = decltype(zero);
        if constexpr (sizeof(T) < 8) {
            const int64_t count = q.target.classes;
            const int lanes = count <= 64 ? 8 : count <= 1024 ? 32 : threads;
            const bool aligned =
                count % width_of<T> == 0 && (reinterpret_cast<uintptr_t>(q.y) | reinterpret_cast<uintptr_t>(q.p)) % 16 == 0;
            launch<labelled_rows_kernel<T>>({blocks_for(ceil_div(q.outputs, threads / lanes)), threads, 0, stream}, q, lanes, aligned);
        }
    });
}

void launch_labelled_any(const LabelledRows& q, Stream stream) {
    const unsigned blocks = blocks_for(ceil_div(q.outputs * q.target.classes, threads));
    if (q.dtype == 'd') launch<labelled_simple_kernel<double>>({blocks, threads, 0, stream}, q);
    else launch<labelled_simple_kernel<float>>({blocks, threads, 0, stream}, q);
}

void labelled_rows(const char* name, const LabelledRows& q, Stream stream) {
    static constexpr Candidate<LabelledRows> candidates[] = {{"rows", Tier::simt, not_labelled_rows, launch_labelled_rows},
                                                             {"any", Tier::simple, nullptr, launch_labelled_any}};
    if (q.outputs * q.target.classes > 0) dispatch(name, candidates, q, stream);
}

int64_t classes_of(const TensorView& x) { return x.shape[x.ndim - 1]; }
int64_t rows_in(const TensorView& x) {
    int64_t n = 1;
    for (int i = 0; i < x.ndim - 1; i++) n *= x.shape[i];
    return n;
}

}  // namespace

// ins: scores, probabilities, statistics of softmax, targets.
GPUDL_KERNEL(categorical_crossentropy, "f <- f f f f | d <- d d d d | e <- e e f e | E <- E E f E") {
    const Axes axes = rows_of(rows_in(ins[0]), classes_of(ins[0]));
    const TensorView operands[] = {ins[0], ins[3]};
    reduce_with("categorical_crossentropy", ins[0].dtype, axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return losses::CategoricalCrossentropy<C>{over<C, 2>(outs[0], operands), ins[2].as<C>(), axes.outputs};
    });
}

// ins: g, probabilities, targets.
GPUDL_KERNEL(categorical_crossentropy_grad, "f <- f f f | d <- d d d | e <- e e e | E <- E E E") {
    write_rows("categorical_crossentropy_grad", ins[0].dtype, rows_of(rows_in(ins[1]), classes_of(ins[1])), stream, [&](auto zero) {
        using C = decltype(zero);
        return CategoricalCrossentropyGrad<C>{{over<C, 2>(outs[0], ins + 1)}, ins[0].as<char>()};
    });
}

// ins: scores, probabilities, statistics of softmax, class numbers.
GPUDL_KERNEL(sparse_categorical_crossentropy, "f <- f f f . | d <- d d d . | e <- e e f . | E <- E E f .") {
    const int64_t outputs = rows_in(ins[0]);
    if (outputs == 0) return;
    const Labels target = {ins[3].as<char>(), ins[3].dtype, classes_of(ins[0])};
    const unsigned blocks = blocks_for(ceil_div(outputs, threads));
    char *loss = outs[0].as<char>(), *z = ins[0].as<char>();
    if (ins[0].dtype == 'd')
        launch<sparse_kernel<double>>({blocks, threads, 0, stream}, loss, z, ins[0].dtype, ins[2].as<double>(), target, outputs);
    else launch<sparse_kernel<float>>({blocks, threads, 0, stream}, loss, z, ins[0].dtype, ins[2].as<float>(), target, outputs);
}

// ins: g, probabilities, class numbers.
GPUDL_KERNEL(sparse_categorical_crossentropy_grad, "f <- f f . | d <- d d . | e <- e e . | E <- E E .") {
    const Labels target = {ins[2].as<char>(), ins[2].dtype, classes_of(ins[1])};
    labelled_rows("sparse_categorical_crossentropy_grad",
                  {outs[0].as<char>(), ins[1].as<char>(), ins[0].as<char>(), outs[0].dtype, target, rows_in(ins[1])}, stream);
}

// attrs: classes, and a code of the dtype.
GPUDL_KERNEL(label_rows, "f <- . ; i i | d <- . ; i i | e <- . ; i i | E <- . ; i i") {
    const Labels target = {ins[0].as<char>(), ins[0].dtype, attrs[0].integer};
    labelled_rows("label_rows", {outs[0].as<char>(), nullptr, nullptr, outs[0].dtype, target, ins[0].size()}, stream);
}

}  // namespace gpudl
