// Makes one result of many numbers, in an order that depends on shapes alone: the kernels behind every reduction.
//
// A program says what is done with the numbers; `Reduce<Program>::run` chooses how they are walked through:
//
//   short_rows  rows of up to 1,024 numbers: 1 to 32 lanes a row, 16 bytes a lane and turn, joined by shuffles.
//   long_rows   256 threads a row, or several blocks a row where there are few rows: their partial results go through scratch memory.
//   columns     (outer, count, inner): a thread holds 16 bytes of neighbouring columns and walks down rows, blocks share the rows of few
//               columns, partial results go through scratch memory.
//   any         one warp a result, any axes: the last candidate.
//
// bytes moved per element: the item size of each operand, once. expected bound: memory bandwidth; partial results are at most a few MB.
// No thread adds more than some hundred numbers one after another: 32 or 64 make a part, parts make a total, totals are joined in a tree.
//
// A program P has
//   C, inputs, in[], dtype        the type it computes in, and operands of x's shape and dtype
//   Row begin(out, offset)        what is needed for one result; offset is that of its first element
//   Part start(), take(part, item, row, at), Acc close(part, row)      at: the number of the element among those of the result
//   Acc empty(), join(a, b)       a before b
//   finish(acc, out, row)         writes the result
// The fast kernels are compiled for each dtype; `any` and what is done once a result find the dtype at run time.
#pragma once
#include <gpudl/axes.h>
#include <gpudl/dispatch.h>
#include <gpudl/platform.h>
#include <gpudl/reduce.h>

namespace gpudl {
namespace reduction {

constexpr int threads = 256, chunk = 8;                    // packets of a part
constexpr int64_t most_splits = 512, most_blocks = 65536;  // of one launch; the grid strides over the rest

template <class P> struct Item {
    typename P::C v[P::inputs];
};

template <class T> constexpr int width_of = int(16 / sizeof(T));

// An element in the type of its arithmetic.
template <class C, class T> __device__ __forceinline__ C computed(T x) {
    if constexpr (std::is_integral_v<T>) return C(x);
    else return wide(x);
}

// Neighbouring items; `n` of them exist. One load an operand where `aligned`, which means that they all do.
template <class T, class P, int width>
__device__ __forceinline__ void load_items(Item<P> (&items)[width], const P& p, int64_t offset, int64_t n, bool aligned) {
#pragma unroll
    for (int k = 0; k < P::inputs; k++) {
        const T* from = reinterpret_cast<const T*>(p.in[k]) + offset;
        if (aligned) {
            const Packet<T, width> packet = load(reinterpret_cast<const Packet<T, width>*>(from));
#pragma unroll
            for (int j = 0; j < width; j++) items[j].v[k] = computed<typename P::C>(packet.item[j]);
        } else {
#pragma unroll
            for (int j = 0; j < width; j++) items[j].v[k] = j < n ? computed<typename P::C>(from[j]) : typename P::C(0);
        }
    }
}

template <class P> __device__ __forceinline__ Item<P> load_item(const P& p, int64_t offset) {
    Item<P> item;
#pragma unroll
    for (int k = 0; k < P::inputs; k++) item.v[k] = read<typename P::C>(p.in[k], p.dtype, offset);
    return item;
}

// The same value of the lane whose number differs in the bits of `lanes`.
template <class A> __device__ __forceinline__ A exchanged(const A& mine, int lanes) {
    static_assert(sizeof(A) % 4 == 0, "exchanged word by word");
    unsigned words[sizeof(A) / 4];
    memcpy(words, &mine, sizeof(A));
#pragma unroll
    for (unsigned& word : words) word = __shfl_xor_sync(0xffffffffu, word, lanes);
    A other;
    memcpy(&other, words, sizeof(A));
    return other;
}

// Joins neighbouring lanes, `lanes` at a time (a power of 2). All lanes of the warp must come, and each gets the result.
template <class P, class A> __device__ __forceinline__ A join_lanes(const P& p, A acc, int lanes) {
    const int lane = int(threadIdx.x) % 32;
    for (int o = 1; o < lanes; o *= 2) {
        const A other = exchanged(acc, o);
        acc = lane & o ? p.join(other, acc) : p.join(acc, other);
    }
    return acc;
}

// Joins the threads of a block of `threads`; every thread gets the result. `held` is shared memory for a result a warp, free again after.
template <class P, class A> __device__ __forceinline__ A join_block(const P& p, A acc, A* held) {
    acc = join_lanes(p, acc, 32);
    if (threadIdx.x % 32 == 0) held[threadIdx.x / 32] = acc;
    __syncthreads();
    acc = held[threadIdx.x % (threads / 32)];
    __syncthreads();
    return join_lanes(p, acc, threads / 32);
}

template <class P, class T> __global__ void __launch_bounds__(threads, 1)
    short_rows_kernel(const __grid_constant__ P p, int64_t rows, int64_t count, int lanes, bool aligned) {
    constexpr int width = width_of<T>;
    const int64_t step = int64_t(gridDim.x) * (threads / lanes);
    const int lane = int(threadIdx.x) % lanes;
    for (int64_t first = int64_t(blockIdx.x) * (threads / lanes); first < rows; first += step) {  // the same for the whole block
        const int64_t out = first + threadIdx.x / lanes;
        typename P::Acc total = p.empty();
        typename P::Row row = {};
        if (out < rows) {
            row = p.begin(out, out * count);
            typename P::Part part = p.start();
            for (int64_t at = int64_t(lane) * width; at < count; at += lanes * width) {
                Item<P> items[width];
                load_items<T>(items, p, out * count + at, count - at, aligned);
#pragma unroll
                for (int j = 0; j < width; j++) {
                    if (at + j < count) part = p.take(part, items[j], row, at + j);
                }
            }
            total = p.close(part, row);
        }
        total = join_lanes(p, total, lanes);
        if (out < rows && lane == 0) p.finish(total, out, row);
    }
}

// A task is one of `splits` pieces of a row.
template <class P, class T> __global__ void __launch_bounds__(threads, 1)
    long_rows_kernel(const __grid_constant__ P p, int64_t rows, int64_t count, int64_t splits, bool aligned, typename P::Acc* partial) {
    constexpr int width = width_of<T>;
    GPUDL_SHARED_ARRAY(typename P::Acc, held, [threads / 32]);
    const int64_t packets = (count + width - 1) / width, piece = (packets + splits - 1) / splits;
    for (int64_t task = blockIdx.x; task < rows * splits; task += gridDim.x) {
        const int64_t out = task / splits, split = task - out * splits, begin = split * piece, end = min(begin + piece, packets);
        const typename P::Row row = p.begin(out, out * count);
        typename P::Acc total = p.empty();
        for (int64_t first = begin + threadIdx.x; first < end; first += threads * chunk) {
            typename P::Part part = p.start();
#pragma unroll(P::heavy ? 1 : 4)
            for (int k = 0; k < chunk; k++) {
                const int64_t packet = first + k * threads, at = packet * width;
                if (packet >= end) break;
                Item<P> items[width];
                load_items<T>(items, p, out * count + at, count - at, aligned);
#pragma unroll
                for (int j = 0; j < width; j++) {
                    if (at + j < count) part = p.take(part, items[j], row, at + j);
                }
            }
            total = p.join(total, p.close(part, row));
        }
        total = join_block(p, total, held);
        if (threadIdx.x == 0) {
            if (splits > 1) partial[task] = total;
            else p.finish(total, out, row);
        }
    }
}

// One warp a result. `to_split` and `to_out` are the steps from one partial result to the next.
template <class P> __global__ void __launch_bounds__(threads)
    join_kernel(const __grid_constant__ P p, const __grid_constant__ Axes axes, int64_t splits, int64_t to_split, int64_t to_out,
                const typename P::Acc* partial) {
    const int lane = int(threadIdx.x) % 32;
    const int64_t out = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
    if (out >= axes.outputs) return;
    typename P::Acc total = p.empty();
    for (int64_t split = lane; split < splits; split += 32) total = p.join(total, partial[split * to_split + out * to_out]);
    total = join_lanes(p, total, 32);
    if (lane == 0) p.finish(total, out, p.begin(out, offset_of(out, axes.kept_size, axes.kept_stride, axes.kept)));
}

// A block is 2^log_across packets of columns wide; its other threads take different rows.
struct Columns {
    int64_t outer, count, inner, splits, tiles;  // tiles of columns that a block takes
    int log_across;
    bool aligned;
};

template <class P, class T> __global__ void __launch_bounds__(threads, 1)
    columns_kernel(const __grid_constant__ P p, Columns c, typename P::Acc* partial) {
    constexpr int width = width_of<T>;
    using Acc = typename P::Acc;
    GPUDL_DYNAMIC_SHARED(Acc, held);
    const int across = 1 << c.log_across, down = threads >> c.log_across;
    const int x = int(threadIdx.x) & (across - 1), y = int(threadIdx.x) >> c.log_across;
    const int64_t piece = (c.count + c.splits - 1) / c.splits;
    for (int64_t task = blockIdx.x; task < c.outer * c.splits * c.tiles; task += gridDim.x) {
        const int64_t above = task / c.tiles, tile = task - above * c.tiles, outer = above / c.splits, split = above - outer * c.splits;
        const int64_t column = (tile * across + x) * width, n = c.inner - column, end = min((split + 1) * piece, c.count);
        const int64_t origin = outer * c.count * c.inner + column, out = outer * c.inner + column;
        typename P::Row rows[width];
        Acc totals[width];
#pragma unroll
        for (int j = 0; j < width; j++) {
            totals[j] = p.empty();
            rows[j] = {};
            if (j < n) rows[j] = p.begin(out + j, origin + j);
        }
        if (n > 0) {
            for (int64_t first = split * piece + y; first < end; first += down * (4 * chunk)) {
                typename P::Part parts[width];
#pragma unroll
                for (int j = 0; j < width; j++) parts[j] = p.start();
#pragma unroll(P::heavy ? 1 : 4)
                for (int k = 0; k < 4 * chunk; k++) {
                    const int64_t at = first + k * down;
                    if (at >= end) break;
                    Item<P> items[width];
                    load_items<T>(items, p, origin + at * c.inner, n, c.aligned);
#pragma unroll
                    for (int j = 0; j < width; j++) parts[j] = p.take(parts[j], items[j], rows[j], at);  // behind the last column: unused
                }
#pragma unroll
                for (int j = 0; j < width; j++) totals[j] = p.join(totals[j], p.close(parts[j], rows[j]));
            }
        }
        for (int half = down / 2; half > 0; half /= 2) {
            if (y >= half && y < 2 * half) {
#pragma unroll
                for (int j = 0; j < width; j++) held[j * threads + threadIdx.x] = totals[j];
            }
            __syncthreads();
            if (y < half) {
#pragma unroll
                for (int j = 0; j < width; j++) totals[j] = p.join(totals[j], held[j * threads + threadIdx.x + half * across]);
            }
            __syncthreads();
        }
        if (y == 0) {
#pragma unroll
            for (int j = 0; j < width; j++) {
                if (j >= n) continue;
                if (c.splits > 1) partial[split * (c.outer * c.inner) + out + j] = totals[j];
                else p.finish(totals[j], out + j, rows[j]);
            }
        }
    }
}

template <class P> __global__ void __launch_bounds__(threads)
    simple_kernel(const __grid_constant__ P p, const __grid_constant__ Axes axes) {
    const int lane = int(threadIdx.x) % 32;
    const int64_t step = int64_t(gridDim.x) * (threads / 32);
    for (int64_t out = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32; out < axes.outputs; out += step) {
        const int64_t origin = offset_of(out, axes.kept_size, axes.kept_stride, axes.kept);
        const typename P::Row row = p.begin(out, origin);
        typename P::Acc total = p.empty();
        for (int64_t first = lane; first < axes.count; first += 32 * 32) {
            typename P::Part part = p.start();
            for (int64_t at = first; at < min(first + 32 * 32, axes.count); at += 32) {
                part = p.take(part, load_item(p, origin + offset_of(at, axes.gone_size, axes.gone_stride, axes.gone)), row, at);
            }
            total = p.join(total, p.close(part, row));
        }
        total = join_lanes(p, total, 32);
        if (lane == 0) p.finish(total, out, row);
    }
}

inline unsigned blocks_for(int64_t tasks) { return unsigned(tasks < 1 ? 1 : tasks > most_blocks ? most_blocks : tasks); }
GPUDL_HOST_DEVICE inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <class P> struct Problem {
    P p;
    Axes axes;
};

template <class P> void launch_any(const Problem<P>& q, Stream stream) {
    launch<simple_kernel<P>>({blocks_for(ceil_div(q.axes.outputs, threads / 32)), threads, 0, stream}, q.p, q.axes);
}

template <class P, class T = void> struct Reduce {
    using Q = Problem<P>;
    using Acc = typename P::Acc;
    static constexpr int width = width_of<T>;

    static bool aligned(const P& p, int64_t row) {
        bool all = row % width == 0;
        for (const char* from : p.in) all = all && reinterpret_cast<uintptr_t>(from) % 16 == 0;
        return all;
    }
    static const char* not_short(const Q& q, const Device&) {
        return !q.axes.rows() ? "the numbers of a result are no row" : q.axes.count > 1024 ? "rows are long" : nullptr;
    }
    static const char* not_rows(const Q& q, const Device&) { return q.axes.rows() ? nullptr : "the numbers of a result are no row"; }
    static const char* not_columns(const Q& q, const Device&) {
        return q.axes.columns() ? nullptr : "the numbers of a result are no column";
    }

    static void launch_short(const Q& q, Stream stream) {
        int lanes = 1;
        while (lanes < 32 && lanes * width * 4 < q.axes.count) lanes *= 2;
        launch<short_rows_kernel<P, T>>({blocks_for(ceil_div(q.axes.outputs, threads / lanes)), threads, 0, stream}, q.p, q.axes.outputs,
                                        q.axes.count, lanes, aligned(q.p, q.axes.count));
    }
    static void launch_join(const Q& q, int64_t splits, int64_t to_split, int64_t to_out, const Acc* partial, Stream stream) {
        launch<join_kernel<P>>({unsigned(ceil_div(q.axes.outputs, threads / 32)), threads, 0, stream}, q.p, q.axes, splits, to_split,
                               to_out, partial);
    }
    static void launch_long(const Q& q, Stream stream) {
        const int64_t rows = q.axes.outputs, count = q.axes.count;
        const int64_t splits = rows >= most_splits ? 1 : min(ceil_div(most_splits, rows), ceil_div(count, threads * width * chunk));
        Acc* partial = splits > 1 ? static_cast<Acc*>(scratch().data) : nullptr;
        launch<long_rows_kernel<P, T>>({blocks_for(rows * splits), threads, 0, stream}, q.p, rows, count, splits, aligned(q.p, count),
                                       partial);
        if (splits > 1) launch_join(q, splits, 1, splits, partial, stream);
    }
    static void launch_columns(const Q& q, Stream stream) {
        const int64_t inner = q.axes.inner(), outer = q.axes.outputs / inner, count = q.axes.count;
        int log_across = 0;
        while (log_across < 5 && (int64_t(width) << log_across) < inner) log_across++;
        const int64_t tiles = ceil_div(inner, int64_t(width) << log_across), down = threads >> log_across;
        const int64_t blocks = outer * tiles;  // those of a split
        const int64_t splits = blocks >= most_splits ? 1 : min(ceil_div(most_splits, blocks), ceil_div(count, down * 4 * chunk));
        Acc* partial = splits > 1 ? static_cast<Acc*>(scratch().data) : nullptr;
        const Columns c = {outer, count, inner, splits < 1 ? 1 : splits, tiles, log_across, aligned(q.p, inner)};
        launch<columns_kernel<P, T>>({blocks_for(blocks * c.splits), threads, sizeof(Acc) * threads * width, stream}, q.p, c, partial);
        if (splits > 1) launch_join(q, splits, q.axes.outputs, 1, partial, stream);
    }
    static void run(const char* name, const P& p, const Axes& axes, Stream stream) {
        if (axes.outputs == 0) return;
        static constexpr Candidate<Q> candidates[] = {
            {"short_rows", Tier::simt, not_short, launch_short},
            {"long_rows", Tier::simt, not_rows, launch_long},
            {"columns", Tier::simt, not_columns, launch_columns},
            {"any", Tier::simple, nullptr, launch_any<P>},
        };
        dispatch(name, candidates, Q{p, axes}, stream);
    }
};

// For dtypes that are rarely large.
template <class P> struct Reduce<P, void> {
    static void run(const char* name, const P& p, const Axes& axes, Stream stream) {
        if (axes.outputs == 0) return;
        static constexpr Candidate<Problem<P>> candidates[] = {{"any", Tier::simple, nullptr, launch_any<P>}};
        dispatch(name, candidates, Problem<P>{p, axes}, stream);
    }
};

// `make(C{})` makes the program that computes in C.
template <class Make> void reduce_with(const char* name, char dtype, const Axes& axes, Stream stream, Make make) {
    using Single = decltype(make(0.0f));
    switch (dtype) {
        case 'f': Reduce<Single, float>::run(name, make(0.0f), axes, stream); break;
        case 'e': Reduce<Single, float16>::run(name, make(0.0f), axes, stream); break;
        case 'E': Reduce<Single, bfloat16>::run(name, make(0.0f), axes, stream); break;
        default: Reduce<decltype(make(0.0)), double>::run(name, make(0.0), axes, stream); break;
    }
}

}  // namespace reduction
}  // namespace gpudl
