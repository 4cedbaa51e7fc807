// Version 2: the same, but neighbouring threads take neighbouring filters of one pixel.
//
// A warp now reads 32 filters in a row, writes 32 results in a row, and all its lanes read the same number of x.
#include "conv_shape.h"

namespace gpudl {
namespace {

constexpr int width = 32, height = 8;

__global__ void __launch_bounds__(width* height) coalesced_kernel(float* y, const float* x, const float* w, ConvShape shape) {
    const int64_t row = int64_t(blockIdx.x) * height + threadIdx.y, filter = int64_t(blockIdx.y) * width + threadIdx.x;
    if (row >= shape.rows() || filter >= shape.k) return;
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

GPUDL_KERNEL(conv_2, "f <- f f ; i i") {
    const ConvShape shape(outs[0], ins[0], ins[1], attrs);
    const dim3 grid(unsigned((shape.rows() + height - 1) / height), unsigned((shape.k + width - 1) / width));
    launch<coalesced_kernel>({grid, dim3(width, height), 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(), shape);
}

}  // namespace gpudl
