// Version 5: four numbers move at once, and the next tiles travel while these are multiplied.
//
// Loads and stores are packets of 16 bytes, so rows must be multiples of four numbers: others are declined. A thread's 8 x 8 elements are
// four squares of 4 x 4, 64 apart: its packets lie beside those of its neighbours, without conflicts of banks. Two pairs of tiles take
// turns: one barrier in a turn instead of two, and the loads from memory are on their way during the multiplications.
#include <gpudl/platform.h>

namespace gpudl {
namespace {

constexpr int tile = 128, depth = 8, half = 64, threads = 256;
using Four = Packet<float, 4>;

__global__ void __launch_bounds__(threads) packets_kernel(float* y, const float* a, const float* b, int64_t m, int64_t n, int64_t k) {
    GPUDL_SHARED_ARRAY(float, a_tile, [2][depth][tile]);
    GPUDL_SHARED_ARRAY(float, b_tile, [2][depth][tile]);
    const int64_t first_row = int64_t(blockIdx.y) * tile, first_column = int64_t(blockIdx.x) * tile;
    const int row = int(threadIdx.x) / 16 * 4, column = int(threadIdx.x) % 16 * 4;
    const int a_row = int(threadIdx.x) / 2, a_step = int(threadIdx.x) % 2 * 4;       // one packet of a …
    const int b_step = int(threadIdx.x) / 32, b_column = int(threadIdx.x) % 32 * 4;  // … and one of b, each turn
    Four from_a, from_b;
    const auto fetch = [&](int64_t start) {
        const bool a_in = first_row + a_row < m && start + a_step < k, b_in = start + b_step < k && first_column + b_column < n;
        from_a = a_in ? load(reinterpret_cast<const Four*>(a + (first_row + a_row) * k + start + a_step)) : Four{};
        from_b = b_in ? load(reinterpret_cast<const Four*>(b + (start + b_step) * n + first_column + b_column)) : Four{};
    };
    const auto put = [&](int slot) {
        for (int i = 0; i < 4; i++) a_tile[slot][a_step + i][a_row] = from_a.item[i];
        store(reinterpret_cast<Four*>(&b_tile[slot][b_step][b_column]), from_b);
    };
    float sum[8][8] = {};
    fetch(0);
    put(0);
    __syncthreads();
    int slot = 0;
    for (int64_t start = 0; start < k; start += depth, slot ^= 1) {
        const bool more = start + depth < k;
        if (more) fetch(start + depth);
        for (int s = 0; s < depth; s++) {
            Four left[2], right[2];
            for (int h = 0; h < 2; h++) {
                left[h] = load(reinterpret_cast<const Four*>(&a_tile[slot][s][row + h * half]));
                right[h] = load(reinterpret_cast<const Four*>(&b_tile[slot][s][column + h * half]));
            }
            for (int i = 0; i < 8; i++) {
                for (int j = 0; j < 8; j++) sum[i][j] += left[i / 4].item[i % 4] * right[j / 4].item[j % 4];
            }
        }
        if (more) put(slot ^ 1);
        __syncthreads();
    }
    for (int i = 0; i < 8; i++) {
        for (int h = 0; h < 2; h++) {
            const int64_t r = first_row + row + i / 4 * half + i % 4, c = first_column + column + h * half;
            const Four out = {{sum[i][4 * h], sum[i][4 * h + 1], sum[i][4 * h + 2], sum[i][4 * h + 3]}};
            if (r < m && c < n) store(reinterpret_cast<Four*>(y + r * n + c), out);
        }
    }
}

bool aligned(const TensorView& view) { return view.shape[1] % 4 == 0 && reinterpret_cast<uintptr_t>(view.data) % 16 == 0; }
bool in_packets(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return aligned(outs[0]) && aligned(ins[0]) && aligned(ins[1]);
}

}  // namespace

GPUDL_KERNEL_WHEN(matmul_5, "f <- f f", in_packets) {
    const int64_t m = ins[0].shape[0], k = ins[0].shape[1], n = ins[1].shape[1];
    const dim3 grid(unsigned((n + tile - 1) / tile), unsigned((m + tile - 1) / tile));
    launch<packets_kernel>({grid, threads, 0, stream}, outs[0].as<float>(), ins[0].as<float>(), ins[1].as<float>(), m, n, k);
}

}  // namespace gpudl
