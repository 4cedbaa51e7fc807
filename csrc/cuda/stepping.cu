// Prepares an optimizer's step: shortens gradients that lie in one arena, each to a Euclidean norm (`clip_norms`), finds what shortens all of
// them together (`clip_factor`), and looks up the learning rate of a schedule (`pick_rate_`). For clip_norms:
//
//   pieces    a gradient is cut into up to 64 pieces, a block each, whose threads take 16 bytes at a time: their sums of squares go through
//             scratch memory, then each block of a second launch adds them up again, in the same order, and scales its piece.
//   segments  one block a gradient: the last candidate.
//
// bytes moved per element: 2 reads and 1 write. expected bound: memory bandwidth. What belongs to no gradient is copied first.
#include "reduce.cuh"

#include <gpudl/stages.h>

namespace gpudl {
namespace {

using namespace reduction;

constexpr int most_segments = 128;  // of one launch

struct Segments {
    char* y;
    const char* g;
    char dtype;
    double limit;
    int count, pieces;
    bool aligned;  // y and g, to 16 bytes
    int64_t bounds[2 * most_segments];
};

template <class C> struct Loop {  // over one piece of a segment, by the threads of a block
    int64_t begin, end;

    __device__ Loop(const Segments& q, int segment, int piece) {
        const int64_t first = q.bounds[2 * segment], last = q.bounds[2 * segment + 1], length = ceil_div(last - first, q.pieces);
        begin = min(first + piece * length, last);
        end = min(begin + length, last);
    }
    __device__ C squares(const Segments& q, C* held) const {
        C total = C(0);
        for (int64_t from = begin + threadIdx.x; from < end; from += threads * 64) {
            C part = C(0);
            for (int64_t i = from; i < min(from + threads * 64, end); i += threads) {
                const C x = read<C>(q.g, q.dtype, i);
                part += x * x;
            }
            total += part;
        }
        return join_block(rows::SumOf<C>{}, total, held);
    }
    __device__ void scale(const Segments& q, C squares) const {
        const C limit = C(q.limit), norm = math::sqrt(squares), divisor = math::max_of(norm, limit);
        for (int64_t i = begin + threadIdx.x; i < end; i += threads) write<C>(q.y, q.dtype, i, read<C>(q.g, q.dtype, i) * limit / divisor);
    }
};

// Over one piece of a segment by packets, which lie at multiples of their size from the start of the array, whether or not that is aligned:
// so alignment changes no bits. Those at the ends of a segment are taken in part.
template <class T> struct PacketLoop {
    using C = decltype(wide(T{}));
    static constexpr int width = width_of<T>;
    int64_t first, last, begin, end;  // elements of the segment, packets of the piece

    __device__ PacketLoop(const Segments& q, int segment, int piece) : first(q.bounds[2 * segment]), last(q.bounds[2 * segment + 1]) {
        const int64_t from = first / width, to = ceil_div(last, width), length = ceil_div(to - from, q.pieces);
        begin = min(from + piece * length, to);
        end = min(begin + length, to);
    }
    // Calls use(x, j) for the elements of a packet, and writes them back if `write`.
    template <bool write, class Use> __device__ __forceinline__ void packet(const Segments& q, int64_t at, Use use) const {
        const T* from = reinterpret_cast<const T*>(q.g) + at * width;
        T* to = reinterpret_cast<T*>(q.y) + at * width;
        if (q.aligned && at * width >= first && (at + 1) * width <= last) {
            Packet<T, width> items = load(reinterpret_cast<const Packet<T, width>*>(from));
#pragma unroll
            for (int j = 0; j < width; j++) items.item[j] = narrow<T>(use(wide(items.item[j])));
            if constexpr (write) store(reinterpret_cast<Packet<T, width>*>(to), items);
        } else {
            for (int j = 0; j < width; j++) {
                if (at * width + j < first || at * width + j >= last) continue;
                const T made = narrow<T>(use(wide(from[j])));
                if constexpr (write) to[j] = made;
            }
        }
    }
    __device__ C squares(const Segments& q, C* held) const {
        C total = C(0);
        for (int64_t start = begin + threadIdx.x; start < end; start += threads * chunk) {
            C part = C(0);
#pragma unroll 4
            for (int64_t at = start; at < min(start + threads * chunk, end); at += threads) {
                packet<false>(q, at, [&](C x) {
                    part += x * x;
                    return x;
                });
            }
            total += part;
        }
        return join_block(rows::SumOf<C>{}, total, held);
    }
    __device__ void scale(const Segments& q, C squares) const {
        const C limit = C(q.limit), norm = math::sqrt(squares), divisor = math::max_of(norm, limit);
#pragma unroll 4
        for (int64_t at = begin + threadIdx.x; at < end; at += threads) packet<true>(q, at, [&](C x) { return x * limit / divisor; });
    }
};

template <class T, class C> __global__ void __launch_bounds__(threads, 1) squares_kernel(const __grid_constant__ Segments q, C* partial) {
    GPUDL_SHARED_ARRAY(C, held, [threads / 32]);
    const C sum = PacketLoop<T>(q, int(blockIdx.x) / q.pieces, int(blockIdx.x) % q.pieces).squares(q, held);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class T, class C> __global__ void __launch_bounds__(threads, 1)
    scale_kernel(const __grid_constant__ Segments q, const C* partial) {
    GPUDL_SHARED_ARRAY(C, held, [threads / 32]);
    const int segment = int(blockIdx.x) / q.pieces;
    const C sum = join_block(rows::SumOf<C>{}, int(threadIdx.x) < q.pieces ? partial[segment * q.pieces + threadIdx.x] : C(0), held);
    PacketLoop<T>(q, segment, int(blockIdx.x) % q.pieces).scale(q, sum);
}

template <class C> __global__ void __launch_bounds__(threads) simple_segments_kernel(const __grid_constant__ Segments q) {
    GPUDL_SHARED_ARRAY(C, held, [threads / 32]);
    const Loop<C> whole(q, int(blockIdx.x), 0);
    whole.scale(q, whole.squares(q, held));
}

// Numbers that belong to no segment: before the first, between two, behind the last.
template <class C> __global__ void __launch_bounds__(threads) copy_kernel(char* y, const char* g, char dtype, int64_t begin, int64_t end) {
    for (int64_t i = begin + int64_t(blockIdx.x) * threads + threadIdx.x; i < end; i += int64_t(gridDim.x) * threads)
        write<C>(y, dtype, i, read<C>(g, dtype, i));
}

template <class C> __global__ void simple_pick_kernel(C* rate, const C* table, const int64_t* steps, const int64_t* first, int64_t size) {
    const int64_t at = *steps - *first;
    *rate = table[at < 0 ? 0 : at < size ? at : size - 1];
}

template <class C> __global__ void simple_factor_kernel(C* factor, const C* total, C limit, C inverse) {
    const C norm = math::sqrt(*total);
    *factor = math::min_of(C(1) / norm, inverse) * limit + (norm - norm);  // NaN if the norm is not finite
}

template <class F> void with_type(char dtype, F f) {
    if (dtype == 'd') f(double{});
    else f(float{});
}

void launch_pieces(const Segments& q, Stream stream) {
    for_float_dtype(q.dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = decltype(wide(T{}));
        C* partial = static_cast<C*>(scratch().data);
        const unsigned blocks = unsigned(q.count * q.pieces);
        launch<squares_kernel<T, C>>({blocks, threads, 0, stream}, q, partial);
        launch<scale_kernel<T, C>>({blocks, threads, 0, stream}, q, partial);
    });
}

void launch_segments(const Segments& q, Stream stream) {
    Segments whole = q;
    whole.pieces = 1;
    with_type(q.dtype, [&](auto zero) { launch<simple_segments_kernel<decltype(zero)>>({unsigned(q.count), threads, 0, stream}, whole); });
}

const char* short_segments(const Segments& q, const Device&) { return q.pieces > 1 ? nullptr : "the gradients are short"; }

}  // namespace

// attrs: limit, then begin and end of each gradient in the flat array.
GPUDL_KERNEL(clip_norms, "f <- f ; r i* | d <- d ; r i* | e <- e ; r i* | E <- E ; r i*") {
    static constexpr Candidate<Segments> candidates[] = {{"pieces", Tier::simt, short_segments, launch_pieces},
                                                         {"segments", Tier::simple, nullptr, launch_segments}};
    const TensorView &y = outs[0], &g = ins[0];
    const int n = (count_attrs(attrs) - 1) / 2;
    const auto copy = [&](int64_t begin, int64_t end) {
        if (end <= begin) return;
        with_type(y.dtype, [&](auto zero) {
            launch<copy_kernel<decltype(zero)>>({blocks_for(ceil_div(end - begin, threads)), threads, 0, stream}, y.as<char>(),
                                                g.as<char>(), y.dtype, begin, end);
        });
    };
    const bool aligned = (reinterpret_cast<uintptr_t>(y.as<char>()) | reinterpret_cast<uintptr_t>(g.as<char>())) % 16 == 0;
    int64_t done = 0;
    for (int first = 0; first < n; first += most_segments) {
        Segments q = {
            y.as<char>(), g.as<char>(), y.dtype, attrs[0].real, n - first < most_segments ? n - first : most_segments, 1, aligned, {}};
        int64_t longest = 0;
        for (int k = 0; k < 2 * q.count; k += 2) {
            q.bounds[k] = attrs[1 + 2 * first + k].integer;
            q.bounds[k + 1] = attrs[2 + 2 * first + k].integer;
            copy(done, q.bounds[k]);
            done = q.bounds[k + 1];
            longest = q.bounds[k + 1] - q.bounds[k] > longest ? q.bounds[k + 1] - q.bounds[k] : longest;
        }
        const int64_t pieces = ceil_div(longest, 4096);
        q.pieces = int(pieces > 64 ? 64 : pieces < 1 ? 1 : pieces);
        dispatch("clip_norms", candidates, q, stream);
    }
    copy(done, y.size());
}

// ins: the sum of squares; attrs: limit.
GPUDL_KERNEL(clip_factor, "f <- f ; r | d <- d ; r") {
    with_type(outs[0].dtype, [&](auto zero) {
        using C = decltype(zero);
        launch<simple_factor_kernel<C>>({1, 1, 0, stream}, outs[0].as<C>(), ins[0].as<C>(), C(attrs[0].real), C(1.0 / attrs[0].real));
    });
}

// ins: the rates of the steps `first` and on, the step, `first`.
GPUDL_KERNEL(pick_rate_, "f <- f l l | d <- d l l") {
    with_type(outs[0].dtype, [&](auto zero) {
        using C = decltype(zero);
        launch<simple_pick_kernel<C>>({1, 1, 0, stream}, outs[0].as<C>(), ins[0].as<C>(), ins[1].as<int64_t>(), ins[2].as<int64_t>(),
                                      ins[0].size());
    });
}

}  // namespace gpudl
