// Version 4: a thread computes 8 x 8 elements, and each number it fetched from shared memory is used 8 times from registers.
//
// 16 loads now feed 64 multiplications. The block computes 128 x 128 elements and keeps 8 of k at a time. The tile of a is turned while it is
// stored, so that a thread's eight rows lie side by side.
#include <gpudl/platform.h>

namespace gpudl {
namespace {

constexpr int tile = 128, depth = 8, side = 8, threads = 256;

__global__ void __launch_bounds__(threads, 1) registers_kernel(float* y, const float* a, const float* b, int64_t m, int64_t n, int64_t k) {
    GPUDL_SHARED_ARRAY(float, a_tile, [depth][tile]);
    GPUDL_SHARED_ARRAY(float, b_tile, [depth][tile]);
    const int64_t first_row = int64_t(blockIdx.y) * tile, first_column = int64_t(blockIdx.x) * tile;
    const int row = int(threadIdx.x) / 16 * side, column = int(threadIdx.x) % 16 * side;
    float sum[side][side] = {};
    for (int64_t start = 0; start < k; start += depth) {
        for (int i = threadIdx.x; i < tile * depth; i += threads) {
            const int r = i / depth, s = i % depth;
            a_tile[s][r] = first_row + r < m && start + s < k ? a[(first_row + r) * k + start + s] : 0;
            const int t = i / tile, c = i % tile;
            b_tile[t][c] = start + t < k && first_column + c < n ? b[(start + t) * n + first_column + c] : 0;
        }
        __syncthreads();
        for (int s = 0; s < depth; s++) {
            float left[side], right[side];
            for (int i = 0; i < side; i++) {
                left[i] = a_tile[s][row + i];
                right[i] = b_tile[s][column + i];
            }
            for (int i = 0; i < side; i++) {
                for (int j = 0; j < side; j++) sum[i][j] += left[i] * right[j];
            }
        }
        __syncthreads();
    }
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            const int64_t r = first_row + row + i, c = first_column + column + j;
            if (r < m && c < n) y[r * n + c] = sum[i][j];
        }
    }
}

}  // namespace

GPUDL_KERNEL(matmul_4, "f <- f f") {
    const int64_t m = ins[0].shape[0], k = ins[0].shape[1], n = ins[1].shape[1];
    const dim3 grid(unsigned((n + tile - 1) / tile), unsigned((m + tile - 1) / tile));
    launch<registers_kernel>({grid, threads, 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(), m, n, k);
}

}  // namespace gpudl
