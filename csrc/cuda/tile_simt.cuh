// Multiplies tiles by the ordinary arithmetic units: float32, float64, and 16-bit operands widened to float32.
//
// thread ↔ element: 256 threads hold 64 `quads_m` x 64 `quads_n` sums, each in squares of 4 x 4 that lie 64 apart; a warp covers 16 x 32 of
// each 64 x 64. Slices of 16 along k lie in shared memory twice, outer axis innermost: while one is multiplied the next is on its way through
// registers. bytes moved per element of a tile of 128: (1 / 128 + 1 / 128) items a product. expected bound: multiply-adds.
#pragma once
#include "tile.cuh"

namespace gpudl {
namespace simt {

constexpr int threads = 256, slice = 16, pad = 4;

GPUDL_HOST_DEVICE constexpr size_t items_needed(int rows,
                                                int columns) {  // of shared memory: two slices of both operands, or 64 staged rows
    const size_t ring = 2 * size_t(slice) * size_t(rows + columns + 2 * pad), stage = 64 * size_t(columns + pad);
    return ring > stage ? ring : stage;
}

// Four neighbours in shared memory.
template <class C> __device__ __forceinline__ void read_four(C (&v)[4], const C* from) {
    constexpr int width = 16 / int(sizeof(C));
#pragma unroll
    for (int i = 0; i < 4; i += width) {
        const Packet<C, width> packet = load(reinterpret_cast<const Packet<C, width>*>(from + i));
#pragma unroll
        for (int j = 0; j < width; j++) v[i + j] = packet.item[j];
    }
}
template <class C> __device__ __forceinline__ void write_four(C* to, const C (&v)[4]) {
    constexpr int width = 16 / int(sizeof(C));
#pragma unroll
    for (int i = 0; i < 4; i += width) {
        Packet<C, width> packet;
#pragma unroll
        for (int j = 0; j < width; j++) packet.item[j] = v[i + j];
        store(reinterpret_cast<Packet<C, width>*>(to + i), packet);
    }
}

// One operand's slice on its way from global to shared memory: `lines` places along the outer axis by `slice` along k.
template <class C, class Loader, int lines> struct Carrier {
    using T = typename Loader::T;
    static constexpr int width = Loader::width, packets = lines * slice / width / threads;
    static_assert(packets * width * threads == lines * slice, "whole packets for every thread");

    typename Loader::Line line[packets];
    T held[packets][width];

    // The place of packet i of this thread within the slice: along the outer axis and along k.
    static __device__ __forceinline__ void spot(const Loader& loader, int i, int& outer, int& k) {
        const int at = int(threadIdx.x) + i * threads;
        if constexpr (width == 1) {
            const bool along_k = loader.lanes_along_k();
            outer = along_k ? at / slice : at % lines;
            k = along_k ? at % slice : at / lines;
        } else if constexpr (Loader::along_k) {
            outer = at / (slice / width);
            k = at % (slice / width) * width;
        } else {
            outer = at % (lines / width) * width;
            k = at / (lines / width);
        }
    }
    __device__ __forceinline__ void aim(const Loader& loader, const T* base, int64_t first) {
#pragma unroll
        for (int i = 0; i < packets; i++) {
            int outer, k;
            spot(loader, i, outer, k);
            line[i] = loader.line(base, first + outer);
        }
    }
    __device__ __forceinline__ void fetch(const Loader& loader, int64_t first_k) {
#pragma unroll
        for (int i = 0; i < packets; i++) {
            int outer, k;
            spot(loader, i, outer, k);
            const Place<T> place = loader.place(line[i], loader.step(first_k + k));
            if (width > 1 && place.count == width) {
                const Packet<T, width> packet = load(reinterpret_cast<const Packet<T, width>*>(place.from));
#pragma unroll
                for (int j = 0; j < width; j++) held[i][j] = packet.item[j];
            } else {
#pragma unroll
                for (int j = 0; j < width; j++) held[i][j] = j < place.count ? place.from[j] : T{};
            }
        }
    }
    __device__ __forceinline__ void put(const Loader& loader, C* tile) const {  // tile[k][outer]
#pragma unroll
        for (int i = 0; i < packets; i++) {
            int outer, k;
            spot(loader, i, outer, k);
            C* to = tile + k * (lines + pad) + outer;
            if constexpr (width == 4 && !Loader::along_k) {
                const C four[4] = {C(wide(held[i][0])), C(wide(held[i][1])), C(wide(held[i][2])), C(wide(held[i][3]))};
                write_four(to, four);
            } else {
#pragma unroll
                for (int j = 0; j < width; j++) to[Loader::along_k ? j * (lines + pad) : j] = C(wide(held[i][j]));
            }
        }
    }
};

}  // namespace simt

template <int quads_m, int quads_n, class A, class B, class F>
__global__ void __launch_bounds__(simt::threads, quads_m* quads_n == 1 && sizeof(typename F::Value) == 4 ? 2 : 1)
    tile_simt_kernel(const __grid_constant__ A a, const __grid_constant__ B b, const __grid_constant__ F finish,
                     const __grid_constant__ Tiles tiles) {
    using namespace simt;
    using C = typename F::Value;
    constexpr int rows = 64 * quads_m, columns = 64 * quads_n, pitch_a = rows + pad, pitch_b = columns + pad, pitch = columns + pad;
    using Word = Packet<C, 16 / sizeof(C)>;
    GPUDL_SHARED_ARRAY(Word, memory, [items_needed(rows, columns) * sizeof(C) / 16]);
    C* shared = reinterpret_cast<C*>(memory);
    constexpr int both = slice * (pitch_a + pitch_b);  // items of one slice of both operands

    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
    const int y = (warp / 2 * 4 + lane / 8) * 4, x = (warp % 2 * 8 + lane % 8) * 4;  // of this thread's squares within 64 x 64

#pragma unroll 1
    for (int64_t work = blockIdx.x; work < tiles.count; work += gridDim.x) {
        const Tile tile = tiles.at(work);
        Carrier<C, A, rows> carry_a;
        Carrier<C, B, columns> carry_b;
        carry_a.aim(a, a.base(tile.batch), tile.row);
        carry_b.aim(b, b.base(tile.batch), tile.column);

        C sum[4 * quads_m][4 * quads_n], total[4 * quads_m][4 * quads_n];
#pragma unroll
        for (int i = 0; i < 4 * quads_m; i++) {
#pragma unroll
            for (int j = 0; j < 4 * quads_n; j++) sum[i][j] = total[i][j] = C(0);
        }
        const int64_t end = min(tile.end_k, tiles.k);
        if (tile.first_k < end) {
            carry_a.fetch(a, tile.first_k);
            carry_b.fetch(b, tile.first_k);
            carry_a.put(a, shared);
            carry_b.put(b, shared + slice * pitch_a);
        }
        __syncthreads();
        int at = 0;
#pragma unroll 1
        for (int64_t k = tile.first_k; k < end; k += slice, at ^= 1) {
            const bool more = k + slice < end;
            if (more) {
                carry_a.fetch(a, k + slice);
                carry_b.fetch(b, k + slice);
            }
            const C *tile_a = shared + at * both + y, *tile_b = shared + at * both + slice * pitch_a + x;
#pragma unroll
            for (int step = 0; step < slice; step++) {
                C left[quads_m][4], right[quads_n][4];
#pragma unroll
                for (int q = 0; q < quads_m; q++) read_four(left[q], tile_a + step * pitch_a + 64 * q);
#pragma unroll
                for (int q = 0; q < quads_n; q++) read_four(right[q], tile_b + step * pitch_b + 64 * q);
#pragma unroll
                for (int i = 0; i < 4 * quads_m; i++) {
#pragma unroll
                    for (int j = 0; j < 4 * quads_n; j++) sum[i][j] += left[i / 4][i % 4] * right[j / 4][j % 4];
                }
            }
            if (!more || (k + slice - tile.first_k) % chunk_k == 0) {
#pragma unroll
                for (int i = 0; i < 4 * quads_m; i++) {
#pragma unroll
                    for (int j = 0; j < 4 * quads_n; j++) {
                        total[i][j] += sum[i][j];
                        sum[i][j] = C(0);
                    }
                }
            }
            if (more) {
                carry_a.put(a, shared + (at ^ 1) * both);
                carry_b.put(b, shared + (at ^ 1) * both + slice * pitch_a);
            }
            __syncthreads();
        }

        C column_sum = C(0);
#pragma unroll
        for (int q = 0; q < quads_m; q++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int r = 0; r < quads_n; r++) {
                    const C four[4] = {total[4 * q + i][4 * r], total[4 * q + i][4 * r + 1], total[4 * q + i][4 * r + 2],
                                       total[4 * q + i][4 * r + 3]};
                    write_four(shared + (y + i) * pitch + 64 * r + x, four);
                }
            }
            __syncthreads();
            finish_rows<columns, threads>(finish, tiles, tile, shared, 64, pitch, [&](int i) { return tile.row + 64 * q + i; }, column_sum);
            __syncthreads();
        }
        finish_columns<columns>(finish, tiles, tile, column_sum);
    }
}

template <int quads_m, int quads_n, class A, class B, class F>
void launch_simt_tiles(const A& a, const B& b, const F& finish, const Tiles& tiles, Stream stream) {
    launch<tile_simt_kernel<quads_m, quads_n, A, B, F>>({dim3(tile_blocks(tiles)), simt::threads, 0, stream}, a, b, finish, tiles);
}

}  // namespace gpudl
