// Version 1: one thread for one element of y, float32; neighbouring threads take neighbouring pixels of one filter.
//
// A warp reads 32 pixels of x, C numbers apart, one channel after the other, and writes 32 results K numbers apart: of each sector of 32
// bytes 4 are used. What all others are held against.
#include "conv_shape.h"

namespace gpudl {
namespace {

constexpr int threads = 256;

__global__ void __launch_bounds__(threads) element_per_thread_kernel(float* y, const float* x, const float* w, ConvShape shape) {
    const int64_t row = int64_t(blockIdx.x) * threads + threadIdx.x, filter = blockIdx.y;
    if (row >= shape.rows()) return;
    const Window window(shape, row);
    float sum = 0;
    for (int64_t r = 0; r < shape.r; r++) {
        for (int64_t s = 0; s < shape.s; s++) {
            const int64_t place = window.place(shape, r, s);
            if (place < 0) continue;
            for (int64_t c = 0; c < shape.c; c++) sum += x[place + c] * w[((r * shape.s + s) * shape.c + c) * shape.k + filter];
        }
    }
    y[row * shape.k + filter] = sum;
}

}  // namespace

GPUDL_KERNEL(conv_1, "f <- f f ; i i") {
    const ConvShape shape(outs[0], ins[0], ins[1], attrs);
    const dim3 grid(unsigned((shape.rows() + threads - 1) / threads), unsigned(shape.k));
    launch<element_per_thread_kernel>({grid, threads, 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(), shape);
}

}  // namespace gpudl
