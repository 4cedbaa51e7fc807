// Convolves every channel on its own (as many groups as channels, one filter each), forward and both gradients.
//
// forward and input gradient: a thread takes as many neighbouring channels as 16 bytes hold, and a strip of 4 neighbouring pixels of a row, so
// that each tap of the kernel is read once for 4 results. kernel gradient: a thread holds up to 9 taps of a packet of channels and walks over
// pixels; the threads of a block, then blocks, are joined in a fixed order.
// bytes moved per element: each operand once, the rest from caches. expected bound: memory bandwidth.
#include "conv_loader.cuh"

namespace gpudl {
namespace {

using namespace convolution;

constexpr int threads = 256, strip = 4, most_taps = 9;
constexpr int64_t most_splits = 256, pixels_a_thread = 64;

template <class T> constexpr int width_of = int(16 / sizeof(T));

template <class T> __device__ __forceinline__ Packet<T, width_of<T>> packet_at(const T* from, int64_t pixel, int channels, int64_t packet) {
    return load(reinterpret_cast<const Packet<T, width_of<T>>*>(from + pixel * channels) + packet);
}

template <class T> using Sums = WideOf<T>[width_of<T>];

template <class T>
__device__ __forceinline__ void add_products(Sums<T>& sums, const Packet<T, width_of<T>>& a, const Packet<T, width_of<T>>& b) {
#pragma unroll
    for (int k = 0; k < width_of<T>; k++) sums[k] += wide(a.item[k]) * wide(b.item[k]);
}

// `strips` counts (n, row, strip of columns, packet of channels) of the result.
template <class T> __global__ void __launch_bounds__(threads, 1)
    depthwise_kernel(const __grid_constant__ Slide a, const __grid_constant__ Pixels strips,
                     const __grid_constant__ Finish<T, WideOf<T>> finish, const T* x, const T* kernel, int64_t size) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= size) return;
    const Pixels::At at = strips.at(i);
    Sums<T> sums[strip] = {};
    for (int r = 0; r < a.r; r++) {
        const int h = at.row * a.stride_h + r * a.dilation_h - a.top;
        if (h < 0 || h >= a.h) continue;
        const int64_t line = (at.n * a.h + h) * a.w;
        for (int s = 0; s < a.s; s++) {
            const auto tap = packet_at(kernel, r * a.s + s, a.c, at.channel);
#pragma unroll
            for (int j = 0; j < strip; j++) {
                const int w = (at.column * strip + j) * a.stride_w + s * a.dilation_w - a.left;
                if (w >= 0 && w < a.w) add_products<T>(sums[j], packet_at(x, line + w, a.c, at.channel), tap);
            }
        }
    }
#pragma unroll
    for (int j = 0; j < strip; j++) {
        const int q = at.column * strip + j;
        if (q < a.q) finish.write(sums[j], 0, (at.n * a.p + at.row) * a.q + q, at.channel * width_of<T>, width_of<T>);
    }
}

template <class T> __global__ void __launch_bounds__(threads, 1)
    depthwise_grad_input_kernel(const __grid_constant__ Slide a, const __grid_constant__ Pixels strips,
                                const __grid_constant__ Finish<T, WideOf<T>> finish, const T* g, const T* kernel, int64_t size) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= size) return;
    const Pixels::At at = strips.at(i);
    Sums<T> sums[strip] = {};
    for (int r = 0; r < a.r; r++) {
        const int row = at.row + a.top - r * a.dilation_h;
        if (row < 0 || row % a.stride_h || row / a.stride_h >= a.p) continue;
        const int64_t line = (at.n * a.p + row / a.stride_h) * a.q;
        for (int s = 0; s < a.s; s++) {
            const auto tap = packet_at(kernel, r * a.s + s, a.c, at.channel);
#pragma unroll
            for (int j = 0; j < strip; j++) {
                const int column = at.column * strip + j + a.left - s * a.dilation_w;
                const int q = a.stride_w == 1 ? column : column / a.stride_w;
                if (column >= 0 && q < a.q && (a.stride_w == 1 || q * a.stride_w == column))
                    add_products<T>(sums[j], packet_at(g, line + q, a.c, at.channel), tap);
            }
        }
    }
#pragma unroll
    for (int j = 0; j < strip; j++) {
        const int w = at.column * strip + j;
        if (w < a.w) finish.write(sums[j], 0, (at.n * a.h + at.row) * a.w + w, at.channel * width_of<T>, width_of<T>);
    }
}

// How the pixels and channels of a kernel gradient are shared out, by their numbers alone.
struct Shares {
    int packets, lanes;       // packets of channels; how many of them a block takes, a power of 2. The rest of its threads share pixels
    int splits, chunks;       // of pixels: blocks; of taps: most_taps each
    int64_t pixels, a_split;  // of the output
};

// blockIdx: (split, block of packets, chunk of taps). partial: (splits, taps, channels)
template <class T> __global__ void __launch_bounds__(threads, 1)
    depthwise_grad_kernel_kernel(const __grid_constant__ Slide a, const __grid_constant__ Shares share,
                                 const __grid_constant__ Pixels outputs, WideOf<T>* partial, const T* x, const T* g) {
    using C = WideOf<T>;
    constexpr int width = width_of<T>;
    GPUDL_SHARED_ARRAY(C, held, [width][threads]);
    const int lane = int(threadIdx.x) % share.lanes, worker = int(threadIdx.x) / share.lanes, workers = threads / share.lanes;
    const int packet = int(blockIdx.y) * share.lanes + lane, first = int(blockIdx.z) * most_taps;
    const int64_t begin = int64_t(blockIdx.x) * share.a_split;
    const int64_t end = begin + share.a_split < share.pixels ? begin + share.a_split : share.pixels;
    Sums<T> sums[most_taps] = {};
    if (packet < share.packets) {
        for (int64_t pixel = begin + worker; pixel < end; pixel += workers) {
            const Pixels::At at = outputs.at(pixel);
            const auto out = packet_at(g, pixel, a.c, packet);
            int r = first / a.s, s = first % a.s;
#pragma unroll
            for (int t = 0; t < most_taps; t++) {
                const int h = at.row * a.stride_h + r * a.dilation_h - a.top, w = at.column * a.stride_w + s * a.dilation_w - a.left;
                if (r < a.r && h >= 0 && h < a.h && w >= 0 && w < a.w)
                    add_products<T>(sums[t], packet_at(x, (at.n * a.h + h) * a.w + w, a.c, packet), out);
                if (++s == a.s) {
                    s = 0;
                    r++;
                }
            }
        }
    }
#pragma unroll
    for (int t = 0; t < most_taps; t++) {
        if (first + t >= a.r * a.s) continue;  // the same for the whole block
#pragma unroll
        for (int k = 0; k < width; k++) held[k][threadIdx.x] = sums[t][k];
        __syncthreads();
        for (int half = workers / 2; half > 0; half /= 2) {
            if (worker < half) {
#pragma unroll
                for (int k = 0; k < width; k++) held[k][threadIdx.x] += held[k][threadIdx.x + half * share.lanes];
            }
            __syncthreads();
        }
        if (worker == 0 && packet < share.packets) {
            C* to = partial + (int64_t(blockIdx.x) * (a.r * a.s) + first + t) * a.c + packet * width;
#pragma unroll
            for (int k = 0; k < width; k++) to[k] = held[k][threadIdx.x];
        }
        __syncthreads();
    }
}

template <class T> Shares shares_of(const ConvProblem& p) {
    const Slide& a = p.slide;
    Shares share = {};
    share.packets = a.c / width_of<T>;
    share.lanes = 1;
    while (share.lanes < share.packets && share.lanes < 32) share.lanes *= 2;
    share.chunks = (a.r * a.s + most_taps - 1) / most_taps;
    share.pixels = a.n * a.p * a.q;
    const int64_t workers = threads / share.lanes, room = scratch().bytes / int64_t(p.kernels() * sizeof(WideOf<T>));
    int64_t splits = (share.pixels + workers * pixels_a_thread - 1) / (workers * pixels_a_thread);
    splits = splits > most_splits ? most_splits : splits;
    splits = splits > room ? room : splits < 1 ? 1 : splits;
    share.a_split = splits > 0 ? (share.pixels + splits - 1) / splits : 0;
    share.splits = int(splits);
    return share;
}

}  // namespace

const char* depthwise_obstacle(const ConvProblem& p, const Device&) {
    const Slide& a = p.slide;
    if (a.groups != a.c || a.k != a.c) return "not one channel and one filter a group";
    if (a.c % packet_width(p.dtype) != 0) return "the channels do not fill whole packets";
    if (p.sums_nothing()) return "nothing to add";
    if (!aligned_to(p.image, 16) || !aligned_to(p.kernel, 16) || !aligned_to(p.output, 16)) return "an operand is not aligned to 16 bytes";
    if (p.what == Conv::grad_kernel) {
        const int64_t item = p.dtype == 'd' ? 8 : 4;
        if (p.kernels() * item > scratch().bytes) return "the partial sums of a block do not fit into scratch memory";
        if (a.c / packet_width(p.dtype) > 65535 || a.r * a.s / most_taps >= 65535) return "more blocks than a grid has";
    }
    return nullptr;
}

void launch_depthwise(const ConvProblem& p, Stream stream) {
    const Slide& a = p.slide;
    for_float_dtype(p.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T *image = static_cast<T*>(p.image), *kernel = static_cast<T*>(p.kernel), *output = static_cast<T*>(p.output);
        const auto finish = finish_of<T, WideOf<T>>(p.epilogue);
        const int packets = a.c / width_of<T>;
        const auto strips_of = [packets](int rows, int columns) { return Pixels(rows, (columns + strip - 1) / strip, packets); };
        const auto how = [stream](int64_t size) { return Launch{unsigned((size + threads - 1) / threads), threads, 0, stream}; };
        if (p.what == Conv::forward) {
            const Pixels strips = strips_of(a.p, a.q);
            const int64_t size = a.n * a.p * strips.columns_n * packets;
            launch<depthwise_kernel<T>>(how(size), a, strips, finish, image, kernel, size);
        } else if (p.what == Conv::grad_input) {
            const Pixels strips = strips_of(a.h, a.w);
            const int64_t size = a.n * a.h * strips.columns_n * packets;
            launch<depthwise_grad_input_kernel<T>>(how(size), a, strips, finish, output, kernel, size);
        } else {
            const Shares share = shares_of<T>(p);
            auto* partial = static_cast<WideOf<T>*>(scratch().data);
            const dim3 grid(unsigned(share.splits), unsigned((share.packets + share.lanes - 1) / share.lanes), unsigned(share.chunks));
            launch<depthwise_grad_kernel_kernel<T>>({grid, threads, 0, stream}, a, share, Pixels(a.p, a.q, 1), partial, image, output);
            join_splits<T>(p.epilogue, partial, p.kernels(), a.k, share.splits, stream);
        }
    });
    sum_channels(p, stream);
}

}  // namespace gpudl
