// Pools NHWC images window by window: the greatest number and its place, the average, and their gradients. Loops go along channels, which lie
// one after another; gradients gather, so that nothing is added by two threads.
#include <cmath>

#include <gpudl/kernel.h>

#include "buffers.h"
#include "threads.h"

namespace gpudl {
namespace {

using namespace cpu;

constexpr int64_t tile = 256;  // channels taken together

// The attributes, and the sizes of the two images: h, w of the one that is pooled.
struct Windows {
    int64_t n, h, w, p, q, c, r, s, stride_h, stride_w, top, left;

    bool overlap() const { return r > stride_h || s > stride_w; }
    int64_t pixel(int64_t image, int64_t row, int64_t column) const { return ((image * h + row) * w + column) * c; }
    int64_t window(int64_t image, int64_t row, int64_t column) const { return ((image * p + row) * q + column) * c; }
};

Windows describe(const TensorView& x, const TensorView& y, const Scalar* attrs) {
    const auto number = [attrs](int i) { return attrs[i].integer; };
    return {x.shape[0], x.shape[1], x.shape[2], y.shape[1], y.shape[2], x.shape[3],
            number(0),  number(1),  number(2),  number(3),  number(4),  number(6)};
}

// The first tap of window `at` inside an axis of `size`, and one behind the last.
struct Span {
    int64_t first, last;
    Span(int64_t at, int64_t stride, int64_t before, int64_t taps, int64_t size) {
        const int64_t start = at * stride - before;
        first = start < 0 ? -start : 0;
        last = start + taps > size ? size - start : taps;
    }
};

template <class C, class Place>
void max_window(const Windows& a, const C* x, int64_t image, int64_t row, int64_t column, C* y, Place* places) {
    const Span rows(row, a.stride_h, a.top, a.r, a.h), columns(column, a.stride_w, a.left, a.s, a.w);
    using Whole = std::conditional_t<sizeof(C) == 8, int64_t, int32_t>;  // as wide as C: both are chosen by one comparison
    for (int64_t begin = 0; begin < a.c; begin += tile) {
        const int64_t n = a.c - begin < tile ? a.c - begin : tile;
        C best[tile];
        Whole place[tile];
        bool first = true;
        for (int64_t r = rows.first; r < rows.last; r++) {
            for (int64_t s = columns.first; s < columns.last; s++) {
                const C* from = x + a.pixel(image, row * a.stride_h - a.top + r, column * a.stride_w - a.left + s) + begin;
                const Whole here = Whole(r * a.s + s);
                if (first) {
                    for (int64_t k = 0; k < n; k++) {
                        best[k] = from[k];
                        place[k] = here;
                    }
                } else {
                    for (int64_t k = 0; k < n; k++) {
                        const C one = from[k];
                        const bool better = (one > best[k]) | ((one != one) & (best[k] == best[k]));
                        best[k] = better ? one : best[k];
                        place[k] = better ? here : place[k];
                    }
                }
                first = false;
            }
        }
        for (int64_t k = 0; k < n; k++) {
            y[begin + k] = best[k];
            places[begin + k] = Place(place[k]);
        }
    }
}

template <class C> void average_window(const Windows& a, const C* x, int64_t image, int64_t row, int64_t column, C* y) {
    const Span rows(row, a.stride_h, a.top, a.r, a.h), columns(column, a.stride_w, a.left, a.s, a.w);
    const C count = C((rows.last - rows.first) * (columns.last - columns.first));
    for (int64_t k = 0; k < a.c; k++) y[k] = C(0);
    for (int64_t r = rows.first; r < rows.last; r++) {
        for (int64_t s = columns.first; s < columns.last; s++) {
            const C* from = x + a.pixel(image, row * a.stride_h - a.top + r, column * a.stride_w - a.left + s);
            for (int64_t k = 0; k < a.c; k++) y[k] += from[k];
        }
    }
    for (int64_t k = 0; k < a.c; k++) y[k] /= count;
}

// visit(window row, window column, tap) for every window that holds a pixel, in the order of its taps.
template <class F> void each_window(const Windows& a, int64_t h, int64_t w, const F& visit) {
    for (int64_t r = (h + a.top) % a.stride_h; r < a.r; r += a.stride_h) {
        const int64_t row = h + a.top - r;
        if (row < 0 || row / a.stride_h >= a.p) continue;
        for (int64_t s = (w + a.left) % a.stride_w; s < a.s; s += a.stride_w) {
            const int64_t column = w + a.left - s;
            if (column < 0 || column / a.stride_w >= a.q) continue;
            visit(row / a.stride_h, column / a.stride_w, r * a.s + s);
        }
    }
}

template <class C, class Place>
void max_pixel_grad(const Windows& a, const C* g, const Place* places, int64_t image, int64_t h, int64_t w, C* dx) {
    const bool overlap = a.overlap();
    for (int64_t k = 0; k < a.c; k++) dx[k] = C(0);
    each_window(a, h, w, [&](int64_t row, int64_t column, int64_t tap) {
        const int64_t at = a.window(image, row, column);
        const C* from = g + at;
        const Place *place = places + at, here = Place(tap);
        if (overlap) {
            for (int64_t k = 0; k < a.c; k++) dx[k] = place[k] == here ? dx[k] + from[k] : dx[k];
        } else {  // 0 + -0 is 0, so a sum would lose a sign
            for (int64_t k = 0; k < a.c; k++) dx[k] = place[k] == here ? from[k] : C(0);
        }
    });
}

template <class C> void average_pixel_grad(const Windows& a, const C* g, int64_t image, int64_t h, int64_t w, C* dx) {
    for (int64_t k = 0; k < a.c; k++) dx[k] = C(0);
    each_window(a, h, w, [&](int64_t row, int64_t column, int64_t) {
        const Span rows(row, a.stride_h, a.top, a.r, a.h), columns(column, a.stride_w, a.left, a.s, a.w);
        const C count = C((rows.last - rows.first) * (columns.last - columns.first));
        const C* from = g + a.window(image, row, column);
        for (int64_t k = 0; k < a.c; k++) dx[k] += from[k] / count;
    });
}

// f(from, to, image, row, column) for every pixel of `to`, an image (n, rows, columns, c); 16-bit floats as float32.
template <class F> void for_pixels(const TensorView& to, const TensorView& from, int64_t weight, const F& f) {
    const int64_t rows = to.shape[1], columns = to.shape[2], c = to.shape[3], pixels = to.shape[0] * rows * columns;
    const auto run = [&](auto* y, auto* x) {
        in_ranges(pixels, worth_sharing / (weight * c + 1) + 1, 1, [&](int64_t begin, int64_t end) {
            int64_t column = begin % columns, row = begin / columns % rows, image = begin / columns / rows;
            for (int64_t i = begin; i < end; i++) {
                f(x, y + i * c, image, row, column);
                if (++column < columns) continue;
                column = 0;
                if (++row < rows) continue;
                row = 0;
                image++;
            }
        });
    };
    if (to.dtype == 'd') return run(to.as<double>(), from.as<const double>());
    if (to.dtype == 'f') return run(to.as<float>(), from.as<const float>());
    float *x = scratch<float>(Slot::first, from.size() + 1), *y = scratch<float>(Slot::second, to.size() + 1);
    loading(from.dtype)(x, from.as<char>(), 2, from.size());
    run(y, static_cast<const float*>(x));
    storing(to.dtype)(to.as<char>(), reinterpret_cast<const char*>(y), 2, to.size());
}

// Taps, strides and sizes must be small enough to multiply.
bool fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    for (int i = 0; i < 10; i++) {
        if (attrs[i].integer < 0 || attrs[i].integer > (1 << 28)) return false;
    }
    return outs[0].ndim == 4 && ins[0].ndim == 4 && attrs[2].integer > 0 && attrs[3].integer > 0;
}

}  // namespace

#define GPUDL_POOL "; i i i i i i i i i i"
GPUDL_KERNEL_WHEN(max_pool2d,
                  "f B <- f " GPUDL_POOL " | f i <- f " GPUDL_POOL " | d B <- d " GPUDL_POOL " | d i <- d " GPUDL_POOL
                  " | e B <- e " GPUDL_POOL " | e i <- e " GPUDL_POOL " | E B <- E " GPUDL_POOL " | E i <- E " GPUDL_POOL,
                  fits) {
    if (outs[0].size() == 0) return;
    const Windows a = describe(ins[0], outs[0], attrs);
    for_pixels(outs[0], ins[0], a.r * a.s, [&](auto* x, auto* y, int64_t image, int64_t row, int64_t column) {
        const int64_t at = a.window(image, row, column);
        if (outs[1].dtype == 'i') max_window(a, x, image, row, column, y, outs[1].as<int32_t>() + at);
        else max_window(a, x, image, row, column, y, outs[1].as<uint8_t>() + at);
    });
}

GPUDL_KERNEL_WHEN(max_pool2d_grad,
                  "f <- f B " GPUDL_POOL " | f <- f i " GPUDL_POOL " | d <- d B " GPUDL_POOL " | d <- d i " GPUDL_POOL
                  " | e <- e B " GPUDL_POOL " | e <- e i " GPUDL_POOL " | E <- E B " GPUDL_POOL " | E <- E i " GPUDL_POOL,
                  fits) {
    if (outs[0].size() == 0) return;
    const Windows a = describe(outs[0], ins[0], attrs);
    for_pixels(outs[0], ins[0], 2, [&](auto* g, auto* dx, int64_t image, int64_t h, int64_t w) {
        if (ins[1].dtype == 'i') max_pixel_grad(a, g, ins[1].as<const int32_t>(), image, h, w, dx);
        else max_pixel_grad(a, g, ins[1].as<const uint8_t>(), image, h, w, dx);
    });
}

#define GPUDL_POOL_PLAIN "f <- f " GPUDL_POOL " | d <- d " GPUDL_POOL " | e <- e " GPUDL_POOL " | E <- E " GPUDL_POOL

GPUDL_KERNEL_WHEN(average_pool2d, GPUDL_POOL_PLAIN, fits) {
    if (outs[0].size() == 0) return;
    const Windows a = describe(ins[0], outs[0], attrs);
    for_pixels(outs[0], ins[0], a.r * a.s,
               [&](auto* x, auto* y, int64_t image, int64_t row, int64_t column) { average_window(a, x, image, row, column, y); });
}

GPUDL_KERNEL_WHEN(average_pool2d_grad, GPUDL_POOL_PLAIN, fits) {
    if (outs[0].size() == 0) return;
    const Windows a = describe(outs[0], ins[0], attrs);
    for_pixels(outs[0], ins[0], 4,
               [&](auto* g, auto* dx, int64_t image, int64_t h, int64_t w) { average_pixel_grad(a, g, image, h, w, dx); });
}

}  // namespace gpudl
