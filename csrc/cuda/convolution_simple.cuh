// Convolves with one thread a result, for any shape: the last candidate of each op.
//
// thread ↔ element: neighbours take neighbouring channels of the result, so what they read of the other two operands lies side by side or
// is the same. bytes moved per element: every operand is read once per product, from the caches; one write. expected bound: instructions.
#pragma once
#include "conv_loader.cuh"

namespace gpudl {
namespace convolution {

constexpr int simple_threads = 256;

template <class T> __global__ void __launch_bounds__(simple_threads, 1)
    conv_simple_kernel(const __grid_constant__ Slide a, const __grid_constant__ Pixels pixels,
                       const __grid_constant__ Finish<T, WideOf<T>> finish, const T* x, const T* kernel, int64_t size) {
    using C = WideOf<T>;
    const int channels = a.group_c(), filters = a.group_k();
    for (int64_t i = int64_t(blockIdx.x) * simple_threads + threadIdx.x; i < size; i += int64_t(gridDim.x) * simple_threads) {
        const Pixels::At at = pixels.at(i);
        const int first = at.channel / filters * channels;
        LongSum<C> sum;
        for (int r = 0; r < a.r; r++) {
            const int h = at.row * a.stride_h + r * a.dilation_h - a.top;
            if (h < 0 || h >= a.h) continue;
            for (int s = 0; s < a.s; s++) {
                const int w = at.column * a.stride_w + s * a.dilation_w - a.left;
                if (w < 0 || w >= a.w) continue;
                const T* pixel = x + ((at.n * a.h + h) * a.w + w) * a.c + first;
                const T* tap = kernel + (int64_t(r) * a.s + s) * channels * a.k + at.channel;
                for (int c = 0; c < channels; c++) sum.add(wide(pixel[c]) * wide(tap[int64_t(c) * a.k]));
            }
        }
        finish.write(sum.total(), 0, at.pixel, at.channel);
    }
}

// The windows that hold a pixel: those whose distance to it is a multiple of the stride.
template <class T> __global__ void __launch_bounds__(simple_threads, 1)
    conv_grad_input_simple_kernel(const __grid_constant__ Slide a, const __grid_constant__ Pixels pixels,
                                  const __grid_constant__ Finish<T, WideOf<T>> finish, const T* g, const T* kernel, int64_t size) {
    using C = WideOf<T>;
    const int channels = a.group_c(), filters = a.group_k();
    for (int64_t i = int64_t(blockIdx.x) * simple_threads + threadIdx.x; i < size; i += int64_t(gridDim.x) * simple_threads) {
        const Pixels::At at = pixels.at(i);
        const int group = at.channel / channels, channel = at.channel - group * channels;
        LongSum<C> sum;
        for (int r = 0; r < a.r; r++) {
            const int row = at.row + a.top - r * a.dilation_h;
            if (row < 0 || row % a.stride_h || row / a.stride_h >= a.p) continue;
            for (int s = 0; s < a.s; s++) {
                const int column = at.column + a.left - s * a.dilation_w;
                if (column < 0 || column % a.stride_w || column / a.stride_w >= a.q) continue;
                const T* pixel = g + ((at.n * a.p + row / a.stride_h) * a.q + column / a.stride_w) * a.k + group * filters;
                const T* tap = kernel + ((int64_t(r) * a.s + s) * channels + channel) * a.k + group * filters;
                for (int k = 0; k < filters; k++) sum.add(wide(pixel[k]) * wide(tap[k]));
            }
        }
        finish.write(sum.total(), 0, at.pixel, at.channel);
    }
}

template <class T> __global__ void __launch_bounds__(simple_threads, 1)
    conv_grad_kernel_simple_kernel(const __grid_constant__ Slide a, const __grid_constant__ Pixels taps,
                                   const __grid_constant__ Finish<T, WideOf<T>> finish, const T* x, const T* g, int64_t size) {
    using C = WideOf<T>;
    const int channels = a.group_c(), filters = a.group_k();
    for (int64_t i = int64_t(blockIdx.x) * simple_threads + threadIdx.x; i < size; i += int64_t(gridDim.x) * simple_threads) {
        const Pixels::At at = taps.at(i);  // (r, s, c, k)
        const int channel = at.channel / filters * channels + at.column, r = int(at.n), s = at.row;
        LongSum<C> sum;
        for (int64_t n = 0; n < a.n; n++) {
            for (int p = 0; p < a.p; p++) {
                const int h = p * a.stride_h + r * a.dilation_h - a.top;
                if (h < 0 || h >= a.h) continue;
                for (int q = 0; q < a.q; q++) {
                    const int w = q * a.stride_w + s * a.dilation_w - a.left;
                    if (w < 0 || w >= a.w) continue;
                    sum.add(wide(x[((n * a.h + h) * a.w + w) * a.c + channel]) * wide(g[((n * a.p + p) * a.q + q) * a.k + at.channel]));
                }
            }
        }
        finish.write(sum.total(), 0, at.pixel, at.channel);
    }
}

inline void launch_simple(const ConvProblem& p, Stream stream) {
    const int64_t size = p.results(), blocks = (size + simple_threads - 1) / simple_threads;
    const Launch how = {unsigned(blocks < (1 << 30) ? blocks : 1 << 30), simple_threads, 0, stream};
    const Slide& a = p.slide;
    for_float_dtype(p.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto finish = finish_of<T, WideOf<T>>(p.epilogue);
        const T *image = static_cast<T*>(p.image), *kernel = static_cast<T*>(p.kernel), *output = static_cast<T*>(p.output);
        switch (p.what) {
            case Conv::forward: return launch<conv_simple_kernel<T>>(how, a, Pixels(a.p, a.q, a.k), finish, image, kernel, size);
            case Conv::grad_input:
                return launch<conv_grad_input_simple_kernel<T>>(how, a, Pixels(a.h, a.w, a.c), finish, output, kernel, size);
            case Conv::grad_kernel:
                return launch<conv_grad_kernel_simple_kernel<T>>(how, a, Pixels(a.s, a.group_c(), a.k), finish, image, output, size);
        }
    });
    sum_channels(p, stream);
}

}  // namespace convolution
}  // namespace gpudl
