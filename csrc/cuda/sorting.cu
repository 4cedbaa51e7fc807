// Sorts lines of any dtype along an axis: sort, argsort, top_k. Equal elements keep their order, NaN is the largest.
//
// simple   as many lines at a time as scratch memory holds: their keys go there with their places, are sorted (bitonic.cuh), and the results
//          are read off. A line longer than scratch memory is declined.
// bytes moved per element: 32 for each pass of the sort, n (log n)^2 / 2 comparisons in all. Expected bound: memory bandwidth of the passes.
#include <gpudl/sort_key.h>

#include "bitonic.cuh"

namespace gpudl {
namespace {

constexpr int threads = 256;

inline unsigned blocks_for(int64_t n) { return unsigned((n + threads - 1) / threads); }

// Lines along an axis of (outer, n, inner); `keep` first elements of each sorted line go to the results.
struct Lines {
    const char* x;
    char* values;  // or null
    int32_t* order;
    char dtype;
    int item;
    bool descending;
    int64_t n, inner, keep, padded;
};

__global__ void __launch_bounds__(threads)
    keys_simple_kernel(const __grid_constant__ Lines p, bitonic::Item* pairs, int64_t first, int64_t count) {
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (j >= count * p.padded) return;
    const int64_t line = first + j / p.padded, i = j & (p.padded - 1), outer = line / p.inner, inner = line - outer * p.inner;
    bitonic::Item pair = bitonic::last();
    if (i < p.n) {
        const uint64_t key = sort_key(p.x + ((outer * p.n + i) * p.inner + inner) * p.item, p.dtype);
        pair = {p.descending ? ~key : key, uint64_t(i)};
    }
    store(pairs + j, pair);
}

__global__ void __launch_bounds__(threads)
    results_simple_kernel(const __grid_constant__ Lines p, const bitonic::Item* pairs, int64_t first, int64_t count) {
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (j >= count * p.keep) return;
    const int64_t line = j / p.keep, i = j - line * p.keep, outer = (first + line) / p.inner, inner = first + line - outer * p.inner;
    const int64_t at = int64_t(load(pairs + line * p.padded + i).index);
    const int64_t to = (outer * p.keep + i) * p.inner + inner, from = (outer * p.n + at) * p.inner + inner;
    p.order[to] = int32_t(at);
    if (!p.values) return;
    switch (p.item) {
        case 1: p.values[to] = p.x[from]; break;
        case 2: reinterpret_cast<uint16_t*>(p.values)[to] = reinterpret_cast<const uint16_t*>(p.x)[from]; break;
        case 4: reinterpret_cast<uint32_t*>(p.values)[to] = reinterpret_cast<const uint32_t*>(p.x)[from]; break;
        default: reinterpret_cast<uint64_t*>(p.values)[to] = reinterpret_cast<const uint64_t*>(p.x)[from];
    }
}

void launch_simple(const Lines& p, int64_t lines, Stream stream) {
    auto* pairs = static_cast<bitonic::Item*>(scratch().data);
    const int64_t at_once = scratch().bytes / (p.padded * int64_t(sizeof(bitonic::Item)));
    for (int64_t first = 0; first < lines; first += at_once) {
        const int64_t count = lines - first < at_once ? lines - first : at_once;
        launch<keys_simple_kernel>({blocks_for(count * p.padded), threads, 0, stream}, p, pairs, first, count);
        bitonic::sort(pairs, p.padded, count, stream);
        launch<results_simple_kernel>({blocks_for(count * p.keep), threads, 0, stream}, p, pairs, first, count);
    }
}

// `values` may be null.
void sort_lines(const TensorView& x, const TensorView* values, const TensorView& order, int axis, int64_t keep, bool descending,
                Stream stream) {
    if (order.size() == 0) return;
    int64_t inner = 1;
    for (int d = axis + 1; d < x.ndim; d++) inner *= x.shape[d];
    const int64_t n = x.shape[axis];
    const Lines p{x.as<const char>(),
                  values ? values->as<char>() : nullptr,
                  order.as<int32_t>(),
                  x.dtype,
                  int(itemsize(x.dtype)),
                  descending,
                  n,
                  inner,
                  keep,
                  bitonic::padded(n)};
    launch_simple(p, x.size() / n, stream);
}

bool fits(int64_t n) { return bitonic::padded(n) * int64_t(sizeof(bitonic::Item)) <= scratch().bytes; }

bool axis_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int64_t axis = attrs[0].integer;
    return axis >= 0 && axis < ins[0].ndim && outs[0].dtype != no_dtype && fits(ins[0].shape[axis]);
}
bool last_axis_fits(const TensorView*, const TensorView* ins, const Scalar*) {
    return ins[0].ndim > 0 && fits(ins[0].shape[ins[0].ndim - 1]);
}

}  // namespace

GPUDL_KERNEL_WHEN(argsort, "i <- * ; i", axis_fits) {
    const int axis = int(attrs[0].integer);
    sort_lines(ins[0], nullptr, outs[0], axis, ins[0].shape[axis], false, stream);
}

GPUDL_KERNEL_WHEN(sort, "* i <- * ; i", axis_fits) {
    const int axis = int(attrs[0].integer);
    sort_lines(ins[0], &outs[0], outs[1], axis, ins[0].shape[axis], false, stream);
}

GPUDL_KERNEL_WHEN(top_k, "* i <- * ; i i*", last_axis_fits) {
    sort_lines(ins[0], &outs[0], outs[1], ins[0].ndim - 1, attrs[0].integer, true, stream);
}

}  // namespace gpudl
