// Version 3: a block keeps tiles of a and b in shared memory, and each number it brought there is used 32 times.
//
// The block computes 32 x 32 elements of y. In each turn its threads bring 32 x 32 of a and of b, one number of each per thread, wait for
// each other, and multiply. Traffic to the L2 cache falls by 32; now shared memory is the limit: two loads for one multiplication.
#include <gpudl/platform.h>

namespace gpudl {
namespace {

constexpr int side = 32, rows_at_once = 8;  // a thread computes four elements, 8 rows apart

__global__ void __launch_bounds__(side* rows_at_once)
    shared_tiles_kernel(float* y, const float* a, const float* b, int64_t m, int64_t n, int64_t k) {
    GPUDL_SHARED_ARRAY(float, a_tile, [side][side]);
    GPUDL_SHARED_ARRAY(float, b_tile, [side][side]);
    const int x = threadIdx.x;
    const int64_t first_row = int64_t(blockIdx.y) * side, column = int64_t(blockIdx.x) * side + x;
    float sum[side / rows_at_once] = {};
    for (int64_t start = 0; start < k; start += side) {
        for (int r = threadIdx.y; r < side; r += rows_at_once) {
            a_tile[r][x] = first_row + r < m && start + x < k ? a[(first_row + r) * k + start + x] : 0;
            b_tile[r][x] = start + r < k && column < n ? b[(start + r) * n + column] : 0;
        }
        __syncthreads();
        for (int j = 0; j < side / rows_at_once; j++) {
            for (int i = 0; i < side; i++) sum[j] += a_tile[int(threadIdx.y) + j * rows_at_once][i] * b_tile[i][x];
        }
        __syncthreads();
    }
    for (int j = 0; j < side / rows_at_once; j++) {
        const int64_t row = first_row + threadIdx.y + j * rows_at_once;
        if (row < m && column < n) y[row * n + column] = sum[j];
    }
}

}  // namespace

GPUDL_KERNEL(matmul_3, "f <- f f") {
    const int64_t m = ins[0].shape[0], k = ins[0].shape[1], n = ins[1].shape[1];
    const dim3 grid(unsigned((n + side - 1) / side), unsigned((m + side - 1) / side));
    launch<shared_tiles_kernel>({grid, dim3(side, rows_at_once), 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(), m,
                                n, k);
}

}  // namespace gpudl
