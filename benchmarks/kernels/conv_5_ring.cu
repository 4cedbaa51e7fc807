// Version 5: tensor cores fed by a ring of slots (matmul_6, matmul_7), which the threads fill by gathering eight channels at a time.
//
// bfloat16; C and K must be multiples of eight, others are declined. cp.async with zero bytes to read writes zeros: that is the padding. The
// library's kernel for Hopper lets the copy engine do the gathering as well.
#include "../../csrc/cuda/ptx/copy_sm80.cuh"
#include "../../csrc/cuda/ptx/mma_sm80.cuh"
#include "conv_shape.h"

namespace gpudl {
namespace {

constexpr int tile = 128, depth = 32, threads = 256, slots = 4;  // depth: of one tap, so C is taken in pieces of 32
constexpr int slot_bytes = 2 * tile * depth * 2;
using Eight = Packet<bfloat16, 8>;

__device__ __forceinline__ int x_place(int r, int s) { return r * 4 + (s ^ (r / 2 % 4)); }
__device__ __forceinline__ int w_place(int t, int f) { return t * 16 + (f ^ (t % 8)); }

__global__ void __launch_bounds__(threads) ring_kernel(bfloat16* y, const bfloat16* x, const bfloat16* w, ConvShape shape) {
#ifdef GPUDL_SM80
    GPUDL_DYNAMIC_SHARED(Eight, memory);
    constexpr int slot_packets = slot_bytes / 16, w_start = slot_packets / 2;
    const int64_t rows = shape.rows(), first_row = int64_t(blockIdx.x) * tile, first_filter = int64_t(blockIdx.y) * tile;
    const int64_t pieces = (shape.c + depth - 1) / depth, turns = shape.r * shape.s * pieces;
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32, row = warp / 4 * 64, column = warp % 4 * 32;
    const int square_row = lane % 16, square_half = lane / 16;
    const int gather_row = int(threadIdx.x) / 2, gather_step = int(threadIdx.x) % 2 * 2;  // two packets of one row
    const Window window(shape, first_row + gather_row);
    const auto fetch = [&](int64_t turn) {
        if (turn < turns) {
            Eight* slot = memory + turn % slots * slot_packets;
            const int64_t tap = turn / pieces, channel = turn % pieces * depth;
            const int64_t place = first_row + gather_row < rows ? window.place(shape, tap / shape.s, tap % shape.s) : -1;
            for (int i = gather_step; i < gather_step + 2; i++) {
                const bool inside = place >= 0 && channel + i * 8 < shape.c;
                ptx::copy_16(slot + x_place(gather_row, i), inside ? x + place + channel + i * 8 : x, inside ? 16 : 0);
            }
            for (int i = threadIdx.x; i < tile * depth / 8; i += threads) {
                const int t = i / (tile / 8), f = i % (tile / 8);
                const bool inside = channel + t < shape.c && first_filter + f * 8 < shape.k;
                const bfloat16* from = inside ? w + (tap * shape.c + channel + t) * shape.k + first_filter + f * 8 : w;
                ptx::copy_16(slot + w_start + w_place(t, f), from, inside ? 16 : 0);
            }
        }
        ptx::copy_commit();
    };
    float sum[4][4][4] = {};
    for (int turn = 0; turn < slots - 1; turn++) fetch(turn);
    for (int64_t turn = 0; turn < turns; turn++) {
        ptx::copy_wait<slots - 2>();
        __syncthreads();
        fetch(turn + slots - 1);
        const Eight *x_tile = memory + turn % slots * slot_packets, *w_tile = x_tile + w_start;
        for (int s = 0; s < depth; s += 16) {
            uint32_t left[4][4], right[2][4];
            for (int i = 0; i < 4; i++) ptx::ldmatrix_x4(left[i], x_tile + x_place(row + i * 16 + square_row, s / 8 + square_half));
            for (int j = 0; j < 2; j++)
                ptx::ldmatrix_x4_trans(right[j], w_tile + w_place(s + square_row, column / 8 + j * 2 + square_half));
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) {
                    const uint32_t pair[2] = {right[j / 2][j % 2 * 2], right[j / 2][j % 2 * 2 + 1]};
                    ptx::mma_m16n8k16_bf16(sum[i][j], left[i], pair, sum[i][j]);
                }
            }
        }
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            for (int h = 0; h < 2; h++) {
                const int64_t r = first_row + row + i * 16 + lane / 4 + h * 8, f = first_filter + column + j * 8 + lane % 4 * 2;
                const Packet<bfloat16, 2> out = {{narrow<bfloat16>(sum[i][j][2 * h]), narrow<bfloat16>(sum[i][j][2 * h + 1])}};
                if (r < rows && f < shape.k) store(reinterpret_cast<Packet<bfloat16, 2>*>(y + r * shape.k + f), out);
            }
        }
    }
    ptx::copy_wait<0>();
#endif
}

bool whole_packets(const TensorView* outs, const TensorView* ins, const Scalar*) {
    const auto aligned = [](const TensorView& view) { return view.shape[3] % 8 == 0 && reinterpret_cast<uintptr_t>(view.data) % 16 == 0; };
    return aligned(outs[0]) && aligned(ins[0]) && aligned(ins[1]);
}

}  // namespace

GPUDL_KERNEL_WHEN(conv_5, "E <- E E ; i i", whole_packets) {
    const ConvShape shape(outs[0], ins[0], ins[1], attrs);
    const dim3 grid(unsigned((shape.rows() + tile - 1) / tile), unsigned((shape.k + tile - 1) / tile));
    launch<ring_kernel>({grid, threads, slots * slot_bytes, stream}, outs[0].as<bfloat16>(), ins[0].as<bfloat16>(), ins[1].as<bfloat16>(),
                        shape);
}

}  // namespace gpudl
