// Reduces and writes pieces of rows that are too few, and too long, for a block each: the candidate `pieces_of_rows` of rows.cuh, which says
// what a program has.
//
// A launch for each stage and one that writes. 256 threads take a piece of a row, a packet of 16 bytes each at a time; every thread adds up
// 8 packets before it joins them to what it found. The partial results of a stage go through scratch memory, where all blocks of a row join
// them in the same order.
// bytes moved per element: 1 read of each operand a stage, 1 more and 1 write at the end. expected bound: memory bandwidth, or that of the
// cache where a row stays there from stage to stage.
#pragma once
#include "reduce.cuh"

namespace gpudl {
namespace rows {

using namespace reduction;

// The partial results of a stage; every thread of the block gets the whole.
template <class Stage, class A> __device__ __forceinline__ A join_pieces(const A* partial, int64_t splits, A* held) {
    A whole = Stage::empty();
    for (int64_t i = threadIdx.x; i < splits; i += threads) whole = Stage::join(whole, partial[i]);
    return join_block(Stage{}, whole, held);
}

// A task is one of `splits` pieces of a row. stage 1 or 2: what it finds goes to `first` or `second`; 3: it is written anew.
template <class P, class T> __global__ void __launch_bounds__(threads, 1)
    pieces_kernel(const __grid_constant__ P p, int64_t outputs, int64_t count, int64_t splits, bool aligned, int stage,
                  typename P::First::Acc* first, typename P::Second::Acc* second) {
    constexpr int width = width_of<T>;
    using First = typename P::First;
    using Second = typename P::Second;
    GPUDL_SHARED_ARRAY(typename First::Acc, of_first, [threads / 32]);
    GPUDL_SHARED_ARRAY(typename Second::Acc, of_second, [threads / 32]);
    const int64_t packets = (count + width - 1) / width, piece = (packets + splits - 1) / splits;
    for (int64_t task = blockIdx.x; task < outputs * splits; task += gridDim.x) {
        const int64_t out = task / splits, split = task - out * splits, begin = split * piece, end = min(begin + piece, packets);
        const typename P::Row row = p.begin(out);
        typename First::Acc found = First::empty();
        typename Second::Acc more = Second::empty();
        const auto read = [&](Item<P>(&items)[width], int64_t at) {
            load_items<T>(items, p, out * count + at, count - at, aligned);
#pragma unroll
            for (int j = 0; j < width; j++) {
                if (at + j < count) items[j] = p.prepare(items[j], row, at + j);
            }
        };
        if (stage == 1) {
            for (int64_t start = begin + threadIdx.x; start < end; start += threads * chunk) {
                typename First::Acc part = First::empty();
#pragma unroll 2
                for (int64_t packet = start; packet < min(start + threads * chunk, end); packet += threads) {
                    Item<P> items[width];
                    read(items, packet * width);
#pragma unroll
                    for (int j = 0; j < width; j++) {
                        if (packet * width + j < count) part = First::join(part, p.first(items[j], row, packet * width + j));
                    }
                }
                found = First::join(found, part);
            }
            found = join_block(First{}, found, of_first);
            if (threadIdx.x == 0) first[task] = found;
            continue;
        }
        found = join_pieces<First>(first + out * splits, splits, of_first);
        if constexpr (Second::there) {
            if (stage == 2) {
                for (int64_t start = begin + threadIdx.x; start < end; start += threads * chunk) {
                    typename Second::Acc part = Second::empty();
#pragma unroll 2
                    for (int64_t packet = start; packet < min(start + threads * chunk, end); packet += threads) {
                        Item<P> items[width];
                        read(items, packet * width);
#pragma unroll
                        for (int j = 0; j < width; j++) {
                            if (packet * width + j >= count) continue;
                            part = Second::join(part, p.second(p.change(items[j], found, row), row, packet * width + j));
                        }
                    }
                    more = Second::join(more, part);
                }
                more = join_block(Second{}, more, of_second);
                if (threadIdx.x == 0) second[task] = more;
                continue;
            }
            more = join_pieces<Second>(second + out * splits, splits, of_second);
        }
        const auto result = p.settle(found, more, row, out, split == 0 && threadIdx.x == 0);
#pragma unroll 2
        for (int64_t packet = begin + threadIdx.x; packet < end; packet += threads) {
            Item<P> items[width];
            Packet<T, width> made;
            const int64_t at = packet * width;
            read(items, at);
#pragma unroll
            for (int j = 0; j < width; j++) {
                if (at + j >= count) continue;
                if constexpr (Second::there) items[j] = p.change(items[j], found, row);
                made.item[j] = narrow<T>(p.map(items[j], result, row, at + j));
            }
            T* to = reinterpret_cast<T*>(p.y) + out * count + at;
            if (aligned) {
                store(reinterpret_cast<Packet<T, width>*>(to), made);
            } else {
#pragma unroll
                for (int j = 0; j < width; j++) {
                    if (at + j < count) to[j] = made.item[j];
                }
            }
        }
    }
}

}  // namespace rows
}  // namespace gpudl
