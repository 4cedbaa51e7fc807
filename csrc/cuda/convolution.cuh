// What kernels of convolutions share: sums of many terms, where an element lies, and the join of partial sums.
#pragma once
#include <gpudl/platform.h>

#include "convolution.h"
#include "epilogue.cuh"

namespace gpudl {
namespace convolution {

template <class T> using WideOf = decltype(wide(T{}));

// A sum whose error does not grow with its length: 64 terms make a part, 64 parts a total.
template <class C> struct LongSum {
    C few = C(0), many = C(0), all = C(0);
    unsigned count = 0;
    __device__ __forceinline__ void add(C x) {
        few += x;
        if (++count % 64 == 0) {
            many += few;
            few = C(0);
            if (count % 4096 == 0) {
                all += many;
                many = C(0);
            }
        }
    }
    __device__ __forceinline__ C total() const { return all + (many + few); }
};

// Finds (n, row, column, channel) of an element of an image or an output; `pixel` counts from the first one.
struct Pixels {
    Divisor channels, columns, rows;
    int64_t channels_n, columns_n, rows_n;
    Pixels(int64_t h, int64_t w, int64_t c) : channels_n(c), columns_n(w), rows_n(h) {
        if (c > 0) channels = Divisor(c);
        if (w > 0) columns = Divisor(w);
        if (h > 0) rows = Divisor(h);
    }
    struct At {
        int64_t pixel, n;
        int row, column, channel;
    };
    GPUDL_HOST_DEVICE At at(int64_t i) const {
        const int64_t a = channels.divide(i), b = columns.divide(a), n = rows.divide(b);
        return {a, n, int(b - n * rows_n), int(a - b * columns_n), int(i - a * channels_n)};
    }
};

// Partial sums of a result, `splits` of them `size` numbers apart: a block takes 32 neighbouring results, its 8 rows every eighth split each.
// bytes moved per result: 4 (8) a split, and one item. expected bound: memory bandwidth, of the L2 cache mostly.
constexpr int join_rows = 8;

template <class T> __global__ void __launch_bounds__(32 * join_rows)
    join_splits_kernel(const __grid_constant__ Finish<T, WideOf<T>> finish, const WideOf<T>* partial, int64_t size, int columns,
                       int splits) {
    using C = WideOf<T>;
    GPUDL_SHARED_ARRAY(C, held, [join_rows][32]);
    const int lane = int(threadIdx.x) % 32, row = int(threadIdx.x) / 32;
    const int64_t i = int64_t(blockIdx.x) * 32 + lane;
    C sum = C(0);
    if (i < size) {
        for (int split = row; split < splits; split += join_rows) sum += partial[split * size + i];
    }
    held[row][lane] = sum;
    __syncthreads();
    if (row == 0 && i < size) {
        for (int other = 1; other < join_rows; other++) sum += held[other][lane];
        finish.write(sum, 0, i / columns, i % columns);
    }
}

template <class T>
void join_splits(const Epilogue& e, const WideOf<T>* partial, int64_t size, int64_t columns, int64_t splits, Stream stream) {
    launch<join_splits_kernel<T>>({unsigned((size + 31) / 32), 32 * join_rows, 0, stream}, finish_of<T, WideOf<T>>(e), partial, size,
                                  columns, splits);
}

}  // namespace convolution
}  // namespace gpudl
