// Computes running sums and products along an axis, and the gradient of the products: x is (outer, n, inner).
//
//   rows   sums of float32 and the 16-bit floats along contiguous rows: a block goes through a piece of a row, 1,024 numbers at a time, and
//          starts from the sums of the pieces before, which an earlier launch put into scratch memory where there are several.
//   lines  one thread a line: the last candidate. Neighbouring threads take neighbouring lines.
//
// Sums of floats are added in float64, as errors pile up. bytes moved per element: 1 read and 1 write, 2 reads where a row has pieces.
// expected bound: memory bandwidth for rows; for lines the latency of one thread's additions.
#include "reduce.cuh"

#include <gpudl/labels.h>

namespace gpudl {
namespace {

using namespace reduction;

struct Lines {
    char* y;
    const char* x;
    char y_dtype, dtype;
    int64_t outer, n, inner;
    bool reverse;

    Lines(const TensorView& to, const TensorView& from, int64_t axis, bool backwards)
        : y(to.as<char>()),
          x(from.as<char>()),
          y_dtype(to.dtype),
          dtype(from.dtype),
          outer(1),
          n(from.shape[axis]),
          inner(1),
          reverse(backwards) {
        for (int i = 0; i < from.ndim; i++) {
            if (i != axis) (i < axis ? outer : inner) *= from.shape[i];
        }
    }
    // Where line `line` starts; its next element lies `inner` further.
    GPUDL_HOST_DEVICE int64_t start(int64_t line) const { return line / inner * n * inner + line % inner; }
};

struct FloatSum {
    using C = double;
    static constexpr C empty = 0.0;
    GPUDL_HOST_DEVICE static C load(const char* x, char dtype, int64_t i) { return labels::number(x, dtype, i); }
    GPUDL_HOST_DEVICE static void store(char* y, char dtype, int64_t i, C value) {
        if (dtype == 'd') write<double>(y, dtype, i, value);
        else write<float>(y, dtype, i, float(value));
    }
    GPUDL_HOST_DEVICE static C join(C a, C b) { return a + b; }
};

template <class Value, bool product> struct Running {
    using C = Value;
    static constexpr C empty = product ? C(1) : C(0);
    GPUDL_HOST_DEVICE static C load(const char* x, char dtype, int64_t i) { return read<C>(x, dtype, i); }
    GPUDL_HOST_DEVICE static void store(char* y, char dtype, int64_t i, C value) { write<C>(y, dtype, i, value); }
    GPUDL_HOST_DEVICE static C join(C a, C b) { return product ? product_of(a, b) : sum_of(a, b); }
};

template <class S> __global__ void __launch_bounds__(threads) simple_lines_kernel(const __grid_constant__ Lines q) {
    for (int64_t line = int64_t(blockIdx.x) * threads + threadIdx.x; line < q.outer * q.inner; line += int64_t(gridDim.x) * threads) {
        const int64_t start = q.start(line);
        typename S::C total = S::empty;
        for (int64_t k = 0; k < q.n; k++) {
            const int64_t i = start + (q.reverse ? q.n - 1 - k : k) * q.inner;
            total = S::join(total, S::load(q.x, q.dtype, i));
            S::store(q.y, q.y_dtype, i, total);
        }
    }
}

// The sum of the numbers before this thread's, of one number a thread; `all` becomes the sum of all. `held` is free again after.
__device__ __forceinline__ double before_me(double own, double (&held)[threads / 32], double& all) {
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
    double sum = own;
    for (int o = 1; o < 32; o *= 2) {
        const double other = __shfl_up_sync(0xffffffffu, sum, o);
        if (lane >= o) sum += other;
    }
    if (lane == 31) held[warp] = sum;
    __syncthreads();
    double before = 0.0;
    all = 0.0;
    for (int k = 0; k < threads / 32; k++) {
        if (k < warp) before += held[k];
        all += held[k];
    }
    __syncthreads();
    const double neighbour = __shfl_up_sync(0xffffffffu, sum, 1);
    return before + (lane > 0 ? neighbour : 0.0);
}

constexpr int each = 4;  // numbers of a thread

// A task is one of `pieces` pieces of a row. `sums_only`: the sum of each piece goes to `partial`; else the sums before it are read there.
template <class T> __global__ void __launch_bounds__(threads)
    rows_kernel(const __grid_constant__ Lines q, int64_t pieces, int64_t piece, bool sums_only, double* partial) {
    GPUDL_SHARED_ARRAY(double, held, [threads / 32]);
    for (int64_t task = blockIdx.x; task < q.outer * pieces; task += gridDim.x) {
        const int64_t row = task / pieces, which = task - row * pieces, end = min((which + 1) * piece, q.n);
        const T* x = reinterpret_cast<const T*>(q.x) + row * q.n;
        T* y = reinterpret_cast<T*>(q.y) + row * q.n;
        double carry = 0.0, all = 0.0;
        if (!sums_only && pieces > 1) {
            double sum = 0.0;
            for (int64_t k = threadIdx.x; k < which; k += threads) sum += partial[row * pieces + k];
            before_me(sum, held, carry);
        }
        for (int64_t first = which * piece; first < end; first += threads * each) {
            double sums[each], sum = 0.0;
#pragma unroll
            for (int j = 0; j < each; j++) {
                const int64_t k = first + threadIdx.x * each + j;
                if (k < end) sum += double(wide(x[q.reverse ? q.n - 1 - k : k]));
                sums[j] = sum;
            }
            const double before = carry + before_me(sum, held, all);
            carry += all;
#pragma unroll
            for (int j = 0; j < each; j++) {
                const int64_t k = first + threadIdx.x * each + j;
                if (k < end && !sums_only) y[q.reverse ? q.n - 1 - k : k] = narrow<T>(float(before + sums[j]));
            }
        }
        if (sums_only && threadIdx.x == 0) partial[task] = carry;
    }
}

template <class S> void launch_lines(const Lines& q, Stream stream) {
    launch<simple_lines_kernel<S>>({blocks_for(ceil_div(q.outer * q.inner, threads)), threads, 0, stream}, q);
}

const char* not_rows(const Lines& q, const Device&) {
    return q.dtype == 'd' ? "float64 is rarely large"
           : q.inner > 1  ? "the axis is not the innermost"
           : q.n < 64     ? "rows are short"
                          : nullptr;
}

void launch_rows(const Lines& q, Stream stream) {
    const int64_t most = q.outer >= most_splits ? 1 : ceil_div(most_splits, q.outer);
    const int64_t piece = ceil_div(ceil_div(q.n, min(most, ceil_div(q.n, threads * each * 4))), threads * each) * (threads * each);
    const int64_t pieces = ceil_div(q.n, piece);
    double* partial = pieces > 1 ? static_cast<double*>(scratch().data) : nullptr;
    for_float_dtype(q.dtype, [&](auto zero) {
        using T = decltype(zero);
        if constexpr (sizeof(T) < 8) {
            const unsigned blocks = blocks_for(q.outer * pieces);
            if (pieces > 1) launch<rows_kernel<T>>({blocks, threads, 0, stream}, q, pieces, piece, true, partial);
            launch<rows_kernel<T>>({blocks, threads, 0, stream}, q, pieces, piece, false, partial);
        }
    });
}

// dx_i = sum over j >= i of g_j y_j / x_i. At the first zero of a line the y_j are those without it; after it all products are 0.
template <class C> __global__ void __launch_bounds__(threads)
    simple_product_grad_kernel(const __grid_constant__ Lines q, const char* g, const char* y) {
    const auto at = [&](const char* from, int64_t i) { return read<C>(from, q.dtype, i); };
    for (int64_t line = int64_t(blockIdx.x) * threads + threadIdx.x; line < q.outer * q.inner; line += int64_t(gridDim.x) * threads) {
        const int64_t start = q.start(line);
        int64_t zero = q.n;
        C product = C(1);
        double at_zero = 0.0, sum = 0.0;
        for (int64_t k = 0; k < q.n; k++) {
            const int64_t i = start + k * q.inner;
            const C x = at(q.x, i);
            if (x == C(0) && zero == q.n) zero = k;
            else product *= x;
            if (k >= zero) at_zero += double(product * at(g, i));
        }
        for (int64_t k = q.n - 1; k >= 0; k--) {
            const int64_t i = start + k * q.inner;
            sum += double(at(g, i) * at(y, i));
            write<C>(q.y, q.y_dtype, i, k > zero ? C(0) : k == zero ? C(at_zero) : C(sum) / at(q.x, i));
        }
    }
}

#define GPUDL_TO_64                                                                                                                        \
    "l <- ? ; i i* | l <- b ; i i* | l <- B ; i i* | l <- h ; i i* | l <- H ; i i* | l <- i ; i i* | l <- I ; i i* | l <- l ; i i* | L "   \
    "<- L ; i i*"

}  // namespace

// attrs: axis, whether from the end.
GPUDL_KERNEL(cumsum, "f <- f ; i i | d <- d ; i i | e <- e ; i i | E <- E ; i i") {
    const Lines q(outs[0], ins[0], attrs[0].integer, attrs[1].integer != 0);
    static constexpr Candidate<Lines> candidates[] = {{"rows", Tier::simt, not_rows, launch_rows},
                                                      {"lines", Tier::simple, nullptr, launch_lines<FloatSum>}};
    if (q.outer * q.n * q.inner > 0) dispatch("cumsum", candidates, q, stream);
}

GPUDL_KERNEL(cumprod, "f <- f ; i | d <- d ; i | e <- e ; i | E <- E ; i") {
    const Lines q(outs[0], ins[0], attrs[0].integer, false);
    if (q.outer * q.n * q.inner == 0) return;
    if (q.dtype == 'd') launch_lines<Running<double, true>>(q, stream);
    else launch_lines<Running<float, true>>(q, stream);
}

// ins: g, x, y.
GPUDL_KERNEL(cumprod_grad, "f <- f f f ; i | d <- d d d ; i | e <- e e e ; i | E <- E E E ; i") {
    const Lines q(outs[0], ins[1], attrs[0].integer, false);
    if (q.outer * q.n * q.inner == 0) return;
    const unsigned blocks = blocks_for(ceil_div(q.outer * q.inner, threads));
    if (q.dtype == 'd') launch<simple_product_grad_kernel<double>>({blocks, threads, 0, stream}, q, ins[0].as<char>(), ins[2].as<char>());
    else launch<simple_product_grad_kernel<float>>({blocks, threads, 0, stream}, q, ins[0].as<char>(), ins[2].as<char>());
}

namespace integers {

GPUDL_KERNEL(cumsum, GPUDL_TO_64) {
    const Lines q(outs[0], ins[0], attrs[0].integer, attrs[1].integer != 0);
    if (q.outer * q.n * q.inner > 0) launch_lines<Running<int64_t, false>>(q, stream);
}

GPUDL_KERNEL(cumprod, GPUDL_TO_64) {
    const Lines q(outs[0], ins[0], attrs[0].integer, false);
    if (q.outer * q.n * q.inner > 0) launch_lines<Running<int64_t, true>>(q, stream);
}

}  // namespace integers

}  // namespace gpudl
