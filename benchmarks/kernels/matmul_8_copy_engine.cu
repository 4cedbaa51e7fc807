// Version 8 (Hopper): one thread asks the copy engine for whole tiles, and four warps together multiply straight from shared memory.
//
// The block computes 128 x 128 elements: two warpgroups of 128 threads with 64 rows each, and a warp that only fetches. Full slots and empty
// slots are told by mbarriers, so fetching and multiplying never wait for each other as long as the ring of four slots has room. wgmma reads
// both operands from shared memory: no ldmatrix, no fragments, and its results stay in registers. The library's kernel (version 9) adds
// larger tiles, clusters that share tiles, tiles that overlap with the writing of the one before, and an order of tiles that suits the cache.
#include "../../csrc/cuda/ptx/mbarrier_sm90.cuh"
#include "../../csrc/cuda/ptx/tma_sm90.cuh"
#include "../../csrc/cuda/ptx/wgmma_sm90.cuh"

namespace gpudl {
namespace {

constexpr int tile = 128, depth = 64, slots = 4, threads = 3 * 128;
constexpr int operand_bytes = tile * depth * 2, slot_bytes = 2 * operand_bytes;
[[maybe_unused]] constexpr int group_bytes = 64 * 128;  // 64 rows of an operand

__global__ void __launch_bounds__(threads, 1) copy_engine_kernel(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                                                                 bfloat16* y, int64_t m, int64_t n, int64_t k) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(unsigned char, memory);
    uint64_t* full = reinterpret_cast<uint64_t*>(memory + slots * slot_bytes);
    uint64_t* empty = full + slots;
    const int first_row = int(blockIdx.y) * tile, first_column = int(blockIdx.x) * tile, turns = int((k + depth - 1) / depth);
    if (threadIdx.x == 0) {
        for (int s = 0; s < slots; s++) {
            ptx::mbarrier_init(&full[s], 1);
            ptx::mbarrier_init(&empty[s], 8);  // a lane of each warp that multiplies
        }
        ptx::fence_barrier_init();
    }
    __syncthreads();
    const int group = int(threadIdx.x) / 128, lane = int(threadIdx.x) % 32;
    if (group == 2) {
        if (threadIdx.x == 2 * 128) {
            for (int turn = 0; turn < turns; turn++) {
                const int s = turn % slots;
                unsigned char* slot = memory + s * slot_bytes;
                ptx::mbarrier_wait(&empty[s], unsigned(turn / slots % 2) ^ 1);  // the first round finds all slots empty
                ptx::mbarrier_arrive_expect(&full[s], slot_bytes);
                const int a_from[2] = {turn * depth, first_row};
                ptx::tma_load(slot, &a, &full[s], a_from);
                for (int half = 0; half < 2; half++) {  // 64 columns of b at a time: 128 bytes are a swizzled row
                    const int b_from[2] = {first_column + half * 64, turn * depth};
                    ptx::tma_load(slot + operand_bytes + half * group_bytes, &b, &full[s], b_from);
                }
            }
        }
        return;
    }
    float sum[tile / 2];
    for (int turn = 0; turn < turns; turn++) {
        const int s = turn % slots;
        ptx::mbarrier_wait(&full[s], unsigned(turn / slots % 2));
        // a: k contiguous, rows of 128 bytes, 64 of them for this group; b: columns contiguous, the second 64 of them group_bytes further
        const uint64_t left = ptx::wgmma_operand(memory + s * slot_bytes + group * group_bytes, 16, 1024, 128);
        const uint64_t right = ptx::wgmma_operand(memory + s * slot_bytes + operand_bytes, group_bytes, 1024, 128);
        ptx::wgmma_fence();
        for (int i = 0; i < depth / 16; i++)  // addresses in descriptors count 16 bytes: 16 of k are 32 bytes of a, 16 rows of b
            ptx::wgmma_k16<__nv_bfloat16, 0, 1>(sum, left + uint64_t(i * 32 / 16), right + uint64_t(i * 2048 / 16), turn > 0 || i > 0);
        ptx::wgmma_commit();
        ptx::wgmma_wait<0>();
        if (lane == 0) ptx::mbarrier_arrive(&empty[s]);
    }
    const int64_t row = first_row + group * 64 + int(threadIdx.x) % 128 / 32 * 16 + lane / 4;
    for (int j = 0; j < tile / 8; j++) {
        for (int h = 0; h < 2; h++) {
            const int64_t r = row + h * 8, c = first_column + j * 8 + lane % 4 * 2;
            const Packet<bfloat16, 2> out = {{narrow<bfloat16>(sum[4 * j + 2 * h]), narrow<bfloat16>(sum[4 * j + 2 * h + 1])}};
            if (r < m && c < n) store(reinterpret_cast<Packet<bfloat16, 2>*>(y + r * n + c), out);
        }
    }
#endif
}

// Boxes of `rows` rows by 64 columns of a matrix.
TensorMap boxes(const TensorView& view, int rows) {
    TensorMapSpec spec;
    spec.base = reinterpret_cast<uintptr_t>(view.data);
    spec.dims[0] = uint64_t(view.shape[1]);
    spec.dims[1] = uint64_t(view.shape[0]);
    spec.strides[0] = 2;
    spec.strides[1] = uint64_t(view.shape[1]) * 2;
    spec.box[0] = 64;
    spec.box[1] = uint32_t(rows);
    return tensor_map(spec);
}

bool aligned(const TensorView& view) { return view.size() && view.shape[1] % 8 == 0 && reinterpret_cast<uintptr_t>(view.data) % 16 == 0; }
bool for_copy_engine(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return aligned(outs[0]) && aligned(ins[0]) && aligned(ins[1]);
}

}  // namespace

GPUDL_KERNEL_WHEN(matmul_8, "E <- E E", for_copy_engine) {
    const int64_t m = ins[0].shape[0], k = ins[0].shape[1], n = ins[1].shape[1];
    const dim3 grid(unsigned((n + tile - 1) / tile), unsigned((m + tile - 1) / tile));
    launch<copy_engine_kernel>({grid, threads, slots * slot_bytes + 2 * slots * 8, stream}, boxes(ins[0], tile), boxes(ins[1], depth),
                               outs[0].as<bfloat16>(), m, n, k);
}

}  // namespace gpudl
