// Computes batch normalization and its gradient, channels last: two passes over x, which is (count, channels).
//
// Mean and squared deviations come of 64 rows at a time, from differences to their own mean, and are joined (Chan, Golub, LeVeque 1983). Few
// channels are seen several rows at a time, so that loops over them fill vectors. 16-bit floats are widened first.
#include <cmath>

#include <gpudl/kernel.h>

#include "buffers.h"
#include "threads.h"

namespace gpudl {
namespace {

using namespace cpu;

constexpr int64_t part_rows = 64, most_pieces = 32, least_rows = 256;  // rows of a part; pieces of work, and rows of one

struct Shape {
    int64_t count = 1, channels, fold, each;  // fold: rows that are seen as one; each: of those, in a piece of work

    explicit Shape(const TensorView& x) : channels(x.shape[x.ndim - 1]) {
        for (int i = 0; i < x.ndim - 1; i++) count *= x.shape[i];
        fold = channels > 0 && channels < 32 ? 64 / channels : 1;
        each = (lines() + most_pieces - 1) / most_pieces;
        each = each < least_rows ? least_rows : (each + part_rows - 1) / part_rows * part_rows;
    }
    int64_t width() const { return fold * channels; }
    int64_t lines() const { return count / fold; }
    int64_t rest() const { return count - lines() * fold; }  // rows that fill no line
    int64_t pieces() const { return (lines() + each - 1) / each; }
};

template <class C> const C* numbers_of(const TensorView& x, Slot slot) {
    if (x.dtype == 'f' || x.dtype == 'd') return x.as<const C>();
    C* held = scratch<C>(slot, x.size() + 1);
    loading(x.dtype)(held, x.as<char>(), 2, x.size());
    return held;
}

// f(line or row, its width) writes y; 16-bit floats through a buffer.
template <class C, class F> void write_lines(const TensorView& y, const Shape& a, const F& f) {
    const int64_t width = a.width(), least = worth_sharing / (width + 1) + 1;
    const bool half = itemsize(y.dtype) == 2;
    in_ranges(a.lines() + 1, least, 1, [&](int64_t begin, int64_t end) {
        C* held = half ? scratch<C>(Slot::left, width) : nullptr;
        for (int64_t i = begin; i < end; i++) {
            const int64_t n = i < a.lines() ? width : a.rest() * a.channels, at = i * width;
            C* to = half ? held : y.as<C>() + at;
            f(at, n, to);
            if (half) storing(y.dtype)(y.as<char>() + 2 * at, reinterpret_cast<const char*>(to), 2, n);
        }
    });
}

// values[c], then again for every row of a line
template <class C> void repeat(C* values, const Shape& a) {
    for (int64_t j = a.channels; j < a.width(); j++) values[j] = values[j - a.channels];
}

template <class C> struct Moments {
    C count, *mean, *squares;
};

// a = a and b together, for `width` columns.
template <class C> void join(Moments<C>& a, C count, const C* mean, const C* squares, int64_t width) {
    if (count == C(0)) return;
    const C n = a.count + count, share = count / n, weight = a.count * share;
    for (int64_t j = 0; j < width; j++) {
        const C delta = mean[j] - a.mean[j];
        a.mean[j] = a.count == C(0) ? mean[j] : a.mean[j] + delta * share;
        a.squares[j] = a.squares[j] + squares[j] + delta * delta * weight;
    }
    a.count = n;
}

// Of the numbers less `pivot`, one of them for each column: the mean keeps digits that a large number would cost.
template <class C> void moments(const C* x, const C* pivot, int64_t rows, int64_t width, Moments<C>& total, C* mean, C* squares) {
    for (int64_t j = 0; j < width; j++) total.mean[j] = total.squares[j] = C(0);
    total.count = C(0);
    for (int64_t begin = 0; begin < rows; begin += part_rows) {
        const int64_t n = rows - begin < part_rows ? rows - begin : part_rows;
        const C* from = x + begin * width;
        for (int64_t j = 0; j < width; j++) mean[j] = squares[j] = C(0);
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < width; j++) mean[j] += from[i * width + j] - from[j];
        }
        for (int64_t j = 0; j < width; j++) mean[j] /= C(n);
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < width; j++) {
                const C d = (from[i * width + j] - from[j]) - mean[j];
                squares[j] += d * d;
            }
        }
        for (int64_t j = 0; j < width; j++) mean[j] += from[j] - pivot[j];
        join(total, C(n), mean, squares, width);
    }
}

// Mean and squared deviations of every channel, into total.
template <class C> void find_moments(const C* x, const Shape& a, Moments<C>& total) {
    const int64_t width = a.width(), pieces = a.pieces();
    C* room = scratch<C>(Slot::first, (2 * pieces + 3) * width);
    C* pivot = room + (2 * pieces + 2) * width;
    for (int64_t c = 0; c < a.channels; c++) pivot[c] = a.count > 0 ? x[c] : C(0);
    repeat(pivot, a);
    in_pieces(pieces, [&](int64_t k) {
        C* temporary = scratch<C>(Slot::left, 2 * width);
        Moments<C> part = {C(0), room + 2 * k * width, room + (2 * k + 1) * width};
        moments(x + k * a.each * width, pivot, a.lines() - k * a.each < a.each ? a.lines() - k * a.each : a.each, width, part, temporary,
                temporary + width);
    });
    C* lines = room + 2 * pieces * width;
    Moments<C> whole = {C(0), lines, lines + width};
    for (int64_t j = 0; j < 2 * width; j++) lines[j] = C(0);
    for (int64_t k = 0; k < pieces; k++) {
        const int64_t n = a.lines() - k * a.each < a.each ? a.lines() - k * a.each : a.each;
        join(whole, C(n), room + 2 * k * width, room + (2 * k + 1) * width, width);
    }
    total.count = C(0);
    for (int64_t c = 0; c < a.channels; c++) total.mean[c] = total.squares[c] = C(0);
    for (int64_t f = 0; f < a.fold; f++) join(total, whole.count, whole.mean + f * a.channels, whole.squares + f * a.channels, a.channels);
    C* last = scratch<C>(Slot::left, 4 * a.channels + 1);
    Moments<C> rest = {C(0), last, last + a.channels};
    moments(x + a.lines() * width, pivot, a.rest(), a.channels, rest, last + 2 * a.channels, last + 3 * a.channels);
    join(total, rest.count, rest.mean, rest.squares, a.channels);
    for (int64_t c = 0; c < a.channels; c++) total.mean[c] += pivot[c];
}

template <class C> C number(const TensorView& v, int64_t c) { return v.as<C>()[v.size() > 1 ? c : 0]; }

// outs: y, mean, rstd, moving mean, moving variance; ins: x, gamma, beta; attrs: momentum, epsilon.
template <class C> void train(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const Shape a(ins[0]);
    const C* x = numbers_of<C>(ins[0], Slot::second);
    C *mean = outs[1].as<C>(), *rstd = outs[2].as<C>(), *moving_mean = outs[3].as<C>(), *moving_variance = outs[4].as<C>();
    C* room = scratch<C>(Slot::third, 3 * a.width() + 1);
    Moments<C> total = {C(0), mean, room};
    find_moments(x, a, total);
    const C momentum = C(attrs[0].real), rest = C(1 - attrs[0].real), epsilon = C(attrs[1].real);
    C *middle = room, *scale = room + a.width(), *shift = scale + a.width();
    for (int64_t c = 0; c < a.channels; c++) {
        const C variance = a.count > 0 ? total.squares[c] / C(a.count) : C(0);
        if (variance != variance) mean[c] = variance;
        rstd[c] = C(1) / std::sqrt(variance + epsilon);
        middle[c] = mean[c];
        scale[c] = rstd[c] * number<C>(ins[1], c);
        shift[c] = number<C>(ins[2], c);
        if (a.count == 0) continue;  // an empty batch says nothing
        moving_mean[c] = moving_mean[c] * momentum + mean[c] * rest;
        moving_variance[c] = moving_variance[c] * momentum + variance * rest;
    }
    repeat(middle, a);
    repeat(scale, a);
    repeat(shift, a);
    write_lines<C>(outs[0], a, [&](int64_t at, int64_t n, C* y) {
        const C* from = x + at;
        for (int64_t j = 0; j < n; j++) y[j] = (from[j] - middle[j]) * scale[j] + shift[j];
    });
}

// ins: x, mean, variance, gamma, beta; attrs: epsilon.
template <class C> void infer(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const Shape a(ins[0]);
    const C* x = numbers_of<C>(ins[0], Slot::second);
    C* middle = scratch<C>(Slot::third, 3 * a.width() + 1);
    C *scale = middle + a.width(), *shift = scale + a.width();
    for (int64_t c = 0; c < a.channels; c++) {
        middle[c] = number<C>(ins[1], c);
        scale[c] = number<C>(ins[3], c) / std::sqrt(number<C>(ins[2], c) + C(attrs[0].real));
        shift[c] = number<C>(ins[4], c);
    }
    repeat(middle, a);
    repeat(scale, a);
    repeat(shift, a);
    write_lines<C>(outs[0], a, [&](int64_t at, int64_t n, C* y) {
        const C* from = x + at;
        for (int64_t j = 0; j < n; j++) y[j] = (from[j] - middle[j]) * scale[j] + shift[j];
    });
}

// sums[j] of g and of g (x - mean), `rows` rows
template <class C> void add_products(const C* g, const C* x, const C* mean, int64_t rows, int64_t width, C* sums, C* products, C* room) {
    C* part = room + width;
    for (int64_t j = 0; j < width; j++) sums[j] = products[j] = C(0);
    for (int64_t begin = 0; begin < rows; begin += part_rows) {
        const int64_t end = rows - begin < part_rows ? rows : begin + part_rows;
        for (int64_t j = 0; j < width; j++) room[j] = part[j] = C(0);
        for (int64_t i = begin; i < end; i++) {
            const C *gradient = g + i * width, *from = x + i * width;
            for (int64_t j = 0; j < width; j++) {
                room[j] += gradient[j];
                part[j] += (from[j] - mean[j]) * gradient[j];
            }
        }
        for (int64_t j = 0; j < width; j++) {
            sums[j] += room[j];
            products[j] += part[j];
        }
    }
}

// outs: dx, dgamma, dbeta; ins: g, x, gamma, mean, rstd.
template <class C> void gradient(const TensorView* outs, const TensorView* ins) {
    const Shape a(ins[1]);
    const int64_t width = a.width(), pieces = a.pieces();
    const C *g = numbers_of<C>(ins[0], Slot::result), *x = numbers_of<C>(ins[1], Slot::second);
    C *dgamma = outs[1].as<C>(), *dbeta = outs[2].as<C>();
    C* middle = scratch<C>(Slot::third, 4 * width + 1);
    C *scale = middle + width, *slope = scale + width, *shift = slope + width;
    for (int64_t c = 0; c < a.channels; c++) middle[c] = number<C>(ins[3], c);
    repeat(middle, a);
    C* room = scratch<C>(Slot::first, (pieces + 1) * 2 * width + 1);
    in_pieces(pieces, [&](int64_t k) {
        const int64_t n = a.lines() - k * a.each < a.each ? a.lines() - k * a.each : a.each, at = k * a.each * width;
        add_products(g + at, x + at, middle, n, width, room + 2 * k * width, room + (2 * k + 1) * width, scratch<C>(Slot::left, 2 * width));
    });
    C* rest = scratch<C>(Slot::left, 4 * a.channels + 1);
    add_products(g + a.lines() * width, x + a.lines() * width, middle, a.rest(), a.channels, rest, rest + a.channels,
                 rest + 2 * a.channels);
    for (int64_t c = 0; c < a.channels; c++) {
        C sum = rest[c], product = rest[a.channels + c];
        for (int64_t k = 0; k < pieces; k++) {
            for (int64_t f = 0; f < a.fold; f++) {
                sum += room[2 * k * width + f * a.channels + c];
                product += room[(2 * k + 1) * width + f * a.channels + c];
            }
        }
        const C rstd = number<C>(ins[4], c), count = C(a.count);
        dbeta[c] = sum;
        dgamma[c] = product * rstd;
        scale[c] = number<C>(ins[2], c) * rstd;
        slope[c] = -scale[c] * rstd * dgamma[c] / count;
        shift[c] = -scale[c] * sum / count;
    }
    repeat(scale, a);
    repeat(slope, a);
    repeat(shift, a);
    write_lines<C>(outs[0], a, [&](int64_t at, int64_t n, C* dx) {
        const C *upstream = g + at, *from = x + at;
        for (int64_t j = 0; j < n; j++) dx[j] = upstream[j] * scale[j] + ((from[j] - middle[j]) * slope[j] + shift[j]);
    });
}

bool some_channels(const TensorView*, const TensorView* ins, const Scalar*) { return ins[0].ndim > 0 && ins[0].shape[ins[0].ndim - 1] > 0; }

}  // namespace

GPUDL_KERNEL_WHEN(batch_norm, "f f f f f <- f f f ; r r | d d d d d <- d d d ; r r | e f f f f <- e f f ; r r | E f f f f <- E f f ; r r",
                  some_channels) {
    if (ins[0].dtype == 'd') train<double>(outs, ins, attrs);
    else train<float>(outs, ins, attrs);
}

GPUDL_KERNEL_WHEN(batch_norm_grad, "f f f <- f f f f f | d d d <- d d d d d | e f f <- e e f f f | E f f <- E E f f f", some_channels) {
    if (ins[0].dtype == 'd') gradient<double>(outs, ins);
    else gradient<float>(outs, ins);
}

GPUDL_KERNEL_WHEN(batch_norm_inference, "f <- f f f f f ; r | d <- d d d d d ; r | e <- e f f f f ; r | E <- E f f f f ; r",
                  some_channels) {
    if (ins[0].dtype == 'd') infer<double>(outs, ins, attrs);
    else infer<float>(outs, ins, attrs);
}

}  // namespace gpudl
