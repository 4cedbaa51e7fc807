// Version 6: a warp multiplies 16 x 16 by 16 x 8 numbers of 16 bits in one instruction, and adds up in float32.
//
// a, b and y are bfloat16 from here on. The block computes 128 x 128 elements, 32 of k at a time, each of its eight warps 64 x 32 of them.
// ldmatrix brings squares of 8 x 8 from shared memory into the registers that mma wants, and turns those of b on the way. Rows of the tiles
// are 16 bytes longer than needed: the eight rows of a square lie in different banks then.
#include "../../csrc/cuda/ptx/mma_sm80.cuh"

namespace gpudl {
namespace {

constexpr int tile = 128, depth = 32, threads = 256, pad = 8;
using Eight = Packet<bfloat16, 8>;

__global__ void __launch_bounds__(threads)
    tensor_cores_kernel(bfloat16* y, const bfloat16* a, const bfloat16* b, int64_t m, int64_t n, int64_t k) {
#ifdef GPUDL_SM80
    GPUDL_SHARED_ARRAY(Eight, a_tile, [tile][(depth + pad) / 8]);
    GPUDL_SHARED_ARRAY(Eight, b_tile, [depth][(tile + pad) / 8]);
    const int64_t first_row = int64_t(blockIdx.y) * tile, first_column = int64_t(blockIdx.x) * tile;
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32, row = warp / 4 * 64, column = warp % 4 * 32;
    const int square_row = lane % 16, square_half = lane / 16;  // which row of four squares this lane points ldmatrix to
    float sum[4][4][4] = {};                                    // 16 rows, 8 columns, registers
    for (int64_t start = 0; start < k; start += depth) {
        for (int i = threadIdx.x; i < tile * depth / 8; i += threads) {
            const int r = i / (depth / 8), s = i % (depth / 8);
            const bool a_in = first_row + r < m && start + s * 8 < k;
            store(&a_tile[r][s], a_in ? load(reinterpret_cast<const Eight*>(a + (first_row + r) * k + start + s * 8)) : Eight{});
            const int t = i / (tile / 8), c = i % (tile / 8);
            const bool b_in = start + t < k && first_column + c * 8 < n;
            store(&b_tile[t][c], b_in ? load(reinterpret_cast<const Eight*>(b + (start + t) * n + first_column + c * 8)) : Eight{});
        }
        __syncthreads();
        for (int s = 0; s < depth; s += 16) {
            uint32_t left[4][4], right[2][4];
            for (int i = 0; i < 4; i++) ptx::ldmatrix_x4(left[i], &a_tile[row + i * 16 + square_row][s / 8 + square_half]);
            for (int j = 0; j < 2; j++) ptx::ldmatrix_x4_trans(right[j], &b_tile[s + square_row][column / 8 + j * 2 + square_half]);
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) {
                    const uint32_t pair[2] = {right[j / 2][j % 2 * 2], right[j / 2][j % 2 * 2 + 1]};
                    ptx::mma_m16n8k16_bf16(sum[i][j], left[i], pair, sum[i][j]);
                }
            }
        }
        __syncthreads();
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            for (int h = 0; h < 2; h++) {  // a lane holds two neighbours, and two more eight rows below
                const int64_t r = first_row + row + i * 16 + lane / 4 + h * 8, c = first_column + column + j * 8 + lane % 4 * 2;
                const Packet<bfloat16, 2> out = {{narrow<bfloat16>(sum[i][j][2 * h]), narrow<bfloat16>(sum[i][j][2 * h + 1])}};
                if (r < m && c < n) store(reinterpret_cast<Packet<bfloat16, 2>*>(y + r * n + c), out);
            }
        }
    }
#endif
}

bool aligned(const TensorView& view) { return view.shape[1] % 8 == 0 && reinterpret_cast<uintptr_t>(view.data) % 16 == 0; }
bool in_packets(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return aligned(outs[0]) && aligned(ins[0]) && aligned(ins[1]);
}

}  // namespace

GPUDL_KERNEL_WHEN(matmul_6, "E <- E E", in_packets) {
    const int64_t m = ins[0].shape[0], k = ins[0].shape[1], n = ins[1].shape[1];
    const dim3 grid(unsigned((n + tile - 1) / tile), unsigned((m + tile - 1) / tile));
    launch<tensor_cores_kernel>({grid, threads, 0, stream}, outs[0].as<bfloat16>(), ins[0].as<bfloat16>(), ins[1].as<bfloat16>(), m, n, k);
}

}  // namespace gpudl
