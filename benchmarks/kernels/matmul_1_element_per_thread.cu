// Version 1: one thread for one element of y[m][n] = sum over k of a[m][k] b[k][n], float32.
//
// Neighbouring threads take neighbouring rows: the 32 lanes of a warp read 32 different rows of a and write 32 different rows of y, each
// access a sector of 32 bytes of its own of which 4 are used. What all others are held against.
#include <gpudl/platform.h>

namespace gpudl {
namespace {

constexpr int side = 16;

__global__ void __launch_bounds__(side* side)
    element_per_thread_kernel(float* y, const float* a, const float* b, int64_t m, int64_t n, int64_t k) {
    const int64_t row = int64_t(blockIdx.x) * side + threadIdx.x, column = int64_t(blockIdx.y) * side + threadIdx.y;
    if (row >= m || column >= n) return;
    float sum = 0;
    for (int64_t i = 0; i < k; i++) sum += a[row * k + i] * b[i * n + column];
    y[row * n + column] = sum;
}

}  // namespace

GPUDL_KERNEL(matmul_1, "f <- f f") {
    const int64_t m = ins[0].shape[0], k = ins[0].shape[1], n = ins[1].shape[1];
    const dim3 grid(unsigned((m + side - 1) / side), unsigned((n + side - 1) / side));
    launch<element_per_thread_kernel>({grid, dim3(side, side), 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(), m,
                                      n, k);
}

}  // namespace gpudl
