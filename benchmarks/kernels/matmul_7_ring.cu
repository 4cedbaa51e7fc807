// Version 7: tiles travel to shared memory on their own, three turns ahead, in a ring of four slots.
//
// cp.async copies 16 bytes without passing through registers; while a slot is multiplied, the next three are filled. Instead of longer
// rows, the place of a packet within its row depends on the row (a swizzle): the slots stay small, and ldmatrix finds no conflict.
#include "../../csrc/cuda/ptx/copy_sm80.cuh"
#include "../../csrc/cuda/ptx/mma_sm80.cuh"

namespace gpudl {
namespace {

constexpr int tile = 128, depth = 32, threads = 256, slots = 4;
constexpr int slot_bytes = 2 * tile * depth * 2;  // of a, then of b
using Eight = Packet<bfloat16, 8>;

// Places of packets: rows of a have 4, and two of them share a line of 128 bytes; rows of b have 16.
__device__ __forceinline__ int a_place(int r, int s) { return r * 4 + (s ^ (r / 2 % 4)); }
__device__ __forceinline__ int b_place(int t, int c) { return t * 16 + (c ^ (t % 8)); }

__global__ void __launch_bounds__(threads) ring_kernel(bfloat16* y, const bfloat16* a, const bfloat16* b, int64_t m, int64_t n, int64_t k) {
#ifdef GPUDL_SM80
    GPUDL_DYNAMIC_SHARED(Eight, memory);
    constexpr int slot_packets = slot_bytes / 16, b_start = slot_packets / 2;
    const int64_t first_row = int64_t(blockIdx.y) * tile, first_column = int64_t(blockIdx.x) * tile, turns = (k + depth - 1) / depth;
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32, row = warp / 4 * 64, column = warp % 4 * 32;
    const int square_row = lane % 16, square_half = lane / 16;
    const auto fetch = [&](int64_t turn) {  // what lies outside is filled with zeros; its address must be one all the same
        if (turn < turns) {
            Eight* slot = memory + turn % slots * slot_packets;
            const int64_t start = turn * depth;
            for (int i = threadIdx.x; i < tile * depth / 8; i += threads) {
                const int r = i / (depth / 8), s = i % (depth / 8);
                const bool a_in = first_row + r < m && start + s * 8 < k;
                ptx::copy_16(slot + a_place(r, s), a_in ? a + (first_row + r) * k + start + s * 8 : a, a_in ? 16 : 0);
                const int t = i / (tile / 8), c = i % (tile / 8);
                const bool b_in = start + t < k && first_column + c * 8 < n;
                ptx::copy_16(slot + b_start + b_place(t, c), b_in ? b + (start + t) * n + first_column + c * 8 : b, b_in ? 16 : 0);
            }
        }
        ptx::copy_commit();  // an empty group too: the count of groups is the count of turns
    };
    float sum[4][4][4] = {};
    for (int turn = 0; turn < slots - 1; turn++) fetch(turn);
    for (int64_t turn = 0; turn < turns; turn++) {
        ptx::copy_wait<slots - 2>();
        __syncthreads();  // this slot is whole for all, and nobody still reads the one that is filled next
        fetch(turn + slots - 1);
        const Eight *a_tile = memory + turn % slots * slot_packets, *b_tile = a_tile + b_start;
        for (int s = 0; s < depth; s += 16) {
            uint32_t left[4][4], right[2][4];
            for (int i = 0; i < 4; i++) ptx::ldmatrix_x4(left[i], a_tile + a_place(row + i * 16 + square_row, s / 8 + square_half));
            for (int j = 0; j < 2; j++)
                ptx::ldmatrix_x4_trans(right[j], b_tile + b_place(s + square_row, column / 8 + j * 2 + square_half));
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
                const int64_t r = first_row + row + i * 16 + lane / 4 + h * 8, c = first_column + column + j * 8 + lane % 4 * 2;
                const Packet<bfloat16, 2> out = {{narrow<bfloat16>(sum[i][j][2 * h]), narrow<bfloat16>(sum[i][j][2 * h + 1])}};
                if (r < m && c < n) store(reinterpret_cast<Packet<bfloat16, 2>*>(y + r * n + c), out);
            }
        }
    }
    ptx::copy_wait<0>();
#endif
}

bool aligned(const TensorView& view) { return view.shape[1] % 8 == 0 && reinterpret_cast<uintptr_t>(view.data) % 16 == 0; }
bool in_packets(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return aligned(outs[0]) && aligned(ins[0]) && aligned(ins[1]);
}

}  // namespace

GPUDL_KERNEL_WHEN(matmul_7, "E <- E E", in_packets) {
    const int64_t m = ins[0].shape[0], k = ins[0].shape[1], n = ins[1].shape[1];
    const dim3 grid(unsigned((n + tile - 1) / tile), unsigned((m + tile - 1) / tile));
    launch<ring_kernel>({grid, threads, slots * slot_bytes, stream}, outs[0].as<bfloat16>(), ins[0].as<bfloat16>(), ins[1].as<bfloat16>(),
                        m, n, k);
}

}  // namespace gpudl
