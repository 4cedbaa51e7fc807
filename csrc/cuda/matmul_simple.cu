// Multiplies matrices of any dtype, size and strides: the last candidate, and what the others are compared with.
//
// thread ↔ element: one thread a number of y, neighbours along a row. bytes moved per element: a row of a and a column of b, mostly from
// caches. expected bound: latency; nobody should wait for this kernel. Every 128 products are summed by themselves before they are added.
#include <gpudl/erased.h>
#include <gpudl/platform.h>

#include "column_sums.cuh"
#include "epilogue.cuh"

namespace gpudl {
namespace {

constexpr int threads = 256, chunk = 128;

// Where an element of y is, and where its row of a and its column of b begin, in elements.
struct Spot {
    int64_t batch, row, column, offsets[2];
};

struct Sizes {
    int64_t m, n, k, count;
    MatmulOperand a, b;
    Layout<2> batches;

    __device__ Spot at(int64_t i) const {
        Spot s;
        const int64_t line = i / n;
        s.column = i - line * n;
        s.batch = line / m;
        s.row = line - s.batch * m;
        batches.offsets_at(s.batch, s.offsets);
        s.offsets[0] += s.row * a.outer;
        s.offsets[1] += s.column * b.outer;
        return s;
    }
};

template <class T, class C> __global__ void __launch_bounds__(threads)
    matmul_kernel(const __grid_constant__ Sizes p, const __grid_constant__ Finish<T, C> finish) {
    for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < p.count; i += int64_t(gridDim.x) * threads) {
        const Spot s = p.at(i);
        const T *a = static_cast<const T*>(p.a.data) + s.offsets[0], *b = static_cast<const T*>(p.b.data) + s.offsets[1];
        C total = C(0);
        for (int64_t first = 0; first < p.k; first += chunk) {
            const int64_t end = min(first + int64_t(chunk), p.k);
            C sum = C(0);
            for (int64_t k = first; k < end; k++) sum += C(wide(a[k * p.a.k])) * C(wide(b[k * p.b.k]));
            total += sum;
        }
        finish.write(total, s.batch, s.row, s.column);
    }
}

// Integers wrap around; of bools, whether any pair is true.
template <class Class> __global__ void __launch_bounds__(threads)
    matmul_integer_kernel(const __grid_constant__ Sizes p, char* y, char dtype, int64_t bytes) {
    for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < p.count; i += int64_t(gridDim.x) * threads) {
        const Spot s = p.at(i);
        const char* a = static_cast<const char*>(p.a.data) + s.offsets[0] * bytes;
        const char* b = static_cast<const char*>(p.b.data) + s.offsets[1] * bytes;
        typename Class::Value total = 0;
        for (int64_t k = 0; k < p.k; k++) {
            const auto x = Class::load(a + k * p.a.k * bytes, dtype), z = Class::load(b + k * p.b.k * bytes, dtype);
            if constexpr (std::is_same_v<Class, erased::Truth>) total = total || (x && z);
            else total = int64_t(uint64_t(total) + uint64_t(x) * uint64_t(z));
        }
        Class::store(y + i * bytes, dtype, total);
    }
}

}  // namespace

void launch_matmul_simple(const MatmulProblem& p, Stream stream) {
    const Sizes sizes = {p.m, p.n, p.k, p.batches.size * p.m * p.n, p.a, p.b, p.batches};
    const Launch how = {dim3(unsigned(std::min<int64_t>((sizes.count + threads - 1) / threads, 65536))), threads, 0, stream};
    if (p.dtype == '?')
        return launch<matmul_integer_kernel<erased::Truth>>(how, sizes, static_cast<char*>(p.epilogue.y), p.dtype, p.bytes());
    for_float_dtype(p.dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = decltype(wide(zero));
        launch<matmul_kernel<T, C>>(how, sizes, finish_of<T, C>(p.epilogue));
        sum_columns_of_y<T, C>(p, stream);
    });
    if (p.dtype == 'f' || p.dtype == 'd' || p.dtype == 'e' || p.dtype == 'E') return;
    launch<matmul_integer_kernel<erased::Integer>>(how, sizes, static_cast<char*>(p.epilogue.y), p.dtype, p.bytes());
}

}  // namespace gpudl
