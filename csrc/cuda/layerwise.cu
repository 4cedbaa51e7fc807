// Moves a parameter by a step whose size follows from the parameter as a whole: LAMB and Adafactor.
//
// Two walks over the elements: the first one adds up p^2 and the squares of the steps d that the slots and the gradient give, the second one
// makes the same steps again, moves the slots, and p by d times what follows from the sums.
//   one_block  a block makes both walks: for up to 8,192 elements
//   packets    up to 512 blocks, 16 bytes of each array a thread and turn; their sums go through scratch memory, from where every block of the
//              second launch adds them up in the same order
//   simple     the same, one element a thread and turn
// Of a matrix Adafactor first takes means of rows and columns (reduce.cuh), then the mean of those of the rows, one warp a matrix.
// bytes moved per element: LAMB 2 × (p + 2 slots + gradient) read, 3 written; Adafactor 2 × 3 read, 2 written. expected bound: memory bandwidth.
// Compiled without contraction to fused multiply-adds, as the optimizers.
#include <gpudl/layerwise.h>

#include "reduce.cuh"

namespace gpudl {
namespace {

using namespace layerwise;
using averaging::Counter;
using reduction::ceil_div;
using reduction::join_block;
using rows::Two;
using rows::TwoSums;

constexpr int threads = 256, chunk = 16;
constexpr int64_t most_blocks = 512, small = 8192;
constexpr int64_t of_sums = most_blocks * 2 * int64_t(sizeof(double));  // scratch memory for them; what means there are lies behind it

template <class T, class Rule> struct Work {
    static constexpr int arrays = 1 + Rule::slots;
    T* s[arrays];
    const T* g;
    int64_t size;
    const double* rate;
    Counter steps;
    Rule rule;
};

// Called by all threads of a block.
template <class C, class W> __device__ __forceinline__ Now<C> numbers_of_step(const W& w) {
    using Shared = Now<C>;
    GPUDL_SHARED_ARRAY(Shared, now, [1]);
    if (threadIdx.x == 0) now[0] = w.rule.template now<C>(*w.rate, w.steps.get());
    __syncthreads();
    return now[0];
}

// Packets of the arrays at one place, the gradient last.
template <class T, int arrays, int width> struct Held {
    Packet<T, width> of[arrays + 1];

    template <class W> __device__ __forceinline__ Held(const W& w, int64_t i, bool slots) {
        using P = const Packet<T, width>*;
#pragma unroll
        for (int k = 0; k < arrays; k++) {
            if (k == 0 || slots) of[k] = load(reinterpret_cast<P>(w.s[k]) + i);
            else of[k] = {};
        }
        of[arrays] = load(reinterpret_cast<P>(w.g) + i);
    }
};

// Sums over packets begin … end - 1, of one thread.
template <int width, class C, class T, class Rule>
__device__ __forceinline__ Two<C> sums_of(const Work<T, Rule>& w, const Now<C>& now, int64_t begin, int64_t end) {
    constexpr int arrays = Work<T, Rule>::arrays;
    Two<C> total = {C(0), C(0)};
    for (int64_t first = begin + threadIdx.x; first < end; first += threads * chunk) {
        Two<C> part = {C(0), C(0)};
        for (int64_t i = first; i < min(first + threads * chunk, end); i += threads) {
            const Held<T, arrays, width> held(w, i, Rule::reads_slots);
#pragma unroll
            for (int lane = 0; lane < width; lane++) {
                C s[arrays];
#pragma unroll
                for (int k = 0; k < arrays; k++) s[k] = wide(held.of[k].item[lane]);
                const C step = w.rule.moved(now, i * width + lane, s, wide(held.of[arrays].item[lane]));
                part.a += s[0] * s[0];
                part.b += step * step;
            }
        }
        total = {total.a + part.a, total.b + part.b};
    }
    return total;
}

template <int width, class C, class T, class Rule>
__device__ __forceinline__ void move_all(const Work<T, Rule>& w, const Now<C>& now, const Move<C>& by, int64_t begin, int64_t end) {
    constexpr int arrays = Work<T, Rule>::arrays;
    for (int64_t i = begin + threadIdx.x; i < end; i += threads) {
        Held<T, arrays, width> held(w, i, Rule::reads_slots);
#pragma unroll
        for (int lane = 0; lane < width; lane++) {
            C s[arrays];
#pragma unroll
            for (int k = 0; k < arrays; k++) s[k] = wide(held.of[k].item[lane]);
            const C step = w.rule.moved(now, i * width + lane, s, wide(held.of[arrays].item[lane]));
            s[0] -= step / by.divisor * by.factor;
#pragma unroll
            for (int k = 0; k < arrays; k++) held.of[k].item[lane] = narrow<T>(s[k]);
        }
#pragma unroll
        for (int k = 0; k < arrays; k++) store(reinterpret_cast<Packet<T, width>*>(w.s[k]) + i, held.of[k]);
    }
}

// The packets of a block, and for the first one the elements behind them.
template <int width> struct Share {
    int64_t begin, end, rest, size;
    __device__ __forceinline__ explicit Share(int64_t all) {
        const int64_t packets = all / width, piece = ceil_div(packets, int64_t(gridDim.x));
        begin = min(blockIdx.x * piece, packets);
        end = min(begin + piece, packets);
        rest = blockIdx.x == 0 ? packets * width : all;
        size = all;
    }
};

template <int width, class C, class T, class Rule>
__device__ __forceinline__ Two<C> sums_of_block(const Work<T, Rule>& w, const Now<C>& now, Two<C>* held) {
    const Share<width> share(w.size);
    Two<C> total = sums_of<width>(w, now, share.begin, share.end);
    if constexpr (width > 1) {
        const Two<C> rest = sums_of<1>(w, now, share.rest, share.size);
        total = {total.a + rest.a, total.b + rest.b};
    }
    return join_block(TwoSums<C>{}, total, held);
}

template <int width, class C, class T, class Rule>
__device__ __forceinline__ void move_block(const Work<T, Rule>& w, const Now<C>& now, const Two<C>& sums) {
    const Share<width> share(w.size);
    const Move<C> by = w.rule.settle(now, sums, w.size);
    move_all<width>(w, now, by, share.begin, share.end);
    if constexpr (width > 1) move_all<1>(w, now, by, share.rest, share.size);
}

template <class T, class Rule, int width> __global__ void __launch_bounds__(threads, 1)
    layer_sums_kernel(const __grid_constant__ Work<T, Rule> w, Two<decltype(wide(T{}))>* partial) {
    using C = decltype(wide(T{}));
    GPUDL_SHARED_ARRAY(Two<C>, held, [threads / 32]);
    const Two<C> sums = sums_of_block<width>(w, numbers_of_step<C>(w), held);
    if (threadIdx.x == 0) partial[blockIdx.x] = sums;
}

template <class T, class Rule, int width> __global__ void __launch_bounds__(threads, 1)
    layer_move_kernel(const __grid_constant__ Work<T, Rule> w, const Two<decltype(wide(T{}))>* partial) {
    using C = decltype(wide(T{}));
    GPUDL_SHARED_ARRAY(Two<C>, held, [threads / 32]);
    Two<C> sums = {C(0), C(0)};
    for (int k = int(threadIdx.x); k < int(gridDim.x); k += threads) sums = {sums.a + partial[k].a, sums.b + partial[k].b};
    sums = join_block(TwoSums<C>{}, sums, held);
    move_block<width>(w, numbers_of_step<C>(w), sums);
}

template <class T, class Rule> __global__ void __launch_bounds__(threads, 1) layer_simple_kernel(const __grid_constant__ Work<T, Rule> w) {
    using C = decltype(wide(T{}));
    GPUDL_SHARED_ARRAY(Two<C>, held, [threads / 32]);
    const Now<C> now = numbers_of_step<C>(w);
    const Two<C> sums = sums_of_block<1>(w, now, held);
    move_block<1>(w, now, sums);
}

// Means of rows of `count` numbers, one warp a row.
template <class C> __global__ void __launch_bounds__(threads)
    means_simple_kernel(double* means, const char* r, char dtype, int64_t matrices, int64_t count) {
    const int lane = int(threadIdx.x) % 32;
    const int64_t matrix = int64_t(blockIdx.x) * (threads / 32) + threadIdx.x / 32;
    C sum = C(0);
    if (matrix < matrices) {
        for (int64_t first = lane; first < count; first += 32 * 32) {
            C part = C(0);
            for (int64_t i = first; i < min(first + 32 * 32, count); i += 32) part += reduction::read<C>(r, dtype, matrix * count + i);
            sum += part;
        }
    }
    sum = reduction::join_lanes(rows::SumOf<C>{}, sum, 32);
    if (matrix < matrices && lane == 0) means[matrix] = double(sum / C(count));
}

template <class T, class Rule> struct Step {
    using W = Work<T, Rule>;
    using C = decltype(wide(T{}));
    static const char* too_large(const W& w, const Device&) {
        return w.size > small ? "more elements than one block should move" : nullptr;
    }
    static const char* no_packets(const W& w, const Device&) {
        uintptr_t bits = reinterpret_cast<uintptr_t>(w.g);
        for (const T* s : w.s) bits |= reinterpret_cast<uintptr_t>(s);
        return bits % 16 != 0 ? "an array is not aligned to 16 bytes" : nullptr;
    }
    static void launch_one(const W& w, Stream stream) { launch<layer_simple_kernel<T, Rule>>({1, threads, 0, stream}, w); }
    template <int width> static void launch_all(const W& w, Stream stream) {
        const int64_t wanted = ceil_div(w.size, threads * 16);
        const unsigned blocks = unsigned(wanted < most_blocks ? wanted : most_blocks);
        auto* partial = static_cast<Two<C>*>(scratch().data);
        launch<layer_sums_kernel<T, Rule, width>>({blocks, threads, 0, stream}, w, partial);
        launch<layer_move_kernel<T, Rule, width>>({blocks, threads, 0, stream}, w, partial);
    }
    static void run(const char* name, const W& w, Stream stream) {
        static constexpr Candidate<W> candidates[] = {
            {"one_block", Tier::simt, too_large, launch_one},
            {"packets", Tier::simt, no_packets, launch_all<16 / sizeof(T)>},
            {"simple", Tier::simple, nullptr, launch_all<1>},
        };
        if (w.size > 0) dispatch(name, candidates, w, stream);
    }
};

// outs: the parameter and the slots, of which the rule moves the first ones. ins: the gradient, the rate, the steps done.
template <class Rule> void move_layer(const char* name, const TensorView* outs, const TensorView* ins, const Rule& rule, Stream stream) {
    for_float_dtype(outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        Work<T, Rule> w{{}, ins[0].as<const T>(), outs[0].size(), ins[1].as<const double>(), {ins[2].as<const char>(), ins[2].dtype}, rule};
        for (int k = 0; k <= Rule::slots; k++) w.s[k] = outs[k].as<T>();
        Step<T, Rule>::run(name, w, stream);
    });
}

Adafactor adafactor(const Scalar* attrs) { return {attrs[0].real, attrs[1].real, attrs[2].real, attrs[3].real, attrs[4].integer != 0}; }

// Moves the averages of an axis, of which `y` has one for each place of the others.
void average_squares(const TensorView& y, const TensorView* ins, int axis, const Adafactor& rule, Stream stream) {
    bool goes[max_dims] = {};
    goes[axis] = true;
    const Axes axes = axes_of(ins[0], goes);
    reduction::reduce_with("adafactor_factored_", y.dtype, axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return SquareMean<C>{reduction::over<C>(y, ins[0]), rule, {ins[2].as<const char>(), ins[2].dtype}, axes.count};
    });
}

template <int slots> bool alike(const TensorView* outs, const TensorView* ins, const Scalar*) {
    for (int k = 1; k <= slots; k++) {
        if (!same_shape(outs[0], outs[k])) return false;
    }
    return same_shape(outs[0], ins[0]) && ins[1].size() == 1 && ins[2].size() == 1 && (ins[2].dtype == 'l' || ins[2].dtype == 'i');
}

bool factors(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const TensorView &p = outs[0], &r = outs[2], &c = outs[3];
    if (!alike<1>(outs, ins, attrs) || p.ndim < 2 || r.ndim != p.ndim - 1 || c.ndim != p.ndim - 1) return false;
    int64_t matrices = 1;
    for (int d = 0; d < p.ndim - 2; d++) {
        if (r.shape[d] != p.shape[d] || c.shape[d] != p.shape[d]) return false;
        matrices *= p.shape[d];
    }
    return r.shape[p.ndim - 2] == p.shape[p.ndim - 2] && c.shape[p.ndim - 2] == p.shape[p.ndim - 1] &&
           of_sums + matrices * int64_t(sizeof(double)) <= scratch().bytes;
}

}  // namespace

#define GPUDL_STEPPED(outs, attributes)                                                                                                    \
    outs("f") " <- f d . ; " attributes " | " outs("d") " <- d d . ; " attributes                                                          \
                                                        " | " outs("e") " <- e d . ; " attributes                                          \
                                                                        " | " outs("E") " <- E d . ; " attributes
#define GPUDL_2(t) t t
#define GPUDL_3(t) t t t
#define GPUDL_4(t) t t t t

GPUDL_KERNEL_WHEN(lamb_, GPUDL_STEPPED(GPUDL_3, "r r r"), alike<2>) {
    move_layer("lamb_", outs, ins, Lamb{attrs[0].real, attrs[1].real, attrs[2].real}, stream);
}

GPUDL_KERNEL_WHEN(adafactor_, GPUDL_STEPPED(GPUDL_2, "r r r r i"), alike<1>) {
    move_layer("adafactor_", outs, ins, AdafactorWhole{adafactor(attrs)}, stream);
}

// outs: p, v, the averages of rows and of columns.
GPUDL_KERNEL_WHEN(adafactor_factored_, GPUDL_STEPPED(GPUDL_4, "r r r r i"), factors) {
    const TensorView &p = outs[0], &r = outs[2], &c = outs[3];
    if (p.size() == 0) return;
    const Adafactor rule = adafactor(attrs);
    average_squares(r, ins, p.ndim - 1, rule, stream);
    average_squares(c, ins, p.ndim - 2, rule, stream);
    const int64_t rows = p.shape[p.ndim - 2], columns = p.shape[p.ndim - 1], matrices = r.size() / rows;
    auto* means = reinterpret_cast<double*>(static_cast<char*>(scratch().data) + of_sums);
    const Launch how{unsigned(ceil_div(matrices, threads / 32)), threads, 0, stream};
    if (r.dtype == 'd') launch<means_simple_kernel<double>>(how, means, r.as<const char>(), r.dtype, matrices, rows);
    else launch<means_simple_kernel<float>>(how, means, r.as<const char>(), r.dtype, matrices, rows);
    AdafactorFactored factored{rule,    r.as<const char>(), c.as<const char>(), means, r.dtype, rows,
                               columns, Divisor(rows),      Divisor(columns)};
    move_layer("adafactor_factored_", outs, ins, factored, stream);
}

}  // namespace gpudl
