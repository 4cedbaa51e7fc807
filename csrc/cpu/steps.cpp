// Does what every step of training does besides arithmetic: takes the rows of a batch, moves cursors, adds up metrics in float64.
#include <cstring>

#include <gpudl/kernel.h>
#include <gpudl/labels.h>
#include <gpudl/math.h>

#include "threads.h"

namespace gpudl {
namespace {

using namespace cpu;
using labels::number;

int64_t size_from(const TensorView& x, int axis) {
    int64_t n = 1;
    for (int i = axis; i < x.ndim; i++) n *= x.shape[i];
    return n;
}

int64_t inside(int64_t i, int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

bool one_cursor(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return ins[2].size() == 1 && outs[0].ndim > 0 && ins[0].ndim > 0 && ins[0].shape[0] > 0 && ins[1].size() > 0;
}
bool rows_fit(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return ins[1].size() == 1 && ins[0].ndim > 0 && outs[0].ndim > 0 && size_from(ins[0], 1) == size_from(outs[0], 1) &&
           *ins[1].as<int64_t>() >= 0 && *ins[1].as<int64_t>() + ins[0].shape[0] <= outs[0].shape[0];
}

double at(const TensorView& x, int64_t i) { return number(x.as<char>(), x.dtype, i); }
bool exact(const TensorView& x) { return x.dtype != 'l' && x.dtype != 'L'; }  // as double
bool exact_first(const TensorView*, const TensorView* ins, const Scalar*) { return exact(ins[0]); }

// Values whose weights belong to `below` of them each.
template <class F> void add_up(const TensorView& total, int64_t samples, const TensorView& weights, double weights_below, const F& value) {
    double sum = 0, weight_sum = 0;
    const bool one = weights.ndim == 0;
    for (int64_t i = 0; i < samples; i++) {
        const double weight = at(weights, one ? 0 : i);
        sum += value(i) * weight;
        weight_sum += weight;
    }
    total.as<double>()[0] += sum / weights_below;
    total.as<double>()[1] += weight_sum / weights_below;
}

template <class C> int64_t place_of_greatest(const C* x, int64_t n) {
    int64_t place = 0;
    for (int64_t i = 1; i < n && x[place] == x[place]; i++) {
        if (x[i] > x[place] || x[i] != x[i]) place = i;
    }
    return place;
}

int64_t greatest(const TensorView& x, int64_t row, int64_t classes) {
    if (x.dtype == 'f') return place_of_greatest(x.as<float>() + row * classes, classes);
    if (x.dtype == 'd') return place_of_greatest(x.as<double>() + row * classes, classes);
    int64_t place = 0;
    for (int64_t i = 1; i < classes; i++) {
        const double best = at(x, row * classes + place), other = at(x, row * classes + i);
        if (best == best && (other > best || other != other)) place = i;
    }
    return place;
}

// NumPy adds a few numbers faster than it is called; many it adds in vectors.
bool few_rows(const TensorView*, const TensorView* ins, const Scalar*) { return exact(ins[0]) && ins[0].size() <= (1 << 16); }

}  // namespace

GPUDL_KERNEL_WHEN(gather_rows, "* <- * l l ; i", one_cursor) {
    const TensorView &y = outs[0], &x = ins[0];
    const int64_t *order = ins[1].as<int64_t>(), cursor = *ins[2].as<int64_t>(), entries = ins[1].size();
    const int64_t bytes = size_from(x, 1) * itemsize(x.dtype);
    in_ranges(y.shape[0], (4 * worth_sharing) / (bytes + 1) + 1, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const char* from = x.as<char>() + inside(order[inside(cursor + i, entries)], x.shape[0]) * bytes;
            char* to = y.as<char>() + i * bytes;
            if (bytes == 8) std::memcpy(to, from, 8);
            else if (bytes == 4) std::memcpy(to, from, 4);
            else if (bytes == 16) std::memcpy(to, from, 16);
            else std::memcpy(to, from, size_t(bytes));
        }
    });
}

GPUDL_KERNEL_WHEN(scatter_rows_, "* <- * l", rows_fit) {
    const int64_t bytes = size_from(ins[0], 1) * itemsize(ins[0].dtype);
    std::memcpy(outs[0].as<char>() + *ins[1].as<int64_t>() * bytes, ins[0].data, size_t(ins[0].shape[0] * bytes));
}

GPUDL_KERNEL(advance_, "l <- ; i") { outs[0].as<int64_t>()[0] += attrs[0].integer; }

GPUDL_KERNEL_WHEN(mean_, "d <- . .", few_rows) {
    const TensorView &values = ins[0], &weights = ins[1];
    if (values.size() == 0) return;
    const int64_t kept = weights.ndim > 1 ? weights.ndim : 1, below = size_from(values, int(kept));
    add_up(outs[0], values.size() / below, weights, double(size_from(weights, 1)), [&](int64_t i) {
        if (below == 1) return at(values, i);
        double sum = 0;
        for (int64_t j = 0; j < below; j++) sum += at(values, i * below + j);
        return sum / double(below);
    });
}

GPUDL_KERNEL_WHEN(sparse_categorical_accuracy_, "d <- . . .", exact_first) {
    const int64_t classes = ins[0].shape[ins[0].ndim - 1], n = classes ? ins[0].size() / classes : 0;
    if (n == 0) return;
    add_up(outs[0], n, ins[2], 1.0, [&](int64_t row) { return double(greatest(ins[0], row, classes)) == at(ins[1], row) ? 1.0 : 0.0; });
}

GPUDL_KERNEL_WHEN(categorical_accuracy_, "d <- . . .", exact_first) {
    const int64_t classes = ins[0].shape[ins[0].ndim - 1], n = classes ? ins[0].size() / classes : 0;
    if (n == 0) return;
    add_up(outs[0], n, ins[2], 1.0,
           [&](int64_t row) { return greatest(ins[0], row, classes) == greatest(ins[1], row, classes) ? 1.0 : 0.0; });
}

GPUDL_KERNEL_WHEN(binary_accuracy_, "d <- . . . ; r", few_rows) {
    const TensorView &values = ins[0], &weights = ins[2];
    if (values.size() == 0) return;
    const double threshold = values.dtype == 'd' ? attrs[0].real : double(float(attrs[0].real));
    const int64_t kept = weights.ndim > 1 ? weights.ndim : 1, below = size_from(values, int(kept));
    add_up(outs[0], values.size() / below, weights, double(size_from(weights, 1)), [&](int64_t i) {
        double right = 0;
        for (int64_t j = i * below; j < (i + 1) * below; j++) right += (at(values, j) > threshold ? 1.0 : 0.0) == at(ins[1], j);
        return right / double(below);
    });
}

GPUDL_KERNEL(mean_result, "d <- d") {
    const double* total = ins[0].as<double>();
    *outs[0].as<double>() = total[1] == 0.0 ? 0.0 : total[0] / total[1];
}

}  // namespace gpudl
