// Maps a function of one element over broadcast operands: what every elementwise family shares. A family names its functors, and `Map`
// chooses among
//
//   flat_packets  operands that lie without gaps, or are one number for all. A thread takes `together` packets of 16 bytes (of the widest
//                 operand) of each operand, a block's width apart, so that several loads are on their way at once; the elements of the last,
//                 incomplete packet go to one thread each.
//   row_packets   the same kernel where only the innermost axis lies without gaps and holds whole packets: a bias, a scale per row, a slice.
//                 One division per further axis and packet finds the row.
//   strided       any strides, any alignment: one element a thread, dtypes known at run time. The last candidate: it takes everything.
//
// bytes moved per element: the item size of every operand once; of repeated operands next to nothing, since they stay in the cache.
// expected bound: memory bandwidth; the transcendental functions of 16-bit floats come close to that of arithmetic.
// Compiled without contraction to fused multiply-adds (CMakeLists.txt), so that all three candidates, and the CPU, give the same bits.
#pragma once
#include <gpudl/dispatch.h>
#include <gpudl/erased.h>
#include <gpudl/layout.h>
#include <gpudl/platform.h>

namespace gpudl {
namespace elementwise {

constexpr int threads = 256;

// The packets of the inputs at one place. Data at a fixed place of the type, since registers have no addresses.
template <int width, class... In> struct Held {
    template <class L> __device__ __forceinline__ void load_from(const L&, const int64_t*, int) {}
    template <class F, class... A> __device__ __forceinline__ auto at(const F& f, int, A... a) const { return f(a...); }
};
template <int width, class T, class... Rest> struct Held<width, T, Rest...> {
    Packet<T, width> packet;
    Held<width, Rest...> rest;

    template <class L> __device__ __forceinline__ void load_from(const L& seen, const int64_t* offsets, int k) {
        const char* from = seen.data[k] + offsets[k];
        if (seen.stride[k][seen.ndim - 1] != 0) {
            packet = load(reinterpret_cast<const Packet<T, width>*>(from));
        } else {
            const T one = *reinterpret_cast<const T*>(from);
#pragma unroll
            for (int lane = 0; lane < width; lane++) packet.item[lane] = one;
        }
        rest.load_from(seen, offsets, k + 1);
    }
    template <class F, class... A> __device__ __forceinline__ auto at(const F& f, int lane, A... a) const {
        return rest.at(f, lane, a..., wide(packet.item[lane]));
    }
};

// `first`: the packet that the grid starts with; not 0 only in tests of arrays that are too large to be gone through.
template <class F, int width, int together, class Out, class... In> __global__ void __launch_bounds__(threads)
    packets_kernel(const __grid_constant__ Layout<1 + sizeof...(In)> seen, int64_t first, int tail, F f) {
    constexpr int operands = 1 + sizeof...(In);
    const int64_t base = first + int64_t(blockIdx.x) * (threads * together) + threadIdx.x;
    Held<width, In...> held[together];
    int64_t to[together] = {};
#pragma unroll
    for (int u = 0; u < together; u++) {
        const int64_t i = base + u * threads;
        if (i >= seen.size) continue;
        int64_t offsets[operands];
        seen.offsets_at(i, offsets);
        to[u] = offsets[0];
        held[u].load_from(seen, offsets, 1);
    }
#pragma unroll
    for (int u = 0; u < together; u++) {
        if (base + u * threads >= seen.size) continue;
        Packet<Out, width> out;
#pragma unroll
        for (int lane = 0; lane < width; lane++) out.item[lane] = Narrow<Out>::from(held[u].at(f, lane));
        store(reinterpret_cast<Packet<Out, width>*>(seen.data[0] + to[u]), out);
    }
    if (blockIdx.x == 0 && int(threadIdx.x) < tail) {  // elements behind the packets; only where there is one axis
        const int64_t last = seen.size * width + threadIdx.x;
        int64_t offsets[operands];
#pragma unroll
        for (int k = 0; k < operands; k++) offsets[k] = last * (seen.stride[k][0] / width);
        Held<1, In...> one;
        one.load_from(seen, offsets, 1);
        *reinterpret_cast<Out*>(seen.data[0] + offsets[0]) = Narrow<Out>::from(one.at(f, 0));
    }
}

// Arguments of f, loaded one after another.
template <class... In> struct Strided {
    template <class L, class F, class... A> __device__ __forceinline__ static auto at(const L&, const int64_t*, const F& f, A... a) {
        return f(a...);
    }
};
template <class T, class... Rest> struct Strided<T, Rest...> {
    template <class L, class F, class... A>
    __device__ __forceinline__ static auto at(const L& layout, const int64_t* offsets, const F& f, A... a) {
        constexpr int k = 1 + int(sizeof...(A));
        return Strided<Rest...>::at(layout, offsets, f, a..., T::load(layout.data[k] + offsets[k], layout.dtype[k]));
    }
};

template <class F, class Out, class... In>  // classes of erased.h
__global__ void __launch_bounds__(threads) strided_kernel(const __grid_constant__ Layout<1 + sizeof...(In)> layout, int64_t first, F f) {
    const int64_t i = first + int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= layout.size) return;
    int64_t offsets[1 + sizeof...(In)];
    layout.offsets_at(i, offsets);
    Out::store(layout.data[0] + offsets[0], layout.dtype[0], typename Out::Value(Strided<In...>::at(layout, offsets, f)));
}

// The same class for each of several operands.
template <class T, class> struct Always {
    using Type = T;
};

template <class F, int operands> struct Problem {
    Layout<operands> layout;
    F f;
};

inline unsigned blocks_for(int64_t n, int64_t each) { return unsigned((n + each - 1) / each); }

template <class F, class Out, class... In, class P> void launch_strided(const P& problem, Stream stream) {
    launch<strided_kernel<F, Out, In...>>({blocks_for(problem.layout.size, threads), threads, 0, stream}, problem.layout, int64_t(0),
                                          problem.f);
}

// Functors whose arithmetic takes longer than their loads say `heavy`: fewer elements a thread, or their code would be copied too often.
template <class F, class = void> struct IsHeavy : std::false_type {};
template <class F> struct IsHeavy<F, std::void_t<typename F::heavy>> : std::true_type {};

constexpr int widest(std::initializer_list<size_t> sizes) {
    size_t most = 1;
    for (size_t s : sizes) most = s > most ? s : most;
    return int(most);
}

// F over operands of these C++ types.
template <class F, class Out, class... In> struct Map {
    static constexpr int operands = 1 + int(sizeof...(In)), width = 16 / widest({sizeof(Out), sizeof(In)...});
    static constexpr int together = IsHeavy<F>::value || operands > 3 ? 1 : 2;
    using P = Problem<F, operands>;

    static const char* no_packets(const Layout<operands>& layout) {
        for (int k = 0; k < operands; k++) {
            const int step = layout.step(k);
            if (step < 0 || (k == 0 && step == 0)) return "an operand has gaps along its innermost axis";
            const int64_t bytes = step * width * itemsize(layout.dtype[k]);
            if (step == 0) continue;
            if (reinterpret_cast<uintptr_t>(layout.data[k]) % uintptr_t(bytes) != 0) return "an operand is not aligned to its packets";
            for (int d = 0; d < layout.ndim - 1; d++) {
                if (layout.stride[k][d] % bytes != 0) return "a row is not aligned to its packets";
            }
        }
        return nullptr;
    }
    static const char* not_flat(const P& p, const Device&) {
        return p.layout.ndim > 1 ? "more than one axis is left after collapsing" : no_packets(p.layout);
    }
    static const char* not_rows(const P& p, const Device&) {
        return p.layout.shape[p.layout.ndim - 1] % width != 0 ? "rows do not hold whole packets" : no_packets(p.layout);
    }
    static void launch_packets(const P& p, Stream stream) {
        const Layout<operands> seen = p.layout.packets(width);
        const int tail = int(p.layout.shape[p.layout.ndim - 1] % width);
        const unsigned blocks = blocks_for(seen.size > 0 ? seen.size : 1, threads * together);
        launch<packets_kernel<F, width, together, Out, In...>>({blocks, threads, 0, stream}, seen, int64_t(0), tail, p.f);
    }
    static void run(const char* name, const TensorView* const (&views)[operands], F f, Stream stream) {
        if (views[0]->size() == 0) return;
        static constexpr Candidate<P> candidates[] = {
            {"flat_packets", Tier::simt, not_flat, launch_packets},
            {"row_packets", Tier::simt, not_rows, launch_packets},
            {"strided", Tier::simple, nullptr,
             launch_strided<F, typename erased::ClassOf<Out>::Type, typename erased::ClassOf<In>::Type...>},
        };
        dispatch(name, candidates, P{describe(views), f}, stream);
    }
};

// F over operands of classes of erased.h, for dtypes that are rarely large: the simple candidate alone.
template <class F, class Out, class... In> struct SimpleMap {
    static constexpr int operands = 1 + int(sizeof...(In));
    using P = Problem<F, operands>;
    static void run(const char* name, const TensorView* const (&views)[operands], F f, Stream stream) {
        if (views[0]->size() == 0) return;
        static constexpr Candidate<P> candidates[] = {{"strided", Tier::simple, nullptr, launch_strided<F, Out, In...>}};
        dispatch(name, candidates, P{describe(views), f}, stream);
    }
};

}  // namespace elementwise
}  // namespace gpudl
