// Version 4: 8 x 8 elements a thread (matmul_4); where a window lies is worked out once a row, not once a number.
//
// A thread gathers for one row of the tile all the time, so it keeps that row's window; of each piece only the tap and the channel change.
#include "conv_shape.h"

namespace gpudl {
namespace {

constexpr int tile_rows = 128, tile_filters = 64, depth = 8, side = 8, threads = 128;

__global__ void __launch_bounds__(threads) registers_kernel(float* y, const float* x, const float* w, ConvShape shape) {
    GPUDL_SHARED_ARRAY(float, x_tile, [depth][tile_rows]);
    GPUDL_SHARED_ARRAY(float, w_tile, [depth][tile_filters]);
    const int64_t rows = shape.rows(), first_row = int64_t(blockIdx.x) * tile_rows, first_filter = int64_t(blockIdx.y) * tile_filters;
    const int row = int(threadIdx.x) / 8 * side, filter = int(threadIdx.x) % 8 * side;
    const Window window(shape, first_row + threadIdx.x);  // of the row this thread gathers for
    const bool gathers = first_row + threadIdx.x < rows;
    float sum[side][side] = {};
    for (int64_t start = 0; start < shape.depth(); start += depth) {
        int64_t tap = start / shape.c, channel = start % shape.c;
        for (int i = 0; i < depth; i++) {
            const bool inside = gathers && start + i < shape.depth();
            const int64_t place = inside ? window.place(shape, tap / shape.s, tap % shape.s) : -1;
            x_tile[i][threadIdx.x] = place >= 0 ? x[place + channel] : 0;
            if (++channel == shape.c) channel = 0, tap++;
        }
        for (int i = threadIdx.x; i < depth * tile_filters; i += threads) {
            const int t = i / tile_filters, f = i % tile_filters;
            w_tile[t][f] = start + t < shape.depth() && first_filter + f < shape.k ? w[(start + t) * shape.k + first_filter + f] : 0;
        }
        __syncthreads();
        for (int s = 0; s < depth; s++) {
            float left[side], right[side];
            for (int i = 0; i < side; i++) {
                left[i] = x_tile[s][row + i];
                right[i] = w_tile[s][filter + i];
            }
            for (int i = 0; i < side; i++) {
                for (int j = 0; j < side; j++) sum[i][j] += left[i] * right[j];
            }
        }
        __syncthreads();
    }
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            const int64_t r = first_row + row + i, f = first_filter + filter + j;
            if (r < rows && f < shape.k) y[r * shape.k + f] = sum[i][j];
        }
    }
}

}  // namespace

GPUDL_KERNEL(conv_4, "f <- f f ; i i") {
    const ConvShape shape(outs[0], ins[0], ins[1], attrs);
    const dim3 grid(unsigned((shape.rows() + tile_rows - 1) / tile_rows), unsigned((shape.k + tile_filters - 1) / tile_filters));
    launch<registers_kernel>({grid, threads, 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(), shape);
}

}  // namespace gpudl
