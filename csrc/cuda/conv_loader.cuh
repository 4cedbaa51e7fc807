// Lets the tile cores multiply images without unrolling them: loaders (loader.cuh) that find the pixels under the taps of a kernel.
//
// The three products, for each group (Cg and Kg are a group's channels and filters):
//
//   forward          y (N P Q, Kg)    = windows of x (N P Q, R S Cg)  kernel (R S Cg, Kg)
//   input gradient   dx (N H W, Cg)   = windows of g (N H W, R S Kg)  kernel, turned tap by tap (R S Kg, Cg)
//   kernel gradient  dk (R S Cg, Kg)  = windows of x, turned (R S Cg, N P Q)  g (N P Q, Kg)
//
// With a stride, pixels of the input fall into phases: those whose rows and columns leave the same remainders. The windows that reach the
// pixels of one phase use the same taps, so each phase is a product of its own, without strides, of as many terms as are not zero.
#pragma once
#include "column_sums.cuh"
#include "convolution.cuh"
#include "loader.cuh"

namespace gpudl {
namespace convolution {

// One axis of a phase of the input gradient (forward: of the whole): which pixels, and which taps reach them.
struct PhaseAxis {
    int first, count, every;        // pixels: first, first + every …
    int tap, taps, tap_every;       // taps of the kernel: tap, tap + tap_every …
    int start, stride, step, size;  // pixel i under its tap j reads place start + i stride + j step of an axis of `size`
};

inline PhaseAxis forward_axis(int windows, int taps, int stride, int dilation, int before, int size) {
    return {0, windows, 1, 0, taps, 1, -before, stride, dilation, size};
}

// Of the pixels h with (h + before) % stride == remainder.
inline PhaseAxis phase_axis(int size, int windows, int taps, int stride, int dilation, int before, int remainder) {
    PhaseAxis a = {};
    a.every = stride;
    a.first = ((remainder - before) % stride + stride) % stride;
    a.count = a.first < size ? (size - a.first + stride - 1) / stride : 0;
    int common = stride, rest = dilation % stride;  // Euclid
    while (rest) {
        const int next = common % rest;
        common = rest, rest = next;
    }
    a.tap_every = stride / common;
    if (remainder % common == 0) {
        while (int64_t(a.tap) * dilation % stride != remainder) a.tap++;
        a.taps = a.tap < taps ? (taps - a.tap + a.tap_every - 1) / a.tap_every : 0;
    }
    if (a.taps == 0) a.tap = 0;
    a.start = a.taps ? (a.first + before - a.tap * dilation) / stride : 0;  // without a rest
    a.stride = 1;
    a.step = -(dilation / common);
    a.size = windows;
    return a;
}

struct Phase {
    PhaseAxis h, w;
    int64_t pixels(const Slide& a) const { return a.n * h.count * w.count; }
    int64_t taps() const { return int64_t(h.taps) * w.taps; }
};

inline Phase whole(const Slide& a) {
    return {forward_axis(a.p, a.r, a.stride_h, a.dilation_h, a.top, a.h), forward_axis(a.q, a.s, a.stride_w, a.dilation_w, a.left, a.w)};
}
inline Phase phase_of(const Slide& a, int i) {
    return {phase_axis(a.h, a.p, a.r, a.stride_h, a.dilation_h, a.top, i / a.stride_w),
            phase_axis(a.w, a.q, a.s, a.stride_w, a.dilation_w, a.left, i % a.stride_w)};
}

// Windows over an image: where a pixel's window begins, and how far from there a channel of a tap lies. Element by element, or packets of
// channels, of which a group must have whole ones.
template <class Item, int packet> struct Windows {
    using T = Item;
    static constexpr int width = packet;

    const T* data;
    int64_t pixels_n, terms;      // places along both axes of the operand
    int h, w, columns_n, rows_n;  // of the image; of the grid of windows
    int start_h, start_w, stride_h, stride_w, step_h, step_w, taps_w, channels_n;
    int64_t c;  // channels of a pixel, over all groups
    Divisor columns, rows, channels, row_of_taps;

    struct Corner {  // of a window
        int64_t offset;
        int h, w;
    };
    struct Tap {
        int64_t offset;
        int h, w;
    };
    static constexpr int nowhere = INT32_MIN / 2;  // outside of every image, wherever the tap

    __device__ __forceinline__ Corner corner(int64_t pixel) const {
        if (pixel >= pixels_n) return {0, nowhere, nowhere};
        const int64_t line = columns.divide(pixel), n = rows.divide(line);
        const int i = int(line - n * rows_n) * stride_h + start_h, j = int(pixel - line * columns_n) * stride_w + start_w;
        return {((n * h + i) * w + j) * c, i, j};
    }
    __device__ __forceinline__ Tap tap(int64_t term) const {
        if (term >= terms) return {0, nowhere, nowhere};
        const int64_t at = channels.divide(term), line = row_of_taps.divide(at);
        const int i = int(line) * step_h, j = int(at - line * taps_w) * step_w;
        return {(int64_t(i) * w + j) * c + (term - at * channels_n), i, j};
    }
    __device__ __forceinline__ Place<T> place(const T* base, const Corner& from, const Tap& tap) const {
        const bool inside = unsigned(from.h + tap.h) < unsigned(h) && unsigned(from.w + tap.w) < unsigned(w);
        return inside ? Place<T>{base + (from.offset + tap.offset), width} : Place<T>{data, 0};
    }
};

// The windows as rows: a of the forward product and of the input gradient.
template <class Item, int packet> struct WindowRows {
    using T = Item;
    static constexpr int width = packet;
    static constexpr bool along_k = true;
    Windows<T, width> windows;

    struct Line {
        const T* base;
        typename Windows<T, width>::Corner corner;
    };
    using Step = typename Windows<T, width>::Tap;
    __device__ __forceinline__ bool lanes_along_k() const { return true; }
    __device__ __forceinline__ const T* base(int64_t group) const { return windows.data + group * windows.channels_n; }
    __device__ __forceinline__ Line line(const T* base, int64_t pixel) const { return {base, windows.corner(pixel)}; }
    __device__ __forceinline__ Step step(int64_t term) const { return windows.tap(term); }
    __device__ __forceinline__ Place<T> place(const Line& line, const Step& step) const {
        return windows.place(line.base, line.corner, step);
    }
};

// The windows as columns: a of the kernel gradient.
template <class Item, int packet> struct WindowColumns {
    using T = Item;
    static constexpr int width = packet;
    static constexpr bool along_k = false;
    Windows<T, width> windows;

    struct Line {
        const T* base;
        typename Windows<T, width>::Tap tap;
    };
    using Step = typename Windows<T, width>::Corner;
    __device__ __forceinline__ bool lanes_along_k() const { return false; }
    __device__ __forceinline__ const T* base(int64_t group) const { return windows.data + group * windows.channels_n; }
    __device__ __forceinline__ Line line(const T* base, int64_t term) const { return {base, windows.tap(term)}; }
    __device__ __forceinline__ Step step(int64_t pixel) const { return windows.corner(pixel); }
    __device__ __forceinline__ Place<T> place(const Line& line, const Step& step) const { return windows.place(line.base, step, line.tap); }
};

// The kernel as the input gradient sees it: outer are a group's channels, k are taps of a phase times a group's filters.
template <class Item, int packet> struct TurnedKernel {
    using T = Item;
    static constexpr int width = packet;
    static constexpr bool along_k = true;

    const T* data;
    int64_t terms, tap_stride, row_stride, channel_stride;  // elements from a tap to the next one of the phase, and from a row of them
    int channels, filters_n, taps_w;
    Divisor filters, row_of_taps;

    struct Line {
        const T* from;
        bool exists;
    };
    struct Step {
        int64_t offset;
        bool exists;
    };
    __device__ __forceinline__ bool lanes_along_k() const { return true; }
    __device__ __forceinline__ const T* base(int64_t group) const { return data + group * filters_n; }
    __device__ __forceinline__ Line line(const T* base, int64_t channel) const {
        const bool exists = channel < channels;
        return {base + (exists ? channel * channel_stride : 0), exists};
    }
    __device__ __forceinline__ Step step(int64_t term) const {
        if (term >= terms) return {0, false};
        const int64_t at = filters.divide(term), row = row_of_taps.divide(at);
        return {row * row_stride + (at - row * taps_w) * tap_stride + (term - at * filters_n), true};
    }
    __device__ __forceinline__ Place<T> place(const Line& line, const Step& step) const {
        return {line.from + step.offset, line.exists && step.exists ? width : 0};
    }
};

// Where the rows of a phase lie in the image.
struct PhaseRows {
    Divisor columns, rows;
    int64_t columns_n, rows_n, h, w, c;
    int first_h, first_w, every_h, every_w;
    __device__ int64_t operator()(int64_t row) const {
        const int64_t line = columns.divide(row), n = rows.divide(line);
        const int64_t i = first_h + (line - n * rows_n) * every_h, j = first_w + (row - line * columns_n) * every_w;
        return ((n * h + i) * w + j) * c;
    }
};

// ---- on the host -------------------------------------------------------------------------------------------------------------

inline Divisor divisor_of(int64_t n) { return n > 0 ? Divisor(n) : Divisor(); }

// Windows over the image (forward, kernel gradient) or over the output (input gradient).
template <class T, int width> Windows<T, width> windows_of(const ConvProblem& p, const Phase& phase) {
    const Slide& a = p.slide;
    const bool back = p.what == Conv::grad_input;
    Windows<T, width> v = {};
    v.data = static_cast<const T*>(back ? p.output : p.image);
    v.channels_n = back ? a.group_k() : a.group_c();
    v.c = back ? a.k : a.c;
    v.pixels_n = phase.pixels(a), v.terms = phase.taps() * v.channels_n;
    v.h = phase.h.size, v.w = phase.w.size;
    v.rows_n = phase.h.count, v.columns_n = phase.w.count;
    v.start_h = phase.h.start, v.start_w = phase.w.start;
    v.stride_h = phase.h.stride, v.stride_w = phase.w.stride;
    v.step_h = phase.h.step, v.step_w = phase.w.step;
    v.taps_w = phase.w.taps;
    v.columns = divisor_of(v.columns_n), v.rows = divisor_of(v.rows_n);
    v.channels = divisor_of(v.channels_n), v.row_of_taps = divisor_of(v.taps_w);
    return v;
}

template <class T, int width> TurnedKernel<T, width> turned_kernel_of(const ConvProblem& p, const Phase& phase) {
    const Slide& a = p.slide;
    const int64_t tap = int64_t(a.group_c()) * a.k;
    TurnedKernel<T, width> v = {};
    v.data = static_cast<const T*>(p.kernel) + (int64_t(phase.h.tap) * a.s + phase.w.tap) * tap;
    v.channels = a.group_c(), v.filters_n = a.group_k(), v.taps_w = phase.w.taps;
    v.terms = phase.taps() * v.filters_n;
    v.tap_stride = phase.w.tap_every * tap, v.row_stride = int64_t(phase.h.tap_every) * a.s * tap, v.channel_stride = a.k;
    v.filters = divisor_of(v.filters_n), v.row_of_taps = divisor_of(v.taps_w);
    return v;
}

inline PhaseRows phase_rows_of(const Slide& a, const Phase& phase) {
    return {divisor_of(phase.w.count),
            divisor_of(phase.h.count),
            phase.w.count,
            phase.h.count,
            a.h,
            a.w,
            a.c,
            phase.h.first,
            phase.w.first,
            phase.h.every,
            phase.w.every};
}

// The product's sizes and epilogue; operands as matrices where they are: b if it is not turned, both of a pointwise convolution. Groups
// are batches.
inline MatmulProblem product_of(const ConvProblem& p, const Phase& phase) {
    const Slide& a = p.slide;
    MatmulProblem m = {};
    m.dtype = p.dtype;
    m.epilogue = p.epilogue;
    const int64_t c = a.group_c(), k = a.group_k();
    switch (p.what) {
        case Conv::forward:
            m.m = phase.pixels(a), m.n = k, m.k = phase.taps() * c;
            m.a = {p.image, a.c, 1}, m.b = {p.kernel, 1, a.k};
            break;
        case Conv::grad_input:
            m.m = phase.pixels(a), m.n = c, m.k = phase.taps() * k;
            m.a = {p.output, a.k, 1}, m.b = {p.kernel, a.k, 1};
            break;
        case Conv::grad_kernel:
            m.m = phase.taps() * c, m.n = k, m.k = phase.pixels(a);
            m.a = {p.image, 1, a.c}, m.b = {p.output, 1, a.k};
            break;
    }
    const bool one = a.groups == 1;
    m.batches.append(a.groups, {one ? 0 : p.what == Conv::grad_input ? k : c, one ? 0 : k});
    m.batches.size = a.groups;
    m.batches.prepare_division();
    m.epilogue.batch = m.epilogue.bias_batch = m.n;
    return m;
}

// Sums each channel of what was written, after it was, where the problem asks for it.
inline void sum_channels(const ConvProblem& p, Stream stream) {
    if (!p.epilogue.sums || p.slide.c == 0) return;
    MatmulProblem m = {};
    m.m = p.slide.n * p.slide.h * p.slide.w, m.n = p.slide.c;
    m.batches.size = 1;
    m.epilogue = p.epilogue;
    for_float_dtype(p.dtype, [&](auto zero) { sum_columns_of_y<decltype(zero), WideOf<decltype(zero)>>(m, stream); });
}

constexpr int most_phases = 64;
inline int phases(const ConvProblem& p) { return p.what == Conv::grad_input ? p.slide.stride_h * p.slide.stride_w : 1; }

// Calls `go(product, phase)` for each phase: its launches make that phase whole, sums of channels too where there is one product.
template <class Go> void each_phase(const ConvProblem& p, Stream stream, Go go) {
    const int count = phases(p);
    const bool one = count == 1 && p.slide.groups == 1;
    for (int i = 0; i < count; i++) {
        const Phase phase = p.what == Conv::grad_input ? phase_of(p.slide, i) : whole(p.slide);
        MatmulProblem m = product_of(p, phase);
        if (!one) m.epilogue.sums = nullptr;
        if (!m.nothing()) go(m, phase);
    }
    if (!one) sum_channels(p, stream);
}

}  // namespace convolution
}  // namespace gpudl
