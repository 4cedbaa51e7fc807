// Version 3: the convolution as a product of matrices (matmul_3), whose left matrix exists only in shared memory.
//
// The left matrix would have a row of R S C numbers for each pixel of y: nine times the images for a 3 x 3 kernel. Nobody writes it: a
// block gathers the 32 x 32 piece that it needs next from the images. Each number it brought is used 32 times.
#include "conv_shape.h"

namespace gpudl {
namespace {

constexpr int side = 32, rows_at_once = 8;

__global__ void __launch_bounds__(side* rows_at_once) shared_tiles_kernel(float* y, const float* x, const float* w, ConvShape shape) {
    GPUDL_SHARED_ARRAY(float, x_tile, [side][side]);
    GPUDL_SHARED_ARRAY(float, w_tile, [side][side]);
    const int lane = threadIdx.x;
    const int64_t rows = shape.rows(), depth = shape.depth(), first_row = int64_t(blockIdx.x) * side;
    const int64_t filter = int64_t(blockIdx.y) * side + lane;
    float sum[side / rows_at_once] = {};
    for (int64_t start = 0; start < depth; start += side) {
        const int64_t tap = (start + lane) / shape.c, channel = (start + lane) % shape.c;
        for (int i = threadIdx.y; i < side; i += rows_at_once) {
            const bool inside = first_row + i < rows && start + lane < depth;
            const int64_t place = inside ? Window(shape, first_row + i).place(shape, tap / shape.s, tap % shape.s) : -1;
            x_tile[i][lane] = place >= 0 ? x[place + channel] : 0;
            w_tile[i][lane] = start + i < depth && filter < shape.k ? w[(start + i) * shape.k + filter] : 0;
        }
        __syncthreads();
        for (int j = 0; j < side / rows_at_once; j++) {
            for (int i = 0; i < side; i++) sum[j] += x_tile[int(threadIdx.y) + j * rows_at_once][i] * w_tile[i][lane];
        }
        __syncthreads();
    }
    for (int j = 0; j < side / rows_at_once; j++) {
        const int64_t row = first_row + threadIdx.y + j * rows_at_once;
        if (row < rows && filter < shape.k) y[row * shape.k + filter] = sum[j];
    }
}

}  // namespace

GPUDL_KERNEL(conv_3, "f <- f f ; i i") {
    const ConvShape shape(outs[0], ins[0], ins[1], attrs);
    const dim3 grid(unsigned((shape.rows() + side - 1) / side), unsigned((shape.k + side - 1) / side));
    launch<shared_tiles_kernel>({grid, dim3(side, rows_at_once), 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(),
                                shape);
}

}  // namespace gpudl
