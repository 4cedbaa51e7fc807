// Multiplies tiles by warpgroups (wgmma) that the copy engine (TMA) feeds: the core of matrix products and convolutions on Hopper.
//
//     y[z][m][n] = ending(sum over k of A[m][k] B[k][n]),  16-bit operands, float32 sums
//
// Persistent: a block (or a cluster of two) walks over items, one tile of one z each. thread ↔ element: 384 threads. Warpgroup 0 produces:
// its thread 0 keeps a ring of slots filled. Warpgroups 1 and 2 consume: cooperative, each has 64 rows of every tile; pingpong, each has
// every other tile, and writes out while the other one multiplies. In a cluster two blocks take neighbouring tiles in m; each loads half
// of their common B for both. bytes moved per element of y: 2 k (1 / columns + 1 / rows) from L2, and y once. expected bound: tensor cores
// from about 2048 on each axis, below it launch, filling of the ring and the epilogue.
//
// Shared memory, dynamic, all but the barriers at multiples of 1024: slots (A, then B, of 64 numbers along k), staging (two boxes of 64
// rows of 128 bytes for each consumer), barriers. Rows of 128 bytes are swizzled. An operand contiguous in k has a row for each m (n); else
// there is a group of 8 KiB for 64 m (n), with a row for each k. What is beyond an array's end arrives as zeros and is not stored.
#pragma once
#include "epilogue_sm90.cuh"
#include "ptx/grid_sm90.cuh"
#include "ptx/mbarrier_sm90.cuh"
#include "ptx/mma_sm80.cuh"
#include "ptx/stmatrix_sm90.cuh"
#include "ptx/tma_sm90.cuh"
#include "ptx/wgmma_sm90.cuh"

namespace gpudl::sm90 {

constexpr int slot_k = 64, threads = 384, box_bytes = 64 * 128;

template <int rows_, int columns_, int slots_, bool pingpong_, int cluster_> struct Config {
    static constexpr int rows = rows_, columns = columns_, slots = slots_, cluster = cluster_;
    static constexpr bool pingpong = pingpong_;
    static constexpr int own_rows = pingpong ? rows : rows / 2, parts = own_rows / 64;  // of a tile, for one consumer
    static constexpr int a_bytes = rows * 128, b_bytes = columns * 128, slot_bytes = a_bytes + b_bytes;
    static constexpr int staging = slots * slot_bytes, barriers = staging + 4 * box_bytes;
    static constexpr int shared_bytes = barriers + (2 * slots + 6) * 8;
    static constexpr int readers = (pingpong ? 1 : 2) * 4 * cluster;  // warps that give a slot back
    static_assert(rows == 128 && columns % 64 == 0 && parts * columns <= 256 && shared_bytes <= 232448);
};

// Items in the order of z, then of groups of `group` rows of tiles, then along n, so that L2 holds what neighbours share.
struct Schedule {
    int down, across;  // tiles; down counts clusters
    int batches, splits, group, k_slots, slots_per_split, items;
};
struct Tile {
    int m, n, batch, z, k_begin, k_end;  // m, n: first row and column; z counts batches, then splits; k in slots
};

template <class Cfg> __device__ __forceinline__ Tile tile_of(const Schedule& s, int item, int rank) {
    const int per_z = s.down * s.across, z = item / per_z, in_z = item - z * per_z;
    const int per_group = s.group * s.across, g = in_z / per_group, in_group = in_z - g * per_group;
    const int first = g * s.group, high = min(s.down - first, s.group), n = in_group / high, m = first + in_group - n * high;
    const int split = z / s.batches, k = split * s.slots_per_split;
    return {(m * Cfg::cluster + rank) * Cfg::rows, n * Cfg::columns, z - split * s.batches, z, k, min(s.k_slots, k + s.slots_per_split)};
}

template <int slots> struct Ring {  // a place in the ring of slots, and the parity of its round
    int slot = 0;
    unsigned phase = 0;
    __device__ __forceinline__ void next() {
        if (++slot == slots) slot = 0, phase ^= 1;
    }
    __device__ __forceinline__ void skip(int n) {
        slot += n;
        phase ^= unsigned(slot / slots) & 1;
        slot %= slots;
    }
};

// What a kernel is given. `old` is what the ending reads: the residual, or the saved output.
template <class Loader> struct Work {
    TensorMap a, b, y, old;
    typename Loader::Parameters load;
    Schedule schedule;
    Ending ending;
};

#ifdef GPUDL_SM90A
// Takes the sums of one consumer to global memory, a box of 64 rows and 128 bytes at a time: waits until the box before last has been read,
// fills its buffer, lets the leader store it.
template <class Cfg, class Out, class Loader> struct Writer {
    static constexpr int box_columns = 128 / int(sizeof(Out)), boxes = Cfg::columns / box_columns, all_boxes = Cfg::parts * boxes;
    using Sums = float[Cfg::parts][Cfg::columns / 2];
    const Work<Loader>& work;
    unsigned char* staging;
    uint64_t* arrived;  // one for each buffer
    int barrier, thread;
    unsigned used = 0;  // boxes so far

    __device__ __forceinline__ bool leader() const { return thread == 0; }
    __device__ __forceinline__ unsigned char* buffer(unsigned i) const { return staging + (i & 1) * box_bytes; }
    __device__ __forceinline__ void fetch(const Tile& t, int row, int i) {  // `old` of box i
        const unsigned box = used + unsigned(i);
        ptx::mbarrier_arrive_expect(&arrived[box & 1], box_bytes);
        Loader::load_old(work, buffer(box), &arrived[box & 1], t, row + i / boxes * 64, t.n + i % boxes * box_columns);
    }
    __device__ __forceinline__ void begin(const Tile& t, int row) {  // before the products: `old` travels meanwhile
        if (!work.ending.reads() || !leader()) return;
        ptx::tma_wait_read<0>();
        for (int i = 0; i < (all_boxes < 2 ? all_boxes : 2); i++) fetch(t, row, i);
    }
    __device__ __forceinline__ void write(const Tile& t, int row, const Sums& sums) {
        const Ending::Mode mode = work.ending.mode;
        if constexpr (sizeof(Out) == 4 || Loader::scattered)
            write_as<Ending::raw>(t, row, sums);  // parts of sums, which are finished later
        else if (mode == Ending::raw) write_as<Ending::raw>(t, row, sums);
        else if (mode == Ending::linear) write_as<Ending::linear>(t, row, sums);
        else if (mode == Ending::residual) write_as<Ending::residual>(t, row, sums);
        else if (mode == Ending::curved) write_as<Ending::curved>(t, row, sums);
        else write_as<Ending::gradient>(t, row, sums);
        used += all_boxes;
    }

    template <int mode> __device__ __forceinline__ void write_as(const Tile& t, int row, const Sums& sums) {
        constexpr bool reads = mode == Ending::residual || mode == Ending::gradient;
#pragma unroll
        for (int part = 0; part < Cfg::parts; part++) {
#pragma unroll
            for (int box = 0; box < boxes; box++) {
                const int i = part * boxes + box;
                const unsigned number = used + unsigned(i);
                unsigned char* to = buffer(number);
                const int first = row + part * 64, column = t.n + box * box_columns;
                if (leader()) ptx::tma_wait_read<1>();
                ptx::named_barrier_sync(barrier, 128);
                if constexpr (reads) ptx::mbarrier_wait(&arrived[number & 1], number >> 1 & 1);
                if constexpr (sizeof(Out) == 2) fill<mode>(to, sums[part], box, t, first, column);
                else fill_floats(to, sums[part], box);
                ptx::fence_proxy_async();
                ptx::named_barrier_sync(barrier, 128);
                if constexpr (Loader::scattered) {
                    scatter(to, first, column);
                } else if (leader()) {
                    Loader::store(work, to, t, first, column);
                    ptx::tma_commit();
                    if (reads && i + 2 < all_boxes) {
                        ptx::tma_wait_read<0>();
                        fetch(t, row, i + 2);
                    }
                }
            }
        }
    }

    // Four matrices of 8 x 8 a stmatrix: 16 rows by 16 columns. Lane l addresses row l % 16, chunk l / 16 of 16 bytes.
    template <int mode> __device__ __forceinline__ void fill(unsigned char* to, const float (&sums)[Cfg::columns / 2], int box,
                                                             const Tile& t, int first_row, int column) {
        const int lane = thread % 32, warp = thread / 32, row = warp * 16 + lane % 16, half = lane / 16;
        const Ending& end = work.ending;
        Pair bias[8], columns[8];
        if constexpr (mode == Ending::linear || mode == Ending::residual || mode == Ending::curved)
            load_bias<Out>(bias, end, column + 2 * (lane % 4));
        const int above = first_row + warp * 16 + lane / 4;  // this lane's sums are of this row and of the eighth after
#pragma unroll
        for (int p = 0; p < 4; p++) {
            unsigned char* at = to + row * 128 + (((2 * p + half) ^ (row & 7)) << 4);
            uint32_t old[4] = {0, 0, 0, 0}, r[4];
            if constexpr (mode == Ending::residual || mode == Ending::gradient) ptx::ldmatrix_x4(old, at);
#pragma unroll
            for (int j = 0; j < 2; j++) {  // columns 16 p + 8 j + 2 (lane % 4) and the next
                const float* d = &sums[(box * 8 + 2 * p + j) * 4];
                const Pair b = mode == Ending::raw || mode == Ending::gradient ? Pair{0.0f, 0.0f} : bias[2 * p + j];
                Pair v[2];
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    const Pair o = unpack<Out>(old[2 * j + h]);
                    v[h] = {end.template apply<mode>(d[2 * h], b.x, o.x), end.template apply<mode>(d[2 * h + 1], b.y, o.y)};
                    r[2 * j + h] = pack<Out>(v[h]);
                    if (mode == Ending::gradient && above + 8 * h >= end.rows) v[h] = {0.0f, 0.0f};  // 0 * inf beyond the last row
                }
                if constexpr (mode == Ending::gradient) columns[2 * p + j] = {v[0].x + v[1].x, v[0].y + v[1].y};
            }
            ptx::stmatrix_x4(at, r);
        }
        if (mode != Ending::gradient || !end.sums) return;
        const Pair sum = sum_rows(columns, lane);
        const int64_t sixteens = (end.rows + 15) / 16, mine = (first_row + warp * 16) / 16, at = column + 2 * lane;
        if (mine < sixteens && at < end.columns)
            store(reinterpret_cast<Packet<float, 2>*>(end.sums + (t.batch * sixteens + mine) * end.columns + at),
                  Packet<float, 2>{{sum.x, sum.y}});
    }

    // Each thread stores its pairs, 8 bytes at a time.
    __device__ __forceinline__ void fill_floats(unsigned char* to, const float (&sums)[Cfg::columns / 2], int box) {
        const int lane = thread % 32, row = thread / 32 * 16 + lane / 4, t = lane % 4;
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const float* d = &sums[(box * 4 + j) * 4];
#pragma unroll
            for (int h = 0; h < 2; h++) {
                unsigned char* at = to + (row + 8 * h) * 128 + (((2 * j + t / 2) ^ (row & 7)) << 4) + t % 2 * 8;
                store(reinterpret_cast<Packet<float, 2>*>(at), Packet<float, 2>{{d[2 * h], d[2 * h + 1]}});
            }
        }
    }

    // Rows that the copy engine cannot store: 16 bytes a thread. All have read this buffer before they meet for the box after next.
    __device__ __forceinline__ void scatter(const unsigned char* from, int first_row, int column) {
        if constexpr (Loader::scattered) {
            constexpr int width = 16 / int(sizeof(Out));
#pragma unroll 1
            for (int i = thread; i < 64 * 8; i += 128) {
                const int row = i / 8, chunk = i % 8;
                if (first_row + row >= work.ending.rows || column + chunk * width >= work.ending.columns) continue;
                const auto packet = load(reinterpret_cast<const Packet<Out, width>*>(from + row * 128 + ((chunk ^ (row & 7)) << 4)));
                Out* y = static_cast<Out*>(work.load.y) + work.load.place(first_row + row) + column + chunk * width;
                store(reinterpret_cast<Packet<Out, width>*>(y), packet);
            }
        }
    }
};
#endif

// T: of the operands, as wgmma names it. Out: of y; float for parts of sums.
template <class Cfg, class T, class Out, class Loader> __global__ void __launch_bounds__(threads, 1)
    gemm_sm90_kernel(const __grid_constant__ Work<Loader> work) {
#ifdef GPUDL_SM90A
    GPUDL_DYNAMIC_SHARED(unsigned char, memory);
    auto* full = reinterpret_cast<uint64_t*>(memory + Cfg::barriers);
    uint64_t *empty = full + Cfg::slots, *arrived = empty + Cfg::slots, *turns = arrived + 4;
    const int group = int(threadIdx.x) / 128, rank = Cfg::cluster > 1 ? ptx::cluster_rank() : 0;
    const int first = int(blockIdx.x) / Cfg::cluster, step = int(gridDim.x) / Cfg::cluster;
    if (threadIdx.x == 0) {
        ptx::tma_prefetch_map(&work.a);
        ptx::tma_prefetch_map(&work.b);
        for (int s = 0; s < Cfg::slots; s++) {
            ptx::mbarrier_init(&full[s], 1);
            ptx::mbarrier_init(&empty[s], Cfg::readers);
        }
        for (int i = 0; i < 4; i++) ptx::mbarrier_init(&arrived[i], 1);
        for (int i = 0; i < 2; i++) ptx::mbarrier_init(&turns[i], 4);
        ptx::fence_barrier_init();
    }
    if constexpr (Cfg::cluster > 1) ptx::cluster_sync();
    else __syncthreads();
    ptx::grid_wait();  // what came before on the stream is visible from here on

    if (group == 0) {
        ptx::registers_give<56>();
        if (threadIdx.x == 0) {
            Ring<Cfg::slots> ring;
            for (int item = first; item < work.schedule.items; item += step) {
                const Tile t = tile_of<Cfg>(work.schedule, item, rank);
                const Loader loader(work, t, rank);
                for (int k = t.k_begin; k < t.k_end; k++, ring.next()) {
                    unsigned char* a = memory + ring.slot * Cfg::slot_bytes;
                    ptx::mbarrier_wait(&empty[ring.slot], ring.phase ^ 1);
                    ptx::mbarrier_arrive_expect(&full[ring.slot], Cfg::slot_bytes);
                    loader.load(a, a + Cfg::a_bytes, &full[ring.slot], k);
                }
            }
            ptx::grid_launch_next();  // the operands are read: what comes next may prepare itself
        }
    } else {
        ptx::registers_take<224>();
        const int consumer = group - 1, thread = int(threadIdx.x) % 128, row = Cfg::pingpong ? 0 : consumer * 64;
        // operands of slot 0; 16 further along k are 32 bytes on (contiguous in k) or 16 rows, 64 further in m are 8 KiB on
        constexpr bool ta = Loader::turned_a, tb = Loader::turned_b;
        constexpr int step_a = (ta ? 2048 : 32) >> 4, step_b = (tb ? 2048 : 32) >> 4;
        const uint64_t a0 = ptx::wgmma_operand(memory + (Cfg::pingpong ? 0 : consumer * box_bytes), ta ? box_bytes : 16, 1024, 128);
        const uint64_t b0 = ptx::wgmma_operand(memory + Cfg::a_bytes, tb ? box_bytes : 16, 1024, 128);
        Writer<Cfg, Out, Loader> writer{work, memory + Cfg::staging + consumer * 2 * box_bytes, arrived + 2 * consumer, 1 + consumer,
                                        thread};
        const auto release = [&](int slot) {  // by one lane of each warp, since the wait for products orders its own warp only
            if constexpr (Cfg::cluster == 1) {
                if (thread % 32 == 0) ptx::mbarrier_arrive(&empty[slot]);
            } else {
                if (thread % 32 < Cfg::cluster) ptx::mbarrier_arrive_at(&empty[slot], thread % 32);
            }
        };
        Ring<Cfg::slots> ring;
        int turn = 0;
        unsigned turn_phase = unsigned(consumer) ^ 1;  // consumer 0 starts at once
        for (int item = first; item < work.schedule.items; item += step, turn ^= 1) {
            const Tile t = tile_of<Cfg>(work.schedule, item, rank);
            if (Cfg::pingpong && turn != consumer) {
                ring.skip(t.k_end - t.k_begin);
                continue;
            }
            writer.begin(t, t.m + row);
            // Loops take turns, and must: a wait by parity can be one round of the ring early, so nobody may wait for a slot before the
            // other consumer has passed the round before.
            if constexpr (Cfg::pingpong) {
                ptx::mbarrier_wait(&turns[consumer], turn_phase);
                turn_phase ^= 1;
            }
            float sums[Cfg::parts][Cfg::columns / 2];
            int before = -1;
            for (int k = t.k_begin; k < t.k_end; k++, ring.next()) {
                ptx::mbarrier_wait(&full[ring.slot], ring.phase);
                const uint64_t at = uint64_t(ring.slot) * (Cfg::slot_bytes >> 4);
                ptx::wgmma_fence();
#pragma unroll
                for (int kk = 0; kk < slot_k / 16; kk++) {
#pragma unroll
                    for (int part = 0; part < Cfg::parts; part++)
                        ptx::wgmma_k16<T, ta, tb>(sums[part], a0 + at + kk * step_a + part * (box_bytes >> 4), b0 + at + kk * step_b,
                                                  kk > 0 || k > t.k_begin);
                }
                ptx::wgmma_commit();
                ptx::wgmma_wait<1>();  // the products of the slot before are done, these go on
                if (before >= 0) release(before);
                before = ring.slot;
            }
            if constexpr (Cfg::pingpong) {
                if (thread % 32 == 0) ptx::mbarrier_arrive(&turns[consumer ^ 1]);
            }
            ptx::wgmma_wait<0>();
            release(before);
            writer.write(t, t.m + row, sums);
        }
        if (thread == 0) ptx::tma_wait_read<0>();  // shared memory must outlive what the last stores read
    }
    if constexpr (Cfg::cluster > 1) {  // no block leaves while the other may still signal it
        __syncwarp();
        ptx::cluster_sync();
    }
#else
    __trap();  // compiled for another architecture: the obstacles keep it from being launched there
#endif
}

}  // namespace gpudl::sm90
