// Adds up rows that go to the same place (take_grad, scatter): the gradient of an embedding.
//
// sorted   the indices are sorted with their places in scratch memory; then a thread takes one column of one row of the result, finds the
//          first of its indices by bisection, and adds the rows one after another, in the order in which they stand
// simple   a thread takes one element of the result and goes through all indices: for more of them than scratch memory holds
// bytes moved per element: the item size of every row added, and of the result; 32 per index for every pass of the sort.
// expected bound: memory bandwidth for wide rows; latency of the sort's passes for few indices. Nothing depends on the grid.
#include "bitonic.cuh"
#include "index.cuh"

namespace gpudl {
namespace {

constexpr int threads = 256;

inline unsigned blocks_for(int64_t n) { return unsigned((n + threads - 1) / threads); }

// (before, n, row) <- sums over i of (before, m, row), where index[i] is the middle one.
template <class T> struct Sums {
    T* out;
    const T* rows;
    const void* index;
    char dtype;
    int64_t before, n, m, row;
};

__global__ void __launch_bounds__(threads)
    keys_kernel(bitonic::Item* pairs, const void* index, char dtype, int64_t n, int64_t m, int64_t padded) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= padded) return;
    const bitonic::Item pair = {uint64_t(i < m ? key_at(index, dtype, i, n) : 0), uint64_t(i)};
    store(pairs + i, i < m ? pair : bitonic::last());
}

template <class T> __global__ void __launch_bounds__(threads)
    sum_sorted_kernel(const __grid_constant__ Sums<T> p, const bitonic::Item* pairs) {
    using C = decltype(wide(T{}));
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x, size = p.before * p.n * p.row;
    if (j >= size) return;
    const int64_t line = j / p.row, column = j - line * p.row, a = line / p.n, key = line - a * p.n;
    int64_t low = 0, high = p.m;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (int64_t(pairs[middle].key) < key) low = middle + 1;
        else high = middle;
    }
    C sum = C(0);
    for (int64_t i = low; i < p.m; i++) {
        const bitonic::Item pair = load(pairs + i);
        if (int64_t(pair.key) != key) break;
        const C x = wide(p.rows[(a * p.m + int64_t(pair.index)) * p.row + column]);
        sum = i == low ? x : sum + x;  // 0 + -0 would lose a sign
    }
    p.out[j] = narrow<T>(sum);
}

template <class T> __global__ void __launch_bounds__(threads) sum_simple_kernel(const __grid_constant__ Sums<T> p) {
    using C = decltype(wide(T{}));
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x, size = p.before * p.n * p.row;
    if (j >= size) return;
    const int64_t line = j / p.row, column = j - line * p.row, a = line / p.n, key = line - a * p.n;
    C sum = C(0);
    bool first = true;
    for (int64_t i = 0; i < p.m; i++) {
        if (key_at(p.index, p.dtype, i, p.n) != key) continue;
        const C x = wide(p.rows[(a * p.m + i) * p.row + column]);
        sum = first ? x : sum + x;
        first = false;
    }
    p.out[j] = narrow<T>(sum);
}

template <class T> const char* no_room(const Sums<T>& p, const Device&) {
    return bitonic::padded(p.m) * int64_t(sizeof(bitonic::Item)) > scratch().bytes ? "more indices than scratch memory holds" : nullptr;
}

template <class T> void launch_sorted(const Sums<T>& p, Stream stream) {
    auto* pairs = static_cast<bitonic::Item*>(scratch().data);
    const int64_t padded = bitonic::padded(p.m);
    launch<keys_kernel>({blocks_for(padded), threads, 0, stream}, pairs, p.index, p.dtype, p.n, p.m, padded);
    bitonic::sort(pairs, padded, 1, stream);
    launch<sum_sorted_kernel<T>>({blocks_for(p.before * p.n * p.row), threads, 0, stream}, p, pairs);
}
template <class T> void launch_simple(const Sums<T>& p, Stream stream) {
    launch<sum_simple_kernel<T>>({blocks_for(p.before * p.n * p.row), threads, 0, stream}, p);
}

// attrs: the axis, then the shape of the result.
void add_up(const char* name, const TensorView& out, const TensorView& rows, const TensorView& index, const Scalar* attrs, Stream stream) {
    const int axis = int(attrs[0].integer), ndim = count_attrs(attrs) - 1;
    int64_t before = 1, after = 1;
    for (int d = 0; d < axis; d++) before *= attrs[1 + d].integer;
    for (int d = axis + 1; d < ndim; d++) after *= attrs[1 + d].integer;
    if (out.size() == 0) return;
    for_float_dtype(out.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Sums<T> p{out.as<T>(), rows.as<const T>(), index.data, index.dtype, before, attrs[1 + axis].integer, index.size(), after};
        static constexpr Candidate<Sums<T>> candidates[] = {{"sorted", Tier::simt, no_room<T>, launch_sorted<T>},
                                                            {"simple", Tier::simple, nullptr, launch_simple<T>}};
        dispatch(name, candidates, p, stream);
    });
}

}  // namespace

#define GPUDL_BY(t)                                                                                                                        \
    #t " <- " #t " i ; i i* | " #t " <- " #t " l ; i i* | " #t " <- " #t " b ; i i* | " #t " <- " #t " B ; i i* | " #t " <- " #t           \
       " h ; i i* | " #t " <- " #t " H ; i i* | " #t " <- " #t " I ; i i* | " #t " <- " #t " L ; i i*"

GPUDL_KERNEL(take_grad, GPUDL_BY(f) " | " GPUDL_BY(d) " | " GPUDL_BY(e) " | " GPUDL_BY(E)) {
    add_up("take_grad", outs[0], ins[0], ins[1], attrs, stream);
}

GPUDL_KERNEL(scatter, GPUDL_BY(f) " | " GPUDL_BY(d) " | " GPUDL_BY(e) " | " GPUDL_BY(E)) {
    add_up("scatter", outs[0], ins[0], ins[1], attrs, stream);
}

}  // namespace gpudl
