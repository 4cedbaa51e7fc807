// Sorts lines of (key, index) pairs in ascending order, in scratch memory: K. Batcher's bitonic network (1968), which moves the same pairs at
// the same time whatever they hold, so the order of equal keys is that of their indices and nothing depends on the grid.
//
// A line is padded to a power of two with the largest pair. Up to `block_items` a line lies in shared memory while it is sorted; longer ones
// are brought that far in memory, and their last steps go through shared memory again.
#pragma once
#include <gpudl/platform.h>

namespace gpudl {
namespace bitonic {

struct alignas(16) Item {
    uint64_t key, index;
};

constexpr int block_items = 2048;  // 32 KiB of shared memory
constexpr int block_threads = 512;
GPUDL_HOST_DEVICE inline Item last() { return {~uint64_t(0), ~uint64_t(0)}; }

inline int64_t padded(int64_t n) {
    int64_t size = 1;
    while (size < n) size *= 2;
    return size;
}

__device__ __forceinline__ bool comes_after(const Item& a, const Item& b) { return a.key > b.key || (a.key == b.key && a.index > b.index); }

__device__ __forceinline__ void order(Item& a, Item& b, bool ascending) {
    if (comes_after(a, b) == ascending) {
        const Item t = a;
        a = b;
        b = t;
    }
}

// All threads of a block: the steps of sizes `from` to `to`, of each the distances below `items`, over `items` pairs in shared memory that stand
// at `offset` of their line.
__device__ __forceinline__ void sort_shared(Item* tile, int items, int64_t offset, int64_t from, int64_t to) {
    for (int64_t size = from; size <= to; size *= 2) {
        for (int64_t distance = size / 2 < items ? size / 2 : items / 2; distance > 0; distance /= 2) {
            __syncthreads();
            for (int t = threadIdx.x; t < items / 2; t += blockDim.x) {
                const int low = int(2 * t - (t & (distance - 1)));
                order(tile[low], tile[low + distance], ((offset + low) & size) == 0);
            }
        }
    }
    __syncthreads();
}

// Sorts stretches of `items` pairs, for steps of sizes `from` to `to`.
static __global__ void __launch_bounds__(block_threads) stretch_kernel(Item* pairs, int64_t line, int items, int64_t from, int64_t to) {
    GPUDL_DYNAMIC_SHARED(Item, tile);
    const int64_t first = int64_t(blockIdx.x) * items;
    for (int i = threadIdx.x; i < items; i += blockDim.x) store(tile + i, load(pairs + first + i));
    sort_shared(tile, items, first & (line - 1), from, to);
    for (int i = threadIdx.x; i < items; i += blockDim.x) store(pairs + first + i, load(tile + i));
}

// One distance of one size, over all pairs.
static __global__ void __launch_bounds__(block_threads)
    step_kernel(Item* pairs, int64_t line, int64_t half, int64_t size, int64_t distance) {
    const int64_t t = int64_t(blockIdx.x) * block_threads + threadIdx.x;
    if (t >= half) return;
    const int64_t low = 2 * t - (t & (distance - 1));
    Item a = load(pairs + low), b = load(pairs + low + distance);
    order(a, b, ((low & (line - 1)) & size) == 0);
    store(pairs + low, a);
    store(pairs + low + distance, b);
}

// Sorts `lines` lines of `line` pairs, a power of two, one behind the other in memory.
inline void sort(Item* pairs, int64_t line, int64_t lines, Stream stream) {
    if (line < 2 || lines < 1) return;
    const int64_t all = line * lines;
    const int items = int(line < block_items ? line : block_items);
    const size_t bytes = size_t(items) * sizeof(Item);
    const unsigned threads = unsigned(items / 2 < block_threads ? items / 2 : block_threads);
    const Launch stretches{unsigned(all / items), threads, bytes, stream};
    launch<stretch_kernel>(stretches, pairs, line, items, int64_t(2), int64_t(items));
    const Launch steps{unsigned((all / 2 + block_threads - 1) / block_threads), block_threads, 0, stream};
    for (int64_t size = 2 * int64_t(items); size <= line; size *= 2) {
        for (int64_t distance = size / 2; distance >= items; distance /= 2)
            launch<step_kernel>(steps, pairs, line, all / 2, size, distance);
        launch<stretch_kernel>(stretches, pairs, line, items, size, size);
    }
}

}  // namespace bitonic
}  // namespace gpudl
