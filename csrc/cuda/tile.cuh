// What every tile core has in common: which tile of which product a block works on, and how a tile of sums is finished.
//
// A core (tile_simt.cuh, tile_mma_sm80.cuh) is a kernel of two loaders (loader.cuh) and a Finish (epilogue.cuh). It sums slices of k in
// registers, stages its sums in shared memory some rows at a time, and calls `finish_rows`. With splits > 1 the sums of each part of k go to
// scratch memory, and `launch_splits` adds them in order and finishes. Column sums are made from what the Finish leaves.
#pragma once
#include <algorithm>

#include <gpudl/platform.h>

#include "column_sums.cuh"
#include "epilogue.cuh"
#include "loader.cuh"

namespace gpudl {

constexpr int chunk_k = 128;     // products that are summed before a sum is added to the total: bounds the rounding error of long sums
constexpr int least_part = 256;  // of k, that is worth a block of its own

struct Tile {
    int64_t batch, row, column, part;  // the first row and column; the number of the part of k
    int64_t first_k, end_k;            // end_k is a multiple of the slice
    int64_t down;                      // number of the row of tiles, over all batches
};

// All tiles of a product. Neighbouring blocks work on neighbouring tiles, `raster` rows of tiles at a time, so that they share what L2 holds.
struct Tiles {
    int64_t m, n, batches, part_k, k;
    int64_t down, across, parts, count;
    void* partial;  // parts > 1: sums [part][batch][m][n]; column sums: [row of tiles][n]
    int rows, columns;

    static constexpr int64_t raster = 8;

    __device__ Tile at(int64_t i) const {
        Tile t;
        const int64_t tiles = down * across, slab = i / tiles, in_slab = i - slab * tiles;
        t.batch = slab / parts;
        t.part = slab - t.batch * parts;
        const int64_t group = in_slab / (raster * across), in_group = in_slab - group * raster * across;
        const int64_t high = min(raster, down - group * raster), column = in_group / high, row = group * raster + in_group - column * high;
        t.row = row * rows;
        t.column = column * columns;
        t.first_k = t.part * part_k;
        t.end_k = t.first_k + part_k;
        t.down = t.batch * down + row;
        return t;
    }
};

// How many parts of k: a function of sizes alone, since the order of a sum must not depend on the device. Enough for 264 blocks of 64 x 64.
inline int64_t parts_of(int64_t m, int64_t n, int64_t k, int64_t batches, int64_t item) {
    constexpr int64_t wanted = 264, most_bytes = 1 << 23;
    const int64_t tiles = ((m + 63) / 64) * ((n + 63) / 64) * batches, bytes = m * n * batches * item;
    const int64_t fits = std::min(scratch().bytes, most_bytes) / std::max<int64_t>(1, bytes);
    return std::max<int64_t>(1, std::min<int64_t>({wanted / std::max<int64_t>(1, tiles), k / least_part, fits}));
}

// Whether tiles of 128 x 128 occupy the device; else those of 64 x 64 do it better. The bits are the same.
inline bool large_tiles(const MatmulProblem& p, int64_t parts) {
    constexpr int64_t enough = 100;
    return std::min(p.m, p.n) > 64 && ((p.m + 127) / 128) * ((p.n + 127) / 128) * p.batches.size * parts >= enough;
}

// `slice` is the core's step along k, a divisor of chunk_k.
inline Tiles tiles_of(int64_t m, int64_t n, int64_t k, int64_t batches, int rows, int columns, int slice, int64_t parts) {
    Tiles t = {};
    t.m = m, t.n = n, t.k = k, t.batches = batches, t.rows = rows, t.columns = columns;
    const int64_t unit = parts > 1 ? chunk_k : slice;
    t.part_k = ((k + parts - 1) / parts + unit - 1) / unit * unit;
    t.parts = t.part_k ? (k + t.part_k - 1) / t.part_k : 1;
    t.down = (m + rows - 1) / rows, t.across = (n + columns - 1) / columns;
    t.count = t.down * t.across * t.parts * batches;
    return t;
}

inline unsigned tile_blocks(const Tiles& t) { return unsigned(std::min<int64_t>(t.count, INT32_MAX)); }

// Finishes `staged` rows of a tile from `first` on, whose sums lie in shared memory, rows `pitch` apart (a multiple of 16 bytes). All threads of
// the block come; the caller has a barrier before and after. `of_row(i)` is the row of y of staged row i. Thread t < columns gathers column t.
template <int columns, int threads, class F, class OfRow, class C>
__device__ __forceinline__ void finish_rows(const F& finish, const Tiles& tiles, const Tile& tile, C* stage, int staged, int pitch,
                                            OfRow of_row, C& column_sum) {
    constexpr int width = F::width, packets = columns / width;
    const int t = int(threadIdx.x);
#pragma unroll 1
    for (int i = t; i < staged * packets; i += threads) {
        const int at = i / packets, first = i % packets * width;
        const int64_t row = of_row(at), column = tile.column + first, left = tiles.n - column;
        if (row >= tiles.m || left <= 0) continue;
        C* from = stage + at * pitch + first;
        C sums[width];
#pragma unroll
        for (int j = 0; j < width; j++) sums[j] = from[j];
        const int count = left < width ? int(left) : width;
        if (tiles.parts > 1) {
            C* to = static_cast<C*>(tiles.partial) + ((tile.part * tiles.batches + tile.batch) * tiles.m + row) * tiles.n + column;
            if (tiles.n % (16 / int(sizeof(C))) == 0 && count == width) {  // scratch memory begins at a multiple of 16 bytes
                constexpr int words = 16 / int(sizeof(C));
                static_assert(width % words == 0, "whole packets of sums");
#pragma unroll
                for (int j = 0; j < width; j += words) {
                    Packet<C, words> packet;
#pragma unroll
                    for (int w = 0; w < words; w++) packet.item[w] = sums[j + w];
                    store(reinterpret_cast<Packet<C, words>*>(to + j), packet);
                }
            } else {
#pragma unroll
                for (int j = 0; j < width; j++) {
                    if (j < count) to[j] = sums[j];
                }
            }
            continue;
        }
        finish.write(sums, tile.batch, row, column, count);
        if (finish.e.sums) {
#pragma unroll
            for (int j = 0; j < width; j++) from[j] = sums[j];
        }
    }
    if (tiles.parts > 1 || !finish.e.sums) return;
    __syncthreads();
    if (t < columns && tile.column + t < tiles.n) {
#pragma unroll 1
        for (int i = 0; i < staged; i++) {
            if (of_row(i) < tiles.m) column_sum += stage[i * pitch + t];
        }
    }
}

// … and after all rows of a tile.
template <int columns, class F, class C>
__device__ __forceinline__ void finish_columns(const F& finish, const Tiles& tiles, const Tile& tile, C column_sum) {
    const int t = int(threadIdx.x);
    if (tiles.parts == 1 && finish.e.sums && t < columns && tile.column + t < tiles.n)
        static_cast<C*>(tiles.partial)[tile.down * tiles.n + tile.column + t] = column_sum;
}

// Adds the parts of each sum, in order, and finishes: a thread `width` neighbours. Bytes moved: those of the parts and of y.
template <class F> __global__ void __launch_bounds__(256)
    add_parts_kernel(const __grid_constant__ F finish, const typename F::Value* partial, int64_t parts, int64_t batches, int64_t m,
                     int64_t n) {
    using C = typename F::Value;
    constexpr int width = F::width;
    const int64_t packets = (n + width - 1) / width, count = batches * m * packets;
    for (int64_t i = int64_t(blockIdx.x) * 256 + threadIdx.x; i < count; i += int64_t(gridDim.x) * 256) {
        const int64_t line = i / packets, column = (i - line * packets) * width, batch = line / m;
        const int left = n - column < width ? int(n - column) : width;
        C sums[width];
#pragma unroll
        for (int j = 0; j < width; j++) sums[j] = C(0);
        const C* from = partial + line * n + column;
        for (int64_t p = 0; p < parts; p++, from += batches * m * n) {
#pragma unroll
            for (int j = 0; j < width; j++) sums[j] += j < left ? from[j] : C(0);
        }
        finish.write(sums, batch, line - batch * m, column, left);
    }
}

// Whether the column sums of a row of tiles fit into scratch memory.
inline bool column_sums_fit(const Tiles& t, int64_t item) { return t.batches * t.down * t.n * item <= scratch().bytes; }

// Runs a core, `go(tiles, finish)`, and what its tiles leave to be done. `p` knows y as it lies; `rows` of its sums are T.
template <class T, class C, class F, class Go> void launch_tiles(const MatmulProblem& p, Tiles tiles, F finish, Stream stream, Go go) {
    const bool sums = finish.e.sums && tiles.parts == 1 && column_sums_fit(tiles, sizeof(C));
    if (tiles.parts > 1 || sums) tiles.partial = scratch().data;
    if (!sums) finish.e.sums = nullptr;
    go(tiles, finish);
    if (tiles.parts > 1) {
        const int64_t packets = (p.n + F::width - 1) / F::width * p.m * p.batches.size;
        launch<add_parts_kernel<F>>({dim3(unsigned(std::min<int64_t>((packets + 255) / 256, 65536))), 256, 0, stream}, finish,
                                    static_cast<const C*>(tiles.partial), tiles.parts, tiles.batches, tiles.m, tiles.n);
    }
    if (sums) sum_partial_rows<T, C>(p.epilogue.sums, static_cast<const C*>(tiles.partial), tiles.batches * tiles.down, p.n, stream);
    else sum_columns_of_y<T, C>(p, stream);
}

}  // namespace gpudl
