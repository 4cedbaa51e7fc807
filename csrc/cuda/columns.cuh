// Writes columns anew from what is known of each: the second pass of batch norm, forward and backward.
//
//   columns  a thread holds what is known of 16 bytes of neighbouring columns and walks down rows, several loads on their way at once.
//   any      one element a thread; what is known of its column is found again for each.
//
// bytes moved per element: the item size of each operand once. expected bound: memory bandwidth.
//
// A program has C, inputs, in[], dtype, y, y_dtype as in reduce.h, Row begin(column) and map(item, row).
#pragma once
#include "reduce.cuh"

namespace gpudl {
namespace columns {

using namespace reduction;

constexpr int rows_a_thread = 16;

template <class P, class T> __global__ void __launch_bounds__(threads, 1)
    walk_kernel(const __grid_constant__ P p, int64_t count, int64_t inner, int64_t tiles, int log_across, bool aligned) {
    constexpr int width = width_of<T>, together = 4;
    const int across = 1 << log_across, down = threads >> log_across;
    const int x = int(threadIdx.x) & (across - 1), y = int(threadIdx.x) >> log_across;
    const int64_t pieces = (count + down * rows_a_thread - 1) / (down * rows_a_thread);
    for (int64_t task = blockIdx.x; task < tiles * pieces; task += gridDim.x) {
        const int64_t piece = task / tiles, column = ((task - piece * tiles) * across + x) * width, n = inner - column;
        if (n <= 0) continue;
        typename P::Row rows[width];
#pragma unroll
        for (int j = 0; j < width; j++) rows[j] = p.begin(j < n ? column + j : column);
        const int64_t first = piece * (down * rows_a_thread) + y;
        for (int i = 0; i < rows_a_thread; i += together) {
            Item<P> items[together][width];
#pragma unroll
            for (int u = 0; u < together; u++) {
                const int64_t at = first + int64_t(i + u) * down;
                if (at < count) load_items<T>(items[u], p, at * inner + column, n, aligned);
            }
#pragma unroll
            for (int u = 0; u < together; u++) {
                const int64_t at = first + int64_t(i + u) * down;
                if (at >= count) continue;
                Packet<T, width> made;
#pragma unroll
                for (int j = 0; j < width; j++) made.item[j] = narrow<T>(p.map(items[u][j], rows[j]));
                T* to = reinterpret_cast<T*>(p.y) + at * inner + column;
                if (aligned) {
                    store(reinterpret_cast<Packet<T, width>*>(to), made);
                } else {
#pragma unroll
                    for (int j = 0; j < width; j++) {
                        if (j < n) to[j] = made.item[j];
                    }
                }
            }
        }
    }
}

template <class P> __global__ void __launch_bounds__(threads) simple_kernel(const __grid_constant__ P p, int64_t size, int64_t inner) {
    for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < size; i += int64_t(gridDim.x) * threads)
        p.put(i, p.map(load_item(p, i), p.begin(i % inner)));
}

template <class P> struct Problem {
    P p;
    int64_t count, inner;
};

template <class P> void launch_any(const Problem<P>& q, Stream stream) {
    const int64_t size = q.count * q.inner;
    launch<simple_kernel<P>>({blocks_for(ceil_div(size, threads)), threads, 0, stream}, q.p, size, q.inner);
}

template <class P, class T> void launch_walk(const Problem<P>& q, Stream stream) {
    constexpr int width = width_of<T>;
    int log_across = 0;
    while (log_across < 5 && (int64_t(width) << log_across) < q.inner) log_across++;
    const int64_t tiles = ceil_div(q.inner, int64_t(width) << log_across),
                  pieces = ceil_div(q.count, (threads >> log_across) * rows_a_thread);
    bool aligned = q.inner % width == 0 && reinterpret_cast<uintptr_t>(q.p.y) % 16 == 0;
    for (const char* from : q.p.in) aligned = aligned && reinterpret_cast<uintptr_t>(from) % 16 == 0;
    launch<walk_kernel<P, T>>({blocks_for(tiles * pieces), threads, 0, stream}, q.p, q.count, q.inner, tiles, log_across, aligned);
}

template <class P, class T = void> void run(const char* name, const P& p, int64_t count, int64_t inner, Stream stream) {
    if (count * inner == 0) return;
    using Q = Problem<P>;
    if constexpr (std::is_void_v<T>) {
        static constexpr Candidate<Q> candidates[] = {{"any", Tier::simple, nullptr, launch_any<P>}};
        dispatch(name, candidates, Q{p, count, inner}, stream);
    } else {
        static constexpr Candidate<Q> candidates[] = {{"columns", Tier::simt, nullptr, launch_walk<P, T>},
                                                      {"any", Tier::simple, nullptr, launch_any<P>}};
        dispatch(name, candidates, Q{p, count, inner}, stream);
    }
}

// `make(C{})` makes the program that computes in C.
template <class Make> void write_columns(const char* name, char dtype, int64_t count, int64_t inner, Stream stream, Make make) {
    using Single = decltype(make(0.0f));
    switch (dtype) {
        case 'f': run<Single, float>(name, make(0.0f), count, inner, stream); break;
        case 'e': run<Single, float16>(name, make(0.0f), count, inner, stream); break;
        case 'E': run<Single, bfloat16>(name, make(0.0f), count, inner, stream); break;
        default: run<decltype(make(0.0))>(name, make(0.0), count, inner, stream); break;
    }
}

}  // namespace columns
}  // namespace gpudl
