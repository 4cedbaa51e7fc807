// Kernels with planted bugs: the checked build must catch each of them, in the right words, and let its healthy twin pass
// (tests/native/test_planted_bugs.py). The attribute chooses the bug; 0 is the healthy kernel. All work on 512 floats, y = x where healthy.
#include <gpudl/platform.h>

#include "../../../csrc/cuda/ptx/copy_sm80.cuh"
#include "../../../csrc/cuda/ptx/mbarrier_sm90.cuh"

namespace gpudl {
namespace {

constexpr int count = 512, threads = 128;
constexpr unsigned all = 0xffffffffu;

// Indices and alignment: bounds.
template <int bug> __global__ void bounds_kernel(float* y, const float* x) {
    const int i = int(blockIdx.x) * threads + int(threadIdx.x);
    if (bug == 0) y[i] = x[i];
    if (bug == 1) y[i] = i < count - 1 ? x[i] : x[i + 1];           // reads one past the end
    if (bug == 2) y[i] = i > 0 ? x[i] : x[i - 1];                   // reads one before the start
    if (bug == 3) y[i == 7 ? count : i] = x[i];                     // writes one past the end
    if (bug == 4) const_cast<float*>(x)[i] = y[i] = 0;              // writes its input
    if (bug == 5) y[i] = x[int64_t(i) + (i == 300 ? 1 << 20 : 0)];  // an index that went astray
    if (bug == 6 && i % 4 == 0) store(reinterpret_cast<float4*>(y + i), load(reinterpret_cast<const float4*>(x + i + 1)));  // misaligned
    if (bug == 7 && i % 4 == 0) store(reinterpret_cast<float4*>(y + i), load(reinterpret_cast<const float4*>(x + i + 4)));  // past the end
}

// Threads of different blocks, and of one: races on global memory.
template <int bug> __global__ void global_kernel(float* y, const float* x) {
    const int i = int(blockIdx.x) * threads + int(threadIdx.x);
    if (bug == 0) atomicExch(&y[i], x[i]);
    if (bug == 1) y[i / 2] = x[i];                       // two neighbours write one element
    if (bug == 2) y[threadIdx.x] = x[i];                 // all blocks write the same elements
    if (bug == 3) y[i % 16] += x[i];                     // adds without an atomic
    if (bug == 4) y[i] = i % threads ? y[i - 1] : x[i];  // reads what its neighbour writes
    if (bug == 5) atomicAdd(&y[0], y[i % 3]);            // an atomic beside plain reads
}

// A warp exchanges values through shared memory.
template <int bug> __global__ void warp_kernel(float* y, const float* x) {
    GPUDL_SHARED_ARRAY(float, exchange, [4][32]);
    const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32, i = int(blockIdx.x) * threads + int(threadIdx.x);
    exchange[warp][lane] = x[i];
    if (bug != 1) __syncwarp();  // relies on lanes going in step
    y[i] = exchange[warp][31 - lane];
    if (bug != 2) __syncwarp();  // overwrites what others still read
    exchange[warp][lane] = y[i];
    __syncwarp();
    y[i] = exchange[warp][31 - lane];
}

// A block adds up in shared memory, twice.
template <int bug> __device__ float block_sum(float v) {
    GPUDL_SHARED_ARRAY(float, partial, [threads / 32]);
    for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(all, v, d);
    if (bug != 2) __syncthreads();  // a result of the last call may still be read
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = v;
    if (bug != 1) __syncthreads();  // partial results are read before they are written
    v = 0;
    for (int i = 0; i < threads / 32 + (bug == 3); i++) v += partial[i];  // one too many
    return v;
}

template <int bug> __global__ void sum_kernel(float* y, const float* x) {
    const int i = int(blockIdx.x) * threads + int(threadIdx.x);
    if (bug == 4 && threadIdx.x >= 64) return;  // threads leave before a barrier
    float s = block_sum<bug>(x[i]);
    if (bug == 5) {
        if (threadIdx.x % 32 < 16) s += __shfl_xor_sync(all, s, 1);  // half a warp, all of the mask
    }
    if (bug == 6) {
        if (threadIdx.x < 64) __syncthreads();  // two barriers that are not the same
        else __syncthreads();
    }
    if (bug == 7) s += __shfl_xor_sync(threadIdx.x % 32 < 16 ? 0xffff0000u : 0x0000ffffu, s, 1);  // a mask without the caller
    if (bug == 8) {
        if (threadIdx.x % 2) s += __shfl_xor_sync(all, s, 2);  // the lanes of a warp in two operations
        else s += __shfl_xor_sync(all, s, 4);
    }
    const float mean = block_sum<bug == 2 ? 2 : 0>(x[i]) - s;
    y[i] = x[i] + (mean == mean ? 0.0f : mean);
}

// Dynamic shared memory, and tiles that are filled and used in turns.
template <int bug> __global__ void tile_kernel(float* y, const float* x) {
    GPUDL_DYNAMIC_SHARED(float, tile);  // threads floats
    GPUDL_SHARED_ARRAY(float, padded, [4][33]);
    const int t = int(threadIdx.x);
    if (blockIdx.x > 0) return;
    for (int step = 0; step < count / threads; step++) {
        if (!(bug == 1 && t == 9)) tile[t + (bug == 2 && t == 127)] = x[step * threads + t];  // not all written; one past the end
        if (bug != 3) __syncthreads();
        y[step * threads + t] = tile[threads - 1 - t];
        if (bug != 4) __syncthreads();  // filled again while it is read
        tile[t] = y[step * threads + t];
        __syncthreads();
        y[step * threads + t] = tile[threads - 1 - t];
        __syncthreads();
    }
    padded[t / 32][t % 32] = x[t];
    __syncthreads();
    if (bug == 5) y[t] = padded[t / 32][31 - t % 32 + (t % 32 == 0)];  // reads the padding
    if (bug == 6 && t == 5) y[t] = (&padded[0][0])[4 * 33];            // one past the last row
}

// The last block to come adds up the results of all.
template <int bug> __global__ void last_block_kernel(float* y, const float* x, float* partial, unsigned* ticket) {
    GPUDL_SHARED_ARRAY(bool, last, [1]);
    const int i = int(blockIdx.x) * threads + int(threadIdx.x);
    partial[i] = x[i];
    if (bug != 1) __syncthreads();  // the ticket is drawn while others still write
    if (threadIdx.x == 0) {
        if (bug != 2) __threadfence();  // other blocks may see the ticket before the results
        last[0] = atomicAdd(ticket, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last[0]) return;
    for (int k = int(threadIdx.x); k < count; k += threads) y[k] = partial[k];
}

// Named barriers and mbarriers: who comes, and how often.
template <int bug> __global__ void barriers_kernel(float* y, const float* x) {
#ifdef GPUDL_SM90
    GPUDL_SHARED_ARRAY(float, slots, [2][64]);
    GPUDL_SHARED_ARRAY(uint64_t, full, [2]);
    GPUDL_SHARED_ARRAY(uint64_t, empty, [2]);
    const int t = int(threadIdx.x) % 64, i = int(blockIdx.x) * threads + t;
    if (threadIdx.x == 0) {
        for (int k = 0; k < 2; k++) {
            ptx::mbarrier_init(&full[k], bug == 1 ? 32 : 64);   // fewer arrivals than come
            ptx::mbarrier_init(&empty[k], bug == 2 ? 96 : 64);  // more than ever come
        }
    }
    if (bug != 3) __syncthreads();  // used before anybody knows that they were initialised
    for (int step = 0; step < 2 + 2 * (bug == 2 || bug == 4); step++) {
        const int slot = step % 2;
        const unsigned parity = unsigned(step / 2 % 2);
        if (threadIdx.x < 64) {
            ptx::mbarrier_wait(&empty[slot], bug == 4 ? parity : parity ^ 1);  // the wrong parity
            slots[slot][t] = x[i + 64 * (step % 2)];
            if (bug != 5) ptx::mbarrier_arrive(&full[slot]);
            else if (t < 32) ptx::mbarrier_arrive(&full[slot]);  // half of them never say that they are done
        } else {
            if (bug != 6) ptx::mbarrier_wait(&full[slot], parity);  // does not wait
            y[i + 64 * (step % 2)] = slots[slot][t];
            ptx::mbarrier_arrive(&empty[slot]);
        }
    }
    if (bug == 7) ptx::named_barrier_sync(1, threadIdx.x < 64 ? 64 : 128);  // how many are to come?
    if (bug == 8) ptx::named_barrier_sync(2, 96);                           // 128 come to a barrier of 96
    if (bug == 9) {
        GPUDL_SHARED_ARRAY(uint64_t, never, [1]);
        ptx::mbarrier_wait(never, 0);  // never initialised
    }
#endif
}

// A pipeline of asynchronous copies, two tiles deep.
template <int bug> __global__ void copies_kernel(float* y, const float* x) {
#ifdef GPUDL_SM80
    GPUDL_SHARED_ARRAY(float4, tiles, [2][threads / 4]);
    const int t = int(threadIdx.x);
    if (blockIdx.x > 0) return;
    const auto fetch = [&](int step) {
        if (t < threads / 4 && step < count / threads)
            ptx::copy_16(&tiles[step % 2][t], x + step * threads + 4 * t + (bug == 4 && t == 3));  // misaligned
        ptx::copy_commit();
    };
    fetch(0);
    for (int step = 0; step < count / threads; step++) {
        fetch(step + 1);
        if constexpr (bug == 1) ptx::copy_wait<2>();  // waits for one group too few
        else ptx::copy_wait<1>();
        if (bug != 2) __syncthreads();  // a wait is for the own copies alone
        y[step * threads + t] = reinterpret_cast<const float*>(tiles[step % 2])[t];
        if (bug != 3) __syncthreads();  // the next copies overwrite what others still read
    }
#endif
}

__global__ void idle_kernel() {}

__global__ void greedy_kernel(float* y) {
    GPUDL_SHARED_ARRAY(float, large, [13000]);
    large[threadIdx.x] = 0;
    y[threadIdx.x] = large[threadIdx.x];
}

// Calls launch.operator()<bug>() for the bug that the attribute names.
template <int last, class Launch> void choose(int64_t bug, Launch launch_bug) {
    if constexpr (last >= 0) {
        if (bug == last) launch_bug(std::integral_constant<int, last>{});
        else choose<last - 1>(bug, launch_bug);
    } else {
        throw KernelError("no such bug");
    }
}

}  // namespace

#define GPUDL_PLANTED(name, last, shared_bytes)                                                                                            \
    GPUDL_KERNEL(planted_##name, "f <- f ; i") {                                                                                           \
        choose<last>(attrs[0].integer, [&](auto bug) {                                                                                     \
            launch<name##_kernel<decltype(bug)::value>>({count / threads, threads, shared_bytes, stream}, outs[0].as<float>(),             \
                                                        ins[0].as<float>());                                                               \
        });                                                                                                                                \
    }
GPUDL_PLANTED(bounds, 7, 0)
GPUDL_PLANTED(global, 5, 0)
GPUDL_PLANTED(warp, 2, 0)
GPUDL_PLANTED(sum, 8, 0)
GPUDL_PLANTED(tile, 6, threads * sizeof(float))
GPUDL_PLANTED(barriers, 9, 0)
GPUDL_PLANTED(copies, 4, 0)

GPUDL_KERNEL(planted_last_block, "f f I <- f ; i") {
    choose<2>(attrs[0].integer, [&](auto bug) {
        launch<last_block_kernel<decltype(bug)::value>>({count / threads, threads, 0, stream}, outs[0].as<float>(), ins[0].as<float>(),
                                                        outs[1].as<float>(), outs[2].as<unsigned>());
    });
}

// Launches that a device would refuse.
GPUDL_KERNEL(planted_launch, "f <- f ; i") {
    switch (attrs[0].integer) {
        case 1: return launch<idle_kernel>({1, 1025, 0, stream});
        case 2: return launch<idle_kernel>({0, 32, 0, stream});
        case 3: return launch<idle_kernel>({dim3(1, 70000), 32, 0, stream});
        case 4: return launch<idle_kernel>({1, 32, 300 * 1024, stream});
        case 5: return launch<idle_kernel>({3, 32, 0, stream, 2});
        case 6: return launch<greedy_kernel>({1, 32, 0, stream}, outs[0].as<float>());
        default: return launch<idle_kernel>({1, 32, 0, stream});
    }
}

}  // namespace gpudl
