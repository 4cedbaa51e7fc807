// Computes convolutions of NHWC images and their gradients as matrix products whose left operand is read out of the images block by block
// (windows.h):
//
//   conv2d              windows of x (N P Q, R S C) times the kernel (R S C, K)
//   conv2d_grad_kernel  the same windows, turned, times g (N P Q, K)
//   conv2d_grad_input   windows of g (N H W, R' S' K) times the kernel turned around (R' S' K, C); with strides, one product for each place of
//                       a pixel between two strides, since only every stride-th tap meets it
//
// 16-bit floats are computed as float32 and rounded once. Groups of few channels are left to NumPy, which goes tap by tap.
#include <gpudl/kernel.h>

#include "buffers.h"
#include "windows.h"

namespace gpudl {
namespace {

using namespace cpu;

// Sizes of the images x, of the kernel and of the outputs y. c and k are those of a whole pixel.
struct Slide {
    int64_t n, h, w, c, p, q, k, r, s;
    int64_t stride_h, stride_w, top, left, dilation_h, dilation_w, groups;

    int64_t group_c() const { return c / groups; }
    int64_t group_k() const { return k / groups; }
    bool pointwise() const { return r == 1 && s == 1 && stride_h == 1 && stride_w == 1 && top == 0 && left == 0 && h == p && w == q; }
};

Slide describe(const TensorView& x, const TensorView& kernel, const TensorView& y, const Scalar* attrs) {
    const auto number = [attrs](int i) { return attrs[i].integer; };
    return {x.shape[0],      x.shape[1], x.shape[2], x.shape[3], y.shape[1], y.shape[2], y.shape[3], kernel.shape[0],
            kernel.shape[1], number(0),  number(1),  number(2),  number(4),  number(6),  number(7),  number(8)};
}

template <class C> Windows<C> windows_of(const Slide& a, const C* x, bool turned) {
    return {x, a.h, a.w, a.c, a.group_c(), a.p, a.q, a.r, a.s, a.stride_h, a.stride_w, a.top, a.left, a.dilation_h, a.dilation_w, turned};
}

template <class C> void forward(const Slide& a, C* y, const C* x, const C* kernel) {
    const int64_t pixels = a.n * a.p * a.q;
    for (int64_t g = 0; g < a.groups; g++) {
        const C* from = x + g * a.group_c();
        const Sizes sizes = {pixels, a.group_k(), a.r * a.s * a.group_c()};
        const Matrix<const C> right = {kernel + g * a.group_k(), a.k, 1};
        const Matrix<C> to = {y + g * a.group_k(), a.k, 1};
        if (a.pointwise()) gemm<C>(sizes, FromMatrix<C>{{from, a.c, 1}}, right, to, false);
        else gemm<C>(sizes, windows_of(a, from, false), right, to, false);
    }
}

template <class C> void grad_kernel(const Slide& a, C* dk, const C* x, const C* g) {
    const int64_t pixels = a.n * a.p * a.q;
    for (int64_t i = 0; i < a.groups; i++) {
        const C* from = x + i * a.group_c();
        const Sizes sizes = {a.r * a.s * a.group_c(), a.group_k(), pixels};
        const Matrix<const C> right = {g + i * a.group_k(), a.k, 1};
        const Matrix<C> to = {dk + i * a.group_k(), a.k, 1};
        if (a.pointwise()) gemm<C>(sizes, FromMatrix<C>{{from, 1, a.c}}, right, to, false);
        else gemm<C>(sizes, windows_of(a, from, true), right, to, false);
    }
}

// Along one axis, the pixels begin, begin + stride, … of x, which see the taps first, first + stride, … of the kernel.
struct Phase {
    int64_t begin, count, first, taps, before;  // before: how far in front of window 0 of g the taps begin

    Phase(int64_t place, int64_t size, int64_t stride, int64_t pad, int64_t taps_of_kernel, int64_t dilation) {
        begin = place;
        count = (size - place + stride - 1) / stride;
        first = (place + pad) % stride;
        taps = taps_of_kernel > first ? (taps_of_kernel - first + stride - 1) / stride : 0;
        before = (taps - 1) * dilation - (place + pad - first) / stride;
    }
};

template <class C> void grad_input(const Slide& a, C* dx, const C* g, const C* kernel) {
    const int64_t gc = a.group_c(), gk = a.group_k();
    for (int64_t i = 0; i < a.groups; i++) {
        for (int64_t place = 0; place < a.stride_h * a.stride_w; place++) {
            const Phase rows(place / a.stride_w, a.h, a.stride_h, a.top, a.r, a.dilation_h);
            const Phase columns(place % a.stride_w, a.w, a.stride_w, a.left, a.s, a.dilation_w);
            if (rows.begin >= a.h || columns.begin >= a.w) continue;
            const int64_t pixels = a.n * rows.count * columns.count, depth = rows.taps * columns.taps * gk;
            C* turned = scratch<C>(Slot::first, depth * gc + 1);  // the taps that this place sees, last first: (taps, k, c)
            for (int64_t r = 0; r < rows.taps; r++) {
                for (int64_t s = 0; s < columns.taps; s++) {
                    const int64_t from_r = rows.first + (rows.taps - 1 - r) * a.stride_h;
                    const int64_t from_s = columns.first + (columns.taps - 1 - s) * a.stride_w;
                    const C* from = kernel + (from_r * a.s + from_s) * gc * a.k + i * gk;
                    C* to = turned + (r * columns.taps + s) * gk * gc;
                    for (int64_t k = 0; k < gk; k++) {
                        for (int64_t c = 0; c < gc; c++) to[k * gc + c] = from[c * a.k + k];
                    }
                }
            }
            const Windows<C> windows = {g + i * gk,     a.p,          a.q,          a.k,  gk, rows.count,
                                        columns.count,  rows.taps,    columns.taps, 1,    1,  rows.before,
                                        columns.before, a.dilation_h, a.dilation_w, false};
            const Matrix<const C> right = {turned, gc, 1};
            if (a.stride_h == 1 && a.stride_w == 1) {
                const Matrix<C> to = {dx + i * gc, a.c, 1};
                if (a.pointwise()) gemm<C>({pixels, gc, gk}, FromMatrix<C>{{g + i * gk, a.k, 1}}, right, to, false);
                else gemm<C>({pixels, gc, depth}, windows, right, to, false);
                continue;
            }
            C* made = scratch<C>(Slot::third, pixels * gc + 1);
            gemm<C>({pixels, gc, depth}, windows, right, {made, gc, 1}, false);
            for (int64_t n = 0; n < a.n; n++) {
                for (int64_t y = 0; y < rows.count; y++) {
                    for (int64_t x = 0; x < columns.count; x++, made += gc) {
                        C* to = dx + ((n * a.h + rows.begin + y * a.stride_h) * a.w + columns.begin + x * a.stride_w) * a.c + i * gc;
                        for (int64_t c = 0; c < gc; c++) to[c] = made[c];
                    }
                }
            }
        }
    }
}

// f(outputs, first input, second input) as C; what has 16 bits goes through float32.
template <class F> void computed(const TensorView& y, const TensorView& a, const TensorView& b, const F& f) {
    if (y.dtype == 'd') return f(y.as<double>(), a.as<const double>(), b.as<const double>());
    if (y.dtype == 'f') return f(y.as<float>(), a.as<const float>(), b.as<const float>());
    const int64_t n = y.size();
    float* held = scratch<float>(Slot::second, a.size() + b.size() + n + 1);
    float *second = held + a.size(), *made = second + b.size();
    loading(a.dtype)(held, a.as<char>(), 2, a.size());
    loading(b.dtype)(second, b.as<char>(), 2, b.size());
    f(made, static_cast<const float*>(held), static_cast<const float*>(second));
    storing(y.dtype)(y.as<char>(), reinterpret_cast<const char*>(made), 2, n);
}

bool fits(const TensorView& x, const TensorView& kernel, const TensorView& y, const Scalar* attrs) {
    if (x.ndim != 4 || kernel.ndim != 4 || y.ndim != 4) return false;
    for (int i = 0; i < 13; i++) {
        if (attrs[i].integer < -(1 << 28) || attrs[i].integer > (1 << 28)) return false;
    }
    const int64_t groups = attrs[8].integer, c = kernel.shape[2], k = kernel.shape[3];
    if (groups < 1 || k % groups || c * groups != x.shape[3] || k != y.shape[3] || x.shape[0] != y.shape[0]) return false;
    if (groups > 1 && (c < 8 || k / groups < 8)) return false;
    if ((attrs[0].integer > 1 || attrs[1].integer > 1) && (attrs[6].integer > 1 || attrs[7].integer > 1)) return false;
    return attrs[0].integer > 0 && attrs[1].integer > 0 && attrs[6].integer > 0 && attrs[7].integer > 0;
}
bool fits_forward(const TensorView* outs, const TensorView* ins, const Scalar* attrs) { return fits(ins[0], ins[1], outs[0], attrs); }
// Few channels would not fill a vector of columns: NumPy goes tap by tap, with all channels at once.
bool fits_grad_input(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return fits(outs[0], ins[1], ins[0], attrs) && ins[1].shape[2] >= 8;
}
bool fits_grad_kernel(const TensorView* outs, const TensorView* ins, const Scalar* attrs) { return fits(ins[0], outs[0], ins[1], attrs); }

}  // namespace

#define GPUDL_SLIDE " ; i i i i i i i i i i i i i"
#define GPUDL_CONV "f <- f f" GPUDL_SLIDE " | d <- d d" GPUDL_SLIDE " | e <- e e" GPUDL_SLIDE " | E <- E E" GPUDL_SLIDE

GPUDL_KERNEL_WHEN(conv2d, GPUDL_CONV, fits_forward) {
    const Slide a = describe(ins[0], ins[1], outs[0], attrs);
    computed(outs[0], ins[0], ins[1], [&](auto* y, auto* x, auto* kernel) { forward(a, y, x, kernel); });
}
GPUDL_KERNEL_WHEN(conv2d_grad_input, GPUDL_CONV, fits_grad_input) {
    const Slide a = describe(outs[0], ins[1], ins[0], attrs);
    computed(outs[0], ins[0], ins[1], [&](auto* dx, auto* g, auto* kernel) { grad_input(a, dx, g, kernel); });
}
GPUDL_KERNEL_WHEN(conv2d_grad_kernel, GPUDL_CONV, fits_grad_kernel) {
    const Slide a = describe(ins[0], outs[0], ins[1], attrs);
    computed(outs[0], ins[0], ins[1], [&](auto* dk, auto* x, auto* g) { grad_kernel(a, dk, x, g); });
}

}  // namespace gpudl
