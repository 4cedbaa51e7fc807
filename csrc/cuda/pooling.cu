// Pools images (NHWC) window by window: the largest element and its place, the average; and their gradients, which gather, so that nothing
// is added by two threads.
//
// packets   a thread takes one pixel of the result and as many channels as 16 bytes hold; neighbours take neighbouring channels
// simple    one pixel and one channel a thread, any number of channels, any alignment
// bytes moved per element: an input element is read once per window that holds it, from the cache after the first time; one item size per
// element of the result, and one (four for windows of more than 255) for the place of a maximum.
// expected bound: memory bandwidth.
#include <gpudl/layout.h>
#include <gpudl/math.h>
#include <gpudl/platform.h>

namespace gpudl {
namespace {

constexpr int threads = 256;

// The attributes, and the sizes of the two images.
struct Windows {
    int r, s, stride_h, stride_w, top, left, h, w;  // h, w: of the image that is pooled
    int p, q;
    int64_t packets;  // windows along each axis; packets of channels in a pixel
};

// Where a thread works: pixel (n, row, column) of an image of some size, packet c of its channels.
struct Place {
    int64_t n, c;
    int row, column;
};

struct Walk {
    Divisor packets, columns, rows;
    int64_t packets_n, columns_n, rows_n, size;
    GPUDL_HOST_DEVICE Place at(int64_t i) const {
        const int64_t a = packets.divide(i), b = columns.divide(a), n = rows.divide(b);
        return {n, i - a * packets_n, int(b - n * rows_n), int(a - b * columns_n)};
    }
};

template <class T> struct Problem {
    Windows win;
    Walk walk;      // over the result
    const T* from;  // x, or the gradient
    T* to;          // y, or dx
    void* places;   // of maxima: written forward, read backward; null for averages
    bool wide_places;
    bool overlap;
    int64_t channels;
};

__device__ __forceinline__ int place_at(const void* places, bool is_wide, int64_t i) {
    return is_wide ? static_cast<const int32_t*>(places)[i] : static_cast<const uint8_t*>(places)[i];
}

// The first and last tap of window `at` inside an axis of `size`.
struct Span {
    int first, last;  // last is one behind
    __device__ __forceinline__ Span(int at, int stride, int before, int taps, int size) {
        const int start = at * stride - before;
        first = start < 0 ? -start : 0;
        last = start + taps > size ? size - start : taps;
    }
};

template <class T, int width> struct MaxPool {
    static __device__ __forceinline__ void run(const Problem<T>& p, const Place& at, int64_t i) {
        using C = decltype(wide(T{}));
        using P = Packet<T, width>;
        const Windows& win = p.win;
        const Span rows(at.row, win.stride_h, win.top, win.r, win.h), columns(at.column, win.stride_w, win.left, win.s, win.w);
        C best[width] = {};
        int32_t place[width] = {};
        bool first = true;
        for (int r = rows.first; r < rows.last; r++) {
            for (int s = columns.first; s < columns.last; s++) {
                const int h = at.row * win.stride_h - win.top + r, w = at.column * win.stride_w - win.left + s;
                const P in = load(reinterpret_cast<const P*>(p.from) + ((at.n * win.h + h) * win.w + w) * win.packets + at.c);
#pragma unroll
                for (int k = 0; k < width; k++) {
                    const C x = wide(in.item[k]);
                    if (first || x > best[k] || (x != x && best[k] == best[k])) {
                        best[k] = x;
                        place[k] = r * win.s + s;
                    }
                }
                first = false;
            }
        }
        P out;
#pragma unroll
        for (int k = 0; k < width; k++) {
            out.item[k] = narrow<T>(best[k]);
            if (p.wide_places) static_cast<int32_t*>(p.places)[i * width + k] = place[k];
        }
        store(reinterpret_cast<P*>(p.to) + i, out);
        if (!p.wide_places) {
            Packet<uint8_t, width> small;
#pragma unroll
            for (int k = 0; k < width; k++) small.item[k] = uint8_t(place[k]);
            store(reinterpret_cast<Packet<uint8_t, width>*>(p.places) + i, small);
        }
    }
};

template <class T, int width> struct MaxPoolTake {
    static __device__ __forceinline__ void run(const Problem<T>& p, const Place& at, int64_t i) {
        const Windows& win = p.win;
#pragma unroll
        for (int k = 0; k < width; k++) {
            const int place = place_at(p.places, p.wide_places, i * width + k), r = place / win.s, s = place - r * win.s;
            const int h = at.row * win.stride_h - win.top + r, w = at.column * win.stride_w - win.left + s;
            p.to[i * width + k] = p.from[((at.n * win.h + h) * win.w + w) * p.channels + at.c * width + k];
        }
    }
};

template <class T, int width> struct AveragePool {
    static __device__ __forceinline__ void run(const Problem<T>& p, const Place& at, int64_t i) {
        using C = decltype(wide(T{}));
        using P = Packet<T, width>;
        const Windows& win = p.win;
        const Span rows(at.row, win.stride_h, win.top, win.r, win.h), columns(at.column, win.stride_w, win.left, win.s, win.w);
        C sum[width] = {};
        for (int r = rows.first; r < rows.last; r++) {
            const int h = at.row * win.stride_h - win.top + r, left = at.column * win.stride_w - win.left;
            const P* from = reinterpret_cast<const P*>(p.from) + ((at.n * win.h + h) * win.w + left + columns.first) * win.packets + at.c;
#pragma unroll 2
            for (int s = columns.first; s < columns.last; s++, from += win.packets) {
                const P in = load(from);
#pragma unroll
                for (int k = 0; k < width; k++) sum[k] += wide(in.item[k]);
            }
        }
        const C count = C((rows.last - rows.first) * (columns.last - columns.first));
        P out;
#pragma unroll
        for (int k = 0; k < width; k++) out.item[k] = narrow<T>(sum[k] / count);
        store(reinterpret_cast<P*>(p.to) + i, out);
    }
};

// Backward: `visit(window, tap, r, s)` for every window that holds a pixel, in the order of its taps.
template <class F> __device__ __forceinline__ void each_window(const Windows& win, const Place& at, const F& visit) {
    for (int r = (at.row + win.top) % win.stride_h; r < win.r; r += win.stride_h) {
        const int row = at.row + win.top - r;
        if (row < 0 || row / win.stride_h >= win.p) continue;
        for (int s = (at.column + win.left) % win.stride_w; s < win.s; s += win.stride_w) {
            const int column = at.column + win.left - s;
            if (column < 0 || column / win.stride_w >= win.q) continue;
            visit(row / win.stride_h, column / win.stride_w, r * win.s + s);
        }
    }
}

template <class T, int width> struct MaxPoolGrad {
    using C = decltype(wide(T{}));
    struct Visit {
        const Problem<T>& p;
        const Place& at;
        C* sum;
        __device__ __forceinline__ void operator()(int row, int column, int tap) const {
            using P = Packet<T, width>;
            const int64_t i = ((at.n * p.win.p + row) * p.win.q + column) * p.win.packets + at.c;
            const P g = load(reinterpret_cast<const P*>(p.from) + i);
#pragma unroll
            for (int k = 0; k < width; k++) {
                if (place_at(p.places, p.wide_places, i * width + k) == tap)
                    sum[k] = p.overlap ? sum[k] + wide(g.item[k]) : wide(g.item[k]);  // 0 + -0 is 0, so a sum would lose a sign
            }
        }
    };
    static __device__ __forceinline__ void run(const Problem<T>& p, const Place& at, int64_t i) {
        C sum[width] = {};
        each_window(p.win, at, Visit{p, at, sum});
        Packet<T, width> out;
#pragma unroll
        for (int k = 0; k < width; k++) out.item[k] = narrow<T>(sum[k]);
        store(reinterpret_cast<Packet<T, width>*>(p.to) + i, out);
    }
};

template <class T, int width> struct AveragePoolGrad {
    using C = decltype(wide(T{}));
    struct Visit {
        const Problem<T>& p;
        const Place& at;
        C* sum;
        __device__ __forceinline__ void operator()(int row, int column, int) const {
            using P = Packet<T, width>;
            const Windows& win = p.win;
            const Span rows(row, win.stride_h, win.top, win.r, win.h), columns(column, win.stride_w, win.left, win.s, win.w);
            const C count = C((rows.last - rows.first) * (columns.last - columns.first));
            const P g = load(reinterpret_cast<const P*>(p.from) + ((at.n * win.p + row) * win.q + column) * win.packets + at.c);
#pragma unroll
            for (int k = 0; k < width; k++) sum[k] += wide(g.item[k]) / count;
        }
    };
    static __device__ __forceinline__ void run(const Problem<T>& p, const Place& at, int64_t i) {
        C sum[width] = {};
        each_window(p.win, at, Visit{p, at, sum});
        Packet<T, width> out;
#pragma unroll
        for (int k = 0; k < width; k++) out.item[k] = narrow<T>(sum[k]);
        store(reinterpret_cast<Packet<T, width>*>(p.to) + i, out);
    }
};

template <template <class, int> class Rule, class T, int width> __global__ void __launch_bounds__(threads, 1)
    pool_kernel(const __grid_constant__ Problem<T> p) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < p.walk.size) Rule<T, width>::run(p, p.walk.at(i), i);
}
template <template <class, int> class Rule, class T> __global__ void __launch_bounds__(threads)
    pool_simple_kernel(const __grid_constant__ Problem<T> p) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < p.walk.size) Rule<T, 1>::run(p, p.walk.at(i), i);
}

// Packets of `width` channels: `rows` and `columns` are those of the result.
template <class T> Problem<T> in_packets(Problem<T> p, int width) {
    p.win.packets = p.channels / width;
    Walk& walk = p.walk;
    walk.size /= width;
    walk.packets_n = p.win.packets;
    walk.packets = Divisor(walk.packets_n);
    walk.columns = Divisor(walk.columns_n);
    walk.rows = Divisor(walk.rows_n);
    return p;
}

inline bool aligned(const void* pointer, size_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

template <class T> const char* no_packets(const Problem<T>& p, const Device&) {
    constexpr int width = 16 / sizeof(T);
    if (p.channels % width != 0) return "the channels do not fill whole packets";
    if (!aligned(p.from, 16) || !aligned(p.to, 16)) return "an image is not aligned to 16 bytes";
    return p.places && !aligned(p.places, width) ? "the places are not aligned to their packets" : nullptr;
}

template <template <class, int> class Rule, class T> void launch_packets(const Problem<T>& p, Stream stream) {
    constexpr int width = 16 / sizeof(T);
    const Problem<T> seen = in_packets(p, width);
    launch<pool_kernel<Rule, T, width>>({unsigned((seen.walk.size + threads - 1) / threads), threads, 0, stream}, seen);
}
template <template <class, int> class Rule, class T> void launch_simple(const Problem<T>& p, Stream stream) {
    const Problem<T> seen = in_packets(p, 1);
    launch<pool_simple_kernel<Rule, T>>({unsigned((seen.walk.size + threads - 1) / threads), threads, 0, stream}, seen);
}

// Forward, `to` are windows; backward, `from` are.
template <template <class, int> class Rule> void pool(const char* name, const TensorView& to, const TensorView& from,
                                                      const TensorView* places, const Scalar* attrs, bool forward, Stream stream) {
    if (to.size() == 0) return;
    const TensorView& windows = forward ? to : from;
    for_float_dtype(to.dtype, [&](auto zero) {
        using T = decltype(zero);
        Problem<T> p{};
        const auto number = [attrs](int i) { return int(attrs[i].integer); };
        p.win = {number(0),
                 number(1),
                 number(2),
                 number(3),
                 number(4),
                 number(6),
                 number(8),
                 number(9),
                 int(windows.shape[1]),
                 int(windows.shape[2]),
                 0};
        p.walk = {{}, {}, {}, 0, to.shape[2], to.shape[1], to.size()};
        p.from = from.as<const T>();
        p.to = to.as<T>();
        p.channels = to.shape[3];
        if (places) {
            p.places = places->data;
            p.wide_places = places->dtype == 'i';
        }
        p.overlap = number(0) > number(2) || number(1) > number(3);
        static constexpr Candidate<Problem<T>> candidates[] = {{"packets", Tier::simt, no_packets<T>, launch_packets<Rule, T>},
                                                               {"simple", Tier::simple, nullptr, launch_simple<Rule, T>}};
        dispatch(name, candidates, p, stream);
    });
}

// Sizes along an image and attributes are counted in 32 bits.
bool small(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    for (int i = 0; i < 10; i++) {
        if (attrs[i].integer < 0 || attrs[i].integer > INT32_MAX / 4) return false;
    }
    const auto fits = [](const TensorView& v) { return v.ndim == 4 && v.shape[1] <= INT32_MAX / 4 && v.shape[2] <= INT32_MAX / 4; };
    return fits(outs[0]) && fits(ins[0]);
}

}  // namespace

#define GPUDL_POOL_ATTRS "; i i i i i i i i i i"
GPUDL_KERNEL_WHEN(max_pool2d,
                  "f B <- f " GPUDL_POOL_ATTRS " | f i <- f " GPUDL_POOL_ATTRS " | d B <- d " GPUDL_POOL_ATTRS
                  " | d i <- d " GPUDL_POOL_ATTRS " | e B <- e " GPUDL_POOL_ATTRS " | e i <- e " GPUDL_POOL_ATTRS
                  " | E B <- E " GPUDL_POOL_ATTRS " | E i <- E " GPUDL_POOL_ATTRS,
                  small) {
    pool<MaxPool>("max_pool2d", outs[0], ins[0], &outs[1], attrs, true, stream);
}

#define GPUDL_POOL_BY_PLACE                                                                                                                \
    "f <- f B " GPUDL_POOL_ATTRS " | f <- f i " GPUDL_POOL_ATTRS " | d <- d B " GPUDL_POOL_ATTRS " | d <- d i " GPUDL_POOL_ATTRS           \
    " | e <- e B " GPUDL_POOL_ATTRS " | e <- e i " GPUDL_POOL_ATTRS " | E <- E B " GPUDL_POOL_ATTRS " | E <- E i " GPUDL_POOL_ATTRS

GPUDL_KERNEL_WHEN(max_pool2d_grad, GPUDL_POOL_BY_PLACE, small) {
    pool<MaxPoolGrad>("max_pool2d_grad", outs[0], ins[0], &ins[1], attrs, false, stream);
}

GPUDL_KERNEL_WHEN(max_pool2d_take, GPUDL_POOL_BY_PLACE, small) {
    pool<MaxPoolTake>("max_pool2d_take", outs[0], ins[0], &ins[1], attrs, true, stream);
}

#define GPUDL_POOL_PLAIN                                                                                                                   \
    "f <- f " GPUDL_POOL_ATTRS " | d <- d " GPUDL_POOL_ATTRS " | e <- e " GPUDL_POOL_ATTRS " | E <- E " GPUDL_POOL_ATTRS

GPUDL_KERNEL_WHEN(average_pool2d, GPUDL_POOL_PLAIN, small) {
    pool<AveragePool>("average_pool2d", outs[0], ins[0], nullptr, attrs, true, stream);
}

GPUDL_KERNEL_WHEN(average_pool2d_grad, GPUDL_POOL_PLAIN, small) {
    pool<AveragePoolGrad>("average_pool2d_grad", outs[0], ins[0], nullptr, attrs, false, stream);
}

}  // namespace gpudl
