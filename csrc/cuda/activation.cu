// Computes relu, leaky_relu and their gradients on the GPU.
//
// thread ↔ elements: a thread takes 16 bytes of each operand at a time (4 float32, 2 float64, 8 of 16 bits), neighbours take neighbouring
//   packets, and the grid strides over the array; the last elements that fill no packet go to the first threads, one each.
// bytes moved per element: 2 item sizes forward, 3 backward; arithmetic is nothing beside it.
// expected bound: memory bandwidth. Where a pointer is not a multiple of 16 bytes (a view into a larger array), packets are one element.
#include <gpudl/activation.h>
#include <gpudl/platform.h>

namespace gpudl {
namespace {

constexpr int threads = 256;
constexpr int64_t max_blocks = 16384;  // the grid strides over the rest

template <class T, int width, class F> __global__ void __launch_bounds__(threads) unary_kernel(T* y, const T* x, int64_t n, F f) {
    using P = Packet<T, width>;
    const int64_t first = int64_t(blockIdx.x) * threads + threadIdx.x, step = int64_t(gridDim.x) * threads, packets = n / width;
    for (int64_t i = first; i < packets; i += step) {
        const P in = load(reinterpret_cast<const P*>(x) + i);
        P out;
#pragma unroll
        for (int k = 0; k < width; k++) out.item[k] = narrow<T>(f(wide(in.item[k])));
        store(reinterpret_cast<P*>(y) + i, out);
    }
    const int64_t tail = packets * width + first;
    if (tail < n) y[tail] = narrow<T>(f(wide(x[tail])));
}

template <class T, int width, class F> __global__ void __launch_bounds__(threads)
    binary_kernel(T* y, const T* a, const T* b, int64_t n, F f) {
    using P = Packet<T, width>;
    const int64_t first = int64_t(blockIdx.x) * threads + threadIdx.x, step = int64_t(gridDim.x) * threads, packets = n / width;
    for (int64_t i = first; i < packets; i += step) {
        const P left = load(reinterpret_cast<const P*>(a) + i), right = load(reinterpret_cast<const P*>(b) + i);
        P out;
#pragma unroll
        for (int k = 0; k < width; k++) out.item[k] = narrow<T>(f(wide(left.item[k]), wide(right.item[k])));
        store(reinterpret_cast<P*>(y) + i, out);
    }
    const int64_t tail = packets * width + first;
    if (tail < n) y[tail] = narrow<T>(f(wide(a[tail]), wide(b[tail])));
}

bool aligned(const TensorView& view) { return reinterpret_cast<uintptr_t>(view.data) % 16 == 0; }

unsigned blocks_for(int64_t n, int width) {
    const int64_t blocks = (n / width + threads - 1) / threads;
    return unsigned(blocks < 1 ? 1 : blocks > max_blocks ? max_blocks : blocks);
}

template <class F> void map(const TensorView& y, const TensorView& x, F f, Stream stream) {
    const int64_t n = y.size();
    if (n == 0) return;
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        constexpr int width = 16 / sizeof(T);
        if (aligned(y) && aligned(x))
            launch<unary_kernel<T, width, F>>({blocks_for(n, width), threads, 0, stream}, y.as<T>(), x.as<T>(), n, f);
        else launch<unary_kernel<T, 1, F>>({blocks_for(n, 1), threads, 0, stream}, y.as<T>(), x.as<T>(), n, f);
    });
}

template <class F> void map(const TensorView& y, const TensorView& a, const TensorView& b, F f, Stream stream) {
    const int64_t n = y.size();
    if (n == 0) return;
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        constexpr int width = 16 / sizeof(T);
        if (aligned(y) && aligned(a) && aligned(b))
            launch<binary_kernel<T, width, F>>({blocks_for(n, width), threads, 0, stream}, y.as<T>(), a.as<T>(), b.as<T>(), n, f);
        else launch<binary_kernel<T, 1, F>>({blocks_for(n, 1), threads, 0, stream}, y.as<T>(), a.as<T>(), b.as<T>(), n, f);
    });
}

}  // namespace

GPUDL_KERNEL_WHEN(relu, "f <- f | d <- d | e <- e | E <- E", unary_shapes) { map(outs[0], ins[0], Relu{}, stream); }

GPUDL_KERNEL_WHEN(relu_grad, "f <- f f | d <- d d | e <- e e | E <- E E", binary_shapes) {
    map(outs[0], ins[0], ins[1], ReluGrad{}, stream);
}

GPUDL_KERNEL_WHEN(leaky_relu, "f <- f ; r | d <- d ; r | e <- e ; r | E <- E ; r", unary_shapes) {
    map(outs[0], ins[0], LeakyRelu{attrs[0].real}, stream);
}

GPUDL_KERNEL_WHEN(leaky_relu_grad, "f <- f f ; r | d <- d d ; r | e <- e e ; r | E <- E E ; r", binary_shapes) {
    map(outs[0], ins[0], ins[1], LeakyReluGrad{attrs[0].real}, stream);
}

}  // namespace gpudl
