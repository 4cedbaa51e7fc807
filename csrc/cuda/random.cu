// Draws random numbers and drops elements at random, by Philox words that depend on the state and the element's place alone.
//
// packets   a thread makes one block of words, and with it 8 elements of dropout, 4 numbers (2 of float64), which it moves in packets of at
//           most 16 bytes; the last, incomplete block goes element by element
// simple    the same with any alignment, or, for a dropout mask that is broadcast, one element and one block of words a thread
// bytes moved per element: 2 item sizes for dropout and its gradient (the mask is drawn again), 1 for numbers.
// expected bound: integer arithmetic (10 rounds a block) for 16-bit floats, memory bandwidth for the others.
#include <cmath>

#include <gpudl/erased.h>
#include <gpudl/layout.h>
#include <gpudl/philox.h>
#include <gpudl/platform.h>

namespace gpudl {
namespace {

using philox::State;
using philox::Words;

constexpr int threads = 256;

inline unsigned blocks_for(int64_t n) { return unsigned((n + threads - 1) / threads); }
inline bool aligned(const void* pointer, size_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

__device__ __forceinline__ State read_state(const uint32_t* state) { return {state[0], state[1], state[2], state[3]}; }

// numbers -------------------------------------------------------------------------------------------------------------------------------

// A rule has `each`, the numbers that come of one block of words, and makes all of them.
template <class T> struct DrawUniform {
    static constexpr int each = distributions::Bits<T>::count > 24 ? 2 : 4;
    distributions::Uniform rule;
    __device__ __forceinline__ void make(const Words& words, T (&out)[each]) const {
#pragma unroll
        for (int k = 0; k < each; k++) out[k] = narrow<T>(rule.number<T>(words.w[k * (4 / each)], words.w[k * (4 / each) + (each == 2)]));
    }
};

template <class T> struct DrawNormal {
    static constexpr int each = sizeof(T) == 8 ? 2 : 4;
    double mean, stddev;
    __device__ __forceinline__ void make(const Words& words, T (&out)[each]) const {
#pragma unroll
        for (int k = 0; k < each; k += 2) {
            double u1, u2;
            if constexpr (each == 2) {
                u1 = double(int64_t(philox::bits53(words.w[0], words.w[1]))) * 0x1p-53 + 0x1p-53;
                u2 = double(int64_t(philox::bits53(words.w[2], words.w[3]))) * 0x1p-53;
            } else {
                u1 = double(words.w[k] >> 8) * 0x1p-24 + 0x1p-24;
                u2 = double(words.w[k + 1] >> 8) * 0x1p-24;
            }
            const auto pair = distributions::normals(u1, u2, mean, stddev);
            out[k] = narrow<T>(decltype(wide(T{}))(pair.first));
            out[k + 1] = narrow<T>(decltype(wide(T{}))(pair.second));
        }
    }
};

template <class T> struct DrawTruncated {
    static constexpr int each = sizeof(T) == 8 ? 2 : 4;
    double mean, stddev;
    __device__ __forceinline__ void make(const Words& words, T (&out)[each]) const {
        constexpr double inside = 1.0 - 2.0 * 0.02275013194817922;  // of the normal distribution, between -2 and 2
#pragma unroll
        for (int k = 0; k < each; k++) {
            double u;
            if constexpr (each == 2) u = (double(int64_t(philox::bits53(words.w[2 * k], words.w[2 * k + 1]))) + 0.5) * 0x1p-53;
            else u = (double(words.w[k] >> 8) + 0.5) * 0x1p-24;
            out[k] = narrow<T>(decltype(wide(T{}))(distributions::normal_quantile((u - 0.5) * inside) * stddev + mean));
        }
    }
};

template <class T, class Rule, bool packed> __device__ __forceinline__ void draw(T* y, const uint32_t* state, int64_t n, const Rule& rule) {
    constexpr int each = Rule::each;
    const int64_t block = int64_t(blockIdx.x) * threads + threadIdx.x, first = block * each;
    if (first >= n) return;
    T made[each];
    rule.make(philox::block(read_state(state), uint64_t(block)), made);
    if (packed && first + each <= n) {
        Packet<T, each> packet;
#pragma unroll
        for (int k = 0; k < each; k++) packet.item[k] = made[k];
        store(reinterpret_cast<Packet<T, each>*>(y) + block, packet);
    } else {
#pragma unroll
        for (int k = 0; k < each; k++) {
            if (first + k < n) y[first + k] = made[k];
        }
    }
}

template <class T, class Rule> __global__ void __launch_bounds__(threads) draw_kernel(T* y, const uint32_t* state, int64_t n, Rule rule) {
    draw<T, Rule, true>(y, state, n, rule);
}
template <class T, class Rule> __global__ void __launch_bounds__(threads)
    draw_simple_kernel(T* y, const uint32_t* state, int64_t n, Rule rule) {
    draw<T, Rule, false>(y, state, n, rule);
}

template <class T, class Rule> struct Drawn {
    T* y;
    const uint32_t* state;
    int64_t n;
    Rule rule;
};

template <class T, class Rule> void draw_into(const char* name, const TensorView& y, const TensorView& state, Rule rule, Stream stream) {
    using P = Drawn<T, Rule>;
    constexpr int each = Rule::each;
    static constexpr auto misaligned = [](const P& p, const Device&) -> const char* {
        return aligned(p.y, sizeof(T) * each) ? nullptr : "the output is not aligned to its packets";
    };
    static constexpr auto packets = [](const P& p, Stream s) {
        launch<draw_kernel<T, Rule>>({blocks_for((p.n + each - 1) / each), threads, 0, s}, p.y, p.state, p.n, p.rule);
    };
    static constexpr auto simple = [](const P& p, Stream s) {
        launch<draw_simple_kernel<T, Rule>>({blocks_for((p.n + each - 1) / each), threads, 0, s}, p.y, p.state, p.n, p.rule);
    };
    const Candidate<P> candidates[] = {{"packets", Tier::simt, misaligned, packets}, {"simple", Tier::simple, nullptr, simple}};
    const P p{y.as<T>(), state.as<const uint32_t>(), y.size(), rule};
    if (p.n > 0) dispatch(name, candidates, p, stream);
}

template <template <class> class Rule, class... Arguments>
void draw_floats(const char* name, const TensorView& y, const TensorView& state, Stream stream, Arguments... arguments) {
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        draw_into<T>(name, y, state, Rule<T>{arguments...}, stream);
    });
}

// The number of T that comes before `high` on the way to `low`.
double below(double high, double low, float) { return double(std::nextafter(float(high), float(low))); }
double below(double high, double low, double) { return std::nextafter(high, low); }
template <class T> double below(double high, double low, T) {  // 16 bits: magnitudes are ordered as their bits are
    const T from = narrow<T>(float(high)), to = narrow<T>(float(low));
    if (wide(from) == wide(to) || wide(from) != wide(from)) return double(wide(from));
    if (wide(from) == 0.0f) return double(wide(T{uint16_t(wide(to) < 0.0f ? 0x8001 : 0x0001)}));
    const bool away = (wide(to) > wide(from)) == (wide(from) > 0.0f);
    return double(wide(T{uint16_t(from.bits + (away ? 1 : -1))}));
}

// whole numbers and truths: any dtype, one element a thread ---------------------------------------------------------------------------------

struct WholeNumber {  // the top 32 bits of (64 random bits) * span / 2^32
    int64_t low;
    uint64_t span;
    __device__ __forceinline__ int64_t operator()(const State& state, int64_t i) const {
        const Words words = philox::block(state, uint64_t(i) >> 1);
        const uint64_t a = words.w[2 * (i & 1)] * span, b = words.w[2 * (i & 1) + 1] * span;
        return int64_t((a + (b >> 32)) >> 32) + low;
    }
};

struct Truth {
    uint64_t least;  // of 2^32
    __device__ __forceinline__ int64_t operator()(const State& state, int64_t i) const {
        return philox::block(state, uint64_t(i) >> 2).w[i & 3] < least;
    }
};

template <class Class, class Rule> __global__ void __launch_bounds__(threads)
    draw_any_simple_kernel(char* y, char dtype, int item, const uint32_t* state, int64_t n, Rule rule) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < n) Class::store(y + i * item, dtype, typename Class::Value(rule(read_state(state), i)));
}

template <class Rule> void draw_any(const TensorView& y, const TensorView& state, Rule rule, Stream stream) {
    const int64_t n = y.size();
    const int item = int(itemsize(y.dtype));
    if (n == 0) return;
    const Launch how{blocks_for(n), threads, 0, stream};
    const auto* from = state.as<const uint32_t>();
    if (y.dtype == 'd') launch<draw_any_simple_kernel<erased::Double, Rule>>(how, y.as<char>(), y.dtype, item, from, n, rule);
    else if (y.dtype == 'f' || y.dtype == 'e' || y.dtype == 'E')
        launch<draw_any_simple_kernel<erased::Single, Rule>>(how, y.as<char>(), y.dtype, item, from, n, rule);
    else launch<draw_any_simple_kernel<erased::Integer, Rule>>(how, y.as<char>(), y.dtype, item, from, n, rule);
}

bool whole(const TensorView* outs, const TensorView*, const Scalar*) {
    const char d = outs[0].dtype;
    return d != 'f' && d != 'd' && d != 'e' && d != 'E';
}

__global__ void advance_simple_kernel(uint32_t* state, uint32_t by) {
    if (threadIdx.x == 0) state[3] += by;
}

// dropout ------------------------------------------------------------------------------------------------------------------------------------

template <class T> struct Dropped {
    T* y;
    const T* x;
    const uint32_t* state;
    uint32_t* saved;  // null backward
    int64_t n;
    uint32_t least;  // lanes below it are dropped
    double scale;
    bool broadcast;
    Layout<2> mask;  // of y and of the mask's own elements, if it is broadcast
};

template <class T> __device__ __forceinline__ T keep_or_drop(T x, bool keep, double scale) {
    using C = decltype(wide(T{}));
    return keep ? narrow<T>(wide(x) * C(scale)) : narrow<T>(C(0));
}

template <class T> __device__ __forceinline__ void save(const Dropped<T>& p) {
    if (p.saved && blockIdx.x == 0 && threadIdx.x < 4) p.saved[threadIdx.x] = p.state[threadIdx.x];
}

template <class T> __global__ void __launch_bounds__(threads) dropout_kernel(const __grid_constant__ Dropped<T> p) {
    constexpr int width = 16 / sizeof(T) < 8 ? 16 / sizeof(T) : 8;
    using P = Packet<T, width>;
    save(p);
    const int64_t block = int64_t(blockIdx.x) * threads + threadIdx.x, first = 8 * block;
    if (first >= p.n) return;
    const bool all = first + 8 <= p.n;
    P held[8 / width];
    if (all) {
#pragma unroll
        for (int k = 0; k < 8 / width; k++) held[k] = load(reinterpret_cast<const P*>(p.x + first) + k);
    }
    const Words words = philox::block(read_state(p.state), uint64_t(block));
    if (all) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            T& item = held[i / width].item[i % width];
            item = keep_or_drop(item, philox::lane(words, i) >= p.least, p.scale);
        }
#pragma unroll
        for (int k = 0; k < 8 / width; k++) store(reinterpret_cast<P*>(p.y + first) + k, held[k]);
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (first + i < p.n) p.y[first + i] = keep_or_drop(p.x[first + i], philox::lane(words, i) >= p.least, p.scale);
        }
    }
}

template <class T> __global__ void __launch_bounds__(threads) dropout_simple_kernel(const __grid_constant__ Dropped<T> p) {
    save(p);
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= p.n) return;
    int64_t at = i;
    if (p.broadcast) {
        int64_t offsets[2];
        p.mask.offsets_at(i, offsets);
        at = offsets[1];
    }
    const Words words = philox::block(read_state(p.state), uint64_t(at) >> 3);
    p.y[i] = keep_or_drop(p.x[i], philox::lane(words, int(at & 7)) >= p.least, p.scale);
}

template <class T> const char* no_packets(const Dropped<T>& p, const Device&) {
    if (p.broadcast) return "the mask is broadcast";
    return aligned(p.x, 16) && aligned(p.y, 16) ? nullptr : "an operand is not aligned to 16 bytes";
}
template <class T> void launch_packets(const Dropped<T>& p, Stream stream) {
    launch<dropout_kernel<T>>({blocks_for(p.n > 0 ? (p.n + 7) / 8 : 1), threads, 0, stream}, p);
}
template <class T> void launch_simple(const Dropped<T>& p, Stream stream) {
    launch<dropout_simple_kernel<T>>({blocks_for(p.n > 0 ? p.n : 1), threads, 0, stream}, p);
}

// attrs: the rate, then the shape of the mask, or nothing where it is that of x.
void drop(const char* name, const TensorView& y, const TensorView& x, const TensorView& state, void* saved, const Scalar* attrs,
          Stream stream) {
    const double rate = attrs[0].real;
    const int given = count_attrs(attrs) - 1;
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        Dropped<T> p{y.as<T>(),
                     x.as<const T>(),
                     state.as<const uint32_t>(),
                     static_cast<uint32_t*>(saved),
                     y.size(),
                     uint32_t(std::llrint(rate * 65536)),
                     1 / (1 - rate),
                     false,
                     {}};
        if (given > 0 && p.n > 0) {
            int64_t shape[max_dims], strides[max_dims], step = 1;
            for (int d = given - 1; d >= 0; d--) {
                shape[d] = attrs[1 + d].integer;
                strides[d] = step;
                step *= shape[d];
            }
            const TensorView mask{nullptr, shape, strides, given, 'B', true};
            const TensorView* const views[2] = {&y, &mask};
            p.mask = describe(views);
            p.broadcast = step != p.n;
        }
        static constexpr Candidate<Dropped<T>> candidates[] = {{"packets", Tier::simt, no_packets<T>, launch_packets<T>},
                                                               {"simple", Tier::simple, nullptr, launch_simple<T>}};
        if (p.n > 0 || saved) dispatch(name, candidates, p, stream);
    });
}

bool a_state(const TensorView* outs, const TensorView*, const Scalar*) { return outs[0].size() == 4; }

}  // namespace

GPUDL_KERNEL(random_uniform, "f <- I ; r r i i* | d <- I ; r r i i* | e <- I ; r r i i* | E <- I ; r r i i*") {
    const double low = attrs[0].real, high = attrs[1].real;
    for_float_dtype(outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        const distributions::Uniform rule{low, high, below(high, low, T{}), low == 0 && high == 1};
        draw_into<T>("random_uniform", outs[0], ins[0], DrawUniform<T>{rule}, stream);
    });
}

GPUDL_KERNEL(random_normal, "f <- I ; r r i i* | d <- I ; r r i i* | e <- I ; r r i i* | E <- I ; r r i i*") {
    draw_floats<DrawNormal>("random_normal", outs[0], ins[0], stream, attrs[0].real, attrs[1].real);
}

GPUDL_KERNEL(random_truncated_normal, "f <- I ; r r i i* | d <- I ; r r i i* | e <- I ; r r i i* | E <- I ; r r i i*") {
    draw_floats<DrawTruncated>("random_truncated_normal", outs[0], ins[0], stream, attrs[0].real, attrs[1].real);
}

GPUDL_KERNEL_WHEN(random_integers, "* <- I ; i i i i*", whole) {
    draw_any(outs[0], ins[0], WholeNumber{attrs[0].integer, uint64_t(attrs[1].integer) - uint64_t(attrs[0].integer)}, stream);
}

GPUDL_KERNEL(random_bernoulli, "* <- I ; r i i*") {
    draw_any(outs[0], ins[0], Truth{uint64_t(std::llrint(attrs[0].real * 0x1p32))}, stream);
}

GPUDL_KERNEL_WHEN(advance_draw_, "I <- ; i", a_state) {
    launch<advance_simple_kernel>({1, 32, 0, stream}, outs[0].as<uint32_t>(), uint32_t(attrs[0].integer));
}

GPUDL_KERNEL(dropout, "f I <- f I ; r i* | d I <- d I ; r i* | e I <- e I ; r i* | E I <- E I ; r i*") {
    drop("dropout", outs[0], ins[0], ins[1], outs[1].data, attrs, stream);
}

GPUDL_KERNEL(dropout_grad, "f <- f I ; r i* | d <- d I ; r i* | e <- e I ; r i* | E <- E I ; r i*") {
    drop("dropout_grad", outs[0], ins[0], ins[1], nullptr, attrs, stream);
}

}  // namespace gpudl
