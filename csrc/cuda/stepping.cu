// Prepares an optimizer's step: shortens gradients that lie in one arena, each to a Euclidean norm (`clip_norms`), and looks up the learning
// rate of a schedule (`pick_rate_`). For clip_norms:
//
//   pieces    a gradient is cut into up to 64 pieces, a block each: their sums of squares go through scratch memory, then each block of a
//             second launch adds them up again, in the same order, and scales its piece.
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

template <class C> __global__ void __launch_bounds__(threads, 1) squares_kernel(const __grid_constant__ Segments q, C* partial) {
    GPUDL_SHARED_ARRAY(C, held, [threads / 32]);
    const C sum = Loop<C>(q, int(blockIdx.x) / q.pieces, int(blockIdx.x) % q.pieces).squares(q, held);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class C> __global__ void __launch_bounds__(threads) scale_kernel(const __grid_constant__ Segments q, const C* partial) {
    GPUDL_SHARED_ARRAY(C, held, [threads / 32]);
    const int segment = int(blockIdx.x) / q.pieces;
    const C sum = join_block(rows::SumOf<C>{}, int(threadIdx.x) < q.pieces ? partial[segment * q.pieces + threadIdx.x] : C(0), held);
    Loop<C>(q, segment, int(blockIdx.x) % q.pieces).scale(q, sum);
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

template <class F> void with_type(char dtype, F f) {
    if (dtype == 'd') f(double{});
    else f(float{});
}

void launch_pieces(const Segments& q, Stream stream) {
    with_type(q.dtype, [&](auto zero) {
        using C = decltype(zero);
        C* partial = static_cast<C*>(scratch().data);
        const unsigned blocks = unsigned(q.count * q.pieces);
        launch<squares_kernel<C>>({blocks, threads, 0, stream}, q, partial);
        launch<scale_kernel<C>>({blocks, threads, 0, stream}, q, partial);
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
    int64_t done = 0;
    for (int first = 0; first < n; first += most_segments) {
        Segments q = {y.as<char>(), g.as<char>(), y.dtype, attrs[0].real, n - first < most_segments ? n - first : most_segments, 1, {}};
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

// ins: the rates of the steps `first` and on, the step, `first`.
GPUDL_KERNEL(pick_rate_, "f <- f l l | d <- d l l") {
    with_type(outs[0].dtype, [&](auto zero) {
        using C = decltype(zero);
        launch<simple_pick_kernel<C>>({1, 1, 0, stream}, outs[0].as<C>(), ins[0].as<C>(), ins[1].as<int64_t>(), ins[2].as<int64_t>(),
                                      ins[0].size());
    });
}

}  // namespace gpudl
