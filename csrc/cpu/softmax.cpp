// Computes softmax and its gradient row by row, and the cross-entropies of softmax with class numbers or with targets. Rows lie one number
// after another; other axes are left to NumPy, and float64, for whose exponential NumPy has vectors.
#include <gpudl/axes.h>
#include <gpudl/labels.h>
#include <gpudl/math.h>

#include "buffers.h"
#include "threads.h"
#include "vectors.h"

namespace gpudl {
namespace {

using namespace cpu;
using labels::Labels;

constexpr int64_t longest = 4096;  // numbers of a row of 16-bit floats: they go through a buffer

int64_t classes_of(const TensorView& x) { return x.shape[x.ndim - 1]; }
int64_t rows_in(const TensorView& x) {
    int64_t n = 1;
    for (int i = 0; i < x.ndim - 1; i++) n *= x.shape[i];
    return n;
}

// f(row, y, a, b): rows of up to two inputs as floats; what f leaves in y is the row of the output.
template <class F>
void for_rows(const TensorView& y, const TensorView* a, const TensorView* b, int64_t outputs, int64_t count, int64_t weight, const F& f) {
    const bool half = y.dtype != 'f';
    in_ranges(outputs, worth_sharing / (weight * count + 1) + 1, 1, [&](int64_t begin, int64_t end) {
        float held[3][longest];
        for (int64_t row = begin; row < end; row++) {
            const int64_t at = row * count;
            if (!half) {
                f(row, y.as<float>() + at, a ? a->as<const float>() + at : nullptr, b ? b->as<const float>() + at : nullptr);
                continue;
            }
            if (a) loading(a->dtype)(held[1], a->as<char>() + 2 * at, 2, count);
            if (b) loading(b->dtype)(held[2], b->as<char>() + 2 * at, 2, count);
            f(row, held[0], held[1], held[2]);
            storing(y.dtype)(y.as<char>() + 2 * at, reinterpret_cast<const char*>(held[0]), 2, count);
        }
    });
}

float greatest(const float* x, int64_t n) {
    constexpr int lanes = VectorOf<float>::lanes;
    float high = -INFINITY;
    int64_t i = 0;
    if (n >= lanes) {
        Vector<float> best = load(x);
        for (i = lanes; i + lanes <= n; i += lanes) {
            const Vector<float> v = load(x + i);
            best = (best > v) | (best != best) ? best : v;  // NaN stays
        }
        float lane[lanes];
        store(lane, best);
        for (const float one : lane) high = math::max_of(high, one);
    }
    for (; i < n; i++) high = math::max_of(high, x[i]);
    return high;
}

Axes normalized_axes(const TensorView& x, const Scalar* attrs) {
    bool goes[max_dims] = {};
    for (int i = 0, n = count_attrs(attrs); i < n; i++) goes[attrs[i].integer] = true;
    return axes_of(x, goes);
}

bool rows_of_numbers(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const Axes axes = normalized_axes(ins[0], attrs);
    return axes.rows() && axes.count > 0 && (ins[0].dtype == 'f' || axes.count <= longest) && same_shape(outs[0], ins[0]);
}
bool rows_of_two(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return rows_of_numbers(outs, ins, attrs) && same_shape(outs[0], ins[1]);
}
// Many rows of few numbers NumPy does faster, column by column.
bool many_short(int64_t rows, int64_t count) { return count < 8 && rows > (1 << 14); }

bool scores_fit(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const Axes axes = normalized_axes(ins[0], attrs);
    return rows_of_numbers(outs, ins, attrs) && !many_short(axes.outputs, axes.count);
}
bool few_rows(const TensorView* outs, const TensorView*, const Scalar*) { return outs[0].size() <= (1 << 13); }
bool classes_fit(const TensorView*, const TensorView* ins, const Scalar*) {
    const TensorView& p = ins[1];
    return p.ndim > 0 && !many_short(rows_in(p), classes_of(p)) && (p.dtype == 'f' || p.dtype == 'd' || classes_of(p) <= longest);
}

bool rows_fit(const TensorView*, const TensorView* ins, const Scalar*) {
    return ins[0].ndim > 0 && classes_of(ins[0]) > 0 && !many_short(rows_in(ins[0]), classes_of(ins[0]));
}

struct Surprise {  // (log sum - (z - highest)) t
    const float *z, *t;
    float high, log_sum;
    float operator()(int64_t i) const { return (log_sum - (z[i] - high)) * t[i]; }
    Vector<float> operator()(int64_t i, Vector<float>) const { return (log_sum - (load(z + i) - high)) * load(t + i); }
};

struct Product {
    const float *a, *b;
    float operator()(int64_t i) const { return a[i] * b[i]; }
    Vector<float> operator()(int64_t i, Vector<float>) const { return load(a + i) * load(b + i); }
};

// Takes rows together: first(row, x, y) for each, exp of all that it left in y, then last(row, x, y). Short rows alone would not fill vectors.
constexpr int64_t together = 1024;
template <class First, class Last>
void exponentials(const TensorView& y, const TensorView& x, int64_t outputs, int64_t count, const First& first, const Last& last) {
    const int64_t most = count < together ? together / count : 1;
    const bool half = y.dtype != 'f';
    in_ranges(outputs, worth_sharing / (8 * count + 1) + 1, most, [&](int64_t begin, int64_t end) {
        float held[2][longest];
        for (int64_t row = begin; row < end; row += most) {
            const int64_t n = end - row < most ? end - row : most, at = row * count;
            if (half) loading(x.dtype)(held[0], x.as<char>() + 2 * at, 2, n * count);
            const float* from = half ? held[0] : x.as<float>() + at;
            float* to = half ? held[1] : y.as<float>() + at;
            for (int64_t i = 0; i < n; i++) first(row + i, from + i * count, to + i * count);
            for (int64_t j = 0; j < n * count; j++) to[j] = math::exp(to[j]);
            last(row, n, from, to);
            if (half) storing(y.dtype)(y.as<char>() + 2 * at, reinterpret_cast<const char*>(to), 2, n * count);
        }
    });
}

template <class C> C number_of(const TensorView& x, int64_t i) { return C(labels::number(x.as<char>(), x.dtype, i)); }

template <class C> void sparse(const TensorView* outs, const TensorView* ins) {
    const Labels target = {ins[3].as<char>(), ins[3].dtype, classes_of(ins[0])};
    const C* stats = ins[2].as<C>();
    const int64_t outputs = rows_in(ins[0]);
    const bool whole = outs[0].dtype == (sizeof(C) == 8 ? 'd' : 'f');
    const Copy put = storing(outs[0].dtype);
    in_ranges(outputs, worth_sharing / 8, 1, [&](int64_t begin, int64_t end) {
        for (int64_t out = begin; out < end; out++) {
            const int64_t label = target.at(out, false), at = out * target.classes + label;
            C loss = C(NAN);
            if (label >= 0) loss = stats[outputs + out] - ((whole ? ins[0].as<C>()[at] : number_of<C>(ins[0], at)) - stats[out]);
            if (whole) outs[0].as<C>()[out] = loss;
            else put(outs[0].as<char>() + 2 * out, reinterpret_cast<const char*>(&loss), 0, 1);
        }
    });
}

template <class C> void sparse_grad_row(C* dz, const C* p, C g, int64_t label, int64_t n) {
    if (label < 0) g = C(NAN);
    for (int64_t j = 0; j < n; j++) dz[j] = p[j] * g;
    if (label >= 0) dz[label] = (p[label] - C(1)) * g;
    else
        for (int64_t j = 0; j < n; j++) dz[j] = C(NAN);
}

}  // namespace

// outs: the probabilities, and of each row the greatest score and the logarithm of the sum of exp(score - greatest).
GPUDL_KERNEL_WHEN(softmax, "f f <- f ; i* | e f <- e ; i* | E f <- E ; i*", scores_fit) {
    const int64_t outputs = normalized_axes(ins[0], attrs).outputs, count = normalized_axes(ins[0], attrs).count;
    float *high = outs[1].as<float>(), *log_sum = high + outputs;
    const auto first = [&](int64_t row, const float* x, float* y) {
        const float most = high[row] = greatest(x, count);
        for (int64_t j = 0; j < count; j++) y[j] = x[j] - most;
    };
    exponentials(outs[0], ins[0], outputs, count, first, [&](int64_t row, int64_t n, const float*, float* y) {
        for (int64_t i = 0; i < n; i++) {
            float* to = y + i * count;
            const float sum = log_sum[row + i] = sum_of<float>(count, Numbers<float>{to});
            for (int64_t j = 0; j < count; j++) to[j] /= sum;
        }
        for (int64_t i = 0; i < n; i++) log_sum[row + i] = math::log(log_sum[row + i]);
    });
}

GPUDL_KERNEL_WHEN(log_softmax, "f <- f ; i* | e <- e ; i* | E <- E ; i*", scores_fit) {
    const int64_t outputs = normalized_axes(ins[0], attrs).outputs, count = normalized_axes(ins[0], attrs).count;
    const auto first = [&](int64_t, const float* x, float* y) {
        const float most = greatest(x, count);
        for (int64_t j = 0; j < count; j++) y[j] = x[j] - most;
    };
    exponentials(outs[0], ins[0], outputs, count, first, [&](int64_t, int64_t n, const float* x, float* y) {
        for (int64_t i = 0; i < n; i++) {
            const float *from = x + i * count, most = greatest(from, count);
            float* to = y + i * count;
            const float log_sum = math::log(sum_of<float>(count, Numbers<float>{to}));
            for (int64_t j = 0; j < count; j++) to[j] = (from[j] - most) - log_sum;
        }
    });
}

GPUDL_KERNEL_WHEN(softmax_grad, "f <- f f ; i* | e <- e e ; i* | E <- E E ; i*", rows_of_two) {
    const Axes axes = normalized_axes(ins[0], attrs);
    for_rows(outs[0], ins, ins + 1, axes.outputs, axes.count, 2, [&](int64_t, float* dx, const float* g, const float* p) {
        const float sum = sum_of<float>(axes.count, Product{g, p});
        for (int64_t j = 0; j < axes.count; j++) dx[j] = (g[j] - sum) * p[j];
    });
}

GPUDL_KERNEL_WHEN(log_softmax_grad, "f <- f f ; i* | e <- e e ; i* | E <- E E ; i*", rows_of_two) {
    const Axes axes = normalized_axes(ins[0], attrs);
    for_rows(outs[0], ins, ins + 1, axes.outputs, axes.count, 8, [&](int64_t, float* dx, const float* g, const float* y) {
        const float sum = sum_of<float>(axes.count, Numbers<float>{g});
        for (int64_t j = 0; j < axes.count; j++) dx[j] = g[j] - math::exp(y[j]) * sum;
    });
}

// ins: scores, probabilities, statistics of softmax, class numbers.
GPUDL_KERNEL_WHEN(sparse_categorical_crossentropy, "f <- f f f . | d <- d d d . | e <- e e f . | E <- E E f .", few_rows) {
    if (ins[0].dtype == 'd') sparse<double>(outs, ins);
    else sparse<float>(outs, ins);
}

// ins: scores, probabilities, statistics of softmax, targets.
GPUDL_KERNEL_WHEN(categorical_crossentropy, "f <- f f f f", rows_fit) {
    const int64_t outputs = rows_in(ins[0]), n = classes_of(ins[0]);
    const float *z = ins[0].as<float>(), *high = ins[2].as<float>(), *log_sum = high + outputs, *target = ins[3].as<float>();
    float* loss = outs[0].as<float>();
    in_ranges(outputs, worth_sharing / (2 * n + 1) + 1, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++)
            loss[row] = sum_of<float>(n, Surprise{z + row * n, target + row * n, high[row], log_sum[row]});
    });
}

// ins: g, probabilities, targets, which need not sum to 1.
GPUDL_KERNEL_WHEN(categorical_crossentropy_grad, "f <- f f f | e <- e e e | E <- E E E", classes_fit) {
    const int64_t outputs = rows_in(ins[1]), n = classes_of(ins[1]);
    if (outputs * n == 0) return;
    for_rows(outs[0], ins + 1, ins + 2, outputs, n, 2, [&](int64_t row, float* dz, const float* p, const float* t) {
        const float sum = sum_of<float>(n, Numbers<float>{t}), g = number_of<float>(ins[0], row);
        for (int64_t j = 0; j < n; j++) dz[j] = (p[j] * sum - t[j]) * g;
    });
}

// ins: g, probabilities, class numbers.
GPUDL_KERNEL_WHEN(sparse_categorical_crossentropy_grad, "f <- f f . | d <- d d . | e <- e e . | E <- E E .", classes_fit) {
    const Labels target = {ins[2].as<char>(), ins[2].dtype, classes_of(ins[1])};
    const int64_t outputs = rows_in(ins[1]), n = target.classes;
    if (outputs * n == 0) return;
    if (outs[0].dtype == 'd') {
        for (int64_t row = 0; row < outputs; row++)
            sparse_grad_row(outs[0].as<double>() + row * n, ins[1].as<double>() + row * n, ins[0].as<double>()[row], target.at(row, false),
                            n);
        return;
    }
    for_rows(outs[0], ins + 1, nullptr, outputs, n, 1, [&](int64_t row, float* dz, const float* p, const float*) {
        sparse_grad_row(dz, p, number_of<float>(ins[0], row), target.at(row, false), n);
    });
}

}  // namespace gpudl
