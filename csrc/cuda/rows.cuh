// Reduces rows and then writes them anew from what was found: the kernels behind softmax, layer norm and the gradients of reductions.
//
// A program says what is found in one or two stages, and what is written; `Rows<Program>::run` chooses where a row stays meanwhile:
//
//   rows_in_registers  up to 1,024 numbers: 8 or 32 lanes a row, up to 32 numbers of each operand a lane. One read, one write.
//   rows_in_shared     256 threads a row, which lies in shared memory, up to 47 KiB. One read, one write.
//   pieces_of_rows     fewer rows than keep a GPU busy, and longer: several blocks a row, a launch a stage, whose partial results go through
//                      scratch memory. A row is read again for each stage, mostly from the cache.
//   long_rows          256 threads a row, read again for each stage.
//   any                one warp a row, any axes, read again for each stage: the last candidate.
//
// expected bound: memory bandwidth; softmax of 16-bit floats comes close to that of arithmetic.
//
// A program P has
//   C, inputs, in[], dtype, y, y_dtype   as in reduce.h
//   First, Second            stages: Acc, empty(), join(a, b). Second = NoStage where one is enough
//   Row begin(out)           what is needed for one row
//   prepare(item, row, at)   what becomes of the numbers read, before the first stage
//   first(item, row, at), change(item, found, row), second(item, row, at)      what an item adds to a stage; what becomes of it in between
//   Result settle(found, found, row, out, leader)     what `map` needs; one leader a row writes what there is to write once
//   map(item, result, row, at)
#pragma once
#include "row_pieces.cuh"

namespace gpudl {
namespace rows {

using namespace reduction;

constexpr int64_t most_shared = 47 * 1024;

template <class P, class T, int lanes, int per> __global__ void __launch_bounds__(128, 1)
    registers_kernel(const __grid_constant__ P p, int64_t outputs, int count, bool aligned) {
    constexpr int width = width_of<T> < per ? width_of<T> : per, packets = per / width, rows = 128 / lanes;
    const int lane = int(threadIdx.x) % lanes;
    for (int64_t base = int64_t(blockIdx.x) * rows; base < outputs; base += int64_t(gridDim.x) * rows) {  // the same for the whole block
        const int64_t out = base + threadIdx.x / lanes;
        const bool mine = out < outputs;
        typename P::Row row = {};
        if (mine) row = p.begin(out);
        Item<P> items[packets][width];
        typename P::First::Acc found = P::First::empty();
        const int n = mine ? count : 0;
#pragma unroll
        for (int i = 0; i < packets; i++) {
            const int at = (i * lanes + lane) * width;
            if (at < n) load_items<T>(items[i], p, out * count + at, n - at, aligned);
        }
#pragma unroll
        for (int i = 0; i < packets; i++) {
#pragma unroll
            for (int j = 0; j < width; j++) {
                const int at = (i * lanes + lane) * width + j;
                if (at >= n) continue;
                items[i][j] = p.prepare(items[i][j], row, at);
                found = P::First::join(found, p.first(items[i][j], row, at));
            }
        }
        found = join_lanes(typename P::First{}, found, lanes);
        typename P::Second::Acc more = P::Second::empty();
        if constexpr (P::Second::there) {
#pragma unroll
            for (int i = 0; i < packets; i++) {
#pragma unroll
                for (int j = 0; j < width; j++) {
                    const int at = (i * lanes + lane) * width + j;
                    if (at >= n) continue;
                    items[i][j] = p.change(items[i][j], found, row);
                    more = P::Second::join(more, p.second(items[i][j], row, at));
                }
            }
            more = join_lanes(typename P::Second{}, more, lanes);
        }
        if (!mine) continue;
        const auto result = p.settle(found, more, row, out, lane == 0);
        T* to = reinterpret_cast<T*>(p.y) + out * count;
#pragma unroll
        for (int i = 0; i < packets; i++) {
            const int first = (i * lanes + lane) * width;
            if (first >= n) continue;
            Packet<T, width> packet;
#pragma unroll
            for (int j = 0; j < width; j++) {
                if (first + j < n) packet.item[j] = narrow<T>(p.map(items[i][j], result, row, first + j));
            }
            if (aligned) {
                store(reinterpret_cast<Packet<T, width>*>(to + first), packet);
            } else {
#pragma unroll
                for (int j = 0; j < width; j++) {
                    if (first + j < n) to[first + j] = packet.item[j];
                }
            }
        }
    }
}

// Each thread comes back to the items that it put into shared memory itself. `shared`: they lie there between the stages.
template <class P, class T> __global__ void __launch_bounds__(threads, 1)
    block_kernel(const __grid_constant__ P p, int64_t outputs, int64_t count, bool aligned, bool shared) {
    constexpr int width = width_of<T>;
    using C = typename P::C;
    GPUDL_DYNAMIC_SHARED(C, held);
    GPUDL_SHARED_ARRAY(typename P::First::Acc, of_first, [threads / 32]);
    GPUDL_SHARED_ARRAY(typename P::Second::Acc, of_second, [threads / 32]);
    const int64_t packets = (count + width - 1) / width;
    for (int64_t out = blockIdx.x; out < outputs; out += gridDim.x) {
        const typename P::Row row = p.begin(out);
        const auto keep = [&](const Item<P>(&items)[width], int64_t packet) {
            for (int j = 0; j < width; j++) {
                for (int k = 0; k < P::inputs; k++) held[(j * P::inputs + k) * packets + packet] = items[j].v[k];
            }
        };
        const auto fetch = [&](Item<P>(&items)[width], int64_t packet) {
            for (int j = 0; j < width; j++) {
                for (int k = 0; k < P::inputs; k++) items[j].v[k] = held[(j * P::inputs + k) * packets + packet];
            }
        };
        const auto read = [&](Item<P>(&items)[width], int64_t packet) {
            const int64_t at = packet * width;
            load_items<T>(items, p, out * count + at, count - at, aligned);
            for (int j = 0; j < width; j++) {
                if (at + j < count) items[j] = p.prepare(items[j], row, at + j);
            }
        };
        typename P::First::Acc found = P::First::empty();
#pragma unroll 2
        for (int64_t packet = threadIdx.x; packet < packets; packet += threads) {
            Item<P> items[width];
            read(items, packet);
#pragma unroll
            for (int j = 0; j < width; j++) {
                if (packet * width + j < count) found = P::First::join(found, p.first(items[j], row, packet * width + j));
            }
            if (shared) keep(items, packet);
        }
        found = join_block(typename P::First{}, found, of_first);
        typename P::Second::Acc more = P::Second::empty();
        if constexpr (P::Second::there) {
            for (int64_t packet = threadIdx.x; packet < packets; packet += threads) {
                Item<P> items[width];
                if (shared) fetch(items, packet);
                else read(items, packet);
#pragma unroll
                for (int j = 0; j < width; j++) {
                    if (packet * width + j >= count) continue;
                    items[j] = p.change(items[j], found, row);
                    more = P::Second::join(more, p.second(items[j], row, packet * width + j));
                }
                if (shared) keep(items, packet);
            }
            more = join_block(typename P::Second{}, more, of_second);
        }
        const auto result = p.settle(found, more, row, out, threadIdx.x == 0);
        for (int64_t packet = threadIdx.x; packet < packets; packet += threads) {
            Item<P> items[width];
            Packet<T, width> made;
            if (shared) fetch(items, packet);
            else read(items, packet);
            const int64_t first = packet * width;
#pragma unroll
            for (int j = 0; j < width; j++) {
                if (first + j >= count) continue;
                if constexpr (P::Second::there) {
                    if (!shared) items[j] = p.change(items[j], found, row);
                }
                made.item[j] = narrow<T>(p.map(items[j], result, row, first + j));
            }
            T* to = reinterpret_cast<T*>(p.y) + out * count + first;
            if (aligned) {
                store(reinterpret_cast<Packet<T, width>*>(to), made);
            } else {
                for (int j = 0; j < width; j++) {
                    if (first + j < count) to[j] = made.item[j];
                }
            }
        }
    }
}

template <class P> __global__ void __launch_bounds__(threads)
    simple_kernel(const __grid_constant__ P p, const __grid_constant__ Axes axes) {
    const int lane = int(threadIdx.x) % 32;
    for (int64_t out = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32; out < axes.outputs;
         out += int64_t(gridDim.x) * (threads / 32)) {
        const int64_t origin = offset_of(out, axes.kept_size, axes.kept_stride, axes.kept);
        const typename P::Row row = p.begin(out);
        const auto offset = [&](int64_t at) { return origin + offset_of(at, axes.gone_size, axes.gone_stride, axes.gone); };
        typename P::First::Acc found = P::First::empty();
        for (int64_t at = lane; at < axes.count; at += 32)
            found = P::First::join(found, p.first(p.prepare(load_item(p, offset(at)), row, at), row, at));
        found = join_lanes(typename P::First{}, found, 32);
        typename P::Second::Acc more = P::Second::empty();
        if constexpr (P::Second::there) {
            for (int64_t at = lane; at < axes.count; at += 32) {
                const Item<P> item = p.change(p.prepare(load_item(p, offset(at)), row, at), found, row);
                more = P::Second::join(more, p.second(item, row, at));
            }
            more = join_lanes(typename P::Second{}, more, 32);
        }
        const auto result = p.settle(found, more, row, out, lane == 0);
        for (int64_t at = lane; at < axes.count; at += 32) {
            Item<P> item = p.prepare(load_item(p, offset(at)), row, at);
            if constexpr (P::Second::there) item = p.change(item, found, row);
            p.put(offset(at), p.map(item, result, row, at));
        }
    }
}

template <class P> void launch_any(const Problem<P>& q, Stream stream) {
    launch<simple_kernel<P>>({blocks_for(ceil_div(q.axes.outputs, threads / 32)), threads, 0, stream}, q.p, q.axes);
}

// A program that has a better one for rows that are read again says so by `Long` and `for_long`.
template <class P, class = void> struct ForLong {
    using Type = P;
    static P of(const P& p) { return p; }
};
template <class P> struct ForLong<P, std::void_t<typename P::Long>> {
    using Type = typename P::Long;
    static Type of(const P& p) { return p.for_long(); }
};

template <class P, class T = void> struct Rows {
    using Q = Problem<P>;

    static bool aligned(const Q& q) {
        bool all = q.axes.count % width_of<T> == 0 && reinterpret_cast<uintptr_t>(q.p.y) % 16 == 0;
        for (const char* from : q.p.in) all = all && reinterpret_cast<uintptr_t>(from) % 16 == 0;
        return all;
    }
    static int64_t shared_bytes(const Q& q) {
        return ceil_div(q.axes.count, width_of<T>) * width_of<T> * P::inputs * int64_t(sizeof(typename P::C));
    }
    static const char* not_registers(const Q& q, const Device&) {
        return !q.axes.rows() ? "the axes are no row" : q.axes.count > 1024 ? "rows are long" : nullptr;
    }
    static const char* not_shared(const Q& q, const Device&) {
        return !q.axes.rows() ? "the axes are no row" : shared_bytes(q) > most_shared ? "a row is larger than shared memory" : nullptr;
    }
    // By the shape alone, like the order in which partial results are joined.
    static int64_t splits(const Q& q) {
        return q.axes.outputs >= most_splits
                   ? 1
                   : min(ceil_div(most_splits, q.axes.outputs), ceil_div(q.axes.count, threads * width_of<T> * 2));
    }
    static const char* not_pieces(const Q& q, const Device&) {
        return !q.axes.rows() ? "the axes are no row" : splits(q) < 2 ? "a block for each row keeps the device busy" : nullptr;
    }
    static const char* not_rows(const Q& q, const Device&) { return q.axes.rows() ? nullptr : "the axes are no row"; }

    template <int lanes, int per> static void launch_lanes(const Q& q, Stream stream) {
        launch<registers_kernel<P, T, lanes, per>>({blocks_for(ceil_div(q.axes.outputs, 128 / lanes)), 128, 0, stream}, q.p, q.axes.outputs,
                                                   int(q.axes.count), aligned(q));
    }
    static void launch_registers(const Q& q, Stream stream) {
        if (q.axes.count <= 64) launch_lanes<8, 8>(q, stream);
        else launch_lanes<32, 32>(q, stream);
    }
    static void launch_shared(const Q& q, Stream stream) {
        launch<block_kernel<P, T>>({blocks_for(q.axes.outputs), threads, size_t(shared_bytes(q)), stream}, q.p, q.axes.outputs,
                                   q.axes.count, aligned(q), true);
    }
    static void launch_pieces(const Q& q, Stream stream) {
        using L = typename ForLong<P>::Type;
        using First = typename L::First::Acc;
        using Second = typename L::Second::Acc;
        const L p = ForLong<P>::of(q.p);
        const int64_t pieces = splits(q), tasks = q.axes.outputs * pieces;
        First* first = static_cast<First*>(scratch().data);
        Second* second = reinterpret_cast<Second*>(static_cast<char*>(scratch().data) + ceil_div(tasks * int64_t(sizeof(First)), 16) * 16);
        for (int stage = 1; stage <= 3; stage++) {
            if (stage == 2 && !L::Second::there) continue;
            launch<pieces_kernel<L, T>>({blocks_for(tasks), threads, 0, stream}, p, q.axes.outputs, q.axes.count, pieces, aligned(q), stage,
                                        first, second);
        }
    }
    static void launch_long(const Q& q, Stream stream) {
        launch<block_kernel<typename ForLong<P>::Type, T>>({blocks_for(q.axes.outputs), threads, 0, stream}, ForLong<P>::of(q.p),
                                                           q.axes.outputs, q.axes.count, aligned(q), false);
    }
    static void run(const char* name, const P& p, const Axes& axes, Stream stream) {
        if (axes.outputs == 0) return;
        static constexpr Candidate<Q> candidates[] = {
            {"rows_in_registers", Tier::simt, not_registers, launch_registers},
            {"rows_in_shared", Tier::simt, not_shared, launch_shared},
            {"pieces_of_rows", Tier::simt, not_pieces, launch_pieces},
            {"long_rows", Tier::simt, not_rows, launch_long},
            {"any", Tier::simple, nullptr, launch_any<P>},
        };
        dispatch(name, candidates, Q{p, axes}, stream);
    }
};

// For dtypes that are rarely large.
template <class P> struct Rows<P, void> {
    static void run(const char* name, const P& p, const Axes& axes, Stream stream) {
        if (axes.outputs == 0) return;
        static constexpr Candidate<Problem<P>> candidates[] = {{"any", Tier::simple, nullptr, launch_any<P>}};
        dispatch(name, candidates, Problem<P>{p, axes}, stream);
    }
};

// `make(C{})` makes the program that computes in C.
template <class Make> void write_rows(const char* name, char dtype, const Axes& axes, Stream stream, Make make) {
    using Single = decltype(make(0.0f));
    switch (dtype) {
        case 'f': Rows<Single, float>::run(name, make(0.0f), axes, stream); break;
        case 'e': Rows<Single, float16>::run(name, make(0.0f), axes, stream); break;
        case 'E': Rows<Single, bfloat16>::run(name, make(0.0f), axes, stream); break;
        default: Rows<decltype(make(0.0))>::run(name, make(0.0), axes, stream); break;
    }
}

}  // namespace rows
}  // namespace gpudl
