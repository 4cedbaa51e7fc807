// Takes other entries of every line along an axis (take_along_axis), and adds up what goes to the same place (its gradient).
//
// Forward, of any strides and broadcasting:
//   packets   a thread finds neighbouring elements of the innermost axis and writes 16 bytes; where one index serves all it reads 16, too
//   simple    a thread takes one element
// Backward, of lines of any layout: a line's terms are the elements of the gradient that may go to it, in their order.
//   lines     a warp takes a line, 1,024 (512 of float64) places of it at a time, whose sums lie in shared memory: 32 terms at once, those of
//             lanes with the same place added by the first of these lanes, in the order of the lanes
//   simple    a thread takes one place and goes through the terms of its line: for few of them
// bytes moved per element: 2 item sizes and an index; backward the terms once for every 1,024 places. expected bound: memory bandwidth where
// the axis is not the innermost, else latency of the reads by index. Nothing depends on the grid.
#include <gpudl/layout.h>

#include "copy.cuh"
#include "index.cuh"

namespace gpudl {
namespace {

constexpr int threads = 256;

inline unsigned blocks_for(int64_t n, int64_t each = threads) { return unsigned((n + each - 1) / each); }

// Operands of the layout: y, the indices, and x as if its axis had one element.
struct Take {
    Layout<3> layout;
    int64_t n, step;  // places along the axis of x, bytes from one to the next
    uint64_t otherwise;
    int item;
};

// The place in x of what index `at` means; null: nowhere.
__device__ __forceinline__ const char* place(const Take& p, const int64_t (&offsets)[3]) {
    const int64_t at = key_at(p.layout.data[1] + offsets[1], p.layout.dtype[1], 0, p.n);
    return at == p.n ? nullptr : p.layout.data[2] + offsets[2] + at * p.step;
}

template <class Word> __global__ void __launch_bounds__(threads) take_along_simple_kernel(const __grid_constant__ Take p) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= p.layout.size) return;
    int64_t offsets[3];
    p.layout.offsets_at(i, offsets);
    const char* from = place(p, offsets);
    *reinterpret_cast<Word*>(p.layout.data[0] + offsets[0]) = from ? *reinterpret_cast<const Word*>(from) : Word(p.otherwise);
}

// `seen`: the layout in packets of y. `rows`: one index and neighbouring elements of x for each of them.
template <class Word> __global__ void __launch_bounds__(threads)
    take_along_packets_kernel(const __grid_constant__ Take p, int64_t to_index, int64_t to_x, bool rows) {
    constexpr int width = 16 / sizeof(Word);
    using P = Packet<Word, width>;
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= p.layout.size) return;
    int64_t offsets[3];
    p.layout.offsets_at(i, offsets);
    char* to = p.layout.data[0] + offsets[0];
    P packet;
    if (rows) {
        const char* from = place(p, offsets);
        if (from) {
            packet = load(reinterpret_cast<const P*>(from));
        } else {
#pragma unroll
            for (int lane = 0; lane < width; lane++) packet.item[lane] = Word(p.otherwise);
        }
    } else {
#pragma unroll
        for (int lane = 0; lane < width; lane++) {
            const char* from = place(p, offsets);
            packet.item[lane] = from ? *reinterpret_cast<const Word*>(from) : Word(p.otherwise);
            offsets[1] += to_index;
            offsets[2] += to_x;
        }
    }
    store(reinterpret_cast<P*>(to), packet);
}

template <class F> void for_word(int item, F f) {
    switch (item) {
        case 1: return f(uint8_t{});
        case 2: return f(uint16_t{});
        case 4: return f(uint32_t{});
        default: return f(uint64_t{});
    }
}

inline bool misaligned(int64_t bytes) { return bytes % 16 != 0; }
inline bool misaligned(const void* pointer) { return misaligned(int64_t(reinterpret_cast<uintptr_t>(pointer))); }

const char* no_packets(const Take& p, const Device&) {
    const Layout<3>& layout = p.layout;
    if (layout.step(0) != 1) return "the output has gaps along its innermost axis";
    if (layout.shape[layout.ndim - 1] % (16 / p.item) != 0) return "rows do not hold whole packets";
    return misaligned(layout.data[0]) ? "the output is not aligned to 16 bytes" : nullptr;
}

void launch_packets(const Take& p, Stream stream) {
    const Layout<3>& layout = p.layout;
    const int last = layout.ndim - 1;
    bool rows = layout.step(1) == 0 && layout.step(2) == 1 && !misaligned(layout.data[2]) && !misaligned(p.step);
    for (int d = 0; d < last; d++) rows = rows && !misaligned(layout.stride[2][d]);
    Take seen = p;
    seen.layout = layout.packets(16 / p.item);
    for_word(p.item, [&](auto zero) {
        launch<take_along_packets_kernel<decltype(zero)>>({blocks_for(seen.layout.size), threads, 0, stream}, seen, layout.stride[1][last],
                                                          layout.stride[2][last], rows);
    });
}
void launch_simple(const Take& p, Stream stream) {
    for_word(p.item,
             [&](auto zero) { launch<take_along_simple_kernel<decltype(zero)>>({blocks_for(p.layout.size), threads, 0, stream}, p); });
}

uint64_t nan_of(char dtype) {
    switch (dtype) {
        case 'e': return 0x7e00;
        case 'E': return 0x7fc0;
        case 'f': return 0x7fc00000;
        case 'd': return 0x7ff8000000000000;
        default: return 0;
    }
}

// A view of `whole` with other sizes; where that is 1, the axis does not move.
struct Seen {
    int64_t shape[max_dims];
    TensorView view;
    explicit Seen(const TensorView& whole) : view(whole) {
        for (int d = 0; d < whole.ndim; d++) shape[d] = whole.shape[d];
        view.shape = shape;
    }
    Seen(const Seen&) = delete;
    Seen& operator=(const Seen&) = delete;
};

// Lines of dx along the axis; operands of both layouts: dx, g, the indices. `lines` counts lines, `terms` what may go to a line.
struct Grad {
    Layout<3> lines, terms;
    int64_t n, step;  // places of a line, bytes from one to the next
    char dtype;       // of the indices
};

template <class T> __device__ __forceinline__ auto term(const Grad& p, const int64_t (&offsets)[3]) {
    return wide(*reinterpret_cast<const T*>(p.terms.data[1] + offsets[1]));
}

// Where term t of the line at `line` goes, and its offsets.
__device__ __forceinline__ int64_t target(const Grad& p, const int64_t (&line)[3], int64_t t, int64_t (&offsets)[3]) {
    p.terms.offsets_at(t, offsets);
    for (int k = 0; k < 3; k++) offsets[k] += line[k];
    return key_at(p.terms.data[2] + offsets[2], p.dtype, 0, p.n);
}

// `fastest`: places are numbered before lines, since neighbouring lines lie farther apart.
template <class T> __global__ void __launch_bounds__(threads) along_grad_simple_kernel(const __grid_constant__ Grad p, bool fastest) {
    using C = decltype(wide(T{}));
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= p.lines.size * p.n) return;
    const int64_t major = i / (fastest ? p.n : p.lines.size), minor = i - major * (fastest ? p.n : p.lines.size);
    const int64_t at = fastest ? minor : major;
    int64_t line[3], offsets[3];
    p.lines.offsets_at(fastest ? major : minor, line);
    C sum = C(0);
    bool first = true;
    for (int64_t t = 0; t < p.terms.size; t++) {
        if (target(p, line, t, offsets) != at) continue;
        const C x = term<T>(p, offsets);
        sum = first ? x : sum + x;  // 0 + -0 would lose a sign
        first = false;
    }
    *reinterpret_cast<T*>(p.lines.data[0] + line[0] + at * p.step) = narrow<T>(sum);
}

template <class T> constexpr int held_places = sizeof(T) == 8 ? 512 : 1024;

template <class T> __global__ void __launch_bounds__(threads) along_grad_lines_kernel(const __grid_constant__ Grad p) {
    using C = decltype(wide(T{}));
    constexpr int most = held_places<T>, warps = threads / 32;
    GPUDL_SHARED_ARRAY(C, sums, [warps][most]);
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
    const int64_t number = int64_t(blockIdx.x) * warps + warp;
    if (number >= p.lines.size) return;  // the whole warp; there is no barrier of the block
    C* mine = sums[warp];
    int64_t line[3], offsets[3];
    p.lines.offsets_at(number, line);
    for (int64_t begin = 0; begin < p.n; begin += most) {
        const int places = int(min(int64_t(most), p.n - begin));
        for (int j = lane; j < places; j += 32) mine[j] = C(0);
        __syncwarp();
        for (int64_t t = lane; t - lane < p.terms.size; t += 32) {
            int at = -1;
            C x = C(0);
            if (t < p.terms.size) {
                const int64_t to = target(p, line, t, offsets) - begin;
                if (to >= 0 && to < places) {
                    at = int(to);
                    x = term<T>(p, offsets);
                }
            }
            const unsigned same = __match_any_sync(0xffffffffu, at);
            const bool adds = at >= 0 && lane == __ffs(int(same)) - 1;
            C sum = x;
            unsigned rest = adds ? same & (same - 1) : 0;  // lanes whose terms are still to be added
            while (__any_sync(0xffffffffu, rest != 0)) {   // as often as the largest group needs
                const int other = rest ? __ffs(int(rest)) - 1 : lane;
                const C more = __shfl_sync(0xffffffffu, x, other);
                if (rest) sum += more;
                rest &= rest - 1;
            }
            if (adds) mine[at] += sum;
            __syncwarp();
        }
        for (int j = lane; j < places; j += 32)
            *reinterpret_cast<T*>(p.lines.data[0] + line[0] + (begin + j) * p.step) = narrow<T>(mine[j]);
        __syncwarp();
    }
}

const char* few_terms(const Grad& p, const Device&) {
    return p.terms.size <= 16 ? "a line has few terms" : p.n == 0 ? "lines are empty" : nullptr;
}

template <class T> void launch_lines(const Grad& p, Stream stream) {
    launch<along_grad_lines_kernel<T>>({blocks_for(p.lines.size, threads / 32), threads, 0, stream}, p);
}
template <class T> void launch_places(const Grad& p, Stream stream) {
    const bool fastest = p.step == int64_t(sizeof(T));
    launch<along_grad_simple_kernel<T>>({blocks_for(p.lines.size * p.n), threads, 0, stream}, p, fastest);
}

// attrs: the axis, then the shape of x.
bool take_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const TensorView &y = outs[0], &x = ins[0], &index = ins[1];
    const int64_t axis = attrs[0].integer;
    if (axis < 0 || axis >= y.ndim || x.ndim != y.ndim || index.ndim != y.ndim || count_attrs(attrs) != y.ndim + 1) return false;
    for (int d = 0; d < y.ndim; d++) {
        const int64_t own = d == axis ? index.shape[d] : x.shape[d];
        if (own != y.shape[d] && own != 1) return false;
        if (index.shape[d] != y.shape[d] && index.shape[d] != 1) return false;
        if (attrs[1 + d].integer != x.shape[d]) return false;
    }
    return items_aligned(x) && items_aligned(index);
}
bool grad_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const TensorView &dx = outs[0], &g = ins[0], &index = ins[1];
    const int64_t axis = attrs[0].integer;
    if (axis < 0 || axis >= dx.ndim || g.ndim != dx.ndim || index.ndim != dx.ndim || count_attrs(attrs) != dx.ndim + 1) return false;
    for (int d = 0; d < dx.ndim; d++) {
        if (attrs[1 + d].integer != dx.shape[d]) return false;
        if (d != axis && dx.shape[d] != g.shape[d] && dx.shape[d] != 1) return false;
        if (index.shape[d] != g.shape[d] && index.shape[d] != 1) return false;
    }
    return items_aligned(g) && items_aligned(index);
}

}  // namespace

GPUDL_KERNEL_WHEN(take_along_axis,
                  "* <- ~* ~i ; i i* | * <- ~* ~l ; i i* | * <- ~* ~b ; i i* | * <- ~* ~B ; i i* | * <- ~* ~h ; i i* | "
                  "* <- ~* ~H ; i i* | * <- ~* ~I ; i i* | * <- ~* ~L ; i i*",
                  take_fits) {
    const TensorView &y = outs[0], &x = ins[0];
    if (y.size() == 0) return;
    const int axis = int(attrs[0].integer);
    Seen line(x);
    line.shape[axis] = 1;
    static constexpr Candidate<Take> candidates[] = {{"packets", Tier::simt, no_packets, launch_packets},
                                                     {"simple", Tier::simple, nullptr, launch_simple}};
    dispatch("take_along_axis", candidates,
             Take{describe<3>({&y, &ins[1], &line.view}), x.shape[axis], x.shape[axis] > 1 ? x.strides[axis] : 0, nan_of(y.dtype),
                  int(itemsize(y.dtype))},
             stream);
}

#define GPUDL_BY(t)                                                                                                                        \
    t " <- ~" t " ~i ; i i* | " t " <- ~" t " ~l ; i i* | " t " <- ~" t " ~b ; i i* | " t " <- ~" t " ~B ; i i* | " t " <- ~" t            \
      " ~h ; i i* | " t " <- ~" t " ~H ; i i* | " t " <- ~" t " ~I ; i i* | " t " <- ~" t " ~L ; i i*"

GPUDL_KERNEL_WHEN(take_along_axis_grad, GPUDL_BY("f") " | " GPUDL_BY("d") " | " GPUDL_BY("e") " | " GPUDL_BY("E"), grad_fits) {
    const TensorView &dx = outs[0], &g = ins[0], &index = ins[1];
    if (dx.size() == 0) return;
    if (g.size() == 0) return fill_view("take_along_axis_grad", dx, 0, stream);
    const int axis = int(attrs[0].integer);
    Seen line(dx), g_line(g), index_line(index), g_term(g), index_term(index);
    line.shape[axis] = 1;
    for (int d = 0; d < dx.ndim; d++) {
        const bool goes = d == axis || dx.shape[d] != g.shape[d];  // what differs is repeated in g, where dx has one
        if (goes) g_line.shape[d] = index_line.shape[d] = 1;
        else g_term.shape[d] = index_term.shape[d] = 1;
    }
    for_float_dtype(dx.dtype, [&](auto zero) {
        using T = decltype(zero);
        static constexpr Candidate<Grad> candidates[] = {{"lines", Tier::simt, few_terms, launch_lines<T>},
                                                         {"simple", Tier::simple, nullptr, launch_places<T>}};
        int64_t step = sizeof(T);  // outputs are dense
        for (int d = axis + 1; d < dx.ndim; d++) step *= dx.shape[d];
        dispatch("take_along_axis_grad", candidates,
                 Grad{describe<3>({&line.view, &g_line.view, &index_line.view}),
                      describe<3>({&g_term.view, &g_term.view, &index_term.view}), dx.shape[axis], step, index.dtype},
                 stream);
    });
}

}  // namespace gpudl
